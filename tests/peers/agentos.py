"""An AgentOS server whose model follows a script: real framework, real wire format, no LLM.

Runs in the peer's interpreter (see `launch`), on Agno 2.3, 2.9 and 3.1; what a version lacks is
left out. The environment configures it: ``PEER_DIRECTORY`` (where the SQLite files go, required),
``PEER_DATABASES`` (1 or 2), ``PEER_A2A`` (1 to mount the A2A interface, and ``GET /executions``:
{text: how often a model was asked it}), ``PEER_TRACING`` (1 to record traces), ``PEER_OS_DB`` (1
to give the server itself a database, with approvals and schedules; ``PEER_URL`` is where it calls
itself; also content sources, and an agent ``keeper`` with a media storage), ``PEER_JWT_KEY`` (the
HS256 key, to demand tokens), and Agno's own ``OS_SECURITY_KEY``.

What the last message of the user makes the model do:

==========================  ======================================================================
``count:N [SIZE]``          N chunks "w0 ", "w1 ", ..., each filled up to SIZE bytes
``slow:N:D``                N chunks with D seconds before each
``silent:S [TEXT]``         nothing for S seconds, then an echo
``big:N``                   one chunk of N bytes
``boom [TEXT]``             the model raises ``RuntimeError``
``tool:NAME {JSON}``        calls the tool, then answers "tool said: RESULT"; several calls are
                            separated by " && "
``delegate:MEMBER TASK``    a team's leader gives the task to the member
``unicode``                 line and paragraph separators, NEL, emoji, CJK, a lone CR, a LF
``say:TEXT``                the text and nothing else
``think:TEXT``              reasoning content, then an echo of the text
``image``                   a tiny PNG beside the text
``image by url``            an image that is only a url beside the text
``received``                a line for each medium that came with the message: "KIND NAME TYPE "
                            and its url, or "SIZE SHA256" ("-" for what is not there)
``delete PATH``             calls the tool ``delete_file``, where the agent has it
``What is the capital of France?``, ``Name a city``, ``Tell me a story``
                            answers fit for the documentation
anything else               "echo: TEXT" in chunks of one word
==========================  ======================================================================
"""

import asyncio
import base64
import collections
import hashlib
import json
import logging
import os
import re
import time
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

from agno.agent import Agent
from agno.db.sqlite import SqliteDb
from agno.exceptions import CheckTrigger, InputCheckError
from agno.knowledge.document import Document
from agno.knowledge.knowledge import Knowledge
from agno.media import Image
from agno.models.base import Model
from agno.models.response import ModelResponse
from agno.os import AgentOS
from agno.os.config import AuthorizationConfig
from agno.run.agent import CustomEvent
from agno.team import Team
from agno.tools import tool
from agno.vectordb.base import VectorDb
from agno.workflow import Condition, Loop, Parallel, Router, Step, Workflow
from agno.workflow.types import StepInput, StepOutput

try:
    from agno.knowledge.remote_content import GitHubConfig, S3Config
except ImportError:  # before 2.9
    GitHubConfig = S3Config = None

try:
    from agno.media.storage import LocalMediaStorage
except ImportError:  # before 3.1
    LocalMediaStorage = None

try:
    from agno.workflow.types import HumanReview
except ImportError:  # before 2.9: workflows run without people
    HumanReview = None

try:
    from agno.tools.user_feedback import UserFeedbackTools
except ImportError:
    UserFeedbackTools = None

try:
    from agno.approval import approval
except ImportError:
    approval = None

UNICODE_TEXT = "line\u2028para\u2029next\u0085emoji \U0001f600 CJK \u6f22\u5b57 cr\rlf\nend"

STORY = (
    "Once upon a time a small robot learned to listen. Every evening it heard the sea, "
    "and every morning it told the village what the waves had said. Nobody was lonely again."
)

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

IMAGE_URL = "https://files.example/picture.png"


# The model ---------------------------------------------------------------------------------------


