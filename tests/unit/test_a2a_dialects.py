"""The five dialects: what they send, and what they make of answers."""

from __future__ import annotations

import base64
import copy
import json
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from remoteagent_lite.errors import (
    A2AError,
    ProtocolError,
    RemoteAgentError,
    RemoteHTTPError,
    UnsupportedError,
)
from remoteagent_lite.protocols.a2a.dialects import dialect_of
from remoteagent_lite.protocols.a2a.interface import (
    AGNO,
    CANCEL_TASK,
    CREATE_PUSH_CONFIG,
    DELETE_PUSH_CONFIG,
    GET_EXTENDED_CARD,
    GET_PUSH_CONFIG,
    GET_TASK,
    JSONRPC,
    LIST_PUSH_CONFIGS,
    LIST_TASKS,
    REST,
    SEND_MESSAGE,
    SEND_STREAMING_MESSAGE,
    SUBSCRIBE_TO_TASK,
    Interface,
)
from remoteagent_lite.protocols.a2a.v03 import V03
from remoteagent_lite.protocols.a2a.v03_rest import V03Rest
from remoteagent_lite.protocols.a2a.v10 import V10
from remoteagent_lite.wire import Response

URL = "https://agent.example/a2a"
RPC10 = dialect_of(Interface(JSONRPC, "1.0", URL))
REST10 = dialect_of(Interface(REST, "1.0", URL))
RPC03 = dialect_of(Interface(JSONRPC, "0.3", URL))
REST03 = dialect_of(Interface(REST, "0.3", URL))
AGENTOS = dialect_of(Interface(AGNO, "0.3", URL))
DIALECTS = {
    "1.0 rpc": RPC10,
    "1.0 rest": REST10,
    "0.3 rpc": RPC03,
    "0.3 rest": REST03,
    "agno": AGENTOS,
}
ALL = pytest.mark.parametrize("dialect", list(DIALECTS.values()), ids=list(DIALECTS))
RPC = [RPC10, RPC03, AGENTOS]

MESSAGE = {
    "messageId": "m",
    "role": "ROLE_USER",
    "contextId": "c",
    "parts": [
        {"text": "hi"},
        {"raw": "AP8=", "mediaType": "image/png", "filename": "a.png"},
        {"url": "https://x/y", "mediaType": "image/png"},
        {"data": {"a": 1}, "metadata": {"k": "v"}},
    ],
    "metadata": {"none": None},
}
SEND = {
    "message": MESSAGE,
    "configuration": {"acceptedOutputModes": ["text"], "historyLength": 2},
    "metadata": {"m": 1},
}
PUSH = {
    "taskId": "t/1",
    "id": "p",
    "url": "https://hook",
    "token": "tok",
    "authentication": {"scheme": "Bearer", "credentials": "cred"},
}
PUSH03 = {
    "id": "p",
    "url": "https://hook",
    "token": "tok",
    "authentication": {"schemes": ["Bearer"], "credentials": "cred"},
}


def answer(body, status=200):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(URL, status, {"content-type": "application/json"}, raw)


def result(dialect, operation, value):
    body = {"jsonrpc": "2.0", "id": "1", "result": value} if dialect in RPC else value
    return dialect.result(operation, answer(body), {})


def line(request):
    query = "?" + urlencode(request.params) if request.params else ""
    return "%s %s%s" % (request.method, request.url[len(URL) :], query)


# What is sent


@pytest.mark.parametrize(
    ("operation", "params", "method03", "params03"),
    [
        (GET_TASK, {"id": "t", "historyLength": 0}, "tasks/get", {"id": "t", "historyLength": 0}),
        (CANCEL_TASK, {"id": "t"}, "tasks/cancel", {"id": "t"}),
        (SUBSCRIBE_TO_TASK, {"id": "t"}, "tasks/resubscribe", {"id": "t"}),
        (
            CREATE_PUSH_CONFIG,
            PUSH,
            "tasks/pushNotificationConfig/set",
            {"taskId": "t/1", "pushNotificationConfig": PUSH03},
        ),
        (
            GET_PUSH_CONFIG,
            {"taskId": "t", "id": "p"},
            "tasks/pushNotificationConfig/get",
            {"id": "t", "pushNotificationConfigId": "p"},
        ),
        (LIST_PUSH_CONFIGS, {"taskId": "t"}, "tasks/pushNotificationConfig/list", {"id": "t"}),
        (
            DELETE_PUSH_CONFIG,
            {"taskId": "t", "id": "p"},
            "tasks/pushNotificationConfig/delete",
            {"id": "t", "pushNotificationConfigId": "p"},
        ),
        (GET_EXTENDED_CARD, {}, "agent/getAuthenticatedExtendedCard", None),
    ],
)
def test_json_rpc_names_the_method_in_the_body(operation, params, method03, params03):
    new, old = RPC10.request(operation, params), RPC03.request(operation, params)
    for request in (new, old):
        assert (request.method, request.url) == ("POST", URL)
        assert request.json["jsonrpc"] == "2.0"
        assert request.headers["Content-Type"] == "application/json"
        assert "text/event-stream" in request.headers["Accept"]
    assert (new.json["method"], new.json.get("params", {})) == (operation, params)
    assert (old.json["method"], old.json.get("params")) == (method03, params03)
    assert new.json["id"] != old.json["id"]


