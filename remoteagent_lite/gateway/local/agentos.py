"""A local component and its runs, as AgentOS writes them. No I/O.

An entry of a run's log is one event, numbered by its place there. What AgentOS has no event for is
told as the nearest that it has: a workflow's own words as those of a step's agent, the steps of an
agent or a team as tool calls, what is sent beside the answer as events of its own (a file without
its bytes, which come with the end).
"""

from __future__ import annotations

import base64
import json
from datetime import datetime, timezone
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from ...protocols.a2a.content import data_of, media_of, texts
from ...protocols.component import TEAM, WORKFLOW
from ...protocols.jsontext import plain
from ..questions import call_of, question_of, waiting_for
from .component import LocalComponent
from .entries import Entry
from .record import Json, Record

__all__ = ["Rendering", "shown_time"]

#: The types that a File may have; of others an AgentOS's clients drop the file.
_FILE_TYPES = frozenset(
    [
        *("application/pdf", "application/json", "application/x-javascript", "application/msword"),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        *("application/vnd.ms-powerpoint", "application/vnd.ms-excel"),
        *("application/vnd.ms-outlook", "application/zip", "application/x-python"),
        *("message/rfc822", "text/javascript", "text/x-python", "text/plain", "text/html"),
        *("text/css", "text/markdown", "text/csv", "text/xml", "text/rtf"),
    ]
)
#: Events of a stream as such, which mean nothing within another.
_ABOUT_THE_STREAM = ("error", "catch_up", "subscribed", "replay", "stream_expired")
_MEDIA = ("images", "videos", "audio", "files")
#: The members of an output that a row of a list has, under the same names.
_ROW = (
    *("run_id", "agent_id", "team_id", "workflow_id", "user_id", "status", "content", "metadata"),
    *("messages", "tools", "step_results", "step_requirements", "pause_kind", "images", "videos"),
    *("audio", "files", "content_type"),
)


