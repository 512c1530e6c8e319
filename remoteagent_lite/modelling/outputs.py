"""What run outputs and events can do, beside what they hold.

The generated classes name these as their bases (``codegen/bases.json``), so that no behaviour is
written into a generated file. Nothing here does I/O.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Tuple, Type, TypeVar

from ..errors import ProtocolError, RunFailedError
from .base import Model, children, fields_of
from .checks import (
    CONFIRMATION,
    EXECUTOR,
    EXTERNAL_EXECUTION,
    OUTPUT_REVIEW,
    ROUTE_SELECTION,
    USER_FEEDBACK,
    USER_INPUT,
    Pair,
    pairs_of,
)

if TYPE_CHECKING:
    from ..models import ErrorRequirement, RunRequirement, StepRequirement, ToolExecution
    from ..models.a2a_v10 import Message, Task
    from ..wire import Received

M = TypeVar("M", bound=Model)
OutputT = TypeVar("OutputT", bound="Output")

__all__ = ["Custom", "Event", "Output", "Pause", "Waiting", "expecting", "state_name"]

_FAILED = ("ERROR", "CANCELLED")
_STATE_PREFIX = "TASK_STATE_"
_WAITS_FOR = {"input-required": "input", "auth-required": "authentication"}


class Waiting(Model):
    """What may wait for decisions: an output, or the event of a pause."""

    @property
    def pending(self) -> List[Any]:
        """All that still has to be decided before the run can be continued, in order.

        Tool executions, requirements of a team's members, step (and error) requirements of a
        workflow; all have ``pause_type``, ``waits_for`` and the verbs for it.
        """
        if "step_requirements" in fields_of(type(self)) and self._may_wait:
            return [*self.active_step_requirements, *self.active_error_requirements]
        return [pair.item for pair in self._pairs() if pair.is_paused]

    @property
    def waits_for(self) -> Optional[str]:
        """What the run waits for in a few words, or None if it waits for nothing (any more)."""
        return "; ".join(item.waits_for for item in self.pending) or None

    @property
    def active_requirements(self) -> List[RunRequirement]:
        """The requirements that still wait; a workflow's are those of its steps' executors."""
        return [
            pair.requirement
            for pair in self._pairs()
            if pair.is_paused and pair.requirement is not None
        ]

    @property
    def active_step_requirements(self) -> List[StepRequirement]:
        """The step requirements of a workflow that still wait."""
        steps = children(self, "step_requirements") if self._may_wait else []
        return [step for step in steps if step.is_paused]

    @property
    def tools_requiring_confirmation(self) -> List[ToolExecution]:
        """The tool calls that wait for a yes or no, those of members and executors included."""
        return self._waiting_calls(CONFIRMATION)

    @property
    def tools_requiring_user_input(self) -> List[ToolExecution]:
        """The tool calls that wait for values from the user."""
        return self._waiting_calls(USER_INPUT)

    @property
    def tools_requiring_user_feedback(self) -> List[ToolExecution]:
        """The tool calls that wait for a choice among options."""
        return self._waiting_calls(USER_FEEDBACK)

    @property
    def tools_awaiting_external_execution(self) -> List[ToolExecution]:
        """The tool calls that the caller has to execute itself."""
        return self._waiting_calls(EXTERNAL_EXECUTION)

    def _waiting_calls(self, kind: str) -> List[Any]:
        return [
            pair.call for pair in self._pairs() if pair.is_paused and pair.item.pause_type == kind
        ]

    @property
    def active_error_requirements(self) -> List[ErrorRequirement]:
        """The failed steps of a workflow about which nothing has been decided."""
        errors = children(self, "error_requirements") if self._may_wait else []
        return [error for error in errors if error.is_paused]

    @property
    def steps_with_errors(self) -> List[ErrorRequirement]:
        """The same as ``active_error_requirements``."""
        return self.active_error_requirements

    @property
    def steps_requiring_confirmation(self) -> List[StepRequirement]:
        """The steps of a workflow that wait for a yes or no before they run."""
        return self._waiting_steps(CONFIRMATION)

    @property
    def steps_requiring_output_review(self) -> List[StepRequirement]:
        """The steps of a workflow whose output waits to be accepted, edited or refused."""
        return self._waiting_steps(OUTPUT_REVIEW)

    @property
    def steps_requiring_user_input(self) -> List[StepRequirement]:
        """The steps of a workflow that wait for values."""
        return self._waiting_steps(USER_INPUT)

    @property
    def steps_requiring_route(self) -> List[StepRequirement]:
        """The routers of a workflow that wait for a choice."""
        return self._waiting_steps(ROUTE_SELECTION)

    @property
    def steps_requiring_executor_resolution(self) -> List[StepRequirement]:
        """The steps of a workflow whose agent or team waits; see their ``active_requirements``."""
        return self._waiting_steps(EXECUTOR)

    def _waiting_steps(self, kind: str) -> List[Any]:
        steps: List[Any] = self.active_step_requirements
        return [step for step in steps if kind in step._open]

    @property
    def _may_wait(self) -> bool:
        return True

    def _pairs(self) -> List[Pair]:
        if "step_requirements" in fields_of(type(self)):
            return [
                Pair(None, requirement)
                for step in self.active_step_requirements
                for requirement in step.active_requirements
            ]
        if not self._may_wait:
            return []
        tools = children(self, "tools")
        pairs = pairs_of(tools, children(self, "requirements"))
        if not tools:
            return pairs
        # A call that is not among the tools is a member's, or its requirement is a leftover.
        return [pair for pair in pairs if pair.tool or pair.requirement.member_run_id]


class Output(Waiting):
    """Base of RunOutput, TeamRunOutput and WorkflowRunOutput."""

    __slots__ = ("_response", "_schema")  # all else is what the server sent

    _shown = ("status", "content")

    @property
    def response(self) -> Optional[Received]:
        """The HTTP answer that brought this output, or began its stream: ``status``, ``headers``,
        ``request_id``, and the A2A ``extensions`` that the agent has activated.

        No part of the output's data: a copy, a pickle and ``to_dict()`` are without it.
        """
        return getattr(self, "_response", None)

    @response.setter
    def response(self, received: Optional[Received]) -> None:
        object.__setattr__(self, "_response", received)

    @property
    def event(self) -> str:
        """The class's name: a paused workflow's stream ends with a frame that is an output."""
        return type(self).__name__

    @property
    def is_paused(self) -> bool:
        """Whether the run waits for somebody (``status == "PAUSED"``)."""
        return self.__dict__.get("status") == "PAUSED"

    @property
    def is_cancelled(self) -> bool:
        """Whether the run was cancelled (``status == "CANCELLED"``)."""
        return self.__dict__.get("status") == "CANCELLED"

    def has_completed(self) -> bool:
        """Whether the run ran to its end: its status is "COMPLETED" or "ERROR"."""
        return self.__dict__.get("status") in ("COMPLETED", "ERROR")

    @property
    def task(self) -> Optional[Task]:
        """The A2A task this run is, with all that it holds; None on an AgentOS's own API."""
        from ..models.a2a_v10 import Task  # only who speaks A2A pays for it

        return _viewed(self.__dict__, "task", Task)

    @property
    def message(self) -> Optional[Message]:
        """The message an A2A agent answered with instead of a task, or None."""
        from ..models.a2a_v10 import Message  # as above

        return _viewed(self.__dict__, "message", Message)

    @property
    def task_state(self) -> Optional[str]:
        """The state of the A2A task, finer than ``status``: "rejected", "auth-required", ...

        As protocol 0.3 writes it; None for what is no task.
        """
        # Not decoded for this: whoever only looks at the state needs no models of A2A.
        status = _fields(_fields(self.__dict__.get("task")).get("status"))
        state = status.get("state")
        return state_name(state) if isinstance(state, str) else None

    @property
    def reason(self) -> Optional[str]:
        """Why a run ended as ERROR or CANCELLED, in the server's words; else None."""
        values = self.__dict__
        if values.get("status") not in _FAILED:
            return None
        given = [values.get("reason"), values.get("error")]
        if "task" not in values and "message" not in values:
            given.append(values.get("content"))  # over A2A that is what the run had answered
        return next((text for text in given if isinstance(text, str) and text), None)

    @property
    def data_parts(self) -> List[Any]:
        """The values of the data parts an A2A agent answered with; see ``task`` for the rest."""
        data = self.__dict__.get("data")
        return data if isinstance(data, list) else []

    @property
    def waits_for(self) -> Optional[str]:
        """What the run waits for in a few words, or None if it waits for nothing (any more)."""
        state = self.task_state or ""
        if self.is_paused and state in ("submitted", "working"):
            return "a decision that an AgentOS tells and takes by its own protocol only"
        waited = _WAITS_FOR.get(state)
        if waited is not None:
            question = self.__dict__.get("content")
            return "%s: %s" % (waited, question) if isinstance(question, str) else waited
        return super().waits_for

    @property
    def _may_wait(self) -> bool:
        # AgentOS 2.3 marks calls of a team although it has run them.
        return self.__dict__.get("status") in (None, "PAUSED")

    def to_json(self, separators: Tuple[str, str] = (", ", ": "), indent: Optional[int] = 2) -> str:
        """``to_dict`` as JSON text."""
        return _json(self, separators, indent)

    def get_content_as_string(self, **options: Any) -> str:
        """The content as text: what is no text as JSON, of which ``options`` are json.dumps's."""
        content = self.__dict__.get("content")
        if content is None or isinstance(content, str):
            return content or ""
        return json.dumps(content, **{"ensure_ascii": False, "default": Model.to_dict, **options})

    @property
    def parsed(self) -> Any:
        """The content as what the run was given as ``output_schema``: an instance of a dataclass or
        pydantic class, a dict for a TypedDict or a JSON schema. None without one, and as long as
        there is no answer.

        Raises as ``parse`` does. A run that was looked up later, or a copy, does not know what it
        was given: ``parse`` is told.
        """
        schema = getattr(self, "_schema", None)
        return None if schema is None else self.parse(schema)

    def parse(self, schema: Any) -> Any:
        """The content as an instance of a class, or the JSON of its text for a JSON schema.

        None as long as there is no answer. Raises RunFailedError for a run that failed or was
        cancelled, and ProtocolError for content that does not fit.
        """
        from .schemas import MisfitError, instance_of  # nobody else pays for it

        self.raise_for_status()
        values = self.__dict__
        content = values.get("content")
        if values.get("status") not in (None, "COMPLETED") or content is None:
            return None
        try:
            return instance_of(schema, content)
        except MisfitError as error:
            raise ProtocolError(
                "The answer of run %s is no %s: %s. It is in output.content: %.200r"
                % (values.get("run_id"), getattr(schema, "__name__", "JSON"), error, content)
            ) from error

    def raise_for_status(self: OutputT) -> OutputT:
        """The output itself. Raises RunFailedError if the run ended as ERROR or CANCELLED."""
        status = self.__dict__.get("status")
        if status in _FAILED:
            run_id = self.__dict__.get("run_id")
            raise RunFailedError(
                "Run %s ended as %s: %s" % (run_id, status, self.reason or "no reason was given"),
                output=self,
            )
        return self


