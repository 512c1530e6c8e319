"""Where runs of local components are begun, executed, followed, cancelled and continued.

Each run has a record and a log in the store, and while its function runs a thread here. The thread
holds the run: it renews that every few seconds, and once it does not, the run is taken for dead by
whoever finds it, in any process, and fails. A pause has no thread.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import uuid
import weakref
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Tuple

from ...errors import RemoteAgentError, StoreError
from ...wsgi import Refused
from ..store.contract import Limits, Query, Session, Store
from .answers import called
from .component import LocalComponent
from .entries import Entry, Outcome, read, written
from .execution import Execution, RunEnded
from .journal import Journal
from .pending import check
from .record import Asked, Json, Record
from .run import AgentError, Paused, Rejected, Run

__all__ = ["Engine", "Following", "Logged"]

logger = logging.getLogger("remoteagent_lite.gateway")

#: A run is renewed every so many seconds, and is dead when it was not for so many.
BEAT, LEASE = 2.0, 12.0
#: Seconds between two looks for the dead and for what is too old.
_SWEEP = 30.0
#: Seconds for which a closing engine waits for its functions to notice.
_CLOSE = 5.0
#: How many of the log are read at a time.
_PAGE = 500
#: No log is as long.
_FAR = 1 << 60
#: Seconds between two looks at a run that somebody else is ending.
_WAIT = 0.5
#: What the holder of a run begins with that is being ended.
_ENDING = "ending "
#: What a record has only while its run goes on.
_NOTHING_PENDING = dict.fromkeys(("pending", "journal", "entries"))
#: How many of a session's runs a function is shown.
_HISTORY = 100

_DEAD = "The process that executed the run has ended."
_CLOSED = "The gateway was closed."

#: Those that may execute something when the process ends.
_executing: weakref.WeakSet[Engine] = weakref.WeakSet()


@atexit.register
def _give_up() -> None:
    """At the end of the process nobody need wait until its runs are taken for dead."""
    for engine in list(_executing):
        try:
            engine.give_up(_DEAD)
        except StoreError as error:
            logger.error("runs are left to be found dead: %s", error)


class Logged(NamedTuple):
    """An entry of a run's log, with its place in it."""

    place: int
    entry: Entry


