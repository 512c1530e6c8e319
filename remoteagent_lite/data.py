"""The server's data of one database or knowledge base."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from . import models
from ._connection import Connection
from ._wire import Call, Request
from .protocols.answers import model_of
from .protocols.query import query

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .models import PaginatedResponseSessionSchema, PaginatedResponseVectorSearchResult
    from .options import CallOptions

__all__ = ["RemoteDb", "RemoteKnowledge"]


class RemoteDb:
    """One database of an AgentOS. Every method blocks; any thread may call them.

    Every request names the database, so that servers with several of them answer.
    """

    def __init__(self, connection: Connection, db_id: str) -> None:
        self.id = db_id
        self._connection = connection

    def get_sessions(
        self,
        *,
        type: Optional[str] = None,
        component_id: Optional[str] = None,
        user_id: Optional[str] = None,
        session_name: Optional[str] = None,
        limit: Optional[int] = None,
        page: Optional[int] = None,
        sort_by: Optional[str] = None,
        sort_order: Optional[str] = None,
        table: Optional[str] = None,
        **options: Unpack[CallOptions],
    ) -> PaginatedResponseSessionSchema:
        """One page of sessions: ``data`` and ``meta``. ``page`` counts from 1. GET /sessions"""
        params = query(
            db_id=self.id,
            type=type,
            component_id=component_id,
            user_id=user_id,
            session_name=session_name,
            limit=limit,
            page=page,
            sort_by=sort_by,
            sort_order=sort_order,
            table=table,
        )
        request = Request("GET", self._connection.base_url + "/sessions", params=params)
        model = models.PaginatedResponseSessionSchema
        call = Call(request, lambda response: model_of(response, model))
        return self._connection.send(call, options)

    def __repr__(self) -> str:
        return "RemoteDb(%r at %s)" % (self.id, self._connection.base_url)


class RemoteKnowledge:
    """One knowledge base of an AgentOS. Every method blocks; any thread may call them."""

    def __init__(self, connection: Connection, db_id: Optional[str]) -> None:
        self.db_id = db_id
        self._connection = connection

    def search(
        self,
        query: str,
        *,
        max_results: Optional[int] = None,
        filters: Any = None,
        search_type: Optional[str] = None,
        **options: Unpack[CallOptions],
    ) -> PaginatedResponseVectorSearchResult:
        """Passages that fit ``query``, best first: ``data`` and ``meta``. POST /knowledge/search"""
        body = {
            "query": query,
            "db_id": self.db_id,
            "max_results": max_results,
            "filters": filters,
            "search_type": search_type,
        }
        request = Request(
            "POST",
            self._connection.base_url + "/knowledge/search",
            json={name: value for name, value in body.items() if value is not None},
        )
        request.safe = True  # it only reads
        model = models.PaginatedResponseVectorSearchResult
        call = Call(request, lambda response: model_of(response, model))
        return self._connection.send(call, options)

    def __repr__(self) -> str:
        return "RemoteKnowledge(db_id=%r at %s)" % (self.db_id, self._connection.base_url)
