"""Agno's own clients against servers: ``python -P agno_clients.py URL...``; what each saw, as JSON.

With ``--a2a`` before it the URL is that of a gateway before a scripted A2A agent, which is called
``painter`` as an agent and ``painters`` as a team.

Runs in the environment of an AgentOS peer. What differs from run to run (ids, times, the server's
address) is replaced, so that two servers that do the same give the same.
"""

import asyncio
import json
import logging
import re
import sys
from typing import Any, Dict

from agno.agent.remote import RemoteAgent
from agno.client.os import AgentOSClient
from agno.run.agent import RunOutput
from agno.team.remote import RemoteTeam
from agno.workflow.remote import RemoteWorkflow

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)?|\d+\.\d+m?s\b")
#: Parts of names of what is different every time.
_PASSING = ("time", "duration", "created_at", "updated_at", "metrics")


def steady(value: Any, url: str) -> Any:
    if isinstance(value, dict):
        return {
            name: steady(each, url)
            for name, each in value.items()
            if not any(part in name for part in _PASSING)
        }
    if isinstance(value, (list, tuple)):
        return [steady(each, url) for each in value]
    if isinstance(value, str):
        return _TIME.sub("TIME", _UUID.sub("UUID", value)).replace(url, "URL")
    return value


def told(output: Any) -> Any:
    if isinstance(output, (dict, list, str)):
        return output
    return output.to_dict() if hasattr(output, "to_dict") else output.model_dump(mode="json")


async def all_of(stream: Any) -> Any:
    return [told(event) async for event in stream]


async def decided(remote: Any, stream: bool) -> Any:
    """A run that pauses, and its end after everything has been confirmed."""
    workflow = isinstance(remote, RemoteWorkflow)
    paused = await remote.arun("delete /x", stream=False)
    if workflow:
        for each in paused.step_requirements:
            each.confirmed = True
        answer = remote.acontinue_run(paused, stream=stream)
        if not stream:
            return told(await answer)
        return await all_of(await answer)
    for each in paused.requirements:
        each.confirm()
    answer = remote.acontinue_run(
        paused.run_id, paused.requirements, session_id=paused.session_id, stream=stream
    )
    return await all_of(answer) if stream else told(await answer)


async def cancelled(remote: Any) -> Any:
    events = []
    async for event in remote.arun("slow:200:0.05", stream=True):
        events.append(event.event)
        if len(events) == 3:
            assert await remote.acancel_run(event.run_id)
    return events[:3] + events[-2:]


async def suite(url: str) -> Dict[str, Any]:
    client = AgentOSClient(url)
    agent = RemoteAgent(base_url=url, agent_id="my-agent")
    team = RemoteTeam(base_url=url, team_id="my-team")
    qa = RemoteWorkflow(base_url=url, workflow_id="qa")
    gated = RemoteWorkflow(base_url=url, workflow_id="gated")
    nobody = RemoteAgent(base_url=url, agent_id="nobody")
    session: Dict[str, Any] = {}

    async def sessions() -> Any:
        output = await agent.arun("remember", stream=False, user_id="gateway-user")
        assert isinstance(output, RunOutput)
        session["id"] = output.session_id
        found = await client.get_session(output.session_id)
        await client.rename_session(output.session_id, "renamed")
        again = await client.get_session(output.session_id)
        runs = await client.get_session_runs(output.session_id)
        await client.delete_session(output.session_id)
        return [told(found), told(again), [told(each) for each in runs]]

    async def memories() -> Any:
        made = await client.create_memory("likes tea", "gateway-user", topics=["tea"])
        got = await client.get_memory(made.memory_id, user_id="gateway-user")
        await client.delete_memory(made.memory_id, user_id="gateway-user")
        return [told(made), told(got)]

    cases = {
        "config": lambda: client.aget_config(),
        "agents": client.list_agents,
        "teams": client.list_teams,
        "workflows": client.list_workflows,
        "agent": agent.get_agent_config,
        "team": team.get_team_config,
        "workflow": qa.get_workflow_config,
        "agent run": lambda: agent.arun("hello", stream=False, session_id="s", user_id="u"),
        "agent stream": lambda: all_of(agent.arun("hello", stream=True, stream_events=True)),
        "agent tool": lambda: all_of(agent.arun('tool:add {"a": 1, "b": 2}', stream=True)),
        "agent fails": lambda: all_of(agent.arun("boom", stream=True)),
        "agent unicode": lambda: agent.arun("unicode", stream=False),
        "agent decided": lambda: decided(agent, False),
        "agent decided, streamed": lambda: decided(agent, True),
        "agent cancelled": lambda: cancelled(agent),
        "team run": lambda: team.arun("delegate:plain hello", stream=False),
        "team stream": lambda: all_of(team.arun("hello", stream=True, stream_events=True)),
        "team decided": lambda: decided(team, False),
        "team decided, streamed": lambda: decided(team, True),
        "workflow run": lambda: qa.arun("hello", stream=False),
        "workflow stream": lambda: all_of(qa.arun("hello", stream=True, stream_events=True)),
        "workflow decided": lambda: decided(gated, False),
        "workflow decided, streamed": lambda: decided(gated, True),
        "no such agent": lambda: nobody.arun("hello", stream=False),
        "no such agent, streamed": lambda: all_of(nobody.arun("hello", stream=True)),
        "sessions": sessions,
        "no such session": lambda: client.get_session("no-such-session"),
        "memories": memories,
        "knowledge": lambda: client.search_knowledge("nothing that is there"),
        "traces": lambda: client.get_traces(session_id="no-such-session"),
    }
    seen: Dict[str, Any] = {}
    for name, case in cases.items():
        try:
            value = await case()
            if isinstance(value, list):
                value = [
                    each if isinstance(each, (dict, str, list)) else told(each) for each in value
                ]
            elif not isinstance(value, (dict, str)):
                value = told(value)
        except Exception as error:
            value = "%s: %s" % (type(error).__name__, error)
        seen[name] = steady(value, url)
    return seen


async def painted(remote: Any) -> Any:
    whole = await remote.arun("hello", stream=False)
    events = await all_of(remote.arun("hello", stream=True, stream_events=True))
    paused = await remote.arun("ask", stream=False)
    for each in paused.requirements:
        each.provide_user_input({"input": "blue"})
    answered = await remote.acontinue_run(
        paused.run_id, paused.requirements, session_id=paused.session_id, stream=False
    )
    pieces = [event async for event in remote.arun("chunks 3", stream=True)]
    text = "".join(event.content for event in pieces if event.event.endswith("RunContent"))
    return [
        whole.content,
        events[-1]["content"],
        str(getattr(answered.status, "value", answered.status)),
        answered.content,
        text,
    ]


async def main() -> None:
    logging.disable(logging.CRITICAL)
    if sys.argv[1] == "--a2a":
        url = sys.argv[2]
        agent = RemoteAgent(base_url=url, agent_id="painter")
        team = RemoteTeam(base_url=url, team_id="painters")
        print(json.dumps({"painter": await painted(agent), "painters": await painted(team)}))
        return
    print(json.dumps([await suite(url) for url in sys.argv[1:]], default=str))


asyncio.run(main())
