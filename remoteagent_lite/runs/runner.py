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
    Iterable,
    Iterator,
    List,
    Literal,
    Mapping,
    Optional,
    Tuple,
    TypeVar,
    Union,
    overload,
)

from .. import models
from ..cache import Recent, TTLCache
from ..channels.agentos import Connection
from ..data import RemoteDb, RemoteKnowledge
from ..errors import (
    NotFoundError,
    ProtocolError,
    RemoteAgentError,
    RemoteTimeoutError,
    ServerError,
    TaskNotCancelableError,
    TaskNotFoundError,
    UnsupportedError,
    about_run,
    shown_url,
    was_refused,
)
from ..options import (
    A2ASettings,
    CallOptions,
    ContinueOptions,
    RemoteSettings,
    RetryPolicy,
    RunOptions,
    Timeout,
    Unpack,
    check_keywords,
    described,
    split_options,
)
from ..protocols.agentos import decisions as decided
from ..protocols.agentos.runs import AgentOS
from ..protocols.component import AGENT, Component
from ..wire import Fold
from .stream import NO_TIME, Resumption, RunStream, Settled, Told

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from ..models.a2a_v10 import AgentCard
    from .batch import Result

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
#: How long the ids of other components are waited for when one is unknown, in seconds.
_LOOK_AROUND = 5.0
_UNFINISHED = ("PENDING", "RUNNING")
_A2A_ONLY = ("a2a_version", "interface_url", "allow_hosts", "extensions", "verify_card")
_OWN_SETTINGS = (
    "base_url",
    "protocol",
    "a2a_protocol",
    "timeout",
    "config_ttl",
    *RemoteSettings.__annotations__,
)


class _Memory:
    """What is remembered of runs, by their ids."""

    def __init__(self) -> None:
        self.sessions: Recent[str] = Recent(_RUNS_REMEMBERED)
        self.latest: Recent[Any] = Recent(_OUTPUTS_REMEMBERED)  # how they stand, as snapshots
        self.decided: Recent[Any] = Recent(_OUTPUTS_REMEMBERED)  # pauses that are over, likewise
        self._claims: Dict[Tuple[int, str], object] = {}  # those that are being continued

    def claim(self, run_id: str, owner: object) -> bool:
        """Whether ``owner`` alone, in this process, continues the run from now on."""
        return self._claims.setdefault((os.getpid(), run_id), owner) is owner  # atomic

    def release(self, run_id: str, owner: object) -> None:
        claim = (os.getpid(), run_id)
        if self._claims.get(claim) is owner:
            del self._claims[claim]


