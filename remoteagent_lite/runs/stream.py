"""RunStream: the events of one run, read from wherever they come from. ``merge``: of several."""

from __future__ import annotations

import contextlib
import functools
import os
import queue
import threading
import time
import weakref
from itertools import chain
from typing import (
    Any,
    Callable,
    Generic,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Tuple,
    TypeVar,
    Union,
    overload,
)

from ..errors import (
    ProtocolError,
    RemoteAgentError,
    RemoteServerUnavailableError,
    RemoteTimeoutError,
    StreamClosedError,
    StreamInterruptedError,
    about_run,
)
from ..handover import Handover
from ..modelling.outputs import Output
from ..options import Timeout
from ..protocols.contract import (
    EventsMissingError,
    Fold,
    OpenAnswer,
    Resumption,
    Settled,
    Told,
)
from ..protocols.sse import SSEDecoder
from ..wire import Received
from .course import COMPLETE, ENDED, INTERRUPTED, LATE, LOOKING_UP, Course, End, Step
from .reader import Source
from .waiting import Limits, check_wait, is_silence

__all__ = ["Reading", "RunStream", "merge"]

OutputT = TypeVar("OutputT", covariant=True)
EventT = TypeVar("EventT", covariant=True)
# Of the streams that are merged.
O1 = TypeVar("O1")
O2 = TypeVar("O2")
O3 = TypeVar("O3")
E1 = TypeVar("E1")
E2 = TypeVar("E2")
E3 = TypeVar("E3")

#: How long close() waits for the reader thread, in seconds. Its socket has been shut down by
#: then, so this only bounds what a stalled operating system could do to the caller.
_JOIN = 5.0
#: How long the look at a run may take whose stream has gone silent, in seconds: the silence has
#: used the caller's patience up already.
_GLANCE = 5.0


_TOTAL = "did not finish within the total limit of %g s (Timeout(total=...))"

#: Comes instead of an event while a long one is being read, so that limits can be looked at.
_IDLE = object()


class Reading(NamedTuple):
    """A stream, as whoever cancels its run may use it, in any thread.

    ``tell(events)`` hands out ``events()`` behind what has arrived. ``read_on(until, reached)``
    reads ahead until a monotonic time, keeping the events, and returns whether ``reached()`` has
    come true; only the thread that reads anyway does, any other waits.
    """

    fold: Fold[Any]
    tell: Callable[[Callable[[], Iterable[Any]]], None]
    read_on: Callable[[float, Callable[[], bool]], bool]

    def read_to_end(self, until: float) -> bool:
        return self.read_on(until, lambda: self.fold.finished)


