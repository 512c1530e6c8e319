"""Event streams as bytes: cut anywhere, they give the same events, and those of the rules."""

import glob
import itertools
import json
import os
import random

import pytest
from hypothesis import given, settings, strategies as st
from sseclient import SSEClient

from remoteagent_lite import ProtocolError, RemoteAgent, RemoteTimeoutError, Timeout
from remoteagent_lite.protocols import sse
from remoteagent_lite.protocols.sse import SSEDecoder
from remoteagent_lite.runs import stream as stream_module
from tests import FIXTURES
from tests.peers.faults import RawServer, sse as sse_frame, stream

RECORDED = sorted(glob.glob(str(FIXTURES / "*" / "*.sse")), key=str)


def pair(name, data):
    return name, data


def decoded(pieces, **options):
    """The events of bytes given in pieces, and whether something unfinished is left."""
    decoder = SSEDecoder(pair, "http://host/x", **options)
    events = [event for piece in pieces if piece for event in decoder.feed(piece)]
    return events, decoder.pending


def single(data):
    return [data[i : i + 1] for i in range(len(data))]


def cut(data, *places):
    edges = [0, *sorted(places), len(data)]
    return [data[start:end] for start, end in zip(edges, edges[1:])]


def by_sseclient(data):
    """What sseclient-py makes of the same bytes, given to it whole."""
    return [
        ("" if event.event == "message" else event.event, json.loads(event.data))
        for event in SSEClient(iter([data])).events()
        if event.data.strip()
    ]


ONE = [("", {"a": 1})]
STREAMS = {
    "plain": (b'event: A\ndata: {"a":1}\n\nevent: A\ndata: {"a":2}\n\nevent: B\ndata: 3\n\n',
              [("A", {"a": 1}), ("A", {"a": 2}), ("B", 3)]),
    "without name": (b'data: {"a":1}\n\n', ONE),
    "empty name": (b'event:\ndata: {"a":1}\n\n', ONE),
    "empty name behind a space": (b'event: \ndata: {"a":1}\n\n', ONE),
    "name message": (b'event: message\ndata: {"a":1}\n\n', ONE),
    "field without colon": (b'event\ndata: {"a":1}\n\n', ONE),
    "named, unnamed, named": (b"event: A\ndata: 1\n\ndata: 2\n\nevent: A\ndata: 3\n\n",
                              [("A", 1), ("", 2), ("A", 3)]),
    "without spaces": (b'event:A\ndata:{"a":1}\n\n', [("A", {"a": 1})]),
    "two spaces": (b'event:  A\ndata:  {"a":1}\n\n', [(" A", {"a": 1})]),
    "space before the colon is another field": (b'data : 1\n\ndata: {"a":1}\n\n', ONE),
    "data first": (b'data: {"a":1}\nevent: A\n\n', [("A", {"a": 1})]),
    "last name counts": (b"event: A\nevent: B\ndata: 1\n\n", [("B", 1)]),
    "name with a colon": (b"event: A:B\ndata: 1\n\n", [("A:B", 1)]),
    "several data lines": (b'data: {\ndata:   "a":\ndata: 1\ndata: }\n\n', ONE),
    "data lines around others": (b'data: [1,\nid: 7\n: note\ndata: 2]\n\n', [("", [1, 2])]),
    "id and retry": (b'id: 7\nretry: 100\nevent: A\ndata: 1\nid\n\n', [("A", 1)]),
    "unknown field": (b"weather: fine\ndata: 1\n\n", [("", 1)]),
    "comments": (b': hello\n\n:\n\ndata: 1\n\n: ping\ndata: 2\n\n', [("", 1), ("", 2)]),
    "comment with the look of data": (b":data: 1\n\n", []),
    "name without data": (b"event: A\n\ndata: 1\n\n", [("", 1)]),
    "empty data": (b"data:\n\ndata: \n\ndata\n\nevent: A\ndata: 1\n\n", [("A", 1)]),
    "many blank lines": (b"\n\n\ndata: 1\n\n\n\n\ndata: 2\n\n\n", [("", 1), ("", 2)]),
    "only blank lines": (b"\n\n\n", []),
    "nothing": (b"", []),
    "spaces around JSON": (b"data:   [1]  \n\ndata: 2 \n\n", [("", [1]), ("", 2)]),
    "scalars": (b'data: null\n\ndata: -1.5e3\n\ndata: "x"\n\ndata: true\n\n',
                [("", None), ("", -1500.0), ("", "x"), ("", True)]),
    "number over two lines": (b"data: [1\ndata: ,2]\n\n", [("", [1, 2])]),
    "escaped line breaks": (b'data: "a\\n\\nb\\r"\n\n', [("", "a\n\nb\r")]),
    "byte order mark": (b'\xef\xbb\xbfdata: {"a":1}\n\n', ONE),
    "byte order mark and comment": (b'\xef\xbb\xbf: hi\n\ndata: {"a":1}\n\n', ONE),
    "byte order mark in the middle": (b'data: 1\n\n\xef\xbb\xbfdata: 2\n\n', [("", 1)]),
    "looks like a byte order mark": (b'\xef\xbb\xbe: 1\n\ndata: {"a":1}\n\n', ONE),
    "unicode": ('event: Ä\ndata: {"a":"ä€\U0001f600"}\n\n'.encode(),
                [("Ä", {"a": "ä€\U0001f600"})]),
    "unicode line breaks": ('event: A\ndata: "a\u2028b\u2029c\u0085d\x0be\x1cf"\n\n'
                            .replace("\x0b", "\\u000b").replace("\x1c", "\\u001c").encode(),
                            [("A", "a\u2028b\u2029c\u0085d\x0be\x1cf")]),
    "unicode line breaks by the rules": ('data: ["a\u2028b",\ndata: "c\u0085d"]\n\n'.encode(),
                                         [("", ["a\u2028b", "c\u0085d"])]),
    "escaped emoji": (b'data: "\\ud83d\\ude00 \\ud83d"\n\n', [("", "\U0001f600 \ud83d")]),
}  # fmt: skip
NAMES = sorted(STREAMS)


