"""Sessions, memories, knowledge and all other data of real AgentOS servers of three versions."""

import datetime
import io
import uuid
from typing import Any, Iterator, List, TypeVar

import pytest

from remoteagent_lite import (
    AgentOSClient,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    RemoteAgent,
    RemoteTeam,
    RemoteWorkflow,
    ServerError,
    UnsupportedError,
)
from remoteagent_lite.models import MetricsRefreshResponse
from tests.peers.server import AGENTOS_LATEST, AGENTOS_VERSIONS, PeerServer
from tests.polling import eventually

T = TypeVar("T")

MODERN = AGENTOS_VERSIONS[:2]


def old(server: PeerServer) -> bool:
    return server.name == "agno-2.3.20"


def new_id() -> str:
    return str(uuid.uuid4())


@pytest.fixture
def client(agentos: PeerServer) -> Iterator[AgentOSClient]:
    with AgentOSClient(agentos.url) as client:
        yield client


@pytest.fixture
def db(agentos: PeerServer) -> Iterator[Any]:
    with RemoteAgent(agentos.url, "my-agent") as agent:
        yield agent.db


@pytest.fixture(scope="module", params=MODERN)
def own_db_server(request: pytest.FixtureRequest) -> Iterator[PeerServer]:
    """A server with approvals and schedules."""
    with PeerServer(request.param, os_db=True) as server:
        yield server


@pytest.fixture(scope="module", params=AGENTOS_VERSIONS)
def tracing_server(request: pytest.FixtureRequest) -> Iterator[PeerServer]:
    with PeerServer(request.param, tracing=True) as server:
        yield server


@pytest.fixture(scope="module", params=AGENTOS_VERSIONS)
def two_databases(request: pytest.FixtureRequest) -> Iterator[PeerServer]:
    with PeerServer(request.param, databases=2) as server:
        yield server


# --- The server


def test_what_the_server_says_about_itself(agentos: PeerServer, client: AgentOSClient) -> None:
    assert client.health().status == "ok"
    config = client.get_config()
    assert config.os_id == "peer-os"
    assert config.databases == ["peer-db"]
    assert "my-agent" in [agent.id for agent in config.agents]
    if old(agentos):
        with pytest.raises(UnsupportedError, match=r"Agno 2\.9"):
            client.info()
    else:
        assert agentos.name == "agno-" + client.info().agno_version


def test_what_the_server_hosts(client: AgentOSClient) -> None:
    assert "plain" in [agent.id for agent in client.list_agents()]
    assert "duo" in [team.id for team in client.list_teams()]
    assert "qa" in [workflow.id for workflow in client.list_workflows()]
    assert client.get_agent("my-agent").role == "Helper"
    members = client.get_team("duo").members or []
    assert [member.id for member in members] == ["plain"]
    assert [step["name"] for step in client.get_workflow("qa").steps or []] == ["one", "two"]
    for missing in (client.get_agent, client.get_team, client.get_workflow):
        with pytest.raises(NotFoundError, match="not found"):
            missing("nobody")


def test_open_door_reaches_endpoints_without_a_method(client: AgentOSClient) -> None:
    assert client.request("GET", "/openapi.json")["info"]["title"]
    memory = client.request("POST", "/memories", json={"memory": "m", "user_id": new_id()})
    assert client.request("DELETE", "/memories/" + memory["memory_id"]) is None
    with pytest.raises(NotFoundError):
        client.request("GET", "/no-such-endpoint")


def test_databases_are_migrated(client: AgentOSClient, db: Any) -> None:
    assert client.migrate_database("peer-db") is None
    assert client.migrate_database("all") is None
    assert db.migrate_database() is None
    with pytest.raises(NotFoundError, match="nope"):
        client.migrate_database("nope")


# --- Sessions

KINDS = ["agent", "team", "workflow"]


