# Generated from specs/agentos.json by codegen/models.py (make models). Do not edit.

from __future__ import annotations

from typing import Any, Dict, List, Literal, Optional, Union

from ..modelling.base import Model, nested, renamed


class AgentSessionDetailSchema(Model):
    agent_session_id: str
    session_id: str
    session_name: str
    user_id: Optional[str] = None
    session_summary: Optional[Dict[str, Any]] = None
    session_state: Optional[Dict[str, Any]] = None
    agent_id: Optional[str] = None
    total_tokens: Optional[int] = None
    agent_data: Optional[Dict[str, Any]] = None
    metrics: Optional[Dict[str, Any]] = None
    metadata: Optional[Dict[str, Any]] = None
    chat_history: Optional[List[Dict[str, Any]]] = None
    created_at: Optional[str] = None
    updated_at: Optional[str] = None


class ApprovalCountResponse(Model):
    count: int


class ApprovalStatusResponse(Model):
    approval_id: str
    status: str
    run_id: str
    resolved_at: Optional[int] = None
    resolved_by: Optional[str] = None


class ChatConfig(Model):
    quick_prompts: Dict[str, List[str]]


class ChunkerSchema(Model):
    key: str
    name: Optional[str] = None
    description: Optional[str] = None
    metadata: Optional[Dict[str, Any]] = None


class CompanyDomainConfig(Model):
    display_name: Optional[str] = None


class ConfigModel(Model):
    id: Optional[str] = None
    provider: Optional[str] = None


class ContentStatusResponse(Model):
    status: ContentStatus
    id: Optional[str] = None
    status_message: str = ""


class DatabaseConfigCompanyDomainConfig(Model):
    db_id: str
    domain_config: Optional[CompanyDomainConfig] = nested("CompanyDomainConfig", default=None)
    tables: Optional[List[str]] = None


class DayAggregatedMetrics(Model):
    id: str
    agent_runs_count: int
    agent_sessions_count: int
    team_runs_count: int
    team_sessions_count: int
    workflow_runs_count: int
    workflow_sessions_count: int
    users_count: int
    token_metrics: Dict[str, Any]
    model_metrics: List[Dict[str, Any]]
    date: str
    created_at: str
    updated_at: str


class EvalsDomainConfig(Model):
    display_name: Optional[str] = None


class FileSystemAgent(Model):
    id: str
    access: Literal["full", "read_only"] = "full"


class FileSystemNamespace(Model):
    backend_type: str
    namespace: str
    user_isolation: bool
    max_file_bytes: int
    max_namespace_bytes: int
    agents: List[FileSystemAgent] = nested(["FileSystemAgent"])
    db_id: Optional[str] = None
    db_schema: Optional[str] = None
    table_name: Optional[str] = None


class FilterFieldSchema(Model):
    key: str
    label: str
    type: str
    operators: List[str]
    values: Optional[List[str]] = None


class FilterSchemaResponse(Model):
    fields: List[FilterFieldSchema] = nested(["FilterFieldSchema"])
    logical_operators: Optional[List[str]] = None


class HealthResponse(Model):
    status: str
    instantiated_at: str


class InterfaceResponse(Model):
    type: str
    version: str
    route: str


class KnowledgeDomainConfig(Model):
    display_name: Optional[str] = None


class KnowledgeInstanceConfig(Model):
    id: str
    name: str
    db_id: str
    table: str
    description: Optional[str] = None


class LearningDomainConfig(Model):
    display_name: Optional[str] = None


class Manifest(Model):
    description: Optional[str] = None
    labels: Optional[List[str]] = None
    quick_prompts: Optional[List[str]] = None


class McpOAuthInfo(Model):
    authorization_servers: Optional[List[str]] = None
    resource: Optional[str] = None


class MemoryDomainConfig(Model):
    display_name: Optional[str] = None


class MetricsDomainConfig(Model):
    display_name: Optional[str] = None


class MetricsRefreshResponse(Model):
    status: str
    message: Optional[str] = None


class MetricsRefreshStatusResponse(Model):
    status: str
    started_at: Optional[str] = None
    finished_at: Optional[str] = None
    error: Optional[str] = None


