"""Images, audio, videos and documents that go with a run.

Each is made from a URL that the server fetches, from bytes, or from a local file with
``from_path``; exactly one source. Local files are read at once: a path is never sent, because the
server would look for it on its own disk.
"""

from __future__ import annotations

import mimetypes
import os
from typing import Any, Dict, Optional, Type, TypeVar, Union

__all__ = ["Audio", "File", "Image", "Video"]

MediaT = TypeVar("MediaT", bound="Media")

#: Types that ``mimetypes`` does not know on every system.
_TYPES = {".md": "text/markdown", ".webp": "image/webp", ".m4a": "audio/mp4", ".csv": "text/csv"}


def guess_type(name: str) -> Optional[str]:
    """The MIME type of a file with that name, or None."""
    extension = os.path.splitext(name)[1].lower()
    return _TYPES.get(extension) or mimetypes.guess_type(name)[0]


class Media:
    """Base of the four kinds. Immutable by convention; holds either ``url`` or ``content``."""

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


class Audio(Media):
    """A sound recording."""


class Video(Media):
    """A moving picture."""


class File(Media):
    """A document."""
