"""Bodies taken apart: every framing and coding, whole, byte by byte, and cut at every place."""

import gzip
import zlib

import pytest

from remoteagent_lite.http import bodies
from remoteagent_lite.http.bodies import (
    Chunked,
    CodingError,
    FramingError,
    Sized,
    Unsized,
    inflated,
)

PAYLOAD = bytes(range(256)) * 3 + b"\r\n0\r\n\r\n" + "ä\u2028\U0001f600".encode() * 20


def compressed(data, wbits):
    engine = zlib.compressobj(wbits=wbits)
    return engine.compress(data) + engine.flush()


CODINGS = {
    "identity": lambda data: data,
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "GZIP": gzip.compress,
    "deflate": zlib.compress,
    "deflate, raw": lambda data: compressed(data, -15),
    "gzip, two members": lambda data: gzip.compress(data[:100]) + gzip.compress(data[100:]),
    "gzip, with an empty member": lambda data: gzip.compress(b"") + gzip.compress(data),
}


def coding_headers(coding):
    return [("Content-Encoding", coding.partition(",")[0])]


def splits(data):
    """The data whole, byte by byte, and in two pieces cut at every place."""
    yield [data]
    yield [data[i : i + 1] for i in range(len(data))]
    for place in range(1, len(data)):
        yield [data[:place], data[place:]]


def fed(framing, pieces):
    """What the framing makes of the pieces, up to its end or that of the connection."""
    body = b""
    for piece in [*pieces, b""]:
        if framing.ended:
            break
        body += framing.feed(piece)
    assert framing.ended
    return body


