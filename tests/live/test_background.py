"""Background runs on real servers: polling, and streams that survive what breaks them."""

import random
import uuid
from typing import Any, List

import pytest

from remoteagent_lite import (
    NotFoundError,
    RemoteAgent,
    RemoteTeam,
    RemoteTimeoutError,
    RemoteWorkflow,
    RetryPolicy,
    StreamInterruptedError,
    UnsupportedError,
)
from tests.peers.faults import Proxy
from tests.peers.server import AGENTOS_LATEST, PeerServer

REMOTES = [(RemoteAgent, "plain"), (RemoteTeam, "duo"), (RemoteWorkflow, "qa")]
CUTS = 50
IMPATIENT = RetryPolicy(max_attempts=4, backoff=0.05)
QUICK = RetryPolicy(max_attempts=100, backoff=0.01, max_backoff=0.05)


def old(agentos: PeerServer) -> bool:
    return agentos.name == "agno-2.3.20"


@pytest.mark.parametrize(("remote", "id"), REMOTES)
def test_background_run_is_polled_to_its_end(agentos: PeerServer, remote: Any, id: str) -> None:
    with remote(agentos.url, id) as component:
        if old(agentos):
            output = component.run("hello", background=True)
            # Agents and teams run at once, and a workflow's answer is never to be had.
            assert output.status == ("PENDING" if remote is RemoteWorkflow else "COMPLETED")
            with pytest.raises(UnsupportedError, match="2.9"):
                component.get_run(output.run_id)
            with pytest.raises(UnsupportedError, match="2.9"):
                component.resume(output.run_id)
            with pytest.raises(UnsupportedError, match="2.9"):
                component.list_runs(output.session_id)
            return
        accepted = component.run("slow:5:0.1", background=True)
        assert accepted.status in ("PENDING", "RUNNING")
        assert component.get_run(accepted.run_id).status in ("PENDING", "RUNNING")
        output = component.wait_run(accepted.run_id, wait=30)
        assert output.status == "COMPLETED"
        assert "w4" in output.content
        rows = component.list_runs(accepted.session_id)
        assert [row.run_id for row in rows if row.run_id == accepted.run_id]
        assert component.list_runs(accepted.session_id, status="ERROR") == []


def test_waiting_is_bounded(agentos_latest: PeerServer) -> None:
    with RemoteAgent(agentos_latest.url, "plain") as agent:
        accepted = agent.run("slow:20:0.1", background=True)
        assert accepted.run_id is not None
        with pytest.raises(RemoteTimeoutError, match=accepted.run_id):
            agent.wait_run(accepted.run_id, wait=0.2)
        assert agent.cancel_run(accepted.run_id)
        assert agent.wait_run(accepted.run_id, wait=10).is_cancelled
        with pytest.raises(NotFoundError):
            agent.get_run(str(uuid.uuid4()), accepted.session_id)
        with pytest.raises(ValueError, match="session_id"):
            agent.get_run("never seen")


@pytest.mark.parametrize(("remote", "id"), REMOTES)
def test_stream_cut_at_random_points_delivers_every_event_once(
    agentos_latest: PeerServer, remote: Any, id: str
) -> None:
    count = 400
    chance = random.Random(id)
    with Proxy(agentos_latest.port) as proxy, remote(proxy.url, id, resume=QUICK) as component:
        with component.run("slow:%d:0.01" % count, stream=True, background=True) as stream:
            events: List[Any] = []
            cuts = 0
            for event in stream:
                events.append(event)
                if cuts < CUTS and chance.random() < 0.2:
                    proxy.cut_after(chance.randint(0, 700), chance.choice(["reset", "close"]))
                    cuts += 1
            output = stream.output()
        assert cuts == CUTS
        assert proxy.connection_count > CUTS / 2
    indices = [event.event_index for event in events]
    assert indices == list(range(len(indices)))
    words = "".join(
        event.content or "" for event in events if event.event in ("RunContent", "TeamRunContent")
    )
    assert words.split()[:count] == ["w%d" % n for n in range(count)]
    assert output.status == "COMPLETED"
    assert events[-1].event.endswith("Completed")


@pytest.mark.parametrize(("remote", "id"), REMOTES)
def test_run_that_ends_while_its_connection_is_down_is_told_to_its_end(
    agentos_latest: PeerServer, remote: Any, id: str
) -> None:
    with Proxy(agentos_latest.port) as proxy, remote(proxy.url, id) as component:
        with component.run("slow:20:0.02", stream=True, background=True) as stream:
            events = [next(stream) for _ in range(4)]
            proxy.refuse()
            proxy.cut()
            with remote(agentos_latest.url, id) as direct:
                ended = direct.wait_run(stream.run_id or "", stream.session_id, wait=20)
            proxy.refuse(False)
            events += stream
            output = stream.output()
    assert [event.event_index for event in events] == list(range(len(events)))
    assert events[-1].event == component.component.prefix + "Completed"
    assert (output.status, output.content) == ("COMPLETED", ended.content)


