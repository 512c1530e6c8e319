"""An agent card as a person wants to read it, and what is wrong in it. No I/O."""

from __future__ import annotations

import textwrap
from typing import Any, Dict, Iterator, List, Mapping, Optional
from urllib.parse import urlsplit

from ...errors import ProtocolError, UnsupportedError, shown_url
from .card import read_card
from .interface import AGNO, Interface
from .negotiation import candidates, is_loopback, offers, same_origin
from .security import wanted

__all__ = ["describe", "problems"]

_WIDTH = 100
_LABEL = 15
#: What a card must have: of 1.0 (spec section 4.4.1) and of 0.3 (section 5.5).
_REQUIRED = ("name", "description", "version", "capabilities", "skills")
_ABILITIES = ("streaming", "pushNotifications", "extendedAgentCard")
_MODES = ("defaultInputModes", "defaultOutputModes")


def describe(sent: Mapping[str, Any], card_url: str) -> str:
    """The card as plain text of at most 100 columns, warnings at the end."""
    card = read_card(dict(sent), card_url)
    lines: List[str] = []
    for label, value in _facts(card, sent, card_url):
        lines += _row(label, value)
    skills = _objects(card.get("skills"))
    if skills:
        lines += ["", "Skills:"]
    for skill in skills:
        lines += _skill(skill)
    warnings = problems(sent, card_url)
    if warnings:
        lines += ["", "Warnings:"]
    for warning in warnings:
        lines += textwrap.wrap(_clean(warning), _WIDTH, initial_indent="* ", subsequent_indent="  ")
    return "\n".join(lines)


def _facts(card: Dict[str, Any], sent: Mapping[str, Any], card_url: str) -> Iterator[Any]:
    yield "agent", card.get("name")
    yield "description", card.get("description")
    yield "version", card.get("version")
    provider = _object(card.get("provider"))
    yield "provider", " ".join(str(provider[n]) for n in ("organization", "url") if n in provider)
    yield "card", shown_url(card_url)
    try:
        ways: List[Interface] = candidates(sent, card_url)
    except UnsupportedError:
        ways = []
    for place, way in enumerate(ways):
        yield ("interface" if not place else ""), _way(way) + (" (used)" if not place else "")
    for offer in offers(sent, card_url):
        if not offer.interfaces:
            yield "not usable", "%s %s %s: %s" % (
                offer.binding, offer.version, offer.url, offer.reason
            )  # fmt: skip
    capabilities = _object(card.get("capabilities"))
    able = [
        n for n in ("streaming", "pushNotifications", "extendedAgentCard") if capabilities.get(n)
    ]
    yield "can", ", ".join(able) or "neither stream nor send push notifications"
    yield "asks for", wanted(card) or "no credentials"
    yield "takes", _list(card.get("defaultInputModes"))
    yield "gives", _list(card.get("defaultOutputModes"))
    for each in _objects(capabilities.get("extensions")):
        need = " (required)" if each.get("required") is True else ""
        about = ": %s" % each["description"] if each.get("description") else ""
        yield "extension", "%s%s%s" % (each.get("uri"), need, about)
    yield "documentation", card.get("documentationUrl")
    if card.get("signatures"):
        yield "signatures", "%d, not verified" % len(_objects(card["signatures"]))


def _way(way: Interface) -> str:
    name = "AgentOS (JSON-RPC on paths of its own)" if way.binding == AGNO else way.binding
    tenant = " for tenant %s" % way.tenant if way.tenant else ""
    return "%s %s at %s%s" % (name, way.version, shown_url(way.url), tenant)


def _row(label: str, value: Any) -> List[str]:
    if value in (None, "", []):
        return []
    lead = "%-*s " % (_LABEL, label)
    text = _clean(str(value))
    return textwrap.wrap(text, _WIDTH, initial_indent=lead, subsequent_indent=" " * len(lead)) or []


def _skill(skill: Dict[str, Any]) -> List[str]:
    title = "%s - %s" % (skill.get("id"), skill.get("name"))
    lines = textwrap.wrap(_clean(title), _WIDTH, initial_indent="  ", subsequent_indent="    ")
    tags = _list(skill.get("tags"))
    texts = [skill.get("description"), "tags: " + tags if tags else ""]
    examples = skill.get("examples")
    texts += ["example: %s" % each for each in examples] if isinstance(examples, list) else []
    for text in texts:
        if text:
            lines += textwrap.wrap(
                _clean(str(text)), _WIDTH, initial_indent="    ", subsequent_indent="    "
            )
    return lines


