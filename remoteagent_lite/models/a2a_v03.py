# Generated from specs/a2a-0.3.json by codegen/models.py (make models). Do not edit.

from __future__ import annotations

from typing import Any, Dict, List, Literal, Optional, Union

from ..modelling.base import Model, Tagged, nested, renamed


class AgentCardSignature(Model):
    protected: str
    signature: str
    header: Optional[Dict[str, Any]] = None


class AgentExtension(Model):
    uri: str
    description: Optional[str] = None
    params: Optional[Dict[str, Any]] = None
    required: Optional[bool] = None


class AgentInterface(Model):
    transport: str
    url: str


class AgentProvider(Model):
    organization: str
    url: str


class AgentSkill(Model):
    description: str
    id: str
    name: str
    tags: List[str]
    examples: Optional[List[str]] = None
    input_modes: Optional[List[str]] = renamed("inputModes", default=None)
    output_modes: Optional[List[str]] = renamed("outputModes", default=None)
    security: Optional[List[Dict[str, List[str]]]] = None


class AuthorizationCodeOAuthFlow(Model):
    authorization_url: str = renamed("authorizationUrl")
    scopes: Dict[str, str]
    token_url: str = renamed("tokenUrl")
    refresh_url: Optional[str] = renamed("refreshUrl", default=None)


class ClientCredentialsOAuthFlow(Model):
    scopes: Dict[str, str]
    token_url: str = renamed("tokenUrl")
    refresh_url: Optional[str] = renamed("refreshUrl", default=None)


class DataPart(Model):
    data: Dict[str, Any]
    kind: Literal["data"] = "data"
    metadata: Optional[Dict[str, Any]] = None
    _constants = ("kind",)


class DeleteTaskPushNotificationConfigParams(Model):
    id: str
    push_notification_config_id: str = renamed("pushNotificationConfigId")
    metadata: Optional[Dict[str, Any]] = None


class FileWithBytes(Model):
    bytes: str
    mime_type: Optional[str] = renamed("mimeType", default=None)
    name: Optional[str] = None


class FileWithUri(Model):
    uri: str
    mime_type: Optional[str] = renamed("mimeType", default=None)
    name: Optional[str] = None


class GetTaskPushNotificationConfigParams(Model):
    id: str
    metadata: Optional[Dict[str, Any]] = None
    push_notification_config_id: Optional[str] = renamed("pushNotificationConfigId", default=None)


class HTTPAuthSecurityScheme(Model):
    scheme: str
    type: Literal["http"] = "http"
    bearer_format: Optional[str] = renamed("bearerFormat", default=None)
    description: Optional[str] = None
    _constants = ("type",)


class ImplicitOAuthFlow(Model):
    authorization_url: str = renamed("authorizationUrl")
    scopes: Dict[str, str]
    refresh_url: Optional[str] = renamed("refreshUrl", default=None)


class JSONRPCError(Model):
    code: int
    message: str
    data: Any = None


class JSONRPCErrorResponse(Model):
    error: JSONRPCError = nested("JSONRPCError")
    jsonrpc: Literal["2.0"] = "2.0"
    id: Optional[Union[str, int]] = None
    _constants = ("jsonrpc",)


class ListTaskPushNotificationConfigParams(Model):
    id: str
    metadata: Optional[Dict[str, Any]] = None


class MutualTLSSecurityScheme(Model):
    type: Literal["mutualTLS"] = "mutualTLS"
    description: Optional[str] = None
    _constants = ("type",)


class OpenIdConnectSecurityScheme(Model):
    open_id_connect_url: str = renamed("openIdConnectUrl")
    type: Literal["openIdConnect"] = "openIdConnect"
    description: Optional[str] = None
    _constants = ("type",)


class PasswordOAuthFlow(Model):
    scopes: Dict[str, str]
    token_url: str = renamed("tokenUrl")
    refresh_url: Optional[str] = renamed("refreshUrl", default=None)


class PushNotificationAuthenticationInfo(Model):
    schemes: List[str]
    credentials: Optional[str] = None