@pytest.mark.parametrize("kind", KINDS)
def test_session_from_birth_to_death(client: AgentOSClient, kind: Any) -> None:
    session_id, user_id = new_id(), new_id()
    schema = kind.capitalize() + "SessionDetailSchema"
    made = client.create_session(
        kind,
        session_id=session_id,
        user_id=user_id,
        session_name="first",
        session_state={"a": [1, "\u2028"]},
    )
    assert type(made).__name__ == schema
    assert (made.session_id, made.session_name, made.user_id) == (session_id, "first", user_id)
    assert made.session_state == {"a": [1, "\u2028"]}
    renamed = client.rename_session(session_id, "second", kind)
    assert (type(renamed).__name__, renamed.session_name) == (schema, "second")
    updated = client.update_session(session_id, kind, session_state={"b": 2})
    assert (type(updated).__name__, updated.session_state) == (schema, {"b": 2})
    got = client.get_session(session_id, kind, user_id=user_id)
    assert (type(got).__name__, got.session_name) == (schema, "second")
    assert client.get_session_runs(session_id, kind) == []
    page = client.get_sessions(kind, user_id=user_id)
    assert [row.session_id for row in page.data] == [session_id]
    assert page.meta.total_count == 1
    client.delete_session(session_id)
    with pytest.raises(NotFoundError, match=session_id):
        client.get_session(session_id, kind)
    client.delete_session(session_id)


def test_kind_of_a_session_is_found_out(agentos: PeerServer, client: AgentOSClient) -> None:
    if old(agentos):
        pytest.skip("takes every session for an agent's")
    for kind in KINDS:
        session_id = client.create_session(kind).session_id
        schema = kind.capitalize() + "SessionDetailSchema"
        assert type(client.get_session(session_id)).__name__ == schema
        (row,) = [row for row in client.iter_sessions() if row.session_id == session_id]
        assert row.session_type == kind


def test_existing_session_is_not_made_again(agentos: PeerServer, client: AgentOSClient) -> None:
    session_id = client.create_session(session_name="kept").session_id
    if old(agentos):
        # This version replaces it, which the method's description warns of.
        assert client.create_session(session_id=session_id).session_name == ""
    else:
        with pytest.raises(ConflictError, match="already exists"):
            client.create_session(session_id=session_id)


def test_several_sessions_are_deleted(client: AgentOSClient) -> None:
    user_id = new_id()
    made = [client.create_session(kind, user_id=user_id).session_id for kind in KINDS]
    client.delete_sessions(made, KINDS)
    assert client.get_sessions(user_id=user_id).data == []
    with pytest.raises(InvalidRequestError):
        client.delete_sessions(made, ["agent"])
    with pytest.raises(InvalidRequestError, match="session_ids"):
        client.delete_sessions([], [])


def test_all_sessions_are_gone_through(db: Any) -> None:
    user_id = new_id()
    made = {db.create_session(user_id=user_id).session_id for _ in range(7)}
    rows = list(db.iter_sessions("agent", user_id=user_id, limit=3))
    assert len(rows) == 7
    assert {row.session_id for row in rows} == made
    assert db.get_sessions("agent", user_id=user_id, limit=3, page=9).data == []
    assert [row.session_id for row in db.iter_sessions("agent", user_id=user_id, page=9)] == []


def test_refused_arguments(agentos: PeerServer, client: AgentOSClient) -> None:
    with pytest.raises(ServerError if old(agentos) else InvalidRequestError, match="limit"):
        client.get_sessions(limit=0)
    wrong: Any = "crew"
    with pytest.raises(InvalidRequestError, match="type"):
        client.get_sessions(wrong)
    with pytest.raises(NotFoundError, match="nope"):
        client.get_sessions(db_id="nope")


# --- Runs


def test_runs_of_a_session(agentos: PeerServer, client: AgentOSClient) -> None:
    session_id = new_id()
    # Once an agent has run in a team, 2.3 does not store its own sessions: this one is in none.
    with RemoteAgent(agentos.url, "assistant") as agent:
        first = agent.run("one", session_id=session_id)
        second = agent.run("two", session_id=session_id)
    runs: List[Any] = client.get_session_runs(session_id)
    assert [type(run).__name__ for run in runs] == ["RunSchema"] * 2
    assert [run.run_input for run in runs] == ["one", "two"]
    run: Any = client.get_session_run(session_id, str(second.run_id))
    assert (run.run_id, run.content) == (second.run_id, "echo: two")
    with pytest.raises(NotFoundError, match="nope"):
        client.get_session_run(session_id, "nope")
    session: Any = client.get_session(session_id)
    assert [message["role"] for message in session.chat_history][:2] == ["user", "assistant"]
    assert first.run_id in [run.run_id for run in runs]
    if agentos.name == AGENTOS_LATEST:
        previews = client.get_session_run_previews(session_id)
        assert [preview.content_preview for preview in previews] == ["echo: one", "echo: two"]
        assert len(client.get_session_runs(session_id, status=["ERROR", "COMPLETED"])) == 2
        assert client.get_session_runs(session_id, status="ERROR") == []
    else:
        with pytest.raises(UnsupportedError, match=r"Agno 3\.1"):
            client.get_session_run_previews(session_id)


