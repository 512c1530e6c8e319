"""Runs of an AgentOS as tasks of A2A, and A2A's operations on them.

Nothing is kept: the id of a task has those of the run and its session in it, so any process can
ask the server about it. Runs are begun in the background where the component can do that (it takes
a database), for a task goes on when its client has left.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import copy
import json
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Type

from ..errors import InvalidRequestError, NotFoundError, RemoteAgentError
from ..media import Audio, File, Image, Media, Video
from ..protocols.a2a.interface import TERMINAL
from ..protocols.a2a.serving import Fault
from ..runs.runner import Runner
from ..runs.stream import RunStream
from .decisions import decide, question
from .incoming import Caller
from .narration import (
    ANSWER,
    AnswerTold,
    Ids,
    Json,
    Told,
    content_parts,
    page,
    status,
    status_update,
    task_of_event,
    timestamp,
)
from .parts import media_of
from .pushes import Pushes, Source
from .task_pushes import TaskPushes

__all__ = ["RunTasks"]

_Streamed = Tuple[RunStream[Any, Any], Callable[[Any], List[Json]]]

_STATES = {
    "PENDING": "TASK_STATE_SUBMITTED",
    "RUNNING": "TASK_STATE_WORKING",
    "PAUSED": "TASK_STATE_INPUT_REQUIRED",
    "COMPLETED": "TASK_STATE_COMPLETED",
    "REGENERATED": "TASK_STATE_COMPLETED",
    "CANCELLED": "TASK_STATE_CANCELED",
    "ERROR": "TASK_STATE_FAILED",
}
_OPTIONS: Dict[Type[Media], str] = {
    Image: "images",
    Audio: "audio",
    Video: "videos",
    File: "files",
}
#: What is told of a run beside its answer.
_NEWS = ("ToolCall", "Reasoning", "CustomEvent", "StepStarted", "StepCompleted")
#: How long it is looked whether a run has been cancelled, in seconds.
_CANCEL = 5.0
_NO_DATABASE = "Background execution requires"


class RunTasks:
    """The tasks of one component of an AgentOS. Any thread may call any method; all block.

    An AgentOS has no push notifications: ``pushes`` has them.
    """

    def __init__(self, remote: Runner[Any, Any, Any], forwards: bool, pushes: Pushes) -> None:
        self._remote = remote
        self._forwards = forwards
        self._pushes = TaskPushes(pushes, "%s\n%s" % (remote.component.path, remote.id))
        self._in_background = True  # until its server says that it cannot

    def send(self, params: Json, caller: Caller) -> Json:
        """SendMessage: the task, when its run has ended or waits, or at once if that is wanted."""
        message, remote = params["message"], copy.copy(self._remote)
        at_once = params["configuration"]["returnImmediately"]
        if message.get("taskId"):
            with _known_tasks():
                config = self._pushes.brought(params)
                paused = self._paused(remote, message, caller)
                self._pushes.keep(message["taskId"], config, caller)
                output = remote.continue_run(paused, **self._call(caller))
            task = {"task": task_of(output, message)}
            self._pushes.tell(message["taskId"], [task])
            return task
        config = self._pushes.brought(params)
        options = self._options(params, caller)
        if at_once and self._in_background:
            with self._background():
                run = remote.run(text_of(message), background=True, **options)
                task = {"task": task_of(run, message)}
                begun = task["task"]["id"]
                self._pushes.keep(begun, config, caller, self._source(begun, begins=True))
                return task
        if config is not None:  # who asks for news while it waits for the answer is to have them
            stream, events = self._streamed(params, caller)
            with stream:
                for event in stream:
                    events(event)
                events(None)
                return {"task": task_of(stream.partial_output(), message)}
        return {"task": task_of(remote.run(text_of(message), **options), message)}

    def stream(self, params: Json, caller: Caller) -> Told:
        """SendStreamingMessage: the task first, then what becomes of it.

        With ``whole`` among the parameters the answer comes once more at the end, in place of its
        pieces.
        """
        return self._streamed(params, caller)

    def _streamed(self, params: Json, caller: Caller) -> _Streamed:
        message, remote = params["message"], copy.copy(self._remote)
        stream: Any = None
        config: Optional[Json] = None
        in_background = False
        if message.get("taskId"):
            with _known_tasks():
                config = self._pushes.brought(params)
                paused = self._paused(remote, message, caller)
                self._pushes.keep(message["taskId"], config, caller)
                stream = remote.continue_run(paused, stream=True, **self._call(caller))
        else:
            config = self._pushes.brought(params)
            options = self._options(params, caller)
            if self._in_background:
                with self._background():
                    stream = remote.run(text_of(message), stream=True, background=True, **options)
            in_background = stream is not None
            if stream is None:
                stream = remote.run(text_of(message), stream=True, **options)
        events = _Narrator(stream, message, bool(params.get("whole"))).events
        if message.get("taskId"):
            return stream, self._pushes.telling(events)
        if config is not None:
            return stream, self._keeping(events, config, caller, in_background)
        return stream, events

    def get(self, params: Json, caller: Caller) -> Json:
        """GetTask"""
        return task_of(self._run(params, caller), None, params.get("historyLength"))

    def list(self, params: Json, caller: Caller) -> Json:
        """ListTasks, of a context: an AgentOS lists the runs of a session."""
        session_id = params.get("contextId")
        if session_id is None:
            raise Fault(-32004, "Tasks are listed by context: give contextId")
        remote = copy.copy(self._remote)
        try:
            rows = remote.list_runs(session_id, **self._call(caller))
        except NotFoundError:
            rows = []
        tasks = [_task_of_row(row, session_id, params["includeArtifacts"]) for row in rows]
        if "status" in params:
            tasks = [each for each in tasks if each["status"]["state"] == params["status"]]
        since = params.get("statusTimestampAfter")
        if since is not None:
            tasks = [each for each in tasks if each["status"].get("timestamp", "") > since]
        tasks.sort(key=lambda task: str(task["status"].get("timestamp", "")), reverse=True)
        return _page(tasks, params)

    def cancel(self, params: Json, caller: Caller) -> Json:
        """CancelTask: the task as it stands then. Fault if it was over."""
        run_id, session_id = _ids(params)
        remote = copy.copy(self._remote)
        with _known_tasks():
            before = remote.get_run(run_id, session_id, **self._call(caller))
            if _STATES.get(str(before.status)) in TERMINAL:
                raise Fault(-32002, "The task is over: its run is %s" % before.status)
            remote.cancel_run(run_id, session_id=session_id, wait=_CANCEL, **self._call(caller))
            return task_of(remote.get_run(run_id, session_id, **self._call(caller)))

    def subscribe(self, params: Json, caller: Caller) -> Told:
        """SubscribeToTask: all that a run in the background has told, and what is to come."""
        run_id, session_id = _ids(params)
        output = self._run(params, caller)
        if str(output.status) not in ("PENDING", "RUNNING"):
            raise Fault(-32004, "The task is not under way: its run is %s" % output.status)
        remote = copy.copy(self._remote)
        with _known_tasks():
            stream = remote.resume(run_id, session_id, **self._call(caller))
        return stream, _Narrator(stream, None, bool(params.get("whole"))).events

    # --- Push notifications

    def create_push(self, params: Json, caller: Caller) -> Json:
        """CreateTaskPushNotificationConfig. Of a task that is over its end is posted."""
        self._pushes.check(params)
        self._run({"id": params["taskId"]}, caller)  # which the caller has to be allowed to see
        return self._pushes.create(params, caller, self._source(params["taskId"]))

    def get_push(self, params: Json, caller: Caller) -> Json:
        """GetTaskPushNotificationConfig"""
        return self._pushes.get(params, caller)

    def list_pushes(self, params: Json, caller: Caller) -> Json:
        """ListTaskPushNotificationConfigs"""
        return self._pushes.list(params, caller)

    def delete_push(self, params: Json, caller: Caller) -> None:
        """DeleteTaskPushNotificationConfig"""
        self._pushes.delete(params, caller)

    def _source(self, task_id: str, *, begins: bool = False) -> Source:
        """What becomes of a run in the background, beside whoever else reads it.

        Of one that ``begins`` all is told, however soon it is over.
        """
        run_id, session_id = _ids({"id": task_id})

        def events(caller: Caller, own: Callable[[Any], None]) -> Iterator[Json]:
            remote, options = copy.copy(self._remote), self._call(caller)
            output = None if begins else remote.get_run(run_id, session_id, **options)
            if output is None or str(output.status) in ("PENDING", "RUNNING"):
                try:
                    with remote.resume(run_id, session_id, **options) as stream:
                        own(stream)
                        narrator = _Narrator(stream, None, True)
                        for event in stream:
                            yield from narrator.events(event)
                        yield from narrator.events(None)
                        return
                except RemoteAgentError:  # it can be polled at least
                    output = remote.wait_run(run_id, session_id, **options)
            yield {"task": task_of(output)}

        return events

    def _keeping(
        self,
        events: Callable[[Any], List[Json]],
        config: Json,
        caller: Caller,
        in_background: bool,
    ) -> Callable[[Any], List[Json]]:
        """``events``, whose first one tells the task that ``config`` is for."""
        telling = events if in_background else self._pushes.telling(events)
        begun = False

        def told(event: Any) -> List[Json]:
            nonlocal begun
            if begun:
                return telling(event)
            begun = True
            found = events(event)
            task_id = task_of_event(found[0])
            # What runs in the background goes on when this client has left, and so is followed.
            source = self._source(task_id, begins=True) if in_background else None
            self._pushes.keep(task_id, config, caller, source)
            if not in_background:
                self._pushes.tell(task_id, found)
            return found

        return told

    # --- What goes along

    def _call(self, caller: Caller) -> Dict[str, Any]:
        found: Dict[str, Any] = caller.options(self._forwards)
        return found

    def _options(self, params: Json, caller: Caller) -> Dict[str, Any]:
        message = params["message"]
        metadata = dict(message.get("metadata") or {})
        user = metadata.pop("userId", None)
        user = caller.guest.user or (user if isinstance(user, str) else None)
        options: Dict[str, Any] = self._call(caller)
        options["session_id"] = message.get("contextId")
        options.update(_media(message["parts"]))
        if user:
            options["user_id"] = user
        if metadata:
            options["metadata"] = metadata
        return options

    def _run(self, params: Json, caller: Caller) -> Any:
        run_id, session_id = _ids(params)
        remote = copy.copy(self._remote)
        with _known_tasks():
            return remote.get_run(run_id, session_id, **self._call(caller))

    def _paused(self, remote: Any, message: Json, caller: Caller) -> Any:
        """The run that a message answers, with the answer in it."""
        run_id, session_id = _ids({"id": message["taskId"]})
        if message.get("contextId") not in (None, session_id):
            raise Fault(-32602, "The task belongs to another context")
        output = remote.get_run(run_id, session_id, **self._call(caller))
        if not output.is_paused:
            raise Fault(-32004, "The task waits for nothing: its run is %s" % output.status)
        output.__dict__.setdefault("session_id", session_id)
        decide(output, message["parts"])
        return output

    @contextlib.contextmanager
    def _background(self) -> Iterator[None]:
        """Try it in the background; from the first refusal on it is not tried any more."""
        try:
            yield
        except InvalidRequestError as error:
            if not str(error.detail).startswith(_NO_DATABASE):
                raise
            self._in_background = False


@contextlib.contextmanager
def _known_tasks() -> Iterator[None]:
    """A run that the server does not know is a task that is not found."""
    try:
        yield
    except NotFoundError as error:
        raise Fault(-32001, "Task not found: %s" % error.message) from error


# --- Ids


def _task_id(run_id: Any, session_id: Any) -> str:
    text = "%s\n%s" % (run_id or "", session_id or "")
    return base64.urlsafe_b64encode(text.encode("utf-8")).decode("ascii").rstrip("=")


def _ids_of(run_id: Any, session_id: Any) -> Ids:
    return Ids(_task_id(run_id, session_id), session_id or "")


def _ids(params: Mapping[str, Any]) -> Tuple[str, str]:
    """The ids of run and session that a task's id is made of. Fault for one that is not ours."""
    id = str(params["id"])
    try:
        text = base64.b64decode(id + "=" * (-len(id) % 4), altchars=b"-_", validate=True)
        run_id, session_id = text.decode("utf-8").split("\n")
    except (binascii.Error, ValueError):
        raise Fault(-32001, "Task not found: %.80s" % id) from None
    if not run_id or not session_id:
        raise Fault(-32001, "Task not found: %.80s" % id)
    return run_id, session_id


