"""Push notifications of tasks: who wants which, and the threads that post them.

All of it is in the memory of this process alone, and of so many tasks; of more, those that are over
are forgotten first. A thread follows a task for one caller, posts what becomes of it in order, and
ends when there is nothing more to tell; so there is none before somebody wants a notification.
"""

from __future__ import annotations

import collections
import copy
import http.client
import json
import logging
import os
import threading
from typing import Any, Callable, Deque, Dict, Iterable, List, Optional, Sequence, Tuple, Union

from ..errors import RemoteAgentError, shown_url
from ..http.exchange import Exchange
from ..protocols.a2a.interface import TERMINAL
from ..protocols.a2a.serving import Fault, notification
from ..wsgi import Refused
from .hooks import Hooks
from .incoming import Caller
from .telling import Stream

__all__ = ["Json", "Pushes", "Source"]

logger = logging.getLogger("remoteagent_lite.gateway")

Json = Dict[str, Any]
#: Asks what becomes of a task, with a caller's credentials. Streams that are opened for it are
#: shown to the function, which may close them from another thread.
Source = Callable[[Caller, Callable[[Stream], None]], Iterable[Json]]
_Work = Union[Source, List[Json]]

#: How many tasks are followed at a time, and for how many receivers each.
_TASKS = 256
_RECEIVERS = 8
#: What is waited before a notification is sent again, in seconds; then it is given up.
_DELAYS = (0.5, 1.0, 2.0, 4.0)
#: Statuses of receivers that may take it later, beside all from 500 on.
_LATER = (408, 425, 429)
#: How long close() waits for a thread, in seconds.
_JOIN = 5.0


class Pushes:
    """The push notification configs of all tasks. Any thread may call any method.

    ``hosts`` are the private ones that may be posted to. A ``task`` is named by whatever names it
    in this process. A caller sees its own configs only: there are secrets in them.
    """

    def __init__(self, hosts: Sequence[str]) -> None:
        self._hooks = Hooks(hosts)
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._process = os.getpid()
        self._lock = threading.Lock()  # guards the next
        self._followed: Dict[Tuple[str, str], _Followed] = {}

    def _after_fork(self) -> None:
        if self._process != os.getpid():  # the parent goes on with its own
            self._begin_anew()

    def check(self, config: Json) -> None:
        """Raise Fault for a config that nothing would be posted for. Blocks: looks up its host."""
        self._hooks.check(config)

    def check_room(self) -> None:
        """Raise Refused, 429, if no more tasks can be followed now."""
        self._after_fork()
        with self._lock:
            self._idle()

    def keep(self, task: str, caller: Caller, config: Json, source: Optional[Source]) -> Json:
        """Keep a config that has been checked, and follow ``source`` unless the task is followed.

        The config as it is kept. Refused, 429, if there are too many.
        """
        self._after_fork()
        key = (task, _owner(caller))
        with self._lock:
            followed = self._followed.get(key)
            if followed is None:
                self._make_room()
                followed = _Followed(self._hooks, caller, lambda: self._forget(key, followed))
                self._followed[key] = followed
            kept = {"id": config["taskId"], **config}
            if kept["id"] not in followed.configs and len(followed.configs) >= _RECEIVERS:
                raise Refused(429, "a task has %d push notification configs at most" % _RECEIVERS)
            followed.configs[kept["id"]] = kept
            # One that has told the end may have done so before the config was there.
            if source is not None and (followed.over or not followed.busy):
                followed.tell(source)
        return _shown(kept)

    def _make_room(self) -> None:
        idle = self._idle()
        if idle is not None:
            del self._followed[idle]

    def _idle(self) -> Optional[Tuple[str, str]]:
        """What makes room for one more: what waits for somebody, perhaps for ever."""
        if len(self._followed) < _TASKS:
            return None
        idle = [key for key, followed in self._followed.items() if not followed.busy]
        for key in [each for each in idle if self._followed[each].over] or idle:
            return key
        text = "%d tasks are followed, the most that this gateway does" % _TASKS
        raise Refused(429, text, ("Retry-After", "5"))

    def _forget(self, key: Tuple[str, str], followed: Optional[_Followed]) -> None:
        with self._lock:
            if self._followed.get(key) is followed:
                del self._followed[key]

    def tell(self, task: str, events: List[Json]) -> None:
        """What has become of a task, for whoever wants to know."""
        self._after_fork()
        with self._lock:
            for (name, _), followed in self._followed.items():
                if name == task and events:
                    followed.tell(events)

    def get(self, task: str, caller: Caller, id: Optional[str]) -> Json:
        """A config, or the first one. Fault if there is none."""
        for config in self.list(task, caller):
            if id is None or config["id"] == id:
                return config
        raise Fault(-32001, "The task has no such push notification config")

    def list(self, task: str, caller: Caller) -> List[Json]:
        """A caller's configs for a task."""
        self._after_fork()
        with self._lock:
            followed = self._followed.get((task, _owner(caller)))
            return [] if followed is None else [_shown(each) for each in followed.configs.values()]

    def delete(self, task: str, caller: Caller, id: str) -> None:
        """Post nothing more for a config. Nothing happens if there is none."""
        self._after_fork()
        key = (task, _owner(caller))
        with self._lock:
            followed = self._followed.get(key)
            if followed is None or followed.configs.pop(id, None) is None or followed.configs:
                return
            del self._followed[key]
        followed.abort()

    def close(self) -> None:
        """Forget all configs, and end the threads."""
        self._after_fork()
        with self._lock:
            followed = list(self._followed.values())
            self._followed.clear()
        for each in followed:
            each.abort()
        for each in followed:
            each.join()


