"""The gateway's face as an AgentOS: which of its routes are answered by whom.

A component's routes are its own business. The data routes belong to the server that has the
database; what AgentOS lists as a whole (components, configuration) is put together here.
"""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from .._version import __version__
from ..errors import RemoteAgentError, RemoteHTTPError
from ..protocols.agentos.endpoints import is_data, scope_of
from ..protocols.component import COMPONENTS, Component
from ..protocols.jsontext import read_json
from ..wsgi import Refused
from .fronted import Fronted
from .incoming import Answer, Caller, Incoming, json_answer
from .local.sessions import LocalSessions
from .page import page_of
from .renewal import Look, Seen
from .scopes import may_see, sees_any
from .upstream import Upstream, path_of

__all__ = ["KINDS", "AgentOSFace", "wants_page"]

#: How long a list waits for the upstreams, all together, in seconds.
WAIT = 2.0
#: The AgentOS whose interface this is.
_AGNO_VERSION = "3.1.10"
#: The components' kinds, by the first segment of their paths.
KINDS = {component.path: component for component in COMPONENTS}
#: The parts of /config that list databases.
_DOMAINS = ("session", "metrics", "memory", "learning", "knowledge", "evals", "traces")
_REFUSED = (401, 403)
#: The longest JSON body that is looked into for the database it is about, in bytes.
_MAX_LOOKED_INTO = 1024 * 1024


