"""Write specs/agentos-runs.json: what runs of agents, teams and workflows send.

AgentOS declares the answers of its run endpoints as "any JSON", so they are read off the classes
that Agno serialises. Runs inside an environment with Agno installed.

Usage: python dump_runs.py OUTPUT DATE
"""

from __future__ import annotations

import ast
import collections.abc
import dataclasses
import datetime
import enum
import importlib
import importlib.metadata
import inspect
import pathlib
import sys
import types
import typing
from typing import Any, Dict, List, Optional, Tuple

import agno
import pydantic
from spec_document import document, references, write

JSON = Dict[str, Any]

OUTPUTS = [
    ("agno.run.agent", "RunOutput"),
    ("agno.run.team", "TeamRunOutput"),
    ("agno.run.workflow", "WorkflowRunOutput"),
    ("agno.run.requirement", "RunRequirement"),
    ("agno.models.message", "Message"),
    ("agno.metrics", "RunMetrics"),
    ("agno.metrics", "SessionMetrics"),
    ("agno.workflow.types", "ErrorRequirement"),
]

# Per kind of component: module, registry, base class of its events, name of the union.
REGISTRIES = [
    ("agno.run.agent", "RUN_EVENT_TYPE_REGISTRY", "BaseAgentRunEvent", "RunOutputEvent"),
    ("agno.run.team", "TEAM_RUN_EVENT_TYPE_REGISTRY", "BaseTeamRunEvent", "TeamRunOutputEvent"),
    (
        "agno.run.workflow",
        "WORKFLOW_RUN_EVENT_TYPE_REGISTRY",
        "BaseWorkflowRunOutputEvent",
        "WorkflowRunOutputEvent",
    ),
]

# Two classes of one name: which module's class gets a prefix.
PREFIXES = {
    "agno.run.team": "Team",
    "agno.run.workflow": "Workflow",
    "agno.workflow.types": "Step",
}

# Timers and type objects never reach the wire; a session's own history is left out by to_dict.
NOT_SERIALISED = {
    ("*", "timer"),
    ("StepInput", "workflow_session"),
    ("WorkflowCompletedEvent", "run_output"),
    ("WorkflowCancelledEvent", "run_output"),
    ("WorkflowErrorEvent", "run_output"),
    ("WorkflowPausedEvent", "run_output"),
}

# What the annotations do not say: class and field -> where an annotation that does can be
# evaluated, that annotation, and the reason.
CORRECTIONS: Dict[Tuple[str, str], Tuple[Tuple[str, str], str]] = {
    ("RunRequirement", "id"): (
        ("agno.run.requirement", "str"),
        "set by a hand-written constructor, without an annotation",
    ),
    ("UserInputField", "field_type"): (
        ("agno.run.requirement", "str"),
        "a Python type, serialised as its name",
    ),
    ("StepRequirement", "executor_requirements"): (
        ("agno.run.agent", "Optional[List[RunRequirement]]"),
        "annotated as a list of anything, holds serialised RunRequirements",
    ),
    ("StepExecutorPausedEvent", "executor_requirements"): (
        ("agno.run.agent", "Optional[List[RunRequirement]]"),
        "annotated as a list of anything, holds serialised RunRequirements",
    ),
    ("StepPausedEvent", "user_input_schema"): (
        ("agno.workflow.types", "Optional[List[UserInputField]]"),
        "annotated as a list of dictionaries, holds the fields of a StepRequirement",
    ),
    ("WorkflowRunOutput", "events"): (
        (
            "agno.run.workflow",
            "Optional[List[Union[WorkflowRunOutputEvent, agno.run.team.TeamRunOutputEvent,"
            " agno.run.agent.RunOutputEvent]]]",
        ),
        "annotated as workflow events only, holds those of the agents and teams inside too",
    ),
}

