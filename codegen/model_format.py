"""Turns what the generator writes into the source of ``remoteagent_lite/models/``.

The template leaves annotated classes and aliases; everything the base class ``Model`` needs to know
(how to decode a field, its name on the wire, tags) is computed from those annotations here.
"""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from datamodel_code_generator.format import CustomCodeFormatter

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent / "remoteagent_lite"
WIDTH = 100

# Unions that streams are decoded with -> their keys in EVENT_CLASSES.
EVENT_TABLES = {
    "RunOutputEvent": "AgentRunEvent",
    "TeamRunOutputEvent": "TeamRunEvent",
    "WorkflowRunOutputEvent": "WorkflowRunEvent",
    "ControlEvent": "ControlEvent",
}

# Unions of events -> the enumeration of their names, and what the names begin with besides.
EVENT_NAMES = {
    "RunOutputEvent": ("RunEvent", ""),
    "TeamRunOutputEvent": ("TeamRunEvent", "Team"),
    "WorkflowRunOutputEvent": ("WorkflowRunEvent", ""),
}

TYPING = ("Any", "Dict", "Final", "List", "Literal", "Optional", "Union")


class FormatError(Exception):
    """The generator wrote something this formatter does not know."""


@dataclass
class Field:
    name: str
    annotation: ast.expr
    default: Optional[ast.expr]
    wire: Optional[str] = None

    @property
    def constant(self) -> Optional[ast.expr]:
        """The only value of a tag field."""
        if is_generic(self.annotation, "Literal"):
            assert isinstance(self.annotation, ast.Subscript)
            if not isinstance(self.annotation.slice, ast.Tuple):
                return self.annotation.slice
        return None


@dataclass
class Class:
    name: str
    base: str
    fields: List[Field] = field(default_factory=list)


def is_generic(node: ast.expr, name: str) -> bool:
    return (
        isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Name)
        and node.value.id == name
    )


def members(node: ast.expr) -> List[ast.expr]:
    """Return the members of a Union or Optional, flattened; else the node itself."""
    if is_generic(node, "Optional"):
        assert isinstance(node, ast.Subscript)
        return members(node.slice)
    if is_generic(node, "Union"):
        assert isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple)
        return [member for item in node.slice.elts for member in members(item)]
    return [node]


class CodeFormatter(CustomCodeFormatter):
    """The generator's hook: ``apply`` gets the whole module and returns it rewritten."""

    def apply(self, code: str) -> str:
        bases = json.loads((HERE / "bases.json").read_text(encoding="utf-8"))
        return Module(code, bases, reserved_names()).render()


