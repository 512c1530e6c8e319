"""Runs kept in Redis: for processes of several machines."""

from __future__ import annotations

import importlib
import time
from typing import Any, Dict, Iterable, List, Optional, Sequence, Set, Tuple

from ...errors import StoreError, shown_url
from .contract import Query, Session, Store, StoredRun, sessions_of

__all__ = ["RedisStore"]

# The keys, behind the prefix: a hash per run, and a stream for its log, in which the entry at place
# n has the id n+1. A stream "turn" has an item whose id is the version, for who waits for that.
# All runs are in sorted sets by updated_at: "runs", and those of a component, session and user;
# those that nobody holds in "free", and the others in "held" by held_until. "bytes" is what all of
# them take.
# A script is executed as a whole, so none of these is ever seen half written. A Redis whose memory
# is full refuses the first command of a script that wants some, and none after one that changed
# something and wants none: ZREM comes first wherever runs end, or are renewed, or forgotten.
_COMMON = """
local prefix = KEYS[1]

local function at(kind, id)
    return prefix .. kind .. ':' .. id
end

local function indices(id)
    local run = redis.call('HMGET', at('run', id), 'component', 'session_id', 'user_id')
    local found = {prefix .. 'runs', at('component', run[1]), at('session', run[2])}
    if run[3] then
        found[4] = at('user', run[3])
    end
    return found
end

local function take(id)
    for _, key in ipairs(indices(id)) do
        redis.call('ZREM', key, id)
    end
    redis.call('ZREM', prefix .. 'free', id)
    redis.call('ZREM', prefix .. 'held', id)
end

local function put(id)
    local run = redis.call('HMGET', at('run', id), 'updated_at', 'holder', 'held_until')
    for _, key in ipairs(indices(id)) do
        redis.call('ZADD', key, run[1], id)
    end
    if run[2] == '' then
        redis.call('ZADD', prefix .. 'free', run[1], id)
    else
        redis.call('ZADD', prefix .. 'held', run[3], id)
    end
end

local function grow(id, field, bytes)
    redis.call('HINCRBY', at('run', id), field, bytes)
    redis.call('INCRBY', prefix .. 'bytes', bytes)
end

local function append(id, first)
    local log = at('log', id)
    local length = redis.call('XLEN', log)
    local bytes = 0
    for i = first, #ARGV do
        length = length + 1
        bytes = bytes + #ARGV[i]
        redis.call('XADD', log, length .. '-0', 'entry', ARGV[i])
    end
    if bytes > 0 then
        grow(id, 'log_bytes', bytes)
    end
end

-- From ARGV: the members of a run, and whether it is a user's.
local NAMES = {'run_id', 'component', 'session_id', 'status', 'user_id', 'created_at', 'updated_at',
    'version', 'holder', 'held_until', 'data'}
local ENTRIES = #NAMES + 2

local function write(id)
    local key = at('run', id)
    local bytes = 0
    for i, name in ipairs(NAMES) do
        if name ~= 'user_id' or ARGV[ENTRIES - 1] == '1' then
            redis.call('HSET', key, name, ARGV[i])
            bytes = bytes + #ARGV[i]
        else
            redis.call('HDEL', key, name)
        end
    end
    grow(id, 'record_bytes', bytes - tonumber(redis.call('HGET', key, 'record_bytes') or 0))
end

local function forget(id)
    local key = at('run', id)
    local bytes = redis.call('HMGET', key, 'record_bytes', 'log_bytes')
    if bytes[1] then
        take(id)
        redis.call('DEL', key, at('log', id), at('turn', id))
        redis.call('DECRBY', prefix .. 'bytes', tonumber(bytes[1]) + tonumber(bytes[2] or 0))
    end
end
"""

_ADD = """
local id = ARGV[1]
if redis.call('EXISTS', at('run', id)) == 1 then
    return 0
end
write(id)
put(id)
return 1
"""

_CHANGE = """
local id = ARGV[1]
local version = ARGV[8]
local kept = redis.call('HMGET', at('run', id), 'version', 'holder', 'held_until')
if not kept[1] or tonumber(kept[1]) ~= tonumber(version) - 1 then
    return 0
end
if kept[2] == ARGV[9] and tonumber(kept[3]) > tonumber(ARGV[10]) then
    ARGV[10] = kept[3]
end
take(id)
write(id)
put(id)
redis.call('XADD', at('turn', id), 'MAXLEN', 1, version .. '-0', 'version', version)
append(id, ENTRIES)
return 1
"""

