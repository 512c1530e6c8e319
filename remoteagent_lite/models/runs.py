# Generated from specs/agentos-runs.json by codegen/models.py (make models). Do not edit.

from __future__ import annotations

from typing import Any, Dict, Final, List, Literal, Optional, Union

from ..events import UnknownEvent
from ..modelling.attachments import Attachment
from ..modelling.base import EventName, Model, Tagged, nested
from ..modelling.decisions import ErrorDecision, RequirementDecision, StepDecision, ToolDecision
from ..modelling.outputs import Custom, Event, Output, Pause


class BaseTeamRunEvent(Event):
    event_index: Optional[int] = None
    created_at: Optional[int] = None
    team_id: str = ""
    team_name: str = ""
    run_id: Optional[str] = None
    parent_run_id: Optional[str] = None
    session_id: Optional[str] = None
    workflow_id: Optional[str] = None
    workflow_run_id: Optional[str] = None
    step_id: Optional[str] = None
    step_name: Optional[str] = None
    step_index: Optional[int] = None
    nested_depth: int = 0
    content: Any = None


class BaseWorkflowRunOutputEvent(Event):
    event_index: Optional[int] = None
    created_at: Optional[int] = None
    workflow_id: Optional[str] = None
    workflow_name: Optional[str] = None
    session_id: Optional[str] = None
    run_id: Optional[str] = None
    step_id: Optional[str] = None
    parent_step_id: Optional[str] = None
    nested_depth: int = 0


class CatchUpEvent(Event):
    event: Literal["catch_up"] = "catch_up"
    run_id: Optional[str] = None
    status: Optional[str] = None
    missed_events: Optional[int] = None
    current_event_count: Optional[int] = None
    message: Optional[str] = None
    _constants = ("event",)


class CompactionRecord(Model):
    messages_compacted: int
    summary: str
    first_kept_message_id: Optional[str] = None
    id: Optional[str] = None
    run_id: Optional[str] = None
    archived: bool = False
    tokens_before: Optional[int] = None
    tokens_after: Optional[int] = None
    created_at: Optional[int] = None


class ConditionExecutionStartedEvent(BaseWorkflowRunOutputEvent):
    event: Literal["ConditionExecutionStarted"] = "ConditionExecutionStarted"
    step_name: Optional[str] = None
    step_index: Optional[Union[int, List[Any]]] = None
    condition_result: Optional[bool] = None
    _constants = ("event",)


class DocumentCitation(Model):
    document_title: Optional[str] = None
    cited_text: Optional[str] = None
    file_name: Optional[str] = None


class LoopExecutionStartedEvent(BaseWorkflowRunOutputEvent):
    event: Literal["LoopExecutionStarted"] = "LoopExecutionStarted"
    step_name: Optional[str] = None
    step_index: Optional[Union[int, List[Any]]] = None
    max_iterations: Optional[int] = None
    _constants = ("event",)


class LoopIterationStartedEvent(BaseWorkflowRunOutputEvent):
    event: Literal["LoopIterationStarted"] = "LoopIterationStarted"
    step_name: Optional[str] = None
    step_index: Optional[Union[int, List[Any]]] = None
    iteration: int = 0
    max_iterations: Optional[int] = None
    _constants = ("event",)


class MediaReference(Model):
    media_id: str
    storage_key: str
    storage_backend: str
    session_id: Optional[str] = None
    bucket: Optional[str] = None
    region: Optional[str] = None
    url: Optional[str] = None
    mime_type: Optional[str] = None
    filename: Optional[str] = None
    size: Optional[int] = None
    content_hash: Optional[str] = None
    media_type: Optional[str] = None
    metadata: Optional[Dict[str, Any]] = None


class MessageMetrics(Model):
    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    audio_input_tokens: int = 0
    audio_output_tokens: int = 0
    audio_total_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    cost: Optional[float] = None
    duration: Optional[float] = None
    time_to_first_token: Optional[float] = None
    provider_metrics: Optional[Dict[str, Any]] = None


class MessageReferences(Model):
    query: str
    references: Optional[List[Union[Dict[str, Any], str]]] = None
    time: Optional[float] = None


class ModelMetrics(Model):
    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    audio_input_tokens: int = 0
    audio_output_tokens: int = 0
    audio_total_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    cost: Optional[float] = None
    id: str = ""
    provider: str = ""
    provider_metrics: Optional[Dict[str, Any]] = None


class ParallelExecutionStartedEvent(BaseWorkflowRunOutputEvent):
    event: Literal["ParallelExecutionStarted"] = "ParallelExecutionStarted"
    step_name: Optional[str] = None
    step_index: Optional[Union[int, List[Any]]] = None
    parallel_step_count: Optional[int] = None
    _constants = ("event",)


class ReasoningStep(Model):
    title: Optional[str] = None
    action: Optional[str] = None
    result: Optional[str] = None
    reasoning: Optional[str] = None
    next_action: Optional[NextAction] = None
    confidence: Optional[float] = None


class ReplayEvent(Event):
    event: Literal["replay"] = "replay"
    run_id: Optional[str] = None
    status: Optional[str] = None
    total_events: Optional[int] = None
    total_buffered: Optional[int] = None
    last_event_index_requested: Optional[int] = None
    message: Optional[str] = None
    _constants = ("event",)


class RouterExecutionStartedEvent(BaseWorkflowRunOutputEvent):
    event: Literal["RouterExecutionStarted"] = "RouterExecutionStarted"
    step_name: Optional[str] = None
    step_index: Optional[Union[int, List[Any]]] = None
    selected_steps: Optional[List[str]] = None
    _constants = ("event",)


class RouterPausedEvent(BaseWorkflowRunOutputEvent):
    event: Literal["RouterPaused"] = "RouterPaused"
    step_name: Optional[str] = None
    step_index: Optional[Union[int, List[Any]]] = None
    available_choices: Optional[List[str]] = None
    user_input_message: Optional[str] = None
    allow_multiple_selections: bool = False
    _constants = ("event",)


class RunMetrics(Model):
    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    audio_input_tokens: int = 0
    audio_output_tokens: int = 0
    audio_total_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    cost: Optional[float] = None
    time_to_first_token: Optional[float] = None
    duration: Optional[float] = None
    details: Optional[Dict[str, List[ModelMetrics]]] = nested({"*": ["ModelMetrics"]}, default=None)
    additional_metrics: Optional[Dict[str, Any]] = None


class SessionMetrics(Model):
    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    audio_input_tokens: int = 0
    audio_output_tokens: int = 0
    audio_total_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    cost: Optional[float] = None
    details: Optional[Dict[str, List[ModelMetrics]]] = nested({"*": ["ModelMetrics"]}, default=None)
    additional_metrics: Optional[Dict[str, Any]] = None


class SessionSummary(Model):
    summary: str
    topics: Optional[List[str]] = None
    updated_at: Optional[str] = None


class StepContinuedEvent(BaseWorkflowRunOutputEvent):
    event: Literal["StepContinued"] = "StepContinued"
    step_name: Optional[str] = None
    step_index: Optional[Union[int, List[Any]]] = None
    _constants = ("event",)


class StepErrorEvent(BaseWorkflowRunOutputEvent):
    event: Literal["StepError"] = "StepError"
    step_name: Optional[str] = None
    step_index: Optional[Union[int, List[Any]]] = None
    error: Optional[str] = None
    _constants = ("event",)


class StepExecutorContinuedEvent(BaseWorkflowRunOutputEvent):
    event: Literal["StepExecutorContinued"] = "StepExecutorContinued"
    step_name: Optional[str] = None
    step_index: Optional[Union[int, List[Any]]] = None
    executor_id: Optional[str] = None
    executor_name: Optional[str] = None
    executor_run_id: Optional[str] = None
    executor_type: Optional[str] = None
    _constants = ("event",)


class StepMetrics(Model):
    step_name: str
    executor_type: str
    executor_name: str
    metrics: Optional[RunMetrics] = nested("RunMetrics", default=None)


class StepOutputReviewEvent(BaseWorkflowRunOutputEvent):
    event: Literal["StepOutputReview"] = "StepOutputReview"
    step_name: Optional[str] = None
    step_index: Optional[Union[int, List[Any]]] = None
    output_review_message: Optional[str] = None
    requires_output_review: bool = True
    _constants = ("event",)


class StepProgressEvent(BaseWorkflowRunOutputEvent):
    event: Literal["StepProgress"] = "StepProgress"
    step_name: Optional[str] = None
    step_index: Optional[Union[int, List[Any]]] = None
    attempt: int = 1
    content: Optional[str] = None
    data: Optional[Dict[str, Any]] = None
    _constants = ("event",)


class StepStartedEvent(BaseWorkflowRunOutputEvent):
    event: Literal["StepStarted"] = "StepStarted"
    step_name: Optional[str] = None
    step_index: Optional[Union[int, List[Any]]] = None
    _constants = ("event",)


class StepUserInputField(Model):
    name: str
    field_type: str
    description: Optional[str] = None
    value: Any = None
    required: bool = True
    allowed_values: Optional[List[Any]] = None


class StepsExecutionStartedEvent(BaseWorkflowRunOutputEvent):
    event: Literal["StepsExecutionStarted"] = "StepsExecutionStarted"
    step_name: Optional[str] = None
    step_index: Optional[Union[int, List[Any]]] = None
    steps_count: Optional[int] = None
    _constants = ("event",)


class StreamErrorEvent(Event):
    event: Literal["error"] = "error"
    error: Optional[str] = None
    _constants = ("event",)


class StreamExpiredEvent(Event):
    event: Literal["stream_expired"] = "stream_expired"
    run_id: Optional[str] = None
    status: Optional[str] = None
    message: Optional[str] = None
    _constants = ("event",)


