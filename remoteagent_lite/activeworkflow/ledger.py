"""Runs that are waited for: by which agent, and what ActiveWorkflow is known to have of them.

ActiveWorkflow sends an agent's memory as it was when a job began, runs several jobs of an agent at
a time, and keeps the memory that is saved last. An answer may get lost, and the call come again. No
call says which agent makes it. What holds nevertheless:

* The memory of an agent bears its mark, which stays, and a turn, another one in each answer that
  writes memory. A call that shows a turn proves that the answer with it was stored: only then what
  was told in it is forgotten here.
* At most one answer of an agent that writes memory is out at a time. Others write none, so that
  none overwrites it. It is out until its turn is shown, or for as long as storing it may take.
  After that it was lost, and all it told is told again.
* Agents that have no mark yet look alike, if their options do. Their runs wait together, one ticket
  for each message of each of them, until one of them has got its mark; what nobody comes for goes
  to any agent with these options that has not had it.

Memory holds the runs too, for the time after a restart. No I/O, but for what nobody will ever come
for, which is told in the log of the host.
"""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import time
import uuid
from collections import OrderedDict
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Set, Tuple

__all__ = ["Desk", "Ledger", "PendingRun"]

logger = logging.getLogger("remoteagent_lite.activeworkflow")

#: Seconds that ActiveWorkflow may take to store an answer. It repeats a call that failed after six.
STORING = 5.0

#: Seconds that an agent without a mark, or with a new one, is given to show itself.
GRACE = 90.0

#: Seconds that the memory which a call brings may be old: ActiveWorkflow waits no longer for a call
#: that has to wait for its turn.
STALE = 60.0

#: Seconds for which only a check may write memory, if one could not because of others.
_CHECK_FIRST = 120.0

#: Seconds between two looks for what nobody comes for, and after which that is given up: agents
#: may be scheduled once a week.
_SWEEP, _GIVEN_UP = 30.0, 8 * 86400.0

#: How many ids are remembered: of runs that were sent, answers, and what one agent was told.
_REMEMBERED = 4096


class PendingRun:
    """One run, until its answer is known to be stored. The ledger says since when it waits."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.session_id = run_id
        self.carried: Dict[str, Any] = {}
        self.is_paused = False
        self.is_unlisted = False  # only the id that the server gave it finds it
        self.since = int(time.time())  # by the wall clock, as memory outlives this process
        self.begun = -math.inf  # the rest by the clock of the calls
        self.waits_since = -math.inf
        self.taken_until = -math.inf
        self.is_stray = False  # written into a memory that has not come back
        self.former: Optional[str] = None  # the mark in it, if that was seen before

    def to_memory(self) -> Dict[str, Any]:
        """What has to be remembered, as short as it can be."""
        memory: Dict[str, Any] = {"run": self.run_id, "since": self.since}
        if self.session_id != self.run_id:
            memory["session"] = self.session_id
        if self.carried:
            memory["carry"] = self.carried
        if self.is_paused:
            memory["paused"] = True
        return memory

    @classmethod
    def from_memory(cls, memory: Any, now: float) -> Optional[PendingRun]:
        """None for what is no run: memory is the user's to edit."""
        if not isinstance(memory, dict) or not isinstance(memory.get("run"), str):
            return None
        run = cls(memory["run"])
        if isinstance(memory.get("session"), str):
            run.session_id = memory["session"]
        if isinstance(memory.get("since"), (int, float)):
            run.since = memory["since"]
        if isinstance(memory.get("carry"), dict):
            run.carried = memory["carry"]
        run.is_paused = memory.get("paused") is True
        run.begun = now - max(0.0, time.time() - run.since)
        return run


class _Answer:
    """An answer that writes memory, until a call shows that it was stored."""

    def __init__(self, agent: _Agent, runs: List[PendingRun]) -> None:
        self.turn = uuid.uuid4().hex[:12]
        self.agent = agent
        self.mark = agent.mark or uuid.uuid4().hex[:12]
        self.runs = runs
        self.told: Set[str] = set()
        self.until = math.inf  # as long as it is being made


