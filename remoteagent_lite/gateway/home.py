"""The gateway's own URL: what stands before it may have another than it sees. No I/O."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union
from urllib.parse import quote, urlsplit

from ..wsgi import Environ

__all__ = ["Home"]

_Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
_SCHEMES = ("http", "https")
#: One pair of a Forwarded header, a quoted string or a token; RFC 7239, section 4.
_PAIR = re.compile(r'\s*([\w-]+)=("(?:[^"\\]|\\.)*"|[^\s";,]*)\s*(;|,|$)')


class Home:
    """The URL that a request's client has for the gateway: ``public_url``, or where it came in.

    What a proxy says in forwarded headers counts only if its address is among ``trusted_proxies``,
    addresses and networks. Raises ValueError for one that is neither, and for another URL.
    """

    def __init__(self, public_url: Optional[str], trusted_proxies: Sequence[str]) -> None:
        if public_url is not None and urlsplit(public_url).scheme not in _SCHEMES:
            raise ValueError("public_url must begin with http:// or https://: %r" % public_url)
        if isinstance(trusted_proxies, str):
            raise ValueError("trusted_proxies is a list of addresses and networks")
        self._public_url = None if public_url is None else public_url.rstrip("/")
        self._trusted: List[_Network] = [_network(each) for each in trusted_proxies]

    @property
    def is_fixed(self) -> bool:
        """Whether it is the same for all who ask."""
        return self._public_url is not None

    def of(self, environ: Environ) -> str:
        """The URL without a slash at its end."""
        if self._public_url is not None:
            return self._public_url
        scheme, host, prefix = self._said(environ) if self._is_trusted(environ) else ("", "", "")
        if scheme not in _SCHEMES:
            scheme = environ["wsgi.url_scheme"]
        host = host or environ.get("HTTP_HOST") or _own(environ)
        mount = quote(environ.get("SCRIPT_NAME", "").encode("latin-1"), safe="/")
        return "%s://%s%s%s" % (scheme, quote(host, safe=":[]"), prefix, mount.rstrip("/"))

    def _is_trusted(self, environ: Environ) -> bool:
        try:
            peer: Any = ipaddress.ip_address(environ.get("REMOTE_ADDR", "").partition("%")[0])
        except ValueError:
            return False
        peer = getattr(peer, "ipv4_mapped", None) or peer
        return any(peer in network for network in self._trusted)

    @staticmethod
    def _said(environ: Environ) -> Tuple[str, str, str]:
        """Scheme, host and prefix as the proxy says them; empty where it does not."""
        forwarded = _forwarded(environ.get("HTTP_FORWARDED", ""))
        scheme = _last(environ, "HTTP_X_FORWARDED_PROTO") or forwarded.get("proto", "")
        host = _last(environ, "HTTP_X_FORWARDED_HOST") or forwarded.get("host", "")
        prefix = _last(environ, "HTTP_X_FORWARDED_PREFIX").strip("/").encode("latin-1")
        return scheme.lower(), host, "/" + quote(prefix, safe="/%") if prefix else ""


def _network(text: str) -> _Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError("trusted_proxies: %s" % error) from error


def _own(environ: Environ) -> str:
    return "%s:%s" % (environ["SERVER_NAME"], environ["SERVER_PORT"])


def _last(environ: Environ, name: str) -> str:
    """What the nearest proxy has put behind what others said before."""
    value: str = environ.get(name, "").rpartition(",")[2].strip()
    return value


def _forwarded(header: str) -> Dict[str, str]:
    """The last element of a Forwarded header; nothing of one that is none."""
    said: Dict[str, str] = {}
    at = 0
    while at < len(header):
        pair = _PAIR.match(header, at)
        if pair is None:
            return {}
        name, value, behind = pair.groups()
        if value[:1] == '"':
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        said[name.lower()] = value
        at = pair.end()
        if behind == "," and header[at:].strip():
            said = {}
    return said
