"""The ``remoteagent`` command.

A module for each group of commands, which also has their arguments; what speaks to servers is
imported by a command that does.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import Optional, Sequence

from .._version import __version__
from ..errors import RemoteAgentError
from ..options import TOKEN_VARIABLE, URL_VARIABLE
from . import batch, chat, completion, gateway, new, runs, servers, sessions
from .advice import in_words_of_here
from .arguments import EXIT_STATUS, Parser, component, server
from .terminal import open_closed_streams, say

__all__ = ["main"]

_EPILOG = "URL and token can also be given by the environment variables %s and %s. " + EXIT_STATUS


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the command line and return its exit status."""
    open_closed_streams()
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
        say("remoteagent: %s" % in_words_of_here(str(error)))
        return 1
    except KeyboardInterrupt:
        return runs.INTERRUPTED


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = Parser(
        prog="remoteagent",
        description="Look at AgentOS and A2A servers and run what they host.",
        epilog=_EPILOG % (URL_VARIABLE, TOKEN_VARIABLE),
    )
    parser.add_argument("--version", action="version", version="remoteagent-lite " + __version__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    shared, whose = server(words), component(words)
    as_json = Parser(add_help=False)
    as_json.add_argument("--json", action="store_true", help="print JSON")
    servers.add_commands(commands, shared, as_json)
    sessions.add_commands(commands, shared, as_json)
    runs.add_commands(commands, shared, whose, as_json)
    chat.add_commands(commands, shared, whose, as_json)
    batch.add_commands(commands, shared, whose)
    gateway.add_commands(commands)
    new.add_commands(commands)
    host = commands.add_parser("activeworkflow", help="run, serve and check ActiveWorkflow agents")
    if words[:1] in (["activeworkflow"], ["completion"]):  # nobody else pays for the import
        from ..activeworkflow.commands import add_commands

        add_commands(host)
    completion.add_commands(commands, parser)
    return parser
