"""The log of a run of a local component: what each entry means, and how it is written. No I/O.

An entry is one thing that happened, in terms of neither protocol: the faces tell it in theirs. It
has a ``kind`` and ``at``, in seconds since the epoch; and, by its kind:

========== =========================================================================================
started    the run begins
content    ``text``: a piece of the answer; ``step`` if it is what that has told already
artifact   ``artifact``: something beside the answer, whole, as A2A writes artifacts (canonical)
tool       ``tool``: a call that begins, as AgentOS writes tool executions
tool_done  ``tool``: the same one, with ``result``, and ``tool_call_error`` true if it failed
event      ``event``: an object of the function's own, told as it is
step       ``step``: ``{"step_id", "step_name", "step_index"}``: it begins
step_done  ``step``, ``content``, ``success``, ``error``: it has ended
passed     ``event``: an event of what a step runs, as that told it; ``step`` which
paused     ``pending``: what the run waits for (see ``pending``)
continued  ``message``: the answer to it, as A2A writes messages (canonical)
completed  ``content``: the whole answer, any JSON
failed     ``text``: for the caller; ``type``: the exception's class
rejected   ``text``: the run was turned down by its function
cancelled  ``text``: why; ``content``: the answer so far
========== =========================================================================================
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping

from ...protocols.jsontext import plain, read_json

__all__ = ["ENDS", "Entry", "Outcome", "read", "written"]

Entry = Dict[str, Any]

#: The kinds behind which nothing comes.
ENDS = ("completed", "failed", "rejected", "cancelled")


_ENCODER = json.JSONEncoder(default=plain, ensure_ascii=False, separators=(",", ":"))


def written(entry: Entry) -> str:
    """TypeError or ValueError for what is no JSON."""
    return _ENCODER.encode(entry)


def read(text: str) -> Entry:
    entry: Entry = read_json(text)
    return entry


class Outcome:
    """What a run has come to, entry by entry. ``known`` is what its record has of it."""

    def __init__(self, known: Mapping[str, Any]) -> None:
        content = known.get("content")
        self._pieces: List[str] = [content] if isinstance(content, str) else []
        self._lists: Dict[str, List[Any]] = {
            name: list(known.get(name, ())) for name in ("artifacts", "tools", "steps")
        }

    def add(self, entry: Entry) -> None:
        kind = entry["kind"]
        if kind == "content":
            self._pieces.append(entry["text"])
        elif kind == "artifact":
            self._lists["artifacts"].append(entry["artifact"])
        elif kind == "tool_done":
            self._lists["tools"].append(entry["tool"])
        elif kind == "step_done":
            told = {name: entry[name] for name in ("content", "success", "error") if name in entry}
            self._lists["steps"].append({**entry["step"], **told})

    @property
    def text(self) -> str:
        """The pieces of the answer, in one."""
        if len(self._pieces) > 1:
            self._pieces = ["".join(self._pieces)]
        return self._pieces[0] if self._pieces else ""

    def data(self) -> Dict[str, Any]:
        """The members of a record that say it; None for what there is none of."""
        found: Dict[str, Any] = {name: items or None for name, items in self._lists.items()}
        found["content"] = self.text or None
        return found
