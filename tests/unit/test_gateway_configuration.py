"""A gateway out of a file: what may stand in it, what is wrong with it, and how it is served."""

import contextlib
import http.client
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Dict, Iterator, Tuple

import pytest

from remoteagent_lite import RemoteAgent, cli
from remoteagent_lite.gateway import from_file
from remoteagent_lite.gateway.configuration import read
from remoteagent_lite.options import Timeout
from tests import ROOT
from tests.gateways import call, environ_of, opened
from tests.peers.faults import RawServer, reply, stream
from tests.unit.test_gateway import FRAME, an_os

DONE = b'event: RunCompleted\ndata: {"event": "RunCompleted", "run_id": "r"}\n\n'

EXAMPLES = ROOT / "examples" / "gateway"
ROW = {"url": "http://a.invalid", "id": "a"}


def written(folder: Path, data: Any, name: str = "gateway.json") -> str:
    path = folder / name
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return str(path)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Dict[str, str]:
    """What the examples take from it."""
    values = {
        "GATEWAY_KEY": "the-gateways-key",
        "AGENTOS_URL": "http://os.invalid",
        "AGENTOS_KEY": "the-servers-key",
        "A2A_URL": "http://a2a.invalid",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


def test_a_file_says_all_that_a_gateway_takes(tmp_path: Path, environment: Any) -> None:
    path = written(
        tmp_path,
        {
            "os_id": "mine",
            "name": "Mine",
            "a2a": True,
            "public_url": "https://agents.example",
            "trusted_proxies": ["127.0.0.1", "10.0.0.0/8"],
            "runs_per_caller": 3,
            "cors": ["https://app.example"],
            "upstream_auth": "own",
            "port": 1234,
            "threads": 7,
            "auth": {"jwt": {"keys": ["$GATEWAY_KEY"], "algorithms": ["HS256"], "leeway": 5}},
            "agents": [
                {"url": "$AGENTOS_URL", "id": "a", "token": "$AGENTOS_KEY", "timeout": 5},
                {"url": "$A2A_URL", "id": "b", "protocol": "a2a", "a2a_version": "0.3"},
            ],
            "teams": [{**ROW, "timeout": {"connect": 1, "read": 2}}],
            "workflows": [{**ROW, "headers": {"X-Tenant": "t"}}],
        },
    )
    configuration = read(path)
    assert configuration.server == {"port": 1234, "threads": 7}
    first, second, team, workflow = configuration.remotes
    assert (first.base_url, first.id, first.timeout) == ("http://os.invalid", "a", Timeout.of(5))
    assert (second.protocol, team.timeout) == ("a2a", Timeout(connect=1, read=2))
    assert type(workflow).__name__ == "RemoteWorkflow"
    app = configuration.gateway()
    info = call(app, "GET", "/info").json()
    assert (info["os_id"], info["auth_mode"], info["agent_count"]) == ("mine", "jwt", 2)
    assert "the-" not in repr(app)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "nothing to stand before"),
        ([], "the file holds a table"),
        ("{", "gateway.json: "),
        ({"agents": ROW}, "is a list of tables"),
        ({"functions": ["x"]}, "[[functions]] number 1 holds a table"),
        ({"functions": [{"id": "x"}]}, "there is no id"),
        ({"functions": [{"function": "greet"}]}, "must be MODULE:NAME"),
        ({"functions": [{"function": "no_such_module:greet"}]}, "cannot be loaded: No module"),
        ({"functions": [{"function": "sys:path"}]}, "sys:path is no function, but ["),
        ({"agents": [7]}, "number 1 holds a table"),
        ({"agents": [{"id": "a"}]}, "number 1 needs url"),
        ({"agents": [ROW, {"url": "http://b"}]}, "number 2 needs id"),
        ({"agents": [{**ROW, "tokn": "x"}]}, "there is no tokn: did you mean token?"),
        ({"agents": [{**ROW, "auth_token": "x"}]}, "no auth_token"),
        ({"agents": [{"url": "b.invalid", "id": "a"}]}, "number 1: base_url must start"),
        ({"agents": [{**ROW, "token": "$NO_SUCH_NAME"}]}, "the environment has no NO_SUCH_NAME"),
        ({"agents": [{**ROW, "timeout": {"reed": 1}}]}, "reed"),
        ({"agents": [ROW], "port_": 1}, "did you mean port?"),
        ({"agents": [ROW], "auth": {}}, "either keys or jwt"),
        ({"agents": [ROW], "auth": {"keys": []}}, "at least one key"),
        ({"agents": [ROW], "auth": {"jwt": {"keys": ["x"]}}}, "algorithms"),
        ({"agents": [ROW], "auth": {"jwt": {"secret": "x"}}}, "no secret"),
    ],
)
def test_what_is_wrong_in_a_file_is_named_with_its_place(
    tmp_path: Path, data: Any, message: str
) -> None:
    path = written(tmp_path, data)
    with pytest.raises(ValueError, match=r"gateway\.json: ") as caught:
        from_file(path)
    assert message in str(caught.value)


