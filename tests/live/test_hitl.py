"""Paused runs on real AgentOS servers of three versions: decided, continued, refused."""

import io
import json
import pickle
import subprocess
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Iterator, List

import pytest

from remoteagent_lite import (
    AgentOSClient,
    InvalidRequestError,
    NotFoundError,
    RemoteAgent,
    RemoteServerUnavailableError,
    RemoteTeam,
    RemoteWorkflow,
    RetryPolicy,
    ToolExecution,
    UnsupportedError,
    cli,
)
from remoteagent_lite.models import RunRequirement, StepRequirement
from tests import FIXTURES
from tests.peers.faults import RawServer, hang_up, reply
from tests.peers.fixtures import _shared as shared_server
from tests.peers.server import PeerServer

RECORDED = FIXTURES / "3.1.10"
OLD, MIDDLE, NEW = "agno-2.3.20", "agno-2.9.0", "agno-3.1.10"
QUESTIONS = json.dumps(
    {
        "questions": [
            {"question": "Which?", "header": "W", "options": [{"label": "A"}, {"label": "B"}]},
            {
                "question": "What?",
                "header": "X",
                "options": [{"label": "X"}, {"label": "Y"}, {"label": "Z"}],
                "multi_select": True,
            },
        ]
    }
)
ASK = 'tool:ask {"question": "Where?"}'
EXTERNAL = 'tool:external {"command": "ls"}'
FEEDBACK = "tool:ask_user " + QUESTIONS
SELECTED = '"selected": ["B"]}, {"question": "What?", "selected": ["X", "Z"]}'


class Component:
    """Runs and continues one component, in one of the two ways."""

    def __init__(self, remote: Any, stream: bool) -> None:
        self.remote = remote
        self.stream = stream

    def run(self, text: str, **options: Any) -> Any:
        return self._output(self.remote.run(text, stream=self.stream, **options))

    def go_on(self, *arguments: Any, **options: Any) -> Any:
        return self._output(self.remote.continue_run(*arguments, stream=self.stream, **options))

    def _output(self, answer: Any) -> Any:
        if not self.stream:
            return answer
        with answer:
            return answer.output()


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def stream(request: Any) -> bool:
    return bool(request.param)


@pytest.fixture
def agent(agentos: PeerServer, stream: bool) -> Iterator[Component]:
    with RemoteAgent(agentos.url, "my-agent") as remote:
        yield Component(remote, stream)


@pytest.fixture(scope="session", params=[NEW, MIDDLE])
def newer(request: Any, agentos_servers: Any) -> PeerServer:
    """The versions that have more than confirmation, input and results for agents."""
    return shared_server(agentos_servers, request.param)


@pytest.fixture
def team(newer: PeerServer, stream: bool) -> Iterator[Component]:
    with RemoteTeam(newer.url, "my-team") as remote:
        yield Component(remote, stream)


@pytest.fixture
def workflow(newer: PeerServer, stream: bool) -> Iterator[Callable[[str], Component]]:
    opened: List[Any] = []

    def make(id: str) -> Component:
        opened.append(RemoteWorkflow(newer.url, id))
        return Component(opened[-1], stream)

    yield make
    for remote in opened:
        remote.close()


# --- Agents


@pytest.mark.parametrize("copy", ["tools", "requirements", "pending"])
def test_agent_confirm_and_reject(agent: Component, copy: str) -> None:
    for decide, content in (
        (lambda item: item.confirm(), "tool said: deleted /tmp/x"),
        (lambda item: item.reject("not today"), "tool said: not today"),
    ):
        paused = agent.run("delete /tmp/x")
        assert paused.waits_for == "confirmation of delete_file(path='/tmp/x')"
        (item,) = getattr(paused, copy)
        decide(item)
        output = agent.go_on(paused)
        assert (output.status, output.content) == ("COMPLETED", content)
        assert output.run_id == paused.run_id


def test_agent_user_input(agent: Component) -> None:
    paused = agent.run(ASK)
    (tool,) = paused.tools_requiring_user_input
    tool.answer(city="Rome", days=3)
    assert agent.go_on(paused).content == "tool said: Where? Rome for 3 days"


def test_agent_external_execution(agent: Component) -> None:
    paused = agent.run(EXTERNAL)
    (tool,) = paused.tools_awaiting_external_execution
    tool.set_result("a b c")
    assert agent.go_on(paused).content == "tool said: a b c"


