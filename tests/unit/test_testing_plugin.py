"""The pytest plugin, in test runs of its own, as those of whoever has the package."""

import configparser
import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from remoteagent_lite import RemoteAgent
from tests import ROOT

PLUGIN = "remoteagent_lite.testing.plugin"
USING = """
import threading
import urllib.request

def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode()]

def test_one(remote_agent_server):
    urls = remote_agent_server(app), remote_agent_server(app)
    assert urls[0] != urls[1]
    for url in urls:
        assert urllib.request.urlopen(url + "/here").read() == b"/here"

def test_nothing_is_left():
    assert not [t for t in threading.enumerate() if t.name.startswith("remoteagent")]
"""
NOT_USING = """
import sys

def test_what_is_not_used_is_not_imported():
    ours = {name for name in sys.modules if name.startswith("remoteagent_lite")}
    assert ours - {"remoteagent_lite._version"} == {
        "remoteagent_lite", "remoteagent_lite.testing", "remoteagent_lite.testing.plugin"
    }
"""


@pytest.mark.parametrize(("code", "count"), [(USING, 2), (NOT_USING, 1)])
def test_it_serves_those_who_use_it_and_costs_others_nothing(
    code: str, count: int, tmp_path: Path
) -> None:
    (tmp_path / "test_theirs.py").write_text(code)
    command = [sys.executable, "-m", "pytest", "-q", "-p", PLUGIN, "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "-W", "error", str(tmp_path)],
        cwd=str(ROOT),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, done.stdout.decode()
    assert b"%d passed" % count in done.stdout


def test_pytest_finds_it() -> None:
    setup = configparser.ConfigParser()
    setup.read(str(ROOT / "setup.cfg"))
    (line,) = setup["options.entry_points"]["pytest11"].strip().splitlines()
    name, module = line.split(" = ")
    assert name == module == PLUGIN  # one name, so that "-p" with the module does not load it twice
    assert importlib.import_module(module).remote_agent_server is not None


def test_here_too(remote_agent_server: Any) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "application/json")])
        return [b'{"content": "hello", "status": "COMPLETED", "run_id": "r"}']

    with RemoteAgent(remote_agent_server(app), "a") as agent:
        assert agent.run("x").content == "hello"
