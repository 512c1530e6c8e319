"""An AgentOS in the test's own process that echoes, knows its runs, and counts what it executes."""

import collections
import json
import threading
from typing import Any, Dict, List, Optional

from tests.peers.faults import Connection, Request, reply, sse, stream

__all__ = ["Echo"]

_TOOL = {
    "tool_call_id": "call-1",
    "tool_name": "delete_file",
    "tool_args": {"path": "/x"},
    "requires_confirmation": True,
}


class Echo:
    """The handler of a `RawServer`: "echo: " and the message, in two pieces.

    What begins with "fail" fails as a run, "break" as a request, "wait" pauses for a confirmation,
    and "hold" answers when `released` is set: the run is known, and its first piece sent, before.
    """

    def __init__(self) -> None:
        self.executions: Dict[str, int] = collections.Counter()
        #: The fields of each request that began a run.
        self.forms: List[Dict[str, str]] = []
        self.released = threading.Event()
        self._runs: Dict[str, Dict[str, Any]] = {}
        self._lock = threading.Lock()

    def __call__(self, connection: Connection, request: Request) -> None:
        parts = request.path.split("/")  # /agents/{id}/runs[/{run_id}[/continue or /cancel]]
        form = {name: values[0] for name, values in request.form.items()}
        run = self._runs.get(parts[4]) if len(parts) > 4 else None
        if len(parts) == 4 and request.method == "GET":
            (session_id,) = request.query["session_id"]
            with self._lock:
                runs = [each for each in self._runs.values() if each["session_id"] == session_id]
            reply(json.dumps(runs))(connection, request)
        elif len(parts) == 4:
            self._begin(connection, request, form)
        elif run is None:
            reply(b'{"detail": "Run not found"}', 404)(connection, request)
        elif parts[-1] == "cancel":
            run["status"] = "CANCELLED"
            reply(b"{}")(connection, request)
        elif parts[-1] == "continue":
            run.update(status="COMPLETED", content="continued: " + form["tools"])
            self._answer(connection, request, run, form)
        else:
            reply(json.dumps(run))(connection, request)

    def _begin(self, connection: Connection, request: Request, form: Dict[str, str]) -> None:
        message = form["message"]
        kind = message.split(" ")[0]
        if kind == "break":
            reply(b'{"detail": "broken"}', 422)(connection, request)
            return
        statuses = {"fail": "ERROR", "wait": "PAUSED", "hold": "RUNNING"}
        run = {
            "run_id": form["run_id"],
            "session_id": form["session_id"],
            "agent_id": "a",
            "content": "echo: " + message,
            "status": statuses.get(kind, "COMPLETED"),
        }
        if kind == "wait":
            run["tools"] = [_TOOL]
        with self._lock:
            self.executions[message] += 1
            self.forms.append(form)
            self._runs[form["run_id"]] = run
        if kind == "hold" and form["stream"] == "true":
            self._answer(connection, request, run, form, self.released)
            return
        if kind == "hold":
            connection.wait(self.released)
            run["status"] = "COMPLETED"
        self._answer(connection, request, run, form)

    def _answer(
        self,
        connection: Connection,
        request: Request,
        run: Dict[str, Any],
        form: Dict[str, str],
        held: Optional[threading.Event] = None,
    ) -> None:
        if form["stream"] != "true":
            reply(json.dumps(run))(connection, request)
            return
        names = {"ERROR": "RunError", "PAUSED": "RunPaused"}
        last = dict(run, event=names.get(run["status"], "RunCompleted"))
        first, second = run["content"][:6], run["content"][6:]
        pieces: List[Any] = [_frame(dict(run, event="RunContent", content=first))]
        pieces.append(held or b"")
        if run["status"] in ("COMPLETED", "RUNNING"):
            pieces.append(_frame(dict(run, event="RunContent", content=second)))
        stream([*pieces, _frame(last)])(connection, request)


def _frame(event: Dict[str, Any]) -> bytes:
    if event["event"] == "RunContent":
        event = {name: event[name] for name in ("event", "run_id", "session_id", "content")}
    return sse(event["event"], json.dumps(event))
