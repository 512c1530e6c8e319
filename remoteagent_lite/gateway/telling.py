"""A run that this process follows, as a stream of AgentOS's events."""

from __future__ import annotations

import contextlib
import errno
import logging
from typing import Any, Callable, Iterator, Optional

from ..errors import RemoteAgentError
from ..protocols.sse import frame
from ..runs.stream import RunStream

__all__ = ["Telling"]

logger = logging.getLogger("remoteagent_lite.gateway")

#: How long a run may take to be cancelled when its client has left, in seconds.
_CANCEL = 2.0


class Telling:
    """The events of ``stream`` as a WSGI body; for one thread.

    ``tell(event)`` makes the data of an event's frame, or None for one that is not told. Comments
    are sent in silence, and the body breaks off, as Passage's does. ``close()`` closes the stream;
    if it ``cancels`` and the run is not over, the run is cancelled, as an AgentOS cancels one whose
    client has left.
    """

    def __init__(
        self,
        stream: RunStream[Any, Any],
        tell: Callable[[Any], Optional[Any]],
        heartbeat: float,
        cancels: bool,
    ) -> None:
        self._stream = stream
        self._tell = tell
        self._heartbeat = heartbeat
        self._cancels = cancels
        self._is_over = False
        self._broken = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._broken:
            raise ConnectionResetError(errno.ECONNRESET, "the upstream's answer broke off")
        while True:
            try:
                event = self._stream.next_event(self._heartbeat)
            except TimeoutError:
                return b": keepalive\n\n"
            except RemoteAgentError as error:
                logger.warning("A run broke off: %s", error.message)
                self._broken = True
                return frame("error", {"event": "error", "error": error.message})
            if event is None:
                self._is_over = True
                raise StopIteration
            data = self._tell(event)
            if data is not None:
                return frame(data["event"], data)

    def close(self) -> None:
        with self._stream:
            if self._cancels and not self._is_over and not self._broken:
                # Nobody is there to be told why it cannot be cancelled.
                with contextlib.suppress(RemoteAgentError):
                    self._stream.cancel(wait=_CANCEL)
