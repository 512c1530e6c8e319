"""The receiver of push notifications: who may post, what is taken, and what comes twice."""

import hmac
import io
import json
import logging
import subprocess
import sys
import threading
import warnings
from typing import Any, Dict, List, Optional, Tuple
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from remoteagent_lite import PushNotification, PushReceiver, push_notifications

# Most of what is tested here is not who posts; one test looks at the warning.
pytestmark = pytest.mark.filterwarnings("ignore:PushReceiver has neither")

TASK = {
    "id": "t",
    "contextId": "c",
    "status": {"state": "TASK_STATE_COMPLETED", "timestamp": "2026-01-01T00:00:00Z"},
    "artifacts": [{"artifactId": "a", "parts": [{"text": "hi"}]}],
}
OLD_TASK = {
    "kind": "task",
    "id": "t",
    "contextId": "c",
    "status": {"state": "input-required"},
    "artifacts": [{"artifactId": "a", "parts": [{"kind": "text", "text": "hi"}]}],
}
STATUS = {"taskId": "t", "contextId": "c", "status": {"state": "TASK_STATE_WORKING"}}
PIECE = {"taskId": "t", "append": True, "artifact": {"artifactId": "a", "parts": [{"text": "x"}]}}


def post(
    receiver: PushReceiver,
    body: Any,
    method: str = "POST",
    token: Optional[str] = None,
    **environ: Any,
) -> Tuple[int, str, Dict[str, str]]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    told: Dict[str, Any] = {
        "REQUEST_METHOD": method,
        "QUERY_STRING": "",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(data)),
        "wsgi.input": io.BytesIO(data),
        **environ,
    }
    if token is not None:
        told["HTTP_X_A2A_NOTIFICATION_TOKEN"] = token
    setup_testing_defaults(told)
    answer: List[Any] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Any:
        answer.extend((int(status[:3]), dict(headers)))
        return lambda data: None

    parts = validator(receiver)(told, start_response)
    text = b"".join(parts).decode()
    parts.close()  # type: ignore[attr-defined]
    return answer[0], text, answer[1]


class Kept(List[PushNotification]):
    def __call__(self, notification: PushNotification) -> None:
        self.append(notification)


@pytest.mark.parametrize(
    ("body", "kind", "state"),
    [
        ({"task": TASK}, "task", "completed"),
        ({"statusUpdate": STATUS}, "status-update", "working"),
        ({"artifactUpdate": PIECE}, "artifact-update", None),
        ({"message": {"messageId": "m", "role": "ROLE_AGENT", "taskId": "t", "parts": []}},
         "message", None),
        (OLD_TASK, "task", "input-required"),
        ({"kind": "status-update", "taskId": "t", "contextId": "c", "final": True,
          "status": {"state": "failed"}}, "status-update", "failed"),
        ({"jsonrpc": "2.0", "id": 1, "result": OLD_TASK}, "task", "input-required"),
        ({"jsonrpc": "2.0", "id": 1, "result": {"task": TASK}}, "task", "completed"),
    ],
)  # fmt: skip
def test_bodies_of_both_versions_are_read(body: Any, kind: str, state: Optional[str]) -> None:
    kept = Kept()
    assert post(PushReceiver(kept), body)[0] == 200
    (found,) = kept
    assert (found.kind, found.state, found.task_id) == (kind, state, "t")
    assert found.raw == body


def test_event_has_the_form_of_1_0_whatever_was_sent() -> None:
    kept = Kept()
    post(PushReceiver(kept), OLD_TASK)
    task = kept[0].event.task
    assert task is not None and task.artifacts is not None
    assert task.status.state == "TASK_STATE_INPUT_REQUIRED"
    assert task.artifacts[0].parts[0].text == "hi"


@pytest.mark.parametrize("given", [None, "", "secre", "secret ", "SECRET", "sécret"])
def test_wrong_token_is_refused(given: Optional[str]) -> None:
    kept = Kept()
    status, text, headers = post(PushReceiver(kept, "secret"), {"task": TASK}, token=given)
    assert (status, text, kept) == (401, "not authorized", [])
    assert "secret" not in str(headers)


@pytest.mark.parametrize("tokens", ["secret", ["other", "secret"]])
def test_right_token_is_let_in(tokens: Any) -> None:
    kept = Kept()
    assert post(PushReceiver(kept, tokens), {"task": TASK}, token="secret")[0] == 200
    assert len(kept) == 1


