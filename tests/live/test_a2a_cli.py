"""The ``remoteagent`` command with A2A agents, on real servers."""

import io
import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest

from remoteagent_lite import A2AClient, cli
from tests.peers.server import A2A_SDK, PeerServer

Captured = pytest.CaptureFixture[str]

#: Started before anything is counted as left behind.
pytestmark = pytest.mark.usefixtures("a2a_sdk", "a2a_sdk_03", "adk", "agentos_a2a")

#: A peer's fixture, the path of an agent on it, the agent's name, and the bindings in its card.
AGENTS = [
    ("a2a_sdk", "", "Echo", ["JSONRPC", "HTTP+JSON"]),
    ("a2a_sdk_03", "", "Echo", ["JSONRPC", "HTTP+JSON"]),
    ("adk", "", "facts_agent", ["JSONRPC"]),
    ("agentos_a2a", "/a2a/agents/my-agent", "My Agent", []),
]
each_agent = pytest.mark.parametrize(
    ("peer", "path", "name", "bindings"), AGENTS, ids=[each[0] for each in AGENTS]
)
SDKS = ["a2a_sdk", "a2a_sdk_03"]


def url_of(request: pytest.FixtureRequest, peer: str, path: str = "") -> str:
    server: PeerServer = request.getfixturevalue(peer)
    return server.url + path


