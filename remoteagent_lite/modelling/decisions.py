"""What the parts of a paused run can do: tool calls, requirements and steps that may wait.

The generated classes name these as their bases (``codegen/bases.json``), so that no behaviour is
written into a generated file. A decision is written into the object and takes effect when the run
is continued. Nothing here does I/O.
"""

from __future__ import annotations

from typing import Any, List, Mapping, Optional

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

__all__ = ["ErrorDecision", "RequirementDecision", "StepDecision", "ToolDecision"]

_STEP_WAITS_FOR = {
    OUTPUT_REVIEW: "review of the output",
    CONFIRMATION: "confirmation",
    ROUTE_SELECTION: "a choice",
}


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
        return next(iter(self._open), None)

    @property
    def _open(self) -> List[str]:
        """All that it waits for, in the order in which it is told."""
        step: Any = self
        found = []
        if step.confirmed is None:
            if step.requires_output_review:
                found.append(OUTPUT_REVIEW)
            elif step.requires_confirmation:
                found.append(CONFIRMATION)
        if step.requires_user_input and not self._is_answered():
            found.append(USER_INPUT)
        if step.requires_route_selection and not step.selected_choices:
            found.append(ROUTE_SELECTION)
        if self.active_requirements:
            found.append(EXECUTOR)
        return found

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
