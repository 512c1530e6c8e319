"""Write specs/a2a-1.0.json from the protobuf descriptors of a2a-sdk 1.x.

Usage: python dump_a2a10.py OUTPUT DATE
"""

from __future__ import annotations

import importlib.metadata
import re
import sys
from typing import Any, Dict, List

from a2a.types import a2a_pb2
from google.api import annotations_pb2, field_behavior_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from spec_document import document, write

JSON = Dict[str, Any]

PREFIX = "#/components/schemas/"

SCALARS = {
    FieldDescriptor.TYPE_STRING: {"type": "string"},
    FieldDescriptor.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.TYPE_INT32: {"type": "integer"},
    FieldDescriptor.TYPE_DOUBLE: {"type": "number"},
    FieldDescriptor.TYPE_FLOAT: {"type": "number"},
    FieldDescriptor.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
}

# How ProtoJSON writes the well-known types.
WELL_KNOWN: Dict[str, JSON] = {
    "google.protobuf.Struct": {"type": "object", "additionalProperties": True},
    "google.protobuf.Value": {},
    "google.protobuf.ListValue": {"type": "array", "items": {}},
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
}


def value_schema(field: FieldDescriptor) -> JSON:
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        name = field.message_type.full_name
        return (
            dict(WELL_KNOWN.get(name) or {})
            if name in WELL_KNOWN
            else reference(field.message_type.name)
        )
    if field.type == FieldDescriptor.TYPE_ENUM:
        return reference(field.enum_type.name)
    return dict(SCALARS[field.type])


def field_schema(field: FieldDescriptor) -> JSON:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        values = value_schema(field.message_type.fields_by_name["value"])
        return {"type": "object", "additionalProperties": values}
    if field.is_repeated:
        return {"type": "array", "items": value_schema(field)}
    schema = value_schema(field)
    if schema == {"type": "boolean"} and not field.has_presence:
        schema["default"] = False  # ProtoJSON leaves false out
    return schema


def message_schema(message: Descriptor) -> JSON:
    required: List[str] = []
    for field in message.fields:
        behaviours = field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
        if field_behavior_pb2.REQUIRED in behaviours:
            required.append(field.json_name)
    schema: JSON = {
        "type": "object",
        "properties": {field.json_name: field_schema(field) for field in message.fields},
    }
    if required:
        schema["required"] = required
    groups = {
        group.name: [field.json_name for field in group.fields]
        for group in message.oneofs
        if not group.name.startswith("_")  # those stand for "optional"
    }
    if groups:
        schema["x-oneof"] = groups
    return schema


def reference(name: str) -> JSON:
    return {"$ref": PREFIX + name}


def paths() -> JSON:
    """Return the REST bindings, each with the JSON-RPC method of the same meaning."""
    found: JSON = {}
    for method in a2a_pb2.DESCRIPTOR.services_by_name["A2AService"].methods:
        rule = method.GetOptions().Extensions[annotations_pb2.http]
        verb = rule.WhichOneof("pattern")
        path = re.sub(r"\{(\w+)=\*\}", r"{\1}", getattr(rule, verb))
        media = "text/event-stream" if method.server_streaming else "application/json"
        answer: JSON = {}
        if method.output_type.full_name != "google.protobuf.Empty":
            answer = {"content": {media: {"schema": reference(method.output_type.name)}}}
        operation: JSON = {
            "x-json-rpc-method": method.name,
            "x-request": reference(method.input_type.name),
            "responses": {"200": answer},
        }
        names = re.findall(r"\{(\w+)\}", path)
        if names:
            operation["parameters"] = [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                for name in names
            ]
        if rule.body:
            operation["requestBody"] = {
                "content": {"application/json": {"schema": reference(method.input_type.name)}}
            }
        found.setdefault(path, {})[verb] = operation
    return found


def main() -> None:
    output, date = sys.argv[1:3]
    descriptor = a2a_pb2.DESCRIPTOR
    schemas: JSON = {}
    for name, message in descriptor.message_types_by_name.items():
        schemas[name] = message_schema(message)
    for name, enum in descriptor.enum_types_by_name.items():
        schemas[name] = {"type": "string", "enum": [value.name for value in enum.values]}
    provenance = {
        "package": "a2a-sdk",
        "version": importlib.metadata.version("a2a-sdk"),
        "source": "the protobuf descriptors of %s, as ProtoJSON" % descriptor.package,
        "date": date,
    }
    write(output, document("A2A 1.0", provenance, schemas, paths()))


if __name__ == "__main__":
    main()
