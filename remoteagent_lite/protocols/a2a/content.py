"""What a canonical task or message says: text, data, media, questions and reasons. No I/O.

Nothing here trusts a server: what has the wrong shape is passed over and never raises.
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ...media import named_type
from .interface import INTERRUPTED, TERMINAL

__all__ = [
    "MEDIA",
    "ToolCall",
    "answer_texts",
    "artifacts_of",
    "content_of",
    "data_of",
    "is_said_by_user",
    "mapping",
    "media_of",
    "message_text",
    "metrics_of",
    "objects",
    "open_calls",
    "partial_content_of",
    "question_of",
    "reason_of",
    "reply_of",
    "shown_data",
    "state_of",
    "texts",
    "thoughts",
    "tool_calls",
]

JSON = Dict[str, Any]

#: The fields of an output that hold media, by the first half of their type; all else is a file.
_BY_TYPE = {"image": "images", "audio": "audio", "video": "videos"}
MEDIA = (*_BY_TYPE.values(), "files")

COMPLETED = "TASK_STATE_COMPLETED"

_STANDARD = str.maketrans("-_", "+/", " \t\r\n")


class ToolCall(NamedTuple):
    """A tool call, or its result, as ADK tells it in a data part."""

    done: bool
    id: str
    name: str
    value: Any  # the arguments, or the result


def objects(value: Any) -> List[JSON]:
    """The objects in a list; none if it is no list."""
    return [item for item in value if type(item) is dict] if type(value) is list else []


def mapping(value: Any) -> JSON:
    return value if type(value) is dict else {}


def _adk(part: JSON, name: str) -> Any:
    if "metadata" not in part:
        return None
    metadata = mapping(part["metadata"])
    return metadata.get("adk_" + name) or metadata.get("adk:" + name)


def _text_parts(parts: Any) -> List[JSON]:
    return [part for part in objects(parts) if "text" in part and type(part["text"]) is str]


def texts(parts: Any) -> List[str]:
    """The text parts that belong to an answer: thoughts do not."""
    # The first question is asked here too, for parts are many and have no metadata.
    return [
        part["text"]
        for part in _text_parts(parts)
        if "metadata" not in part or not _adk(part, "thought")
    ]


def thoughts(parts: Any) -> List[str]:
    return [
        part["text"] for part in _text_parts(parts) if "metadata" in part and _adk(part, "thought")
    ]


def tool_calls(parts: Any) -> List[ToolCall]:
    calls = []
    for part in objects(parts):
        if "data" not in part:
            continue
        kind, data = _adk(part, "type"), mapping(part["data"])
        if data and kind in ("function_call", "function_response"):
            done = kind == "function_response"
            value = data.get("response" if done else "args")
            calls.append(
                ToolCall(done, str(data.get("id") or ""), str(data.get("name") or "tool"), value)
            )
    return calls


def data_of(parts: Any) -> List[Any]:
    """The values of the data parts, but for an ADK's talk with its tools."""
    return [part["data"] for part in objects(parts) if "data" in part and not tool_calls([part])]


