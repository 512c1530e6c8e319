"""AgentOS's own way to serve A2A: JSON-RPC bodies of protocol 0.3, one path per method. No I/O."""

from __future__ import annotations

from typing import Dict

from ...errors import UnsupportedError
from .interface import CANCEL_TASK, GET_TASK, SEND_MESSAGE, SEND_STREAMING_MESSAGE
from .v03 import V03
from .v10 import Json

__all__ = ["PATHS", "AgnoV03"]

#: Below the interface's url. AgentOS offers nothing else.
PATHS: Dict[str, str] = {
    SEND_MESSAGE: "/v1/message:send",
    SEND_STREAMING_MESSAGE: "/v1/message:stream",
    GET_TASK: "/v1/tasks:get",
    CANCEL_TASK: "/v1/tasks:cancel",
}


class AgnoV03(V03):
    """Protocol 0.3 without what AgentOS drops or mistakes; it says so instead."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._writers[GET_TASK] = self._write_get

    def write_message(self, message: Json) -> Json:
        if message.get("taskId"):
            raise self._cannot("start a new run whatever task a message names; name its context")
        return super().write_message(message)

    def _write_file(self, part: Json) -> Json:
        if not part.get("mediaType"):
            raise self._cannot("drop a file that has no media type; give it one")
        return super()._write_file(part)

    def _write_configuration(self, given: Json) -> Json:
        if given.get("taskPushNotificationConfig"):
            raise self.unsupported("push notifications")
        return super()._write_configuration(given)

    def _write_get(self, params: Json) -> Json:
        if not params.get("contextId"):
            raise ValueError(
                "%s finds a task within its session only: session_id (context_id) is needed"
                % self.url
            )
        return params

    def _write_task_query(self, params: Json) -> Json:
        return params

    def _cannot(self, what: str) -> UnsupportedError:
        return UnsupportedError("%s is an AgentOS, which would %s." % (self.url, what), self.url)

    def unsupported(self, what: str) -> UnsupportedError:
        return UnsupportedError(
            "%s is an AgentOS, whose A2A interface does not have %s." % (self.url, what), self.url
        )
