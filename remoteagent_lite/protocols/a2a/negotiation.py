"""Which of an agent's interfaces to use, and what an error says about that. No I/O."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, List, Mapping, NamedTuple, Optional, Sequence, Tuple
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

from ...errors import (
    InternalError,
    MethodNotFoundError,
    RemoteAgentError,
    RemoteHTTPError,
    RemoteServerUnavailableError,
    RemoteTimeoutError,
    UnsupportedError,
    VersionNotSupportedError,
    shown_url,
)
from .card import WELL_KNOWN, an_object, objects_in, old_interfaces, plain
from .interface import AGNO, JSONRPC, REST, Interface

__all__ = [
    "Offer",
    "candidates",
    "check_extensions",
    "credentials_allowed",
    "guesses",
    "is_loopback",
    "next_interfaces",
    "offers",
    "placed_at",
    "same_origin",
    "wanted_version",
]

_BINDINGS = {"JSONRPC": JSONRPC, "HTTP+JSON": REST}
_VERSIONS = ("1.0", "0.3")
#: What servers bind to in order to be reached at any address.
_WILDCARDS = ("0.0.0.0", "::")
_PRIVATE_NAMES = (".local", ".internal", ".lan")
_DEFAULT_PORTS = {"http": 80, "https": 443}
#: The end of an AgentOS's interface URL, which is that of one of its operations.
_AGNO_ENDS = ("/v1/message:stream", "/v1/message:send")
_VERSION = re.compile(r"v?([0-9]{1,4})(?:\.([0-9]{1,4}))?(?![0-9])")
#: The library that sends and the one that compares read these differently: "//one\@other/".
_NOT_IN_URLS = re.compile(r"[\x00-\x20\x7f\\]")
#: How the SDK refuses a version where protocol 0.3 has no error for it.
_VERSION_REFUSED = re.compile(r"A2A version '[^']*' is not supported")
_AGNO_REFUSAL = "Invalid A2A request"


class Offer(NamedTuple):
    """An interface as the card lists it: how to use it, or why not."""

    binding: str  # this and the next two as in the card
    version: str
    url: str
    interfaces: Tuple[Interface, ...] = ()  # more than one if the version is open
    reason: str = ""  # why it cannot be used
    moved: str = ""  # why its URL is not used as it is


def offers(sent: Mapping[str, Any], card_url: str) -> List[Offer]:
    """All interfaces that a card lists, in its order. ``sent`` is the card as it was sent."""
    sent = an_object(sent)
    listed = objects_in(sent.get("supportedInterfaces"))
    old = not listed
    return [_offer(each, card_url, old) for each in listed or old_interfaces(sent)]


def candidates(
    sent: Mapping[str, Any],
    card_url: str,
    *,
    binding: Optional[str] = None,
    version: Optional[str] = None,
) -> List[Interface]:
    """The interfaces that can be used, best first.

    The card's order counts, but 1.0 goes before 0.3 for the same binding, and 0.3 over REST, which
    loses what JSON-RPC carries, goes last. ``binding`` (JSONRPC or REST) and ``version`` force the
    choice. Raises UnsupportedError if nothing is left. What a card does not say, and an error may
    suggest, comes from next_interfaces.
    """
    listed = offers(sent, card_url)
    found = list(dict.fromkeys(each for offer in listed for each in offer.interfaces))
    possible = [
        each
        for each in found
        if binding in (None, each.binding) or each.binding == AGNO  # which is both
        if version in (None, each.version)
    ]
    if not possible:
        raise UnsupportedError(_nothing(listed, card_url, binding, version), shown_url(card_url))
    places = {each: place for place, each in enumerate(found)}
    first = {each.binding: places[each] for each in reversed(found)}

    def order(each: Interface) -> Tuple[Any, ...]:
        reserve = each.version == "0.3" and each.binding == REST
        return (reserve, first[each.binding], each.version != "1.0", places[each])

    return sorted(possible, key=order)


def guesses(
    base_url: str, version: Optional[str] = None, binding: str = JSONRPC
) -> List[Interface]:
    """What to try where no card is asked, for callers who named the binding.

    Raises UnsupportedError if ``base_url`` is an AgentOS's and the version is not.
    """
    for path in WELL_KNOWN:
        if base_url.endswith(path):
            base_url = base_url[: -len(path)]
    ways = [placed_at(Interface(binding, each, base_url), base_url) for each in _VERSIONS]
    found = [each for each in dict.fromkeys(ways) if version in (None, each.version)]
    if not found:
        shown = shown_url(base_url)
        raise UnsupportedError(
            "%s is of an AgentOS, which speaks A2A 0.3 alone. Leave a2a_version= out." % shown,
            shown,
        )
    return found


def placed_at(interface: Interface, url: str) -> Interface:
    """``interface`` at another URL; that of one of AgentOS's methods stands for AgentOS."""
    if interface.binding == AGNO or _agno_base(url) is not None:
        return Interface(AGNO, "0.3", _agno_root(url))
    return interface._replace(url=url if interface.binding == JSONRPC else _bare(url))


