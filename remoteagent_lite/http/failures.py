"""What went wrong, in the words of this library: an attempt that failed, an answer that refused.

What became of a request is what its ``Attempt`` has recorded, never a guess from an error's type
or text. No message shows a secret that the request had, even if the server repeats it.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import http.client
import json
import socket
import time
from typing import Any, Dict, List, Mapping, Optional

import urllib3.exceptions

from ..errors import (
    RemoteAgentError,
    RemoteHTTPError,
    RemoteServerUnavailableError,
    RemoteTimeoutError,
    error_for_status,
    shown_url,
)
from ..protocols.jsontext import read_json
from .exchange import Attempt

__all__ = ["cut_off", "failed", "hidden", "secrets_of", "status_error", "timed_out"]

#: Nothing of the request has left when it fails at one of these stages.
_UNSENT = {
    "preparing": "The connection to %s was lost before anything was sent (%s).",
    "connecting": "Cannot connect to %s (%s). Is the server running, and are host and port right?",
    "tunnel": "No connection to %s through the proxy (%s). Check proxies= and HTTP(S)_PROXY.",
    "handshake": "No secure connection to %s (%s). Does the server speak https on that port? For a "
    "private certificate pass its CA bundle: verify='/path/ca.pem'.",
    "sending": "The connection to %s was lost before anything was sent (%s).",
    "waiting": "The connection to %s was lost before anything was sent (%s).",
}
_UNKNOWN_HOST = "Cannot connect to %s: the host name is not known (%s). Check base_url."

#: Parts of the names of headers whose values are secret.
_SECRET_NAMES = ("auth", "cookie", "credential", "key", "password", "secret", "token")
#: What is shorter is no secret worth the name, but stands in many a text.
_SHORTEST_SECRET = 6


def failed(
    error: BaseException, url: str, attempt: Attempt, slow: bool = False
) -> RemoteAgentError:
    """The error for what one of the layers below has raised; ``slow``: it is known to be a limit's.

    Whatever fails before a connection of ours is asked for it (a test library's answer) may have
    been sent.
    """
    url = shown_url(url)
    causes = _causes(error)
    sent = attempt.may_be_sent
    if attempt.aborted:
        text = "The request to %s was given up." % url
        return RemoteServerUnavailableError(text, url, error, sent)
    if slow or any(map(_is_slow, causes)):
        return timed_out(url, attempt, error)
    reason = _reason(causes)
    if attempt.stage == "answered":
        return cut_off(url, reason, error)
    unwritable = isinstance(error, ValueError) or isinstance(causes[-1], http.client.InvalidURL)
    if unwritable and not attempt.sent:
        return RemoteAgentError(
            "The request to %s could not be written (%s): check base_url and headers=."
            % (url, type(error).__name__),
            url,
        )
    if attempt.stage == "preparing" and not isinstance(causes[-1], urllib3.exceptions.PoolError):
        return RemoteAgentError(
            "No request to %s could be made (%s). Check verify= and cert=." % (url, reason), url
        )
    if sent:
        text = (
            "The connection to %s was lost before an answer came (%s). The server may have "
            "executed the request."
        )
    elif any(isinstance(each, socket.gaierror) for each in causes):
        text = _UNKNOWN_HOST
    elif attempt.proxied and attempt.stage == "connecting":
        text = _UNSENT["tunnel"]
    else:
        text = _UNSENT[attempt.stage]
    return RemoteServerUnavailableError(text % (url, reason), url, error, sent)


def cut_off(
    url: str, reason: str, error: Optional[BaseException] = None
) -> RemoteServerUnavailableError:
    """The error for an answer that has begun and is not whole."""
    return RemoteServerUnavailableError(
        "The connection to %s broke before the answer was complete (%s). The server may have "
        "executed the request." % (url, reason),
        url,
        error,
        True,
    )


def timed_out(
    url: str, attempt: Attempt, error: Optional[BaseException] = None
) -> RemoteTimeoutError:
    """The error for the limit that an attempt has met."""
    url = shown_url(url)
    timeout, phase = attempt.timeout, "read"
    if attempt.deadline is not None and time.monotonic() >= attempt.deadline - 0.001:
        phase = "total"
        text = "%s did not finish within the total limit of %g s (Timeout(total=...))."
    elif attempt.connecting:
        phase = "connect"
        text = "No connection to %s within %g s. Check host and port, or raise timeout=."
    elif attempt.stage == "sending":
        text = (
            "%s took nothing for %g s while sending the request to it. If the connection is slow, "
            "raise timeout= (Timeout(read=...))."
        )
    else:
        text = (
            "%s sent nothing for %g s. The server may still be working on the request: raise "
            "timeout= (Timeout(read=...)), or use stream=True."
        )
    seconds: Optional[float] = getattr(timeout, phase)
    return RemoteTimeoutError(
        text % (url, seconds or 0), url, error, attempt.may_be_sent, phase, seconds
    )


def _is_slow(cause: BaseException) -> bool:
    if isinstance(cause, socket.timeout):
        return cause.errno is None  # else it is the system's ETIMEDOUT: a lost connection
    return isinstance(cause, urllib3.exceptions.TimeoutError) and not isinstance(
        cause, urllib3.exceptions.NewConnectionError
    )


def _causes(error: BaseException) -> List[BaseException]:
    """``error`` and everything it wraps, by whatever means requests and urllib3 wrap things.

    Not its ``__context__``: that may be an error which our caller is just handling.
    """
    found: List[BaseException] = []
    queue: List[Any] = [error]
    while queue:
        item = queue.pop(0)
        if isinstance(item, BaseException) and item not in found:
            found.append(item)
            queue += [getattr(item, "reason", None), item.__cause__, *item.args]
    return found


def _reason(causes: List[BaseException]) -> str:
    """The innermost cause in the operating system's words."""
    for cause in causes:
        if isinstance(cause, OSError) and cause.strerror:
            return str(cause.strerror)
    last = causes[-1]
    if type(last) is http.client.BadStatusLine:  # not the one that is a lost connection
        return "the answer is not HTTP: %.60r" % str(last).strip()
    return str(last.args[0]) if last.args and isinstance(last.args[0], str) else type(last).__name__


_NEXT_STEP = {
    401: "Pass auth_token= with a token or key this server accepts.",
    403: "The token lacks a permission for this.",
    404: "Check the id.",
    405: "Check base_url: something else than the expected server answers there.",
    409: "Look at the present state first.",
    422: "Correct the named fields.",
    429: "Wait and try again; see retry_after.",
}


def status_error(
    method: str,
    url: str,
    status: int,
    headers: Dict[str, str],
    text: str,
    authorized: bool,
) -> RemoteHTTPError:
    """The error for an answer with an error status, the start of whose body is ``text``."""
    detail = _detail(text)
    step = _NEXT_STEP.get(status, "See the server's log." if status >= 500 else "")
    if status == 401 and isinstance(detail, str) and authorized:
        step = "The token that was sent is not accepted: is it expired, or for another server?"
    if status == 404 and detail == "Not Found":
        step = (
            "There is no such endpoint: check base_url (an AgentOS answers at its root), or the "
            "server's version does not have it."
        )
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if detail is None and kind not in ("application/json", "text/plain", ""):
        step = "The answer is %s: check that base_url is the agent server's." % kind
    reason = http.client.responses.get(status, "")
    said = ": %s" % _shortened(detail) if detail is not None else ""
    message = "%s %s answered %d %s%s. %s" % (method, url, status, reason, said.rstrip("."), step)
    return error_for_status(status)(
        message.strip(), url, status_code=status, detail=detail, body=text, headers=headers
    )


def _detail(text: str) -> Any:
    """FastAPI's ``detail`` out of an error body; a gateway's JSON-in-JSON is unwrapped once."""
    for _ in range(2):
        try:
            data = read_json(text)
        except ValueError:
            break
        if not isinstance(data, dict) or "detail" not in data:
            break
        detail = data["detail"]
        if not isinstance(detail, str) or not detail.startswith("{"):
            return detail
        text = detail
    else:
        return text
    stripped = text.strip()
    if not stripped or stripped.startswith("<"):
        return None
    return stripped[:500]


def _shortened(detail: Any) -> str:
    if isinstance(detail, list):  # FastAPI's validation errors
        lines = [
            "%s: %s" % (".".join(map(str, item["loc"])), item.get("msg"))
            for item in detail
            if isinstance(item, dict) and isinstance(item.get("loc"), list)
        ]
        detail = "; ".join(lines) or detail
    text = str(detail)
    return text if len(text) <= 300 else text[:300] + "..."


def secrets_of(headers: Mapping[str, str]) -> List[str]:
    """What among a request's headers nobody else may see, in the forms in which it may be told."""
    secrets = set()
    for name, value in headers.items():
        name = name.lower()
        if not any(part in name for part in _SECRET_NAMES):
            continue
        scheme, _, credentials = value.partition(" ")
        secrets |= {value, credentials}
        if scheme.lower() == "basic":
            with contextlib.suppress(binascii.Error):
                login = base64.b64decode(credentials).decode("latin-1")
                secrets |= {login, login.partition(":")[2]}
    secrets |= {json.dumps(secret)[1:-1] for secret in secrets}
    return sorted((s for s in secrets if len(s) >= _SHORTEST_SECRET), key=len, reverse=True)


def hidden(text: str, secrets: List[str]) -> str:
    """``text`` without the secrets."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text
