"""An upstream's body on its way to the caller: bytes as they come, read when they are asked for.

Nothing is parsed and nothing is kept: as long as the caller's side takes nothing, nothing is read,
and the upstream waits. A stream of events gets a comment when the upstream is silent, for only by
writing does a WSGI server notice that its client has left.
"""

from __future__ import annotations

import errno
import json
import logging
import time
from typing import Iterator, Optional

from ..errors import RemoteAgentError
from ..http.transport import OpenResponse

__all__ = ["HEARTBEAT", "Passage"]

logger = logging.getLogger("remoteagent_lite.gateway")

#: Seconds of silence after which a comment is sent.
HEARTBEAT = 15.0
_EVENTS = "text/event-stream"
_NUMBER = b'"event_index":'


class Passage:
    """The rest of ``answer`` as a WSGI body; for one thread. ``close()`` closes the upstream's
    connection unless it has been read to its end.

    A body that breaks off upstream breaks off here: the iterator raises ConnectionResetError, at
    which servers close the connection without its proper end. Before that a stream of events names
    the upstream: by an ``error`` frame, or, where its events are numbered and the caller can take
    it up again, by a comment.
    """

    def __init__(self, answer: OpenResponse, heartbeat: float = HEARTBEAT) -> None:
        self._answer = answer
        self._heartbeat = heartbeat
        self._events = answer.content_type == _EVENTS
        self._tail = b"\n\n"  # what was passed on last
        self._numbered = False  # whether the last event had a number
        self._silence = 0.0
        self._broken = False

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._broken:
            raise ConnectionResetError(errno.ECONNRESET, "the upstream's answer broke off")
        try:
            if self._events:
                comment = self._comment()
                if comment is not None:
                    return comment
            data = self._answer.read()
        except RemoteAgentError as error:
            logger.warning("An answer broke off: %s", error.message)
            self._broken = True
            return self._last_words(error) or self.__next__()
        if not data:
            raise StopIteration
        if self._events:
            self._silence = 0.0
            self._tail = (self._tail + data)[-4:]
            self._numbered = _NUMBER in data or (self._numbered and b"\n\n" not in data)
        return data

    def _comment(self) -> Optional[bytes]:
        """What can be sent while nothing comes, and changes nothing; None once something comes."""
        while True:
            patience = self._patience()
            if self._answer.ready(max(0.0, patience)):
                return None
            if patience < self._heartbeat:
                raise self._answer.late()
            self._silence += patience
            if self._is_between_frames():
                return b": keepalive\n\n"
            if self._tail.endswith(b"\n"):
                return b":\n"  # a line of the frame that has begun

    def _patience(self) -> float:
        """How long to wait for more: until the next comment, or a limit that comes before."""
        patience, answer = self._heartbeat, self._answer
        if answer.timeout.read is not None:
            patience = min(patience, answer.timeout.read - self._silence)
        if answer.deadline is not None:
            patience = min(patience, answer.deadline - time.monotonic())
        return patience

    def _is_between_frames(self) -> bool:
        return self._tail.endswith((b"\n\n", b"\r\n\r\n", b"\r\r"))

    def _last_words(self, error: RemoteAgentError) -> bytes:
        """What names the upstream in a stream of events that has broken off."""
        # Behind half a frame anything would be taken for its rest.
        if not (self._events and self._is_between_frames()):
            return b""
        if self._numbered:
            return b": %s\n\n" % " ".join(error.message.split()).encode("utf-8")
        said = json.dumps({"event": "error", "error": error.message})
        return b"event: error\ndata: %s\n\n" % said.encode("ascii")

    def close(self) -> None:
        self._answer.drop()
