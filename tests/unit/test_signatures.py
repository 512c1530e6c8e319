"""Who has signed a card: what passes, and what must never pass."""

import base64
import copy
import hmac
import json
import pickle
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest
from hypothesis import given, strategies as st
from jwt.algorithms import get_default_algorithms

from remoteagent_lite import A2AClient, CardVerificationError, RemoteServerUnavailableError, cli
from remoteagent_lite.errors import ProtocolError
from remoteagent_lite.protocols.a2a.canonical import canonical_json, signed_forms
from remoteagent_lite.signatures import ALGORITHMS, CardVerifier
from tests.peers.faults import Connection, RawServer, Request, reply
from tests.peers.signing import CARD, SigningKey, new_key

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures" / "a2a-signed"
RECORDED = sorted(path.stem for path in FIXTURES.glob("*.json"))
each_recorded = pytest.mark.parametrize("name", RECORDED)

KEYS = {algorithm: new_key(algorithm) for algorithm in ALGORITHMS}
KEY = KEYS["ES256"]
OTHER = new_key("ES256")


def recorded(name: str) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """A card as an SDK has signed and sent it, and the JWK of the key."""
    data = json.loads((FIXTURES / (name + ".json")).read_text(encoding="utf-8"))
    return data["card"], data["jwk"]


def encoded(data: Any) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def sign(card: Dict[str, Any], key: SigningKey = KEY, form: int = 0, **header: Any) -> Any:
    """``card`` with a signature of ours; ``form`` is the number of one of the signed forms."""
    whole = {"alg": key.algorithm, "kid": "key-1", "typ": "JOSE", **header}
    protected = encoded({name: each for name, each in whole.items() if each is not None})
    payload = list(signed_forms(card))[form][0]
    message = ("%s.%s" % (protected, encoded(payload))).encode()
    signature = get_default_algorithms()[key.algorithm].sign(message, key.private)
    one = {"protected": protected, "signature": encoded(signature)}
    return {**copy.deepcopy(card), "signatures": [*card.get("signatures", []), one]}


def passes(verifier: CardVerifier, card: Dict[str, Any]) -> bool:
    try:
        verifier(None, card)
    except CardVerificationError:
        return False
    return True


# What is signed ----------------------------------------------------------------------------------


#: The bits of a number and its text (RFC 8785, appendix B).
NUMBERS = """
0000000000000000 0
8000000000000000 0
0000000000000001 5e-324
8000000000000001 -5e-324
7fefffffffffffff 1.7976931348623157e+308
ffefffffffffffff -1.7976931348623157e+308
4340000000000000 9007199254740992
c340000000000000 -9007199254740992
4430000000000000 295147905179352830000
44b52d02c7e14af5 9.999999999999997e+22
44b52d02c7e14af6 1e+23
44b52d02c7e14af7 1.0000000000000001e+23
444b1ae4d6e2ef4e 999999999999999700000
444b1ae4d6e2ef4f 999999999999999900000
444b1ae4d6e2ef50 1e+21
3eb0c6f7a0b5ed8c 9.999999999999997e-7
3eb0c6f7a0b5ed8d 0.000001
41b3de4355555553 333333333.3333332
41b3de4355555557 333333333.33333343
becbf647612f3696 -0.0000033333333333333333
43143ff3c1cb0959 1424953923781206.2
"""


@pytest.mark.parametrize("line", NUMBERS.strip().splitlines())
def test_numbers_are_written_as_the_rfc_has_them(line: str) -> None:
    bits, text = line.split()
    (value,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical_json([value]) == b"[%s]" % text.encode()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (100, "100"), (1e15, "1000000000000000"), (2**53 + 1, "9007199254740992"),
        (12345678901234567890, "12345678901234567000"), (0.0001, "0.0001"), (1.5e-5, "0.000015"),
        (True, "true"), (None, "null"),
        ({"b": 1, "a": [{}, []]}, '{"a":[{},[]],"b":1}'),
        ("\u20ac$\x0f\nA'B\"\\\\\"/\x7f\u2028", '"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/\x7f\u2028"'),
        (dict.fromkeys(["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\x80", "\xf6"], 0),
         '{"\\r":0,"1":0,"\x80":0,"\xf6":0,"\u20ac":0,"\U0001f600":0,"\ufb33":0}'),
    ],
)  # fmt: skip
def test_values_are_written_as_the_rfc_has_them(value: Any, text: str) -> None:
    """RFC 8785, sections 3.2.2 and 3.2.3 among them."""
    assert canonical_json(value) == text.encode("utf-8")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 10**400, "\ud800", {"\udfff": 1}])
