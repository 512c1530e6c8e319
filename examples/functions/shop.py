"""What a shop asks agents for: data in and out, tools that are told of, a human's decision."""

import json
import os
import sqlite3
from typing import Any, Dict, List

from remoteagent_lite.gateway import AgentError, Run, agent, workflow

PRICES = {"tea": 4.5, "cup": 12.0}


def find_order(number: int) -> Dict[str, Any]:
    """Stands for a database."""
    if number != 42:
        raise AgentError("There is no order %d." % number)
    return {"number": 42, "state": "sent", "total": 21.0}


#: Stands for the bank.
payments: List[Dict[str, Any]] = []


def pay_back(order: int, amount: float) -> str:
    payments.append({"order": order, "amount": amount})
    return "payment-%d" % len(payments)


@agent(input_modes=["application/json"], output_modes=["application/json"])
def quote(run: Run) -> Any:
    """Says what {"tea": 2} costs. Data in, data out."""
    try:
        (items,) = run.data or [json.loads(run.text)]
        lines = {name: count * PRICES[name] for name, count in items.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise AgentError('Say how many of what: {"tea": 2}.') from None
    return {"lines": lines, "total": sum(lines.values())}


@agent(examples=["42"])
def order_status(run: Run) -> str:
    """Says where an order is. Its caller sees what is looked up, and with what result."""
    order = run.tool("find_order", {"number": number_in(run.text)}, find_order)
    return "Order %(number)d is %(state)s." % order


@workflow(steps=["find", "pay back"])
def refund(run: Run) -> str:
    """Pays an order back, once somebody has said yes.

    The answer may come days later, to another process: what was found before is given again.
    """
    order = run.step("find", find_order, number_in(run.text)).content
    args = {"order": order["number"], "amount": order["total"]}
    decision = run.confirm("pay_back", args, "Pay back %.2f?" % order["total"])
    if not decision:
        return "Nothing is paid back: %s" % (decision.note or "it was not confirmed")
    return "Paid back: %s." % run.tool("pay_back", args, pay_back)


@agent
def order_tea(run: Run) -> str:
    """Asks for what it is not told."""
    kind = run.ask("Which tea?", ["green", "black"])
    count = number_in(run.ask("How many packets?"))
    run.event("ordered", kind=kind, count=count)
    return "%d packets of %s tea." % (count, kind)


@agent
def import_rows(run: Run) -> str:
    """Takes lines into a database, all or none: a run that is cancelled leaves nothing."""
    database = sqlite3.connect(os.environ.get("ROWS", "rows.db"))
    try:
        with database:  # rolls back if this ends by an exception, a cancelled run's too
            database.execute("CREATE TABLE IF NOT EXISTS rows (text TEXT)")
            for number, line in enumerate(run.text.splitlines(), 1):
                database.execute("INSERT INTO rows VALUES (?)", (cleaned(line),))
                run.send("%d " % number)  # here a cancelled run ends
    finally:
        database.close()
    return "rows are in."


def cleaned(line: str) -> str:
    """Stands for work that takes a while."""
    return " ".join(line.split())


def number_in(text: str) -> int:
    digits = "".join(filter(str.isdigit, text))
    if not digits:
        raise AgentError("Which number? %r has none." % text)
    return int(digits)
