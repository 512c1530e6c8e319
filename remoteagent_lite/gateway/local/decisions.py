"""What a paused local run waits for, as an A2A agent asks for it, and the answer. No I/O.

As of runs on an AgentOS the question is text for a person and a data part for a program, and either
may answer: a text that can mean only one thing, or a data part ``{"confirmed": true}``, with a
``note`` perhaps; ``{"answer": "blue"}``, or ``{"values": {"input": "blue"}}``.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

from ...protocols.a2a.serving import Fault
from ..decisions import UNFIT, confirms, given_in
from .pending import check

__all__ = ["answer_in", "question"]

Json = Dict[str, Any]

#: The members of a decision that an answer may stand in.
_ANSWERS = ("answer", "result", "selected", "values")


def question(pending: Mapping[str, Any], asked: str) -> List[Json]:
    """The parts of the message by which a task asks; ``asked`` is the question."""
    item: Json = {"id": pending["id"], "waits_for": asked}
    if pending["kind"] == "confirm":
        item.update(kind="confirmation", tool_name=pending["name"], tool_args=pending["args"])
        asked += ' Answer "yes" or "no".'
    else:
        item["kind"] = "user_input"
        options = pending.get("options")
        if options:
            item["options"] = options
            asked += " (%s)" % ", ".join(options)
    return [{"text": asked}, {"data": {"pending": [item]}}]


def answer_in(pending: Mapping[str, Any], parts: Sequence[Mapping[str, Any]]) -> Any:
    """What a message answers. Fault if that is no answer: the run goes on waiting."""
    try:
        text, decisions = given_in(parts)
        if len(decisions) > 1:
            raise ValueError("there is one thing to decide")
        answer: Any = _decided(pending, decisions[0]) if decisions else _said(pending, text)
        return check(pending, answer)
    except ValueError as error:
        raise Fault(-32602, UNFIT % error) from error


def _said(pending: Mapping[str, Any], text: str) -> Any:
    if not text:
        raise ValueError("the answer is empty")
    if pending["kind"] == "confirm":
        return {"confirmed": confirms(text)}
    for option in pending.get("options") or ():
        if option.lower() == text.lower():
            return option
    return text


def _decided(pending: Mapping[str, Any], decision: Mapping[str, Any]) -> Any:
    id = decision.get("id")
    if id is not None and id != pending["id"]:
        raise ValueError("%.80r is not what is asked, but %s" % (id, pending["id"]))
    if pending["kind"] == "confirm":
        return decision
    for name in _ANSWERS:
        answer = decision.get(name)
        if isinstance(answer, dict) and len(answer) == 1:
            (answer,) = answer.values()
        if answer is not None:
            return answer
    raise ValueError("a decision has an answer")
