"""The sessions of local components: ``/sessions``, as an AgentOS with one database answers it.

A session is the runs that have its id in common. One that was made without a run, or has been
given a name, has a row of its own in the store, beside the runs. It has no state or summary: what
would set them is refused, 501 with the reason.
"""

from __future__ import annotations

import math
import time
import uuid
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from ...protocols.agentos.received import InvalidFieldError
from ...protocols.component import AGENT, COMPONENTS, WORKFLOW, Component
from ...protocols.jsontext import read_json
from ...wsgi import Refused
from ..incoming import Answer, Incoming, json_answer
from ..store.contract import Query, Session, StoredRun
from .agentos import Rendering, shown_time
from .engine import Engine
from .entries import written
from .record import Asked, Json, Record

__all__ = ["LocalSessions", "all_runs", "is_anothers"]

_KINDS: Dict[str, Component] = {each.kind: each for each in COMPONENTS}
_PATHS: Dict[str, Component] = {each.path: each for each in COMPONENTS}
#: How many runs are read at a time.
_PAGE = 100
#: How many runs are looked at for a session's name.
_NAMED = 20
_LONGEST_NAME = 100
#: What the id and the component of a session's own row begin with; no run's do.
_ROW = "sessions/"
#: How often a change is tried that others are faster with.
_TRIES = 20
#: What of a session could be set on an AgentOS, and is nothing to a function.
_UNSETTABLE = ("session_state", "metadata", "summary")


def is_anothers(engine: Engine, asked: Asked) -> bool:
    """Whether the session is somebody else's, which nobody's words get into."""
    if asked.user_id is None:
        return False
    sessions = engine.sessions(Query(session_id=asked.session_id))
    return any(each.user_id not in (None, asked.user_id) for each in sessions)


def all_runs(engine: Engine, query: Query) -> List[Record]:
    """All runs that fit, the first begun first. Blocks."""
    found: List[Record] = []
    query = query._replace(limit=_PAGE)
    while True:
        page = engine.runs(query)
        found += page
        if len(page) < _PAGE:
            return sorted(found, key=lambda each: each.kept.created_at)
        query = query._replace(before=(page[-1].kept.updated_at, page[-1].run_id))


