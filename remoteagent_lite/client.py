"""AgentOSClient: what concerns the server and not one component."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Mapping, Optional, Type, TypeVar, Union

from . import models
from ._connection import Connection
from ._model import Model
from ._wire import Call, Request, Response
from .errors import shown_url
from .options import Timeout
from .protocols.answers import json_of, model_of, models_of
from .protocols.query import query

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .models import (
        AgentResponse,
        ConfigResponse,
        HealthResponse,
        InfoResponse,
        TeamResponse,
        WorkflowSummaryResponse,
    )
    from .options import CallOptions, ClientSettings

__all__ = ["AgentOSClient"]

M = TypeVar("M", bound=Model)


class AgentOSClient:
    """An AgentOS server. Every method blocks; any thread may call them. Close it when done."""

    def __init__(
        self,
        base_url: str,
        timeout: Union[float, Timeout, None] = 60.0,
        **settings: Unpack[ClientSettings],
    ) -> None:
        self._connection = Connection(base_url, timeout, **settings)

    @property
    def base_url(self) -> str:
        """The server's URL, normalised, without user info."""
        return self._connection.base_url

    def health(self, **options: Unpack[CallOptions]) -> HealthResponse:
        """Whether the server is up, and since when. GET /health (needs no token)"""
        return self._get("/health", models.HealthResponse, options)

    def info(self, **options: Unpack[CallOptions]) -> InfoResponse:
        """Version and authentication mode. GET /info (needs no token; not on old servers)"""
        return self._get("/info", models.InfoResponse, options)

    def get_config(self, **options: Unpack[CallOptions]) -> ConfigResponse:
        """All the server hosts, with its databases. GET /config"""
        return self._get("/config", models.ConfigResponse, options)

    def list_agents(self, **options: Unpack[CallOptions]) -> List[AgentResponse]:
        """GET /agents"""
        return self._list("/agents", models.AgentResponse, options)

    def list_teams(self, **options: Unpack[CallOptions]) -> List[TeamResponse]:
        """GET /teams"""
        return self._list("/teams", models.TeamResponse, options)

    def list_workflows(self, **options: Unpack[CallOptions]) -> List[WorkflowSummaryResponse]:
        """GET /workflows: the short form, without steps."""
        return self._list("/workflows", models.WorkflowSummaryResponse, options)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Optional[Mapping[str, Any]] = None,
        json: Any = None,
        **options: Unpack[CallOptions],
    ) -> Any:
        """Any other endpoint: its decoded JSON, or None for an empty answer.

        ``path`` begins with a slash. The errors are those of every other method.
        """
        if not path.startswith("/"):
            raise ValueError("path must begin with a slash: %r" % path)
        request = Request(
            method.upper(), self.base_url + path, params=query(**(params or {})), json=json
        )
        return self._connection.send(Call(request, _any_json), options)

    def _get(self, path: str, model: Type[M], options: CallOptions) -> M:
        request = Request("GET", self.base_url + path)
        return self._connection.send(
            Call(request, lambda response: model_of(response, model)), options
        )

    def _list(self, path: str, model: Type[M], options: CallOptions) -> List[M]:
        request = Request("GET", self.base_url + path)
        return self._connection.send(
            Call(request, lambda response: models_of(response, model)), options
        )

    def close(self) -> None:
        """Close idle connections; a later call connects anew."""
        self._connection.close()

    def __enter__(self) -> AgentOSClient:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.close()

    def __repr__(self) -> str:
        return "AgentOSClient(%r)" % shown_url(self.base_url)


def _any_json(response: Response) -> Any:
    return json_of(response) if response.body else None
