"""A2A from the server's side: what is asked, and how the answer to it is written. No I/O.

Everything becomes an operation with canonical parameters, as protocol 1.0 has them, and a Voice
that writes the answer in the version and binding that were spoken: JSON-RPC and REST, of 1.0 and
0.3, and AgentOS's own, which is JSON-RPC on a path for each method.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple

from ...errors import ProtocolError
from ..jsontext import read_json
from ..sse import frame
from .agno import PATHS
from .bindings import METHODS_V03, METHODS_V10, ROUTES_V03, ROUTES_V10, Route
from .faults import REASONS
from .interface import (
    CANCEL_TASK,
    CREATE_PUSH_CONFIG,
    DELETE_PUSH_CONFIG,
    GET_PUSH_CONFIG,
    GET_TASK,
    INTERRUPTED,
    LIST_PUSH_CONFIGS,
    LIST_TASKS,
    SEND_MESSAGE,
    SEND_STREAMING_MESSAGE,
    SUBSCRIBE_TO_TASK,
    TERMINAL,
)
from .v03 import V03
from .v03_rest import V03Rest
from .v10 import STATES, V10, Json

__all__ = ["Asked", "Fault", "Refusal", "Voice", "jsonrpc_asked", "notification", "rest_asked"]

JSON = "application/json"
A2A_JSON = "application/a2a+json"
#: The longest and the usual page of a list of tasks.
_PAGES = (100, 50)

_BY_METHOD_V10 = {method: name for name, method in METHODS_V10.items()}
_BY_METHOD_V03 = {method: name for name, method in METHODS_V03.items()}
#: What stands behind a task's id where more is wanted than to see it.
_VERBS = (":cancel", ":subscribe")
_AGNO_PATHS = {path: name for name, path in PATHS.items()}
#: The HTTP statuses of errors, of protocol 1.0 and 0.3; 400 is that of all others.
#: What cannot be read for its Content-Type has HTTP's own, which 1.0.0 has too; 1.0.1 has 400.
_STATUSES_V10 = {-32001: 404, -32601: 404, -32005: 415, -32006: 500, -32603: 500}
_STATUSES_V03 = {
    -32001: 404,
    -32002: 409,
    -32003: 501,
    -32004: 501,
    -32005: 415,
    -32006: 502,
    -32007: 404,
    -32601: 404,
    -32602: 422,
    -32603: 500,
}
_STATUS_NAMES = {404: "NOT_FOUND", 500: "INTERNAL"}
_ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"


class Fault(ProtocolError):  # noqa: N818 - an answer, as it is called
    """Why a request is turned down: a code of the protocol, and words."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code

    @property
    def reason(self) -> Optional[str]:
        return REASONS.get(self.code)


def _invalid(words: str) -> Fault:
    return Fault(-32602, "Invalid parameters: " + words)


class _Reader(V10):
    """Reads what is sent, and says of what cannot be read that it is the sender's fault."""

    def wrong(self, wanted: str, found: str) -> ProtocolError:
        return _invalid("%s was expected, not %s" % (wanted, found))


class _V10(_Reader):
    pass


class _V03(_Reader, V03):
    def write_status_update(self, event: Json) -> Json:
        written = super().write_status_update(event)
        # Here a stream ends where the caller has to act, too.
        if event.get("status", {}).get("state") in INTERRUPTED:
            written["final"] = True
        return written

    def write_task_push(self, config: Json) -> Json:
        return self._write_task_push(config)

    def write_task_pushes(self, page: Json) -> Any:
        return [self.write_task_push(each) for each in page["configs"]]


class _V03Rest(_V03, V03Rest):
    def write_task_push(self, config: Json) -> Json:
        written: Json = super().write_task_push(config)["config"]
        return written

    def write_task_pushes(self, page: Json) -> Any:
        return {**page, "configs": super().write_task_pushes(page)}


_OLD = _V03("")
_SPEAKERS: Dict[str, V10] = {"1.0": _V10(""), "0.3": _OLD, "0.3 REST": _V03Rest("")}