# --- Messages to runs


def text_of(message: Mapping[str, Any]) -> str:
    """What is said: the texts, and data as JSON. Fault if there is none, which no AgentOS takes."""
    lines = [
        part["text"] if "text" in part else json.dumps(part["data"], ensure_ascii=False)
        for part in message["parts"]
        if "text" in part or "data" in part
    ]
    text = "\n".join(lines)
    if not text:
        raise Fault(-32602, "Invalid parameters: the message has no text")
    return text


def _media(parts: Sequence[Mapping[str, Any]]) -> Dict[str, List[Media]]:
    found: Dict[str, List[Media]] = {}
    for media in filter(None, map(media_of, parts)):
        if media.content is not None and not media.content:
            raise Fault(-32602, "Invalid parameters: a file is empty")
        found.setdefault(_OPTIONS[type(media)], []).append(media)
    return found


# --- Runs to tasks


def task_of(output: Any, message: Optional[Json] = None, history: Optional[int] = None) -> Json:
    """The task that a run's output is; ``message`` is what it answers."""
    task: Json = {
        "id": _task_id(output.run_id, output.session_id),
        "contextId": output.session_id,
        "status": _status(output),
    }
    artifacts = _artifacts(output)
    if artifacts:
        task["artifacts"] = artifacts
    said = message or _asked(output)
    if said is not None and history != 0:
        ids = {"taskId": task["id"], "contextId": task["contextId"]}
        task["history"] = [{**said, **ids}]
    return task


