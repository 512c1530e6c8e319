"""The log of a run of a local component: what each entry means, and how it is written. No I/O.

An entry is one thing that happened, in terms of neither protocol: the faces tell it in theirs. It
has a ``kind`` and ``at``, in seconds since the epoch; and, by its kind:

========== =========================================================================================
started    the run begins
content    ``text``: a piece of the answer
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
from typing import Any, Dict, List, Sequence

from ...protocols.jsontext import plain, read_json

__all__ = ["ENDS", "Entry", "read", "text_so_far", "written"]

Entry = Dict[str, Any]

#: The kinds behind which nothing comes.
ENDS = ("completed", "failed", "rejected", "cancelled")


def written(entry: Entry) -> str:
    """TypeError or ValueError for what is no JSON."""
    return json.dumps(entry, default=plain, ensure_ascii=False, separators=(",", ":"))


def read(text: str) -> Entry:
    entry: Entry = read_json(text)
    return entry


def text_so_far(entries: Sequence[Entry]) -> str:
    """The pieces of the answer, in one."""
    pieces: List[str] = [each["text"] for each in entries if each["kind"] == "content"]
    return "".join(pieces)
