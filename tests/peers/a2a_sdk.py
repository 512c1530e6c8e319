"""A scripted agent on the A2A SDK 1.x: JSON-RPC and REST, protocol 1.0 and 0.3.

Runs in the peer's interpreter (see `launch`). `a2a_verbs` says what the agent does, `a2a_front`
what the environment may ask for; here also ``PEER_VERSIONS``: which versions are listed and served
("1.0,0.3" unless told), and ``PEER_SIGNING``: the ``key`` (PEM) and protected ``header`` that the
SDK signs the cards with, as a JSON object.

===========  ==================================================================================
``/``        JSON-RPC, 1.0 and 0.3
``/rest``    REST: 1.0 at ``/rest/message:send``, 0.3 at ``/rest/v1/message:send``
===========  ==================================================================================

Push notifications are sent, and there is an extended card with the skill "secret". ``meta``
reports messageMetadata, requestMetadata, contextId, taskId, referenceTaskIds, messageExtensions,
extensions (the requested ones), tenant, acceptedOutputModes, version (the header) and headers
(which have arrived). Numbers come back as floats: the SDK keeps them in protobuf values.
"""

import json
import os
import sys

import httpx
from a2a.server.agent_execution import AgentExecutor
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import (
    create_agent_card_routes,
    create_jsonrpc_routes,
    create_rest_routes,
    jsonrpc_dispatcher,
)
from a2a.server.tasks import (
    BasePushNotificationSender,
    InMemoryPushNotificationConfigStore,
    InMemoryTaskStore,
    TaskUpdater,
)
from a2a.types import (
    AgentCard,
    Part,
    Task,
    TaskState,
    TaskStatus,
)
from google.protobuf.json_format import MessageToDict, ParseDict
from starlette.applications import Starlette

# The launcher keeps our directory off the path; it comes last, so it hides nothing.
sys.path.append(os.path.dirname(os.path.abspath(__file__)))

from a2a_front import (
    BASE_URL,
    STREAMING,
    Front,
    interesting,
    security,
)
from a2a_verbs import Turn, play

VERSIONS = os.environ.get("PEER_VERSIONS", "1.0,0.3").split(",")
SIGNING = json.loads(os.environ.get("PEER_SIGNING", "null"))

INTERFACES = [
    {"url": BASE_URL + "/", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
    {"url": BASE_URL + "/rest", "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0"},
    {"url": BASE_URL + "/", "protocolBinding": "JSONRPC", "protocolVersion": "0.3"},
    {"url": BASE_URL + "/rest", "protocolBinding": "HTTP+JSON", "protocolVersion": "0.3"},
]

ASKING = (TaskState.TASK_STATE_INPUT_REQUIRED, TaskState.TASK_STATE_AUTH_REQUIRED)


class SdkTurn(Turn):
    def __init__(self, context, queue):
        self._context = context
        self._queue = queue
        self._updater = TaskUpdater(queue, context.task_id, context.context_id)
        self.parts = [MessageToDict(part) for part in context.message.parts]
        task = context.current_task
        self.follows_up = task is not None and task.status.state in ASKING
        self.facts = facts(context)

    async def message(self, *parts):
        message = self._message(parts)
        message.ClearField("task_id")  # there is no task
        await self._queue.enqueue_event(message)

    async def begin(self):
        context = self._context
        if context.current_task is None:
            task = Task(
                id=context.task_id,
                context_id=context.context_id,
                status=TaskStatus(state=TaskState.TASK_STATE_SUBMITTED),
                history=[context.message],
            )
            await self._queue.enqueue_event(task)
        await self._updater.start_work()

    async def artifact(self, *parts, id="answer", append=False, last=False):
        await self._updater.add_artifact(
            canonical(parts), artifact_id=id, append=append, last_chunk=last
        )

    async def status(self, state, *parts):
        number = TaskState.Value("TASK_STATE_" + state.upper())
        await self._updater.update_status(number, self._message(parts) if parts else None)

    def _message(self, parts):
        return self._updater.new_agent_message(canonical(parts))


def canonical(parts):
    return [ParseDict(part, Part()) for part in parts]


def facts(context):
    message = context.message
    headers = context.call_context.state["headers"]
    return {
        "messageMetadata": MessageToDict(message.metadata),
        "requestMetadata": context.metadata,
        "contextId": context.context_id,
        "taskId": context.task_id,
        "referenceTaskIds": list(message.reference_task_ids),
        "messageExtensions": list(message.extensions),
        "extensions": sorted(context.requested_extensions),
        "tenant": context.tenant,
        "acceptedOutputModes": list(context.configuration.accepted_output_modes),
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


def card(**changes):
    described = {
        "name": "Echo",
        "description": "A scripted agent.",
        "version": "1.0.0",
        "capabilities": {
            "streaming": STREAMING,
            "pushNotifications": True,
            "extendedAgentCard": True,
        },
        "defaultInputModes": ["text/plain"],
        "defaultOutputModes": ["text/plain"],
        "skills": [skill("echo")],
        "supportedInterfaces": [each for each in INTERFACES if each["protocolVersion"] in VERSIONS],
    }
    made = ParseDict({**described, **security(), **changes}, AgentCard())
    if SIGNING:
        from a2a.utils.signing import create_agent_card_signer

        made = create_agent_card_signer(SIGNING["key"], SIGNING["header"])(made)
    return made


def skill(name):
    return {"id": name, "name": name.capitalize(), "description": "Says it.", "tags": ["test"]}


def create_app():
    public = card()
    agent = Agent()
    configs = InMemoryPushNotificationConfigStore()
    client = httpx.AsyncClient(trust_env=False)
    handler = DefaultRequestHandler(
        agent_executor=agent,
        task_store=InMemoryTaskStore(),
        agent_card=public,
        push_config_store=configs,
        push_sender=BasePushNotificationSender(client, configs),
        extended_agent_card=card(skills=[skill("echo"), skill("secret")]),
    )
    old = "0.3" in VERSIONS
    routes = [
        *create_agent_card_routes(public),
        *create_jsonrpc_routes(handler, "/", enable_v0_3_compat=old),
        *create_rest_routes(handler, path_prefix="/rest", enable_v0_3_compat=old),
    ]
    if "1.0" not in VERSIONS:
        # The SDK always serves its own version; a server of old knows none of it.
        jsonrpc_dispatcher.JsonRpcDispatcher.METHOD_TO_MODEL = {}
        routes = [route for route in routes if not served_by_new(route.path)]
    agent.front = Front(Starlette(routes=routes))
    return agent.front


def served_by_new(path):
    """Whether the route belongs to REST 1.0."""
    return path.startswith(("/rest/", "/{tenant}")) and not path.startswith("/rest/v1/")
