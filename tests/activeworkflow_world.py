"""An ActiveWorkflow with agents of one bridge, in virtual time, in which all goes wrong that can.

The jobs of a ``Plan`` are done as the real one does them: with the memory as it was when a job
began, in any order, with answers that get lost, workers that are killed, and hosts that are started
anew. What is lost or doubled has to be among what docs/activeworkflow.md names.
"""

import copy
import heapq
import itertools
import json
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Set, Tuple

from remoteagent_lite.activeworkflow.bridge import Bridge
from remoteagent_lite.activeworkflow.protocol import handle
from remoteagent_lite.errors import NotFoundError
from remoteagent_lite.models import RunOutput
from remoteagent_lite.protocols.agentos.runs import AgentOS
from remoteagent_lite.protocols.component import AGENT

__all__ = ["Action", "Plan", "World"]

#: What becomes of one call of a job: stored; the answer does not arrive; the worker is killed
#: before it has stored anything, or when it has stored messages and not yet the memory.
STORED, LOST, KILLED, KILLED_HALFWAY = "stored", "lost", "killed", "killed halfway"

#: Seconds after which ActiveWorkflow repeats a call: that failed, and that nobody ended.
_AGAIN = {LOST: 6.0, KILLED: 130.0, KILLED_HALFWAY: 130.0}


class Action(NamedTuple):
    """So many seconds after the one before: a message for all agents or one, a check, a restart.

    ``fates`` are those of the first calls, ``lags`` how old the memory is that they bring, and
    ``seconds`` what storing their answers takes.
    """

    after: float
    kind: str  # "message", "check" or "restart"
    agent: int = 0
    fates: Tuple[str, ...] = ()
    seconds: Tuple[float, ...] = (0.1,)
    lags: Tuple[float, ...] = (0.0,)


class Plan(NamedTuple):
    agents: int
    shared: bool  # whether each message is for all agents
    slow: float  # seconds that a run takes
    actions: Tuple[Action, ...]


