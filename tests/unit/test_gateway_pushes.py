"""Push notifications of the gateway's A2A face: who is told what, in which order, and where to."""

import contextlib
import json
import logging
import queue
import socket
import ssl
import threading
from typing import Any, Callable, Dict, Iterator, List

import pytest

from remoteagent_lite import A2AClient, PushReceiver
from remoteagent_lite.gateway import pushes
from remoteagent_lite.gateway.hooks import Hooks
from remoteagent_lite.protocols.a2a.serving import Fault
from remoteagent_lite.testing import serve
from tests import FIXTURES
from tests.gateways import call
from tests.peers.a2a_crafted import DONE, Agent, card, interface, result
from tests.peers.faults import Connection, RawServer, Request, reply
from tests.unit.test_gateway import Fronting, agent, fronting
from tests.unit.test_gateway_a2a import a2a
from tests.unit.test_gateway_agents import CONFIRM, HOME, OLD, V1, Os, code_of, message, rpc, sent

__all__ = ["fronting"]

TOKEN, CREDENTIALS = "token-0123", "credentials-4567"
HOSTS = ["127.0.0.1"]
PEM = str(FIXTURES / "localhost.pem")
THREAD = "remoteagent-gateway-push"


class Hook:
    """A receiver that keeps what it is told, and answers first what is in ``refusals``."""

    def __init__(self) -> None:
        self.told: "queue.Queue[Any]" = queue.Queue()
        self.refusals: List[str] = []
        self.always = ""
        self.asked = threading.Event()
        self.types: List[str] = []
        self._receiver = PushReceiver(
            self.told.put, token=TOKEN, authorization="Bearer " + CREDENTIALS
        )
        self.url = ""

    def __call__(self, environ: Any, start_response: Any) -> Any:
        self.asked.set()
        self.types.append(environ["CONTENT_TYPE"])
        status = self.refusals.pop(0) if self.refusals else self.always
        if not status:
            return self._receiver(environ, start_response)
        environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        start_response(status, [("Content-Length", "0"), ("Location", self.url + "/elsewhere")])
        return []

    def config(self, **more: Any) -> Dict[str, Any]:
        authentication = {"scheme": "Bearer", "credentials": CREDENTIALS}
        return {"url": self.url, "token": TOKEN, "authentication": authentication, **more}

    def until(self, state: str) -> List[Any]:
        """All that is told up to a state."""
        found: List[Any] = []
        while not found or found[-1].state != state:
            found.append(self.told.get(timeout=10))
        return found


@pytest.fixture
def hook() -> Iterator[Hook]:
    found = Hook()
    with serve(found) as url:
        found.url = url + "/hook"
        yield found


def threads() -> List[str]:
    return [each.name for each in threading.enumerate() if each.name == THREAD]


def test_a_run_in_the_background_is_told_in_order_whoever_listens(
    fronting: Fronting, hook: Hook
) -> None:
    go_on = threading.Event()
    with Os() as server:
        server.more = [go_on]
        app = fronting(agent(server), a2a=True, push_hosts=HOSTS)
        assert threads() == []
        task = sent(
            app, message(), returnImmediately=True, taskPushNotificationConfig=hook.config(id="k")
        )
        first, piece = (hook.told.get(timeout=10) for _ in range(2))
        assert (first.kind, first.state, first.task_id) == ("task", "working", task["id"])
        assert piece.kind == "artifact-update"
        listed = rpc(app, "ListTaskPushNotificationConfigs", {"taskId": task["id"]}).json()
        assert listed["result"]["configs"] == [hook.config(id="k", taskId=task["id"])]
        go_on.set()
        rest = hook.until("completed")
        assert [each.kind for each in rest] == ["artifact-update"] * 2 + ["status-update"]
        assert {each.task_id for each in rest} == {task["id"]}
        assert set(hook.types) == {"application/a2a+json"}
        app.close()
        assert threads() == []


def test_who_comes_when_it_is_over_is_told_how_it_ended(fronting: Fronting, hook: Hook) -> None:
    with Os() as server:
        app = fronting(agent(server), a2a=True, push_hosts=HOSTS)
        task = sent(app, message())
        config = hook.config(taskId=task["id"])
        made = rpc(app, "CreateTaskPushNotificationConfig", config).json()["result"]
        assert made == {**config, "id": task["id"]}
        (told,) = hook.until("completed")
        assert (told.kind, told.task_id) == ("task", task["id"])
        for thread in threading.enumerate():
            if thread.name == THREAD:
                thread.join(10)
        asked = {"taskId": task["id"], "id": task["id"]}
        # As long as there is room the config is there, for whoever asks.
        assert rpc(app, "GetTaskPushNotificationConfig", asked).json()["result"] == made
        rpc(app, "DeleteTaskPushNotificationConfig", asked)
        assert code_of(rpc(app, "GetTaskPushNotificationConfig", asked)) == -32001


