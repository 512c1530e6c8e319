"""The seam: what a protocol, a channel and a fold are. No I/O.

A run goes down and up again in three steps, and this is what passes between them:

    RunProtocol   makes of an input a call: what to send, and how to read what comes back
    Channel       sends the call: to whom, with whose credentials, after what negotiation
    Fold          reads the events of a stream, and knows what they add up to

Whoever writes a third protocol writes these three. What lives above knows no more of one.

**The order of a fold's calls.** ``decode`` is called once for each frame, in the order of the wire.

    state      call                                                    next
    =========  ======================================================  =========
    OPEN       decode: any event but the last                          OPEN
    OPEN       decode: the run's end, or its pause                     FINISHED
    OPEN       resumed: the stream broke off, and is asked for again   OPEN
    OPEN       end: the end of the body is proved, and is the run's    FINISHED
    OPEN       settle: the run was looked up, and has ended            FINISHED
    FINISHED   decode: the pause is over                               OPEN
    FINISHED   decode: anything else that follows the end              FINISHED
    FINISHED   settle: ``suspect`` is true, and this is how it ended   FINISHED
    FINISHED   flush: nothing is left to come                          -
    either     end: it is not the run's, or that has been told         the same
    either     catch_up: the run was looked up beside its stream       as it says

FINISHED is what ``finished`` says. A fold that goes ``through_pauses`` is OPEN while the run
``waits``; there ``settle`` may find no more than that it does, and ``flush`` comes behind it.
``output``, ``delta`` and ``unstreamed`` change nothing and may come at any time. A stream that is
given up, or fails, is not flushed.
"""

from __future__ import annotations

from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Generic,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Type,
    TypeVar,
    Union,
)

from ..errors import ProtocolError, RemoteAgentError, RemoteHTTPError
from ..options import RetryPolicy, Timeout
from ..wire import Received, Request, Response

if TYPE_CHECKING:
    from typing import Protocol

    from ..errors import NotFoundError
    from ..options import CallOptions
    from .component import Component
else:

    class Protocol:
        """Only checkers ask for more; making typing's costs every import of the library."""

        def __class_getitem__(cls, item: Any) -> Any:
            return cls


__all__ = [
    "AnyCall",
    "AnyStreamCall",
    "Call",
    "Card",
    "Channel",
    "Claims",
    "EventsMissingError",
    "Fold",
    "NothingToCancelError",
    "OpenAnswer",
    "Resumption",
    "RunProtocol",
    "Settled",
    "StreamCall",
    "Told",
]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


# --- What is asked, and what comes back


class AnyCall(Generic[T]):
    """What a protocol makes and its own channel sends: a Call of AgentOS's, an Operation of A2A's.

    ``T`` is what its answer amounts to.
    """

    __slots__ = ()


class AnyStreamCall(Generic[T]):
    """The same for what a stream of events answers; ``T`` is what they add up to."""

    __slots__ = ()

    fold: Fold[T]


def _itself(error: RemoteHTTPError) -> RemoteAgentError:
    return error


class Call(AnyCall[T]):
    """An HTTP request, how to read its answer, and what a refusal means.

    ``meaning`` turns the error of a refusal into one that says more, or returns it as it is.
    """

    __slots__ = ("meaning", "parse", "request")

    def __init__(
        self,
        request: Request,
        parse: Callable[[Response], T],
        meaning: Callable[[RemoteHTTPError], RemoteAgentError] = _itself,
    ) -> None:
        self.request = request
        self.parse = parse
        self.meaning = meaning


class StreamCall(AnyStreamCall[T]):
    """An HTTP request that a stream of events answers, and the fold for them."""

    __slots__ = ("fold", "meaning", "request")

    def __init__(
        self,
        request: Request,
        fold: Fold[T],
        meaning: Callable[[RemoteHTTPError], RemoteAgentError] = _itself,
    ) -> None:
        self.request = request
        self.fold = fold
        self.meaning = meaning


class OpenAnswer(Protocol):
    """An answer whose headers are there, and whose body is still to be read. See http.transport."""

    url: str
    timeout: Timeout
    deadline: Optional[float]
    received: Received
    complete: bool

    def read(self) -> bytes: ...

    def drop(self) -> None: ...

    def abort(self) -> None: ...


class Told(NamedTuple):
    """Events that did not come by a stream, and the answer that goes on behind them, if any.

    ``events()`` is called by the consumer's thread: it is a fold's.
    """

    events: Callable[[], Iterable[Any]]
    answer: Optional[OpenAnswer] = None
    received: Optional[Received] = None


class Settled(NamedTuple):
    """The output of a run that has ended, in place of its last events."""

    output: Any


class Resumption(NamedTuple):
    """How a stream that has broken off goes on, or what became of its run is found out.

    ``reopen(last_event_index, limit)`` returns the answer that goes on behind that event, or what
    was Told instead. ``look_up(limit)`` asks for the run itself: Settled if it has ended; or Told
    how it stands; or None if nothing is known of its end. Both run in the reader thread, within
    ``limit``, and must not know the stream. Without ``reopen`` the stream is not taken up again,
    and the run is looked up only for an end that nothing has proved.
    """

    reopen: Optional[Callable[[Optional[int], Timeout], Union[OpenAnswer, Told]]]
    policy: RetryPolicy
    look_up: Optional[Callable[[Timeout], Union[Settled, Told, None]]] = None


