"""Virtual environments for the peers: the real servers that our tests talk to.

A peer kind is a fully pinned file in ``requirements/``; ``agno-3.1.10.txt`` gives the environment
``agno-3.1.10``. Environments live in ``.peers/`` at the root of the project (or in the directory
named by ``REMOTEAGENT_PEERS``), are built on first use and are reused until their requirements
change. The peers need newer Pythons than we do, so an interpreter of their own is looked for; see
`find_python`.

``python -m tests.peers.environments [NAME...]`` builds the named environments, or all of them.
"""

import contextlib
import fcntl
import functools
import glob
import hashlib
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Iterator, List, Optional, Sequence, Tuple

__all__ = ["PeerEnvironmentError", "find_python", "is_ready", "main", "names", "python_of"]

#: The pinned packages support these Pythons (FastAPI's pin needs 3.11); newest first.
SUPPORTED_PYTHONS = ((3, 13), (3, 12), (3, 11))

_PROJECT = Path(__file__).resolve().parents[2]
_REQUIREMENTS = Path(__file__).resolve().parent / "requirements"
_MARKER = "complete"
_PROBE = "import ensurepip, sqlite3, ssl, sys, venv; print('%d.%d' % sys.version_info[:2])"


class PeerEnvironmentError(RuntimeError):
    """An environment could not be made; the message holds the end of the tool's output."""


def names() -> List[str]:
    """Every peer kind that has a requirements file, sorted."""
    return sorted(path.stem for path in _REQUIREMENTS.glob("*.txt"))


def is_ready(name: str) -> bool:
    """Whether the environment is built and matches its requirements; never builds."""
    return _is_complete(_root() / name, _fingerprint(name))


def python_of(name: str) -> str:
    """Path of the interpreter of environment `name`, which is built first when needed.

    Safe to call from several processes and threads at once: one builds, the others wait.
    """
    fingerprint = _fingerprint(name)
    directory = _root() / name
    if not _is_complete(directory, fingerprint):
        directory.parent.mkdir(parents=True, exist_ok=True)
        with _locked(directory.parent / (name + ".lock")):
            if not _is_complete(directory, fingerprint):
                _build(name, directory, fingerprint)
    return str(_interpreter(directory))


@functools.lru_cache(maxsize=None)
def find_python() -> str:
    """The interpreter that the environments are made with.

    ``PEER_PYTHON`` decides when it is set. Otherwise the running interpreter is taken when it is
    supported, else the newest supported one on ``PATH``, else the newest one installed by pyenv.
    """
    chosen = os.environ.get("PEER_PYTHON")
    if chosen:
        if _version_of(chosen) is None:
            raise PeerEnvironmentError("PEER_PYTHON=%s is not a working Python" % chosen)
        return chosen
    for candidate in _candidates():
        if _version_of(candidate) in SUPPORTED_PYTHONS:
            return candidate
    wanted = ", ".join("%d.%d" % version for version in SUPPORTED_PYTHONS)
    raise PeerEnvironmentError(
        "no Python for the peers was found (one of %s); set PEER_PYTHON to one" % wanted
    )


def _candidates() -> Iterator[str]:
    if sys.version_info[:2] in SUPPORTED_PYTHONS:
        yield sys.executable
    for version in SUPPORTED_PYTHONS:
        found = shutil.which("python%d.%d" % version)
        if found:
            yield found
    for version in SUPPORTED_PYTHONS:
        pattern = os.path.expanduser("~/.pyenv/versions/%d.%d*/bin/python" % version)
        for found in sorted(glob.glob(pattern)):
            yield found


def _version_of(python: str) -> Optional[Tuple[int, int]]:
    """Its version, or None when it does not run or lacks a module that the peers need."""
    try:
        answer = subprocess.run(
            [python, "-c", _PROBE],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=60,
            check=True,
        )
        major, minor = answer.stdout.decode("ascii").strip().split(".")
        return int(major), int(minor)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def _root() -> Path:
    return Path(os.environ.get("REMOTEAGENT_PEERS") or _PROJECT / ".peers").resolve()


def _requirements(name: str) -> Path:
    path = _REQUIREMENTS / (name + ".txt")
    if not path.is_file():
        raise PeerEnvironmentError("no peer %r; there are %s" % (name, ", ".join(names())))
    return path


def _fingerprint(name: str) -> str:
    digest = hashlib.sha256()
    for line in _requirements(name).read_bytes().splitlines(keepends=True):
        digest.update(line)
        if line.startswith(b"-r "):  # a kind that adds to another
            digest.update(_fingerprint(Path(line[3:].decode("ascii").strip()).stem).encode("ascii"))
    return digest.hexdigest()


def _interpreter(directory: Path) -> Path:
    return directory / "bin" / "python"


def _is_complete(directory: Path, fingerprint: str) -> bool:
    try:
        marker = (directory / _MARKER).read_text(encoding="ascii")
    except OSError:
        return False
    # exists() follows the link: an environment whose base interpreter is gone is rebuilt.
    return marker == fingerprint and _interpreter(directory).exists()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock file. The kernel releases it when the process dies, however it dies."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _build(name: str, directory: Path, fingerprint: str) -> None:
    if directory.exists():
        shutil.rmtree(str(directory))
    _run(name, [find_python(), "-m", "venv", str(directory)])
    pip = [str(_interpreter(directory)), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    _run(name, [*pip, "install", "--only-binary", ":all:", "-r", str(_requirements(name))])
    (directory / _MARKER).write_text(fingerprint, encoding="ascii")


def _run(name: str, command: Sequence[str]) -> None:
    finished = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        # A PYTHONPATH or PYTHONHOME of ours must not reach another Python version.
        env={key: value for key, value in os.environ.items() if not key.startswith("PYTHON")},
        check=False,
    )
    if finished.returncode:
        output = finished.stdout.decode("utf-8", "replace").splitlines()[-40:]
        raise PeerEnvironmentError(
            "building the environment %s failed: %s\n%s"
            % (name, " ".join(command), "\n".join(output))
        )


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Build the named environments (default: all), two at a time. Returns the exit code."""
    chosen = list(sys.argv[1:] if arguments is None else arguments) or names()

    def build(name: str) -> bool:
        started = time.monotonic()
        try:
            ready = is_ready(name)
            python = python_of(name)
        except PeerEnvironmentError as error:
            print("%-17s FAILED\n%s" % (name, error), file=sys.stderr, flush=True)
            return False
        elapsed = time.monotonic() - started
        state = "ready" if ready else "built"
        print("%-17s %s in %.1f s  %s" % (name, state, elapsed, python), flush=True)
        return True

    with ThreadPoolExecutor(max_workers=2) as pool:
        return 0 if all(list(pool.map(build, chosen))) else 1


if __name__ == "__main__":
    sys.exit(main())
