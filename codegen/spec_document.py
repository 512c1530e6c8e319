"""The form all files in specs/ share: structure without prose, written the same way every time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, Optional

PROSE = ("description", "title", "summary", "example", "examples", "externalDocs", "deprecated")

# Below these keys the names are the interface's own, so a field called "title" is no prose.
NAMED = ("properties", "schemas", "paths", "patternProperties", "$defs")

JSON = Dict[str, Any]


def strip_prose(node: Any, names: bool = False) -> Any:
    """Return ``node`` without documentation texts; names of fields and schemas are kept."""
    if isinstance(node, list):
        return [strip_prose(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: strip_prose(value, key in NAMED and not names)
        for key, value in node.items()
        if names or key not in PROSE
    }


def document(title: str, provenance: JSON, schemas: JSON, paths: Optional[JSON] = None) -> JSON:
    """Return an OpenAPI 3.1 document; schemas are sorted, their properties keep their order."""
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": str(provenance["version"])},
        "x-provenance": provenance,
        "paths": paths or {},
        "components": {"schemas": {name: schemas[name] for name in sorted(schemas)}},
    }


def references(node: Any) -> List[str]:
    """Return the names of the schemas that ``node`` refers to."""
    if isinstance(node, list):
        return [name for item in node for name in references(item)]
    if not isinstance(node, dict):
        return []
    found = [name for value in node.values() for name in references(value)]
    target = node.get("$ref")
    if isinstance(target, str):
        found.append(target.rsplit("/", 1)[-1])
    return found


def reachable(schemas: JSON, roots: Any) -> JSON:
    """Return the schemas that ``roots`` (any JSON with references) leads to."""
    waiting, kept = references(roots), {}
    while waiting:
        name = waiting.pop()
        if name not in kept:
            kept[name] = schemas[name]
            waiting.extend(references(schemas[name]))
    return kept


def write(path: str, content: JSON) -> None:
    text = json.dumps(content, indent=1, ensure_ascii=False)
    Path(path).write_text(text + "\n", encoding="utf-8")
