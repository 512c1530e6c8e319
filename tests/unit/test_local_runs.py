"""Runs of Python functions: executed once, followed from anywhere, cancelled, paused."""

import os
import threading
import time
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import pytest

from remoteagent_lite import RunFailedError, StoreError
from remoteagent_lite.gateway.local.component import agent, team, workflow
from remoteagent_lite.gateway.local.engine import Engine
from remoteagent_lite.gateway.local.record import Record, asked_by_message, asked_by_text
from remoteagent_lite.gateway.local.run import AgentError, Message, Run
from remoteagent_lite.gateway.store.contract import Query
from remoteagent_lite.gateway.store.memory import MemoryStore
from remoteagent_lite.media import Image
from remoteagent_lite.wsgi import Refused


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def engine(store: MemoryStore) -> Iterator[Engine]:
    engine = Engine(store, beat=0.02, lease=5.0)
    yield engine
    engine.close()


@pytest.fixture
def elsewhere(store: MemoryStore) -> Iterator[Engine]:
    """Another process, as far as an engine can tell: it shares the store and no more."""
    engine = Engine(store, beat=0.02, lease=5.0)
    yield engine
    engine.close()


def told(engine: Engine, record: Record, start: int = 0, **options: Any) -> List[Dict[str, Any]]:
    with engine.follow(record, start, **options) as following:
        found = []
        while True:
            logged = following.next_event(10)
            if logged is None:
                return found
            assert logged.place == start + len(found)
            found.append(logged.entry)


def kinds(entries: List[Dict[str, Any]]) -> List[str]:
    return [each["kind"] for each in entries]


def ended(engine: Engine, function: Any, text: str = "hi", **options: Any) -> Record:
    local = function if hasattr(function, "key") else agent(function)
    record = engine.wait(engine.begin(local, asked_by_text(text, **options)), 10)
    assert record.status != "RUNNING"
    return record


