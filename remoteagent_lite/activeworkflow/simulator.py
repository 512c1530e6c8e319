"""Plays ActiveWorkflow in this process, for tests of agents: ``simulate(agent)``.

It does what the real one was measured to do. Messages come newest first. Two workers call the
agent at the same time and each sends the memory as it was when its job began, so that the last one
to answer overwrites what the other one remembered. An answer is stored piece by piece, and a job
that fails is repeated, four times at growing distances, with the pieces stored again. Time is
virtual: nothing sleeps, and the same calls have the same outcome.
"""

from __future__ import annotations

import copy
import datetime
import heapq
import io
import itertools
import math
import sys
import time
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Tuple, Type, Union

from ..wsgi import Environ
from .agents import Agent
from .app import CLOCK, AgentApp
from .reactions import JOB_LIMIT, Reaction, react, register, request_body

__all__ = ["Attempt", "Job", "Simulation", "caller", "simulate"]

#: Takes the body of a request and returns the body of the answer.
Call = Callable[[bytes], bytes]

_ATTEMPTS = 5
_POLL = 10.0
_READ_TIMEOUT = 60.0
_LATENCY = 0.1


class VirtualTime:
    """The clock of one simulation, which agents see in the place of time.monotonic."""

    def __init__(self) -> None:
        self.now = 0.0
        # An agent may be called in earnest before and after.
        self._began = time.monotonic()

    def __call__(self) -> float:
        return self._began + self.now


class Attempt:
    """One call: when it began (virtual seconds), the memory it was sent, and what came of it.

    ``reaction`` is None when no answer was read; ``failure`` is None if all went well.
    """

    def __init__(self, at: float, memory: Dict[str, Any]) -> None:
        self.at = at
        self.memory = memory
        self.finished = at
        self.answer = b""
        self.reaction: Optional[Reaction] = None
        self.failure: Optional[str] = None

    def __repr__(self) -> str:
        return "<Attempt at %g s: %s>" % (self.at, self.failure or "success")


class Job:
    """One message to deliver or one check to make, with all its attempts.

    ``messages``, ``logs`` and ``errors`` are what its attempts have stored together.
    """

    def __init__(
        self, method: str, message: Optional[Dict[str, Any]], seconds: Optional[float]
    ) -> None:
        self.method = method
        self.message = message
        self.seconds = seconds
        self.attempts: List[Attempt] = []
        self.messages: List[Dict[str, Any]] = []
        self.logs: List[str] = []
        self.errors: List[str] = []

    @property
    def failure(self) -> Optional[str]:
        """What the last attempt failed with, or None."""
        return self.attempts[-1].failure if self.attempts else None

    @property
    def is_lost(self) -> bool:
        """Whether ActiveWorkflow has given the job up, and its message with it."""
        return self.failure is not None and len(self.attempts) == _ATTEMPTS

    def __repr__(self) -> str:
        return "<Job %s: %d attempts, %s>" % (
            self.method,
            len(self.attempts),
            self.failure or "success",
        )


