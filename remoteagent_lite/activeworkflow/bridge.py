"""A bridge from ActiveWorkflow to remote agents: `Bridge(RemoteAgent(...), name=...)`.

ActiveWorkflow hangs up after a minute, repeats what failed, and overwrites an agent's memory when
two of its calls overlap; a run of a model may take long, costs money, and must not be made twice.
What brings the two together:

* A run's id is made of its message, so that a message delivered twice finds the run it began.
* Runs are begun in the background where the server can (AgentOS 2.9, with a database): it notes a
  run before it executes it, so that it can be asked what became of a run after any failure.
* "Call me again" is answered only where the next call cannot begin a second run.
* An A2A server chooses its tasks' ids itself: there the run's own is the id of the message, and of
  the context unless the user names one. By these it is looked for among the tasks (protocol 1.0;
  0.3 cannot list them), and a server may know a message that comes twice.

This is the only module of the host that needs the client half, and it does not import its
transport: the RemoteAgent has.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
import uuid
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Union

from ..errors import (
    ContentTypeNotSupportedError,
    ExtensionSupportRequiredError,
    InvalidParamsError,
    InvalidRequestError,
    JSONParseError,
    MalformedRequestError,
    MethodNotFoundError,
    NotFoundError,
    RateLimitError,
    RemoteAgentError,
    RemoteServerUnavailableError,
    RemoteTimeoutError,
    ServerError,
    UnsupportedError,
    UnsupportedOperationError,
    VersionNotSupportedError,
)
from ..media import guess_type
from ..options import Timeout
from ..runs.once import Search
from . import templates
from .agents import Agent
from .context import Context
from .failures import AgentError, Retry
from .ledger import Desk, Ledger, PendingRun
from .options import CredentialOption, Option

if TYPE_CHECKING:
    from ..remote import RemoteAgent, RemoteTeam, RemoteWorkflow

    Remote = Union[RemoteAgent, RemoteTeam, RemoteWorkflow]

__all__ = ["Bridge"]

_UNFINISHED = ("PENDING", "RUNNING")

#: Answers of an A2A server that has taken the message for unfit, and run nothing.
_REFUSALS = (
    ContentTypeNotSupportedError,
    ExtensionSupportRequiredError,
    InvalidParamsError,
    JSONParseError,
    MalformedRequestError,
    MethodNotFoundError,
    UnsupportedOperationError,
    VersionNotSupportedError,
)

#: Statuses of a proxy whose server is away.
_PASSING = (502, 503, 504)

#: Seconds for a request that does not wait for a model.
_LOOKUP = Timeout(connect=5.0, read=10.0, total=15.0)

#: Seconds a check may take; what is left waits for the next one.
_CHECK = 40.0

#: Characters of JSON that the fields carried along with one run may have: memory is sent with
#: every call.
_MOST_CARRIED = 2000

#: Messages that one check emits at the most: ActiveWorkflow takes some seconds to store them.
_MOST_EMITTED = 500

#: Seconds that ActiveWorkflow takes to store a message and its log entry.
_STORED_IN = 0.01

#: Seconds after which a server should know a run that it has taken.
_GRACE = 120.0

_NAMESPACE = uuid.UUID("5b0f7c8e-6d0c-4a52-9a38-6a5c1f4f2d11")


class Bridge(Agent):
    """Hands each message to a remote agent, team or workflow and emits its answer.

    ``remote`` is a RemoteAgent, RemoteTeam or RemoteWorkflow. ``prompt``, ``background`` and
    ``timeout`` are what the options of these names are for new agents, and where users leave them
    out. ``max_pending`` is how many background runs one agent may wait for: while there are as
    many, messages are put off. One Bridge serves any number of ActiveWorkflow agents.
    """

    def __init__(
        self,
        remote: Remote,
        name: Optional[str] = None,
        *,
        display_name: Optional[str] = None,
        description: Optional[str] = None,
        prompt: str = "{text}",
        background: bool = False,
        timeout: float = 45.0,
        max_pending: int = 100,
    ) -> None:
        if max_pending < 1:
            raise ValueError("max_pending must be at least 1")
        self._remote = remote
        self._is_a2a = remote.protocol == "a2a"
        self._max_pending = max_pending
        self._ledger = Ledger()
        what = "the %s `%s`" % (remote.component.kind, remote.id)
        super().__init__(
            name=name,
            display_name=display_name,
            description=description or _DESCRIPTION % {"what": what},
            options=_options(prompt, background, timeout),
            default_options={"expected_receive_period_in_days": 7},
        )

    # --- Calls of ActiveWorkflow

    def receive(self, ctx: Context) -> None:
        """Begin a run on the message; wait for its answer, or leave it to ``check``."""
        until = time.monotonic() + min(ctx.options["timeout"], max(ctx.remaining - 2.0, 1.0))
        run = self._asked(ctx)
        if not ctx.options["background"]:
            output = self._begun(ctx, run, until)
            if output is None or output.status in _UNFINISHED:
                output = self._finished(ctx, run, until)
            self._report(ctx, run, output)
            return
        desk = self._desk(ctx)
        if len(desk) >= self._max_pending:
            raise Retry(
                "%d runs are waiting for their answers to be collected; is this agent scheduled?"
                % len(desk)
            )
        output = self._begun(ctx, run, until)
        if self._is_a2a and output is not None and output.task is None:
            self._report(ctx, run, output)  # a message, for which nobody can ask again
            return
        # This may have been another agent's message before: it gets its answer too.
        ctx.repeatable = True
        if desk.add(run):
            ctx.log("Run %s has begun; a check will emit its answer." % run.run_id)
        else:
            ctx.log("The answer of run %s has been emitted before." % run.run_id)
        ctx.memory.update(desk.record() or {})

    def check(self, ctx: Context) -> None:
        """Emit the answers of background runs that have finished since."""
        until = time.monotonic() + min(_CHECK, max(ctx.remaining - 10.0, 1.0))
        desk = self._desk(ctx)
        runs = desk.collect()
        if runs is None:
            ctx.log("Another call writes this agent's memory: the next check collects answers.")
            return
        emitted = 0
        try:
            for looked_at, run in enumerate(runs):
                if time.monotonic() > until or emitted >= _MOST_EMITTED:
                    ctx.log("There was no time for all runs; the next check goes on.")
                    break
                try:
                    emitted += self._collect(ctx, desk, run)
                except RemoteServerUnavailableError as error:
                    waiting = len(runs) - looked_at
                    ctx.error("%s The answers of %d runs have to wait for it." % (error, waiting))
                    break
            ctx.memory.update(desk.closed(emitted * _STORED_IN) or {})
        except BaseException:
            desk.abandon()
            raise

    def _desk(self, ctx: Context) -> Desk:
        return self._ledger.desk(self._scope(ctx), ctx.memory, lambda: ctx.now, self._patience(ctx))

    def _collect(self, ctx: Context, desk: Desk, run: PendingRun) -> bool:
        """Look at a pending run: tell what became of it, or leave it for the next check.

        Whether there is something to be stored.
        """
        age = desk.age(run)
        try:
            output = self._look_up(ctx, run)
        except RemoteServerUnavailableError:
            raise
        except RemoteAgentError as error:
            ctx.error("Run %s could not be looked up: %s" % (run.run_id, error))
            if age > self._patience(ctx):
                desk.told(run)
            return True
        if output is None:
            if age < _GRACE:
                return False  # a server with a queue stores runs a little after it has taken them
            ctx.error(
                "Run %s is not known to the %s any more, and its answer is lost: the server was "
                "restarted without its database, or never began it." % (run.run_id, self._what)
            )
            desk.told(run)
            return True
        waiting = output.status in _UNFINISHED or (output.is_paused and run.is_paused)
        if not waiting:
            run.is_paused = self._report(ctx, run, output)
            if not run.is_paused:
                desk.told(run)
            return True
        if age <= self._patience(ctx):
            return False
        ctx.error(
            "Run %s is still %s after %.0f minutes, and is not waited for any longer. If its "
            "server was restarted meanwhile, it will not end."
            % (run.run_id, output.status, age / 60.0)
        )
        desk.told(run)
        return True

    @staticmethod
    def _patience(ctx: Context) -> float:
        return float(ctx.options["give_up_after_minutes"]) * 60.0

    # --- What is asked

    def _asked(self, ctx: Context) -> _Run:
        """The run that the message and the options ask for. AgentError if they do not fit."""
        prompt = filled("prompt", ctx.options["prompt"], ctx.payload)
        if not prompt.strip():
            raise AgentError("Nothing was asked: option `prompt` came to blank text.")
        run_id = self._run_id(ctx)
        run = _Run(run_id or str(uuid.uuid4()))
        run.is_repeatable = run_id is not None
        run.prompt = prompt
        if ctx.options["session"]:
            run.session_id = filled("session", ctx.options["session"], ctx.payload) or run.run_id
        if ctx.options["user"]:
            run.user_id = filled("user", ctx.options["user"], ctx.payload) or None
        run.carried = _carried(ctx.options["carry"], ctx.payload)
        return run

    def _run_id(self, ctx: Context) -> Optional[str]:
        """The same for the same message to an agent with the same options; None without an id."""
        if ctx.message_id is None:
            return None
        asked = [
            self._scope(ctx),
            ctx.message_id,
            ctx.message.get("created_at"),
            ctx.payload,
        ]
        return str(uuid.uuid5(_NAMESPACE, json.dumps(asked, sort_keys=True)))

    def _scope(self, ctx: Context) -> str:
        """What agents of this type can be told apart by: their options."""
        return _digest([self.name, self._remote.base_url, self._remote.id, ctx.options])

    @property
    def _what(self) -> str:
        remote = self._remote
        return "%s `%s` at %s" % (remote.component.kind, remote.id, remote.base_url)

    # --- What the server is asked

    @staticmethod
    def _call(ctx: Context) -> Dict[str, Any]:
        if ctx.options["token"]:
            return {"auth_token": ctx.credential("token")}
        return {}

    def _look_up(self, ctx: Context, run: PendingRun) -> Optional[Any]:
        """The run as the server has it; None if it does not know it.

        The server may have given it another id than ours: A2A servers do, workflows, and AgentOS
        with a queue.
        """
        options: Any = dict(self._call(ctx), timeout=_LOOKUP)
        asked = run.run_id
        is_alone = run.session_id == asked
        known = self._ledger.known_as(asked)
        search: Search[Any] = Search(self._remote, asked, run.session_id, is_alone, options, known)
        output = search.find()
        run.is_unlisted = search.unlisted is not None
        if output is not None:
            run.run_id = search.run_id
            if run.run_id != known:
                self._ledger.sent(asked, run.run_id)
        return output

    def _begun(self, ctx: Context, run: _Run, until: float) -> Any:
        """The run as it is now, begun unless it was before; None if that is not known yet."""
        with self._ledger.beginning(run.run_id) as is_alone:
            if not is_alone:
                raise Retry("Run %s is being begun by another call." % run.run_id)
            return self._found_or_sent(ctx, run, until)

    def _found_or_sent(self, ctx: Context, run: _Run, until: float) -> Any:
        stored = True
        if run.is_repeatable:
            try:
                found = self._look_up(ctx, run)
                if found is not None:
                    return found
            except UnsupportedError:
                stored = False
            except (RemoteServerUnavailableError, RateLimitError) as error:
                raise Retry("%s Nothing was run by this call." % error) from error
            except RemoteAgentError as error:
                if isinstance(error, ServerError) and error.status_code in _PASSING:
                    raise Retry("%s Nothing was run by this call." % error) from error
                raise AgentError("%s Nothing was run by this call." % error) from error
            if self._ledger.was_sent(run.run_id):
                raise AgentError(
                    "The message was sent to the %s before, and the server does not know the run "
                    "(%s). It is not sent again, because it may have been executed."
                    % (self._what, run.run_id)
                )
        if not stored and ctx.options["background"]:
            why = "does not tell what becomes of a run" if self._is_a2a else "needs AgentOS 2.9"
            raise AgentError(
                "The %s cannot be run in the background: its server %s. Nothing was run; set "
                "option `background` to false." % (self._what, why)
            )
        return self._send(ctx, run, until, stored)

    def _send(self, ctx: Context, run: _Run, until: float, stored: bool) -> Any:
        """Begin the run. Whether it may be repeated depends on how that fails."""
        patience = max(until - time.monotonic(), 1.0)
        fields = self._call(ctx)
        input = self._remote._protocol.named(run.prompt, run.run_id, fields)
        self._ledger.sent(run.run_id, run.run_id)
        try:
            output: Any = self._remote.run(
                input,
                session_id=run.session_id,
                user_id=run.user_id,
                background=stored or None,
                timeout=Timeout(connect=5.0, read=patience, total=patience),
                **fields,
            )
        except RemoteServerUnavailableError as error:
            if not error.request_sent:
                self._ledger.was_refused(run.run_id)
                raise Retry("%s Nothing was run." % error) from error
            return self._after_a_break(ctx, run, error, stored)
        except InvalidRequestError as error:
            self._ledger.was_refused(run.run_id)
            if not stored or "requires a database" not in str(error.detail):
                raise AgentError("%s Nothing was run." % error) from error
            if ctx.options["background"]:
                raise AgentError(
                    "The %s cannot be run in the background: it has no database. Nothing was run; "
                    "set option `background` to false." % self._what
                ) from error
            return self._send(ctx, run, until, stored=False)
        except _REFUSALS as error:
            self._ledger.was_refused(run.run_id)
            raise AgentError("%s Nothing was run." % error) from error
        except RateLimitError as error:
            self._ledger.was_refused(run.run_id)
            raise Retry("%s Nothing was run." % error) from error
        except ServerError as error:
            return self._after_a_break(ctx, run, error, stored)
        except (RemoteAgentError, ValueError, TypeError) as error:
            raise AgentError(str(error)) from error
        if output.run_id:
            self._ledger.sent(run.run_id, output.run_id)
            run.run_id = output.run_id
            if self._is_a2a:
                run.session_id = output.session_id or run.session_id
        return output

    def _after_a_break(self, ctx: Context, run: _Run, error: RemoteAgentError, stored: bool) -> Any:
        """The run after a failure that leaves open whether it was begun."""
        if stored:
            with contextlib.suppress(RemoteAgentError):
                found = self._look_up(ctx, run)
                if found is not None:
                    return found
        if not stored or run.is_unlisted:
            raise AgentError(
                "%s The run (%s) may have been executed all the same, so it is not repeated."
                % (error, run.run_id)
            ) from error
        if ctx.options["background"]:
            return None
        raise self._undecided(ctx, run, str(error)) from error

    def _finished(self, ctx: Context, run: _Run, until: float) -> Any:
        """The run when it has ended or paused; Retry or AgentError when that takes too long."""
        try:
            return self._remote.wait_run(
                run.run_id,
                run.session_id,
                wait=max(until - time.monotonic(), 0.1),
                timeout=_LOOKUP,
                **self._call(ctx),
            )
        except RemoteTimeoutError:
            words = "Run %s has not finished in %g s." % (run.run_id, ctx.options["timeout"])
            raise self._undecided(ctx, run, words) from None
        except (RemoteServerUnavailableError, NotFoundError) as error:
            raise self._undecided(ctx, run, str(error)) from error
        except RemoteAgentError as error:
            raise AgentError("Run %s: %s" % (run.run_id, error)) from error

    def _undecided(self, ctx: Context, run: _Run, words: str) -> Exception:
        if run.is_repeatable:
            return Retry("%s The next call looks for the run and does not begin another." % words)
        return AgentError(
            "%s The message has no id, so the answer of run %s is not looked for."
            % (words, run.run_id)
        )

    # --- What is answered

    def _report(self, ctx: Context, run: PendingRun, output: Any) -> bool:
        """Emit the answer, or say why there is none; True if the run may still go on."""
        status = output.status or "COMPLETED"
        if status == "COMPLETED":
            message = dict(run.carried)
            message.update(
                content=_plain(output.content),
                status=status,
                run_id=run.run_id,
                session_id=output.session_id or run.session_id,
            )
            files = _files_of(output)
            if files:
                message["files"] = files
            if output.data_parts:
                message["data"] = output.data_parts
            self._emit(ctx, run, message)
            return False
        if output.is_paused:
            ctx.error(
                "Run %s of the %s is paused and waits for %s. %s (session %s)%s."
                % (
                    run.run_id,
                    self._what,
                    output.waits_for or "a decision",
                    "Answer it by another client" if self._is_a2a else "Decide it at the server",
                    output.session_id or run.session_id,
                    "; a check will emit the answer" if ctx.options["background"] else "",
                )
            )
            return True
        if output.is_cancelled:
            ctx.error("Run %s of the %s was cancelled." % (run.run_id, self._what))
        else:
            ctx.error(
                "Run %s of the %s ended as %s: %s"
                % (run.run_id, self._what, status, output.reason or "no reason given")
            )
        return False

    @staticmethod
    def _emit(ctx: Context, run: PendingRun, message: Dict[str, Any]) -> None:
        try:
            ctx.emit(message)
        except AgentError as error:
            # Not raised: other runs may have been told of in this call.
            ctx.error("The answer of run %s cannot be emitted: %s" % (run.run_id, error))
            return
        ctx.log("Run %s has completed." % run.run_id)
        names = [file["name"] for file in message.get("files", ()) if "url" not in file]
        if names:
            ctx.log(
                "The answer of run %s has files that the server gave no URL for, and which no "
                "message can carry: %s" % (run.run_id, ", ".join(names))
            )


class _Run(PendingRun):
    """A run that a message asks for."""

    def __init__(self, run_id: str) -> None:
        super().__init__(run_id)
        self.user_id: Optional[str] = None
        self.prompt = ""
        self.is_repeatable = False


_DESCRIPTION = """Asks %(what)s and emits its answer.

