"""What a paused run waits for, how it is decided, and what is sent then. Pure: no server."""

import copy
import json
import pickle
from typing import Any, Dict, List

import pytest

from remoteagent_lite import UnsupportedError, models
from remoteagent_lite.models import RunRequirement, StepRequirement, ToolExecution
from remoteagent_lite.protocols.a2a.runs import A2A
from remoteagent_lite.protocols.agentos.decisions import form_value, is_follow_up, standing
from remoteagent_lite.protocols.component import AGENT, COMPONENTS, TEAM, WORKFLOW
from tests import FIXTURES

OUTPUTS = {each.kind: getattr(models, each.output) for each in COMPONENTS}


def recorded(name: str, version: str = "3.1.10") -> Any:
    data = json.loads((FIXTURES / version / (name + "-paused.json")).read_text("utf-8"))
    return OUTPUTS[name.partition("-")[0]].from_dict(data)


def call(**fields: Any) -> Dict[str, Any]:
    base = {"tool_call_id": "call_0", "tool_name": "delete_file", "tool_args": {"path": "/x"}}
    return {**base, "created_at": 1, "requires_confirmation": True, "confirmed": None, **fields}


def question(text: str, labels: str = "AB", several: bool = False) -> Dict[str, Any]:
    options = [{"label": label, "description": None, "selected": False} for label in labels]
    return {
        "question": text,
        "header": text[:2],
        "multi_select": several,
        "options": options,
        "selected_options": None,
    }


def field(name: str, value: Any = None, **more: Any) -> Dict[str, Any]:
    return {"name": name, "field_type": "str", "description": None, "value": value, **more}


def agent_paused(*calls: Dict[str, Any]) -> Any:
    """As a server tells it: each call twice, in objects of their own."""
    return models.RunOutput.from_dict(
        {
            "run_id": "r",
            "session_id": "s",
            "status": "PAUSED",
            "tools": [copy.deepcopy(each) for each in calls],
            "requirements": [
                {"id": "q%d" % number, "tool_execution": copy.deepcopy(each)}
                for number, each in enumerate(calls)
            ],
        }
    )


def sent(component: Any, paused: Any, given: Any = None, latest: Any = None) -> Any:
    of_it = None if paused is None else standing(component, paused)
    return form_value(component, "r", of_it, latest, given, False)


ASK = call(
    tool_name="ask",
    requires_confirmation=None,
    requires_user_input=True,
    answered=None,
    user_input_schema=[field("question", "Where?"), field("city"), field("days")],
)
POLL = call(
    tool_name="ask_user",
    requires_confirmation=None,
    requires_user_input=True,
    answered=None,
    user_feedback_schema=[question("Which?"), question("What?", "XYZ", True)],
)
EXTERNAL = call(
    tool_name="external",
    tool_call_id="call_1",
    requires_confirmation=None,
    external_execution_required=True,
    result=None,
)


# --- What a run waits for


@pytest.mark.parametrize("version", ["3.1.10", "2.9.0", "2.3.20"])
def test_recorded_agents_tell_what_they_wait_for(version: str) -> None:
    paused = recorded("agent-confirm", version)
    assert paused.waits_for == "confirmation of delete_file(path='/tmp/x')"
    assert paused.tools_requiring_confirmation == paused.tools
    assert [each.pause_type for each in paused.pending] == ["confirmation"]
    asking = recorded("agent-input", version)
    assert asking.waits_for == "city, days of ask(question='Where?')"
    assert [each.tool_name for each in asking.tools_requiring_user_input] == ["ask"]
    several = recorded("agent-several", version)
    assert [each.pause_type for each in several.pending] == ["confirmation", "external_execution"]
    assert len(several.tools_awaiting_external_execution) == 1
    assert not several.tools_requiring_user_feedback


@pytest.mark.parametrize("version", ["3.1.10", "2.9.0"])
def test_recorded_teams_tell_what_they_wait_for(version: str) -> None:
    own = recorded("team-own-tool", version)
    assert own.waits_for == "confirmation of delete_file(path='/tmp/x')"
    assert (len(own.pending), len(own.active_requirements)) == (1, 1)
    member = recorded("team-member-tool", version)
    assert member.waits_for == "confirmation of delete_file(path='/tmp/x') by My Agent"
    assert member.pending == member.active_requirements == member.requirements
    assert member.tools_requiring_confirmation[0] is member.requirements[0].tool_execution


