"""Streams of events: however they are read, left or broken, nothing is lost and nothing stays."""

import contextlib
import copy
import gc
import json
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
import weakref

import pytest

from remoteagent_lite import RemoteAgent, merge
from remoteagent_lite.errors import (
    ProtocolError,
    RemoteAgentError,
    RemoteServerUnavailableError,
    RemoteTimeoutError,
    StreamClosedError,
    StreamInterruptedError,
)
from remoteagent_lite.options import Timeout
from remoteagent_lite.runs.reader import MAX_WAITING
from tests import ROOT
from tests.peers.faults import RawServer, hang_up, raw, reply, stream
from tests.polling import eventually

#: Long enough never to be met where it is not meant to be.
PATIENT = Timeout(connect=20, read=20)


# --- The server's side


def frame(request, name, fields):
    data = {"event": name, "agent_id": "a", "content_type": "str", **fields}
    for field in ("run_id", "session_id"):
        data.setdefault(field, request.form[field][0])
    return ("event: %s\ndata: %s\n\n" % (name, json.dumps(data))).encode()


STARTED = ("RunStarted", {})
DONE = ("RunCompleted", {"content": "abc"})


def said(text):
    return ("RunContent", {"content": text})


def whole(*texts):
    return [STARTED, *map(said, texts), DONE]


def agent(*script, **options):
    """A handler that streams events, given as (name, fields), bytes, and threading.Events."""

    def handle(connection, request):
        if request.method == "GET":  # of the run, before it is begun
            reply(b'{"detail": "Run not found"}', 404)(connection, request)
            return
        pieces = [frame(request, *piece) if type(piece) is tuple else piece for piece in script]
        stream(pieces, **options)(connection, request)

    return handle


def together(*script, **options):
    """The same with all events in one network write."""

    def handle(connection, request):
        stream([b"".join(frame(request, *piece) for piece in script)], **options)(
            connection, request
        )

    return handle


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


def held(*script):
    """Streams the events, and then nothing more until the client goes away."""

    def handle(connection, request):
        raw(HEAD, *(frame(request, *piece) for piece in script), close=False)(connection, request)
        connection.wait_until_client_closes()

    return handle


# --- The client's side


@pytest.fixture
def open_stream():
    """Opens a stream from a server; all of them, and their connections, are closed at the end."""
    with contextlib.ExitStack() as cleaning:

        def open_stream(server, timeout=PATIENT, **options):
            remote = RemoteAgent(server.url, "a", timeout=timeout)
            cleaning.callback(remote.close)
            opened = remote.run("x", stream=True, **options)
            cleaning.callback(weakly(opened))
            return opened

        yield open_stream


def weakly(stream):
    """A function that closes the stream if it still lives, and does not keep it alive."""
    reference = weakref.ref(stream)

    def close():
        alive = reference()
        if alive is not None:
            alive.close()

    return close


def names(events):
    return [event.event for event in events]


def texts(events):
    return "".join(event.content or "" for event in events if event.event == "RunContent")


def failure(function, *arguments, **options):
    with pytest.raises(RemoteAgentError) as caught:
        function(*arguments, **options)
    return caught.value


def readers():
    return [thread for thread in threading.enumerate() if thread.name == "remoteagent-stream"]


class Reader(threading.Thread):
    """Calls a function in a thread of its own and keeps what comes of it."""

    def __init__(self, function, *arguments):
        super().__init__(name="reader", daemon=True)
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
        assert not self.is_alive(), "was not woken"
        if self.error is not None:
            raise self.error
        return self.value


# --- Reading

WAYS = {
    "for": list,
    "next": lambda s: list(iter(lambda: next(s, None), None)),
    "next_event": lambda s: list(iter(s.next_event, None)),
    "next_event with timeout": lambda s: list(iter(lambda: s.next_event(timeout=20), None)),
    "merge": lambda s: [event for _, event in merge(s)],
}
NAMES = ["RunStarted", "RunContent", "RunContent", "RunCompleted"]


