"""ActiveWorkflow's calls and their answers: values in, values out, no HTTP.

An answer is all or nothing. ActiveWorkflow applies one piece by piece, without a transaction, and
makes the whole call again when a piece fails: so every answer made here is one that it can apply
to the end, whatever the handler did.
"""

from __future__ import annotations

import inspect
import json
import logging
import time
import traceback
from collections import abc
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from .agents import Agent
from .context import DEADLINE, MOST_ENTRIES, Context
from .definition import checked_registration
from .failures import AgentError, OptionsError, Retry
from .options import resolved
from .redaction import Redaction
from .values import cut, entry

__all__ = ["Answer", "handle", "register"]

logger = logging.getLogger("remoteagent_lite.activeworkflow")

#: From so many messages in one answer on, the user is told that this takes ActiveWorkflow long.
MANY_MESSAGES = 500

# Bodies are made of copies that were walked to their ends: there is no circle to look for.
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False).encode


class Answer:
    """What to answer: ``body`` as JSON with status 200, else the words ``text``.

    ActiveWorkflow does not look at the status. It shows text that is no JSON to the user, and
    hides the words of JSON that is not a result: so whatever is to fail is answered in text, and
    ``body`` is then only for callers in the same process.
    """

    __slots__ = ("body", "status", "text")

    def __init__(self, status: int, body: Dict[str, Any], text: Optional[str] = None) -> None:
        self.status = status
        self.body = body
        self.text = text

    @classmethod
    def refusal(cls, status: int, text: str) -> Answer:
        return cls(status, {"error": text}, text)

    def encode(self) -> bytes:
        """The bytes of an HTTP body."""
        if self.text is None:
            return _encode(self.body).encode("ascii")
        return (self.text + "\n").encode("utf-8", "replace")

    @property
    def content_type(self) -> str:
        return "application/json" if self.text is None else "text/plain; charset=utf-8"

    def __repr__(self) -> str:
        return "Answer(%d, %s)" % (self.status, sorted(self.body.get("result", self.body)))


class RefusedError(Exception):
    """The call is not one of ActiveWorkflow's; the words say why, and hold none of its data."""


def register(agent: Agent) -> Dict[str, Any]:
    """The result of register. ValueError if an attribute was set to what ActiveWorkflow refuses."""
    return checked_registration(
        {
            "name": agent.name,
            "display_name": agent.display_name,
            "description": agent.description,
            "default_options": agent.default_options,
        }
    )


def handle(
    agent: Agent,
    call: Mapping[str, Any],
    *,
    deadline: float = DEADLINE,
    clock: Callable[[], float] = time.monotonic,
) -> Answer:
    """Answers one call. Does not raise for anything that is in the call or that the handler does.

    Status 200 with a result, also when the handler raised; 503 when ActiveWorkflow is to call
    again; 400 for what is not a call. ``deadline`` is the time the handler has, in seconds.
    """
    try:
        method = _member(call, "method", str, "the call")
        if method == "register":
            return Answer(200, {"result": register(agent)})
        if method not in ("receive", "check"):
            raise RefusedError('the method must be "register", "receive" or "check"')
        params = _member(call, "params", dict, "the call")
        message: Mapping[str, Any] = {}
        if method == "receive":
            message = _member(params, "message", dict, "params")
            _member(message, "payload", dict, "message")
        options = _member(params, "options", dict, "params", {})
        memory = _member(params, "memory", dict, "params", {})
        credentials, secrets = _credentials(_member(params, "credentials", list, "params", []))
    except RefusedError as refused:
        return Answer.refusal(400, str(refused))
    redact = Redaction(secrets)
    ctx = Context(method, {}, memory, credentials, message, deadline, clock)
    try:
        ctx.options = resolved(options, agent.options, agent.default_options, credentials)
        returned = agent.receive(ctx) if method == "receive" else agent.check(ctx)
        if returned is not None:
            _check_returned(method, returned)
        return _success(ctx, redact)
    except Retry as retry:
        return _retry(agent, entry(retry.reason) if retry.reason else "no reason given", redact)
    except OptionsError as error:
        # Calling again does not mend options, whatever on_error says.
        return _failure(ctx, error.problems, redact)
    except AgentError as error:
        words = entry(error)
    except (Exception, SystemExit) as error:
        # SystemExit too: libraries raise it, and it would end the thread or process that serves.
        _report(agent, method, ctx, error, redact)
        words = "%s: %s" % (type(error).__name__, entry(error))
    if agent.on_error == "retry":
        return _retry(agent, words, redact)
    return _failure(ctx, [words], redact)


