"""An A2A agent as something that calls can be sent to: its card, and the way to speak to it.

The counterpart of Connection for protocols that have to be found out first. The interface that is
found out is remembered for as long as it works, the card for as long as it may be.
"""

from __future__ import annotations

import functools
import logging
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    TypeVar,
    Union,
)

from ..errors import (
    A2AError,
    AuthenticationError,
    MethodNotFoundError,
    NotFoundError,
    PermissionDeniedError,
    ProtocolError,
    RemoteAgentError,
    RemoteHTTPError,
    RemoteServerUnavailableError,
    RemoteTimeoutError,
    UnsupportedError,
    UnsupportedOperationError,
    VersionNotSupportedError,
    shown_url,
)
from ..http.transport import MAX_BODY, OpenResponse, normal_url
from ..modelling.outputs import Output
from ..options import RetryPolicy, Timeout
from ..protocols.a2a import adk, interface as a2a
from ..protocols.a2a.dialects import Dialect, dialect_of, fault_of
from ..protocols.a2a.hosts import credentials_allowed, same_origin
from ..protocols.a2a.interface import Interface
from ..protocols.a2a.negotiation import (
    candidates,
    check_extensions,
    guesses,
    next_interfaces,
    offers,
    placed_at,
)
from ..protocols.a2a.operation import (
    Operation,
    StreamOperation,
    operation_of,
    stream_operation_of,
)
from ..protocols.a2a.security import wanted
from ..protocols.contract import AnyCall, AnyStreamCall, Call, Told
from ..protocols.jsontext import json_of
from ..wire import Request, Response
from .agentos import Connection
from .cards import MAX_CARD, CardRead, Cards
from .limit import Limit

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ..models.a2a_v10 import AgentCard
    from ..options import CallOptions, ClientSettings

__all__ = ["RECOVER", "A2AConnection"]

T = TypeVar("T")

_log = logging.getLogger("remoteagent_lite")

#: How often a broken stream is taken up again without news in between. The task itself can be asked
#: for, so what stands still, stands still.
RECOVER = RetryPolicy(max_attempts=5, backoff=0.25, max_backoff=2.0)
#: The longest answer that is read in place of a stream, in bytes.
_MAX_ANSWER = 512 * 1024 * 1024
_BINDINGS = {
    "auto": None,
    "json-rpc": a2a.JSONRPC,
    "rest": a2a.REST,
}
_VERSIONS = ("1.0", "0.3")
#: Extensions of the protocol that this library keeps to; who does not know them passes them over.
_EXTENSIONS = (adk.EXTENSION,)
#: How many ways to speak to an agent are tried, whatever its card lists.
_MOST_TRIED = 8
_NOT_UNDERSTOOD = (
    MethodNotFoundError,
    VersionNotSupportedError,
    RemoteHTTPError,
    UnsupportedError,
)