_APPEND = """
if redis.call('HGET', at('run', ARGV[1]), 'holder') ~= ARGV[2] then
    return 0
end
append(ARGV[1], 3)
return 1
"""

_ENTRIES = """
local log = redis.call('XRANGE', at('log', ARGV[1]), ARGV[2] .. '-0', '+', 'COUNT', ARGV[3])
for i, item in ipairs(log) do
    log[i] = item[2][2]
end
return log
"""

_RENEW = """
local held = {}
for i = 2, #ARGV, 2 do
    local id = ARGV[i]
    local key = at('run', id)
    if ARGV[i + 1] ~= '' and redis.call('HGET', key, 'holder') == ARGV[i + 1] then
        redis.call('ZREM', prefix .. 'held', id)
        redis.call('HSET', key, 'held_until', ARGV[1])
        redis.call('ZADD', prefix .. 'held', ARGV[1], id)
        held[#held + 1] = id
    end
end
return held
"""

_OVERDUE = """
local found = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', prefix .. 'held', '-inf', '(' .. ARGV[1])) do
    found[#found + 1] = redis.call('HMGET', at('run', id), unpack(NAMES))
end
return found
"""

# ARGV: "runs", "headers" or "count"; component, session and user, each after whether it matters;
# what it was changed after, or ""; updated_at (or "") and run_id of the last one known; how many;
# and the statuses.
_SELECT = """
local what = ARGV[1]
local after, before, before_id, limit = ARGV[8], ARGV[9], ARGV[10], tonumber(ARGV[11])
local wanted = {}
local index = prefix .. 'runs'
local conditions = 0
for i, name in ipairs({'component', 'user', 'session'}) do
    local n = ({component = 2, session = 4, user = 6})[name]
    if ARGV[n] == '1' then
        wanted[i] = ARGV[n + 1]
        index = at(name, ARGV[n + 1])
        conditions = conditions + 1
    end
end
local statuses
for i = 12, #ARGV do
    statuses = statuses or {}
    statuses[ARGV[i]] = true
end

-- As sorted sets order their members: Lua's own < goes by the language of the machine.
local function is_less(one, other)
    for i = 1, math.min(#one, #other) do
        local a, b = one:byte(i), other:byte(i)
        if a ~= b then
            return a < b
        end
    end
    return #one < #other
end

local low, high = '-inf', '+inf'
if after ~= '' then
    low = '(' .. after
end
if what == 'count' and not statuses and conditions < 2 then
    return redis.call('ZCOUNT', index, low, high)
end
if before ~= '' then
    high = before
end

local fields = {unpack(NAMES)}
if what == 'headers' then
    fields[#fields] = nil
end
local found, count, start = {}, 0, 0
while count < limit do
    local ids = redis.call('ZREVRANGEBYSCORE', index, high, low, 'LIMIT', start, 200)
    if #ids == 0 then
        break
    end
    start = start + #ids
    for _, id in ipairs(ids) do
        local key = at('run', id)
        local run = redis.call('HMGET', key, 'component', 'user_id', 'session_id', 'status',
            'updated_at')
        local fits = not statuses or statuses[run[4]]
        for i = 1, 3 do
            fits = fits and (wanted[i] == nil or wanted[i] == run[i])
        end
        if fits and before ~= '' and tonumber(run[5]) == tonumber(before) then
            fits = is_less(id, before_id)
        end
        if fits then
            count = count + 1
            if what ~= 'count' then
                found[count] = redis.call('HMGET', key, unpack(fields))
            end
            if count == limit then
                break
            end
        end
    end
end
if what == 'count' then
    return count
end
return found
"""

_DELETE = """
for i = 1, #ARGV do
    forget(ARGV[i])
end
"""

_PRUNE = """
local before, most_runs, most_bytes = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local forgotten = 0
while forgotten < tonumber(ARGV[4]) do
    local oldest = redis.call('ZRANGE', prefix .. 'free', 0, 0, 'WITHSCORES')
    if #oldest == 0 or not (
        tonumber(oldest[2]) < before
        or redis.call('ZCARD', prefix .. 'runs') > most_runs
        or tonumber(redis.call('GET', prefix .. 'bytes') or 0) > most_bytes
    ) then
        break
    end
    forget(oldest[1])
    forgotten = forgotten + 1
end
return forgotten
"""

