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
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).replace(".__init__", ""): path
    for path in PACKAGE.rglob("*.py")
}

#: From top to bottom: a module imports only what stands further down. A folder stands for all in it
#: that is not named on its own; what is in it may be in any order.
ORDER = """
    __main__
    cli
    activeworkflow.commands activeworkflow.checker activeworkflow.simulator activeworkflow.app
    activeworkflow.protocol
    activeworkflow.bridge activeworkflow.agents activeworkflow.reactions activeworkflow
    testing
    gateway
    remote client a2a_client push_notifications signatures wsgi
    runs.runner data resources
    runs.batch runs.journal runs.once runs.recovery
    runs.stream runs.reader runs.course runs.waiting runs
    channels.a2a channels.cards channels
    http.transport http.failures http.connections http.exchange http cache
    protocols.a2a.serving
    protocols.a2a.dialects protocols.a2a.bindings protocols.a2a.agno protocols.a2a.runs
    protocols.a2a.events protocols.a2a.operation protocols.a2a.fold protocols.a2a.rejoin
    protocols.a2a.calls protocols.a2a.output protocols.a2a.artifact
    protocols.a2a.v03_rest protocols.a2a.v03 protocols.a2a.v10
    protocols.a2a.faults protocols.a2a.message protocols.a2a.adk
    protocols.a2a.description protocols.a2a.negotiation
    protocols.a2a.security protocols.a2a.hosts protocols.a2a.canonical protocols.a2a.card
    protocols.a2a.content
    protocols.a2a
    protocols.agentos.runs protocols.agentos.claims protocols.agentos.fold protocols.agentos.forms
    protocols.agentos.decisions protocols.agentos.endpoints protocols.agentos
    protocols.sse protocols.jsontext protocols.contract protocols.component protocols
    models modelling.outputs modelling.decisions modelling.attachments modelling.checks
    modelling.schemas modelling
    events wire options media errors handover loading sqlite_file _version
""".split()


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
        if not name[0].islower() or name == "merge":  # the functions of errors are our own
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
    for of_pytest in ("plugin", "stores"):  # for those who have it
        names.remove("remoteagent_lite.testing." + of_pytest)
    loaded = set(run(script % names).split())
    with_dependencies = set(run("import sys, requests, sseclient; print(*sys.modules)").split())
    for forbidden in ("asyncio", "pydantic", "typing_extensions", "httpx", "dataclasses"):
        assert forbidden not in loaded - with_dependencies


def imports_of(module: str) -> Set[str]:
    """Modules of the package that ``module`` imports when it is imported."""
    parts = module.split(".")
    folder = parts if MODULES[module].name == "__init__.py" else parts[:-1]
    found: Set[str] = set()
    for node in ast.parse(MODULES[module].read_text("utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.level:
            base = folder[: len(folder) - node.level + 1]
            source = base + (node.module.split(".") if node.module else [])
            for alias in node.names:
                named = ".".join([*source, alias.name])
                found.add(named if named in MODULES else ".".join(source))
    return found - {""}


def room_of(module: str) -> str:
    """Where a module stands in the order: its own place, or that of a folder it is in."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        room = ".".join(parts[:length])
        if room in ORDER:
            return room
    raise AssertionError("%s has no place in the order" % module)


def test_imports_run_one_way() -> None:
    assert len(ORDER) == len(set(ORDER))
    place: Dict[str, int] = {name: number for number, name in enumerate(ORDER)}
    for module in set(MODULES) - {"__init__"}:
        room = room_of(module)
        for other in map(room_of, imports_of(module)):
            assert place[room] <= place[other], "%s imports %s" % (module, other)


def test_no_import_comes_back() -> None:
    """No circle of imports, inside of folders neither."""
    finished: Set[str] = set()

    def visit(module: str, path: List[str]) -> None:
        assert module not in path, "a circle: %s" % " -> ".join([*path, module])
        if module not in finished:
            for other in imports_of(module):
                visit(other, [*path, module])
            finished.add(module)

    for module in set(MODULES) - {"__init__"}:
        visit(module, [])


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
        if module != "http.transport":
            assert "requests" not in names, module
        if not module.startswith("http."):
            assert "urllib3" not in names, module
        assert not names & {"asyncio", "pydantic", "attr", "httpx"}, module


def test_protocols_do_no_io() -> None:
    for module, path in MODULES.items():
        if module.startswith("protocols"):
            text = path.read_text("utf-8")
            for name in ("socket", "threading", "time", "requests", "logging"):
                assert "import %s" % name not in text, module


def test_what_is_handed_on_as_locals_is_arguments_alone() -> None:
    """A local variable more would be sent to the server as an argument of the endpoint."""
    found = 0
    for module, path in MODULES.items():
        for function in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(function, ast.FunctionDef):
                continue
            inside = list(ast.walk(function))
            if any(isinstance(node, ast.Name) and node.id == "locals" for node in inside):
                found += 1
                own = {
                    node.id
                    for node in inside
                    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
                }
                assert not own, "%s: %s has locals %s" % (module, function.name, sorted(own))
    assert found > 50
