"""The cache: one fetch for all who wait, and no value that is older than it may be."""

import sys
import threading

import pytest

from remoteagent_lite import cache as cache_module
from remoteagent_lite.cache import Recent, TTLCache
from remoteagent_lite.errors import RemoteAgentError, about_run
from tests.interrupts import may_be_interrupted


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Source:
    """Counts its fetches and returns their number; holds each back until told to go on."""

    def __init__(self):
        self.count = 0
        self.called = threading.Event()
        self.go_on = threading.Event()
        self.error = None

    def __call__(self):
        self.count += 1
        number = self.count
        self.called.set()
        assert self.go_on.wait(10)
        if self.error is not None:
            raise self.error
        return number


class Caller(threading.Thread):
    """Calls a function in a thread of its own and keeps what comes of it."""

    def __init__(self, function, *arguments):
        super().__init__(name="caller", daemon=True)
        self.call = lambda: function(*arguments)
        self.value = self.error = None
        self.start()

    def run(self):
        try:
            self.value = self.call()
        except BaseException as error:
            self.error = error

    def outcome(self):
        self.join(10)
        assert not self.is_alive()
        if self.error is not None:
            raise self.error
        return self.value


def forbidden():
    raise AssertionError("fetched although there is a fresh value")


def waiting(flight, number):
    """Return once so many threads wait for the flight to land."""
    condition = flight.landed._cond
    for _ in range(10000):
        with condition:
            if len(condition._waiters) >= number:
                return
        threading.Event().wait(0.001)
    raise AssertionError("not so many wait")


def test_fresh_value_is_not_fetched_again():
    cache = TTLCache(10, Clock())
    assert cache.get(lambda: "first") == "first"
    assert cache.get(forbidden) == "first"


def test_none_is_a_value_like_any_other():
    cache = TTLCache(10, Clock())
    assert cache.get(lambda: None) is None
    assert cache.get(forbidden) is None


@pytest.mark.parametrize("age, expected", [(9.99, "old"), (10, "new"), (1e9, "new")])
def test_value_lives_for_its_ttl(age, expected):
    clock = Clock()
    cache = TTLCache(10, clock)
    cache.get(lambda: "old")
    clock.now += age
    assert cache.get(lambda: "new") == expected


@pytest.mark.parametrize(
    ("said", "seconds"), [(None, 10), (4, 4), (0, 0), (99, 10), (float("inf"), 10)]
)
def test_value_lives_no_longer_than_it_says_itself(said, seconds):
    clock = Clock()
    cache = TTLCache(10, clock, lambda value: said)
    for read in (cache.get, cache.refresh):
        read(lambda: "old")
        clock.now += seconds - 0.01
        assert cache.get(lambda: "old" if not seconds else forbidden()) == "old"
        clock.now += 0.02
        assert cache.get(lambda: "new") == "new"


def test_ttl_counts_from_the_end_of_the_fetch():
    clock = Clock()
    cache = TTLCache(10, clock)

    def slow():
        clock.now += 60
        return "slow"

    cache.get(slow)
    clock.now += 9
    assert cache.get(forbidden) == "slow"


def test_infinite_ttl_never_fetches_again():
    clock = Clock()
    cache = TTLCache(float("inf"), clock)
    cache.get(lambda: 1)
    clock.now += 1e12
    assert cache.get(forbidden) == 1


def test_ttl_of_zero_keeps_nothing():
    cache = TTLCache(0, Clock())
    values = iter("ab")
    assert [cache.get(lambda: next(values)) for _ in range(2)] == ["a", "b"]


@pytest.mark.parametrize("ttl", [-1, float("nan")])
def test_unusable_ttl_is_refused(ttl):
    with pytest.raises(ValueError, match="config_ttl"):
        TTLCache(ttl)


@pytest.mark.parametrize("ttl", [10, 0])
def test_many_callers_share_one_fetch(ttl):
    cache, source = TTLCache(ttl, Clock()), Source()
    leader = Caller(cache.get, source)
    assert source.called.wait(10)
    others = [Caller(cache.get, source) for _ in range(7)]
    waiting(cache._flight, 7)
    source.go_on.set()
    assert [caller.outcome() for caller in [leader, *others]] == [1] * 8
    assert source.count == 1


def test_callers_starting_at_once_fetch_once():
    cache, barrier = TTLCache(10), threading.Barrier(8)
    fetched = []

    def get():
        barrier.wait(10)
        return cache.get(lambda: fetched.append(1) or "value")

    callers = [Caller(get) for _ in range(8)]
    assert [caller.outcome() for caller in callers] == ["value"] * 8
    assert len(fetched) == 1


def test_failed_fetch_fails_for_all_who_wait_and_is_not_kept():
    cache, source = TTLCache(10, Clock()), Source()
    source.error = OSError("no server")
    leader = Caller(cache.get, source)
    assert source.called.wait(10)
    other = Caller(cache.get, source)
    waiting(cache._flight, 1)
    source.go_on.set()
    for caller in (leader, other):
        with pytest.raises(OSError, match="no server"):
            caller.outcome()
    assert source.count == 1
    assert cache.get(lambda: "recovered") == "recovered"


