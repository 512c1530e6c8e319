"""Serves agents on a port of its own, on a thread of this process."""

import contextlib
import threading
from typing import Any, Iterator

from remoteagent_lite.activeworkflow.commands import make_server

__all__ = ["served"]


@contextlib.contextmanager
def served(target: Any) -> Iterator[str]:
    """The URL of the first agent of an AgentApp, or of an Agent."""
    server, app = make_server(target, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield app.urls("http://127.0.0.1:%d" % server.server_port)[0]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
