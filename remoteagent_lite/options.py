"""What a caller may set: timeouts, retries, client settings and the options of one run."""

from __future__ import annotations

import math
import os
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Collection,
    Dict,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    TypeVar,
    Union,
)

from .media import Audio, File, Image, Video

if TYPE_CHECKING:
    from typing_extensions import TypedDict, Unpack as Unpack

    from .models.a2a_v10 import AgentCard
else:
    # What resolves annotations at run time finds these names; nobody needs typing_extensions.
    from typing import TypedDict

    try:
        from typing import Unpack
    except ImportError:  # before Python 3.11

        class Unpack:
            def __class_getitem__(cls, options):
                return options

    AgentCard = Any  # its module is for those who speak A2A


__all__ = [
    "A2ASettings",
    "AuthToken",
    "CallOptions",
    "ClientSettings",
    "ContinueOptions",
    "MessageOptions",
    "RemoteSettings",
    "RetryPolicy",
    "RunOptions",
    "Timeout",
    "check_keywords",
    "described",
    "split_options",
]

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

#: Where the server is and the token for it, if a program says neither.
URL_VARIABLE = "REMOTEAGENT_URL"
TOKEN_VARIABLE = "REMOTEAGENT_TOKEN"

#: A bearer token, or a function that returns the current one (called once per request).
AuthToken = Union[str, Callable[[], str]]


class ClientSettings(TypedDict, total=False):
    """Keyword settings that every Remote* object and client accepts.

    auth_token: a bearer token or a function that returns one (default: REMOTEAGENT_TOKEN's)
    headers: more headers for every request
    retry: how often a failed request is repeated, and when
    verify: False, or the path of a CA bundle
    cert: a client certificate's path, or the paths of certificate and key
    proxies: proxy URLs by scheme; before those of the environment
    pool_size: idle connections that are kept (None: as many as were in use at once)
    """

    auth_token: Optional[AuthToken]
    headers: Optional[Mapping[str, str]]
    retry: Optional[RetryPolicy]
    verify: Union[bool, str]
    cert: Union[str, Tuple[str, str], None]
    proxies: Optional[Mapping[str, str]]
    pool_size: Optional[int]


class A2ASettings(ClientSettings, total=False):
    """Settings for agents that are spoken to over A2A.

    ``a2a_version`` is "1.0", "0.3" or None: what the agent card says. ``interface_url`` is
    spoken to in place of the card's URLs. ``allow_hosts`` are hosts ("host", "host:port", or
    "http://host", which http needs if ``base_url`` is https) beside that of ``base_url`` to
    which tokens and headers may go; ``extensions`` the URIs of protocol extensions that the
    caller keeps to, named beside those that this library keeps to (Google ADK's, by which text is
    streamed); None names none. ``verify_card(card, raw)`` is called with every card that is
    fetched, as an AgentCard and as the dict that was sent, and raises if it is not to be used (see
    ``remoteagent_lite.signatures.CardVerifier``).
    """

    a2a_version: Optional[str]
    interface_url: Optional[str]
    allow_hosts: Sequence[str]
    extensions: Optional[Sequence[str]]
    verify_card: Optional[Callable[[AgentCard, Dict[str, Any]], Any]]


class RemoteSettings(A2ASettings, total=False):
    """Settings of RemoteAgent, RemoteTeam and RemoteWorkflow.

    ``resume`` says how often a broken stream is resumed without news in between, and how long
    to wait before: over AgentOS that of a background run, over A2A every task's.
    """

    resume: Optional[RetryPolicy]


class CallOptions(TypedDict, total=False):
    """What every single call accepts, whatever it does.

    auth_token: the bearer token of this call, or a function that returns it
    headers: more headers for this call
    timeout: this call's limits: a Timeout, or the longest silence in seconds
    """

    auth_token: Optional[AuthToken]
    headers: Optional[Mapping[str, str]]
    timeout: Union[float, Timeout, None]


class DatabaseOptions(CallOptions, total=False):
    """What every call that is about one database accepts; RemoteDb sets ``db_id`` itself."""

    db_id: Optional[str]