class Engine:
    """Any thread may call; methods block for as long as the store does, ``wait`` longer.

    ``most_runs`` is how many may be executed at a time, in this process. ``keep`` are the bounds
    of the store.
    """

    def __init__(
        self,
        store: Store,
        *,
        most_runs: int = 1000,
        keep: Limits = Limits(),  # noqa: B008 - immutable
        beat: Optional[float] = None,
        lease: Optional[float] = None,
    ) -> None:
        self.store = store
        self._most_runs = most_runs
        self._keep = keep
        self._beat = BEAT if beat is None else beat
        self._lease = LEASE if lease is None else lease
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()  # guards all below
        self._executions: Dict[str, Execution] = {}
        self._threads: Dict[str, threading.Thread] = {}
        self._keeper: Optional[threading.Thread] = None
        self._wake = threading.Event()
        self._next_sweep = time.monotonic()
        self._closings = 0

    # --- Runs

    def begin(self, local: LocalComponent, asked: Asked) -> Record:
        """Begin a run, in a thread of its own; its record.

        Refused: 409 if there is a run with its id, 429 if too many are executed.
        """
        self._survive()
        with self._lock:
            if len(self._executions) >= self._most_runs:
                text = "%d runs are executed, the most at a time." % self._most_runs
                raise Refused(429, text, ("Retry-After", "1"))
        record = Record.begun(local.key, asked, uuid.uuid4().hex, time.time() + self._lease)
        if not self.store.add(record.kept):
            raise Refused(409, "There is a run with the id %.80s already." % asked.run_id)
        self._execute(local, record, Journal(), {"kind": "started"})
        return record

    def answer(
        self,
        local: LocalComponent,
        record: Record,
        answer: Any,
        message: Optional[Json] = None,
    ) -> Record:
        """Go on with a paused run, in this process; its record.

        ``message`` is what brought the answer, as A2A writes it. ValueError for what is no answer
        to what the run asks; Refused, 409, if it does not wait for one any more.
        """
        self._survive()
        pending = record.data.get("pending")
        if record.status != "PAUSED" or pending is None:
            raise Refused(409, "run is already %s" % record.status.lower())
        value = check(pending, answer)
        place = pending["place"]
        kept = dict(record.data.get("journal", {}))
        kept[place] = {**kept[place], "value": value}
        if message is None:
            said = value if isinstance(value, str) else None
            part = {"data": value} if said is None else {"text": said}
            message = {"messageId": str(uuid.uuid4()), "role": "ROLE_USER", "parts": [part]}
        message = {**message, "taskId": record.run_id, "contextId": record.session_id}
        begins = record.data["entries"]
        data = {
            "pending": None,
            "journal": kept,
            "messages": [*record.data["messages"], message],
            "begins": begins,
        }
        holder, until = uuid.uuid4().hex, time.time() + self._lease
        follows = record.changed("RUNNING", data, holder=holder, held_until=until)
        entry: Entry = {"kind": "continued", "message": message, "at": time.time()}
        if not self.store.change(follows.kept, [written(entry)]):
            raise Refused(409, "run is already continued")
        self._execute(local, follows, Journal(kept, place), entry)
        return follows

    def cancel(self, record: Record, reason: str) -> Record:
        """Cancel a run, whoever executes it; its record, or how it ended if it was over."""
        return self._take_away(record, "CANCELLED", "cancelled", reason)

    def find(self, key: str, run_id: str, user_id: Optional[str] = None) -> Optional[Record]:
        """A run of the component ``key``; None if there is none, or it is another user's."""
        kept = self.store.get(run_id)
        if kept is None or kept.component != key:
            return None
        if user_id is not None and kept.user_id != user_id:
            return None
        return self._living(Record.read(kept))

    def runs(self, query: Query) -> List[Record]:
        """The runs that fit, the last changed first."""
        return [self._living(Record.read(kept)) for kept in self.store.runs(query)]

    def count(self, query: Query) -> int:
        return self.store.count(query)

    def sessions(self, query: Query) -> List[Session]:
        return self.store.sessions(query)

    def delete(self, records: Iterable[Record]) -> None:
        """Forget runs. Those that are executed are cancelled first."""
        records = [self.cancel(record, "It was deleted.") for record in records]
        self.store.delete([record.run_id for record in records])

    def entries(self, record: Record, start: int = 0) -> List[Entry]:
        """All of a run's log from an index on, as far as it goes now."""
        found: List[Entry] = []
        while True:
            texts = self.store.entries(record.run_id, start + len(found), _PAGE)
            found += map(read, texts)
            if len(texts) < _PAGE:
                return found

    def follow(self, record: Record, start: int = 0, *, through_pauses: bool = False) -> Following:
        """Its log from an index on, entry by entry as they come, to the end of the run.

        Or to its pause, unless it goes ``through_pauses``.
        """
        self._survive()
        return Following(self, record, start, through_pauses)

    def wait(self, record: Record, seconds: Optional[float] = None) -> Record:
        """The record once the run is over or paused, or as it is after so many ``seconds``."""
        until = None if seconds is None else time.monotonic() + seconds
        while record.status == "RUNNING":
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                break
            execution = self.execution(record.run_id)
            if execution is not None:
                execution.wait(left)
                record = execution.record
                # After a pause the run may have gone on elsewhere by now.
                record = self._again(record) if record.status == "PAUSED" else record
                continue
            step = 1.0 if left is None else min(1.0, left)
            self.store.wait(record.run_id, _FAR, record.kept.version, step)
            record = self._again(record)
        return record

    def close(self) -> None:
        """End what is executed: these runs fail. Waits some seconds for functions to notice.

        Followers end too. It can be used again; paused runs stay.
        """
        with self._lock:
            self._closings += 1
            threads = list(self._threads.values())
            keeper = self._keeper
        self.give_up(_CLOSED)
        until = time.monotonic() + _CLOSE
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, until - time.monotonic()))
        self._wake.set()
        if keeper is not None and not self._executions:
            keeper.join(max(0.0, until - time.monotonic()))
        self.store.close()

    def give_up(self, reason: str) -> None:
        """Fail what is executed in this process."""
        self._survive()
        with self._lock:
            executions = list(self._executions.values())
        for execution in executions:
            if not execution.is_over:  # one that pauses meanwhile is held by nobody then
                holder = execution.record.kept.holder
                self._take_away(execution.record, "ERROR", "failed", reason, held_by=holder)

    def _again(self, record: Record) -> Record:
        """The record as it is now; one that failed if it was deleted."""
        found = self.find(record.kept.component, record.run_id)
        error = {"text": "The run was deleted.", "type": "deleted"}
        return found or record.changed("ERROR", {"error": error})

    # --- What the rooms beside it need

    @property
    def closings(self) -> int:
        """How often it was closed: whoever follows ends with that."""
        return self._closings

    def execution(self, run_id: str) -> Optional[Execution]:
        """What executes a run in this process, if anything does."""
        self._survive()
        with self._lock:
            execution = self._executions.get(run_id)
        # One that is over may be here for a moment more, while the run goes on elsewhere.
        return None if execution is None or execution.is_over else execution

    # --- Executing

    def _execute(
        self, local: LocalComponent, record: Record, journal: Journal, first: Entry
    ) -> None:
        execution = Execution(self.store, record)
        if first["kind"] == "continued":
            execution.show(first)
        run_id = record.run_id
        _executing.add(self)
        thread = threading.Thread(
            target=self._perform,
            args=(local, execution, journal, first),
            name="remoteagent-gateway-run",
            daemon=True,  # the end of the process does not wait for a function
        )
        with self._lock:
            self._executions[run_id] = execution
            self._threads[run_id] = thread
        try:
            thread.start()
            self._keep_alive()
        except RuntimeError:  # no thread to be had
            self._forget(run_id, execution)
            self._take_away(record, "ERROR", "failed", "There is no thread to be had.")
            raise Refused(503, "There is no thread to be had.", ("Retry-After", "1")) from None

    def _perform(
        self, local: LocalComponent, execution: Execution, journal: Journal, first: Entry
    ) -> None:
        run = Run(execution, journal, lambda: self._earlier(execution.record))
        try:
            try:
                if first["kind"] != "continued":
                    execution.tell(first)
                self._end(local, execution, journal, run)
            except RunEnded:
                self._look_after(execution)
        except StoreError as error:
            logger.error("a run of %s breaks off: %s", local.key, error)
            execution.stop(self._failed(execution, str(error), "StoreError"), None)
        finally:
            self._forget(execution.record.run_id, execution)

    def _end(self, local: LocalComponent, execution: Execution, journal: Journal, run: Run) -> None:
        """Call the function, and tell how it ended."""
        try:
            record, entry = self._called(local, execution, journal, run)
        except (RunEnded, StoreError):
            raise
        except BaseException as error:
            logger.exception("the function of %s failed", local.key)
            name = type(error).__name__
            text = "%s failed (%s)" % (local.id, name)
            record = self._failed(execution, text, name)
            entry = {"kind": "failed", "text": text, "type": name}
        if not execution.end(record, entry):
            self._look_after(execution)

    def _called(
        self, local: LocalComponent, execution: Execution, journal: Journal, run: Run
    ) -> Tuple[Record, Entry]:
        try:
            content = called(local, run)
            if journal.is_replaying:
                raise RuntimeError("the function ended before it came to where it had paused")
            return self._completed(execution, run, content)
        except Paused as paused:
            return self._paused(execution, journal, paused.pending)
        except Rejected as rejected:
            text = str(rejected)
            record = self._failed(execution, text, "rejected")
            return record, {"kind": "rejected", "text": text}
        except AgentError as error:
            text = str(error)
            record = self._failed(execution, text, "AgentError")
            return record, {"kind": "failed", "text": text, "type": "AgentError"}

    def _completed(self, execution: Execution, run: Run, content: Any) -> Tuple[Record, Entry]:
        if run.reply_message is not None and content is None:
            parts = run.reply_message["parts"]
            text = "\n".join(part["text"] for part in parts if "text" in part)
            if not execution.outcome.text:
                content = text if text else [part.get("data") for part in parts]
        if content is not None and execution.outcome.text:
            run.send_data(content)
            content = None
        data = execution.outcome.data()
        if content is not None:
            data["content"] = content
        if data["content"] is None:
            data["content"] = ""
        if run.reply_message is not None:
            data["reply"] = run.reply_message
        record = self._ended(execution, "COMPLETED", data)
        return record, {"kind": "completed", "content": data["content"]}

    def _paused(
        self, execution: Execution, journal: Journal, pending: Json
    ) -> Tuple[Record, Entry]:
        asked = execution.asked(pending)
        told = execution.length
        data = {
            **execution.outcome.data(),
            "pending": pending,
            "journal": journal.kept,
            "entries": told + 1,
            "messages": [*execution.record.data["messages"], asked],
        }
        record = execution.record.changed("PAUSED", data, holder="", held_until=0.0)
        return record, {"kind": "paused", "pending": pending, "message": asked}

    def _failed(self, execution: Execution, text: str, kind: str) -> Record:
        data = {**execution.outcome.data(), "error": {"text": text, "type": kind}}
        return self._ended(execution, "ERROR", data)

    @staticmethod
    def _ended(execution: Execution, status: str, data: Json) -> Record:
        data = {**_NOTHING_PENDING, **data}
        return execution.record.changed(status, data, holder="", held_until=0.0)

    def _earlier(self, record: Record) -> List[Record]:
        query = Query(
            record.kept.component,
            record.session_id,
            record.kept.user_id,
            limit=_HISTORY + 1,
        )
        found = [Record.read(kept) for kept in self.store.runs(query)]
        found = [each for each in found if each.run_id != record.run_id]
        return sorted(found[:_HISTORY], key=lambda each: each.kept.created_at)

    def _forget(self, run_id: str, execution: Execution) -> None:
        with self._lock:
            if self._executions.get(run_id) is execution:
                del self._executions[run_id]
                del self._threads[run_id]

    # --- Taking away

    def _living(self, record: Record, ours: bool = True) -> Record:
        """The record; that of a run whose process has died once it has failed for that."""
        held = record.kept.holder and record.kept.held_until
        if held and held < time.time() and not (ours and self.execution(record.run_id)):
            return self._take_away(record, "ERROR", "failed", _DEAD, overdue=True)
        return record

    def _take_away(
        self,
        record: Record,
        status: str,
        kind: str,
        text: str,
        overdue: bool = False,
        held_by: Optional[str] = None,
    ) -> Record:
        """End a run, whoever executes it; or the record as it is, if it was over.

        The run is taken first: from then on its function's words are not kept any more, so that the
        record has all that the log has. With ``held_by`` it is ended only if this one holds it.
        """
        error = {"text": text, "type": kind if kind == "cancelled" else "Interrupted"}
        while True:
            kept = self.store.get(record.run_id)
            if kept is None:
                return record
            record = Record.read(kept)
            if record.is_over or (overdue and kept.held_until >= time.time()):
                return record
            if held_by is not None and kept.holder != held_by:
                return record
            if kept.holder.startswith(_ENDING) and kept.held_until >= time.time():
                # Somebody else is ending it.
                self.store.wait(kept.run_id, _FAR, kept.version, _WAIT)
                continue
            outcome = Outcome(record.data)
            if record.status != "PAUSED":
                holder, until = _ENDING + uuid.uuid4().hex, time.time() + self._lease
                record = record.changed(record.status, {}, holder=holder, held_until=until)
                if not self.store.change(record.kept):
                    continue
                for entry in self.entries(record, record.begins):
                    outcome.add(entry)
            data = {**_NOTHING_PENDING, **outcome.data(), "error": error}
            last: Entry = {"kind": kind, **error, "at": time.time()}
            if kind == "cancelled":
                last["content"] = outcome.text
            ended = record.changed(status, data, holder="", held_until=0.0)
            if self.store.change(ended.kept, [written(last)]):
                execution = self.execution(ended.run_id)
                if execution is not None:
                    execution.stop(ended, last)
                return ended

    def _look_after(self, execution: Execution) -> None:
        """The run is somebody else's now: tell those who listen here how that ends it."""
        record: Optional[Record] = execution.record
        while not execution.is_over:
            kept = self.store.get(execution.record.run_id)
            if kept is None:
                record = self._failed(execution, "The run was deleted.", "deleted")
                execution.stop(
                    record, {"kind": "failed", **record.data["error"], "at": time.time()}
                )
                return
            record = self._living(Record.read(kept), ours=False)
            if record.is_over:
                entries = self.store.entries(kept.run_id, execution.length, 1)
                execution.stop(record, read(entries[0]) if entries else None)
                return
            self.store.wait(kept.run_id, _FAR, kept.version, _WAIT)

    # --- Keeping alive

    def _keep_alive(self) -> None:
        with self._lock:
            if self._keeper is not None or not self._executions:
                return
            self._wake = threading.Event()
            self._keeper = threading.Thread(
                target=self._renew, name="remoteagent-gateway-runs", daemon=True
            )
            self._keeper.start()

    def _renew(self) -> None:
        """Renew what is executed here, for as long as anything is."""
        while True:
            if self._wake.wait(self._beat):
                self._wake.clear()
            with self._lock:
                executions = dict(self._executions)
                if not executions:
                    self._keeper = None
                    return
            try:
                self._renew_all(executions)
                self._sweep()
            except RemoteAgentError as error:
                logger.error("runs of local components cannot be renewed: %s", error)

    def _renew_all(self, executions: Dict[str, Execution]) -> None:
        holds = [(id, each.record.kept.holder) for id, each in executions.items()]
        held = self.store.renew(holds, time.time() + self._lease)
        for run_id, execution in executions.items():
            kept = None if run_id in held else self.store.get(run_id)
            if run_id not in held and (kept is None or kept.status != "RUNNING"):
                self._look_after(execution)  # else it is being ended: the next time

    def _sweep(self) -> None:
        now = time.monotonic()
        if now < self._next_sweep:
            return
        self._next_sweep = now + _SWEEP
        for kept in self.store.overdue(time.time()):
            self._living(Record.read(kept))
        keep = self._keep
        self.store.prune(time.time() - keep.seconds, keep.runs, keep.bytes)

    def _survive(self) -> None:
        """A forked child executes nothing of its parent's."""
        if self._process != os.getpid():
            self._begin_anew()


