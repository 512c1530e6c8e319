"""What ActiveWorkflow does with an answer, told from its bytes.

ActiveWorkflow looks at the body alone: not at the status, not at the content type. It applies the
parts of an answer one after the other, each for itself, and repeats the whole call when one fails.
The simulator plays by these rules and the ``check`` command judges strangers by them. No I/O.
"""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .definition import checked_registration
from .values import LONGEST_ENTRY, shown

__all__ = ["Reaction", "Registration", "react", "register", "request_body"]

#: What an answer to receive or check may have.
_PARTS = ("errors", "logs", "memory", "messages")

#: Its JSON parser gives up beyond this depth.
_DEEPEST = 100

#: Each log, error and message is an INSERT of its own: seconds for one, as measured.
_COST = {"logs": 0.0024, "errors": 0.0068, "messages": 0.0062}

#: A job that runs longer is killed half-way and repeated.
JOB_LIMIT = 120.0

#: Of each agent only the newest entries are kept.
_ENTRIES_KEPT = 200

_MANY_MESSAGES = 500

#: How much of an answer that cannot be read stands in the failure; the real one quotes all of it.
_QUOTED = 1000

_SURROGATE = re.compile("[\ud800-\udfff]")

_CONSTANT = re.compile(r"[^\W\d_]\w*\Z")

#: JSON as Rails writes it is safe to stand in HTML.
_HTML = {ord(sign): "\\u%04x" % ord(sign) for sign in "<>&\u2028\u2029"}


def request_body(
    method: str,
    *,
    options: Optional[Mapping[str, Any]] = None,
    memory: Optional[Mapping[str, Any]] = None,
    credentials: Optional[Mapping[str, str]] = None,
    message: Optional[Mapping[str, Any]] = None,
) -> bytes:
    """The body of a call, byte for byte as ActiveWorkflow writes it."""
    params: Dict[str, Any] = {}
    if method != "register":
        params = {
            "options": options or {},
            "memory": memory or {},
            "credentials": [
                {"name": name, "value": value} for name, value in (credentials or {}).items()
            ],
            "message": message,
        }
    text = json.dumps(
        {"method": method, "params": params},
        ensure_ascii=False,
        separators=(",", ":"),
        allow_nan=False,
    )
    return text.translate(_HTML).encode("utf-8", "replace")


class Reaction:
    """What one answer brings about.

    ``failure`` is None, or what the failed job is logged with; ``errors``, ``logs`` and
    ``messages`` are stored in either case, as far as they were reached. ``memory`` is the new
    memory, None if the answer leaves it alone or the job failed. ``remarks`` are about what
    ActiveWorkflow accepts, but not as it was meant. ``seconds`` is what storing takes.
    """

    def __init__(self) -> None:
        self.failure: Optional[str] = None
        self.errors: List[str] = []
        self.logs: List[str] = []
        self.messages: List[Dict[str, Any]] = []
        self.memory: Optional[Dict[str, Any]] = None
        self.remarks: List[str] = []
        self.seconds = 0.0

    def __repr__(self) -> str:
        return "<Reaction: %s, %d errors, %d logs, %d messages>" % (
            "success" if self.failure is None else "failure: " + self.failure,
            len(self.errors),
            len(self.logs),
            len(self.messages),
        )


class Registration:
    """What ActiveWorkflow makes of the answer to ``register``.

    ``failure`` keeps it from starting, or breaks pages for all of its users; ``metadata`` is the
    result as far as it could be read.
    """

    def __init__(self) -> None:
        self.failure: Optional[str] = None
        self.metadata: Dict[str, Any] = {}
        self.remarks: List[str] = []


class _JobError(Exception):
    """The job raises here."""


def react(body: bytes) -> Reaction:
    """What ActiveWorkflow does with the answer to a ``receive`` or ``check``."""
    reaction = Reaction()
    try:
        _apply(_result(body, reaction.remarks), reaction)
    except _JobError as failure:
        reaction.failure = str(failure)
        reaction.memory = None
    return reaction


def register(body: bytes) -> Registration:
    """What ActiveWorkflow does with the answer to ``register``."""
    registration = Registration()
    try:
        metadata = _result(body, registration.remarks)
        registration.metadata = metadata
        _name(metadata.get("name"), registration.remarks)
        _texts(metadata, registration.remarks)
    except _JobError as failure:
        registration.failure = str(failure)
    return registration


