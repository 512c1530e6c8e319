"""Remote agents composed in plain Python: one after the other, several at once, one of many."""

import os
from typing import Any

from remoteagent_lite import RemoteAgent, RunFailedError
from remoteagent_lite.gateway import AgentError, Run, team, workflow

AGENTS = os.environ["AGENTS_URL"]

researcher = RemoteAgent(AGENTS, "researcher")
writer = RemoteAgent(AGENTS, "writer")
optimist = RemoteAgent(AGENTS, "optimist")
sceptic = RemoteAgent(AGENTS, "sceptic")


@workflow(steps=["research", "write"])
def report(run: Run) -> Any:
    """Researches a subject, and writes about what it has found."""
    facts = run.step("research", researcher, run.text)
    return run.step("write", writer, "Write about this:\n%s" % facts.content)


@team(members=["optimist", "sceptic"])
def panel(run: Run) -> str:
    """Asks two at the same time, and shows both answers."""
    answers = run.gather(
        ("optimist", optimist, "What is good about this? %s" % run.text),
        ("sceptic", sceptic, "What is bad about this? %s" % run.text),
    )
    return "Good: %s\nBad: %s" % tuple(each.content for each in answers)


@team(members=["researcher", "writer"], examples=["write: a haiku"])
def desk(run: Run) -> Any:
    """Gives the work to who can do it: "research: ..." or "write: ..."."""
    kind, colon, work = run.text.partition(":")
    members = {"research": researcher, "write": writer}
    member = members.get(kind.strip().lower())
    if not colon or member is None:
        run.reject('Begin with "research:" or "write:".')
    try:
        return run.step(kind.strip(), member, work.strip(), session_id=run.session_id)
    except RunFailedError as error:
        raise AgentError("The %s could not do it: %s" % (kind, error.output.content)) from error
