"""The gateway's door: who is let in, to do what, how much of it, and from which pages."""

import json
import time
from typing import Any, Dict, List

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from remoteagent_lite.gateway import JWT, Gateway, Keys
from remoteagent_lite.gateway.scopes import Need, may, may_see, need_of
from remoteagent_lite.http.multipart import read_form, with_field
from tests.gateways import call, opened
from tests.peers.a2a_crafted import DONE, Agent, card, interface, result
from tests.peers.faults import RawServer, stream
from tests.unit.test_gateway import FORM, FRAME, Fronting, agent, an_os, as_json, fronting, run
from tests.unit.test_gateway_a2a import MULTIPART, RUN, a2a, form

__all__ = ["fronting"]

SECRET = "a-secret-of-more-than-sixty-four-bytes, as the longer hashes want them"
OTHER = "another-secret-of-more-than-32-bytes!!"
ADMIN = ["agent_os:admin"]


def token(scopes: Any = None, key: Any = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    claims.setdefault("exp", time.time() + 60)
    claims.setdefault("sub", "ann")
    if scopes is not None:
        claims["scopes"] = scopes
    named = {name: value for name, value in claims.items() if value is not None}
    return "Bearer " + jwt.encode(named, key, algorithm=algorithm)


def sent(authorization: str) -> Dict[str, str]:
    return {**FORM, "Authorization": authorization}


# --- Keys


def test_keys_are_asked_for_everywhere_but_where_an_agentos_is_open(fronting: Fronting) -> None:
    with RawServer(as_json({"detail": "fine"})) as server:
        keys = Keys("first-key", "second-k\u00e9y")
        app = fronting(agent(server, auth_token="the-servers"), auth=keys)
        for path in ("/", "/health", "/info"):
            assert call(app, "GET", path).status == 200
        assert call(app, "GET", "/info").json()["auth_mode"] == "security_key"
        for path in ("/config", "/agents", "/agents/a", "/sessions", "/nothing"):
            missing = call(app, "GET", path)
            assert (missing.status, missing.detail) == (401, "Authorization header required")
            for wrong in ("Bearer first-ke", "Bearer ", "first-key2", "Basic first-key", "\xff"):
                answer = call(app, "GET", path, headers=sent(wrong))
                assert (answer.status, answer.detail) == (401, "Invalid authentication token")
        assert not server.requests
        utf_8 = "second-k\u00e9y".encode().decode("latin-1")
        for right in ("Bearer first-key", "bearer first-key", "first-key", "Bearer second-k\xe9y"):
            assert call(app, "GET", "/agents/a", headers=sent(right)).status == 200
        assert call(app, "GET", "/agents/a", headers=sent(utf_8)).status == 401
        for request in server.requests:  # the key to this door goes no further
            assert request.headers["authorization"] == "Bearer the-servers"
        assert "first" not in repr(keys) + repr(vars(keys)) + repr(app)


def test_keys_are_passed_on_where_that_is_wanted(fronting: Fronting) -> None:
    with RawServer(as_json({})) as server:
        app = fronting(agent(server), auth=Keys("shared"), upstream_auth="forward")
        call(app, "GET", "/agents/a", headers=sent("Bearer shared"))
        assert server.requests[0].headers["authorization"] == "Bearer shared"


@pytest.mark.parametrize("keys", [(), ("",), (" ",), ("a", None)])
def test_a_door_without_a_lock_is_none(keys: Any) -> None:
    with pytest.raises(ValueError, match="at least one key"):
        Keys(*keys)


# --- Tokens


def test_a_token_that_is_good_opens(fronting: Fronting) -> None:
    with RawServer(as_json({})) as server:
        app = fronting(agent(server), auth=JWT([OTHER, SECRET], ["HS256"]))
        assert call(app, "GET", "/info").json()["auth_mode"] == "jwt"
        good = token(ADMIN)
        assert call(app, "GET", "/agents/a", headers=sent(good)).status == 200
        assert server.requests[0].headers["authorization"] == good
        assert SECRET not in repr(app._auth)


def ours(**claims: Any) -> str:
    return token(ADMIN, **{"aud": "mine", "iss": "us", **claims})


@pytest.mark.parametrize(
    ("authorization", "detail"),
    [
        (lambda: "", "Authorization header missing"),
        (lambda: ours(exp=time.time() - 30), "Token has expired"),
        (lambda: ours(exp=None), 'Invalid token: Token is missing the "exp" claim'),
        (lambda: ours(nbf=time.time() + 600), "Invalid token: The token is not yet valid"),
        (lambda: ours(key=OTHER), "Invalid token: its signature is wrong"),
        (lambda: ours()[:-9] + "wrong-wro", "Invalid token: its signature is wrong"),
        (lambda: ours(algorithm="HS512"), "Invalid token: The specified alg"),
        (lambda: ours(key=None, algorithm="none"), "Invalid token: The specified alg"),
        (lambda: ours(aud="elsewhere"), "Invalid token audience"),
        (lambda: ours(aud=None), 'Invalid token: Token is missing the "aud" claim'),
        (lambda: ours(iss="nobody"), "Invalid token: Invalid issuer"),
        (lambda: "Bearer rubbish-rubbish", "Invalid token: Not enough segments"),
        (lambda: "Bearer a.b.c", "Invalid token: "),
        (lambda: "Bearer \xff\xfe.\xe9.\xe9", "Invalid token: "),
        (lambda: "Bearer ", "Invalid token: "),
    ],
)
def test_a_token_that_is_not_good_is_refused_with_the_reason(
    fronting: Fronting, authorization: Any, detail: str
) -> None:
    door = JWT([SECRET], ["HS256"], audience=["mine"], issuer="us")
    app = fronting(agent("http://127.0.0.1:1"), auth=door)
    assert call(app, "GET", "/teams", headers=sent(ours())).status == 200
    given = authorization()
    answer = call(app, "GET", "/teams", headers=sent(given))
    assert answer.status == 401
    assert answer.detail.startswith(detail), answer.detail
    assert len(given) < 20 or given[7:] not in answer.body.decode()


def test_leeway_audience_and_public_keys(fronting: Fronting) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(private.public_key()))
    late = time.time() - 5
    for key in (pem, pem.decode(), jwk):
        door = JWT([key], ["RS256"], audience="mine", leeway=30)
        app = fronting(agent("http://127.0.0.1:1"), auth=door)
        good = token(ADMIN, private, "RS256", aud=["theirs", "mine"], exp=late)
        assert call(app, "GET", "/teams", headers=sent(good)).status == 200
    # What is signed by a secret that everybody knows is signed by nobody.
    forged = token(ADMIN, "x" * 40, "HS256", aud="mine")
    assert call(app, "GET", "/teams", headers=sent(forged)).status == 401


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([], ["HS256"]), "at least one key"),
        ((SECRET, ["HS256"]), "a list of at least one"),
        (([SECRET, ""], ["HS256"]), "none of them empty"),
        (([SECRET], "HS256"), "a list"),
        (([SECRET], []), "a list"),
        (([SECRET], ["HS256", "None"]), "'none' is none"),
        (([SECRET], ["HS257"]), "not known: HS257"),
    ],
)
def test_a_door_that_anybody_could_open_is_not_made(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        JWT(*arguments)


def test_without_pyjwt_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "jwt", None)
    with pytest.raises(ImportError, match=r"remoteagent-lite\[jwt\]"):
        JWT([SECRET], ["HS256"])


