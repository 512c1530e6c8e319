"""Run AI agents, teams and workflows that are hosted elsewhere, from synchronous Python.

The names below are imported when they are first used, so that importing the package costs next to
nothing.
"""

from __future__ import annotations

from ._version import __version__

# Type checkers take this for true; importing it from typing would cost ten times the rest.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from .a2a_client import A2AClient as A2AClient
    from .client import AgentOSClient as AgentOSClient
    from .data import RemoteDb as RemoteDb, RemoteKnowledge as RemoteKnowledge
    from .errors import (
        A2AError as A2AError,
        AuthenticationError as AuthenticationError,
        CardVerificationError as CardVerificationError,
        ConflictError as ConflictError,
        ContentTypeNotSupportedError as ContentTypeNotSupportedError,
        ExtendedAgentCardNotConfiguredError as ExtendedAgentCardNotConfiguredError,
        ExtensionSupportRequiredError as ExtensionSupportRequiredError,
        InternalError as InternalError,
        InvalidAgentResponseError as InvalidAgentResponseError,
        InvalidParamsError as InvalidParamsError,
        InvalidRequestError as InvalidRequestError,
        JSONParseError as JSONParseError,
        MalformedRequestError as MalformedRequestError,
        MethodNotFoundError as MethodNotFoundError,
        NotFoundError as NotFoundError,
        PermissionDeniedError as PermissionDeniedError,
        ProtocolError as ProtocolError,
        PushNotificationNotSupportedError as PushNotificationNotSupportedError,
        RateLimitError as RateLimitError,
        RemoteAgentError as RemoteAgentError,
        RemoteHTTPError as RemoteHTTPError,
        RemoteServerUnavailableError as RemoteServerUnavailableError,
        RemoteTimeoutError as RemoteTimeoutError,
        RunFailedError as RunFailedError,
        ServerError as ServerError,
        StoreError as StoreError,
        StreamClosedError as StreamClosedError,
        StreamInterruptedError as StreamInterruptedError,
        TaskNotCancelableError as TaskNotCancelableError,
        TaskNotFoundError as TaskNotFoundError,
        UnsupportedError as UnsupportedError,
        UnsupportedOperationError as UnsupportedOperationError,
        VersionNotSupportedError as VersionNotSupportedError,
    )
    from .events import UnknownEvent as UnknownEvent
    from .media import Audio as Audio, File as File, Image as Image, Video as Video
    from .models import (
        RunEvent as RunEvent,
        RunOutput as RunOutput,
        TeamRunEvent as TeamRunEvent,
        TeamRunOutput as TeamRunOutput,
        ToolExecution as ToolExecution,
        WorkflowRunEvent as WorkflowRunEvent,
        WorkflowRunOutput as WorkflowRunOutput,
    )
    from .options import RetryPolicy as RetryPolicy, Timeout as Timeout
    from .push_notifications import (
        PushNotification as PushNotification,
        PushReceiver as PushReceiver,
    )
    from .remote import (
        RemoteAgent as RemoteAgent,
        RemoteTeam as RemoteTeam,
        RemoteWorkflow as RemoteWorkflow,
    )
    from .runs.batch import Result as Result
    from .runs.stream import RunStream as RunStream, merge as merge

_WHERE = {
    "a2a_client": ("A2AClient",),
    "client": ("AgentOSClient",),
    "data": ("RemoteDb", "RemoteKnowledge"),
    "errors": (
        "A2AError",
        "AuthenticationError",
        "CardVerificationError",
        "ConflictError",
        "ContentTypeNotSupportedError",
        "ExtendedAgentCardNotConfiguredError",
        "ExtensionSupportRequiredError",
        "InternalError",
        "InvalidAgentResponseError",
        "InvalidParamsError",
        "InvalidRequestError",
        "JSONParseError",
        "MalformedRequestError",
        "MethodNotFoundError",
        "NotFoundError",
        "PermissionDeniedError",
        "ProtocolError",
        "PushNotificationNotSupportedError",
        "RateLimitError",
        "RemoteAgentError",
        "RemoteHTTPError",
        "RemoteServerUnavailableError",
        "RemoteTimeoutError",
        "RunFailedError",
        "ServerError",
        "StoreError",
        "StreamClosedError",
        "StreamInterruptedError",
        "TaskNotCancelableError",
        "TaskNotFoundError",
        "UnsupportedError",
        "UnsupportedOperationError",
        "VersionNotSupportedError",
    ),
    "events": ("UnknownEvent",),
    "media": ("Audio", "File", "Image", "Video"),
    "models": (
        "RunEvent",
        "RunOutput",
        "TeamRunEvent",
        "TeamRunOutput",
        "ToolExecution",
        "WorkflowRunEvent",
        "WorkflowRunOutput",
    ),
    "options": ("RetryPolicy", "Timeout"),
    "push_notifications": ("PushNotification", "PushReceiver"),
    "remote": ("RemoteAgent", "RemoteTeam", "RemoteWorkflow"),
    "runs.batch": ("Result",),
    "runs.stream": ("RunStream", "merge"),
}
_MODULE_OF = {name: module for module, names in _WHERE.items() for name in names}

__all__ = ["__version__", *sorted(_MODULE_OF)]

# Hidden from type checkers, which would otherwise accept any name at all.
if not TYPE_CHECKING:

    def __getattr__(name):
        module = _MODULE_OF.get(name)
        if module is None:
            raise AttributeError("module %r has no attribute %r" % (__name__, name))
        from importlib import import_module

        value = getattr(import_module("." + module, __name__), name)
        globals()[name] = value
        return value

    def __dir__():
        return sorted({*globals(), *__all__})
