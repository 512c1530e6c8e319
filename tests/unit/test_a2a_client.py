"""A2AClient and A2AConnection, with answers crafted down to the byte."""

import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, Iterator, List, Optional

import pytest

from remoteagent_lite import (
    A2AClient,
    CardVerificationError,
    ContentTypeNotSupportedError,
    InternalError,
    InvalidParamsError,
    MethodNotFoundError,
    NotFoundError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitError,
    RemoteAgent,
    RemoteHTTPError,
    RemoteTimeoutError,
    RetryPolicy,
    ServerError,
    StreamInterruptedError,
    TaskNotFoundError,
    Timeout,
    UnsupportedError,
    UnsupportedOperationError,
)
from remoteagent_lite.models.a2a_v10 import AgentCard
from tests.peers.a2a_crafted import (
    CARD_PATH,
    DONE,
    OLD_CARD_PATH,
    OLD_DONE,
    WORKING,
    Agent,
    card,
    error,
    interface,
    result,
    status_update,
    text_update,
)
from tests.peers.faults import Connection, Handler, RawServer, Request, reply

QUICK = RetryPolicy(max_attempts=2, backoff=0.01)


def client_of(server: RawServer, **settings: Any) -> A2AClient:
    return A2AClient(server.url, **settings)


# The card ----------------------------------------------------------------------------------------


def test_card_is_renewed_by_its_etag() -> None:
    whole = reply(json.dumps(card()), headers=[("ETag", 'W/"1"')])
    other = reply(json.dumps(card(name="Changed")), headers=[("ETag", 'W/"2"')])
    unchanged = reply(b"", 304)
    with RawServer(whole, unchanged, other, unchanged) as server, client_of(server) as client:
        assert client.get_card().name == "Crafted"
        assert client.get_card().name == "Crafted"
        assert client.get_card().name == "Changed"
        assert client.get_card().name == "Changed"
        assert client.card.name == "Changed"
        sent = [each.headers.get("if-none-match") for each in server.requests]
        assert sent == [None, 'W/"1"', 'W/"1"', 'W/"2"']


def test_many_threads_fetch_a_cold_card_once() -> None:
    go = threading.Event()
    start = threading.Barrier(17)

    def name(_: int) -> str:
        start.wait()
        return client.card.name

    with RawServer(reply(json.dumps(card()), after=go)) as server, client_of(server) as client:
        with ThreadPoolExecutor(16) as pool:
            names = [pool.submit(name, number) for number in range(16)]
            start.wait()
            server.wait_for_requests(1)
            go.set()
            assert {each.result() for each in names} == {"Crafted"}
        assert len(server.requests) == 1


def test_card_is_fetched_again_when_it_is_too_old() -> None:
    with Agent(card(), SendMessage=result({"task": DONE})) as server:
        with client_of(server, config_ttl=0) as client:
            client.send_message("x")
            client.send_message("x")
        assert server.called == [CARD_PATH, "SendMessage"] * 2


@pytest.mark.parametrize(
    ("said", "ttl", "fetched"),
    [
        ("max-age=3600", 300, 1),
        ("max-age=0", 300, 2),
        ("no-cache", 300, 2),
        ("no-store", 300, 2),
        ("max-age=3600", 0, 2),
        ("max-age=1, public", 300, 1),
        ("", 300, 1),
    ],
)
def test_card_is_never_kept_longer_than_its_server_lets_it(
    said: str, ttl: float, fetched: int
) -> None:
    answer = reply(json.dumps(card()), headers=[("Cache-Control", said), ("ETag", '"1"')])
    with RawServer(answer) as server:
        with client_of(server, config_ttl=ttl) as client:
            assert [client.card.name, client.card.name] == ["Crafted"] * 2
        asked = [each.headers.get("if-none-match") for each in server.requests]
        assert asked == [None, None if said == "no-store" else '"1"'][:fetched]
    with RawServer(answer) as server:
        with RemoteAgent(server.url, "x", protocol="a2a", config_ttl=ttl) as agent:
            assert (agent.name, agent.description) == ("Crafted", "Answers as it is told.")
        assert len(server.requests) == fetched


def test_answer_that_nothing_changed_says_anew_how_long_the_card_is_good() -> None:
    etag = ("ETag", '"1"')
    answers = [
        reply(json.dumps(card()), headers=[etag, ("Cache-Control", "max-age=0")]),
        reply(b"", 304, headers=[etag]),
        reply(b"", 304, headers=[etag, ("Cache-Control", "max-age=3600")]),
    ]
    with RawServer(*answers) as server, client_of(server) as client:
        for _ in range(5):
            assert client.card.name == "Crafted"
        assert len(server.requests) == 3


