"""A real Redis, of the machine's, for tests: its own process, in a directory of its own."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Optional

__all__ = ["RedisServer", "missing"]


def missing() -> Optional[str]:
    """Why there is no Redis here; None if there is one."""
    if shutil.which("redis-server") is None:
        return "this machine has no redis-server (Debian's package of that name)"
    return None


class RedisServer:
    """Listens on a socket file, keeps nothing. A context manager; ``url`` is where."""

    def __init__(self, *options: str) -> None:
        self._options = options
        # Not pytest's directory: the path of a socket has to be short.
        self.directory = Path(tempfile.mkdtemp(prefix="redis"))
        self.url = "unix://%s" % (self.directory / "socket")
        self._process: Optional["subprocess.Popen[bytes]"] = None

    def start(self) -> None:
        command = ["redis-server", "--port", "0", "--unixsocket", str(self.directory / "socket")]
        command += ["--save", "", "--appendonly", "no", "--dir", str(self.directory)]
        self._process = subprocess.Popen(
            [*command, *self._options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        assert self._process.stdout is not None
        said = b""
        for line in self._process.stdout:
            said += line
            if b"ready to accept connections" in line.lower():
                return
        raise AssertionError("redis-server did not start: %s" % said.decode("utf-8", "replace"))

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()

    def __enter__(self) -> "RedisServer":
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
