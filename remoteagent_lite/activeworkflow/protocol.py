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
from .idempotency import Reply, in_words, memory_digest
from .options import resolved
from .redaction import MARK, Redaction, may_concern
from .values import cut, entry, whole

__all__ = ["handle", "register", "registration", "without_memory"]

logger = logging.getLogger("remoteagent_lite.activeworkflow")

#: From so many messages in one answer on, the user is told that this takes ActiveWorkflow long.
MANY_MESSAGES = 500

_JSON = "application/json"

_REPLACED = (
    "values of your credentials in messages or memory were replaced by %s: an agent that is meant "
    "to send them has to say so (sends_credentials)" % MARK
)

_HANDLED_BEFORE = (
    "this message was handled before, with another memory: by an earlier call, or for another "
    "agent with the same options. Nothing is done again, and memory is left as it is"
)


def _encoder() -> Callable[[Any], str]:
    # Bodies are made of copies that were walked to their ends: there is no circle to look for.
    whole = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False)
    try:
        # What encode() makes anew for each call, for a fifth of what a call costs here.
        parts = json.encoder.c_make_encoder(  # type: ignore[attr-defined, unused-ignore]
            None, whole.default, json.encoder.encode_basestring_ascii, None,
            ":", ",", False, False, False,
        )  # fmt: skip
        parts({}, 0)
    except (AttributeError, TypeError):  # other Pythons than the usual one
        return whole.encode
    return lambda value: "".join(parts(value, 0))


_encode = _encoder()


def _ok(result: Dict[str, Any]) -> Reply:
    return Reply(200, _JSON, _encode({"result": result}).encode("ascii"))


def _reply(ctx: Context, encoded: str) -> Reply:
    # Without a look at memory the answer is the same for every other memory.
    memory = None if ctx._memory is None else memory_digest(ctx._memory_given)
    return Reply(200, _JSON, encoded.encode("ascii"), memory, not ctx.repeatable)


def without_memory(reply: Reply) -> Reply:
    """A kept answer for a call with another memory than the one it was made with."""
    result = json.loads(reply.body.decode("ascii"))["result"]
    result.pop("memory", None)
    result["logs"] = [*result.get("logs", ())[1 - MOST_ENTRIES :], _HANDLED_BEFORE]
    return _ok(result)


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


def registration(agent: Agent) -> Reply:
    """The answer to register; raises as ``register`` does."""
    return _ok(register(agent))


def handle(
    agent: Agent,
    call: Mapping[str, Any],
    *,
    deadline: float = DEADLINE,
    clock: Callable[[], float] = time.monotonic,
) -> Reply:
    """Answers one call. Does not raise for anything that is in the call or that the handler does.

    Status 200 with a result, also when the handler raised; 503 when ActiveWorkflow is to call
    again; 400 for what is not a call. ``deadline`` is the time the handler has, in seconds.
    """
    try:
        # Asked of each part here, and of the wrong ones once more by _member: most are right.
        method = call.get("method") if type(call) is dict else None
        if type(method) is not str:
            method = _member(call, "method", str, "the call")
        if method == "register":
            return registration(agent)
        if method not in ("receive", "check"):
            raise RefusedError('the method must be "register", "receive" or "check"')
        params = call.get("params")
        if type(params) is not dict:
            params = _member(call, "params", dict, "the call")
        message: Any = {}
        if method == "receive":
            message = params.get("message")
            if type(message) is not dict:
                message = _member(params, "message", dict, "params")
            if type(message.get("payload")) is not dict:
                _member(message, "payload", dict, "message")
        options = params.get("options")
        if type(options) is not dict:
            options = _member(params, "options", dict, "params", {})
        memory = params.get("memory")
        if type(memory) is not dict:
            memory = _member(params, "memory", dict, "params", {})
        given = params.get("credentials")
        if type(given) is not list:
            given = _member(params, "credentials", list, "params", [])
        credentials, secrets = _credentials(given)
    except RefusedError as refused:
        return in_words(400, str(refused))
    ctx = Context(method, dict(options), memory, credentials, message, deadline, clock)
    if agent.repeatable:
        ctx.repeatable = True
    try:
        if agent.options or agent.default_options:
            ctx.options = resolved(options, agent.options, agent.default_options, credentials)
        returned = agent.receive(ctx) if method == "receive" else agent.check(ctx)
        if returned is not None:
            _check_returned(method, returned)
        return _success(agent, ctx, secrets)
    except Retry as retry:
        words = entry(retry.reason) if retry.reason else "no reason given"
        return _retry(agent, words, Redaction(secrets))
    except OptionsError as error:
        # Calling again does not mend options, whatever on_error says.
        return _failure(ctx, error.problems, Redaction(secrets))
    except AgentError as error:
        words = entry(error)
    except (Exception, SystemExit) as error:
        # SystemExit too: libraries raise it, and it would end the thread or process that serves.
        _report(agent, method, ctx, error, Redaction(secrets))
        words = "%s: %s" % (type(error).__name__, entry(error))
    if agent.on_error == "retry":
        return _retry(agent, words, Redaction(secrets))
    return _failure(ctx, [words], Redaction(secrets))


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
        if type(item) is dict or isinstance(item, abc.Mapping):
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


