"""Writes ``remoteagent_lite/models/__init__.py``: all AgentOS names, imported when first used."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Dict, List

# Earlier modules win where two define one name.
INDEXED = ("runs", "agentos")

TEMPLATE = '''{header}

"""The models of AgentOS; each is imported when it is first used.

Those of A2A have a module of their own, because names clash: ``models.a2a_v10``. Whatever version a
server speaks is told in the form of protocol 1.0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
{imports}

_MODULES = {{
{modules}
}}

if not TYPE_CHECKING:  # checkers would take any name for granted
    __all__ = sorted(frozenset().union(*_MODULES.values()))

    def __getattr__(name):
        from importlib import import_module

        for module, names in _MODULES.items():
            if name in names:
                value = getattr(import_module("." + module, __name__), name)
                globals()[name] = value
                return value
        raise AttributeError("module %r has no attribute %r" % (__name__, name))

    def __dir__():
        return sorted(set(globals()) | set(__all__))
'''


def names_of(path: Path) -> List[str]:
    """Return the public classes and aliases of a generated module."""
    names = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names.append(node.targets[0].id)
    return sorted(names)


def render(folder: Path, header: str) -> str:
    owners: Dict[str, str] = {}
    for module in INDEXED:
        for name in names_of(folder / (module + ".py")):
            owners.setdefault(name, module)
    imports: List[str] = []
    modules: List[str] = []
    for module in sorted(INDEXED):
        names = sorted(
            (name for name in owners if owners[name] == module),
            key=lambda name: (not name.isupper(), name.lower()),
        )
        imports.append("    from .%s import (" % module)
        imports += ["        %s as %s," % (name, name) for name in names]
        imports.append("    )")
        modules.append('    "%s": frozenset(' % module)
        modules.append("        (")
        modules += ['            "%s",' % name for name in names]
        modules += ["        )", "    ),"]
    return TEMPLATE.format(
        header=header,
        imports="\n".join(imports),
        modules="\n".join(modules),
    )
