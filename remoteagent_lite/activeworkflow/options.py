"""Typed options: declarations from which defaults, documentation and checks are made.

ActiveWorkflow checks nothing: options are whatever JSON the user typed, and a mistake shows only
when the agent runs. So values are coerced where the meaning is plain ("5", "true"), and all
problems are told together, in the words of the JSON editor.
"""

from __future__ import annotations

import copy
import math
import re
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Type, Union

from .failures import CredentialError, OptionsError
from .values import cleaned, shown

__all__ = ["CredentialOption", "Option", "credential_value", "options_table", "resolved"]

#: ActiveWorkflow gives these a meaning of its own on every agent.
PERIODS = ("expected_update_period_in_days", "expected_receive_period_in_days")
_FORBIDDEN = "messages_order"

_WHOLE = re.compile(r"[+-]?[0-9]{1,300}\Z")
_TEMPLATE = re.compile(r"\{%-?\s*credential\s+(\S+?)\s*-?%\}\Z")

_UNFIT = object()


def _text(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, int, float)):
        return shown(value, 400)
    return _UNFIT


def _whole_number(value: Any) -> Any:
    if isinstance(value, bool):
        return _UNFIT
    if isinstance(value, int):
        return value
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        return int(value)
    if isinstance(value, str) and _WHOLE.match(value.strip()):
        return int(value)
    return _UNFIT


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return _UNFIT
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return _UNFIT
    return number if math.isfinite(number) else _UNFIT


def _switch(value: Any) -> Any:
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower(), _UNFIT)
    return value if isinstance(value, bool) else _UNFIT


def _list(value: Any) -> Any:
    return value if isinstance(value, list) else _UNFIT


def _object(value: Any) -> Any:
    return value if isinstance(value, dict) else _UNFIT


_KINDS: Dict[Type[Any], Tuple[str, Callable[[Any], Any]]] = {
    str: ("text", _text),
    int: ("a whole number", _whole_number),
    float: ("a number", _number),
    bool: ("true or false", _switch),
    list: ("a list", _list),
    dict: ("an object", _object),
}


class Option:
    """One option of an agent.

    ``type`` is str, int, float, bool, list or dict. An option left out, null or (unless it is
    text) blank has the value ``default``; with ``required`` it is an error instead. ``choices``,
    ``minimum`` and ``maximum`` bound the value. ``help`` stands in the table of options in the
    agent's description. ``example`` is what new agents start with in the editor, if that is not
    the default.
    """

    __slots__ = (
        "choices", "default", "example", "help", "maximum", "minimum", "name", "required", "type",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        type: Type[Any] = str,
        default: Any = None,
        help: str = "",
        *,
        required: bool = False,
        choices: Optional[Sequence[Any]] = None,
        minimum: Union[int, float, None] = None,
        maximum: Union[int, float, None] = None,
        example: Any = None,
    ) -> None:
        if not isinstance(name, str) or not name.strip():
            raise ValueError("an option needs a name, not %r" % (name,))
        if name == _FORBIDDEN or name in PERIODS:
            raise ValueError(
                "option %s: ActiveWorkflow gives this name a meaning of its own%s"
                % (name, "" if name == _FORBIDDEN else "; put it into default_options instead")
            )
        if type not in _KINDS:
            raise TypeError("option %s: type must be str, int, float, bool, list or dict" % name)
        if required and default is not None:
            raise ValueError("option %s: what is required has no default; use example" % name)
        self.name = name
        self.type = type
        self.help = " ".join(help.split())
        self.required = required
        self.choices = None if choices is None else tuple(choices)
        self.minimum = minimum
        self.maximum = maximum
        self.default = cleaned(default, "default of option " + name)
        self.example = cleaned(example, "example of option " + name)
        for what, value in (("default", self.default), ("example", self.example)):
            if value is not None:
                problem = self._problem(self._coerced(value), value)
                if problem:
                    raise ValueError("%s of %s" % (what, problem))
        if self.default is not None:
            self.default = self._coerced(self.default)

    @property
    def starting_value(self) -> Any:
        """What the editor shows for a new agent."""
        value = self.default if self.example is None else self.example
        return "" if value is None and self.type is str else value

    def value(self, given: Any) -> Any:
        """The value for what the user typed; OptionsError says what is wrong with it."""
        if given is None or (
            isinstance(given, str)
            and not given.strip()
            and (self.type is not str or self.required or self.default is None)
        ):
            if self.required:
                raise OptionsError(
                    ["option `%s` is not set: it must be %s" % (self.name, self._is)]
                )
            return copy.deepcopy(self.default)
        value = self._coerced(given)
        problem = self._problem(value, given)
        if problem:
            raise OptionsError([problem])
        return value

    @property
    def _is(self) -> str:
        return _KINDS[self.type][0]

    def _coerced(self, given: Any) -> Any:
        return _KINDS[self.type][1](given)

    def _problem(self, value: Any, given: Any) -> Optional[str]:
        if value is _UNFIT:
            expected = self._is
        elif self.choices is not None and value not in self.choices:
            expected = "one of " + ", ".join(shown(choice) for choice in self.choices)
        elif self.minimum is not None and value < self.minimum:
            expected = "%s or more" % shown(self.minimum)
        elif self.maximum is not None and value > self.maximum:
            expected = "%s or less" % shown(self.maximum)
        else:
            return None
        return "option `%s` must be %s, got %s" % (self.name, expected, shown(given))

    def __repr__(self) -> str:
        return "%s(%r, %s)" % (type(self).__name__, self.name, self.type.__name__)