class Rendering:
    """How AgentOS writes ``local``; ``db_id`` is the database that its sessions are said to be in.

    Of records it wants the newest: an event that tells how a run ended, or for what it waits, is
    made of the record that goes with it.
    """

    def __init__(self, local: LocalComponent, db_id: str) -> None:
        self._local = local
        self._component = local.component
        self._db_id = db_id
        self._prefix = "Team" if local.component is TEAM else ""
        self._events: Dict[str, Callable[[Record, Entry], Json]] = {
            "started": lambda record, entry: self._own("Started", {}),
            "content": self._content,
            "artifact": self._artifact,
            "tool": self._tool,
            "tool_done": self._tool_done,
            "event": self._custom,
            "step": self._step,
            "step_done": self._step_done,
            "passed": self._passed,
            "paused": self._paused,
            "continued": self._continued,
            "completed": self._completed,
            "failed": self._failed,
            "rejected": self._failed,
            "cancelled": self._cancelled,
        }

    # --- What it is

    def described(self) -> Json:
        """The answer to ``GET /{kind}/{id}``, and its row in the lists."""
        local = self._local
        known = {name: getattr(local, name) for name in ("version", "skills", "examples")}
        described: Json = {
            "id": local.id,
            "name": local.name,
            "db_id": self._db_id,
            "description": local.description,
            "metadata": {name: value for name, value in known.items() if value} or None,
        }
        if self._component is WORKFLOW:
            described["steps"] = [{"name": name, "type": "Step"} for name in local.steps]
        elif self._component is TEAM:
            described["members"] = [{"id": name, "name": name} for name in local.members]
        return _without_none(described)

    # --- Runs

    def output(self, record: Record, events: Optional[Sequence[Json]] = None) -> Json:
        """A run as AgentOS answers with it, with ``events`` of it."""
        data = record.data
        output: Json = {
            "run_id": record.run_id,
            self._component.id_field: self._local.id,
            self._component.kind + "_name": self._local.name,
            "session_id": record.session_id,
            "user_id": record.kept.user_id,
            "input": self._input(record),
            "status": record.status,
            "created_at": int(record.kept.created_at),
            "events": None if events is None else list(events),
            **self._answer(record),
        }
        if self._component is WORKFLOW:
            output["step_results"] = [_step_output(each) for each in data.get("steps", ())]
            output["step_executor_runs"] = []
        else:
            output["tools"] = self._tools(record)
            output["messages"] = _messages(record)
            if self._component is TEAM:
                output["member_responses"] = []
        if record.status == "PAUSED":
            output.update(self._waiting(record))
        return _without_none(output)

    def listed(self, record: Record) -> Json:
        """The run as a row of a list."""
        output = self.output(record)
        row = {name: output[name] for name in _ROW if name in output}
        row["run_input"] = _said(record.parts)
        row["created_at"] = shown_time(record.kept.created_at)
        if self._component is WORKFLOW:
            row.pop("metadata", None)
        else:
            row.pop("content_type", None)
            row["input_media"] = _given_media(record) or None
        return _without_none(row)

    @staticmethod
    def messages(record: Record) -> List[Json]:
        """What was said in a run, the answer included."""
        return _messages(record)

    @staticmethod
    def said(record: Record) -> str:
        """The text that began a run."""
        return _said(record.parts)

    def _input(self, record: Record) -> Any:
        text = _said(record.parts)
        if self._component is WORKFLOW:
            return text
        return {"input_content": text, **_given_media(record)}

    def _answer(self, record: Record) -> Json:
        """What a run has come to, and whatever was sent beside."""
        data = record.data
        content, reason = data.get("content"), None
        if record.status in ("ERROR", "CANCELLED"):
            reason = data.get("error", {}).get("text")
            told = content if record.status == "CANCELLED" else None
            content = told if told not in (None, "") else reason
        elif record.status == "PAUSED":
            content = question_of(data["pending"])
        elif content is None and "reply" in data:
            content = _said(data["reply"].get("parts", []))
        artifacts = data.get("artifacts", [])
        sources: List[Tuple[Any, Any]] = [
            (each.get("artifactId"), each.get("parts")) for each in artifacts
        ]
        sources.append((None, data.get("reply", {}).get("parts")))
        media = media_of(sources)
        answer: Json = {
            "content": content,
            "content_type": _type_of(content),
            "reason": reason,
            "metadata": data.get("metadata"),
            # As of an A2A agent: AgentOS has no place for it.
            "data": [value for _, parts in sources for value in data_of(parts)] or None,
        }
        for name in _MEDIA:
            items = media.get(name)
            answer[name] = [_as_file(each) for each in items] if items else None
        return answer

    def _tools(self, record: Record) -> Optional[List[Json]]:
        calls = [_call(each) for each in record.data.get("tools", ())]
        calls += [_step_call(each) for each in record.data.get("steps", ())]
        return calls or None

    def _waiting(self, record: Record) -> Json:
        found = waiting_for(self._component, record.data["pending"])
        if "tools" in found:
            found["tools"] = [*found["tools"], *(self._tools(record) or ())]
        return found

    # --- Events

    def event(self, record: Record, index: Optional[int], entry: Entry) -> Json:
        """The event that tells an entry, numbered with its ``index`` in the log unless it is None.

        ``record`` must be as new as the entry where that ends the run, or pauses it.
        """
        event = self._events[entry["kind"]](record, entry)
        event = {
            "created_at": int(entry["at"]),
            "event": event.pop("event"),
            "run_id": record.run_id,
            "session_id": record.session_id,
            "nested_depth": 0,
            **event,
        }
        event["event_index"] = index
        return _without_none(event)

    def is_stored(self, entry: Entry) -> bool:
        """Whether the event stands among those of an output: the text of agents does not."""
        return entry["kind"] != "content" or self._component is WORKFLOW

    def is_always_told(self, entry: Entry) -> bool:
        """Whether the event comes with ``stream_events=false`` too."""
        kind = entry["kind"]
        if kind == "passed":
            # A team's members say everything; of what a workflow runs there is what it says.
            says = str(entry["event"].get("event")).endswith("RunContent")
            return self._component is TEAM or (self._component is WORKFLOW and says)
        if self._component is WORKFLOW and kind in ("started", "completed"):
            return True
        if kind == "content":
            return not self._is_repeated(entry)
        return kind in ("paused", "failed", "rejected", "cancelled")

    def untold(self, record: Record, index: Optional[int], entry: Entry) -> Optional[Json]:
        """What the end tells where its own event is not: an answer that is no text, or None."""
        if entry["kind"] != "completed" or entry.get("content") is None:
            return None
        if isinstance(entry["content"], str):  # it has been told in pieces
            return None
        said = {"kind": "content", "at": entry["at"], "text": entry["content"]}
        return self.event(record, index, said)

    def _who(self) -> Json:
        return {
            self._component.id_field: self._local.id,
            self._component.kind + "_name": self._local.name,
        }

    def _own(self, name: str, members: Json) -> Json:
        """An event of the run itself, as its kind of component has it."""
        return {"event": self._component.prefix + name, **self._who(), **members}

    def _part(self, record: Record, name: str, members: Json) -> Json:
        """An event that agents and teams have; in a workflow that of a step's agent."""
        if self._component is not WORKFLOW:
            return {"event": self._prefix + name, **self._who(), **members}
        where = {"workflow_id": self._local.id, "workflow_run_id": record.run_id}
        return {"event": name, **where, **members}

    def _content(self, record: Record, entry: Entry) -> Json:
        content = entry["text"]
        if self._is_repeated(entry):
            step = {**entry["step"], "content": content}
            where = {**self._who(), **_place(step)}
            return {"event": "StepOutput", **where, "step_output": _step_output(step)}
        members = {"content": content, "content_type": _type_of(content)}
        return self._part(record, "RunContent", members)

    def _is_repeated(self, entry: Entry) -> bool:
        """Whether a workflow says what one of its steps has said, which counts as its own."""
        return self._component is WORKFLOW and "step" in entry

    def _artifact(self, record: Record, entry: Entry) -> Json:
        artifact = dict(entry["artifact"])
        artifact["parts"] = [_without_bytes(each) for each in artifact.get("parts", ())]
        return self._event_of_its_own({"name": "artifact", "artifact": artifact})

    def _custom(self, record: Record, entry: Entry) -> Json:
        event = entry["event"]
        if isinstance(event.get("event"), str) and event.get("run_id") not in (None, record.run_id):
            return self._within(record, event, {})  # of a remote agent, handed on by the function
        return self._event_of_its_own(event)

    def _event_of_its_own(self, told: Mapping[str, Any]) -> Json:
        ours = ("event", "created_at", "run_id", "session_id", "nested_depth", "event_index")
        who = self._who()
        free = {name: value for name, value in told.items() if name not in (*ours, *who)}
        event = {"event": "CustomEvent", **who, **free}
        if len(free) < len(told):
            # Whose names are those of the run's own members is told whole, one level down.
            event["value"] = dict(told)
        return event

    def _tool(self, record: Record, entry: Entry) -> Json:
        return self._part(record, "ToolCallStarted", {"tool": _call(entry["tool"])})

    def _tool_done(self, record: Record, entry: Entry) -> Json:
        return self._called(record, _call(entry["tool"]))

    def _called(self, record: Record, tool: Json) -> Json:
        if tool["tool_call_error"]:
            return self._part(record, "ToolCallError", {"tool": tool, "error": tool["result"]})
        content = "%s() completed." % tool["tool_name"]
        return self._part(record, "ToolCallCompleted", {"tool": tool, "content": content})

    def _step(self, record: Record, entry: Entry) -> Json:
        if self._component is not WORKFLOW:
            return self._part(record, "ToolCallStarted", {"tool": _step_call(entry["step"])})
        return {"event": "StepStarted", **self._who(), **_place(entry["step"])}

    def _step_done(self, record: Record, entry: Entry) -> Json:
        step = {**entry["step"], **{name: entry.get(name) for name in ("content", "error")}}
        step["success"] = entry["success"]
        if self._component is not WORKFLOW:
            return self._called(record, _step_call(step))
        event: Json = {**self._who(), **_place(entry["step"])}
        if not entry["success"]:
            return {**event, "event": "StepError", "error": entry.get("error")}
        content = entry.get("content")
        event.update(content=content, content_type=_type_of(content))
        return {"event": "StepCompleted", **event, "step_response": _step_output(step)}

    def _passed(self, record: Record, entry: Entry) -> Json:
        place, event = _place(entry["step"]), entry["event"]
        # One without a run's id would be taken for this run's, and end it if it is an error.
        run_id = event.get("run_id") or place["step_id"]
        return self._within(record, {**event, "run_id": run_id}, place)

    def _within(self, record: Record, told: Mapping[str, Any], place: Json) -> Json:
        """An event of what this run runs, in its place within this one."""
        event: Json = {"event": "CustomEvent", **told}
        if event["event"] in _ABOUT_THE_STREAM:
            event = {"event": "CustomEvent", "run_id": event["run_id"], "value": dict(told)}
        if event["event"] == WORKFLOW.prefix + "Content":  # a function's, which AgentOS has not
            event["event"] = "RunContent"
        if self._component is not WORKFLOW:
            event["parent_run_id"] = event.get("parent_run_id") or record.run_id
        elif event.get("workflow_id") is None:  # of an agent or a team that the step runs
            where = {"workflow_id": self._local.id, "workflow_run_id": record.run_id}
            event.update(where, **place)
        else:
            depth = event.get("nested_depth")
            event["nested_depth"] = (depth if isinstance(depth, int) else 0) + 1
            if event.get("workflow_run_id") is not None:
                event["workflow_run_id"] = record.run_id
            if event.get("parent_step_id") is None:
                event["parent_step_id"] = place.get("step_id")
        return event

    def _paused(self, record: Record, entry: Entry) -> Json:
        pending = entry["pending"]
        members = {"content": question_of(pending), **waiting_for(self._component, pending)}
        if self._component is WORKFLOW:
            step = members["step_requirements"][0]
            members.update(status="PAUSED", paused_step_name=step["step_name"])
            members["step_results"] = [_step_output(each) for each in record.data.get("steps", ())]
        else:
            members.setdefault(
                "tools", [each["tool_execution"] for each in members["requirements"]]
            )
        return self._own("Paused", members)

    def _continued(self, record: Record, entry: Entry) -> Json:
        if self._component is not WORKFLOW:
            return self._own("Continued", {})
        return {"event": "StepContinued", **self._who()}

    def _completed(self, record: Record, entry: Entry) -> Json:
        members = self._answer(record)
        content = entry.get("content")
        if content is not None:
            members.update(content=content, content_type=_type_of(content))
        if self._component is WORKFLOW:
            members["step_results"] = [_step_output(each) for each in record.data.get("steps", ())]
        return self._own("Completed", members)

    def _failed(self, record: Record, entry: Entry) -> Json:
        text = "error" if self._component is WORKFLOW else "content"
        members = {text: entry["text"], "error_type": entry.get("type", entry["kind"])}
        return self._own("Error", members)

    def _cancelled(self, record: Record, entry: Entry) -> Json:
        return self._own("Cancelled", {"reason": entry["text"], "content": entry.get("content")})