class LocalSessions:
    """The sessions of the components that are added. Any thread may call ``serve``."""

    def __init__(self, engine: Engine, db_id: str) -> None:
        self.db_id = db_id
        self._engine = engine
        self._renderings: Dict[str, Rendering] = {}
        self._of_all: Dict[str, Callable[[Incoming], Answer]] = {
            "GET": self._list,
            "POST": self._make,
            "DELETE": self._delete_several,
        }
        self._of_one: Dict[str, Callable[[Incoming, str], Answer]] = {
            "GET": self._detail,
            "PATCH": self._rename,
            "DELETE": lambda incoming, session_id: self._delete(incoming, [session_id]),
        }

    def add(self, key: str, rendering: Rendering) -> None:
        """Serve the sessions of the component with that key, whose runs ``rendering`` writes."""
        self._renderings[key] = rendering

    def config(self) -> Json:
        """The database, as ``GET /config`` lists it."""
        domain = {"db_id": self.db_id, "domain_config": {"display_name": self.db_id}}
        session = {"display_name": "Session", "dbs": [{**domain, "tables": ["runs"]}]}
        return {"databases": [self.db_id], "session": session}

    def serve(self, incoming: Incoming) -> Answer:
        """Answer a request for data. Blocks; Refused for what is not there."""
        first, *rest = incoming.segments
        if first != "sessions":
            raise Refused(501, _SESSIONS_ONLY % (self.db_id, first))
        method = incoming.method
        try:
            if len(rest) < 2:
                routes: Mapping[str, Callable[..., Answer]] = self._of_one if rest else self._of_all
                if method not in routes:
                    raise Refused(405, "Method Not Allowed")
                return routes[method](incoming, *rest)
            if method == "GET" and rest[1] == "runs" and len(rest) < 4:
                return self._runs(incoming, *rest[::2])
            if rest[1:] == ["rename"] and method == "POST":
                return self._rename(incoming, rest[0])
        except InvalidFieldError as error:
            return json_answer(422, {"detail": error.detail})
        raise Refused(404, "Not Found")

    # --- Answers

    def _list(self, incoming: Incoming) -> Answer:
        kind, component_id = _kind(incoming), incoming.argument("component_id")
        limit, page = _number(incoming, "limit", 20), _number(incoming, "page", 1)
        found = [
            each
            for each in self._found(Query(user_id=_user(incoming)), kind)
            if component_id in (None, each.component.partition("/")[2])
        ]
        key = "updated_at" if incoming.argument("sort_by") == "updated_at" else "created_at"
        backwards = (incoming.argument("sort_order") or "desc") != "asc"
        found.sort(key=lambda each: float(getattr(each, key)), reverse=backwards)
        named = incoming.argument("session_name")
        if named:
            found = [each for each in found if named.lower() in self._name(each).lower()]
        shown = found[(page - 1) * limit : page * limit]
        meta = {
            "page": page,
            "limit": limit,
            "total_pages": math.ceil(len(found) / limit),
            "total_count": len(found),
            "search_time_ms": 0.0,
        }
        return json_answer(200, {"data": [self._row(each) for each in shown], "meta": meta})

    def _detail(self, incoming: Incoming, session_id: str) -> Answer:
        return self._described(incoming, session_id, 200)

    def _described(self, incoming: Incoming, session_id: str, status: int) -> Answer:
        session = self._sessions(incoming, session_id)[0]
        detail = self._row(session)
        kind = detail.pop("session_type")
        rendering = self._renderings[session.component]
        if kind == WORKFLOW.kind:
            detail["workflow_name"] = rendering.described()["name"]
            return json_answer(status, detail)
        records = all_runs(self._engine, Query(session.component, session_id, _user(incoming)))
        said = [each for record in records for each in rendering.messages(record)]
        if kind == AGENT.kind:
            detail["agent_session_id"] = session_id
        return json_answer(status, {**detail, "chat_history": said})

    def _make(self, incoming: Incoming) -> Answer:
        """A session that has no run yet."""
        said = _settings(incoming)
        component = _KINDS[_kind(incoming) or AGENT.kind]
        key = "%s/%s" % (component.path, said.get(component.id_field))
        if key not in self._renderings:
            raise Refused(404, "%s not found" % component.kind.capitalize())
        session_id = said.get("session_id") or str(uuid.uuid4())
        user_id = incoming.caller.guest.user or said.get("user_id")
        if self._engine.sessions(Query(session_id=session_id)) or not self._keep(
            session_id, key, user_id, said.get("session_name")
        ):
            raise Refused(409, "Session with id '%.200s' exists already" % session_id)
        return self._described(incoming, session_id, 201)

    def _rename(self, incoming: Incoming, session_id: str) -> Answer:
        name = _settings(incoming).get("session_name")
        if name is None:
            raise InvalidFieldError("session_name", "Field required", "missing")
        session = self._sessions(incoming, session_id)[0]
        for _ in range(_TRIES):
            row = self._engine.store.get(_ROW + session_id)
            if row is None:
                if self._keep(session_id, session.component, session.user_id, name):
                    break
            elif self._engine.store.change(
                row._replace(
                    data=written({"session_name": name}),
                    version=row.version + 1,
                    updated_at=time.time(),
                )
            ):
                break
        else:
            raise Refused(503, "Others rename the session: try again.", ("Retry-After", "1"))
        return self._described(incoming, session_id, 200)

    def _keep(
        self, session_id: str, component: str, user_id: Optional[str], name: Optional[str]
    ) -> bool:
        """Give a session a row of its own. False if it has one."""
        now, data = time.time(), {} if name is None else {"session_name": name}
        row = StoredRun(
            _ROW + session_id,
            _ROW + component,
            session_id,
            "COMPLETED",
            user_id,
            now,
            now,
            data=written(data),
        )
        return self._engine.store.add(row)

    def _runs(self, incoming: Incoming, session_id: str, run_id: Optional[str] = None) -> Answer:
        rows = []
        for session in self._sessions(incoming, session_id):
            query = Query(session.component, session_id, _user(incoming))
            for record in all_runs(self._engine, query):
                rows.append((record, self._renderings[session.component]))
        rows.sort(key=lambda row: row[0].kept.created_at)
        if run_id is not None:
            for record, rendering in rows:
                if record.run_id == run_id:
                    return json_answer(200, rendering.listed(record))
            raise Refused(404, "Run with ID %s not found in session %s" % (run_id, session_id))
        wanted = [each.upper() for each in incoming.arguments("status")]
        after, before = _time(incoming, "created_after"), _time(incoming, "created_before")
        return json_answer(
            200,
            [
                rendering.listed(record)
                for record, rendering in rows
                if (not wanted or record.status in wanted)
                and (after is None or record.kept.created_at >= after)
                and (before is None or record.kept.created_at <= before)
            ],
        )

    def _delete(self, incoming: Incoming, session_ids: Sequence[str]) -> Answer:
        for session_id in session_ids:
            for session in self._engine.sessions(_of(incoming, session_id)):
                if _component_of(session) in self._renderings:
                    query = Query(session.component, session_id, _user(incoming))
                    self._engine.delete(all_runs(self._engine, query))
        return Answer(204, [], [])

    def _delete_several(self, incoming: Incoming) -> Answer:
        ids = _body(incoming).get("session_ids")
        if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
            raise InvalidFieldError("session_ids", "Input should be a valid list", "list_type")
        return self._delete(incoming, ids)

    # --- What is known of a session

    def _sessions(self, incoming: Incoming, session_id: str) -> List[Session]:
        """Those with that id, for several components may share one. Refused, 404, for none."""
        found = self._found(_of(incoming, session_id), _kind(incoming))
        if not found:
            raise Refused(404, "Session with id '%.200s' not found" % session_id)
        return found

    def _found(self, query: Query, kind: Optional[str]) -> List[Session]:
        """The sessions that fit, each with its own row counted to its runs."""
        found: Dict[Any, Session] = {}
        for each in self._engine.sessions(query):
            component = _component_of(each)
            if component not in self._renderings:
                continue
            if kind is not None and _KINDS[kind].path != component.partition("/")[0]:
                continue
            this = each._replace(component=component)
            if component != each.component:
                this = this._replace(runs=0)
            other = found.get((this.session_id, component), this)
            found[this.session_id, component] = this._replace(
                created_at=min(this.created_at, other.created_at),
                updated_at=max(this.updated_at, other.updated_at),
                runs=max(this.runs, other.runs),
            )
        return list(found.values())

    def _row(self, session: Session) -> Json:
        path, _, id = session.component.partition("/")
        component = _PATHS[path]
        row: Json = {
            "session_id": session.session_id,
            "session_name": self._name(session),
            "session_type": component.kind,
            "user_id": session.user_id,
            component.id_field: id,
            "created_at": shown_time(session.created_at),
            "updated_at": shown_time(session.updated_at),
        }
        return {name: value for name, value in row.items() if value is not None}

    def _name(self, session: Session) -> str:
        """The one it was given, or what was said first in it; of a long one its id."""
        row = self._engine.store.get(_ROW + session.session_id)
        given = None if row is None else read_json(row.data).get("session_name")
        if given is not None:
            return str(given)
        if session.runs <= _NAMED:
            query = Query(session.component, session.session_id, limit=_NAMED)
            for record in sorted(self._engine.runs(query), key=lambda each: each.kept.created_at):
                return str(self._renderings[session.component].said(record))[:_LONGEST_NAME]
        return session.session_id


