"""What comes in and what goes out: a request as the gateway's rooms see it, and an answer."""

from __future__ import annotations

import hashlib
import json
import math
import re
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple
from urllib.parse import parse_qs, quote

from ..errors import (
    A2AError,
    RemoteAgentError,
    RemoteHTTPError,
    RemoteServerUnavailableError,
    RemoteTimeoutError,
    StoreError,
    UnsupportedError,
)
from ..http.multipart import read_form, with_field
from ..protocols.agentos.received import InvalidFieldError
from ..protocols.jsontext import plain
from ..wire import FilePart
from ..wsgi import Environ, Header, Refused, read_body, stated_length
from .auth import Guest

__all__ = ["Answer", "Caller", "Incoming", "Piped", "failure", "json_answer"]

#: Bytes of a body that are passed on at a time.
BLOCK = 64 * 1024
#: What may stand in a query as it is; all else is quoted.
_IN_QUERIES = "%/:=&?~+!$,;'@()*[]"
#: Characters that no header may have; WSGI has its values in Latin-1.
_UNSENDABLE = re.compile("[^\t\x20-\x7e\x80-\xff]")


class Caller(NamedTuple):
    """Who asks. ``key`` tells callers apart, and holds no secret."""

    key: str
    #: The Authorization header that was sent.
    authorization: Optional[str] = None
    guest: Guest = Guest()

    def options(self, forwards: bool) -> Any:
        """The options of a call that goes with this caller's credentials, or with one's own."""
        if not forwards:
            return {}
        said = self.authorization
        return {"auth_token": "", "headers": {} if said is None else {"Authorization": said}}


class Answer(NamedTuple):
    """What is answered; ``body`` is closed by the server if it has a ``close``."""

    status: int
    headers: List[Header]
    body: Iterable[bytes]


class Piped:
    """A body that is read from the caller while it is sent on. Iterated once.

    ``failure`` is what the caller's side of it came to, if it broke off.
    """

    def __init__(self, environ: Environ, length: int, content_type: str) -> None:
        self.content_type = content_type
        self.failure: Optional[Refused] = None
        self._read = environ["wsgi.input"].read
        self._length = length

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        left = self._length
        while left:
            try:
                block = self._read(min(BLOCK, left))
            except OSError:
                block = b""
            if not block:
                self.failure = Refused(400, "the body is shorter than its Content-Length")
                raise OSError("the caller's body broke off")
            left -= len(block)
            yield block


class Held:
    """A body that has been read."""

    def __init__(self, content: bytes, content_type: str) -> None:
        self.content_type = content_type
        self._content = content

    def __len__(self) -> int:
        return len(self._content)

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self._content), BLOCK):
            yield self._content[start : start + BLOCK]


