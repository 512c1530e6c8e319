"""examples/functions: each function does what it is there to show."""

import importlib
import os
import sqlite3
import sys
import threading
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest

from remoteagent_lite import (
    A2AClient,
    File,
    RemoteAgent,
    RemoteTeam,
    RemoteWorkflow,
    RunFailedError,
)
from remoteagent_lite.gateway import Gateway
from remoteagent_lite.testing import Script, error, serve
from tests import ROOT

FOLDER = ROOT / "examples" / "functions"
MODULES = ("app", "documents", "research", "shop")


@pytest.fixture
def scripts() -> Dict[str, Script]:
    return {
        "researcher": Script("tea is ", "a plant", id="researcher"),
        "writer": Script("An ode to tea.", id="writer"),
        "optimist": Script("It warms.", id="optimist"),
        "sceptic": Script("It cools.", id="sceptic"),
    }


@pytest.fixture
def examples(
    scripts: Dict[str, Script], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """The module `app`, whose remote agents are scripts."""
    with serve(*scripts.values()) as url:
        monkeypatch.setenv("AGENTS_URL", url)
        monkeypatch.setenv("STORE", "sqlite:///%s" % (tmp_path / "runs.db"))
        monkeypatch.setenv("ROWS", str(tmp_path / "rows.db"))
        monkeypatch.syspath_prepend(str(FOLDER))
        for name in MODULES:
            monkeypatch.delitem(sys.modules, name, raising=False)
        yield importlib.import_module("app")
        research = sys.modules["research"]
        for each in (research.researcher, research.writer, research.optimist, research.sceptic):
            each.close()
        for name in MODULES:
            del sys.modules[name]


@pytest.fixture
def url(examples: Any) -> Iterator[str]:
    with serve(examples.app) as url:
        yield url


def test_all_ten_are_served(url: str) -> None:
    with RemoteAgent(url, "quote") as agent:
        config = agent.get_config()
        assert config.id == "quote"
        listed = agent.client.get_config()
    found = [*(listed.agents or ()), *(listed.teams or ()), *(listed.workflows or ())]
    assert len(found) == 10


def test_two_remote_agents_make_a_report(url: str, scripts: Dict[str, Script]) -> None:
    with RemoteWorkflow(url, "report") as workflow:
        with workflow.run("tea", stream=True) as stream:
            events = list(stream)
        output: Any = stream.output()
    assert output.content == "An ode to tea."
    assert scripts["writer"].requests[0].text == "Write about this:\ntea is a plant"
    # What the steps stream is passed on, piece by piece.
    pieces = [each.content for each in events if each.event == "RunContent"]
    assert pieces == ["tea is ", "a plant", "An ode to tea."]
    steps = [each.step_name for each in events if each.event == "StepStarted"]
    assert steps == ["research", "write"]


def test_two_are_asked_at_the_same_time(url: str, scripts: Dict[str, Script]) -> None:
    both = threading.Barrier(2)  # whoever is asked waits for the other
    for name, said in (("optimist", "It warms."), ("sceptic", "It cools.")):
        scripts[name].then(lambda run, said=said: (both.wait(20), said)[1])  # type: ignore[misc]
    with RemoteTeam(url, "panel") as team:
        assert team.run("tea").content == "Good: It warms.\nBad: It cools."
        assert team.run("tea").content == "Good: It warms.\nBad: It cools."
    assert scripts["sceptic"].requests[0].text == "What is bad about this? tea"


def test_a_team_gives_the_work_to_who_can_do_it(url: str, scripts: Dict[str, Script]) -> None:
    scripts["researcher"].then(error("no library"))
    with RemoteTeam(url, "desk") as team:
        assert team.run("write: a haiku", session_id="s1").content == "An ode to tea."
        assert team.run("Research: tea").content == "tea is a plant"
        failed = team.run("research: coffee")
        assert failed.content == "The research could not do it: no library"
        assert team.run("sing").status == "ERROR"
    (written,) = scripts["writer"].requests
    assert (written.text, written.session_id) == ("a haiku", "s1")
    with A2AClient(url + "/a2a/teams/desk") as client:
        task: Any = client.send_message("sing")
        assert task.status.state == "TASK_STATE_REJECTED"


def test_data_goes_in_and_out(url: str) -> None:
    with RemoteAgent(url, "quote") as agent:
        answer: Any = agent.run('{"tea": 2, "cup": 1}').content
        assert answer == {"lines": {"tea": 9.0, "cup": 12.0}, "total": 21.0}
        with pytest.raises(RunFailedError, match="how many of what"):
            agent.run("two teas, please").raise_for_status()
    with A2AClient(url + "/a2a/agents/quote") as client:
        task: Any = client.send_message({"tea": 2})
        assert task.artifacts[0].parts[0].data["total"] == 9.0


def test_tool_calls_are_told(url: str) -> None:
    with RemoteAgent(url, "order-status") as agent:
        with agent.run("Where is order 42?", stream=True) as stream:
            events = {each.event: each for each in stream}
        assert stream.output().content == "Order 42 is sent."
        tool: Any = events["ToolCallCompleted"].tool  # type: ignore[attr-defined]
        assert (tool.tool_name, tool.tool_args) == ("find_order", {"number": 42})
        assert agent.run("7").content == "There is no order 7."


@pytest.mark.parametrize("confirmed", [True, False])
def test_a_human_decides_after_a_restart(examples: Any, confirmed: bool) -> None:
    shop = sys.modules["shop"]
    found = []
    find_order = shop.find_order
    shop.find_order = lambda number: found.append(number) or find_order(number)
    with serve(examples.app) as url, RemoteWorkflow(url, "refund") as workflow:
        paused = workflow.run("Refund order 42", session_id="s1")
        assert paused.is_paused
    # Another process, which has the same file: nothing but that is left.
    app = Gateway(shop.refund, store=os.environ["STORE"])
    with serve(app) as url, RemoteWorkflow(url, "refund") as workflow:
        paused = workflow.get_run(paused.run_id, session_id="s1")
        (waiting,) = paused.pending
        if confirmed:
            waiting.confirm()
        else:
            waiting.reject("too late")
        output = workflow.continue_run(paused)
    assert found == [42]  # the order was looked up once
    if confirmed:
        assert output.content == "Paid back: payment-1."
        assert shop.payments == [{"order": 42, "amount": 21.0}]
    else:
        assert output.content == "Nothing is paid back: too late"
        assert shop.payments == []


def test_questions_are_asked_one_after_the_other(url: str) -> None:
    with RemoteAgent(url, "order-tea") as agent:
        output = agent.run("tea, please", session_id="s1")
        output.pending[0].select("green")
        output = agent.continue_run(output)
        output.pending[0].answer({"input": "3 of them"})
        assert agent.continue_run(output).content == "3 packets of green tea."
    with A2AClient(url + "/a2a/agents/order-tea") as client:
        task: Any = client.send_message("tea, please")
        for said in ("green", "3 of them"):
            assert task.status.state == "TASK_STATE_INPUT_REQUIRED"
            task = client.send_message(said, task_id=task.id, context_id=task.context_id)
        assert task.artifacts[0].parts[0].text == "3 packets of green tea."


def test_a_run_that_is_cancelled_leaves_nothing(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = sys.modules["shop"]
    at_third, go_on = threading.Event(), threading.Event()

    def cleaned(line: str) -> str:
        if line == "third":
            at_third.set()
            assert go_on.wait(20)
        return line

    monkeypatch.setattr(shop, "cleaned", cleaned)
    with RemoteAgent(url, "import-rows") as agent:
        with agent.run("first\nsecond\nthird\nfourth", stream=True, session_id="s1") as stream:
            assert next(stream.text()) == "1 "
            assert at_third.wait(20)
            assert stream.cancel()
            go_on.set()
        assert stream.output().status == "CANCELLED"
        assert agent.run("one\ntwo").content == "1 2 rows are in."
    with sqlite3.connect(str(tmp_path / "rows.db")) as database:
        assert database.execute("SELECT text FROM rows").fetchall() == [("one",), ("two",)]
    database.close()


def test_files_go_in_and_out(url: str) -> None:
    poem = File(content=b"tea tea cup", filename="poem.txt", mime_type="text/plain")
    with RemoteAgent(url, "count-words") as agent:
        output = agent.run("count", files=[poem])
        assert output.content == "poem: 3 words. "
        (table,) = output.files or []
        assert (table.filename, table.content) == ("poem.csv", "tea,2\r\ncup,1\r\n")
        assert agent.run("count").content == "Send a text file."


def test_what_was_said_is_remembered(url: str) -> None:
    with RemoteAgent(url, "diary") as agent:
        for said in ("It rained.", "It stopped."):
            agent.run(said, session_id="s1")
        assert agent.run("What did I say?", session_id="s1").content == "It rained.\nIt stopped."
        assert agent.run("What did I say?", session_id="s2").content == "Nothing yet."
