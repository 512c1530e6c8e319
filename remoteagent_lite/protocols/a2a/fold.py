"""A task or a stream of its events as an AgentOS would tell of the run. No I/O.

A stream says the same thing several times over: as chunks, as a status message, as a snapshot of
the task. One task is kept and everything is folded into it; what is handed out as text is what the
artifacts have beyond the text handed out before. What comes twice after a break is Rejoin's matter.
"""

from __future__ import annotations

import copy
from typing import Any, Callable, Dict, Iterable, List, Optional, Set, Tuple, Type

from ...errors import A2AError
from ...events import UnknownEvent
from ...modelling.base import Model
from ...modelling.outputs import state_name
from ...models.runs import EVENT_CLASSES
from ..component import AGENT, TEAM, WORKFLOW, Component
from ..jsontext import copied
from .artifact import Artifact, Said
from .calls import Calls
from .content import (
    MEDIA,
    answer_texts,
    artifacts_of,
    is_said_by_user,
    mapping,
    message_text,
    objects,
    question_of,
    state_of,
    texts,
    thoughts,
    tool_calls,
)
from .interface import INTERRUPTED, TERMINAL
from .output import message_data, output_from, task_data
from .rejoin import Change, Rejoin
from .v10 import CHUNK, PIECE, PROGRESS, V10, Brief

__all__ = ["A2AFold"]

JSON = Dict[str, Any]
Events = List[Any]

_new = object.__new__

#: A status, and the end of the name of the event that tells of it.
_ENDINGS = {
    "COMPLETED": "Completed",
    "ERROR": "Error",
    "CANCELLED": "Cancelled",
    "PAUSED": "Paused",
}
#: What an answer may consist of.
_ANSWER = ("content", "data", *MEDIA)

_CANONICAL = V10("")
_AGENT_CLASSES = EVENT_CLASSES["AgentRunEvent"]
#: A workflow's text and tool calls are, as on an AgentOS, those of the agents in it.
_CLASSES: Dict[str, Dict[str, Type[Model]]] = {
    AGENT.kind: _AGENT_CLASSES,
    TEAM.kind: EVENT_CLASSES["TeamRunEvent"],
    WORKFLOW.kind: {**_AGENT_CLASSES, **EVENT_CLASSES["WorkflowRunEvent"]},
}


