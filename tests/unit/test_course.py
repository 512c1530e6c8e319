"""The states of a stream, one step at a time: no stream, no server, nothing waits."""

from types import SimpleNamespace
from typing import Any, List, Optional, Tuple

import pytest

from remoteagent_lite.errors import (
    NotFoundError,
    ProtocolError,
    RemoteServerUnavailableError,
    RemoteTimeoutError,
)
from remoteagent_lite.options import RetryPolicy, Timeout
from remoteagent_lite.protocols.contract import EventsMissingError, Resumption
from remoteagent_lite.runs.course import (
    COMPLETE,
    INTERRUPTED,
    LATE,
    LOOKING_UP,
    RESUMING,
    Course,
    End,
)
from remoteagent_lite.runs.waiting import Attempts, Limits

URL = "http://agents.test"
POLICY = RetryPolicy(max_attempts=2, backoff=1.0, max_backoff=1.0)

GONE = RemoteServerUnavailableError("gone", URL)
REFUSED = NotFoundError("no such run", URL, 404)
SILENT = RemoteTimeoutError("silent", URL, None, True, "read", 5.0)
LATE_ERROR = RemoteTimeoutError("late", URL, None, True, "total", 5.0)
MISSING = EventsMissingError("two are missing")
PAGE = ProtocolError("a proxy's page", URL)


class Fold(SimpleNamespace):
    """As much of one as the course asks about; ``ends`` with the body if that is its end."""

    def __init__(self, **fields: Any) -> None:
        known = {"run_id": "r", "finished": False, "suspect": False, "fault": None, "news": 0}
        more = {"frames": None, "waits": False, "ends": False}
        super().__init__(**{**known, **more, **fields})

    def end(self) -> bool:
        self.finished = self.finished or self.ends
        return bool(self.finished)


def nothing(*_: Any) -> Any:
    raise AssertionError("a course asks nobody")


BOTH = Resumption(nothing, POLICY, nothing)
LAST_CHANCE = Resumption(None, POLICY, nothing)


def course(fold: Any, resume: Optional[Resumption] = BOTH, deadline: Any = None) -> Course:
    limits = Limits(Timeout(total=deadline), deadline, 0.0)
    policy = None if resume is None else resume.policy
    return Course(fold, resume, limits, Attempts(policy, lambda low, high: low))


def steps(
    one: Course, *ends: Any, cut: bool = False, heard: bool = True, now: float = 1.0
) -> List[Tuple[str, float]]:
    taken = []
    for cause in ends:
        end = cause if isinstance(cause, End) else End(cause)
        step = one.step(end, now, cut=cut, heard=heard)
        taken.append((step.what, step.delay))
    return taken


# The end of a run


def test_the_end_of_a_run_completes_the_stream_however_its_body_ends() -> None:
    for end in (End(None, True), End(), GONE, SILENT):
        assert steps(course(Fold(finished=True)), end) == [(COMPLETE, 0.0)]


def test_a_proved_end_of_the_body_may_be_the_end_of_the_run() -> None:
    assert steps(course(Fold(ends=True)), End(None, True)) == [(COMPLETE, 0.0)]
    assert steps(course(Fold(ends=True)), End())[0][0] == RESUMING
    assert steps(course(Fold(ends=True)), End(None, True), cut=True)[0][0] == RESUMING


def test_an_end_in_doubt_is_looked_up_until_that_has_failed_too_often() -> None:
    one = course(Fold(finished=True, suspect=True))
    assert steps(one, End(None, True), GONE, GONE) == [
        (LOOKING_UP, 0.0),
        (LOOKING_UP, 1.0),
        (LOOKING_UP, 1.0),
    ]
    step = one.step(End(GONE), 1.0, cut=False, heard=False)
    assert (step.what, step.cause) == (INTERRUPTED, GONE)


def test_an_end_in_doubt_is_none_where_nobody_can_be_asked() -> None:
    for resume in (None, Resumption(nothing, POLICY, None)):
        assert steps(course(Fold(finished=True, suspect=True), resume), End()) == [(COMPLETE, 0.0)]
    assert steps(course(Fold(finished=True, suspect=True, run_id=None)), End())[0][0] == COMPLETE


def test_a_refusal_to_tell_how_a_run_has_ended_is_final() -> None:
    one = course(Fold(finished=True, suspect=True))
    assert steps(one, End(None, True), REFUSED) == [(LOOKING_UP, 0.0), (INTERRUPTED, 0.0)]


# A stream that breaks


@pytest.mark.parametrize("cause", [None, GONE, SILENT, MISSING, PAGE])
def test_what_may_pass_is_followed_by_another_attempt_at_once(cause: Any) -> None:
    assert steps(course(Fold()), cause) == [(RESUMING, 1.0)]


