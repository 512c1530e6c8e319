"""Something to serve, on a port of this machine, for as long as a block lasts."""

from __future__ import annotations

import contextlib
from typing import Any, Iterator, Sequence

from .faults import Fault, Faults
from .server import listening

__all__ = ["serve"]


@contextlib.contextmanager
def serve(
    app: Any, *, host: str = "127.0.0.1", port: int = 0, faults: Sequence[Fault] = ()
) -> Iterator[str]:
    """Serve any WSGI app for as long as the block lasts; gives its URL, without a slash at the end.

    Each connection has a thread. When the block ends, connections are broken and their threads
    waited for; RuntimeError names a request that does not end within 20 seconds. What the app
    raises is logged with its traceback, and is the text of the answer, a 500.

    ``port`` 0 is a free one. Each POST has the next of the ``faults``, until none is left.
    """
    with listening(Faults(app, faults), host, port) as url:
        yield url
