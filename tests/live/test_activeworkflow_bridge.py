"""The bridge from ActiveWorkflow to agents of real AgentOS servers."""

import contextlib
import json
import uuid
from typing import Any, Dict, Iterator, Optional, Sequence

import pytest

from remoteagent_lite import RemoteAgent, RemoteTeam, RemoteWorkflow
from remoteagent_lite.activeworkflow import (
    AgentApp,
    AgentError,
    MemoryStore,
    bridge as bridge_module,
)
from remoteagent_lite.activeworkflow.bridge import Bridge, filled
from remoteagent_lite.activeworkflow.protocol import handle
from remoteagent_lite.activeworkflow.simulator import Simulation, simulate
from tests.peers import faults
from tests.peers.faults import Proxy, RawServer
from tests.peers.server import AGENTOS_LATEST, AGENTOS_VERSIONS, PeerServer
from tests.polling import eventually

REMOTES = [(RemoteAgent, "plain"), (RemoteTeam, "duo"), (RemoteWorkflow, "qa")]
DELETE = "delete /tmp/x"


def message(payload: Dict[str, Any], number: Optional[int] = 1) -> Dict[str, Any]:
    # A stamp of its own: the servers are shared, and keep the runs of other tests.
    return {"id": number, "payload": payload, "created_at": uuid.uuid4().hex}


def deliver(agent: Bridge, given: Optional[Dict[str, Any]], **params: Any) -> Any:
    """The result of a receive (or a check, without message), or the words of a Retry."""
    params = dict({"options": {}, "memory": {}, "credentials": [], "message": given}, **params)
    method = "check" if given is None else "receive"
    answer = handle(agent, {"method": method, "params": params})
    if answer.status != 200:
        return answer.body.decode("utf-8").rstrip()
    return json.loads(answer.body.decode("ascii"))["result"]


def check_until_emitted(simulation: Simulation, count: int, bound: float = 20.0) -> None:
    def checked() -> int:
        simulation.check()
        return len(simulation.messages)

    eventually(checked, lambda emitted: emitted >= count, bound, pause=0.05)


def check_until_failed(simulation: Simulation) -> None:
    def checked() -> Sequence[str]:
        simulation.check()
        return simulation.errors

    eventually(checked)


@contextlib.contextmanager
def cut_at_the_run(remote: Any, proxy: Proxy, after: int) -> Iterator[None]:
    """Break the connection when so many bytes of the answer to run() have come."""
    run = remote.run

    def cut(*arguments: Any, **options: Any) -> Any:
        # On a new connection: the proxy may not be done with the answer before this one.
        remote.close()
        eventually(lambda: not proxy.open_connections)
        proxy.cut_after(after)
        return run(*arguments, **options)

    remote.run = cut
    try:
        yield
    finally:
        del remote.run


def rows(remote: Any, session_id: str) -> int:
    return len(remote.list_runs(session_id))


# --- Answers


@pytest.mark.parametrize(("remote", "id"), REMOTES)
def test_receive_emits_the_answer(agentos: PeerServer, remote: Any, id: str) -> None:
    with remote(agentos.url, id) as component:
        simulation = simulate(Bridge(component, name="AskAgent"))
        job = simulation.receive({"text": "hello"})
    assert job.errors == []
    (emitted,) = job.messages
    assert "echo: hello" in emitted["content"]
    assert (emitted["status"], len(job.attempts)) == ("COMPLETED", 1)
    assert emitted["run_id"]
    assert simulation.memory == {}


@pytest.mark.parametrize(("remote", "id"), REMOTES)
def test_background_runs_are_emitted_by_check(
    agentos_latest: PeerServer, remote: Any, id: str
) -> None:
    with remote(agentos_latest.url, id) as component:
        bridge = Bridge(component, name="AskAgent", background=True)
        simulation = simulate(bridge, workers=1)
        simulation.options["carry"] = ["ticket", "absent"]
        job = simulation.receive({"text": "slow:3:0.1", "ticket": 7})
        assert (job.messages, job.errors) == ([], [])
        assert len(simulation.memory["runs"]) == 1
        assert len(str(simulation.memory)) < 250
        check_until_emitted(simulation, 1)
        assert simulation.messages[0]["ticket"] == 7
        assert "w2" in simulation.messages[0]["content"]
        assert simulation.memory["runs"] == []
        simulation.check()
    assert len(simulation.messages) == 1


