"""A file as a multipart form, made block by block while it is sent."""

from __future__ import annotations

import binascii
import os
from typing import Any, BinaryIO, Callable, Iterator, List, Optional, Tuple

__all__ = ["Upload"]

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
