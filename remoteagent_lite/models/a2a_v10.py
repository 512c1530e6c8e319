# Generated from specs/a2a-1.0.json by codegen/models.py (make models). Do not edit.

from __future__ import annotations

from typing import Any, Dict, List, Literal, Optional

from ..modelling.base import Model, nested, renamed


class APIKeySecurityScheme(Model):
    location: str
    name: str
    description: Optional[str] = None


class AgentCardSignature(Model):
    protected: str
    signature: str
    header: Optional[Dict[str, Any]] = None


class AgentExtension(Model):
    uri: Optional[str] = None
    description: Optional[str] = None
    required: bool = False
    params: Optional[Dict[str, Any]] = None


class AgentInterface(Model):
    url: str
    protocol_binding: str = renamed("protocolBinding")
    protocol_version: str = renamed("protocolVersion")
    tenant: Optional[str] = None


class AgentProvider(Model):
    url: str
    organization: str


class AuthenticationInfo(Model):
    scheme: str
    credentials: Optional[str] = None


class AuthorizationCodeOAuthFlow(Model):
    authorization_url: str = renamed("authorizationUrl")
    token_url: str = renamed("tokenUrl")
    scopes: Dict[str, str]
    refresh_url: Optional[str] = renamed("refreshUrl", default=None)
    pkce_required: bool = renamed("pkceRequired", default=False)


class ClientCredentialsOAuthFlow(Model):
    token_url: str = renamed("tokenUrl")
    scopes: Dict[str, str]
    refresh_url: Optional[str] = renamed("refreshUrl", default=None)


class DeleteTaskPushNotificationConfigRequest(Model):
    task_id: str = renamed("taskId")
    id: str
    tenant: Optional[str] = None


class DeviceCodeOAuthFlow(Model):
    device_authorization_url: str = renamed("deviceAuthorizationUrl")
    token_url: str = renamed("tokenUrl")
    scopes: Dict[str, str]
    refresh_url: Optional[str] = renamed("refreshUrl", default=None)


class GetExtendedAgentCardRequest(Model):
    tenant: Optional[str] = None


class GetTaskPushNotificationConfigRequest(Model):
    task_id: str = renamed("taskId")
    id: str
    tenant: Optional[str] = None


class GetTaskRequest(Model):
    id: str
    tenant: Optional[str] = None
    history_length: Optional[int] = renamed("historyLength", default=None)


class HTTPAuthSecurityScheme(Model):
    scheme: str
    description: Optional[str] = None
    bearer_format: Optional[str] = renamed("bearerFormat", default=None)


class ImplicitOAuthFlow(Model):
    authorization_url: Optional[str] = renamed("authorizationUrl", default=None)
    refresh_url: Optional[str] = renamed("refreshUrl", default=None)
    scopes: Optional[Dict[str, str]] = None


class ListTaskPushNotificationConfigsRequest(Model):
    task_id: str = renamed("taskId")
    tenant: Optional[str] = None
    page_size: Optional[int] = renamed("pageSize", default=None)
    page_token: Optional[str] = renamed("pageToken", default=None)


class MutualTlsSecurityScheme(Model):
    description: Optional[str] = None


class OpenIdConnectSecurityScheme(Model):
    open_id_connect_url: str = renamed("openIdConnectUrl")
    description: Optional[str] = None


class Part(Model):
    text: Optional[str] = None
    raw: Optional[str] = None
    url: Optional[str] = None
    data: Optional[Any] = None
    metadata: Optional[Dict[str, Any]] = None
    filename: Optional[str] = None
    media_type: Optional[str] = renamed("mediaType", default=None)


class PasswordOAuthFlow(Model):
    token_url: Optional[str] = renamed("tokenUrl", default=None)
    refresh_url: Optional[str] = renamed("refreshUrl", default=None)
    scopes: Optional[Dict[str, str]] = None


class StringList(Model):
    list: Optional[List[str]] = None


class SubscribeToTaskRequest(Model):
    id: str
    tenant: Optional[str] = None


