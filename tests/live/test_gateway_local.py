"""Functions behind the gateway, as Agno's own clients and curl see them."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any, Iterator

import pytest

from remoteagent_lite import RemoteAgent
from remoteagent_lite.gateway import Gateway, agent, workflow
from remoteagent_lite.testing import serve
from tests.live.test_gateway import upstream
from tests.peers.environments import python_of
from tests.peers.server import AGENTOS_LATEST, PeerServer
from tests.unit.test_gateway_local_agentos import (
    fails,
    files,
    frames,
    greet,
    paint_team,
    paint_workflow,
    painter,
    report,
)

__all__ = ["upstream"]

CLIENTS = Path(__file__).resolve().parent.parent / "peers" / "agno_functions.py"


@agent
def endless(run: Any) -> Iterator[str]:
    while True:
        yield "more "
        time.sleep(0.01)


@pytest.fixture
def url(upstream: PeerServer) -> Iterator[str]:
    with RemoteAgent(upstream.url, "plain") as remote:

        @workflow(id="composed")
        def composed(run: Any) -> Any:
            return run.step("echo", remote)

        components = [greet, report, painter, paint_team, paint_workflow, fails, files, endless]
        with Gateway(*components, composed, os_id="functions") as gateway, serve(gateway) as url:
            yield url


def test_agnos_own_clients_run_functions(url: str) -> None:
    command = [python_of(AGENTOS_LATEST), "-P", str(CLIENTS), url]
    environment = dict(os.environ, AGNO_TELEMETRY="false")
    printed = subprocess.check_output(command, timeout=120, env=environment)
    seen = json.loads(printed.splitlines()[-1])
    assert seen["config"][1] == ["report", "painting", "composed"]
    assert seen["run"] == ["COMPLETED", "Hello you"]
    assert seen["stream"] == {
        "events": ["RunStarted", "RunContent", "RunContent", "RunCompleted"],
        "text": "Hello you",
        "content": "Hello you",
    }
    assert seen["quiet"]["events"] == ["RunContent", "RunContent"]
    assert seen["failed"]["events"] == ["RunStarted", "RunError"]
    assert seen["failed"]["content"] == "There is no such city."
    assert seen["workflow"] == ["COMPLETED", "Looking. Hello facts"]
    # Whoever adds up what agents and functions say gets the answer, and nothing twice.
    for name, text in (("workflow stream", "Looking. Hello facts"), ("composed", "echo: hello")):
        told = seen[name]
        assert (told["text"], told["content"]) == (text, text)
        assert told["events"][0] == "WorkflowStarted"
        assert "StepCompleted" in told["events"]
        assert told["events"][-1] == "WorkflowCompleted"
    assert "ModelRequestStarted" in seen["composed"]["events"]
    asked = ["Which colour?", "Where?", 'May paint be called with {"colour": "red"}?']
    assert seen["questions"] == [
        [*asked, "RunContinued", "RunCompleted", "red in the hall"],
        [*asked, "TeamRunContinued", "TeamRunCompleted", "red in the hall"],
        [*asked, "StepContinued", "WorkflowCompleted", "red in the hall"],
    ]
    assert seen["cancelled"] == ["RunStarted", "RunContent", "RunCancelled"]
    content, pictures, document, picture, parts, *streamed = seen["files"]
    assert (content, pictures, document) == ("2 files", 1, "b,a")
    assert picture == "Z25w"
    assert parts == [["mediaType", "size"], ["filename", "mediaType", "size"], ["data"]]
    assert streamed == [1, 1]
    assert seen["sessions"] == [True, "you", ["you", "Hello you"], ["Hello you"], "mine"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_curl_runs_a_function(url: str, tmp_path: Path) -> None:
    def curl(*arguments: str) -> bytes:
        return subprocess.check_output(["curl", "-sSN", *arguments], timeout=60)

    runs = url + "/agents/greeter/runs"
    output = json.loads(curl("-d", "message=you", "-d", "stream=false", runs))
    assert (output["status"], output["content"]) == ("COMPLETED", "Hello you")
    told = [each["event"] for each in frames(curl("-d", "message=you", runs))]
    assert told == ["RunStarted", "RunContent", "RunContent", "RunCompleted"]
    (tmp_path / "a.csv").write_text("a,b", "utf-8")
    given = ["-F", "message=x", "-F", "stream=false", "-F", "files=@%s" % (tmp_path / "a.csv")]
    output = json.loads(curl(*given, url + "/agents/files/runs"))
    assert output["files"][0]["content"] == "b,a"