# --- Reading


def _result(body: bytes, remarks: List[str]) -> Dict[str, Any]:
    answer = _parsed(body, remarks)
    if not isinstance(answer, dict):
        raise _JobError("the answer is %s instead of an object with `result`" % shown(answer))
    if "result" not in answer:
        raise _JobError(
            'key not found: "result" (the answer has %s)' % (_names(answer) or "no keys")
        )
    result = answer["result"]
    if not isinstance(result, dict):
        raise _JobError("`result` is %s instead of an object" % shown(result))
    for key in (*_PARTS, "error"):
        if answer.get(key):
            remarks.append("`%s` stands beside `result`, where it is not looked at" % key)
    return result


def _parsed(body: bytes, remarks: List[str]) -> Any:
    start = body[:_QUOTED].decode("utf-8", "replace")
    if body[:3] == b"\xef\xbb\xbf":
        raise _JobError("unexpected token at '%s': a byte order mark is no JSON" % start)
    text = body.decode("utf-8", "replace")
    if "\ufffd" in text and "\ufffd".encode() not in body:
        remarks.append("the answer is not UTF-8: its other bytes are shown as <ff> and the like")
    infinite: List[str] = []

    def constant(name: str) -> Any:
        raise _JobError("unexpected token at '%s': JSON has no %s" % (name, name))

    def number(digits: str) -> float:
        value = float(digits)
        if value in (float("inf"), float("-inf")):
            infinite.append(digits)
        return value

    try:
        value = json.loads(text, parse_constant=constant, parse_float=number)
    except RecursionError:
        raise _JobError("nesting of %d is too deep" % (_DEEPEST + 1)) from None
    except ValueError:
        raise _JobError("unexpected token at '%s': the answer is not JSON" % start) from None
    if _depth(value) > _DEEPEST:
        raise _JobError("nesting of %d is too deep" % (_DEEPEST + 1))
    if _SURROGATE.search(json.dumps(value, ensure_ascii=False)):
        raise _JobError("incomplete surrogate pair: a text holds \\ud800-\\udfff alone")
    if infinite:
        # Accepted, and the record cannot be read back ever after: no better than a failure.
        raise _JobError(
            "the number %s is beyond a double: what is stored of it is unreadable"
            % infinite[0][:40]
        )
    return value


def _depth(value: Any) -> int:
    deepest = 0
    waiting: List[Tuple[Any, int]] = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if isinstance(item, (dict, list)):
            deepest = max(deepest, depth)
            inside = item.values() if isinstance(item, dict) else item
            waiting.extend((each, depth + 1) for each in inside)
    return deepest


def _names(mapping: Mapping[str, Any]) -> str:
    return ", ".join("`%s`" % key for key in list(mapping)[:5])


# --- Storing


def _apply(result: Dict[str, Any], reaction: Reaction) -> None:
    for key in list(result)[:10]:
        if key not in _PARTS:
            reaction.remarks.append(
                "`%s` in the result is not looked at: there are %s"
                % (key, ", ".join("`%s`" % part for part in _PARTS))
            )
    for kind, stored in (("errors", reaction.errors), ("logs", reaction.logs)):
        for place, item in enumerate(_items(result, kind, reaction.remarks)):
            text = _entry(item, "%s[%d]" % (kind, place), reaction.remarks)
            _spend(reaction, kind)
            stored.append(text)
    memory = _memory(result)
    messages = _items(result, "messages", reaction.remarks)
    for place, item in enumerate(messages):
        message = _message(item, "messages[%d]" % place)
        _spend(reaction, "messages")
        reaction.messages.append(message)
    if isinstance(memory, _JobError):
        raise memory
    reaction.memory = memory
    if len(reaction.messages) > _MANY_MESSAGES:
        reaction.remarks.append(
            "%d messages take ActiveWorkflow some %.0f s to store; at %.0f s it gives up half-way"
            % (len(reaction.messages), reaction.seconds, JOB_LIMIT)
        )
    entries = len(reaction.logs) + len(reaction.errors)
    if entries > _ENTRIES_KEPT:
        reaction.remarks.append(
            "%d log entries: the newest %d of an agent are kept" % (entries, _ENTRIES_KEPT)
        )


