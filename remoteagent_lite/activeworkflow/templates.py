"""Texts with fields of a message in them: ``{{ title }} by {{ author | default: "nobody" }}``.

Users of ActiveWorkflow know Liquid, which ActiveWorkflow does not apply to the options of remote
agents. This is Liquid's ``{{ ... }}``, and ``{field}`` for short, without its tags. A template is
gone through once: what a message holds is put in and never looked at.

The filters below are here; all others of Liquid need the package python-liquid.
"""

from __future__ import annotations

import importlib
import json
import re
from functools import lru_cache
from typing import Any, Callable, Dict, List, Mapping, Sequence, TypeVar

from .failures import AgentError
from .values import shown

__all__ = ["FilledT", "filled"]

FilledT = TypeVar("FilledT")

#: The whole message, unless it has a field of this name.
_WHOLE = "payload"

_PATH = r"""\w[\w-]*(?:\.[\w-]+|\[(?:'[^']*'|"[^"]*"|\d+)\])*"""
_STEP = re.compile(r"""\.?([\w-]+)|\[(?:'([^']*)'|"([^"]*)"|(\d+))\]""")
_NUMBER = r"-?\d{1,15}(?:\.\d{1,15})?(?![\w.\[-])"
_VALUE = r"""(?:'[^']*'|"[^"]*"|%s|%s)""" % (_NUMBER, _PATH)

#: None of these goes back over what it has passed, however the braces are mixed up.
_PIECE = re.compile(
    r"""\{%-?\s*raw\s*-?%\}(?P<raw>.*?)\{%-?\s*endraw\s*-?%\}
      | (?P<tag>\{%[^%}]{0,40})
      | \{\{(?P<expression>(?:[^'"}]|'[^']*'|"[^"]*"|\}(?!\}))*)(?P<end>\}\})?
      | \{\s*(?P<field>(?!\d)[\w.-]+)\s*\}""",
    re.DOTALL | re.VERBOSE,
)
_FIRST = re.compile(r"\s*(%s)\s*" % _VALUE)
_FILTER = re.compile(
    r"\|\s*(\w+)\s*(?::\s*(%(value)s(?:\s*,\s*%(value)s)*)\s*)?" % {"value": _VALUE}
)
_ARGUMENT = re.compile(_VALUE)

_CONSTANTS = {"true": True, "false": False, "nil": None, "null": None}

_LITERALLY = "for braces that stay as they are write {{ '{' }} or {% raw %}...{% endraw %}"


def filled(template: FilledT, fields: Mapping[str, Any], where: str) -> FilledT:
    """``template`` with the fields put in; in a list or an object, in each of its texts.

    AgentError names what the fields lack, or what cannot be read; ``where`` is what it calls the
    template.
    """
    filling = _Filling(fields, where)
    made: FilledT = filling.value_of(template)
    if filling.missing:
        has = ", ".join("`%s`" % key for key in list(fields)[:20])
        raise AgentError(
            "%s needs %s, and there %s."
            % (
                where,
                " and ".join("`%s`" % path for path in dict.fromkeys(filling.missing)),
                "is only " + has if has else "are no fields",
            )
        )
    return made


