"""Google ADK's extension: its agents stream their answers, and wait for tools' results. No I/O.

With the extension named, text comes as chunks of artifacts while it is written, and what an agent
waits for is a call of a long-running tool: it takes no text for an answer, but the tool's response.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

from .content import ToolCall, mapping, open_calls, reply_of

__all__ = ["EXTENSION", "awaited_calls", "responses"]

JSON = Dict[str, Any]

EXTENSION = "https://google.github.io/adk-docs/a2a/a2a-extension/"


def awaited_calls(task: JSON) -> List[ToolCall]:
    """The tool calls whose responses a paused task waits for, if the extension is active."""
    if EXTENSION not in mapping(task.get("metadata")):
        return []
    return open_calls((reply_of(task) or {}).get("parts"))


def responses(calls: Sequence[ToolCall], answer: Any) -> List[JSON]:
    """The parts that say ``answer`` to ``calls``: to several, a mapping from their ids.

    Raises ValueError if it is none.
    """
    if len(calls) == 1:
        answers = {calls[0].id: answer}
    elif isinstance(answer, Mapping) and all(call.id in answer for call in calls):
        answers = dict(answer)
    else:
        raise ValueError(
            "The agent waits for several answers: give input={id: answer, ...}, with one for each "
            "of %s." % ", ".join("%s (%s)" % (call.id, call.name) for call in calls)
        )
    return [_response(call, answers[call.id]) for call in calls]


def _response(call: ToolCall, answer: Any) -> JSON:
    value = answer if isinstance(answer, Mapping) else {"result": answer}
    return {
        "data": {"id": call.id, "name": call.name, "response": value},
        "metadata": {"adk_type": "function_response"},
    }
