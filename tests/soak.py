"""A long run of runs over a bad network: ``python -m tests.soak --runs 10000 --seed 7``.

Every run has an input and an answer of its own, and every exchange may be cut at any byte, reset,
delayed, or answered by something else (see `tests.peers.ledger`). Whatever happens, each run ends
in its own whole answer or in a documented error that what went wrong explains, is executed at most
once, and leaves nothing behind. ``--only 17`` repeats one run of a seed with the same faults.

``--batch`` is about many inputs: ``agent.map`` on a real AgentOS with a journal, in a process
that is killed three times. Every row has an answer in the end, and was executed once.

``--gateway`` is about the gateway's own process: what it holds after as many runs, and whether a
thousand slow streams at once all arrive.
"""

import argparse
import collections
import contextlib
import ctypes
import faulthandler
import gc
import itertools
import os
import random
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional

import urllib3

from remoteagent_lite import RemoteAgent, RetryPolicy, Timeout
from remoteagent_lite.errors import (
    NotFoundError,
    ProtocolError,
    RemoteAgentError,
    RemoteHTTPError,
    RemoteServerUnavailableError,
    RemoteTimeoutError,
    StreamInterruptedError,
    TaskNotFoundError,
)
from tests import FIXTURES
from tests.batches import KilledBatch
from tests.peers.faults import PATIENCE, RawServer
from tests.peers.ledger import HARMLESS, Agent2Agent, AgentOS, Ledger, Trial
from tests.peers.server import AGENTOS_LATEST, PeerServer

__all__ = ["Soak"]

AGENTS = {"agentos": AgentOS, "a2a": Agent2Agent}
#: What resident memory may grow by, once the first tenth of the runs is done, in MiB.
GROWTH = 24.0
#: Met by nothing but a fault of the library or of the soak, in seconds.
PATIENT = Timeout(connect=30, read=30, total=120)
#: For runs that will meet silence.
IMPATIENT = Timeout(connect=30, read=0.4, total=120)
#: More than the faults that one run can meet.
RESUME = RetryPolicy(max_attempts=10, backoff=0.002, max_backoff=0.02)
RETRY = RetryPolicy(backoff=0.002)

#: What an error must come from; each is looked for in the names of the faults that were met.
EXPLAINED = {
    RemoteTimeoutError: ("silence",),
    RemoteHTTPError: ("429", "502", "503"),
    StreamInterruptedError: ("closed", "reset", "cut", "garbled", "unframed", "html", "silence"),
    ProtocolError: ("html", "unframed body"),
    RemoteServerUnavailableError: ("closed", "reset", "cut", "garbled", "tunnel", "no handshake"),
}


class Wrong(AssertionError):
    """A promise that was not kept."""