_SESSIONS_ONLY = (
    "the database %s is that of Python functions, and has their sessions only: there are no %s"
)
_NOTHING_OF_ITS_OWN = "a Python function's session has no %s that could be set"


def _component_of(session: Session) -> str:
    """The key of its component, whether it is runs or a session's own row."""
    key = session.component
    return key[len(_ROW) :] if key.startswith(_ROW) else key


def _body(incoming: Incoming) -> Json:
    try:
        said = read_json(incoming.content() or b"{}")
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise InvalidFieldError("body", "Input should be a valid dictionary", "dict_type")
    return said


def _settings(incoming: Incoming) -> Json:
    """What a session is to be: texts."""
    said = {name: value for name, value in _body(incoming).items() if value is not None}
    for name, value in said.items():
        if name in _UNSETTABLE and value:
            raise Refused(501, _NOTHING_OF_ITS_OWN % name)
        if name not in _UNSETTABLE and not isinstance(value, str):
            raise InvalidFieldError(name, "Input should be a valid string", "string_type")
    return said


def _user(incoming: Incoming) -> Optional[str]:
    """Whose sessions are wanted: the caller's own, if it is known who that is."""
    return incoming.caller.guest.user or incoming.argument("user_id")


def _of(incoming: Incoming, session_id: str) -> Query:
    return Query(session_id=session_id, user_id=_user(incoming))


def _kind(incoming: Incoming) -> Optional[str]:
    kind = incoming.argument("type")
    if kind is not None and kind not in _KINDS:
        problem = "Input should be 'agent', 'team' or 'workflow'"
        raise InvalidFieldError("type", problem, "enum", "query")
    return kind


def _number(incoming: Incoming, name: str, default: int) -> int:
    text = incoming.argument(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text)):
        problem = "Input should be greater than or equal to 1"
        raise InvalidFieldError(name, problem, "greater_than_equal", "query")
    return int(text)


def _time(incoming: Incoming, name: str) -> Optional[float]:
    text = incoming.argument(name)
    if text is None:
        return None
    try:
        seconds = float(text)
        if math.isfinite(seconds):
            return seconds
    except ValueError:
        pass
    raise InvalidFieldError(name, "Input should be a valid number", "int_parsing", "query")
