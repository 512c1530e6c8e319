"""agent.map on Dask: a cluster of two worker processes, and a crafted server."""

import collections
import sys
import threading
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest

from remoteagent_lite import RemoteAgent, RunFailedError
from tests.peers.echo import Echo
from tests.peers.faults import Connection, RawServer, Request

if sys.version_info < (3, 10):  # its releases for these leave sockets behind
    pytest.skip("Dask is tested from Python 3.10 on", allow_module_level=True)
distributed = pytest.importorskip("distributed")


@pytest.fixture
def client() -> Iterator[Any]:
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=4, dashboard_address=None, processes=True
    ) as cluster, distributed.Client(cluster) as client:
        yield client


def test_rows_run_on_the_workers_of_a_cluster(client: Any, tmp_path: Path) -> None:
    lock = threading.Lock()
    under_way: Dict[str, int] = collections.Counter()
    echo = Echo()

    def handler(connection: Connection, request: Request) -> None:
        with lock:
            under_way["now"] += 1
            under_way["most"] = max(under_way["most"], under_way["now"])
        echo(connection, request)
        with lock:
            under_way["now"] -= 1

    rows = ["row %d" % n for n in range(100)]
    rows[17] = "fail"
    journal = str(tmp_path / "answers.jsonl")
    executor = client.get_executor()
    with RawServer(handler) as server, RemoteAgent(server.url, "a") as agent:
        for _ in range(2):
            results = list(agent.map(rows, executor=executor, workers=8, journal=journal))
            assert [result.index for result in results] == list(range(100))
            failed = results.pop(17)
            assert isinstance(failed.error, RunFailedError)
            assert all(result.output.content == "echo: " + result.input for result in results)
    assert set(echo.executions.values()) == {1}
    assert 1 < under_way["most"] <= 8
    done = client.run(lambda dask_worker: dask_worker.state.executed_count)
    assert len(done) == 2 and all(done.values()) and sum(done.values()) == 100
