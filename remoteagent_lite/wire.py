"""The values that protocols and transport share. No I/O, no knowledge of agents."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Protocol, Tuple

__all__ = [
    "Body",
    "FilePart",
    "Received",
    "Request",
    "Response",
]


class FilePart(NamedTuple):
    """One part of a multipart form that is sent as a file."""

    field: str
    filename: str
    content: bytes
    content_type: str


class Body(Protocol):
    """A body that is made while it is sent. Its length in bytes is known; iterating starts anew."""

    content_type: str

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[bytes]: ...


class Request:
    """One HTTP request, complete but for authorization.

    ``safe`` means that repeating it cannot make anything happen twice. At most one of ``form``,
    ``json`` and ``body`` is given; ``files`` turn a form into multipart. A request with a ``body``
    is sent once, whatever happens. One that is ``anonymous`` gets no login that the machine has for
    the server (netrc).
    """

    __slots__ = (
        *("anonymous", "body", "files", "form", "headers", "json", "method", "params", "safe"),
        "url",
    )

    def __init__(
        self,
        method: str,
        url: str,
        *,
        params: Optional[List[Tuple[str, str]]] = None,
        headers: Optional[Dict[str, str]] = None,
        form: Optional[List[Tuple[str, str]]] = None,
        files: Optional[List[FilePart]] = None,
        json: Any = None,
        body: Optional[Body] = None,
    ) -> None:
        self.method = method
        self.url = url
        self.params = params
        self.headers = headers or {}
        self.form = form
        self.files = files
        self.json = json
        self.body = body
        self.safe = method in ("GET", "HEAD")
        self.anonymous = False

    def __repr__(self) -> str:
        return "Request(%r, %r)" % (self.method, self.url)


class Response(NamedTuple):
    """A whole HTTP answer. Header names are in lower case."""

    url: str
    status: int
    headers: Dict[str, str]
    body: bytes

    def received(self) -> Received:
        return Received(self.url, self.status, self.headers)


class Received:
    """What an HTTP answer says beside its body. Header names are in lower case."""

    __slots__ = ("headers", "status", "url")

    def __init__(self, url: str, status: int, headers: Mapping[str, str]) -> None:
        self.url = url
        self.status = status
        self.headers = headers

    @property
    def request_id(self) -> Optional[str]:
        """The id that the server gave the request, for its operators to find it; or None."""
        return next(filter(None, map(self.headers.get, _REQUEST_IDS)), None)

    @property
    def extensions(self) -> Tuple[str, ...]:
        """The URIs of the A2A extensions that the agent says it has activated."""
        said = ",".join(filter(None, map(self.headers.get, _EXTENSIONS)))
        return tuple(dict.fromkeys(filter(None, map(str.strip, said.split(",")))))

    def __repr__(self) -> str:
        return "<Received %d from %s>" % (self.status, self.url)


#: Where servers and proxies say it; the first counts.
_REQUEST_IDS = ("x-request-id", "request-id", "x-correlation-id")
#: Of protocol 1.0 and of 0.3.
_EXTENSIONS = ("a2a-extensions", "x-a2a-extensions")