def test_credentials_may_have_any_characters() -> None:
    receiver = PushReceiver(Kept(), "s\u00e9cret \u20ac", authorization="Basic \u20ac")
    sent = "s\u00e9cret \u20ac".encode().decode("latin-1")  # as WSGI hands it on
    given = "Basic \u20ac".encode().decode("latin-1")
    for token, authorization, status in ((sent, given, 200), (sent, "Basic ?", 401)):
        environ = {"HTTP_AUTHORIZATION": authorization}
        assert post(receiver, {"task": TASK}, token=token, **environ)[0] == status


def test_no_tokens_let_nobody_in() -> None:
    assert post(PushReceiver(Kept(), []), {"task": TASK}, token="")[0] == 401


def test_authorization_is_wanted_beside_the_token() -> None:
    receiver = PushReceiver(Kept(), "secret", authorization="Bearer b")
    for token, authorization, status in (
        ("secret", "Bearer b", 200),
        ("secret", "Bearer c", 401),
        ("wrong", "Bearer b", 401),
    ):
        environ = {"HTTP_AUTHORIZATION": authorization}
        assert post(receiver, {"task": TASK}, token=token, **environ)[0] == status


def test_tokens_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared, real = [], hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return real(one, other)

    monkeypatch.setattr(push_notifications.hmac, "compare_digest", compare)
    post(PushReceiver(Kept(), ["a", "b"]), {"task": TASK}, token="a")
    assert compared == [(b"a", b"a"), (b"a", b"b")]


def test_only_posts_are_taken() -> None:
    status, _, headers = post(PushReceiver(Kept()), b"", method="GET")
    assert (status, headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b"[]", b"1", b"null", b"{}", b'{"task": 1}', b'{"kind": "x"}',
     b'{"kind": []}', b"[" * 100000],
)  # fmt: skip
def test_what_is_no_notification_is_refused(body: bytes) -> None:
    kept = Kept()
    assert post(PushReceiver(kept), body)[0] == 400
    assert not kept