class _Followed:
    """A task as one caller wants it told: receivers, and the thread that tells them."""

    def __init__(self, hooks: Hooks, caller: Caller, forget: Callable[[], None]) -> None:
        self.configs: Dict[str, Json] = {}
        self.over = False
        self._hooks = hooks
        self._caller = caller
        self._forget = forget
        self._exchange = Exchange()
        self._posting = Exchange()
        self._stream: Optional[Stream] = None
        self._task: Json = {}
        self._lock = threading.Lock()  # guards the next two
        # No longer than what a run tells, which whoever tells it has in memory anyway.
        self._work: Deque[_Work] = collections.deque()
        self._thread: Optional[threading.Thread] = None

    @property
    def busy(self) -> bool:
        return self._thread is not None

    def tell(self, work: _Work) -> None:
        """Have it told behind all that is to be told already."""
        with self._lock:
            self._work.append(work)
            if self._thread is not None or self._exchange.aborted:
                return
            # A daemon: the end of the process does not wait for a receiver that hangs.
            thread = threading.Thread(target=self._run, name="remoteagent-gateway-push")
            thread.daemon = True
            self._thread = thread
        try:
            thread.start()
        except RuntimeError:  # no thread to be had
            self._thread = None
            raise Refused(503, "no thread to push notifications with") from None

    def abort(self) -> None:
        self._exchange.abort()
        self._posting.abort()
        stream = self._stream
        if stream is not None:
            stream.close()

    def _own(self, stream: Stream) -> None:
        self._stream = stream
        if self._exchange.aborted:  # behind the assignment: abort() does it the other way round
            stream.close()

    def join(self) -> None:
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_JOIN)

    def _run(self) -> None:
        with self._exchange:
            work = self._next()
            while work is not None:
                try:
                    for event in work if isinstance(work, list) else work(self._caller, self._own):
                        self._post_all(event)
                except RemoteAgentError as error:
                    if not self._exchange.aborted:
                        logger.warning("A task is not followed any more: %s", error.message)
                except BaseException:
                    self._forget()
                    raise
                work = self._next()
        if self.over:
            self._task = {}  # the configs can still be asked for

    def _next(self) -> Optional[_Work]:
        """What is to be told next; None if that is all, and this thread's end."""
        with self._lock:
            if self._work and not self._exchange.aborted:
                return self._work.popleft()
            self._thread = None
            return None

    def _post_all(self, event: Json) -> None:
        before = self._task.get("status", {}).get("state")
        self._task = _with(self._task, event)
        state = self._task["status"]["state"]
        self.over = state in TERMINAL
        for id, config in list(self.configs.items()):
            # In 0.3 a task is told when its state has changed.
            if config["version"] == "1.0" or state != before:
                media_type, value = notification(config["version"], event, self._task)
                body = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
                self._post(id, config, media_type, body)

    def _post(self, id: str, config: Json, media_type: str, body: bytes) -> None:
        reason = ""
        for delay in (0.0, *_DELAYS):
            if delay:
                self._exchange.wait(delay)
            if self._exchange.aborted or self.configs.get(id) is not config:
                return
            try:
                # One of its own, as an exchange remembers all that was tried.
                self._posting = posting = Exchange()
                if self._exchange.aborted:  # behind the assignment: abort() does it the other way
                    return
                status = self._hooks.post(config, media_type, body, posting)
                if 200 <= status < 300:
                    return
                reason = "it answered %d" % status
                if status < 500 and status not in _LATER:
                    break
            except Fault as fault:
                reason = fault.message
                break
            except (OSError, http.client.HTTPException) as error:
                reason = type(error).__name__
        if not self._exchange.aborted:
            logger.warning("No notification to %s: %s", shown_url(config["url"]), reason)


def _owner(caller: Caller) -> str:
    """Who a caller is, whatever token it comes with."""
    user = caller.guest.user
    return "key " + caller.key if user is None else "user " + user


def _shown(config: Json) -> Json:
    return {name: value for name, value in config.items() if name != "version"}


def _with(task: Json, event: Json) -> Json:
    """The task with what an event says of it."""
    if "task" in event:
        return copy.deepcopy(event["task"])
    ((name, update),) = event.items()
    if not task:
        status = {"state": "TASK_STATE_WORKING"}
        task = {"id": update["taskId"], "contextId": update["contextId"], "status": status}
    if name == "statusUpdate":
        return {**task, "status": update["status"]}
    artifact = dict(update["artifact"])
    others = [
        each for each in task.get("artifacts", []) if each["artifactId"] != artifact["artifactId"]
    ]
    if update.get("append"):
        for each in task.get("artifacts", []):
            if each["artifactId"] == artifact["artifactId"]:
                artifact["parts"] = _joined(each["parts"] + artifact["parts"])
    return {**task, "artifacts": [*others, artifact]}


def _joined(parts: List[Json]) -> List[Json]:
    """Parts with the text of neighbours in one."""
    found: List[Json] = []
    for part in parts:
        if found and set(part) == set(found[-1]) == {"text"}:
            found[-1] = {"text": found[-1]["text"] + part["text"]}
        else:
            found.append(part)
    return found
