"""One scripted A2A agent, as a Python function behind our gateway and on the official SDK's server.

``SERVERS`` start each of them as its users would (waitress, uvicorn), in a process of its own;
``measured`` asks one of them, by a bare socket. CPU is that of the server's process.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, ContextManager, Dict, Iterator, Tuple
from urllib.parse import urlsplit

from tests.peers.server import A2A_SDK, PeerServer

from .gateways import Served, cpu_of

__all__ = ["SERVERS", "measured"]

#: Pieces of the long answer.
PIECES = 2000
HEADERS = {"Content-Type": "application/json", "A2A-Version": "1.0"}


@contextlib.contextmanager
def _ours(store: str) -> Iterator[Served]:
    command = [sys.executable, "-m", "benchmarks.local_agent", store]
    with subprocess.Popen(
        command,
        cwd=str(Path(__file__).resolve().parent.parent),
        stdout=subprocess.PIPE,
        universal_newlines=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield Served(process.stdout.readline().strip(), process.pid)
        finally:
            process.terminate()


@contextlib.contextmanager
def _memory() -> Iterator[Served]:
    with _ours("memory:") as served:
        yield served


@contextlib.contextmanager
def _sqlite() -> Iterator[Served]:
    with tempfile.TemporaryDirectory() as folder, _ours("sqlite:///%s/runs.db" % folder) as served:
        yield served


@contextlib.contextmanager
def _sdk() -> Iterator[Served]:
    with PeerServer(A2A_SDK) as server:
        yield Served(server.url + "/", server.pid)


SERVERS: Dict[str, Callable[[], ContextManager[Served]]] = {
    "ours, in memory": _memory,
    "ours, SQLite": _sqlite,
    "a2a-sdk, in memory": _sdk,
}


def _ask(url: str, method: str, text: str) -> Tuple[float, bytes]:
    """Seconds to the first bytes of the answer's body, and the body."""
    message = {"messageId": "m%d" % time.monotonic_ns(), "role": "ROLE_USER"}
    params: Any = {"message": {**message, "parts": [{"text": text}]}}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    with contextlib.closing(connection):
        begin = time.perf_counter()
        connection.request("POST", parts.path or "/", body, HEADERS)
        response = connection.getresponse()
        first = response.read1(65536)
        took = time.perf_counter() - begin
        return took, first + response.read()


def measured(served: Served, calls: int) -> Dict[str, float]:
    """CPU seconds per event and per short call, and seconds to the first event (median)."""
    url, pid = served
    for _ in range(5):
        _ask(url, "SendMessage", "hello")  # first-use costs are paid
    before = cpu_of(pid)
    _, body = _ask(url, "SendStreamingMessage", "chunks %d" % PIECES)
    assert body.count(b'"artifactUpdate"') >= PIECES, body[-300:]
    event = (cpu_of(pid) - before) / PIECES
    before = cpu_of(pid)
    for _ in range(calls):
        assert b"echo: hello" in _ask(url, "SendMessage", "hello")[1]
    call = (cpu_of(pid) - before) / calls
    first = statistics.median(_ask(url, "SendStreamingMessage", "hello")[0] for _ in range(calls))
    return {"event": event, "call": call, "first": first}
