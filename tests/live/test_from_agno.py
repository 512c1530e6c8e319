"""docs/from-agno.md names everything public that Agno's remote classes and clients have."""

import json
import re
import subprocess
from typing import Any, Dict, List, Tuple

import pytest

import remoteagent_lite
from tests import ROOT
from tests.peers.environments import python_of

DOCUMENT = ROOT / "docs" / "from-agno.md"
CLASSES = {
    "RemoteAgent": "agno.agent.remote",
    "RemoteTeam": "agno.team.remote",
    "RemoteWorkflow": "agno.workflow.remote",
    "AgentOSClient": "agno.client.os",
    "A2AClient": "agno.client.a2a",
}
INTROSPECTION = """
import importlib, json, sys
print(json.dumps({
    name: [each for each in dir(getattr(importlib.import_module(module), name)) if each[0] != "_"]
    for name, module in json.loads(sys.argv[1]).items()
}))
"""


def rows(section: str) -> List[Tuple[str, str]]:
    """The first two columns of a section's table."""
    text = DOCUMENT.read_text("utf-8")
    match = re.search(r"^## %s\n(.*?)(?=^## |\Z)" % section, text, re.M | re.S)
    assert match, section
    found = re.findall(r"^\| (.+?) \| (.+?) \|$", match[1], re.M)
    return [(left, right) for left, right in found if left.startswith("`")]


@pytest.fixture(scope="module")
def upstream() -> Dict[str, List[str]]:
    command = [python_of("agno-3.1.10"), "-c", INTROSPECTION, json.dumps(CLASSES)]
    names: Dict[str, List[str]] = json.loads(subprocess.check_output(command, timeout=120))
    return names


@pytest.mark.parametrize("cls", CLASSES)
def test_every_public_name_of_agno_has_its_row(cls: str, upstream: Dict[str, List[str]]) -> None:
    documented = [name for left, _ in rows(cls) for name in re.findall(r"`(\w+)`", left)]
    assert sorted(documented) == sorted(upstream[cls])


@pytest.mark.parametrize("cls", CLASSES)
def test_what_stands_beside_a_name_exists(cls: str) -> None:
    for _, ours in rows(cls):
        for name in re.findall(r"`([\w.]+)", ours):
            owner, dot, member = name.partition(".")
            if not dot:
                owner, member = cls, owner
            target: Any = getattr(remoteagent_lite, owner)
            assert hasattr(target, member), name


def test_what_behaves_better_is_proved_by_tests_that_exist() -> None:
    proofs = rows("What behaves better")
    assert len(proofs) >= 8
    sources = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    text = DOCUMENT.read_text("utf-8")
    tests = re.findall(r"`(test_\w+)`", text)
    assert len(tests) >= len(proofs)
    for test in tests:
        assert "def %s(" % test in sources, test
