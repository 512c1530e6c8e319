"""What a shell needs to complete commands: ``completion``. Made of the parser itself."""

from __future__ import annotations

import argparse
import sys
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

from .arguments import Commands

__all__ = ["add_commands"]

_INSTALL = {
    "bash": "remoteagent completion bash > ~/.local/share/bash-completion/completions/remoteagent",
    "zsh": "remoteagent completion zsh > ~/.zfunc/_remoteagent, with ~/.zfunc in fpath",
    "fish": "remoteagent completion fish > ~/.config/fish/completions/remoteagent.fish",
}
#: The names of values that are files.
_FILES = ("FILE", "PATH", "OUTPUT", "KEY")


def add_commands(commands: Commands, parser: argparse.ArgumentParser) -> None:
    completion = commands.add_parser(
        "completion",
        help="print what makes a shell complete these commands",
        description="Print what makes a shell complete these commands and their options.",
        epilog="\n".join("%s: %s" % item for item in _INSTALL.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    completion.add_argument("shell", choices=tuple(_WRITERS))
    completion.set_defaults(command=_print, parser=parser)


def _print(arguments: argparse.Namespace) -> int:
    sys.stdout.write(_WRITERS[arguments.shell](list(_places(arguments.parser, ()))))
    return 0


class _Option(NamedTuple):
    names: Tuple[str, ...]
    help: str
    takes_value: bool
    choices: Tuple[str, ...]  # of the value
    is_file: bool


class _Place(NamedTuple):
    """Where the cursor may be: behind these commands."""

    path: Tuple[str, ...]
    commands: Dict[str, str]  # and what they do
    words: Tuple[str, ...]  # other words that may stand here
    options: List[_Option]


def _places(parser: argparse.ArgumentParser, path: Tuple[str, ...]) -> Iterator[_Place]:
    commands: Dict[str, str] = {}
    below: Dict[str, argparse.ArgumentParser] = {}
    words: List[str] = []
    options = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            below = action.choices
            commands = {each.dest: each.help or "" for each in action._choices_actions}
        elif action.option_strings:
            options.append(_option(action))
        else:
            words += map(str, action.choices or ())
    yield _Place(path, commands, tuple(words), options)
    for name, each in below.items():
        yield from _places(each, (*path, name))


def _option(action: argparse.Action) -> _Option:
    return _Option(
        tuple(action.option_strings),
        (action.help or "").replace("%%", "%"),
        action.nargs != 0,
        tuple(map(str, action.choices or ())),
        action.metavar in _FILES,
    )


# --- bash, and zsh by the same rules

_BASH = """\
# Completion of remoteagent for bash.
_remoteagent() {
    local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" place="" each
    for each in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case "$place/$each" in
            %(places)s) place="$place/$each" ;;
        esac
    done
    COMPREPLY=()
    case "$place $before" in
%(values)s
    esac
    case "$place" in
%(words)s
    esac
}
complete -o default -F _remoteagent remoteagent
"""

_ZSH = """\
#compdef remoteagent
_remoteagent() {
    local before="${words[CURRENT-1]}" place="" each
    for each in "${(@)words[2,CURRENT-1]}"; do
        case "$place/$each" in
            %(places)s) place="$place/$each" ;;
        esac
    done
    case "$place $before" in
%(values)s
    esac
    case "$place" in
%(words)s
    esac
    _files
}
if [ "$funcstack[1]" = _remoteagent ]; then
    _remoteagent "$@"
else
    compdef _remoteagent remoteagent
fi
"""


def _in_bash(places: List[_Place]) -> str:
    offered = 'COMPREPLY=($(compgen -W "%s" -- "$word"))'
    return _by_cases(_BASH, places, offered, 'COMPREPLY=($(compgen -f -- "$word"))', "return")


def _in_zsh(places: List[_Place]) -> str:
    return _by_cases(_ZSH, places, "compadd -- %s", "_files", "return 0")


def _by_cases(form: str, places: List[_Place], offer: str, files: str, leave: str) -> str:
    values, words = [], []
    for place in places:
        here = "".join("/" + name for name in place.path)
        for option in place.options:
            if option.takes_value:
                said = files if option.is_file else ":"
                if option.choices:
                    said = offer % " ".join(option.choices)
                cases = "|".join('"%s %s"' % (here, name) for name in option.names)
                values.append("        %s) %s; %s ;;" % (cases, said, leave))
        offered = [*place.commands, *place.words]
        offered += [name for option in place.options for name in option.names]
        words.append('        "%s") %s ;;' % (here, offer % " ".join(offered)))
    known = ['"%s"' % "".join("/" + name for name in each.path) for each in places if each.path]
    return form % {
        "places": "|".join(known),
        "values": "\n".join(values),
        "words": "\n".join(words),
    }


# --- fish


def _in_fish(places: List[_Place]) -> str:
    lines = ["# Completion of remoteagent for fish."]
    for place in places:
        seen = ["__fish_seen_subcommand_from " + name for name in place.path]
        if place.commands:
            others = "not __fish_seen_subcommand_from " + " ".join(place.commands)
            seen.append(others)
        start = "complete -c remoteagent -n %s" % _quoted("; and ".join(seen) or "true")
        for name, about in place.commands.items():
            lines.append("%s -f -a %s -d %s" % (start, name, _quoted(about)))
        for word in place.words:
            lines.append("%s -f -a %s" % (start, word))
        for option in place.options:
            lines.append(start + _fish_option(option))
    return "\n".join(lines) + "\n"


def _fish_option(option: _Option) -> str:
    words = ""
    for name in option.names:
        words += " -l " + name[2:] if name.startswith("--") else " -s " + name[1:]
    if option.choices:
        words += " -x -a %s" % _quoted(" ".join(option.choices))
    elif option.takes_value:
        words += " -r" if option.is_file else " -x"
    return words + " -d %s" % _quoted(option.help)


def _quoted(text: Any) -> str:
    """As fish reads it between single quotes."""
    return "'%s'" % str(text).replace("\\", "\\\\").replace("'", "\\'")


_WRITERS = {"bash": _in_bash, "zsh": _in_zsh, "fish": _in_fish}