def test_card_is_never_read_beyond_its_bound() -> None:
    whole = json.dumps(card(skills=[{"id": "x" * 1024 * 1024}] * 4))
    small = json.dumps(card(description="x" * 4000000))
    assert len(small) < 4 * 1024 * 1024 < len(whole)
    with RawServer(reply(whole), reply(small)) as server, client_of(server) as client:
        with pytest.raises(ProtocolError, match="more than 4194304 bytes") as caught:
            client.get_card()
        assert server.url in str(caught.value)
        assert len(client.get_card().description) == 4000000
    extended = result(card(skills=[{"id": "x" * 1024 * 1024}] * 4))
    with Agent(card(), GetExtendedAgentCard=extended) as server, client_of(server) as client:
        with pytest.raises(ProtocolError, match="more than 4194304 bytes"):
            client.get_extended_card()


# A card that has to be verified ------------------------------------------------------------------


class Verifier:
    """Keeps what it is asked about, and answers as it is told."""

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer
        self.asked: List[Any] = []

    def __call__(self, card: AgentCard, raw: Dict[str, Any]) -> Any:
        self.asked.append((card.name, raw))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_verify_card_sees_every_card_that_is_fetched_as_it_was_sent() -> None:
    verifier = Verifier()
    sent = card(ours={"kept": None})
    answers = [
        reply(json.dumps(sent), headers=[("ETag", '"1"')]),
        reply(b"", 304),
        reply(json.dumps(dict(sent, name="Changed"))),
    ]
    with RawServer(*answers) as server:
        with client_of(server, verify_card=verifier) as client:
            for _ in range(3):
                client.get_card()
            assert client.card.name == "Changed"
    assert [name for name, _ in verifier.asked] == ["Crafted", "Crafted", "Changed"]
    assert verifier.asked[0][1] == sent


@pytest.mark.parametrize(
    ("answer", "raised", "said"),
    [
        (CardVerificationError("unsigned."), CardVerificationError, "is not used: unsigned."),
        (False, CardVerificationError, "verify_card returned False"),
        (KeyError("mine"), KeyError, "mine"),
    ],
)
def test_nothing_is_ever_sent_to_an_agent_whose_card_is_not_verified(
    answer: Any, raised: Any, said: str
) -> None:
    done = result({"task": DONE})
    with Agent(card(), SendMessage=done, SendStreamingMessage=[done]) as server:
        with client_of(server, verify_card=Verifier(answer)) as client:
            for _ in range(2):
                with pytest.raises(raised, match=said) as caught:
                    client.send_message("x")
                if raised is CardVerificationError:
                    assert caught.value.url == server.url + CARD_PATH
            with pytest.raises(raised):
                client.card
        settings: Any = {"protocol": "a2a", "verify_card": Verifier(answer)}
        with RemoteAgent(server.url, "x", **settings) as agent:
            for call in (lambda: agent.run("x", stream=True), lambda: agent.name):
                with pytest.raises(raised):
                    call()
        assert set(server.called) == {CARD_PATH}


def test_missing_card_is_never_as_good_as_a_verified_one() -> None:
    with RawServer(reply(b"", 404)) as server:
        settings: Any = {"a2a_protocol": "json-rpc", "verify_card": Verifier()}
        with client_of(server, **settings) as client, pytest.raises(NotFoundError):
            client.send_message("x")
        assert {each.method for each in server.requests} == {"GET"}


def test_extended_card_is_verified_too() -> None:
    verifier = Verifier()
    with Agent(card(), GetExtendedAgentCard=result(card(name="More"))) as server:
        with client_of(server, verify_card=verifier) as client:
            assert client.get_extended_card().name == "More"
            verifier.answer = CardVerificationError("changed.")
            with pytest.raises(CardVerificationError):
                client.get_extended_card()
            assert client.card.name == "More"
    assert [name for name, _ in verifier.asked] == ["Crafted", "More", "More"]


def test_verify_card_needs_a2a() -> None:
    with pytest.raises(ValueError, match=r'verify_card= needs protocol="a2a"'):
        RemoteAgent("http://127.0.0.1:1", "x", verify_card=Verifier())


@pytest.mark.parametrize("status", [404, 405, 410])
def test_card_may_be_at_the_older_path(status: int) -> None:
    with RawServer(reply(b"", status), reply(json.dumps(card()))) as server:
        with client_of(server) as client:
            assert client.card.name == "Crafted"
        assert [each.path for each in server.requests] == [CARD_PATH, OLD_CARD_PATH]


def test_url_of_the_card_itself_may_be_given() -> None:
    url = "/agents/7/card.json"
    with RawServer(reply(json.dumps(card()))) as server, A2AClient(server.url + url) as client:
        assert client.card.name == "Crafted"
        assert [each.path for each in server.requests] == [url]


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        (reply("<html>", content_type="text/html"), ProtocolError),
        (reply("[1]"), ProtocolError),
        (reply("null"), ProtocolError),
        (reply('{"name": "x"'), ProtocolError),
        (reply("no", 403), PermissionDeniedError),
        (reply("no", 429), RateLimitError),
        (reply("no", 500), ServerError),
    ],
)
def test_what_is_no_card_raises(answer: Handler, raised: Any) -> None:
    with RawServer(answer) as server:
        with client_of(server, retry=RetryPolicy(max_attempts=1)) as client:
            with pytest.raises(raised) as caught:
                client.send_message("x")
            assert server.url in str(caught.value)
        assert len(server.requests) == 1