@pytest.mark.parametrize("version", ["3.1.10", "2.9.0"])
def test_recorded_workflows_tell_what_they_wait_for(version: str) -> None:
    for name, kind, text in (
        ("gated", "confirmation", "confirmation of step gate: Go on?"),
        ("form", "user_input", "city of step fill: Where to?"),
        ("choose", "route_selection", "a choice (left, right) of step fork: Which way?"),
        ("review", "output_review", "review of the output of step draft: Good enough?"),
        ("executor", "executor", "confirmation of delete_file(path='/tmp/x') in step helper"),
    ):
        paused = recorded("workflow-" + name, version)
        assert [each.pause_type for each in paused.pending] == [kind]
        assert paused.pending == paused.active_step_requirements
        assert paused.waits_for == text
    executor = recorded("workflow-executor", version)
    assert len(executor.active_requirements) == len(executor.tools_requiring_confirmation) == 1


def test_run_that_is_not_paused_waits_for_nothing() -> None:
    done = recorded("team-own-tool", "2.3.20")  # marks the call although it has run it
    assert done.status == "COMPLETED"
    assert (done.pending, done.waits_for, done.is_paused) == ([], None, False)
    assert models.RunOutput(status="PAUSED").pending == []


# --- Deciding tool calls


def test_each_verb_decides_its_kind() -> None:
    paused = agent_paused(call(), EXTERNAL)
    confirmed, external = paused.tools
    confirmed.reject("no")
    assert (confirmed.confirmed, confirmed.confirmation_note) == (False, "no")
    confirmed.confirm()
    assert (confirmed.confirmed, confirmed.confirmation_note) == (True, None)
    assert paused.waits_for == "the result of external(path='/x')"
    external.set_result("")
    assert (external.is_paused, paused.pending, paused.active_requirements) == (False, [], [])
    with pytest.raises(TypeError, match="str"):
        external.set_result(3)


def test_wrong_verb_says_which_is_right() -> None:
    (tool,) = agent_paused(call()).tools
    for attempt in (
        lambda: tool.set_result("x"),
        lambda: tool.answer(a=1),
        lambda: tool.select("A"),
    ):
        with pytest.raises(ValueError, match=r"delete_file does not wait .* call confirm\(\) or"):
            attempt()
    (tool,) = agent_paused(EXTERNAL).tools
    with pytest.raises(ValueError, match=r"call set_result\(text\)"):
        tool.confirm()
    (tool,) = agent_paused(ASK).tools
    with pytest.raises(ValueError, match=r"call answer\(city=\.\.\., days=\.\.\.\)"):
        tool.reject()


def test_answer_fills_all_fields_or_changes_nothing() -> None:
    (tool,) = agent_paused(ASK).tools
    before = tool.to_dict()
    with pytest.raises(ValueError, match="no field 'town' or 'night'; it has 'question', 'city'"):
        tool.answer(town="Rome", night=3)
    with pytest.raises(ValueError, match="needs a value for 'days'"):
        tool.answer({"city": "Rome"})
    assert tool.to_dict() == before
    tool.answer({"city": "Rome"}, days=3)
    values = {each.name: each.value for each in tool.user_input_schema}
    assert values == {"question": "Where?", "city": "Rome", "days": 3}
    assert (tool.answered, tool.is_paused) == (True, False)
    tool.answer(question="Whither?")  # what has been filled in may be changed
    assert tool.user_input_schema[0].value == "Whither?"


def test_values_that_the_model_filled_in_do_not_count_as_answers() -> None:
    filled = dict(ASK, user_input_schema=[field("city", "Rome")])
    (tool,) = agent_paused(filled).tools
    assert tool.is_paused
    tool.answer()
    assert not tool.is_paused


