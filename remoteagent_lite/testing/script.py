"""An agent that says what a test tells it to say, and remembers what it was sent."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Any, Callable, Dict, List, Optional, Sequence, Union

from ..gateway.local.component import LocalComponent
from ..gateway.local.run import AgentError, Run
from ..media import Media
from ..protocols.component import AGENT, TEAM, WORKFLOW, Component
from .faults import Fault

__all__ = [
    "Item",
    "Request",
    "Script",
    "Tool",
    "answer",
    "ask",
    "data",
    "error",
    "event",
    "file",
    "reject",
    "reply",
    "sleep",
    "step",
    "tool",
]

#: How long a script that waits takes to notice that its run was cancelled, in seconds.
_LOOK = 0.02


class Request:
    """What a run was begun with, and what was answered to its questions."""

    def __init__(self, run: Run) -> None:
        self.text: str = run.text
        self.input: Any = run.input
        self.files: List[Media] = run.files
        self.data: List[Any] = run.data
        self.run_id: str = run.run_id
        self.session_id: str = run.session_id
        self.user_id: Optional[str] = run.user_id
        self.message_id: str = run.message_id
        self.metadata: Dict[str, Any] = run.metadata
        #: A text for each ``ask``, a Confirmation for each ``tool(...).confirm()``.
        self.answers: List[Any] = []

    def __repr__(self) -> str:
        return "<Request %r of session %s>" % (self.text, self.session_id)


class Item:
    """One thing that a script does. ``play`` does it in a run."""

    def __init__(self, play: Callable[[Run, Request], Any]) -> None:
        self.play = play


class _ToolError(AgentError):
    """What a tool raises that is to fail."""


class Tool(Item):
    """A call of a tool."""

    def __init__(self, name: str, args: Dict[str, Any], result: Any, error: Optional[str]) -> None:
        super().__init__(self._call)
        self._name = name
        self._args = args
        self._result = result
        self._error = error
        self._asks = False
        self._question: Optional[str] = None

    def confirm(self, question: Optional[str] = None) -> Tool:
        """The run pauses before the call, until it is decided; without a yes there is no call."""
        self._asks, self._question = True, question
        return self

    def _call(self, run: Run, request: Request) -> None:
        if self._asks:
            confirmation = run.confirm(self._name, self._args, self._question)
            request.answers.append(confirmation)
            if not confirmation:
                return
        with contextlib.suppress(_ToolError):
            run.tool(self._name, self._args, self._returned)

    def _returned(self, **args: Any) -> Any:
        if self._error is not None:
            raise _ToolError(self._error)
        return self._result


Played = Union[str, Item, Fault, threading.Event, Callable[[Run], Any]]


class Script(LocalComponent):
    """An agent for a Gateway or ``serve`` that plays its items in each run, in their order.

    An item is a text, which is a piece of the answer; one of ``tool``, ``ask``, ``step``,
    ``event``, ``file``, ``data``, ``sleep``, and, as the last, ``error``, ``answer``, ``reply`` or
    ``reject``; a threading.Event that is waited for; or a function of the Run, whose text is a
    piece. Where faults stand among them does not matter: each request for a run has the next of
    them, as ``serve`` is served; the others play.

    ``then`` adds what is played in the next run; the last is played in all that follow.
    ``requests`` are what the runs were begun with, in the order in which they began.
    """

    def __init__(
        self,
        *items: Played,
        id: Optional[str] = None,
        name: Optional[str] = None,
        description: Optional[str] = None,
    ) -> None:
        self._id = id
        self._named = name
        self._lock = threading.Lock()  # guards the next three
        self._parts: List[List[Played]] = []
        self._chosen: Dict[str, List[Played]] = {}
        self._requests: Dict[str, Request] = {}
        self.faults: List[Fault] = []
        super().__init__(AGENT, self._play, id=id or "agent", name=name, description=description)
        self.description = description or "Plays a script."
        self.then(*items)

    def then(self, *items: Played) -> Script:
        """What is played in the run that follows."""
        for each in items:
            if not (isinstance(each, (str, Item, Fault, threading.Event)) or callable(each)):
                raise TypeError("%r is nothing that a Script can play" % (each,))
            if isinstance(each, Fault):
                self.faults.append(each)
        self._parts.append([each for each in items if not isinstance(each, Fault)])
        return self

    def as_team(self, *, members: Sequence[str] = ()) -> Script:
        """Make it a team; its id is "team" if none was given."""
        self.members = list(members)
        return self._as(TEAM)

    def as_workflow(self, *, steps: Sequence[str] = ()) -> Script:
        """Make it a workflow; its id is "workflow" if none was given."""
        self.steps = list(steps)
        return self._as(WORKFLOW)

    def _as(self, component: Component) -> Script:
        self.component = component
        self.id = self._id or component.kind
        self.name = self._named or self.id
        return self

    def is_addressed(self, path: str) -> bool:
        """Whether a request goes to it, over AgentOS or A2A."""
        return "/%s/" % self.key in path + "/"

    @property
    def requests(self) -> List[Request]:
        with self._lock:
            return list(self._requests.values())

    @property
    def runs(self) -> int:
        """How many runs were begun."""
        return len(self.requests)

    def _play(self, run: Run) -> Any:
        for fault in self.faults:
            if not fault.is_armed:
                raise RuntimeError(
                    "%r happens where a Script is served: serve(script), or serve(app, "
                    "faults=script.faults)" % fault
                )
        with self._lock:
            if run.run_id not in self._requests:
                number = min(len(self._requests), len(self._parts) - 1)
                self._chosen[run.run_id] = self._parts[number]
                self._requests[run.run_id] = Request(run)
            items, request = self._chosen[run.run_id], self._requests[run.run_id]
        request.answers.clear()  # after a pause all are given again
        for item in items:
            value = _played(item, run, request)
            if value is not None:
                return value
        return None


def _played(item: Any, run: Run, request: Request) -> Any:
    """What the run returns, if it ends with the item."""
    if isinstance(item, Item):
        return item.play(run, request)
    if isinstance(item, threading.Event):
        while not (item.wait(_LOOK) or run.cancelled):
            pass
    elif isinstance(item, str):
        run.send(item)
    else:
        piece = item(run)
        if piece is not None:
            run.send(piece)
    return None


def tool(
    name: str,
    args: Optional[Dict[str, Any]] = None,
    *,
    result: Any = "",
    error: Optional[str] = None,
    **more: Any,
) -> Tool:
    """A call of a tool with ``args`` and ``more``; with ``error`` it fails, and the run goes on.

    ``tool(...).confirm()`` waits for a decision first.
    """
    return Tool(name, {**(args or {}), **more}, result, error)


def ask(question: str, options: Optional[Sequence[str]] = None) -> Item:
    """The run pauses until the question is answered; ``request.answers`` has the answer."""
    return Item(lambda run, request: request.answers.append(run.ask(question, options)))


def step(name: str, *items: Played) -> Item:
    """A step that plays items of its own."""
    inner = Script(*items, id=name.replace("/", "-"))
    if inner.faults:
        raise TypeError("a fault belongs to a whole run, not to a step")

    def play(run: Run, request: Request) -> None:
        run.step(name, inner)

    return Item(play)


def event(name: Any, **fields: Any) -> Item:
    """An event of the agent's own: a name and fields, or an object."""
    return Item(lambda run, request: run.event(name, **fields))


