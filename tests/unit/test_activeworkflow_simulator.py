"""The simulator does what the real ActiveWorkflow was measured to do."""

import json
from typing import Any, Dict, List, Optional

import pytest

from remoteagent_lite.activeworkflow import Agent, AgentApp, Retry
from remoteagent_lite.activeworkflow.reactions import react, register, request_body
from remoteagent_lite.activeworkflow.simulator import simulate

REGISTRATION = {
    "name": "StrangeAgent",
    "display_name": "Strange",
    "description": "strange",
    "default_options": {"key": "text"},
}


class Shout(Agent):
    """Upper-cases every message."""

    name = "ShoutAgent"
    default_options = {"key": "text"}
    sends_credentials = True

    def receive(self, ctx: Any) -> None:
        ctx.log("got message %s" % ctx.message_id)
        ctx.emit({"text": str(ctx.payload[ctx.options["key"]]).upper()})
        ctx.memory["count"] = ctx.memory.get("count", 0) + 1

    def check(self, ctx: Any) -> None:
        ctx.emit({"seen": ctx.memory.get("count", 0), "token": ctx.credential("token_option")})


class Scripted:
    """Answers each call with the next of the given bodies, and the last one for ever."""

    def __init__(self, *answers: bytes, registration: Optional[Dict[str, Any]] = None) -> None:
        self.answers = list(answers)
        self.registration = json.dumps({"result": registration or REGISTRATION}).encode()
        self.calls: List[Dict[str, Any]] = []

    def __call__(self, body: bytes) -> bytes:
        call = json.loads(body)
        if call["method"] == "register":
            return self.registration
        self.calls.append(call["params"])
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def result(**parts: Any) -> bytes:
    return json.dumps({"result": parts}).encode()


def test_message_and_check_as_a_user_sees_them() -> None:
    simulation = simulate(Shout, credentials={"mine": "secret-value"})
    simulation.options["token_option"] = "mine"
    job = simulation.receive({"text": "hi"})
    assert (job.messages, job.logs, job.errors) == ([{"text": "HI"}], ["got message 1"], [])
    assert simulation.memory == {"count": 1}
    assert simulation.check().messages == [{"seen": 1, "token": "secret-value"}]
    assert simulation.metadata["display_name"] == "Shout Agent"
    assert simulation.messages == [{"text": "HI"}, {"seen": 1, "token": "secret-value"}]
    assert simulation.now < 60


def test_two_workers_lose_updates_of_memory_and_one_does_not() -> None:
    counts = []
    for workers in (1, 2):
        simulation = simulate(Shout(), workers=workers)
        for number in range(10):
            simulation.queue({"text": str(number)})
        simulation.run()
        assert len(simulation.messages) == 10
        counts.append(simulation.memory["count"])
    assert counts == [10, 5]


def test_messages_come_newest_first() -> None:
    simulation = simulate(Shout(), workers=1)
    for text in ("one", "two", "three"):
        simulation.queue({"text": text})
    simulation.run()
    assert [each["text"] for each in simulation.messages] == ["THREE", "TWO", "ONE"]


def test_failing_job_is_called_at_the_measured_times_and_given_up() -> None:
    agent = Scripted(b"busy, try later")
    simulation = simulate(agent)
    job = simulation.receive({"a": 1}, seconds=0)
    assert [attempt.at for attempt in job.attempts] == [0, 10, 40, 130, 400]
    assert job.is_lost
    assert "unexpected token at 'busy, try later'" in job.errors[0]
    assert len(job.errors) == 5
    assert [call["message"]["id"] for call in agent.calls] == [1] * 5


def test_slow_agent_is_called_again_while_it_works() -> None:
    simulation = simulate(Scripted(result(messages=[{"a": 1}])))
    job = simulation.receive({}, seconds=75)
    assert [attempt.at for attempt in job.attempts] == [0, 70, 160, 310, 640]
    assert job.messages == []
    assert "Net::ReadTimeout" in (job.failure or "")


def test_what_was_stored_before_a_failure_is_stored_again_and_again() -> None:
    simulation = simulate(Scripted(result(logs=["x"], messages=[{"a": 1}, None])))
    job = simulation.receive({})
    assert job.messages == [{"a": 1}] * 5
    assert job.logs == ["x"] * 5


def test_failed_job_leaves_memory_alone_and_a_later_attempt_sees_what_is_new() -> None:
    agent = Scripted(result(memory=None, messages=[{"a": 1}]), result(memory={"n": 1}))
    simulation = simulate(agent, memory={"n": 0})
    job = simulation.receive({})
    assert (len(job.attempts), job.messages, job.failure) == (2, [{"a": 1}], None)
    assert [call["memory"] for call in agent.calls] == [{"n": 0}, {"n": 0}]
    assert simulation.memory == {"n": 1}


def test_retry_of_an_agent_reaches_the_user_and_is_repeated() -> None:
    class Moody(Agent):
        name = "MoodyAgent"
        calls = 0

        def receive(self, ctx: Any) -> None:
            Moody.calls += 1
            if Moody.calls < 3:
                raise Retry("the moon is down")
            ctx.emit({"calls": Moody.calls})

    job = simulate(Moody()).receive({})
    assert job.messages == [{"calls": 3}]
    assert ["the moon is down" in error for error in job.errors] == [True, True]


def test_answer_lost_to_a_timeout_is_replayed_to_the_next_attempt() -> None:
    """The host keeps it: what the agent does for a message it does once."""
    simulation = simulate(Shout())
    job = simulation.queue({"text": "x"}, seconds=75)
    simulation.run()
    assert job.is_lost
    answers = {attempt.answer for attempt in job.attempts}
    assert len(answers) == 1