@dataclass
class Plan:
    """What the model is going to answer: chunks of text, or calls of tools, or a failure."""

    chunks: List[str] = field(default_factory=list)
    silence: float = 0.0  # before the first chunk
    pause: float = 0.0  # before each chunk
    tool_calls: List[Dict[str, Any]] = field(default_factory=list)
    reasoning: Optional[str] = None
    images: Optional[List[Image]] = None
    failure: Optional[str] = None


def words(text: str) -> List[str]:
    """Cut after every space; joined, the pieces are the text again."""
    return re.findall(r"[^ ]* |[^ ]+", text)


def call(index: int, name: str, arguments: str) -> Dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"id": "call_%d" % index, "type": "function", "function": function}


def plan_for(text: str, tool_names: List[str]) -> Plan:
    command, _, rest = text.partition(":")
    if command == "count":
        number, _, size = rest.partition(" ")
        chunks = ["w%d " % i for i in range(int(number))]
        return Plan([chunk.ljust(int(size or 0)) for chunk in chunks])
    if command == "slow":
        number, delay = rest.split()[0].split(":")
        return Plan(["w%d " % i for i in range(int(number))], pause=float(delay))
    if command == "silent":
        seconds, _, spoken = rest.partition(" ")
        return Plan(words("echo: " + (spoken or text)), silence=float(seconds))
    if command == "big":
        return Plan(["x" * int(rest)])
    if command == "tool":
        calls = []
        for index, each in enumerate(text.split(" && ")):
            name, _, arguments = each.partition(":")[2].partition(" ")
            calls.append(call(index, name, arguments or "{}"))
        return Plan(tool_calls=calls)
    if command == "delegate":
        member, _, task = rest.partition(" ")
        arguments = json.dumps({"member_id": member, "task": task})
        return Plan(tool_calls=[call(0, "delegate_task_to_member", arguments)])
    if command == "say":
        return Plan(words(rest))
    if command == "think":
        return Plan(words("echo: " + rest), reasoning="thinking about " + rest)
    if text.startswith("delete ") and "delete_file" in tool_names:
        arguments = json.dumps({"path": text[len("delete ") :]})
        return Plan(tool_calls=[call(0, "delete_file", arguments)])
    if text.startswith("boom"):
        return Plan(failure="scripted failure")
    if text == "unicode":
        return Plan(words(UNICODE_TEXT))
    if text == "image":
        picture = Image(id="picture", content=PNG, format="png", mime_type="image/png")
        return Plan(["Here it is."], images=[picture])
    if text == "image by url":
        return Plan(["Here it is."], images=[Image(id="picture", url=IMAGE_URL)])
    if text.startswith("What is the capital of France"):
        return Plan(words("The capital of France is Paris."))
    if text.startswith("Name a city"):
        return Plan(words('{"name": "Paris", "people": 2100000}'))
    if text.startswith("Tell me a story"):
        return Plan(words(STORY))
    return Plan(words("echo: " + text))


def media_lines(message: Any) -> List[str]:
    """What came with a message, in a line each that tells whether it has arrived unharmed."""
    lines = []
    for kind, media in (
        ("image", message.images),
        ("audio", message.audio),
        ("video", message.videos),
        ("file", message.files),
    ):
        for each in media or ():
            named = (kind, getattr(each, "filename", None) or "-", each.mime_type or "-")
            what = each.url
            if not what:
                content = each.content or b""
                content = content.encode() if isinstance(content, str) else content
                what = "%d %s" % (len(content), hashlib.sha256(content).hexdigest())
            lines.append("%s %s %s %s" % (named + (what,)))
    return lines


#: How often a model was asked for each text, not counting its turns after tool calls.
executions = collections.Counter()


