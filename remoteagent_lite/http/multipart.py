"""Multipart forms: a file made into one block by block while it is sent; and one that has come."""

from __future__ import annotations

import binascii
import os
import re
from email.message import Message
from typing import Any, BinaryIO, Callable, Dict, Iterator, List, Optional, Tuple
from urllib.parse import parse_qsl, unquote_plus, urlencode

from ..wire import FilePart

__all__ = ["Upload", "read_form", "with_field"]

#: Bytes that are read and sent at a time.
BLOCK = 64 * 1024

_ESCAPES = {ord('"'): "%22", ord("\r"): "%0D", ord("\n"): "%0A"}


class Upload:
    """The form ``fields`` and, as its last part ``file``, the rest of ``file`` from where it is.

    ``file`` must be seekable and is not closed. ``progress(sent, total)`` counts the file's bytes;
    it is called after each block. ``failure`` is what reading or ``progress`` raised.
    """

    def __init__(
        self,
        file: BinaryIO,
        filename: str,
        content_type: str,
        fields: List[Tuple[str, str]],
        progress: Optional[Callable[[int, int], Any]] = None,
    ) -> None:
        self.failure: Optional[Exception] = None
        self._file = file
        self._progress = progress
        self._start = file.tell()
        self._size = file.seek(0, os.SEEK_END) - self._start
        boundary = binascii.hexlify(os.urandom(16)).decode("ascii")
        self.content_type = "multipart/form-data; boundary=" + boundary
        form = "".join(
            '--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
            % (boundary, name.translate(_ESCAPES), value)
            for name, value in fields
        )
        form += (
            '--%s\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n'
            "Content-Type: %s\r\n\r\n"
            % (boundary, filename.translate(_ESCAPES), content_type.translate(_ESCAPES))
        )
        self._head = form.encode("utf-8")
        self._tail = ("\r\n--%s--\r\n" % boundary).encode("ascii")

    def __len__(self) -> int:
        return len(self._head) + self._size + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        try:
            self._file.seek(self._start)
            sent = 0
            while sent < self._size:
                block = self._file.read(min(BLOCK, self._size - sent))
                if not block:
                    raise OSError("the file became shorter while it was sent")
                yield block
                sent += len(block)
                if self._progress is not None:
                    self._progress(sent, self._size)
        except Exception as error:
            self.failure = error
            raise
        yield self._tail


def read_form(content_type: str, body: bytes) -> Tuple[Dict[str, str], List[FilePart]]:
    """The fields of a form, of each name the last, and its files; urlencoded or multipart.

    Raises ValueError for what is no form.
    """
    boundary = _boundary(content_type)
    if boundary is None:
        return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True)), []
    fields: Dict[str, str] = {}
    files: List[FilePart] = []
    for part in _parts(boundary, body):
        head, blank, content = part.partition(b"\r\n\r\n")
        if not blank:
            raise ValueError("a part of the multipart form has no end of its headers")
        _read_part(head.decode("utf-8", "replace"), content, fields, files)
    return fields, files


def with_field(content_type: str, body: bytes, name: str, value: str) -> bytes:
    """The form with one value of that name, whatever it had; all else is as it was.

    Raises ValueError for what is no form.
    """
    boundary = _boundary(content_type)
    if boundary is None:
        kept = [
            each
            for each in body.split(b"&")
            if each and unquote_plus(each.partition(b"=")[0].decode("latin-1")) != name
        ]
        return b"&".join([*kept, urlencode({name: value}).encode("ascii")])
    parts = []
    for part in _parts(boundary, body):
        fields: Dict[str, str] = {}
        _read_part(part.partition(b"\r\n\r\n")[0].decode("utf-8", "replace"), b"", fields, [])
        if name not in fields:
            parts.append(part)
    said = '\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s' % (name, value)
    line = b"\r\n--" + boundary
    whole = b"".join(line + each for each in [*parts, said.encode("utf-8")])
    return whole[2:] + line + b"--\r\n"


def _boundary(content_type: str) -> Optional[bytes]:
    """What stands between the parts; None for an urlencoded form. ValueError for no form at all."""
    kind = _header("content-type", content_type)
    if kind.get_content_type() == "application/x-www-form-urlencoded":
        return None
    boundary: Any = kind.get_param("boundary", "")
    if kind.get_content_type() != "multipart/form-data" or not isinstance(boundary, str):
        raise ValueError("the body is no form, but %.80s" % (content_type or "untyped"))
    if not boundary:
        raise ValueError("the multipart form has no boundary")
    return boundary.encode("latin-1")


def _parts(boundary: bytes, body: bytes) -> Iterator[bytes]:
    """The parts, each with the line break before its headers."""
    line = re.compile(rb"\r\n--%s(--)?[ \t]*(?=\r\n|\Z)" % re.escape(boundary))
    body = b"\r\n" + body
    lines = list(line.finditer(body))
    last = next((number for number, each in enumerate(lines) if each[1]), None)
    if last is None:
        raise ValueError("the multipart form breaks off")
    for this, following in zip(lines[:last], lines[1:]):
        yield body[this.end() : following.start()]


def _read_part(head: str, content: bytes, fields: Dict[str, str], files: List[FilePart]) -> None:
    said = {"content-disposition": "", "content-type": ""}
    for line in head.split("\r\n"):
        name, _, value = line.partition(":")
        said[name.strip().lower()] = value.strip()
    disposition = _header("content-disposition", said["content-disposition"])
    field: Any = disposition.get_param("name", "", "content-disposition")
    filename = disposition.get_filename()
    if not isinstance(field, str):  # RFC 2231's encoding, which no form has
        return
    if filename is None:
        fields[field] = content.decode("utf-8", "replace")
    else:
        files.append(FilePart(field, filename, content, said["content-type"]))


def _header(name: str, value: str) -> Message:
    """The header as the standard library reads its parameters."""
    message = Message()
    message[name] = value
    return message
