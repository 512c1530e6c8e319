"""Whose runs are waited for, and what is known to be told: the ledger by itself."""

import logging
import threading
from typing import Any, Dict, List, Optional, Tuple

import pytest

from remoteagent_lite.activeworkflow import ledger as ledger_module
from remoteagent_lite.activeworkflow.ledger import GRACE, STORING, Desk, Ledger, PendingRun

HOUR = 3600.0


class Agent:
    """One agent of ActiveWorkflow: its memory, and what it has been told."""

    def __init__(self, ledger: Ledger, scope: str = "scope") -> None:
        self.ledger = ledger
        self.scope = scope
        self.memory: Dict[str, Any] = {}
        self.told: List[str] = []

    def desk(self, now: float) -> Desk:
        return self.ledger.desk(self.scope, dict(self.memory), lambda: now, HOUR)

    def receive(self, run_id: str, now: float, is_stored: bool = True) -> bool:
        desk = self.desk(now)
        is_pending = desk.add(PendingRun(run_id))
        self.store(desk.record(), is_stored)
        return is_pending

    def check(self, now: float, is_stored: bool = True) -> Optional[List[str]]:
        """What the check tells, each run being one that has ended; None if it was put off."""
        desk = self.desk(now)
        runs = desk.collect()
        if runs is None:
            return None
        for run in runs:
            desk.told(run)
        self.store(desk.closed(0.0), is_stored)
        told = [run.run_id for run in runs]
        self.told += told if is_stored else []
        return told

    def store(self, memory: Optional[Dict[str, Any]], is_stored: bool) -> None:
        if memory is not None and is_stored:
            self.memory = memory

    @property
    def pending(self) -> List[str]:
        return [run["run"] for run in self.memory.get("runs", [])]


def test_what_was_told_is_forgotten_only_when_a_call_shows_that_it_was_stored() -> None:
    agent = Agent(Ledger())
    agent.receive("a", 0)
    assert agent.pending == ["a"]
    assert agent.check(10, is_stored=False) == ["a"]
    assert agent.check(10 + STORING - 1) is None  # it may be being stored
    assert agent.check(10 + STORING + 1) == ["a"]
    assert agent.pending == []
    assert agent.check(100) == []


def test_answer_that_is_stored_late_is_known_all_the_same() -> None:
    ledger = Ledger()
    agent = Agent(ledger)
    agent.receive("a", 0)
    before, late = agent.memory, agent
    late.check(10)
    stored, agent.memory = agent.memory, before
    agent.desk(10 + STORING + 1)  # lost, for all that is known
    agent.memory = stored
    assert agent.check(20) == []


def test_no_two_answers_that_write_memory_are_out_at_a_time() -> None:
    agent = Agent(Ledger())
    agent.receive("a", 0)
    first, second = agent.desk(1), agent.desk(1)
    assert first.add(PendingRun("b")) and second.add(PendingRun("c"))
    memory = first.record()
    assert memory is not None and second.record() is None
    agent.memory = memory
    agent.receive("d", 2)
    assert agent.pending == ["a", "b", "c", "d"]


def test_check_that_was_put_off_is_served_before_further_messages() -> None:
    agent = Agent(Ledger())
    agent.receive("a", 0)
    older = dict(agent.memory)
    agent.receive("b", 1)
    newer, agent.memory = agent.memory, older
    assert agent.check(1) is None  # sent before "b" was stored
    agent.memory = newer
    agent.receive("c", 2)
    assert agent.memory == newer
    assert agent.check(60) == ["a", "b", "c"]


def test_run_that_is_received_again_is_told_once() -> None:
    agent = Agent(Ledger())
    assert agent.receive("a", 0) and agent.receive("a", 1)
    assert agent.check(10) == ["a"]
    assert not agent.receive("a", 20)
    assert agent.check(30) == []


def test_first_messages_of_a_new_agent_overwrite_no_mark() -> None:
    agent = Agent(Ledger())
    desks = [agent.desk(0) for _ in range(3)]
    for name, desk in zip("abc", desks):
        desk.add(PendingRun(name))
    memories = [desk.record() for desk in desks]
    assert [memory is None for memory in memories] == [False, True, True]
    agent.store(memories[0], True)
    assert agent.check(1) == ["a"]
    assert agent.check(GRACE + 2) == ["b", "c"]
    assert agent.check(GRACE + 20) == []


def test_call_that_began_before_the_agent_had_its_mark_gives_it_no_other() -> None:
    agent = Agent(Ledger())
    without_mark = Agent(agent.ledger)
    agent.receive("a", 0)
    assert agent.check(1) == ["a"]
    without_mark.receive("b", 2)
    assert without_mark.memory == {}
    assert without_mark.check(3) is None
    assert agent.check(GRACE + 4) == ["b"]


def test_new_agents_with_equal_options_are_told_of_each_of_their_messages() -> None:
    ledger = Ledger()
    one, other = Agent(ledger), Agent(ledger)
    for moment, name in enumerate("abc"):
        for agent in (one, other):
            agent.receive(name, moment)
    for moment in range(60, 400, 60):
        for agent in (one, other):
            agent.check(moment)
    assert sorted(one.told) == sorted(other.told) == ["a", "b", "c"]


def test_agents_with_other_options_are_never_told_of_it() -> None:
    ledger = Ledger()
    one, other = Agent(ledger), Agent(ledger, "other scope")
    one.receive("a", 0, is_stored=False)
    one.receive("a", 1)
    for moment in (200, 2 * HOUR, 9 * 24 * HOUR):
        assert other.check(moment) == []