class Remote:
    """An agent that answers with what it was asked, after some time; and keeps its runs."""

    protocol = "agentos"
    base_url = "http://agents.test"
    id = "echo"
    component = AGENT
    _protocol = AgentOS(base_url, AGENT, "echo")

    def __init__(self, slow: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        self.slow = slow
        self.clock = clock
        self.ends: Dict[str, float] = {}
        self.prompts: Dict[str, str] = {}
        self.extra: Dict[str, Any] = {}  # what answers have beside their content

    def run(self, prompt: str, *, run_id: str, session_id: str, **_: Any) -> RunOutput:
        assert run_id not in self.prompts, "run twice: " + prompt
        self.prompts[run_id] = prompt
        self.ends[run_id] = self.clock() + self.slow
        return RunOutput(run_id=run_id, session_id=session_id, status="PENDING")

    def get_run(self, run_id: str, session_id: str, **_: Any) -> RunOutput:
        if run_id not in self.prompts:
            raise NotFoundError("Run not found", url=self.base_url, status_code=404)
        if self.clock() < self.ends[run_id]:
            return RunOutput(run_id=run_id, session_id=session_id, status="RUNNING")
        fields = dict(self.extra, content=self.prompts[run_id], status="COMPLETED")
        return RunOutput.from_dict(dict(fields, run_id=run_id, session_id=session_id))

    def wait_run(self, run_id: str, session_id: str, **_: Any) -> RunOutput:
        return self.get_run(run_id, session_id)

    def list_runs(self, session_id: str, **_: Any) -> List[Any]:
        return []


class Job:
    def __init__(self, action: Action, agent: int, message: Optional[Dict[str, Any]]) -> None:
        self.agent = agent
        self.message = message
        self.fates = itertools.chain(action.fates, itertools.repeat(STORED))
        self.seconds = itertools.cycle(action.seconds)
        self.lags = itertools.cycle(action.lags)


class Call:
    """One that brings a memory; ``result`` is its answer, once it is given and not yet stored."""

    def __init__(self, job: Job, snapshot: Dict[str, Any]) -> None:
        self.job = job
        self.snapshot = snapshot
        self.fate = STORED
        self.result: Optional[Dict[str, Any]] = None


class World:
    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._now = 1000.0
        self.remote = Remote(plan.slow, lambda: self._now)
        self._bridge = self._begun()
        self._count = itertools.count(1)
        self._events: List[Tuple[float, int, Callable[[], None]]] = []
        self._under_way: List[Call] = []
        self._of_before: Set[Call] = set()  # that were under way when the host was started anew
        self.memories: List[Dict[str, Any]] = [{} for _ in range(plan.agents)]
        self.emitted: List[List[str]] = [[] for _ in range(plan.agents)]
        self.errors: List[str] = []
        #: What was not emitted ten minutes after all was done.
        self.late: List[Set[str]] = [set() for _ in range(plan.agents)]
        #: Texts whose message an agent has taken, that may be doubled, and that may be lost.
        self.taken: List[Set[str]] = [set() for _ in range(plan.agents)]
        self.may_double: List[Set[str]] = [set() for _ in range(plan.agents)]
        self.may_be_lost: List[Set[str]] = [set() for _ in range(plan.agents)]
        #: Of agents that have messages of their own: some call came before there was a mark, or
        #: with one that is overwritten: by an answer of the host before to such a call.
        self.unmarked: Set[str] = set()
        self._by_mark: Dict[Optional[str], Set[str]] = {}
        self._overwritten: Set[str] = set()

    # --- The plan

    def play(self) -> None:
        at = self._now
        for action in self._plan.actions:
            at += action.after
            self._at(at, lambda action=action: self._act(action))  # type: ignore[misc]
        self._run()
        idle = Action(0.0, "check")
        for minute in range(75):  # more than an hour, after which agents are held to be silent
            is_over = self._is_over()
            if minute == 10:
                self.late = self.missing()
            for agent in range(self._plan.agents):
                self._at(self._now + 60.0, lambda agent=agent: self._start(Job(idle, agent, None)))  # type: ignore[misc]
            self._run()
            if is_over and self._is_over():
                break

    def _is_over(self) -> bool:
        return not any(self.missing())

    def missing(self) -> List[Set[str]]:
        if self._plan.shared:
            return [taken - set(emitted) for taken, emitted in zip(self.taken, self.emitted)]
        emitted = {text for texts in self.emitted for text in texts}
        return [taken - emitted for taken in self.taken]

    def _act(self, action: Action) -> None:
        if action.kind == "restart":
            self._forget()
            self._bridge = self._begun()
        elif action.kind == "check":
            self._start(Job(action, action.agent, None))
        else:
            number = next(self._count)
            stamp = "2026-01-01T00:00:%06.3fZ" % number
            payload = {"text": "number %d" % number}
            message = {"id": number, "payload": payload, "created_at": stamp}
            for agent in range(self._plan.agents):
                if self._plan.shared or agent == action.agent:
                    self._start(Job(action, agent, message))

    def _begun(self) -> Bridge:
        """A bridge as it is when its host has just been started."""
        return Bridge(self.remote, name="AskAgent", background=True)  # type: ignore[arg-type]

    def _forget(self) -> None:
        """What only the host that ends knows may be lost, or doubled if it was told.

        What is in memory may be overwritten, by answers of the old host that are being stored, and
        by calls that began before its last answers were. Doubled may be what is still to be
        received once more.
        """
        for agent, memory in enumerate(self.memories):
            mine = [call for call in self._under_way if call.job.agent == agent]
            recorded = [] if mine else memory.get("runs", [])
            known = {run["run"] for run in recorded}
            for text in self.taken[agent] | self._being_taken(agent):
                if text not in self.emitted[agent] and self._run_of(text) not in known:
                    self.may_be_lost[agent].add(text)
            self.may_double[agent].update(set(self.emitted[agent]) - self.taken[agent])
            for call in mine:
                self._of_before.add(call)
                self.may_double[agent].update(_texts(call.result))
                self.may_double[agent].update(
                    self.remote.prompts[run["run"]] for run in call.snapshot.get("runs", ())
                )

    def _being_taken(self, agent: int) -> Set[str]:
        return {
            call.job.message["payload"]["text"]
            for call in self._under_way
            if call.job.agent == agent and call.job.message is not None
        }

    def _run_of(self, text: str) -> Optional[str]:
        prompts = self.remote.prompts
        return next((run_id for run_id, prompt in prompts.items() if prompt == text), None)

    # --- Jobs

    def _start(self, job: Job) -> None:
        call = Call(job, copy.deepcopy(self.memories[job.agent]))
        self._under_way.append(call)
        self._at(self._now + next(job.lags), lambda: self._call(call))

    def _call(self, call: Call) -> None:
        job, message = call.job, call.job.message
        params = {"options": {}, "memory": call.snapshot, "credentials": [], "message": message}
        body = {"method": "check" if message is None else "receive", "params": params}
        answer = handle(self._bridge, body, clock=lambda: self._now)
        if message is not None:
            text, mark = message["payload"]["text"], call.snapshot.get("mark")
            self._by_mark.setdefault(mark, set()).add(text)
            if mark is None or mark in self._overwritten:
                self.unmarked.add(text)
        call.fate = LOST
        if answer.status == 200:
            call.result = json.loads(answer.body)["result"]
            call.fate = next(job.fates)
        if any(other.job.agent == job.agent for other in self._of_before):
            self.may_double[job.agent].update(_texts(call.result))
            if message is not None:
                self.may_be_lost[job.agent].add(message["payload"]["text"])
        self._at(self._now + next(job.seconds), lambda: self._end(call))

    def _end(self, call: Call) -> None:
        self._under_way.remove(call)
        self._of_before.discard(call)
        job, result = call.job, call.result
        if call.fate in (STORED, KILLED_HALFWAY):
            assert result is not None
            self.errors += result.get("errors", ())
            self.emitted[job.agent] += _texts(result)
        if call.fate == KILLED_HALFWAY:
            self.may_double[job.agent].update(_texts(result))
        if call.fate != STORED:
            self._at(self._now + _AGAIN[call.fate], lambda: self._start(job))
            return
        assert result is not None
        memory = result.get("memory")
        if memory is not None and memory != call.snapshot:
            before = self.memories[job.agent].get("mark")
            if before not in (None, memory["mark"]):
                self._overwritten.add(before)
                self.unmarked |= self._by_mark.get(before, set())
            self.memories[job.agent] = memory
        if job.message is not None:
            self.taken[job.agent].add(job.message["payload"]["text"])

    # --- Time

    def _at(self, moment: float, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (moment, next(self._count) << 32, event))

    def _run(self) -> None:
        while self._events:
            self._now, _, event = heapq.heappop(self._events)
            event()


def _texts(result: Optional[Dict[str, Any]]) -> List[str]:
    return [str(message["content"]) for message in (result or {}).get("messages", ())]