def with_line_end(data, end):
    return data.replace(b"\n", end)


def mixed(data):
    """Every line with another end than the one before; no CR before an LF of the next line."""
    ends = itertools.cycle([b"\n", b"\r\n", b"\r", b"\r\n"])
    *lines, last = data.split(b"\n")
    return b"".join(line + next(ends) for line in lines) + last


LINE_ENDS = {
    "LF": lambda data: data,
    "CRLF": lambda data: with_line_end(data, b"\r\n"),
    "CR": lambda data: with_line_end(data, b"\r"),
}


@pytest.mark.parametrize("line_end", sorted(LINE_ENDS))
@pytest.mark.parametrize("name", NAMES)
def test_stream_gives_its_events_in_every_split(name, line_end):
    data, expected = STREAMS[name]
    data = LINE_ENDS[line_end](data)
    assert decoded([data]) == (expected, False)
    assert decoded(single(data)) == (expected, False)
    for place in range(1, len(data)):
        assert decoded(cut(data, place)) == (expected, False), place
    chance = random.Random(name)
    for _ in range(100):
        places = [chance.randrange(len(data) + 1) for _ in range(chance.randrange(1, 6))]
        assert decoded(cut(data, *places)) == (expected, False), places


@pytest.mark.parametrize("name", NAMES)
def test_line_ends_may_be_mixed(name):
    data, expected = STREAMS[name]
    # A blank line ended by LF after a line ended by CR would read as one CRLF.
    data = mixed(data.replace(b"\n\n", b"\n\n\n\n\n"))
    assert decoded([data]) == (expected, False)
    assert decoded(single(data)) == (expected, False)
    for place in range(1, len(data)):
        assert decoded(cut(data, place)) == (expected, False), place


@pytest.mark.parametrize("data", [b"data: 1\n\r\n", b"data: 1\r\n\n", b"data: 1\r\n\r",
                                  b"data: 1\r\r\n", b"data: 1\n\r", b"data: 1\r\r"])  # fmt: skip
def test_blank_line_of_any_make_ends_a_frame_at_once(data):
    assert decoded([data])[0] == decoded(single(data))[0] == [("", 1)]


def test_cr_ends_a_line_without_waiting_for_what_follows():
    decoder = SSEDecoder(pair)
    assert list(decoder.feed(b"data: 1\r\r")) == [("", 1)]
    assert list(decoder.feed(b"\ndata: 2\r\n\r\n")) == [("", 2)]


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: "/".join(path.split(os.sep)[-2:]))
def test_recorded_stream_gives_its_events_in_any_split(path):
    with open(path, "rb") as file:
        data = file.read()
    expected = by_sseclient(data)
    assert expected or data.count(b"data:") == 0
    assert decoded([data]) == (expected, False)
    assert decoded(single(data)) == (expected, False)
    chance = random.Random(path)
    for _ in range(20):
        places = [chance.randrange(len(data) + 1) for _ in range(chance.randrange(1, 50))]
        assert decoded(cut(data, *places)) == (expected, False), places