class SubscribedEvent(Event):
    event: Literal["subscribed"] = "subscribed"
    run_id: Optional[str] = None
    status: Optional[str] = None
    current_event_count: Optional[int] = None
    message: Optional[str] = None
    _constants = ("event",)


class TaskCreatedEvent(BaseTeamRunEvent):
    event: Literal["TeamTaskCreated"] = "TeamTaskCreated"
    task_id: str = ""
    title: str = ""
    description: str = ""
    assignee: Optional[str] = None
    status: str = "pending"
    dependencies: Optional[List[str]] = None
    _constants = ("event",)


class TaskData(Model):
    id: str = ""
    title: str = ""
    description: str = ""
    status: str = "pending"
    assignee: Optional[str] = None
    dependencies: Optional[List[str]] = None
    result: Optional[str] = None


class TaskIterationCompletedEvent(BaseTeamRunEvent):
    event: Literal["TeamTaskIterationCompleted"] = "TeamTaskIterationCompleted"
    iteration: int = 0
    max_iterations: int = 0
    task_summary: Optional[str] = None
    _constants = ("event",)


class TaskIterationStartedEvent(BaseTeamRunEvent):
    event: Literal["TeamTaskIterationStarted"] = "TeamTaskIterationStarted"
    iteration: int = 0
    max_iterations: int = 0
    _constants = ("event",)


class TaskStateUpdatedEvent(BaseTeamRunEvent):
    event: Literal["TeamTaskStateUpdated"] = "TeamTaskStateUpdated"
    task_summary: Optional[str] = None
    goal_complete: bool = False
    tasks: Optional[List[TaskData]] = nested(["TaskData"], default=None)
    completion_summary: Optional[str] = None
    _constants = ("event",)


class TaskUpdatedEvent(BaseTeamRunEvent):
    event: Literal["TeamTaskUpdated"] = "TeamTaskUpdated"
    task_id: str = ""
    title: str = ""
    status: str = ""
    previous_status: Optional[str] = None
    result: Optional[str] = None
    assignee: Optional[str] = None
    _constants = ("event",)


class TeamCompressionCompletedEvent(BaseTeamRunEvent):
    event: Literal["TeamCompressionCompleted"] = "TeamCompressionCompleted"
    tool_results_compressed: Optional[int] = None
    original_size: Optional[int] = None
    compressed_size: Optional[int] = None
    _constants = ("event",)


class TeamCompressionStartedEvent(BaseTeamRunEvent):
    event: Literal["TeamCompressionStarted"] = "TeamCompressionStarted"
    _constants = ("event",)


class TeamCustomEvent(Custom, BaseTeamRunEvent):
    event: Literal["CustomEvent"] = "CustomEvent"
    _constants = ("event",)


class TeamFollowupsCompletedEvent(BaseTeamRunEvent):
    event: Literal["TeamFollowupsCompleted"] = "TeamFollowupsCompleted"
    followups: Optional[List[str]] = None
    _constants = ("event",)


class TeamFollowupsStartedEvent(BaseTeamRunEvent):
    event: Literal["TeamFollowupsStarted"] = "TeamFollowupsStarted"
    _constants = ("event",)


class TeamIntermediateRunContentEvent(BaseTeamRunEvent):
    event: Literal["TeamRunIntermediateContent"] = "TeamRunIntermediateContent"
    content_type: str = "str"
    _constants = ("event",)


class TeamMemoryUpdateCompletedEvent(BaseTeamRunEvent):
    event: Literal["TeamMemoryUpdateCompleted"] = "TeamMemoryUpdateCompleted"
    memories: Optional[List[Any]] = None
    _constants = ("event",)


class TeamMemoryUpdateStartedEvent(BaseTeamRunEvent):
    event: Literal["TeamMemoryUpdateStarted"] = "TeamMemoryUpdateStarted"
    _constants = ("event",)


class TeamModelRequestCompletedEvent(BaseTeamRunEvent):
    event: Literal["TeamModelRequestCompleted"] = "TeamModelRequestCompleted"
    model: Optional[str] = None
    model_provider: Optional[str] = None
    input_tokens: Optional[int] = None
    output_tokens: Optional[int] = None
    total_tokens: Optional[int] = None
    time_to_first_token: Optional[float] = None
    reasoning_tokens: Optional[int] = None
    cache_read_tokens: Optional[int] = None
    cache_write_tokens: Optional[int] = None
    _constants = ("event",)


class TeamModelRequestStartedEvent(BaseTeamRunEvent):
    event: Literal["TeamModelRequestStarted"] = "TeamModelRequestStarted"
    model: Optional[str] = None
    model_provider: Optional[str] = None
    _constants = ("event",)


class TeamOutputModelResponseCompletedEvent(BaseTeamRunEvent):
    event: Literal["TeamOutputModelResponseCompleted"] = "TeamOutputModelResponseCompleted"
    _constants = ("event",)


class TeamOutputModelResponseStartedEvent(BaseTeamRunEvent):
    event: Literal["TeamOutputModelResponseStarted"] = "TeamOutputModelResponseStarted"
    _constants = ("event",)


class TeamParserModelResponseCompletedEvent(BaseTeamRunEvent):
    event: Literal["TeamParserModelResponseCompleted"] = "TeamParserModelResponseCompleted"
    _constants = ("event",)


class TeamParserModelResponseStartedEvent(BaseTeamRunEvent):
    event: Literal["TeamParserModelResponseStarted"] = "TeamParserModelResponseStarted"
    _constants = ("event",)


class TeamPostHookCompletedEvent(BaseTeamRunEvent):
    event: Literal["TeamPostHookCompleted"] = "TeamPostHookCompleted"
    post_hook_name: Optional[str] = None
    _constants = ("event",)


class TeamPostHookStartedEvent(BaseTeamRunEvent):
    event: Literal["TeamPostHookStarted"] = "TeamPostHookStarted"
    post_hook_name: Optional[str] = None
    _constants = ("event",)


class TeamReasoningCompletedEvent(BaseTeamRunEvent):
    event: Literal["TeamReasoningCompleted"] = "TeamReasoningCompleted"
    content_type: str = "str"
    _constants = ("event",)


class TeamReasoningContentDeltaEvent(BaseTeamRunEvent):
    event: Literal["TeamReasoningContentDelta"] = "TeamReasoningContentDelta"
    reasoning_content: str = ""
    _constants = ("event",)


class TeamReasoningStartedEvent(BaseTeamRunEvent):
    event: Literal["TeamReasoningStarted"] = "TeamReasoningStarted"
    _constants = ("event",)


class TeamReasoningStepEvent(BaseTeamRunEvent):
    event: Literal["TeamReasoningStep"] = "TeamReasoningStep"
    content_type: str = "str"
    reasoning_content: str = ""
    _constants = ("event",)


class TeamRunCancelledEvent(BaseTeamRunEvent):
    event: Literal["TeamRunCancelled"] = "TeamRunCancelled"
    reason: Optional[str] = None
    _constants = ("event",)


class TeamRunContentCompletedEvent(BaseTeamRunEvent):
    event: Literal["TeamRunContentCompleted"] = "TeamRunContentCompleted"
    _constants = ("event",)


class TeamRunContinuedEvent(BaseTeamRunEvent):
    event: Literal["TeamRunContinued"] = "TeamRunContinued"
    _constants = ("event",)


class TeamRunErrorEvent(BaseTeamRunEvent):
    event: Literal["TeamRunError"] = "TeamRunError"
    content: Optional[str] = None
    error_type: Optional[str] = None
    error_id: Optional[str] = None
    additional_data: Optional[Dict[str, Any]] = None
    _constants = ("event",)


class TeamRunStartedEvent(BaseTeamRunEvent):
    event: Literal["TeamRunStarted"] = "TeamRunStarted"
    model: str = ""
    model_provider: str = ""
    _constants = ("event",)


class TeamSessionSummaryCompletedEvent(BaseTeamRunEvent):
    event: Literal["TeamSessionSummaryCompleted"] = "TeamSessionSummaryCompleted"
    session_summary: Any = None
    _constants = ("event",)


class TeamSessionSummaryStartedEvent(BaseTeamRunEvent):
    event: Literal["TeamSessionSummaryStarted"] = "TeamSessionSummaryStarted"
    _constants = ("event",)


class ToolCallMetrics(Model):
    start_time: Optional[float] = None
    end_time: Optional[float] = None
    duration: Optional[float] = None


class UrlCitation(Model):
    url: Optional[str] = None
    title: Optional[str] = None


class UserFeedbackOption(Model):
    label: str
    description: Optional[str] = None
    selected: bool = False


class UserFeedbackQuestion(Model):
    question: str
    header: Optional[str] = None
    options: Optional[List[UserFeedbackOption]] = nested(["UserFeedbackOption"], default=None)
    multi_select: bool = False
    selected_options: Optional[List[str]] = None


class UserInputField(Model):
    name: str
    field_type: str
    description: Optional[str] = None
    value: Any = None


class Video(Attachment):
    url: Optional[str] = None
    filepath: Optional[str] = None
    content: Optional[str] = None
    id: Optional[str] = None
    format: Optional[str] = None
    mime_type: Optional[str] = None
    duration: Optional[float] = None
    width: Optional[int] = None
    height: Optional[int] = None
    fps: Optional[float] = None
    eta: Optional[str] = None
    original_prompt: Optional[str] = None
    revised_prompt: Optional[str] = None
    media_reference: Optional[MediaReference] = nested("MediaReference", default=None)
    metadata: Optional[Dict[str, Any]] = None


class WorkflowAgentCompletedEvent(BaseWorkflowRunOutputEvent):
    event: Literal["WorkflowAgentCompleted"] = "WorkflowAgentCompleted"
    content: Any = None
    _constants = ("event",)