def wanted_version(said: str) -> Optional[str]:
    """The version of ours that a card's word means; None for one we do not speak.

    "" for a word that is no version. Major and minor count alone.
    """
    match = _VERSION.match(said.strip())
    if match is None:
        return ""
    major, minor = int(match.group(1)), int(match.group(2) or 0)
    if major == 1:
        return "1.0"
    # 0.2 is near enough to try.
    return "0.3" if major == 0 and minor in (2, 3) else None


def check_extensions(card: Mapping[str, Any], supported: Sequence[str]) -> None:
    """Raise UnsupportedError if the agent demands an extension that is not supported."""
    capabilities = an_object(card.get("capabilities"))
    for each in objects_in(capabilities.get("extensions")):
        uri = each.get("uri")
        if each.get("required") is not True or not isinstance(uri, str) or uri in supported:
            continue
        about = plain(each.get("description") or "", 200)
        raise UnsupportedError(
            "The agent %r demands the extension %s%s. If your program keeps to it, say so: "
            "extensions=[%r]."
            % (plain(card.get("name", "")), plain(uri), " (%s)" % about if about else "", uri)
        )


# --- Interfaces


def _offer(entry: Mapping[str, Any], card_url: str, old: bool) -> Offer:
    binding, version, url = (
        str(each).strip() if isinstance(each, (str, int, float)) else ""
        for each in map(entry.get, ("protocolBinding", "protocolVersion", "url"))
    )
    url = url if isinstance(entry.get("url"), str) else ""
    known = _BINDINGS.get(binding.upper())
    target, why = _placed(url, card_url) if url else (None, "it has no URL")
    tenant = entry.get("tenant")
    tenant = tenant if isinstance(tenant, str) and tenant else None
    versions = _versions(version, old)
    agno = _agno_base(target) if target else None
    interfaces: Tuple[Interface, ...] = ()
    if agno is not None and (known or not binding):
        interfaces = (Interface(AGNO, "0.3", agno),)
    elif known is None:
        why = "the binding %s is not spoken" % plain(binding, 60) if binding else "no binding given"
    elif target is None:
        pass
    elif not versions:
        why = "protocol %s is not spoken, only 1.x and 0.3" % plain(version, 40)
    else:
        # 0.3 has no way to name a tenant.
        spoken = [each for each in versions if tenant is None or each == "1.0"]
        target = _bare(target) if known == REST else target
        interfaces = tuple(Interface(known, each, target, tenant) for each in spoken)
        why = why if interfaces else "protocol 0.3 cannot name the tenant"
    if interfaces:
        return Offer(binding, version, url, interfaces, moved=why)
    return Offer(binding, version, url, reason=why)


def _versions(said: str, old: bool) -> Tuple[str, ...]:
    """What to try for a version as a card says it, best first."""
    version = wanted_version(said)
    if version is None:
        return ()
    if version == "0.3" or (old and not version):
        return ("0.3",)
    # A card in the form of 0.3 may be right about either.
    return ("1.0",) if version and not old else _VERSIONS


