"""Record what the real servers answer into ``tests/fixtures/VERSION/``.

``python -m tests.peers.record [NAME...]`` starts each peer (default: all AgentOS versions), sends
it the requests below and writes every answer down: ``.sse`` files hold the exact bytes of event
streams, ``.json`` files those of whole answers, and ``index.json`` says for each what was asked
and with which status and content type it was answered. Ids and times differ from one recording to
the next; everything else should not. A request that a version does not know is recorded as well,
with its 404: that is how the version answers.
"""

import http.client
import json
import shutil
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from .server import AGENTOS_VERSIONS, PeerServer

__all__ = ["main"]

_FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
_TIMEOUT = 30.0

Frames = List[Dict[str, Any]]
Decide = Callable[[Dict[str, Any]], Dict[str, Any]]


class Recorder:
    """Sends requests to one peer and keeps the answers."""

    def __init__(self, peer: PeerServer, directory: Path) -> None:
        self._peer = peer
        self._directory = directory
        self._index: Dict[str, Dict[str, Any]] = {}

    def post(
        self, name: str, path: str, watch: Optional[Callable[[bytes], bool]] = None, **form: Any
    ) -> bytes:
        """Record the answer to a form.

        `watch` sees the body so far after each frame of a stream; the connection is dropped when
        it answers True.
        """
        fields = {
            key: value if isinstance(value, str) else json.dumps(value)
            for key, value in form.items()
        }
        return self._record(name, "POST", path, fields, watch)

    def get(self, name: str, path: str) -> bytes:
        """Record the answer to a GET."""
        return self._record(name, "GET", path, None, None)

    def cancel(self, path: str, run_id: str) -> None:
        """Cancel a run, from beside the connection that its answer comes on."""
        connection = http.client.HTTPConnection(self._peer.host, self._peer.port, timeout=_TIMEOUT)
        connection.request("POST", "%s/%s/cancel" % (path, run_id))
        connection.getresponse().read()
        connection.close()

    def write_index(self) -> None:
        text = json.dumps(self._index, indent=1, sort_keys=True, ensure_ascii=False)
        (self._directory / "index.json").write_text(text + "\n", encoding="utf-8")

    def _record(
        self,
        name: str,
        method: str,
        path: str,
        form: Optional[Dict[str, str]],
        watch: Optional[Callable[[bytes], bool]],
    ) -> bytes:
        connection = http.client.HTTPConnection(self._peer.host, self._peer.port, timeout=_TIMEOUT)
        headers = {}
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, urllib.parse.urlencode(form or {}), headers)
        response = connection.getresponse()
        content_type = response.getheader("Content-Type", "")
        is_stream = content_type.startswith("text/event-stream")
        body = _read_frames(response, watch) if is_stream else response.read()
        connection.close()
        body = body.replace(str(self._peer.directory).encode(), b"/peer")
        file = "%s.%s" % (name, "sse" if is_stream else "json")
        (self._directory / file).write_bytes(body)
        self._index[file] = {
            "method": method,
            "path": path,
            # Long fields hold what the recording before this one says, with decisions filled in.
            "form": form and {k: v if len(v) < 200 else "..." for k, v in form.items()},
            "status": response.status,
            "content_type": content_type,
        }
        return body


def _read_frames(
    response: http.client.HTTPResponse, watch: Optional[Callable[[bytes], bool]]
) -> bytes:
    body = b""
    while True:
        data = response.read1(65536)
        if not data:
            return body
        body += data
        if watch is not None and body.endswith(b"\n\n") and watch(body):
            return body


def frames(body: bytes) -> Frames:
    """The data of each frame, for picking ids out of a recording."""
    lines = body.replace(b"\r\n", b"\n").split(b"\n")
    return [json.loads(line[len(b"data: ") :]) for line in lines if line.startswith(b"data: ")]


def _find(body: bytes, key: str) -> Any:
    """The first value of `key` in a recorded stream; None when there is none."""
    return next((frame[key] for frame in frames(body) if key in frame), None)


def _record_all(recorder: Recorder) -> None:
    for step in (_discovery, _agents, _pauses, _teams, _workflows, _cancelled, _background):
        step(recorder)
    recorder.write_index()


def _discovery(recorder: Recorder) -> None:
    recorder.get("health", "/health")
    recorder.get("info", "/info")
    recorder.get("config", "/config")
    recorder.get("agents", "/agents")
    recorder.get("agent", "/agents/my-agent")
    recorder.get("agent-unknown", "/agents/no-such-agent")
    recorder.get("team", "/teams/my-team")
    recorder.get("workflows", "/workflows")
    recorder.get("workflow", "/workflows/qa-workflow")
    recorder.get("endpoint-unknown", "/no/such/endpoint")


def _both(recorder: Recorder, name: str, path: str, **form: Any) -> None:
    """Record the same run streaming and whole."""
    recorder.post(name + "-stream", path, stream="true", session_id=name + "-s", **form)
    recorder.post(name, path, stream="false", session_id=name, **form)