def test_what_has_no_canonical_form_is_refused(value: Any) -> None:
    with pytest.raises(ValueError):
        canonical_json([value])
    deep: Any = []
    for _ in range(100000):
        deep = [deep]
    with pytest.raises(ValueError, match="nested"):
        canonical_json(deep)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(blacklist_categories=["Cs"]), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(blacklist_categories=["Cs"])), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(json_values)
def test_canonical_json_says_the_same(value: Any) -> None:
    written = canonical_json(value)
    assert json.loads(written, parse_int=float) == value
    assert canonical_json(json.loads(written)) == written


def test_specified_form_keeps_what_is_required_or_was_set() -> None:
    """The example of section 8.4.1, with the members that it leaves out."""
    card = {
        "name": "Example Agent",
        "description": "",
        "capabilities": {"streaming": False, "pushNotifications": False, "extensions": []},
        "skills": [],
        "signatures": [],
        "documentationUrl": "",
        "securityRequirements": [],
        "securitySchemes": {"c": {"mtlsSecurityScheme": {}}},
        "ours": 1,
        "iconUrl": None,
    }
    assert json.loads(list(signed_forms(card))[1][0]) == {
        "name": "Example Agent",
        "description": "",
        "capabilities": {"streaming": False, "pushNotifications": False},
        "skills": [],
        "documentationUrl": "",
        "securitySchemes": {"c": {"mtlsSecurityScheme": {}}},
        "version": "",
        "supportedInterfaces": [],
        "defaultInputModes": [],
        "defaultOutputModes": [],
    }


# What passes -------------------------------------------------------------------------------------


@each_recorded
def test_card_that_an_sdk_signed_passes(name: str) -> None:
    card, jwk = recorded(name)
    before = copy.deepcopy(card)
    for keys in (jwk, {"keys": [jwk]}, {"keys": [OTHER.jwk, jwk]}):
        CardVerifier(keys)(None, card)
    assert card == before


def places(value: Any, path: Tuple[Any, ...] = ()) -> Iterator[Tuple[Any, ...]]:
    """The paths of all values in some JSON."""
    if path:
        yield path
    if isinstance(value, (dict, list)):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


def changed(card: Dict[str, Any], path: Tuple[Any, ...], change: Any) -> Dict[str, Any]:
    card = copy.deepcopy(card)
    holder: Any = card
    for key in path[:-1]:
        holder = holder[key]
    change(holder, path[-1])
    return card


def deleted(holder: Any, key: Any) -> None:
    del holder[key]


def replaced(holder: Any, key: Any) -> None:
    value = holder[key]
    holder[key] = not value if isinstance(value, bool) else "https://evil.example/"


def value_at(card: Dict[str, Any], path: Tuple[Any, ...]) -> Any:
    value: Any = card
    for key in path:
        value = value[key]
    return value


#: Members of 0.3 that a card of 1.0 may have as well, for others to read.
OLD = ("url", "preferredTransport", "protocolVersion", "additionalInterfaces", "security")


def is_unread(card: Dict[str, Any], path: Tuple[Any, ...]) -> bool:
    if "supportedInterfaces" not in card:
        return False
    of_scheme = path[0] == "securitySchemes" and len(path) > 2
    return path[0] in OLD or (of_scheme and not path[2].endswith("SecurityScheme"))


def is_left_out(card: Dict[str, Any], path: Tuple[Any, ...]) -> bool:
    """Whether the SDKs sign the same when it is missing: what is empty, or the default."""

    def is_empty(value: Any) -> bool:
        held = value.values() if isinstance(value, dict) else value
        return value in ("", None) or (isinstance(value, (dict, list)) and all(map(is_empty, held)))

    defaults = path in (("preferredTransport",), ("protocolVersion",)) or path[2:] == ("type",)
    if defaults and "supportedInterfaces" not in card:
        return True
    value = value_at(card, path)
    if path[0] == "securitySchemes" and len(path) == 2:
        value = [value[name] for name in value if not is_unread(card, (*path, name))]
    return is_empty(value) or (path[-1] == "required" and value is False)


@each_recorded
def test_card_that_was_tampered_with_never_passes(name: str) -> None:
    """But in members that no reader of the card's version looks at."""
    card, jwk = recorded(name)
    verifier = CardVerifier(jwk)
    signed = [path for path in places(card) if not is_unread(card, path)]
    assert len(signed) > 60
    for path in signed:
        assert not passes(verifier, changed(card, path, replaced)), path
        if not is_left_out(card, path):
            assert not passes(verifier, changed(card, path, deleted)), path


