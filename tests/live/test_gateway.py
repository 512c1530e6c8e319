"""The gateway before real AgentOS servers: clients see what they see without it.

The library's own tests of a server are run against the gateway, as they are.
"""

import contextlib
import http.client
import json
import os
import queue
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Iterator, List, NamedTuple, Optional

import jwt
import pytest

from remoteagent_lite import (
    AgentOSClient,
    PushReceiver,
    RemoteAgent,
    RemoteTeam,
    RemoteWorkflow,
    ServerError,
    StreamInterruptedError,
)
from remoteagent_lite.gateway import JWT, Gateway, Keys
from remoteagent_lite.testing import serve
from tests.live.test_agentos import (
    agent,
    test_big_event_arrives_whole,
    test_blocking_run,
    test_cancel_tells_the_truth_about_finished_and_unknown_runs,
    test_configuration,
    test_confirmed_tool_is_executed,
    test_events_switched_off,
    test_failed_run_is_a_value,
    test_many_events_arrive_in_order,
    test_own_run_and_session_ids_are_used,
    test_run_in_another_thread_is_cancelled,
    test_sessions_of_the_components_database,
    test_streamed_run,
    test_streamed_run_is_cancelled,
    test_text_with_every_line_separator_arrives_whole,
    test_workflow_and_team_are_cancelled,
)
from tests.live.test_background import (
    test_background_run_is_polled_to_its_end,
    test_background_stream_is_cancelled,
    test_stream_is_resumed_by_hand,
    test_unknown_run_cannot_be_resumed,
)
from tests.live.test_data import (
    client,
    db,
    test_checkpoints_and_forks,
    test_databases_are_migrated,
    test_memory_from_birth_to_death,
    test_runs_of_a_session,
    test_session_from_birth_to_death,
    test_what_the_server_hosts,
    test_what_the_server_says_about_itself,
)
from tests.live.test_hitl import (
    stream,
    team,
    test_team_own_tool,
    test_workflow_by_id,
    test_workflow_confirmation,
    workflow,
)
from tests.live.test_media import test_documents_reach_every_version_whole
from tests.peers.environments import python_of
from tests.peers.faults import Proxy
from tests.peers.server import A2A_SDK, A2A_SDK_03, ADK, AGENTOS_LATEST, PeerServer

__all__ = [
    "agent",
    "client",
    "db",
    "stream",
    "team",
    "test_background_run_is_polled_to_its_end",
    "test_background_stream_is_cancelled",
    "test_big_event_arrives_whole",
    "test_blocking_run",
    "test_cancel_tells_the_truth_about_finished_and_unknown_runs",
    "test_checkpoints_and_forks",
    "test_configuration",
    "test_confirmed_tool_is_executed",
    "test_databases_are_migrated",
    "test_documents_reach_every_version_whole",
    "test_events_switched_off",
    "test_failed_run_is_a_value",
    "test_many_events_arrive_in_order",
    "test_memory_from_birth_to_death",
    "test_own_run_and_session_ids_are_used",
    "test_run_in_another_thread_is_cancelled",
    "test_runs_of_a_session",
    "test_session_from_birth_to_death",
    "test_sessions_of_the_components_database",
    "test_stream_is_resumed_by_hand",
    "test_streamed_run",
    "test_streamed_run_is_cancelled",
    "test_team_own_tool",
    "test_text_with_every_line_separator_arrives_whole",
    "test_unknown_run_cannot_be_resumed",
    "test_what_the_server_hosts",
    "test_what_the_server_says_about_itself",
    "test_workflow_and_team_are_cancelled",
    "test_workflow_by_id",
    "test_workflow_confirmation",
    "workflow",
]

CLIENTS = Path(__file__).resolve().parent.parent / "peers" / "agno_clients.py"


class Fronted(NamedTuple):
    """What stands in for the server in tests of servers."""

    url: str
    name: str


def all_of(url: str) -> List[Any]:
    """A Remote* object for all that a server hosts."""
    with AgentOSClient(url) as client:
        config = client.get_config()
    return [
        *(RemoteAgent(url, each.id or "") for each in config.agents),
        *(RemoteTeam(url, each.id or "") for each in config.teams),
        *(RemoteWorkflow(url, each.id or "") for each in config.workflows),
    ]


