"""A2AClient: the A2A protocol itself, for any agent, binding and version."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Union

from .channels.a2a import RECOVER, A2AConnection
from .errors import ProtocolError, shown_url
from .models.a2a_v10 import (
    AgentCard,
    ListTasksResponse,
    Message,
    StreamResponse,
    Task,
    TaskPushNotificationConfig,
)
from .options import (
    A2ASettings,
    CallOptions,
    MessageOptions,
    RemoteSettings,
    RetryPolicy,
    Timeout,
    Unpack,
    check_keywords,
)
from .protocols.a2a import interface as a2a
from .protocols.a2a.description import describe
from .protocols.a2a.events import EventFold
from .protocols.a2a.interface import Interface
from .protocols.a2a.message import message_of
from .protocols.a2a.operation import Operation, StreamOperation
from .protocols.a2a.runs import A2A
from .protocols.component import AGENT
from .runs.recovery import Recovery, limit_of
from .runs.stream import RunStream

__all__ = ["A2AClient"]

_STATES = {
    name: "TASK_STATE_" + name.replace("-", "_").upper()
    for name in (
        "submitted",
        "working",
        "completed",
        "failed",
        "canceled",
        "rejected",
        "input-required",
        "auth-required",
    )
}


class A2AClient:
    """Speaks A2A to one agent, in the terms of the protocol.

    ``base_url`` is where the agent's card is (``/.well-known/agent-card.json`` is added to it).
    Whatever version and binding the agent speaks, tasks, messages and events come in the form of
    protocol 1.0 (``models.a2a_v10``). To run an agent and read its answer, RemoteAgent with
    ``protocol="a2a"`` is the shorter way.

    Any thread may call any method, and all of them block. Objects survive a fork and pickle with
    their settings. Errors of the protocol are A2AError and its subclasses.
    """

    def __init__(
        self,
        base_url: Optional[str] = None,
        timeout: Union[float, Timeout, None] = 60.0,
        config_ttl: float = 300.0,
        a2a_protocol: str = "auto",
        resume: Optional[RetryPolicy] = None,
        **settings: Unpack[A2ASettings],
    ) -> None:
        known = ("base_url", "timeout", "config_ttl", "a2a_protocol")
        check_keywords("A2AClient", settings, (*known, *RemoteSettings.__annotations__))
        connection = A2AConnection(
            base_url, timeout, config_ttl, a2a_protocol=a2a_protocol, **settings
        )
        self._speak_on(connection, resume or RECOVER)

    def _speak_on(self, connection: A2AConnection, resume: RetryPolicy) -> None:
        self._connection = connection
        # Tasks are found as the runs of a component are; what that is called nobody sees.
        self._recovery = Recovery(connection, A2A(AGENT, "agent"), resume)

    @classmethod
    def on(cls, connection: A2AConnection, resume: RetryPolicy = RECOVER) -> A2AClient:
        """A client on a connection that others use too."""
        client = cls.__new__(cls)
        client._speak_on(connection, resume)
        return client

    @property
    def base_url(self) -> str:
        """Where the agent's card is, normalised, without user info."""
        return self._connection.base_url

    # --- The card

    @property
    def card(self) -> AgentCard:
        """The agent card in the form of 1.0. Blocks when it is not in the cache."""
        return AgentCard.from_dict(self._connection.card({}).card)

    def get_card(self, **options: Unpack[CallOptions]) -> AgentCard:
        """The agent card, fresh from the server; renews the cache. Blocks.

        GET /.well-known/agent-card.json, or agent.json. Raises NotFoundError if there is none.
        """
        return AgentCard.from_dict(self._connection.card(options, fresh=True).card)

    def describe_card(self, **options: Unpack[CallOptions]) -> str:
        """The card, fresh from the server, as text for a person, with warnings. Blocks."""
        read = self._connection.card(options, fresh=True)
        connection = self._connection
        return describe(read.sent, read.url, connection.allow_hosts, connection.verifies_cards)

    def get_extended_card(self, **options: Unpack[CallOptions]) -> AgentCard:
        """The card that the agent shows to whom it knows; it replaces the cached one. Blocks.

        GetExtendedAgentCard.
        Raises AuthenticationError without credentials; UnsupportedOperationError or
        ExtendedAgentCardNotConfiguredError if there is none.
        """

        sent = self._connection.send(Operation(a2a.GET_EXTENDED_CARD, {}, _itself), options)
        return AgentCard.from_dict(self._connection.keep(sent).card)

    def interfaces(self, **options: Unpack[CallOptions]) -> List[Interface]:
        """The ways to speak to the agent that can be used, the one that is tried first in front."""
        return self._connection.interfaces(options)

    # --- Messages

    def send_message(self, input: Any, **options: Unpack[MessageOptions]) -> Union[Task, Message]:
        """Send a message; the task it led to, or the message that answers it. SendMessage. Blocks.

        ``input`` is text, a Message, a Part or a list of them, or anything with a JSON form (a data
        part). Without ``return_immediately`` a server answers when the task is over or waits for
        something, but may do so earlier: look at ``task.status.state``. A message is never sent
        again after a failure, unless no byte of it can have arrived.
        """
        call_options, params = _sent(input, options)
        return self._connection.send(Operation(a2a.SEND_MESSAGE, params, _answer), call_options)

    def stream_message(
        self, input: Any, **options: Unpack[MessageOptions]
    ) -> RunStream[Any, StreamResponse]:
        """Send a message and return its events as they come. SendStreamingMessage.

        Every event has one of ``task``, ``message``, ``status_update`` and ``artifact_update``.
        The stream's ``output()`` is the task they add up to, or the message. A stream that breaks
        is taken up again where the server can do that. One that stays open while the task pauses is
        read on, to its end or to the limit. An agent that does not stream is sent the message in
        the ordinary way.
        """
        call_options, params = _sent(input, options)
        message = params["message"]
        fold = EventFold(message.get("contextId"), message.get("taskId"))
        return self._open(StreamOperation(a2a.SEND_STREAMING_MESSAGE, params, fold), call_options)

    # --- Tasks

    def get_task(
        self,
        task_id: str,
        *,
        history_length: Optional[int] = None,
        context_id: Optional[str] = None,
        **options: Unpack[CallOptions],
    ) -> Task:
        """A task as it stands. GetTask. Blocks. Raises TaskNotFoundError.

        ``history_length`` limits the messages in ``history``. An AgentOS needs the ``context_id``.
        """
        params = _task(task_id, context_id)
        if history_length is not None:
            params["historyLength"] = history_length
        return self._connection.send(Operation(a2a.GET_TASK, params, _task_of), options)

    def list_tasks(
        self,
        *,
        context_id: Optional[str] = None,
        status: Optional[str] = None,
        page_size: int = 50,
        history_length: Optional[int] = None,
        status_timestamp_after: Optional[str] = None,
        include_artifacts: bool = False,
        **options: Unpack[CallOptions],
    ) -> Iterator[Task]:
        """Tasks that the agent remembers, the latest first; pages are fetched as they are needed.

        ``status`` is a state, such as "completed"; ``page_size`` 1 to 100. ListTasks, protocol 1.0
        only: UnsupportedError otherwise. Blocks while a page is fetched.
        """
        params = {
            "contextId": context_id,
            "status": _state(status),
            "pageSize": page_size,
            "historyLength": history_length,
            "statusTimestampAfter": status_timestamp_after,
            "includeArtifacts": include_artifacts,
        }
        return self._pages({k: v for k, v in params.items() if v is not None}, options)

    def _pages(self, params: Dict[str, Any], options: CallOptions) -> Iterator[Task]:
        tokens = set()
        while True:
            page = self._connection.send(Operation(a2a.LIST_TASKS, params, _page), options)
            yield from page.tasks or ()
            token = page.next_page_token
            if not token:
                return
            if token in tokens:
                raise ProtocolError(
                    "%s gives out the same page of tasks again and again."
                    % shown_url(self.base_url),
                    shown_url(self.base_url),
                )
            tokens.add(token)
            params = dict(params, pageToken=token)

    def cancel_task(
        self,
        task_id: str,
        *,
        context_id: Optional[str] = None,
        **options: Unpack[CallOptions],
    ) -> Task:
        """Ask for a task to be cancelled; the task as it stands then. CancelTask. Blocks.

        Its state may be another than canceled. Raises TaskNotCancelableError if it was over,
        TaskNotFoundError. An AgentOS calls any task cancelled, whatever became of it.
        """
        params = _task(task_id, context_id)
        return self._connection.send(Operation(a2a.CANCEL_TASK, params, _task_of), options)

    def subscribe_to_task(
        self,
        task_id: str,
        *,
        context_id: Optional[str] = None,
        **options: Unpack[CallOptions],
    ) -> RunStream[Any, StreamResponse]:
        """The events of a task that is under way. SubscribeToTask (tasks/resubscribe in 0.3).

        Protocol 1.0 begins with the task as it stands, also one that pauses. Raises
        UnsupportedOperationError or InvalidParamsError for a task that is over, TaskNotFoundError.
        """
        fold = EventFold(context_id, task_id)
        operation = StreamOperation(a2a.SUBSCRIBE_TO_TASK, _task(task_id, context_id), fold)
        return self._open(operation, options)

    # --- Push notifications

    def create_push_config(
        self,
        task_id: str,
        url: str,
        *,
        token: Optional[str] = None,
        authentication: Optional[Mapping[str, str]] = None,
        config_id: Optional[str] = None,
        **options: Unpack[CallOptions],
    ) -> TaskPushNotificationConfig:
        """Have the agent post what becomes of a task to ``url`` (see PushReceiver). Blocks.

        It sends ``token`` along in X-A2A-Notification-Token, and ``authentication`` ("scheme",
        "credentials") as Authorization. CreateTaskPushNotificationConfig; raises
        PushNotificationNotSupportedError.
        """
        params = dict(_task(task_id, None), taskId=task_id, url=url)
        del params["id"]
        if config_id is not None:
            params["id"] = config_id
        if token is not None:
            params["token"] = token
        if authentication is not None:
            params["authentication"] = dict(authentication)
        return self._connection.send(Operation(a2a.CREATE_PUSH_CONFIG, params, _push), options)

    def get_push_config(
        self, task_id: str, config_id: str, **options: Unpack[CallOptions]
    ) -> TaskPushNotificationConfig:
        """One of a task's push notification configs. Blocks. Raises TaskNotFoundError."""
        params = {"taskId": task_id, "id": config_id}
        return self._connection.send(Operation(a2a.GET_PUSH_CONFIG, params, _push), options)

    def list_push_configs(
        self, task_id: str, **options: Unpack[CallOptions]
    ) -> List[TaskPushNotificationConfig]:
        """All push notification configs of a task. Blocks."""
        params: Dict[str, Any] = {"taskId": task_id}
        found: List[TaskPushNotificationConfig] = []
        while True:
            page = self._connection.send(Operation(a2a.LIST_PUSH_CONFIGS, params, _itself), options)
            found += map(TaskPushNotificationConfig.from_dict, page.get("configs") or [])
            token = page.get("nextPageToken")
            if not token or token == params.get("pageToken"):
                return found
            params = {"taskId": task_id, "pageToken": token}

    def delete_push_config(
        self, task_id: str, config_id: str, **options: Unpack[CallOptions]
    ) -> None:
        """Stop the notifications of one config. Blocks."""
        params = {"taskId": task_id, "id": config_id}
        self._connection.send(Operation(a2a.DELETE_PUSH_CONFIG, params, _itself), options)

    # --- The object itself

    def _open(
        self, operation: StreamOperation, options: CallOptions
    ) -> RunStream[Any, StreamResponse]:
        fold, recovery = operation.fold, self._recovery
        fold.on_end = recovery.remember
        return RunStream(
            self._connection.open(operation, options),
            fold,
            lambda reading, wait: recovery.cancel_streamed(reading, wait, options),
            recovery.resumption(fold, options),
            shown_url(self.base_url),
            limit_of(options, self._connection),
        )

    def close(self) -> None:
        """Close idle connections. Streams under way go on; a later call connects anew."""
        self._connection.close()

    def __enter__(self) -> A2AClient:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.close()

    def __repr__(self) -> str:
        return "A2AClient(base_url=%r)" % shown_url(self.base_url)


