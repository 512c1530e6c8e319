"""Timeouts and retry policies: what they accept, and what they answer."""

import copy
import pickle

import pytest

from remoteagent_lite.options import RetryPolicy, Timeout

INFINITE = float("inf")
NAN = float("nan")


def test_timeout_has_defaults():
    timeout = Timeout()
    assert (timeout.connect, timeout.read, timeout.total) == (10.0, 60.0, None)


@pytest.mark.parametrize(
    "given, expected",
    [
        (None, (10.0, None, None)),
        (60, (10.0, 60.0, None)),
        (2.5, (2.5, 2.5, None)),
        (INFINITE, (10.0, None, None)),
        (Timeout(connect=1, read=2, total=3), (1.0, 2.0, 3.0)),
    ],
)
def test_number_becomes_a_timeout(given, expected):
    timeout = Timeout.of(given)
    assert (timeout.connect, timeout.read, timeout.total) == expected


@pytest.mark.parametrize("phase", ["connect", "read", "total"])
@pytest.mark.parametrize(
    "value, error", [(0, ValueError), (-1, ValueError), (NAN, ValueError), ("5", TypeError),
                     (True, TypeError), ([], TypeError), (3 + 0j, TypeError)]
)  # fmt: skip
def test_unusable_seconds_are_refused(phase, value, error):
    with pytest.raises(error, match=phase):
        Timeout(**{phase: value})


@pytest.mark.parametrize("value", [True, "60", 0, -1])
def test_unusable_number_is_refused(value):
    with pytest.raises((TypeError, ValueError), match="timeout must be"):
        Timeout.of(value)


@pytest.mark.parametrize("phase", ["connect", "read", "total"])
def test_infinite_phase_is_no_limit(phase):
    assert getattr(Timeout(**{phase: INFINITE}), phase) is None


VALUES = [
    (Timeout(connect=1, read=2, total=3), Timeout(connect=1.0, read=2.0, total=3.0), Timeout()),
    (RetryPolicy(3, 1, 2, True), RetryPolicy(3, 1.0, 2.0, True), RetryPolicy()),
]


@pytest.mark.parametrize("value, same, other", VALUES)
def test_equal_values_compare_and_hash_equal(value, same, other):
    assert value == same and hash(value) == hash(same)
    assert value != other and value != "something else"


@pytest.mark.parametrize("value", [value for value, _, _ in VALUES])
def test_values_are_immutable(value):
    for name in value.__slots__:
        with pytest.raises(AttributeError, match="immutable"):
            setattr(value, name, 1)
        with pytest.raises(AttributeError, match="immutable"):
            delattr(value, name)
    with pytest.raises(AttributeError):
        value.other = 1


@pytest.mark.parametrize("value", [value for value, _, _ in VALUES])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_values_survive_pickling_and_copying(value, protocol):
    assert pickle.loads(pickle.dumps(value, protocol)) == value
    assert copy.copy(value) == copy.deepcopy(value) == value


@pytest.mark.parametrize("value", [value for value, _, _ in VALUES])
def test_repr_makes_an_equal_value(value):
    assert eval(repr(value)) == value


def test_delays_double_up_to_the_longest():
    policy = RetryPolicy(max_attempts=6, backoff=1, max_backoff=5)
    assert [policy.delay(n) for n in range(1, 7)] == [1, 2, 4, 5, 5, None]


def test_one_attempt_is_never_repeated():
    assert RetryPolicy(max_attempts=1).delay(1) is None
    assert RetryPolicy(max_attempts=1).delay(1, retry_after=0) is None


@pytest.mark.parametrize("retry_after, expected", [(0, 0), (7, 7), (30, 30), (30.1, None),
                                                   (INFINITE, None)])  # fmt: skip
def test_wish_of_the_server_is_obeyed_if_it_is_not_too_long(retry_after, expected):
    assert RetryPolicy(max_backoff=30).delay(1, retry_after) == expected


@pytest.mark.parametrize("backoff, expected", [(0.25, 30.0), (0, 0.0)])
def test_very_many_attempts_have_a_delay(backoff, expected):
    policy = RetryPolicy(max_attempts=10**6, backoff=backoff)
    assert policy.delay(10**6 - 1) == expected


@pytest.mark.parametrize(
    "settings", [{"max_attempts": 0}, {"max_attempts": -1}, {"backoff": -1}, {"max_backoff": -1}]
)
def test_unusable_policy_is_refused(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        RetryPolicy(**settings)


@pytest.mark.parametrize(
    "total, seconds, expected",
    [(None, None, None), (5.0, None, 5.0), (None, 3, 3.0), (5.0, 3, 3.0), (2.0, 3, 2.0)],
)
def test_timeout_within_keeps_the_shorter_total(total, seconds, expected):
    timeout = Timeout(connect=1, read=2, total=total)
    within = timeout.within(seconds)
    assert (within.connect, within.read, within.total) == (1.0, 2.0, expected)
    assert timeout.total == total


@pytest.mark.parametrize("seconds", [0, -1.5])
def test_timeout_within_nothing_lets_nothing_begin(seconds):
    within = Timeout().within(seconds)
    assert within.total is not None and 0 < within.total < 0.001
