"""Run options to form fields, as AgentOS reads them. No I/O.

What a component cannot take is refused here, before anything is sent.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple, Type

from ...errors import UnsupportedError
from ...media import Audio, File, Image, Media, Video, type_of
from ...modelling.schemas import schema_of
from ...wire import FilePart
from ..component import AGENT, TEAM, WORKFLOW, Component
from ..jsontext import json_text, plain

__all__ = [
    "CONTINUE_FIELDS",
    "flag",
    "form_fields",
    "message_text",
    "number",
    "split_media",
]

_A = (AGENT,)
_T = (TEAM,)
_W = (WORKFLOW,)


def _json_object(name: str, value: Any) -> str:
    text = json_text(name, value)
    if not text.startswith("{"):
        raise TypeError("%s must be a mapping, not %s" % (name, type(value).__name__))
    return text


def _schema(name: str, value: Any) -> str:
    """A JSON schema, or a class that has one."""
    return _json_object(name, schema_of(value))


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("%s must be a str, not %s" % (name, type(value).__name__))
    return value


def flag(name: str, value: Any) -> str:
    if not isinstance(value, bool):
        raise TypeError("%s must be True or False, not %r" % (name, value))
    return "true" if value else "false"


def number(name: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("%s must be an int, not %r" % (name, value))
    return str(value)


def _boundary(name: str, value: Any) -> str:
    """Where in a run's messages to go on."""
    if value in ("end", "last_user"):
        return str(value)
    try:
        return number(name, value)
    except TypeError:
        raise TypeError('%s must be "end", "last_user" or an int, not %r' % (name, value)) from None


def _input(name: str, value: Any) -> str:
    return message_text(value)


def _media(name: str, value: Any) -> str:
    kind = _MEDIA[name]
    items = []
    for item in value:
        if not isinstance(item, kind):
            raise TypeError(
                "%s must hold %s objects, not %s" % (name, kind.__name__, type(item).__name__)
            )
        items.append(_media_item(item))
    return json.dumps(items)


def _media_item(item: Media) -> Dict[str, Any]:
    wire: Dict[str, Any] = {"url": item.url, "mime_type": item.mime_type, "format": item.format}
    wire.update(id=item.id, **item.fields)
    if isinstance(item, File):
        wire["filename"] = item.filename
    if item.content is not None:
        if not item.content:
            raise ValueError("%r is empty: the server would drop it silently" % item)
        wire["content"] = _content(item)
    return {name: value for name, value in wire.items() if value is not None}


def _content(item: Media) -> str:
    if isinstance(item, File) and (item.mime_type or "").startswith("text/"):
        # The server takes the content of text documents as it stands, everything else as base64.
        try:
            return (item.content or b"").decode("utf-8")
        except UnicodeDecodeError as error:
            raise UnsupportedError(
                "%r: a text document must be UTF-8 to be sent to an AgentOS (%s). Give its true "
                "mime_type." % (item, error.reason)
            ) from error
    return base64.b64encode(item.content or b"").decode("ascii")


_MEDIA: Dict[str, Type[Media]] = {
    "images": Image,
    "audio": Audio,
    "audios": Audio,
    "videos": Video,
    "files": File,
    "input_files": File,
}


_BYTES = "application/octet-stream"
#: What the types of parts must begin with for every server to sort them as their option says.
_MULTIPART_TYPES: Dict[str, Tuple[str, ...]] = {
    "images": tuple(
        "image/" + name
        for name in ("avif", "bmp", "gif", "heic", "heif", "jpeg", "png", "tiff", "webp")
    ),
    "audio": tuple(
        "audio/" + name for name in ("aac", "flac", "m4a", "mp3", "mp4", "mpeg", "ogg", "wav")
    ),
    "videos": tuple(
        "video/" + name
        for name in ("3gpp", "mp4", "mpeg", "mpg", "quicktime", "webm", "wmv", "x-flv")
    ),
    "files": ("",),
}


class _Field(NamedTuple):
    """How one run option goes into the form, and which components take it."""

    encode: Callable[[str, Any], str]
    components: Tuple[Component, ...] = (AGENT, TEAM, WORKFLOW)
    wire: Optional[str] = None


