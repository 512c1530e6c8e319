"""Running a component: ``run`` and ``continue``."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import uuid
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence

from ..media import Audio, File, Image, Media, Video, type_of
from .arguments import EXIT_STATUS, Commands, Parser, opened
from .decisions import decide
from .terminal import content_of, say, write

if TYPE_CHECKING:
    from ..runs.stream import RunStream
    from .arguments import Remote

__all__ = ["INTERRUPTED", "add_commands", "add_display", "converse", "report"]

#: The exit status after Ctrl-C.
INTERRUPTED = 130
_EXIT_OF_STATUS = {"COMPLETED": 0, "ERROR": 3, "PAUSED": 4, "CANCELLED": 5}
_KINDS = (("images", Image), ("audio", Audio), ("videos", Video))


def add_commands(commands: Commands, *shared: Parser) -> None:
    run = commands.add_parser(
        "run",
        parents=shared,
        epilog=EXIT_STATUS,
        help="run an agent, team or workflow",
        description="Run a component and print its answer as it comes. Ctrl-C cancels the run.",
    )
    run.add_argument("text", metavar="TEXT", help='the input; "-" reads it from standard input')
    run.add_argument("--session", metavar="ID", help="session id, to go on with a conversation")
    run.add_argument(
        "--file",
        action="append",
        default=[],
        metavar="PATH",
        help="send this file too: an image, audio, a video or a document, by its type; "
        "can be repeated",
    )
    add_display(run)
    run.add_argument(
        "--ask",
        action="store_true",
        help="ask for decisions when the run pauses, as is done at a terminal",
    )
    run.set_defaults(command=_run)

    again = commands.add_parser(
        "continue",
        parents=shared,
        epilog=EXIT_STATUS,
        help="decide what a paused run waits for, and go on with it",
        description="Ask for the decisions that a paused run waits for, and go on with it. The "
        "answers are read from standard input.",
    )
    again.add_argument("run", metavar="RUN", help="the id of the run")
    again.add_argument("--session", metavar="ID", help="the session of the run")
    add_display(again)
    again.set_defaults(command=_continue)


def add_display(parser: argparse.ArgumentParser) -> None:
    """How the answer is shown."""
    parser.add_argument("--no-stream", action="store_true", help="wait for the whole answer")
    parser.add_argument("--quiet", action="store_true", help="no lines about steps and tools")


def _run(arguments: argparse.Namespace) -> int:
    text = sys.stdin.read() if arguments.text == "-" else arguments.text
    options: Dict[str, Any] = {"session_id": arguments.session, "user_id": arguments.user}
    options.update(_attached(arguments.file))
    if not arguments.a2a:
        options["run_id"] = str(uuid.uuid4())
    asking = arguments.text != "-" and (arguments.ask or sys.stdin.isatty())
    with opened(arguments) as remote:
        output = converse(remote, text, options, arguments, asking)
    return INTERRUPTED if output is None else report(output, arguments)


def _continue(arguments: argparse.Namespace) -> int:
    with opened(arguments) as remote:
        output: Any = remote.get_run(arguments.run, arguments.session)
        if not output.is_paused:
            say("The run %s does not wait for anybody." % output.run_id)
            write(content_of(output) + "\n")
            return report(output, arguments)
        answer = decide(output)
        if answer is not None:
            options = {"user_id": arguments.user, **answer}
            output = converse(remote, output, options, arguments, True)
    return INTERRUPTED if output is None else report(output, arguments)


def _attached(paths: Sequence[str]) -> Dict[str, List[Media]]:
    """The options of a run for local files."""
    found: Dict[str, List[Media]] = {}
    for path in paths:
        item: Media = File.from_path(path)
        kind = type_of(item) or ""
        for name, media in _KINDS:
            if kind.startswith(media.family):
                item = media(content=item.content, mime_type=kind, filename=item.filename)
                found.setdefault(name, []).append(item)
                break
        else:
            found.setdefault("files", []).append(item)
    return found


def converse(
    remote: Remote, given: Any, options: Dict[str, Any], arguments: Any, asking: bool
) -> Any:
    """Run the component on text, or go on with a paused output, and show what it answers.

    The output when it has ended, or waits for what nobody decides; None after Ctrl-C.
    """
    while True:
        show = _run_blocking if arguments.no_stream else _run_streaming
        output = show(remote, given, options, arguments)
        if output is None:
            return None
        answer = decide(output) if asking and output.is_paused else None
        if answer is None:
            break
        # From now on it is this output that goes on, under ids of its own.
        given, options = output, {"user_id": arguments.user, **answer}
    if arguments.no_stream:
        write(json.dumps(output.to_dict()) if arguments.json else content_of(output))
        write("\n")
    return output


def _run_blocking(
    remote: Remote, given: Any, options: Dict[str, Any], arguments: argparse.Namespace
) -> Any:
    begin: Callable[..., Any] = remote.run if isinstance(given, str) else remote.continue_run
    try:
        return begin(given, **options)
    except KeyboardInterrupt:
        _cancel(remote, given, options)
        return None


def _run_streaming(
    remote: Remote, given: Any, options: Dict[str, Any], arguments: argparse.Namespace
) -> Any:
    begin: Callable[..., Any] = remote.run if isinstance(given, str) else remote.continue_run
    try:
        answer = begin(given, stream=True, **options)
    except KeyboardInterrupt:
        _cancel(remote, given, options)
        return None
    with answer as stream:
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


def _cancel(remote: Remote, given: Any, options: Dict[str, Any]) -> None:
    """Cancel what has been sent, and has not been answered."""
    if "run_id" not in options and isinstance(given, str):
        say("\nThe agent was not asked to stop: it had not told the task's id yet.")
        return
    ids = options if isinstance(given, str) else given.to_dict()
    cancelled = remote.cancel_run(ids["run_id"], session_id=ids["session_id"], wait=5.0)
    _say_cancelled(cancelled, ids["run_id"])


def _show(stream: RunStream[Any, Any], quiet: bool) -> None:
    """The answer on stdout as it comes; what happens on the way on stderr."""
    at_line_start = True
    streamed = False
    for event in stream:
        piece = stream.delta(event)
        if piece:
            write(piece)
            streamed = True
            at_line_start = piece.endswith("\n")
            continue
        note = _note(event)
        if note:  # the answers of two steps are apart, even if nothing is said between them
            if not at_line_start:
                write("\n")
            if not quiet:
                say(note)
            at_line_start = True
    output = stream.output()
    rest = stream.rest()
    if not rest and not streamed and output.status == "COMPLETED":
        rest = content_of(output)  # no text: structured
    if rest:
        write(rest.lstrip("\n") if at_line_start else rest)
        at_line_start = False
    if not at_line_start:
        write("\n")


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


def report(output: Any, arguments: argparse.Namespace) -> int:
    """The exit status for an output; what is wrong with it goes to stderr."""
    status = output.status
    if status == "ERROR":
        say("The run failed: %s" % (output.reason or content_of(output)))
    elif status == "PAUSED":
        say("The run %s is paused for %s." % (output.run_id, output.waits_for or "a decision"))
        say("Go on with: %s" % _command_for(output, arguments))
    elif status == "CANCELLED":
        say("The run was cancelled.")
    return _EXIT_OF_STATUS.get(status or "COMPLETED", 1)


def _command_for(output: Any, arguments: argparse.Namespace) -> str:
    """The command that decides what a paused run waits for; without secrets."""
    from ..errors import shown_url

    words = ["remoteagent", "continue"]
    if arguments.url:
        words.append(shown_url(arguments.url))
    if not arguments.a2a:
        words.append(arguments.id)
    words.append(output.run_id)
    if output.session_id:
        words += ["--session", output.session_id]
    if arguments.kind != "agent":
        words.append("--" + arguments.kind)
    if arguments.a2a:
        words.append("--a2a")
    if arguments.binding != "auto":
        words += ["--binding", arguments.binding]
    if arguments.interface_url:
        words += ["--interface-url", shown_url(arguments.interface_url)]
    if arguments.user:
        words += ["--user", arguments.user]
    for option, values in (
        ("--allow-host", arguments.allow_host),
        ("--extension", arguments.extension),
    ):
        for value in values or ():
            words += [option, value]
    if arguments.token:
        words += ["--token", "..."]
    for header in arguments.header:
        words += ["--header", header.partition(":")[0] + ": ..."]
    return " ".join(map(shlex.quote, words))


def _say_cancelled(cancelled: bool, run_id: Optional[str]) -> None:
    if cancelled:
        say("\nCancelled.")
    else:
        say("\nThe server did not confirm that run %s was cancelled." % run_id)
