"""Protocol 1.0 as it is read and written: the canonical form itself. No I/O.

Reading checks and repairs: nulls go, enums get their names, base64 its standard alphabet. What
needs no repair is handed on as it is, not copied, and nothing that came in is ever changed.
"""

from __future__ import annotations

import re
from operator import is_not
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from ...errors import ProtocolError, shown_url
from .faults import error_in

__all__ = ["CHUNK", "PIECE", "PROGRESS", "STATES", "V10", "Brief", "Json"]

Json = Dict[str, Any]

#: What nearly all frames of a stream are: text appended to an artifact, the next piece of a
#: message, and the news that a task is still being worked on, if need be with a text.
CHUNK, PIECE, PROGRESS = range(3)
_MEMBERS = ("artifactUpdate", "message", "statusUpdate")


#: A frame that adds something to what is there, and says nothing else that counts: its shape, the
#: task's id; the artifact's id, the message's id or the canonical status; the text.
Brief = Tuple[int, str, Any, str]

STATES = (  # in the order of their numbers
    "TASK_STATE_UNSPECIFIED",
    "TASK_STATE_SUBMITTED",
    "TASK_STATE_WORKING",
    "TASK_STATE_COMPLETED",
    "TASK_STATE_FAILED",
    "TASK_STATE_CANCELED",
    "TASK_STATE_INPUT_REQUIRED",
    "TASK_STATE_REJECTED",
    "TASK_STATE_AUTH_REQUIRED",
)
_ROLES = ("ROLE_UNSPECIFIED", "ROLE_USER", "ROLE_AGENT")
_WORKING = "TASK_STATE_WORKING"
_AGENT = "ROLE_AGENT"
#: How an AgentOS marks the pieces of its answer.
_CONTENT = {"agno_content_category": "content"}

#: Members whose type readers rely on. What is not named here is kept, whatever it is.
_PART = {"text": str, "raw": str, "url": str, "filename": str, "mediaType": str, "metadata": dict}
_MESSAGE = {
    "messageId": str,
    "contextId": str,
    "taskId": str,
    "parts": list,
    "metadata": dict,
    "extensions": list,
    "referenceTaskIds": list,
}
_ARTIFACT = {
    "artifactId": str,
    "name": str,
    "description": str,
    "parts": list,
    "metadata": dict,
    "extensions": list,
}
_STATUS = {"message": dict, "timestamp": str}
_TASK = {
    "id": str,
    "contextId": str,
    "status": dict,
    "artifacts": list,
    "history": list,
    "metadata": dict,
}
_STATUS_UPDATE = {"taskId": str, "contextId": str, "status": dict, "metadata": dict}
_ARTIFACT_UPDATE = {
    "taskId": str,
    "contextId": str,
    "artifact": dict,
    "append": bool,
    "lastChunk": bool,
    "metadata": dict,
}
_PAGE = {"tasks": list, "nextPageToken": str, "pageSize": int, "totalSize": int}
_PUSH = {"id": str, "taskId": str, "url": str, "token": str, "authentication": dict}

_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_SPACE = re.compile(r"\s+")


def standard_base64(text: str) -> Optional[str]:
    """``text`` in the standard alphabet and padded; None if it is not base64 at all."""
    if len(text) % 4 == 0 and _BASE64.fullmatch(text):
        return text
    text = _SPACE.sub("", text).replace("-", "+").replace("_", "/").rstrip("=")
    if len(text) % 4 == 1 or not _BASE64.fullmatch(text):
        return None
    return text + "=" * (-len(text) % 4)


def replaced(data: Json, key: str, value: Any) -> Json:
    """``data`` with ``value`` as ``key``: itself if it has it already, otherwise a copy."""
    return data if data.get(key) is value else dict(data, **{key: value})


