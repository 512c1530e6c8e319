"""What RemoteAgent and its like know of their server, and how agents are continued."""

import json
import pickle
from typing import Any, Dict, List

import pytest

from remoteagent_lite import (
    NotFoundError,
    RemoteAgent,
    RemoteTeam,
    RemoteWorkflow,
    RunOutput,
    UnsupportedError,
)
from remoteagent_lite.models import RunRequirement
from tests.peers.faults import RawServer, reply, silence

REMOTES = [(RemoteAgent, "agent"), (RemoteTeam, "team"), (RemoteWorkflow, "workflow")]


def answer(value: Any, status: int = 200) -> Any:
    return reply(json.dumps(value).encode(), status=status)


def unknown(kind: str) -> Any:
    return answer({"detail": "%s not found" % kind.capitalize()}, 404)


# --- The other components of the server


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("cls, kind", REMOTES)
def test_an_unknown_component_never_leaves_open_what_there_is(
    cls: Any, kind: str, stream: bool
) -> None:
    rows = answer([{"id": "first"}, {"id": "second"}, {"name": "nameless"}])
    with RawServer(unknown(kind), rows) as server, cls(server.url, "x", auth_token="t") as remote:
        with pytest.raises(NotFoundError, match="'first', 'second'") as caught:
            remote.run("hello", stream=stream)
        assert server.requests[1].path == "/%ss" % kind
        assert server.requests[1].headers["authorization"] == "Bearer t"
        assert caught.value.detail == "%s not found" % kind.capitalize()
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_the_ids_that_an_error_lists_are_bounded() -> None:
    rows = answer([{"id": "%04d-" % n + 1000 * "x"} for n in range(500)])
    with RawServer(unknown("agent"), rows) as server, RemoteAgent(server.url, "x") as agent:
        with pytest.raises(NotFoundError, match="and 480 more") as caught:
            agent.run("hello")
        assert len(str(caught.value)) < 3000


def test_what_is_not_found_beside_the_component_asks_for_nothing_else() -> None:
    for detail in ("Session s not found", "Not Found", "Run not found"):
        missing = answer({"detail": detail}, 404)
        with RawServer(missing) as server, RemoteAgent(server.url, "x") as agent:
            with pytest.raises(NotFoundError):
                agent.run("hello")
            assert len(server.requests) == 1


@pytest.mark.parametrize("listing", [answer({"detail": "no"}, 403), reply(b"<html>"), silence])
def test_a_list_that_cannot_be_had_never_hides_the_error(listing: Any) -> None:
    with RawServer(unknown("agent"), listing) as server:
        with RemoteAgent(server.url, "x", timeout=0.5) as agent:
            with pytest.raises(NotFoundError, match="Agent not found"):
                agent.run("hello")


# --- The client


@pytest.mark.parametrize("cls, kind", REMOTES)
def test_the_client_of_a_component_shares_its_token_and_connections(cls: Any, kind: str) -> None:
    done = answer({"run_id": "r", "session_id": "s", "status": "COMPLETED", "content": "yes"})
    with RawServer(done, answer({"status": "ok"})) as server:
        with cls(server.url, "x", auth_token="secret", headers={"X-Mine": "1"}) as remote:
            remote.run("hello")
            assert remote.client.health().status == "ok"
        for request in server.requests:
            assert request.headers["authorization"] == "Bearer secret"
            assert request.headers["x-mine"] == "1"
        assert server.connection_count == 1


def test_a_component_behind_a2a_has_no_client_of_an_agentos() -> None:
    agent = RemoteAgent("http://localhost:7777", "x", protocol="a2a")
    with pytest.raises(UnsupportedError, match="A2AClient"):
        agent.client


# --- Requirements


def paused_run() -> Dict[str, Any]:
    tool = {
        "tool_call_id": "c1",
        "tool_name": "delete_file",
        "tool_args": {"path": "/tmp/x"},
        "requires_confirmation": True,
    }
    return {
        "run_id": "r",
        "session_id": "s",
        "agent_id": "x",
        "status": "PAUSED",
        "tools": [tool],
        "requirements": [{"id": "q1", "tool_execution": tool}],
    }


def sent_tools(server: RawServer) -> List[Any]:
    from urllib.parse import parse_qs

    request = server.requests[-1]
    assert request.path == "/agents/x/runs/r/continue"
    tools: List[Any] = json.loads(parse_qs(request.body.decode())["tools"][0])
    return tools


@pytest.mark.parametrize("by_id", [False, True])
@pytest.mark.parametrize("as_dict", [False, True])
def test_an_agent_is_continued_by_requirements(by_id: bool, as_dict: bool) -> None:
    state, done = paused_run(), dict(paused_run(), status="COMPLETED", content="deleted")
    with RawServer(answer(state), answer(state), answer(done)) as server:
        with RemoteAgent(server.url, "x") as agent:
            paused = agent.run("delete /tmp/x")
            requirements = RunOutput.from_dict(state).active_requirements
            assert [type(each) for each in requirements] == [RunRequirement]
            requirements[0].confirm()
            given: List[Any] = list(requirements)
            if as_dict:
                given = [each.to_dict() for each in requirements]
            output = agent.continue_run("r" if by_id else paused, requirements=given)
            assert output.content == "deleted"
        (tool,) = sent_tools(server)
        assert (tool["tool_call_id"], tool["confirmed"]) == ("c1", True)
        assert tool["tool_args"] == {"path": "/tmp/x"}


def test_an_undecided_requirement_never_continues_an_agent() -> None:
    with RawServer(answer(paused_run())) as server, RemoteAgent(server.url, "x") as agent:
        paused = agent.run("delete /tmp/x")
        with pytest.raises(ValueError, match="delete_file is not decided"):
            agent.continue_run(paused, requirements=paused.active_requirements)
        assert all("continue" not in request.path for request in server.requests)


def test_a_run_without_an_id_is_refused_before_anything_is_sent() -> None:
    agent = RemoteAgent("http://localhost:7777", "x")
    for call in (agent.get_run, agent.wait_run, agent.cancel_run):
        with pytest.raises(ValueError, match="run_id"):
            call(None)