def _asked(output: Any) -> Optional[Json]:
    """The message that began a run, as far as its server tells."""
    asked = output.to_dict().get("input")
    if isinstance(asked, dict):
        asked = asked.get("input_content")
    if not isinstance(asked, str) or not asked:
        return None
    return {"messageId": str(output.run_id), "role": "ROLE_USER", "parts": [{"text": asked}]}


def _status(output: Any) -> Json:
    state = _STATES.get(str(output.status), "TASK_STATE_WORKING")
    parts: List[Json] = []
    if state == "TASK_STATE_INPUT_REQUIRED":
        parts = question(output)
    elif state in ("TASK_STATE_FAILED", "TASK_STATE_CANCELED"):
        parts = content_parts(output.content)
    message_id = "%s-%s" % (output.run_id, state[11:].lower())
    return status(state, timestamp(), message_id, parts)


def _artifacts(output: Any) -> List[Json]:
    done = _STATES.get(str(output.status)) == "TASK_STATE_COMPLETED"
    parts = content_parts(output.content) if done else []
    parts += _files(output)
    return [{"artifactId": ANSWER, "parts": parts}] if parts else []


def _files(output: Any) -> List[Json]:
    """The media of an output, which has them as an AgentOS sends them."""
    parts = []
    data = output.to_dict()
    for name in ("images", "videos", "audio", "files"):
        for item in data.get(name) or []:
            part = _file(item) if isinstance(item, dict) else None
            if part is not None:
                parts.append(part)
    return parts