def test_runs_of_teams_and_workflows(agentos: PeerServer, client: AgentOSClient) -> None:
    session_id = new_id()
    with RemoteWorkflow(agentos.url, "qa") as workflow:
        workflow.run("x", session_id=session_id)
    runs = client.get_session_runs(session_id, "workflow")
    assert [type(run).__name__ for run in runs] == ["WorkflowRunSchema"]
    if old(agentos):
        return  # does not store the sessions of these teams
    session_id = new_id()
    with RemoteTeam(agentos.url, "duo") as team:
        team.run("delegate:plain hi", session_id=session_id)
    runs = client.get_session_runs(session_id)
    assert sorted(type(run).__name__ for run in runs) == ["RunSchema", "TeamRunSchema"]


@pytest.mark.parametrize(
    ("kind", "id", "remote"),
    [
        ("agent", "plain", RemoteAgent),
        ("team", "duo", RemoteTeam),
        ("workflow", "qa", RemoteWorkflow),
    ],
)
def test_runs_of_a_component(
    agentos: PeerServer, client: AgentOSClient, kind: Any, id: str, remote: Any
) -> None:
    session_id = new_id()
    with remote(agentos.url, id) as component:
        output = component.run("hello", session_id=session_id)
    if old(agentos):
        for call in (
            lambda: client.get_runs(kind, id, session_id),
            lambda: client.get_run(kind, id, output.run_id, session_id),
        ):
            with pytest.raises(UnsupportedError, match=r"Agno 2\.9"):
                call()
        return
    (row,) = client.get_runs(kind, id, session_id)
    assert (row.run_id, row.status) == (output.run_id, "COMPLETED")
    assert client.get_runs(kind, id, session_id, status="ERROR") == []
    again = client.get_run(kind, id, output.run_id, session_id)
    assert type(again) is type(output)
    assert again.content == output.content
    for call in (
        lambda: client.get_runs(kind, "nobody", session_id),
        lambda: client.get_runs(kind, id, "no-such-session"),
        lambda: client.get_run(kind, id, "no-such-run", session_id),
    ):
        with pytest.raises(NotFoundError, match="not found"):
            call()


def test_checkpoints_and_forks(agentos: PeerServer, client: AgentOSClient) -> None:
    session_id = new_id()
    with RemoteAgent(agentos.url, "plain") as agent:
        run_id = str(agent.run("hello", session_id=session_id).run_id)
    if old(agentos):
        for call in (
            lambda: client.get_checkpoints("agent", "plain", run_id, session_id),
            lambda: client.fork_session("agent", "plain", session_id),
        ):
            with pytest.raises(UnsupportedError, match=r"Agno 2\.9"):
                call()
        return
    (checkpoint,) = client.get_checkpoints("agent", "plain", run_id, session_id)["checkpoints"]
    assert (checkpoint["run_id"], checkpoint["is_latest"]) == (run_id, True)
    one = client.get_checkpoint("agent", "plain", run_id, 1, session_id)
    assert one["checkpoint"]["message_role"] == "user"
    assert one["snapshot"]["run_id"] == run_id
    fork = client.fork_session("agent", "plain", session_id)
    assert fork != session_id
    session: Any = client.get_session(fork)
    assert "hello" in str(session.chat_history)
    with pytest.raises((NotFoundError, InvalidRequestError)):
        client.fork_session("agent", "plain", new_id())
    with pytest.raises(NotFoundError):
        client.get_checkpoints("agent", "plain", "nope", session_id)


# --- Memories


