"""docs/functions.md: the functions in it answer as it says, and it names all that a run has."""

import re
from typing import Any, Dict

import pytest

from remoteagent_lite import A2AClient, File, RemoteAgent, RemoteWorkflow
from remoteagent_lite.gateway import Run
from remoteagent_lite.testing import Script, serve
from tests import ROOT

TEXT = (ROOT / "docs" / "functions.md").read_text("utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```", TEXT, re.M | re.S)


def shown(function: str, **replaced: str) -> Dict[str, Any]:
    """The names of the snippet that has a function."""
    (code,) = [each for each in SNIPPETS if "def %s(run: Run)" % function in each]
    for old, new in replaced.items():
        code = code.replace(PLACES[old], new)
    names: Dict[str, Any] = {"__name__": "snippet"}
    exec(compile(code, function, "exec"), names)
    return names


PLACES = {"agentos": "http://localhost:7777", "a2a": "http://localhost:8001"}


def test_there_is_a_test_for_each() -> None:
    assert len(SNIPPETS) == 7


def test_the_four_lines_answer_by_both_protocols() -> None:
    (code,) = [each for each in SNIPPETS if 'id="greeter"' in each]
    names: Dict[str, Any] = {}
    exec(code, names)
    with serve(names["app"]) as url:
        with RemoteAgent(url, "greeter") as agent:
            assert agent.run("Ann").content == "Hello, Ann!"
            assert agent.description == "Greets people."
        with A2AClient(url + "/a2a/agents/greeter") as client:
            task: Any = client.send_message("Ann")
            assert task.artifacts[0].parts[0].text == "Hello, Ann!"


def test_pieces_files_and_data_are_sent() -> None:
    with serve(shown("count_down")["app"]) as url:
        with RemoteAgent(url, "count-down") as agent:
            with agent.run("3", stream=True) as stream:
                assert list(stream.text()) == ["3 ", "2 ", "1 "]
            assert agent.description == "Counts down."
            assert "ValueError" in str(agent.run("x").content)
        with A2AClient(url + "/a2a/agents/count-down") as client:
            task: Any = client.send_message("2")
            assert task.artifacts[0].parts[0].text == "2 1 "
            assert task.artifacts[1].parts[0].filename == "rocket.gif"
            assert task.artifacts[1].parts[0].media_type == "image/gif"
            assert task.artifacts[2].parts[0].data == {"launched": True}


def test_what_was_said_is_remembered() -> None:
    with serve(shown("diary")["app"]) as url, RemoteAgent(url, "diary") as agent:
        assert agent.run("one", session_id="s1").content == "Hello."
        assert agent.run("two", session_id="s1").content == "Before that you said: one"
        document = File(content=b"abc", filename="a.txt", mime_type="text/plain")
        assert agent.run("three", session_id="s1", files=[document]).content == "a.txt has 3 bytes"
        assert agent.run("one", session_id="s2").content == "Hello."


def test_remote_agents_are_composed() -> None:
    mine = Script("mine", id="my-agent").then("written")
    facts = Script("a fact", id="facts_agent")
    with serve(mine) as url, serve(facts) as other:
        names = shown("report", agentos=url, a2a=other + "/a2a/agents/facts_agent")
        with serve(names["app"]) as own, RemoteWorkflow(own, "report") as workflow:
            output = workflow.run("x", session_id="s1")
        names["mine"].close()
        names["facts"].close()
    assert output.content == "written"
    assert [each.text for each in mine.requests] == ["x", "mine a fact"]
    assert mine.requests[1].session_id == "s1"
    assert facts.requests[0].text == "A fact, please."


@pytest.mark.parametrize("confirmed", [True, False])
def test_questions_are_asked_and_tools_called_once(confirmed: bool) -> None:
    names = shown("clean")
    with serve(names["app"]) as url, RemoteAgent(url, "clean") as agent:
        output = agent.run("*", session_id="s1")
        (question,) = output.pending
        question.select("/tmp/b")
        output = agent.continue_run(output)
        (tool,) = output.tools_requiring_confirmation
        assert (tool.tool_name, tool.tool_args) == ("delete", {"path": "/tmp/b"})
        if confirmed:
            tool.confirm()
        else:
            tool.reject("mine")
        output = agent.continue_run(output)
    assert output.content == ("It is gone." if confirmed else "It stays: mine")
    assert names["deleted"] == (["/tmp/b"] if confirmed else [])


def test_errors_are_for_the_caller() -> None:
    with serve(shown("square")["app"]) as url, RemoteAgent(url, "square") as agent:
        assert agent.run("12").content == "144"
        failed = agent.run("twelve")
        assert (failed.status, failed.content) == ("ERROR", "Say a number, not 'twelve'.")


def test_runs_are_kept_where_it_says(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = [each for each in SNIPPETS if "store=" in each]
    for count in (1, 2):  # another process finds what the first one has kept
        names: Dict[str, Any] = {}
        exec(code, names)
        with serve(names["app"]) as url, RemoteAgent(url, "greet") as agent:
            assert agent.run("Ann", session_id="s1").content == "Hello, Ann!"
            assert len(agent.list_runs(session_id="s1")) == count
    assert (tmp_path / "runs.db").exists()


def test_every_name_of_a_run_is_in_it() -> None:
    for name in dir(Run):
        if not name.startswith("_") and name not in ("answer", "part_of_it", "reply_message"):
            assert "run." + name in TEXT, name
