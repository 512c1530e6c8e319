"""What an A2A agent asks, as AgentOS tells of it, and the answer back. No I/O.

A task that waits for input has a question, and takes any message as the answer. To a client of
AgentOS that is a run that is paused for user input, with one field; and the calls of an ADK agent
that wait for their responses are tools that are executed elsewhere.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Sequence

from ..protocols.a2a.adk import awaited_calls
from ..protocols.component import AGENT, WORKFLOW, Component

__all__ = ["answer_of", "asked"]

#: The name of the one field that takes the answer.
FIELD = "input"


def asked(component: Component, output: Any) -> Dict[str, Any]:
    """The members that a paused output has beside its own, to say what it waits for."""
    task = output.task.to_dict() if output.task is not None else {}
    if output.task_state not in ("input-required", "auth-required"):
        return {}  # nobody can tell what it waits for
    question = output.content if isinstance(output.content, str) else ""
    if component is WORKFLOW:
        step = {
            "step_id": output.run_id,
            "step_name": FIELD,
            "requires_user_input": True,
            "user_input_message": question,
            "user_input_schema": [_field(question)],
        }
        return {"step_requirements": [step], "pause_kind": "step"}
    tools = [_external(call) for call in awaited_calls(task)]
    tools = tools or [_question(str(output.run_id), question)]
    requirements = [_requirement(each) for each in tools]
    found: Dict[str, Any] = {"requirements": requirements}
    if component is AGENT:
        found["tools"] = tools
    return found


def answer_of(decided: Sequence[Mapping[str, Any]], fields: Mapping[str, str]) -> Optional[Any]:
    """The input that continues the task; None if nothing was answered."""
    answers: Dict[str, Any] = {}
    for each in decided:
        tool = each.get("tool_execution")
        tool = tool if isinstance(tool, dict) else each
        value = _value(each)
        value = _value(tool) if value is None else value
        if value is not None:
            answers[str(tool.get("tool_call_id") or tool.get("step_id"))] = value
    if fields.get("input"):
        return fields["input"]
    if len(answers) == 1:
        return next(iter(answers.values()))
    return answers or None


def _value(decided: Mapping[str, Any]) -> Optional[Any]:
    for name in ("external_execution_result", "result"):
        if decided.get(name) is not None:
            return decided[name]
    schema = decided.get("user_input_schema")
    for field in schema if isinstance(schema, list) else ():
        if isinstance(field, dict) and field.get("value") is not None:
            return field["value"]
    values = decided.get("user_input")
    return values.get(FIELD) if isinstance(values, dict) else None


def _field(question: str) -> Dict[str, Any]:
    return {
        "name": FIELD,
        "field_type": "str",
        "description": question,
        "value": None,
        "required": True,
    }


#: All members of a tool call as AgentOS sends them.
_CALL: Dict[str, Any] = {
    **dict.fromkeys(("tool_call_id", "tool_name", "tool_args", "tool_call_error", "result")),
    **dict.fromkeys(("metrics", "child_run_id", "created_at", "requires_confirmation")),
    **dict.fromkeys(("confirmed", "confirmation_note", "requires_user_input", "answered")),
    **dict.fromkeys(("user_input_schema", "user_feedback_schema", "approval_type", "approval_id")),
    **dict.fromkeys(("external_execution_required", "external_execution_silent")),
    "stop_after_tool_call": False,
}


def _question(run_id: str, question: str) -> Dict[str, Any]:
    field = {name: value for name, value in _field(question).items() if name != "required"}
    own = {"tool_call_id": run_id, "tool_name": FIELD, "tool_args": {"question": question}}
    return {**_CALL, **own, "requires_user_input": True, "user_input_schema": [field]}


def _external(call: Any) -> Dict[str, Any]:
    args = call.value if isinstance(call.value, dict) else {}
    own = {"tool_call_id": call.id, "tool_name": call.name, "tool_args": args}
    return {**_CALL, **own, "external_execution_required": True}


def _requirement(tool: Dict[str, Any]) -> Dict[str, Any]:
    found: Dict[str, Any] = {"id": tool["tool_call_id"], "tool_execution": tool}
    if tool["user_input_schema"]:
        found["user_input_schema"] = tool["user_input_schema"]
    return found
