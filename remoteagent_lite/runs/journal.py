"""What a batch has done, in a file that a killed process leaves whole.

JSON Lines: a head with an id of the journal's own, then ``{"begun": index}`` before a row is sent,
``{"refused": index}`` if it was not begun then, and ``{"index", "input", "output"}`` when its
answer is there. A line that a kill cut short is the last, and is taken away. One process at a time
has the file, so whoever had it before is gone.
"""

from __future__ import annotations

import array
import hashlib
import json
import os
import uuid
from typing import IO, Any, Optional, Set, Type, Union

from ..modelling.base import Model
from ..protocols.jsontext import json_text

try:
    import fcntl
except ImportError:  # Windows: nobody keeps a second process away
    fcntl = None  # type: ignore[assignment]

__all__ = ["Journal"]

_ABSENT = -1


class Journal:
    """A context manager; what it is asked outside of its block raises. Not thread-safe.

    ``component`` is what the rows are for, and ``output`` the class of their answers. Raises
    ValueError for a file that is in use, is none of these, or is about something else.
    """

    def __init__(
        self, path: Union[str, os.PathLike[str]], component: str, output: Type[Model]
    ) -> None:
        self._path = os.fspath(path)
        self._component = component
        self._output = output
        self._file: Optional[IO[bytes]] = None
        self._offsets = array.array("q")  # where the answer of a row stands
        self._begun: Set[int] = set()  # rows without an answer
        self.id = ""

    def __enter__(self) -> Journal:
        file = open(self._path, "a+b")
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._file = file
            self._read()
        except BlockingIOError:
            file.close()
            raise ValueError("journal %s is in use by another process" % self._path) from None
        except BaseException:
            file.close()
            raise
        return self

    def __exit__(self, *exc_info: Any) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def answer(self, index: int, input: Any) -> Any:
        """The output of a row that has been answered, or None."""
        offset = self._offsets[index] if index < len(self._offsets) else _ABSENT
        if offset == _ABSENT:
            return None
        file = self._opened()
        file.seek(offset)
        line = json.loads(file.readline())
        if line["input"] != _digest(input):
            raise ValueError(
                "row %d is not what journal %s has the answer of: the inputs have changed. Give "
                "them another journal." % (index, self._path)
            )
        return self._output.from_dict(line["output"])

    def begin(self, index: int) -> bool:
        """Note that a row is about to be sent; whether it may have been sent before."""
        if index in self._begun:
            return True
        self._begun.add(index)
        self._write({"begun": index})
        return False

    def withdraw(self, index: int) -> None:
        """Note that a row was refused: it need not be looked for."""
        self._begun.discard(index)
        self._write({"refused": index})

    def end(self, index: int, input: Any, output: Any) -> None:
        """Keep the answer of a row."""
        offset = self._write({"index": index, "input": _digest(input), "output": output.to_dict()})
        self._place(index, offset)

    def _read(self) -> None:
        file = self._opened()
        file.seek(0)
        head = file.readline()
        if not head.endswith(b"\n"):
            file.truncate(0)
            self.id = uuid.uuid4().hex
            self._write({"journal": self.id, "component": self._component})
            return
        known = _decoded(head)
        if "journal" not in known or known.get("component") != self._component:
            raise ValueError(
                "%s is no journal of %s: give another file" % (self._path, self._component)
            )
        self.id = known["journal"]
        offset = file.tell()
        for line in file:
            if not line.endswith(b"\n"):
                file.truncate(offset)
                break
            entry = _decoded(line)
            if "index" in entry:
                self._place(entry["index"], offset)
            elif "begun" in entry:
                self._begun.add(entry["begun"])
            elif "refused" in entry:
                self._begun.discard(entry["refused"])
            offset += len(line)

    def _place(self, index: int, offset: int) -> None:
        missing = index + 1 - len(self._offsets)
        if missing > 0:
            self._offsets.extend([_ABSENT] * missing)
        self._offsets[index] = offset
        self._begun.discard(index)

    def _write(self, entry: Any) -> int:
        """Append a line, handed to the operating system at once; where it begins."""
        file = self._opened()
        offset = file.seek(0, os.SEEK_END)
        file.write(json.dumps(entry, allow_nan=False).encode("ascii") + b"\n")
        file.flush()
        return offset

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            raise ValueError("journal %s is not open" % self._path)
        return self._file


def _decoded(line: bytes) -> Any:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}


def _digest(input: Any) -> str:
    text = input if isinstance(input, str) else json_text("input", input)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
