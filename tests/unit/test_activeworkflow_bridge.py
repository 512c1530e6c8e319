"""The bridge between two calls of ActiveWorkflow, in virtual time and without a server."""

import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, List

import pytest

from remoteagent_lite.activeworkflow import AgentApp
from remoteagent_lite.activeworkflow.bridge import Bridge
from remoteagent_lite.activeworkflow.protocol import handle
from remoteagent_lite.activeworkflow.simulator import Simulation, simulate
from remoteagent_lite.models import RunOutput
from tests.activeworkflow_world import Action, Plan, Remote, World

TEXTS = ["number %d" % number for number in range(20)]


def bridge(remote: Any = None, **how: Any) -> Bridge:
    return Bridge(remote or Remote(), name="AskAgent", **{"background": True, **how})


def contents(simulation: Simulation) -> List[str]:
    return [message["content"] for message in simulation.messages]


def with_answers(count: int) -> Simulation:
    """An agent of which so many runs have ended, and were not collected."""
    simulation = simulate(bridge())
    for text in TEXTS[:count]:
        simulation.receive({"text": text})
    assert simulation.messages == []
    return simulation


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_no_answer_is_lost_when_the_first_messages_of_a_new_agent_overlap(workers: int) -> None:
    simulation = simulate(bridge(), workers=workers)
    for text in TEXTS:
        simulation.queue({"text": text})
    simulation.run()
    for _ in range(20):
        simulation.check()
    assert sorted(contents(simulation)) == sorted(TEXTS)
    assert simulation.errors == []
    assert simulation.memory["runs"] == []


def test_no_answer_is_lost_when_checks_come_between_the_messages() -> None:
    simulation = simulate(bridge(), workers=3)
    for number, text in enumerate(TEXTS):
        simulation.queue({"text": text})
        if number % 3 == 0:
            simulation.queue_check()
    simulation.run()
    for _ in range(20):
        simulation.check()
    assert sorted(contents(simulation)) == sorted(TEXTS)


def test_answer_of_check_that_does_not_arrive_is_not_lost() -> None:
    simulation = with_answers(10)
    lost = simulation.check(seconds=75)
    assert lost.is_lost
    assert simulation.messages == []
    simulation.check()
    assert contents(simulation) == TEXTS[:10]
    simulation.check()
    assert len(simulation.messages) == 10


def test_call_that_is_repeated_because_its_answer_was_lost_has_the_answer() -> None:
    """With the same memory, and no other call between them."""
    simulation = with_answers(3)
    job = simulation.queue_check()
    call, answers = simulation._call, []

    def cut(body: bytes) -> bytes:
        answers.append(call(body))
        return answers[-1] if len(answers) > 1 else b""

    simulation._call = cut
    simulation.run()
    assert len(job.attempts) == 2
    assert job.attempts[0].memory == job.attempts[1].memory
    assert contents(simulation) == TEXTS[:3]


def test_overlapping_checks_emit_nothing_twice() -> None:
    simulation = with_answers(10)
    for _ in range(2):
        simulation.queue_check()
    simulation.run()
    assert contents(simulation) == TEXTS[:10]
    simulation.check()
    assert len(simulation.messages) == 10
    assert simulation.errors == []


def test_check_that_comes_while_another_is_collecting_tells_nothing() -> None:
    remote = Remote()
    agent = bridge(remote)
    given = {"id": 1, "payload": {"text": "hello"}, "created_at": "2026-01-01T00:00:00Z"}
    memory = deliver(agent, given)["memory"]
    entered, leave = threading.Event(), threading.Event()
    get_run = remote.get_run

    def slow(*arguments: Any, **options: Any) -> Any:
        entered.set()
        assert leave.wait(20)
        return get_run(*arguments, **options)

    remote.get_run = slow  # type: ignore[method-assign]
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(deliver, agent, None, memory=memory)
        assert entered.wait(20)
        second = deliver(agent, None, memory=memory)
        leave.set()
        assert [each["content"] for each in first.result(20)["messages"]] == ["hello"]
    assert set(second) == {"logs"}
    assert "the next check collects" in second["logs"][0]