class WorkflowAgentStartedEvent(BaseWorkflowRunOutputEvent):
    event: Literal["WorkflowAgentStarted"] = "WorkflowAgentStarted"
    _constants = ("event",)


class WorkflowCancelledEvent(BaseWorkflowRunOutputEvent):
    event: Literal["WorkflowCancelled"] = "WorkflowCancelled"
    reason: Optional[str] = None
    content: Optional[str] = None
    _constants = ("event",)


class WorkflowCustomEvent(Custom, BaseWorkflowRunOutputEvent):
    event: Literal["CustomEvent"] = "CustomEvent"
    _constants = ("event",)


class WorkflowErrorEvent(BaseWorkflowRunOutputEvent):
    event: Literal["WorkflowError"] = "WorkflowError"
    error: Optional[str] = None
    error_type: Optional[str] = None
    error_id: Optional[str] = None
    additional_data: Optional[Dict[str, Any]] = None
    _constants = ("event",)


class WorkflowMetrics(Model):
    steps: Dict[str, StepMetrics] = nested({"*": "StepMetrics"})
    duration: Optional[float] = None


class WorkflowStartedEvent(BaseWorkflowRunOutputEvent):
    event: Literal["WorkflowStarted"] = "WorkflowStarted"
    _constants = ("event",)


class Audio(Attachment):
    url: Optional[str] = None
    filepath: Optional[str] = None
    content: Optional[str] = None
    id: Optional[str] = None
    format: Optional[str] = None
    mime_type: Optional[str] = None
    duration: Optional[float] = None
    sample_rate: Optional[int] = 24000
    channels: Optional[int] = 1
    transcript: Optional[str] = None
    expires_at: Optional[int] = None
    media_reference: Optional[MediaReference] = nested("MediaReference", default=None)
    metadata: Optional[Dict[str, Any]] = None


class Citations(Model):
    raw: Any = None
    search_queries: Optional[List[str]] = None
    urls: Optional[List[UrlCitation]] = nested(["UrlCitation"], default=None)
    documents: Optional[List[DocumentCitation]] = nested(["DocumentCitation"], default=None)


class File(Attachment):
    id: Optional[str] = None
    url: Optional[str] = None
    filepath: Optional[str] = None
    content: Any = None
    mime_type: Optional[str] = None
    file_type: Optional[str] = None
    filename: Optional[str] = None
    size: Optional[int] = None
    external: Any = None
    format: Optional[str] = None
    name: Optional[str] = None
    citations: Optional[bool] = None
    media_reference: Optional[MediaReference] = nested("MediaReference", default=None)
    metadata: Optional[Dict[str, Any]] = None


class Image(Attachment):
    url: Optional[str] = None
    filepath: Optional[str] = None
    content: Optional[str] = None
    id: Optional[str] = None
    format: Optional[str] = None
    mime_type: Optional[str] = None
    detail: Optional[str] = None
    original_prompt: Optional[str] = None
    revised_prompt: Optional[str] = None
    alt_text: Optional[str] = None
    media_reference: Optional[MediaReference] = nested("MediaReference", default=None)
    metadata: Optional[Dict[str, Any]] = None


class Message(Model):
    role: str
    id: Optional[str] = None
    content: Optional[Union[List[Any], str]] = None
    compressed_content: Optional[str] = None
    name: Optional[str] = None
    tool_call_id: Optional[str] = None
    tool_calls: Optional[List[Dict[str, Any]]] = None
    audio: Optional[List[Audio]] = nested(["Audio"], default=None)
    images: Optional[List[Image]] = nested(["Image"], default=None)
    videos: Optional[List[Video]] = nested(["Video"], default=None)
    files: Optional[List[File]] = nested(["File"], default=None)
    audio_output: Optional[Audio] = nested("Audio", default=None)
    image_output: Optional[Image] = nested("Image", default=None)
    video_output: Optional[Video] = nested("Video", default=None)
    file_output: Optional[File] = nested("File", default=None)
    redacted_reasoning_content: Optional[str] = None
    provider_data: Optional[Dict[str, Any]] = None
    citations: Optional[Citations] = nested("Citations", default=None)
    reasoning_content: Optional[str] = None
    tool_name: Optional[str] = None
    tool_args: Any = None
    tool_call_error: Optional[bool] = None
    stop_after_tool_call: bool = False
    add_to_agent_memory: bool = True
    from_history: bool = False
    metrics: Optional[MessageMetrics] = nested("MessageMetrics", default=None)
    references: Optional[MessageReferences] = nested("MessageReferences", default=None)
    created_at: Optional[int] = None
    temporary: bool = False
    checkpoint_status: Optional[str] = None
    checkpoint_created_at: Optional[int] = None


class RunInput(Model):
    input_content: Any
    images: Optional[List[Image]] = nested(["Image"], default=None)
    videos: Optional[List[Video]] = nested(["Video"], default=None)
    audios: Optional[List[Audio]] = nested(["Audio"], default=None)
    files: Optional[List[File]] = nested(["File"], default=None)


class StepOutput(Model):
    step_name: Optional[str] = None
    step_id: Optional[str] = None
    step_type: Optional[str] = None
    executor_type: Optional[str] = None
    executor_name: Optional[str] = None
    content: Any = None
    step_run_id: Optional[str] = None
    images: Optional[List[Image]] = nested(["Image"], default=None)
    videos: Optional[List[Video]] = nested(["Video"], default=None)
    audio: Optional[List[Audio]] = nested(["Audio"], default=None)
    files: Optional[List[File]] = nested(["File"], default=None)
    metrics: Optional[RunMetrics] = nested("RunMetrics", default=None)
    success: bool = True
    error: Optional[str] = None
    stop: bool = False
    is_paused: bool = False
    steps: Optional[List[StepOutput]] = nested(["StepOutput"], default=None)
    requires_iteration_review_pause: bool = False


class StepOutputEvent(BaseWorkflowRunOutputEvent):
    event: Literal["StepOutput"] = "StepOutput"
    step_name: Optional[str] = None
    step_index: Optional[Union[int, List[Any]]] = None
    step_output: Optional[StepOutput] = nested("StepOutput", default=None)
    _constants = ("event",)


class StepPausedEvent(BaseWorkflowRunOutputEvent):
    event: Literal["StepPaused"] = "StepPaused"
    step_name: Optional[str] = None
    step_index: Optional[Union[int, List[Any]]] = None
    requires_confirmation: bool = False
    confirmation_message: Optional[str] = None
    requires_user_input: bool = False
    user_input_message: Optional[str] = None
    user_input_schema: Optional[List[StepUserInputField]] = nested(
        ["StepUserInputField"], default=None
    )
    _constants = ("event",)


class StepsExecutionCompletedEvent(BaseWorkflowRunOutputEvent):
    event: Literal["StepsExecutionCompleted"] = "StepsExecutionCompleted"
    step_name: Optional[str] = None
    step_index: Optional[Union[int, List[Any]]] = None
    steps_count: Optional[int] = None
    executed_steps: Optional[int] = None
    step_results: Optional[List[StepOutput]] = nested(["StepOutput"], default=None)
    _constants = ("event",)


class TeamRunContentEvent(BaseTeamRunEvent):
    event: Literal["TeamRunContent"] = "TeamRunContent"
    content_type: str = "str"
    reasoning_content: Optional[str] = None
    model_provider_data: Optional[Dict[str, Any]] = None
    citations: Optional[Citations] = nested("Citations", default=None)
    response_audio: Optional[Audio] = nested("Audio", default=None)
    image: Optional[Image] = nested("Image", default=None)
    references: Optional[List[MessageReferences]] = nested(["MessageReferences"], default=None)
    additional_input: Optional[List[Message]] = nested(["Message"], default=None)
    reasoning_steps: Optional[List[ReasoningStep]] = nested(["ReasoningStep"], default=None)
    reasoning_messages: Optional[List[Message]] = nested(["Message"], default=None)
    _constants = ("event",)


class TeamRunInput(Model):
    input_content: Any
    images: Optional[List[Image]] = nested(["Image"], default=None)
    videos: Optional[List[Video]] = nested(["Video"], default=None)
    audios: Optional[List[Audio]] = nested(["Audio"], default=None)
    files: Optional[List[File]] = nested(["File"], default=None)


class ToolExecution(ToolDecision):
    tool_call_id: Optional[str] = None
    tool_name: Optional[str] = None
    tool_args: Optional[Dict[str, Any]] = None
    tool_call_error: Optional[bool] = None
    result: Optional[str] = None
    metrics: Optional[ToolCallMetrics] = nested("ToolCallMetrics", default=None)
    child_run_id: Optional[str] = None
    stop_after_tool_call: bool = False
    created_at: Optional[int] = None
    requires_confirmation: Optional[bool] = None
    confirmed: Optional[bool] = None
    confirmation_note: Optional[str] = None
    requires_user_input: Optional[bool] = None
    user_input_schema: Optional[List[UserInputField]] = nested(["UserInputField"], default=None)
    user_feedback_schema: Optional[List[UserFeedbackQuestion]] = nested(
        ["UserFeedbackQuestion"], default=None
    )
    answered: Optional[bool] = None
    external_execution_required: Optional[bool] = None
    external_execution_silent: Optional[bool] = None
    approval_type: Optional[str] = None
    approval_id: Optional[str] = None
    parent_tool_call_id: Optional[str] = None


class BaseAgentRunEvent(Event):
    event_index: Optional[int] = None
    created_at: Optional[int] = None
    agent_id: str = ""
    agent_name: str = ""
    run_id: Optional[str] = None
    parent_run_id: Optional[str] = None
    session_id: Optional[str] = None
    workflow_id: Optional[str] = None
    workflow_run_id: Optional[str] = None
    step_id: Optional[str] = None
    step_name: Optional[str] = None
    step_index: Optional[int] = None
    nested_depth: int = 0
    tools: Optional[List[ToolExecution]] = nested(["ToolExecution"], default=None)
    content: Any = None


