"""Classes that say what an answer is to look like: their JSON schemas, and their instances. No I/O.

Dataclasses and TypedDicts are read here. What has ``model_json_schema`` and ``model_validate``, as
pydantic's models have, does it itself. All else is a JSON schema, of which nothing is checked.
"""

from __future__ import annotations

import enum
import json
import typing
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

__all__ = ["MisfitError", "instance_of", "schema_of"]

_MISSING = object()
_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
_LISTS = ("list", "List", "Sequence", "Iterable", "Collection", "set", "frozenset", "tuple")
_MAPS = ("dict", "Mapping", "MutableMapping")


class MisfitError(ValueError):
    """An answer is not what the class asks for."""


def schema_of(wanted: Any) -> Any:
    """The JSON schema of a class; anything else as it is. Raises TypeError for what has none."""
    own = getattr(wanted, "model_json_schema", None)
    if callable(own):
        return own()
    if not isinstance(wanted, type):
        return wanted
    if _fields_of(wanted) is None:
        raise TypeError(
            "output_schema takes a dataclass, a TypedDict, a pydantic model or a JSON schema, not "
            "%s" % wanted.__name__
        )
    definitions: Dict[str, Any] = {}
    schema = _schema(wanted, wanted.__name__, (), definitions)
    return {**schema, "$defs": definitions} if definitions else schema


def instance_of(wanted: Any, content: Any) -> Any:
    """An answer's content as an instance of the class; for a JSON schema or a TypedDict as JSON.

    Text is taken for JSON. Raises MisfitError, which says where it does not fit.
    """
    if isinstance(content, str):
        try:
            content = json.loads(content)
        except ValueError as error:
            raise MisfitError("it is no JSON: %s" % error) from error
    return _instance(wanted, content, "") if isinstance(wanted, type) else content


# --- What is known of a class


class _FieldOfClass(NamedTuple):
    type: Any
    is_required: bool
    is_given: bool = True  # to the constructor


def _fields_of(cls: Any) -> Optional[Dict[str, _FieldOfClass]]:
    """The fields of a dataclass or TypedDict, by name; None for all else."""
    if isinstance(cls, type) and hasattr(cls, "__dataclass_fields__"):
        import dataclasses  # who has one has imported it

        hints = _hints(cls)
        missing = dataclasses.MISSING
        return {
            each.name: _FieldOfClass(
                hints[each.name],
                each.default is missing and each.default_factory is missing,
                each.init,
            )
            for each in dataclasses.fields(cls)
        }
    if isinstance(cls, type) and issubclass(cls, dict) and hasattr(cls, "__total__"):
        hints = _hints(cls)
        required = getattr(cls, "__required_keys__", hints if cls.__total__ else ())
        return {name: _FieldOfClass(hint, name in required) for name, hint in hints.items()}
    return None


def _hints(cls: Any) -> Dict[str, Any]:
    try:
        return typing.get_type_hints(cls)
    except NameError as error:
        raise TypeError("output_schema=%s: %s" % (cls.__name__, error)) from error


def _parts(hint: Any) -> Tuple[str, Tuple[Any, ...]]:
    """What a generic type is called, and its arguments."""
    origin = getattr(hint, "__origin__", None)
    arguments = getattr(hint, "__args__", ()) or ()
    if origin is None:
        name = getattr(hint, "__name__", str(hint))
        return ("Union" if type(hint).__name__ == "UnionType" else name), arguments
    name = getattr(origin, "__name__", None) or getattr(origin, "_name", None) or str(origin)
    return name, tuple(each for each in arguments if not isinstance(each, typing.TypeVar))


def _codec(hint: Any) -> Optional[Tuple[Dict[str, Any], Callable[[str], Any]]]:
    """Schema and reader of what is text in JSON."""
    place = (getattr(hint, "__module__", ""), getattr(hint, "__name__", ""))
    if place in (("datetime", "datetime"), ("datetime", "date"), ("datetime", "time")):
        format = "date-time" if place[1] == "datetime" else place[1]
        return {"type": "string", "format": format}, lambda text: hint.fromisoformat(
            text.replace("Z", "+00:00")
        )
    if place == ("uuid", "UUID"):
        return {"type": "string", "format": "uuid"}, hint
    if place == ("decimal", "Decimal"):
        return {"type": "string"}, hint
    return None


# --- To JSON schema


def _schema(hint: Any, where: str, within: Tuple[Any, ...], definitions: Dict[str, Any]) -> Any:
    """The schema of a type; ``within`` are the classes around it.

    What nests is written out, because an AgentOS follows no references.
    """

    def of(each: Any, name: str = where) -> Any:
        return _schema(each, name, within, definitions)

    own = getattr(hint, "model_json_schema", None)
    if callable(own):
        schema = dict(own())
        definitions.update(schema.pop("$defs", {}))
        return schema
    if hint in within:
        raise TypeError("%s: %s refers to itself, which has no end" % (where, hint.__name__))
    fields = _fields_of(hint)
    if fields is not None:
        within = (*within, hint)
        schema = {"type": "object", "title": hint.__name__}
        given = {name: field for name, field in fields.items() if field.is_given}
        schema["properties"] = {
            name: of(field.type, "%s.%s" % (hint.__name__, name)) for name, field in given.items()
        }
        schema["required"] = [name for name, field in given.items() if field.is_required]
        return schema
    if hint in (Any, object):
        return {}
    codec = _codec(hint)
    if codec is not None:
        return codec[0]
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return _choices([each.value for each in hint])
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    name, arguments = _parts(hint)
    if name == "Literal":
        return _choices(list(arguments))
    if name in ("Union", "Optional"):
        return {"anyOf": [of(each) for each in arguments]}
    if name in ("Required", "NotRequired", "Annotated"):
        return of(arguments[0])
    if name == "tuple" and arguments[-1:] != (Ellipsis,) and arguments:
        length = len(arguments)
        items = [of(each) for each in arguments]
        return {"type": "array", "prefixItems": items, "minItems": length, "maxItems": length}
    if name in _LISTS:
        return {"type": "array", "items": of(arguments[0])} if arguments else {"type": "array"}
    if name in _MAPS:
        if arguments and arguments[0] is not str:
            raise TypeError("%s: the keys of a JSON object are text, not %r" % (where, arguments))
        more = {"additionalProperties": of(arguments[1])} if arguments else {}
        return {"type": "object", **more}
    raise TypeError("%s: %r has no JSON schema" % (where, hint))