class Scripted(Model):
    """A model that answers by `plan_for`, whole or in chunks, on a thread or on an event loop."""

    def __init__(self) -> None:
        super().__init__(id="scripted", name="Scripted", provider="scripted")

    @staticmethod
    def _plan(messages: List[Any], options: Dict[str, Any]) -> Plan:
        results = []
        for message in reversed(messages):
            if message.role == "tool":
                results.append(str(message.content))
            elif message.role == "user":
                if results:
                    return Plan(words("tool said: " + " | ".join(reversed(results))))
                names = [each["function"]["name"] for each in options.get("tools") or []]
                text = message.get_content_string()
                executions[text] += 1
                if text.split(None, 1)[:1] == ["received"]:
                    return Plan(["\n".join(media_lines(message)) or "nothing"])
                return plan_for(text, names)
        return Plan(["nothing to answer"])

    @staticmethod
    def _first(plan: Plan) -> List[ModelResponse]:
        """What a stream has to say before its text."""
        if plan.failure:
            raise RuntimeError(plan.failure)
        responses = []
        if plan.reasoning:
            responses.append(ModelResponse(role="assistant", reasoning_content=plan.reasoning))
        if plan.tool_calls:
            responses.append(ModelResponse(role="assistant", tool_calls=plan.tool_calls))
        if plan.images:
            responses.append(ModelResponse(role="assistant", images=plan.images))
        return responses

    @staticmethod
    def _whole(plan: Plan) -> ModelResponse:
        if plan.failure:
            raise RuntimeError(plan.failure)
        return ModelResponse(
            role="assistant",
            content="".join(plan.chunks) or None,
            reasoning_content=plan.reasoning,
            tool_calls=plan.tool_calls,
            images=plan.images,
        )

    def invoke(self, messages=None, *args, **options):
        plan = self._plan(messages, options)
        time.sleep(plan.silence + plan.pause * len(plan.chunks))
        return self._whole(plan)

    async def ainvoke(self, messages=None, *args, **options):
        plan = self._plan(messages, options)
        await asyncio.sleep(plan.silence + plan.pause * len(plan.chunks))
        return self._whole(plan)

    def invoke_stream(self, messages=None, *args, **options):
        plan = self._plan(messages, options)
        time.sleep(plan.silence)
        yield from self._first(plan)
        for chunk in plan.chunks:
            time.sleep(plan.pause)
            yield ModelResponse(role="assistant", content=chunk)

    async def ainvoke_stream(self, messages=None, *args, **options):
        plan = self._plan(messages, options)
        await asyncio.sleep(plan.silence)
        for response in self._first(plan):
            yield response
        for chunk in plan.chunks:
            if plan.pause:
                await asyncio.sleep(plan.pause)
            yield ModelResponse(role="assistant", content=chunk)

    def _parse_provider_response(self, response, **options):
        return response

    def _parse_provider_response_delta(self, response):
        return response


# Tools and hooks ---------------------------------------------------------------------------------


@dataclass
class Announcement(CustomEvent):
    """An event of a tool's own, with a field of its own."""

    announcement: Optional[str] = None

    def __str__(self) -> str:
        return ""  # the framework joins all that a tool yields into its result


@tool
def add(a: int, b: int) -> str:
    """Add two numbers."""
    return str(a + b)


@tool(requires_confirmation=True)
def delete_file(path: str) -> str:
    """Delete a file."""
    return "deleted " + path


@tool(external_execution=True)
def external(command: str) -> str:
    """Run a command outside."""
    return ""


@tool(requires_user_input=True, user_input_fields=["city", "days"])
def ask(question: str, city: str, days: int) -> str:
    """Ask the user where to go and for how long."""
    return "%s %s for %s days" % (question, city, days)


@tool
def fail(reason: str) -> str:
    """Fail."""
    raise ValueError(reason)


@tool
async def announce(text: str):
    """Send an event, then answer."""
    yield Announcement(announcement=text)
    yield "announced " + text


def build_tools() -> List[Any]:
    tools = [add, delete_file, external, ask, fail, announce]
    if UserFeedbackTools is not None:
        tools.append(UserFeedbackTools())
    if approval is not None:

        @approval
        @tool(requires_confirmation=True)
        def pay(amount: int) -> str:
            """Pay, once an administrator has approved."""
            return "paid %d" % amount

        tools.append(pay)
    return tools