@pytest.mark.parametrize(
    ("operation", "params", "line10", "line03"),
    [
        (SEND_MESSAGE, SEND, "POST /message:send", "POST /v1/message:send"),
        (SEND_STREAMING_MESSAGE, SEND, "POST /message:stream", "POST /v1/message:stream"),
        (GET_TASK, {"id": "t"}, "GET /tasks/t", "GET /v1/tasks/t"),
        (
            GET_TASK,
            {"id": "a/b:c?", "historyLength": 0, "contextId": "c"},
            "GET /tasks/a%2Fb%3Ac%3F?historyLength=0",
            "GET /v1/tasks/a%2Fb%3Ac%3F?historyLength=0",
        ),
        (CANCEL_TASK, {"id": "t"}, "POST /tasks/t:cancel", "POST /v1/tasks/t:cancel"),
        (SUBSCRIBE_TO_TASK, {"id": "t"}, "POST /tasks/t:subscribe", "POST /v1/tasks/t:subscribe"),
        (
            CREATE_PUSH_CONFIG,
            PUSH,
            "POST /tasks/t%2F1/pushNotificationConfigs",
            "POST /v1/tasks/t%2F1/pushNotificationConfigs",
        ),
        (
            GET_PUSH_CONFIG,
            {"taskId": "t", "id": "p"},
            "GET /tasks/t/pushNotificationConfigs/p",
            "GET /v1/tasks/t/pushNotificationConfigs/p",
        ),
        (
            LIST_PUSH_CONFIGS,
            {"taskId": "t"},
            "GET /tasks/t/pushNotificationConfigs",
            "GET /v1/tasks/t/pushNotificationConfigs",
        ),
        (
            DELETE_PUSH_CONFIG,
            {"taskId": "t", "id": "p"},
            "DELETE /tasks/t/pushNotificationConfigs/p",
            "DELETE /v1/tasks/t/pushNotificationConfigs/p",
        ),
        (GET_EXTENDED_CARD, {}, "GET /extendedAgentCard", "GET /v1/card"),
    ],
)
def test_rest_names_the_operation_in_the_path(operation, params, line10, line03):
    new, old = REST10.request(operation, params), REST03.request(operation, params)
    assert (line(new), line(old)) == (line10, line03)
    posted = new.method == "POST"
    assert new.headers.get("Content-Type") == ("application/a2a+json" if posted else None)
    assert old.headers.get("Content-Type") == ("application/json" if posted else None)
    assert (new.json is not None) == posted


def test_lists_are_asked_for_in_the_query():
    params = {
        "contextId": "c",
        "status": "TASK_STATE_WORKING",
        "pageSize": 5,
        "pageToken": "",
        "includeArtifacts": True,
        "historyLength": None,
    }
    assert line(REST10.request(LIST_TASKS, params)) == (
        "GET /tasks?contextId=c&status=TASK_STATE_WORKING&pageSize=5&pageToken="
        "&includeArtifacts=true"
    )
    assert RPC10.request(LIST_TASKS, {"contextId": "c"}).json["params"] == {"contextId": "c"}


@ALL
def test_the_version_header_is_sent_by_1_0_only(dialect):
    request = dialect.request(SEND_MESSAGE, SEND, ["urn:a", "urn:b"])
    old = dialect.interface.version == "0.3"
    assert request.headers.get("A2A-Version") == (None if old else "1.0")
    name, other = "A2A-Extensions", "X-A2A-Extensions"
    name, other = (other, name) if old else (name, other)
    assert request.headers[name] == "urn:a, urn:b"
    assert other not in request.headers
    assert name not in dialect.request(SEND_MESSAGE, SEND).headers


@ALL
def test_only_what_does_not_act_twice_is_safe(dialect):
    assert not dialect.request(SEND_MESSAGE, SEND).safe
    assert not dialect.request(SEND_STREAMING_MESSAGE, SEND).safe
    for operation in (GET_TASK, CANCEL_TASK):
        assert dialect.request(operation, {"id": "t", "contextId": "c"}).safe
    if dialect is not AGENTOS:
        assert dialect.request(SUBSCRIBE_TO_TASK, {"id": "t"}).safe
        assert dialect.request(GET_EXTENDED_CARD, {}).safe
        assert dialect.request(LIST_PUSH_CONFIGS, {"taskId": "t"}).safe
        assert not dialect.request(CREATE_PUSH_CONFIG, PUSH).safe


