"""The examples for ActiveWorkflow run as they stand."""

import importlib
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest

from remoteagent_lite.activeworkflow.checker import Checker
from remoteagent_lite.activeworkflow.simulator import simulate
from tests.activeworkflow_document import shown
from tests.activeworkflow_server import served
from tests.peers.server import PeerServer

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "activeworkflow"


@pytest.fixture
def agents(monkeypatch: pytest.MonkeyPatch, agentos_latest: PeerServer) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setenv("AGENTOS_URL", agentos_latest.url)
    monkeypatch.setenv("AGENTS_TOKEN", "0123456789abcdef")
    module = importlib.import_module("agents")
    yield module
    module.my_agent.close()
    for name in ("agents", "flask_app"):
        sys.modules.pop(name, None)


def test_app_serves_both_agents(agents: Any) -> None:
    shout, ask = agents.app.agents
    assert simulate(shout).receive({"text": "a"}).messages == [{"text": "A"}]
    assert (
        "Paris"
        in simulate(ask).receive({"text": "What is the capital of France?"}).messages[0]["content"]
    )
    with served(agents.app) as url:
        checker = Checker(url, slow_registration=20.0)
        checker.register()
        checker.work({"text": "a"}, {"key": "text"}, {})
    assert {level for level, _ in checker.findings} == {"ok"}


def test_the_classifier_of_the_document_emits_a_label_that_there_is(
    agentos_latest: PeerServer,
) -> None:
    names = shown("ClassifyAgent", {"http://localhost:7777": agentos_latest.url})
    simulation = simulate(names["app"], credentials={"key": "a-token"})
    with names["ClassifyAgent"].model:
        # The model says what it is asked: all labels, and one.
        job = simulation.receive({"text": "It crashes."})
        assert job.messages == []
        assert (
            'The answer is not one of the labels: echo: Which of ["bug", "question"'
            in (job.errors[0])
        )
        simulation.options.update(prompt="{{ text }}", token="key")
        message = {"text": "A Bug, I think.", "from": "ann"}
        assert simulation.receive(message).messages == [dict(message, label="bug")]
        assert "RunFailedError" in simulation.receive({"text": "boom"}).errors[0]
        assert "needs `text`" in simulation.receive({}).errors[0]
    agent = shown("ClassifyAgent", {"http://localhost:7777": "http://127.0.0.1:9"})
    with agent["ClassifyAgent"].model:
        job = simulate(agent["app"]).receive({"text": "Is anybody there?"})
    assert job.is_lost
    assert "ClassifyAgent asks to be called again" in job.errors[0]


def test_flask_mount(agents: Any) -> None:
    importlib.import_module("flask")
    client = importlib.import_module("flask_app").app.test_client()
    answer = client.post(
        "/agents/0123456789abcdef/ShoutAgent", json={"method": "register", "params": {}}
    )
    assert answer.get_json()["result"]["name"] == "ShoutAgent"
    assert client.get("/").status_code == 200


def test_django_mount(agents: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    django = importlib.import_module("django")
    from django.conf import settings

    if not settings.configured:
        settings.configure(ROOT_URLCONF="agents", ALLOWED_HOSTS=["*"], SECRET_KEY="-")
        django.setup()
    application = importlib.import_module("django_wsgi").application

    from remoteagent_lite.activeworkflow.simulator import _environ, _start_response

    body = b'{"method":"register","params":{}}'
    environ = _environ("/agents/0123456789abcdef/ShoutAgent", body)
    assert b"ShoutAgent" in b"".join(application(environ, _start_response))