def test_there_are_recorded_streams():
    assert len(RECORDED) > 50


# --- Against sseclient-py

texts = st.text(
    st.one_of(st.sampled_from("\u2028\u2029\x85\U0001f600:{} "), st.characters(codec="utf-8"))
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)
names = texts.map(lambda text: "".join(text.split("\n")).replace("\r", ""))


@st.composite
def frames(draw):
    """One frame, in one of the many ways in which it can be written."""
    lines = []
    if draw(st.booleans()):
        lines.append(draw(st.sampled_from(["event: ", "event:", "event:  "])) + draw(names))
    dumped = json.dumps(
        draw(values),
        ensure_ascii=draw(st.booleans()),
        indent=draw(st.sampled_from([None, None, 1])),
        separators=draw(st.sampled_from([(",", ":"), (", ", ": ")])),
    )
    field = draw(st.sampled_from(["data: ", "data: ", "data:"]))
    lines += [field + line for line in dumped.split("\n")]
    others = st.sampled_from(["id: 1", "retry: 5", ": note", "", "x: y", "data:", "event"])
    if draw(st.integers(0, 3)) == 0:
        lines.insert(draw(st.integers(0, len(lines))), draw(others))
    return "\n".join(lines) + "\n\n"


@settings(max_examples=300, deadline=None)
@given(st.lists(frames(), max_size=6), st.sampled_from(sorted(LINE_ENDS)), st.data())
def test_any_stream_is_read_as_sseclient_reads_it(parts, line_end, data):
    stream = LINE_ENDS[line_end]("".join(parts).encode())
    try:
        expected = by_sseclient(stream)
    except ValueError:  # a blank line within the JSON
        with pytest.raises(ProtocolError):
            decoded([stream])
        return
    places = data.draw(st.lists(st.integers(0, len(stream)), max_size=8))
    assert decoded([stream])[0] == expected
    assert decoded(cut(stream, *places))[0] == expected


def test_plain_frames_are_decoded_without_sseclient(monkeypatch):
    def forbidden(source):
        raise AssertionError("the slow way was taken")

    monkeypatch.setattr(sse, "SSEClient", forbidden)
    data = STREAMS["plain"][0] + STREAMS["named, unnamed, named"][0] + STREAMS["scalars"][0]
    assert len(decoded([data])[0]) == len(decoded(single(data))[0]) == 10


# --- What goes wrong


def events_and_error(pieces, **options):
    events = []
    with pytest.raises(ProtocolError) as caught:
        decoder = SSEDecoder(pair, "http://host/x", **options)
        for piece in pieces:
            events.extend(decoder.feed(piece))
    assert caught.value.url == "http://host/x" and "http://host/x" in str(caught.value)
    return events, str(caught.value)


GOOD = b"event: A\ndata: 1\n\n"
BROKEN = {
    "no JSON": (b"data: oops\n\n", "not JSON"),
    "half JSON": (b'event: A\ndata: {"a":\n\n', "not JSON"),
    "JSON and more": (b"data: 1 2\n\n", "not JSON"),
    "JSON on several lines": (b"data: [1\ndata: 2]\n\n", "not JSON"),
    "string over two lines": (b'data: "a\ndata: b"\n\n', "not JSON"),
    "deep": (b"data: " + b"[" * 100000 + b"\n\n", "nested more than 200 levels deep"),
    "invalid byte": (b"data: \xff\n\n", "not UTF-8"),
    "half a character": (b'data: "\xe2\x82"\n\n', "not UTF-8"),
    "encoded surrogate": (b'data: "\xed\xa0\x80"\n\n', "not UTF-8"),
    "invalid comment": (b": \xff\n\n", "not UTF-8"),
}


@pytest.mark.parametrize("before", [0, 1, 3])
@pytest.mark.parametrize("name", sorted(BROKEN))
def test_frames_before_a_broken_one_are_handed_out(name, before):
    broken, expected = BROKEN[name]
    data = GOOD * before + broken + GOOD
    splits = [[data]] + ([] if name == "deep" else [single(data)])
    for pieces in splits:
        events, message = events_and_error(pieces)
        assert events == [("A", 1)] * before
        assert expected in message and len(message) < 300


def test_broken_first_frame_behind_a_byte_order_mark_raises():
    assert events_and_error([b"\xef\xbb\xbf\xff\n\n"])[0] == []


@pytest.mark.parametrize("data", [b"data: " + b"1" * 200, b": " + b"x" * 200, b"x\n" * 101])
def test_frame_that_does_not_end_is_refused(data):
    for pieces in ([GOOD, data], [GOOD, *single(data)]):
        events, message = events_and_error(pieces, max_frame=200)
        assert events == [("A", 1)]
        assert "more than 200 bytes" in message