class Simulation:
    """One agent as its user set it up in ActiveWorkflow.

    ``messages``, ``logs``, ``errors`` and ``memory`` are what ActiveWorkflow has of it by now,
    ``now`` the virtual time in seconds, ``jobs`` all that was asked of the agent. Assign to
    ``options``, ``credentials`` and ``memory`` as the user may in the editor. Not thread-safe.
    """

    def __init__(
        self,
        call: Call,
        *,
        options: Optional[Mapping[str, Any]] = None,
        credentials: Optional[Mapping[str, str]] = None,
        memory: Optional[Mapping[str, Any]] = None,
        workers: int = 2,
        started: Optional[datetime.datetime] = None,
        clock: Optional[VirtualTime] = None,
    ) -> None:
        if workers < 1:
            raise ValueError("ActiveWorkflow needs at least one worker")
        self._call = call
        self._clock = clock or VirtualTime()
        registration = register(call(request_body("register")))
        if registration.failure is not None:
            raise ValueError("ActiveWorkflow cannot register this agent: " + registration.failure)
        self.metadata = registration.metadata
        defaults = self.metadata["default_options"] if options is None else options
        self.options: Dict[str, Any] = copy.deepcopy(dict(defaults))
        self.credentials = dict(credentials or {})
        self.memory: Dict[str, Any] = copy.deepcopy(dict(memory or {}))
        self.jobs: List[Job] = []
        self.messages: List[Dict[str, Any]] = []
        self.logs: List[str] = []
        self.errors: List[str] = []
        # The real clock, unless given: an agent that knows the messages of an earlier simulation
        # must not take this one's for them.
        self._started = started or datetime.datetime.now(datetime.timezone.utc)
        self._ids = itertools.count(1)
        self._sequence = itertools.count()
        self._workers = [0.0] * workers
        self._arrived: List[Job] = []
        self._due: List[Tuple[float, int, Job]] = []
        self._running: List[Tuple[float, int, Job, Attempt]] = []

    @property
    def now(self) -> float:
        return self._clock.now

    @now.setter
    def now(self, seconds: float) -> None:
        self._clock.now = seconds

    # --- What happens

    def receive(self, payload: Mapping[str, Any], *, seconds: Optional[float] = None) -> Job:
        """Deliver one message and play on until nothing is left to do; return its job."""
        job = self.queue(payload, seconds=seconds)
        self.run()
        return job

    def check(self, *, seconds: Optional[float] = None) -> Job:
        """Have the schedule call once and play on until nothing is left to do."""
        job = self.queue_check(seconds=seconds)
        self.run()
        return job

    def queue(self, payload: Mapping[str, Any], *, seconds: Optional[float] = None) -> Job:
        """Let a message arrive; ``run()`` delivers it, at the same time as others.

        ``seconds`` is how long the agent takes to answer, in virtual time: more than 60 and
        ActiveWorkflow has hung up, and calls again.
        """
        created = self._started + datetime.timedelta(seconds=self.now)
        stamp = created.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        message = {
            "id": next(self._ids),
            "user_id": 1,
            "agent_id": 1,
            "payload": copy.deepcopy(dict(payload)),
            "created_at": stamp,
            "updated_at": stamp,
            "expires_at": None,
        }
        return self._add(Job("receive", message, seconds))

    def queue_check(self, *, seconds: Optional[float] = None) -> Job:
        """Let a check become due; ``run()`` makes it, at the same time as others."""
        return self._add(Job("check", None, seconds))

    def _add(self, job: Job) -> Job:
        self.jobs.append(job)
        self._arrived.append(job)
        return job

    def run(self) -> None:
        """Play on until every job has succeeded or is given up."""
        self.now = _next_poll(self.now)
        # The newest first: the real one asks its database for no order, and gets this one.
        for job in reversed(self._arrived):
            self._enqueue(job, self.now)
        self._arrived = []
        self._workers = [max(free, self.now) for free in self._workers]
        while self._due or self._running:
            start, worker = self._next_start()
            if self._running and self._running[0][0] <= start:
                self._finish()
            else:
                self._begin(start, worker)

    def _next_start(self) -> Tuple[float, int]:
        if not self._due:
            return math.inf, 0
        return min((self._start_of(free), number) for number, free in enumerate(self._workers))

    def _begin(self, start: float, worker: int) -> None:
        self.now = start
        _, _, job = heapq.heappop(self._due)
        attempt = self._attempt(job)
        self._workers[worker] = attempt.finished
        heapq.heappush(self._running, (attempt.finished, next(self._sequence), job, attempt))

    def _enqueue(self, job: Job, at: float) -> None:
        heapq.heappush(self._due, (at, next(self._sequence), job))

    def _start_of(self, free: float) -> float:
        """When a worker that is free from then on begins with the job that is due first."""
        due = self._due[0][0]
        # A worker that has finished a job looks for the next at once; an idle one polls.
        return free if due <= free else _next_poll(due)

    def _attempt(self, job: Job) -> Attempt:
        attempt = Attempt(self.now, copy.deepcopy(self.memory))
        job.attempts.append(attempt)
        body = request_body(
            job.method,
            options=self.options,
            memory=attempt.memory,
            credentials=self.credentials,
            message=job.message,
        )
        attempt.answer = self._call(body)
        seconds = _LATENCY if job.seconds is None else job.seconds
        if seconds > _READ_TIMEOUT:
            attempt.failure = "Net::ReadTimeout: no answer within %g s" % _READ_TIMEOUT
            seconds = _READ_TIMEOUT
        else:
            attempt.reaction = react(attempt.answer)
            attempt.failure = attempt.reaction.failure
            seconds += min(attempt.reaction.seconds, JOB_LIMIT)
        attempt.finished = attempt.at + seconds
        return attempt

    def _finish(self) -> None:
        self.now, _, job, attempt = heapq.heappop(self._running)
        reaction = attempt.reaction
        if reaction is not None:
            self._store(job, reaction.errors, reaction.logs, reaction.messages)
            if reaction.memory is not None and reaction.memory != attempt.memory:
                self.memory = copy.deepcopy(reaction.memory)
        if attempt.failure is None:
            return
        self._store(job, ["Exception during %s. %s" % (job.method, attempt.failure)], (), ())
        number = len(job.attempts)
        if number < _ATTEMPTS:
            self._enqueue(job, self.now + number**4 + 5)

    def _store(
        self,
        job: Job,
        errors: Iterable[str],
        logs: Iterable[str],
        messages: Iterable[Dict[str, Any]],
    ) -> None:
        for owner in (self, job):
            owner.errors.extend(errors)
            owner.logs.extend(logs)
            owner.messages.extend(copy.deepcopy(list(messages)))

    def __repr__(self) -> str:
        return "<Simulation of %s at %g s: %d jobs, %d messages, %d errors>" % (
            self.metadata["name"],
            self.now,
            len(self.jobs),
            len(self.messages),
            len(self.errors),
        )


