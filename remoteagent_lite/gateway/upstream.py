"""An AgentOS that the gateway fronts components of: requests are passed on to it as they came."""

from __future__ import annotations

from typing import Any, Dict, List, Optional
from urllib.parse import quote

from ..cache import Recent
from ..channels.agentos import Connection
from ..errors import RemoteAgentError, shown_url
from ..http.transport import OpenResponse
from ..options import Timeout
from ..protocols.jsontext import json_of
from ..runs.runner import Runner
from ..wire import Request, Response
from .incoming import Answer, Caller, Incoming, Piped
from .passage import Passage
from .pushes import Pushes
from .renewal import Renewed
from .tasks import RunTasks

__all__ = ["Forwarded", "Upstream", "path_of"]

#: What of a request's headers goes on, beside the credentials.
_REQUEST_HEADERS = (
    *("Accept", "Content-Type", "Idempotency-Key", "Last-Event-ID"),
    *("Traceparent", "Tracestate", "Baggage", "X-Request-ID", "X-Correlation-ID"),
)
#: What of an answer's headers comes back.
_ANSWER_HEADERS = (
    *("content-type", "content-disposition", "cache-control", "etag", "last-modified"),
    *("retry-after", "www-authenticate", "x-request-id", "request-id", "x-correlation-id"),
)
_NO_BODY = (204, 304)
#: How much of an error's body is passed on, in bytes.
MAX_ERROR = 4 * 1024 * 1024
#: The limits of a look at what an upstream says of itself, and how long that may be.
_LOOK = Timeout(connect=5.0, read=10.0, total=10.0)
_MAX_LOOK = 64 * 1024 * 1024
#: What so many callers and paths last saw is kept.
_LOOKS = 256
_EVENTS = "text/event-stream"


class Upstream:
    """One server, as one caller's connection reaches it. Any thread may call any method.

    ``forwards`` says whose credentials go with a request: the caller's, or else ``connection``'s.
    """

    def __init__(self, connection: Connection, forwards: bool, heartbeat: float) -> None:
        self.connection = connection
        self.url = shown_url(connection.base_url)
        self.forwards = forwards
        self._heartbeat = heartbeat
        self._looks: Recent[Renewed[Any]] = Recent(_LOOKS)

    def send(self, incoming: Incoming, path: str, timeout: Optional[Timeout] = None) -> Answer:
        """Pass a request on, and its answer back, whatever it is. Blocks until its head is there.

        Raises as Connection.forward does, and Refused if the caller's body breaks off.
        """
        body = incoming.body()
        url = self.connection.base_url + path
        request = Request(incoming.method, url, headers=_kept(incoming), body=body)
        if incoming.query:
            request.url += "?" + incoming.query
        try:
            answer = self._forward(request, incoming.caller, timeout)
        except RemoteAgentError:
            if isinstance(body, Piped) and body.failure is not None:
                raise body.failure from None
            raise
        if 300 <= answer.status < 400 and answer.status != 304:
            answer.drop()
            raise RemoteAgentError(
                "%s redirects %s. Correct the base_url that the gateway was given."
                % (self.url, incoming.method),
                self.url,
            )
        return self._passed(answer)

    def look(self, path: str, caller: Caller) -> Renewed[Any]:
        """What a GET of ``path`` brings that caller: decoded JSON, kept for a while."""
        key = "%s %s" % (path, caller.key if self.forwards else "")
        found = self._looks.get(key)
        if found is None:

            def fetch() -> Any:
                request = Request("GET", self.connection.base_url + path)
                answer = self._forward(request, caller, _LOOK)
                if answer.status != 200:
                    raise answer.refusal()
                body = answer.read_all(_MAX_LOOK)
                return json_of(Response(answer.url, answer.status, answer.headers, body))

            found = Renewed(fetch, self.url)
            self._looks.keep(key, found)
        return found

    def close(self) -> None:
        """End what is being fetched, and close idle connections."""
        for look in self._looks.values():
            look.abort()
        self.connection.close()

    def _forward(
        self, request: Request, caller: Caller, timeout: Optional[Timeout] = None
    ) -> OpenResponse:
        own = not self.forwards
        return self.connection.forward(request, caller.authorization, own=own, timeout=timeout)

    def _passed(self, answer: OpenResponse) -> Answer:
        headers = [
            ("-".join(word.capitalize() for word in name.split("-")), answer.headers[name])
            for name in _ANSWER_HEADERS
            if name in answer.headers
        ]
        if answer.status in _NO_BODY:
            answer.drop()
            return Answer(answer.status, [h for h in headers if h[0] != "Content-Type"], [])
        if answer.status >= 400:
            # Read here: what a server repeats of the gateway's own token goes to nobody.
            content = answer.shown(MAX_ERROR)
            headers.append(("Content-Length", str(len(content))))
            return Answer(answer.status, headers, [content])
        if answer.content_type == _EVENTS:
            headers = [each for each in headers if each[0] != "Cache-Control"]
            headers += [("Cache-Control", "no-cache"), ("X-Accel-Buffering", "no")]
        elif answer.length is not None:
            headers.append(("Content-Length", str(answer.length)))
        return Answer(answer.status, headers, Passage(answer, self._heartbeat))


class Forwarded:
    """A component of an AgentOS: all that is asked of it is passed on."""

    def __init__(self, remote: Runner[Any, Any, Any], upstream: Upstream, pushes: Pushes) -> None:
        self.component = remote.component
        self.id = remote.id
        self.upstream = upstream
        self.url = upstream.url
        self.tasks = RunTasks(remote, upstream.forwards, pushes)
        self._timeout = remote.timeout

    def look(self, caller: Caller) -> Renewed[Any]:
        """The list that has its row."""
        return self.upstream.look("/" + self.component.path, caller)

    def row(self, seen: Any) -> Optional[Dict[str, Any]]:
        """Its row in that list; None if it has none."""
        for row in seen if isinstance(seen, list) else ():
            if isinstance(row, dict) and row.get("id") == self.id:
                return row
        return None

    def serve(self, incoming: Incoming, rest: List[str]) -> Answer:
        """The answer to a request whose path goes on with ``rest`` behind the component's id."""
        user = incoming.caller.guest.user
        if user is not None and not self.upstream.forwards and _has_form(incoming, rest):
            incoming.put_user(user)  # the server cannot know who it is
        path = path_of([self.component.path, self.id, *rest])
        return self.upstream.send(incoming, path, self._timeout)


def _has_form(incoming: Incoming, rest: List[str]) -> bool:
    """Whether it begins or continues a run: these say for which user."""
    return incoming.method == "POST" and rest[:1] == ["runs"] and rest[-1] in ("runs", "continue")


def path_of(segments: List[str]) -> str:
    return "".join("/" + quote(each, safe="") for each in segments)


def _kept(incoming: Incoming) -> Dict[str, str]:
    found = {name: incoming.header(name) for name in _REQUEST_HEADERS}
    return {name: value for name, value in found.items() if value is not None}
