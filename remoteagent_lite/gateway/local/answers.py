"""What a function gives back, as an answer: texts, values, files, outputs and streams of others."""

from __future__ import annotations

from typing import Any

from ...media import Media
from ...modelling.outputs import Event, Output
from ...runs.stream import RunStream
from .component import LocalComponent

__all__ = ["called"]


def called(local: LocalComponent, run: Any) -> Any:
    """Call the function, and tell what it yields. The answer as a value, or None.

    None says that what was told is the whole answer.
    """
    given = local(run)
    if hasattr(given, "__next__") and not isinstance(given, RunStream):
        given = _told(given, run)
    if isinstance(given, Output):
        given = getattr(given.raise_for_status(), "content", None)
    if given is None or _is_told(given, run):
        return None
    return given


def _told(pieces: Any, run: Any) -> Any:
    """What a generator returns, once all that it yields has been told."""
    try:
        while True:
            try:
                piece = next(pieces)
            except StopIteration as end:
                return end.value
            if not _is_told(piece, run):
                raise TypeError(
                    "a function yields texts, files and events, not %.80r; see send_data" % (piece,)
                )
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            close()


def _is_told(piece: Any, run: Any) -> bool:
    """Tell it, if it is anything but a value."""
    if isinstance(piece, str):
        run.send(piece)
    elif isinstance(piece, Media):
        run.send_file(piece)
    elif isinstance(piece, RunStream):
        with run._execution.closing(piece), piece:
            for text in piece.text():
                run.send(text)
    elif isinstance(piece, Event):
        run.event(piece)
    else:
        return False
    return True
