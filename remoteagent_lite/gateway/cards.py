"""Agent cards of what the gateway fronts: of protocol 1.0 and of 0.3, in one. No I/O."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from .._version import __version__
from .fronted import Fronted

__all__ = ["card_of"]

_TEXT = ["text/plain"]
_MODES = ["text/plain", "application/json"]
#: What of an agent's own card stands in ours as it is.
_KEPT = ("provider", "documentationUrl", "iconUrl", "version")


def card_of(
    fronted: Fronted, url: str, described: Optional[Mapping[str, Any]], secured: bool
) -> Dict[str, Any]:
    """The card for the agent at ``url``. ``described`` is what may be told of it; None nothing."""
    known = described or {}
    own = known.get("card")
    own = own if isinstance(own, dict) else {}
    name = known.get("name") or fronted.id
    description = known.get("description") or "%s %s" % (fronted.component.kind.title(), fronted.id)
    skill = {
        "id": fronted.id,
        "name": name,
        "description": description,
        "tags": [fronted.component.kind],
    }
    card: Dict[str, Any] = {
        "name": name,
        "description": description,
        "version": __version__,
        "supportedInterfaces": [
            {"url": url, "protocolBinding": binding, "protocolVersion": version}
            for version in ("1.0", "0.3")
            for binding in ("JSONRPC", "HTTP+JSON")
        ],
        "capabilities": {
            "streaming": True,
            "pushNotifications": fronted.upstream is not None or _posts(own),
            "extendedAgentCard": secured,
        },
        "defaultInputModes": _strings(own.get("defaultInputModes")) or _MODES,
        "defaultOutputModes": _strings(own.get("defaultOutputModes")) or _TEXT,
        "skills": _objects(own.get("skills")) or [skill],
        # What follows is how 0.3 says it.
        "protocolVersion": "0.3.0",
        "url": url,
        "preferredTransport": "JSONRPC",
        "additionalInterfaces": [
            {"url": url, "transport": "JSONRPC"},
            {"url": url, "transport": "HTTP+JSON"},
        ],
        "supportsAuthenticatedExtendedCard": secured,
    }
    card.update((each, own[each]) for each in _KEPT if own.get(each))
    if secured:
        scheme = {"scheme": "Bearer"}
        bearer = {"httpAuthSecurityScheme": scheme, "type": "http", "scheme": "bearer"}
        card["securitySchemes"] = {"bearer": bearer}
        card["securityRequirements"] = [{"schemes": {"bearer": {"list": []}}}]
        card["security"] = [{"bearer": []}]
    return card


def _posts(card: Mapping[str, Any]) -> bool:
    """Whether an agent of its own card says that it posts push notifications."""
    capabilities = card.get("capabilities")
    return isinstance(capabilities, dict) and capabilities.get("pushNotifications") is True


def _strings(value: Any) -> List[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _objects(value: Any) -> List[Dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
