"""Files as parts of A2A's messages and artifacts (canonical), and back. No I/O."""

from __future__ import annotations

import base64
from typing import Any, Dict, Mapping, Optional, Tuple, Type

from ..media import Audio, File, Image, Media, Video, type_of

__all__ = ["media_of", "part_of"]

_KINDS: Tuple[Tuple[str, Type[Media]], ...] = (
    ("image/", Image),
    ("audio/", Audio),
    ("video/", Video),
    ("", File),
)


def part_of(media: Media) -> Dict[str, Any]:
    """A file as a part."""
    part: Dict[str, Any] = {}
    if media.content is not None:
        part["raw"] = base64.b64encode(media.content).decode("ascii")
    else:
        part["url"] = media.url
    media_type = type_of(media)
    if media_type:
        part["mediaType"] = media_type
    if media.filename:
        part["filename"] = media.filename
    return part


def media_of(part: Mapping[str, Any]) -> Optional[Media]:
    """The file in a part; None if that holds something else. ValueError for bad base64."""
    if "raw" not in part and "url" not in part:
        return None
    media_type = part.get("mediaType")
    kind = next(kind for family, kind in _KINDS if str(media_type or "").startswith(family))
    known: Dict[str, Any] = {"mime_type": media_type, "filename": part.get("filename")}
    if "raw" in part:
        known["content"] = base64.b64decode(part["raw"], validate=True)
    else:
        known["url"] = part["url"]
    media: Media = kind(**known)
    return media