@pytest.mark.parametrize("framing", ["chunked", "length", "close"])
@pytest.mark.parametrize("server_of", [agent, together])
@pytest.mark.parametrize("way", sorted(WAYS))
def test_every_way_of_reading_gives_all_events(open_stream, way, server_of, framing):
    with RawServer(server_of(*whole("ab", "c"), framing=framing)) as server:
        opened = open_stream(server)
        assert names(WAYS[way](opened)) == NAMES
        assert names(WAYS[way](opened)) == []  # and ends for good
        assert opened.output().content == "abc"
        assert opened.output().status == "COMPLETED"
        eventually(lambda: not readers())


def test_text_gives_the_deltas_alone(open_stream):
    with RawServer(agent(*whole("ab", "", "c"))) as server:
        opened = open_stream(server)
        assert list(opened.text()) == ["ab", "c"]
        assert list(opened.text()) == []


def test_text_that_was_not_streamed_comes_as_one_piece(open_stream):
    with RawServer(agent(STARTED, DONE)) as server:
        assert list(open_stream(server).text()) == ["abc"]


def test_output_reads_the_stream_to_its_end(open_stream):
    with RawServer(agent(*whole("ab", "c"))) as server:
        opened = open_stream(server)
        assert (opened.output().content, opened.output().status) == ("abc", "COMPLETED")
        assert list(opened) == []


@pytest.mark.parametrize("server_of", [agent, together])
def test_ways_of_reading_can_be_mixed(open_stream, server_of):
    with RawServer(server_of(*whole("a", "b", "c", "d", "e"))) as server:
        opened = open_stream(server)
        assert next(opened).event == "RunStarted"
        for event in opened:
            assert event.content == "a"
            break
        assert opened.next_event().content == "b"
        assert opened.next_event(timeout=20).content == "c"
        assert next(opened.text()) == "d"
        assert next(merge(opened))[1].content == "e"
        assert opened.output().content == "abc"


@pytest.mark.parametrize("server_of", [agent, together])
def test_leaving_a_loop_early_loses_nothing(open_stream, server_of):
    with RawServer(server_of(*whole(*"abcdefgh"))) as server:
        opened, seen = open_stream(server), []
        while len(seen) < 10:
            for event in opened:
                seen.append(event)
                break
        assert (texts(seen), names(seen)[-1]) == ("abcdefgh", "RunCompleted")
        assert opened.next_event() is None


def test_events_come_as_they_are_sent(open_stream):
    gates = [threading.Event() for _ in range(3)]
    script = [STARTED, gates[0], said("a"), gates[1], said("b"), gates[2], DONE]
    with RawServer(agent(*script)) as server:
        opened = open_stream(server)
        assert next(opened).event == "RunStarted"
        for gate in gates:
            gate.set()
            next(opened)
        assert opened.next_event() is None


def test_waiting_for_an_event_ends_at_its_timeout_and_loses_nothing(open_stream):
    go_on = threading.Event()
    with RawServer(agent(STARTED, go_on, said("a"), DONE)) as server:
        opened = open_stream(server)
        assert opened.next_event(timeout=20).event == "RunStarted"
        for timeout in (0, 0.01, -1):
            with pytest.raises(TimeoutError, match="no event within"):
                opened.next_event(timeout=timeout)
        go_on.set()
        assert names(opened) == ["RunContent", "RunCompleted"]


def test_event_that_is_there_is_given_without_waiting(open_stream):
    with RawServer(together(*whole("a"))) as server:
        opened = open_stream(server)
        next(opened)
        assert opened.next_event(timeout=0).content == "a"
        assert opened.next_event(timeout=0).event == "RunCompleted"


def test_ids_are_the_servers_once_it_has_told_them(open_stream):
    with RawServer(agent(("RunStarted", {"run_id": "theirs", "session_id": "s"}), b"")) as server:
        opened = open_stream(server, run_id="mine", session_id="m")
        assert (opened.run_id, opened.session_id) == ("mine", "m")
        next(opened)
        assert (opened.run_id, opened.session_id) == ("theirs", "s")


def test_repr_tells_the_state(open_stream):
    with RawServer(agent(*whole("a")), held(STARTED)) as server:
        opened = open_stream(server, run_id="r1")
        assert repr(opened).startswith("<RunStream open of run r1 at http://127.0.0.1")
        opened.output()
        assert "<RunStream ended of run r1" in repr(opened)
        other = open_stream(server)
        other.close()
        assert "<RunStream closed of" in repr(other)