class Soak:
    """Trials of one seed over one protocol, by several threads; `failures` has what went wrong."""

    def __init__(self, protocol: str, seed: int, retry: RetryPolicy = RETRY) -> None:
        self.protocol = protocol
        self.seed = seed
        self.retry = retry
        #: How often each fault, outcome and kind of run has been.
        self.figures: Dict[str, int] = collections.Counter()
        self.failures: List[str] = []
        self.ledger = Ledger(AGENTS[protocol]())
        self._server = RawServer(self.ledger, record=False)
        self._shared: Dict[str, RemoteAgent] = {
            route: self._agent(route) for route in ("direct", "proxy", "tunnel")
        }

    def __enter__(self) -> "Soak":
        return self

    def __exit__(self, *exc_info: Any) -> None:
        for agent in self._shared.values():
            agent.close()
        self._server.close()

    def run(self, numbers: Iterable[int], threads: int) -> None:
        with ThreadPoolExecutor(threads, "soak") as pool:
            for seen in pool.map(self._try, numbers):
                self.figures.update(seen)

    def repeated(self) -> List[str]:
        """The inputs that were executed more than once, over the whole time."""
        return [each for each, count in self.ledger.executions.items() if count > 1]

    @property
    def connections(self) -> int:
        return self._server.connection_count

    def _agent(self, route: str, login: str = "") -> RemoteAgent:
        url, proxies = self._server.url, {}
        if route != "direct":
            scheme = "http" if route == "proxy" else "https"
            url = "%s://localhost:1" % scheme
            proxies = {scheme: "http://%s127.0.0.1:%d" % (login, self._server.port)}
        return RemoteAgent(
            url,
            "a",
            protocol=self.protocol,
            timeout=PATIENT,
            resume=RESUME,
            retry=self.retry,
            proxies=proxies,
            verify=str(FIXTURES / "localhost.pem"),
        )

    def _try(self, number: int) -> List[str]:
        trial = Trial(self.seed, number)
        agent = self._shared[trial.route]
        if trial.alone:
            agent = self._agent(trial.route, "%d:secret@" % number)
        self.ledger.expect(trial)
        try:
            outcome = self._outcome(trial, agent)
        except Wrong as wrong:
            outcome = "WRONG"
            self.failures.append(
                "%r met %s: %s" % (trial, ", ".join(trial.met) or "nothing", wrong)
            )
        finally:
            self.ledger.forget(trial)
            if trial.alone:
                agent.close()
        seen = ["run: " + trial.mode, "outcome: " + outcome]
        return seen + ["fault: " + fault for fault in trial.met]

    def _outcome(self, trial: Trial, agent: RemoteAgent) -> str:
        ask = _Question(trial, agent)
        try:
            outcome = ask()
        except RemoteAgentError as error:
            self._check_error(trial, ask, error)
            outcome = type(error).__name__
            self._look_up(trial, agent, error)
        except Wrong:
            raise
        except BaseException as error:
            raise Wrong(
                "%s, which is no error of the library: %s" % (type(error), error)
            ) from error
        _demand(trial.executions <= 1, "executed %d times" % trial.executions)
        return outcome

    def _check_error(self, trial: Trial, ask: "_Question", error: Any) -> None:
        said = "%s (%s)" % (type(error).__name__, error)
        kind = next((each for each in EXPLAINED if isinstance(error, each)), None)
        _demand(kind is not None, "undocumented: " + said)
        harm = [] if ask.timeout is PATIENT else ["silence"]  # a busy machine's too
        if not {*trial.met}.difference(HARMLESS):
            trial.told.wait(PATIENCE)
        harm += [each for each in trial.met if each not in HARMLESS]
        explained = any(reason in each for each in harm for reason in EXPLAINED[kind])
        _demand(explained, "unexplained: " + said)
        _demand("localhost" in said or "127.0.0.1" in said, "names no server: " + said)
        _demand("secret" not in said + repr(error), "tells a secret: " + said)
        if getattr(error, "request_sent", True) is False:
            _demand(trial.executions == 0, "was executed, but not sent: " + said)
        known = trial.run_id is not None and (self.protocol == "agentos" or ask.identified)
        if known:
            ids = getattr(error, "run_id", None), getattr(error, "session_id", None)
            _demand(ids == (trial.run_id, trial.session_id), "names run %s: %s" % (ids, said))
        recovers = trial.mode == "background stream"
        if self.protocol == "a2a":  # where a silent task that tells nothing new is given up
            recovers = ask.identified and kind is not RemoteTimeoutError
        if recovers and ask.is_open and "html" not in harm:
            raise Wrong("a stream that can be resumed was not: " + said)
        output = getattr(error, "output", None)
        if output is not None:
            _demand(output.status != "COMPLETED", "interrupted, and completed: " + said)
            _demand(trial.answer.startswith(output.content or ""), "the partial answer is wrong")

    def _look_up(self, trial: Trial, agent: RemoteAgent, error: Any) -> None:
        """What the caller can do who is left with an error: see whether the run has happened."""
        run_id = getattr(error, "run_id", None)
        if run_id is None or not getattr(error, "request_sent", True):
            return
        trial.faults.clear()
        trial.looks = 0
        for _ in range(5):
            try:
                output = agent.get_run(run_id, error.session_id, timeout=PATIENT)
            except (NotFoundError, TaskNotFoundError):
                _demand(trial.executions == 0, "was executed, and is not found")
                return
            except RemoteServerUnavailableError:
                continue  # connections that the server has closed behind an earlier answer
            _is_whole(trial, output)
            return
        raise Wrong("cannot be looked up")