def _agno_base(url: str) -> Optional[str]:
    """What AgentOS's paths are below, if ``url`` is one of them."""
    bare = _bare(url)
    for end in _AGNO_ENDS:
        if bare.endswith(end):
            return bare[: -len(end)]
    return None


def _agno_root(url: str) -> str:
    """What AgentOS's paths are below, if ``url`` belongs to one in whatever way."""
    base = _agno_base(url)
    if base is not None:
        return base
    bare = _bare(url)
    return bare[: -len("/v1")] if bare.endswith("/v1") else bare


def _bare(url: str) -> str:
    """``url`` so that a path can be added."""
    return url.partition("?")[0].rstrip("/")


def _nothing(
    listed: Sequence[Offer], card_url: str, binding: Optional[str], version: Optional[str]
) -> str:
    asked = " ".join(filter(None, (binding, version)))
    shown = [
        "%s %s at %s%s"
        % (
            plain(each.binding, 60) or "an unnamed binding",
            plain(each.version, 40) or "of no version",
            plain(shown_url(each.url)) if each.url else "no URL",
            " (%s)" % each.reason if each.reason else "",
        )
        for each in listed
    ]
    return "The card at %s offers no interface that %s: it has %s. %s" % (
        shown_url(card_url),
        "is %s" % asked if asked else "this library speaks",
        "; ".join(shown) or "none at all",
        "Leave a2a_protocol= and a2a_version= to the card, or name the way yourself: "
        "interface_url= with a2a_protocol=."
        if asked
        else "Name the way yourself: interface_url= with a2a_protocol=.",
    )


# --- URLs


class _Place(NamedTuple):
    scheme: str
    host: str
    port: Optional[int]


def _place(url: str) -> _Place:
    """Where ``url`` leads to. Raises ValueError for what is no URL."""
    if _NOT_IN_URLS.search(url):
        raise ValueError("not a URL")
    parts = urlsplit(url)
    port = parts.port if parts.port is not None else _DEFAULT_PORTS.get(parts.scheme)
    return _Place(parts.scheme, (parts.hostname or "").rstrip("."), port)


def is_loopback(host: str) -> bool:
    """Whether the name means the machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_private(host: str) -> bool:
    """Whether the name means something in one network only, or on one machine."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith(_PRIVATE_NAMES)


def _placed(url: str, card_url: str) -> Tuple[Optional[str], str]:
    """The URL to use for one that a card names, and why it is another; or None, and why.

    Servers print the address that they listen on, which from elsewhere is another one's: nobody
    outside may send the caller's messages into the network that the caller is in.
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
    bound = host in _WILDCARDS or is_loopback(host)
    near = here.host in _WILDCARDS or is_loopback(here.host)
    as_card = _netloc(card)
    if bound and host != here.host and (not near or there.port == here.port):
        return _moved(target, card.scheme, as_card), "the address its server listens on"
    if _is_private(host) and not _is_private(here.host):
        return _moved(target, card.scheme, as_card), "of a private network, and the card is not"
    if (here.scheme, there.scheme) == ("https", "http") and (host == here.host or (bound and near)):
        # Never from a protected connection to an open one.
        if there.port in (80, here.port):
            return _moved(target, card.scheme, as_card), "http, though the card came over https"
        return None, "it is http, though the card came over https"
    if host in _WILDCARDS and host != here.host:
        name = "[%s]" % here.host if ":" in here.host else here.host
        netloc = "%s:%s" % (name, there.port)
        return _moved(target, target.scheme, netloc), "the address its server listens on"
    return _moved(target, target.scheme, _netloc(target)), ""


def _netloc(parts: SplitResult) -> str:
    """Without user info: what a card says is no login of the caller's."""
    return parts.netloc.rpartition("@")[2]


def _moved(url: SplitResult, scheme: str, netloc: str) -> str:
    return urlunsplit((scheme, netloc, url.path, url.query, ""))


def same_origin(one: str, other: str) -> bool:
    """Whether both URLs have the same scheme, host and port; loopback names are one host."""
    try:
        return _one_name(_place(one)) == _one_name(_place(other))
    except ValueError:
        return False