class TableOptions(DatabaseOptions, total=False):
    """What every call that is about one table of a database accepts."""

    table: Optional[str]


class KnowledgeOptions(DatabaseOptions, total=False):
    """What every call about knowledge accepts; RemoteKnowledge sets both ids itself."""

    knowledge_id: Optional[str]


class RunOptions(CallOptions, total=False):
    """Options of ``run``. What a component or protocol cannot carry raises UnsupportedError.

    stream_events: False leaves out all events of a stream but the answer's pieces
    once: a key of yours: a run that it has begun before is found, and not begun again
    run_id: the id under which the run can be found and cancelled (default: a new one)
    session_id: the conversation the run belongs to (default: a new one)
    user_id: the user it is for
    session_state: what the session's state is to hold
    dependencies: values for the component's dependencies
    metadata: the caller's own data, kept with the run
    knowledge_filters: which contents of the knowledge base are searched
    output_schema: a dataclass, TypedDict, pydantic class or JSON schema; see output.parsed
    use_json_schema: whether the model is given that schema as JSON schema
    images: images for the model
    audio: audio for the model
    videos: videos for the model
    files: documents for the model
    background: True lets the run go on when the connection breaks, and returns at once
    version: which version of the component is run
    factory_input: input of the factory that makes the component
    monitor: whether the server is to monitor the run
    additional_data: a workflow's additional data
    retries: how often the server repeats a failing model call
    add_history_to_context: whether the model sees the session's earlier runs
    add_dependencies_to_context: whether the model sees the dependencies
    add_session_state_to_context: whether the model sees the session's state
    extra_fields: more fields of the request, passed on as they are
    """

    stream_events: Optional[bool]
    once: Optional[str]
    run_id: Optional[str]
    session_id: Optional[str]
    user_id: Optional[str]
    session_state: Optional[Mapping[str, Any]]
    dependencies: Optional[Mapping[str, Any]]
    metadata: Optional[Mapping[str, Any]]
    knowledge_filters: Any
    output_schema: Any
    use_json_schema: Optional[bool]
    images: Optional[Sequence[Image]]
    audio: Optional[Sequence[Audio]]
    videos: Optional[Sequence[Video]]
    files: Optional[Sequence[File]]
    background: Optional[bool]
    version: Optional[int]
    factory_input: Optional[Mapping[str, Any]]
    monitor: Optional[bool]
    additional_data: Optional[Mapping[str, Any]]
    retries: Optional[int]
    add_history_to_context: Optional[bool]
    add_dependencies_to_context: Optional[bool]
    add_session_state_to_context: Optional[bool]
    extra_fields: Optional[Mapping[str, Any]]


class MessageOptions(CallOptions, total=False):
    """Options of A2AClient's messages.

    ``metadata`` goes with the message, ``request_metadata`` beside it.
    """

    context_id: Optional[str]
    task_id: Optional[str]
    reference_task_ids: Optional[Sequence[str]]
    metadata: Optional[Mapping[str, Any]]
    request_metadata: Optional[Mapping[str, Any]]
    images: Optional[Sequence[Image]]
    audio: Optional[Sequence[Audio]]
    videos: Optional[Sequence[Video]]
    files: Optional[Sequence[File]]
    accepted_output_modes: Optional[Sequence[str]]
    history_length: Optional[int]
    return_immediately: bool
    push_notification_config: Any


class ContinueOptions(CallOptions, total=False):
    """Options of ``continue_run``. Those from ``input`` on are for agents and teams.

    stream_events: False leaves out all events of a stream but the answer's pieces
    user_id: the user the run is for
    background: True lets the run go on when the connection breaks, and returns at once
    factory_input: input of the factory that makes the component
    input: a message of the user that is added; over A2A the answer to what was asked
    continue_from: where to go on: "end", "last_user" or the index of a message
    fork: True leaves the original run as it is
    regenerate: True answers the last message anew
    replace_original: False keeps both answers in the history
    additional_instructions: more instructions for this answer
    extra_fields: more fields of the request, passed on as they are
    """

    stream_events: Optional[bool]
    user_id: Optional[str]
    background: Optional[bool]
    factory_input: Optional[Mapping[str, Any]]
    input: Any
    continue_from: Union[int, str, None]
    fork: Optional[bool]
    regenerate: Optional[bool]
    replace_original: Optional[bool]
    additional_instructions: Optional[str]
    extra_fields: Optional[Mapping[str, Any]]