@ALL
def test_nothing_given_is_changed(dialect):
    given = copy.deepcopy((SEND, {"id": "t", "contextId": "c"}, PUSH))
    dialect.request(SEND_MESSAGE, given[0])
    dialect.request(GET_TASK, given[1])
    if dialect is not AGENTOS:
        dialect.request(CREATE_PUSH_CONFIG, given[2])
    assert given == (SEND, {"id": "t", "contextId": "c"}, PUSH)


def test_a_message_of_1_0_is_sent_as_it_is():
    assert RPC10.request(SEND_MESSAGE, SEND).json["params"] == SEND
    assert REST10.request(SEND_MESSAGE, SEND).json == SEND


def test_a_message_of_0_3_has_kinds():
    assert RPC03.request(SEND_MESSAGE, SEND).json["params"] == {
        "message": {
            "kind": "message",
            "messageId": "m",
            "role": "user",
            "contextId": "c",
            "parts": [
                {"kind": "text", "text": "hi"},
                {
                    "kind": "file",
                    "file": {"bytes": "AP8=", "mimeType": "image/png", "name": "a.png"},
                },
                {"kind": "file", "file": {"uri": "https://x/y", "mimeType": "image/png"}},
                {"kind": "data", "data": {"a": 1}, "metadata": {"k": "v"}},
            ],
            "metadata": {"none": None},
        },
        "configuration": {"acceptedOutputModes": ["text"], "historyLength": 2, "blocking": True},
        "metadata": {"m": 1},
    }


def test_a_message_of_0_3_over_rest_is_protobuf_s():
    assert REST03.request(SEND_MESSAGE, SEND).json["message"] == {
        "messageId": "m",
        "role": "ROLE_USER",
        "contextId": "c",
        "content": [
            {"text": "hi"},
            # The base64 text of the bytes 00 ff, encoded once more.
            {"file": {"fileWithBytes": "QVA4PQ==", "mimeType": "image/png", "name": "a.png"}},
            {"file": {"fileWithUri": "https://x/y", "mimeType": "image/png"}},
            {"data": {"data": {"a": 1}}, "metadata": {"k": "v"}},
        ],
        "metadata": {"none": None},
    }


@pytest.mark.parametrize("dialect", [RPC03, REST03, AGENTOS])
@pytest.mark.parametrize(
    ("configuration", "blocking"),
    [
        (None, True),
        ({}, True),
        ({"returnImmediately": False}, True),
        ({"returnImmediately": True}, False),
    ],
)
def test_0_3_is_always_told_whether_to_wait(dialect, configuration, blocking):
    params = {"message": MESSAGE, "configuration": configuration}
    request = dialect.request(SEND_MESSAGE, params)
    sent = request.json if dialect is REST03 else request.json["params"]
    assert sent["configuration"] == {"blocking": blocking}


def test_a_push_config_goes_along_with_a_message():
    configuration = {"taskPushNotificationConfig": PUSH}
    params = {"message": MESSAGE, "configuration": configuration}
    sent = RPC03.request(SEND_MESSAGE, params).json["params"]["configuration"]
    assert sent == {"blocking": True, "pushNotificationConfig": PUSH03}
    sent = REST03.request(SEND_MESSAGE, params).json["configuration"]
    assert sent == {"blocking": True, "pushNotification": PUSH03}


def test_a_push_config_of_0_3_over_rest_has_resource_names():
    assert REST03.request(CREATE_PUSH_CONFIG, dict(PUSH, taskId="t")).json == {
        "parent": "tasks/t",
        "configId": "p",
        "config": {"name": "tasks/t/pushNotificationConfigs/p", "pushNotificationConfig": PUSH03},
    }


@pytest.mark.parametrize("value", [None, 1, "x", [1, {"a": None}], True])
@pytest.mark.parametrize("codec", [V03(URL), V03Rest(URL)])
def test_data_that_is_no_object_is_wrapped_in_0_3(codec, value):
    written = codec.write_part({"data": value})
    assert written["metadata"] == {"data_part_compat": True}
    inner = written["data"]["data"] if type(codec) is V03Rest else written["data"]
    assert inner == {"value": value}
    assert codec.read_part(written) == {"data": value}


def test_a_tenant_is_a_parameter_or_the_first_segment():
    rpc = dialect_of(Interface(JSONRPC, "1.0", URL, "a/b"))
    rest = dialect_of(Interface(REST, "1.0", URL, "a/b"))
    assert rpc.request(GET_TASK, {"id": "t"}).json["params"] == {"id": "t", "tenant": "a/b"}
    assert rpc.request(GET_EXTENDED_CARD, {}).json["params"] == {"tenant": "a/b"}
    assert line(rest.request(GET_TASK, {"id": "t"})) == "GET /a%2Fb/tasks/t"
    with pytest.raises(UnsupportedError, match="tenant"):
        dialect_of(Interface(JSONRPC, "0.3", URL, "a"))


