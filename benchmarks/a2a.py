"""Clients of one A2A agent, which run the same messages on the same real server.

``python -m benchmarks.a2a CLIENT URL TIMES`` measures one of them and prints JSON. The official SDK
needs an environment of its own, which this file is run in as it stands.
"""

import json
import sys
import time
from typing import Any, Callable, Dict, List

#: How many pieces the answer of the streamed message has.
PIECES = 2000

Measured = Dict[str, float]


def _measured(run: Callable[[str], str], times: int) -> Measured:
    """CPU seconds of a blocking message and of a streamed one, by ``run(message)`` -> text."""
    whole = "".join("w%d " % n for n in range(PIECES))
    assert run("hello") == "echo: hello"  # connections and first-use costs are paid
    begin = time.process_time()
    for _ in range(times):
        assert run("hello") == "echo: hello"
    short = time.process_time() - begin
    begin = time.process_time()
    assert run("chunks %d" % PIECES) == whole
    return {"short": short / times, "event": (time.process_time() - begin) / PIECES}


def ours(url: str, times: int) -> Measured:
    from remoteagent_lite import RemoteAgent

    with RemoteAgent(url, "echo", protocol="a2a") as agent:
        return _measured(lambda message: "".join(agent.run(message, stream=True).text()), times)


def sdk(url: str, times: int) -> Measured:
    """The official client, driven from synchronous code, as it has to be there."""
    import asyncio
    import uuid

    from a2a.client import create_client
    from a2a.types import Message, Part, Role, SendMessageRequest

    loop = asyncio.new_event_loop()
    client: Any = loop.run_until_complete(create_client(url))

    async def answer(message: str) -> str:
        request = SendMessageRequest(
            message=Message(
                message_id=str(uuid.uuid4()), role=Role.ROLE_USER, parts=[Part(text=message)]
            )
        )
        pieces: List[str] = []
        async for event in client.send_message(request):
            if event.HasField("artifact_update"):
                pieces += [part.text for part in event.artifact_update.artifact.parts]
        return "".join(pieces)

    def run(message: str) -> str:
        text: str = loop.run_until_complete(answer(message))
        return text

    try:
        return _measured(run, times)
    finally:
        loop.run_until_complete(client.close())
        loop.close()


CLIENTS = {"ours": ours, "a2a-sdk": sdk}


def main() -> None:
    client, url, times = sys.argv[1:]
    begin = time.process_time()
    print(json.dumps(dict(CLIENTS[client](url, int(times)), total=time.process_time() - begin)))


if __name__ == "__main__":
    main()