# Frames of POST .../runs/{run_id}/resume, which the server writes as literal dictionaries.
CONTROL_REASON = "written by the server as literal dictionaries; no class declares them"
CONTROL_FRAMES: Dict[str, Tuple[str, JSON]] = {
    "CatchUpEvent": (
        "catch_up",
        {
            "run_id": {"type": "string"},
            "status": {"type": "string"},
            "missed_events": {"type": "integer"},
            "current_event_count": {"type": "integer"},
            "message": {"type": "string"},
        },
    ),
    "SubscribedEvent": (
        "subscribed",
        {
            "run_id": {"type": "string"},
            "status": {"type": "string"},
            "current_event_count": {"type": "integer"},
            "message": {"type": "string"},
        },
    ),
    "ReplayEvent": (
        "replay",
        {
            "run_id": {"type": "string"},
            "status": {"type": "string"},
            "total_events": {"type": "integer"},
            "total_buffered": {"type": "integer"},
            "last_event_index_requested": {"type": "integer"},
            "message": {"type": "string"},
        },
    ),
    "StreamExpiredEvent": (
        "stream_expired",
        {
            "run_id": {"type": "string"},
            "status": {"type": "string"},
            "message": {"type": "string"},
        },
    ),
    "StreamErrorEvent": ("error", {"error": {"type": "string"}}),
}

SCALARS = {str: "string", int: "integer", float: "number", bool: "boolean", bytes: "string"}


class Namespace(Dict[str, Any]):
    """The names a module's annotations may use, its TYPE_CHECKING imports included."""

    def __init__(self, module: types.ModuleType) -> None:
        super().__init__(vars(module))
        self["agno"] = agno
        tree = ast.parse(inspect.getsource(module))
        for node in tree.body:
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                body = ast.Module(node.body, type_ignores=[])
                exec(compile(body, module.__name__, "exec"), self)  # imports only


class NoSchemaError(SystemExit):
    """An annotation that has no counterpart in JSON."""


