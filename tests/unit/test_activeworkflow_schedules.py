"""Nothing is lost or doubled between two calls of a bridge, whatever becomes of their answers."""

import os
import sys
from collections import Counter
from typing import Any, Tuple

from hypothesis import HealthCheck, given, settings, strategies as st

from tests.activeworkflow_world import (
    KILLED,
    KILLED_HALFWAY,
    LOST,
    STORED,
    Action,
    Plan,
    World,
)

#: `make soak` plays ten thousand. Older Pythons would find the same as the newest.
SCHEDULES = int(os.environ.get("SCHEDULES", 2500 if sys.version_info >= (3, 9) else 250))

ACTIONS = st.tuples(
    st.sampled_from([0.0, 0.05, 0.5, 2.0, 7.0, 20.0, 60.0, 130.0, 200.0]),
    st.sampled_from(["message", "message", "message", "check", "check", "restart"]),
    st.sampled_from([0, 1, 2]),
    st.sampled_from(
        [(), (LOST,), (KILLED,), (KILLED_HALFWAY,), (STORED,), (LOST, KILLED), (KILLED, LOST)]
    ),
    # Together less than the five seconds that storing may take.
    st.sampled_from([(0.1,), (1.0,), (3.5,), (0.1, 3.0), (3.5, 0.05)]),
    st.sampled_from([(0.0,), (0.05,), (1.0,), (0.0, 1.0), (1.0, 0.05)]),
)
PLANS = st.tuples(
    st.sampled_from([1, 2, 3]),
    st.booleans(),
    st.sampled_from([0.0, 3.0, 100.0]),
    st.lists(ACTIONS, min_size=1, max_size=10),
)


def plan_of(drawn: Tuple[Any, ...]) -> Plan:
    agents, shared, slow, actions = drawn
    made = (
        Action(after, kind, agent % agents, fates, seconds, lags)
        for after, kind, agent, fates, seconds, lags in actions
    )
    return Plan(agents, shared, slow, tuple(made))


def judge(plan: Plan) -> None:
    world = World(plan)
    world.play()
    assert world.errors == []
    for agent, (missing, emitted) in enumerate(zip(world.missing(), world.emitted)):
        assert missing <= world.may_be_lost[agent], "lost"
        if not any(action.kind == "restart" for action in plan.actions):
            assert not world.late[agent], "late"
        assert doubled(emitted) <= world.may_double[agent], "doubled"
    if not plan.shared:
        for agent, emitted in enumerate(world.emitted):
            assert set(emitted) - world.taken[agent] <= world.unmarked, "another agent's"
        together = [text for emitted in world.emitted for text in emitted]
        assert doubled(together) <= world.unmarked.union(*world.may_double), "emitted by two"


def test_a_mark_of_the_host_before_is_overwritten() -> None:
    """The first message came with no mark, and so did the one behind the restart."""
    actions = [
        Action(0.0, "message"),
        Action(0.05, "restart"),
        Action(0.0, "message", seconds=(1.0,)),
        Action(0.5, "message"),
    ]
    judge(Plan(agents=2, shared=False, slow=0.0, actions=tuple(actions)))


def doubled(texts: Any) -> Any:
    return {text for text, count in Counter(texts).items() if count > 1}


@given(PLANS)
@settings(max_examples=SCHEDULES, deadline=None, suppress_health_check=list(HealthCheck))
def test_nothing_is_lost_or_doubled_beyond_what_the_document_names(drawn: Tuple[Any, ...]) -> None:
    judge(plan_of(drawn))