def _agents(recorder: Recorder) -> None:
    plain, my_agent = "/agents/plain/runs", "/agents/my-agent/runs"
    _both(recorder, "agent-plain", plain, message="hello", user_id="user-1")
    _both(recorder, "agent-unicode", plain, message="unicode")
    _both(recorder, "agent-error", plain, message="boom")
    _both(recorder, "agent-reasoning", plain, message="think:fish")
    _both(recorder, "agent-image", plain, message="image")
    _both(recorder, "agent-tool", my_agent, message='tool:add {"a": 1, "b": 2}')
    _both(recorder, "agent-tool-error", my_agent, message='tool:fail {"reason": "broken"}')
    _both(recorder, "agent-custom-event", my_agent, message='tool:announce {"text": "hear me"}')
    _both(recorder, "agent-refused", "/agents/guarded/runs", message="forbidden fruit")
    recorder.post(
        "agent-no-events-stream", plain, message="hello", stream="true", stream_events="false"
    )
    recorder.post("agent-invalid", plain, stream="false")
    recorder.get("session-runs", "/sessions/agent-tool/runs?type=agent")
    recorder.get("sessions", "/sessions?type=agent&limit=2")


#: Name of the recording: a message that pauses, and what the user decides about its tools.
_PAUSES: Dict[str, Tuple[str, Dict[str, Any]]] = {
    "confirm": ("delete /tmp/x", {"confirmed": True}),
    "reject": ("delete /tmp/y", {"confirmed": False, "confirmation_note": "keep it"}),
    "external": ('tool:external {"command": "ls"}', {"result": "a file"}),
}


def _pauses(recorder: Recorder) -> None:
    path = "/agents/my-agent/runs"
    for name, (message, decision) in _PAUSES.items():
        session = "agent-" + name
        for suffix, stream in (("", "false"), ("-stream", "true")):
            body = recorder.post(
                session + "-paused" + suffix,
                path,
                message=message,
                stream=stream,
                session_id=session + suffix,
            )
            paused = json.loads(body) if stream == "false" else frames(body)[-1]
            recorder.post(
                session + "-continued" + suffix,
                "%s/%s/continue" % (path, paused["run_id"]),
                tools=[{**tool, **decision} for tool in paused["tools"]],
                session_id=session + suffix,
                stream=stream,
            )
    several = " && ".join(
        [
            'tool:delete_file {"path": "a"}',
            'tool:add {"a": 1, "b": 2}',
            'tool:external {"command": "b"}',
        ]
    )
    recorder.post("agent-several-paused", path, message=several, stream="false")
    recorder.post(
        "agent-input-paused", path, message='tool:ask {"question": "Where?"}', stream="false"
    )


def _teams(recorder: Recorder) -> None:
    duo, my_team = "/teams/duo/runs", "/teams/my-team/runs"
    _both(recorder, "team-plain", duo, message="hello world")
    _both(recorder, "team-delegate", duo, message="delegate:plain hello")
    _both(recorder, "team-error", duo, message="boom")
    recorder.post("team-member-error-stream", duo, message="delegate:plain boom", stream="true")
    nested = "delegate:duo delegate:plain hi"
    recorder.post("team-nested-stream", "/teams/outer-team/runs", message=nested, stream="true")
    recorder.post(
        "team-no-events-stream",
        duo,
        message="delegate:plain hello",
        stream="true",
        stream_events="false",
    )
    for name, message in (("own", "delete /tmp/x"), ("member", "delegate:my-agent delete /tmp/x")):
        session = "team-%s-tool" % name
        for suffix, stream in (("", "false"), ("-stream", "true")):
            body = recorder.post(
                session + "-paused" + suffix,
                my_team,
                message=message,
                stream=stream,
                session_id=session + suffix,
            )
            paused = json.loads(body) if stream == "false" else frames(body)[-1]
            if not paused.get("requirements"):
                continue  # before 2.9 teams do not pause
            recorder.post(
                session + "-continued" + suffix,
                "%s/%s/continue" % (my_team, paused["run_id"]),
                requirements=[{**each, "confirmation": True} for each in paused["requirements"]],
                session_id=session + suffix,
                stream=stream,
            )


#: Name of a workflow that pauses, and what the user decides about the last requirement.
_GATES: Dict[str, Dict[str, Any]] = {
    "gated": {"confirmed": True},
    "form": {"user_input": {"city": "Rome", "days": 3}},
    "review": {"confirmed": True},
    "choose": {"selected_choices": ["right"]},
}


def _workflows(recorder: Recorder) -> None:
    for name in ("qa", "functions", "failing", "nested"):
        _both(recorder, "workflow-" + name, "/workflows/%s/runs" % name, message="hello")
    for title, name, message in (
        ("agent-error", "qa", "boom"),
        ("condition", "condition", "yes"),
        ("loop", "loop", "hello"),
        ("parallel", "parallel", "hello"),
        ("router", "router", "right"),
    ):
        recorder.post(
            "workflow-%s-stream" % title,
            "/workflows/%s/runs" % name,
            message=message,
            stream="true",
            session_id="workflow-" + title,
        )
    recorder.post(
        "workflow-no-events-stream",
        "/workflows/qa/runs",
        message="hello",
        stream="true",
        stream_events="false",
    )
    for name, decision in _GATES.items():
        _gate(recorder, name, "hello", _decide_by(decision))
    _gate(recorder, "executor", "delete /tmp/x", _confirm_executor)
    recorder.post("workflow-repair-paused", "/workflows/repair/runs", message="x", stream="false")