Each message becomes a prompt, by the option of that name. What is emitted has the answer as
`content`, beside `run_id`, `session_id` and `status`. A run that fails, is cancelled or waits for
a decision is reported in the log.

A message that is delivered twice is run once. With `background` true, messages are accepted at
once and **this agent must be scheduled**: its checks emit the answers."""


def _options(prompt: str, background: bool, timeout: float) -> List[Option]:
    return [
        Option(
            "prompt",
            str,
            prompt,
            "What to ask. `{field}`, `{field.inner}` and `{{ field | default: 'none' }}` stand for "
            "fields of the message, `{payload}` for all of it as JSON.",
        ),
        Option(
            "session",
            str,
            "",
            "Messages for which this comes to the same text belong to one conversation, e.g. "
            "`{ticket}`. Blank: each message is a conversation of its own.",
        ),
        Option("user", str, "", "The user on whose behalf to ask, e.g. `{from}`."),
        Option("carry", list, [], "Names of fields to copy from the message to the answer."),
        Option("background", bool, background, "Emit the answer by a later check."),
        Option(
            "timeout",
            float,
            timeout,
            "Seconds to wait for an answer; then ActiveWorkflow is asked to call again.",
            minimum=1,
            maximum=50,
        ),
        Option(
            "give_up_after_minutes",
            float,
            60.0,
            "How long checks look for the answer of a background run.",
            minimum=1,
        ),
        CredentialOption(
            "token", "Name of the credential that holds the server's token.", required=False
        ),
    ]


# --- Templates


def filled(option: str, template: str, payload: Mapping[str, Any]) -> str:
    """The text of an option with the message's fields; AgentError says what is wrong with it."""
    try:
        return templates.filled(template, payload, "Option `%s`" % option)
    except AgentError as error:
        raise AgentError("%s Nothing was run." % error) from error


