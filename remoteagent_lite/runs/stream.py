"""Streams of events: an iterator whose bytes a thread of its own reads.

The reader thread does nothing but read: it hands over bytes, a whole network read at a time, and
the consumer's thread cuts and decodes them. That is nearly free in bulk, where a queue item for
every event would cost as much as decoding it.
"""

from __future__ import annotations

import functools
import os
import queue
import random
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
)

from ..errors import (
    ProtocolError,
    RemoteAgentError,
    RemoteHTTPError,
    RemoteServerUnavailableError,
    RemoteTimeoutError,
    StreamClosedError,
    StreamInterruptedError,
)
from ..http.transport import StreamResponse
from ..options import RetryPolicy, Timeout
from ..protocols.sse import SSEDecoder
from ..wire import Fold, Received

__all__ = ["Resumption", "RunStream", "Told", "merge"]

OutputT = TypeVar("OutputT")
EventT = TypeVar("EventT")

#: How many bytes may wait for a slow consumer. Then the thread stops reading, the socket's
#: buffers fill, and the server waits.
MAX_WAITING = 1024 * 1024

#: How long close() waits for the reader thread, in seconds. Its socket has been shut down by
#: then, so this only bounds what a stalled operating system could do to the caller.
_JOIN = 5.0

_TOTAL = "did not finish within the total limit of %g s (Timeout(total=...))"

_CLOSED = object()
#: Comes instead of an event while a long one is being read, so that limits can be looked at.
_IDLE = object()


class Resumption(NamedTuple):
    """How a stream goes on after it was broken.

    ``reopen(last_event_index, attempt)`` runs in the reader thread and returns another answer, or
    what was learned in another way (Told), or the output of the run if that has ended; it must not
    know the stream. ``look_up`` does the same for an end that is not to be believed as it stands.
    """

    reopen: Callable[[Optional[int], int], Any]
    policy: RetryPolicy
    look_up: Optional[Callable[[], Any]] = None


class Told(NamedTuple):
    """Events that did not come by a stream, and the answer that goes on behind them, if any.

    ``events()`` is called by the consumer's thread.
    """

    events: Callable[[], Iterable[Any]]
    answer: Optional[StreamResponse] = None
    received: Optional[Received] = None


class _Handover:
    """Bytes from the reader thread to the consumer, bounded by their number.

    ``written`` belongs to the reader alone and ``taken`` to the consumer alone, so neither needs a
    lock; each side only ever reads the other's.
    """

    def __init__(self, answer: Optional[StreamResponse]) -> None:
        # Guards the fields up to the listener: an answer that comes after the stop is not read, and
        # the listener is told of every item that was not in the queue before it. Reentrant, for
        # garbage collection may call stop() in the middle of put().
        self.lock = threading.RLock()
        self.answer = answer
        self.stopped = False
        self.queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        #: Told of every hand-over, when somebody waits for several streams at once.
        self.listener: Optional[Callable[[], Any]] = None
        self.written = 0
        self.taken = 0
        self.room = threading.Event()
        self.process = os.getpid()

    def put(self, item: Any) -> None:
        with self.lock:
            self.queue.put(item)
            if self.listener is not None:
                self.listener()

    def listen(self, listener: Callable[[], Any]) -> int:
        """Call ``listener`` for every item from now on; how many there are already."""
        with self.lock:
            self.listener = listener
            return self.queue.qsize()

    def wait_for_room(self) -> None:
        while self.written - self.taken > MAX_WAITING and not self.stopped:
            self.room.clear()
            # Looked at again after clear(): the consumer may have taken bytes in between.
            if self.written - self.taken > MAX_WAITING and not self.stopped:
                self.room.wait()

    def take(self, timeout: Optional[float]) -> Any:
        """The next item. Raises queue.Empty after ``timeout`` seconds."""
        item = self.queue.get_nowait() if timeout == 0 else self.queue.get(timeout=timeout)
        if type(item) is bytes:
            self.taken += len(item)
            self.room.set()
        return item

    def stop(self) -> None:
        """Wake the reader and the consumer, wherever they wait. Any thread, any number of times."""
        if self.process != os.getpid():
            # A forked child shares the socket, but not the stream. Nor may it wait for a lock: the
            # reader may have held it at the moment of the fork, and does not live here.
            self.stopped = True
            return
        with self.lock:
            if self.stopped:
                return
            self.stopped = True
        if self.answer is not None:
            self.answer.abort()
        self.room.set()
        self.put(_CLOSED)

    def adopt(self, answer: StreamResponse) -> bool:
        """Take an answer that was opened by the reader; False if nobody wants it any more."""
        with self.lock:
            if not self.stopped:
                self.answer = answer
            return not self.stopped


