"""Schedules: requests that the server sends itself, by the clock. It needs its own database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Optional

from .. import models
from ..protocols.agentos.endpoints import nothing, one
from ._resource import Resource, each

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..models import (
        PaginatedResponseScheduleResponse,
        PaginatedResponseScheduleRunResponse,
        ScheduleResponse,
        ScheduleRunResponse,
        ScheduleStateResponse,
    )
    from ..options import CallOptions

__all__ = ["Schedules"]

_FIELDS = (
    "name endpoint cron_expr method description payload timezone timeout_seconds max_retries "
    "retry_delay_seconds"
)


class Schedules(Resource):
    """Schedules (Agno 2.9). Times in them are seconds since 1970."""

    def create_schedule(
        self,
        name: str,
        endpoint: str,
        cron_expr: Optional[str] = None,
        *,
        method: Optional[str] = None,
        payload: Optional[Mapping[str, Any]] = None,
        description: Optional[str] = None,
        timezone: Optional[str] = None,
        timeout_seconds: Optional[int] = None,
        max_retries: Optional[int] = None,
        retry_delay_seconds: Optional[int] = None,
        **options: Unpack[CallOptions],
    ) -> ScheduleResponse:
        """Send ``payload`` to ``endpoint``, a path of the server, at the times of ``cron_expr``.

        Without ``cron_expr`` it runs when it is triggered (Agno 3.1). ConflictError: the name
        exists; InvalidRequestError: what the server does not understand. POST /schedules
        """
        return self._send(
            "POST /schedules", one(models.ScheduleResponse), locals(), _FIELDS, since="2.9"
        )

    def get_schedules(
        self,
        *,
        enabled: Optional[bool] = None,
        limit: Optional[int] = None,
        page: Optional[int] = None,
        **options: Unpack[CallOptions],
    ) -> PaginatedResponseScheduleResponse:
        """One page of schedules: ``data`` and ``meta``. GET /schedules"""
        return self._send(
            "GET /schedules", one(models.PaginatedResponseScheduleResponse), locals(), since="2.9"
        )

    iter_schedules = each(get_schedules)

    def get_schedule(self, schedule_id: str, **options: Unpack[CallOptions]) -> ScheduleResponse:
        """One schedule. NotFoundError. GET /schedules/{id}"""
        return self._send(
            "GET /schedules/{schedule_id}", one(models.ScheduleResponse), locals(), since="2.9"
        )

    def update_schedule(
        self,
        schedule_id: str,
        *,
        name: Optional[str] = None,
        endpoint: Optional[str] = None,
        cron_expr: Optional[str] = None,
        method: Optional[str] = None,
        payload: Optional[Mapping[str, Any]] = None,
        description: Optional[str] = None,
        timezone: Optional[str] = None,
        timeout_seconds: Optional[int] = None,
        max_retries: Optional[int] = None,
        retry_delay_seconds: Optional[int] = None,
        **options: Unpack[CallOptions],
    ) -> ScheduleResponse:
        """Change what is given. NotFoundError. PATCH /schedules/{id}"""
        return self._send(
            "PATCH /schedules/{schedule_id}",
            one(models.ScheduleResponse),
            locals(),
            _FIELDS,
            since="2.9",
        )

    def delete_schedule(self, schedule_id: str, **options: Unpack[CallOptions]) -> None:
        """Delete it. NotFoundError. DELETE /schedules/{id}"""
        self._send("DELETE /schedules/{schedule_id}", nothing, locals(), since="2.9")

    def enable_schedule(
        self, schedule_id: str, **options: Unpack[CallOptions]
    ) -> ScheduleStateResponse:
        """Let it run again. NotFoundError. POST /schedules/{id}/enable"""
        return self._send(
            "POST /schedules/{schedule_id}/enable",
            one(models.ScheduleStateResponse),
            locals(),
            since="2.9",
        )

    def disable_schedule(
        self, schedule_id: str, **options: Unpack[CallOptions]
    ) -> ScheduleStateResponse:
        """Keep it from running. NotFoundError. POST /schedules/{id}/disable"""
        return self._send(
            "POST /schedules/{schedule_id}/disable",
            one(models.ScheduleStateResponse),
            locals(),
            since="2.9",
        )

    def trigger_schedule(
        self, schedule_id: str, **options: Unpack[CallOptions]
    ) -> ScheduleRunResponse:
        """Run it now and wait for the end. POST /schedules/{id}/trigger

        ConflictError if it is disabled; ServerError if the server runs no scheduler.
        """
        return self._send(
            "POST /schedules/{schedule_id}/trigger",
            one(models.ScheduleRunResponse),
            locals(),
            since="2.9",
        )

    def get_schedule_runs(
        self,
        schedule_id: str,
        *,
        limit: Optional[int] = None,
        page: Optional[int] = None,
        **options: Unpack[CallOptions],
    ) -> PaginatedResponseScheduleRunResponse:
        """One page of its runs. NotFoundError. GET /schedules/{id}/runs"""
        return self._send(
            "GET /schedules/{schedule_id}/runs",
            one(models.PaginatedResponseScheduleRunResponse),
            locals(),
            since="2.9",
        )

    iter_schedule_runs = each(get_schedule_runs)

    def get_schedule_run(
        self, schedule_id: str, run_id: str, **options: Unpack[CallOptions]
    ) -> ScheduleRunResponse:
        """One of its runs. NotFoundError. GET /schedules/{id}/runs/{run_id}"""
        return self._send(
            "GET /schedules/{schedule_id}/runs/{run_id}",
            one(models.ScheduleRunResponse),
            locals(),
            since="2.9",
        )