_SCRIPTS = (_ADD, _CHANGE, _APPEND, _ENTRIES, _RENEW, _OVERDUE, _SELECT, _DELETE, _PRUNE)

_TIMES = ("created_at", "updated_at", "held_until")

#: Seconds for which one command waits for news: a run that is deleted makes none.
_BLOCK = 1.0

#: How many runs are forgotten at a time, while others wait.
_FORGOTTEN = 100

# By the server's words: of some of them redis-py takes away the code that they begin with.
_ADVICE = (
    ("maxmemory", "it has no memory left: give it more, or bound more narrowly what is kept"),
    ("MISCONF", "it cannot write to its disk: see its log"),
    ("read only", "this is a replica: name the one that it copies"),
    ("loading the dataset", "it is starting: try again in a moment"),
    ("WRONGTYPE", "something else uses the same keys: name another database"),
    ("Authentication required", "it wants a password: redis://:PASSWORD@host"),
    ("already authenticated", "it wants a password: redis://:PASSWORD@host"),
    ("unauthenticated", "it wants a password: redis://:PASSWORD@host"),
    ("invalid username-password", "see the user and the password in the URL"),
    ("permissions", "give its user the right to all commands on these keys"),
    ("unknown command", "it has to be Redis 5 or newer"),
)


class RedisStore(Store):
    """A Redis database, of version 5 or newer, that processes of any machines share.

    ``url`` is as redis-py reads it: ``redis://[user:password@]host:port/database``, ``rediss`` with
    TLS, ``unix:///path?db=0``; no cluster. All keys begin with ``prefix``. ``timeout`` seconds are
    waited for a connection and for an answer. A command is never sent twice: of one that lost its
    connection it is not known whether it was carried out. Threads take connections from a pool; who
    waits has one for as long.

    Needs the extra ``redis``: ImportError without it. ValueError for a URL that is none. Nothing is
    connected here.
    """

    def __init__(self, url: str, *, prefix: str = "remoteagent:", timeout: float = 10.0) -> None:
        try:
            redis: Any = importlib.import_module("redis")
        except ImportError as error:
            raise ImportError(
                "a store in Redis needs redis-py: pip install 'remoteagent-lite[redis]'"
            ) from error
        self._errors: Any = redis.RedisError
        self._url = shown_url(url)
        self._prefix = prefix
        try:
            known = {"socket_timeout": timeout}
            if not url.startswith("unix:"):
                known["socket_connect_timeout"] = timeout
            pool = redis.ConnectionPool.from_url(url, **known)
        except (ValueError, TypeError):
            # Its words may have a part of the password.
            raise ValueError(
                "%s is no URL of a Redis: it is redis://user:password@host:port/database, with "
                "what is special in a password percent-encoded" % self._url
            ) from None
        retry = importlib.import_module("redis.retry").Retry
        none = importlib.import_module("redis.backoff").NoBackoff()
        # An append that is sent again might be there twice.
        pool.connection_kwargs.update(
            decode_responses=False, retry=retry(none, 0), retry_on_timeout=False
        )
        patience = pool.connection_kwargs.get("socket_timeout") or timeout
        self._block = min(_BLOCK, float(patience) / 2)
        self._pool = pool
        self._client: Any = redis.Redis(connection_pool=pool)
        self._scripts: Dict[str, Any] = {
            text: self._client.register_script(_COMMON + text) for text in _SCRIPTS
        }

    # --- One run

    def add(self, run: StoredRun) -> bool:
        return bool(self._call(_ADD, _written(run)))

    def get(self, run_id: str) -> Optional[StoredRun]:
        found = self._ask("HMGET", self._key("run", run_id), *StoredRun._fields)
        return None if found[0] is None else _read(found)

    def change(self, run: StoredRun, entries: Sequence[str] = ()) -> bool:
        return bool(self._call(_CHANGE, [*_written(run), *map(_bytes, entries)]))

    def append(self, run_id: str, holder: str, entries: Sequence[str]) -> bool:
        # "" is the holder of none, and never asked for.
        sent = [_bytes(run_id), _bytes(holder), *map(_bytes, entries)]
        return bool(holder) and bool(self._call(_APPEND, sent))

    def entries(self, run_id: str, start: int = 0, limit: int = 1000) -> List[str]:
        if limit < 1:
            return []
        return [_text(each) for each in self._call(_ENTRIES, [_bytes(run_id), start + 1, limit])]

    def wait(self, run_id: str, start: int, version: int, seconds: float) -> None:
        until = time.monotonic() + seconds
        run, log, turn = (self._key(kind, run_id) for kind in ("run", "log", "turn"))
        while True:
            kept = self._ask("HGET", run, "version")
            left = until - time.monotonic()
            if kept is None or int(kept) != version:
                return
            block = max(1, int(min(left, self._block) * 1000))  # 0 would be for ever
            heard = self._ask(
                "XREAD", "COUNT", 1, "BLOCK", block, "STREAMS", log, turn,
                "%d-0" % start, "%d-0" % version,
            )  # fmt: skip
            if heard or left <= self._block:
                return

    # --- Holding

    def renew(self, holds: Iterable[Tuple[str, str]], until: float) -> Set[str]:
        sent = [repr(float(until))]
        named = [_bytes(each) for hold in holds for each in hold]
        return {_text(run_id) for run_id in self._call(_RENEW, [*sent, *named])}

    def overdue(self, now: float) -> List[StoredRun]:
        return [_read(run) for run in self._call(_OVERDUE, [repr(float(now))])]

    # --- Many runs

    def runs(self, query: Query) -> List[StoredRun]:
        return [_read(run) for run in self._call(_SELECT, _asked("runs", query))]

    def count(self, query: Query) -> int:
        return int(self._call(_SELECT, _asked("count", query)))

    def sessions(self, query: Query) -> List[Session]:
        found = self._call(_SELECT, _asked("headers", query))
        return sessions_of(_read([*run, b""]) for run in found)

    def delete(self, run_ids: Iterable[str]) -> None:
        sent = [_bytes(run_id) for run_id in run_ids]
        for start in range(0, len(sent), _FORGOTTEN):
            self._call(_DELETE, sent[start : start + _FORGOTTEN])

    def prune(self, before: float, most_runs: int, most_bytes: int) -> None:
        limits = [repr(float(before)), most_runs, most_bytes, _FORGOTTEN]
        while self._call(_PRUNE, limits) == _FORGOTTEN:
            pass

    # --- The server

    def close(self) -> None:
        """Close the connections; the next call opens others."""
        self._pool.disconnect()

    def _key(self, kind: str, run_id: str) -> bytes:
        return _bytes("%s%s:%s" % (self._prefix, kind, run_id))

    def _call(self, script: str, values: Sequence[Any]) -> Any:
        try:
            return self._scripts[script](keys=[_bytes(self._prefix)], args=values)
        except (self._errors, OSError) as error:
            raise self._failure(error) from error

    def _ask(self, *command: Any) -> Any:
        try:
            return self._client.execute_command(*command)
        except (self._errors, OSError) as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> StoreError:
        words = str(error)
        advice = "see whether it is there and can be reached from here"
        for known, better in _ADVICE:
            if known in words:
                advice = better
                break
        return StoreError("%r: %s; %s" % (self, words, advice), self._url)

    def describe(self) -> Dict[str, Any]:
        return {"kind": "RedisStore", "url": self._url, "prefix": self._prefix}

    def __repr__(self) -> str:
        return "RedisStore(%r)" % self._url