class _Settled:
    """The output of a run that turned out to have ended, in place of its last events."""

    __slots__ = ("output",)

    def __init__(self, output: Any) -> None:
        self.output = output


def _read(
    handover: _Handover, reopen: Optional[Callable[[], Any]] = None, delay: float = 0.0
) -> None:
    """The reader thread. It must not know the RunStream, or an abandoned one would live on.

    ``reopen`` is called ``delay`` seconds later to go on with a stream that was broken.
    """
    answer: Any = handover.answer
    try:
        if reopen is not None:
            handover.room.wait(delay)  # stop() sets it
            if handover.stopped:
                return
            answer = found = reopen()
            if isinstance(found, Told):
                handover.put(found)
                answer = found.answer
                if answer is None:
                    handover.put(None)
                    return
            elif not isinstance(found, StreamResponse):
                answer = None
                handover.put(_Settled(found))
                return
            if not handover.adopt(answer):
                return
        assert answer is not None
        while not handover.stopped:
            data = answer.read()
            if not data:
                break
            handover.written += len(data)
            handover.put(data)
            handover.wait_for_room()
    except BaseException as error:  # crosses to the consumer, which raises it
        handover.put(error)
    else:
        handover.put(None)
    finally:
        if handover.stopped and answer is not None:
            answer.drop()


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

    # Set by _connect, anew for every connection.
    _handover: _Handover
    _decoder: SSEDecoder[Any]
    _thread: threading.Thread
    _finalizer: weakref.finalize[Any, Any]

    def __init__(
        self,
        answer: Union[StreamResponse, Told],
        fold: Fold[OutputT],
        cancel: Callable[[RunStream[OutputT, EventT], float], bool],
        resume: Optional[Resumption] = None,
        url: str = "",
        timeout: Optional[Timeout] = None,
    ) -> None:
        self._fold = fold
        self._cancel = cancel
        self._resume = resume
        self._attempts = 0  # to resume, since the last event that came
        self._resumed_at: Any = _CLOSED  # what was known before the last attempt
        #: The HTTP answer that began the stream: ``status``, ``headers``, ``request_id``, and the
        #: A2A ``extensions`` that the agent has activated.
        self.response: Optional[Received] = answer.received
        if isinstance(answer, StreamResponse):
            url, timeout, self._deadline = answer.url, answer.timeout, answer.deadline
        else:
            self._deadline = None
            if timeout is not None and timeout.total is not None:
                self._deadline = time.monotonic() + timeout.total
        self._url = url
        self._timeout = timeout or Timeout()
        # For folds that count frames: when the last one came, as far as it has been looked at.
        self._heard = time.monotonic()
        self._frames = fold.frames
        self._looked_up = False
        self._ended_at: Optional[float] = None  # when the run's end was seen
        self._batch: Iterator[Any] = iter(())
        self._error: Optional[BaseException] = None
        self._done = False
        self._ended = threading.Event()
        # Guards the two fields below and the taking of bytes; never held while events are out.
        self._reading = threading.RLock()
        self._consumer = threading.get_ident()  # the thread that reads: at first whoever opened it
        self._kept = False  # whether _batch was put there by read_on
        # Guards _closed and what _connect sets: a stream that is closed must not be resumed.
        self._lock = threading.Lock()
        self._closed = False
        if isinstance(answer, StreamResponse):
            self._connect(_Handover(answer))
        else:
            self._connect(_Handover(None), lambda: answer)

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

        What was not sent in pieces comes as one at the end: the answer of a workflow of functions,
        or what was streamed while a background run's stream was broken and its server restarted.
        """
        for event in self:
            piece = self._fold.delta(event)
            if piece:
                yield piece
        rest = self._fold.rest()
        if rest:
            yield rest

    def delta(self, event: EventT) -> Optional[str]:
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
        output: Any = self._fold.output()
        if hasattr(type(output), "response"):  # a run's, and not one of the A2A protocol's own
            output.response = self.response
        return output  # type: ignore[no-any-return]

    def cancel(self, wait: float = 10.0) -> bool:
        """Cancel the run on the server; True when it is verified that it was cancelled.

        False means that the run had ended otherwise, or nothing confirmed it within ``wait``
        seconds. What the stream still holds can be read afterwards. Any thread may call this.
        """
        return self._cancel(self, wait)

    def close(self) -> None:
        """End the stream now: wakes a reader in another thread at once. May be called again."""
        with self._lock:
            self._closed = True
        self._decoder.closed = True
        self._finalizer()
        if self._thread is not threading.current_thread():
            self._thread.join(_JOIN)

    def __enter__(self) -> RunStream[OutputT, EventT]:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.close()

    def __reduce__(self) -> Any:
        raise TypeError("a RunStream is a live connection: pickle or copy its output() instead")

    def __repr__(self) -> str:
        state = "ended" if self._done else "closed" if self._handover.stopped else "open"
        return "<RunStream %s of run %s at %s>" % (state, self.run_id, self._url)

    @property
    def fold(self) -> Fold[OutputT]:
        """What reads the events. For its own thread, but for what is told by ``tell``."""
        return self._fold

    def read_on_until_known(self, until: float) -> bool:
        """Read ahead, keeping the events, until the run's id is known; whether it is."""
        return self._read_on(until, lambda: self._fold.run_id is not None)

    def read_on(self, until: float) -> bool:
        """Read ahead, keeping the events, until the run has ended; whether it has at ``until``.

        Only the thread that reads anyway does; any other waits. ``until`` is a monotonic time.
        """
        return self._read_on(until, lambda: self._fold.finished)

    def _read_on(self, until: float, reached: Callable[[], bool]) -> bool:
        while not reached() and not self._done:
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
        try:
            kept.extend(self._batch)
            self._kept = False
            if self._fill(timeout):
                kept.extend(self._batch)
        except queue.Empty:
            return True  # nothing yet
        except RemoteAgentError as error:
            if not self._ended_before(error):
                self._fail(error)  # whoever reads on meets it behind the events before it
                return False
            kept.extend(self._batch)
        finally:
            self._batch = _until_closed(self._decoder, kept)
            self._kept = True
        return True

    def _connect(
        self,
        handover: _Handover,
        reopen: Optional[Callable[[], Any]] = None,
        delay: float = 0.0,
    ) -> None:
        """Read from ``handover`` from now on, by a new thread of its own."""
        thread = threading.Thread(
            target=_read, args=(handover, reopen, delay), name="remoteagent-stream", daemon=True
        )
        with self._lock:
            if self._closed:
                return  # close() has stopped the handover before, and _fill will say so
            before: Optional[_Handover] = self.__dict__.get("_handover")
            if before is not None:
                handover.listener, before.listener = before.listener, None
                before.stop()
                self._finalizer.detach()
            self._handover = handover
            idle = [_IDLE] if self._fold.plural else _IDLE
            self._decoder = SSEDecoder(self._fold.decode, self._url, idle=idle)
            self._thread = thread
            # The finalizer also runs at interpreter exit.
            self._finalizer = weakref.finalize(self, handover.stop)
            thread.start()

    def _decoded(self, until: Optional[float] = None) -> Iterator[EventT]:
        """What is left of _batch. TimeoutError if that takes till after ``until``."""
        batch: Any = None
        while batch is not self._batch:  # cancel() in a loop's body puts another in its place
            batch = self._batch
            try:
                for event in batch:
                    if event is _IDLE:
                        self._look_at_limits(until)
                    elif event is not None:
                        yield event
            except RemoteAgentError as error:
                if not self._ended_before(error):
                    self._fail(error)
                    raise
            except KeyboardInterrupt:
                # What was being decoded is gone: reading on would skip it without a word.
                self._fail(
                    StreamClosedError(
                        "Reading the stream of run %s was interrupted." % self.run_id, self._url
                    )
                )
                raise

    def _look_at_limits(self, until: Optional[float]) -> None:
        now = time.monotonic()
        if self._deadline is not None and now > self._deadline:
            raise self._timed_out(_TOTAL, "total")
        if until is not None and now > until:
            raise TimeoutError("no event in the time that was given: a long one is being read")

    def _ended_before(self, error: RemoteAgentError) -> bool:
        """Whether what cannot be read came behind the run's end. The stream ends there then."""
        if not self._fold.finished or type(error) is not ProtocolError:
            return False
        self._batch = iter(())
        self._finish(error)
        return True

    def _fill(self, timeout: Optional[float]) -> bool:
        """Wait for the next bytes and make _batch of them; False at the end of the stream."""
        if self._handover.process != os.getpid():
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
            if self._done:
                if self._error is not None:
                    raise self._error
                return False
            return self._next_read(timeout)
        finally:
            self._reading.release()

    def _next_read(self, timeout: Optional[float]) -> bool:
        handover = self._handover
        item = None if handover.stopped else self._take(timeout)
        if handover.stopped:
            if self._fold.finished:
                self._end()
                return False
            raise StreamClosedError(
                "The stream of run %s was closed before the run had ended. Read it to its end "
                "before you close it or leave its with block." % self.run_id,
                self._url,
            )
        if type(item) is bytes:
            events: Any = self._decoder.feed(item)
            self._batch = chain.from_iterable(events) if self._fold.plural else events
            return True
        if type(item) is Told:
            self._batch = _lazily(item.events)
            return True
        return self._finish(item)

    def _take(self, timeout: Optional[float]) -> Any:
        """The next item of the handover; what a limit that has passed makes of it."""
        limit, phase = self._soonest_limit()
        if limit is None:
            return self._handover.take(timeout)
        left = max(0.0, limit - time.monotonic())
        if timeout is not None and timeout < left:
            return self._handover.take(timeout)
        try:
            return self._handover.take(left)
        except queue.Empty:
            pass
        if phase == "grace":  # the run has ended, and the server does not end the body
            return None
        if phase == "total":
            error = self._timed_out(_TOTAL, phase)
            self._fail(error)
            raise error from None
        return self._timed_out("told nothing for %g s (Timeout(read=...))", phase)

    def _soonest_limit(self) -> Tuple[Optional[float], str]:
        """The monotonic time at which waiting has to end, and which limit that is."""
        fold = self._fold
        if fold.grace is not None and fold.finished:
            if self._ended_at is None:
                self._ended_at = time.monotonic()
            return self._ended_at + fold.grace, "grace"
        limit, phase = self._deadline, "total"
        if fold.frames is not None and self._timeout.read is not None:
            if fold.frames != self._frames:
                self._frames, self._heard = fold.frames, time.monotonic()
            silence = self._heard + self._timeout.read
            if limit is None or silence < limit:
                return silence, "read"
        return limit, phase

    def _timed_out(self, what: str, phase: str) -> RemoteTimeoutError:
        seconds: Optional[float] = getattr(self._timeout, phase)
        what %= seconds or 0
        error = RemoteTimeoutError(
            "The stream from %s %s." % (self._url, what), self._url, None, True, phase, seconds
        )
        error.run_id, error.session_id = self._fold.run_id, self._fold.session_id
        return error

    def tell(self, events: Callable[[], Iterable[Any]]) -> None:
        """Hand out ``events()`` behind what has arrived so far. Any thread may call this."""
        with self._lock:
            self._handover.put(Told(events))

    def _finish(self, cause: Any) -> bool:
        """The body has ended: cleanly if ``cause`` is None, else broken off by it.

        Whether the stream goes on by another one.
        """
        fold = self._fold
        if isinstance(cause, _Settled):
            fold.settle(cause.output)
        if fold.finished or (cause is None and not self._decoder.pending and fold.end()):
            # What broke after the run's end took nothing away.
            if fold.suspect and self._looks_up():
                return True
            held = fold.flush()
            self._batch = iter(held)
            self._end()
            return bool(held)
        if self._goes_on(cause):
            return True
        broken = cause is None or type(cause) is RemoteServerUnavailableError
        error = self._interrupted(cause) if broken or self._attempts else cause
        self._fail(error)
        raise error

    def _goes_on(self, cause: Optional[BaseException]) -> bool:
        """Resume the stream of a background run, if that can help."""
        resume, fold = self._resume, self._fold
        if resume is None or fold.fault is not None or fold.run_id is None or not _passing(cause):
            return False
        mark = fold.mark
        # Every event that tells something begins the count anew: only standing still is bounded.
        self._attempts = self._attempts + 1 if mark == self._resumed_at else 1
        self._resumed_at = mark
        delay = 0.0 if self._attempts == 1 else resume.policy.delay(self._attempts - 1)
        if delay is None:
            return False
        fold.resumed()
        self._heard = time.monotonic()
        # Jitter, so that clients of one server do not all come back at the same moment.
        self._connect(
            _Handover(None),
            functools.partial(resume.reopen, fold.last_event_index, self._attempts),
            delay * random.uniform(0.5, 1.0),
        )
        return True

    def _looks_up(self) -> bool:
        """Ask the server what became of a run whose end is not to be believed as it stands."""
        look_up = self._resume and self._resume.look_up
        if look_up is None or self._looked_up:
            return False
        self._looked_up = True
        self._connect(_Handover(None), look_up)
        return True

    def _interrupted(self, cause: Optional[BaseException]) -> StreamInterruptedError:
        fold = self._fold
        how = "ended" if cause is None else "broke off"
        if self._attempts:
            how += ", could not be resumed (%d attempts)," % self._attempts
        error = StreamInterruptedError(
            "The stream of run %s from %s %s before the run had ended%s. What had arrived is in "
            "this error's `output`; get_run(run_id) tells what became of the run."
            % (fold.run_id, self._url, how, ": " + fold.fault if fold.fault else ""),
            self._url,
            output=self.partial_output(),
            run_id=fold.run_id,
            session_id=fold.session_id,
            last_event_index=fold.last_event_index,
        )
        error.__cause__ = cause
        return error

    def _end(self) -> None:
        self._done = True
        self._finalizer()
        self._ended.set()

    def _fail(self, error: BaseException) -> None:
        self._error = error
        self._end()


