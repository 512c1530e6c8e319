"""The forms of AgentOS's run endpoints as a server reads them: fields to run options. No I/O.

The counterpart of ``forms``, for those who answer in AgentOS's place.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Dict, List, Mapping, NamedTuple, Sequence, Tuple, Type

from ...media import Audio, File, Image, Media, Video, named_type
from ...wire import FilePart
from ..component import Component
from ..jsontext import read_json

__all__ = ["InvalidFieldError", "RunForm", "decisions_of", "flag_of", "run_form"]

#: How pydantic, and with it AgentOS, reads a bool.
_FLAGS = {
    **dict.fromkeys(("true", "1", "yes", "on", "t", "y"), True),
    **dict.fromkeys(("false", "0", "no", "off", "f", "n"), False),
}
#: What says how to answer, or what a server may do without.
_ABOUT_THE_ANSWER = ("stream", "stream_events", "background", "run_id", "monitor", "files_metadata")
_MEDIA: Dict[str, Tuple[str, Type[Media]]] = {
    "images": ("images", Image),
    "audio": ("audio", Audio),
    "audios": ("audio", Audio),
    "videos": ("videos", Video),
    "input_files": ("files", File),
}
_ITEM = ("url", "content", "mime_type", "format", "id", "filename")
#: Types that say nothing: what they are of is sorted by its name, as an AgentOS does.
_VAGUE = ("", "application/octet-stream", "binary/octet-stream")
_KINDS: Tuple[Tuple[str, str, Type[Media]], ...] = (
    ("image/", "images", Image),
    ("audio/", "audio", Audio),
    ("video/", "videos", Video),
    ("", "files", File),
)


class InvalidFieldError(ValueError):
    """A field cannot be read; ``detail`` is what AgentOS answers with status 422.

    It is one of the "body", or of the "query".
    """

    def __init__(
        self, name: str, problem: str, kind: str = "value_error", where: str = "body"
    ) -> None:
        super().__init__("%s: %s" % (name, problem))
        self.detail = [{"type": kind, "loc": [where, name], "msg": problem, "input": None}]


class RunForm(NamedTuple):
    """What is asked for. ``options`` are those of ``run``, of which the server may not take all."""

    message: str
    stream: bool
    stream_events: bool
    background: bool
    options: Dict[str, Any]


def flag_of(fields: Mapping[str, str], name: str, default: bool) -> bool:
    """A field that is true or false."""
    text = fields.get(name, "")
    if not text:
        return default
    try:
        return _FLAGS[text.strip().lower()]
    except KeyError:
        problem = "Input should be a valid boolean, unable to interpret input"
        raise InvalidFieldError(name, problem, "bool_parsing") from None


def run_form(fields: Mapping[str, str], files: Sequence[FilePart]) -> RunForm:
    """Read the form of POST .../runs."""
    message = fields.get("message")
    if not message:
        raise InvalidFieldError("message", "Field required", "missing")
    options: Dict[str, Any] = {}
    for name, text in fields.items():
        if not text or name == "message" or name in _ABOUT_THE_ANSWER:
            continue
        if name in _MEDIA:
            option, kind = _MEDIA[name]
            options.setdefault(option, []).extend(_items(name, text, kind))
        elif name == "metadata":
            options[name] = _object(name, text)
        elif name == "files":
            raise InvalidFieldError(name, "Expected UploadFile, received: <class 'str'>")
        else:
            options[name] = text
    for part in files:
        media_type = part.content_type.partition(";")[0].strip().lower()
        if media_type in _VAGUE:
            media_type = named_type(part.filename, None) or media_type
        _, option, kind = next(each for each in _KINDS if media_type.startswith(each[0]))
        item = kind(content=part.content, mime_type=media_type or None, filename=part.filename)
        options.setdefault(option, []).append(item)
    return RunForm(
        message,
        flag_of(fields, "stream", True),
        flag_of(fields, "stream_events", True),
        flag_of(fields, "background", False),
        options,
    )


def decisions_of(component: Component, fields: Mapping[str, str]) -> List[Dict[str, Any]]:
    """The decided tools, requirements or steps of a continue."""
    name = component.continue_field
    text = fields.get(name)
    if not text:
        return []
    found = _json(name, text)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise InvalidFieldError(name, "expected a JSON array of objects")
    return found


def _json(name: str, text: str) -> Any:
    try:
        return read_json(text)
    except ValueError:
        raise InvalidFieldError(name, "Invalid JSON in %s field" % name) from None


def _object(name: str, text: str) -> Dict[str, Any]:
    value = _json(name, text)
    if not isinstance(value, dict):
        raise InvalidFieldError(name, "expected a JSON object")
    return value


def _items(name: str, text: str, kind: Type[Media]) -> List[Media]:
    found = _json(name, text)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise InvalidFieldError(name, "Invalid %s: expected a JSON array of objects" % name)
    return [_item(name, each, kind) for each in found]


def _item(name: str, wire: Dict[str, Any], kind: Type[Media]) -> Media:
    given = {key: wire[key] for key in _ITEM if wire.get(key) is not None}
    if not all(isinstance(value, str) for value in given.values()) or "filepath" in wire:
        raise InvalidFieldError(name, "every medium needs url or content, as a string")
    if "content" in given:
        given["content"] = _content(name, given, kind)
    fields = {str(key): value for key, value in wire.items() if key not in _ITEM}
    try:
        return kind(**given, **fields)
    except (TypeError, ValueError) as error:
        raise InvalidFieldError(name, str(error)) from None


def _content(name: str, given: Mapping[str, str], kind: Type[Media]) -> bytes:
    text = given["content"]
    if kind is File and given.get("mime_type", "").startswith("text/"):
        return text.encode("utf-8", "replace")  # of text documents it is the text itself
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidFieldError(name, "content is not base64") from None
