"""What the A2A SDKs post to a PushReceiver: event by event in 1.0, whole tasks in 0.3."""

import contextlib
import queue
from typing import Any, Dict, Iterator, List, Optional

import pytest

from remoteagent_lite import A2AClient, PushNotification, PushReceiver
from remoteagent_lite.testing import serve
from tests.peers.server import PeerServer

#: Seconds until a notification that should come is given up.
BOUND = 15.0
WAYS = [("1.0", "json-rpc"), ("1.0", "rest"), ("0.3", "json-rpc"), ("0.3", "rest")]


class Inbox:
    """A PushReceiver on a server: its notifications, and the statuses it answered with."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.notifications: "queue.Queue[PushNotification]" = queue.Queue()
        self.statuses: "queue.Queue[int]" = queue.Queue()
        self._receiver = PushReceiver(self._keep, *arguments, **options)
        self.url = ""

    def _keep(self, notification: PushNotification) -> None:
        self.notifications.put(notification)

    def app(self, environ: Dict[str, Any], start_response: Any) -> Any:
        def start(status: str, headers: Any) -> Any:
            self.statuses.put(int(status[:3]))
            return start_response(status, headers)

        return self._receiver(environ, start)

    def until(self, state: str) -> List[PushNotification]:
        """What has come, up to the first notification of that state."""
        found = [self.notifications.get(timeout=BOUND)]
        while found[-1].state != state:
            found.append(self.notifications.get(timeout=BOUND))
        return found


@contextlib.contextmanager
def served(inbox: Inbox) -> Iterator[Inbox]:
    with serve(inbox.app) as url:
        inbox.url = url + "/hook"
        yield inbox


def texts(notifications: List[PushNotification]) -> List[Optional[str]]:
    updates = [each.event.artifact_update for each in notifications]
    return [update.artifact.parts[0].text for update in updates if update is not None]


# --- 1.0, and 0.3 beside it


@pytest.mark.parametrize(("version", "binding"), WAYS)
def test_every_event_is_posted(a2a_sdk: PeerServer, version: str, binding: str) -> None:
    """Asked for with the message itself; who asks in 0.3 is told in the form of 1.0."""
    options: Any = {"a2a_version": version, "a2a_protocol": binding}
    with served(Inbox("secret")) as inbox, A2AClient(a2a_sdk.url, **options) as client:
        config = {"url": inbox.url, "token": "secret"}
        task = client.send_message("chunks 3", push_notification_config=config)
        notifications = inbox.until("completed")
    assert {each.task_id for each in notifications} == {task.id}  # type: ignore[union-attr]
    assert {each.context_id for each in notifications} == {task.context_id}
    kinds = [each.kind for each in notifications]
    assert kinds[0] == "task" and kinds[-1] == "status-update"
    assert kinds.count("artifact-update") == 3
    assert texts(notifications) == ["w0 ", "w1 ", "w2 "]
    assert [each.state for each in notifications if each.kind == "status-update"] == [
        "working",
        "completed",
    ]


def test_later_turns_of_a_task_are_posted(a2a_sdk: PeerServer) -> None:
    with served(Inbox("secret")) as inbox, A2AClient(a2a_sdk.url) as client:
        task: Any = client.send_message("ask")
        client.create_push_config(task.id, inbox.url, token="secret")
        client.send_message("blue", task_id=task.id, context_id=task.context_id)
        notifications = inbox.until("completed")
    assert [each.state for each in notifications if each.state] == ["working", "completed"]
    assert texts(notifications) == ["you said: blue"]


@pytest.mark.parametrize(
    ("text", "state", "words"),
    [
        ("ask", "input-required", "which colour?"),
        ("login", "auth-required", "log in"),
        ("fail x", "failed", "failed: x"),
        ("reject x", "rejected", "rejected: x"),
        ("final x", "completed", "echo: x"),
    ],
)
def test_every_state_is_told(a2a_sdk: PeerServer, text: str, state: str, words: str) -> None:
    with served(Inbox("secret")) as inbox, A2AClient(a2a_sdk.url) as client:
        config = {"url": inbox.url, "token": "secret"}
        client.send_message(text, push_notification_config=config)
        last = inbox.until(state)[-1]
    update = last.event.status_update
    assert update is not None and update.status.message is not None
    assert words in (update.status.message.parts[0].text or "")


def test_cancelled_task_is_told(a2a_sdk: PeerServer) -> None:
    with served(Inbox("secret")) as inbox, A2AClient(a2a_sdk.url) as client:
        config = {"url": inbox.url, "token": "secret"}
        task: Any = client.send_message(
            "hang", push_notification_config=config, return_immediately=True
        )
        inbox.until("working")
        client.cancel_task(task.id)
        assert inbox.until("canceled")[-1].task_id == task.id


def test_token_and_authorization_are_sent_along(a2a_sdk: PeerServer) -> None:
    inbox = Inbox(["older", "secret"], authorization="Bearer b")
    with served(inbox), A2AClient(a2a_sdk.url) as client:
        authentication = {"scheme": "Bearer", "credentials": "b"}
        task: Any = client.send_message("ask")
        client.create_push_config(task.id, inbox.url, token="secret", authentication=authentication)
        client.send_message("blue", task_id=task.id, context_id=task.context_id)
        assert inbox.until("completed")


@pytest.mark.parametrize(
    ("token", "credentials"), [("wrong", "b"), (None, "b"), ("secret", "c"), ("secret", None)]
)
def test_wrong_credentials_are_refused(
    a2a_sdk: PeerServer, token: Optional[str], credentials: Optional[str]
) -> None:
    inbox = Inbox("secret", authorization="Bearer b")
    config: Dict[str, Any] = {"token": token} if token else {}
    if credentials:
        config["authentication"] = {"scheme": "Bearer", "credentials": credentials}
    with served(inbox), A2AClient(a2a_sdk.url) as client:
        client.send_message("hello", push_notification_config=dict(config, url=inbox.url))
        assert inbox.statuses.get(timeout=BOUND) == 401
    assert inbox.notifications.empty()


def test_notification_of_another_task_is_never_taken(a2a_sdk: PeerServer) -> None:
    expected = set()
    inbox = Inbox("secret", expects=expected)
    with served(inbox), A2AClient(a2a_sdk.url) as client:
        one, other = (client.send_message("ask") for _ in range(2))
        expected.add(one.id)
        for task in (other, one):
            client.create_push_config(task.id, inbox.url, token="secret")
            client.send_message("blue", task_id=task.id, context_id=task.context_id)
        assert {each.task_id for each in inbox.until("completed")} == {one.id}
    assert inbox.statuses.get(timeout=BOUND) == 404


# --- 0.3 alone


@pytest.mark.parametrize("binding", ["json-rpc", "rest"])
@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("hello", "completed"),
        ("chunks 3", "completed"),
        ("ask", "input-required"),
        ("login", "auth-required"),
        ("fail x", "failed"),
        ("reject x", "rejected"),
    ],
)
def test_whole_tasks_are_posted_in_0_3(
    a2a_sdk_03: PeerServer, binding: str, text: str, state: str
) -> None:
    with served(Inbox("secret")) as inbox, A2AClient(
        a2a_sdk_03.url, a2a_protocol=binding
    ) as client:
        config = {"url": inbox.url, "token": "secret"}
        task = client.send_message(text, push_notification_config=config)
        notifications = inbox.until(state)
    assert {each.kind for each in notifications} == {"task"}
    last = notifications[-1]
    assert last.task_id == task.id  # type: ignore[union-attr]
    assert last.raw["kind"] == "task"
    posted = last.event.task
    assert posted is not None
    assert posted.status.state == "TASK_STATE_" + state.upper().replace("-", "_")
    if text == "chunks 3":
        assert posted.artifacts is not None
        pieces = [part.text for part in posted.artifacts[0].parts]
        assert pieces == ["w0 ", "w1 ", "w2 "]


def test_wrong_token_is_refused_in_0_3(a2a_sdk_03: PeerServer) -> None:
    with served(Inbox("secret")) as inbox, A2AClient(a2a_sdk_03.url) as client:
        config = {"url": inbox.url, "token": "wrong"}
        client.send_message("hello", push_notification_config=config)
        assert inbox.statuses.get(timeout=BOUND) == 401
    assert inbox.notifications.empty()