def test_select_takes_what_is_offered_only() -> None:
    (tool,) = agent_paused(POLL).tools
    before = tool.to_dict()
    for choices, complaint in (
        (({"Which?": "C", 1: "X"},), "does not offer 'C'; it offers 'A', 'B'"),
        (({0: ["A", "B"], 1: "X"},), "'Which?' takes exactly one"),
        (({"Who?": "A"},), "does not ask 'Who?'; it asks 'Which?', 'What?'"),
        (({0: "A"},), "'What?' is not answered"),
        (("A",), "asks 'Which?', 'What?': select"),
    ):
        with pytest.raises(ValueError, match=complaint.replace("?", r"\?")):
            tool.select(*choices)
    assert tool.to_dict() == before
    tool.select({"Wh": "B", 1: ["X", "Z"]})
    assert [each.selected_options for each in tool.user_feedback_schema] == [["B"], ["X", "Z"]]
    assert [each.selected for each in tool.user_feedback_schema[1].options] == [True, False, True]
    assert tool.answered
    (tool,) = agent_paused(dict(POLL, user_feedback_schema=[question("Which?")])).tools
    with pytest.raises(ValueError, match=r"select\(\)"):
        tool.answer(a=1)
    tool.select("A")
    assert tool.user_feedback_schema[0].selected_options == ["A"]


def test_requirement_is_decided_in_both_places() -> None:
    asking = dict(ASK, tool_call_id="c2")
    paused = agent_paused(call(), EXTERNAL, asking, dict(POLL, tool_call_id="c3"))
    first, second, third, fourth = paused.requirements
    for requirement, tool in zip(paused.requirements, paused.tools):
        assert requirement.pause_type == tool.pause_type
    first.reject("no")
    second.set_result("done")
    third.answer(city="Rome", days=3)
    fourth.select({0: "A", 1: "X"})
    assert (first.confirmation, first.confirmation_note) == (False, "no")
    assert first.tool_execution.confirmed is False
    assert second.external_execution_result == second.tool_execution.result == "done"
    assert third.user_input_schema == third.tool_execution.user_input_schema
    assert fourth.user_feedback_schema[0].selected_options == ["A"]
    assert paused.pending == []


def test_requirement_decided_by_its_own_fields() -> None:
    paused = agent_paused(call(), EXTERNAL)
    paused.requirements[0].confirmation = True
    paused.requirements[1].external_execution_result = "done"
    assert paused.pending == []
    tools = sent(AGENT, paused)
    assert (tools[0]["confirmed"], tools[1]["result"]) == (True, "done")


def needs(requirement: Any) -> List[str]:
    names = ("confirmation", "user_input", "user_feedback", "external_execution")
    return [name for name in names if getattr(requirement, "needs_" + name)]


def test_requirement_is_decided_by_agnos_names() -> None:
    both = dict(ASK, tool_call_id="c4", requires_confirmation=True)
    paused = agent_paused(
        call(), EXTERNAL, dict(ASK, tool_call_id="c2"), dict(POLL, tool_call_id="c3"), both
    )
    first, second, third, fourth, fifth = paused.active_requirements
    assert [needs(each) for each in paused.active_requirements] == [
        ["confirmation"],
        ["external_execution"],
        ["user_input"],
        ["user_input", "user_feedback"],
        ["confirmation", "user_input"],
    ]
    assert not any(each.is_resolved() for each in paused.active_requirements)
    first.confirm()
    with pytest.raises(ValueError, match="does not wait for"):
        second.provide_user_input({"city": "Rome"})
    second.set_external_execution_result("done")
    with pytest.raises(ValueError, match="no field 'town'"):
        third.provide_user_input({"town": "Rome"})
    third.provide_user_input({"city": "Rome", "days": 3})
    with pytest.raises(ValueError, match="does not offer"):
        fourth.provide_user_feedback({"Which?": ["Z"], "What?": ["X"]})
    fourth.provide_user_feedback({"Which?": ["A"], "What?": ["X", "Z"]})
    fifth.reject("no")
    assert all(each.is_resolved() for each in paused.requirements)
    assert [needs(each) for each in paused.requirements] == [[]] * 5
    tools = {tool["tool_call_id"]: tool for tool in sent(AGENT, paused)}
    assert tools["call_1"]["result"] == "done"
    assert [each["value"] for each in tools["c2"]["user_input_schema"]][1:] == ["Rome", 3]
    chosen = [each["selected_options"] for each in tools["c3"]["user_feedback_schema"]]
    assert chosen == [["A"], ["X", "Z"]]
    assert tools["c4"]["confirmed"] is False