class A2AConnection:
    """Sends operations to one agent. Any thread may use it; survives a fork; pickles.

    ``a2a_protocol`` is "json-rpc", "rest" or "auto" (the card decides), ``a2a_version`` "1.0",
    "0.3" or None (likewise). ``interface_url`` is spoken to instead of the URLs in the card. Tokens
    and headers go to the origin of ``base_url`` and to ``allow_hosts`` only. ``extensions`` are the
    URIs of those that the caller keeps to: they are named in every request, beside those that this
    library keeps to (Google ADK's); None names none. ``verify_card`` is called with every card that
    is fetched, and raises if it is not to be used.
    """

    def __init__(
        self,
        base_url: Optional[str],
        timeout: Union[float, Timeout, None] = 60.0,
        config_ttl: float = 300.0,
        *,
        a2a_protocol: str = "auto",
        a2a_version: Optional[str] = None,
        interface_url: Optional[str] = None,
        allow_hosts: Sequence[str] = (),
        extensions: Optional[Sequence[str]] = (),
        verify_card: Optional[Callable[[AgentCard, Dict[str, Any]], Any]] = None,
        **settings: Unpack[ClientSettings],
    ) -> None:
        if a2a_protocol not in _BINDINGS:
            raise ValueError(
                "a2a_protocol must be one of %s, not %r" % (", ".join(_BINDINGS), a2a_protocol)
            )
        if a2a_version is not None and a2a_version not in _VERSIONS:
            raise ValueError(
                "a2a_version must be one of %s or None, not %r"
                % (", ".join(_VERSIONS), a2a_version)
            )
        if isinstance(allow_hosts, str) or isinstance(extensions, str):
            raise TypeError("allow_hosts and extensions must be sequences of str, not one str")
        self._binding: Optional[str] = _BINDINGS[a2a_protocol]
        self._version = a2a_version
        self._interface_url = normal_url(interface_url) if interface_url is not None else None
        self.allow_hosts = tuple(allow_hosts)
        self._extensions: Tuple[str, ...] = ()
        if extensions is not None:
            self._extensions = tuple(dict.fromkeys((*_EXTENSIONS, *extensions)))
        self._connection = Connection(base_url, timeout, **settings)
        self._cards = Cards(self._connection, config_ttl, verify_card)
        self._seen: Optional[Dict[str, Any]] = None  # the card that came last, as it was sent
        self._chosen: Optional[Interface] = None  # that which worked last

    @property
    def base_url(self) -> str:
        return self._connection.base_url

    @property
    def timeout(self) -> Timeout:
        return self._connection.timeout

    # --- The card

    @property
    def verifies_cards(self) -> bool:
        return self._cards.are_verified

    def card(self, options: CallOptions, fresh: bool = False) -> CardRead:
        """The agent card. Blocks when it is not in the cache, or is to be ``fresh``."""
        read = self._cards.get(options, fresh)
        if read.sent is not self._seen:
            self._seen, self._chosen = read.sent, None
            for offer in offers(read.sent, read.url, self.allow_hosts):
                if offer.moved and offer.interfaces:
                    _log.info(
                        "The card at %s names %s: %s. %s is used.",
                        shown_url(read.url),
                        shown_url(offer.url),
                        offer.moved,
                        shown_url(offer.interfaces[0].url),
                    )
        return read

    def keep(self, sent: Dict[str, Any]) -> CardRead:
        """Take an extended card for the agent's, as long as a card is kept."""
        read = self._cards.keep(sent)
        self._seen = read.sent  # the interface that works is the same
        return read

    def interfaces(self, options: CallOptions) -> List[Interface]:
        """The ways to speak to the agent, the best first; the one that worked leads."""
        named = self._interface_url
        if named is not None and self._binding is not None:
            return self._led(guesses(named, self._version, self._binding))
        cardless = guesses(named or self.base_url, self._version)
        if self._cards.last is None and self._chosen in cardless:
            return self._led(cardless)  # there was no card, and it went without
        try:
            read = self.card(options)
        except NotFoundError:
            if self._cards.are_verified or (self._binding != a2a.JSONRPC and named is None):
                raise
            # The caller has said how to speak to it: that is enough to try.
            return self._led(cardless)
        check_extensions(read.card, self._extensions)
        found = candidates(
            read.sent,
            read.url,
            binding=self._binding,
            version=self._version,
            allow_hosts=self.allow_hosts,
        )
        if named is not None:
            found = list(dict.fromkeys(placed_at(each, named) for each in found))
        return self._led(found)

    def _led(self, interfaces: List[Interface]) -> List[Interface]:
        chosen = self._chosen
        if chosen is None:
            return interfaces
        return [chosen, *(each for each in interfaces if each != chosen)]

    def _streams(self) -> bool:
        """Whether the agent says that it can stream; without a card: perhaps, so yes."""
        last = self._cards.last
        if last is None:
            return True
        capabilities = last.card.get("capabilities") or {}
        return bool(capabilities.get("streaming"))

    # --- Operations

    def send(
        self, call: AnyCall[T], options: Optional[CallOptions] = None, *, repeatable: bool = False
    ) -> T:
        """Send the operation and read its whole answer. Blocks; never repeats what may have run.

        Raises what Transport.send raises, A2AError for what the protocol calls an error, and
        UnsupportedError for what the agent or this way to it cannot do.
        """
        operation = operation_of(call)
        limit = Limit(options or {}, self.timeout)
        if operation.name == a2a.AGENT_CARD:
            return operation.parse(self.card(limit.left(), operation.params["fresh"]).card, None)

        def once(dialect: Dialect, options: CallOptions) -> T:
            request = self._request(dialect, operation)
            response = self._connection.send(
                Call(request, _itself),
                options,
                repeatable=repeatable,
                trusted=self._is_trusted(dialect.interface, options),
                body_limit=MAX_CARD if operation.name == a2a.GET_EXTENDED_CARD else MAX_BODY,
            )
            result = dialect.result(operation.name, response, operation.params)
            parsed = operation.parse(result, dialect.interface)
            if isinstance(parsed, Output):
                parsed.response = response.received()
            return parsed

        return self._negotiate(operation.name, once, limit)

    def open(
        self,
        call: AnyStreamCall[Any],
        options: Optional[CallOptions] = None,
        *,
        repeatable: bool = False,
    ) -> Union[OpenResponse, Told]:
        """Send the operation; return when the headers of its stream are there.

        An agent that does not stream is sent the message in the ordinary way, which blocks until
        it has answered. The call's fold is told how to read what comes.
        """
        operation = stream_operation_of(call)
        limit = Limit(options or {}, self.timeout)
        plain = operation.name == a2a.SEND_STREAMING_MESSAGE

        def once(dialect: Dialect, options: CallOptions) -> Union[OpenResponse, Told]:
            # AgentOS's cards say of workflows that they do not stream, and they do.
            streams = dialect.interface.binding == a2a.AGNO or self._streams()
            if plain and not streams:
                return self._sent_whole(dialect, operation, options, repeatable)
            try:
                return self._streamed(dialect, operation, limit, repeatable)
            except UnsupportedOperationError:
                if not plain:
                    raise
                return self._sent_whole(dialect, operation, limit.left(), repeatable)

        return self._negotiate(operation.name, once, limit)

    def _streamed(
        self,
        dialect: Dialect,
        call: StreamOperation,
        limit: Limit,
        repeatable: bool,
    ) -> Union[OpenResponse, Told]:
        options = limit.left()
        trusted = self._is_trusted(dialect.interface, options)
        request = self._request(dialect, call)
        try:
            answer = self._connection.begin(
                request, options, repeatable=repeatable, trusted=trusted
            )
        except RemoteHTTPError as error:
            other = dialect.alternative(call.name, request, error)
            if other is None:
                raise
            answer = self._connection.begin(
                other, limit.left(), repeatable=repeatable, trusted=trusted
            )
        answer.timeout = limit.timeout  # to tell of it as the caller set it
        call.fold.hear(dialect.event, dialect.version, dialect.interface.binding == a2a.AGNO)
        if answer.content_type == "text/event-stream":
            return answer
        body = answer.read_all(_MAX_ANSWER)
        response = Response(answer.url, answer.status, answer.headers, body)
        return self._whole(dialect, call, response)

    def _sent_whole(
        self,
        dialect: Dialect,
        call: StreamOperation,
        options: CallOptions,
        repeatable: bool,
    ) -> Told:
        operation: Operation[Any] = Operation(a2a.SEND_MESSAGE, call.params, _first, call.headers)
        response = self._connection.send(
            Call(self._request(dialect, operation), _itself),
            options,
            repeatable=repeatable,
            trusted=self._is_trusted(dialect.interface, options),
        )
        call.fold.hear(dialect.event, dialect.version, task_follows=False)
        return self._whole(dialect, call, response)

    def _whole(self, dialect: Dialect, call: StreamOperation, response: Response) -> Told:
        """A whole answer in place of a stream, as the one event that it amounts to."""
        # Read here once, so that an error raises at the call.
        dialect.result(call.name, response, call.params)
        events = functools.partial(call.fold.decode, "", json_of(response))
        return Told(events, received=response.received())

    def _request(self, dialect: Dialect, call: Any) -> Request:
        request = dialect.request(call.name, call.params, self._extensions)
        if dialect.interface.binding == a2a.AGNO:
            request.headers.update(call.headers)
        return request

    def _negotiate(self, name: str, once: Callable[[Dialect, CallOptions], T], limit: Limit) -> T:
        """Call ``once`` with one interface after another, until one is understood."""
        try:
            left = self.interfaces(limit.left())
        except RemoteTimeoutError as error:
            passed = limit.passed(error)
            if passed is None:
                raise
            raise passed from error
        tried: List[Interface] = []
        attempts = 0
        first: Optional[RemoteAgentError] = None
        while True:
            interface, left = left[0], left[1:]
            tried.append(interface)
            options = limit.left()
            try:
                self._is_trusted(interface, options)
            except UnsupportedError as error:
                first = first or error
                if left:
                    continue
                raise first from None
            attempts += 1
            try:
                result = once(dialect_of(interface), options)
            except RemoteAgentError as error:
                fault: RemoteAgentError = limit.passed(error) or error
                if isinstance(error, RemoteHTTPError):
                    fault = fault_of(error) or self._explained(error)
                first = first or fault
                left = [
                    each
                    for each in next_interfaces(interface, fault, left)
                    if each not in tried and self._version in (None, each.version)
                ]
                if left and attempts < _MOST_TRIED:
                    continue
                # That the others are not understood either is no news.
                raised = first if isinstance(fault, _NOT_UNDERSTOOD) else fault
                if isinstance(raised, RemoteHTTPError) and raised.status_code in (404, 405):
                    raised = _without_route(raised, name)
                if raised is error:
                    raise
                raise raised from error
            self._chosen = interface
            return result

    def _explained(self, error: RemoteHTTPError) -> RemoteHTTPError:
        """A refusal that says which credentials the card asks for."""
        last = self._cards.last
        if not isinstance(error, (AuthenticationError, PermissionDeniedError)) or not last:
            return error
        needed = wanted(last.card)
        if not needed:
            return error
        return type(error)(
            "%s The agent's card asks for %s." % (error.message, needed),
            error.url,
            error.status_code,
            error.detail,
            error.body,
            error.headers,
        )

    def _is_trusted(self, interface: Interface, options: CallOptions) -> bool:
        """Whether the caller's credentials go there; refuses to leave them out silently."""
        url = interface.url
        named = self._interface_url is not None and same_origin(url, self._interface_url)
        if named or credentials_allowed(url, self.base_url, self.allow_hosts):
            return True
        if not self._connection.has_credentials(options):
            return False
        raise UnsupportedError(
            "The card of %s points to %s, another origin. Your token and headers are not sent "
            "there unless you name it: allow_hosts=[%r]."
            # A host alone does not stand for http, where base_url is https.
            % (shown_url(self.base_url), shown_url(url), "/".join(url.split("/")[:3])),
            shown_url(url),
        )

    # --- A run whose stream has broken

    def take_up(
        self, call: AnyStreamCall[Any], options: Optional[CallOptions] = None
    ) -> Union[OpenResponse, Told]:
        """Take the stream of a task up again, or learn how the task stands. Blocks.

        Subscribing comes first: what happens between the two is then told twice, not never.
        """
        try:
            return self._taken_up(stream_operation_of(call), Limit(options or {}, self.timeout))
        except A2AError:
            raise
        except ProtocolError as error:
            # An answer whose headers broke off, or the page of a proxy: it may pass.
            raise RemoteServerUnavailableError(error.message, error.url, error, True) from error

    def _taken_up(self, subscribe: StreamOperation, limit: Limit) -> Union[OpenResponse, Told]:
        fold, get = subscribe.fold, subscribe.params
        before: Optional[Dict[str, Any]] = None
        if self._chosen is not None and self._chosen.version == "0.3":
            # Its subscriptions do not begin with the task, and some of its servers store twice what
            # they send to subscribers. Asked before and behind, little is in doubt.
            before = self._task(get, limit.left())
            if _is_still(before):
                return Told(functools.partial(fold.snapshot, before))
        answer: Optional[OpenResponse] = None
        try:
            found = self.open(subscribe, limit.left())
            if isinstance(found, Told) or before is None:
                return found
            answer = found
        except UnsupportedError:
            if before is not None:
                return Told(functools.partial(fold.snapshot, before))
        except (A2AError, NotFoundError):
            pass  # one that is over already, or cannot be subscribed to, can be asked for
        try:
            task = self._task(get, limit.left())
        except BaseException:
            if answer is not None:
                answer.drop()
            raise
        if answer is not None and _is_still(task):
            answer.drop()
            answer = None
        return Told(functools.partial(fold.snapshot, task, before), answer)

    def _task(self, get: Mapping[str, Any], options: CallOptions) -> Dict[str, Any]:
        return self.send(Operation(a2a.GET_TASK, get, _first), options)

    def close(self) -> None:
        """Close the idle connections of this process; the next call opens new ones."""
        self._connection.close()

    def __repr__(self) -> str:
        return "A2AConnection(%r)" % shown_url(self.base_url)


def _is_still(task: Mapping[str, Any]) -> bool:
    """Whether a task is over, or waits for somebody."""
    state = (task.get("status") or {}).get("state")
    return state in a2a.TERMINAL or state in a2a.INTERRUPTED


def _without_route(error: RemoteHTTPError, name: str) -> RemoteAgentError:
    """The error for an address that a server does not know, where that address was right."""
    if name in (a2a.SEND_MESSAGE, a2a.SEND_STREAMING_MESSAGE):
        return error
    return UnsupportedError(
        "%s answered %d: this server has no %s." % (error.url, error.status_code, name), error.url
    )


def _itself(response: Response) -> Response:
    return response


def _first(result: Any, interface: Interface) -> Any:
    return result
