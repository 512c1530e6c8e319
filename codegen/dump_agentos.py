"""Write specs/agentos.json: the REST interface of AgentOS, as far as a client of runs needs it.

Builds an application with every kind of component and asks it for its OpenAPI document; nothing is
served. Runs inside an environment with Agno installed.

Usage: python dump_agentos.py OUTPUT DATE
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
import tempfile
from typing import Any, Dict

from agno.agent import Agent
from agno.db.sqlite import SqliteDb
from agno.models.base import Model
from agno.os import AgentOS
from agno.os.schema import ConfigResponse
from agno.team import Team
from agno.workflow import Workflow
from spec_document import document, reachable, strip_prose, write

# First path segments that a client of runs, sessions and data needs.
NEEDED = (
    "",
    "agents",
    "approvals",
    "config",
    "databases",
    "eval-runs",
    "health",
    "info",
    "knowledge",
    "memories",
    "memory_topics",
    "metrics",
    "optimize-memories",
    "schedules",
    "sessions",
    "teams",
    "trace_session_stats",
    "traces",
    "user_memory_stats",
    "workflows",
)


class NoModel(Model):
    """Stands for a language model, so that no provider's package is needed."""


NoModel.__abstractmethods__ = frozenset()

# ``Model`` is what all our classes derive from.
RENAMED = {"Model": "ConfigModel"}

PREFIX = "#/components/schemas/"


def openapi(folder: str) -> Dict[str, Any]:
    db = SqliteDb(id="db", db_file=folder + "/agentos.db")
    agent = Agent(id="agent", name="Agent", model=NoModel(id="none"), db=db)
    team = Team(id="team", name="Team", model=NoModel(id="none"), members=[agent], db=db)
    workflow = Workflow(id="workflow", name="Workflow", steps=[lambda step: step], db=db)
    server = AgentOS(id="os", agents=[agent], teams=[team], workflows=[workflow], db=db)
    result: Dict[str, Any] = server.get_app().openapi()
    # A hand-written serialiser makes the document call this answer "any object".
    schemas = result["components"]["schemas"]
    if schemas.get("ConfigResponse", {}).get("properties"):
        raise SystemExit("ConfigResponse tells its fields itself now")
    config = ConfigResponse.model_json_schema(ref_template=PREFIX + "{model}")
    for name, schema in config.pop("$defs").items():
        schemas.setdefault(name, schema)
    schemas["ConfigResponse"] = config
    return renamed(result)


def renamed(document: Dict[str, Any]) -> Dict[str, Any]:
    schemas = document["components"]["schemas"]
    text = json.dumps(document)
    for old, new in RENAMED.items():
        if new in schemas or old not in schemas:
            raise SystemExit("there is a schema called %s, or none called %s" % (new, old))
        text = text.replace(json.dumps(PREFIX + old), json.dumps(PREFIX + new))
    result: Dict[str, Any] = json.loads(text)
    schemas = result["components"]["schemas"]
    for old, new in RENAMED.items():
        schemas[new] = schemas.pop(old)
    return result


def without_repetition(paths: Dict[str, Any]) -> Dict[str, Any]:
    """Drop what every operation repeats: tags, operation ids and the error answers."""
    for item in paths.values():
        for operation in item.values():
            for key in ("tags", "operationId", "security"):
                operation.pop(key, None)
            answers = operation.get("responses", {})
            operation["responses"] = {
                code: answer for code, answer in answers.items() if code.startswith("2")
            }
    return paths


def main() -> None:
    output, date = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as folder:
        whole = strip_prose(openapi(folder))
    paths = {
        path: item for path, item in sorted(whole["paths"].items()) if path.split("/")[1] in NEEDED
    }
    paths = without_repetition(paths)
    provenance = {
        "package": "agno",
        "version": importlib.metadata.version("agno"),
        "source": "the OpenAPI document of an AgentOS application, cut to the paths listed here",
        "date": date,
        "corrections": {
            "ConfigResponse": "a hand-written serialiser hides its fields from the document",
            "ConfigModel": "called Model there",
        },
    }
    schemas = reachable(whole["components"]["schemas"], paths)
    write(output, document("AgentOS REST", provenance, schemas, paths))


if __name__ == "__main__":
    main()