class Following:
    """A run's log, entry by entry, whichever process executes it. For one thread.

    ``record`` is the newest known; behind the last entry that of the run's end.
    """

    def __init__(self, engine: Engine, record: Record, start: int, through_pauses: bool) -> None:
        self.record = record
        self._engine = engine
        self._next = start
        self._through_pauses = through_pauses
        self._closings = engine.closings
        self._page: List[Entry] = []
        self._execution: Optional[Execution] = None
        self._is_over = False

    def next_event(self, timeout: Optional[float] = None) -> Optional[Logged]:
        """The next entry; None at the end. Blocks; TimeoutError after ``timeout`` seconds."""
        until = None if timeout is None else time.monotonic() + timeout
        while not self._is_over:
            entry = self._local(until) if self._is_local() else self._stored(until)
            if entry is not None:
                self._next += 1
                return Logged(self._next - 1, entry)
        return None

    def cancel(self, wait: Optional[float] = None) -> None:
        """Cancel the run; what it told by then can still be read."""
        self.record = self._engine.cancel(self.record, "Operation cancelled by user")

    def close(self) -> None:
        """Follow it no longer. The run goes on."""
        self._is_over = True

    def __enter__(self) -> Following:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.close()

    def _is_local(self) -> bool:
        """Whether the next entry is one that an execution in this process tells."""
        if self._page:
            return False
        if self._execution is None:
            self._execution = self._engine.execution(self.record.run_id)
        return self._execution is not None and self._next >= self._execution.base

    def _local(self, until: Optional[float]) -> Optional[Entry]:
        execution = self._execution
        assert execution is not None
        left = None if until is None else until - time.monotonic()
        entry = execution.entry(self._next, left)
        if entry is None:
            self._execution = None
            if execution.record.is_over:
                self.record = execution.record
                self._is_over = True
            # After a pause the run may have gone on elsewhere by now: the store knows.
        return entry

    def _stored(self, until: Optional[float]) -> Optional[Entry]:
        engine, run_id = self._engine, self.record.run_id
        if not self._page:
            found = engine.find(self.record.kept.component, run_id)
            if found is None:  # deleted
                self._is_over = True
                return None
            self.record = found  # before the log: of a run that is over, that is whole then
            self._page = [read(each) for each in engine.store.entries(run_id, self._next, _PAGE)]
        if self._page:
            return self._page.pop(0)
        if self._ends() or engine.closings != self._closings:
            self._is_over = True
            return None
        left = 1.0 if until is None else min(1.0, until - time.monotonic())
        if left <= 0:
            raise TimeoutError("nothing was told")
        engine.store.wait(run_id, self._next, self.record.kept.version, left)
        return None

    def _ends(self) -> bool:
        return self.record.is_over or (self.record.status == "PAUSED" and not self._through_pauses)