class _Question:
    """One trial's run, as its mode says; the call returns the outcome."""

    def __init__(self, trial: Trial, agent: RemoteAgent) -> None:
        self.trial = trial
        self.agent = agent
        self.timeout = IMPATIENT if "silence" in trial.faults else PATIENT
        #: Whether the call that opens a stream has returned.
        self.is_open = False
        #: Whether an event has come.
        self.identified = False

    def __call__(self) -> str:
        trial, agent = self.trial, self.agent
        options: Dict[str, Any] = {"timeout": self.timeout}
        if trial.mode == "streamed without events" and agent.protocol == "agentos":
            options["stream_events"] = False
        if trial.mode.startswith("background"):
            options["background"] = True
        if trial.mode == "blocking":
            _is_whole(trial, agent.run(trial.input, **options))
        elif trial.mode == "background":
            begun = agent.run(trial.input, **options)
            _demand(begun.run_id == trial.run_id, "answered for run %s" % begun.run_id)
            self.identified = True
            del options["background"]
            _is_whole(trial, agent.wait_run(begun.run_id, begun.session_id, wait=60, **options))
        elif trial.mode == "left":
            return self._leave(agent.run(trial.input, stream=True, **options))
        else:
            with agent.run(trial.input, stream=True, **options) as stream:
                self.is_open = True
                self._read(stream)
        return "whole"

    def _read(self, stream: Any) -> None:
        trial = self.trial
        indices = []
        told, last = "", None
        for event in stream:
            self.identified, last = True, event.event
            indices.append(getattr(event, "event_index", None))
            told += stream.delta(event) or ""
            _demand(trial.answer.startswith(told), "told %.200r" % told)
        _is_whole(trial, stream.output())
        _demand(told + stream.rest() == trial.answer, "its pieces are not all there")
        if trial.mode != "streamed without events":
            _demand(last == "RunCompleted", "ends with %s" % last)
        if trial.mode == "background stream" and self.agent.protocol == "agentos":
            # What was looked up has no index, and what was stored has not all of them.
            numbered = [index for index in indices if index is not None]
            told_once = sorted(set(numbered)) if trial.restarted else list(range(len(numbered)))
            _demand(numbered == told_once, "events %s" % indices)

    def _leave(self, stream: Any) -> str:
        self.is_open = True
        for event in itertools.islice(stream, self.trial.leaves_after):
            self.identified = True
            _demand((stream.delta(event) or "") in self.trial.answer, "told %r" % event)
        if self.trial.leaves_after % 2:
            stream.close()
        else:  # the garbage collector finds it
            cycle: List[Any] = [stream]
            cycle.append(cycle)
        return "left"


def _is_whole(trial: Trial, output: Any) -> None:
    _demand(output.run_id == trial.run_id, "answered for run %s" % output.run_id)
    _demand(output.status == "COMPLETED", "is %s" % output.status)
    foreign = not trial.answer.startswith(output.content or "")
    _demand(not foreign, "somebody else's answer: %.200r" % output.content)
    _demand(output.content == trial.answer, "completed with a truncated answer")
    _demand(trial.executions == 1, "completed, and executed %d times" % trial.executions)


def _demand(kept: Any, said: str) -> None:
    if not kept:
        raise Wrong(said)


class Resources:
    """What this process holds; None where the system does not tell."""

    def __init__(self) -> None:
        gc.collect()
        with contextlib.suppress(OSError, AttributeError):  # what the C library keeps for itself
            ctypes.CDLL(None).malloc_trim(0)
        self.threads = threading.active_count()
        self.files: Optional[int] = None
        self.memory: Optional[float] = None
        if sys.platform.startswith("linux"):
            self.files = len(os.listdir("/proc/self/fd"))
            with open("/proc/self/statm") as file:
                self.memory = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def soak(
    protocol: str, seed: int, runs: int, threads: int, only: Optional[int] = None
) -> List[str]:
    """Run it, print its figures and return what went wrong."""
    began = time.monotonic()
    before = Resources()
    numbers = range(runs) if only is None else range(only, only + 1)
    warm = len(numbers) // 10
    with Soak(protocol, seed) as it:
        it.run(numbers[:warm], threads)
        early = Resources()
        it.run(numbers[warm:], threads)
        late = Resources()
        failures = [*it.failures, *("executed twice: " + each for each in it.repeated())]
    duration = time.monotonic() - began
    after = _settled(before)
    for name in ("threads", "files"):
        left = getattr(after, name), getattr(before, name)
        if left[0] is not None and left[0] > left[1]:
            failures.append("%d %s are left of %d" % (left[0] - left[1], name, left[0]))
    if early.memory is not None and late.memory - early.memory > GROWTH:
        failures.append("memory grew from %.1f to %.1f MiB" % (early.memory, late.memory))
    rows: Dict[str, Any] = {"seed": seed, "runs": len(numbers), "client threads": threads}
    rows.update(sorted(it.figures.items()))
    rows["connections"] = it.connections
    rows["executions"] = sum(it.ledger.executions.values())
    rows["duration, s"] = "%.1f" % duration
    for name in ("threads", "files", "memory"):
        values = [getattr(each, name) for each in (before, early, late, after)]
        if None not in values:
            rows[name + " before, early, late, after"] = ", ".join("%.4g" % v for v in values)
    print("\n%s, Python %s, urllib3 %s" % (protocol, sys.version.split()[0], urllib3.__version__))
    for name, value in rows.items():
        print("  %-45s %s" % (name, value))
    for each in failures[:20]:
        print("FAILED: " + each)
    return failures


