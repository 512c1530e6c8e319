"""What the parts of a paused run can do: tool calls, requirements and steps that may wait.

The generated classes name these as their bases (``codegen/bases.json``), so that no behaviour is
written into a generated file. A decision is written into the object and takes effect when the run
is continued. Nothing here does I/O.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence

from .base import Model, child, children, mapping
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
    check_offered,
    chosen_labels,
    expect,
    fields_of_call,
    fill,
    is_bare,
    name_of,
    open_fields,
    shown_call,
    tool_of,
    wrong_verb,
)

if TYPE_CHECKING:
    from ..models.runs import RunRequirement, ToolExecution, UserFeedbackQuestion, UserInputField

__all__ = ["ErrorDecision", "RequirementDecision", "StepDecision", "ToolDecision"]

_STEP_WAITS_FOR = {
    OUTPUT_REVIEW: "review of the output",
    CONFIRMATION: "confirmation",
    ROUTE_SELECTION: "a choice",
}


class ToolDecision(Model):
    """Base of ToolExecution: a tool call that may wait for a decision, values or a result."""

    if TYPE_CHECKING:  # the generated class has them
        tool_args: Optional[Dict[str, Any]] = None
        result: Optional[str] = None
        requires_confirmation: Optional[bool] = None
        confirmed: Optional[bool] = None
        requires_user_input: Optional[bool] = None
        user_input_schema: Optional[List[UserInputField]] = None
        user_feedback_schema: Optional[List[UserFeedbackQuestion]] = None
        answered: Optional[bool] = None
        external_execution_required: Optional[bool] = None
        approval_type: Optional[str] = None
        approval_id: Optional[str] = None

    @property
    def is_paused(self) -> bool:
        """Whether this still waits for somebody."""
        return self.pause_type is not None

    @property
    def pause_type(self) -> Optional[str]:
        """ "confirmation", "user_input", "user_feedback", "external_execution" or None."""
        if self.requires_confirmation:
            if self.confirmed is None:
                return CONFIRMATION
            if not self.confirmed:
                return None
        if self.requires_user_input and not self.answered:
            return USER_FEEDBACK if children(self, "user_feedback_schema") else USER_INPUT
        if self.external_execution_required and self.result is None:
            return EXTERNAL_EXECUTION
        return None

    @property
    def waits_for(self) -> Optional[str]:
        """What this call waits for in a few words, or None if it waits for nothing."""
        kind, call = self.pause_type, shown_call(self)
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
        if self.approval_type == "required":
            text += " (an administrator's approval %s)" % (self.approval_id or "")
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
        given = {**(values or {}), **fields}
        expect(self, USER_INPUT)
        if children(self, "user_feedback_schema"):
            raise ValueError("%s asks with options: call select()" % name_of(self))
        asked = fields_of_call(self)
        if is_bare(self) and not asked:
            # Nothing is known of the call yet; its fields are compared when it is.
            given_fields = [{"name": name, "value": given[name]} for name in given]
            self.__dict__["user_input_schema"] = given_fields
        else:
            fill(name_of(self), asked, given)
        self.answered = True

    def select(self, *choices: Choice) -> None:
        """Choose among the options of ``user_feedback_schema`` by their labels.

        For one question ``select("Red")``, or several labels if it allows that; for more
        ``select({0: "Red", "Which size?": ["S", "M"]})``, where a question is named by its place,
        text or header. Raises ValueError, and changes nothing, for what is not offered.
        """
        expect(self, USER_INPUT)
        questions = children(self, "user_feedback_schema")
        if not questions:
            raise ValueError("%s offers no options: call answer()" % name_of(self))
        chosen = chosen_labels(name_of(self), questions, choices)
        for question, labels in zip(questions, chosen):
            question.selected_options = labels
            for option in children(question, "options"):
                option.selected = option.label in labels
        self.answered = True


class RequirementDecision(Model):
    """Base of RunRequirement: a copy of a tool call, beside which decisions are noted as well.

    The verbs write both places. What a ``tool_execution`` lacks is looked for beside it.
    """

    if TYPE_CHECKING:
        tool_execution: Optional[ToolExecution] = None
        confirmation: Optional[bool] = None
        confirmation_note: Optional[str] = None
        external_execution_result: Optional[str] = None
        member_agent_name: Optional[str] = None

    @property
    def is_paused(self) -> bool:
        """Whether this still waits for somebody."""
        return self.pause_type is not None

    @property
    def pause_type(self) -> Optional[str]:
        """ "confirmation", "user_input", "user_feedback", "external_execution" or None."""
        tool = child(self, "tool_execution")
        kind: Optional[str] = tool and tool.pause_type
        if kind == CONFIRMATION and self.confirmation is not None:
            return None
        if kind == EXTERNAL_EXECUTION and self.external_execution_result is not None:
            return None
        return kind

    @property
    def waits_for(self) -> Optional[str]:
        """What this waits for in a few words, and which member of a team; or None."""
        if self.pause_type is None or self.tool_execution is None:
            return None
        text = self.tool_execution.waits_for
        member = self.member_agent_name
        return "%s by %s" % (text, member) if member else text

    def confirm(self) -> None:
        """Allow the call. Takes effect when the run is continued."""
        tool_of(self).confirm()
        self.reconcile()

    def reject(self, note: Optional[str] = None) -> None:
        """Forbid the call; the model reads ``note`` in place of the tool's result."""
        tool_of(self).reject(note)
        self.reconcile()

    def set_result(self, result: str) -> None:
        """Give the result of a call that was executed outside the server."""
        tool_of(self).set_result(result)
        self.reconcile()

    def answer(self, values: Optional[Mapping[str, Any]] = None, /, **fields: Any) -> None:
        """Give the values the call waits for; see ToolExecution.answer."""
        tool_of(self).answer(values, **fields)
        self.reconcile()

    def select(self, *choices: Choice) -> None:
        """Choose among the options the call offers; see ToolExecution.select."""
        tool_of(self).select(*choices)
        self.reconcile()

    # Agno's names for all of this

    def _waits(self, flag: str) -> bool:
        """Whether the call waits for what that flag of it says, now or after something else."""
        tool: Any = child(self, "tool_execution")
        return self.is_paused and bool(getattr(tool, flag))

    @property
    def needs_confirmation(self) -> bool:
        """Whether it waits for a yes or no."""
        return self.pause_type == CONFIRMATION

    @property
    def needs_user_input(self) -> bool:
        """Whether it waits for values or choices, perhaps after a yes."""
        tool: Any = child(self, "tool_execution")
        return self._waits("requires_user_input") and not tool.answered

    @property
    def needs_user_feedback(self) -> bool:
        """Whether it waits for choices among options, perhaps after a yes."""
        tool: Any = child(self, "tool_execution")
        return self.needs_user_input and bool(children(tool, "user_feedback_schema"))

    @property
    def needs_external_execution(self) -> bool:
        """Whether it waits for a result, perhaps after a yes."""
        given = self.external_execution_result is not None
        return self._waits("external_execution_required") and not given

    @property
    def external_execution_silent(self) -> bool:
        """Whether nothing is to be said about the call that waits for a result."""
        tool: Any = child(self, "tool_execution")
        return self.needs_external_execution and bool(tool.external_execution_silent)

    def is_resolved(self) -> bool:
        """Whether it waits for nothing."""
        return not self.is_paused

    def provide_user_input(self, values: Mapping[str, Any]) -> None:
        """The same as ``answer``."""
        self.answer(values)

    def provide_user_feedback(self, selections: Mapping[str, Sequence[str]]) -> None:
        """The same as ``select``: labels by the text of their question."""
        self.select(selections)  # type: ignore[arg-type]

    def set_external_execution_result(self, result: str) -> None:
        """The same as ``set_result``."""
        self.set_result(result)

    def reconcile(self) -> None:
        """Write the decision into both places. The tool execution's own goes first."""
        tool = child(self, "tool_execution")
        if tool is None:
            return
        if tool.requires_confirmation:
            if tool.confirmed is None and self.confirmation is not None:
                tool.confirmed = self.confirmation
                tool.confirmation_note = self.confirmation_note
            if tool.confirmed is not None:
                self.confirmation = tool.confirmed
                self.confirmation_note = tool.confirmation_note
        if tool.external_execution_required:
            if tool.result is None and self.external_execution_result is not None:
                tool.result = self.external_execution_result
            if tool.result is not None:
                self.external_execution_result = tool.result
        if tool.answered:
            for schema in ("user_input_schema", "user_feedback_schema"):
                if getattr(tool, schema) is not None:
                    setattr(self, schema, tool.to_dict()[schema])


