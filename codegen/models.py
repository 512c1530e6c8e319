"""Generate ``remoteagent_lite/models/`` from ``specs/`` (``make models``).

    python codegen/models.py            write the modules
    python codegen/models.py --check    compare instead; status 1 and a diff if they differ

The generator runs in an environment of its own: ``.venv-codegen``, or where CODEGEN_ENV says. It is
made when it is missing or its pins have changed, and needs Python 3.10 or newer.
"""

from __future__ import annotations

import argparse
import difflib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import index
from spec_document import reachable

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SPECS = ROOT / "specs"
MODELS = ROOT / "remoteagent_lite" / "models"
REQUIREMENTS = HERE / "requirements.txt"

# Specification -> module.
JOBS = {
    "agentos-runs.json": "runs",
    "agentos.json": "agentos",
    "a2a-1.0.json": "a2a_v10",
}

# Explicit wherever the generator's default may change between releases.
FLAGS = [
    "--input-file-type=openapi",
    "--openapi-scopes=schemas",
    "--output-model-type=dataclasses.dataclass",
    "--disable-timestamp",
    "--formatters=builtin",
    "--snake-case-field",
    "--no-treat-dot-as-module",
    "--no-use-union-operator",
    "--no-use-standard-collections",
    "--enum-field-as-literal=all",
    "--strict-nullable",
    "--use-single-value-enum-as-const",
    "--ignore-pyproject",
    "--custom-template-dir=" + str(HERE / "templates"),
    "--custom-formatters=model_format",
]

NEWEST_FIRST = ("3.13", "3.12", "3.11", "3.10")


def header(sources: str) -> str:
    return "# Generated from %s by codegen/models.py (make models). Do not edit." % sources


def find_python() -> Optional[str]:
    """Return an interpreter new enough for the generator; None if there is none."""
    if sys.version_info >= (3, 10):
        return sys.executable
    for version in NEWEST_FIRST:
        found = shutil.which("python" + version)
        if found and works(found):
            return found
        for path in sorted(Path.home().glob(".pyenv/versions/%s.*/bin/python" % version)):
            if works(str(path)):
                return str(path)
    return None


def works(python: str) -> bool:
    # A pyenv shim is on PATH whether or not its version is enabled.
    probe = "import sys, venv; sys.exit(sys.version_info < (3, 10))"
    return subprocess.run([python, "-c", probe], stderr=subprocess.DEVNULL).returncode == 0


def environment() -> Path:
    """Return the generator's environment, made or renewed if its pins differ."""
    folder = Path(os.environ.get("CODEGEN_ENV") or ROOT / ".venv-codegen").resolve()
    installed = folder / "installed-requirements.txt"
    pins = REQUIREMENTS.read_text(encoding="utf-8")
    if installed.exists() and installed.read_text(encoding="utf-8") == pins:
        return folder
    python = find_python()
    if python is None:
        raise SystemExit("The generator needs Python 3.10 or newer; none was found.")
    print("Installing the generator into %s" % folder, file=sys.stderr)
    subprocess.run([python, "-m", "venv", "--clear", str(folder)], check=True)
    install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    subprocess.run([*install, "-r", str(REQUIREMENTS)], check=True)
    installed.write_text(pins, encoding="utf-8")
    return folder


def answers_alone(content: Dict[str, Any]) -> Dict[str, Any]:
    """Without the schemas that only requests have: a client is given arguments, not objects."""
    components = content["components"]
    answers, requests = [
        [
            operation.get(part, {})
            for item in content["paths"].values()
            for operation in item.values()
        ]
        for part in ("responses", "requestBody")
    ]
    asked = set(reachable(components["schemas"], requests))
    needed = set(reachable(components["schemas"], answers))
    components["schemas"] = {
        name: schema
        for name, schema in components["schemas"].items()
        if name in needed or name not in asked or "properties" not in schema
    }
    return content


def generate(tools: Path, spec: str, output: Path) -> None:
    """Generate one module."""
    content = answers_alone(json.loads((SPECS / spec).read_text(encoding="utf-8")))
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / spec
        source.write_text(json.dumps(content), encoding="utf-8")
        command = [str(tools / "bin" / "datamodel-codegen"), *FLAGS]
        command += ["--input=" + str(source), "--output=" + str(output)]
        command += ["--custom-file-header=" + header("specs/" + spec)]
        # An error in the formatter is only a warning to the generator, which goes on without it.
        variables = {
            **os.environ,
            "PYTHONPATH": str(HERE),
            "PYTHONWARNINGS": "error::UserWarning",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        done = subprocess.run(command, env=variables, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0 or not output.exists():
        raise SystemExit("%s: the generator failed\n%s" % (spec, done.stderr))


def generate_all(folder: Path) -> Dict[str, str]:
    """Return file name -> source of everything in ``models/``."""
    tools = environment()
    with ThreadPoolExecutor(2) as pool:
        results = [
            pool.submit(generate, tools, spec, folder / (module + ".py"))
            for spec, module in JOBS.items()
        ]
        for result in results:
            result.result()
    index_source = index.render(folder, header("specs/agentos*.json"))
    (folder / "__init__.py").write_text(index_source, encoding="utf-8")
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py"))}


def differences(generated: Dict[str, str]) -> Iterator[str]:
    committed = {path.name: path.read_text(encoding="utf-8") for path in MODELS.glob("*.py")}
    for name in sorted(set(generated) | set(committed)):
        yield from difflib.unified_diff(
            committed.get(name, "").splitlines(True),
            generated.get(name, "").splitlines(True),
            "models/" + name,
            "generated/" + name,
        )


def main(arguments: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        generated = generate_all(Path(folder))
    if options.check:
        diff = list(differences(generated))
        sys.stdout.writelines(diff)
        return 1 if diff else 0
    MODELS.mkdir(exist_ok=True)
    for path in MODELS.glob("*.py"):
        if path.name not in generated:
            path.unlink()
    for name, source in generated.items():
        (MODELS / name).write_text(source, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
