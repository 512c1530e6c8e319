"""A local component behind the gateway's routes, as an AgentOS answers them.

Runs are the engine's; what is said of them is written by ``agentos``. What a function has not, an
AgentOS's own agent might have: it is refused, 501 with the reason, and never passed over.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from ...media import Media
from ...protocols.agentos.decisions import FOLLOW_UPS
from ...protocols.agentos.received import InvalidFieldError, decisions_of, flag_of, run_form
from ...protocols.sse import frame
from ...wsgi import Refused
from ..incoming import Answer, Caller, Incoming, json_answer
from ..pushes import Pushes
from ..questions import decision_of, question_of
from ..renewal import Known
from ..routes import Routes
from ..store.contract import Query
from ..telling import EVENT_STREAM, Telling
from ..upstream import Upstream
from .agentos import Rendering
from .component import LocalComponent
from .engine import Engine, Logged
from .entries import ENDS, Entry
from .record import LONGEST_ID, Json, Record, asked_by_text
from .sessions import all_runs, is_anothers
from .tasks import LocalTasks

__all__ = ["Served"]

_MEDIA = ("images", "audio", "videos", "files")
#: The options of a run that mean something to a function.
_OPTIONS = (*_MEDIA, "session_id", "user_id", "metadata")
#: Options of a continue that make a new run of the old one.
_ANEW = (*(each for each in FOLLOW_UPS if each != "input"), "replace_original")
_NOT_HERE = {
    "checkpoints": "a function has no checkpoints",
    "fork": "a function's runs are not forked",
    "compact": "a function has no messages to compact",
}


class Served:
    """An agent, team or workflow that is a function. Any thread may call any method.

    ``db_id`` is the database that its sessions are said to be in.
    """

    upstream: Optional[Upstream] = None

    def __init__(
        self, local: LocalComponent, engine: Engine, db_id: str, heartbeat: float, pushes: Pushes
    ) -> None:
        self.component = local.component
        self.id = local.id
        self.rendering = Rendering(local, db_id)
        self.tasks = LocalTasks(local, engine, self.rendering, pushes)
        self._local = local
        self._engine = engine
        self._heartbeat = heartbeat
        self._known = Known({**self.rendering.described(), "card": _card_of(local)})
        routes: Dict[Tuple[str, ...], Callable[..., Answer]] = {
            ("GET",): self._detail,
            ("POST", "runs"): self._run,
            ("GET", "runs"): self._list,
            ("GET", "runs", ""): self._poll,
            ("POST", "runs", "", "resume"): self._resume,
            ("POST", "runs", "", "continue"): self._continue,
            ("POST", "runs", "", "cancel"): self._cancel,
        }
        self._routes = Routes(routes, _NOT_HERE, "%s %s" % (self.component.kind, self.id))

    def look(self, caller: Caller) -> Known:
        """What it is, and the like of an agent card."""
        return self._known

    def row(self, seen: Any) -> Optional[Json]:
        """Its row in the list of its kind, and in /config."""
        return self.rendering.described()

    def serve(self, incoming: Incoming, rest: List[str]) -> Answer:
        """Answer a request that goes on with ``rest`` behind the component's id. Blocks."""
        return self._routes.answer(incoming, rest)

    def _detail(self, incoming: Incoming) -> Answer:
        return json_answer(200, self.rendering.described())

    # --- Runs

    def _run(self, incoming: Incoming) -> Answer:
        fields, files = incoming.form()
        form = run_form(fields, files)
        for name in form.options:
            if name not in _OPTIONS:
                raise Refused(501, _NO_OPTION % (self.id, name))
        media: List[Media] = [each for name in _MEDIA for each in form.options.get(name, ())]
        asked = asked_by_text(
            form.message,
            media,
            session_id=_id(fields, "session_id"),
            run_id=_id(fields, "run_id"),
            user_id=_id(fields, "user_id"),
            metadata=form.options.get("metadata"),
        )
        if fields.get("session_id") and is_anothers(self._engine, asked):
            raise Refused(404, "Session not found")
        record = self._engine.begin(self._local, asked)
        return self._answered(record, form.stream, form.stream_events, form.background)

    def _continue(self, incoming: Incoming, run_id: str) -> Answer:
        fields, _ = incoming.form()
        for name in _ANEW:
            if fields.get(name) and fields[name].lower() not in ("false", "0"):
                raise Refused(501, _NO_OPTION % (self.id, name))
        record = self._find(incoming, run_id, fields.get("session_id"))
        if record is None:
            raise Refused(404, "Run not found")
        if record.status != "PAUSED":
            raise Refused(409, "run is already %s" % record.status.lower())
        pending = record.data["pending"]
        stream, background = flag_of(fields, "stream", True), flag_of(fields, "background", False)
        with_events = flag_of(fields, "stream_events", True)
        answer = decision_of(pending, decisions_of(self.component, fields), fields)
        if answer is None:
            raise Refused(400, _UNDECIDED % question_of(pending))
        try:
            record = self._engine.answer(self._local, record, answer)
        except ValueError as error:
            raise Refused(400, str(error)) from error
        return self._answered(record, stream, with_events, background)

    def _answered(
        self, record: Record, stream: bool, with_events: bool, background: bool
    ) -> Answer:
        """The answer to who has begun a run, or gone on with one."""
        if stream:
            telling = self._telling(record, record.begins, with_events, background)
            return Answer(200, EVENT_STREAM, telling)
        if background:
            ids = {"run_id": record.run_id, "session_id": record.session_id}
            return json_answer(202, {**ids, "status": "PENDING"})
        return json_answer(200, self.rendering.output(self._engine.wait(record)))

    def _cancel(self, incoming: Incoming, run_id: str) -> Answer:
        record = self._find(incoming, run_id, incoming.argument("session_id"))
        if record is not None:
            self._engine.cancel(record, "Run %s was cancelled" % run_id)
        return json_answer(200, {})  # as an AgentOS: whoever wants to know polls

    def _poll(self, incoming: Incoming, run_id: str) -> Answer:
        record = self._find(incoming, run_id, incoming.required("session_id"))
        if record is None:
            raise Refused(404, "Run not found")
        events = None
        if record.status != "RUNNING":
            entries = enumerate(self._engine.entries(record))
            events = [
                self.rendering.event(record, index, entry)
                for index, entry in entries
                if self.rendering.is_stored(entry)
            ]
        return json_answer(200, self.rendering.output(record, events))

    def _list(self, incoming: Incoming) -> Answer:
        wanted = Query(self._local.key, incoming.required("session_id"), incoming.caller.guest.user)
        if not self._engine.count(wanted):
            raise Refused(404, "Session not found")
        status = incoming.argument("status")
        if status:
            wanted = wanted._replace(statuses=(status,))
        return json_answer(
            200, [self.rendering.listed(each) for each in all_runs(self._engine, wanted)]
        )

    def _find(self, incoming: Incoming, run_id: str, session_id: Optional[str]) -> Optional[Record]:
        """A run that the caller may see; None if it is in another session than it says."""
        record = self._engine.find(self._local.key, run_id, incoming.caller.guest.user)
        if record is not None and session_id and session_id != record.session_id:
            return None
        return record

    # --- Streams

    def _telling(self, record: Record, start: int, with_events: bool, background: bool) -> Telling:
        def tell(logged: Optional[Logged]) -> bytes:
            if logged is None:
                return b""
            if logged.entry["kind"] in (*ENDS, "paused"):
                telling.cancels = False  # who leaves now has seen all, and may come back to answer
            return self._frame(
                record, logged.place if background else None, logged.entry, with_events
            )

        following = self._engine.follow(record, start)
        telling = Telling(following, tell, self._heartbeat, cancels=not background)
        return telling

    def _frame(
        self, record: Record, index: Optional[int], entry: Entry, with_events: bool = True
    ) -> bytes:
        event: Optional[Json]
        if entry["kind"] in ("completed", "paused"):
            # It tells what was sent on the way as well.
            record = self._engine.find(self._local.key, record.run_id) or record
        if with_events or self.rendering.is_always_told(entry):
            event = self.rendering.event(record, index, entry)
        else:
            event = self.rendering.untold(record, index, entry)
        return b"" if event is None else frame(event["event"], event)

    def _resume(self, incoming: Incoming, run_id: str) -> Answer:
        fields, _ = incoming.form() if incoming.content() else ({}, [])
        last = _index(fields.get("last_event_index"))
        record = self._find(incoming, run_id, fields.get("session_id"))
        if record is None:
            text = "Run %s not found in buffer or database" % run_id
            return Answer(200, EVENT_STREAM, [frame("error", {"event": "error", "error": text})])
        entries = self._engine.entries(record)  # behind the record: of a run that is over, all
        start = 0 if last is None else last + 1
        missed = enumerate(entries[start:], start)
        frames = (self._frame(record, index, entry) for index, entry in missed)
        count, known = max(0, len(entries) - start), {"run_id": run_id}
        if record.status != "RUNNING":
            told = {
                "event": "replay",
                **known,
                "status": record.status,
                "total_events": count,
                "total_buffered": len(entries),
                "last_event_index_requested": last,
                "message": "%d events of a run that is %s" % (count, record.status.lower()),
            }
            return Answer(200, EVENT_STREAM, _Resumed([frame("replay", told)], frames, [], None))
        known.update(status="running")
        told = {**known, "current_event_count": len(entries)}
        caught_up: Json = {
            "event": "catch_up",
            **known,
            "missed_events": count,
            "current_event_count": len(entries),
            "message": "%d events that were missed" % count,
        }
        subscribed = {
            "event": "subscribed",
            **told,
            "message": "What comes now is told as it comes",
        }
        live = self._telling(record, max(start, len(entries)), True, True)
        head = [frame("catch_up", caught_up)] if count else []
        body = _Resumed(head, frames, [frame("subscribed", subscribed)], live)
        return Answer(200, EVENT_STREAM, body)


