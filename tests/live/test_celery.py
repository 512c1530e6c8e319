"""The guide's Celery task in real workers that are killed while its run is under way.

The broker is a folder (kombu's filesystem transport), so that nothing has to be installed. It keeps
what it has delivered, and does not notice that a worker is gone: the test puts the message back, as
a broker does whose client has vanished.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest
import requests

from tests import ROOT
from tests.peers.server import AGENTOS_LATEST, PeerServer

pytest.importorskip("celery")

#: How long anything may take, in seconds.
PATIENCE = 40.0

SETTINGS = """
import os
from celery.signals import task_prerun

FOLDER = os.path.dirname(os.path.abspath(__file__))
app.conf.update(
    broker_url="filesystem://",
    broker_transport_options={
        "data_folder_in": FOLDER + "/queue",
        "data_folder_out": FOLDER + "/queue",
        "processed_folder": FOLDER + "/delivered",
        "control_folder": FOLDER + "/control",
        "store_processed": True,
        "polling_interval": 0.1,
    },
    result_backend="file://" + FOLDER + "/results",
    worker_prefetch_multiplier=1,
    worker_lost_wait=0.1,
    worker_hijack_root_logger=False,
)

@task_prerun.connect
def note(task_id, **_):
    with open(FOLDER + "/begun", "a") as file:
        file.write("%s %d\\n" % (task_id, os.getpid()))
"""


class Queue:
    """The guide's task, its workers, and what has happened."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self._workers: List[Any] = []
        guide = (ROOT / "docs" / "guide.md").read_text("utf-8")
        (code,) = [
            each for each in re.findall(r"```python\n(.*?)```", guide, re.S) if "Celery" in each
        ]
        assert "http://localhost:7777" in code
        (folder / "tasks.py").write_text(code.replace("http://localhost:7777", url) + SETTINGS)
        for name in ("queue", "delivered", "control", "results"):
            (folder / name).mkdir()
        namespace = {"__file__": str(folder / "tasks.py"), "__name__": "tasks"}
        exec((folder / "tasks.py").read_text(), namespace)
        self.task: Any = namespace["answer"]

    def work(self) -> "subprocess.Popen[bytes]":
        """Start a worker: one process that takes messages, and one that does the tasks."""
        command = [sys.executable, "-m", "celery", "--app", "tasks", "worker", "--concurrency", "1"]
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        log = open(self.folder / "log", "ab")  # noqa: SIM115
        with log:
            worker = subprocess.Popen(
                [*command, *quiet, "--loglevel", "INFO"],
                cwd=str(self.folder),
                env=dict(os.environ, PYTHONPATH="%s:%s" % (self.folder, ROOT), C_FORCE_ROOT="1"),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._workers.append(worker)
        return worker

    def begun(self, task_id: str) -> List[int]:
        """The processes in which the task has begun, in order."""
        try:
            lines = (self.folder / "begun").read_text().splitlines()
        except FileNotFoundError:
            return []
        return [int(line.split()[1]) for line in lines if line.startswith(task_id)]

    def executions(self, text: str) -> int:
        counts = requests.get(self.url + "/executions", timeout=10).json()
        return int(counts.get(text, 0))

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                log = self.folder / "log"
                raise AssertionError("in vain; " + (log.read_text() if log.exists() else "no log"))
            time.sleep(0.02)

    def deliver_again(self) -> None:
        """What was delivered and not acknowledged goes back into the queue."""
        for path in (self.folder / "delivered").iterdir():
            shutil.move(str(path), str(self.folder / "queue" / path.name))

    def close(self) -> None:
        for worker in self._workers:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    with PeerServer(AGENTOS_LATEST, a2a=True) as server:
        queue = Queue(tmp_path, server.url)
        yield queue
        queue.close()


def test_a_task_that_is_delivered_again_runs_its_agent_once(queue: Queue) -> None:
    worker = queue.work()

    # The process that does the task is killed: the worker sees it, and takes the task again.
    text = "silent:2 " + uuid.uuid4().hex
    sent = queue.task.delay(text)
    queue.until(lambda: queue.executions(text) == 1)
    (process,) = queue.begun(sent.id)
    os.kill(process, signal.SIGKILL)
    queue.until(sent.ready)
    assert sent.get() == "echo: " + text.partition(" ")[2]
    assert len(queue.begun(sent.id)) == 2
    assert queue.executions(text) == 1

    # The whole worker is killed: another one gets the task.
    for path in (queue.folder / "delivered").iterdir():
        path.unlink()  # acknowledged long ago
    text = "silent:2 " + uuid.uuid4().hex
    sent = queue.task.delay(text)
    queue.until(lambda: queue.executions(text) == 1)
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    queue.deliver_again()
    queue.work()
    queue.until(sent.ready)
    assert sent.get() == "echo: " + text.partition(" ")[2]
    assert len(queue.begun(sent.id)) == 2
    assert queue.executions(text) == 1
