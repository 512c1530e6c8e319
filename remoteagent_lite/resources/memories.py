"""What agents remember of their users."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, Optional, Sequence, Union

from .. import models
from ..protocols.agentos.endpoints import nothing, one, texts
from ._resource import Resource, each

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..models import (
        OptimizeMemoriesResponse,
        PaginatedResponseUserMemorySchema,
        PaginatedResponseUserStatsSchema,
        SortOrder,
        UserMemorySchema,
    )
    from ..options import TableOptions

__all__ = ["Memories"]


class Memories(Resource):
    """Memories about users."""

    def create_memory(
        self,
        memory: str,
        user_id: Optional[str] = None,
        topics: Optional[Sequence[str]] = None,
        **options: Unpack[TableOptions],
    ) -> UserMemorySchema:
        """Remember ``memory``. InvalidRequestError without a user_id. POST /memories"""
        return self._send(
            "POST /memories", one(models.UserMemorySchema), locals(), "memory user_id topics"
        )

    def get_memories(
        self,
        user_id: Optional[str] = None,
        *,
        agent_id: Optional[str] = None,
        team_id: Optional[str] = None,
        topics: Union[str, Sequence[str], None] = None,
        search_content: Optional[str] = None,
        limit: Optional[int] = None,
        page: Optional[int] = None,
        sort_by: Optional[str] = None,
        sort_order: Optional[SortOrder] = None,
        **options: Unpack[TableOptions],
    ) -> PaginatedResponseUserMemorySchema:
        """One page of memories, of those with all ``topics``: ``data``, ``meta``. GET /memories"""
        return self._send("GET /memories", one(models.PaginatedResponseUserMemorySchema), locals())

    list_memories = get_memories
    iter_memories = each(get_memories)

    def get_memory(
        self, memory_id: str, *, user_id: Optional[str] = None, **options: Unpack[TableOptions]
    ) -> UserMemorySchema:
        """One memory. NotFoundError. GET /memories/{id}"""
        return self._send("GET /memories/{memory_id}", one(models.UserMemorySchema), locals())

    def update_memory(
        self,
        memory_id: str,
        memory: str,
        user_id: Optional[str] = None,
        topics: Optional[Sequence[str]] = None,
        **options: Unpack[TableOptions],
    ) -> UserMemorySchema:
        """Replace it whole: topics that are not given are gone. PATCH /memories/{id}

        The server makes a memory of an id that it does not know.
        """
        return self._send(
            "PATCH /memories/{memory_id}",
            one(models.UserMemorySchema),
            locals(),
            "memory user_id topics",
        )

    def delete_memory(
        self, memory_id: str, *, user_id: Optional[str] = None, **options: Unpack[TableOptions]
    ) -> None:
        """Delete it, if it exists. DELETE /memories/{id}"""
        self._send("DELETE /memories/{memory_id}", nothing, locals())

    def delete_memories(
        self,
        memory_ids: Sequence[str],
        *,
        user_id: Optional[str] = None,
        **options: Unpack[TableOptions],
    ) -> None:
        """Delete several, at least one. DELETE /memories"""
        self._send("DELETE /memories", nothing, locals(), "memory_ids user_id")

    def get_memory_topics(
        self, *, user_id: Optional[str] = None, **options: Unpack[TableOptions]
    ) -> List[str]:
        """All topics in use (Agno 2.3: those of one memory only). GET /memory_topics"""
        return self._send("GET /memory_topics", texts, locals())

    def get_user_memory_stats(
        self,
        *,
        user_id: Optional[str] = None,
        limit: Optional[int] = None,
        page: Optional[int] = None,
        **options: Unpack[TableOptions],
    ) -> PaginatedResponseUserStatsSchema:
        """One page of users and how many memories each has. GET /user_memory_stats"""
        return self._send(
            "GET /user_memory_stats", one(models.PaginatedResponseUserStatsSchema), locals()
        )

    iter_user_memory_stats = each(get_user_memory_stats)

    def optimize_memories(
        self,
        user_id: str,
        *,
        model: Optional[str] = None,
        apply: Optional[bool] = None,
        **options: Unpack[TableOptions],
    ) -> OptimizeMemoriesResponse:
        """Let a model of the server sum a user's memories up. POST /optimize-memories

        ``model`` is "provider:id"; with ``apply=False`` nothing is changed. NotFoundError: the
        user has no memories; ServerError: the server's model failed, for instance for want of a
        key (the status code may be 401 then, which is not about your ``auth_token``).
        """
        return self._send(
            "POST /optimize-memories",
            one(models.OptimizeMemoriesResponse),
            locals(),
            "user_id model apply",
        )
