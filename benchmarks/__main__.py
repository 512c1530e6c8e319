"""Run the benchmarks and print tables: ``python -m benchmarks``.

Every number comes from a fresh client process; the server is another process. Rounds are
interleaved: each round runs every client once, ratios are taken within a round, and tables show
medians. Nothing is asserted about time.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import importlib
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence

from tests.peers.environments import PeerEnvironmentError, python_of
from tests.peers.server import A2A_SDK, AGENTOS_LATEST, PeerServer

from .activeworkflow import HOSTS
from .clients import A2A_STREAMS, CALLS, STREAMS
from .functions import SERVERS, measured as functions_measured
from .gateways import GATEWAYS, measured
from .recorded import RECORDINGS
from .replay import MIB

ROOT = Path(__file__).resolve().parent.parent
Result = Optional[Dict[str, float]]  # None: the client could not run
failures: List[str] = []

IMPORTS = {
    "import requests": "import requests",
    "import sseclient": "import sseclient",
    "import remoteagent_lite": "import remoteagent_lite",
    "one name used": "import remoteagent_lite; remoteagent_lite.RemoteAgent",
    "every name used": "import remoteagent_lite as r; [getattr(r, name) for name in r.__all__]",
}
TIMED = """
from time import process_time as now
begin = now()
%s
print('{"cpu":', now() - begin, "}")
"""


@contextlib.contextmanager
def replay_server() -> Iterator[str]:
    """Run the replay server; yield its base URL."""
    command = [sys.executable, "-m", "benchmarks.replay"]
    with subprocess.Popen(
        command, cwd=str(ROOT), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as server:
        assert server.stdin and server.stdout
        yield server.stdout.readline().decode().strip()
        server.stdin.close()


def python(*arguments: str) -> Result:
    """Run Python afresh; return the JSON that it prints."""
    command = [sys.executable, *arguments]
    try:
        output = subprocess.check_output(
            command, cwd=str(ROOT), stderr=subprocess.PIPE, universal_newlines=True, timeout=60
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        failures.append(" ".join(arguments))
        print("failed: %s\n%s" % (failures[-1], str(error.stderr or error)), file=sys.stderr)
        return None
    result: Dict[str, float] = json.loads(output)
    return result


def interleave(
    rounds: int, names: Sequence[str], run: Callable[[str], Result]
) -> Dict[str, List[Result]]:
    """Run everything once per round; a name that fails is not tried again."""
    results: Dict[str, List[Result]] = collections.defaultdict(list)
    for _ in range(rounds):
        for name in names:
            failed = results[name] and results[name][-1] is None
            results[name].append(None if failed else run(name))
    return results


def median(results: List[Result], key: str, scale: float = 1.0) -> Optional[float]:
    """Return the median of one number over the rounds."""
    values = [result[key] * scale for result in results if result]
    return statistics.median(values) if values else None


def ratio(results: List[Result], base: List[Result], key: str) -> Optional[float]:
    """Return the median of the ratios to another client within each round."""
    values = [one[key] / other[key] for one, other in zip(results, base) if one and other]
    return statistics.median(values) if values else None


def cell(value: Optional[float], times: Optional[float] = None) -> str:
    """Format one number, and its ratio if there is one."""
    if value is None:
        return "-"
    text = "%.*f" % (2 if value < 10 else 1 if value < 100 else 0, value)
    return text if times is None else "%s (%.2f)" % (text, times)


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table that is readable as text and as Markdown."""
    widths = [max(map(len, column)) for column in zip(header, *rows)]
    lines = [header, ["-" * width for width in widths], *rows]
    print("\n### %s\n" % title)
    for line in lines:
        print("| %s |" % " | ".join(text.ljust(width) for text, width in zip(line, widths)))
    sys.stdout.flush()


