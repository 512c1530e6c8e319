"""What keeps the runs of local components.

``SQLiteStore`` is in ``.sqlite`` and ``RedisStore`` in ``.redis``, which load what they need.
"""

from .contract import Limits, Query, Session, Store, StoredRun, sessions_of
from .memory import MemoryStore
from .opening import open_store

__all__ = [
    "Limits",
    "MemoryStore",
    "Query",
    "Session",
    "Store",
    "StoredRun",
    "open_store",
    "sessions_of",
]
