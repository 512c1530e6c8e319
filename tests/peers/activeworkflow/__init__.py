"""ActiveWorkflow itself, as far as this machine has it, with workers that can be killed.

Two of them, which are told the same things:

* ``jobs``: a small one written for the tests, with the HTTP client of the real one. It takes
  Debian's ``ruby``, ``ruby-activesupport`` and ``ruby-faraday``.
* ``models``: the application's own models, jobs and workers, of a copy of its repository
  (https://github.com/automaticmode/active_workflow, tested with 0.9.17) that the environment
  variable ACTIVEWORKFLOW_CHECKOUT names. It takes PostgreSQL, and of Debian also ``ruby-rails``,
  ``ruby-pg``, ``ruby-delayed-job-active-record``, ``ruby-devise``, ``ruby-liquid``,
  ``ruby-kramdown``, ``ruby-jsonpath`` and ``ruby-rufus-scheduler``.
"""

import contextlib
import glob
import json
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

from tests.polling import eventually

__all__ = ["KINDS", "ActiveWorkflow", "missing"]

KINDS = ["jobs", "models"]

_HERE = Path(__file__).parent
_GEMS = {
    "jobs": ["active_support", "faraday"],
    "models": [
        "faraday", "rails", "pg", "delayed_job_active_record", "devise", "liquid", "kramdown",
        "jsonpath", "rufus-scheduler",
    ],
}  # fmt: skip

#: How long what the tests wait for may take, in seconds: Rails starts slowly on a busy machine.
PATIENCE = float(os.environ.get("PAT", "120"))


