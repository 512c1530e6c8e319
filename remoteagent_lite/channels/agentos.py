"""A base URL, who is calling, and the pooled transport for it: what every Remote* object holds."""

from __future__ import annotations

import os
import time
from typing import (
    TYPE_CHECKING,
    Any,
    Dict,
    Mapping,
    NoReturn,
    Optional,
    Tuple,
    Type,
    TypeVar,
    Union,
)
from urllib.parse import unquote, urlsplit

from ..errors import ProtocolError, RemoteAgentError, RemoteHTTPError, shown_url
from ..http.transport import (
    MAX_BODY,
    OpenResponse,
    Transport,
    basic_authorization,
    check_header,
    normal_url,
)
from ..options import (
    TOKEN_VARIABLE,
    URL_VARIABLE,
    AuthToken,
    RetryPolicy,
    Timeout,
    from_environment,
)
from ..protocols.contract import AnyCall, AnyStreamCall, Call, StreamCall
from ..wire import Request

if TYPE_CHECKING:
    from ..options import CallOptions

__all__ = ["Connection", "no_stream"]

T = TypeVar("T")


class Connection:
    """Sends calls to one server with its credentials. Any thread may use it; survives a fork.

    Pickles with its settings, the token included, and without its sockets.
    """

    def __init__(
        self,
        base_url: Optional[str],
        timeout: Union[float, Timeout, None] = 60.0,
        auth_token: Optional[AuthToken] = None,
        headers: Optional[Mapping[str, str]] = None,
        retry: Optional[RetryPolicy] = None,
        verify: Union[bool, str] = True,
        cert: Union[str, Tuple[str, str], None] = None,
        proxies: Optional[Mapping[str, str]] = None,
        pool_size: Optional[int] = None,
    ) -> None:
        base_url = from_environment(URL_VARIABLE) if base_url is None else base_url
        if base_url is None:
            raise ValueError("base_url is missing: give it, or set %s" % URL_VARIABLE)
        self.base_url = normal_url(base_url)
        self.timeout = Timeout.of(timeout)
        self._auth_token = auth_token
        # What goes with requests that nothing else authorizes.
        self._login = _login(base_url) or _environment_login(self.base_url)
        self._headers = _checked(headers)
        self._settings: Dict[str, Any] = {
            "retry": retry,
            "verify": verify,
            "cert": cert,
            "proxies": proxies,
            "pool_size": pool_size,
        }
        if isinstance(auth_token, str) and auth_token:  # "" sends none, whatever else there is
            _bearer(auth_token)
        # One transport per process: a forked child must not write to its parent's sockets.
        self._transports: Dict[int, Transport] = {}

    def transport(self) -> Transport:
        """This process's transport."""
        process = os.getpid()
        transport = self._transports.get(process)
        if transport is None:
            # setdefault is atomic: of two threads that come first, both get the same one.
            transport = self._transports.setdefault(process, Transport(**self._settings))
        return transport

    def send(
        self,
        call: AnyCall[T],
        options: Optional[CallOptions] = None,
        *,
        repeatable: bool = False,
        trusted: bool = True,
        body_limit: int = MAX_BODY,
    ) -> T:
        """Send the call and read its whole answer. Blocks; raises what Transport.send raises.

        Whoever is not ``trusted`` gets no token and none of the caller's headers.
        """
        own: Call[T] = _own(call, Call)
        began = time.monotonic()
        request, timeout = self._prepared(own.request, options or {}, trusted)
        try:
            response = self.transport().send(
                request, timeout, repeatable=repeatable, body_limit=body_limit, began=began
            )
        except RemoteHTTPError as error:
            _raise(own.meaning(error), error)
        return own.parse(response)

    def open(
        self,
        call: AnyStreamCall[Any],
        options: Optional[CallOptions] = None,
        *,
        repeatable: bool = False,
    ) -> OpenResponse:
        """Send and return when the headers of an event stream are there; the caller closes it."""
        own: StreamCall[Any] = _own(call, StreamCall)
        request = own.request
        request.headers["Accept"] = "text/event-stream"
        try:
            answer = self.begin(request, options, repeatable=repeatable)
        except RemoteHTTPError as error:
            _raise(own.meaning(error), error)
        if answer.content_type != "text/event-stream":
            raise no_stream(answer)
        return answer

    def take_up(
        self, call: AnyStreamCall[Any], options: Optional[CallOptions] = None
    ) -> OpenResponse:
        """Open the stream that goes on behind one that has broken off."""
        return self.open(call, options)

    def begin(
        self,
        request: Request,
        options: Optional[CallOptions] = None,
        *,
        repeatable: bool = False,
        trusted: bool = True,
    ) -> OpenResponse:
        """Send and return when the headers are there, whatever follows; the caller closes it."""
        began = time.monotonic()  # a callable auth_token may take its time
        request, timeout = self._prepared(request, options or {}, trusted)
        return self.transport().open(request, timeout, repeatable=repeatable, began=began)

    def forward(
        self,
        request: Request,
        authorization: Optional[str] = None,
        *,
        own: bool = True,
        timeout: Optional[Timeout] = None,
    ) -> OpenResponse:
        """Send for somebody else, and return whatever is answered; the caller closes it.

        Unless the credentials that go with it are this object's ``own``, they are the given
        ``authorization``, a header's value, or none.
        """
        options: CallOptions = {}
        if not own:
            said = {} if authorization is None else {"Authorization": authorization}
            options = {"auth_token": "", "headers": said}
        self._prepared(request, options, trusted=True)
        return self.transport().forward(request, timeout or self.timeout)

    def same_as(self, other: Connection) -> bool:
        """Whether both speak to one server as one caller; their limits may differ."""
        mine, theirs = self.__getstate__(), other.__getstate__()
        return all(mine[name] == theirs[name] for name in mine if name != "timeout")

    def card(self, options: CallOptions) -> None:
        """An AgentOS's own protocol has no agent cards."""

    def has_credentials(self, options: CallOptions) -> bool:
        """Whether the caller has given anything that only the right server may see."""
        return bool(
            self._auth_token is not None
            or options.get("auth_token") is not None
            or self._login
            or self._headers
            or options.get("headers")
            or self._settings["cert"]
        )

    def _prepared(
        self, request: Request, options: CallOptions, trusted: bool
    ) -> Tuple[Request, Timeout]:
        if trusted:
            headers = dict(self._headers)
            if options.get("auth_token") == "":  # none at all, whatever this object has been given
                headers.pop("Authorization", None)
                request.anonymous = True
            headers.update(_checked(options.get("headers")))
            token = options.get("auth_token")
            token = self._auth_token if token is None else token
            if token:
                headers["Authorization"] = _bearer(token() if callable(token) else token)
            elif token is None and self._login:
                headers.setdefault("Authorization", self._login)
            request.headers.update(headers)
        if "timeout" in options:
            return request, Timeout.of(options["timeout"])
        return request, self.timeout

    def close(self) -> None:
        """Close the idle connections of this process; the next call opens new ones."""
        transport = self._transports.pop(os.getpid(), None)
        if transport is not None:
            transport.close()

    def __getstate__(self) -> Dict[str, Any]:
        return dict(self.__dict__, _transports={})

    def __repr__(self) -> str:
        return "Connection(%r)" % shown_url(self.base_url)