class AgentOSFace:
    """Answers AgentOS's requests for ``fronted`` components, in their order.

    ``sessions`` are those of functions, if there are any.
    """

    def __init__(
        self,
        fronted: Sequence[Fronted],
        upstreams: Sequence[Upstream],
        sessions: Optional[LocalSessions],
        os_id: str,
        name: Optional[str],
        description: Optional[str],
        auth_mode: str,
    ) -> None:
        self._by_kind: Dict[str, Dict[str, Fronted]] = {path: {} for path in KINDS}
        for each in fronted:
            self._by_kind[each.component.path][each.id] = each
        self._fronted = fronted
        self._upstreams = upstreams
        self._sessions = sessions
        self._own = {"os_id": os_id, "name": name, "description": description}
        self._auth_mode = auth_mode
        self._began = datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")

    def serve(self, incoming: Incoming) -> Answer:
        """The answer. Blocks; raises Refused, and RemoteAgentError where an upstream failed."""
        segments = incoming.segments
        first = segments[0] if segments else ""
        own = {"": self._home, "health": self._health, "info": self._info, "config": self._config}
        if len(segments) < 2 and first in own:
            _only_get(incoming)
            if wants_page(incoming):
                return self._page(incoming.caller)
            return own[first](incoming.caller)
        if first in KINDS:
            component = KINDS[first]
            if len(segments) == 1:
                _only_get(incoming)
                return self._list(component, incoming.caller)
            found = self._by_kind[first].get(segments[1])
            if found is None:
                raise Refused(404, "%s not found" % component.kind.capitalize())
            return found.serve(incoming, segments[2:])
        if is_data(first):
            return self._data(incoming)
        raise Refused(404, "Not Found")

    # --- What the gateway says of itself

    def _home(self, caller: Caller) -> Answer:
        return json_answer(200, {"name": "AgentOS", "health": "/health", "info": "/info"})

    def _page(self, caller: Caller) -> Answer:
        rows: Optional[List[Tuple[str, Dict[str, Any]]]] = None
        if caller.guest.scopes is None or any(
            self._visible(component, caller) for component in COMPONENTS
        ):
            rows = []
            for component in COMPONENTS:
                fronted = self._visible(component, caller)
                seen = _all_seen([each.look(caller) for each in fronted])
                rows += [(component.kind, row) for row in _rows(fronted, seen)]
        body = page_of(str(self._own["name"] or self._own["os_id"]), rows)
        headers = [
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
            ("Cache-Control", "no-store"),
        ]
        return Answer(200, headers, [body])

    def _health(self, caller: Caller) -> Answer:
        return json_answer(200, {"status": "ok", "instantiated_at": self._began})

    def _info(self, caller: Caller) -> Answer:
        counts = {
            component.kind + "_count": len(self._by_kind[component.path])
            for component in COMPONENTS
        }
        return json_answer(
            200,
            {
                "os_id": self._own["os_id"],
                "name": self._own["name"],
                "os_version": "remoteagent-lite %s" % __version__,
                "agno_version": _AGNO_VERSION,
                **counts,
                "mcp": {"enabled": False, "path": None, "oauth": None, "tool_run_endpoint": False},
                "auth_mode": self._auth_mode,
                "user_isolation": False,
            },
        )

    # --- What is put together of what the upstreams say

    def _list(self, component: Component, caller: Caller) -> Answer:
        scopes = caller.guest.scopes
        if scopes is not None and not sees_any(scopes, component.path):
            raise Refused(403, _NOTHING_TO_SEE % component.path)
        fronted = self._visible(component, caller)
        looks = [each.look(caller) for each in fronted]
        seen = _all_seen(looks)
        _refuse_as_all_do(seen)
        return json_answer(200, list(_rows(fronted, seen)))

    def _config(self, caller: Caller) -> Answer:
        looks: List[Look] = [each.look("/config", caller) for each in self._upstreams]
        others = [each for each in self._fronted if each.upstream is None]
        looks += [each.look(caller) for each in others]
        seen = _all_seen(looks)
        _refuse_as_all_do(seen)
        configs = [each.value for each in seen[: len(self._upstreams)]]
        if self._sessions is not None:
            configs.append(self._sessions.config())
        whole = _joined([each for each in configs if isinstance(each, dict)])
        by_upstream = dict(zip(map(id, self._upstreams), seen))
        by_fronted = dict(zip(map(id, others), seen[len(self._upstreams) :]))
        for component in COMPONENTS:
            fronted = self._visible(component, caller)
            theirs = [
                by_fronted[id(each)]
                if each.upstream is None
                else _part(by_upstream[id(each.upstream)], component.path)
                for each in fronted
            ]
            whole[component.path] = list(_rows(fronted, theirs))
        own = {name: value for name, value in self._own.items() if value is not None}
        return json_answer(200, {**own, **whole, "interfaces": [], "company": None})

    def _visible(self, component: Component, caller: Caller) -> List[Fronted]:
        """Those of a kind that the caller's scopes let it see."""
        scopes, all_of_them = caller.guest.scopes, self._by_kind[component.path].values()
        return [
            each
            for each in all_of_them
            if scopes is None or may_see(scopes, component.path, each.id)
        ]

    # --- Data

    def _data(self, incoming: Incoming) -> Answer:
        if self._sessions is not None:
            named = _named(incoming).get("db_id")
            if not self._upstreams or named == self._sessions.db_id:
                return self._sessions.serve(incoming)
            if named is None and incoming.segments[0] == "sessions":
                raise Refused(400, _WHICH)
        if not self._upstreams:
            raise Refused(501, _NO_DATA)
        if incoming.segments[0] == "service-accounts" and not self._upstreams[0].forwards:
            raise Refused(403, _NO_ACCOUNTS)
        path = path_of(incoming.segments)
        if incoming.segments[:2] == ["databases", "all"]:
            return self._of_all(incoming, path)
        return self._owner(incoming).send(incoming, path)

    def _of_all(self, incoming: Incoming, path: str) -> Answer:
        """Ask all servers, one after another; the first refusal, or the last answer."""
        incoming.content()  # it is sent more than once
        for upstream in self._upstreams[:-1]:
            answer = upstream.send(incoming, path)
            if answer.status >= 300:
                return answer
            close = getattr(answer.body, "close", None)
            if close is not None:
                close()
        return self._upstreams[-1].send(incoming, path)

    def _owner(self, incoming: Incoming) -> Upstream:
        """The server with the database, or the knowledge, that a request is about."""
        if len(self._upstreams) == 1:
            return self._upstreams[0]
        named = _named(incoming)
        if not named:
            raise Refused(400, _WHICH)
        looks = [each.look("/config", incoming.caller) for each in self._upstreams]
        seen = _all_seen(looks)
        for upstream, each in zip(self._upstreams, seen):
            if _has(each.value, named):
                return upstream
        _refuse_as_all_do(seen)
        for each in seen:
            if each.error is not None and not _is_refusal(each.error):
                raise Refused(503, "It may be on a server that fails: %s" % each.error.message)
        kind, value = next(iter(named.items()))
        raise Refused(404, _UNKNOWN[kind] % value)


_WHICH = (
    "The db_id query parameter is required when using multiple databases: this gateway has several "
    "(GET /config names them)."
)
_NO_DATA = (
    "No upstream of this gateway is an AgentOS: the agents behind it keep their sessions and all "
    "other data to themselves."
)
_NO_ACCOUNTS = (
    "Service accounts are managed on the server itself: with what this gateway lends its callers "
    "they would make themselves tokens of their own."
)
_NOTHING_TO_SEE = "Insufficient permissions. Required scope(s): %s:read"
_UNKNOWN = {
    "db_id": "No database found with id '%s'",
    "knowledge_id": "Knowledge instance with id '%s' not found",
}