class MetricsResponse(Model):
    metrics: List[DayAggregatedMetrics] = nested(["DayAggregatedMetrics"])
    updated_at: Optional[str] = None


class ModelResponse(Model):
    name: Optional[str] = None
    model: Optional[str] = None
    provider: Optional[str] = None


class PaginationInfo(Model):
    page: int = 0
    limit: int = 20
    total_pages: int = 0
    total_count: int = 0
    search_time_ms: float = 0


class QueueCapabilities(Model):
    durable: bool
    queue_per_session: bool


class ReaderSchema(Model):
    id: str
    name: Optional[str] = None
    description: Optional[str] = None
    chunkers: Optional[List[str]] = None
    content_types: Optional[List[str]] = None
    unavailable_content_types: Optional[Dict[str, List[str]]] = None


class RemoteContentSourceSchema(Model):
    id: str
    name: str
    type: str
    metadata: Optional[Dict[str, Any]] = None
    prefix: Optional[str] = None


class RunSchema(Model):
    run_id: str
    parent_run_id: Optional[str] = None
    agent_id: Optional[str] = None
    user_id: Optional[str] = None
    status: Optional[str] = None
    cancellation_stage: Optional[str] = None
    run_input: Optional[str] = None
    content: Optional[Union[str, Dict[str, Any]]] = None
    run_response_format: Optional[str] = None
    reasoning_content: Optional[str] = None
    reasoning_steps: Optional[List[Dict[str, Any]]] = None
    metrics: Optional[Dict[str, Any]] = None
    metadata: Optional[Dict[str, Any]] = None
    messages: Optional[List[Dict[str, Any]]] = None
    tools: Optional[List[Dict[str, Any]]] = None
    events: Optional[List[Dict[str, Any]]] = None
    created_at: Optional[str] = None
    references: Optional[List[Dict[str, Any]]] = None
    citations: Optional[Dict[str, Any]] = None
    reasoning_messages: Optional[List[Dict[str, Any]]] = None
    session_state: Optional[Dict[str, Any]] = None
    images: Optional[List[Dict[str, Any]]] = None
    videos: Optional[List[Dict[str, Any]]] = None
    audio: Optional[List[Dict[str, Any]]] = None
    files: Optional[List[Dict[str, Any]]] = None
    response_audio: Optional[Dict[str, Any]] = None
    input_media: Optional[Dict[str, Any]] = None
    followups: Optional[List[str]] = None
    forked_from_run_id: Optional[str] = None
    forked_from_message_index: Optional[int] = None
    forked_from_session_id: Optional[str] = None
    regenerated_from: Optional[str] = None
    last_checkpoint_at_message_index: Optional[int] = None


class ScheduleResponse(Model):
    id: str
    name: str
    method: str
    endpoint: str
    timezone: str
    timeout_seconds: int
    max_retries: int
    retry_delay_seconds: int
    enabled: bool
    user_id: Optional[str] = None
    description: Optional[str] = None
    payload: Optional[Dict[str, Any]] = None
    cron_expr: Optional[str] = None
    next_run_at: Optional[int] = None
    managed_by: Optional[str] = None
    target_type: Optional[str] = None
    target_id: Optional[str] = None
    disabled_reason: Optional[str] = None
    created_at: Optional[int] = None
    updated_at: Optional[int] = None


class ScheduleRunResponse(Model):
    id: str
    schedule_id: str
    attempt: int
    status: str
    user_id: Optional[str] = None
    triggered_at: Optional[int] = None
    completed_at: Optional[int] = None
    status_code: Optional[int] = None
    run_id: Optional[str] = None
    session_id: Optional[str] = None
    error: Optional[str] = None
    input: Optional[Dict[str, Any]] = None
    output: Optional[Dict[str, Any]] = None
    requirements: Optional[List[Dict[str, Any]]] = None
    created_at: Optional[int] = None


class ScheduleStateResponse(Model):
    id: str
    name: str
    enabled: bool
    next_run_at: Optional[int] = None
    updated_at: Optional[int] = None


class SessionDomainConfig(Model):
    display_name: Optional[str] = None


