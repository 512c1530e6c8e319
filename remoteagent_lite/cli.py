"""The ``remoteagent`` command.

Exit status: 0 the run completed; 1 the exchange failed (message on stderr); 2 wrong usage;
3 the run ended as an error; 4 it is paused and waits for a decision; 5 it was cancelled;
130 interrupted by Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import uuid
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Sequence, Type, Union

from ._version import __version__
from .client import AgentOSClient
from .errors import AuthenticationError, NotFoundError, RemoteAgentError
from .remote import RemoteAgent, RemoteTeam, RemoteWorkflow

if TYPE_CHECKING:
    from .streaming import RunStream

    Remote = Union[RemoteAgent, RemoteTeam, RemoteWorkflow]

__all__ = ["main"]

TOKEN_VARIABLE = "REMOTEAGENT_TOKEN"

_EXIT_OF_STATUS = {"COMPLETED": 0, "ERROR": 3, "PAUSED": 4, "CANCELLED": 5}
_INTERRUPTED = 130

#: A remote agent's text must not steer the terminal: control characters are shown as symbols.
_VISIBLE = {code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\n\t"}
_VISIBLE[0x7F] = "\u2421"
_VISIBLE.update(dict.fromkeys(range(128, 160), "�"))


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the command line and return its exit status."""
    arguments = _parser().parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        status: int = arguments.command(arguments)
        sys.stdout.flush()
        return status
    except (RemoteAgentError, ValueError, OSError) as error:
        if isinstance(error, BrokenPipeError):
            # The reader has gone (``| head``). Python would complain again while it exits.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        _say("remoteagent: %s" % error)
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="remoteagent",
        description="Look at an AgentOS server and run what it hosts.",
        epilog="The token can also be given by the environment variable %s." % TOKEN_VARIABLE,
    )
    parser.add_argument("--version", action="version", version="remoteagent-lite " + __version__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("url", metavar="URL", help="the server, e.g. http://localhost:7777")
    shared.add_argument("--token", help="bearer token or security key")
    shared.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="the longest silence (default 60)"
    )
    shared.add_argument("--json", action="store_true", help="print JSON")

    info = commands.add_parser("info", parents=[shared], help="version, databases, what it hosts")
    info.set_defaults(command=_info)
    for name in ("agents", "teams", "workflows"):
        listing = commands.add_parser(name, parents=[shared], help="list the server's %s" % name)
        listing.set_defaults(command=_list, kind=name)

    run = commands.add_parser(
        "run",
        parents=[shared],
        help="run an agent, team or workflow",
        description="Run a component and print its answer as it comes. Ctrl-C cancels the run.",
    )
    run.add_argument("id", metavar="ID", help="the agent's id (see: remoteagent agents URL)")
    run.add_argument("text", metavar="TEXT", help='the input; "-" reads it from standard input')
    kind = run.add_mutually_exclusive_group()
    kind.add_argument(
        "--team", dest="remote", action="store_const", const=RemoteTeam, help="ID is a team's"
    )
    kind.add_argument(
        "--workflow",
        dest="remote",
        action="store_const",
        const=RemoteWorkflow,
        help="ID is a workflow's",
    )
    run.add_argument("--no-stream", action="store_true", help="wait for the whole answer")
    run.add_argument("--user", metavar="ID", help="user id")
    run.add_argument("--session", metavar="ID", help="session id, to go on with a conversation")
    run.add_argument("--quiet", action="store_true", help="no lines about steps and tools")
    run.set_defaults(command=_run, remote=RemoteAgent)
    return parser


def _settings(arguments: argparse.Namespace) -> Dict[str, Any]:
    settings: Dict[str, Any] = {}
    token = arguments.token or os.environ.get(TOKEN_VARIABLE)
    if token:
        settings["auth_token"] = token
    if arguments.timeout is not None:
        settings["timeout"] = arguments.timeout
    return settings


# --- Looking at a server


def _info(arguments: argparse.Namespace) -> int:
    with AgentOSClient(arguments.url, **_settings(arguments)) as client:
        try:
            about: Dict[str, Any] = client.info().to_dict()
        except NotFoundError:
            about = {}  # servers before 2.9 have no /info; their /config tells the rest
        try:
            config: Optional[Dict[str, Any]] = client.get_config().to_dict()
        except AuthenticationError:
            if not about:
                raise
            config = None
        if arguments.json:
            print(json.dumps({"info": about, "config": config}))
            return 0
        _row("server", client.base_url)
        _row("os id", about.get("os_id") or (config or {}).get("os_id"))
        _row("agno", about.get("agno_version"))
        _row("authentication", about.get("auth_mode"))
        if config is None:
            for kind in ("agent", "team", "workflow"):
                _row(kind + "s", about.get(kind + "_count"))
            _say(
                "The rest needs a token: --token or %s (what was given is not accepted)."
                % TOKEN_VARIABLE
            )
            return 0
        _row("databases", ", ".join(map(str, config.get("databases") or [])))
        for kind in ("agents", "teams", "workflows"):
            _row(kind, ", ".join(str(item.get("id")) for item in config.get(kind) or []))
    return 0