def test_agent_continued_by_requirements_as_agno_does(agent: Component) -> None:
    for text, content in (
        ("delete /x", "tool said: deleted /x"),
        (ASK, "tool said: Where? Rome for 3 days"),
        (EXTERNAL, "tool said: a b c"),
    ):
        paused = agent.run(text)
        for requirement in paused.active_requirements:
            if requirement.needs_confirmation:
                requirement.confirm()
            elif requirement.needs_user_input:
                requirement.provide_user_input({"city": "Rome", "days": 3})
            elif requirement.needs_external_execution:
                requirement.set_external_execution_result("a b c")
            assert requirement.is_resolved()
        output = agent.go_on(
            run_id=paused.run_id, session_id=paused.session_id, requirements=paused.requirements
        )
        assert (output.status, output.content) == ("COMPLETED", content)


def test_agent_user_feedback(newer: PeerServer, stream: bool) -> None:
    agent = Component(RemoteAgent(newer.url, "my-agent"), stream)
    paused = agent.run(FEEDBACK)
    (tool,) = paused.tools_requiring_user_feedback
    tool.select({"Which?": "B", 1: ["X", "Z"]})
    assert SELECTED in agent.go_on(paused).content
    agent.remote.close()


def test_agent_with_several_calls(agent: Component) -> None:
    paused = agent.run(
        'tool:delete_file {"path": "a"} && tool:add {"a": 1, "b": 2} && tool:external '
        '{"command": "b"} && tool:delete_file {"path": "c"}'
    )
    assert len(paused.pending) == 3
    first, second = paused.tools_requiring_confirmation
    first.confirm()
    with pytest.raises(ValueError, match=r"external is not decided.*delete_file is not decided"):
        agent.remote.continue_run(paused)
    second.reject("keep it")
    paused.tools_awaiting_external_execution[0].set_result("done")
    output = agent.go_on(paused)
    assert sorted(output.content[len("tool said: ") :].split(" | ")) == [
        "3",
        "deleted a",
        "done",
        "keep it",
    ]


def test_agent_continued_by_id_with_bare_decisions(agentos: PeerServer, agent: Component) -> None:
    for text, bare, content in (
        ("delete /x", {"confirmed": True}, "tool said: deleted /x"),
        (EXTERNAL, {"result": "by hand"}, "tool said: by hand"),
    ):
        paused = agent.run(text)
        decision = ToolExecution(tool_call_id=paused.tools[0].tool_call_id, **bare)
        with pytest.raises(ValueError, match="has no tool call 'nothing'"):
            agent.go_on(paused.run_id, [ToolExecution(tool_call_id="nothing", result="x")])
        with pytest.raises(ValueError, match="is not decided"):
            agent.go_on(run_id=paused.run_id)
        output = agent.go_on(run_id=paused.run_id, updated_tools=[decision])
        assert (output.status, output.content) == ("COMPLETED", content)


def test_agent_continued_in_another_process(agentos: PeerServer, agent: Component) -> None:
    paused = agent.run("delete /x")
    ids = {"run_id": paused.run_id, "session_id": paused.session_id}
    paused = pickle.loads(pickle.dumps(paused))
    bare = [ToolExecution(tool_call_id=paused.tools[0].tool_call_id, confirmed=True)]
    with RemoteAgent(agentos.url, "my-agent") as remote:
        other = Component(remote, agent.stream)
        with pytest.raises(ValueError, match="session_id"):
            other.go_on(run_id=paused.run_id, updated_tools=bare)
        if agentos.name == OLD:  # which cannot be asked what the run waits for
            with pytest.raises(UnsupportedError, match="pass the paused output"):
                other.go_on(updated_tools=bare, **ids)
            paused.tools[0].confirm()
            output = other.go_on(updated_tools=paused.tools, **ids)
        else:
            with pytest.raises(ValueError, match="delete_file is not decided"):
                other.go_on(**ids)
            output = other.go_on(updated_tools=bare, **ids)
        assert output.content == "tool said: deleted /x"


CONTINUE = """
import pickle, sys
from remoteagent_lite import RemoteAgent, RemoteTeam
url, remote, id, path = sys.argv[1:]
with open(path, "rb") as file:
    paused = pickle.load(file)
with {"RemoteAgent": RemoteAgent, "RemoteTeam": RemoteTeam}[remote](url, id) as component:
    try:
        print(component.continue_run(paused).content)
    except ValueError as error:
        print("refused:", error)
"""