class SessionRunPreviewSchema(Model):
    run_id: str
    parent_run_id: Optional[str] = None
    agent_id: Optional[str] = None
    team_id: Optional[str] = None
    workflow_id: Optional[str] = None
    user_id: Optional[str] = None
    status: Optional[str] = None
    run_input: Optional[str] = None
    content_preview: Optional[str] = None
    created_at: Optional[str] = None


class SessionSchema(Model):
    session_id: str
    session_name: str
    session_state: Optional[Dict[str, Any]] = None
    created_at: Optional[str] = None
    updated_at: Optional[str] = None
    session_type: Optional[str] = None
    user_id: Optional[str] = None
    agent_id: Optional[str] = None
    team_id: Optional[str] = None
    workflow_id: Optional[str] = None
    session_summary: Optional[Dict[str, Any]] = None
    metrics: Optional[Dict[str, Any]] = None
    total_tokens: Optional[int] = None
    metadata: Optional[Dict[str, Any]] = None


class SourceFileSchema(Model):
    key: str
    name: str
    size: Optional[int] = None
    last_modified: Optional[str] = None
    content_type: Optional[str] = None


class SourceFolderSchema(Model):
    prefix: str
    name: str
    is_empty: bool = False


class TeamRunSchema(Model):
    run_id: str
    parent_run_id: Optional[str] = None
    team_id: Optional[str] = None
    user_id: Optional[str] = None
    status: Optional[str] = None
    cancellation_stage: Optional[str] = None
    content: Optional[Union[str, Dict[str, Any]]] = None
    reasoning_content: Optional[str] = None
    reasoning_steps: Optional[List[Dict[str, Any]]] = None
    run_input: Optional[str] = None
    run_response_format: Optional[str] = None
    metrics: Optional[Dict[str, Any]] = None
    tools: Optional[List[Dict[str, Any]]] = None
    messages: Optional[List[Dict[str, Any]]] = None
    events: Optional[List[Dict[str, Any]]] = None
    created_at: Optional[str] = None
    references: Optional[List[Dict[str, Any]]] = None
    citations: Optional[Dict[str, Any]] = None
    reasoning_messages: Optional[List[Dict[str, Any]]] = None
    session_state: Optional[Dict[str, Any]] = None
    input_media: Optional[Dict[str, Any]] = None
    images: Optional[List[Dict[str, Any]]] = None
    videos: Optional[List[Dict[str, Any]]] = None
    audio: Optional[List[Dict[str, Any]]] = None
    files: Optional[List[Dict[str, Any]]] = None
    response_audio: Optional[Dict[str, Any]] = None
    followups: Optional[List[str]] = None
    forked_from_run_id: Optional[str] = None
    forked_from_message_index: Optional[int] = None
    forked_from_session_id: Optional[str] = None
    regenerated_from: Optional[str] = None
    last_checkpoint_at_message_index: Optional[int] = None


class TeamSessionDetailSchema(Model):
    session_id: str
    session_name: str
    user_id: Optional[str] = None
    team_id: Optional[str] = None
    session_summary: Optional[Dict[str, Any]] = None
    session_state: Optional[Dict[str, Any]] = None
    metrics: Optional[Dict[str, Any]] = None
    team_data: Optional[Dict[str, Any]] = None
    metadata: Optional[Dict[str, Any]] = None
    chat_history: Optional[List[Dict[str, Any]]] = None
    created_at: Optional[str] = None
    updated_at: Optional[str] = None
    total_tokens: Optional[int] = None


class TeamSummaryResponse(Model):
    id: Optional[str] = None
    name: Optional[str] = None
    description: Optional[str] = None
    db_id: Optional[str] = None
    mode: Optional[str] = None
    model: Optional[ConfigModel] = nested("ConfigModel", default=None)
    metadata: Optional[Dict[str, Any]] = None
    sandboxed: bool = False


class TraceNode(Model):
    id: str
    name: str
    type: str
    duration: str
    start_time: str
    end_time: str
    status: str
    input: Optional[str] = None
    output: Optional[str] = None
    error: Optional[str] = None
    spans: Optional[List[TraceNode]] = nested(["TraceNode"], default=None)
    step_type: Optional[str] = None
    metadata: Optional[Dict[str, Any]] = None
    extra_data: Optional[Dict[str, Any]] = None