def test_memory_from_birth_to_death(db: Any) -> None:
    user_id = new_id()
    made = db.create_memory("likes tea", user_id, ["drinks", "taste"])
    assert (made.memory, made.topics, made.user_id) == ("likes tea", ["drinks", "taste"], user_id)
    assert db.get_memory(made.memory_id, user_id=user_id).memory == "likes tea"
    changed = db.update_memory(made.memory_id, "likes coffee", user_id)
    assert (changed.memory_id, changed.memory) == (made.memory_id, "likes coffee")
    assert not changed.topics
    db.delete_memory(made.memory_id, user_id=user_id)
    with pytest.raises(NotFoundError, match=made.memory_id):
        db.get_memory(made.memory_id)
    db.delete_memory(made.memory_id)


def test_memories_are_found(agentos: PeerServer, db: Any) -> None:
    user_id, topic = new_id(), "topic-" + new_id()
    made = [
        db.create_memory("number %d" % n, user_id, [topic if n % 2 else "even", "all"]).memory_id
        for n in range(5)
    ]
    assert {row.memory_id for row in db.iter_memories(user_id, limit=2)} == set(made)
    for topics, count in (([topic], 2), (["all"], 5), ([topic, "even"], 0), (["all", "even"], 3)):
        assert len(db.get_memories(user_id, topics=topics).data) == count
    (found,) = db.get_memories(user_id, search_content="number 3").data
    assert found.memory == "number 3"
    topics = db.get_memory_topics(user_id=user_id)
    assert set(topics) == {topic, "even", "all"} or (old(agentos) and topics)
    (stats,) = db.get_user_memory_stats(user_id=user_id).data
    assert (stats.user_id, stats.total_memories) == (user_id, 5)
    assert user_id in [row.user_id for row in db.iter_user_memory_stats(limit=5)]
    db.delete_memories(made, user_id=user_id)
    assert db.get_memories(user_id).data == []


def test_refused_memories(db: Any) -> None:
    with pytest.raises(InvalidRequestError, match="User ID"):
        db.create_memory("whose?")
    with pytest.raises(InvalidRequestError, match="memory_ids"):
        db.delete_memories([])


def test_servers_missing_model_key_is_not_our_token(client: AgentOSClient) -> None:
    user_id = new_id()
    client.create_memory("likes tea", user_id)
    with pytest.raises(ServerError, match="OPENAI_API_KEY") as caught:
        client.optimize_memories(user_id, apply=False)
    assert "auth_token" not in str(caught.value)
    with pytest.raises(NotFoundError, match="No memories"):
        client.optimize_memories(new_id())


# --- Knowledge


def finished(client: Any, content_id: str) -> Any:
    return eventually(
        lambda: client.get_knowledge_content_status(content_id), lambda s: s.status != "processing"
    )


def test_knowledge_is_uploaded_found_changed_and_deleted(
    agentos: PeerServer, client: AgentOSClient, tmp_path: Any
) -> None:
    word = "w" + uuid.uuid4().hex
    path = tmp_path / "birds.txt"
    path.write_text("%s penguins are birds\n" % word)
    seen: List[Any] = []
    uploads = [
        client.upload_knowledge_content(
            path=path, metadata={"a": 1}, progress=lambda *counts: seen.append(counts)
        ),
        client.upload_knowledge_content(
            content=("%s walruses are not" % word).encode(), filename="sea.md", name=word + "1"
        ),
        client.upload_knowledge_content(
            content=io.BytesIO(("%s seals neither" % word).encode()), name=word + "2.txt"
        ),
        client.upload_knowledge_content(text="%s otters do not fly" % word, name=word + "3"),
    ]
    assert seen[-1] == (path.stat().st_size, path.stat().st_size)
    assert [finished(client, content.id).status for content in uploads] == ["completed"] * 4
    found = client.search_knowledge(word, max_results=9)
    assert len(found.data) == 4
    assert any("penguins" in row.content for row in found.data)
    assert len(client.search_knowledge(word, max_results=9, limit=3, page=2).data) == 1
    rows = list(client.iter_knowledge_content(limit=3))
    assert {content.id for content in uploads} <= {row.id for row in rows}
    assert len(rows) == len({row.id for row in rows})
    first = uploads[0].id
    assert client.get_knowledge_content(first).name == "birds.txt"
    changed = client.update_knowledge_content(first, name="fish.txt", metadata={"b": 2})
    assert (changed.name, (changed.metadata or {})["b"]) == ("fish.txt", 2)
    for content in uploads:
        client.delete_knowledge_content(content.id)
    assert client.search_knowledge(word).data == []
    with pytest.raises(NotFoundError, match=first):
        client.get_knowledge_content(first)
    if agentos.name != AGENTOS_LATEST:
        assert client.get_knowledge_content_status(first).status == "failed"
    else:
        with pytest.raises(NotFoundError, match=first):
            client.get_knowledge_content_status(first)


