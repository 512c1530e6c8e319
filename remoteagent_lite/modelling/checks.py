"""How decisions about a paused run are checked, described and compared. No I/O.

What waits are tool executions, requirements and step requirements, given as ``Any``: their classes
are generated with bases (``outputs``) that use this module.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Union

from .base import child, children, mapping

__all__ = [
    "CONFIRMATION",
    "ERROR",
    "EXECUTOR",
    "EXTERNAL_EXECUTION",
    "OUTPUT_REVIEW",
    "ROUTE_SELECTION",
    "USER_FEEDBACK",
    "USER_INPUT",
    "Choice",
    "Pair",
    "check_offered",
    "chosen_labels",
    "expect",
    "fields_of_call",
    "fill",
    "how_to_decide",
    "is_bare",
    "name_of",
    "open_fields",
    "pairs_of",
    "shown_call",
    "tool_of",
    "wrong_verb",
]

Choice = Union[str, Mapping[Union[int, str], Union[str, Sequence[str]]]]

CONFIRMATION = "confirmation"
USER_INPUT = "user_input"
USER_FEEDBACK = "user_feedback"
EXTERNAL_EXECUTION = "external_execution"
OUTPUT_REVIEW = "output_review"
ROUTE_SELECTION = "route_selection"
EXECUTOR = "executor"
ERROR = "error"

_HOW = {
    CONFIRMATION: "confirm() or reject(note)",
    USER_FEEDBACK: "select(label)",
    EXTERNAL_EXECUTION: "set_result(text)",
    OUTPUT_REVIEW: "confirm(), edit(output) or reject(feedback)",
    ROUTE_SELECTION: "select(choice)",
}
#: What makes a server pause for a tool call, and what it is called.
_FLAGS = {
    "requires_confirmation": CONFIRMATION,
    "requires_user_input": USER_INPUT,
    "external_execution_required": EXTERNAL_EXECUTION,
}
_SHOWN = 60


def how_to_decide(item: Any) -> str:
    """The call that decides what ``item`` waits for, for messages."""
    kind = item.pause_type
    if kind == EXECUTOR:
        return " and ".join(
            "%s of its executor_requirements" % how_to_decide(each)
            for each in item.active_requirements
        )
    if kind == USER_INPUT:
        fields = fields_of_call(child(item, "tool_execution") or item)
        return "answer(%s)" % ", ".join(name + "=..." for name in open_fields(fields))
    return _HOW.get(kind, "decide")


# --- The two copies of one call


class Pair(NamedTuple):
    """One call that makes a run wait: in ``tools``, in ``requirements``, or in both."""

    tool: Any
    requirement: Any

    @property
    def item(self) -> Any:
        """The copy a user is shown."""
        return self.requirement if self.tool is None else self.tool

    @property
    def call(self) -> Any:
        """The tool execution a user is shown."""
        return self.requirement.tool_execution if self.tool is None else self.tool

    @property
    def is_paused(self) -> bool:
        """Deciding either copy is enough."""
        return all(each.is_paused for each in self if each is not None)

    def reconcile(self) -> None:
        """Write the decision made on one copy into the other. ValueError if they contradict."""
        tool, requirement = self
        if requirement is None:
            return
        requirement.reconcile()
        if tool is None:
            return
        copy = requirement.tool_execution
        if not tool.is_paused and not copy.is_paused:
            if _decision(tool) != _decision(copy):
                raise ValueError(
                    "%s is decided in two ways: in tools and in requirements" % name_of(tool)
                )
        elif not tool.is_paused:
            copy.__dict__.update(_decision(tool))
        elif not copy.is_paused:
            tool.__dict__.update(_decision(copy))
        requirement.reconcile()


def pairs_of(tools: List[Any], requirements: List[Any]) -> List[Pair]:
    """What a run waits or waited for, in order; a call that stands in both lists comes once.

    The lists may hold calls of earlier pauses, and their ids may repeat: of several requirements
    with a tool's id, the latest is its own. A team's ``tools`` have none of its members' calls.
    """
    wanted = [tool for tool in tools if _is_flagged(tool)]
    flagged = [each for each in requirements if _is_flagged(child(each, "tool_execution"))]
    left = flagged
    twins: Dict[int, Any] = {}
    for tool in wanted:
        for requirement in reversed(left):
            if requirement.member_run_id is None and _identity(requirement.tool_execution) == (
                _identity(tool)
            ):
                twins[id(requirement)] = tool
                left = [each for each in left if each is not requirement]
                break
    pairs = [Pair(twins.pop(id(each), None), each) for each in flagged]
    paired = {id(pair.tool) for pair in pairs}
    return [Pair(tool, None) for tool in wanted if id(tool) not in paired] + pairs


def _is_flagged(tool: Any) -> bool:
    return tool is not None and any(getattr(tool, flag) for flag in _FLAGS)


def _identity(tool: Any) -> Any:
    return tool.tool_call_id, tool.tool_name, tool.created_at


_DECIDED = ("confirmed", "confirmation_note", "result", "answered")
_SCHEMAS = ("user_input_schema", "user_feedback_schema")


def _decision(tool: Any) -> Dict[str, Any]:
    data = tool.to_dict()
    return {name: data.get(name) for name in _DECIDED + _SCHEMAS}


# --- Checking what is given


def is_bare(item: Any) -> bool:
    """Made by the caller from an id alone; the rest is looked up when the run is continued."""
    return (item.step_name if hasattr(item, "step_id") else item.tool_name) is None


def tool_of(requirement: Any) -> Any:
    tool = child(requirement, "tool_execution")
    if tool is None:
        raise ValueError(
            "this requirement has no tool_execution to decide: take it from the paused output"
        )
    return tool


def name_of(item: Any) -> str:
    if hasattr(item, "step_id"):
        step: Any = item
        return "step %s" % (step.step_name or step.step_id)
    return str(item.tool_name or item.tool_call_id)


def expect(tool: Any, kind: str) -> None:
    if is_bare(tool) or any(getattr(tool, flag) for flag in _FLAGS if _FLAGS[flag] == kind):
        return
    raise wrong_verb(tool, kind)


def wrong_verb(item: Any, kind: str) -> ValueError:
    message = "%s does not wait for %s" % (name_of(item), kind.replace("_", " "))
    if item.is_paused:
        message += " but for %s: call %s" % (item.waits_for, how_to_decide(item))
    return ValueError(message)


def fields_of_call(item: Any) -> List[Any]:
    """The fields that a tool call or a step asks for. What has no name cannot be given."""
    fields = children(item, "user_input_schema")
    return [field for field in fields if isinstance(field.name, str)]


def open_fields(fields: Iterable[Any], given: Optional[Mapping[str, Any]] = None) -> List[str]:
    """Names of the fields that still need a value."""
    given = given or {}
    return [
        field.name
        for field in fields
        if getattr(field, "required", True) and given.get(field.name, field.value) is None
    ]


def fill(name: str, fields: List[Any], given: Mapping[str, Any]) -> None:
    names = [field.name for field in fields]
    unknown = [each for each in given if each not in names]
    if unknown:
        raise ValueError(
            "%s has no field %s; it has %s"
            % (name, " or ".join(map(repr, unknown)), ", ".join(map(repr, names)) or "none")
        )
    missing = open_fields(fields, given)
    if missing:
        raise ValueError("%s needs a value for %s" % (name, ", ".join(map(repr, missing))))
    for field in fields:
        allowed = getattr(field, "allowed_values", None)
        if isinstance(allowed, list) and allowed and field.name in given:
            check_offered("field %s of %s" % (field.name, name), allowed, [given[field.name]])
    for field in fields:
        if field.name in given:
            field.value = given[field.name]


def chosen_labels(name: str, questions: List[Any], choices: Sequence[Choice]) -> List[List[str]]:
    """The labels chosen for each question."""
    first = choices[0] if choices else None
    if isinstance(first, Mapping) and len(choices) == 1:
        by_question: Mapping[Any, Any] = first
    elif len(questions) == 1:
        by_question = {0: list(choices)}
    else:
        asked = ", ".join(repr(question.question) for question in questions)
        raise ValueError("%s asks %s: select({question: label, ...})" % (name, asked))
    chosen: Dict[int, List[str]] = {
        place: question.selected_options
        for place, question in enumerate(questions)
        if isinstance(question.selected_options, list)
    }
    for key, labels in by_question.items():
        place = _place(name, questions, key)
        question = questions[place]
        picked = [labels] if isinstance(labels, str) else list(labels)
        what = repr(question.question)
        options = children(question, "options")
        if options:
            check_offered(what, [option.label for option in options], picked)
        if not question.multi_select and len(picked) != 1:
            raise ValueError("%s takes exactly one label" % what)
        chosen[place] = picked
    for place, question in enumerate(questions):
        if place not in chosen:
            raise ValueError("%s: %r is not answered" % (name, question.question))
    return [chosen[place] for place in range(len(questions))]


def _place(name: str, questions: List[Any], key: Union[int, str]) -> int:
    for place, question in enumerate(questions):
        if key in (place, question.question, question.header):
            return place
    asked = ", ".join(repr(question.question) for question in questions)
    raise ValueError("%s does not ask %r; it asks %s" % (name, key, asked))


def check_offered(name: str, offered: List[Any], given: Sequence[Any]) -> None:
    strange = [each for each in given if each not in offered]
    if strange:
        raise ValueError(
            "%s does not offer %s; it offers %s"
            % (name, " or ".join(map(repr, strange)), ", ".join(map(repr, offered)))
        )


def shown_call(tool: Any) -> str:
    shown = []
    for name, value in mapping(tool, "tool_args").items():
        text = repr(value)
        shown.append("%s=%s" % (name, text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."))
    return "%s(%s)" % (name_of(tool), ", ".join(shown))
