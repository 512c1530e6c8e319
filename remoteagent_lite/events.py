"""The event for what has no generated class."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Literal

__all__ = ["UnknownEvent"]


class UnknownEvent:
    """An event this version has no class for: a newer server's, or a frame without a name.

    ``event`` is its name ("" if it had none); ``raw`` is the decoded JSON as it was sent. If that
    is an object, its fields can also be read as attributes.
    """

    if TYPE_CHECKING:
        # A str would keep checkers from telling the other events apart by their names.
        event: Literal["any other name"]
    else:
        event: str
    raw: Any

    def __init__(self, event: str, raw: Any) -> None:
        self.event = event  # type: ignore[assignment]
        self.raw = raw

    @property
    def is_paused(self) -> bool:
        """Whether the run pauses with this event: not that anybody knew."""
        return False

    @property
    def is_cancelled(self) -> bool:
        """Whether the run was cancelled with this event: not that anybody knew."""
        return False

    def __getattr__(self, name: str) -> Any:
        # Only for names that are not found otherwise. Unpickling asks before ``raw`` exists.
        raw = self.__dict__.get("raw")
        if isinstance(raw, dict) and name in raw:
            return raw[name]
        raise AttributeError("this %r event has no field %r" % (self.__dict__.get("event"), name))

    def to_dict(self) -> Any:
        """A copy of ``raw``."""
        return copy.deepcopy(self.raw)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, UnknownEvent):
            return NotImplemented
        return (self.event, self.raw) == (other.event, other.raw)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        text = repr(self.raw)
        return "UnknownEvent(%r, %s)" % (self.event, text if len(text) < 80 else text[:77] + "...")