@pytest.mark.parametrize(
    "more",
    [
        {"url": "https://evil.example/", "supportedInterfaces": None},
        {"security": [{"bearer": []}], "securityRequirements": None},
        {"documentationUrl": "https://evil.example/"},
        {"capabilities": {"streaming": True, "extendedAgentCard": True}},
        {"supportsAuthenticatedExtendedCard": True},
        {"securitySchemes": {"b": {"type": "http", "scheme": "basic"}}},
    ],
)
def test_unsigned_member_that_means_something_never_passes(more: Dict[str, Any]) -> None:
    plain: Dict[str, Any] = {
        "name": "x",
        "capabilities": {"streaming": True},
        "supportedInterfaces": CARD["supportedInterfaces"],
    }
    card = {name: each for name, each in plain.items() if name not in more or more[name]}
    for form in (0, 1):
        signed = sign(card, form=form)
        assert passes(CardVerifier(KEY.jwk), signed)
        assert not passes(CardVerifier(KEY.jwk), {**signed, **more})
        assert passes(CardVerifier(KEY.jwk), {**signed, "vendor": {"note": "nobody reads it"}})


@pytest.mark.parametrize("form", range(4))
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_and_form_passes(algorithm: str, form: int) -> None:
    key = KEYS[algorithm]
    card = sign(CARD, key, form)
    for given_key in (key.jwk, key.public_pem, key.public_pem.encode(), dict(key.jwk, alg=None)):
        CardVerifier(given_key)(None, card)
    assert not passes(CardVerifier(new_key(algorithm).public_pem), card)


def test_one_good_signature_is_enough() -> None:
    card = sign(sign(CARD, OTHER, kid="other"), KEY)
    for key in (OTHER.public_pem, KEY.public_pem):
        CardVerifier(key)(None, card)
    card["signatures"].insert(0, {"protected": "?", "signature": 1})
    CardVerifier(KEY.public_pem)(None, card)


def test_key_is_selected_by_its_id() -> None:
    jwks = {"keys": [dict(OTHER.jwk, kid="a"), dict(KEY.jwk, kid="b"), {"kty": "EC"}][:2]}
    CardVerifier(jwks)(None, sign(CARD, kid="b"))
    CardVerifier(jwks)(None, sign(CARD, kid=None))
    for kid in ("a", "c", 7, ["b"]):
        with pytest.raises(CardVerificationError, match="key"):
            CardVerifier(jwks)(None, sign(CARD, kid=kid))


# What never passes -------------------------------------------------------------------------------


@pytest.mark.parametrize("signatures", [None, [], {}, "x", [1]])
def test_unsigned_card_never_passes(signatures: Any) -> None:
    with pytest.raises(CardVerificationError, match="not signed"):
        CardVerifier(KEY.jwk)(None, {**CARD, "signatures": signatures})


def forged(header: Any, signature: bytes = b"") -> Dict[str, Any]:
    protected = header if isinstance(header, str) else encoded(header)
    return {**CARD, "signatures": [{"protected": protected, "signature": encoded(signature)}]}


@pytest.mark.parametrize("alg", ["none", "None", "", None, 7, ["ES256"], {}, "HS256", "es256"])
def test_algorithm_that_proves_nothing_never_passes(alg: Any) -> None:
    assert not passes(CardVerifier(KEY.jwk), forged({"alg": alg, "kid": "key-1"}))


def test_public_key_is_never_taken_for_a_shared_secret() -> None:
    """Who knows the public key must not be able to sign, by calling it an HMAC secret."""
    key = KEYS["RS256"]
    protected = encoded({"alg": "HS256", "kid": "key-1"})
    payload = next(signed_forms(CARD))[0]
    message = ("%s.%s" % (protected, encoded(payload))).encode()
    for secret in (key.public_pem.encode(), key.public_pem.strip().encode()):
        signature = hmac.new(secret, message, "sha256").digest()
        card = forged(protected, signature)
        for given_key in (key.public_pem, key.jwk):
            assert not passes(CardVerifier(given_key), card)
    with pytest.raises(ValueError, match="HS256"):
        CardVerifier(key.jwk, algorithms=["RS256", "HS256"])
    with pytest.raises(ValueError, match="none"):
        CardVerifier(key.jwk, algorithms=["none"])


