"""Server-sent events: bytes in, decoded frames out; and one frame's bytes. No I/O.

Every rule of the format is sseclient-py's. It is quadratic in the length of an event and in its
lines, though, knows no mixed line ends, hands out half-received frames and loses a frame behind a
byte order mark; so this module cuts the bytes into whole frames first, in linear time, and gives it
a few lines at a time. Frames of the usual plain shape (an optional ``event:`` line and one
``data:`` line of JSON) are decoded in place, without it: the JSON scanner starts at the data and
must end where the line does.
"""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Generic, Iterator, List, Tuple, TypeVar

from sseclient import SSEClient

from ..errors import ProtocolError
from .jsontext import IS_FRAGILE, SHORT, TooDeepError, is_fatal, is_too_deep, plain, read_json

__all__ = ["SSEDecoder", "frame"]

EventT = TypeVar("EventT")

#: The largest frame that is accepted, in bytes.
MAX_FRAME = 256 * 1024 * 1024

#: How many lines sseclient-py is given at once.
_LINES = 16
#: How many characters of a frame are worked on before the reader may look at its limits.
_BLOCK = 64 * 1024

_BOM = b"\xef\xbb\xbf"
_SHOWN = 80
_COMMENTS = re.compile(r"\n:.*")
_written = json.JSONEncoder(default=plain, ensure_ascii=False, separators=(",", ":")).encode
_scan: Callable[[str, int], Any] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


def frame(name: str, data: Any) -> bytes:
    """The bytes of a frame, as AgentOS writes it: JSON in one line, whatever it holds."""
    return ("event: %s\ndata: %s\n\n" % (name, _written(data))).encode("utf-8", "replace")


