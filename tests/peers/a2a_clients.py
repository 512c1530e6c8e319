"""The A2A clients of others against an agent: ``python -P a2a_clients.py KIND URL...``.

``sdk`` is the A2A SDK's of 1.x, ``sdk-0.3`` that of 0.3, ``agno`` Agno's, ``adk`` Google ADK's;
each runs in the environment of its peer. The agent echoes. What each has seen is printed as JSON.
``sdk`` has what it streams posted to HOOK.
"""

import asyncio
import json
import os
import sys
import uuid
from typing import Any, Dict, List


async def sdk(url: str, binding: str) -> Dict[str, Any]:
    import httpx
    from a2a.client import ClientConfig, create_client
    from a2a.types import (
        CancelTaskRequest,
        GetTaskRequest,
        ListTasksRequest,
        Message,
        Part,
        Role,
        SendMessageRequest,
        TaskPushNotificationConfig,
    )
    from google.protobuf.json_format import MessageToDict

    seen: Dict[str, Any] = {}

    def said(text: str, **ids: Any) -> Any:
        parts = [Part(text=text)]
        message = Message(message_id=str(uuid.uuid4()), role=Role.ROLE_USER, parts=parts, **ids)
        return SendMessageRequest(message=message)

    async def asked(client: Any, text: str, **ids: Any) -> List[Any]:
        return [MessageToDict(each) async for each in client.send_message(said(text, **ids))]

    hook = TaskPushNotificationConfig(url=os.environ["HOOK"], token="token-0123")
    async with httpx.AsyncClient(timeout=30) as http:
        for streaming in (False, True):
            config = ClientConfig(
                streaming=streaming,
                httpx_client=http,
                supported_protocol_bindings=[binding],
                use_client_preference=True,
                push_notification_config=hook if streaming else None,
            )
            client = await create_client(url, client_config=config)

            events = await asked(client, "hello world")
            kinds = ["".join(each) for each in events]
            text = ""
            for each in events:
                update = each.get("artifactUpdate", {})
                artifacts = each.get("task", {}).get("artifacts", [update.get("artifact", {})])
                for part in (part for each in artifacts for part in each.get("parts", [])):
                    text = part["text"] if not update.get("append") else text + part["text"]
            seen["streamed" if streaming else "whole"] = [kinds[0], kinds[-1], text]
            if streaming:
                continue
            task = events[-1]["task"]
            again = await client.get_task(GetTaskRequest(id=task["id"]))
            seen["got"] = MessageToDict(again)["status"]["state"]
            listed = await client.list_tasks(ListTasksRequest(context_id=task["contextId"]))
            seen["listed"] = [each.id == task["id"] for each in listed.tasks]
            paused = (await asked(client, "delete /x"))[-1]["task"]
            seen["asks"] = paused["status"]["state"]
            ids = {"task_id": paused["id"], "context_id": paused["contextId"]}
            answered = (await asked(client, "yes", **ids))[-1]["task"]
            seen["answered"] = answered["artifacts"][0]["parts"][0]["text"]
            for name, ask in (
                ("over", client.cancel_task(CancelTaskRequest(id=task["id"]))),
                ("unknown", client.get_task(GetTaskRequest(id="nothing"))),
            ):
                try:
                    await ask
                    seen[name] = None
                except Exception as error:
                    seen[name] = type(error).__name__
    return seen


async def sdk_03(url: str, binding: str) -> Dict[str, Any]:
    import httpx
    from a2a.client import ClientConfig, ClientFactory
    from a2a.types import Message, Part, Role, TaskQueryParams, TextPart

    seen: Dict[str, Any] = {}
    async with httpx.AsyncClient(timeout=30) as http:
        for streaming in (False, True):
            config = ClientConfig(
                streaming=streaming,
                httpx_client=http,
                supported_transports=[binding],
                use_client_preference=True,
            )
            client = await ClientFactory.connect(url, client_config=config)
            message = Message(
                message_id=str(uuid.uuid4()),
                role=Role.user,
                parts=[Part(root=TextPart(text="hello world"))],
            )
            task = None
            async for event in client.send_message(message):
                task = event[0]
            text = "".join(part.root.text for each in task.artifacts for part in each.parts)
            seen["streamed" if streaming else "whole"] = [task.status.state.value, text]
            again = await client.get_task(TaskQueryParams(id=task.id))
            seen["got"] = again.status.state.value
    return seen


async def agno(url: str, binding: str) -> Dict[str, Any]:
    from agno.client.a2a import A2AClient

    client = A2AClient(url, protocol=binding)
    whole = await client.send_message("hello world")
    events = [event async for event in client.stream_message("hello world")]
    text = "".join(each.content for each in events if each.event_type == "content")
    last = events[-1]
    return {
        "whole": [whole.status, whole.content],
        "streamed": [text, last.event_type, last.is_final, last.content],
    }


async def adk(url: str, binding: str) -> Dict[str, Any]:
    from google.adk.agents.remote_a2a_agent import RemoteA2aAgent
    from google.adk.runners import InMemoryRunner
    from google.genai import types

    remote = RemoteA2aAgent(name="remote", agent_card=url + "/.well-known/agent-card.json")
    runner = InMemoryRunner(remote, app_name="gateway")
    session = await runner.session_service.create_session(app_name="gateway", user_id="u")
    said = types.Content(role="user", parts=[types.Part(text="hello world")])
    texts = []
    async for event in runner.run_async(user_id="u", session_id=session.id, new_message=said):
        if event.content and event.content.parts and not event.partial:
            texts.append("".join(part.text or "" for part in event.content.parts))
    return {"last": texts[-1:]}


KINDS = {"adk": adk, "sdk": sdk, "sdk-0.3": sdk_03, "agno": agno}


async def main() -> None:
    kind, url, *bindings = sys.argv[1:]
    print(json.dumps({each: await KINDS[kind](url, each) for each in bindings}))


asyncio.run(main())
