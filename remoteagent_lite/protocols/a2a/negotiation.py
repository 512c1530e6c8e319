"""Which of an agent's interfaces to use, and what an error says about that. No I/O."""

from __future__ import annotations

import re
from typing import Any, List, Mapping, NamedTuple, Optional, Sequence, Tuple

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
from .hosts import placed, same_origin
from .interface import AGNO, JSONRPC, REST, Interface

__all__ = [
    "Offer",
    "candidates",
    "check_extensions",
    "guesses",
    "next_interfaces",
    "offers",
    "placed_at",
    "wanted_version",
]

_BINDINGS = {"JSONRPC": JSONRPC, "HTTP+JSON": REST}
_VERSIONS = ("1.0", "0.3")
#: How many of a card's interfaces are looked at. Cards have two to six.
_MOST = 64
#: How many of them an error names.
_SAID = 8
#: The end of an AgentOS's interface URL, which is that of one of its operations.
_AGNO_ENDS = ("/v1/message:stream", "/v1/message:send")
_VERSION = re.compile(r"v?([0-9]{1,4})(?:\.([0-9]{1,4}))?(?![0-9])")
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


def offers(sent: Mapping[str, Any], card_url: str, allow_hosts: Sequence[str] = ()) -> List[Offer]:
    """The interfaces that a card lists, in its order: the first 64 of them.

    ``sent`` is the card as it was sent; ``allow_hosts`` may have what would be refused otherwise.
    """
    sent = an_object(sent)
    listed = objects_in(sent.get("supportedInterfaces"))
    old = not listed
    listed = (listed or old_interfaces(sent))[:_MOST]
    return [_offer(each, card_url, old, allow_hosts) for each in listed]


def candidates(
    sent: Mapping[str, Any],
    card_url: str,
    *,
    binding: Optional[str] = None,
    version: Optional[str] = None,
    allow_hosts: Sequence[str] = (),
) -> List[Interface]:
    """The interfaces that can be used, best first.

    The card's order counts, but 1.0 goes before 0.3 for the same binding, and 0.3 over REST, which
    loses what JSON-RPC carries, goes last. ``binding`` (JSONRPC or REST) and ``version`` force the
    choice. Raises UnsupportedError if nothing is left. What a card does not say, and an error may
    suggest, comes from next_interfaces.
    """
    listed = offers(sent, card_url, allow_hosts)
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


def _offer(entry: Mapping[str, Any], card_url: str, old: bool, allow_hosts: Sequence[str]) -> Offer:
    binding, version, url = (
        str(each).strip() if isinstance(each, (str, int, float)) else ""
        for each in map(entry.get, ("protocolBinding", "protocolVersion", "url"))
    )
    url = url if isinstance(entry.get("url"), str) else ""
    known = _BINDINGS.get(binding.upper())
    target, why = placed(url, card_url, allow_hosts) if url else (None, "it has no URL")
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
        for each in listed[:_SAID]
    ]
    if len(listed) > _SAID:
        shown.append("%d more" % (len(listed) - _SAID))
    return "The card at %s offers no interface that %s: it has %s. %s" % (
        shown_url(card_url),
        "is %s" % asked if asked else "this library speaks",
        "; ".join(shown) or "none at all",
        "Leave a2a_protocol= and a2a_version= to the card, or name the way yourself: "
        "interface_url= with a2a_protocol=."
        if asked
        else "Name the way yourself: interface_url= with a2a_protocol=.",
    )


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
