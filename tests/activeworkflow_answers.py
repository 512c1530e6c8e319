"""What ActiveWorkflow can apply to the end, and a way to call an AgentApp as it does."""

import io
import json
import math
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple
from wsgiref.validate import validator

__all__ = ["check_body", "check_result", "get", "post", "request", "strings"]


def check_body(body: bytes) -> Dict[str, Any]:
    """The result in ``body``, which must be one that no piece of can fail to be stored."""

    def refuse(name: str) -> None:
        raise AssertionError("not JSON: " + name)

    answer = json.loads(body.decode("utf-8"), parse_constant=refuse)
    assert type(answer) is dict
    assert set(answer) == {"result"}
    check_result(answer["result"])
    _check_value(answer, 1)
    return answer["result"]  # type: ignore[no-any-return]


def check_result(result: Any) -> None:
    assert type(result) is dict
    assert set(result) <= {"errors", "logs", "memory", "messages"}
    for key in ("errors", "logs"):
        if key in result:
            assert type(result[key]) is list
            assert 0 < len(result[key]) <= 200
            for entry in result[key]:
                assert type(entry) is str
                assert entry.strip()
                assert "\0" not in entry
                assert len(entry) <= 10000
    if "memory" in result:
        assert type(result["memory"]) is dict
    if "messages" in result:
        assert type(result["messages"]) is list
        assert 0 < len(result["messages"]) <= 5000
        assert all(type(message) is dict for message in result["messages"])


def _check_value(value: Any, depth: int) -> None:
    if isinstance(value, str):
        value.encode("utf-8")  # fails on a lone surrogate
    elif isinstance(value, float):
        assert math.isfinite(value)
    elif isinstance(value, int):
        float(value)  # fails when it is beyond a double
    elif isinstance(value, dict):
        assert depth < 100
        for key, item in value.items():
            key.encode("utf-8")
            _check_value(item, depth + 1)
    elif isinstance(value, list):
        assert depth < 100
        for item in value:
            _check_value(item, depth + 1)


def strings(value: Any) -> List[str]:
    """All texts in a value, keys too."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in strings(part)]
    if isinstance(value, list):
        return [text for part in value for text in strings(part)]
    return []


class _Input(io.BytesIO):
    """A body of which the server hands out a few bytes at a time."""

    def read(self, size: Optional[int] = -1) -> bytes:
        return super().read(min(size, 7) if size and size > 7 else size)


def request(
    app: Callable[..., Any],
    method: str,
    path: str,
    body: bytes = b"",
    trickle: bool = False,
    **extra: Any,
) -> Tuple[int, Mapping[str, str], bytes]:
    """Status, headers and body of one exchange, under wsgiref's validator."""
    environ: Dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "5000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": (_Input if trickle else io.BytesIO)(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if method == "POST":
        environ["CONTENT_LENGTH"] = str(len(body))
        environ["CONTENT_TYPE"] = "application/json"
    environ.update(extra)
    environ = {key: value for key, value in environ.items() if value is not None}
    started: List[Any] = []

    def start_response(status: str, headers: Any, exc_info: Any = None) -> Callable[..., Any]:
        started.append((int(status[:3]), dict(headers)))
        return lambda data: None

    answer = validator(app)(environ, start_response)
    try:
        content = b"".join(answer)
    finally:
        answer.close()  # type: ignore[attr-defined]
    ((status, headers),) = started
    if method != "HEAD":
        assert headers["Content-Length"] == str(len(content))
    return status, headers, content


def post(app: Callable[..., Any], path: str, call: Any, **extra: Any) -> Tuple[int, bytes]:
    body = call if isinstance(call, bytes) else json.dumps(call).encode()
    status, _, content = request(app, "POST", path, body, **extra)
    return status, content


def get(app: Callable[..., Any], path: str, **extra: Any) -> Tuple[int, str]:
    status, headers, content = request(app, "GET", path, **extra)
    assert headers["Content-Type"].startswith("text/plain")
    return status, content.decode("utf-8")