@pytest.mark.parametrize(
    "data, expected",
    [
        (b"0\r\n\r\n", b""),
        (b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
        (b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", b"hello!"),
        (b"1\r\na\r\n1\r\nb\r\n1\r\nc\r\n000\r\n\r\n", b"abc"),
        (b"a\r\n0123456789\r\n0A\r\n0123456789\r\n0\r\n\r\n", b"0123456789" * 2),
        (b"5;name=value\r\nhello\r\n0;last\r\n\r\n", b"hello"),
        (b"5 \r\nhello\r\n0\r\n\r\n", b"hello"),
        (b"4\r\n\r\n\r\n\r\n0\r\n\r\n", b"\r\n\r\n"),
        (b"5\r\n0\r\n\r\n\r\n0\r\n\r\n", b"0\r\n\r\n"),
        (b"2\r\nhi\r\n0\r\nA: b\r\nC: d\r\n\r\n", b"hi"),
        # RFC 9112, 8: complete with the chunk of size zero, whatever became of the trailer.
        (b"2\r\nhi\r\n0\r\n", b"hi"),
    ],
)
def test_chunks_are_taken_apart_wherever_they_are_cut(data, expected):
    for pieces in splits(data):
        assert fed(Chunked(), pieces) == expected, pieces


def test_chunks_are_handed_out_before_their_line_break_has_come():
    chunked = Chunked()
    assert chunked.feed(b"5\r\nhel") == b"hel"
    assert chunked.feed(b"lo") == b"lo"
    assert chunked.feed(b"\r\n1\r\n!") == b"!"


@pytest.mark.parametrize(
    "trailer, excess",
    [
        (b"\r\n", False),
        (b"A: b\r\n\r\n", False),
        (b"A: b\r\nC: d\r\n\r\n", False),
        (b"", True),
        (b"\r", True),
        (b"\n", True),
        (b"A:b", True),
        (b"A: b\r\n", True),
        (b"\r\nHTTP/1.1 200 OK\r\n\r\n", True),
        (b"A: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", True),
    ],
)
def test_connection_is_clean_only_behind_the_end_of_the_trailer(trailer, excess):
    chunked = Chunked()
    assert chunked.feed(b"2\r\nhi\r\n0\r\n" + trailer) == b"hi"
    assert (chunked.ended, chunked.excess) == (True, excess)


def test_truncated_chunked_body_raises_wherever_it_ends():
    data = b"5;x=y\r\nhello\r\n12\r\n" + b"x" * 18 + b"\r\n0\r\n\r\n"
    for end in range(data.index(b"\r\n0\r\n") + 4):
        for pieces in ([data[:end]], [data[i : i + 1] for i in range(end)]):
            with pytest.raises(EOFError):
                fed(Chunked(), [piece for piece in pieces if piece])


@pytest.mark.parametrize("line", [b"", b"x", b"-5", b"+5", b"0x5", b"5_0", b"5 5", b";a", b"\xb2"])
def test_nonsense_for_a_chunk_size_raises(line):
    for pieces in splits(line + b"\r\nhello\r\n0\r\n\r\n"):
        with pytest.raises(FramingError):
            fed(Chunked(), pieces)


@pytest.mark.parametrize(
    "data", [b"5\nhello\r\n0\r\n\r\n", b"5\nhello\n0\n\n", b"5\r\nhello\n0\n\n"]
)
def test_bare_line_feeds_never_make_a_chunk_wait(data):
    for pieces in splits(data):
        with pytest.raises(FramingError):
            fed(Chunked(), pieces)


@pytest.mark.parametrize("behind", [b"", b"x", b"\n", b"\rx", b"xx", b"  "])
def test_chunk_without_its_line_break_is_never_believed(behind):
    for pieces in splits(b"5\r\nhello" + behind + b"5\r\nhello\r\n0\r\n\r\n"):
        with pytest.raises(FramingError):
            fed(Chunked(), pieces)


@pytest.mark.parametrize("start", [b"", b"5\r\nhello\r\n"])
def test_endless_chunk_size_is_refused(start):
    endless = start + b"x" * (4 * bodies.MAX_CHUNK_LINE)
    with pytest.raises(FramingError):
        fed(Chunked(), [endless[i : i + 1000] for i in range(0, len(endless), 1000)])


@pytest.mark.parametrize("data", [b"", b"hello", PAYLOAD])
def test_body_with_a_length_is_whole_wherever_it_is_cut(data):
    for pieces in splits(data):
        framing = Sized(len(data))
        assert fed(framing, [piece for piece in pieces if piece]) == data
        assert framing.proves_end and not framing.excess


def test_body_with_a_length_is_never_short_and_never_more():
    with pytest.raises(EOFError):
        fed(Sized(6), [b"hello"])
    more = Sized(4)
    assert fed(more, [b"he", b"llo"]) == b"hell"
    assert more.excess


def test_body_without_a_length_proves_nothing():
    framing = Unsized()
    assert fed(framing, [b"he", b"llo"]) == b"hello"
    assert framing.ended and not framing.proves_end


@pytest.mark.parametrize("coding", sorted(CODINGS))
def test_body_is_decompressed_wherever_it_is_cut(coding):
    name = coding_headers(coding)[0][1]
    for pieces in splits(CODINGS[coding](PAYLOAD)):
        decoder = inflated(name)
        if decoder is None:
            assert name == "identity"
            continue
        assert b"".join(map(decoder.feed, pieces)) == PAYLOAD, [len(piece) for piece in pieces]
        assert not decoder.unfinished


@pytest.mark.parametrize("coding", sorted(set(CODINGS) - {"identity"}))
def test_compressed_body_that_is_cut_is_never_finished(coding):
    data = CODINGS[coding](PAYLOAD)
    between_members = {len(gzip.compress(PAYLOAD[:100])), len(gzip.compress(b""))}
    for end in range(1, len(data)):
        decoder = inflated(coding_headers(coding)[0][1])
        decoder.feed(data[:end])
        assert decoder.unfinished or ("member" in coding and end in between_members)


@pytest.mark.parametrize(
    "junk", [b"\n", b"\0" * 100, b"junk", b"\x1f", b"\x1fjunk", b"\x1f\x8bjunk"]
)
def test_junk_behind_a_compressed_body_is_ignored(junk):
    for pieces in splits(gzip.compress(b"hello") + junk):
        decoder = inflated("gzip")
        assert b"".join(map(decoder.feed, pieces)) == b"hello"
        assert not decoder.unfinished or junk == b"\x1f"  # which may begin another member


@pytest.mark.parametrize(
    "data",
    [
        b"\x1f\x8bnonsense",
        gzip.compress(PAYLOAD)[:-8] + b"\xff" * 8,
        gzip.compress(PAYLOAD) + gzip.compress(PAYLOAD)[:-8] + b"\xff" * 8,
    ],
)
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_body_that_does_not_decompress_raises(data, coding):
    for pieces in ([data], [data[i : i + 1] for i in range(len(data))]):
        with pytest.raises(CodingError, match="decompress"):
            list(map(inflated(coding).feed, pieces))


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, br"])
def test_foreign_coding_raises_once_there_is_a_body(coding):
    decoder = inflated(coding)
    assert not decoder.unfinished
    with pytest.raises(CodingError, match=coding):
        decoder.feed(b"x")
