"""What wakes a waiting thread: in time, in order, and from within anything."""

import contextlib
import gc
import queue
import signal
import sys
import threading
import time

import pytest

from remoteagent_lite.handover import Handover, Signal
from remoteagent_lite.http.exchange import Exchange

PATIENCE = 60


@contextlib.contextmanager
def busy_threads(number=2):
    """Threads that leave nobody the interpreter for long."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    ended = []

    def burn():
        while not ended:
            pass

    threads = [threading.Thread(target=burn) for _ in range(number)]
    try:
        for thread in threads:
            thread.start()
        yield
    finally:
        ended.append(True)
        sys.setswitchinterval(interval)
        for thread in threads:
            thread.join()


def nothing_comes(timeout):
    with contextlib.suppress(queue.Empty):
        Handover().take(timeout)


def no_signal_comes(timeout):
    assert not Signal().wait(timeout)


@pytest.mark.parametrize(
    "wait", [nothing_comes, no_signal_comes, lambda timeout: Exchange().wait(timeout)]
)
def test_wait_that_is_over_at_once_does_not_last_for_ever(wait):
    def many():
        for _ in range(1500):
            wait(2e-6)

    waiting = threading.Thread(target=many, daemon=True)
    with busy_threads():
        waiting.start()
        waiting.join(PATIENCE)
    assert not waiting.is_alive()


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no timers here")
@pytest.mark.parametrize("wait", [nothing_comes, no_signal_comes])
def test_wait_that_ends_within_a_signal_handler_ends(wait):
    handled = threading.Event()

    def slowly(*_):
        until = time.monotonic() + 0.03
        while time.monotonic() < until:
            pass
        handled.set()

    def forever(*_):
        raise AssertionError("it goes on waiting")

    before = {number: signal.getsignal(number) for number in (signal.SIGALRM, signal.SIGVTALRM)}
    signal.signal(signal.SIGALRM, slowly)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        watchdog = threading.Timer(
            PATIENCE, signal.pthread_kill, (threading.main_thread().ident, signal.SIGVTALRM)
        )
        signal.signal(signal.SIGVTALRM, forever)
        watchdog.start()
        wait(0.02)
        while not handled.is_set():
            time.sleep(0.001)
    finally:
        watchdog.cancel()
        watchdog.join()
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in before.items():
            signal.signal(number, handler)


def test_items_come_in_order_and_none_is_lost():
    handover = Handover()

    def put(name):
        for number in range(5000):
            handover.put((name, number))

    threads = [threading.Thread(target=put, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    taken = [handover.take(PATIENCE) for _ in range(15000)]
    for thread in threads:
        thread.join()
    assert len(handover) == 0
    for name in "abc":
        assert [number for who, number in taken if who == name] == list(range(5000))


def test_what_is_put_while_somebody_waits_wakes_him():
    handover, taken = Handover(), []
    thread = threading.Thread(target=lambda: taken.extend([handover.take(), handover.take()]))
    thread.start()
    for item in "ab":
        handover.put(item)
    thread.join(PATIENCE)
    assert taken == ["a", "b"]


def test_signal_that_was_given_twice_is_no_item():
    handover = Handover()
    handover.put(1)
    handover.put(2)
    assert [handover.take(), handover.take()] == [1, 2]
    with pytest.raises(queue.Empty):
        handover.take(0.01)
    with pytest.raises(queue.Empty):
        handover.take(0)


def test_longest_wait_is_as_long_as_you_like():
    handover = Handover()
    threading.Timer(0.01, handover.put, ("came",)).start()
    assert handover.take(float("inf")) == "came"


def test_finalizer_may_wake_within_any_line():
    class Cycle:
        def __init__(self):
            self.itself = self

        def __del__(self):
            handover.put("collected")
            given.give()

    handover, given = Handover(), Signal()
    threshold = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    try:
        for number in range(300):
            Cycle()
            handover.put(number)
    finally:
        gc.set_threshold(*threshold)
    gc.collect()
    items = [handover.take(0) for _ in range(len(handover))]
    assert items.count("collected") == 300
    assert [item for item in items if item != "collected"] == list(range(300))
    assert given.wait(0)
