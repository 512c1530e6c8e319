"""The data endpoints of AgentOS: arguments to requests, answers to models, refusals to errors.

An endpoint is a *route*, such as ``"GET /sessions/{session_id}"``. Arguments that the route names
go into its path, those that belong to the body are listed, and all others go into the query.
No I/O.
"""

from __future__ import annotations

import enum
import json
import re
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    List,
    Mapping,
    Match,
    Optional,
    Sequence,
    Tuple,
    Type,
    TypeVar,
    Union,
)
from urllib.parse import quote

from ... import models
from ...errors import (
    ProtocolError,
)
from ...media import File
from ...modelling.base import Model
from ...wire import Body, Request, Response
from ..jsontext import json_of, model_of, models_of

if TYPE_CHECKING:
    from ...models import (
        AgentSessionDetailSchema,
        DayAggregatedMetrics,
        EvalSchema,
        MetricsRefreshResponse,
        RunSchema,
        TeamRunSchema,
        TeamSessionDetailSchema,
        WorkflowRunSchema,
        WorkflowSessionDetailSchema,
    )

    SessionDetail = Union[
        AgentSessionDetailSchema, TeamSessionDetailSchema, WorkflowSessionDetailSchema
    ]
    RunRow = Union[RunSchema, TeamRunSchema, WorkflowRunSchema]

__all__ = [
    "any_json",
    "encoded_form",
    "encoded_query",
    "file_of",
    "forked",
    "is_data",
    "many",
    "metrics_refreshed",
    "nothing",
    "one",
    "one_or_none",
    "path_segment",
    "resource_request",
    "run_row",
    "run_rows",
    "scope_of",
    "session_detail",
    "texts",
]

M = TypeVar("M", bound=Model)

# --- Requests ------------------------------------------------------------------------------

_DATABASE = ("db_id", "table")
_KNOWLEDGE = ("db_id", "knowledge_id")
#: What, beside its own arguments, an endpoint takes: by its path, or the first segment of it.
_SCOPES: Dict[str, Tuple[str, ...]] = {
    "eval-runs": _DATABASE,
    "knowledge": _KNOWLEDGE,
    "memories": _DATABASE,
    "memory_topics": _DATABASE,
    "metrics": _DATABASE,
    "optimize-memories": _DATABASE,
    "sessions": _DATABASE,
    "trace_session_stats": ("db_id",),
    "traces": ("db_id",),
    "traces/filter-schema": (),
    "user_memory_stats": _DATABASE,
}

#: The first segments of the paths of the other endpoints that are about a server's data.
_UNSCOPED = (
    *("approvals", "components", "databases", "filesystem", "learnings", "queue", "registry"),
    *("schedules", "service-accounts"),
)

#: Arguments that are called otherwise on the wire, where their names would say too little.
_WIRE_NAMES = {
    "filter_expr": "filter",
    "filter_type": "type",
    "input_text": "input",
    "session_type": "type",
    "text": "text_content",
}

#: Lists that the server wants in one piece: of repeated keys it takes the first, and says nothing.
_JOINED = ("eval_types", "topics")

#: ``{name}``, one segment of the path, or ``{name:path}``, which may have slashes in it.
_PLACE = re.compile(r"{(\w+)(:path)?}")


def scope_of(route: str) -> Tuple[str, ...]:
    """Which of db_id, table and knowledge_id the endpoint takes."""
    path = route.partition("/")[2]
    return _SCOPES.get(path, _SCOPES.get(path.partition("/")[0], ()))


def is_data(segment: str) -> bool:
    """Whether an endpoint whose path begins with that segment is about a server's data."""
    return segment in _SCOPES or segment in _UNSCOPED


def resource_request(
    base_url: str,
    route: str,
    values: Mapping[str, Any],
    body: str = "",
    form: bool = False,
    upload: Optional[Body] = None,
) -> Request:
    """The request for ``route``. ``body`` lists the names that go into it, as JSON or as a form.

    None is left out everywhere. ``upload`` is a body that has been made already.
    """
    method, _, template = route.partition(" ")
    rest = dict(values)

    def filled(place: Match[str]) -> str:
        value = rest.pop(place[1])
        if place[2] and isinstance(value, str):
            return "/".join(path_segment(place[1], segment) for segment in value.split("/"))
        return path_segment(place[1], value)

    path = _PLACE.sub(filled, template)
    inside = {name: rest.pop(name) for name in body.split() if name in rest}
    inside = {_wire_name(name): value for name, value in inside.items() if value is not None}
    request = Request(
        method,
        base_url + path,
        params=encoded_query({_wire_name(name): value for name, value in rest.items()}),
        form=encoded_form(inside) if body and form else None,
        json=inside if body and not form else None,
        body=upload,
    )
    if path.endswith("/search"):
        request.safe = True  # it only reads
    return request


def _wire_name(name: str) -> str:
    return _WIRE_NAMES.get(name, name)


