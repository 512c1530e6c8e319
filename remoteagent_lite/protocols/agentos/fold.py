"""The frames of an AgentOS stream: typed as events, and added up to the run's output. No I/O."""

from __future__ import annotations

import functools
import io
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Set, Tuple, Type

from ... import models
from ...events import UnknownEvent
from ...modelling.base import Model, fields_of
from ...modelling.outputs import Output, expecting
from ..component import AGENT, COMPONENTS, TEAM, WORKFLOW, Component
from ..contract import EventsMissingError
from .decisions import paused_anew

__all__ = ["AgentOSFold"]

_new = object.__new__

#: The end of a terminal event's name, and the status it stands for.
_ENDINGS = {
    "Completed": "COMPLETED",
    "Error": "ERROR",
    "Cancelled": "CANCELLED",
    "Paused": "PAUSED",
}
#: The other way round, for a run whose end was not seen. One that was run anew had completed.
_ENDING_OF = {"REGENERATED": "Completed", **{status: end for end, status in _ENDINGS.items()}}
#: What belongs to an event as such and not to the run it is about.
_EVENT_ONLY = ("event", "event_index", "nested_depth", "workflow_agent")
_TOOL_EVENTS = ("ToolCallStarted", "ToolCallCompleted", "ToolCallError")
#: What comes when a paused run has been continued, in a stream that tells all of its story.
_CONTINUED = {
    "agent": ("RunContinued",),
    "team": ("TeamRunContinued", "RunContinued"),
    "workflow": ("StepContinued", "StepExecutorContinued"),
}
_UNFINISHED = ("PENDING", "RUNNING")
_AGENT_CONTENT = AGENT.prefix + "Content"
_TEAM_CONTENT = TEAM.prefix + "Content"