def test_big_file_arrives_whole(agentos: PeerServer, tmp_path: Any) -> None:
    path = tmp_path / "big.txt"
    line = b"needle in a haystack of some length, once more and once more\n"
    path.write_bytes(line * 20000)
    with AgentOSClient(agentos.url) as client:
        content = client.upload_knowledge_content(path=path)
        assert finished(client, content.id).status == "completed"
        client.delete_knowledge_content(content.id)


def test_knowledge_of_a_component(agentos: PeerServer) -> None:
    with RemoteAgent(agentos.url, "my-agent") as agent:
        knowledge: Any = agent.knowledge
        content = knowledge.upload_content(text="the moon is far", name="moon-" + new_id())
        status = eventually(
            lambda: knowledge.get_content_status(content.id), lambda s: s.status != "processing"
        )
        assert status.status == "completed"
        assert knowledge.search("moon").data
        assert content.id in [row.id for row in knowledge.iter_content()]
        assert knowledge.get_content(limit=1).meta.limit == 1
        assert knowledge.get_content_by_id(content.id).id == content.id
        assert knowledge.update_content(content.id, description="d").description == "d"
        knowledge.delete_content_by_id(content.id)
        config = knowledge.get_config()
        assert config.readers_for_type
        assert config.vector_dbs[0].search_types == ["keyword"]


def test_refused_knowledge(client: AgentOSClient) -> None:
    with pytest.raises(NotFoundError, match="nope"):
        client.search_knowledge("x", db_id="nope")
    with pytest.raises(NotFoundError, match="nope"):
        client.list_knowledge_content(db_id="nope")
    with pytest.raises(NotFoundError, match="nope"):
        client.update_knowledge_content("nope", name="x")


def test_knowledge_base_is_emptied() -> None:
    with PeerServer(AGENTOS_LATEST) as server, AgentOSClient(server.url) as client:
        content = client.upload_knowledge_content(text="short-lived")
        finished(client, content.id)
        assert client.delete_all_knowledge_content() is None
        assert client.list_knowledge_content().data == []


# --- Traces


def test_traces(tracing_server: PeerServer) -> None:
    session_id, user_id = new_id(), new_id()
    with RemoteAgent(tracing_server.url, "my-agent") as agent:
        output = agent.run('tool:add {"a": 1, "b": 2}', session_id=session_id, user_id=user_id)
    with AgentOSClient(tracing_server.url) as client:
        if old(tracing_server):
            # Its traces do not name their runs when the installed tracing packages are as new as
            # ours, so that there is none to be found by its session.
            assert client.get_traces(session_id=session_id).data == []
            for call in (client.search_traces, client.get_trace_filter_schema):
                with pytest.raises(UnsupportedError, match=r"Agno 2\.9"):
                    call()
            return
        (row,) = eventually(lambda: client.get_traces(session_id=session_id).data, bool)
        assert (row.run_id, row.status, row.user_id) == (output.run_id, "OK", user_id)
        trace = client.get_trace(row.trace_id)
        assert trace.tree[0].type == "AGENT"
        span = (trace.tree[0].spans or [])[0]
        assert client.get_trace(row.trace_id, span_id=span.id).name == span.name
        assert row.trace_id in [each.trace_id for each in client.iter_traces(limit=1)]
        hour = datetime.timedelta(hours=1)
        now = datetime.datetime.now(datetime.timezone.utc)
        assert client.get_traces(session_id=session_id, start_time=now - hour).data
        assert not client.get_traces(session_id=session_id, start_time=now + hour).data
        (stats,) = client.get_trace_session_stats(user_id=user_id).data
        assert (stats.session_id, stats.total_traces) == (session_id, 1)
        assert session_id in [each.session_id for each in client.iter_trace_session_stats()]
        keys = [field.key for field in client.get_trace_filter_schema().fields]
        assert "session_id" in keys
        wanted = {"op": "EQ", "key": "session_id", "value": session_id}
        assert [each.trace_id for each in client.search_traces(wanted).data] == [row.trace_id]
        grouped = client.search_traces(wanted, group_by="session", limit=5, page=1)
        assert [each.session_id for each in grouped.data] == [session_id]
        with pytest.raises(InvalidRequestError):
            client.search_traces({"op": "LIKE", "key": "status", "value": "OK"})
        with pytest.raises(NotFoundError, match="Span not found"):
            client.get_trace(row.trace_id, span_id="nope")