class TraceSessionStats(Model):
    session_id: str
    total_traces: int
    first_trace_at: str
    last_trace_at: str
    user_id: Optional[str] = None
    agent_id: Optional[str] = None
    team_id: Optional[str] = None
    workflow_id: Optional[str] = None


class TraceSummary(Model):
    trace_id: str
    name: str
    status: str
    duration: str
    start_time: str
    end_time: str
    total_spans: int
    error_count: int
    created_at: str
    input: Optional[str] = None
    run_id: Optional[str] = None
    session_id: Optional[str] = None
    user_id: Optional[str] = None
    agent_id: Optional[str] = None
    team_id: Optional[str] = None
    workflow_id: Optional[str] = None


class TracesDomainConfig(Model):
    display_name: Optional[str] = None


class UnavailableChunkerSchema(Model):
    id: str
    reason: str
    name: Optional[str] = None
    description: Optional[str] = None
    missing_packages: Optional[List[str]] = None


class UnavailableReaderSchema(Model):
    id: str
    reason: str
    name: Optional[str] = None
    description: Optional[str] = None
    missing_packages: Optional[List[str]] = None


class UserMemorySchema(Model):
    memory_id: str
    memory: str
    topics: Optional[List[str]] = None
    agent_id: Optional[str] = None
    team_id: Optional[str] = None
    user_id: Optional[str] = None
    updated_at: Optional[str] = None


class UserStatsSchema(Model):
    user_id: str
    total_memories: int
    last_memory_updated_at: Optional[str] = None


class VectorDbSchema(Model):
    id: str
    name: Optional[str] = None
    description: Optional[str] = None
    search_types: Optional[List[str]] = None


class VectorSearchResult(Model):
    content: str
    id: Optional[str] = None
    name: Optional[str] = None
    meta_data: Optional[Dict[str, Any]] = None
    usage: Optional[Dict[str, Any]] = None
    reranking_score: Optional[float] = None
    content_id: Optional[str] = None
    content_origin: Optional[str] = None
    size: Optional[int] = None


class WorkflowRunSchema(Model):
    run_id: str
    run_input: Optional[str] = None
    events: Optional[List[Dict[str, Any]]] = None
    workflow_id: Optional[str] = None
    user_id: Optional[str] = None
    content: Optional[Union[str, Dict[str, Any]]] = None
    content_type: Optional[str] = None
    status: Optional[str] = None
    cancellation_stage: Optional[str] = None
    step_results: Optional[List[Dict[str, Any]]] = None
    step_executor_runs: Optional[List[Dict[str, Any]]] = None
    step_requirements: Optional[List[Dict[str, Any]]] = None
    pause_kind: Optional[str] = None
    paused_step_name: Optional[str] = None
    paused_step_index: Optional[int] = None
    metrics: Optional[Dict[str, Any]] = None
    created_at: Optional[str] = None
    reasoning_content: Optional[str] = None
    reasoning_steps: Optional[List[Dict[str, Any]]] = None
    references: Optional[List[Dict[str, Any]]] = None
    citations: Optional[Dict[str, Any]] = None
    reasoning_messages: Optional[List[Dict[str, Any]]] = None
    images: Optional[List[Dict[str, Any]]] = None
    videos: Optional[List[Dict[str, Any]]] = None
    audio: Optional[List[Dict[str, Any]]] = None
    files: Optional[List[Dict[str, Any]]] = None
    response_audio: Optional[Dict[str, Any]] = None


class WorkflowSessionDetailSchema(Model):
    session_id: str
    session_name: str
    user_id: Optional[str] = None
    workflow_id: Optional[str] = None
    workflow_name: Optional[str] = None
    session_data: Optional[Dict[str, Any]] = None
    session_state: Optional[Dict[str, Any]] = None
    workflow_data: Optional[Dict[str, Any]] = None
    metadata: Optional[Dict[str, Any]] = None
    created_at: Optional[str] = None
    updated_at: Optional[str] = None


