"""What run outputs and the parts of a paused run can do, beside what they hold.

The generated classes name these as their bases (``codegen/bases.json``), so that no behaviour is
written into a generated file. A decision is written into the object and takes effect when the run
is continued. Nothing here does I/O.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Type, TypeVar

from ..errors import RunFailedError
from .base import Model, child, children, fields_of, mapping
from .checks import (
    CONFIRMATION,
    ERROR,
    EXECUTOR,
    EXTERNAL_EXECUTION,
    OUTPUT_REVIEW,
    ROUTE_SELECTION,
    USER_FEEDBACK,
    USER_INPUT,
    Choice,
    Pair,
    check_offered,
    chosen_labels,
    expect,
    fields_of_call,
    fill,
    is_bare,
    name_of,
    open_fields,
    pairs_of,
    shown_call,
    tool_of,
    wrong_verb,
)

if TYPE_CHECKING:
    from ..models import RunRequirement, StepRequirement, ToolExecution
    from ..models.a2a_v10 import Message, Task
    from ..wire import Received

M = TypeVar("M", bound=Model)
OutputT = TypeVar("OutputT", bound="Output")

__all__ = ["ErrorDecision", "Output", "RequirementDecision", "StepDecision", "ToolDecision"]

_FAILED = ("ERROR", "CANCELLED")
_STATE_PREFIX = "TASK_STATE_"
_STEP_WAITS_FOR = {
    OUTPUT_REVIEW: "review of the output",
    CONFIRMATION: "confirmation",
    ROUTE_SELECTION: "a choice",
}
_WAITS_FOR = {"input-required": "input", "auth-required": "authentication"}


class Output(Model):
    """Base of RunOutput, TeamRunOutput and WorkflowRunOutput."""

    __slots__ = ("_response",)  # all else is what the server sent

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
    def pending(self) -> List[Any]:
        """All that still has to be decided before the run can be continued, in order.

        Tool executions, requirements of a team's members, step (and error) requirements of a
        workflow; all have ``pause_type``, ``waits_for`` and the verbs for it.
        """
        if "step_requirements" in fields_of(type(self)) and self._may_wait:
            errors = [error for error in children(self, "error_requirements") if error.is_paused]
            return [*self.active_step_requirements, *errors]
        return [pair.item for pair in self._pairs() if pair.is_paused]

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
    def _may_wait(self) -> bool:
        # AgentOS 2.3 marks calls of a team although it has run them.
        return self.__dict__.get("status") in (None, "PAUSED")

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

    def raise_for_status(self: OutputT) -> OutputT:
        """Raise RunFailedError if the run ended as ERROR or CANCELLED; else return the output."""
        status = self.__dict__.get("status")
        if status in _FAILED:
            run_id = self.__dict__.get("run_id")
            raise RunFailedError(
                "Run %s ended as %s: %s" % (run_id, status, self.reason or "no reason was given"),
                output=self,
            )
        return self


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


class ToolDecision(Model):
    """Base of ToolExecution: a tool call that may wait for a decision, values or a result."""

    @property
    def is_paused(self) -> bool:
        """Whether this still waits for somebody."""
        return self.pause_type is not None

    @property
    def pause_type(self) -> Optional[str]:
        """ "confirmation", "user_input", "user_feedback", "external_execution" or None."""
        tool: Any = self
        if tool.requires_confirmation:
            if tool.confirmed is None:
                return CONFIRMATION
            if not tool.confirmed:
                return None
        if tool.requires_user_input and not tool.answered:
            return USER_FEEDBACK if children(self, "user_feedback_schema") else USER_INPUT
        if tool.external_execution_required and tool.result is None:
            return EXTERNAL_EXECUTION
        return None

    @property
    def waits_for(self) -> Optional[str]:
        """What this call waits for in a few words, or None if it waits for nothing."""
        kind, call, tool = self.pause_type, shown_call(self), self  # type: Any, str, Any
        if kind == CONFIRMATION:
            text = "confirmation of " + call
        elif kind == USER_INPUT:
            text = "%s of %s" % (", ".join(open_fields(fields_of_call(self))) or "input", call)
        elif kind == USER_FEEDBACK:
            asked = [question.question for question in children(self, "user_feedback_schema")]
            text = "an answer to " + " and ".join(map(repr, asked))
        elif kind == EXTERNAL_EXECUTION:
            text = "the result of " + call
        else:
            return None
        if tool.approval_type == "required":
            text += " (an administrator's approval %s)" % (tool.approval_id or "")
        return text

    def confirm(self) -> None:
        """Allow the call. Takes effect when the run is continued."""
        expect(self, CONFIRMATION)
        self.__dict__["confirmed"] = True
        if self.__dict__.get("confirmation_note") is not None:
            self.__dict__["confirmation_note"] = None

    def reject(self, note: Optional[str] = None) -> None:
        """Forbid the call; the model reads ``note`` in place of the tool's result."""
        expect(self, CONFIRMATION)
        self.__dict__["confirmed"] = False
        if note is not None:
            self.__dict__["confirmation_note"] = note

    def set_result(self, result: str) -> None:
        """Give the result of a call that was executed outside the server."""
        expect(self, EXTERNAL_EXECUTION)
        if not isinstance(result, str):
            raise TypeError("a tool's result must be a str, not %s" % type(result).__name__)
        self.__dict__["result"] = result

    def answer(self, values: Optional[Mapping[str, Any]] = None, /, **fields: Any) -> None:
        """Give the values of ``user_input_schema``, by name. The server converts their types.

        Raises ValueError, and changes nothing, for a name that is no field, and as long as a
        field has no value.
        """
        tool: Any = self
        given = {**(values or {}), **fields}
        expect(self, USER_INPUT)
        if children(self, "user_feedback_schema"):
            raise ValueError("%s asks with options: call select()" % name_of(self))
        asked = fields_of_call(self)
        if is_bare(self) and not asked:
            # Nothing is known of the call yet; its fields are compared when it is.
            tool.user_input_schema = [{"name": name, "value": given[name]} for name in given]
        else:
            fill(name_of(self), asked, given)
        tool.answered = True

    def select(self, *choices: Choice) -> None:
        """Choose among the options of ``user_feedback_schema`` by their labels.

        For one question ``select("Red")``, or several labels if it allows that; for more
        ``select({0: "Red", "Which size?": ["S", "M"]})``, where a question is named by its place,
        text or header. Raises ValueError, and changes nothing, for what is not offered.
        """
        tool: Any = self
        expect(self, USER_INPUT)
        questions = children(self, "user_feedback_schema")
        if not questions:
            raise ValueError("%s offers no options: call answer()" % name_of(self))
        chosen = chosen_labels(name_of(self), questions, choices)
        for question, labels in zip(questions, chosen):
            question.selected_options = labels
            for option in children(question, "options"):
                option.selected = option.label in labels
        tool.answered = True


