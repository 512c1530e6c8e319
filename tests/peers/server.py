"""`PeerServer`: one real server in a process of its own. Standard library only."""

import atexit
import http.client
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import BinaryIO, Dict, Mapping, Optional

from .environments import python_of

__all__ = [
    "A2A_SDK",
    "A2A_SDK_03",
    "A2A_SDK_03_SIGNING",
    "A2A_SDK_SIGNING",
    "ADK",
    "AGENTOS_LATEST",
    "AGENTOS_VERSIONS",
    "PeerServer",
    "PeerStartError",
]

#: The AgentOS peers, the newest first.
AGENTOS_VERSIONS = ("agno-3.1.10", "agno-2.9.0", "agno-2.3.20")
AGENTOS_LATEST = AGENTOS_VERSIONS[0]

#: The A2A peers: the SDK of protocol 1.0 (with 0.3 beside it), that of 0.3, and Google's ADK.
A2A_SDK = "a2a-sdk-1.3.0"
A2A_SDK_03 = "a2a-sdk-0.3.26"
ADK = "google-adk-2.13.0"
#: The SDKs with the package that they sign cards with.
A2A_SDK_SIGNING = A2A_SDK + "-signing"
A2A_SDK_03_SIGNING = A2A_SDK_03 + "-signing"

#: The script that serves a kind, and a path that answers 200 once it is up.
_CARD = "/.well-known/agent-card.json"
_SERVED = {
    A2A_SDK: ("a2a_sdk.py", _CARD),
    A2A_SDK_SIGNING: ("a2a_sdk.py", _CARD),
    A2A_SDK_03: ("a2a_sdk_03.py", _CARD),
    ADK: ("adk.py", _CARD),
}
_AGENTOS_SERVED = ("agentos.py", "/health")

_HERE = Path(__file__).resolve().parent
_LAUNCHER = _HERE / "launch.py"


class PeerStartError(RuntimeError):
    """The server did not come up; the message ends with the tail of its log."""