def test_thousand_events_arrive_in_order(open_stream):
    numbers = [str(number) for number in range(1000)]
    for server_of in (agent, together):
        with RawServer(server_of(*whole(*numbers))) as server:
            assert list(open_stream(server).text()) == numbers


def test_many_streams_are_read_at_once(open_stream):
    barrier = threading.Barrier(8)
    numbers = [str(number) for number in range(100)]

    def script(connection, request):
        barrier.wait(10)  # none is answered before all are under way
        agent(*whole(*numbers))(connection, request)

    with RawServer(script) as server:
        remote = RemoteAgent(server.url, "a", timeout=PATIENT)
        tasks = [Reader(lambda: list(remote.run("x", stream=True).text())) for _ in range(8)]
        assert [task.outcome() for task in tasks] == [numbers] * 8
        assert server.connection_count == 8
        remote.close()


def test_connection_serves_again_after_a_stream_that_was_read_to_its_end(open_stream):
    with RawServer(agent(*whole("a"))) as server:
        remote = RemoteAgent(server.url, "a", timeout=PATIENT)
        for _ in range(3):
            with remote.run("x", stream=True) as opened:
                assert opened.output().content == "abc"
        remote.close()
        assert server.connection_count == 1


# --- The end, by whatever it comes


def exhaust(opened):
    with contextlib.suppress(RemoteAgentError):
        list(opened)


def close(opened):
    next(opened)
    opened.close()
    opened.close()


def leave_with(opened):
    with opened:
        next(opened)


def leave_with_an_error(opened):
    with contextlib.suppress(ZeroDivisionError), opened:
        1 // len(names([next(opened)])[1:])


def forget(opened):
    next(opened)


def forget_unread(opened):
    pass


def forget_iterator(opened):
    iterator = iter(opened)
    next(iterator)
    next(merge(opened), None)


@pytest.mark.parametrize(
    "end", [close, leave_with, leave_with_an_error, forget, forget_unread, forget_iterator]
)
def test_end_of_a_stream_ends_its_thread_and_connection(end):
    with RawServer(held(STARTED, said("a"))) as server:
        remote = RemoteAgent(server.url, "a", timeout=Timeout(read=None))
        gc.disable()  # reference counts alone must do
        try:
            end(remote.run("x", stream=True))
            server.wait_until_idle()
            eventually(lambda: not readers())
        finally:
            gc.enable()
        remote.close()


@pytest.mark.parametrize("end", ["clean", "cut", "reset"])
@pytest.mark.parametrize("last", [DONE, ("RunContent", {})])
def test_stream_that_ended_holds_no_thread_and_no_connection(end, last):
    with RawServer(agent(STARTED, last, end=end)) as server:
        remote = RemoteAgent(server.url, "a", timeout=PATIENT)
        kept = remote.run("x", stream=True)
        exhaust(kept)
        eventually(lambda: not readers())
        remote.close()
        server.wait_until_idle()


CHILD = """
import sys, threading
from remoteagent_lite import RemoteAgent
stream = RemoteAgent(sys.argv[1], "a", timeout=None).run("x", stream=True)
assert stream.next_event().event == "RunStarted"
%s
"""


@contextlib.contextmanager
def child(server, code):
    root = str(ROOT)
    code = CHILD % textwrap.dedent(code)
    process = subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "error", "-c", code, server.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        env=dict(os.environ, PYTHONPATH=root),
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    "code",
    [
        "",
        "sys.exit(0)",
        "keep = iter(stream)",
        "stream.cycle = stream; del stream",
        "threading.Thread(target=list, args=(stream,), daemon=True).start()",
    ],
)
def test_interpreter_exits_though_a_stream_is_open(code):
    quiet = "-W error would show what is left open"
    with RawServer(held(STARTED)) as server, child(server, code) as process:
        output, errors = process.communicate(timeout=30)
        # A daemon thread that is reading learns that its stream was closed, if it is quick.
        if "Thread" not in code:
            assert (output, errors) == ("", ""), quiet
        assert process.returncode == 0
        server.wait_until_idle()


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
@pytest.mark.parametrize(
    "blocking",
    ["next(stream)", "list(stream)", "stream.output()", "stream.next_event(timeout=60)",
     "list(merge(stream))"],
)  # fmt: skip
def test_interrupt_in_a_blocked_read_leaves_cleanly(blocking):
    code = """
    from remoteagent_lite import merge
    try:
        with stream:
            print("reading", flush=True)
            %s
    except KeyboardInterrupt:
        print("interrupted", threading.active_count())
    """
    with RawServer(held(STARTED)) as server:
        with child(server, textwrap.dedent(code) % blocking) as process:
            assert process.stdout.readline() == "reading\n"
            process.send_signal(signal.SIGINT)
            output, errors = process.communicate(timeout=30)
            assert (output, errors, process.returncode) == ("interrupted 1\n", "", 0)
            server.wait_until_idle()


