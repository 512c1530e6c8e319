"""What is said in JSON: values to its text, and answers in it to models. No I/O."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any, List, Mapping, Optional, Type, TypeVar, Union

from ..errors import ProtocolError
from ..modelling.base import Model
from ..wire import Response

if TYPE_CHECKING:
    from ..modelling.outputs import Output

__all__ = [
    "IS_FRAGILE",
    "MAX_DEPTH",
    "SHORT",
    "TooDeepError",
    "copied",
    "is_fatal",
    "is_too_deep",
    "json_of",
    "json_text",
    "model_of",
    "models_of",
    "output_of",
    "plain",
    "read_json",
]

M = TypeVar("M", bound=Model)
OutputT = TypeVar("OutputT", bound="Output")

#: How deep arrays and objects from outside may be nested. Python decodes deeper ones, but compares,
#: copies and pickles by recursion: two to three calls a level, of some 1000 that it allows.
MAX_DEPTH = 200
#: A text of so many characters is not looked at. Each level takes two of them: a little more than
#: MAX_DEPTH does no harm yet, and most events are no longer.
SHORT = 512


#: Before Python 3.9 a recursion that goes too deep ends the whole process if the garbage collector
#: calls anything just then. There it is looked how deep a text goes before it is decoded.
IS_FRAGILE = sys.version_info < (3, 9)
_NESTING = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)


class TooDeepError(ValueError):
    """A JSON text is nested deeper than MAX_DEPTH."""

    def __init__(self) -> None:
        super().__init__("nested more than %d levels deep" % MAX_DEPTH)


def read_json(text: Union[str, bytes]) -> Any:
    """The value of a JSON text from outside. Raises ValueError for what is none, or too deep."""
    if is_fatal(text):
        raise TooDeepError
    try:
        value = json.loads(text)
    except RecursionError:
        raise TooDeepError from None
    if is_too_deep(value, text):
        raise TooDeepError
    return value


def is_fatal(text: Union[str, bytes], start: int = 0, end: Optional[int] = None) -> bool:
    """Whether decoding that part of a text may end the process; never from Python 3.9 on."""
    if not IS_FRAGILE:
        return False
    end = len(text) if end is None or end < 0 else end
    if end - start <= SHORT:
        return False
    if isinstance(text, bytes):
        text, start, end = text[start:end].decode("latin-1"), 0, end - start
    if text.count("[", start, end) + text.count("{", start, end) <= MAX_DEPTH:
        return False
    depth = 0
    for match in _NESTING.finditer(text, start, end):
        what = text[match.start()]
        if what in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif what != '"':
            depth -= 1
    return False


def is_too_deep(
    value: Any, text: Union[str, bytes], start: int = 0, end: Optional[int] = None
) -> bool:
    """Whether ``value``, decoded from that part of a text, is nested deeper than MAX_DEPTH.

    Never true of a text of up to SHORT characters.
    """
    if end is None:
        end = len(text)
    if end - start <= SHORT:
        return False
    # Counting is cheap and settles nearly every case. What opens the deepest level stands before
    # as many characters that close what is around it.
    end -= MAX_DEPTH
    if isinstance(text, str):
        opened = text.count("[", start, end) + text.count("{", start, end)
    else:
        opened = text.count(b"[", start, end) + text.count(b"{", start, end)
    if opened <= MAX_DEPTH:
        return False
    level: Any = [[value]]
    for _ in range(MAX_DEPTH + 1):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if type(outer) is dict else outer)
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return False
    return True


def plain(value: Any) -> Any:
    """``json.dumps``'s hook: the JSON form of models, pydantic models and dataclasses."""
    for method in ("to_dict", "model_dump"):
        convert = getattr(value, method, None)
        if callable(convert) and not isinstance(value, type):
            return convert(mode="json") if method == "model_dump" else convert()
    if hasattr(type(value), "__dataclass_fields__"):
        import dataclasses  # only for callers who have imported it: it is slow to import

        return dataclasses.asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    raise TypeError("%s cannot be sent as JSON" % type(value).__name__)


def copied(value: Any) -> Any:
    """A copy of what was decoded from JSON, all the way down."""
    if type(value) is dict:
        return {name: copied(each) for name, each in value.items()}
    return [copied(each) for each in value] if type(value) is list else value


def json_text(name: str, value: Any) -> str:
    """``value`` as JSON. Raises TypeError, which names the argument, for what has no JSON form.

    An input has no NaN: that is an empty cell of a table, and JSON knows none. What came from a
    server goes back as it came.
    """
    try:
        return json.dumps(value, default=plain, allow_nan=name != "input")
    except (TypeError, ValueError) as error:
        raise TypeError("%s: %s" % (name, error)) from error


def json_of(response: Response) -> Any:
    """The JSON of an answer with a success status. Raises ProtocolError if it is none."""
    try:
        return read_json(response.body)
    except ValueError as error:
        kind = response.headers.get("content-type", "").partition(";")[0].strip()
        start = response.body[:80].decode("utf-8", "replace").strip()
        fault = str(error) if isinstance(error, TooDeepError) else "not JSON"
        raise ProtocolError(
            "%s answered %d with %s that is %s (%r). Is base_url the agent server's?"
            % (response.url, response.status, kind or "an untyped body", fault, start),
            response.url,
        ) from error


def model_of(response: Response, model: Type[M]) -> M:
    """The JSON object of an answer as ``model``."""
    data = json_of(response)
    if type(data) is not dict:
        raise _unexpected(response, "an object", data)
    return model._view(data)


def models_of(response: Response, model: Type[M]) -> List[M]:
    """The JSON array of an answer as a list of ``model``."""
    data = json_of(response)
    if type(data) is not list or not all(type(item) is dict for item in data):
        raise _unexpected(response, "an array of objects", data)
    return [model._view(item) for item in data]


#: What tells runs apart and what becomes of them; it is compared, and looked things up by.
_IDENTITY = ("run_id", "session_id", "status")


def output_of(response: Response, model: Type[OutputT]) -> OutputT:
    """The JSON object of an answer as a run's output, which knows by which answer it came."""
    output = model_of(response, model)
    for name in _IDENTITY:
        value = output.__dict__.get(name)
        if value is not None and not isinstance(value, str):
            raise ProtocolError(
                "%s answered with a run whose %s is a JSON %s instead of a string. Is base_url the "
                "agent server's?" % (response.url, name, type(value).__name__),
                response.url,
            )
    output.response = response.received()
    return output


def _unexpected(response: Response, wanted: str, data: Any) -> ProtocolError:
    return ProtocolError(
        "%s answered with a JSON %s where %s was expected. Is base_url the agent server's?"
        % (response.url, type(data).__name__, wanted),
        response.url,
    )
