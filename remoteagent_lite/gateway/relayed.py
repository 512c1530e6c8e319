"""Tasks of an A2A server, passed on in the protocol's own terms, whatever version it speaks."""

from __future__ import annotations

from typing import Any, List

from ..a2a_client import A2AClient
from ..channels.a2a import A2AConnection
from ..protocols.a2a.interface import (
    CANCEL_TASK,
    CREATE_PUSH_CONFIG,
    DELETE_PUSH_CONFIG,
    GET_PUSH_CONFIG,
    GET_TASK,
    LIST_PUSH_CONFIGS,
    LIST_TASKS,
    SEND_MESSAGE,
)
from ..protocols.a2a.operation import Operation
from .incoming import Caller
from .narration import Json, Told
from .pushes import Pushes

__all__ = ["RelayedTasks"]

_PUSH = "taskPushNotificationConfig"


class RelayedTasks:
    """The tasks of one agent; their ids are its own. Any thread may call any method; all block.

    So it posts its push notifications itself, to where ``pushes`` would.
    """

    def __init__(self, connection: A2AConnection, forwards: bool, pushes: Pushes) -> None:
        self._pushes = pushes
        self._connection = connection
        self._client = A2AClient.on(connection)
        self._forwards = forwards

    def send(self, params: Json, caller: Caller) -> Json:
        """SendMessage"""
        configuration = dict(params["configuration"])
        if _PUSH in configuration:
            configuration[_PUSH] = self._config(configuration[_PUSH])
        said = {"message": _said(params, caller), "configuration": configuration}
        return self._asked(SEND_MESSAGE, {**params, **said}, caller)

    def stream(self, params: Json, caller: Caller) -> Told:
        """SendStreamingMessage"""
        configuration = params["configuration"]
        config = configuration.get(_PUSH)
        stream = self._client.stream_message(
            _said(params, caller),
            return_immediately=configuration["returnImmediately"],
            history_length=configuration.get("historyLength"),
            accepted_output_modes=configuration.get("acceptedOutputModes"),
            request_metadata=params.get("metadata"),
            push_notification_config=None if config is None else self._config(config),
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

    def create_push(self, params: Json, caller: Caller) -> Json:
        """CreateTaskPushNotificationConfig"""
        return self._asked(CREATE_PUSH_CONFIG, self._config(params), caller)

    def get_push(self, params: Json, caller: Caller) -> Json:
        """GetTaskPushNotificationConfig"""
        return self._asked(GET_PUSH_CONFIG, params, caller)

    def list_pushes(self, params: Json, caller: Caller) -> Json:
        """ListTaskPushNotificationConfigs"""
        return {"configs": [], **self._asked(LIST_PUSH_CONFIGS, params, caller)}

    def delete_push(self, params: Json, caller: Caller) -> None:
        """DeleteTaskPushNotificationConfig"""
        self._asked(DELETE_PUSH_CONFIG, params, caller)

    def _config(self, config: Json) -> Json:
        """A config as it is sent on. Fault if it would lead into a private network."""
        self._pushes.check(config)
        return {name: value for name, value in config.items() if name != "version"}

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