def shown_time(seconds: float) -> str:
    """A time as AgentOS writes it in lists."""
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat().replace("+00:00", "Z")


def _without_none(members: Json) -> Json:
    return {name: value for name, value in members.items() if value is not None}


def _type_of(content: Any) -> str:
    return "str" if content is None else type(content).__name__


def _shown(value: Any) -> Optional[str]:
    """A result, which is text to AgentOS."""
    if value is None or isinstance(value, str):
        return value
    return _as_json(value)


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=plain)


def _said(parts: Sequence[Mapping[str, Any]]) -> str:
    """The texts of a message; of one without any its data."""
    return "\n".join(texts(parts) or [_as_json(each) for each in data_of(parts)])


def _messages(record: Record) -> List[Json]:
    return [
        {
            "id": said["messageId"],
            "role": "user" if said["role"] == "ROLE_USER" else "assistant",
            "content": _said(said.get("parts", [])),
        }
        for said in record.conversation
    ]


def _given_media(record: Record) -> Json:
    """The files of the message that began a run, under the names that inputs have for them."""
    media = media_of([("", record.parts)])
    return {
        "audios" if name == "audio" else name: [_as_file(each) for each in items]
        for name, items in media.items()
    }


def _as_file(item: Json) -> Json:
    """A medium whose type every AgentOS's client takes."""
    kind = item.get("mime_type")
    if kind is None or kind in _FILE_TYPES or kind.startswith(("image/", "audio/", "video/")):
        return item
    item = {**item, "file_type": item["mime_type"]}
    del item["mime_type"]
    if kind.startswith("text/") and "content" in item:  # which is no text without that type
        item["content"] = base64.b64encode(item["content"].encode("utf-8")).decode("ascii")
    return item


