"""The base of all generated classes: a thin, lazy view of one JSON object.

An instance's ``__dict__`` *is* the object as it came over the wire, under the wire's names. So
decoding an event costs one attribute assignment, whatever it holds; keys that this library does
not know stay, null stays null, and what is absent stays absent. Only the fields that have to be
decoded or renamed are descriptors; they decode at the first read and keep the result.

Two threads that read the same nested field for the first time at the same moment may each get an
object of their own, of which one is kept. All else is safe: linking a class twice does no harm.
"""

from __future__ import annotations

import enum
import sys
from types import FunctionType
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    ClassVar,
    Dict,
    List,
    Optional,
    Sequence,
    Tuple,
    Type,
    TypeVar,
)

__all__ = ["EventName", "Model", "Tagged", "child", "children", "mapping", "nested", "renamed"]

M = TypeVar("M", bound="Model")
Decoder = Callable[[Any], Any]

_ABSENT = object()
_ATOMS = frozenset((str, int, float, bool, type(None)))


class _Field:
    """A field whose value is decoded at the first read, or has another name on the wire."""

    __slots__ = ("_decode", "_default", "_module", "_shape", "wire")

    def __init__(self, shape: Any, wire: Optional[str], default: Any) -> None:
        self.wire = wire
        self._shape = shape
        self._default = default
        self._decode: Optional[Decoder] = None

    def __set_name__(self, owner: type, name: str) -> None:
        if self.wire is None:
            self.wire = name
        self._module = owner.__module__

    def __get__(self, instance: Any, owner: Optional[type] = None) -> Any:
        if instance is None:
            return self._default
        values = instance.__dict__
        value = values.get(self.wire, _ABSENT)
        if value is _ABSENT:
            return self._default
        if self._shape is None or not isinstance(value, (dict, list)):
            return value
        decode = self._decode
        if decode is None:
            # Not earlier: models refer to themselves and to classes further down the module.
            decode = self._decode = _decoder(self._shape, vars(sys.modules[self._module]))
        decoded = decode(value)
        if decoded is not value:
            values[self.wire] = decoded
        return decoded

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.wire] = value

    def __delete__(self, instance: Any) -> None:
        if self.wire not in instance.__dict__:
            raise AttributeError(self.wire)
        del instance.__dict__[self.wire]


def nested(shape: Any, wire: Optional[str] = None, *, default: Any = None) -> Any:
    """Declare a field that holds models.

    ``shape`` looks like the JSON: ``"X"`` is an object, ``["X"]`` a list of them, ``{"*": "X"}``
    a map of them, a tuple lists alternatives. A name is a class or an entry of ``UNIONS`` of the
    module. ``default`` tells type checkers that the field may be left out.
    """
    return _Field(shape, wire, default)


def renamed(wire: str, *, default: Any = None) -> Any:
    """Declare a field that has the name ``wire`` in the JSON."""
    return _Field(None, wire, default)


if TYPE_CHECKING:

    class EventName:
        """To checkers the names are constants: comparing with one tells which event it is."""

else:

    class EventName(str, enum.Enum):
        """Base of the enumerations of events' names. Their members are strings, equal to them."""

        __str__ = str.__str__


