"""Runs the suite under the oldest and the newest supported Python that this machine has.

The oldest runs twice: with the newest releases of the dependencies that it can have, and, for what
touches them, with the oldest that ``setup.cfg`` allows. Arguments are handed on to pytest. A Python
that is missing is said to be, and the rest is run. What a part prints comes when it has ended.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Dict, List, Optional, Tuple

ROOT = Path(__file__).resolve().parent.parent
SUPPORTED = ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13"]
#: What setup.cfg allows at the least, and the urllib3 of that time.
OLDEST_DEPENDENCIES = [
    "requests==2.26.0",
    "urllib3==1.26.20",
    "sseclient-py==1.7.2",
    "redis==4.5.4",
]
TOUCHING_DEPENDENCIES = ["tests/unit", "tests/live/test_agentos.py", "tests/live/test_media.py"]
#: Each is a process of its own. The live ones come first: they take longest, mostly by waiting.
PARTS = [["tests/live"], ["tests/unit"]]
#: Parts that run side by side, on however few cores.
SIDE_BY_SIDE = 4

#: Tests of the servers that our tests talk to: once is enough.
ABOUT_PEERS = ["tests/live/test_peers.py", "tests/live/test_a2a_peers.py"]


def find(version: str) -> Optional[str]:
    """An interpreter of that version: this one, on PATH, or installed by pyenv."""
    if "%d.%d" % sys.version_info[:2] == version:
        return sys.executable
    candidates = [shutil.which("python" + version)]
    pyenv = Path(os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv"))) / "versions"
    candidates += [str(path) for path in sorted(pyenv.glob(version + ".*/bin/python"))]
    for candidate in candidates:
        if candidate and works(candidate, version):
            return candidate
    return None


def works(python: str, version: str) -> bool:
    script = "import venv, sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([python, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.returncode == 0 and done.stdout.decode().strip() == version


def environment(name: str, python: str, extra: List[str]) -> str:
    """The interpreter of a virtual environment with this package and what its tests need."""
    directory = ROOT / (".venv-" + name)
    inside = directory / "bin" / "python"
    recipe = hashlib.sha256((ROOT / "setup.cfg").read_bytes() + repr(extra).encode()).hexdigest()
    stamp = directory / "recipe"
    if not (stamp.exists() and stamp.read_text() == recipe):
        shutil.rmtree(directory, ignore_errors=True)
        subprocess.run([python, "-m", "venv", str(directory)], check=True)
        install = [str(inside), "-m", "pip", "install", "--quiet"]
        subprocess.run([*install, "--upgrade", "pip"], check=True, cwd=str(ROOT))
        subprocess.run([*install, "--editable", ".[test]", *extra], check=True, cwd=str(ROOT))
        stamp.write_text(recipe)
    return str(inside)


def main(arguments: List[str]) -> int:
    found: Dict[str, str] = {}
    for version in SUPPORTED:
        python = find(version)
        if python is not None:
            found[version] = python
    if SUPPORTED[0] not in found:
        print("Python %s is not on this machine; the oldest that is will do" % SUPPORTED[0])
    if not found:
        print("No supported Python found", file=sys.stderr)
        return 2
    oldest, newest = min(found, key=SUPPORTED.index), max(found, key=SUPPORTED.index)
    runs: Dict[str, List[str]] = {newest: [], oldest: [], oldest + "-oldest": OLDEST_DEPENDENCIES}

    interpreters = {
        name: environment(name, found[name.partition("-")[0]], extra)
        for name, extra in runs.items()
    }

    def run(task: Tuple[str, List[str]]) -> bool:
        name, chosen = task
        if name == oldest != newest:
            chosen = [*chosen, *("--ignore=" + path for path in ABOUT_PEERS)]
        inside = interpreters[name]
        version = subprocess.check_output([inside, "-VV"]).decode().strip()
        began = time.monotonic()
        done = subprocess.run(
            [inside, "-m", "pytest", *chosen],
            cwd=str(ROOT),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        took = "%.0f s, exit status %d" % (time.monotonic() - began, done.returncode)
        print("\n=== %s: %s: %s, %s" % (name, " ".join(version.split()), " ".join(chosen), took))
        print(done.stdout.decode("utf-8", "replace"))
        sys.stdout.flush()
        return done.returncode == 0

    def parts(name: str) -> List[List[str]]:
        if arguments:
            return [arguments]
        return [TOUCHING_DEPENDENCIES] if runs[name] else PARTS

    tasks = [(name, part) for name in runs for part in parts(name)]
    tasks.sort(key=lambda task: task[1] != PARTS[0])
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        passed = list(pool.map(run, tasks))
    failed = ["%s %s" % (name, " ".join(part)) for (name, part), ok in zip(tasks, passed) if not ok]
    result = "failed: %s" % ", ".join(failed) if failed else "passed"
    print("\nUnder %s: %s" % (", ".join(runs), result))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
