"""Keeps the values of credentials out of texts.

Every call carries all credentials of the agent's owner in clear, and errors of HTTP libraries
quote URLs and headers: what a handler logs and raises is searched for them before it leaves.
"""

from __future__ import annotations

import json
import re
from typing import Iterable, Iterator, List, Optional, Set, Tuple
from urllib.parse import quote, quote_plus

__all__ = ["MARK", "Redaction"]

MARK = "***"

#: Shorter values would be found in every other word.
_SHORTEST = 4

#: A line of a value of several lines (a key file) is a secret itself from this length on.
_SHORTEST_LINE = 12

#: Finds the empty text too, so that there is always a longest.
_UNCHANGED = re.compile("[A-Za-z0-9]*")


class Redaction:
    """Replaces secrets by a mark, also where they stand quoted as JSON, Python or URL text."""

    __slots__ = ("_pieces", "_secrets")

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = secrets
        self._pieces: Optional[List[Tuple[str, str]]] = None

    def __call__(self, text: str) -> str:
        # Made when the first text comes: many calls have none.
        pieces = self._pieces
        if pieces is None:
            pieces = self._pieces = list(_pieces(self._secrets))
        forms: Set[str] = set()
        for core, piece in pieces:
            # The core stands in every form: most texts are done with here.
            if core in text:
                forms.update(_forms(piece))
        # A secret may be the start of another: the longer must be looked for first.
        for form in sorted(forms, key=len, reverse=True):
            text = text.replace(form, MARK)
        return text

    def __repr__(self) -> str:
        return "<Redaction>"


def _pieces(secrets: Iterable[str]) -> Iterator[Tuple[str, str]]:
    """What to look for, each with the longest part of it that no way of quoting changes."""
    for secret in secrets:
        if len(secret) < _SHORTEST:
            continue
        pieces = [secret]
        if "\n" in secret:
            pieces += [line for line in secret.splitlines() if len(line) >= _SHORTEST_LINE]
        for piece in pieces:
            if piece.isascii() and piece.isalnum():
                yield piece, piece
            else:
                yield max(_UNCHANGED.findall(piece), key=len), piece


def _forms(piece: str) -> Iterable[str]:
    if piece.isascii() and piece.isalnum():
        return (piece,)
    return (piece, *_quoted(piece))


def _quoted(text: str) -> Iterable[str]:
    as_json = json.dumps(text)[1:-1]
    yield as_json
    yield as_json.replace("/", "\\/")
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield repr(text)[1:-1]
    yield ascii(text)[1:-1]
    # repr() escapes the quote it chose; a longer text around it may choose the other one.
    yield text.replace("\\", "\\\\").replace("'", "\\'")
    # What cleaning makes of it.
    whole = text.replace("\0", "").encode("utf-16-le", "surrogatepass")
    yield whole.decode("utf-16-le", "replace")
    for quoting in (quote, quote_plus):
        for safe in ("", "/", "/:@", "!~*'()"):
            quoted = quoting(text, safe=safe, errors="replace")
            yield quoted
            yield _lower_escapes(quoted)


def _lower_escapes(quoted: str) -> str:
    """``%2F`` as ``%2f``: some libraries write it so."""
    parts = quoted.split("%")
    return parts[0] + "".join("%" + part[:2].lower() + part[2:] for part in parts[1:])