def deliver(agent: Bridge, given: Any, **params: Any) -> Dict[str, Any]:
    params = dict({"options": {}, "memory": {}, "credentials": [], "message": given}, **params)
    method = "check" if given is None else "receive"
    answer = handle(agent, {"method": method, "params": params})
    return json.loads(answer.body.decode("ascii"))["result"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("overlap", [0.0, 1.0, 7.0])
def test_twins_emit_an_answer_each_of_one_run(overlap: float) -> None:
    """Agents of one type with equal options, which get the same messages."""
    message = Action(overlap, "message", seconds=(2.0, 0.1))
    world = World(Plan(2, True, 3.0, (message,) * 20))
    world.play()
    assert world.errors == []
    assert [sorted(emitted) for emitted in world.emitted] == [sorted(world.taken[0])] * 2
    assert len(world.taken[0]) == len(world.remote.prompts) == 20
    assert world.memories[0]["mark"] != world.memories[1]["mark"]


def test_twins_that_wait_for_an_answer_emit_it_each() -> None:
    """In the foreground their messages are answered from the store, and run once."""
    remote = Remote()
    app = AgentApp(bridge(remote, background=False))
    one, other = (simulate(app) for _ in range(2))
    other._started = one._started
    for simulation in (one, other):
        simulation.receive({"text": "hello"})
        assert contents(simulation) == ["hello"]
        assert simulation.memory == {}
    assert len(remote.prompts) == 1


def test_message_is_run_once_by_calls_at_the_same_time_without_a_store() -> None:
    remote, begun, leave = Remote(), threading.Event(), threading.Event()
    run = remote.run

    def slow(*arguments: Any, **options: Any) -> Any:
        begun.set()
        assert leave.wait(20)
        return run(*arguments, **options)

    remote.run = slow  # type: ignore[method-assign]
    agent = bridge(remote, background=False)
    given = {"id": 1, "payload": {"text": "hello"}, "created_at": "2026-01-01T00:00:00Z"}
    call = {"method": "receive", "params": {"message": given}}
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(handle, agent, call)
        assert begun.wait(20)
        second = handle(agent, call)
        leave.set()
        assert first.result(20).status == 200
    assert (second.status, len(remote.prompts)) == (503, 1)
    assert b"is being begun by another call" in second.body


def test_answers_that_one_check_cannot_emit_are_left_to_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("remoteagent_lite.activeworkflow.bridge._MOST_EMITTED", 4)
    simulation = with_answers(10)
    counts = [len(simulation.check().messages) for _ in range(4)]
    assert counts == [4, 4, 2, 0]
    assert contents(simulation) == TEXTS[:10]


def test_answer_that_cannot_be_emitted_holds_up_no_other() -> None:
    remote = Remote()
    simulation = simulate(bridge(remote), workers=1)
    for text in TEXTS[:3]:
        simulation.receive({"text": text})
    run_id = simulation.memory["runs"][1]["run"]
    remote.prompts[run_id] = float("nan")  # type: ignore[assignment]
    simulation.check()
    assert contents(simulation) == [TEXTS[0], TEXTS[2]]
    (error,) = simulation.errors
    assert "run %s cannot be emitted" % run_id in error and "nan" in error
    assert simulation.check().errors == []


def test_run_that_no_agent_comes_for_is_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """The agent's options were changed, so that none of its like is left."""
    agent = bridge()
    world = simulate(agent, workers=2)
    for text in TEXTS[:2]:
        world.queue({"text": text})
    world.run()
    world.options["carry"] = ["ticket"]
    with caplog.at_level(logging.ERROR, "remoteagent_lite.activeworkflow"):
        for _ in range(9):
            world.check()
            world.now += 86400.0
    lost = set(TEXTS[:2]) - set(contents(world))
    assert len(lost) == 1
    assert caplog.text.count("was never collected") == 1


# --- What comes with an answer

PLACE = "http://files.test/a%20b.pdf?key=1"


def answered(**fields: Any) -> Any:
    """The only job of an agent whose answer has these fields."""
    remote = Remote()
    remote.extra = fields
    return simulate(bridge(remote, background=False)).receive({"text": "hello"})


@pytest.mark.parametrize(
    ("fields", "file"),
    [
        (
            {"images": [{"url": "http://x.test/p", "mime_type": "image/webp"}]},
            {"url": "http://x.test/p", "media_type": "image/webp"},
        ),
        ({"files": [{"url": PLACE}]}, {"url": PLACE, "media_type": "application/pdf"}),
        (
            {"videos": [{"url": "http://x.test/", "format": "mp4"}]},
            {"url": "http://x.test/", "media_type": "video/mp4"},
        ),
        ({"audio": [{"url": "http://x.com"}]}, {"url": "http://x.com", "media_type": None}),
    ],
)
def test_media_of_an_answer_are_emitted_as_urls(fields: Any, file: Any) -> None:
    job = answered(**fields)
    assert job.messages[0]["files"] == [file]
    assert len(job.logs) == 1


def test_media_without_url_are_named_and_not_passed_over() -> None:
    job = answered(
        images=[{"id": "picture", "content": "aGVsbG8=", "format": "png"}],
        files=[{"filename": "notes.md", "content": "hello", "mime_type": "text/markdown"}],
        response_audio={"content": "aGVsbG8="},
        videos=[{"url": "data:video/mp4;base64,aGVsbG8="}],
    )
    assert job.messages[0]["files"] == [
        {"name": "picture", "media_type": "image/png"},
        {"name": "video", "media_type": None},
        {"name": "notes.md", "media_type": "text/markdown"},
        {"name": "audio", "media_type": None},
    ]
    assert "aGVsbG8" not in json.dumps(job.messages)
    assert job.logs[1].endswith("no message can carry: picture, video, notes.md, audio")


def test_data_of_an_a2a_agent_is_emitted() -> None:
    assert answered(data=[{"a": 1}]).messages[0]["data"] == [{"a": 1}]


def test_answer_without_media_has_no_files() -> None:
    assert set(answered().messages[0]) == {"content", "status", "run_id", "session_id"}
    assert RunOutput().files is None
