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
    TypeVar,
    Union,
    overload,
)

from .. import models
from ..cache import TTLCache
from ..channels.agentos import Connection
from ..errors import (
    NotFoundError,
    RemoteAgentError,
    UnsupportedError,
    shown_url,
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
from ..protocols.agentos.runs import AgentOS
from ..protocols.component import AGENT, Component
from ..protocols.contract import AnyCall, AnyStreamCall, Channel, RunProtocol, Told
from .recovery import UNFINISHED, Naming, Recovery, limit_of
from .stream import RunStream
from .waiting import check_wait

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from ..data import RemoteDb, RemoteKnowledge
    from ..models.a2a_v10 import AgentCard
    from .batch import Result

__all__ = ["Runner"]

OutputT = TypeVar("OutputT")
EventT = TypeVar("EventT")
ConfigT = TypeVar("ConfigT")
RunnerT = TypeVar("RunnerT", bound="Runner[Any, Any, Any]")

#: Ten attempts without an event in between: some 30 seconds, longer than a server's restart.
_RESUME = RetryPolicy(max_attempts=10, backoff=0.25, max_backoff=5.0)
#: How long the ids of other components are waited for when one is unknown, in seconds.
_LOOK_AROUND = 5.0
_A2A_ONLY = ("a2a_version", "interface_url", "allow_hosts", "extensions", "verify_card")
_OWN_SETTINGS = (
    "base_url",
    "protocol",
    "a2a_protocol",
    "timeout",
    "config_ttl",
    *RemoteSettings.__annotations__,
)


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
        self._connection: Channel
        self._protocol: RunProtocol
        if protocol == "agentos":
            foreign = [name for name in _A2A_ONLY if settings.get(name)]
            if foreign:
                raise ValueError('%s= needs protocol="a2a"' % "=, ".join(foreign))
            own: Any = {name: each for name, each in settings.items() if name not in _A2A_ONLY}
            self._connection = Connection(base_url, timeout, **own)
            self._protocol = AgentOS(self._connection.base_url, self.component, component_id)
            policy = _RESUME
        elif protocol == "a2a":
            # Here, so that only those who speak A2A pay for it.
            from ..channels.a2a import RECOVER, A2AConnection
            from ..protocols.a2a.runs import A2A

            self._connection = A2AConnection(
                base_url, timeout, config_ttl, a2a_protocol=a2a_protocol, **settings
            )
            self._protocol = A2A(self.component, component_id)
            policy = RECOVER
        else:
            raise ValueError("protocol must be 'agentos' or 'a2a', not %r" % (protocol,))
        self._recovery = Recovery(self._connection, self._protocol, resume or policy)
        self._caches: Dict[int, TTLCache[ConfigT]] = {os.getpid(): TTLCache(config_ttl)}

    @property
    def base_url(self) -> str:
        """The server's URL, normalised, without user info."""
        return self._connection.base_url

    @property
    def timeout(self) -> Timeout:
        """The limits of every call that is given none of its own."""
        return self._connection.timeout

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
        it can be cancelled and found. A second run with the ids of one that an AgentOS (2.9) knows
        would overwrite it, and is refused with ValueError. ``extra_fields`` are passed on to the
        server's run call as they are. Runs are not repeated after a failure, unless no byte of
        them can have arrived.

        Raises RemoteServerUnavailableError, RemoteTimeoutError, RemoteHTTPError by status,
        ProtocolError; before anything is sent TypeError and ValueError for unusable options and
        UnsupportedError for what the component cannot take.
        """
        call_options, fields = split_options(options)
        key = fields.pop("once", None)
        if key is not None:
            from .once import Once  # as batch below: nobody else pays for it

            once = Once(self, key, fields, call_options)
            return once.stream(input) if stream else once.output(input)
        if fields.get("run_id") and fields.get("session_id"):
            call_options = self._recovery.unused(
                fields["run_id"], fields["session_id"], call_options
            )
        return self._begin(input, stream, fields, call_options)

    def _begin(
        self, input: Any, stream: bool, fields: Dict[str, Any], call_options: CallOptions
    ) -> Union[OutputT, RunStream[OutputT, EventT]]:
        """``run``, without a look at what has been."""
        self._protocol.identify(fields)
        self._recovery.began(fields.get("run_id"), fields.get("session_id"))
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
        decided: Any = None
        if paused is not None:
            decided = self._protocol.standing(paused)
            run_id = run_id or decided.run_id
            session_id = session_id or decided.session_id
        if not run_id:
            raise ValueError("continue_run needs the paused output or a run_id")
        session_id = session_id or self._recovery.session_of(run_id)
        if not session_id and self._protocol.needs_session:
            raise ValueError("continue_run needs the session_id of run %s" % run_id)
        call_options, fields = split_options(options)
        follow_up = self._protocol.is_follow_up(fields)
        with self._recovery.continuing(run_id) as began:
            latest = self._recovery.latest(run_id)
            if decided is not None or latest is not None:
                # What is refused by what is known here needs no request.
                self._protocol.continuation(run_id, decided, latest, decisions, dict(fields))
            latest = self._recovery.standing(run_id, session_id, follow_up, call_options)
            value = self._protocol.continuation(run_id, decided, latest, decisions, fields)
            fields["session_id"] = session_id or (latest.session_id if latest else None)
            if value is not None or not follow_up:  # else it goes on as another run
                began((latest or decided) if fields.get("background") else None)
            if stream:
                streamed = self._protocol.continue_stream(run_id, value, fields)
                return self._open(streamed, fields, call_options, repeatable=False)
            call = self._protocol.continue_run(run_id, value, fields)
            return self._send(call, dict(fields, run_id=run_id), call_options, repeatable=False)

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
        check_wait(wait)
        return self._recovery.cancel(_given(run_id), session_id, wait, options)

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
        output: OutputT = self._recovery.get(_given(run_id), session_id, options)
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
        run_id = _given(run_id)
        output: OutputT = self._recovery.wait(run_id, session_id, wait, through_pauses, options)
        return output

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
        return self._connection.send(self._protocol.list_runs(session_id, status), options)

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
        session_id = session_id or self._recovery.session_of(run_id)
        call = self._protocol.resume_stream(run_id, session_id, last_event_index)
        call.fold.through_pauses = through_pauses
        return self._open(call, {"background": True}, options)

    def _send(
        self,
        call: AnyCall[Any],
        fields: Mapping[str, Any],
        options: CallOptions,
        repeatable: bool = True,
    ) -> OutputT:
        limit = self._limit(options)
        until = time.monotonic() + (limit.total or limit.read or 3600.0)
        naming = Naming(fields.get("run_id"), fields.get("session_id"))
        with naming, self._knowing_others(options):
            output = self._connection.send(call, options, repeatable=repeatable)
        self._recovery.remember(output)
        unfinished = output.run_id and output.status in UNFINISHED
        if unfinished and self._protocol.recovers and not fields.get("background"):
            # An A2A server may answer before the task is over, whatever it was asked.
            wait = max(0.0, until - time.monotonic())
            return self.wait_run(output.run_id, output.session_id, wait=wait, **options)
        answer: OutputT = output
        return answer

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
                error.message += " " + self._connection.send(others, {**options, "timeout": limit})
                error.args = (error.message,)
            raise

    def _limit(self, options: CallOptions) -> Timeout:
        return limit_of(options, self._connection)

    def _open(
        self,
        call: AnyStreamCall[Any],
        fields: Mapping[str, Any],
        options: CallOptions,
        repeatable: bool = True,
    ) -> RunStream[OutputT, EventT]:
        fold, recovery, channel = call.fold, self._recovery, self._connection
        fold.on_end = recovery.remember
        with Naming(fold.run_id, fold.session_id), self._knowing_others(options):
            task = self._protocol.look_up(fold) if fold.through_pauses else None
            if task is not None and self._protocol.recovers:
                # One that pauses can be asked for where it cannot be subscribed to.
                answer = channel.send(task, options)
            else:
                answer = channel.open(call, options, repeatable=repeatable)
        # Without events a run that is not in the background tells no end of its own.
        silent = fields.get("stream_events") is False
        background = bool(fields.get("background"))
        return RunStream(
            answer,
            fold,
            lambda reading, wait: recovery.cancel_streamed(reading, wait, options),
            recovery.resumption(fold, options, background, silent),
            shown_url(self.base_url),
            self._limit(options),
        )

    def _retold(self, output: Any, options: CallOptions) -> RunStream[OutputT, EventT]:
        """A stream that tells of a run that has ended."""
        fold = self._protocol.resume_stream(output.run_id, output.session_id, None).fold
        told = Told(functools.partial(fold.catch_up, output))
        url = shown_url(self.base_url)
        return RunStream(told, fold, lambda *_: False, None, url, self._limit(options))

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
            whose = "%s %s at %s" % (self.component.kind, self.id, shown_url(self.base_url))
            kept = Journal(journal, whose, getattr(models, self.component.output))
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
        config: ConfigT = self._connection.send(self._protocol.config(), options)
        return config

    def refresh_config(self, **options: Unpack[CallOptions]) -> ConfigT:
        """Fetch the configuration and renew the cache the properties read. Blocks."""
        return self._cache().refresh(lambda: self.get_config(**options))

    def get_agent_card(self, **options: Unpack[CallOptions]) -> Optional[AgentCard]:
        """The A2A agent card, in the form of protocol 1.0; None if ``protocol`` is another.

        Cached for ``config_ttl`` seconds, or less if its server says so; ``get_config()`` renews
        it. Blocks when it is not cached. GET /.well-known/agent-card.json; raises NotFoundError if
        there is none.
        """
        read = self._connection.card(options)
        if read is None:
            return None
        from ..models.a2a_v10 import AgentCard

        return AgentCard.from_dict(read.card)

    def _config(self) -> Any:
        if self._protocol.config_is_kept:
            return self._connection.send(self._protocol.config(fresh=False))
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
        name: Optional[str] = self._config().name
        return name

    @property
    def description(self) -> Optional[str]:
        """The description. Blocks as ``name`` does."""
        description: Optional[str] = self._config().description
        return description

    @property
    def db(self) -> Optional[RemoteDb]:
        """The component's database, or None if it has none. Blocks as ``name`` does."""
        db_id, connection = self._config().db_id, self._connection
        if not db_id or not isinstance(connection, Connection):
            return None
        from ..data import RemoteDb  # nobody else pays for the import

        return RemoteDb(connection, db_id)

    # --- The object itself

    def close(self) -> None:
        """Close idle connections. Streams under way go on; a later call connects anew."""
        self._connection.close()

    def __enter__(self: RunnerT) -> RunnerT:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.close()

    def __getstate__(self) -> Dict[str, Any]:
        return dict(self.__dict__, _caches={})

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
        role: Optional[str] = self._config().role
        return role

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
        config, connection = self._config(), self._connection
        knowledge = config.knowledge
        if not isinstance(knowledge, dict) or not knowledge:
            return None
        if not isinstance(connection, Connection):
            return None
        from ..data import RemoteKnowledge  # as above

        return RemoteKnowledge(connection, knowledge.get("db_id") or config.db_id)


def _given(run_id: Optional[str]) -> str:
    """The id of a run: outputs have one, but their types do not promise it."""
    if not run_id:
        raise ValueError("run_id must be a non-empty str")
    return run_id
