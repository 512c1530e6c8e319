"""What the function of a local component is handed: what it was asked, and how it answers."""

from __future__ import annotations

import copy
import time
import uuid
from types import TracebackType
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Type

from ...media import File, Media
from ..parts import media_of, part_of
from .entries import Entry, written
from .execution import Execution
from .journal import Journal, Scope
from .record import Json, Record
from .steps import Branches, step_of

__all__ = ["AgentError", "Confirmation", "Message", "Paused", "Rejected", "Run", "ToolCall"]


class AgentError(Exception):
    """Raised by a function: the run fails, and its caller is told the text.

    Of every other exception the caller learns no more than its class.
    """


class Paused(BaseException):
    """The function waits for an answer; no Exception, so that none of its handlers takes it."""

    def __init__(self, pending: Json) -> None:
        super().__init__(pending)
        self.pending = pending


class Rejected(BaseException):
    """The function has turned the run down."""


class Message(NamedTuple):
    """What was said earlier in the session."""

    role: str  # "user" or "assistant"
    content: str
    parts: Sequence[Mapping[str, Any]] = ()  # as A2A writes them: files and data too


class Confirmation:
    """True if it was confirmed; ``note`` is what was said to it."""

    def __init__(self, confirmed: bool, note: Optional[str]) -> None:
        self.confirmed = confirmed
        self.note = note

    def __bool__(self) -> bool:
        return self.confirmed

    def __repr__(self) -> str:
        return "Confirmation(%r, %r)" % (self.confirmed, self.note)