class CompactionCompletedEvent(BaseAgentRunEvent):
    event: Literal["CompactionCompleted"] = "CompactionCompleted"
    messages_compacted: Optional[int] = None
    tokens_before: Optional[int] = None
    tokens_after: Optional[int] = None
    archived: Optional[bool] = None
    _constants = ("event",)


class CompactionStartedEvent(BaseAgentRunEvent):
    event: Literal["CompactionStarted"] = "CompactionStarted"
    _constants = ("event",)


class CompressionCompletedEvent(BaseAgentRunEvent):
    event: Literal["CompressionCompleted"] = "CompressionCompleted"
    tool_results_compressed: Optional[int] = None
    original_size: Optional[int] = None
    compressed_size: Optional[int] = None
    _constants = ("event",)


class CompressionStartedEvent(BaseAgentRunEvent):
    event: Literal["CompressionStarted"] = "CompressionStarted"
    _constants = ("event",)


class ConditionExecutionCompletedEvent(BaseWorkflowRunOutputEvent):
    event: Literal["ConditionExecutionCompleted"] = "ConditionExecutionCompleted"
    step_name: Optional[str] = None
    step_index: Optional[Union[int, List[Any]]] = None
    condition_result: Optional[bool] = None
    executed_steps: Optional[int] = None
    branch: Optional[str] = None
    step_results: Optional[List[StepOutput]] = nested(["StepOutput"], default=None)
    _constants = ("event",)


class CustomEvent(Custom, BaseAgentRunEvent):
    event: Literal["CustomEvent"] = "CustomEvent"
    tool_call_id: Optional[str] = None
    _constants = ("event",)


class FollowupsCompletedEvent(BaseAgentRunEvent):
    event: Literal["FollowupsCompleted"] = "FollowupsCompleted"
    followups: Optional[List[str]] = None
    _constants = ("event",)


class FollowupsStartedEvent(BaseAgentRunEvent):
    event: Literal["FollowupsStarted"] = "FollowupsStarted"
    _constants = ("event",)


class IntermediateRunContentEvent(BaseAgentRunEvent):
    event: Literal["RunIntermediateContent"] = "RunIntermediateContent"
    content_type: str = "str"
    _constants = ("event",)


class LoopExecutionCompletedEvent(BaseWorkflowRunOutputEvent):
    event: Literal["LoopExecutionCompleted"] = "LoopExecutionCompleted"
    step_name: Optional[str] = None
    step_index: Optional[Union[int, List[Any]]] = None
    total_iterations: int = 0
    max_iterations: Optional[int] = None
    all_results: Optional[List[List[StepOutput]]] = nested([["StepOutput"]], default=None)
    _constants = ("event",)


class LoopIterationCompletedEvent(BaseWorkflowRunOutputEvent):
    event: Literal["LoopIterationCompleted"] = "LoopIterationCompleted"
    step_name: Optional[str] = None
    step_index: Optional[Union[int, List[Any]]] = None
    iteration: int = 0
    max_iterations: Optional[int] = None
    iteration_results: Optional[List[StepOutput]] = nested(["StepOutput"], default=None)
    should_continue: bool = True
    _constants = ("event",)


class MemoryUpdateCompletedEvent(BaseAgentRunEvent):
    event: Literal["MemoryUpdateCompleted"] = "MemoryUpdateCompleted"
    memories: Optional[List[Any]] = None
    _constants = ("event",)


class MemoryUpdateStartedEvent(BaseAgentRunEvent):
    event: Literal["MemoryUpdateStarted"] = "MemoryUpdateStarted"
    _constants = ("event",)


class ModelRequestCompletedEvent(BaseAgentRunEvent):
    event: Literal["ModelRequestCompleted"] = "ModelRequestCompleted"
    model: Optional[str] = None
    model_provider: Optional[str] = None
    input_tokens: Optional[int] = None
    output_tokens: Optional[int] = None
    total_tokens: Optional[int] = None
    time_to_first_token: Optional[float] = None
    reasoning_tokens: Optional[int] = None
    cache_read_tokens: Optional[int] = None
    cache_write_tokens: Optional[int] = None
    _constants = ("event",)


class ModelRequestStartedEvent(BaseAgentRunEvent):
    event: Literal["ModelRequestStarted"] = "ModelRequestStarted"
    model: Optional[str] = None
    model_provider: Optional[str] = None
    _constants = ("event",)


class OutputModelResponseCompletedEvent(BaseAgentRunEvent):
    event: Literal["OutputModelResponseCompleted"] = "OutputModelResponseCompleted"
    _constants = ("event",)


class OutputModelResponseStartedEvent(BaseAgentRunEvent):
    event: Literal["OutputModelResponseStarted"] = "OutputModelResponseStarted"
    _constants = ("event",)


class ParallelExecutionCompletedEvent(BaseWorkflowRunOutputEvent):
    event: Literal["ParallelExecutionCompleted"] = "ParallelExecutionCompleted"
    step_name: Optional[str] = None
    step_index: Optional[Union[int, List[Any]]] = None
    parallel_step_count: Optional[int] = None
    step_results: Optional[List[StepOutput]] = nested(["StepOutput"], default=None)
    _constants = ("event",)


class ParserModelResponseCompletedEvent(BaseAgentRunEvent):
    event: Literal["ParserModelResponseCompleted"] = "ParserModelResponseCompleted"
    _constants = ("event",)


class ParserModelResponseStartedEvent(BaseAgentRunEvent):
    event: Literal["ParserModelResponseStarted"] = "ParserModelResponseStarted"
    _constants = ("event",)


class PostHookCompletedEvent(BaseAgentRunEvent):
    event: Literal["PostHookCompleted"] = "PostHookCompleted"
    post_hook_name: Optional[str] = None
    _constants = ("event",)


class PostHookStartedEvent(BaseAgentRunEvent):
    event: Literal["PostHookStarted"] = "PostHookStarted"
    post_hook_name: Optional[str] = None
    _constants = ("event",)


class PreHookCompletedEvent(BaseAgentRunEvent):
    event: Literal["PreHookCompleted"] = "PreHookCompleted"
    pre_hook_name: Optional[str] = None
    run_input: Optional[RunInput] = nested("RunInput", default=None)
    _constants = ("event",)


class PreHookStartedEvent(BaseAgentRunEvent):
    event: Literal["PreHookStarted"] = "PreHookStarted"
    pre_hook_name: Optional[str] = None
    run_input: Optional[RunInput] = nested("RunInput", default=None)
    _constants = ("event",)


class ReasoningCompletedEvent(BaseAgentRunEvent):
    event: Literal["ReasoningCompleted"] = "ReasoningCompleted"
    content_type: str = "str"
    _constants = ("event",)


class ReasoningContentDeltaEvent(BaseAgentRunEvent):
    event: Literal["ReasoningContentDelta"] = "ReasoningContentDelta"
    reasoning_content: str = ""
    _constants = ("event",)


class ReasoningStartedEvent(BaseAgentRunEvent):
    event: Literal["ReasoningStarted"] = "ReasoningStarted"
    _constants = ("event",)


class ReasoningStepEvent(BaseAgentRunEvent):
    event: Literal["ReasoningStep"] = "ReasoningStep"
    content_type: str = "str"
    reasoning_content: str = ""
    _constants = ("event",)


class RouterExecutionCompletedEvent(BaseWorkflowRunOutputEvent):
    event: Literal["RouterExecutionCompleted"] = "RouterExecutionCompleted"
    step_name: Optional[str] = None
    step_index: Optional[Union[int, List[Any]]] = None
    selected_steps: Optional[List[str]] = None
    executed_steps: Optional[int] = None
    step_results: Optional[List[StepOutput]] = nested(["StepOutput"], default=None)
    _constants = ("event",)


class RunCancelledEvent(BaseAgentRunEvent):
    event: Literal["RunCancelled"] = "RunCancelled"
    reason: Optional[str] = None
    _constants = ("event",)


class RunCompletedEvent(BaseAgentRunEvent):
    event: Literal["RunCompleted"] = "RunCompleted"
    content_type: str = "str"
    reasoning_content: Optional[str] = None
    citations: Optional[Citations] = nested("Citations", default=None)
    model_provider_data: Optional[Dict[str, Any]] = None
    images: Optional[List[Image]] = nested(["Image"], default=None)
    videos: Optional[List[Video]] = nested(["Video"], default=None)
    audio: Optional[List[Audio]] = nested(["Audio"], default=None)
    files: Optional[List[File]] = nested(["File"], default=None)
    response_audio: Optional[Audio] = nested("Audio", default=None)
    references: Optional[List[MessageReferences]] = nested(["MessageReferences"], default=None)
    additional_input: Optional[List[Message]] = nested(["Message"], default=None)
    reasoning_steps: Optional[List[ReasoningStep]] = nested(["ReasoningStep"], default=None)
    reasoning_messages: Optional[List[Message]] = nested(["Message"], default=None)
    metadata: Optional[Dict[str, Any]] = None
    metrics: Optional[RunMetrics] = nested("RunMetrics", default=None)
    session_state: Optional[Dict[str, Any]] = None
    _constants = ("event",)


class RunContentCompletedEvent(BaseAgentRunEvent):
    event: Literal["RunContentCompleted"] = "RunContentCompleted"
    _constants = ("event",)