class RunStream(Generic[OutputT, EventT]):
    """The events of one run as they come: an iterator and a context manager.

    Read it from one thread at a time; ``close()`` and ``cancel()`` may come from any. It ends, and
    its thread and connection with it, when it is exhausted, closed, left as a ``with`` block,
    garbage-collected, or when the interpreter exits. Closing the stream of a run that is not in
    the background makes an AgentOS cancel the run.

    Iterating raises StreamInterruptedError, with the partial output, when the stream ends before
    the run does; RemoteTimeoutError after ``timeout.read`` seconds of silence or at the
    ``timeout.total`` deadline; ProtocolError for data that is no JSON; StreamClosedError after
    ``close()``.
    """

    def __init__(
        self,
        answer: Union[OpenAnswer, Told],
        fold: Fold[OutputT],
        cancel: Callable[[Reading, float], bool],
        resume: Optional[Resumption] = None,
        url: str = "",
        timeout: Optional[Timeout] = None,
    ) -> None:
        now = time.monotonic()
        if isinstance(answer, Told):
            timeout = timeout or Timeout()
            deadline = None if timeout.total is None else now + timeout.total
        else:
            url, timeout, deadline = answer.url, timeout or answer.timeout, answer.deadline
        #: The HTTP answer that began the stream: ``status``, ``headers``, ``request_id``, and the
        #: A2A ``extensions`` that the agent has activated.
        self.response: Optional[Received] = answer.received
        self._url = url
        self._fold = fold
        self._cancel = cancel
        self._was_cancelled = False  # by this stream's own cancel()
        self._resume = resume
        self._limits = Limits(timeout, deadline, now)
        self._course = Course(fold, resume, self._limits)
        self._error: Optional[BaseException] = None
        self._batch: Iterator[Any] = iter(())
        self._ended = threading.Event()
        # Guards the two fields below and the taking of bytes; never held while events are out.
        self._reading = threading.RLock()
        self._consumer = threading.get_ident()  # the thread that reads: at first whoever opened it
        self._kept = False  # whether _batch was put there by _read_on
        self._decoder = self._new_decoder()
        self._source = Source(answer)
        weakref.finalize(self, self._source.close)  # which also runs at interpreter exit
        self._source.reader.start()

    @property
    def run_id(self) -> Optional[str]:
        """The run's id: the one that was sent, or the server's own once an event has told it."""
        return self._fold.run_id

    @property
    def session_id(self) -> Optional[str]:
        """The session the run belongs to."""
        return self._fold.session_id

    @property
    def last_event_index(self) -> Optional[int]:
        """The index of the last event read, for background runs; else None."""
        return self._fold.last_event_index

    def __iter__(self) -> Iterator[EventT]:
        # A generator, because a Python-level __next__ costs more per event. It shares _batch with
        # every other way to read, so leaving the loop early loses nothing.
        while True:
            yield from self._decoded()
            if not self._fill(None):
                return

    def __next__(self) -> EventT:
        event = self.next_event()
        if event is None:
            raise StopIteration
        return event

    def next_event(self, timeout: Optional[float] = None) -> Optional[EventT]:
        """The next event; None at the end of the stream.

        Waits at most ``timeout`` seconds (0: not at all) and raises TimeoutError then; the stream
        goes on, and nothing is lost.
        """
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            for event in self._decoded(until):
                return event
            left = None if until is None else max(0.0, until - time.monotonic())
            try:
                if not self._fill(left):
                    return None
            except queue.Empty:
                raise TimeoutError("no event within %g s" % (timeout or 0)) from None

    def text(self) -> Iterator[str]:
        """The pieces of the answer's text, and nothing else. Blocks as iterating does.

        What was not sent in pieces comes as one at the end; see ``rest``. Raises RunFailedError,
        with the output, behind the pieces of a run that ended as ERROR or CANCELLED, unless this
        stream's own ``cancel()`` did it. A run that pauses ends them quietly: see ``output()``.
        """
        for event in self:
            piece = self._fold.delta(event)
            if piece:
                yield piece
        output = self.partial_output()
        if isinstance(output, Output) and not (self._was_cancelled and output.is_cancelled):
            output.raise_for_status()
        rest = self._fold.unstreamed()
        if rest:
            yield rest

    def rest(self) -> str:
        """The answer's text beyond the pieces that came, when the stream has ended; "" if none.

        It is all of it for a workflow whose last step is a function, or what was streamed while a
        background run's stream was broken and its server restarted.
        """
        return self._fold.unstreamed() if self._course.state is ENDED else ""

    def delta(self, event: Any) -> Optional[str]:
        """The piece that ``event`` adds to the answer's text; None if it adds none."""
        return self._fold.delta(event)

    def output(self) -> OutputT:
        """Read the stream to its end and return what it adds up to. Blocks; raises as iterating.

        May be called again, and after the stream has ended, also at the end of its ``with`` block.
        """
        for _ in self:
            pass
        return self.partial_output()

    def partial_output(self) -> OutputT:
        """What the events read so far add up to. Does not block; for the reading thread."""
        output = self._fold.output()
        if isinstance(output, Output):  # and not a task or message of the A2A protocol's own
            output.response = self.response
        return output

    def cancel(self, wait: float = 10.0) -> bool:
        """Cancel the run on the server; True when it is verified that it was cancelled.

        False means that the run had ended otherwise, or nothing confirmed it within ``wait``
        seconds. What the stream still holds can be read afterwards. Any thread may call this.
        """
        check_wait(wait)
        self._was_cancelled = True
        return self._cancel(Reading(self._fold, self._tell, self._read_on), wait)

    def close(self) -> None:
        """End the stream now: wakes a reader in another thread at once. May be called again."""
        self._source.close()
        self._decoder.closed = True  # behind: _go_on looks at them the other way round
        thread = self._source.reader.thread
        if thread.is_alive() and thread is not threading.current_thread():
            thread.join(_JOIN)

    def __enter__(self) -> RunStream[OutputT, EventT]:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.close()

    def __reduce__(self) -> Any:
        raise TypeError("a RunStream is a live connection: pickle or copy its output() instead")

    def __repr__(self) -> str:
        state = "closed" if self._source.closed else "open"
        state = "ended" if self._course.state is ENDED else state
        return "<RunStream %s of run %s at %s>" % (state, self.run_id, self._url)

    def _read_on(self, until: float, reached: Callable[[], bool]) -> bool:
        """Read ahead, keeping the events; see Reading."""
        while not reached() and self._course.state is not ENDED:
            left = until - time.monotonic()
            if left <= 0:
                break
            if not self._reading.acquire(timeout=left):
                break  # another thread is reading this very moment
            try:
                reader = self._consumer == threading.get_ident()
                if reader and not self._keep(left):
                    break
            finally:
                self._reading.release()
            if not reader:
                self._ended.wait(min(left, 0.1))
        return reached()

    def _keep(self, timeout: float) -> bool:
        """Decode what comes within ``timeout`` and put it back as _batch; False if it broke."""
        kept: List[Any] = []
        unread: Iterator[Any] = iter(())
        until = time.monotonic() + timeout
        try:
            kept.extend(self._decoded(until))
            self._kept = False
            if self._fill(timeout):
                kept.extend(self._decoded(until))
        except queue.Empty:
            return True  # nothing yet
        except TimeoutError:  # in the middle of a long event
            unread = self._batch
            return True
        except RemoteAgentError:
            return False  # whoever reads on meets it behind the events before it
        finally:
            self._batch = _until_closed(self._decoder, chain(kept, unread))
            self._kept = True
        return True

    def _decoded(self, until: Optional[float] = None) -> Iterator[EventT]:
        """What is left of _batch. TimeoutError if that takes till after ``until``."""
        batch: Any = None
        try:
            while batch is not self._batch:  # cancel() in a loop's body puts another in its place
                batch = self._batch
                try:
                    for event in batch:
                        if event is _IDLE:
                            self._look_at_limits(until)
                        elif event is not None:
                            yield event
                except EventsMissingError as error:
                    self._finish(End(error))
                except RemoteAgentError as error:
                    if not self._fold.finished or type(error) is not ProtocolError:
                        self._failed(error)
                        raise
                    self._finish(End(error))  # what is no event behind the end takes nothing away
        except KeyboardInterrupt:
            # What was being decoded is gone: reading on would skip it without a word.
            self._failed(
                StreamClosedError(
                    "Reading the stream of run %s was interrupted." % self.run_id, self._url
                )
            )
            raise

    def _look_at_limits(self, until: Optional[float]) -> None:
        now, deadline = time.monotonic(), self._limits.deadline
        if deadline is not None and now > deadline and not self._fold.finished:
            raise self._timed_out(_TOTAL, "total")
        if until is not None and now > until:
            raise TimeoutError("no event in the time that was given: a long one is being read")

    def _fill(self, timeout: Optional[float]) -> bool:
        """Wait for the next bytes and make _batch of them; False at the end of the stream."""
        if self._source.process != os.getpid():
            raise StreamClosedError(
                "This stream belongs to the process that opened it; a forked one cannot read it.",
                self._url,
            )
        if not self._reading.acquire(timeout=-1 if timeout is None else timeout):
            raise queue.Empty
        try:
            self._consumer = threading.get_ident()
            if self._kept:  # another thread has read on before this one began
                self._kept = False
                return True
            if self._course.state is ENDED:
                if self._error is not None:
                    raise self._error
                return False
            return self._next_read(timeout)
        finally:
            self._reading.release()

    def _next_read(self, timeout: Optional[float]) -> bool:
        source, fold = self._source, self._fold
        item: Any = None if source.closed else self._take(timeout)
        if source.closed:
            if fold.finished:
                self._end()
                return False
            raise StreamClosedError(
                "The stream of run %s was closed before the run had ended. Read it to its end "
                "before you close it or leave its with block." % self.run_id,
                self._url,
            )
        if type(item) is bytes:
            events: Any = self._decoder.feed(item)
            self._batch = chain.from_iterable(events) if fold.decodes_lists else events
        elif type(item) is Told:
            self._batch = _until_closed(self._decoder, _lazily(item.events))
        elif type(item) is Settled:
            fold.settle(item.output)
            return self._complete()
        else:
            return self._finish(item)
        return True

    def _take(self, timeout: Optional[float]) -> Any:
        """The next item of the reader's; what a limit that has passed makes of it."""
        now = time.monotonic()
        limit, phase = self._soonest_limit(now)
        if limit is None:
            return self._source.reader.take(timeout)
        left = max(0.0, limit - now)
        if timeout is not None and timeout < left:
            return self._source.reader.take(timeout)
        try:
            return self._source.reader.take(left)
        except queue.Empty:
            pass
        if self._course.has_ended:  # and the server does not end the body
            return End()
        if phase == "total":
            return End(self._timed_out(_TOTAL, phase))
        return End(self._timed_out("told nothing for %g s (Timeout(read=...))", phase))

    def _soonest_limit(self, now: float) -> Tuple[Optional[float], str]:
        return self._limits.soonest(self._fold, self._course.has_ended, now)

    def _timed_out(self, what: str, phase: str) -> RemoteTimeoutError:
        seconds: Optional[float] = getattr(self._limits.timeout, phase)
        what %= seconds or 0
        return RemoteTimeoutError(
            "The stream from %s %s." % (self._url, what), self._url, None, True, phase, seconds
        )

    def _tell(self, events: Callable[[], Iterable[Any]]) -> None:
        """Hand out ``events()`` behind what has arrived so far. Any thread may call this."""
        once = _lazily(events)
        while True:
            reader = self._source.reader
            reader.put(Told(lambda: once))
            if reader is self._source.reader:  # else it may have come too late for that one
                return

    # --- What becomes of a stream whose reader has no more

    def _finish(self, end: End) -> bool:
        """Take the next step; whether the stream goes on. Raises what it ends with. See Course."""
        step = self._course.step(
            end,
            time.monotonic(),
            cut=bool(self._decoder.pending),
            heard=self._source.reader.written > 0,
        )
        if step.what == COMPLETE:
            return self._complete()
        if step.what == LATE:
            # By the limit that the caller gave, not by what was left of it for one answer.
            raise self._failed(self._timed_out(_TOTAL, "total")) from end.cause
        if step.what == INTERRUPTED:
            raise self._failed(self._interrupted(step.cause))
        self._go_on(step)
        return True

    def _go_on(self, step: Step) -> None:
        """Read from something else from now on."""
        fold, resume, now = self._fold, self._resume, time.monotonic()
        assert resume is not None
        begin: Optional[Callable[[], Any]] = None
        limit = self._limits.left(now)
        if step.what == LOOKING_UP:
            if limit.read is not None and self._course.is_silent:
                limit = limit.within(min(limit.read, _GLANCE))
            begin = resume.look_up and functools.partial(resume.look_up, limit)
        else:
            fold.resumed()
            begin = resume.reopen and functools.partial(resume.reopen, fold.last_event_index, limit)
        assert begin is not None
        if not fold.waits or self._course.is_silent:
            self._limits.restart(now + step.delay)
        self._decoder = self._new_decoder()
        self._source.read(begin, step.delay)
        if self._source.closed:
            self._decoder.closed = True

    def _new_decoder(self) -> SSEDecoder[Any]:
        idle = [_IDLE] if self._fold.decodes_lists else _IDLE
        return SSEDecoder(self._fold.decode, self._url, idle=idle)

    def _interrupted(self, cause: Optional[BaseException]) -> RemoteAgentError:
        """The error for a stream that ended before its run did."""
        fold = self._fold
        count = self._course.attempts.count
        lost = isinstance(cause, (RemoteServerUnavailableError, EventsMissingError))
        tells_all = is_silence(cause) or not (lost or count)
        if isinstance(cause, RemoteAgentError) and tells_all and not fold.finished:
            return cause
        how = "ended" if self._course.broken.cause is None else "broke off"
        if fold.finished:
            how += ", and how the run has ended could not be found out (%d attempts)" % (count + 1)
        elif count:
            how += ", could not be resumed (%d attempts), before the run had ended" % count
        else:
            how += " before the run had ended"
        said = fold.fault or (str(cause) if isinstance(cause, EventsMissingError) else "")
        error = StreamInterruptedError(
            "The stream of run %s from %s %s%s. What had arrived is in this error's `output`; "
            "get_run(run_id) tells what became of the run."
            % (fold.run_id, self._url, how, ": " + said if said else ""),
            self._url,
            output=self.partial_output(),
            run_id=fold.run_id,
            session_id=fold.session_id,
            last_event_index=fold.last_event_index,
        )
        error.__cause__ = cause
        return error

    def _complete(self) -> bool:
        """Hand out what was held back. Whether there is something, or the stream goes on."""
        held = self._fold.flush()
        self._batch = _until_closed(self._decoder, held)
        if self._fold.finished:
            self._end()
        return bool(held) or self._fold.waits

    def _end(self) -> None:
        self._course.state = ENDED
        self._source.close()
        self._ended.set()

    def _failed(self, error: Any) -> Any:
        """``error``, with which the stream has ended."""
        about_run(error, self._fold.run_id, self._fold.session_id)
        self._error = error
        self._end()
        return error