# --- Closing


@pytest.mark.parametrize(
    "read", [list, next, lambda s: s.next_event(), lambda s: s.next_event(timeout=60),
             lambda s: s.output(), lambda s: list(s.text()), lambda s: list(merge(s))],
)  # fmt: skip
def test_closing_wakes_a_reader_in_another_thread(open_stream, read):
    with RawServer(held(STARTED)) as server:
        opened = open_stream(server, timeout=Timeout(read=None))
        next(opened)
        reader = Reader(read, opened)
        opened.close()
        with pytest.raises(StreamClosedError, match="closed before the run had ended"):
            reader.outcome()
        server.wait_until_idle()


@pytest.mark.parametrize("read", [next, list, lambda s: s.next_event(), lambda s: s.output(),
                                  lambda s: list(s.text()), lambda s: list(merge(s))])  # fmt: skip
@pytest.mark.parametrize("before", [0, 1, 2])
def test_events_are_not_delivered_after_closing(open_stream, read, before):
    with RawServer(together(*whole("a", "b", "c"))) as server:
        opened = open_stream(server)
        for _ in range(before):
            next(opened)
        opened.close()
        for _ in range(2):
            error = failure(read, opened)
            assert type(error) is StreamClosedError and str(opened.run_id) in str(error)


def test_loop_that_closes_its_stream_gets_no_further_event(open_stream):
    with RawServer(together(*whole("a", "b"))) as server:
        opened, seen = open_stream(server), []
        with pytest.raises(StreamClosedError):
            for event in opened:
                seen.append(event)
                opened.close()
        assert names(seen) == ["RunStarted"]


def test_output_can_be_had_after_the_with_block_if_the_run_had_ended(open_stream):
    with RawServer(agent(*whole("a"))) as server:
        with open_stream(server) as opened:
            for event in opened:
                if event.event == "RunCompleted":
                    break  # the end of the body has not been seen
        assert opened.output().content == "abc"
        assert opened.output().status == "COMPLETED"
        assert list(opened) == []


def test_output_of_a_stream_left_early_is_refused_and_its_part_is_there(open_stream):
    with RawServer(held(STARTED, said("a"))) as server:
        with open_stream(server) as opened:
            assert names([next(opened), next(opened)]) == ["RunStarted", "RunContent"]
        assert type(failure(opened.output)) is StreamClosedError
        assert (opened.partial_output().content, opened.partial_output().status) == ("a", "RUNNING")


@pytest.mark.parametrize("copying", [pickle.dumps, copy.copy, copy.deepcopy])
def test_stream_refuses_to_be_pickled_or_copied(open_stream, copying):
    with RawServer(agent(*whole("a"))) as server:
        opened = open_stream(server)
        with pytest.raises(TypeError, match="live connection"):
            copying(opened)
        output = opened.output()
        assert pickle.loads(pickle.dumps(output)) == output


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_forked_child_can_neither_read_nor_break_its_parents_stream(open_stream):
    go_on = threading.Event()
    with RawServer(agent(STARTED, go_on, said("a"), DONE)) as server:
        opened = open_stream(server)
        next(opened)
        process = os.fork()
        if process == 0:
            code = 1
            with contextlib.suppress(BaseException):
                try:
                    opened.next_event()
                except StreamClosedError as error:
                    code = 0 if "process that opened it" in str(error) else 2
                opened.close()
            os._exit(code)
        assert os.waitpid(process, 0)[1] == 0
        go_on.set()
        assert names(opened) == ["RunContent", "RunCompleted"]