class WorkflowSummaryResponse(Model):
    id: Optional[str] = None
    name: Optional[str] = None
    description: Optional[str] = None
    db_id: Optional[str] = None
    is_factory: bool = False
    factory_input_schema: Optional[Dict[str, Any]] = None
    is_component: bool = False
    current_version: Optional[int] = None
    stage: Optional[str] = None
    sandboxed: bool = False


class AgentResponse(Model):
    id: Optional[str] = None
    name: Optional[str] = None
    db_id: Optional[str] = None
    filesystem: bool = False
    description: Optional[str] = None
    role: Optional[str] = None
    is_factory: bool = False
    model: Optional[ModelResponse] = nested("ModelResponse", default=None)
    tools: Optional[Dict[str, Any]] = None
    sessions: Optional[Dict[str, Any]] = None
    knowledge: Optional[Dict[str, Any]] = None
    memory: Optional[Dict[str, Any]] = None
    reasoning: Optional[Dict[str, Any]] = None
    default_tools: Optional[Dict[str, Any]] = None
    system_message: Optional[Dict[str, Any]] = None
    extra_messages: Optional[Dict[str, Any]] = None
    response_settings: Optional[Dict[str, Any]] = None
    introduction: Optional[str] = None
    streaming: Optional[Dict[str, Any]] = None
    metadata: Optional[Dict[str, Any]] = None
    input_schema: Optional[Dict[str, Any]] = None
    factory_input_schema: Optional[Dict[str, Any]] = None
    is_component: bool = False
    current_version: Optional[int] = None
    stage: Optional[str] = None
    sandboxed: bool = False


class AgentSummaryResponse(Model):
    id: Optional[str] = None
    name: Optional[str] = None
    description: Optional[str] = None
    db_id: Optional[str] = None
    model: Optional[ConfigModel] = nested("ConfigModel", default=None)
    metadata: Optional[Dict[str, Any]] = None
    sandboxed: bool = False


class ApprovalResponse(Model):
    id: str
    run_id: str
    session_id: str
    status: str
    source_type: str
    approval_type: Optional[str] = None
    pause_type: Optional[str] = None
    tool_name: Optional[str] = None
    tool_args: Optional[Dict[str, Any]] = None
    expires_at: Optional[int] = None
    agent_id: Optional[str] = None
    team_id: Optional[str] = None
    workflow_id: Optional[str] = None
    user_id: Optional[str] = None
    schedule_id: Optional[str] = None
    schedule_run_id: Optional[str] = None
    source_name: Optional[str] = None
    requirements: Optional[List[Dict[str, Any]]] = None
    context: Optional[Dict[str, Any]] = None
    resolution_data: Optional[Dict[str, Any]] = None
    resolved_by: Optional[str] = None
    resolved_at: Optional[int] = None
    created_at: Optional[int] = None
    updated_at: Optional[int] = None
    run_status: Optional[RunStatus] = None


class CompanySectionConfig(Model):
    display_name: Optional[str] = None
    dbs: Optional[List[DatabaseConfigCompanyDomainConfig]] = nested(
        ["DatabaseConfigCompanyDomainConfig"], default=None
    )


class ConfigResponseSchema(Model):
    readers: Optional[Dict[str, ReaderSchema]] = nested({"*": "ReaderSchema"}, default=None)
    readers_for_type: Optional[Dict[str, List[str]]] = renamed("readersForType", default=None)
    chunkers: Optional[Dict[str, ChunkerSchema]] = nested({"*": "ChunkerSchema"}, default=None)
    filters: Optional[List[str]] = None
    vector_dbs: Optional[List[VectorDbSchema]] = nested(["VectorDbSchema"], default=None)
    remote_content_sources: Optional[List[RemoteContentSourceSchema]] = nested(
        ["RemoteContentSourceSchema"], default=None
    )
    unavailable_readers: Optional[Dict[str, UnavailableReaderSchema]] = nested(
        {"*": "UnavailableReaderSchema"}, default=None
    )
    unavailable_chunkers: Optional[Dict[str, UnavailableChunkerSchema]] = nested(
        {"*": "UnavailableChunkerSchema"}, default=None
    )