@pytest.mark.parametrize(
    ("operation", "path", "method"),
    [
        (SEND_MESSAGE, "/v1/message:send", "message/send"),
        (SEND_STREAMING_MESSAGE, "/v1/message:stream", "message/stream"),
        (GET_TASK, "/v1/tasks:get", "tasks/get"),
        (CANCEL_TASK, "/v1/tasks:cancel", "tasks/cancel"),
    ],
)
def test_agentos_has_a_path_for_each_method(operation, path, method):
    params = SEND if "Message" in operation else {"id": "t", "contextId": "c"}
    request = AGENTOS.request(operation, params)
    assert line(request) == "POST " + path
    assert request.json["method"] == method
    if params is not SEND:
        assert request.json["params"] == params
        assert RPC03.request(operation, params).json["params"] == {"id": "t"}
        assert RPC10.request(operation, params).json["params"] == {"id": "t"}


def test_agentos_needs_the_session_to_find_a_task():
    with pytest.raises(ValueError, match="session_id"):
        AGENTOS.request(GET_TASK, {"id": "t"})
    assert AGENTOS.request(CANCEL_TASK, {"id": "t"}).json["params"] == {"id": "t"}


def sending(**changes):
    return {"message": dict(MESSAGE, **changes)}


@pytest.mark.parametrize(
    ("dialect", "operation", "params", "words"),
    [
        (RPC03, LIST_TASKS, {}, "ListTasks"),
        (REST03, LIST_TASKS, {}, "ListTasks"),
        (AGENTOS, SUBSCRIBE_TO_TASK, {"id": "t"}, "SubscribeToTask"),
        (AGENTOS, CREATE_PUSH_CONFIG, PUSH, "CreateTaskPush"),
        (AGENTOS, GET_EXTENDED_CARD, {}, "GetExtendedAgentCard"),
        (AGENTOS, SEND_MESSAGE, sending(taskId="t"), "context"),
        (AGENTOS, SEND_MESSAGE, sending(parts=[{"url": "https://x"}]), "media type"),
        (
            AGENTOS,
            SEND_MESSAGE,
            dict(SEND, configuration={"taskPushNotificationConfig": PUSH}),
            "push",
        ),
        (REST03, SEND_MESSAGE, sending(referenceTaskIds=["t"]), "referenceTaskIds"),
        (
            REST03,
            SEND_MESSAGE,
            sending(parts=[{"text": "x", "mediaType": "text/html"}]),
            "mediaType",
        ),
        (REST03, CANCEL_TASK, {"id": "t", "metadata": {"a": 1}}, "metadata"),
        (RPC03, LIST_PUSH_CONFIGS, {"taskId": "t", "pageSize": 2}, "pages"),
    ],
)
def test_what_cannot_be_carried_is_refused(dialect, operation, params, words):
    with pytest.raises(UnsupportedError, match=words) as caught:
        dialect.request(operation, params)
    assert URL in str(caught.value)


def test_a_label_that_says_nothing_is_no_reason_to_refuse():
    parts = [
        {"text": "x", "mediaType": "text/plain"},
        {"data": {}, "mediaType": "application/json"},
    ]
    sent = REST03.request(SEND_MESSAGE, sending(parts=parts, referenceTaskIds=[])).json
    assert sent["message"]["content"] == [{"text": "x"}, {"data": {"data": {}}}]


@pytest.mark.parametrize(
    "interface",
    [("GRPC", "1.0"), (JSONRPC, "2.0"), (JSONRPC, "0.2"), (AGNO, "1.0"), ("jsonrpc", "1.0")],
)
def test_unknown_interfaces_are_refused(interface):
    with pytest.raises(UnsupportedError):
        dialect_of(Interface(interface[0], interface[1], URL))


@pytest.mark.parametrize("value", [None, "", ".", "..", 3])
def test_an_id_that_would_change_the_path_is_refused(value):
    with pytest.raises(ValueError):
        REST10.request(GET_TASK, {"id": value})


@pytest.mark.parametrize("dialect", [REST10, REST03])
def test_subscribing_over_rest_has_an_alternative(dialect):
    request = dialect.request(SUBSCRIBE_TO_TASK, {"id": "t"}, ["urn:a"])
    refused = RemoteHTTPError("no", URL, status_code=405)
    other = dialect.alternative(SUBSCRIBE_TO_TASK, request, refused)
    assert (other.method, other.url, other.json, other.safe) == ("GET", request.url, None, True)
    assert other.headers.get("A2A-Version") == request.headers.get("A2A-Version")
    assert "Content-Type" not in other.headers
    assert dialect.alternative(SUBSCRIBE_TO_TASK, other, refused) is None
    assert dialect.alternative(GET_TASK, request, refused) is None
    not_found = RemoteHTTPError("no", URL, status_code=404)
    assert dialect.alternative(SUBSCRIBE_TO_TASK, request, not_found) is None
    request = RPC10.request(SUBSCRIBE_TO_TASK, {"id": "t"})
    assert RPC10.alternative(SUBSCRIBE_TO_TASK, request, refused) is None


