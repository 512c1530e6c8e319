"""What is asked of an agent, whichever way it is spoken to."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Optional, TypeVar

from ..contract import AnyCall, AnyStreamCall
from .fold import A2AFold

__all__ = ["Operation", "StreamOperation", "operation_of", "stream_operation_of"]

T = TypeVar("T")


class Operation(AnyCall[T]):
    """An operation and how to read its result.

    ``params`` are those of protocol 1.0. ``parse`` gets the result in the form of 1.0, and the
    Interface it came by; for the card that is None.
    """

    __slots__ = ("headers", "name", "params", "parse")

    def __init__(
        self,
        name: str,
        params: Mapping[str, Any],
        parse: Callable[[Any, Any], T],
        headers: Optional[Dict[str, str]] = None,
    ) -> None:
        self.name = name
        self.params = params
        self.parse = parse
        #: Those that only an AgentOS reads.
        self.headers = headers or {}


class StreamOperation(AnyStreamCall[Any]):
    """An operation that a stream of events answers, and the fold for them (an A2AFold)."""

    __slots__ = ("fold", "headers", "name", "params")

    fold: A2AFold

    def __init__(
        self,
        name: str,
        params: Mapping[str, Any],
        fold: A2AFold,
        headers: Optional[Dict[str, str]] = None,
    ) -> None:
        self.name = name
        self.params = params
        self.fold = fold
        self.headers = headers or {}


def operation_of(call: AnyCall[T]) -> Operation[T]:
    """The call itself. TypeError if it is another protocol's."""
    if not isinstance(call, Operation):
        raise TypeError("%r is no operation of A2A" % (call,))
    return call


def stream_operation_of(call: AnyStreamCall[Any]) -> StreamOperation:
    """The call itself. TypeError if it is another protocol's."""
    if not isinstance(call, StreamOperation):
        raise TypeError("%r is no operation of A2A" % (call,))
    return call
