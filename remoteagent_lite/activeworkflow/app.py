"""The WSGI side: paths, bodies, status lines. What a call means is protocol.py's business."""

from __future__ import annotations

import importlib
import json
import logging
import re
import time
import traceback
from functools import partial
from hmac import compare_digest
from typing import Any, Callable, Dict, Iterable, List, Mapping, NoReturn, Optional, Tuple, Union
from urllib.parse import quote

from ..wsgi import Environ, Refused, StartResponse, answer, read_body
from .agents import Agent
from .context import DEADLINE
from .idempotency import (
    MemoryStore,
    Reply,
    Store,
    busy,
    in_words,
    memory_digest,
    message_key,
)
from .protocol import handle, registration, without_memory

__all__ = ["AgentApp"]

logger = logging.getLogger("remoteagent_lite.activeworkflow")

Application = Callable[[Environ, StartResponse], Iterable[bytes]]

#: Where the environ of a simulation has the clock that takes the place of time.monotonic.
CLOCK = "remoteagent_lite.clock"

#: What may stand in a path as it is, so that the token needs no quoting anywhere.
_TOKEN = re.compile(r"[A-Za-z0-9._~-]+\Z")
_HOST = re.compile(r"[A-Za-z0-9.:_\[\]-]+\Z")

_TEXT = "text/plain; charset=utf-8"
_METHODS = ("Allow", "GET, HEAD, POST")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError("%s is not JSON" % name)


# Made once: json.loads makes a decoder anew for each call with an option.
_decoder = json.JSONDecoder(parse_constant=_refuse_constant)
_scan = _decoder.scan_once  # type: ignore[attr-defined]


