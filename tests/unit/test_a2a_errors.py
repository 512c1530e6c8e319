"""Errors of A2A servers, in every shape they come in."""

from __future__ import annotations

import json

import pytest

from remoteagent_lite import errors
from remoteagent_lite.errors import RemoteHTTPError
from remoteagent_lite.protocols.a2a.dialects import dialect_of
from remoteagent_lite.protocols.a2a.faults import error_of, fault_of
from remoteagent_lite.protocols.a2a.interface import (
    DELETE_PUSH_CONFIG,
    GET_TASK,
    JSONRPC,
    REST,
    Interface,
)
from remoteagent_lite.wire import Response

URL = "https://agent.example/rpc"

REASONS = [
    (-32001, "TASK_NOT_FOUND", 404, errors.TaskNotFoundError),
    (-32002, "TASK_NOT_CANCELABLE", 400, errors.TaskNotCancelableError),
    (-32003, "PUSH_NOTIFICATION_NOT_SUPPORTED", 400, errors.PushNotificationNotSupportedError),
    (-32004, "UNSUPPORTED_OPERATION", 400, errors.UnsupportedOperationError),
    (-32005, "CONTENT_TYPE_NOT_SUPPORTED", 400, errors.ContentTypeNotSupportedError),
    (-32006, "INVALID_AGENT_RESPONSE", 500, errors.InvalidAgentResponseError),
    (
        -32007,
        "EXTENDED_AGENT_CARD_NOT_CONFIGURED",
        400,
        errors.ExtendedAgentCardNotConfiguredError,
    ),
    (-32008, "EXTENSION_SUPPORT_REQUIRED", 400, errors.ExtensionSupportRequiredError),
    (-32009, "VERSION_NOT_SUPPORTED", 400, errors.VersionNotSupportedError),
    (-32600, "INVALID_REQUEST", 400, errors.MalformedRequestError),
    (-32601, "METHOD_NOT_FOUND", 404, errors.MethodNotFoundError),
    (-32602, "INVALID_PARAMS", 400, errors.InvalidParamsError),
    (-32603, "INTERNAL_ERROR", 500, errors.InternalError),
]


def fault(status, body):
    text = body if isinstance(body, str) else json.dumps(body)
    return fault_of(RemoteHTTPError("answered", URL, status_code=status, body=text))


def error_info(reason):
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "a2a-protocol.org",
        "metadata": {},
    }


@pytest.mark.parametrize(("code", "reason", "status", "cls"), REASONS)
def test_google_errors_are_told_apart_by_their_reason(code, reason, status, cls):
    details = [error_info(reason)]
    body = {"error": {"code": status, "status": "X", "message": "no", "details": details}}
    found = fault(status, body)
    assert type(found) is cls
    assert (found.code, found.reason, found.status_code) == (code, reason, status)
    assert (found.detail, found.data) == ("no", details)


@pytest.mark.parametrize(("code", "reason", "status", "cls"), REASONS)
def test_json_rpc_errors_are_told_apart_by_their_code(code, reason, status, cls):
    found = error_of({"code": code, "message": "Sorry."}, URL, 200)
    assert type(found) is cls
    assert (found.code, found.reason, found.data) == (code, reason, None)
    assert URL in str(found)
    assert "Sorry" in str(found)


@pytest.mark.parametrize("data", [None, {"a": 1}, [{"loc": ["x"], "msg": "y"}], "text"])
def test_data_of_any_type_is_kept(data):
    found = error_of({"code": -32602, "message": "bad", "data": data}, URL, 200)
    assert isinstance(found, errors.InvalidParamsError)
    assert found.data == data


@pytest.mark.parametrize(
    "data",
    [
        [
            error_info("INVALID_PARAMS"),
            {"fieldViolations": [{"field": "message.role", "description": "is required"}]},
        ],
        [{"type": "missing", "loc": ["message", "role"], "msg": "is required"}],
    ],
)
def test_the_message_says_which_field_is_wrong(data):
    found = error_of({"code": -32602, "message": "Invalid params", "data": data}, URL, 200)
    assert "message.role: is required" in str(found)


@pytest.mark.parametrize("status", [200, 400, 404, 500])
def test_a_json_rpc_body_counts_whatever_its_status(status):
    body = {"jsonrpc": "2.0", "id": None, "error": {"code": -32601, "message": "Method not found"}}
    found = fault(status, body)
    assert isinstance(found, errors.MethodNotFoundError)
    assert "version" in str(found)