def _file(item: Mapping[str, Any]) -> Optional[Json]:
    part: Json = {}
    content, media_type = item.get("content"), item.get("mime_type")
    if isinstance(content, str) and content:
        text = isinstance(media_type, str) and media_type.startswith("text/")
        raw = base64.b64encode(content.encode()).decode("ascii") if text else content
        part["raw"] = raw
    elif isinstance(item.get("url"), str):
        part["url"] = item["url"]
    else:
        return None
    if media_type:
        part["mediaType"] = media_type
    if item.get("filename"):
        part["filename"] = item["filename"]
    return part


def _task_of_row(row: Any, session_id: str, with_artifacts: bool) -> Json:
    data = row.to_dict()
    state = _STATES.get(str(data.get("status")), "TASK_STATE_WORKING")
    found: Json = _ids_of(data.get("run_id"), session_id).of_task()
    found["status"] = {"state": state}
    created = data.get("created_at")
    if isinstance(created, str):
        found["status"]["timestamp"] = created
    parts = content_parts(data.get("content"))
    if with_artifacts and parts and state == "TASK_STATE_COMPLETED":
        found["artifacts"] = [{"artifactId": ANSWER, "parts": parts}]
    return found


def _page(tasks: List[Json], params: Json) -> Json:
    token = params.get("pageToken", "0")
    if not (token.isascii() and token.isdigit() and len(token) < 10):
        raise Fault(-32602, "Invalid parameters: the pageToken is none of ours")
    start, size = int(token), params["pageSize"]
    end = start + size
    return page(tasks[start:end], str(end) if end < len(tasks) else "", size, len(tasks))


class _Narrator:
    """Tells a stream of an AgentOS's events as those of a task, the task first."""

    def __init__(self, stream: RunStream[Any, Any], message: Optional[Json], whole: bool) -> None:
        self._stream = stream
        self._message = message
        self._answer = AnswerTold(whole)
        self._begun = False

    def events(self, event: Any) -> List[Json]:
        """Those for one event; for None those behind the last one."""
        found = [] if self._begun else [self._task()]
        self._begun = True
        if event is None:
            return found + self._end()
        piece = self._stream.delta(event)
        if piece:
            found.append(self._answer.piece(self._ids(), piece))
        elif any(each in event.event for each in _NEWS):
            working = status("TASK_STATE_WORKING", timestamp())
            found.append(status_update(self._ids(), working, {"agentos": event.to_dict()}))
        return found

    def _ids(self) -> Ids:
        return _ids_of(self._stream.run_id, self._stream.session_id)

    def _task(self) -> Json:
        ids = self._ids()
        task = {**ids.of_task(), "status": status("TASK_STATE_WORKING", timestamp())}
        if self._message is not None:
            task["history"] = [{**self._message, **ids.of_update()}]
        return {"task": task}

    def _end(self) -> List[Json]:
        output: Any = self._stream.partial_output()
        found = []
        if _STATES.get(str(output.status)) == "TASK_STATE_COMPLETED":
            found = self._answer.end(self._ids(), output.content, _files(output))
        found.append(status_update(self._ids(), _status(output)))
        return found