class ContentResponseSchema(Model):
    id: str
    name: Optional[str] = None
    description: Optional[str] = None
    type: Optional[str] = None
    size: Optional[str] = None
    linked_to: Optional[str] = None
    metadata: Optional[Dict[str, Any]] = None
    access_count: Optional[int] = None
    status: Optional[ContentStatus] = None
    status_message: Optional[str] = None
    created_at: Optional[str] = None
    updated_at: Optional[str] = None


class DatabaseConfigEvalsDomainConfig(Model):
    db_id: str
    domain_config: Optional[EvalsDomainConfig] = nested("EvalsDomainConfig", default=None)
    tables: Optional[List[str]] = None


class DatabaseConfigLearningDomainConfig(Model):
    db_id: str
    domain_config: Optional[LearningDomainConfig] = nested("LearningDomainConfig", default=None)
    tables: Optional[List[str]] = None


class DatabaseConfigMemoryDomainConfig(Model):
    db_id: str
    domain_config: Optional[MemoryDomainConfig] = nested("MemoryDomainConfig", default=None)
    tables: Optional[List[str]] = None


class DatabaseConfigMetricsDomainConfig(Model):
    db_id: str
    domain_config: Optional[MetricsDomainConfig] = nested("MetricsDomainConfig", default=None)
    tables: Optional[List[str]] = None


class DatabaseConfigSessionDomainConfig(Model):
    db_id: str
    domain_config: Optional[SessionDomainConfig] = nested("SessionDomainConfig", default=None)
    tables: Optional[List[str]] = None


class DatabaseConfigTracesDomainConfig(Model):
    db_id: str
    domain_config: Optional[TracesDomainConfig] = nested("TracesDomainConfig", default=None)
    tables: Optional[List[str]] = None


class EvalSchema(Model):
    id: str
    eval_type: EvalType
    eval_data: Dict[str, Any]
    agent_id: Optional[str] = None
    model_id: Optional[str] = None
    model_provider: Optional[str] = None
    team_id: Optional[str] = None
    workflow_id: Optional[str] = None
    name: Optional[str] = None
    evaluated_component_name: Optional[str] = None
    user_id: Optional[str] = None
    eval_input: Optional[Dict[str, Any]] = None
    created_at: Optional[str] = None
    updated_at: Optional[str] = None


class EvalsConfig(Model):
    display_name: Optional[str] = None
    dbs: Optional[List[DatabaseConfigEvalsDomainConfig]] = nested(
        ["DatabaseConfigEvalsDomainConfig"], default=None
    )


class FileSystemConfig(Model):
    namespaces: Optional[List[FileSystemNamespace]] = nested(["FileSystemNamespace"], default=None)


class KnowledgeDatabaseConfig(Model):
    db_id: str
    domain_config: Optional[KnowledgeDomainConfig] = nested("KnowledgeDomainConfig", default=None)
    tables: Optional[List[str]] = None


class LearningConfig(Model):
    display_name: Optional[str] = None
    dbs: Optional[List[DatabaseConfigLearningDomainConfig]] = nested(
        ["DatabaseConfigLearningDomainConfig"], default=None
    )


class McpInfo(Model):
    enabled: bool = False
    path: Optional[str] = None
    oauth: Optional[McpOAuthInfo] = nested("McpOAuthInfo", default=None)
    tool_run_endpoint: bool = False


class MemoryConfig(Model):
    display_name: Optional[str] = None
    dbs: Optional[List[DatabaseConfigMemoryDomainConfig]] = nested(
        ["DatabaseConfigMemoryDomainConfig"], default=None
    )


class MetricsConfig(Model):
    display_name: Optional[str] = None
    dbs: Optional[List[DatabaseConfigMetricsDomainConfig]] = nested(
        ["DatabaseConfigMetricsDomainConfig"], default=None
    )


class OptimizeMemoriesResponse(Model):
    memories: List[UserMemorySchema] = nested(["UserMemorySchema"])
    memories_before: int
    memories_after: int
    tokens_before: int
    tokens_after: int
    tokens_saved: int
    reduction_percentage: float


class PaginatedResponseApprovalResponse(Model):
    data: List[ApprovalResponse] = nested(["ApprovalResponse"])
    meta: PaginationInfo = nested("PaginationInfo")


class PaginatedResponseContentResponseSchema(Model):
    data: List[ContentResponseSchema] = nested(["ContentResponseSchema"])
    meta: PaginationInfo = nested("PaginationInfo")