class Collector:
    """Walks classes from the roots and turns each into a schema."""

    def __init__(self) -> None:
        self.schemas: JSON = {}
        self.applied: JSON = {}
        self._names: Dict[Any, str] = {}
        self._namespaces: Dict[str, Namespace] = {}
        self._unions: Dict[Any, str] = {}
        self._bases: Dict[type, str] = {}

    def name_of(self, cls: type) -> str:
        """Return the schema name of ``cls``, reserving it at the first call."""
        if cls not in self._names:
            name = cls.__name__
            if name in self._names.values():
                name = PREFIXES[cls.__module__] + name
            if name in self._names.values():
                raise SystemExit("two classes called %s" % name)
            self._names[cls] = name
        return self._names[cls]

    def namespace(self, module: str) -> Namespace:
        if module not in self._namespaces:
            self._namespaces[module] = Namespace(importlib.import_module(module))
        return self._namespaces[module]

    def add_registry(self, module: str, registry: str, base: str, union: str) -> None:
        """Add the events of one kind of component, as a union told apart by ``event``."""
        found = importlib.import_module(module)
        events: Dict[str, type] = getattr(found, registry)
        base_class = getattr(found, base)
        self._bases[base_class] = self.name_of(base_class)
        # A union of classes compares equal whatever the order of its members.
        self._unions[frozenset(events.values())] = union
        names = {tag: self.name_of(cls) for tag, cls in events.items()}
        self.schemas[union] = {
            "oneOf": [reference(name) for name in names.values()],
            "discriminator": {
                "propertyName": "event",
                "mapping": {tag: "#/components/schemas/" + name for tag, name in names.items()},
            },
        }

    def add_events(self, module: str, registry: str, base: str) -> None:
        found = importlib.import_module(module)
        base_class = getattr(found, base)
        self.schemas[self.name_of(base_class)] = self.object_schema(base_class, without=("event",))
        for tag, cls in getattr(found, registry).items():
            inherited = self.schemas[self.name_of(base_class)]["properties"]
            own = self.object_schema(cls, without=("event",))
            properties = {
                name: schema
                for name, schema in own["properties"].items()
                if inherited.get(name) != schema
            }
            body: JSON = {
                "type": "object",
                "properties": {"event": {"type": "string", "const": tag}, **properties},
                "required": ["event", *own.get("required", [])],
            }
            self.schemas[self.name_of(cls)] = {
                "allOf": [reference(self.name_of(base_class)), body],
            }

    def add(self, cls: type) -> JSON:
        """Return a reference to the schema of ``cls``, which is added if it is new."""
        name = self.name_of(cls)
        if name not in self.schemas:
            self.schemas[name] = {}  # ends recursion
            if issubclass(cls, enum.Enum):
                self.schemas[name] = {"type": "string", "enum": [item.value for item in cls]}
            else:
                self.schemas[name] = self.object_schema(cls)
        return reference(name)

    def object_schema(self, cls: type, without: Tuple[str, ...] = ()) -> JSON:
        name = self.name_of(cls)
        properties: JSON = {}
        required: List[str] = []
        for field, (annotation, default) in fields_of(cls, self.namespace).items():
            if (
                field in without
                or (name, field) in NOT_SERIALISED
                or ("*", field) in NOT_SERIALISED
            ):
                continue
            if (name, field) in CORRECTIONS:
                schema = self.corrected(name, field)
                if schema == self.said(annotation):
                    raise SystemExit("%s.%s needs no correction any more" % (name, field))
            else:
                schema = self.schema(annotation)
            if default is MISSING:
                required.append(field)
            elif default is None or type(default) in SCALARS:
                schema = {**schema, "default": default}
            elif isinstance(default, enum.Enum) and field != "status":
                # A status that was not sent is unknown, not "running".
                schema = {**schema, "default": default.value}
            properties[field] = schema
        for owner, field in CORRECTIONS:
            if owner == name and field not in properties:
                properties[field] = self.corrected(name, field)
        result: JSON = {"type": "object", "properties": properties}
        if required:
            result["required"] = required
        return result

    def said(self, annotation: Any) -> Optional[JSON]:
        """Return what an annotation says by itself; None if that is nothing to us."""
        try:
            return self.schema(annotation)
        except NoSchemaError:
            return None

    def corrected(self, name: str, field: str) -> JSON:
        hint, reason = CORRECTIONS[name, field]
        self.applied["%s.%s" % (name, field)] = reason
        module, expression = hint
        return self.schema(evaluate(expression, self.namespace(module)))

    def schema(self, hint: Any) -> JSON:
        """Return the schema of an evaluated annotation."""
        if hint in (Any, object, pydantic.BaseModel):
            return {}
        if hint is dict:
            return {"type": "object", "additionalProperties": True}
        if hint in (list, tuple):
            return {"type": "array", "items": {}}
        if hint is None or hint is type(None):
            return {"type": "null"}
        if hint in SCALARS:
            return {"type": SCALARS[hint]}
        if hint is datetime.datetime:
            return {"type": "string", "format": "date-time"}
        if hint is pathlib.Path:
            return {"type": "string"}
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        if origin is typing.Literal:
            return {"type": "string", "enum": list(arguments)}
        if origin is typing.Union or isinstance(hint, types.UnionType):
            return self.union(arguments)
        if origin in (list, tuple, set, collections.abc.Sequence):
            return {"type": "array", "items": self.schema(arguments[0]) if arguments else {}}
        if origin in (dict, collections.abc.Mapping):
            values = self.schema(arguments[1]) if arguments else {}
            return {"type": "object", "additionalProperties": values or True}
        if isinstance(hint, type) and hint is not type:
            return self.add(hint)
        raise NoSchemaError("no schema for %r" % (hint,))

    def union(self, members: Tuple[Any, ...]) -> JSON:
        remaining = list(members)
        schemas: List[JSON] = []
        # The more special kind first: an event of a team's run is rather the team's.
        for classes, name in reversed(self._unions.items()):
            if classes <= set(remaining):
                remaining = [member for member in remaining if member not in classes]
                schemas.append(reference(name))
        for member in remaining:
            schema = self.schema(member)
            if schema == {}:
                return {}  # a union with "anything" is anything
            if schema not in schemas:
                schemas.append(schema)
        named = [s for s in schemas if s.get("type") == "string"]
        if named:  # Union[SomeEnum, str]: any text
            enums = [
                s
                for s in schemas
                if "$ref" in s and "enum" in self.schemas[s["$ref"].split("/")[-1]]
            ]
            schemas = [s for s in schemas if s not in enums]
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


