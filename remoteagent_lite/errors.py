"""Every exception this library raises on purpose.

::

    RemoteAgentError                       message, url
    ├── RemoteServerUnavailableError       no connection, or it broke before an answer
    │   └── RemoteTimeoutError             a phase took too long
    ├── RemoteHTTPError                    the server answered 4xx or 5xx
    │   ├── AuthenticationError            401
    │   ├── PermissionDeniedError          403
    │   ├── NotFoundError                  404
    │   ├── ConflictError                  409
    │   ├── InvalidRequestError            400, 422
    │   ├── RateLimitError                 429
    │   └── ServerError                    5xx
    ├── ProtocolError                      an answer the protocol does not allow
    │   ├── StreamInterruptedError         a stream that ended before its run did
    │   └── A2AError                       an error in the terms of the A2A protocol
    │       ├── JSONParseError             -32700
    │       ├── MalformedRequestError      -32600
    │       ├── MethodNotFoundError        -32601
    │       ├── InvalidParamsError         -32602
    │       ├── InternalError              -32603
    │       ├── TaskNotFoundError          -32001
    │       ├── TaskNotCancelableError     -32002
    │       ├── PushNotificationNotSupportedError    -32003
    │       ├── UnsupportedOperationError            -32004
    │       ├── ContentTypeNotSupportedError         -32005
    │       ├── InvalidAgentResponseError            -32006
    │       ├── ExtendedAgentCardNotConfiguredError  -32007
    │       ├── ExtensionSupportRequiredError        -32008
    │       └── VersionNotSupportedError             -32009
    ├── CardVerificationError              an agent card that is not to be trusted
    ├── UnsupportedError                   this protocol or server cannot do that
    ├── RunFailedError                     raised by ``output.raise_for_status()``
    ├── StoreError                         what keeps a gateway's local runs failed
    └── StreamClosedError                  a stream used after it was closed

A *run* that failed is a value, with ``status == "ERROR"``; only an *exchange* that failed raises.
No message holds a token: URLs are shown without user info and query.
"""

from __future__ import annotations

import time
from typing import Any, Dict, Optional, Tuple, Type
from urllib.parse import urlsplit, urlunsplit

__all__ = [
    "A2AError",
    "AuthenticationError",
    "CardVerificationError",
    "ConflictError",
    "ContentTypeNotSupportedError",
    "ExtendedAgentCardNotConfiguredError",
    "ExtensionSupportRequiredError",
    "InternalError",
    "InvalidAgentResponseError",
    "InvalidParamsError",
    "InvalidRequestError",
    "JSONParseError",
    "MalformedRequestError",
    "MethodNotFoundError",
    "NotFoundError",
    "PermissionDeniedError",
    "ProtocolError",
    "PushNotificationNotSupportedError",
    "RateLimitError",
    "RemoteAgentError",
    "RemoteHTTPError",
    "RemoteServerUnavailableError",
    "RemoteTimeoutError",
    "RunFailedError",
    "ServerError",
    "StoreError",
    "StreamClosedError",
    "StreamInterruptedError",
    "TaskNotCancelableError",
    "TaskNotFoundError",
    "UnsupportedError",
    "UnsupportedOperationError",
    "VersionNotSupportedError",
    "about_run",
    "error_for_code",
    "error_for_status",
    "shown_url",
    "was_refused",
]


def shown_url(url: str) -> str:
    """``url`` as it may stand in a message or log: without user info, query and fragment.

    Passwords with a slash or the like in them come apart: what could be of one is not shown.
    """
    try:
        parts = urlsplit(url)
        if "@" in parts.path:
            return "%s://...@%s" % (parts.scheme, parts.path.rpartition("@")[2])
        _ = parts.port  # raises for what is none, such as the start of a password
    except ValueError:
        return "<unreadable URL>"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


