"""Runs kept in Redis: what every store does, and what only this one. With a real server."""

import uuid
from typing import Iterator, Tuple

import pytest

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