def test_overlapping_calls_lose_no_run(
    agentos_latest: PeerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ActiveWorkflow keeps the memory of one of two calls; every answer comes all the same."""
    monkeypatch.setattr(bridge_module, "_GRACE", 0.0)
    with RemoteAgent(agentos_latest.url, "plain") as agent:
        simulation = simulate(Bridge(agent, name="AskAgent", background=True))
        for number in range(12):
            simulation.queue({"text": "number %d" % number})
            if number % 3 == 0:
                simulation.queue_check()
        simulation.run()
        check_until_emitted(simulation, 12)
        simulation.check()
    contents = sorted(emitted["content"] for emitted in simulation.messages)
    assert contents == sorted("echo: number %d" % number for number in range(12))


def test_agents_with_equal_options_keep_their_answers(agentos_latest: PeerServer) -> None:
    with RemoteAgent(agentos_latest.url, "plain") as agent:
        bridge = Bridge(agent, name="AskAgent", background=True)
        ours, others = simulate(bridge), simulate(bridge)
        ours.receive({"text": "ours"})
        others.receive({"text": "others"})
        check_until_emitted(ours, 1)
        check_until_emitted(others, 1)
    assert [each["content"] for each in ours.messages] == ["echo: ours"]
    assert [each["content"] for each in others.messages] == ["echo: others"]


def test_messages_of_one_conversation_share_a_session(agentos_latest: PeerServer) -> None:
    ticket = uuid.uuid4().hex
    with RemoteAgent(agentos_latest.url, "plain") as agent:
        simulation = simulate(Bridge(agent, name="AskAgent", prompt="{{ mail.subject }}?"))
        simulation.options["session"] = "ticket-{ticket}"
        simulation.receive({"ticket": ticket, "mail": {"subject": "one"}})
        simulation.receive({"ticket": ticket, "mail": {"subject": "two"}})
        assert rows(agent, "ticket-" + ticket) == 2
    assert [each["content"] for each in simulation.messages] == ["echo: one?", "echo: two?"]


def test_token_comes_from_a_credential() -> None:
    secret = "key-8c2f-of-the-server"
    with PeerServer(AGENTOS_LATEST, security_key=secret) as server:
        with RemoteAgent(server.url, "plain") as agent:
            bridge = Bridge(agent, name="AskAgent")
            refused = simulate(bridge).receive({"text": "hello"})
            simulation = simulate(bridge, credentials={"agentos": secret})
            simulation.options["token"] = "agentos"
            accepted = simulation.receive({"text": "hello"})
    assert refused.messages == []
    assert "Nothing was run" in refused.errors[0]
    assert accepted.messages[0]["content"] == "echo: hello"


# --- Runs that do not complete


@pytest.mark.parametrize("background", [False, True])
def test_failed_run_is_reported(agentos_latest: PeerServer, background: bool) -> None:
    with RemoteAgent(agentos_latest.url, "my-agent") as agent:
        simulation = simulate(Bridge(agent, name="AskAgent", background=background))
        simulation.receive({"text": "boom"})
        check_until_failed(simulation)
    (error,) = simulation.errors
    assert "ended as ERROR: scripted failure" in error
    assert simulation.messages == []
    assert not simulation.memory.get("runs")


def test_paused_run_is_reported_and_emitted_once_it_goes_on(agentos_latest: PeerServer) -> None:
    with RemoteAgent(agentos_latest.url, "my-agent") as agent:
        simulation = simulate(Bridge(agent, name="AskAgent", background=True))
        simulation.receive({"text": DELETE})
        run_id = simulation.memory["runs"][0]["run"]
        paused: Any = agent.wait_run(run_id, run_id, wait=20)
        simulation.check()
        simulation.check()
        (error,) = simulation.errors
        assert "paused and waits for confirmation of delete_file" in error
        paused.tools_requiring_confirmation[0].confirm()
        agent.continue_run(paused)
        check_until_emitted(simulation, 1)
    assert "deleted /tmp/x" in simulation.messages[0]["content"]
    assert simulation.errors == [error]


def test_paused_run_is_reported_in_the_foreground(agentos: PeerServer) -> None:
    with RemoteAgent(agentos.url, "my-agent") as agent:
        job = simulate(Bridge(agent, name="AskAgent")).receive({"text": DELETE})
    assert "waits for confirmation of delete_file" in job.errors[0]
    assert (job.messages, len(job.attempts)) == ([], 1)


def test_cancelled_run_is_reported(agentos_latest: PeerServer) -> None:
    with RemoteAgent(agentos_latest.url, "plain") as agent:
        simulation = simulate(Bridge(agent, name="AskAgent", background=True))
        simulation.receive({"text": "slow:20:0.05"})
        run_id = simulation.memory["runs"][0]["run"]
        assert agent.cancel_run(run_id, session_id=run_id)
        simulation.check()
    assert "was cancelled" in simulation.errors[0]
    assert simulation.memory["runs"] == []


# --- Never twice


@pytest.mark.parametrize(("remote", "id"), REMOTES)
@pytest.mark.parametrize("fresh", [False, True])
def test_duplicate_delivery_runs_once(
    agentos_latest: PeerServer, remote: Any, id: str, fresh: bool
) -> None:
    """Also by a host that was started anew meanwhile, and by another one beside it."""
    given = message({"text": "hello"})
    with remote(agentos_latest.url, id) as component:
        bridge = Bridge(component, name="AskAgent")
        first = deliver(bridge, given)
        again = deliver(Bridge(component, name="AskAgent") if fresh else bridge, given)
        assert first["messages"] == again["messages"]
        assert rows(component, first["messages"][0]["session_id"]) == 1


def test_long_run_is_found_by_the_next_calls(agentos_latest: PeerServer) -> None:
    given = message({"text": "slow:15:0.1"})
    with RemoteAgent(agentos_latest.url, "plain") as agent:
        bridge = Bridge(agent, name="AskAgent", timeout=1.0)
        assert "has not finished in 1 s" in deliver(bridge, given)
        result = eventually(
            lambda: deliver(bridge, given), lambda answer: not isinstance(answer, str)
        )
        assert "w14" in result["messages"][0]["content"]
        assert rows(agent, result["messages"][0]["session_id"]) == 1


def test_server_that_is_down_is_tried_again() -> None:
    given = message({"text": "hello"})
    with PeerServer(AGENTOS_LATEST) as server, RemoteAgent(server.url, "plain") as agent:
        bridge = Bridge(agent, name="AskAgent")
        server.kill()
        words = deliver(bridge, given)
        assert words.startswith("AskAgent asks to be called again: Cannot connect to " + server.url)
        assert "Nothing was run" in words
        server.start()
        assert deliver(bridge, given)["messages"][0]["content"] == "echo: hello"


def test_server_killed_while_a_background_run_goes_on() -> None:
    with PeerServer(AGENTOS_LATEST) as server, RemoteAgent(server.url, "plain") as agent:
        simulation = simulate(Bridge(agent, name="AskAgent", background=True))
        simulation.options["give_up_after_minutes"] = 1
        simulation.receive({"text": "slow:1000:0.05"})
        server.kill()
        simulation.check()
        assert "have to wait" in simulation.errors[-1]
        assert len(simulation.memory["runs"]) == 1
        server.start()
        simulation.check()
        assert len(simulation.memory["runs"]) == 1
        # An hour later, as far as a new host can tell.
        simulation.memory["runs"][0]["since"] -= 3600
        later = simulate(
            Bridge(agent, name="AskAgent"), options=simulation.options, memory=simulation.memory
        )
        later.check()
    assert "not waited for any longer" in later.errors[0]
    assert later.memory["runs"] == []


def test_connection_that_breaks_after_the_run_was_sent_runs_it_once() -> None:
    given = message({"text": "hello"})
    with PeerServer(AGENTOS_LATEST) as server, Proxy(server.port) as proxy:
        with RemoteAgent(proxy.url, "plain") as agent, RemoteAgent(server.url, "plain") as direct:
            bridge = Bridge(agent, name="AskAgent")
            with cut_at_the_run(agent, proxy, 10):
                result = deliver(bridge, given)
            assert result["messages"][0]["content"] == "echo: hello"
            assert deliver(bridge, given)["messages"] == result["messages"]
            assert rows(direct, result["messages"][0]["session_id"]) == 1


def test_run_the_server_may_have_executed_is_not_sent_again(raw_server: RawServer) -> None:
    """The server takes the run and is gone; when it is back, it knows nothing of it."""
    missing = faults.reply('{"detail": "Run not found"}', 404)
    sent = []

    def handler(connection: Any, request: Any) -> None:
        if request.method == "POST":
            sent.append(request.target)
            faults.hang_up(connection, request)
        else:
            missing(connection, request)

    raw_server.then(handler)
    given = message({"text": "hello"})
    with RemoteAgent(raw_server.url, "plain") as agent:
        bridge = Bridge(agent, name="AskAgent")
        assert "looks for the run and does not begin another" in deliver(bridge, given)
        assert "may have been executed" in deliver(bridge, given)["errors"][0]
    assert len(sent) == 1


def test_component_without_database_is_run_in_the_foreground(raw_server: RawServer) -> None:
    needs = "Background execution requires a database to be configured on the agent"
    output = '{"run_id": "r", "session_id": "s", "status": "COMPLETED", "content": "hi"}'
    bodies = []

    def handler(connection: Any, request: Any) -> None:
        bodies.append(request.body)
        if request.method == "GET":
            answer = faults.reply('{"detail": "Run not found"}', 404)
        elif b"background" in request.body:
            answer = faults.reply('{"detail": "%s"}' % needs, 400)
        else:
            answer = faults.reply(output)
        answer(connection, request)

    raw_server.then(handler)
    given = message({"text": "hello"})
    with RemoteAgent(raw_server.url, "plain") as agent:
        bridge = Bridge(agent, name="AskAgent")
        assert deliver(bridge, given)["messages"][0]["content"] == "hi"
        before = len(bodies)
        assert "may have been executed" in deliver(bridge, given)["errors"][0]
        assert not any(bodies[before:])
        other = message({"text": "hello"}, 2)
        refused = deliver(bridge, other, options={"background": True})
    assert "it has no database. Nothing was run" in refused["errors"][0]


def test_old_server_refuses_background_before_anything_runs() -> None:
    with PeerServer(AGENTOS_VERSIONS[-1]) as server, RemoteAgent(server.url, "plain") as agent:
        job = simulate(Bridge(agent, name="AskAgent", background=True)).receive({"text": "x"})
    assert "needs AgentOS 2.9" in job.errors[0]
    assert job.messages == []


def test_pending_runs_are_bounded(agentos_latest: PeerServer) -> None:
    with RemoteAgent(agentos_latest.url, "plain") as agent:
        bridge = Bridge(agent, name="AskAgent", background=True, max_pending=2)
        simulation = simulate(bridge, workers=1)
        for _ in range(2):
            simulation.receive({"text": "slow:2:0.01"})
        job = simulation.receive({"text": "too many"})
        assert job.is_lost
        assert "is this agent scheduled?" in job.errors[0]
        assert len(simulation.memory["runs"]) == 2


def test_memory_that_is_no_longer_ours_is_survived(agentos_latest: PeerServer) -> None:
    nonsense = {"mark": 5, "runs": [None, {"run": 3}, {"run": "x", "since": "y", "carry": 1}]}
    with RemoteAgent(agentos_latest.url, "plain") as agent:
        job = simulate(Bridge(agent, name="AskAgent"), memory=nonsense).check()
    assert job.failure is None


# --- What users write


def test_prompt_is_made_of_the_message() -> None:
    payload = {"a": "x", "b": {"c": [1, "two"]}, "n": None, "e.f": "dotted"}
    for template, text in (
        ("{a} and {{ a }}", "x and x"),
        ("{b.c.1} {b.c.0} {b}", 'two 1 {"c": [1, "two"]}'),
        ('as JSON: {"k": {a}}', 'as JSON: {"k": x}'),
        ("{e.f}{n}", "dotted"),
    ):
        assert filled("prompt", template, payload) == text
    assert filled("prompt", "{payload}", {"z": 1}) == '{"z": 1}'
    with pytest.raises(AgentError, match="needs `miss`, and there is only `a`, `b`"):
        filled("prompt", "{miss}", payload)


def test_wrong_options_and_messages_run_nothing() -> None:
    with RemoteAgent("http://127.0.0.1:9", "nobody") as agent:
        bridge = Bridge(agent, name="AskAgent")
        for payload, options, words in (
            ({}, {}, "needs `text`, and there are no fields"),
            ({"text": " "}, {}, "came to blank text"),
            ({"text": "x"}, {"timeout": 90}, "`timeout` must be 50 or less"),
            ({"text": "x"}, {"timeout": "soon"}, "`timeout` must be a number"),
            ({"text": "x"}, {"token": "absent"}, "one of your credentials"),
            ({"text": "x" * 3000}, {"carry": ["text"]}, "more than 2000 characters"),
        ):
            assert words in deliver(bridge, message(payload), options=options)["errors"][0]


def test_bridge_registers_with_documentation_of_its_options() -> None:
    bridge = Bridge(RemoteAgent("http://localhost:1", "my-agent"), name="AskAgent", prompt="{q}")
    simulation = simulate(AgentApp(bridge, idempotency=MemoryStore()))
    assert simulation.options["prompt"] == "{q}"
    for part in ("the agent `my-agent`", "| `give_up_after_minutes` |", "scheduled"):
        assert part in simulation.metadata["description"]
