"""Agent cards of what the gateway fronts: of protocol 1.0, of 0.3, or of both in one. No I/O."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence

from .._version import __version__
from .fronted import Fronted

__all__ = ["card_of"]

_BINDINGS = ("JSONRPC", "HTTP+JSON")
_TEXT = ["text/plain"]
_MODES = ["text/plain", "application/json"]
#: What of an agent's own card stands in ours as it is.
_KEPT = ("provider", "documentationUrl", "iconUrl", "version")


def card_of(
    fronted: Fronted,
    url: str,
    described: Optional[Mapping[str, Any]],
    secured: bool,
    versions: Sequence[str],
) -> Dict[str, Any]:
    """The card for the agent at ``url``. ``described`` is what may be told of it; None nothing.

    Readers of one of the ``versions`` pass over what is there for those of another.
    """
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
        "capabilities": {
            "streaming": True,
            "pushNotifications": fronted.upstream is not None or _posts(own),
        },
        "defaultInputModes": _strings(own.get("defaultInputModes")) or _MODES,
        "defaultOutputModes": _strings(own.get("defaultOutputModes")) or _TEXT,
        "skills": _objects(own.get("skills")) or [skill],
    }
    card.update((each, own[each]) for each in _KEPT if own.get(each))
    bearer: Dict[str, Any] = {}
    if "1.0" in versions:
        card["supportedInterfaces"] = [
            {"url": url, "protocolBinding": binding, "protocolVersion": version}
            for version in versions
            for binding in _BINDINGS
        ]
        card["capabilities"]["extendedAgentCard"] = secured
        bearer["httpAuthSecurityScheme"] = {"scheme": "Bearer"}
        if secured:
            card["securityRequirements"] = [{"schemes": {"bearer": {"list": []}}}]
    if "0.3" in versions:
        card["protocolVersion"] = "0.3.0"
        card["url"] = url
        card["preferredTransport"] = _BINDINGS[0]
        card["additionalInterfaces"] = [{"url": url, "transport": each} for each in _BINDINGS]
        card["supportsAuthenticatedExtendedCard"] = secured
        bearer.update(type="http", scheme="bearer")
        if secured:
            card["security"] = [{"bearer": []}]
    if secured:
        card["securitySchemes"] = {"bearer": bearer}
    return card


def _posts(card: Mapping[str, Any]) -> bool:
    """Whether an agent of its own card says that it posts push notifications."""
    capabilities = card.get("capabilities")
    return isinstance(capabilities, dict) and capabilities.get("pushNotifications") is True


def _strings(value: Any) -> List[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _objects(value: Any) -> List[Dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