def test_key_is_never_used_for_an_algorithm_of_another_kind() -> None:
    for algorithm, key in KEYS.items():
        for other in ALGORITHMS:
            if other != algorithm:
                signed = sign(CARD, key, alg=other)
                assert not passes(CardVerifier(key.public_pem), signed), (algorithm, other)
    # Of one kind, but the key says what it is for.
    rsa = KEYS["RS256"]
    as_pss = SigningKey("PS256", *rsa[1:])
    assert passes(CardVerifier(rsa.public_pem), sign(CARD, as_pss))
    assert not passes(CardVerifier(rsa.jwk), sign(CARD, as_pss))


def test_algorithm_that_is_not_allowed_never_passes() -> None:
    card = sign(CARD)
    assert passes(CardVerifier(KEY.jwk, algorithms=["ES256"]), card)
    with pytest.raises(CardVerificationError, match="ES256 is not allowed"):
        CardVerifier(KEY.jwk, algorithms=["EdDSA"])(None, card)


@pytest.mark.parametrize("more", [{"crit": ["b64"], "b64": False}, {"crit": []}, {"crit": 1}])
def test_header_that_demands_what_is_not_understood_never_passes(more: Any) -> None:
    assert not passes(CardVerifier(KEY.jwk), sign(CARD, **more))


@pytest.mark.parametrize(
    "protected",
    ["", "*", "e30", "bnVsbA", encoded([]), encoded(b"{"), encoded(b"\xff"), "\xe9",
     encoded(b"[" * 100000), encoded({"alg": "ES256"}) + "\n"],
)  # fmt: skip
def test_header_that_cannot_be_read_never_passes(protected: str) -> None:
    assert not passes(CardVerifier(KEY.jwk), forged(protected, b"x" * 64))


def test_unprotected_header_never_counts() -> None:
    card = sign(CARD, alg=None)
    card["signatures"][0]["header"] = {"alg": "ES256", "kid": "key-1"}
    assert not passes(CardVerifier(KEY.jwk), card)


def test_signature_of_another_card_never_passes() -> None:
    card = {**CARD, "signatures": sign({**CARD, "name": "Other"})["signatures"]}
    with pytest.raises(CardVerificationError, match="not what the key key-1 has signed"):
        CardVerifier(KEY.jwk)(None, card)


def test_card_without_a_canonical_form_never_passes() -> None:
    card = sign(CARD)
    deep: Any = []
    for _ in range(20000):
        deep = [deep]
    for value in (float("nan"), "\ud800", deep):
        card["capabilities"]["extensions"][0]["params"]["x"] = value
        assert not passes(CardVerifier(KEY.jwk), card)


def test_only_so_many_signatures_are_tried() -> None:
    card = sign(CARD)
    card["signatures"] = [{"protected": "e30", "signature": ""}] * 8 + card["signatures"]
    assert not passes(CardVerifier(KEY.jwk), card)


