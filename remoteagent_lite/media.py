"""Images, audio, videos and documents that go with a run.

Each is made from a URL that the server fetches, from bytes, or from a local file with
``from_path``; exactly one source. Local files are read at once: a path is never sent, because the
server would look for it on its own disk.
"""

from __future__ import annotations

import mimetypes
import os
import re
from typing import Any, ClassVar, Dict, Optional, Type, TypeVar, Union
from urllib.parse import urlsplit

__all__ = ["Audio", "File", "Image", "Media", "Video", "guess_type", "named_type", "type_of"]

MediaT = TypeVar("MediaT", bound="Media")

#: Types that ``mimetypes`` does not know on every system, or by another name.
_TYPES = {
    ".aac": "audio/aac",
    ".avif": "image/avif",
    ".csv": "text/csv",
    ".flac": "audio/flac",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".m4a": "audio/mp4",
    ".md": "text/markdown",
    ".ogg": "audio/ogg",
    ".wav": "audio/wav",
    ".webp": "image/webp",
}

#: What the content of a type begins with.
_SIGNATURES = [
    (re.compile(pattern, re.DOTALL), mime_type)
    for pattern, mime_type in (
        (rb"\x89PNG\r\n\x1a\n", "image/png"),
        (rb"\xff\xd8\xff", "image/jpeg"),
        (rb"GIF8[79]a", "image/gif"),
        (rb"RIFF....WEBP", "image/webp"),
        (rb"BM....\0\0\0\0", "image/bmp"),
        (rb"II\*\0|MM\0\*", "image/tiff"),
        (rb"....ftypavi[fs]", "image/avif"),
        (rb"....ftyp(hei[cxms]|hev[cxms])", "image/heic"),
        (rb"....ftyp(mif1|msf1)", "image/heif"),
        (rb"RIFF....WAVE", "audio/wav"),
        (rb"fLaC", "audio/flac"),
        (rb"OggS", "audio/ogg"),
        (rb"ID3|\xff[\xe2\xe3\xf2\xf3\xfa\xfb]", "audio/mpeg"),
        (rb"\xff[\xf0\xf1\xf8\xf9]", "audio/aac"),
        (rb"....ftypM4[AB]", "audio/mp4"),
        (rb"....ftypqt", "video/quicktime"),
        (rb"....ftyp3g", "video/3gpp"),
        (rb"....ftyp", "video/mp4"),
        (rb"\x1aE\xdf\xa3.{4,60}webm", "video/webm"),
        (rb"FLV\x01", "video/x-flv"),
        (rb"\0\0\x01[\xb3\xba]", "video/mpeg"),
        (rb"%PDF-", "application/pdf"),
        (rb"PK\x03\x04", "application/zip"),
    )
]


def guess_type(name: str) -> Optional[str]:
    """The MIME type of a file with that name, or None."""
    extension = os.path.splitext(name)[1].lower()
    return _TYPES.get(extension) or mimetypes.guess_type(name)[0]


class Media:
    """Base of the four kinds. Immutable by convention; holds either ``url`` or ``content``.

    What ``mime_type`` leaves open is taken from ``format`` ("png"), the name or the first bytes.
    """

    #: What the types of this kind begin with.
    family: ClassVar[str] = ""

    def __init__(
        self,
        *,
        url: Optional[str] = None,
        content: Optional[bytes] = None,
        mime_type: Optional[str] = None,
        format: Optional[str] = None,
        id: Optional[str] = None,
        filename: Optional[str] = None,
        **fields: Any,
    ) -> None:
        if (url is None) == (content is None):
            raise ValueError("%s needs exactly one of url= and content=" % type(self).__name__)
        if content is not None and not isinstance(content, (bytes, bytearray, memoryview)):
            raise TypeError(
                "content must be bytes, not %s; encode text first" % type(content).__name__
            )
        self.url = url
        self.content = None if content is None else bytes(content)
        self.mime_type = mime_type
        self.format = format
        self.id = id
        self.filename = filename
        #: Further fields of the wire object (``detail``, ``duration``, ...), sent as they are.
        self.fields: Dict[str, Any] = fields

    @classmethod
    def from_path(cls: Type[MediaT], path: Union[str, os.PathLike[str]], **fields: Any) -> MediaT:
        """Read a local file now (blocking). The MIME type is guessed from the name if not given.

        Raises OSError if it cannot be read.
        """
        name = os.path.basename(os.fspath(path))
        fields.setdefault("mime_type", guess_type(name))
        fields.setdefault("filename", name)
        with open(path, "rb") as file:
            return cls(content=file.read(), **fields)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        source = self.url if self.content is None else "%d bytes" % len(self.content)
        return "%s(%s, mime_type=%r)" % (type(self).__name__, source, self.mime_type)


class Image(Media):
    """A picture."""

    family = "image/"


class Audio(Media):
    """A sound recording."""

    family = "audio/"


class Video(Media):
    """A moving picture."""

    family = "video/"


class File(Media):
    """A document."""


def type_of(item: Media) -> Optional[str]:
    """The MIME type as far as it is given, or told by format, name, URL or first bytes."""
    given = item.mime_type or item.format
    if given and "/" in given:
        return given
    if given:
        guessed = _fitting(item, guess_type("x." + given))
        return guessed or (item.family + given if item.family else None)
    guessed = named_type(item.filename, item.url) or _type_of_content(item.content or b"")
    return _fitting(item, guessed)


def named_type(filename: Optional[str], url: Any) -> Optional[str]:
    """The MIME type that a name, or else a URL, suggests."""
    try:
        path = urlsplit(url).path if isinstance(url, str) else ""
    except ValueError:
        path = ""
    return guess_type(filename or "") or guess_type(path)


def _type_of_content(content: bytes) -> Optional[str]:
    return next((mime_type for begin, mime_type in _SIGNATURES if begin.match(content)), None)


def _fitting(item: Media, mime_type: Optional[str]) -> Optional[str]:
    if mime_type is None or mime_type.startswith(item.family):
        return mime_type
    # The one container for several kinds: an audio in mp4 is no video.
    several = isinstance(item, (Audio, Video)) and mime_type.endswith("/mp4")
    return item.family + "mp4" if several else None