def soak_batch(rows: int) -> List[str]:
    """Run it, print its figures and return what went wrong."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, PeerServer(AGENTOS_LATEST, a2a=True) as server:
        batch = KilledBatch(server.url, Path(folder) / "answers.jsonl", rows)
        answered = batch.run([rows // 5, rows // 2, rows * 4 // 5])
        counts = batch.executions()
        size = batch.journal.stat().st_size / 2**20
    duration = time.monotonic() - began
    print("\nbatch, Python %s" % sys.version.split()[0])
    for name, value in (
        ("rows", rows),
        ("answers, in order", len(answered)),
        ("executions", sum(counts.values())),
        ("executed more than once", sum(count > 1 for count in counts.values())),
        ("memory behind a tenth, at the end", ", ".join(batch.memory)),
        ("journal, MiB", "%.1f" % size),
        ("duration, s", "%.1f" % duration),
    ):
        print("  %-45s %s" % (name, value))
    failures = []
    if answered != list(range(rows)):
        failures.append("there are %d answers, or they are in no order" % len(answered))
    if len(counts) != rows or set(counts.values()) != {1}:
        failures.append("rows were not executed once each")
    return failures


def soak_gateway(runs: int, threads: int, streams: int = 1000) -> List[str]:
    """Run it, print its figures and return what went wrong."""
    from tests.loaded_gateway import LoadedGateway  # Linux's alone

    began = time.monotonic()
    with LoadedGateway(64) as gateway:
        warm = runs // 10
        answered = gateway.run(warm, threads)
        early = gateway.held()
        answered += gateway.run(runs - warm, threads)
        late = gateway.held()
    with LoadedGateway(streams + 16) as gateway:
        gateway.run(1, 1)  # behind which it has its threads
        before = gateway.held()
        seen = gateway.stream(streams)
        after = gateway.held()
    each = (seen.held.memory - before.memory) * 1024 / streams
    slowest = seen.delays[len(seen.delays) * 99 // 100] if seen.delays else float("nan")
    print("\ngateway, Python %s" % sys.version.split()[0])
    told = "%d threads, %d files, %.1f MiB"
    for name, value in (
        ("runs, answered", "%d, %d" % (runs, answered)),
        ("behind a tenth of them", told % early),
        ("behind all", told % late),
        ("streams at once, whole", "%d, %d" % (streams, seen.whole)),
        ("before them", told % before),
        ("amid them", told % seen.held),
        ("behind them", told % after),
        ("memory of a stream, KiB", "%.1f" % each),
        ("delay of an event, p99, ms", "%.1f" % (slowest * 1000)),
        ("duration, s", "%.1f" % (time.monotonic() - began)),
    ):
        print("  %-45s %s" % (name, value))
    failures = []
    if answered != runs:
        failures.append("%d runs were not answered" % (runs - answered))
    if seen.whole != streams:
        failures.append("%d streams were lost" % (streams - seen.whole))
    if late.threads > early.threads or late.files > early.files + threads:
        failures.append("it holds more behind all runs than behind a tenth")
    if late.memory - early.memory > GROWTH:
        failures.append("memory grew from %.1f to %.1f MiB" % (early.memory, late.memory))
    if after.files > before.files + streams // 10:
        failures.append("it keeps the connections of streams that have ended")
    for failure in failures:
        print("FAILED: " + failure)
    return failures


def _settled(before: Resources) -> Resources:
    """What is held once threads that are ending have had the time to."""
    for _ in range(200):
        after = Resources()
        if after.threads <= before.threads and (after.files or 0) <= (before.files or 0):
            break
        time.sleep(0.01)
    return after


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=10000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--only", type=int, help="repeat the run of that number alone")
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--protocol", choices=AGENTS, action="append")
    parser.add_argument("--batch", action="store_true", help="many inputs, killed three times")
    parser.add_argument("--gateway", action="store_true", help="a gateway's process under load")
    given = parser.parse_args()
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            del os.environ[name]
    faulthandler.dump_traceback_later(3600, exit=True)
    gc.set_threshold(200, 5, 5)  # it may run anywhere
    failures = []
    if given.batch:
        failures += soak_batch(given.runs)
    if given.gateway:
        failures += soak_gateway(given.runs, given.threads)
    for protocol in () if given.batch or given.gateway else given.protocol or AGENTS:
        failures += soak(protocol, given.seed, given.runs, given.threads, given.only)
    print("\n%s" % ("%d FAILED" % len(failures) if failures else "passed"))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