class PeerServer:
    """A server of kind `name`, such as ``"agno-3.1.10"``, running from `start` to `close`.

    As a context manager it starts and closes itself. The server listens on a free loopback port,
    which it keeps over `restart`, as it keeps its databases. It never outlives this process.
    Building a missing environment may take a minute; see `environments`.

    `security_key` and `jwt_key` (HS256, at least 32 characters) protect the server, `databases`
    is 1 or 2, `a2a` mounts the A2A interface, `tracing` records traces, `os_db` gives the server a
    database of its own: approvals and schedules need it. These are for AgentOS; the other peers
    read their settings from `env`, which adds to the environment of the process. `script` is the
    file whose ``create_app()`` is served and `ready_path` a path that answers 200 once the server
    is up, where they are not those of the kind.
    """

    def __init__(
        self,
        name: str = AGENTOS_LATEST,
        security_key: Optional[str] = None,
        databases: int = 1,
        a2a: bool = False,
        tracing: bool = False,
        os_db: bool = False,
        jwt_key: Optional[str] = None,
        script: Optional[Path] = None,
        ready_path: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
        start_timeout: float = 90.0,
    ) -> None:
        self.name = name
        self.security_key = security_key
        self.databases = databases
        self.a2a = a2a
        self.tracing = tracing
        self.os_db = os_db
        self.jwt_key = jwt_key
        self.host = "127.0.0.1"
        self.port = 0
        self.directory: Optional[Path] = None
        usual_script, usual_path = _SERVED.get(name, _AGENTOS_SERVED)
        self._script = Path(script or _HERE / usual_script)
        self._ready_path = ready_path or usual_path
        self._env = dict(env or {})
        self._start_timeout = start_timeout
        self._process: Optional["subprocess.Popen[bytes]"] = None
        self._reservation: Optional[socket.socket] = None
        self._owner = os.getpid()

    def __repr__(self) -> str:
        state = "pid %d" % self._process.pid if self._process else "not running"
        return "<PeerServer %s on port %d, %s>" % (self.name, self.port, state)

    def __enter__(self) -> "PeerServer":
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The server's base URL, without a slash at the end."""
        return "http://%s:%d" % (self.host, self.port)

    @property
    def pid(self) -> Optional[int]:
        """The process id of the server, None while it is not running."""
        return self._process.pid if self._process else None

    def start(self) -> "PeerServer":
        """Start the process and return once the server answers; raises `PeerStartError`."""
        if self._process is not None:
            raise RuntimeError("%r is already running" % self)
        python = python_of(self.name)
        if self.directory is None:
            self.directory = Path(tempfile.mkdtemp(prefix="peer-"))
            atexit.register(self.close)
        listener = self._listen()
        try:
            with self._log_path().open("ab") as log:
                self._process = self._spawn(python, listener, log)
        finally:
            # The process holds the socket from here on; while it is dead, connections are refused.
            listener.close()
        try:
            self._wait_until_ready()
        except BaseException:
            self.close()
            raise
        return self

    def kill(self) -> None:
        """End the server at once (SIGKILL); clients see their connections break."""
        self._stop(signal.SIGKILL)

    def terminate(self, timeout: float = 10.0) -> None:
        """End the server in good order (SIGTERM), or by force when it takes longer."""
        self._stop(signal.SIGTERM, timeout)

    def restart(self) -> "PeerServer":
        """Start again on the same port with the same databases; kills what still runs."""
        self.kill()
        return self.start()

    def log(self) -> str:
        """What the server wrote to stdout and stderr, over all its starts."""
        try:
            return self._log_path().read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def close(self) -> None:
        """Kill the server and delete its directory. May be called twice; no-op after a fork."""
        if os.getpid() != self._owner:
            return
        self.kill()
        if self._reservation is not None:
            self._reservation.close()
            self._reservation = None
        if self.directory is not None:
            shutil.rmtree(str(self.directory), ignore_errors=True)
            self.directory = None
        atexit.unregister(self.close)

    def _log_path(self) -> Path:
        if self.directory is None:
            raise OSError("closed")
        return self.directory / "peer.log"

    def _listen(self) -> socket.socket:
        """A listening socket. Its port stays ours until `close`, also while no server runs.

        A bound socket that never listens reserves the port: the kernel gives it to nobody else,
        and refuses connections to it.
        """
        if self._reservation is None:
            self._reservation = self._bind(0)
            self.port = self._reservation.getsockname()[1]
        listener = self._bind(self.port)
        listener.listen(128)
        return listener

    def _bind(self, port: int) -> socket.socket:
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((self.host, port))
        except BaseException:
            bound.close()
            raise
        return bound

    def _spawn(
        self, python: str, listener: socket.socket, log: BinaryIO
    ) -> "subprocess.Popen[bytes]":
        fd = listener.fileno()
        return subprocess.Popen(
            # -P keeps our directory off the peer's import path.
            [python, "-P", str(_LAUNCHER), str(self._script), "--fd", str(fd)],
            stdin=subprocess.PIPE,  # closes when this process ends: the peer's signal to go
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=(fd,),
            start_new_session=True,
            cwd=str(self.directory),
            env=self._environment(),
        )

    def _environment(self) -> Dict[str, str]:
        dropped = ("PYTHON", "VIRTUAL_ENV", "AGNO_", "OPENAI_", "OTEL_", "OS_SECURITY_KEY")
        environment = {
            key: value for key, value in os.environ.items() if not key.startswith(dropped)
        }
        environment.update(
            PYTHONUNBUFFERED="1",
            AGNO_TELEMETRY="false",
            PEER_DIRECTORY=str(self.directory),
            PEER_DATABASES=str(self.databases),
            PEER_A2A="1" if self.a2a else "0",
            PEER_TRACING="1" if self.tracing else "0",
            PEER_OS_DB="1" if self.os_db else "0",
            PEER_URL=self.url,
            PEER_JWT_KEY=self.jwt_key or "",
        )
        if self.security_key is not None:
            environment["OS_SECURITY_KEY"] = self.security_key
        environment.update(self._env)
        return environment

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + self._start_timeout
        problem = "no answer in %.0f s" % self._start_timeout
        while time.monotonic() < deadline:
            status = self._status_when_ready()
            if status == 200:
                return
            if status is not None:
                problem = "GET %s answered %d" % (self._ready_path, status)
                break
            if self._process.poll() is not None:
                problem = "exit code %d" % self._process.returncode
                break
            time.sleep(0.05)
        tail = "\n".join(self.log().splitlines()[-40:])
        raise PeerStartError("%s did not start: %s\n%s" % (self.name, problem, tail))

    def _status_when_ready(self) -> Optional[int]:
        """The server's answer, or None as long as there is none.

        The socket listens from the beginning, so the request waits in its queue for the server.
        """
        connection = http.client.HTTPConnection(self.host, self.port, timeout=2.0)
        try:
            connection.request("GET", self._ready_path)
            response = connection.getresponse()
            response.read()
            return response.status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def _stop(self, number: int, timeout: Optional[float] = None) -> None:
        process = self._process
        if process is None or os.getpid() != self._owner:
            return
        self._signal(process, number)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._signal(process, signal.SIGKILL)
            process.wait()
        self._process = None
        if process.stdin is not None:
            process.stdin.close()

    @staticmethod
    def _signal(process: "subprocess.Popen[bytes]", number: int) -> None:
        if process.poll() is None:  # not reaped yet, so its id is still its own
            os.killpg(process.pid, number)