def _items(result: Mapping[str, Any], kind: str, remarks: List[str]) -> Sequence[Any]:
    if kind not in result:
        return ()
    items = result[kind]
    if isinstance(items, list):
        return items
    if isinstance(items, dict):
        remarks.append("`%s` is an object: each pair becomes an item of its own" % kind)
        return [list(pair) for pair in items.items()]
    raise _JobError(
        "`%s` is %s instead of a list: leave it out when there is nothing" % (kind, shown(items))
    )


def _entry(item: Any, where: str, remarks: List[str]) -> str:
    if isinstance(item, str):
        text = item
    elif item is None:
        text = ""
    else:
        text = {True: "t", False: "f"}[item] if isinstance(item, bool) else json.dumps(item)
        remarks.append("%s is no text: it is stored as %s" % (where, shown(text)))
    if not text.strip():
        raise _JobError("Message can't be blank: %s is %s" % (where, shown(item)))
    if "\0" in text:
        raise _JobError("string contains null byte: %s holds U+0000" % where)
    if len(text) > LONGEST_ENTRY:
        remarks.append("%s has %d characters: it is cut to %d" % (where, len(text), LONGEST_ENTRY))
        text = text[:LONGEST_ENTRY]
    return text


def _spend(reaction: Reaction, kind: str) -> None:
    reaction.seconds += _COST[kind]
    if reaction.seconds > JOB_LIMIT:
        raise _JobError(
            "execution expired: storing the answer takes longer than %.0f s, so that it is stored "
            "in part, again and again" % JOB_LIMIT
        )


def _memory(result: Mapping[str, Any]) -> Any:
    """The new memory, None to leave it alone, or the failure that comes when it is saved."""
    if "memory" not in result:
        return None
    memory = result["memory"]
    value = _object_in(memory)
    if value is None:
        return _JobError(
            "`memory` is %s instead of an object: the messages are sent, and sent again with "
            "every repetition" % shown(memory)
        )
    return value


def _message(item: Any, where: str) -> Dict[str, Any]:
    value = {} if item == "" else _object_in(item)
    if value is None:
        raise _JobError(
            "%s is %s instead of an object: those before it are sent, and sent again with every "
            "repetition" % (where, shown(item))
        )
    return value


def _object_in(value: Any) -> Optional[Dict[str, Any]]:
    """``value`` if it is an object, or what it says if it is an object written as text."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) else None


# --- Registration


def _name(name: Any, remarks: List[str]) -> None:
    if not isinstance(name, str) or not name:
        raise _JobError("`name` is %s: ActiveWorkflow does not start" % shown(name))
    plain = name
    if _CONSTANT.match(name) and name[0].isupper():
        # Ruby takes these; our own agents are held to ASCII letters and digits.
        plain = "".join(sign if sign.isascii() and sign != "_" else "X" for sign in name)
    if plain != name:
        remarks.append("`name` is %s: letters and digits of ASCII are safer" % shown(name))
    try:
        checked_registration(
            {"name": plain, "display_name": "-", "description": "-", "default_options": {}}
        )
    except ValueError as error:
        raise _JobError(str(error)) from None


def _texts(metadata: Mapping[str, Any], remarks: List[str]) -> None:
    display_name = metadata.get("display_name")
    if display_name is not None and not isinstance(display_name, str):
        raise _JobError("`display_name` is %s instead of text" % shown(display_name))
    if display_name == "":
        remarks.append("`display_name` is empty: the type is listed without a label")
    if display_name is None:
        remarks.append("`display_name` is not given: the name stands in for it")
    description = metadata.get("description")
    if description is None:
        remarks.append("`description` is not given: nobody can read what the agent does")
    elif not isinstance(description, str) or not description.strip():
        raise _JobError(
            "`description` is %s: the page for new agents breaks, for all types and users"
            % shown(description)
        )
    default_options = metadata.get("default_options")
    if default_options is None:
        raise _JobError(
            "`default_options` is %s: the editor shows null and refuses to save"
            % ("null" if "default_options" in metadata else "missing")
        )
    if not isinstance(default_options, dict):
        raise _JobError("`default_options` is %s instead of an object" % shown(default_options))
    if "messages_order" in default_options:
        remarks.append("option `messages_order` belongs to ActiveWorkflow")
