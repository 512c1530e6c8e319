"""What a handler is given: the call's data, and ways to answer it."""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import Any, Callable, Dict, List, Mapping, Optional

from .failures import AgentError
from .options import credential_value
from .templates import FilledT, filled
from .values import cleaned_object, entry, shown

__all__ = ["MOST_ENTRIES", "MOST_MESSAGES", "Context"]

#: Seconds that a handler may take: ActiveWorkflow hangs up after 60 of silence.
DEADLINE = 50.0

#: ActiveWorkflow keeps the newest so many log entries of an agent.
MOST_ENTRIES = 200

#: ActiveWorkflow stores some 150 messages a second and is killed after two minutes, half-way.
MOST_MESSAGES = 5000


class Context:
    """One call of an agent's ``receive`` or ``check``; belongs to the thread it runs on.

    Everything a handler does here takes effect together, after the handler has returned: when it
    raises, only its log entries and the error reach ActiveWorkflow.

    ``options`` are checked, coerced and filled with defaults. ``payload`` is the message's, {} on
    check; ``message`` has all that came with it, which ActiveWorkflow may change at any time.
    ``repeatable`` may be set to True when this message may be handled again: its answer is not
    kept then. An agent of which all messages may says so itself.
    """

    __slots__ = (
        "_clock",
        "_credentials",
        "_errors",
        "_logs",
        "_memory",
        "_memory_given",
        "_messages",
        "deadline",
        "message",
        "method",
        "options",
        "payload",
        "repeatable",
    )

    method: str
    options: Dict[str, Any]
    payload: Dict[str, Any]
    message: Mapping[str, Any]
    deadline: float
    repeatable: bool

    def __init__(
        self,
        method: str,
        options: Dict[str, Any],
        memory: Mapping[str, Any],
        credentials: Mapping[str, str],
        message: Mapping[str, Any],
        seconds: float = DEADLINE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.method = method
        self.options = options
        self.message = message
        self.payload = message.get("payload", {})
        self.deadline = clock() + seconds
        self.repeatable = False
        self._clock = clock
        self._credentials = credentials
        self._memory_given = memory
        self._memory: Optional[Dict[str, Any]] = None
        self._logs: List[str] = []
        self._errors: List[str] = []
        self._messages: List[Dict[str, Any]] = []

    @property
    def message_id(self) -> Optional[int]:
        """The message's number in ActiveWorkflow, None on check or if it is not told."""
        number = self.message.get("id")
        return number if type(number) is int else None

    @property
    def created_at(self) -> Optional[datetime]:
        """When the message was made, with its time zone; None if that is not told."""
        return _time(self.message.get("created_at"))

    @property
    def updated_at(self) -> Optional[datetime]:
        return _time(self.message.get("updated_at"))

    @property
    def expires_at(self) -> Optional[datetime]:
        """When ActiveWorkflow will delete the message; None for never, or if it is not told."""
        return _time(self.message.get("expires_at"))

    @property
    def now(self) -> float:
        """Seconds on the clock of ``deadline``: of time.monotonic, virtual in a simulation."""
        return self._clock()

    @property
    def remaining(self) -> float:
        """Seconds left for this call; 0 when ActiveWorkflow may hang up at any moment.

        ``deadline`` is the moment itself, on time.monotonic's clock. Nothing stops a handler that
        takes longer, but its answer is lost unless the app keeps it for the next attempt.
        """
        return max(0.0, self.deadline - self._clock())

    @property
    def memory(self) -> Dict[str, Any]:
        """The agent's memory as it was when the call was made; sent back only if it is changed.

        ActiveWorkflow runs several calls of one agent at a time, each with its own copy, and keeps
        the copy that comes last: counters lose counts under load.
        """
        if self._memory is None:
            self._memory = {key: _copy(item) for key, item in self._memory_given.items()}
        return self._memory

    @memory.setter
    def memory(self, value: Mapping[str, Any]) -> None:
        self._memory = cleaned_object(value, "memory")

    def changed_memory(self) -> Optional[Dict[str, Any]]:
        """A copy of the memory if it is to be sent, else None; AgentError if it cannot be."""
        memory = self._memory
        if memory is None:
            return None
        given = self._memory_given
        # The second look is for 1, 1.0 and True, which Python holds to be equal.
        if memory == given and _canonical(memory) == _canonical(given):
            return None
        return cleaned_object(memory, "memory")

    def log(self, text: object) -> None:
        """Adds an entry to the agent's log in ActiveWorkflow."""
        self._logs.append(entry(text))

    def error(self, text: object) -> None:
        """Adds an error to the agent's log; the call still succeeds, with all that it does."""
        self._errors.append(entry(text))

    def emit(self, payload: Mapping[str, Any]) -> None:
        """Sends a message to the agents that listen to this one; ``payload`` is copied.

        Raises AgentError, which names the key, for what JSON cannot hold: convert dates, decimals
        and bytes yourself.
        """
        messages = self._messages
        if len(messages) >= MOST_MESSAGES:
            raise AgentError("more than %d messages in one call" % MOST_MESSAGES)
        messages.append(cleaned_object(payload, "message", len(messages) + 1))

    def fill(self, template: FilledT, fields: Optional[Mapping[str, Any]] = None) -> FilledT:
        """``template`` with fields of the message put in, or of ``fields``.

        ``{{ title }}``, ``{{ author.name | default: "nobody" | upcase }}``, ``{title}`` for short,
        and ``{{ payload }}`` for the whole; what they hold is not looked at in turn. A template
        that is a list or an object has its texts filled. AgentError for a field that is missing.
        """
        return filled(
            template,
            self.payload if fields is None else fields,
            "The template %s" % shown(template),
        )

    def credential(self, option: str) -> str:
        """The value of the credential that the option names; CredentialError if there is none.

        Credentials that no option names are out of reach: the user did not mean them for you.
        """
        return credential_value(option, self.options.get(option), self._credentials)

    def __repr__(self) -> str:
        # Names only: this may end up in a log, and values may be secret.
        return "<Context of %s, message %s, options %s, memory %s>" % (
            self.method,
            self.message_id,
            sorted(map(str, self.options)),
            sorted(map(str, self._memory_given)),
        )


def _copy(value: Any) -> Any:
    """A deep copy of what came as JSON."""
    if type(value) is dict:
        return {key: _copy(item) for key, item in value.items()}
    if type(value) is list:
        return [_copy(item) for item in value]
    return value


def _canonical(value: Any) -> str:
    try:
        return json.dumps(value, sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        # Equal to what came and yet not JSON: let the copying say what is wrong with it.
        return ""


def _time(text: Any) -> Optional[datetime]:
    if not isinstance(text, str):
        return None
    # Python 3.8 reads neither the Z nor other than three or six digits of a second.
    try:
        return datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
    except ValueError:
        return None