def described(*options: Any) -> Callable[[FunctionT], FunctionT]:
    """Add the lines that TypedDicts of options have about their keys to a function's docstring."""

    def add(function: FunctionT) -> FunctionT:
        if function.__doc__:  # Python -OO leaves it out
            function.__doc__ = "%s\n\n        Options:\n\n%s\n        " % (
                function.__doc__.rstrip(),
                "\n".join("        " + line for each in options for line in option_lines(each)),
            )
        return function

    return add


def option_lines(options: Any) -> List[str]:
    """The lines that the docstring of a TypedDict has about its own keys."""
    return [line for line in (options.__doc__ or "").splitlines() if _key_of(line) is not None]


def _key_of(line: str) -> Optional[str]:
    key, colon, _ = line.strip().partition(": ")
    return key if colon and key.isidentifier() else None


def check_keywords(owner: str, given: Collection[str], known: Collection[str]) -> None:
    """Raise TypeError, with the name that was meant, for a keyword that is not known."""
    for name in given:
        if name not in known:
            import difflib  # nobody else pays for it

            near = difflib.get_close_matches(name, known, 1)
            near = near or [each for each in known if name in each.split("_")]
            hint = "Did you mean %s=?" % near[0] if near else "It takes %s." % ", ".join(known)
            raise TypeError("%s has no argument %s=. %s" % (owner, name, hint))


def from_environment(name: str) -> Optional[str]:
    """The value of an environment variable; None if it is empty too."""
    return os.environ.get(name) or None


#: The total of a Timeout for which no time is left; no request is done in it.
_INSTANT = 1e-6


_CALL_OPTIONS = ("auth_token", "headers", "timeout")


def split_options(options: Mapping[str, Any]) -> Tuple[CallOptions, Dict[str, Any]]:
    """Options of the HTTP call, and those that go to the server."""
    call: Dict[str, Any] = {}
    fields: Dict[str, Any] = {}
    for name, value in options.items():
        (call if name in _CALL_OPTIONS else fields)[name] = value
    return call, fields  # type: ignore[return-value]


def _seconds(name: str, value: Optional[float]) -> Optional[float]:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError("%s must be a number of seconds or None, not %r" % (name, value))
    if math.isnan(value) or value <= 0:
        raise ValueError("%s must be more than 0 seconds, not %r" % (name, value))
    return None if math.isinf(value) else float(value)


class Timeout:
    """Limits in seconds; None means no limit.

    ``connect`` bounds the making of a connection: all addresses of the host together, a proxy's
    tunnel and TLS included. ``read`` is the longest silence between two reads, not the length of a
    run: a stream that keeps sending never meets it, and a server that computes without sending for
    longer does. While a request is sent it is the longest time for which nothing of it is taken.
    ``total`` bounds the whole exchange, however lively, from the asking for a token to the last
    byte; keep-alive comments do not postpone it.
    Immutable, so that threads may share one.
    """

    __slots__ = ("connect", "read", "total")

    connect: Optional[float]
    read: Optional[float]
    total: Optional[float]

    def __init__(
        self,
        *,
        connect: Optional[float] = 10.0,
        read: Optional[float] = 60.0,
        total: Optional[float] = None,
    ) -> None:
        object.__setattr__(self, "connect", _seconds("connect", connect))
        object.__setattr__(self, "read", _seconds("read", read))
        object.__setattr__(self, "total", _seconds("total", total))

    @classmethod
    def of(cls, value: Union[float, Timeout, None]) -> Timeout:
        """``value`` as a Timeout: a number is the longest silence, and bounds connecting too."""
        if isinstance(value, Timeout):
            return value
        read = _seconds("timeout", value)
        return cls(connect=10.0 if read is None else min(10.0, read), read=read)

    def within(self, seconds: Optional[float]) -> Timeout:
        """The same limits with ``total`` at most ``seconds``: what is left of a longer operation.

        None leaves them as they are. When nothing is left (0 or less) whatever is given the result
        times out before it has begun.
        """
        if seconds is None or (self.total is not None and self.total <= seconds):
            return self
        return Timeout(connect=self.connect, read=self.read, total=max(seconds, _INSTANT))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("Timeout is immutable: make a new one")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("Timeout is immutable: make a new one")

    def _key(self) -> Tuple[Optional[float], Optional[float], Optional[float]]:
        return (self.connect, self.read, self.total)

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Timeout) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __reduce__(self) -> Any:
        return (_timeout, self._key())

    def __repr__(self) -> str:
        return "Timeout(connect=%r, read=%r, total=%r)" % self._key()


