"""A conversation at the terminal: ``chat``."""

from __future__ import annotations

import argparse
import contextlib
import sys
import uuid
from typing import Any, Dict, Iterator

from ..errors import RemoteAgentError
from .advice import in_words_of_here
from .arguments import EXIT_STATUS, Commands, Parser, opened
from .runs import INTERRUPTED, add_display, converse, report
from .terminal import NobodyError, ask, say

__all__ = ["add_commands"]

_PROMPT = "> "


def add_commands(commands: Commands, *shared: Parser) -> None:
    chat = commands.add_parser(
        "chat",
        parents=shared,
        epilog=EXIT_STATUS,
        help="talk with an agent, team or workflow, line by line",
        description="Each line is a run, in one session. Ctrl-C ends the run, Ctrl-D the chat. "
        "When lines come from elsewhere than a terminal, the first that has no answer ends it, "
        "with the exit status of its run.",
    )
    chat.add_argument("--session", metavar="ID", help="the session to go on with")
    add_display(chat)
    chat.set_defaults(command=_chat)


def _chat(arguments: argparse.Namespace) -> int:
    typed = sys.stdin.isatty()
    session = arguments.session or (None if arguments.a2a else str(uuid.uuid4()))
    status = 0
    with opened(arguments) as remote:
        for line in _lines(typed):
            options: Dict[str, Any] = {"session_id": session, "user_id": arguments.user}
            if not arguments.a2a:
                options["run_id"] = str(uuid.uuid4())
            try:
                output = converse(remote, line, options, arguments, typed)
            except RemoteAgentError as error:
                if not typed:
                    raise
                say("remoteagent: %s" % in_words_of_here(str(error)))
                continue
            if output is None:
                status = INTERRUPTED
            else:
                status = report(output, arguments)
                session = session or output.session_id
            if status and not typed:
                return status
    if typed and session:
        say("Go on with: --session %s" % session)
    return 0


def _lines(typed: bool) -> Iterator[str]:
    """What is said, until there is no more. Ctrl-C takes back a line that is being typed."""
    if typed:
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401  (lets input() edit, and remember)
    while True:
        try:
            line = _typed() if typed else ask("")
        except NobodyError:
            return
        except KeyboardInterrupt:
            if not typed:
                raise
            say("\n(Ctrl-D ends the chat.)")
            continue
        if line:
            yield line


def _typed() -> str:
    if not sys.stdout.isatty():  # input() would put the prompt among the answers
        return ask(_PROMPT)
    try:
        return input(_PROMPT).strip()
    except EOFError:
        say("")
        raise NobodyError from None
