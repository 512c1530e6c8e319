"""``remoteagent activeworkflow``: run, serve and check agents from the command line.

Exit status: 0 all is well; 1 there was no answer; 2 wrong usage; 3 the agent reported errors, or
ActiveWorkflow would fail on what it answered.
"""

from __future__ import annotations

import argparse
import http.client
import importlib
import json
import os
import socketserver
import ssl
import sys
import threading
import time
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from .agents import Agent
from .app import AgentApp
from .reactions import Reaction, react, register, request_body
from .simulator import caller, simulate

__all__ = ["Checker", "add_commands"]

#: After so many seconds of silence ActiveWorkflow hangs up.
_HANGS_UP = 60.0

#: A registration that takes longer delays every start of ActiveWorkflow's processes.
_SLOW_REGISTRATION = 2.0
_SLOW_CALL = 30.0


def add_commands(parser: argparse.ArgumentParser) -> None:
    """Give ``remoteagent activeworkflow`` its commands."""
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    given = argparse.ArgumentParser(add_help=False)
    given.add_argument("--payload", metavar="FILE", help='the message, JSON; "-" is stdin')
    given.add_argument("--options", metavar="FILE", help="options (default: the agent's own)")
    given.add_argument("--credentials", metavar="FILE", help='credentials, like {"name": "value"}')

    run = commands.add_parser(
        "run",
        parents=[given],
        help="play ActiveWorkflow to an agent in this process",
        description="Deliver one message, or make one check, as ActiveWorkflow would; print what "
        "it would have of it as JSON.",
    )
    run.add_argument("target", metavar="MODULE:AGENT", help="an Agent, its class, or an AgentApp")
    run.add_argument("--memory", metavar="FILE", help="memory to begin with")
    run.add_argument("--name", default="", help="which agent of an AgentApp")
    run.set_defaults(command=_run)

    serve = commands.add_parser(
        "serve",
        help="serve agents for development",
        description="Serve an AgentApp, or an Agent, for development; use gunicorn or waitress in "
        "production.",
    )
    serve.add_argument("target", metavar="MODULE:APP", help="an AgentApp, an Agent or its class")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=5000)
    serve.set_defaults(command=_serve)

    check = commands.add_parser(
        "check",
        parents=[given],
        help="see what ActiveWorkflow would choke on at a URL",
        description="Call the agent at a URL, written in whatever language, as ActiveWorkflow "
        "does, and report what that would fail on. The agent does what it does: give a payload "
        "that may be handled several times, or use --register-only.",
    )
    check.add_argument("url", metavar="URL", help="what REMOTE_AGENT_URL would be")
    check.add_argument("--register-only", action="store_true", help="do not make it work")
    check.add_argument("--json", action="store_true", help="print the findings as JSON")
    check.set_defaults(command=_check)


# --- Files and objects


def _object(path: Optional[str]) -> Optional[Dict[str, Any]]:
    if path is None:
        return None
    text = sys.stdin.read() if path == "-" else Path(path).read_text("utf-8")
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ValueError("%s is not JSON: %s" % (path, error)) from None
    if not isinstance(value, dict):
        raise ValueError("%s must hold a JSON object" % path)
    return value


def _target(text: str) -> Any:
    """``module:attribute``, found from the working directory as gunicorn does."""
    module_name, colon, path = text.partition(":")
    if not colon or not module_name or not path:
        raise ValueError("%r must be MODULE:NAME, like agents:app" % text)
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found: Any = importlib.import_module(module_name)
        for name in path.split("."):
            found = getattr(found, name)
    except (ImportError, AttributeError) as error:
        raise ValueError("%s cannot be loaded: %s" % (text, error)) from error
    return found


# --- run


def _run(arguments: argparse.Namespace) -> int:
    call = caller(_target(arguments.target), arguments.name)
    simulation = simulate(
        call,
        options=_object(arguments.options),
        credentials=_object(arguments.credentials),
        memory=_object(arguments.memory),
    )
    payload = _object(arguments.payload)
    job = simulation.check() if payload is None else simulation.receive(payload)
    told = {
        "messages": job.messages,
        "logs": job.logs,
        "errors": job.errors,
        "memory": simulation.memory,
        "attempts": len(job.attempts),
        "failure": job.failure,
    }
    print(json.dumps(told, indent=2))
    return 3 if job.errors or job.failure else 0


