"""The gateway's face as A2A agents: each component at ``/a2a/{agents|teams|workflows}/{id}``."""

from __future__ import annotations

import hashlib
import json
import time
from email.utils import formatdate
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import parse_qsl, quote

from ..errors import (
    A2AError,
    RemoteAgentError,
    RemoteHTTPError,
    RemoteServerUnavailableError,
    UnsupportedError,
)
from ..protocols.a2a.adk import EXTENSION as ADK
from ..protocols.a2a.interface import (
    CANCEL_TASK,
    CREATE_PUSH_CONFIG,
    DELETE_PUSH_CONFIG,
    GET_EXTENDED_CARD,
    GET_PUSH_CONFIG,
    GET_TASK,
    LIST_PUSH_CONFIGS,
    LIST_TASKS,
    SEND_MESSAGE,
    SEND_STREAMING_MESSAGE,
    SUBSCRIBE_TO_TASK,
)
from ..protocols.a2a.serving import Asked, Fault, Refusal, Voice, jsonrpc_asked, rest_asked
from ..protocols.component import COMPONENTS
from ..wsgi import Refused
from .cards import card_of
from .fronted import Fronted, Tasks
from .home import Home
from .incoming import Answer, Incoming
from .limits import Runs
from .scopes import Need, may, may_see
from .telling import Telling

__all__ = ["A2AFace", "is_card"]

#: How long a card waits for what its agent's server says, in seconds.
WAIT = 2.0
_CARDS = (["agent-card.json"], ["agent.json"])
_KINDS = [component.path for component in COMPONENTS]
#: What takes the right to run; all else the right to read.
_RUNNING = (
    *(SEND_MESSAGE, SEND_STREAMING_MESSAGE, CANCEL_TASK),
    *(CREATE_PUSH_CONFIG, DELETE_PUSH_CONFIG),
)
#: What a caller may have only so many of.
_COUNTED = (SEND_MESSAGE, SEND_STREAMING_MESSAGE, SUBSCRIBE_TO_TASK)
#: Statuses that are no matter of the protocol.
_NOT_OURS = (401, 403, 407, 429, 503)
_EVENTS = [
    ("Content-Type", "text/event-stream"),
    ("Cache-Control", "no-store"),
    ("X-Accel-Buffering", "no"),
]

Operations = Dict[str, Callable[[Tasks], Callable[..., Any]]]
_UNARY: Operations = {
    SEND_MESSAGE: lambda tasks: tasks.send,
    GET_TASK: lambda tasks: tasks.get,
    LIST_TASKS: lambda tasks: tasks.list,
    CANCEL_TASK: lambda tasks: tasks.cancel,
    CREATE_PUSH_CONFIG: lambda tasks: tasks.create_push,
    GET_PUSH_CONFIG: lambda tasks: tasks.get_push,
    LIST_PUSH_CONFIGS: lambda tasks: tasks.list_pushes,
    DELETE_PUSH_CONFIG: lambda tasks: tasks.delete_push,
}
_STREAMED: Operations = {
    SEND_STREAMING_MESSAGE: lambda tasks: tasks.stream,
    SUBSCRIBE_TO_TASK: lambda tasks: tasks.subscribe,
}


def is_card(incoming: Incoming) -> bool:
    """Whether a component's card is asked for, which anybody may."""
    segments = incoming.segments
    return incoming.method == "GET" and segments[3:4] == [".well-known"] and segments[4:] in _CARDS