def shown_data(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def message_text(message: Any) -> str:
    """The parts of a message are blocks, those of an artifact pieces of one text."""
    return "\n".join(texts(mapping(message).get("parts")))


def is_said_by_user(message: JSON) -> bool:
    return message.get("role") == "ROLE_USER"


def artifacts_of(task: JSON) -> List[JSON]:
    return objects(task.get("artifacts"))


def state_of(task: JSON) -> str:
    return str(mapping(task.get("status")).get("state") or "TASK_STATE_UNSPECIFIED")


def reply_of(task: JSON) -> Optional[JSON]:
    """The message a task has ended or paused with. Before that a status is news of progress."""
    if state_of(task) in TERMINAL or state_of(task) in INTERRUPTED:
        return mapping(mapping(task.get("status")).get("message")) or None
    return None


def _answers(task: JSON) -> List[JSON]:
    """The agent's messages in the history behind the user's last one."""
    answers: List[JSON] = []
    for message in objects(task.get("history")):
        if is_said_by_user(message):
            answers = []
        else:
            answers.append(message)
    return answers


def _joined(blocks: List[str]) -> Optional[str]:
    return "\n".join(block for block in blocks if block) or None


def open_calls(parts: Any) -> List[ToolCall]:
    """The tool calls whose responses do not stand beside them."""
    calls = tool_calls(parts)
    answered = {call.id for call in calls if call.done}
    return [call for call in calls if not call.done and call.id not in answered]


def answer_texts(parts: Any) -> List[str]:
    """The texts of an artifact. What an agent says beside a tool call is no answer yet."""
    return [] if open_calls(parts) else texts(parts)


def _artifact_text(task: JSON) -> Optional[str]:
    return _joined(["".join(answer_texts(each.get("parts"))) for each in artifacts_of(task)])


def _artifact_data(task: JSON) -> Any:
    return _value([item for each in artifacts_of(task) for item in data_of(each.get("parts"))])


def _value(data: List[Any]) -> Any:
    """A structured answer: the one value, or a list of several; None if there is none."""
    return data[0] if len(data) == 1 else data or None


def content_of(task: JSON) -> Any:
    """What a task answers, by what is to be trusted most: artifacts, its last word, the history.

    The history holds the answer on an AgentOS only; elsewhere it is notes of progress.
    """
    text = _artifact_text(task)
    if text is not None:
        return text
    data = _artifact_data(task)
    if data is not None:
        return data
    if state_of(task) != COMPLETED:
        return None
    reply = reply_of(task) or {}
    said = message_text(reply) or _value(data_of(reply.get("parts")))
    return said or _joined([message_text(message) for message in _answers(task)])


def _cancelled_parts(task: JSON) -> List[str]:
    """What an AgentOS leaves of a cancelled run: its text so far and, last, why it ended."""
    for message in reversed(_answers(task)):
        if mapping(message.get("metadata")).get("agno_event_type") == "run_cancelled":
            return texts(message.get("parts"))
        blocks = texts(message.get("parts"))
        if blocks and blocks[-1].startswith("Run was cancelled"):  # before it was marked
            return blocks
    return []


def partial_content_of(task: JSON) -> Any:
    """What a run that failed or was cancelled had answered until then."""
    content = content_of(task)
    return content if content is not None else _joined(_cancelled_parts(task)[:-1])


def reason_of(task: JSON) -> Optional[str]:
    """Why a task failed, was rejected or cancelled, in the server's words."""
    state = state_of(task)
    if state not in TERMINAL or state == COMPLETED:
        return None
    reply = reply_of(task) or {}
    given: Any = message_text(reply) or "".join(_cancelled_parts(task)[-1:])
    given = given or "\n".join(map(shown_data, data_of(reply.get("parts"))))
    given = given or mapping(task.get("metadata")).get("reason")
    if not given and state != "TASK_STATE_CANCELED":
        # Elsewhere than in an AgentOS the words before a cancel are notes of progress.
        given = next(filter(None, map(message_text, reversed(_answers(task)))), None)
    return given if isinstance(given, str) and given else None


def question_of(task: JSON) -> Optional[str]:
    """What a paused task asks; a tool call that has to be approved reads as a call."""
    reply = reply_of(task) or {}
    text = message_text(reply)
    if text:
        return text
    parts = reply.get("parts")
    calls = ["%s(%s)" % (call.name, shown_data(call.value)) for call in tool_calls(parts)]
    return "\n".join(calls + [shown_data(item) for item in data_of(parts)]) or None


def metrics_of(task: JSON) -> JSON:
    """What an AgentOS counted; it stands with its last message."""
    for message in reversed(_answers(task)):
        if "metadata" in message:
            metrics = mapping(mapping(message["metadata"]).get("metrics"))
            if metrics:
                return metrics
    return {}


def media_of(sources: List[Tuple[str, Any]]) -> Dict[str, List[JSON]]:
    """The file parts of ``(id, parts)`` pairs, as the lists of an output they belong to."""
    media: Dict[str, List[JSON]] = {}
    for name, parts in sources:
        count = 0
        for part in objects(parts):
            if ("raw" in part or "url" in part) and (
                type(part.get("raw")) is str or type(part.get("url")) is str
            ):
                count += 1
                field, item = _file(part)
                if name:
                    item["id"] = name if count == 1 else "%s-%d" % (name, count)
                media.setdefault(field, []).append(item)
    return media


def _file(part: JSON) -> Tuple[str, JSON]:
    raw, url = part.get("raw"), part.get("url")
    item: JSON = {}
    for wire, name in (("url", "url"), ("mediaType", "mime_type"), ("filename", "filename")):
        if type(part.get(wire)) is str and part[wire]:
            item[name] = part[wire]
    if mapping(part.get("metadata")):
        item["metadata"] = part["metadata"]
    # A type that is only guessed sorts the part, and is not claimed for it.
    mime_type = item.get("mime_type") or named_type(item.get("filename"), url) or ""
    field = _BY_TYPE.get(mime_type.partition("/")[0].lower(), "files")
    if type(raw) is str:
        item["content"] = _standard_base64(raw)
        if field == "files" and str(item.get("mime_type")).startswith("text/"):
            _as_text(item)
    return field, item


def _as_text(item: JSON) -> None:
    """A File whose type is text holds its content as it is, not in base64."""
    try:
        item["content"] = b64decode(item["content"], validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        # Text in another encoding: its bytes are kept, and a type that does not deny them.
        item["file_type"] = item.pop("mime_type")


def _standard_base64(text: str) -> str:
    """Servers may use the URL-safe alphabet, and leave out the padding."""
    text = text.translate(_STANDARD).rstrip("=")
    return text + "=" * (-len(text) % 4)
