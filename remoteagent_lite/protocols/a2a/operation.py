"""What is asked of an agent, whichever way it is spoken to."""

from __future__ import annotations

from typing import Any, Callable, Dict, Generic, Mapping, Optional, TypeVar

from .fold import A2AFold
from .interface import Interface

__all__ = ["Operation", "StreamOperation"]

T = TypeVar("T")


class Operation(Generic[T]):
    """An operation and how to read its result.

    ``params`` are those of protocol 1.0. ``parse`` gets the result in the form of 1.0, and the
    interface it came by.
    """

    __slots__ = ("headers", "name", "params", "parse")

    def __init__(
        self,
        name: str,
        params: Mapping[str, Any],
        parse: Callable[[Any, Interface], T],
        headers: Optional[Dict[str, str]] = None,
    ) -> None:
        self.name = name
        self.params = params
        self.parse = parse
        #: Those that only an AgentOS reads.
        self.headers = headers or {}


class StreamOperation:
    """An operation that a stream of events answers, and the fold for them (an A2AFold)."""

    __slots__ = ("fold", "headers", "name", "params")

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
