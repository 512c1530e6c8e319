"""Runs kept in an SQLite file: what every store does, and what only this one."""

from pathlib import Path
from typing import Iterator, Tuple

import pytest

from remoteagent_lite.gateway.store.sqlite import SQLiteStore
from remoteagent_lite.testing.stores import StoreConformance


class TestSQLiteStore(StoreConformance):
    @pytest.fixture
    def stores(self, tmp_path: Path) -> Iterator[Tuple[SQLiteStore, SQLiteStore]]:
        path = tmp_path / "runs.db"
        first, second = SQLiteStore(path), SQLiteStore(path)
        yield first, second
        first.close()
        second.close()
