"""Keeps the values of credentials out of answers and logs.

Every call carries all credentials of the agent's owner in clear, and errors of HTTP libraries
quote URLs and headers: what a handler logs, raises, emits and remembers is searched for them
before it leaves.
"""

from __future__ import annotations

import json
import re
from typing import Any, Iterable, Iterator, Sequence, Set, Tuple
from urllib.parse import quote, quote_plus

__all__ = ["MARK", "Redaction", "may_concern"]

MARK = "***"

#: Shorter values would be found in every other word.
_SHORTEST = 4

#: A line of a value of several lines (a key file) is a secret itself from this length on.
_SHORTEST_LINE = 12

#: Finds the empty text too, so that there is always a longest.
_UNCHANGED = re.compile("[A-Za-z0-9]*")


#: A part of a secret that is quick to find, and that no way of quoting changes.
_RUN = re.compile("[A-Za-z0-9]{4,}")


def may_concern(secrets: Iterable[str], encoded: str) -> bool:
    """False only if none of the secrets is in the value that ``encoded`` is as ASCII JSON.

    Costs much less than a Redaction: almost every answer is done with here.
    """
    for secret in secrets:
        core = secret[-6:]
        if not (core.isalnum() and core.isascii()):
            run = _RUN.search(secret)
            core = "" if run is None else run.group()
        if core in encoded and len(secret) >= _SHORTEST:
            return True
        if "\n" in secret and any(core in encoded for core, _ in _pieces((secret,))):
            return True
    return False


class Redaction:
    """Replaces secrets by a mark, also where they stand quoted as JSON, Python or URL text."""

    __slots__ = ("_pieces", "_secrets")

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = secrets
        self._pieces = list(_pieces(secrets))

    def value(self, value: Any) -> Any:
        """A copy of a JSON value, of exact types, with the mark for each secret in it.

        A number is replaced if it is a secret as a whole: part of one discloses nothing.
        """
        kind = type(value)
        if kind is str:
            return self(value)
        if kind is dict:
            return {self(key): self.value(item) for key, item in value.items()}
        if kind is list:
            return [self.value(item) for item in value]
        if kind is int or kind is float:
            text = json.dumps(value)
            return MARK if len(text) >= _SHORTEST and text in self._secrets else value
        return value

    def __call__(self, text: str) -> str:
        forms: Set[str] = set()
        for core, piece in self._pieces:
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
