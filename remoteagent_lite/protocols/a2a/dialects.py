"""The five ways A2A is spoken, behind one interface. No I/O.

A dialect is a binding (how requests travel) and a version (what they say). It takes and gives the
canonical form; see the package.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Optional, Sequence, Tuple, Union

from ...errors import (
    ProtocolError,
    RemoteHTTPError,
    TaskNotFoundError,
    UnsupportedError,
    shown_url,
)
from ...wire import Request, Response
from . import agno, bindings
from .faults import fault_of
from .interface import (
    AGNO,
    CANCEL_TASK,
    CREATE_PUSH_CONFIG,
    GET_EXTENDED_CARD,
    GET_PUSH_CONFIG,
    GET_TASK,
    JSONRPC,
    LIST_PUSH_CONFIGS,
    LIST_TASKS,
    REST,
    SEND_MESSAGE,
    SEND_STREAMING_MESSAGE,
    SUBSCRIBE_TO_TASK,
    Interface,
)
from .v03 import V03
from .v03_rest import V03Rest
from .v10 import V10, Json

__all__ = ["Dialect", "dialect_of", "fault_of"]

Binding = Union[bindings.JsonRpc, bindings.Rest]

#: Operations whose repetition makes nothing happen twice.
_SAFE = frozenset(
    (
        GET_TASK,
        LIST_TASKS,
        CANCEL_TASK,
        SUBSCRIBE_TO_TASK,
        GET_PUSH_CONFIG,
        LIST_PUSH_CONFIGS,
        GET_EXTENDED_CARD,
    )
)

#: What the answer to an operation says of whom it is about: as its parameters do, or it is wrong.
_IDS: Dict[str, Tuple[str, ...]] = {
    GET_TASK: ("id",),
    CANCEL_TASK: ("id",),
    CREATE_PUSH_CONFIG: ("taskId",),
    GET_PUSH_CONFIG: ("taskId", "id"),
}


class Dialect:
    """Writes requests for ``interface`` and reads what it answers.

    Immutable, so any number of threads may share one. Nothing given to it is changed.
    """

    def __init__(self, interface: Interface, version: V10, binding: Binding) -> None:
        self.interface = interface
        self.version = version
        self._binding = binding
        self._readers: Dict[str, Callable[[Any], Json]] = {
            SEND_MESSAGE: version.read_sent,
            # A server that does not stream answers with the whole at once.
            SEND_STREAMING_MESSAGE: version.read_sent,
            GET_TASK: version.read_task,
            CANCEL_TASK: version.read_task,
            LIST_TASKS: version.read_page,
            SUBSCRIBE_TO_TASK: version.read_event,
            CREATE_PUSH_CONFIG: version.read_push,
            GET_PUSH_CONFIG: version.read_push,
            LIST_PUSH_CONFIGS: version.read_pushes,
            GET_EXTENDED_CARD: version.read_card,
        }

    def __repr__(self) -> str:
        return "Dialect(%s %s)" % (self.interface.binding, self.interface.version)

    def request(
        self, operation: str, params: Mapping[str, Any], extensions: Sequence[str] = ()
    ) -> Request:
        """The request for ``operation`` with canonical ``params``.

        ``contextId`` among the parameters of GetTask and CancelTask is for AgentOS, which needs
        it; it is not sent elsewhere. ``extensions`` are the URIs of those to activate. Raises
        UnsupportedError for what this dialect cannot carry.
        """
        if operation in (GET_TASK, CANCEL_TASK) and self.interface.binding != AGNO:
            params = {key: value for key, value in params.items() if key != "contextId"}
        request = self._binding.request(operation, params)
        if self.version.version is not None:
            request.headers["A2A-Version"] = self.version.version
        if extensions:
            request.headers[self.version.extensions_header] = ", ".join(extensions)
        request.safe = operation in _SAFE
        return request

    def alternative(
        self, operation: str, request: Request, error: RemoteHTTPError
    ) -> Optional[Request]:
        """What to send instead of a ``request`` that was answered by ``error``; mostly None."""
        if operation != SUBSCRIBE_TO_TASK or error.status_code != 405:
            return None
        return self._binding.alternative(request)

    def result(self, operation: str, response: Response, params: Mapping[str, Any]) -> Any:
        """The canonical answer to ``operation``; None for DeleteTaskPushNotificationConfig.

        Raises the A2AError that the answer tells of, and ProtocolError if it is no answer to this
        operation with these ``params``.
        """
        read = self._readers.get(operation)
        found = self._binding.result(response, needed=read is not None)
        if read is None:
            return None
        answer = read(found)
        for name in _IDS.get(operation, ()):
            asked, said = params.get(name), answer.get(name)
            if asked and said and asked != said:
                raise _about_another(operation, response, asked, said)
        return answer

    def event(self, data: Any) -> Json:
        """The canonical event for the decoded JSON of one frame of a stream.

        Raises the A2AError that the frame tells of. An object of an unknown kind is
        ``{"unknown": data}``.
        """
        if type(data) is dict and data.get("error") is None:
            result = data.get("result")
            if result is not None:
                return self.version.read_event(result)
        return self.version.read_event(data)


def _about_another(operation: str, response: Response, asked: str, said: str) -> ProtocolError:
    text = "%s was asked about %.80r and answered about %.80r. " % (response.url, asked, said)
    if operation == GET_PUSH_CONFIG:
        # So does a2a-sdk 0.3.26 if it has no such config, but another.
        return TaskNotFoundError(
            text + "It has no such push notification config.",
            response.url,
            code=-32001,
            reason="TASK_NOT_FOUND",
            status_code=response.status,
        )
    return ProtocolError(text + "Is a cache or a proxy in between?", response.url)


def dialect_of(interface: Interface) -> Dialect:
    """The dialect that ``interface`` speaks. Raises UnsupportedError for an unknown one."""
    binding, version, url, tenant = interface
    if version == "1.0" and binding in (JSONRPC, REST):
        v10 = V10(url)
        if binding == REST:
            return Dialect(interface, v10, bindings.Rest(interface, v10))
        return Dialect(interface, v10, bindings.JsonRpc(interface, v10, bindings.METHODS_V10))
    shown = shown_url(url)
    if version != "0.3" or binding not in (JSONRPC, REST, AGNO):
        raise UnsupportedError(
            "%s speaks A2A %s over %s, which this library does not. It speaks 1.0 and 0.3 over "
            "%s and %s." % (shown, version, binding, JSONRPC, REST),
            shown,
        )
    if tenant is not None:
        raise UnsupportedError(
            "%s is for the tenant %r, which A2A 0.3 cannot name." % (shown, tenant), shown
        )
    return _v03_dialect(interface)


def _v03_dialect(interface: Interface) -> Dialect:
    if interface.binding == REST:
        rest = V03Rest(interface.url)
        return Dialect(interface, rest, bindings.Rest(interface, rest))
    if interface.binding == AGNO:
        version = agno.AgnoV03(interface.url)
        return Dialect(interface, version, bindings.AgnoJsonRpc(interface, version))
    v03 = V03(interface.url)
    return Dialect(interface, v03, bindings.JsonRpc(interface, v03, bindings.METHODS_V03))