def _row(label: str, value: Any) -> None:
    if value not in (None, ""):
        _print("%-15s %s\n" % (label, value))


def _list(arguments: argparse.Namespace) -> int:
    with AgentOSClient(arguments.url, **_settings(arguments)) as client:
        listing: Dict[str, Callable[[], Sequence[Any]]] = {
            "agents": client.list_agents,
            "teams": client.list_teams,
            "workflows": client.list_workflows,
        }
        items = listing[arguments.kind]()
    if arguments.json:
        for item in items:
            print(json.dumps(item.to_dict()))
        return 0
    width = max((len(item.id or "") for item in items), default=0)
    for item in items:
        about = " - ".join(text for text in (item.name, item.description) if text)
        _print("%-*s  %s\n" % (width, item.id, about))
    return 0


# --- Running


def _run(arguments: argparse.Namespace) -> int:
    text = sys.stdin.read() if arguments.text == "-" else arguments.text
    remote_type: Type[Any] = arguments.remote
    options: Dict[str, Any] = {
        "run_id": str(uuid.uuid4()),
        "session_id": arguments.session or str(uuid.uuid4()),
        "user_id": arguments.user,
    }
    with remote_type(arguments.url, arguments.id, **_settings(arguments)) as remote:
        if arguments.no_stream:
            output = _run_blocking(remote, text, options)
        else:
            output = _run_streaming(remote, text, options, arguments)
        if output is None:
            return _INTERRUPTED
        if arguments.no_stream:
            _print(json.dumps(output.to_dict()) if arguments.json else _content(output))
            _print("\n")
    return _report(output)


def _run_blocking(remote: Remote, text: str, options: Dict[str, Any]) -> Any:
    try:
        return remote.run(text, **options)
    except KeyboardInterrupt:
        cancelled = remote.cancel_run(options["run_id"], session_id=options["session_id"], wait=5.0)
        _say_cancelled(cancelled, options["run_id"])
        return None


def _run_streaming(
    remote: Remote, text: str, options: Dict[str, Any], arguments: argparse.Namespace
) -> Any:
    with remote.run(text, stream=True, **options) as stream:
        try:
            if arguments.json:
                for event in stream:
                    print(json.dumps(event.to_dict()), flush=True)
            else:
                _show(stream, arguments.quiet)
            return stream.output()
        except KeyboardInterrupt:
            _say_cancelled(stream.cancel(wait=5.0), stream.run_id)
            return None


def _show(stream: RunStream[Any, Any], quiet: bool) -> None:
    """The answer on stdout as it comes; what happens on the way on stderr."""
    at_line_start = True
    streamed = False
    for event in stream:
        piece = stream.delta(event)
        if piece:
            _print(piece)
            streamed = True
            at_line_start = piece.endswith("\n")
            continue
        note = None if quiet else _note(event)
        if note:
            if not at_line_start:
                _print("\n")
            _say(note)
            at_line_start = True
    output = stream.output()
    if not streamed and output.status == "COMPLETED":
        _print(_content(output))
        at_line_start = False
    if not at_line_start:
        _print("\n")


def _note(event: Any) -> Optional[str]:
    name = event.event
    if name == "StepStarted":
        return "[step %s]" % event.step_name
    if name.endswith("ToolCallStarted") and event.tool is not None:
        given = ", ".join("%s=%r" % item for item in (event.tool.tool_args or {}).items())
        return "[tool %s(%s)]" % (event.tool.tool_name, given)
    return None


def _content(output: Any) -> str:
    content = output.content
    if content is None or isinstance(content, str):
        return content or ""
    return json.dumps(content)


def _report(output: Any) -> int:
    """The exit status for an output; what is wrong with it goes to stderr."""
    status = output.status
    if status == "ERROR":
        _say("The run failed: %s" % _content(output))
    elif status == "PAUSED":
        waiting = ", ".join(tool.tool_name or "?" for tool in getattr(output, "tools", None) or [])
        _say("The run %s is paused%s." % (output.run_id, waiting and " for " + waiting))
    elif status == "CANCELLED":
        _say("The run was cancelled.")
    return _EXIT_OF_STATUS.get(status or "COMPLETED", 1)


def _say_cancelled(cancelled: bool, run_id: Optional[str]) -> None:
    if cancelled:
        _say("\nCancelled.")
    else:
        _say("\nThe server did not confirm that run %s was cancelled." % run_id)


def _print(text: str) -> None:
    if sys.stdout.isatty():
        text = text.translate(_VISIBLE)
    sys.stdout.write(text)
    sys.stdout.flush()


def _say(text: str) -> None:
    sys.stderr.write(text.translate(_VISIBLE) + "\n")
    sys.stderr.flush()