def test_many_frames_may_be_larger_together_than_one_may_be():
    assert decoded([GOOD * 100], max_frame=20)[0] == [("A", 1)] * 100
    assert decoded(single(GOOD * 100), max_frame=20)[0] == [("A", 1)] * 100


@pytest.mark.parametrize(
    "data, expected",
    [
        (b"", False), (b"data: 1\n\n", False), (b"data: 1\n", True), (b"d", True),
        (b"event: A\n", True), (b"data: 1\n\ndata: 2", True), (b": ping\n", False),
        (b": ping", False), (b":", False), (b": ping\ndata: 1", True), (b"\n", False),
        (b"data: 1\r\n\r", False), (b"data: 1\r\n", True), (b"data: 1\n\n: bye\n", False),
    ],
)  # fmt: skip
def test_truncated_frame_is_pending(data, expected):
    assert decoded([data])[1] == decoded(single(data))[1] == expected


def test_half_received_frame_is_not_handed_out():
    assert decoded([b'data: {"a":1}\n'])[0] == decoded([b"data: 1"])[0] == []


def test_closing_ends_the_events_of_a_piece():
    decoder = SSEDecoder(pair)
    events = decoder.feed(GOOD * 3)
    assert next(events) == ("A", 1)
    decoder.closed = True
    assert list(events) == []


def test_events_are_decoded_as_they_are_taken():
    taken = []
    decoder = SSEDecoder(lambda name, data: taken.append(data))
    events = decoder.feed(b"data: 1\n\ndata: 2\n\n")
    next(events)
    assert taken == [1]


def test_big_event_in_small_pieces_is_joined_once(monkeypatch):
    decoder = SSEDecoder(pair)
    data = b'data: "' + b"x" * (8 * 1024 * 1024) + b'"\n\n'
    pieces = [data[i : i + 1024] for i in range(0, len(data), 1024)]
    for piece in pieces[:-1]:
        assert list(decoder.feed(piece)) == []
    # Nothing has been copied: the pieces themselves are kept.
    assert [id(part) for part in decoder._parts] == [id(piece) for piece in pieces[:-1]]
    ((name, value),) = decoder.feed(pieces[-1])
    assert (name, len(value)) == ("", 8 * 1024 * 1024)
    assert decoder._parts == []


# --- Frames of many lines


def lines_read(monkeypatch):
    """How many bytes sseclient-py is given at once, at most."""
    sizes = []

    class Counting(SSEClient):
        def __init__(self, source):
            parts = list(source)
            sizes.append(sum(part.count(b"\n") for part in parts))
            super().__init__(iter(parts))

    monkeypatch.setattr(sse, "SSEClient", Counting)
    return sizes


LONG = {
    "comments": (b":\n", b"data: 1\n", 1),
    "empty data": (b"data:\n", b"data: 1\n", 1),
    "a list": (b"data: ,1\n", None, [0] + [1] * 5000),
    "unknown fields": (b"x: y\n", b"data: 1\n", 1),
    "names": (b"event: B\n", b"data: 1\n", 1),
    "ids": (b"id: 1\n", b"data: 1\n", 1),
}


@pytest.mark.parametrize("name", sorted(LONG))
def test_a_frame_of_many_lines_is_not_read_by_sseclient_at_once(name, monkeypatch):
    line, last, expected = LONG[name]
    frame = line * 5000 + last if last else b"data: [0\n" + line * 5000 + b"data: ]\n"
    given = lines_read(monkeypatch)
    kind = "B" if name == "names" else "A"
    stream = GOOD + b"event: A\n" + frame + b"\n" + GOOD
    assert decoded([stream])[0] == [("A", 1), (kind, expected), ("A", 1)]
    assert max(given) < 30
    sizes = sum(given)
    given.clear()
    decoded([GOOD + b"event: A\n" + line * 10000 + b"data: 1\n\n"] if last else [stream])
    assert sum(given) < 3 * sizes  # twice the lines, twice the work


def test_names_and_data_of_a_long_frame_are_those_of_all_its_lines():
    lines = ["event: A"] + ["data: "] * 40 + ["event:  B ", "data: [1,"] + [":"] * 100 + ["data:2]"]
    stream = ("\n".join(lines) + "\n\n").encode()
    assert decoded([stream])[0] == by_sseclient(stream) == [(" B ", [1, 2])]
    lines += ["event:"]
    stream = ("\n".join(lines) + "\n\n").encode()
    assert decoded([stream])[0] == by_sseclient(stream) == [("", [1, 2])]


