"""Agent cards: where they are, and both versions of them in the form of 1.0. No I/O."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping
from urllib.parse import urlsplit

from ...errors import ProtocolError, shown_url

__all__ = [
    "TYPES",
    "WELL_KNOWN",
    "Json",
    "an_object",
    "card_urls",
    "objects_in",
    "old_interfaces",
    "plain",
    "read_card",
    "security_requirements",
    "security_schemes",
    "without_nulls",
]

Json = Dict[str, Any]

#: Where cards are, below the agent's base URL (spec section 8.2); the second is that of 0.2.
WELL_KNOWN = ("/.well-known/agent-card.json", "/.well-known/agent.json")

#: Members of a card whose type readers rely on. One of another type is as good as absent.
TYPES: Dict[str, type] = {
    "name": str,
    "description": str,
    "version": str,
    "supportedInterfaces": list,
    "capabilities": dict,
    "skills": list,
    "defaultInputModes": list,
    "defaultOutputModes": list,
    "provider": dict,
    "securitySchemes": dict,
    "securityRequirements": list,
    "signatures": list,
    "documentationUrl": str,
    "iconUrl": str,
    # Of 0.3 only:
    "url": str,
    "preferredTransport": str,
    "additionalInterfaces": list,
    "security": list,
}
#: What has none of these is some other JSON: an error, a list of agents, another API's answer.
_MARKS = ("name", "supportedInterfaces", "protocolVersion", "skills", "capabilities")
_LISTS_OF_OBJECTS = ("supportedInterfaces", "skills", "signatures")
_CAPABILITIES: Dict[str, type] = {
    "streaming": bool,
    "pushNotifications": bool,
    "extendedAgentCard": bool,
    "extensions": list,
}

#: Security schemes: "type" of 0.3, and the member of 1.0 that holds what belongs to it.
_SCHEMES = {
    "apiKey": "apiKeySecurityScheme",
    "http": "httpAuthSecurityScheme",
    "oauth2": "oauth2SecurityScheme",
    "openIdConnect": "openIdConnectSecurityScheme",
    "mutualTLS": "mtlsSecurityScheme",
}


def card_urls(base_url: str) -> List[str]:
    """The URLs at which the card may be, the likeliest first."""
    if urlsplit(base_url).path.endswith(".json"):
        return [base_url]
    return [base_url.rstrip("/") + path for path in WELL_KNOWN]


def read_card(data: Any, url: str) -> Json:
    """The card in the form of protocol 1.0, as a copy; what else was sent stays in it.

    A member of a type it must not have is left out: who reads the result need not look again.
    Raises ProtocolError if the JSON cannot be an agent card.
    """
    shown = shown_url(url)
    if type(data) is not dict:
        raise _no_card(shown, "a JSON " + type(data).__name__)
    if all(data.get(mark) in (None, "") for mark in _MARKS):
        names = ", ".join(plain(name, 40) for name in list(data)[:5])
        raise _no_card(shown, "an object with %s" % names if names else "an empty object")
    try:
        card: Json = _typed(without_nulls(data), TYPES)
    except RecursionError as error:
        raise _no_card(shown, "too deeply nested to be one") from error
    for name in _LISTS_OF_OBJECTS:
        if name in card:
            card[name] = objects_in(card[name])
    if not card.get("supportedInterfaces"):
        card["supportedInterfaces"] = old_interfaces(card)
    card["capabilities"] = _capabilities(card)
    if "securitySchemes" in card:
        card["securitySchemes"] = security_schemes(card)
    for holder in (card, *card.get("skills", ())):
        if "security" in holder or "securityRequirements" in holder:
            holder["securityRequirements"] = security_requirements(holder)
    return card


def old_interfaces(card: Mapping[str, Any]) -> List[Json]:
    """The interfaces of a card in the form of 0.3, as 1.0 lists them; the preferred one first."""
    version = _text(card.get("protocolVersion")) or "0.3.0"
    preferred = _text(card.get("preferredTransport")) or "JSONRPC"
    others = objects_in(card.get("additionalInterfaces"))
    said = [(each.get("url"), each.get("transport")) for each in others]
    if _text(card.get("url")):
        said.insert(0, (card["url"], preferred))
    return [
        {"url": url, "protocolBinding": binding, "protocolVersion": version}
        for url, binding in dict.fromkeys((_text(url), _text(binding)) for url, binding in said)
    ]


def security_schemes(card: Mapping[str, Any]) -> Dict[str, Json]:
    """The declared schemes by name; those of 0.3 have their members of 1.0 as well."""
    declared = an_object(card.get("securitySchemes"))
    return {name: _scheme(each) for name, each in declared.items() if type(each) is dict}


def security_requirements(holder: Mapping[str, Any]) -> List[Json]:
    """The alternatives that a card or skill of either version demands, in the form of 1.0."""
    listed = objects_in(holder.get("securityRequirements")) or objects_in(holder.get("security"))
    return [_requirement(each) for each in listed]


def plain(value: Any, limit: int = 300) -> str:
    """A value of a card as it may be shown: one line, and nothing that could steer a terminal."""
    if not isinstance(value, (str, int, float)):
        return "(a JSON %s)" % type(value).__name__
    text = "".join(each if each.isprintable() else " " for each in str(value))
    text = " ".join(text.split())
    return text if len(text) <= limit else text[:limit] + "..."


def without_nulls(value: Any) -> Any:
    """A copy without the members that are null: to pydantic servers they are what is absent."""
    if isinstance(value, dict):
        return {name: without_nulls(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [without_nulls(each) for each in value]
    return value


def an_object(value: Any) -> Json:
    return value if type(value) is dict else {}


def objects_in(value: Any) -> List[Json]:
    return [each for each in value if type(each) is dict] if type(value) is list else []


def _text(value: Any) -> str:
    """A string of a card; a version that was written as a number is one too."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if type(value) in (int, float) else ""


def _typed(data: Json, types: Mapping[str, type]) -> Json:
    return {
        name: value
        for name, value in data.items()
        if name not in types or type(value) is types[name]
    }


def _capabilities(card: Json) -> Json:
    capabilities = _typed(card.get("capabilities", {}), _CAPABILITIES)
    if "extensions" in capabilities:
        capabilities["extensions"] = objects_in(capabilities["extensions"])
    if type(card.get("supportsAuthenticatedExtendedCard")) is bool:
        capabilities.setdefault("extendedAgentCard", card["supportsAuthenticatedExtendedCard"])
    return capabilities


def _scheme(scheme: Json) -> Json:
    """A security scheme of 0.3 also in the form of 1.0."""
    kind = scheme.get("type")
    member = _SCHEMES.get(kind) if isinstance(kind, str) else None
    if member is None or any(each in scheme for each in _SCHEMES.values()):
        return scheme
    fields = {name: each for name, each in scheme.items() if name not in ("type", "in")}
    if "in" in scheme:
        fields["location"] = scheme["in"]
    return {**scheme, member: fields}


def _requirement(given: Json) -> Json:
    # A scheme that is called "schemes" has a list of scopes.
    new = isinstance(given.get("schemes"), dict)
    schemes = given["schemes"] if new else given
    listed = {
        name: {"list": scopes} if type(scopes) is list else an_object(scopes)
        for name, scopes in schemes.items()
    }
    return {**given, "schemes": listed} if new else {"schemes": listed}


def _no_card(shown: str, found: str) -> ProtocolError:
    return ProtocolError(
        "%s is no agent card, but %s. base_url must be that of one agent, below which its "
        "%s is; or the URL of the card itself, ending in .json." % (shown, found, WELL_KNOWN[0]),
        shown,
    )
