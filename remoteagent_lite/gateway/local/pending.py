"""What a paused run waits for, as it is kept: what was asked, and the answer. No I/O.

There is one at a time::

    {"id": "...", "kind": "input", "question": "Which colour?", "options": ["red", "blue"]}
    {"id": "...", "kind": "confirm", "name": "delete_file", "args": {...}, "question": "..."}

Both have a ``name``, and the ``place`` in the function; ``options`` and the ``question`` of a
confirmation are not always there. An answer is a text to the first, and ``{"confirmed": true,
"note": "..."}`` to the second. The ids are those of AgentOS's tool calls, so a decision names what
it decides.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping

__all__ = ["check"]

Json = Dict[str, Any]


def check(pending: Mapping[str, Any], answer: Any) -> Any:
    """The answer, if it is one. ValueError with words for the caller."""
    if pending["kind"] == "confirm":
        if not isinstance(answer, dict) or not isinstance(answer.get("confirmed"), bool):
            raise ValueError("%s is confirmed or rejected, not %.80r" % (pending["name"], answer))
        return {"confirmed": answer["confirmed"], "note": answer.get("note")}
    options = pending.get("options")
    if not isinstance(answer, str) or not answer:
        raise ValueError("the answer to %r is a text" % pending["question"])
    if options and answer not in options:
        raise ValueError("%.80r is none of %s" % (answer, ", ".join(options)))
    return answer
