"""An agent's card: fetched, verified if that is asked for, and kept for as long as it may be."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, Any, Callable, Dict, List, NamedTuple, Optional

from ..cache import TTLCache
from ..errors import CardVerificationError, NotFoundError, RemoteHTTPError, shown_url
from ..http.caching import lifetime, may_be_stored
from ..protocols.a2a.card import card_urls, read_card
from ..protocols.contract import Call
from ..protocols.jsontext import json_of
from ..wire import Request, Response
from .agentos import Connection
from .limit import Limit

if TYPE_CHECKING:
    from ..models.a2a_v10 import AgentCard
    from ..options import CallOptions

__all__ = ["CardRead", "Cards"]

#: The longest card that is read, in bytes.
MAX_CARD = 4 * 1024 * 1024
#: Answers that say the well-known document is not here, and may be elsewhere.
_NO_CARD = (404, 405, 410)


class CardRead(NamedTuple):
    """An agent card as it was fetched."""

    url: str
    sent: Dict[str, Any]  # as the server sent it; the same object as long as it does not change
    card: Dict[str, Any]  # in the form of protocol 1.0
    etag: Optional[str] = None
    max_age: Optional[float] = None  # seconds; None if the server does not say


class Cards:
    """The card of the agent that ``connection`` leads to. Any thread may use it; it pickles.

    Kept for ``ttl`` seconds or as its server says, whichever is shorter, and renewed by its ETag.
    ``verify`` is called with what comes whenever it comes, and raises if it is not to be used.
    """

    def __init__(
        self,
        connection: Connection,
        ttl: float,
        verify: Optional[Callable[[AgentCard, Dict[str, Any]], Any]] = None,
    ) -> None:
        self._connection = connection
        self._ttl = ttl
        self._verify = verify
        self._caches: Dict[int, TTLCache[CardRead]] = {}
        self._cache()  # to refuse a ttl that is none
        #: What came last, however old it is; None before that.
        self.last: Optional[CardRead] = None

    @property
    def are_verified(self) -> bool:
        return self._verify is not None

    def get(self, options: CallOptions, fresh: bool = False) -> CardRead:
        """The card. Blocks when it is not in the cache, or is to be ``fresh``."""
        fetch = functools.partial(self._fetch, options)
        return self._cache().refresh(fetch) if fresh else self._cache().get(fetch)

    def keep(self, sent: Dict[str, Any]) -> CardRead:
        """Take an extended card for the agent's, as long as a card is kept."""
        url = self.last.url if self.last is not None else card_urls(self._connection.base_url)[0]
        read = self._verified(CardRead(url, sent, read_card(sent, url)))
        self.last = self._cache().refresh(lambda: read)
        return read

    def _cache(self) -> TTLCache[CardRead]:
        # One per process: a fork may have caught the parent's cache in the middle of a fetch.
        cache = self._caches.get(os.getpid())
        if cache is None:
            made: TTLCache[CardRead] = TTLCache(self._ttl, lifetime=lambda read: read.max_age)
            cache = self._caches.setdefault(os.getpid(), made)
        return cache

    def _fetch(self, options: CallOptions) -> CardRead:
        limit = Limit(options, self._connection.timeout)
        last = self.last
        missing: List[RemoteHTTPError] = []
        for url in card_urls(self._connection.base_url):
            request = Request("GET", url)
            if last is not None and last.etag and last.url == url:
                request.headers["If-None-Match"] = last.etag
            try:
                response = self._connection.send(
                    Call(request, _itself), limit.left(), body_limit=MAX_CARD
                )
            except RemoteHTTPError as error:
                if error.status_code == 304 and last is not None:
                    said = lifetime(error.headers)
                    renewed = last._replace(max_age=last.max_age if said is None else said)
                    self.last = self._verified(renewed)
                    return self.last
                if error.status_code not in _NO_CARD:
                    raise
                missing.append(error)
                continue
            self.last = self._verified(_read(url, response, last))
            return self.last
        raise _not_found(self._connection.base_url, missing[-1]) from missing[-1]

    def _verified(self, read: CardRead) -> CardRead:
        if self._verify is None:
            return read
        from ..models.a2a_v10 import AgentCard  # only those who verify cards pay for it

        try:
            if self._verify(AgentCard.from_dict(read.card), read.sent) is False:
                raise CardVerificationError("verify_card returned False.")
        except CardVerificationError as error:
            shown = shown_url(read.url)
            raise CardVerificationError(
                "The card at %s is not used: %s" % (shown, error.message), shown
            ) from error
        return read

    def __getstate__(self) -> Dict[str, Any]:
        return dict(self.__dict__, _caches={})


def _read(url: str, response: Response, last: Optional[CardRead]) -> CardRead:
    sent = json_of(response)
    headers = response.headers
    etag = headers.get("etag") if may_be_stored(headers) else None
    read = CardRead(url, sent, read_card(sent, response.url), etag, lifetime(headers))
    if last is not None and last.sent == sent:
        return read._replace(sent=last.sent)
    return read


def _not_found(base_url: str, missing: RemoteHTTPError) -> NotFoundError:
    return NotFoundError(
        "%s has no agent card (%s). Is base_url the agent's? To speak to it without a card, "
        'name the way: a2a_protocol="json-rpc", or interface_url= with a2a_protocol=.'
        % (shown_url(base_url), " and ".join(map(shown_url, card_urls(base_url)))),
        shown_url(base_url),
        missing.status_code,
        missing.detail,
        missing.body,
        missing.headers,
    )


def _itself(response: Response) -> Response:
    return response
