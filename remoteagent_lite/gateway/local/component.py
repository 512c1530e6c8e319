"""Local components: Python functions that are agents, teams and workflows."""

from __future__ import annotations

import inspect
from typing import Any, Callable, Dict, Mapping, Optional, Sequence, Union, overload

from ...protocols.component import AGENT, TEAM, WORKFLOW, Component

__all__ = ["LocalComponent", "agent", "team", "workflow"]

Function = Callable[[Any], Any]
Skill = Union[str, Mapping[str, Any]]


class LocalComponent:
    """A function that a Gateway serves. Made by ``@agent``, ``@team`` or ``@workflow``.

    Calling it calls the function, which is handed a Run.
    """

    def __init__(
        self,
        component: Component,
        function: Function,
        *,
        id: Optional[str] = None,
        name: Optional[str] = None,
        description: Optional[str] = None,
        version: Optional[str] = None,
        skills: Sequence[Skill] = (),
        examples: Sequence[str] = (),
        input_modes: Sequence[str] = (),
        output_modes: Sequence[str] = (),
        members: Sequence[str] = (),
        steps: Sequence[str] = (),
    ) -> None:
        if not callable(function):
            raise TypeError("a %s is a function, not %r" % (component.kind, function))
        named = getattr(function, "__name__", type(function).__name__)
        self.component = component
        self.function = function
        self.id = named.strip("_<>").replace("_", "-") if id is None else id
        if not self.id or "/" in self.id or self.id in (".", ".."):
            raise ValueError("%r cannot be the id of a %s" % (self.id, component.kind))
        self.name = name or self.id
        self.description = description or _summary(function)
        self.version = version
        self.skills = [_skill(each) for each in skills]
        self.examples = list(examples)
        self.input_modes = list(input_modes)
        self.output_modes = list(output_modes)
        self.members = list(members)
        self.steps = list(steps)
        self.__doc__ = function.__doc__
        self.__name__ = named
        self.__wrapped__ = function

    @property
    def key(self) -> str:
        """What its runs are kept under: "agents/greeter"."""
        return "%s/%s" % (self.component.path, self.id)

    def __call__(self, run: Any) -> Any:
        return self.function(run)

    def __repr__(self) -> str:
        return "<%s %r>" % (self.component.kind, self.id)


def _summary(function: Function) -> Optional[str]:
    """The first paragraph of the docstring, on one line."""
    text = inspect.getdoc(function) if hasattr(function, "__code__") else None
    return " ".join(text.split("\n\n")[0].split()) if text else None


def _skill(skill: Skill) -> Dict[str, Any]:
    """A skill as cards have it; a text is its name."""
    if isinstance(skill, str):
        return {"id": skill.lower().replace(" ", "-"), "name": skill, "description": skill}
    if not skill.get("id") or not skill.get("name"):
        raise ValueError("a skill has an id and a name: %r" % (skill,))
    return dict(skill)


def _made(component: Component, function: Optional[Function], options: Dict[str, Any]) -> Any:
    if function is not None:
        return LocalComponent(component, function, **options)
    return lambda function: LocalComponent(component, function, **options)


@overload
def agent(function: Function) -> LocalComponent: ...


@overload
def agent(
    *,
    id: Optional[str] = ...,
    name: Optional[str] = ...,
    description: Optional[str] = ...,
    version: Optional[str] = ...,
    skills: Sequence[Skill] = ...,
    examples: Sequence[str] = ...,
    input_modes: Sequence[str] = ...,
    output_modes: Sequence[str] = ...,
) -> Callable[[Function], LocalComponent]: ...


def agent(function: Optional[Function] = None, **options: Any) -> Any:
    """Make a function an agent: ``@agent`` or ``@agent(id="greeter", description="...")``.

    The function is called with a Run, in a thread of its own, once for each run. What it returns
    is the answer: a text, or any JSON. If it is a generator, each text that it yields is a piece of
    the answer. AgentError tells the caller what went wrong; of any other exception it learns only
    that there was one.

    ``id`` is the function's name if it is not given, ``description`` the first paragraph of its
    docstring. ``skills`` are texts, or objects as A2A's cards have them; ``examples`` texts that
    one could send; ``input_modes`` and ``output_modes`` media types.
    """
    return _made(AGENT, function, options)


@overload
def team(function: Function) -> LocalComponent: ...


@overload
def team(
    *,
    id: Optional[str] = ...,
    name: Optional[str] = ...,
    description: Optional[str] = ...,
    version: Optional[str] = ...,
    skills: Sequence[Skill] = ...,
    examples: Sequence[str] = ...,
    input_modes: Sequence[str] = ...,
    output_modes: Sequence[str] = ...,
    members: Sequence[str] = ...,
) -> Callable[[Function], LocalComponent]: ...


def team(function: Optional[Function] = None, **options: Any) -> Any:
    """Make a function a team, as ``agent`` does; ``members`` are names to be shown."""
    return _made(TEAM, function, options)


@overload
def workflow(function: Function) -> LocalComponent: ...


@overload
def workflow(
    *,
    id: Optional[str] = ...,
    name: Optional[str] = ...,
    description: Optional[str] = ...,
    version: Optional[str] = ...,
    skills: Sequence[Skill] = ...,
    examples: Sequence[str] = ...,
    input_modes: Sequence[str] = ...,
    output_modes: Sequence[str] = ...,
    steps: Sequence[str] = ...,
) -> Callable[[Function], LocalComponent]: ...


def workflow(function: Optional[Function] = None, **options: Any) -> Any:
    """Make a function a workflow, as ``agent`` does; ``steps`` are the names of its steps."""
    return _made(WORKFLOW, function, options)