def test_failed_fetch_leaves_an_expired_value_expired():
    clock = Clock()
    cache = TTLCache(10, clock)
    cache.get(lambda: "old")
    clock.now += 11
    with pytest.raises(ZeroDivisionError):
        cache.get(lambda: 1 // 0)
    assert cache.get(lambda: "new") == "new"


def test_broken_off_fetch_lets_a_waiting_caller_fetch_itself():
    cache, source = TTLCache(10, Clock()), Source()
    source.error = KeyboardInterrupt()
    leader = Caller(cache.get, source)
    assert source.called.wait(10)
    other = Caller(cache.get, lambda: "mine")
    waiting(cache._flight, 1)
    source.go_on.set()
    assert other.outcome() == "mine"
    with pytest.raises(KeyboardInterrupt):
        leader.outcome()


def test_refresh_replaces_a_fresh_value():
    cache = TTLCache(10, Clock())
    cache.get(lambda: "old")
    assert cache.refresh(lambda: "new") == "new"
    assert cache.get(forbidden) == "new"


def test_failed_refresh_keeps_the_value():
    cache = TTLCache(10, Clock())
    cache.get(lambda: "old")
    with pytest.raises(ZeroDivisionError):
        cache.refresh(lambda: 1 // 0)
    assert cache.get(forbidden) == "old"


def test_fetch_that_began_earlier_does_not_overwrite_a_refresh():
    cache, source = TTLCache(10, Clock()), Source()
    slow = Caller(cache.get, source)
    assert source.called.wait(10)
    assert cache.refresh(lambda: "refreshed") == "refreshed"
    source.go_on.set()
    assert slow.outcome() == 1
    assert cache.get(forbidden) == "refreshed"


def test_get_during_a_refresh_waits_for_it():
    cache, source = TTLCache(10, Clock()), Source()
    refresh = Caller(cache.refresh, source)
    assert source.called.wait(10)
    other = Caller(cache.get, forbidden)
    waiting(cache._flight, 1)
    source.go_on.set()
    assert (refresh.outcome(), other.outcome()) == (1, 1)


def test_clear_forgets():
    cache = TTLCache(10, Clock())
    cache.get(lambda: "old")
    cache.clear()
    assert cache.get(lambda: "new") == "new"


def test_fetch_under_way_does_not_bring_a_cleared_value_back():
    cache, source = TTLCache(10, Clock()), Source()
    slow = Caller(cache.get, source)
    assert source.called.wait(10)
    cache.clear()
    source.go_on.set()
    assert slow.outcome() == 1
    assert cache.get(lambda: "new") == "new"


def test_fetch_may_use_the_cache_of_another():
    outer, inner = TTLCache(10), TTLCache(10)
    assert outer.get(lambda: inner.get(lambda: 1) + 1) == 2


@pytest.mark.parametrize("way", ["get", "refresh"])
def test_an_interrupt_in_any_line_of_a_fetch_leaves_nobody_waiting(way):
    def interrupted_at(number):
        cache, left = TTLCache(10), [number]

        def trace(frame, event, argument):
            if frame.f_code.co_filename != cache_module.__file__:
                return None
            if event == "line" and may_be_interrupted(frame):
                left[0] -= 1
                if left[0] == 0:
                    raise KeyboardInterrupt
            return trace

        sys.settrace(trace)
        try:
            getattr(cache, way)(lambda: "value")
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(None)
        assert Caller(cache.get, lambda: "value").outcome() == "value"
        return left[0] <= 0

    number = 1
    while interrupted_at(number):
        number += 1
        assert number < 200
    assert number > 10


@pytest.mark.parametrize("way", ["get", "refresh"])
def test_fetch_that_asks_for_its_own_value_does_not_wait_for_itself(way):
    cache = TTLCache(10)
    caller = Caller(getattr(cache, way), lambda: cache.get(forbidden))
    with pytest.raises(RuntimeError, match="would wait for itself"):
        caller.outcome()
    assert cache.get(lambda: "value") == "value"


def test_error_that_many_wait_for_is_each_ones_own():
    class Late(threading.Event):
        """Those who wait go on only when they may: the one who fetched is done with its error."""

        may_go_on = threading.Event()

        def wait(self, timeout=None):
            return super().wait(timeout) and self.may_go_on.wait(10)

    cache, source = TTLCache(10, Clock()), Source()
    source.error = RemoteAgentError("no server", "http://x")
    leader = Caller(cache.get, source)
    assert source.called.wait(10)
    cache._flight.landed = Late()
    others = [Caller(cache.get, source) for _ in range(2)]
    waiting(cache._flight, 2)
    source.go_on.set()
    errors = []
    for number, caller in enumerate([leader, *others]):
        with pytest.raises(RemoteAgentError, match="no server") as caught:
            caller.outcome()
        about_run(caught.value, "run-%d" % number)
        errors.append(caught.value)
        Late.may_go_on.set()
    assert [error.run_id for error in errors] == ["run-0", "run-1", "run-2"]
    assert [str(error) for error in errors] == ["no server (run run-%d)" % n for n in range(3)]


def test_recent_values_are_found_and_the_oldest_goes():
    recent = Recent(2)
    for key in "abc":
        recent.keep(key, key.upper())
    assert [recent.get(key) for key in "abcx"] == [None, "B", "C", None]


def test_value_kept_again_counts_as_recent():
    recent = Recent(2)
    for key in "abac":
        recent.keep(key, key.upper())
    assert [recent.get(key) for key in "abc"] == ["A", None, "C"]
