"""Many inputs: a component is run on each of them, several at a time.

Two numbers bound what is in hand: ``workers`` rows are under way, and twice as many more have been
read, waiting to begin or, ended, for their turn to be handed out. Who consumes slowly slows down
the reading of inputs, and nothing else grows.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import queue
import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Deque,
    Dict,
    Generic,
    Iterable,
    Iterator,
    NamedTuple,
    Optional,
    Sized,
    Tuple,
    TypeVar,
    Union,
)

from ..errors import RunFailedError
from ..http.exchange import Exchange
from ..modelling.outputs import expecting
from ..options import split_options
from .journal import Journal
from .once import Once

if TYPE_CHECKING:
    from .runner import Runner

__all__ = ["Result", "run_all"]

OutputT = TypeVar("OutputT")
Progress = Callable[[int, Optional[int]], Any]


class Result(Generic[OutputT]):
    """What became of one input.

    ``index`` counts the inputs from 0. ``output`` is None if there is no answer to speak of;
    ``error`` is why, and for a run that failed, was cancelled or waits for somebody a
    RunFailedError beside its output.
    """

    __slots__ = ("error", "index", "input", "output")

    def __init__(
        self,
        index: int,
        input: Any,
        output: Optional[OutputT] = None,
        error: Optional[BaseException] = None,
    ) -> None:
        self.index = index
        self.input = input
        self.output = output
        self.error = error

    @property
    def ok(self) -> bool:
        """Whether ``output`` is an answer."""
        return self.error is None

    def __repr__(self) -> str:
        what = "output=%r" % (self.output,) if self.ok else "error=%r" % (self.error,)
        return "Result(%d, %s)" % (self.index, what)


def result_of(index: int, input: Any, output: Any, schema: Any) -> Result[Any]:
    """The result for an output, which may tell of a failure, and knows nothing but its data."""
    expecting(output, schema)
    try:
        output.raise_for_status()
    except RunFailedError as error:
        return Result(index, input, output, error)
    if output.is_paused:
        words = "Run %s waits for %s. Decide it and continue_run(result.output)." % (
            output.run_id,
            output.waits_for or "somebody",
        )
        return Result(index, input, output, RunFailedError(words, None, output))
    return Result(index, input, output)


class Refused(NamedTuple):
    """What becomes of a row that was not begun, and that nobody has to look for."""

    error: Exception


def run_row(
    runner: Runner[Any, Any, Any],
    options: Any,
    journal: Optional[str],
    index: int,
    input: Any,
    seen: bool,
) -> Any:
    """The output of one row, or Refused; ``seen`` tells whether it may have been begun before."""
    if journal is None:
        return runner.run(input, **options)
    call_options, fields = split_options(options)
    once = Once(runner, "%s/%d" % (journal, index), fields, call_options, alone=True)
    try:
        return once.output(input, seen)
    except Exception as error:
        if once.refused:
            return Refused(error)
        raise


def run_all(
    runner: Runner[Any, Any, Any],
    inputs: Iterable[Any],
    options: Any,
    *,
    workers: int,
    executor: Optional[Executor],
    ordered: bool,
    journal: Optional[Journal],
    progress: Optional[Progress],
) -> Iterator[Result[Any]]:
    """Go through ``inputs``; rows that the ``journal`` has an answer for are not run."""
    total = len(inputs) if isinstance(inputs, Sized) else None
    with contextlib.ExitStack() as stack:
        if journal is not None:
            stack.enter_context(journal)
        name = journal.id if journal is not None else None
        batch = _Batch(
            functools.partial(run_row, runner, options, name),
            workers,
            executor,
            journal,
            options.get("output_schema"),
        )
        stack.callback(batch.stop)
        for done, result in enumerate(batch.results(iter(inputs), ordered), 1):
            if progress is not None:
                progress(done, total)
            yield result


class _Batch:
    """The rows in hand. Begun rows end in threads of the executor, all else is the consumer's."""

    def __init__(
        self,
        run_row: Callable[[int, Any, bool], Any],
        workers: int,
        executor: Optional[Executor],
        journal: Optional[Journal],
        schema: Any,
    ) -> None:
        self._schema = schema
        self._run_row = run_row
        self._workers = workers
        self._own = None
        if executor is None:
            executor = self._own = ThreadPoolExecutor(workers, "remoteagent-batch")
        self._executor = executor
        self._journal = journal
        self._done: queue.SimpleQueue[Union[Result[Any], BaseException]] = queue.SimpleQueue()
        # Guards the fields below, and the journal.
        self._lock = threading.RLock()
        self._waiting: Deque[Tuple[int, Any]] = collections.deque()
        self._under_way: Dict[int, Future[Any]] = {}
        self._exchanges: Dict[int, Exchange] = {}
        self._beginning = False
        self._stopped = False

    def results(self, inputs: Iterator[Any], ordered: bool) -> Iterator[Result[Any]]:
        """Results as they come, or in the order of the inputs."""
        finished: Dict[int, Result[Any]] = {}
        read = turn = 0
        failure: Optional[Exception] = None
        more = True
        while True:
            while more and read - turn < 3 * self._workers:
                try:
                    input = next(inputs)
                except StopIteration:
                    more = False
                except Exception as error:  # raised when what has been read is handed out
                    failure, more = error, False
                else:
                    self._add(read, input)
                    read += 1
            if turn == read:
                break
            while not finished or (ordered and turn not in finished):
                ended = self._done.get()
                if isinstance(ended, BaseException):
                    raise ended
                finished[ended.index] = ended
            result = finished.pop(turn if ordered else next(iter(finished)))
            turn += 1
            yield result
        if failure is not None:
            raise failure

    def _add(self, index: int, input: Any) -> None:
        with self._lock:
            known = self._journal.answer(index, input) if self._journal is not None else None
            if known is not None:
                self._done.put(result_of(index, input, known, self._schema))
                return
            self._waiting.append((index, input))
            self._begin()

    def _begin(self) -> None:
        """Begin as many of the waiting rows as there may be; with the lock held."""
        if self._beginning:  # an executor that runs what it is given at once
            return
        self._beginning = True
        try:
            while self._waiting and len(self._under_way) < self._workers:
                index, input = self._waiting.popleft()
                seen = self._journal is not None and self._journal.begin(index)
                row: Callable[..., Any] = functools.partial(self._run_row, index, input, seen)
                if self._own is not None:
                    exchange = self._exchanges[index] = Exchange()
                    row = functools.partial(_within, exchange, row)
                self._under_way[index] = future = self._executor.submit(row)
                future.add_done_callback(functools.partial(self._ended, index, input))
        finally:
            self._beginning = False

    def _ended(self, index: int, input: Any, future: Future[Any]) -> None:
        with self._lock:
            del self._under_way[index]
            self._exchanges.pop(index, None)
            if self._stopped:
                return
            try:
                error = future.exception()
                output = None if error is not None else future.result()
                if isinstance(output, Refused):
                    error = output.error
                    if self._journal is not None:
                        self._journal.withdraw(index)
                if error is None:
                    result = result_of(index, input, output, self._schema)
                    if self._journal is not None:
                        self._journal.end(index, input, output)
                else:
                    result = Result(index, input, None, error)
                self._begin()
            except BaseException as failure:  # not the row's: the consumer raises it
                self._done.put(failure)
            else:
                self._done.put(result)

    def stop(self) -> None:
        """Leave at once: what is under way is given up. Any number of times."""
        with self._lock:
            self._stopped = True
            futures = list(self._under_way.values())
            exchanges = list(self._exchanges.values())
        for future in futures:
            future.cancel()
        for exchange in exchanges:
            exchange.abort()
        if self._own is not None:
            self._own.shutdown(wait=False)


def _within(exchange: Exchange, row: Callable[[], Any]) -> Any:
    with exchange:
        return row()