def reserved_names() -> Dict[str, List[str]]:
    """Return what a field may not be called: the names each hand-written base class defines."""
    names: Dict[str, List[str]] = {}
    for path in sorted((PACKAGE / "modelling").glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                names[node.name] = [
                    item.name
                    for item in node.body
                    if isinstance(item, ast.FunctionDef) and not item.name.startswith("__")
                ]
    return names


class Module:
    """One generated module, between parsing and writing."""

    def __init__(self, code: str, bases: Dict[str, str], reserved: Dict[str, List[str]]) -> None:
        self.bases = bases
        self.reserved = reserved
        self.classes: Dict[str, Class] = {}
        self.aliases: Dict[str, ast.expr] = {}
        # Union -> its tag, the unions it consists of, tag value -> class of the others.
        self.unions: Dict[str, Tuple[str, List[str], Dict[Any, str]]] = {}
        for node in ast.parse(code).body:
            if isinstance(node, ast.ClassDef):
                self.classes[node.name] = self._class(node)
            elif isinstance(node, ast.Assign):
                assert isinstance(node.targets[0], ast.Name)
                self.aliases[node.targets[0].id] = node.value
            elif not isinstance(node, (ast.Import, ast.ImportFrom)):
                raise FormatError("unexpected statement: " + ast.unparse(node))
        for name, value in self.aliases.items():
            self._tagged(name, members(value))

    def _class(self, node: ast.ClassDef) -> Class:
        if node.name in ("EventName", "Model", "Tagged", "nested", "renamed", *TYPING):
            raise FormatError("a schema may not be called " + node.name)
        (base,) = node.bases
        result = Class(node.name, ast.unparse(base))
        for item in node.body:
            if isinstance(item, ast.AnnAssign):
                result.fields.append(Field(ast.unparse(item.target), item.annotation, item.value))
            elif isinstance(item, ast.Expr):  # the template's "wire name" note
                _, name, wire = ast.literal_eval(item.value)
                assert result.fields[-1].name == name
                result.fields[-1].wire = wire
            elif not isinstance(item, ast.Pass):
                raise FormatError("unexpected statement: " + ast.unparse(item))
        return result

    # What to decode

    def shape(self, node: ast.expr, owner: str) -> Any:
        """Return the shape of a field for ``nested``; None if it holds no model."""
        options = members(node)
        if len(options) > 1:
            return self._union_shape(options, owner)
        node = options[0]
        if isinstance(node, ast.Name):
            if node.id in self.classes:
                return node.id
            if node.id in self.aliases:
                if self._tagged(node.id, members(self.aliases[node.id])):
                    return node.id
                return self.shape(self.aliases[node.id], node.id)
            return None
        if is_generic(node, "List"):
            assert isinstance(node, ast.Subscript)
            item = self.shape(node.slice, owner)
            return [item] if item else None
        if is_generic(node, "Dict"):
            assert isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple)
            item = self.shape(node.slice.elts[1], owner)
            return {"*": item} if item else None
        return None

    def _union_shape(self, options: List[ast.expr], owner: str) -> Any:
        if self._tagged(owner, options):
            return owner
        if any(isinstance(option, ast.Name) and option.id == "Any" for option in options):
            return None
        if any(is_generic(option, "Dict") for option in options):
            return None  # no way to tell a model from a free object
        shapes = [shape for shape in (self.shape(option, owner) for option in options) if shape]
        flat: List[Any] = []
        for item in shapes:
            flat.extend(item if isinstance(item, tuple) else [item])
        if not flat:
            return None
        if any(name in self.unions for name in flat if isinstance(name, str)) and len(flat) > 1:
            raise FormatError("%s mixes a tagged union with other models" % owner)
        return flat[0] if len(flat) == 1 else tuple(flat)

    def _tagged(self, name: str, options: List[ast.expr]) -> bool:
        """Note a union under ``name`` if a constant field tells its members apart."""
        if name in self.unions:
            return True
        names = self._class_names(options)
        if len(names) < 2:
            return False
        for candidate in self._constants(names[0]):
            table: Dict[Any, str] = {}
            for class_name in names:
                constants = self._constants(class_name)
                if candidate not in constants:
                    break
                # Of two members with one tag (CustomEvent) the first is taken.
                table.setdefault(constants[candidate], class_name)
            else:
                if len(table) > 1:
                    self._add_union(name, candidate, table, options)
                    return True
        return False

    def _add_union(
        self, name: str, tag: str, table: Dict[Any, str], options: List[ast.expr]
    ) -> None:
        parts = [ast.unparse(option) for option in options]
        if all(part in self.aliases for part in parts):
            for part in parts:
                if not self._tagged(part, members(self.aliases[part])):
                    break
            else:
                self.unions[name] = (tag, parts, {})
                return
        self.unions[name] = (tag, [], table)

    def _class_names(self, options: List[ast.expr]) -> List[str]:
        """Return the classes of a union of nothing but classes, unions inside unfolded."""
        names: List[str] = []
        for option in options:
            if not isinstance(option, ast.Name):
                return []
            if option.id in self.classes:
                names.append(option.id)
                continue
            inner = (
                self._class_names(members(self.aliases[option.id]))
                if (option.id in self.aliases)
                else []
            )
            if not inner:
                return []
            names.extend(inner)
        return names

    def _constants(self, class_name: str) -> Dict[str, Any]:
        """Return wire name -> value of the constant fields of a class and its bases."""
        found: Dict[str, Any] = {}
        current: Optional[Class] = self.classes[class_name]
        while current is not None:
            for item in current.fields:
                if item.constant is not None:
                    found.setdefault(item.wire or item.name, ast.literal_eval(item.constant))
            current = self.classes.get(current.base)
        return found

    # Writing

    def render(self) -> str:
        classes = [self._render_class(item) for item in self._in_order()]
        aliases = ["%s = %s" % (n, layout(v, len(n) + 3)) for n, v in self._ordered_aliases()]
        tables = self._render_tables()
        body = "\n\n\n".join(classes + self._render_names())
        rest = "\n".join(aliases + ([""] if aliases and tables else []) + tables)
        text = body + ("\n\n\n" + rest if rest else "") + "\n"
        return self._render_imports(text) + "\n\n\n" + text

    def _in_order(self) -> List[Class]:
        """Return the classes, bases before what derives from them."""
        ordered: Dict[str, Class] = {}

        def place(item: Class) -> None:
            if item.base in self.classes:
                place(self.classes[item.base])
            ordered.setdefault(item.name, item)

        for item in self.classes.values():
            place(item)
        return list(ordered.values())

    def _ordered_aliases(self) -> List[Tuple[str, ast.expr]]:
        """Return the aliases, each after those it refers to."""
        ordered: Dict[str, ast.expr] = {}

        def place(name: str) -> None:
            for node in ast.walk(self.aliases[name]):
                if isinstance(node, ast.Name) and node.id in self.aliases and node.id != name:
                    place(node.id)
            ordered.setdefault(name, self.aliases[name])

        for name in self.aliases:
            place(name)
        return [(name, self._open(name, value)) for name, value in ordered.items()]

    def _open(self, name: str, union: ast.expr) -> ast.expr:
        """Add to a union of events what an event of a newer server is."""
        if name not in EVENT_NAMES:
            return union
        assert isinstance(union, ast.Subscript) and isinstance(union.slice, ast.Tuple)
        more = ast.Tuple([*union.slice.elts, ast.Name("UnknownEvent", ast.Load())], ast.Load())
        return ast.Subscript(union.value, more, ast.Load())

    def _render_names(self) -> List[str]:
        """Return the enumerations of the names of events."""
        return [
            "class %s(EventName):\n" % enumeration
            + "\n".join(
                "    %s: Final = %s" % (name_of_member(tag, prefix), literal(tag))
                for tag in self.unions[union][2]
            )
            for union, (enumeration, prefix) in EVENT_NAMES.items()
            if union in self.unions
        ]

    def _render_imports(self, text: str) -> str:
        used = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
        ours = ("EventName", "Model", "Tagged", "nested", "renamed")
        from_model = [name for name in ours if name in used]
        lines = ["from __future__ import annotations", ""]
        typing_names = [name for name in TYPING if name in used]
        if typing_names:
            lines += ["from typing import " + ", ".join(typing_names), ""]
        by_module: Dict[str, List[str]] = {"base": from_model}
        for name, path in self.bases.items():
            if name in self.classes:
                module, base = path.split(".")
                by_module.setdefault(module, []).append(base)
        if "UnknownEvent" in used:
            lines.append("from ..events import UnknownEvent")
        for module, names in sorted(by_module.items()):
            ordered = names if module == "base" else sorted(set(names))
            line = "from ..modelling.%s import %s" % (module, ", ".join(ordered))
            if len(line) > WIDTH:
                inside = "".join("    %s,\n" % name for name in ordered)
                line = "from ..modelling.%s import (\n%s)" % (module, inside)
            lines.append(line)
        return "\n".join(lines)

    def _render_class(self, item: Class) -> str:
        base = item.base
        if item.name in self.bases:
            base = self.bases[item.name].split(".")[1]
        bases = base if item.base in (base, "Model") else "%s, %s" % (base, item.base)
        lines = ["class %s(%s):" % (item.name, bases)]
        for entry in item.fields:
            if entry.name in self.reserved["Model"] + self.reserved.get(base, []):
                raise FormatError("%s.%s hides a method" % (item.name, entry.name))
            lines.append("    " + self._render_field(entry, item.name))
        constants = [entry.name for entry in item.fields if entry.constant is not None]
        if constants:
            names = "".join(json.dumps(name) + ", " for name in constants)
            names = names.rstrip() if len(constants) == 1 else names[:-2]
            lines.append("    _constants = (%s)" % names)
        if len(lines) == 1:
            lines.append("    pass")
        return "\n".join(lines)

    def _render_field(self, entry: Field, owner: str) -> str:
        annotation, default = entry.annotation, entry.default
        if default is not None and not is_scalar(default):
            # Objects must not have one mutable default between them.
            default = ast.Constant(None)
        if isinstance(default, ast.Constant) and default.value is None:
            annotation = optional(annotation)
        shape = self.shape(annotation, "%s.%s" % (owner, entry.name))
        given = "" if default is None else source(default)
        prefix = entry.name + ": "
        column = 4 + len(prefix)
        if shape is None and entry.wire is None:
            tail = " = " + given if given else ""
            return prefix + layout(annotation, column, 4, len(tail)) + tail
        if entry.constant is not None and entry.wire is not None:
            raise FormatError("%s.%s is a renamed constant" % (owner, entry.name))
        arguments = [literal(value) for value in (shape, entry.wire) if value is not None]
        if given:
            arguments.append("default=" + given)
        call = " = %s(" % ("nested" if shape is not None else "renamed")
        joined = ", ".join(arguments)
        line = prefix + source(annotation)
        if 4 + len(line + call + joined) + 1 <= WIDTH:
            return line + call + joined + ")"
        if 4 + len(line + call) <= WIDTH and 8 + len(joined) <= WIDTH:
            return line + call + "\n        " + joined + "\n    )"
        if 4 + len(line) + len(" = (") <= WIDTH and 8 + len(call[3:] + joined) + 1 <= WIDTH:
            return line + " = (\n        " + call[3:] + joined + ")\n    )"
        if shape is not None:
            arguments[0] = layout(ast.parse(arguments[0], mode="eval").body, 8, 8, 1)
        head = prefix + layout(annotation, column, 4, len(call)) + call
        return head + "\n        " + ",\n        ".join(arguments) + ",\n    )"

    def _render_tables(self) -> List[str]:
        if not self.unions:
            return []
        lines = ["UNIONS: Dict[str, Tagged] = {}"]
        for name, (tag, parts, table) in sorted(
            self.unions.items(), key=lambda item: bool(item[1][1])
        ):
            lines += ["UNIONS[%s] = Tagged(" % literal(name), "    %s," % literal(tag), "    {"]
            # Backwards, so that of two members with one tag the first wins.
            lines += ["        **UNIONS[%s].classes," % literal(part) for part in reversed(parts)]
            lines += ["        %s: %s," % (literal(key), value) for key, value in table.items()]
            lines += ["    },", ")"]
        tables = [name for name in EVENT_TABLES if name in self.unions]
        if tables:
            lines += ["", "EVENT_CLASSES = {"]
            lines += [
                "    %s: UNIONS[%s].classes," % (literal(EVENT_TABLES[name]), literal(name))
                for name in tables
            ]
            lines.append("}")
        return lines


