"""The limits of streams, by a clock that is handed in: nothing here waits."""

from types import SimpleNamespace
from typing import Any, List, Optional

import pytest

from remoteagent_lite.errors import (
    NotFoundError,
    ProtocolError,
    RateLimitError,
    RemoteServerUnavailableError,
    RemoteTimeoutError,
    ServerError,
    UnsupportedError,
)
from remoteagent_lite.options import RetryPolicy, Timeout
from remoteagent_lite.protocols.contract import EventsMissingError
from remoteagent_lite.runs.waiting import (
    Attempts,
    Limits,
    check_wait,
    is_late,
    is_out_of_reach,
    is_passing,
    is_silence,
)


def fold(frames: Optional[int] = None, news: int = 0, waits: bool = False) -> Any:
    return SimpleNamespace(frames=frames, news=news, waits=waits, grace=2.0)


# How long


def test_without_limits_nothing_is_waited_for_in_vain() -> None:
    limits = Limits(Timeout(read=None, total=None), None, 100.0)
    assert limits.soonest(fold(frames=3), False, 1e9) == (None, "total")
    assert not limits.are_over(1e9)


def test_silence_is_the_readers_matter_where_comments_are_signs_of_life() -> None:
    limits = Limits(Timeout(read=5.0, total=None), None, 100.0)
    assert limits.soonest(fold(frames=None), False, 100.0) == (None, "total")


def test_silence_is_counted_from_the_last_frame_where_only_frames_are_signs_of_life() -> None:
    limits = Limits(Timeout(read=5.0, total=None), None, 100.0)
    assert limits.soonest(fold(frames=0), False, 101.0) == (106.0, "read")
    assert limits.soonest(fold(frames=0), False, 103.0) == (106.0, "read")
    assert limits.soonest(fold(frames=1), False, 104.0) == (109.0, "read")


def test_silence_of_a_run_that_is_waited_for_is_counted_from_its_last_news() -> None:
    limits = Limits(Timeout(read=5.0, total=None), None, 100.0)
    assert limits.soonest(fold(7, news=1, waits=True), False, 101.0) == (106.0, "read")
    assert limits.soonest(fold(9, news=1, waits=True), False, 104.0) == (106.0, "read")
    assert limits.soonest(fold(9, news=2, waits=True), False, 105.0) == (110.0, "read")


def test_silence_is_counted_anew_when_something_else_is_read_from() -> None:
    limits = Limits(Timeout(read=5.0, total=None), None, 100.0)
    limits.soonest(fold(frames=0), False, 100.0)
    limits.restart(107.5)
    assert limits.soonest(fold(frames=0), False, 108.0) == (112.5, "read")


def test_the_total_limit_comes_first_when_it_is_sooner() -> None:
    limits = Limits(Timeout(read=5.0, total=3.0), 103.0, 100.0)
    assert limits.soonest(fold(frames=0), False, 100.0) == (103.0, "total")
    assert limits.soonest(fold(frames=None), False, 100.0) == (103.0, "total")


def test_behind_the_end_the_body_has_its_grace_and_no_longer_than_the_total_limit() -> None:
    limits = Limits(Timeout(read=60.0, total=9.0), 109.0, 100.0)
    assert limits.soonest(fold(frames=4), True, 105.0) == (107.0, "grace")
    assert limits.soonest(fold(frames=5), True, 106.0) == (107.0, "grace")
    late = Limits(Timeout(total=6.0), 106.0, 100.0)
    assert late.soonest(fold(), True, 105.0) == (106.0, "total")


def test_a_pause_that_is_over_has_its_grace_anew_when_the_end_comes() -> None:
    limits = Limits(Timeout(read=None, total=None), None, 100.0)
    assert limits.soonest(fold(), True, 101.0) == (103.0, "grace")
    assert limits.soonest(fold(), False, 102.0) == (None, "total")
    assert limits.soonest(fold(), True, 110.0) == (112.0, "grace")


def test_what_is_left_bounds_every_call_that_is_made_for_the_stream() -> None:
    limits = Limits(Timeout(connect=4.0, read=60.0, total=10.0), 110.0, 100.0)
    assert limits.left(107.0).total == 3.0
    assert Limits(Timeout(read=7.0), None, 100.0).left(1e6).read == 7.0