class Voice:
    """Writes the answers to one call. ``version`` is "1.0" or "0.3"."""

    #: The media type of what is not a stream.
    content_type = JSON

    def __init__(self, version: str, speaker: V10) -> None:
        self.version = version
        self._speaker = speaker

    def written(self, operation: str, result: Any) -> Json:
        """The JSON of a canonical result."""
        raise NotImplementedError

    def failed(self, fault: Fault) -> Tuple[int, Json]:
        """The status and the JSON of an error."""
        raise NotImplementedError

    def event(self, event: Json) -> bytes:
        """The frame of a canonical event."""
        raise NotImplementedError

    def failed_event(self, fault: Fault) -> bytes:
        """The frame of an error in the midst of a stream."""
        return frame("error", self.failed(fault)[1])

    def _result(self, operation: str, result: Any) -> Any:
        speaker = self._speaker
        if not isinstance(speaker, _V03):
            return result
        if operation in (SEND_MESSAGE, SEND_STREAMING_MESSAGE, SUBSCRIBE_TO_TASK):
            return speaker.write_event(result)
        if operation in (CREATE_PUSH_CONFIG, GET_PUSH_CONFIG):
            return speaker.write_task_push(result)
        if operation == LIST_PUSH_CONFIGS:
            return speaker.write_task_pushes(result)
        return speaker.write_task(result) if operation in (GET_TASK, CANCEL_TASK) else result


class JsonRpcVoice(Voice):
    """JSON-RPC 2.0: errors too have status 200."""

    def __init__(self, version: str, id: Any = None) -> None:
        super().__init__(version, _SPEAKERS[version])
        self.id = id

    def written(self, operation: str, result: Any) -> Json:
        return {"jsonrpc": "2.0", "id": self.id, "result": self._result(operation, result)}

    def failed(self, fault: Fault) -> Tuple[int, Json]:
        error: Json = {"code": fault.code, "message": str(fault.message)}
        if fault.reason is not None and self.version == "1.0" and fault.code > -32100:
            error["data"] = [_error_info(fault)]
        return 200, {"jsonrpc": "2.0", "id": self.id, "error": error}

    def event(self, event: Json) -> bytes:
        return _data(self.written(SEND_STREAMING_MESSAGE, event))


class AgnoVoice(JsonRpcVoice):
    """AgentOS's own, as its clients read it: the answer is a message of the task's history, and
    the first task in a stream is the last event."""

    def __init__(self, id: Any) -> None:
        super().__init__("0.3", id)
        self._texts: Dict[str, str] = {}

    def written(self, operation: str, result: Any) -> Json:
        if operation in (SEND_MESSAGE, GET_TASK) and "message" not in result:
            task = _with_answer(result.get("task", result))
            result = {"task": task} if operation == SEND_MESSAGE else task
        return super().written(operation, result)

    def event(self, event: Json) -> bytes:
        update = event.get("artifactUpdate")
        if update is not None:
            artifact = update["artifact"]
            id, text = artifact["artifactId"], _text(artifact["parts"])
            before = self._texts.get(id, "")
            self._texts[id] = before + text if update.get("append") else text
            if before and not update.get("append"):
                # Every text is a piece to these clients: they are told what is new in it.
                rest = text[len(before) :] if text.startswith(before) else text
                if not rest:
                    return b""
                event = {"artifactUpdate": {**update, "artifact": {**artifact, "parts": []}}}
                event["artifactUpdate"]["artifact"]["parts"] = [{"text": rest}]
        if "task" in event:
            status = event["task"]["status"]
            if status["state"] not in TERMINAL:
                return b""
            return super().event({"task": _with_answer(event["task"])})
        told = super().event(event)
        update = event.get("statusUpdate", {})
        if update.get("status", {}).get("state") not in TERMINAL:
            return told
        task = {"id": update["taskId"], "status": update["status"], "artifacts": []}
        task["contextId"] = update.get("contextId", "")
        task["artifacts"] = [
            {"artifactId": id, "parts": [{"text": text}]} for id, text in self._texts.items()
        ]
        return told + super().event({"task": _with_answer(task)})


def _with_answer(task: Json) -> Json:
    """The task with its answer, or what became of it, as an agent's message in its history."""
    texts = [_text(each.get("parts", [])) for each in task.get("artifacts", [])]
    said = task["status"].get("message")
    text = "\n".join(filter(None, texts)) or (_text(said["parts"]) if said else "")
    if not text:
        return task
    answer = {"messageId": task["id"], "role": "ROLE_AGENT", "parts": [{"text": text}]}
    return {**task, "history": [*task.get("history", []), answer]}


def _text(parts: Any) -> str:
    return "".join(part["text"] for part in parts if "text" in part)


