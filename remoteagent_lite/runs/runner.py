"""How a run works: the only place where protocol, transport, cache and stream meet."""

from __future__ import annotations

import contextlib
import functools
import os
import time
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    ClassVar,
    Dict,
    Generic,
    Iterator,
    List,
    Mapping,
    Optional,
    Tuple,
    TypeVar,
    Union,
    overload,
)

from ..cache import Recent, TTLCache
from ..channels.agentos import Connection
from ..data import RemoteDb, RemoteKnowledge
from ..errors import (
    NotFoundError,
    RemoteHTTPError,
    RemoteServerUnavailableError,
    RemoteTimeoutError,
    ServerError,
    TaskNotCancelableError,
    TaskNotFoundError,
    UnsupportedError,
    shown_url,
)
from ..options import RetryPolicy, Timeout
from ..protocols.agentos import decisions as decided
from ..protocols.agentos.runs import AgentOS
from ..protocols.component import Component
from ..wire import Fold
from .stream import Resumption, RunStream

if TYPE_CHECKING:
    from typing_extensions import Literal, Unpack

    from ..models.a2a_v10 import AgentCard
    from ..options import A2ASettings, CallOptions, ContinueOptions, RunOptions

__all__ = ["Runner"]

OutputT = TypeVar("OutputT")
EventT = TypeVar("EventT")
ConfigT = TypeVar("ConfigT")
RunnerT = TypeVar("RunnerT", bound="Runner[Any, Any, Any]")

#: How many runs' sessions are remembered, to find a run again by its id alone.
_RUNS_REMEMBERED = 4096
#: Of how many runs it is remembered how they ended, or what they paused for.
_OUTPUTS_REMEMBERED = 1024
#: How long an unknown run is looked for after a cancel, in seconds: one that is not streamed is
#: stored only when it ends.
_GRACE = 2.0
#: Ten attempts without an event in between: some 30 seconds, longer than a server's restart.
_RESUME = RetryPolicy(max_attempts=10, backoff=0.25, max_backoff=5.0)
_UNFINISHED = ("PENDING", "RUNNING")
_A2A_ONLY = ("a2a_version", "interface_url", "allow_hosts", "extensions", "verify_card")
_CALL_OPTIONS = ("auth_token", "headers", "timeout")


