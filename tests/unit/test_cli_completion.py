"""cli/completion.py: what shells are told, asked of the shells themselves."""

import shutil
import subprocess
import sys
from typing import List

import pytest

from remoteagent_lite import cli

Captured = pytest.CaptureFixture[str]

#: What has been typed, and some of what may follow.
TYPED = [
    (["ru"], ["run"]),
    ([""], ["info", "batch", "chat", "--version"]),
    (["run", "http://x", "--bind"], ["--binding"]),
    (["run", "http://x", "a", "--binding", ""], ["auto", "json-rpc", "rest"]),
    (["run", "--fi"], ["--file"]),
    (["activeworkflow", ""], ["run", "serve", "check"]),
    (["activeworkflow", "check", "--reg"], ["--register-only"]),
    (["completion", ""], ["bash", "zsh", "fish"]),
    (["sessions", "--type", "w"], ["workflow"]),
]


def script(shell: str, capsys: Captured) -> str:
    assert cli.main(["completion", shell]) == 0
    return capsys.readouterr().out


def asked(shell: str, code: str, *words: str) -> List[str]:
    if shutil.which(shell) is None:
        pytest.skip("there is no %s" % shell)
    return subprocess.check_output([shell, "-c", code, *words]).decode().split()


@pytest.mark.parametrize(("words", "offered"), TYPED)
def test_bash_completes(words: List[str], offered: List[str], capsys: Captured) -> None:
    code = script("bash", capsys) + (
        'COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _remoteagent; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    answer = asked("bash", code, "-", "remoteagent", *words)
    assert set(offered) <= set(answer)
    assert all(each.startswith(words[-1]) for each in answer)


def test_bash_offers_nothing_for_a_value_that_nobody_knows(capsys: Captured) -> None:
    code = script("bash", capsys) + (
        'COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _remoteagent; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    assert asked("bash", code, "-", "remoteagent", "run", "--token", "") == []


def test_fish_completes(capsys: Captured) -> None:
    known = script("fish", capsys)
    for words, offered in TYPED:
        line = " ".join(["remoteagent", *words])
        code = known + "complete -C '%s' | string split -f 1 \\t; true\n" % line
        # It offers options when a word begins as they do.
        wanted = {each for each in offered if words[-1] or not each.startswith("-")}
        assert wanted <= set(asked("fish", code)), line


def test_zsh_completes(capsys: Captured) -> None:
    # Only what the function says to compadd: the rest is zsh's own.
    code = (
        "compdef() { : }; _files() { : }; compadd() { shift; print -l -- $@ }\n"
        + script("zsh", capsys)
        + 'words=("$@"); CURRENT=$#; _remoteagent'
    )
    for words, offered in TYPED:
        assert set(offered) <= set(asked("zsh", code, "-", "remoteagent", *words)), words


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_command_and_option_is_there(shell: str, capsys: Captured) -> None:
    told = script(shell, capsys)
    for name in ("info", "agents", "card", "sessions", "run", "continue", "chat", "batch"):
        assert name in told
        with pytest.raises(SystemExit):
            cli.main([name, "--help"])
        shown = capsys.readouterr().out
        options = {word.strip(",[]") for word in shown.split() if word.startswith("--")}
        for option in options - {"--help"}:
            mark = " -l %s " % option[2:] if shell == "fish" else option
            assert mark in told, "%s of %s" % (option, name)


def test_help_costs_no_request_library() -> None:
    code = (
        "import sys; from remoteagent_lite import cli\n"
        "for words in ['--help'], ['run', '--help'], ['completion', 'bash']:\n"
        "    try: cli.main(words)\n"
        "    except SystemExit: pass\n"
        "assert not {'requests', 'urllib3', 'sseclient', 'tqdm'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("words", [[], ["run"], ["continue"], ["chat"], ["batch"]])
def test_exit_codes_are_in_the_help(words: List[str], capsys: Captured) -> None:
    with pytest.raises(SystemExit):
        cli.main([*words, "--help"])
    told = " ".join(capsys.readouterr().out.split()).partition("Exit status:")[2]
    assert [int(each.split()[0]) for each in told.split(";")] == [0, 1, 2, 3, 4, 5, 130]