# --- What breaks


@pytest.mark.parametrize("framing", ["chunked", "close"])
@pytest.mark.parametrize("read", [list, lambda s: s.output(), lambda s: list(s.text())])
def test_stream_that_ends_before_its_run_raises_with_what_had_arrived(open_stream, read, framing):
    with RawServer(agent(STARTED, said("a"), said("b"), framing=framing)) as server:
        opened = open_stream(server, run_id="r", session_id="s")
        error = failure(read, opened)
        assert type(error) is StreamInterruptedError and error.__cause__ is None
        assert (error.output.content, error.output.status) == ("ab", "RUNNING")
        assert (error.run_id, error.session_id, error.last_event_index) == ("r", "s", None)
        assert "ended before the run had ended" in str(error) and error.url in str(error)
        assert failure(next, opened) is failure(opened.output) is error


@pytest.mark.parametrize("end", ["cut", "reset"])
def test_cut_off_stream_raises_with_what_had_arrived_and_the_cause(open_stream, end):
    go_on = threading.Event()
    with RawServer(agent(STARTED, said("a"), go_on, end=end)) as server:
        opened = open_stream(server, run_id="r", session_id="s")
        assert names([next(opened), next(opened)]) == ["RunStarted", "RunContent"]
        go_on.set()
        error = failure(opened.output)
        assert type(error) is StreamInterruptedError
        assert type(error.__cause__) is RemoteServerUnavailableError
        assert (error.output.content, error.output.status) == ("a", "RUNNING")
        assert (error.run_id, error.session_id) == ("r", "s")
        assert "broke off" in str(error)
        assert pickle.loads(pickle.dumps(error)).output == error.output


@pytest.mark.parametrize("tail", [b"data: {", b"event: RunCompleted\n", b'data: {"event":"X"}\n'])
def test_stream_that_ends_within_a_frame_raises(open_stream, tail):
    with RawServer(agent(said("a"), tail)) as server:
        # Without announced events a clean end is the end of the run; this one is not clean.
        opened = open_stream(server, stream_events=False)
        error = failure(opened.output)
        assert type(error) is StreamInterruptedError and error.output.content == "a"


def test_stream_without_any_event_raises(open_stream):
    with RawServer(agent()) as server:
        error = failure(open_stream(server, run_id="r").output)
        assert type(error) is StreamInterruptedError and error.run_id == "r"


@pytest.mark.parametrize("end", ["cut", "reset"])
def test_what_breaks_after_the_runs_end_takes_nothing_away(open_stream, end):
    go_on = threading.Event()
    with RawServer(agent(*whole("a"), go_on, end=end)) as server:
        opened = open_stream(server)
        while next(opened).event != "RunCompleted":
            pass
        go_on.set()
        assert opened.next_event() is None
        assert opened.output().content == "abc"


@pytest.mark.parametrize("broken, message", [(b"data: oops\n\n", "not JSON"),
                                             (b"data: \xff\n\n", "not UTF-8")])  # fmt: skip
def test_events_before_broken_data_are_delivered(open_stream, broken, message):
    def script(connection, request):
        pieces = [frame(request, *STARTED) + frame(request, *said("a")) + broken]
        stream([*pieces, threading.Event()])(connection, request)

    with RawServer(script) as server:
        opened, seen = open_stream(server), []
        with pytest.raises(ProtocolError, match=message) as caught:
            seen.extend(iter(opened.next_event, None))
        assert names(seen) == ["RunStarted", "RunContent"]
        assert failure(opened.output) is caught.value
        eventually(lambda: not readers())


@pytest.mark.parametrize(
    "garbage", [b"data: [DONE]\n\n", b"data: \xff\n\n", b"data: <html>\ndata: oops\n\n"]
)
@pytest.mark.parametrize("apart", [False, True])
def test_a_finished_run_never_fails_by_what_is_no_event_behind_its_end(open_stream, garbage, apart):
    def script(connection, request):
        events = b"".join(frame(request, *piece) for piece in whole("a"))
        pieces = [events, garbage] if apart else [events + garbage]
        stream([*pieces, threading.Event()])(connection, request)

    with RawServer(script) as server:
        opened = open_stream(server)
        assert names(opened)[-1] == "RunCompleted"
        assert opened.output().content == "abc"
        eventually(lambda: not readers())


