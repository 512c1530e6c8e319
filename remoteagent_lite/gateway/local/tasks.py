"""The tasks of a local component: A2A's operations on its runs.

A task is a run, its id the run's and its context the session. Every run is in the background, so a
task goes on when its client has left.
"""

from __future__ import annotations

import base64
import json
import re
from datetime import datetime, timezone
from typing import Any, Callable, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from ...protocols.a2a.interface import TERMINAL
from ...protocols.a2a.serving import Fault
from ...wsgi import Refused
from ..incoming import Caller
from ..narration import Json, Told, page
from ..parts import media_of
from ..pushes import Pushes, Source
from ..store.contract import Query
from ..task_pushes import TaskPushes
from .agentos import Rendering
from .component import LocalComponent
from .decisions import answer_in
from .engine import Engine, Following, Logged
from .record import LONGEST_ID, Record, asked_by_message
from .sessions import is_anothers
from .task_state import STATES, TaskState, state_of

__all__ = ["LocalTasks"]

#: How long a run may take to reply by a message before its stream begins as a task, in seconds.
_PATIENCE = 0.3
#: How often a thread that posts notifications looks whether it is still wanted, in seconds.
_LOOK = 1.0
#: How many runs are read at a time where the store cannot tell which ones are wanted.
_MANY = 500
_CANCELLED = "Operation cancelled by user"
_STATUSES = {state: status for status, state in STATES.items()}
#: A run that was turned down has failed, as stores have it.
_STATUSES["TASK_STATE_REJECTED"] = "ERROR"


