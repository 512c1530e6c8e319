"""``Script``: what it plays is what clients are told, over both protocols, and it remembers."""

import threading
from typing import Any, List

import pytest

from remoteagent_lite import (
    A2AClient,
    File,
    RemoteAgent,
    RemoteServerUnavailableError,
    RemoteTeam,
    RemoteWorkflow,
    RunFailedError,
    StreamInterruptedError,
)
from remoteagent_lite.gateway import Gateway
from remoteagent_lite.options import RetryPolicy
from remoteagent_lite.testing import (
    Script,
    answer,
    ask,
    cut,
    data,
    error,
    event,
    file,
    reject,
    reply,
    serve,
    sleep,
    step,
    tool,
    unavailable,
)


def names(script: Script, **options: Any) -> List[str]:
    with serve(script) as url, RemoteAgent(url, script.id) as agent:
        return [each.event for each in agent.run("x", stream=True, **options)]


def test_pieces_are_told_one_by_one_and_what_was_sent_is_remembered() -> None:
    script = Script("one ", "two", sleep(0.001))
    document = File(content=b"abc", filename="a.txt", mime_type="text/plain")
    with serve(script) as url, RemoteAgent(url, "agent") as agent:
        with agent.run(
            "hello", stream=True, files=[document], session_id="s1", user_id="ann",
            metadata={"k": 1},
        ) as stream:  # fmt: skip
            assert list(stream.text()) == ["one ", "two"]
            run_id = stream.output().run_id
        assert agent.run("again").content == "one two"
    first, second = script.requests
    assert script.runs == 2
    assert (first.text, first.session_id, first.user_id) == ("hello", "s1", "ann")
    assert (first.input, first.metadata, first.run_id) == ("hello", {"k": 1}, run_id)
    assert [(each.content, each.filename) for each in first.files] == [(b"abc", "a.txt")]
    assert second.text == "again" and second.files == []
    assert repr(first) == "<Request 'hello' of session s1>"


def test_over_a2a_it_is_the_same_script() -> None:
    script = Script("one ", file(b"abc", filename="a.txt"), data({"n": 1}, name="numbers"))
    with serve(script) as url, A2AClient(url + "/a2a/agents/agent") as client:
        task: Any = client.send_message("hello", context_id="c1", metadata={"k": 1})
        sent: Any = client.send_message({"city": "Rome"})
    assert task.status.state == "TASK_STATE_COMPLETED"
    assert [each.name for each in task.artifacts][-1] == "numbers"
    assert sent.status.state == "TASK_STATE_COMPLETED"
    first, second = script.requests
    assert (first.text, first.session_id, first.metadata) == ("hello", "c1", {"k": 1})
    assert second.data == [{"city": "Rome"}] and second.input == {"city": "Rome"}
    assert first.message_id


def test_tools_steps_and_events_are_told() -> None:
    script = Script(tool("search", q="x", result=["found"]), tool("fail", error="no luck"), "on")
    with serve(script) as url, RemoteAgent(url, "agent") as agent:
        output = agent.run("x")
    assert output.content == "on"
    found, failed = output.tools or []
    assert (found.tool_args, found.tool_call_error) == ({"q": "x"}, False)
    assert (failed.result, failed.tool_call_error) == ("no luck", True)
    told = names(Script(tool("search", result=1), event("note", n=1), "done"))
    assert told[:4] == ["RunStarted", "ToolCallStarted", "ToolCallCompleted", "CustomEvent"]
    flow = Script(step("first", "one", tool("t")), step("second", "two"), "end").as_workflow()
    with serve(flow) as url, RemoteWorkflow(url, "workflow") as workflow:
        output_of_flow = workflow.run("x")
    assert output_of_flow.content == "end"
    assert [each.step_name for each in output_of_flow.step_results or []] == ["first", "second"]


def test_teams_are_teams() -> None:
    script = Script("together").as_team(members=["ann", "bob"])
    with serve(script) as url, RemoteTeam(url, "team") as team:
        assert team.run("x").content == "together"
    named = Script("x", id="crew", name="The crew", description="Works.").as_team()
    assert (named.id, named.name, named.description, named.key) == (
        "crew", "The crew", "Works.", "teams/crew",
    )  # fmt: skip


@pytest.mark.parametrize("confirmed", [True, False])
def test_a_tool_waits_for_its_confirmation(confirmed: bool) -> None:
    script = Script("before ", tool("delete", path="/x").confirm("Really?"), "after")
    with serve(script) as url, RemoteAgent(url, "agent") as agent:
        paused = agent.run("x", session_id="s1")
        assert paused.is_paused
        (waiting,) = paused.tools_requiring_confirmation
        assert (waiting.tool_name, waiting.tool_args) == ("delete", {"path": "/x"})
        if confirmed:
            waiting.confirm()
        else:
            waiting.reject("not today")
        output = agent.continue_run(paused)
    assert output.content == "before after"
    (request,) = script.requests
    (decision,) = request.answers
    assert bool(decision) is confirmed and script.runs == 1
    assert decision.note == (None if confirmed else "not today")