def test_card_that_names_no_way_raises() -> None:
    for described in (
        {"name": "x"},
        card(interface(binding="GRPC")),
        card(interface(version="7.0")),
    ):
        with RawServer(reply(json.dumps(described))) as server, client_of(server) as client:
            with pytest.raises((ProtocolError, UnsupportedError)):
                client.send_message("x")
            assert {each.method for each in server.requests} == {"GET"}


def test_without_a_card_a_named_binding_is_enough() -> None:
    def missing_or_answered(connection: Connection, request: Request) -> None:
        answer = reply(b"", 404) if request.method == "GET" else reply(json.dumps(done))
        answer(connection, request)

    done = result({"task": DONE})
    with RawServer(missing_or_answered) as server:
        with client_of(server, a2a_protocol="json-rpc") as client:
            assert client.send_message("x").id == "t1"  # type: ignore[union-attr]
        with client_of(server) as client, pytest.raises(NotFoundError, match="a2a_protocol="):
            client.send_message("x")


# Which way to speak ------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [False, True])
def test_server_that_is_older_than_its_card_is_found_out_once(how: bool) -> None:
    old = {"message_send": result(OLD_DONE), "message_stream": [result(OLD_DONE)]}
    with Agent(card(), **old) as server, RemoteAgent(server.url, "x", protocol="a2a") as agent:
        for _ in range(3):
            if how:
                with agent.run("x", stream=True) as run:
                    assert "".join(run.text()) == "all of it"
            else:
                assert agent.run("x").content == "all of it"
        new, name = (
            ("SendStreamingMessage", "message/stream") if how else ("SendMessage", "message/send")
        )
        assert server.called == [CARD_PATH, new, name, name, name]
        assert "a2a-version" not in server.requests[-1].headers


def test_server_that_is_newer_than_its_card_is_found_out_once() -> None:
    described = {
        "name": "Old",
        "description": "",
        "version": "1",
        "protocolVersion": "0.3.0",
        "url": "/",
        "preferredTransport": "jsonrpc",
        "capabilities": {},
        "defaultInputModes": [],
        "defaultOutputModes": [],
        "skills": [],
    }
    with Agent(described, SendMessage=result({"task": DONE})) as server:
        with client_of(server) as client:
            client.send_message("x")
            client.send_message("x")
        assert server.called == [CARD_PATH, "message/send", "SendMessage", "SendMessage"]
        assert server.requests[-1].headers["a2a-version"] == "1.0"


@pytest.mark.parametrize(("version", "method"), [("1.0", "SendMessage"), ("0.3", "message/send")])
def test_version_that_the_caller_names_is_the_only_one_tried(version: str, method: str) -> None:
    both = card(interface(), interface(version="0.3"))
    with Agent(both) as server, client_of(server, a2a_version=version) as client:
        with pytest.raises(MethodNotFoundError):
            client.send_message("x")
        assert server.called == [CARD_PATH, method]


def test_server_that_understands_nothing_is_asked_in_each_version_once() -> None:
    for versions in (["1.0"], ["0.3"], ["1.0", "0.3"]):
        described = card(*(interface(version=each) for each in versions))
        with Agent(described) as server, client_of(server) as client:
            with pytest.raises(MethodNotFoundError):
                client.send_message("x")
            assert sorted(server.called[1:]) == ["SendMessage", "message/send"]


def test_what_works_is_forgotten_with_the_card_it_was_found_by() -> None:
    with Agent(card(), message_send=result(OLD_DONE)) as server, client_of(server) as client:
        client.send_message("x")
        server.card = card(name="Updated")
        server.methods = {"SendMessage": result({"task": DONE})}
        client.get_card()
        client.send_message("x")
        assert server.called[-2:] == [CARD_PATH, "SendMessage"]


def test_an_answer_that_is_no_matter_of_dialect_is_not_asked_for_again() -> None:
    """Whatever may have run is not sent another way."""
    for answer, raised in (
        (error(-32603, "agent broke"), InternalError),
        (error(-32602, "bad"), InvalidParamsError),
        (error(-32005, "no pictures"), ContentTypeNotSupportedError),
    ):
        both = card(interface(), interface(version="0.3"))
        with Agent(both, SendMessage=answer, message_send=result(OLD_DONE)) as server:
            with client_of(server) as client, pytest.raises(raised):
                client.send_message("x")
            assert server.called == [CARD_PATH, "SendMessage"]