@pytest.mark.parametrize(("remote", "id"), [(RemoteAgent, "my-agent"), (RemoteTeam, "my-team")])
def test_decision_that_is_made_in_two_processes_is_executed_once(
    newer: PeerServer, tmp_path: Any, remote: Any, id: str
) -> None:
    """A double click, answered by two workers that hold the same paused output."""
    with remote(newer.url, id) as component:
        paused = component.run("delete /tmp/x")
        paused.pending[0].confirm()
        path = tmp_path / "paused"
        path.write_bytes(pickle.dumps(paused))
        command = [sys.executable, "-c", CONTINUE, newer.url, remote.__name__, id, str(path)]
        said = [subprocess.check_output(command, timeout=60).decode() for _ in range(2)]
        assert said[0].strip() == "tool said: deleted /tmp/x"
        assert said[1].startswith("refused: run %s is not paused" % paused.run_id)
        with pytest.raises(ValueError, match="not paused but COMPLETED"):
            component.continue_run(paused)  # which has seen it pause, and nothing since
        assert [row.run_id for row in component.list_runs(paused.session_id)] == [paused.run_id]


def test_finished_run_is_not_run_anew_by_mistake(agentos: PeerServer, agent: Component) -> None:
    paused = agent.run("delete /x")
    paused.tools[0].confirm()
    output = agent.go_on(paused)
    for again in (paused, output, output.run_id):
        with pytest.raises(ValueError, match="not paused but COMPLETED"):
            agent.remote.continue_run(again)
    if agentos.name == OLD:
        with pytest.raises(UnsupportedError, match=r"input=.*since 2\.9"):
            agent.go_on(output, input="and now?")
        return
    follow_up = agent.go_on(output, input="and now?")
    assert follow_up.run_id != output.run_id
    assert follow_up.content.strip() == "echo: and now?"
    for options in ({"fork": True}, {"regenerate": True, "replace_original": False}):
        assert agent.go_on(output.run_id, **options).run_id != output.run_id
    assert agent.go_on(output, continue_from=0).run_id != output.run_id
    assert agent.remote.get_run(output.run_id).status == "COMPLETED"
    agent.go_on(output, regenerate=True, additional_instructions="shorter")
    assert agent.remote.get_run(output.run_id).status == "REGENERATED"


def test_continue_of_an_unknown_run(newer: PeerServer, stream: bool) -> None:
    with RemoteAgent(newer.url, "my-agent") as agent, pytest.raises(NotFoundError):
        agent.continue_run(str(uuid.uuid4()), session_id="none", stream=stream)


# --- Teams


def test_team_own_tool(team: Component) -> None:
    for copy in ("tools", "requirements", "pending"):
        paused = team.run("delete /tmp/x")
        getattr(paused, copy)[0].confirm()
        output = team.go_on(paused)
        assert (output.status, output.content) == ("COMPLETED", "tool said: deleted /tmp/x")
    paused = team.run("delete /tmp/x")
    paused.pending[0].reject("not today")
    assert team.go_on(paused).content == "tool said: not today"


@pytest.mark.parametrize(
    ("task", "decide", "said"),
    [
        ("delete /x", lambda item: item.confirm(), "deleted /x"),
        ("delete /x", lambda item: item.reject("not today"), "not today"),
        (ASK, lambda item: item.answer(city="Rome", days=3), "Where? Rome for 3 days"),
        (EXTERNAL, lambda item: item.set_result("a b c"), "a b c"),
        (FEEDBACK, lambda item: item.select({0: "B", 1: ["X", "Z"]}), SELECTED),
    ],
)
def test_team_members_tool(
    newer: PeerServer, team: Component, task: str, decide: Any, said: str
) -> None:
    paused = team.run("delegate:my-agent " + task)
    assert paused.waits_for.endswith(" by My Agent")
    with pytest.raises(ValueError, match="is not decided"):
        team.remote.continue_run(paused)
    decide(paused.pending[0])
    with team.remote.continue_run(paused, stream=True) as events:
        spoken = "".join(e.content for e in events if e.event == "RunContent")
        output = events.output()
    assert output.status == "COMPLETED"
    assert said in spoken  # by the member; 2.9 does not tell the leader
    assert said in output.content or newer.name == MIDDLE