class TaskPushNotificationConfig(Model):
    url: str
    tenant: Optional[str] = None
    id: Optional[str] = None
    task_id: Optional[str] = renamed("taskId", default=None)
    token: Optional[str] = None
    authentication: Optional[AuthenticationInfo] = nested("AuthenticationInfo", default=None)


class AgentCapabilities(Model):
    streaming: Optional[bool] = None
    push_notifications: Optional[bool] = renamed("pushNotifications", default=None)
    extensions: Optional[List[AgentExtension]] = nested(["AgentExtension"], default=None)
    extended_agent_card: Optional[bool] = renamed("extendedAgentCard", default=None)


class Artifact(Model):
    artifact_id: str = renamed("artifactId")
    parts: List[Part] = nested(["Part"])
    name: Optional[str] = None
    description: Optional[str] = None
    metadata: Optional[Dict[str, Any]] = None
    extensions: Optional[List[str]] = None


class ListTaskPushNotificationConfigsResponse(Model):
    configs: Optional[List[TaskPushNotificationConfig]] = nested(
        ["TaskPushNotificationConfig"], default=None
    )
    next_page_token: Optional[str] = renamed("nextPageToken", default=None)


class ListTasksRequest(Model):
    tenant: Optional[str] = None
    context_id: Optional[str] = renamed("contextId", default=None)
    status: Optional[TaskState] = None
    page_size: Optional[int] = renamed("pageSize", default=None)
    page_token: Optional[str] = renamed("pageToken", default=None)
    history_length: Optional[int] = renamed("historyLength", default=None)
    status_timestamp_after: Optional[str] = renamed("statusTimestampAfter", default=None)
    include_artifacts: Optional[bool] = renamed("includeArtifacts", default=None)


class Message(Model):
    message_id: str = renamed("messageId")
    role: Role
    parts: List[Part] = nested(["Part"])
    context_id: Optional[str] = renamed("contextId", default=None)
    task_id: Optional[str] = renamed("taskId", default=None)
    metadata: Optional[Dict[str, Any]] = None
    extensions: Optional[List[str]] = None
    reference_task_ids: Optional[List[str]] = renamed("referenceTaskIds", default=None)


class OAuthFlows(Model):
    authorization_code: Optional[AuthorizationCodeOAuthFlow] = nested(
        "AuthorizationCodeOAuthFlow", "authorizationCode", default=None
    )
    client_credentials: Optional[ClientCredentialsOAuthFlow] = nested(
        "ClientCredentialsOAuthFlow", "clientCredentials", default=None
    )
    implicit: Optional[ImplicitOAuthFlow] = nested("ImplicitOAuthFlow", default=None)
    password: Optional[PasswordOAuthFlow] = nested("PasswordOAuthFlow", default=None)
    device_code: Optional[DeviceCodeOAuthFlow] = nested(
        "DeviceCodeOAuthFlow", "deviceCode", default=None
    )


class SecurityRequirement(Model):
    schemes: Optional[Dict[str, StringList]] = nested({"*": "StringList"}, default=None)


class TaskArtifactUpdateEvent(Model):
    task_id: str = renamed("taskId")
    context_id: str = renamed("contextId")
    artifact: Artifact = nested("Artifact")
    append: bool = False
    last_chunk: bool = renamed("lastChunk", default=False)
    metadata: Optional[Dict[str, Any]] = None


class TaskStatus(Model):
    state: TaskState
    message: Optional[Message] = nested("Message", default=None)
    timestamp: Optional[str] = None


class TaskStatusUpdateEvent(Model):
    task_id: str = renamed("taskId")
    context_id: str = renamed("contextId")
    status: TaskStatus = nested("TaskStatus")
    metadata: Optional[Dict[str, Any]] = None


class AgentSkill(Model):
    id: str
    name: str
    description: str
    tags: List[str]
    examples: Optional[List[str]] = None
    input_modes: Optional[List[str]] = renamed("inputModes", default=None)
    output_modes: Optional[List[str]] = renamed("outputModes", default=None)
    security_requirements: Optional[List[SecurityRequirement]] = nested(
        ["SecurityRequirement"], "securityRequirements", default=None
    )