@pytest.mark.parametrize("how", [False, True])
@pytest.mark.parametrize("status", [401, 403, 429, 500, 502, 503])
def test_error_status_is_not_answered_by_another_way(status: int, how: bool) -> None:
    answers = (reply(json.dumps(card(interface(), interface(version="0.3")))), reply("no", status))
    with RawServer(*answers) as server, RemoteAgent(server.url, "x", protocol="a2a") as agent:
        with pytest.raises(RemoteHTTPError) as caught:
            agent.run("x", stream=how)
        assert caught.value.status_code == status
        assert [each.method for each in server.requests] == ["GET", "POST"]


def test_tenant_of_the_interface_is_sent() -> None:
    with Agent(
        card(dict(interface(), tenant="acme")), SendMessage=result({"task": DONE})
    ) as server:
        with client_of(server) as client:
            client.send_message("x")
        assert server.params["tenant"] == "acme"


@pytest.mark.parametrize(
    "url", ["http://0.0.0.0:%d/rpc", "http://[::]:%d/rpc", "http://localhost:%d/rpc", "/rpc", "rpc"]
)
def test_url_that_only_the_server_can_use_is_read_as_its_own(url: str) -> None:
    with Agent(card(), SendMessage=result({"task": DONE})) as server:
        server.card = card(interface(url % server.port if "%d" in url else url))
        with client_of(server, auth_token="secret") as client:
            client.send_message("x")
        assert server.requests[-1].path.endswith("/rpc")
        assert server.requests[-1].headers["authorization"] == "Bearer secret"


def test_required_extension_is_refused_before_anything_is_sent() -> None:
    uri = "https://extensions.example/1"
    described = card(
        capabilities={"streaming": True, "extensions": [{"uri": uri, "required": True}]}
    )
    with Agent(described, SendMessage=result({"task": DONE})) as server:
        with client_of(server) as client, pytest.raises(UnsupportedError, match=uri):
            client.send_message("x")
        with client_of(server, extensions=[uri]) as client:
            client.send_message("x")
        assert server.called == [CARD_PATH, CARD_PATH, "SendMessage"]
        assert server.requests[-1].headers["a2a-extensions"].endswith(", " + uri)


@pytest.mark.parametrize("version", ["1.0", "0.3"])
def test_extensions_are_named_in_every_request_and_none_on_demand(version: str) -> None:
    adk = "https://google.github.io/adk-docs/a2a/a2a-extension/"
    header = "a2a-extensions" if version == "1.0" else "x-a2a-extensions"
    answers = {
        "SendMessage": result({"task": DONE}),
        "SendStreamingMessage": [result({"task": DONE})],
        "GetTask": result(DONE),
        "message_send": result(OLD_DONE),
        "message_stream": [result(OLD_DONE)],
        "tasks_get": result(OLD_DONE),
    }
    for given, named in (((), adk), ([adk, "urn:x"], adk + ", urn:x"), (None, None)):
        with Agent(card(interface(version=version)), **answers) as server:
            with client_of(server, extensions=given) as client:
                client.send_message("x")
                client.get_task("t1")
                with client.stream_message("x") as events:
                    events.output()
            sent = [each.headers.get(header) for each in server.requests if each.method == "POST"]
            assert sent == [named] * 3


def paused_by(*calls: str, **metadata: Any) -> Dict[str, Any]:
    """A task of ADK's that waits for the responses of these calls."""
    parts = [
        {
            "data": {"id": each, "name": "approve", "args": {}},
            "metadata": {"adk_type": "function_call", "adk_is_long_running": True},
        }
        for each in calls
    ]
    message = {"messageId": "m", "role": "ROLE_AGENT", "parts": parts}
    status = {"state": "TASK_STATE_INPUT_REQUIRED", "message": message}
    return dict(WORKING, status=status, metadata=metadata)


def test_only_an_active_extension_makes_an_answer_a_response() -> None:
    active = {"https://google.github.io/adk-docs/a2a/a2a-extension/": {}}
    for metadata, kind in ((active, "data"), ({}, "text")):
        task = paused_by("c1", **metadata)
        answers = {"SendMessage": result({"task": task}), "GetTask": result(task)}
        with Agent(card(), **answers) as server:
            with RemoteAgent(server.url, "x", protocol="a2a") as agent:
                paused = agent.run("x")
                again = agent.continue_run(paused, input="yes")
                assert again.is_paused
                (part,) = server.params["message"]["parts"]
                assert kind in part


def many(count: int) -> Dict[str, Any]:
    return card(*(interface("/%d" % number, binding="HTTP+JSON") for number in range(count)))


@pytest.mark.parametrize("how", [False, True])
def test_at_most_eight_ways_are_ever_tried(how: bool) -> None:
    with RawServer(reply(json.dumps(many(2000))), reply(b"", 404)) as server:
        with RemoteAgent(server.url, "x", protocol="a2a") as agent:
            with pytest.raises(NotFoundError):
                agent.run("x", stream=how)
        assert [each.method for each in server.requests] == ["GET", *["POST"] * 8]