def test_team_by_id(newer: PeerServer, team: Component) -> None:
    paused = team.run("delete /x")
    with pytest.raises(UnsupportedError, match="updated_tools"):
        team.go_on(paused.run_id, paused.tools)
    bare = RunRequirement(id=paused.requirements[0].id, confirmation=True)
    assert team.go_on(paused.run_id, requirements=[bare]).content == "tool said: deleted /x"
    paused = team.run("delete /x")
    with RemoteTeam(newer.url, "my-team") as remote:
        bare = RunRequirement(id=paused.requirements[0].id, confirmation=True)
        output = Component(remote, team.stream).go_on(
            run_id=paused.run_id, session_id=paused.session_id, requirements=[bare]
        )
    assert output.content == "tool said: deleted /x"
    anew = team.go_on(output, input="hello again")
    assert anew.content.strip() == "echo: hello again"


def test_server_without_teams_that_wait_says_so(agentos_servers: Any, stream: bool) -> None:
    server = shared_server(agentos_servers, OLD)
    for remote, id, name in (
        (RemoteTeam, "my-team", "team-own-tool"),
        (RemoteWorkflow, "qa", "workflow-gated"),
    ):
        with remote(server.url, id) as component:  # type: ignore[operator]
            paused = recorded(component, name)
            paused.pending[0].confirm()
            with pytest.raises(UnsupportedError, match=r"2\.9"):
                Component(component, stream).go_on(paused)


# --- Workflows


def test_workflow_confirmation(workflow: Callable[[str], Component]) -> None:
    gated = workflow("gated")
    paused = gated.run("hello")
    paused.pending[0].confirm()
    assert gated.go_on(paused).content == "11 letters"
    paused = gated.run("hello")
    paused.step_requirements[0].reject("no")
    output = gated.go_on(paused)
    assert (output.status, output.content) == ("COMPLETED", "5 letters")  # on_reject: skip


def test_workflow_user_input(workflow: Callable[[str], Component]) -> None:
    form = workflow("form")
    for values in ({"city": "Rome"}, {"city": "Rome", "days": 3}):
        paused = form.run("hello")
        paused.pending[0].answer(values)
        assert form.go_on(paused).content == "form: %s" % values
    paused = form.run("hello")
    paused.pending[0].answer(city="Rome", days="three")
    with pytest.raises(InvalidRequestError, match="expected int"):
        form.go_on(paused)
    paused.pending or paused.step_requirements[0].answer(days=3)
    assert form.go_on(paused).status == "COMPLETED"  # the refusal changed nothing


def test_workflow_route(workflow: Callable[[str], Component]) -> None:
    choose = workflow("choose")
    for choice, content in (("left", "HELLO"), ("right", "echo: hello")):
        paused = choose.run("hello")
        paused.pending[0].select(choice)
        assert choose.go_on(paused).content.strip() == content


def test_workflow_review(newer: PeerServer, workflow: Callable[[str], Component]) -> None:
    review = workflow("review")
    paused = review.run("hello")
    paused.pending[0].confirm()
    assert review.go_on(paused).content.strip() == "echo: hello"
    paused = review.run("hello")
    paused.pending[0].edit("much better")
    assert review.go_on(paused).content == "much better"
    paused = review.run("hello")
    paused.pending[0].reject("make it longer")
    again = review.go_on(paused)
    assert (again.status, len(again.step_requirements), len(again.pending)) == ("PAUSED", 2, 1)
    with pytest.raises(ValueError, match="has paused again since"):
        review.remote.continue_run(paused)
    again.pending[0].confirm()
    if newer.name == MIDDLE and review.stream:
        with pytest.raises(NotFoundError):  # it loses a run that pauses again in a stream
            review.go_on(again)
        return
    assert "make it longer" in review.go_on(again).content


@pytest.mark.parametrize(
    ("text", "decide", "said"),
    [
        ("delete /x", lambda item: item.confirm(), "deleted /x"),
        ("delete /x", lambda item: item.reject("not today"), "not today"),
        (ASK, lambda item: item.answer(city="Rome", days=3), "Where? Rome for 3 days"),
        (EXTERNAL, lambda item: item.set_result("a b c"), "a b c"),
        (FEEDBACK, lambda item: item.select({0: "B", 1: ["X", "Z"]}), SELECTED),
    ],
)
def test_workflow_executor(
    workflow: Callable[[str], Component], text: str, decide: Any, said: str
) -> None:
    executor = workflow("executor")
    paused = executor.run(text)
    assert [item.pause_type for item in paused.pending] == ["executor"]
    with pytest.raises(ValueError, match="of its executor_requirements"):
        executor.remote.continue_run(paused)
    decide(paused.active_requirements[0])
    output = executor.go_on(paused)
    assert output.status == "COMPLETED"
    assert said in output.content


