"""Tasks of an A2A server, passed on in the protocol's own terms, whatever version it speaks."""

from __future__ import annotations

from typing import Any, List

from ..a2a_client import A2AClient
from ..channels.a2a import A2AConnection
from ..protocols.a2a.interface import CANCEL_TASK, GET_TASK, LIST_TASKS, SEND_MESSAGE
from ..protocols.a2a.operation import Operation
from .incoming import Caller
from .tasks import Json, Told

__all__ = ["RelayedTasks"]


class RelayedTasks:
    """The tasks of one agent; their ids are its own. Any thread may call any method; all block."""

    def __init__(self, connection: A2AConnection, forwards: bool) -> None:
        self._connection = connection
        self._client = A2AClient.on(connection)
        self._forwards = forwards

    def send(self, params: Json, caller: Caller) -> Json:
        """SendMessage"""
        return self._asked(SEND_MESSAGE, {**params, "message": _said(params, caller)}, caller)

    def stream(self, params: Json, caller: Caller) -> Told:
        """SendStreamingMessage"""
        configuration = params["configuration"]
        stream = self._client.stream_message(
            _said(params, caller),
            return_immediately=configuration["returnImmediately"],
            history_length=configuration.get("historyLength"),
            accepted_output_modes=configuration.get("acceptedOutputModes"),
            request_metadata=params.get("metadata"),
            **caller.options(self._forwards),
        )
        return stream, _events

    def get(self, params: Json, caller: Caller) -> Json:
        """GetTask"""
        return self._asked(GET_TASK, params, caller)

    def list(self, params: Json, caller: Caller) -> Json:
        """ListTasks"""
        return self._asked(LIST_TASKS, params, caller)

    def cancel(self, params: Json, caller: Caller) -> Json:
        """CancelTask"""
        return self._asked(CANCEL_TASK, params, caller)

    def subscribe(self, params: Json, caller: Caller) -> Told:
        """SubscribeToTask"""
        context_id = params.get("contextId")
        stream = self._client.subscribe_to_task(
            params["id"], context_id=context_id, **caller.options(self._forwards)
        )
        return stream, _events

    def _asked(self, operation: str, params: Json, caller: Caller) -> Json:
        asked: Operation[Json] = Operation(operation, params, lambda result, interface: result)
        return self._connection.send(asked, caller.options(self._forwards))


def _said(params: Json, caller: Caller) -> Json:
    """The message, in the name of who is known to have sent it."""
    message: Json = params["message"]
    if caller.guest.user is not None:
        metadata = {**(message.get("metadata") or {}), "userId": caller.guest.user}
        message = {**message, "metadata": metadata}
    return message


def _events(event: Any) -> List[Json]:
    return [] if event is None else [event.to_dict()]
