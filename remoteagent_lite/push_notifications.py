"""A WSGI app that A2A agents post their push notifications to. Needs the standard library only.

Spec: A2A 1.0, section 4.3; 0.3, section 9.5.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import threading
import warnings
from typing import Any, Callable, Container, Dict, Iterable, Optional, Sequence, Tuple, Union

from .errors import A2AError, ProtocolError
from .modelling.outputs import state_name
from .models.a2a_v10 import StreamResponse
from .protocols.a2a.v03 import V03
from .protocols.a2a.v10 import V10
from .protocols.jsontext import read_json
from .wsgi import Environ, Refused, StartResponse, answer, read_body

__all__ = ["PushNotification", "PushReceiver"]

_log = logging.getLogger("remoteagent_lite")

#: The largest notification that is read, in bytes: a task may hold files.
MAX_BODY = 64 * 1024 * 1024
_KINDS = {
    "task": "task",
    "message": "message",
    "statusUpdate": "status-update",
    "artifactUpdate": "artifact-update",
}
_OWN = "push notification"
_READERS = {True: V03(_OWN), False: V10(_OWN)}  # by whether it has a "kind"


class PushNotification:
    """What an agent says has become of a task.

    ``event`` has it in the form of protocol 1.0, ``raw`` as it was sent: version 1.0 posts every
    event of the task, 0.3 the whole task. ``kind`` is "task", "status-update", "artifact-update" or
    "message"; ``state`` the task's ("completed", "input-required", ...), or None if it is not told.
    """

    __slots__ = ("context_id", "event", "kind", "raw", "state", "task_id")

    def __init__(self, kind: str, value: Dict[str, Any], event: Dict[str, Any], raw: Any) -> None:
        status = value.get("status")
        state = status.get("state") if isinstance(status, dict) else None
        self.kind = kind
        self.task_id: Optional[str] = value.get("id" if kind == "task" else "taskId")
        self.context_id: Optional[str] = value.get("contextId")
        self.state: Optional[str] = state_name(state) if isinstance(state, str) else None
        self.event = StreamResponse.from_dict(event)
        self.raw = raw

    def __repr__(self) -> str:
        return "PushNotification(kind=%r, task_id=%r, state=%r)" % (
            self.kind,
            self.task_id,
            self.state,
        )


class PushReceiver:
    """Hands the notifications that are posted to it to ``handler``. Any thread may call it.

    ``token`` is what the agent was given for X-A2A-Notification-Token (see
    ``A2AClient.create_push_config``), or several of which any will do; ``authorization`` the whole
    Authorization header that it must send. Who sends a wrong one is answered 401. Without either
    anybody can post here, which is warned of.

    ``expects`` says which tasks are waited for: a set of their ids, which may change at any time,
    or a function of the id. Notifications of others, and those of none, are answered 404: the
    protocol has clients check this. An agent may post before it has answered the message that
    began the task, so a function may have to wait until the id is known.

    A notification is answered when ``handler`` has returned: 200, or 500 if it raised, after which
    the agent may send it again (the A2A SDKs do not: ask for the task if it matters). One that
    comes again after it was handled, or while it is, is answered 200 and dropped; the last
    ``remember`` are known. Pieces appended to an artifact are handed on always, for two pieces may
    well be the same.
    """

    def __init__(
        self,
        handler: Callable[[PushNotification], Any],
        token: Union[str, Sequence[str], None] = None,
        *,
        authorization: Optional[str] = None,
        expects: Union[Container[str], Callable[[str], bool], None] = None,
        max_body: int = MAX_BODY,
        remember: int = 1024,
    ) -> None:
        if not callable(handler):
            raise TypeError("handler must be callable")
        tokens = [token] if isinstance(token, str) else list(token or ())
        if not all(isinstance(each, str) and each for each in tokens):
            raise ValueError("token must be a non-empty str, or several")
        if authorization is not None and not (authorization and isinstance(authorization, str)):
            # Who sends no header at all would be let in.
            raise ValueError("authorization must be a non-empty str: 'Bearer ...'")
        if isinstance(expects, str):
            raise TypeError("expects must be a set of task ids or a function, not one str")
        if token is None and authorization is None:
            warnings.warn(
                "PushReceiver has neither token= nor authorization=: whoever can reach it can "
                "post what they like. Give it what create_push_config() was given.",
                stacklevel=2,
            )
        self._handler = handler
        self._tokens = [each.encode("utf-8") for each in tokens]
        self._checks_token = token is not None
        self._authorization = authorization.encode("utf-8") if authorization is not None else None
        self._expects = expects
        self._max_body = max_body
        self._remember = remember
        self._lock = threading.Lock()  # guards the two below
        self._handled: Dict[bytes, None] = {}
        self._under_way: Dict[bytes, threading.Event] = {}

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        headers: Tuple[Tuple[str, str], ...] = ()
        try:
            self._receive(environ)
            status, text = 200, ""
        except Refused as refused:
            status, text, headers = refused.status, str(refused), refused.headers
        return answer(environ, start_response, status, text.encode("utf-8"), headers=headers)

    def __repr__(self) -> str:
        return "PushReceiver(%r)" % (self._handler,)

    def _receive(self, environ: Environ) -> None:
        if environ["REQUEST_METHOD"] != "POST":
            raise Refused(405, "POST notifications here", ("Allow", "POST"))
        if not self._is_known(environ):
            raise Refused(401, "not authorized", ("WWW-Authenticate", "A2A-Notification-Token"))
        media_type = str(environ.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower()
        if media_type and not media_type.endswith("json"):
            raise Refused(415, "notifications are JSON")
        body = read_body(environ, self._max_body)
        notification = _notification(body)
        if self._expects is not None and not self._is_expected(notification):
            raise Refused(404, "nobody waits for this task here")
        if _is_piece(notification):
            self._handle(notification)
        else:
            self._handle_once(hashlib.sha256(body).digest(), notification)

    def _is_known(self, environ: Environ) -> bool:
        # All are compared, so that the time tells nothing. WSGI decodes headers as Latin-1.
        sent = environ.get("HTTP_X_A2A_NOTIFICATION_TOKEN", "").encode("latin-1", "replace")
        found = [hmac.compare_digest(sent, each) for each in self._tokens]
        known = any(found) or not self._checks_token
        if self._authorization is not None:
            given = environ.get("HTTP_AUTHORIZATION", "").encode("latin-1", "replace")
            known = hmac.compare_digest(given, self._authorization) and known
        return known

    def _is_expected(self, notification: PushNotification) -> bool:
        task_id, expects = notification.task_id, self._expects
        if not isinstance(task_id, str):
            return False
        if callable(expects):
            return bool(self._call(expects, task_id, notification))
        return expects is not None and task_id in expects

    def _handle_once(self, key: bytes, notification: PushNotification) -> None:
        while True:
            with self._lock:
                if key in self._handled:
                    return
                other = self._under_way.get(key)
                if other is None:
                    mine = self._under_way[key] = threading.Event()
                    break
            other.wait()  # if that one fails, this one is the next try
        try:
            self._handle(notification)
            with self._lock:
                self._handled[key] = None
                if len(self._handled) > self._remember:
                    del self._handled[next(iter(self._handled))]
        finally:
            with self._lock:
                del self._under_way[key]
            mine.set()

    def _handle(self, notification: PushNotification) -> None:
        self._call(self._handler, notification, notification)

    def _call(self, function: Callable[[Any], Any], value: Any, about: PushNotification) -> Any:
        """What a function of the user's returns; its errors are told here and to the agent."""
        try:
            return function(value)
        except Exception as error:
            _log.exception("The receiver of push notifications failed at %r", about)
            raise Refused(500, "the receiver failed") from error


def _notification(body: bytes) -> PushNotification:
    try:
        raw = read_json(body)
    except ValueError:
        raise Refused(400, "the body is not JSON") from None
    data = raw
    if isinstance(data, dict) and isinstance(data.get("result"), dict):
        data = data["result"]  # some servers post what they would answer
    if isinstance(data, dict):
        try:
            event = _READERS["kind" in data].read_event(data)
        except (A2AError, ProtocolError) as error:
            raise Refused(400, "no notification: %.200s" % error) from error
        for member, kind in _KINDS.items():
            value = event.get(member)
            if isinstance(value, dict):
                return PushNotification(kind, value, event, raw)
    raise Refused(400, "the body is no task, message, status or artifact")


def _is_piece(notification: PushNotification) -> bool:
    """Whether the same again may be meant: nothing numbers the pieces of an artifact."""
    update = notification.event.artifact_update
    return update is not None and bool(update.append)
