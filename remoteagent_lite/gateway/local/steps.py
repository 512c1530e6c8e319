"""What a function runs on its way: remote agents, other local components, plain functions."""

from __future__ import annotations

import contextlib
import threading
import uuid
from typing import Any, Callable, Dict, List, Optional

from ... import models
from ...errors import RemoteAgentError, StreamClosedError
from ...protocols.component import AGENT
from ...runs.runner import Runner
from .answers import called
from .component import LocalComponent
from .deciding import decide
from .entries import Entry
from .execution import RunEnded
from .journal import Scope

__all__ = ["Branches", "step_of"]

Json = Dict[str, Any]

#: How long a remote run may take to be cancelled when this one was, in seconds.
_CANCEL = 2.0


def step_of(
    run: Any, scope: Scope, place: str, name: str, target: Any, given: Any, options: Json
) -> Any:
    """The output of ``target``, run as a step of ``run`` unless it has been."""
    journal = scope.journal
    kind = _class_of(target)
    number = scope.step()
    step: Json = {"step_id": str(uuid.uuid4()), "step_name": name}
    step["step_index"] = number if len(number) > 1 else number[0]  # as AgentOS has it
    known = journal.known(place, "step", name)
    if known is not None:
        return _given(run, target, step, kind.from_dict(known["value"]))

    def tell(entry: Entry) -> None:
        run._tell({**entry, "step": step})

    tell({"kind": "step"})
    inside = scope.within(place, number)
    try:
        if isinstance(target, Runner):
            output = _remote(run, inside, tell, target, given, options)
        elif isinstance(target, LocalComponent):
            output = kind.from_dict(_local(run, inside, tell, target, given))
        elif callable(target):
            output = kind.from_dict({"content": target(given, **options), "status": "COMPLETED"})
        else:
            raise TypeError(
                "a step runs a RemoteAgent, RemoteTeam or RemoteWorkflow, a local component or a "
                "function, not %r" % (target,)
            )
    except Exception as error:
        tell({"kind": "step_done", "success": False, "error": type(error).__name__})
        raise
    told: Entry = {"kind": "step_done", "content": output.content, "success": True}
    if output.status in ("ERROR", "CANCELLED"):
        told = {"kind": "step_done", "success": False, "error": str(output.reason or output.status)}
    tell(told)
    journal.keep(place, "step", name, {"value": output.to_dict()})
    return _given(run, target, step, output)


def _given(run: Any, target: Any, step: Json, output: Any) -> Any:
    """The output for the function; its text has been told, if ``target`` tells what it does."""
    if isinstance(output.content, str) and isinstance(target, (Runner, LocalComponent)):
        run.told_by_steps[output.content] = step
    return output.raise_for_status()


def _class_of(target: Any) -> Any:
    component = getattr(target, "component", AGENT)
    return getattr(models, component.output)


def _remote(
    run: Any,
    scope: Scope,
    tell: Callable[[Entry], None],
    remote: Any,
    given: Any,
    options: Json,
) -> Any:
    """Its output; its events are told. Where it pauses, this run asks in its place."""
    kind = _class_of(remote)
    place = scope.place()
    value = scope.once(
        place,
        "run",
        remote.id,
        lambda: _streamed(run, tell, remote.run(given, stream=True, **options)).to_dict(),
    )
    output = kind.from_dict(value)
    while output.is_paused:
        going_on = decide(output, lambda kind, pending: run.answer(scope, kind, dict(pending)))
        place = scope.place()
        value = scope.once(
            place,
            "continue",
            remote.id,
            lambda paused=output, going_on=going_on: _streamed(  # type: ignore[misc]
                run,
                tell,
                remote.continue_run(paused, stream=True, **going_on),
            ).to_dict(),
        )
        output = kind.from_dict(value)
    return output


def _streamed(run: Any, tell: Callable[[Entry], None], stream: Any) -> Any:
    execution = run._execution
    with execution.closing(stream), stream:
        try:
            for event in stream:
                tell({"kind": "passed", "event": event.to_dict()})
            execution.check()
            return stream.output()
        except StreamClosedError:
            if not execution.is_over:
                raise
        except RunEnded:
            pass
        # This run was cancelled, and with it what it runs; whoever did it waits for no more.
        with contextlib.suppress(RemoteAgentError):
            stream.cancel(wait=_CANCEL)
        raise RunEnded


def _local(
    run: Any, scope: Scope, tell: Callable[[Entry], None], target: LocalComponent, given: Any
) -> Json:
    """What another local component answers, called in this run's thread."""
    own = {"run_id": str(uuid.uuid4()), target.component.id_field: target.id}
    pieces: List[str] = []

    def tell_inside(entry: Entry) -> None:
        if entry["kind"] == "content":
            pieces.append(entry["text"])
            name = target.component.prefix + "Content"
            tell({"kind": "passed", "event": {**own, "event": name, "content": entry["text"]}})
        else:
            run._tell(entry)

    content = called(target, run.part_of_it(scope, given, tell_inside))
    if content is None:
        content = "".join(pieces)
    return {**own, "content": content, "status": "COMPLETED", "session_id": run.session_id}


class Branches:
    """Calls that are made at the same time, each in a thread, all of which are waited for."""

    def __init__(self) -> None:
        self._threads: List[threading.Thread] = []
        self._results: List[Any] = []
        self._errors: List[Optional[BaseException]] = []

    def add(self, call: Callable[[], Any]) -> None:
        number = len(self._threads)
        self._results.append(None)
        self._errors.append(None)

        def make() -> None:
            try:
                self._results[number] = call()
            except BaseException as error:  # raised again by results()
                self._errors[number] = error

        self._threads.append(
            threading.Thread(target=make, name="remoteagent-gateway-step", daemon=True)
        )

    def results(self) -> List[Any]:
        """What the calls returned, in order. Raises the first error; what ends a function first."""
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join()
        errors = [error for error in self._errors if error is not None]
        for error in sorted(errors, key=lambda error: isinstance(error, Exception)):
            raise error
        return self._results