class AgentOSFold:
    """Types the frames of one run's stream and adds them up to its output.

    The outer run is the one that was started; runs inside it (members, steps' executors, nested
    workflows) travel in the same stream, and their ends are not its end. The first terminal event
    of the outer run counts: a cancelled run is followed by a completed event that is not true,
    which is not handed out.

    ``first_index`` is the number of the first event that is expected, where events are numbered.
    What is kept of an event is a copy: events belong to whoever reads them.
    """

    decodes_lists = False
    frames: Optional[int] = None
    #: A paused workflow's output, and what contradicts a cancelled run, come behind its end.
    grace = 2.0
    suspect = False

    def __init__(
        self,
        component: Component,
        run_id: Optional[str] = None,
        session_id: Optional[str] = None,
        announced: bool = True,
        first_index: Optional[int] = None,
        schema: Any = None,
    ) -> None:
        #: What the run's content is to look like.
        self.schema = schema
        self.run_id = run_id
        self.session_id = session_id
        self.through_pauses = False
        self.on_end: Optional[Callable[[Any], None]] = None
        self._model: Type[Output] = getattr(models, component.output)
        #: What the server itself said against going on with the stream.
        self.fault: Optional[str] = None
        self._resumed = False
        self._next = first_index  # every event before this number has come
        self._ahead: Set[int] = set()  # the numbers of those beyond it that have come
        self._counted = True  # this server leaves no number out, as far as has been seen
        self._sparse = False  # what is replayed is not all there was
        self._replay: Any = None  # the status in the last frame that told where events come from
        self._late: List[Any] = []
        self._component = component
        self._announced = announced  # the server was asked for start and completed events
        self._identified = False
        self._new_text()
        self._object: Any = None  # content that is no text: structured output
        self._stopped = False  # the run has ended, or pauses
        self._status = "RUNNING"
        self._final: Dict[str, Any] = {}
        self._head: Dict[str, Any] = {}
        self._tools: Dict[str, Any] = {}
        self._steps: List[Any] = []
        self._told: List[str] = []  # the text of earlier steps, or before a pause
        self._cancelled: List[Any] = []
        self._output: Optional[Any] = None
        self._is_workflow = component is WORKFLOW
        self._names = _names(component)
        self._classes = _event_classes()

    @property
    def finished(self) -> bool:
        return self._stopped and not self.waits

    @property
    def waits(self) -> bool:
        return self.through_pauses and self._stopped and self._status == "PAUSED"

    @property
    def cancelled(self) -> bool:
        return self._status == "CANCELLED"

    @property
    def last_event_index(self) -> Optional[int]:
        return self._next - 1 if self._next else None

    @property
    def news(self) -> int:
        return (self._next or 0) + len(self._ahead)

    def flush(self) -> List[Any]:
        late, self._late = self._late, []
        return late

    def decode(self, name: str, data: Any) -> Any:
        if type(data) is not dict:
            return UnknownEvent(name, data)
        if not self._identified:
            self._identify(data)
        kind = data.get("event")
        if type(kind) is not str:
            return self._unnamed(name, data)
        if "event_index" in data:
            index = data["event_index"]
            if index == self._next and not self._ahead:
                self._next = index + 1
            elif self._is_repeated(index):
                return None
        if kind in self._names.content:
            # Inline: nearly all events of a stream come through here.
            if data.get("run_id") == self.run_id or (
                self._is_workflow and data.get("parent_run_id") is None
            ):
                content = data.get("content")
                if type(content) is str:
                    self._write(content)
                elif content is not None:
                    self._object = _own(content)
        elif kind in self._names.handlers and not self._names.handlers[kind](self, data):
            return None
        cls = self._classes.get(kind)
        if cls is None:
            return _custom(data) if kind == "CustomEvent" else UnknownEvent(kind, data)
        event = _new(cls)
        event.__dict__ = data
        return event

    def _is_repeated(self, index: Any) -> bool:
        """Whether a resumed stream has sent this event before; else remembers its number."""
        if type(index) is not int:
            return False
        if self._next is None:
            self._next = index
        if index < self._next or index in self._ahead:
            return self._resumed
        if index > self._next and not self._sparse:
            if self._resumed and self._counted:
                raise EventsMissingError(
                    "the events with the numbers %d to %d are missing" % (self._next, index - 1)
                )
            self._counted = False
        self._ahead.add(index)
        while self._next in self._ahead:
            self._ahead.remove(self._next)
            self._next += 1
        return False

    def _identify(self, data: Dict[str, Any]) -> None:
        """Learn the outer run's id from the first frame that tells it; it may differ from ours."""
        if self._component is WORKFLOW:
            run_id = data.get("workflow_run_id") or data.get("run_id")
        else:
            run_id = data.get("parent_run_id") or data.get("run_id")
        if isinstance(run_id, str):
            self.run_id = run_id
            session_id = data.get("session_id")
            if session_id and isinstance(session_id, str):
                self.session_id = session_id
            self._identified = True

    def _unnamed(self, name: str, data: Dict[str, Any]) -> Any:
        if name == WORKFLOW.output:  # a paused workflow's whole output follows its last event
            if self._component is WORKFLOW and data.get("run_id") == self.run_id:
                self._final = _own(data)
                status = data.get("status")
                self._status = status if status and isinstance(status, str) else self._status
                self._stopped = True
                self._output = None
                self._tell_end()
            return models.WorkflowRunOutput.from_dict(data)
        return UnknownEvent(name, data)

    def delta(self, event: Any) -> Optional[str]:
        # A team member's content is not the team's, and what a step's executor says is the
        # workflow's: an executor's run has no parent.
        data = event.__dict__
        if type(event) in self._names.deltas and (
            data.get("run_id") == self.run_id
            or (self._is_workflow and data.get("parent_run_id") is None)
        ):
            content = data.get("content")
            return content if isinstance(content, str) else None
        return None

    def unstreamed(self) -> str:
        content = self.output().content
        streamed = self._text.getvalue()
        if not isinstance(content, str) or self._status != "COMPLETED":
            return ""
        if self._is_workflow:
            streamed = "".join((*self._told, streamed))
            # Steps that have streamed came before one that has not: its answer is the workflow's.
            apart = "\n" if streamed and not streamed.endswith("\n") else ""
            return "" if streamed.endswith(content) else apart + content
        return content[len(streamed) :] if content.startswith(streamed) else ""

    def _start_of_run(self, data: Dict[str, Any]) -> bool:
        if not self._head and data.get("run_id") == self.run_id:
            self._head = _own(data)
        return True

    def _end_of_run(self, data: Dict[str, Any]) -> bool:
        name: str = data["event"]
        run_id = data.get("run_id", self.run_id)  # an endpoint's own error names no run
        if name.endswith("Cancelled"):
            self._cancelled.append(run_id)
        elif name.endswith("Completed") and run_id in self._cancelled:
            return False
        open = not self._stopped or self._status == "PAUSED"
        if name in self._names.endings and run_id == self.run_id and open:
            if self._stopped:
                self._leave_pause()
            self._stopped = True
            self._final = _own(data)
            self._status = self._names.endings[name]
            self._tell_end()
        return True

    def _go_on(self, data: Dict[str, Any]) -> bool:
        ours = self.run_id in (data.get("run_id"), data.get("parent_run_id"))
        if ours and self._stopped and self._status == "PAUSED":
            self._leave_pause()
        return True

    def _leave_pause(self) -> None:
        self._stopped = False
        self._status, self._final, self._output = "RUNNING", {}, None
        if not self._is_workflow:  # the content of agents and teams begins anew
            self._told.append(self._text.getvalue())
            self._new_text()

    def _tell_end(self) -> None:
        if self.on_end is not None:
            known: Dict[str, Any] = {"run_id": self.run_id, "session_id": self.session_id}
            # What names no run is the endpoint's own error: the run may be as it was.
            known["status"] = self._status if "run_id" in self._final or not self._final else None
            self.on_end(self._model._view(dict(self._final, **known)))

    def _end_of_stream(self, data: Dict[str, Any]) -> bool:
        self.fault = str(data.get("error") or data.get("message") or data["event"])
        return True

    def _control(self, data: Dict[str, Any]) -> bool:
        replayed = data["event"] == "replay"
        # From a database come the events that were stored; those of the text were not.
        self._sparse = replayed and "total_buffered" not in data
        self._replay = data.get("status") if replayed else None
        # Whoever reads a stream that resumed by itself need not know that it did.
        return not self._resumed

    def _tool_call(self, data: Dict[str, Any]) -> bool:
        tool = data.get("tool")
        if isinstance(tool, dict) and data.get("run_id") == self.run_id:
            self._tools[str(tool.get("tool_call_id"))] = _own(tool)
        return True

    def _end_of_step(self, data: Dict[str, Any]) -> bool:
        if data.get("run_id") == self.run_id:
            result = data.get("step_response")
            if result is not None:
                self._steps.append(_own(result))
            self._told.append(self._text.getvalue())
            self._new_text()
        return True

    def _new_text(self) -> None:
        self._text = io.StringIO()
        self._write = self._text.write

    def end(self) -> bool:
        if self.fault is not None or self._replay in _UNFINISHED:  # it died with its server
            return False
        answered = self._object is not None or self._text.tell() > 0
        if not self._stopped and not self._announced and answered:
            # Without events agents and teams announce no end: a clean close behind the answer is
            # all there is. Workflows always do.
            self._stopped = self._component is not WORKFLOW
            if self._stopped:
                self._status = "COMPLETED"
                self._tell_end()
        return self.finished

    def resumed(self) -> None:
        """The frames that come now may repeat those that have been."""
        self._resumed = True

    def settle(self, output: Any) -> None:
        """Take the output of a run that ended or paused unseen as the stream's."""
        if self.waits:
            if output.is_paused and not paused_anew(self.output(), output):
                return
            self._leave_pause()
        self._late = self._found_out(output.to_dict())
        self._stopped = True
        self._output = output
        if self.on_end is not None:
            self.on_end(output)

    def catch_up(self, output: Any) -> List[Any]:
        """What the output of a run that has ended tells, beyond what has come."""
        if self.finished:
            return []
        self.settle(output)
        return self.flush()

    def _found_out(self, data: Dict[str, Any]) -> List[Any]:
        """What an output tells of events that have not come: those stored in it, text, the end."""
        prefix, last = self._component.prefix, self.last_event_index
        known = {"run_id": self.run_id, "session_id": self.session_id}
        found: List[Dict[str, Any]] = []
        content, streamed = data.get("content"), self._text.getvalue()
        if not self._is_workflow and isinstance(content, str) and content.startswith(streamed):
            rest = content[len(streamed) :]
            question = self.through_pauses and data.get("status") == "PAUSED"
            if rest and not question:  # it is not stored in pieces
                found.append(dict(known, event=prefix + "Content", content=rest))
        stored = data.get("events")
        for place, event in enumerate(stored if isinstance(stored, list) else ()):
            if isinstance(event, dict) and isinstance(event.get("event"), str):
                # One without a number has at least that of its place, for none is stored twice.
                index = event.get("event_index")
                if (index if isinstance(index, int) else place) > (-1 if last is None else last):
                    found.append(event)
        ending = _ENDING_OF.get(str(data.get("status")))
        if ending is not None:
            name = prefix + ending
            end = {
                wire: data[wire] for wire in fields_of(self._classes[name]).values() if wire in data
            }
            if self._is_workflow and ending == "Error":
                end["error"] = content
            found.append(dict(end, **known, event=name))
        self._resumed = self._sparse = True
        told = []
        for each in found:
            if not self._stopped or each["event"] not in self._names.endings:
                told.append(self.decode(each["event"], each))
        return [event for event in told if event is not None]

    def output(self) -> Any:
        if not self._stopped:
            return expecting(self._model.from_dict(self._build().to_dict()), self.schema)
        if self._output is None:  # kept, because decisions are made in place
            self._output = self._build()
        return expecting(self._output, self.schema)

    def _build(self) -> Any:
        data = {
            name: value
            for source in (self._head, self._final)
            for name, value in source.items()
            if name not in _EVENT_ONLY
        }
        data.setdefault("run_id", self.run_id)
        if self.session_id is not None and not isinstance(data.get("session_id"), str):
            data["session_id"] = self.session_id
        data["status"] = self._status
        if data.get("content") is None:
            said = self._text.getvalue()
            if not self._is_workflow:
                said = "".join((*self._told, said))
            content = self._object if self._object is not None else said
            # A workflow's error stands in a field of its own.
            content = self._final.get("error") or content
            if content != "":
                data["content"] = content
        if self._tools and not data.get("tools"):
            data["tools"] = list(self._tools.values())
        if self._steps and not data.get("step_results"):
            data["step_results"] = list(self._steps)
        return self._model.from_dict(data)


