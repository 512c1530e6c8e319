"""What every WSGI app here has in common: a bounded body in, a refusal or an answer out.

Needs the standard library only, and knows nothing of what is served.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

__all__ = [
    "Environ",
    "Header",
    "Refused",
    "StartResponse",
    "answer",
    "read_body",
    "stated_length",
    "status_line",
]

Environ = Dict[str, Any]
StartResponse = Callable[..., Any]
Header = Tuple[str, str]

TEXT = "text/plain; charset=utf-8"
#: Bytes per read of a body.
_CHUNK = 1024 * 1024
_LINES = {each.value: "%d %s" % (each.value, each.phrase) for each in HTTPStatus}


class Refused(Exception):  # noqa: N818 - an answer, not an error
    """Raised where a request is turned down: an HTTP status, words for the client, and headers."""

    def __init__(self, status: int, text: str, *headers: Header) -> None:
        super().__init__(text)
        self.status = status
        self.headers = headers


def read_body(environ: Environ, limit: int) -> bytes:
    """The whole body of a request, of which at most ``limit`` bytes are read. Blocks.

    A chunked body is read where the server says that it ends it (``wsgi.input_terminated``, as
    gunicorn, waitress and werkzeug do). Raises Refused: 400 for a body that is cut short, 411 for
    one without an end, 413 for one that is too large.
    """
    stated = stated_length(environ, limit)
    if stated is not None:
        length = stated
    elif environ.get("wsgi.input_terminated"):
        length = limit + 1
    elif environ.get("HTTP_TRANSFER_ENCODING"):
        # Reading would hang: behind the body there is the connection.
        raise Refused(411, "this server takes no chunked bodies: send a Content-Length")
    else:
        return b""
    read = environ["wsgi.input"].read
    pieces: List[bytes] = []
    missing = length
    try:
        while missing > 0:
            piece: bytes = read(missing if missing < _CHUNK else _CHUNK)
            if not piece:
                break
            pieces.append(piece)
            missing -= len(piece)
    except OSError as error:
        raise Refused(400, "the body could not be read to its end") from error
    if stated is not None and missing:
        raise Refused(400, "the body is shorter than its Content-Length")
    if stated is None and not missing:
        raise _too_large(limit)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def stated_length(environ: Environ, limit: int) -> Optional[int]:
    """How long the body says it is, in bytes; None if it does not. Refused: 400, or 413."""
    stated = environ.get("CONTENT_LENGTH") or ""
    if not stated:
        return None
    if not (stated.isascii() and stated.isdigit() and len(stated) < 20):
        raise Refused(400, "the Content-Length is no number")
    if int(stated) > limit:
        raise _too_large(limit)
    return int(stated)


def status_line(status: int) -> str:
    """The status with its phrase, as start_response wants it."""
    return _LINES.get(status) or "%d Unknown" % status


def _too_large(limit: int) -> Refused:
    return Refused(413, "the body is larger than this host takes (%d bytes)" % limit)


def answer(
    environ: Environ,
    start_response: StartResponse,
    status: int,
    body: bytes = b"",
    content_type: str = TEXT,
    headers: Iterable[Header] = (),
) -> List[bytes]:
    """Start a whole answer and return it: without its body to a HEAD."""
    sent = [("Content-Type", content_type), ("Content-Length", str(len(body)))]
    sent += headers
    start_response(_LINES[status], sent)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