#: The options of ``run`` that become form fields.
_FIELDS: Dict[str, _Field] = {
    "run_id": _Field(_text),
    "session_id": _Field(_text),
    "user_id": _Field(_text),
    "background": _Field(flag),
    "version": _Field(number),
    "factory_input": _Field(_json_object),
    "session_state": _Field(_json_object),
    "dependencies": _Field(_json_object),
    "metadata": _Field(_json_object),
    "images": _Field(_media),
    "audio": _Field(_media),
    "videos": _Field(_media),
    "files": _Field(_media, wire="input_files"),
    "knowledge_filters": _Field(json_text, _A + _T),
    "output_schema": _Field(_schema, _A + _T),
    "use_json_schema": _Field(flag, _A + _T),
    "retries": _Field(number, _A + _T),
    "add_history_to_context": _Field(flag, _A + _T),
    "add_dependencies_to_context": _Field(flag, _A + _T),
    "add_session_state_to_context": _Field(flag, _A + _T),
    "monitor": _Field(flag, _T),
    "additional_data": _Field(json_text, _W),
}


#: The options of ``continue_run`` that become form fields.
CONTINUE_FIELDS: Dict[str, _Field] = {
    "session_id": _Field(_text),
    "user_id": _Field(_text),
    "background": _Field(flag),
    "factory_input": _Field(_json_object, _W),
    "input": _Field(_input, _A + _T),
    "continue_from": _Field(_boundary, _A + _T),
    "fork": _Field(flag, _A + _T),
    "regenerate": _Field(flag, _A + _T),
    "replace_original": _Field(flag, _A + _T),
    "additional_instructions": _Field(_text, _A + _T),
}


def form_fields(
    component: Component, options: Mapping[str, Any], known: Mapping[str, _Field] = _FIELDS
) -> List[Tuple[str, str]]:
    fields: List[Tuple[str, str]] = []
    for name, value in options.items():
        if value is None or name in ("stream_events", "extra_fields"):
            continue
        field = known.get(name)
        if field is None:
            import difflib  # only for a mistake's message

            close = difflib.get_close_matches(name, known, 1)
            raise TypeError(
                "unknown option %r%s (a server's own keyword goes into extra_fields=)"
                % (name, ", did you mean %r?" % close[0] if close else "")
            )
        if component not in field.components:
            raise UnsupportedError("An AgentOS takes no %s for a %s." % (name, component.kind))
        fields.append((field.wire or name, field.encode(name, value)))
    for name, value in (options.get("extra_fields") or {}).items():
        fields.append((name, _scalar(name, value)))
    return fields


def _scalar(name: str, value: Any) -> str:
    """Any other field becomes a keyword of the server's run call: "true", numbers, text, JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, default=plain)


def split_media(
    component: Component, options: Mapping[str, Any]
) -> Tuple[Dict[str, Any], List[FilePart]]:
    """Media that must go as JSON, by option, and those that can go as multipart parts.

    Multipart carries bytes of any number, to servers of every version, but no field beside type
    and format; the server sorts parts by their type, and workflows take none. A field in a form
    holds 1 MB at most.
    """
    as_json: Dict[str, Any] = {}
    parts: List[FilePart] = []
    for name, types in _MULTIPART_TYPES.items():
        left = []
        for item in options.get(name) or ():
            bare = isinstance(item, _MEDIA[name]) and item.content and not item.fields
            part = _file_part(item) if bare and not item.id and component is not WORKFLOW else None
            if part is not None and part.content_type.startswith(types):
                parts.append(part)
            else:
                left.append(item)
        as_json[name] = left or None
    return as_json, parts


def _file_part(item: Media) -> FilePart:
    # The server takes the format from the name.
    filename = item.filename or ("file.%s" % item.format if item.format else "file")
    if isinstance(item, File) and not item.mime_type and "." in filename:
        mime_type = _BYTES  # it knows more documents by their extension than by type
    else:
        mime_type = type_of(item) or _BYTES
    return FilePart("files", filename, item.content or b"", mime_type)


def message_text(value: Any) -> str:
    if value is None:
        raise ValueError("input must not be None: an empty cell is no prompt")
    message = value if isinstance(value, str) else json_text("input", value)
    if not message:
        raise ValueError("input must not be empty: an AgentOS refuses an empty message")
    return message