class _Names(NamedTuple):
    """The names of events that mean something in the streams of one kind of component."""

    content: Tuple[str, ...]
    deltas: Tuple[Type[Model], ...]  # the classes of those
    endings: Dict[str, str]  # of the outer run, with the status that each stands for
    handlers: Dict[str, Callable[[AgentOSFold, Dict[str, Any]], bool]]


@functools.lru_cache(maxsize=None)
def _names(component: Component) -> _Names:
    prefix, fold = component.prefix, AgentOSFold
    content: Tuple[str, ...] = (prefix + "Content",)
    handlers: Dict[str, Callable[[AgentOSFold, Dict[str, Any]], bool]] = {
        prefix + "Started": fold._start_of_run,
        "error": fold._end_of_stream,
        "stream_expired": fold._end_of_stream,
        "catch_up": fold._control,
        "subscribed": fold._control,
        "replay": fold._control,
    }
    for each in COMPONENTS:
        for ending in _ENDINGS:
            handlers[each.prefix + ending] = fold._end_of_run
    for name in _CONTINUED[component.kind]:
        handlers[name] = fold._go_on
    if component is WORKFLOW:
        content = (_AGENT_CONTENT, _TEAM_CONTENT)
        handlers["StepCompleted"] = fold._end_of_step
    else:
        for name in _TOOL_EVENTS:
            handlers[prefix[: -len("Run")] + name] = fold._tool_call
    deltas = tuple(_event_classes()[name] for name in content)
    endings = {prefix + ending: status for ending, status in _ENDINGS.items()}
    return _Names(content, deltas, endings, handlers)


@functools.lru_cache(maxsize=None)
def _event_classes() -> Dict[str, Type[Model]]:
    """Event name to class, of agents, teams and workflows: the three share CustomEvent alone."""
    from ...models.runs import EVENT_CLASSES  # with the first stream: importing them takes time

    return {
        name: cls
        for classes in EVENT_CLASSES.values()
        for name, cls in classes.items()
        if name != "CustomEvent"
    }


def _own(value: Any) -> Any:
    """A copy of JSON that nobody else has."""
    return Model._view({"": value}).to_dict()[""]


def _custom(data: Dict[str, Any]) -> Any:
    """A CustomEvent has one name for all three kinds; the id in it tells whose it is."""
    if "team_id" in data:
        return models.TeamCustomEvent._view(data)
    if "workflow_id" in data and "agent_id" not in data:
        return models.WorkflowCustomEvent._view(data)
    return models.CustomEvent._view(data)
