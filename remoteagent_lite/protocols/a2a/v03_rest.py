"""Protocol 0.3 over REST: the JSON of its protobuf messages. No I/O.

Neither the JSON of 0.3 nor that of 1.0. Servers refuse every member that the messages do not have,
so what has no place in them is refused here, before anything is sent.
"""

from __future__ import annotations

import base64
import re
from typing import Any, FrozenSet, Mapping, Optional, Tuple

from .v03 import V03
from .v10 import V10, Json, standard_base64

__all__ = ["V03Rest"]

_MESSAGE = frozenset(
    ("messageId", "contextId", "taskId", "role", "content", "metadata", "extensions")
)
_TASK = frozenset(("id", "contextId", "status", "artifacts", "history", "metadata"))
_STATUS = frozenset(("state", "message", "timestamp"))
_ARTIFACT = frozenset(("artifactId", "name", "description", "parts", "metadata", "extensions"))
_STATUS_UPDATE = frozenset(("taskId", "contextId", "status", "final", "metadata"))
_ARTIFACT_UPDATE = frozenset(("taskId", "contextId", "artifact", "append", "lastChunk", "metadata"))
_PART = frozenset(("text", "file", "data", "metadata"))
_CONFIGURATION = frozenset(("acceptedOutputModes", "pushNotification", "historyLength", "blocking"))
_PUSH = frozenset(("id", "url", "token", "authentication"))
_SEND = frozenset(("message", "configuration", "metadata"))

#: Labels that say nothing the kind of part does not say.
_PLAIN = {"text": "text/plain", "data": "application/json"}
_NAME = re.compile(r"tasks/([^/]+)/pushNotificationConfigs/([^/]+)")


class V03Rest(V03):
    """Reads what a server of protocol 0.3 answers over REST; writes what it is sent."""

    # Events are as in 1.0, but for messages with "content", which are never briefly told.
    _working = V10._working
    _agent = V10._agent
    _kinds = 0
    brief = V10.brief
    whole = V10.whole

    def write_task(self, task: Json) -> Json:
        return self._fitting(super().write_task(task), _TASK, "a task")

    def write_status(self, status: Json) -> Json:
        return self._fitting(super().write_status(status), _STATUS, "a status")

    def write_message(self, message: Json) -> Json:
        written = super().write_message(message)
        written["content"] = written.pop("parts")
        return self._fitting(written, _MESSAGE, "a message")

    def write_artifact(self, artifact: Json) -> Json:
        return self._fitting(super().write_artifact(artifact), _ARTIFACT, "an artifact")

    def write_status_update(self, event: Json) -> Json:
        return self._fitting(super().write_status_update(event), _STATUS_UPDATE, "a status update")

    def write_artifact_update(self, event: Json) -> Json:
        written = super().write_artifact_update(event)
        return self._fitting(written, _ARTIFACT_UPDATE, "an artifact update")

    def write_part(self, part: Json) -> Json:
        written = super().write_part(part)
        kind = written["kind"]
        if kind in _PLAIN and written.get("mediaType") == _PLAIN[kind]:
            del written["mediaType"]
        if kind == "data":
            written["data"] = {"data": written["data"]}
        return self._fitting(written, _PART, "a part with %s" % kind)

    def _write_file(self, part: Json) -> Json:
        file = super()._write_file(part)
        if "bytes" in file:
            # Encoded once more: its servers take the field of bytes to hold the base64 text.
            text: str = file.pop("bytes")
            return dict(file, fileWithBytes=base64.b64encode(text.encode()).decode())
        return dict(file, fileWithUri=file.pop("uri")) if "uri" in file else file

    def _write_send(self, params: Json) -> Json:
        return self._fitting(super()._write_send(params), _SEND, "a request")

    def _write_configuration(self, given: Json) -> Json:
        written = super()._write_configuration(given)
        if "pushNotificationConfig" in written:
            written["pushNotification"] = written.pop("pushNotificationConfig")
        return self._fitting(written, _CONFIGURATION, "a request's configuration")

    def _write_push(self, config: Json) -> Json:
        return self._fitting(super()._write_push(config), _PUSH, "a push notification config")

    def _write_task_query(self, params: Json) -> Json:
        known = frozenset(("id", "historyLength"))
        return self._fitting(super()._write_task_query(params), known, "a request")

    def _write_task_push(self, params: Json) -> Json:
        config = self._write_push(params)
        parent = "tasks/" + params["taskId"]
        written = {"parent": parent, "config": {"pushNotificationConfig": config}}
        if config.get("id"):
            written["configId"] = config["id"]
            written["config"]["name"] = "%s/pushNotificationConfigs/%s" % (parent, config["id"])
        return written

    def _write_push_id(self, params: Json) -> Json:
        super()._write_push_id(params)
        return {}  # both ids stand in the path

    def _write_state(self, state: str) -> str:
        # With two Ls in this message alone.
        return "TASK_STATE_CANCELLED" if state == "TASK_STATE_CANCELED" else state

    def _write_role(self, role: str) -> str:
        return role

    def _named_event(self, name: str, written: Json) -> Json:
        return {name: written}

    def _fitting(self, written: Json, known: FrozenSet[str], what: str) -> Json:
        fitting = {}
        for key, value in written.items():
            if key in known:
                fitting[key] = value
            elif key != "kind" and value not in (None, "", [], {}):
                raise self.unsupported("the %s of %s over REST" % (key, what))
        return fitting

    def read_message(self, data: Any) -> Json:
        return super().read_message(_content_named_parts(data))

    def read_push(self, data: Any) -> Json:
        config = super().read_push(data)
        task, own = _ids(data)
        named = {"taskId": task, "id": config.get("id") or own}
        return dict(config, **{key: value for key, value in named.items() if value})

    def _event(self, data: Json) -> Optional[Json]:
        message = data.get("msg")  # so in the prose of the specification
        return super()._event({"message": message} if type(message) is dict else data)

    def _read_bytes(self, key: str, value: Any) -> Any:
        if key != "fileWithBytes" or type(value) is not str:
            return value
        # Twice encoded by the Python servers, once by what protobuf says.
        once = base64.b64decode(self._raw(value))
        try:
            text = once.decode("ascii")
        except UnicodeDecodeError:
            return value
        return text if standard_base64(text) == text else value

    def _read_data(self, part: Json) -> Json:
        data = part.get("data")
        if type(data) is not dict:
            raise self.wrong("a part with data", "one whose data is no object")
        return dict(part, data=data.get("data", {}))


def _content_named_parts(data: Any) -> Any:
    if type(data) is not dict or "content" not in data or data.get("parts") is not None:
        return data
    return {"parts" if k == "content" else k: v for k, v in data.items() if k != "parts"}


def _ids(data: Mapping[str, Any]) -> Tuple[Optional[str], Optional[str]]:
    """The ids of task and config out of a config's resource name."""
    name = data.get("name")
    found = _NAME.fullmatch(name) if type(name) is str else None
    return (found.group(1), found.group(2)) if found else (None, None)
