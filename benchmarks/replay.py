"""A replay server: pre-rendered answers of agents over HTTP/1.1, in a process of its own.

The agent id chooses what ``POST /agents/{id}/runs`` answers:

==================  ===============================================================
``chunked-N``       N content events, one HTTP chunk per event
``blocks-N``        the same in chunks of 64 KiB
``close-N``         the same, ended by closing the connection
``length-N``        the same with a Content-Length
``gzip-N``          the same, compressed, in chunks of 16 KiB
``event-N``         one event with N MiB of content, in chunks of 16 KiB
``paced-R-S``       R events per second for S seconds; each holds the time of its sending
``idle``            one event, then silence until the client hangs up
``short``           a non-streaming run output
==================  ===============================================================

An A2A agent is at ``/a2a/R-F-N``: the recording R (see `recorded`) with N pieces, framed as
``chunked`` or ``blocks``.

It prints its base URL and serves until its stdin is closed: ``python -m benchmarks.replay``.
"""

from __future__ import annotations

import functools
import json
import re
import sys
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Dict, List, Tuple

from .recorded import RECORDINGS, WORD, frames

RUN_ID = "00000000-0000-4000-8000-000000000000"  # replaced by the client's own: same length
MIB = 1 << 20

_COMMON = {
    "created_at": 1795224416,
    "event": "",
    "agent_id": "replay",
    "agent_name": "Replay",
    "run_id": RUN_ID,
    "session_id": "11111111-1111-4111-8111-111111111111",
    "nested_depth": 0,
}
_MODEL = {"model": "scripted", "model_provider": "scripted"}
_DELTA = {"content_type": "str", "workflow_agent": False, "reasoning_content": ""}
_METRICS = {"input_tokens": 7, "output_tokens": 5, "total_tokens": 12, "duration": 0.004}


def expected(agent_id: str) -> Tuple[int, str]:
    """Return how many events a stream has, and the content of its last one."""
    kind, *numbers = agent_id.split("-")
    if kind == "event":
        return 2, "x" * (int(numbers[0]) * MIB)
    if kind == "paced":
        return int(numbers[0]) * int(numbers[1]) + 2, "done"
    return int(numbers[0]) + 2, WORD * int(numbers[0])


def _frame(event: str, **fields: Any) -> bytes:
    data = json.dumps({**_COMMON, **fields, "event": event}, separators=(",", ":"))
    return ("event: %s\ndata: %s\n\n" % (event, data)).encode()


def _content(text: str) -> bytes:
    return _frame("RunContent", content=text, **_DELTA)


def _completed(text: str) -> bytes:
    fields = {"content_type": "str", "metrics": _METRICS, "session_state": {}}
    return _frame("RunCompleted", content=text, **fields)


STARTED = _frame("RunStarted", **_MODEL)
COMPONENT = {
    "id": "replay",
    "name": "Replay",
    "description": "Replays recorded runs",
    "model": {"name": "Scripted", "model": "scripted", "provider": "scripted"},
    "tools": {"tools": []},
}
OUTPUT = {
    **{key: value for key, value in _COMMON.items() if key not in ("event", "nested_depth")},
    **_MODEL,
    "content": WORD,
    "content_type": "str",
    "session_state": {},
    "status": "COMPLETED",
    "metrics": _METRICS,
    "messages": [
        {"id": "m1", "role": "user", "content": "x", "from_history": False},
        {"id": "m2", "role": "assistant", "content": WORD, "from_history": False},
    ],
    "tools": [],
    "input": {"input_content": "x"},
}


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _chunked(data: bytes, size: int) -> bytes:
    pieces = [_chunk(data[at : at + size]) for at in range(0, len(data), size)]
    return b"".join(pieces) + b"0\r\n\r\n"


def _head(*headers: str, content_type: str = "text/event-stream; charset=utf-8") -> bytes:
    lines = ("HTTP/1.1 200 OK", "Content-Type: " + content_type, *headers)
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


CHUNKED = "Transfer-Encoding: chunked"


@functools.lru_cache(maxsize=None)
def _recorded(stream: str) -> bytes:
    """Render the whole answer of an A2A agent."""
    name, framing, count = stream.rsplit("-", 2)
    rendered = frames(name, int(count))
    if framing == "chunked":
        return _head(CHUNKED) + b"".join(map(_chunk, rendered)) + b"0\r\n\r\n"
    return _head(CHUNKED) + _chunked(b"".join(rendered), 65536)


