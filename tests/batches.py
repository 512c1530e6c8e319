"""A batch whose process is killed again and again, against a server that counts."""

import subprocess
import sys
from pathlib import Path
from typing import Dict, Iterable, List

import requests

from tests import ROOT

__all__ = ["KilledBatch"]

BATCH = """
import os, sys
from remoteagent_lite import RemoteAgent
from remoteagent_lite.runs import once
url, journal, count, once.SEARCH = (*sys.argv[1:4], float(sys.argv[4]))
count = int(count)

def memory():
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        return 0.0

rows = ("row %d of %s" % (n, journal) for n in range(count))
with RemoteAgent(url, "plain", timeout=60) as agent:
    for result in agent.map(rows, workers=16, journal=journal):
        assert result.output.raise_for_status().content == "echo: " + result.input
        print(result.index, flush=True)
        if result.index in (count // 10, count - 1):
            print("%.1f MiB" % memory(), file=sys.stderr, flush=True)
"""


class KilledBatch:
    """``rows`` rows on the agent ``plain`` of a peer; ``journal`` is where the answers are kept.

    ``search`` is for how many seconds a row is looked for that may have been sent.
    """

    def __init__(self, url: str, journal: Path, rows: int, search: float = 10.0) -> None:
        self.url = url
        self.journal = journal
        self.rows = rows
        #: What the last process needed, in MiB, behind a tenth of the rows and at the end.
        self.memory: List[str] = []
        self._command = [sys.executable, "-c", BATCH, url, str(journal)]
        self._command += [str(rows), str(search)]

    def run(self, kills: Iterable[int]) -> List[int]:
        """Kill a process each when it has told so many results; then the results of the last."""
        for told in kills:
            with subprocess.Popen(
                self._command, cwd=str(ROOT), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            ) as process:
                assert process.stdout is not None
                for _ in range(told):
                    assert process.stdout.readline()
                process.kill()
        done = subprocess.run(
            self._command,
            cwd=str(ROOT),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=True,
        )
        self.memory = done.stderr.decode().split("\n")[:2]
        return [int(line) for line in done.stdout.split()]

    def executions(self) -> Dict[str, int]:
        """How often each row was executed, by the server's count."""
        counts = requests.get(self.url + "/executions", timeout=60).json()
        return {text: count for text, count in counts.items() if str(self.journal) in text}