class RunContentEvent(BaseAgentRunEvent):
    event: Literal["RunContent"] = "RunContent"
    workflow_agent: bool = False
    content_type: str = "str"
    reasoning_content: Optional[str] = None
    model_provider_data: Optional[Dict[str, Any]] = None
    citations: Optional[Citations] = nested("Citations", default=None)
    response_audio: Optional[Audio] = nested("Audio", default=None)
    image: Optional[Image] = nested("Image", default=None)
    references: Optional[List[MessageReferences]] = nested(["MessageReferences"], default=None)
    additional_input: Optional[List[Message]] = nested(["Message"], default=None)
    reasoning_steps: Optional[List[ReasoningStep]] = nested(["ReasoningStep"], default=None)
    reasoning_messages: Optional[List[Message]] = nested(["Message"], default=None)
    _constants = ("event",)


class RunContinuedEvent(BaseAgentRunEvent):
    event: Literal["RunContinued"] = "RunContinued"
    _constants = ("event",)


class RunErrorEvent(BaseAgentRunEvent):
    event: Literal["RunError"] = "RunError"
    content: Optional[str] = None
    error_type: Optional[str] = None
    error_id: Optional[str] = None
    additional_data: Optional[Dict[str, Any]] = None
    _constants = ("event",)


class RunRequirement(RequirementDecision):
    tool_execution: Optional[ToolExecution] = nested("ToolExecution", default=None)
    created_at: Optional[str] = None
    confirmation: Optional[bool] = None
    confirmation_note: Optional[str] = None
    user_input_schema: Optional[List[UserInputField]] = nested(["UserInputField"], default=None)
    user_feedback_schema: Optional[List[UserFeedbackQuestion]] = nested(
        ["UserFeedbackQuestion"], default=None
    )
    external_execution_result: Optional[str] = None
    member_agent_id: Optional[str] = None
    member_agent_name: Optional[str] = None
    member_run_id: Optional[str] = None
    id: Optional[str] = None


class RunStartedEvent(BaseAgentRunEvent):
    event: Literal["RunStarted"] = "RunStarted"
    model: str = ""
    model_provider: str = ""
    _constants = ("event",)


class SessionSummaryCompletedEvent(BaseAgentRunEvent):
    event: Literal["SessionSummaryCompleted"] = "SessionSummaryCompleted"
    session_summary: Optional[SessionSummary] = nested("SessionSummary", default=None)
    _constants = ("event",)


class SessionSummaryStartedEvent(BaseAgentRunEvent):
    event: Literal["SessionSummaryStarted"] = "SessionSummaryStarted"
    _constants = ("event",)


class StepCompletedEvent(BaseWorkflowRunOutputEvent):
    event: Literal["StepCompleted"] = "StepCompleted"
    step_name: Optional[str] = None
    step_index: Optional[Union[int, List[Any]]] = None
    content: Any = None
    content_type: str = "str"
    images: Optional[List[Image]] = nested(["Image"], default=None)
    videos: Optional[List[Video]] = nested(["Video"], default=None)
    audio: Optional[List[Audio]] = nested(["Audio"], default=None)
    response_audio: Optional[Audio] = nested("Audio", default=None)
    step_response: Optional[StepOutput] = nested("StepOutput", default=None)
    _constants = ("event",)


class StepExecutorPausedEvent(BaseWorkflowRunOutputEvent):
    event: Literal["StepExecutorPaused"] = "StepExecutorPaused"
    step_name: Optional[str] = None
    step_index: Optional[Union[int, List[Any]]] = None
    executor_id: Optional[str] = None
    executor_name: Optional[str] = None
    executor_run_id: Optional[str] = None
    executor_type: Optional[str] = None
    executor_requirements: Optional[List[RunRequirement]] = nested(["RunRequirement"], default=None)
    _constants = ("event",)


class StepInput(Model):
    input: Any = None
    previous_step_content: Any = None
    previous_step_outputs: Optional[Dict[str, StepOutput]] = nested(
        {"*": "StepOutput"}, default=None
    )
    additional_data: Optional[Dict[str, Any]] = None
    images: Optional[List[Image]] = nested(["Image"], default=None)
    videos: Optional[List[Video]] = nested(["Video"], default=None)
    audio: Optional[List[Audio]] = nested(["Audio"], default=None)
    files: Optional[List[File]] = nested(["File"], default=None)


class StepRequirement(StepDecision):
    step_id: str
    step_name: Optional[str] = None
    step_index: Optional[int] = None
    step_type: Optional[str] = None
    requires_confirmation: bool = False
    confirmation_message: Optional[str] = None
    confirmed: Optional[bool] = None
    on_reject: str = "cancel"
    requires_user_input: bool = False
    user_input_message: Optional[str] = None
    user_input_schema: Optional[List[StepUserInputField]] = nested(
        ["StepUserInputField"], default=None
    )
    user_input: Optional[Dict[str, Any]] = None
    requires_route_selection: bool = False
    available_choices: Optional[List[str]] = None
    allow_multiple_selections: bool = False
    selected_choices: Optional[List[str]] = None
    step_input: Optional[StepInput] = nested("StepInput", default=None)
    requires_executor_input: bool = False
    executor_requirements: Optional[List[RunRequirement]] = nested(["RunRequirement"], default=None)
    executor_id: Optional[str] = None
    executor_name: Optional[str] = None
    executor_run_id: Optional[str] = None
    executor_type: Optional[str] = None
    executor_session_id: Optional[str] = None
    requires_output_review: bool = False
    output_review_message: Optional[str] = None
    step_output: Optional[StepOutput] = nested("StepOutput", default=None)
    is_post_execution: bool = False
    rejection_feedback: Optional[str] = None
    edited_output: Any = None
    retry_count: int = 0
    max_retries: Optional[int] = None
    timeout_at: Optional[str] = None
    on_timeout: str = "cancel"


class TeamPreHookCompletedEvent(BaseTeamRunEvent):
    event: Literal["TeamPreHookCompleted"] = "TeamPreHookCompleted"
    pre_hook_name: Optional[str] = None
    run_input: Optional[TeamRunInput] = nested("TeamRunInput", default=None)
    _constants = ("event",)


class TeamPreHookStartedEvent(BaseTeamRunEvent):
    event: Literal["TeamPreHookStarted"] = "TeamPreHookStarted"
    pre_hook_name: Optional[str] = None
    run_input: Optional[TeamRunInput] = nested("TeamRunInput", default=None)
    _constants = ("event",)


class TeamRunPausedEvent(Pause, BaseTeamRunEvent):
    event: Literal["TeamRunPaused"] = "TeamRunPaused"
    tools: Optional[List[ToolExecution]] = nested(["ToolExecution"], default=None)
    requirements: Optional[List[RunRequirement]] = nested(["RunRequirement"], default=None)
    _constants = ("event",)


class TeamToolCallCompletedEvent(BaseTeamRunEvent):
    event: Literal["TeamToolCallCompleted"] = "TeamToolCallCompleted"
    tool: Optional[ToolExecution] = nested("ToolExecution", default=None)
    images: Optional[List[Image]] = nested(["Image"], default=None)
    videos: Optional[List[Video]] = nested(["Video"], default=None)
    audio: Optional[List[Audio]] = nested(["Audio"], default=None)
    files: Optional[List[File]] = nested(["File"], default=None)
    _constants = ("event",)


class TeamToolCallErrorEvent(BaseTeamRunEvent):
    event: Literal["TeamToolCallError"] = "TeamToolCallError"
    tool: Optional[ToolExecution] = nested("ToolExecution", default=None)
    error: Optional[str] = None
    _constants = ("event",)


class TeamToolCallStartedEvent(BaseTeamRunEvent):
    event: Literal["TeamToolCallStarted"] = "TeamToolCallStarted"
    tool: Optional[ToolExecution] = nested("ToolExecution", default=None)
    _constants = ("event",)


class ToolCallCompletedEvent(BaseAgentRunEvent):
    event: Literal["ToolCallCompleted"] = "ToolCallCompleted"
    tool: Optional[ToolExecution] = nested("ToolExecution", default=None)
    images: Optional[List[Image]] = nested(["Image"], default=None)
    videos: Optional[List[Video]] = nested(["Video"], default=None)
    audio: Optional[List[Audio]] = nested(["Audio"], default=None)
    files: Optional[List[File]] = nested(["File"], default=None)
    _constants = ("event",)


class ToolCallErrorEvent(BaseAgentRunEvent):
    event: Literal["ToolCallError"] = "ToolCallError"
    tool: Optional[ToolExecution] = nested("ToolExecution", default=None)
    error: Optional[str] = None
    _constants = ("event",)


class ToolCallStartedEvent(BaseAgentRunEvent):
    event: Literal["ToolCallStarted"] = "ToolCallStarted"
    tool: Optional[ToolExecution] = nested("ToolExecution", default=None)
    _constants = ("event",)


class ErrorRequirement(ErrorDecision):
    step_id: str
    step_name: Optional[str] = None
    step_index: Optional[int] = None
    error_message: str = ""
    error_type: Optional[str] = None
    retry_count: int = 0
    decision: Optional[str] = None
    step_input: Optional[StepInput] = nested("StepInput", default=None)


class RunPausedEvent(Pause, BaseAgentRunEvent):
    event: Literal["RunPaused"] = "RunPaused"
    requirements: Optional[List[RunRequirement]] = nested(["RunRequirement"], default=None)
    _constants = ("event",)


