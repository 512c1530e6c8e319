"""What a remote run that a step has begun waits for, asked of the caller of the run around it."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

__all__ = ["decide"]

#: What is answered for a field that may be left out.
_NOTHING = "-"
#: What begins with these means yes, yes, no and no.
_BOOLS = "ytnf"

Ask = Callable[[str, Mapping[str, Any]], Any]


def decide(output: Any, ask: Ask) -> Dict[str, Any]:
    """Write all decisions into ``output``; what continue_run needs beside them.

    ``ask(kind, pending)`` gives the answer to a question (see ``pending``), or ends the function
    until there is one.
    """
    asking = _Asking(ask)
    waiting: List[Any] = []
    for each in output.pending:
        waiting += each.active_requirements if each.pause_type == "executor" else [each]
    if not waiting:  # an A2A agent takes any answer
        return {"input": asking.text(str(output.content or "The agent asks for an input."))}
    for item in waiting:
        _DECISIONS[item.pause_type](item, asking)
    return {}


class _Asking:
    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def text(self, question: str, options: Optional[Sequence[str]] = None) -> str:
        pending: Dict[str, Any] = {"kind": "input", "name": question, "question": question}
        if options:
            pending["options"] = list(options)
        return str(self._ask("ask", pending))

    def confirmation(self, name: str, args: Any, question: str) -> Mapping[str, Any]:
        pending = {"kind": "confirm", "name": name, "args": args, "question": question}
        answer: Mapping[str, Any] = self._ask("confirm", pending)
        return answer

    def choice(self, question: str, labels: Sequence[str], several: bool) -> List[str]:
        if not several:
            return [self.text(question, labels)]
        question += " (one or more of %s, with commas between)" % ", ".join(labels)
        while True:
            chosen = [each.strip() for each in self.text(question).split(",")]
            if all(each in labels for each in chosen):
                return chosen


def _confirm(item: Any, asking: _Asking) -> None:
    data = item.to_dict()
    tool = data.get("tool_execution") or data
    name = str(tool.get("tool_name") or data.get("step_name") or item.waits_for)
    answer = asking.confirmation(name, tool.get("tool_args") or {}, str(item.waits_for))
    if answer["confirmed"]:
        item.confirm()
    else:
        item.reject(*([answer["note"]] if answer.get("note") else []))


def _fill_in(item: Any, asking: _Asking) -> None:
    call = getattr(item, "tool_execution", None) or item
    values: Dict[str, Any] = {}
    for field in call.user_input_schema or []:
        if field.value is not None:
            continue
        question = str(field.description or field.name)
        optional = getattr(field, "required", True) is False
        if optional:
            question += " (%s leaves it out)" % _NOTHING
        while True:
            text = asking.text(question)
            if optional and text == _NOTHING:
                break
            try:
                values[field.name] = _typed(text, field.field_type)
            except ValueError:
                continue  # it is asked for again
            break
    item.answer(values)


def _typed(text: str, field_type: Optional[str]) -> Any:
    """A text as that type. ValueError if it cannot be."""
    if field_type == "bool":
        return _BOOLS.index(text[:1].lower()) < 2
    if field_type in ("int", "float"):
        return int(text) if field_type == "int" else float(text)
    if field_type in (None, "str"):
        return text
    return json.loads(text)


def _select(item: Any, asking: _Asking) -> None:
    call = getattr(item, "tool_execution", None) or item
    chosen = {}
    for place, question in enumerate(call.user_feedback_schema):
        labels = [str(option.label) for option in question.options or []]
        several = bool(question.multi_select)
        chosen[place] = asking.choice(str(question.question), labels, several)
    item.select(chosen)


def _route(item: Any, asking: _Asking) -> None:
    several = bool(item.allow_multiple_selections)
    question = item.user_input_message or str(item.waits_for)
    item.select(*asking.choice(question, item.available_choices or [], several))


def _execute(item: Any, asking: _Asking) -> None:
    item.set_result(asking.text(str(item.waits_for)))


_DECISIONS: Dict[str, Callable[[Any, _Asking], None]] = {
    "confirmation": _confirm,
    "output_review": _confirm,
    "user_input": _fill_in,
    "user_feedback": _select,
    "route_selection": _route,
    "external_execution": _execute,
}