class Event(Model):
    """Base of all events of runs."""

    @property
    def is_paused(self) -> bool:
        """Whether the run pauses with this event."""
        return False

    @property
    def is_cancelled(self) -> bool:
        """Whether the run was cancelled with this event."""
        return str(getattr(self, "event", "")).endswith("Cancelled")

    @property
    def tools_requiring_confirmation(self) -> List[ToolExecution]:
        """The tool calls of the event that wait for a yes or no."""
        return self._waiting_tools(CONFIRMATION)

    @property
    def tools_requiring_user_input(self) -> List[ToolExecution]:
        """The tool calls of the event that wait for values from the user."""
        return self._waiting_tools(USER_INPUT)

    @property
    def tools_awaiting_external_execution(self) -> List[ToolExecution]:
        """The tool calls of the event that the caller has to execute itself."""
        return self._waiting_tools(EXTERNAL_EXECUTION)

    def _waiting_tools(self, kind: str) -> List[Any]:
        return [tool for tool in children(self, "tools") if tool.pause_type == kind]

    def to_json(self, separators: Tuple[str, str] = (", ", ": "), indent: Optional[int] = 2) -> str:
        """``to_dict`` as JSON text."""
        return _json(self, separators, indent)


class Pause(Waiting):
    """Base of the events with which a run pauses; they tell what it waits for, as outputs do."""

    @property
    def is_paused(self) -> bool:
        """Whether the run pauses with this event: yes."""
        return True


