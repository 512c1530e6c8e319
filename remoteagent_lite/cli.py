"""The ``remoteagent`` command.

Exit status: 0 the run completed; 1 the exchange failed (message on stderr); 2 wrong usage;
3 the run ended as an error; 4 it is paused and waits for a decision; 5 it was cancelled;
130 interrupted by Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import uuid
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence, Type, Union

from ._version import __version__
from .a2a_client import A2AClient
from .client import AgentOSClient
from .errors import AuthenticationError, RemoteAgentError, UnsupportedError
from .options import TOKEN_VARIABLE, URL_VARIABLE, from_environment
from .remote import RemoteAgent, RemoteTeam, RemoteWorkflow

if TYPE_CHECKING:
    from .runs.stream import RunStream

    Remote = Union[RemoteAgent, RemoteTeam, RemoteWorkflow]

__all__ = ["main"]

_EXIT_OF_STATUS = {"COMPLETED": 0, "ERROR": 3, "PAUSED": 4, "CANCELLED": 5}
_INTERRUPTED = 130

#: A remote agent's text must not steer the terminal: control characters are shown as symbols.
_VISIBLE = {code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\n\t"}
_VISIBLE[0x7F] = "\u2421"
_VISIBLE.update(dict.fromkeys(range(128, 160), "�"))

#: What errors advise in terms of Python, and what it is called here. Others may follow.
_HERE = [
    (re.compile(pattern), words)
    for pattern, words in (
        (r" \(Timeout\((read|total)=\.\.\.\)\)", ""),
        (r"timeout=, or use stream=True", "--timeout"),
        (r"timeout=", "--timeout"),
        (r"auth_token=(\.\.\.|(?=\W|$))", "--token"),
        (r"headers=\{\"([^\"]*)\": [^}]*\}", r"--header '\1: ...'"),
        (r"headers=", "--header"),
        (r"base_url=https://", "https://"),
        (r"base_url", "URL"),
        (r"proxies= and ", ""),
        (r"verify='([^']*)'", r"REQUESTS_CA_BUNDLE=\1"),
        (r"allow_hosts=\['([^']*)'\]", r"--allow-host \1"),
        (r"extensions=\[(\.\.\.|'[^']*')\]", r"--extension \1"),
        (r"interface_url=", "--interface-url"),
        (r"allow_hosts=", "--allow-host"),
        (r"extensions=", "--extension"),
        (r"protocol=\"a2a\"", "--a2a"),
        (r"a2a_protocol=\"([^\"]*)\"", r"--binding \1"),
        (r"a2a_protocol=( and a2a_version=)?", "--binding"),
        (r" What had arrived is in this error's `output`; get_run\(run_id\) tells.*", ""),
        (r"cancel_run\(\) it", "cancel it"),
        (r" Ask for less \(limit=, page=\) if you can\.", ""),
    )
]


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the command line and return its exit status."""
    _open_closed_streams()
    words = list(sys.argv[1:] if argv is None else argv)
    parser = _parser(words)
    arguments, unknown = parser.parse_known_args(words)
    if unknown:
        # The values of options may be secrets.
        options = [each.partition("=")[0] for each in unknown if each.startswith("-")]
        parser.error("unrecognized arguments: " + " ".join(options or unknown))
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
        _say("remoteagent: %s" % _in_words_of_here(str(error)))
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED


def _open_closed_streams() -> None:
    """Put something in the place of standard streams that were closed (``>&-``)."""
    # In this order: an open file takes the lowest number that is free, and no socket may get these.
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = open(os.devnull, mode, encoding="utf-8")  # noqa: SIM115
            setattr(sys, name, stream)


def _in_words_of_here(text: str) -> str:
    for pattern, words in _HERE:
        text = pattern.sub(words, text)
    return text


