"""A run of a local component, as its faces and its engine see it and as it is kept. No I/O."""

from __future__ import annotations

import time
import uuid
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from ...media import Media
from ...protocols.jsontext import read_json
from ..parts import part_of
from ..store.contract import StoredRun
from .entries import written

__all__ = ["LONGEST_ID", "Asked", "Record", "asked_by_message", "asked_by_text"]

Json = Dict[str, Any]

#: The most characters of an id that a caller may choose.
LONGEST_ID = 256


class Asked(NamedTuple):
    """What a caller wants: a message, in which session, in whose name."""

    #: As A2A writes messages (canonical): messageId, role, parts, and what else it came with.
    message: Json
    session_id: str
    run_id: str
    user_id: Optional[str] = None
    metadata: Mapping[str, Any] = {}


def asked_by_message(
    message: Json,
    *,
    session_id: Optional[str] = None,
    run_id: Optional[str] = None,
    user_id: Optional[str] = None,
    metadata: Optional[Mapping[str, Any]] = None,
) -> Asked:
    """``message`` in a session and a run that get ids if they have none."""
    return Asked(
        message,
        session_id or str(uuid.uuid4()),
        run_id or str(uuid.uuid4()),
        user_id,
        dict(metadata or {}),
    )


def asked_by_text(
    text: str,
    media: Sequence[Media] = (),
    *,
    session_id: Optional[str] = None,
    run_id: Optional[str] = None,
    user_id: Optional[str] = None,
    metadata: Optional[Mapping[str, Any]] = None,
) -> Asked:
    """A text and files, as they come over AgentOS."""
    parts = [{"text": text}, *map(part_of, media)]
    message = {"messageId": str(uuid.uuid4()), "role": "ROLE_USER", "parts": parts}
    return asked_by_message(
        message, session_id=session_id, run_id=run_id, user_id=user_id, metadata=metadata
    )


class Record:
    """One run. ``data`` has, each of them only if there is any:

    ``messages``
        what was said, as A2A writes messages: the caller's, questions, answers, replies
    ``metadata``
        what came with the first one
    ``content``
        the answer, any JSON; of a run that failed or was cancelled what it had told by then
    ``artifacts``
        what was sent beside the answer, as A2A writes artifacts
    ``tools``
        the calls, as AgentOS writes tool executions
    ``steps``
        the steps, as AgentOS writes their outputs
    ``pending``
        what a paused run waits for (see ``pending``)
    ``journal``
        what the function was given until it paused, by the place of what it did
    ``begins``
        the index of the log's first entry of the execution that is under way, or was the last
    ``error``
        ``{"text", "type"}`` of a run that failed, was turned down ("rejected") or cancelled
    ``reply``
        the message that was the answer in place of a task
    """

    def __init__(self, kept: StoredRun, data: Json) -> None:
        self.kept = kept
        self.data = data

    @classmethod
    def begun(cls, component: str, asked: Asked, holder: str, until: float) -> Record:
        now = time.time()
        message = {**asked.message, "taskId": asked.run_id, "contextId": asked.session_id}
        data: Json = {"messages": [message]}
        if asked.metadata:
            data["metadata"] = dict(asked.metadata)
        kept = StoredRun(
            asked.run_id,
            component,
            asked.session_id,
            "RUNNING",
            asked.user_id,
            now,
            now,
            0,
            holder,
            until,
        )
        return cls(kept._replace(data=written(data)), data)

    @classmethod
    def read(cls, kept: StoredRun) -> Record:
        return cls(kept, read_json(kept.data))

    def changed(self, status: str, data: Mapping[str, Any], **kept: Any) -> Record:
        """The record that follows this one. Members of ``data`` that are None are left out."""
        merged = {**self.data, **data}
        merged = {name: value for name, value in merged.items() if value is not None}
        follows = self.kept._replace(
            status=status,
            updated_at=max(time.time(), self.kept.updated_at),
            version=self.kept.version + 1,
            data=written(merged),
            **kept,
        )
        return Record(follows, merged)

    @property
    def run_id(self) -> str:
        return self.kept.run_id

    @property
    def session_id(self) -> str:
        return self.kept.session_id

    @property
    def status(self) -> str:
        return self.kept.status

    @property
    def is_over(self) -> bool:
        return self.status in ("COMPLETED", "ERROR", "CANCELLED")

    @property
    def is_rejected(self) -> bool:
        return bool(self.data.get("error", {}).get("type") == "rejected")

    @property
    def conversation(self) -> List[Json]:
        """What was said, as A2A writes messages; of a run that has completed its answer last."""
        found: List[Json] = list(self.data["messages"])
        content = self.data.get("content")
        if "reply" in self.data:
            found.append(self.data["reply"])
        elif self.status == "COMPLETED" and content is not None:
            part = {"text": content} if isinstance(content, str) else {"data": content}
            found.append({"messageId": self.run_id, "role": "ROLE_AGENT", "parts": [part]})
        return found

    @property
    def begins(self) -> int:
        """Where the log of its last execution begins: 0, or the entry that continued it."""
        return int(self.data.get("begins", 0))

    @property
    def parts(self) -> List[Json]:
        """Those of the message that began it."""
        parts: List[Json] = self.data["messages"][0].get("parts", [])
        return parts
