"""The generated modules: up to date, importable alone, complete, true to recorded traffic."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from remoteagent_lite import models
from remoteagent_lite.modelling.base import Model, fields_of
from tests import ROOT

MODULES = sorted(path.stem for path in (ROOT / "remoteagent_lite" / "models").glob("*.py"))
SPECS = sorted((ROOT / "specs").glob("*.json"))
FIXTURES = sorted((ROOT / "tests" / "fixtures").glob("*/*.sse"))


def run(*command: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        cwd=str(ROOT),
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


# Generating


def test_committed_modules_are_what_the_specifications_generate():
    done = run(sys.executable, "codegen/models.py", "--check")
    if "none was found" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.mark.parametrize(
    "source, message",
    [
        ("class A(Model):\n    to_dict: str", "A.to_dict hides a method"),
        ("class A(Model):\n    _view: str", "A._view hides a method"),
        ("class Model(Base):\n    x: str", "a schema may not be called Model"),
        ("def f(): pass", "unexpected statement"),
    ],
)
def test_the_formatter_refuses_what_it_cannot_write(source, message):
    tools = Path(os.environ.get("CODEGEN_ENV") or ROOT / ".venv-codegen")
    python = tools / "bin" / "python"
    if not python.exists():
        pytest.skip("the generator is not installed in %s" % tools)
    program = "import model_format as m; m.Module(%r, {}, m.reserved_names()).render()" % source
    done = run(str(python), "-B", "-c", program, PYTHONPATH="codegen")
    assert message in done.stderr


def test_every_module_says_where_it_comes_from():
    for name in MODULES:
        path = ROOT / "remoteagent_lite" / "models" / (name + ".py")
        first = path.read_text(encoding="utf-8").splitlines()[0]
        assert first.startswith("# Generated from specs/") and "codegen/models.py" in first


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.name)
def test_specifications_hold_structure_and_provenance_only(path):
    content = json.loads(path.read_text(encoding="utf-8"))
    provenance = content["x-provenance"]
    assert provenance["version"] and provenance["date"]
    assert provenance.get("package") or provenance.get("document")

    def walk(node, names):
        if isinstance(node, list):
            for item in node:
                walk(item, False)
        elif isinstance(node, dict):
            if not names:
                assert not {"description", "summary", "example", "examples"} & set(node)
                reference = node.get("$ref", "")
                assert not reference or reference.split("/")[-1] in schemas
            for key, value in node.items():
                walk(value, not names and key in ("properties", "schemas", "paths"))

    schemas = content["components"]["schemas"]
    walk({"paths": content["paths"], "schemas": schemas}, False)


# Importing


@pytest.mark.parametrize("name", MODULES)
def test_every_module_imports_on_its_own(name):
    module = "remoteagent_lite.models" + ("" if name == "__init__" else "." + name)
    program = (
        "import sys, %s; print([m for m in sys.modules if m.split('.')[0] in"
        " ('pydantic', 'typing_extensions', 'dataclasses', 'requests', 'sseclient')])" % module
    )
    done = run(sys.executable, "-S", "-c", program, PYTHONPATH=str(ROOT))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_the_index_imports_no_model_before_it_is_used():
    program = (
        "import sys, remoteagent_lite.models as m; assert m.__all__;"
        " print([n for n in sys.modules if n.startswith('remoteagent_lite.models.')])"
    )
    assert run(sys.executable, "-c", program).stdout.strip() == "[]"


def test_every_indexed_name_exists():
    assert len(models.__all__) > 250
    for name in models.__all__:
        assert getattr(models, name) is not None
        assert name in dir(models)
    with pytest.raises(AttributeError, match="no attribute 'Nope'"):
        models.Nope


def test_the_index_prefers_the_run_models():
    from remoteagent_lite.models import agentos, runs

    public = {
        name: {key for key, value in vars(module).items() if model_of(value, module)}
        for name, module in (("runs", runs), ("agentos", agentos))
    }
    assert public["runs"] & public["agentos"] == set()
    assert models.RunStatus is runs.RunStatus


def model_of(value, module):
    return (
        isinstance(value, type) and issubclass(value, Model) and value.__module__ == module.__name__
    )


# Completeness


def classes_of(name):
    module = __import__("remoteagent_lite.models." + name, fromlist=["x"])
    return [value for value in vars(module).values() if model_of(value, module)]


@pytest.mark.parametrize("name", [name for name in MODULES if name != "__init__"])
def test_every_nested_field_can_be_linked(name):
    """A shape that names a missing class would fail at the first decode only."""
    for cls in classes_of(name):
        for value in ({}, [{}], {"x": {}}, {"x": [{}]}, [[{}]]):
            item = cls.from_dict(dict.fromkeys(fields_of(cls).values(), value))
            for attribute in fields_of(cls):
                getattr(item, attribute)
            assert item.to_dict() == dict.fromkeys(fields_of(cls).values(), value)


def test_every_registered_event_has_a_class():
    spec = json.loads((ROOT / "specs" / "agentos-runs.json").read_text(encoding="utf-8"))
    schemas = spec["components"]["schemas"]
    for union, table in (
        ("RunOutputEvent", "AgentRunEvent"),
        ("TeamRunOutputEvent", "TeamRunEvent"),
        ("WorkflowRunOutputEvent", "WorkflowRunEvent"),
    ):
        mapping = schemas[union]["discriminator"]["mapping"]
        found = {tag: cls.__name__ for tag, cls in models.EVENT_CLASSES[table].items()}
        assert found == {tag: target.split("/")[-1] for tag, target in mapping.items()}
    assert [len(models.EVENT_CLASSES[key]) for key in sorted(models.EVENT_CLASSES)] == [
        37,  # AgentRunEvent
        5,  # ControlEvent
        40,  # TeamRunEvent
        31,  # WorkflowRunEvent
    ]


def test_control_frames():
    assert sorted(models.EVENT_CLASSES["ControlEvent"]) == [
        "catch_up",
        "error",
        "replay",
        "stream_expired",
        "subscribed",
    ]
    frame = {"event": "replay", "run_id": "r", "status": "COMPLETED", "total_events": 0}
    event = models.EVENT_CLASSES["ControlEvent"]["replay"].from_dict(frame)
    assert isinstance(event, models.ReplayEvent) and event.total_events == 0


# Recorded traffic


def frames_of(path):
    for line in path.read_bytes().split(b"\n"):
        if line.startswith(b"data: "):
            yield json.loads(line[len(b"data: ") :])


def unknown_keys(value):
    """Return the keys, below ``value``, that no generated class declares."""
    if isinstance(value, list):
        return {key for item in value for key in unknown_keys(item)}
    if not isinstance(value, Model):
        return set()
    cls = type(value)
    found = set() if cls.__name__.endswith("CustomEvent") else set(value.__dict__)
    found = {cls.__name__ + "." + key for key in found - set(fields_of(cls).values())}
    for name in fields_of(cls):
        found |= unknown_keys(getattr(value, name))
    return found


def test_there_are_recordings():
    assert FIXTURES


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: "%s-%s" % (path.parent.name, path.stem))
def test_recorded_frames_are_known_and_survive(path):
    tables = models.EVENT_CLASSES
    for frame in frames_of(path):
        name = frame.get("event")
        found = [tables[key][name] for key in sorted(tables) if name in tables[key]]
        cls = found[0] if found else models.WorkflowRunOutput
        assert found or name is None, "unknown event %s" % name
        before = json.dumps(frame)
        event = cls.from_dict(frame)
        assert unknown_keys(event) == set()
        assert event.to_dict() == frame
        assert json.dumps(frame) == before
