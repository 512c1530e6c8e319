"""What the bytes of a body mean: framing (RFC 9112, 6 and 7) and compression. Knows no sockets.

Every decoder takes the bytes as they arrive, in pieces of any size, and gives out at once whatever
they hold. Framing raises EOFError for a body that stops before its end.
"""

from __future__ import annotations

import functools
import zlib
from typing import Any, List, Union

__all__ = ["Chunked", "CodingError", "FramingError", "Sized", "Unsized", "inflated"]

#: The longest chunk-size line that is accepted, in bytes.
MAX_CHUNK_LINE = 64 * 1024

_GZIP = b"\x1f\x8b\x08"
_HEX = b"0123456789abcdefABCDEF"


class FramingError(Exception):
    """The bytes are not framed as the headers say: where the body ends cannot be known."""


class CodingError(Exception):
    """The body is not encoded as the headers say, or not as it was asked for."""


class Sized:
    """A body with a Content-Length."""

    #: Whether ``ended`` means that all of the body has come.
    proves_end = True

    def __init__(self, length: int) -> None:
        self._left = length
        self.ended = length == 0
        #: Whether there was more than the body, so that the connection cannot be used again.
        self.excess = False

    def feed(self, data: bytes) -> bytes:
        """What ``data`` holds of the body; b"" is the end of the connection."""
        left = self._left - len(data)
        self._left = left
        if left > 0:
            if not data:
                raise EOFError("%d bytes were still to come" % left)
            return data
        self.ended = True
        if left < 0:
            self.excess = True
            return data[:left]
        return data


class Unsized:
    """A body that ends with its connection, which says nothing about whether it is whole."""

    excess = False

    def __init__(self, proves_end: bool = False) -> None:
        self.proves_end = proves_end
        self.ended = False

    def feed(self, data: bytes) -> bytes:
        """``data``; b"" is the end of the connection."""
        self.ended = not data
        return data


class Chunked:
    """A body of chunks. Extensions and trailers are dropped."""

    proves_end = True

    def __init__(self) -> None:
        self._pending = b""  # what has come of the line that tells the next chunk's size
        self._left = (
            0  # bytes of the current chunk still to come, the line break behind it included
        )
        self.ended = False
        #: Whether there was anything but the body, or the trailer's end had not come with the last
        #: chunk, so that the connection cannot be used again.
        self.excess = False

    def feed(self, data: bytes) -> bytes:
        """What ``data`` holds of the body; b"" is the end of the connection."""
        if not data:
            raise EOFError("the last chunk was still to come")
        parts: List[bytes] = []
        position = 0
        if self._left:
            position = self._left - 2
            if position >= len(data):  # deep inside one big chunk
                self._left -= len(data)
                return data
            if position > 0:
                parts.append(data[:position])
            position = self._break(data, max(position, 0), min(self._left, 2))
        elif self._pending:
            data = self._pending + data
            self._pending = b""
        size = len(data)
        while position < size:
            end = data.find(b"\r\n", position)
            if end < 0:
                self._pending = _line(data[position:])
                break
            length = _chunk_size(data[position:end])
            start = end + 2
            if not length:
                self._end(data[start:])
                break
            position = start + length
            parts.append(data[start:position])
            if data.startswith(b"\r\n", position):
                position += 2
            elif position <= size:
                position = self._break(data, position, 2)
            else:
                self._left = position - size + 2
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _break(self, data: bytes, position: int, left: int) -> int:
        """Skip what has come of the line break behind a chunk, the last ``left`` bytes of it."""
        come = data[position : position + left]
        if come != b"\r\n"[2 - left :][: len(come)]:
            raise FramingError("no line break behind a chunk")
        self._left = left - len(come)
        return position + len(come)

    def _end(self, trailer: bytes) -> None:
        """The body is complete, whatever becomes of the trailer (RFC 9112, 8)."""
        self.ended = True
        if trailer != b"\r\n":
            fields, end, more = trailer.partition(b"\r\n\r\n")
            self.excess = not end or bool(more) or fields.startswith(b"\r\n")


def _line(start: bytes) -> bytes:
    """The start of a chunk-size line whose rest has not come, if it can become one."""
    if b"\n" in start:
        raise FramingError("a chunk size without CRLF")
    if len(start) > MAX_CHUNK_LINE:
        raise FramingError("a chunk size of more than %d bytes" % MAX_CHUNK_LINE)
    return start


@functools.lru_cache(maxsize=1024)  # the sizes of one stream's events repeat
def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].rstrip()
    if not digits or digits.strip(_HEX):  # int() would take signs, underscores and 0x
        raise FramingError("not a chunk size: %r" % digits[:20])
    return int(digits, 16)


class Inflated:
    """A compressed body: gzip in one or several members, or deflate with or without zlib's header.

    What follows the last member and is none is ignored, as other clients do.
    """

    def __init__(self, coding: str) -> None:
        self._headless = coding == "deflate"  # some servers send it without zlib's header
        self._engine: Any = zlib.decompressobj(47)  # gzip or zlib, told apart by their first bytes
        self._head = b""  # the first three bytes of the present member
        self._begun = False
        self._members = 0  # complete ones
        self._junk = False

    @property
    def unfinished(self) -> bool:
        """Whether the compressed data stopped before its end."""
        return self._begun and not self._engine.eof and not self._junk

    def feed(self, data: bytes) -> bytes:
        """What ``data`` decompresses to, which may be nothing yet."""
        plain = b""
        while data and not self._junk:
            self._begun = True
            if self._engine.eof:
                self._members += 1
                self._engine, self._head = zlib.decompressobj(47), b""
                self._junk = not data.startswith(b"\x1f")
                continue
            piece = self._inflate(data)
            plain = plain + piece if plain else piece
            data = self._engine.unused_data
        return plain

    def _inflate(self, data: bytes) -> bytes:
        head = self._head
        try:
            piece: bytes = self._engine.decompress(data)
        except zlib.error as error:
            if self._members and (head + data)[:3] != _GZIP:
                self._junk = True
                return b""
            if not self._headless or self._members or len(head) > 1:
                raise CodingError("it does not decompress: %s" % error) from error
            self._engine, self._headless = zlib.decompressobj(-15), False
            return self._inflate(head + data)
        if len(head) < 3:
            self._head = (head + data)[:3]
        return piece


class _Foreign:
    """A body in a coding that was not asked for."""

    unfinished = False

    def __init__(self, coding: str) -> None:
        self._coding = coding

    def feed(self, data: bytes) -> bytes:
        raise CodingError(
            "it is encoded as %r, which was not asked for. Is a proxy in between?" % self._coding
        )


def inflated(coding: str) -> Union[Inflated, _Foreign, None]:
    """The decoder for a Content-Encoding or transfer coding; None if there is nothing to decode."""
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return None
    return Inflated(coding) if coding in ("gzip", "x-gzip", "deflate") else _Foreign(coding)