class NothingToCancelError(RemoteAgentError):
    """The server says itself that a cancel has found no run that is under way."""


# --- The fold


class EventsMissingError(ProtocolError):
    """A stream that was taken up again goes on behind events that have not come."""


class Fold(Protocol[T_co]):
    """Reads the events of one stream, one after another, and knows what they add up to.

    Not thread-safe: the stream that owns it calls it from one thread at a time, in the order that
    this module's docstring has.
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

    #: The run's ``output_schema``, where that can be asked for.
    schema: Any

    @property
    def finished(self) -> bool:
        """Whether the event that ends the stream has come: the outer run's end, or its pause."""

    @property
    def waits(self) -> bool:
        """Whether nothing is known but that the run has to be waited for, through its pauses.

        It pauses, or its server tells only who asks how it stands.
        """

    @property
    def cancelled(self) -> bool:
        """Whether the outer run has ended as cancelled."""

    @property
    def last_event_index(self) -> Optional[int]:
        """The number of the event behind which a background stream can be resumed, or None."""

    @property
    def decodes_lists(self) -> bool:
        """Whether ``decode`` returns a list of events instead of one or None."""

    @property
    def frames(self) -> Optional[int]:
        """How many frames have come; None if comments in between count as signs of life too."""

    @property
    def grace(self) -> float:
        """For how many seconds the body is read on behind the run's end."""

    @property
    def suspect(self) -> bool:
        """Whether the end that was announced has to be compared with what the server has."""

    @property
    def news(self) -> int:
        """How much has been told that was never told before.

        Grows with a new piece of text or another part of an artifact, with a state that the run has
        not been in before, or with an event of a number that has not come yet; never falls, and
        does not grow when something is said again, or turns back to what it was. A stream that is
        taken up again and again in vain is given up by this.
        """

    def decode(self, name: str, data: Any) -> Any:
        """The event for one SSE frame: its event name ("" if none) and decoded JSON; or None.

        A list of them if ``decodes_lists``. Raises EventsMissingError for an event before which
        others are missing: it is as if the stream had broken off before it. What a server says in
        place of an event, and what makes no sense, raises another error, with which the stream
        fails.
        """

    def flush(self) -> List[Any]:
        """The events that were held back, or found out in another way, now that no more come."""

    def delta(self, event: Any) -> Optional[str]:
        """The piece of the answer's text that ``event`` adds, or None."""

    def unstreamed(self) -> str:
        """What the final text has beyond the pieces that came."""

    def end(self) -> bool:
        """The body came to an end that its framing proves: whether the run has ended with it."""

    def resumed(self) -> None:
        """The stream was broken and goes on: what comes now may repeat what has been."""

    def settle(self, output: Any) -> None:
        """The run has ended, with this output: its stream did not say so, or cannot be trusted."""

    def catch_up(self, output: Any) -> List[Any]:
        """The run was looked up beside its stream: the events that are new in its output."""

    def output(self) -> T_co:
        """What the events so far add up to."""


# --- The protocol


class Claims(Protocol):
    """Of several callers that make the same claim one succeeds; ``db_id`` is where it is kept."""

    def claim(self, claim_id: str, key: str, db_id: Optional[str]) -> AnyCall[None]:
        """Make the claim; ConflictError for all but one. ``key`` is for people to read."""

    def note(self, claim_id: str, run_id: str, db_id: Optional[str]) -> AnyCall[None]:
        """Write the id that the server gave to the run into its claim."""

    def noted(self, claim_id: str, db_id: Optional[str]) -> AnyCall[Optional[str]]:
        """The id that was noted."""

    def release(self, claim_id: str, db_id: Optional[str]) -> AnyCall[None]:
        """Take the claim back."""