def test_ways_that_are_not_trusted_are_not_counted() -> None:
    elsewhere = [interface("http://agents.example/%d" % number) for number in range(20)]
    with Agent(card(*elsewhere, interface()), SendMessage=result({"task": DONE})) as server:
        with client_of(server, auth_token="secret") as client:
            assert client.send_message("x").id == "t1"  # type: ignore[union-attr]


@pytest.mark.parametrize("how", [False, True])
@pytest.mark.parametrize("slow", ["GET", "POST"])
def test_the_search_for_a_way_never_takes_longer_than_the_total_limit(how: bool, slow: str) -> None:
    """The limit is for all of it: the card, at either path, and every way that is tried."""
    pause = threading.Event()

    def answer(connection: Connection, request: Request) -> None:
        if request.method == slow:
            pause.wait(0.25)
        if request.method == "GET" and slow == "POST":
            reply(json.dumps(many(8)))(connection, request)
        else:
            reply(b"", 404)(connection, request)

    with RawServer(answer) as server:
        limit = Timeout(read=10, total=0.4)
        with RemoteAgent(server.url, "x", protocol="a2a", timeout=limit) as agent:
            with pytest.raises(RemoteTimeoutError, match="total limit of 0.4 s") as caught:
                agent.run("x", stream=how)
        assert len([each for each in server.requests if each.method == slow]) <= 2
    assert (caught.value.phase, caught.value.seconds) == ("total", 0.4)


# Whose answer it is ------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.0", "0.3"])
def test_a_push_config_with_another_id_is_never_taken_for_the_one_asked_for(version: str) -> None:
    """A server that has no such config may answer with one that it has."""
    config = {"id": "other", "taskId": "t1", "url": "https://hook.example/"}
    old = {"taskId": "t1", "pushNotificationConfig": {"id": "other", "url": config["url"]}}
    answers = {
        "GetTaskPushNotificationConfig": result(config),
        "tasks_pushNotificationConfig_get": result(old),
    }
    with Agent(card(interface(version=version)), **answers) as server:
        with client_of(server) as client:
            assert client.get_push_config("t1", "other").url == config["url"]
            for ids in (("t1", "mine"), ("t2", "other")):
                with pytest.raises(TaskNotFoundError, match="answered about") as caught:
                    client.get_push_config(*ids)
                assert server.url in str(caught.value)


def test_an_answer_about_another_task_is_never_believed() -> None:
    other = dict(DONE, id="another")
    canceled = dict(other, status={"state": "TASK_STATE_CANCELED"})
    with Agent(card(), GetTask=result(other), CancelTask=result(canceled)) as server:
        with client_of(server) as client, RemoteAgent(server.url, "x", protocol="a2a") as agent:
            for call in (client.get_task, client.cancel_task, agent.get_run, agent.cancel_run):
                with pytest.raises(ProtocolError, match="'t1' and answered about 'another'"):
                    call("t1")


# Messages ----------------------------------------------------------------------------------------


def test_options_of_a_message_arrive() -> None:
    with Agent(card(), SendMessage=result({"task": DONE})) as server, client_of(server) as client:
        client.send_message(
            "hello",
            context_id="c9",
            reference_task_ids=["t0"],
            metadata={"of": "message"},
            request_metadata={"of": "request"},
            accepted_output_modes=("text/plain",),
            history_length=0,
            return_immediately=True,
            push_notification_config={"url": "https://hook.example/"},
        )
        params = server.params
    message = params["message"]
    assert (message["contextId"], message["referenceTaskIds"]) == ("c9", ["t0"])
    assert (message["metadata"], params["metadata"]) == ({"of": "message"}, {"of": "request"})
    assert params["configuration"] == {
        "returnImmediately": True,
        "acceptedOutputModes": ["text/plain"],
        "historyLength": 0,
        "taskPushNotificationConfig": {"url": "https://hook.example/"},
    }


def test_redirects_are_followed_on_the_same_origin_only() -> None:
    def moved(where: str) -> Handler:
        return reply(b"", 307, headers=[("Location", where)])

    answers = (
        reply(json.dumps(card(interface("/rpc")))),
        moved("/rpc/"),
        reply(json.dumps(result({"task": DONE}))),
    )
    with RawServer(*answers) as server, client_of(server, auth_token="secret") as client:
        client.send_message("x")
        assert [each.path for each in server.requests] == [CARD_PATH, "/rpc", "/rpc/"]
        assert server.requests[1].body == server.requests[2].body
    with RawServer() as other:
        with RawServer(answers[0], moved(other.url)) as server:
            with client_of(server, auth_token="secret") as client:
                with pytest.raises(Exception, match="redirect") as caught:
                    client.send_message("x")
        assert "secret" not in str(caught.value)
        assert other.requests == []


