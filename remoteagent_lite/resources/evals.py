"""Evaluations of agents and teams, and the server's metrics."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, List, Mapping, Optional, Sequence, Union

from .. import models
from ..protocols.agentos.endpoints import metrics_refreshed, nothing, one, one_or_none
from ._resource import Resource, each

if TYPE_CHECKING:
    from typing import Literal

    from typing_extensions import Unpack

    from ..models import (
        DayAggregatedMetrics,
        EvalFilterType,
        EvalSchema,
        EvalType,
        MetricsRefreshResponse,
        MetricsRefreshStatusResponse,
        MetricsResponse,
        PaginatedResponseEvalSchema,
        SortOrder,
    )
    from ..options import TableOptions

    #: A day, or its ISO text.
    Day = Union[str, datetime.date]

__all__ = ["Evals", "Metrics"]


class Evals(Resource):
    """Evaluations."""

    def create_eval_run(
        self,
        eval_type: EvalType,
        input_text: str,
        *,
        agent_id: Optional[str] = None,
        team_id: Optional[str] = None,
        model_id: Optional[str] = None,
        model_provider: Optional[str] = None,
        name: Optional[str] = None,
        expected_output: Optional[str] = None,
        expected_tool_calls: Optional[Sequence[str]] = None,
        allow_additional_tool_calls: Optional[bool] = None,
        expected_tool_call_arguments: Optional[Mapping[str, Any]] = None,
        criteria: Optional[str] = None,
        scoring_strategy: Optional[Literal["numeric", "binary"]] = None,
        threshold: Optional[int] = None,
        num_iterations: Optional[int] = None,
        warmup_runs: Optional[int] = None,
        additional_guidelines: Optional[str] = None,
        additional_context: Optional[str] = None,
        **options: Unpack[TableOptions],
    ) -> Optional[EvalSchema]:
        """Run the agent or team on ``input_text`` and judge it. POST /eval-runs

        Blocks until that is done: mind ``timeout``. InvalidRequestError without agent_id or
        team_id. None if the server has nothing to tell.
        """
        return self._send(
            "POST /eval-runs",
            one_or_none,
            locals(),
            "eval_type input_text agent_id team_id model_id model_provider name expected_output "
            "expected_tool_calls allow_additional_tool_calls expected_tool_call_arguments "
            "criteria scoring_strategy threshold num_iterations warmup_runs "
            "additional_guidelines additional_context",
        )

    run_eval = create_eval_run

    def get_eval_runs(
        self,
        *,
        agent_id: Optional[str] = None,
        team_id: Optional[str] = None,
        workflow_id: Optional[str] = None,
        model_id: Optional[str] = None,
        filter_type: Optional[EvalFilterType] = None,
        eval_types: Optional[Sequence[EvalType]] = None,
        limit: Optional[int] = None,
        page: Optional[int] = None,
        sort_by: Optional[str] = None,
        sort_order: Optional[SortOrder] = None,
        **options: Unpack[TableOptions],
    ) -> PaginatedResponseEvalSchema:
        """One page of evaluations: ``data`` and ``meta``. GET /eval-runs"""
        return self._send("GET /eval-runs", one(models.PaginatedResponseEvalSchema), locals())

    list_eval_runs = get_eval_runs
    iter_eval_runs = each(get_eval_runs)

    def get_eval_run(self, eval_run_id: str, **options: Unpack[TableOptions]) -> EvalSchema:
        """One evaluation. NotFoundError. GET /eval-runs/{id}"""
        return self._send("GET /eval-runs/{eval_run_id}", one(models.EvalSchema), locals())

    def update_eval_run(
        self, eval_run_id: str, name: str, **options: Unpack[TableOptions]
    ) -> EvalSchema:
        """Give it another name. NotFoundError. PATCH /eval-runs/{id}"""
        return self._send(
            "PATCH /eval-runs/{eval_run_id}", one(models.EvalSchema), locals(), "name"
        )

    def delete_eval_runs(
        self, eval_run_ids: Sequence[str], **options: Unpack[TableOptions]
    ) -> None:
        """Delete those that exist. DELETE /eval-runs"""
        self._send("DELETE /eval-runs", nothing, locals(), "eval_run_ids")


class Metrics(Resource):
    """What was used, by days."""

    def get_metrics(
        self,
        starting_date: Optional[Day] = None,
        ending_date: Optional[Day] = None,
        *,
        user_id: Optional[str] = None,
        **options: Unpack[TableOptions],
    ) -> MetricsResponse:
        """The metrics as of the last refresh. Days are dates or ISO texts. GET /metrics"""
        return self._send("GET /metrics", one(models.MetricsResponse), locals())

    def refresh_metrics(
        self,
        *,
        user_id: Optional[str] = None,
        background: Optional[bool] = None,
        **options: Unpack[TableOptions],
    ) -> Union[List[DayAggregatedMetrics], MetricsRefreshResponse]:
        """Compute the metrics anew. POST /metrics/refresh

        ``background=True`` returns at once with a MetricsRefreshResponse, from Agno 2.9 on; follow
        it by ``get_metrics_refresh_status``. Otherwise the answer is the metrics that changed.
        """
        return self._send("POST /metrics/refresh", metrics_refreshed, locals())

    def get_metrics_refresh_status(
        self, **options: Unpack[TableOptions]
    ) -> MetricsRefreshStatusResponse:
        """Whether it is "idle", "running", "completed" or "failed".

        GET /metrics/refresh/status (Agno 2.9)
        """
        return self._send(
            "GET /metrics/refresh/status",
            one(models.MetricsRefreshStatusResponse),
            locals(),
            since="2.9",
        )