class Runner(Generic[OutputT, EventT, ConfigT]):
    """What RemoteAgent, RemoteTeam and RemoteWorkflow have in common, which is all but data.

    Any thread may call any method. Objects survive a fork, and pickle with their settings (the
    token included). Connections are kept until ``close()``, the end of a ``with`` block, or
    garbage collection.
    """

    component: ClassVar[Component]

    def __init__(
        self,
        base_url: str,
        component_id: str,
        protocol: str = "agentos",
        a2a_protocol: str = "auto",
        timeout: Union[float, Timeout, None] = 60.0,
        config_ttl: float = 300.0,
        resume: Optional[RetryPolicy] = None,
        **settings: Unpack[A2ASettings],
    ) -> None:
        self.id = component_id
        self.protocol = protocol
        self.config_ttl = config_ttl
        # Of either protocol; both pairs have the same methods.
        self._connection: Any
        self._protocol: Any
        if protocol == "agentos":
            foreign = [name for name in _A2A_ONLY if settings.get(name)]
            if foreign:
                raise ValueError('%s= needs protocol="a2a"' % "=, ".join(foreign))
            own: Any = {name: each for name, each in settings.items() if name not in _A2A_ONLY}
            self._connection = Connection(base_url, timeout, **own)
            self._resume = resume or _RESUME
            self._protocol = AgentOS(self._connection.base_url, self.component, component_id)
        elif protocol == "a2a":
            # Here, so that only those who speak A2A pay for it.
            from ..channels.a2a import RECOVER, A2AConnection
            from ..protocols.a2a.runs import A2A

            self._connection = A2AConnection(
                base_url, timeout, config_ttl, a2a_protocol=a2a_protocol, **settings
            )
            self._protocol = A2A(self.component, component_id)
            self._resume = resume or RECOVER
        else:
            raise ValueError("protocol must be 'agentos' or 'a2a', not %r" % (protocol,))
        self._sessions: Recent[str] = Recent(_RUNS_REMEMBERED)
        self._latest: Recent[Any] = Recent(_OUTPUTS_REMEMBERED)
        self._claims: Dict[Tuple[int, str], object] = {}  # runs that are being continued
        self._caches: Dict[int, TTLCache[ConfigT]] = {os.getpid(): TTLCache(config_ttl)}

    @property
    def base_url(self) -> str:
        """The server's URL, normalised, without user info."""
        return self._connection.base_url  # type: ignore[no-any-return]

    @property
    def timeout(self) -> Timeout:
        """The limits of every call that is given none of its own."""
        return self._connection.timeout  # type: ignore[no-any-return]

    # --- Runs

    @overload
    def run(
        self, input: Any, *, stream: Literal[False] = ..., **options: Unpack[RunOptions]
    ) -> OutputT: ...

    @overload
    def run(
        self, input: Any, *, stream: Literal[True], **options: Unpack[RunOptions]
    ) -> RunStream[OutputT, EventT]: ...

    @overload
    def run(
        self, input: Any, *, stream: bool, **options: Unpack[RunOptions]
    ) -> Union[OutputT, RunStream[OutputT, EventT]]: ...

    def run(
        self, input: Any, *, stream: bool = False, **options: Unpack[RunOptions]
    ) -> Union[OutputT, RunStream[OutputT, EventT]]:
        """Run the component on ``input``: text, or anything with a JSON form. Blocks.

        Without ``stream`` it returns the output when the run has ended; a run that failed is an
        output with ``status == "ERROR"``. With ``stream=True`` it returns as soon as the server
        has accepted the run; iterate over the RunStream, and close it if you stop early.

        Every run is sent with a ``run_id`` and a ``session_id``, new UUIDs unless given, so that
        it can be cancelled and found. ``extra_fields`` are passed on to the server's run call as
        they are. Runs are not repeated after a failure, unless no byte of them can have arrived.

        Raises RemoteServerUnavailableError, RemoteTimeoutError, RemoteHTTPError by status,
        ProtocolError; before anything is sent TypeError and ValueError for unusable options and
        UnsupportedError for what the component cannot take.
        """
        call_options, fields = _split(options)
        self._protocol.identify(fields)
        if fields.get("run_id") and fields.get("session_id"):
            self._sessions.keep(fields["run_id"], fields["session_id"])
        if stream:
            call = self._protocol.run_stream(input, fields)
            return self._open(call, call_options, background=bool(fields.get("background")))
        blocking = self._protocol.run(input, fields)
        return self._send(blocking, fields, call_options)

    @overload
    def continue_run(
        self,
        paused: Union[OutputT, str, None] = ...,
        updated_tools: Optional[List[Any]] = ...,
        *,
        stream: Literal[False] = ...,
        run_id: Optional[str] = ...,
        session_id: Optional[str] = ...,
        requirements: Optional[List[Any]] = ...,
        step_requirements: Optional[List[Any]] = ...,
        **options: Unpack[ContinueOptions],
    ) -> OutputT: ...

    @overload
    def continue_run(
        self,
        paused: Union[OutputT, str, None] = ...,
        updated_tools: Optional[List[Any]] = ...,
        *,
        stream: Literal[True],
        run_id: Optional[str] = ...,
        session_id: Optional[str] = ...,
        requirements: Optional[List[Any]] = ...,
        step_requirements: Optional[List[Any]] = ...,
        **options: Unpack[ContinueOptions],
    ) -> RunStream[OutputT, EventT]: ...

    @overload
    def continue_run(
        self,
        paused: Union[OutputT, str, None] = ...,
        updated_tools: Optional[List[Any]] = ...,
        *,
        stream: bool,
        run_id: Optional[str] = ...,
        session_id: Optional[str] = ...,
        requirements: Optional[List[Any]] = ...,
        step_requirements: Optional[List[Any]] = ...,
        **options: Unpack[ContinueOptions],
    ) -> Union[OutputT, RunStream[OutputT, EventT]]: ...

    def continue_run(
        self,
        paused: Union[OutputT, str, None] = None,
        updated_tools: Optional[List[Any]] = None,
        *,
        stream: bool = False,
        run_id: Optional[str] = None,
        session_id: Optional[str] = None,
        requirements: Optional[List[Any]] = None,
        step_requirements: Optional[List[Any]] = None,
        **options: Unpack[ContinueOptions],
    ) -> Union[OutputT, RunStream[OutputT, EventT]]:
        """Go on with a paused run after its decisions have been made. Blocks; never repeated.

        ``paused`` is the paused output, whose tools or requirements have been decided in place
        (see its ``pending``), or a run's id; beside it, decisions can be given as ``updated_tools``
        (agents), ``requirements`` (teams) or ``step_requirements`` (workflows). Those may be as
        short as ``ToolExecution(tool_call_id="call-1", result="done")``: the rest is known from
        the paused run, or asked from the server. ``session_id`` is needed for a run this object
        has not seen itself.

        Nothing is sent, and ValueError raised, unless all that the run waits for is decided (the
        server would take the rest for rejected) and the run is paused (it would be run anew).
        To go on with a finished run say how: ``input=``, ``continue_from=``, ``fork=True`` or
        ``regenerate=True`` (agents and teams). Tools that wait for an administrator's approval
        are left undecided: the server refuses as long as it has not been given.
        """
        given = {
            "updated_tools": updated_tools,
            "requirements": requirements,
            "step_requirements": step_requirements,
        }
        decisions = given.pop(self.component.decisions)
        for name, value in given.items():
            if value is not None:
                kind = self.component.kind
                raise UnsupportedError("A %s is not continued by %s=." % (kind, name))
        if isinstance(paused, str):
            run_id, paused = paused, None
        snapshot: Any = None
        if paused is not None:
            snapshot = self._protocol.snapshot(paused)
            run_id = run_id or snapshot.run_id
            session_id = session_id or snapshot.session_id
        if not run_id:
            raise ValueError("continue_run needs the paused output or a run_id")
        session_id = session_id or self._sessions.get(run_id)
        if not session_id and self._protocol.needs_session:
            raise ValueError("continue_run needs the session_id of run %s" % run_id)
        call_options, fields = _split(options)
        follow_up = self._protocol.is_follow_up(fields)
        with self._continuing(run_id) as began:
            latest = self._latest.get(run_id)
            if follow_up or (latest is None and snapshot is None):
                latest = self._ask(run_id, session_id, follow_up, call_options)
            value = self._protocol.continuation(run_id, snapshot, latest, decisions, fields)
            fields["session_id"] = session_id or (latest.session_id if latest else None)
            if value is not None or not follow_up:  # else it goes on as another run
                began()
            if stream:
                streamed = self._protocol.continue_stream(run_id, value, fields)
                background = bool(fields.get("background"))
                return self._open(streamed, call_options, background, repeatable=False)
            call = self._protocol.continue_run(run_id, value, fields)
            return self._send(call, dict(fields, run_id=run_id), call_options, repeatable=False)

    def _ask(
        self, run_id: str, session_id: Optional[str], follow_up: bool, options: CallOptions
    ) -> Optional[Any]:
        """What the server says of a run; None if it has no endpoint to say it."""
        try:
            output = self.get_run(run_id, session_id, **options)
        except UnsupportedError as error:
            if follow_up:
                raise UnsupportedError(
                    "%s continues a run by its tools only: AgentOS takes %s since 2.9."
                    % (shown_url(self.base_url), "=, ".join(decided.FOLLOW_UPS) + "="),
                    error.url,
                ) from error
            return None
        return self._protocol.snapshot(output)

    @contextlib.contextmanager
    def _continuing(self, run_id: str) -> Iterator[Callable[[], None]]:
        """Let one thread at a time continue the run, and none after it.

        Yields the function to call when it is about to begin. What became of it if it failed then,
        only the server knows, unless the server cannot have begun.
        """
        mine = object()
        claim = (os.getpid(), run_id)
        if self._claims.setdefault(claim, mine) is not mine:  # atomic
            raise ValueError("run %s is being continued by another thread" % run_id)
        before = self._latest.get(run_id)
        running = self._protocol.running(run_id)
        try:
            with self._protocol.explaining("GET runs", "2.9"):
                yield lambda: self._latest.keep(run_id, running)
        except BaseException as error:
            if self._latest.get(run_id) is running:
                self._latest.keep(run_id, before if _was_refused(error) else None)
            raise
        finally:
            del self._claims[claim]

    def _remember(self, output: Any) -> None:
        """Keep what has to be known of a run to continue it, or not to."""
        if output.run_id and output.session_id:
            self._sessions.keep(output.run_id, output.session_id)
            self._latest.keep(output.run_id, self._protocol.snapshot(output))

    def cancel_run(
        self,
        run_id: str,
        *,
        session_id: Optional[str] = None,
        wait: float = 10.0,
        **options: Unpack[CallOptions],
    ) -> bool:
        """Cancel a run and see that it is: True only when its status has become CANCELLED.

        The server accepts any cancel, so the run is looked up afterwards, for at most ``wait``
        seconds. False means that it had ended otherwise, does not exist, or that nothing confirmed
        it in time. ``session_id`` is needed to look up a run this object has not seen itself.
        POST .../runs/{run_id}/cancel, then GET .../runs/{run_id}. Blocks.
        """
        return self._cancel(run_id, session_id, None, wait, options)

    def _cancel(
        self,
        run_id: str,
        session_id: Optional[str],
        stream: Optional[RunStream[OutputT, EventT]],
        wait: float,
        options: CallOptions,
    ) -> bool:
        until = time.monotonic() + wait
        try:
            output: Any = self._connection.send(self._protocol.cancel(run_id, session_id), options)
        except ServerError as error:
            # Before 2.9 the server said so itself when there was nothing to cancel.
            if str(error.detail).startswith("Failed to cancel run"):
                return False
            raise
        except TaskNotFoundError:
            return False
        except TaskNotCancelableError:
            output = None  # over already, perhaps because it was cancelled before
        if output is not None:
            self._remember(output)
            if output.status not in _UNFINISHED:
                if stream is not None:
                    # Some servers never tell those who listen to the run that it was cancelled.
                    fold: Any = stream.fold
                    stream.tell(functools.partial(fold.snapshot, output.task.to_dict()))
                return bool(output.is_cancelled)
        session_id = session_id or self._sessions.get(run_id)
        if session_id is None and self._protocol.needs_session:
            return False
        if self._sessions.get(run_id) is None:
            until = min(until, time.monotonic() + _GRACE)
        pause = 0.05
        while True:
            next_look = time.monotonic() + pause
            if stream is not None and stream.read_on(min(until, next_look)):
                return bool(stream.partial_output().is_cancelled)  # type: ignore[attr-defined]
            try:
                output = self.get_run(run_id, session_id, **options)
            except UnsupportedError:
                if self._protocol.recovers:
                    output = None  # only the stream can tell
                else:
                    return True  # a server without this endpoint refuses a cancel in vain, above
            except (NotFoundError, TaskNotFoundError):
                pass  # not stored yet, or unknown: time will tell
            else:
                if output.status not in _UNFINISHED:
                    return bool(output.is_cancelled)
            if time.monotonic() + pause > until:
                return False
            # What reading on has not used up: a stream that has broken returns at once.
            time.sleep(max(0.0, next_look - time.monotonic()))
            pause = min(2 * pause, 0.5)

    def get_run(
        self, run_id: str, session_id: Optional[str] = None, **options: Unpack[CallOptions]
    ) -> OutputT:
        """A run as the server has it now; ``content`` is absent until it has ended. Blocks.

        ``session_id`` is needed for a run this object has not seen itself. A run that is neither
        streamed nor in the background is found only when it has ended.
        GET .../runs/{run_id}; raises NotFoundError, and UnsupportedError before AgentOS 2.9.
        """
        session_id = self._session_of(run_id, session_id)
        with self._protocol.explaining("GET runs", "2.9"):
            output: OutputT = self._connection.send(
                self._protocol.get_run(run_id, session_id), options
            )
            self._remember(output)
            return output

    def wait_run(
        self,
        run_id: str,
        session_id: Optional[str] = None,
        *,
        wait: float = 3600.0,
        **options: Unpack[CallOptions],
    ) -> OutputT:
        """Poll a run until it has ended or pauses, for at most ``wait`` seconds. Blocks.

        Raises RemoteTimeoutError when it has not by then. The bound matters: a run whose server
        was killed stays RUNNING for ever.
        """
        until = time.monotonic() + wait
        pause = 0.05
        while True:
            output: Any = self.get_run(run_id, session_id, **options)
            if output.status not in _UNFINISHED:
                self._remember(output)
                return output  # type: ignore[no-any-return]
            if time.monotonic() + pause > until:
                error = RemoteTimeoutError(
                    "Run %s at %s is still %s after %g s. Wait longer, or cancel_run() it."
                    % (run_id, shown_url(self.base_url), output.status, wait),
                    shown_url(self.base_url),
                    None,
                    True,
                    "total",
                    wait,
                )
                error.run_id, error.session_id = run_id, output.session_id
                raise error
            time.sleep(pause)
            pause = min(1.5 * pause, 2.0)

    def list_runs(
        self,
        session_id: str,
        *,
        status: Optional[str] = None,
        **options: Unpack[CallOptions],
    ) -> List[Any]:
        """A session's runs of this component as rows (RunSchema and its like). Blocks.

        ``status`` is compared exactly ("COMPLETED"). GET .../runs; raises NotFoundError for an
        unknown session, and UnsupportedError before AgentOS 2.9.
        """
        with self._protocol.explaining("GET runs", "2.9"):
            rows: List[Any] = self._connection.send(
                self._protocol.list_runs(session_id, status), options
            )
            return rows

    def resume(
        self,
        run_id: str,
        session_id: Optional[str] = None,
        last_event_index: Optional[int] = None,
        **options: Unpack[CallOptions],
    ) -> RunStream[OutputT, EventT]:
        """The stream of a background run, from behind the event with that index (None: all).

        Begins with a CatchUpEvent, SubscribedEvent or ReplayEvent that tells where the events
        come from. After a restart of the server they come from its database, which keeps no
        RunContent events of agents and teams: the text comes whole, with the completed event.
        POST .../runs/{run_id}/resume; raises UnsupportedError before AgentOS 2.9. What the server
        does not find ends the stream with StreamInterruptedError.
        """
        session_id = session_id or self._sessions.get(run_id)
        call: Any = self._protocol.resume_stream(run_id, session_id, last_event_index)
        with self._protocol.explaining("GET runs", "2.9"):
            return self._open(call, options, background=True)

    def _session_of(self, run_id: str, session_id: Optional[str]) -> Optional[str]:
        session_id = session_id or self._sessions.get(run_id)
        if not session_id and self._protocol.needs_session:
            raise ValueError("session_id is needed: this object has not seen run %r" % (run_id,))
        return session_id

    def _send(
        self,
        call: Any,
        fields: Mapping[str, Any],
        options: CallOptions,
        repeatable: bool = True,
    ) -> OutputT:
        try:
            with self._protocol.explaining("POST runs", None):
                output = self._connection.send(call, options, repeatable=repeatable)
        except RemoteServerUnavailableError as error:
            error.run_id, error.session_id = fields.get("run_id"), fields.get("session_id")
            raise
        self._remember(output)
        unfinished = output.run_id and output.status in _UNFINISHED
        if unfinished and self._protocol.recovers and not fields.get("background"):
            # An A2A server may answer before the task is over, whatever it was asked.
            limit = self._limit(options)
            wait = limit.total or limit.read or 3600.0
            return self.wait_run(output.run_id, output.session_id, wait=wait, **options)
        return output  # type: ignore[no-any-return]

    def _limit(self, options: CallOptions) -> Timeout:
        return Timeout.of(options["timeout"]) if "timeout" in options else self.timeout

    def _open(
        self,
        call: Any,
        options: CallOptions,
        background: bool = False,
        repeatable: bool = True,
    ) -> RunStream[OutputT, EventT]:
        fold = call.fold
        fold.on_end = self._remember

        def cancel(stream: RunStream[OutputT, EventT], wait: float) -> bool:
            if fold.run_id is None and not stream.read_on_until_known(time.monotonic() + wait):
                return False
            return self._cancel(fold.run_id or "", fold.session_id, stream, wait, options)

        try:
            with self._protocol.explaining("POST runs", None):
                answer = self._connection.open(call, options, repeatable=repeatable)
        except RemoteServerUnavailableError as error:
            error.run_id, error.session_id = fold.run_id, fold.session_id
            raise
        resumption = self._resumption(fold, options, background)
        url = shown_url(self.base_url)
        return RunStream(answer, fold, cancel, resumption, url, self._limit(options))

    def _resumption(
        self, fold: Fold[Any], options: CallOptions, background: bool
    ) -> Optional[Resumption]:
        protocol = self._protocol
        if protocol.recovers:
            return Resumption(
                lambda index, attempt: self._connection.recover(
                    protocol.resume_stream(fold.run_id, fold.session_id, None, fold),
                    protocol.task(fold.run_id, fold.session_id),
                    options,
                ),
                self._resume,
                lambda: protocol.settled(
                    self.get_run(fold.run_id or "", fold.session_id, **options)
                ),
            )
        if not background:
            return None

        def reopen(index: Optional[int], attempt: int) -> Any:
            run_id, session_id = fold.run_id or "", fold.session_id
            if attempt > 1 and session_id is not None:
                # Resuming has brought nothing: see whether there is still something to come.
                with contextlib.suppress(NotFoundError):
                    output: Any = self.get_run(run_id, session_id, **options)
                    if output.status not in _UNFINISHED:
                        return output
            again = protocol.resume_stream(run_id, session_id, index, fold)
            return self._connection.open(again, options)

        return Resumption(reopen, self._resume)

    # --- Configuration

    def get_config(self, **options: Unpack[CallOptions]) -> ConfigT:
        """The component's configuration, fresh from the server. GET /{kind}/{id}. Blocks."""
        return self._connection.send(self._protocol.config(), options)  # type: ignore[no-any-return]

    def refresh_config(self, **options: Unpack[CallOptions]) -> ConfigT:
        """Fetch the configuration and renew the cache the properties read. Blocks."""
        return self._cache().refresh(lambda: self.get_config(**options))

    def get_agent_card(self, **options: Unpack[CallOptions]) -> Optional[AgentCard]:
        """The A2A agent card, in the form of protocol 1.0; None if ``protocol`` is another.

        Cached for ``config_ttl`` seconds, or less if its server says so; ``get_config()`` renews
        it. Blocks when it is not cached. GET /.well-known/agent-card.json; raises NotFoundError if
        there is none.
        """
        if self.protocol != "a2a":
            return None
        from ..models.a2a_v10 import AgentCard

        return AgentCard.from_dict(self._connection.card(options).card)

    def _config(self) -> Any:
        if self.protocol == "a2a":
            # The card has a cache of its own, which knows for how long its server lets it be kept.
            return self._protocol.config().parse(self._connection.card({}).card, None)
        return self._cache().get(self.get_config)

    def _cache(self) -> TTLCache[ConfigT]:
        # One per process: a fork may have caught the parent's cache in the middle of a fetch.
        cache = self._caches.get(os.getpid())
        if cache is None:
            cache = self._caches.setdefault(os.getpid(), TTLCache(self.config_ttl))
        return cache

    @property
    def name(self) -> Optional[str]:
        """The name. Blocks when the cached configuration is older than ``config_ttl``."""
        return self._config().name  # type: ignore[no-any-return]

    @property
    def description(self) -> Optional[str]:
        """The description. Blocks as ``name`` does."""
        return self._config().description  # type: ignore[no-any-return]

    @property
    def db(self) -> Optional[RemoteDb]:
        """The component's database, or None if it has none. Blocks as ``name`` does."""
        db_id = self._config().db_id
        return RemoteDb(self._connection, db_id) if db_id else None

    # --- The object itself

    def close(self) -> None:
        """Close idle connections. Streams under way go on; a later call connects anew."""
        self._connection.close()

    def __enter__(self: RunnerT) -> RunnerT:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.close()

    def __getstate__(self) -> Dict[str, Any]:
        return dict(self.__dict__, _caches={}, _sessions=None, _latest=None, _claims={})

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self.__dict__.update(
            state,
            _sessions=Recent(_RUNS_REMEMBERED),
            _latest=Recent(_OUTPUTS_REMEMBERED),
        )

    def __repr__(self) -> str:
        return "%s(base_url=%r, %s=%r)" % (
            type(self).__name__,
            shown_url(self.base_url),
            self.component.id_field,
            self.id,
        )