class V10:
    """Reads what a server of protocol 1.0 at ``url`` answers; writes what it is sent."""

    version: Optional[str] = "1.0"
    extensions_header = "A2A-Extensions"
    #: The names of a state and a role, and how many members an object has to say what it is.
    _working = _WORKING
    _agent = _AGENT
    _kinds = 0

    def __init__(self, url: str) -> None:
        self.url = shown_url(url)
        self._members: Tuple[Tuple[str, Callable[[Any], Json]], ...] = (
            ("artifactUpdate", self.read_artifact_update),
            ("statusUpdate", self.read_status_update),
            ("message", self.read_message),
            ("task", self.read_task),
        )

    def params(self, operation: str, params: Mapping[str, Any]) -> Json:
        """The parameters of ``operation`` as this version writes them."""
        return {key: value for key, value in params.items() if value is not None}

    def read_event(self, data: Any) -> Json:
        """One event of a stream. What is none that is known is kept as ``{"unknown": data}``."""
        return self._event(self.checked(data, "an event")) or {"unknown": data}

    def brief(self, event: Any) -> Optional[Brief]:
        """An event in few words; None if they would leave out something that counts.

        To be asked before ``read_event``, which takes four times as long. Members on which nothing
        depends are not looked at.
        """
        try:
            if "artifactUpdate" in event:
                return self._brief_chunk(event["artifactUpdate"])
            if "statusUpdate" in event:
                return self._brief_progress(event["statusUpdate"])
            return self._brief_piece(event["message"])
        except (AttributeError, KeyError, TypeError, ValueError):
            return None  # not of those shapes

    def whole(self, brief: Brief, event: Json) -> Json:
        """The canonical event that ``brief`` was made of."""
        member = _MEMBERS[brief[0]]
        value = event[member]
        inner = value.get("artifact") or value.get("status") or value
        if None in value.values() or None in inner.values():
            return self.read_event(event)
        return {member: value}

    def _brief_chunk(self, update: Json) -> Optional[Brief]:
        artifact = update["artifact"]
        key = artifact["artifactId"]
        if update["append"] is not True or type(key) is not str:
            return None
        return CHUNK, update["taskId"], key, self._text(artifact["parts"])

    def _brief_piece(self, message: Json) -> Optional[Brief]:
        key, metadata = message["messageId"], message.get("metadata")
        if (metadata and metadata != _CONTENT) or message["role"] != self._agent:
            return None
        return PIECE, message["taskId"], key, self._text(message["parts"])

    def _brief_progress(self, update: Json) -> Optional[Brief]:
        said = update["status"]
        if said["state"] != self._working or update.get("metadata"):
            return None
        status: Json = {"state": _WORKING}
        text = ""
        if "message" in said:
            message = said["message"]
            text = self._text(message["parts"])
            told = message.copy()
            told["parts"] = [{"text": text}]
            if self._kinds:
                del told["kind"]
            if told["role"] != self._agent or type(told["messageId"]) is not str:
                return None
            told["role"] = _AGENT
            if len(told) != 3 + ("contextId" in told) + ("taskId" in told):
                return None
            status["message"] = told
        if "timestamp" in said:
            status["timestamp"] = said["timestamp"]
        if len(said) != len(status):
            return None
        return PROGRESS, update["taskId"], status, text

    def _text(self, parts: Any) -> str:
        """The text of the only part, if that is nothing else. Raises otherwise."""
        (part,) = parts
        text: str = part["text"]
        kinds = self._kinds
        if (
            type(text) is not str
            or not text
            or len(part) != 1 + kinds
            or (kinds and part["kind"] != "text")
        ):
            raise ValueError("more than a text")
        return text

    def read_sent(self, data: Any) -> Json:
        """The answer to a message: a task or a message."""
        event = self._event(self.checked(data, "an answer to a message"))
        if event is None or not ("task" in event or "message" in event):
            raise self.wrong("an answer to a message", "neither a task nor a message")
        return event

    def read_page(self, data: Any) -> Json:
        """One page of a list of tasks."""
        page = self.checked(data, "a list of tasks", _PAGE)
        tasks = self._each(page.get("tasks", []), self.read_task)
        return dict(page, tasks=tasks, nextPageToken=page.get("nextPageToken", ""))

    def read_push(self, data: Any) -> Json:
        """One push notification config."""
        return self.checked(data, "a push notification config", _PUSH)

    def read_pushes(self, data: Any) -> Json:
        """The push notification configs of a task."""
        found = {"configs": data} if type(data) is list else self.checked(data, "a list of configs")
        configs = found.get("configs", [])
        if type(configs) is not list:
            raise self.wrong("a list of configs", _name(configs))
        return dict(found, configs=self._each(configs, self.read_push))

    def read_card(self, data: Any) -> Json:
        """An agent card, as it is."""
        if type(data) is not dict:
            raise self.wrong("an agent card", _name(data))
        return data

    def read_task(self, data: Any) -> Json:
        task = self.checked(data, "a task", _TASK)
        task = replaced(task, "status", self.read_status(task.get("status", {})))
        for key, read in (("artifacts", self.read_artifact), ("history", self.read_message)):
            if key in task:
                task = replaced(task, key, self._each(task[key], read))
        return task

    def read_status(self, data: Any) -> Json:
        status = self.checked(data, "a status", _STATUS)
        status = replaced(status, "state", self._state(status.get("state")))
        if "message" in status:
            status = replaced(status, "message", self.read_message(status["message"]))
        return status

    def read_message(self, data: Any) -> Json:
        message = self.checked(data, "a message", _MESSAGE)
        message = replaced(message, "role", self._role(message.get("role")))
        return self._with_parts(message)

    def read_artifact(self, data: Any) -> Json:
        return self._with_parts(self.checked(data, "an artifact", _ARTIFACT))

    def read_status_update(self, data: Any) -> Json:
        event = self.checked(data, "a status update", _STATUS_UPDATE)
        return replaced(event, "status", self.read_status(event.get("status", {})))

    def read_artifact_update(self, data: Any) -> Json:
        event = self.checked(data, "an artifact update", _ARTIFACT_UPDATE)
        return replaced(event, "artifact", self.read_artifact(event.get("artifact", {})))

    def read_part(self, data: Any) -> Json:
        part = data
        if type(data) is dict and "data" in data and data["data"] is None:
            # Null is a value where it is the content; servers that print every member print it too.
            part = {key: value for key, value in data.items() if key != "data"}
        rest = self.checked(part, "a part", _PART)
        if part is not data and not ("text" in rest or "raw" in rest or "url" in rest):
            return data if rest is part else dict(rest, data=None)
        return replaced(rest, "raw", self._raw(rest["raw"])) if "raw" in rest else rest

    def checked(self, data: Any, what: str, types: Optional[Mapping[str, type]] = None) -> Json:
        """``data`` without nulls, if it is an object whose members have the types they should."""
        if type(data) is not dict:
            raise self.wrong(what, _name(data))
        nulls = False
        for key, value in data.items():
            if value is None:
                nulls = True
            elif types and key in types and type(value) is not types[key]:
                raise self.wrong(what, "one whose %s is %s" % (key, _name(value)))
        return {k: v for k, v in data.items() if v is not None} if nulls else data

    def wrong(self, wanted: str, found: str) -> ProtocolError:
        return ProtocolError(
            "%s answered with %s where %s was expected. Is it an A2A server of this version?"
            % (self.url, found, wanted),
            self.url,
        )

    def _event(self, data: Json) -> Optional[Json]:
        """The event that ``data`` is, or None. Raises what it tells of if it is an error."""
        for name, read in self._members:
            value = data.get(name)
            if value is None or (type(value) is str and name == "message"):
                continue
            return replaced(data, name, read(value))
        error = error_in(data, self.url, 200)
        if error is not None:
            raise error
        return None

    def _each(self, items: List[Any], read: Callable[[Any], Json]) -> List[Any]:
        found = [read(item) for item in items]
        return found if any(map(is_not, found, items)) else items

    def _with_parts(self, data: Json) -> Json:
        if "parts" not in data:
            return data
        return replaced(data, "parts", self._each(data["parts"], self.read_part))

    def _raw(self, text: str) -> str:
        found = standard_base64(text)
        if found is None:
            raise self.wrong("base64", "%r" % text[:20])
        return found

    def _state(self, value: Any) -> str:
        if type(value) is str and value in STATES:
            return value
        if value == "unknown":  # 0.3's name for it
            return STATES[0]
        return self._enum(value, STATES, "TASK_STATE_")

    def _role(self, value: Any) -> str:
        if type(value) is str and value in _ROLES:
            return value
        return self._enum(value, _ROLES, "ROLE_")

    def _enum(self, value: Any, names: Tuple[str, ...], prefix: str) -> str:
        if value is None or value == "":
            return names[0]
        if type(value) is int:
            return names[value] if 0 <= value < len(names) else str(value)
        if type(value) is not str:
            raise self.wrong("a name out of %s..." % names[0], _name(value))
        name = value.strip().upper().replace("-", "_")
        name = name if name.startswith(prefix) else prefix + name
        name = "TASK_STATE_CANCELED" if name == "TASK_STATE_CANCELLED" else name
        return name if name in names else value


def _name(value: Any) -> str:
    return "a JSON " + type(value).__name__
