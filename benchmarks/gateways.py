"""Gateways before the same real AgentOS: what one costs its host, and its callers.

``GATEWAYS`` start each of them as its users would, in a process of its own, and ``measured`` asks
one of them, by a bare socket. CPU is that of the gateway's process, as the system counts it.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable, ContextManager, Dict, Iterator, NamedTuple, Optional, Tuple

from tests.peers.server import AGENTOS_LATEST, PeerServer

__all__ = ["GATEWAYS", "Served", "cpu_of", "measured"]

HERE = Path(__file__).resolve().parent
#: Pieces of the long answer.
PIECES = 2000
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Served(NamedTuple):
    url: str
    pid: Optional[int]  # None for the server itself: what is asked directly costs no gateway


@contextlib.contextmanager
def _direct(upstream: str) -> Iterator[Served]:
    yield Served(upstream, None)


@contextlib.contextmanager
def _agno(upstream: str) -> Iterator[Served]:
    script = HERE / "agno_gateway.py"
    with PeerServer(AGENTOS_LATEST, script=script, env={"UPSTREAM": upstream}) as server:
        yield Served(server.url, server.pid)


@contextlib.contextmanager
def _ours(upstream: str) -> Iterator[Served]:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "gateway.json")
        config.write_text(json.dumps({"agents": [{"url": upstream, "id": "plain"}], "port": 0}))
        command = [sys.executable, "-m", "remoteagent_lite", "gateway", "--config", str(config)]
        with subprocess.Popen(
            command, cwd=str(HERE.parent), stderr=subprocess.PIPE, universal_newlines=True
        ) as process:
            assert process.stderr is not None
            line = process.stderr.readline()
            try:
                yield Served(
                    "http://" + line.split("http://")[1].split()[0].rstrip("/"), process.pid
                )
            finally:
                process.terminate()


GATEWAYS: Dict[str, Callable[[str], ContextManager[Served]]] = {
    "direct": _direct,
    "ours": _ours,
    "agno": _agno,
}


def cpu_of(pid: Optional[int]) -> float:
    """CPU seconds that a process has had."""
    if pid is None:
        return 0.0
    fields = Path("/proc/%d/stat" % pid).read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _ask(url: str, message: str, stream: bool) -> Tuple[float, bytes]:
    """Seconds to the first bytes of the answer's body, and the body."""
    connection = http.client.HTTPConnection(url.partition("//")[2], timeout=60)
    with contextlib.closing(connection):
        begin = time.perf_counter()
        body = "message=%s&stream=%s" % (message.replace(" ", "+"), str(stream).lower())
        connection.request("POST", "/agents/plain/runs", body, FORM)
        response = connection.getresponse()
        first = response.read1(65536)
        took = time.perf_counter() - begin
        return took, first + response.read()


def measured(served: Served, calls: int) -> Dict[str, float]:
    """CPU seconds per event and per short call, and seconds to the first event (median)."""
    url, pid = served
    _ask(url, "hello", False)  # connections and first-use costs are paid
    before = cpu_of(pid)
    _, body = _ask(url, "count:%d" % PIECES, True)
    assert body.count(b"event: RunContent\n") == PIECES, body[-300:]
    event = (cpu_of(pid) - before) / PIECES
    before = cpu_of(pid)
    for _ in range(calls):
        assert b"echo: hello" in _ask(url, "hello", False)[1]
    call = (cpu_of(pid) - before) / calls
    first = statistics.median(_ask(url, "hello", True)[0] for _ in range(calls))
    return {"event": event, "call": call, "first": first}