class RequirementDecision(Model):
    """Base of RunRequirement: a copy of a tool call, beside which decisions are noted as well.

    The verbs write both places. What a ``tool_execution`` lacks is looked for beside it.
    """

    @property
    def is_paused(self) -> bool:
        """Whether this still waits for somebody."""
        return self.pause_type is not None

    @property
    def pause_type(self) -> Optional[str]:
        """ "confirmation", "user_input", "user_feedback", "external_execution" or None."""
        requirement: Any = self
        tool = child(self, "tool_execution")
        kind: Optional[str] = tool and tool.pause_type
        if kind == CONFIRMATION and requirement.confirmation is not None:
            return None
        if kind == EXTERNAL_EXECUTION and requirement.external_execution_result is not None:
            return None
        return kind

    @property
    def waits_for(self) -> Optional[str]:
        """What this waits for in a few words, and which member of a team; or None."""
        requirement: Any = self
        if self.pause_type is None:
            return None
        text: str = requirement.tool_execution.waits_for
        member = requirement.member_agent_name
        return "%s by %s" % (text, member) if member else text

    def confirm(self) -> None:
        """Allow the call. Takes effect when the run is continued."""
        tool_of(self).confirm()
        self.settle()

    def reject(self, note: Optional[str] = None) -> None:
        """Forbid the call; the model reads ``note`` in place of the tool's result."""
        tool_of(self).reject(note)
        self.settle()

    def set_result(self, result: str) -> None:
        """Give the result of a call that was executed outside the server."""
        tool_of(self).set_result(result)
        self.settle()

    def answer(self, values: Optional[Mapping[str, Any]] = None, /, **fields: Any) -> None:
        """Give the values the call waits for; see ToolExecution.answer."""
        tool_of(self).answer(values, **fields)
        self.settle()

    def select(self, *choices: Choice) -> None:
        """Choose among the options the call offers; see ToolExecution.select."""
        tool_of(self).select(*choices)
        self.settle()

    def settle(self) -> None:
        """Write the decision into both places. The tool execution's own goes first."""
        requirement: Any = self
        tool = child(self, "tool_execution")
        if tool is None:
            return
        if tool.requires_confirmation:
            if tool.confirmed is None and requirement.confirmation is not None:
                tool.confirmed = requirement.confirmation
                tool.confirmation_note = requirement.confirmation_note
            if tool.confirmed is not None:
                requirement.confirmation = tool.confirmed
                requirement.confirmation_note = tool.confirmation_note
        if tool.external_execution_required:
            if tool.result is None and requirement.external_execution_result is not None:
                tool.result = requirement.external_execution_result
            if tool.result is not None:
                requirement.external_execution_result = tool.result
        if tool.answered:
            for schema in ("user_input_schema", "user_feedback_schema"):
                if getattr(tool, schema) is not None:
                    setattr(requirement, schema, tool.to_dict()[schema])


