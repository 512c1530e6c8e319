"""A task as A2A tells it, whatever runs behind it: statuses, updates, the artifact of the answer.

All in the protocol's canonical form. No I/O.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from .telling import Stream

__all__ = [
    "ANSWER",
    "AnswerTold",
    "Ids",
    "Json",
    "Told",
    "content_parts",
    "page",
    "status",
    "status_update",
    "task_of_event",
    "timestamp",
]

Json = Dict[str, Any]
#: A stream, and what makes canonical events of each of its own; of None, behind the last one.
Told = Tuple[Stream, Callable[[Any], List[Json]]]

#: The id of the artifact that has the answer.
ANSWER = "answer"


class Ids(NamedTuple):
    """Which task."""

    task_id: str
    context_id: str

    def of_update(self) -> Json:
        return {"taskId": self.task_id, "contextId": self.context_id}

    def of_task(self) -> Json:
        return {"id": self.task_id, "contextId": self.context_id}


def timestamp(at: Optional[float] = None) -> str:
    """A time, in seconds since the epoch, or now."""
    time = datetime.now(timezone.utc) if at is None else datetime.fromtimestamp(at, timezone.utc)
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (time.microsecond // 1000)


def status(state: str, at: str, message_id: str = "", parts: Sequence[Json] = ()) -> Json:
    """A status; with ``parts`` it says something."""
    found: Json = {"state": state, "timestamp": at}
    if parts:
        said = {"messageId": message_id, "role": "ROLE_AGENT", "parts": list(parts)}
        found["message"] = said
    return found


def status_update(ids: Ids, status: Json, metadata: Optional[Json] = None) -> Json:
    update: Json = {**ids.of_update(), "status": status}
    if metadata is not None:
        update["metadata"] = metadata
    return {"statusUpdate": update}


def content_parts(content: Any) -> List[Json]:
    """The parts of an answer that is a text or any other JSON; [] for none."""
    if content is None or content == "":
        return []
    return [{"text": content}] if isinstance(content, str) else [{"data": content}]


def page(tasks: Sequence[Json], token: str, size: int, total: int) -> Json:
    """A page of tasks; ``token`` is that of the next one, or ""."""
    return {"tasks": list(tasks), "nextPageToken": token, "pageSize": size, "totalSize": total}


def task_of_event(event: Json) -> str:
    """The id of the task that an event is about."""
    ((name, value),) = event.items()
    return str(value["id" if name == "task" else "taskId"])


class AnswerTold:
    """The artifact that has the answer, told in pieces.

    ``whole`` is for clients that take nothing for the answer but all of it in one piece. ``text``
    is what has been told of it before.
    """

    def __init__(self, whole: bool, text: str = "") -> None:
        self._whole = whole
        self._text = [text] if text else []
        self._is_begun = bool(text)

    def piece(self, ids: Ids, text: str) -> Json:
        self._text.append(text)
        return self._update(ids, [{"text": text}])

    def end(self, ids: Ids, content: Any, files: Sequence[Json] = ()) -> List[Json]:
        """What is left to be told of the answer, now that it is all there."""
        parts = content_parts(content)
        # What the steps of a workflow say on the way is not its answer.
        if self._whole or "".join(self._text) != content:
            self._is_begun = False
        else:
            parts = []
        if not parts and not files:
            return []
        last = self._update(ids, [*parts, *files])
        last["artifactUpdate"]["lastChunk"] = True
        return [last]

    def _update(self, ids: Ids, parts: List[Json]) -> Json:
        artifact = {"artifactId": ANSWER, "parts": parts}
        update: Json = {**ids.of_update(), "artifact": artifact}
        if self._is_begun:
            update["append"] = True
        self._is_begun = True
        return {"artifactUpdate": update}