class Incoming:
    """One request. ``segments`` are those of its path below the gateway, decoded."""

    def __init__(self, environ: Environ, body_limit: int) -> None:
        self.environ = environ
        authorization = self.header("Authorization")
        self.caller = Caller(_key(authorization), authorization)
        self.method: str = environ["REQUEST_METHOD"]
        self.segments = _segments(environ.get("PATH_INFO", ""))
        self.query = quote(environ.get("QUERY_STRING", ""), safe=_IN_QUERIES)
        self._limit = body_limit
        self._content: Optional[bytes] = None

    def header(self, name: str) -> Optional[str]:
        """A header's value; None if it was not sent. Refused for one that cannot be sent on."""
        key = name.upper().replace("-", "_")
        if name != "Content-Type":
            key = "HTTP_" + key
        value: Optional[str] = self.environ.get(key) or None
        if value is not None and _UNSENDABLE.search(value):
            raise Refused(400, "the header %s holds a forbidden character" % name)
        return value

    def argument(self, name: str) -> Optional[str]:
        """The first value that the query has for a name; None if it has none."""
        return next(iter(self.arguments(name)), None)

    def arguments(self, name: str) -> List[str]:
        """All values that the query has for a name."""
        return parse_qs(self.query).get(name, [])

    def speak_for(self, guest: Guest) -> None:
        """The caller is known to be ``guest``."""
        self.caller = self.caller._replace(guest=guest)

    def put_user(self, user: str) -> None:
        """Replace the form's user by the one that the caller is. Reads the body; blocks."""
        content_type = self.header("Content-Type") or ""
        try:
            self._content = with_field(content_type, self.content(), "user_id", user)
        except ValueError as error:
            raise Refused(422, str(error)) from error

    def form(self) -> Tuple[Dict[str, str], List[FilePart]]:
        """The form in the body, with the user that the caller is, whatever it says. Blocks.

        InvalidFieldError for what is no form.
        """
        try:
            fields, files = read_form(self.header("Content-Type") or "", self.content())
        except ValueError as error:
            raise InvalidFieldError("message", str(error), "missing") from error
        if self.caller.guest.user is not None:
            fields["user_id"] = self.caller.guest.user
        return fields, files

    def required(self, name: str) -> str:
        """The value that the query must have for a name. InvalidFieldError if it has none."""
        value = self.argument(name)
        if value is None:
            raise InvalidFieldError(name, "Field required", "missing", "query")
        return value

    def content(self) -> bytes:
        """The whole body. Blocks; Refused if it is too long, or breaks off."""
        if self._content is None:
            self._content = read_body(self.environ, self._limit)
        return self._content

    def body(self) -> Any:
        """The body for whoever sends it on, which reads it then; None if there is none."""
        content_type = self.header("Content-Type") or "application/octet-stream"
        length = stated_length(self.environ, self._limit)
        if self._content is None and length:
            return Piped(self.environ, length, content_type)
        content = self.content()
        return Held(content, content_type) if content else None


def _key(authorization: Optional[str]) -> str:
    """What tells callers apart, from which their token cannot be had."""
    return hashlib.sha256((authorization or "").encode("latin-1")).hexdigest()


def _segments(path: str) -> List[str]:
    """The segments of a WSGI path. Refused for one that no route has."""
    try:
        text = path.encode("latin-1").decode("utf-8")
    except UnicodeError:
        raise Refused(404, "Not Found") from None
    segments = text[1:].split("/")
    if len(segments) > 1 and not segments[-1]:
        segments.pop()  # AgentOS takes a slash at the end
    if segments == [""]:
        return []
    if any(each in ("", ".", "..") for each in segments):
        raise Refused(404, "Not Found")
    return segments


def json_answer(status: int, value: Any, headers: Sequence[Tuple[str, str]] = ()) -> Answer:
    """A JSON body, as AgentOS writes it."""
    body = json.dumps(value, default=plain, ensure_ascii=False).encode("utf-8", "replace")
    sent = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), *headers]
    return Answer(status, sent, [body])


def failure(error: RemoteAgentError) -> Answer:
    """The answer where an upstream gave none that could be passed on; it names the upstream."""
    body: Dict[str, Any] = {"detail": error.message}
    headers = []
    if isinstance(error, RemoteHTTPError) and error.status_code >= 400:
        status = error.status_code
        if error.detail is not None:
            body["detail"] = error.detail
        if error.retry_after is not None:
            headers.append(("Retry-After", "%d" % math.ceil(error.retry_after)))
    elif isinstance(error, RemoteTimeoutError):
        status, body["error_id"] = 504, "remote_server_timeout_error"
    elif isinstance(error, RemoteServerUnavailableError):
        status, body["error_id"] = 503, "remote_server_unavailable_error"
    elif isinstance(error, UnsupportedError):
        status = 501
    elif isinstance(error, StoreError):
        status = 503
    elif isinstance(error, A2AError):
        status = _OF_A2A.get(error.code or 0, 502)
    else:
        status = 502
    return json_answer(status, body, headers)


#: The statuses that AgentOS would answer with, by the codes of A2A.
_OF_A2A = {
    -32001: 404,  # no such task
    -32002: 409,  # it cannot be cancelled any more
    -32005: 415,  # a content type
    **dict.fromkeys((-32003, -32004, -32007, -32008, -32009), 501),
    **dict.fromkeys((-32600, -32602), 400),
}
