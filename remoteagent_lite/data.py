"""RemoteDb and RemoteKnowledge: the server's data of one database or knowledge base."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from .channels.agentos import Connection
from .protocols.agentos.endpoints import nothing
from .resources.evals import Evals, Metrics
from .resources.knowledge import Knowledge
from .resources.memories import Memories
from .resources.sessions import Sessions
from .resources.traces import Traces

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .options import CallOptions

__all__ = ["RemoteDb", "RemoteKnowledge"]


class RemoteDb(Sessions, Memories, Traces, Evals, Metrics):
    """One database of an AgentOS; ``id`` is its id.

    Every request names the database, so that servers with several of them answer. Every method
    blocks and may be called from any thread; see Resource for what all of them take and raise.
    """

    _own = ("db_id",)

    def __init__(self, connection: Connection, db_id: str) -> None:
        super().__init__(connection, {"db_id": db_id})
        self.id = db_id

    def migrate_database(
        self, target_version: Optional[str] = None, **options: Unpack[CallOptions]
    ) -> None:
        """Bring the tables to a version, or to the newest. POST /databases/{id}/migrate"""
        self._send("POST /databases/{db_id}/migrate", nothing, dict(locals(), db_id=self.id))

    def __repr__(self) -> str:
        return "RemoteDb(%r at %s)" % (self.id, self.base_url)


class RemoteKnowledge(Knowledge):
    """One knowledge base of an AgentOS. Every method blocks; any thread may call them.

    The methods have the client's names and shorter ones.
    """

    _own = ("db_id", "knowledge_id")

    def __init__(
        self, connection: Connection, db_id: Optional[str], knowledge_id: Optional[str] = None
    ) -> None:
        super().__init__(connection, {"db_id": db_id, "knowledge_id": knowledge_id})
        self.db_id = db_id
        self.knowledge_id = knowledge_id

    search = Knowledge.search_knowledge
    upload_content = Knowledge.upload_knowledge_content
    update_content = Knowledge.update_knowledge_content
    get_content = Knowledge.list_knowledge_content
    iter_content = Knowledge.iter_knowledge_content
    get_content_by_id = Knowledge.get_knowledge_content
    get_content_status = Knowledge.get_knowledge_content_status
    delete_content_by_id = Knowledge.delete_knowledge_content
    delete_all_content = Knowledge.delete_all_knowledge_content
    get_config = Knowledge.get_knowledge_config

    def __repr__(self) -> str:
        return "RemoteKnowledge(db_id=%r at %s)" % (self.db_id, self.base_url)