def test_workflow_by_id(newer: PeerServer, workflow: Callable[[str], Component]) -> None:
    executor = workflow("executor")
    for remote in (executor.remote, RemoteWorkflow(newer.url, "executor")):
        paused = executor.run("delete /x")
        (step,) = paused.step_requirements
        (inner,) = step.executor_requirements
        bare = StepRequirement(
            step_id=step.step_id,
            executor_requirements=[RunRequirement(id=inner.id, confirmation=True)],
        )
        output = Component(remote, executor.stream).go_on(
            paused.run_id, session_id=paused.session_id, step_requirements=[bare]
        )
        assert output.content.strip() == "tool said: deleted /x"
        remote.close()


def test_workflow_that_waits_for_an_error_decision(workflow: Callable[[str], Component]) -> None:
    repair = workflow("repair")
    paused = repair.run("hello")
    assert paused.is_paused
    with pytest.raises(UnsupportedError, match="scripted step failure"):
        repair.go_on(paused)
    with pytest.raises(UnsupportedError, match="takes no input for a workflow"):
        gated = workflow("gated")
        waiting = gated.run("hello")
        waiting.pending[0].confirm()
        gated.go_on(waiting, input="x")


# --- Approvals


@pytest.fixture(scope="module", params=[NEW, MIDDLE])
def approvals(request: Any) -> Iterator[PeerServer]:
    with PeerServer(request.param, os_db=True) as server:
        yield server


def test_approval(approvals: PeerServer, stream: bool) -> None:
    with RemoteAgent(approvals.url, "my-agent") as remote, AgentOSClient(approvals.url) as client:
        agent = Component(remote, stream)
        for verdict, content in (
            ("approved", "paid 5"),
            ("rejected", "Function call was rejected by the user"),
        ):
            paused = agent.run('tool:pay {"amount": 5}')
            approval_id = paused.tools[0].approval_id
            assert "an administrator's approval " + approval_id in paused.waits_for
            with pytest.raises(InvalidRequestError, match="resolve an admin approval first"):
                remote.continue_run(paused)
            if stream:  # there the refusal is an event
                assert agent.go_on(paused).status == "ERROR"
            assert remote.get_run(paused.run_id or "").is_paused
            client.request("POST", "/approvals/%s/resolve" % approval_id, json={"status": verdict})
            output = agent.go_on(paused)
            assert (output.status, output.content) == ("COMPLETED", "tool said: " + content)


# --- What is not sent, or not again


def recorded(component: Any, name: str) -> Any:
    from remoteagent_lite import models

    data = json.loads((RECORDED / (name + "-paused.json")).read_text("utf-8"))
    return getattr(models, component.component.output).from_dict(data)


CASES = [
    (RemoteAgent, "agent-confirm"),
    (RemoteAgent, "agent-several"),
    (RemoteTeam, "team-member-tool"),
    (RemoteWorkflow, "workflow-gated"),
    (RemoteWorkflow, "workflow-executor"),
]


@pytest.mark.parametrize(("remote", "name"), CASES)
def test_nothing_is_sent_as_long_as_something_is_undecided(
    remote: Any, name: str, stream: bool
) -> None:
    body = (RECORDED / (name + "-paused.json")).read_bytes()
    with RawServer(reply(body)) as server, remote(server.url, "x") as component:
        paused = component.run("hello")
        for again in (paused, recorded(component, name), paused.run_id):
            with pytest.raises(ValueError, match="is not decided"):
                component.continue_run(again, stream=stream)
        assert len(server.requests) == 1


