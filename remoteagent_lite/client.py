"""AgentOSClient: all that concerns the server and not the running of one component."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Mapping, Optional, Sequence, Union

from . import models
from .channels.agentos import Connection
from .errors import shown_url
from .media import File, guess_type
from .options import CallOptions, ClientSettings, Timeout, Unpack, check_keywords
from .protocols.agentos.endpoints import any_json, encoded_form, encoded_query, nothing, one
from .resources._resource import Resource
from .resources.approvals import Approvals
from .resources.components import Components
from .resources.evals import Evals, Metrics
from .resources.knowledge import Knowledge
from .resources.memories import Memories
from .resources.schedules import Schedules
from .resources.sessions import Sessions
from .resources.traces import Traces
from .wire import FilePart, Request

if TYPE_CHECKING:
    from .models import ConfigResponse, HealthResponse, InfoResponse

__all__ = ["AgentOSClient"]


class AgentOSClient(
    Components, Sessions, Memories, Knowledge, Traces, Evals, Metrics, Approvals, Schedules
):
    """An AgentOS server. Every method blocks; any thread may call them. Close it when done.

    Where the server has several databases, methods that are about one need to know which: give
    ``db_id`` here for all calls, or to each call. See Resource for what all methods take and raise.
    Without ``base_url`` and ``auth_token`` they come from the environment: REMOTEAGENT_URL and
    REMOTEAGENT_TOKEN.
    """

    def __init__(
        self,
        base_url: Optional[str] = None,
        timeout: Union[float, Timeout, None] = 60.0,
        *,
        db_id: Optional[str] = None,
        **settings: Unpack[ClientSettings],
    ) -> None:
        known = ("base_url", "timeout", "db_id", *ClientSettings.__annotations__)
        check_keywords("AgentOSClient", settings, known)
        super().__init__(Connection(base_url, timeout, **settings), {"db_id": db_id})

    @classmethod
    def on(cls, connection: Connection) -> AgentOSClient:
        """A client on a connection that others use too."""
        client = cls.__new__(cls)
        Resource.__init__(client, connection, {"db_id": None})
        return client

    def health(self, **options: Unpack[CallOptions]) -> HealthResponse:
        """Whether the server is up, and since when. GET /health (needs no token)"""
        return self._send("GET /health", one(models.HealthResponse), locals())

    def info(self, **options: Unpack[CallOptions]) -> InfoResponse:
        """Version and authentication mode. GET /info (needs no token; Agno 2.9)"""
        return self._send("GET /info", one(models.InfoResponse), locals(), since="2.9")

    def get_config(self, **options: Unpack[CallOptions]) -> ConfigResponse:
        """All the server hosts, with its databases. GET /config"""
        return self._send("GET /config", one(models.ConfigResponse), locals())

    def migrate_database(
        self, db_id: str, target_version: Optional[str] = None, **options: Unpack[CallOptions]
    ) -> None:
        """Bring a database's tables to a version, or to the newest. NotFoundError.

        ``db_id`` may be "all". POST /databases/{id}/migrate
        """
        self._send("POST /databases/{db_id}/migrate", nothing, locals())

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Optional[Mapping[str, Any]] = None,
        json: Any = None,
        form: Optional[Mapping[str, Any]] = None,
        files: Optional[Mapping[str, Union[File, Sequence[File]]]] = None,
        **options: Unpack[CallOptions],
    ) -> Any:
        """Any other endpoint: its decoded JSON, or None for an empty answer.

        ``path`` begins with a slash and is sent as it stands. In ``params`` a list repeats its
        name (but ``topics`` and ``eval_types`` are joined, as the server wants them); in ``form``
        lists and objects become JSON. ``files`` maps fields to File objects with content. The
        errors are those of every other method.
        """
        if not path.startswith("/"):
            raise ValueError("path must begin with a slash: %r" % path)
        if json is not None and (form is not None or files is not None):
            raise ValueError("a request has either json= or form= and files=")
        request = Request(
            method.upper(),
            self.base_url + path,
            params=encoded_query(params or {}),
            json=json,
            form=None if form is None else encoded_form(form),
            files=_parts(files or {}) or None,
        )
        route = "%s %s" % (request.method, path.partition("?")[0])
        return self._exchange(request, any_json, options, route)

    def close(self) -> None:
        """Close idle connections; a later call connects anew."""
        self._connection.close()

    def __enter__(self) -> AgentOSClient:
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.close()

    def __repr__(self) -> str:
        return "AgentOSClient(%r)" % shown_url(self.base_url)


def _parts(files: Mapping[str, Union[File, Sequence[File]]]) -> List[FilePart]:
    parts = []
    for field, value in files.items():
        for file in [value] if isinstance(value, File) else value:
            if not isinstance(file, File) or file.content is None:
                raise TypeError("files must hold File objects with content, not %r" % (file,))
            name = file.filename or "file"
            kind = file.mime_type or guess_type(name) or "application/octet-stream"
            parts.append(FilePart(field, name, file.content, kind))
    return parts
