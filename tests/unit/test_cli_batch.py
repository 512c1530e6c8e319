"""cli/batch.py: rows of a file to a crafted server, and their answers into another file."""

import io
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from remoteagent_lite import cli
from tests import ROOT
from tests.peers.echo import Echo
from tests.peers.faults import RawServer, reply

Captured = pytest.CaptureFixture[str]


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


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "answers.jsonl"


def file_of(folder: Path, *rows: Any) -> str:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return str(path)


def batch(server: RawServer, rows: str, output: Path, *more: str) -> int:
    return cli.main(["batch", server.url, "a", rows, "--output", str(output), *more])


def lines(output: Path) -> List[Dict[str, Any]]:
    return [json.loads(line) for line in output.read_text("utf-8").splitlines()]


def test_each_row_has_a_line_in_the_order_of_the_rows(
    server: RawServer, echo: Echo, tmp_path: Path, output: Path, capsys: Captured
) -> None:
    rows = ["row %d \u00e4" % n for n in range(100)]
    assert batch(server, file_of(tmp_path, *rows), output, "--workers", "9") == 0
    assert [line["content"] for line in lines(output)] == ["echo: " + row for row in rows]
    first = lines(output)[0]
    assert {name: first[name] for name in ("index", "input", "status")} == {
        "index": 0,
        "input": rows[0],
        "status": "COMPLETED",
    }
    assert first["run_id"] and first["session_id"]
    assert set(echo.executions.values()) == {1}
    assert capsys.readouterr() == ("", "")  # nobody watches


def test_what_has_been_answered_is_not_asked_again(
    server: RawServer, tmp_path: Path, output: Path
) -> None:
    rows = file_of(tmp_path, "one", "two")
    assert batch(server, rows, output) == 0
    written, asked = output.read_bytes(), len(server.requests)
    assert batch(server, rows, output) == 0
    assert output.read_bytes() == written
    assert len(server.requests) == asked


def test_without_a_journal_all_is_asked_again(
    server: RawServer, echo: Echo, tmp_path: Path, output: Path
) -> None:
    rows = file_of(tmp_path, "one", "two")
    for _ in range(2):
        assert batch(server, rows, output, "--no-journal") == 0
    assert set(echo.executions.values()) == {2}
    assert sorted(tmp_path.iterdir()) == [output, Path(rows)]


@pytest.mark.parametrize(
    ("text", "more", "inputs"),
    [
        ('question\none\n"two, and\nthree"\n', [], ["one", "two, and\nthree"]),
        ("\ufeffid,question\n1,one\n2,two\n", ["--field", "question"], ["one", "two"]),
        ("id,question\n1,one\n", [], [{"id": "1", "question": "one"}]),
    ],
)
def test_rows_may_be_a_table(
    server: RawServer,
    echo: Echo,
    tmp_path: Path,
    output: Path,
    text: str,
    more: List[str],
    inputs: List[Any],
) -> None:
    table = tmp_path / "rows.CSV"
    table.write_text(text, "utf-8")
    assert batch(server, str(table), output, "--workers", "1", *more) == 0
    assert [line["input"] for line in lines(output)] == inputs
    sent = [form["message"] for form in echo.forms]
    assert [text if isinstance(inputs[0], str) else json.loads(text) for text in sent] == inputs


def test_rows_may_be_objects_or_have_their_input_in_a_field(
    server: RawServer, echo: Echo, tmp_path: Path, output: Path
) -> None:
    rows = file_of(tmp_path, {"text": "one", "id": 1})
    assert batch(server, rows, output, "--no-journal") == 0
    assert batch(server, rows, output, "--no-journal", "--field", "text") == 0
    assert [form["message"] for form in echo.forms][1:] == ["one"]
    assert json.loads(echo.forms[0]["message"]) == {"text": "one", "id": 1}


@pytest.mark.parametrize(
    ("name", "text", "more", "complaint"),
    [
        ("rows.jsonl", '"one"\n\n{"two\n', [], "rows.jsonl, line 3: no JSON"),
        ("rows.jsonl", '"one"\n""\n', [], "line 2: an empty input is none"),
        ("rows.jsonl", '"one"\nnull\n', [], "line 2: an empty input is none"),
        ("rows.jsonl", '{"a": 1}\n', ["--field", "b"], "line 1: there is no field 'b'"),
        ("rows.jsonl", '"a"\n', ["--field", "b"], "line 1: there is no field 'b'"),
        ("rows.csv", "a,b\n1,2\n3\n", [], "rows.csv, line 3: not as many values"),
        ("rows.csv", "a,b\n1,2,3\n", [], "line 2: not as many values"),
        ("rows.csv", 'a\n"x\n', [], "unexpected end of data"),
        ("other.jsonl", None, [], "other.jsonl"),
    ],
)
def test_what_is_wrong_in_the_file_is_said_before_anything_is_run(
    server: RawServer,
    tmp_path: Path,
    output: Path,
    name: str,
    text: Any,
    more: List[str],
    complaint: str,
    capsys: Captured,
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text, "utf-8")
    assert batch(server, str(tmp_path / name), output, *more) == 1
    assert complaint in capsys.readouterr().err
    assert server.requests == []
    assert not output.exists()