def _timeout(connect: Optional[float], read: Optional[float], total: Optional[float]) -> Timeout:
    return Timeout(connect=connect, read=read, total=total)


class RetryPolicy:
    """When a request is sent again. It answers "after how long?" and never sleeps itself.

    Safe requests (GET) are repeated after a connection failure and after 502, 503 and 504; all
    others only when no byte of them can have reached the server (refused, DNS, TLS).
    ``retry_runs=True`` repeats runs too after a failure that leaves open whether the server
    executed them: the model may then be called twice.

    ``max_attempts`` counts the first one; the wait before attempt n+1 is ``backoff * 2**(n-1)``
    seconds, at most ``max_backoff``; a server's Retry-After is obeyed when it is not longer.

    A 429 or 503 with Retry-After says that nothing was executed: whatever it refused, a run too, is
    sent again then, and what else this object sends there waits as well, for at most ``patience``
    seconds in all (0: not at all) and within the total limit.
    """

    __slots__ = ("backoff", "max_attempts", "max_backoff", "patience", "retry_runs")

    max_attempts: int
    backoff: float
    max_backoff: float
    retry_runs: bool
    patience: float

    def __init__(
        self,
        max_attempts: int = 2,
        backoff: float = 0.25,
        max_backoff: float = 30.0,
        retry_runs: bool = False,
        patience: float = 60.0,
    ) -> None:
        if max_attempts < 1:
            raise ValueError("max_attempts counts the first attempt: it must be at least 1")
        if backoff < 0 or max_backoff < 0 or patience < 0:
            raise ValueError("backoff, max_backoff and patience are seconds, 0 or more")
        object.__setattr__(self, "max_attempts", int(max_attempts))
        object.__setattr__(self, "backoff", float(backoff))
        object.__setattr__(self, "max_backoff", float(max_backoff))
        object.__setattr__(self, "retry_runs", bool(retry_runs))
        object.__setattr__(self, "patience", float(patience))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("RetryPolicy is immutable: make a new one")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("RetryPolicy is immutable: make a new one")

    def delay(self, attempt: int, retry_after: Optional[float] = None) -> Optional[float]:
        """Seconds to wait after attempt number ``attempt`` failed (1 is the first), or None."""
        if attempt >= self.max_attempts:
            return None
        if retry_after is not None:
            return retry_after if retry_after <= self.max_backoff else None
        # 2**64 is beyond any backoff worth the name, and 2**1024 is no float any more.
        return float(min(self.backoff * 2 ** min(attempt - 1, 64), self.max_backoff))

    def _key(self) -> Tuple[int, float, float, bool, float]:
        return (self.max_attempts, self.backoff, self.max_backoff, self.retry_runs, self.patience)

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, RetryPolicy) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __reduce__(self) -> Any:
        return (RetryPolicy, self._key())

    def __repr__(self) -> str:
        return (
            "RetryPolicy(max_attempts=%r, backoff=%r, max_backoff=%r, retry_runs=%r, patience=%r)"
            % self._key()
        )


#: What one form, query or JSON value may be before it is encoded.
JSONValue = Union[None, bool, int, float, str, List[Any], Dict[str, Any]]