def _own(call: Any, kind: Type[T]) -> T:
    if not isinstance(call, kind):
        raise TypeError("%r is no call over HTTP" % (call,))
    return call


def _raise(error: RemoteAgentError, said: RemoteHTTPError) -> NoReturn:
    """Raise what a refusal means, from what was said."""
    if error is said:
        raise error
    raise error from said


def no_stream(answer: OpenResponse) -> ProtocolError:
    """The error for an answer that is not an event stream; what it holds is dropped."""
    start = answer.text(200)
    return ProtocolError(
        "%s %s answered %d with %s instead of an event stream (%.80r). Is base_url the "
        "agent server's?"
        % (
            answer.method,
            answer.url,
            answer.status,
            answer.content_type or "an untyped body",
            start,
        ),
        answer.url,
    )


def _login(url: str) -> Optional[str]:
    """User info of a URL as an Authorization header: ``https://user:password@host``."""
    parts = urlsplit(url)
    if parts.username is None and parts.password is None:
        return None
    return basic_authorization(unquote(parts.username or ""), unquote(parts.password or ""))


def _environment_login(url: str) -> Optional[str]:
    """The environment's token as an Authorization header, if it may go to this server.

    Beside a URL it is for that server alone.
    """
    token, home = from_environment(TOKEN_VARIABLE), from_environment(URL_VARIABLE)
    if token is None or (home is not None and urlsplit(normal_url(home))[:2] != urlsplit(url)[:2]):
        return None
    return _bearer(token)


def _bearer(token: str) -> str:
    if not isinstance(token, str):
        raise TypeError("auth_token must be a str or return one, not %s" % type(token).__name__)
    token = token.strip()
    value = token if token[:7].lower() == "bearer " else "Bearer " + token
    check_header("Authorization", value)
    return value


def _checked(headers: Optional[Mapping[str, str]]) -> Dict[str, str]:
    checked = {}
    for name, value in (headers or {}).items():
        check_header(name, value)
        # One spelling, so that a caller's "authorization" replaces ours instead of joining it.
        checked["-".join(word.capitalize() for word in name.split("-"))] = value
    return checked