# What comes back

WIRE_TASKS = {
    "1.0 rpc": {
        "id": "t",
        "contextId": "c",
        "status": {"state": "TASK_STATE_COMPLETED", "timestamp": "2026-11-21T01:24:42.563166Z"},
        "artifacts": [{"artifactId": "a", "parts": [{"text": "x"}]}],
    },
    "0.3 rpc": {
        "kind": "task",
        "id": "t",
        "contextId": "c",
        "status": {"state": "completed", "timestamp": "2026-11-21T01:24:42.563166Z"},
        "artifacts": [{"artifactId": "a", "parts": [{"kind": "text", "text": "x"}]}],
    },
    "agno": {
        "kind": "task",
        "id": "t",
        "contextId": "c",
        "history": None,
        "metadata": None,
        "status": {
            "state": "completed",
            "message": None,
            "timestamp": "2026-11-21T01:24:42.563166Z",
        },
        "artifacts": [
            {
                "artifactId": "a",
                "name": None,
                "parts": [{"kind": "text", "text": "x", "metadata": None}],
            }
        ],
    },
}
WIRE_TASKS["1.0 rest"] = WIRE_TASKS["1.0 rpc"]
WIRE_TASKS["0.3 rest"] = WIRE_TASKS["1.0 rpc"]


@pytest.mark.parametrize("name", list(DIALECTS))
def test_a_task_is_the_same_in_all_dialects(name):
    dialect, task = DIALECTS[name], WIRE_TASKS[name]
    expected = WIRE_TASKS["1.0 rpc"]
    assert result(dialect, GET_TASK, task) == expected
    assert result(dialect, CANCEL_TASK, task) == expected
    sent = task if "kind" in task else {"task": task}
    before = copy.deepcopy(sent)
    assert result(dialect, SEND_MESSAGE, sent) == {"task": expected}
    assert dialect.event(sent) == {"task": expected}
    assert dialect.event({"jsonrpc": "2.0", "id": "other", "result": sent}) == {"task": expected}
    assert dialect.event({"result": sent, "error": None}) == {"task": expected}
    assert sent == before