def _decide_by(decision: Dict[str, Any]) -> Decide:
    return lambda requirement: {**requirement, **decision}


def _confirm_executor(requirement: Dict[str, Any]) -> Dict[str, Any]:
    decided = [{**each, "confirmation": True} for each in requirement["executor_requirements"]]
    return {**requirement, "executor_requirements": decided}


def _gate(recorder: Recorder, name: str, message: str, decide: Decide) -> None:
    path, title = "/workflows/%s/runs" % name, "workflow-" + name
    for suffix, stream in (("", "false"), ("-stream", "true")):
        body = recorder.post(
            title + "-paused" + suffix,
            path,
            message=message,
            stream=stream,
            session_id=title + suffix,
        )
        paused = _whole_or_last(body, stream)
        requirements = paused.get("step_requirements")
        if not requirements:
            continue  # the version does not know the workflow, or does not pause
        recorder.post(
            title + "-continued" + suffix,
            "%s/%s/continue" % (path, paused["run_id"]),
            step_requirements=[*requirements[:-1], decide(requirements[-1])],
            session_id=title + suffix,
            stream=stream,
        )


def _whole_or_last(body: bytes, stream: str) -> Dict[str, Any]:
    found = [json.loads(body)] if stream == "false" else frames(body)
    return found[-1] if found else {}


def _cancelled(recorder: Recorder) -> None:
    paths = {
        "agent": "/agents/plain/runs",
        "team": "/teams/duo/runs",
        "workflow": "/workflows/qa/runs",
    }
    for kind, path in paths.items():
        run_id = "%s-run-to-cancel" % kind
        recorder.post(
            kind + "-cancelled-stream",
            path,
            watch=_cancel_at_first_content(recorder, path),
            message="slow:15:0.1",
            stream="true",
            run_id=run_id,
        )
    recorder.post("cancel-unknown", "/agents/plain/runs/no-such-run/cancel")


def _cancel_at_first_content(recorder: Recorder, path: str) -> Callable[[bytes], bool]:
    waiting = True

    def watch(body: bytes) -> bool:
        nonlocal waiting
        if waiting and b"RunContent\n" in body:
            waiting = False
            recorder.cancel(path, str(_find(body, "run_id")))
        return False

    return watch


def _background(recorder: Recorder) -> None:
    paths = {"agent": "/agents/plain", "team": "/teams/duo", "workflow": "/workflows/qa"}
    for kind, base in paths.items():
        session, name = kind + "-background", kind + "-background"
        form: Dict[str, Any] = {
            "message": "hello",
            "background": "true",
            "session_id": session,
        }
        body = recorder.post(name + "-stream", base + "/runs", stream="true", **form)
        run_path = "%s/runs/%s" % (base, _find(body, "run_id"))
        recorder.post(
            name + "-replay", run_path + "/resume", session_id=session, last_event_index="2"
        )
        if kind != "workflow":  # as long as all the others together
            recorder.get(name + "-polled", run_path + "?session_id=" + session)
        recorder.post(name + "-accepted", base + "/runs", stream="false", **form)

        # Cut the stream in the middle, then go on from there while the run is still going.
        slow: Dict[str, Any] = {
            "message": "slow:5:0.1",
            "background": "true",
            "session_id": session + "-cut",
        }
        cut = recorder.post(
            name + "-cut-stream",
            base + "/runs",
            watch=lambda body: body.count(b"\n\n") >= 4,
            stream="true",
            **slow,
        )
        seen = [frame["event_index"] for frame in frames(cut) if "event_index" in frame]
        time.sleep(0.15)  # so that there is something to catch up with
        recorder.post(
            name + "-resumed",
            "%s/runs/%s/resume" % (base, _find(cut, "run_id")),
            session_id=session + "-cut",
            last_event_index=str(max(seen, default=0)),
        )
    recorder.post("resume-unknown", "/agents/plain/runs/no-such-run/resume")


def _record_version(name: str) -> str:
    directory = _FIXTURES / name.partition("-")[2]
    # Recorded elsewhere first, so that a recording that fails leaves the old one in place.
    with tempfile.TemporaryDirectory(prefix="recording-") as temporary:
        fresh = Path(temporary) / "recording"
        fresh.mkdir()
        with PeerServer(name) as peer:
            _record_all(Recorder(peer, fresh))
        if directory.exists():
            shutil.rmtree(str(directory))
        shutil.move(str(fresh), str(directory))
    sizes = [path.stat().st_size for path in directory.iterdir()]
    return "%-12s %d files, %d bytes" % (name, len(sizes), sum(sizes))


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Record the named peers (default: every AgentOS version). Returns the exit code."""
    for name in list(sys.argv[1:] if arguments is None else arguments) or AGENTOS_VERSIONS:
        print(_record_version(name), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