def problems(sent: Mapping[str, Any], card_url: str) -> List[str]:
    """What is wrong in a card, or makes trouble, in sentences. ``sent`` is the card as sent."""
    try:
        card = read_card(dict(sent), card_url)
    except ProtocolError as error:
        return [error.message]
    return [
        *_missing(card, sent),
        *_contradictions(sent),
        *_about_interfaces(sent, card_url),
        *_about_security(card),
        *_about_skills(card),
    ]


def _missing(card: Dict[str, Any], sent: Mapping[str, Any]) -> Iterator[str]:
    for name in (*_REQUIRED, *_MODES):
        if sent.get(name) is None:
            yield "The required field %s is missing." % name
    if isinstance(sent.get("description"), str) and not sent["description"].strip():
        yield "The description is empty."
    if _object(card.get("capabilities")).get("streaming") is None:
        yield "Whether the agent can stream is not said: clients take that for a no."
    for each in _objects(_object(card.get("capabilities")).get("extensions")):
        if each.get("required") is True:
            yield "Clients must support the extension %s." % each.get("uri")


def _contradictions(sent: Mapping[str, Any]) -> Iterator[str]:
    new = _objects(sent.get("supportedInterfaces"))
    url = sent.get("url")
    if new and isinstance(url, str) and url not in [each.get("url") for each in new]:
        yield ("url (%s) is none of supportedInterfaces: old clients go another way." % url)
    if not new and not isinstance(url, str):
        yield "There is neither supportedInterfaces nor url: nobody knows where to go."
    if not new and isinstance(url, str) and not sent.get("protocolVersion"):
        yield "protocolVersion is missing; 0.3.0 is assumed."
    transport = sent.get("preferredTransport")
    if isinstance(transport, str) and transport != transport.upper():
        yield "preferredTransport %r is not in capitals: many clients compare exactly." % transport
    for each in new:
        if not each.get("protocolVersion"):
            yield "The interface at %s names no protocolVersion." % each.get("url")


def _about_interfaces(sent: Mapping[str, Any], card_url: str) -> Iterator[str]:
    listed = offers(sent, card_url)
    for offer in listed:
        if not offer.interfaces:
            yield "The interface %s at %s cannot be used: %s." % (
                offer.binding or "without a binding",
                offer.url or "no URL",
                offer.reason,
            )
            continue
        yield from _about_url(offer.url, offer.interfaces[0], card_url)
    if listed and not any(offer.interfaces for offer in listed):
        yield "None of the interfaces can be used."


def _about_url(url: str, interface: Interface, card_url: str) -> Iterator[str]:
    if interface.binding == AGNO:
        yield (
            "The URL is that of AgentOS's own message:stream. Clients that take the card at its "
            "word cannot talk to it; this library can."
        )
    host, card_host = _host(url), _host(card_url)
    if host is None:
        return  # relative: resolved against the card
    if not host:
        yield "The URL %s is relative: many clients cannot use it." % url
    elif is_loopback(host) and host != card_host:
        if not is_loopback(card_host or "") or host in ("0.0.0.0", "::"):
            yield "The URL %s is the address the server listens on, not where it is." % url
    elif not same_origin(url, card_url) and host != card_host:
        yield (
            "The URL %s is on another host than the card: credentials are not sent there unless "
            "it is named in allow_hosts." % url
        )
    if urlsplit(card_url).scheme == "https" and url.lower().startswith("http://"):
        yield "The URL %s is not encrypted, though the card is." % url


def _about_security(card: Dict[str, Any]) -> Iterator[str]:
    schemes = _object(card.get("securitySchemes"))
    for each in _objects(card.get("securityRequirements")):
        for name in _object(each.get("schemes")):
            if name not in schemes:
                yield "The security requirement %r is not declared in securitySchemes." % name


def _about_skills(card: Dict[str, Any]) -> Iterator[str]:
    skills = card.get("skills")
    if skills == []:
        yield "There are no skills: other agents cannot tell what this one is for."
    ids = [skill.get("id") for skill in _objects(skills)]
    for each in dict.fromkeys(str(one) for one in ids if ids.count(one) > 1):
        yield "Several skills have the id %s." % each


def _host(url: str) -> Optional[str]:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return None


def _clean(text: str) -> str:
    """``text`` without what could steer a terminal."""
    return "".join(each if each.isprintable() else " " for each in text)


def _list(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else ""


def _object(value: Any) -> Dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> List[Dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