class _Parser(argparse.ArgumentParser):
    """Does not repeat the value of an option that stands before the command: it may be a secret."""

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if isinstance(action, argparse._SubParsersAction) and value not in action.choices:
            known = ", ".join(action.choices)
            self.error("the first word has to be a command, one of %s" % known)
        super()._check_value(action, value)


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="remoteagent",
        description="Look at AgentOS and A2A servers and run what they host.",
        epilog="URL and token can also be given by the environment variables %s and %s."
        % (URL_VARIABLE, TOKEN_VARIABLE),
    )
    parser.add_argument("--version", action="version", version="remoteagent-lite " + __version__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    shared = _Parser(add_help=False)
    if from_environment(URL_VARIABLE) is None or any(map(_is_url, words)):
        shared.add_argument(
            "url",
            metavar="URL",
            help="the server, e.g. http://localhost:7777; can be left out where %s is set"
            % URL_VARIABLE,
        )
    else:
        shared.set_defaults(url=None)
    shared.add_argument("--token", help="bearer token or security key")
    shared.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="the longest silence (default 60)"
    )
    shared.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="NAME:VALUE",
        help="send this header too, such as an API key; can be repeated",
    )
    shared.add_argument("--json", action="store_true", help="print JSON")

    info = commands.add_parser("info", parents=[shared], help="version, databases, what it hosts")
    info.set_defaults(command=_info)
    for name in ("agents", "teams", "workflows"):
        listing = commands.add_parser(name, parents=[shared], help="list the server's %s" % name)
        listing.set_defaults(command=_list, kind=name)

    card = commands.add_parser(
        "card", parents=[shared], help="show the card of an A2A agent, and what is wrong in it"
    )
    card.add_argument(
        "--verify",
        action="append",
        default=[],
        metavar="KEY",
        help="refuse a card that is not signed with this key: the file of a public key (PEM) or "
        "of JWKs, or the https URL of a set of them; can be repeated",
    )
    card.set_defaults(command=_card)

    run = commands.add_parser(
        "run",
        parents=[shared],
        help="run an agent, team or workflow",
        description="Run a component and print its answer as it comes. Ctrl-C cancels the run.",
    )
    if "--a2a" in words:  # the URL is the agent's own, which needs no id
        run.set_defaults(id="a2a")
    else:
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
    run.add_argument(
        "--a2a", action="store_true", help="URL is an A2A agent's, which has no ID: URL TEXT"
    )
    run.add_argument(
        "--binding",
        choices=("auto", "json-rpc", "rest"),
        default="auto",
        help="how to speak A2A (default: whatever the agent's card offers)",
    )
    run.add_argument("--interface-url", metavar="URL", help="speak A2A there, without a card")
    run.add_argument(
        "--allow-host",
        action="append",
        metavar="HOST",
        help="another origin that the A2A card may point to; can be repeated",
    )
    run.add_argument(
        "--extension",
        action="append",
        metavar="URI",
        help="an A2A extension that you keep to; can be repeated",
    )
    run.add_argument("--no-stream", action="store_true", help="wait for the whole answer")
    run.add_argument("--user", metavar="ID", help="user id")
    run.add_argument("--session", metavar="ID", help="session id, to go on with a conversation")
    run.add_argument(
        "--ask",
        action="store_true",
        help="ask for decisions when the run pauses, as is done at a terminal",
    )
    run.add_argument("--quiet", action="store_true", help="no lines about steps and tools")
    run.set_defaults(command=_run, remote=RemoteAgent)

    host = commands.add_parser("activeworkflow", help="run, serve and check ActiveWorkflow agents")
    if words[:1] == ["activeworkflow"]:  # nobody else pays for the import
        from .activeworkflow.commands import add_commands

        add_commands(host)
    return parser


def _is_url(word: str) -> bool:
    return word.lower().startswith(("http://", "https://")) and not any(map(str.isspace, word))


def _settings(arguments: argparse.Namespace) -> Dict[str, Any]:
    settings: Dict[str, Any] = {}
    if arguments.token:
        settings["auth_token"] = arguments.token
    if arguments.timeout is not None:
        settings["timeout"] = arguments.timeout
    headers = {}
    for header in arguments.header:
        name, colon, value = header.partition(":")
        if not colon:
            raise ValueError("--header must be NAME:VALUE")
        headers[name.strip()] = value.strip()
    if headers:
        settings["headers"] = headers
    return settings


# --- Looking at a server


