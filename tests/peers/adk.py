"""An agent of Google's ADK over A2A, with a scripted model: JSON-RPC at ``/``, 1.0 and 0.3.

Runs in the peer's interpreter (see `launch`); `a2a_front` says what the environment may ask for,
here also ``PEER_SSE``: 1 runs the agent with StreamingMode.SSE, so that its model streams. The
agent is called ``facts_agent``. What the first word of the user's last message makes it do:

=================  ==============================================================================
anything else      "echo: TEXT"
``chunks N``       "w0 w1 ...", N words; a model that streams gives one after another, and then
                   the whole
``slow N``         the same, 0.1 s before each word
``think X``        a thought "thinking about X", then "echo: X"
``tool X``         calls the tool ``shout``, then answers "tool said: X" in capitals
``aside X``        the same, but says "one moment" beside the call
``ask``            calls the long-running tool ``approve``: input-required. What follows on the
                   task is answered "you said: TEXT", be it a text or the tool's response (in
                   JSON, if it is more than one result)
``ask-twice``      the same with two calls at once
``files``          answers with a file of bytes (all.bin, every byte value) and one by url
``received``       a line for each part after the first text, as the other A2A peers do; data
                   parts reach a model as text or bytes, however ADK puts them
``fail X``         the model answers with an error code and the message "failed: X"
``fail-late N``    N words, and then the error "failed: late"
``boom``           the model raises ``RuntimeError("scripted failure")``
``boom-late``      it raises after one partial answer, if it streams
``hang``           one partial answer "w0 ", if it streams, then nothing until it is cancelled
``big N``          N characters
``unicode``        `a2a_verbs.UNICODE_TEXT`
=================  ==============================================================================
"""

import asyncio
import base64
import json
import os
import sys
import urllib.parse

from google.adk.a2a.converters.request_converter import convert_a2a_request_to_agent_run_request
from google.adk.a2a.executor.a2a_agent_executor import A2aAgentExecutor, A2aAgentExecutorConfig
from google.adk.a2a.utils.agent_to_a2a import to_a2a
from google.adk.agents import Agent
from google.adk.agents.run_config import StreamingMode
from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_response import LlmResponse
from google.adk.tools.long_running_tool import LongRunningFunctionTool
from google.genai import types

# The launcher keeps our directory off the path; it comes last, so it hides nothing.
sys.path.append(os.path.dirname(os.path.abspath(__file__)))

from a2a_front import BASE_URL, STREAMING, Front, security
from a2a_verbs import ALL_BYTES, FILE_URL, UNICODE_TEXT, described


def shout(text: str) -> str:
    """Say it aloud."""
    return text.upper()


def approve(amount: int) -> None:
    """Ask somebody to approve; the answer comes later."""


def words(text, **settings):
    return types.Part(text=text, **settings)


def call(name, **arguments):
    return types.Part(function_call=types.FunctionCall(name=name, args=arguments))


def said(*parts, partial=False):
    return LlmResponse(content=types.Content(role="model", parts=list(parts)), partial=partial)


class Scripted(BaseLlm):
    model: str = "scripted"

    async def generate_content_async(self, llm_request, stream=False):
        contents = llm_request.contents or []
        last = (contents[-1].parts or []) if contents else []
        waiting = pending(contents)
        results = [part.function_response for part in last if part.function_response]
        if waiting is not None:
            yield said(words("you said: " + waiting))
        elif results:
            yield said(words("tool said: %s" % results[0].response.get("result")))
        else:
            async for response in answer(last):
                if stream or not response.partial:
                    yield response


def pending(contents):
    """What was said after a call of ``approve`` that has not been answered yet; else None."""
    asked = [index for index, content in enumerate(contents) if calls_approve(content)]
    after = contents[asked[-1] + 1 :] if asked else []
    if not after or any(content.role == "model" for content in after):
        return None
    return told(after)


def calls_approve(content):
    calls = [part.function_call for part in content.parts or [] if part.function_call]
    return any(each.name == "approve" for each in calls)


def told(contents):
    parts = contents[-1].parts or []
    responses = [part.function_response.response for part in parts if part.function_response]
    if responses:
        results = [each["result"] if list(each) == ["result"] else each for each in responses]
        return ", ".join(
            each if isinstance(each, str) else json.dumps(each, sort_keys=True) for each in results
        )
    return "".join(part.text or "" for part in parts)


