"""cli.py: what the ``remoteagent`` command says, and what it never says."""

import json
import os
import re
import subprocess
import sys
from typing import Any, Dict, List, Tuple

import pytest

from remoteagent_lite import cli
from tests.peers.faults import Handler, RawServer, hang_up, reply, silence, sse, stream

Captured = pytest.CaptureFixture[str]
SECRET = "s3cr3t-b7"
INFO = {"agno_version": "3.1.10", "auth_mode": "jwt", "agent_count": 2}


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REMOTEAGENT_TOKEN", raising=False)


def in_shell(command: str, **environment: str) -> Tuple[int, str, str]:
    """The command in a shell, where it stands as $R."""
    done = subprocess.run(
        ["sh", "-c", command.replace("$R", '"%s" -m remoteagent_lite' % sys.executable)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(os.environ, **environment),
        timeout=60,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


# --- Standard streams


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_standard_stream_that_is_closed_is_no_traceback(closed: str) -> None:
    events = sse("RunCompleted", '{"event":"RunCompleted","run_id":"r","content":"hi"}')
    with RawServer(stream([events]), reply(b"{}", 404)) as server:
        status, out, complaint = in_shell("$R run %s a hello %s" % (server.url, closed))
        assert "Traceback" not in complaint
        assert status == 0
        assert out == ("" if ">&-" in closed.replace("2>&-", "") else "hi\n")
        status, _, complaint = in_shell("$R info %s %s" % (server.url, closed))
        assert "Traceback" not in complaint
        assert status == 1
        assert ("404" in complaint) == ("2>&-" not in closed)


def test_input_from_a_closed_stream_is_none() -> None:
    status, _, complaint = in_shell("$R run http://127.0.0.1:9 a - <&-")
    assert (status, "Traceback" in complaint) == (1, False)
    assert "must not be empty" in complaint


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")
def test_a_full_disk_is_one_line() -> None:
    events = sse("RunCompleted", '{"event":"RunCompleted","run_id":"r","content":"hi"}')
    with RawServer(stream([events])) as server:
        status, _, complaint = in_shell("$R run %s a hello > /dev/full" % server.url)
    assert status == 1
    assert complaint.startswith("remoteagent: ") and len(complaint.splitlines()) == 1


# --- Secrets


@pytest.mark.parametrize(
    "arguments",
    [
        ["info", "http://user:%s/x@127.0.0.1:9" % SECRET],
        ["info", "http://user:x/%s@127.0.0.1:9" % SECRET],
        ["info", "http://user:%s@127.0.0.1:x" % SECRET],
        ["info", "http://user:%s@127.0.0.1:9" % SECRET],
        ["info", "user:%s@127.0.0.1:9" % SECRET],
        ["info", "http://127.0.0.1:9/?token=%s" % SECRET],
        ["info", "http://127.0.0.1:9", "--token", SECRET],
        ["info", "http://127.0.0.1:9", "--token", SECRET + "\n"],
        ["info", "http://127.0.0.1:9", "--header", "X-Key " + SECRET],
        ["info", "http://127.0.0.1:9", "--header", "X-Key: %s\r" % SECRET],
        ["info", "http://127.0.0.1:9", "--tokn", SECRET],
        ["info", "http://127.0.0.1:9", "--tokn=" + SECRET],
        ["--token", SECRET, "info", "http://127.0.0.1:9"],
        ["--token=" + SECRET, "info", "http://127.0.0.1:9"],
    ],
)
def test_no_secret_is_repeated_in_a_complaint(arguments: List[str], capsys: Captured) -> None:
    try:
        assert cli.main(arguments) == 1
    except SystemExit as error:
        assert error.code == 2
    captured = capsys.readouterr()
    assert captured.err
    assert SECRET not in captured.err + captured.out


def test_a_server_is_shown_without_its_login(capsys: Captured) -> None:
    with RawServer(reply(json.dumps(INFO)), reply("{}")) as server:
        assert cli.main(["info", server.url.replace("//", "//me:%s@" % SECRET)]) == 0
        assert SECRET not in "".join(capsys.readouterr())


# --- What is said of tokens


@pytest.mark.parametrize(
    "given, expected",
    [
        ([], "The rest needs a token: --token or REMOTEAGENT_TOKEN.\n"),
        (
            ["--token", "x"],
            "The token that was given is not accepted, and the rest needs one.\n",
        ),
    ],
)
def test_info_tells_a_missing_token_from_a_refused_one(
    given: List[str], expected: str, capsys: Captured
) -> None:
    refused = reply('{"detail":"Not authenticated"}', 401)
    with RawServer(reply(json.dumps(INFO)), refused) as server:
        assert cli.main(["info", server.url, *given]) == 0
    assert capsys.readouterr().err == expected


# --- JSON


def test_every_line_of_json_has_the_events_name(capsys: Captured) -> None:
    paused = {"run_id": "r", "session_id": "s", "status": "PAUSED"}
    frames = [
        sse("WorkflowStarted", '{"event":"WorkflowStarted","run_id":"r"}'),
        sse("Brand", '{"x":1}'),
        sse("Odd", "[1]"),
        sse("WorkflowPaused", '{"event":"WorkflowPaused","run_id":"r","status":"PAUSED"}'),
        sse("WorkflowRunOutput", json.dumps(paused)),
    ]
    with RawServer(stream(frames)) as server:
        assert cli.main(["run", server.url, "w", "x", "--workflow", "--json"]) == 4
    lines: List[Dict[str, Any]] = [
        json.loads(line) for line in capsys.readouterr().out.splitlines()
    ]
    assert [line["event"] for line in lines] == [
        "WorkflowStarted", "Brand", "Odd", "WorkflowPaused", "WorkflowRunOutput",
    ]  # fmt: skip
    assert lines[-1] == {**paused, "event": "WorkflowRunOutput"}
    assert lines[2] == {"event": "Odd", "data": [1]}


# --- Advice

PYTHON = re.compile(
    r"\b[a-z_]+=[^/\s]*|\b(Timeout|\w*run)\(|base_url|auth_token|allow_hosts|extensions="
)
RUN = ["run", "URL", "a", "x"]
A2A = ["run", "URL", "x", "--a2a"]
CARD = {
    "name": "A", "description": "", "version": "1", "capabilities": {}, "skills": [],
    "defaultInputModes": [], "defaultOutputModes": [], "protocolVersion": "0.3.0",
    "preferredTransport": "JSONRPC",
}  # fmt: skip
DEMANDING = {"extensions": [{"uri": "http://e/x", "required": True}]}


def card(**fields: Any) -> Handler:
    return reply(json.dumps({**CARD, "url": "http://127.0.0.1:9/", **fields}))


@pytest.mark.parametrize(
    "arguments, handlers, advice",
    [
        (["info", "URL"], [reply('{"detail":"no"}', 401)] * 2, "Pass --token with"),
        (["info", "URL"], [reply("<html>", content_type="text/html")], "Is URL the agent server's"),
        (["info", "URL"], [reply("{}", 302, headers=[("Location", "http://x/")])], "use it as URL"),
        (["info", "URL"], [reply('{"detail":"Not Found"}', 404)] * 2, "check URL"),
        (["info", "URL", "--timeout", "0.2"], [silence], "raise --timeout."),
        (["info", "http://127.0.0.1:9"], [], "host and port right?"),
        ([*RUN, "--no-stream", "--timeout", "0.2"], [silence], "raise --timeout."),
        (RUN, [hang_up], "may have executed"),
        (RUN, [stream([sse("A", "{}")])], "before the run had ended."),
        (RUN, [reply("[]")], "Is URL the agent server's?"),
        ([*RUN, "--allow-host", "h"], [], "--allow-host needs --a2a"),
        (A2A, [reply("{}", 404)] * 9, "--binding json-rpc, or --interface-url with --binding."),
        (
            [*A2A, "--token", "t"],
            [card(url="https://elsewhere.example/")],
            "--allow-host https://elsewhere.example",
        ),
        (A2A, [card(capabilities=DEMANDING)], "--extension 'http://e/x'"),
    ],
)
def test_advice_is_given_in_words_of_the_command(
    arguments: List[str], handlers: List[Handler], advice: str, capsys: Captured
) -> None:
    with RawServer(*handlers) as server:
        status = cli.main([server.url if each == "URL" else each for each in arguments])
    assert status == 1
    complaint = capsys.readouterr().err
    assert advice in complaint
    assert not PYTHON.findall(complaint), complaint
