"""Knowledge: the documents that agents look things up in."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tempfile
from typing import (
    TYPE_CHECKING,
    Any,
    BinaryIO,
    Callable,
    List,
    Mapping,
    Optional,
    Sequence,
    Union,
)

from .. import models
from ..errors import RemoteAgentError
from ..http.multipart import Upload
from ..media import guess_type
from ..protocols.agentos.endpoints import encoded_form, many, nothing, one
from ._resource import Resource, each

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..models import (
        ConfigResponseSchema,
        ContentResponseSchema,
        ContentStatusResponse,
        PaginatedResponseContentResponseSchema,
        PaginatedResponseVectorSearchResult,
        RemoteContentSourceSchema,
        SortOrder,
        SourceFilesResponseSchema,
    )
    from ..options import DatabaseOptions, KnowledgeOptions

__all__ = ["Knowledge"]

_FIELDS = "name description url metadata text reader_id chunker chunk_size chunk_overlap"
_REMOTE_FIELDS = (
    "config_id path source_params name description metadata reader_id chunker chunk_size "
    "chunk_overlap"
)


class Knowledge(Resource):
    """The documents of a knowledge base, and the search in them."""

    def upload_knowledge_content(
        self,
        *,
        path: Union[str, os.PathLike[str], None] = None,
        content: Union[bytes, BinaryIO, None] = None,
        text: Optional[str] = None,
        url: Optional[str] = None,
        name: Optional[str] = None,
        description: Optional[str] = None,
        metadata: Optional[Mapping[str, Any]] = None,
        filename: Optional[str] = None,
        content_type: Optional[str] = None,
        reader_id: Optional[str] = None,
        chunker: Optional[str] = None,
        chunk_size: Optional[int] = None,
        chunk_overlap: Optional[int] = None,
        progress: Optional[Callable[[int, int], Any]] = None,
        **options: Unpack[KnowledgeOptions],
    ) -> ContentResponseSchema:
        """Add a document: a local file, bytes or a binary file object, a text, or a URL that the
        server fetches; exactly one. POST /knowledge/content

        Files are sent as they are read, in constant memory, and never a second time; a file object
        is read from where it stands, and stays open. ``progress(sent, total)`` is called with the
        file's bytes, in this thread; what it raises ends the upload. ``filename`` and
        ``content_type`` decide how the server reads the file; both are guessed if not given.

        The answer has ``status`` "processing" and an ``id``: follow it by
        ``get_knowledge_content_status``. OSError if the file cannot be read.
        """
        sources = (path, content, text, url)
        if sum(source is not None for source in sources) != 1:
            raise ValueError("give exactly one of path=, content=, text= and url=")
        values = {
            "name": name,
            "description": description,
            "url": url,
            "metadata": metadata,
            "text": text,
            "reader_id": reader_id,
            "chunker": chunker,
            "chunk_size": chunk_size,
            "chunk_overlap": chunk_overlap,
        }
        route = "POST /knowledge/content"
        answer = one(models.ContentResponseSchema)
        if path is None and content is None:
            return self._send(route, answer, dict(values, options=options), _FIELDS, form=True)
        with contextlib.ExitStack() as stack:
            file = _file(path, content, stack)
            filename = filename or _name(path, content) or name or "content"
            upload = Upload(
                file,
                filename,
                content_type or guess_type(filename) or "application/octet-stream",
                encoded_form(values),
                progress,
            )
            try:
                return self._send(route, answer, {"options": options}, upload=upload)
            except RemoteAgentError as error:
                if upload.failure is not None:  # the caller's own, not the connection's
                    raise upload.failure from error
                raise

    def upload_remote_content(
        self,
        config_id: str,
        path: str,
        *,
        source_params: Optional[Mapping[str, Any]] = None,
        name: Optional[str] = None,
        description: Optional[str] = None,
        metadata: Optional[Mapping[str, Any]] = None,
        reader_id: Optional[str] = None,
        chunker: Optional[str] = None,
        chunk_size: Optional[int] = None,
        chunk_overlap: Optional[int] = None,
        **options: Unpack[KnowledgeOptions],
    ) -> ContentResponseSchema:
        """Have the server fetch a file or folder from one of its content sources (S3, GitHub, ...).

        ``config_id`` is one of ``get_knowledge_config().remote_content_sources``. Goes on as
        ``upload_knowledge_content`` does. InvalidRequestError: the source is unknown.
        POST /knowledge/remote-content (Agno 2.9)
        """
        return self._send(
            "POST /knowledge/remote-content",
            one(models.ContentResponseSchema),
            locals(),
            _REMOTE_FIELDS,
            form=True,
            since="2.9",
        )

    def list_knowledge_sources(
        self, knowledge_id: str, **options: Unpack[DatabaseOptions]
    ) -> List[RemoteContentSourceSchema]:
        """Where the server can fetch content from. GET /knowledge/{id}/sources (Agno 2.9)"""
        return self._send(
            "GET /knowledge/{knowledge_id}/sources",
            many(models.RemoteContentSourceSchema),
            locals(),
            since="2.9",
        )

    def list_source_files(
        self,
        knowledge_id: str,
        source_id: str,
        *,
        prefix: Optional[str] = None,
        limit: Optional[int] = None,
        page: Optional[int] = None,
        delimiter: Optional[str] = None,
        **options: Unpack[DatabaseOptions],
    ) -> SourceFilesResponseSchema:
        """One page of a source's ``files`` and ``folders`` below ``prefix``. NotFoundError.

        InvalidRequestError for sources that are no S3. ``delimiter`` is "/".
        GET /knowledge/{id}/sources/{source_id}/files (Agno 2.9)
        """
        return self._send(
            "GET /knowledge/{knowledge_id}/sources/{source_id}/files",
            one(models.SourceFilesResponseSchema),
            locals(),
            since="2.9",
        )

    def list_knowledge_content(
        self,
        *,
        limit: Optional[int] = None,
        page: Optional[int] = None,
        sort_by: Optional[str] = None,
        sort_order: Optional[SortOrder] = None,
        parent_id: Optional[str] = None,
        **options: Unpack[KnowledgeOptions],
    ) -> PaginatedResponseContentResponseSchema:
        """One page of documents: ``data`` and ``meta``. GET /knowledge/content"""
        return self._send(
            "GET /knowledge/content", one(models.PaginatedResponseContentResponseSchema), locals()
        )

    iter_knowledge_content = each(list_knowledge_content)

    def get_knowledge_content(
        self, content_id: str, **options: Unpack[KnowledgeOptions]
    ) -> ContentResponseSchema:
        """What is known about a document. NotFoundError. GET /knowledge/content/{id}"""
        return self._send(
            "GET /knowledge/content/{content_id}", one(models.ContentResponseSchema), locals()
        )

    def get_knowledge_content_status(
        self, content_id: str, **options: Unpack[KnowledgeOptions]
    ) -> ContentStatusResponse:
        """Whether it is "processing", "completed", "partial" or "failed", and why.

        NotFoundError; before Agno 3.1 an unknown document is "failed".
        GET /knowledge/content/{id}/status
        """
        return self._send(
            "GET /knowledge/content/{content_id}/status",
            one(models.ContentStatusResponse),
            locals(),
        )

    def update_knowledge_content(
        self,
        content_id: str,
        *,
        name: Optional[str] = None,
        description: Optional[str] = None,
        metadata: Optional[Mapping[str, Any]] = None,
        reader_id: Optional[str] = None,
        **options: Unpack[KnowledgeOptions],
    ) -> ContentResponseSchema:
        """Change what is given; metadata is merged. NotFoundError. PATCH /knowledge/content/{id}"""
        return self._send(
            "PATCH /knowledge/content/{content_id}",
            one(models.ContentResponseSchema),
            locals(),
            "name description metadata reader_id",
            form=True,
        )

    def refresh_knowledge_content(
        self, content_id: str, **options: Unpack[KnowledgeOptions]
    ) -> ContentResponseSchema:
        """Read a document again from the URL it came from; goes on as an upload does.

        NotFoundError; InvalidRequestError if it came from no URL.
        POST /knowledge/content/{id}/refresh (Agno 3.1)
        """
        return self._send(
            "POST /knowledge/content/{content_id}/refresh",
            one(models.ContentResponseSchema),
            locals(),
            since="3.1",
        )

    def delete_knowledge_content(
        self, content_id: str, **options: Unpack[KnowledgeOptions]
    ) -> None:
        """Delete it. NotFoundError, from Agno 3.1 on. DELETE /knowledge/content/{id}"""
        self._send("DELETE /knowledge/content/{content_id}", nothing, locals())

    def delete_all_knowledge_content(self, **options: Unpack[KnowledgeOptions]) -> None:
        """Empty the knowledge base. DELETE /knowledge/content"""
        self._send("DELETE /knowledge/content", nothing, locals())

    def search_knowledge(
        self,
        query: str,
        *,
        max_results: Optional[int] = None,
        filters: Optional[Mapping[str, Any]] = None,
        search_type: Optional[str] = None,
        vector_db_ids: Optional[Sequence[str]] = None,
        limit: Optional[int] = None,
        page: Optional[int] = None,
        **options: Unpack[KnowledgeOptions],
    ) -> PaginatedResponseVectorSearchResult:
        """Passages that fit ``query``, best first: ``data`` and ``meta``. POST /knowledge/search

        ``search_type`` is "vector", "keyword" or "hybrid", as far as the server has it.
        """
        return self._send(
            "POST /knowledge/search",
            one(models.PaginatedResponseVectorSearchResult),
            dict(
                locals(),
                meta={"page": page or 1, "limit": limit or 20} if page or limit else None,
                page=None,
                limit=None,
            ),
            "query max_results filters search_type vector_db_ids meta db_id knowledge_id",
        )

    def get_knowledge_config(self, **options: Unpack[KnowledgeOptions]) -> ConfigResponseSchema:
        """Readers, chunkers and filters that the knowledge base has. GET /knowledge/config"""
        return self._send("GET /knowledge/config", one(models.ConfigResponseSchema), locals())


def _name(path: Any, content: Any) -> Optional[str]:
    """The name of a local file, if it has one (``open`` also takes file descriptors)."""
    name = getattr(content, "name", None) if path is None else os.fspath(path)
    return os.path.basename(name) if isinstance(name, str) else None


def _file(path: Any, content: Any, stack: contextlib.ExitStack) -> BinaryIO:
    """A seekable binary file, which the stack closes unless it is the caller's."""
    if path is not None:
        return stack.enter_context(open(path, "rb"))
    if isinstance(content, (bytes, bytearray, memoryview)):
        return io.BytesIO(content)
    if isinstance(content, (str, io.TextIOBase)) or not hasattr(content, "read"):
        raise TypeError("content must be bytes or a file opened in binary mode; see also text=")
    file: BinaryIO = content
    if file.seekable():
        return file
    spool = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    shutil.copyfileobj(content, spool)
    spool.seek(0)
    return spool
