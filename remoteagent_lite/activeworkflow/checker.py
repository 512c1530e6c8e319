"""Calls an agent at a URL as ActiveWorkflow does, and tells what that would choke on.

The agent is a stranger's, in whatever language. So every call ends in bounded time and size, and
what is told holds neither the credentials that were given nor anything that steers a terminal.
"""

from __future__ import annotations

import http.client
import json
import re
import secrets
import socket
import ssl
import threading
import time
import zlib
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple
from urllib.parse import urlsplit

from .reactions import JOB_LIMIT, Reaction, react, register, request_body
from .redaction import Redaction
from .values import visible

__all__ = ["Checker"]

#: After so many seconds of silence ActiveWorkflow hangs up.
_HANGS_UP = 60.0

#: A registration that takes longer delays every start of ActiveWorkflow's processes.
_SLOW_REGISTRATION = 2.0
_SLOW_CALL = 30.0

_LARGEST = 64 * 1024 * 1024
_LONGEST_TEXT = 300

#: The key of the memory, the name of the credential and the field that no agent knows.
_OWN = "remoteagent_check"

#: What an agent keeps if it keeps it exactly: text beyond ASCII, a number beyond a double.
_MEMORY = {"text": "Gr\u00fc\u00dfe \u2713", "number": 2**53 + 1, "list": [{}], "nothing": None}

#: What ActiveWorkflow's agents must bear today or tomorrow: they are told to ignore it.
_UNKNOWN = {_OWN: True}

_URL_TEXT = re.compile(r"[!-~]+\Z")

_ADVICE = {
    401: "it asks for a login, and ActiveWorkflow has none: put a secret into the path instead",
    403: "it asks for a login, and ActiveWorkflow has none: put a secret into the path instead",
    404: "there is no agent at this path: each agent has a URL of its own",
    405: "it does not take POST at this path: each agent has a URL of its own",
    503: "the agent, or what is in front of it, is not ready",
}


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float


