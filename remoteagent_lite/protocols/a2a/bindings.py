"""How an operation and its parameters become an HTTP request, and answers give theirs back.

No I/O. What the parameters look like is the versions' matter (v10, v03, v03_rest, agno).
"""

from __future__ import annotations

import uuid
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple
from urllib.parse import quote

from ...errors import UnsupportedError, shown_url
from ...wire import Request, Response
from ..jsontext import json_of
from .agno import PATHS
from .faults import error_in, error_of
from .interface import (
    CANCEL_TASK,
    CREATE_PUSH_CONFIG,
    DELETE_PUSH_CONFIG,
    GET_EXTENDED_CARD,
    GET_PUSH_CONFIG,
    GET_TASK,
    LIST_PUSH_CONFIGS,
    LIST_TASKS,
    SEND_MESSAGE,
    SEND_STREAMING_MESSAGE,
    SUBSCRIBE_TO_TASK,
    Interface,
)
from .v10 import V10, Json

__all__ = [
    "METHODS_V03",
    "METHODS_V10",
    "ROUTES_V03",
    "ROUTES_V10",
    "AgnoJsonRpc",
    "JsonRpc",
    "Rest",
    "Route",
]

METHODS_V03: Dict[str, str] = {
    SEND_MESSAGE: "message/send",
    SEND_STREAMING_MESSAGE: "message/stream",
    GET_TASK: "tasks/get",
    CANCEL_TASK: "tasks/cancel",
    SUBSCRIBE_TO_TASK: "tasks/resubscribe",
    CREATE_PUSH_CONFIG: "tasks/pushNotificationConfig/set",
    GET_PUSH_CONFIG: "tasks/pushNotificationConfig/get",
    LIST_PUSH_CONFIGS: "tasks/pushNotificationConfig/list",
    DELETE_PUSH_CONFIG: "tasks/pushNotificationConfig/delete",
    GET_EXTENDED_CARD: "agent/getAuthenticatedExtendedCard",
}
METHODS_V10: Dict[str, str] = {name: name for name in (*METHODS_V03, LIST_TASKS)}


class Route(NamedTuple):
    method: str
    path: str  # {id} and {taskId} are canonical parameters


ROUTES_V10: Dict[str, Route] = {
    SEND_MESSAGE: Route("POST", "/message:send"),
    SEND_STREAMING_MESSAGE: Route("POST", "/message:stream"),
    GET_TASK: Route("GET", "/tasks/{id}"),
    LIST_TASKS: Route("GET", "/tasks"),
    CANCEL_TASK: Route("POST", "/tasks/{id}:cancel"),
    SUBSCRIBE_TO_TASK: Route("POST", "/tasks/{id}:subscribe"),
    CREATE_PUSH_CONFIG: Route("POST", "/tasks/{taskId}/pushNotificationConfigs"),
    GET_PUSH_CONFIG: Route("GET", "/tasks/{taskId}/pushNotificationConfigs/{id}"),
    LIST_PUSH_CONFIGS: Route("GET", "/tasks/{taskId}/pushNotificationConfigs"),
    DELETE_PUSH_CONFIG: Route("DELETE", "/tasks/{taskId}/pushNotificationConfigs/{id}"),
    GET_EXTENDED_CARD: Route("GET", "/extendedAgentCard"),
}
ROUTES_V03: Dict[str, Route] = {
    **{
        name: Route(route.method, "/v1" + route.path)
        for name, route in ROUTES_V10.items()
        if name != LIST_TASKS  # specified, and served by nobody
    },
    GET_EXTENDED_CARD: Route("GET", "/v1/card"),
}
_JSON = "application/json"
_A2A_JSON = "application/a2a+json"
_EVENTS = "text/event-stream"


