"""How the runs of one component are found again: looked up, waited for, cancelled, taken up.

A Recovery knows what its object has seen of runs, and asks the server for the rest.
"""

from __future__ import annotations

import contextlib
import functools
import os
import time
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterator,
    Optional,
    Tuple,
    Union,
)

from ..cache import Recent
from ..errors import (
    NotFoundError,
    ProtocolError,
    RemoteAgentError,
    RemoteTimeoutError,
    TaskNotCancelableError,
    TaskNotFoundError,
    UnsupportedError,
    about_run,
    shown_url,
    was_refused,
)
from ..options import CallOptions, RetryPolicy, Timeout
from ..protocols.contract import (
    Channel,
    Fold,
    NothingToCancelError,
    OpenAnswer,
    Resumption,
    RunProtocol,
    Settled,
    Told,
)

if TYPE_CHECKING:
    from .stream import Reading

__all__ = ["UNFINISHED", "Naming", "Recovery", "limit_of"]

#: The statuses of a run that is under way.
UNFINISHED = ("PENDING", "RUNNING")

#: How many runs' sessions are remembered, to find a run again by its id alone.
_RUNS_REMEMBERED = 4096
#: Of how many runs it is remembered how they ended, or what they paused for.
_OUTPUTS_REMEMBERED = 1024
#: How long an unknown run is looked for after a cancel, in seconds: one that is not streamed is
#: stored only when it ends.
_GRACE = 2.0
#: How long a server is waited for that is asked whether it knows a run, in seconds.
_GLANCE = 5.0


class _Memory:
    """What is remembered of runs, by their ids."""

    def __init__(self) -> None:
        self.sessions: Recent[str] = Recent(_RUNS_REMEMBERED)
        self.latest: Recent[Any] = Recent(_OUTPUTS_REMEMBERED)  # how they stand
        self.decided: Recent[Any] = Recent(_OUTPUTS_REMEMBERED)  # pauses that are over, likewise
        self._claims: Dict[Tuple[int, str], object] = {}  # those that are being continued

    def claim(self, run_id: str, owner: object) -> bool:
        """Whether ``owner`` alone, in this process, continues the run from now on."""
        return self._claims.setdefault((os.getpid(), run_id), owner) is owner  # atomic

    def release(self, run_id: str, owner: object) -> None:
        claim = (os.getpid(), run_id)
        if self._claims.get(claim) is owner:
            del self._claims[claim]


