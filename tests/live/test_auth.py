"""Servers that demand a JWT: who may do what, and what the errors say."""

import base64
import hashlib
import hmac
import json
import time
import uuid
from typing import Any, Iterator, List

import pytest

from remoteagent_lite import (
    AgentOSClient,
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
    RemoteAgent,
)
from tests.peers.server import PeerServer

KEY = "a key of at least thirty-two characters"


def jwt(user: str, *scopes: str, expires_in: float = 600) -> str:
    def part(value: bytes) -> bytes:
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    claims = {"sub": user, "scopes": scopes, "exp": int(time.time() + expires_in)}
    head = part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    signed = head + b"." + part(json.dumps(claims).encode())
    digest = hmac.new(KEY.encode(), signed, hashlib.sha256).digest()
    return (signed + b"." + part(digest)).decode()


@pytest.fixture(scope="module")
def guarded() -> Iterator[PeerServer]:
    with PeerServer(jwt_key=KEY) as server:
        yield server


def test_token_with_the_scopes_runs(guarded: PeerServer) -> None:
    user = str(uuid.uuid4())
    token = jwt(user, "agents:read", "agents:run", "sessions:read", "config:read")
    with RemoteAgent(guarded.url, "plain", auth_token=token) as agent:
        assert agent.name == "Plain"
        output = agent.run("hello", user_id="somebody else")
        assert output.status == "COMPLETED"
        assert output.user_id == user  # the token's word counts
        with agent.run("hello", stream=True) as stream:
            assert stream.output().status == "COMPLETED"
        assert agent.db is not None
        assert agent.db.get_sessions(limit=1).data


def test_missing_scope_is_forbidden_by_name(guarded: PeerServer) -> None:
    with RemoteAgent(guarded.url, "plain", auth_token=jwt("u", "agents:read")) as agent:
        assert agent.name == "Plain"
        for stream in (False, True):
            with pytest.raises(PermissionDeniedError, match="agents:run"):
                agent.run("hello", stream=stream)


def test_unknown_agent_is_told_apart_from_a_forbidden_one(guarded: PeerServer) -> None:
    with RemoteAgent(guarded.url, "nobody", auth_token=jwt("u", "agent_os:admin")) as agent:
        with pytest.raises(NotFoundError, match="Agent not found"):
            agent.run("hello")


@pytest.mark.parametrize(
    ("token", "words"),
    [
        (None, "auth_token="),
        ("not.a.jwt", "not accepted"),
        (jwt("u", "agent_os:admin", expires_in=-60), "expired"),
        (jwt("u", "agent_os:admin")[:-6] + "AAAAAA", "not accepted"),
    ],
    ids=["none", "garbage", "expired", "forged"],
)
def test_token_that_is_not_accepted(guarded: PeerServer, token: Any, words: str) -> None:
    with RemoteAgent(guarded.url, "plain", auth_token=token) as agent:
        with pytest.raises(AuthenticationError, match=words) as caught:
            agent.run("hello")
        if token:
            assert token not in str(caught.value) + repr(vars(caught.value))
    with AgentOSClient(guarded.url, auth_token=token) as client:
        with pytest.raises(AuthenticationError):
            client.get_config()
        assert client.info().auth_mode == "jwt"


def test_token_is_asked_for_anew_with_every_request(guarded: PeerServer) -> None:
    tokens: List[str] = []

    def fresh() -> str:
        tokens.append(jwt("u%d" % len(tokens), "agents:run"))
        return tokens[-1]

    with RemoteAgent(guarded.url, "plain", auth_token=fresh) as agent:
        assert [agent.run("hello").user_id for _ in range(2)] == ["u0", "u1"]


def test_failing_token_function_is_not_hidden(guarded: PeerServer) -> None:
    def broken() -> str:
        raise LookupError("no vault")

    with RemoteAgent(guarded.url, "plain", auth_token=broken) as agent:
        with pytest.raises(LookupError, match="no vault"):
            agent.run("hello")
    with RemoteAgent(guarded.url, "plain", auth_token=lambda: "a\nb") as agent:
        with pytest.raises(ValueError, match="line break") as caught:
            agent.run("hello")
        assert "a\nb" not in str(caught.value)
