"""One total limit for an operation that takes several calls."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Optional

from ..errors import RemoteAgentError, RemoteTimeoutError
from ..options import Timeout

if TYPE_CHECKING:
    from ..options import CallOptions

__all__ = ["Limit"]


class Limit:
    """The total limit of one operation, however many calls it takes."""

    def __init__(self, options: CallOptions, default: Timeout) -> None:
        self.timeout = Timeout.of(options["timeout"]) if "timeout" in options else default
        self._options = options
        total = self.timeout.total
        self._until = None if total is None else time.monotonic() + total

    def left(self) -> CallOptions:
        """The options of the next call."""
        if self._until is None:
            return self._options
        return {**self._options, "timeout": self.timeout.within(self._until - time.monotonic())}

    def passed(self, error: RemoteAgentError) -> Optional[RemoteTimeoutError]:
        """``error`` in terms of the limit that the caller set, if that is what it tells of."""
        total = self.timeout.total
        if total is None or not isinstance(error, RemoteTimeoutError) or error.phase != "total":
            return None
        return RemoteTimeoutError(
            "%s did not finish within the total limit of %g s (Timeout(total=...)), the search "
            "for a way to speak to the agent included." % (error.url, total),
            error.url,
            error.original_error,
            error.request_sent,
            "total",
            total,
        )
