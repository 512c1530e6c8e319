"""What a function was given on its way, so that it can be called anew and be given it again.

Each thing that a function does by its run has a place: "0" is the first, "3.1" the second within
the fourth. What was given there is kept once the run pauses, and given again when the function is
called anew; until the function has come to the place where it paused, nothing that it tells is told
a second time.
"""

from __future__ import annotations

import threading
from typing import Any, Callable, Dict, List, Optional, Sequence, TypeVar

__all__ = ["Journal", "Scope"]

Json = Dict[str, Any]
T = TypeVar("T")


class Journal:
    """``kept`` is that of the record; ``awaits`` the place whose answer the run continues with."""

    def __init__(self, kept: Optional[Json] = None, awaits: Optional[str] = None) -> None:
        self.kept: Dict[str, Json] = dict(kept or {})
        self._lock = threading.Lock()  # guards the two
        self._awaits = awaits if awaits in self.kept else None

    @property
    def is_replaying(self) -> bool:
        """Whether all that is told now has been told before."""
        return self._awaits is not None

    def known(self, place: str, kind: str, name: str) -> Optional[Json]:
        """What was given at a place; None for nothing yet. RuntimeError if it was another thing."""
        with self._lock:
            known = self.kept.get(place)
            if known is None:
                return None
            if (known["kind"], known["name"]) != (kind, name):
                raise RuntimeError(
                    "a function that waits for an answer is called anew, and has to do the same "
                    "until then: at place %s it did %s %r, and now does %s %r"
                    % (place, known["kind"], known["name"], kind, name)
                )
            if place == self._awaits:
                self._awaits = None
            return known

    def keep(self, place: str, kind: str, name: str, given: Json) -> None:
        with self._lock:
            self.kept[place] = {**given, "kind": kind, "name": name}


class Scope:
    """Counts the places within one, and the steps among them. Each is used by one thread.

    ``number`` is that of the step that all steps in it are within, as AgentOS numbers them.
    """

    def __init__(
        self, journal: Journal, prefix: str = "", number: Sequence[int] = (), first: int = 0
    ) -> None:
        self.journal = journal
        self._prefix = prefix
        self._next = 0
        self._number = list(number)
        self._next_step = first

    def place(self) -> str:
        place = "%s%d" % (self._prefix, self._next)
        self._next += 1
        return place

    def step(self) -> List[int]:
        """The number of the next step."""
        self._next_step += 1
        return [*self._number, self._next_step - 1]

    def within(self, place: str, number: Sequence[int] = (), first: int = 0) -> Scope:
        return Scope(self.journal, place + ".", number, first)

    def once(self, place: str, kind: str, name: str, give: Callable[[], T]) -> Any:
        """What ``give`` returns, which is called unless it has been."""
        known = self.journal.known(place, kind, name)
        if known is not None:
            return known["value"]
        value = give()
        self.journal.keep(place, kind, name, {"value": value})
        return value