def refuse_forbidden(run_input: Any) -> None:
    """A hook before the run; refuses any input that holds the word "forbidden"."""
    if "forbidden" in str(run_input.input_content):
        raise InputCheckError(
            "this input is forbidden", check_trigger=CheckTrigger.INPUT_NOT_ALLOWED
        )


# Knowledge ---------------------------------------------------------------------------------------


class Shelf(VectorDb):
    """A vector database without vectors: documents in a list, found by the words they contain."""

    def __init__(self) -> None:
        super().__init__(id="shelf", name="shelf")
        self.rows: List[Any] = []  # (content hash, document)

    def create(self):
        pass

    async def async_create(self):
        pass

    def exists(self):
        return True

    async def async_exists(self):
        return True

    def name_exists(self, name):
        return any(document.name == name for _, document in self.rows)

    async def async_name_exists(self, name):
        return self.name_exists(name)

    def id_exists(self, id):
        return any(document.id == id for _, document in self.rows)

    def content_hash_exists(self, content_hash, user_id=None):
        return any(each == content_hash for each, _ in self.rows)

    def insert(self, content_hash, documents, filters=None, user_id=None):
        for document in documents:
            document.meta_data = {**(document.meta_data or {}), **(filters or {})}
            self.rows.append((content_hash, document))

    async def async_insert(self, content_hash, documents, filters=None, user_id=None):
        self.insert(content_hash, documents, filters)

    def upsert_available(self):
        return True

    def upsert(self, content_hash, documents, filters=None, user_id=None):
        self.rows = [row for row in self.rows if row[0] != content_hash]
        self.insert(content_hash, documents, filters)

    async def async_upsert(self, content_hash, documents, filters=None, user_id=None):
        self.upsert(content_hash, documents, filters)

    def search(self, query, limit=5, filters=None, user_id=None) -> List[Document]:
        wanted = query.lower().split()
        found = [
            document
            for _, document in self.rows
            if any(word in document.content.lower() for word in wanted)
        ]
        return found[:limit]

    async def async_search(self, query, limit=5, filters=None, user_id=None):
        return self.search(query, limit)

    def drop(self):
        self.rows = []

    async def async_drop(self):
        self.drop()

    def delete(self):
        self.drop()
        return True

    def _delete(self, matches):
        before = len(self.rows)
        self.rows = [row for row in self.rows if not matches(row[1])]
        return len(self.rows) < before

    def delete_by_id(self, id):
        return self._delete(lambda document: document.id == id)

    def delete_by_name(self, name):
        return self._delete(lambda document: document.name == name)

    def delete_by_metadata(self, metadata):
        wanted = metadata.items()
        return self._delete(lambda document: wanted <= (document.meta_data or {}).items())

    def delete_by_content_id(self, content_id, user_id=None):
        return self._delete(lambda document: document.content_id == content_id)

    def update_metadata(self, content_id, metadata):
        for _, document in self.rows:
            if document.content_id == content_id:
                document.meta_data = {**(document.meta_data or {}), **metadata}

    def get_supported_search_types(self):
        return ["keyword"]


# Workflow steps ----------------------------------------------------------------------------------


def upper(step_input: StepInput) -> StepOutput:
    return StepOutput(content=str(step_input.previous_step_content or step_input.input).upper())


def count_letters(step_input: StepInput) -> StepOutput:
    text = str(step_input.previous_step_content or step_input.input)
    return StepOutput(content="%d letters" % len(text))


def answer_form(step_input: StepInput) -> StepOutput:
    return StepOutput(content="form: %s" % (step_input.additional_data or {}).get("user_input"))


def break_down(step_input: StepInput) -> StepOutput:
    raise ValueError("scripted step failure")