def test_external_execution_may_be_silent() -> None:
    loud, silent = agent_paused(
        EXTERNAL, dict(EXTERNAL, tool_call_id="c2", external_execution_silent=True)
    ).requirements
    assert (loud.external_execution_silent, silent.external_execution_silent) == (False, True)
    silent.set_external_execution_result("")
    assert silent.external_execution_silent is False


def test_decided_output_is_pickled_and_copied_with_its_decisions() -> None:
    paused = agent_paused(call())
    paused.tools[0].confirm()
    for again in (pickle.loads(pickle.dumps(paused)), copy.deepcopy(paused)):
        assert again.pending == []
        assert sent(AGENT, again)[0]["confirmed"] is True


# --- Deciding steps


def test_step_verbs() -> None:
    gate = recorded("workflow-gated").step_requirements[0]
    gate.reject("later")
    assert (gate.confirmed, gate.rejection_feedback, gate.is_paused) == (False, "later", False)
    with pytest.raises(ValueError, match="does not wait for"):
        gate.answer(city="Rome")
    with pytest.raises(ValueError, match="review"):
        gate.edit("x")
    review = recorded("workflow-review").step_requirements[0]
    with pytest.raises(ValueError, match="None is no output"):
        review.edit(None)
    review.edit({"a": 1})
    assert (review.confirmed, review.edited_output, review.is_paused) == (True, {"a": 1}, False)
    form = recorded("workflow-form").step_requirements[0]
    with pytest.raises(ValueError, match="needs a value for 'city'"):
        form.answer(days=3)
    with pytest.raises(ValueError, match="no field 'town'"):
        form.answer(town="Rome")
    form.answer(city="Rome")  # days is optional
    assert (form.user_input, form.is_paused) == ({"city": "Rome"}, False)
    route = recorded("workflow-choose").step_requirements[0]
    for choices, complaint in (
        (("up",), "does not offer 'up'; it offers 'left', 'right'"),
        (("left", "right"), "exactly one"),
        ((), "exactly one"),
    ):
        with pytest.raises(ValueError, match=complaint):
            route.select(*choices)
    route.select("left")
    assert (route.selected_choices, route.is_paused) == (["left"], False)
    executor = recorded("workflow-executor").step_requirements[0]
    with pytest.raises(ValueError, match="of its executor_requirements"):
        executor.confirm()


def test_step_with_several_needs_waits_for_all() -> None:
    step = StepRequirement.from_dict(
        {
            "step_id": "1",
            "step_name": "both",
            "requires_confirmation": True,
            "requires_user_input": True,
            "user_input_schema": [field("size", allowed_values=["S", "M"], required=True)],
        }
    )
    step.confirm()
    assert step.pause_type == "user_input"
    with pytest.raises(ValueError, match="does not offer 'L'"):
        step.answer(size="L")
    step.answer(size="S")
    assert step.pause_type is None


def step_needs(step: Any) -> List[str]:
    kinds = "confirmation output_review user_input route_selection executor_resolution"
    return [name for name in kinds.split() if getattr(step, "needs_" + name)]


def test_steps_are_decided_by_agnos_names() -> None:
    for name, kind in (
        ("workflow-gated", "confirmation"),
        ("workflow-review", "output_review"),
        ("workflow-form", "user_input"),
        ("workflow-choose", "route_selection"),
        ("workflow-executor", "executor_resolution"),
    ):
        (step,) = recorded(name).step_requirements
        assert (step_needs(step), step.is_resolved, step.is_timed_out) == ([kind], False, False)
        if kind == "user_input":
            with pytest.raises(ValueError, match="needs a value for 'city'"):
                step.set_user_input(days=3)
            step.set_user_input(validate=False, days=3)
            assert (step.get_user_input("days"), step.is_resolved) == (3, False)
            step.set_user_input(city="Rome")
            assert (step.get_user_input("city"), step.get_user_input("x")) == ("Rome", None)
        elif kind == "route_selection":
            with pytest.raises(ValueError, match="exactly one"):
                step.select_multiple(["left", "right"])
            step.select_single("left")
        elif kind == "executor_resolution":
            for each in step.active_requirements:
                each.confirm()
        else:
            step.confirm()
        assert (step_needs(step), step.is_resolved) == ([], True)