# --- Scopes


@pytest.mark.parametrize(
    ("method", "path", "need"),
    [
        ("GET", "config", Need("config", "read")),
        ("GET", "agents/a", Need("agents", "read", "a")),
        ("POST", "agents/a/runs", Need("agents", "run", "a")),
        ("POST", "teams/t/runs/r/continue", Need("teams", "run", "t")),
        ("POST", "workflows/w/runs/r/resume", Need("workflows", "run", "w")),
        ("GET", "workflows/w/runs/r", Need("workflows", "read", "w")),
        ("PATCH", "agents/a", Need("agents", "write", "a")),
        ("DELETE", "agents/a", Need("agents", "delete", "a")),
        ("POST", "sessions/s/rename", Need("sessions", "write")),
        ("DELETE", "sessions", Need("sessions", "delete")),
        ("GET", "memory_topics", Need("memories", "read")),
        ("POST", "knowledge/search", Need("knowledge", "read")),
        ("POST", "knowledge/content", Need("knowledge", "write")),
        ("POST", "traces/search", Need("traces", "read")),
        ("PATCH", "eval-runs/e", Need("evals", "write")),
        ("POST", "databases/all/migrate", Need("config", "write")),
        ("POST", "components/c/restore", Need("components", "delete")),
        ("GET", "nothing", Need("nothing", "read")),
    ],
)
def test_what_a_request_takes(method: str, path: str, need: Need) -> None:
    assert need_of(method, path.split("/")) == need