class Run:
    """One run of a local component, for its function. Made by the gateway.

    Its methods may be called by any thread while the function runs. All of them, and
    each ``yield``, end the function once its run was cancelled, by an exception that ``except
    Exception`` does not catch; ``finally`` and ``with`` are for cleaning up.
    """

    def __init__(
        self,
        execution: Execution,
        journal: Journal,
        earlier: Callable[[], List[Record]],
    ) -> None:
        self._execution = execution
        self._record = execution.record
        self._parts = execution.record.parts
        self._journal = journal
        self._earlier = earlier
        self._scope = Scope(journal)
        self._inner: Optional[Callable[[Entry], None]] = None
        self._history: Optional[List[Message]] = None
        self.reply_message: Optional[Json] = None
        #: The steps that have told their answers on the way, by these.
        self.told_by_steps: Dict[str, Json] = {}

    def part_of_it(self, scope: Scope, given: Any, tell: Callable[[Entry], None]) -> Run:
        """This run for the function of another component, which tells it ``tell``."""
        part = copy.copy(self)
        part._scope = scope
        part._parts = [{"text": given} if isinstance(given, str) else {"data": given}]
        part._inner = tell
        return part

    # --- What was asked

    @property
    def run_id(self) -> str:
        """The id of the run, which over A2A is that of the task."""
        return self._record.run_id

    @property
    def session_id(self) -> str:
        """The session; A2A's context."""
        return self._record.session_id

    @property
    def user_id(self) -> Optional[str]:
        """Who asks, as the gateway's ``auth`` knows; without one as the caller says."""
        return self._record.kept.user_id

    @property
    def message_id(self) -> str:
        """The id that the caller gave to its message."""
        return str(self._record.data["messages"][0]["messageId"])

    @property
    def metadata(self) -> Dict[str, Any]:
        """What the caller sent along."""
        return dict(self._record.data.get("metadata", {}))

    @property
    def text(self) -> str:
        """The texts of the message, one below the other; "" if there is none."""
        return _text(self._parts)

    @property
    def data(self) -> List[Any]:
        """The data of the message, decoded JSON. Only A2A's messages have any."""
        return [part["data"] for part in self._parts if "data" in part]

    @property
    def files(self) -> List[Media]:
        """The files of the message: each has ``content`` or ``url``, mime_type, filename."""
        found = map(media_of, self._parts)
        return [media for media in found if media is not None]

    @property
    def input(self) -> Any:
        """The text; of a message without one its data, if that is one value, or a list of it."""
        if self.text:
            return self.text
        data = self.data
        return data[0] if len(data) == 1 else data or ""

    @property
    def history(self) -> List[Message]:
        """What was said in the session before, the oldest first; of the last hundred runs.

        Asks the store, once.
        """
        if self._history is None:
            self._history = [said for record in self._earlier() for said in _said(record)]
        return self._history

    @property
    def cancelled(self) -> bool:
        """Whether the run was cancelled, or has ended otherwise: nothing more will be told.

        Known at once if it was cancelled in this process, else within some seconds.
        """
        return self._execution.is_over

    # --- The answer

    def send(self, text: str) -> None:
        """Tell a piece of the answer, as ``yield`` does in a generator."""
        if not isinstance(text, str):
            raise TypeError("a piece of the answer is a str, not %r; see send_data" % (text,))
        if text:
            entry: Entry = {"kind": "content", "text": text}
            if text in self.told_by_steps:
                entry["step"] = self.told_by_steps[text]
            self._tell(entry)
        else:
            self._execution.check()

    def send_file(
        self,
        file: Any,
        *,
        filename: Optional[str] = None,
        media_type: Optional[str] = None,
        name: Optional[str] = None,
        description: Optional[str] = None,
    ) -> None:
        """Send a file: Image, Audio, Video or File, or its bytes. ``name`` is the artifact's."""
        if isinstance(file, (bytes, bytearray, memoryview)):
            file = File(content=bytes(file), mime_type=media_type, filename=filename)
        if not isinstance(file, Media):
            raise TypeError("a file is bytes, Image, Audio, Video or File, not %r" % (file,))
        part = part_of(file)
        if filename:
            part["filename"] = filename
        if media_type:
            part["mediaType"] = media_type
        self._send_artifact([part], name, description)

    def send_data(
        self, value: Any, *, name: Optional[str] = None, description: Optional[str] = None
    ) -> None:
        """Send any JSON beside the answer. ``name`` is the artifact's. TypeError for no JSON."""
        self._send_artifact([{"data": value}], name, description)

    def reply(self, content: Any) -> None:
        """Answer by a message in place of a task, over A2A; by AgentOS it is the answer.

        A text, or parts as A2A writes them. Return behind it. A client that is being told of the
        task by then gets it as the task's answer.
        """
        parts = [{"text": content}] if isinstance(content, str) else list(content)
        self.reply_message = {
            "messageId": str(uuid.uuid4()),
            "role": "ROLE_AGENT",
            "contextId": self.session_id,
            "parts": parts,
        }
        self._execution.check()

    def reject(self, reason: str) -> None:
        """Turn the run down, before anything was done for it. Ends the function."""
        raise Rejected(reason)

    # --- What is done on the way

    def event(self, event: Any, **fields: Any) -> None:
        """Tell an event of one's own: a name and fields, or an object; or one of a remote agent."""
        if isinstance(event, str):
            event = {"name": event, **fields}
        elif not isinstance(event, Mapping):
            event = event.to_dict()
        self._tell({"kind": "event", "event": dict(event)})

    def tool(
        self,
        name: str,
        args: Optional[Mapping[str, Any]] = None,
        function: Optional[Callable[..., Any]] = None,
    ) -> Any:
        """Call ``function(**args)``, and tell of it as of a tool call; what it returned.

        It is called once: when the run goes on after a pause, what it returned is given again, and
        has to be JSON for that. One that raised is called again.

        Without ``function`` it is a context around what the function itself does as a tool, and
        does again::

            with run.tool("search", {"query": text}) as call:
                call.result = search(text)
        """
        call = ToolCall(self._tell, name, dict(args or {}))
        if function is None:
            return call
        place = self._scope.place()

        def give() -> Any:
            with call:
                call.result = function(**call.args)
            return call.result

        return self._scope.once(place, "tool", name, give)

    def step(self, name: str, target: Any, input: Any = None, **options: Any) -> Any:
        """Run ``target`` as a step, and tell what it tells; its output, with ``content``. Blocks.

        ``target`` is a RemoteAgent, RemoteTeam or RemoteWorkflow, whose ``run`` gets ``input`` and
        ``options``; a local component; or a function, which is called with ``input``. ``input`` is
        this run's own text if it is not given.

        Raises RunFailedError, with the output, if the run failed, and what ``run`` raises. If it
        pauses, so does this run: its questions are asked here, and the answers given to it. It is
        run once: when this run goes on after a pause, the same output is given again.
        """
        place = self._scope.place()
        return self._step(self._scope, place, name, target, input, options)

    def gather(self, *steps: Tuple[Any, ...]) -> List[Any]:
        """Run several steps at a time, each in a thread; their outputs, in their order. Blocks.

        Each is ``(name, target)``, ``(name, target, input)`` or ``(name, target, input, options)``.
        All are waited for; then the error of the first one that failed is raised.
        """
        place, step = self._scope.place(), self._scope.step()
        branches = Branches()
        for number, (name, target, *rest) in enumerate(steps):
            given = rest[0] if rest else None
            options = dict(rest[1]) if len(rest) > 1 else {}
            scope = self._scope.within("%s.%d" % (place, number), step, number)
            branches.add(self._branch(scope, name, target, given, options))
        return branches.results()

    def _branch(self, scope: Scope, name: str, target: Any, given: Any, options: Json) -> Any:
        return lambda: self._step(scope, scope.place(), name, target, given, options)

    def _step(
        self, scope: Scope, place: str, name: str, target: Any, given: Any, options: Json
    ) -> Any:
        given = self.text if given is None else given
        return step_of(self, scope, place, name, target, given, options)

    # --- Questions

    def ask(self, question: str, options: Optional[Sequence[str]] = None) -> str:
        """Ask the caller. The run pauses, and the function ends here, until there is an answer.

        Then, in whatever process the answer comes, the function is called anew. What ``tool``,
        ``step`` and ``ask`` gave before is given again, and what was told is not told twice; all
        else happens again, and must lead here again. ``options`` are the answers to choose from.
        """
        pending: Json = {"kind": "input", "question": str(question)}
        if options is not None:
            pending["options"] = [str(each) for each in options]
            if not pending["options"]:
                raise ValueError("there is no option to choose from")
        answer: str = self.answer(self._scope, "ask", {**pending, "name": str(question)})
        return answer

    def confirm(
        self,
        name: str,
        args: Optional[Mapping[str, Any]] = None,
        question: Optional[str] = None,
    ) -> Confirmation:
        """Ask whether the tool ``name`` may be called with ``args``. Pauses, as ``ask`` does."""
        pending: Json = {"kind": "confirm", "name": name, "args": dict(args or {})}
        if question is not None:
            pending["question"] = question
        answer = self.answer(self._scope, "confirm", pending)
        return Confirmation(answer["confirmed"], answer.get("note"))

    def answer(self, scope: Scope, kind: str, pending: Json) -> Any:
        """The answer to what is ``pending``; the run pauses if there is none yet."""
        place, name = scope.place(), pending["name"]
        known = self._journal.known(place, kind, name)
        if known is not None and "value" in known:
            return known["value"]
        self._execution.check()
        self._journal.keep(place, kind, name, {})
        raise Paused({**pending, "id": str(uuid.uuid4()), "place": place})

    # --- What is told

    def _send_artifact(
        self, parts: List[Json], name: Optional[str], description: Optional[str]
    ) -> None:
        artifact: Json = {"artifactId": str(uuid.uuid4()), "parts": parts}
        if name:
            artifact["name"] = name
        if description:
            artifact["description"] = description
        self._tell({"kind": "artifact", "artifact": artifact})

    def _tell(self, entry: Entry) -> None:
        if self._journal.is_replaying:
            self._execution.check()
        elif self._inner is not None:
            self._inner(entry)
        else:
            self._execution.tell(entry)

    def __repr__(self) -> str:
        return "<run %s of %s>" % (self.run_id, self._record.kept.component)


