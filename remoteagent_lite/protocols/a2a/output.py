"""A task, or the message in place of one, as the output of a run. No I/O."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple, Type

from ... import models
from ...modelling.base import Model, fields_of
from ..component import WORKFLOW, Component
from .content import (
    artifacts_of,
    content_of,
    data_of,
    mapping,
    media_of,
    message_text,
    metrics_of,
    partial_content_of,
    question_of,
    reason_of,
    reply_of,
    state_of,
)

__all__ = ["message_data", "output_from", "output_of", "task_data"]

JSON = Dict[str, Any]

_STATUS = {
    "TASK_STATE_SUBMITTED": "PENDING",
    "TASK_STATE_COMPLETED": "COMPLETED",
    "TASK_STATE_FAILED": "ERROR",
    "TASK_STATE_REJECTED": "ERROR",
    "TASK_STATE_CANCELED": "CANCELLED",
    "TASK_STATE_INPUT_REQUIRED": "PAUSED",
    "TASK_STATE_AUTH_REQUIRED": "PAUSED",
}


def output_of(
    result: Any, component: Component, component_id: Optional[str], session_id: Optional[str] = None
) -> Any:
    """The output for a canonical answer: ``{"task": ...}``, ``{"message": ...}`` or a bare Task."""
    result = mapping(result)
    if type(result.get("message")) is dict and type(result.get("task")) is not dict:
        data = message_data(result["message"])
    else:
        task = result.get("task")
        data = task_data(task if type(task) is dict else result, component)
    return output_from(data, component, component_id, session_id)


def output_from(
    data: JSON, component: Component, component_id: Optional[str], session_id: Optional[str]
) -> Any:
    if data.get("session_id") is None:
        data["session_id"] = session_id
    data[component.id_field] = component_id
    model: Type[Model] = getattr(models, component.output)
    return model._view({name: value for name, value in data.items() if value is not None})


def message_data(message: JSON) -> JSON:
    """What a message without a task says: all there is, so the run is over, and has no id."""
    data: JSON = {"session_id": message.get("contextId"), "status": "COMPLETED", "message": message}
    values = data_of(message.get("parts"))
    data["content"] = message_text(message) or (values[0] if len(values) == 1 else values or None)
    return _with_parts(data, [(None, message.get("parts"))])


def task_data(task: JSON, component: Component, said: str = "") -> JSON:
    """``said`` is text that was streamed and that the task may not hold."""
    status = _STATUS.get(state_of(task), "RUNNING")
    data: JSON = {"run_id": task.get("id"), "session_id": task.get("contextId"), "status": status}
    content: Any = question_of(task) if status == "PAUSED" else None
    if content is None:
        failed = status in ("ERROR", "CANCELLED")
        content = partial_content_of(task) if failed else content_of(task)
    data["content"] = content if content is not None else said or None
    data["reason"] = reason_of(task)
    metrics = metrics_of(task)
    # One that has other fields stays in the task, where it is what the server made it.
    shape = models.WorkflowMetrics if component is WORKFLOW else models.RunMetrics
    if metrics and set(metrics) <= set(fields_of(shape)):
        data["metrics"] = metrics
    data["task"] = task
    sources: List[Tuple[Any, Any]] = [
        (artifact.get("artifactId"), artifact.get("parts")) for artifact in artifacts_of(task)
    ]
    sources.append((None, (reply_of(task) or {}).get("parts")))
    return _with_parts(data, sources)


def _with_parts(data: JSON, sources: List[Tuple[Any, Any]]) -> JSON:
    data["data"] = [value for _, parts in sources for value in data_of(parts)] or None
    data.update(media_of(sources))
    return data