@pytest.mark.parametrize(
    ("status", "words", "cls"),
    [
        (400, "Invalid JSON payload", errors.MalformedRequestError),
        (404, "Task not found", errors.TaskNotFoundError),
        (404, "Method not found", errors.MethodNotFoundError),
        (404, "No Extended Card", errors.ExtendedAgentCardNotConfiguredError),
        (409, "Task cannot be canceled", errors.TaskNotCancelableError),
        (415, "Incompatible content types", errors.ContentTypeNotSupportedError),
        (422, "Task t is in terminal state", errors.InvalidParamsError),
        (500, "unknown exception", errors.InternalError),
        (501, "Push Notification is not supported", errors.PushNotificationNotSupportedError),
        (501, "This operation is not supported", errors.UnsupportedOperationError),
        (502, "Invalid agent response", errors.InvalidAgentResponseError),
    ],
)
def test_mere_words_are_understood_by_their_status(status, words, cls):
    found = fault(status, {"message": words})
    assert type(found) is cls
    assert found.detail == words


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, {"message": "Not Found"}),
        (404, {"message": "no Route matched with those values"}),
        (502, {"message": "Bad gateway"}),
        (400, {"message": "x", "request_id": "1"}),
        (404, {"detail": "Not Found"}),
        (404, {"detail": "Agent not found"}),
        (400, {"detail": "Invalid A2A request"}),
        (422, {"detail": [{"loc": ["body"], "msg": "Field required"}]}),
        (500, {"detail": "oops"}),
        (404, "Not Found"),
        (405, "Method Not Allowed"),
        (502, "<html><body>Bad Gateway</body></html>"),
        (400, {"error": "invalid_grant", "error_description": "x"}),
        (400, {"error": {"code": "E1", "message": "x"}}),
        (400, {"error": {"code": 400, "status": "X", "details": [{"reason": "API_KEY_INVALID"}]}}),
        (400, "[" * 10000),
        (400, "[1]"),
        (400, ""),
        (400, "null"),
    ],
)
def test_what_is_not_of_the_protocol_stays_an_http_error(status, body):
    assert fault(status, body) is None


@pytest.mark.parametrize("status", [401, 403, 407, 429, 503])
def test_credentials_and_load_stay_http_errors_whatever_the_body_says(status):
    assert fault(status, {"jsonrpc": "2.0", "error": {"code": -32603, "message": "x"}}) is None


def test_agentos_says_in_a_detail_that_there_is_no_such_task():
    assert isinstance(fault(404, {"detail": "Task not found"}), errors.TaskNotFoundError)


def test_problem_documents_are_read():
    body = {
        "type": "https://a2a-protocol.org/errors/task-not-cancelable",
        "title": "Task Not Cancelable",
        "status": 409,
        "detail": "it is over",
    }
    found = fault(409, body)
    assert isinstance(found, errors.TaskNotCancelableError)
    assert (found.detail, found.data) == ("it is over", body)
    assert fault(409, dict(body, type="about:blank")) is None


def test_google_errors_without_details_are_internal_errors():
    body = {"error": {"code": 500, "status": "INTERNAL", "message": "unknown exception"}}
    found = fault(500, body)
    assert isinstance(found, errors.InternalError)
    assert found.code == -32603


@pytest.mark.parametrize("code", [-32050, 7, 0])
def test_unknown_codes_are_kept(code):
    found = error_of({"code": code, "message": "x"}, URL, 200)
    assert type(found) is errors.A2AError
    assert (found.code, found.reason) == (code, None)


@pytest.mark.parametrize("error", ["boom", ["a"], 3, {}, {"code": "x", "message": 4}])
def test_errors_of_no_known_shape_are_errors_nevertheless(error):
    assert type(error_of(error, URL, 200)) is errors.A2AError


def test_messages_are_bounded_and_show_no_secrets_of_the_url():
    found = error_of(
        {"code": -32603, "message": "x" * 5000}, "https://user:pw@agent.example/rpc?key=k", 200
    )
    assert len(str(found)) < 600
    assert "pw" not in str(found)
    assert "key" not in str(found)
    assert found.url == "https://agent.example/rpc"
    assert found.detail == "x" * 5000


@pytest.mark.parametrize("binding", [JSONRPC, REST])
@pytest.mark.parametrize("version", ["1.0", "0.3"])
@pytest.mark.parametrize(
    ("frame", "cls"),
    [
        ({"jsonrpc": "2.0", "id": "1", "error": {"code": -32603, "message": "x"}}, "InternalError"),
        ({"error": {"code": 500, "status": "INTERNAL", "message": "x"}}, "InternalError"),
        ({"error": "boom"}, "A2AError"),
        ({"message": "boom"}, "A2AError"),
        ({"detail": "boom"}, "A2AError"),
        ({"code": -32001, "message": "Task not found"}, "TaskNotFoundError"),
        ({"type": "https://x/errors/unsupported-operation"}, "UnsupportedOperationError"),
    ],
)
def test_a_frame_or_an_answer_that_is_an_error_raises_it(binding, version, frame, cls):
    dialect = dialect_of(Interface(binding, version, URL))
    with pytest.raises(errors.A2AError) as caught:
        dialect.event(frame)
    assert type(caught.value).__name__ == cls
    for operation in (GET_TASK, DELETE_PUSH_CONFIG):
        body = json.dumps(frame).encode()
        with pytest.raises(errors.A2AError) as caught:
            dialect.result(operation, Response(URL, 200, {}, body), {})
        assert type(caught.value).__name__ == cls
