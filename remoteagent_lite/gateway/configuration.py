"""A gateway out of a file, TOML or JSON: what it fronts, who is let in, and where it is served.

Texts that are ``$NAME`` are taken from the environment, so that no secret has to stand in the file.
TOML is read by Python itself, from 3.11 on; JSON by any.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import json
import os
from pathlib import Path
from typing import (
    Any,
    Callable,
    Dict,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Type,
    Union,
)

from ..loading import load
from ..options import RemoteSettings, Timeout
from ..remote import RemoteAgent, RemoteTeam, RemoteWorkflow
from .app import Gateway
from .auth import JWT, Door, Keys
from .local.component import LocalComponent
from .store.contract import Store

__all__ = ["Configuration", "from_file", "read"]

_KINDS: Dict[str, Type[Any]] = {
    "agents": RemoteAgent,
    "teams": RemoteTeam,
    "workflows": RemoteWorkflow,
}
#: The settings of Gateway that a file may have, and of a server.
_GATEWAY = (
    *("os_id", "name", "description", "upstream_auth", "runs_per_caller", "cors", "a2a"),
    *("a2a_versions", "public_url", "trusted_proxies", "push_hosts", "store"),
    *("body_limit", "header_limit", "heartbeat"),
)
_SERVER = ("host", "port", "threads")
_REMOTE = ("url", "id", "protocol", "a2a_protocol", "timeout", "config_ttl", "token")
#: Idle connections that are kept to a server. As many as were in use at once, which is what a
#: Remote* object keeps otherwise, are thousands after a busy hour.
_POOL = 64
#: What no file can hold.
_CODE = ("auth_token", "retry", "verify_card", "resume")
_JWT = ("keys", "algorithms", "audience", "issuer", "leeway", "require", "scopes")


class Configuration(NamedTuple):
    """What a file says. ``server`` has host, port and threads, as far as they are given."""

    remotes: List[Any]
    functions: List[Any]
    settings: Dict[str, Any]
    server: Dict[str, Any]

    def gateway(self, store: Optional[Store] = None) -> Gateway:
        """The gateway that is meant, with a ``store`` in place of the one that is named.

        Raises ValueError for settings that do not fit, StoreError for a store that cannot be
        opened.
        """
        settings = self.settings if store is None else {**self.settings, "store": store}
        try:
            return Gateway(*self.functions, *self.remotes, **settings)
        except ImportError as error:
            raise ValueError(str(error)) from error


def from_file(path: Union[str, os.PathLike[str]]) -> Gateway:
    """The gateway that a TOML or JSON file describes: a WSGI callable for any server.

    Raises OSError if it cannot be read, and ValueError, which names the place, for what is wrong;
    StoreError if its store cannot be opened. Modules of functions are found from the working
    directory.
    """
    return read(path).gateway()


def read(path: Union[str, os.PathLike[str]]) -> Configuration:
    """Read the file. Raises as ``from_file`` does."""
    file = Path(path)
    content = file.read_bytes()
    load = _toml(file) if file.suffix == ".toml" else json.loads
    try:
        data = load(content.decode("utf-8"))
    except ValueError as error:  # both kinds of decoders raise it
        raise ValueError("%s: %s" % (file, error)) from error
    try:
        return _configuration(_resolved(data))
    except (TypeError, ValueError, ImportError) as error:
        raise ValueError("%s: %s" % (file, error)) from error


def _toml(file: Path) -> Callable[[str], Any]:
    try:
        loads: Callable[[str], Any] = importlib.import_module("tomllib").loads
    except ImportError as error:
        raise ValueError("%s: TOML takes Python 3.11; use JSON here" % file) from error
    return loads


def _configuration(data: Any) -> Configuration:
    _check("the file", data, (*_KINDS, "functions", "auth", *_GATEWAY, *_SERVER))
    remotes = [
        _remote(where, remote, row)
        for kind, remote in _KINDS.items()
        for where, row in _rows(data, kind)
    ]
    functions = [_function(where, row) for where, row in _rows(data, "functions")]
    if not remotes and not functions:
        raise ValueError(
            "there is nothing to stand before: give [[agents]] with url and id, or [[functions]]"
        )
    settings = {name: data[name] for name in _GATEWAY if name in data}
    if "auth" in data:
        settings["auth"] = _door(data["auth"])
    server = {name: data[name] for name in _SERVER if name in data}
    return Configuration(remotes, functions, settings, server)


def _rows(data: Any, kind: str) -> List[Tuple[str, Any]]:
    """The tables of a kind, each with its place."""
    rows = data.get(kind, [])
    if not isinstance(rows, list):
        raise ValueError("[[%s]] is a list of tables" % kind)
    return [("[[%s]] number %d" % (kind, number), row) for number, row in enumerate(rows, 1)]


def _function(where: str, row: Any) -> Any:
    _check(where, row, ("function",))
    if not isinstance(row.get("function"), str):
        raise ValueError("%s needs function, as MODULE:NAME" % where)
    try:
        found = load(row["function"])
    except ValueError as error:
        raise ValueError("%s: %s" % (where, error)) from error
    if not (isinstance(found, LocalComponent) or inspect.isroutine(found)):
        raise ValueError("%s: %s is no function, but %.80r" % (where, row["function"], found))
    return found


def _remote(where: str, kind: Type[Any], row: Any) -> Any:
    known = [name for name in RemoteSettings.__annotations__ if name not in _CODE]
    _check(where, row, (*_REMOTE, *known))
    given = {"pool_size": _POOL, **row}
    for name in ("url", "id"):
        if not isinstance(given.get(name), str):
            raise ValueError("%s needs %s" % (where, name))
    url, id = given.pop("url"), given.pop("id")
    if "token" in given:
        given["auth_token"] = given.pop("token")
    timeout = given.get("timeout")
    if isinstance(timeout, dict):
        given["timeout"] = Timeout(**timeout)
    try:
        return kind(url, id, **given)
    except (TypeError, ValueError) as error:
        raise ValueError("%s: %s" % (where, error)) from error


def _door(data: Any) -> Optional[Door]:
    _check("[auth]", data, ("keys", "jwt"))
    if len(data) != 1:
        raise ValueError("[auth] has either keys or jwt")
    if "keys" in data:
        keys = data["keys"]
        return Keys(*([keys] if isinstance(keys, str) else keys))
    _check("[auth.jwt]", data["jwt"], _JWT)
    given = {"keys": [], "algorithms": [], **data["jwt"]}
    return JWT(given.pop("keys"), given.pop("algorithms"), **given)


def _check(where: str, data: Any, known: Sequence[str]) -> None:
    if not isinstance(data, dict):
        raise ValueError("%s holds a table" % where)
    for name in data:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = "did you mean %s?" % close[0] if close else "it knows " + ", ".join(known)
            raise ValueError("%s: there is no %s: %s" % (where, name, hint))


def _resolved(value: Any) -> Any:
    """The value with what it takes from the environment."""
    if isinstance(value, Mapping):
        return {name: _resolved(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_resolved(each) for each in value]
    if isinstance(value, str) and value[:1] == "$" and value[1:].isidentifier():
        found = os.environ.get(value[1:])
        if not found:
            raise ValueError("the environment has no %s" % value[1:])
        return found
    return value