class _Rebuildable(type):
    """Lets ``cls(*error.args)`` be an equal error: so some serialisers do it, Celery's for one."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 2 and isinstance(args[1], dict) and list(args[1]) == [_ATTRIBUTES]:
            state = {name: _revived(name, value) for name, value in args[1][_ATTRIBUTES].items()}
            return _rebuild(cls, args[0], dict(state, message=args[0]))  # type: ignore[arg-type]
        return super().__call__(*args, **kwargs)


class RemoteAgentError(Exception, metaclass=_Rebuildable):
    """Base of all errors of this library.

    ``message`` says what happened and what to do next; ``url`` is where, or None. ``run_id`` and
    ``session_id`` name the run it is about, if it is about one that was sent.
    All attributes survive pickling, and being rebuilt from ``args``, which are as good as JSON: so
    an error can cross a process boundary.
    """

    run_id: Optional[str] = None
    session_id: Optional[str] = None

    def __init__(self, message: str, url: Optional[str] = None) -> None:
        super().__init__(message)
        self.message = message
        self.url = url

    def __reduce__(self) -> Any:
        # BaseException would call __init__ with ``args``, which here is only the message.
        return (_rebuild, (type(self), self.message, self.__dict__.copy()))

    def __copy__(self) -> RemoteAgentError:
        return _rebuild(type(self), self.message, self.__dict__.copy())

    @property
    def args(self) -> Tuple[Any, ...]:
        """The message, and all other attributes in JSON's terms."""
        told = {name: _told(value) for name, value in self.__dict__.items() if name != "message"}
        return self.message, {_ATTRIBUTES: told}

    @args.setter
    def args(self, args: Tuple[Any, ...]) -> None:
        Exception.args.__set__(self, args)  # type: ignore[attr-defined]  # what str() shows


def about_run(
    error: BaseException, run_id: Optional[str], session_id: Optional[str] = None
) -> None:
    """Let ``error`` name the run it is about, if it is one of ours and names none yet."""
    if not isinstance(error, RemoteAgentError) or error.run_id is not None or run_id is None:
        return
    error.run_id, error.session_id = run_id, session_id
    if run_id not in error.message:
        error.message += " (run %s)" % run_id
        error.args = (error.message,)


#: Marks the attributes among the arguments of an error.
_ATTRIBUTES = "attributes"


def _told(value: Any) -> Any:
    """An attribute in JSON's terms: outputs as what they are made of, errors as their text."""
    if value is None or isinstance(value, (str, int, float, list, dict)):
        return value
    if hasattr(value, "to_dict"):
        return {type(value).__name__: value.to_dict()}
    return str(value) if type(value) is RuntimeError else repr(value)


def _revived(name: str, value: Any) -> Any:
    if name == "original_error" and isinstance(value, str):
        return RuntimeError(value)
    if name == "output" and isinstance(value, dict) and len(value) == 1:
        from . import models  # who has no such error at hand does not pay for it

        ((kind, data),) = value.items()
        if kind in ("RunOutput", "TeamRunOutput", "WorkflowRunOutput"):
            return getattr(models, kind).from_dict(data)
    return value


def _rebuild(cls: Type[RemoteAgentError], message: str, state: Dict[str, Any]) -> RemoteAgentError:
    error = cls.__new__(cls, message)
    error.args = (message,)
    error.__dict__.update(state)
    return error


class RemoteServerUnavailableError(RemoteAgentError):
    """No connection could be made, or it was lost before an answer came.

    ``original_error`` is the lower library's exception. When ``request_sent``, the server may have
    executed the request: for a run, ``run_id`` and ``session_id`` tell where to look before you
    run it again.
    """

    def __init__(
        self,
        message: str,
        base_url: Optional[str] = None,
        original_error: Optional[BaseException] = None,
        request_sent: bool = False,
    ) -> None:
        super().__init__(message, base_url)
        self.base_url = base_url
        self.original_error = original_error
        self.request_sent = request_sent

    def __reduce__(self) -> Any:
        rebuild, (cls, message, state) = super().__reduce__()
        # Lower-library exceptions hold sockets and pools, which do not pickle: their text stays.
        if state.get("original_error") is not None:
            state["original_error"] = RuntimeError(repr(state["original_error"]))
        return (rebuild, (cls, message, state))