def name_of_member(tag: str, prefix: str) -> str:
    """Return an event's name in snake case, without what all but CustomEvent begin with."""
    name = tag[len(prefix) :] if tag.startswith(prefix) else tag
    return "".join("_" + c.lower() if c.isupper() else c for c in name).lstrip("_")


def is_scalar(node: ast.expr) -> bool:
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return False
    return value is None or isinstance(value, (str, int, float, bool))


def optional(annotation: ast.expr) -> ast.expr:
    if is_generic(annotation, "Optional") or source(annotation) == "Any":
        return annotation
    return ast.Subscript(ast.Name("Optional", ast.Load()), annotation, ast.Load())


def literal(value: Any) -> str:
    """Return Python source of strings, lists, dicts and tuples of them, with double quotes."""
    if isinstance(value, tuple):
        return "(%s)" % ", ".join(map(literal, value))
    if isinstance(value, list):
        return "[%s]" % ", ".join(map(literal, value))
    if isinstance(value, dict):
        return "{%s}" % ", ".join("%s: %s" % (literal(k), literal(v)) for k, v in value.items())
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return repr(value)


def source(node: ast.expr) -> str:
    """Return the source of an annotation or a default on one line."""
    if isinstance(node, ast.Constant):
        return literal(node.value)
    if isinstance(node, ast.Tuple):
        return ", ".join(map(source, node.elts))
    if isinstance(node, ast.Subscript):
        return "%s[%s]" % (source(node.value), source(node.slice))
    return ast.unparse(node)


