"""A run that happens once, whoever asks for it and however often: ``run(..., once=key)``.

The run's id is made of the key, so that it can be asked for before it is begun. Of two callers that
both find nothing, an AgentOS lets one begin it: the *claim*, an empty session with an id made of
the key, can be created once. It goes when the run has ended, for from then on the run itself is
found. An A2A server is asked for the task that a message with an id made of the key began; it
decides nothing between two callers that ask at the same moment.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import time
import uuid
from typing import TYPE_CHECKING, Any, Callable, Generic, Mapping, Optional, TypeVar

from ..errors import (
    ConflictError,
    InvalidRequestError,
    RemoteAgentError,
    RemoteServerUnavailableError,
    ServerError,
    UnsupportedError,
    shown_url,
    was_refused,
)
from ..modelling.outputs import expecting
from ..options import split_options
from ..protocols.component import WORKFLOW

if TYPE_CHECKING:
    from ..options import CallOptions
    from ..protocols.contract import AnyCall, Claims
    from .runner import Runner
    from .stream import RunStream

__all__ = ["Once", "Search"]

T = TypeVar("T")
OutputT = TypeVar("OutputT")

_NAMESPACE = uuid.UUID("a6b3f0de-8a35-5d3b-9c1e-4a0b2c7d9e11")
#: How many seconds a run is looked for that somebody has claimed, or whose answer was lost: a
#: server knows a background run from the moment it has read the request.
SEARCH = 10.0
#: How long a run is waited for without any limit, in seconds.
_PATIENCE = 3600.0
_UNFINISHED = ("PENDING", "RUNNING")
_NO_DATABASE = "requires a database"
_log = logging.getLogger("remoteagent_lite")


class Search(Generic[OutputT]):
    """Looks for one run by the id that it was to have, ``asked``, in its session.

    ``run_id`` is what the server calls it, as soon as that is known. ``is_alone`` if no other run
    can be in that session: whichever is there is the one, then.
    """

    def __init__(
        self,
        runner: Runner[OutputT, Any, Any],
        asked: str,
        session_id: str,
        is_alone: bool,
        options: CallOptions,
        run_id: Optional[str] = None,
    ) -> None:
        self._runner = runner
        self._options = options
        self._is_alone = is_alone
        # Over A2A only the server's own id can be asked for.
        self._is_known = run_id is not None or not runner._protocol.recovers
        self.asked = asked
        #: Why the runs of the session could not be listed.
        self.unlisted: Optional[UnsupportedError] = None
        self.run_id = run_id or asked
        self.session_id = session_id

    def find(self) -> Optional[OutputT]:
        """The run as it stands; None if none is found. Blocks. See ``unlisted``.

        Raises UnsupportedError if the server cannot be asked for a run.
        """
        protocol = self._runner._protocol
        if self._is_known:
            output = self._get()
            if output is not None:
                return output
        if self._is_alone or protocol.recovers:
            try:
                for row in self._runner.list_runs(self.session_id, **self._options):
                    if protocol.was_begun(row, self.asked, self._is_alone):
                        return self.known_as(row.run_id)
            except protocol.unknown:
                pass
            except UnsupportedError as error:
                self.unlisted = error
        return None

    def known_as(self, run_id: str) -> Optional[OutputT]:
        """The run that the server calls by that id."""
        before, self.run_id = self.run_id, run_id
        output = self._get()
        self._is_known = self._is_known or output is not None
        if output is None:
            self.run_id = before
        return output

    def _get(self) -> Optional[OutputT]:
        with contextlib.suppress(self._runner._protocol.unknown):
            return self._runner.get_run(self.run_id, self.session_id, **self._options)
        return None


class Once(Generic[OutputT]):
    """One key of one component, for one call. ``fields`` are the run's, ``options`` each call's.

    ``search`` bounds in seconds how long what may have been begun is looked for. Whoever is alone
    with the key, because a lock of his own keeps all others away, needs no claim.
    """

    def __init__(
        self,
        runner: Runner[OutputT, Any, Any],
        key: str,
        fields: Mapping[str, Any],
        options: CallOptions,
        alone: bool = False,
        search: Optional[float] = None,
    ) -> None:
        if not isinstance(key, str) or not key:
            raise ValueError("once= must be a key: a non-empty str, not %r" % (key,))
        for name in ("run_id", "background"):
            if fields.get(name) is not None:
                raise ValueError("once= decides %s: leave it out" % name)
        self._runner = runner
        self._protocol = runner._protocol
        self._options = options
        self._key = key
        self._fields = dict(fields)
        self._alone = alone
        self._seconds = SEARCH if search is None else search
        scope = "/".join((runner.component.kind, runner.id, str(fields.get("user_id")), key))
        self._claim_id = _made("claim", scope)
        self._own_session = not fields.get("session_id")
        session_id = fields.get("session_id") or _made("session", scope)
        self._search = Search(
            runner, _made("run", scope), session_id, self._own_session, self._options
        )
        self._claims = None if alone else self._protocol.claims
        self._claimed = False
        #: Whether the run was sent, and refused: nobody has to look for it.
        self.refused = False

    @property
    def run_id(self) -> str:
        """The run's id: the server's own, as soon as it is known."""
        return self._search.run_id

    @property
    def session_id(self) -> str:
        return self._search.session_id

    def find(self) -> Optional[OutputT]:
        """The run as it stands; None if the server knows of none. Blocks.

        Raises UnsupportedError if the server cannot be asked.
        """
        found = self._search.find()
        if self._search.unlisted is not None:
            raise self._search.unlisted
        if found is None and self._claims is not None and not self._own_session:
            with contextlib.suppress(self._protocol.unknown):
                noted = self._send(self._claims.noted(self._claim_id, self._db_id()))
                found = self._search.known_as(noted) if noted else None
        return found

    def output(self, input: Any, seen: bool = True) -> OutputT:
        """The run's output when it has ended or pauses; it is begun unless it was before. Blocks.

        ``seen`` False: nobody can have begun it, so it is not looked for. Raises
        RemoteServerUnavailableError for a run that may have been begun and is not found,
        RemoteTimeoutError, with the run's ids, for one that takes too long.
        """
        runner, limit = self._runner, self._runner._limit(self._options)
        until = time.monotonic() + (limit.total or limit.read or _PATIENCE)
        output: Any = self._found(seen)
        if output is None:
            output = self._begin(input)
        if output.status in _UNFINISHED:
            wait = max(0.0, until - time.monotonic())
            output = runner.wait_run(self.run_id, self.session_id, wait=wait, **self._options)
        self.release()
        expected: OutputT = expecting(output, self._fields.get("output_schema"))
        return expected

    def stream(self, input: Any) -> RunStream[OutputT, Any]:
        """The run's stream, from its beginning as far as the server has kept that. Blocks."""
        runner = self._runner
        if self._claims and not self._own_session and runner.component is WORKFLOW:
            raise UnsupportedError(
                "once= with stream=True is for workflows without session_id= only: the server "
                "chooses their ids, and tells them too late.",
                shown_url(runner.base_url),
            )
        found = self._found(True)
        if found is None:
            try:
                stream: RunStream[OutputT, Any] = self._sent(input, stream=True)
            except (RemoteServerUnavailableError, ServerError) as error:
                found = self._after(error)
            else:
                fold = stream._fold
                fold.on_end = functools.partial(self._ended, fold.on_end)
                return stream
        if found.status in _UNFINISHED or not self._protocol.recovers:
            resumed = runner.resume(self.run_id, self.session_id, **self._options)
            resumed._fold.schema = self._fields.get("output_schema")
            return resumed
        return runner._retold(found, self._options)

    def _ended(self, remember: Optional[Callable[[Any], None]], output: Any) -> None:
        if remember is not None:
            remember(output)
        self.release()

    def _found(self, seen: bool) -> Optional[Any]:
        """The run if it has been begun; None if this call is to begin it."""
        if self._alone:
            return self.awaited() if seen else None
        found = self.find()
        return self._claim(self._claims) if found is None and self._claims else found

    def awaited(self, seconds: Optional[float] = None) -> Optional[Any]:
        """Look for the run as long as it may take to show; None if it does not. Blocks."""
        until = time.monotonic() + (self._seconds if seconds is None else seconds)
        pause = 0.05
        while True:
            found = self.find()
            if found is not None or time.monotonic() + pause > until:
                return found
            time.sleep(pause)
            pause = min(2 * pause, 1.0)

    def release(self) -> None:
        """Take the claim back, if there is one. A failure is logged: an empty session stays."""
        if not self._claimed or self._claims is None:
            return
        self._claimed = False
        try:
            self._send(self._claims.release(self._claim_id, self._db_id()))
        except RemoteAgentError as error:
            _log.info("The claim of run %s was not taken back: %s", self.run_id, error)

    def _claim(self, claims: Claims) -> Optional[Any]:
        """Claim the run: None if this call is to begin it, else the run."""
        try:
            self._send(claims.claim(self._claim_id, self._key, self._db_id()))
        except ConflictError:
            found = self.awaited()
            if found is None:
                raise self._lost("has been claimed, and does not show", None) from None
            return found
        self._claimed = True
        found = self.find()  # begun, ended and given up between our look and our claim
        if found is not None:
            self.release()
        return found

    def _begin(self, input: Any) -> Any:
        try:
            output: Any = self._sent(input)
        except (RemoteServerUnavailableError, ServerError) as error:
            return self._after(error)
        if output.run_id and output.run_id != self.run_id:
            self._search.run_id = output.run_id
            if self._claims is not None and self._claimed and not self._own_session:
                self._send(self._claims.note(self._claim_id, self.run_id, self._db_id()))
                self._claimed = False  # from now on it is what finds the run
        if self._protocol.recovers and output.session_id:
            self._search.session_id = output.session_id
        return output

    def _sent(self, input: Any, stream: bool = False) -> Any:
        """Send the run. What was refused leaves no claim behind."""
        fields = dict(self._fields, session_id=self.session_id, background=True, **self._options)
        input = self._protocol.named(input, self._search.asked, fields)
        options, fields = split_options(fields)
        try:
            return self._runner._begin(input, stream, fields, options)
        except BaseException as error:
            self.refused = was_refused(error)
            if self.refused:
                self.release()
            if isinstance(error, InvalidRequestError) and _NO_DATABASE in str(error.detail):
                raise UnsupportedError(
                    "once= needs a server that can look its runs up: %s" % error.message, error.url
                ) from error
            raise

    def _after(self, error: Any) -> Any:
        """The run after a failure that leaves open whether it was begun."""
        if was_refused(error):
            raise error
        found = self.awaited()
        if found is None:
            raise self._lost("may have been begun, and does not show", error) from error
        return found

    def _db_id(self) -> Optional[str]:
        db_id: Optional[str] = self._runner._config().db_id
        return db_id

    def _send(self, call: AnyCall[T]) -> T:
        return self._runner._connection.send(call, self._options)

    def _lost(self, how: str, cause: Optional[BaseException]) -> RemoteServerUnavailableError:
        url = shown_url(self._runner.base_url)
        words = "Run %s (once=%r) at %s %s. It is not begun again. " % (
            self.run_id,
            self._key,
            url,
            how,
        )
        if self._claims:
            words += "If you know that nobody is beginning it, delete session %s." % self._claim_id
        else:
            words += "Use another key to run it all the same."
        error = RemoteServerUnavailableError(words, url, cause, True)
        error.run_id, error.session_id = self.run_id, self.session_id
        return error


def _made(kind: str, scope: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, kind + "/" + scope))
