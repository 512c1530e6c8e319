"""AgentOS REST: which request makes what happen, and how its answer is read. No I/O.

Endpoints: ``POST /{agents|teams|workflows}/{id}/runs``, ``.../runs/{run_id}/continue``, ``/cancel``
and ``/resume`` (forms), ``GET .../runs``, ``.../runs/{run_id}``, ``GET /{kind}/{id}``.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Tuple, Type
from urllib.parse import quote

from ... import models
from ...errors import (
    NotFoundError,
    RemoteAgentError,
    RemoteHTTPError,
    ServerError,
    UnsupportedError,
    shown_url,
)
from ...modelling.base import Model
from ...modelling.outputs import Output, expecting
from ...wire import Request, Response
from ..component import WORKFLOW, Component
from ..contract import Call, Fold, NothingToCancelError, StreamCall
from ..jsontext import json_text, model_of, models_of, output_of
from . import decisions
from .claims import SessionClaims
from .fold import AgentOSFold
from .forms import CONTINUE_FIELDS, flag, form_fields, message_text, number, split_media
from .refusals import meaning

__all__ = ["AgentOS"]

# What refusals mean.
_ON_RUN = meaning("POST runs")
_ON_CONTINUE = meaning("POST runs", "2.9")
_ON_RUNS = meaning("GET runs", "2.9")

#: How many ids of components an error lists.
_MOST_IDS = 20


class AgentOS:
    """Makes the calls for one component at ``base_url``."""

    #: Whether the stream of every run can be taken up again, not just those in the background.
    recovers = False
    #: Whether a run is found by its id only together with its session's.
    needs_session = True
    unknown = NotFoundError
    config_is_kept = False

    def __init__(self, base_url: str, component: Component, component_id: str) -> None:
        if not isinstance(component_id, str) or not component_id:
            raise ValueError("%s must be a non-empty str" % component.id_field)
        if "/" in component_id or component_id in (".", ".."):
            # %2F in a path segment reaches no route of an AgentOS, and dots change the path.
            raise ValueError("%s %r cannot be addressed" % (component.id_field, component_id))
        self.component = component
        self.id = component_id
        self._base_url = base_url
        self.claims = SessionClaims(base_url, component, component_id)
        self.url = "%s/%s/%s" % (base_url, component.path, quote(component_id, safe=""))
        self._output: Type[Output] = getattr(models, component.output)

    @staticmethod
    def identify(fields: Dict[str, Any]) -> None:
        """Give the run ids of its own, so that it can be cancelled and found."""
        import uuid  # with the first run: the import takes time

        for name in ("run_id", "session_id"):
            if fields.get(name) is None:
                fields[name] = str(uuid.uuid4())

    @staticmethod
    def named(input: Any, run_id: str, fields: Dict[str, Any]) -> Any:
        """The input of a run that is to be found by ``run_id``; ``fields`` get what it needs."""
        fields["run_id"] = run_id
        # A server with a queue of its own gives runs ids of its own, and knows a repeat by this.
        fields["headers"] = {**(fields.get("headers") or {}), "Idempotency-Key": run_id}
        return input

    @staticmethod
    def was_begun(row: Any, run_id: str, alone: bool) -> bool:
        """Whether a run in its session's list is the one begun as ``run_id``.

        Where the server chooses ids, only a session without other runs can tell.
        """
        return alone or row.run_id == run_id

    def config(self, fresh: bool = True) -> Call[Any]:
        """GET /{kind}/{id}"""
        model: Type[Model] = getattr(models, self.component.config)
        return Call(Request("GET", self.url), lambda response: model_of(response, model))

    def others(self, error: NotFoundError) -> Optional[Call[str]]:
        """GET /{kind}, as a sentence; None unless the error says that the component is unknown."""
        if error.detail != "%s not found" % self.component.kind.capitalize():
            return None
        return Call(Request("GET", self.url.rpartition("/")[0]), self._parse_others)

    def _parse_others(self, response: Response) -> str:
        rows: List[Any] = models_of(response, getattr(models, self.component.config))
        ids = [row.id for row in rows if isinstance(row.id, str)]
        shown = ", ".join("%.80r" % each for each in ids[:_MOST_IDS])
        more = " and %d more" % (len(ids) - _MOST_IDS) if len(ids) > _MOST_IDS else ""
        return "The server has the %ss %s%s." % (self.component.kind, shown or "none", more)

    def run(self, input: Any, options: Mapping[str, Any]) -> Call[Any]:
        """POST /{kind}/{id}/runs, answered by the whole output."""
        schema = options.get("output_schema")
        return Call(
            self._run_request(input, options, False),
            lambda response: expecting(self._parse_output(response), schema),
            _ON_RUN,
        )

    def run_stream(self, input: Any, options: Mapping[str, Any]) -> StreamCall[Any]:
        """POST /{kind}/{id}/runs, answered by server-sent events."""
        request = self._run_request(input, options, True)
        return StreamCall(request, self._fold(options, 0), _ON_RUN)

    def _run_request(self, input: Any, options: Mapping[str, Any], stream: bool) -> Request:
        as_json, parts = split_media(self.component, options)
        form = [("message", message_text(input))]
        form += self._stream_fields(options, stream)
        form += form_fields(self.component, dict(options, **as_json))
        return Request("POST", self.url + "/runs", form=form, files=parts)

    def continue_run(
        self, run_id: str, continuation: Optional[List[Any]], options: Mapping[str, Any]
    ) -> Call[Any]:
        """POST /{kind}/{id}/runs/{run_id}/continue"""
        request = self._continue_request(run_id, continuation, options, False)
        return Call(request, self._parse_output, _ON_CONTINUE)

    def continue_stream(
        self, run_id: str, continuation: Optional[List[Any]], options: Mapping[str, Any]
    ) -> StreamCall[Any]:
        """POST /{kind}/{id}/runs/{run_id}/continue, answered by server-sent events."""
        request = self._continue_request(run_id, continuation, options, True)
        return StreamCall(request, self._fold(dict(options, run_id=run_id)), _ON_CONTINUE)

    def _continue_request(
        self,
        run_id: str,
        decided: Optional[List[Any]],
        options: Mapping[str, Any],
        stream: bool,
    ) -> Request:
        form = self._stream_fields(options, stream)
        if decided is not None:
            field = self.component.continue_field
            form.append((field, json_text(field, list(decided))))
        elif self.component is WORKFLOW:
            raise ValueError("a workflow is continued by decisions only")
        form += form_fields(self.component, options, CONTINUE_FIELDS)
        return Request("POST", self._run_url(run_id) + "/continue", form=form)

    def standing(self, output: Any) -> Any:
        """What matters of an output for going on with its run."""
        return decisions.standing(self.component, output)

    @staticmethod
    def is_follow_up(options: Mapping[str, Any]) -> bool:
        """Whether the options ask for more than going on where the run paused."""
        return decisions.is_follow_up(options)

    def continuation(
        self,
        run_id: str,
        paused: Any,
        latest: Any,
        given: Optional[List[Any]],
        options: Mapping[str, Any],
    ) -> Optional[List[Any]]:
        """The decisions that continue a paused run; None if it goes on as another one."""
        follow_up = decisions.is_follow_up(options)
        return decisions.form_value(self.component, run_id, paused, latest, given, follow_up)

    #: Whether a paused run waits for something else than it did before.
    paused_anew = staticmethod(decisions.paused_anew)

    def running(self, run_id: str) -> Any:
        """What can be said of a run that is under way."""
        return self._output.from_dict({"run_id": run_id, "status": "RUNNING"})

    def cancel(self, run_id: str, session_id: Optional[str]) -> Call[None]:
        """POST /{kind}/{id}/runs/{run_id}/cancel. A success proves nothing: check the run."""
        params = [("session_id", session_id)] if session_id else None
        url = self._run_url(run_id) + "/cancel"
        return Call(Request("POST", url, params=params), _nothing, _on_cancel)

    def get_run(self, run_id: str, session_id: Optional[str], follow_up: bool = False) -> Call[Any]:
        """GET /{kind}/{id}/runs/{run_id}"""
        if not session_id:
            raise ValueError("session_id is needed: this object has not seen run %r" % (run_id,))
        request = Request("GET", self._run_url(run_id), params=[("session_id", session_id)])
        return Call(request, self._parse_output, self._on_follow_up if follow_up else _ON_RUNS)

    def _on_follow_up(self, error: RemoteHTTPError) -> RemoteAgentError:
        better = _ON_RUNS(error)
        if not isinstance(better, UnsupportedError):
            return better
        return UnsupportedError(
            "%s continues a run by its tools only: AgentOS takes %s since 2.9."
            % (shown_url(self._base_url), "=, ".join(decisions.FOLLOW_UPS) + "="),
            error.url,
        )

    def look_up(self, fold: AgentOSFold) -> Optional[Call[Any]]:
        """GET /{kind}/{id}/runs/{run_id} of a stream's run."""
        if fold.run_id is None or fold.session_id is None:
            return None
        return self.get_run(fold.run_id, fold.session_id)

    def list_runs(self, session_id: str, status: Optional[str]) -> Call[Any]:
        """GET /{kind}/{id}/runs: rows of a session's runs."""
        params = [("session_id", session_id)] + ([("status", status)] if status else [])
        model: Type[Model] = getattr(models, self.component.row)
        return Call(
            Request("GET", self.url + "/runs", params=params),
            lambda response: models_of(response, model),
            _ON_RUNS,
        )

    def resume_stream(
        self,
        run_id: str,
        session_id: Optional[str],
        index: Optional[int],
        fold: Optional[Fold[Any]] = None,
    ) -> StreamCall[Any]:
        """POST /{kind}/{id}/runs/{run_id}/resume: the events behind number ``index``."""
        form = [("session_id", session_id)] if session_id else []
        if index is not None:
            form.append(("last_event_index", number("last_event_index", index)))
        request = Request("POST", self._run_url(run_id) + "/resume", form=form)
        options = {"run_id": run_id, "session_id": session_id}
        first = 0 if index is None else index + 1
        return StreamCall(request, fold or self._fold(options, first), _ON_RUNS)

    def _run_url(self, run_id: str) -> str:
        if not isinstance(run_id, str) or not run_id:
            raise ValueError("run_id must be a non-empty str")
        return "%s/runs/%s" % (self.url, quote(run_id, safe=""))

    @staticmethod
    def _stream_fields(options: Mapping[str, Any], stream: bool) -> List[Tuple[str, str]]:
        # An absent ``stream`` means true on the server, for every endpoint that has it.
        if not stream:
            return [("stream", "false")]
        events = options.get("stream_events")
        events = True if events is None else events
        return [("stream", "true"), ("stream_events", flag("stream_events", events))]

    def _parse_output(self, response: Response) -> Any:
        return output_of(response, self._output)

    def _fold(self, options: Mapping[str, Any], first_index: Optional[int] = None) -> AgentOSFold:
        return AgentOSFold(
            self.component,
            run_id=options.get("run_id"),
            session_id=options.get("session_id"),
            announced=options.get("stream_events") is not False,
            first_index=first_index,
            schema=options.get("output_schema"),
        )


def _nothing(response: Response) -> None:
    """The status has said it all."""


def _on_cancel(error: RemoteHTTPError) -> RemoteAgentError:
    # Before 2.9 that is how a server says it; from then on it accepts any cancel.
    if isinstance(error, ServerError) and str(error.detail).startswith("Failed to cancel run"):
        return NothingToCancelError(error.message, error.url)
    return error