def build_workflows(db: SqliteDb, plain: Agent, my_agent: Agent) -> List[Workflow]:
    def two_steps() -> List[Step]:
        return [Step(name="one", agent=plain), Step(name="two", agent=plain)]

    def functions() -> List[Step]:
        return [Step(name="upper", executor=upper), Step(name="count", executor=count_letters)]

    def review(**settings: Any) -> Dict[str, Any]:
        return {"human_review": HumanReview(**settings)} if HumanReview else {}

    directions = [Step(name="left", executor=upper), Step(name="right", agent=plain)]

    def take_direction(step_input: StepInput) -> List[Step]:
        named = [step for step in directions if str(step_input.input).startswith(step.name)]
        return named or directions[:1]

    failing = Step(name="break", executor=break_down, max_retries=0, **review(on_error="fail"))
    workflows = [
        Workflow(id="qa", name="QA", description="Two agent steps", steps=two_steps(), db=db),
        Workflow(
            id="qa-workflow", name="QA Workflow", description="Asks twice", steps=two_steps(), db=db
        ),
        Workflow(
            id="parallel", name="Parallel", steps=[Parallel(*two_steps(), name="both")], db=db
        ),
        Workflow(id="functions", name="Functions", steps=functions(), db=db),
        Workflow(id="failing", name="Failing", steps=[failing], db=db),
        Workflow(
            id="executor", name="Executor", steps=[Step(name="helper", agent=my_agent)], db=db
        ),
        Workflow(
            id="loop",
            name="Loop",
            steps=[
                Loop(steps=[Step(name="upper", executor=upper)], name="twice", max_iterations=2)
            ],
            db=db,
        ),
        Workflow(
            id="condition",
            name="Condition",
            steps=[
                Condition(
                    name="maybe",
                    evaluator=lambda step_input: "yes" in str(step_input.input),
                    steps=[Step(name="upper", executor=upper)],
                ),
                Step(name="count", executor=count_letters),
            ],
            db=db,
        ),
        Workflow(
            id="router",
            name="Router",
            steps=[Router(name="fork", selector=take_direction, choices=directions)],
            db=db,
        ),
    ]
    if HumanReview is None:
        return workflows
    inner = Workflow(id="inner", name="Inner", steps=functions(), db=db)
    fields = [
        {"name": "city", "field_type": "str", "description": "Where to", "required": True},
        {"name": "days", "field_type": "int", "description": "How long", "required": False},
    ]
    return [
        *workflows,
        Workflow(
            id="nested",
            name="Nested",
            steps=[Step(name="ask", agent=plain), Step(name="inside", workflow=inner)],
            db=db,
        ),
        Workflow(
            id="gated",
            name="Gated",
            steps=[
                Step(
                    name="gate",
                    agent=plain,
                    **review(requires_confirmation=True, confirmation_message="Go on?"),
                ),
                Step(name="count", executor=count_letters),
            ],
            db=db,
        ),
        Workflow(
            id="form",
            name="Form",
            steps=[
                Step(
                    name="fill",
                    executor=answer_form,
                    **review(
                        requires_user_input=True,
                        user_input_message="Where to?",
                        user_input_schema=fields,
                    ),
                )
            ],
            db=db,
        ),
        Workflow(
            id="review",
            name="Review",
            steps=[
                Step(
                    name="draft",
                    agent=plain,
                    **review(
                        requires_output_review=True,
                        output_review_message="Good enough?",
                        on_reject="retry",
                    ),
                )
            ],
            db=db,
        ),
        Workflow(
            id="choose",
            name="Choose",
            steps=[
                Router(
                    name="fork",
                    choices=[Step(name="left", executor=upper), Step(name="right", agent=plain)],
                    **review(requires_user_input=True, user_input_message="Which way?"),
                )
            ],
            db=db,
        ),
        Workflow(
            id="repair",
            name="Repair",
            steps=[
                Step(name="break", executor=break_down, max_retries=0, **review(on_error="pause"))
            ],
            db=db,
        ),
    ]


# The server --------------------------------------------------------------------------------------


def build_agents(db: SqliteDb, other_db: SqliteDb, knowledge: Knowledge) -> List[Agent]:
    return [
        Agent(id="plain", name="Plain", model=Scripted(), db=db),
        Agent(
            id="my-agent",
            name="My Agent",
            description="Answers questions and runs tools.",
            role="Helper",
            model=Scripted(),
            db=db,
            tools=build_tools(),
            knowledge=knowledge,
            search_knowledge=False,
        ),
        Agent(
            id="assistant",
            name="Assistant",
            description="Echoes.",
            role="Assistant",
            model=Scripted(),
            db=other_db,
            tools=[add],
        ),
        Agent(id="guarded", name="Guarded", model=Scripted(), db=db, pre_hooks=[refuse_forbidden]),
    ]


