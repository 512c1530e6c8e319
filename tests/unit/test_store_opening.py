"""Stores by their URLs."""

import sys
from pathlib import Path
from typing import Any, Dict
from unittest import mock

import pytest

from remoteagent_lite.gateway.store.memory import MemoryStore
from remoteagent_lite.gateway.store.opening import open_store
from remoteagent_lite.gateway.store.redis import RedisStore
from remoteagent_lite.gateway.store.sqlite import SQLiteStore


def test_store_is_opened_by_its_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert isinstance(open_store("memory:"), MemoryStore)
    beside = open_store("sqlite:///runs.db")
    assert isinstance(beside, SQLiteStore)
    assert beside.describe()["path"] == str((tmp_path / "runs.db").resolve())
    (tmp_path / "there").mkdir()
    there = open_store("sqlite:///%s" % (tmp_path / "there" / "with space.db"))
    assert isinstance(there, SQLiteStore)
    assert (tmp_path / "there" / "with space.db").exists()
    assert open_store(there) is there


@pytest.mark.parametrize(
    "url",
    [
        "",
        "runs.db",
        "memory",
        "memory://",
        "memory:x",
        "sqlite:",
        "sqlite:///",
        "sqlite:////",
        "sqlite://runs.db",
        "sqlite:///:memory:",
        "postgresql://user:hidden@host/runs",
        "user:hidden@host",
        None,
        7,
        b"memory:",
    ],
)
def test_what_names_no_store_is_told_the_forms_and_no_password(url: Any) -> None:
    with pytest.raises(ValueError, match="sqlite:///runs.db.*redis://host") as told:
        open_store(url)
    assert "hidden" not in str(told.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://localhost", "redis://localhost"),
        ("redis://:hidden@localhost:7000/3", "redis://localhost:7000/3"),
        ("rediss://user:hidden@example.com/0?socket_timeout=3", "rediss://example.com/0"),
        ("unix://user:hidden@/run/redis.sock?db=1&password=hidden", "unix:/run/redis.sock"),
    ],
)
def test_redis_is_not_asked_before_it_is_needed_and_no_password_shown(url: str, shown: str) -> None:
    store = open_store(url)
    assert isinstance(store, RedisStore)
    told = {**store.describe(), "repr": repr(store)}
    # Pythons differ in whether two slashes stand before none.
    assert {name: text.replace("unix:///", "unix:/") for name, text in told.items()} == {
        "kind": "RedisStore",
        "url": shown,
        "prefix": "remoteagent:",
        "repr": "RedisStore(%r)" % shown,
    }
    store.close()


@pytest.mark.parametrize(
    "url",
    ["redis://:hid/den@localhost", "redis://:hidden@localhost:port/0", "redis://[hidden"],
)
def test_unreadable_redis_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="percent-encoded") as told:
        open_store(url)
    error: Any = told.value
    while error is not None:
        assert "hid" not in str(error)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def test_redis_without_its_extra_names_it() -> None:
    hidden: Dict[str, Any] = {"redis": None}
    with mock.patch.dict(sys.modules, hidden):
        with pytest.raises(ImportError, match=r"pip install 'remoteagent-lite\[redis\]'"):
            open_store("redis://localhost")