class AgentApp:
    """A WSGI callable that serves agents to ActiveWorkflow, each on a path of its own.

    The path is ``prefix``/``token``/name, below wherever the app is mounted. ``token``, a secret
    part of the path, is the only way to keep others out, since ActiveWorkflow can log in nowhere:
    ``secrets.token_urlsafe()`` makes a good one. The page at the prefix (with the token) prints
    the URLs for ActiveWorkflow's environment; ``prefix``/health answers anyone.

    ``idempotency`` keeps answers, so that a message is handled once however often ActiveWorkflow
    calls: "memory", a Store, the path of an SQLite file for hosts of several processes, or None.
    ``match_payloads`` does so for messages without number too, by their content.
    ``body_limit`` is in bytes; ``deadline`` is what handlers see as theirs, in seconds.

    Immutable and safe for threads: give the server at least one more than ActiveWorkflow has
    workers (two by default), so that it can register while handlers are busy.
    """

    def __init__(
        self,
        *agents: Agent,
        prefix: str = "/agents",
        token: Optional[str] = None,
        idempotency: Union[Store, str, None] = "memory",
        match_payloads: bool = False,
        body_limit: int = 32 * 1024 * 1024,
        deadline: float = DEADLINE,
    ) -> None:
        if not prefix.startswith("/") or "//" in prefix:
            raise ValueError('prefix must be a path that begins with "/", not %r' % prefix)
        if token is not None and not _TOKEN.match(token):
            raise ValueError("token must be letters, digits, '-', '.', '_' and '~', and not empty")
        self.agents = agents
        self.prefix = prefix.rstrip("/")
        self._home = self.prefix if token is None else "%s/%s" % (self.prefix, token)
        self._secret_home = None if token is None else self._home.encode("utf-8")
        self._match_payloads = match_payloads
        self._body_limit = body_limit
        self._deadline = deadline
        self._by_name: Dict[str, Tuple[Agent, Reply]] = {}
        for agent in agents:
            if not isinstance(agent, Agent):
                raise TypeError(
                    "%r is not an agent%s"
                    % (agent, ": make an instance of it" if isinstance(agent, type) else "")
                )
            if agent.name in self._by_name:
                raise ValueError(
                    "two agents are named %s: in ActiveWorkflow one would replace the other"
                    % agent.name
                )
            self._by_name[agent.name] = (agent, registration(agent))
        # What needs no comparison of tokens is found at once.
        self._by_path = (
            {"%s/%s" % (self._home, name): found for name, found in self._by_name.items()}
            if token is None
            else {}
        )
        self._store = _store(idempotency)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        headers: Tuple[Tuple[str, str], ...] = ()
        try:
            reply = self._reply(environ["REQUEST_METHOD"], environ)
        except Refused as refused:
            reply = in_words(refused.status, str(refused))
            headers = refused.headers
        except Exception as error:
            # A fault of this module's own. Its words may quote the request: they are left out.
            where = "".join(traceback.format_tb(error.__traceback__))
            logger.error("%s in the host itself\n%s", type(error).__name__, where)
            reply = busy("the host of the agents failed: see its log")
        status, content_type, body = reply[:3]
        return answer(environ, start_response, status, body, content_type, headers)

    def urls(self, base: str) -> List[str]:
        """Where ActiveWorkflow finds the agents, in their order.

        ``base`` is the URL that the app is mounted at, like "http://localhost:5000". What comes
        back holds the token.
        """
        return ["%s%s/%s" % (base.rstrip("/"), self._home, name) for name in self._by_name]

    def variables(self, base: str) -> str:
        """The lines to put into ActiveWorkflow's environment; ``base`` as for ``urls``."""
        return "".join(
            "REMOTE_AGENT_URL%s=%s\n" % ("" if number == 1 else "_%d" % number, url)
            for number, url in enumerate(self.urls(base), 1)
        )

    def mount(self, application: Application) -> Application:
        """A WSGI application that is this one below the prefix, and ``application`` elsewhere."""
        if not self.prefix:
            raise ValueError('an app with prefix "/" leaves no path to another application')

        def mounted(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
            path = environ.get("PATH_INFO", "")
            if path == self.prefix or path.startswith(self.prefix + "/"):
                return self(environ, start_response)
            return application(environ, start_response)

        return mounted

    def blueprint(self, name: str = "activeworkflow") -> Any:
        """A Flask blueprint that serves the agents at the prefix, below its own url_prefix."""
        # Flask is the caller's: nothing else here knows it.
        flask = importlib.import_module("flask")
        blueprint = flask.Blueprint(name, __name__)

        def serve(rest: str = "") -> Any:
            environ = flask.request.environ
            own = self.prefix + "/" + rest
            # WSGI has paths as bytes that look like text; Flask has decoded them.
            length = len(own.encode("utf-8"))
            path = environ["PATH_INFO"]
            shifted = dict(environ, PATH_INFO=path[-length:])
            shifted["SCRIPT_NAME"] = environ["SCRIPT_NAME"] + path[:-length]
            return flask.Response.from_app(self, shifted)

        methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
        for rule in (self.prefix + "/", self.prefix + "/<path:rest>"):
            # Without Flask's own answer to OPTIONS: all methods are this app's business.
            blueprint.add_url_rule(
                rule, "serve", serve, methods=methods, provide_automatic_options=False
            )
        return blueprint

    def __repr__(self) -> str:
        return "<AgentApp at %s: %s>" % (self.prefix or "/", ", ".join(self._by_name))

    def _reply(self, method: str, environ: Environ) -> Reply:
        path = environ.get("PATH_INFO", "")
        found = self._by_path.get(path)
        if method != "POST" or found is None:
            name = self._own_path(method, path)
            found = self._by_name.get(name)
            if method != "POST" or found is None:
                return self._page(method, name, environ)
        agent, registered = found
        call = _call(read_body(environ, self._body_limit))
        if call.get("method") == "register":
            return registered
        if logger.isEnabledFor(logging.INFO):
            return self._logged(agent, call, environ)
        return self._once(agent, call, environ)

    def _page(self, method: str, name: str, environ: Environ) -> Reply:
        """What is no call to an agent: a page for people, or a refusal."""
        if method not in ("POST", "GET", "HEAD"):
            raise Refused(405, "ActiveWorkflow posts here; GET says who is here", _METHODS)
        if name == "health":
            return Reply(200, _TEXT, b"ok\n")
        if name == "":
            if method == "POST":
                raise Refused(
                    405, "this is the index: agents have paths of their own below it", _METHODS
                )
            return Reply(200, _TEXT, self._index(environ).encode("utf-8"))
        if name not in self._by_name:
            raise Refused(404, "no agent at this path: the index page names the right ones")
        text = "%s is ready: ActiveWorkflow posts here\n" % name
        return Reply(200, _TEXT, text.encode("ascii"))

    def _own_path(self, method: str, path: str) -> str:
        """The part of the path behind prefix and token: an agent's name, "" for the index."""
        home, _, name = path.rpartition("/")
        if self._is_home(home):
            return name
        if home == self.prefix and name == "health" and method != "POST":
            return name
        if not name:
            path = home
            home, _, name = path.rpartition("/")
            if name and self._is_home(home):
                return name
        if self._is_home(path):
            return ""
        raise Refused(404, "nothing here")

    def _is_home(self, path: str) -> bool:
        if self._secret_home is None:
            return path == self._home
        return compare_digest(path.encode("latin-1", "replace"), self._secret_home)

    def _once(self, agent: Agent, call: Mapping[str, Any], environ: Environ) -> Reply:
        clock = environ.get(CLOCK, time.monotonic)
        execute = partial(handle, agent, call, deadline=self._deadline, clock=clock)
        store = self._store
        if store is None or call.get("method") != "receive":
            return execute()
        params: Any = call.get("params")
        try:
            key = message_key(agent.name, params, self._match_payloads)
        except ValueError:
            raise Refused(400, "the call is nested too deep") from None
        if key is None:
            return execute()
        reply = store.once(key, execute)
        if reply.memory is None or reply.memory == memory_digest(params.get("memory")):
            return reply
        return without_memory(reply)

    def _logged(self, agent: Agent, call: Mapping[str, Any], environ: Environ) -> Reply:
        started = time.monotonic()
        reply = self._once(agent, call, environ)
        # No content: payloads and options are the user's, and credentials are among them.
        params = call.get("params")
        message = params.get("message") if isinstance(params, dict) else None
        number = message.get("id") if isinstance(message, dict) else None
        logger.info(
            "%s %s%s: %d, %d bytes, %.3f s",
            agent.name,
            "check" if call.get("method") == "check" else "receive",
            " of message %d" % number if type(number) is int and abs(number) < 1 << 64 else "",
            reply.status,
            len(reply.body),
            time.monotonic() - started,
        )
        return reply

    def _index(self, environ: Environ) -> str:
        variables = self.variables(_base(environ))
        lines = ["Agents for ActiveWorkflow. Set these in its environment and start it anew:", ""]
        lines += variables.splitlines() or ["(there are no agents)"]
        for name, (agent, _) in self._by_name.items():
            lines += ["", "%s (%s)" % (name, agent.display_name)]
            lines += ["  " + line for line in agent.description.split("\n\n")[0].splitlines()]
        text = "\n".join(lines) + "\n"
        return text.encode("utf-8", "replace").decode("utf-8")


def _store(idempotency: Union[Store, str, None]) -> Optional[Store]:
    if idempotency == "memory":
        return MemoryStore()
    if isinstance(idempotency, str):
        # Only hosts that ask for it load sqlite3.
        sqlite = importlib.import_module(".sqlite", __package__)
        store: Store = sqlite.SQLiteStore(idempotency)
        return store
    return idempotency


def _call(body: bytes) -> Dict[str, Any]:
    try:
        text = body.decode("utf-8")
        # decode() looks for blanks around the value first, which ActiveWorkflow does not send.
        call, end = _scan(text, 0) if text.startswith("{") else (None, -1)
        if end != len(text):
            call = _decoder.decode(text)
    except (ValueError, RecursionError, StopIteration):
        # From None: the error holds the body, and with it the credentials.
        raise Refused(400, "the body is not JSON") from None
    if not isinstance(call, dict):
        raise Refused(400, "the body is not a JSON object")
    return call


def _base(environ: Environ) -> str:
    """The URL this app is mounted at, as far as the request tells."""
    scheme = environ["wsgi.url_scheme"]
    host = environ.get("HTTP_HOST", "")
    if not _HOST.match(host):
        host = environ["SERVER_NAME"]
        port = environ["SERVER_PORT"]
        if port != {"http": "80", "https": "443"}.get(scheme):
            host += ":" + port
    path = quote(environ.get("SCRIPT_NAME", "").encode("latin-1", "replace"))
    return "%s://%s%s" % (scheme, host, path)
