"""The arguments that several commands share, and what is made of them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, Callable, Dict, Sequence, Union

from ..options import URL_VARIABLE, from_environment

if TYPE_CHECKING:
    from ..remote import RemoteAgent, RemoteTeam, RemoteWorkflow

    Remote = Union[RemoteAgent, RemoteTeam, RemoteWorkflow]

__all__ = [
    "EXIT_STATUS",
    "Commands",
    "Parser",
    "component",
    "number",
    "opened",
    "server",
    "settings",
]

#: For the end of a help text.
EXIT_STATUS = (
    "Exit status: 0 the run completed, all is well; 1 the exchange failed; 2 wrong usage; "
    "3 the run failed, or rows of a batch have no answer; 4 the run is paused and waits for a "
    "decision; 5 the run was cancelled; 130 Ctrl-C."
)

#: What ``add_parser`` is called on.
Commands = Any


class Parser(argparse.ArgumentParser):
    """Does not repeat the value of an option that stands before the command: it may be a secret."""

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if isinstance(action, argparse._SubParsersAction) and value not in action.choices:
            known = ", ".join(action.choices)
            self.error("the first word has to be a command, one of %s" % known)
        super()._check_value(action, value)


def server(words: Sequence[str]) -> Parser:
    """Which server, and how it is spoken to. ``words`` are the whole command."""
    parser = Parser(add_help=False)
    if from_environment(URL_VARIABLE) is None or any(map(_is_url, words)):
        parser.add_argument(
            "url",
            metavar="URL",
            help="the server, e.g. http://localhost:7777; can be left out where %s is set"
            % URL_VARIABLE,
        )
    else:
        parser.set_defaults(url=None)
    parser.add_argument("--token", help="bearer token or security key")
    parser.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="the longest silence (default 60)"
    )
    parser.add_argument(
        "--header",
        action="append",
        default=[],
        metavar="NAME:VALUE",
        help="send this header too, such as an API key; can be repeated",
    )
    return parser


def component(words: Sequence[str]) -> Parser:
    """Which agent, team or workflow of the server, for whom."""
    parser = Parser(add_help=False)
    if "--a2a" in words:  # the URL is the agent's own, which needs no id
        parser.set_defaults(id="a2a")
    else:
        parser.add_argument("id", metavar="ID", help="the agent's id (see: remoteagent agents URL)")
    kind = parser.add_mutually_exclusive_group()
    for name in ("team", "workflow"):
        kind.add_argument(
            "--" + name, dest="kind", action="store_const", const=name, help="ID is a %s's" % name
        )
    parser.add_argument("--a2a", action="store_true", help="URL is an A2A agent's, which has no ID")
    parser.add_argument(
        "--binding",
        choices=("auto", "json-rpc", "rest"),
        default="auto",
        help="how to speak A2A (default: whatever the agent's card offers)",
    )
    parser.add_argument("--interface-url", metavar="URL", help="speak A2A there, without a card")
    parser.add_argument(
        "--allow-host",
        action="append",
        metavar="HOST",
        help="another origin that the A2A card may point to; can be repeated",
    )
    parser.add_argument(
        "--extension",
        action="append",
        metavar="URI",
        help="an A2A extension that you keep to; can be repeated",
    )
    parser.add_argument("--user", metavar="ID", help="user id")
    parser.set_defaults(kind="agent")
    return parser


def number(least: int) -> Callable[[str], int]:
    """The type of an argument: a whole number from ``least`` on."""

    def parsed(text: str) -> int:
        if int(text) < least:
            raise argparse.ArgumentTypeError("must be %d or more" % least)
        return int(text)

    parsed.__name__ = "number"  # as argparse names it in a complaint
    return parsed


def _is_url(word: str) -> bool:
    return word.lower().startswith(("http://", "https://")) and not any(map(str.isspace, word))


def settings(arguments: argparse.Namespace) -> Dict[str, Any]:
    """The settings of whatever speaks to the server."""
    given: Dict[str, Any] = {}
    if arguments.token:
        given["auth_token"] = arguments.token
    if arguments.timeout is not None:
        given["timeout"] = arguments.timeout
    headers = {}
    for header in arguments.header:
        name, colon, value = header.partition(":")
        if not colon:
            raise ValueError("--header must be NAME:VALUE")
        headers[name.strip()] = value.strip()
    if headers:
        given["headers"] = headers
    return given


def opened(arguments: argparse.Namespace, **more: Any) -> Remote:
    """The component that is meant; a context manager."""
    from ..remote import RemoteAgent, RemoteTeam, RemoteWorkflow  # --help does not pay for it

    kinds: Dict[str, Any] = {
        "agent": RemoteAgent,
        "team": RemoteTeam,
        "workflow": RemoteWorkflow,
    }
    given = dict(
        settings(arguments),
        interface_url=arguments.interface_url,
        allow_hosts=arguments.allow_host or (),
        extensions=arguments.extension or (),
        **more,
    )
    if arguments.a2a:
        given.update(protocol="a2a", a2a_protocol=arguments.binding)
    remote: Remote = kinds[arguments.kind](arguments.url, arguments.id, **given)
    return remote
