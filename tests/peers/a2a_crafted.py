"""An A2A agent whose every answer is scripted, in the test's own process."""

import json
from typing import Any, Dict, List

from .faults import Connection, RawServer, Request, raw, reply, stream

__all__ = [
    "CARD_PATH",
    "DONE",
    "OLD_CARD_PATH",
    "OLD_DONE",
    "WORKING",
    "Agent",
    "card",
    "error",
    "interface",
    "result",
    "status_update",
    "text_update",
]

CARD_PATH = "/.well-known/agent-card.json"
OLD_CARD_PATH = "/.well-known/agent.json"
DONE: Dict[str, Any] = {
    "id": "t1",
    "contextId": "c1",
    "status": {"state": "TASK_STATE_COMPLETED"},
    "artifacts": [{"artifactId": "a", "parts": [{"text": "all of it"}]}],
}
WORKING: Dict[str, Any] = {
    "id": "t1",
    "contextId": "c1",
    "status": {"state": "TASK_STATE_WORKING"},
}
OLD_DONE = {
    "kind": "task",
    "id": "t1",
    "contextId": "c1",
    "status": {"state": "completed"},
    "artifacts": [{"artifactId": "a", "parts": [{"kind": "text", "text": "all of it"}]}],
}


def interface(url: str = "/", version: str = "1.0", binding: str = "JSONRPC") -> Dict[str, Any]:
    return {"url": url, "protocolBinding": binding, "protocolVersion": version}


def card(*interfaces: Dict[str, Any], **fields: Any) -> Dict[str, Any]:
    return {
        "name": "Crafted",
        "description": "Answers as it is told.",
        "version": "1",
        "capabilities": {"streaming": True},
        "defaultInputModes": ["text/plain"],
        "defaultOutputModes": ["text/plain"],
        "skills": [],
        "supportedInterfaces": list(interfaces) or [interface()],
        **fields,
    }


class Agent(RawServer):
    """Serves its card, and JSON-RPC methods as they are told; counts what it is asked for.

    A method is answered by an object, by a list as the stream of its items (events as objects,
    other bytes, and Events to be waited for), by bytes as the whole of an HTTP answer, by a
    handler, or by what a function of its parameters returns of these.
    """

    def __init__(self, card: Dict[str, Any], **methods: Any) -> None:
        self.methods: Dict[str, Any] = {k.replace("_", "/"): v for k, v in methods.items()}
        self.card = card
        super().__init__(self._answer)

    @property
    def called(self) -> List[str]:
        """The methods that were called so far, and the paths that were fetched."""
        return [
            json.loads(each.body)["method"] if each.method == "POST" else each.path
            for each in self.requests
        ]

    @property
    def params(self) -> Dict[str, Any]:
        """Of the last call."""
        found: Dict[str, Any] = json.loads(self.requests[-1].body)["params"]
        return found

    def _answer(self, connection: Connection, request: Request) -> None:
        if request.path == CARD_PATH:
            reply(json.dumps(self.card))(connection, request)
            return
        call = json.loads(request.body)
        answer = self.methods.get(call["method"])
        if answer is None:
            answer = error(-32601, "Method not found")
        if callable(answer):
            answer = answer(call.get("params"))
        if callable(answer):
            answer(connection, request)
        elif isinstance(answer, bytes):
            raw(answer)(connection, request)
        elif isinstance(answer, list):
            pieces = [
                b"data: " + json.dumps(dict(each, id=call["id"])).encode() + b"\n\n"
                if isinstance(each, dict)
                else each
                for each in answer
            ]
            stream(pieces)(connection, request)
        else:
            reply(json.dumps(dict(answer, id=call["id"])))(connection, request)


def result(value: Any) -> Dict[str, Any]:
    return {"jsonrpc": "2.0", "result": value}


def error(code: int, message: str, **fields: Any) -> Dict[str, Any]:
    return {"jsonrpc": "2.0", "error": {"code": code, "message": message, **fields}}


def text_update(text: str, append: bool = True, id: str = "a") -> Dict[str, Any]:
    artifact = {"artifactId": id, "parts": [{"text": text}]}
    update = {"taskId": "t1", "contextId": "c1", "artifact": artifact, "append": append}
    return result({"artifactUpdate": update})


def status_update(state: str) -> Dict[str, Any]:
    status = {"state": "TASK_STATE_" + state}
    return result({"statusUpdate": {"taskId": "t1", "contextId": "c1", "status": status}})
