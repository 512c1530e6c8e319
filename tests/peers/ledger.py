"""Servers that know what they have executed, and answer through every fault of a bad network.

A `Trial` is one run: what is asked, what the one right answer is, and what goes wrong on the way to
it, all drawn from a seed and the trial's number. A `Ledger` is the handler of a `RawServer` that
executes trials as an AgentOS or an A2A agent does, counts executions, and speaks to clients that
come directly, through a plain HTTP proxy, or by TLS through a CONNECT tunnel. The answer of the
agent is made first, byte for byte; then its trial's next fault decides what becomes of it.
"""

import base64
import collections
import json
import random
import ssl
import threading
from typing import Any, Deque, Dict, Iterator, List, NamedTuple, Optional

from tests import FIXTURES
from tests.peers.faults import Connection, Request, sse, wire

__all__ = ["HARMLESS", "Agent2Agent", "AgentOS", "Ledger", "Trial"]

#: What may befall one exchange, and how often. What is executed is executed before the answer.
FAULTS = {
    "nothing": 30,
    "slow": 4,  # in many small pieces with pauses between them
    "pause": 4,
    "1xx": 8,  # informational answers before the true one
    "closed behind it": 4,  # without having said so
    "answered twice": 3,
    "closed unexecuted": 2,
    "reset unexecuted": 2,
    "closed executed": 3,
    "reset executed": 3,
    "garbled": 2,  # no TLS where there should be
    "cut": 14,  # at any byte of head or body
    "reset": 10,
    "silence": 1,  # from any byte of head or body on
    "429": 2,
    "503": 2,
    "502": 2,  # says a gateway: the upstream may have executed it
    "html": 1,  # says something else than the server, with status 200
}
#: What may befall a CONNECT.
TUNNEL_FAULTS = {
    "nothing": 20,
    "slow": 3,
    "tunnel closed": 2,
    "tunnel reset": 2,
    "tunnel cut": 3,
    "tunnel 502": 2,
    "no handshake": 2,
}
#: A client that meets nothing but these has the whole answer.
HARMLESS = ("slow", "pause", "1xx", "closed behind it", "answered twice")

_MODES = {
    "blocking": 30,
    "streamed": 25,
    "streamed without events": 8,
    "background stream": 20,
    "background": 10,
    "left": 7,  # streamed, and given up in the middle
}
_INFORMATIONAL = (
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 102 Processing\r\nX-Progress: half\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\nContent-Length: 5\r\n\r\n",
)
#: The longest pause, in seconds.
_PAUSE = 0.02


class Trial:
    """One run: all that is drawn is drawn here, so that number and seed tell everything."""

    def __init__(self, seed: int, number: int) -> None:
        self.rng = rng = random.Random("%d/%d" % (seed, number))
        self.number = number
        self.mode = _drawn(rng, _MODES)
        self.route = rng.choice(("direct", "proxy", "tunnel"))
        #: Whether it is asked by a client, and so over connections, of its own.
        self.alone = rng.random() < 0.15
        self.input = "question %d/%d: %x" % (seed, number, rng.getrandbits(64))
        size = rng.choice((1, 5, 5, 20, 20, 3000))
        self.pieces = [
            "%d.%d \u00e4\u2028\U0001f600 %s\n" % (number, i, "x" * rng.randrange(2 * size))
            for i in range(rng.randrange(1, 25))
        ]
        troubled = rng.random() < 0.7
        self.faults: Deque[str] = collections.deque(
            _drawn(rng, FAULTS) for _ in range(rng.randrange(1, 4) if troubled else 0)
        )
        self.tunnel_faults: Deque[str] = collections.deque(
            [_drawn(rng, TUNNEL_FAULTS)] if self.alone else []
        )
        #: For so many looks at the run in the background it is still under way.
        self.looks = rng.randrange(3)
        #: How much there is of what such a run tells, in events.
        self.produced = 0
        #: Whether the server has restarted meanwhile: what it stores are not all events.
        self.restarted = rng.random() < 0.15
        #: At what it is given up, for those that are.
        self.leaves_after = rng.randrange(len(self.pieces))
        #: What went wrong, in order.
        self.met: List[str] = []
        #: Set when that was found out no sooner than the client may have.
        self.told = threading.Event()
        self.executions = 0
        self.run_id: Optional[str] = None
        self.session_id: Optional[str] = None

    @property
    def answer(self) -> str:
        return "".join(self.pieces)

    def is_running(self) -> bool:
        self.looks -= 1
        return self.looks >= 0

    def __repr__(self) -> str:
        alone = "alone" if self.alone else "with others"
        return "trial %d (%s, %s, %s)" % (self.number, self.mode, self.route, alone)


