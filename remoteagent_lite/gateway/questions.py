"""What a run waits for, as AgentOS tells of it, and the answer back. No I/O.

A task that waits for input has a question, and takes any message as the answer. To a client of
AgentOS that is a run that is paused for user input, with one field; and the calls of an ADK agent
that wait for their responses are tools that are executed elsewhere. A local function asks in the
same way, perhaps with options to choose from, or has a tool confirmed.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping, Optional, Sequence

from ..protocols.a2a.adk import awaited_calls
from ..protocols.component import AGENT, WORKFLOW, Component
from ..protocols.jsontext import plain

__all__ = ["answer_of", "asked", "call_of", "decision_of", "question_of", "waiting_for"]

Json = Dict[str, Any]

#: The name of the one field that takes the answer.
FIELD = "input"


def asked(component: Component, output: Any) -> Json:
    """The members that a paused output has beside its own, to say what it waits for."""
    task = output.task.to_dict() if output.task is not None else {}
    if output.task_state not in ("input-required", "auth-required"):
        return {}  # nobody can tell what it waits for
    question = output.content if isinstance(output.content, str) else ""
    id = str(output.run_id)
    if component is WORKFLOW:
        return _of_step(id, _input_of_step(question, ()))
    tools = [
        call_of(
            tool_call_id=call.id,
            tool_name=call.name,
            tool_args=call.value if isinstance(call.value, dict) else {},
            external_execution_required=True,
        )
        for call in awaited_calls(task)
    ]
    return _of_tools(component, tools or [_input_of_tool(id, question, ())])


def waiting_for(component: Component, pending: Mapping[str, Any]) -> Json:
    """The same of a local run; ``pending`` is what that waits for."""
    id, question = str(pending["id"]), question_of(pending)
    if pending["kind"] == "confirm":
        if component is WORKFLOW:
            said = {"requires_confirmation": True, "confirmation_message": question}
            return _of_step(id, {**said, "step_name": pending["name"]})
        tool = call_of(
            tool_call_id=id,
            tool_name=pending["name"],
            tool_args=pending["args"],
            requires_confirmation=True,
        )
        return _of_tools(component, [tool])
    options = pending.get("options") or ()
    if component is WORKFLOW:
        return _of_step(id, _input_of_step(question, options))
    return _of_tools(component, [_input_of_tool(id, question, options)])


def question_of(pending: Mapping[str, Any]) -> str:
    """What a local run waits for, as a sentence."""
    if pending.get("question"):
        return str(pending["question"])
    args = json.dumps(pending["args"], ensure_ascii=False, default=plain)
    return "May %s be called with %s?" % (pending["name"], args)


def answer_of(decided: Sequence[Mapping[str, Any]], fields: Mapping[str, str]) -> Optional[Any]:
    """The input that continues the task; None if nothing was answered."""
    answers: Dict[str, Any] = {}
    for each in decided:
        tool = _tool_of(each)
        value = _value(each)
        value = _value(tool) if value is None else value
        if value is not None:
            answers[_id_of(tool)] = value
    if fields.get("input"):
        return fields["input"]
    if len(answers) == 1:
        return next(iter(answers.values()))
    return answers or None


def decision_of(
    pending: Mapping[str, Any], decided: Sequence[Mapping[str, Any]], fields: Mapping[str, str]
) -> Optional[Any]:
    """The answer to what a local run waits for; None if there is none in what was decided."""
    decisions = [each for each in decided if _id_of(_tool_of(each)) == pending["id"]]
    if pending["kind"] != "confirm":
        return answer_of(decisions, fields)
    for each in decisions:
        tool = _tool_of(each)
        for said, note in (
            (tool.get("confirmed"), tool.get("confirmation_note")),
            (each.get("confirmation"), each.get("confirmation_note")),
        ):
            if said is not None:
                return {"confirmed": said, "note": note or each.get("rejection_feedback")}
    return None


def _tool_of(decided: Mapping[str, Any]) -> Mapping[str, Any]:
    tool = decided.get("tool_execution")
    return tool if isinstance(tool, dict) else decided


def _id_of(tool: Mapping[str, Any]) -> str:
    return str(tool.get("tool_call_id") or tool.get("step_id"))


def _value(decided: Mapping[str, Any]) -> Optional[Any]:
    for name in ("external_execution_result", "result"):
        if decided.get(name) is not None:
            return decided[name]
    for field in _objects(decided.get("user_input_schema")):
        if field.get("value") is not None:
            return field["value"]
    for each in _objects(decided.get("user_feedback_schema")):
        chosen = each.get("selected_options")
        if isinstance(chosen, list) and chosen:
            return chosen[0] if len(chosen) == 1 else chosen
    values = decided.get("user_input")
    return values.get(FIELD) if isinstance(values, dict) else None


def _objects(value: Any) -> List[Json]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


# --- As AgentOS writes it

#: All members of a tool call as AgentOS sends them.
_CALL: Json = {
    **dict.fromkeys(("tool_call_id", "tool_name", "tool_args", "tool_call_error", "result")),
    **dict.fromkeys(("metrics", "child_run_id", "created_at", "requires_confirmation")),
    **dict.fromkeys(("confirmed", "confirmation_note", "requires_user_input", "answered")),
    **dict.fromkeys(("user_input_schema", "user_feedback_schema", "approval_type", "approval_id")),
    **dict.fromkeys(("external_execution_required", "external_execution_silent")),
    "stop_after_tool_call": False,
}


def call_of(**own: Any) -> Json:
    """A tool call with all the members that AgentOS gives it."""
    return {**_CALL, **own}


def _input_of_tool(id: str, question: str, options: Sequence[str]) -> Json:
    tool = call_of(
        tool_call_id=id,
        tool_name=FIELD,
        tool_args={"question": question},
        requires_user_input=True,
    )
    if options:
        choices = [{"label": each, "description": None, "selected": False} for each in options]
        choice = {"question": question, "header": None, "multi_select": False}
        tool["user_feedback_schema"] = [{**choice, "options": choices, "selected_options": None}]
    else:
        tool["user_input_schema"] = [_field(question)]
    return tool


def _input_of_step(question: str, options: Sequence[str]) -> Json:
    field = {**_field(question), "required": True}
    if options:
        field["allowed_values"] = list(options)
    return {
        "step_name": FIELD,
        "requires_user_input": True,
        "user_input_message": question,
        "user_input_schema": [field],
    }


def _field(question: str) -> Json:
    return {"name": FIELD, "field_type": "str", "description": question, "value": None}


def _of_tools(component: Component, tools: List[Json]) -> Json:
    found: Json = {"requirements": [_requirement(each) for each in tools]}
    if component is AGENT:
        found["tools"] = tools
    return found


def _of_step(id: str, step: Json) -> Json:
    return {"step_requirements": [{"step_id": id, **step}], "pause_kind": "step"}


def _requirement(tool: Json) -> Json:
    found: Json = {"id": tool["tool_call_id"], "tool_execution": tool}
    for name in ("user_input_schema", "user_feedback_schema"):
        if tool[name]:
            found[name] = tool[name]
    return found
