"""What of an agent card is signed, down to the byte (A2A 1.0, section 8.4.1; RFC 8785). No I/O."""

from __future__ import annotations

import json
from typing import Any, Dict, Iterator, List, Tuple

from .card import Json, read_card, without_nulls

__all__ = ["canonical_json", "changes_nothing", "signed_forms"]

#: JSON's numbers are those of IEEE 754; larger integers lose digits in them.
_EXACT = 2**53

# The members of a card, as the protocol's proto file has them: a value is the default of its kind,
# None stands for any JSON. Members that end in "!" are REQUIRED, in "?" ``optional``.
_SCOPES = {"schemes": {"*": {"list": [""]}}}
_FLOW = {"tokenUrl!": "", "refreshUrl": "", "scopes!": {"*": ""}}
_OLD_FLOW = {"refreshUrl": "", "scopes": {"*": ""}}
_SCHEME = {
    "apiKeySecurityScheme": {"description": "", "location!": "", "name!": ""},
    "httpAuthSecurityScheme": {"description": "", "scheme!": "", "bearerFormat": ""},
    "oauth2SecurityScheme": {
        "description": "",
        "flows!": {
            "authorizationCode": {**_FLOW, "authorizationUrl!": "", "pkceRequired": False},
            "clientCredentials": _FLOW,
            "implicit": {**_OLD_FLOW, "authorizationUrl": ""},
            "password": {**_OLD_FLOW, "tokenUrl": ""},
            "deviceCode": {**_FLOW, "deviceAuthorizationUrl!": ""},
        },
        "oauth2MetadataUrl": "",
    },
    "openIdConnectSecurityScheme": {"description": "", "openIdConnectUrl!": ""},
    "mtlsSecurityScheme": {"description": ""},
}
_CARD = {
    "name!": "",
    "description!": "",
    "supportedInterfaces!": [
        {"url!": "", "protocolBinding!": "", "tenant": "", "protocolVersion!": ""}
    ],
    "provider": {"url!": "", "organization!": ""},
    "version!": "",
    "documentationUrl?": "",
    "capabilities!": {
        "streaming?": False,
        "pushNotifications?": False,
        "extensions": [{"uri": "", "description": "", "required": False, "params": None}],
        "extendedAgentCard?": False,
    },
    "securitySchemes": {"*": _SCHEME},
    "securityRequirements": [_SCOPES],
    "defaultInputModes!": [""],
    "defaultOutputModes!": [""],
    "skills!": [
        {
            "id!": "",
            "name!": "",
            "description!": "",
            "tags!": [""],
            "examples": [""],
            "inputModes": [""],
            "outputModes": [""],
            "securityRequirements": [_SCOPES],
        }
    ],
    "iconUrl?": "",
}

#: What the SDKs for 0.3 take for the default, and leave out.
_OLD_DEFAULTS = {"preferredTransport": "JSONRPC", "protocolVersion": "0.3.0"}
_OLD_TYPES = ("apiKey", "http", "oauth2", "openIdConnect", "mutualTLS")


#: Strings and constants. Made once: json.dumps makes an encoder anew for each call with an option.
_text = json.JSONEncoder(ensure_ascii=False).encode


def signed_forms(sent: Json) -> Iterator[Tuple[bytes, Json]]:
    """The bytes that a signer may have signed, the likeliest first, and the card that they cover.

    The specification has one form; its SDKs leave out more, those for 0.3 write it differently, and
    some servers sign just what they send. Raises ValueError for what has no canonical form.
    """
    whole = {name: value for name, value in sent.items() if name != "signatures"}
    known = _known(whole, _CARD)
    yield canonical_json(_without_empty(_without_defaults(whole, _CARD)) or {}), known
    yield canonical_json(_without_defaults(whole, _CARD, required=True)), known
    yield canonical_json(whole), whole
    yield _old_json(whole), whole


def changes_nothing(covered: Json, sent: Json) -> bool:
    """Whether the members that are not ``covered`` by a signature mean nothing to who reads 1.0."""
    return bool(_known(read_card(covered, ""), _CARD) == _known(read_card(sent, ""), _CARD))


def canonical_json(value: Any) -> bytes:
    """``value`` as RFC 8785 writes it. Raises ValueError if it has no such form."""
    parts: List[str] = []
    try:
        _write(value, parts)
    except (RecursionError, OverflowError) as error:
        raise ValueError("it is nested too deep, or has a number beyond all bounds") from error
    return "".join(parts).encode("utf-8")  # a lone surrogate is a UnicodeError, which is one too


