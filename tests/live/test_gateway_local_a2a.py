"""Functions as A2A agents to the clients that there are: the SDKs', Google ADK's, and this one."""

import base64
import json
import os
import subprocess
import threading
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest

from remoteagent_lite import A2AClient, Image, PushReceiver, RemoteAgent
from remoteagent_lite.gateway import AgentError, Gateway, Run, agent
from remoteagent_lite.testing import serve
from tests.peers.environments import python_of
from tests.peers.server import A2A_SDK, A2A_SDK_03, ADK, AGENTOS_LATEST

CLIENTS = Path(__file__).resolve().parent.parent / "peers" / "a2a_clients.py"
ECHO = "echo: hello world"


@agent(id="echo", description="Echoes.")
def echo(run: Run) -> Iterator[str]:
    for file in run.files:
        content = (file.content or b"")[::-1]
        run.send_file(content, media_type=file.mime_type, filename=file.filename or "b.png")
    if run.text == "fail":
        raise AgentError("as you wish")
    if run.text.startswith("delete "):
        path = run.text[7:]
        if run.confirm("delete", {"path": path}):
            yield "tool said: deleted " + path
        return
    yield "echo: "
    yield run.text


@pytest.fixture
def url() -> Iterator[str]:
    with Gateway(echo, a2a=True, push_hosts=["127.0.0.1"]) as gateway, serve(gateway) as url:
        yield url + "/a2a/agents/echo"


def seen_by(url: str, peer: str, bindings: Dict[str, List[str]]) -> List[Any]:
    """What clients of others have seen, kind by kind and binding by binding."""
    found = []
    told: List[Any] = []
    with serve(PushReceiver(told.append, token="token-0123")) as hook:
        for kind, names in bindings.items():
            command = [python_of(peer), "-P", str(CLIENTS), kind, url, *names]
            settings = {**os.environ, "HOOK": hook}
            seen = json.loads(subprocess.check_output(command, timeout=120, env=settings))
            found += [seen[name] for name in names]
    return found


BOTH = ["JSONRPC", "HTTP+JSON"]


def test_the_sdks_client_runs_a_function(url: str) -> None:
    first, second, more, yet_more = seen_by(url, A2A_SDK, {"sdk": BOTH, "sdk-more": BOTH})
    assert (
        first
        == second
        == {
            "whole": ["task", "task", ECHO],
            "streamed": ["task", "statusUpdate", ECHO],
            "got": "TASK_STATE_COMPLETED",
            "listed": [True],
            "asks": "TASK_STATE_INPUT_REQUIRED",
            "answered": "tool said: deleted /x",
            "over": "TaskNotCancelableError",
            "unknown": "TaskNotFoundError",
        }
    )
    file = ["/wA=", "a.png", "image/png"]
    asks = ["TASK_STATE_INPUT_REQUIRED", ["task"]]
    assert (
        more
        == yet_more
        == {
            "whole": file,
            "streamed": file,
            "asks whole": asks,
            "asks streamed": asks,
            "subscribed": ["TASK_STATE_INPUT_REQUIRED", "TASK_STATE_COMPLETED"],
        }
    )


def test_the_older_sdks_client_runs_a_function(url: str) -> None:
    completed = ["completed", ECHO]
    for seen in seen_by(url, A2A_SDK_03, {"sdk-0.3": BOTH}):
        assert seen == {"whole": completed, "streamed": completed, "got": "completed"}


def test_agnos_client_runs_a_function(url: str) -> None:
    whole, streamed = ["completed", ECHO], [ECHO, "task", True, ECHO]
    assert seen_by(url, AGENTOS_LATEST, {"agno": ["rest"]}) == [
        {"whole": whole, "streamed": streamed}
    ]


def test_adks_agent_runs_a_function(url: str) -> None:
    plain, more = seen_by(url, ADK, {"adk": ["any"], "adk-more": ["any"]})
    assert plain == {"last": [ECHO]}
    assert more == {
        "file": ["ff00", "echo: turn"],
        "asks": ['May delete be called? Answer "yes" or "no".'],
        "answered": ["tool said: deleted /x"],
    }


@pytest.mark.parametrize(
    "way",
    [("1.0", "json-rpc"), ("1.0", "rest"), ("0.3", "json-rpc"), ("0.3", "rest")],
    ids=lambda way: " ".join(way),
)
def test_ours_runs_a_function(url: str, way: Tuple[str, str]) -> None:
    ways: Any = {"protocol": "a2a", "a2a_version": way[0], "a2a_protocol": way[1]}
    picture = Image(content=b"\x00\xff", mime_type="image/png", filename="a.png")
    with RemoteAgent(url, "echo", **ways) as remote:
        whole = remote.run("hello world", images=[picture])
        with remote.run("hello world", stream=True, images=[picture]) as stream:
            assert "".join(stream.text()) == ECHO
            streamed = stream.output()
        for output in (whole, streamed):
            assert (output.content, output.status) == (ECHO, "COMPLETED")
            (image,) = output.images or []
            assert base64.b64decode(image.content or "") == b"\xff\x00"
        assert "as you wish" in str(remote.run("fail").reason)
        paused = remote.run("delete /x")
        assert paused.is_paused
        assert "delete" in str(paused.content)
        again = remote.get_run(paused.run_id, paused.session_id)
        assert remote.continue_run(again, input="yes").content == "tool said: deleted /x"
        with remote.run("delete /y", stream=True) as stream:
            assert stream.output().is_paused
        done = remote.continue_run(stream.output(), input="no", stream=True)
        with done:
            assert done.output().status == "COMPLETED"
        later = remote.run("hello world", background=True)
        assert remote.wait_run(later.run_id, later.session_id, wait=20).content == ECHO


def test_our_client_follows_a_task_through_its_question(url: str) -> None:
    with A2AClient(url) as client:
        paused = client.send_message("delete /x")
        task_id = paused.id
        states: List[str] = []
        ready = threading.Event()

        def follow() -> None:
            with client.subscribe_to_task(task_id) as events:
                for event in events:
                    states.extend(event.to_dict())
                    ready.set()

        thread = threading.Thread(target=follow)
        thread.start()
        assert ready.wait(20)
        client.send_message("yes", task_id=task_id)
        thread.join(20)
        assert (states[0], states[-1]) == ("task", "statusUpdate")
        listed = client.list_tasks(context_id=paused.context_id)
        assert [each.id for each in listed] == [task_id]
