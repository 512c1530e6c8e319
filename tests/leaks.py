"""Fixtures that keep the tests apart from each other and from the machine they run on."""

import gc
import os
import threading
import time
from typing import Iterator, List, Set
from unittest import mock

import pytest

__all__ = ["no_leaks", "plain_environment"]

#: How long a test's threads and sockets may take to go away, in seconds.
PATIENCE = 20.0

_OF_THE_MACHINE = (
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
)  # fmt: skip


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No proxies, CA bundles or logins of whoever runs the tests; what a test sets is its own."""
    for name in _OF_THE_MACHINE:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("NETRC", os.devnull)
    with mock.patch.dict(os.environ):
        yield


@pytest.fixture(autouse=True)
def no_leaks() -> Iterator[None]:
    """After each test no thread of the library lives, and no socket is open that was not before.

    What only a reference cycle holds is collected first: Python itself makes them, in tracebacks.
    """
    before = _sockets()
    yield
    deadline = time.monotonic() + PATIENCE
    while True:
        left = _left(before)
        if not left:
            return
        if time.monotonic() > deadline:
            raise AssertionError("left behind: %s" % ", ".join(left))
        gc.collect()
        time.sleep(0.01)


def _left(before: Set[str]) -> List[str]:
    threads = {t.name for t in threading.enumerate() if t.name.startswith("remoteagent")}
    return sorted(threads) + sorted(_sockets() - before)


def _sockets() -> Set[str]:
    """This process's open sockets, by number; none where the system does not tell."""
    found = set()
    try:
        descriptors = os.listdir("/proc/self/fd")
    except OSError:
        return found
    for descriptor in descriptors:
        try:
            target = os.readlink("/proc/self/fd/" + descriptor)
        except OSError:  # closed meanwhile, or the listing's own
            continue
        if target.startswith("socket:"):
            found.add(target)
    return found
