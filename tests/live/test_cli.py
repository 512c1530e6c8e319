"""The ``remoteagent`` command, on real servers and as a process of its own."""

import json
import os
import shlex
import signal
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any, Dict, List

import pytest

from remoteagent_lite import __version__, cli
from remoteagent_lite.cli import terminal
from tests.peers.server import AGENTOS_LATEST, PeerServer

Captured = pytest.CaptureFixture[str]


def start(arguments: List[str], **environment: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "remoteagent_lite", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(os.environ, **environment),
    )


def test_info_and_lists(agentos: PeerServer, capsys: Captured) -> None:
    assert cli.main(["info", agentos.url]) == 0
    info = capsys.readouterr().out
    for part in (agentos.url, "peer-db", "my-agent", "duo", "qa-workflow"):
        assert part in info
    for kind, id in (("agents", "my-agent"), ("teams", "duo"), ("workflows", "qa")):
        assert cli.main([kind, agentos.url]) == 0
        assert any(line.split()[0] == id for line in capsys.readouterr().out.splitlines())
        assert cli.main([kind, agentos.url, "--json"]) == 0
        items = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert id in [item["id"] for item in items]
    assert cli.main(["info", agentos.url, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["config"]["databases"] == ["peer-db"]


@pytest.mark.parametrize("kind", [["plain"], ["duo", "--team"], ["qa", "--workflow"]])
@pytest.mark.parametrize("how", [[], ["--no-stream"]])
def test_run_prints_the_answer(
    agentos: PeerServer, capsys: Captured, kind: List[str], how: List[str]
) -> None:
    assert cli.main(["run", agentos.url, kind[0], "hello", *kind[1:], *how]) == 0
    assert "echo: hello\n" in capsys.readouterr().out


def test_run_of_a_workflow_without_text_in_pieces(agentos: PeerServer, capsys: Captured) -> None:
    assert cli.main(["run", agentos.url, "functions", "hello", "--workflow"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "5 letters\n"
    assert captured.err.splitlines() == ["[step upper]", "[step count]"]


def test_run_as_json(agentos: PeerServer, capsys: Captured) -> None:
    session, user = str(uuid.uuid4()), str(uuid.uuid4())
    assert (
        cli.main(
            ["run", agentos.url, "plain", "hello", "--json", "--session", session, "--user", user]
        )
        == 0
    )
    events: List[Dict[str, Any]] = [
        json.loads(line) for line in capsys.readouterr().out.splitlines()
    ]
    assert (events[0]["event"], events[-1]["event"]) == ("RunStarted", "RunCompleted")
    assert {event["session_id"] for event in events} == {session}
    assert cli.main(["run", agentos.url, "plain", "hello", "--json", "--no-stream"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "COMPLETED"


def test_input_from_standard_input(
    agentos_latest: PeerServer, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    import io

    monkeypatch.setattr(sys, "stdin", io.StringIO("from a pipe"))
    assert cli.main(["run", agentos_latest.url, "plain", "-"]) == 0
    assert capsys.readouterr().out == "echo: from a pipe\n"


@pytest.mark.parametrize(
    ("text", "status", "complaint"),
    [
        ("boom", 3, "The run failed: scripted failure"),
        ("delete /tmp/x", 4, "is paused for confirmation of delete_file"),
    ],
)
def test_exit_status_tells_how_the_run_ended(
    agentos: PeerServer, capsys: Captured, text: str, status: int, complaint: str
) -> None:
    for how in ([], ["--no-stream"]):
        assert cli.main(["run", agentos.url, "my-agent", text, *how]) == status
        assert complaint in capsys.readouterr().err


def test_failed_exchange_is_one_line(agentos_latest: PeerServer, capsys: Captured) -> None:
    for arguments, complaint in (
        (["run", agentos_latest.url, "nobody", "x"], "Agent not found"),
        (["info", "http://127.0.0.1:9"], "refused"),
        (["agents", "localhost:7777"], "must start with http"),
        (["run", agentos_latest.url, "plain", ""], "must not be empty"),
        (["run", agentos_latest.url, "plain", "silent:5", "--timeout", "0.2"], "0.2 s"),
    ):
        assert cli.main(arguments) == 1
        captured = capsys.readouterr()
        assert complaint in captured.err
        assert captured.err.startswith("remoteagent: ")
        assert "Traceback" not in captured.err


def test_wrong_usage_exits_with_2(capsys: Captured) -> None:
    both = ["run", "u", "i", "t", "--team", "--workflow"]
    for arguments in ([], ["fly"], ["run", "http://x"], both):
        with pytest.raises(SystemExit) as caught:
            cli.main(arguments)
        assert caught.value.code == 2
    with pytest.raises(SystemExit) as caught:
        cli.main(["--version"])
    assert caught.value.code == 0
    assert __version__ in capsys.readouterr().out


def test_token_from_option_or_environment_is_never_shown(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "key-91b2"
    with PeerServer(AGENTOS_LATEST, security_key=secret) as server:
        assert cli.main(["info", server.url]) == 0
        captured = capsys.readouterr()
        assert "security_key" in captured.out
        assert "needs a token" in captured.err
        assert cli.main(["run", server.url, "plain", "hello", "--token", "wrong-" + secret]) == 1
        assert secret not in capsys.readouterr().err
        assert cli.main(["run", server.url, "plain", "hello", "--token", secret]) == 0
        monkeypatch.setenv("REMOTEAGENT_TOKEN", secret)
        assert cli.main(["agents", server.url]) == 0
        assert "my-agent" in capsys.readouterr().out


@pytest.mark.parametrize("how", [[], ["--json"]])
def test_ctrl_c_cancels_the_run_and_leaves_cleanly(
    agentos_latest: PeerServer, how: List[str]
) -> None:
    with start(["run", agentos_latest.url, "plain", "slow:500:0.05", *how]) as process:
        assert process.stdout is not None
        assert process.stdout.read(2)
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=20)
    assert process.returncode == 130
    assert complaint.decode().strip() == "Cancelled."


def test_reader_that_goes_away_is_no_error(agentos_latest: PeerServer) -> None:
    with start(["run", agentos_latest.url, "plain", "count:50000"]) as process:
        assert process.stdout is not None
        assert process.stdout.read(10)
        process.stdout.close()
        assert process.wait(timeout=20) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_control_characters_do_not_reach_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    shown = Terminal()
    monkeypatch.setattr(sys, "stdout", shown)
    terminal.write("a\x1b[2Jb\x07\x9bc\n\td")
    assert shown.getvalue() == "a\u241b[2Jb\u2407\ufffdc\n\td"


def test_a_batch_and_a_chat(
    agentos_latest: PeerServer,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    import io

    key = uuid.uuid4().hex
    rows, output = tmp_path / "rows.jsonl", tmp_path / "answers.jsonl"
    rows.write_text("".join('"row %d %s"\n' % (number, key) for number in range(30)))
    words = ["batch", agentos_latest.url, "plain", str(rows), "--output", str(output)]
    for _ in range(2):
        assert cli.main([*words, "--workers", "8"]) == 0
        answers = [json.loads(line)["content"] for line in output.read_text().splitlines()]
        assert answers == ["echo: row %d %s" % (number, key) for number in range(30)]
    session = str(uuid.uuid4())
    monkeypatch.setattr(sys, "stdin", io.StringIO("one\ntwo\n"))
    chat = ["chat", agentos_latest.url, "plain", "--session", session, "--user", key]
    assert cli.main(chat) == 0
    assert capsys.readouterr().out == "echo: one\necho: two\n"
    assert cli.main(["sessions", agentos_latest.url, session]) == 0
    assert capsys.readouterr().out == "> one\necho: one\n> two\necho: two\n"
    assert cli.main(["sessions", agentos_latest.url, "--user", key]) == 0
    (row,) = capsys.readouterr().out.splitlines()
    assert row.startswith(session)


def test_a_pause_is_gone_on_with_by_the_command_that_is_told(
    agentos_latest: PeerServer, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    import io

    for id, more in (("my-agent", []), ("my-team", ["--team"])):
        assert cli.main(["run", agentos_latest.url, id, "delete /tmp/x", *more]) == 4
        command = capsys.readouterr().err.splitlines()[-1].partition("remoteagent ")[2]
        monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
        assert cli.main(shlex.split(command)) == 0
        assert "deleted /tmp/x" in capsys.readouterr().out


def test_the_answers_of_two_steps_are_apart(agentos_latest: PeerServer, capsys: Captured) -> None:
    assert cli.main(["run", agentos_latest.url, "qa", "hello", "--workflow", "--quiet"]) == 0
    assert capsys.readouterr() == ("echo: hello\necho: echo: hello\n", "")