def test_a_gateway_out_of_a_file_keeps_some_idle_connections_and_not_all(tmp_path: Path) -> None:
    path = written(tmp_path, {"agents": [ROW], "teams": [{**ROW, "pool_size": 3}]})
    remotes = read(path).remotes
    adapters = [each._connection.transport()._adapter for each in remotes]
    assert [each._pool_maxsize for each in adapters] == [64, 3]
    for remote in remotes:
        remote.close()


def test_settings_that_do_not_fit_and_files_that_are_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ValueError, match="two agents have the id"):
        from_file(written(tmp_path, {"agents": [ROW, ROW]}))
    row = {"function": "json:dumps"}
    with pytest.raises(ValueError, match='a store is "memory:"'):
        from_file(written(tmp_path, {"functions": [row], "store": "nowhere"}))
    store = "sqlite:///%s/runs.db" % tmp_path
    with from_file(written(tmp_path, {"functions": [row], "store": store})) as gateway:
        assert type(gateway.store).__name__ == "SQLiteStore"
    assert cli.main(["gateway", "--config", str(tmp_path / "none.json")]) == 1
    assert "none.json" in capsys.readouterr().err


def test_toml_takes_a_python_that_reads_it(tmp_path: Path) -> None:
    path = written(tmp_path, '[[agents]]\nurl = "http://a.invalid"\nid = "a"\n', "gateway.toml")
    if sys.version_info >= (3, 11):
        assert [each.id for each in read(path).remotes] == ["a"]
        with pytest.raises(ValueError, match=r"gateway\.toml: .*line 1"):
            read(written(tmp_path, "agents = = 1\n", "gateway.toml"))
    else:
        with pytest.raises(ValueError, match=r"TOML takes Python 3\.11; use JSON"):
            read(path)


def test_check_asks_all_servers_and_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with RawServer(reply('{"id": "a", "name": "Ann"}')) as server:
        good = {"url": server.url, "id": "a"}
        path = written(tmp_path, {"agents": [good]})
        assert cli.main(["gateway", "--config", path, "--check"]) == 0
        assert capsys.readouterr().out == "agent a at %s: Ann\n" % server.url
        dead = {"url": "http://127.0.0.1:1", "id": "b"}
        path = written(tmp_path, {"agents": [good], "teams": [dead]})
        assert cli.main(["gateway", "--config", path, "--check"]) == 1
        told = capsys.readouterr()
        assert "team b at http://127.0.0.1:1: Cannot connect" in told.out
        assert "1 of 2 answer." in told.err


def test_without_waitress_it_says_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "waitress", None)
    assert cli.main(["gateway", "--config", written(tmp_path, {"agents": [ROW]})]) == 1
    assert "remoteagent-lite[serve]" in capsys.readouterr().err


# --- Served


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Any]:
    begun = []

    def begin(*arguments: str, folder: Any = None) -> Tuple[Any, str]:
        command = [sys.executable, "-m", "remoteagent_lite", "gateway", *arguments]
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
        each = subprocess.Popen(
            [*command, "--port", "0"], stderr=subprocess.PIPE, env=environment, cwd=folder
        )
        begun.append(each)
        assert each.stderr is not None
        said = each.stderr.readline().decode()
        assert said.startswith("Serving on http://127.0.0.1:"), said
        return each, said.split()[-1]

    yield begin
    for each in begun:
        each.kill()
        each.wait()
        each.stderr.close()


