"""Agents: a class with ``receive`` and ``check``, or a decorated function."""

from __future__ import annotations

import inspect
import re
from typing import Any, Callable, Dict, Mapping, Optional, Sequence, Union, overload

from .context import Context
from .definition import completed, name_problem
from .options import Option

__all__ = ["Agent", "FunctionAgent", "Handler", "agent", "name_problem"]

Handler = Callable[[Context], Any]

_FIELDS = (
    "name",
    "display_name",
    "description",
    "default_options",
    "options",
    "on_error",
    "sends_credentials",
    "repeatable",
)


def _docstring(cls: type) -> str:
    """The nearest docstring that is not this module's own."""
    for base in cls.__mro__:
        if base.__module__ == __name__:
            break
        if base.__doc__:
            return base.__doc__
    return ""


class Agent:
    """Base of agents: write ``receive(self, ctx)``, ``check(self, ctx)`` or both.

    ``name`` (else the class's) is the agent's type in ActiveWorkflow: two agents of one name
    replace each other there, and renaming one orphans what users made with it. ``display_name``
    is the name split into words, ``description`` the docstring, in Markdown. ``options`` declares
    typed options, from which ``default_options`` and a table in the description are made;
    ``default_options`` may add plain ones. ``on_error`` says what an exception does: "report"
    shows it to the user and is done with the message, "retry" has ActiveWorkflow call again.
    ``sends_credentials`` lets messages and memory hold values of the user's credentials, for an
    agent that is there to pass one on; otherwise they are replaced by ``***``, as they always are
    in log entries and errors. ``repeatable`` says that a message may be handled more than once,
    because nothing comes of it but the answer: each call is then handled, with the memory it
    brings. Otherwise a message that comes again, also for another agent with the same options, is
    answered with what was answered before; where memory is another one, without the memory.

    One instance serves all calls, several at a time: keep state elsewhere. A class whose name
    begins with an underscore is a base for others and is not checked.
    """

    name: str = ""
    display_name: str = ""
    description: str = ""
    default_options: Mapping[str, Any] = {}
    options: Sequence[Option] = ()
    on_error: str = "report"
    sends_credentials: bool = False
    repeatable: bool = False

    _written: Dict[str, Any] = {}

    def __init__(
        self,
        *,
        name: Optional[str] = None,
        display_name: Optional[str] = None,
        description: Optional[str] = None,
        options: Optional[Sequence[Option]] = None,
        default_options: Optional[Mapping[str, Any]] = None,
        on_error: Optional[str] = None,
        sends_credentials: Optional[bool] = None,
        repeatable: Optional[bool] = None,
    ) -> None:
        """Whatever is given takes the place of the class's own, for this instance."""
        given = {
            "name": name,
            "display_name": display_name,
            "description": description,
            "options": options,
            "default_options": default_options,
            "on_error": on_error,
            "sends_credentials": sends_credentials,
            "repeatable": repeatable,
        }
        given = {key: value for key, value in given.items() if value is not None}
        if not given:
            return
        written = dict(type(self)._all_written(), **given)
        if name is not None and display_name is None:
            written.pop("display_name", None)
        for key, value in completed(written, _docstring(type(self))).items():
            setattr(self, key, value)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # What the class body says is kept: the attributes are about to hold what is made of it,
        # and a subclass starts from the former.
        cls._written = {key: cls.__dict__[key] for key in _FIELDS if key in cls.__dict__}
        if cls.__name__.startswith("_"):
            return
        for key, value in completed(cls._all_written(), _docstring(cls)).items():
            setattr(cls, key, value)

    @classmethod
    def _all_written(cls) -> Dict[str, Any]:
        written: Dict[str, Any] = {}
        for base in reversed(cls.__mro__):
            written.update(base.__dict__.get("_written", {}))
        # Two types must not share a name, so a subclass never inherits one: nor what follows it.
        if "name" not in cls._written:
            written["name"] = cls.__name__
            if "display_name" not in cls._written:
                written.pop("display_name", None)
        return written

    def receive(self, ctx: Context) -> Any:
        """Called with each message. What it returns is not used."""
        ctx.log("%s does nothing with messages: it works on a schedule" % self.display_name)

    def check(self, ctx: Context) -> Any:
        """Called on the schedule that the user sets, and by "Run". What it returns is not used."""
        ctx.log("%s does nothing on a schedule: it works on messages" % self.display_name)

    def __repr__(self) -> str:
        return "<%s %s>" % (type(self).__name__, self.name)


class FunctionAgent(Agent):
    """An agent made of functions by the ``agent`` decorator."""

    def on_receive(self, function: Handler) -> Handler:
        """Decorator: ``function(ctx)`` is called with each message."""
        self.receive = function  # type: ignore[assignment, method-assign]
        return function

    def on_check(self, function: Handler) -> Handler:
        """Decorator: ``function(ctx)`` is called on the user's schedule."""
        self.check = function  # type: ignore[assignment, method-assign]
        return function


@overload
def agent(name: Handler) -> FunctionAgent: ...


@overload
def agent(
    name: Optional[str] = None,
    *,
    on: str = "receive",
    display_name: Optional[str] = None,
    description: Optional[str] = None,
    options: Sequence[Option] = (),
    default_options: Optional[Mapping[str, Any]] = None,
    on_error: str = "report",
    sends_credentials: bool = False,
    repeatable: bool = False,
) -> Callable[[Handler], FunctionAgent]: ...


def agent(
    name: Union[Handler, Optional[str]] = None,
    *,
    on: str = "receive",
    display_name: Optional[str] = None,
    description: Optional[str] = None,
    options: Sequence[Option] = (),
    default_options: Optional[Mapping[str, Any]] = None,
    on_error: str = "report",
    sends_credentials: bool = False,
    repeatable: bool = False,
) -> Union[FunctionAgent, Callable[[Handler], FunctionAgent]]:
    """Decorator that makes an agent of a function ``f(ctx)``.

    ``on`` is "receive", "check" or "both". The other handler can be added to the agent with its
    own decorators ``on_receive`` and ``on_check``. Without a name, ``def read_mail`` becomes
    ReadMailAgent; its docstring is the description.
    """
    if on not in ("receive", "check", "both"):
        raise ValueError('on must be "receive", "check" or "both", not %r' % (on,))

    def decorate(function: Handler) -> FunctionAgent:
        made = FunctionAgent(
            name=name if isinstance(name, str) else _name_of(function),
            display_name=display_name,
            # FunctionAgent's own docstring describes nobody's agent.
            description=description or inspect.getdoc(function) or "",
            options=options,
            default_options=default_options,
            on_error=on_error,
            sends_credentials=sends_credentials,
            repeatable=repeatable,
        )
        if on != "check":
            made.on_receive(function)
        if on != "receive":
            made.on_check(function)
        return made

    return decorate if name is None or isinstance(name, str) else decorate(name)


def _name_of(function: Handler) -> str:
    words = re.split("[^A-Za-z0-9]+", getattr(function, "__name__", ""))
    name = "".join(word[:1].upper() + word[1:] for word in words)
    return name if name.endswith("Agent") else name + "Agent"