@pytest.mark.parametrize(
    ("until", "over"),
    [
        ("2001-01-01T00:00:00+00:00", True),
        ("2001-01-01T00:00:00Z", True),
        ("2001-01-01T00:00:00", True),
        ("2999-01-01T00:00:00Z", False),
        (None, False),
        ("soon", False),
        (12, False),
    ],
)
def test_a_step_tells_whether_its_time_is_over(until: Any, over: bool) -> None:
    step = StepRequirement.from_dict({"step_id": "1", "timeout_at": until})
    assert step.is_timed_out is over


# --- What is sent


def test_whole_objects_are_sent() -> None:
    for component, name in (
        (AGENT, "agent-confirm"),
        (TEAM, "team-own-tool"),
        (TEAM, "team-member-tool"),
        (WORKFLOW, "workflow-gated"),
    ):
        paused = recorded(name)
        before = paused.to_dict()[component.continue_field]
        paused.pending[0].confirm()
        (after,) = sent(component, paused)
        assert after.keys() >= before[0].keys()
        changed = {key for key in before[0] if after[key] != before[0][key]}
        assert changed <= {"confirmed", "tool_execution"}


def test_undecided_is_refused_and_says_what_and_how() -> None:
    with pytest.raises(ValueError) as caught:
        sent(AGENT, agent_paused(call(), EXTERNAL))
    message = str(caught.value)
    for part in (
        "tool delete_file is not decided (call_0): call confirm() or reject(note)",
        "tool external is not decided (call_1): call set_result(text)",
    ):
        assert part in message
    for component, name, part in (
        (TEAM, "team-member-tool", "call confirm() or reject(note)"),
        (WORKFLOW, "workflow-gated", "step gate is not decided: call confirm()"),
        (WORKFLOW, "workflow-form", "answer(city=...)"),
        (WORKFLOW, "workflow-choose", "select(choice)"),
        (WORKFLOW, "workflow-review", "edit(output)"),
        (WORKFLOW, "workflow-executor", "of its executor_requirements"),
    ):
        with pytest.raises(ValueError) as caught:
            sent(component, recorded(name))
        assert part in str(caught.value)


def test_decision_on_either_copy_reaches_both() -> None:
    paused = agent_paused(call(), EXTERNAL)
    paused.requirements[0].reject("no")
    paused.tools[1].set_result("done")
    tools = sent(AGENT, paused)
    assert (tools[0]["confirmed"], tools[0]["confirmation_note"]) == (False, "no")
    assert tools[1]["result"] == "done"
    assert paused.tools[0].confirmed is None  # the caller's object stays as it was
    team = recorded("team-own-tool")
    team.tools[0].confirm()
    (requirement,) = sent(TEAM, team)
    assert requirement["confirmation"] is requirement["tool_execution"]["confirmed"] is True


def test_contradicting_decisions_are_refused() -> None:
    paused = agent_paused(call())
    paused.tools[0].confirm()
    paused.requirements[0].reject()
    with pytest.raises(ValueError, match="decided in two ways"):
        sent(AGENT, paused)


def test_member_call_with_the_id_of_a_call_of_the_team_is_not_confused_with_it() -> None:
    member = {"id": "m", "member_run_id": "x", "tool_execution": call()}
    paused = models.TeamRunOutput.from_dict(
        {
            "run_id": "r",
            "status": "PAUSED",
            "tools": [call()],
            "requirements": [member, {"id": "own", "tool_execution": call()}],
        }
    )
    assert len(paused.pending) == 2
    paused.tools[0].confirm()
    with pytest.raises(ValueError, match="delete_file is not decided"):
        sent(TEAM, paused)
    paused.requirements[0].reject()
    assert [each["confirmation"] for each in sent(TEAM, paused)] == [False, True]


def test_requirement_of_an_earlier_pause_does_not_decide_a_new_call() -> None:
    earlier = call(confirmed=True)
    paused = models.RunOutput.from_dict(
        {
            "run_id": "r",
            "status": "PAUSED",
            "tools": [call(), call(requires_confirmation=False, confirmed=True, result="x")],
            "requirements": [
                {"id": "old", "confirmation": True, "tool_execution": earlier},
                {"id": "new", "tool_execution": call()},
            ],
        }
    )
    assert [each.tool_name for each in paused.pending] == ["delete_file"]
    with pytest.raises(ValueError, match="not decided"):
        sent(AGENT, paused)


