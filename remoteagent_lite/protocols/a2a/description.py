"""An agent card as a person wants to read it, and what is wrong in it. No I/O."""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Sequence, Tuple
from urllib.parse import urlsplit

from ...errors import ProtocolError, UnsupportedError, shown_url
from .card import TYPES, Json, an_object, objects_in, plain, read_card
from .hosts import is_loopback, same_origin
from .interface import AGNO, Interface
from .negotiation import Offer, candidates, offers, wanted_version
from .security import wanted

__all__ = ["describe", "problems"]

_WIDTH = 100
_LABEL = 14
#: How many skills, interfaces, extensions and warnings are shown, and how many names in a line.
_MOST = 50
_NAMES = 10
#: What servers may write at length; the rest of a card is names, and is cut earlier.
_LONG = 4000
_ABILITIES = {
    "pushNotifications": "sends push notifications",
    "extendedAgentCard": "has an extended card",
}
_MODES = ("defaultInputModes", "defaultOutputModes")
#: What a card must have: of 1.0 (spec section 4.4.1) and of 0.3 (section 5.5).
_REQUIRED = ("name", "description", "version", "capabilities", "skills", *_MODES)
_REQUIRED_IN: Dict[str, Tuple[str, ...]] = {
    "supportedInterfaces": ("url", "protocolBinding", "protocolVersion"),
    "additionalInterfaces": ("url", "transport"),
    "skills": ("id", "name", "description", "tags"),
    "signatures": ("protected", "signature"),
}

Row = Tuple[str, Any]


def describe(
    sent: Mapping[str, Any],
    card_url: str,
    allow_hosts: Sequence[str] = (),
    verified: bool = False,
) -> str:
    """The card as plain text of at most 100 columns, warnings at the end.

    Of what there is much of, the first is shown. ``verified`` says whether somebody has looked at
    its signatures. Raises ProtocolError for what is no card.
    """
    card = read_card(sent, card_url)
    listed = offers(sent, card_url, allow_hosts)
    ways = _ways(sent, card_url, allow_hosts)
    asked = wanted(card)
    lines: List[str] = []
    for label, value in _facts(card, card_url, asked, verified):
        lines += _row(label, value)
    interfaces = list(_interfaces(listed, ways))
    lines += _rows("Interfaces, the best first:", interfaces, lambda each: [each])
    declared = card.get("securitySchemes", {})
    lines += _rows("Skills:", card.get("skills", ()), lambda each: _skill(each, declared))
    warnings = _problems(sent, card, card_url, listed, ways, asked)
    lines += _rows("Warnings:", warnings, lambda each: [_wrapped(each, "* ", "  ")])
    return "\n".join(lines)


def _facts(card: Json, card_url: str, asked: str, verified: bool) -> Iterator[Row]:
    yield "agent", card.get("name")
    yield "description", card.get("description")
    yield "version", card.get("version")
    provider = an_object(card.get("provider"))
    yield "provider", _listed([provider.get("organization"), provider.get("url")])
    yield "card", shown_url(card_url)
    capabilities = card["capabilities"]
    able = ["streams" if capabilities.get("streaming") else "does not stream"]
    able += [words for name, words in _ABILITIES.items() if capabilities.get(name)]
    yield "capabilities", ", ".join(able)
    yield "credentials", asked or "none are asked for"
    yield "takes", _listed(card.get("defaultInputModes"))
    yield "gives", _listed(card.get("defaultOutputModes"))
    extensions = objects_in(capabilities.get("extensions"))
    for each in extensions[:_MOST]:
        need = " (required)" if each.get("required") is True else ""
        about = ": " + plain(each["description"], _LONG) if each.get("description") else ""
        yield "extension", plain(each.get("uri", "without a URI")) + need + about
    if len(extensions) > _MOST:
        yield "extension", _more(extensions, _MOST)
    yield "documentation", card.get("documentationUrl")
    if card.get("signatures"):
        found = "verified" if verified else "not verified"
        yield "signatures", "%d, %s" % (len(card["signatures"]), found)


