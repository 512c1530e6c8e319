"""AgentOS REST: options to requests, answers to outputs, frames to events. No I/O.

Endpoints: ``POST /{agents|teams|workflows}/{id}/runs``, ``.../runs/{run_id}/continue``,
``.../runs/{run_id}/cancel`` (forms), ``GET .../runs/{run_id}``, ``GET /{kind}/{id}``.
"""

from __future__ import annotations

import base64
import io
import json
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple, Type
from urllib.parse import quote

from .. import models
from .._model import Model
from .._wire import Call, FilePart, Request, Response, StreamCall
from ..errors import UnsupportedError
from ..events import UnknownEvent
from ..media import Audio, File, Image, Media, Video
from ..models.runs import EVENT_CLASSES
from .answers import model_of, models_of
from .component import AGENT, COMPONENTS, TEAM, WORKFLOW, Component

__all__ = ["AgentOS", "AgentOSFold"]

_A = (AGENT,)
_T = (TEAM,)
_W = (WORKFLOW,)
_new = object.__new__

#: Event name to class, for agents, teams and workflows: the three sets share CustomEvent alone.
_CLASSES: Dict[str, Type[Model]] = {
    name: cls
    for classes in EVENT_CLASSES.values()
    for name, cls in classes.items()
    if name != "CustomEvent"
}


# --- Requests ------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    """``json.dumps``'s hook: the JSON form of models, pydantic models and dataclasses."""
    for method in ("to_dict", "model_dump"):
        convert = getattr(value, method, None)
        if callable(convert) and not isinstance(value, type):
            return convert(mode="json") if method == "model_dump" else convert()
    if hasattr(type(value), "__dataclass_fields__"):
        import dataclasses  # only for callers who have imported it: it is slow to import

        return dataclasses.asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    raise TypeError("%s cannot be sent as JSON" % type(value).__name__)


def _json(name: str, value: Any) -> str:
    try:
        return json.dumps(value, default=_plain)
    except (TypeError, ValueError) as error:
        raise TypeError("%s: %s" % (name, error)) from error


def _json_object(name: str, value: Any) -> str:
    text = _json(name, value)
    if not text.startswith("{"):
        raise TypeError("%s must be a mapping, not %s" % (name, type(value).__name__))
    return text


def _schema(name: str, value: Any) -> str:
    """A JSON schema, or the class of a pydantic model."""
    schema = getattr(value, "model_json_schema", None)
    return _json_object(name, schema() if callable(schema) else value)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("%s must be a str, not %s" % (name, type(value).__name__))
    return value


def _flag(name: str, value: Any) -> str:
    if not isinstance(value, bool):
        raise TypeError("%s must be True or False, not %r" % (name, value))
    return "true" if value else "false"