def _carried(names: List[Any], payload: Mapping[str, Any]) -> Dict[str, Any]:
    carried = {str(name): payload[str(name)] for name in names if str(name) in payload}
    if len(json.dumps(carried)) > _MOST_CARRIED:
        raise AgentError(
            "Option `carry`: %s have more than %d characters together. Nothing was run."
            % (", ".join("`%s`" % name for name in carried), _MOST_CARRIED)
        )
    return carried


def _plain(content: Any) -> Any:
    return content.to_dict() if hasattr(content, "to_dict") else content


def _files_of(output: Any) -> List[Dict[str, Any]]:
    """Where the media of an answer are, and of which type; or the name of what is nowhere else."""
    media = [
        *(output.images or ()),
        *(output.videos or ()),
        *(output.audio or ()),
        *(output.files or ()),
    ]
    if output.response_audio is not None:
        media.append(output.response_audio)
    return [_file_of(type(item).__name__.lower(), item.to_dict()) for item in media]


def _file_of(kind: str, fields: Mapping[str, Any]) -> Dict[str, Any]:
    name = fields.get("filename") or fields.get("name") or fields.get("id") or kind
    url = fields.get("url")
    if isinstance(url, str) and not url.startswith("data:"):
        file = {"url": url}
        path = url.partition("//")[2].partition("?")[0].partition("#")[0].partition("/")[2]
        guessed = guess_type(path) or guess_type(str(name))
    else:
        file = {"name": str(name)}
        guessed = guess_type(str(name))
    guessed = guessed or guess_type("%s.%s" % (kind, fields.get("format")))
    return dict(file, media_type=fields.get("mime_type") or fields.get("file_type") or guessed)


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]
