"""Traces: what happened inside of runs. There are some only if the server records them."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, Mapping, Optional, Type, Union, overload

from .. import models
from ..protocols.agentos.endpoints import one
from ._resource import Resource, each

if TYPE_CHECKING:
    from typing import Literal

    from typing_extensions import Unpack

    from ..models import (
        FilterSchemaResponse,
        PaginatedResponseTraceDetail,
        PaginatedResponseTraceSessionStats,
        PaginatedResponseTraceSummary,
        TraceDetail,
        TraceNode,
        TraceSearchGroupBy,
    )
    from ..options import CallOptions, DatabaseOptions

    #: A time with its zone, or its ISO text.
    Time = Union[str, datetime.datetime]

__all__ = ["Traces"]


class Traces(Resource):
    """Traces of runs. Times are datetimes with a time zone, or ISO texts."""

    def get_traces(
        self,
        *,
        run_id: Optional[str] = None,
        session_id: Optional[str] = None,
        user_id: Optional[str] = None,
        agent_id: Optional[str] = None,
        team_id: Optional[str] = None,
        workflow_id: Optional[str] = None,
        status: Optional[Literal["OK", "ERROR"]] = None,
        start_time: Optional[Time] = None,
        end_time: Optional[Time] = None,
        limit: Optional[int] = None,
        page: Optional[int] = None,
        **options: Unpack[DatabaseOptions],
    ) -> PaginatedResponseTraceSummary:
        """One page of traces: ``data`` and ``meta``. ``page`` counts from 1. GET /traces"""
        return self._send("GET /traces", one(models.PaginatedResponseTraceSummary), locals())

    iter_traces = each(get_traces)

    @overload
    def get_trace(
        self,
        trace_id: str,
        *,
        span_id: None = None,
        run_id: Optional[str] = None,
        **options: Unpack[DatabaseOptions],
    ) -> TraceDetail: ...

    @overload
    def get_trace(
        self,
        trace_id: str,
        *,
        span_id: str,
        run_id: Optional[str] = None,
        **options: Unpack[DatabaseOptions],
    ) -> TraceNode: ...

    def get_trace(
        self,
        trace_id: str,
        *,
        span_id: Optional[str] = None,
        run_id: Optional[str] = None,
        **options: Unpack[DatabaseOptions],
    ) -> Union[TraceDetail, TraceNode]:
        """One trace with its tree of spans, or one span of it. NotFoundError. GET /traces/{id}"""
        return self._send("GET /traces/{trace_id}", one(_detail_model(span_id)), locals())

    def get_trace_session_stats(
        self,
        *,
        user_id: Optional[str] = None,
        agent_id: Optional[str] = None,
        team_id: Optional[str] = None,
        workflow_id: Optional[str] = None,
        start_time: Optional[Time] = None,
        end_time: Optional[Time] = None,
        limit: Optional[int] = None,
        page: Optional[int] = None,
        **options: Unpack[DatabaseOptions],
    ) -> PaginatedResponseTraceSessionStats:
        """One page of sessions and how many traces each has. GET /trace_session_stats"""
        return self._send(
            "GET /trace_session_stats", one(models.PaginatedResponseTraceSessionStats), locals()
        )

    iter_trace_session_stats = each(get_trace_session_stats)

    @overload
    def search_traces(
        self,
        filter_expr: Optional[Mapping[str, Any]] = None,
        *,
        group_by: Literal["run"] = "run",
        limit: Optional[int] = None,
        page: Optional[int] = None,
        **options: Unpack[DatabaseOptions],
    ) -> PaginatedResponseTraceDetail: ...

    @overload
    def search_traces(
        self,
        filter_expr: Optional[Mapping[str, Any]] = None,
        *,
        group_by: Literal["session"],
        limit: Optional[int] = None,
        page: Optional[int] = None,
        **options: Unpack[DatabaseOptions],
    ) -> PaginatedResponseTraceSessionStats: ...

    def search_traces(
        self,
        filter_expr: Optional[Mapping[str, Any]] = None,
        *,
        group_by: TraceSearchGroupBy = "run",
        limit: Optional[int] = None,
        page: Optional[int] = None,
        **options: Unpack[DatabaseOptions],
    ) -> Union[PaginatedResponseTraceDetail, PaginatedResponseTraceSessionStats]:
        """Traces that fit a filter, or the sessions they belong to. POST /traces/search (Agno 2.9)

        A filter is ``{"op": "EQ", "key": "status", "value": "OK"}`` or ``{"op": "AND",
        "conditions": [...]}``; ``get_trace_filter_schema`` tells keys and operators.
        """
        return self._send(
            "POST /traces/search",
            one(_page_model(group_by)),
            locals(),
            "filter_expr group_by limit page",
            since="2.9",
        )

    def get_trace_filter_schema(self, **options: Unpack[CallOptions]) -> FilterSchemaResponse:
        """What ``search_traces`` can filter by. GET /traces/filter-schema (Agno 2.9)"""
        return self._send(
            "GET /traces/filter-schema", one(models.FilterSchemaResponse), locals(), since="2.9"
        )


def _detail_model(span_id: Optional[str]) -> Type[Union[TraceDetail, TraceNode]]:
    return models.TraceDetail if span_id is None else models.TraceNode


def _page_model(
    group_by: str,
) -> Type[Union[PaginatedResponseTraceDetail, PaginatedResponseTraceSessionStats]]:
    if group_by == "session":
        return models.PaginatedResponseTraceSessionStats
    return models.PaginatedResponseTraceDetail