class A2AFace:
    """Answers A2A's requests for ``fronted`` components: JSON-RPC and REST, 1.0 and 0.3.

    ``home`` is where the gateway is reached, ``mode`` what its door asks for, ``versions`` those of
    the protocol that are spoken.
    """

    def __init__(
        self,
        fronted: Sequence[Fronted],
        runs: Runs,
        home: Home,
        mode: str,
        heartbeat: float,
        versions: Sequence[str],
    ) -> None:
        self._fronted = {(each.component.path, each.id): each for each in fronted}
        self._runs = runs
        self._home = home
        self._secured = mode != "none"
        self._heartbeat = heartbeat
        self._versions = versions
        self._began = formatdate(time.time(), usegmt=True)

    def serve(self, incoming: Incoming) -> Answer:
        """The answer. Blocks; raises Refused, and RemoteAgentError where an upstream failed."""
        segments = incoming.segments
        found = self._fronted.get((segments[1], segments[2])) if len(segments) > 2 else None
        if found is None:
            raise Refused(404, "Not Found")
        if is_card(incoming):
            return self._card(incoming, found)
        try:
            asked = _asked(incoming, segments[3:])
            voice = asked.voice
            if voice.version not in self._versions:
                said = (voice.version, " or ".join(self._versions))
                raise Refusal(
                    Fault(-32009, "A2A version %s is not spoken here: %s is" % said), voice
                )
        except Refusal as refusal:
            return _failed(refusal.voice, refusal.fault)
        need = Need(found.component.path, "run" if asked.operation in _RUNNING else "read")
        scopes = incoming.caller.guest.scopes
        if scopes is not None and not may(scopes, need._replace(id=found.id)):
            raise Refused(403, "Insufficient permissions. Required scope(s): %s" % str(need))
        try:
            return self._answered(incoming, found, asked)
        except RemoteAgentError as error:
            return _failed(voice, _fault(error))
        except (TypeError, ValueError) as error:
            return _failed(voice, Fault(-32602, "Invalid parameters: %s" % error))

    def _answered(self, incoming: Incoming, found: Fronted, asked: Asked) -> Answer:
        operation, params, voice = asked
        if operation == GET_EXTENDED_CARD:
            return self._extended_card(incoming, found, voice)
        if operation in _UNARY:
            ask = _UNARY[operation](found.tasks)
            if operation not in _COUNTED:
                return _whole(voice, operation, ask(params, incoming.caller))
            with self._runs.one_of(incoming):
                return _whole(voice, operation, ask(params, incoming.caller))
        with self._runs.one_of(incoming) as run:
            return run.of(self._stream(incoming, found, asked))

    def _stream(self, incoming: Incoming, found: Fronted, asked: Asked) -> Answer:
        voice, params = asked.voice, asked.params
        # Google ADK's clients take nothing for the answer but all of it in one piece; they speak
        # 1.0, or name their extension. Others of 0.3 add up whatever text they are sent.
        whole = voice.version == "1.0" or ADK in _extensions(incoming)
        params = {**params, "whole": whole}
        stream, events = _STREAMED[asked.operation](found.tasks)(params, incoming.caller)

        def tell(event: Any) -> bytes:
            return b"".join(map(voice.event, events(event)))

        def fail(error: RemoteAgentError) -> bytes:
            return voice.failed_event(_in_the_midst(error))

        return Answer(200, _EVENTS, Telling(stream, tell, self._heartbeat, fail=fail))

    # --- Cards

    def _card(self, incoming: Incoming, found: Fronted) -> Answer:
        card = self._made(incoming, found)
        body = json.dumps(card, ensure_ascii=False).encode("utf-8")
        tag = '"%s"' % hashlib.sha256(body).hexdigest()[:32]
        private = self._secured or not self._home.is_fixed
        headers = [
            ("ETag", tag),
            ("Cache-Control", "%smax-age=60" % ("private, " if private else "")),
            ("Last-Modified", self._began),
        ]
        if tag in (incoming.header("If-None-Match") or ""):
            return Answer(304, headers, [])
        headers += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        return Answer(200, headers, [body])

    def _extended_card(self, incoming: Incoming, found: Fronted, voice: Voice) -> Answer:
        if not self._secured:
            raise Fault(-32004, "There is no extended card: the card says all there is")
        return _whole(voice, GET_EXTENDED_CARD, self._made(incoming, found))

    def _made(self, incoming: Incoming, found: Fronted) -> Dict[str, Any]:
        """The card as this caller may see it: a stranger is told how to come in, and no more."""
        path = ["a2a", found.component.path, found.id]
        url = self._home.of(incoming.environ) + "".join("/" + quote(each, safe="") for each in path)
        scopes = incoming.caller.guest.scopes
        described: Optional[Mapping[str, Any]] = None
        if scopes is None or may_see(scopes, found.component.path, found.id):
            look = found.look(incoming.caller)
            seen: Any = look.seen(time.monotonic() + WAIT).value
            described = found.row(seen)
            if isinstance(seen, dict) and "card" in seen:
                described = {**(described or {}), "card": seen["card"]}
        return card_of(found, url, described, self._secured, self._versions)


def _asked(incoming: Incoming, rest: List[str]) -> Asked:
    query = dict(parse_qsl(incoming.query, keep_blank_values=True))
    version = incoming.header("A2A-Version") or query.pop("A2A-Version", None)
    body = incoming.content() if incoming.method == "POST" else b""
    kind = incoming.header("Content-Type") or ""
    if not rest:
        if incoming.method != "POST":
            raise Refused(405, "Method Not Allowed", ("Allow", "POST"))
        return jsonrpc_asked(body, version, content_type=kind)
    accept = incoming.header("Accept") or ""
    asked = rest_asked(incoming.method, "/" + "/".join(rest), query, body, kind, version, accept)
    if asked is None:
        raise Refused(404, "Not Found")
    return asked


def _extensions(incoming: Incoming) -> List[str]:
    """The URIs of the extensions that the client keeps to."""
    said = [incoming.header(name) for name in ("A2A-Extensions", "X-A2A-Extensions")]
    return [each.strip() for each in ",".join(filter(None, said)).split(",") if each.strip()]


def _whole(voice: Voice, operation: str, result: Any) -> Answer:
    return _json(200, voice.written(operation, result), voice)


def _failed(voice: Voice, fault: Fault) -> Answer:
    status, value = voice.failed(fault)
    return _json(status, value, voice)


def _json(status: int, value: Any, voice: Voice) -> Answer:
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    # Errors over REST are plain JSON.
    kind = voice.content_type if status < 400 else "application/json"
    headers: List[Tuple[str, str]] = [("Content-Type", kind), ("Content-Length", str(len(body)))]
    return Answer(status, headers, [body])


def _fault(error: RemoteAgentError) -> Fault:
    """The protocol's error for what an upstream did. Raises again what is none of the protocol."""
    http = isinstance(error, RemoteHTTPError) and error.status_code in _NOT_OURS
    if http or isinstance(error, RemoteServerUnavailableError):
        raise error
    return _in_the_midst(error)


def _in_the_midst(error: RemoteAgentError) -> Fault:
    if isinstance(error, Fault):
        return error
    if isinstance(error, A2AError):
        return Fault(error.code or -32603, error.message)
    if isinstance(error, UnsupportedError):
        return Fault(-32004, error.message)
    if isinstance(error, RemoteHTTPError) and error.status_code < 500:
        return Fault(-32602, error.message)
    return Fault(-32603, error.message)