def path_segment(name: str, value: Any) -> str:
    """An id as one segment of a path. Raises for what no route of an AgentOS would match."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise TypeError("%s must be a str, not %s" % (name, type(value).__name__))
    if not value or "/" in value or value in (".", ".."):
        raise ValueError("%s %r cannot be addressed" % (name, value))
    return quote(value, safe="")


def encoded_query(values: Mapping[str, Any]) -> List[Tuple[str, str]]:
    """Names and texts: None is left out, a list repeats its key, True is "true"."""
    params: List[Tuple[str, str]] = []
    for name, value in values.items():
        if name in _JOINED and isinstance(value, (list, tuple)):
            value = _joined(name, value)
        for item in value if isinstance(value, (list, tuple)) else (value,):
            if item is not None:
                params.append((name, _text(item)))
    return params


def encoded_form(values: Mapping[str, Any]) -> List[Tuple[str, str]]:
    """Names and texts: None is left out, objects and lists become JSON, True is "true"."""
    return [
        (name, json.dumps(value) if isinstance(value, (dict, list, tuple)) else _text(value))
        for name, value in values.items()
        if value is not None
    ]


def _joined(name: str, values: Sequence[Any]) -> Optional[str]:
    items = [_text(value) for value in values]
    for item in items:
        if "," in item:
            raise ValueError(
                "%s: %r holds a comma, at which the server would cut it" % (name, item)
            )
    return ",".join(items) if items else None


def _text(value: Any) -> str:
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, bool):
        return "true" if value else "false"
    if hasattr(value, "isoformat"):
        return str(value.isoformat())  # dates and times
    return str(value)


# --- Answers -------------------------------------------------------------------------------


def one(model: Type[M]) -> Callable[[Response], M]:
    """Read an object."""
    return lambda response: model_of(response, model)


def many(model: Type[M]) -> Callable[[Response], List[M]]:
    """Read an array of objects."""
    return lambda response: models_of(response, model)


def nothing(response: Response) -> None:
    """Read nothing: the status has said it all."""


def any_json(response: Response) -> Any:
    """Read whatever there is; None for an empty answer."""
    return json_of(response) if response.body else None


def file_of(response: Response) -> File:
    """Read the bytes of a stored file, with the type it was stored with."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip() or None
    return File(content=response.body, mime_type=kind)


def texts(response: Response) -> List[str]:
    """Read an array of strings."""
    data = json_of(response)
    if not isinstance(data, list) or not all(isinstance(item, str) for item in data):
        raise ProtocolError("%s answered with no array of strings." % response.url, response.url)
    return data


def forked(response: Response) -> str:
    """Read the id of the new session."""
    data = json_of(response)
    session_id = data.get("session_id") if isinstance(data, dict) else None
    if not isinstance(session_id, str):
        raise ProtocolError("%s answered without a session_id." % response.url, response.url)
    return session_id


def one_or_none(response: Response) -> Optional[EvalSchema]:
    """Read an evaluation; the server may answer with nothing."""
    if not response.body or json_of(response) is None:
        return None
    return model_of(response, models.EvalSchema)


def metrics_refreshed(
    response: Response,
) -> Union[List[DayAggregatedMetrics], MetricsRefreshResponse]:
    """Read the metrics, or the promise to compute them: not every version can promise."""
    if response.body.lstrip()[:1] == b"[":
        return models_of(response, models.DayAggregatedMetrics)
    return model_of(response, models.MetricsRefreshResponse)


#: What only one kind of session has; a session without its component's id is told apart by these.
_SESSION_MARKS = (
    ("agent", ("agent_session_id", "agent_id", "agent_data")),
    ("workflow", ("workflow_id", "workflow_data", "session_data")),
    ("team", ("team_id", "team_data")),
)
_RUN_MARKS = (("agent", ("agent_id",)), ("team", ("team_id",)), ("workflow", ("workflow_id",)))


def _kind(data: Dict[str, Any], marks: Any, otherwise: str) -> str:
    for kind, keys in marks:
        if any(key in data for key in keys):
            return str(kind)
    return otherwise


def session_detail(response: Response) -> SessionDetail:
    """Read a session as what it is, whatever kind was asked for."""
    data = model_of(response, Model).__dict__
    # A team's session that no team has used has nothing of its own.
    kind = _kind(data, _SESSION_MARKS, "team")
    cls = getattr(models, kind.capitalize() + "SessionDetailSchema")
    detail: SessionDetail = cls._view(data)
    return detail


def _run_row(data: Dict[str, Any]) -> RunRow:
    kind = _kind(data, _RUN_MARKS, "agent")
    name = "RunSchema" if kind == "agent" else kind.capitalize() + "RunSchema"
    row: RunRow = getattr(models, name)._view(data)
    return row


def run_row(response: Response) -> RunRow:
    """Read a stored run of an agent, a team or a workflow."""
    return _run_row(model_of(response, Model).__dict__)


def run_rows(response: Response) -> List[RunRow]:
    """Read stored runs, which may be of several kinds: a team's session holds its members' too."""
    return [_run_row(row.__dict__) for row in models_of(response, Model)]
