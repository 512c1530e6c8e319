"""An AgentOS with one run, whose every answer is scripted, down to the byte."""

import json
import time
from typing import Any, Callable, List, Optional, Sequence

from .faults import Connection, RawServer, Request, raw, reply, sse, stream

__all__ = [
    "IDS",
    "LAST",
    "STORY",
    "WHOLE",
    "OneRun",
    "control",
    "found",
    "frame",
    "held",
    "numbered",
    "refused",
    "told",
]

Handler = Callable[[Connection, Request], None]

#: Names and own fields of a run's events, by their number.
STORY: List[Any] = [
    ("RunStarted", {}),
    ("ModelRequestStarted", {}),
    ("RunContent", {"content": "one "}),
    ("RunContent", {"content": "two "}),
    ("RunContent", {"content": "three "}),
    ("RunContent", {"content": "four"}),
    ("ModelRequestCompleted", {}),
    ("RunCompleted", {"content": "one two three four"}),
]
WHOLE = "one two three four"
LAST = len(STORY) - 1
IDS = {"run_id": "r", "session_id": "s"}


def frame(name: str, **fields: Any) -> bytes:
    return sse(name, json.dumps(dict(IDS, event=name, agent_id="a", **fields)))


def numbered(index: int) -> bytes:
    name, fields = STORY[index]
    return frame(name, event_index=index, **fields)


def told(*pieces: Any, end: str = "clean", framing: str = "chunked") -> Handler:
    """Streams events, by their number or as bytes; a threading.Event holds the rest back."""
    sent = [numbered(each) if isinstance(each, int) else each for each in pieces]
    return stream(sent, end=end, framing=framing)


def control(name: str, **fields: Any) -> bytes:
    return sse(name, json.dumps({"event": name, "run_id": "r", **fields}))


def refused(status: int, detail: str = "Not Found") -> Handler:
    return reply(json.dumps({"detail": detail}), status)


def found(status: str = "COMPLETED", **fields: Any) -> Handler:
    return reply(json.dumps(dict(IDS, status=status, **fields)))


def held(*pieces: Any) -> Handler:
    """Streams the events, and then nothing more until the client goes away."""

    sent = [numbered(each) if isinstance(each, int) else each for each in pieces]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"

    def handle(connection: Connection, request: Request) -> None:
        raw(head, *sent, close=False)(connection, request)
        connection.wait_until_client_closes()

    return handle


class OneRun(RawServer):
    """Answers what begins the run, resumes it, looks it up, cancels and continues it.

    Of each script the last handler answers all further requests; what has none must not be asked.
    Before it has begun the run is unknown, and a look at it leaves no trace.
    """

    def __init__(
        self,
        run: Optional[Handler] = None,
        *resume: Handler,
        get: Sequence[Handler] = (),
        cancel: Sequence[Handler] = (),
        go_on: Sequence[Handler] = (),
    ) -> None:
        super().__init__(self._handle)
        self.scripts = {
            "run": [] if run is None else [run],
            "resume": list(resume),
            "get": list(get),
            "cancel": list(cancel),
            "continue": list(go_on),
        }
        self.called: List[str] = []
        self.times: List[float] = []

    def _handle(self, connection: Connection, request: Request) -> None:
        name = request.path.rpartition("/")[2]
        if name not in self.scripts:
            name = "get" if request.method == "GET" else "run"
        if name == "get" and self.scripts["run"] and "run" not in self.called:
            self.requests.remove(request)
            refused(404, "Run not found")(connection, request)
            return
        self.called.append(name)
        self.times.append(time.monotonic())
        script = self.scripts[name]
        assert script, "nothing is known of %r" % request
        (script.pop(0) if len(script) > 1 else script[0])(connection, request)

    def asked_for(self) -> List[Optional[str]]:
        """Behind which events the stream was asked to go on."""
        asked = [each for each in self.requests if each.path.endswith("/resume")]
        return [each.form.get("last_event_index", [None])[0] for each in asked]