def test_a_row_without_an_answer_is_told_and_the_others_go_on(
    server: RawServer, echo: Echo, tmp_path: Path, output: Path, capsys: Captured
) -> None:
    rows = file_of(tmp_path, "good", "fail", "break", "wait", "fine")
    assert batch(server, rows, output) == 3
    said = capsys.readouterr().err
    for part in (
        "Row 2 has no answer: Run ",
        "broken",
        "Row 4 has no answer: Run ",
        "3 of 5 rows have no answer; %s tells why." % output,
        "tries the rows again whose exchange failed",
        "unless %s.journal is deleted" % output,
    ):
        assert part in said, said
    good, failed, broken, waiting, fine = lines(output)
    assert (good["content"], fine["content"]) == ("echo: good", "echo: fine")
    assert failed["status"] == "ERROR" and "error" in failed
    assert "broken" in broken["error"] and "status" not in broken
    assert waiting["status"] == "PAUSED" and "delete_file" in waiting["error"]
    assert batch(server, rows, output) == 3
    asked = [request.form.get("message", [""])[0] for request in server.requests]
    assert (asked.count("good"), asked.count("fail"), asked.count("break")) == (1, 1, 2)


def test_of_many_failures_some_are_told(
    server: RawServer, tmp_path: Path, output: Path, capsys: Captured
) -> None:
    assert batch(server, file_of(tmp_path, *["break"] * 50), output) == 3
    assert capsys.readouterr().err.count("has no answer:") == 20
    assert len([line for line in lines(output) if "error" in line]) == 50


def test_a_server_that_cannot_look_runs_up_ends_the_batch(
    tmp_path: Path, output: Path, capsys: Captured
) -> None:
    refusal = reply(b'{"detail": "Background execution requires a database"}', 400)
    with RawServer(refusal) as server:
        assert batch(server, file_of(tmp_path, *["x"] * 50), output, "--workers", "1") == 3
        assert len(server.requests) < 50
    said = capsys.readouterr().err
    assert said.count("Row ") == 1 and "the others: they were not run" in said
    assert "With --no-journal" in said


def test_a_row_that_cannot_be_looked_up_does_not_end_a_batch_that_has_answers(
    echo: Echo, tmp_path: Path, output: Path, capsys: Captured
) -> None:
    refusal = reply(b'{"detail": "Background execution requires a database"}', 400)
    with RawServer(echo, refusal, echo) as server:
        rows = file_of(tmp_path, "one", "two", "three")
        assert batch(server, rows, output, "--workers", "1") == 3
        assert ["error" in line for line in lines(output)] == [False, True, False]
        assert batch(server, rows, output) == 0
    assert "1 of 3 rows have no answer" in capsys.readouterr().err


def test_the_answers_of_another_agent_are_not_taken(
    server: RawServer, tmp_path: Path, output: Path, capsys: Captured
) -> None:
    rows = file_of(tmp_path, "one")
    assert batch(server, rows, output) == 0
    with RawServer(Echo()) as other:
        assert batch(other, rows, output) == 1
        assert other.requests == []
    said = capsys.readouterr().err
    assert "is no journal of agent a at http://127.0.0.1:" in said
    assert "another --output" in said


def test_other_rows_need_another_output(
    server: RawServer, tmp_path: Path, output: Path, capsys: Captured
) -> None:
    assert batch(server, file_of(tmp_path, "one"), output) == 0
    assert batch(server, file_of(tmp_path, "two"), output) == 1
    assert "another --output" in capsys.readouterr().err
    assert [line["input"] for line in lines(output)] == ["one"]


# --- Progress


@pytest.mark.parametrize("has_tqdm", [True, False])
def test_who_watches_sees_how_far_it_is(
    server: RawServer,
    tmp_path: Path,
    output: Path,
    monkeypatch: pytest.MonkeyPatch,
    has_tqdm: bool,
) -> None:
    if not has_tqdm:
        monkeypatch.setitem(sys.modules, "tqdm", None)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert batch(server, file_of(tmp_path, "one", "fail", "three"), output) == 3
    shown = terminal.getvalue()
    assert ("| 3/3 [" if has_tqdm else "\r3 of 3\n") in shown
    told = [line for line in shown.replace("\r", "\n").split("\n") if "has no answer" in line]
    assert len(told) == 1 and told[0].startswith("Row 2"), shown  # a line of its own


# --- What is interrupted


def start(server: RawServer, rows: str, output: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "remoteagent_lite", "batch", server.url, "a", rows]
    return subprocess.Popen(
        [*command, "--output", str(output), "--workers", "1"],
        cwd=str(ROOT),
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_it_goes_on_where_it_was(
    server: RawServer, echo: Echo, tmp_path: Path, output: Path, how: signal.Signals
) -> None:
    rows = file_of(tmp_path, "one", "hold", "three")
    with start(server, rows, output) as process:
        server.wait_for_requests(2)
        assert batch(server, rows, output) == 1  # one at a time
        process.send_signal(how)
        _, said = process.communicate(timeout=20)
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert said.decode() == "The same command goes on where this one was.\n"
    echo.released.set()
    assert batch(server, rows, output) == 0
    assert [line["input"] for line in lines(output)] == ["one", "hold", "three"]
    assert echo.executions == {"one": 1, "hold": 1, "three": 1}
