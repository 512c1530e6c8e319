"""What a server remembers: ``sessions``."""

from __future__ import annotations

import argparse
import itertools
import json
from typing import Any, Iterable

from .arguments import Commands, Parser, number, settings
from .terminal import content_of, row, write

__all__ = ["add_commands"]


def add_commands(commands: Commands, *shared: Parser) -> None:
    sessions = commands.add_parser(
        "sessions",
        parents=shared,
        help="list the sessions of a server, or show one",
        description="List sessions, the latest first; or show what was asked and answered in one.",
    )
    sessions.add_argument("session", nargs="?", metavar="SESSION", help="the id of one to show")
    sessions.add_argument("--user", metavar="ID", help="those of that user")
    sessions.add_argument(
        "--of", metavar="ID", help="those of that agent, team or workflow", dest="component"
    )
    sessions.add_argument(
        "--type",
        choices=("agent", "team", "workflow"),
        help="whose sessions (servers before 2.9 have to be told; default there: agents')",
    )
    sessions.add_argument("--db", metavar="ID", help="which database, if there are several")
    sessions.add_argument(
        "--limit", type=number(1), default=20, metavar="N", help="list at most N (default 20)"
    )
    sessions.set_defaults(command=_sessions)


def _sessions(arguments: argparse.Namespace) -> int:
    from ..client import AgentOSClient  # --help does not pay for it

    options = {"user_id": arguments.user, "db_id": arguments.db}
    with AgentOSClient(arguments.url, **settings(arguments)) as client:
        if arguments.session:
            runs = client.get_session_runs(arguments.session, arguments.type, **options)
            _show(runs, arguments.json)
            return 0
        found = client.iter_sessions(
            arguments.type,
            component_id=arguments.component,
            limit=min(arguments.limit, 100),
            sort_by="updated_at",
            sort_order="desc",
            **options,
        )
        for session in itertools.islice(found, arguments.limit):
            if arguments.json:
                print(json.dumps(session.to_dict()))
                continue
            whose = session.agent_id or session.team_id or session.workflow_id or ""
            changed = session.updated_at or session.created_at or ""
            name = " ".join((session.session_name or "").split())
            write("%-36s  %-20s  %-20s  %s\n" % (session.session_id, changed, whose, name))
    return 0


def _show(runs: Iterable[Any], as_json: bool) -> None:
    for run in runs:
        if as_json:
            print(json.dumps(run.to_dict()))
            continue
        write("> %s\n%s\n" % (run.run_input or "", content_of(run)))
        if run.status not in (None, "COMPLETED"):
            row("status", run.status)
            row("run", run.run_id)
