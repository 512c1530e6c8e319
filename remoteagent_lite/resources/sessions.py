"""Sessions and the runs stored in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Mapping, Optional, Sequence, Union

from .. import models
from ..protocols.agentos.endpoints import (
    file_of,
    many,
    nothing,
    one,
    run_row,
    run_rows,
    session_detail,
)
from ._resource import Resource, each

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..media import File
    from ..models import (
        PaginatedResponseSessionSchema,
        SessionRunPreviewSchema,
        SessionType,
        SortOrder,
    )
    from ..options import DatabaseOptions, TableOptions
    from ..protocols.agentos.endpoints import RunRow, SessionDetail

__all__ = ["Sessions"]


class Sessions(Resource):
    """Sessions. A session's details and runs come as what they are: an agent's, a team's, ...

    Before Agno 2.9 a server takes every session for an agent's unless ``session_type`` is given.
    """

    def create_session(
        self,
        session_type: Optional[SessionType] = None,
        *,
        session_id: Optional[str] = None,
        user_id: Optional[str] = None,
        session_name: Optional[str] = None,
        session_state: Optional[Mapping[str, Any]] = None,
        metadata: Optional[Mapping[str, Any]] = None,
        agent_id: Optional[str] = None,
        team_id: Optional[str] = None,
        workflow_id: Optional[str] = None,
        **options: Unpack[DatabaseOptions],
    ) -> SessionDetail:
        """Make an empty session, an agent's unless said otherwise. POST /sessions

        ConflictError: the id exists. (Before Agno 2.9 the session is replaced instead.)
        """
        return self._send(
            "POST /sessions",
            session_detail,
            locals(),
            "session_id user_id session_name session_state metadata agent_id team_id workflow_id",
        )

    def get_sessions(
        self,
        session_type: Optional[SessionType] = None,
        *,
        component_id: Optional[str] = None,
        user_id: Optional[str] = None,
        session_name: Optional[str] = None,
        limit: Optional[int] = None,
        page: Optional[int] = None,
        sort_by: Optional[str] = None,
        sort_order: Optional[SortOrder] = None,
        **options: Unpack[TableOptions],
    ) -> PaginatedResponseSessionSchema:
        """One page of sessions: ``data`` and ``meta``. ``page`` counts from 1. GET /sessions"""
        return self._send("GET /sessions", one(models.PaginatedResponseSessionSchema), locals())

    iter_sessions = each(get_sessions)

    def get_session(
        self,
        session_id: str,
        session_type: Optional[SessionType] = None,
        *,
        user_id: Optional[str] = None,
        **options: Unpack[TableOptions],
    ) -> SessionDetail:
        """One session with its history. NotFoundError. GET /sessions/{id}"""
        return self._send("GET /sessions/{session_id}", session_detail, locals())

    def get_session_runs(
        self,
        session_id: str,
        session_type: Optional[SessionType] = None,
        *,
        user_id: Optional[str] = None,
        created_after: Optional[int] = None,
        created_before: Optional[int] = None,
        status: Union[str, Sequence[str], None] = None,
        **options: Unpack[TableOptions],
    ) -> List[RunRow]:
        """All runs of a session. Times are seconds since 1970. GET /sessions/{id}/runs

        Before Agno 3.1 ``status`` is ignored.
        """
        return self._send("GET /sessions/{session_id}/runs", run_rows, locals())

    def get_session_run_previews(
        self,
        session_id: str,
        session_type: Optional[SessionType] = None,
        *,
        user_id: Optional[str] = None,
        created_after: Optional[int] = None,
        created_before: Optional[int] = None,
        status: Union[str, Sequence[str], None] = None,
        **options: Unpack[TableOptions],
    ) -> List[SessionRunPreviewSchema]:
        """The runs without their messages. GET /sessions/{id}/run-previews (Agno 3.1)"""
        return self._send(
            "GET /sessions/{session_id}/run-previews",
            many(models.SessionRunPreviewSchema),
            locals(),
            since="3.1",
        )

    def get_session_run(
        self,
        session_id: str,
        run_id: str,
        session_type: Optional[SessionType] = None,
        *,
        user_id: Optional[str] = None,
        **options: Unpack[TableOptions],
    ) -> RunRow:
        """One run of a session. NotFoundError. GET /sessions/{id}/runs/{run_id}"""
        return self._send("GET /sessions/{session_id}/runs/{run_id}", run_row, locals())

    def get_session_media(
        self,
        session_id: str,
        storage_key: str,
        session_type: Optional[SessionType] = None,
        *,
        user_id: Optional[str] = None,
        **options: Unpack[TableOptions],
    ) -> File:
        """A picture, sound or document of the session that the server keeps in a media storage.

        ``storage_key`` is that of the ``media_reference`` in a run. All of it is read into memory.
        NotFoundError; UnsupportedError where the server has no media storage.
        GET /sessions/{id}/media/{storage_key} (Agno 3.1)
        """
        return self._send(
            "GET /sessions/{session_id}/media/{storage_key:path}", file_of, locals(), since="3.1"
        )

    def rename_session(
        self,
        session_id: str,
        session_name: str,
        session_type: Optional[SessionType] = None,
        *,
        user_id: Optional[str] = None,
        **options: Unpack[TableOptions],
    ) -> SessionDetail:
        """Give it another name. NotFoundError. POST /sessions/{id}/rename"""
        return self._send(
            "POST /sessions/{session_id}/rename", session_detail, locals(), "session_name"
        )

    def update_session(
        self,
        session_id: str,
        session_type: Optional[SessionType] = None,
        *,
        session_name: Optional[str] = None,
        session_state: Optional[Mapping[str, Any]] = None,
        metadata: Optional[Mapping[str, Any]] = None,
        summary: Optional[Mapping[str, Any]] = None,
        user_id: Optional[str] = None,
        **options: Unpack[TableOptions],
    ) -> SessionDetail:
        """Replace what is given, whole: objects are not merged. PATCH /sessions/{id}"""
        return self._send(
            "PATCH /sessions/{session_id}",
            session_detail,
            locals(),
            "session_name session_state metadata summary",
        )

    def delete_session(
        self,
        session_id: str,
        *,
        user_id: Optional[str] = None,
        delete_media: Optional[bool] = None,
        **options: Unpack[TableOptions],
    ) -> None:
        """Delete it, if it exists. DELETE /sessions/{id}"""
        self._send("DELETE /sessions/{session_id}", nothing, locals())

    def delete_sessions(
        self,
        session_ids: Sequence[str],
        session_types: Sequence[SessionType],
        *,
        user_id: Optional[str] = None,
        delete_media: Optional[bool] = None,
        **options: Unpack[TableOptions],
    ) -> None:
        """Delete several; the types go with the ids, one by one. DELETE /sessions"""
        self._send("DELETE /sessions", nothing, locals(), "session_ids session_types")
