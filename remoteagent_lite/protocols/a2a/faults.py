"""What servers say went wrong, in all the shapes they say it in. No I/O."""

from __future__ import annotations

import json
from typing import Any, Dict, Iterator, List, Optional

from ...errors import A2AError, RemoteHTTPError, error_for_code, shown_url
from ..jsontext import read_json

__all__ = ["REASONS", "error_in", "error_of", "fault_of"]

REASONS: Dict[int, str] = {
    -32001: "TASK_NOT_FOUND",
    -32002: "TASK_NOT_CANCELABLE",
    -32003: "PUSH_NOTIFICATION_NOT_SUPPORTED",
    -32004: "UNSUPPORTED_OPERATION",
    -32005: "CONTENT_TYPE_NOT_SUPPORTED",
    -32006: "INVALID_AGENT_RESPONSE",
    -32007: "EXTENDED_AGENT_CARD_NOT_CONFIGURED",
    -32008: "EXTENSION_SUPPORT_REQUIRED",
    -32009: "VERSION_NOT_SUPPORTED",
    -32700: "PARSE_ERROR",
    -32600: "INVALID_REQUEST",
    -32601: "METHOD_NOT_FOUND",
    -32602: "INVALID_PARAMS",
    -32603: "INTERNAL_ERROR",
}
_CODES = {reason: code for code, reason in REASONS.items()}

_NEXT_STEPS: Dict[int, str] = {
    -32001: "Check the id; servers forget tasks, and show them to their owner only.",
    -32002: "The task is over: get it to see how it ended.",
    -32003: "Poll the task or subscribe to it instead.",
    -32004: "See the agent card for what it can do; a task that is over takes no more messages, "
    "so start a new one in the same context.",
    -32005: "The agent card names the media types it takes.",
    -32006: "See the server's log.",
    -32007: "Use the public card.",
    -32008: "Activate the extension that the agent card marks as required.",
    -32009: "Use an interface of another protocol version.",
    -32601: "The server may speak another version of the protocol.",
    -32603: "See the server's log.",
}

#: What an HTTP status means where the body has words and no code (protocol 0.3 over REST).
_CODES_BY_STATUS: Dict[int, int] = {
    400: -32600,
    409: -32002,
    415: -32005,
    422: -32602,
    500: -32603,
    501: -32004,
}
#: Statuses that are not the protocol's matter, whatever the body says: credentials, and waiting.
_NOT_OURS = frozenset((401, 403, 407, 429, 503))
_SHOWN = 300


def fault_of(error: RemoteHTTPError) -> Optional[A2AError]:
    """The A2A error that an HTTP error's body tells of; None if the body is not of the protocol.

    None also for statuses about credentials and load: there the HTTP error says more.
    """
    status = error.status_code
    if status in _NOT_OURS:
        return None
    try:
        data = read_json(error.body)
    except ValueError:
        return None
    if type(data) is not dict:
        return None
    return error_in(data, error.url or "", status) if _is_ours(data, status) else None


def error_in(data: Dict[str, Any], url: str, status: int) -> Optional[A2AError]:
    """The error that ``data``, a whole body or frame, is; None if it is something else."""
    said = data.get("error")
    if said is not None:
        return error_of(said, url, status)
    if type(data.get("code")) is int and type(data.get("message")) is str:
        return error_of(data, url, status)
    reason = _problem_reason(data)
    if reason is not None:
        told = str(data.get("detail") or data.get("title") or "")
        return _error(_CODES[reason], reason, told, data, url, status)
    words = _words(data)
    if words is None:
        return None
    code = _code_of_words(words, status) or 0
    return _error(code, REASONS.get(code), words, None, url, status)


def error_of(error: Any, url: str, status: int) -> A2AError:
    """The exception for an ``error`` member: JSON-RPC's or google.rpc's object, or mere words."""
    if type(error) is not dict:
        said = error if type(error) is str else json.dumps(error)
        return _error(0, None, said, None, url, status)
    code = _code_of(error, status)
    if code is None:
        code = error["code"] if type(error.get("code")) is int else 0
    words = error.get("message")
    data = error.get("data")
    if data is None:
        data = error.get("details")
    reason = _reason_in(data) or REASONS.get(code)
    return _error(code, reason, words if type(words) is str else "", data, url, status)


