"""Cards that the official SDKs sign, and keys behind a URL, on real servers."""

import contextlib
import json
from typing import Any, Dict, Iterator, List

import pytest

from remoteagent_lite import A2AClient, CardVerificationError, RemoteAgent, cli
from remoteagent_lite.signatures import ALGORITHMS, CardVerifier
from remoteagent_lite.testing import serve
from tests.peers.server import A2A_SDK_03_SIGNING, A2A_SDK_SIGNING, PeerServer
from tests.peers.signing import CARD, OLD_CARD, SigningKey, new_key, sign

KEY = new_key("ES256", "2026-01")
OTHER = new_key("ES256", "2025-12")


def header(key: SigningKey, **more: Any) -> Dict[str, Any]:
    return {"alg": key.algorithm, "kid": key.jwk["kid"], "typ": "JOSE", **more}


@pytest.mark.parametrize(
    ("peer", "card"), [(A2A_SDK_SIGNING, CARD), (A2A_SDK_03_SIGNING, OLD_CARD)]
)
def test_whatever_an_sdk_signs_passes_and_nothing_else(peer: str, card: Dict[str, Any]) -> None:
    keys = [new_key(algorithm) for algorithm in ALGORITHMS]
    jobs = [{"card": card, "key": key.pem, "header": header(key)} for key in keys]
    for key, signed in zip(keys, sign(peer, jobs)):
        for given in (key.jwk, key.public_pem):
            CardVerifier(given)(None, signed)
        with pytest.raises(CardVerificationError):
            CardVerifier(new_key(key.algorithm).public_pem)(None, signed)
        for change in ({"name": "Other"}, {"version": "2"}, {"documentationUrl": "https://x"}):
            with pytest.raises(CardVerificationError):
                CardVerifier(key.jwk)(None, {**signed, **change})


class Keys:
    """A web server with a set of keys; it counts how often it is asked."""

    def __init__(self, *keys: Dict[str, Any]) -> None:
        self.keys = list(keys)
        self.asked: List[str] = []
        self.url = ""

    def app(self, environ: Dict[str, Any], start_response: Any) -> List[bytes]:
        self.asked.append(environ.get("HTTP_AUTHORIZATION", ""))
        start_response("200 OK", [("Content-Type", "application/jwk-set+json"), ("ETag", '"1"')])
        return [json.dumps({"keys": self.keys}).encode()]


@contextlib.contextmanager
def served(keys: Keys) -> Iterator[Keys]:
    with serve(keys.app) as url:
        keys.url = url + "/.well-known/jwks.json"
        yield keys


@contextlib.contextmanager
def signed_peer(**more: str) -> Iterator[PeerServer]:
    signing = {"key": KEY.pem, "header": header(KEY)}
    with PeerServer(A2A_SDK_SIGNING, env={"PEER_SIGNING": json.dumps(signing), **more}) as peer:
        yield peer


@pytest.fixture(scope="module")
def peer() -> Iterator[PeerServer]:
    with signed_peer() as server:
        yield server


def test_agent_runs_when_its_card_is_signed(peer: PeerServer) -> None:
    with served(Keys(OTHER.jwk, KEY.jwk)) as keys:
        verifier = CardVerifier(keys.url)
        settings: Any = {"protocol": "a2a", "verify_card": verifier, "config_ttl": 0}
        with RemoteAgent(peer.url, "echo", auth_token="secret", **settings) as agent:
            assert agent.run("hello").content == "echo: hello"
            with agent.run("chunks 3", stream=True) as stream:
                assert "".join(stream.text()) == "w0 w1 w2 "
            assert agent.name == "Echo"
        with A2AClient(peer.url, verify_card=verifier) as client:
            assert [each.id for each in client.get_extended_card().skills] == ["echo", "secret"]
        assert keys.asked == [""]
        verifier.close()


def test_agent_is_sent_nothing_when_nobody_known_has_signed_its_card(peer: PeerServer) -> None:
    with served(Keys(OTHER.jwk)) as keys:
        verifier = CardVerifier(keys.url, OTHER.public_pem)
        with RemoteAgent(peer.url, "echo", protocol="a2a", verify_card=verifier) as agent:
            with pytest.raises(CardVerificationError, match="no signature of it is good"):
                agent.run("hello")
        verifier.close()


def test_agent_is_sent_nothing_when_its_card_was_changed_on_the_way() -> None:
    interface = {
        "url": "$PEER_URL/elsewhere",
        "protocolBinding": "JSONRPC",
        "protocolVersion": "1.0",
    }
    with signed_peer(PEER_CARD=json.dumps({"supportedInterfaces": [interface]})) as tampered:
        settings: Any = {"protocol": "a2a", "verify_card": CardVerifier(KEY.jwk)}
        with RemoteAgent(tampered.url, "echo", **settings) as agent:
            for call in (lambda: agent.run("x"), lambda: agent.run("x", stream=True)):
                with pytest.raises(CardVerificationError, match="not what the key 2026-01"):
                    call()


def test_unsigned_card_is_refused(a2a_sdk: PeerServer, a2a_sdk_03: PeerServer) -> None:
    for each in (a2a_sdk, a2a_sdk_03):
        with A2AClient(each.url, verify_card=CardVerifier(KEY.jwk)) as client:
            with pytest.raises(CardVerificationError, match="not signed"):
                client.send_message("hello")


def test_command_verifies(peer: PeerServer, capsys: pytest.CaptureFixture[str]) -> None:
    with served(Keys(KEY.jwk)) as keys:
        assert cli.main(["card", peer.url, "--verify", keys.url]) == 0
        assert "1, verified" in capsys.readouterr().out
        keys.keys = [OTHER.jwk]
        assert cli.main(["card", peer.url, "--verify", keys.url]) == 1
        assert "is not used" in capsys.readouterr().err