@pytest.mark.parametrize(
    "body",
    [
        {"jsonrpc": "2.0", "id": "1"},
        {"jsonrpc": "2.0", "id": "1", "result": None},
        {"jsonrpc": "2.0", "id": "1", "result": []},
        {"jsonrpc": "2.0", "id": "1", "result": {"neither": 1}},
        [],
        "text",
        None,
    ],
)
def test_answer_that_is_none_raises(body: Any) -> None:
    with RawServer(reply(json.dumps(card())), reply(json.dumps(body))) as server:
        with client_of(server) as client, pytest.raises(ProtocolError):
            client.send_message("x")
        assert len(server.requests) == 2


def test_answer_to_another_id_is_taken() -> None:
    with RawServer(reply(json.dumps(card())), reply(json.dumps(result({"task": DONE})))) as server:
        with client_of(server) as client:
            assert client.send_message("x").id == "t1"  # type: ignore[union-attr]


def test_working_task_is_waited_for() -> None:
    """A server may answer before the task is over, whatever it was asked."""
    states = iter([WORKING, WORKING, DONE])
    with Agent(
        card(), SendMessage=result({"task": WORKING}), GetTask=lambda _: result(next(states))
    ) as server, RemoteAgent(server.url, "x", protocol="a2a") as agent:
        assert agent.run("x").content == "all of it"
        assert server.called == [CARD_PATH, "SendMessage", "GetTask", "GetTask", "GetTask"]


def test_pages_of_tasks_are_fetched_as_they_are_needed() -> None:
    def page(params: Dict[str, Any]) -> Dict[str, Any]:
        number = int(params.get("pageToken") or 0)
        token = str(number + 1) if number < 2 else ""
        return result({"tasks": [dict(DONE, id="t%d" % number)], "nextPageToken": token})

    with Agent(card(), ListTasks=page) as server, client_of(server) as client:
        tasks = client.list_tasks(status="completed", page_size=1)
        assert server.requests == []
        assert next(tasks).id == "t0"
        assert server.called == [CARD_PATH, "ListTasks"]
        assert server.params["status"] == "TASK_STATE_COMPLETED"
        assert [task.id for task in tasks] == ["t1", "t2"]
        with pytest.raises(ValueError, match="status must be one of"):
            client.list_tasks(status="cancelled")


def test_page_that_leads_to_itself_raises() -> None:
    page = result({"tasks": [DONE], "nextPageToken": "again"})
    with Agent(card(), ListTasks=page) as server, client_of(server) as client:
        with pytest.raises(ProtocolError, match="again and again"):
            list(client.list_tasks())
        assert len(server.requests) < 5


# Streams -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("declared", [False, None])
def test_agent_that_does_not_stream_is_sent_the_message_plainly(declared: Optional[bool]) -> None:
    described = card(capabilities={} if declared is None else {"streaming": declared})
    with Agent(described, SendMessage=result({"task": DONE})) as server:
        with RemoteAgent(server.url, "x", protocol="a2a") as agent:
            with agent.run("x", stream=True) as run:
                assert "".join(run.text()) == "all of it"
                assert run.output().status == "COMPLETED"
        assert server.called == [CARD_PATH, "SendMessage"]


def test_agent_that_cannot_stream_after_all_is_sent_the_message_plainly() -> None:
    refused = error(-32004, "Streaming is not supported")
    with Agent(
        card(), SendStreamingMessage=refused, SendMessage=result({"task": DONE})
    ) as server, client_of(server) as client:
        with client.stream_message("x") as events:
            assert events.output().id == "t1"
        assert server.called == [CARD_PATH, "SendStreamingMessage", "SendMessage"]


def test_whole_answer_in_place_of_a_stream_is_read() -> None:
    with Agent(card(), SendStreamingMessage=result({"task": DONE})) as server:
        with RemoteAgent(server.url, "x", protocol="a2a") as agent:
            with agent.run("x", stream=True) as run:
                assert "".join(run.text()) == "all of it"


def test_error_in_place_of_a_stream_raises_at_the_call() -> None:
    with Agent(card(), SendStreamingMessage=error(-32602, "bad")) as server:
        with client_of(server) as client, pytest.raises(InvalidParamsError, match="bad"):
            client.stream_message("x")


@pytest.fixture
def never() -> Iterator[threading.Event]:
    yield threading.Event()


def test_stream_whose_body_does_not_end_ends_with_its_task(never: threading.Event) -> None:
    answer: List[Any] = [text_update("all ", append=False), text_update("done")]
    answer += [status_update("COMPLETED"), never]
    with Agent(card(), SendStreamingMessage=answer) as server:
        with RemoteAgent(server.url, "x", protocol="a2a") as agent:
            with agent.run("x", stream=True) as run:
                assert "".join(run.text()) == "all done"
                assert run.output().status == "COMPLETED"