@pytest.mark.parametrize("database", [True, False])
@pytest.mark.parametrize("streamed", [True, False])
def test_who_waits_for_the_answer_has_it_posted_as_well(
    fronting: Fronting, hook: Hook, streamed: bool, database: bool
) -> None:
    with Os(database=database) as server:
        app = fronting(agent(server), a2a=True, push_hosts=HOSTS)
        configuration = {"taskPushNotificationConfig": hook.config()}
        params = {"message": message(), "configuration": configuration}
        answer = rpc(app, "SendStreamingMessage" if streamed else "SendMessage", params)
        assert answer.status == 200
        told = hook.until("completed")
        assert told[0].kind == "task"
        assert "artifact-update" in [each.kind for each in told]
        if not streamed:
            assert answer.json()["result"]["task"]["status"]["state"] == "TASK_STATE_COMPLETED"


@pytest.mark.parametrize("rest", [True, False])
def test_protocol_0_3_is_told_the_task_whenever_its_state_changes(
    fronting: Fronting, hook: Hook, rest: bool
) -> None:
    go_on = threading.Event()
    with Os() as server:
        server.more = [go_on]
        app = fronting(agent(server), a2a=True, push_hosts=HOSTS)
        id = sent(app, message(), returnImmediately=True)["id"]
        given = hook.config(id="k")
        given["authentication"] = {"schemes": ["Bearer"], "credentials": CREDENTIALS}
        inner = {"pushNotificationConfig": given}
        path = HOME + "/v1/tasks/%s/pushNotificationConfigs" % id
        named = {"id": id, "pushNotificationConfigId": "k"}
        if rest:
            body = json.dumps({"configId": "k", "config": inner}).encode()
            made = call(app, "POST", path, body, OLD).json()
            assert made == {"name": "tasks/%s/pushNotificationConfigs/k" % id, **inner}
            assert call(app, "GET", path + "/k", headers=OLD).json() == made
            assert call(app, "GET", path, headers=OLD).json() == {"configs": [made]}
        else:
            method = "tasks/pushNotificationConfig/%s"
            made = rpc(app, method % "set", {"taskId": id, **inner}, OLD).json()["result"]
            assert made == {"taskId": id, **inner}
            for asked in (named, {"id": id}):
                assert rpc(app, method % "get", asked, OLD).json()["result"] == made
            assert rpc(app, method % "list", {"id": id}, OLD).json()["result"] == [made]
        go_on.set()
        told = hook.until("completed")
        assert [(each.kind, each.state) for each in told] == [
            ("task", "working"),
            ("task", "completed"),
        ]
        assert told[-1].raw["kind"] == "task"
        assert told[-1].raw["artifacts"][0]["parts"] == [{"kind": "text", "text": "went on"}]
        if rest:
            assert call(app, "DELETE", path + "/k", headers=OLD).json() == {}
        else:
            answer = rpc(app, method % "delete", named, OLD).json()
            assert answer == {"jsonrpc": "2.0", "id": 7, "result": None}


@pytest.mark.parametrize("streamed", [True, False])
def test_a_pause_is_told_and_what_comes_of_the_answer(
    fronting: Fronting, hook: Hook, streamed: bool
) -> None:
    with Os(CONFIRM) as server, serve(
        fronting(agent(server), a2a=True, push_hosts=HOSTS)
    ) as url, A2AClient(url + HOME) as client:
        paused: Any = client.send_message("hello", push_notification_config=hook.config())
        hook.until("input-required")
        answer = message("yes", taskId=paused.id)
        if streamed:
            with client.stream_message(answer) as events:
                ended: Any = events.output()
        else:
            ended = client.send_message(answer)
        assert ended.status.state == "TASK_STATE_COMPLETED"
        told = hook.until("completed")
        assert {each.task_id for each in told} == {paused.id}