def _next_poll(time: float) -> float:
    return math.ceil(time / _POLL) * _POLL


def caller(
    agent: Union[Agent, Type[Agent], AgentApp, Call],
    path: str = "",
    clock: Callable[[], float] = time.monotonic,
) -> Call:
    """The function that has an agent answer the body of a request, as it would over HTTP.

    ``path`` chooses among the agents of an AgentApp: the name of one. ``clock`` is what the agent
    is told the time by.
    """
    if isinstance(agent, type):
        if not issubclass(agent, Agent):
            raise TypeError("%r is no class of agents" % (agent,))
        agent = agent()
    if isinstance(agent, Agent):
        agent = AgentApp(agent)
    if not isinstance(agent, AgentApp):
        if not callable(agent):
            raise TypeError("%r is neither an agent nor an AgentApp" % (agent,))
        return agent
    app = agent
    names = [each.name for each in app.agents]
    if path not in names:
        if path or len(names) != 1:
            raise ValueError("which agent? The app has %s" % (", ".join(names) or "none"))
        path = names[0]
    url = app.urls("")[names.index(path)]

    def call(body: bytes) -> bytes:
        return b"".join(app({**_environ(url, body), CLOCK: clock}, _start_response))

    return call


def _environ(path: str, body: bytes) -> Environ:
    """What a WSGI server makes of ActiveWorkflow's request."""
    return {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "5000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost:5000",
        "HTTP_USER_AGENT": "Faraday v0.17.6",
        "HTTP_CONNECTION": "close",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def _start_response(status: str, headers: Any, exc_info: Any = None) -> Callable[[bytes], object]:
    """ActiveWorkflow looks at neither."""
    return lambda data: None


def simulate(
    agent: Union[Agent, Type[Agent], AgentApp, Call],
    *,
    options: Optional[Mapping[str, Any]] = None,
    credentials: Optional[Mapping[str, str]] = None,
    memory: Optional[Mapping[str, Any]] = None,
    workers: int = 2,
    started: Optional[datetime.datetime] = None,
) -> Simulation:
    """An ActiveWorkflow that has this one agent.

    ``agent`` is an Agent or its class, an AgentApp with one agent, or a function from the bytes of
    a request to those of the answer. ``options`` are its default options unless given, as in the
    editor. ``workers=1`` for an ActiveWorkflow in which no two jobs overlap. ``started`` is when
    virtual time begins, for messages' ``created_at``: now, unless given.

    Raises ValueError for an agent that would keep ActiveWorkflow from starting.
    """
    clock = VirtualTime()
    return Simulation(
        caller(agent, clock=clock),
        options=options,
        credentials=credentials,
        memory=memory,
        workers=workers,
        started=started,
        clock=clock,
    )