class RunOutput(Output):
    run_id: Optional[str] = None
    agent_id: Optional[str] = None
    agent_name: Optional[str] = None
    session_id: Optional[str] = None
    parent_run_id: Optional[str] = None
    workflow_id: Optional[str] = None
    user_id: Optional[str] = None
    input: Optional[RunInput] = nested("RunInput", default=None)
    content: Any = None
    content_type: str = "str"
    reasoning_content: Optional[str] = None
    reasoning_steps: Optional[List[ReasoningStep]] = nested(["ReasoningStep"], default=None)
    reasoning_messages: Optional[List[Message]] = nested(["Message"], default=None)
    model_provider_data: Optional[Dict[str, Any]] = None
    model: Optional[str] = None
    model_provider: Optional[str] = None
    messages: Optional[List[Message]] = nested(["Message"], default=None)
    metrics: Optional[RunMetrics] = nested("RunMetrics", default=None)
    compaction: Optional[CompactionRecord] = nested("CompactionRecord", default=None)
    additional_input: Optional[List[Message]] = nested(["Message"], default=None)
    tools: Optional[List[ToolExecution]] = nested(["ToolExecution"], default=None)
    images: Optional[List[Image]] = nested(["Image"], default=None)
    videos: Optional[List[Video]] = nested(["Video"], default=None)
    audio: Optional[List[Audio]] = nested(["Audio"], default=None)
    files: Optional[List[File]] = nested(["File"], default=None)
    response_audio: Optional[Audio] = nested("Audio", default=None)
    citations: Optional[Citations] = nested("Citations", default=None)
    references: Optional[List[MessageReferences]] = nested(["MessageReferences"], default=None)
    followups: Optional[List[str]] = None
    metadata: Optional[Dict[str, Any]] = None
    session_state: Optional[Dict[str, Any]] = None
    created_at: Optional[int] = None
    events: Optional[List[RunOutputEvent]] = nested(["RunOutputEvent"], default=None)
    status: Optional[RunStatus] = None
    queue_attempt: Optional[int] = None
    cancellation_stage: Optional[CancellationStage] = None
    requirements: Optional[List[RunRequirement]] = nested(["RunRequirement"], default=None)
    last_checkpoint_at_message_index: Optional[int] = None
    forked_from_run_id: Optional[str] = None
    forked_from_message_index: Optional[int] = None
    forked_from_session_id: Optional[str] = None
    regenerated_from: Optional[str] = None
    workflow_step_id: Optional[str] = None


class TeamRunCompletedEvent(BaseTeamRunEvent):
    event: Literal["TeamRunCompleted"] = "TeamRunCompleted"
    content_type: str = "str"
    reasoning_content: Optional[str] = None
    citations: Optional[Citations] = nested("Citations", default=None)
    model_provider_data: Optional[Dict[str, Any]] = None
    images: Optional[List[Image]] = nested(["Image"], default=None)
    videos: Optional[List[Video]] = nested(["Video"], default=None)
    audio: Optional[List[Audio]] = nested(["Audio"], default=None)
    files: Optional[List[File]] = nested(["File"], default=None)
    response_audio: Optional[Audio] = nested("Audio", default=None)
    references: Optional[List[MessageReferences]] = nested(["MessageReferences"], default=None)
    additional_input: Optional[List[Message]] = nested(["Message"], default=None)
    reasoning_steps: Optional[List[ReasoningStep]] = nested(["ReasoningStep"], default=None)
    reasoning_messages: Optional[List[Message]] = nested(["Message"], default=None)
    member_responses: Optional[List[Union[TeamRunOutput, RunOutput]]] = nested(
        [("TeamRunOutput", "RunOutput")], default=None
    )
    metadata: Optional[Dict[str, Any]] = None
    metrics: Optional[RunMetrics] = nested("RunMetrics", default=None)
    session_state: Optional[Dict[str, Any]] = None
    _constants = ("event",)


class TeamRunOutput(Output):
    run_id: Optional[str] = None
    team_id: Optional[str] = None
    team_name: Optional[str] = None
    session_id: Optional[str] = None
    parent_run_id: Optional[str] = None
    user_id: Optional[str] = None
    input: Optional[TeamRunInput] = nested("TeamRunInput", default=None)
    content: Any = None
    content_type: str = "str"
    messages: Optional[List[Message]] = nested(["Message"], default=None)
    metrics: Optional[RunMetrics] = nested("RunMetrics", default=None)
    model: Optional[str] = None
    model_provider: Optional[str] = None
    member_responses: Optional[List[Union[TeamRunOutput, RunOutput]]] = nested(
        [("TeamRunOutput", "RunOutput")], default=None
    )
    tools: Optional[List[ToolExecution]] = nested(["ToolExecution"], default=None)
    images: Optional[List[Image]] = nested(["Image"], default=None)
    videos: Optional[List[Video]] = nested(["Video"], default=None)
    audio: Optional[List[Audio]] = nested(["Audio"], default=None)
    files: Optional[List[File]] = nested(["File"], default=None)
    response_audio: Optional[Audio] = nested("Audio", default=None)
    reasoning_content: Optional[str] = None
    citations: Optional[Citations] = nested("Citations", default=None)
    followups: Optional[List[str]] = None
    model_provider_data: Optional[Dict[str, Any]] = None
    metadata: Optional[Dict[str, Any]] = None
    session_state: Optional[Dict[str, Any]] = None
    references: Optional[List[MessageReferences]] = nested(["MessageReferences"], default=None)
    additional_input: Optional[List[Message]] = nested(["Message"], default=None)
    reasoning_steps: Optional[List[ReasoningStep]] = nested(["ReasoningStep"], default=None)
    reasoning_messages: Optional[List[Message]] = nested(["Message"], default=None)
    created_at: Optional[int] = None
    events: Optional[List[Union[TeamRunOutputEvent, RunOutputEvent]]] = nested(
        ["TeamRunOutput.events"], default=None
    )
    status: Optional[RunStatus] = None
    queue_attempt: Optional[int] = None
    cancellation_stage: Optional[CancellationStage] = None
    requirements: Optional[List[RunRequirement]] = nested(["RunRequirement"], default=None)
    last_checkpoint_at_message_index: Optional[int] = None
    forked_from_run_id: Optional[str] = None
    forked_from_message_index: Optional[int] = None
    forked_from_session_id: Optional[str] = None
    regenerated_from: Optional[str] = None
    workflow_step_id: Optional[str] = None


class WorkflowCompletedEvent(BaseWorkflowRunOutputEvent):
    event: Literal["WorkflowCompleted"] = "WorkflowCompleted"
    content: Any = None
    content_type: str = "str"
    step_results: Optional[List[StepOutput]] = nested(["StepOutput"], default=None)
    step_executor_runs: Optional[List[Union[RunOutput, TeamRunOutput, WorkflowRunOutput]]] = nested(
        [("RunOutput", "TeamRunOutput", "WorkflowRunOutput")], default=None
    )
    metadata: Optional[Dict[str, Any]] = None
    metrics: Optional[WorkflowMetrics] = nested("WorkflowMetrics", default=None)
    _constants = ("event",)


class WorkflowPausedEvent(Pause, BaseWorkflowRunOutputEvent):
    event: Literal["WorkflowPaused"] = "WorkflowPaused"
    status: Optional[str] = None
    paused_step_index: Optional[int] = None
    paused_step_name: Optional[str] = None
    pause_kind: Optional[str] = None
    step_requirements: Optional[List[StepRequirement]] = nested(["StepRequirement"], default=None)
    step_results: Optional[List[Union[StepOutput, List[StepOutput]]]] = nested(
        [("StepOutput", ["StepOutput"])], default=None
    )
    step_executor_runs: Optional[List[Union[RunOutput, TeamRunOutput, WorkflowRunOutput]]] = nested(
        [("RunOutput", "TeamRunOutput", "WorkflowRunOutput")], default=None
    )
    content: Any = None
    metadata: Optional[Dict[str, Any]] = None
    _constants = ("event",)


class WorkflowRunOutput(Output):
    input: Any = None
    content: Any = None
    content_type: str = "str"
    workflow_id: Optional[str] = None
    workflow_name: Optional[str] = None
    run_id: Optional[str] = None
    session_id: Optional[str] = None
    user_id: Optional[str] = None
    parent_run_id: Optional[str] = None
    workflow_step_id: Optional[str] = None
    images: Optional[List[Image]] = nested(["Image"], default=None)
    videos: Optional[List[Video]] = nested(["Video"], default=None)
    audio: Optional[List[Audio]] = nested(["Audio"], default=None)
    files: Optional[List[File]] = nested(["File"], default=None)
    response_audio: Optional[Audio] = nested("Audio", default=None)
    step_results: Optional[List[Union[StepOutput, List[StepOutput]]]] = nested(
        [("StepOutput", ["StepOutput"])], default=None
    )
    step_executor_runs: Optional[List[Union[RunOutput, TeamRunOutput, WorkflowRunOutput]]] = nested(
        [("RunOutput", "TeamRunOutput", "WorkflowRunOutput")], default=None
    )
    workflow_agent_run: Optional[RunOutput] = nested("RunOutput", default=None)
    events: Optional[List[Union[WorkflowRunOutputEvent, TeamRunOutputEvent, RunOutputEvent]]] = (
        nested(["WorkflowRunOutput.events"], default=None)
    )
    metrics: Optional[WorkflowMetrics] = nested("WorkflowMetrics", default=None)
    metadata: Optional[Dict[str, Any]] = None
    created_at: Optional[int] = None
    status: Optional[RunStatus] = None
    queue_attempt: Optional[int] = None
    cancellation_stage: Optional[CancellationStage] = None
    step_requirements: Optional[List[StepRequirement]] = nested(["StepRequirement"], default=None)
    error_requirements: Optional[List[ErrorRequirement]] = nested(
        ["ErrorRequirement"], default=None
    )
    paused_step_index: Optional[int] = None
    paused_step_name: Optional[str] = None
    pause_kind: Optional[str] = None


