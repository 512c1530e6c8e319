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
from typing import TYPE_CHECKING, Any, Callable, Mapping, Optional

from ..errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    RemoteAgentError,
    RemoteServerUnavailableError,
    ServerError,
    TaskNotFoundError,
    UnsupportedError,
    shown_url,
    was_refused,
)
from ..modelling.outputs import expecting
from ..protocols.component import WORKFLOW

if TYPE_CHECKING:
    from .runner import Runner

__all__ = ["Once"]

_NAMESPACE = uuid.UUID("a6b3f0de-8a35-5d3b-9c1e-4a0b2c7d9e11")
#: How many seconds a run is looked for that somebody has claimed, or whose answer was lost: a
#: server knows a background run from the moment it has read the request.
SEARCH = 10.0
#: How long a run is waited for without any limit, in seconds.
_PATIENCE = 3600.0
_UNFINISHED = ("PENDING", "RUNNING")
_NO_DATABASE = "requires a database"
_log = logging.getLogger("remoteagent_lite")


class Once:
    """One key of one component, for one call. ``fields`` are the run's, ``options`` each call's.

    ``search`` bounds in seconds how long what may have been begun is looked for. Whoever is alone
    with the key, because a lock of his own keeps all others away, needs no claim.
    """

    def __init__(
        self,
        runner: Runner[Any, Any, Any],
        key: str,
        fields: Mapping[str, Any],
        options: Mapping[str, Any],
        alone: bool = False,
        search: Optional[float] = None,
    ) -> None:
        if not isinstance(key, str) or not key:
            raise ValueError("once= must be a key: a non-empty str, not %r" % (key,))
        for name in ("run_id", "background"):
            if fields.get(name) is not None:
                raise ValueError("once= decides %s: leave it out" % name)
        self._runner = runner
        self._protocol: Any = runner._protocol
        self._options: Any = dict(options)
        self._key = key
        self._fields = dict(fields)
        self._alone = alone
        self._search = SEARCH if search is None else search
        scope = "/".join((runner.component.kind, runner.id, str(fields.get("user_id")), key))
        self._asked = self.run_id = _made("run", scope)
        self._claim_id = _made("claim", scope)
        self._own_session = not fields.get("session_id")
        self.session_id: str = fields.get("session_id") or _made("session", scope)
        self._claims = self._protocol.claims and not alone
        self._claimed = False
        #: Whether the run was sent, and refused: nobody has to look for it.
        self.refused = False

    def find(self) -> Optional[Any]:
        """The run as it stands; None if the server knows of none. Blocks.

        Raises UnsupportedError if the server cannot be asked.
        """
        unknown = (NotFoundError, TaskNotFoundError)
        runner, options = self._runner, self._options
        if not self._protocol.recovers:
            with contextlib.suppress(*unknown):
                return runner.get_run(self.run_id, self.session_id, **options)
        found = None
        if self._own_session or self._protocol.recovers:
            with contextlib.suppress(*unknown):
                for row in runner.list_runs(self.session_id, **options):
                    if self._protocol.was_begun(row, self._asked, self._own_session):
                        found = row.run_id
        elif self._claims:
            with contextlib.suppress(*unknown):
                found = self._send(self._protocol.noted(self._claim_id, self._db_id()))
        if found is None or found == self.run_id:
            return None
        with contextlib.suppress(*unknown):
            output = runner.get_run(found, self.session_id, **options)
            self.run_id = found
            return output
        return None

    def output(self, input: Any, seen: bool = True) -> Any:
        """The run's output when it has ended or pauses; it is begun unless it was before. Blocks.

        ``seen`` False: nobody can have begun it, so it is not looked for. Raises
        RemoteServerUnavailableError for a run that may have been begun and is not found,
        RemoteTimeoutError, with the run's ids, for one that takes too long.
        """
        runner, limit = self._runner, self._runner._limit(self._options)
        until = time.monotonic() + (limit.total or limit.read or _PATIENCE)
        output = self._found(seen)
        if output is None:
            output = self._begin(input)
        if output.status in _UNFINISHED:
            wait = max(0.0, until - time.monotonic())
            output = runner.wait_run(self.run_id, self.session_id, wait=wait, **self._options)
        self.release()
        return expecting(output, self._fields.get("output_schema"))

    def stream(self, input: Any) -> Any:
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
                stream = self._sent(input, stream=True)
            except (RemoteServerUnavailableError, ServerError) as error:
                found = self._after(error)
            else:
                stream.fold.on_end = functools.partial(self._ended, stream.fold.on_end)
                return stream
        if found.status in _UNFINISHED or not self._protocol.recovers:
            resumed: Any = runner.resume(self.run_id, self.session_id, **self._options)
            if self._fields.get("output_schema") is not None:
                resumed.fold.schema = self._fields["output_schema"]
            return resumed
        return runner._retold(found, self._options)

    def _ended(self, remember: Callable[[Any], None], output: Any) -> None:
        remember(output)
        self.release()

    def _found(self, seen: bool) -> Optional[Any]:
        """The run if it has been begun; None if this call is to begin it."""
        if self._alone:
            return self.awaited() if seen else None
        found = self.find()
        return self._claim() if found is None and self._claims else found

    def awaited(self, seconds: Optional[float] = None) -> Optional[Any]:
        """Look for the run as long as it may take to show; None if it does not. Blocks."""
        until = time.monotonic() + (self._search if seconds is None else seconds)
        pause = 0.05
        while True:
            found = self.find()
            if found is not None or time.monotonic() + pause > until:
                return found
            time.sleep(pause)
            pause = min(2 * pause, 1.0)

    def release(self) -> None:
        """Take the claim back, if there is one. A failure is logged: an empty session stays."""
        if not self._claimed:
            return
        self._claimed = False
        try:
            self._send(self._protocol.release(self._claim_id, self._db_id()))
        except RemoteAgentError as error:
            _log.info("The claim of run %s was not taken back: %s", self.run_id, error)

    def _claim(self) -> Optional[Any]:
        """Claim the run: None if this call is to begin it, else the run."""
        try:
            self._send(self._protocol.claim(self._claim_id, self._key, self._db_id()))
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
            self.run_id = output.run_id
            if self._claimed and not self._own_session:
                self._send(self._protocol.note(self._claim_id, self.run_id, self._db_id()))
                self._claimed = False  # from now on it is what finds the run
        if self._protocol.recovers and output.session_id:
            self.session_id = output.session_id
        return output

    def _sent(self, input: Any, **how: Any) -> Any:
        """Send the run. What was refused leaves no claim behind."""
        fields = dict(self._fields, session_id=self.session_id, background=True, **self._options)
        input = self._protocol.named(input, self._asked, fields)
        try:
            return self._runner.run(input, **how, **fields)
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

    def _send(self, call: Any) -> Any:
        with self._protocol.explaining("POST sessions", None):
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
