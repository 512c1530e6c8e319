"""Cards that the A2A SDKs have signed, and keys to sign them with.

``python -m tests.peers.signing`` records some into ``tests/fixtures/a2a-signed/``, each with the
public key as a JWK; the private ones are thrown away.
"""

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, NamedTuple

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from .environments import python_of
from .server import A2A_SDK_03_SIGNING, A2A_SDK_SIGNING

__all__ = ["CARD", "OLD_CARD", "SigningKey", "main", "new_key", "sign"]

_HERE = Path(__file__).resolve().parent
_FIXTURES = _HERE.parent / "fixtures" / "a2a-signed"

_SKILL = {"id": "echo", "name": "Echo", "description": "Says it.", "tags": ["test"]}
#: Whatever can be written in two ways: defaults, empty values, numbers, names out of order.
_PARAMS = {
    "numbers": [1, 1.5, -0.0, 1e21, 1e-7, 0.000001, 12345678901234567890],
    "empty": [None, "", [], {}],
    "\ufb33": False,
    "\U0001f600": {"b": 1, "a": '\u20ac\n"\\\u007f\u2028'},
}
CARD: Dict[str, Any] = {
    "name": "Gr\u00fc\u00dfe \U0001f600 <&>",
    "description": "Says it again.",
    "version": "1.0.0",
    "iconUrl": "",
    "documentationUrl": "https://docs.example",
    "supportedInterfaces": [
        {
            "url": "https://agent.example/",
            "protocolBinding": "JSONRPC",
            "protocolVersion": "1.0",
        },
        {
            "url": "https://agent.example/",
            "protocolBinding": "JSONRPC",
            "protocolVersion": "0.3",
        },
    ],
    "provider": {"organization": "Example", "url": "https://example.com"},
    "capabilities": {
        "streaming": True,
        "pushNotifications": False,
        "extensions": [
            {"uri": "https://ext.example/1", "required": False, "params": _PARAMS},
            {"uri": "https://ext.example/2", "required": True, "description": ""},
        ],
    },
    "securitySchemes": {
        "bearer": {"httpAuthSecurityScheme": {"scheme": "Bearer"}},
        "key": {"apiKeySecurityScheme": {"location": "header", "name": "X-API-Key"}},
        "cert": {"mtlsSecurityScheme": {}},
        "oauth": {
            "oauth2SecurityScheme": {
                "flows": {
                    "authorizationCode": {
                        "authorizationUrl": "https://id.example/login",
                        "tokenUrl": "https://id.example/token",
                        "scopes": {"read": "", "write": "Writes."},
                        "pkceRequired": False,
                    }
                }
            }
        },
    },
    "securityRequirements": [
        {"schemes": {"bearer": {}}},
        {"schemes": {"oauth": {"list": ["read"]}, "key": {}}},
    ],
    "defaultInputModes": ["text/plain"],
    "defaultOutputModes": ["text/plain", "image/png"],
    "skills": [dict(_SKILL, examples=["", "say a"]), dict(_SKILL, id="more", inputModes=[])],
}
OLD_CARD: Dict[str, Any] = {
    "name": "Gr\u00fc\u00dfe \U0001f600",
    "description": "Says it again.",
    "version": "1.0.0",
    "iconUrl": "",
    "url": "https://agent.example/",
    "preferredTransport": "JSONRPC",
    "protocolVersion": "0.3.0",
    "additionalInterfaces": [{"url": "https://agent.example/", "transport": "JSONRPC"}],
    "capabilities": {
        "streaming": True,
        "pushNotifications": False,
        "extensions": [{"uri": "https://ext.example/1", "params": _PARAMS}],
    },
    "securitySchemes": {
        "bearer": {"type": "http", "scheme": "bearer"},
        "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    },
    "security": [{"bearer": []}, {"key": []}],
    "defaultInputModes": ["text/plain"],
    "defaultOutputModes": ["text/plain"],
    "skills": [_SKILL],
}


class SigningKey(NamedTuple):
    """A private key, and what belongs to it."""

    algorithm: str
    private: Any
    pem: str
    public_pem: str
    jwk: Dict[str, Any]


def new_key(algorithm: str, kid: str = "key-1") -> SigningKey:
    """A key for an algorithm of JWS."""
    private: Any
    if algorithm == "EdDSA":
        private = ed25519.Ed25519PrivateKey.generate()
        raw = private.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw
        )
        jwk = {"kty": "OKP", "crv": "Ed25519", "x": _text(raw)}
    elif algorithm.startswith("ES"):
        curve = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1}[algorithm]()
        private = ec.generate_private_key(curve)
        numbers = private.public_key().public_numbers()
        size = (curve.key_size + 7) // 8
        named = {256: "P-256", 384: "P-384", 521: "P-521"}[curve.key_size]
        jwk = {
            "kty": "EC",
            "crv": named,
            "x": _text(numbers.x.to_bytes(size, "big")),
            "y": _text(numbers.y.to_bytes(size, "big")),
        }
    else:
        private = rsa.generate_private_key(65537, 2048)
        modulus = private.public_key().public_numbers().n
        jwk = {"kty": "RSA", "e": "AQAB", "n": _text(modulus.to_bytes(256, "big"))}
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public_pem = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    whole = dict(jwk, kid=kid, alg=algorithm, use="sig")
    return SigningKey(algorithm, private, pem.decode(), public_pem.decode(), whole)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def sign(peer: str, jobs: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """Cards signed by the SDK of that peer; see `sign_cards` for the jobs."""
    done = subprocess.run(
        [python_of(peer), "-P", str(_HERE / "sign_cards.py")],
        input=json.dumps(jobs).encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.decode("utf-8", "replace")[-2000:])
    signed: List[Dict[str, Any]] = json.loads(done.stdout)
    return signed


def main() -> int:
    """Record the fixtures. Returns the exit code."""
    _FIXTURES.mkdir(parents=True, exist_ok=True)
    for peer, card, algorithms in (
        (A2A_SDK_SIGNING, CARD, ("ES256", "RS256", "EdDSA")),
        (A2A_SDK_03_SIGNING, OLD_CARD, ("ES256",)),
    ):
        keys = [new_key(each) for each in algorithms]
        header = {"kid": "key-1", "typ": "JOSE", "jku": "https://agent.example/jwks.json"}
        jobs = [
            {"card": card, "key": key.pem, "header": dict(header, alg=key.algorithm)}
            for key in keys
        ]
        for key, signed in zip(keys, sign(peer, jobs)):
            name = "%s-%s.json" % (peer.replace("-signing", ""), key.algorithm)
            path = _FIXTURES / name
            text = json.dumps({"jwk": key.jwk, "card": signed}, indent=1, sort_keys=True)
            path.write_text(text + "\n", encoding="utf-8")
            print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