@pytest.mark.parametrize("cause", [REFUSED, KeyError("ours")])
def test_what_does_not_pass_ends_the_stream(cause: Any) -> None:
    one = course(Fold())
    step = one.step(End(cause), 1.0, cut=False, heard=True)
    assert (step.what, step.cause) == (INTERRUPTED, cause)


@pytest.mark.parametrize(
    "one", [course(Fold(), None), course(Fold(run_id=None)), course(Fold(), LAST_CHANCE)]
)
def test_without_a_way_to_go_on_a_broken_stream_is_interrupted(one: Course) -> None:
    assert steps(one, GONE) == [(INTERRUPTED, 0.0)]


def test_a_server_that_is_away_is_tried_as_often_as_the_policy_has_it() -> None:
    one = course(Fold())
    assert steps(one, GONE) + steps(one, GONE, GONE, heard=False) == [
        (RESUMING, 1.0),
        (RESUMING, 1.0),
        (INTERRUPTED, 0.0),
    ]


def test_something_new_gives_all_attempts_back() -> None:
    fold = Fold()
    one = course(fold)
    for fold.news in range(20):
        assert steps(one, GONE) == [(RESUMING, 1.0)]


def test_an_attempt_that_brings_nothing_new_has_the_run_looked_up() -> None:
    one = course(Fold())
    assert steps(one, GONE, None) == [(RESUMING, 1.0), (LOOKING_UP, 0.0)]
    assert steps(one, None) == [(RESUMING, 1.0)]


def test_a_refused_attempt_has_the_run_looked_up_and_what_broke_first_is_what_counts() -> None:
    one = course(Fold())
    assert steps(one, GONE) == [(RESUMING, 1.0)]
    assert steps(one, REFUSED, heard=False) == [(LOOKING_UP, 0.0)]
    step = one.step(End(None, True), 1.0, cut=False, heard=False)
    assert (step.what, step.cause) == (INTERRUPTED, REFUSED)


def test_a_hole_that_stays_has_the_run_looked_up_at_its_second_time() -> None:
    one = course(Fold())
    assert steps(one, MISSING, MISSING, MISSING) == [
        (RESUMING, 1.0),
        (RESUMING, 1.0),
        (LOOKING_UP, 0.0),
    ]


def test_what_the_server_says_against_going_on_has_the_run_looked_up() -> None:
    one = course(Fold(fault="stream expired"))
    assert steps(one, None, End(None, True)) == [(LOOKING_UP, 0.0), (INTERRUPTED, 0.0)]


def test_an_end_that_nothing_has_proved_has_its_last_chance_once() -> None:
    one = course(Fold(), LAST_CHANCE)
    assert steps(one, End(), End(None, True)) == [(LOOKING_UP, 0.0), (INTERRUPTED, 0.0)]
    assert steps(course(Fold(), LAST_CHANCE), End(None, True)) == [(INTERRUPTED, 0.0)]


# Silence


def test_silence_has_the_run_looked_up_where_only_events_are_signs_of_life() -> None:
    fold = Fold(frames=3)
    one = course(fold)
    assert steps(one, SILENT) == [(LOOKING_UP, 0.0)]
    assert one.is_silent
    step = one.step(End(None, True, True), 1.0, cut=False, heard=False)
    assert (step.what, step.cause) == (INTERRUPTED, SILENT)


def test_news_of_a_silent_run_let_its_stream_be_taken_up_again() -> None:
    fold = Fold(frames=3)
    one = course(fold)
    assert steps(one, SILENT) == [(LOOKING_UP, 0.0)]
    fold.news += 1
    assert steps(one, End(None, True, True)) == [(RESUMING, 1.0)]


def test_an_answer_that_does_not_even_begin_is_waited_for_once() -> None:
    one = course(Fold())
    assert steps(one, SILENT) == [(RESUMING, 1.0)]
    assert steps(one, SILENT, heard=False) == [(INTERRUPTED, 0.0)]


# Limits and pauses


def test_the_callers_limit_ends_the_stream_and_a_shorter_one_does_not() -> None:
    assert steps(course(Fold(), deadline=10.0), LATE_ERROR, now=10.0) == [(LATE, 0.0)]
    assert steps(course(Fold(), deadline=10.0), LATE_ERROR, now=5.0) == [(RESUMING, 1.0)]


def test_a_run_that_is_waited_for_is_asked_for_without_end() -> None:
    one = course(Fold(waits=True))
    taken = steps(one, *[End(None, True)] * 500)
    assert {what for what, _ in taken} == {RESUMING, LOOKING_UP}
    assert max(delay for _, delay in taken) == 2.0


def test_only_the_end_of_the_body_is_waited_for_behind_the_end_of_the_run() -> None:
    fold = Fold(finished=True, suspect=True)
    one = course(fold)
    assert one.has_ended
    steps(one, End())
    assert one.state == LOOKING_UP and not one.has_ended
