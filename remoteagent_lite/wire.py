"""The values that protocols and transport share. No I/O, no knowledge of agents.

A protocol makes a :class:`Call`; the transport sends its ``request``; the call's pure functions
read the answer.
"""

from __future__ import annotations

from typing import (
    Any,
    Callable,
    Dict,
    Generic,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Protocol,
    Tuple,
    TypeVar,
)

from .errors import ProtocolError

__all__ = [
    "Body",
    "Call",
    "EventsMissingError",
    "FilePart",
    "Fold",
    "Received",
    "Request",
    "Response",
    "StreamCall",
]

OutputT = TypeVar("OutputT")
OutputT_co = TypeVar("OutputT_co", covariant=True)


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


class Call(Generic[OutputT]):
    """A request, and how to read its answer."""

    __slots__ = ("parse", "request")

    def __init__(self, request: Request, parse: Callable[[Response], OutputT]) -> None:
        self.request = request
        self.parse = parse


class EventsMissingError(ProtocolError):
    """A stream that was taken up again goes on behind events that have not come."""


class Fold(Protocol[OutputT_co]):
    """Reads the events of one stream, one after another, and knows what they add up to.

    Not thread-safe: the stream that owns it calls it from one thread at a time.

    ``decode`` raises EventsMissingError for an event before which others are missing; it is as if
    the stream had broken off before it.
    """

    #: The run this stream is about, as far as it is known.
    run_id: Optional[str]
    session_id: Optional[str]
    #: Whether what follows a pause belongs to the stream.
    through_pauses: bool
    #: Called with what is known of the run when it has ended or paused.
    on_end: Optional[Callable[[Any], None]]

    #: What the server itself said against going on with the stream, or None.
    fault: Optional[str]

    @property
    def finished(self) -> bool:
        """Whether the event that ends the stream has come: the outer run's end, or its pause."""
        ...

    @property
    def waits(self) -> bool:
        """Whether nothing is known but that the run has to be waited for, through its pauses.

        It pauses, or its server tells only who asks how it stands.
        """
        ...

    @property
    def last_event_index(self) -> Optional[int]:
        """The number of the event behind which a background stream can be resumed, or None."""
        ...

    @property
    def plural(self) -> bool:
        """Whether ``decode`` returns a list of events instead of one or None."""
        ...

    @property
    def frames(self) -> Optional[int]:
        """How many frames have come; None if comments in between count as signs of life too."""
        ...

    @property
    def grace(self) -> float:
        """For how many seconds the body is read on behind the run's end."""
        ...

    @property
    def suspect(self) -> bool:
        """Whether the end that was announced has to be compared with what the server has."""
        ...

    @property
    def mark(self) -> int:
        """How much has been told that was never told before.

        Grows with a new piece of text or another part of an artifact, with a state that the run has
        not been in before, or with an event of a number that has not come yet; never falls, and
        does not grow when something is said again, or turns back to what it was. A stream that is
        taken up again and again in vain is given up by this.
        """
        ...

    def decode(self, name: str, data: Any) -> Any:
        """The event for one SSE frame: its event name ("" if none) and decoded JSON; or None."""
        ...

    def flush(self) -> List[Any]:
        """The events that were held back, or found out in another way, now that no more come."""
        ...

    def delta(self, event: Any) -> Optional[str]:
        """The piece of the answer's text that ``event`` adds, or None."""
        ...

    def rest(self) -> str:
        """What the final text has beyond the pieces that came."""
        ...

    def end(self) -> bool:
        """The body came to an end that its framing proves: whether the run has ended with it."""
        ...

    def resumed(self) -> None:
        """The stream was broken and goes on: what comes now may repeat what has been."""
        ...

    def settle(self, output: Any) -> None:
        """The run ended or paused unseen, with this output."""
        ...

    def output(self) -> OutputT_co:
        """What the events so far add up to."""
        ...


class StreamCall(Generic[OutputT]):
    """A request whose answer is a stream of events, and the fold for them."""

    __slots__ = ("fold", "request")

    def __init__(self, request: Request, fold: Fold[OutputT]) -> None:
        self.request = request
        self.fold = fold
