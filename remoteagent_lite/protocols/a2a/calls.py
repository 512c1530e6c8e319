"""The tool calls that a stream tells of: each when it begins and when it is done, once. No I/O."""

from __future__ import annotations

import json
from typing import Any, Dict, Iterator, Set, Tuple

from ..jsontext import read_json
from .content import tool_calls

__all__ = ["Calls"]

JSON = Dict[str, Any]
#: Whether a call is done, and the tool with what is known of it.
Told = Tuple[bool, JSON]

_AGNO = {"tool_call_started": False, "tool_call_completed": True}


class Calls:
    """What has been told of calls, however often the server repeats it."""

    def __init__(self) -> None:
        self._begun: Dict[str, JSON] = {}
        self._done: Set[str] = set()

    def in_parts(self, parts: Any) -> Iterator[Told]:
        """What is new in the parts of a message or an artifact."""
        for call in tool_calls(parts):
            if not self._is_known(call.done, call.id):
                yield self._told(call.done, call.id, call.name, call.value)

    def in_metadata(self, metadata: JSON) -> Iterator[Told]:
        """What is new in the metadata that an AgentOS sends with a status."""
        done = _AGNO.get(str(metadata.get("agno_event_type")))
        if done is None:
            return
        args = metadata.get("tool_args")
        if isinstance(args, str):
            try:
                args = read_json(args)
            except ValueError:
                args = None
        call_id, name = str(metadata.get("tool_call_id") or ""), str(metadata.get("tool_name"))
        if done:
            self._begun.setdefault(call_id, _tool(call_id, name, args))
        if not self._is_known(done, call_id):
            yield self._told(done, call_id, name, None if done else args)

    def _is_known(self, done: bool, call_id: str) -> bool:
        return bool(call_id) and call_id in (self._done if done else self._begun)

    def _told(self, done: bool, call_id: str, name: str, value: Any) -> Told:
        if not done:
            tool = self._begun[call_id] = _tool(call_id, name, value)
            return done, dict(tool)
        self._done.add(call_id)
        tool = dict(self._begun.get(call_id) or _tool(call_id, name, None))
        if value is not None:
            tool["result"] = _result(value)
        return done, tool


def _tool(call_id: str, name: str, args: Any) -> JSON:
    tool: JSON = {"tool_call_id": call_id or None, "tool_name": name}
    if type(args) is dict:
        tool["tool_args"] = args
    return tool


def _result(value: Any) -> str:
    if type(value) is dict and set(value) == {"result"}:  # as ADK wraps what is no object
        value = value["result"]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
