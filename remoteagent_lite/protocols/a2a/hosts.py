"""Where URLs lead: what a card may name, and where credentials may go. No I/O."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from typing import NamedTuple, Optional, Sequence, Tuple, Union
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit

from .card import plain

__all__ = ["credentials_allowed", "is_loopback", "is_private", "named", "placed", "same_origin"]

_DEFAULT_PORTS = {"http": 80, "https": 443}
_PRIVATE_NAMES = (".local", ".internal", ".lan", ".home.arpa")
#: The library that sends and the one that compares read these differently: "//one\@other/".
_NOT_IN_URLS = re.compile(r"[\x00-\x20\x7f\\]")
#: The parts of an IPv4 address as inet_aton reads them, of which there may be one to four.
_NUMBER = re.compile(r"(?:0x[0-9a-f]{1,9}|[0-9]{1,12})\Z")

_Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


class _Place(NamedTuple):
    scheme: str
    host: str
    port: Optional[int]


def placed(url: str, card_url: str, allow_hosts: Sequence[str] = ()) -> Tuple[Optional[str], str]:
    """The URL to use for one that a card names, and why it is another; or None, and why.

    Servers print the address that they listen on, which from elsewhere is another one's: nobody
    outside may send the caller's messages into the network that the caller is in. Nor may they be
    sent over http because of a card that came over https, unless ``allow_hosts`` says so.
    """
    try:
        if _NOT_IN_URLS.search(url):
            return None, "the URL has characters that do not belong into one"
        target, card = urlsplit(url), urlsplit(card_url)
        # "host:80" is a scheme or a path, depending on the version of Python.
        if not target.scheme and ":" not in url.partition("/")[0]:
            target = urlsplit(urljoin(card_url, url))
        there, here = _place(target.geturl()), _place(card_url)
    except ValueError:
        return None, "the URL cannot be read"
    if there.scheme not in _DEFAULT_PORTS:
        return None, "the URL is not one of http or https"
    if not there.host:
        return None, "the URL names no host"
    host = there.host
    bound, near = _is_bound(host), _is_bound(here.host)
    as_card = _netloc(card)
    if bound and host != here.host and (not near or there.port == here.port):
        return _moved(target, card.scheme, as_card), "the address its server listens on"
    if is_private(host) and not is_private(here.host):
        return _moved(target, card.scheme, as_card), "of a private network, and the card is not"
    if (here.scheme, there.scheme) == ("https", "http") and not _named(there, allow_hosts, True):
        # Never from a protected connection to an open one.
        if (host == here.host or (bound and near)) and there.port in (80, here.port):
            return _moved(target, card.scheme, as_card), "http, though the card came over https"
        shown = plain("http://" + _netloc(target), 100)
        return None, (
            "it is http, though the card came over https; allow_hosts=[%r] would let it" % shown
        )
    if _is_wildcard(host) and host != here.host:
        name = "[%s]" % here.host if ":" in here.host else here.host
        netloc = "%s:%s" % (name, there.port)
        return _moved(target, target.scheme, netloc), "the address its server listens on"
    return _moved(target, target.scheme, _netloc(target)), ""


def is_loopback(host: str) -> bool:
    """Whether the name means the machine itself, in whatever spelling."""
    name = _spelled_out(host)
    address = _address(name)
    if address is not None:
        return address.is_loopback
    return name == "localhost" or name.endswith(".localhost")


def is_private(host: str) -> bool:
    """Whether the name means something in one network only, or on one machine."""
    name = _spelled_out(host)
    address = _address(name)
    if address is not None:
        # What is reserved may be translated into any address of the old kind.
        return address.is_reserved or address.is_multicast or not address.is_global
    return "." not in name or name.endswith(_PRIVATE_NAMES) or is_loopback(name)


def same_origin(one: str, other: str) -> bool:
    """Whether both URLs have the same scheme, host and port; loopback addresses are one host."""
    try:
        return _one_name(_place(one)) == _one_name(_place(other))
    except ValueError:
        return False


def credentials_allowed(url: str, base_url: str, allow_hosts: Sequence[str]) -> bool:
    """Whether the caller named the place: as the origin of ``base_url``, or in ``allow_hosts``.

    An entry is "host" (any port), "host:port", or either with a scheme in front. Without one, http
    is not enough if ``base_url`` is https.
    """
    if same_origin(url, base_url):
        return True
    try:
        return _named(_place(url), allow_hosts, _place(base_url).scheme == "https")
    except ValueError:
        return False


def named(url: str, allow_hosts: Sequence[str], secure: bool = True) -> bool:
    """Whether an entry names the place of ``url``; if ``secure``, http only with its scheme."""
    try:
        return _named(_place(url), allow_hosts, secure)
    except ValueError:
        return False


def _place(url: str) -> _Place:
    """Where ``url`` leads to. Raises ValueError for what is no URL."""
    if _NOT_IN_URLS.search(url):
        raise ValueError("not a URL")
    parts = urlsplit(url)
    port = parts.port if parts.port is not None else _DEFAULT_PORTS.get(parts.scheme)
    return _Place(parts.scheme, (parts.hostname or "").rstrip("."), port)


def _spelled_out(host: str) -> str:
    """The host as whoever resolves it may read it.

    For finding out what must not be: names that are spelled in two ways are not taken for one, as
    not everybody spells them out alike.
    """
    name = unquote(host)
    if not name.isascii():
        try:
            # As all do who map by IDNA, Python for its sockets among them: circled digits are
            # digits, there are dots beside the dot, and characters that are nothing.
            name = unicodedata.normalize("NFKC", name).encode("idna").decode("ascii")
        except UnicodeError:
            return host  # nobody can resolve it
    return name.lower().rstrip(".")


def _address(name: str) -> Optional[_Address]:
    """The address that ``name`` is, also in the spellings of old that inet_aton still takes."""
    parts = name.split(".") if len(name) < 64 else []
    if 0 < len(parts) <= 4 and all(map(_NUMBER.match, parts)):
        try:
            numbers = [int(each, 0 if each[:2] == "0x" else 8 if each[0] == "0" else 10)
                       for each in parts]  # fmt: skip
        except ValueError:  # a digit that is not octal
            return None
        last = numbers.pop()
        if last >> 8 * (4 - len(numbers)) or any(each > 255 for each in numbers):
            return None
        front = sum(each << 8 * (3 - place) for place, each in enumerate(numbers))
        return ipaddress.IPv4Address(front + last)
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_wildcard(host: str) -> bool:
    """Whether it is what servers bind to in order to be reached at any address."""
    address = _address(_spelled_out(host))
    return address is not None and address.is_unspecified


def _is_bound(host: str) -> bool:
    return is_loopback(host) or _is_wildcard(host)


def _netloc(parts: SplitResult) -> str:
    """Without user info: what a card says is no login of the caller's."""
    return parts.netloc.rpartition("@")[2]


def _moved(url: SplitResult, scheme: str, netloc: str) -> str:
    return urlunsplit((scheme, netloc, url.path, url.query, ""))


def _one_name(place: _Place) -> _Place:
    address = _address(place.host)
    loopback = address is not None and address.is_loopback
    return place._replace(host="localhost") if loopback else place


def _named(place: _Place, allow_hosts: Sequence[str], secure: bool) -> bool:
    """Whether an entry names the place; by host alone only https, if it has to be ``secure``."""
    place = _one_name(place)
    for entry in allow_hosts:
        scheme, separator, rest = entry.strip().rpartition("://")
        if scheme.lower() != place.scheme if separator else secure and place.scheme != "https":
            continue
        try:
            named = urlsplit("//" + rest)
            host = _one_name(_Place(place.scheme, (named.hostname or "").rstrip("."), None)).host
            if host and host == place.host and named.port in (None, place.port):
                return True
        except ValueError:
            continue
    return False