def _interfaces(listed: Sequence[Offer], ways: Sequence[Interface]) -> Iterator[List[str]]:
    for place, each in enumerate(ways):
        offer = next(one for one in listed if each in one.interfaces)
        text = _way(each) + ("" if place else " (chosen)")
        if offer.moved:
            text += "; the card says %s, %s" % (_url(offer.url), offer.moved)
        yield _wrapped(text, "  %d. " % (place + 1), "     ")
    for offer in listed:
        if not offer.interfaces:
            yield _wrapped(
                "%s: unusable, as %s" % (_offered(offer), offer.reason), "  -  ", "     "
            )


def _ways(sent: Mapping[str, Any], card_url: str, allow_hosts: Sequence[str]) -> List[Interface]:
    try:
        return candidates(sent, card_url, allow_hosts=allow_hosts)
    except UnsupportedError:
        return []


def _way(way: Interface) -> str:
    name = "AgentOS (JSON-RPC on paths of its own)" if way.binding == AGNO else way.binding
    tenant = " for the tenant " + plain(way.tenant, 80) if way.tenant else ""
    return "%s %s at %s%s" % (name, way.version, _url(way.url), tenant)


def _offered(offer: Offer) -> str:
    """An interface in the words of the card."""
    said = (plain(offer.binding, 60), plain(offer.version, 40))
    where = "at " + _url(offer.url) if offer.url else ""
    return " ".join(filter(None, (*said, where))) or "an empty interface"


def _url(url: str) -> str:
    return plain(shown_url(url))


def _row(label: str, value: Any) -> List[str]:
    text = plain(value, _LONG) if value is not None else ""
    return _wrapped(text, "%-*s " % (_LABEL, label), " " * (_LABEL + 1)) if text else []


def _rows(
    title: str, items: Sequence[Any], blocks_of: Callable[[Any], Iterable[List[str]]]
) -> List[str]:
    lines = [line for each in items[:_MOST] for block in blocks_of(each) for line in block]
    if len(items) > _MOST:
        lines.append("  %s" % _more(items, _MOST))
    return ["", title, *lines] if lines else []


def _more(items: Sequence[Any], shown: int) -> str:
    return "and %s more" % format(len(items) - shown, ",")


def _wrapped(text: str, first: str, rest: str) -> List[str]:
    return textwrap.wrap(
        plain(text, _LONG),
        _WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_on_hyphens=False,
    )


def _skill(skill: Json, declared: Mapping[str, Json]) -> Iterator[List[str]]:
    name = plain(skill.get("name") or "", 100)
    title = " - ".join(filter(None, (plain(skill.get("id") or "without an id", 100), name)))
    yield _wrapped(title, "  ", "    ")
    texts = [
        plain(skill.get("description") or "", _LONG),
        _after("tags: ", _listed(skill.get("tags"))),
        *("for example: " + plain(each, _LONG) for each in _items(skill.get("examples"))[:_NAMES]),
        _after("takes: ", _listed(skill.get("inputModes"))),
        _after("gives: ", _listed(skill.get("outputModes"))),
        _after("asks for ", wanted(skill, declared)),
    ]
    for text in filter(None, texts):
        yield _wrapped(text, "    ", "      ")


def _after(label: str, text: str) -> str:
    return label + text if text else ""


def _listed(value: Any) -> str:
    return ", ".join(plain(each, 100) for each in _items(value)[:_MOST] if each is not None)


def _items(value: Any) -> Sequence[Any]:
    return value if type(value) is list else ()


# --- Warnings


def problems(sent: Mapping[str, Any], card_url: str, allow_hosts: Sequence[str] = ()) -> List[str]:
    """What is wrong in a card, or makes trouble, in sentences. ``sent`` is the card as sent."""
    try:
        card = read_card(sent, card_url)
    except ProtocolError as error:
        return [error.message]
    listed = offers(sent, card_url, allow_hosts)
    ways = _ways(sent, card_url, allow_hosts)
    return _problems(sent, card, card_url, listed, ways, wanted(card))


def _problems(
    sent: Mapping[str, Any],
    card: Json,
    card_url: str,
    listed: Sequence[Offer],
    ways: Sequence[Interface],
    asked: str,
) -> List[str]:
    found = [
        *_missing(sent),
        *_mistyped(sent),
        *_contradictions(sent, card),
        *_about_interfaces(listed, card_url),
        *_about_capabilities(card),
        *_about_security(card, ways, asked),
        *_about_skills(card),
    ]
    return list(dict.fromkeys(plain(each, _LONG) for each in found))


