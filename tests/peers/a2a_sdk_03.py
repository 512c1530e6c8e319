"""A scripted agent on the A2A SDK 0.3: JSON-RPC at ``/``, REST at ``/rest/v1``, protocol 0.3.

Runs in the peer's interpreter (see `launch`). `a2a_verbs` says what the agent does, `a2a_front`
what the environment may ask for. Push notifications are sent, and there is an extended card with
the skill "secret". ``meta`` reports the same as on the SDK 1.x, without a tenant; every extension
that a request names is activated. A status of input-required ends a stream as final; one of
auth-required does not.
"""

import os
import sys

import httpx
from a2a.server.agent_execution import AgentExecutor
from a2a.server.apps import A2ARESTFastAPIApplication, A2AStarletteApplication
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.tasks import (
    BasePushNotificationSender,
    InMemoryPushNotificationConfigStore,
    InMemoryTaskStore,
    TaskUpdater,
)
from a2a.types import (
    AgentCard,
    DataPart,
    FilePart,
    FileWithBytes,
    FileWithUri,
    Part,
    Task,
    TaskState,
    TaskStatus,
    TextPart,
)
from starlette.routing import Mount

# The launcher keeps our directory off the path; it comes last, so it hides nothing.
sys.path.append(os.path.dirname(os.path.abspath(__file__)))

from a2a_front import (
    API_KEY,
    API_KEY_HEADER,
    BASE_URL,
    STREAMING,
    TOKEN,
    Front,
    interesting,
)
from a2a_verbs import Turn, play

ASKING = (TaskState.input_required, TaskState.auth_required)


class SdkTurn(Turn):
    def __init__(self, context, queue):
        self._context = context
        self._queue = queue
        self._updater = TaskUpdater(queue, context.task_id, context.context_id)
        self.parts = [canonical(part.root) for part in context.message.parts]
        task = context.current_task
        self.follows_up = task is not None and task.status.state in ASKING
        self.facts = facts(context)

    async def message(self, *parts):
        message = self._updater.new_agent_message(old(parts))
        message.task_id = None  # there is none
        await self._queue.enqueue_event(message)

    async def begin(self):
        context = self._context
        if context.current_task is None:
            task = Task(
                id=context.task_id,
                context_id=context.context_id,
                status=TaskStatus(state=TaskState.submitted),
                history=[context.message],
            )
            await self._queue.enqueue_event(task)
        await self._updater.start_work()

    async def artifact(self, *parts, id="answer", append=False, last=False):
        await self._updater.add_artifact(old(parts), artifact_id=id, append=append, last_chunk=last)

    async def status(self, state, *parts):
        message = self._updater.new_agent_message(old(parts)) if parts else None
        named = TaskState(state.replace("_", "-"))
        await self._updater.update_status(named, message, final=named == TaskState.input_required)


def old(parts):
    """Parts in the JSON of 1.0 as the SDK's own."""
    return [Part(root=old_part(part)) for part in parts]


def old_part(part):
    if "text" in part:
        return TextPart(text=part["text"])
    if "data" in part:
        return DataPart(data=part["data"])
    named = {"name": part.get("filename"), "mime_type": part.get("mediaType")}
    if "url" in part:
        return FilePart(file=FileWithUri(uri=part["url"], **named))
    return FilePart(file=FileWithBytes(bytes=part["raw"], **named))


def canonical(part):
    """One of the SDK's parts in the JSON of 1.0."""
    if isinstance(part, TextPart):
        return {"text": part.text}
    if isinstance(part, DataPart):
        return {"data": part.data}
    named = {"filename": part.file.name, "mediaType": part.file.mime_type}
    if isinstance(part.file, FileWithUri):
        return {"url": part.file.uri, **named}
    return {"raw": part.file.bytes, **named}


def facts(context):
    message = context.message
    headers = context.call_context.state["headers"]
    for uri in context.requested_extensions:
        context.add_activated_extension(uri)
    configuration = context.configuration
    return {
        "messageMetadata": message.metadata or {},
        "requestMetadata": context.metadata,
        "contextId": context.context_id,
        "taskId": context.task_id,
        "referenceTaskIds": message.reference_task_ids or [],
        "messageExtensions": message.extensions or [],
        "extensions": sorted(context.requested_extensions),
        "acceptedOutputModes": (configuration and configuration.accepted_output_modes) or [],
        "version": headers.get("a2a-version"),
        "headers": interesting(headers),
    }


class Agent(AgentExecutor):
    front = None

    async def execute(self, context, event_queue):
        self.front.count(context.message.message_id)
        await play(SdkTurn(context, event_queue))

    async def cancel(self, context, event_queue):
        await TaskUpdater(event_queue, context.task_id, context.context_id).cancel()


def security():
    """The card's security schemes and requirements, for the credentials that are asked for."""
    schemes = {}
    if TOKEN:
        schemes["bearer"] = {"type": "http", "scheme": "bearer"}
    if API_KEY:
        schemes["key"] = {"type": "apiKey", "in": "header", "name": API_KEY_HEADER}
    if not schemes:
        return {}
    return {"securitySchemes": schemes, "security": [{name: [] for name in schemes}]}


def card(**changes):
    described = {
        "name": "Echo",
        "description": "A scripted agent.",
        "version": "1.0.0",
        "protocolVersion": "0.3.0",
        "url": BASE_URL + "/",
        "preferredTransport": "JSONRPC",
        "additionalInterfaces": [
            {"url": BASE_URL + "/", "transport": "JSONRPC"},
            {"url": BASE_URL + "/rest", "transport": "HTTP+JSON"},
        ],
        "capabilities": {"streaming": STREAMING, "pushNotifications": True},
        "supportsAuthenticatedExtendedCard": True,
        "defaultInputModes": ["text/plain"],
        "defaultOutputModes": ["text/plain"],
        "skills": [skill("echo")],
    }
    return AgentCard.model_validate({**described, **security(), **changes})


def skill(name):
    return {"id": name, "name": name.capitalize(), "description": "Says it.", "tags": ["test"]}


def create_app():
    agent = Agent()
    configs = InMemoryPushNotificationConfigStore()
    client = httpx.AsyncClient(trust_env=False)
    served = {
        "agent_card": card(),
        "extended_agent_card": card(skills=[skill("echo"), skill("secret")]),
        "http_handler": DefaultRequestHandler(
            agent_executor=agent,
            task_store=InMemoryTaskStore(),
            push_config_store=configs,
            push_sender=BasePushNotificationSender(client, configs),
        ),
    }
    app = A2AStarletteApplication(**served).build()
    app.router.routes.append(Mount("/rest", app=A2ARESTFastAPIApplication(**served).build()))
    agent.front = Front(app)
    return agent.front