def _sent(input: Any, options: MessageOptions) -> Any:
    """Options of the HTTP call, and the parameters of SendMessage."""
    given: Dict[str, Any] = dict(options)
    call = {name: given.pop(name) for name in ("auth_token", "headers", "timeout") if name in given}
    ids = {name: given.pop(name, None) for name in ("context_id", "task_id")}
    configuration: Dict[str, Any] = {
        "returnImmediately": bool(given.pop("return_immediately", False))
    }
    for name, wire in (
        ("accepted_output_modes", "acceptedOutputModes"),
        ("history_length", "historyLength"),
        ("push_notification_config", "taskPushNotificationConfig"),
    ):
        value = given.pop(name, None)
        if value is not None:
            value = list(value) if name == "accepted_output_modes" else value
            configuration[wire] = value.to_dict() if hasattr(value, "to_dict") else value
    references: Optional[Sequence[str]] = given.pop("reference_task_ids", None)
    request_metadata = given.pop("request_metadata", None)
    message = message_of(input, given, **ids)
    if references:
        message["referenceTaskIds"] = list(references)
    params: Dict[str, Any] = {"message": message, "configuration": configuration}
    if request_metadata:
        params["metadata"] = dict(request_metadata)
    return call, params


def _task(task_id: Optional[str], context_id: Optional[str]) -> Dict[str, Any]:
    if not isinstance(task_id, str) or not task_id:
        raise ValueError("task_id must be a non-empty str")
    return {"id": task_id, "contextId": context_id} if context_id else {"id": task_id}


def _state(name: Optional[str]) -> Optional[str]:
    """The protocol's name of a state. Servers take a wrong one for none, and list everything."""
    if name is None or name in _STATES.values():
        return name
    if name not in _STATES:
        raise ValueError("status must be one of %s, not %r" % (", ".join(_STATES), name))
    return _STATES[name]


def _itself(result: Any, interface: Interface) -> Any:
    return result


def _answer(result: Any, interface: Interface) -> Union[Task, Message]:
    if result.get("task") is not None:
        return Task.from_dict(result["task"])
    return Message.from_dict(result["message"])


def _task_of(result: Any, interface: Interface) -> Task:
    return Task.from_dict(result)


def _page(result: Any, interface: Interface) -> ListTasksResponse:
    return ListTasksResponse.from_dict(result)


def _push(result: Any, interface: Interface) -> TaskPushNotificationConfig:
    return TaskPushNotificationConfig.from_dict(result)