MISSING = object()


def reference(name: str) -> JSON:
    return {"$ref": "#/components/schemas/" + name}


def fields_of(cls: type, namespace: Any) -> Dict[str, Tuple[Any, Any]]:
    """Return name -> (evaluated annotation, default) in declaration order, bases first."""
    result: Dict[str, Tuple[Any, Any]] = {}
    for owner in reversed(cls.__mro__):
        if owner in (object, pydantic.BaseModel) or owner.__module__ == "pydantic.main":
            continue
        names = namespace(owner.__module__)
        for field, annotation in owner.__dict__.get("__annotations__", {}).items():
            if field.startswith("_") or field == "model_config" or "ClassVar" in str(annotation):
                continue
            # Evaluating the source text finds names that are Any at run time.
            text = source_annotation(owner, field)
            result[field] = (evaluate(text, names), default_of(cls, field))
    return result


def evaluate(text: str, names: Namespace) -> Any:
    hint = eval(text, names)
    if isinstance(hint, str):
        return evaluate(hint, names)
    # Quoted names inside a subscript are still ForwardRefs.
    holder = type("Holder", (), {"__annotations__": {"x": hint}})
    return typing.get_type_hints(holder, globalns=dict(names))["x"]


def source_annotation(owner: type, field: str) -> str:
    tree = ast.parse(inspect.cleandoc("\n" + inspect.getsource(owner)))
    body = tree.body[0]
    assert isinstance(body, ast.ClassDef)
    for node in body.body:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == field:
            return ast.unparse(node.annotation)
    raise SystemExit("%s.%s is not in the source" % (owner.__name__, field))


def default_of(cls: type, field: str) -> Any:
    """Return the default, MISSING where the constructor demands a value; factories give None."""
    model_fields = getattr(cls, "model_fields", None)
    if model_fields and field in model_fields:
        info = model_fields[field]
        if info.is_required():
            return MISSING
        return NO_DEFAULT if info.default_factory is not None else info.default
    if dataclasses.is_dataclass(cls):
        for item in dataclasses.fields(cls):
            if item.name == field:
                if item.default is not dataclasses.MISSING:
                    return item.default
                return NO_DEFAULT if item.default_factory is not dataclasses.MISSING else MISSING
    return getattr(cls, field, MISSING)


NO_DEFAULT = types.SimpleNamespace()  # optional, but made anew for each object


def main() -> None:
    output, date = sys.argv[1:3]
    collector = Collector()
    for registry in REGISTRIES:
        collector.add_registry(*registry)
    for module, name in OUTPUTS:
        collector.add(getattr(importlib.import_module(module), name))
    for module, registry_name, base, _ in REGISTRIES:
        collector.add_events(module, registry_name, base)
    for owner, field in CORRECTIONS:
        if "%s.%s" % (owner, field) not in collector.applied:
            raise SystemExit("%s.%s, which is corrected, is not there any more" % (owner, field))
    for name, (event, properties) in CONTROL_FRAMES.items():
        if name in collector.schemas:
            raise SystemExit("%s is declared by a class now" % name)
        collector.schemas[name] = {
            "type": "object",
            "properties": {"event": {"type": "string", "const": event}, **properties},
            "required": ["event"],
        }
        collector.applied[name] = CONTROL_REASON
    collector.schemas["ControlEvent"] = {
        "oneOf": [reference(name) for name in CONTROL_FRAMES],
        "discriminator": {"propertyName": "event"},
    }
    used = set(references(collector.schemas))
    schemas = {
        name: schema
        for name, schema in collector.schemas.items()
        if "enum" not in schema or name in used
    }
    provenance = {
        "package": "agno",
        "version": importlib.metadata.version("agno"),
        "source": "the dataclasses and models that Agno serialises for runs",
        "date": date,
        "corrections": dict(sorted(collector.applied.items())),
    }
    write(output, document("AgentOS run outputs and events", provenance, schemas))


if __name__ == "__main__":
    main()
