"""Hosts of an ActiveWorkflow agent that echoes: ``python -m benchmarks.activeworkflow HOST TIMES``.

Prints the CPU seconds of so many ``receive`` calls of 1 KB as one JSON object, or null and, on
stderr, why the host cannot run. The calls go to the WSGI callable, without a server or a socket:
those cost the same for all. Each message is another one, so that nothing is answered from a store,
and so many come before that a store is full: from then on it drops an answer for each it keeps.
"""

from __future__ import annotations

import importlib
import io
import json
import sys
import time
from typing import Any, Callable, Dict, Iterable, List

Application = Callable[[Dict[str, Any], Any], Iterable[bytes]]

PATH = "/agents/EchoAgent"
SIZE = 1024
WARM_UP = 12000
BATCH = 100


def bare() -> Application:
    """``json.loads`` and ``json.dumps``, and no question asked: the yardstick, 1.00."""

    def application(environ: Dict[str, Any], start_response: Any) -> List[bytes]:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        params = json.loads(body)["params"]
        answer = json.dumps({"result": {"messages": [params["message"]["payload"]]}}).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))]
        start_response("200 OK", headers)
        return [answer]

    return application


def ours(**settings: Any) -> Application:
    """AgentApp as it comes: everything checked, answers kept against repetition."""
    from remoteagent_lite.activeworkflow import AgentApp, agent

    @agent(name="EchoAgent")
    def echo(ctx: Any) -> None:
        ctx.emit(ctx.payload)

    return AgentApp(echo, **settings)


def ours_without_store() -> Application:
    """AgentApp that remembers no answers, as the others do."""
    return ours(idempotency=None)


def activeworkflow_agent() -> Application:
    """The package activeworkflow-agent under Flask, as its documentation shows."""
    library: Any = importlib.import_module("activeworkflow_agent")
    flask: Any = importlib.import_module("flask")
    application = flask.Flask(__name__)

    @application.route(PATH, methods=["POST"])  # type: ignore[misc]
    def handle() -> Any:
        request = library.ParsedRequest(flask.request.get_json())
        response = library.ReceiveResponse()
        response.add_messages(request.message)
        return flask.jsonify(response.to_dict())

    made: Application = application
    return made


HOSTS: Dict[str, Callable[[], Application]] = {
    "bare": bare,
    "ours": ours,
    "ours, no store": ours_without_store,
    "activeworkflow-agent": activeworkflow_agent,
}


def calls(first: int, times: int) -> List[bytes]:
    """Bodies of SIZE bytes, each with a message of its own, numbered from ``first`` on."""
    bodies = []
    for number in range(first, first + times):
        message = {
            "id": number,
            "user_id": 1,
            "agent_id": 7,
            "payload": {"title": "Echo", "count": 3, "tags": ["a", "b"], "text": ""},
            "created_at": "2026-01-01T00:00:00.000Z",
            "updated_at": "2026-01-01T00:00:00.000Z",
            "expires_at": None,
        }
        params = {
            "options": {"key": "text", "limit": 5},
            "memory": {"seen": [1, 2, 3]},
            "credentials": [{"name": "mail", "value": "a-secret-of-some-length"}],
            "message": message,
        }
        call = {"method": "receive", "params": params}
        message["payload"]["text"] = "x" * (SIZE - len(_encoded(call)))  # type: ignore[index]
        bodies.append(_encoded(call))
    return bodies


def _encoded(call: Dict[str, Any]) -> bytes:
    return json.dumps(call, separators=(",", ":")).encode()


def _environ(body: bytes) -> Dict[str, Any]:
    return {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": PATH,
        "QUERY_STRING": "",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "5000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost:5000",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


def measure(application: Application, first: int, times: int) -> float:
    """CPU seconds that the application spends on the calls; raises unless it echoes."""
    spent = 0.0
    statuses: List[str] = []
    for number in range(first, first + times, BATCH):
        # Made a little ahead, as a server does: many at once would drive all else out of caches.
        bodies = calls(number, BATCH)
        environs = [_environ(body) for body in bodies]
        statuses.clear()
        answer = b""
        begin = time.process_time()
        for environ in environs:
            answer = b"".join(application(environ, lambda status, *rest: statuses.append(status)))
        spent += time.process_time() - begin
        echoed = json.loads(answer)["result"]["messages"]
        if statuses != ["200 OK"] * BATCH or echoed != [
            json.loads(bodies[-1])["params"]["message"]["payload"]
        ]:
            raise AssertionError("no echo: %r" % answer[:200])
    return spent


def main() -> None:
    """Measure one host after a warm-up."""
    name, times = sys.argv[1], int(sys.argv[2])
    try:
        application = HOSTS[name]()
    except ImportError as error:
        print("%s is skipped: %s" % (name, error), file=sys.stderr)
        print("null")
        return
    measure(application, 0, WARM_UP)
    print(json.dumps({"cpu": measure(application, WARM_UP, times)}))


if __name__ == "__main__":
    main()