class LocalTasks:
    """The tasks of ``local``, whose runs ``engine`` has. Any thread may call any method.

    All block; ``send`` for as long as the function takes. A caller that is known to be a user sees
    its own tasks only.
    """

    def __init__(
        self, local: LocalComponent, engine: Engine, rendering: Rendering, pushes: Pushes
    ) -> None:
        self._local = local
        self._engine = engine
        self._pushes = TaskPushes(pushes, local.key.replace("/", "\n", 1))
        self._rendering = rendering

    # --- Messages

    def send(self, params: Json, caller: Caller) -> Json:
        """SendMessage: the task, when its run has ended or waits, or at once if that is wanted.

        Or the message that the function replies with.
        """
        configuration = params["configuration"]
        record = self._sent(params, caller)
        if not configuration["returnImmediately"]:
            record = self._engine.wait(record)
            if "reply" in record.data and not params["message"].get("taskId"):
                return {"message": record.data["reply"]}
        return {"task": self._standing(record)[0].task(configuration.get("historyLength"))}

    def stream(self, params: Json, caller: Caller) -> Told:
        """SendStreamingMessage: the task, and what becomes of it until it is over or waits.

        Or the message that the function replies with, if it does that at once.
        """
        record = self._sent(params, caller)
        state = self._state(record, bool(params.get("whole")))
        following = self._engine.follow(record, _place(record))
        length = params["configuration"].get("historyLength")
        told = _Telling(self._engine, following, state, state.task(length))
        if params["message"].get("taskId"):
            return _Patient(following, 0.0), told.events
        return _Patient(following, _PATIENCE), told.events_or_reply

    def _sent(self, params: Json, caller: Caller) -> Record:
        """The run that a message begins, or that it goes on with."""
        message = params["message"]
        self._check_parts(message["parts"])
        config = self._pushes.brought(params)
        if message.get("taskId"):
            record = self._answered(message, caller)
        else:
            record = self._begun(params, caller)
        self._pushes.keep(record.run_id, config, caller, self._source(record))
        return record

    def _begun(self, params: Json, caller: Caller) -> Record:
        message = params["message"]
        if len(message.get("contextId") or "") > LONGEST_ID:
            raise Fault(-32602, "Invalid parameters: the contextId is too long")
        said = {**(params.get("metadata") or {}), **(message.get("metadata") or {})}
        user = said.pop("userId", None)
        asked = asked_by_message(
            message,
            session_id=message.get("contextId"),
            user_id=caller.guest.user or (user if isinstance(user, str) and user else None),
            metadata=said,
        )
        if message.get("contextId") and is_anothers(self._engine, asked):
            raise Fault(-32602, "Invalid parameters: there is no such context")
        return self._engine.begin(self._local, asked)

    def _answered(self, message: Json, caller: Caller) -> Record:
        record = self._found(message["taskId"], caller)
        if message.get("contextId") not in (None, "", record.session_id):
            raise Fault(-32602, "Invalid parameters: the task belongs to another context")
        if record.status != "PAUSED":
            raise Fault(-32004, "The task waits for nothing: it is %s" % _shown(record))
        answer = answer_in(record.data["pending"], message["parts"])
        try:
            return self._engine.answer(self._local, record, answer, message)
        except Refused as refused:
            if refused.status != 409:
                raise
            raise Fault(-32004, "The task waits for nothing: somebody was faster") from refused

    def _check_parts(self, parts: List[Mapping[str, Any]]) -> None:
        """Fault for what the component does not take, ValueError for what is no file."""
        modes = self._local.input_modes
        for part in parts:
            media_of(part)
            kind = _kind_of(part)
            if modes and kind is not None and not any(_fits(kind, mode) for mode in modes):
                said = (kind, ", ".join(modes))
                raise Fault(-32005, "%.80s is not supported, but %s" % said)

    # --- Tasks

    def get(self, params: Json, caller: Caller) -> Json:
        """GetTask: with what it has told by now, if it is under way."""
        record = self._found(params["id"], caller)
        return self._standing(record)[0].task(params.get("historyLength"))

    def list(self, params: Json, caller: Caller) -> Json:
        """ListTasks: of a context, or all; the last changed first."""
        query = Query(
            component=self._local.key,
            session_id=params.get("contextId"),
            user_id=caller.guest.user,
            updated_after=_time(params.get("statusTimestampAfter")),
        )
        size = params["pageSize"]
        state = params.get("status")
        if state is not None:
            if state not in _STATUSES:  # no local run is ever in it
                return page([], "", size, 0)
            query = query._replace(statuses=(_STATUSES[state],))
        before = _before(params.get("pageToken"))
        if state is not None and _STATUSES[state] == "ERROR":
            fitting = [each for each in self._all(query) if state_of(each) == state]
            total = len(fitting)
            records = [each for each in fitting if before is None or _place_of(each) < before]
        else:
            total = self._engine.count(query)
            records = self._engine.runs(query._replace(before=before, limit=size + 1))
        token = _token(records[size - 1]) if len(records) > size else ""
        return page([self._row(each, params) for each in records[:size]], token, size, total)

    def cancel(self, params: Json, caller: Caller) -> Json:
        """CancelTask: the task, cancelled. Fault if it was over."""
        record = self._found(params["id"], caller)
        after = record if record.is_over else self._engine.cancel(record, _CANCELLED)
        if record.is_over or after.status != "CANCELLED":
            raise Fault(-32002, "The task is over: it is %s" % _shown(after))
        return self._state(after).task()

    def subscribe(self, params: Json, caller: Caller) -> Told:
        """SubscribeToTask: the task as it stands, and what is to come, through its pauses."""
        record = self._found(params["id"], caller)
        state, place = self._standing(record, bool(params.get("whole")))
        if state.state in TERMINAL:
            raise Fault(-32004, "The task is over: it is %s" % state.state[11:].lower())
        following = self._engine.follow(record, place, through_pauses=True)
        task = state.task(params.get("historyLength"))
        return _Patient(following, 0.0), _Telling(self._engine, following, state, task).events

    # --- Push notifications

    def create_push(self, params: Json, caller: Caller) -> Json:
        """CreateTaskPushNotificationConfig. Of a task that is over its end is posted."""
        self._pushes.check(params)
        record = self._found(params["taskId"], caller)
        return self._pushes.create(params, caller, self._source(record))

    def get_push(self, params: Json, caller: Caller) -> Json:
        """GetTaskPushNotificationConfig"""
        self._found(params["taskId"], caller)
        return self._pushes.get(params, caller)

    def list_pushes(self, params: Json, caller: Caller) -> Json:
        """ListTaskPushNotificationConfigs"""
        self._found(params["taskId"], caller)
        return self._pushes.list(params, caller)

    def delete_push(self, params: Json, caller: Caller) -> None:
        """DeleteTaskPushNotificationConfig"""
        self._found(params["taskId"], caller)
        self._pushes.delete(params, caller)

    def _source(self, record: Record) -> Source:
        """The task as it stands, and what becomes of it, whichever process executes it."""

        def events(caller: Caller, own: Callable[[Any], None]) -> Iterator[Json]:
            state, place = self._standing(record, True)
            yield {"task": state.task()}
            if state.state in TERMINAL:
                return
            with self._engine.follow(record, place, through_pauses=True) as following:
                own(following)
                told = _Telling(self._engine, following, state)
                while True:
                    try:
                        logged = following.next_event(_LOOK)
                    except TimeoutError:
                        continue
                    yield from told.events(logged)
                    if logged is None:
                        return

        return events

    # --- Runs

    def _found(self, task_id: str, caller: Caller) -> Record:
        record = self._engine.find(self._local.key, task_id, caller.guest.user)
        if record is None:
            raise Fault(-32001, "Task not found: %.80s" % task_id)
        return record

    def _state(self, record: Record, whole: bool = False) -> TaskState:
        return TaskState(record, self._rendering.event, whole)

    def _standing(self, record: Record, whole: bool = False) -> Tuple[TaskState, int]:
        """The task as it stands, with all that its log tells; and where the log goes on."""
        state, place = self._state(record, whole), _place(record)
        if not record.is_over:
            for entry in self._engine.entries(record, place):
                state.events(entry)
                place += 1
        return state, place

    def _all(self, query: Query) -> Iterator[Record]:
        query = query._replace(limit=_MANY)
        while True:
            records = self._engine.runs(query)
            yield from records
            if len(records) < _MANY:
                return
            query = query._replace(before=_place_of(records[-1]))

    def _row(self, record: Record, params: Json) -> Json:
        artifacts: bool = params["includeArtifacts"]
        state = self._standing(record)[0] if artifacts else self._state(record)
        return state.task(params.get("historyLength", 0), artifacts)


