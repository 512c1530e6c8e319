"""How a run works: the only place where protocol, transport, cache and stream meet."""

from __future__ import annotations

import os
import time
import uuid
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Dict,
    Generic,
    List,
    Mapping,
    Optional,
    Tuple,
    TypeVar,
    Union,
    overload,
)

from ._cache import Recent, TTLCache
from ._connection import Connection
from ._wire import Call, StreamCall
from .data import RemoteDb, RemoteKnowledge
from .errors import (
    NotFoundError,
    RemoteServerUnavailableError,
    ServerError,
    UnsupportedError,
    shown_url,
)
from .options import Timeout
from .protocols.agentos import AgentOS
from .protocols.component import COMPONENTS, Component
from .streaming import RunStream

if TYPE_CHECKING:
    from typing_extensions import Literal, Unpack

    from .options import CallOptions, ClientSettings, ContinueOptions, RunOptions

__all__ = ["Runner"]

OutputT = TypeVar("OutputT")
EventT = TypeVar("EventT")
ConfigT = TypeVar("ConfigT")
RunnerT = TypeVar("RunnerT", bound="Runner[Any, Any, Any]")

#: How many runs' sessions are remembered, to find a run again by its id alone.
_RUNS_REMEMBERED = 4096
#: How long an unknown run is looked for after a cancel, in seconds: one that is not streamed is
#: stored only when it ends.
_GRACE = 2.0
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
        timeout: Union[float, Timeout, None] = 60.0,
        config_ttl: float = 300.0,
        **settings: Unpack[ClientSettings],
    ) -> None:
        if protocol != "agentos":
            raise UnsupportedError(
                "protocol=%r is not available in this version; 'agentos' is." % (protocol,)
            )
        self.id = component_id
        self.protocol = protocol
        self.config_ttl = config_ttl
        self._connection = Connection(base_url, timeout, **settings)
        self._protocol = AgentOS(self._connection.base_url, self.component, component_id)
        self._sessions: Recent[str] = Recent(_RUNS_REMEMBERED)
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
        if fields.get("run_id") is None:
            fields["run_id"] = str(uuid.uuid4())
        if fields.get("session_id") is None:
            fields["session_id"] = str(uuid.uuid4())
        self._sessions.keep(fields["run_id"], fields["session_id"])
        if stream:
            return self._open(self._protocol.run_stream(input, fields), call_options)
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

        Either ``paused`` is the paused output, whose tools or requirements have been decided in
        place, or ``run_id`` names the run and the decisions are given: ``updated_tools`` for
        agents, ``requirements`` for teams, ``step_requirements`` for workflows. ``session_id`` is
        needed for a run this object has not seen itself.

        A pending tool without a decision raises ValueError: the server would take it for rejected.
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
        if paused is not None:
            run_id = run_id or paused.run_id  # type: ignore[attr-defined]
            session_id = session_id or paused.session_id  # type: ignore[attr-defined]
            if decisions is None:
                decisions = getattr(paused, self.component.continue_field)
        if not run_id:
            raise ValueError("continue_run needs the paused output or a run_id")
        session_id = session_id or self._sessions.get(run_id)
        if not session_id:
            raise ValueError("continue_run needs the session_id of run %s" % run_id)
        if not decisions:
            raise ValueError(
                "continue_run needs decisions (%s=): the server would take every pending tool for "
                "rejected" % self.component.decisions
            )
        for decision in decisions:
            _refuse_undecided(decision)
        call_options, fields = _split(options)
        fields["session_id"] = session_id
        if stream:
            streamed = self._protocol.continue_stream(run_id, decisions, fields)
            return self._open(streamed, call_options)
        call = self._protocol.continue_run(run_id, decisions, fields)
        return self._send(call, dict(fields, run_id=run_id), call_options, repeatable=False)

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
            self._connection.send(self._protocol.cancel(run_id, session_id), options)
        except ServerError as error:
            # Before 2.9 the server said so itself when there was nothing to cancel.
            if str(error.detail).startswith("Failed to cancel run"):
                return False
            raise
        if stream is not None and stream.read_on(until):
            return bool(stream.partial_output().is_cancelled)  # type: ignore[attr-defined]
        session_id = session_id or self._sessions.get(run_id)
        if session_id is None:
            return False
        if self._sessions.get(run_id) is None:
            until = min(until, time.monotonic() + _GRACE)
        pause = 0.05
        while True:
            try:
                output: Any = self._connection.send(
                    self._protocol.get_run(run_id, session_id), options
                )
            except NotFoundError as error:
                if error.detail == "Not Found":
                    return True  # a server without this endpoint refuses a cancel in vain, above
            else:
                if output.status not in ("PENDING", "RUNNING"):
                    return bool(output.is_cancelled)
            if time.monotonic() + pause > until:
                return False
            time.sleep(pause)
            pause = min(2 * pause, 0.5)

    def _send(
        self,
        call: Call[Any],
        fields: Mapping[str, Any],
        options: CallOptions,
        repeatable: bool = True,
    ) -> OutputT:
        try:
            output = self._connection.send(call, options, repeatable=repeatable)
        except RemoteServerUnavailableError as error:
            error.run_id, error.session_id = fields["run_id"], fields["session_id"]
            raise
        if output.run_id and output.session_id:
            self._sessions.keep(output.run_id, output.session_id)
        return output  # type: ignore[no-any-return]

    def _open(self, call: StreamCall[Any], options: CallOptions) -> RunStream[OutputT, EventT]:
        fold = call.fold

        def cancel(stream: RunStream[OutputT, EventT], wait: float) -> bool:
            return self._cancel(fold.run_id or "", fold.session_id, stream, wait, options)

        try:
            answer = self._connection.open(call.request, options, repeatable=True)
        except RemoteServerUnavailableError as error:
            error.run_id, error.session_id = fold.run_id, fold.session_id
            raise
        return RunStream(answer, fold, cancel)

    # --- Configuration

    def get_config(self, **options: Unpack[CallOptions]) -> ConfigT:
        """The component's configuration, fresh from the server. GET /{kind}/{id}. Blocks."""
        return self._connection.send(self._protocol.config(), options)  # type: ignore[no-any-return]

    def refresh_config(self, **options: Unpack[CallOptions]) -> ConfigT:
        """Fetch the configuration and renew the cache the properties read. Blocks."""
        return self._cache().refresh(lambda: self.get_config(**options))

    def _config(self) -> Any:
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
        return dict(self.__dict__, _caches={}, _sessions=None)

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self.__dict__.update(state, _sessions=Recent(_RUNS_REMEMBERED))

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
        return list(tools) if tools else None

    @property
    def knowledge(self) -> Optional[RemoteKnowledge]:
        """The knowledge base, or None if there is none. Blocks as ``name`` does."""
        config = self._config()
        if not config.knowledge:
            return None
        return RemoteKnowledge(self._connection, config.knowledge.get("db_id") or config.db_id)


def _split(options: Any) -> Tuple[CallOptions, Dict[str, Any]]:
    """Options of the HTTP call, and those that go to the server."""
    call: Dict[str, Any] = {}
    fields: Dict[str, Any] = {}
    for name, value in options.items():
        (call if name in _CALL_OPTIONS else fields)[name] = value
    return call, fields  # type: ignore[return-value]


def _refuse_undecided(decision: Any) -> None:
    if getattr(decision, "is_paused", False):
        raise ValueError(
            "tool %s is not decided: call its confirm(), reject(note) or set_result(text) before "
            "you continue the run" % (getattr(decision, "tool_name", None) or decision)
        )


def component_of(kind: str) -> Component:
    """The component named "agent", "team" or "workflow"."""
    return {component.kind: component for component in COMPONENTS}[kind]