def test_stream_that_ends_early_goes_on_where_it_was() -> None:
    task = dict(WORKING, artifacts=[{"artifactId": "a", "parts": [{"text": "one two "}]}])
    with Agent(
        card(),
        SendStreamingMessage=[result({"task": WORKING}), text_update("one ", append=False)],
        SubscribeToTask=[result({"task": task}), text_update("three"), status_update("COMPLETED")],
    ) as server, RemoteAgent(server.url, "x", protocol="a2a") as agent:
        with agent.run("x", stream=True) as run:
            assert list(run.text()) == ["one ", "two ", "three"]
            assert run.output().content == "one two three"
        assert server.called == [CARD_PATH, "SendStreamingMessage", "SubscribeToTask"]


def test_answer_that_breaks_off_in_its_headers_does_not_end_the_recovery(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What urllib3 logs about it would keep the connection alive.
    for name in ("urllib3.connection", "urllib3.connectionpool"):
        monkeypatch.setattr(logging.getLogger(name), "disabled", True)
    answers = iter([b"HTTP/1.1 200 OK\r\nContent-Ty", [result({"task": DONE})]])
    with Agent(
        card(),
        SendStreamingMessage=[result({"task": WORKING})],
        SubscribeToTask=lambda _: next(answers),
    ) as server, RemoteAgent(server.url, "x", protocol="a2a", resume=QUICK) as agent:
        with agent.run("x", stream=True) as run:
            assert "".join(run.text()) == "all of it"
        assert server.called[-2:] == ["SubscribeToTask"] * 2


def test_chunks_that_are_stored_twice_are_told_once_however_often_the_stream_breaks() -> None:
    """As a2a-sdk 0.3.26 stores what it sends to who has subscribed again."""

    def chunk(text: str) -> Dict[str, Any]:
        artifact = {"artifactId": "a", "parts": [{"kind": "text", "text": text}]}
        ids = {"taskId": "t1", "contextId": "c1"}
        return result({"kind": "artifact-update", "append": True, "artifact": artifact, **ids})

    def task(*texts: str, state: str = "working") -> Dict[str, Any]:
        parts = [{"kind": "text", "text": text} for text in texts]
        artifacts = [{"artifactId": "a", "parts": parts}]
        return result(dict(OLD_DONE, status={"state": state}, artifacts=artifacts))

    known = ["1 ", "2 ", "2 ", "3 ", "3 "]
    subscribed = iter([[chunk("2 ")], [chunk("4 ")], [chunk("6 ")]])
    stood = [task("1 "), task(*known), task(*known, "4 ", "4 ", "5 ")]
    looked_up = iter(
        [
            *(each for each in stood for _ in range(2)),  # before subscribing and behind it
            task(*known, "4 ", "4 ", "5 ", "6 ", "6 ", state="completed"),
        ]
    )
    with Agent(
        card(interface(version="0.3")),
        message_stream=[dict(task("1 "))],
        tasks_resubscribe=lambda _: next(subscribed, error(-32001, "over")),
        tasks_get=lambda _: next(looked_up),
    ) as server, RemoteAgent(server.url, "x", protocol="a2a", resume=QUICK) as agent:
        with agent.run("x", stream=True) as run:
            assert list(run.text()) == ["1 ", "2 ", "3 ", "4 ", "5 ", "6 "]
            assert run.output().content == "1 2 3 4 5 6 "


def test_stream_that_cannot_be_taken_up_again_is_looked_up() -> None:
    refused = error(-32004, "Task is over")
    with Agent(
        card(),
        SendStreamingMessage=[result({"task": WORKING})],
        SubscribeToTask=refused,
        GetTask=result(DONE),
    ) as server, RemoteAgent(server.url, "x", protocol="a2a") as agent:
        with agent.run("x", stream=True) as run:
            assert "".join(run.text()) == "all of it"
        assert server.called[-2:] == ["SubscribeToTask", "GetTask"]


def test_task_that_is_left_working_interrupts_the_stream() -> None:
    """A body that ends again and again without the task going on."""
    with Agent(
        card(),
        SendStreamingMessage=[result({"task": WORKING}), text_update("half", append=False)],
        SubscribeToTask=[
            result(
                {
                    "task": dict(
                        WORKING, artifacts=[{"artifactId": "a", "parts": [{"text": "half"}]}]
                    )
                }
            )
        ],
    ) as server, RemoteAgent(server.url, "x", protocol="a2a", resume=QUICK) as agent:
        with agent.run("x", stream=True) as run:
            with pytest.raises(StreamInterruptedError) as caught:
                run.output()
        assert 2 <= server.called.count("SubscribeToTask") <= 3
    assert (caught.value.output.content, caught.value.run_id) == ("half", "t1")


def test_stream_before_its_task_is_known_is_not_taken_up_again() -> None:
    with Agent(card(), SendStreamingMessage=[]) as server, client_of(server) as client:
        with client.stream_message("x") as events, pytest.raises(StreamInterruptedError):
            events.output()
        assert server.called == [CARD_PATH, "SendStreamingMessage"]


def test_events_are_handed_out_in_the_form_of_1_0_with_the_text_they_add() -> None:
    answer = [
        result({"task": WORKING}),
        text_update("one ", append=False),
        text_update("two"),
        status_update("COMPLETED"),
    ]
    with Agent(card(), SendStreamingMessage=answer) as server, client_of(server) as client:
        with client.stream_message("x") as stream:
            events = list(stream)
            task = stream.output()
    assert [list(event.to_dict()) for event in events] == [
        ["task"],
        ["artifactUpdate"],
        ["artifactUpdate"],
        ["statusUpdate"],
    ]
    assert [stream.delta(event) for event in events] == [None, "one ", "two", None]
    assert (task.id, task.status.state) == ("t1", "TASK_STATE_COMPLETED")
    assert [part.text for part in task.artifacts[0].parts] == ["one ", "two"]


def test_unknown_event_is_handed_out() -> None:
    answer = [result({"task": WORKING}), result({"weather": {"x": 1}}), status_update("FAILED")]
    with Agent(card(), SendStreamingMessage=answer) as server:
        with RemoteAgent(server.url, "x", protocol="a2a") as agent:
            with agent.run("x", stream=True) as run:
                events = list(run)
                assert run.output().status == "ERROR"
    assert [event.raw for event in events if type(event).__name__ == "UnknownEvent"] == [
        {"weather": {"x": 1}}
    ]


@pytest.mark.parametrize("garbage", [b"data: [DONE]\n\n", b"data: <html>\n\n", b"data: \xff\n\n"])
def test_a_finished_run_never_fails_by_what_is_no_event_behind_its_end(garbage: bytes) -> None:
    first = text_update("x", append=False)
    answer = [result({"task": WORKING}), first, status_update("COMPLETED"), garbage]
    with Agent(card(), SendStreamingMessage=answer) as server:
        with RemoteAgent(server.url, "x", protocol="a2a") as agent, client_of(server) as client:
            with agent.run("x", stream=True) as run:
                assert "".join(run.text()) == "x"
                assert run.output().status == "COMPLETED"
            with client.stream_message("x") as events:
                assert events.output().status.state == "TASK_STATE_COMPLETED"
        assert server.called == [CARD_PATH, "SendStreamingMessage"] * 2


def test_an_end_that_is_in_doubt_is_looked_up_whatever_comes_behind_it() -> None:
    answer = [result({"task": WORKING}), status_update("COMPLETED"), b"data: [DONE]\n\n"]
    with Agent(card(), SendStreamingMessage=answer, GetTask=result(DONE)) as server:
        with RemoteAgent(server.url, "x", protocol="a2a") as agent:
            with agent.run("x", stream=True) as run:
                assert "".join(run.text()) == "all of it"
        assert server.called[-1] == "GetTask"


def test_what_is_no_event_before_the_end_breaks_the_protocol() -> None:
    answer = [result({"task": WORKING}), b"data: [DONE]\n\n", status_update("COMPLETED")]
    with Agent(card(), SendStreamingMessage=answer) as server, client_of(server) as client:
        with client.stream_message("x") as events, pytest.raises(ProtocolError, match="not JSON"):
            events.output()


def test_total_limit_holds_for_a_stream_that_keeps_telling() -> None:
    def chatter(connection: Connection, request: Request) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
        connection.send(head)
        pause = threading.Event()
        while not pause.wait(0.01):
            connection.send(b"data: %s\n\n" % json.dumps(status_update("WORKING")).encode())

    with RawServer(reply(json.dumps(card())), chatter) as server:
        with client_of(server, timeout=Timeout(read=5, total=0.3)) as client:
            with client.stream_message("x") as events:
                with pytest.raises(Exception, match="total limit of 0.3 s"):
                    events.output()
        assert len(server.requests) == 2


def test_cancelled_stream_ends_although_the_server_does_not_say_so(never: threading.Event) -> None:
    canceled = dict(WORKING, status={"state": "TASK_STATE_CANCELED"})
    with Agent(
        card(),
        SendStreamingMessage=[result({"task": WORKING}), never],
        CancelTask=result(canceled),
    ) as server, client_of(server) as client:
        with client.stream_message("x") as events:
            next(events)
            assert events.cancel()
            assert events.output().status.state == "TASK_STATE_CANCELED"
        assert server.called == [CARD_PATH, "SendStreamingMessage", "CancelTask"]


def test_what_the_server_refuses_to_subscribe_to_raises() -> None:
    with Agent(card(), SubscribeToTask=error(-32004, "over")) as server, client_of(
        server
    ) as client:
        with pytest.raises(UnsupportedOperationError):
            client.subscribe_to_task("t1")