async def answer(parts):
    """The model's answers to a message, in turn."""
    texts = [index for index, part in enumerate(parts) if part.text]
    text = parts[texts[0]].text if texts else ""
    others = [part for index, part in enumerate(parts) if index not in texts[:1]]
    word, _, rest = text.partition(" ")
    if word in ("chunks", "slow"):
        pieces = ["w%d " % index for index in range(int(rest))]
        for piece in pieces:
            await asyncio.sleep(0.1 if word == "slow" else 0)
            yield said(words(piece), partial=True)
        yield said(words("".join(pieces)))
    elif word in ("hang", "boom-late"):
        yield said(words("w0 "), partial=True)
        if word == "boom-late":
            raise RuntimeError("scripted failure")
        await asyncio.get_running_loop().create_future()
    elif word == "boom":
        raise RuntimeError("scripted failure")
    elif word == "fail-late":
        for index in range(int(rest)):
            yield said(words("w%d " % index), partial=True)
        yield LlmResponse(error_code="SCRIPTED", error_message="failed: late")
    elif word == "fail":
        yield LlmResponse(error_code="SCRIPTED", error_message="failed: " + rest)
    elif word == "think":
        yield said(words("thinking about " + rest, thought=True), words("echo: " + rest))
    elif word == "tool":
        yield said(call("shout", text=rest))
    elif word == "aside":
        for piece in ("one ", "moment"):
            yield said(words(piece), partial=True)
        yield said(words("one moment"), call("shout", text=rest))
    elif word == "ask":
        yield said(call("approve", amount=7))
    elif word == "ask-twice":
        yield said(call("approve", amount=7), call("approve", amount=8))
    elif word == "files":
        yield said(*files())
    elif word == "received":
        yield said(words("\n".join(described(canonical(part)) for part in others)))
    elif word == "big":
        yield said(words("x" * int(rest)))
    elif word == "unicode":
        yield said(words(UNICODE_TEXT))
    else:
        yield said(words("echo: " + text))


def files():
    blob = types.Blob(data=ALL_BYTES, mime_type="application/octet-stream", display_name="all.bin")
    link = types.FileData(file_uri=FILE_URL, mime_type="application/pdf", display_name="report.pdf")
    return types.Part(inline_data=blob), types.Part(file_data=link)


def canonical(part):
    """One of the model's parts in the JSON of A2A 1.0."""
    if part.inline_data:
        content = base64.b64encode(part.inline_data.data).decode("ascii")
        named = part.inline_data
        return {"raw": content, "filename": named.display_name, "mediaType": named.mime_type}
    if part.file_data:
        named = part.file_data
        url = named.file_uri
        return {"url": url, "filename": named.display_name, "mediaType": named.mime_type}
    return {"text": part.text or ""}


class Executor(A2aAgentExecutor):
    """ADK's own executor, which tells the front of each message."""

    front = None

    async def execute(self, context, event_queue):
        self.front.count(context.message.message_id)
        await super().execute(context, event_queue)


def streaming_request(request, part_converter):
    """A run whose model streams: ADK has no other place to ask for it."""
    run = convert_a2a_request_to_agent_run_request(request, part_converter)
    run.run_config.streaming_mode = StreamingMode.SSE
    return run


def card_patch():
    """What the environment asks for and ADK's card does not say."""
    patch = {} if STREAMING else {"capabilities": {"streaming": False}}
    return {**patch, **security()}


def create_app():
    agent = Agent(
        name="facts_agent",
        model=Scripted(),
        description="A scripted agent.",
        instruction="Be short.",
        tools=[shout, LongRunningFunctionTool(approve)],
    )
    address = urllib.parse.urlsplit(BASE_URL)
    executors = []

    def make_executor(runner):
        config = A2aAgentExecutorConfig()
        if os.environ.get("PEER_SSE") == "1":
            config.request_converter = streaming_request
        executors.append(Executor(runner=runner, config=config))
        return executors[0]

    app = to_a2a(
        agent,
        host=address.hostname,
        port=address.port,
        agent_executor_factory=make_executor,
    )
    front = Front(app, card_patch())
    executors[0].front = front
    return front