def test_bare_decisions_are_completed() -> None:
    latest = standing(AGENT, agent_paused(call(), EXTERNAL, dict(ASK, tool_call_id="c2")))
    given: List[Any] = [
        ToolExecution(tool_call_id="call_1", result="done"),
        {"tool_call_id": "call_0", "confirmed": False, "confirmation_note": "no"},
        ToolExecution(tool_call_id="c2"),
    ]
    given[2].answer(city="Rome", days=3)
    tools = sent(AGENT, None, given, latest)
    assert [each["tool_name"] for each in tools] == ["delete_file", "external", "ask"]
    assert (tools[0]["confirmed"], tools[0]["confirmation_note"]) == (False, "no")
    assert tools[1]["result"] == "done"
    assert [each["value"] for each in tools[2]["user_input_schema"]] == ["Where?", "Rome", 3]
    with pytest.raises(ValueError, match="tool delete_file is not decided"):
        sent(AGENT, None, given[:1] + given[2:], latest)
    with pytest.raises(ValueError, match="has no tool call 'zzz'"):
        sent(AGENT, None, [ToolExecution(tool_call_id="zzz", confirmed=True)], latest)
    with pytest.raises(ValueError, match="call confirm"):
        sent(AGENT, None, [ToolExecution(tool_call_id="call_0", result="x")], latest)
    with pytest.raises(TypeError, match="updated_tools= takes ToolExecution"):
        sent(AGENT, None, [RunRequirement(id="q0")], latest)
    strange = ToolExecution(tool_call_id="c2")
    strange.answer(town="Rome")
    with pytest.raises(ValueError, match="no field 'town'"):
        sent(AGENT, None, [strange], latest)


def test_bare_requirements_and_steps_are_completed() -> None:
    team = standing(TEAM, recorded("team-member-tool"))
    (requirement,) = team.requirements
    for given in (
        RunRequirement(id=requirement.id, confirmation=True),
        RunRequirement(tool_execution=ToolExecution(tool_call_id="call_0", confirmed=True)),
        ToolExecution(tool_call_id="call_0", confirmed=True),
    ):
        (whole,) = sent(TEAM, None, [given], team)
        assert whole["confirmation"] is whole["tool_execution"]["confirmed"] is True
        assert whole["member_run_id"] == requirement.member_run_id
    with pytest.raises(ValueError, match="has no requirement 'x'"):
        sent(TEAM, None, [RunRequirement(id="x", confirmation=True)], team)
    executor = standing(WORKFLOW, recorded("workflow-executor"))
    (step,) = executor.step_requirements
    inner = RunRequirement(id=step.executor_requirements[0].id, confirmation=False)
    bare = StepRequirement(step_id=step.step_id, executor_requirements=[inner])
    (whole,) = sent(WORKFLOW, None, [bare], executor)
    assert whole["executor_requirements"][0]["tool_execution"]["confirmed"] is False
    for name, fields in (
        ("gated", {"confirmed": True}),
        ("form", {"user_input": {"city": "Rome"}}),
        ("choose", {"selected_choices": ["left"]}),
        ("review", {"edited_output": "better"}),
    ):
        latest = standing(WORKFLOW, recorded("workflow-" + name))
        step_id = latest.step_requirements[0].step_id
        (whole,) = sent(WORKFLOW, None, [StepRequirement(step_id=step_id, **fields)], latest)
        assert whole.items() >= fields.items()
        assert whole["step_name"]


def test_whole_list_of_decided_objects_is_taken_too() -> None:
    paused = agent_paused(call(), EXTERNAL)
    latest = standing(AGENT, paused)
    paused.tools[0].confirm()
    paused.tools[1].set_result("done")
    tools = sent(AGENT, None, paused.tools, latest)
    assert (tools[0]["confirmed"], tools[1]["result"]) == (True, "done")
    # Nothing known of the run, and a server that cannot be asked.
    assert sent(AGENT, None, paused.tools) == [each.to_dict() for each in paused.tools]
    with pytest.raises(UnsupportedError, match="pass the paused output"):
        sent(AGENT, None, [ToolExecution(tool_call_id="call_0", confirmed=True)])


