"""Write specs/a2a-0.3.json from the pydantic models of a2a-sdk 0.3.

Usage: python dump_a2a03.py OUTPUT DATE
"""

from __future__ import annotations

import importlib.metadata
import sys
from typing import Any, Dict

import a2a.types
from pydantic.json_schema import models_json_schema
from spec_document import document, strip_prose, write

PREFIX = "#/components/schemas/"

# What a client sends and gets; the envelope of each single method is left out.
ROOTS = (
    "AgentCard",
    "DeleteTaskPushNotificationConfigParams",
    "GetTaskPushNotificationConfigParams",
    "JSONRPCErrorResponse",
    "ListTaskPushNotificationConfigParams",
    "Message",
    "MessageSendParams",
    "Task",
    "TaskArtifactUpdateEvent",
    "TaskIdParams",
    "TaskPushNotificationConfig",
    "TaskQueryParams",
    "TaskStatusUpdateEvent",
)

RESULT_REASON = "in the SDK only as the annotation of a field of an envelope"
RESULTS = {
    "SendMessageResult": ("Task", "Message"),
    "StreamResult": ("Task", "Message", "TaskStatusUpdateEvent", "TaskArtifactUpdateEvent"),
}


def simplified(node: Any) -> Any:
    """Write constants as required, without the default that repeats them."""
    if isinstance(node, list):
        return [simplified(item) for item in node]
    if not isinstance(node, dict):
        return node
    result = {key: simplified(value) for key, value in node.items()}
    if "const" in result and result.get("default") == result["const"]:
        del result["default"]
    if isinstance(result.get("properties"), dict):
        constants = [name for name, schema in result["properties"].items() if "const" in schema]
        required = constants + [n for n in result.get("required", []) if n not in constants]
        if required:
            result["required"] = required
    return result


def main() -> None:
    output, date = sys.argv[1:3]
    roots = [(getattr(a2a.types, name), "validation") for name in ROOTS]
    _, found = models_json_schema(roots, by_alias=True, ref_template=PREFIX + "{model}")
    schemas: Dict[str, Any] = simplified(strip_prose(found))["$defs"]
    # One error class of any code: their tables differ from server to server.
    envelope = schemas["JSONRPCErrorResponse"]["properties"]
    stale = [name for name in RESULTS if name in schemas]
    if stale or "anyOf" not in envelope["error"]:
        raise SystemExit("needs no correction any more: %s" % (stale or "JSONRPCErrorResponse"))
    envelope["error"] = {"$ref": PREFIX + "JSONRPCError"}
    error = a2a.types.JSONRPCError.model_json_schema(by_alias=True)
    schemas["JSONRPCError"] = simplified(strip_prose(error))
    schemas = {
        name: schema
        for name, schema in schemas.items()
        if name == "JSONRPCError" or not name.endswith("Error")
    }
    for name, members in RESULTS.items():
        schemas[name] = {"oneOf": [{"$ref": PREFIX + member} for member in members]}
    provenance = {
        "package": "a2a-sdk",
        "version": importlib.metadata.version("a2a-sdk"),
        "source": "the JSON schemas of the SDK's types",
        "date": date,
        "corrections": {
            "JSONRPCErrorResponse.error": "a union of one class per code there",
            **dict.fromkeys(RESULTS, RESULT_REASON),
        },
    }
    write(output, document("A2A 0.3", provenance, schemas))


if __name__ == "__main__":
    main()