class _Filling:
    """One use of a template; ``missing`` are the fields that were not found."""

    def __init__(self, fields: Mapping[str, Any], where: str) -> None:
        self._fields = fields
        self._where = where
        self.missing: List[str] = []

    def value_of(self, template: Any) -> Any:
        if isinstance(template, str):
            return _PIECE.sub(self._piece, template)
        if isinstance(template, Mapping):
            return {key: self.value_of(item) for key, item in template.items()}
        if isinstance(template, (list, tuple)):
            return [self.value_of(item) for item in template]
        return template

    def _piece(self, match: Any) -> str:
        if match["raw"] is not None:
            return str(match["raw"])
        if match["tag"]:
            raise self._unread("%s...: tags are not understood, only {{ ... }} is" % match["tag"])
        if match["field"]:
            return _text(self._found(match["field"], is_needed=True))
        if not match["end"]:
            raise self._unread("`%s` is not closed" % match[0][:40])
        return _text(self._expressed(match["expression"]))

    def _expressed(self, expression: str) -> Any:
        """The value of what stands between double braces."""
        first = _FIRST.match(expression)
        filters = []
        end = first.end() if first else 0
        while first and end < len(expression):
            match = _FILTER.match(expression, end)
            if match is None:
                break
            filters.append(match)
            end = match.end()
        if first is None or end < len(expression):
            raise self._unread("`{{%s}}` cannot be read" % expression[:60])
        is_needed = all(match[1] != "default" for match in filters)
        value = self._literal(first[1], is_needed)
        for match in filters:
            arguments = [self._literal(text, True) for text in _ARGUMENT.findall(match[2] or "")]
            if not self.missing:
                value = self._filtered(value, match[1], arguments)
        return value

    def _filtered(self, value: Any, name: str, arguments: Sequence[Any]) -> Any:
        try:
            if name in _FILTERS:
                return _FILTERS[name](value, *arguments)
            return _by_liquid(value, name, arguments)
        except AgentError as error:
            raise AgentError("%s: %s." % (self._where, error)) from error
        except Exception as error:
            # Whatever a filter of somebody else's raises: it is about the template or the data.
            words = str(error).partition("\n")[0]
            raise AgentError(
                "%s: filter `%s` cannot be applied: %s." % (self._where, name, words)
            ) from error

    def _literal(self, text: str, is_needed: bool) -> Any:
        if text[0] in "'\"":
            return text[1:-1]
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if re.match(_NUMBER + r"\Z", text):
            return float(text) if "." in text else int(text)
        return self._found(text, is_needed)

    def _found(self, path: str, is_needed: bool) -> Any:
        if path in self._fields:
            return self._fields[path]
        steps = ["".join(groups) for groups in _STEP.findall(path)]
        value: Any = self._fields
        if steps and steps[0] == _WHOLE and _WHOLE not in value:
            del steps[0]
        try:
            for step in steps:
                if isinstance(value, list) and step.isdecimal() and len(step) < 10:
                    value = value[int(step)]
                elif isinstance(value, Mapping):
                    value = value[step]
                else:
                    raise LookupError(step)
        except LookupError:
            if is_needed:
                self.missing.append(path)
            return None
        return value

    def _unread(self, words: str) -> AgentError:
        return AgentError("%s: %s (%s)." % (self._where, words, _LITERALLY))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


# --- Filters


def _default(value: Any, other: Any = "") -> Any:
    return other if value is None or value is False or value in ("", [], {}) else value


def _truncate(value: Any, length: Any = 50, end: Any = "...") -> str:
    if not isinstance(length, int):
        raise AgentError("filter `truncate` needs a whole number, not %s" % shown(length))
    text = _text(value)
    return text if len(text) <= length else text[: max(length - len(end), 0)] + end


_FILTERS: Dict[str, Callable[..., Any]] = {
    "default": _default,
    "downcase": lambda value: _text(value).lower(),
    "json": lambda value: json.dumps(value, ensure_ascii=False, default=str),
    "strip": lambda value: _text(value).strip(),
    "truncate": _truncate,
    "upcase": lambda value: _text(value).upper(),
}


@lru_cache(maxsize=1)
def _liquid() -> Any:
    """An environment of python-liquid whose filter ``keep`` hands a value on as it is."""
    environment = importlib.import_module("liquid").Environment()
    environment.add_filter("keep", lambda value, kept: kept.append(value))
    return environment


def _by_liquid(value: Any, name: str, arguments: Sequence[Any]) -> Any:
    try:
        environment = _liquid()
    except ImportError:
        raise AgentError(
            "filter `%s` needs python-liquid where the agent runs (pip install "
            "'remoteagent-lite[liquid]'); without it there are %s"
            % (name, ", ".join("`%s`" % each for each in _FILTERS))
        ) from None
    # Values go in as data: python-liquid reads the names, and nothing that a message holds.
    names = ["a%d" % number for number in range(len(arguments))]
    template = "{{ value | %s%s | keep: kept }}" % (name, ": " * bool(names) + ", ".join(names))
    kept: List[Any] = []
    environment.from_string(template).render(
        value="" if value is None else value, kept=kept, **dict(zip(names, arguments))
    )
    return kept[0]