class Recovery:
    """Finds the runs of one component, in one protocol over one channel. Any thread may use it.

    ``policy`` tells how often a broken stream is taken up again. Pickles, without what it knows.
    """

    def __init__(self, channel: Channel, protocol: RunProtocol, policy: RetryPolicy) -> None:
        self._channel = channel
        self._protocol = protocol
        self._policy = policy
        self._memory = _Memory()

    def __getstate__(self) -> Dict[str, Any]:
        return dict(self.__dict__, _memory=None)

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self.__dict__.update(state, _memory=_Memory())

    # --- What is known

    def session_of(self, run_id: str) -> Optional[str]:
        """The session of a run that this object has seen."""
        return self._memory.sessions.get(run_id)

    def began(self, run_id: Optional[str], session_id: Optional[str]) -> None:
        """A run is about to begin."""
        if run_id and session_id:
            self._memory.sessions.keep(run_id, session_id)

    def remember(self, output: Any) -> None:
        """Keep what has to be known of a run to continue it, or not to."""
        memory = self._memory
        if output.run_id and output.session_id:
            memory.sessions.keep(output.run_id, output.session_id)
            memory.latest.keep(output.run_id, self._protocol.standing(output))
        if output.run_id and output.status not in UNFINISHED:
            memory.decided.drop(output.run_id)

    def latest(self, run_id: str) -> Optional[Any]:
        """How a run stood when this object heard of it last."""
        return self._memory.latest.get(run_id)

    def _found(self, output: Any) -> Any:
        """What matters of a run that was looked up, and is remembered."""
        if self._is_decided(output):
            return self._memory.latest.get(output.run_id)
        self.remember(output)
        return self._protocol.standing(output)

    def _is_decided(self, output: Any) -> bool:
        """Whether a run is found in a pause that has been decided here, and is only not yet over.

        A server that queues what it is to do first takes note of the decision.
        """
        pause = self._memory.decided.get(output.run_id) if output.run_id else None
        return (
            pause is not None
            and output.status == "PAUSED"
            and not self._protocol.paused_anew(pause, self._protocol.standing(output))
        )

    # --- Found

    def get(self, run_id: str, session_id: Optional[str], options: CallOptions) -> Any:
        """The run as the server has it now."""
        output = self._get(run_id, session_id, options)
        self._found(output)
        return output

    def _get(
        self,
        run_id: str,
        session_id: Optional[str],
        options: CallOptions,
        follow_up: bool = False,
    ) -> Any:
        session_id = session_id or self._memory.sessions.get(run_id)
        with Naming(run_id, session_id):
            call = self._protocol.get_run(run_id, session_id, follow_up)
            return self._about(self._channel.send(call, options), run_id)

    def _about(self, output: Any, run_id: str) -> Any:
        """``output``, if it is about the run that was asked for."""
        if output.run_id is not None and output.run_id != run_id:
            url = shown_url(self._channel.base_url)
            raise ProtocolError(
                "%s was asked about run %s and answered about run %s. Is there a cache or proxy in "
                "between?" % (url, run_id, output.run_id),
                url,
            )
        return output

    def unused(self, run_id: str, session_id: str, options: CallOptions) -> CallOptions:
        """Raise ValueError if the server knows a run with these ids; the options of its own run.

        A server that cannot be asked, or does not answer, hinders no run.
        """
        if not self._protocol.needs_session:
            return options
        limit, began = limit_of(options, self._channel), time.monotonic()
        status = None
        with contextlib.suppress(RemoteAgentError):
            known = self._get(run_id, session_id, {**options, "timeout": limit.within(_GLANCE)})
            if known.run_id == run_id:
                status = known.status
        if status is not None:
            raise ValueError(
                "run_id=%r: session %s has such a run already (%s), which a second one would "
                "overwrite. Leave run_id= out, or use once=, which finds the run."
                % (run_id, session_id, status)
            )
        if limit.total is None:
            return options
        return {**options, "timeout": limit.within(limit.total - (time.monotonic() - began))}

    def standing(
        self, run_id: str, session_id: Optional[str], follow_up: bool, options: CallOptions
    ) -> Optional[Any]:
        """How a run stands, by the server's word; by our own if the server cannot be asked."""
        try:
            return self._found(self._get(run_id, session_id, options, follow_up))
        except UnsupportedError:
            if follow_up:
                raise
            return self._memory.latest.get(run_id)

    # --- Waited for

    def wait(
        self,
        run_id: str,
        session_id: Optional[str],
        wait: float,
        through_pauses: bool,
        options: CallOptions,
    ) -> Any:
        """Poll a run until it has ended or, unless ``through_pauses``, pauses."""
        waited_for = (*UNFINISHED, "PAUSED") if through_pauses else UNFINISHED
        until = time.monotonic() + wait
        pause = 0.05
        status, late = None, None
        while True:
            try:
                output = self.get(run_id, session_id, self._within(until, options))
            except RemoteTimeoutError as error:
                if not _is_over(until):
                    raise
                late = error
            else:
                status, session_id = output.status, output.session_id or session_id
                if status not in waited_for and not self._is_decided(output):
                    return output
            if late is not None or time.monotonic() + pause > until:
                url = shown_url(self._channel.base_url)
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

    # --- Continued

    @contextlib.contextmanager
    def continuing(self, run_id: str) -> Iterator[Callable[[Any], None]]:
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

    # --- Cancelled

    def cancel(
        self,
        run_id: str,
        session_id: Optional[str],
        wait: float,
        options: CallOptions,
        reading: Optional[Reading] = None,
    ) -> bool:
        """Cancel a run and see that it is, within ``wait`` seconds.

        The events of its stream tell of it too, if this object's caller has one.
        """
        until = time.monotonic() + wait
        with Naming(run_id, session_id):
            try:
                confirmed = self._ask_to_cancel(run_id, session_id, until, options, reading)
                if confirmed is None:
                    confirmed = self._see_cancelled(run_id, session_id, until, options, reading)
                return confirmed
            except RemoteTimeoutError:
                if not _is_over(until):
                    raise
                return False

    def cancel_streamed(self, reading: Reading, wait: float, options: CallOptions) -> bool:
        """Cancel the run of a stream, as soon as its id is known."""
        fold, until = reading.fold, time.monotonic() + wait
        if fold.run_id is None and not reading.read_on(until, lambda: fold.run_id is not None):
            return False
        left = until - time.monotonic()
        return self.cancel(fold.run_id or "", fold.session_id, left, options, reading)

    def _ask_to_cancel(
        self,
        run_id: str,
        session_id: Optional[str],
        until: float,
        options: CallOptions,
        reading: Optional[Reading],
    ) -> Optional[bool]:
        """Send the request; whether the run is cancelled, if the answer says so."""
        call = self._protocol.cancel(run_id, session_id)
        try:
            output = self._channel.send(call, self._within(until, options))
        except (NothingToCancelError, TaskNotFoundError):
            return False
        except TaskNotCancelableError:
            return None  # over already, perhaps because it was cancelled before
        if output is None:
            return None
        self.remember(self._about(output, run_id))
        if output.status in UNFINISHED:
            return None
        if reading is not None:
            # Some servers never tell those who listen to the run that it was cancelled.
            reading.tell(functools.partial(reading.fold.catch_up, output))
        return bool(output.is_cancelled)

    def _see_cancelled(
        self,
        run_id: str,
        session_id: Optional[str],
        until: float,
        options: CallOptions,
        reading: Optional[Reading],
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
            if reading is not None and reading.read_to_end(min(until, next_look)):
                return reading.fold.cancelled
            try:
                latest = self._found(self._get(run_id, session_id, self._within(until, options)))
            except (UnsupportedError, NotFoundError, TaskNotFoundError):
                # Not stored yet, or unknown: time will tell. Or whoever reads its answer or its
                # stream, in another thread perhaps.
                latest = self._memory.latest.get(run_id)
            if latest is not None and latest.status not in UNFINISHED:
                return bool(latest.is_cancelled)
            if time.monotonic() + pause > until:
                return False
            # What reading on has not used up: a stream that has broken returns at once.
            time.sleep(max(0.0, next_look - time.monotonic()))
            pause = min(2 * pause, 0.5)

    # --- Taken up again

    def resumption(
        self, fold: Fold[Any], options: CallOptions, background: bool = False, silent: bool = False
    ) -> Optional[Resumption]:
        """How a stream goes on that has broken off; None if there is no way.

        ``background``: its run does not end with it. ``silent``: its run tells no events, and so no
        end of its own.
        """

        def within(limit: Timeout) -> CallOptions:
            return {**options, "timeout": limit}

        def reopen(index: Optional[int], limit: Timeout) -> Union[OpenAnswer, Told]:
            again = self._protocol.resume_stream(fold.run_id or "", fold.session_id, index, fold)
            return self._channel.take_up(again, within(limit))

        def look_up(limit: Timeout) -> Union[Settled, Told, None]:
            call = self._protocol.look_up(fold)
            if call is None:
                return None
            found = self._channel.send(call, within(limit))
            if isinstance(found, Told):
                return found
            if self._about(found, fold.run_id or "").status in UNFINISHED:
                return None
            # The end of its stream cancels a run that is not in the background.
            is_own = found.is_cancelled and not (background or self._protocol.recovers)
            return None if is_own or self._is_decided(found) else Settled(found)

        if background or self._protocol.recovers:
            return Resumption(reopen, self._policy, look_up)
        return Resumption(None, self._policy, look_up) if silent else None

    # --- Limits

    def _within(self, until: float, options: CallOptions) -> CallOptions:
        """The options of a call that has to be over at ``until``, a monotonic time."""
        limit = limit_of(options, self._channel).within(until - time.monotonic())
        return {**options, "timeout": limit}


def limit_of(options: CallOptions, channel: Channel) -> Timeout:
    """The limits of a call."""
    return Timeout.of(options["timeout"]) if "timeout" in options else channel.timeout


class Naming:
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
