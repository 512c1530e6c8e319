"""Agent cards of both versions, and the credentials that they ask for."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from remoteagent_lite.errors import ProtocolError
from remoteagent_lite.models.a2a_v10 import AgentCard
from remoteagent_lite.protocols.a2a.card import card_urls, plain, read_card
from remoteagent_lite.protocols.a2a.interface import AGNO, JSONRPC, REST
from remoteagent_lite.protocols.a2a.negotiation import candidates
from remoteagent_lite.protocols.a2a.security import wanted

BASE = "https://agent.example"
CARD = BASE + "/.well-known/agent-card.json"
FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "a2a-cards"

#: Cards as real servers sent them, and how they are to be spoken to.
REAL = {
    "a2a-sdk-1.3.0": [(JSONRPC, "1.0"), (JSONRPC, "0.3"), (REST, "1.0"), (REST, "0.3")],
    "a2a-sdk-1.3.0-secured": [(JSONRPC, "1.0"), (JSONRPC, "0.3"), (REST, "1.0"), (REST, "0.3")],
    "a2a-sdk-0.3.26": [(JSONRPC, "0.3"), (REST, "0.3")],
    "a2a-sdk-0.3.26-secured": [(JSONRPC, "0.3"), (REST, "0.3")],
    "google-adk-2.13.0": [(JSONRPC, "1.0")],
    "agentos-3.1.10-agent": [(AGNO, "0.3")],
    "agentos-3.1.10-workflow": [(AGNO, "0.3")],
}
each_real = pytest.mark.parametrize("name", sorted(REAL))


def real(name):
    return json.loads((FIXTURES / (name + ".json")).read_text(encoding="utf-8"))


def origin(card):
    urls = [each["url"] for each in card.get("supportedInterfaces") or [card]]
    return "/".join(urls[0].split("/")[:3])


def new(**fields):
    """A card of 1.0 in which nothing is wrong."""
    return {
        "name": "Echo",
        "description": "Says it again.",
        "version": "1.2",
        "supportedInterfaces": [
            {"url": BASE + "/rpc", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}
        ],
        "capabilities": {"streaming": True},
        "defaultInputModes": ["text/plain"],
        "defaultOutputModes": ["text/plain"],
        "skills": [{"id": "echo", "name": "Echo", "description": "Says it.", "tags": ["test"]}],
        **fields,
    }


def old(**fields):
    """A card of 0.3 in which nothing is wrong."""
    card = new(url=BASE + "/rpc", preferredTransport="JSONRPC", protocolVersion="0.3.0")
    del card["supportedInterfaces"]
    return {**card, **fields}


# Where it is -------------------------------------------------------------------------------------


@pytest.mark.parametrize("base", [BASE + "/a2a/agents/x", BASE + "/a2a/agents/x/"])
def test_card_is_at_one_of_two_places(base):
    assert card_urls(base) == [
        BASE + "/a2a/agents/x/.well-known/agent-card.json",
        BASE + "/a2a/agents/x/.well-known/agent.json",
    ]


def test_url_of_a_card_is_used_as_it_is():
    assert card_urls(BASE + "/cards/7.json") == [BASE + "/cards/7.json"]


# Reading -----------------------------------------------------------------------------------------


@each_real
def test_real_cards_are_read(name):
    sent = real(name)
    before = copy.deepcopy(sent)
    card = read_card(sent, CARD)
    assert sent == before
    typed = AgentCard.from_dict(card)
    assert typed.name == sent["name"]
    assert typed.capabilities.streaming is bool(sent["capabilities"]["streaming"])
    assert typed.supported_interfaces[0].protocol_binding == "JSONRPC"
    assert [each.id for each in typed.skills] == [each["id"] for each in sent["skills"]]


@each_real
def test_real_cards_are_negotiated(name):
    sent = real(name)
    found = candidates(sent, origin(sent) + "/.well-known/agent-card.json")
    assert [(each.binding, each.version) for each in found] == REAL[name]
    assert {"/".join(each.url.split("/")[:3]) for each in found} == {origin(sent)}


def test_fields_of_0_3_are_translated_and_kept():
    sent = old(
        additionalInterfaces=[
            {"url": BASE + "/rpc", "transport": "JSONRPC"},
            {"url": BASE + "/rest", "transport": "HTTP+JSON"},
        ],
        supportsAuthenticatedExtendedCard=True,
        security=[{"bearer": ["read"], "key": []}, {}],
        securitySchemes={
            "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            "oauth": {"type": "oauth2", "flows": {"password": {"tokenUrl": "/token"}}},
            "oidc": {"type": "openIdConnect", "openIdConnectUrl": "/oidc"},
            "cert": {"type": "mutualTLS", "description": "Ours."},
        },
        ours={"kept": 1},
    )
    sent["skills"][0]["security"] = [{"bearer": []}]
    card = read_card(sent, CARD)
    assert card["supportedInterfaces"] == [
        {"url": BASE + path, "protocolBinding": binding, "protocolVersion": "0.3.0"}
        for path, binding in (("/rpc", "JSONRPC"), ("/rest", "HTTP+JSON"))
    ]
    assert card["capabilities"] == {"streaming": True, "extendedAgentCard": True}
    assert card["securityRequirements"] == [
        {"schemes": {"bearer": {"list": ["read"]}, "key": {"list": []}}},
        {"schemes": {}},
    ]
    assert card["skills"][0]["securityRequirements"] == [{"schemes": {"bearer": {"list": []}}}]
    typed = AgentCard.from_dict(card).security_schemes
    assert typed["bearer"].http_auth_security_scheme.scheme == "bearer"
    assert typed["bearer"].http_auth_security_scheme.bearer_format == "JWT"
    assert typed["key"].api_key_security_scheme.location == "header"
    assert card["securitySchemes"]["key"]["apiKeySecurityScheme"] == {
        "location": "header",
        "name": "X-API-Key",
    }
    assert typed["oauth"].oauth2_security_scheme.flows.password.token_url == "/token"
    assert typed["oidc"].open_id_connect_security_scheme.open_id_connect_url == "/oidc"
    assert typed["cert"].mtls_security_scheme.description == "Ours."
    for name in ("url", "preferredTransport", "protocolVersion", "security", "ours"):
        assert card[name] == sent[name]
    assert card["securitySchemes"]["key"]["in"] == "header"


def test_hybrid_card_keeps_its_fields_of_1_0():
    sent = real("a2a-sdk-1.3.0-secured")
    card = read_card(sent, CARD)
    assert card == sent
    assert card is not sent


def test_nulls_are_absent():
    card = read_card(real("agentos-3.1.10-agent"), CARD)
    assert "null" not in json.dumps(card)


def test_fields_of_the_wrong_type_are_left_out():
    sent = new(capabilities="all", skills={"a": 1}, securitySchemes=[], documentationUrl=7)
    card = read_card(dict(sent, signatures=[1, {"signature": "s"}]), CARD)
    assert card["capabilities"] == {}
    assert card["signatures"] == [{"signature": "s"}]
    assert not {"skills", "securitySchemes", "documentationUrl"} & set(card)
    assert read_card(new(capabilities={"streaming": "yes"}), CARD)["capabilities"] == {}


def test_name_alone_is_a_card():
    assert read_card({"name": "x"}, CARD)["supportedInterfaces"] == []


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ([new()], "a JSON list"),
        (None, "a JSON NoneType"),
        ("card", "a JSON str"),
        ({}, "an empty object"),
        ({"detail": "Not Found"}, "an object with detail"),
        ({"name": "", "error": 1}, "an object with name, error"),
    ],
)
def test_what_cannot_be_a_card_is_refused(data, found):
    with pytest.raises(ProtocolError, match=found) as caught:
        read_card(data, BASE + "/card.json?key=secret")
    assert caught.value.url == BASE + "/card.json"
    assert "base_url" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_bottomless_card_is_refused():
    deep = new()
    inner = deep
    for _ in range(20000):
        inner["x"] = inner = {}
    with pytest.raises(ProtocolError, match="nested"):
        read_card(deep, CARD)


def test_plain_text_is_one_short_line():
    assert plain("a\n\tb\x00c \ud800") == "a b c"
    assert plain("x" * 20, 5) == "xxxxx..."
    assert (plain(7), plain([1])) == ("7", "(a JSON list)")


# Credentials -------------------------------------------------------------------------------------

FLOWS = {
    "clientCredentials": {"tokenUrl": "https://id.example/token", "scopes": {}},
    "implicit": {"authorizationUrl": "https://id.example/login"},
}

#: A scheme of 0.3, the same of 1.0, and what is said of it.
SCHEMES = [
    (
        {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        {"apiKeySecurityScheme": {"location": "header", "name": "X-API-Key"}},
        'an API key in the header X-API-Key (headers={"X-API-Key": ...})',
    ),
    (
        {"type": "apiKey", "in": "cookie", "name": "sid"},
        {"apiKeySecurityScheme": {"location": "cookie", "name": "sid"}},
        'an API key in the cookie sid (headers={"Cookie": "sid=..."})',
    ),
    (
        {"type": "apiKey", "in": "query", "name": "key"},
        {"apiKeySecurityScheme": {"location": "query", "name": "key"}},
        "an API key in the query parameter key, which this library cannot send",
    ),
    (
        {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        {"httpAuthSecurityScheme": {"scheme": "Bearer", "bearerFormat": "JWT"}},
        "a bearer token, JWT (auth_token=...)",
    ),
    (
        {"type": "http", "scheme": "basic"},
        {"httpAuthSecurityScheme": {"scheme": "Basic"}},
        "a user name and password (base_url=https://user:password@host)",
    ),
    (
        {"type": "http", "scheme": "Digest"},
        {"httpAuthSecurityScheme": {"scheme": "Digest"}},
        'HTTP authentication by Digest (headers={"Authorization": ...})',
    ),
    (
        {"type": "oauth2", "flows": FLOWS},
        {"oauth2SecurityScheme": {"flows": FLOWS}},
        "an OAuth 2 access token from https://id.example/token, https://id.example/login "
        "(auth_token=...)",
    ),
    (
        {"type": "openIdConnect", "openIdConnectUrl": "https://id.example/oidc"},
        {"openIdConnectSecurityScheme": {"openIdConnectUrl": "https://id.example/oidc"}},
        "an OpenID Connect token, by https://id.example/oidc (auth_token=...)",
    ),
    (
        {"type": "mutualTLS"},
        {"mtlsSecurityScheme": {}},
        "a client certificate (cert=...)",
    ),
    (
        {"type": "smoke"},
        {"smokeSecurityScheme": {}},
        'the security scheme "s", which is of no known type',
    ),
]


def secured(*requirements, **schemes):
    """Cards of both versions that demand the same."""
    named = [{name: {"list": each[name]} for name in each} for each in requirements]
    return (
        old(security=list(requirements), securitySchemes=schemes),
        new(securityRequirements=[{"schemes": each} for each in named], securitySchemes=schemes),
    )


@pytest.mark.parametrize(("before", "now", "said"), SCHEMES)
def test_schemes_are_said(before, now, said):
    for scheme in (before, now, {**before, **now}):
        for sent in secured({"s": []}, s=scheme):
            assert wanted(sent) == wanted(read_card(sent, CARD)) == said


def test_all_schemes_of_one_requirement_are_needed():
    bearer, key = SCHEMES[3][0], SCHEMES[0][0]
    for card in secured({"b": ["read", "write"], "k": []}, {"k": []}, b=bearer, k=key):
        assert wanted(card) == "%s with the scopes read write and %s, or %s" % (
            SCHEMES[3][2], SCHEMES[0][2], SCHEMES[0][2]
        )  # fmt: skip


def test_alternatives_are_joined_with_or():
    for card in secured({"b": []}, {"k": []}, b=SCHEMES[3][0], k=SCHEMES[0][0]):
        assert wanted(card) == "%s or %s" % (SCHEMES[3][2], SCHEMES[0][2])


def test_undeclared_scheme_is_said():
    for card in secured({"ghost": []}):
        assert wanted(card) == 'what it calls "ghost" and does not declare'


@pytest.mark.parametrize(
    "card", [new(), old(), new(securityRequirements=[]), *secured({"b": []}, {})]
)
def test_nothing_may_be_needed(card):
    assert wanted(card) == ""


def test_scheme_may_be_called_schemes():
    card = old(security=[{"schemes": []}], securitySchemes={"schemes": SCHEMES[3][0]})
    assert wanted(card) == SCHEMES[3][2]


# Anything at all ---------------------------------------------------------------------------------

names = st.sampled_from(
    [
        *("name", "description", "version", "url", "skills", "id", "tags", "examples", "uri"),
        *("supportedInterfaces", "protocolBinding", "protocolVersion", "preferredTransport"),
        *("additionalInterfaces", "transport", "capabilities", "extensions", "required"),
        *("security", "securitySchemes", "securityRequirements", "schemes", "type", "list"),
        *("apiKeySecurityScheme", "httpAuthSecurityScheme", "oauth2SecurityScheme", "flows"),
        *("provider", "organization", "signatures", "defaultInputModes", "scheme", "location"),
        *("supportsAuthenticatedExtendedCard", "extendedAgentCard", "streaming", "tenant"),
    ]
)
words = st.sampled_from(
    ["JSONRPC", "HTTP+JSON", "1.0", "0.3.0", "apiKey", "http", "/", BASE, "http://0.0.0.0:1"]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | words | st.text(max_size=9)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=8),
    max_leaves=30,
)


@given(anything)
def test_any_json_is_a_card_or_is_refused(data):
    before = repr(data)
    try:
        card = read_card(data, CARD)
    except ProtocolError:
        return
    finally:
        assert repr(data) == before
    assert AgentCard.from_dict(card).to_dict() == card
    assert all(each.isprintable() for each in wanted(data) + wanted(card))