def build_teams(db: SqliteDb, plain: Agent, my_agent: Agent) -> List[Team]:
    duo = Team(id="duo", name="Duo", model=Scripted(), members=[plain], db=db)
    return [
        duo,
        Team(
            id="my-team",
            name="My Team",
            description="Delegates to its members.",
            role="Lead",
            model=Scripted(),
            members=[plain, my_agent],
            tools=[add, delete_file],
            db=db,
        ),
        Team(id="outer-team", name="Outer Team", model=Scripted(), members=[duo, plain], db=db),
    ]


def authorization() -> Dict[str, Any]:
    """The arguments that make the server demand JSON Web Tokens, if it is to."""
    key = os.environ.get("PEER_JWT_KEY")
    if not key:
        return {}
    config = AuthorizationConfig(verification_keys=[key], algorithm="HS256")
    return {"authorization": True, "authorization_config": config}


def own_database(db: SqliteDb) -> Dict[str, Any]:
    """The arguments that give the server approvals and schedules, where its version has them."""
    if os.environ.get("PEER_OS_DB") != "1":
        return {}
    # An hour between looks at the clock: nothing runs that no test has triggered.
    clock = {"scheduler_base_url": os.environ["PEER_URL"], "scheduler_poll_interval": 3600}
    return {"db": db, "scheduler": True, **clock}


def build_keepers(db: SqliteDb) -> List[Agent]:
    """An agent whose pictures the server keeps outside of its database."""
    if os.environ.get("PEER_OS_DB") != "1" or LocalMediaStorage is None:
        return []
    storage = LocalMediaStorage(os.path.join(os.environ["PEER_DIRECTORY"], "media"))
    return [Agent(id="keeper", name="Keeper", model=Scripted(), db=db, media_storage=storage)]


def content_sources() -> Dict[str, Any]:
    if os.environ.get("PEER_OS_DB") != "1" or S3Config is None:
        return {}
    bucket = S3Config(id="bucket", name="Bucket", bucket_name="shelf", prefix="books/")
    return {"content_sources": [bucket, GitHubConfig(id="code", name="Code", repo="shelf/books")]}


def create_app() -> Any:
    logging.disable(logging.INFO)  # Agno sets the level of its loggers again and again
    directory = os.environ["PEER_DIRECTORY"]
    db = SqliteDb(id="peer-db", db_file=os.path.join(directory, "peer.db"))
    other_db = db
    if os.environ.get("PEER_DATABASES") == "2":
        other_db = SqliteDb(id="other-db", db_file=os.path.join(directory, "other.db"))
    knowledge = Knowledge(
        name="Shelf",
        description="What is known.",
        vector_db=Shelf(),
        contents_db=db,
        **content_sources(),
    )
    agents = build_agents(db, other_db, knowledge)
    plain, my_agent = agents[:2]
    tracing = os.environ.get("PEER_TRACING") == "1"
    agent_os = AgentOS(
        id="peer-os",
        name="Peer OS",
        description="A scripted server for tests.",
        agents=[*agents, *build_keepers(db)],
        teams=build_teams(db, plain, my_agent),
        workflows=build_workflows(db, plain, my_agent),
        knowledge=[knowledge],
        a2a_interface=os.environ.get("PEER_A2A") == "1",
        telemetry=False,
        **authorization(),
        **own_database(db),
        **({"tracing": True} if tracing else {}),
    )
    app = agent_os.get_app()
    if os.environ.get("PEER_A2A") == "1":
        app.add_api_route("/executions", lambda: executions)
    if tracing and hasattr(app, "_telemetry"):
        # FastAPI's own spans would become the roots of Agno's traces and hide what ran.
        app._telemetry["tracing"] = False
    return app
