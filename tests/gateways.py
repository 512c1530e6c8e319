"""What the tests of the gateway share: calls without a server."""

import io
from typing import Any, Dict, List, Mapping, NamedTuple, Optional
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

from remoteagent_lite.protocols.jsontext import read_json

__all__ = ["Reply", "call", "environ_of", "opened"]


class Reply(NamedTuple):
    """What an app answered: `headers` have their names in lower case."""

    status: int
    headers: Dict[str, str]
    body: bytes

    def json(self) -> Any:
        return read_json(self.body)

    @property
    def detail(self) -> Any:
        return self.json()["detail"]


def environ_of(
    method: str, target: str, body: bytes = b"", headers: Optional[Mapping[str, str]] = None
) -> Dict[str, Any]:
    path, _, query = target.partition("?")
    environ: Dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "" if path else "/mounted",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "wsgi.input": io.BytesIO(body),
        "REMOTE_ADDR": "192.0.2.1",
    }
    if body:
        environ["CONTENT_LENGTH"] = str(len(body))
    for name, value in (headers or {}).items():
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else "HTTP_" + key] = value
    setup_testing_defaults(environ)
    return environ


class opened:  # noqa: N801 - it stands for a function
    """An answer that is read piece by piece: `with opened(app, environ_of(...)) as answer`."""

    def __init__(self, app: Any, environ: Dict[str, Any]) -> None:
        self._started: List[Any] = []
        self._body = app(environ, lambda *given: self._started.append(given))
        self._pieces = iter(self._body)

    @property
    def status(self) -> int:
        return int(self._started[0][0].split()[0])

    @property
    def headers(self) -> Dict[str, str]:
        return {name.lower(): value for name, value in self._started[0][1]}

    def next(self) -> bytes:
        return next(self._pieces)

    def rest(self) -> bytes:
        return b"".join(self._pieces)

    def __enter__(self) -> "opened":
        return self

    def __exit__(self, *exc_info: Any) -> None:
        if hasattr(self._body, "close"):
            self._body.close()


def call(
    app: Any,
    method: str,
    target: str,
    body: bytes = b"",
    headers: Optional[Mapping[str, str]] = None,
) -> Reply:
    """One request, watched by wsgiref's validator."""
    with opened(validator(app), environ_of(method, target, body, headers)) as answer:
        whole = answer.rest()
        return Reply(answer.status, answer.headers, whole)
