"""The pytest plugin: a fixture that serves. The only module here that imports pytest.

pytest finds it by its entry point and imports it in every test run of whoever has this package, so
it imports nothing else until the fixture is used.
"""

from __future__ import annotations

import contextlib
from typing import Any, Callable, Iterator

import pytest

__all__ = ["remote_agent_server"]


@pytest.fixture
def remote_agent_server() -> Iterator[Callable[..., str]]:
    """Serves what it is called with until the test ends, and gives the URL: see ``serve``.

    url = remote_agent_server(Script("hello"))
    """
    from .serving import serve

    with contextlib.ExitStack() as stack:

        def served(*app: Any, **options: Any) -> str:
            return stack.enter_context(serve(*app, **options))

        yield served
