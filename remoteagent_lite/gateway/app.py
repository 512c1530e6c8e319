"""The gateway itself: a WSGI callable before agents, teams and workflows of many servers."""

from __future__ import annotations

import inspect
import logging
from typing import Any, Callable, Iterable, List, Optional, Sequence, Union

from ..channels.a2a import A2AConnection
from ..channels.agentos import Connection
from ..errors import RemoteAgentError
from ..runs.runner import Runner
from ..wsgi import Environ, Refused, StartResponse, status_line
from .a2a import A2AFace, is_card
from .agentos import KINDS, AgentOSFace, wants_page
from .auth import STRANGER, Door, Keys
from .fronted import Fronted
from .home import Home
from .incoming import Answer, Incoming, failure, json_answer
from .limits import Origins, Runs, is_run
from .local.component import LocalComponent, agent
from .local.engine import Engine
from .local.served import Served
from .local.sessions import LocalSessions
from .passage import HEARTBEAT
from .pushes import Pushes
from .scopes import may, need_of
from .store.contract import Limits, Store
from .store.opening import open_store
from .translated import Translated
from .upstream import Forwarded, Upstream

__all__ = ["Gateway"]

logger = logging.getLogger("remoteagent_lite.gateway")

#: What anybody may ask.
_OPEN: Sequence[List[str]] = ([], ["health"], ["info"])
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_CREDENTIALS = ("forward", "own")
A2A_VERSIONS = ("1.0", "0.3")


Component = Union[Runner[Any, Any, Any], LocalComponent, Callable[[Any], Any]]


