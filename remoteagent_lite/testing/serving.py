"""Something to serve, on a port of this machine, for as long as a block lasts."""

from __future__ import annotations

import contextlib
from typing import Any, Iterator, Sequence

from ..gateway.app import Gateway
from ..gateway.local.component import LocalComponent
from ..runs.runner import Runner
from .faults import Fault, Faults
from .script import Script
from .server import App, listening

__all__ = ["serve"]

#: Seconds of silence after which a stream gets a comment.
_HEARTBEAT = 0.5


@contextlib.contextmanager
def serve(
    *served: Any, host: str = "127.0.0.1", port: int = 0, faults: Sequence[Fault] = ()
) -> Iterator[str]:
    """Serve for as long as the block lasts; gives the URL, without a slash at its end.

    What is served is any WSGI app; or scripts, functions and Remote* objects, behind a Gateway
    that is made for them, as an AgentOS at the URL and as A2A agents below it:
    ``URL/a2a/agents/ID``. A client that leaves a stream is noticed within seconds.

    Each connection has a thread. When the block ends, connections are broken and their threads
    waited for, and what a Gateway executes is ended; RuntimeError names a request that does not end
    within 20 seconds. What the app raises is logged with its traceback, and is the text of the
    answer, a 500.

    ``port`` 0 is a free one. Each POST has the next of the ``faults``, until none is left.
    """
    components = [each for each in served if isinstance(each, (LocalComponent, Runner))]
    if len(components) != len(served) or not served:
        if len(served) != 1:
            raise TypeError("serve one WSGI app, or scripts, functions and Remote* objects")
        app: Any = served[0]
    else:
        app = Gateway(*components, a2a=True, heartbeat=_HEARTBEAT)
    faulty: App = Faults(app, faults)
    for each in components:
        if isinstance(each, Script):
            faulty = Faults(faulty, each.faults, each.is_addressed)
    end = app.close if isinstance(app, Gateway) else _nothing
    try:
        with listening(faulty, host, port) as url:
            try:
                yield url
            finally:
                end()  # so that no request waits for a run that waits
    finally:
        end()  # what was begun meanwhile


def _nothing() -> None:
    """An app of somebody else's: it is theirs to close."""