def wants_page(incoming: Incoming) -> bool:
    """Whether a browser asks for the page at ``/``."""
    return incoming.segments == [] and "text/html" in (incoming.header("Accept") or "")


def _only_get(incoming: Incoming) -> None:
    if incoming.method != "GET":
        raise Refused(405, "Method Not Allowed", ("Allow", "GET"))


def _all_seen(looks: Sequence[Look]) -> List[Seen]:
    """What is known after WAIT at the latest, however many are asked."""
    for look in looks:
        look.begin()
    until = time.monotonic() + WAIT
    return [look.seen(until) for look in looks]


def _is_refusal(error: Optional[RemoteAgentError]) -> bool:
    return isinstance(error, RemoteHTTPError) and error.status_code in _REFUSED


def _refuse_as_all_do(seen: Sequence[Seen]) -> None:
    """Whom no upstream answers is answered what they say."""
    errors = [each.error for each in seen]
    if errors and all(map(_is_refusal, errors)):
        first: Any = errors[0]
        raise Refused(first.status_code, str(first.detail or "Access denied"))


def _rows(fronted: Sequence[Fronted], seen: Sequence[Seen]) -> Iterable[Dict[str, Any]]:
    """The rows that a caller may see. Those of servers that do not answer say so."""
    for each, (value, error) in zip(fronted, seen):
        row = each.row(value)
        if error is None:
            if row is not None:
                yield row
        elif not _is_refusal(error):
            row = dict(row or {"id": each.id, "name": each.id})
            known = row.get("metadata")
            known = known if isinstance(known, dict) else {}
            row["metadata"] = {**known, "unavailable": error.message}
            yield row


def _part(seen: Seen, name: str) -> Seen:
    value = seen.value.get(name) if isinstance(seen.value, dict) else None
    return Seen(value, seen.error)


def _joined(configs: Sequence[Mapping[str, Any]]) -> Dict[str, Any]:
    """What several servers' configurations say of their databases and models."""
    whole: Dict[str, Any] = {"available_models": [], "databases": []}
    for config in configs:
        for name in ("available_models", "databases"):
            whole[name] += [each for each in _list_of(config, name) if each not in whole[name]]
        for name in _DOMAINS:
            domain = config.get(name)
            if not isinstance(domain, dict):
                continue
            joined = whole.setdefault(name, {**domain, "dbs": []})
            known = [each.get("db_id") for each in joined["dbs"]]
            joined["dbs"] += [
                each
                for each in _list_of(domain, "dbs")
                if isinstance(each, dict) and each.get("db_id") not in known
            ]
            if name == "knowledge":
                instances = joined.setdefault("knowledge_instances", [])
                instances += [
                    each
                    for each in _list_of(domain, "knowledge_instances")
                    if each not in instances
                ]
    return whole


def _list_of(value: Any, name: str) -> List[Any]:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def _named(incoming: Incoming) -> Dict[str, str]:
    """The database or the knowledge that a request names, in its path, query or JSON body."""
    if incoming.segments[0] == "databases" and len(incoming.segments) > 1:
        return {"db_id": incoming.segments[1]}
    route = "%s %s" % (incoming.method, "/".join(["", *incoming.segments]))
    names = [name for name in scope_of(route) if name != "table"] or ["db_id"]
    values = {name: incoming.argument(name) for name in names}
    if incoming.segments == ["knowledge", "search"] and not any(values.values()):
        values = {name: _member(incoming, name) for name in names}
    if incoming.segments[0] == "knowledge" and incoming.segments[2:3] == ["sources"]:
        values.setdefault("knowledge_id", incoming.segments[1])
    return {name: value for name, value in values.items() if value}


def _member(incoming: Incoming, name: str) -> Optional[str]:
    content = incoming.content()
    if len(content) > _MAX_LOOKED_INTO:
        return None
    try:
        data = read_json(content)
    except ValueError:
        return None
    value = data.get(name) if isinstance(data, dict) else None
    return value if isinstance(value, str) else None


def _has(config: Any, named: Mapping[str, str]) -> bool:
    if "db_id" in named:
        return named["db_id"] in _list_of(config, "databases")
    knowledge = config.get("knowledge") if isinstance(config, dict) else None
    instances = _list_of(knowledge, "knowledge_instances")
    known = [each.get("id") for each in instances if isinstance(each, dict)]
    return named["knowledge_id"] in known
