"""Who is let in: a key that is known, or a token that somebody trusted has signed."""

from __future__ import annotations

import hashlib
import hmac
import importlib
from typing import (
    Any,
    FrozenSet,
    List,
    Mapping,
    NamedTuple,
    NoReturn,
    Optional,
    Protocol,
    Sequence,
    Union,
)

from ..wsgi import Refused

__all__ = ["JWT", "STRANGER", "Door", "Guest", "Keys"]

Key = Union[str, bytes, Mapping[str, Any]]


class Guest(NamedTuple):
    """Who was let in. ``scopes`` are None for one who may do everything."""

    user: Optional[str] = None
    scopes: Optional[FrozenSet[str]] = None


#: Whoever has not said who it is, where that need not be.
STRANGER = Guest(scopes=frozenset())


class Door(Protocol):
    """Decides who is let in; what ``Gateway(auth=)`` takes. Any thread may ask."""

    #: What /info calls it: "none", "security_key" or "jwt".
    mode: str

    def admit(self, authorization: Optional[str]) -> Guest:
        """Who sends that Authorization header. Raises Refused, 401, for nobody who is known."""
        ...


class Keys:
    """Lets in whoever sends one of the keys, as ``Authorization: Bearer KEY``, to do anything.

    They never appear in a repr, and are compared in constant time. Any one of several does, so that
    a key can be replaced without a break.
    """

    mode = "security_key"

    def __init__(self, *keys: str) -> None:
        if not keys or not all(isinstance(each, str) and each.strip() for each in keys):
            raise ValueError("Keys needs at least one key, and each must be a non-empty str")
        # Digests, so that comparing takes no longer for a key that is nearly right.
        self._digests = [_digest(each.strip()) for each in keys]

    def admit(self, authorization: Optional[str]) -> Guest:
        if not authorization:
            raise Refused(401, "Authorization header required")
        sent = _digest(_token(authorization))
        known = [hmac.compare_digest(sent, each) for each in self._digests]
        if not any(known):
            raise Refused(401, "Invalid authentication token")
        return Guest()

    def __repr__(self) -> str:
        return "Keys(%d of them)" % len(self._digests)


class JWT:
    """Lets in whoever sends a JSON Web Token that one of ``keys`` has signed.

    Needs the extra ``jwt``, which brings PyJWT: ImportError without it. A key is a secret (HS256
    and its like), a public key as PEM, or a JWK as a dict; ``algorithms`` are those that are
    accepted, and have to be named, because a token's own word for it is worth nothing. A token has
    to be for ``audience`` and from ``issuer``, if these are given, and must not have expired, give
    or take ``leeway`` seconds; ``require`` are claims that it must have.

    Its ``sub`` is the user, and its ``scopes`` say what may be done, as on an AgentOS:
    ``agent_os:admin``, ``agents:run``, ``agents:my-agent:run``, ``sessions:read``, ... With
    ``scopes=False`` whoever is let in may do anything.
    """

    mode = "jwt"

    def __init__(
        self,
        keys: Sequence[Key],
        algorithms: Sequence[str],
        *,
        audience: Union[str, Sequence[str], None] = None,
        issuer: Optional[str] = None,
        leeway: float = 0.0,
        require: Sequence[str] = ("exp",),
        scopes: bool = True,
    ) -> None:
        if isinstance(keys, (str, bytes)) or not keys or not all(keys):
            raise ValueError("keys must be a list of at least one key, none of them empty")
        if isinstance(algorithms, str) or not algorithms or "none" in map(str.lower, algorithms):
            raise ValueError("algorithms must be a list of those to accept, and 'none' is none")
        try:
            self._jwt: Any = importlib.import_module("jwt")
        except ImportError as error:
            raise ImportError("JWT needs PyJWT: pip install 'remoteagent-lite[jwt]'") from error
        unknown = set(algorithms) - set(self._jwt.algorithms.get_default_algorithms())
        if unknown:
            raise ValueError("algorithms that are not known: %s" % ", ".join(sorted(unknown)))
        self._keys = [self._key(each) for each in keys]
        self._algorithms = list(algorithms)
        self._options = {
            "require": list(require),
            "verify_aud": audience is not None,
            "verify_iss": issuer is not None,
        }
        self._audience = audience
        self._issuer = issuer
        self._leeway = leeway
        self._scopes = scopes

    def _key(self, key: Key) -> Any:
        if not isinstance(key, Mapping):
            return key
        return self._jwt.PyJWK(dict(key)).key

    def admit(self, authorization: Optional[str]) -> Guest:
        if not authorization:
            raise Refused(401, "Authorization header missing")
        claims = self._claims(_token(authorization))
        user = claims.get("sub")
        if user is not None and not (isinstance(user, str) and user):
            raise Refused(401, "Invalid token subject")
        if not self._scopes:
            return Guest(user)
        scopes = claims.get("scopes")
        if isinstance(scopes, str):
            scopes = scopes.split()
        scopes = scopes if isinstance(scopes, list) else []
        return Guest(user, frozenset(each for each in scopes if isinstance(each, str)))

    def _claims(self, token: str) -> Mapping[str, Any]:
        failures: List[Exception] = []
        for key in self._keys:
            try:
                claims: Mapping[str, Any] = self._jwt.decode(
                    token,
                    key,
                    algorithms=self._algorithms,
                    audience=self._audience,
                    issuer=self._issuer,
                    leeway=self._leeway,
                    options=self._options,
                )
                return claims
            except (self._jwt.PyJWTError, ValueError, TypeError) as error:
                failures.append(error)
        return self._refuse(failures)

    def _refuse(self, failures: Sequence[Exception]) -> NoReturn:
        # A signature that is good says more than those of other keys that are not.
        jwt = self._jwt
        error = next((e for e in failures if not isinstance(e, jwt.InvalidSignatureError)), None)
        if isinstance(error, jwt.ExpiredSignatureError):
            raise Refused(401, "Token has expired")
        if isinstance(error, jwt.InvalidAudienceError):
            raise Refused(401, "Invalid token audience - token not valid for this AgentOS instance")
        said = str(error) if isinstance(error, jwt.PyJWTError) else "it cannot be read"
        raise Refused(401, "Invalid token: %.200s" % (said if error else "its signature is wrong"))

    def __repr__(self) -> str:
        return "JWT(%d keys, algorithms=%r)" % (len(self._keys), self._algorithms)


def _token(authorization: str) -> str:
    """What stands behind "Bearer", which may be left out."""
    token = authorization.strip()
    return token[7:].strip() if token[:7].lower() == "bearer " else token


def _digest(text: str) -> bytes:
    # A header comes as Latin-1, whatever it was.
    try:
        content = text.encode("latin-1")
    except UnicodeEncodeError:
        content = text.encode("utf-8")
    return hashlib.sha256(content).digest()