class JsonRpc:
    """JSON-RPC 2.0: everything is posted to one url."""

    def __init__(self, interface: Interface, version: V10, methods: Mapping[str, str]) -> None:
        self._interface = interface
        self._version = version
        self._methods = methods

    def request(self, operation: str, params: Mapping[str, Any]) -> Request:
        if operation not in self._methods:
            raise _unsupported(self._interface, operation)
        written = self._version.params(operation, params)
        if self._interface.tenant is not None:
            written["tenant"] = self._interface.tenant
        body: Json = {
            "jsonrpc": "2.0",
            "id": uuid.uuid4().hex,
            "method": self._methods[operation],
        }
        if written:
            body["params"] = written
        headers = {"Content-Type": _JSON, "Accept": "%s, %s" % (_JSON, _EVENTS)}
        return Request("POST", self._url(operation), headers=headers, json=body)

    def result(self, response: Response, needed: bool) -> Any:
        data = self._version.checked(json_of(response), "a JSON-RPC answer")
        if "error" in data:
            raise error_of(data["error"], response.url, response.status)
        if "result" not in data:
            error = error_in(data, response.url, response.status)
            if error is not None:
                raise error
            if needed or "jsonrpc" not in data:
                raise self._version.wrong("a JSON-RPC answer", "an object without a result")
        return data.get("result")

    def alternative(self, request: Request) -> Optional[Request]:
        return None

    def _url(self, operation: str) -> str:
        return self._interface.url


class AgnoJsonRpc(JsonRpc):
    """AgentOS's: each method on a path of its own."""

    def __init__(self, interface: Interface, version: V10) -> None:
        methods = {name: method for name, method in METHODS_V03.items() if name in PATHS}
        super().__init__(interface, version, methods)

    def _url(self, operation: str) -> str:
        return self._interface.url + PATHS[operation]


class Rest:
    """HTTP+JSON: methods, paths and queries."""

    def __init__(self, interface: Interface, version: V10) -> None:
        self._interface = interface
        self._version = version
        self._v10 = version.version is not None
        self._routes = ROUTES_V10 if self._v10 else ROUTES_V03

    def request(self, operation: str, params: Mapping[str, Any]) -> Request:
        if operation not in self._routes:
            raise _unsupported(self._interface, operation)
        method, path = self._routes[operation]
        written = self._version.params(operation, params)
        tenant = written.pop("tenant", None) or self._interface.tenant
        prefix = "" if tenant is None else "/" + quote(tenant, safe="")
        for name in ("id", "taskId"):
            if "{%s}" % name in path:
                value = _segment(name, params.get(name))
                path = path.replace("{%s}" % name, value)
                written.pop(name, None)
        url = self._interface.url + prefix + path
        headers = {"Accept": "%s, %s, %s" % (_A2A_JSON, _JSON, _EVENTS)}
        if method != "POST":
            query = _query(written) if method == "GET" else []
            return Request(method, url, params=query or None, headers=headers)
        headers["Content-Type"] = _A2A_JSON if self._v10 else _JSON
        return Request(method, url, headers=headers, json=written)

    def result(self, response: Response, needed: bool) -> Any:
        if not needed and not response.body.strip():
            return None
        data = json_of(response)
        if type(data) is dict:
            error = error_in(data, response.url, response.status)
            if error is not None:
                raise error
        elif not needed and data is not None:
            raise self._version.wrong("an empty answer", "a JSON " + type(data).__name__)
        return data

    def alternative(self, request: Request) -> Optional[Request]:
        """The same with GET, as the protobuf definition and some servers have it."""
        if request.method != "POST":
            return None
        headers = {k: v for k, v in request.headers.items() if k != "Content-Type"}
        return Request("GET", request.url, headers=headers)


def _unsupported(interface: Interface, operation: str) -> UnsupportedError:
    url = shown_url(interface.url)
    spoken = "%s %s" % (interface.binding, interface.version)
    return UnsupportedError(
        "%s is spoken to by %s, which has no %s. Use an interface of the agent that does, if "
        "there is one." % (url, spoken, operation),
        url,
    )


def _segment(name: str, value: Any) -> str:
    if type(value) is not str or not value or value in (".", ".."):
        raise ValueError("%s %r cannot be addressed: it must be a non-empty str" % (name, value))
    return quote(value, safe="")


def _query(params: Json) -> List[Tuple[str, str]]:
    return [
        (name, str(value).lower() if type(value) is bool else str(value))
        for name, value in params.items()
    ]