class SSEDecoder(Generic[EventT]):
    """Turns the bytes of one stream, cut anywhere, into events.

    ``decode(name, data)`` makes an event of each frame's event name ("" if it has none) and JSON
    data; frames without data (comments, keep-alives) make none. What ``idle`` is comes instead of
    an event from time to time while a long frame is being read. Used by one thread at a time.
    Raises ProtocolError for data that is not UTF-8 or not JSON, after all frames before it have
    been handed out.
    """

    def __init__(
        self,
        decode: Callable[[str, Any], EventT],
        url: str = "",
        max_frame: int = MAX_FRAME,
        idle: Any = None,
    ) -> None:
        self._decode = decode
        self._url = url
        self._max_frame = max_frame
        self._idle = idle
        #: Set from outside to end the iterator of ``feed`` before its next event.
        self.closed = False
        self._parts: List[bytes] = []  # the start of an unfinished frame; joined once
        self._size = 0  # bytes in _parts
        self._started = False  # past the place where a byte order mark may stand
        self._after_cr = False  # the last byte was a CR: an LF belongs to it
        self._head = ""  # what the last plain frame began with; the next one likely does too
        self._name = ""  # the event name in it

    @property
    def pending(self) -> bool:
        """Whether the bytes so far end in the middle of a frame that is more than a comment."""
        rest = b"".join(self._parts)
        return any(line and not line.startswith(b":") for line in rest.split(b"\n"))

    def feed(self, data: bytes) -> Iterator[EventT]:
        """The events that ``data`` completes; decoded as they are taken from the iterator.

        The iterator must be used up before the next call.
        """
        text, error = self._complete(data)
        start, size = 0, len(text)
        scan, decode, startswith, find = _scan, self._decode, text.startswith, text.find
        head, name = self._head, self._name
        joint = "\n\n" + head
        at = len(head) if head and startswith(head) else -1  # where the frame's JSON begins
        while start < size and not self.closed:
            if at < 0:
                at = _data_of_plain_frame(text, start)
                if at >= 0:
                    self._head = head = text[start:at]
                    self._name = name = _named(head[7 : head.index("\n")] if head[0] == "e" else "")
                    joint = "\n\n" + head
            if at >= 0:
                try:
                    if IS_FRAGILE and is_fatal(text, at, find("\n", at)):
                        raise TooDeepError
                    value, end = scan(text, at)
                except (StopIteration, ValueError, RecursionError):
                    end = size  # not one line of JSON: the rules decide what it is
                # A line break inside the JSON ends the line, however valid the JSON is.
                if startswith("\n\n", end) and find("\n", at, end) < 0:
                    if end - at > SHORT and is_too_deep(value, text, at, end):
                        raise self._unusable(TooDeepError(), text[at : at + _SHOWN])
                    start = end + 2
                    at = end + len(joint) if startswith(joint, end) else -1
                    yield decode(name, value)
                    continue
            end = find("\n\n", start)
            if end < 0:  # an odd blank line behind the last frame
                break
            frame = text[start:end].strip("\n")
            start = end + 2
            at = -1
            if frame:
                yield from self._by_the_rules(frame + "\n")
        if error is not None:
            raise error

    def _by_the_rules(self, frame: str) -> Iterator[EventT]:
        name, data = "", ""
        if frame.count("\n") <= _LINES:
            name, data = _fields(frame)
        else:
            lines, start = [], 0
            while start < len(frame):
                end = frame.rfind("\n", start, start + _BLOCK) + 1 or frame.find("\n", start) + 1
                for few in _few_lines(_without_comments(frame[start:end])):
                    # The name so far stands before them and an empty line of data behind: so there
                    # is an event whatever they are, with what they add to the frame's.
                    name, added = _fields("event: %s\n%sdata:\n" % (name, few))
                    lines.append(added)
                start = end
                if start < len(frame):
                    yield self._idle
                    if self.closed:
                        return
            data = "".join(lines)
        if not data or data.isspace():
            return
        try:
            value = read_json(data)
        except ValueError as error:
            raise self._unusable(error, data[:_SHOWN]) from error
        yield self._decode(name, value)

    def _unusable(self, error: ValueError, start: str) -> ProtocolError:
        fault = str(error) if isinstance(error, TooDeepError) else "not JSON (%s)" % error
        return ProtocolError(
            "%s sent an event whose data is %s: %.80r" % (self._url, fault, start), self._url
        )

    def _complete(self, data: bytes) -> Any:
        """The text of all whole frames, and the error behind them if there is one."""
        if not self._started:
            data = self._without_bom(data)
        if self._after_cr or b"\r" in data:
            data = self._normalised(data)
        parts = self._parts
        end = data.rfind(b"\n\n") + 2
        if end < 2:
            end = 1 if parts and data[:1] == b"\n" and parts[-1][-1:] == b"\n" else 0
        if not end:
            if data:
                parts.append(data)
                self._size += len(data)
            if self._size > self._max_frame:
                raise ProtocolError(
                    "%s sent an event of more than %d bytes." % (self._url, self._max_frame),
                    self._url,
                )
            return "", None
        rest = data[end:]
        if parts:
            parts.append(data[:end])
            data = b"".join(parts)
            parts.clear()
        elif rest:
            data = data[:end]
        if rest:
            parts.append(rest)
        self._size = len(rest)
        try:
            return data.decode("utf-8"), None
        except UnicodeDecodeError as error:
            good = data[: data.rfind(b"\n\n", 0, error.start) + 2] if error.start > 1 else b""
            if not good.endswith(b"\n\n"):
                good = b""
            return good.decode("utf-8"), ProtocolError(
                "%s sent an event that is not UTF-8 (%s)." % (self._url, error.reason), self._url
            )

    def _without_bom(self, data: bytes) -> bytes:
        held = b"".join(self._parts) + data
        self._parts.clear()
        self._size = 0
        if len(held) < 3 and _BOM.startswith(held):
            self._parts.append(held)
            return b""
        self._started = True
        return held[3:] if held.startswith(_BOM) else held

    def _normalised(self, data: bytes) -> bytes:
        """``data`` with LF as its only line end. A CR counts at once, not when the LF is there."""
        if self._after_cr and data[:1] == b"\n":
            data = data[1:]
            if not data:
                self._after_cr = False
                return data
        self._after_cr = data[-1:] == b"\r"
        # Where every frame is one line, this is all, and takes half the time.
        quick = b"\n\n".join(data.split(b"\r\n\r\n"))
        if b"\r" not in quick:
            return quick
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _named(name: str) -> str:
    """sseclient-py names an unnamed event "message", as browsers do; to us the two are one."""
    return "" if name == "message" else name


def _fields(lines: str) -> Tuple[str, str]:
    """The event's name and data in the lines of one frame."""
    # A lone CR cannot be left in here: _normalised turned it into a line end.
    for event in SSEClient(iter((lines.encode("utf-8"),))).events():
        return _named(event.event), event.data
    return "", ""


def _without_comments(lines: str) -> str:
    lines = "\n" + lines
    return (_COMMENTS.sub("", lines) if "\n:" in lines else lines)[1:]


def _few_lines(text: str) -> Iterator[str]:
    start = 0
    while start < len(text):
        end = start
        for _ in range(_LINES):
            end = text.find("\n", end) + 1 or len(text)
        yield text[start:end]
        start = end


def _data_of_plain_frame(text: str, start: int) -> int:
    """Where the JSON of a plain frame beginning at ``start`` begins; -1 if it is not plain."""
    if text.startswith("event: ", start):
        start = text.find("\n", start) + 1
    return start + 6 if text.startswith("data: ", start) else -1
