"""Builds sdist and wheel, and fails unless they hold what they should and nothing else."""

import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Set

ROOT = Path(__file__).resolve().parent.parent


def tracked() -> Set[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "remoteagent_lite"],
        cwd=str(ROOT),
        check=True,
        stdout=subprocess.PIPE,
    )
    return {name for name in listed.stdout.decode().split("\n") if name}


def build(directory: str) -> None:
    command = [sys.executable, "-m", "build", "--outdir", directory, str(ROOT)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def check(what: str, found: Set[str], wanted: Set[str]) -> None:
    if found != wanted:
        raise SystemExit(
            "%s: missing %s, not wanted %s" % (what, sorted(wanted - found), sorted(found - wanted))
        )
    print("%s holds its %d files" % (what, len(found)))


def main() -> None:
    package = tracked()
    with tempfile.TemporaryDirectory() as directory:
        build(directory)
        (wheel,) = Path(directory).glob("*.whl")
        with zipfile.ZipFile(str(wheel)) as archive:
            names = set(archive.namelist())
        inside = {name for name in names if ".dist-info/" not in name}
        check(wheel.name, inside, package)
        if not any(name.endswith("LICENSE") for name in names - inside):
            raise SystemExit("%s: no LICENSE" % wheel.name)

        (sdist,) = Path(directory).glob("*.tar.gz")
        with tarfile.open(str(sdist)) as archive_:
            members = {m.name.partition("/")[2] for m in archive_.getmembers() if m.isfile()}
        members = {name for name in members if not name.split("/")[0].endswith(".egg-info")}
        around = {"LICENSE", "README.md", "PKG-INFO", "pyproject.toml", "setup.cfg"}
        check(sdist.name, members, package | around)

        environment = Path(directory) / "environment"
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
        python = str(environment / "bin" / "python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", str(wheel)], check=True)
        listed = subprocess.check_output([python, "-m", "pip", "list", "--format=freeze"])
        installed = {line.partition("==")[0] for line in listed.decode().split()}
        allowed = {"pip", "setuptools", "wheel", "remoteagent-lite", "requests", "sseclient-py"}
        allowed |= {"certifi", "charset-normalizer", "idna", "urllib3"}  # what requests needs
        if not installed <= allowed:
            raise SystemExit("the wheel brings %s" % sorted(installed - allowed))
        said = subprocess.check_output([str(environment / "bin" / "remoteagent"), "--version"])
        print("installed from the wheel: %s" % said.decode().strip())


if __name__ == "__main__":
    main()
