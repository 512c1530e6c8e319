"""A component on an A2A server: what an AgentOS is asked of it, translated.

A run is a task, whose ids the server chooses. What has no counterpart is answered 501, with the
reason. Nothing is kept: whatever process is asked asks the server.
"""

from __future__ import annotations

import copy
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

from .. import models
from ..cache import Recent
from ..channels.a2a import A2AConnection
from ..errors import shown_url
from ..modelling.base import fields_of
from ..options import Timeout
from ..protocols.a2a.message import OPTIONS
from ..protocols.agentos.received import decisions_of, flag_of, run_form
from ..protocols.sse import frame
from ..runs.runner import Runner
from ..wsgi import Refused
from .incoming import Answer, Caller, Incoming, json_answer
from .pushes import Pushes
from .questions import answer_of, asked
from .relayed import RelayedTasks
from .renewal import Renewed
from .routes import Routes
from .telling import EVENT_STREAM, Telling
from .upstream import Upstream

__all__ = ["Translated"]

#: The limits of a look at an agent's card.
_LOOK = Timeout(connect=5.0, read=10.0, total=10.0)
_LOOKS = 256
#: How long it is looked whether a run has been cancelled, in seconds.
_CANCEL = 2.0
#: The ends of the names of the events that come with stream_events=false.
_ALWAYS = ("RunContent", "Paused", "Error", "Cancelled")
_NOT_OVER_A2A = {
    "resume": "A2A numbers no events, so that a stream cannot be taken up behind one: poll the run",
    "checkpoints": "A2A knows no checkpoints",
    "fork": "A2A knows no forks",
    "compact": "A2A knows no compaction",
}
#: Of an output only what an AgentOS would say; its clients stumble over more.
_ROW = ("run_id", "session_id", "status", "content")
_DECISIONS = "the agent has asked: %s. Answer with input=, or as the value of the field 'input'"