class RestVoice(Voice):
    """HTTP+JSON: errors have statuses."""

    def __init__(self, version: str, content_type: str) -> None:
        super().__init__(version, _SPEAKERS["1.0" if version == "1.0" else "0.3 REST"])
        self.content_type = content_type

    def written(self, operation: str, result: Any) -> Json:
        value: Json = self._result(operation, result)
        return {} if value is None else value

    def failed(self, fault: Fault) -> Tuple[int, Json]:
        if self.version != "1.0":
            return _STATUSES_V03.get(fault.code, 400), {"message": str(fault.message)}
        status = _STATUSES_V10.get(fault.code, 400)
        name = _STATUS_NAMES.get(status, "INVALID_ARGUMENT")
        error: Json = {"code": status, "status": name, "message": str(fault.message)}
        if fault.reason is not None:
            error["details"] = [_error_info(fault)]
        return status, {"error": error}

    def event(self, event: Json) -> bytes:
        return _data(self.written(SEND_STREAMING_MESSAGE, event))


def notification(version: str, event: Json, task: Json) -> Tuple[str, Json]:
    """The media type and the JSON of a push notification: 1.0 posts the event, 0.3 the task."""
    if version == "1.0":
        return A2A_JSON, event
    return JSON, _OLD.write_task(task)


class Asked(NamedTuple):
    """An operation, its canonical parameters, and how the answer is written."""

    operation: str
    params: Json
    voice: Voice


class Refusal(Exception):  # noqa: N818 - an answer, not an error
    """A request that is turned down before anything is done, and the voice to say it in."""

    def __init__(self, fault: Fault, voice: Voice) -> None:
        super().__init__(str(fault))
        self.fault = fault
        self.voice = voice


def _error_info(fault: Fault) -> Json:
    return {"@type": _ERROR_INFO, "reason": fault.reason, "domain": "a2a-protocol.org"}


def _data(value: Json) -> bytes:
    # Servers of A2A name no events but errors.
    return frame("", value).partition(b"\n")[2]


# --- JSON-RPC


def jsonrpc_asked(
    body: bytes, version: Optional[str], path: str = "", content_type: str = JSON
) -> Asked:
    """Read a JSON-RPC body. ``version`` is the header A2A-Version; ``path`` one of AgentOS's.

    Of JSON its ``content_type`` does not matter. Raises Refusal, which has the voice to say it in.
    """
    voice = JsonRpcVoice("0.3")
    try:
        data = _json(body, content_type)
        if type(data) is not dict:
            raise Fault(-32600, "Invalid request: a single JSON-RPC object was expected")
        id = data.get("id")
        if not (id is None or type(id) in (str, int)):
            raise Fault(-32600, "Invalid request: an id is a string or an integer")
        voice.id = id
        voice.version = _version(version)
        method = data.get("method")
        if data.get("jsonrpc") != "2.0" or type(method) is not str:
            raise Fault(-32600, "Invalid request: it takes jsonrpc 2.0 and a method")
        params = data.get("params")
        params = {} if params is None else params
        if type(params) is not dict:
            raise _invalid("params are an object")
        if method in _BY_METHOD_V10 and method not in _BY_METHOD_V03:
            if voice.version != "1.0":
                raise Fault(-32009, "The method %s takes the header A2A-Version: 1.0" % method)
            operation = _BY_METHOD_V10[method]
        elif method in _BY_METHOD_V03:
            operation, voice.version = _BY_METHOD_V03[method], "0.3"
        else:
            raise Fault(-32601, "Method not found: %.80s" % method)
        if path and _AGNO_PATHS.get(path) != operation:
            raise Fault(-32601, "Method not found at this path: %.80s" % method)
        voice = AgnoVoice(id) if path else JsonRpcVoice(voice.version, id)
        return Asked(operation, _canonical(operation, params, voice.version), voice)
    except Fault as fault:
        raise Refusal(fault, JsonRpcVoice(voice.version, voice.id)) from None


# --- REST


def rest_asked(
    method: str,
    path: str,
    query: Mapping[str, str],
    body: bytes,
    content_type: str,
    version: Optional[str],
    accept: str = "",
) -> Optional[Asked]:
    """Read a REST request; None for a path that is none. Raises Refusal.

    ``path`` is what stands behind the interface's URL, decoded; ``accept`` what the answer may be.
    """
    if path in _AGNO_PATHS and method == "POST" and _is_jsonrpc(body):
        return jsonrpc_asked(body, None, path)
    old = path.startswith("/v1/")
    found = _matched(ROUTES_V03 if old else ROUTES_V10, method, path)
    if found is None:
        return None
    operation, ids = found
    voice = RestVoice("0.3", JSON) if old else RestVoice("1.0", _wanted(accept, content_type))
    try:
        if not old and _version(version) != "1.0":
            raise Fault(-32009, "Over REST this takes the header A2A-Version: 1.0")
        given: Json = {name: _typed(name, value) for name, value in query.items()}
        if method == "POST" and body.strip():
            if not _is_json(content_type):
                raise _unsupported(content_type)
            given = _json(body)
            if type(given) is not dict:
                raise _invalid("the body is a JSON object")
        given.update(ids)
        return Asked(operation, _canonical(operation, given, "0.3 REST" if old else "1.0"), voice)
    except Fault as fault:
        raise Refusal(fault, voice) from None


