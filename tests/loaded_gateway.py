"""A gateway process under load, before a replay server: what it holds, and whether all arrives."""

import json
import os
import re
import resource
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, List, NamedTuple

from benchmarks.recorded import WORD
from remoteagent_lite import RemoteAgent
from tests import ROOT

__all__ = ["Held", "LoadedGateway", "Streams"]

#: Events per second and seconds of a slow stream.
RATE, SECONDS = 1, 15
PACED = "paced-%d-%d" % (RATE, SECONDS)
_SENT = re.compile(rb'"content":"([0-9]+\.[0-9]{6})"')
_END = b'"event":"RunCompleted"'
#: How long all of the streams may take, in seconds.
_PATIENCE = 120.0


class Held(NamedTuple):
    """What a process holds; memory is resident, in MiB."""

    threads: int
    files: int
    memory: float


class Streams(NamedTuple):
    """What has come of many slow streams that were under way at once."""

    whole: int
    #: Of each event, in seconds, in order.
    delays: List[float]
    #: When all had begun.
    held: Held


class LoadedGateway:
    """``remoteagent gateway`` in a process of its own, and its upstream in another. Linux only."""

    def __init__(self, threads: int) -> None:
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        self._folder = tempfile.TemporaryDirectory()
        self._upstream = _process("benchmarks.replay", stdin=subprocess.PIPE)
        upstream = self._upstream.stdout.readline().strip()
        path = Path(self._folder.name, "gateway.json")
        agents = [{"url": upstream, "id": each} for each in ("short", PACED)]
        path.write_text(json.dumps({"threads": threads, "port": 0, "agents": agents}))
        self._gateway = _process("remoteagent_lite", "gateway", "--config", str(path))
        self.url = self._gateway.stdout.readline().split()[-1]

    def __enter__(self) -> "LoadedGateway":
        return self

    def __exit__(self, *exc_info: Any) -> None:
        for process in (self._gateway, self._upstream):
            process.kill()
            process.communicate()
        self._folder.cleanup()

    def held(self) -> Held:
        """What the gateway's process holds."""
        where = "/proc/%d/" % self._gateway.pid
        pages = int(Path(where + "statm").read_text().split()[1])
        memory = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
        return Held(len(os.listdir(where + "task")), len(os.listdir(where + "fd")), memory)

    def run(self, count: int, threads: int) -> int:
        """So many short runs; how many were answered as they should be."""

        def one(number: int) -> bool:
            return bool(agent.run("x").content == WORD)

        with RemoteAgent(self.url, "short") as agent, ThreadPoolExecutor(threads) as pool:
            return sum(pool.map(one, range(count)))

    def stream(self, count: int) -> Streams:
        """So many slow streams at once, read by one thread."""
        port = int(self.url.rpartition(":")[2])
        body = b"message=x&stream=true"
        # Of HTTP/1.0, whose answers have no framing.
        head = "POST /agents/%s/runs HTTP/1.0\r\nContent-Length: %d\r\n" % (PACED, len(body))
        head += "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
        heard: Dict[socket.socket, bytearray] = {}
        delays: List[float] = []
        counts: List[int] = []
        held = None
        with selectors.DefaultSelector() as selector:
            for _ in range(count):
                sock = socket.create_connection(("127.0.0.1", port), 30)
                sock.sendall(head.encode() + body)
                sock.setblocking(False)
                selector.register(sock, selectors.EVENT_READ, [0, False])
                heard[sock] = bytearray()
            deadline = time.monotonic() + _PATIENCE
            while heard and time.monotonic() < deadline:
                for key, _ in selector.select(1.0):
                    stream: Any = key.fileobj
                    data = stream.recv(65536)
                    now = time.time()
                    buffer = heard[stream]
                    buffer += data
                    end = buffer.rfind(b"\n\n") + 2
                    if end > 1:
                        frames = bytes(buffer[:end])
                        del buffer[:end]
                        sent = [float(each) for each in _SENT.findall(frames)]
                        delays += [now - each for each in sent]
                        key.data[0] += len(sent)
                        key.data[1] = key.data[1] or _END in frames
                    if not data:
                        counts.append(key.data[0] if key.data[1] else -1)
                        selector.unregister(stream)
                        stream.close()
                        del heard[stream]
                if held is None and len(delays) >= count * RATE * SECONDS // 2:
                    held = self.held()
            for stream in heard:
                stream.close()
        whole = sum(each == RATE * SECONDS for each in counts)
        return Streams(whole, sorted(delays), held or self.held())


def _process(*arguments: str, **options: Any) -> Any:
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=str(ROOT),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        universal_newlines=True,
        **options,
    )