class Answer(NamedTuple):
    pieces: List[bytes]
    status: int = 200
    content_type: str = "application/json"


class Ledger:
    """Executes trials, and counts. A handler; `agent` is the protocol that it speaks."""

    def __init__(self, agent: Any) -> None:
        self.agent = agent
        self.executions: Dict[str, int] = collections.Counter()
        self._expected: Dict[str, Trial] = {}  # by input, by number, and by run_id once it is known
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(str(FIXTURES / "localhost.pem"))

    def expect(self, trial: Trial) -> None:
        self._expected[trial.input] = self._expected[str(trial.number)] = trial

    def forget(self, trial: Trial) -> None:
        for key in (trial.input, str(trial.number), trial.run_id or ""):
            self._expected.pop(key, None)

    def __call__(self, connection: Connection, request: Request) -> None:
        if request.method == "CONNECT":
            self._tunnel(connection, request)
            return
        trial = self._trial_of(request)
        if trial is None:  # a card, or a look at a run that nobody waits for any more
            answer = self.agent.without_trial(request)
            connection.send(_bytes(answer, "length"))
            return
        fault = trial.faults.popleft() if trial.faults else "nothing"
        if fault == "garbled" and trial.route != "tunnel":
            fault = "reset executed"
        begins = self.agent.begins(request, trial)
        if begins:
            self._expected[trial.run_id or ""] = trial
        if fault.endswith("unexecuted"):
            trial.met.append(fault)
            _end(connection, fault)
        elif fault in ("429", "503"):
            trial.met.append(fault)
            answer = Answer([b'{"detail":"Come back later"}'], int(fault))
            connection.send(_bytes(answer, "length", [("Retry-After", "0")]))
        else:
            if begins:
                trial.executions += 1
                self.executions[trial.input] += 1
            broken = fault in ("cut", "reset", "silence") or fault.endswith("executed")
            self._answer(connection, trial, fault, self.agent.answer(request, trial, broken))

    def _answer(self, connection: Connection, trial: Trial, fault: str, answer: Answer) -> None:
        rng = trial.rng
        if fault == "502":
            answer = Answer([b"<html><h1>Bad gateway</h1></html>"], 502, "text/html")
        elif fault == "html":
            answer = Answer([b"<html>Please log in</html>"], 200, "text/html")
        framing = rng.choice(("chunked", "chunked", "length", "length", "close"))
        data = _bytes(answer, framing, gzip=rng.random() < 0.3)
        if framing == "close":
            if rng.random() < 0.5:
                data = data.replace(b"HTTP/1.1", b"HTTP/1.0", 1)
            if trial.mode == "streamed without events":
                trial.met.append("unframed")  # its end cannot be told from a cut
            if fault == "answered twice":
                fault = "nothing"
        if fault in ("cut", "reset", "silence"):
            self._break(connection, trial, fault, data, framing)
            return
        if fault != "nothing":
            trial.met.append(fault)
        if fault.endswith("executed"):
            _end(connection, fault)
            return
        if fault == "garbled":
            connection.send_unencrypted(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.close()
            return
        if fault == "1xx":
            data = b"".join(rng.choices(_INFORMATIONAL, k=rng.randrange(1, 4))) + data
        elif fault == "answered twice":
            data += data
        breaks = {"slow": 20, "pause": 1}.get(fault, 0)
        start = 0
        for end in sorted(rng.randrange(len(data)) for _ in range(breaks)):
            connection.send(data[start:end])
            connection.pause(rng.uniform(0, _PAUSE / breaks))
            start = end
        connection.send(data[start:])
        if framing == "close":
            connection.close()
        elif fault == "closed behind it":
            connection.half_close()
            late = connection.read_request()  # from a client that could not know it yet
            lost = self._trial_of(late) if late else None
            if lost is not None:
                lost.met.append("closed unexecuted")
                lost.told.set()
            connection.close()

    def _break(
        self, connection: Connection, trial: Trial, fault: str, data: bytes, framing: str
    ) -> None:
        """Send so much of the answer, and nothing more."""
        body = data.index(b"\r\n\r\n") + 4
        if trial.rng.random() < 0.4 or body == len(data):
            at, where = trial.rng.randrange(body), "head"
        else:
            at = trial.rng.randrange(body, len(data))
            where = "unframed body" if framing == "close" else "body"
        trial.met.append("%s in the %s" % (fault, where))
        connection.send(data[:at])
        if fault == "silence":
            connection.wait_until_client_closes()
        _end(connection, fault)

    def _tunnel(self, connection: Connection, request: Request) -> None:
        login = base64.b64decode(request.headers.get("proxy-authorization", " ").split(" ")[1])
        trial = self._expected.get(login.decode().partition(":")[0])
        fault = trial.tunnel_faults.popleft() if trial and trial.tunnel_faults else "nothing"
        data = b"HTTP/1.1 200 Connection established\r\nVia: 1.1 soak\r\n\r\n"
        if trial is not None and fault != "nothing":
            trial.met.append(fault)
            if fault == "tunnel 502":
                data = data.replace(b"200 Connection established", b"502 Bad Gateway")
            elif fault == "tunnel cut":
                data = data[: trial.rng.randrange(len(data))]
            elif fault == "slow":
                for i in range(len(data) - 1):
                    connection.send(data[i : i + 1])
                data = data[-1:]
        if fault in ("tunnel closed", "tunnel reset"):
            _end(connection, fault)
            return
        connection.send(data)
        if fault in ("tunnel 502", "tunnel cut", "no handshake"):
            connection.close()
        else:
            connection.start_tls(self._tls)

    def _trial_of(self, request: Request) -> Optional[Trial]:
        return self._expected.get(self.agent.asked(request) or "")


class AgentOS:
    """Runs, their streams, look-up and resumption as an AgentOS answers them."""

    def asked(self, request: Request) -> Optional[str]:
        parts = request.path.split("/")  # /agents/{id}/runs[/{run_id}[/resume]]
        return parts[4] if len(parts) > 4 else request.form.get("message", [None])[0]

    def without_trial(self, request: Request) -> Answer:
        return Answer([b'{"detail":"Run not found"}'], 404)

    def begins(self, request: Request, trial: Trial) -> bool:
        if not request.path.endswith("/runs"):
            return False
        trial.run_id, trial.session_id = request.form["run_id"][0], request.form["session_id"][0]
        return True

    def answer(self, request: Request, trial: Trial, broken: bool) -> Answer:
        form = {name: values[0] for name, values in request.form.items()}
        if request.path.endswith("/resume"):
            return _stream(self._resumed(trial, int(form.get("last_event_index", -1))))
        background = form.get("background") == "true"
        if request.method == "GET":
            if not trial.executions or request.query["session_id"] != [trial.session_id]:
                return self.without_trial(request)
            waiting = trial.mode.startswith("background") and trial.is_running()
            return self._output(trial, "RUNNING" if waiting else "COMPLETED")
        if form["stream"] == "false":
            if background:
                return self._output(trial, "PENDING")._replace(status=202)
            return self._output(trial, "COMPLETED")
        events = self._events(trial)
        if not background:
            for event in events:
                del event["event_index"]
        if form["stream_events"] == "false":
            events = [event for event in events if event["event"] == "RunContent"]
        return _stream(events)

    def _events(self, trial: Trial) -> List[Dict[str, Any]]:
        names = ["RunStarted", *["RunContent"] * len(trial.pieces), "RunCompleted"]
        contents = [None, *trial.pieces, trial.answer]
        run = {"run_id": trial.run_id, "session_id": trial.session_id, "agent_id": "a"}
        events = [
            dict(run, event=name, content=content, event_index=index)
            for index, (name, content) in enumerate(zip(names, contents))
        ]
        del events[0]["content"]
        return events

    def _resumed(self, trial: Trial, last: int) -> Iterator[Dict[str, Any]]:
        control = {"run_id": trial.run_id, "message": "as it was"}
        if not trial.executions:
            yield {"event": "error", "error": "Run not found in buffer or database"}
            return
        events = [event for event in self._events(trial) if event["event_index"] > last]
        if trial.restarted:
            yield dict(control, event="replay", status="COMPLETED", total_events=len(events))
            yield from (event for event in events if event["event"] != "RunContent")
        elif trial.is_running():
            missed = trial.rng.randrange(len(events) + 1)
            if missed:
                yield dict(control, event="catch_up", status="running", missed_events=missed)
                yield from events[:missed]
            yield dict(control, event="subscribed", status="running")
            yield from events[missed:]
        else:
            yield dict(control, event="replay", status="COMPLETED", total_buffered=len(events))
            yield from events

    def _output(self, trial: Trial, status: str) -> Answer:
        run: Dict[str, Any] = {"run_id": trial.run_id, "session_id": trial.session_id}
        run.update(agent_id="a", status=status)
        if status == "COMPLETED":
            run["content"] = trial.answer
        return Answer([_json(run)])


class Agent2Agent:
    """An agent of A2A 1.0 on JSON-RPC, with tasks that can be got and subscribed to."""

    _CARD = {
        "name": "Agent",
        "description": "Answers questions.",
        "version": "1",
        "capabilities": {"streaming": True},
        "defaultInputModes": ["text/plain"],
        "defaultOutputModes": ["text/plain"],
        "skills": [],
        "supportedInterfaces": [
            {"url": "/", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}
        ],
    }

    def asked(self, request: Request) -> Optional[str]:
        if request.method == "GET":
            return None
        params = json.loads(request.body)["params"]
        key = params["id"] if "id" in params else params["message"]["parts"][0]["text"]
        return str(key)

    def without_trial(self, request: Request) -> Answer:
        if request.method == "GET":
            return Answer([_json(self._CARD)])
        return self._error(request, -32001, "Task not found")

    def begins(self, request: Request, trial: Trial) -> bool:
        if "message" not in json.loads(request.body)["params"]:
            return False
        trial.run_id, trial.session_id = "task-%d" % trial.number, "context-%d" % trial.number
        return True

    def answer(self, request: Request, trial: Trial, broken: bool) -> Answer:
        """If it is `broken` on the way, a stream holds no more than what has been produced."""
        call = json.loads(request.body)
        events = self._events(trial)
        streamed = call["method"] in ("SendStreamingMessage", "SubscribeToTask")
        at_once = call["params"].get("configuration", {}).get("returnImmediately")
        running = trial.looks > 0 if call["method"] == "SendStreamingMessage" else None
        if running is None:
            running = trial.is_running() or (at_once and not streamed)
        first, last = trial.produced, len(events)
        if running:
            trial.produced = first = trial.rng.randrange(first, last)
        if not streamed:
            task = self._task(trial, first if running else last)
            return self._result(request, {"task": task} if "message" in call["params"] else task)
        if broken and running:
            trial.produced = last = trial.rng.randrange(first, last)
        if call["method"] == "SendStreamingMessage":
            told = events[:last]
        elif running:
            told = [{"task": self._task(trial, first)}, *events[first:last]]
        else:
            return self._error(request, -32004, "The task is over")
        frames = [self._result(request, event).pieces[0] for event in told]
        return Answer([b"data: %s\r\n\r\n" % f for f in frames], content_type="text/event-stream")

    def _events(self, trial: Trial) -> List[Dict[str, Any]]:
        ids = {"taskId": trial.run_id, "contextId": trial.session_id}
        events: List[Dict[str, Any]] = [{"task": self._task(trial, 0)}]
        for state in ("WORKING", "COMPLETED"):
            events.append({"statusUpdate": dict(ids, status={"state": "TASK_STATE_" + state})})
        events[2:2] = [
            {
                "artifactUpdate": dict(
                    ids, artifact={"artifactId": "1", "parts": [{"text": piece}]}, append=i > 0
                )
            }
            for i, piece in enumerate(trial.pieces)
        ]
        return events

    def _task(self, trial: Trial, produced: int) -> Dict[str, Any]:
        """The task when so many of its events have happened."""
        state = "SUBMITTED" if produced < 2 else "WORKING"
        if produced == len(trial.pieces) + 3:
            state = "COMPLETED"
        task: Dict[str, Any] = {"id": trial.run_id, "contextId": trial.session_id}
        task["status"] = {"state": "TASK_STATE_" + state}
        parts = [{"text": piece} for piece in trial.pieces[: max(0, produced - 2)]]
        if parts:
            task["artifacts"] = [{"artifactId": "1", "parts": parts}]
        return task

    def _result(self, request: Request, result: Any) -> Answer:
        call_id = json.loads(request.body)["id"]
        return Answer([_json({"jsonrpc": "2.0", "id": call_id, "result": result})])

    def _error(self, request: Request, code: int, message: str) -> Answer:
        error = {"code": code, "message": message}
        return Answer(
            [_json({"jsonrpc": "2.0", "id": json.loads(request.body)["id"], "error": error})]
        )


def _drawn(rng: random.Random, weights: Dict[str, int]) -> str:
    return rng.choices(list(weights), list(weights.values()))[0]


def _json(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False).encode("utf-8")


def _stream(events: Any) -> Answer:
    frames = [sse(event["event"], _json(event).decode("utf-8")) for event in events]
    return Answer(frames, content_type="text/event-stream")


def _bytes(answer: Answer, framing: str, headers: Any = (), gzip: bool = False) -> bytes:
    pieces = wire(
        answer.pieces,
        framing=framing,
        status=answer.status,
        content_type=answer.content_type,
        headers=headers,
        gzip=gzip,
    )
    return b"".join(piece for piece in pieces if isinstance(piece, bytes))


def _end(connection: Connection, fault: str) -> None:
    if "reset" in fault:
        connection.reset()
    else:
        connection.close()