class Benchmarks:
    """The tables, each a method."""

    def __init__(self, base_url: str, rounds: int, quick: bool) -> None:
        self.base_url = base_url
        self.rounds = rounds
        self.quick = quick

    def measure(self, measure: str, name: str, agent_id: str, times: int = 1) -> Result:
        """Run one measurement of one client."""
        arguments = (measure, name, self.base_url, agent_id, str(times))
        return python("-m", "benchmarks.clients", *arguments)

    def stream(self) -> None:
        """Print CPU per event of long streams, and per stream of short ones."""
        count = 5000 if self.quick else 20000
        framings = ["%s-%d" % (kind, count) for kind in ("chunked", "blocks", "close", "gzip")]
        framings.append("chunked-10")
        rows = {name: [name] for name in STREAMS}
        for agent_id in framings:
            short = agent_id == "chunked-10"
            scale = 1e6 if short else 1e6 / (count + 2)

            def run(name: str, agent_id: str = agent_id, short: bool = short) -> Result:
                return self.measure("stream", name, agent_id, 50 if short else 1)

            results = interleave(self.rounds, list(STREAMS), run)
            for name in STREAMS:
                times = ratio(results[name], results["limit"], "cpu")
                rows[name].append(cell(median(results[name], "cpu", scale), times))
        header = ["client", "chunk per event", "64 KiB chunks", "close", "gzip", "10-event stream"]
        title = "Streams: CPU us per event of %d; last column: per stream (x limit)" % count
        table(title, header, list(rows.values()))

    def call(self) -> None:
        """Print CPU per non-streaming run on a connection that is kept."""
        times = 100 if self.quick else 300
        results = interleave(
            self.rounds, list(CALLS), lambda name: self.measure("call", name, "short", times)
        )
        rows = []
        for name in CALLS:
            base = ratio(results[name], results["http.client"], "cpu")
            rows.append([name, cell(median(results[name], "cpu", 1e6), base)])
        table("Short calls: CPU us (x http.client)", ["client", "CPU"], rows)

    def event(self) -> None:
        """Print CPU and memory of one big event."""

        def run(name: str) -> Result:
            return self.measure("stream", name, "event-%d" % size(name))

        def size(name: str) -> int:
            return 1 if name == "sseclient" else 8

        results = interleave(min(self.rounds, 3), list(STREAMS), run)
        rows = []
        for name in STREAMS:
            mib = size(name)
            cpu = median(results[name], "cpu", 1e3 / mib)
            memory = median(results[name], "memory", 1.0 / (mib * MIB))
            rows.append([name, "%d MiB" % mib, cell(cpu), cell(memory)])
        header = ["client", "event", "CPU ms per MiB", "peak memory, x event"]
        table("One big event (sseclient is quadratic: 1 MiB only)", header, rows)

    def imports(self) -> None:
        """Print CPU of importing, without the start of the interpreter."""

        def run(name: str) -> Result:
            return python("-c", TIMED % IMPORTS[name])

        results = interleave(self.rounds * 3, list(IMPORTS), run)
        rows = []
        for name in IMPORTS:
            times = ratio(results[name], results["import requests"], "cpu")
            rows.append([name, cell(median(results[name], "cpu", 1e3), times)])
        table("Import: CPU ms (x requests)", ["what", "CPU"], rows)

    def latency(self) -> None:
        """Print delay and CPU at the pace of a model."""
        seconds = 1 if self.quick else 2
        agent_id = "paced-100-%d" % seconds
        results = interleave(
            min(self.rounds, 3), list(STREAMS), lambda name: self.measure("latency", name, agent_id)
        )
        rows = []
        for name in STREAMS:
            row = [name]
            for key in ("p50", "cpu"):
                times = ratio(results[name], results["limit"], key)
                row.append(cell(median(results[name], key, 1e6), times))
            rows.append(row)
        header = ["client", "p50 latency", "CPU per event"]
        table("100 events per second: us (x limit)", header, rows)

    def idle(self) -> None:
        """Print memory and CPU of 200 streams that wait."""
        results = interleave(
            min(self.rounds, 3), list(STREAMS), lambda name: self.measure("idle", name, "idle", 200)
        )
        rows = []
        for name in STREAMS:
            memory = median(results[name], "memory", 1.0 / 1024)
            cpu = median(results[name], "cpu", 1e6)
            threads = median(results[name], "threads")
            rows.append([name, cell(memory), cell(cpu), "-" if threads is None else "%d" % threads])
        header = ["client", "KiB per stream", "CPU us to open one", "threads"]
        table("200 idle streams, one thread each", header, rows)

    def receive(self) -> None:
        """Print CPU per call of an ActiveWorkflow agent, by host."""
        times = 1000 if self.quick else 5000
        results = interleave(
            self.rounds,
            list(HOSTS),
            lambda name: python("-m", "benchmarks.activeworkflow", name, str(times)),
        )
        rows = []
        for name in HOSTS:
            base = ratio(results[name], results["bare"], "cpu")
            rows.append([name, cell(median(results[name], "cpu", 1e6 / times), base)])
        title = "ActiveWorkflow receive of 1 KB: CPU us (x bare loads and dumps)"
        table(title, ["host", "CPU"], rows)
        if not any(results["activeworkflow-agent"]):
            print("\nactiveworkflow-agent is skipped: it needs that package and flask.")

    def a2a_stream(self) -> None:
        """Print CPU per event of recorded streams of A2A agents."""
        count = 5000 if self.quick else 20000
        for framing, title in (("chunked", "chunk per event"), ("blocks", "64 KiB chunks")):
            rows = {name: [name] for name in A2A_STREAMS}
            for recording in RECORDINGS:
                stream = "%s-%s-%d" % (recording, framing, count)

                def run(name: str, stream: str = stream) -> Result:
                    return self.measure("a2a", name, stream)

                results = interleave(self.rounds, list(A2A_STREAMS), run)
                for name in A2A_STREAMS:
                    times = ratio(results[name], results["limit"], "cpu")
                    rows[name].append(cell(median(results[name], "cpu", 1e6 / count), times))
            table(
                "A2A streams, %s: CPU us per event of %d (x limit)" % (title, count),
                ["client", *RECORDINGS],
                list(rows.values()),
            )

    def a2a(self) -> None:
        """Print CPU of A2A clients on a real server, and of all that the first use costs."""
        times = 20 if self.quick else 100
        interpreters = {"ours": [sys.executable, "-m", "benchmarks.a2a"]}
        try:
            inside = python_of(A2A_SDK)
        except PeerEnvironmentError as error:
            print("\nThe A2A server cannot be had: %s" % error)
            return
        interpreters["a2a-sdk"] = [inside, "-P", str(ROOT / "benchmarks" / "a2a.py")]
        with PeerServer(A2A_SDK) as server:

            def run(name: str) -> Result:
                command = [*interpreters[name], name, server.url, str(times)]
                output = subprocess.check_output(command, cwd=str(ROOT), universal_newlines=True)
                result: Dict[str, float] = json.loads(output)
                return result

            results = interleave(self.rounds, list(interpreters), run)
        rows = []
        for name in interpreters:
            row = [name]
            for key, scale in (("short", 1e3), ("event", 1e6), ("total", 1.0)):
                base = ratio(results[name], results["ours"], key)
                row.append(cell(median(results[name], key, scale), base))
            rows.append(row)
        title = "A2A, a streamed answer: CPU (x ours)"
        table(title, ["client", "short, ms", "per event, us", "imports and all, s"], rows)

    def gateway(self) -> None:
        """Print what gateways cost, all before one real server."""
        calls = 20 if self.quick else 200
        try:
            python_of(AGENTOS_LATEST)
        except PeerEnvironmentError as error:
            print("\nThe AgentOS cannot be had: %s" % error)
            return
        with contextlib.ExitStack() as stack:
            upstream = stack.enter_context(PeerServer(AGENTOS_LATEST))
            served = {
                name: stack.enter_context(serve(upstream.url)) for name, serve in GATEWAYS.items()
            }
            results = interleave(
                self.rounds, list(served), lambda name: measured(served[name], calls)
            )
        title = "Before one AgentOS: the gateway's CPU (x ours)"
        self._servers(title, "gateway", "ours", results)

    def functions(self) -> None:
        """Print what a Python function costs as an A2A agent, and an agent of the official SDK."""
        calls = 20 if self.quick else 200
        try:
            python_of(A2A_SDK)
        except PeerEnvironmentError as error:
            print("\nThe A2A SDK cannot be had: %s" % error)
            return
        with contextlib.ExitStack() as stack:
            served = {name: stack.enter_context(serve()) for name, serve in SERVERS.items()}
            results = interleave(
                self.rounds, list(served), lambda name: functions_measured(served[name], calls)
            )
        title = "One scripted agent over A2A: the server's CPU (x ours in memory)"
        self._servers(title, "server", "ours, in memory", results)

    @staticmethod
    def _servers(title: str, kind: str, ours: str, results: Dict[str, List[Result]]) -> None:
        rows = []
        for name, measurements in results.items():
            row = [name]
            if name == "direct":
                row += ["-", "-"]
            else:
                for key, scale in (("event", 1e6), ("call", 1e3)):
                    times = ratio(measurements, results[ours], key)
                    row.append(cell(median(measurements, key, scale), times))
            row.append(cell(median(measurements, "first", 1e3)))
            rows.append(row)
        header = [kind, "per event, us", "per short call, ms", "first event after, ms"]
        table(title, header, rows)