def test_a_run_that_cannot_be_streamed_is_polled(fronting: Fronting, hook: Hook) -> None:
    class Unresumable(Os):
        def _answer(self, connection: Connection, request: Request) -> None:
            if request.path.endswith("/resume"):
                self.status = "COMPLETED"
                reply('{"detail": "no stream here"}', 404)(connection, request)
            else:
                super()._answer(connection, request)

    with Unresumable() as server:
        app = fronting(agent(server), a2a=True, push_hosts=HOSTS)
        sent(app, message(), returnImmediately=True, taskPushNotificationConfig=hook.config())
        assert [each.kind for each in hook.until("completed")] == ["task"]


def test_what_is_refused_for_now_is_sent_again_before_the_next(
    fronting: Fronting, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushes, "_DELAYS", (0.01, 0.01))
    hook.refusals = ["503 Busy", "429 Later", "", "500 Oops", "503 A", "503 B", "503 C"]
    with Os() as server:
        app = fronting(agent(server), a2a=True, push_hosts=HOSTS)
        sent(app, message(), returnImmediately=True, taskPushNotificationConfig=hook.config())
        told = hook.until("completed")
        # The first comes at the third time, the next not at all, and the third at the second time.
        kinds = ["task", "artifact-update", "artifact-update", "status-update"]
        assert [each.kind for each in told] == kinds
        pieces = [each.raw["artifactUpdate"]["artifact"]["parts"][0] for each in told[1:3]]
        assert [each["text"] for each in pieces] == ["nt on", "went on"]
        assert hook.refusals == []


