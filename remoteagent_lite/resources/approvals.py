"""Approvals: tools that wait for an administrator's word. The server needs its own database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Mapping, Optional

from .. import models
from ..protocols.agentos.endpoints import nothing, one
from ._resource import Resource, each

if TYPE_CHECKING:
    from typing import Literal

    from typing_extensions import Unpack

    from ..models import (
        ApprovalCountResponse,
        ApprovalResponse,
        ApprovalStatusResponse,
        PaginatedResponseApprovalResponse,
    )
    from ..options import CallOptions

__all__ = ["Approvals"]


class Approvals(Resource):
    """Approvals (Agno 2.9). Times in them are seconds since 1970."""

    def get_approvals(
        self,
        *,
        status: Optional[Literal["pending", "approved", "rejected", "expired", "cancelled"]] = None,
        source_type: Optional[str] = None,
        approval_type: Optional[Literal["required", "audit"]] = None,
        pause_type: Optional[str] = None,
        agent_id: Optional[str] = None,
        team_id: Optional[str] = None,
        workflow_id: Optional[str] = None,
        user_id: Optional[str] = None,
        schedule_id: Optional[str] = None,
        run_id: Optional[str] = None,
        limit: Optional[int] = None,
        page: Optional[int] = None,
        **options: Unpack[CallOptions],
    ) -> PaginatedResponseApprovalResponse:
        """One page of approvals: ``data`` and ``meta``. GET /approvals"""
        return self._send(
            "GET /approvals", one(models.PaginatedResponseApprovalResponse), locals(), since="2.9"
        )

    iter_approvals = each(get_approvals)

    def get_approval_count(
        self, *, user_id: Optional[str] = None, **options: Unpack[CallOptions]
    ) -> ApprovalCountResponse:
        """How many are pending: ``count``. GET /approvals/count"""
        return self._send(
            "GET /approvals/count", one(models.ApprovalCountResponse), locals(), since="2.9"
        )

    def get_approval(self, approval_id: str, **options: Unpack[CallOptions]) -> ApprovalResponse:
        """One approval. NotFoundError. GET /approvals/{id}"""
        return self._send(
            "GET /approvals/{approval_id}", one(models.ApprovalResponse), locals(), since="2.9"
        )

    def get_approval_status(
        self, approval_id: str, **options: Unpack[CallOptions]
    ) -> ApprovalStatusResponse:
        """Its state only, for polling. NotFoundError. GET /approvals/{id}/status"""
        return self._send(
            "GET /approvals/{approval_id}/status",
            one(models.ApprovalStatusResponse),
            locals(),
            since="2.9",
        )

    def resolve_approval(
        self,
        approval_id: str,
        status: Literal["approved", "rejected"],
        *,
        resolved_by: Optional[str] = None,
        resolution_data: Optional[Mapping[str, Any]] = None,
        **options: Unpack[CallOptions],
    ) -> ApprovalResponse:
        """Decide it; the run that waits has to be continued. POST /approvals/{id}/resolve

        NotFoundError; ConflictError if it is decided already.
        """
        return self._send(
            "POST /approvals/{approval_id}/resolve",
            one(models.ApprovalResponse),
            locals(),
            "status resolved_by resolution_data",
            since="2.9",
        )

    def delete_approval(self, approval_id: str, **options: Unpack[CallOptions]) -> None:
        """Delete its record. DELETE /approvals/{id}"""
        self._send("DELETE /approvals/{approval_id}", nothing, locals(), since="2.9")