def _card(stream: str) -> Dict[str, Any]:
    recording = RECORDINGS[stream.rsplit("-", 2)[0]]
    interface = {
        "url": "/a2a/%s%s" % (stream, recording.path),
        "protocolBinding": "JSONRPC",
        "protocolVersion": recording.version,
    }
    return {
        "name": "Replay",
        "capabilities": {"streaming": True},
        "supportedInterfaces": [interface],
    }


@functools.lru_cache(maxsize=None)
def _answer(agent_id: str) -> Tuple[bytes, bytes]:
    """Render head and body of an answer that needs no clock."""
    kind = agent_id.partition("-")[0]
    if kind == "short":
        return _json(OUTPUT)
    count, text = expected(agent_id)
    frames: List[bytes] = [STARTED, *[_content(WORD)] * (count - 2), _completed(text)]
    if kind == "chunked":
        return _head(CHUNKED), b"".join(map(_chunk, frames)) + b"0\r\n\r\n"
    body = b"".join(frames)
    if kind in ("blocks", "event"):
        return _head(CHUNKED), _chunked(body, 65536 if kind == "blocks" else 16384)
    if kind == "length":
        return _head("Content-Length: %d" % len(body)), body
    if kind == "close":
        return _head("Connection: close"), body
    if kind == "gzip":
        return _head(CHUNKED, "Content-Encoding: gzip"), body
    raise KeyError(agent_id)


def _json(value: Dict[str, Any]) -> Tuple[bytes, bytes]:
    body = json.dumps(value, separators=(",", ":")).encode()
    return _head("Content-Length: %d" % len(body), content_type="application/json"), body


def _gzip(data: bytes) -> bytes:
    compressor = zlib.compressobj(level=1, wbits=31)
    return _chunked(compressor.compress(data) + compressor.flush(), 16384)


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer ``/health``, ``/agents/{id}``, and with an A2A agent's card."""
        value: Dict[str, Any] = {"status": "ok"} if self.path == "/health" else COMPONENT
        if self.path.startswith("/a2a/"):
            value = _card(self.path.split("/")[2])
        self.wfile.write(b"".join(_json(value)))

    def do_POST(self) -> None:
        """Answer ``/agents/{id}/runs`` with the client's own run id, and A2A calls."""
        form = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.startswith("/a2a/"):
            self.wfile.write(_recorded(self.path.split("/")[2]))
            return
        found = re.search(rb'run_id[="][^0-9a-f]*([0-9a-f-]{36})', form)
        run_id = found.group(1) if found else RUN_ID.encode()
        agent_id = self.path.split("/")[2]
        kind = agent_id.split("-")[0]
        if self.path.endswith("/cancel"):
            self.wfile.write(b"".join(_json({})))
        elif kind == "idle":
            self._send(_head(CHUNKED) + _chunk(STARTED), run_id)
            self.rfile.read(1)
        elif kind == "paced":
            _, rate, seconds = agent_id.split("-")
            self._pace(int(rate), int(seconds), run_id)
        else:
            head, body = _answer(agent_id)
            if kind == "gzip":
                body = _gzip(body.replace(RUN_ID.encode(), run_id))
            self._send(head + body, run_id)
            self.close_connection = self.close_connection or kind == "close"

    def _pace(self, rate: int, seconds: int, run_id: bytes) -> None:
        self._send(_head(CHUNKED) + _chunk(STARTED), run_id)
        begin = time.monotonic()
        for index in range(1, rate * seconds + 1):
            time.sleep(max(0.0, begin + index / rate - time.monotonic()))
            self._send(_chunk(_content("%.6f" % time.time())), run_id)
        self._send(_chunk(_completed("done")) + b"0\r\n\r\n", run_id)

    def _send(self, data: bytes, run_id: bytes) -> None:
        self.wfile.write(data.replace(RUN_ID.encode(), run_id))

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Many connections, one thread each."""

    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that hang up."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def main() -> None:
    """Print the base URL; serve until stdin ends."""
    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("http://127.0.0.1:%d" % server.server_address[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
