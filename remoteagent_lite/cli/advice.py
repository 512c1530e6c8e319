"""What errors advise in terms of Python, in terms of the command."""

from __future__ import annotations

import re

__all__ = ["in_words_of_here"]

#: Others may follow: the order matters.
_HERE = [
    (re.compile(pattern), words)
    for pattern, words in (
        (r" \(Timeout\((read|total)=\.\.\.\)\)", ""),
        (r"timeout=, or use stream=True", "--timeout"),
        (r"timeout=", "--timeout"),
        (r"auth_token=(\.\.\.|(?=\W|$))", "--token"),
        (r"headers=\{\"([^\"]*)\": [^}]*\}", r"--header '\1: ...'"),
        (r"headers=", "--header"),
        (r"base_url=https://", "https://"),
        (r"base_url", "URL"),
        (r"proxies= and ", ""),
        (r"verify='([^']*)'", r"REQUESTS_CA_BUNDLE=\1"),
        (r"allow_hosts=\['([^']*)'\]", r"--allow-host \1"),
        (r"extensions=\[(\.\.\.|'[^']*')\]", r"--extension \1"),
        (r"interface_url=", "--interface-url"),
        (r"allow_hosts=", "--allow-host"),
        (r"extensions=", "--extension"),
        (r"protocol=\"a2a\"", "--a2a"),
        (r"a2a_protocol=\"([^\"]*)\"", r"--binding \1"),
        (r"a2a_protocol=( and a2a_version=)?", "--binding"),
        (r" What had arrived is in this error's `output`; get_run\(run_id\) tells.*", ""),
        (r"cancel_run\(\) it", "cancel it"),
        (r"Decide it and continue_run\(result\.output\)", "See: remoteagent continue --help"),
        (r"([Gg]ive (them )?)another (journal|file)", r"\1another --output"),
        (r" Ask for less \(limit=, page=\) if you can\.", ""),
    )
]


def in_words_of_here(text: str) -> str:
    for pattern, words in _HERE:
        text = pattern.sub(words, text)
    return text