def _names(items: Iterable[Any]) -> str:
    """The first of some names, each once."""
    names = list(dict.fromkeys(items))
    shown = ", ".join(plain(each, 100) for each in names[:_NAMES])
    return shown if len(names) <= _NAMES else "%s %s" % (shown, _more(names, _NAMES))


def _is_new(sent: Mapping[str, Any]) -> bool:
    return bool(objects_in(sent.get("supportedInterfaces")))


def _missing(sent: Mapping[str, Any]) -> Iterator[str]:
    old = not _is_new(sent) and isinstance(sent.get("url"), str)
    version = "0.3" if old else "1.0"
    needed = (*_REQUIRED, "protocolVersion") if old else _REQUIRED
    for name in needed:
        if sent.get(name) is None:
            yield "The field %s is missing, which protocol %s requires." % (name, version)
    for name in ("name", "description", "version"):
        if isinstance(sent.get(name), str) and not sent[name].strip():
            yield "The field %s is empty." % name
    for holder, names in _REQUIRED_IN.items():
        entries = objects_in(sent.get(holder))
        for name in names:
            without = [each for each in entries if each.get(name) in (None, "")]
            labels = _names(_label(each) for each in without[:_MOST] if _label(each))
            where = " (%s)" % labels if labels else ""
            if len(without) == 1:
                yield "An entry of %s%s has no %s." % (holder, where, name)
            elif without:
                yield "%d entries of %s%s have no %s." % (len(without), holder, where, name)
    provider = an_object(sent.get("provider"))
    for name in ("organization", "url"):
        if provider and not provider.get(name):
            yield "The provider has no %s." % name


def _label(entry: Json) -> str:
    return plain(entry.get("id") or entry.get("url") or "", 100)


def _mistyped(sent: Mapping[str, Any]) -> Iterator[str]:
    names: Dict[type, str] = {str: "string", list: "list", dict: "object"}
    for name, kind in TYPES.items():
        value = sent.get(name)
        if value is not None and type(value) is not kind:
            yield "The field %s is not a JSON %s and is ignored." % (name, names[kind])
        elif name in _REQUIRED_IN and len(objects_in(value)) != len(_items(value)):
            yield "The field %s has entries that are not objects; they are ignored." % name


def _contradictions(sent: Mapping[str, Any], card: Json) -> Iterator[str]:
    new, url = objects_in(sent.get("supportedInterfaces")), sent.get("url")
    if not new and not isinstance(url, str):
        yield "It has neither supportedInterfaces nor url: nobody can know where to send messages."
    if new and isinstance(url, str):
        if url not in [each.get("url") for each in new]:
            yield (
                "Its url, %s, is none of its supportedInterfaces: clients of protocol 0.3 go "
                "elsewhere than those of 1.0." % _url(url)
            )
        if not any(wanted_version(plain(each.get("protocolVersion", ""))) == "0.3" for each in new):
            yield (
                "It has a url for clients of protocol 0.3, but no entry of 0.3 in "
                "supportedInterfaces."
            )
    said = sent.get("supportsAuthenticatedExtendedCard")
    also = an_object(sent.get("capabilities")).get("extendedAgentCard")
    if isinstance(said, bool) and isinstance(also, bool) and said is not also:
        yield "supportsAuthenticatedExtendedCard and capabilities.extendedAgentCard disagree."
    if sent.get("security") and sent.get("securityRequirements"):
        old = read_card({"name": "-", "security": sent["security"]}, "")
        if _scheme_names(old) != _scheme_names(card):
            yield "security and securityRequirements name different schemes."


def _scheme_names(card: Json) -> List[List[str]]:
    return [sorted(each["schemes"]) for each in card.get("securityRequirements", ())]


def _about_interfaces(listed: Sequence[Offer], card_url: str) -> Iterator[str]:
    for offer in listed:
        yield from _about_words(offer)
        if offer.interfaces:
            yield from _about_url(offer, card_url)
        else:
            yield "The interface %s cannot be used: %s." % (_offered(offer), offer.reason)
    if listed and not any(offer.interfaces for offer in listed):
        yield "None of its interfaces can be used by this library."
    if any(each.binding == AGNO for offer in listed for each in offer.interfaces):
        yield (
            "Its URL is that of AgentOS's own message:stream. A client that takes the card at its "
            "word cannot use it; this library can."
        )


