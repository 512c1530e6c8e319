"""Looking at a server: ``info``, ``agents``, ``teams``, ``workflows`` and ``card``."""

from __future__ import annotations

import argparse
import json
from typing import Any, Callable, Dict, List, Optional, Sequence

from ..errors import AuthenticationError, UnsupportedError
from ..options import TOKEN_VARIABLE
from .arguments import Commands, Parser, settings
from .terminal import row, say, write

__all__ = ["add_commands"]


def add_commands(commands: Commands, *shared: Parser) -> None:
    info = commands.add_parser("info", parents=shared, help="version, databases, what it hosts")
    info.set_defaults(command=_info)
    for name in ("agents", "teams", "workflows"):
        listing = commands.add_parser(name, parents=shared, help="list the server's %s" % name)
        listing.set_defaults(command=_list, kind=name)
    card = commands.add_parser(
        "card", parents=shared, help="show the card of an A2A agent, and what is wrong in it"
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


def _info(arguments: argparse.Namespace) -> int:
    from ..client import AgentOSClient  # --help does not pay for it

    given = settings(arguments)
    with AgentOSClient(arguments.url, **given) as client:
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
        row("server", client.base_url)
        row("os id", about.get("os_id") or (config or {}).get("os_id"))
        row("agno", about.get("agno_version"))
        row("authentication", about.get("auth_mode"))
        if config is None:
            for kind in ("agent", "team", "workflow"):
                row(kind + "s", about.get(kind + "_count"))
            say(
                "The token that was given is not accepted, and the rest needs one."
                if "auth_token" in given
                else "The rest needs a token: --token or %s." % TOKEN_VARIABLE
            )
            return 0
        row("databases", ", ".join(map(str, config.get("databases") or [])))
        for kind in ("agents", "teams", "workflows"):
            row(kind, ", ".join(str(item.get("id")) for item in config.get(kind) or []))
    return 0


def _list(arguments: argparse.Namespace) -> int:
    from ..client import AgentOSClient  # as above

    with AgentOSClient(arguments.url, **settings(arguments)) as client:
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
        write("%-*s  %s\n" % (width, item.id, about))
    return 0


def _card(arguments: argparse.Namespace) -> int:
    from ..a2a_client import A2AClient  # as above

    given = settings(arguments)
    if arguments.verify:
        given["verify_card"] = _verifier(arguments.verify)
    with A2AClient(arguments.url, **given) as client:
        if arguments.json:
            print(json.dumps(client.get_card().to_dict()))
        else:
            write(client.describe_card().rstrip("\n") + "\n")
    return 0


def _verifier(given: Sequence[str]) -> Any:
    from ..signatures import CardVerifier  # nobody else pays for the import

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
