"""What a protocol, a channel and a fold are: both that there are keep to it, in every detail."""

import inspect
from typing import Any, List

import pytest

from remoteagent_lite.channels.a2a import A2AConnection
from remoteagent_lite.channels.agentos import Connection
from remoteagent_lite.models import RunOutput
from remoteagent_lite.protocols.a2a.events import EventFold
from remoteagent_lite.protocols.a2a.fold import A2AFold
from remoteagent_lite.protocols.a2a.interface import GET_TASK
from remoteagent_lite.protocols.a2a.operation import Operation, StreamOperation
from remoteagent_lite.protocols.a2a.runs import A2A
from remoteagent_lite.protocols.agentos.claims import SessionClaims
from remoteagent_lite.protocols.agentos.fold import AgentOSFold
from remoteagent_lite.protocols.agentos.runs import AgentOS
from remoteagent_lite.protocols.component import AGENT
from remoteagent_lite.protocols.contract import (
    Call,
    Channel,
    Claims,
    Fold,
    RunProtocol,
    StreamCall,
)
from remoteagent_lite.wire import Request
from tests.fold_order import in_order

URL = "http://agents.test"

KEPT = [
    (RunProtocol, AgentOS(URL, AGENT, "a")),
    (RunProtocol, A2A(AGENT, "a")),
    (Channel, Connection(URL)),
    (Channel, A2AConnection(URL)),
    (Claims, SessionClaims(URL, AGENT, "a")),
    (Fold, AgentOSFold(AGENT)),
    (Fold, A2AFold(AGENT, "a")),
    (Fold, EventFold()),
]


def members(contract: Any) -> List[str]:
    named = set(vars(contract).get("__annotations__", ())) | set(vars(contract))
    return sorted(name for name in named if not name.startswith("_"))


@pytest.mark.parametrize(
    ("contract", "kept"), KEPT, ids=lambda each: getattr(each, "__name__", type(each).__name__)
)
def test_the_contract_is_kept_by_names_and_arguments(contract: Any, kept: Any) -> None:
    assert len(members(contract)) > 3
    for name in members(contract):
        promised, there = vars(contract).get(name), getattr(kept, name)
        if not inspect.isfunction(promised):
            continue
        wanted = list(inspect.signature(promised).parameters.values())[1:]
        given = inspect.signature(there).parameters
        assert list(given)[: len(wanted)] == [each.name for each in wanted], name
        for each in wanted:
            assert given[each.name].default == each.default, "%s(%s=)" % (name, each.name)
        more = list(given.values())[len(wanted) :]
        assert all(each.default is not each.empty for each in more), name


def test_a_channel_sends_the_calls_of_its_own_protocol_only() -> None:
    call = Call(Request("GET", URL), lambda response: None)
    opened: Any = StreamCall(Request("POST", URL), AgentOSFold(AGENT))
    fold = A2AFold(AGENT, "a")
    with A2AAndAgentOS() as (agentos, a2a):
        for ask in (
            lambda: agentos.send(Operation(GET_TASK, {}, lambda result, interface: None)),
            lambda: agentos.open(StreamOperation(GET_TASK, {}, fold)),
            lambda: agentos.take_up(StreamOperation(GET_TASK, {}, fold)),
            lambda: a2a.send(call),
            lambda: a2a.open(opened),
            lambda: a2a.take_up(opened),
        ):
            with pytest.raises(TypeError, match="is no"):
                ask()


class A2AAndAgentOS:
    def __enter__(self) -> Any:
        self.channels = Connection(URL), A2AConnection(URL)
        return self.channels

    def __exit__(self, *exc_info: Any) -> None:
        for each in self.channels:
            each.close()


# The order of a fold's calls: what watches it in other tests has to notice


def ended() -> Any:
    fold = in_order(AgentOSFold)(AGENT, "r", "s")
    fold.decode("", {"event": "RunCompleted", "run_id": "r", "content": "x"})
    assert fold.finished
    return fold


OUTPUT = RunOutput(run_id="r", session_id="s", status="COMPLETED", content="x")


@pytest.mark.parametrize(
    ("calls", "words"),
    [
        (lambda fold: fold.resumed(), "resumed of a fold that is finished"),
        (lambda fold: fold.settle(OUTPUT), "settle of a fold that is finished"),
        (lambda fold: (fold.flush(), fold.flush()), "flush of a fold that is done"),
        (lambda fold: (fold.flush(), fold.decode("", {})), "decode of a fold that is done"),
        (lambda fold: (fold.flush(), fold.end()), "end of a fold that is done"),
    ],
)
def test_a_call_out_of_order_is_noticed(calls: Any, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        calls(ended())


def test_a_flush_before_the_end_is_noticed() -> None:
    fold = in_order(A2AFold)(AGENT, "a")
    with pytest.raises(AssertionError, match="flush of a fold that is open"):
        fold.flush()


@pytest.mark.parametrize("make", [AgentOSFold, lambda *given: A2AFold(AGENT, "a", "s", "r")])
def test_a_run_that_was_looked_up_is_told_and_ends_the_fold(make: Any) -> None:
    fold = make(AGENT, "r", "s")
    task = {
        "id": "r",
        "contextId": "s",
        "status": {"state": "TASK_STATE_CANCELED"},
    }
    found = RunOutput.from_dict(
        {"run_id": "r", "session_id": "s", "status": "CANCELLED", "task": task}
    )
    told = fold.catch_up(found)
    assert told[-1].event == "RunCancelled"
    assert fold.finished and fold.cancelled and fold.output().is_cancelled
    assert fold.catch_up(found) == []
    assert not make(AGENT, "r", "s").cancelled