def test_what_is_no_event_behind_the_end_is_no_error_of_a_cancel(open_stream):
    gate = threading.Event()
    script = agent(STARTED, gate, CANCELLED, b"data: [DONE]\n\n", threading.Event())
    with RawServer(script, cancelling(gate)) as server:
        opened = open_stream(server)
        assert opened.cancel() is True
        assert names(opened) == ["RunStarted", "RunCancelled"]


def test_silence_raises_a_read_timeout(open_stream):
    with RawServer(held(STARTED, said("a"))) as server:
        opened = open_stream(server, timeout=Timeout(read=0.2))
        with pytest.raises(RemoteTimeoutError) as caught:
            list(opened)
        assert (caught.value.phase, caught.value.seconds) == ("read", 0.2)
        assert opened.partial_output().content == "a"
        server.wait_until_idle()


def pinging(connection, request):
    """Keep-alive comments, for ever."""
    connection.send(HEAD + frame(request, *STARTED))
    pause = threading.Event()
    while not pause.wait(0.005):
        connection.send(b": ping\n\n")


@pytest.mark.parametrize(
    "read", [list, lambda s: list(iter(s.next_event, None)), lambda s: s.output(),
             lambda s: list(merge(s)), lambda s: list(iter(lambda: s.next_event(30), None))],
)  # fmt: skip
def test_total_limit_is_not_postponed_by_comments(open_stream, read):
    with RawServer(pinging) as server:
        opened = open_stream(server, timeout=Timeout(read=10, total=0.3))
        error = failure(read, opened)
        assert (type(error), error.phase, error.seconds) == (RemoteTimeoutError, "total", 0.3)
        assert failure(opened.output) is error
        server.wait_until_idle()


def test_total_limit_holds_for_a_consumer_that_comes_late(open_stream):
    with RawServer(held(STARTED)) as server:
        opened = open_stream(server, timeout=Timeout(read=10, total=0.1))
        eventually(lambda: not readers())  # the reading thread has met the limit
        assert next(opened).event == "RunStarted"  # it had come in time
        error = failure(opened.next_event, timeout=0)
        assert (type(error), error.phase) == (RemoteTimeoutError, "total")


def test_connection_lost_before_the_stream_names_the_run():
    with RawServer(hang_up) as server:
        remote = RemoteAgent(server.url, "a", timeout=PATIENT)
        error = failure(remote.run, "x", stream=True, run_id="r", session_id="s")
        assert type(error) is RemoteServerUnavailableError and error.request_sent
        assert (error.run_id, error.session_id) == ("r", "s")
        assert [request.method for request in server.requests].count("POST") == 1
        remote.close()


# --- Backpressure


def test_consumer_that_stops_reading_stops_the_server_and_can_go_on(open_stream):
    big = 64 * 1024
    total = 512  # 32 MiB, several times what all the buffers on the way can hold
    sent = []

    def flood(connection, request):
        connection.send(HEAD + frame(request, *STARTED))
        for number in range(total):
            connection.send(frame(request, "Big", {"number": number, "fill": "x" * big}))
            sent.append(number)
        connection.send(frame(request, *DONE))
        connection.close()

    with RawServer(flood) as server:
        opened = open_stream(server)
        assert next(opened).event == "RunStarted"
        reader = opened._source.reader
        eventually(lambda: reader.written - reader.taken > MAX_WAITING)
        assert reader.written - reader.taken < 2 * MAX_WAITING
        before = -1
        while before != len(sent):  # until it stands still; it does so at the latest at the end
            before = len(sent)
            time.sleep(0.1)
        assert len(sent) < total / 2
        numbers = [event.raw["number"] for event in opened if event.event == "Big"]
        assert numbers == list(range(total))
        assert opened.output().content == "abc"


