"""``remoteagent activeworkflow``, on agents of ours and of others."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any, Iterator, List

import pytest

from remoteagent_lite import cli
from remoteagent_lite.activeworkflow import AgentApp, agent
from tests.activeworkflow_server import served
from tests.peers import faults
from tests.peers.faults import RawServer

Captured = pytest.CaptureFixture[str]

ROOT = Path(__file__).resolve().parents[2]
MODULE = """
from remoteagent_lite.activeworkflow import Agent, AgentApp

class Shout(Agent):
    '''Shouts.'''
    name = "ShoutAgent"
    default_options = {"key": "text"}

    def receive(self, ctx):
        ctx.emit({"text": ctx.payload[ctx.options["key"]].upper()})
        ctx.memory["count"] = ctx.memory.get("count", 0) + 1

class Other(Shout):
    name = "OtherAgent"

def function(ctx):
    pass

MODULE = "not an agent"
app = AgentApp(Shout(), token="0123456789abcdef")
two = AgentApp(Shout(), Other())
"""
REGISTRATION = {
    "name": "StrangeAgent",
    "display_name": "Strange",
    "description": "strange",
    "default_options": {},
}


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "shouting.py").write_text(MODULE, "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("shouting", None)


def run(*words: str) -> int:
    return cli.main(["activeworkflow", *words])


def body(**parts: Any) -> str:
    return json.dumps({"result": parts})


def strange(server: RawServer, answer: str, status: int = 200, **registration: Any) -> str:
    """Serve an agent that registers, and answers everything else with ``answer``."""
    registered = body(**dict(REGISTRATION, **registration))

    def handler(connection: Any, request: Any) -> None:
        called = json.loads(request.body)["method"]
        faults.reply(registered if called == "register" else answer, status)(connection, request)

    server.then(handler)
    return "http://127.0.0.1:%d/agent" % server.port


# --- run


@pytest.mark.parametrize("target", ["shouting:Shout", "shouting:app"])
def test_run_delivers_a_message(module: Path, capsys: Captured, target: str) -> None:
    (module / "payload.json").write_text('{"text": "hi"}')
    (module / "memory.json").write_text('{"count": 4}')
    assert run("run", target, "--payload", "payload.json", "--memory", "memory.json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["messages"] == [{"text": "HI"}]
    assert (told["memory"], told["attempts"], told["failure"]) == ({"count": 5}, 1, None)


def test_run_checks_without_a_payload_and_reports_errors(module: Path, capsys: Captured) -> None:
    assert run("run", "shouting:Shout") == 0
    assert "works on messages" in capsys.readouterr().out
    (module / "payload.json").write_text('{"txt": "hi"}')
    assert run("run", "shouting:Shout", "--payload", "payload.json") == 3
    assert json.loads(capsys.readouterr().out)["errors"] == ["KeyError: 'text'"]


WRONG_TARGETS = [
    ("shouting", "must be MODULE:NAME"),
    ("shouting:", "must be MODULE:NAME"),
    ("shouting:Nobody", "cannot be loaded"),
    ("absent:x", "cannot be loaded: No module named 'absent'"),
    ("shouting:MODULE", "is neither an AgentApp nor an Agent"),
    ("shouting:function", "is neither an AgentApp nor an Agent"),
    ("failing:app", "cannot be loaded: ZeroDivisionError: division by zero ("),
    ("misnamed:Wrong", "cannot be loaded: ValueError: 'wrong' cannot be an agent's name"),
    ("misspelt:app", "cannot be loaded: "),
    ("script:app", "cannot be loaded: SystemExit: 5 ("),
]
WRONG_FILES = [
    ("--payload", "list.json", "must hold a JSON object"),
    ("--payload", "shouting.py", "is not JSON"),
    ("--payload", "latin1.json", "is not JSON"),
    ("--payload", "nan.json", "is not JSON: JSON has no NaN"),
    ("--payload", "deep.json", "is not JSON"),
    ("--payload", "absent.json", "absent.json cannot be read"),
    ("--options", ".", "cannot be read"),
    ("--credentials", "number.json", "the value of credential n must be text"),
]


@pytest.fixture
def wrong_files(module: Path) -> Path:
    (module / "list.json").write_text("[]")
    (module / "latin1.json").write_bytes(b'{"a": "\xe9"}')
    (module / "nan.json").write_text('{"a": NaN}')
    (module / "number.json").write_text('{"n": 1}')
    (module / "deep.json").write_text('{"a":' * 100000)
    (module / "failing.py").write_text("app = 1 / 0\n")
    (module / "misspelt.py").write_text("app = (\n")
    (module / "script.py").write_text("raise SystemExit(5)\n")
    (module / "misnamed.py").write_text(
        "from remoteagent_lite.activeworkflow import Agent\nclass Wrong(Agent): name = 'wrong'\n"
    )
    return module


def is_one_line_of_usage(capsys: Captured, complaint: str) -> bool:
    captured = capsys.readouterr()
    assert captured.out == ""
    assert complaint in captured.err
    return captured.err.count("\n") == 1


@pytest.mark.parametrize("command", ["run", "serve"])
@pytest.mark.parametrize(("target", "complaint"), WRONG_TARGETS)
def test_a_target_that_cannot_be_used_is_wrong_usage(
    wrong_files: Path, capsys: Captured, command: str, target: str, complaint: str
) -> None:
    assert run(command, target) == 2
    assert is_one_line_of_usage(capsys, complaint)


@pytest.mark.parametrize("command", [["run", "shouting:Shout"], ["check", "http://127.0.0.1:9/"]])
@pytest.mark.parametrize(("option", "file", "complaint"), WRONG_FILES)
def test_a_file_that_cannot_be_used_is_wrong_usage(
    wrong_files: Path, capsys: Captured, command: List[str], option: str, file: str, complaint: str
) -> None:
    assert run(*command, option, file) == 2
    assert is_one_line_of_usage(capsys, complaint)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["run", "shouting:two"], "which agent? The app has ShoutAgent, OtherAgent"),
        (["run", "shouting:two", "--name", "NoAgent"], "which agent?"),
        (["run", "shouting:Shout", "--memory", "list.json"], "must hold a JSON object"),
        (["serve", "shouting:app", "--host", "no.such.host.invalid"], "no.such.host.invalid"),
        (["check", "localhost:5000/agent"], "must start with http"),
        (["check", "ftp://localhost/agent"], "must start with http"),
        (["check", "http:///agent"], "must start with http"),
        (["check", "http://localhost:99999/agent"], "no proper host and port"),
        (["check", "http://localhost:x/agent"], "no proper host and port"),
        (["check", "http://a..b/agent"], "no proper host and port"),
        (["check", "http://localhost/my agent"], "must be quoted"),
        (["check", "http://localhost/\u00e9"], "must be quoted"),
    ],
)
def test_wrong_usage_is_one_line_and_exits_with_2(
    wrong_files: Path, capsys: Captured, words: List[str], complaint: str
) -> None:
    assert run(*words) == 2
    assert is_one_line_of_usage(capsys, complaint)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["run"],
        ["check"],
        ["start"],
        ["check", "http://localhost/", "--nonsense"],
        ["serve", "shouting:app", "--port", "65536"],
        ["serve", "shouting:app", "--port", "-1"],
        ["serve", "shouting:app", "--port", "http"],
    ],
)
def test_words_that_are_no_command_exit_with_2(
    module: Path, capsys: Captured, words: List[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*words)
    assert ended.value.code == 2
    assert "usage: " in capsys.readouterr().err


def test_serve_on_a_port_that_is_taken_exits_with_1(module: Path, capsys: Captured) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert run("serve", "shouting:app", "--port", str(taken.getsockname()[1])) == 1
    assert "in use" in capsys.readouterr().err


# --- serve


def test_serve_prints_urls_and_answers(module: Path) -> None:
    environment = dict(os.environ, PYTHONPATH=str(ROOT))
    command = [sys.executable, "-m", "remoteagent_lite", "activeworkflow", "serve"]
    with subprocess.Popen(
        [*command, "shouting:app", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=str(module),
        env=environment,
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline().decode().strip()
        name, _, url = line.partition("=")
        assert name == "REMOTE_AGENT_URL"
        with urllib.request.urlopen(url) as response:
            assert b"ShoutAgent is ready" in response.read()
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"0123456789abcdef" not in complaint


def test_serve_registers_while_agents_work(capsys: Captured) -> None:
    entered, leave = threading.Event(), threading.Event()

    @agent(name="BusyAgent")
    def busy(ctx: Any) -> None:
        entered.set()
        leave.wait(20)

    with served(busy) as url:
        worker = threading.Thread(target=run, args=("check", url))
        worker.start()
        assert entered.wait(20)
        assert run("check", url, "--register-only") == 0
        leave.set()
        worker.join()
    assert "registers as BusyAgent" in capsys.readouterr().out


# --- check


def test_check_of_an_agent_of_ours_finds_nothing(capsys: Captured, tmp_path: Path) -> None:
    handled = []

    @agent(name="EchoAgent", on="both")
    def echo(ctx: Any) -> None:
        handled.append(ctx.message_id)
        ctx.emit(ctx.payload)

    payload = tmp_path / "payload.json"
    payload.write_text('{"a": "<é>"}', "utf-8")
    with served(AgentApp(echo, token="0123456789abcdef")) as url:
        assert run("check", url, "--payload", str(payload)) == 0
        lines = capsys.readouterr().out.splitlines()
        assert run("check", url, "--json") == 0
        found = json.loads(capsys.readouterr().out)
    assert {line.split()[0] for line in lines} == {"ok"}
    assert {finding["level"] for finding in found} == {"ok"}
    # Two checks of three messages each, one of them delivered twice, and one check.
    assert len(handled) == 8


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ("<html>oops</html>", "unexpected token at '<html>oops</html>'"),
        ("{}", 'key not found: "result"'),
        (body(messages=[None]), "messages[0] is null"),
        (body(logs=[""]), "can't be blank"),
        (body(memory=None), "`memory` is null"),
    ],
)
def test_check_reports_what_would_fail(
    raw_server: RawServer, capsys: Captured, answer: str, complaint: str
) -> None:
    assert run("check", strange(raw_server, answer)) == 3
    out = capsys.readouterr().out
    assert "fail  receive: " in out
    assert complaint in out


def test_check_reports_registrations(raw_server: RawServer, capsys: Captured) -> None:
    url = strange(raw_server, "{}", name="my agent")
    assert run("check", url, "--register-only") == 3
    assert "cannot be an agent's name" in capsys.readouterr().out
    assert len(raw_server.requests) == 1
    request = raw_server.requests[0]
    assert request.body == b'{"method":"register","params":{}}'


def test_check_reports_redirects_and_statuses(raw_server: RawServer, capsys: Captured) -> None:
    assert run("check", strange(raw_server, body(), status=302)) == 3
    assert "a redirect (302) is not followed" in capsys.readouterr().out
    with RawServer() as other:
        assert run("check", strange(other, body(), status=500)) == 0
    assert "warn  receive: status 500" in capsys.readouterr().out


def test_check_reports_what_is_done_twice(raw_server: RawServer, capsys: Captured) -> None:
    count = 0

    def handler(connection: Any, request: Any) -> None:
        nonlocal count
        count += 1
        called = json.loads(request.body)["method"]
        answer = body(**REGISTRATION) if called == "register" else body(messages=[{"n": count}])
        faults.reply(answer)(connection, request)

    raw_server.then(handler)
    assert run("check", "http://127.0.0.1:%d/" % raw_server.port) == 0
    assert "is done again" in capsys.readouterr().out


def test_check_of_nobody_exits_with_1(capsys: Captured) -> None:
    assert run("check", "http://127.0.0.1:9/agent") == 1
    assert "no answer from the agent" in capsys.readouterr().err
    assert run("check", "localhost:5000/agent") == 2
    assert "must start with http" in capsys.readouterr().err


def test_other_commands_do_not_load_this_one() -> None:
    code = (
        "import sys; from remoteagent_lite import cli\n"
        "try: cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "assert not [name for name in sys.modules if 'activeworkflow' in name]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_the_host_needs_no_requests() -> None:
    code = (
        "import sys; from remoteagent_lite.activeworkflow import Agent, AgentApp\n"
        "from remoteagent_lite.activeworkflow import simulator, commands\n"
        "assert 'requests' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