def test_a_redirect_is_not_followed_and_a_refusal_not_repeated(
    fronting: Fronting, hook: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    hook.refusals = ["307 There", "401 No"]
    with Os() as server:
        app = fronting(agent(server), a2a=True, push_hosts=HOSTS)
        sent(app, message(), returnImmediately=True, taskPushNotificationConfig=hook.config())
        told = hook.until("completed")
        assert [each.kind for each in told] == ["artifact-update"] * 2 + ["status-update"]
    assert [each for each in caplog.messages if "answered 307" in each and hook.url in each]
    assert not [each for each in caplog.messages if TOKEN in each or CREDENTIALS in each]


def test_closing_ends_the_thread_in_the_midst_of_it(
    fronting: Fronting, hook: Hook, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    hook.always = "503 Busy"
    with Os() as server:
        app = fronting(agent(server), a2a=True, push_hosts=HOSTS)
        task = sent(
            app, message(), returnImmediately=True, taskPushNotificationConfig=hook.config()
        )
        assert hook.asked.wait(10)
        assert threads() == [THREAD]
        app.close()
        assert threads() == []
        asked = {"taskId": task["id"]}
        assert rpc(app, "ListTaskPushNotificationConfigs", asked).json()["result"]["configs"] == []
        hook.always = ""  # and it can be used again
        rpc(app, "CreateTaskPushNotificationConfig", hook.config(**asked))
        hook.until("completed")
    assert TOKEN not in caplog.text
    assert CREDENTIALS not in caplog.text


def test_a_forked_child_begins_with_none(
    fronting: Fronting, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = threading.Event()
    with Os() as server:
        server.more = [held]
        app = fronting(agent(server), a2a=True, push_hosts=HOSTS)
        task = sent(
            app, message(), returnImmediately=True, taskPushNotificationConfig=hook.config()
        )
        parent = app._pushes
        followed = list(parent._followed.values())
        with monkeypatch.context() as child:
            child.setattr(pushes.os, "getpid", lambda: -1)
            asked = {"taskId": task["id"]}
            listed = rpc(app, "ListTaskPushNotificationConfigs", asked).json()["result"]
            assert listed["configs"] == []
        held.set()
        hook.until("completed")
        for each in followed:
            each.join()


def test_a_config_is_shown_to_nobody_else(fronting: Fronting, hook: Hook) -> None:
    held = threading.Event()
    mine, other = {"Authorization": "Bearer mine"}, {"Authorization": "Bearer other"}
    with Os() as server:
        server.more = [held]
        app = fronting(agent(server), a2a=True, push_hosts=HOSTS)
        task = sent(app, message(), returnImmediately=True)
        config = hook.config(taskId=task["id"], id="k")
        assert "result" in rpc(app, "CreateTaskPushNotificationConfig", config, mine).json()
        asked = {"taskId": task["id"], "id": "k"}
        assert code_of(rpc(app, "GetTaskPushNotificationConfig", asked, other)) == -32001
        assert "result" in rpc(app, "DeleteTaskPushNotificationConfig", asked, other).json()
        assert rpc(app, "GetTaskPushNotificationConfig", asked, mine).json()["result"] == config
        hook.told.get(timeout=10)
        assert "result" in rpc(app, "DeleteTaskPushNotificationConfig", asked, mine).json()
        assert code_of(rpc(app, "GetTaskPushNotificationConfig", asked, mine)) == -32001
        held.set()
        resumed = [each for each in server.requests if each.path.endswith("/resume")]
        assert [each.headers["authorization"] for each in resumed] == ["Bearer mine"]


@pytest.mark.parametrize("most", ["_TASKS", "_RECEIVERS"])
def test_there_are_only_so_many(
    fronting: Fronting, hook: Hook, monkeypatch: pytest.MonkeyPatch, most: str
) -> None:
    monkeypatch.setattr(pushes, most, 1)
    held = threading.Event()
    with Os() as server:
        server.more = [held]
        app = fronting(agent(server), a2a=True, push_hosts=HOSTS)
        one, two = (sent(app, message(), returnImmediately=True)["id"] for _ in range(2))
        first = hook.config(taskId=one, id="k")
        assert "result" in rpc(app, "CreateTaskPushNotificationConfig", first).json()
        more = hook.config(taskId=one if most == "_RECEIVERS" else two, id="l")
        assert rpc(app, "CreateTaskPushNotificationConfig", more).status == 429
        assert "result" in rpc(app, "CreateTaskPushNotificationConfig", first).json()
        if most == "_TASKS":  # then no run is begun either
            params = {"message": message(), "configuration": {"taskPushNotificationConfig": more}}
            for method in ("SendMessage", "SendStreamingMessage"):
                assert rpc(app, method, params).status == 429
            assert len(server.forms()) == 2
        app.close()
        held.set()


@pytest.mark.parametrize(
    "url",
    [
        *("http://localhost/", "http://127.1:8080/", "http://2130706433/", "http://[::1]/"),
        *("http://169.254.169.254/latest", "http://10.0.0.1/", "https://hooks.internal/"),
        *("http://[::ffff:10.0.0.1]/", "http://0x7f.1/", "http://224.0.0.1/", "http://0.0.0.0/"),
        *("ftp://example.com/", "http://user@example.com/", "http:///x", "nothing"),
        *("http://exa mple.com/", "http://example.com/\\@127.0.0.1/", "http://example.com:x/"),
    ],
)
def test_private_addresses_are_refused_before_anything_is_sent(
    fronting: Fronting, url: str
) -> None:
    with Os() as server, Agent(card(interface())) as painter:
        app = fronting(agent(server), a2a(painter), a2a=True)
        config = {"url": url, "token": "t"}
        for path in (HOME, "/a2a/agents/painter"):
            for method in ("SendMessage", "SendStreamingMessage"):
                params = {"message": message()}
                params["configuration"] = {"taskPushNotificationConfig": config}
                assert code_of(rpc(app, method, params, path=path)) == -32602
            made = rpc(app, "CreateTaskPushNotificationConfig", {"taskId": "t", **config},
                       path=path)  # fmt: skip
            assert code_of(made) == -32602
        assert server.requests == painter.requests == []


def _resolving(*addresses: str) -> Callable[..., Any]:
    left = list(addresses)

    def getaddrinfo(host: str, port: int, **options: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (left.pop(0), port))]

    return getaddrinfo


def test_a_name_is_what_it_is_when_it_is_sent_to(monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = Hooks([])
    config = {"url": "http://hooks.example/x?secret=1"}
    resolving = _resolving("93.184.216.34", "10.0.0.1", "127.0.0.1")
    monkeypatch.setattr("remoteagent_lite.gateway.hooks.socket.getaddrinfo", resolving)
    hooks.check(config)
    with pytest.raises(Fault, match=r"private address http://hooks\.example/x$"):
        hooks.check(config)
    with pytest.raises(Fault, match="private address"):
        hooks.post(config, "application/json", b"{}", pushes.Exchange())
    with pytest.raises(ValueError, match="push_hosts"):
        Hooks("hooks.internal")


@pytest.mark.parametrize("host", ["hooks.internal", "http://hooks.internal", "hooks.internal:%d"])
def test_a_private_host_can_be_allowed_by_its_name(
    hook: Hook, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    port = int(hook.url.split(":")[2].split("/")[0])
    resolving = _resolving(*["127.0.0.1"] * 2)
    monkeypatch.setattr("remoteagent_lite.gateway.hooks.socket.getaddrinfo", resolving)
    hooks = Hooks([host % port if "%" in host else host])
    config = hook.config(url="http://hooks.internal:%d/x" % port)
    hooks.check(config)
    event = {"task": {"id": "t", "contextId": "c", "status": {"state": "TASK_STATE_WORKING"}}}
    body = json.dumps(event).encode()
    assert hooks.post(config, "application/json", body, pushes.Exchange()) == 200
    assert hook.told.get(timeout=10).task_id == "t"


def test_over_https_the_receiver_has_to_be_who_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    with RawServer(reply("{}"), context=context) as server:
        config = {"url": "https://localhost:%d/x?y=1" % server.port, "token": TOKEN}
        hooks = Hooks(["localhost"])
        with pytest.raises(ssl.SSLError):
            hooks.post(config, "application/json", b"{}", pushes.Exchange())
        assert server.requests == []
        monkeypatch.setenv("SSL_CERT_FILE", PEM)
        hooks = Hooks(["localhost"])
        assert hooks.post(config, "application/json", b"{}", pushes.Exchange()) == 200
        (request,) = server.requests
        assert request.headers["host"] == "localhost:%d" % server.port
        assert request.headers["x-a2a-notification-token"] == TOKEN


@pytest.mark.parametrize("wrong", [{"token": "a\r\nb"}, {"token": 1}, {"authentication": "x"},
                                   {"authentication": {"scheme": 1}}])  # fmt: skip
def test_a_config_that_is_none_is_refused(fronting: Fronting, wrong: Any) -> None:
    with Os() as server:
        app = fronting(agent(server), a2a=True, push_hosts=HOSTS)
        config = {"taskId": "t", "url": "http://127.0.0.1/", **wrong}
        assert code_of(rpc(app, "CreateTaskPushNotificationConfig", config)) == -32602
        known = {"taskId": "bm90aGluZw", "url": "http://127.0.0.1/"}
        assert code_of(rpc(app, "CreateTaskPushNotificationConfig", known)) == -32001


def test_an_a2a_agent_posts_by_itself(fronting: Fronting, hook: Hook) -> None:
    kept = hook.config(taskId="t1", id="k")
    methods = {
        "SendMessage": result({"task": DONE}),
        "SendStreamingMessage": [result({"task": DONE})],
        "CreateTaskPushNotificationConfig": result(kept),
        "GetTaskPushNotificationConfig": result(kept),
        "ListTaskPushNotificationConfigs": result({"configs": [kept], "nextPageToken": "n"}),
        "DeleteTaskPushNotificationConfig": result(None),
    }
    described = card(interface())
    described["capabilities"] = {**described.get("capabilities", {}), "pushNotifications": True}
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Agent(described, **methods))
        silent = stack.enter_context(Agent({**card(interface()), "capabilities": {}}))
        os = stack.enter_context(Os())
        app = fronting(agent(os), a2a(server), a2a=True, push_hosts=HOSTS)
        path = "/a2a/agents/painter"
        configuration = {"taskPushNotificationConfig": hook.config()}
        params = {"message": message(), "configuration": configuration}
        for method in ("SendMessage", "SendStreamingMessage"):
            assert rpc(app, method, params, path=path).status == 200
            sent_on = server.params["configuration"]["taskPushNotificationConfig"]
            assert sent_on == hook.config()
        for method, asked, answer in (
            ("CreateTaskPushNotificationConfig", kept, kept),
            ("GetTaskPushNotificationConfig", {"taskId": "t1", "id": "k"}, kept),
            ("ListTaskPushNotificationConfigs", {"taskId": "t1"}, {"configs": [kept],
                                                                   "nextPageToken": "n"}),
            ("DeleteTaskPushNotificationConfig", {"taskId": "t1", "id": "k"}, None),
        ):  # fmt: skip
            assert rpc(app, method, asked, path=path).json()["result"] == answer
            assert server.params == asked
        listed = path + "/tasks/t1/pushNotificationConfigs"
        assert call(app, "GET", listed, headers=V1).json()["configs"] == [kept]
        assert threads() == []
        other = fronting(a2a(silent), a2a=True)
        for asked_one, place, posts in (
            (app, HOME, True),
            (app, path, True),
            (other, path, False),
        ):
            told = call(asked_one, "GET", place + "/.well-known/agent-card.json").json()
            assert told["capabilities"]["pushNotifications"] is posts