def layout(node: ast.expr, column: int, indent: int = 0, tail: int = 0) -> str:
    """Return the source of an expression, broken at brackets where the line would be too long."""
    text = literal(ast.literal_eval(node)) if is_display(node) else source(node)
    if column + len(text) + tail <= WIDTH:
        return text
    inner = indent + 4
    pad = "\n" + " " * inner
    close = "\n" + " " * indent
    if isinstance(node, ast.Subscript):
        items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        lines = [layout(item, inner, inner, 1) for item in items]
        body = pad + ("," + pad).join(lines) + ("," if len(lines) > 1 else "")
        return "%s[%s%s]" % (source(node.value), body, close)
    if isinstance(node, (ast.List, ast.Tuple)):
        lines = [layout(item, inner, inner, 1) + "," for item in node.elts]
        left, right = "[]" if isinstance(node, ast.List) else "()"
        return left + pad + pad.join(lines) + close + right
    if isinstance(node, ast.Dict):
        lines = []
        for key, value in zip(node.keys, node.values):
            assert key is not None
            start = source(key) + ": "
            lines.append(start + layout(value, inner + len(start), inner, 1) + ",")
        return "{" + pad + pad.join(lines) + close + "}"
    return text


def is_display(node: ast.expr) -> bool:
    """Whether ``node`` is a list, dict or tuple of constants."""
    return isinstance(node, (ast.List, ast.Tuple, ast.Dict))