class StepDecision(Model):
    """Base of StepRequirement: a step of a workflow that may wait for somebody."""

    if TYPE_CHECKING:
        step_id: str
        step_name: Optional[str] = None
        requires_confirmation: bool = False
        confirmation_message: Optional[str] = None
        confirmed: Optional[bool] = None
        requires_user_input: bool = False
        user_input_message: Optional[str] = None
        user_input: Optional[Dict[str, Any]] = None
        requires_route_selection: bool = False
        available_choices: Optional[List[str]] = None
        allow_multiple_selections: bool = False
        selected_choices: Optional[List[str]] = None
        requires_executor_input: bool = False
        requires_output_review: bool = False
        output_review_message: Optional[str] = None
        edited_output: Any = None
        timeout_at: Optional[str] = None

    @property
    def is_paused(self) -> bool:
        """Whether this still waits for somebody."""
        return self.pause_type is not None

    @property
    def pause_type(self) -> Optional[str]:
        """ "confirmation", "output_review", "user_input", "route_selection", "executor" or None.

        "executor": the agent or team of the step has paused; decide ``executor_requirements``.
        """
        return next(iter(self._open), None)

    @property
    def _open(self) -> List[str]:
        """All that it waits for, in the order in which it is told."""
        found = []
        if self.confirmed is None:
            if self.requires_output_review:
                found.append(OUTPUT_REVIEW)
            elif self.requires_confirmation:
                found.append(CONFIRMATION)
        if self.requires_user_input and not self._is_answered():
            found.append(USER_INPUT)
        if self.requires_route_selection and not self.selected_choices:
            found.append(ROUTE_SELECTION)
        if self.active_requirements:
            found.append(EXECUTOR)
        return found

    def _is_answered(self) -> bool:
        given = mapping(self, "user_input")
        fields = fields_of_call(self)
        return not open_fields(fields, given) if fields else bool(given)

    @property
    def active_requirements(self) -> List[RunRequirement]:
        """Those of the executor's requirements that still wait."""
        if not self.requires_executor_input:
            return []
        return [each for each in children(self, "executor_requirements") if each.is_paused]

    @property
    def waits_for(self) -> Optional[str]:
        """What this step waits for in a few words, or None if it waits for nothing."""
        kind = self.pause_type
        name = "step %s" % (self.step_name or self.step_id)
        if kind == EXECUTOR:
            waiting = " and ".join(str(each.waits_for) for each in self.active_requirements)
            return "%s in %s" % (waiting, name)
        if kind == ROUTE_SELECTION and isinstance(self.available_choices, list):
            text = "a choice (%s)" % ", ".join(map(str, self.available_choices))
        elif kind == USER_INPUT:
            fields = open_fields(fields_of_call(self), mapping(self, "user_input"))
            text = ", ".join(fields) or "input"
        elif kind is not None:
            text = _STEP_WAITS_FOR[kind]
        else:
            return None
        asked = self.user_input_message
        if kind in (OUTPUT_REVIEW, CONFIRMATION):
            asked = self.output_review_message or self.confirmation_message
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
        if not self.requires_output_review and not is_bare(self):
            raise ValueError("%s does not wait for a review" % name_of(self))
        if output is None:
            raise ValueError("None is no output; reject(feedback) refuses the step's own")
        self.confirmed = True
        self.edited_output = output

    def _expect_confirmation(self) -> None:
        if not (self.requires_confirmation or self.requires_output_review or is_bare(self)):
            raise wrong_verb(self, CONFIRMATION)

    def answer(self, values: Optional[Mapping[str, Any]] = None, /, **fields: Any) -> None:
        """Give the values the step asks for, by name; optional ones may be left out.

        Their types have to be those of ``user_input_schema``: a workflow converts nothing. Raises
        ValueError, and changes nothing, for a name that is no field, a value that is not allowed
        and a required field without value.
        """
        given = {**(values or {}), **fields}
        if not self.requires_user_input and not is_bare(self):
            raise wrong_verb(self, USER_INPUT)
        asked = fields_of_call(self)
        if asked:
            fill(name_of(self), asked, given)
            filled = {each.name: each.value for each in asked}
            given = {name: value for name, value in filled.items() if value is not None}
        self.user_input = given

    def select(self, *choices: str) -> None:
        """Choose which of ``available_choices`` the workflow takes."""
        if not self.requires_route_selection and not is_bare(self):
            raise wrong_verb(self, ROUTE_SELECTION)
        if not self.allow_multiple_selections and len(choices) != 1 and not is_bare(self):
            raise ValueError("%s takes exactly one choice" % name_of(self))
        offered = self.available_choices
        if isinstance(offered, list):
            check_offered(name_of(self), offered, choices)
        if not choices:
            raise ValueError("%s needs a choice" % name_of(self))
        self.selected_choices = list(choices)

    # Agno's names for all of this

    @property
    def needs_confirmation(self) -> bool:
        """Whether it waits for a yes or no before it runs."""
        return CONFIRMATION in self._open

    @property
    def needs_output_review(self) -> bool:
        """Whether its output waits to be accepted, edited or refused."""
        return OUTPUT_REVIEW in self._open

    @property
    def needs_user_input(self) -> bool:
        """Whether it waits for values."""
        return USER_INPUT in self._open

    @property
    def needs_route_selection(self) -> bool:
        """Whether it waits for a choice."""
        return ROUTE_SELECTION in self._open

    @property
    def needs_executor_resolution(self) -> bool:
        """Whether its agent or team waits."""
        return EXECUTOR in self._open

    @property
    def is_resolved(self) -> bool:
        """Whether it waits for nothing."""
        return not self._open

    @property
    def is_timed_out(self) -> bool:
        """Whether the time to decide it is over, by this computer's clock."""
        import datetime  # nobody else pays for it

        try:
            until = datetime.datetime.fromisoformat(str(self.timeout_at).replace("Z", "+00:00"))
        except ValueError:  # none, or what is no time
            return False
        return until <= datetime.datetime.now(until.tzinfo)

    def set_user_input(self, validate: bool = True, **fields: Any) -> None:
        """The same as ``answer``; without ``validate`` nothing is looked at."""
        if validate:
            self.answer(fields)
        else:
            self.__dict__["user_input"] = {**mapping(self, "user_input"), **fields}

    def get_user_input(self, field_name: str) -> Any:
        """The value that was given for a field, or None."""
        return mapping(self, "user_input").get(field_name)

    def select_single(self, choice: str) -> None:
        """The same as ``select``."""
        self.select(choice)

    def select_multiple(self, choices: Sequence[str]) -> None:
        """The same as ``select``."""
        self.select(*choices)


class ErrorDecision(Model):
    """Base of ErrorRequirement: a failed step. REST has no way to retry or skip it."""

    if TYPE_CHECKING:
        step_name: Optional[str] = None
        error_message: str = ""
        decision: Optional[str] = None

    @property
    def is_paused(self) -> bool:
        """Whether this still waits for somebody."""
        return self.pause_type is not None

    @property
    def pause_type(self) -> Optional[str]:
        """ "error", or None once it is decided."""
        return ERROR if self.decision is None else None

    @property
    def waits_for(self) -> Optional[str]:
        """Which step failed, and how; or None."""
        if self.decision is not None:
            return None
        return "a decision about step %s, which failed: %s" % (self.step_name, self.error_message)

    @property
    def needs_decision(self) -> bool:
        """Whether nothing is decided: the same as ``is_paused``, by Agno's name."""
        return self.is_paused

    @property
    def is_resolved(self) -> bool:
        """Whether it is decided."""
        return not self.is_paused