def test_questions_are_answered_over_a2a() -> None:
    script = Script(ask("Which colour?", ["red", "blue"]), ask("Sure?"), lambda run: run.text)
    with serve(script) as url, A2AClient(url + "/a2a/agents/agent") as client:
        task: Any = client.send_message("paint")
        for said in ("red", "yes"):
            assert task.status.state == "TASK_STATE_INPUT_REQUIRED"
            task = client.send_message(said, task_id=task.id, context_id=task.context_id)
        assert task.status.state == "TASK_STATE_COMPLETED"
    assert script.requests[0].answers == ["red", "yes"] and script.runs == 1


def test_runs_fail_end_and_are_turned_down_as_told() -> None:
    script = Script(error("no")).then(error(KeyError("secret"))).then(answer({"n": 1}))
    script.then(reject("not mine")).then(reply("just so"))
    with serve(script) as url, RemoteAgent(url, "agent") as agent:
        first, second, third, fourth, fifth, sixth = (agent.run("x") for _ in range(6))
    assert (first.status, first.content) == ("ERROR", "no")
    assert second.status == "ERROR" and "secret" not in str(second.content)
    assert third.content == {"n": 1}
    assert (fourth.status, fourth.content) == ("ERROR", "not mine")
    assert fifth.content == sixth.content == "just so"  # the last is played again
    with pytest.raises(RunFailedError, match="no"):
        first.raise_for_status()


def test_it_waits_for_an_event_of_the_test() -> None:
    go_on = threading.Event()
    with serve(Script("one ", go_on, "two")) as url, RemoteAgent(url, "agent") as agent:
        with agent.run("x", stream=True) as stream:
            pieces = stream.text()
            assert next(pieces) == "one "
            go_on.set()
            assert list(pieces) == ["two"]


@pytest.mark.parametrize("waiting", [threading.Event(), sleep(3600)])
def test_a_script_that_waits_ends_with_its_run_or_its_server(waiting: Any) -> None:
    script = Script("one ", waiting, "two")
    with serve(script) as url, RemoteAgent(url, "agent") as agent:
        with agent.run("x", stream=True, session_id="s1") as stream:
            assert next(stream.text()) == "one "
            assert stream.cancel()
        with agent.run("x", stream=True) as stream:
            assert next(stream.text()) == "one "
            # Left open: the server closes.
    assert script.runs == 2


def test_faults_of_a_script_are_those_of_its_requests() -> None:
    down = unavailable(retry_after=0)
    script, other = Script(down, cut(after=2), "one ", "two"), Script("fine", id="other")
    patient = RetryPolicy(max_attempts=1, patience=5)
    with serve(script, other) as url:
        with RemoteAgent(url, "other") as agent:
            assert agent.run("x").content == "fine"
        with RemoteAgent(url, "agent", retry=patient) as agent:
            with pytest.raises(StreamInterruptedError):
                agent.run("x", stream=True).output()  # refused, asked again, and cut
            assert agent.run("x").content == "one two"
    assert (down.hits, script.runs) == (1, 2)


def test_what_can_be_taken_up_again_is() -> None:
    script = Script(cut(after=2, times=2), "one ", "two")
    with serve(script) as url:
        with RemoteAgent(url, "agent") as agent:
            stream = agent.run("x", stream=True, background=True)
            assert stream.output().content == "one two"
        with A2AClient(url + "/a2a/agents/agent") as client:
            with client.stream_message("x") as events:
                task: Any = events.output()
    assert task.artifacts[0].parts[0].text == "one two"
    assert script.runs == 2


def test_who_leaves_a_stream_is_noticed() -> None:
    script = Script("one ", threading.Event(), "two")
    with serve(script) as url, RemoteAgent(url, "agent") as agent:
        with agent.run("x", stream=True, session_id="s1") as stream:
            assert next(stream.text()) == "one "
        (request,) = script.requests
        assert agent.wait_run(request.run_id, "s1", wait=20).status == "CANCELLED"


def test_faults_that_nothing_serves_are_a_mistake() -> None:
    script = Script(cut(), "one")
    with Gateway(script) as gateway, serve(gateway) as url, RemoteAgent(url, "agent") as agent:
        assert agent.run("x").status == "ERROR"
    with serve(Gateway(script), faults=script.faults) as url, RemoteAgent(url, "agent") as agent:
        with pytest.raises(RemoteServerUnavailableError):
            agent.run("x")
        assert agent.run("x").content == "one"


def test_what_cannot_be_played_or_served_is_refused() -> None:
    with pytest.raises(TypeError, match="nothing that a Script can play"):
        Script(1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="whole run"):
        step("one", cut())
    for wrong in ((), (Script("x"), lambda environ, start: [])):
        with pytest.raises(TypeError, match="serve one WSGI app"):
            with serve(*wrong):
                pass