class ToolCall:
    """A context in which a tool is called. ``result`` is what is told of it; "" if none is set."""

    def __init__(self, tell: Callable[[Entry], None], name: str, args: Dict[str, Any]) -> None:
        self.name = name
        self.args = args
        self.result: Any = None
        self._tell = tell
        self._tool: Json = {"tool_call_id": str(uuid.uuid4()), "tool_name": name, "tool_args": args}

    def __enter__(self) -> ToolCall:
        self._tool["created_at"] = int(time.time())
        self._tell({"kind": "tool", "tool": dict(self._tool)})
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if kind is None:
            done = {**self._tool, "result": _shown(self.result), "tool_call_error": False}
        elif issubclass(kind, Exception):
            text = str(error) if issubclass(kind, AgentError) else kind.__name__
            done = {**self._tool, "result": text, "tool_call_error": True}
        else:
            return
        self._tell({"kind": "tool_done", "tool": done})


def _shown(result: Any) -> Any:
    """What is told of a result: itself, or in words if it is no JSON."""
    if isinstance(result, (str, int, float, type(None))):
        return result
    try:
        written({"result": result})
    except (TypeError, ValueError):
        return str(result)
    return result


def _text(parts: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(part["text"] for part in parts if "text" in part)


def _said(record: Record) -> List[Message]:
    """What was said in an earlier run."""
    return [
        Message(
            "user" if said["role"] == "ROLE_USER" else "assistant",
            _text(said.get("parts", ())),
            said.get("parts", ()),
        )
        for said in record.conversation
    ]