def test_a_message_may_be_the_answer():
    agent = {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": "x"}]}
    old = {
        "kind": "message",
        "messageId": "m",
        "role": "agent",
        "parts": [{"kind": "text", "text": "x"}],
    }
    proto = {"messageId": "m", "role": "ROLE_AGENT", "content": [{"text": "x"}]}
    assert result(RPC10, SEND_MESSAGE, {"message": agent}) == {"message": agent}
    assert result(RPC03, SEND_MESSAGE, old) == {"message": agent}
    assert result(REST03, SEND_MESSAGE, {"message": proto}) == {"message": agent}
    assert result(REST03, SEND_MESSAGE, {"msg": proto}) == {"message": agent}


def test_events_of_agentos_are_read():
    frame = {
        "id": "1",
        "jsonrpc": "2.0",
        "result": {
            "kind": "status-update",
            "final": True,
            "taskId": "t",
            "contextId": "c",
            "status": {"state": "canceled"},
            "metadata": {"reason": "x", "n": None},
        },
    }
    assert AGENTOS.event(frame) == {
        "statusUpdate": {
            "taskId": "t",
            "contextId": "c",
            "status": {"state": "TASK_STATE_CANCELED"},
            "metadata": {"reason": "x", "n": None},
        }
    }


EVENTS10 = [
    {"task": WIRE_TASKS["1.0 rpc"]},
    {"statusUpdate": {"taskId": "t", "contextId": "c", "status": {"state": "TASK_STATE_WORKING"}}},
    {
        "artifactUpdate": {
            "taskId": "t",
            "contextId": "c",
            "append": True,
            "artifact": {"artifactId": "a", "parts": [{"text": "x", "filename": ""}], "own": 1},
            "own": {"a": 1},
        }
    },
    {"message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"data": None}]}},
]


@pytest.mark.parametrize("event", EVENTS10)
def test_events_of_1_0_are_handed_on_as_they_are(event):
    assert RPC10.event({"jsonrpc": "2.0", "id": "1", "result": event}) is event
    assert REST10.event(event) is event


@ALL
@pytest.mark.parametrize("frame", [{"progress": {"percent": 3}}, {"kind": "new", "a": 1}, {}])
def test_an_unknown_event_is_kept(dialect, frame):
    assert dialect.event(frame) == {"unknown": frame}
    wrapped = {"jsonrpc": "2.0", "id": "1", "result": frame}
    assert dialect.event(wrapped) == {"unknown": frame}


@ALL
@pytest.mark.parametrize(
    "frame",
    [
        None,
        [],
        "x",
        {"jsonrpc": "2.0", "result": [1]},
        {"task": []},
        {"task": {"id": 3}},
        {"task": {"artifacts": [{"parts": [{"text": 1}]}]}},
        {"statusUpdate": {"status": {"state": ["x"]}}},
        {"statusUpdate": {"status": {"message": {"parts": ["x"]}}}},
    ],
)
def test_a_frame_of_the_wrong_shape_breaks_the_protocol(dialect, frame):
    with pytest.raises(ProtocolError) as caught:
        dialect.event(frame)
    assert not isinstance(caught.value, A2AError)
    assert URL in str(caught.value)


@ALL
@pytest.mark.parametrize(
    "body",
    [b"<html>hello</html>", b"", b"[]", b"null", b"{}", b'{"jsonrpc":"2.0","id":1}', b"[" * 9999],
)
def test_an_answer_of_the_wrong_shape_breaks_the_protocol(dialect, body):
    with pytest.raises(ProtocolError):
        dialect.result(SEND_MESSAGE, answer(body), {})


@pytest.mark.parametrize("dialect", RPC)
def test_an_answer_without_result_is_success_for_delete_only(dialect):
    for body in ({"jsonrpc": "2.0", "id": "1"}, {"jsonrpc": "2.0", "id": "1", "result": None}):
        assert dialect.result(DELETE_PUSH_CONFIG, answer(body), {}) is None
        with pytest.raises(ProtocolError, match="without a result"):
            dialect.result(GET_TASK, answer(body), {})
    with pytest.raises(ProtocolError):
        dialect.result(DELETE_PUSH_CONFIG, answer(b"<html>"), {})


@pytest.mark.parametrize("dialect", [REST10, REST03])
def test_a_delete_over_rest_is_answered_by_nothing(dialect):
    assert dialect.result(DELETE_PUSH_CONFIG, answer(b"{}"), {}) is None
    assert dialect.result(DELETE_PUSH_CONFIG, answer(b"", 204), {}) is None
    with pytest.raises(ProtocolError):
        dialect.result(DELETE_PUSH_CONFIG, answer(b"<html>"), {})


def test_lists_of_tasks_are_read():
    assert result(RPC10, LIST_TASKS, {}) == {"tasks": [], "nextPageToken": ""}
    page = {
        "tasks": [{"id": "t", "contextId": "", "status": {"state": 3}}],
        "nextPageToken": "n",
        "pageSize": 1,
        "totalSize": 4,
    }
    read = result(REST10, LIST_TASKS, page)
    assert read["tasks"][0]["status"] == {"state": "TASK_STATE_COMPLETED"}
    assert (read["nextPageToken"], read["totalSize"]) == ("n", 4)


def test_push_configs_are_flat_in_all_dialects():
    expected = dict(PUSH, taskId="t")
    old = {"taskId": "t", "pushNotificationConfig": PUSH03}
    named = {"name": "tasks/t/pushNotificationConfigs/p", "pushNotificationConfig": PUSH03}
    for operation in (CREATE_PUSH_CONFIG, GET_PUSH_CONFIG):
        assert result(RPC10, operation, expected) == expected
        assert result(REST10, operation, expected) == expected
        assert result(RPC03, operation, old) == expected
        assert result(REST03, operation, named) == expected
    assert result(RPC10, LIST_PUSH_CONFIGS, {}) == {"configs": []}
    assert result(REST10, LIST_PUSH_CONFIGS, {"configs": [PUSH]}) == {"configs": [PUSH]}
    assert result(RPC03, LIST_PUSH_CONFIGS, [old]) == {"configs": [expected]}
    assert result(REST03, LIST_PUSH_CONFIGS, {"configs": [named]}) == {"configs": [expected]}
    unnamed = dict(PUSH03, id="")
    assert result(REST03, GET_PUSH_CONFIG, dict(named, pushNotificationConfig=unnamed)) == expected


def test_the_extended_card_is_handed_on_raw():
    card = {"name": "x", "iconUrl": None}
    assert result(RPC03, GET_EXTENDED_CARD, card) == card
    assert result(REST10, GET_EXTENDED_CARD, card) == card


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("submitted", "TASK_STATE_SUBMITTED"),
        ("input-required", "TASK_STATE_INPUT_REQUIRED"),
        ("input_required", "TASK_STATE_INPUT_REQUIRED"),
        ("AUTH_REQUIRED", "TASK_STATE_AUTH_REQUIRED"),
        ("TASK_STATE_CANCELLED", "TASK_STATE_CANCELED"),
        ("cancelled", "TASK_STATE_CANCELED"),
        ("Canceled", "TASK_STATE_CANCELED"),
        ("unknown", "TASK_STATE_UNSPECIFIED"),
        ("", "TASK_STATE_UNSPECIFIED"),
        (None, "TASK_STATE_UNSPECIFIED"),
        (0, "TASK_STATE_UNSPECIFIED"),
        (6, "TASK_STATE_INPUT_REQUIRED"),
        (7, "TASK_STATE_REJECTED"),
        (8, "TASK_STATE_AUTH_REQUIRED"),
        (99, "99"),
        ("paused", "paused"),
        ("TASK_STATE_PAUSED", "TASK_STATE_PAUSED"),
    ],
)
@ALL
def test_states_are_read_in_all_spellings(dialect, state, expected):
    task = result(dialect, GET_TASK, {"id": "t", "status": {"state": state}})
    assert task["status"]["state"] == expected


