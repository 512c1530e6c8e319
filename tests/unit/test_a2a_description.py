"""Agent cards as a person reads them, and what is wrong in them."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, strategies as st

from remoteagent_lite.errors import ProtocolError
from remoteagent_lite.protocols.a2a.description import describe, problems
from remoteagent_lite.protocols.a2a.security import wanted

from .test_a2a_card import (
    BASE,
    CARD,
    SCHEMES,
    anything,
    each_real,
    names,
    new,
    old,
    origin,
    real,
)

# For a person ------------------------------------------------------------------------------------


@each_real
def test_real_cards_are_described(name):
    sent = real(name)
    text = describe(sent, origin(sent) + "/.well-known/agent-card.json")
    for part in (sent["name"], sent["version"], "(chosen)", sent["skills"][0]["description"]):
        assert part in text
    assert max(map(len, text.split("\n"))) <= 100


def test_everything_is_described():
    sent = new(
        provider={"organization": "Example", "url": "https://example.com"},
        documentationUrl="https://docs.example",
        signatures=[{"protected": "p", "signature": "s"}],
        securitySchemes={"b": SCHEMES[3][1]},
        securityRequirements=[{"schemes": {"b": {}}}],
    )
    extension = {"uri": "https://ext.example/1", "required": True, "description": "More."}
    sent["capabilities"] = {"streaming": False, "extensions": [extension]}
    sent["supportedInterfaces"].append({"url": "grpc://x", "protocolBinding": "GRPC"})
    sent["supportedInterfaces"].append(
        {"url": "http://0.0.0.0:80/r", "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0"}
    )
    sent["skills"][0].update(
        examples=["say a"], inputModes=["a/in"], outputModes=["a/out"], securityRequirements=[
            {"schemes": {"b": {}}}
        ]
    )  # fmt: skip
    text = describe(sent, CARD)
    assert text.startswith("agent          Echo\n")
    lines = " ".join(text.split())
    for part in (
        "Says it again.",
        "version 1.2",
        "Example, https://example.com",
        "does not stream",
        "a bearer token, JWT (auth_token=...)",
        "https://ext.example/1 (required): More.",
        "https://docs.example",
        "1, not verified",
        "1. JSONRPC 1.0 at https://agent.example/rpc (chosen)",
        "2. HTTP+JSON 1.0 at https://agent.example/r; the card says http://0.0.0.0:80/r",
        "GRPC at grpc://x: unusable, as the binding GRPC is not spoken",
        "tags: test",
        "for example: say a",
        "takes: a/in",
        "gives: a/out",
        "asks for a bearer token",
        "Warnings:",
    ):
        assert part in lines


def test_nothing_from_the_server_steers_the_terminal():
    nasty = "a\x1b[2J\r\x07\u202eb\x9b\n" + "x" * 300
    sent = new(
        name=nasty,
        description=nasty,
        version=nasty,
        provider={"organization": nasty, "url": nasty},
        supportedInterfaces=[
            {"url": nasty, "protocolBinding": nasty, "protocolVersion": nasty},
            {"url": "/" + nasty, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
        ],
        capabilities={"extensions": [{"uri": nasty, "description": nasty, "required": True}]},
        skills=[{nasty: nasty, "id": nasty, "tags": [nasty], "examples": [nasty]}] * 2,
        securityRequirements=[{"schemes": {nasty: {"list": [nasty]}}}],
        defaultInputModes=[nasty],
    )
    text = describe(sent, CARD)
    assert all(each.isprintable() for each in text.replace("\n", ""))
    assert max(map(len, text.split("\n"))) <= 100
    assert all(each.isprintable() for each in wanted(sent))


def test_logins_in_urls_are_not_shown():
    sent = new(supportedInterfaces=[])
    sent["supportedInterfaces"] = [
        {"url": url, "protocolBinding": binding, "protocolVersion": "1.0"}
        for url in ("https://u:secret@agent.example/", "http://u:secret@0.0.0.0/?key=secret")
        for binding in ("JSONRPC", "GRPC")
    ]
    text = describe(sent, "https://u:secret@agent.example/card.json")
    assert "secret" not in text
    assert "has a login in it" in text


MANY = range(100000)


#: Cards with far too much of something, each about as large as a card may be, and what is said.
FLOODS = {
    "skills": (
        lambda: new(skills=[dict(new()["skills"][0], id="s%d" % n) for n in MANY]),
        "and 99,950 more",
    ),
    "bare skills": (
        lambda: new(skills=[{} for _ in MANY]),
        "100000 entries of skills have no name.",
    ),
    "same skills": (
        lambda: new(skills=[{"id": "s%d" % (n // 2)} for n in MANY]),
        "Several skills have the id s0, s1,",
    ),
    "skills without tags": (
        lambda: new(skills=[{"id": "s%d" % n, "tags": []} for n in MANY]),
        "The skill s0, s1, s2, s3, s4, s5, s6, s7, s8, s9 and 99,990 more has",
    ),
    "requirements": (
        lambda: new(securityRequirements=[{"schemes": {"s%d" % n: {}}} for n in MANY]),
        'what it calls "s7" and does not declare',
    ),
    "scopes": (
        lambda: new(
            securitySchemes={"s": {"type": "mutualTLS"}},
            securityRequirements=[{"schemes": {"s": {"list": ["x" for _ in MANY]}}}],
        ),
        "with the scopes x x",
    ),
    "schemes": (
        lambda: new(
            securitySchemes={"s%d" % n: {"type": "http"} for n in MANY},
            skills=[{"id": "s", "security": [{"s1": []}]}] * 1000,
        ),
        "demands none of them",
    ),
    "old interfaces": (
        lambda: old(
            url=None,
            additionalInterfaces=[{"url": "/%d" % n, "transport": "JSONRPC"} for n in MANY],
        ),
        "and 14 more",
    ),
    "extensions": (
        lambda: new(
            capabilities={"extensions": [{"uri": "u:%d" % n, "required": True} for n in MANY]}
        ),
        "and 99,990 more: extensions=",
    ),
    "modes": (
        lambda: new(defaultInputModes=["m%d" % n for n in MANY]),
        'defaultInputModes has "m0", "m1",',
    ),
}


@pytest.mark.parametrize("name", FLOODS)
def test_flood_of_anything_never_makes_a_long_text_or_takes_long(name):
    make, said = FLOODS[name]
    sent = make()
    started = time.thread_time()
    text = describe(sent, CARD)
    # Some seconds of CPU at the most; what is quadratic takes minutes.
    assert time.thread_time() - started < 10
    assert said in " ".join(text.split())
    assert len(text) < 60000


# Warnings ----------------------------------------------------------------------------------------


def interfaces(url, binding="JSONRPC", version="1.0"):
    entry = {"url": url, "protocolBinding": binding, "protocolVersion": version}
    return {"supportedInterfaces": [entry]}


@pytest.mark.parametrize("card", [new(), old()])
def test_nothing_is_wrong_in_a_good_card(card):
    assert problems(card, CARD) == []
    assert "Warnings" not in describe(card, CARD)


@pytest.mark.parametrize(
    "name", ["name", "description", "version", "capabilities", "skills", "defaultInputModes"]
)
def test_missing_fields_are_said(name):
    for card, version in ((new(), "1.0"), (old(), "0.3")):
        del card[name]
        expected = "The field %s is missing, which protocol %s requires." % (name, version)
        assert expected in problems(card, CARD)


@pytest.mark.parametrize(
    ("card", "said"),
    [
        (new(description=" "), "The field description is empty"),
        (new(skills="none"), "The field skills is not a JSON list and is ignored"),
        (new(skills=[]), "It has no skills"),
        (new(skills=[{"id": "a", "name": "A", "tags": ["t"]}]), r"skills \(a\) has no description"),
        (new(skills=[dict(new()["skills"][0], tags=[])]), "skill echo has no tags"),
        (new(skills=new()["skills"] * 2), "Several skills have the id echo"),
        (new(capabilities={}), "does not say whether it streams"),
        (new(provider={"organization": "x"}), "provider has no url"),
        (new(defaultOutputModes=["text"]), 'defaultOutputModes has "text"'),
        (
            new(capabilities={"streaming": True, "extensions": [{"uri": "u:1", "required": True}]}),
            "refuses clients without the extension u:1",
        ),
        (new(capabilities={"streaming": True, "extensions": [{}]}), "extension has no uri"),
        (new(securityRequirements=[{"schemes": {"ghost": {}}}]), '"ghost" and does not declare'),
        (new(securitySchemes={"b": SCHEMES[3][1]}), "declares security schemes and demands none"),
        (
            new(capabilities={"streaming": True, "extendedAgentCard": True}),
            "extended card, but demands no credentials",
        ),
        # Interfaces
        (new(supportedInterfaces=[]), "neither supportedInterfaces nor url"),
        (new(**interfaces("http://0.0.0.0:8001/rpc")), r"0\.0\.0\.0:8001/rpc is not usable"),
        (new(**interfaces("http://localhost/rpc")), "http://localhost/rpc is not usable"),
        (new(**interfaces("https://other.example/")), "another origin.*allow_hosts"),
        (new(**interfaces("http://other.example/")), "cannot be used: it is http.*allow_hosts"),
        (new(**interfaces("http://agent.example:8080/")), "cannot be used: it is http"),
        (new(**interfaces("https://10.0.0.7/")), "not usable as it is .of a private network"),
        (new(**interfaces("/rpc")), "relative"),
        (new(**interfaces(BASE, "SMOKE")), "SMOKE 1.0 at .* cannot be used"),
        (new(**interfaces(BASE, "SMOKE")), "None of its interfaces can be used"),
        (new(**interfaces(BASE, "")), "entry of supportedInterfaces .* has no protocolBinding"),
        (new(**interfaces(BASE, "jsonrpc")), 'binding "jsonrpc" should be "JSONRPC"'),
        (new(**interfaces(BASE, version="2.0")), "protocol 2.0 is not spoken"),
        (new(**interfaces(BASE, version="latest")), 'version "latest" is none'),
        (new(**interfaces(BASE, version="")), "has no protocolVersion"),
        (new(**interfaces(BASE + "/a/v1/message:stream")), "AgentOS's own message:stream"),
        # 0.3
        (old(preferredTransport="jsonrpc"), 'binding "jsonrpc" should be "JSONRPC"'),
        (old(protocolVersion=None), "protocolVersion is missing"),
        (old(protocolVersion="nonsense"), 'version "nonsense" is none'),
        (old(protocolVersion="0.2.5"), "protocol 0.2.5, which is tried as 0.3"),
        (old(url=None), "neither supportedInterfaces nor url"),
        (old(additionalInterfaces=[{"url": BASE}]), "additionalInterfaces .* has no transport"),
        # Both
        (new(url=BASE + "/old"), "url, https://agent.example/old, is none of its"),
        (new(url=BASE + "/rpc"), "no entry of 0.3"),
        (
            new(
                capabilities={"streaming": True, "extendedAgentCard": False},
                supportsAuthenticatedExtendedCard=True,
            ),
            "extendedAgentCard disagree",
        ),
        (
            new(security=[{"a": []}], securityRequirements=[{"schemes": {"b": {}}}]),
            "name different schemes",
        ),
        ("card", "is no agent card"),
    ],
)
def test_what_is_wrong_is_said(card, said):
    found = problems(card, CARD)
    assert re.search(said, "\n".join(found)), found
    if isinstance(card, dict):
        assert "Warnings:" in describe(card, CARD)


def test_credentials_over_http_are_a_warning_elsewhere_than_here():
    card = new(securitySchemes={"b": SCHEMES[3][1]}, securityRequirements=[{"schemes": {"b": {}}}])
    for base, said in (("http://agent.example", True), ("http://127.0.0.1:1", False)):
        card.update(interfaces(base + "/"))
        assert ("over http, where" in " ".join(problems(card, base + "/c.json"))) is said


# Anything at all ---------------------------------------------------------------------------------


@given(anything)
def test_any_json_is_described_or_is_refused(data):
    try:
        text = describe(data, CARD)
    except ProtocolError:
        assert len(problems(data, CARD)) == 1
        return
    assert all(each.isprintable() for each in text.replace("\n", ""))
    assert max(map(len, text.split("\n"))) <= 100
    assert all(each.isprintable() for each in "".join(problems(data, CARD)))


@given(st.dictionaries(names, anything, min_size=3))
def test_any_object_is_described(data):
    assert describe({**data, "name": "x"}, CARD)
