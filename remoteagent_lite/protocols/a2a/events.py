"""A stream's events as the protocol's own, for those who speak it themselves. No I/O."""

from __future__ import annotations

import copy
from typing import Any, Callable, Dict, List, Optional

from ...models.a2a_v10 import StreamResponse
from ..component import AGENT
from .fold import A2AFold
from .v10 import PROGRESS, Brief

__all__ = ["EventFold", "StreamEvent"]


class StreamEvent(StreamResponse):
    """An event that knows which text it added to the answer; that is no part of its JSON."""

    __slots__ = ("added",)

    added: Optional[str]


class EventFold(A2AFold):
    """Adds events up as A2AFold does, and hands them out as they are, in the form of 1.0."""

    #: What is handed out makes no promises about the run: there is nothing to doubt.
    suspect = False

    def __init__(self, context_id: Optional[str] = None, task_id: Optional[str] = None) -> None:
        super().__init__(AGENT, None, session_id=context_id, run_id=task_id)
        self.through_pauses = True

    def _told(self, brief: Brief, raw: Any) -> StreamEvent:
        return _made(self.whole(brief, raw), None if brief[0] == PROGRESS else brief[3])

    def _events(
        self,
        member: str,
        kind: str,
        handle: Callable[[Dict[str, Any], Any], List[Any]],
        value: Dict[str, Any],
        raw: Any,
    ) -> List[Any]:
        told = super()._events(member, kind, handle, value, raw)
        return [_made({member: value}, self._text(told))]

    def _text(self, told: List[Any]) -> Optional[str]:
        """The text that the run's events add."""
        return "".join(filter(None, map(super().delta, told))) or None

    def delta(self, event: Any) -> Optional[str]:
        return event.added if isinstance(event, StreamEvent) else None

    def snapshot(self, task: Dict[str, Any], before: Optional[Dict[str, Any]] = None) -> List[Any]:
        return [_made({"task": task}, self._text(super().snapshot(task, before)))]

    @property
    def waits(self) -> bool:
        return self._stopped and super().waits  # a task that only works is not waited for

    def end(self) -> bool:
        self.through_pauses = not self._stopped  # behind its end nobody waits
        return super().end()

    def _terminal(self) -> List[Any]:
        """Nothing: the event that ends the task says so itself."""
        self._held = False
        return []

    def flush(self) -> List[Any]:
        super().flush()
        return []

    def output(self) -> Any:
        """The task as it is known, or the message if the answer is nothing else, or None."""
        known = self._known()
        # A copy: what is handed out may be changed, and what is known may not.
        return copy.copy(known.task or known.message)


def _made(data: Dict[str, Any], added: Optional[str]) -> StreamEvent:
    event = StreamEvent._view(data)
    object.__setattr__(event, "added", added)
    return event
