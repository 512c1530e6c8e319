"""The one interface of all that the gateway fronts."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Protocol

from ..protocols.component import Component
from .incoming import Answer, Caller, Incoming
from .narration import Json, Told
from .renewal import Look
from .upstream import Upstream

__all__ = ["Fronted", "Tasks"]


class Tasks(Protocol):
    """A2A's operations, with canonical parameters and results. All block; any thread may ask.

    They raise Fault for what is turned down, and RemoteAgentError where an upstream failed.
    """

    def send(self, params: Json, caller: Caller) -> Json: ...

    def stream(self, params: Json, caller: Caller) -> Told: ...

    def get(self, params: Json, caller: Caller) -> Json: ...

    def list(self, params: Json, caller: Caller) -> Json: ...

    def cancel(self, params: Json, caller: Caller) -> Json: ...

    def subscribe(self, params: Json, caller: Caller) -> Told: ...

    def create_push(self, params: Json, caller: Caller) -> Json: ...

    def get_push(self, params: Json, caller: Caller) -> Json: ...

    def list_pushes(self, params: Json, caller: Caller) -> Json: ...

    def delete_push(self, params: Json, caller: Caller) -> None: ...


class Fronted(Protocol):
    """An agent, team or workflow, as AgentOS's routes ask for it. Any thread may ask."""

    component: Component
    id: str

    @property
    def upstream(self) -> Optional[Upstream]:
        """The AgentOS that it is on, and that has its data; None where there is none."""
        ...

    @property
    def tasks(self) -> Tasks:
        """Its runs, as A2A has them."""
        ...

    def look(self, caller: Caller) -> Look:
        """What ``row`` is taken from. Does not block."""
        ...

    def row(self, seen: Any) -> Optional[Dict[str, Any]]:
        """Its row in ``GET /{kind}``; None where there is none. Does not block."""
        ...

    def serve(self, incoming: Incoming, rest: List[str]) -> Answer:
        """Answer a request whose path goes on with ``rest`` behind the component's id. Blocks."""
        ...