# Keys --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("not a key", "public key as PEM"),
        (KEY.pem, "public key as PEM"),
        ({"kty": "oct", "k": "c2VjcmV0"}, "oct proves nothing"),
        ({}, "proves nothing"),
        (dict(KEY.jwk, d="AA"), "private key"),
        (dict(KEY.jwk, x="!"), "cannot be read"),
        (dict(KEY.jwk, y=KEY.jwk["x"]), "cannot be read"),
        (dict(KEY.jwk, use="enc"), "not meant for signatures"),
        (dict(KEY.jwk, key_ops=["sign"]), "not meant for signatures"),
        (dict(KEYS["RS256"].jwk, n=encoded(b"\xff" * 128)), "not good enough"),
        ("http://keys.example/jwks.json", "not https"),
        ("HTTP://keys.example/jwks.json", "not https"),
    ],
)
def test_key_that_is_none_is_refused_at_once(key: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        CardVerifier(key)
    assert "PRIVATE" not in str(caught.value)


@pytest.mark.parametrize("key", [7, None, ["x"], {"keys": [1]}])
def test_key_of_no_known_type_is_refused_at_once(key: Any) -> None:
    with pytest.raises(TypeError):
        CardVerifier(key)


def test_verifier_without_keys_is_refused() -> None:
    with pytest.raises(ValueError, match="needs keys"):
        CardVerifier()
    with pytest.raises(TypeError, match="sequences"):
        CardVerifier(KEY.jwk, algorithms="ES256")


def test_verifier_pickles() -> None:
    verifier = CardVerifier(KEY.jwk, KEYS["RS256"].public_pem, algorithms=["ES256", "RS256"])
    again = pickle.loads(pickle.dumps(verifier))
    for key in (KEY, KEYS["RS256"]):
        again(None, sign(CARD, key))
    assert not passes(again, sign(CARD, KEYS["EdDSA"]))
    assert repr(again) == repr(verifier) == "CardVerifier(2 keys)"
    with A2AClient("http://127.0.0.1:1", verify_card=verifier) as client:
        assert pickle.loads(pickle.dumps(client))


def test_url_of_keys_is_shown_without_secrets() -> None:
    verifier = CardVerifier("https://user:secret@keys.example/jwks.json?key=secret", KEY.jwk)
    assert repr(verifier) == "CardVerifier('https://keys.example/jwks.json', 1 keys)"


# Sets of keys ------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def jwks(*keys: Dict[str, Any], **headers: str) -> Any:
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return reply(json.dumps({"keys": list(keys)}), headers=named)


def set_at(server: RawServer, clock: Clock, **settings: Any) -> CardVerifier:
    return CardVerifier(server.url + "/jwks.json", clock=clock, **settings)


def test_set_is_fetched_once_and_kept(clock: Clock) -> None:
    with RawServer(jwks(OTHER.jwk, dict(KEY.jwk, kid="b"))) as server:
        verifier = set_at(server, clock)
        for _ in range(3):
            verifier(None, sign(CARD, kid="b"))
            clock.now += 1000
        assert len(server.requests) == 1
        clock.now += 1000
        verifier(None, sign(CARD, kid="b"))
        assert len(server.requests) == 2
        assert {each.headers.get("authorization") for each in server.requests} == {None}
        verifier.close()


@pytest.mark.parametrize(
    ("said", "ttl", "fetched"),
    [("max-age=10", 3600, 3), ("no-store", 3600, 3), ("max-age=3600", 5, 3), ("", 3600, 1)],
)
def test_set_is_never_kept_longer_than_its_server_lets_it(
    clock: Clock, said: str, ttl: float, fetched: int
) -> None:
    with RawServer(jwks(KEY.jwk, cache_control=said)) as server:
        verifier = set_at(server, clock, keys_ttl=ttl)
        for _ in range(3):
            verifier(None, sign(CARD))
            clock.now += 11
        assert len(server.requests) == fetched
        verifier.close()


def test_new_key_is_found_and_unknown_ones_never_make_a_flood(clock: Clock) -> None:
    new = dict(KEY.jwk, kid="new")
    with RawServer(jwks(OTHER.jwk), jwks(OTHER.jwk), jwks(new)) as server:
        verifier = set_at(server, clock)
        for _ in range(5):
            assert not passes(verifier, sign(CARD, kid="new"))
        assert len(server.requests) == 1
        clock.now += 31
        for _ in range(5):
            assert not passes(verifier, sign(CARD, kid="new"))
        assert len(server.requests) == 2
        clock.now += 31
        verifier(None, sign(CARD, kid="new"))
        # A key that is gone does not count any more.
        assert not passes(verifier, sign(CARD, OTHER))
        verifier.close()


def test_unusable_keys_of_a_set_are_passed_over(clock: Clock) -> None:
    bad: List[Any] = [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "key-1"},
        {"kty": "EC", "crv": "P-999", "kid": "key-1"},
        dict(KEY.jwk, use="enc"),
        dict(KEY.jwk, d="AA"),
        7,
    ]
    with RawServer(jwks(*bad, KEY.jwk), jwks(*bad)) as server:
        verifier = set_at(server, clock, keys_ttl=0)
        verifier(None, sign(CARD))
        assert not passes(verifier, sign(CARD))
        verifier.close()


@pytest.mark.parametrize(
    ("answer", "raised"),
    [
        (reply("[]"), ProtocolError),
        (reply('{"keys": {}}'), ProtocolError),
        (reply("<html>"), ProtocolError),
        (reply(json.dumps({"keys": [], "x": "x" * 1024 * 1024})), ProtocolError),
    ],
)
def test_what_is_no_set_is_told(clock: Clock, answer: Any, raised: Any) -> None:
    with RawServer(answer) as server:
        verifier = set_at(server, clock)
        with pytest.raises(raised, match="jwks.json"):
            verifier(None, sign(CARD))
        verifier.close()