def test_unknown_trace(client: AgentOSClient) -> None:
    with pytest.raises(NotFoundError, match="Trace not found"):
        client.get_trace("nope")


# --- Evaluations and metrics


def test_evaluations(db: Any) -> None:
    made = db.create_eval_run(
        "reliability",
        'tool:add {"a": 1, "b": 2}',
        agent_id="my-agent",
        expected_tool_calls=["add"],
        name="sums",
    )
    assert (made.eval_type, made.eval_data["eval_status"]) == ("reliability", "PASSED")
    got = db.get_eval_run(made.id)
    assert (got.id, got.agent_id) == (made.id, "my-agent")
    assert db.update_eval_run(made.id, "better sums").name == "better sums"
    page = db.get_eval_runs(agent_id="my-agent", eval_types=["reliability", "accuracy"])
    assert made.id in [row.id for row in page.data]
    assert made.id in [row.id for row in db.iter_eval_runs(filter_type="agent", limit=1)]
    assert db.get_eval_runs(agent_id="my-agent", eval_types=["performance"]).data == []
    db.delete_eval_runs([made.id])
    with pytest.raises(NotFoundError, match=made.id):
        db.get_eval_run(made.id)
    with pytest.raises(InvalidRequestError, match="agent_id or team_id"):
        db.create_eval_run("performance", "hello")


@pytest.mark.parametrize("name", AGENTOS_VERSIONS)
def test_metrics(name: str) -> None:
    # A server of its own: sessions that were made empty break the metrics of the oldest.
    with PeerServer(name) as agentos, RemoteAgent(agentos.url, "plain") as agent:
        agent.run("hello", session_id=new_id())
        db: Any = agent.db
        check_metrics(agentos, db)


def check_metrics(agentos: PeerServer, db: Any) -> None:
    days = db.refresh_metrics()
    assert days and days[0].agent_runs_count >= 1
    today = datetime.datetime.now(datetime.timezone.utc).date()
    day = datetime.timedelta(days=1)
    assert db.get_metrics().metrics
    assert db.get_metrics(today - day, today + day).metrics
    assert db.get_metrics((today - 9 * day).isoformat(), today - 8 * day).metrics == []
    answer = db.refresh_metrics(background=True)
    if old(agentos):
        assert isinstance(answer, list)
        with pytest.raises(UnsupportedError, match=r"Agno 2\.9"):
            db.get_metrics_refresh_status()
    else:
        assert isinstance(answer, MetricsRefreshResponse)
        assert answer.status in ("started", "already_running")
        status = eventually(
            db.get_metrics_refresh_status, lambda status: status.status != "running"
        )
        assert status.status == "completed"


# --- Approvals and schedules


def test_server_without_its_own_database(agentos: PeerServer, client: AgentOSClient) -> None:
    reason = r"Agno 2\.9" if old(agentos) else r"AgentOS\(db="
    for call in (client.get_approvals, client.get_schedules, client.get_approval_count):
        with pytest.raises(UnsupportedError, match=reason):
            call()


