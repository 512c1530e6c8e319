"""Keeps the values of credentials out of answers and logs.

Every call carries all credentials of the agent's owner in clear, and errors of HTTP libraries
quote URLs and headers: what a handler logs, raises, emits and remembers is searched for them
before it leaves.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from functools import lru_cache
from typing import Any, Iterable, Iterator, Optional, Sequence, Set, Tuple
from urllib.parse import quote, quote_plus, unquote

__all__ = ["MARK", "Redaction", "may_concern"]

MARK = "***"

#: Shorter values would be found in every other word.
_SHORTEST = 4

#: A line of a value of several lines (a key file) is a secret itself from this length on.
_SHORTEST_LINE = 12

#: A part of a URL is a secret itself from this length on: "/api/v1" would be found too often.
_SHORTEST_PART = 8

#: A step of a path that is as long is no word any more.
_LONG_STEP = 20

#: User info, path, query and fragment.
_URL = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*://(?:([^/?#]*)@)?[^/?#]*([^?#]*)\??([^#]*)#?(.*)", re.DOTALL
)

#: What is sent of a user's name and password, whichever they are.
_BASIC = re.compile(
    r"(basic(?:\s+|%20|\+))((?:[A-Za-z0-9+/_-]|\\/|%[0-9A-F]{2})+=*)", re.IGNORECASE
)
_NO_BASE64 = re.compile("[^A-Za-z0-9+/]")
_STANDARD_BASE64 = str.maketrans("-_", "+/")

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
        if ("\n" in secret or ":" in secret) and any(
            core in encoded for core, _ in _pieces(secret)
        ):
            return True
    # Whatever is behind it has to be decoded: see _BASIC.
    return "asic" in encoded or "ASIC" in encoded


class Redaction:
    """Replaces secrets by a mark, also where they stand quoted as JSON, Python or URL text."""

    __slots__ = ("_pieces", "_secrets")

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = secrets
        self._pieces = [piece for secret in secrets for piece in _pieces(secret)]

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
        if "asic" in text or "ASIC" in text:
            text = _BASIC.sub(self._login, text)
        forms: Set[str] = set()
        for core, piece in self._pieces:
            # The core stands in every form: most texts are done with here.
            if core in text:
                forms.update(_forms(piece))
        # A secret may be the start of another: the longer must be looked for first.
        for form in sorted(forms, key=len, reverse=True):
            text = text.replace(form, MARK)
        return text

    def _login(self, match: Any) -> str:
        """What stands for ``Basic ...``: it is told by what it holds, as users have many names."""
        code = _NO_BASE64.sub("", unquote(match[2]).translate(_STANDARD_BASE64))
        code = code[: len(code) - (len(code) % 4 == 1)]
        login = b64decode(code + "=" * (-len(code) % 4))
        for _, piece in self._pieces:
            if any(form in login for form in _encodings(piece)):
                return str(match[1]) + MARK
        return str(match[0])

    def __repr__(self) -> str:
        return "<Redaction>"


# Every call brings the same credentials, and taking a URL apart is most of the work.
@lru_cache(maxsize=256)
def _pieces(secret: str) -> Tuple[Tuple[str, str], ...]:
    """What to look for, each with the longest part of it that no way of quoting changes."""
    return tuple(
        (
            part if part.isalnum() and part.isascii() else max(_UNCHANGED.findall(part), key=len),
            part,
        )
        for part in _parts(secret)
        if len(part) >= _SHORTEST
    )


def _parts(secret: str) -> Iterator[str]:
    """A secret and what of it is one by itself: lines, the parts of a URL, a login as it is sent.

    Libraries show a URL without its host, or without its login, or its path alone.
    """
    yield secret
    lines = [secret]
    if "\n" in secret:
        lines = [line for line in secret.splitlines() if len(line) >= _SHORTEST_LINE]
        yield from lines
    for line in lines:
        if ":" not in line:
            continue
        url = _URL.match(line)
        for part in (line,) if url is None else _parts_of_url(*url.groups()):
            for form in {part, unquote(part)}:
                yield form
                if ":" in form:
                    for login in _encodings(form):
                        yield b64encode(login).decode("ascii").rstrip("=")


def _parts_of_url(login: Optional[str], path: str, query: str, fragment: str) -> Iterator[str]:
    if login:
        yield login
        user, _, password = login.partition(":")
        yield password
        if not password or len(user) >= _SHORTEST_LINE:
            yield user
    path = path.strip("/")
    steps = path.split("/")
    values = [pair.partition("=")[2] for pair in query.split("&")]
    for part in (path, fragment, *values):
        if len(part) >= _SHORTEST_PART:
            yield part
    if "=" in query or len(query) >= _SHORTEST_PART:
        yield query
    for step in steps if len(steps) > 1 else ():
        if len(step) >= _LONG_STEP or (len(step) >= _SHORTEST_LINE and not step.isalpha()):
            yield step


def _encodings(text: str) -> Set[bytes]:
    """``text`` as HTTP libraries encode it in a login."""
    return {text.encode("utf-8", "replace"), text.encode("latin-1", "replace")}


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