def answering(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def start(arguments: List[str]) -> "subprocess.Popen[bytes]":
    """The command as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "remoteagent_lite", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(os.environ),
    )


@each_agent
def test_card_is_shown(
    request: pytest.FixtureRequest,
    capsys: Captured,
    peer: str,
    path: str,
    name: str,
    bindings: List[str],
) -> None:
    url = url_of(request, peer, path)
    assert cli.main(["card", url]) == 0
    captured = capsys.readouterr()
    for part in (name, url, *bindings):
        assert part in captured.out
    assert captured.err == ""


@each_agent
def test_card_as_json(
    request: pytest.FixtureRequest,
    capsys: Captured,
    peer: str,
    path: str,
    name: str,
    bindings: List[str],
) -> None:
    assert cli.main(["card", url_of(request, peer, path), "--json"]) == 0
    card: Dict[str, Any] = json.loads(capsys.readouterr().out)
    assert card["name"] == name
    offered = [each["protocolBinding"] for each in card["supportedInterfaces"]]
    assert offered
    assert set(bindings) <= set(offered)


def test_what_is_wrong_in_a_card_is_said(capsys: Captured) -> None:
    interfaces = [
        {"url": "http://0.0.0.0:1/", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
        {"url": "https://other.example/", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
        {"url": "/", "protocolBinding": "SMOKE", "protocolVersion": "1.0"},
    ]
    env = {"PEER_CARD": json.dumps({"supportedInterfaces": interfaces})}
    with PeerServer(A2A_SDK, env=env) as server:
        assert cli.main(["card", server.url]) == 0
        out = capsys.readouterr().out
    assert "warning" in out.lower()
    for part in ("0.0.0.0", "other.example", "SMOKE"):
        assert part in out


@each_agent
@pytest.mark.parametrize("how", [[], ["--no-stream"]])
def test_run_prints_the_answer(
    request: pytest.FixtureRequest,
    capsys: Captured,
    peer: str,
    path: str,
    name: str,
    bindings: List[str],
    how: List[str],
) -> None:
    assert cli.main(["run", "--a2a", url_of(request, peer, path), "hello", *how]) == 0
    assert capsys.readouterr().out == "echo: hello\n"


@pytest.mark.parametrize("peer", SDKS)
@pytest.mark.parametrize("binding", ["auto", "json-rpc", "rest"])
def test_run_by_either_binding(
    request: pytest.FixtureRequest, capsys: Captured, peer: str, binding: str
) -> None:
    url = url_of(request, peer)
    assert cli.main(["run", "--a2a", url, "chunks 3", "--binding", binding]) == 0
    assert capsys.readouterr().out == "w0 w1 w2 \n"


@pytest.mark.parametrize("peer", SDKS)
def test_run_as_json(request: pytest.FixtureRequest, capsys: Captured, peer: str) -> None:
    url = url_of(request, peer)
    assert cli.main(["run", "--a2a", url, "chunks 2", "--json"]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (events[0]["event"], events[-1]["event"]) == ("RunStarted", "RunCompleted")
    texts = [event["content"] for event in events if event["event"] == "RunContent"]
    assert texts == ["w0 ", "w1 "]
    assert len({event["run_id"] for event in events}) == 1
    assert cli.main(["run", "--a2a", url, "chunks 2", "--json", "--no-stream"]) == 0
    output = json.loads(capsys.readouterr().out)
    assert (output["status"], output["content"]) == ("COMPLETED", "w0 w1 ")


@pytest.mark.parametrize("peer", SDKS)
@pytest.mark.parametrize(
    ("text", "status", "complaint"),
    [
        ("fail it", 3, "The run failed: failed: it"),
        ("reject it", 3, "The run failed: rejected: it"),
        ("ask", 4, "is paused for input: which colour?"),
        ("login", 4, "is paused for authentication: log in at"),
    ],
)
def test_exit_status_tells_how_the_run_ended(
    request: pytest.FixtureRequest,
    capsys: Captured,
    peer: str,
    text: str,
    status: int,
    complaint: str,
) -> None:
    for how in ([], ["--no-stream"], ["--json"]):
        assert cli.main(["run", "--a2a", url_of(request, peer), text, *how]) == status
        assert complaint in capsys.readouterr().err


def test_run_that_is_cancelled_elsewhere_exits_with_5(a2a_sdk: PeerServer) -> None:
    with start(["run", "--a2a", a2a_sdk.url, "hang", "--json"]) as process:
        assert process.stdout is not None
        run_id = json.loads(process.stdout.readline())["run_id"]
        with A2AClient(a2a_sdk.url) as client:
            client.cancel_task(run_id)
        _, complaint = process.communicate(timeout=20)
    assert process.returncode == 5
    assert complaint.decode().strip() == "The run was cancelled."


@pytest.mark.parametrize("peer", SDKS)
def test_ctrl_c_cancels_the_run(request: pytest.FixtureRequest, peer: str) -> None:
    with start(["run", "--a2a", url_of(request, peer), "hang"]) as process:
        assert process.stdout is not None
        assert process.stdout.read(2) == b"w0"
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=20)
    assert process.returncode == 130
    assert complaint.decode().strip() == "Cancelled."


@pytest.mark.parametrize("peer", SDKS)
@pytest.mark.parametrize("how", [[], ["--no-stream"]])
def test_question_is_answered_from_standard_input(
    request: pytest.FixtureRequest,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
    peer: str,
    how: List[str],
) -> None:
    answering(monkeypatch, "blue\n")
    assert cli.main(["run", "--a2a", url_of(request, peer), "ask", "--ask", *how]) == 0
    captured = capsys.readouterr()
    assert captured.out.endswith("you said: blue\n")
    assert "The agent asks: which colour?" in captured.err


def test_question_of_adk_is_answered_from_standard_input(
    adk: PeerServer, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, "yes\n")
    assert cli.main(["run", "--a2a", adk.url, "ask", "--ask"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "you said: yes\n"
    assert "approve" in captured.err


def test_question_without_an_answer_leaves_the_run_paused(
    a2a_sdk: PeerServer, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, "")
    assert cli.main(["run", "--a2a", a2a_sdk.url, "ask", "--ask"]) == 4
    assert "is paused for input" in capsys.readouterr().err


def test_input_from_standard_input(
    a2a_sdk: PeerServer, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, "from a pipe")
    assert cli.main(["run", "--a2a", a2a_sdk.url, "-"]) == 0
    assert capsys.readouterr().out == "echo: from a pipe\n"


def test_session_goes_on_with_a_conversation(a2a_sdk: PeerServer, capsys: Captured) -> None:
    arguments = [
        "run",
        "--a2a",
        a2a_sdk.url,
        "meta",
        "--session",
        "talk-7",
        "--json",
        "--no-stream",
    ]
    assert cli.main(arguments) == 0
    (facts,) = json.loads(capsys.readouterr().out)["data"]
    assert facts["contextId"] == "talk-7"


def test_failed_exchange_is_one_line(
    a2a_sdk: PeerServer, adk: PeerServer, capsys: Captured
) -> None:
    run = ["run", "--a2a"]
    for arguments, complaint in (
        ([*run, a2a_sdk.url + "/nowhere", "x"], "has no agent card"),
        (["card", a2a_sdk.url + "/nowhere"], "has no agent card"),
        ([*run, "http://127.0.0.1:9", "x"], "refused"),
        (["card", "localhost:7777"], "must start with http"),
        ([*run, adk.url, "x", "--binding", "rest"], "HTTP+JSON"),
        ([*run, a2a_sdk.url, "boom"], "scripted failure"),
        ([*run, a2a_sdk.url, "hang", "--no-stream", "--timeout", "0.2"], "0.2 s"),
    ):
        assert cli.main(arguments) == 1, arguments
        captured = capsys.readouterr()
        assert complaint in captured.err
        assert captured.err.startswith("remoteagent: ")
        assert "Traceback" not in captured.err


def test_token_and_key_are_sent_and_never_shown(capsys: Captured) -> None:
    token, key = "token-91b2", "key-91b2"
    with PeerServer(A2A_SDK, env={"PEER_TOKEN": token, "PEER_API_KEY": key}) as server:
        run = ["run", "--a2a", server.url, "hello", "--header", "X-API-Key: " + key]
        assert cli.main([*run, "--token", "wrong-" + token]) == 1
        complaint = capsys.readouterr().err
        assert token not in complaint
        assert key not in complaint
        assert "X-API-Key" in complaint
        assert cli.main([*run, "--token", token]) == 0
        assert capsys.readouterr().out == "echo: hello\n"


@pytest.mark.parametrize("peer", SDKS)
def test_a_question_is_answered_later_by_the_command_that_is_told(
    request: pytest.FixtureRequest, capsys: Captured, monkeypatch: pytest.MonkeyPatch, peer: str
) -> None:
    assert cli.main(["run", "--a2a", url_of(request, peer), "ask", "--binding", "rest"]) == 4
    told = capsys.readouterr().err.splitlines()[-1]
    assert "--a2a --binding rest" in told
    answering(monkeypatch, "blue\n")
    assert cli.main(shlex.split(told.partition("remoteagent ")[2])) == 0
    captured = capsys.readouterr()
    assert captured.out.endswith("you said: blue\n")
    assert "The agent asks: which colour?" in captured.err


def test_the_lines_of_a_chat_are_one_conversation(
    a2a_sdk: PeerServer, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, "meta\nmeta\n")
    assert cli.main(["chat", "--a2a", a2a_sdk.url, "--json", "--no-stream"]) == 0
    outputs = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    contexts = [output["data"][0]["contextId"] for output in outputs]
    assert len(contexts) == 2 and len(set(contexts)) == 1
    assert len({output["run_id"] for output in outputs}) == 2


def test_a_batch_asks_an_agent_that_is_known_by_its_url(
    a2a_sdk: PeerServer, a2a_sdk_03: PeerServer, capsys: Captured, tmp_path: Path
) -> None:
    rows, output = tmp_path / "rows.jsonl", tmp_path / "answers.jsonl"
    rows.write_text('"one"\n"two"\n')
    for url, more, status in (
        (a2a_sdk.url, [], 0),
        (a2a_sdk.url, [], 0),
        (a2a_sdk_03.url, [], 1),  # it is not what the journal is of
        (a2a_sdk_03.url, ["--no-journal"], 0),
    ):
        batch = ["batch", "--a2a", url, str(rows), "--output", str(output), *more]
        assert cli.main(batch) == status, capsys.readouterr().err
    answers = [json.loads(line)["content"] for line in output.read_text().splitlines()]
    assert answers == ["echo: one", "echo: two"]