def _error(
    code: int, reason: Optional[str], words: str, data: Any, url: str, status: int
) -> A2AError:
    shown = shown_url(url)
    said = "; ".join(filter(None, [words.strip().rstrip("."), *_violations(data)]))
    if len(said) > _SHOWN:
        said = said[:_SHOWN] + "..."
    name = ", ".join(filter(None, [reason, str(code) if code else None]))
    message = "%s answered with an error%s%s." % (
        shown,
        " (%s)" % name if name else "",
        ": " + said if said else "",
    )
    step = _NEXT_STEPS.get(code)
    return error_for_code(code)(
        message + " " + step if step else message,
        shown,
        code=code,
        reason=reason,
        data=data,
        detail=words,
        status_code=status,
    )


def _is_ours(data: Dict[str, Any], status: int) -> bool:
    """Whether the body of an HTTP error is the protocol's, not another API's or a gateway's."""
    said = data.get("error")
    if said is not None:
        return type(said) is dict and ("jsonrpc" in data or _code_of(said, status) is not None)
    if _problem_reason(data) is not None or _is_rpc_code(data.get("code")):
        return True
    words = data.get("message")
    if type(words) is str:
        return len(data) == 1 and _code_of_words(words, status) is not None
    # ``detail`` is any FastAPI server's way to say anything: only one thing in it is of ours.
    words = data.get("detail")
    return type(words) is str and _code_of_words(words, status) == -32001


def _words(data: Dict[str, Any]) -> Optional[str]:
    """The words of a body that is nothing but words: ``message``, or FastAPI's ``detail``."""
    words = data.get("message")
    if type(words) is str:
        return words
    detail = data.get("detail")
    if type(detail) is list:
        return "; ".join(_violations(detail)) or str(detail)
    return detail if type(detail) is str else None


def _is_rpc_code(code: Any) -> bool:
    return type(code) is int and -32768 <= code <= -32000


def _code_of(error: Dict[str, Any], status: int) -> Optional[int]:
    """The JSON-RPC code of an error object, or None if it is not one of the protocol's."""
    code = error.get("code")
    if _is_rpc_code(code):
        return code
    reason = _reason_in(error.get("details")) or _reason_in(error.get("data"))
    if reason is not None:
        return _CODES.get(reason)
    # google.rpc without details: S10's way to say that its agent raised an exception.
    if type(code) is int and type(error.get("status")) is str:
        words = error.get("message")
        return _code_of_words(words if type(words) is str else "", code or status)
    return None


def _code_of_words(words: str, status: int) -> Optional[int]:
    text = words.lower()
    if status == 404:
        # A router's 404 says "Not Found" of the path.
        if "extended card" in text or "extendedcard" in text:
            return -32007
        if "method" in text:
            return -32601
        return -32001 if "task" in text else None
    if status == 501 and "push" in text:
        return -32003
    if status == 502 and "agent" in text:
        return -32006
    return _CODES_BY_STATUS.get(status)


def _problem_reason(data: Dict[str, Any]) -> Optional[str]:
    """The reason a problem document (RFC 9457) names by the end of its type's URI."""
    kind = data.get("type")
    if type(kind) is not str:
        return None
    reason = kind.rstrip("/").rpartition("/")[2].upper().replace("-", "_")
    return reason if reason in _CODES else None


def _details(data: Any) -> Iterator[Dict[str, Any]]:
    for item in data if type(data) is list else [data]:
        if type(item) is dict:
            yield item


def _reason_in(data: Any) -> Optional[str]:
    for item in _details(data):
        reason = item.get("reason")
        if type(reason) is str and reason:
            return reason
    return None


def _violations(data: Any) -> List[str]:
    """What is wrong with which field: google.rpc.BadRequest's words, or pydantic's."""
    lines: List[str] = []
    for item in _details(data):
        fields = item.get("fieldViolations")
        for field in fields if type(fields) is list else ():
            if type(field) is dict:
                lines.append("%s: %s" % (field.get("field"), field.get("description")))
        if type(item.get("loc")) is list and type(item.get("msg")) is str:
            lines.append("%s: %s" % (".".join(map(str, item["loc"])), item["msg"]))
    return lines
