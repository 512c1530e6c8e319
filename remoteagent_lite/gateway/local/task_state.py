"""A run of a local component as a task of A2A: as it stands, and entry by entry. No I/O."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

from ..narration import (
    ANSWER,
    AnswerTold,
    Ids,
    Json,
    content_parts,
    status,
    status_update,
    timestamp,
)
from .decisions import question
from .entries import Entry, Outcome
from .record import Record

__all__ = ["STATES", "TaskState", "state_of"]

#: The states of tasks, by the statuses of runs; a run that was turned down is told apart.
STATES = {
    "PENDING": "TASK_STATE_SUBMITTED",
    "RUNNING": "TASK_STATE_WORKING",
    "PAUSED": "TASK_STATE_INPUT_REQUIRED",
    "COMPLETED": "TASK_STATE_COMPLETED",
    "CANCELLED": "TASK_STATE_CANCELED",
    "ERROR": "TASK_STATE_FAILED",
}
REJECTED = "TASK_STATE_REJECTED"
_WORKING = STATES["RUNNING"]
#: The states that entries of the log lead to, and that say why.
_ENDS = {
    "failed": STATES["ERROR"],
    "rejected": REJECTED,
    "cancelled": STATES["CANCELLED"],
}
#: What is told beside the answer: news, in the terms of an AgentOS.
_NEWS = ("tool", "tool_done", "event", "step", "step_done", "passed")

#: An entry, with its index if it is to have that, as an event of an AgentOS.
Shown = Callable[[Record, Optional[int], Entry], Json]


def state_of(record: Record) -> str:
    return REJECTED if record.is_rejected else STATES.get(record.status, _WORKING)


class TaskState:
    """What ``record`` says, and then what each entry of the log behind it adds to that.

    ``shown`` makes what is told as news; with ``whole`` the answer comes once more at its end, in
    place of its pieces.
    """

    def __init__(self, record: Record, shown: Shown, whole: bool = False) -> None:
        self.record = record
        self.ids = Ids(record.run_id, record.session_id)
        self._shown = shown
        self._outcome = Outcome(record.data)
        #: The answer, once it is all there.
        self._content: Any = record.data.get("content")
        messages = record.data["messages"]
        self._history: List[Json] = list(messages[:-1] if record.status == "PAUSED" else messages)
        #: The question that the status asks: once it has another it is history.
        self._asked: List[Json] = []
        self._status = self._status_of(record)
        self._answer = AnswerTold(whole, self._outcome.text)

    @property
    def state(self) -> str:
        return str(self._status["state"])

    def task(self, history: Optional[int] = None, artifacts: bool = True) -> Json:
        """The task, with as many of the last messages as ``history`` says, or all."""
        task: Json = {**self.ids.of_task(), "status": self._status}
        found = self._artifacts() if artifacts else []
        if found:
            task["artifacts"] = found
        messages = self._history
        if history is not None:
            messages = messages[max(0, len(messages) - history) :]
        if messages:
            task["history"] = messages
        return task

    def events(self, entry: Entry) -> List[Json]:
        """What an entry adds, as events of a stream."""
        kind = entry["kind"]
        self._outcome.add(entry)
        if kind == "content":
            self._content = None
            return [self._answer.piece(self.ids, entry["text"])]
        if kind == "artifact":
            told = {**self.ids.of_update(), "artifact": entry["artifact"], "lastChunk": True}
            return [{"artifactUpdate": told}]
        if kind in _NEWS:
            working = status(_WORKING, timestamp(entry["at"]))
            news = {"agentos": self._shown(self.record, None, entry)}
            return [status_update(self.ids, working, news)]
        found: List[Json] = []
        if kind == "completed":
            self._content = entry["content"]
            found = self._answer.end(self.ids, self._content)
        self._status = self._status_after(entry)
        return [*found, status_update(self.ids, self._status)]

    def end(self, record: Record) -> List[Json]:
        """What is left to be told of a run whose end no entry told."""
        if not record.is_over or self.state == state_of(record):
            return []
        self._status = self._status_of(record)
        return [status_update(self.ids, self._status)]

    def _artifacts(self) -> List[Json]:
        content = self._content
        parts = content_parts(self._outcome.text if content is None else content)
        found = [{"artifactId": ANSWER, "parts": parts}] if parts else []
        return found + (self._outcome.data()["artifacts"] or [])

    def _status_of(self, record: Record) -> Json:
        at, data = timestamp(record.kept.updated_at), record.data
        if record.status == "PAUSED":
            return self._asking(data["pending"], data["messages"][-1], at)
        state = state_of(record)
        if state in _ENDS.values():
            return self._ended(state, data.get("error", {}).get("text"), at)
        return status(state, at)

    def _status_after(self, entry: Entry) -> Json:
        kind, at = entry["kind"], timestamp(entry["at"])
        if kind == "paused":
            return self._asking(entry["pending"], entry["message"], at)
        if kind == "continued":
            self._history += [*self._asked, entry["message"]]
            return status(_WORKING, at)
        if kind in _ENDS:
            return self._ended(_ENDS[kind], entry["text"], at)
        return status(_WORKING if kind == "started" else STATES["COMPLETED"], at)

    def _asking(self, pending: Dict[str, Any], asked: Json, at: str) -> Json:
        self._asked = [asked]
        parts = question(pending, asked["parts"][0]["text"])
        return status(STATES["PAUSED"], at, asked["messageId"], parts)

    def _ended(self, state: str, text: Optional[str], at: str) -> Json:
        message_id = "%s-%s" % (self.record.run_id, state[11:].lower())
        return status(state, at, message_id, content_parts(text))
