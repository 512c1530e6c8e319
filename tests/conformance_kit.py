"""Runs the A2A project's conformance kit against a local function behind the gateway.

    python -m tests.conformance_kit PATH [--python INTERPRETER] [ARGUMENTS OF PYTEST]

PATH is a checkout of https://github.com/a2aproject/a2a-tck: of the branch ``1.0-dev``, or ``0.3.x``
with what that knows of the protocol; INTERPRETER one in which the kit is installed. The exit status
is that of the kit. Not part of the suite: the kit is the A2A project's, and nothing of it is here.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence
from xml.etree import ElementTree

from remoteagent_lite.gateway import Gateway
from remoteagent_lite.testing import serve
from tests.peers.tck_agent import tck

HOME = "/a2a/agents/tck"
#: Where the kit waits for notifications.
HOOKS = ["localhost", "127.0.0.1"]


def asked(kit: Path, url: str) -> List[str]:
    """The kit's tests, and what they are told."""
    if (kit / "tests" / "compatibility").is_dir():
        found = ["tests/compatibility", "--sut-host=" + url]
        return [*found, "--transport=jsonrpc,http_json"]
    found = ["tests/mandatory", "tests/optional", "--sut-url=" + url]
    return [*found, "--test-scope=all", "--transports=jsonrpc,rest"]


def at_the_root(app: Any) -> Any:
    """The app, with the agent's card where the kit of 0.3 looks for it, whatever it is told."""

    def answer(environ: Dict[str, Any], start_response: Any) -> Any:
        if environ["PATH_INFO"].startswith("/.well-known/"):
            environ["PATH_INFO"] = HOME + environ["PATH_INFO"]
        return app(environ, start_response)

    return answer


def counted(report: Path) -> str:
    (suite,) = ElementTree.parse(str(report)).getroot().iter("testsuite")
    failed = int(suite.attrib["failures"]) + int(suite.attrib["errors"])
    skipped = int(suite.attrib["skipped"])
    passed = int(suite.attrib["tests"]) - failed - skipped
    return "%d passed, %d failed, %d skipped" % (passed, failed, skipped)


def main(arguments: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kit", type=Path, metavar="PATH")
    parser.add_argument("--python", default=sys.executable, metavar="INTERPRETER")
    options, more = parser.parse_known_args(arguments)
    versions = ["1.0"] if (options.kit / "tests" / "compatibility").is_dir() else ["0.3"]
    # The kit validates cards strictly: one of both versions is wrong to either.
    app = Gateway(tck, a2a=True, a2a_versions=versions, push_hosts=HOOKS, heartbeat=5.0)
    with app, tempfile.TemporaryDirectory() as folder, serve(at_the_root(app)) as url:
        report = Path(folder) / "report.xml"
        command = [
            options.python,
            "-m",
            "pytest",
            "-q",
            "--tb=line",
            *asked(options.kit, url + HOME),
        ]
        command += ["--junitxml=%s" % report, *more]
        status = subprocess.run(command, cwd=str(options.kit)).returncode
        if report.exists():
            print(counted(report))
    return status


if __name__ == "__main__":
    sys.exit(main())
