"""Which of an agent's interfaces to use, and what an error says about that. No I/O."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple
from urllib.parse import urljoin, urlsplit, urlunsplit

from ...errors import (
    InternalError,
    MethodNotFoundError,
    RemoteAgentError,
    RemoteHTTPError,
    RemoteServerUnavailableError,
    UnsupportedError,
    VersionNotSupportedError,
    shown_url,
)
from .card import old_interfaces, without_nulls
from .interface import AGNO, JSONRPC, REST, Interface

__all__ = [
    "Offer",
    "candidates",
    "check_extensions",
    "credentials_allowed",
    "guesses",
    "next_interfaces",
    "offers",
    "same_origin",
]

_BINDINGS = {"JSONRPC": JSONRPC, "HTTP+JSON": REST}
_VERSIONS = ("1.0", "0.3")
_WILDCARDS = ("0.0.0.0", "::")
_DEFAULT_PORTS = {"http": 80, "https": 443}
#: The end of an AgentOS's interface URL, which is that of one of its operations.
_AGNO_ENDS = ("/v1/message:stream", "/v1/message:send")


class Offer(NamedTuple):
    """An interface as the card lists it: how to use it, or why not."""

    binding: str  # as in the card
    version: str
    url: str
    interfaces: Tuple[Interface, ...]  # more than one if the version is open; none if unusable
    reason: str  # why it cannot be used


def offers(sent: Mapping[str, Any], card_url: str) -> List[Offer]:
    """All interfaces that a card lists, in its order. ``sent`` is the card as it was sent."""
    card: Dict[str, Any] = without_nulls(dict(sent))
    listed = card.get("supportedInterfaces")
    listed = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    old = not listed
    return [_offer(each, card_url, old) for each in listed or old_interfaces(card)]


def _offer(entry: Mapping[str, Any], card_url: str, old: bool) -> Offer:
    binding, version, url = (
        each if isinstance(each, str) else ""
        for each in (entry.get(n) for n in ("protocolBinding", "protocolVersion", "url"))
    )

    def unusable(reason: str) -> Offer:
        return Offer(binding, version, url, (), reason)

    known = _BINDINGS.get(binding.upper())
    if known is None:
        return unusable("unknown binding %r" % binding if binding else "names no binding")
    versions = _versions(version, old)
    if not versions:
        return unusable("protocol version %s is not supported" % version)
    if not url:
        return unusable("has no URL")
    target = _reachable(url, card_url)
    if target is None:
        return unusable("the URL cannot be used")
    tenant = entry.get("tenant")
    tenant = tenant if isinstance(tenant, str) and tenant else None
    path = target.rstrip("/")
    for end in _AGNO_ENDS:
        if path.endswith(end):
            return Offer(binding, version, url, (Interface(AGNO, "0.3", path[: -len(end)]),), "")
    target = path if known == REST else target
    interfaces = tuple(Interface(known, each, target, tenant) for each in versions)
    return Offer(binding, version, url, interfaces, "")


def _versions(version: str, old: bool) -> Tuple[str, ...]:
    """What to try for a version as a card has it, best first. Major and minor alone count."""
    if not version:
        return _VERSIONS
    parts = version.strip().lstrip("v").split(".")
    if parts[0] == "1":
        return _VERSIONS if old else ("1.0",)  # a card that looks like 0.3 may mean it
    if parts[0] == "0" and parts[1:2] in (["2"], ["3"]):
        return ("0.3",)
    return ()


def candidates(
    sent: Mapping[str, Any],
    card_url: str,
    *,
    binding: Optional[str] = None,
    version: Optional[str] = None,
) -> List[Interface]:
    """The interfaces that can be used, best first.

    The card's order counts, but 1.0 goes before 0.3 for the same binding, and in 0.3 JSON-RPC
    before REST, which loses what JSON-RPC carries. ``binding`` (JSONRPC or REST) and ``version``
    force the choice. Raises UnsupportedError if nothing is left.
    """
    listed = offers(sent, card_url)
    found: List[Interface] = []
    for offer in listed:
        found += [each for each in offer.interfaces if each not in found]
    wanted = [
        each
        for each in found
        if binding in (None, each.binding) or each.binding == AGNO  # which is both
        if version in (None, each.version)
    ]
    if not wanted:
        raise UnsupportedError(_nothing(listed, card_url, binding, version), shown_url(card_url))
    places = {each: place for place, each in enumerate(found)}
    first = {each.binding: place for each, place in reversed(list(places.items()))}

    def order(each: Interface) -> Tuple[Any, ...]:
        reserve = each.version == "0.3" and each.binding == REST
        return (reserve, first[each.binding], each.version != "1.0", places[each])

    return sorted(wanted, key=order)


def _nothing(
    listed: Sequence[Offer], card_url: str, binding: Optional[str], version: Optional[str]
) -> str:
    asked = " ".join(filter(None, (binding, version)))
    shown = [
        "%s %s at %s%s"
        % (
            each.binding or "an unnamed binding",
            each.version or "of no version",
            shown_url(each.url) if each.url else "no URL",
            " (%s)" % each.reason if each.reason else "",
        )
        for each in listed
    ]
    return "The card at %s offers no interface that %s: it has %s. %s" % (
        shown_url(card_url),
        "is %s" % asked if asked else "this library speaks",
        "; ".join(shown) or "none at all",
        "Leave a2a_protocol= and a2a_version= to the card, or name interface_url=."
        if asked
        else "Name the way yourself: interface_url= with a2a_protocol=.",
    )


def guesses(base_url: str, version: Optional[str] = None) -> List[Interface]:
    """What to try without a card, for callers who asked for JSON-RPC."""
    return [Interface(JSONRPC, each, base_url) for each in _VERSIONS if version in (None, each)]


# --- URLs


def _host(url: str) -> Tuple[str, Optional[int], str]:
    """Host, port and scheme; raises ValueError for what is no URL."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    port = parts.port if parts.port is not None else _DEFAULT_PORTS.get(scheme)
    return (parts.hostname or "").lower(), port, scheme