class RunEvent(EventName):
    run_started: Final = "RunStarted"
    run_content: Final = "RunContent"
    run_content_completed: Final = "RunContentCompleted"
    run_intermediate_content: Final = "RunIntermediateContent"
    run_completed: Final = "RunCompleted"
    run_error: Final = "RunError"
    run_cancelled: Final = "RunCancelled"
    run_paused: Final = "RunPaused"
    run_continued: Final = "RunContinued"
    pre_hook_started: Final = "PreHookStarted"
    pre_hook_completed: Final = "PreHookCompleted"
    post_hook_started: Final = "PostHookStarted"
    post_hook_completed: Final = "PostHookCompleted"
    reasoning_started: Final = "ReasoningStarted"
    reasoning_step: Final = "ReasoningStep"
    reasoning_content_delta: Final = "ReasoningContentDelta"
    reasoning_completed: Final = "ReasoningCompleted"
    memory_update_started: Final = "MemoryUpdateStarted"
    memory_update_completed: Final = "MemoryUpdateCompleted"
    session_summary_started: Final = "SessionSummaryStarted"
    session_summary_completed: Final = "SessionSummaryCompleted"
    tool_call_started: Final = "ToolCallStarted"
    tool_call_completed: Final = "ToolCallCompleted"
    tool_call_error: Final = "ToolCallError"
    parser_model_response_started: Final = "ParserModelResponseStarted"
    parser_model_response_completed: Final = "ParserModelResponseCompleted"
    output_model_response_started: Final = "OutputModelResponseStarted"
    output_model_response_completed: Final = "OutputModelResponseCompleted"
    model_request_started: Final = "ModelRequestStarted"
    model_request_completed: Final = "ModelRequestCompleted"
    compression_started: Final = "CompressionStarted"
    compression_completed: Final = "CompressionCompleted"
    compaction_started: Final = "CompactionStarted"
    compaction_completed: Final = "CompactionCompleted"
    followups_started: Final = "FollowupsStarted"
    followups_completed: Final = "FollowupsCompleted"
    custom_event: Final = "CustomEvent"


class TeamRunEvent(EventName):
    run_started: Final = "TeamRunStarted"
    run_content: Final = "TeamRunContent"
    run_intermediate_content: Final = "TeamRunIntermediateContent"
    run_content_completed: Final = "TeamRunContentCompleted"
    run_completed: Final = "TeamRunCompleted"
    run_error: Final = "TeamRunError"
    run_cancelled: Final = "TeamRunCancelled"
    run_paused: Final = "TeamRunPaused"
    run_continued: Final = "TeamRunContinued"
    pre_hook_started: Final = "TeamPreHookStarted"
    pre_hook_completed: Final = "TeamPreHookCompleted"
    post_hook_started: Final = "TeamPostHookStarted"
    post_hook_completed: Final = "TeamPostHookCompleted"
    reasoning_started: Final = "TeamReasoningStarted"
    reasoning_step: Final = "TeamReasoningStep"
    reasoning_content_delta: Final = "TeamReasoningContentDelta"
    reasoning_completed: Final = "TeamReasoningCompleted"
    memory_update_started: Final = "TeamMemoryUpdateStarted"
    memory_update_completed: Final = "TeamMemoryUpdateCompleted"
    session_summary_started: Final = "TeamSessionSummaryStarted"
    session_summary_completed: Final = "TeamSessionSummaryCompleted"
    tool_call_started: Final = "TeamToolCallStarted"
    tool_call_completed: Final = "TeamToolCallCompleted"
    tool_call_error: Final = "TeamToolCallError"
    parser_model_response_started: Final = "TeamParserModelResponseStarted"
    parser_model_response_completed: Final = "TeamParserModelResponseCompleted"
    output_model_response_started: Final = "TeamOutputModelResponseStarted"
    output_model_response_completed: Final = "TeamOutputModelResponseCompleted"
    model_request_started: Final = "TeamModelRequestStarted"
    model_request_completed: Final = "TeamModelRequestCompleted"
    compression_started: Final = "TeamCompressionStarted"
    compression_completed: Final = "TeamCompressionCompleted"
    followups_started: Final = "TeamFollowupsStarted"
    followups_completed: Final = "TeamFollowupsCompleted"
    task_iteration_started: Final = "TeamTaskIterationStarted"
    task_iteration_completed: Final = "TeamTaskIterationCompleted"
    task_state_updated: Final = "TeamTaskStateUpdated"
    task_created: Final = "TeamTaskCreated"
    task_updated: Final = "TeamTaskUpdated"
    custom_event: Final = "CustomEvent"


class WorkflowRunEvent(EventName):
    workflow_started: Final = "WorkflowStarted"
    workflow_agent_started: Final = "WorkflowAgentStarted"
    workflow_agent_completed: Final = "WorkflowAgentCompleted"
    workflow_completed: Final = "WorkflowCompleted"
    workflow_paused: Final = "WorkflowPaused"
    workflow_cancelled: Final = "WorkflowCancelled"
    workflow_error: Final = "WorkflowError"
    step_started: Final = "StepStarted"
    step_completed: Final = "StepCompleted"
    step_progress: Final = "StepProgress"
    step_paused: Final = "StepPaused"
    step_continued: Final = "StepContinued"
    step_executor_paused: Final = "StepExecutorPaused"
    step_executor_continued: Final = "StepExecutorContinued"
    step_output_review: Final = "StepOutputReview"
    step_error: Final = "StepError"
    loop_execution_started: Final = "LoopExecutionStarted"
    loop_iteration_started: Final = "LoopIterationStarted"
    loop_iteration_completed: Final = "LoopIterationCompleted"
    loop_execution_completed: Final = "LoopExecutionCompleted"
    parallel_execution_started: Final = "ParallelExecutionStarted"
    parallel_execution_completed: Final = "ParallelExecutionCompleted"
    condition_execution_started: Final = "ConditionExecutionStarted"
    condition_execution_completed: Final = "ConditionExecutionCompleted"
    router_execution_started: Final = "RouterExecutionStarted"
    router_execution_completed: Final = "RouterExecutionCompleted"
    router_paused: Final = "RouterPaused"
    steps_execution_started: Final = "StepsExecutionStarted"
    steps_execution_completed: Final = "StepsExecutionCompleted"
    step_output: Final = "StepOutput"
    custom_event: Final = "CustomEvent"


CancellationStage = Literal["PENDING", "EXECUTING", "PAUSED"]
NextAction = Literal["continue", "validate", "final_answer", "reset"]
RunStatus = Literal[
    "PENDING",
    "RUNNING",
    "COMPLETED",
    "PAUSED",
    "CANCELLED",
    "ERROR",
    "REGENERATED",
]
ControlEvent = Union[
    CatchUpEvent,
    SubscribedEvent,
    ReplayEvent,
    StreamExpiredEvent,
    StreamErrorEvent,
]
RunOutputEvent = Union[
    RunStartedEvent,
    RunContentEvent,
    RunContentCompletedEvent,
    IntermediateRunContentEvent,
    RunCompletedEvent,
    RunErrorEvent,
    RunCancelledEvent,
    RunPausedEvent,
    RunContinuedEvent,
    PreHookStartedEvent,
    PreHookCompletedEvent,
    PostHookStartedEvent,
    PostHookCompletedEvent,
    ReasoningStartedEvent,
    ReasoningStepEvent,
    ReasoningContentDeltaEvent,
    ReasoningCompletedEvent,
    MemoryUpdateStartedEvent,
    MemoryUpdateCompletedEvent,
    SessionSummaryStartedEvent,
    SessionSummaryCompletedEvent,
    ToolCallStartedEvent,
    ToolCallCompletedEvent,
    ToolCallErrorEvent,
    ParserModelResponseStartedEvent,
    ParserModelResponseCompletedEvent,
    OutputModelResponseStartedEvent,
    OutputModelResponseCompletedEvent,
    ModelRequestStartedEvent,
    ModelRequestCompletedEvent,
    CompressionStartedEvent,
    CompressionCompletedEvent,
    CompactionStartedEvent,
    CompactionCompletedEvent,
    FollowupsStartedEvent,
    FollowupsCompletedEvent,
    CustomEvent,
    UnknownEvent,
]
TeamRunOutputEvent = Union[
    TeamRunStartedEvent,
    TeamRunContentEvent,
    TeamIntermediateRunContentEvent,
    TeamRunContentCompletedEvent,
    TeamRunCompletedEvent,
    TeamRunErrorEvent,
    TeamRunCancelledEvent,
    TeamRunPausedEvent,
    TeamRunContinuedEvent,
    TeamPreHookStartedEvent,
    TeamPreHookCompletedEvent,
    TeamPostHookStartedEvent,
    TeamPostHookCompletedEvent,
    TeamReasoningStartedEvent,
    TeamReasoningStepEvent,
    TeamReasoningContentDeltaEvent,
    TeamReasoningCompletedEvent,
    TeamMemoryUpdateStartedEvent,
    TeamMemoryUpdateCompletedEvent,
    TeamSessionSummaryStartedEvent,
    TeamSessionSummaryCompletedEvent,
    TeamToolCallStartedEvent,
    TeamToolCallCompletedEvent,
    TeamToolCallErrorEvent,
    TeamParserModelResponseStartedEvent,
    TeamParserModelResponseCompletedEvent,
    TeamOutputModelResponseStartedEvent,
    TeamOutputModelResponseCompletedEvent,
    TeamModelRequestStartedEvent,
    TeamModelRequestCompletedEvent,
    TeamCompressionStartedEvent,
    TeamCompressionCompletedEvent,
    TeamFollowupsStartedEvent,
    TeamFollowupsCompletedEvent,
    TaskIterationStartedEvent,
    TaskIterationCompletedEvent,
    TaskStateUpdatedEvent,
    TaskCreatedEvent,
    TaskUpdatedEvent,
    TeamCustomEvent,
    UnknownEvent,
]
WorkflowRunOutputEvent = Union[
    WorkflowStartedEvent,
    WorkflowAgentStartedEvent,
    WorkflowAgentCompletedEvent,
    WorkflowCompletedEvent,
    WorkflowPausedEvent,
    WorkflowCancelledEvent,
    WorkflowErrorEvent,
    StepStartedEvent,
    StepCompletedEvent,
    StepProgressEvent,
    StepPausedEvent,
    StepContinuedEvent,
    StepExecutorPausedEvent,
    StepExecutorContinuedEvent,
    StepOutputReviewEvent,
    StepErrorEvent,
    LoopExecutionStartedEvent,
    LoopIterationStartedEvent,
    LoopIterationCompletedEvent,
    LoopExecutionCompletedEvent,
    ParallelExecutionStartedEvent,
    ParallelExecutionCompletedEvent,
    ConditionExecutionStartedEvent,
    ConditionExecutionCompletedEvent,
    RouterExecutionStartedEvent,
    RouterExecutionCompletedEvent,
    RouterPausedEvent,
    StepsExecutionStartedEvent,
    StepsExecutionCompletedEvent,
    StepOutputEvent,
    WorkflowCustomEvent,
    UnknownEvent,
]