def file(
    content: Any,
    *,
    filename: Optional[str] = None,
    media_type: Optional[str] = None,
    name: Optional[str] = None,
) -> Item:
    """A file beside the answer: bytes, or Image, Audio, Video or File."""
    return Item(
        lambda run, request: run.send_file(
            content, filename=filename, media_type=media_type, name=name
        )
    )


def data(value: Any, *, name: Optional[str] = None) -> Item:
    """Any JSON beside the answer."""
    return Item(lambda run, request: run.send_data(value, name=name))


def sleep(seconds: float) -> Item:
    """Nothing happens for that long, or until the run is cancelled."""

    def play(run: Run, request: Request) -> None:
        until = time.monotonic() + seconds
        while not run.cancelled and time.monotonic() < until:
            time.sleep(max(0.0, min(_LOOK, until - time.monotonic())))

    return Item(play)


def error(what: Union[str, BaseException]) -> Item:
    """The run fails: a text is told to the caller, of an exception only its class."""
    failure = AgentError(what) if isinstance(what, str) else what

    def play(run: Run, request: Request) -> None:
        raise failure

    return Item(play)


def answer(value: Any) -> Item:
    """The run ends with this answer, any JSON."""
    return Item(lambda run, request: value)


def reply(content: Any) -> Item:
    """The run ends, over A2A with a message in place of a task."""
    return Item(lambda run, request: run.reply(content))


def reject(reason: str) -> Item:
    """The run is turned down."""
    return Item(lambda run, request: run.reject(reason))
