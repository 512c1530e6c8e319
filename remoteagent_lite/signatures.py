"""Signed agent cards: who vouches for what an agent says of itself (A2A 1.0, section 8.4).

Needs the extra ``signatures``, which brings PyJWT; it is imported when a verifier is made.
"""

from __future__ import annotations

import base64
import importlib
import os
import time
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    FrozenSet,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Union,
)
from urllib.parse import urlsplit

from .cache import TTLCache
from .errors import CardVerificationError, ProtocolError, RemoteAgentError, shown_url
from .http.caching import lifetime
from .http.transport import Transport
from .options import Timeout
from .protocols.a2a.canonical import changes_nothing, signed_forms
from .protocols.a2a.card import objects_in, plain
from .protocols.a2a.hosts import is_loopback, named
from .protocols.jsontext import json_of, read_json
from .wire import Request

if TYPE_CHECKING:
    from .models.a2a_v10 import AgentCard

__all__ = ["ALGORITHMS", "CardVerifier"]

Key = Union[str, bytes, Mapping[str, Any]]

#: What proves who has signed. With HMAC whoever can verify can sign as well; "none" is nobody.
ALGORITHMS = (
    *("ES256", "ES384", "ES512", "RS256", "RS384", "RS512"),
    *("PS256", "PS384", "PS512", "EdDSA"),
)
_RSA = frozenset(each for each in ALGORITHMS if each[0] in "RP")
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
#: The shortest RSA key that is good enough (RFC 7518, section 3.3).
_RSA_BITS = 2048
#: The members of a JWK that are public.
_PUBLIC = ("kty", "crv", "x", "y", "n", "e")

#: How much is looked at, or kept: signatures of a card, sets, keys of a set, bytes of one.
_MOST_SIGNATURES = 8
_MOST_SETS = 64
_MOST_KEYS = 100
_MAX_SET = 1024 * 1024
#: A key that is not in a set may be new: it is fetched again, unless that was done so recently.
_SECONDS_BETWEEN = 30.0


class _Key(NamedTuple):
    kid: Optional[str]
    algorithms: FrozenSet[str]
    public: Any


class _Set(NamedTuple):
    """The keys that a URL had, when it was fetched, and for how long they are good."""

    keys: List[_Key]
    fetched: float
    max_age: Optional[float]