class Held:
    """A function that waits, until the test lets it go on."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.cleaned = threading.Event()
        self.cancelled: Optional[bool] = None

    def __call__(self, run: Run) -> Iterator[str]:
        try:
            yield "one"
            self.begun.set()
            assert self.go_on.wait(10)
            self.cancelled = run.cancelled
            yield "two"
        finally:
            self.cleaned.set()


# --- What is an answer


def returns(value: Any) -> Callable[[Run], Any]:
    return lambda run: value


@pytest.mark.parametrize("value", ["text", {"a": [1]}, [1, 2], 7, False])
def test_what_is_returned_is_the_answer(engine: Engine, value: Any) -> None:
    record = ended(engine, returns(value))
    assert (record.status, record.data["content"]) == ("COMPLETED", value)


def test_pieces_are_told_as_they_come_and_are_the_answer(engine: Engine) -> None:
    @agent
    def greet(run: Run) -> Iterator[str]:
        yield "Hello "
        run.send("dear ")
        yield run.text
        return "!"

    record = engine.begin(greet, asked_by_text("you"))
    entries = told(engine, record)
    assert kinds(entries) == ["started", *["content"] * 4, "completed"]
    assert entries[-1]["content"] == "Hello dear you!"
    found = engine.find("agents/greet", record.run_id)
    assert found is not None and found.data["content"] == "Hello dear you!"


def test_a_value_behind_pieces_is_sent_beside_them(engine: Engine) -> None:
    def both(run: Run) -> Any:
        yield "text"
        return {"a": 1}

    record = ended(engine, both)
    assert record.data["content"] == "text"
    assert record.data["artifacts"][0]["parts"] == [{"data": {"a": 1}}]


def test_nothing_is_an_answer_too(engine: Engine) -> None:
    record = ended(engine, lambda run: None)
    assert (record.status, record.data["content"]) == ("COMPLETED", "")


def test_files_and_data_are_sent(engine: Engine) -> None:
    def send(run: Run) -> Iterator[Any]:
        yield Image(content=b"\x89PNG\r\n\x1a\n")
        run.send_file(b"a,b", filename="table.csv", name="table")
        run.send_data({"rows": 2}, name="size", description="how many")

    image, table, size = ended(engine, send).data["artifacts"]
    assert image["parts"][0]["mediaType"] == "image/png"
    assert table["name"] == "table"
    assert table["parts"] == [{"raw": "YSxi", "mediaType": "text/csv", "filename": "table.csv"}]
    assert (size["parts"], size["description"]) == ([{"data": {"rows": 2}}], "how many")


@pytest.mark.parametrize("wrong", [object(), {1, 2}.__iter__, b"bytes"])
def test_what_is_no_answer_fails_the_run(engine: Engine, wrong: Any) -> None:
    record = ended(engine, lambda run: wrong)
    assert record.status == "ERROR"
    assert record.data["error"]["type"] == "TypeError"


def test_a_function_is_handed_what_was_sent(engine: Engine) -> None:
    seen: Dict[str, Any] = {}

    @agent(id="look")
    def look(run: Run) -> str:
        for name in "text input data files session_id user_id run_id message_id metadata".split():
            seen[name] = getattr(run, name)
        seen["repr"] = repr(run)
        return "ok"

    parts = [{"text": "a"}, {"text": "b"}, {"data": {"n": 1}}, {"raw": "eA==", "filename": "x.txt"}]
    message = {"messageId": "m1", "role": "ROLE_USER", "parts": parts}
    asked = asked_by_message(message, session_id="s", run_id="r", user_id="u", metadata={"k": "v"})
    engine.wait(engine.begin(look, asked))
    assert seen["text"] == seen["input"] == "a\nb"
    assert seen["data"] == [{"n": 1}]
    assert (seen["files"][0].content, seen["files"][0].filename) == (b"x", "x.txt")
    assert [seen[name] for name in ("session_id", "run_id", "user_id")] == ["s", "r", "u"]
    assert (seen["message_id"], seen["metadata"]) == ("m1", {"k": "v"})
    assert seen["repr"] == "<run r of agents/look>"


@pytest.mark.parametrize(("parts", "value"), [([1], 1), ([1, 2], [1, 2]), ([], "")])
def test_the_input_of_a_message_without_text_is_its_data(
    engine: Engine, parts: List[Any], value: Any
) -> None:
    message = {"messageId": "m", "role": "ROLE_USER", "parts": [{"data": each} for each in parts]}
    local = agent(id="it")(lambda run: {"input": run.input})
    record = engine.wait(engine.begin(local, asked_by_message(message)))
    assert record.data["content"] == {"input": value}


# --- How a run fails


def test_a_failure_is_told_without_its_internals(engine: Engine, caplog: Any) -> None:
    def fail(run: Run) -> Iterator[str]:
        yield "begun"
        raise ValueError("password=secret")

    record = ended(engine, agent(id="fails")(fail))
    assert record.status == "ERROR"
    assert record.data["error"] == {"text": "fails failed (ValueError)", "type": "ValueError"}
    assert record.data["content"] == "begun"
    assert "secret" not in str(record.data)
    assert "secret" in caplog.text  # the host's log has it


def test_an_agent_error_is_for_the_caller(engine: Engine) -> None:
    def fail(run: Run) -> str:
        raise AgentError("There is no such city.")

    assert ended(engine, fail).data["error"]["text"] == "There is no such city."


def test_a_run_can_be_turned_down(engine: Engine) -> None:
    def refuse(run: Run) -> str:
        try:
            run.reject("Not my business.")
        except Exception as error:
            raise AssertionError("no Exception may hold it up") from error
        return "done"

    record = ended(engine, refuse)
    assert record.is_rejected
    assert record.data["error"]["text"] == "Not my business."


def test_a_run_id_is_used_once(engine: Engine) -> None:
    calls: List[str] = []

    @agent
    def count(run: Run) -> str:
        calls.append(run.text)
        return "ok"

    engine.wait(engine.begin(count, asked_by_text("first", run_id="same")))
    with pytest.raises(Refused, match="already"):
        engine.begin(count, asked_by_text("second", run_id="same"))
    assert calls == ["first"]


def test_no_more_runs_than_may_be(store: MemoryStore) -> None:
    held = Held()
    engine = Engine(store, most_runs=1)
    local = agent(id="held")(held)
    record = engine.begin(local, asked_by_text("one"))
    with pytest.raises(Refused) as refused:
        engine.begin(local, asked_by_text("two"))
    assert refused.value.status == 429
    held.go_on.set()
    assert engine.wait(record).status == "COMPLETED"
    engine.close()


def test_another_users_run_is_not_found(engine: Engine) -> None:
    record = ended(engine, lambda run: "x", user_id="one")
    key = record.kept.component
    assert engine.find(key, record.run_id, "two") is None
    assert engine.find("agents/other", record.run_id) is None
    assert engine.find(key, record.run_id, "one") is not None


def test_history_is_the_sessions_own(engine: Engine) -> None:
    @agent
    def talk(run: Run) -> Any:
        return {"before": [[said.role, said.content] for said in run.history]}

    @agent
    def plain(run: Run) -> str:
        return "answer to " + run.text

    for text in ("one", "two"):
        ended(engine, plain, text, session_id="s")
    ended(engine, plain, "elsewhere", session_id="t")
    ended(engine, plain, "somebody else's", session_id="s", user_id="u")
    local = agent(id="plain")(talk.function)
    content = ended(engine, local, "three", session_id="s").data["content"]
    mine = [["user", "one"], ["assistant", "answer to one"]]
    assert content["before"][:2] == mine
    assert ["user", "elsewhere"] not in content["before"]
    content = ended(engine, local, "four", session_id="s", user_id="u").data["content"]
    assert content["before"] == [
        ["user", "somebody else's"],
        ["assistant", "answer to somebody else's"],
    ]


def test_a_reply_is_remembered_as_an_answer_is(engine: Engine) -> None:
    @agent(id="talk")
    def talk(run: Run) -> Any:
        if run.text == "first":
            return run.reply("a bare message")
        return {"before": [[said.role, said.content] for said in run.history]}

    ended(engine, talk, "first", session_id="s")
    content = ended(engine, talk, "second", session_id="s").data["content"]
    assert content["before"] == [["user", "first"], ["assistant", "a bare message"]]


# --- Followed, cancelled, and dead


def test_a_run_is_followed_and_cancelled_from_elsewhere(engine: Engine, elsewhere: Engine) -> None:
    held = Held()
    local = agent(id="held")(held)
    record = engine.begin(local, asked_by_text("go"))
    assert held.begun.wait(10)
    found = elsewhere.find("agents/held", record.run_id)
    assert found is not None and found.status == "RUNNING"
    with elsewhere.follow(found) as following:
        assert [following.next_event(10).entry["kind"] for _ in range(2)] == ["started", "content"]  # type: ignore[union-attr]
        with pytest.raises(TimeoutError):
            following.next_event(0.01)
        cancelled = elsewhere.cancel(found, "enough")
        assert (cancelled.status, cancelled.data["content"]) == ("CANCELLED", "one")
        last = following.next_event(10)
        assert last is not None and last.entry["kind"] == "cancelled"
        assert following.next_event(10) is None
        assert following.record.status == "CANCELLED"
    assert engine.wait(record, 10).status == "CANCELLED"  # where it is executed it is noticed
    held.go_on.set()
    assert held.cleaned.wait(10)
    assert held.cancelled is True
    assert kinds(told(engine, record)) == ["started", "content", "cancelled"]  # and no "two"


def test_cancelling_what_is_over_changes_nothing(engine: Engine) -> None:
    record = ended(engine, lambda run: "done")
    assert engine.cancel(record, "late").status == "COMPLETED"


def test_whoever_cancels_and_whoever_ends_agree(engine: Engine, elsewhere: Engine) -> None:
    """Whichever comes first: there is one end, and the log and the record say the same."""
    for _ in range(50):
        record = engine.begin(agent(id="quick")(lambda run: "x"), asked_by_text("go"))
        status = elsewhere.cancel(record, "maybe").status
        last = told(elsewhere, record)[-1]["kind"]
        assert last == {"COMPLETED": "completed", "CANCELLED": "cancelled"}[status]
        found = engine.find("agents/quick", record.run_id)
        assert found is not None and found.status == status


def test_a_dead_process_fails_its_runs(store: MemoryStore, engine: Engine) -> None:
    asked = asked_by_text("go")
    dead = Record.begun("agents/it", asked, "holder", time.time() - 1.0)
    assert store.add(dead.kept)
    assert store.append(asked.run_id, "holder", ['{"kind":"content","text":"half","at":1}'])
    found = engine.find("agents/it", asked.run_id)
    assert found is not None
    assert (found.status, found.data["content"]) == ("ERROR", "half")
    assert found.data["error"]["text"] == "The process that executed the run has ended."
    assert not store.append(asked.run_id, "holder", ["late"])  # it was not dead: it is told so
    assert kinds(told(engine, found)) == ["content", "failed"]


def test_lists_fail_the_dead_as_well(store: MemoryStore, engine: Engine) -> None:
    dead = Record.begun("agents/it", asked_by_text("go"), "holder", time.time() - 1.0)
    store.add(dead.kept)
    assert [each.status for each in engine.runs(Query("agents/it"))] == ["ERROR"]


def test_a_long_silence_is_not_death(store: MemoryStore) -> None:
    engine = Engine(store, beat=0.01, lease=0.2)
    held = Held()
    record = engine.begin(agent(id="held")(held), asked_by_text("go"))
    until = record.kept.held_until
    while True:  # until it was renewed
        kept = store.get(record.run_id)
        assert kept is not None and kept.status == "RUNNING"
        if kept.held_until > until + 0.2:
            break
        store.wait(record.run_id, 99, kept.version, 0.01)
    held.go_on.set()
    assert engine.wait(record, 10).status == "COMPLETED"
    engine.close()


def test_a_store_that_fails_ends_the_run_for_those_who_listen(
    store: MemoryStore, engine: Engine, monkeypatch: Any
) -> None:
    held = Held()
    record = engine.begin(agent(id="held")(held), asked_by_text("go"))
    assert held.begun.wait(10)

    def full(*args: Any) -> bool:
        raise StoreError("the disk is full")

    with engine.follow(record) as following:
        monkeypatch.setattr(store, "append", full)
        held.go_on.set()
        while following.next_event(10) is not None:
            pass
        assert following.record.status == "ERROR"
        assert "disk is full" in following.record.data["error"]["text"]


def test_closing_ends_what_is_executed(store: MemoryStore) -> None:
    engine = Engine(store)
    held = Held()
    record = engine.begin(agent(id="held")(held), asked_by_text("go"))
    assert held.begun.wait(10)
    closing = threading.Thread(target=engine.close)
    closing.start()
    assert engine.wait(record, 10).data["error"]["text"] == "The gateway was closed."
    held.go_on.set()
    closing.join(10)
    assert held.cleaned.is_set()
    assert ended(engine, lambda run: "again").status == "COMPLETED"
    engine.close()


def test_closing_leaves_a_run_that_has_just_paused(store: MemoryStore) -> None:
    paused, go_on = threading.Event(), threading.Event()

    class Late(Engine):
        """The thread of a run that has ended is still there when it is closed."""

        def _forget(self, *given: Any) -> None:
            paused.set()
            assert go_on.wait(20)
            super()._forget(*given)

    engine = Late(store)
    local = agent(id="asks")(lambda run: run.ask("Which?"))
    record = engine.begin(local, asked_by_text("go"))
    assert paused.wait(10)
    closing = threading.Thread(target=engine.close)
    closing.start()
    while not engine.closings:
        time.sleep(0.001)
    go_on.set()
    closing.join(10)
    record = engine.find(local.key, record.run_id) or record
    assert record.status == "PAUSED"
    assert engine.wait(engine.answer(local, record, "red"), 10).data["content"] == "red"
    engine.close()


def test_a_function_that_does_not_notice_its_end_costs_nothing(store: MemoryStore) -> None:
    """Its gateway is closed; until it ends it is looked after every now and then."""
    beats: List[float] = []

    class Counting(Engine):
        def _renew_all(self, executions: Any) -> None:
            beats.append(time.monotonic())
            super()._renew_all(executions)

    engine = Counting(store, beat=0.2)
    begun, go_on = threading.Event(), threading.Event()

    def deaf(run: Run) -> None:
        begun.set()
        go_on.wait(10)

    engine.begin(agent(id="deaf")(deaf), asked_by_text("go"))
    assert begun.wait(10)
    closing = threading.Thread(target=engine.close)
    closing.start()
    while len(beats) < 4:
        time.sleep(0.001)
    assert beats[3] - beats[1] > 0.2
    go_on.set()
    closing.join(10)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_runs_its_own(engine: Engine) -> None:
    held = Held()
    record = engine.begin(agent(id="held")(held), asked_by_text("go"))
    assert held.begun.wait(10)
    child = os.fork()
    if not child:
        content = ended(engine, lambda run: "from the child").data["content"]
        os._exit(0 if content == "from the child" else 1)
    assert os.waitpid(child, 0)[1] == 0
    held.go_on.set()
    assert engine.wait(record, 10).data["content"] == "onetwo"


def test_what_one_run_tells_is_bounded(engine: Engine, monkeypatch: Any) -> None:
    monkeypatch.setattr("remoteagent_lite.gateway.local.execution._MOST", 10000)

    def endless(run: Run) -> Iterator[str]:
        while True:
            yield "x" * 100

    record = ended(engine, endless)
    assert (record.status, record.data["error"]["type"]) == ("ERROR", "ValueError")


# --- Asking


def test_a_question_pauses_and_the_answer_goes_on_elsewhere(
    engine: Engine, elsewhere: Engine
) -> None:
    done: List[str] = []

    @agent
    def order(run: Run) -> Iterator[str]:
        yield "Looking. "
        price = run.tool("price", {"item": run.text}, lambda item: done.append(item) or 12)
        size = run.ask("Which size?", ["S", "L"])
        yield "Size %s. " % size
        if run.confirm("buy", {"price": price}):
            yield "Bought for %d." % price

    record = engine.wait(engine.begin(order, asked_by_text("shirt")))
    assert record.status == "PAUSED"
    assert record.data["pending"]["question"] == "Which size?"
    with pytest.raises(ValueError, match="none of S, L"):
        elsewhere.answer(order, record, "XXL")
    again = elsewhere.answer(order, record, "L")
    with pytest.raises(Refused, match="already"):
        engine.answer(order, record, "S")  # somebody was faster
    again = elsewhere.wait(again)
    assert again.data["pending"]["args"] == {"price": 12}
    with pytest.raises(ValueError, match="confirmed or rejected"):
        engine.answer(order, again, "perhaps")
    last = engine.wait(engine.answer(order, again, {"confirmed": True, "note": "go"}))
    assert last.data["content"] == "Looking. Size L. Bought for 12."
    assert done == ["shirt"]  # once
    assert kinds(told(elsewhere, last)) == (
        "started content tool tool_done paused continued content paused continued content "
        "completed".split()
    )
    said = [each["parts"][0].get("text") for each in last.data["messages"]]
    assert said == ["shirt", "Which size?", "L", "May buy be called?", None]


def test_a_note_comes_with_a_rejection(engine: Engine) -> None:
    @agent
    def careful(run: Run) -> Any:
        decision = run.confirm("delete", {"path": "/x"}, "Delete it?")
        return {"may": bool(decision), "note": decision.note}

    record = engine.wait(engine.begin(careful, asked_by_text("go")))
    last = engine.wait(engine.answer(careful, record, {"confirmed": False, "note": "too late"}))
    assert last.data["content"] == {"may": False, "note": "too late"}


def test_a_follower_can_go_through_pauses(engine: Engine) -> None:
    @agent
    def asks(run: Run) -> str:
        return "It is " + run.ask("What?")

    record = engine.wait(engine.begin(asks, asked_by_text("go")))
    found: List[str] = []
    asked = threading.Event()

    def follow() -> None:
        with engine.follow(record, through_pauses=True) as following:
            while True:
                logged = following.next_event(10)
                if logged is None:
                    return
                found.append(logged.entry["kind"])
                if logged.entry["kind"] == "paused":
                    asked.set()

    thread = threading.Thread(target=follow)
    thread.start()
    assert asked.wait(10)
    engine.answer(asks, record, "this")
    thread.join(10)
    assert found == ["started", "paused", "continued", "content", "completed"]


def test_a_function_that_does_not_repeat_itself_fails(engine: Engine, caplog: Any) -> None:
    turns: List[int] = []

    @agent
    def moody(run: Run) -> str:
        turns.append(1)
        run.tool("roll%d" % len(turns), {}, lambda: 6)
        return run.ask("And?")

    record = engine.wait(engine.begin(moody, asked_by_text("go")))
    last = engine.wait(engine.answer(moody, record, "well"))
    assert (last.status, last.data["error"]["type"]) == ("ERROR", "RuntimeError")
    assert "has to do the same" in caplog.text


def test_what_cannot_be_given_again_fails_when_it_has_to_be_kept(engine: Engine) -> None:
    @agent
    def keeps(run: Run) -> str:
        run.tool("open", {}, object)
        return run.ask("And?") if run.text == "ask" else "fine"

    assert ended(engine, keeps, "go").status == "COMPLETED"
    record = ended(engine, keeps, "ask")
    assert (record.status, record.data["error"]["type"]) == ("ERROR", "TypeError")


# --- Tools and steps


def test_tools_are_told_with_their_results(engine: Engine) -> None:
    def use(run: Run) -> str:
        with run.tool("search", {"query": "x"}) as call:
            call.result = ["found"]
        with pytest.raises(ZeroDivisionError):
            run.tool("divide", {"by": 0}, lambda by: 1 / by)
        return str(run.tool("add", {"a": 1, "b": 2}, lambda a, b: a + b))

    record = ended(engine, use)
    search, divide, add = record.data["tools"]
    assert (search["result"], search["tool_call_error"]) == (["found"], False)
    assert (divide["result"], divide["tool_call_error"]) == ("ZeroDivisionError", True)
    assert (add["tool_args"], add["result"], record.data["content"]) == ({"a": 1, "b": 2}, 3, "3")


def test_steps_run_functions_and_other_components(engine: Engine) -> None:
    @agent
    def shout(run: Run) -> Iterator[str]:
        yield run.text.upper()
        run.send_data(len(run.text))
        yield "!"

    @workflow(id="both", steps=["trim", "shout"])
    def both(run: Run) -> str:
        run.tool("look", {}, str)
        trimmed = run.step("trim", str.strip)
        return str(run.step("shout", shout, trimmed.content).content)

    record = engine.begin(both, asked_by_text("  hello "))
    entries = told(engine, record)
    assert kinds(entries) == (
        "started tool tool_done step step_done step passed artifact passed step_done "
        "content completed".split()
    )
    passed = entries[6]
    assert passed["step"]["step_name"] == "shout"
    assert (passed["event"]["event"], passed["event"]["content"]) == ("RunContent", "HELLO")
    assert entries[-1]["content"] == "HELLO!"
    steps = engine.wait(record).data["steps"]
    assert [(each["step_name"], each["step_index"], each["content"]) for each in steps] == [
        ("trim", 0, "hello"),
        ("shout", 1, "HELLO!"),
    ]


def test_steps_of_a_gathering_run_at_the_same_time(engine: Engine) -> None:
    meet = threading.Barrier(3, timeout=10)

    @team(members=["a", "b", "c"])
    def ask_all(run: Run) -> Any:
        def answer(text: str) -> str:
            meet.wait()
            return text * 2

        return [each.content for each in run.gather(*((n, answer, n) for n in "abc"))]

    record = ended(engine, ask_all)
    assert record.kept.component == "teams/ask-all"
    numbers = sorted(each["step_index"] for each in record.data["steps"])
    assert numbers == [[0, 0], [0, 1], [0, 2]]
    assert record.data["content"] == ["aa", "bb", "cc"]


def test_all_of_a_gathering_are_waited_for_before_one_fails(engine: Engine) -> None:
    ran: List[str] = []

    def one(text: str) -> str:
        if text == "bad":
            raise AgentError("one of them failed")
        ran.append(text)
        return text

    record = ended(engine, lambda run: run.gather(("1", one, "bad"), ("2", one, "good")))
    assert record.data["error"]["text"] == "one of them failed"
    assert ran == ["good"]


def test_a_question_within_a_gathering_leaves_the_others_done_once(engine: Engine) -> None:
    ran: List[str] = []

    @agent
    def asks(run: Run) -> str:
        return run.ask("Name?")

    @agent
    def gathers(run: Run) -> Any:
        steps = run.gather(("ask", asks), ("work", lambda text: ran.append(text) or "done"))
        return [each.content for each in steps]

    record = engine.wait(engine.begin(gathers, asked_by_text("go")))
    assert record.status == "PAUSED"
    last = engine.wait(engine.answer(gathers, record, "Ada"))
    assert last.data["content"] == ["Ada", "done"]
    assert ran == ["go"]


def test_what_is_no_step_is_refused(engine: Engine) -> None:
    record = ended(engine, lambda run: run.step("it", 7))
    assert record.data["error"]["type"] == "TypeError"


def test_a_failed_step_is_known_as_failed_when_the_function_goes_on(engine: Engine) -> None:
    failures: List[Tuple[str, str]] = []

    class Fails:
        """What a remote agent is to a step, as far as this test goes."""

    @agent
    def inner(run: Run) -> str:
        raise AgentError("broken")

    @agent
    def outer(run: Run) -> str:
        try:
            run.step("inner", inner)
        except (AgentError, RunFailedError) as error:
            failures.append(("failed", str(error)))
        return "went on"

    assert ended(engine, outer).data["content"] == "went on"
    assert failures == [("failed", "broken")]


# --- What components are


def test_a_component_is_described_by_its_function() -> None:
    @agent
    def greet_people(run: Run) -> str:
        """Greets people,
        kindly.

        More.
        """
        return ""

    assert (greet_people.id, greet_people.description) == ("greet-people", "Greets people, kindly.")
    assert greet_people.key == "agents/greet-people"
    assert greet_people(None) == ""
    named = agent(id="x", name="X", skills=["Say hello"], examples=["Hi"])(lambda run: "")
    assert (named.name, named.skills[0]["id"], named.examples) == ("X", "say-hello", ["Hi"])
    assert repr(named) == "<agent 'x'>"


@pytest.mark.parametrize("id", ["", "a/b", ".", ".."])
def test_an_id_that_no_path_can_hold_is_refused(id: str) -> None:
    with pytest.raises(ValueError, match="cannot be the id"):
        agent(id=id)(lambda run: "")


def test_messages_show_what_was_said() -> None:
    assert Message("user", "hi").content == "hi"