FUNCTIONS = """
from remoteagent_lite.gateway import Gateway, agent

@agent
def greet(run):
    return "Hello, %s!" % run.text

@agent
def asks(run):
    return run.ask("Who?")

@agent
def waits(run):
    yield "one"
    with open(run.text) as fifo:  # until somebody writes
        yield fifo.read()

app = Gateway(greet, os_id="of-the-application")
number = 7
"""


def test_functions_are_served_out_of_a_file_which_may_be_read_again(
    tmp_path: Path, process: Any
) -> None:
    written(tmp_path, FUNCTIONS, "functions_of_a_file.py")
    rows = [{"function": "functions_of_a_file:" + name} for name in ("greet", "asks", "waits")]
    path = written(tmp_path, {"functions": rows, "os_id": "first"})
    served, url = process("--config", path, folder=tmp_path)
    fifo = str(tmp_path / "fifo")
    os.mkfifo(fifo)
    with contextlib.ExitStack() as stack:
        greet, asks, waits = (
            stack.enter_context(RemoteAgent(url, id)) for id in ("greet", "asks", "waits")
        )
        assert greet.run("you").content == "Hello, you!"
        paused = asks.run("x")
        stream = stack.enter_context(waits.run(fifo, stream=True))
        assert next(stream).event == "RunStarted"
        written(tmp_path, {"functions": rows, "os_id": "second"})
        served.send_signal(signal.SIGHUP)
        told(served, b"has been read again")
        assert asked(url, "/info")["os_id"] == "second"
        Path(fifo).write_text("two")
        assert stream.output().content == "onetwo"  # it went on
        assert waits.get_run(stream.run_id or "", stream.session_id).status == "COMPLETED"
        paused.pending[0].answer(input="me")
        assert asks.continue_run(paused).content == "me"  # what was kept is still there