class PaginatedResponseEvalSchema(Model):
    data: List[EvalSchema] = nested(["EvalSchema"])
    meta: PaginationInfo = nested("PaginationInfo")


class PaginatedResponseScheduleResponse(Model):
    data: List[ScheduleResponse] = nested(["ScheduleResponse"])
    meta: PaginationInfo = nested("PaginationInfo")


class PaginatedResponseScheduleRunResponse(Model):
    data: List[ScheduleRunResponse] = nested(["ScheduleRunResponse"])
    meta: PaginationInfo = nested("PaginationInfo")


class PaginatedResponseSessionSchema(Model):
    data: List[SessionSchema] = nested(["SessionSchema"])
    meta: PaginationInfo = nested("PaginationInfo")


class PaginatedResponseTraceSessionStats(Model):
    data: List[TraceSessionStats] = nested(["TraceSessionStats"])
    meta: PaginationInfo = nested("PaginationInfo")


class PaginatedResponseTraceSummary(Model):
    data: List[TraceSummary] = nested(["TraceSummary"])
    meta: PaginationInfo = nested("PaginationInfo")


class PaginatedResponseUserMemorySchema(Model):
    data: List[UserMemorySchema] = nested(["UserMemorySchema"])
    meta: PaginationInfo = nested("PaginationInfo")


class PaginatedResponseUserStatsSchema(Model):
    data: List[UserStatsSchema] = nested(["UserStatsSchema"])
    meta: PaginationInfo = nested("PaginationInfo")


class PaginatedResponseVectorSearchResult(Model):
    data: List[VectorSearchResult] = nested(["VectorSearchResult"])
    meta: PaginationInfo = nested("PaginationInfo")


class SessionConfig(Model):
    display_name: Optional[str] = None
    dbs: Optional[List[DatabaseConfigSessionDomainConfig]] = nested(
        ["DatabaseConfigSessionDomainConfig"], default=None
    )


class SourceFilesResponseSchema(Model):
    source_id: str
    source_name: str
    meta: PaginationInfo = nested("PaginationInfo")
    prefix: Optional[str] = None
    folders: Optional[List[SourceFolderSchema]] = nested(["SourceFolderSchema"], default=None)
    files: Optional[List[SourceFileSchema]] = nested(["SourceFileSchema"], default=None)


class TeamResponse(Model):
    id: Optional[str] = None
    name: Optional[str] = None
    db_id: Optional[str] = None
    description: Optional[str] = None
    role: Optional[str] = None
    mode: Optional[str] = None
    model: Optional[ModelResponse] = nested("ModelResponse", default=None)
    tools: Optional[Dict[str, Any]] = None
    sessions: Optional[Dict[str, Any]] = None
    knowledge: Optional[Dict[str, Any]] = None
    memory: Optional[Dict[str, Any]] = None
    reasoning: Optional[Dict[str, Any]] = None
    default_tools: Optional[Dict[str, Any]] = None
    system_message: Optional[Dict[str, Any]] = None
    response_settings: Optional[Dict[str, Any]] = None
    introduction: Optional[str] = None
    streaming: Optional[Dict[str, Any]] = None
    members: Optional[List[Union[AgentResponse, TeamResponse]]] = nested(
        [("AgentResponse", "TeamResponse")], default=None
    )
    metadata: Optional[Dict[str, Any]] = None
    input_schema: Optional[Dict[str, Any]] = None
    is_factory: bool = False
    factory_input_schema: Optional[Dict[str, Any]] = None
    is_component: bool = False
    current_version: Optional[int] = None
    stage: Optional[str] = None
    sandboxed: bool = False


class TraceDetail(Model):
    trace_id: str
    name: str
    status: str
    duration: str
    start_time: str
    end_time: str
    total_spans: int
    error_count: int
    created_at: str
    tree: List[TraceNode] = nested(["TraceNode"])
    input: Optional[str] = None
    output: Optional[str] = None
    error: Optional[str] = None
    run_id: Optional[str] = None
    session_id: Optional[str] = None
    user_id: Optional[str] = None
    agent_id: Optional[str] = None
    team_id: Optional[str] = None
    workflow_id: Optional[str] = None