def missing(kind: str) -> Optional[str]:
    """What this machine lacks for that kind, or None."""
    ruby = shutil.which("ruby")
    if ruby is None:
        return "there is no ruby"
    requires = " ".join("-r" + gem for gem in _GEMS[kind])
    done = subprocess.run(
        [ruby, *requires.split(), "-e", ""], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    if done.returncode != 0:
        return "ruby lacks one of %s" % ", ".join(_GEMS[kind])
    if kind == "models":
        if not os.path.isdir(os.environ.get("ACTIVEWORKFLOW_CHECKOUT", "")):
            return "ACTIVEWORKFLOW_CHECKOUT names no copy of ActiveWorkflow's repository"
        if _postgres("initdb") is None:
            return "there is no PostgreSQL server"
    return None


class ActiveWorkflow:
    """One user's agents of one type, which all listen to one source, and workers that call them.

    A context manager: at its end all processes are killed and their files removed.
    """

    def __init__(self, kind: str, url: str, type: str) -> None:
        self._kind = kind
        self._type = type
        self._dead: List[str] = []
        self._workers: Dict[str, subprocess.Popen[str]] = {}
        self._count = 0
        self._ending = contextlib.ExitStack()
        self._directory = tempfile.mkdtemp(prefix="activeworkflow-")
        self._ending.callback(shutil.rmtree, self._directory, ignore_errors=True)
        self._environment = dict(os.environ, REMOTE_AGENT_URL=url)

    def __enter__(self) -> "ActiveWorkflow":
        with contextlib.ExitStack() as ending:
            ending.push(self.__exit__)
            if self._kind == "models":
                self._environment.update(self._ending.enter_context(_database(self._directory)))
            self._control = self._process("control", stdin=subprocess.PIPE)
            self._do("create")
            ending.pop_all()
        return self

    def __exit__(self, *exc_info: Any) -> None:
        while self._workers:
            self.kill(next(iter(self._workers)))
        control = getattr(self, "_control", None)
        if control is not None:
            _end(control)
        self._ending.close()

    # --- What users do

    def add_agent(self, **how: Any) -> int:
        """Make an agent with these ``options``, and this ``memory``; its number."""
        return int(self._do("agent", type=self._type, name="agent", **how))

    def emit(self, payloads: List[Dict[str, Any]]) -> None:
        """Have the source send messages, and jobs made of them."""
        self._do("emit", payloads=payloads)

    def check(self, agent: int) -> None:
        """Have the schedule of the agent call."""
        self._do("check", agent=agent)

    def agents(self) -> List[Dict[str, Any]]:
        """What there is of each: ``id``, ``memory``, ``messages``, ``logs`` and ``errors``."""
        agents: List[Dict[str, Any]] = self._state()["agents"]
        return agents

    # --- Workers

    def start(self) -> str:
        """Start a worker, and return its name once it works."""
        self._count += 1
        name = "worker-%d" % self._count
        worker = self._process("worker", name)
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
        self._workers[name] = worker
        return name

    def kill(self, name: str) -> None:
        """End a worker in the midst of what it does."""
        _end(self._workers.pop(name))
        self._dead.append(name)

    def hasten(self) -> None:
        """Let failed jobs be repeated at once, and those of workers that were killed."""
        self._do("hasten", dead=self._dead)

    @property
    def waiting(self) -> int:
        """How many jobs are still to be done."""
        return int(self._state()["waiting"])

    @property
    def given_up(self) -> int:
        return int(self._state()["given_up"])

    def work_off(self) -> None:
        """Return when there is nothing left to do."""
        eventually(lambda: self.waiting, lambda left: not left, PATIENCE, pause=0.05)

    # --- Processes

    def _process(self, *arguments: str, **how: Any) -> "subprocess.Popen[str]":
        place = self._directory
        if self._kind == "models":
            place = os.environ["ACTIVEWORKFLOW_CHECKOUT"]
        return subprocess.Popen(
            ["ruby", "-W0", str(_HERE / (self._kind + ".rb")), place, *arguments],
            env=self._environment,
            stdout=subprocess.PIPE,
            universal_newlines=True,
            **how,
        )

    def _do(self, what: str, **command: Any) -> Any:
        control = self._control
        assert control.stdin is not None and control.stdout is not None
        control.stdin.write(json.dumps(dict(command, do=what)) + "\n")
        control.stdin.flush()
        line = control.stdout.readline()
        assert line, "ActiveWorkflow failed: see its words above"
        return json.loads(line)

    def _state(self) -> Dict[str, Any]:
        state: Dict[str, Any] = self._do("state")
        return state


def _end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


# --- PostgreSQL


def _postgres(program: str) -> Optional[str]:
    """The newest of the programs of that name: Debian does not put them on the path."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/" + program))
    return shutil.which(program) or (found[-1] if found else None)


@contextlib.contextmanager
def _database(directory: str) -> Iterator[Dict[str, str]]:
    """A server of its own with one empty database; the environment that leads to it."""
    data = os.path.join(directory, "data")
    os.mkdir(data)
    how: Dict[str, Any] = {}
    if os.geteuid() == 0:  # which PostgreSQL refuses to be run as
        names = {entry.pw_name for entry in pwd.getpwall()}
        owner = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
        for path in (directory, data):
            os.chown(path, owner.pw_uid, owner.pw_gid)
        how["preexec_fn"] = lambda: (os.setgid(owner.pw_gid), os.setuid(owner.pw_uid))
    initdb, postgres = str(_postgres("initdb")), str(_postgres("postgres"))
    quiet: Dict[str, Any] = dict(how, stdout=subprocess.DEVNULL, cwd="/")
    subprocess.run([initdb, "-D", data, "-A", "trust", "-U", "test", "-N"], check=True, **quiet)
    with open(os.path.join(directory, "log"), "wb") as log:
        server = subprocess.Popen(
            [postgres, "-D", data, "-k", directory, "-h", "", "-F"], stderr=log, **quiet
        )
    environment = {"PGHOST": directory, "PGUSER": "test", "PGDATABASE": "postgres"}
    try:
        deadline = time.monotonic() + PATIENCE
        while not os.path.exists(os.path.join(directory, ".s.PGSQL.5432")):
            assert server.poll() is None, Path(directory, "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield environment
    finally:
        server.kill()
        server.wait()