class StepDecision(Model):
    """Base of StepRequirement: a step of a workflow that may wait for somebody."""

    @property
    def is_paused(self) -> bool:
        """Whether this still waits for somebody."""
        return self.pause_type is not None

    @property
    def pause_type(self) -> Optional[str]:
        """ "confirmation", "output_review", "user_input", "route_selection", "executor" or None.

        "executor": the agent or team of the step has paused; decide ``executor_requirements``.
        """
        step: Any = self
        if step.confirmed is None:
            if step.requires_output_review:
                return OUTPUT_REVIEW
            if step.requires_confirmation:
                return CONFIRMATION
        if step.requires_user_input and not self._is_answered():
            return USER_INPUT
        if step.requires_route_selection and not step.selected_choices:
            return ROUTE_SELECTION
        if self.active_requirements:
            return EXECUTOR
        return None

    def _is_answered(self) -> bool:
        given = mapping(self, "user_input")
        fields = fields_of_call(self)
        return not open_fields(fields, given) if fields else bool(given)

    @property
    def active_requirements(self) -> List[Any]:
        """Those of the executor's requirements that still wait."""
        step: Any = self
        if not step.requires_executor_input:
            return []
        return [each for each in children(self, "executor_requirements") if each.is_paused]

    @property
    def waits_for(self) -> Optional[str]:
        """What this step waits for in a few words, or None if it waits for nothing."""
        step: Any = self
        kind = self.pause_type
        name = "step %s" % (step.step_name or step.step_id)
        if kind == EXECUTOR:
            waiting = " and ".join(each.waits_for for each in self.active_requirements)
            return "%s in %s" % (waiting, name)
        if kind == ROUTE_SELECTION and isinstance(step.available_choices, list):
            text = "a choice (%s)" % ", ".join(map(str, step.available_choices))
        elif kind == USER_INPUT:
            fields = open_fields(fields_of_call(self), mapping(self, "user_input"))
            text = ", ".join(fields) or "input"
        elif kind is not None:
            text = _STEP_WAITS_FOR[kind]
        else:
            return None
        asked = step.user_input_message
        if kind in (OUTPUT_REVIEW, CONFIRMATION):
            asked = step.output_review_message or step.confirmation_message
        return "%s of %s%s" % (text, name, ": %s" % asked if asked else "")

    def confirm(self) -> None:
        """Let the step run, or accept its output as it is."""
        self._expect_confirmation()
        self.__dict__["confirmed"] = True

    def reject(self, feedback: Optional[str] = None) -> None:
        """Refuse the step or its output. ``on_reject`` tells what becomes of the workflow then."""
        self._expect_confirmation()
        self.__dict__["confirmed"] = False
        if feedback is not None:
            self.__dict__["rejection_feedback"] = feedback

    def edit(self, output: Any) -> None:
        """Accept the step's output with changes: ``output`` takes its place."""
        step: Any = self
        if not step.requires_output_review and not is_bare(self):
            raise ValueError("%s does not wait for a review" % name_of(self))
        if output is None:
            raise ValueError("None is no output; reject(feedback) refuses the step's own")
        step.confirmed = True
        step.edited_output = output

    def _expect_confirmation(self) -> None:
        step: Any = self
        if not (step.requires_confirmation or step.requires_output_review or is_bare(self)):
            raise wrong_verb(self, CONFIRMATION)

    def answer(self, values: Optional[Mapping[str, Any]] = None, /, **fields: Any) -> None:
        """Give the values the step asks for, by name; optional ones may be left out.

        Their types have to be those of ``user_input_schema``: a workflow converts nothing. Raises
        ValueError, and changes nothing, for a name that is no field, a value that is not allowed
        and a required field without value.
        """
        step: Any = self
        given = {**(values or {}), **fields}
        if not step.requires_user_input and not is_bare(self):
            raise wrong_verb(self, USER_INPUT)
        asked = fields_of_call(self)
        if asked:
            fill(name_of(self), asked, given)
            filled = {each.name: each.value for each in asked}
            given = {name: value for name, value in filled.items() if value is not None}
        step.user_input = given

    def select(self, *choices: str) -> None:
        """Choose which of ``available_choices`` the workflow takes."""
        step: Any = self
        if not step.requires_route_selection and not is_bare(self):
            raise wrong_verb(self, ROUTE_SELECTION)
        if not step.allow_multiple_selections and len(choices) != 1 and not is_bare(self):
            raise ValueError("%s takes exactly one choice" % name_of(self))
        offered = step.available_choices
        if isinstance(offered, list):
            check_offered(name_of(self), offered, choices)
        if not choices:
            raise ValueError("%s needs a choice" % name_of(self))
        step.selected_choices = list(choices)


class ErrorDecision(Model):
    """Base of ErrorRequirement: a failed step. REST has no way to retry or skip it."""

    @property
    def is_paused(self) -> bool:
        """Whether this still waits for somebody."""
        return self.pause_type is not None

    @property
    def pause_type(self) -> Optional[str]:
        """ "error", or None once it is decided."""
        error: Any = self
        return ERROR if error.decision is None else None

    @property
    def waits_for(self) -> Optional[str]:
        """Which step failed, and how; or None."""
        error: Any = self
        if error.decision is not None:
            return None
        return "a decision about step %s, which failed: %s" % (error.step_name, error.error_message)
