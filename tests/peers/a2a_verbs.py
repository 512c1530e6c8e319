"""What the scripted A2A agents do, told once for both SDKs. Runs in the peer's interpreter.

The first word of a message's first text part is the verb:

==================  ==============================================================================
anything else       a Task with one artifact "echo: TEXT"
``message X``       a bare Message "echo: X"
``chunks N``        one artifact in N appended pieces "w0 ", "w1 ", ...; lastChunk on the last
``replace N``       the same artifact sent whole N times: "w0 ", "w0 w1 ", ...
``rewrite``         an artifact "draft", replaced by "final text"
``interleave N``    two artifacts, "a" and "b", appended in turns: "a0 ", "b0 ", "a1 ", ...
``progress N``      N working statuses "step 0", "step 1", ..., then "echo: progress N"
``ask``             input-required, "which colour?"
``ask-data``        input-required; the status message has a data part only
``login``           auth-required, "log in at https://login.example/"
``login-for X``     the same, and once somebody sends ``admit X`` working, and "echo: X"
``admit X``         "echo: X"; see ``login-for``
``fail X``          failed, "failed: X"
``fail-late N``     N chunks, then failed, "failed: late"
``reject X``        rejected, "rejected: X"
``boom``            raises ``RuntimeError("scripted failure")`` before any event
``boom-late``       raises it after one chunk
``slow N``          N chunks, 0.1 s before each
``hang``            one chunk "w0 ", then works until it is cancelled
``final X``         completed; the answer "echo: X" stands in the status message only
``files``           an artifact with a file of bytes (all.bin, every byte value) and one by url
``received``        an artifact with a line for each part after the first text: "text LENGTH",
                    "raw NAME TYPE SIZE SHA256", "url NAME TYPE URL", "data JSON" ("-" for what
                    is not there)
``data``            an artifact with the data parts received and {"answer": 42}
``meta``            an artifact with one data part: what came beside the message; see the peers
``open``            returns and leaves the task working
``silent``          no event at all
``big N``           one artifact of N characters
``unicode``         an artifact of `UNICODE_TEXT`
==================  ==============================================================================

Whatever follows on a task that asked (``ask``, ``ask-data``, ``login``) is answered by an artifact
"you said: TEXT", and the task is completed. Chunks and echoes are in the artifact "answer".

Parts are dicts in the JSON of protocol 1.0 (bytes in base64); states are its names without their
prefix, in lower case, as in "input_required".
"""

import asyncio
import base64
import collections
import hashlib
import json

ALL_BYTES = bytes(range(256))
FILE_URL = "https://files.example/report.pdf"
LOGIN_URL = "https://login.example/"
UNICODE_TEXT = "line\u2028para\u2029next\u0085emoji \U0001f600 cr\rlf\nend"


class Turn:
    """A message that an agent has got, and the ways to answer it; each SDK has its own subclass.

    `parts` are all parts of the message, `follows_up` tells whether it belongs to a task that
    asked for it, and `facts` is what ``meta`` reports.
    """

    parts = ()
    follows_up = False
    facts = None

    async def message(self, *parts):
        """Answer with a Message and no task."""
        raise NotImplementedError

    async def begin(self):
        """Publish the task, if it is new, and that it is being worked on."""
        raise NotImplementedError

    async def artifact(self, *parts, id="answer", append=False, last=False):
        raise NotImplementedError

    async def status(self, state, *parts):
        raise NotImplementedError


async def play(turn):
    """Do what the message says."""
    texts = [index for index, part in enumerate(turn.parts) if "text" in part]
    text = turn.parts[texts[0]]["text"] if texts else ""
    others = [part for index, part in enumerate(turn.parts) if index not in texts[:1]]
    word, _, rest = text.partition(" ")
    if turn.follows_up:
        await turn.begin()
        await complete(turn, words("you said: " + text))
    elif word in WITH_PARTS:
        await turn.begin()
        await complete(turn, *WITH_PARTS[word](turn, others))
    elif word in VERBS:
        await VERBS[word](turn, rest)
    else:
        await echo(turn, text)


def words(text):
    return {"text": text}


async def complete(turn, *parts):
    """One artifact, and the task is done."""
    await turn.artifact(*parts)
    await turn.status("completed")


async def echo(turn, text):
    await turn.begin()
    await complete(turn, words("echo: " + text))


async def message(turn, rest):
    await turn.message(words("echo: " + rest))


async def pieces(turn, number, pause=0.0, ending=True):
    """Append "w0 ", "w1 ", ... to one artifact; without an `ending` no piece is marked as last."""
    for index in range(number):
        await asyncio.sleep(pause)
        last = ending and index == number - 1
        await turn.artifact(words("w%d " % index), append=index > 0, last=last)


async def chunks(turn, rest):
    await turn.begin()
    await pieces(turn, int(rest))
    await turn.status("completed")