def test_ambiguous_id_is_refused() -> None:
    two = [{"id": str(n), "member_run_id": str(n), "tool_execution": call()} for n in range(2)]
    latest = models.TeamRunOutput.from_dict(
        {"run_id": "r", "status": "PAUSED", "requirements": two}
    )
    bare = RunRequirement(tool_execution=ToolExecution(tool_call_id="call_0", confirmed=True))
    with pytest.raises(ValueError, match="several tool call 'call_0'"):
        sent(TEAM, None, [bare], latest)


def test_run_that_is_not_paused_is_refused_unless_it_is_to_go_on_anew() -> None:
    done = models.RunOutput(run_id="r", status="COMPLETED")
    for paused, latest in ((done, None), (agent_paused(call(confirmed=True)), done), (None, done)):
        with pytest.raises(ValueError, match=r"not paused but COMPLETED.*input="):
            sent(AGENT, paused, None, latest)
        assert form_value(AGENT, "r", paused, latest, None, True) is None
    with pytest.raises(ValueError, match="waits for no decision"):
        form_value(AGENT, "r", None, done, [ToolExecution(tool_call_id="x")], True)
    with pytest.raises(ValueError, match="being continued already"):
        sent(AGENT, agent_paused(call()), None, models.RunOutput(status="RUNNING"))
    with pytest.raises(ValueError, match="not decided"):
        form_value(AGENT, "r", agent_paused(call()), None, None, True)
    with pytest.raises(TypeError, match="TeamRunOutput, not RunOutput"):
        sent(TEAM, done)


def test_output_from_before_the_run_paused_again_is_refused() -> None:
    first = recorded("workflow-review")
    second = copy.deepcopy(first)
    second.step_requirements.append(copy.deepcopy(second.step_requirements[0]))
    second.step_requirements[0].reject("worse")
    second.step_requirements[1].retry_count = 1
    first.pending[0].confirm()
    with pytest.raises(ValueError, match="has paused again since, for review of"):
        sent(WORKFLOW, first, None, standing(WORKFLOW, second))
    second.pending[0].confirm()
    assert [each["confirmed"] for each in sent(WORKFLOW, second)] == [False, True]


def test_calls_for_an_administrator_are_left_to_the_server() -> None:
    approval = call(approval_type="required", approval_id="a1")
    paused = agent_paused(approval)
    assert paused.waits_for.endswith("(an administrator's approval a1)")
    assert sent(AGENT, paused) is None
    with pytest.raises(ValueError, match="not decided"):
        sent(AGENT, agent_paused(approval, EXTERNAL))
    paused.tools[0].confirm()
    assert sent(AGENT, paused)[0]["confirmed"] is True


def test_failed_step_cannot_be_decided_over_rest() -> None:
    paused = recorded("workflow-repair")
    assert [each.pause_type for each in paused.pending] == ["error"]
    with pytest.raises(UnsupportedError, match="step break, which failed: scripted step failure"):
        sent(WORKFLOW, paused)


def test_nothing_to_decide_is_refused() -> None:
    for component in COMPONENTS:
        paused = OUTPUTS[component.kind](run_id="r", status="PAUSED")
        with pytest.raises(ValueError, match="nothing in this output"):
            sent(component, paused)


def test_follow_up_options() -> None:
    assert is_follow_up({"continue_from": 0})
    assert is_follow_up({"input": "more"})
    assert not is_follow_up({"fork": False, "input": None, "user_id": "u"})


def test_snapshot_is_small_and_apart() -> None:
    paused = agent_paused(call())
    paused.messages = [{"role": "user", "content": "long"}]
    kept = standing(AGENT, paused)
    kept.tools[0].confirm()
    assert paused.tools[0].confirmed is None
    assert "messages" not in kept.to_dict()
    paused.status = "COMPLETED"
    assert set(standing(AGENT, paused).to_dict()) == {"run_id", "session_id", "status"}


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda each: each.kind)
def test_what_a_run_over_a2a_has_answered_is_not_kept_only_what_it_asks(component) -> None:
    output = OUTPUTS[component.kind].from_dict(
        {"run_id": "r", "session_id": "s", "status": "COMPLETED", "content": "x" * 1000}
    )
    protocol = A2A(component, "a")
    assert "content" not in protocol.standing(output).to_dict()
    output.status = "PAUSED"
    assert protocol.standing(output).content == output.content