def _wanted(accept: str, content_type: str) -> str:
    """The media type of the answer: one that is asked for, or that of the request.

    Both types are in use, and clients that know one of them only say so, by one or the other.
    """
    for said in (accept, content_type):
        for kind in (A2A_JSON, JSON):
            if kind in said.lower():
                return kind
    return A2A_JSON


def _matched(
    routes: Mapping[str, Route], method: str, path: str
) -> Optional[Tuple[str, Dict[str, str]]]:
    for operation, route in routes.items():
        # The protobuf definition has GET where the specification's text has POST.
        either = operation == SUBSCRIBE_TO_TASK and method == "GET"
        if route.method != method and not either:
            continue
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(route.path))
        match = re.fullmatch(pattern, path)
        if match and not (
            operation == GET_TASK and match["id"].endswith((":cancel", ":subscribe"))
        ):
            return operation, match.groupdict()
    return None


def _is_jsonrpc(body: bytes) -> bool:
    try:
        data = read_json(body)
    except ValueError:
        return False
    return type(data) is dict and "jsonrpc" in data


def _typed(name: str, text: str) -> Any:
    if name in ("historyLength", "pageSize"):
        try:
            return int(text)
        except ValueError:
            raise _invalid("%s is a number" % name) from None
    return text == "true" if name == "includeArtifacts" else text


# --- Parameters


def _version(header: Optional[str]) -> str:
    """The version that is spoken; 0.3 is the header's absence."""
    said = (header or "").strip()
    if not said or said == "0.3" or said.startswith("0.3."):
        return "0.3"
    if re.fullmatch(r"1(\.\d+)*", said):
        return "1.0"
    raise Fault(-32009, "A2A version %.20r is not supported: it is 1.0 or 0.3" % said)


def _is_json(media_type: str) -> bool:
    return media_type.partition(";")[0].strip().lower().endswith("json")


def _unsupported(content_type: str) -> Fault:
    said = content_type.partition(";")[0].strip().lower()
    return Fault(-32005, "Content-Type %.80s is not supported: send JSON" % said)


def _json(body: bytes, content_type: str = JSON) -> Any:
    try:
        return read_json(body)
    except ValueError as error:
        if not _is_json(content_type):
            raise _unsupported(content_type) from None
        raise Fault(-32700, "Parse error: %.100s" % error) from None


def _canonical(operation: str, given: Json, speaker: str) -> Json:
    given = _camel(given)
    if operation in (SEND_MESSAGE, SEND_STREAMING_MESSAGE):
        return _sent(given, speaker)
    if operation == LIST_TASKS:
        return _listed(given)
    if operation in (GET_TASK, CANCEL_TASK, SUBSCRIBE_TO_TASK):
        id = given.get("id")
        if type(id) is not str or not id:
            raise _invalid("id is a task's")
        params: Json = {"id": id}
        context_id = given.get("contextId")
        if type(context_id) is str and context_id:
            params["contextId"] = context_id
        if given.get("historyLength") is not None:
            params["historyLength"] = _length(given["historyLength"])
        return params
    if operation == CREATE_PUSH_CONFIG:
        config = _push(given if speaker != "0.3 REST" else _named_push(given), speaker)
        if not config.get("taskId"):
            raise _invalid("there is no taskId")
        return config
    if operation in (GET_PUSH_CONFIG, LIST_PUSH_CONFIGS, DELETE_PUSH_CONFIG):
        return _push_query(operation, given, speaker)
    return given


def _named_push(given: Json) -> Json:
    """A config out of the envelope that 0.3 has over REST."""
    config = given.get("config", given)
    if type(config) is not dict:
        raise _invalid("the config is an object")
    found = {**_camel(config), "taskId": given["taskId"]}
    own = found.get("pushNotificationConfig")
    if type(own) is dict and given.get("configId") and not own.get("id"):
        found["pushNotificationConfig"] = {**own, "id": given["configId"]}
    return found