def test_app_of_several_agents_is_refused_and_of_one_is_taken() -> None:
    class Other(Shout):
        name = "OtherAgent"

    app = AgentApp(Shout(), prefix="/", token="secret-token")
    assert simulate(app).receive({"text": "a"}).messages == [{"text": "A"}]
    with pytest.raises(ValueError, match="which agent"):
        simulate(AgentApp(Shout(), Other()))
    with pytest.raises(TypeError):
        simulate(5)  # type: ignore[arg-type]


def test_agent_that_activeworkflow_cannot_register_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot register"):
        simulate(Scripted(b"{}", registration=dict(REGISTRATION, name="my agent")))


def test_same_calls_have_the_same_outcome() -> None:
    def play() -> Any:
        simulation = simulate(Scripted(b"", result(memory={"a": 1}), b"x", result()))
        for number in range(4):
            simulation.queue({"n": number})
        simulation.queue_check()
        simulation.run()
        return [[attempt.at for attempt in job.attempts] for job in simulation.jobs]

    assert play() == play()


# --- The table of answers

DEEP = b'{"result":' * 101 + b"{}" + b"}" * 101


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "unexpected token"),
        (b"<html>", "unexpected token at '<html>'"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b"null", "the answer is null"),
        (b"[]", "the answer is []"),
        (b'{"error": "x"}', 'key not found: "result" (the answer has `error`)'),
        (b'{"result": null}', "`result` is null"),
        (b'{"result": {"memory": {"a": NaN}}}', "JSON has no NaN"),
        (DEEP, "too deep"),
        (b"[" * 100000, "too deep"),
        (b'{"result": {"logs": ["\\ud800"]}}', "surrogate"),
        (b'{"result": {"messages": [{"a": 1e400}]}}', "beyond a double"),
        (result(errors=None), "`errors` is null"),
        (result(logs="text"), "`logs` is"),
        (result(logs=["ok", " "]), "can't be blank: logs[1]"),
        (result(errors=[""]), "can't be blank"),
        (result(logs=[None]), "can't be blank"),
        (result(logs=["a\0b"]), "null byte"),
        (result(memory=None), "`memory` is null"),
        (result(memory=[1]), "`memory` is [1]"),
        (result(memory="text"), "`memory` is"),
        (result(messages=[{}, 5]), "messages[1] is 5"),
        (result(messages=["text"]), "messages[0]"),
        (result(messages={"a": 1}), "messages[0]"),
        (result(messages=[{}] * 20000), "execution expired"),
    ],
)
def test_answers_that_fail(body: bytes, words: str) -> None:
    reaction = react(body)
    assert words in (reaction.failure or "")
    assert reaction.memory is None


@pytest.mark.parametrize(
    ("body", "logs", "messages", "memory", "remarks"),
    [
        (b'{"jsonrpc": "2.0", "result": {}, "error": null}', [], [], None, 0),
        (b'{"result": {}, "error": "x", "logs": ["a"]}', [], [], None, 2),
        (result(message=[{}], log="a"), [], [], None, 2),
        (result(memory={}), [], [], {}, 0),
        (result(memory='{"a": 1}'), [], [], {"a": 1}, 0),
        (result(messages=["", '{"a": 1}']), [], [{}, {"a": 1}], None, 0),
        (result(logs={"key": "value"}), ['["key", "value"]'], [], None, 2),
        (result(logs=[5, True]), ["5", "t"], [], None, 2),
        (result(logs=["x" * 10001]), ["x" * 10000], [], None, 1),
        (b'{"result": {"logs": ["\xff"]}}', ["\ufffd"], [], None, 1),
        (b'{"result": {"logs": ["\\ud83d\\ude00"]}}', ["\U0001f600"], [], None, 0),
        (result(logs=["x"] * 201), ["x"] * 201, [], None, 1),
        (result(messages=[{}] * 501), [], [{}] * 501, None, 1),
    ],
)
def test_answers_that_succeed(
    body: bytes, logs: List[str], messages: List[Any], memory: Any, remarks: int
) -> None:
    reaction = react(body)
    assert reaction.failure is None
    assert (reaction.logs, reaction.messages, reaction.memory) == (logs, messages, memory)
    assert len(reaction.remarks) == remarks


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "myAgent"}, "cannot be an agent's name"),
        ({"name": None}, "`name` is null"),
        ({"name": "EmailAgent"}, "agent of ActiveWorkflow's own"),
        ({"name": "Agent"}, "cannot be an agent's name"),
        ({"name": "X; `id`; class Y"}, "cannot be an agent's name"),
        ({"description": ""}, "page for new agents breaks"),
        ({"description": 5}, "page for new agents breaks"),
        ({"default_options": None}, "editor"),
        ({"default_options": []}, "`default_options` is []"),
    ],
)
def test_registrations_that_fail(change: Dict[str, Any], words: str) -> None:
    body = json.dumps({"result": dict(REGISTRATION, **change)}).encode()
    assert words in (register(body).failure or "")


def test_registrations_that_are_odd() -> None:
    for change in ({"name": "My_Agent"}, {"name": "ÄrgerAgent"}, {"description": None}):
        registration = register(json.dumps({"result": dict(REGISTRATION, **change)}).encode())
        assert registration.failure is None
        assert len(registration.remarks) == 1


def test_request_is_written_as_rails_writes_it() -> None:
    assert request_body("register") == b'{"method":"register","params":{}}'
    body = request_body("receive", message={"payload": {"a": "<é&\u2028>"}}, credentials={"n": "v"})
    assert body == (
        b'{"method":"receive","params":{"options":{},"memory":{},'
        b'"credentials":[{"name":"n","value":"v"}],'
        b'"message":{"payload":{"a":"\\u003c\xc3\xa9\\u0026\\u2028\\u003e"}}}}'
    )
    assert b'"message":null' in request_body("check")