class OAuth2SecurityScheme(Model):
    flows: OAuthFlows = nested("OAuthFlows")
    description: Optional[str] = None
    oauth2_metadata_url: Optional[str] = renamed("oauth2MetadataUrl", default=None)


class SecurityScheme(Model):
    api_key_security_scheme: Optional[APIKeySecurityScheme] = nested(
        "APIKeySecurityScheme", "apiKeySecurityScheme", default=None
    )
    http_auth_security_scheme: Optional[HTTPAuthSecurityScheme] = nested(
        "HTTPAuthSecurityScheme", "httpAuthSecurityScheme", default=None
    )
    oauth2_security_scheme: Optional[OAuth2SecurityScheme] = nested(
        "OAuth2SecurityScheme", "oauth2SecurityScheme", default=None
    )
    open_id_connect_security_scheme: Optional[OpenIdConnectSecurityScheme] = nested(
        "OpenIdConnectSecurityScheme", "openIdConnectSecurityScheme", default=None
    )
    mtls_security_scheme: Optional[MutualTlsSecurityScheme] = nested(
        "MutualTlsSecurityScheme", "mtlsSecurityScheme", default=None
    )


class Task(Model):
    id: str
    status: TaskStatus = nested("TaskStatus")
    context_id: Optional[str] = renamed("contextId", default=None)
    artifacts: Optional[List[Artifact]] = nested(["Artifact"], default=None)
    history: Optional[List[Message]] = nested(["Message"], default=None)
    metadata: Optional[Dict[str, Any]] = None


class AgentCard(Model):
    name: str
    description: str
    supported_interfaces: List[AgentInterface] = nested(["AgentInterface"], "supportedInterfaces")
    version: str
    capabilities: AgentCapabilities = nested("AgentCapabilities")
    default_input_modes: List[str] = renamed("defaultInputModes")
    default_output_modes: List[str] = renamed("defaultOutputModes")
    skills: List[AgentSkill] = nested(["AgentSkill"])
    provider: Optional[AgentProvider] = nested("AgentProvider", default=None)
    documentation_url: Optional[str] = renamed("documentationUrl", default=None)
    security_schemes: Optional[Dict[str, SecurityScheme]] = nested(
        {"*": "SecurityScheme"}, "securitySchemes", default=None
    )
    security_requirements: Optional[List[SecurityRequirement]] = nested(
        ["SecurityRequirement"], "securityRequirements", default=None
    )
    signatures: Optional[List[AgentCardSignature]] = nested(["AgentCardSignature"], default=None)
    icon_url: Optional[str] = renamed("iconUrl", default=None)


class ListTasksResponse(Model):
    tasks: List[Task] = nested(["Task"])
    next_page_token: str = renamed("nextPageToken")
    page_size: int = renamed("pageSize")
    total_size: int = renamed("totalSize")


class SendMessageResponse(Model):
    task: Optional[Task] = nested("Task", default=None)
    message: Optional[Message] = nested("Message", default=None)


class StreamResponse(Model):
    task: Optional[Task] = nested("Task", default=None)
    message: Optional[Message] = nested("Message", default=None)
    status_update: Optional[TaskStatusUpdateEvent] = nested(
        "TaskStatusUpdateEvent", "statusUpdate", default=None
    )
    artifact_update: Optional[TaskArtifactUpdateEvent] = nested(
        "TaskArtifactUpdateEvent", "artifactUpdate", default=None
    )


Role = Literal["ROLE_UNSPECIFIED", "ROLE_USER", "ROLE_AGENT"]
TaskState = Literal[
    "TASK_STATE_UNSPECIFIED",
    "TASK_STATE_SUBMITTED",
    "TASK_STATE_WORKING",
    "TASK_STATE_COMPLETED",
    "TASK_STATE_FAILED",
    "TASK_STATE_CANCELED",
    "TASK_STATE_INPUT_REQUIRED",
    "TASK_STATE_REJECTED",
    "TASK_STATE_AUTH_REQUIRED",
]