def _write(value: Any, parts: List[str]) -> None:
    if isinstance(value, dict):
        parts.append("{")
        for place, name in enumerate(sorted(value, key=_utf16)):
            parts.append("," if place else "")
            parts.append(_text(name))
            parts.append(":")
            _write(value[name], parts)
        parts.append("}")
    elif isinstance(value, list):
        parts.append("[")
        for place, each in enumerate(value):
            parts.append("," if place else "")
            _write(each, parts)
        parts.append("]")
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        parts.append(_number(value))
    else:
        parts.append(_text(value))


def _utf16(name: str) -> bytes:
    return name.encode("utf-16-be", "surrogatepass")


def _number(given: float) -> str:
    """A number as ECMAScript prints it."""
    value = float(given)
    if value - value != 0:
        raise ValueError("JSON has no %r" % value)
    if value.is_integer() and abs(value) < _EXACT:
        return str(int(value))  # which has no -0
    digits, _, power = repr(value).partition("e")
    if not power and abs(value) < _EXACT:
        return digits
    sign, digits = ("-", digits[1:]) if value < 0 else ("", digits)
    exponent = int(power) if power else len(digits.partition(".")[0]) - 1
    figures = digits.replace(".", "") if power else digits.partition(".")[0].rstrip("0")
    if 0 <= exponent < 21:
        return sign + figures.ljust(exponent + 1, "0")
    if -7 < exponent < 0:
        return "%s0.%s" % (sign, figures.rjust(len(figures) - exponent - 1, "0"))
    return "%s%se%+d" % (sign, digits, exponent)


def _members(value: Json, shape: Dict[str, Any]) -> Iterator[Tuple[str, str, Any]]:
    """The name, the mark and the shape of each member that a message may have."""
    if "*" in shape:
        yield from ((name, "", shape["*"]) for name in value)
        return
    for named, inner in shape.items():
        mark = named[-1] if named[-1] in "!?" else ""
        yield named[: len(named) - len(mark)], mark, inner


def _known(value: Any, shape: Any) -> Any:
    """What of ``value`` the protocol has a place for."""
    if isinstance(shape, dict) and isinstance(value, dict):
        return {
            name: _known(value[name], inner)
            for name, _, inner in _members(value, shape)
            if value.get(name) is not None
        }
    if isinstance(shape, list) and isinstance(value, list):
        return [_known(each, shape[0]) for each in value]
    return value


def _without_defaults(value: Any, shape: Any, required: bool = False) -> Any:
    """What of ``value`` the protocol has a place for, and what is not the default of its kind.

    ``required`` ones are in it nevertheless, though they be absent.
    """
    if isinstance(shape, list) and isinstance(value, list):
        return [_without_defaults(each, shape[0], required) for each in value]
    if not (isinstance(shape, dict) and isinstance(value, dict)):
        return value
    kept: Json = {}
    dropped = ("",) if required else ("", "!")
    for name, mark, inner in _members(value, shape):
        given = value.get(name)
        if given is None and required and mark == "!":
            given = _empty(inner)
        if given is None:
            continue
        given = _without_defaults(given, inner, required)
        if mark in dropped and "*" not in shape and _is_default(given, inner):
            continue
        kept[name] = given
    return kept


def _is_default(value: Any, shape: Any) -> bool:
    """Whether protobuf would take the value for one that is not there; a message always is."""
    if isinstance(shape, dict) and "*" not in shape:
        return False
    return type(value) is type(_empty(shape)) and value == _empty(shape)


def _empty(shape: Any) -> Any:
    return type(shape)() if isinstance(shape, (dict, list)) else shape


def _without_empty(value: Any) -> Any:
    """``value`` without what is null, or an empty string, list or object; None if nothing is left.

    This is what the SDKs sign, where the specification would keep what is required.
    """
    if isinstance(value, dict):
        cleaned = {name: _without_empty(each) for name, each in value.items()}
        return {name: each for name, each in cleaned.items() if each is not None} or None
    if isinstance(value, list):
        return [each for each in map(_without_empty, value) if each is not None] or None
    return None if value == "" else value


def _old_json(card: Json) -> bytes:
    """What the SDK for 0.3 signs: it sorts by code point, and escapes what is not ASCII."""
    card = {
        name: each for name, each in without_nulls(card).items() if _OLD_DEFAULTS.get(name) != each
    }
    schemes = card.get("securitySchemes")
    if isinstance(schemes, dict):
        card["securitySchemes"] = {name: _untyped(each) for name, each in schemes.items()}
    text = json.dumps(_without_empty(card) or {}, separators=(",", ":"), sort_keys=True)
    return text.encode("ascii")


def _untyped(scheme: Any) -> Any:
    if not isinstance(scheme, dict) or scheme.get("type") not in _OLD_TYPES:
        return scheme
    return {name: each for name, each in scheme.items() if name != "type"}