# --- Values. Times are written so that the same float is read.


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogatepass")


def _written(run: StoredRun) -> List[Any]:
    """What scripts read as NAMES, and whether it is a user's."""
    sent: List[Any] = []
    for value in run:
        if isinstance(value, float):
            sent.append(repr(value))
        else:
            sent.append(value if isinstance(value, int) else _bytes(value or ""))
    return [*sent, int(run.user_id is not None)]


def _read(found: Sequence[Any]) -> StoredRun:
    known: Dict[str, Any] = {}
    for name, value in zip(StoredRun._fields, found):
        if name in _TIMES:
            known[name] = float(value)
        elif name == "version":
            known[name] = int(value)
        else:
            known[name] = None if value is None else _text(value)
    return StoredRun(**known)


def _asked(what: str, query: Query) -> List[Any]:
    """What ``_SELECT`` reads."""
    sent: List[Any] = [what]
    for wanted in (query.component, query.session_id, query.user_id):
        sent += [int(wanted is not None), _bytes(wanted or "")]
    is_page = what == "runs"
    before = query.before if is_page else None
    sent += [
        "" if query.updated_after is None else repr(float(query.updated_after)),
        "" if before is None else repr(float(before[0])),
        b"" if before is None else _bytes(before[1]),
        query.limit if is_page else 1 << 40,
    ]
    return [*sent, *map(_bytes, query.statuses)]