class Checker:
    """Checks one agent: ``register()`` first, then ``work()``.

    ``findings`` are pairs of a level and a text: "fail" for what ActiveWorkflow chokes on and for
    credentials in the log, "warn" for what works otherwise than it is meant, "ok" for what was
    looked at and is well. A text is one line, whatever the agent sent.

    ``timeout`` is the longest silence and ``limit`` the longest call, in seconds;
    ``slow_registration`` is when a registration is worth a warning. ValueError for what is no URL.
    """

    def __init__(
        self,
        url: str,
        timeout: float = _HANGS_UP,
        *,
        limit: float = JOB_LIMIT,
        slow_registration: float = _SLOW_REGISTRATION,
    ) -> None:
        parts = urlsplit(url.strip())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("%r must start with http:// or https://" % url)
        if not _URL_TEXT.match(url.strip()):
            raise ValueError("%r holds what must be quoted in a URL, like %%20 for a blank" % url)
        try:
            parts.hostname.encode("idna")
            self._port = parts.port
        except ValueError as error:
            raise ValueError("%r has no proper host and port: %s" % (url, error)) from None
        self._parts = parts
        self._timeout = timeout
        self._limit = limit
        self._slow_registration = slow_registration
        self._secrets: Dict[str, str] = {}
        self.findings: List[Tuple[str, str]] = []
        self.has_errors = False
        if parts.username is not None:
            self._add("fail", "user info in the URL is dropped: no login is sent")
        if url != url.strip():
            self._add("fail", "blanks around the URL keep ActiveWorkflow from starting")

    @property
    def has_failed(self) -> bool:
        return any(level == "fail" for level, _ in self.findings)

    def _add(self, level: str, text: str) -> None:
        text = Redaction(list(self._secrets.values()))(text)
        finding = (level, visible(text, _LONGEST_TEXT))
        # The same call is made several times: once is enough to tell.
        if finding not in self.findings:
            self.findings.append(finding)

    def post(self, body: bytes) -> Answer:
        """The answer to one call, made as ActiveWorkflow makes it. OSError if there is none."""
        with _Exchange(self._parts, self._port, self._timeout, self._limit) as exchange:
            exchange.begin(len(body))
            exchange.send(body)
            return exchange.answer()

    # --- Registration

    def register(self) -> Optional[Mapping[str, Any]]:
        """The agent's metadata; None if ActiveWorkflow cannot use the agent, which is told.

        OSError if there is no answer at all.
        """
        body = request_body("register")
        answer = self.post(body)
        registration = register(answer.body)
        if registration.failure is not None:
            advice = "a web page instead of JSON: is there an agent at this URL?"
            self._add("fail", "register: %s" % _explained(answer, registration.failure, advice))
            return None
        self._look_at_status("register", answer)
        self._add("ok", "registers as %s" % registration.metadata["name"])
        for remark in registration.remarks:
            self._add("warn", "register: " + remark)
        if answer.seconds > self._slow_registration:
            self._add(
                "warn",
                "register took %.1f s, and each of ActiveWorkflow's processes waits for it"
                % answer.seconds,
            )
        try:
            again = self.post(body)
        except OSError as error:
            self._add("fail", "register once more: no answer (%s)" % error)
        else:
            if again.body != answer.body:
                self._add("warn", "register answers differently each time")
        return registration.metadata

    # --- Work

    def work(
        self,
        payload: Mapping[str, Any],
        options: Mapping[str, Any],
        credentials: Mapping[str, str],
    ) -> None:
        """Have the agent receive a message, the same one again, and check; then two more messages.

        Memory and credentials are sent along in which the agent has no business.
        """
        self._secrets = dict(credentials)
        self._secrets.setdefault(_OWN, secrets.token_urlsafe(24))
        now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
        number = int(time.time() * 1000)

        def body(method: str, place: Optional[int] = None) -> bytes:
            message = None
            if place is not None:
                message = {
                    "id": number + place,
                    "user_id": 1,
                    "agent_id": 1,
                    "payload": payload,
                    "created_at": now,
                    "updated_at": now,
                    "expires_at": None,
                }
            return request_body(
                method,
                options=options,
                memory={_OWN: _MEMORY},
                credentials=self._secrets,
                message=message,
            )

        first = self._call("receive", body("receive", 0))
        again = first and self._call("the same message again", body("receive", 0), is_quiet=True)
        if again and first != again:
            self._add(
                "warn",
                "the same message again has another answer: ActiveWorkflow repeats calls, and "
                "whatever the agent does for a message is done again",
            )
        self._call("check", body("check"))
        if first:
            self._look_at_unknown_fields(body("receive", 1))
        if first is not None:
            self._look_at_threads(body("receive", 2))

    def _call(self, what: str, body: bytes, is_quiet: bool = False) -> Optional[bytes]:
        """An answer's body, b"" if it is none for ActiveWorkflow, None if there is no answer."""
        try:
            answer = self.post(body)
        except OSError as error:
            self._add("fail", "%s: no answer (%s)" % (what, error))
            return None
        if answer.seconds > _SLOW_CALL:
            self._add(
                "warn",
                "%s took %.0f s: at %.0f s ActiveWorkflow hangs up and calls again"
                % (what, answer.seconds, _HANGS_UP),
            )
        if _asks_again(answer):
            words = answer.body.decode("utf-8", "replace").strip()
            self._add("warn", "%s: not now, call again, says the agent: %s" % (what, words))
            self._look_for_secrets("what it says instead of an answer", words, "fail")
            return b""
        reaction = react(answer.body)
        if reaction.failure is not None:
            advice = "a web page instead of JSON: the agent's own log may say what went wrong"
            self._add("fail", "%s: %s" % (what, _explained(answer, reaction.failure, advice)))
            words = answer.body.decode("utf-8", "replace")
            self._look_for_secrets("an answer that ActiveWorkflow quotes in the log", words, "fail")
            return b""
        self._look_at_status(what, answer)
        if not is_quiet:
            self._add(
                "ok",
                "%s: %d messages, %d logs, %d errors in %.2f s"
                % (
                    what,
                    len(reaction.messages),
                    len(reaction.logs),
                    len(reaction.errors),
                    answer.seconds,
                ),
            )
            for remark in reaction.remarks:
                self._add("warn", "%s: %s" % (what, remark))
            self._look_at_memory(what, reaction.memory)
        self._look_into(reaction)
        return answer.body

    def _look_into(self, reaction: Reaction) -> None:
        for text in reaction.errors:
            self.has_errors = True
            self._add("warn", "the agent reports an error: " + text)
        for where, texts, level in (
            ("its errors", reaction.errors, "fail"),
            ("its logs", reaction.logs, "fail"),
            ("its messages", reaction.messages, "warn"),
            ("its memory", [reaction.memory], "warn"),
        ):
            self._look_for_secrets(where, json.dumps(texts, ensure_ascii=False), level)

    def _look_for_secrets(self, where: str, text: str, level: str) -> None:
        for name, value in self._secrets.items():
            if Redaction([value])(text) != text:
                what = "`%s`" % name if name != _OWN else "one that no option names"
                self._add(level, "the value of a credential (%s) is in %s" % (what, where))

    def _look_at_memory(self, what: str, memory: Optional[Mapping[str, Any]]) -> None:
        if memory is None:
            return
        if not memory:
            self._add(
                "warn",
                "%s erases the agent's memory: `memory` is {} in the answer, and has to be left "
                "out if nothing is to change" % what,
            )
        elif _OWN not in memory:
            self._add(
                "warn",
                "%s drops what else was in the agent's memory: what comes back replaces all of "
                "it, so everything has to be in it that is not to be forgotten" % what,
            )
        elif json.dumps(memory[_OWN], sort_keys=True) != json.dumps(_MEMORY, sort_keys=True):
            self._add(
                "warn",
                "%s changes values in the agent's memory that it does not know: %s came back as %s"
                % (
                    what,
                    json.dumps(_MEMORY, ensure_ascii=False),
                    json.dumps(memory[_OWN], ensure_ascii=False),
                ),
            )

    def _look_at_status(self, what: str, answer: Answer) -> None:
        if 300 <= answer.status < 400:
            self._add("fail", "%s: a redirect (%d) is not followed" % (what, answer.status))
        elif answer.status >= 400:
            self._add(
                "warn",
                "%s: status %d, which ActiveWorkflow does not look at" % (what, answer.status),
            )

    def _look_at_unknown_fields(self, body: bytes) -> None:
        call = json.loads(body)
        params = call["params"]
        for each in (call, params, params["message"], *params["credentials"]):
            each.update(_UNKNOWN)
        body = json.dumps(call, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
        try:
            answer = self.post(body)
            failure = None if _asks_again(answer) else react(answer.body).failure
        except OSError as error:
            failure = "no answer (%s)" % error
        if failure is not None:
            self._add(
                "warn",
                "a field that the agent does not know breaks it, and ActiveWorkflow may add some: "
                + failure,
            )

    def _look_at_threads(self, body: bytes) -> None:
        """Whether the agent registers while it reads a message, and while it works on it."""
        registering = request_body("register")
        waits = []
        try:
            with _Exchange(self._parts, self._port, self._timeout, self._limit) as exchange:
                exchange.begin(len(body))
                exchange.send(body[:-1])
                waits.append(self._waited(registering))
                exchange.send(body[-1:])
                if waits[0] is None:
                    waits.append(self._waited(registering))
                exchange.answer()
        except OSError as error:
            if not waits:
                self._add("fail", "register while a message is handled: no answer (%s)" % error)
                return
        wait = next((wait for wait in waits if wait is not None), None)
        if wait is not None:
            self._add(
                "warn",
                "register waits for messages that are being handled (%s): the server needs more "
                "threads, or ActiveWorkflow cannot start meanwhile" % wait,
            )

    def _waited(self, registering: bytes) -> Optional[str]:
        """None if a registration is answered soon; else how long that took."""
        patience = self._slow_registration
        try:
            with _Exchange(self._parts, self._port, patience, patience) as exchange:
                exchange.begin(len(registering))
                exchange.send(registering)
                exchange.answer()
        except OSError:
            return "no answer in %.1f s" % patience
        return None


def _explained(answer: Answer, failure: str, of_page: str) -> str:
    """Why an answer is none, in one line that says what to do; ``of_page`` if it is HTML."""
    words = _ADVICE.get(answer.status)
    if 300 <= answer.status < 400:
        words = "a redirect is not followed: use the URL that it goes to"
        if answer.headers.get("location"):
            words += " (%s)" % answer.headers["location"]
    elif words is None and answer.body.lstrip()[:1] == b"<":
        words = of_page
    status = "" if answer.status == 200 else "status %d: " % answer.status
    return status + (failure if words is None else "%s (ActiveWorkflow: %s)" % (words, failure))


def _asks_again(answer: Answer) -> bool:
    """Whether that is ``Retry``, or how another agent says so: plain words with status 503."""
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    return answer.status == 503 and kind == "text/plain" and bool(answer.body.strip())


class _Exchange:
    """One call on a connection of its own, byte for byte as ActiveWorkflow makes it.

    A context manager; all of it raises OSError, and ends after ``limit`` seconds at the latest.
    """

    def __init__(self, parts: Any, port: Optional[int], timeout: float, limit: float) -> None:
        self._target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
        self._limit = limit
        self._has_expired = False
        if parts.scheme == "https":
            self._connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                parts.hostname, port, timeout=timeout, context=ssl.create_default_context()
            )
        else:
            self._connection = http.client.HTTPConnection(parts.hostname, port, timeout=timeout)
        self._started = time.monotonic()

    def __enter__(self) -> _Exchange:
        try:
            self._connection.connect()
        except BaseException:
            self._connection.close()
            raise
        # A time-out for each read does not end an answer that trickles.
        self._watch = threading.Timer(self._limit, self._expire, (self._connection.sock,))
        self._watch.name = "remoteagent-check"
        self._watch.daemon = True
        self._watch.start()
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self._watch.cancel()
        self._watch.join()
        self._connection.close()

    def _expire(self, sock: socket.socket) -> None:
        self._has_expired = True
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it has ended by itself meanwhile

    def begin(self, length: int) -> None:
        connection = self._connection
        connection.putrequest("POST", self._target, skip_accept_encoding=True)
        for name, value in (
            ("User-Agent", "Faraday v0.17.6"),
            ("Content-Type", "application/json"),
            ("Accept-Encoding", "gzip;q=1.0,deflate;q=0.6,identity;q=0.3"),
            ("Accept", "*/*"),
            ("Connection", "close"),
            ("Content-Length", str(length)),
        ):
            connection.putheader(name, value)
        connection.endheaders()

    def send(self, data: bytes) -> None:
        self._connection.send(data)

    def answer(self) -> Answer:
        try:
            response = self._connection.getresponse()
            body = self._read(response)
        except (http.client.HTTPException, OSError) as error:
            if self._has_expired:
                raise OSError("none that is complete within %g s" % self._limit) from error
            if isinstance(error, OSError):
                raise
            raise OSError("it is not HTTP: %r" % error) from error
        headers = {name.lower(): value for name, value in response.getheaders()}
        encoding = headers.get("content-encoding", "").strip().lower()
        if encoding in ("gzip", "deflate"):
            body = _decompressed(body, encoding)
        return Answer(response.status, headers, body, time.monotonic() - self._started)

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        pieces = []
        length = 0
        while True:
            piece = response.read(65536)
            if not piece:
                break
            pieces.append(piece)
            length += len(piece)
            if length > _LARGEST:
                raise OSError("it is larger than %d bytes" % _LARGEST)
        if response.length or self._has_expired:
            raise OSError("it is cut off")
        return b"".join(pieces)


def _decompressed(body: bytes, encoding: str) -> bytes:
    try:
        inflater = zlib.decompressobj(31 if encoding == "gzip" else 15)
        plain = inflater.decompress(body, _LARGEST)
    except zlib.error as error:
        raise OSError("it is not the %s that its header says: %s" % (encoding, error)) from error
    if inflater.unconsumed_tail:
        raise OSError("it is larger than %d bytes" % _LARGEST)
    return plain
