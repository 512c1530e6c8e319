"""How much one caller may have under way, and from which web pages it may be asked."""

from __future__ import annotations

import os
import threading
from types import TracebackType
from typing import Any, Dict, Iterator, List, Optional, Sequence, Type

from ..wsgi import Environ, Header, Refused
from .incoming import Answer, Incoming

__all__ = ["Origins", "Runs", "is_run"]

_COMPONENTS = ("agents", "teams", "workflows")
_EXPOSED = ("Access-Control-Expose-Headers", "Retry-After, X-Request-Id")
_RUNNING = ("runs", "continue", "resume")


def is_run(incoming: Incoming) -> bool:
    """Whether a request begins, continues or follows a run."""
    segments = incoming.segments
    return (
        incoming.method == "POST"
        and len(segments) > 2
        and segments[0] in _COMPONENTS
        and segments[-1] in _RUNNING
    )


class Runs:
    """Counts what each caller has under way in this process; ``limit`` None counts nothing."""

    def __init__(self, limit: Optional[int]) -> None:
        if limit is not None and limit < 1:
            raise ValueError("runs_per_caller must be 1 or more, not %r" % limit)
        self.limit = limit
        self._lock = threading.Lock()  # guards the counts
        self._counts: Dict[str, int] = {}

    def one_of(self, incoming: Incoming) -> _Run:
        """The place of one run more. Refused, 429, if the caller has as many as it may."""
        if self.limit is None:
            return _Run(self, None)
        caller = incoming.caller
        # A user is one caller, whatever tokens it has; whoever sends none is known by its address.
        key = caller.guest.user or caller.key
        if caller.authorization is None:
            key = str(incoming.environ.get("REMOTE_ADDR", ""))
        key = "%d %s" % (os.getpid(), key)  # a forked child has none of its parent's
        with self._lock:
            count = self._counts.get(key, 0)
            if count >= self.limit:
                text = "You have %d runs under way, the most that this gateway allows." % count
                raise Refused(429, text, ("Retry-After", "1"))
            self._counts[key] = count + 1
        return _Run(self, key)

    def end(self, key: str) -> None:
        with self._lock:
            count = self._counts.pop(key, 1) - 1
            if count > 0:
                self._counts[key] = count


class _Run:
    """One run's place: free again when its answer is closed, or when there is none."""

    def __init__(self, runs: Runs, key: Optional[str]) -> None:
        self._runs = runs
        self._key = key
        self._body: Any = None

    def of(self, answer: Answer) -> Answer:
        """``answer``, whose end is the run's."""
        if self._key is None or isinstance(answer.body, list):
            return answer
        self._body = answer.body
        return answer._replace(body=self)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        try:
            self._body.close()
        finally:
            self._leave()

    def _leave(self) -> None:
        key, self._key = self._key, None
        if key is not None:
            self._runs.end(key)

    def __enter__(self) -> _Run:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if self._body is None:
            self._leave()


class Origins:
    """Which web pages may call, by their origins (CORS); "*" lets in all."""

    def __init__(self, allowed: Sequence[str]) -> None:
        if isinstance(allowed, str):
            raise TypeError("cors must be a list of origins, not one str")
        for each in allowed:
            if each != "*" and (not each.startswith(("http://", "https://")) or each[-1] == "/"):
                raise ValueError("%r is no origin: write https://app.example.com" % (each,))
        self._allowed = frozenset(allowed)

    def headers(self, environ: Environ) -> List[Header]:
        """What an answer to the page says; nothing to a page that may not call."""
        origin = environ.get("HTTP_ORIGIN")
        if not self._allowed:
            return []
        if "*" in self._allowed:
            return [("Access-Control-Allow-Origin", "*"), _EXPOSED]
        if not self._allows(origin):
            return [("Vary", "Origin")]
        return [
            ("Access-Control-Allow-Origin", str(origin)),
            ("Access-Control-Allow-Credentials", "true"),
            _EXPOSED,
            ("Vary", "Origin"),
        ]

    def is_preflight(self, environ: Environ) -> bool:
        """Whether a browser asks beforehand, and pages may call at all."""
        return bool(self._allowed and environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD"))

    def preflight(self, environ: Environ) -> Answer:
        """The answer to that. Refused, 400, for a page that may not call."""
        if not self._allows(environ.get("HTTP_ORIGIN")):
            raise Refused(400, "Disallowed CORS origin")
        wanted = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "")
        listed = [each.strip() for each in wanted.split(",")]
        names = [each for each in listed if each.replace("-", "").isalnum() and each.isascii()]
        headers = [
            ("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS"),
            ("Access-Control-Allow-Headers", ", ".join(names)),
            ("Access-Control-Max-Age", "600"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", "2"),
        ]
        return Answer(200, headers, [b"OK"])

    def _allows(self, origin: Optional[str]) -> bool:
        return origin is not None and (origin in self._allowed or "*" in self._allowed)
