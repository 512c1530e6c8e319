"""Where push notifications are posted to: which addresses may be, and one POST to one of them.

The host is looked up here and the connection made to the address that was found to be allowed, so
that a name cannot mean another one a moment later. No proxy is used and no redirect followed.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import ssl
from typing import Any, List, Mapping, NamedTuple, Optional, Sequence
from urllib.parse import urlsplit

from ..errors import shown_url
from ..http.exchange import Exchange
from ..http.transport import CA_BUNDLE
from ..options import Timeout
from ..protocols.a2a.hosts import is_private, named
from ..protocols.a2a.serving import Fault

__all__ = ["Hooks"]

#: How long each step at the socket may take, in seconds.
_STEP = 10.0
_SENDABLE = re.compile("[\t\x20-\x7e]*")
#: What a URL is written in; anything else has to be quoted.
_URL = re.compile(r"[\x21-\x5b\x5d-\x7e]+")


class _Hook(NamedTuple):
    scheme: str
    host: str
    netloc: str
    target: str
    #: What the host was found to be, as connect() takes it.
    places: List[Any]


class Hooks:
    """Posts to public addresses, and to the hosts in ``allowed`` ("host" or "host:port", each with
    a scheme in front or without). Any thread may call any method."""

    def __init__(self, allowed: Sequence[str]) -> None:
        if isinstance(allowed, str) or not all(isinstance(each, str) for each in allowed):
            raise ValueError("push_hosts must be a list of hosts, not %r" % (allowed,))
        self._allowed = list(allowed)
        self._context: Optional[ssl.SSLContext] = None

    def check(self, config: Mapping[str, Any]) -> None:
        """Raise Fault for a config that nothing would be posted for. Blocks: looks up the host.

        One that is not known at the moment may be later: that is seen when something is posted.
        """
        with contextlib.suppress(OSError):
            self._found(config["url"])
        for value in _headers(config).values():
            if not _SENDABLE.fullmatch(value):
                raise Fault(-32602, "Invalid parameters: no header can hold that token")

    def post(
        self, config: Mapping[str, Any], media_type: str, body: bytes, exchange: Exchange
    ) -> int:
        """The status that is answered. Blocks, until ``exchange`` is aborted at the longest.

        Raises Fault if it may not go there, OSError and HTTPException if it did not get there.
        """
        hook = self._found(config["url"])
        connection = http.client.HTTPConnection(hook.host, timeout=_STEP)
        attempt = exchange.attempt(Timeout(), None)
        try:
            connection.sock = _connected(hook)
            attempt.own(connection.sock)
            if hook.scheme == "https":
                context = self._trusting()
                connection.sock = context.wrap_socket(connection.sock, server_hostname=hook.host)
                attempt.own(connection.sock)
            headers = {"Host": hook.netloc, "Content-Type": media_type, **_headers(config)}
            connection.request("POST", hook.target, body, headers)
            return connection.getresponse().status
        finally:
            attempt.disown()
            connection.close()

    def _trusting(self) -> ssl.SSLContext:
        """What certificates are checked with. Kept: to read them all takes long."""
        if self._context is None:
            context = ssl.create_default_context()  # the system's, or those of SSL_CERT_FILE
            context.load_verify_locations(CA_BUNDLE)
            self._context = context
        return self._context

    def _found(self, url: str) -> _Hook:
        """Where a url leads. Fault if nothing may be posted there, OSError for an unknown host."""
        try:
            if not _URL.fullmatch(url):
                raise ValueError("it has to be quoted")
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
            if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
                raise ValueError("http or https, a host, and no user are wanted")
        except ValueError:
            raise Fault(-32602, "Invalid parameters: the url of a push config is none") from None
        allowed = named(url, self._allowed, secure=False)
        if not allowed and is_private(host):
            raise _forbidden(url)
        try:
            default = 443 if parts.scheme == "https" else 80
            found = socket.getaddrinfo(host, port or default, type=socket.SOCK_STREAM)
        except UnicodeError:
            text = "Invalid parameters: %s has no host" % shown_url(url)
            raise Fault(-32602, text) from None
        if not allowed and any(is_private(str(each[4][0])) for each in found):
            raise _forbidden(url)
        target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
        return _Hook(parts.scheme, host, parts.netloc, target, found)


def _forbidden(url: str) -> Fault:
    text = "Invalid parameters: push notifications do not go to the private address %s"
    return Fault(-32602, text % shown_url(url))


def _connected(hook: _Hook) -> socket.socket:
    failure = OSError("no address")
    for family, kind, number, _, address in hook.places:
        sock = socket.socket(family, kind, number)
        try:
            sock.settimeout(_STEP)
            sock.connect(address)
            return sock
        except OSError as error:
            sock.close()
            failure = error
    raise failure


def _headers(config: Mapping[str, Any]) -> Mapping[str, str]:
    """What shows the receiver that it is we who post."""
    headers = {}
    if config.get("token"):
        headers["X-A2A-Notification-Token"] = config["token"]
    said = config.get("authentication") or {}
    if said.get("scheme") and said.get("credentials"):
        headers["Authorization"] = "%s %s" % (said["scheme"], said["credentials"])
    return headers