class _Quiet(NamedTuple):
    """Nothing was told for some time."""


class _Patient:
    """A stream that says so once when its run tells nothing for ``patience`` at its beginning.

    So the task can be told then, whenever the run's own news come.
    """

    def __init__(self, following: Following, patience: float) -> None:
        self._following = following
        self._patience = patience
        self._waits = True

    def next_event(self, timeout: Optional[float]) -> Any:
        if not self._waits:
            return self._following.next_event(timeout)
        self._waits = False
        try:
            return self._following.next_event(self._patience)
        except TimeoutError:
            return _Quiet()

    def cancel(self, wait: float) -> None:
        self._following.cancel(wait)

    def close(self) -> None:
        self._following.close()

    def __enter__(self) -> _Patient:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.close()


class _Telling:
    """What a followed run tells, as events of its task; behind ``first``, if that is not told."""

    def __init__(
        self,
        engine: Engine,
        following: Following,
        state: TaskState,
        first: Optional[Json] = None,
    ) -> None:
        self._engine = engine
        self._following = following
        self._state = state
        self._first = [] if first is None else [{"task": first}]
        self._has_replied = False

    def events(self, logged: Any) -> List[Json]:
        """Those for one entry; for None those behind the last one."""
        found, self._first = self._first, []
        if isinstance(logged, Logged):
            return found + self._state.events(logged.entry)
        if logged is None and not self._has_replied:
            found = found + self._state.end(self._following.record)
        return found

    def events_or_reply(self, logged: Any) -> List[Json]:
        """The same of a run that may reply: if nothing was told before, that is all."""
        if self._first and isinstance(logged, Logged) and logged.entry["kind"] == "completed":
            record = self._following.record
            record = self._engine.find(record.kept.component, record.run_id) or record
            if "reply" in record.data:
                self._has_replied, self._first = True, []
                return [{"message": record.data["reply"]}]
        return self.events(logged)


def _place(record: Record) -> int:
    """The index of the log's first entry that the record does not know of."""
    if record.status == "PAUSED":
        return int(record.data["entries"])
    return record.begins + 1


def _shown(record: Record) -> str:
    return state_of(record)[11:].lower().replace("_", "-")


# --- Media types


def _kind_of(part: Mapping[str, Any]) -> Optional[str]:
    """The media type of a part, as far as it is known."""
    kind = part.get("mediaType")
    if not kind:
        kind = "text/plain" if "text" in part else "application/json" if "data" in part else None
    return str(kind).partition(";")[0].strip().lower() if kind else None


def _fits(kind: str, mode: str) -> bool:
    mode = mode.lower()
    return mode in (kind, "*/*") or (mode.endswith("/*") and kind.startswith(mode[:-1]))


# --- Lists


def _time(text: Optional[str]) -> Optional[float]:
    """A time in seconds since the epoch. ValueError for what is none."""
    if text is None:
        return None
    text = text[:-1] + "+00:00" if text[-1:] in ("Z", "z") else text
    # Protobuf writes up to nine digits of a second; six is what there is.
    text = re.sub(r"\.(\d+)", lambda match: "." + match[1][:6].ljust(6, "0"), text, count=1)
    time = datetime.fromisoformat(text)
    return (time if time.tzinfo else time.replace(tzinfo=timezone.utc)).timestamp()


def _place_of(record: Record) -> Tuple[float, str]:
    return record.kept.updated_at, record.run_id


def _token(record: Record) -> str:
    """Names the last one of a page, so that the next begins behind it whatever has come before."""
    text = json.dumps(_place_of(record))
    return base64.urlsafe_b64encode(text.encode("utf-8")).decode("ascii").rstrip("=")


def _before(token: Optional[str]) -> Optional[Tuple[float, str]]:
    if token is None:
        return None
    try:
        text = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        at, run_id = json.loads(text)
        if type(at) is not float or type(run_id) is not str:
            raise ValueError
    except (ValueError, TypeError, RecursionError):
        raise Fault(-32602, "Invalid parameters: the pageToken is none of ours") from None
    return at, run_id