class Runner(Generic[OutputT, EventT, ConfigT]):
    """What RemoteAgent, RemoteTeam and RemoteWorkflow have in common, which is all but data.

    Any thread may call any method. Objects survive a fork, and pickle with their settings (the
    token included). Connections are kept until ``close()``, the end of a ``with`` block, or
    garbage collection.
    """

    component: ClassVar[Component]

    def __init__(
        self,
        base_url: Optional[str],
        component_id: str,
        protocol: str = "agentos",
        a2a_protocol: str = "auto",
        timeout: Union[float, Timeout, None] = 60.0,
        config_ttl: float = 300.0,
        resume: Optional[RetryPolicy] = None,
        **settings: Unpack[A2ASettings],
    ) -> None:
        name = type(self).__name__
        check_keywords(name, settings, (self.component.id_field, *_OWN_SETTINGS))
        if not isinstance(component_id, str) or not component_id:
            raise TypeError("%s needs %s=" % (name, self.component.id_field))
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
        self._memory = _Memory()
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

    @described(RunOptions, CallOptions)
    def run(
        self, input: Any, *, stream: bool = False, **options: Unpack[RunOptions]
    ) -> Union[OutputT, RunStream[OutputT, EventT]]:
        """Run the component on ``input``: text, or anything with a JSON form. Blocks.

        Without ``stream`` it returns the output when the run has ended; a run that failed is an
        output with ``status == "ERROR"``. With ``stream=True`` it returns as soon as the server
        has accepted the run; iterate over the RunStream, and close it if you stop early.

        With ``once=``, a key of yours, the run is begun unless the same key has begun it before,
        in whatever process: then it is found, and waited for. It runs in the background, and is
        waited for as long as ``timeout`` says. UnsupportedError where runs cannot be looked up;
        RemoteServerUnavailableError for one that may have been begun and is not found.

        Every run is sent with a ``run_id`` and a ``session_id``, new UUIDs unless given, so that
        it can be cancelled and found. ``extra_fields`` are passed on to the server's run call as
        they are. Runs are not repeated after a failure, unless no byte of them can have arrived.

        Raises RemoteServerUnavailableError, RemoteTimeoutError, RemoteHTTPError by status,
        ProtocolError; before anything is sent TypeError and ValueError for unusable options and
        UnsupportedError for what the component cannot take.
        """
        call_options, fields = split_options(options)
        key = fields.pop("once", None)
        if key is not None:
            from .once import Once  # as batch below: nobody else pays for it

            once = Once(self, key, fields, call_options)
            return once.stream(input) if stream else once.output(input)  # type: ignore[no-any-return]
        self._protocol.identify(fields)
        if fields.get("run_id") and fields.get("session_id"):
            self._memory.sessions.keep(fields["run_id"], fields["session_id"])
        if stream:
            return self._open(self._protocol.run_stream(input, fields), fields, call_options)
        return self._send(self._protocol.run(input, fields), fields, call_options)

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

    @described(ContinueOptions, CallOptions)
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
        or ``requirements`` (agents), ``requirements`` (teams) or ``step_requirements``
        (workflows). Those may be as short as ``ToolExecution(tool_call_id="call-1",
        result="done")``: the rest is known from the paused run, or asked from the server.
        ``session_id`` is needed for a run this object has not seen itself.

        Nothing is sent, and ValueError raised, unless all that the run waits for is decided (the
        server would take the rest for rejected) and the run is paused (it would be run anew): the
        server is asked, because another process may have continued it.
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
        if self.component is AGENT and requirements is not None:  # Agno's name for an agent's
            decisions = [*(decisions or []), *requirements]
            given["requirements"] = None
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
        session_id = session_id or self._memory.sessions.get(run_id)
        if not session_id and self._protocol.needs_session:
            raise ValueError("continue_run needs the session_id of run %s" % run_id)
        call_options, fields = split_options(options)
        follow_up = self._protocol.is_follow_up(fields)
        with self._continuing(run_id) as began:
            latest = self._memory.latest.get(run_id)
            if snapshot is not None or latest is not None:
                # What is refused by what is known here needs no request.
                self._protocol.continuation(run_id, snapshot, latest, decisions, dict(fields))
            latest = self._ask(run_id, session_id, follow_up, call_options)
            value = self._protocol.continuation(run_id, snapshot, latest, decisions, fields)
            fields["session_id"] = session_id or (latest.session_id if latest else None)
            if value is not None or not follow_up:  # else it goes on as another run
                began((latest or snapshot) if fields.get("background") else None)
            if stream:
                streamed = self._protocol.continue_stream(run_id, value, fields)
                return self._open(streamed, fields, call_options, repeatable=False)
            call = self._protocol.continue_run(run_id, value, fields)
            return self._send(call, dict(fields, run_id=run_id), call_options, repeatable=False)

    def _ask(
        self, run_id: str, session_id: Optional[str], follow_up: bool, options: CallOptions
    ) -> Optional[Any]:
        """How a run stands, by the server's word; by our own if the server cannot be asked."""
        try:
            return self._found(self._get_run(run_id, session_id, options))
        except UnsupportedError as error:
            if follow_up:
                raise UnsupportedError(
                    "%s continues a run by its tools only: AgentOS takes %s since 2.9."
                    % (shown_url(self.base_url), "=, ".join(decided.FOLLOW_UPS) + "="),
                    error.url,
                ) from error
            return self._memory.latest.get(run_id)

    @contextlib.contextmanager
    def _continuing(self, run_id: str) -> Iterator[Callable[[Any], None]]:
        """Let one thread at a time continue the run, and none after it.

        Yields the function to call when it is about to begin, with the pause if that may be found
        some time after it was decided. What became of the run if it failed then, only the server
        knows, unless the server cannot have begun.
        """
        memory, running = self._memory, self._protocol.running(run_id)
        mine = object()

        def began(pause: Any) -> None:
            memory.latest.keep(run_id, running)
            if pause is not None:
                memory.decided.keep(run_id, pause)

        try:
            try:
                if not memory.claim(run_id, mine):
                    raise ValueError("run %s is being continued by another thread" % run_id)
                before = memory.latest.get(run_id)
                try:
                    with self._protocol.explaining("GET runs", "2.9"):
                        yield began
                except BaseException as error:
                    if memory.latest.get(run_id) is running:
                        memory.decided.drop(run_id)
                        memory.latest.drop(run_id)
                        if before is not None and was_refused(error):
                            memory.latest.keep(run_id, before)
                    raise
            finally:
                memory.release(run_id, mine)
        finally:
            memory.release(run_id, mine)  # twice: Ctrl-C may come in any line, the one above too

    def _remember(self, output: Any) -> None:
        """Keep what has to be known of a run to continue it, or not to."""
        memory = self._memory
        if output.run_id and output.session_id:
            memory.sessions.keep(output.run_id, output.session_id)
            memory.latest.keep(output.run_id, self._protocol.snapshot(output))
        if output.run_id and output.status not in _UNFINISHED:
            memory.decided.drop(output.run_id)

    def _found(self, output: Any) -> Any:
        """What matters of a run that was looked up, and is remembered."""
        if self._is_decided(output):
            return self._memory.latest.get(output.run_id)
        self._remember(output)
        return self._protocol.snapshot(output)

    def _is_decided(self, output: Any) -> bool:
        """Whether a run is found in a pause that has been decided here, and is only not yet over.

        A server that queues what it is to do first takes note of the decision.
        """
        pause = self._memory.decided.get(output.run_id) if output.run_id else None
        return (
            pause is not None
            and output.status == "PAUSED"
            and not self._protocol.paused_anew(pause, self._protocol.snapshot(output))
        )

    def cancel_run(
        self,
        run_id: Optional[str],
        *,
        session_id: Optional[str] = None,
        wait: float = 10.0,
        **options: Unpack[CallOptions],
    ) -> bool:
        """Cancel a run and see that it is: True only when its status has become CANCELLED.

        The server accepts any cancel, so the run is looked up afterwards; all of it takes at most
        ``wait`` seconds. False means that it had ended otherwise, does not exist, or that nothing
        confirmed it in time. ``session_id`` is needed to look up a run this object has not seen
        itself; before AgentOS 2.9 only who reads the run's answer or stream, by this object, can
        confirm it.
        POST .../runs/{run_id}/cancel, then GET .../runs/{run_id}. Blocks.
        """
        if not wait > 0:
            raise ValueError(NO_TIME)
        return self._cancel(_given(run_id), session_id, None, wait, options)

    def _cancel(
        self,
        run_id: str,
        session_id: Optional[str],
        stream: Optional[RunStream[OutputT, EventT]],
        wait: float,
        options: CallOptions,
    ) -> bool:
        until = time.monotonic() + wait
        with _Naming(run_id, session_id):
            try:
                confirmed = self._ask_to_cancel(run_id, session_id, stream, until, options)
                if confirmed is None:
                    confirmed = self._see_cancelled(run_id, session_id, stream, until, options)
                return confirmed
            except RemoteTimeoutError:
                if not _is_over(until):
                    raise
                return False

    def _ask_to_cancel(
        self,
        run_id: str,
        session_id: Optional[str],
        stream: Optional[RunStream[OutputT, EventT]],
        until: float,
        options: CallOptions,
    ) -> Optional[bool]:
        """Send the request; whether the run is cancelled, if the answer says so."""
        call = self._protocol.cancel(run_id, session_id)
        try:
            output: Any = self._connection.send(call, self._within(until, options))
        except ServerError as error:
            # Before 2.9 the server said so itself when there was nothing to cancel.
            if str(error.detail).startswith("Failed to cancel run"):
                return False
            raise
        except TaskNotFoundError:
            return False
        except TaskNotCancelableError:
            return None  # over already, perhaps because it was cancelled before
        if output is None:
            return None
        self._remember(self._about(output, run_id))
        if output.status in _UNFINISHED:
            return None
        if stream is not None:
            # Some servers never tell those who listen to the run that it was cancelled.
            fold: Any = stream.fold
            stream.tell(functools.partial(fold.snapshot, output.task.to_dict()))
        return bool(output.is_cancelled)

    def _see_cancelled(
        self,
        run_id: str,
        session_id: Optional[str],
        stream: Optional[RunStream[OutputT, EventT]],
        until: float,
        options: CallOptions,
    ) -> bool:
        """Look the run up, or read its stream on, until it has ended; whether it is cancelled."""
        known = self._memory.sessions.get(run_id)
        session_id = session_id or known
        if session_id is None and self._protocol.needs_session:
            return False
        if known is None:
            until = min(until, time.monotonic() + _GRACE)
        pause = 0.05
        while True:
            next_look = time.monotonic() + pause
            if stream is not None and stream.read_on(min(until, next_look)):
                return bool(stream.partial_output().is_cancelled)  # type: ignore[attr-defined]
            try:
                latest = self._found(
                    self._get_run(run_id, session_id, self._within(until, options))
                )
            except (UnsupportedError, NotFoundError, TaskNotFoundError):
                # Not stored yet, or unknown: time will tell. Or whoever reads its answer or its
                # stream, in another thread perhaps.
                latest = self._memory.latest.get(run_id)
            if latest is not None and latest.status not in _UNFINISHED:
                return bool(latest.is_cancelled)
            if time.monotonic() + pause > until:
                return False
            # What reading on has not used up: a stream that has broken returns at once.
            time.sleep(max(0.0, next_look - time.monotonic()))
            pause = min(2 * pause, 0.5)

    def get_run(
        self,
        run_id: Optional[str],
        session_id: Optional[str] = None,
        **options: Unpack[CallOptions],
    ) -> OutputT:
        """A run as the server has it now; ``content`` is absent until it has ended. Blocks.

        ``session_id`` is needed for a run this object has not seen itself. A run that is neither
        streamed nor in the background is found only when it has ended.
        GET .../runs/{run_id}; raises NotFoundError, and UnsupportedError before AgentOS 2.9.
        """
        output: OutputT = self._get_run(_given(run_id), session_id, options)
        self._found(output)
        return output

    def _get_run(self, run_id: str, session_id: Optional[str], options: CallOptions) -> Any:
        session_id = session_id or self._memory.sessions.get(run_id)
        if not session_id and self._protocol.needs_session:
            raise ValueError("session_id is needed: this object has not seen run %r" % (run_id,))
        with _Naming(run_id, session_id), self._protocol.explaining("GET runs", "2.9"):
            call = self._protocol.get_run(run_id, session_id)
            return self._about(self._connection.send(call, options), run_id)

    def _about(self, output: Any, run_id: str) -> Any:
        """``output``, if it is about the run that was asked for."""
        if output.run_id is not None and output.run_id != run_id:
            url = shown_url(self.base_url)
            raise ProtocolError(
                "%s was asked about run %s and answered about run %s. Is there a cache or proxy in "
                "between?" % (url, run_id, output.run_id),
                url,
            )
        return output

    def wait_run(
        self,
        run_id: Optional[str],
        session_id: Optional[str] = None,
        *,
        wait: float = 3600.0,
        through_pauses: bool = False,
        **options: Unpack[CallOptions],
    ) -> OutputT:
        """Poll a run until it has ended or pauses, for at most ``wait`` seconds. Blocks.

        A pause that this object has decided is none any more; with ``through_pauses`` none is, for
        somebody else decides. Raises RemoteTimeoutError when the run has not ended by then. The
        bound matters: a run whose server was killed stays RUNNING for ever.
        """
        waited_for = (*_UNFINISHED, "PAUSED") if through_pauses else _UNFINISHED
        run_id = _given(run_id)
        until = time.monotonic() + wait
        pause = 0.05
        status, late = None, None
        while True:
            try:
                output: Any = self._get_run(run_id, session_id, self._within(until, options))
            except RemoteTimeoutError as error:
                if not _is_over(until):
                    raise
                late = error
            else:
                self._found(output)
                status, session_id = output.status, output.session_id or session_id
                if status not in waited_for and not self._is_decided(output):
                    return output  # type: ignore[no-any-return]
            if late is not None or time.monotonic() + pause > until:
                url = shown_url(self.base_url)
                timed_out = RemoteTimeoutError(
                    "Run %s at %s is still %s after %g s. Wait longer, or cancel_run() it."
                    % (run_id, url, status or "unknown", wait),
                    url,
                    late,
                    True,
                    "total",
                    wait,
                )
                about_run(timed_out, run_id, session_id)
                raise timed_out from late
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
        run_id: Optional[str],
        session_id: Optional[str] = None,
        last_event_index: Optional[int] = None,
        *,
        through_pauses: bool = False,
        **options: Unpack[CallOptions],
    ) -> RunStream[
        OutputT, Union[EventT, models.CatchUpEvent, models.SubscribedEvent, models.ReplayEvent]
    ]:
        """The stream of a background run, from behind the event with that index (None: all).

        Begins with a CatchUpEvent, SubscribedEvent or ReplayEvent that tells where the events
        come from. After a restart of the server they come from its database, which keeps no
        RunContent events of agents and teams: the text comes whole, with the completed event.
        POST .../runs/{run_id}/resume; raises UnsupportedError before AgentOS 2.9. What the server
        does not find ends the stream with StreamInterruptedError.

        With ``through_pauses`` the stream goes on behind a pause, which somebody else ends: what is
        decided in another process, or a login (A2A). A pause is silence, bounded by
        ``timeout.read`` and ``timeout.total``. A server that tells nothing until then is asked
        every 2 s.
        """
        run_id = _given(run_id)
        session_id = session_id or self._memory.sessions.get(run_id)
        call: Any = self._protocol.resume_stream(run_id, session_id, last_event_index)
        call.fold.through_pauses = through_pauses
        with self._protocol.explaining("GET runs", "2.9"):
            return self._open(call, {"background": True}, options)

    def _send(
        self,
        call: Any,
        fields: Mapping[str, Any],
        options: CallOptions,
        repeatable: bool = True,
    ) -> OutputT:
        limit = self._limit(options)
        until = time.monotonic() + (limit.total or limit.read or 3600.0)
        naming = _Naming(fields.get("run_id"), fields.get("session_id"))
        with naming, self._knowing_others(options), self._protocol.explaining("POST runs", None):
            output = self._connection.send(call, options, repeatable=repeatable)
        self._remember(output)
        unfinished = output.run_id and output.status in _UNFINISHED
        if unfinished and self._protocol.recovers and not fields.get("background"):
            # An A2A server may answer before the task is over, whatever it was asked.
            wait = max(0.0, until - time.monotonic())
            return self.wait_run(output.run_id, output.session_id, wait=wait, **options)
        return output  # type: ignore[no-any-return]

    @contextlib.contextmanager
    def _knowing_others(self, options: CallOptions) -> Iterator[None]:
        """Of a server that does not know the component tell which ones it has."""
        try:
            yield
        except NotFoundError as error:
            others = self._protocol.others(error)
            if others is None:
                raise
            limit = self._limit(options).within(_LOOK_AROUND)
            # It may not be asked, or not answer: then there is no more to tell.
            with contextlib.suppress(RemoteAgentError):
                error.message += " " + self._connection.send(others, dict(options, timeout=limit))
                error.args = (error.message,)
            raise

    def _limit(self, options: CallOptions) -> Timeout:
        return Timeout.of(options["timeout"]) if "timeout" in options else self.timeout

    def _within(self, until: float, options: CallOptions) -> CallOptions:
        """The options of a call that has to be over at ``until``, a monotonic time."""
        left = self._limit(options).within(until - time.monotonic())
        return dict(options, timeout=left)  # type: ignore[return-value]

    def _open(
        self,
        call: Any,
        fields: Mapping[str, Any],
        options: CallOptions,
        repeatable: bool = True,
    ) -> RunStream[OutputT, EventT]:
        fold = call.fold
        fold.on_end = self._remember

        def cancel(stream: RunStream[OutputT, EventT], wait: float) -> bool:
            until = time.monotonic() + wait
            if fold.run_id is None and not stream.read_on_until_known(until):
                return False
            left = until - time.monotonic()
            return self._cancel(fold.run_id or "", fold.session_id, stream, left, options)

        naming = _Naming(fold.run_id, fold.session_id)
        with naming, self._knowing_others(options), self._protocol.explaining("POST runs", None):
            if fold.through_pauses and self._protocol.recovers:
                # A task that pauses can be asked for where it cannot be subscribed to.
                task = self._protocol.task(fold.run_id, fold.session_id)
                answer = self._connection.look_up(task, fold, options)
            else:
                answer = self._connection.open(call, options, repeatable=repeatable)
        resumption = self._resumption(fold, fields, options)
        url = shown_url(self.base_url)
        return RunStream(answer, fold, cancel, resumption, url, self._limit(options))

    def _resumption(
        self, fold: Fold[Any], fields: Mapping[str, Any], options: CallOptions
    ) -> Optional[Resumption]:
        protocol, connection = self._protocol, self._connection
        background = bool(fields.get("background"))

        def within(limit: Timeout) -> CallOptions:
            return dict(options, timeout=limit)  # type: ignore[return-value]

        def recover(index: Optional[int], limit: Timeout) -> Any:
            again = protocol.resume_stream(fold.run_id, fold.session_id, None, fold)
            return connection.recover(
                again, protocol.task(fold.run_id, fold.session_id), within(limit)
            )

        def look_at_task(limit: Timeout) -> Any:
            task = protocol.task(fold.run_id, fold.session_id)
            if not fold.finished:
                return connection.look_up(task, fold, within(limit))
            output = connection.send(
                protocol.ended_run(fold.run_id, fold.session_id), within(limit)
            )
            return None if output.status in _UNFINISHED else Settled(output)

        def reopen(index: Optional[int], limit: Timeout) -> Any:
            again = protocol.resume_stream(fold.run_id, fold.session_id, index, fold)
            return connection.open(again, within(limit))

        def look_up(limit: Timeout) -> Optional[Settled]:
            if fold.session_id is None:
                return None
            with contextlib.suppress(NotFoundError, UnsupportedError):
                output = self._get_run(fold.run_id or "", fold.session_id, within(limit))
                # The end of its stream cancels a run that is not in the background.
                if background or not output.is_cancelled:
                    ended = output.status not in _UNFINISHED and not self._is_decided(output)
                    return Settled(output) if ended else None
            return None

        if protocol.recovers:
            return Resumption(recover, self._resume, look_at_task)
        if background:
            return Resumption(reopen, self._resume, look_up)
        # Without events a run that is not in the background tells no end of its own.
        silent = fields.get("stream_events") is False
        return Resumption(None, self._resume, look_up) if silent else None

    def _retold(self, output: Any, options: CallOptions) -> RunStream[OutputT, EventT]:
        """A stream that tells of a run that has ended, over A2A: of its task."""
        call = self._protocol.resume_stream(output.run_id, output.session_id, None)
        told = Told(functools.partial(call.fold.snapshot, output.task.to_dict()))
        url = shown_url(self.base_url)
        return RunStream(told, call.fold, lambda *_: False, None, url, self._limit(options))

    def map(
        self,
        inputs: Iterable[Any],
        *,
        workers: int = 8,
        executor: Optional[Executor] = None,
        ordered: bool = True,
        journal: Union[str, os.PathLike[str], None] = None,
        progress: Optional[Callable[[int, Optional[int]], Any]] = None,
        **options: Unpack[RunOptions],
    ) -> Iterator[Result[OutputT]]:
        """Run the component on each of ``inputs``; an iterator of Results, in their order.

        ``workers`` rows are under way at most, twice as many more have been read. Without
        ``ordered`` results come as they end. ``executor`` is any of ``concurrent.futures``' kind;
        threads are used otherwise. ``progress(done, total)`` is called for each result, in the
        consumer's thread. A row's failure is its result; what the inputs raise is raised.

        ``journal`` is the path of a file that keeps the answers: the same call after a crash goes
        on where it was, and runs no row a second time (see ``once=``). ValueError if another
        process has it, or it is about other inputs.

        Nothing begins before the first result is asked for. Closing the iterator, leaving its loop
        or Ctrl-C ends what is under way. ``options`` are those of ``run``, for every row.
        """
        from .batch import run_all
        from .journal import Journal

        if workers < 1:
            raise ValueError("workers must be 1 or more, not %r" % (workers,))
        for name in ("once", "run_id"):
            if options.get(name) is not None:
                raise ValueError("%s= is for one run: leave it out of map()" % name)
        self._protocol.run(
            "x", split_options(options)[1]
        )  # raises for what no row could be run with
        kept = None
        if journal is not None:
            kind = "%s %s" % (self.component.kind, self.id)
            kept = Journal(journal, kind, getattr(models, self.component.output))
        return run_all(
            self,
            inputs,
            options,
            workers=workers,
            executor=executor,
            ordered=ordered,
            journal=kept,
            progress=progress,
        )

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
        return dict(self.__dict__, _caches={}, _memory=None)

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self.__dict__.update(state, _memory=_Memory())

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


class _Naming:
    """Lets every error that leaves its block name the run that it is about."""

    __slots__ = ("_run_id", "_session_id")

    def __init__(self, run_id: Optional[str], session_id: Optional[str]) -> None:
        self._run_id = run_id
        self._session_id = session_id

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: Optional[BaseException], traceback: Any) -> None:
        if error is not None:
            about_run(error, self._run_id, self._session_id)


def _is_over(until: float) -> bool:
    """Whether a call that had until then has used its time up."""
    return time.monotonic() > until - 0.01


def _given(run_id: Optional[str]) -> str:
    """The id of a run: outputs have one, but their types do not promise it."""
    if not run_id:
        raise ValueError("run_id must be a non-empty str")
    return run_id
