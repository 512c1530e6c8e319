"""docs/testing.md: its tests are run as a reader's are, and it names what there is."""

import re
import subprocess
import sys
from pathlib import Path

from remoteagent_lite import testing
from tests import ROOT

TEXT = (ROOT / "docs" / "testing.md").read_text("utf-8")


def test_its_tests_pass(tmp_path: Path) -> None:
    snippets = re.findall(r"^```python\n(.*?)^```", TEXT, re.M | re.S)
    for number, code in enumerate(snippets):
        assert "def test_" in code
        (tmp_path / ("test_%d.py" % number)).write_text(code, "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "remoteagent_lite.testing.plugin"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "-W", "error::ResourceWarning", str(tmp_path)],
        cwd=str(ROOT),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, done.stdout.decode()
    count = "".join(snippets).count("\ndef test_")
    assert count >= 10 and b"%d passed" % count in done.stdout


def test_every_name_is_in_it() -> None:
    elsewhere = {"Request", "StoreConformance"}
    for name in set(testing.__all__) - elsewhere:
        assert re.search(r"\b%s\b" % name, TEXT), name
