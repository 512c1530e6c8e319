"""What objects and runs are set up with: names, help, the environment, the pool."""

import logging
import pydoc
import threading
import typing
from typing import Any, List

import pytest

from remoteagent_lite import (
    A2AClient,
    AgentOSClient,
    RemoteAgent,
    RemoteTeam,
    RemoteWorkflow,
    RunStream,
    cli,
    options as options_module,
)
from remoteagent_lite.options import (
    TOKEN_VARIABLE,
    URL_VARIABLE,
    CallOptions,
    ClientSettings,
    ContinueOptions,
    RunOptions,
    option_lines,
)
from remoteagent_lite.runs.runner import Runner
from tests.peers.faults import Connection as Peer, RawServer, Request, reply

URL = "http://localhost:7777"
HEALTH = reply(b'{"status": "ok"}')
REMOTES = [(RemoteAgent, "agent_id"), (RemoteTeam, "team_id"), (RemoteWorkflow, "workflow_id")]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    monkeypatch.delenv(TOKEN_VARIABLE, raising=False)


# --- Names


@pytest.mark.parametrize("cls, component_id", REMOTES)
def test_an_unknown_setting_never_leaves_open_which_one_was_meant(
    cls: Any, component_id: str
) -> None:
    for wrong, right in (
        ("token", "auth_token"),
        ("url", "base_url"),
        ("header", "headers"),
        (component_id.replace("_", ""), component_id),
    ):
        with pytest.raises(TypeError, match="^%s .*%s=.*%s=" % (cls.__name__, wrong, right)):
            cls(**{"base_url": URL, component_id: "x", wrong: "y"})
    with pytest.raises(TypeError, match="^%s .*colour=.* takes .*base_url, " % cls.__name__):
        cls(URL, "x", colour="y")


@pytest.mark.parametrize("cls", [AgentOSClient, A2AClient])
def test_clients_name_the_setting_that_was_meant(cls: Any) -> None:
    with pytest.raises(TypeError, match="^%s .*auth_token=" % cls.__name__):
        cls(URL, token="x")


@pytest.mark.parametrize("cls, component_id", REMOTES)
def test_no_component_is_made_without_its_id(cls: Any, component_id: str) -> None:
    with pytest.raises(TypeError, match="%s needs %s=" % (cls.__name__, component_id)):
        cls(URL)


# --- Types and help


def test_type_hints_of_runs_resolve_at_run_time() -> None:
    hints = typing.get_type_hints(Runner.run)
    assert "RunOptions" in str(hints["options"])
    assert "RunStream" in str(hints["return"])
    for function in (
        Runner.continue_run,
        RemoteAgent.__init__,
        RemoteTeam.__init__,
        RemoteWorkflow.__init__,
        AgentOSClient.__init__,
        A2AClient.__init__,
    ):
        assert typing.get_type_hints(function)


@pytest.mark.parametrize(
    "name", [name for name in options_module.__all__ if name.endswith(("Options", "Settings"))]
)
def test_options_are_classes_whose_types_resolve(name: str) -> None:
    options = getattr(options_module, name)
    assert set(typing.get_type_hints(options)) == set(options.__annotations__)


@pytest.mark.parametrize(
    "options, inherited",
    [
        (CallOptions, None),
        (RunOptions, CallOptions),
        (ContinueOptions, CallOptions),
        (ClientSettings, None),
    ],
)
def test_every_option_has_one_line_of_text(options: Any, inherited: Any) -> None:
    names = [line.strip().partition(":")[0] for line in option_lines(options)]
    own = set(options.__annotations__) - set(inherited.__annotations__ if inherited else ())
    assert sorted(names) == sorted(own)


@pytest.mark.parametrize("name, options", [("run", RunOptions), ("continue_run", ContinueOptions)])
def test_help_tells_every_option_in_one_line(name: str, options: Any) -> None:
    agent = RemoteAgent(URL, "a")
    text = pydoc.plain(pydoc.render_doc(getattr(agent, name)))
    lines: List[str] = [line.strip() for line in text.splitlines()]
    for option in options.__annotations__:
        told = [line for line in lines if line.startswith(option + ": ")]
        assert len(told) == 1 and len(told[0]) > len(option) + 10, option


def test_a_stream_of_something_is_a_stream_of_what_it_is_a_kind_of() -> None:
    for variable in RunStream.__parameters__:  # type: ignore[attr-defined]
        assert variable.__covariant__


# --- The environment