class CardVerifier:
    """Lets a card pass that one of ``keys`` has signed: ``verify_card=CardVerifier(...)``.

    A key is a public key as PEM, a JWK or a set of them (``{"keys": [...]}``) as a dict, or the
    https URL of a set, which is fetched when a signature needs it. ``allow_hosts`` are hosts, in
    the forms that A2AClient takes, from which a signature may name the set itself (``jku``); others
    are never asked. Sets are kept for ``keys_ttl`` seconds, or less if their server says so, and
    fetched without any credentials, in at most ``timeout`` seconds; ``verify``, ``cert`` and
    ``proxies`` are as for the clients.

    One good signature is enough. It must be by one of ``algorithms``, and the key be of its kind.
    What it does not cover may be in the card only as long as it means nothing.

    Raises CardVerificationError, and what Transport.send raises if a set cannot be fetched and no
    other key fits. Any thread may call it; it pickles.
    """

    def __init__(
        self,
        *keys: Key,
        algorithms: Sequence[str] = ALGORITHMS,
        allow_hosts: Sequence[str] = (),
        keys_ttl: float = 3600.0,
        timeout: float = 10.0,
        verify: Union[bool, str] = True,
        cert: Union[str, Tuple[str, str], None] = None,
        proxies: Optional[Mapping[str, str]] = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if isinstance(algorithms, str) or isinstance(allow_hosts, str):
            raise TypeError("algorithms and allow_hosts must be sequences of str, not one str")
        unfit = [each for each in algorithms if each not in ALGORITHMS]
        if unfit:
            raise ValueError(
                "%s cannot prove who has signed: algorithms may be %s"
                % (", ".join(map(repr, unfit)), ", ".join(ALGORITHMS))
            )
        if not keys and not allow_hosts:
            raise ValueError("CardVerifier needs keys, or allow_hosts= that may name them")
        self._given = keys
        self._algorithms = frozenset(algorithms)
        self._allow_hosts = tuple(allow_hosts)
        self._keys_ttl = keys_ttl
        self._timeout = Timeout(connect=timeout, read=timeout, total=timeout)
        self._settings: Dict[str, Any] = {"verify": verify, "cert": cert, "proxies": proxies}
        self._clock = clock
        self._set_up()

    def _set_up(self) -> None:
        self._crypto = _Crypto()
        self._keys: List[_Key] = []
        self._urls: List[str] = []
        for given in self._given:
            if isinstance(given, str) and given.lower().startswith(("http://", "https://")):
                self._urls.append(_checked_url(given))
            else:
                self._keys += self._crypto.keys_of(given)
        # By process and URL: a fork may have caught the parent in the middle of a fetch.
        self._sets: Dict[Tuple[int, str], TTLCache[_Set]] = {}
        self._transports: Dict[int, Transport] = {}

    def __call__(self, card: Optional[AgentCard], raw: Dict[str, Any]) -> None:
        """Return if ``raw``, the card as it was sent, is signed as it should be."""
        signatures = objects_in(raw.get("signatures"))
        if not signatures:
            raise CardVerificationError("it is not signed. Ask whoever publishes it to sign it.")
        forms = _Forms(raw)
        reasons: List[str] = []
        unreachable: Optional[RemoteAgentError] = None
        for signature in signatures[:_MOST_SIGNATURES]:
            try:
                covered = self._covered(signature, forms)
            except (ValueError, RecursionError) as error:
                reasons.append(str(error))
            except RemoteAgentError as error:
                unreachable = error
            else:
                if changes_nothing(covered, raw):
                    return
                reasons.append("it does not cover all that the card says of itself")
        if unreachable is not None:
            raise unreachable
        raise CardVerificationError(
            "no signature of it is good: %s. Give verify_card= the keys of whoever publishes it, "
            "if you trust them." % "; ".join(dict.fromkeys(reasons))
        )

    def _covered(self, signature: Mapping[str, Any], forms: _Forms) -> Dict[str, Any]:
        """What of the card a signature proves. Raises ValueError, with the reason, if nothing."""
        header, protected, given = _taken_apart(signature)
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            raise ValueError("the algorithm %s is not allowed" % plain(algorithm, 40))
        if "crit" in header:
            # It says that what is not understood must not be ignored; nothing of it is.
            raise ValueError("it demands what is not understood (crit)")
        kid = header.get("kid")
        found = False
        for key in self._candidates(header):
            if algorithm in key.algorithms and (None in (kid, key.kid) or key.kid == kid):
                found = True
                for payload, covered in forms:
                    message = protected + b"." + payload
                    if self._crypto.verifies(algorithm, message, key.public, given):
                        return covered
        shown = "" if kid is None else " %s" % plain(kid, 100)
        if found:
            raise ValueError("it is not what the key%s has signed" % shown)
        raise ValueError("the key%s for %s is not known" % (shown, algorithm))

    def _candidates(self, header: Mapping[str, Any]) -> Iterator[_Key]:
        """The keys to try, those first that need not be fetched."""
        yield from self._keys
        urls = list(self._urls)
        jku = header.get("jku")
        if isinstance(jku, str) and jku not in urls and named(jku, self._allow_hosts):
            urls.append(jku)
        unreachable: Optional[RemoteAgentError] = None
        for url in urls:
            try:
                found = self._keys_at(url, header.get("kid"))
            except RemoteAgentError as error:
                unreachable = error
            else:
                yield from found
        if unreachable is not None:
            raise unreachable

    def _keys_at(self, url: str, kid: Any) -> List[_Key]:
        place = (os.getpid(), url)
        cache = self._sets.get(place)
        if cache is None:
            if len(self._sets) >= _MOST_SETS:
                self._sets.clear()  # it is the cards that name them, and there is no end of names
            made: TTLCache[_Set] = TTLCache(
                self._keys_ttl, self._clock, lifetime=lambda each: each.max_age
            )
            cache = self._sets.setdefault(place, made)
        found = cache.get(lambda: self._fetch(url))
        known = kid is None or any(key.kid in (None, kid) for key in found.keys)
        if not known and self._clock() - found.fetched > _SECONDS_BETWEEN:
            found = cache.refresh(lambda: self._fetch(url))
        return found.keys

    def _fetch(self, url: str) -> _Set:
        transport = self._transports.get(os.getpid())
        if transport is None:
            transport = self._transports.setdefault(os.getpid(), Transport(**self._settings))
        response = transport.send(Request("GET", url), self._timeout, body_limit=_MAX_SET)
        data = json_of(response)
        if type(data) is not dict or type(data.get("keys")) is not list:
            raise ProtocolError(
                "%s is no JSON Web Key Set: it has no list of keys." % response.url, response.url
            )
        keys = [
            key for jwk in objects_in(data["keys"])[:_MOST_KEYS] for key in self._crypto.usable(jwk)
        ]
        return _Set(keys, self._clock(), lifetime(response.headers))

    def close(self) -> None:
        """Close the idle connections of this process; the next fetch opens new ones."""
        transport = self._transports.pop(os.getpid(), None)
        if transport is not None:
            transport.close()

    def __getstate__(self) -> Dict[str, Any]:
        made = ("_crypto", "_keys", "_sets", "_transports", "_urls")
        return {name: value for name, value in self.__dict__.items() if name not in made}

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._set_up()

    def __repr__(self) -> str:
        urls = ["%r" % shown_url(each) for each in self._urls]
        keys = ["%d keys" % len(self._keys)] if self._keys else []
        return "CardVerifier(%s)" % ", ".join(urls + keys)


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise ValueError(
            "%s is not https: whoever is on the way could give other keys" % shown_url(url)
        )
    return url


class _Forms:
    """The forms of a card that may have been signed, in base64url, with what they cover.

    Each is made once, when it is needed.
    """

    def __init__(self, raw: Dict[str, Any]) -> None:
        self._made: List[Tuple[bytes, Dict[str, Any]]] = []
        self._left = ((_encoded(payload), covered) for payload, covered in signed_forms(raw))

    def __iter__(self) -> Iterator[Tuple[bytes, Dict[str, Any]]]:
        yield from self._made
        for each in self._left:
            self._made.append(each)
            yield each


class _Crypto:
    """What is needed of PyJWT and cryptography, imported here."""

    def __init__(self) -> None:
        try:
            jwt = importlib.import_module("jwt")
            primitives = "cryptography.hazmat.primitives."
            self._serialization = importlib.import_module(primitives + "serialization")
            asymmetric = primitives + "asymmetric."
            self._ec = importlib.import_module(asymmetric + "ec")
            self._rsa = importlib.import_module(asymmetric + "rsa")
            self._edwards: Tuple[Any, ...] = (
                importlib.import_module(asymmetric + "ed25519").Ed25519PublicKey,
                importlib.import_module(asymmetric + "ed448").Ed448PublicKey,
            )
            unsupported = importlib.import_module("cryptography.exceptions").UnsupportedAlgorithm
        except ImportError as error:
            raise ImportError(
                "Verifying signed cards needs PyJWT and cryptography: "
                "pip install 'remoteagent-lite[signatures]'"
            ) from error
        self._jwk = jwt.PyJWK
        self._algorithms = importlib.import_module("jwt.algorithms").get_default_algorithms()
        #: What both raise for keys they cannot use.
        self._errors = (jwt.PyJWTError, unsupported, ValueError, TypeError, KeyError)

    def verifies(self, algorithm: str, message: bytes, public: Any, signature: bytes) -> bool:
        return bool(self._algorithms[algorithm].verify(message, public, signature))

    def keys_of(self, given: Key) -> List[_Key]:
        """The keys that the caller gave. Raises ValueError for what is none."""
        if isinstance(given, Mapping):
            listed = given["keys"] if isinstance(given.get("keys"), list) else [given]
            return [self._of_jwk(each) for each in listed]
        data = given.encode("ascii", "replace") if isinstance(given, str) else given
        if not isinstance(data, bytes):
            raise TypeError(
                "a key must be PEM, a JWK, a set of JWKs or a URL, not %r" % type(given)
            )
        try:
            public = self._serialization.load_pem_public_key(data)
        except self._errors as error:
            raise ValueError("a key that is no URL must be a public key as PEM") from error
        return [_Key(None, self._kinds(public), public)]

    def usable(self, jwk: Mapping[str, Any]) -> List[_Key]:
        """The key of a set that was fetched; none if it is of another kind, or for another use."""
        try:
            return [self._of_jwk(jwk)]
        except (ValueError, TypeError):
            return []

    def _of_jwk(self, jwk: Mapping[str, Any]) -> _Key:
        if not isinstance(jwk, Mapping):
            raise TypeError("a JWK must be an object, not %r" % type(jwk))
        if jwk.get("kty") not in ("EC", "RSA", "OKP"):
            raise ValueError("a JWK of the type %s proves nothing" % plain(jwk.get("kty", "?"), 20))
        if "d" in jwk:
            raise ValueError("a JWK is a private key: keep it, and give its public members only")
        operations = jwk.get("key_ops")
        if jwk.get("use", "sig") != "sig" or (operations and "verify" not in operations):
            raise ValueError("a JWK is not meant for signatures")
        try:
            public = self._jwk({name: jwk[name] for name in _PUBLIC if name in jwk}).key
        except self._errors as error:
            raise ValueError("a JWK cannot be read: %s" % type(error).__name__) from error
        kinds = self._kinds(public)
        meant = jwk.get("alg")
        kid = jwk.get("kid")
        return _Key(kid, kinds if meant is None else kinds & {meant}, public)

    def _kinds(self, public: Any) -> FrozenSet[str]:
        """The algorithms that a key is for: it must never be taken for one of another kind."""
        if isinstance(public, self._ec.EllipticCurvePublicKey):
            kinds = {_CURVES.get(public.curve.name, "")} - {""}
        elif isinstance(public, self._rsa.RSAPublicKey):
            kinds = set(_RSA) if public.key_size >= _RSA_BITS else set()
        else:
            kinds = {"EdDSA"} if isinstance(public, self._edwards) else set()
        if not kinds:
            raise ValueError("a key is of a kind, or of a length, that is not good enough")
        return frozenset(kinds)


def _taken_apart(signature: Mapping[str, Any]) -> Tuple[Dict[str, Any], bytes, bytes]:
    """The protected header, the same as it was signed, and the signature's bytes."""
    protected = signature.get("protected")
    try:
        header = read_json(_decoded(protected))
        given = _decoded(signature.get("signature"))
    except (ValueError, RecursionError) as error:
        raise ValueError("it cannot be read") from error
    if type(header) is not dict:
        raise ValueError("its protected header is no object")
    return header, str(protected).encode("ascii"), given


def _decoded(text: Any) -> bytes:
    if not isinstance(text, str) or not text.isascii():
        raise ValueError("not base64url")
    padded = text.encode("ascii") + b"=" * (-len(text) % 4)
    return base64.b64decode(padded, b"-_", validate=True)


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
