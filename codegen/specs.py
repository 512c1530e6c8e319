"""Refresh ``specs/`` from the packages that define the interfaces (``make specs``).

    python codegen/specs.py             from the pinned releases
    python codegen/specs.py --newest    from the newest ones, to see what has changed

Each package is installed into a throw-away environment, where one of the ``dump_*`` scripts reads
its classes. A file whose content is unchanged keeps its date. ``specs/activeworkflow.json`` is
written by hand and not touched.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional

from models import HERE, SPECS, find_python


class Source(NamedTuple):
    packages: List[str]  # beside the interface's own those that its documents depend on
    newest: List[str]
    dumps: Dict[str, str]  # script -> file in specs/


SOURCES = [
    Source(
        [
            "agno==3.1.10",
            "fastapi==0.165.0",
            "pydantic==2.14.3",
            "python-multipart==0.0.34",
            "sqlalchemy[asyncio]==2.1.9",
        ],
        ["agno", "fastapi", "python-multipart", "sqlalchemy[asyncio]"],
        {"dump_agentos.py": "agentos.json", "dump_runs.py": "agentos-runs.json"},
    ),
    # The two releases of the SDK exclude each other.
    Source(
        ["a2a-sdk==0.3.26", "pydantic==2.14.3"],
        ["a2a-sdk<0.4"],
        {"dump_a2a03.py": "a2a-0.3.json"},
    ),
    Source(["a2a-sdk==1.3.0"], ["a2a-sdk<2"], {"dump_a2a10.py": "a2a-1.0.json"}),
]


def dump(python: str, source: Source, packages: List[str], folder: Path) -> None:
    """Install ``packages`` and write the documents of ``source`` into ``folder``."""
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run([python, "-m", "venv", scratch + "/env"], check=True)
        inside = scratch + "/env/bin/python"
        subprocess.run([inside, "-m", "pip", "install", "--quiet", *packages], check=True)
        date = datetime.date.today().isoformat()
        for script, name in source.dumps.items():
            # Not in a folder of the packages: one of them is called "types".
            subprocess.run(
                [inside, "-W", "ignore", str(HERE / script), str(folder / name), date],
                cwd=scratch,
                env={**os.environ, "AGNO_TELEMETRY": "false", "PYTHONDONTWRITEBYTECODE": "1"},
                check=True,
            )


def replace(old: Path, new: Path) -> bool:
    """Put ``new`` in the place of ``old`` unless they differ in the date only."""
    if old.exists() and undated(old) == undated(new):
        return False
    old.write_bytes(new.read_bytes())
    return True


def undated(path: Path) -> Dict[str, Any]:
    content: Dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    content["x-provenance"].pop("date")
    return content


def main(arguments: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--newest", action="store_true", help="ignore the pins")
    options = parser.parse_args(arguments)
    python = find_python()
    if python is None:
        raise SystemExit("The packages need Python 3.10 or newer; none was found.")
    with tempfile.TemporaryDirectory() as folder:
        for source in SOURCES:
            dump(python, source, source.newest if options.newest else source.packages, Path(folder))
        for new in sorted(Path(folder).iterdir()):
            changed = replace(SPECS / new.name, new)
            print("%-20s %s" % (new.name, "changed" if changed else "unchanged"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
