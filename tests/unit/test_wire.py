"""The answer that brought an output: what can be read of it, and from where."""

import copy
import json
import pickle
from typing import Any, Dict, Tuple

import pytest

from remoteagent_lite import A2AClient, RemoteAgent, StreamInterruptedError
from remoteagent_lite.wire import Received
from tests.peers.faults import Connection, RawServer, Request, reply, sse, stream

HEADERS = [("X-Request-ID", "r-7"), ("A2A-Extensions", "urn:a, urn:b"), ("Set-Cookie", "secret")]
OUTPUT = {"run_id": "r", "session_id": "s", "status": "COMPLETED", "content": "hi"}
TASK = {
    "id": "t",
    "contextId": "c",
    "status": {"state": "TASK_STATE_COMPLETED"},
    "artifacts": [{"artifactId": "a", "parts": [{"text": "hi"}]}],
}
CARD = {
    "name": "x",
    "supportedInterfaces": [
        {"url": "/", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
    ],
}


@pytest.mark.parametrize(
    ("headers", "request_id", "extensions"),
    [
        ({}, None, ()),
        ({"x-request-id": "", "request-id": "b", "x-correlation-id": "c"}, "b", ()),
        ({"x-correlation-id": "c"}, "c", ()),
        ({"a2a-extensions": ""}, None, ()),
        ({"a2a-extensions": "urn:a,urn:b , urn:a,,"}, None, ("urn:a", "urn:b")),
        ({"x-a2a-extensions": "urn:c", "a2a-extensions": "urn:b"}, None, ("urn:b", "urn:c")),
    ],
)
def test_what_an_answer_says_beside_its_body(
    headers: Dict[str, str], request_id: Any, extensions: Tuple[str, ...]
) -> None:
    received = Received("http://h/x", 200, headers)
    assert (received.request_id, received.extensions) == (request_id, extensions)


def check(received: Any, server: RawServer, status: int = 200) -> None:
    assert (received.status, received.request_id) == (status, "r-7")
    assert received.extensions == ("urn:a", "urn:b")
    assert received.url.startswith(server.url)
    assert "secret" not in repr(received)


def test_output_tells_which_answer_brought_it() -> None:
    with RawServer(reply(json.dumps(OUTPUT), headers=HEADERS)) as server:
        with RemoteAgent(server.url, "x") as agent:
            for output in (agent.run("hi"), agent.get_run("r", "s")):
                check(output.response, server)
                # It is no part of what the server sent.
                assert output.to_dict() == OUTPUT
                assert output == type(output).from_dict(OUTPUT)
                for other in (copy.copy(output), pickle.loads(pickle.dumps(output))):
                    assert (other, other.response) == (output, None)


def test_stream_and_its_output_tell_which_answer_brought_them() -> None:
    frames = [
        sse("RunStarted", '{"event": "RunStarted", "run_id": "r", "session_id": "s"}'),
        sse("RunCompleted", '{"event": "RunCompleted", "run_id": "r", "content": "hi"}'),
    ]
    for pieces in (frames, frames[:1]):
        with RawServer(stream(pieces, headers=HEADERS)) as server:
            with RemoteAgent(server.url, "x") as agent, agent.run("hi", stream=True) as events:
                check(events.response, server)
                check(events.partial_output().response, server)
                if pieces is frames:
                    check(events.output().response, server)
                    continue
                with pytest.raises(StreamInterruptedError) as caught:
                    events.output()
                check(caught.value.output.response, server)


def answered(value: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "result": value}).encode()


@pytest.mark.parametrize("streaming", [True, False])
def test_activated_extensions_can_be_read_over_a2a(streaming: bool) -> None:
    whole = reply(answered({"task": TASK}), headers=HEADERS)
    streamed = stream([b"data: " + answered({"task": TASK}) + b"\n\n"], headers=HEADERS)
    card = dict(CARD, capabilities={"streaming": streaming})
    later = streamed if streaming else whole
    answers = [whole, later, later]

    def serve(connection: Connection, request: Request) -> None:
        chosen = reply(json.dumps(card)) if request.method == "GET" else answers.pop(0)
        chosen(connection, request)

    with RawServer(serve) as server:
        with RemoteAgent(server.url, "x", protocol="a2a") as agent:
            check(agent.run("hi").response, server)
            with agent.run("hi", stream=True) as events:
                check(events.response, server)
                check(events.output().response, server)
        with A2AClient(server.url) as client, client.stream_message("hi") as messages:
            check(messages.response, server)
            assert messages.output().to_dict() == TASK
