"""``remoteagent new agent``: what it writes runs, passes its test, and is never written over."""

import contextlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import pytest

from remoteagent_lite import AuthenticationError, RemoteAgent, cli

Captured = pytest.CaptureFixture[str]
KEY = "a secret that is long enough"


def test_what_it_writes_passes_its_test_and_answers(tmp_path: Path, capsys: Captured) -> None:
    directory = tmp_path / "some where" / "My Agent"
    assert cli.main(["new", "agent", str(directory)]) == 0
    written = {each.name for each in directory.iterdir()}
    assert written == {"app.py", "test_app.py", "README.md", "requirements.txt", "Dockerfile"}
    assert {Path(line).name for line in capsys.readouterr().out.splitlines()} == written
    for each in directory.iterdir():
        assert not any("{%s}" % field in each.read_text() for field in ("name", "id", "function"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=str(directory),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, done.stdout.decode()
    assert b"4 passed" in done.stdout
    with served(directory, "--bind 127.0.0.1:0") as url:
        with RemoteAgent(url, "my-agent", auth_token="wrong") as agent:
            with pytest.raises(AuthenticationError):
                agent.run("Ann")
            assert agent.run("Ann", auth_token=KEY).content == "Hello, Ann!"


@contextlib.contextmanager
def served(directory: Path, bind: str) -> Iterator[str]:
    """Where it is served by the command that its README gives, with ``bind`` in place of a port."""
    readme = (directory / "README.md").read_text()
    (command,) = re.findall(r"^\$ (gunicorn .*)$", readme, re.M)
    words = shlex.split(re.sub("--bind [^ ]+", bind, command))
    process = subprocess.Popen(
        [sys.executable, "-m", *words, "--log-level", "info"],
        cwd=str(directory),
        env={**os.environ, "AGENT_KEY": KEY, "AGENT_STORE": "sqlite:///runs.db"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            at = re.search(r"http://127\.0\.0\.1:\d+", line.decode())
            if at is not None:
                yield at.group()
                break
        else:
            raise AssertionError("it does not listen")
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def test_nothing_is_overwritten(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "README.md").write_text("mine")
    assert cli.main(["new", "agent", str(tmp_path)]) == 1
    assert "nothing was written" in capsys.readouterr().err
    assert [each.name for each in tmp_path.iterdir()] == ["README.md"]
    assert (tmp_path / "README.md").read_text() == "mine"


@pytest.mark.parametrize(
    ("id", "function"),
    [("class", "agent_class"), ("2nd", "agent_2nd"), ("key", "agent_key"), ("a.b-c_D", "a_b_c_D")],
)
def test_any_id_has_a_function(id: str, function: str, tmp_path: Path) -> None:
    assert cli.main(["new", "agent", str(tmp_path), "--id", id]) == 0
    code = (tmp_path / "app.py").read_text()
    assert "def %s(run: Run)" % function in code and '@agent(id="%s"' % id in code
    compile(code, "app.py", "exec")


@pytest.mark.parametrize("id", ["", "a/b", "..", 'a"', "a b"])
def test_an_id_that_no_agent_can_have_is_refused(id: str, tmp_path: Path, capsys: Captured) -> None:
    directory = tmp_path / "x"
    status = cli.main(["new", "agent", str(directory), "--id=" + id])
    if id:
        assert status == 1 and not directory.exists()
        assert "--id takes" in capsys.readouterr().err
    else:
        assert '@agent(id="x"' in (directory / "app.py").read_text()