def test_a_status_that_is_absent_is_unspecified():
    assert result(RPC03, GET_TASK, {"id": "t"})["status"] == {"state": "TASK_STATE_UNSPECIFIED"}


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        ("user", "ROLE_USER"),
        ("agent", "ROLE_AGENT"),
        ("ROLE_AGENT", "ROLE_AGENT"),
        (1, "ROLE_USER"),
        (None, "ROLE_UNSPECIFIED"),
        ("system", "system"),
    ],
)
@ALL
def test_roles_are_read_in_all_spellings(dialect, role, expected):
    task = {"id": "t", "history": [{"messageId": "m", "role": role, "parts": []}]}
    assert result(dialect, GET_TASK, task)["history"][0]["role"] == expected


RAW = base64.b64encode(b"\xfb\xff\xfe\x01").decode()  # +//+AQ==


@pytest.mark.parametrize(
    ("dialect", "part", "expected"),
    [
        (RPC10, {"raw": "-__-AQ"}, {"raw": RAW}),
        (RPC10, {"raw": "+//+\r\nAQ==\n"}, {"raw": RAW}),
        (RPC10, {"raw": ""}, {"raw": ""}),
        (RPC10, {"text": ""}, {"text": ""}),
        (RPC10, {"data": None}, {"data": None}),
        (RPC10, {"text": "x", "raw": None, "url": None, "data": None}, {"text": "x"}),
        (RPC10, {"data": {"data": {"a": None}}}, {"data": {"data": {"a": None}}}),
        (RPC03, {"kind": "file", "file": {"bytes": RAW}}, {"raw": RAW}),
        (RPC03, {"kind": "file", "file": {"fileWithBytes": "-__-AQ"}}, {"raw": RAW}),
        (RPC03, {"kind": "file", "file": {"fileWithUri": "u", "x": 1}}, {"url": "u", "x": 1}),
        (
            RPC03,
            {"kind": "file", "file": {"uri": "u", "bytes": None, "mimeType": "a/b", "name": "n"}},
            {"url": "u", "mediaType": "a/b", "filename": "n"},
        ),
        (RPC03, {"text": "no kind"}, {"text": "no kind"}),
        (RPC03, {"kind": "data", "data": {"a": None}}, {"data": {"a": None}}),
        (
            RPC03,
            {
                "kind": "data",
                "data": {"value": [1.0, None]},
                "metadata": {"data_part_compat": True, "k": 1},
            },
            {"data": [1.0, None], "metadata": {"k": 1}},
        ),
        (REST03, {"file": {"fileWithBytes": "QVA4PQ=="}}, {"raw": "AP8="}),
        (REST03, {"file": {"fileWithBytes": RAW}}, {"raw": RAW}),
        (REST03, {"file": {"fileWithBytes": "-__-AQ"}}, {"raw": RAW}),
        (REST03, {"file": {"fileWithBytes": ""}}, {"raw": ""}),
        (REST03, {"data": {"data": {"a": 1}}}, {"data": {"a": 1}}),
        (REST03, {"data": {}}, {"data": {}}),
        (REST03, {"text": "x", "metadata": {"a": None}}, {"text": "x", "metadata": {"a": None}}),
    ],
)
def test_parts_are_read_in_all_forms(dialect, part, expected):
    task = {"id": "t", "artifacts": [{"artifactId": "a", "parts": [part]}]}
    assert result(dialect, GET_TASK, task)["artifacts"][0]["parts"] == [expected]


@pytest.mark.parametrize("raw", ["!!!", "A", "AAAA=AAA"])
def test_what_is_no_base64_is_not_read_as_nothing(raw):
    task = {"id": "t", "artifacts": [{"artifactId": "a", "parts": [{"raw": raw}]}]}
    with pytest.raises(ProtocolError, match="base64"):
        result(RPC10, GET_TASK, task)


# There and back

