"""What ActiveWorkflow can store: JSON values and log texts, checked and cleaned by copying.

ActiveWorkflow applies an answer piece by piece and repeats the whole call when a piece fails, so
what it cannot store must never be sent: NaN and infinities, lone surrogates, deep nesting, NUL
and blank text in log entries.
"""

from __future__ import annotations

import json
import math
from collections import abc
from typing import Any, Dict, List

from .failures import AgentError

__all__ = [
    "BLANK",
    "LONGEST_ENTRY",
    "NESTING",
    "cleaned",
    "cleaned_object",
    "cut",
    "entry",
    "shown",
    "visible",
    "whole",
]

#: ActiveWorkflow's parser gives up at 100, and a message is wrapped in up to four more on its way.
NESTING = 80

#: ActiveWorkflow cuts log entries here.
LONGEST_ENTRY = 10000

#: What stands for a log entry without visible text, which ActiveWorkflow would fail on.
BLANK = "(blank)"

_CUT_MARK = " ... (cut)"

#: Whole numbers beyond this are infinite to whoever reads them as a double.
_LARGEST = int(1.7976931348623157e308)
_SMALLEST = -_LARGEST


def cleaned_object(value: Any, what: str, number: int = 0) -> Dict[str, Any]:
    """A deep copy of an object that ActiveWorkflow can store, but for lone surrogates in it.

    ``what``, with its ``number`` if it has one, names it in the AgentError that says what cannot
    be stored, and where in it. Whoever sends it uses ``whole`` if there are surrogates.
    """
    try:
        if type(value) is not dict and not isinstance(value, abc.Mapping):
            raise _UnfitError("must be an object (a dict), not %s" % type(value).__name__)
        copy: Dict[str, Any] = _copy(value, 1)
        return copy
    except _UnfitError as unfit:
        raise _told(unfit, "%s %d" % (what, number) if number else what) from None


def cleaned(value: Any, what: str) -> Any:
    """A deep copy of any value that ActiveWorkflow can store: see cleaned_object."""
    try:
        return _copy(value, 1)
    except _UnfitError as unfit:
        raise _told(unfit, what) from None


def _told(unfit: _UnfitError, what: str) -> AgentError:
    where = "".join("[%s]" % shown(key) for key in reversed(unfit.path))
    return AgentError("%s%s %s" % (what, where, unfit.reason))


def whole(value: Any) -> Any:
    """A cleaned value with U+FFFD in place of lone surrogates in its texts."""
    kind = type(value)
    if kind is str:
        return value if value.isascii() else _whole_text(value)
    if kind is dict:
        return {whole(key): whole(item) for key, item in value.items()}
    if kind is list:
        return [whole(item) for item in value]
    return value


class _UnfitError(Exception):
    """A value that JSON or ActiveWorkflow cannot hold; the path is added on the way out."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path: List[Any] = []


def _copy(value: Any, depth: int) -> Any:
    # One walk that checks and copies. The exact types of json.loads come first: this is a great
    # part of what a call costs.
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return value
    if kind is int:
        if _SMALLEST <= value <= _LARGEST:
            return value
        raise _UnfitError("is a number too large for JSON's readers")
    if kind is dict:
        if depth > NESTING:
            raise _UnfitError("is nested deeper than %d levels (or contains itself)" % NESTING)
        copy = {}
        key = None
        try:
            for key, item in value.items():
                if type(key) is not str:
                    key = _key(key)
                # Most items are texts and numbers, for which a call would be the greater part.
                kind = type(item)
                if kind is str or (kind is int and _SMALLEST <= item <= _LARGEST):
                    copy[key] = item
                else:
                    copy[key] = _copy(item, depth + 1)
        except _UnfitError as unfit:
            unfit.path.append(key)
            raise
        return copy
    if kind is float:
        if math.isfinite(value):
            return value
        raise _UnfitError("is %r, which JSON cannot hold" % value)
    if kind is list or kind is tuple:
        if depth > NESTING:
            raise _UnfitError("is nested deeper than %d levels (or contains itself)" % NESTING)
        items: List[Any] = []
        try:
            for item in value:
                items.append(item if type(item) is str else _copy(item, depth + 1))
        except _UnfitError as unfit:
            unfit.path.append(len(items))
            raise
        return items
    return _copy(_plain(value), depth)


def _plain(value: Any) -> Any:
    """The value of one of the types above that a subclass stands for.

    The base classes' own methods are used, as an enumeration's ``str()`` is not its value.
    """
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__pos__(value)
    if isinstance(value, float):
        return float.__pos__(value)
    if isinstance(value, abc.Mapping):
        return {key: value[key] for key in value}
    if isinstance(value, (list, tuple)):
        return list(value)
    raise _UnfitError(
        "is of type %s, which JSON cannot hold: convert it to text, a number, a list or a dict"
        % type(value).__name__
    )


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise _UnfitError("is not a text key: the keys of JSON objects are text")
    return str.__str__(key)


def _whole_text(text: str) -> str:
    """``text`` with U+FFFD in place of lone surrogates, which no JSON parser of Ruby accepts."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def entry(value: Any) -> str:
    """``value`` as text of a log entry, not yet cut: without NUL, never blank."""
    text = value if type(value) is str else _as_text(value)
    if "\0" in text:
        text = text.replace("\0", "")
    if not text.isascii():
        text = _whole_text(text)
    return text if text and not text.isspace() else BLANK


def cut(text: str) -> str:
    """``text`` as long as ActiveWorkflow keeps it, with a mark if that is not all of it."""
    if len(text) <= LONGEST_ENTRY:
        return text
    return text[: LONGEST_ENTRY - len(_CUT_MARK)] + _CUT_MARK


def _as_text(value: Any) -> str:
    try:
        return str.__str__(str(value))
    except Exception as error:
        # The handler's own __str__ failed: that is what there is to tell.
        return "<%s whose text cannot be made: %s>" % (type(value).__name__, type(error).__name__)


def shown(value: Any, longest: int = 60) -> str:
    """``value`` as it stands in an error for whoever edits JSON: as JSON, on one short line."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = "<%s>" % type(value).__name__
    return text if len(text) <= longest else text[:longest] + "..."


def visible(text: str, longest: int) -> str:
    """A stranger's ``text`` as one line that cannot steer a terminal: the rest stands escaped."""
    line = "".join(
        sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text[: longest + 1]
    )
    return line if len(line) <= longest else line[:longest] + "..."