def test_whoever_reads_a_long_frame_can_look_at_the_clock_and_stop():
    idle = object()
    frame = b":\n" * 400_000 + b"data: 1\n\n"
    decoder = SSEDecoder(pair, idle=idle)
    assert list(decoder.feed(frame + GOOD)) == [idle] * 12 + [("", 1), ("A", 1)]
    events = decoder.feed(frame + GOOD)
    assert next(events) is idle
    decoder.closed = True
    assert list(events) == []


# --- Depth


def nested(depth):
    return "[" * depth + '"%s"' % ("x" * 200) + "]" * depth


@pytest.mark.parametrize("form", ["data: %s\n\n", "data:%s\n\n", "id: 1\nevent: A\ndata: %s\n\n"])
@pytest.mark.parametrize("shape", ["%s", '{"a": %s, "b": [1, {"c": 2}]}', '["]]]]}}}", %s]'])
def test_a_value_nested_too_deep_is_refused_whatever_frame_it_comes_in(form, shape):
    levels = 200 if shape == "%s" else 199
    fits, deep = ((form % (shape % nested(depth))).encode() for depth in (levels, levels + 1))
    assert len(decoded([GOOD, fits, GOOD])[0]) == 3
    events, message = events_and_error([GOOD + deep + GOOD])
    assert events == [("A", 1)] and "nested more than 200 levels deep" in message
    assert len(message) < 300


def test_brackets_that_are_no_nesting_are_not_counted_as_it():
    flat = json.dumps([[], {}, "[[[[{{{{" * 300] * 300).encode()
    assert len(decoded([b"data: " + flat + b"\n\n"])[0]) == 1
    text = json.dumps("[" * 1000).encode()
    assert decoded([b"data: " + text + b"\n\n"])[0] == [("", "[" * 1000)]


# --- In a stream: its limits hold while a long frame is being read


def stream_of(server, frame, **options):
    server.then(stream([sse_frame("RunStarted", '{"event":"RunStarted","run_id":"r"}') + frame]))
    return RemoteAgent(server.url, "a").run("x", stream=True, run_id="r", **options)


class Clock:
    """A clock that goes on only while lines are being read."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        few_lines = sse._few_lines

        def slow(text):
            self.now += 1.0
            return few_lines(text)

        monkeypatch.setattr(sse, "_few_lines", slow)
        monkeypatch.setattr(stream_module.time, "monotonic", lambda: self.now)


LONG_FRAME = b"x: y\n" * 100_000 + b'data: {"event":"RunCompleted","run_id":"r","content":"hi"}\n\n'


def test_a_long_frame_does_not_outlast_the_total_limit(monkeypatch):
    with RawServer() as server:
        with stream_of(server, LONG_FRAME, timeout=Timeout(total=1000)) as run:
            assert run.next_event().event == "RunStarted"
            clock = Clock(monkeypatch)
            run._limits.deadline = 2.0
            with pytest.raises(RemoteTimeoutError) as caught:
                run.output()
        assert (caught.value.phase, clock.now) == ("total", 3.0)


def test_a_long_frame_does_not_outlast_the_wait_for_an_event_and_is_not_lost(monkeypatch):
    with RawServer() as server:
        with stream_of(server, LONG_FRAME) as run:
            assert run.next_event().event == "RunStarted"
            clock = Clock(monkeypatch)
            with pytest.raises(TimeoutError):
                run.next_event(timeout=2.0)
            assert clock.now == 3.0
            assert run.next_event(timeout=1000.0).event == "RunCompleted"
            assert run.output().content == "hi"


def test_a_long_frame_does_not_outlast_the_wait_for_a_cancel_and_is_not_lost(monkeypatch):
    with RawServer() as server:
        with stream_of(server, LONG_FRAME) as run:
            assert run.next_event().event == "RunStarted"
            clock = Clock(monkeypatch)
            assert not run._read_on(2.0, lambda: run._fold.finished)
            assert clock.now == 3.0
            assert not run._read_on(4.0, lambda: run._fold.finished)
            assert run.next_event().event == "RunCompleted"
            assert run.output().content == "hi"


def test_a_value_nested_too_deep_is_refused_in_a_stream():
    value = '{"event":"RunContent","run_id":"r","content":%s}' % ("[" * 900 + "]" * 900)
    with RawServer() as server:
        with stream_of(server, b"data: " + value.encode() + b"\n\n") as run:
            with pytest.raises(ProtocolError, match="nested more than 200 levels deep"):
                list(run)
