"""Runs kept in Redis: what every store does, and what only this one. With a real server."""

import socket
import threading
import uuid
from functools import partial
from typing import Iterator, List, Tuple

import pytest

from remoteagent_lite.errors import StoreError
from remoteagent_lite.gateway.store.contract import Query, StoredRun
from remoteagent_lite.gateway.store.redis import RedisStore
from remoteagent_lite.testing.stores import StoreConformance
from tests.redis_server import RedisServer, missing


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    with RedisServer() as server:
        yield server


class TestRedisStore(StoreConformance):
    @pytest.fixture
    def stores(self, server: RedisServer) -> Iterator[Tuple[RedisStore, RedisStore]]:
        prefix = uuid.uuid4().hex + ":"
        first, second = (RedisStore(server.url, prefix=prefix) for _ in range(2))
        yield first, second
        first.close()
        second.close()


@pytest.fixture
def store(server: RedisServer) -> Iterator[RedisStore]:
    store = RedisStore(server.url, prefix=uuid.uuid4().hex + ":")
    store.add(a_run())
    yield store
    store.close()


def a_run(run_id: str = "run") -> StoredRun:
    return StoredRun(run_id, "agents/a", "session", "RUNNING", "user", holder="me")


def test_nothing_is_left_of_runs_that_are_forgotten(server: RedisServer) -> None:
    store = RedisStore(server.url, prefix="forgotten:")
    for number in range(6):
        run = a_run(str(number))
        store.add(run)
        store.append(run.run_id, "me", ["a", "é", "\ud83d"])
        run = run._replace(version=1, component="agents/b", user_id=None, session_id="other")
        store.change(run, ["b"])
        if number % 2:
            store.change(run._replace(version=2, holder="", user_id="user", data=""))
    store.delete(map(str, range(0, 6, 2)))
    store.prune(1e12, 0, 0)
    left = sorted(store._client.scan_iter("forgotten:*"))
    assert left == [b"forgotten:bytes"]
    assert store._client.get(b"forgotten:bytes") == b"0"
    store.close()


def test_prefixes_keep_stores_apart(server: RedisServer, store: RedisStore) -> None:
    other = RedisStore(server.url, prefix="another:")
    assert other.get("run") is None
    assert other.count(Query()) == 0
    other.close()


def test_server_that_goes_is_an_error_and_one_that_comes_back_is_used() -> None:
    if missing():
        pytest.skip(str(missing()))
    with RedisServer() as server:
        used = RedisStore(server.url)
        used.add(a_run())
        server.stop()
        unused = RedisStore(server.url.replace("unix://", "unix://user:hidden@"))
        for store in (used, unused):
            for call in (
                partial(store.get, "run"),
                partial(store.append, "run", "me", ["x"]),
                partial(store.wait, "run", 0, 0, 60.0),
                partial(store.runs, Query()),
            ):
                with pytest.raises(StoreError, match="see whether it is there") as told:
                    call()
                assert "hidden" not in "%s %r %s" % (told.value, told.value, told.value.__cause__)
                assert (told.value.url or "").endswith("/socket")
        server.start()
        assert used.add(a_run())  # this one kept nothing
        assert used.append("run", "me", ["a"])
        server.stop()
        server.start()
        assert used.append("run", "me", ["b"]) is False
        assert used.get("run") is None
        used.close()
        unused.close()


def test_who_waits_hears_of_a_server_that_goes() -> None:
    if missing():
        pytest.skip(str(missing()))
    with RedisServer() as server:
        store = RedisStore(server.url)
        store.add(a_run())
        errors: List[StoreError] = []

        def wait() -> None:
            try:
                store.wait("run", 0, 0, 600.0)
            except StoreError as error:
                errors.append(error)

        waiter = threading.Thread(target=wait)
        waiter.start()
        other = RedisStore(server.url)
        while not other._client.info("clients")["blocked_clients"]:
            pass
        other.close()
        server.stop()
        waiter.join(60)
        assert not waiter.is_alive()
        assert len(errors) == 1
        store.close()


def test_password_is_told_to_the_server_alone() -> None:
    if missing():
        pytest.skip(str(missing()))
    with RedisServer("--requirepass", "hidden/1") as server:
        path = server.url[len("unix://") :]
        with RedisStore("unix://:hidden%2F1@" + path) as store:
            assert store.add(a_run())
            assert "hidden" not in "%r %s" % (store, store.describe())
        for url, advice in (
            ("unix://" + path, "it wants a password"),
            ("unix://:wrong@" + path, "see the user and the password in the URL"),
        ):
            with RedisStore(url) as store:
                with pytest.raises(StoreError, match=advice) as told:
                    store.get("run")
                assert "wrong" not in str(told.value)


def test_full_memory_is_an_error_and_runs_can_end_nevertheless() -> None:
    if missing():
        pytest.skip(str(missing()))
    with RedisServer("--maxmemory", "4mb", "--maxmemory-policy", "noeviction") as server:
        with RedisStore(server.url) as store:
            store.add(a_run())
            store.add(a_run("other"))
            written = 0
            with pytest.raises(StoreError, match="it has no memory left"):
                while True:
                    assert store.append("run", "me", ["x" * 100000, "last"])
                    written += 2
            with pytest.raises(StoreError, match="it has no memory left"):
                while True:
                    assert store.append("other", "me", ["x" * 1000])
            assert store.get("run") == a_run()
            assert store.entries("run")[1::2] == ["last"] * (written // 2)
            assert store.renew([("run", "me")], 100.0) == {"run"}
            ended = a_run()._replace(version=1, status="COMPLETED", holder="", held_until=0.0)
            assert store.change(ended, ["end"])
            store.prune(0.0, 1, 10**15)
            assert store.get("run") is None
            assert store.append("other", "me", ["x" * 100000])
            store.delete(["other"])
            assert store.add(a_run())


def test_what_may_have_been_carried_out_is_not_sent_again(
    server: RedisServer, store: RedisStore
) -> None:
    """Of a connection that breaks behind a command: an entry is not there twice."""
    assert store.append("run", "me", ["first"])  # the server knows the script by now
    with Breaking(server.url[len("unix://") :], b"second") as port:
        over = RedisStore("redis://127.0.0.1:%d" % port, prefix=store._prefix)
        with pytest.raises(StoreError, match="see whether it is there"):
            over.append("run", "me", ["second"])
        over.close()
    assert store.entries("run") == ["first", "second"]


class Breaking:
    """Passes on what a client and a Redis say, up to a command with ``word`` and its answer.

    The client is not told that answer: its connection ends. The port on 127.0.0.1 is what ``with``
    gives.
    """

    def __init__(self, path: str, word: bytes) -> None:
        self._path = path
        self._word = word
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> int:
        self._thread.start()
        port: int = self._listener.getsockname()[1]
        return port

    def __exit__(self, *exc_info: object) -> None:
        # On Linux, closing it does not wake who accepts.
        socket.create_connection(self._listener.getsockname()).close()
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            client, _ = self._listener.accept()
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._path)
            with client, server:
                while True:
                    asked = client.recv(65536)
                    if not asked:
                        break
                    server.sendall(asked)
                    answer = server.recv(65536)
                    if self._word in asked:
                        break
                    client.sendall(answer)
                if not asked:
                    return