class A2AFold:
    """Types the events of one stream and adds them up to the run's output.

    A decoded frame is a list of events: one that says what text is new, another that the run is
    over. Each has ``raw``, the frame's JSON. What ends a run is told once and only when its output
    is known: ``flush`` hands out what was held back for that. A ``suspect`` run should be looked up
    and settled before.

    Nearly all frames of a stream add a text to what is there. While nothing else is to be minded,
    the fold is ``_steady``, and such frames take a short way.
    """

    #: ``decode`` returns a list.
    decodes_lists = True

    def __init__(
        self,
        component: Component,
        component_id: Optional[str],
        session_id: Optional[str] = None,
        run_id: Optional[str] = None,
    ) -> None:
        self.run_id = run_id
        self.session_id = session_id
        #: The task that a further message is about: an AgentOS's workflow has several.
        self.task_id = run_id
        self.through_pauses = False
        self.on_end: Optional[Callable[[Any], None]] = None
        self.last_event_index: Optional[int] = None
        self.fault: Optional[str] = None
        self.schema: Any = None
        #: How many frames have come.
        self.frames = 0
        #: How many seconds may be read on behind the end.
        self.grace = 2.0
        #: Reads a frame's JSON as a canonical event; the others are V10's.
        self.read: Callable[[Any], Any] = _as_it_is
        self.brief: Callable[[Any], Optional[Brief]] = _CANONICAL.brief
        self.whole: Callable[[Brief, JSON], JSON] = _CANONICAL.whole
        #: The terminal status is followed by a task that has the true text (AgentOS).
        self.task_follows = False
        self._component = component
        self._component_id = component_id
        self._classes = _CLASSES[component.kind]
        self._about_parts = "Team" if component is TEAM else ""
        self._content = self._about_parts + "RunContent"
        self._delta = self._classes[self._content]
        self._handlers: Tuple[Tuple[str, str, Callable[[JSON, Any], Events]], ...] = (
            ("artifactUpdate", "artifact-update", self._artifact_update),
            ("statusUpdate", "status-update", self._status_update),
            ("message", "message", self._message),
            ("task", "task", self._task_event),
        )
        self._stopped = False  # the run is over, or pauses
        self._asked = False  # only who asks has been told of it lately
        self._steady = False
        self._is_working = False
        self._states: Set[str] = set()  # those that the task has been in
        self._started = False
        self._identified = False
        self._task: Optional[JSON] = None  # all of it but the artifacts
        self._artifacts: Dict[str, Artifact] = {}
        self._shown: Dict[str, List[str]] = {}  # the text handed out, by artifact
        self._thought: Dict[str, List[str]] = {}
        self._thoughts: Set[str] = set()
        self._calls = Calls()
        self._said: List[Said] = []
        self._pieces: List[str] = []  # all text handed out, with what separates artifacts
        self._doubt = False  # the beginning of an artifact is missing
        self._held = False  # the event that ends the run is still to be handed out
        self._end: Any = None  # the frame that ended it
        self._settled = False
        self._rejoin: Optional[Rejoin] = None  # once the stream was broken
        self._late: Events = []  # what was found out when it broke
        self._paused_with: Any = None  # the state and question of a run that waits
        self._output: Optional[Any] = None
        self._ids: JSON = {}  # these three are set by _know_ids
        self._piece_head: JSON = {}
        self._progress_head: JSON = {}
        self._know_ids()

    def _know_ids(self) -> None:
        """Make what every event, and those that come most, begin with."""
        ids = {
            "run_id": self.run_id,
            "session_id": self.session_id,
            self._component.id_field: self._component_id,
        }
        self._ids = {name: value for name, value in ids.items() if value is not None}
        self._piece_head = {"event": self._content, **self._ids}
        progress = {"name": "status-update", "state": "working"}
        self._progress_head = {"event": "CustomEvent", **self._ids, **progress}

    @property
    def news(self) -> int:
        """Changes with what is known of the run, and not with what is only said again.

        Before the first break whatever comes counts as news.
        """
        return self.frames if self._rejoin is None else self._rejoin.news

    def hear(self, read: Callable[[Any], Any], version: V10, task_follows: bool) -> None:
        """What comes from now on is to be read so, and is said in that version."""
        self.read, self.brief, self.whole = read, version.brief, version.whole
        self.task_follows = task_follows

    def decode(self, name: str, data: Any) -> Events:
        self.frames += 1
        if self._steady and type(data) is dict and "error" not in data:
            raw = data.get("result", data)
            brief = self.brief(raw)
            if brief is not None and brief[1] == self.task_id and self._added(brief, raw):
                return [self._told(brief, raw)]
        return self._decoded(name, data)

    def _added(self, brief: Brief, raw: Any) -> bool:
        """Whether the text could be added to what it belongs to; not so where that begins."""
        shape, _, key, text = brief
        if shape == CHUNK:
            shown = self._shown.get(key)
            artifact = self._artifacts.get(key)
            if not shown or artifact is None:
                return False
            artifact.write(text)
            shown.append(text)
        elif shape == PIECE:
            if self._shown or not self._said or self._said[-1].key != key:
                return False
            self._said[-1].pieces.append(text)
            self._end = raw
        else:
            task = self._task
            if task is None or not self._is_working:
                return False
            before = task["status"].get("message")
            if before is not None and before != key.get("message"):
                task.setdefault("history", []).append(before)
            task["status"] = key
            return True
        self._pieces.append(text)
        return True

    def _told(self, brief: Brief, raw: Any) -> Any:
        """The event for what was added."""
        shape, _, key, text = brief
        if shape == PROGRESS:
            event = _new(self._classes["CustomEvent"])
            data = self._progress_head.copy()
            if text:
                data["text"] = text
        else:
            event = _new(self._delta)
            data = self._piece_head.copy()
            data["content"] = text
            if shape == CHUNK:
                data["artifact_id"] = key
        data["raw"] = raw
        event.__dict__ = data
        return event

    def _decoded(self, name: str, data: Any) -> Events:
        try:
            event = self.read(data)
        except A2AError as error:
            if self._is_over:
                return [UnknownEvent(name, data)]
            if self._is_asked_for:
                return []  # who may not subscribe to it looks it up
            self.fault = error.detail or error.message
            raise
        result = data.get("result") if type(data) is dict else None
        raw = result if type(result) is dict else data
        for member, kind, handle in self._handlers:
            value = event.get(member) if type(event) is dict else None
            if type(value) is dict:
                return self._events(member, kind, handle, value, raw)
        return [UnknownEvent(name, raw)]

    def _events(
        self,
        member: str,
        kind: str,
        handle: Callable[[JSON, Any], Events],
        value: JSON,
        raw: Any,
    ) -> Events:
        if self._is_over:
            if self._held and member == "task" and not self._settled:
                return self._late_task(value, raw)
            return [self._custom(kind, raw)]
        self._output = None
        self._identify(member, value)
        events: Events = []
        news = self.news
        if not self._started:
            self._started = True
            events.append(self._event(self._component.prefix + "Started", raw))
        # A copy: what is handed out may be changed, and what is known may not.
        events.extend(handle(copied(value), raw))
        if not events and not self._is_asked_for:
            stated = {} if member == "message" else {"state": state_name(self._state)}
            events.append(self._custom(kind, raw, **stated))
        self._asked = self._asked and self.news == news
        state = self._state
        self._states.add(state)
        self._is_working = state == "TASK_STATE_WORKING"
        self._steady = (
            self._identified
            and self._rejoin is None
            and self._paused_with is None
            and not self._stopped
        )
        return events

    def _identify(self, member: str, value: JSON) -> None:
        """The first event tells the run's id; later ones may be about tasks inside the run."""
        if member == "message" and self._task is None:
            task_id = None  # the answer itself: there is no task to come back to
        else:
            task_id = value.get("id" if member == "task" else "taskId")
            if self._task is None:
                self._task = {}
        context_id = value.get("contextId")
        if type(context_id) is str and context_id and not self._identified:
            self.session_id = context_id
        if type(task_id) is str and task_id:
            self.task_id = task_id
            if not self._identified:
                self._identified = True
                self.run_id = task_id
        self._know_ids()

    @property
    def _state(self) -> str:
        return state_of(self._task or {})

    @property
    def finished(self) -> bool:
        return self._is_over if self.through_pauses else self._stopped

    @property
    def waits(self) -> bool:
        stands = self._stopped or self._asked
        return self.through_pauses and stands and not self._is_over

    @property
    def _is_asked_for(self) -> bool:
        """Whether it is asked time and again how the run stands: that nothing is new is no news."""
        return self.waits and self._rejoin is not None

    @property
    def cancelled(self) -> bool:
        return bool(self._known().is_cancelled)

    @property
    def _is_over(self) -> bool:
        """Whether nothing that comes now can be the run's."""
        return self._stopped and (self._settled or self._state not in INTERRUPTED)

    def _event(self, name: str, raw: Any, /, **fields: Any) -> Any:
        event = _new(self._classes[name])
        event.__dict__ = {"event": name, **self._ids, **fields, "raw": raw}
        return event

    def _custom(self, name: str, raw: Any, /, **fields: Any) -> Any:
        return self._event("CustomEvent", raw, name=name, **fields)

    # Artifacts

    def _artifact_update(self, update: JSON, raw: Any) -> Events:
        artifact = mapping(update.get("artifact"))
        key = str(artifact.get("artifactId") or "")
        parts = objects(artifact.get("parts"))
        changes = [Change(bool(update.get("append")), parts)]
        if self._rejoin is not None:
            changes = self._rejoin.changes(key, *changes[0], self._artifacts.get(key))
        events = self._change(key, artifact, changes, raw)
        return events or [self._custom("artifact-update", raw, artifact_id=key)]

    def _change(self, key: str, artifact: JSON, changes: List[Change], raw: Any) -> Events:
        events: Events = []
        for change in changes:
            if self._rejoin is not None:
                self._rejoin.saw_change(key, change)
            if change.append:
                events += self._append(key, artifact, change.parts, raw)
            else:
                self._artifacts[key] = Artifact(artifact, change.parts)
                events += self._whole(key, change.parts, raw)
        return events

    def _append(self, key: str, artifact: JSON, parts: List[JSON], raw: Any) -> Events:
        known = self._artifacts.get(key)
        if known is None:
            known = self._artifacts[key] = Artifact(artifact, [])
            self._doubt = True
        known.extend(parts)
        if tool_calls(parts):
            return self._whole(key, known.parts, raw)
        events: Events = []
        for thought in thoughts(parts):
            self._thought.setdefault(key, []).append(thought)
            events.append(self._reasoning(thought, raw))
        text = "".join(texts(parts))
        if text:
            events.append(self._piece(key, text, raw))
        return events

    def _piece(self, key: str, text: str, raw: Any) -> Any:
        shown = self._shown.get(key)
        if shown is None:
            shown = self._shown[key] = []
        # Artifacts are joined by line ends in the final content. This is where one begins.
        piece = "\n" + text if self._pieces and not shown else text
        shown.append(text)
        self._pieces.append(piece)
        return self._event(self._content, raw, content=piece, artifact_id=key)

    def _whole(self, key: str, parts: List[JSON], raw: Any) -> Events:
        """An artifact as it stands now: what of it is new, or that it is another."""
        events: Events = []
        # An ADK says in a status first what the artifact then brings again.
        thought = "".join(each for each in thoughts(parts) if each not in self._thoughts)
        before = "".join(self._thought.get(key, ()))
        if thought and thought != before:
            fresh = thought[len(before) :] if thought.startswith(before) else thought
            events.append(self._reasoning(fresh, raw))
            self._thought[key] = [thought]
        events += self._tool_events(self._calls.in_parts(parts), raw)
        text = "".join(answer_texts(parts))
        before = "".join(self._shown.get(key, ()))
        aside = "" if text or before else "".join(texts(parts))
        if aside:
            events.append(self._custom("artifact-update", raw, artifact_id=key, text=aside))
        if not text.startswith(before):
            self._shown[key] = [text] if text else []
            events.append(self._custom("artifact-reset", raw, artifact_id=key, text=text))
        elif len(text) > len(before):
            events.append(self._piece(key, text[len(before) :], raw))
            self._shown[key] = [text]
        return events

    # Status

    def _status_update(self, update: JSON, raw: Any) -> Events:
        task = self._task if self._task is not None else {}
        status = mapping(update.get("status"))
        old = mapping(task.get("status"))
        repeated = all(old.get(name) == status.get(name) for name in ("state", "message"))
        if not repeated and type(old.get("message")) is dict:
            task.setdefault("history", []).append(old["message"])
        task["status"] = status
        if self._rejoin is not None:
            self._rejoin.saw_status(status)
        metadata = mapping(update.get("metadata"))
        if metadata:
            task["metadata"] = {**mapping(task.get("metadata")), **metadata}
        events = self._tool_events(self._calls.in_metadata(metadata), raw)
        events += self._told_beside("status-update", raw)
        return events + self._state_events(raw, False)

    def _told_beside(self, kind: str, raw: Any) -> Events:
        """What the message beside a state tells. Its text is the answer's only at the end."""
        status = mapping((self._task or {}).get("status"))
        message = mapping(status.get("message"))
        parts = message.get("parts")
        events: Events = []
        for thought in thoughts(parts):
            if thought not in self._thoughts:
                self._thoughts.add(thought)
                events.append(self._reasoning(thought, raw))
        events += self._tool_events(self._calls.in_parts(parts), raw)
        text = "" if self._has_stopped else message_text(message)
        if text:
            events.append(self._custom(kind, raw, state=state_name(self._state), text=text))
        return events

    @property
    def _has_stopped(self) -> bool:
        return self._state in TERMINAL or self._state in INTERRUPTED

    def _state_events(self, raw: Any, is_task: bool) -> Events:
        if self._has_stopped:
            return self._finish(raw, is_task)
        if self._stopped:  # it was paused
            self._stopped = self._held = False
            self._paused_with = None
            name = self._component.prefix + "Continued"
            return [self._event(name, raw)] if name in self._classes else []
        return []

    # Messages

    def _message(self, message: JSON, raw: Any) -> Events:
        text = message_text(message)
        category = mapping(message.get("metadata")).get("agno_content_category")
        if is_said_by_user(message):
            return [self._custom("message", raw, text=text)]
        if category == "reasoning":
            return [self._reasoning(text, raw)] if text else []
        if self._rejoin is not None:
            self._rejoin.saw_message(message)
        if self._shown:  # the answer is in artifacts: this is something else
            if self._task is not None:
                self._task.setdefault("history", []).append(message)
            return [self._custom("message", raw, text=text)]
        key = message.get("messageId")
        goes_on = self._said and key and self._said[-1].key == key
        if not goes_on:
            self._said.append(Said(message))
        self._said[-1].add(message, text)
        self._end = raw
        if not text:
            return [self._custom("message", raw)]
        piece = text if goes_on or not self._pieces else "\n" + text
        self._pieces.append(piece)
        return [self._event(self._content, raw, content=piece)]

    # Tasks

    def _task_event(self, task: JSON, raw: Any) -> Events:
        rejoin = self._rejoin
        if rejoin is not None and rejoin.is_old(task, self._artifacts):
            return []
        taken = self._take(task, raw)
        if rejoin is not None:
            rejoin.took(self._artifacts)
            rejoin.saw(task, self._artifacts)
        return [*taken, *self._told_beside("task", raw), *self._state_events(raw, True)]

    def _take(self, task: JSON, raw: Any) -> Events:
        """Let a snapshot take the place of what was known."""
        old = self._task or {}
        kept = {name: value for name, value in task.items() if name != "artifacts"}
        # What a server leaves out it may not have sent at all; what was streamed stays then.
        kept["history"] = objects(task.get("history")) or old.get("history") or []
        kept["status"] = mapping(task.get("status")) or mapping(old.get("status"))
        self._task = kept
        self._doubt = False
        events: Events = []
        if artifacts_of(task):
            self._artifacts = {}
            for each in artifacts_of(task):
                key, parts = str(each.get("artifactId") or ""), objects(each.get("parts"))
                self._artifacts[key] = Artifact(each, parts)
                events += self._whole(key, parts, raw)
        return events

    def _late_task(self, task: JSON, raw: Any) -> Events:
        """The task behind a terminal status. It may not take back that the run is over."""
        task = copied(task)
        status = mapping((self._task or {}).get("status"))
        if type(task.get("id")) is str and task["id"]:
            self.task_id = task["id"]
        events = self._take(task, raw)
        if self._rejoin is not None:
            self._rejoin.doubt = False
        if self._state not in TERMINAL and self._task is not None:
            self._task["status"] = status
        self._output = None
        self._end = raw
        return [*events, *self._ending()] or [self._custom("task", raw)]

    def snapshot(self, task: JSON, before: Optional[JSON] = None) -> Events:
        """Take the task as it was looked up, beside its stream or in its place.

        ``before`` is how it stood before the subscription that goes on now. Chunks that come by it
        may be in ``task`` already.
        """
        events = [] if before is None else self._looked_up(before, False)
        events += self._looked_up(task, before is not None)
        self._asked = before is None
        return events

    def _looked_up(self, task: JSON, subscribed: bool) -> Events:
        if self._is_over:
            return []
        rejoin = self._rejoining()
        once = rejoin.corrected(task, self._artifacts, subscribed)
        late, self._late = self._late, []
        events = [*late, *self._events("task", "task", self._task_event, once, once)]
        if not self._is_over:
            rejoin.looked_up(task)
            rejoin.took(self._artifacts)
        return events

    def catch_up(self, output: Any) -> Events:
        """What an output that was looked up tells of the run, as ``snapshot`` does of its task."""
        return self.snapshot(output.task.to_dict())

    # Tools and thoughts

    def _reasoning(self, text: str, raw: Any) -> Any:
        name = self._about_parts + "ReasoningContentDelta"
        return self._event(name, raw, reasoning_content=text)

    def _tool_events(self, told: Iterable[Tuple[bool, JSON]], raw: Any) -> Events:
        names = ("ToolCallStarted", "ToolCallCompleted")
        return [self._event(self._about_parts + names[done], raw, tool=tool) for done, tool in told]

    # The end

    def _finish(self, raw: Any, is_task: bool) -> Events:
        paused_with = (self._state, question_of(self._task or {}))
        if self._stopped and paused_with == self._paused_with:
            return []  # it only says again that it waits
        events = self._release_all(raw)
        self._stopped = self._held = True
        self._paused_with = paused_with
        self._end = raw
        if is_task or self._state in INTERRUPTED or not self.task_follows:
            events += self._ending()
        if self.on_end is not None:
            self.on_end(self._known())
        return events

    def _release_all(self, raw: Any) -> Events:
        """What was held back, now that it is clear that nothing decides it."""
        events: Events = []
        rest = {} if self._rejoin is None else self._rejoin.undecided(self._artifacts)
        for key, changes in rest.items():
            events += self._change(key, self._artifacts[key].fields, changes, raw)
        return events

    def _ending(self) -> Events:
        """The event that ends the run, if its content can be trusted; it is held back if not."""
        if not self._held or self.suspect:
            return []
        return self._terminal()

    def _terminal(self) -> Events:
        self._held = False
        known = self._known()
        data = known.__dict__
        status, reason = data.get("status"), data.get("reason")
        if status not in _ENDINGS:
            return []
        name = self._component.prefix + _ENDINGS[status]
        if status == "COMPLETED":
            names = ("content", "metrics", *MEDIA)
        else:
            names = ("content",) if status == "PAUSED" else ()
        # A copy, for the output is not the event's to change; and by its names, for the class of a
        # workflow's event knows no media.
        told = type(known)._view(copy.deepcopy(_only(names, data)))
        fields = {each: getattr(told, each) for each in told.__dict__}
        if reason is not None:
            on_error = "error" if self._component is WORKFLOW else "content"
            fields[on_error if status == "ERROR" else "reason"] = reason
        return [self._event(name, self._end, **fields)]

    @property
    def suspect(self) -> bool:
        """Whether the run is over, and it is worth a look at the task what its answer is.

        An AgentOS tells of a failure and of a pause as of a run that completed without an answer;
        and after a broken stream it may not be known which chunks were repeated.
        """
        if not self._stopped or self._settled or self._state not in TERMINAL:
            return False
        data = self._known().__dict__
        empty = data["status"] == "COMPLETED" and not any(name in data for name in _ANSWER)
        return empty or self._doubt or (self._rejoin is not None and self._rejoin.doubt)

    def flush(self) -> Events:
        """What was held back, now that nothing comes any more."""
        events = self._release_all(self._end) if not self._stopped else []
        return events + (self._terminal() if self._held else [])

    def delta(self, event: Any) -> Optional[str]:
        if type(event) is not self._delta:
            return None
        content = event.__dict__.get("content")
        return content if isinstance(content, str) else None

    def unstreamed(self) -> str:
        known = self._known().__dict__
        content = known.get("content")
        streamed = "".join(self._pieces)
        # The question of a run that waits, and what failed, are no answer.
        if not isinstance(content, str) or known.get("status") != "COMPLETED":
            return ""
        if not content.startswith(streamed):
            return ""
        return content[len(streamed) :]

    def end(self) -> bool:
        if self.fault is None and not self._stopped and self._task is None and self._said:
            self._stopped = self._held = True
            if self.on_end is not None:
                self.on_end(self._known())
        return self.finished

    def resumed(self) -> None:
        """Chunks may be missing until a task has come, and others may come twice."""
        rejoin = self._rejoining()
        for key, changes in rejoin.broken(self._artifacts).items():
            self._late += self._change(key, self._artifacts[key].fields, changes, None)

    def _rejoining(self) -> Rejoin:
        """What is known now may come again from now on."""
        self._steady = False
        if self._rejoin is None:
            task = self._task or {}
            self._rejoin = Rejoin(self.frames, self._states, task, self._artifacts)
        return self._rejoin

    def settle(self, output: Any) -> None:
        """Take the output of a run that was looked up as the stream's."""
        settled: Optional[Any] = output
        if self._stopped and self._rejoin is not None:
            task = output.__dict__.get("task")
            plain = task.to_dict() if isinstance(task, Model) else mapping(task)
            once = self._rejoin.corrected(plain, self._artifacts, False)
            if once is not plain:  # its server stores twice
                self._take(copied(once), self._end)
                settled = None
        if not self._stopped:
            self._held = True
        self._stopped = self._settled = True
        self._steady = False
        self._output = settled
        if self.on_end is not None:
            self.on_end(self._known())

    def output(self) -> Any:
        return self._known()

    def _known(self) -> Any:
        if not self._stopped:
            return self._build()
        if self._output is None:
            self._output = self._build()
        return self._output

    def _build(self) -> Any:
        said = "\n".join(each.text() for each in self._said)
        if self._task is None and self._said:
            data = message_data(self._said[-1].as_message())
            data["content"] = said or data["content"]
        else:
            task = dict(self._task or {})
            if self.task_id is not None:
                task.setdefault("id", self.task_id)
            task["history"] = list(task.get("history") or ())
            task["artifacts"] = [each.as_dict() for each in self._artifacts.values()]
            for name in ("history", "artifacts"):
                if not task[name]:
                    del task[name]
            data = task_data(task, self._component, said)
            if self._task is None:
                del data["task"]
            data["run_id"] = self.run_id
        if not self._stopped:
            data["status"] = "RUNNING"
        return output_from(data, self._component, self._component_id, self.session_id)


def _as_it_is(data: Any) -> Any:
    return data


def _only(names: Tuple[str, ...], data: JSON) -> JSON:
    return {name: data[name] for name in names if name in data}