class Gateway:
    """One AgentOS of remote agents, teams and workflows of many servers, and of Python functions.

    ``components`` are RemoteAgent, RemoteTeam and RemoteWorkflow objects, of any server and
    protocol. Each keeps its id, so no two of a kind may share one: ValueError. Nothing is asked of
    their servers here, and none of them has to be up. Their ``timeout`` bounds what is passed on.
    Or they are functions: what ``@agent``, ``@team`` and ``@workflow`` make, or a bare function,
    which is an agent of its name. Their runs are kept in ``store``: "sqlite:///runs.db",
    "redis://host:6379/0", a Store of one's own, or, without it, this process's memory. The gateway
    closes it. ``keep`` bounds what is kept of them: ``Limits(seconds=, runs=, bytes=)``.

    ``auth`` decides who is let in, Keys or JWT; without it the door is open. ``upstream_auth`` says
    whose credentials the servers see: with "forward" the caller's Authorization header and nothing
    else, with "own" those that each Remote* object was given, for whoever is let in. Without it it
    is "own" behind Keys, and else "forward".

    ``runs_per_caller`` is how many runs one caller may have under way, in this process; more are
    answered 429. ``cors`` are the origins of web pages that may call, ``["https://app.example"]``,
    or ``["*"]``. Functions are A2A agents as well, at ``/a2a/agents/{id}`` and so on; with ``a2a``
    True so are all components, and with False none. The URLs in a card begin with ``public_url``,
    or with where the card was asked for, as far as that is known: ``trusted_proxies`` are addresses
    and networks (``["10.0.0.0/8"]``) of proxies whose X-Forwarded-Proto, -Host and -Prefix, or
    Forwarded, are believed.
    ``a2a_versions`` are those of the protocol that are spoken, "1.0", "0.3" or both; a card of both
    has members that only one of them knows.
    ``push_hosts`` are the private hosts that push notifications of tasks may be posted to,
    ``["hooks.internal"]``, of any port or of one ("host:port"); public ones may be always.
    ``os_id``, ``name`` and ``description`` are what the gateway says of itself.
    ``body_limit`` and ``header_limit`` are in bytes; ``heartbeat`` the seconds of silence after
    which a stream gets a comment, by which a client that has left is noticed.

    A WSGI callable for any server with threads: a request takes one for as long as it lasts, a
    streamed run included; a function has one of its own. It survives a fork. ``close()`` closes
    idle connections, and ends the threads that post push notifications and what functions are
    doing.
    """

    def __init__(
        self,
        *components: Component,
        os_id: str = "gateway",
        name: Optional[str] = None,
        description: Optional[str] = None,
        auth: Optional[Door] = None,
        upstream_auth: Optional[str] = None,
        runs_per_caller: Optional[int] = None,
        cors: Sequence[str] = (),
        store: Union[str, Store, None] = None,
        keep: Limits = Limits(),  # noqa: B008 - immutable
        a2a: Optional[bool] = None,
        a2a_versions: Sequence[str] = A2A_VERSIONS,
        public_url: Optional[str] = None,
        trusted_proxies: Sequence[str] = (),
        push_hosts: Sequence[str] = (),
        body_limit: int = 64 * 1024 * 1024,
        header_limit: int = 64 * 1024,
        heartbeat: float = HEARTBEAT,
    ) -> None:
        if not components:
            raise ValueError("a Gateway needs at least one component to stand before")
        if upstream_auth is None:
            # The key to this door is nobody else's business.
            upstream_auth = "own" if isinstance(auth, Keys) else "forward"
        if upstream_auth not in _CREDENTIALS:
            raise ValueError("upstream_auth must be 'forward' or 'own', not %r" % (upstream_auth,))
        if not a2a_versions or not set(a2a_versions) <= set(A2A_VERSIONS):
            raise ValueError("a2a_versions is a list of 1.0 and 0.3, not %r" % (a2a_versions,))
        if not heartbeat > 0:
            raise ValueError("heartbeat is in seconds, more than 0")
        self._pushes = Pushes(push_hosts)
        self._upstreams: List[Upstream] = []
        self._translated: List[Translated] = []
        self._fronted: List[Fronted] = []
        self._engine: Optional[Engine] = None
        sessions: Optional[LocalSessions] = None
        for component in _checked(components):
            if isinstance(component, Runner):
                self._front(component, upstream_auth == "forward", heartbeat)
                continue
            if self._engine is None or sessions is None:
                self._engine = Engine(open_store("memory:" if store is None else store), keep=keep)
                sessions = LocalSessions(self._engine, os_id)
            served = Served(component, self._engine, os_id, heartbeat, self._pushes)
            sessions.add(component.key, served.rendering)
            self._fronted.append(served)
        self._auth = auth
        self._body_limit = body_limit
        self._header_limit = header_limit
        self._runs = Runs(runs_per_caller)
        self._cors = Origins(cors)
        mode = "none" if auth is None else auth.mode
        self._agentos = AgentOSFace(
            self._fronted, self._upstreams, sessions, os_id, name, description, mode
        )
        self._a2a: Optional[A2AFace] = None
        home = Home(public_url, trusted_proxies)
        spoken = [each for each in self._fronted if a2a or isinstance(each, Served)]
        if spoken and a2a is not False:
            versions = sorted(a2a_versions, reverse=True)
            self._a2a = A2AFace(spoken, self._runs, home, mode, heartbeat, versions)

    def _front(self, remote: Runner[Any, Any, Any], forwards: bool, heartbeat: float) -> None:
        connection = remote._connection
        if isinstance(connection, A2AConnection):
            self._translated.append(
                Translated(remote, connection, forwards, heartbeat, self._pushes)
            )
            self._fronted.append(self._translated[-1])
            return
        if not isinstance(connection, Connection):
            raise TypeError("%r speaks a protocol that a Gateway does not know" % (remote,))
        for upstream in self._upstreams:
            if upstream.connection.same_as(connection):
                break
        else:
            upstream = Upstream(connection, forwards, heartbeat)
            self._upstreams.append(upstream)
        self._fronted.append(Forwarded(remote, upstream, self._pushes))

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            answer = self._answered(environ)
        except Refused as refused:
            answer = json_answer(refused.status, {"detail": str(refused)}, refused.headers)
        except RemoteAgentError as error:
            logger.warning("%s %s: %s", environ["REQUEST_METHOD"], _shown(environ), error.message)
            answer = failure(error)
        except Exception as error:
            logger.exception("%s %s failed", environ["REQUEST_METHOD"], _shown(environ))
            text = "Internal server error (%s)" % type(error).__name__
            answer = json_answer(500, {"detail": text})
        try:
            headers = [*answer.headers, *self._cors.headers(environ)]
            start_response(status_line(answer.status), headers)
        except BaseException:
            close = getattr(answer.body, "close", None)
            if close is not None:
                close()
            raise
        return [] if environ["REQUEST_METHOD"] == "HEAD" else answer.body

    def _answered(self, environ: Environ) -> Answer:
        size = sum(len(value) for name, value in environ.items() if name.startswith("HTTP_"))
        if size > self._header_limit:
            raise Refused(431, "the headers are longer than this gateway takes")
        if environ["REQUEST_METHOD"] == "OPTIONS" and self._cors.is_preflight(environ):
            return self._cors.preflight(environ)
        if environ["REQUEST_METHOD"] not in _METHODS:
            raise Refused(405, "Method Not Allowed", ("Allow", ", ".join(_METHODS)))
        incoming = Incoming(environ, self._body_limit)
        over_a2a = self._a2a is not None and incoming.segments[:1] == ["a2a"]
        shown = wants_page(incoming) or (over_a2a and is_card(incoming))
        if self._auth is not None and (shown or incoming.segments not in _OPEN):
            if shown and incoming.caller.authorization is None:
                incoming.speak_for(STRANGER)
            else:
                self._admit(incoming, self._auth, over_a2a)
        if self._a2a is not None and over_a2a:
            return self._a2a.serve(incoming)
        if not is_run(incoming):
            return self._agentos.serve(incoming)
        with self._runs.one_of(incoming) as run:
            return run.of(self._agentos.serve(incoming))

    @staticmethod
    def _admit(incoming: Incoming, auth: Door, over_a2a: bool) -> None:
        """Let the caller in, to do what it may. Refused: 401, 403."""
        guest = auth.admit(incoming.caller.authorization)
        incoming.speak_for(guest)
        if guest.scopes is None or over_a2a or not incoming.segments:
            return  # over A2A what is wanted stands in the body
        if len(incoming.segments) == 1 and incoming.segments[0] in KINDS:
            return  # a list has those that may be seen
        need = need_of(incoming.method, incoming.segments)
        if not may(guest.scopes, need):
            raise Refused(403, "Insufficient permissions. Required scope(s): %s" % str(need))

    def close(self) -> None:
        """End what is asked of the servers behind requests, and close idle connections.

        Push notification configs are forgotten, and runs of functions that are under way fail;
        waits for the threads of both, some seconds.

        Requests under way go on, and the gateway can be used again.
        """
        if self._engine is not None:
            self._engine.close()
        self.release()

    def release(self) -> None:
        """Do as ``close`` does, but let functions go on with what they do, and keep the store."""
        self._pushes.close()
        for upstream in self._upstreams:
            upstream.close()
        for translated in self._translated:
            translated.close()

    @property
    def store(self) -> Optional[Store]:
        """Where the runs of its functions are kept; None if it has no functions."""
        return None if self._engine is None else self._engine.store

    def __enter__(self) -> Gateway:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.close()

    def __repr__(self) -> str:
        return "Gateway(%s)" % ", ".join(
            "%s %r" % (each.component.kind, each.id) for each in self._fronted
        )


def _checked(components: Sequence[Any]) -> List[Union[Runner[Any, Any, Any], LocalComponent]]:
    """The components. TypeError for what is none, ValueError for the second of one id."""
    checked: List[Any] = []
    known = set()
    for each in components:
        component = agent(each) if inspect.isroutine(each) else each
        if not isinstance(component, (Runner, LocalComponent)):
            raise TypeError(
                "a Gateway stands before RemoteAgent, RemoteTeam and RemoteWorkflow objects and "
                "functions, not %r" % (component,)
            )
        if (component.component, component.id) in known:
            raise ValueError(
                "two %ss have the id %r, which would name either: %r is the second"
                % (component.component.kind, component.id, component)
            )
        known.add((component.component, component.id))
        checked.append(component)
    return checked


def _shown(environ: Environ) -> str:
    """The path for a log, on one line; never the query, which may hold what is secret."""
    return ascii(environ.get("PATH_INFO", ""))[:200]