def authorizations(server: RawServer) -> List[Any]:
    return [request.headers.get("authorization") for request in server.requests]


def test_url_and_token_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(HEALTH, HEALTH, HEALTH) as server:
        monkeypatch.setenv(URL_VARIABLE, server.url)
        monkeypatch.setenv(TOKEN_VARIABLE, "from-environment")
        assert RemoteAgent(agent_id="a").base_url == server.url
        assert A2AClient().base_url == server.url
        with AgentOSClient() as client:
            client.health()
            client.health(auth_token="of the call")
            client.health(auth_token="")
        expected = ["Bearer from-environment", "Bearer of the call", None]
        assert authorizations(server) == expected


def test_what_the_program_says_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with RawServer(*[HEALTH] * 4) as server:
        monkeypatch.setenv(TOKEN_VARIABLE, "from-environment")
        with_login = server.url.replace("://", "://ann:secret@")
        for client in (
            AgentOSClient(server.url, auth_token="given"),
            AgentOSClient(server.url, headers={"Authorization": "Basic given"}),
            AgentOSClient(with_login),
            AgentOSClient(server.url, auth_token=""),
        ):
            with client:
                client.health()
        given, header, login, none = authorizations(server)
        assert (given, header, none) == ("Bearer given", "Basic given", None)
        assert login.startswith("Basic ")


def test_the_token_of_a_server_in_the_environment_never_goes_to_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with RawServer(HEALTH) as server:
        monkeypatch.setenv(URL_VARIABLE, "https://agents.example.com")
        monkeypatch.setenv(TOKEN_VARIABLE, "from-environment")
        with AgentOSClient(server.url) as client:
            client.health()
        assert authorizations(server) == [None]


def test_a_missing_url_is_refused_with_where_it_can_be_given() -> None:
    for make in (lambda: RemoteAgent(agent_id="a"), AgentOSClient, A2AClient):
        with pytest.raises(ValueError, match="base_url.*%s" % URL_VARIABLE):
            make()


# --- The pool


def test_many_threads_never_make_the_pool_complain(caplog: pytest.LogCaptureFixture) -> None:
    threads = 100
    met = threading.Barrier(threads)

    def together(peer: Peer, request: Request) -> None:
        met.wait(30)
        HEALTH(peer, request)

    with caplog.at_level(logging.WARNING), RawServer(*[together] * threads) as server:
        with AgentOSClient(server.url) as client:
            workers = [threading.Thread(target=client.health) for _ in range(threads)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join(60)
        assert len(server.requests) == threads
    assert not caplog.records


def test_no_more_idle_connections_are_kept_than_were_wished(
    caplog: pytest.LogCaptureFixture,
) -> None:
    met = threading.Barrier(2)

    def together(peer: Peer, request: Request) -> None:
        met.wait(30)
        HEALTH(peer, request)

    with RawServer(together, together, HEALTH) as server:
        with AgentOSClient(server.url, pool_size=1) as client:
            other = threading.Thread(target=client.health)
            other.start()
            client.health()
            other.join(60)
            client.health()
            assert server.connection_count == 2
            server._wait_for(lambda: server.open_connections == 1, 10, "one connection")
    assert not caplog.records  # it is as it was wished
    with pytest.raises(ValueError, match="pool_size"):
        AgentOSClient(URL, pool_size=0).health()


# --- The command


def test_the_command_takes_url_and_token_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    agents = reply(b'[{"id": "story-teller"}]')
    with RawServer(agents, agents) as server, RawServer(agents) as other:
        monkeypatch.setenv(URL_VARIABLE, server.url)
        monkeypatch.setenv(TOKEN_VARIABLE, "from-environment")
        assert cli.main(["agents"]) == 0
        assert cli.main(["agents", "--token", "given"]) == 0
        assert cli.main(["agents", other.url]) == 0
        assert authorizations(server) == ["Bearer from-environment", "Bearer given"]
        assert authorizations(other) == [None]
    assert "story-teller" in capsys.readouterr().out


def test_a_text_that_holds_a_url_is_never_taken_for_the_server(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = reply(b'{"run_id": "r", "session_id": "s", "status": "COMPLETED", "content": "yes"}')
    with RawServer(answer) as server:
        monkeypatch.setenv(URL_VARIABLE, server.url)
        words = ["run", "my-agent", "https://example.com/page says what?", "--no-stream"]
        assert cli.main(words) == 0
        assert server.requests[0].path == "/agents/my-agent/runs"
    assert capsys.readouterr().out == "yes\n"