def test_unreachable_set_is_told_unless_another_key_fits(clock: Clock) -> None:
    with RawServer(jwks(KEY.jwk)) as server:
        url = server.url
    gone = url + "/jwks.json"
    with pytest.raises(RemoteServerUnavailableError):
        CardVerifier(gone, clock=clock)(None, sign(CARD))
    CardVerifier(gone, KEY.public_pem, clock=clock)(None, sign(CARD))
    CardVerifier(gone, OTHER.jwk)(None, sign(sign(CARD, kid="x"), OTHER))
    with RawServer(jwks(KEY.jwk)) as server:
        verifier = CardVerifier(gone, server.url + "/jwks.json")
        verifier(None, sign(CARD))
        verifier.close()


def test_set_that_a_signature_names_is_never_asked_unless_its_host_is_allowed() -> None:
    def served(connection: Connection, request: Request) -> None:
        jwks(KEY.jwk)(connection, request)

    with RawServer(served) as server:
        jku = server.url + "/their/jwks.json"
        card = sign(CARD, jku=jku)
        host = server.url.partition("://")[2]
        for allowed in ([], ["keys.example"], ["https://" + host], [host], ["127.0.0.1"]):
            verifier = CardVerifier(OTHER.jwk, allow_hosts=allowed)
            with pytest.raises(CardVerificationError, match=r"is not (known|what)"):
                verifier(None, card)
        assert not server.requests
        verifier = CardVerifier(allow_hosts=["http://" + host])
        verifier(None, card)
        assert [each.path for each in server.requests] == ["/their/jwks.json"]
        for evil in ("https://evil.example/", "http://127.0.0.1:1@evil.example/", "file:///x", 7):
            assert not passes(verifier, sign(CARD, jku=evil, kid="unknown"))
        assert len(server.requests) == 1
        verifier.close()


def test_sets_that_signatures_name_never_pile_up() -> None:
    def served(connection: Connection, request: Request) -> None:
        jwks(KEY.jwk)(connection, request)

    with RawServer(served) as server:
        verifier = CardVerifier(allow_hosts=["http://" + server.url.partition("://")[2]])
        for number in range(100):
            verifier(None, sign({"name": "x"}, jku="%s/%d" % (server.url, number)))
        assert len(verifier._sets) <= 64
        verifier.close()


# The command -------------------------------------------------------------------------------------


def test_command_verifies_a_card(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {"pem": KEY.public_pem, "jwk": json.dumps(KEY.jwk), "jwks": json.dumps({"keys": []})}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    other = tmp_path / "other"
    other.write_text(OTHER.public_pem, encoding="utf-8")

    def answer(connection: Connection, request: Request) -> None:
        answers = {"/jwks.json": jwks(KEY.jwk)}
        served = reply(json.dumps(sign(CARD)))
        answers.get(request.path, served)(connection, request)

    with RawServer(answer) as server:
        for keys in ("pem", "jwk"), ("jwks", "pem"), (server.url + "/jwks.json",):
            words = ["card", server.url]
            for key in keys:
                words += ["--verify", key if "://" in key else str(tmp_path / key)]
            assert cli.main(words) == 0
            assert "signatures     1, verified" in capsys.readouterr().out
        assert cli.main(["card", server.url]) == 0
        assert "signatures     1, not verified" in capsys.readouterr().out
        assert cli.main(["card", server.url, "--json", "--verify", str(other)]) == 1
        shown = capsys.readouterr()
        assert shown.out == "" and "is not used: no signature of it is good" in shown.err
        for key in (str(tmp_path / "missing"), "http://keys.example/", str(Path(__file__))):
            assert cli.main(["card", server.url, "--verify", key]) == 1
            assert capsys.readouterr().err.startswith("remoteagent: ")


# The extra ---------------------------------------------------------------------------------------


def run(script: str) -> str:
    return subprocess.check_output([sys.executable, "-W", "ignore", "-c", script]).decode()


def test_pyjwt_is_imported_by_nobody_who_does_not_verify() -> None:
    modules = "remoteagent_lite.signatures, remoteagent_lite.a2a_client, remoteagent_lite.cli"
    loaded = run("import sys, %s; print(*sys.modules)" % modules).split()
    assert not {"jwt", "cryptography"} & set(loaded)


def test_missing_extra_is_said() -> None:
    script = (
        "import sys; sys.modules['jwt'] = None\n"
        "from remoteagent_lite.signatures import CardVerifier\n"
        "try: CardVerifier({})\n"
        "except ImportError as error: print(error)"
    )
    assert "remoteagent-lite[signatures]" in run(script)