class RunProtocol(Protocol):
    """What can be asked of one component, in one protocol: makes calls, and sends none.

    ``fields`` and ``options`` are those of RunOptions, ContinueOptions and their like that are not
    the HTTP call's own; what the protocol cannot carry raises UnsupportedError here, before
    anything is sent. Outputs are the component's, whatever the protocol.
    """

    component: Component
    id: str

    #: Whether the stream of every run can be taken up again, not just those in the background.
    recovers: bool
    #: Whether a run is found by its id only together with its session's.
    needs_session: bool

    @property
    def unknown(self) -> Type[RemoteAgentError]:
        """What says that the server knows the component, and not the run."""

    # A run is begun

    def identify(self, fields: Dict[str, Any]) -> None:
        """Give the run the ids that it can have before it is sent."""

    def run(self, input: Any, options: Mapping[str, Any]) -> AnyCall[Any]:
        """Begin a run; the answer is its output, which may be unfinished."""

    def run_stream(self, input: Any, options: Mapping[str, Any]) -> AnyStreamCall[Any]:
        """Begin a run; the answer is its stream."""

    def others(self, error: NotFoundError) -> Optional[AnyCall[str]]:
        """A sentence about what else there is; None unless the error says that this is unknown."""

    # ... and goes on

    def standing(self, output: Any) -> Any:
        """How a run stands: a copy of what matters of an output for going on with it."""

    def running(self, run_id: str) -> Any:
        """How a run stands that is under way."""

    def is_follow_up(self, options: Mapping[str, Any]) -> bool:
        """Whether the options make something new of a run that has ended."""

    def paused_anew(self, before: Any, latest: Any) -> bool:
        """Of two standings, whether the second waits for something else than the first."""

    def continuation(
        self,
        run_id: str,
        paused: Any,
        latest: Any,
        given: Optional[List[Any]],
        options: Dict[str, Any],
    ) -> Any:
        """What a paused run goes on with; None if it goes on as another one.

        ``paused`` is the standing that the caller has decided on, ``latest`` the one that is known,
        ``given`` are decisions beside; each may be None. Takes out of ``options`` what it uses up.
        ValueError unless the run is paused and all is decided.
        """

    def continue_run(
        self, run_id: str, continuation: Any, options: Mapping[str, Any]
    ) -> AnyCall[Any]: ...

    def continue_stream(
        self, run_id: str, continuation: Any, options: Mapping[str, Any]
    ) -> AnyStreamCall[Any]: ...

    # ... and is asked for

    def get_run(
        self, run_id: str, session_id: Optional[str], follow_up: bool = False
    ) -> AnyCall[Any]:
        """The output as it stands. ``follow_up``: something new is to be made of it."""

    def list_runs(self, session_id: str, status: Optional[str]) -> AnyCall[List[Any]]:
        """A session's runs of this component, as rows that have at least ``run_id``."""

    def cancel(self, run_id: str, session_id: Optional[str]) -> AnyCall[Any]:
        """Ask for an end; the output as it stands then, or None if the answer proves nothing.

        NothingToCancelError, or TaskNotFoundError, if there is no such run under way.
        """

    def resume_stream(
        self,
        run_id: str,
        session_id: Optional[str],
        index: Optional[int],
        fold: Optional[Any] = None,
    ) -> AnyStreamCall[Any]:
        """The events behind number ``index``, or all; read by ``fold`` if it is a stream's own."""

    def look_up(self, fold: Any) -> Optional[AnyCall[Any]]:
        """What became of a stream's run: its output, or what of it is Told; None without its ids.

        The stream has broken off, or has announced an end that is suspect.
        """

    # ... and happens once

    @property
    def claims(self) -> Optional[Claims]:
        """How the server decides which of several callers may begin a run; None if it does not."""

    def named(self, input: Any, run_id: str, fields: Dict[str, Any]) -> Any:
        """The input of a run that is to be found by ``run_id``; ``fields`` get what it needs."""

    def was_begun(self, row: Any, run_id: str, alone: bool) -> bool:
        """Whether a row of ``list_runs`` is the run that was begun as ``run_id``.

        ``alone``: no other run can be in that session.
        """

    # ... of a component with a configuration

    #: Whether the channel keeps the configuration itself, as long as its server lets it be kept.
    config_is_kept: bool

    def config(self, fresh: bool = True) -> AnyCall[Any]:
        """The component's configuration; not ``fresh``: as it is kept."""


# --- The channel


class Card(Protocol):
    """The description that an agent gives of itself over A2A."""

    @property
    def card(self) -> Dict[str, Any]:
        """In the form of protocol 1.0."""


class Channel(Protocol):
    """Sends the calls of one protocol to one server. Any thread may use it; survives a fork.

    Calls are those of its own protocol; TypeError for others. Raises RemoteServerUnavailableError,
    RemoteTimeoutError, RemoteHTTPError by status, UnsupportedError and ProtocolError. Nothing that
    may have been executed is sent again, unless ``repeatable``.
    """

    @property
    def base_url(self) -> str: ...

    @property
    def timeout(self) -> Timeout:
        """The limits of every call that is given none of its own."""

    def send(
        self,
        call: AnyCall[T],
        options: Optional[CallOptions] = None,
        *,
        repeatable: bool = False,
    ) -> T:
        """Send the call and read its whole answer. Blocks."""

    def open(
        self,
        call: AnyStreamCall[Any],
        options: Optional[CallOptions] = None,
        *,
        repeatable: bool = False,
    ) -> Union[OpenAnswer, Told]:
        """Send the call; return when the headers of its stream are there. Blocks.

        Told: the server has answered in another way than by a stream.
        """

    def take_up(
        self, call: AnyStreamCall[Any], options: Optional[CallOptions] = None
    ) -> Union[OpenAnswer, Told]:
        """Send the call of a stream that has broken off: what goes on, or how the run stands."""

    def card(self, options: CallOptions) -> Optional[Card]:
        """The agent's card; None where the protocol has none. Blocks when it is not kept."""

    def close(self) -> None:
        """Close the idle connections of this process; the next call opens new ones."""