class CredentialOption(Option):
    """An option that holds the *name* of one of the user's credentials.

    ``ctx.options`` has the name and ``ctx.credential(option)`` the value. A name that is no
    credential of the user's is told like any other wrong option, before the handler runs.
    """

    __slots__ = ()

    def __init__(
        self, name: str, help: str = "", *, required: bool = True, example: Optional[str] = None
    ) -> None:
        super().__init__(
            name, str, None, help or "name of a credential", required=required, example=example
        )

    @property
    def _is(self) -> str:
        return "the name of one of your credentials"


def credential_value(option: str, given: Any, credentials: Mapping[str, str]) -> str:
    """The value of the credential that ``option`` names: plainly, or in Liquid's words for it."""
    if given is None or (isinstance(given, str) and not given.strip()):
        raise CredentialError(
            "option `%s` is not set: it must be the name of one of your credentials" % option
        )
    if isinstance(given, str):
        name = given.strip()
        template = _TEMPLATE.match(name)
        if template:
            name = template.group(1).strip("'\"")
        if name in credentials:
            return credentials[name]
    raise CredentialError(
        "option `%s` must be the name of one of your credentials: there is no credential %s"
        % (option, shown(given))
    )


def resolved(
    given: Mapping[str, Any],
    declared: Sequence[Option],
    defaults: Mapping[str, Any],
    credentials: Mapping[str, str],
) -> Dict[str, Any]:
    """The options a handler sees: coerced, and filled where the user left one out.

    Raises OptionsError with every problem there is. Options that are not declared are handed on
    as they came.
    """
    options = dict(given)
    problems: List[str] = []
    names = set()
    for option in declared:
        names.add(option.name)
        try:
            value = options[option.name] = option.value(given.get(option.name))
            if value is not None and isinstance(option, CredentialOption):
                credential_value(option.name, value, credentials)
        except OptionsError as error:
            problems.extend(error.problems)
        except CredentialError as error:
            problems.append(str(error))
    if problems:
        raise OptionsError(problems)
    for name, default in defaults.items():
        if name not in options and name not in names:
            options[name] = copy.deepcopy(default)
    return options


def options_table(declared: Sequence[Option]) -> str:
    """The declarations as a Markdown table for the agent's description."""
    rows = ["### Options", "", "| Option | Value | Default | Meaning |", "|---|---|---|---|"]
    for option in declared:
        kind = option._is
        if option.choices is not None:
            kind = "one of " + ", ".join(shown(choice) for choice in option.choices)
        bounds = [
            "%s %s" % (word, shown(bound))
            for word, bound in (("from", option.minimum), ("to", option.maximum))
            if bound is not None
        ]
        default = "required" if option.required else "none"
        if option.default is not None:
            default = shown(option.default)
        cells = ("`%s`" % option.name, " ".join([kind, *bounds]), default, option.help)
        rows.append("| %s |" % " | ".join(cell.replace("|", "&#124;") for cell in cells))
    return "\n".join(rows)
