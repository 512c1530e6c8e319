"""What README and docs/ show passes mypy --strict and pyright's strict mode. `make types` runs it.

Each snippet becomes a file of its own, as a reader has it.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import List

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

#: Django and Celery have no types of their own, and what is their matter is not ours.
MYPY = """
[mypy]
strict = true
python_version = 3.10
[mypy-django.*,celery.*]
ignore_missing_imports = true
"""
PYRIGHT = """
{"typeCheckingMode": "strict", "pythonVersion": "3.10", "reportMissingTypeStubs": false,
 "useLibraryCodeForTypes": false, "pythonPlatform": "All", "extraPaths": ["%s"]}
"""

#: The agents of that document have no annotations, as most that are written: their readers' code
#: is not held against the rules for what is annotated, and all that is ours is.
UNANNOTATED = """# pyright: standard
# mypy: allow-untyped-defs, allow-untyped-calls, disable-error-code="var-annotated"
"""

#: What its decorators return has no type.
CELERY = """# pyright: standard, reportMissingImports=false, reportFunctionMemberAccess=false
# mypy: disable-error-code="untyped-decorator"
"""


def write_snippets(folder: Path) -> List[str]:
    names = []
    for document in DOCUMENTS:
        found = re.findall(r"^```python\n(.*?)^```", document.read_text("utf-8"), re.M | re.S)
        for number, code in enumerate(found, 1):
            name = "%s_%d.py" % (document.stem.replace("-", "_").lower(), number)
            if document.stem == "activeworkflow":
                code = UNANNOTATED + code
            elif "import Celery" in code:
                code = CELERY + code
            (folder / name).write_text(code, "utf-8")
            names.append(name)
    return names


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        snippets = write_snippets(folder)
        (folder / "mypy.ini").write_text(MYPY)
        (folder / "pyrightconfig.json").write_text(PYRIGHT % ROOT)
        tools = Path(sys.executable).parent
        environment = dict(os.environ, MYPYPATH=str(ROOT))
        failed = 0
        for command in (
            [str(tools / "mypy"), *snippets],
            [str(tools / "basedpyright"), "--pythonpath", sys.executable],
        ):
            print("%d snippets: %s" % (len(snippets), Path(command[0]).name), flush=True)
            failed |= subprocess.call(command, cwd=str(folder), env=environment)
        return failed


if __name__ == "__main__":
    sys.exit(main())