@pytest.mark.parametrize(
    ("scopes", "resource", "action", "id", "allowed"),
    [
        (["agent_os:admin"], "sessions", "delete", None, True),
        (["agents:run"], "agents", "run", "a", True),
        (["agents:*:run"], "agents", "run", "a", True),
        (["agents:a:run"], "agents", "run", "a", True),
        (["agents:a:b:run"], "agents", "run", "a:b", True),
        (["agents:b:run", "agents:a:read"], "agents", "run", "a", False),
        (["teams:run"], "agents", "run", "a", False),
        (["system:read"], "config", "read", None, True),
        (["sessions:s:read"], "sessions", "read", None, False),
        (["sessions"], "sessions", "read", None, False),
        ([":run", "agents:", "agents::run"], "agents", "read", "a", False),
        ([], "agents", "run", "a", False),
    ],
)
def test_what_a_scope_allows(
    scopes: List[str], resource: str, action: str, id: Any, allowed: bool
) -> None:
    assert may(scopes, Need(resource, action, id)) == allowed


def test_a_component_is_seen_by_those_who_may_read_or_run_it() -> None:
    assert may_see(["agents:a:run"], "agents", "a")
    assert may_see(["agents:a:read"], "agents", "a")
    assert not may_see(["agents:b:read", "agents:a:write"], "agents", "a")


def test_scopes_decide_what_is_passed_on_and_what_is_listed(fronting: Fronting) -> None:
    with an_os("a", "b", databases=["d1"]) as server:
        door = JWT([SECRET], ["HS256"])
        app = fronting(agent(server), agent(server, "b"), auth=door)
        only_a = token(["agents:a:run", "config:read"])
        rows = call(app, "GET", "/agents", headers=sent(only_a)).json()
        assert [row["id"] for row in rows] == ["a"]
        config = call(app, "GET", "/config", headers=sent(only_a)).json()
        assert [row["id"] for row in config["agents"]] == ["a"]
        seen = len(server.requests)
        for method, path, need in (
            ("POST", "/agents/b/runs", "agents:run"),
            ("GET", "/agents/a", "agents:read"),
            ("GET", "/agents/unknown", "agents:read"),
            ("GET", "/sessions", "sessions:read"),
        ):
            answer = call(app, method, path, headers=sent(only_a))
            assert answer.status == 403
            assert answer.detail == "Insufficient permissions. Required scope(s): " + need
        nothing = call(app, "GET", "/agents", headers=sent(token(["sessions:read"])))
        assert (nothing.status, nothing.detail[-11:]) == (403, "agents:read")
        assert len(server.requests) == seen
        # A string of scopes, as OAuth has them, is as good.
        assert call(app, "GET", "/sessions", headers=sent(token("x sessions:read"))).status == 200
        for odd in (7, {"agents:run": 1}, [7]):
            assert call(app, "GET", "/sessions", headers=sent(token(odd))).status == 403
        free = fronting(agent(server), auth=JWT([SECRET], ["HS256"], scopes=False))
        assert call(free, "GET", "/sessions", headers=sent(token(sub=None))).status == 200


# --- Who it is


def test_the_user_is_the_tokens_whatever_the_form_says(fronting: Fronting) -> None:
    with RawServer(as_json({})) as server, Agent(
        card(interface()), SendMessage=result({"task": DONE})
    ) as painter:
        door = JWT([SECRET], ["HS256"])
        app = fronting(
            agent(server, auth_token="own"), a2a(painter), auth=door, upstream_auth="own"
        )
        headers = sent(token(ADMIN))
        said = b"message=a%20b&user_id=bob&x=1&user%5Fid=bob&x=2"
        assert call(app, "POST", "/agents/a/runs", said, headers).status == 200
        assert server.requests[0].body == b"message=a%20b&x=1&x=2&user_id=ann"
        png = b"\r\n\r\n\x89PNG\0"
        body = form(user_id="bob", message="hi", files=("a.png", "image/png", png))
        multipart = {**MULTIPART, "Authorization": headers["Authorization"]}
        assert call(app, "POST", "/agents/a/runs/r/continue", body, multipart).status == 200
        fields, (file,) = read_form(MULTIPART["Content-Type"], server.requests[1].body)
        assert fields == {"message": "hi", "user_id": "ann"}
        assert (file.content, file.filename) == (png, "a.png")
        call(app, "POST", "/agents/a/runs/r/cancel", b"", headers)
        call(app, "POST", "/agents/a/runs/r/resume", b"last_event_index=3", headers)
        assert server.requests[-1].body == b"last_event_index=3"
        call(app, "POST", "/agents/painter/runs", RUN + b"&user_id=bob", headers)
        assert painter.params["message"]["metadata"] == {"userId": "ann"}
        wrong = call(app, "POST", "/agents/a/runs", b"{}", {**headers, "Content-Type": "x/json"})
        assert wrong.status == 422