class _Agent:
    """An agent of ActiveWorkflow; or, without mark, all new ones of one scope."""

    def __init__(self, mark: Optional[str], scope: str, now: float) -> None:
        self.mark = mark
        self.scope = scope
        self.heard = now
        self.patience = 0.0
        self.check_first_until = -math.inf
        self.marked_at = -math.inf  # when one of them was last seen to have got its mark
        self.runs: List[PendingRun] = []
        self.told: OrderedDict[str, None] = OrderedDict()  # and known to be stored
        self.out: Optional[_Answer] = None

    def has(self, run_id: str) -> bool:
        return any(run.run_id == run_id for run in self.runs)

    def had(self, run_id: str) -> bool:
        return run_id in self.told or self.has(run_id)


class Ledger:
    """What one process knows of the runs of all agents that one bridge serves.

    Safe for threads; its lock is held for lookups only.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards all below, and what hangs on it
        self._sent: OrderedDict[str, str] = OrderedDict()  # ids as we gave them, and as they are
        self._begun: Set[str] = set()
        self._agents: Dict[str, _Agent] = {}  # by mark
        self._newcomers: Dict[str, _Agent] = {}  # by scope
        self._answers: OrderedDict[str, _Answer] = OrderedDict()  # by turn, if not yet proven
        self._handed_over: OrderedDict[str, None] = OrderedDict()
        self._next_sweep = -math.inf
        self._uncollected: List[PendingRun] = []  # to be told once the lock is free

    # --- Runs that were sent

    @contextlib.contextmanager
    def beginning(self, run_id: str) -> Iterator[bool]:
        """For as long as the run is looked for and begun: whether no other call does just that."""
        with self._lock:
            is_alone = run_id not in self._begun
            self._begun.add(run_id)
        try:
            yield is_alone
        finally:
            if is_alone:
                with self._lock:
                    self._begun.discard(run_id)

    def sent(self, run_id: str, known_as: str) -> None:
        with self._lock:
            _keep(self._sent, run_id, known_as)

    def known_as(self, run_id: str) -> str:
        """The id that the server gave to the run, if it is known."""
        with self._lock:
            return self._sent.get(run_id, run_id)

    def was_sent(self, run_id: str) -> bool:
        """Whether the run may have been executed, for all this process knows."""
        with self._lock:
            return run_id in self._sent

    def was_refused(self, run_id: str) -> None:
        with self._lock:
            self._sent.pop(run_id, None)

    # --- Runs that are waited for

    def desk(
        self, scope: str, memory: Mapping[str, Any], clock: Callable[[], float], patience: float
    ) -> Desk:
        """What the call with that memory has before it; ``clock`` is the one of the calls.

        ``scope`` is the same for agents that cannot be told apart but by their memory. After
        ``patience`` seconds of silence what an agent waits for goes to others of its scope.
        """
        mark, turn, now = memory.get("mark"), memory.get("turn"), clock()
        with self._lock:
            self._sweep(now)
            if isinstance(mark, str):
                agent = self._agents.setdefault(mark, _Agent(mark, scope, now))
            else:
                agent = self._newcomers.setdefault(scope, _Agent(None, scope, now))
            agent.scope, agent.heard, agent.patience = scope, now, patience
            answer = self._answers.get(turn) if isinstance(turn, str) else None
            if answer is not None and answer.mark == mark:
                self._prove(answer, agent, now)
            if agent.out is not None and agent.out.until < now:
                agent.out = None
            if agent.mark is not None:
                self._recall(agent, memory.get("runs"), now)
            uncollected, self._uncollected = self._uncollected, []
        for run in uncollected:
            logger.error(
                "the answer of run %s (session %s) was never collected: the agent that asked for "
                "it was deleted, has other options now, or is not scheduled",
                run.run_id,
                run.session_id,
            )
        return Desk(self, agent, memory, clock)

    def _prove(self, answer: _Answer, agent: _Agent, now: float) -> None:
        """A call of the agent shows that the answer was stored."""
        del self._answers[answer.turn]
        origin = answer.agent
        if origin.out is answer:
            origin.out = None
        if origin is not agent:  # it has got its mark by it
            origin.marked_at = now
            for run in answer.runs:
                if run in origin.runs:
                    origin.runs.remove(run)
                elif run.run_id in self._handed_over:
                    continue
                if not agent.had(run.run_id):
                    agent.runs.append(run)
        for run_id in answer.told:
            agent.runs = [run for run in agent.runs if run.run_id != run_id]
            _keep(agent.told, run_id, None)

    def _is_known(self, run: PendingRun, scope: str) -> bool:
        """Whether an agent of the scope has had the run."""
        return any(
            agent.scope == scope and agent.had(run.run_id) for agent in self._agents.values()
        )

    def _recall(self, agent: _Agent, remembered: Any, now: float) -> None:
        """Give the agent what its memory has and this process has not: it was started anew."""
        for each in remembered if isinstance(remembered, list) else ():
            run = PendingRun.from_memory(each, now)
            if run is None or agent.had(run.run_id) or run.run_id in self._handed_over:
                continue
            agent.runs.append(self._offered(run, agent) or run)

    def _offered(self, run: PendingRun, agent: _Agent) -> Optional[PendingRun]:
        """The run as it was taken from the agent, which was silent, and is now given back."""
        for newcomers in self._newcomers.values():
            for each in newcomers.runs:
                if each.run_id == run.run_id and each.former == agent.mark:
                    newcomers.runs.remove(each)
                    return each
        return None

    def _unclaimed(self, agent: _Agent, now: float) -> List[PendingRun]:
        """One ticket for each run that waits for new agents, or for nobody, and that it may have.

        Others than new ones wait until those have had the time to come.
        """
        newcomers = self._newcomers.get(agent.scope)
        if newcomers is None:
            return []
        self._rename(newcomers.runs)
        free: Dict[str, PendingRun] = {}
        for run in newcomers.runs:
            is_free = run.taken_until < now
            if agent is not newcomers:
                is_free = is_free and run.waits_since + GRACE < now
                is_free = is_free and not agent.had(run.run_id)
            if is_free:
                free.setdefault(run.run_id, run)
        return list(free.values())

    def _rename(self, runs: List[PendingRun]) -> None:
        """The ids that the server gave to them meanwhile."""
        for run in runs:
            run.run_id = self._sent.get(run.run_id, run.run_id)

    def _hand_over(self, run: PendingRun, agent: _Agent) -> None:
        self._newcomers[agent.scope].runs.remove(run)
        agent.runs.append(run)
        if run.is_stray:
            _keep(self._handed_over, run.run_id, None)

    def _sweep(self, now: float) -> None:
        """Look for what nobody comes for."""
        if self._next_sweep - _SWEEP <= now < self._next_sweep:
            return
        self._next_sweep = now + _SWEEP
        told: Set[Tuple[Optional[str], str]] = set()
        for answer in self._answers.values():
            told.update((answer.agent.mark, run_id) for run_id in answer.told)
            if answer.agent.mark is None and answer.until + answer.agent.patience < now:
                # The memory that was to have these was overwritten. If the answer with it was
                # lost, the message has come again.
                for run in answer.runs:
                    if not (run in answer.agent.runs or self._is_known(run, answer.agent.scope)):
                        self._offer(run, answer.agent, now)
                answer.runs = []
        for mark, agent in list(self._agents.items()):
            silence = now - agent.heard
            if silence <= agent.patience:
                continue
            for run in list(agent.runs):
                # What an answer has told may still show to have been stored.
                if (mark, run.run_id) not in told:
                    agent.runs.remove(run)
                    self._offer(run, agent, now)
            if not agent.runs or silence > _GIVEN_UP:
                self._uncollected += agent.runs
                del self._agents[mark]
        for scope, newcomers in list(self._newcomers.items()):
            self._rename(newcomers.runs)
            for run in list(newcomers.runs):
                waits = now - run.waits_since
                is_known = self._is_known(run, scope)
                if waits > (newcomers.patience if is_known else _GIVEN_UP):
                    newcomers.runs.remove(run)
                    if not is_known:
                        self._uncollected.append(run)
            if not newcomers.runs and now - newcomers.heard > newcomers.patience:
                del self._newcomers[scope]

    def _offer(self, run: PendingRun, agent: _Agent, now: float) -> None:
        """Let other agents of the scope have the run of one that does not come for it."""
        run.waits_since, run.taken_until = now, -math.inf
        run.is_stray, run.former = True, agent.mark
        newcomers = self._newcomers.setdefault(agent.scope, _Agent(None, agent.scope, now))
        newcomers.runs.append(run)

    def __repr__(self) -> str:
        waiting = [*self._agents.values(), *self._newcomers.values()]
        return "<Ledger of %d runs>" % sum(len(agent.runs) for agent in waiting)


class Desk:
    """The runs that one agent waits for, during one call. Belongs to the thread of the call.

    A receive adds its run and asks for the ``record`` of it; a check ``collect``s, tells what there
    is to tell, and must end with ``closed`` or ``abandon``.
    """

    def __init__(
        self,
        ledger: Ledger,
        agent: _Agent,
        memory: Mapping[str, Any],
        clock: Callable[[], float],
    ) -> None:
        self._ledger = ledger
        self._agent = agent
        self._memory = memory
        self._clock = clock
        self._began = clock()
        self._answer: Optional[_Answer] = None

    def __len__(self) -> int:
        with self._ledger._lock:
            return len({run.run_id for run in self._agent.runs})

    def age(self, run: PendingRun) -> float:
        """Seconds since the run was begun."""
        return self._clock() - run.begun

    def add(self, run: PendingRun) -> bool:
        """Wait for the run, for a check to tell of it; False if one has, and that was stored."""
        agent, now = self._agent, self._clock()
        run.begun = run.waits_since = now
        with self._ledger._lock:
            if run.run_id in agent.told:
                return False
            may_write = self._may_write() and now >= agent.check_first_until
            if agent.mark is None and may_write:
                self._begin([run])  # memory has it
            elif agent.mark is None or not agent.has(run.run_id):
                # Of agents without mark each has to have its own, and so has each of its calls:
                # who calls again cannot be told from who else calls.
                agent.runs.append(run)
            if agent.mark is not None and may_write:
                self._begin(list(agent.runs))
        return True

    def record(self) -> Optional[Dict[str, Any]]:
        """The memory to be written by a receive, or None for none."""
        return None if self._answer is None else self._written(0.0)

    def collect(self) -> Optional[List[PendingRun]]:
        """The runs to look at; None if there are any, and another call is at it."""
        agent, ledger, now = self._agent, self._ledger, self._clock()
        with ledger._lock:
            runs = ledger._unclaimed(agent, now)
            if not self._may_write():
                agent.check_first_until = now + _CHECK_FIRST
                return None if agent.runs or runs else []
            agent.check_first_until = -math.inf
            if agent.mark is not None:
                for run in runs:
                    ledger._hand_over(run, agent)
                runs = list(agent.runs)
            self._begin(runs)
        return list(runs)

    def told(self, run: PendingRun) -> None:
        """The answer of this call has what there is to say of the run."""
        assert self._answer is not None
        with self._ledger._lock:
            self._answer.told.add(run.run_id)

    def closed(self, seconds: float) -> Optional[Dict[str, Any]]:
        """The memory to be written by a check, or None; storing its answer takes ``seconds``."""
        if self._answer is None:
            return None
        pending = self._pending()
        if not self._answer.told and pending == (self._memory.get("runs") or []):
            self.abandon()
            return None
        return self._written(seconds)

    def abandon(self) -> None:
        """The check ends without an answer that tells anything."""
        with self._ledger._lock:
            answer, self._answer = self._answer, None
            if answer is not None:
                del self._ledger._answers[answer.turn]
                self._agent.out = None
                for run in answer.runs:
                    run.taken_until = -math.inf

    def _may_write(self) -> bool:
        agent = self._agent
        # A call without mark may be of the agent that has just got one, and began before that.
        return agent.out is None and agent.marked_at + STALE < self._began

    def _begin(self, runs: List[PendingRun]) -> None:
        self._answer = self._agent.out = _Answer(self._agent, runs)
        _keep(self._ledger._answers, self._answer.turn, self._answer)
        for run in runs:
            run.taken_until = math.inf

    def _pending(self) -> List[Dict[str, Any]]:
        answer = self._answer
        assert answer is not None
        return [run.to_memory() for run in answer.runs if run.run_id not in answer.told]

    def _written(self, seconds: float) -> Dict[str, Any]:
        answer = self._answer
        assert answer is not None
        now = self._clock()
        with self._ledger._lock:
            answer.until = now + max(STORING, 2.0 * seconds)
            for run in answer.runs:
                run.taken_until = now + GRACE
        return {"mark": answer.mark, "turn": answer.turn, "runs": self._pending()}


def _keep(values: OrderedDict[str, Any], key: str, value: Any) -> None:
    values[key] = value
    values.move_to_end(key)
    if len(values) > _REMEMBERED:
        values.popitem(last=False)
