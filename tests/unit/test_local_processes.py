"""Several processes serve the same functions over one store: begun here, followed there, killed."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Iterator, List, Set

import pytest

from remoteagent_lite import A2AClient, RemoteAgent
from tests import ROOT
from tests.redis_server import RedisServer, missing

WAIT = 20.0
AT = re.compile(r"http://127\.0\.0\.1:[0-9]+")


def started(*command: str, **options: Any) -> Any:
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=str(ROOT),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        universal_newlines=True,
        **options,
    )


class Host:
    """A process; its URL."""

    def __init__(self, store: str, folder: Path) -> None:
        self.process = started("tests.local_host", store, str(folder), stdin=subprocess.PIPE)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            self.close()
            raise AssertionError("it did not start")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        try:
            self.process.wait(WAIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self.process.stdout.close()

    def agent(self, id: str, **options: Any) -> RemoteAgent:
        return RemoteAgent(self.url, id, **options)


@pytest.fixture(params=["sqlite", "redis"])
def store(request: Any, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield "sqlite:///%s" % (tmp_path / "runs.db")
        return
    if missing():
        pytest.skip(str(missing()))
    with RedisServer() as server:
        yield server.url


@pytest.fixture
def hosts(store: str, tmp_path: Path) -> Iterator[List[Host]]:
    with contextlib.ExitStack() as stack:
        hosts = []
        for _ in range(2):
            hosts.append(Host(store, tmp_path))
            stack.callback(hosts[-1].close)
        yield hosts


def appeared(path: Path) -> str:
    until = time.monotonic() + WAIT
    while not path.exists() or not path.read_text():
        assert time.monotonic() < until, "%s did not come" % path.name
        time.sleep(0.01)
    return path.read_text()


def test_what_one_process_begins_others_follow(hosts: List[Host], tmp_path: Path) -> None:
    here, there = hosts
    with here.agent("wait") as begun, there.agent("wait") as followed:
        run = begun.run("x", background=True)
        with followed.resume(run.run_id, run.session_id) as stream:
            pieces = stream.text()
            first = next(pieces)
            assert first == "begun in %d; " % here.process.pid
            (tmp_path / "go on").touch()
            assert first + "".join(pieces) == "begun in %d; gone on" % here.process.pid
        for agent in (begun, followed):
            output = agent.get_run(run.run_id, run.session_id)
            assert (output.status, output.content) == ("COMPLETED", first + "gone on")
            assert [each.run_id for each in agent.list_runs(run.session_id)] == [run.run_id]


def test_what_one_process_executes_others_cancel(hosts: List[Host], tmp_path: Path) -> None:
    here, there = hosts
    with here.agent("wait") as begun, there.agent("wait") as other:
        run = begun.run("x", background=True)
        with begun.resume(run.run_id, run.session_id) as stream:
            next(stream.text())
            assert other.cancel_run(run.run_id, session_id=run.session_id, wait=WAIT)
        assert begun.get_run(run.run_id, run.session_id).status == "CANCELLED"
        assert appeared(tmp_path / "ended") == str(here.process.pid)  # its function knows


def test_a_question_is_answered_by_any_process(hosts: List[Host], tmp_path: Path) -> None:
    here, there = hosts
    with here.agent("order") as asked, there.agent("order") as answered:
        paused = asked.run("shirt")
        assert paused.is_paused
        here.kill()  # who asked is not needed any more
        seen = answered.get_run(paused.run_id, paused.session_id)
        seen.pending[0].answer(input="L")
        output = answered.continue_run(seen)
        assert output.content == "It costs 12. Size L, answered in %d." % there.process.pid
        assert (tmp_path / "bought").read_text() == "shirt\n"  # once


def test_a_killed_process_leaves_failed_runs(hosts: List[Host]) -> None:
    here, there = hosts
    with here.agent("wait") as begun, there.agent("wait") as other:
        run = begun.run("x", background=True)
        with other.resume(run.run_id, run.session_id) as stream:
            events = iter(stream)
            while next(events).event != "RunContent":
                pass
            here.kill()
            last = list(events)[-1]
            assert last.event == "RunError"
        output = other.get_run(run.run_id, run.session_id)
        assert output.status == "ERROR"
        assert "has ended" in str(output.reason)
        assert [each.status for each in other.list_runs(run.session_id)] == ["ERROR"]


def test_a_process_that_ends_says_so(store: str, tmp_path: Path) -> None:
    """Nobody has to wait until its runs are taken for dead."""
    lasting = Host(store, tmp_path)
    app = "tests.local_host:gateway(%r, %r)" % (store, str(tmp_path))
    process = started(
        "gunicorn",
        "--bind",
        "127.0.0.1:0",
        "--graceful-timeout",
        "1",
        app,
        stderr=subprocess.STDOUT,
    )
    try:
        url = next(found.group() for found in map(AT.search, process.stdout) if found)
        with RemoteAgent(url, "wait") as wait, lasting.agent("wait") as other:
            run = wait.run("x", background=True)
            with other.resume(run.run_id, run.session_id) as stream:
                next(stream.text())
                process.terminate()
                process.wait(WAIT)
                kept = other.get_run(run.run_id, run.session_id)
            assert (kept.status, "has ended" in str(kept.reason)) == ("ERROR", True)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        lasting.close()


def test_a_process_that_slept_has_lost_its_runs(hosts: List[Host], tmp_path: Path) -> None:
    here, there = hosts
    with here.agent("wait") as begun, there.agent("wait") as other:
        run = begun.run("x", background=True)
        with begun.resume(run.run_id, run.session_id) as stream:
            next(stream.text())
        here.process.send_signal(signal.SIGSTOP)
        try:
            output = other.wait_run(run.run_id, run.session_id, wait=WAIT)
        finally:
            here.process.send_signal(signal.SIGCONT)
        assert output.status == "ERROR"
        (tmp_path / "go on").touch()
        assert appeared(tmp_path / "ended")  # the function goes on, and nobody hears of it
        assert begun.get_run(run.run_id, run.session_id).content == output.content
        with begun.resume(run.run_id, run.session_id) as stream:
            assert [event.event for event in stream][-2:] == ["RunContent", "RunError"]


def test_tasks_are_followed_and_cancelled_across_processes(
    hosts: List[Host], tmp_path: Path
) -> None:
    here, there = hosts
    url = "%s/a2a/agents/wait"
    with A2AClient(url % here.url) as begun, A2AClient(url % there.url) as other:
        task = begun.send_message("x", return_immediately=True)
        with other.subscribe_to_task(task.id) as stream:
            first = next(stream)
            assert first.task is not None and first.task.id == task.id
            assert begun.get_task(task.id).status.state == "TASK_STATE_WORKING"
            other.cancel_task(task.id)
            assert list(stream)[-1].status_update is not None
        assert begun.get_task(task.id).status.state == "TASK_STATE_CANCELED"
        assert appeared(tmp_path / "ended") == str(here.process.pid)


def test_workers_of_one_server_share_their_runs(store: str, tmp_path: Path) -> None:
    # Either the workers are forked from a process that has the gateway, or each makes its own.
    preload = ["--preload"] if store.startswith("sqlite") else []
    app = "tests.local_host:gateway(%r, %r)" % (store, str(tmp_path))
    options = ["--workers", "2", "--worker-class", "gthread", "--threads", "16", *preload]
    process = started("gunicorn", "--bind", "127.0.0.1:0", *options, app, stderr=subprocess.STDOUT)
    try:
        url = next(found.group() for found in map(AT.search, process.stdout) if found)
        with RemoteAgent(url, "wait") as wait:
            until = time.monotonic() + WAIT
            workers: Set[str] = set()
            while len(workers) < 2:
                assert time.monotonic() < until
                with RemoteAgent(url, "where") as where:  # a connection of its own
                    workers.add(str(where.run("x").content))
            runs = [wait.run("x", background=True) for _ in range(6)]
            streams = [wait.resume(run.run_id, run.session_id) for run in runs for _ in "ab"]
            firsts = [next(stream.text()) for stream in streams]
            assert {first.split()[2].rstrip(";") for first in firsts} <= workers
            (tmp_path / "go on").touch()
            for stream, first in zip(streams, firsts):
                with stream:
                    assert stream.output().content == first + "gone on"
            (tmp_path / "go on").unlink()
            run = wait.run("x", background=True)
            with wait.resume(run.run_id, run.session_id) as stream:
                worker = next(stream.text()).split()[2].rstrip(";")
                os.kill(int(worker), signal.SIGKILL)
            output = wait.wait_run(run.run_id, run.session_id, wait=WAIT)
            assert (output.status, "has ended" in str(output.reason)) == ("ERROR", True)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()
