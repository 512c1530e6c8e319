"""What a refusal of an AgentOS means, where its answer does not say so itself. No I/O."""

from __future__ import annotations

import functools
from typing import Callable, Optional, Type

from ...errors import (
    InvalidRequestError,
    RemoteAgentError,
    RemoteHTTPError,
    ServerError,
    UnsupportedError,
)

__all__ = ["meaning"]


Meaning = Callable[[RemoteHTTPError], RemoteAgentError]


def meaning(route: str, since: Optional[str] = None) -> Meaning:
    """What a refusal of the endpoint means, where the server's answer does not say so itself.

    ``since`` is the Agno version whose servers have the endpoint. Older ones answer as if it were
    a wrong path, a wrong method, or the id of something.
    """
    return functools.partial(_explained, route, since)


#: What a server says that was set up without something, and what would have given it.
_NOT_SET_UP = (
    ("pass a `db` to AgentOS", "database of its own, as AgentOS(db=...)"),
    ("Media storage is not configured", "media storage, as Agent(media_storage=...)"),
)


def _explained(route: str, since: Optional[str], error: RemoteHTTPError) -> RemoteAgentError:
    status, detail = error.status_code, str(error.detail)
    asked = "%s %s" % (route.partition(" ")[0], error.url)
    if "db_id query parameter is required" in detail:  # 2.3 wraps this one into a 404
        hint = "%s Pass db_id=; get_config().databases lists them." % error.message
        return _renewed(error, InvalidRequestError, hint)
    if status == 400 and "exceeded maximum size" in detail:
        hint = (
            "Of any size are images, audio, videos and files given as bytes of a known type, "
            "without an id or further fields, to agents and teams. Give the rest by url=."
        )
        return _renewed(error, InvalidRequestError, "%s %s" % (error.message, hint))
    if since and (
        status == 405
        or (status == 404 and (detail == "Not Found" or route.endswith("/filter-schema")))
    ):
        return UnsupportedError(
            "%s: this server has no such endpoint. An AgentOS has it from Agno %s on. (Is base_url "
            "the server's root?)" % (asked, since),
            error.url,
        )
    for words, missing in _NOT_SET_UP:
        if status == 503 and words in detail:
            return UnsupportedError(
                "%s: this server has no %s gives it: %s" % (asked, missing, detail), error.url
            )
    if status == 401 and "model_authentication_error" in error.body:
        return _renewed(
            error,
            ServerError,
            "%s: it is the server's model that lacks a key: %s" % (asked, detail),
        )
    return error


def _renewed(error: RemoteHTTPError, cls: Type[RemoteHTTPError], message: str) -> RemoteHTTPError:
    return cls(message, error.url, error.status_code, error.detail, error.body, error.headers)