@pytest.mark.parametrize(("now", "over"), [(109.0, False), (109.995, True), (200.0, True)])
def test_the_time_is_over_a_little_early_for_an_answer_that_had_just_what_was_left(
    now: float, over: bool
) -> None:
    assert Limits(Timeout(total=10.0), 110.0, 100.0).are_over(now) is over


@pytest.mark.parametrize("wait", [0, -1.0, float("nan")])
def test_a_cancel_needs_time(wait: float) -> None:
    with pytest.raises(ValueError, match="more than 0 seconds"):
        check_wait(wait)
    check_wait(0.001)


# How often


def pauses(attempts: Attempts, news: List[int], waits: bool = False) -> List[Optional[float]]:
    return [attempts.pause(each, waits) for each in news]


def attempts(policy: Optional[RetryPolicy]) -> Attempts:
    return Attempts(policy, lambda low, high: low)


POLICY = RetryPolicy(max_attempts=3, backoff=1.0, max_backoff=3.0)


def test_pauses_grow_up_to_their_bound_and_then_there_is_no_further_attempt() -> None:
    assert pauses(attempts(POLICY), [1, 1, 1, 1]) == [1.0, 2.0, 3.0, None]


def test_what_was_told_for_the_first_time_gives_all_attempts_back() -> None:
    assert pauses(attempts(POLICY), [1, 1, 2, 2, 2, 2]) == [1.0, 2.0, 1.0, 2.0, 3.0, None]


def test_what_is_told_again_gives_none_back() -> None:
    assert pauses(attempts(POLICY), [5, 3, 4, 5]) == [1.0, 2.0, 3.0, None]


def test_without_a_policy_there_is_no_attempt() -> None:
    assert pauses(attempts(None), [1, 2]) == [None, None]


def test_who_only_waits_asks_for_ever_and_has_all_attempts_when_that_is_over() -> None:
    each = attempts(POLICY)
    asked = pauses(each, [1] * 1000, waits=True)
    assert (asked[0], asked[-1]) == (0.25, 2.0)
    assert pauses(each, [1, 1, 1, 1]) == [1.0, 2.0, 3.0, None]


def test_pauses_are_spread_so_that_clients_do_not_all_come_back_at_once() -> None:
    found = [Attempts(POLICY).pause(1, False) for _ in range(200)]
    given = [each for each in found if each is not None]
    assert len(given) == 200 and 1.0 <= min(given) < 1.2 < 1.3 < max(given) <= 1.5


# What may pass


URL = "http://agents.test"


def http(cls: Any, status: int) -> Any:
    return cls("no", URL, status)


def timed_out(phase: str) -> RemoteTimeoutError:
    return RemoteTimeoutError("late", URL, None, True, phase, 1.0)


@pytest.mark.parametrize(
    ("cause", "out_of_reach", "passing"),
    [
        (None, False, True),
        (RemoteServerUnavailableError("gone", URL), True, True),
        (timed_out("read"), True, True),
        (http(RateLimitError, 429), True, True),
        (http(ServerError, 502), True, True),
        (http(ServerError, 503), True, True),
        (http(ServerError, 500), False, False),
        (http(NotFoundError, 404), False, False),
        (EventsMissingError("two are missing"), False, True),
        (ProtocolError("a proxy's page", URL), False, True),
        (UnsupportedError("not here", URL), False, False),
        (KeyError("ours"), False, False),
    ],
)
def test_what_may_be_over_at_the_next_attempt(
    cause: Any, out_of_reach: bool, passing: bool
) -> None:
    assert (is_out_of_reach(cause), is_passing(cause)) == (out_of_reach, passing)


def test_a_limit_of_the_whole_is_no_silence() -> None:
    assert [is_late(timed_out(each)) for each in ("total", "read", "connect")] == [
        True,
        False,
        False,
    ]
    assert [is_silence(timed_out(each)) for each in ("total", "read", "connect")] == [
        False,
        True,
        False,
    ]
    assert not is_late(None) and not is_silence(KeyError("read"))