class PushNotificationConfig(Model):
    url: str
    authentication: Optional[PushNotificationAuthenticationInfo] = nested(
        "PushNotificationAuthenticationInfo", default=None
    )
    id: Optional[str] = None
    token: Optional[str] = None


class TaskIdParams(Model):
    id: str
    metadata: Optional[Dict[str, Any]] = None


class TaskPushNotificationConfig(Model):
    push_notification_config: PushNotificationConfig = nested(
        "PushNotificationConfig", "pushNotificationConfig"
    )
    task_id: str = renamed("taskId")


class TaskQueryParams(Model):
    id: str
    history_length: Optional[int] = renamed("historyLength", default=None)
    metadata: Optional[Dict[str, Any]] = None


class TextPart(Model):
    kind: Literal["text"] = "text"
    text: str
    metadata: Optional[Dict[str, Any]] = None
    _constants = ("kind",)


class APIKeySecurityScheme(Model):
    in_: In = renamed("in")
    name: str
    type: Literal["apiKey"] = "apiKey"
    description: Optional[str] = None
    _constants = ("type",)


class AgentCapabilities(Model):
    extensions: Optional[List[AgentExtension]] = nested(["AgentExtension"], default=None)
    push_notifications: Optional[bool] = renamed("pushNotifications", default=None)
    state_transition_history: Optional[bool] = renamed("stateTransitionHistory", default=None)
    streaming: Optional[bool] = None


class FilePart(Model):
    file: Union[FileWithBytes, FileWithUri] = nested(("FileWithBytes", "FileWithUri"))
    kind: Literal["file"] = "file"
    metadata: Optional[Dict[str, Any]] = None
    _constants = ("kind",)


class MessageSendConfiguration(Model):
    accepted_output_modes: Optional[List[str]] = renamed("acceptedOutputModes", default=None)
    blocking: Optional[bool] = None
    history_length: Optional[int] = renamed("historyLength", default=None)
    push_notification_config: Optional[PushNotificationConfig] = nested(
        "PushNotificationConfig", "pushNotificationConfig", default=None
    )


class OAuthFlows(Model):
    authorization_code: Optional[AuthorizationCodeOAuthFlow] = nested(
        "AuthorizationCodeOAuthFlow", "authorizationCode", default=None
    )
    client_credentials: Optional[ClientCredentialsOAuthFlow] = nested(
        "ClientCredentialsOAuthFlow", "clientCredentials", default=None
    )
    implicit: Optional[ImplicitOAuthFlow] = nested("ImplicitOAuthFlow", default=None)
    password: Optional[PasswordOAuthFlow] = nested("PasswordOAuthFlow", default=None)


class Artifact(Model):
    artifact_id: str = renamed("artifactId")
    parts: List[Part] = nested(["Part"])
    description: Optional[str] = None
    extensions: Optional[List[str]] = None
    metadata: Optional[Dict[str, Any]] = None
    name: Optional[str] = None


class Message(Model):
    kind: Literal["message"] = "message"
    message_id: str = renamed("messageId")
    parts: List[Part] = nested(["Part"])
    role: Role
    context_id: Optional[str] = renamed("contextId", default=None)
    extensions: Optional[List[str]] = None
    metadata: Optional[Dict[str, Any]] = None
    reference_task_ids: Optional[List[str]] = renamed("referenceTaskIds", default=None)
    task_id: Optional[str] = renamed("taskId", default=None)
    _constants = ("kind",)


class MessageSendParams(Model):
    message: Message = nested("Message")
    configuration: Optional[MessageSendConfiguration] = nested(
        "MessageSendConfiguration", default=None
    )
    metadata: Optional[Dict[str, Any]] = None


class OAuth2SecurityScheme(Model):
    flows: OAuthFlows = nested("OAuthFlows")
    type: Literal["oauth2"] = "oauth2"
    description: Optional[str] = None
    oauth2_metadata_url: Optional[str] = renamed("oauth2MetadataUrl", default=None)
    _constants = ("type",)


