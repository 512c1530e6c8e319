"""What an agent tells ActiveWorkflow of itself, checked before ActiveWorkflow stumbles over it.

A name becomes the name of a Ruby class there: a bad one keeps ActiveWorkflow from starting, a blank
description breaks a page for every user.
"""

from __future__ import annotations

import inspect
import re
from typing import Any, Dict, Mapping, Optional, Tuple

from .failures import AgentError
from .options import Option, options_table
from .values import cleaned_object, entry, whole

__all__ = ["checked_registration", "completed", "name_problem"]

_NAME = re.compile(r"[A-Z][A-Za-z0-9]*\Z")

#: ActiveWorkflow's own agents at 0.9.17, without "Agent": a second one of the name replaces the
#: first, or keeps ActiveWorkflow from starting.
_BUILT_IN = (
    "AttributeDifference Buffer ChangeDetector Commander Csv DataOutput DeDuplication Digest Email "
    "EmailDigest GapDetector HttpStatus JavaScript JsonParse LiquidOutput ManualMessage "
    "MessageFormatting PeakDetector Post ReadFile Rss TlsCheck Trigger Webhook Website"
)

#: Constants of Ruby and Rails that code beside the agent's class would take it for.
_RUBY = (
    "Agent Agents ActiveRecord ActiveSupport ArgumentError Array BasicObject Binding Class "
    "Comparable Complex Credential Date DateTime Dir Encoding Enumerable Enumerator ERB Errno "
    "Exception FalseClass Faraday Fiber File FileUtils Float GC Hash IO IOError Integer JSON "
    "Kernel KeyError Liquid Logger Marshal Math Message Method Module Monitor Mutex NameError "
    "Net NilClass Nokogiri NoMethodError Numeric Object ObjectSpace OpenSSL OpenStruct Pathname "
    "Proc Process Queue Rails Random Range Rational Regexp RemoteAgents RuntimeError Scenario "
    "Set Signal StandardError String StringIO Struct Symbol SyntaxError Tempfile Thread Time "
    "Timeout TrueClass TypeError URI User YAML ZeroDivisionError Zlib"
)

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[0-9]+")

_ON_ERROR = ("report", "retry")


def completed(written: Mapping[str, Any], docstring: str) -> Dict[str, Any]:
    """The attributes of an agent, made of what was written down for it. ValueError if unfit."""
    name = written.get("name")
    _check_name(name)
    assert isinstance(name, str)
    options = _declared(name, written.get("options", ()))
    display_name = written.get("display_name")
    if display_name is None:
        display_name = " ".join(_WORDS.findall(name))
    description = written.get("description")
    if description is None:
        description = docstring
    elif not isinstance(description, str):
        raise ValueError("%s: description must be text, not %r" % (name, description))
    # The body of a docstring is indented: as Markdown it would be a block of code.
    description = inspect.cleandoc(description).strip() or display_name
    if options:
        description += "\n\n" + options_table(options)
    plain = written.get("default_options", {})
    for option in options:
        if isinstance(plain, dict) and option.name in plain:
            raise ValueError(
                "%s: option %s is declared: give it a default there, not in default_options"
                % (name, option.name)
            )
    default_options = {option.name: option.starting_value for option in options}
    default_options.update(_defaults(name, plain))
    on_error = written.get("on_error", "report")
    if on_error not in _ON_ERROR:
        raise ValueError('%s: on_error must be "report" or "retry", not %r' % (name, on_error))
    switches = {key: written.get(key, False) for key in ("sends_credentials", "repeatable")}
    for key, value in switches.items():
        if not isinstance(value, bool):
            raise ValueError("%s: %s must be True or False, not %r" % (name, key, value))
    made = {
        "name": name,
        "display_name": display_name,
        "description": description,
        "default_options": default_options,
        "options": options,
        "on_error": on_error,
        **switches,
    }
    checked_registration(made)
    return made


def checked_registration(values: Mapping[str, Any]) -> Dict[str, Any]:
    """What register answers, copied and cleaned. ValueError for what ActiveWorkflow cannot bear."""
    name = values["name"]
    _check_name(name)
    texts = {}
    for key in ("display_name", "description"):
        text = values[key]
        if not isinstance(text, str) or not text.strip():
            raise ValueError("%s: %s must be text, and not blank" % (name, key))
        texts[key] = entry(text)
    return {
        "name": name,
        "display_name": texts["display_name"],
        "description": texts["description"],
        "default_options": _defaults(name, values["default_options"]),
    }


def name_problem(name: Any) -> Optional[str]:
    """What is wrong with the name of an agent, or None. ActiveWorkflow bears a few names more."""
    if not isinstance(name, str) or not _NAME.match(name):
        return (
            "%r cannot be an agent's name: ActiveWorkflow makes a Ruby class of it, so it must be "
            "ASCII letters and digits and begin with a capital, like MailAgent" % (name,)
        )
    if name in _RUBY.split():
        return "%s cannot be an agent's name: Ruby has a class of that name; how about %sAgent?" % (
            name,
            name if name != "Agent" else "My",
        )
    if name.endswith("Agent") and name[: -len("Agent")] in _BUILT_IN.split():
        return (
            "%s is an agent of ActiveWorkflow's own, which yours would replace; how about "
            "My%s?"
            % (
                name,
                name,
            )
        )
    return None


def _check_name(name: Any) -> None:
    problem = name_problem(name)
    if problem:
        raise ValueError(problem)


def _declared(name: str, options: Any) -> Tuple[Option, ...]:
    declared = tuple(options)
    names = set()
    for option in declared:
        if not isinstance(option, Option):
            raise ValueError(
                "%s: options must be Option(...) declarations, not %r; plain defaults go into "
                "default_options" % (name, option)
            )
        if option.name in names:
            raise ValueError("%s: option %s is declared twice" % (name, option.name))
        names.add(option.name)
    return declared


def _defaults(name: str, value: Any) -> Dict[str, Any]:
    try:
        options: Dict[str, Any] = whole(cleaned_object(value, "default_options"))
        return options
    except AgentError as error:
        raise ValueError("%s: %s" % (name, error)) from None
