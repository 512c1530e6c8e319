"""Many inputs on a crafted server: order, bounds, failures, journals, other executors."""

import json
import threading
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any, Dict, Iterator, List

import pytest

from remoteagent_lite import RemoteAgent, RetryPolicy, RunFailedError, ServerError
from tests.peers.faults import Connection, RawServer, Request, reply


def answer(connection: Connection, request: Request) -> None:
    """Echo the message; "fail" fails as a run, "break" as a request."""
    (message,) = request.form["message"]
    if message == "break":
        reply(b'{"detail": "broken"}', 500)(connection, request)
        return
    status = {"fail": "ERROR", "wait": "PAUSED"}.get(message, "COMPLETED")
    body = {
        "run_id": request.form["run_id"][0],
        "session_id": request.form["session_id"][0],
        "content": "echo: " + message,
        "status": status,
    }
    reply(json.dumps(body))(connection, request)


@pytest.fixture
def server() -> Iterator[RawServer]:
    with RawServer(answer) as server:
        yield server


@pytest.fixture
def agent(server: RawServer) -> Iterator[RemoteAgent]:
    with RemoteAgent(server.url, "a") as agent:
        yield agent


def test_results_come_in_the_order_of_the_inputs(agent: RemoteAgent) -> None:
    results = list(agent.map("row %d" % n for n in range(100)))
    assert [result.index for result in results] == list(range(100))
    assert [result.output.content for result in results] == ["echo: row %d" % n for n in range(100)]
    assert all(result.ok and result.input == "row %d" % n for n, result in enumerate(results))


def test_results_come_as_they_end_if_the_order_does_not_matter(server: RawServer) -> None:
    first_may_end = threading.Event()

    def late(connection: Connection, request: Request) -> None:
        if request.form["message"] == ["first"]:
            connection.wait(first_may_end)
        answer(connection, request)

    server.then(late)
    server._handlers.pop(0)
    with RemoteAgent(server.url, "a") as agent:
        results = agent.map(["first", "second"], ordered=False)
        assert next(results).input == "second"
        first_may_end.set()
        assert next(results).input == "first"
        assert list(results) == []


def test_a_row_that_fails_is_a_result_with_an_error(agent: RemoteAgent) -> None:
    good, failed, broken, waiting = agent.map(["good", "fail", "break", "wait"])
    assert good.ok and good.error is None
    assert not failed.ok and isinstance(failed.error, RunFailedError)
    assert failed.output.status == "ERROR"
    assert not broken.ok and isinstance(broken.error, ServerError) and broken.output is None
    assert not waiting.ok and waiting.output.is_paused
    assert "waits for" in str(waiting.error) and "continue_run" in str(waiting.error)


def test_inputs_are_never_read_ahead_by_more_than_is_said(agent: RemoteAgent) -> None:
    read: List[int] = []

    def endless() -> Iterator[str]:
        number = 0
        while True:
            read.append(number)
            yield "row %d" % number
            number += 1

    results = agent.map(endless(), workers=4)
    assert read == []  # nothing begins before the first result is asked for
    for handed_out in range(1, 50):
        next(results)
        assert len(read) <= handed_out + 3 * 4
    results.close()


def test_no_more_than_the_workers_are_under_way(server: RawServer) -> None:
    lock = threading.Lock()
    under_way: Dict[str, int] = {"now": 0, "most": 0}
    everybody = threading.Barrier(5)

    def counted(connection: Connection, request: Request) -> None:
        with lock:
            under_way["now"] += 1
            under_way["most"] = max(under_way["most"], under_way["now"])
        everybody.wait(10)  # as many as there are workers have to be here at once
        with lock:
            under_way["now"] -= 1
        answer(connection, request)

    server.then(counted)
    server._handlers.pop(0)
    with RemoteAgent(server.url, "a") as agent:
        assert len(list(agent.map(["x"] * 50, workers=5))) == 50
    assert under_way["most"] == 5


def test_what_the_inputs_raise_comes_behind_the_rows_before_it(agent: RemoteAgent) -> None:
    def rows() -> Iterator[str]:
        yield "one"
        raise LookupError("no more")

    results = agent.map(rows())
    assert next(results).output.content == "echo: one"
    with pytest.raises(LookupError, match="no more"):
        next(results)


def test_a_wrong_option_is_refused_before_anything_is_sent(
    server: RawServer, agent: RemoteAgent
) -> None:
    with pytest.raises(TypeError, match="did you mean 'session_id'"):
        agent.map(["x"], sesion_id="s")  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="workers"):
        agent.map(["x"], workers=0)
    assert server.requests == []


def test_progress_is_told_with_the_total_where_there_is_one(agent: RemoteAgent) -> None:
    seen: List[Any] = []
    list(agent.map(["a", "b"], progress=lambda *counts: seen.append(counts)))
    list(agent.map(iter(["a"]), progress=lambda *counts: seen.append(counts)))
    assert seen == [(1, 2), (2, 2), (1, None)]


def test_leaving_early_ends_what_is_under_way_at_once(server: RawServer) -> None:
    def never(connection: Connection, request: Request) -> None:
        if request.form["message"] == ["first"]:
            answer(connection, request)
        else:
            connection.wait_until_client_closes()
            connection.close()

    server.then(never)
    server._handlers.pop(0)
    with RemoteAgent(server.url, "a", timeout=600) as agent:
        for result in agent.map(["first", *["x"] * 20], workers=4):
            assert result.ok
            server.wait_for_requests(5)
            break
        server.wait_until_idle()


class AtOnce:
    """An executor that has run what it is given before it returns."""

    def submit(self, function: Any, *arguments: Any) -> "Future[Any]":
        future: "Future[Any]" = Future()
        try:
            future.set_result(function(*arguments))
        except BaseException as error:
            future.set_exception(error)
        return future


def test_any_executor_will_do(agent: RemoteAgent) -> None:
    executor: Any = AtOnce()
    results = list(agent.map(["row %d" % n for n in range(2000)], executor=executor, workers=500))
    assert [result.index for result in results] == list(range(2000))


def test_rows_can_run_in_other_processes(agent: RemoteAgent) -> None:
    with ProcessPoolExecutor(2) as executor:
        results = list(agent.map(["good", "fail", "break"], executor=executor, workers=2))
    assert [result.ok for result in results] == [True, False, False]
    assert isinstance(results[1].error, RunFailedError)
    assert isinstance(results[2].error, ServerError)


def test_a_busy_server_fails_no_row_and_runs_none_twice() -> None:
    """What a naive program does: fifty threads, and a server that takes so many in a while."""
    lock = threading.Lock()
    executed: List[str] = []
    places = {"left": 20}
    busy = reply(b'{"detail": "slow down"}', 429, headers=[("Retry-After", "0")])

    def limited(connection: Connection, request: Request) -> None:
        with lock:
            places["left"] -= 1
            taken = places["left"] >= 0
            if taken:
                executed.extend(request.form["message"])
            elif places["left"] < -5:
                places["left"] = 20
        (answer if taken else busy)(connection, request)

    rows = ["row %d" % n for n in range(500)]
    policy = RetryPolicy(backoff=0.01)
    with RawServer(limited) as server, RemoteAgent(server.url, "a", retry=policy) as agent:
        with ThreadPoolExecutor(50) as pool:
            outputs = list(pool.map(agent.run, rows))
    assert [output.content for output in outputs] == ["echo: " + row for row in rows]
    assert sorted(executed) == sorted(rows)