def test_approvals(own_db_server: PeerServer) -> None:
    with AgentOSClient(own_db_server.url) as client:
        with RemoteAgent(own_db_server.url, "my-agent") as agent:
            paused = agent.run('tool:pay {"amount": 3}', session_id=new_id())
            assert paused.is_paused
            (approval,) = client.get_approvals(run_id=paused.run_id).data
            assert (approval.status, approval.tool_name) == ("pending", "pay")
            assert client.get_approval_count().count >= 1
            resolved = client.resolve_approval(
                approval.id, "approved", resolved_by="boss", resolution_data={"why": "cheap"}
            )
            assert (resolved.status, resolved.resolved_by) == ("approved", "boss")
            with pytest.raises(ConflictError, match="already 'approved'"):
                client.resolve_approval(approval.id, "rejected")
            assert client.get_approval_status(approval.id).status == "approved"
            assert client.get_approval(approval.id).resolution_data == {"why": "cheap"}
            assert approval.id in [row.id for row in client.iter_approvals(limit=1)]
            for tool in paused.tools_requiring_confirmation:
                tool.confirm()
            assert agent.continue_run(paused).content == "tool said: paid 3"
        client.delete_approval(approval.id)
        for call in (client.get_approval, client.get_approval_status):
            with pytest.raises(NotFoundError, match="Approval not found"):
                call(approval.id)


def test_schedules(own_db_server: PeerServer) -> None:
    with AgentOSClient(own_db_server.url) as client:
        name = "nightly " + new_id()
        made = client.create_schedule(
            name, "/agents/plain/runs", "0 3 * * *", payload={"message": "hello"}, timeout_seconds=9
        )
        assert (made.name, made.method, made.enabled) == (name, "POST", True)
        with pytest.raises(ConflictError, match="already exists"):
            client.create_schedule(name, "/agents/plain/runs", "0 3 * * *")
        with pytest.raises(InvalidRequestError, match="cron"):
            client.create_schedule("other", "/agents/plain/runs", "whenever")
        changed = client.update_schedule(made.id, description="d", cron_expr="0 4 * * *")
        assert (changed.description, changed.cron_expr) == ("d", "0 4 * * *")
        assert client.disable_schedule(made.id).enabled is False
        with pytest.raises(ConflictError, match="disabled"):
            client.trigger_schedule(made.id)
        assert client.get_schedules(enabled=False).data
        assert client.enable_schedule(made.id).enabled is True
        run = client.trigger_schedule(made.id)
        assert (run.status, run.status_code) == ("success", 200)
        assert run.output is not None and run.output["content"] == "echo: hello"
        assert client.get_schedule_run(made.id, run.id).run_id == run.run_id
        assert client.get_schedule_runs(made.id).meta.total_count == 1
        assert [row.id for row in client.iter_schedule_runs(made.id, limit=1)] == [run.id]
        assert made.id in [row.id for row in client.iter_schedules(limit=1)]
        client.delete_schedule(made.id)
        for call in (client.get_schedule, client.delete_schedule, client.get_schedule_runs):
            with pytest.raises(NotFoundError, match="Schedule not found"):
                call(made.id)


def is_newest(server: PeerServer) -> bool:
    return server.name == AGENTOS_LATEST


def test_media_that_the_server_keeps_elsewhere(own_db_server: PeerServer) -> None:
    session_id = new_id()
    with AgentOSClient(own_db_server.url) as client:
        if not is_newest(own_db_server):
            with pytest.raises(UnsupportedError, match=r"Agno 3\.1"):
                client.get_session_media(session_id, "a/b.png")
            return
        with RemoteAgent(own_db_server.url, "keeper") as agent:
            run: Any = agent.run("image", session_id=session_id)
            (sent,) = run.images
            stored: Any = agent.get_run(run.run_id, session_id)
        key = stored.images[0].media_reference.storage_key
        kept = client.get_session_media(session_id, key)
        assert (kept.content, kept.mime_type) == (sent.data(), "image/png")
        for wrong in (("other", key), (session_id, "no/such.png")):
            with pytest.raises(NotFoundError):
                client.get_session_media(*wrong)
        for outside in ("../" + key, "/" + key, ""):
            with pytest.raises(ValueError, match="cannot be addressed"):
                client.get_session_media(session_id, outside)


def test_server_without_a_media_storage(agentos_latest: PeerServer) -> None:
    with AgentOSClient(agentos_latest.url) as client:
        with pytest.raises(UnsupportedError, match="Media storage is not configured"):
            client.get_session_media(new_id(), "a.png")