def _without_bytes(part: Mapping[str, Any]) -> Json:
    if "raw" not in part:
        return dict(part)
    kept = {name: value for name, value in part.items() if name != "raw"}
    raw = part["raw"]
    return {**kept, "size": len(raw) * 3 // 4 - raw[-2:].count("=")}


def _call(tool: Mapping[str, Any]) -> Json:
    return call_of(**{**tool, "result": _shown(tool.get("result"))})


def _place(step: Mapping[str, Any]) -> Json:
    return {name: step.get(name) for name in ("step_id", "step_name", "step_index")}


def _step_call(step: Mapping[str, Any]) -> Json:
    """A step of an agent or a team, as a call of a tool by that name."""
    own: Json = {"tool_call_id": step["step_id"], "tool_name": step["step_name"], "tool_args": {}}
    if "success" in step:
        own["tool_call_error"] = not step["success"]
        own["result"] = _shown(step.get("content") if step["success"] else step.get("error"))
    return call_of(**own)


def _step_output(step: Mapping[str, Any]) -> Json:
    """A step's output with all the members that AgentOS gives it."""
    return {
        "content": step.get("content"),
        "step_name": step["step_name"],
        "step_id": step["step_id"],
        "step_type": "Step",
        "executor_type": "function",
        "executor_name": step["step_name"],
        **dict.fromkeys(("step_run_id", "images", "videos", "audio", "files", "metrics")),
        "success": step.get("success", True),
        "error": step.get("error"),
        "stop": False,
        "is_paused": False,
    }