@contextlib.contextmanager
def before(*components: Any, **options: Any) -> Iterator[str]:
    with Gateway(*components, os_id="peer-os", name="Peer OS", **options) as gateway:
        with serve(gateway) as url:
            yield url
    for each in components:
        each.close()


@pytest.fixture(scope="module")
def upstream(agentos_servers: Any) -> PeerServer:
    if AGENTOS_LATEST not in agentos_servers:
        agentos_servers[AGENTOS_LATEST] = PeerServer(AGENTOS_LATEST).start()
    server: PeerServer = agentos_servers[AGENTOS_LATEST]
    return server


@pytest.fixture(scope="module")
def components(upstream: PeerServer) -> List[Any]:
    found = all_of(upstream.url)
    for each in found:
        each.close()
    return found


@pytest.fixture
def agentos(components: List[Any]) -> Iterator[Fronted]:
    with before(*components) as url:
        yield Fronted(url, AGENTOS_LATEST)


@pytest.fixture
def agentos_latest(agentos: Fronted) -> Fronted:
    return agentos


@pytest.fixture
def newer(agentos: Fronted) -> Fronted:
    return agentos


def test_agnos_own_clients_see_the_same_through_it(upstream: PeerServer, agentos: Fronted) -> None:
    command = [python_of(AGENTOS_LATEST), "-P", str(CLIENTS), upstream.url, agentos.url]
    environment = dict(os.environ, AGNO_TELEMETRY="false")
    printed = subprocess.check_output(command, timeout=120, env=environment)
    direct, through = json.loads(printed.splitlines()[-1])
    config = through.pop("config")
    # The gateway's own: what it is called apart, all is the upstream's.
    for name in ("databases", "session", "memory", "agents", "teams", "workflows"):
        assert config[name] == direct["config"][name], name
    del direct["config"]
    assert through.keys() == direct.keys()
    for name, seen in direct.items():
        assert through[name] == seen, name
    assert "tool said: deleted /x" in json.dumps(direct["agent decided"])
    assert "RunCompleted" in json.dumps(direct["agent stream"])


def test_a_chain_of_two_gateways_works(agentos: Fronted) -> None:
    with before(RemoteAgent(agentos.url, "plain"), RemoteWorkflow(agentos.url, "qa")) as url:
        with RemoteAgent(url, "plain") as last, RemoteWorkflow(url, "qa") as workflow:
            assert last.run("hello").content == "echo: hello"
            with last.run("slow:10:0.02", stream=True, background=True) as stream:
                run_id, session_id = stream.run_id or "", stream.session_id
                next(stream)
            assert last.wait_run(run_id, session_id, wait=20).status == "COMPLETED"
            assert "echo" in "".join(workflow.run("hello", stream=True).text())
            assert last.name == "Plain"


def test_of_two_gateways_one_can_go_in_mid_stream(upstream: PeerServer) -> None:
    """They share nothing: a client that resumes goes on with the other."""
    with contextlib.ExitStack() as stack:
        ports = [
            int(stack.enter_context(before(RemoteAgent(upstream.url, "plain"))).split(":")[-1])
            for _ in range(2)
        ]
        proxy = stack.enter_context(Proxy(ports[0]))
        agent = stack.enter_context(RemoteAgent(proxy.url, "plain"))
        stream = agent.run("slow:20:0.02", stream=True, background=True)
        events = [next(stream) for _ in range(5)]
        proxy.upstream_port = ports[1]
        proxy.cut()
        events += list(stream)
        assert proxy.connection_count == 2
        numbers = [each.event_index for each in events]
        assert numbers == list(range(len(numbers)))
        assert stream.output().content.split() == ["w%d" % n for n in range(20)]