def _number(name: str, value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("%s must be an int, not %r" % (name, value))
    return str(value)


def _boundary(name: str, value: Any) -> str:
    """Where in a run's messages to go on."""
    if value in ("end", "last_user"):
        return str(value)
    try:
        return _number(name, value)
    except TypeError:
        raise TypeError('%s must be "end", "last_user" or an int, not %r' % (name, value)) from None


def _input(name: str, value: Any) -> str:
    return _message(value)


def _media(name: str, value: Any) -> str:
    kind = _MEDIA[name]
    items = []
    for item in value:
        if not isinstance(item, kind):
            raise TypeError(
                "%s must hold %s objects, not %s" % (name, kind.__name__, type(item).__name__)
            )
        items.append(_media_item(item))
    return json.dumps(items)


def _media_item(item: Media) -> Dict[str, Any]:
    wire: Dict[str, Any] = {"url": item.url, "mime_type": item.mime_type, "format": item.format}
    wire.update(id=item.id, **item.fields)
    if isinstance(item, File):
        wire["filename"] = item.filename
    if item.content is not None:
        if not item.content:
            raise ValueError("%r is empty: the server would drop it silently" % item)
        wire["content"] = _content(item)
    return {name: value for name, value in wire.items() if value is not None}


def _content(item: Media) -> str:
    if isinstance(item, File) and (item.mime_type or "").startswith("text/"):
        # The server takes the content of text documents as it stands, everything else as base64.
        try:
            return (item.content or b"").decode("utf-8")
        except UnicodeDecodeError as error:
            raise UnsupportedError(
                "%r: a text document must be UTF-8 to be sent to an AgentOS (%s). Give its true "
                "mime_type." % (item, error.reason)
            ) from error
    return base64.b64encode(item.content or b"").decode("ascii")


_MEDIA: Dict[str, Type[Media]] = {
    "images": Image,
    "audio": Audio,
    "audios": Audio,
    "videos": Video,
    "files": File,
    "input_files": File,
}


_BYTES = "application/octet-stream"
#: What the types of parts must begin with for the server to sort them as their option says.
_MULTIPART_TYPES: Dict[str, Tuple[str, ...]] = {
    "images": tuple(
        "image/" + name
        for name in ("avif", "bmp", "gif", "heic", "heif", "jpeg", "png", "tiff", "webp")
    ),
    "audio": tuple("audio/" + name for name in ("aac", "flac", "m4a", "mp3", "mpeg", "ogg", "wav")),
    "videos": tuple(
        "video/" + name
        for name in ("3gpp", "mp4", "mpeg", "mpg", "quicktime", "webm", "wmv", "flv")
    ),
    "files": ("",),
}


class _Field(NamedTuple):
    """How one run option goes into the form, and which components take it."""

    encode: Callable[[str, Any], str]
    components: Tuple[Component, ...] = (AGENT, TEAM, WORKFLOW)
    wire: Optional[str] = None


#: The options of ``run`` that become form fields.
_FIELDS: Dict[str, _Field] = {
    "run_id": _Field(_text),
    "session_id": _Field(_text),
    "user_id": _Field(_text),
    "background": _Field(_flag),
    "version": _Field(_number),
    "factory_input": _Field(_json_object),
    "session_state": _Field(_json_object),
    "dependencies": _Field(_json_object),
    "metadata": _Field(_json_object),
    "images": _Field(_media),
    "audio": _Field(_media),
    "videos": _Field(_media),
    "files": _Field(_media, wire="input_files"),
    "knowledge_filters": _Field(_json, _A + _T),
    "output_schema": _Field(_schema, _A + _T),
    "use_json_schema": _Field(_flag, _A + _T),
    "retries": _Field(_number, _A + _T),
    "add_history_to_context": _Field(_flag, _A + _T),
    "add_dependencies_to_context": _Field(_flag, _A + _T),
    "add_session_state_to_context": _Field(_flag, _A + _T),
    "monitor": _Field(_flag, _T),
    "additional_data": _Field(_json, _W),
}


#: The options of ``continue_run`` that become form fields.
_CONTINUE_FIELDS: Dict[str, _Field] = {
    "session_id": _Field(_text),
    "user_id": _Field(_text),
    "background": _Field(_flag),
    "factory_input": _Field(_json_object, _W),
    "input": _Field(_input, _A + _T),
    "continue_from": _Field(_boundary, _A + _T),
    "fork": _Field(_flag, _A + _T),
    "regenerate": _Field(_flag, _A + _T),
    "replace_original": _Field(_flag, _A + _T),
    "additional_instructions": _Field(_text, _A + _T),
}


def _form(
    component: Component, options: Mapping[str, Any], known: Mapping[str, _Field] = _FIELDS
) -> List[Tuple[str, str]]:
    fields: List[Tuple[str, str]] = []
    for name, value in options.items():
        if value is None or name in ("stream_events", "extra_fields"):
            continue
        field = known.get(name)
        if field is None:
            import difflib  # only for a mistake's message

            close = difflib.get_close_matches(name, known, 1)
            raise TypeError(
                "unknown option %r%s (a server's own keyword goes into extra_fields=)"
                % (name, ", did you mean %r?" % close[0] if close else "")
            )
        if component not in field.components:
            raise UnsupportedError("An AgentOS takes no %s for a %s." % (name, component.kind))
        fields.append((field.wire or name, field.encode(name, value)))
    for name, value in (options.get("extra_fields") or {}).items():
        fields.append((name, _scalar(name, value)))
    return fields


def _scalar(name: str, value: Any) -> str:
    """Any other field becomes a keyword of the server's run call: "true", numbers, text, JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, default=_plain)


def _split_media(
    component: Component, options: Mapping[str, Any]
) -> Tuple[Dict[str, Any], List[FilePart]]:
    """Media that must go as JSON, by option, and those that can go as multipart parts.

    Multipart carries bytes as they are, to servers of every version, but no field beside; the
    server sorts parts by their type, and workflows take none.
    """
    as_json: Dict[str, Any] = {}
    parts: List[FilePart] = []
    for name, types in _MULTIPART_TYPES.items():
        left = []
        for item in options.get(name) or ():
            bare = isinstance(item, _MEDIA[name]) and item.content and not item.fields
            mime_type = item.mime_type or _BYTES if bare else ""
            if bare and not item.id and component is not WORKFLOW and mime_type.startswith(types):
                parts.append(FilePart("files", item.filename or "file", item.content, mime_type))
            else:
                left.append(item)
        as_json[name] = left or None
    return as_json, parts


def _message(value: Any) -> str:
    message = value if isinstance(value, str) else _json("input", value)
    if not message:
        raise ValueError("input must not be empty: an AgentOS refuses an empty message")
    return message


class AgentOS:
    """Makes the calls for one component at ``base_url``."""

    def __init__(self, base_url: str, component: Component, component_id: str) -> None:
        if not isinstance(component_id, str) or not component_id:
            raise ValueError("%s must be a non-empty str" % component.id_field)
        if "/" in component_id or component_id in (".", ".."):
            # %2F in a path segment reaches no route of an AgentOS, and dots change the path.
            raise ValueError("%s %r cannot be addressed" % (component.id_field, component_id))
        self.component = component
        self.url = "%s/%s/%s" % (base_url, component.path, quote(component_id, safe=""))
        self._output: Type[Model] = getattr(models, component.output)

    def config(self) -> Call[Any]:
        """GET /{kind}/{id}"""
        model: Type[Model] = getattr(models, self.component.config)
        return Call(Request("GET", self.url), lambda response: model_of(response, model))

    def run(self, input: Any, options: Mapping[str, Any]) -> Call[Any]:
        """POST /{kind}/{id}/runs, answered by the whole output."""
        return Call(self._run_request(input, options, False), self._parse_output)

    def run_stream(self, input: Any, options: Mapping[str, Any]) -> StreamCall[Any]:
        """POST /{kind}/{id}/runs, answered by server-sent events."""
        request = self._run_request(input, options, True)
        return StreamCall(request, self._fold(options))

    def _run_request(self, input: Any, options: Mapping[str, Any], stream: bool) -> Request:
        as_json, parts = _split_media(self.component, options)
        form = [("message", _message(input))]
        form += self._stream_fields(options, stream)
        form += _form(self.component, dict(options, **as_json))
        return Request("POST", self.url + "/runs", form=form, files=parts)

    def continue_run(
        self, run_id: str, decisions: Optional[List[Any]], options: Mapping[str, Any]
    ) -> Call[Any]:
        """POST /{kind}/{id}/runs/{run_id}/continue"""
        return Call(self._continue_request(run_id, decisions, options, False), self._parse_output)

    def continue_stream(
        self, run_id: str, decisions: Optional[List[Any]], options: Mapping[str, Any]
    ) -> StreamCall[Any]:
        """POST /{kind}/{id}/runs/{run_id}/continue, answered by server-sent events."""
        request = self._continue_request(run_id, decisions, options, True)
        return StreamCall(request, self._fold(dict(options, run_id=run_id)))

    def _continue_request(
        self,
        run_id: str,
        decisions: Optional[List[Any]],
        options: Mapping[str, Any],
        stream: bool,
    ) -> Request:
        form = self._stream_fields(options, stream)
        if decisions is not None:
            field = self.component.continue_field
            form.append((field, _json(field, list(decisions))))
        elif self.component is WORKFLOW:
            raise ValueError("a workflow is continued by decisions only")
        form += _form(self.component, options, _CONTINUE_FIELDS)
        return Request("POST", self._run_url(run_id) + "/continue", form=form)

    def running(self, run_id: str) -> Any:
        """What can be said of a run that is under way."""
        return self._output.from_dict({"run_id": run_id, "status": "RUNNING"})

    def cancel(self, run_id: str, session_id: Optional[str]) -> Call[None]:
        """POST /{kind}/{id}/runs/{run_id}/cancel. A success proves nothing: check the run."""
        params = [("session_id", session_id)] if session_id else None
        url = self._run_url(run_id) + "/cancel"
        return Call(Request("POST", url, params=params), lambda response: None)

    def get_run(self, run_id: str, session_id: str) -> Call[Any]:
        """GET /{kind}/{id}/runs/{run_id}"""
        request = Request("GET", self._run_url(run_id), params=[("session_id", session_id)])
        return Call(request, self._parse_output)

    def list_runs(self, session_id: str, status: Optional[str]) -> Call[Any]:
        """GET /{kind}/{id}/runs: rows of a session's runs."""
        params = [("session_id", session_id)] + ([("status", status)] if status else [])
        model: Type[Model] = getattr(models, self.component.row)
        return Call(
            Request("GET", self.url + "/runs", params=params),
            lambda response: models_of(response, model),
        )

    def resume(self, run_id: str, session_id: Optional[str], index: Optional[int]) -> Request:
        """POST /{kind}/{id}/runs/{run_id}/resume: the events behind number ``index``."""
        form = [("session_id", session_id)] if session_id else []
        if index is not None:
            form.append(("last_event_index", _number("last_event_index", index)))
        return Request("POST", self._run_url(run_id) + "/resume", form=form)

    def resume_stream(
        self, run_id: str, session_id: Optional[str], index: Optional[int]
    ) -> StreamCall[Any]:
        """The same as a stream of its own."""
        fold = self._fold({"run_id": run_id, "session_id": session_id})
        return StreamCall(self.resume(run_id, session_id, index), fold)

    def _run_url(self, run_id: str) -> str:
        if not isinstance(run_id, str) or not run_id:
            raise ValueError("run_id must be a non-empty str")
        return "%s/runs/%s" % (self.url, quote(run_id, safe=""))

    @staticmethod
    def _stream_fields(options: Mapping[str, Any], stream: bool) -> List[Tuple[str, str]]:
        # An absent ``stream`` means true on the server, for every endpoint that has it.
        if not stream:
            return [("stream", "false")]
        events = options.get("stream_events")
        events = True if events is None else events
        return [("stream", "true"), ("stream_events", _flag("stream_events", events))]

    def _parse_output(self, response: Response) -> Any:
        return model_of(response, self._output)

    def _fold(self, options: Mapping[str, Any]) -> AgentOSFold:
        return AgentOSFold(
            self.component,
            run_id=options.get("run_id"),
            session_id=options.get("session_id"),
            announced=options.get("stream_events") is not False,
        )


# --- Streams -------------------------------------------------------------------------------

#: The end of a terminal event's name, and the status it stands for.
_ENDINGS = {
    "Completed": "COMPLETED",
    "Error": "ERROR",
    "Cancelled": "CANCELLED",
    "Paused": "PAUSED",
}
#: What belongs to an event as such and not to the run it is about.
_EVENT_ONLY = ("event", "event_index", "nested_depth", "workflow_agent")
_TOOL_EVENTS = ("ToolCallStarted", "ToolCallCompleted", "ToolCallError")
#: What comes when a paused run has been continued, in a stream that tells all of its story.
_CONTINUED = {
    "agent": ("RunContinued",),
    "team": ("TeamRunContinued", "RunContinued"),
    "workflow": ("StepContinued", "StepExecutorContinued"),
}
_AGENT_CONTENT = AGENT.prefix + "Content"
_TEAM_CONTENT = TEAM.prefix + "Content"


class AgentOSFold:
    """Types the frames of one run's stream and adds them up to its output.

    The outer run is the one that was started; runs inside it (members, steps' executors, nested
    workflows) travel in the same stream, and their ends are not its end. The first terminal event
    of the outer run counts: a cancelled run is followed by a completed event that is not true,
    which is not handed out.
    """

    def __init__(
        self,
        component: Component,
        run_id: Optional[str] = None,
        session_id: Optional[str] = None,
        announced: bool = True,
    ) -> None:
        self.run_id = run_id
        self.session_id = session_id
        self.finished = False
        self.on_end: Optional[Callable[[Any], None]] = None
        self._model: Type[Model] = getattr(models, component.output)
        self.last_event_index: Optional[int] = None
        #: What the server itself said against going on with the stream.
        self.fault: Optional[str] = None
        self._resumed = False
        self._component = component
        self._announced = announced  # the server was asked for start and completed events
        self._identified = False
        self._new_text()
        self._object: Any = None  # content that is no text: structured output
        self._status = "RUNNING"
        self._final: Dict[str, Any] = {}
        self._head: Dict[str, Any] = {}
        self._tools: Dict[str, Any] = {}
        self._steps: List[Any] = []
        self._said = False  # whether earlier steps have streamed text
        self._cancelled: List[Any] = []
        self._output: Optional[Any] = None
        prefix = component.prefix
        self._is_workflow = component is WORKFLOW
        self._content = (
            (_AGENT_CONTENT, _TEAM_CONTENT) if self._is_workflow else (prefix + "Content",)
        )
        self._deltas = tuple(_CLASSES[name] for name in self._content)
        self._endings = {prefix + ending: status for ending, status in _ENDINGS.items()}
        self._handlers: Dict[str, Callable[[Dict[str, Any]], bool]] = {
            prefix + "Started": self._start_of_run,
            "error": self._end_of_stream,
            "stream_expired": self._end_of_stream,
            "catch_up": self._control,
            "subscribed": self._control,
            "replay": self._control,
        }
        for each in COMPONENTS:
            for ending in _ENDINGS:
                self._handlers[each.prefix + ending] = self._end_of_run
        for name in _CONTINUED[component.kind]:
            self._handlers[name] = self._go_on
        if component is WORKFLOW:
            self._handlers["StepCompleted"] = self._end_of_step
        else:
            for name in _TOOL_EVENTS:
                self._handlers[prefix[: -len("Run")] + name] = self._tool_call

    def decode(self, name: str, data: Any) -> Any:
        if type(data) is not dict:
            return UnknownEvent(name, data)
        if not self._identified:
            self._identify(data)
        kind = data.get("event")
        if type(kind) is not str:
            return self._unnamed(name, data)
        if "event_index" in data and self._is_repeated(data["event_index"]):
            return None
        if kind in self._content:
            # Inline: nearly all events of a stream come through here.
            if data.get("run_id") == self.run_id or (
                self._is_workflow and data.get("parent_run_id") is None
            ):
                content = data.get("content")
                if type(content) is str:
                    self._write(content)
                elif content is not None:
                    self._object = content
        elif kind in self._handlers and not self._handlers[kind](data):
            return None
        cls = _CLASSES.get(kind)
        if cls is None:
            return _custom(data) if kind == "CustomEvent" else UnknownEvent(kind, data)
        event = _new(cls)
        event.__dict__ = data
        return event

    def _is_repeated(self, index: Any) -> bool:
        """Whether a resumed stream has sent this event before; else remembers its index."""
        if type(index) is int:
            last = self.last_event_index
            if self._resumed and last is not None and index <= last:
                return True
            self.last_event_index = index
        return False

    def _identify(self, data: Dict[str, Any]) -> None:
        """Learn the outer run's id from the first frame that tells it; it may differ from ours."""
        if self._component is WORKFLOW:
            run_id = data.get("workflow_run_id") or data.get("run_id")
        else:
            run_id = data.get("parent_run_id") or data.get("run_id")
        if isinstance(run_id, str):
            self.run_id = run_id
            self.session_id = data.get("session_id") or self.session_id
            self._identified = True

    def _unnamed(self, name: str, data: Dict[str, Any]) -> Any:
        if name == WORKFLOW.output:  # a paused workflow's whole output follows its last event
            if self._component is WORKFLOW and data.get("run_id") == self.run_id:
                self._final = data
                self._status = data.get("status") or self._status
                self.finished = True
                self._output = None
                self._tell_end()
            return models.WorkflowRunOutput.from_dict(data)
        return UnknownEvent(name, data)

    def delta(self, event: Any) -> Optional[str]:
        # A team member's content is not the team's, and what a step's executor says is the
        # workflow's: an executor's run has no parent.
        data = event.__dict__
        if type(event) in self._deltas and (
            data.get("run_id") == self.run_id
            or (self._is_workflow and data.get("parent_run_id") is None)
        ):
            content = data.get("content")
            return content if isinstance(content, str) else None
        return None

    def rest(self) -> str:
        content = self.output().content
        streamed = self._text.getvalue()
        if not isinstance(content, str) or (self._is_workflow and (streamed or self._said)):
            return ""
        return content[len(streamed) :] if content.startswith(streamed) else ""

    def _start_of_run(self, data: Dict[str, Any]) -> bool:
        if not self._head and data.get("run_id") == self.run_id:
            self._head = data
        return True

    def _end_of_run(self, data: Dict[str, Any]) -> bool:
        name: str = data["event"]
        run_id = data.get("run_id", self.run_id)  # an endpoint's own error names no run
        if name.endswith("Cancelled"):
            self._cancelled.append(run_id)
        elif name.endswith("Completed") and run_id in self._cancelled:
            return False
        open = not self.finished or self._status == "PAUSED"
        if name in self._endings and run_id == self.run_id and open:
            self.finished = True
            self._final = data
            self._status = self._endings[name]
            self._tell_end()
        return True

    def _go_on(self, data: Dict[str, Any]) -> bool:
        ours = self.run_id in (data.get("run_id"), data.get("parent_run_id"))
        if ours and self.finished and self._status == "PAUSED":
            self.finished = False
            self._status, self._final, self._output = "RUNNING", {}, None
        return True

    def _tell_end(self) -> None:
        if self.on_end is not None:
            known: Dict[str, Any] = {"run_id": self.run_id, "session_id": self.session_id}
            # What names no run is the endpoint's own error: the run may be as it was.
            known["status"] = self._status if "run_id" in self._final or not self._final else None
            self.on_end(self._model._view(dict(self._final, **known)))

    def _end_of_stream(self, data: Dict[str, Any]) -> bool:
        self.fault = str(data.get("error") or data.get("message") or data["event"])
        return True

    def _control(self, data: Dict[str, Any]) -> bool:
        # Whoever reads a stream that resumed by itself need not know that it did.
        return not self._resumed

    def _tool_call(self, data: Dict[str, Any]) -> bool:
        tool = data.get("tool")
        if isinstance(tool, dict) and data.get("run_id") == self.run_id:
            self._tools[str(tool.get("tool_call_id"))] = tool
        return True

    def _end_of_step(self, data: Dict[str, Any]) -> bool:
        if data.get("run_id") == self.run_id:
            result = data.get("step_response")
            if result is not None:
                self._steps.append(result)
            self._said = self._said or self._text.tell() > 0
            self._new_text()
        return True

    def _new_text(self) -> None:
        self._text = io.StringIO()
        self._write = self._text.write

    def end(self) -> bool:
        if self.fault is not None:
            return False
        answered = self._object is not None or self._text.tell() > 0
        if not self.finished and not self._announced and answered:
            # Without events agents and teams announce no end: a clean close behind the answer is
            # all there is. Workflows always do.
            self.finished = self._component is not WORKFLOW
            if self.finished:
                self._status = "COMPLETED"
                self._tell_end()
        return self.finished

    def resumed(self) -> None:
        """The frames that come now may repeat those that have been."""
        self._resumed = True

    def settle(self, output: Any) -> None:
        """Take the output of a run that ended unseen as the stream's."""
        self.finished = True
        self._output = output
        if self.on_end is not None:
            self.on_end(output)

    def output(self) -> Any:
        if not self.finished:
            return self._build()
        if self._output is None:  # kept, because decisions are made in place
            self._output = self._build()
        return self._output

    def _build(self) -> Any:
        data = {
            name: value
            for source in (self._head, self._final)
            for name, value in source.items()
            if name not in _EVENT_ONLY
        }
        data.setdefault("run_id", self.run_id)
        if self.session_id is not None:
            data.setdefault("session_id", self.session_id)
        data["status"] = self._status
        if data.get("content") is None:
            content = self._object if self._object is not None else self._text.getvalue()
            # A workflow's error stands in a field of its own.
            content = self._final.get("error") or content
            if content != "":
                data["content"] = content
        if self._tools and not data.get("tools"):
            data["tools"] = list(self._tools.values())
        if self._steps and not data.get("step_results"):
            data["step_results"] = list(self._steps)
        return self._model.from_dict(data)


def _custom(data: Dict[str, Any]) -> Any:
    """A CustomEvent has one name for all three kinds; the id in it tells whose it is."""
    if "team_id" in data:
        kind = "TeamRunEvent"
    elif "workflow_id" in data and "agent_id" not in data:
        kind = "WorkflowRunEvent"
    else:
        kind = "AgentRunEvent"
    return EVENT_CLASSES[kind]["CustomEvent"]._view(data)