def _lazily(events: Callable[[], Iterable[Any]]) -> Iterator[Any]:
    yield from events()


def _until_closed(decoder: SSEDecoder[Any], events: List[Any]) -> Iterator[Any]:
    for event in events:
        if decoder.closed:
            return
        yield event


def _passing(cause: Optional[BaseException]) -> bool:
    """Whether what broke a stream may be over at the next attempt."""
    if cause is None:
        return True
    if isinstance(cause, RemoteTimeoutError):
        return cause.phase != "total"
    if isinstance(cause, RemoteHTTPError):
        return cause.status_code in (429, 502, 503, 504)
    return isinstance(cause, RemoteServerUnavailableError)


def merge(*streams: RunStream[Any, Any]) -> Iterator[Tuple[RunStream[Any, Any], Any]]:
    """``(stream, event)`` pairs from several streams in the order in which they arrive.

    Blocks until any of them has something; uses no thread beside the streams' own. An error of one
    stream is raised, and the others stay open: they can be merged again. Close them yourself.
    """
    # A stream, for each network read that it holds; False for what was left of an earlier one.
    ready: queue.SimpleQueue[Tuple[RunStream[Any, Any], bool]] = queue.SimpleQueue()
    left = dict.fromkeys(streams)
    try:
        for stream in left:
            handover = stream._handover
            count = handover.listen(functools.partial(ready.put, (stream, True)))
            ready.put((stream, stream._done or handover.stopped))
            for _ in range(count):
                ready.put((stream, True))
        while left:
            try:
                stream, more = ready.get(timeout=_soonest(left))
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
        for stream in streams:
            stream._handover.listener = None


def _soonest(streams: Iterable[RunStream[Any, Any]]) -> Optional[float]:
    """Seconds to the first limit among ``streams``."""
    limits = [stream._soonest_limit()[0] for stream in streams]
    given = [limit for limit in limits if limit is not None]
    return max(0.0, min(given) - time.monotonic()) if given else None