def test_sessions_are_compacted(own_db_server: PeerServer) -> None:
    session_id = new_id()
    with AgentOSClient(own_db_server.url) as client:
        if not is_newest(own_db_server):
            with pytest.raises(UnsupportedError, match=r"Agno 3\.1"):
                client.compact_session("plain", session_id)
            return
        with pytest.raises(NotFoundError):
            client.compact_session("plain", session_id)
        with RemoteAgent(own_db_server.url, "plain") as agent:
            agent.run("hello", session_id=session_id)
        done = client.compact_session("plain", session_id)
        assert (done["compacted"], done["status"]) == (False, "not_enabled")


def test_content_sources_of_the_server(own_db_server: PeerServer) -> None:
    with AgentOSClient(own_db_server.url) as client:
        config: Any = client.get_config()
        knowledge_id = config.knowledge.to_dict()["knowledge_instances"][0]["id"]
        bucket, code = client.list_knowledge_sources(knowledge_id)
        assert (bucket.id, bucket.type, bucket.prefix) == ("bucket", "s3", "books/")
        with pytest.raises(InvalidRequestError, match="does not support file listing"):
            client.list_source_files(knowledge_id, code.id)
        with pytest.raises(NotFoundError, match="source not found: nope"):
            client.list_source_files(knowledge_id, "nope", prefix="books/", limit=3, page=2)
        with pytest.raises(InvalidRequestError, match="Unknown content source: nope"):
            client.upload_remote_content("nope", "books/one.pdf")
        begun = client.upload_remote_content("code", "one.md", metadata={"a": 1}, name="One")
        assert (begun.name, begun.status) == ("One", "processing")


def test_content_is_read_again_from_where_it_came(
    agentos: PeerServer, client: AgentOSClient
) -> None:
    content = client.upload_knowledge_content(text="refreshing", name=new_id())
    finished(client, content.id)
    if not is_newest(agentos):
        with pytest.raises(UnsupportedError, match=r"Agno 3\.1"):
            client.refresh_knowledge_content(content.id)
        return
    with pytest.raises(InvalidRequestError, match="no source URL"):
        client.refresh_knowledge_content(content.id)
    with pytest.raises(NotFoundError, match="Content not found: nope"):
        client.refresh_knowledge_content("nope")


# --- Two databases


def test_each_database_has_its_own_data(two_databases: PeerServer) -> None:
    url, user_id = two_databases.url, new_id()
    with RemoteAgent(url, "my-agent") as one, RemoteAgent(url, "assistant") as two:
        assert one.db is not None and two.db is not None
        assert (one.db.id, two.db.id) == ("peer-db", "other-db")
        for agent in (one, two):
            db: Any = agent.db
            agent.run("hello", session_id=agent.id + user_id, user_id=user_id)
            assert [row.session_id for row in db.iter_sessions("agent", user_id=user_id)] == [
                agent.id + user_id
            ]
            db.create_session(session_id=new_id(), agent_id=agent.id, session_state={"a": 1})
            db.create_memory("of " + agent.id, user_id, [agent.id])
            assert db.get_memory_topics(user_id=user_id) == [agent.id]  # the other's are not here
            assert db.refresh_metrics()[0].agent_runs_count >= 1
            assert db.get_traces().data == []
            assert db.get_eval_runs().data == []
            db.migrate_database()
        with pytest.raises(NotFoundError):
            two.db.get_session(one.id + user_id)


def test_client_has_to_say_which_database(two_databases: PeerServer) -> None:
    with AgentOSClient(two_databases.url) as client:
        assert sorted(client.get_config().databases) == ["other-db", "peer-db"]
        for call in (client.get_sessions, client.get_memories, client.get_metrics):
            with pytest.raises(InvalidRequestError, match="Pass db_id=") as caught:
                call()
            assert "multiple databases" in caught.value.detail
        assert client.get_sessions(db_id="other-db").meta.page in (0, 1)
    with AgentOSClient(two_databases.url, db_id="peer-db") as client:
        user_id = new_id()
        memory = client.create_memory("here", user_id)
        assert client.get_memory(memory.memory_id).memory == "here"
        with pytest.raises(NotFoundError):
            client.get_memory(memory.memory_id, db_id="other-db")