def is_loopback(host: str) -> bool:
    """Whether the name means the machine itself."""
    return host in ("localhost", "::1") or host.startswith("127.") or host in _WILDCARDS


def _reachable(url: str, card_url: str) -> Optional[str]:
    """The URL to use for one that a card names; None if there is none.

    Servers print the address that they listen on, which from elsewhere is another one's.
    """
    try:
        url = urljoin(card_url, url)
        host, port, scheme = _host(url)
        card_host, card_port, card_scheme = _host(card_url)
    except ValueError:
        return None
    if scheme not in _DEFAULT_PORTS or not host:
        return None
    parts, card = urlsplit(url), urlsplit(card_url)
    if is_loopback(host) and host != card_host:
        if not is_loopback(card_host) or port == card_port:
            # The card's own origin: scheme, host and port.
            return urlunsplit((card.scheme, card.netloc, parts.path, parts.query, ""))
        if host in _WILDCARDS:
            netloc = "%s:%s" % (card_host if ":" not in card_host else "[%s]" % card_host, port)
            return urlunsplit((parts.scheme, netloc, parts.path, parts.query, ""))
    if host == card_host and card_scheme == "https" and scheme == "http":
        return None  # never from a protected connection to an open one
    return url


def same_origin(one: str, other: str) -> bool:
    """Whether both URLs have the same scheme, host and port; loopback names are one host."""
    try:
        hosts = [_host(one), _host(other)]
    except ValueError:
        return False
    shown = {("loopback" if is_loopback(host) else host, *rest) for host, *rest in hosts}
    return len(shown) == 1


def credentials_allowed(url: str, base_url: str, allow_hosts: Sequence[str]) -> bool:
    """Whether the caller named the place: as the origin of ``base_url``, or in ``allow_hosts``.

    An entry is a host, "host:port", or either with a scheme in front; without one, http is not
    enough if ``base_url`` is https.
    """
    if same_origin(url, base_url):
        return True
    try:
        host, port, scheme = _host(url)
        secure = _host(base_url)[2] == "https"
    except ValueError:
        return False
    for entry in allow_hosts:
        named, separator, rest = entry.partition("://")
        if separator and named.lower() != scheme:
            continue
        if not separator and secure and scheme != "https":
            continue
        try:
            parts = urlsplit("//" + (rest if separator else entry).rstrip("/"))
            if parts.hostname == host and parts.port in (None, port):
                return True
        except ValueError:
            continue
    return False


# --- Errors


def next_interfaces(
    interface: Interface, error: RemoteAgentError, left: Sequence[Interface]
) -> List[Interface]:
    """What to try after ``interface`` answered with ``error``, in order.

    Empty unless the error says that it is not spoken to in the right way, and that nothing can
    have run. ``left`` are the interfaces that have not been tried.
    """
    if not _is_misunderstood(interface, error):
        return []
    derived: List[Interface] = []
    if interface.binding == JSONRPC and isinstance(
        error, (MethodNotFoundError, VersionNotSupportedError, InternalError)
    ):
        # Servers that list one version on a URL often speak the other there as well.
        other = "0.3" if interface.version == "1.0" else "1.0"
        tried = interface._replace(version=other, tenant=None)
        if not left and interface.version == "1.0":
            derived.append(tried)
    return [*left, *(each for each in derived if each not in left)]


def _is_misunderstood(interface: Interface, error: RemoteAgentError) -> bool:
    if isinstance(error, (MethodNotFoundError, VersionNotSupportedError)):
        return True
    if isinstance(error, InternalError):
        return "version" in error.detail and "not supported" in error.detail
    if isinstance(error, RemoteServerUnavailableError):
        return not error.request_sent
    if isinstance(error, RemoteHTTPError):
        if error.status_code == 400:
            return "Invalid A2A request" in str(error.detail)
        return error.status_code in (404, 405)
    return False


def check_extensions(card: Mapping[str, Any], supported: Sequence[str]) -> None:
    """Raise UnsupportedError if the agent demands an extension that is not supported."""
    capabilities = card.get("capabilities")
    listed = capabilities.get("extensions") if isinstance(capabilities, dict) else None
    for each in listed if isinstance(listed, list) else []:
        if not isinstance(each, dict) or each.get("required") is not True:
            continue
        uri = each.get("uri")
        if uri not in supported:
            about = each.get("description")
            raise UnsupportedError(
                "The agent %r demands the extension %s%s. If your program keeps to it, say so: "
                "extensions=[%r]."
                % (card.get("name"), uri, " (%.200s)" % about if about else "", uri)
            )