def test_continue_is_never_repeated(stream: bool) -> None:
    body = (RECORDED / "agent-confirm-paused.json").read_bytes()
    retry = RetryPolicy(max_attempts=5, backoff=0, retry_runs=True)
    with RawServer(reply(body), reply(body), hang_up) as server, RemoteAgent(
        server.url, "my-agent", retry=retry
    ) as agent:
        paused = agent.run("hello")
        paused.tools[0].confirm()  # type: ignore[index]
        with pytest.raises(RemoteServerUnavailableError) as caught:
            agent.continue_run(paused, stream=stream)
        assert caught.value.request_sent
        assert caught.value.run_id == paused.run_id
        assert [request.method for request in server.requests] == ["POST", "GET", "POST"]
        form = server.requests[2].form
        assert form["session_id"] == [paused.session_id]
        assert json.loads(form["tools"][0])[0]["confirmed"] is True


def test_refused_continue_leaves_the_run_paused(stream: bool) -> None:
    body = (RECORDED / "agent-confirm-paused.json").read_bytes()
    done = (RECORDED / "agent-confirm-continued.json").read_bytes()
    refusal = reply(b'{"detail": "not yet"}', 403)
    asked = reply(body)
    with RawServer(reply(body), asked, refusal, asked, reply(done)) as server, RemoteAgent(
        server.url, "my-agent"
    ) as agent:
        paused = agent.run("hello")
        paused.tools[0].confirm()  # type: ignore[index]
        with pytest.raises(Exception, match="not yet"):
            agent.continue_run(paused, stream=stream)
        with pytest.raises(ValueError, match="is not decided"):
            agent.continue_run(paused.run_id)
        assert agent.continue_run(paused).status == "COMPLETED"
        assert len(server.requests) == 5


def test_of_many_threads_one_continues(stream: bool) -> None:
    body = (RECORDED / "agent-confirm-paused.json").read_bytes()
    done = (RECORDED / "agent-confirm-continued.json").read_bytes()
    events = (RECORDED / "agent-confirm-continued-stream.sse").read_bytes()
    answer = reply(events, content_type="text/event-stream") if stream else reply(done)
    with RawServer(reply(body), reply(body), answer) as server, RemoteAgent(
        server.url, "x"
    ) as agent:
        paused = agent.run("hello")
        paused.tools[0].confirm()  # type: ignore[index]
        barrier = threading.Barrier(8)

        def go_on(_: int) -> str:
            barrier.wait()
            try:
                Component(agent, stream).go_on(paused)
            except ValueError as error:
                return "not paused" if "not paused" in str(error) else "another thread"
            return "continued"

        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(go_on, range(8)))
        assert results.count("continued") == 1
        assert [request.method for request in server.requests] == ["POST", "GET", "POST"]


# --- At the terminal


@pytest.mark.parametrize(
    ("arguments", "typed", "answer"),
    [
        (["my-agent", "delete /x"], "perhaps\ny\n", "tool said: deleted /x"),
        (["my-agent", "delete /x", "--no-stream"], "n\nno way\n", "tool said: no way"),
        (["my-agent", ASK], "Rome\n\nRome\n3\n", "tool said: Where? Rome for 3 days"),
        (["my-agent", EXTERNAL], "a b c\n", "tool said: a b c"),
        (["my-agent", FEEDBACK], "9\n2\n1, 3\n", SELECTED),
        (["my-team", "delegate:my-agent delete /x", "--team"], "y\n", "deleted /x"),
        (["gated", "x", "--workflow"], "y\n", "echo: x"),
        (["form", "x", "--workflow"], "Rome\n3\n", "form: {'city': 'Rome', 'days': 3}"),
        (["choose", "x", "--workflow"], "1\n", "X"),
        (["review", "x", "--workflow"], "n\nworse\ne\nbetter\n", "Feedback from reviewer:\nworse"),
        (["executor", "delete /x", "--workflow"], "y\n", "deleted /x"),
    ],
)
def test_command_line_asks(
    agentos_latest: PeerServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: List[str],
    typed: str,
    answer: str,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    assert cli.main(["run", agentos_latest.url, *arguments, "--ask"]) == 0
    captured = capsys.readouterr()
    assert answer in captured.out
    assert "The run is paused for " in captured.err
    assert sys.stdin.read() == ""


def test_command_line_without_an_answer_exits_with_4(
    agentos_latest: PeerServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    for arguments, asked in (
        (["my-agent", "delete /x"], False),
        (["my-agent", ASK, "--ask"], True),
        (["repair", "x", "--workflow", "--ask"], True),
    ):
        assert cli.main(["run", agentos_latest.url, *arguments]) == 4
        complaint = capsys.readouterr().err
        assert " is paused for " in complaint
        assert ("The run is paused for " in complaint) is asked