class Translated:
    """An agent, team or workflow that ``remote`` speaks A2A to."""

    def __init__(
        self,
        remote: Runner[Any, Any, Any],
        connection: A2AConnection,
        forwards: bool,
        heartbeat: float,
        pushes: Pushes,
    ) -> None:
        self.component = remote.component
        self.id = remote.id
        self.url = shown_url(remote.base_url)
        self.tasks = RelayedTasks(connection, forwards, pushes)
        self._remote = remote
        self._forwards = forwards
        self._heartbeat = heartbeat
        self._looks: Recent[Renewed[Any]] = Recent(_LOOKS)
        self._names = fields_of(getattr(models, self.component.output)).values()
        routes: Dict[Tuple[str, ...], Callable[..., Answer]] = {
            ("GET",): self._detail,
            ("POST", "runs"): self._run,
            ("GET", "runs"): self._list,
            ("GET", "runs", ""): self._poll,
            ("POST", "runs", "", "continue"): self._continue,
            ("POST", "runs", "", "cancel"): self._cancel,
        }
        self._routes = Routes(routes, _NOT_OVER_A2A, "%s at %s" % (self.id, self.url))

    @property
    def upstream(self) -> Optional[Upstream]:
        """None: an A2A server keeps its data to itself."""
        return None

    def look(self, caller: Caller) -> Renewed[Any]:
        """Its agent card, as an AgentOS would show it."""
        key = caller.key if self._forwards else ""
        found = self._looks.get(key)
        if found is None:
            found = Renewed(lambda: self._described(caller, _LOOK), self.url)
            self._looks.keep(key, found)
        return found

    def row(self, seen: Any) -> Optional[Dict[str, Any]]:
        """Its row in the list of its kind, and in /config."""
        return _without_card(seen) if isinstance(seen, dict) else None

    def close(self) -> None:
        """End what is being fetched, and close idle connections."""
        for look in self._looks.values():
            look.abort()
        self._remote.close()

    def serve(self, incoming: Incoming, rest: List[str]) -> Answer:
        """Answer a request that goes on with ``rest`` behind the component's id. Blocks."""
        try:
            # A copy remembers nothing of other callers' runs, and shares the connections.
            remote = copy.copy(self._remote)
            options = incoming.caller.options(self._forwards)
            return self._routes.answer(incoming, rest, remote, options)
        except (TypeError, ValueError) as error:
            raise Refused(400, str(error)) from error

    # --- What it is

    def _described(self, caller: Caller, timeout: Optional[Timeout] = None) -> Dict[str, Any]:
        options = caller.options(self._forwards)
        if timeout is not None:
            options["timeout"] = timeout
        config = copy.copy(self._remote).get_config(**options)
        known = {"id": self.id, "name": config.name or self.id, "description": config.description}
        known["card"] = config.to_dict().get("card")
        return {name: value for name, value in known.items() if value is not None}

    def _detail(self, remote: Any, options: Dict[str, Any], incoming: Incoming) -> Answer:
        return json_answer(200, _without_card(self._described(incoming.caller)))

    # --- Runs

    def _run(self, remote: Any, options: Dict[str, Any], incoming: Incoming) -> Answer:
        fields, files = incoming.form()
        form = run_form(fields, files)
        for name in form.options:
            if name not in OPTIONS:
                raise Refused(501, "%s at %s: A2A cannot carry %.80s." % (self.id, self.url, name))
        options.update(form.options)
        if form.background:
            options["background"] = True
        if form.stream:
            stream = remote.run(form.message, stream=True, **options)
            return self._told(stream, form.stream_events, form.background)
        output = remote.run(form.message, **options)
        # An answer that is no task has no id; its run goes by the caller's.
        return self._answer(output, form.background, fields.get("run_id"))

    def _continue(
        self, remote: Any, options: Dict[str, Any], incoming: Incoming, run_id: str
    ) -> Answer:
        fields, _ = incoming.form()
        answer = answer_of(decisions_of(self.component, fields), fields)
        if answer is None:
            asking = remote.get_run(run_id, fields.get("session_id") or None, **options)
            if not asking.is_paused:
                raise Refused(409, "run is already %s" % str(asking.status).lower())
            raise Refused(400, _DECISIONS % asking.content)
        for name in ("session_id", "user_id"):
            if fields.get(name):
                options[name] = fields[name]
        background = flag_of(fields, "background", False)
        if background:
            options["background"] = True
        stream = flag_of(fields, "stream", True)
        told = remote.continue_run(run_id=run_id, input=answer, stream=stream, **options)
        if stream:
            return self._told(told, flag_of(fields, "stream_events", True), background)
        return self._answer(told, background, run_id)

    def _cancel(
        self, remote: Any, options: Dict[str, Any], incoming: Incoming, run_id: str
    ) -> Answer:
        session_id = incoming.argument("session_id")
        remote.cancel_run(run_id, session_id=session_id, wait=_CANCEL, **options)
        return json_answer(200, {})  # as an AgentOS: whoever wants to know polls

    def _poll(
        self, remote: Any, options: Dict[str, Any], incoming: Incoming, run_id: str
    ) -> Answer:
        output = remote.get_run(run_id, incoming.argument("session_id"), **options)
        return json_answer(200, self._data(output))

    def _list(self, remote: Any, options: Dict[str, Any], incoming: Incoming) -> Answer:
        session_id = incoming.required("session_id")
        outputs = remote.list_runs(session_id, status=incoming.argument("status"), **options)
        return json_answer(200, [self._row(each) for each in outputs])

    def _answer(self, output: Any, background: bool, run_id: Optional[str]) -> Answer:
        data = self._data(output)
        data.setdefault("run_id", run_id)
        if background:
            data = {name: data.get(name) for name in ("run_id", "session_id", "status")}
        return json_answer(202 if background else 200, data)

    def _told(self, stream: Any, with_events: bool, background: bool) -> Answer:
        def tell(event: Any) -> bytes:
            if event is None:
                return b""
            name = event.event or "CustomEvent"
            if not (with_events or name.endswith(_ALWAYS)):
                return b""
            data = event.to_dict()
            data = dict(data) if isinstance(data, dict) else {"value": data}
            data["event"] = name
            data.setdefault("created_at", int(time.time()))  # Agno's client cannot do without
            if name == self.component.prefix + "Paused":
                data.update(asked(self.component, stream.partial_output()))
            return frame(name, data)

        body = Telling(stream, tell, self._heartbeat, cancels=not background)
        return Answer(200, EVENT_STREAM, body)

    def _data(self, output: Any) -> Dict[str, Any]:
        """An output as AgentOS writes it."""
        data = {name: value for name, value in output.to_dict().items() if name in self._names}
        if output.is_paused:
            data.update(asked(self.component, output))
        if output.reason is not None:
            if data.get("content") is None:
                data["content"] = output.reason
            data["metadata"] = {**(data.get("metadata") or {}), "reason": output.reason}
        return data

    def _row(self, output: Any) -> Dict[str, Any]:
        row = {name: value for name, value in output.to_dict().items() if name in _ROW}
        row[self.component.id_field] = self.id
        return row


def _without_card(described: Dict[str, Any]) -> Dict[str, Any]:
    return {name: value for name, value in described.items() if name != "card"}