def _about_words(offer: Offer) -> Iterator[str]:
    binding = plain(offer.binding, 60)
    if offer.interfaces and binding != binding.upper():
        yield (
            'The binding "%s" should be "%s": other clients compare it exactly.'
            % (binding, binding.upper())
        )
    if wanted_version(offer.version) == "" and offer.version:
        yield (
            'The protocol version "%s" is none; it should be like "1.0".' % plain(offer.version, 40)
        )
    elif offer.version.lstrip("v").startswith("0.2") and offer.interfaces:
        yield "It speaks protocol %s, which is tried as 0.3." % plain(offer.version, 40)


def _about_url(offer: Offer, card_url: str) -> Iterator[str]:
    url, used = _url(offer.url), offer.interfaces[0].url
    try:
        parts, card = urlsplit(offer.url), urlsplit(card_url)
    except ValueError:
        return
    if "@" in parts.netloc:
        yield "The URL %s has a login in it, for everybody to read. It is not used." % url
    if offer.moved:
        yield "The URL %s is not usable as it is (%s): %s is used." % (
            url, offer.moved, _url(used)
        )  # fmt: skip
    elif not parts.netloc:
        yield "The URL %s is relative to the card: other clients cannot use it." % url
    elif not same_origin(used, card_url):
        yield (
            "The URL %s is of another origin than the card: credentials go there only if it is "
            "named in allow_hosts." % url
        )
    if card.scheme == "https" and used.startswith("http:"):
        yield "The URL %s is http, though the card came over https." % url


def _about_capabilities(card: Json) -> Iterator[str]:
    capabilities = card["capabilities"]
    if "streaming" not in capabilities:
        yield "It does not say whether it streams: clients take that for a no."
    extensions = objects_in(capabilities.get("extensions"))
    if not all(each.get("uri") for each in extensions):
        yield "An extension has no uri, so no client can say that it supports it."
    demanded = [
        each["uri"] for each in extensions if each.get("uri") and each.get("required") is True
    ]
    if demanded:
        names = _names(plain(each) for each in demanded)
        yield "It refuses clients without the extension %s: extensions=[...]." % names
    for name in _MODES:
        wrong = [
            each for each in _items(card.get(name)) if not (isinstance(each, str) and "/" in each)
        ]
        if wrong:
            names = _names('"%s"' % plain(each, 60) for each in wrong)
            yield "%s has %s, which is no media type." % (name, names)


def _about_security(card: Json, ways: Sequence[Interface], asked: str) -> Iterator[str]:
    schemes = card.get("securitySchemes", {})
    demanded = dict.fromkeys(
        name
        for holder in (card, *card.get("skills", ()))
        for each in holder.get("securityRequirements", ())
        for name in each["schemes"]
    )
    undeclared = [name for name in demanded if name not in schemes]
    if undeclared:
        names = _names('"%s"' % plain(name, 60) for name in undeclared)
        yield (
            "It demands the security scheme %s and does not declare it in securitySchemes." % names
        )
    if not card.get("securityRequirements"):
        if schemes:
            yield "It declares security schemes and demands none of them."
        if card["capabilities"].get("extendedAgentCard"):
            yield "It has an extended card, but demands no credentials that would open it."
    elif asked:
        for way in ways[:1]:
            host = urlsplit(way.url).hostname
            if way.url.startswith("http:") and not is_loopback(host or ""):
                yield "It asks for credentials over http, where anybody on the way can read them."


def _about_skills(card: Json) -> Iterator[str]:
    skills = card.get("skills")
    if skills == []:
        yield "It has no skills, so other agents cannot tell what it is for."
    ids = Counter(each["id"] for each in skills or () if isinstance(each.get("id"), str))
    repeated = [each for each, times in ids.items() if times > 1 and each]
    if repeated:
        yield "Several skills have the id %s." % _names(repeated)
    untagged = [skill for skill in skills or () if skill.get("tags") == []]
    if untagged:
        names = _names(_label(each) or "without an id" for each in untagged)
        yield "The skill %s has no tags." % names
