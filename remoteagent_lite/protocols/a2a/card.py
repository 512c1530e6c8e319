"""Agent cards: where they are, and both versions of them in the form of 1.0. No I/O."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from ...errors import ProtocolError, shown_url

__all__ = ["WELL_KNOWN", "card_urls", "read_card", "without_nulls"]

JSON = Dict[str, Any]

#: Where cards are, below the agent's base URL (spec section 8.2); the second is that of 0.2.
WELL_KNOWN = ("/.well-known/agent-card.json", "/.well-known/agent.json")

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
    if base_url.endswith(".json"):
        return [base_url]
    return [base_url.rstrip("/") + path for path in WELL_KNOWN]


def read_card(data: Any, url: str) -> JSON:
    """The card in the form of protocol 1.0; what else was sent stays in it.

    Raises ProtocolError if the JSON cannot be an agent card.
    """
    if not isinstance(data, dict) or not data.get("name"):
        found = "an object without a name" if isinstance(data, dict) else type(data).__name__
        raise ProtocolError(
            "%s is no agent card, but %s. Is base_url the agent's?" % (shown_url(url), found),
            shown_url(url),
        )
    card: JSON = without_nulls(data)
    if not card.get("supportedInterfaces"):
        interfaces = old_interfaces(card)
        if interfaces:
            card["supportedInterfaces"] = interfaces
    capabilities = _object(card.get("capabilities"))
    if card.get("supportsAuthenticatedExtendedCard") is True:
        capabilities.setdefault("extendedAgentCard", True)
    card["capabilities"] = capabilities
    schemes = _object(card.get("securitySchemes"))
    if schemes:
        card["securitySchemes"] = {
            name: _scheme(each) if isinstance(each, dict) else each
            for name, each in schemes.items()
        }
    for holder in [card, *_objects(card.get("skills"))]:
        requirements = _requirements(holder)
        if requirements is not None:
            holder["securityRequirements"] = requirements
    return card


def old_interfaces(card: Mapping[str, Any]) -> List[JSON]:
    """The interfaces of a card in the form of 0.3, as 1.0 lists them; the preferred one first."""
    version = card.get("protocolVersion")
    version = version if isinstance(version, str) else "0.3.0"
    found: List[JSON] = []
    if isinstance(card.get("url"), str):
        transport = card.get("preferredTransport")
        first = transport if isinstance(transport, str) else "JSONRPC"
        found.append({"url": card["url"], "protocolBinding": first, "protocolVersion": version})
    for each in _objects(card.get("additionalInterfaces")):
        one = {"url": each.get("url"), "protocolBinding": each.get("transport")}
        one["protocolVersion"] = version
        if one not in found:
            found.append(one)
    return found


def without_nulls(value: Any) -> Any:
    """A copy without the members that are null: to pydantic servers they are what is absent."""
    if isinstance(value, dict):
        return {name: without_nulls(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [without_nulls(each) for each in value]
    return value


def _scheme(scheme: JSON) -> JSON:
    """A security scheme of 0.3 also in the form of 1.0."""
    kind = scheme.get("type")
    member = _SCHEMES.get(kind) if isinstance(kind, str) else None
    if member is None or member in scheme:
        return scheme
    fields = {name: each for name, each in scheme.items() if name not in ("type", "in")}
    if "in" in scheme:
        fields["location"] = scheme["in"]
    return {**scheme, member: fields}


def _requirements(holder: Mapping[str, Any]) -> Optional[List[JSON]]:
    """The ``security`` of 0.3 in the form of 1.0; None if it has that already, or neither."""
    old = holder.get("security")
    if holder.get("securityRequirements") or not isinstance(old, list):
        return None
    return [
        {"schemes": {name: {"list": scopes} for name, scopes in each.items()}}
        for each in old
        if isinstance(each, dict)
    ]


def _object(value: Any) -> JSON:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> List[JSON]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
