"""Who may do what, by the scopes of a token, as AgentOS checks them. No I/O.

A scope is ``resource:action`` or ``resource:id:action``, with ``*`` for every id; the one scope
``agent_os:admin`` covers all.
"""

from __future__ import annotations

from typing import Collection, NamedTuple, Optional, Sequence

__all__ = ["ADMIN", "Need", "may", "may_see", "need_of", "sees_any"]

ADMIN = "agent_os:admin"
#: The resource that the routes below a first segment belong to, where it is called otherwise.
_RESOURCES = {
    "databases": "config",
    "eval-runs": "evals",
    "memory_topics": "memories",
    "optimize-memories": "memories",
    "service-accounts": "service_accounts",
    "trace_session_stats": "traces",
    "user_memory_stats": "memories",
}
#: What a resource was called before.
_FORMERLY = {"system": "config"}
_COMPONENTS = ("agents", "teams", "workflows")
_ACTIONS = {"GET": "read", "DELETE": "delete"}
#: What only reads although it is posted.
_SEARCHES = (("knowledge", "search"), ("traces", "search"))


class Need(NamedTuple):
    """What a request takes. ``id`` is that of a component, for which a scope may be."""

    resource: str
    action: str
    id: Optional[str] = None

    def __str__(self) -> str:
        return "%s:%s" % (self.resource, self.action)


def need_of(method: str, segments: Sequence[str]) -> Need:
    """The scope that a request takes."""
    first = segments[0] if segments else ""
    action = _ACTIONS.get(method, "write")
    if tuple(segments[:2]) in _SEARCHES:
        action = "read"
    if first == "components" and segments[-1] == "restore":
        action = "delete"
    if first in _COMPONENTS and len(segments) > 1:
        below = len(segments) > 2
        return Need(first, "run" if below and action == "write" else action, segments[1])
    return Need(_RESOURCES.get(first, first), action)


def may(scopes: Collection[str], need: Need) -> bool:
    """Whether one of the scopes is enough."""
    for scope in scopes:
        if scope == ADMIN:
            return True
        resource, _, rest = scope.partition(":")
        id, _, action = rest.rpartition(":")
        covers = id in ("", "*") or (need.id is not None and id == need.id)
        resource = _FORMERLY.get(resource, resource)
        if covers and resource == need.resource and action == need.action:
            return True
    return False


def may_see(scopes: Collection[str], resource: str, id: str) -> bool:
    """Whether a component is listed: for those who may read or run it."""
    return any(may(scopes, Need(resource, action, id)) for action in ("read", "run"))


def sees_any(scopes: Collection[str], resource: str) -> bool:
    """Whether there is any component of a kind that may be listed, known or not."""
    ids = {scope.partition(":")[2].rpartition(":")[0] for scope in scopes}
    return any(may_see(scopes, resource, id) for id in (*ids, "*"))
