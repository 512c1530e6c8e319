"""How a method becomes a request and a page an iterator: what all endpoints share."""

from __future__ import annotations

import functools
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterator,
    Mapping,
    Optional,
    Protocol,
    Sequence,
    Tuple,
    TypeVar,
)

from ..channels.agentos import Connection
from ..errors import ProtocolError
from ..modelling.base import Model
from ..protocols.agentos.endpoints import resource_request, scope_of
from ..protocols.agentos.refusals import meaning
from ..protocols.contract import Call
from ..wire import Body, Request, Response

if TYPE_CHECKING:
    from typing_extensions import ParamSpec

    from ..models import PaginationInfo
    from ..options import CallOptions

    P = ParamSpec("P")

__all__ = ["Resource", "each"]

T = TypeVar("T")
RowT_co = TypeVar("RowT_co", covariant=True)

_CALL_OPTIONS = ("auth_token", "headers", "timeout")


class Resource:
    """Endpoints of one server, and the ids that go with every request that takes them.

    Every method blocks and may be called from any thread. Beside its own arguments each takes
    ``auth_token``, ``headers`` and ``timeout`` for this one call; those about a database take
    ``db_id`` and most of them ``table``, those about knowledge ``db_id`` and ``knowledge_id``. Any
    may raise RemoteServerUnavailableError, RemoteHTTPError and their subclasses, ProtocolError,
    and UnsupportedError where a server's version or setup lacks the endpoint.
    """

    #: The names that a caller cannot give, because the object stands for what they name.
    _own: Tuple[str, ...] = ()

    def __init__(self, connection: Connection, scope: Mapping[str, Optional[str]]) -> None:
        self._connection = connection
        self._scope = dict(scope)

    @property
    def base_url(self) -> str:
        """The server's URL, normalised, without user info."""
        return self._connection.base_url

    def _send(
        self,
        route: str,
        parse: Callable[[Response], T],
        given: Mapping[str, Any],
        body: str = "",
        *,
        form: bool = False,
        since: Optional[str] = None,
        upload: Optional[Body] = None,
    ) -> T:
        """Send what a method was given: ``given`` is its ``locals()``.

        ``body`` and the rest are those of ``resource_request`` and ``meaning``.
        """
        values = {name: given[name] for name in given if name not in ("self", "options")}
        call: Dict[str, Any] = {}
        scope = scope_of(route)
        values.update((name, self._scope.get(name)) for name in scope if name not in values)
        for name, value in given["options"].items():
            if name in _CALL_OPTIONS:
                call[name] = value
            elif name not in scope:
                raise TypeError("%s takes no argument %r" % (route, name))
            elif name in self._own:
                raise TypeError("%r stands for one %s: leave it out" % (self, name))
            elif value is not None:
                values[name] = value
        request = resource_request(self.base_url, route, values, body, form, upload)
        return self._exchange(request, parse, call, route, since)

    def _exchange(
        self,
        request: Request,
        parse: Callable[[Response], T],
        options: Any,
        route: str,
        since: Optional[str] = None,
    ) -> T:
        call_options: CallOptions = options
        return self._connection.send(Call(request, parse, meaning(route, since)), call_options)


class Page(Protocol[RowT_co]):
    """One of several answers to a question with many rows."""

    @property
    def data(self) -> Sequence[RowT_co]: ...

    @property
    def meta(self) -> PaginationInfo: ...


def each(get_page: Callable[P, Page[RowT_co]]) -> Callable[P, Iterator[RowT_co]]:
    """Of a method that gets one page, make the one that goes through the rows of all pages.

    It takes the same arguments: ``page`` is the first one (1), ``limit`` the rows of each. Nothing
    is sent before the first row is asked for, and never more than the page that is needed. Rows
    that come or go meanwhile may be missed or come twice. Ends at the last page the server
    tells, or at an empty one; raises ProtocolError if the server does not turn pages.
    """

    @functools.wraps(get_page)
    def iterate(*args: Any, **query: Any) -> Iterator[RowT_co]:
        number = query.pop("page", None) or 1
        before: Sequence[RowT_co] = ()
        while True:
            page: Page[RowT_co] = get_page(*args, page=number, **query)  # type: ignore[arg-type]
            rows, meta = page.data, page.meta
            if not isinstance(rows, list) or not isinstance(meta, Model):
                raise ProtocolError("Page %d that the server answered is none." % number)
            told = meta.total_pages
            last = told if told and isinstance(told, int) else None
            if meta.page not in (None, 0, number) or (last is None and rows and rows == before):
                raise ProtocolError("Asked for page %d, the server answered another." % number)
            yield from rows
            if not rows or (last is not None and number >= last):
                return
            before = rows
            number += 1

    iterate.__name__ = get_page.__name__.replace("get_", "iter_").replace("list_", "iter_")
    iterate.__doc__ = "Go through all rows of ``%s``, page by page, lazily." % get_page.__name__
    return iterate