def _one_name(place: _Place) -> _Place:
    return place._replace(host="localhost") if is_loopback(place.host) else place


def credentials_allowed(url: str, base_url: str, allow_hosts: Sequence[str]) -> bool:
    """Whether the caller named the place: as the origin of ``base_url``, or in ``allow_hosts``.

    An entry is "host" (any port), "host:port", or either with a scheme in front. Without one, http
    is not enough if ``base_url`` is https.
    """
    if same_origin(url, base_url):
        return True
    try:
        there = _one_name(_place(url))
        secure = _place(base_url).scheme == "https"
    except ValueError:
        return False
    for entry in allow_hosts:
        scheme, separator, rest = entry.strip().rpartition("://")
        if scheme.lower() != there.scheme if separator else secure and there.scheme != "https":
            continue
        if _names(rest, there):
            return True
    return False


def _names(entry: str, place: _Place) -> bool:
    try:
        named = urlsplit("//" + entry)
        host = _one_name(_Place(place.scheme, (named.hostname or "").rstrip("."), None)).host
        return bool(host) and host == place.host and named.port in (None, place.port)
    except ValueError:
        return False


# --- Errors


def next_interfaces(
    interface: Interface, error: RemoteAgentError, left: Sequence[Interface]
) -> List[Interface]:
    """What to try after ``interface`` answered with ``error``, in order.

    Empty unless the error says that it is not spoken to in the right way, and that nothing can
    have run. ``left`` are the interfaces that have not been tried; what is returned beside them,
    which no card listed, may have been.
    """
    if _is_other_version(error):
        return _twins_first(interface, left)
    if isinstance(error, RemoteServerUnavailableError):
        return _elsewhere(interface, error, left)
    if not isinstance(error, RemoteHTTPError):
        return []
    if error.status_code == 400 and _AGNO_REFUSAL in str(error.detail or error.body):
        found = (
            [] if interface.binding == AGNO else [Interface(AGNO, "0.3", _agno_root(interface.url))]
        )
        return found + [each for each in left if each not in found]
    if error.status_code in (404, 405):
        return _other_paths(interface, left)
    return []


def _is_other_version(error: RemoteAgentError) -> bool:
    if isinstance(error, InternalError):
        return _VERSION_REFUSED.match(error.detail) is not None
    return isinstance(error, (MethodNotFoundError, VersionNotSupportedError))


def _twins_first(interface: Interface, left: Sequence[Interface]) -> List[Interface]:
    """Whoever answers in the protocol's terms is likeliest to speak the other version there.

    A card may also be wrong: one that lists 1.0 alone is served by both, or by 0.3.
    """
    twins: List[Interface] = []
    if interface.binding != AGNO and interface.tenant is None:
        other = "0.3" if interface.version == "1.0" else "1.0"
        twins = [interface._replace(version=other)]
    listed = [each for each in twins if each in left]
    return [*listed, *(each for each in left if each not in twins), *(twins if not listed else ())]


def _elsewhere(
    interface: Interface, error: RemoteServerUnavailableError, left: Sequence[Interface]
) -> List[Interface]:
    if error.request_sent or (isinstance(error, RemoteTimeoutError) and error.phase != "connect"):
        return []
    secure = interface.url.startswith("https:")
    return [
        each
        for each in left
        if not same_origin(each.url, interface.url)
        # Whoever can break a protected connection must not get an open one for it.
        and not (secure and each.url.startswith("http:"))
    ]


def _other_paths(interface: Interface, left: Sequence[Interface]) -> List[Interface]:
    """Nothing is served there, whatever the version; REST has other paths for each."""
    found = [
        each
        for each in left
        if interface.binding == REST
        or (each.binding, each.url) != (interface.binding, interface.url)
    ]
    if interface.binding == REST and interface.version == "0.3" and interface.url.endswith("/v1"):
        # The prefix belongs to the paths, and this card has put it into the URL as well.
        shorter = interface._replace(url=interface.url[: -len("/v1")])
        found += [each for each in [shorter] if each not in found]
    return found
