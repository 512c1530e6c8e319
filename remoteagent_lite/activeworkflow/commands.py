"""``remoteagent activeworkflow``: run, serve and check agents from the command line.

Exit status: 0 all is well; 1 there was no answer, or nothing to serve on; 2 wrong usage; 3 the
agent reported errors, or ActiveWorkflow would fail on what it answered.
"""

from __future__ import annotations

import argparse
import functools
import json
import socket
import socketserver
import sys
from pathlib import Path
from typing import Any, Callable, Dict, NoReturn, Optional, Tuple
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from ..loading import load
from .agents import Agent
from .app import AgentApp
from .checker import Checker
from .simulator import caller, simulate
from .values import visible

__all__ = ["add_commands", "make_server"]

_LONGEST_COMPLAINT = 400


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
    serve.add_argument("--port", type=_port, default=5000)
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


# --- Usage

Command = Callable[[argparse.Namespace], int]


class _UsageError(Exception):
    """What was asked for cannot be done, whatever the agent does."""


def _complain(text: str) -> None:
    sys.stderr.write("remoteagent: %s\n" % visible(text, _LONGEST_COMPLAINT))


def _command(function: Command) -> Command:
    @functools.wraps(function)
    def called(arguments: argparse.Namespace) -> int:
        try:
            return function(arguments)
        except _UsageError as error:
            _complain(str(error))
            return 2

    return called


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise ValueError(text)
    return port


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError("JSON has no %s" % name)


def _object(path: Optional[str]) -> Optional[Dict[str, Any]]:
    if path is None:
        return None
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text("utf-8")
        value = json.loads(text, parse_constant=_refuse_constant)
    except OSError as error:
        raise _UsageError("%s cannot be read: %s" % (path, error)) from error
    except (ValueError, RecursionError) as error:
        raise _UsageError("%s is not JSON: %s" % (path, error)) from None
    if not isinstance(value, dict):
        raise _UsageError("%s must hold a JSON object" % path)
    return value


def _credentials(path: Optional[str]) -> Dict[str, str]:
    credentials = _object(path) or {}
    for name, value in credentials.items():
        if not isinstance(value, str):
            raise _UsageError("%s: the value of credential %s must be text" % (path, name))
    return credentials


def _target(text: str) -> Any:
    """What ``module:attribute`` names."""
    try:
        found = load(text)
    except ValueError as error:
        raise _UsageError(str(error)) from error
    if not (
        isinstance(found, (Agent, AgentApp))
        or (isinstance(found, type) and issubclass(found, Agent))
    ):
        raise _UsageError("%s is neither an AgentApp nor an Agent, but %r" % (text, found))
    return found


# --- run


@_command
def _run(arguments: argparse.Namespace) -> int:
    options = _object(arguments.options)
    credentials = _credentials(arguments.credentials)
    memory = _object(arguments.memory)
    payload = _object(arguments.payload)
    try:
        call = caller(_target(arguments.target), arguments.name)
    except (TypeError, ValueError) as error:
        raise _UsageError(str(error)) from error
    try:
        simulation = simulate(call, options=options, credentials=credentials, memory=memory)
    except ValueError as error:
        _complain(str(error))
        return 3
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


@_command
def _serve(arguments: argparse.Namespace) -> int:
    target = _target(arguments.target)
    try:
        server, app = make_server(target, arguments.host, arguments.port)
    except (TypeError, ValueError, socket.gaierror) as error:
        raise _UsageError("%s at %s: %s" % (arguments.target, arguments.host, error)) from error
    with server:
        base = "http://%s:%d" % (arguments.host, server.server_port)
        print(app.variables(base), end="", flush=True)
        server.serve_forever()
    return 0


# --- check


@_command
def _check(arguments: argparse.Namespace) -> int:
    payload = _object(arguments.payload) or {}
    options = _object(arguments.options)
    credentials = _credentials(arguments.credentials)
    try:
        checker = Checker(arguments.url)
    except ValueError as error:
        raise _UsageError(str(error)) from error
    try:
        metadata = checker.register()
    except OSError as error:
        _complain("no answer from the agent: %s" % error)
        return 1
    if metadata is not None and not arguments.register_only:
        if options is None:
            options = metadata["default_options"]
        checker.work(payload, options, credentials)
    if arguments.json:
        print(json.dumps([{"level": level, "text": text} for level, text in checker.findings]))
    else:
        for level, text in checker.findings:
            print("%-4s  %s" % (level, text))
    return 3 if checker.has_failed or checker.has_errors else 0