def _info(arguments: argparse.Namespace) -> int:
    settings = _settings(arguments)
    with AgentOSClient(arguments.url, **settings) as client:
        try:
            about: Dict[str, Any] = client.info().to_dict()
        except UnsupportedError:
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
                "The token that was given is not accepted, and the rest needs one."
                if "auth_token" in settings
                else "The rest needs a token: --token or %s." % TOKEN_VARIABLE
            )
            return 0
        _row("databases", ", ".join(map(str, config.get("databases") or [])))
        for kind in ("agents", "teams", "workflows"):
            _row(kind, ", ".join(str(item.get("id")) for item in config.get(kind) or []))
    return 0


def _card(arguments: argparse.Namespace) -> int:
    settings = _settings(arguments)
    if arguments.verify:
        settings["verify_card"] = _verifier(arguments.verify)
    with A2AClient(arguments.url, **settings) as client:
        if arguments.json:
            print(json.dumps(client.get_card().to_dict()))
        else:
            _print(client.describe_card().rstrip("\n") + "\n")
    return 0


def _verifier(given: Sequence[str]) -> Any:
    from .signatures import CardVerifier  # nobody else pays for the import

    keys: List[Any] = []
    for each in given:
        if each.lower().startswith(("http://", "https://")):
            keys.append(each)
            continue
        with open(each, encoding="utf-8") as file:
            text = file.read()
        keys.append(json.loads(text) if text.lstrip().startswith("{") else text)
    try:
        return CardVerifier(*keys)
    except (ImportError, TypeError) as error:
        raise ValueError("--verify: %s" % error) from error


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
    options: Dict[str, Any] = {"session_id": arguments.session, "user_id": arguments.user}
    settings = dict(
        _settings(arguments),
        interface_url=arguments.interface_url,
        allow_hosts=arguments.allow_host or (),
        extensions=arguments.extension or (),
    )
    if arguments.a2a:
        settings.update(protocol="a2a", a2a_protocol=arguments.binding)
    else:
        options["run_id"] = str(uuid.uuid4())
        options["session_id"] = arguments.session or str(uuid.uuid4())
    with remote_type(arguments.url, arguments.id, **settings) as remote:
        asking = arguments.text != "-" and (arguments.ask or sys.stdin.isatty())
        while True:
            if arguments.no_stream:
                output = _run_blocking(remote, text, options)
            else:
                output = _run_streaming(remote, text, options, arguments)
            if output is None:
                return _INTERRUPTED
            answer = _decide(output) if asking and output.is_paused else None
            if answer is None:
                break
            # From now on it is this output that goes on, under ids of its own.
            text, options = output, {"user_id": arguments.user, **answer}
        if arguments.no_stream:
            _print(json.dumps(output.to_dict()) if arguments.json else _content(output))
            _print("\n")
    return _report(output)


def _run_blocking(remote: Remote, given: Any, options: Dict[str, Any]) -> Any:
    """Run the component on text, or go on with a paused output."""
    begin: Callable[..., Any] = remote.run if isinstance(given, str) else remote.continue_run
    try:
        return begin(given, **options)
    except KeyboardInterrupt:
        if "run_id" not in options and isinstance(given, str):
            _say("\nThe agent was not asked to stop: it had not told the task's id yet.")
            return None
        ids = options if isinstance(given, str) else given.to_dict()
        cancelled = remote.cancel_run(ids["run_id"], session_id=ids["session_id"], wait=5.0)
        _say_cancelled(cancelled, ids["run_id"])
        return None


def _run_streaming(
    remote: Remote, given: Any, options: Dict[str, Any], arguments: argparse.Namespace
) -> Any:
    begin: Callable[..., Any] = remote.run if isinstance(given, str) else remote.continue_run
    with begin(given, stream=True, **options) as stream:
        try:
            if arguments.json:
                for event in stream:
                    print(json.dumps(_named(event)), flush=True)
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
    rest = stream.rest()
    if not rest and not streamed and output.status == "COMPLETED":
        rest = _content(output)  # no text: structured
    if rest:
        _print(rest.lstrip("\n") if at_line_start else rest)
        at_line_start = False
    if not at_line_start:
        _print("\n")


