"""Where and how an agent is spoken to, and what can be asked of it."""

from __future__ import annotations

from typing import NamedTuple, Optional

__all__ = [
    "AGENT_CARD",
    "AGNO",
    "CANCEL_TASK",
    "CREATE_PUSH_CONFIG",
    "DELETE_PUSH_CONFIG",
    "GET_EXTENDED_CARD",
    "GET_PUSH_CONFIG",
    "GET_TASK",
    "INTERRUPTED",
    "JSONRPC",
    "LIST_PUSH_CONFIGS",
    "LIST_TASKS",
    "REST",
    "SEND_MESSAGE",
    "SEND_STREAMING_MESSAGE",
    "SUBSCRIBE_TO_TASK",
    "TERMINAL",
    "Interface",
]

#: Bindings, as cards name them; the third is AgentOS's own: JSON-RPC bodies on paths of its own.
JSONRPC = "JSONRPC"
REST = "HTTP+JSON"
AGNO = "AGNO"

#: Operations, by their names in protocol 1.0 (spec section 3.1).
SEND_MESSAGE = "SendMessage"
SEND_STREAMING_MESSAGE = "SendStreamingMessage"
GET_TASK = "GetTask"
LIST_TASKS = "ListTasks"
CANCEL_TASK = "CancelTask"
SUBSCRIBE_TO_TASK = "SubscribeToTask"
CREATE_PUSH_CONFIG = "CreateTaskPushNotificationConfig"
GET_PUSH_CONFIG = "GetTaskPushNotificationConfig"
LIST_PUSH_CONFIGS = "ListTaskPushNotificationConfigs"
DELETE_PUSH_CONFIG = "DeleteTaskPushNotificationConfig"
GET_EXTENDED_CARD = "GetExtendedAgentCard"
#: No operation of the protocol: the document at the well-known path (spec section 8.2).
AGENT_CARD = "AgentCard"

#: States behind which nothing comes, and those in which a task waits for its caller.
TERMINAL = frozenset(
    ("TASK_STATE_COMPLETED", "TASK_STATE_FAILED", "TASK_STATE_CANCELED", "TASK_STATE_REJECTED")
)
INTERRUPTED = frozenset(("TASK_STATE_INPUT_REQUIRED", "TASK_STATE_AUTH_REQUIRED"))


class Interface(NamedTuple):
    """One way to speak to an agent. JSON-RPC is posted to exactly ``url``."""

    binding: str  # JSONRPC, REST or AGNO
    version: str  # "1.0" or "0.3"
    url: str  # absolute; for REST and AGNO without a slash at the end
    tenant: Optional[str] = None