def _push(given: Any, speaker: str) -> Json:
    """A config as 1.0 has it, and the ``version`` in which it is to be told."""
    if type(given) is not dict:
        raise _invalid("a push notification config is an object")
    read = _SPEAKERS[speaker].read_push(_camel(given))
    if not read.get("url"):
        raise _invalid("a push notification config has a url")
    names = ("taskId", "id", "url", "token", "authentication")
    config = {name: read[name] for name in names if read.get(name)}
    for name, value in config.get("authentication", {}).items():
        if type(value) is not str and name != "schemes":
            raise _invalid("the %.40s of an authentication is a string" % name)
    config["version"] = speaker[:3]
    return config


def _push_query(operation: str, given: Json, speaker: str) -> Json:
    task, id = given.get("taskId"), given.get("id")
    if speaker == "0.3":
        task, id = id, given.get("pushNotificationConfigId")
    if type(task) is not str or not task:
        raise _invalid("a task's id is wanted")
    params: Json = {"taskId": task}
    if operation == LIST_PUSH_CONFIGS:
        token = given.get("pageToken")
        return {**params, "pageToken": token} if type(token) is str and token else params
    # Servers of 0.3 answer with the first, if none is named.
    if id is None and speaker == "0.3" and operation == GET_PUSH_CONFIG:
        return params
    if type(id) is not str or not id:
        raise _invalid("a config's id is wanted")
    return {**params, "id": id}


def _sent(given: Json, speaker: str) -> Json:
    if type(given.get("message")) is not dict:
        raise _invalid("there is no message")
    sent = _camel(given["message"])
    for name in ("parts", "content"):
        if type(sent.get(name)) is list:
            sent[name] = [_camel(each) if type(each) is dict else each for each in sent[name]]
    message = _SPEAKERS[speaker].read_message(sent)
    if not message.get("messageId"):
        raise _invalid("the message has no messageId")
    if message.get("role") != "ROLE_USER":
        raise _invalid("the role of a message that is sent is the user's")
    parts = message.get("parts") or []
    if not parts:
        raise _invalid("the message has no parts")
    for part in parts:
        if len([name for name in ("text", "raw", "url", "data") if name in part]) != 1:
            raise _invalid("a part has one of text, raw, url and data")
    params: Json = {"message": message, "configuration": _configuration(given, speaker)}
    if given.get("metadata") is not None:
        if type(given["metadata"]) is not dict:
            raise _invalid("metadata are an object")
        params["metadata"] = given["metadata"]
    return params


def _configuration(given: Json, speaker: str) -> Json:
    said = given.get("configuration")
    said = {} if said is None else said
    if type(said) is not dict:
        raise _invalid("the configuration is an object")
    said = _camel(said)
    if speaker == "1.0":
        at_once = bool(said.get("returnImmediately"))
    else:
        # What is not said means to wait in one binding of 0.3, and not to wait in the other.
        at_once = not said.get("blocking", speaker == "0.3")
    configuration: Json = {"returnImmediately": at_once}
    for name in ("taskPushNotificationConfig", "pushNotificationConfig", "pushNotification"):
        if said.get(name):
            configuration["taskPushNotificationConfig"] = _push(said[name], speaker)
    if said.get("historyLength") is not None:
        configuration["historyLength"] = _length(said["historyLength"])
    modes = said.get("acceptedOutputModes")
    if modes is not None:
        if type(modes) is not list or not all(type(each) is str for each in modes):
            raise _invalid("acceptedOutputModes are media types")
        configuration["acceptedOutputModes"] = modes
    return configuration


def _listed(given: Json) -> Json:
    params: Json = {"pageSize": _PAGES[1]}
    for name in ("contextId", "pageToken", "status", "statusTimestampAfter"):
        value = given.get(name)
        if value is not None and type(value) is not str:
            raise _invalid("%s is a string" % name)
        if value:
            params[name] = value
    if "status" in params and params["status"] not in STATES[1:]:
        raise _invalid("status %.40r is no state" % params["status"])
    if given.get("pageSize") is not None:
        size = given["pageSize"]
        if type(size) is not int or not 1 <= size <= _PAGES[0]:
            raise _invalid("pageSize is a number from 1 to %d" % _PAGES[0])
        params["pageSize"] = size
    if given.get("historyLength") is not None:
        params["historyLength"] = _length(given["historyLength"])
    params["includeArtifacts"] = bool(given.get("includeArtifacts"))
    return params


def _length(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise _invalid("historyLength is a number, 0 or more")
    return value


def _camel(given: Json) -> Json:
    """Names as the protocol writes them; protobuf's own are taken too."""
    if not any("_" in name for name in given):
        return dict(given)
    return {re.sub(r"_([a-z])", lambda m: m[1].upper(), name): v for name, v in given.items()}