words = st.text(max_size=8)
ids = st.text(min_size=1, max_size=6)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | words
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3)
)
metadata = st.dictionaries(words, values, max_size=2).filter(lambda m: "data_part_compat" not in m)


def optional(required, **members):
    return st.fixed_dictionaries(required, optional=members)


raws = st.binary(max_size=20).map(lambda b: base64.b64encode(b).decode())
some = st.dictionaries(words, values, min_size=1, max_size=2).filter(
    lambda m: "data_part_compat" not in m
)
parts = st.one_of(
    optional({"text": words}, metadata=metadata),
    optional({"raw": raws}, metadata=metadata, filename=ids, mediaType=ids),
    optional({"url": words}, metadata=metadata, filename=ids, mediaType=ids),
    optional({"data": values}, metadata=some),
)
messages = optional(
    {
        "messageId": ids,
        "role": st.sampled_from(["ROLE_USER", "ROLE_AGENT"]),
        "parts": st.lists(parts, max_size=3),
    },
    contextId=ids,
    taskId=ids,
    metadata=metadata,
    extensions=st.lists(words, max_size=2),
)
states = st.sampled_from(
    ["TASK_STATE_" + name for name in "SUBMITTED WORKING COMPLETED FAILED CANCELED".split()]
    + ["TASK_STATE_REJECTED", "TASK_STATE_INPUT_REQUIRED", "TASK_STATE_AUTH_REQUIRED"]
    + ["TASK_STATE_UNSPECIFIED", "of its own"]
)
statuses = optional({"state": states}, message=messages, timestamp=words)
artifacts = optional(
    {"artifactId": ids, "parts": st.lists(parts, max_size=3)},
    name=words,
    description=words,
    metadata=metadata,
    extensions=st.lists(words, max_size=2),
)
tasks = optional(
    {"id": ids, "contextId": ids, "status": statuses},
    artifacts=st.lists(artifacts, max_size=2),
    history=st.lists(messages, max_size=2),
    metadata=metadata,
)
events = st.one_of(
    st.fixed_dictionaries({"task": tasks}),
    st.fixed_dictionaries({"message": messages}),
    st.fixed_dictionaries(
        {
            "statusUpdate": optional(
                {"taskId": ids, "contextId": ids, "status": statuses}, metadata=metadata
            )
        }
    ),
    st.fixed_dictionaries(
        {
            "artifactUpdate": optional(
                {"taskId": ids, "contextId": ids, "artifact": artifacts},
                append=st.booleans(),
                lastChunk=st.booleans(),
                metadata=metadata,
            )
        }
    ),
)
relaxed = settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("codec", [V03(URL), V03Rest(URL)], ids=["json", "rest"])
@relaxed
@given(event=events)
def test_what_is_written_in_0_3_reads_as_it_was(codec, event):
    before = copy.deepcopy(event)
    written = codec.write_event(event)
    sent = json.loads(json.dumps(written))
    assert codec.read_event(sent) == before
    assert event == before
    assert sent == json.loads(json.dumps(written))


@relaxed
@given(event=events)
def test_a_canonical_event_is_read_without_a_copy(event):
    assert V10(URL).read_event(event) is event


@relaxed
@given(message=messages, extra=values)
def test_unknown_members_travel_in_0_3_json(message, extra):
    codec = V03(URL)
    message = dict(message, own={"x": extra})
    assert codec.read_message(codec.write_message(message)) == message


names = st.sampled_from(
    """task message statusUpdate artifactUpdate kind status state parts content text raw url data
    file bytes fileWithBytes metadata artifact artifacts history id role error code details result
    jsonrpc configs tasks pushNotificationConfig authentication schemes name msg detail type
    reason fieldViolations loc""".split()
)
likely = st.sampled_from(["task", "message", "status-update", "file", "data", "text", "working"])
junk = st.recursive(
    scalars | likely,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names | words, inner, max_size=5),
    max_leaves=25,
)


@ALL
@settings(relaxed, max_examples=300)
@given(data=junk)
def test_nothing_read_raises_anything_of_its_own(dialect, data):
    before = copy.deepcopy(data)
    readers = [dialect.event]
    body = answer(data)
    wrapped = answer({"jsonrpc": "2.0", "id": 1, "result": data})
    operations = (SEND_MESSAGE, GET_TASK, LIST_TASKS, GET_PUSH_CONFIG, LIST_PUSH_CONFIGS)
    for operation in (*operations, SUBSCRIBE_TO_TASK, GET_EXTENDED_CARD, DELETE_PUSH_CONFIG):
        for response in (body, wrapped):
            readers.append(lambda _, o=operation, r=response: dialect.result(o, r, {}))
    for read in readers:
        try:
            read(data)
        except RemoteAgentError as error:
            assert isinstance(error, ProtocolError)  # A2AError is one
    assert data == before