def test_an_upstream_that_is_killed_or_hangs_takes_nobody_along(
    upstream: PeerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("remoteagent_lite.gateway.renewal.FRESH", 0.0)
    monkeypatch.setattr("remoteagent_lite.gateway.agentos.WAIT", 0.5)
    with PeerServer(AGENTOS_LATEST) as victim, contextlib.ExitStack() as stack:
        remotes = [
            RemoteAgent(victim.url, "assistant"),
            RemoteAgent(upstream.url, "plain"),
            RemoteTeam(victim.url, "duo", timeout=0.5),
        ]
        url = stack.enter_context(before(*remotes))
        lost = stack.enter_context(RemoteAgent(url, "assistant"))
        kept = stack.enter_context(RemoteAgent(url, "plain"))
        team = stack.enter_context(RemoteTeam(url, "duo"))
        client = stack.enter_context(AgentOSClient(url))
        assert [each.name for each in client.list_agents()] == ["Assistant", "Plain"]

        dying = stack.enter_context(lost.run("slow:400:0.02", stream=True))
        living = stack.enter_context(kept.run("slow:20:0.02", stream=True))
        next(dying), next(living)
        victim.kill()
        with pytest.raises(StreamInterruptedError, match=victim.url):
            dying.output()
        assert living.output().status == "COMPLETED"
        with pytest.raises(ServerError, match=victim.url):
            lost.run("x")
        down, up = client.request("GET", "/agents")
        assert victim.url in down["metadata"]["unavailable"]
        assert (down["name"], up["name"]) == ("Assistant", "Plain")
        assert "metadata" not in up

        # One that begins while its server is down does as well as one that has seen it.
        late_url = stack.enter_context(before(RemoteAgent(victim.url, "plain")))
        late = stack.enter_context(RemoteAgent(late_url, "plain"))
        with pytest.raises(ServerError, match=victim.url):
            late.run("x")
        victim.start()
        assert late.run("x").content == "echo: x"
        assert lost.run("again").content == "echo: again"
        process = victim.pid
        assert process is not None
        os.kill(process, signal.SIGSTOP)
        try:
            hung, up = client.request("GET", "/agents")
            assert victim.url in hung["metadata"]["unavailable"]
            assert "metadata" not in up
            with pytest.raises(ServerError, match="504.*%s" % victim.url):
                team.run("x")
            assert kept.run("x").content == "echo: x"
            assert client.health().status == "ok"
        finally:
            os.kill(process, signal.SIGCONT)


VERBS = ["hello", "chunks 5", "replace 3", "progress 2", "message hi", "fail why", "reject so",
         "final x", "files", "data", "unicode", "big 100000"]  # fmt: skip


def test_agents_on_a2a_servers_answer_as_without_it(a2a_sdk: PeerServer) -> None:
    settings: Any = {"protocol": "a2a"}
    with RemoteAgent(a2a_sdk.url, "painter", **settings) as direct:
        with before(direct) as url, RemoteAgent(url, "painter") as through:
            for verb in VERBS:
                mine, theirs = through.run(verb), direct.run(verb)
                assert mine.status == theirs.status, verb
                content = theirs.content if theirs.content is not None else theirs.reason
                assert mine.content == content, verb
                files = [[each.to_dict() for each in run.files or []] for run in (mine, theirs)]
                assert files[0] == files[1], verb
                with through.run(verb, stream=True) as streamed:
                    output = streamed.output()
                assert output.status == theirs.status, verb
                if output.status == "COMPLETED":
                    assert output.content == theirs.content, verb
            paused = through.run("ask")
            paused.pending[0].answer(input="blue")
            assert through.continue_run(paused).content == "you said: blue"
            slow = through.run("slow 5", background=True)
            assert through.wait_run(slow.run_id, wait=20).content == "w0 w1 w2 w3 w4 "
            with through.run("hang", stream=True) as hanging:
                assert "w0 " in next(hanging.text())
                assert hanging.cancel()
            with pytest.raises(ServerError, match="501.*A2A numbers no events"):
                through.resume(slow.run_id or "")


def test_agnos_client_runs_a2a_agents_through_it(a2a_sdk: PeerServer, upstream: PeerServer) -> None:
    remotes = [
        RemoteAgent(a2a_sdk.url, "painter", protocol="a2a"),
        RemoteTeam(a2a_sdk.url, "painters", protocol="a2a"),
    ]
    with before(*remotes) as url:
        command = [python_of(AGENTOS_LATEST), "-P", str(CLIENTS), "--a2a", url]
        printed = subprocess.check_output(command, timeout=120)
    seen = json.loads(printed.splitlines()[-1])
    assert seen == {
        "painter": ["echo: hello", "echo: hello", "COMPLETED", "you said: blue", "w0 w1 w2 "],
        "painters": ["echo: hello", "echo: hello", "COMPLETED", "you said: blue", "w0 w1 w2 "],
    }


SECRET = "a-secret-of-more-than-thirty-two-bytes"


def token(key: str = SECRET, **claims: Any) -> str:
    claims = {"sub": "ann", "exp": time.time() + 60, "scopes": ["agent_os:admin"], **claims}
    return "Bearer " + jwt.encode(claims, key, algorithm="HS256")


@pytest.mark.parametrize("mode", ["keys", "tokens"])
def test_its_door_says_what_an_agentos_says(mode: str) -> None:
    """The same requests, to the server and to a gateway that has the same lock."""
    sent: List[Optional[str]]
    if mode == "keys":
        server, door = PeerServer(AGENTOS_LATEST, security_key=SECRET), Keys(SECRET)
        sent = [None, "Bearer " + SECRET, SECRET, "Bearer wrong"]
    else:
        server, door = PeerServer(AGENTOS_LATEST, jwt_key=SECRET), JWT([SECRET], ["HS256"])
        limited = ["agents:plain:run", "config:read"], ["agents:*:read"], ["sessions:read"], []
        sent = [None, token(), token(exp=time.time() - 60), "Bearer wrong"]
        sent += [token(scopes=each) for each in limited]
    asked = [
        ("GET", "/info"),
        ("GET", "/health"),
        ("GET", "/agents"),
        ("GET", "/agents/plain"),
        ("GET", "/agents/nobody"),
        ("GET", "/teams"),
        ("GET", "/sessions/none"),
        ("POST", "/agents/plain/runs"),
        ("POST", "/agents/plain/runs/none/cancel"),
        ("GET", "/config"),
    ]
    with server:
        remotes = [RemoteAgent(server.url, "plain"), RemoteAgent(server.url, "my-agent")]
        with before(*remotes, auth=door, upstream_auth="forward") as url:
            for authorization in sent:
                for method, path in asked:
                    answers = [
                        answered(each, method, path, authorization) for each in (server.url, url)
                    ]
                    assert answers[0] == answers[1], (method, path, authorization)
                    assert answers[0][0] != 500


def answered(url: str, method: str, path: str, authorization: Optional[str]) -> Any:
    """The status and what of the body is the door's."""
    headers = {} if authorization is None else {"Authorization": authorization}
    connection = http.client.HTTPConnection(url.partition("://")[2], timeout=20)
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        value = json.loads(response.read())
    finally:
        connection.close()
    if path == "/info":
        value = value["auth_mode"]
    elif isinstance(value, list):  # the gateway has not all of them
        value = [each["id"] for each in value if each["id"] in ("plain", "my-agent")]
    elif "detail" not in value:
        value = sorted(value) if path.startswith("/agents") else None
    return response.status, value


# --- As A2A agents


@pytest.mark.parametrize(
    ("peer", "kind", "bindings"),
    [
        (A2A_SDK, "sdk", ["JSONRPC", "HTTP+JSON"]),
        (A2A_SDK_03, "sdk-0.3", ["JSONRPC", "HTTP+JSON"]),
        (AGENTOS_LATEST, "agno", ["rest", "json-rpc"]),
        (ADK, "adk", ["any"]),
    ],
)
def test_a2a_clients_of_others_run_agents_of_an_agentos(
    upstream: PeerServer, peer: str, kind: str, bindings: List[str]
) -> None:
    script = CLIENTS.with_name("a2a_clients.py")
    told: "queue.Queue[Any]" = queue.Queue()
    settings: Any = {"a2a": True, "push_hosts": ["127.0.0.1"]}
    with serve(PushReceiver(told.put, token="token-0123")) as hook:
        with before(RemoteAgent(upstream.url, "my-agent"), **settings) as url:
            command = [python_of(peer), "-P", str(script), kind, url + "/a2a/agents/my-agent"]
            seen = json.loads(
                subprocess.check_output(
                    [*command, *bindings], timeout=120, env={**os.environ, "HOOK": hook}
                )
            )
            for _ in bindings if kind == "sdk" else ():
                posted = [told.get(timeout=30)]
                while posted[-1].state != "completed":
                    posted.append(told.get(timeout=30))
                pieces = [each for each in posted if each.kind == "artifact-update"]
                assert posted[0].kind == "task"
                parts = pieces[-1].raw["artifactUpdate"]["artifact"]["parts"]
                assert parts == [{"text": "echo: hello world"}]
    echo = "echo: hello world"
    for binding in bindings:
        assert (
            seen[binding]
            == {
                "sdk": {
                    "whole": ["task", "task", echo],
                    "streamed": ["task", "statusUpdate", echo],
                    "got": "TASK_STATE_COMPLETED",
                    "listed": [True],
                    "asks": "TASK_STATE_INPUT_REQUIRED",
                    "answered": "tool said: deleted /x",
                    "over": "TaskNotCancelableError",
                    "unknown": "TaskNotFoundError",
                },
                "sdk-0.3": {
                    "whole": ["completed", echo],
                    "streamed": ["completed", echo],
                    "got": "completed",
                },
                "adk": {"last": [echo]},
                "agno": {
                    # By its other protocol Agno's client reads no artifacts, whoever sends them.
                    "whole": ["completed", echo if binding == "rest" else ""],
                    "streamed": [echo, "task", True, echo]
                    if binding == "rest"
                    else [echo, "completed", True, None],
                },
            }[kind]
        )


@pytest.mark.parametrize(("version", "binding"), [("1.0", "json-rpc"), ("0.3", "rest")])
def test_ours_runs_agents_of_both_kinds_over_a2a(
    upstream: PeerServer, a2a_sdk: PeerServer, version: str, binding: str
) -> None:
    fronted = [
        RemoteAgent(upstream.url, "my-agent"),
        RemoteTeam(upstream.url, "my-team"),
        RemoteWorkflow(upstream.url, "qa"),
        RemoteAgent(a2a_sdk.url, "painter", protocol="a2a"),
    ]
    ways: Any = {"protocol": "a2a", "a2a_version": version, "a2a_protocol": binding}
    with before(*fronted, a2a=True) as url, contextlib.ExitStack() as stack:
        agents = url + "/a2a/agents/"
        agent = stack.enter_context(RemoteAgent(agents + "my-agent", "my-agent", **ways))
        team = stack.enter_context(RemoteTeam(url + "/a2a/teams/my-team", "my-team", **ways))
        qa = stack.enter_context(RemoteWorkflow(url + "/a2a/workflows/qa", "qa", **ways))
        painter = stack.enter_context(RemoteAgent(agents + "painter", "painter", **ways))
        assert (agent.name, painter.name) == ("My Agent", "Echo")
        assert team.run("delegate:plain hello").content == "tool said: echo: hello"
        for remote in (agent, team, qa, painter):
            whole = remote.run("hello")
            with remote.run("hello", stream=True) as streamed:
                assert streamed.output().content == whole.content == whole.content.strip()
            assert whole.status == "COMPLETED"
        assert agent.run("boom").reason == "scripted failure"
        (picture,) = agent.run("image").images or []
        assert picture.mime_type == "image/png"
        for answer, said in (("yes", "deleted /x"), ("no", "rejected")):
            paused = agent.run("delete /x")
            assert paused.is_paused
            assert said in str(agent.continue_run(paused, input=answer).content)
        paused = painter.run("ask")
        assert painter.continue_run(paused, input="blue").content == "you said: blue"
        later = agent.run("slow:3:0.05", background=True)
        assert agent.wait_run(later.run_id, wait=20).content == "w0 w1 w2 "
        with agent.run("slow:400:0.02", stream=True) as endless:
            next(endless.text())
            assert endless.cancel()
        with agent.run("slow:10:0.05", stream=True) as left:
            next(left)
            run_id, session_id = left.run_id, left.session_id
        assert agent.wait_run(run_id, session_id, wait=20).status == "COMPLETED"
