"""Protocol 0.3 as JSON: objects told apart by ``kind``, files apart from data. No I/O."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional

from ...errors import UnsupportedError
from .interface import (
    CANCEL_TASK,
    CREATE_PUSH_CONFIG,
    DELETE_PUSH_CONFIG,
    GET_PUSH_CONFIG,
    GET_TASK,
    LIST_PUSH_CONFIGS,
    SEND_MESSAGE,
    SEND_STREAMING_MESSAGE,
    SUBSCRIBE_TO_TASK,
    TERMINAL,
)
from .v10 import CHUNK, PIECE, V10, Brief, Json

__all__ = ["V03"]

#: Marks data that is no object and therefore travels as {"value": data}.
_WRAPPED = "data_part_compat"
_KINDS = {
    "task": "task",
    "message": "message",
    "status-update": "statusUpdate",
    "artifact-update": "artifactUpdate",
}


class V03(V10):
    """Reads what a server of protocol 0.3 answers; writes what it is sent."""

    version: Optional[str] = None  # a header would be refused: 0.3 is its absence
    extensions_header = "X-A2A-Extensions"
    _working = "working"
    _agent = "agent"
    _kinds = 1

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self._writers: Dict[str, Callable[[Json], Json]] = {
            SEND_MESSAGE: self._write_send,
            SEND_STREAMING_MESSAGE: self._write_send,
            GET_TASK: self._write_task_query,
            CANCEL_TASK: self._write_task_query,
            SUBSCRIBE_TO_TASK: self._write_task_query,
            CREATE_PUSH_CONFIG: self._write_task_push,
            GET_PUSH_CONFIG: self._write_push_id,
            LIST_PUSH_CONFIGS: self._write_push_id,
            DELETE_PUSH_CONFIG: self._write_push_id,
        }

    # Writing

    def params(self, operation: str, params: Mapping[str, Any]) -> Json:
        given = super().params(operation, params)
        write = self._writers.get(operation)
        return write(given) if write else given

    def write_event(self, event: Json) -> Json:
        """A canonical event, or answer to a message."""
        writers = {
            "task": self.write_task,
            "message": self.write_message,
            "statusUpdate": self.write_status_update,
            "artifactUpdate": self.write_artifact_update,
        }
        for name, write in writers.items():
            if name in event:
                return self._named_event(name, write(event[name]))
        raise ValueError("not an event: it has the members %s" % ", ".join(sorted(event)))

    def write_task(self, task: Json) -> Json:
        written = dict(task, kind="task")
        written.setdefault("contextId", "")  # required here, optional in 1.0
        for key, write in (
            ("status", self.write_status),
            ("artifacts", self._each_of(self.write_artifact)),
            ("history", self._each_of(self.write_message)),
        ):
            if key in written:
                written[key] = write(written[key])
        return written

    def write_status(self, status: Json) -> Json:
        written = dict(status, state=self._write_state(status.get("state", "")))
        if "message" in written:
            written["message"] = self.write_message(written["message"])
        return written

    def write_message(self, message: Json) -> Json:
        written = dict(message, kind="message", role=self._write_role(message.get("role", "")))
        written["parts"] = [self.write_part(part) for part in message.get("parts", [])]
        return written

    def write_artifact(self, artifact: Json) -> Json:
        return dict(artifact, parts=[self.write_part(part) for part in artifact.get("parts", [])])

    def write_status_update(self, event: Json) -> Json:
        status = event.get("status", {})
        final = status.get("state") in TERMINAL
        return dict(event, kind="status-update", status=self.write_status(status), final=final)

    def write_artifact_update(self, event: Json) -> Json:
        artifact = self.write_artifact(event.get("artifact", {}))
        return dict(event, kind="artifact-update", artifact=artifact)

    def write_part(self, part: Json) -> Json:
        rest = {key: value for key, value in part.items() if value is not None or key == "data"}
        if "text" in rest:
            return dict(rest, kind="text")
        if "raw" in rest or "url" in rest:
            file = self._write_file(rest)
            return dict(rest, kind="file", file=file)
        if "data" in rest:
            return dict(_wrapped(rest), kind="data")
        raise ValueError("a part needs one of text, raw, url and data")

    def _write_file(self, part: Json) -> Json:
        """Take the file out of ``part``."""
        file = {"bytes": part.pop("raw")} if "raw" in part else {"uri": part.pop("url")}
        for key, name in (("mediaType", "mimeType"), ("filename", "name")):
            if key in part:
                file[name] = part.pop(key)
        return file

    def _write_send(self, params: Json) -> Json:
        configuration = self._write_configuration(params.get("configuration") or {})
        message = self.write_message(params["message"])
        return dict(params, message=message, configuration=configuration)

    def _write_configuration(self, given: Json) -> Json:
        written = {key: value for key, value in given.items() if value is not None}
        # Always said: without it one binding of 0.3 waits and the other does not.
        written["blocking"] = not written.pop("returnImmediately", False)
        push = written.pop("taskPushNotificationConfig", None)
        if push is not None:
            written["pushNotificationConfig"] = self._write_push(push)
        return written

    def _write_task_query(self, params: Json) -> Json:
        params.pop("contextId", None)
        return params

    def _write_task_push(self, params: Json) -> Json:
        return {"taskId": params["taskId"], "pushNotificationConfig": self._write_push(params)}

    def _write_push(self, config: Json) -> Json:
        left = ("taskId", "tenant")
        written = {k: v for k, v in config.items() if v is not None and k not in left}
        if "authentication" in written:
            given = dict(written["authentication"])
            scheme = given.pop("scheme", None)
            given.setdefault("schemes", [scheme] if scheme else [])
            written["authentication"] = given
        return written

    def _write_push_id(self, params: Json) -> Json:
        for unknown in ("pageSize", "pageToken"):
            if params.pop(unknown, None):
                raise self.unsupported("pages of push notification configs")
        config = params.pop("id", None)
        written = dict(params)
        written["id"] = written.pop("taskId")
        if config is not None:
            written["pushNotificationConfigId"] = config
        return written

    def _named_event(self, name: str, written: Json) -> Json:
        return written

    def _write_state(self, state: str) -> str:
        if state in ("", "TASK_STATE_UNSPECIFIED"):
            return "unknown"
        return _lowered(state, "TASK_STATE_")

    def _write_role(self, role: str) -> str:
        return _lowered(role, "ROLE_")

    @staticmethod
    def _each_of(write: Callable[[Json], Json]) -> Callable[[List[Json]], List[Json]]:
        return lambda items: [write(item) for item in items]

    def unsupported(self, what: str) -> UnsupportedError:
        return UnsupportedError(
            "%s speaks A2A 0.3 only, which cannot carry %s." % (self.url, what), self.url
        )

    # Reading

    def brief(self, event: Any) -> Optional[Brief]:
        try:
            kind = event["kind"]
            if kind == "artifact-update":
                return self._brief_chunk(event)
            if kind == "status-update":
                return self._brief_progress(event)
            return self._brief_piece(event) if kind == "message" else None
        except (AttributeError, KeyError, TypeError, ValueError):
            return None

    def whole(self, brief: Brief, event: Json) -> Json:
        shape, _, key, text = brief
        value = _without(event, "kind", "final")
        if shape == CHUNK:
            value["artifact"] = {**event["artifact"], "parts": [{"text": text}]}
        elif shape == PIECE:
            value.update(role="ROLE_AGENT", parts=[{"text": text}])
        else:  # a copy of it, for the fold keeps it
            value["status"] = status = key.copy()
            if text:
                status["message"] = {**status["message"], "parts": [{"text": text}]}
        return super().whole(brief, {_KINDS[event["kind"]]: value})

    def read_task(self, data: Any) -> Json:
        return super().read_task(_without(data, "kind"))

    def read_message(self, data: Any) -> Json:
        return super().read_message(_without(data, "kind"))

    def read_status_update(self, data: Any) -> Json:
        return super().read_status_update(_without(data, "kind", "final"))

    def read_artifact_update(self, data: Any) -> Json:
        return super().read_artifact_update(_without(data, "kind"))

    def read_part(self, data: Any) -> Json:
        part = self.checked(data, "a part", {"kind": str, "metadata": dict})
        kind = part.get("kind")
        rest = _without(part, "kind")
        if kind == "file" or (kind is None and "file" in part):
            rest = self._read_file(rest)
        elif kind == "data" or (kind is None and "data" in part):
            rest = _unwrapped(self._read_data(rest))
        return super().read_part(rest)

    def read_push(self, data: Any) -> Json:
        found = self.checked(data, "a push notification config", {"pushNotificationConfig": dict})
        config = found.get("pushNotificationConfig")
        if config is None:
            return super().read_push(self._read_authentication(found))
        config = dict(self.checked(config, "a push notification config"))
        config["taskId"] = found.get("taskId")
        return super().read_push(self._read_authentication(config))

    def _event(self, data: Json) -> Optional[Json]:
        kind = data.get("kind")
        if type(kind) is str and kind in _KINDS:
            data = {_KINDS[kind]: data}
        return super()._event(data)

    def _read_file(self, part: Json) -> Json:
        rest = dict(part)
        file = self.checked(rest.pop("file", None), "a file")
        for key, value in file.items():
            if key == "bytes" or key == "fileWithBytes":
                rest["raw"] = self._read_bytes(key, value)
            else:
                rest[_FILE.get(key, key)] = value
        return rest

    def _read_bytes(self, key: str, value: Any) -> Any:
        return value

    def _read_data(self, part: Json) -> Json:
        return part

    def _read_authentication(self, config: Json) -> Json:
        given = config.get("authentication")
        if type(given) is not dict or type(given.get("schemes")) is not list:
            return config
        read = dict(given)
        schemes = read["schemes"]
        if len(schemes) < 2:  # more than one is kept beside the first
            del read["schemes"]
        if schemes:
            read["scheme"] = schemes[0]
        return dict(config, authentication=self.checked(read, "authentication"))


_FILE = {"uri": "url", "fileWithUri": "url", "mimeType": "mediaType", "name": "filename"}


def _without(data: Any, *keys: str) -> Any:
    """A copy without ``keys``; what is no object is handed on, for the check to refuse it."""
    if type(data) is not dict:
        return data
    copy = data.copy()
    for key in keys:
        copy.pop(key, None)
    return copy


def _lowered(name: str, prefix: str) -> str:
    if not name.startswith(prefix):
        return name
    return name[len(prefix) :].lower().replace("_", "-")


def _wrapped(part: Json) -> Json:
    if type(part["data"]) is dict:
        return part
    metadata = dict(part.get("metadata") or {}, **{_WRAPPED: True})
    return dict(part, data={"value": part["data"]}, metadata=metadata)


def _unwrapped(part: Json) -> Json:
    metadata, data = part.get("metadata"), part.get("data")
    if not (metadata and metadata.get(_WRAPPED) and type(data) is dict and "value" in data):
        return part
    kept = {key: value for key, value in metadata.items() if key != _WRAPPED}
    unwrapped = dict(part, data=data["value"], metadata=kept)
    if not kept:
        del unwrapped["metadata"]
    return unwrapped
