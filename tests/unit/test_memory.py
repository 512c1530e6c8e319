"""Long streams take no more memory than short ones."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.peers.echo import Echo
from tests.peers.faults import Connection, RawServer, Request, sse

COUNT = 100000

CLIENT = """
import resource, sys
from remoteagent_lite import RemoteAgent
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()
with RemoteAgent(sys.argv[1], "a") as agent, agent.run("x", stream=True) as stream:
    seen = 0
    for event in stream:
        if event.event == "RunContent":
            assert event.content == "w%d " % seen, event
            seen += 1
            if seen == 10000:
                early = peak = resident()
            elif seen % 1000 == 0 and seen > 10000:
                peak = max(peak, resident())
    output = stream.output()
assert output.status == "COMPLETED"
print(seen, len(output.content), peak - early)
"""


def long_run(connection: Connection, request: Request) -> None:
    """Streams COUNT deltas, in blocks of a thousand; the whole text comes with the end."""
    run_id = request.form["run_id"][0]

    def frame(name: str, **fields: object) -> bytes:
        data = dict(fields, event=name, run_id=run_id, agent_id="a", session_id="s", nested_depth=0)
        return sse(name, json.dumps(data))

    connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
    connection.send(b"Transfer-Encoding: chunked\r\n\r\n")
    words = ["w%d " % number for number in range(COUNT)]
    for start in range(0, COUNT, 1000):
        block = b"".join(frame("RunContent", content=w) for w in words[start : start + 1000])
        connection.send(b"%x\r\n%s\r\n" % (len(block), block))
    end = frame("RunCompleted", content="".join(words))
    connection.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(end), end))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_hundred_thousand_events_arrive_in_order_in_constant_memory() -> None:
    with RawServer(long_run) as server:
        done = subprocess.run(
            [sys.executable, "-c", CLIENT, server.url],
            stdout=subprocess.PIPE,
            timeout=120,
            check=True,
        )
    seen, length, growth = map(int, done.stdout.split())
    assert (seen, length) == (COUNT, sum(len("w%d " % number) for number in range(COUNT)))
    # The answer's own text (0.7 MB, some copies of it) and what waits between the threads (1 MiB).
    assert growth < 8 << 20


ROWS = 4000
BATCH = """
import resource, sys
from remoteagent_lite import RemoteAgent
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()
rows = ("row %%d %%s" %% (n, "x" * 1000) for n in range(%d))
early = peak = 0
with RemoteAgent(sys.argv[1], "a") as agent:
    for result in agent.map(rows, journal=sys.argv[2]):
        assert result.output.content.endswith(result.input)
        if result.index == 1000:
            early = resident()
        elif result.index %% 100 == 0 and early:
            peak = max(peak, resident())
print(result.index + 1, peak - early)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_batch_takes_no_more_memory_the_longer_it_is(tmp_path: Path) -> None:
    with RawServer(Echo(), record=False) as server:
        done = subprocess.run(
            [sys.executable, "-c", BATCH % ROWS, server.url, str(tmp_path / "journal")],
            stdout=subprocess.PIPE,
            timeout=120,
            check=True,
        )
    rows, growth = map(int, done.stdout.split())
    assert rows == ROWS
    assert growth < 2 << 20  # the other rows and their answers are thrice that