class TaskArtifactUpdateEvent(Model):
    artifact: Artifact = nested("Artifact")
    context_id: str = renamed("contextId")
    kind: Literal["artifact-update"] = "artifact-update"
    task_id: str = renamed("taskId")
    append: Optional[bool] = None
    last_chunk: Optional[bool] = renamed("lastChunk", default=None)
    metadata: Optional[Dict[str, Any]] = None
    _constants = ("kind",)


class TaskStatus(Model):
    state: TaskState
    message: Optional[Message] = nested("Message", default=None)
    timestamp: Optional[str] = None


class TaskStatusUpdateEvent(Model):
    context_id: str = renamed("contextId")
    final: bool
    kind: Literal["status-update"] = "status-update"
    status: TaskStatus = nested("TaskStatus")
    task_id: str = renamed("taskId")
    metadata: Optional[Dict[str, Any]] = None
    _constants = ("kind",)


class AgentCard(Model):
    capabilities: AgentCapabilities = nested("AgentCapabilities")
    default_input_modes: List[str] = renamed("defaultInputModes")
    default_output_modes: List[str] = renamed("defaultOutputModes")
    description: str
    name: str
    skills: List[AgentSkill] = nested(["AgentSkill"])
    url: str
    version: str
    additional_interfaces: Optional[List[AgentInterface]] = nested(
        ["AgentInterface"], "additionalInterfaces", default=None
    )
    documentation_url: Optional[str] = renamed("documentationUrl", default=None)
    icon_url: Optional[str] = renamed("iconUrl", default=None)
    preferred_transport: Optional[str] = renamed("preferredTransport", default="JSONRPC")
    protocol_version: Optional[str] = renamed("protocolVersion", default="0.3.0")
    provider: Optional[AgentProvider] = nested("AgentProvider", default=None)
    security: Optional[List[Dict[str, List[str]]]] = None
    security_schemes: Optional[Dict[str, SecurityScheme]] = nested(
        {"*": "SecurityScheme"}, "securitySchemes", default=None
    )
    signatures: Optional[List[AgentCardSignature]] = nested(["AgentCardSignature"], default=None)
    supports_authenticated_extended_card: Optional[bool] = renamed(
        "supportsAuthenticatedExtendedCard", default=None
    )


class Task(Model):
    context_id: str = renamed("contextId")
    id: str
    kind: Literal["task"] = "task"
    status: TaskStatus = nested("TaskStatus")
    artifacts: Optional[List[Artifact]] = nested(["Artifact"], default=None)
    history: Optional[List[Message]] = nested(["Message"], default=None)
    metadata: Optional[Dict[str, Any]] = None
    _constants = ("kind",)


In = Literal["cookie", "header", "query"]
Role = Literal["agent", "user"]
TaskState = Literal[
    "submitted",
    "working",
    "input-required",
    "completed",
    "canceled",
    "failed",
    "rejected",
    "auth-required",
    "unknown",
]
Part = Union[TextPart, FilePart, DataPart]
SecurityScheme = Union[
    APIKeySecurityScheme,
    HTTPAuthSecurityScheme,
    OAuth2SecurityScheme,
    OpenIdConnectSecurityScheme,
    MutualTLSSecurityScheme,
]
SendMessageResult = Union[Task, Message]
StreamResult = Union[Task, Message, TaskStatusUpdateEvent, TaskArtifactUpdateEvent]

UNIONS: Dict[str, Tagged] = {}
UNIONS["Part"] = Tagged(
    "kind",
    {
        "text": TextPart,
        "file": FilePart,
        "data": DataPart,
    },
)
UNIONS["SecurityScheme"] = Tagged(
    "type",
    {
        "apiKey": APIKeySecurityScheme,
        "http": HTTPAuthSecurityScheme,
        "oauth2": OAuth2SecurityScheme,
        "openIdConnect": OpenIdConnectSecurityScheme,
        "mutualTLS": MutualTLSSecurityScheme,
    },
)
UNIONS["SendMessageResult"] = Tagged(
    "kind",
    {
        "task": Task,
        "message": Message,
    },
)
UNIONS["StreamResult"] = Tagged(
    "kind",
    {
        "task": Task,
        "message": Message,
        "status-update": TaskStatusUpdateEvent,
        "artifact-update": TaskArtifactUpdateEvent,
    },
)
