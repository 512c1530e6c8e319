"""From the decisions made on a paused run to what its server has to be sent. No I/O.

A server takes what is undecided, or missing, for rejected, and runs a finished run anew. So
nothing is sent unless all that the run waits for is decided, and whole objects are sent always.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence

from ... import models
from ...errors import UnsupportedError
from ...modelling.base import child, children
from ...modelling.checks import fields_of_call, how_to_decide, tool_of
from ..component import AGENT, TEAM, WORKFLOW, Component

__all__ = ["FOLLOW_UPS", "form_value", "is_follow_up", "paused_anew", "standing"]

#: Options that make of a run something new; with one of them it need not be paused.
FOLLOW_UPS = ("input", "continue_from", "fork", "regenerate", "additional_instructions")

_KEPT = ("run_id", "session_id", "status")
_DECIDABLE = ("tools", "requirements", "step_requirements", "error_requirements")


def is_follow_up(options: Mapping[str, Any]) -> bool:
    """Whether the options ask for more than going on where the run paused."""
    values = [options.get(name) for name in FOLLOW_UPS]
    return any(value is not None and value is not False for value in values)  # 0 is an index


def standing(component: Component, output: Any) -> Any:
    """A copy of what matters for continuing a run; what is done to ``output`` does not reach it."""
    model = getattr(models, component.output)
    if not isinstance(output, model):
        raise TypeError(
            "a %s is continued with its %s, not %s"
            % (component.kind, component.output, type(output).__name__)
        )
    names = _KEPT + _DECIDABLE if output.status in (None, "PAUSED") else _KEPT
    kept = {name: output.__dict__[name] for name in names if name in output.__dict__}
    return model.from_dict(model._view(kept).to_dict())


def form_value(
    component: Component,
    run_id: str,
    paused: Any,
    latest: Any,
    given: Optional[Sequence[Any]],
    follow_up: bool,
) -> Optional[List[Dict[str, Any]]]:
    """What goes into ``component.continue_field``; None if nothing does.

    ``paused`` is how the run stood in the output that the caller decided on, ``latest`` how it
    stands as far as is known, ``given`` are decisions beside; each may be None. Raises ValueError
    unless the run is paused (or ``follow_up``) and all is decided.
    """
    for state in (latest, paused):
        if state is not None and state.status not in (None, "PAUSED"):
            if not follow_up:
                raise ValueError(_not_paused(component, run_id, state.status))
            if given:
                raise ValueError("run %s is %s: it waits for no decision" % (run_id, state.status))
            return None
    base = paused if paused is not None else latest
    if base is None:
        base = _from_given(component, run_id, given or [])
    else:
        base = standing(component, base)
        for each in given or []:
            _MERGE[component](base, run_id, each)
    _refuse_outdated(run_id, base, latest)
    return _decided(component, run_id, base)


def _not_paused(component: Component, run_id: str, status: str) -> str:
    if status in ("PENDING", "RUNNING"):
        return "run %s is not paused but %s, or is being continued already: wait for its end" % (
            run_id,
            status,
        )
    message = "run %s is not paused but %s" % (run_id, status)
    if component is WORKFLOW:
        return message
    return message + (
        ": to continue it would call the model again. If that is what you want, say how: input=, "
        "continue_from=, fork=True or regenerate=True"
    )


def _decided(component: Component, run_id: str, base: Any) -> Optional[List[Dict[str, Any]]]:
    pairs = base._pairs()
    for pair in pairs:
        pair.reconcile()
    if component is WORKFLOW:
        for step in children(base, "step_requirements"):
            for requirement in children(step, "executor_requirements"):
                requirement.reconcile()
    undecided = base.pending
    if component is not WORKFLOW and pairs and all(map(_is_for_an_administrator, pairs)):
        # The server knows what the administrator decided, and refuses as long as nobody has.
        return None
    if any(item.pause_type == "error" for item in undecided):
        raise UnsupportedError(
            "run %s waits for %s. An AgentOS takes that decision not over REST: run the workflow "
            "again." % (run_id, base.waits_for)
        )
    if undecided:
        reasons = "; ".join(map(_undecided, undecided))
        raise ValueError("run %s was not continued: %s" % (run_id, reasons))
    if children(base, component.continue_field):
        items: List[Dict[str, Any]] = base.to_dict()[component.continue_field]
        return items
    if not pairs or component is not AGENT:
        raise ValueError("nothing in this output of run %s waits for a decision" % run_id)
    return [pair.call.to_dict() for pair in pairs]


def _is_for_an_administrator(pair: Any) -> bool:
    return bool(pair.is_paused and pair.call.approval_type == "required")


def _undecided(item: Any) -> str:
    call = child(item, "tool_execution") or item
    if hasattr(call, "tool_name"):
        name = "tool %s is not decided (%s)" % (call.tool_name, call.tool_call_id)
    else:
        name = "step %s is not decided" % (item.step_name or item.step_id)
    return "%s: call %s. It waits for %s" % (name, how_to_decide(item), item.waits_for)


def _refuse_outdated(run_id: str, base: Any, latest: Any) -> None:
    """Refuse an output from before the run paused for something else."""
    new = [] if latest is None else _pending_beyond(base, latest)
    if new:
        raise ValueError(
            "run %s has paused again since, for %s: decide on its newer output"
            % (run_id, "; ".join(item.waits_for for item in new))
        )


def paused_anew(before: Any, latest: Any) -> bool:
    """Whether a paused run waits for something that it did not wait for ``before``."""
    return bool(_pending_beyond(before, latest))


def _pending_beyond(before: Any, latest: Any) -> List[Any]:
    known = [_identity(item) for name in _DECIDABLE for item in children(before, name)]
    return [item for item in latest.pending if _identity(item) not in known]


def _identity(item: Any) -> Any:
    if isinstance(item, models.ToolExecution):
        return item.tool_call_id, item.tool_name, item.created_at
    if isinstance(item, models.RunRequirement):
        return item.id
    return item.step_id, item.retry_count, getattr(item, "is_post_execution", None)


# --- Decisions that are given apart from the output


def _from_given(component: Component, run_id: str, given: Sequence[Any]) -> Any:
    """A paused run of which nothing else is known."""
    items = [_as_model(component, item) for item in given]
    for item in items:
        call = child(item, "tool_execution") if component is TEAM else item
        if call is None or (call.step_name if component is WORKFLOW else call.tool_name) is None:
            raise UnsupportedError(
                "nothing is known of run %s here, and its server cannot be asked (an AgentOS "
                "before 2.9): pass the paused output, or whole objects of it" % run_id
            )
    model = getattr(models, component.output)
    return model.from_dict({component.continue_field: [item.to_dict() for item in items]})


def _as_model(component: Component, item: Any) -> Any:
    model: Any = getattr(models, _MODELS[component])
    if component is AGENT:
        # An agent is sent tool calls; a decided requirement holds one.
        if isinstance(item, dict) and "tool_execution" in item:
            item = models.RunRequirement.from_dict(item)
        if isinstance(item, models.RunRequirement):
            item.reconcile()
            item = child(item, "tool_execution")
    if isinstance(item, dict):
        item = model.from_dict(item)
    if model is models.RunRequirement and isinstance(item, models.ToolExecution):
        item = models.RunRequirement(tool_execution=item)
    if not isinstance(item, model):
        raise TypeError(
            "%s= takes %s objects, not %s"
            % (component.decisions, model.__name__, type(item).__name__)
        )
    return item


def _one(run_id: str, what: str, matching: List[Any]) -> Any:
    """The one that is meant: what waits before what waited once."""
    waiting = [item for item in matching if item.is_paused] or matching
    if not waiting:
        raise ValueError("run %s has no %s" % (run_id, what))
    if len(waiting) > 1:
        raise ValueError("run %s has several %s: pass its paused output" % (run_id, what))
    return waiting[0]


def _merge_tool(base: Any, run_id: str, item: Any) -> None:
    given = _as_model(AGENT, item)
    matching = [
        call
        for call in (children(base, "tools") or [pair.call for pair in base._pairs()])
        if _is_of(call, given) and given.created_at in (None, call.created_at)
    ]
    _decide_call(_one(run_id, "tool call %r" % given.tool_call_id, matching), given)


def _decide_call(call: Any, given: Any) -> None:
    """Decide ``call`` as ``given`` is, which may hold nothing else than the decision."""
    if not call.is_paused:
        return
    if given.tool_args is not None:
        call.tool_args = given.tool_args
    if given.confirmed is not None:
        if given.confirmed:
            call.confirm()
        else:
            call.reject(given.confirmation_note)
    if given.answered and children(call, "user_feedback_schema"):
        questions = children(given, "user_feedback_schema")
        call.select({each.question: each.selected_options or [] for each in questions})
    elif given.answered:
        fields = fields_of_call(given)
        call.answer({each.name: each.value for each in fields if each.value is not None})
    if given.result is not None:
        call.set_result(given.result)


def _merge_requirement(base: Any, run_id: str, item: Any) -> None:
    _decide_requirement(children(base, "requirements"), run_id, _as_model(TEAM, item))


def _decide_requirement(requirements: List[Any], run_id: str, given: Any) -> None:
    given.reconcile()
    call = child(given, "tool_execution")
    if given.id is not None:
        what = "requirement %r" % given.id
        matching = [each for each in requirements if each.id == given.id]
    else:
        what = "tool call %r" % (call and call.tool_call_id)
        matching = [
            each
            for each in requirements
            if call is not None
            and _is_of(child(each, "tool_execution"), call)
            and given.member_run_id in (None, each.member_run_id)
        ]
    requirement = _one(run_id, what, matching)
    if call is not None:
        _decide_call(tool_of(requirement), call)
    elif requirement.is_paused:
        requirement.confirmation = given.confirmation
        requirement.confirmation_note = given.confirmation_note
        requirement.external_execution_result = given.external_execution_result
    requirement.reconcile()


def _is_of(call: Any, given: Any) -> bool:
    """Whether ``given``, which may hold nothing but an id, means this call."""
    return (
        call is not None
        and call.tool_call_id == given.tool_call_id
        and given.tool_name in (None, call.tool_name)
    )


def _merge_step(base: Any, run_id: str, item: Any) -> None:
    given = _as_model(WORKFLOW, item)
    whole = "retry_count" in given.__dict__
    matching = [
        step
        for step in children(base, "step_requirements")
        if step.step_id == given.step_id and (not whole or _identity(step) == _identity(given))
    ]
    step = _one(run_id, "step %r" % given.step_id, matching)
    if not step.is_paused:
        return
    for requirement in children(given, "executor_requirements"):
        _decide_requirement(children(step, "executor_requirements"), run_id, requirement)
    if given.edited_output is not None:
        step.edit(given.edited_output)
    elif given.confirmed:
        step.confirm()
    elif given.confirmed is not None:
        step.reject(given.rejection_feedback)
    if given.selected_choices:
        step.select(*given.selected_choices)
    if given.user_input:
        step.answer(given.user_input)


# By name: importing the models takes time, and most programs decide nothing.
_MODELS = {
    AGENT: "ToolExecution",
    TEAM: "RunRequirement",
    WORKFLOW: "StepRequirement",
}
_MERGE = {AGENT: _merge_tool, TEAM: _merge_requirement, WORKFLOW: _merge_step}