# --- serve


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    """A thread for each connection, so that agents can register while others work."""

    daemon_threads = True

    def server_bind(self) -> None:
        # WSGIServer asks the name service for the host's name, which may take long.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]
        self.setup_environ()


class _Handler(WSGIRequestHandler):
    timeout = 120

    def log_message(self, format: str, *values: Any) -> None:
        """Nothing: the request line holds the token; the app logs calls itself."""


def make_server(target: Any, host: str, port: int) -> Tuple[WSGIServer, AgentApp]:
    """A threaded server, bound and not yet serving; port 0 takes a free one."""
    if isinstance(target, type) and issubclass(target, Agent):
        target = target()
    app = AgentApp(target) if isinstance(target, Agent) else target
    if not isinstance(app, AgentApp):
        raise ValueError("%r is neither an AgentApp nor an Agent" % (target,))
    server = _Server((host, port), _Handler)
    server.set_app(app)
    return server, app


def _serve(arguments: argparse.Namespace) -> int:
    target = _target(arguments.target)
    server, app = make_server(target, arguments.host, arguments.port)
    with server:
        base = "http://%s:%d" % (arguments.host, server.server_port)
        print(app.variables(base), end="", flush=True)
        server.serve_forever()
    return 0


# --- check


class Checker:
    """Calls an agent at a URL as ActiveWorkflow does, and collects what it finds.

    ``findings`` are pairs of a level and a text: "fail" for what ActiveWorkflow chokes on, "warn"
    for what works otherwise than it is meant, "ok" for what was looked at and is well.
    """

    def __init__(self, url: str, timeout: float = _HANGS_UP) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("%r must start with http:// or https://" % url)
        self._parts = parts
        self._timeout = timeout
        self.findings: List[Tuple[str, str]] = []
        if parts.username:
            self._add("fail", "user info in the URL is dropped: no login is sent")
        if url != url.strip():
            self._add("fail", "blanks around the URL keep ActiveWorkflow from starting")

    @property
    def has_failed(self) -> bool:
        return any(level == "fail" for level, _ in self.findings)

    def _add(self, level: str, text: str) -> None:
        self.findings.append((level, text))

    def post(self, body: bytes) -> Tuple[int, bytes, float]:
        """Status, body and seconds of one call, made as ActiveWorkflow makes it."""
        parts = self._parts
        assert parts.hostname is not None
        if parts.scheme == "https":
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                parts.hostname,
                parts.port,
                timeout=self._timeout,
                context=ssl.create_default_context(),
            )
        else:
            connection = http.client.HTTPConnection(
                parts.hostname, parts.port, timeout=self._timeout
            )
        target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
        headers = {
            "User-Agent": "Faraday v0.17.6",
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            "Accept": "*/*",
            "Connection": "close",
        }
        started = time.monotonic()
        try:
            connection.request("POST", target, body, headers)
            response = connection.getresponse()
            answer = response.read()
        except http.client.HTTPException as error:
            raise OSError("the answer is not HTTP: %r" % error) from error
        finally:
            connection.close()
        return response.status, answer, time.monotonic() - started

    def register(self) -> Mapping[str, Any]:
        """Look at the registration; return the metadata. OSError if there is no answer."""
        body = request_body("register")
        status, answer, seconds = self.post(body)
        self._status("register", status)
        registration = register(answer)
        if registration.failure is not None:
            self._add("fail", "register: " + registration.failure)
        else:
            self._add("ok", "registers as %s" % registration.metadata["name"])
        for remark in registration.remarks:
            self._add("warn", "register: " + remark)
        if seconds > _SLOW_REGISTRATION:
            self._add(
                "warn",
                "register took %.1f s, and each of ActiveWorkflow's processes waits for it"
                % seconds,
            )
        if self.post(body)[1] != answer:
            self._add("warn", "register answers differently each time")
        return registration.metadata

    def work(
        self,
        payload: Mapping[str, Any],
        options: Mapping[str, Any],
        credentials: Mapping[str, str],
    ) -> None:
        """Have the agent receive a message, the same one again, and check."""
        now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
        number = int(time.time() * 1000)
        message = {
            "id": number,
            "user_id": 1,
            "agent_id": 1,
            "payload": payload,
            "created_at": now,
            "updated_at": now,
            "expires_at": None,
        }

        def body(method: str, message: Optional[Mapping[str, Any]]) -> bytes:
            return request_body(
                method, options=options, memory={}, credentials=credentials, message=message
            )

        first = self._call("receive", body("receive", message))
        again = self._call("the same message again", body("receive", message), quiet=True)
        if first is not None and again is not None and first[0] != again[0]:
            self._add(
                "warn",
                "the same message again has another answer: ActiveWorkflow repeats calls, and "
                "whatever the agent does for a message is done again",
            )
        self._call("check", body("check", None))
        self._side_by_side(body("receive", dict(message, id=number + 1)))

    def _call(
        self, what: str, body: bytes, quiet: bool = False
    ) -> Optional[Tuple[bytes, Reaction]]:
        try:
            status, answer, seconds = self.post(body)
        except OSError as error:
            self._add("fail", "%s: no answer (%s)" % (what, error))
            return None
        self._status(what, status)
        reaction = react(answer)
        if reaction.failure is not None:
            self._add("fail", "%s: %s" % (what, reaction.failure))
        elif not quiet:
            self._add(
                "ok",
                "%s: %d messages, %d logs, %d errors in %.2f s"
                % (
                    what,
                    len(reaction.messages),
                    len(reaction.logs),
                    len(reaction.errors),
                    seconds,
                ),
            )
        if not quiet:
            for remark in reaction.remarks:
                self._add("warn", "%s: %s" % (what, remark))
        if seconds > _SLOW_CALL:
            self._add(
                "warn",
                "%s took %.0f s: at %.0f s ActiveWorkflow hangs up and calls again"
                % (what, seconds, _HANGS_UP),
            )
        return answer, reaction

    def _status(self, what: str, status: int) -> None:
        if 300 <= status < 400:
            self._add("fail", "%s: a redirect (%d) is not followed" % (what, status))
        elif status >= 400:
            self._add(
                "warn", "%s: status %d, which ActiveWorkflow does not look at" % (what, status)
            )

    def _side_by_side(self, body: bytes) -> None:
        """Whether the agent registers while it works on a message."""
        begun = threading.Event()
        ended: List[float] = []

        def receive() -> None:
            begun.set()
            try:
                self.post(body)
            except OSError:
                return  # told above, where it is the same call
            finally:
                ended.append(time.monotonic())

        worker = threading.Thread(target=receive, name="check-receive")
        worker.start()
        begun.wait()
        try:
            _, _, seconds = self.post(request_body("register"))
            registered = time.monotonic()
        except OSError as error:
            self._add("fail", "register while a message is handled: no answer (%s)" % error)
            return
        finally:
            worker.join()
        if seconds > _SLOW_REGISTRATION and registered >= ended[0] - 0.1:
            self._add(
                "warn",
                "register waits for messages that are being handled (%.1f s): the server needs "
                "more threads, or ActiveWorkflow cannot start meanwhile" % seconds,
            )


def _check(arguments: argparse.Namespace) -> int:
    payload = _object(arguments.payload) or {}
    options = _object(arguments.options)
    credentials = _object(arguments.credentials) or {}
    checker = Checker(arguments.url)
    try:
        metadata = checker.register()
    except OSError as error:
        sys.stderr.write("remoteagent: no answer from the agent: %s\n" % error)
        return 1
    if not arguments.register_only:
        defaults = metadata.get("default_options")
        if options is None:
            options = defaults if isinstance(defaults, dict) else {}
        checker.work(payload, options, credentials)
    if arguments.json:
        print(json.dumps([{"level": level, "text": text} for level, text in checker.findings]))
    else:
        for level, text in checker.findings:
            print("%-4s  %s" % (level, text))
    return 3 if checker.has_failed else 0
