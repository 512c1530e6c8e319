"""media.py: what an object says of its type, and what becomes of it in a form."""

from __future__ import annotations

from typing import Any, Optional

import pytest

from remoteagent_lite import Audio, File, Image, Video
from remoteagent_lite.media import type_of
from remoteagent_lite.protocols.agentos.forms import split_media
from remoteagent_lite.protocols.component import AGENT, TEAM, WORKFLOW

PNG = b"\x89PNG\r\n\x1a\n"
MP4 = b"\0\0\0\x18ftypisom"


@pytest.mark.parametrize(
    "item, expected",
    [
        (Image(content=b"a", mime_type="image/x", format="png", filename="a.gif"), "image/x"),
        (Image(content=b"a", format="jpg", filename="a.gif"), "image/jpeg"),
        (Image(content=b"a", format="zzz"), "image/zzz"),
        (Image(content=PNG, filename="a.gif"), "image/gif"),
        (Image(url="http://x/a.webp?b=c.png"), "image/webp"),
        (Image(url="http://x/a"), None),
        (Image(url="http://[x"), None),
        (Image(content=b"what"), None),
        (Image(content=MP4), None),
        (Image(content=b"\0\0\0\x18ftypavif"), "image/avif"),
        (Image(content=b"\0\0\0\x18ftypheic"), "image/heic"),
        (Image(content=b"\xff\xd8\xff\xe0"), "image/jpeg"),
        (Image(content=b"GIF89a"), "image/gif"),
        (Image(content=b"RIFF\n\n\n\nWEBP"), "image/webp"),
        (Image(content=b"II*\0"), "image/tiff"),
        (Image(content=b"BM" + b"\n\0\0\0" + b"\0" * 4), "image/bmp"),
        (Audio(content=b"RIFF\0\0\0\0WAVE"), "audio/wav"),
        (Audio(content=b"ID3\x04"), "audio/mpeg"),
        (Audio(content=b"\xff\xfb\x90"), "audio/mpeg"),
        (Audio(content=b"\xff\xf1\x90"), "audio/aac"),
        (Audio(content=b"fLaC"), "audio/flac"),
        (Audio(content=b"OggS"), "audio/ogg"),
        (Audio(content=MP4), "audio/mp4"),
        (Audio(content=b"a", format="mp4"), "audio/mp4"),
        (Audio(content=b"a", filename="a.WAV"), "audio/wav"),
        (Audio(content=b"a", filename="a.mp4"), "audio/mp4"),
        (Video(content=MP4), "video/mp4"),
        (Video(content=b"\0\0\0\x14ftypqt  "), "video/quicktime"),
        (Video(content=b"\x1aE\xdf\xa3" + b"\0" * 20 + b"webm"), "video/webm"),
        (File(content=b"%PDF-1.4"), "application/pdf"),
        (File(content=PNG), "image/png"),
        (File(content=b"a", format="csv"), "text/csv"),
        (File(content=b"a", format="zzz"), None),
        (File(content=b""), None),
    ],
)
def test_the_type_is_what_is_given_or_told_by_format_name_and_first_bytes(
    item: Any, expected: Optional[str]
) -> None:
    assert type_of(item) == expected


@pytest.mark.parametrize(
    "option, item, filename, mime_type",
    [
        ("images", Image(content=PNG), "file", "image/png"),
        ("images", Image(content=b"a", format="jpg"), "file.jpg", "image/jpeg"),
        ("images", Image(content=b"a", filename="a.webp"), "a.webp", "image/webp"),
        ("audio", Audio(content=MP4), "file", "audio/mp4"),
        ("videos", Video(content=MP4), "file", "video/mp4"),
        ("files", File(content=b"%PDF-"), "file", "application/pdf"),
        ("files", File(content=b"a", format="js"), "file.js", "application/octet-stream"),
        ("files", File(content=b"a", filename="a.js"), "a.js", "application/octet-stream"),
        ("files", File(content=b"a"), "file", "application/octet-stream"),
    ],
)
def test_bytes_of_a_known_type_are_sent_as_a_file_of_any_size(
    option: str, item: Any, filename: str, mime_type: str
) -> None:
    for component in (AGENT, TEAM):
        as_json, (part,) = split_media(component, {option: [item]})
        assert not any(as_json.values())
        assert part == ("files", filename, item.content, mime_type)
    assert split_media(WORKFLOW, {option: [item]})[1] == []


@pytest.mark.parametrize(
    "option, item",
    [
        ("images", Image(content=b"what")),
        ("images", Image(content=b"a", format="zzz")),
        ("images", Image(content=PNG, id="i")),
        ("images", Image(content=PNG, detail="low")),
        ("images", Image(url="http://x/a.png")),
        ("audio", Audio(content=PNG)),
    ],
)
def test_what_a_file_could_not_carry_goes_as_json(option: str, item: Any) -> None:
    as_json, parts = split_media(AGENT, {option: [item]})
    assert (as_json[option], parts) == ([item], [])
