"""What a paused run waits for is asked at the terminal."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, Optional, Sequence

from .terminal import NobodyError, ask, content_of, say

__all__ = ["decide"]


def decide(output: Any) -> Optional[Dict[str, Any]]:
    """Ask for all decisions; what continue_run needs beside them.

    None when standard input ended before, and nothing is decided.
    """
    try:
        if output.task_state is not None:
            say("The agent asks: %s" % content_of(output))
            return {"input": ask("> ")}
        for item in output.pending:
            for each in item.active_requirements if item.pause_type == "executor" else [item]:
                say("The run is paused for %s" % each.waits_for)
                _QUESTIONS.get(each.pause_type, _give_up)(each)
    except NobodyError:
        return None
    return {}


def _give_up(item: Any) -> None:
    raise NobodyError


def _ask_confirmation(item: Any) -> None:
    review = item.pause_type == "output_review"
    if review:
        say(content_of(item.step_output or item))
    answer = ""
    while answer[:1] not in (("y", "n", "e") if review else ("y", "n")) or not answer:
        answer = ask("Allow it? [y/n%s] " % ("/e to edit" if review else "")).lower()
    if answer[0] == "y":
        item.confirm()
    elif answer[0] == "e":
        item.edit(ask("Instead: "))
    else:
        item.reject(ask("Why not? ") or None)


def _ask_values(item: Any) -> None:
    call = getattr(item, "tool_execution", item)
    while True:
        values: Dict[str, Any] = {}
        for field in call.user_input_schema or []:
            if field.value is None:
                text = ask("%s (%s): " % (field.description or field.name, field.field_type))
                values[field.name] = _typed(text, field.field_type) if text else None
        try:
            return item.answer(values)  # type: ignore[no-any-return]
        except ValueError as error:
            say(str(error))


def _typed(text: str, field_type: str) -> Any:
    """``text`` as that type if it can be; else as it is, and the server says what is wrong."""
    if field_type == "bool":
        return {"y": True, "t": True, "n": False, "f": False}.get(text[0].lower(), text)
    try:
        return text if field_type == "str" else json.loads(text)
    except ValueError:
        return text


def _ask_options(item: Any) -> None:
    call = getattr(item, "tool_execution", item)
    chosen = {}
    for place, question in enumerate(call.user_feedback_schema):
        labels = [option.label for option in question.options or []]
        chosen[place] = _choose(question.question, labels, bool(question.multi_select))
    item.select(chosen)


def _ask_route(item: Any) -> None:
    several = bool(item.allow_multiple_selections)
    item.select(*_choose(item.user_input_message or "", item.available_choices or [], several))


def _choose(question: str, labels: Sequence[str], several: bool) -> Sequence[str]:
    say(question)
    for number, label in enumerate(labels, 1):
        say("  %d. %s" % (number, label))
    while True:
        words = ask("Numbers: " if several else "Number: ").replace(",", " ").split()
        chosen = [label for number, label in enumerate(labels, 1) if str(number) in words]
        if chosen and len(chosen) == len(words) and (several or len(words) == 1):
            return chosen


def _ask_result(item: Any) -> None:
    item.set_result(ask("Result: "))


_QUESTIONS: Dict[str, Callable[[Any], None]] = {
    "confirmation": _ask_confirmation,
    "output_review": _ask_confirmation,
    "user_input": _ask_values,
    "user_feedback": _ask_options,
    "route_selection": _ask_route,
    "external_execution": _ask_result,
}
