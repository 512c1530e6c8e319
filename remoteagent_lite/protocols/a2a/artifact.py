"""What a stream tells in pieces: artifacts and messages, as they grow. No I/O."""

from __future__ import annotations

from typing import Any, Dict, List, Union

from .content import objects, texts

__all__ = ["Artifact", "Said"]

JSON = Dict[str, Any]


class Artifact:
    """An artifact as it grows. Nothing is joined on the way."""

    __slots__ = ("_parts", "fields")

    def __init__(self, artifact: JSON, parts: List[JSON]) -> None:
        self.fields = artifact
        #: Parts, of which those that are nothing but text may stand as their text.
        self._parts: List[Union[str, JSON]] = list(parts)

    def write(self, text: str) -> None:
        """Append a part that is nothing but text."""
        self._parts.append(text)

    def extend(self, parts: List[JSON]) -> None:
        self._parts.extend(parts)

    @property
    def parts(self) -> List[JSON]:
        """A list of the caller's own."""
        return [{"text": each} if isinstance(each, str) else each for each in self._parts]

    def text(self) -> str:
        return "".join(
            each if type(each) is str else "".join(texts([each])) for each in self._parts
        )

    def as_dict(self) -> JSON:
        return {**self.fields, "parts": self.parts}


class Said:
    """A message whose text comes in pieces, under one id."""

    __slots__ = ("key", "message", "others", "pieces")

    def __init__(self, message: JSON) -> None:
        self.message = message
        self.key = message.get("messageId")
        self.others: List[JSON] = []  # the parts that are no text
        self.pieces: List[str] = []

    def add(self, message: JSON, text: str) -> None:
        parts = objects(message.get("parts"))
        self.others.extend(part for part in parts if "text" not in part)
        self.pieces.append(text)

    def text(self) -> str:
        return "".join(self.pieces)

    def as_message(self) -> JSON:
        if len(self.pieces) == 1:
            return self.message
        return {**self.message, "parts": [{"text": self.text()}, *self.others]}