class TracesConfig(Model):
    display_name: Optional[str] = None
    dbs: Optional[List[DatabaseConfigTracesDomainConfig]] = nested(
        ["DatabaseConfigTracesDomainConfig"], default=None
    )


class WorkflowResponse(Model):
    id: Optional[str] = None
    name: Optional[str] = None
    db_id: Optional[str] = None
    description: Optional[str] = None
    input_schema: Optional[Dict[str, Any]] = None
    steps: Optional[List[Dict[str, Any]]] = None
    agent: Optional[AgentResponse] = nested("AgentResponse", default=None)
    team: Optional[TeamResponse] = nested("TeamResponse", default=None)
    metadata: Optional[Dict[str, Any]] = None
    workflow_agent: bool = False
    is_factory: bool = False
    factory_input_schema: Optional[Dict[str, Any]] = None
    is_component: bool = False
    current_version: Optional[int] = None
    stage: Optional[str] = None
    sandboxed: bool = False


class InfoResponse(Model):
    os_id: str
    os_version: str
    agno_version: str
    name: Optional[str] = None
    agent_count: int = 0
    team_count: int = 0
    workflow_count: int = 0
    mcp: Optional[McpInfo] = nested("McpInfo", default=None)
    auth_mode: Literal["none", "security_key", "jwt"] = "none"
    user_isolation: bool = False


class KnowledgeConfig(Model):
    display_name: Optional[str] = None
    dbs: Optional[List[KnowledgeDatabaseConfig]] = nested(["KnowledgeDatabaseConfig"], default=None)
    knowledge_instances: Optional[List[KnowledgeInstanceConfig]] = nested(
        ["KnowledgeInstanceConfig"], default=None
    )


class PaginatedResponseTraceDetail(Model):
    data: List[TraceDetail] = nested(["TraceDetail"])
    meta: PaginationInfo = nested("PaginationInfo")


class ConfigResponse(Model):
    os_id: str
    databases: List[str]
    agents: List[AgentSummaryResponse] = nested(["AgentSummaryResponse"])
    teams: List[TeamSummaryResponse] = nested(["TeamSummaryResponse"])
    workflows: List[WorkflowSummaryResponse] = nested(["WorkflowSummaryResponse"])
    interfaces: List[InterfaceResponse] = nested(["InterfaceResponse"])
    name: Optional[str] = None
    description: Optional[str] = None
    available_models: Optional[List[ConfigModel]] = nested(["ConfigModel"], default=None)
    os_database: Optional[str] = None
    chat: Optional[ChatConfig] = nested("ChatConfig", default=None)
    manifest: Optional[Dict[str, Manifest]] = nested({"*": "Manifest"}, default=None)
    session: Optional[SessionConfig] = nested("SessionConfig", default=None)
    metrics: Optional[MetricsConfig] = nested("MetricsConfig", default=None)
    memory: Optional[MemoryConfig] = nested("MemoryConfig", default=None)
    learning: Optional[LearningConfig] = nested("LearningConfig", default=None)
    company: Optional[CompanySectionConfig] = nested("CompanySectionConfig", default=None)
    filesystem: Optional[FileSystemConfig] = nested("FileSystemConfig", default=None)
    knowledge: Optional[KnowledgeConfig] = nested("KnowledgeConfig", default=None)
    evals: Optional[EvalsConfig] = nested("EvalsConfig", default=None)
    traces: Optional[TracesConfig] = nested("TracesConfig", default=None)
    queue: Optional[QueueCapabilities] = nested("QueueCapabilities", default=None)


ContentStatus = Literal["processing", "completed", "partial", "failed"]
EvalFilterType = Literal["agent", "team", "workflow"]
EvalType = Literal["accuracy", "agent_as_judge", "performance", "reliability"]
RunStatus = Literal[
    "PENDING",
    "RUNNING",
    "COMPLETED",
    "PAUSED",
    "CANCELLED",
    "ERROR",
    "REGENERATED",
]
SessionType = Literal["agent", "team", "workflow"]
SortOrder = Literal["asc", "desc"]
TraceSearchGroupBy = Literal["run", "session"]
