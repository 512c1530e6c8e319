"""A run that this process follows, told to a client event by event."""

from __future__ import annotations

import contextlib
import errno
import logging
from typing import Any, Callable, Iterator, Optional, Protocol

from ..errors import RemoteAgentError
from ..protocols.sse import frame

__all__ = ["EVENT_STREAM", "Stream", "Telling"]

logger = logging.getLogger("remoteagent_lite.gateway")

#: The headers of a stream of AgentOS's events.
EVENT_STREAM = [
    ("Content-Type", "text/event-stream; charset=utf-8"),
    ("Cache-Control", "no-cache"),
    ("X-Accel-Buffering", "no"),
]
#: How long a run may take to be cancelled when its client has left, in seconds.
_CANCEL = 2.0


class Stream(Protocol):
    """A run that is followed: RunStream is one. One thread reads it, any may close it."""

    def next_event(self, timeout: Optional[float]) -> Optional[Any]:
        """The next event; None at the end. TimeoutError after so many seconds of silence."""
        ...

    def cancel(self, wait: float) -> Any:
        """Cancel the run, and see for so many seconds whether it is. Any thread may."""
        ...

    def close(self) -> None: ...

    def __enter__(self) -> Any: ...

    def __exit__(self, *exc_info: Any) -> None: ...


class Telling:
    """The events of ``stream`` as a WSGI body; for one thread.

    ``tell(event)`` makes the frames of an event, b"" for one that is not told; ``tell(None)`` those
    behind the last one. Comments are sent in silence. If the stream fails, the frame that ``fail``
    makes of the error is the last one, and the body ends; without ``fail`` it breaks off, as
    Passage's does. ``close()`` closes the stream; if it ``cancels`` and the run is not over, the
    run is cancelled, as an AgentOS cancels one whose client has left.
    """

    def __init__(
        self,
        stream: Stream,
        tell: Callable[[Any], bytes],
        heartbeat: float,
        *,
        cancels: bool = False,
        fail: Optional[Callable[[RemoteAgentError], bytes]] = None,
    ) -> None:
        self._stream = stream
        self._tell = tell
        self._heartbeat = heartbeat
        #: Whether the run ends with its client; ``tell`` may say that there is nothing to end.
        self.cancels = cancels
        self._fail = fail
        self._is_over = False
        self._broken = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._broken and self._fail is None:
            raise ConnectionResetError(errno.ECONNRESET, "the upstream's answer broke off")
        while not (self._is_over or self._broken):
            try:
                event = self._stream.next_event(self._heartbeat)
                self._is_over = event is None
                told = self._tell(event)
            except TimeoutError:
                return b": keepalive\n\n"
            except RemoteAgentError as error:
                logger.warning("A run broke off: %s", error.message)
                self._broken = True
                if self._fail is not None:
                    return self._fail(error)
                return frame("error", {"event": "error", "error": error.message})
            if told:
                return told
        raise StopIteration

    def close(self) -> None:
        with self._stream:
            if self.cancels and not self._is_over and not self._broken:
                # Nobody is there to be told why it cannot be cancelled.
                with contextlib.suppress(RemoteAgentError):
                    self._stream.cancel(wait=_CANCEL)
