"""The agent that the A2A project's conformance kit (a2a-tck) wants before it, as a local function.

The kit says by the beginning of a message's id what the agent is to do; its messages' texts mean
nothing, but in the answers to a question, which are all that a function sees of those messages.
"""

import threading
from typing import Any, Callable, Dict, Iterator

from remoteagent_lite import File
from remoteagent_lite.gateway import agent

__all__ = ["tck"]

#: The messages by which the kit fills a task's history: it wants to be asked again.
_HISTORY = "TCK history message"
#: How long a task takes that the kit leaves and comes back to, in seconds.
_LONG = 4.0


def _ask(run: Any) -> Iterator[Any]:
    answer = run.ask("What now?")
    while answer.startswith(_HISTORY):
        answer = run.ask("And now?")
    yield "Hello from TCK"


def _file(run: Any) -> Iterator[Any]:
    yield from ()
    run.send_file(b"file content", filename="output.txt", media_type="text/plain")


def _file_url(run: Any) -> Iterator[Any]:
    yield File(url="https://example.com/output.txt", filename="output.txt", mime_type="text/plain")


def _data(run: Any) -> Iterator[Any]:
    yield from ()
    run.send_data({"key": "value", "count": 42})


def _reply(run: Any) -> Iterator[Any]:
    yield from ()
    run.reply("Direct message response")


def _reject(run: Any) -> Iterator[Any]:
    yield from ()
    run.reject("rejected")


def _long(run: Any) -> Iterator[Any]:
    until = threading.Event()
    yield "working "
    until.wait(_LONG)
    yield "done"


def _saying(*pieces: str) -> Callable[[Any], Iterator[Any]]:
    return lambda run: iter(pieces)


_BEHAVIOURS: Dict[str, Callable[[Any], Iterator[Any]]] = {
    "tck-complete-task": _saying("Hello from TCK"),
    "tck-artifact-text": _saying("Generated text content"),
    "tck-artifact-file-url": _file_url,
    "tck-artifact-file": _file,
    "tck-artifact-data": _data,
    "tck-message-response": _reply,
    "tck-input-required": _ask,
    "tck-reject-task": _reject,
    "tck-stream-001": _saying("Stream hello from TCK"),
    "tck-stream-002": _saying(),
    "tck-stream-003": _saying("Stream task lifecycle"),
    "tck-stream-ordering-001": _saying("Ordered output"),
    "tck-stream-artifact-text": _saying("Streamed text content"),
    "tck-stream-artifact-file": _file,
    "tck-stream-artifact-chunked": _saying("chunk-1 ", "chunk-2"),
    "test-resubscribe-message-id": _long,
}


@agent(id="tck", name="Conformance", version="1.0.0", skills=["Conformance"])
def tck(run: Any) -> Iterator[Any]:
    """Does what the conformance kit's messages say by their ids."""
    for prefix, behave in _BEHAVIOURS.items():
        if run.message_id.startswith(prefix):
            return behave(run)
    return iter(["Hello from TCK"])
