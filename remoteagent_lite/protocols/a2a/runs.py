"""Runs of one component over A2A: which operation makes what happen. No I/O."""

from __future__ import annotations

import functools
from typing import (
    Any,
    Callable,
    Dict,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Type,
)

from ... import models
from ...errors import NotFoundError, TaskNotFoundError, UnsupportedError
from ...modelling.base import Model
from ..component import Component
from ..contract import Told
from .adk import awaited_calls
from .content import ToolCall
from .fold import A2AFold
from .interface import (
    AGENT_CARD,
    AGNO,
    CANCEL_TASK,
    GET_TASK,
    LIST_TASKS,
    SEND_MESSAGE,
    SEND_STREAMING_MESSAGE,
    SUBSCRIBE_TO_TASK,
    Interface,
)
from .message import message_of
from .operation import Operation, StreamOperation
from .output import output_of

__all__ = ["A2A"]


class _Answer(NamedTuple):
    """What continues a run, and the tool calls that it is the response of."""

    input: Any
    awaited: List[ToolCall]


#: What a run of a session is looked up by, at most; the protocol's largest page.
_PAGE = 100


class A2A:
    """Makes the operations for one component. The counterpart of AgentOS for the other protocol.

    A run is a task, and a session a context; the server chooses the ids of both.
    """

    #: Whether the stream of every run can be taken up again, not just those in the background.
    recovers = True
    #: Whether a run is found by its id only together with its session's.
    needs_session = False
    unknown = TaskNotFoundError
    #: It decides nothing between two callers that begin the same run.
    claims = None
    config_is_kept = True

    def __init__(self, component: Component, component_id: str) -> None:
        if not isinstance(component_id, str) or not component_id:
            raise ValueError("%s must be a non-empty str" % component.id_field)
        self.component = component
        self.id = component_id
        self._output: Type[Model] = getattr(models, component.output)

    def config(self, fresh: bool = True) -> Operation[Any]:
        """The agent card, as the configuration of an AgentOS component."""
        model: Type[Model] = getattr(models, self.component.config)

        def parse(card: Dict[str, Any], interface: Optional[Interface]) -> Any:
            known = {"id": self.id, "name": card.get("name"), "card": card}
            if card.get("description"):
                known["description"] = card["description"]
            return model.from_dict(known)

        return Operation(AGENT_CARD, {"fresh": fresh}, parse)

    @staticmethod
    def others(error: NotFoundError) -> None:
        """What else there is nobody tells: the URL is one agent's."""

    def identify(self, fields: Dict[str, Any]) -> None:
        """Ids that a run gets before it is sent: none."""

    @staticmethod
    def named(input: Any, run_id: str, fields: Dict[str, Any]) -> Any:
        """The input of a run that is to be found by ``run_id``: that becomes its message's id."""
        fields["message_id"] = run_id
        return input

    @staticmethod
    def was_begun(row: Any, run_id: str, alone: bool) -> bool:
        """Whether a task in its context's list is the one that the message ``run_id`` began."""
        history = row.task.history if row.task is not None else None
        return alone or any(message.message_id == run_id for message in history or ())

    def run(self, input: Any, options: Mapping[str, Any]) -> Operation[Any]:
        """SendMessage, answered by a task or a message."""
        params, headers = self._sent(input, options, None)
        return Operation(SEND_MESSAGE, params, self._parse_sent(options), headers)

    def run_stream(self, input: Any, options: Mapping[str, Any]) -> StreamOperation:
        """SendStreamingMessage."""
        params, headers = self._sent(input, options, None)
        return StreamOperation(SEND_STREAMING_MESSAGE, params, self._fold(options), headers)

    def continue_run(
        self, run_id: str, continuation: _Answer, options: Mapping[str, Any]
    ) -> Operation[Any]:
        """SendMessage to an interrupted task."""
        params, headers = self._sent(continuation.input, options, run_id, continuation.awaited)
        return Operation(SEND_MESSAGE, params, self._parse_sent(options), headers)

    def continue_stream(
        self, run_id: str, continuation: _Answer, options: Mapping[str, Any]
    ) -> StreamOperation:
        """SendStreamingMessage to an interrupted task."""
        params, headers = self._sent(continuation.input, options, run_id, continuation.awaited)
        fold = self._fold(dict(options, run_id=run_id))
        return StreamOperation(SEND_STREAMING_MESSAGE, params, fold, headers)

    def _sent(
        self,
        input: Any,
        options: Mapping[str, Any],
        run_id: Optional[str],
        awaited: Sequence[ToolCall] = (),
    ) -> Tuple[Dict[str, Any], Dict[str, str]]:
        said = {name: value for name, value in options.items() if name not in _NOT_SAID}
        message = message_of(
            input,
            said,
            context_id=options.get("session_id"),
            task_id=run_id,
            awaited=awaited,
        )
        if options.get("message_id"):
            message["messageId"] = options["message_id"]
        params: Dict[str, Any] = {
            "message": message,
            "configuration": {"returnImmediately": bool(options.get("background"))},
        }
        for name, value in (options.get("extra_fields") or {}).items():
            if name == "message":
                raise ValueError("extra_fields must not hold the message: that is the input")
            merged = isinstance(value, dict) and isinstance(params.get(name), dict)
            params[name] = {**params[name], **value} if merged else value
        user_id = options.get("user_id")
        return params, {"X-User-ID": user_id} if user_id and user_id.isascii() else {}

    def _parse_sent(self, options: Mapping[str, Any]) -> Callable[[Any, Interface], Any]:
        def parse(result: Any, interface: Interface) -> Any:
            output = self._parse(result, interface)
            if interface.binding == AGNO and not options.get("background"):
                return self.paused_unless_over(output)
            return output

        return parse

    @staticmethod
    def paused_unless_over(output: Any) -> Any:
        """What is known of a run that an AgentOS does nothing more for.

        It calls a run that waits for a decision "working", and has no way to tell for which.
        """
        if output.status in ("PENDING", "RUNNING"):
            output.__dict__["status"] = "PAUSED"
        return output

    def standing(self, output: Any) -> Any:
        """What matters of an output for going on with its run."""
        if not isinstance(output, self._output):
            raise TypeError(
                "a %s is continued with its %s, not %s"
                % (self.component.kind, self.component.output, type(output).__name__)
            )
        data = output.__dict__
        names = ["run_id", "session_id", "status"]
        kept = {}
        if data.get("status") == "PAUSED":
            # What it asks, and how; an answer may be long, and is not kept.
            names.append("content")
            asked: Any = output
            if asked.task is not None:
                task = asked.task.to_dict()
                kept["task"] = {name: task[name] for name in _ASKING if name in task}
        kept.update((name, data[name]) for name in names if name in data)
        return self._output.from_dict(kept)

    def continuation(
        self,
        run_id: str,
        paused: Any,
        latest: Any,
        given: Optional[List[Any]],
        options: Dict[str, Any],
    ) -> Any:
        """What answers an interrupted task; the input is taken out of ``options``."""
        if given is not None:
            raise UnsupportedError(
                "Over A2A a run is continued by input=, not by %s=." % self.component.decisions
            )
        if paused is not None and paused.task_state in ("submitted", "working"):
            raise UnsupportedError("run %s waits for %s." % (run_id, paused.waits_for))
        for state in (latest, paused):
            if state is not None and state.status != "PAUSED":
                raise ValueError(
                    "run %s waits for no input: it is %s. To go on with its conversation call "
                    "run() with its session_id" % (run_id, state.status)
                )
        input = options.pop("input", None)
        if input is None:
            asked = next((s.content for s in (latest, paused) if s is not None and s.content), None)
            raise ValueError(
                "continue_run needs input=, the answer to what the agent asked%s"
                % (": %s" % asked if asked else "")
            )
        asking = next((s.task for s in (latest, paused) if s is not None and s.task), None)
        return _Answer(input, awaited_calls(asking.to_dict()) if asking is not None else [])

    @staticmethod
    def is_follow_up(options: Mapping[str, Any]) -> bool:
        """Whether the options make something new of a run that has ended: never over A2A."""
        return False

    def running(self, run_id: str) -> Any:
        """What can be said of a run that is under way."""
        return self._output.from_dict({"run_id": run_id, "status": "RUNNING"})

    def cancel(self, run_id: str, session_id: Optional[str]) -> Operation[Any]:
        """CancelTask: the output as it stands then, or None if the answer proves nothing."""

        def parse(task: Any, interface: Interface) -> Any:
            # AgentOS calls everything cancelled, what never was and what had ended before.
            return None if interface.binding == AGNO else self._parse(task, interface)

        return Operation(CANCEL_TASK, _task(run_id, session_id), parse)

    def get_run(
        self, run_id: str, session_id: Optional[str], follow_up: bool = False
    ) -> Operation[Any]:
        """GetTask"""
        return Operation(GET_TASK, _task(run_id, session_id), self._parse)

    def look_up(self, fold: A2AFold) -> Operation[Any]:
        """GetTask of a stream's run: how it stands, or its output if the stream has ended."""

        def parse(task: Any, interface: Interface) -> Any:
            if not fold.finished:
                return Told(functools.partial(fold.snapshot, task))
            output = self._parse(task, interface)
            return self.paused_unless_over(output) if interface.binding == AGNO else output

        return Operation(GET_TASK, _task(fold.run_id, fold.session_id), parse)

    @staticmethod
    def paused_anew(before: Any, latest: Any) -> bool:
        """Whether a run waits for something new: a task asks one thing after another."""
        return True

    def list_runs(self, session_id: str, status: Optional[str]) -> Operation[Any]:
        """ListTasks of a context, at most one page, as outputs."""
        params: Dict[str, Any] = {
            "contextId": session_id,
            "includeArtifacts": True,
            "pageSize": _PAGE,
        }

        def parse(page: Any, interface: Interface) -> List[Any]:
            outputs = [self._parse(task, interface) for task in page.get("tasks") or []]
            return [each for each in outputs if status is None or each.status == status]

        return Operation(LIST_TASKS, params, parse)

    def resume_stream(
        self, run_id: str, session_id: Optional[str], index: Optional[int], fold: Any = None
    ) -> StreamOperation:
        """SubscribeToTask"""
        if index is not None:
            raise UnsupportedError(
                "A2A numbers no events: resume without last_event_index gives the run as it is "
                "and what comes from then on."
            )
        fold = fold or self._fold({"run_id": run_id, "session_id": session_id})
        return StreamOperation(SUBSCRIBE_TO_TASK, _task(run_id, session_id), fold)

    def _fold(self, options: Mapping[str, Any]) -> A2AFold:
        return A2AFold(
            self.component,
            self.id,
            session_id=options.get("session_id"),
            run_id=options.get("run_id"),
        )

    def _parse(self, result: Any, interface: Interface) -> Any:
        return output_of(result, self.component, self.id)


def _task(run_id: Optional[str], session_id: Optional[str]) -> Dict[str, Any]:
    """The parameters that name a task."""
    if not isinstance(run_id, str) or not run_id:
        raise ValueError("run_id must be a non-empty str")
    return {"id": run_id, "contextId": session_id} if session_id else {"id": run_id}


#: The members of a task that tell what it waits for.
_ASKING = ("id", "contextId", "status", "metadata")
#: Options that are not part of the message.
_NOT_SAID = ("background", "extra_fields", "message_id", "session_id")