@pytest.mark.parametrize(
    ("environ", "status"),
    [
        ({"CONTENT_LENGTH": ""}, 400),
        ({"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}, 411),
        ({"CONTENT_TYPE": "text/html"}, 415),
        ({"CONTENT_TYPE": "application/a2a+json; charset=utf-8"}, 200),
        ({"CONTENT_LENGTH": "9999"}, 400),
    ],
)
def test_headers_that_do_not_fit(environ: Dict[str, str], status: int) -> None:
    assert post(PushReceiver(Kept()), {"task": TASK}, **environ)[0] == status


def test_big_bodies_are_not_read() -> None:
    receiver = PushReceiver(Kept(), max_body=10)
    unread = io.BytesIO(b"x" * 11)
    assert post(receiver, b"x" * 11, **{"wsgi.input": unread})[0] == 413
    assert unread.tell() == 0


@pytest.mark.parametrize("size", [len(json.dumps({"task": TASK})), 10])
def test_chunked_notification_is_read_up_to_the_bound(size: int) -> None:
    kept = Kept()
    chunked = {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}
    chunked["HTTP_TRANSFER_ENCODING"] = "chunked"
    status = post(PushReceiver(kept, max_body=size), {"task": TASK}, **chunked)[0]
    assert (status, len(kept)) == ((413, 0) if size == 10 else (200, 1))


@pytest.mark.parametrize("expects", [{"t"}, ["t"], {"t": 1}, "t".__eq__])
def test_notification_of_a_task_that_nobody_expects_is_never_handled(expects: Any) -> None:
    kept = Kept()
    receiver = PushReceiver(kept, expects=expects)
    other = {"task": dict(TASK, id="u")}
    for body, status in (({"task": TASK}, 200), (other, 404), ({"statusUpdate": STATUS}, 200)):
        assert post(receiver, body)[0] == status
    # A message may belong to no task at all.
    message = {"messageId": "m", "role": "ROLE_AGENT", "parts": []}
    assert post(receiver, {"message": message})[0] == 404
    assert [each.task_id for each in kept] == ["t", "t"]


def test_expected_tasks_may_change_and_a_refused_notification_may_come_again() -> None:
    kept, expected = Kept(), {"u"}
    receiver = PushReceiver(kept, expects=expected)
    assert post(receiver, {"task": TASK})[0] == 404
    expected.add("t")
    assert post(receiver, {"task": TASK})[0] == 200
    assert len(kept) == 1


def test_failing_expectation_is_told_and_nothing_is_handled(
    caplog: pytest.LogCaptureFixture,
) -> None:
    kept = Kept()

    def expects(task_id: str) -> bool:
        raise RuntimeError("no database")

    assert post(PushReceiver(kept, expects=expects), {"task": TASK})[:2] == (
        500,
        "the receiver failed",
    )
    assert "no database" in caplog.text and not kept


def test_one_string_is_no_set_of_tasks() -> None:
    with pytest.raises(TypeError, match="set of task ids"):
        PushReceiver(Kept(), expects="task-1")


def test_receiver_that_anybody_can_post_to_warns() -> None:
    with pytest.warns(UserWarning, match="neither token= nor authorization=") as caught:
        PushReceiver(Kept())
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        PushReceiver(Kept(), "secret")
        PushReceiver(Kept(), [])
        PushReceiver(Kept(), authorization="Bearer b")


def test_repeats_are_answered_and_dropped() -> None:
    kept = Kept()
    receiver = PushReceiver(kept, remember=2)
    bodies = [{"statusUpdate": dict(STATUS, contextId=str(n))} for n in range(3)]
    for body in (bodies[0], bodies[0], bodies[1], bodies[0]):
        assert post(receiver, body)[0] == 200
    assert [each.context_id for each in kept] == ["0", "1"]
    post(receiver, bodies[2])
    post(receiver, bodies[0])  # no longer remembered
    assert [each.context_id for each in kept] == ["0", "1", "2", "0"]


def test_equal_pieces_of_an_artifact_are_all_handed_on() -> None:
    kept = Kept()
    receiver = PushReceiver(kept)
    for _ in range(2):
        post(receiver, {"artifactUpdate": PIECE})
    assert len(kept) == 2


def test_failed_handler_is_told_and_may_be_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    kept: List[PushNotification] = []

    def handle(notification: PushNotification) -> None:
        kept.append(notification)
        if len(kept) == 1:
            raise RuntimeError("no database")

    receiver = PushReceiver(handle, "secret")
    with caplog.at_level(logging.ERROR, "remoteagent_lite"):
        assert post(receiver, {"task": TASK}, token="secret")[:2] == (500, "the receiver failed")
    assert "no database" in caplog.text and "secret" not in caplog.text
    assert post(receiver, {"task": TASK}, token="secret")[0] == 200
    assert post(receiver, {"task": TASK}, token="secret")[0] == 200
    assert len(kept) == 2


@pytest.mark.parametrize("fails", [False, True])
def test_repeat_that_comes_meanwhile_waits_for_the_first(fails: bool) -> None:
    entered, go = threading.Event(), threading.Event()
    kept: List[PushNotification] = []

    def handle(notification: PushNotification) -> None:
        kept.append(notification)
        if len(kept) == 1:
            entered.set()
            assert go.wait(10)
            if fails:
                raise RuntimeError

    receiver = PushReceiver(handle)
    statuses: List[int] = []

    def send() -> None:
        statuses.append(post(receiver, {"task": TASK})[0])

    threads = [threading.Thread(target=send) for _ in range(3)]
    threads[0].start()
    assert entered.wait(10)
    for thread in threads[1:]:
        thread.start()
    go.set()
    for thread in threads:
        thread.join(10)
    assert len(kept) == (2 if fails else 1)
    assert sorted(statuses) == ([200, 200, 500] if fails else [200, 200, 200])


def test_needs_the_standard_library_only() -> None:
    script = (
        "import sys, remoteagent_lite; remoteagent_lite.PushReceiver; "
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    loaded = subprocess.check_output([sys.executable, "-c", script]).decode().split()
    assert not {"requests", "urllib3", "sseclient"} & set(loaded)


@pytest.mark.parametrize("token", ["", [""], [1]])
def test_tokens_that_are_none_are_refused(token: Any) -> None:
    with pytest.raises(ValueError, match="token"):
        PushReceiver(Kept(), token)


@pytest.mark.parametrize("authorization", ["", b"Bearer x"])
def test_authorization_that_is_none_is_refused(authorization: Any) -> None:
    with pytest.raises(ValueError, match="authorization"):
        PushReceiver(Kept(), authorization=authorization)