def _choices(values: List[Any]) -> Dict[str, Any]:
    kinds = {_PLAIN.get(type(value)) for value in values}
    schema: Dict[str, Any] = {"enum": values}
    if len(kinds) == 1 and None not in kinds:
        schema["type"] = kinds.pop()
    return schema


# --- From JSON


def _instance(hint: Any, value: Any, where: str) -> Any:
    validate = getattr(hint, "model_validate", None)
    if callable(validate):
        return _validated(validate, value, where)
    fields = _fields_of(hint)
    if fields is not None:
        return _object(hint, fields, value, where)
    if hint in (Any, object):
        return value
    codec = _codec(hint)
    if codec is not None:
        try:
            return codec[1](_expected(value, str, where))
        except (ValueError, ArithmeticError) as error:
            raise _misfit(where, value, hint.__name__) from error
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        try:
            return hint(value)
        except ValueError as error:
            raise _misfit(where, value, hint.__name__) from error
    if hint in _PLAIN:
        return _expected(value, hint, where)
    name, arguments = _parts(hint)
    if name == "Literal":
        if not any(value == each and type(value) is type(each) for each in arguments):
            raise _misfit(where, value, "one of %s" % ", ".join(map(repr, arguments)))
        return value
    if name in ("Union", "Optional"):
        return _first_of(arguments, value, where)
    if name in ("Required", "NotRequired", "Annotated"):
        return _instance(arguments[0], value, where)
    if name in _LISTS:
        return _several(name, arguments, _expected(value, list, where), where)
    items = _expected(value, dict, where)
    if not arguments:
        return items
    return {key: _instance(arguments[1], each, _at(where, key)) for key, each in items.items()}


def _object(cls: Any, fields: Dict[str, _FieldOfClass], value: Any, where: str) -> Any:
    value = _expected(value, dict, where)
    given: Dict[str, Any] = {}
    for name, field in fields.items():
        each = value.get(name, _MISSING) if field.is_given else _MISSING
        if each is _MISSING or (each is None and not field.is_required and _is_no(field.type)):
            if field.is_required and field.is_given:
                raise MisfitError("%s is missing" % _at(where, name))
        else:
            given[name] = _instance(field.type, each, _at(where, name))
    if issubclass(cls, dict):
        return {**value, **given}
    try:
        return cls(**given)
    except ValueError as error:  # a check of its own
        raise MisfitError("%s: %s" % (where or cls.__name__, error)) from error


def _is_no(hint: Any) -> bool:
    """Whether the type has no None: then a server's null says that there is nothing."""
    try:
        _instance(hint, None, "")
    except MisfitError:
        return True
    return False


def _validated(validate: Callable[[Any], Any], value: Any, where: str) -> Any:
    try:
        return validate(value)
    except ValueError as error:  # pydantic's is one
        raise MisfitError("%s%s" % (where and where + ": ", error)) from error


def _several(name: str, arguments: Tuple[Any, ...], items: List[Any], where: str) -> Any:
    made = {"set": set, "frozenset": frozenset, "tuple": tuple}.get(name, list)
    types = list(arguments[:1] or (Any,)) * len(items)
    if name == "tuple" and arguments and arguments[-1] is not Ellipsis:
        if len(arguments) != len(items):
            raise MisfitError("%s has not %d items" % (where or "it", len(arguments)))
        types = list(arguments)
    return made(
        _instance(each, item, "%s[%d]" % (where, place))
        for place, (each, item) in enumerate(zip(types, items))
    )


def _first_of(types: Tuple[Any, ...], value: Any, where: str) -> Any:
    if value is None and type(None) in types:
        return None
    real = [each for each in types if each is not type(None)]
    if len(real) == 1:
        return _instance(real[0], value, where)
    # What it is already goes before what it could be taken for.
    for each in sorted(real, key=lambda each: type(value) is not each):
        try:
            return _instance(each, value, where)
        except MisfitError:
            continue
    raise _misfit(where, value, "any of %s" % ", ".join(map(_name_of, types)))


def _expected(value: Any, kind: Any, where: str) -> Any:
    # JSON has one kind of numbers.
    if (kind is float and type(value) is int) or (
        kind is int and type(value) is float and value.is_integer()
    ):
        return kind(value)
    if type(value) is not kind:
        raise _misfit(where, value, _name_of(kind))
    return value


def _name_of(kind: Any) -> str:
    return str(getattr(kind, "__name__", kind))


def _misfit(where: str, value: Any, wanted: str) -> MisfitError:
    return MisfitError("%s is %.80r, not %s" % (where or "it", value, wanted))


def _at(where: str, name: Any) -> str:
    return "%s.%s" % (where, name) if where else str(name)
