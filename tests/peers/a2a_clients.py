"""The A2A clients of others against an agent: ``python -P a2a_clients.py KIND URL...``.

``sdk`` is the A2A SDK's of 1.x, ``sdk-0.3`` that of 0.3, ``agno`` Agno's, ``adk`` Google ADK's;
each runs in the environment of its peer. The agent echoes. What each has seen is printed as JSON.
``sdk`` has what it streams posted to HOOK. ``sdk-more`` and ``adk-more`` are for agents that send
files back, and that ask: a stream then ends, and the answer has one of its own.
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


async def sdk_more(url: str, binding: str) -> Dict[str, Any]:
    import httpx
    from a2a.client import ClientConfig, create_client
    from a2a.types import Message, Part, Role, SendMessageRequest, SubscribeToTaskRequest
    from google.protobuf.json_format import MessageToDict

    seen: Dict[str, Any] = {}
    async with httpx.AsyncClient(timeout=30) as http:
        for streaming in (False, True):
            config = ClientConfig(
                streaming=streaming,
                httpx_client=http,
                supported_protocol_bindings=[binding],
                use_client_preference=True,
            )
            client = await create_client(url, client_config=config)

            async def asked(*parts: Any, client: Any = client, **ids: Any) -> List[Any]:
                id = str(uuid.uuid4())
                message = Message(message_id=id, role=Role.ROLE_USER, parts=parts, **ids)
                request = SendMessageRequest(message=message)
                return [MessageToDict(each) async for each in client.send_message(request)]

            file = Part(raw=b"\x00\xff", media_type="image/png", filename="a.png")
            events = await asked(Part(text="turn"), file)
            artifacts = events[-1].get("task", {}).get("artifacts") or [
                each["artifactUpdate"]["artifact"] for each in events if "artifactUpdate" in each
            ]
            (sent,) = (each for each in artifacts if "raw" in each["parts"][0])
            name = "streamed" if streaming else "whole"
            seen[name] = [sent["parts"][0][each] for each in ("raw", "filename", "mediaType")]

            events = await asked(Part(text="delete /x"))
            last = events[-1].get("statusUpdate") or events[-1]["task"]
            seen["asks " + name] = [last["status"]["state"], sorted(map(str, events[0]))]
            ids = {"task_id": last.get("taskId") or last["id"], "context_id": last["contextId"]}
            if streaming:
                # Who has subscribed is there when somebody else answers.
                request = SubscribeToTaskRequest(id=ids["task_id"])
                subscribed = client.subscribe(request)
                first = MessageToDict(await subscribed.__anext__())
                seen["subscribed"] = [first["task"]["status"]["state"]]
            await asked(Part(text="yes"), **ids)
            if streaming:
                states = [MessageToDict(each) async for each in subscribed]
                seen["subscribed"].append(states[-1]["statusUpdate"]["status"]["state"])
    return seen


async def adk_more(url: str, binding: str) -> Dict[str, Any]:
    from google.adk.agents.remote_a2a_agent import RemoteA2aAgent
    from google.adk.runners import InMemoryRunner
    from google.genai import types

    remote = RemoteA2aAgent(name="remote", agent_card=url + "/.well-known/agent-card.json")
    runner = InMemoryRunner(remote, app_name="gateway")
    session = await runner.session_service.create_session(app_name="gateway", user_id="u")
    blob = types.Blob(data=b"\x00\xff", mime_type="image/png")
    seen: Dict[str, Any] = {}
    for name, parts in (
        ("file", [types.Part(text="turn"), types.Part(inline_data=blob)]),
        ("asks", [types.Part(text="delete /x")]),
        ("answered", [types.Part(text="yes")]),
    ):
        said = types.Content(role="user", parts=parts)
        found: List[Any] = []
        async for event in runner.run_async(user_id="u", session_id=session.id, new_message=said):
            for part in event.content.parts if event.content and event.content.parts else ():
                if part.function_call:  # how it shows what is asked
                    found.append(part.function_call.args["input_required"])
                elif name == "file" and part.inline_data:
                    found.append(part.inline_data.data.hex())
                elif part.text and not event.partial and not part.thought:
                    found.append(part.text)
        seen[name] = found
    return seen


KINDS = {
    "adk": adk,
    "adk-more": adk_more,
    "agno": agno,
    "sdk": sdk,
    "sdk-0.3": sdk_03,
    "sdk-more": sdk_more,
}


async def main() -> None:
    kind, url, *bindings = sys.argv[1:]
    print(json.dumps({each: await KINDS[kind](url, each) for each in bindings}))


asyncio.run(main())
