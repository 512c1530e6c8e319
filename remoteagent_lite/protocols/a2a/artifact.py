"""What a stream tells in pieces: artifacts, messages, and what it repeats of them. No I/O."""

from __future__ import annotations

from typing import Any, Dict, List

from .content import objects, texts

__all__ = ["Artifact", "Replay", "Said", "doubled"]

JSON = Dict[str, Any]


class Artifact:
    """An artifact as it grows. The parts are a list of our own; nothing is joined on the way."""

    __slots__ = ("fields", "parts")

    def __init__(self, artifact: JSON, parts: List[JSON]) -> None:
        self.fields = artifact
        self.parts = parts

    def text(self) -> str:
        return "".join(texts(self.parts))

    def as_dict(self) -> JSON:
        return {**self.fields, "parts": list(self.parts)}


class Replay:
    """Chunks that came for an artifact after a snapshot of it which may hold them already.

    Who subscribes to a task of protocol 0.3 gets no snapshot, and asks for one behind that. What
    the server sent in between is in the snapshot, at its end, and comes as chunks nevertheless. So
    chunks are held back as long as, put together, they are found in the snapshot's text. The first
    one that is not decides: if what was held is the end of that text, it was a repetition; if not,
    all of it is new. ``whole`` marks a repetition that began with the artifact's very beginning.
    """

    __slots__ = ("_known", "doubled", "held", "parts", "whole")

    def __init__(self, known: str) -> None:
        self._known = known
        self.doubled = ""
        self.held = ""
        self.parts: List[JSON] = []
        self.whole = False

    def begins_with(self, text: str) -> bool:
        return bool(text) and self._known.startswith(text)

    def hold(self, text: str, parts: List[JSON]) -> bool:
        """Keep a chunk back; False if with it the text is none that is known."""
        longer, twice = self.held + text, self.doubled + text + text
        if self.whole:
            fits = self._known.startswith(longer)
        else:
            fits = longer in self._known or twice in self._known
        if fits:
            self.held, self.doubled = longer, twice
            self.parts.extend(parts)
        return fits

    @property
    def is_repeated(self) -> bool:
        """Whether what is held may be the end of what is known."""
        return self.held == self._known if self.whole else self._known.endswith(self.held)

    @property
    def is_doubled(self) -> bool:
        """Whether the server stored each of these chunks twice, as a2a-sdk 0.3.26 does then.

        Of a single chunk that cannot be told: an agent may say the same word twice.
        """
        return not self.is_repeated and bool(self.held) and self._known.endswith(self.doubled)

    @property
    def is_certain(self) -> bool:
        """Whether what is held can be nothing but the end of what is known."""
        start = 0 if self.whole else self._known.find(self.held)
        return start + len(self.held) == len(self._known)


class Said:
    """A message whose text comes in pieces, under one id."""

    __slots__ = ("message", "parts", "pieces")

    def __init__(self, message: JSON) -> None:
        self.message = message
        self.parts: List[JSON] = []
        self.pieces: List[str] = []

    def add(self, message: JSON, text: str) -> None:
        self.parts.extend(objects(message.get("parts")))
        self.pieces.append(text)

    def text(self) -> str:
        return "".join(self.pieces)

    def as_message(self) -> JSON:
        if len(self.pieces) == 1:
            return self.message
        others = [part for part in self.parts if "text" not in part]
        return {**self.message, "parts": [{"text": self.text()}, *others]}


def doubled(parts: List[JSON]) -> List[JSON]:
    """Every part twice, as some servers store what they were told once."""
    return [part for part in parts for _ in range(2)]