async def slow(turn, rest):
    await turn.begin()
    await pieces(turn, int(rest), pause=0.1)
    await turn.status("completed")


async def replace(turn, rest):
    await turn.begin()
    text = ""
    for index in range(int(rest)):
        text += "w%d " % index
        await turn.artifact(words(text), last=index == int(rest) - 1)
    await turn.status("completed")


async def rewrite(turn, rest):
    await turn.begin()
    await turn.artifact(words("draft"))
    await complete(turn, words("final text"))


async def interleave(turn, rest):
    await turn.begin()
    for index in range(int(rest)):
        for id in ("a", "b"):
            piece = words("%s%d " % (id, index))
            await turn.artifact(piece, id=id, append=index > 0, last=index == int(rest) - 1)
    await turn.status("completed")


async def progress(turn, rest):
    await turn.begin()
    for index in range(int(rest)):
        await turn.status("working", words("step %d" % index))
    await complete(turn, words("echo: progress " + rest))


async def ask(turn, rest):
    await turn.begin()
    await turn.status("input_required", words("which colour?"))


async def ask_data(turn, rest):
    await turn.begin()
    await turn.status("input_required", {"data": {"question": "which colour?"}})


async def login(turn, rest):
    await turn.begin()
    await turn.status("auth_required", words("log in at " + LOGIN_URL))


async def login_for(turn, rest):
    await login(turn, rest)
    await ADMITTED[rest].wait()
    await turn.status("working")
    await complete(turn, words("echo: " + rest))


async def admit(turn, rest):
    ADMITTED[rest].set()
    await echo(turn, rest)


async def fail(turn, rest):
    await turn.begin()
    await turn.status("failed", words("failed: " + rest))


async def fail_late(turn, rest):
    await turn.begin()
    await pieces(turn, int(rest), ending=False)
    await turn.status("failed", words("failed: late"))


async def reject(turn, rest):
    await turn.begin()
    await turn.status("rejected", words("rejected: " + rest))


async def boom(turn, rest):
    raise RuntimeError("scripted failure")


async def boom_late(turn, rest):
    await turn.begin()
    await pieces(turn, 1, ending=False)
    await asyncio.sleep(0.1)  # the SDK of 0.3 drops what it has not sent when we raise
    raise RuntimeError("scripted failure")


async def hang(turn, rest):
    await turn.begin()
    await pieces(turn, 1, ending=False)
    await asyncio.get_running_loop().create_future()  # the SDKs cancel us when they are told to


async def final(turn, rest):
    await turn.begin()
    await turn.status("completed", words("echo: " + rest))


async def leave_open(turn, rest):
    await turn.begin()


async def silent(turn, rest):
    pass


async def big(turn, rest):
    await turn.begin()
    await complete(turn, words("x" * int(rest)))


async def unicode(turn, rest):
    await turn.begin()
    await complete(turn, words(UNICODE_TEXT))


def files(turn, others):
    content = base64.b64encode(ALL_BYTES).decode("ascii")
    return (
        {"raw": content, "filename": "all.bin", "mediaType": "application/octet-stream"},
        {"url": FILE_URL, "filename": "report.pdf", "mediaType": "application/pdf"},
    )


def received(turn, others):
    return (words("\n".join(described(part) for part in others)),)


def described(part):
    """The part in one line that tells whether it has arrived unharmed."""
    if "text" in part:
        return "text %d" % len(part["text"])
    if "data" in part:
        return "data " + json.dumps(part["data"], sort_keys=True)
    names = (part.get("filename") or "-", part.get("mediaType") or "-")
    if "url" in part:
        return "url %s %s %s" % (names + (part["url"],))
    content = base64.b64decode(part["raw"])
    return "raw %s %s %d %s" % (names + (len(content), hashlib.sha256(content).hexdigest()))


def data(turn, others):
    return [part for part in others if "data" in part] + [{"data": {"answer": 42}}]


def meta(turn, others):
    return ({"data": turn.facts},)


#: Set once somebody is admitted, by what he waits for.
ADMITTED = collections.defaultdict(asyncio.Event)

#: What an artifact is made of that depends on the whole message.
WITH_PARTS = {"files": files, "received": received, "data": data, "meta": meta}

VERBS = {
    "admit": admit,
    "ask": ask,
    "ask-data": ask_data,
    "big": big,
    "boom": boom,
    "boom-late": boom_late,
    "chunks": chunks,
    "fail": fail,
    "fail-late": fail_late,
    "final": final,
    "hang": hang,
    "interleave": interleave,
    "login": login,
    "login-for": login_for,
    "message": message,
    "open": leave_open,
    "progress": progress,
    "reject": reject,
    "replace": replace,
    "rewrite": rewrite,
    "silent": silent,
    "slow": slow,
    "unicode": unicode,
}