def test_a_form_with_another_field_is_otherwise_what_it_was() -> None:
    assert with_field(FORM["Content-Type"], b"", "u", "\u00e9 &") == b"u=%C3%A9+%26"
    untouched = b"a=%zz&b&=c&u=1"
    assert with_field(FORM["Content-Type"], untouched, "u", "2") == b"a=%zz&b&=c&u=2"
    body = (
        b'preamble\r\n--bound  \r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--bound--'
    )
    whole = with_field(MULTIPART["Content-Type"], body, "u", "\u00e9")
    assert read_form(MULTIPART["Content-Type"], whole) == ({"a": "1", "u": "\u00e9"}, [])


# --- How much


def test_a_caller_has_so_many_runs_under_way_and_no_more(fronting: Fronting) -> None:
    with RawServer(stream([FRAME])) as server:
        door = JWT([SECRET], ["HS256"])
        app = fronting(agent(server), auth=door, runs_per_caller=2)

        def begun(**claims: Any) -> opened:
            authorization = {"HTTP_AUTHORIZATION": token(ADMIN, **claims)}
            return opened(app, {**run(), **authorization})

        with begun() as first, begun(iat=1):
            assert first.status == 200
            with begun(iat=2) as third:  # of the same user, by another token
                assert third.status == 429
                assert third.headers["retry-after"] == "1"
                assert b"2 runs under way" in third.rest()
            with begun(sub="bob") as other:
                assert other.status == 200
            headers = sent(token(ADMIN))
            assert call(app, "GET", "/agents/a", headers=headers).status == 200  # is none
        with begun() as again, begun():
            assert again.status == 200
    # Those that fail, and those that are answered at once, are over.
    app = fronting(agent("http://127.0.0.1:1"), runs_per_caller=1)
    for _ in range(3):
        assert call(app, "POST", "/agents/a/runs", b"message=x", FORM).status == 503
        assert call(app, "POST", "/agents/nobody/runs", b"message=x", FORM).status == 404
    with pytest.raises(ValueError, match="runs_per_caller"):
        Gateway(agent("http://127.0.0.1:1"), runs_per_caller=0)


def test_callers_without_a_token_are_told_apart_by_their_address(fronting: Fronting) -> None:
    with RawServer(stream([FRAME])) as server:
        app = fronting(agent(server), runs_per_caller=1)
        with opened(app, run()), opened(app, run()) as second:
            assert second.status == 429
            with opened(app, {**run(), "REMOTE_ADDR": "192.0.2.2"}) as elsewhere:
                assert elsewhere.status == 200


def test_headers_that_are_too_long_are_refused(fronting: Fronting) -> None:
    app = fronting(agent("http://127.0.0.1:1"), header_limit=1000)
    assert call(app, "GET", "/health", headers={"X-A": "y" * 1001}).status == 431
    assert call(app, "GET", "/health", headers={"X-A": "y" * 900}).status == 200


# --- From where


def test_no_page_may_call_unless_it_is_named(fronting: Fronting) -> None:
    page = {"Origin": "https://app.example"}
    asks = {**page, "Access-Control-Request-Method": "POST"}
    closed = fronting(agent("http://127.0.0.1:1"))
    assert call(closed, "OPTIONS", "/agents", headers=asks).status == 405
    assert "access-control-allow-origin" not in call(closed, "GET", "/health", headers=page).headers

    app = fronting(agent("http://127.0.0.1:1"), cors=["https://app.example"], auth=Keys("k"))
    asks["Access-Control-Request-Headers"] = "authorization, content-type, \r\nx: y"
    allowed = call(app, "OPTIONS", "/agents/a/runs", headers=asks)
    assert allowed.status == 200
    assert allowed.headers["access-control-allow-origin"] == "https://app.example"
    assert allowed.headers["access-control-allow-headers"] == "authorization, content-type"
    assert "POST" in allowed.headers["access-control-allow-methods"]
    refused = call(app, "GET", "/agents", headers=page)  # the page is to see why
    assert refused.status == 401
    assert refused.headers["access-control-allow-origin"] == "https://app.example"
    for other in ("https://app.example.evil", "http://app.example", "null", "a\r\nX: y"):
        answer = call(app, "GET", "/health", headers={"Origin": other})
        assert "access-control-allow-origin" not in answer.headers
        assert answer.headers["vary"] == "Origin"
        asked = call(app, "OPTIONS", "/", headers={**asks, "Origin": other})
        assert (asked.status, asked.detail) == (400, "Disallowed CORS origin")
    everyone = fronting(agent("http://127.0.0.1:1"), cors=["*"])
    answer = call(everyone, "GET", "/health", headers=page)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    for wrong in ("app.example", "https://app.example/"):
        with pytest.raises(ValueError, match="no origin"):
            Gateway(agent("http://127.0.0.1:1"), cors=[wrong])
    with pytest.raises(TypeError, match="list of origins"):
        Gateway(agent("http://127.0.0.1:1"), cors="*")
