"""Run options to the message that starts or continues a task. No I/O.

What a message cannot carry is refused here, before anything is sent.
"""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Type

from ...errors import UnsupportedError
from ...media import Audio, File, Image, Media, Video, type_of
from ...models.a2a_v10 import Message, Part
from ...models.runs import Message as RunMessage
from ..jsontext import json_text
from .adk import responses
from .content import ToolCall

__all__ = ["OPTIONS", "message_of"]

_MEDIA: Tuple[Tuple[str, Type[Media]], ...] = (
    ("images", Image),
    ("audio", Audio),
    ("videos", Video),
    ("files", File),
)

#: The options of ``run`` that become part of the message.
OPTIONS = (*(name for name, _ in _MEDIA), "session_id", "user_id", "metadata")

_INSTEAD = {
    "run_id": "The server chooses it: read run_id from the output or the stream",
    "stream_events": "A stream always brings its events: leave the option out",
    "output_schema": "Describe the form you want in the input",
    "use_json_schema": "Describe the form you want in the input",
    "retries": "The remote agent decides that itself: leave the option out",
}


def message_of(
    input: Any,
    options: Mapping[str, Any],
    *,
    context_id: Optional[str] = None,
    task_id: Optional[str] = None,
    awaited: Sequence[ToolCall] = (),
) -> Dict[str, Any]:
    """The canonical message for ``input`` and the options of a run.

    Text becomes a text part, ``Part`` objects stay what they are, other values become a data part;
    where tool calls are ``awaited``, both become the tools' responses.
    A whole message, as ``Message`` or as its JSON, is sent as it is: ids that it lacks are filled
    in, media and metadata of the options are added. Raises UnsupportedError for options that A2A
    cannot carry, TypeError for what is no JSON, ValueError if there is nothing to send.
    """
    _refuse(options)
    message = _given(input)
    if message is None:
        message = {"parts": _parts(input, awaited)}
    else:
        message = {**message, "parts": list(message["parts"])}
    message["parts"].extend(_media(options))
    if not message["parts"]:
        raise ValueError("input must not be empty: A2A knows no message without content")
    message["messageId"] = message.get("messageId") or str(uuid.uuid4())
    message["role"] = message.get("role") or "ROLE_USER"
    ids = {"contextId": context_id or options.get("session_id"), "taskId": task_id}
    for name, value in ids.items():
        if value is not None and message.get(name) is None:
            message[name] = value
    metadata = {**(message.get("metadata") or {}), **_metadata(options)}
    if metadata:
        message["metadata"] = metadata
    return message


def _refuse(options: Mapping[str, Any]) -> None:
    for name, value in options.items():
        if value is None or name in OPTIONS or (name == "stream_events" and value is True):
            continue
        raise UnsupportedError(
            "A2A cannot carry %s. %s."
            % (name, _INSTEAD.get(name, "Put it into the input, or into metadata="))
        )


def _plain(name: str, value: Any) -> Any:
    """``value`` as JSON alone, without the models and dataclasses that it may hold."""
    return json.loads(json_text(name, value))


def _given(input: Any) -> Optional[Dict[str, Any]]:
    """``input`` if it is a message already."""
    if isinstance(input, Message):
        input = input.to_dict()
    elif not isinstance(input, dict) or "parts" not in input:
        return None
    if not ("messageId" in input or "role" in input):
        return None
    message: Dict[str, Any] = _plain("input", input)
    if not isinstance(message["parts"], list):
        raise TypeError("the parts of a message must be a list, not %r" % message["parts"])
    return message


def _parts(input: Any, awaited: Sequence[ToolCall] = ()) -> List[Dict[str, Any]]:
    items = input if isinstance(input, (list, tuple)) else [input]
    if items and all(isinstance(item, Part) for item in items):
        return [_plain("input", item) for item in items]
    if awaited:
        answered: List[Dict[str, Any]] = responses(awaited, _plain("input", input))
        return answered
    if isinstance(input, str):
        return [{"text": input}] if input else []
    if input is None:
        return []
    if items and all(isinstance(item, RunMessage) for item in items):
        return [part for item in items for part in _parts(item.content)]
    return [{"data": _plain("input", input)}]


def _metadata(options: Mapping[str, Any]) -> Dict[str, Any]:
    given = options.get("metadata") or {}
    if not isinstance(given, Mapping):
        raise TypeError("metadata must be a mapping, not %s" % type(given).__name__)
    metadata: Dict[str, Any] = _plain("metadata", given)
    user_id = options.get("user_id")
    if user_id is not None:
        if not isinstance(user_id, str):
            raise TypeError("user_id must be a str, not %s" % type(user_id).__name__)
        metadata["userId"] = user_id
    return metadata


def _media(options: Mapping[str, Any]) -> List[Dict[str, Any]]:
    parts = []
    for name, kind in _MEDIA:
        for item in options.get(name) or ():
            if not isinstance(item, kind):
                raise TypeError(
                    "%s must hold %s objects, not %s" % (name, kind.__name__, type(item).__name__)
                )
            parts.append(_part(item))
    return parts


def _part(item: Media) -> Dict[str, Any]:
    part: Dict[str, Any] = {}
    if item.content is not None:
        part["raw"] = base64.b64encode(item.content).decode("ascii")
    else:
        part["url"] = item.url
    media_type = type_of(item)
    if media_type is None and item.content is not None and isinstance(item, File):
        media_type = "application/octet-stream"
    if media_type is not None:
        part["mediaType"] = media_type
    if item.filename is not None:
        part["filename"] = item.filename
    if item.fields:
        part["metadata"] = _plain("media", item.fields)
    return part
