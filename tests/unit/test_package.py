"""The package as a whole: its names, its imports, its structure."""

import ast
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Set

import pytest

import remoteagent_lite
from remoteagent_lite import errors, models

PACKAGE = Path(remoteagent_lite.__file__).parent
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
    for path in PACKAGE.rglob("*.py")
}

#: From top to bottom: a module imports only what stands further down.
ORDER = [
    "__main__",
    "cli",
    "activeworkflow",
    "remote",
    "client",
    "a2a_client",
    "push_notifications",
    "_runner",
    "data",
    "resources",
    "_a2a",
    "streaming",
    "_connection",
    "transport",
    "_exchange",
    "_cache",
    "protocols",
    "events",
    "models",
    "_outputs",
    "_attachments",
    "_decisions",
    "_model",
    "_multipart",
    "_wire",
    "options",
    "media",
    "wsgi",
    "errors",
    "_multipart",
    "_version",
]


def run(script: str) -> str:
    return subprocess.check_output([sys.executable, "-c", script]).decode()


def test_every_public_name_is_there() -> None:
    for name in remoteagent_lite.__all__:
        assert getattr(remoteagent_lite, name) is not None
    assert set(remoteagent_lite.__all__) <= set(dir(remoteagent_lite))
    for name in (
        "RemoteAgent RemoteTeam RemoteWorkflow AgentOSClient A2AClient RunStream merge Timeout "
        "RetryPolicy Image Audio Video File ToolExecution RunOutput TeamRunOutput "
        "WorkflowRunOutput UnknownEvent PushReceiver PushNotification"
    ).split() + errors.__all__:
        if name not in ("error_for_code", "error_for_status", "shown_url"):
            assert name in remoteagent_lite.__all__, name
    assert "RunContentEvent" in dir(models)


def test_type_checkers_see_the_names_that_are_there() -> None:
    tree = ast.parse(MODULES["__init__"].read_text("utf-8"))
    declared = {
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
    assert declared == set(remoteagent_lite.__all__) - {"__version__"}


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="RemoteAgnet"):
        remoteagent_lite.RemoteAgnet


def test_import_loads_nothing_until_a_name_is_used() -> None:
    loaded = run(
        "import sys; before = set(sys.modules); import remoteagent_lite; "
        "print(*sorted(set(sys.modules) - before))"
    ).split()
    assert loaded == ["remoteagent_lite", "remoteagent_lite._version"] or set(loaded) == {
        "remoteagent_lite",
        "remoteagent_lite._version",
        "__future__",
    }


def test_no_module_needs_more_than_its_dependencies() -> None:
    script = (
        "import sys, importlib\n"
        "for name in %r: importlib.import_module(name)\n"
        "print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    )
    names = ["remoteagent_lite." + name for name in MODULES if "__" not in name]
    loaded = set(run(script % names).split())
    with_dependencies = set(run("import sys, requests, sseclient; print(*sys.modules)").split())
    for forbidden in ("asyncio", "pydantic", "typing_extensions", "httpx", "dataclasses"):
        assert forbidden not in loaded - with_dependencies


def imports_of(module: str) -> Set[str]:
    """Top-level modules of the package that ``module`` imports when it is imported."""
    depth = module.count(".") + (0 if MODULES[module].name == "__init__.py" else 1)
    found: Set[str] = set()
    tree = ast.parse(MODULES[module].read_text("utf-8"))
    blocks: List[ast.stmt] = list(tree.body)
    for node in blocks:
        if isinstance(node, ast.ImportFrom) and node.level == depth:
            names = [node.module] if node.module else [alias.name for alias in node.names]
            found |= {name.partition(".")[0] for name in names if name}
    return found


def test_imports_run_one_way() -> None:
    place: Dict[str, int] = {name: number for number, name in enumerate(ORDER)}
    for module in MODULES:
        room = module.partition(".")[0]
        if room == "__init__":
            continue
        assert room in place, "%s has no place in the order" % module
        for other in imports_of(module) - {room}:
            assert place[room] < place[other], "%s imports %s" % (module, other)


def test_only_the_transport_names_requests() -> None:
    for module, path in MODULES.items():
        names = {
            name.partition(".")[0]
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom) and not node.level
                else []
            )
        }
        if module != "transport":
            assert not names & {"requests", "urllib3"}, module
        assert not names & {"asyncio", "pydantic", "attr", "httpx"}, module


def test_protocols_do_no_io() -> None:
    for module, path in MODULES.items():
        if module.startswith("protocols"):
            text = path.read_text("utf-8")
            for name in ("socket", "threading", "time", "requests", "logging"):
                assert "import %s" % name not in text, module
