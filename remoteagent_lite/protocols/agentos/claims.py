"""Claims: of several that want to begin the same run, an AgentOS lets one. No I/O.

A claim is an empty session, whose id can be made once.
"""

from __future__ import annotations

from typing import Optional

from ...modelling.base import Model
from ...wire import Request, Response
from ..component import Component
from ..contract import Call
from ..jsontext import model_of
from .refusals import meaning

__all__ = ["SessionClaims"]

_ON_SESSIONS = meaning("POST sessions")


class SessionClaims:
    """Makes the calls about claims to runs of one component."""

    def __init__(self, base_url: str, component: Component, component_id: str) -> None:
        self._url = base_url + "/sessions"
        self._component = component
        self._id = component_id

    def claim(self, claim_id: str, key: str, db_id: Optional[str]) -> Call[None]:
        """POST /sessions: of several that make the same one, all but one get a ConflictError."""
        kind = self._component.kind
        session = {
            "session_id": claim_id,
            "session_name": "once: " + key,
            self._component.id_field: self._id,
        }
        params = [("type", kind)] + ([("db_id", db_id)] if db_id else [])
        return Call(Request("POST", self._url, params=params, json=session), _nothing, _ON_SESSIONS)

    def note(self, claim_id: str, run_id: str, db_id: Optional[str]) -> Call[None]:
        """PATCH /sessions/{id}: write the id that the server gave to the run into its claim."""
        params = [("type", self._component.kind)] + ([("db_id", db_id)] if db_id else [])
        url = "%s/%s" % (self._url, claim_id)
        request = Request("PATCH", url, params=params, json={"session_name": run_id})
        return Call(request, _nothing, _ON_SESSIONS)

    def noted(self, claim_id: str, db_id: Optional[str]) -> Call[Optional[str]]:
        """GET /sessions/{id}: the id written into a claim."""
        params = [("type", self._component.kind)] + ([("db_id", db_id)] if db_id else [])
        url = "%s/%s" % (self._url, claim_id)

        def parse(response: Response) -> Optional[str]:
            name = model_of(response, Model).__dict__.get("session_name")
            return name if isinstance(name, str) and not name.startswith("once: ") else None

        return Call(Request("GET", url, params=params), parse, _ON_SESSIONS)

    def release(self, claim_id: str, db_id: Optional[str]) -> Call[None]:
        """DELETE /sessions/{id}"""
        params = [("db_id", db_id)] if db_id else None
        url = "%s/%s" % (self._url, claim_id)
        return Call(Request("DELETE", url, params=params), _nothing, _ON_SESSIONS)


def _nothing(response: Response) -> None:
    """The status has said it all."""
