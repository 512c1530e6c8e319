"""cli/chat.py, ``continue``, ``--file`` and ``sessions``, on a crafted server."""

import io
import json
import os
import select
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Iterator, List

import pytest

from remoteagent_lite import cli
from tests import ROOT
from tests.peers.echo import Echo
from tests.peers.faults import RawServer, reply

try:
    import pty
except ImportError:  # Windows
    pty = None  # type: ignore[assignment]

Captured = pytest.CaptureFixture[str]
SECRET = "s3cr3t-c9"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def server(echo: Echo) -> Iterator[RawServer]:
    with RawServer(echo) as server:
        yield server


def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(text))


def piped(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


# --- chat


def test_the_lines_of_a_chat_are_runs_in_one_session(
    server: RawServer, echo: Echo, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    typed(monkeypatch, "one\n\n two\n")
    assert cli.main(["chat", server.url, "a"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "echo: one\necho: two\n"
    assert [form["message"] for form in echo.forms] == ["one", "two"]
    (session,) = {form["session_id"] for form in echo.forms}
    assert len({form["run_id"] for form in echo.forms}) == 2
    assert captured.err.splitlines()[-1] == "Go on with: --session %s" % session
    typed(monkeypatch, "three\n")
    assert cli.main(["chat", server.url, "a", "--session", session, "--user", "ann"]) == 0
    assert echo.forms[-1]["session_id"] == session
    assert echo.forms[-1]["user_id"] == "ann"


def test_a_chat_at_a_terminal_goes_on_after_a_failure(
    server: RawServer, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    typed(monkeypatch, "fail\nbreak\nhello\n")
    assert cli.main(["chat", server.url, "a"]) == 0
    captured = capsys.readouterr()
    assert captured.out.endswith("echo: hello\n")
    assert "The run failed: " in captured.err and "broken" in captured.err


@pytest.mark.parametrize(("line", "status"), [("fail", 3), ("wait", 4), ("break", 1)])
def test_lines_from_elsewhere_end_with_the_first_that_has_no_answer(
    server: RawServer,
    echo: Echo,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
    line: str,
    status: int,
) -> None:
    piped(monkeypatch, "one\n%s\nnever\n" % line)
    assert cli.main(["chat", server.url, "a"]) == status
    captured = capsys.readouterr()
    assert captured.out.startswith("echo: one\n")
    assert "> " not in captured.out + captured.err  # a prompt
    assert "never" not in echo.executions


def test_what_a_run_waits_for_is_asked_in_the_chat(
    server: RawServer, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    typed(monkeypatch, "wait\nyes\nhello\n")
    assert cli.main(["chat", server.url, "a"]) == 0
    out = capsys.readouterr().out
    assert "continued: " in out and '"confirmed": true' in out
    assert out.endswith("echo: hello\n")


def test_a_chat_as_json_is_events(
    server: RawServer, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    piped(monkeypatch, "one\ntwo\n")
    assert cli.main(["chat", server.url, "a", "--json"]) == 0
    events = [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()]
    assert events == ["RunContent", "RunContent", "RunCompleted"] * 2


@pytest.mark.skipif(pty is None, reason="the system has no pseudo-terminals")
def test_ctrl_c_ends_a_run_and_ctrl_d_the_chat(server: RawServer, echo: Echo) -> None:
    mine, its = pty.openpty()
    command = [sys.executable, "-m", "remoteagent_lite", "chat", server.url, "a"]

    def take_terminal() -> None:  # so that keys are signals
        import fcntl
        import termios

        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        command,
        stdin=its,
        stdout=its,
        stderr=its,
        cwd=str(ROOT),
        env=dict(os.environ, TERM="dumb"),
        start_new_session=True,
        preexec_fn=take_terminal,
    )
    os.close(its)
    seen = bytearray()

    def until(text: bytes, key: bytes = b"") -> None:
        """Read so far; press the key again as long as nothing happens."""
        while text not in seen:
            if key and not select.select([mine], [], [], 0.5)[0]:
                os.write(mine, key)
                continue
            try:
                data = os.read(mine, 4096)
            except OSError:  # how the end of a terminal is told
                data = b""
            assert data, "no %r in %r" % (text, bytes(seen))
            seen.extend(data)
        del seen[: seen.index(text) + len(text)]

    killer = threading.Timer(30, process.kill)
    killer.start()
    try:
        until(b"> ")
        os.write(mine, b"half a li\x03")
        # Python's own prompt does not notice a signal that comes just before it waits for a key.
        until(b"(Ctrl-D ends the chat.)", key=b"\x03")
        until(b"> ")
        os.write(mine, b"hold me\n")
        until(b"echo: ")
        os.write(mine, b"\x03")
        until(b"Cancelled.")
        until(b"> ")
        os.write(mine, b"again\n")
        until(b"echo: again")
        until(b"> ")
        os.write(mine, b"\x04")
        until(b"Go on with: --session ")
        assert process.wait() == 0
    finally:
        killer.cancel()
        process.kill()
        process.wait()
        os.close(mine)
        killer.join()
    assert echo.executions == {"hold me": 1, "again": 1}
    assert any(request.path.endswith("/cancel") for request in server.requests)


# --- After a pause


def test_the_command_that_is_told_after_a_pause_goes_on(
    server: RawServer, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    import shlex

    run = ["run", server.url, "a", "wait", "--user", "an n"]
    assert cli.main(run) == 4
    said = capsys.readouterr().err.splitlines()
    assert said[-2].endswith("is paused for confirmation of delete_file(path='/x').")
    start = "Go on with: remoteagent "
    assert said[-1].startswith(start)
    command = shlex.split(said[-1][len(start) :])
    piped(monkeypatch, "")
    assert cli.main(command) == 4  # nobody decides
    capsys.readouterr()
    piped(monkeypatch, "n\nnot today\n")
    assert cli.main(command) == 0
    answer = capsys.readouterr().out
    assert '"confirmed": false' in answer and "not today" in answer
    form = next(each for each in server.requests if each.path.endswith("/continue")).form
    assert form["user_id"] == ["an n"]
    assert cli.main(command) == 0  # it is over, and its answer is shown again
    captured = capsys.readouterr()
    assert captured.out == answer
    assert "does not wait for anybody" in captured.err


def test_the_command_that_is_told_has_no_secrets(server: RawServer, capsys: Captured) -> None:
    url = server.url.replace("//", "//me:%s@" % SECRET)
    more = ["--token", SECRET, "--header", "X-Key: " + SECRET]
    assert cli.main(["run", url, "a", "wait", *more]) == 4
    said = capsys.readouterr().err
    assert "--token ... --header 'X-Key: ...'" in said
    assert SECRET not in said


# --- --file


def test_files_go_with_a_run_by_their_type(
    server: RawServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: List[Any] = []

    def handler(connection: Any, request: Any) -> None:
        sent.append(request.body)
        reply(b'{"run_id": "r", "status": "COMPLETED", "content": "seen"}')(connection, request)

    files = {
        "cat.png": b"\x89PNG\r\n\x1a\n.",
        "song.mp3": b"ID3.",
        "film.mp4": b"....ftypisom",
        "note.txt": b"milk",
        "unnamed": b"\xff\xd8\xff.",
    }
    words = []
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        words += ["--file", str(tmp_path / name)]
    with RawServer(handler) as other:
        assert cli.main(["run", other.url, "a", "look", "--no-stream", *words]) == 0
    (body,) = sent
    for name, kind in (
        ("cat.png", "image/png"),
        ("song.mp3", "audio/mpeg"),
        ("film.mp4", "video/mp4"),
        ("note.txt", "text/plain"),
        ("unnamed", "image/jpeg"),
    ):
        at = body.index(b'filename="%s"' % name.encode())
        assert b"Content-Type: " + kind.encode() in body[at : at + 100]
        assert files[name] in body
    assert str(tmp_path).encode() not in body


def test_a_file_that_is_not_there_is_one_line(server: RawServer, capsys: Captured) -> None:
    assert cli.main(["run", server.url, "a", "look", "--file", "nowhere.png"]) == 1
    assert "nowhere.png" in capsys.readouterr().err
    assert server.requests == []


# --- sessions


def page(*sessions: Any) -> Any:
    meta = {"page": 1, "limit": 20, "total_pages": 1, "total_count": len(sessions)}
    return reply(json.dumps({"data": sessions, "meta": meta}))


def test_sessions_are_listed(capsys: Captured) -> None:
    sessions = [
        {"session_id": "s%d" % n, "session_name": "about\n%d" % n, "agent_id": "a",
         "updated_at": "2026-01-0%dT00:00:00Z" % n}
        for n in (3, 2, 1)
    ]  # fmt: skip
    with RawServer(page(*sessions)) as server:
        assert cli.main(["sessions", server.url, "--limit", "2", "--user", "ann"]) == 0
        rows = capsys.readouterr().out.splitlines()
        assert [row.split() for row in rows] == [
            ["s3", "2026-01-03T00:00:00Z", "a", "about", "3"],
            ["s2", "2026-01-02T00:00:00Z", "a", "about", "2"],
        ]
        query = server.requests[0].query
        assert (query["user_id"], query["limit"]) == (["ann"], ["2"])
        assert (query["sort_by"], query["sort_order"]) == (["updated_at"], ["desc"])
        assert cli.main(["sessions", server.url, "--json"]) == 0
        listed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert listed == sessions


def test_a_session_is_shown(capsys: Captured) -> None:
    runs = [
        {"run_id": run_id, "agent_id": "a", "run_input": asked, "content": told, "status": status}
        for run_id, asked, told, status in (
            ("r1", "Hi", "Hello", "COMPLETED"),
            ("r2", "x", {"y": 1}, "ERROR"),
        )
    ]
    with RawServer(reply(json.dumps(runs))) as server:
        assert cli.main(["sessions", server.url, "s1"]) == 0
        assert server.requests[0].path == "/sessions/s1/runs"
        assert capsys.readouterr().out.splitlines() == [
            "> Hi", "Hello", "> x", '{"y": 1}', "status          ERROR", "run             r2",
        ]  # fmt: skip
        assert cli.main(["sessions", server.url, "s1", "--json"]) == 0
        assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == runs


def test_an_unknown_session_is_one_line(capsys: Captured) -> None:
    with RawServer(reply('{"detail":"Session not found"}', 404)) as server:
        assert cli.main(["sessions", server.url, "nobody"]) == 1
    assert "Session not found" in capsys.readouterr().err
