"""What credentials an agent asks for, in words. No I/O."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

__all__ = ["wanted"]

JSON = Dict[str, Any]


def wanted(card: Mapping[str, Any]) -> str:
    """What the card (in the form of 1.0) asks for, and how to give it; "" if for nothing."""
    schemes = card.get("securitySchemes")
    schemes = schemes if isinstance(schemes, dict) else {}
    ways: List[str] = []
    requirements = card.get("securityRequirements")
    for each in requirements if isinstance(requirements, list) else []:
        named = each.get("schemes") if isinstance(each, dict) else None
        if not isinstance(named, dict) or not named:
            return ""  # nothing at all is one of the ways
        parts = [_described(name, schemes.get(name), scopes) for name, scopes in named.items()]
        ways.append(" together with ".join(parts))
    return ", or ".join(dict.fromkeys(ways))


def _described(name: str, scheme: Any, scopes: Any) -> str:
    scheme = scheme if isinstance(scheme, dict) else {}
    text = _kind(name, scheme)
    listed = scopes.get("list") if isinstance(scopes, dict) else None
    if isinstance(listed, list) and listed:
        text += " with the scopes %s" % " ".join(map(str, listed))
    return text


def _kind(name: str, scheme: JSON) -> str:
    key = scheme.get("apiKeySecurityScheme")
    if isinstance(key, dict):
        place, field = key.get("location", "header"), key.get("name")
        if place == "header":
            return "an API key in the header %s (headers={%r: ...})" % (field, field)
        if place == "cookie":
            return "an API key in the cookie %s (headers={'Cookie': '%s=...'})" % (field, field)
        return "an API key in the query parameter %s, which this library does not send" % field
    http = scheme.get("httpAuthSecurityScheme")
    if isinstance(http, dict):
        kind = str(http.get("scheme", "")).lower()
        if kind == "bearer":
            return "a bearer token (auth_token=...)"
        if kind == "basic":
            return "a user name and password (in base_url: https://user:password@host)"
        return "HTTP authentication of the kind %s (headers={'Authorization': ...})" % kind
    oauth = scheme.get("oauth2SecurityScheme")
    if isinstance(oauth, dict):
        urls = ", ".join(_token_urls(oauth.get("flows")))
        return "an OAuth 2 access token%s (auth_token=...)" % (" from %s" % urls if urls else "")
    oidc = scheme.get("openIdConnectSecurityScheme")
    if isinstance(oidc, dict):
        return "an OpenID Connect token, see %s (auth_token=...)" % oidc.get("openIdConnectUrl")
    if isinstance(scheme.get("mtlsSecurityScheme"), dict):
        return "a client certificate (cert=...)"
    return "the security scheme %r, which the card does not explain" % name


def _token_urls(flows: Any) -> List[str]:
    found: List[str] = []
    for flow in flows.values() if isinstance(flows, dict) else ():
        if isinstance(flow, dict):
            found += [str(flow[n]) for n in ("tokenUrl", "deviceAuthorizationUrl") if flow.get(n)]
    return list(dict.fromkeys(found))