def _lazily(events: Callable[[], Iterable[Any]]) -> Iterator[Any]:
    yield from events()


def _until_closed(decoder: SSEDecoder[Any], events: Iterable[Any]) -> Iterator[Any]:
    for event in events:
        if decoder.closed:
            return
        yield event


@overload
def merge(
    one: RunStream[O1, E1], two: RunStream[O2, E2], /
) -> Iterator[Union[Tuple[RunStream[O1, E1], E1], Tuple[RunStream[O2, E2], E2]]]: ...


@overload
def merge(
    one: RunStream[O1, E1], two: RunStream[O2, E2], three: RunStream[O3, E3], /
) -> Iterator[
    Union[
        Tuple[RunStream[O1, E1], E1],
        Tuple[RunStream[O2, E2], E2],
        Tuple[RunStream[O3, E3], E3],
    ]
]: ...


@overload
def merge(*streams: RunStream[O1, E1]) -> Iterator[Tuple[RunStream[O1, E1], E1]]: ...


def merge(*streams: RunStream[Any, Any]) -> Iterator[Any]:
    """``(stream, event)`` pairs from several streams in the order in which they arrive.

    Blocks until any of them has something; uses no thread beside the streams' own. An error of one
    stream is raised, and the others stay open: they can be merged again. Close them yourself.
    """
    # A stream, for each network read that it holds; False for what was left of an earlier one.
    ready: Handover[Tuple[RunStream[Any, Any], bool]] = Handover()
    left = dict.fromkeys(streams)
    tellers = [functools.partial(ready.put, (stream, True)) for stream in left]
    try:
        for stream, tell in zip(list(left), tellers):
            source = stream._source
            source.listeners.append(tell)
            # Counted behind: what comes in between is told twice, which harms nobody.
            count = source.reader.waiting()
            ready.put((stream, stream._course.state is ENDED or source.closed))
            for _ in range(count):
                ready.put((stream, True))
        while left:
            try:
                stream, more = ready.take(_soonest(left))
            except queue.Empty:
                for stream in left:
                    ready.put((stream, True))  # one has passed its deadline, and will say so
                continue
            if stream not in left:
                continue
            for event in stream._decoded():
                yield stream, event
            if more:
                try:
                    if not stream._fill(0):
                        del left[stream]
                except queue.Empty:
                    continue  # somebody else has read it
                for event in stream._decoded():
                    yield stream, event
    finally:
        for stream, tell in zip(dict.fromkeys(streams), tellers):
            with contextlib.suppress(ValueError):  # it was not reached
                stream._source.listeners.remove(tell)


def _soonest(streams: Iterable[RunStream[Any, Any]]) -> Optional[float]:
    """Seconds to the first limit among ``streams``."""
    now = time.monotonic()
    limits = [stream._soonest_limit(now)[0] for stream in streams]
    given = [limit for limit in limits if limit is not None]
    return max(0.0, min(given) - now) if given else None