def _named(event: Any) -> Dict[str, Any]:
    """An event as a JSON object that has its name, also where the server's own has none."""
    data = event.to_dict()
    if not isinstance(data, dict):
        return {"event": event.event, "data": data}
    return data if data.get("event") else {**data, "event": event.event}


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
        _say("The run failed: %s" % (output.reason or _content(output)))
    elif status == "PAUSED":
        _say("The run %s is paused for %s." % (output.run_id, output.waits_for or "a decision"))
    elif status == "CANCELLED":
        _say("The run was cancelled.")
    return _EXIT_OF_STATUS.get(status or "COMPLETED", 1)


# --- Deciding what a paused run waits for


class _NobodyError(Exception):
    """There is nobody to ask, or nothing they could decide."""


def _decide(output: Any) -> Optional[Dict[str, Any]]:
    """Ask for all decisions; what continue_run needs beside them.

    None when standard input ended before, and nothing is decided.
    """
    try:
        if output.task_state is not None:
            _say("The agent asks: %s" % _content(output))
            return {"input": _read("> ")}
        for item in output.pending:
            for each in item.active_requirements if item.pause_type == "executor" else [item]:
                _say("The run is paused for %s" % each.waits_for)
                _QUESTIONS.get(each.pause_type, _give_up)(each)
    except _NobodyError:
        return None
    return {}


def _give_up(item: Any) -> None:
    raise _NobodyError


def _read(prompt: str) -> str:
    sys.stderr.write(prompt.translate(_VISIBLE))
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        _say("")
        raise _NobodyError
    return line.strip()


def _ask_confirmation(item: Any) -> None:
    review = item.pause_type == "output_review"
    if review:
        _say(_content(item.step_output or item))
    answer = ""
    while answer[:1] not in (("y", "n", "e") if review else ("y", "n")) or not answer:
        answer = _read("Allow it? [y/n%s] " % ("/e to edit" if review else "")).lower()
    if answer[0] == "y":
        item.confirm()
    elif answer[0] == "e":
        item.edit(_read("Instead: "))
    else:
        item.reject(_read("Why not? ") or None)


def _ask_values(item: Any) -> None:
    call = getattr(item, "tool_execution", item)
    while True:
        values: Dict[str, Any] = {}
        for field in call.user_input_schema or []:
            if field.value is None:
                text = _read("%s (%s): " % (field.description or field.name, field.field_type))
                values[field.name] = _typed(text, field.field_type) if text else None
        try:
            return item.answer(values)  # type: ignore[no-any-return]
        except ValueError as error:
            _say(str(error))


def _typed(text: str, field_type: str) -> Any:
    """``text`` as that type if it can be; else as it is, and the server says what is wrong."""
    if field_type == "bool":
        return {"y": True, "t": True, "n": False, "f": False}.get(text[0].lower(), text)
    try:
        return text if field_type == "str" else json.loads(text)
    except ValueError:
        return text


def _ask_options(item: Any) -> None:
    call = getattr(item, "tool_execution", item)
    chosen = {}
    for place, question in enumerate(call.user_feedback_schema):
        labels = [option.label for option in question.options or []]
        chosen[place] = _choose(question.question, labels, bool(question.multi_select))
    item.select(chosen)


def _ask_route(item: Any) -> None:
    several = bool(item.allow_multiple_selections)
    item.select(*_choose(item.user_input_message or "", item.available_choices or [], several))


def _choose(question: str, labels: Sequence[str], several: bool) -> Sequence[str]:
    _say(question)
    for number, label in enumerate(labels, 1):
        _say("  %d. %s" % (number, label))
    while True:
        words = _read("Numbers: " if several else "Number: ").replace(",", " ").split()
        chosen = [label for number, label in enumerate(labels, 1) if str(number) in words]
        if chosen and len(chosen) == len(words) and (several or len(words) == 1):
            return chosen


def _ask_result(item: Any) -> None:
    item.set_result(_read("Result: "))


_QUESTIONS: Dict[str, Callable[[Any], None]] = {
    "confirmation": _ask_confirmation,
    "output_review": _ask_confirmation,
    "user_input": _ask_values,
    "user_feedback": _ask_options,
    "route_selection": _ask_route,
    "external_execution": _ask_result,
}


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