def _success(agent: Agent, ctx: Context, secrets: List[str]) -> Reply:
    result: Dict[str, Any] = {}
    messages = ctx._messages
    if len(messages) > MANY_MESSAGES:
        ctx.log(_many_messages(len(messages)))
    if ctx._errors or ctx._logs:
        _add_entries(result, ctx._errors, ctx._logs, Redaction(secrets))
    memory = None if ctx._memory is None else ctx.changed_memory()
    if memory is not None:
        result["memory"] = memory
    if messages:
        result["messages"] = messages
    encoded = _encode({"result": result})
    if "\\ud" in encoded:
        # Most likely the escapes of an emoji, which are fine, but there may be half of one.
        result = whole(result)
        encoded = _encode({"result": result})
    if secrets and may_concern(secrets, encoded) and not agent.sends_credentials:
        redacted = _redacted(ctx, result, Redaction(secrets))
        if redacted is not None:
            encoded = _encode({"result": redacted})
    return _reply(ctx, encoded)


def _redacted(
    ctx: Context, result: Mapping[str, Any], redact: Redaction
) -> Optional[Dict[str, Any]]:
    """The result without secrets in memory and messages, and a word of it to the user, if any."""
    replaced = {key: redact.value(result[key]) for key in ("memory", "messages") if key in result}
    if all(value == result[key] for key, value in replaced.items()):
        return None
    redacted: Dict[str, Any] = {}
    ctx.log(_REPLACED)
    _add_entries(redacted, ctx._errors, ctx._logs, redact)
    redacted.update(replaced)
    return redacted


def _many_messages(count: int) -> str:
    return "%d messages in one call: ActiveWorkflow needs about %d seconds to store them" % (
        count,
        count // 150,
    )


def _failure(ctx: Context, problems: Any, redact: Redaction) -> Reply:
    """Nothing of what the handler wanted but its log, so that nothing is done twice or by half."""
    result: Dict[str, Any] = {}
    _add_entries(result, [*ctx._errors, *map(entry, problems)], ctx._logs, redact)
    return _reply(ctx, _encode({"result": result}))


def _retry(agent: Agent, reason: str, redact: Redaction) -> Reply:
    # Words in front, so that no reason can be taken for JSON, let alone for a result.
    words = "%s asks to be called again: %s" % (agent.name, reason)
    return in_words(503, cut(redact(words)))


def _add_entries(
    result: Dict[str, Any], errors: List[str], logs: List[str], redact: Redaction
) -> None:
    if errors:
        result["errors"] = _entries(errors, redact)
    if logs:
        result["logs"] = _entries(logs, redact)


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