def test_an_application_is_served_by_its_name(
    tmp_path: Path,
    process: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    written(tmp_path, FUNCTIONS, "functions_of_an_app.py")
    for name, os_id in (("app", "of-the-application"), ("greet", "gateway")):
        _, url = process("functions_of_an_app:" + name, folder=tmp_path)
        assert asked(url, "/info")["os_id"] == os_id
        with RemoteAgent(url, "greet") as agent:
            assert agent.run("you").content == "Hello, you!"
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for arguments, words in (
        (["functions_of_an_app:number"], "is no WSGI app, but 7"),
        (["functions_of_an_app"], "must be MODULE:NAME"),
        (["functions_of_an_app:nothing"], "cannot be loaded"),
        ([], "either an APP"),
        (["functions_of_an_app:app", "--check"], "--check is for a file"),
    ):
        assert cli.main(["gateway", *arguments]) == 1
        assert words in capsys.readouterr().err
    rows = [{"function": "functions_of_an_app:greet"}]
    assert cli.main(["gateway", "--check", "--config", written(tmp_path, {"functions": rows})]) == 0
    assert capsys.readouterr().out == "<agent 'greet'>: ok\n"
    sys.modules.pop("functions_of_an_app").app.close()


def test_it_is_served_streams_and_reads_its_file_again(tmp_path: Path, process: Any) -> None:
    go_on = threading.Event()
    started = b'event: RunStarted\ndata: {"event": "RunStarted", "run_id": "r"}\n\n'
    with RawServer(stream([started, FRAME, go_on, DONE])) as server:
        row = {"url": server.url, "id": "a"}
        path = written(tmp_path, {"os_id": "first", "agents": [row]})
        served, url = process("--config", path)
        with RemoteAgent(url, "a") as agent, agent.run("x", stream=True) as run:
            assert next(run).event == "RunStarted"
            written(tmp_path, {"os_id": "second", "agents": [row, dict(row, id="b")]})
            served.send_signal(signal.SIGHUP)
            told(served, b"has been read again")
            assert asked(url, "/info")["os_id"] == "second"
            written(tmp_path, {"agents": [{"id": "a"}]})
            served.send_signal(signal.SIGHUP)
            told(served, b"nothing has changed: ")
            assert asked(url, "/info")["agent_count"] == 2
            go_on.set()
            assert run.output().status == "COMPLETED"  # begun by the first, and not lost


def told(served: Any, words: bytes) -> None:
    """Read what the gateway says until it has said that; its server warns of a busy machine."""
    assert any(words in line for line in iter(served.stderr.readline, b"")), words


def test_a_client_that_leaves_is_noticed_when_it_is_served(tmp_path: Path, process: Any) -> None:
    with RawServer(stream([FRAME, threading.Event()])) as server:
        row = {"url": server.url, "id": "a"}
        _, url = process("--config", written(tmp_path, {"heartbeat": 0.05, "agents": [row]}))
        with RemoteAgent(url, "a") as agent, agent.run("x", stream=True) as run:
            assert next(run).event == "RunContent"
        (connection,) = server._connections
        connection.wait_until_client_closes()


def test_it_serves_as_many_streams_at_once_as_it_has_threads(tmp_path: Path, process: Any) -> None:
    go_on = threading.Event()
    with RawServer(stream([FRAME, go_on, DONE])) as server, contextlib.ExitStack() as stack:
        row = {"url": server.url, "id": "a"}
        _, url = process("--config", written(tmp_path, {"threads": 130, "agents": [row]}))
        agent = stack.enter_context(RemoteAgent(url, "a", timeout=30))
        runs = [stack.enter_context(agent.run("x", stream=True)) for _ in range(120)]
        assert {next(run).event for run in runs} == {"RunContent"}  # all of them are under way
        go_on.set()
        assert {run.output().status for run in runs} == {"COMPLETED"}


def asked(url: str, path: str) -> Any:
    connection = http.client.HTTPConnection(url.partition("://")[2], timeout=20)
    try:
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


# --- Examples


@pytest.mark.skipif(sys.version_info < (3, 11), reason="TOML takes Python 3.11")
def test_the_file_of_the_example_is_good(environment: Any) -> None:
    configuration = read(EXAMPLES / "gateway.toml")
    assert [each.id for each in configuration.remotes] == ["my-agent", "painter", "qa-workflow"]
    assert configuration.server["threads"] == 64
    assert call(configuration.gateway(), "GET", "/agents").status == 401


@pytest.mark.parametrize("name", ["app", "flask_app"])
def test_the_applications_of_the_example_serve_the_gateway(
    name: str, environment: Dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    with an_os("my-agent") as server:
        monkeypatch.setenv("AGENTOS_URL", server.url)
        try:
            module = importlib.import_module(name)
            mount = "" if name == "app" else "/agents"
            known = {"Authorization": "Bearer " + environment["GATEWAY_KEY"]}
            rows = call(module.app, "GET", mount + "/agents", headers=known).json()
            assert rows[0]["name"] == "MY-AGENT"
            where = environ_of("GET", mount + "/a2a/agents/my-agent/.well-known/agent.json")
            with opened(module.app, {**where, "HTTP_HOST": "h"}) as answer:
                told = json.loads(answer.rest())
            assert told["url"] == "http://h%s/a2a/agents/my-agent" % mount
            if name == "flask_app":
                assert call(module.app, "GET", "/").body == b"The gateway is at /agents."
        finally:
            gateway = sys.modules["app"].app
            gateway.close()
            for each in ("app", "flask_app"):
                sys.modules.pop(each, None)


def test_a_django_site_has_the_gateway_below_it(
    environment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setattr("django.core.wsgi.get_wsgi_application", lambda: answered_by_django)
    try:
        module = importlib.import_module("django_wsgi")
        assert call(module.application, "GET", "/agents/health").json()["status"] == "ok"
        assert call(module.application, "GET", "/").body == b"django"
    finally:
        for each in ("app", "django_wsgi"):
            sys.modules.pop(each, None)


def answered_by_django(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"django"]


def test_what_is_deployed_uses_commands_that_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed = {path.name: path.read_text() for path in (EXAMPLES / "deploy").iterdir()}
    assert "remoteagent gateway --config gateway.toml" in deployed["gateway.service"]
    assert '"remoteagent", "gateway", "--config", "gateway.toml"' in deployed["Dockerfile"]
    with pytest.raises(SystemExit) as left:
        cli.main(["gateway", "--help"])
    assert left.value.code == 0
    told = capsys.readouterr().out
    assert "--config" in told
    assert "--host" in told
