"""JSON answers to models; any protocol that speaks JSON over HTTP uses it. No I/O."""

from __future__ import annotations

import json
from typing import Any, List, Type, TypeVar

from .._model import Model
from .._wire import Response
from ..errors import ProtocolError

__all__ = ["json_of", "model_of", "models_of"]

M = TypeVar("M", bound=Model)


def json_of(response: Response) -> Any:
    """The JSON of an answer with a success status. Raises ProtocolError if it is none."""
    try:
        return json.loads(response.body)
    except (ValueError, RecursionError) as error:
        kind = response.headers.get("content-type", "").partition(";")[0].strip()
        start = response.body[:80].decode("utf-8", "replace").strip()
        raise ProtocolError(
            "%s answered %d with %s that is not JSON (%r). Is base_url the agent server's?"
            % (response.url, response.status, kind or "an untyped body", start),
            response.url,
        ) from error


def model_of(response: Response, model: Type[M]) -> M:
    """The JSON object of an answer as ``model``."""
    data = json_of(response)
    if type(data) is not dict:
        raise _unexpected(response, "an object", data)
    return model._view(data)


def models_of(response: Response, model: Type[M]) -> List[M]:
    """The JSON array of an answer as a list of ``model``."""
    data = json_of(response)
    if type(data) is not list or not all(type(item) is dict for item in data):
        raise _unexpected(response, "an array of objects", data)
    return [model._view(item) for item in data]


def _unexpected(response: Response, wanted: str, data: Any) -> ProtocolError:
    return ProtocolError(
        "%s answered with a JSON %s where %s was expected. Is base_url the agent server's?"
        % (response.url, type(data).__name__, wanted),
        response.url,
    )
