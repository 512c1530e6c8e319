"""A store by its URL."""

from __future__ import annotations

import importlib
from typing import Union

from .contract import Store
from .memory import MemoryStore

__all__ = ["open_store"]

_FORMS = (
    'a store is "memory:", "sqlite:///runs.db" (beside the program), "sqlite:////var/lib/runs.db" '
    '(anywhere), "redis://host:6379/0", "rediss://..." (TLS), "unix:///run/redis.sock", or an '
    "object that is one"
)


def open_store(store: Union[str, Store]) -> Store:
    """The store that is named. ValueError for what names none.

    ImportError if Redis is named and the extra ``redis`` is not installed; StoreError if a file
    cannot be opened. Whether a Redis server answers shows when it is first used.
    """
    if isinstance(store, Store):
        return store
    if not isinstance(store, str):
        raise ValueError("%s; not a %s" % (_FORMS, type(store).__name__))
    # No more than the scheme is ever told of what is none: there may be a password in the rest.
    scheme, is_url, _ = store.partition(":")
    if store == "memory:":
        return MemoryStore()
    if scheme == "sqlite":
        path = store[len("sqlite:///") :]
        if not store.startswith("sqlite:///") or path in ("", "/", ":memory:"):
            raise ValueError(_FORMS)
        return _made("sqlite", "SQLiteStore", path)
    if scheme in ("redis", "rediss", "unix"):
        return _made("redis", "RedisStore", store)
    if is_url:
        raise ValueError("%s; not a %.20s:" % (_FORMS, scheme))
    raise ValueError(_FORMS)


def _made(module: str, name: str, where: str) -> Store:
    # What only one of them needs is not loaded for the others.
    made: Store = getattr(importlib.import_module("." + module, __package__), name)(where)
    return made