_ABSENT: Any = object()

_WORDS = {str: "text", dict: "an object", list: "a list"}


def _member(holder: Any, key: str, kind: Any, what: str, default: Any = _ABSENT) -> Any:
    """``holder[key]`` if it is of that kind; absent and null are the default if there is one."""
    # Exact types first: any Mapping will do for an object, but asking for one takes long.
    if type(holder) is not dict and not isinstance(holder, abc.Mapping):
        raise RefusedError("%s must be an object" % what)
    value = holder.get(key)
    if type(value) is kind or isinstance(value, abc.Mapping if kind is dict else kind):
        return value
    if value is None and default is not _ABSENT:
        return default
    raise RefusedError("`%s` in %s must be %s" % (key, what, _WORDS[kind]))


def _credentials(given: List[Any]) -> Tuple[Dict[str, str], List[str]]:
    """Values by name, and all values: what has no proper name, or another's, is secret too."""
    by_name = {}
    values = []
    for item in given:
        if isinstance(item, (dict, abc.Mapping)):
            value = item.get("value")
            if value is None:
                continue
            if not isinstance(value, str):
                value = str(value)
            values.append(value)
            name = item.get("name")
            if isinstance(name, str):
                by_name[name] = value
    return by_name, values


def _check_returned(method: str, returned: Any) -> None:
    """Refuses what looks like an answer: it would be lost without a word."""
    if inspect.isgenerator(returned) or inspect.iscoroutine(returned):
        returned.close()
        raise AgentError("%s must be a plain function, without yield or async" % method)
    if isinstance(returned, (dict, list, tuple)):
        raise AgentError(
            "%s returned a %s, which is not used: send messages with ctx.emit(...)"
            % (method, type(returned).__name__)
        )


def _success(ctx: Context, redact: Redaction) -> Answer:
    result: Dict[str, Any] = {}
    logs = ctx._logs
    if len(ctx._messages) > MANY_MESSAGES:
        logs = [*logs, _many_messages(len(ctx._messages))]
    if ctx._errors:
        result["errors"] = _entries(ctx._errors, redact)
    if logs:
        result["logs"] = _entries(logs, redact)
    memory = ctx.changed_memory()
    if memory is not None:
        result["memory"] = memory
    if ctx._messages:
        result["messages"] = ctx._messages[:]
    return Answer(200, {"result": result})


def _many_messages(count: int) -> str:
    return "%d messages in one call: ActiveWorkflow needs about %d seconds to store them" % (
        count,
        count // 150,
    )


def _failure(ctx: Context, problems: Any, redact: Redaction) -> Answer:
    """Nothing of what the handler wanted but its log, so that nothing is done twice or by half."""
    result = {"errors": _entries([*ctx._errors, *map(entry, problems)], redact)}
    if ctx._logs:
        result["logs"] = _entries(ctx._logs, redact)
    return Answer(200, {"result": result})


def _retry(agent: Agent, reason: str, redact: Redaction) -> Answer:
    # Words in front, so that no reason can be taken for JSON, let alone for a result.
    words = "%s asks to be called again: %s" % (agent.name, reason)
    return Answer.refusal(503, cut(redact(words)))


def _entries(texts: List[str], redact: Redaction) -> List[str]:
    if len(texts) > MOST_ENTRIES:
        left_out = len(texts) - MOST_ENTRIES + 1
        texts = ["(%d earlier entries left out)" % left_out, *texts[left_out:]]
    # Secrets go before the text is cut: half of one is still too much.
    return [cut(redact(text)) for text in texts]


def _report(
    agent: Agent, method: str, ctx: Context, error: BaseException, redact: Redaction
) -> None:
    """The traceback, for the host's own log; as text, because secrets must be taken out of it."""
    try:
        lines = traceback.format_exception(type(error), error, error.__traceback__)
    except Exception as failed:
        lines = ["%s, whose traceback cannot be shown: %s" % (type(error), type(failed))]
    logger.error(
        "%s.%s failed (message %s)\n%s",
        agent.name,
        method,
        ctx.message_id,
        redact(entry("".join(lines))).rstrip(),
    )