@pytest.mark.parametrize("seed", range(6))
def test_run_that_is_faster_than_its_broken_stream_is_told_whole(
    agentos_latest: PeerServer, seed: int
) -> None:
    count, chance = 2000, random.Random(seed)
    with Proxy(agentos_latest.port) as proxy, RemoteAgent(
        proxy.url, "plain", resume=QUICK
    ) as agent:
        proxy.cut_after(chance.randint(200, 100_000), chance.choice(["reset", "close"]))
        with agent.run("count:%d" % count, stream=True, background=True) as stream:
            proxy.wait_for_cut()
            proxy.cut_after(chance.randint(0, 100_000), chance.choice(["reset", "close"]))
            events = list(stream)
            output = stream.output()
    assert [event.event_index for event in events] == list(range(len(events)))
    assert len([event for event in events if event.event == "RunContent"]) >= count
    assert events[-1].event == "RunCompleted"
    assert output.content == "".join(
        event.content for event in events if event.event == "RunContent"
    )


@pytest.mark.parametrize(("remote", "id"), REMOTES)
def test_run_that_a_restarted_old_server_does_not_replay_is_told_as_far_as_it_is_known(
    remote: Any, id: str
) -> None:
    """Agno 2.9 answers with an empty stream; it still has the run."""
    with PeerServer("agno-2.9.0") as server, Proxy(server.port) as proxy:
        with remote(proxy.url, id, resume=QUICK) as component:
            with component.run("slow:10:0.02", stream=True, background=True) as whole:
                told = [event.event for event in whole]
            with component.run("slow:10:0.05", stream=True, background=True) as stream:
                events = [next(stream) for _ in range(6)]
                proxy.refuse()
                proxy.cut()
                with remote(server.url, id) as direct:
                    ended = direct.wait_run(stream.run_id or "", stream.session_id, wait=20)
                server.restart()
                proxy.refuse(False)
                events += stream
                output = stream.output()
    names = [event.event for event in events]
    assert names[-1] == component.component.prefix + "Completed"
    if remote is RemoteWorkflow:
        assert names == told  # its server stores them all
    else:
        prefix = component.component.prefix
        pieces = [event.content for event in events if event.event == prefix + "Content"]
        assert "".join(pieces) == ended.content
    assert (output.status, output.content) == ("COMPLETED", ended.content)


def test_stream_is_resumed_by_hand(agentos_latest: PeerServer) -> None:
    with RemoteAgent(agentos_latest.url, "plain") as agent:
        with agent.run("slow:20:0.05", stream=True, background=True) as stream:
            first = [next(stream) for _ in range(6)]
            run_id, index = stream.run_id, stream.last_event_index
            assert run_id is not None
        assert index == 5
        with agent.resume(run_id, last_event_index=index) as again:
            rest = list(again)
            output = again.output()
        assert rest[0].event in ("catch_up", "subscribed")
        indices = [event.event_index for event in first + rest if "event_index" in event.to_dict()]
        assert indices == list(range(len(indices)))
        assert output.content.split() == ["w%d" % n for n in range(20)]
        with agent.resume(run_id) as whole:
            assert next(whole).event == "replay"
            assert whole.output().content == output.content


def test_unknown_run_cannot_be_resumed(agentos_latest: PeerServer) -> None:
    with RemoteAgent(agentos_latest.url, "plain") as agent:
        with agent.resume("no-such-run", session_id="s") as stream:
            assert next(stream).event == "error"
            with pytest.raises(StreamInterruptedError, match="not found in buffer or database"):
                next(stream)


def test_finished_run_survives_a_restart_of_the_server() -> None:
    """The run ends while nobody listens, then the server is restarted: the answer is whole."""
    with PeerServer(AGENTOS_LATEST) as server, Proxy(server.port) as proxy:
        with RemoteAgent(proxy.url, "plain") as agent, RemoteAgent(server.url, "plain") as direct:
            with agent.run("slow:10:0.05", stream=True, background=True) as stream:
                seen = [next(stream) for _ in range(4)]
                proxy.refuse()
                proxy.cut()
                direct.wait_run(stream.run_id or "", stream.session_id, wait=20)
                server.restart()
                proxy.refuse(False)
                pieces = list(stream.text())
                output = stream.output()
    assert output.status == "COMPLETED"
    assert output.content.split() == ["w%d" % n for n in range(10)]
    before = "".join(event.content for event in seen if event.event == "RunContent")
    assert (before + "".join(pieces)).split() == output.content.split()


def test_run_that_died_with_its_server_is_an_error() -> None:
    with PeerServer(AGENTOS_LATEST) as server:
        with RemoteAgent(server.url, "plain", resume=IMPATIENT) as agent:
            with agent.run("slow:1000:0.05", stream=True, background=True) as stream:
                for _ in range(5):
                    next(stream)
                server.restart()
                with pytest.raises(StreamInterruptedError, match="could not be resumed") as caught:
                    stream.output()
    assert caught.value.output.status == "RUNNING"
    assert caught.value.last_event_index is not None


def test_read_timeout_of_a_background_stream_is_survived(agentos_latest: PeerServer) -> None:
    with RemoteAgent(agentos_latest.url, "plain", timeout=0.5) as agent:
        with agent.run("silent:2 at last", stream=True, background=True) as stream:
            output = stream.output()
    assert (output.status, output.content.strip()) == ("COMPLETED", "echo: at last")


def test_background_stream_is_cancelled(agentos_latest: PeerServer) -> None:
    with RemoteAgent(agentos_latest.url, "plain") as agent:
        with agent.run("slow:200:0.05", stream=True, background=True) as stream:
            next(stream)
            assert stream.cancel()
            assert stream.output().is_cancelled
