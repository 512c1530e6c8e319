"""Agno's own clients against functions that a gateway serves: ``python -P agno_functions.py URL``.

The functions are those of ``tests/live/test_gateway_local.py``. Runs in the environment of an
AgentOS peer, and prints what the clients saw, as JSON.
"""

import asyncio
import base64
import json
import logging
import sys
from typing import Any, Dict, List

from agno.agent.remote import RemoteAgent
from agno.client.os import AgentOSClient
from agno.media import File, Image
from agno.team.remote import RemoteTeam
from agno.workflow.remote import RemoteWorkflow


def ended(output: Any) -> List[Any]:
    return [str(getattr(output.status, "value", output.status)), output.content]


async def streamed(remote: Any, text: str, **options: Any) -> Dict[str, Any]:
    events = [event async for event in remote.arun(text, stream=True, **options)]
    pieces = [each.content for each in events if each.event.endswith("RunContent")]
    last = events[-1]
    return {
        "events": [each.event for each in events],
        "text": "".join(map(str, pieces)),
        "content": getattr(last, "content", None) or getattr(last, "error", None),
    }


def decide(requirement: Any) -> None:
    """One decision, whichever way Agno has for it."""
    if requirement.needs_confirmation:
        requirement.confirm()
    elif requirement.needs_user_feedback:
        (question,) = requirement.user_feedback_schema
        requirement.provide_user_feedback({question.question: [question.options[0].label]})
    else:
        requirement.provide_user_input({"input": "hall"})


def decide_step(step: Any) -> None:
    if step.needs_confirmation:
        step.confirm()
    else:
        (field,) = step.user_input_schema
        choice = field.allowed_values[0] if field.allowed_values else "hall"
        step.set_user_input(input=choice)


async def decided(remote: Any) -> List[Any]:
    """A run with three questions; the last answer is streamed."""
    output = await remote.arun("x", stream=False)
    seen = [output.content]
    for number in range(3):
        last = number == 2
        if isinstance(remote, RemoteWorkflow):
            decide_step(output.step_requirements[-1])
            answer = remote.acontinue_run(output, stream=last)
            if last:
                answer = await answer
        else:
            decide(output.active_requirements[0])
            answer = remote.acontinue_run(
                output.run_id, output.requirements, session_id=output.session_id, stream=last
            )
        if last:
            events = [event async for event in answer]
            seen += [events[0].event, events[-1].event, events[-1].content]
        else:
            output = await answer
            seen.append(output.content)
    return seen


async def cancelled(remote: Any) -> List[str]:
    events = []
    async for event in remote.arun("x", stream=True):
        events.append(event.event)
        if len(events) == 2:
            assert await remote.acancel_run(event.run_id)
    return [*events[:2], events[-1]]


async def files(remote: Any) -> List[Any]:
    given: Dict[str, Any] = {
        "images": [Image(content=b"png", mime_type="image/png")],
        "files": [File(content=b"a,b", mime_type="text/csv", filename="a.csv")],
    }
    output = await remote.arun("x", stream=False, **given)
    seen: List[Any] = [output.content, len(output.images), output.files[0].content.decode()]
    seen.append(base64.b64encode(output.images[0].content).decode())
    events = [event async for event in remote.arun("x", stream=True, **given)]
    custom = [each.artifact["parts"][0] for each in events if each.event == "CustomEvent"]
    seen.append([sorted(each) for each in custom])
    seen += [len(events[-1].images), len(events[-1].files)]
    return seen


async def sessions(url: str) -> List[Any]:
    client = AgentOSClient(url)
    page = await client.get_sessions()
    detail = await client.get_session("kept")
    runs = await client.get_session_runs("kept")
    renamed = await client.rename_session("kept", "mine")
    await client.delete_session("kept")
    return [
        "kept" in [each.session_id for each in page.data],
        detail.session_name,
        [each["content"] for each in detail.chat_history],
        [each.content for each in runs],
        renamed.session_name,
    ]


async def main() -> None:
    logging.disable(logging.CRITICAL)
    url = sys.argv[1]
    greeter = RemoteAgent(base_url=url, agent_id="greeter")
    report = RemoteWorkflow(base_url=url, workflow_id="report")
    painters = [
        RemoteAgent(base_url=url, agent_id="painter"),
        RemoteTeam(base_url=url, team_id="painters"),
        RemoteWorkflow(base_url=url, workflow_id="painting"),
    ]
    config = await AgentOSClient(url).aget_config()
    seen: Dict[str, Any] = {
        "config": [[each.id for each in kind] for kind in (config.agents, config.workflows)],
        "run": ended(await greeter.arun("you", stream=False, session_id="kept", user_id="ann")),
        "stream": await streamed(greeter, "you"),
        "quiet": await streamed(greeter, "you", stream_events=False),
        "failed": await streamed(RemoteAgent(base_url=url, agent_id="fails"), "say"),
        "workflow": ended(await report.arun("x", stream=False)),
        "workflow stream": await streamed(report, "x"),
        "composed": await streamed(RemoteWorkflow(base_url=url, workflow_id="composed"), "hello"),
        "questions": [await decided(each) for each in painters],
        "cancelled": await cancelled(RemoteAgent(base_url=url, agent_id="endless")),
        "files": await files(RemoteAgent(base_url=url, agent_id="files")),
        "sessions": await sessions(url),
    }
    print(json.dumps(seen))


asyncio.run(main())
