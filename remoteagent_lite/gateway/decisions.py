"""What a paused run of an AgentOS waits for, as an A2A agent asks for it, and the answer. No I/O.

The question is text for a person and a data part for a program. A text answers it where there is
one thing to decide and the text can mean only one thing; a data part answers it always. What is not
understood decides nothing: it is refused, and the run goes on waiting.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from ..protocols.a2a.serving import Fault

__all__ = ["UNFIT", "confirms", "decide", "given_in", "question"]

#: The words of the Fault for an answer that is none, before what is wrong with it.
UNFIT = "That does not answer what the task waits for: %s"

_YES = ("yes", "y", "ok", "okay", "confirm", "confirmed", "approve", "approved", "true")
_NO = ("no", "n", "reject", "rejected", "deny", "denied", "cancel", "false")
_CONFIRMED = ("confirmation", "output_review")


def question(output: Any) -> List[Dict[str, Any]]:
    """The parts of the message by which a task asks."""
    items = [_item(each) for each in _waiting(output)]
    asked = "; ".join(each["waits_for"] for each in items) or str(output.content or "a decision")
    text = "The run waits for %s." % asked
    if len(items) == 1 and items[0]["kind"] in _CONFIRMED:
        text += ' Answer "yes" or "no".'
    return [{"text": text}, {"data": {"pending": items}}]


def decide(output: Any, parts: Sequence[Mapping[str, Any]]) -> None:
    """Write the answer in ``parts`` into what the run waits for. Fault for what does not fit."""
    pending = _waiting(output)
    try:
        text, decisions = given_in(parts)
        for each in decisions:
            _by_data(_named(pending, each), each)
        if not decisions and len(pending) == 1:
            _by_text(pending[0], text)
        left = _waiting(output)
        if left:
            raise ValueError("undecided: %s" % "; ".join(str(each.waits_for) for each in left))
    except (TypeError, ValueError) as error:
        raise Fault(-32602, UNFIT % error) from error


def given_in(parts: Sequence[Mapping[str, Any]]) -> Tuple[str, List[Dict[str, Any]]]:
    """The text in an answer, and the decisions in its data. ValueError if one is no object."""
    texts = [str(part["text"]) for part in parts if "text" in part]
    given = [part["data"] for part in parts if "data" in part]
    flat = [each for data in given for each in (data if isinstance(data, list) else [data])]
    if not all(isinstance(each, dict) for each in flat):
        raise ValueError("a decision is an object")
    return "\n".join(texts).strip(), flat


def confirms(text: str) -> bool:
    """Whether a text means yes or no. ValueError for one that may mean either."""
    word = text.lower().strip(" .!")
    if word not in _YES and word not in _NO:
        raise ValueError('answer "yes" or "no"')
    return word in _YES


def _waiting(output: Any) -> List[Any]:
    """All that has to be decided; of a step whose agent waits, what that waits for."""
    found: List[Any] = []
    for each in output.pending:
        found += each.active_requirements if each.pause_type == "executor" else [each]
    return found


def _id(item: Any) -> str:
    data = item.to_dict()
    tool = data.get("tool_execution")
    tool = tool if isinstance(tool, dict) else data
    return str(tool.get("tool_call_id") or data.get("step_id") or data.get("id"))


def _item(item: Any) -> Dict[str, Any]:
    data = item.to_dict()
    tool = data.get("tool_execution")
    tool = tool if isinstance(tool, dict) else data
    found = {"id": _id(item), "kind": item.pause_type, "waits_for": item.waits_for or ""}
    for name in ("tool_name", "tool_args", "user_input_schema", "user_feedback_schema"):
        if tool.get(name):
            found[name] = tool[name]
    for name in ("step_name", "available_choices", "confirmation_message", "member_agent_name"):
        if data.get(name):
            found[name] = data[name]
    return found


def _named(pending: Sequence[Any], decision: Mapping[str, Any]) -> Any:
    id = decision.get("id")
    if id is None and len(pending) == 1:
        return pending[0]
    for item in pending:
        if _id(item) == id:
            return item
    raise ValueError("%r is none of %s" % (id, ", ".join(map(_id, pending))))


def _by_data(item: Any, decision: Mapping[str, Any]) -> None:
    said = {name: value for name, value in decision.items() if value is not None and name != "id"}
    if "confirmed" in said:
        if not isinstance(said["confirmed"], bool):
            raise ValueError("confirmed is true or false")
        note: Optional[str] = said.get("note")
        item.confirm() if said["confirmed"] else item.reject(*([note] if note else []))
    elif "result" in said:
        item.set_result(said["result"])
    elif "values" in said:
        item.answer(said["values"])
    elif "selected" in said:
        chosen = said["selected"]
        item.select(*(chosen if isinstance(chosen, list) else [chosen]))
    else:
        raise ValueError("a decision has one of confirmed, result, values and selected")


def _by_text(item: Any, text: str) -> None:
    kind = item.pause_type
    if not text:
        raise ValueError("the answer is empty")
    if kind in _CONFIRMED:
        item.confirm() if confirms(text) else item.reject()
    elif kind == "external_execution":
        item.set_result(text)
    elif kind == "user_input":
        fields = [each.get("name") for each in _open_fields(item)]
        if len(fields) != 1:
            raise ValueError("give a data part with values for %s" % ", ".join(map(str, fields)))
        item.answer({str(fields[0]): text})
    else:
        item.select(text)


def _open_fields(item: Any) -> List[Mapping[str, Any]]:
    data = item.to_dict()
    tool = data.get("tool_execution")
    schema = (tool if isinstance(tool, dict) else data).get("user_input_schema") or []
    return [each for each in schema if isinstance(each, dict) and each.get("value") is None]