TABLES: Dict[str, Callable[[Benchmarks], None]] = {
    "stream": Benchmarks.stream,
    "call": Benchmarks.call,
    "event": Benchmarks.event,
    "import": Benchmarks.imports,
    "latency": Benchmarks.latency,
    "idle": Benchmarks.idle,
    "receive": Benchmarks.receive,
    "a2a-stream": Benchmarks.a2a_stream,
    "a2a": Benchmarks.a2a,
    "gateway": Benchmarks.gateway,
    "functions": Benchmarks.functions,
}


def machine() -> str:
    """Describe what the numbers were measured on."""
    packages = []
    for name in ("requests", "urllib3", "httpx"):
        with contextlib.suppress(ImportError):
            packages.append("%s %s" % (name, importlib.import_module(name).__version__))
    load: Any = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    return "%s %s, %s %s, %s CPUs (load %.1f), %s" % (
        platform.python_implementation(),
        platform.python_version(),
        platform.system(),
        platform.machine(),
        os.cpu_count(),
        load,
        ", ".join(packages),
    )


def main() -> None:
    """Parse the command line, print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Compare clients.")
    parser.add_argument(
        "--rounds", type=int, metavar="N", help="interleaved rounds (default 5; 1 if quick)"
    )
    parser.add_argument("--only", choices=sorted(TABLES), help="print this table alone")
    parser.add_argument("--quick", action="store_true", help="short streams, one round")
    options = parser.parse_args()
    rounds = options.rounds or (1 if options.quick else 5)
    print(machine())
    with replay_server() as base_url:
        benchmarks = Benchmarks(base_url, rounds, options.quick)
        for name, show in TABLES.items():
            if options.only in (None, name):
                show(benchmarks)
    if failures:
        sys.exit(1)


if __name__ == "__main__":
    main()