class ToolRunner(Runner[OutputT, EventT, ConfigT]):
    """What agents and teams have and workflows have not."""

    @property
    def role(self) -> Optional[str]:
        """The role. Blocks as ``name`` does."""
        return self._config().role  # type: ignore[no-any-return]

    @property
    def tools(self) -> Optional[List[Dict[str, Any]]]:
        """The tools as plain dicts with "name", "description", "parameters"; None if there are
        none. Blocks as ``name`` does."""
        tools = self._config().tools
        if isinstance(tools, dict):
            tools = tools.get("tools")
        return list(tools) if tools and isinstance(tools, list) else None

    @property
    def knowledge(self) -> Optional[RemoteKnowledge]:
        """The knowledge base, or None if there is none. Blocks as ``name`` does."""
        config = self._config()
        if not isinstance(config.knowledge, dict) or not config.knowledge:
            return None
        return RemoteKnowledge(self._connection, config.knowledge.get("db_id") or config.db_id)


def _split(options: Any) -> Tuple[CallOptions, Dict[str, Any]]:
    """Options of the HTTP call, and those that go to the server."""
    call: Dict[str, Any] = {}
    fields: Dict[str, Any] = {}
    for name, value in options.items():
        (call if name in _CALL_OPTIONS else fields)[name] = value
    return call, fields  # type: ignore[return-value]


def _was_refused(error: BaseException) -> bool:
    """Whether the server cannot have begun what it was asked."""
    if isinstance(error, RemoteHTTPError):
        return error.status_code < 500
    if isinstance(error, RemoteServerUnavailableError):
        return not error.request_sent
    return isinstance(error, (TypeError, ValueError, UnsupportedError))