UNIONS: Dict[str, Tagged] = {}
UNIONS["ControlEvent"] = Tagged(
    "event",
    {
        "catch_up": CatchUpEvent,
        "subscribed": SubscribedEvent,
        "replay": ReplayEvent,
        "stream_expired": StreamExpiredEvent,
        "error": StreamErrorEvent,
    },
)
UNIONS["RunOutputEvent"] = Tagged(
    "event",
    {
        "RunStarted": RunStartedEvent,
        "RunContent": RunContentEvent,
        "RunContentCompleted": RunContentCompletedEvent,
        "RunIntermediateContent": IntermediateRunContentEvent,
        "RunCompleted": RunCompletedEvent,
        "RunError": RunErrorEvent,
        "RunCancelled": RunCancelledEvent,
        "RunPaused": RunPausedEvent,
        "RunContinued": RunContinuedEvent,
        "PreHookStarted": PreHookStartedEvent,
        "PreHookCompleted": PreHookCompletedEvent,
        "PostHookStarted": PostHookStartedEvent,
        "PostHookCompleted": PostHookCompletedEvent,
        "ReasoningStarted": ReasoningStartedEvent,
        "ReasoningStep": ReasoningStepEvent,
        "ReasoningContentDelta": ReasoningContentDeltaEvent,
        "ReasoningCompleted": ReasoningCompletedEvent,
        "MemoryUpdateStarted": MemoryUpdateStartedEvent,
        "MemoryUpdateCompleted": MemoryUpdateCompletedEvent,
        "SessionSummaryStarted": SessionSummaryStartedEvent,
        "SessionSummaryCompleted": SessionSummaryCompletedEvent,
        "ToolCallStarted": ToolCallStartedEvent,
        "ToolCallCompleted": ToolCallCompletedEvent,
        "ToolCallError": ToolCallErrorEvent,
        "ParserModelResponseStarted": ParserModelResponseStartedEvent,
        "ParserModelResponseCompleted": ParserModelResponseCompletedEvent,
        "OutputModelResponseStarted": OutputModelResponseStartedEvent,
        "OutputModelResponseCompleted": OutputModelResponseCompletedEvent,
        "ModelRequestStarted": ModelRequestStartedEvent,
        "ModelRequestCompleted": ModelRequestCompletedEvent,
        "CompressionStarted": CompressionStartedEvent,
        "CompressionCompleted": CompressionCompletedEvent,
        "CompactionStarted": CompactionStartedEvent,
        "CompactionCompleted": CompactionCompletedEvent,
        "FollowupsStarted": FollowupsStartedEvent,
        "FollowupsCompleted": FollowupsCompletedEvent,
        "CustomEvent": CustomEvent,
    },
)
UNIONS["TeamRunOutputEvent"] = Tagged(
    "event",
    {
        "TeamRunStarted": TeamRunStartedEvent,
        "TeamRunContent": TeamRunContentEvent,
        "TeamRunIntermediateContent": TeamIntermediateRunContentEvent,
        "TeamRunContentCompleted": TeamRunContentCompletedEvent,
        "TeamRunCompleted": TeamRunCompletedEvent,
        "TeamRunError": TeamRunErrorEvent,
        "TeamRunCancelled": TeamRunCancelledEvent,
        "TeamRunPaused": TeamRunPausedEvent,
        "TeamRunContinued": TeamRunContinuedEvent,
        "TeamPreHookStarted": TeamPreHookStartedEvent,
        "TeamPreHookCompleted": TeamPreHookCompletedEvent,
        "TeamPostHookStarted": TeamPostHookStartedEvent,
        "TeamPostHookCompleted": TeamPostHookCompletedEvent,
        "TeamReasoningStarted": TeamReasoningStartedEvent,
        "TeamReasoningStep": TeamReasoningStepEvent,
        "TeamReasoningContentDelta": TeamReasoningContentDeltaEvent,
        "TeamReasoningCompleted": TeamReasoningCompletedEvent,
        "TeamMemoryUpdateStarted": TeamMemoryUpdateStartedEvent,
        "TeamMemoryUpdateCompleted": TeamMemoryUpdateCompletedEvent,
        "TeamSessionSummaryStarted": TeamSessionSummaryStartedEvent,
        "TeamSessionSummaryCompleted": TeamSessionSummaryCompletedEvent,
        "TeamToolCallStarted": TeamToolCallStartedEvent,
        "TeamToolCallCompleted": TeamToolCallCompletedEvent,
        "TeamToolCallError": TeamToolCallErrorEvent,
        "TeamParserModelResponseStarted": TeamParserModelResponseStartedEvent,
        "TeamParserModelResponseCompleted": TeamParserModelResponseCompletedEvent,
        "TeamOutputModelResponseStarted": TeamOutputModelResponseStartedEvent,
        "TeamOutputModelResponseCompleted": TeamOutputModelResponseCompletedEvent,
        "TeamModelRequestStarted": TeamModelRequestStartedEvent,
        "TeamModelRequestCompleted": TeamModelRequestCompletedEvent,
        "TeamCompressionStarted": TeamCompressionStartedEvent,
        "TeamCompressionCompleted": TeamCompressionCompletedEvent,
        "TeamFollowupsStarted": TeamFollowupsStartedEvent,
        "TeamFollowupsCompleted": TeamFollowupsCompletedEvent,
        "TeamTaskIterationStarted": TaskIterationStartedEvent,
        "TeamTaskIterationCompleted": TaskIterationCompletedEvent,
        "TeamTaskStateUpdated": TaskStateUpdatedEvent,
        "TeamTaskCreated": TaskCreatedEvent,
        "TeamTaskUpdated": TaskUpdatedEvent,
        "CustomEvent": TeamCustomEvent,
    },
)
UNIONS["WorkflowRunOutputEvent"] = Tagged(
    "event",
    {
        "WorkflowStarted": WorkflowStartedEvent,
        "WorkflowAgentStarted": WorkflowAgentStartedEvent,
        "WorkflowAgentCompleted": WorkflowAgentCompletedEvent,
        "WorkflowCompleted": WorkflowCompletedEvent,
        "WorkflowPaused": WorkflowPausedEvent,
        "WorkflowCancelled": WorkflowCancelledEvent,
        "WorkflowError": WorkflowErrorEvent,
        "StepStarted": StepStartedEvent,
        "StepCompleted": StepCompletedEvent,
        "StepProgress": StepProgressEvent,
        "StepPaused": StepPausedEvent,
        "StepContinued": StepContinuedEvent,
        "StepExecutorPaused": StepExecutorPausedEvent,
        "StepExecutorContinued": StepExecutorContinuedEvent,
        "StepOutputReview": StepOutputReviewEvent,
        "StepError": StepErrorEvent,
        "LoopExecutionStarted": LoopExecutionStartedEvent,
        "LoopIterationStarted": LoopIterationStartedEvent,
        "LoopIterationCompleted": LoopIterationCompletedEvent,
        "LoopExecutionCompleted": LoopExecutionCompletedEvent,
        "ParallelExecutionStarted": ParallelExecutionStartedEvent,
        "ParallelExecutionCompleted": ParallelExecutionCompletedEvent,
        "ConditionExecutionStarted": ConditionExecutionStartedEvent,
        "ConditionExecutionCompleted": ConditionExecutionCompletedEvent,
        "RouterExecutionStarted": RouterExecutionStartedEvent,
        "RouterExecutionCompleted": RouterExecutionCompletedEvent,
        "RouterPaused": RouterPausedEvent,
        "StepsExecutionStarted": StepsExecutionStartedEvent,
        "StepsExecutionCompleted": StepsExecutionCompletedEvent,
        "StepOutput": StepOutputEvent,
        "CustomEvent": WorkflowCustomEvent,
    },
)
UNIONS["TeamRunOutput.events"] = Tagged(
    "event",
    {
        **UNIONS["RunOutputEvent"].classes,
        **UNIONS["TeamRunOutputEvent"].classes,
    },
)
UNIONS["WorkflowRunOutput.events"] = Tagged(
    "event",
    {
        **UNIONS["RunOutputEvent"].classes,
        **UNIONS["TeamRunOutputEvent"].classes,
        **UNIONS["WorkflowRunOutputEvent"].classes,
    },
)

EVENT_CLASSES = {
    "AgentRunEvent": UNIONS["RunOutputEvent"].classes,
    "TeamRunEvent": UNIONS["TeamRunOutputEvent"].classes,
    "WorkflowRunEvent": UNIONS["WorkflowRunOutputEvent"].classes,
    "ControlEvent": UNIONS["ControlEvent"].classes,
}
