"""Where Ctrl-C may come."""

import linecache
from typing import Any

__all__ = ["may_be_interrupted"]


def may_be_interrupted(frame: Any) -> bool:
    """Whether a signal can be handled before the line that the frame has come to.

    Python looks for signals neither at a ``try:`` nor at the end of a ``with`` block, whose line
    comes once more then. An exception that a trace function raises there undoes nothing.
    """
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
    return line != "try:" and not line.startswith("with ")
