"""What is written to the terminal, and read from it."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

__all__ = ["NobodyError", "ask", "content_of", "open_closed_streams", "row", "say", "write"]

#: A remote agent's text must not steer the terminal: control characters are shown as symbols.
_VISIBLE = {code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\n\t"}
_VISIBLE[0x7F] = "\u2421"
_VISIBLE.update(dict.fromkeys(range(128, 160), "�"))


class NobodyError(Exception):
    """There is nobody to ask, or nothing they could decide."""


def open_closed_streams() -> None:
    """Put something in the place of standard streams that were closed (``>&-``)."""
    # In this order: an open file takes the lowest number that is free, and no socket may get these.
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = open(os.devnull, mode, encoding="utf-8")  # noqa: SIM115
            setattr(sys, name, stream)


def write(text: str) -> None:
    """Text of an answer, on standard output, at once."""
    if sys.stdout.isatty():
        text = text.translate(_VISIBLE)
    sys.stdout.write(text)
    sys.stdout.flush()


def say(text: str) -> None:
    """A line about what happens, on standard error."""
    sys.stderr.write(text.translate(_VISIBLE) + "\n")
    sys.stderr.flush()


def row(label: str, value: Any) -> None:
    """A line of a table, unless there is nothing to tell."""
    if value not in (None, ""):
        write("%-15s %s\n" % (label, value))


def ask(prompt: str) -> str:
    """A line of standard input. NobodyError at its end."""
    sys.stderr.write(prompt.translate(_VISIBLE))
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        if prompt:
            say("")
        raise NobodyError
    return line.strip()


def content_of(output: Any) -> str:
    """An output's content as text: what is structured as JSON."""
    content = output.content
    if content is None or isinstance(content, str):
        return content or ""
    return json.dumps(content)