@pytest.mark.parametrize("end", [close, forget, leave_with])
def test_reader_that_waits_for_room_ends_with_its_stream(end):
    def flood(connection, request):
        data = frame(request, "Big", {"fill": "x" * 60000})
        connection.send(HEAD + frame(request, *STARTED))
        while True:
            connection.send(data)

    with RawServer(flood) as server:
        remote = RemoteAgent(server.url, "a", timeout=PATIENT)
        opened = remote.run("x", stream=True)
        reader = opened._source.reader
        eventually(lambda: reader.written - reader.taken > MAX_WAITING)
        end(opened)
        del opened
        server.wait_until_idle()
        eventually(lambda: not readers())
        remote.close()


# --- Several streams


def test_merge_yields_events_in_the_order_in_which_they_arrive(open_stream):
    order = "ABBAAABAB"
    scripts = {name: [STARTED] for name in "AB"}
    gates = []
    for index, name in enumerate(order):
        gates.append(threading.Event())
        scripts[name] += [gates[-1], said("%s%d" % (name, index))]
    for script in scripts.values():
        script.append(DONE)
    with RawServer(agent(*scripts["A"])) as one, RawServer(agent(*scripts["B"])) as two:
        streams = {"A": open_stream(one), "B": open_stream(two)}
        merged = merge(*streams.values())
        assert names([next(merged)[1], next(merged)[1]]) == ["RunStarted", "RunStarted"]
        arrived = streams["A"]._source.listeners[0].func.__self__  # the queue of what is ready
        before = len(arrived)
        for count, gate in enumerate(gates, 1):
            # Every event lies ready before the first is asked for.
            gate.set()
            eventually(lambda wanted=before + count: len(arrived) >= wanted)
        seen = [event.content for _, event in merged if event.event == "RunContent"]
        assert seen == ["%s%d" % pair for pair in zip(order, range(len(order)))]


def test_merge_tells_the_stream_of_each_event(open_stream):
    with RawServer(agent(*whole("a"))) as server:
        streams = [open_stream(server, run_id=str(number)) for number in range(20)]
        seen = {}
        for opened, event in merge(*streams):
            assert event.run_id == opened.run_id
            seen.setdefault(opened, []).append(event.event)
        assert list(map(seen.get, streams)) == [["RunStarted", "RunContent", "RunCompleted"]] * 20
        assert all(opened.output().content == "abc" for opened in streams)


def test_merge_blocks_until_something_comes(open_stream):
    go_on = threading.Event()
    with RawServer(agent(STARTED, go_on, DONE), held(STARTED)) as server:
        one, two = open_stream(server), open_stream(server)
        merged = merge(one, two)
        assert {next(merged)[0], next(merged)[0]} == {one, two}
        reader = Reader(next, merged)
        go_on.set()
        opened, event = reader.outcome()
        assert (opened, event.event) == (one, "RunCompleted")


def test_merge_of_nothing_and_of_ended_streams_is_empty(open_stream):
    assert list(merge()) == []
    with RawServer(agent(*whole("a"))) as server:
        opened = open_stream(server)
        opened.output()
        assert list(merge(opened)) == []


def test_stream_that_is_given_twice_is_merged_once(open_stream):
    with RawServer(agent(*whole("ab", "c"))) as server:
        opened = open_stream(server)
        assert names(event for _, event in merge(opened, opened)) == NAMES


def test_merge_takes_streams_up_where_they_are(open_stream):
    with RawServer(together(*whole("a", "b"))) as server:
        opened = open_stream(server)
        next(opened)
        for _, event in merge(opened):
            assert event.content == "a"
            break
        assert [event.content for _, event in merge(opened)] == ["b", "abc"]


@pytest.mark.parametrize(
    "broken",
    [
        agent(STARTED),
        agent(STARTED, end="reset"),
        agent(STARTED, b"data: oops\n\n", threading.Event()),
    ],
)
def test_merge_raises_the_error_of_one_and_leaves_the_others(open_stream, broken):
    go_on = threading.Event()
    with RawServer(broken, agent(STARTED, go_on, said("a"), DONE)) as server:
        bad, good = open_stream(server), open_stream(server)
        seen = []
        error = failure(lambda: seen.extend(event for _, event in merge(bad, good)))
        assert isinstance(error, ProtocolError)
        assert failure(list, bad) is error
        go_on.set()
        seen += [event for _, event in merge(good)]
        assert "".join(event.content or "" for event in seen) == "aabc"
        assert type(failure(list, merge(bad, good))) is type(error)