class RemoteTimeoutError(RemoteServerUnavailableError):
    """A phase took longer than allowed.

    ``phase`` is "connect", "read" (the longest silence, or stalling of an upload) or "total";
    ``seconds`` is the limit that was passed.
    """

    def __init__(
        self,
        message: str,
        base_url: Optional[str] = None,
        original_error: Optional[BaseException] = None,
        request_sent: bool = False,
        phase: str = "read",
        seconds: Optional[float] = None,
    ) -> None:
        super().__init__(message, base_url, original_error, request_sent)
        self.phase = phase
        self.seconds = seconds


class RemoteHTTPError(RemoteAgentError):
    """The server answered with an error status.

    ``detail`` is the server's own explanation (a string, or FastAPI's list for 422), ``body`` the
    start of the raw body as text, ``headers`` the answer's headers in lower case.
    """

    def __init__(
        self,
        message: str,
        url: Optional[str] = None,
        status_code: int = 0,
        detail: Any = None,
        body: str = "",
        headers: Optional[Dict[str, str]] = None,
    ) -> None:
        super().__init__(message, url)
        self.status_code = status_code
        self.detail = detail
        self.body = body
        self.headers = headers or {}

    @property
    def retry_after(self) -> Optional[float]:
        """Seconds the server asked to wait before trying again (Retry-After), or None.

        A date counts from the answer's own Date, where it has one.
        """
        wish = self.headers.get("retry-after", "")
        try:
            seconds = float(wish)
        except ValueError:
            from email.utils import mktime_tz, parsedate_tz  # few servers send a date

            until, now = parsedate_tz(wish), parsedate_tz(self.headers.get("date", ""))
            if until is None:
                return None
            seconds = mktime_tz(until) - (time.time() if now is None else mktime_tz(now))
        return seconds if seconds > 0 else 0.0  # 0 for what is no number, too


class AuthenticationError(RemoteHTTPError):
    """401: no token, or one the server does not accept."""


class PermissionDeniedError(RemoteHTTPError):
    """403: the token is valid and lacks a permission."""


class NotFoundError(RemoteHTTPError):
    """404: no such component, run, session or endpoint."""


class ConflictError(RemoteHTTPError):
    """409: the thing exists already, or is not in a state for this."""


class InvalidRequestError(RemoteHTTPError):
    """400 or 422: the server refused the request's content."""


class RateLimitError(RemoteHTTPError):
    """429: too many requests. ``retry_after`` is the server's wish in seconds, or None."""


class ServerError(RemoteHTTPError):
    """5xx: the server, or something in front of it, failed."""


class ProtocolError(RemoteAgentError):
    """The server's answer is not what the protocol allows (HTML with status 200, broken JSON)."""


class StreamInterruptedError(ProtocolError):
    """A stream ended before the run's terminal event.

    ``output`` is what had arrived, folded into an output whose ``status`` is "RUNNING". The run
    itself may still be going on, or have finished: ``run_id`` and ``session_id`` find it.
    ``last_event_index`` is where a background stream can be resumed, or None.
    """

    def __init__(
        self,
        message: str,
        url: Optional[str] = None,
        output: Any = None,
        run_id: Optional[str] = None,
        session_id: Optional[str] = None,
        last_event_index: Optional[int] = None,
    ) -> None:
        super().__init__(message, url)
        self.output = output
        self.run_id = run_id
        self.session_id = session_id
        self.last_event_index = last_event_index


class A2AError(ProtocolError):
    """An A2A server refused a request, or failed at it, in the protocol's own terms.

    ``code`` is the JSON-RPC code, whatever the binding; ``reason`` the name of the error
    ("TASK_NOT_FOUND") or None; ``data`` what the server added, as it was sent; ``detail`` its own
    words; ``status_code`` the HTTP status it came with (200 for JSON-RPC).
    A2A 1.0, section 5.4; 0.3, section 8.
    """

    def __init__(
        self,
        message: str,
        url: Optional[str] = None,
        code: int = 0,
        reason: Optional[str] = None,
        data: Any = None,
        detail: str = "",
        status_code: int = 200,
    ) -> None:
        super().__init__(message, url)
        self.code = code
        self.reason = reason
        self.data = data
        self.detail = detail
        self.status_code = status_code