def test_runs_of_an_agent_that_was_never_heard_of_again_go_to_its_like() -> None:
    """As when a user has cleared its memory."""
    ledger = Ledger()
    gone, other = Agent(ledger), Agent(ledger)
    gone.receive("a", 0)
    gone.check(1)
    gone.receive("b", 2)
    other.receive("c", 100)
    told = [other.check(moment) for moment in (160, HOUR + 170, HOUR + 180 + GRACE)]
    assert told == [["c"], [], ["b"]]
    assert other.check(2 * HOUR) == []


def test_agent_that_comes_back_is_not_told_what_another_was_told_for_it() -> None:
    ledger = Ledger()
    away, other = Agent(ledger), Agent(ledger)
    away.receive("a", 0)
    away.desk(1)
    other.receive("b", 100)
    for moment in (120, HOUR + 120, HOUR + 130 + GRACE):
        other.check(moment)
    assert other.told == ["b", "a"]
    assert away.check(2 * HOUR) == []


def test_agent_that_comes_back_in_time_gets_its_runs_back() -> None:
    ledger = Ledger()
    away, other = Agent(ledger), Agent(ledger)
    away.receive("a", 0)
    away.desk(1)
    other.check(HOUR + 20)
    assert away.check(HOUR + 30) == ["a"]
    assert other.check(HOUR + 200) == []


def test_memory_of_a_new_agent_that_was_overwritten_loses_no_run() -> None:
    """By an answer of the process before, for example."""
    agent = Agent(Ledger())
    agent.receive("a", 0)
    agent.memory = {"mark": "of the process before", "turn": "t", "runs": [{"run": "b"}]}
    assert agent.check(10) == ["b"]
    assert agent.check(HOUR + 10) == []
    assert agent.check(HOUR + 20 + GRACE) == ["a"]


def test_what_nobody_ever_comes_for_is_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    ledger = Ledger()
    agent = Agent(ledger)
    agent.receive("a", 0, is_stored=False)
    agent.receive("b", 0)
    for day in range(12):
        Agent(ledger, "other scope").desk(HOUR * 24 * day)
    assert sorted(record.args[0] for record in caplog.records if record.args) == ["a", "b"]  # type: ignore[index]
    assert "never collected" in caplog.text
    assert repr(ledger) == "<Ledger of 0 runs>"


def test_log_that_blocks_or_asks_back_holds_up_no_other_call() -> None:
    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append((record.getMessage(), ledger._lock.locked()))

    told: List[Tuple[str, bool]] = []
    ledger = Ledger()
    Agent(ledger).receive("a", 0, is_stored=False)
    handler = Handler()
    ledger_module.logger.addHandler(handler)
    try:
        for day in range(12):
            Agent(ledger, "other scope").desk(HOUR * 24 * day)
    finally:
        ledger_module.logger.removeHandler(handler)
    ((text, is_locked),) = told
    assert "run a " in text and not is_locked


def test_runs_are_known_from_memory_after_a_restart() -> None:
    agent = Agent(Ledger())
    desk = agent.desk(0)
    run = PendingRun("a")
    run.session_id, run.carried, run.is_paused = "s", {"ticket": 7}, True
    desk.add(run)
    agent.store(desk.record(), True)
    agent.ledger = Ledger()
    (known,) = agent.desk(0).collect() or []
    assert (known.run_id, known.session_id, known.carried) == ("a", "s", {"ticket": 7})
    assert known.is_paused and known.since == run.since


def test_run_that_got_another_id_from_its_server_is_the_same_run() -> None:
    ledger = Ledger()
    agent = Agent(ledger)
    overlapping = agent.desk(0)
    agent.receive("a", 0)
    overlapping.add(PendingRun("b"))
    ledger.sent("b", "b of the server")
    assert agent.check(1) == ["a"]
    assert agent.check(GRACE + 10) == ["b of the server"]
    assert not agent.receive("b of the server", GRACE + 20)


def test_check_without_anything_to_tell_writes_nothing() -> None:
    agent = Agent(Ledger())
    desk = agent.desk(0)
    assert (desk.collect(), desk.closed(0.0)) == ([], None)
    agent.receive("a", 1)
    desk = agent.desk(2)
    assert len(desk.collect() or []) == 1
    assert desk.closed(0.0) is None


def test_check_that_fails_leaves_all_to_the_next_one() -> None:
    agent = Agent(Ledger())
    agent.receive("a", 0)
    desk = agent.desk(1)
    desk.collect()
    assert agent.check(2) is None
    desk.abandon()
    assert agent.check(3) == ["a"]


def test_large_answer_is_given_time_to_be_stored() -> None:
    agent = Agent(Ledger())
    agent.receive("a", 0)
    desk = agent.desk(10)
    for run in desk.collect() or []:
        desk.told(run)
    desk.closed(30.0)
    assert agent.check(60) is None
    assert agent.check(71) == ["a"]


def test_run_is_begun_by_one_call_at_a_time() -> None:
    ledger, inside, seen = Ledger(), threading.Event(), []

    def begin() -> None:
        with ledger.beginning("a") as is_alone:
            seen.append(is_alone)

    with ledger.beginning("a") as is_alone:
        thread = threading.Thread(target=begin)
        thread.start()
        thread.join(20)
        inside.set()
    begin()
    assert (is_alone, seen) == (True, [False, True])


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "_REMEMBERED", 10)
    ledger = Ledger()
    agent = Agent(ledger)
    for number in range(50):
        agent.receive(str(number), 60.0 * number, is_stored=number % 2 == 0)
        agent.check(60.0 * number + 30, is_stored=number % 3 == 0)
        ledger.sent(str(number), str(number))
    assert len(ledger._answers) <= 10 and len(ledger._sent) <= 10
    assert all(len(each.told) <= 10 for each in ledger._agents.values())