def test_merge_meets_the_total_limit_of_one(open_stream):
    with RawServer(held(STARTED)) as server:
        limited = open_stream(server, timeout=Timeout(read=20, total=0.3))
        other = open_stream(server)
        error = failure(list, merge(other, limited))
        assert (type(error), error.phase) == (RemoteTimeoutError, "total")
        assert failure(limited.output) is error
        assert repr(other).startswith("<RunStream open")


def test_closing_one_of_merged_streams_wakes_the_reader(open_stream):
    with RawServer(held(STARTED)) as server:
        one, two = open_stream(server), open_stream(server)
        merged = merge(one, two)
        next(merged), next(merged)
        reader = Reader(next, merged)
        two.close()
        with pytest.raises(StreamClosedError):
            reader.outcome()


# --- Cancelling


def cancelling(gate, status=200):
    def handle(connection, request):
        gate.set()
        reply(b"{}", status)(connection, request)

    return handle


CANCELLED = ("RunCancelled", {"content": "a", "reason": "by user"})


def test_cancelled_stream_can_be_read_to_its_end(open_stream):
    gate = threading.Event()
    script = agent(STARTED, said("a"), gate, said("b"), CANCELLED)
    with RawServer(script, cancelling(gate)) as server:
        opened = open_stream(server)
        assert next(opened).event == "RunStarted"
        assert opened.cancel() is True
        assert names(opened) == ["RunContent", "RunContent", "RunCancelled"]
        assert opened.output().is_cancelled
        assert server.requests[1].path.endswith("/runs/%s/cancel" % opened.run_id)


def test_cancel_from_another_thread_leaves_the_reading_to_the_reader(open_stream):
    gate = threading.Event()
    with RawServer(agent(STARTED, gate, CANCELLED), cancelling(gate)) as server:
        opened = open_stream(server)
        next(opened)
        reader = Reader(list, opened)
        other = Reader(opened.cancel)
        assert names(reader.outcome()) == ["RunCancelled"]
        assert other.outcome() is True


def test_run_that_completes_all_the_same_was_not_cancelled(open_stream):
    gate = threading.Event()
    with RawServer(agent(STARTED, gate, DONE), cancelling(gate)) as server:
        opened = open_stream(server)
        assert opened.cancel() is False
        assert opened.output().status == "COMPLETED"


def test_broken_data_met_while_cancelling_is_not_forgotten(open_stream):
    gate = threading.Event()
    script = agent(STARTED, gate, b"data: oops\n\n", threading.Event())
    stored = reply('{"run_id": "r", "session_id": "s", "status": "CANCELLED"}')
    with RawServer(script, cancelling(gate), stored) as server:
        opened, seen = open_stream(server, timeout=Timeout(read=5), run_id="r"), []
        assert opened.cancel() is True
        with pytest.raises(ProtocolError, match="not JSON"):
            seen.extend(iter(opened.next_event, None))
        assert names(seen) == ["RunStarted"]


def test_events_kept_while_cancelling_are_not_delivered_after_closing(open_stream):
    gate = threading.Event()
    with RawServer(agent(*whole("a")[:2], gate, CANCELLED), cancelling(gate)) as server:
        opened = open_stream(server)
        assert opened.cancel() is True
        assert next(opened).event == "RunStarted"
        opened.close()
        assert list(opened) == []
        assert opened.output().is_cancelled


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_child_leaves_although_the_reader_held_its_lock(open_stream):
    with RawServer(agent(STARTED, threading.Event())) as server:
        opened = open_stream(server)
        next(opened)
        held, release = threading.Event(), threading.Event()

        def hold():
            with opened._reading:
                held.set()
                release.wait(60)

        holder = threading.Thread(target=hold)
        holder.start()
        assert held.wait(10)
        child = os.fork()
        if child == 0:
            signal.alarm(10)  # ends a child that waits for a lock nobody will release
            try:
                next(opened)
            except StreamClosedError:
                opened.close()
                os._exit(7)
            os._exit(1)
        release.set()
        holder.join()
        assert os.waitpid(child, 0)[1] >> 8 == 7
        assert not opened._source.closed