class Custom(Model):
    """Base of the events that an AgentOS's own code made: with any field, and any may be read."""

    name: Optional[str] = None

    def __init__(self, /, **values: Any) -> None:
        known = fields_of(type(self))
        super().__init__(**{key: value for key, value in values.items() if key in known})
        self.__dict__.update((key, value) for key, value in values.items() if key not in known)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


def expecting(output: OutputT, schema: Any) -> OutputT:
    """The output, which is to be ``parsed`` as the run's ``output_schema`` says."""
    object.__setattr__(output, "_schema", schema)
    return output


def _json(model: Model, separators: Tuple[str, str], indent: Optional[int]) -> str:
    return json.dumps(model.to_dict(), indent=indent, separators=separators)


def state_name(state: str) -> str:
    """The state of a task in few letters: "input-required" for TASK_STATE_INPUT_REQUIRED."""
    name = state[len(_STATE_PREFIX) :] if state.startswith(_STATE_PREFIX) else state
    return name.lower().replace("_", "-")


def _viewed(values: Dict[str, Any], name: str, model: Type[M]) -> Optional[M]:
    """The object of that name as ``model``, which is kept as every decoded field is."""
    value = values.get(name)
    if isinstance(value, dict):
        value = values[name] = model.from_dict(value)
    return value if isinstance(value, model) else None


def _fields(value: Any) -> Dict[str, Any]:
    value = value.__dict__ if isinstance(value, Model) else value
    return value if isinstance(value, dict) else {}
