"""The gateway of the examples on the servers that they are for, as far as they are here."""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import sysconfig
import threading
import time
from pathlib import Path
from typing import Any, Callable, ContextManager, Dict, Iterator, List

import pytest

from remoteagent_lite import RemoteAgent
from tests import FIXTURES, ROOT
from tests.peers.faults import PATIENCE, Connection, Handler, Request, reply
from tests.peers.one_run import WHOLE, OneRun, control, found, numbered, told

EXAMPLES = ROOT / "examples" / "gateway"
PEM = str(FIXTURES / "localhost.pem")
KEY = "the-gateways-key"
AT = re.compile(r"127\.0\.0\.1:([0-9]+)")
PYTHON = "%d.%d" % sys.version_info[:2]


class Upstream(OneRun):
    """An AgentOS whose run is what its input says. `go_on` lets slow ones go on."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.left = threading.Event()
        slow = told(0, 1, 2, self.go_on, *range(3, 8))
        self.runs: Dict[str, Handler] = {
            "whole": found(content=WHOLE),
            "slow": slow,
            "endless": self._endless,
        }
        rest = told(control("replay", status="COMPLETED", total_buffered=8), *range(3, 8))
        super().__init__(self._run, rest, get=[found()], cancel=[reply("{}")])

    def _run(self, connection: Connection, request: Request) -> None:
        assert request.headers["authorization"] == "Bearer the-servers-key"
        self.runs[request.form["message"][0]](connection, request)

    def _endless(self, connection: Connection, request: Request) -> None:
        """Goes on until the connection is closed at its other end."""
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        try:
            while True:
                connection.send(numbered(2))
        except OSError:
            self.left.set()
            raise


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as server:
        yield server


@pytest.fixture
def begin(upstream: Upstream, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Starts a server in the folder of the examples; gives its process and port."""
    with contextlib.ExitStack() as stack:

        def begin(*command: str) -> Any:
            environment = {
                **os.environ,
                "GATEWAY_KEY": KEY,
                "AGENTOS_URL": upstream.url,
                "AGENTOS_KEY": "the-servers-key",
                "A2A_URL": "http://a2a.invalid",
                "PYTHONPATH": os.pathsep.join(
                    [str(ROOT), sysconfig.get_paths()["purelib"], str(tmp_path)]
                ),
                "PYTHONDONTWRITEBYTECODE": "1",
                "HOME": str(tmp_path),
                "DJANGO_SETTINGS_MODULE": "site_settings",
            }
            process = subprocess.Popen(
                command,
                cwd=str(EXAMPLES),
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            stack.callback(_end, process)
            assert process.stdout is not None
            told = []
            for line in process.stdout:
                told.append(line.decode())
                at = AT.search(told[-1])
                if at is not None:
                    return process, int(at.group(1))
            raise AssertionError("it does not listen: " + "".join(told))

        yield begin


def _end(process: Any) -> None:
    os.killpg(process.pid, signal.SIGKILL)  # its workers with it
    process.wait()
    process.stdout.close()


def gunicorn(begin: Callable[..., Any], application: str, *options: str) -> Any:
    command = [sys.executable, "-m", "gunicorn", "--worker-class", "gthread", "--threads", "8"]
    return begin(*command, "--bind", "127.0.0.1:0", *options, application)


def waitress(begin: Callable[..., Any], application: str) -> Any:
    return begin(
        *(sys.executable, "-m", "waitress", "--threads", "8", "--listen", "127.0.0.1:0"),
        application,
    )


def uwsgi(begin: Callable[..., Any], application: str, folder: Path) -> Any:
    path = needed("uwsgi")
    version = subprocess.check_output([path, "--python-version"]).decode().strip()
    if version.rpartition(".")[0] != PYTHON:
        pytest.skip("uwsgi has Python %s, and this is %s" % (version, PYTHON))
    config = changed(folder, "uwsgi.ini", {"127.0.0.1:8000": "127.0.0.1:0", "app:app": application})
    return begin(path, "--ini", str(config))


def needed(command: str) -> str:
    path = shutil.which(command)
    if path is None:
        pytest.skip("there is no %s here" % command)
    return path


def changed(folder: Path, name: str, changes: Dict[str, str]) -> Path:
    """A file of the examples, with what differs between here and where it is deployed."""
    text = (EXAMPLES / "deploy" / name).read_text()
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    (folder / name).write_text(text)
    return folder / name


def asked(url: str, **options: Any) -> ContextManager[RemoteAgent]:
    return RemoteAgent(url, "my-agent", auth_token=KEY, **options)


def check(upstream: Upstream, url: str, **options: Any) -> None:
    """A run is answered, a stream comes as it is told, and who leaves is noticed."""
    with asked(url, **options) as agent:
        assert agent.run("whole").content == WHOLE
        with agent.run("slow", stream=True) as run:
            assert next(run).event == "RunStarted"
            upstream.go_on.set()  # it has been passed on before there is more
            assert run.output().content == WHOLE
        with agent.run("endless", stream=True) as run:
            assert next(run).content == "one "
        assert upstream.left.wait(PATIENCE)


@pytest.mark.parametrize(
    ("server", "application", "mount"),
    [
        (gunicorn, "app:app", ""),
        (waitress, "app:app", ""),
        (gunicorn, "flask_app:app", "/agents"),
        (waitress, "django_wsgi:application", "/agents"),
    ],
)
def test_the_gateway_is_served(
    upstream: Upstream, begin: Any, tmp_path: Path, server: Any, application: str, mount: str
) -> None:
    (tmp_path / "site_settings.py").write_text("SECRET_KEY = '-'\nROOT_URLCONF = 'none'\n")
    _, port = server(begin, application)
    check(upstream, "http://127.0.0.1:%d%s" % (port, mount))


def test_the_gateway_is_served_by_uwsgi(upstream: Upstream, begin: Any, tmp_path: Path) -> None:
    _, port = uwsgi(begin, "app:app", tmp_path)
    check(upstream, "http://127.0.0.1:%d" % port)


def test_nginx_before_it_holds_nothing_back(upstream: Upstream, begin: Any, tmp_path: Path) -> None:
    path = needed("nginx")
    _, behind = gunicorn(begin, "app:app")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    site = changed(
        tmp_path,
        "nginx.conf",
        {
            "127.0.0.1:8000": "127.0.0.1:%d" % behind,
            "listen 443 ssl": "listen 127.0.0.1:%d ssl" % port,
            "/etc/ssl/agents.pem": PEM,
            "/etc/ssl/agents.key": PEM,
        },
    )
    whole = tmp_path / "whole.conf"
    temporary = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join("%s_temp_path %s/%s;\n" % (each, tmp_path, each) for each in temporary)
    whole.write_text(
        "daemon off;\nmaster_process off;\npid %s/pid;\nerror_log stderr notice;\n"
        "events {}\nhttp {\naccess_log off;\n%sinclude %s;\n}\n" % (tmp_path, paths, site)
    )
    nginx = subprocess.Popen([path, "-p", str(tmp_path), "-c", str(whole)])
    try:
        deadline = time.monotonic() + PATIENCE
        while not listens(port):
            assert nginx.poll() is None
            assert time.monotonic() < deadline
        url = "https://localhost:%d" % port
        check(upstream, url, verify=PEM)
        card = fetched(port, "/a2a/agents/my-agent/.well-known/agent-card.json")
        assert card["url"] == url + "/a2a/agents/my-agent"
    finally:
        nginx.kill()
        nginx.wait()


def listens(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def fetched(port: int, path: str) -> Any:
    context = ssl.create_default_context(cafile=PEM)
    connection = http.client.HTTPSConnection("localhost", port, context=context, timeout=20)
    try:
        claims = {"X-Forwarded-Host": "evil.invalid", "Forwarded": "host=evil.invalid"}
        connection.request("GET", path, headers=claims)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="it looks into Linux's /proc")
def test_of_two_processes_one_is_killed_and_who_resumes_loses_nothing(
    upstream: Upstream, begin: Any
) -> None:
    served, port = gunicorn(begin, "app:app", "--workers", "2")
    with asked("http://127.0.0.1:%d" % port) as agent, contextlib.ExitStack() as stack:
        runs = [
            stack.enter_context(agent.run("slow", stream=True, background=True)) for _ in range(5)
        ]
        events = [[next(run)] for run in runs]
        worker = max(workers(served.pid), key=sockets)  # which has most of the streams
        os.kill(worker, signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE
        while sockets(worker):
            assert time.monotonic() < deadline
        upstream.go_on.set()
        for run, told in zip(runs, events):
            told.extend(run)
            assert [each.event_index for each in told] == list(range(8))
            assert run.output().content == WHOLE
        assert upstream.called.count("run") == 5
        assert upstream.called.count("resume") >= 3


def workers(pid: int) -> List[int]:
    """The two processes that serve, once both have been begun."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = Path("/proc/%d/task/%d/children" % (pid, pid)).read_text().split()
        if len(found) == 2:
            return [int(each) for each in found]
        assert time.monotonic() < deadline


def sockets(pid: int) -> int:
    """How many it has open; none if it has ended."""
    count = 0
    with contextlib.suppress(OSError):
        for each in os.listdir("/proc/%d/fd" % pid):
            with contextlib.suppress(OSError):
                count += os.readlink("/proc/%d/fd/%s" % (pid, each)).startswith("socket:")
    return count


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    path = needed("systemd-analyze")
    remoteagent = os.path.join(sys.prefix, "bin", "remoteagent")
    if not os.access(remoteagent, os.X_OK):
        pytest.skip("there is no %s" % remoteagent)
    unit = changed(tmp_path, "gateway.service", {"/srv/gateway/venv": sys.prefix})
    done = subprocess.run(
        [path, "verify", "--man=no", str(unit)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert (done.returncode, done.stdout) == (0, b"")
