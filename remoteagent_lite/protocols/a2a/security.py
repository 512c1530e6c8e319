"""What credentials an agent asks for, in words. No I/O."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from .card import Json, an_object, plain, security_requirements, security_schemes

__all__ = ["wanted"]

#: How many alternatives are said, and how much of each.
_WAYS = 8
_LONG = 600


def wanted(holder: Mapping[str, Any], declared: Optional[Mapping[str, Json]] = None) -> str:
    """What the card or skill asks for, and how to give it, in words; "" if for nothing.

    Cards of either version are read. A skill needs the schemes that ``read_card`` found in its
    card.
    """
    schemes = security_schemes(holder) if declared is None else declared
    ways: Dict[str, None] = {}
    several = False
    for each in security_requirements(holder):
        named = each["schemes"]
        if not named:
            return ""  # nothing at all is one of the ways
        if len(ways) < _WAYS:
            several = several or len(named) > 1
            words = [_in_words(name, schemes.get(name), scopes) for name, scopes in named.items()]
            ways[plain(" and ".join(words), _LONG)] = None
    return (", or " if several else " or ").join(ways)


def _in_words(name: str, scheme: Optional[Json], scopes: Json) -> str:
    if scheme is None:
        return 'what it calls "%s" and does not declare' % plain(name, 60)
    text = _kind(name, scheme)
    listed = scopes.get("list")
    if type(listed) is list and listed:
        text += " with the scopes " + plain(" ".join(map(plain, listed)))
    return text


def _kind(name: str, scheme: Json) -> str:
    key = scheme.get("apiKeySecurityScheme")
    if type(key) is dict:
        return _key(_place(key), plain(key.get("name", ""), 80))
    http = scheme.get("httpAuthSecurityScheme")
    if type(http) is dict:
        kind = plain(http.get("scheme", ""), 40)
        if kind.lower() == "bearer":
            form = plain(http.get("bearerFormat") or "", 40)
            return "a bearer token%s (auth_token=...)" % (", " + form if form else "")
        if kind.lower() == "basic":
            return "a user name and password (base_url=https://user:password@host)"
        return 'HTTP authentication by %s (headers={"Authorization": ...})' % (kind or "something")
    oauth = scheme.get("oauth2SecurityScheme")
    if type(oauth) is dict:
        urls = ", ".join(_token_urls(oauth))
        return "an OAuth 2 access token%s (auth_token=...)" % (" from %s" % urls if urls else "")
    oidc = scheme.get("openIdConnectSecurityScheme")
    if type(oidc) is dict:
        url = plain(oidc.get("openIdConnectUrl") or "a provider it does not name")
        return "an OpenID Connect token, by %s (auth_token=...)" % url
    if "mtlsSecurityScheme" in scheme:
        return "a client certificate (cert=...)"
    return 'the security scheme "%s", which is of no known type' % plain(name, 60)


def _key(place: str, name: str) -> str:
    if place == "header":
        return 'an API key in the header %s (headers={"%s": ...})' % (name, name)
    if place == "cookie":
        return 'an API key in the cookie %s (headers={"Cookie": "%s=..."})' % (name, name)
    return "an API key in the %s parameter %s, which this library cannot send" % (place, name)


def _place(key: Json) -> str:
    """Where an API key goes: "header", "cookie" or "query"."""
    return plain(key.get("location") or "header", 20).lower()


def _token_urls(oauth: Json) -> List[str]:
    found: List[str] = []
    for flow in an_object(oauth.get("flows")).values():
        for name in ("tokenUrl", "deviceAuthorizationUrl", "authorizationUrl"):
            # An implicit flow has no URL but the last.
            if type(flow) is dict and flow.get(name):
                found.append(plain(flow[name]))
                break
    if not found and oauth.get("oauth2MetadataUrl"):
        found.append(plain(oauth["oauth2MetadataUrl"]))
    return list(dict.fromkeys(found))