class Tagged:
    """A union whose members are told apart by the value of one field."""

    __slots__ = ("classes", "tag")

    def __init__(self, tag: str, classes: Dict[Any, Type[Model]]) -> None:
        self.tag = tag
        self.classes = classes

    def decode(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        try:
            cls = self.classes.get(value.get(self.tag))
        except TypeError:  # the tag is a list or an object
            return value
        return value if cls is None else cls.from_dict(value)


def _decoder(shape: Any, namespace: Dict[str, Any]) -> Decoder:
    """Return the function that decodes values of ``shape``; it returns what does not fit as is."""
    if isinstance(shape, str):
        union = namespace.get("UNIONS", {}).get(shape)
        return union.decode if union is not None else _object_decoder(namespace[shape])
    if isinstance(shape, list):
        return _list_decoder(_decoder(shape[0], namespace))
    if isinstance(shape, dict):
        return _map_decoder(_decoder(shape["*"], namespace))
    return _alternatives_decoder(shape, namespace)


def _object_decoder(cls: Type[Model]) -> Decoder:
    def decode(value: Any) -> Any:
        return cls.from_dict(value) if isinstance(value, dict) else value

    return decode


def _list_decoder(decode_item: Decoder) -> Decoder:
    def decode(value: Any) -> Any:
        if not isinstance(value, list):
            return value
        items = [decode_item(item) if type(item) not in _ATOMS else item for item in value]
        # A list that needs nothing is handed out itself, so that appending to it has an effect.
        return items if any(map(_differ, items, value)) else value

    return decode


def _map_decoder(decode_item: Decoder) -> Decoder:
    def decode(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        items = {key: decode_item(item) for key, item in value.items()}
        return items if any(map(_differ, items.values(), value.values())) else value

    return decode


def _differ(decoded: Any, value: Any) -> bool:
    return decoded is not value


def _alternatives_decoder(shapes: Tuple[Any, ...], namespace: Dict[str, Any]) -> Decoder:
    classes = [namespace[shape] for shape in shapes if isinstance(shape, str)]
    lists = [_decoder(shape, namespace) for shape in shapes if isinstance(shape, list)]

    def decode(value: Any) -> Any:
        if isinstance(value, dict) and classes:
            cls = _best_fit(value, classes)
            return value if cls is None else cls.from_dict(value)
        return lists[0](value) if lists else value

    return decode


def _best_fit(value: Dict[str, Any], classes: List[Type[Model]]) -> Optional[Type[Model]]:
    """Return the class that knows most of the keys, the first of several; None if none fits."""
    best, most = None, 0
    for cls in classes:
        known = sum(wire in value for wire in fields_of(cls).values())
        if known > most:
            best, most = cls, known
    return best


def fields_of(cls: Type[Model]) -> Dict[str, str]:
    """Return attribute -> wire name of all declared fields, those of base classes first."""
    fields: Optional[Dict[str, str]] = cls.__dict__.get("_fields")
    if fields is None:
        fields = {}
        for owner in reversed(cls.__mro__):
            for name, annotation in _annotations(owner).items():
                if "ClassVar" not in str(annotation):
                    declared = owner.__dict__.get(name)
                    wire = declared.wire if isinstance(declared, _Field) else name
                    fields[name] = wire or name
        cls._fields = fields
    return fields


def _annotations(cls: type) -> Dict[str, Any]:
    # Before 3.10 the attribute of a class without annotations is that of its base; from 3.14 on
    # the class dictionary need not hold them.
    own: Dict[str, Any]
    if sys.version_info >= (3, 10):
        own = getattr(cls, "__annotations__", {})
    else:
        own = cls.__dict__.get("__annotations__", {})
    return own


class _Method:
    """A method that wins over a key of the same name in the JSON, because it can be "set"."""

    def __init__(self, method: Any) -> None:
        self._method = method
        self.__doc__ = method.__doc__

    def __get__(self, instance: Any, owner: Optional[type] = None) -> Any:
        return self._method.__get__(instance, owner)

    def __set__(self, instance: Any, value: Any) -> None:
        raise AttributeError("the methods of %s cannot be replaced" % type(instance).__name__)


# Looked up on the instance by copy and pickle, so a key of that name could replace them.
_LOOKED_UP_ON_INSTANCES = ("__copy__", "__deepcopy__", "__reduce_ex__")


def _guard_methods(cls: type) -> None:
    for name, value in list(vars(cls).items()):
        public = not name.startswith("__") or name in _LOOKED_UP_ON_INSTANCES
        if public and isinstance(value, (FunctionType, classmethod)):
            setattr(cls, name, _Method(value))


if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: Any) -> Callable[[M], M]:
        return lambda cls: cls


@dataclass_transform(kw_only_default=True, field_specifiers=(nested, renamed))
class Model:
    """A JSON object with named, typed fields; see the module's docstring."""

    #: The fields with one possible value, which a constructed object always sends.
    _constants: ClassVar[Tuple[str, ...]] = ()
    #: The fields that repr shows before the others.
    _shown: ClassVar[Tuple[str, ...]] = ()
    _fields: ClassVar[Dict[str, str]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _guard_methods(cls)

    def __init__(self, /, **values: Any) -> None:
        cls = type(self)
        fields = fields_of(cls)
        data = self.__dict__
        for name in cls._constants:
            data[fields[name]] = getattr(cls, name)
        for name, value in values.items():
            if name not in fields:
                raise TypeError(_unknown_name(cls, name))
            data[fields[name]] = value

    @classmethod
    def _view(cls: Type[M], data: Dict[str, Any]) -> M:
        """Return a model that holds ``data`` itself, not a copy."""
        self = cls.__new__(cls)
        self.__dict__ = data
        return self

    @classmethod
    def from_dict(cls: Type[M], data: Dict[str, Any]) -> M:
        """Make a model of a decoded JSON object, which is copied and never changed."""
        if not isinstance(data, dict):
            raise TypeError("%s.from_dict needs a dict, not %r" % (cls.__name__, type(data)))
        return cls._view(dict(data))

    def to_dict(self) -> Dict[str, Any]:
        """Return a plain copy under the wire's names: nothing added, nothing left out."""
        return {key: _plain(value) for key, value in self.__dict__.items()}

    if not TYPE_CHECKING:  # checkers shall report unknown names

        def __getattr__(self, name: str) -> Any:
            # Reached only for what neither the JSON nor the class has, and when a property of the
            # class raises AttributeError: Python has dropped that error, and it is wanted.
            cls = type(self)
            declared = getattr(cls, name, None)
            if isinstance(declared, property):
                return declared.__get__(self)
            if not name.startswith("__") and name in fields_of(cls):
                return None
            raise NoFieldError(cls, name)

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return _plain(self) == _plain(other)  # type: ignore[no-any-return]

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        cls = type(self)
        values = self.__dict__
        shown: List[str] = []
        fields = fields_of(cls)
        for name in [*cls._shown, *(name for name in fields if name not in cls._shown)]:
            value = values.get(fields[name])
            if value is None or name in cls._constants:
                continue
            if len(shown) == _SHOWN_FIELDS:
                shown.append("...")
                break
            shown.append("%s=%s" % (name, _short(value)))
        return "%s(%s)" % (cls.__name__, ", ".join(shown))

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _restore, (type(self), dict(self.__dict__))

    def __copy__(self: M) -> M:
        return _restore(type(self), dict(self.__dict__))

    def __deepcopy__(self: M, memo: Dict[int, Any]) -> M:
        from copy import deepcopy

        return _restore(type(self), deepcopy(self.__dict__, memo))


_guard_methods(Model)


# Reading fields of which a server may have made anything. What is of another type is as good as
# absent for whoever asks this way; it stays in the object all the same.


def child(item: Any, name: str) -> Any:
    """The object in a field; None if it holds something else."""
    value = getattr(item, name, None)
    return value if isinstance(value, Model) else None


def children(item: Any, name: str) -> List[Any]:
    """The objects in a field that should hold a list of them."""
    value = getattr(item, name, None)
    if not isinstance(value, (list, tuple)):
        return []
    return [each for each in value if isinstance(each, Model)]


def mapping(item: Any, name: str) -> Dict[str, Any]:
    """The plain JSON object in a field; empty if it holds something else."""
    value = getattr(item, name, None)
    return value if isinstance(value, dict) else {}


_SHOWN_FIELDS = 6
_SHOWN_CHARACTERS = 60


def _restore(cls: Type[M], data: Dict[str, Any]) -> M:
    return cls._view(data)


def _plain(value: Any) -> Any:
    if type(value) in _ATOMS:
        return value
    if isinstance(value, Model):
        value = value.__dict__
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _short(value: Any) -> str:
    """Describe ``value`` in few characters, without looking inside of containers."""
    if isinstance(value, (list, tuple)):
        return "[%d items]" % len(value) if value else "[]"
    if isinstance(value, (dict, Model)):
        # The same whether the value has been decoded already or not.
        return "{...}" if value != {} else "{}"
    if isinstance(value, str):
        if len(value) > _SHOWN_CHARACTERS:
            return "%r..." % value[:_SHOWN_CHARACTERS]
        return repr(value)
    if isinstance(value, int) and value.bit_length() > 64:
        return "<int of %d bits>" % value.bit_length()
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else "<%s>" % type(value).__name__


class NoFieldError(AttributeError):
    """What a model raises for a name that it does not have. Its text names those that are near."""

    # The text is made when it is wanted: most of these are only asked for, by hasattr().
    def __str__(self) -> str:
        cls, name = self.args
        return _unknown_name(cls, name, [each for each in dir(cls) if not each.startswith("_")])


def _unknown_name(cls: type, name: str, more: Sequence[str] = ()) -> str:
    from difflib import get_close_matches

    message = "%s has no field %r" % (cls.__name__, name)
    fields = fields_of(cls)
    by_wire = [attribute for attribute, wire in fields.items() if wire == name]
    matches = by_wire or get_close_matches(name, {*fields, *more}, 3)
    if matches:
        message += "; did you mean %s?" % " or ".join(map(repr, matches))
    return message