class _Resumed:
    """A stream that is taken up again, as a WSGI body: what was missed, and what comes."""

    def __init__(
        self,
        head: List[bytes],
        missed: Iterator[bytes],
        behind: List[bytes],
        live: Optional[Telling],
    ) -> None:
        self._parts = iter([iter(head), missed, iter(behind), live or iter(())])
        self._part: Iterator[bytes] = iter(())
        self._live = live

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        while True:
            for told in self._part:
                return told
            self._part = next(self._parts)

    def close(self) -> None:
        if self._live is not None:
            self._live.close()


_NO_OPTION = "%s is a Python function: there is no %.80s that it could take"
_UNDECIDED = "Cannot continue run - it waits for an answer to: %s"


def _id(fields: Dict[str, str], name: str) -> Optional[str]:
    """An id that the caller has chosen, if it has."""
    value = fields.get(name) or None
    if value is not None and (len(value) > LONGEST_ID or (name == "run_id" and "/" in value)):
        raise InvalidFieldError(name, "no id that could stand in a path")
    return value


def _index(text: Optional[str]) -> Optional[int]:
    if not text:
        return None
    try:
        if len(text) > 18:
            raise ValueError
        return max(-1, int(text))
    except ValueError:
        problem = "Input should be a valid integer, unable to parse string as an integer"
        raise InvalidFieldError("last_event_index", problem, "int_parsing") from None


def _card_of(local: LocalComponent) -> Json:
    """What an agent card says of it."""
    kind = local.component.kind
    own = {"id": local.id, "name": local.name}
    skills = local.skills or [{**own, "examples": local.examples}]
    text = local.description or "%s %s" % (kind.title(), local.id)
    card: Json = {
        "skills": [{"description": text, "tags": [kind], **skill} for skill in skills],
        "defaultInputModes": local.input_modes,
        "defaultOutputModes": local.output_modes,
        "version": local.version,
        "capabilities": {"pushNotifications": True},
    }
    return {name: value for name, value in card.items() if value}
