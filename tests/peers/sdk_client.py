"""The A2A SDK's own client: ``python -P sdk_client.py URL < CALLS > EVENTS``.

Runs in the interpreter of the A2A SDK 1.x, never in ours. A line of CALLS is a JSON object:
``{"send": TEXT}`` or ``{"subscribe": TASK_ID}``. Every event is a line of EVENTS as it comes, in
the JSON of 1.0; behind a call's last one there is ``{"end": null}``, or the name of the error.
"""

import asyncio
import json
import sys

import httpx
from a2a.client import ClientConfig, ClientFactory
from a2a.client.errors import A2AClientError
from a2a.types import Message, Part, Role, SendMessageRequest, SubscribeToTaskRequest
from a2a.utils.errors import A2AError
from google.protobuf.json_format import MessageToDict


def call(client, asked):
    if "subscribe" in asked:
        return client.subscribe(SubscribeToTaskRequest(id=asked["subscribe"]))
    text = asked["send"]
    message = Message(role=Role.ROLE_USER, message_id="said: " + text, parts=[Part(text=text)])
    return client.send_message(SendMessageRequest(message=message))


async def tell(client, asked):
    try:
        async for event in call(client, asked):
            print(json.dumps(MessageToDict(event)), flush=True)
    except (A2AClientError, A2AError) as error:
        return type(error).__name__
    return None


async def main():
    config = ClientConfig(httpx_client=httpx.AsyncClient(timeout=None, trust_env=False))
    client = await ClientFactory(config).create_from_url(sys.argv[1])
    for line in sys.stdin:
        print(json.dumps({"end": await tell(client, json.loads(line))}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
