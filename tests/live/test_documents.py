"""README and guide: what they show runs, on a real server, as it stands."""

import io
import re
import shlex
import subprocess
import sys
import types
from pathlib import Path
from typing import Dict, List, Tuple

import pytest

from remoteagent_lite import cli
from tests import ROOT

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def snippets(language: str) -> List[Tuple[str, str]]:
    found = []
    for document in DOCUMENTS:
        text = document.read_text("utf-8")
        pattern = r"^```%s\n(.*?)^```" % language
        for number, match in enumerate(re.finditer(pattern, text, re.M | re.S), 1):
            found.append(("%s-%d" % (document.stem, number), match.group(1)))
    return found


PYTHON = snippets("python")
ASKING = [(name, code) for name, code in PYTHON if "localhost:" in code]
SERVING = [(name, code) for name, code in PYTHON if "localhost:" not in code]
COMMANDS = [
    (name, line[2:])
    for name, block in snippets("console")
    for line in block.splitlines()
    if line.startswith("$ remoteagent ")
]


def test_there_is_something_to_run() -> None:
    assert len(PYTHON) >= 10
    assert len(COMMANDS) >= 3


@pytest.fixture(scope="module")
def servers(request: pytest.FixtureRequest) -> Dict[str, str]:
    """The addresses in the documents, and what they stand for here."""
    peers = {
        "http://localhost:7777": "agentos_latest",
        "http://localhost:7001": "agentos_a2a",
        "http://localhost:8001": "adk",
        "http://localhost:9999": "a2a_sdk",
    }
    return {address: request.getfixturevalue(peer).url for address, peer in peers.items()}


def moved(text: str, servers: Dict[str, str]) -> str:
    for address, url in servers.items():
        text = text.replace(address, url)
    assert "localhost:" not in text
    return text


@pytest.fixture(autouse=True)
def site(monkeypatch: pytest.MonkeyPatch) -> None:
    """The Django site that a document speaks of."""
    settings = types.ModuleType("mysite.settings")
    vars(settings).update(SECRET_KEY="-", ROOT_URLCONF="mysite.settings", urlpatterns=[])
    monkeypatch.setitem(sys.modules, "mysite", types.ModuleType("mysite"))
    monkeypatch.setitem(sys.modules, "mysite.settings", settings)


def run(code: str) -> None:
    module = types.ModuleType("snippet")
    sys.modules["snippet"] = module  # where its classes are looked for
    try:
        exec(compile(code, "snippet", "exec"), vars(module))
    finally:
        del sys.modules["snippet"]


@pytest.mark.parametrize("code", [c for _, c in ASKING], ids=[name for name, _ in ASKING])
def test_snippet_runs(code: str, servers: Dict[str, str]) -> None:
    run(moved(code, servers))


@pytest.mark.parametrize("code", [c for _, c in SERVING], ids=[name for name, _ in SERVING])
def test_snippet_that_asks_no_server_runs(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where what is kept in files goes
    # Whether agents and tests do what they say is tested where they are.
    assert re.search(r"remoteagent_lite\.(activeworkflow|gateway|testing)", code)
    run(code)


@pytest.mark.parametrize("command", sorted({line for _, line in COMMANDS}))
def test_command_runs(
    command: str,
    servers: Dict[str, str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO("hello\n"))
    (tmp_path / "rows.jsonl").write_text('"one"\n"two"\n')
    (tmp_path / "cat.png").write_bytes(b"\x89PNG\r\n\x1a\n.")
    answers = tmp_path / "answers.jsonl"
    assert cli.main(shlex.split(moved(command, servers))[1:]) == 0
    assert capsys.readouterr().out or len(answers.read_text().splitlines()) == 2


def test_readme_begins_with_install_and_a_streamed_run() -> None:
    start = "\n".join((ROOT / "README.md").read_text("utf-8").splitlines()[:20])
    for part in ("synchronous", "pip install", "stream=True", "stream.text()"):
        assert part in start


def test_the_first_program_of_a_newcomer_ends_with_the_reason_when_its_run_fails(
    servers: Dict[str, str],
) -> None:
    name, code = ASKING[0]
    assert name == "README-1" and "Tell me a story" in code
    code = moved(code, servers).replace("Tell me a story", "boom")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=str(ROOT), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert done.returncode == 1
    assert b"scripted failure" not in done.stdout
    last = done.stderr.decode().splitlines()[-1]
    assert last.startswith("remoteagent_lite.errors.RunFailedError: ")
    assert last.endswith("ended as ERROR: scripted failure")


def test_links_inside_the_project_exist() -> None:
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text("utf-8")):
            assert (document.parent / target).exists(), "%s: %s" % (document.name, target)
