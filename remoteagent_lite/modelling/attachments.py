"""What images, audio, videos and files in outputs can do, beside what they hold.

The generated classes name this as their base (``codegen/bases.json``).
"""

from __future__ import annotations

import base64
import mimetypes
import os
from typing import Any, Union

from ..errors import ProtocolError, UnsupportedError
from .base import Model

__all__ = ["Attachment"]


class Attachment(Model):
    """Base of Image, Audio, Video and File as a server sends them."""

    def data(self) -> bytes:
        """The content as bytes.

        Raises UnsupportedError if the server sent only a reference (see ``url``), ProtocolError
        if what it sent is not base64.
        """
        fields = self.__dict__
        content: Any = fields.get("content")
        if not isinstance(content, str):
            raise UnsupportedError(
                "%r holds no content, only where it is: fetch its url yourself." % self
            )
        # The server writes the content of text documents as it is, and all else in base64.
        plain = type(self).__name__ == "File" and str(fields.get("mime_type")).startswith("text/")
        try:
            return content.encode("utf-8") if plain else base64.b64decode(content, validate=True)
        except ValueError as error:
            kind = "text" if plain else "base64"
            raise ProtocolError("the content of %r is not %s: %s" % (self, kind, error)) from error

    def save(self, path: Union[str, os.PathLike[str]]) -> str:
        """Write the content to ``path`` and return where it is. Blocks; overwrites.

        In a directory the file gets its own name, or its id and the type's extension. Raises what
        ``data`` raises, and OSError.
        """
        data = self.data()
        target = os.fspath(path)
        if os.path.isdir(target):
            target = os.path.join(target, self._own_name())
        with open(target, "wb") as file:
            file.write(data)
        return target

    def _own_name(self) -> str:
        fields = self.__dict__
        # The server's name must not lead out of the directory, and be one that a file can have.
        name = str(fields.get("filename") or "").replace("\\", "/").rpartition("/")[2]
        name = "".join(c if c.isprintable() else "_" for c in name)
        if name not in ("", ".", ".."):
            return name
        known = mimetypes.guess_extension(str(fields.get("mime_type") or ""))
        extension = known or (".%s" % fields["format"] if fields.get("format") else "")
        extension = "".join(c if c.isalnum() or c in ".-+" else "_" for c in extension)
        stem = "".join(c if c.isalnum() or c in "-_" else "_" for c in str(fields.get("id") or ""))
        return (stem or type(self).__name__.lower()) + extension