class JSONParseError(A2AError):
    """-32700: the server could not read the request's JSON."""


class MalformedRequestError(A2AError):
    """-32600 (InvalidRequestError in JSON-RPC's terms): the request's envelope is wrong."""


class MethodNotFoundError(A2AError):
    """-32601: the server does not know the method; it may speak another version."""


class InvalidParamsError(A2AError):
    """-32602: the server does not accept the parameters."""


class InternalError(A2AError):
    """-32603: the server, or the agent in it, failed."""


class TaskNotFoundError(A2AError):
    """-32001: no such task (any more), or no such push notification config."""


class TaskNotCancelableError(A2AError):
    """-32002: the task is over already."""


class PushNotificationNotSupportedError(A2AError):
    """-32003: the agent sends no push notifications."""


class UnsupportedOperationError(A2AError):
    """-32004: the agent cannot do this, or not to a task in this state."""


class ContentTypeNotSupportedError(A2AError):
    """-32005: the agent does not take media of this type."""


class InvalidAgentResponseError(A2AError):
    """-32006: the agent behind the server answered what the protocol does not allow."""


class ExtendedAgentCardNotConfiguredError(A2AError):
    """-32007: there is no extended agent card."""


class ExtensionSupportRequiredError(A2AError):
    """-32008: the agent demands an extension that the client did not name."""


class VersionNotSupportedError(A2AError):
    """-32009: the server does not speak this version of the protocol."""


class UnsupportedError(RemoteAgentError):
    """The protocol, the component or this server's version cannot do what was asked."""


class CardVerificationError(RemoteAgentError):
    """An agent card that is not used, as nobody who is trusted has signed it as it is."""


class RunFailedError(RemoteAgentError):
    """A run ended as ERROR or CANCELLED; ``output`` is what it left."""

    def __init__(self, message: str, url: Optional[str] = None, output: Any = None) -> None:
        super().__init__(message, url)
        self.output = output


class StoreError(RemoteAgentError):
    """What keeps the runs of local components could not do what it was asked; see its cause."""


class StreamClosedError(RemoteAgentError):
    """A stream was read after it had been closed."""


_BY_STATUS: Dict[int, Type[RemoteHTTPError]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: InvalidRequestError,
    429: RateLimitError,
}


_BY_CODE: Dict[int, Type[A2AError]] = {
    -32700: JSONParseError,
    -32600: MalformedRequestError,
    -32601: MethodNotFoundError,
    -32602: InvalidParamsError,
    -32603: InternalError,
    -32001: TaskNotFoundError,
    -32002: TaskNotCancelableError,
    -32003: PushNotificationNotSupportedError,
    -32004: UnsupportedOperationError,
    -32005: ContentTypeNotSupportedError,
    -32006: InvalidAgentResponseError,
    -32007: ExtendedAgentCardNotConfiguredError,
    -32008: ExtensionSupportRequiredError,
    -32009: VersionNotSupportedError,
}


def error_for_code(code: int) -> Type[A2AError]:
    """The class for a JSON-RPC error code of A2A."""
    return _BY_CODE.get(code, A2AError)


def error_for_status(status: int) -> Type[RemoteHTTPError]:
    """The class for an HTTP error status."""
    if status >= 500:
        return ServerError
    return _BY_STATUS.get(status, RemoteHTTPError)


def was_refused(error: BaseException) -> bool:
    """Whether the server cannot have begun what it was asked."""
    if isinstance(error, RemoteHTTPError):
        return error.status_code < 500
    if isinstance(error, RemoteServerUnavailableError):
        return not error.request_sent
    return isinstance(error, (TypeError, ValueError, UnsupportedError))
