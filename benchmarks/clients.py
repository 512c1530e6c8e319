"""The compared clients, and the measurements that run them in a fresh process.

``python -m benchmarks.clients MEASURE CLIENT BASE_URL AGENT_ID TIMES`` prints one JSON object.
Third-party imports stay inside the clients, so that each process pays for its own only.
"""

from __future__ import annotations

import functools
import http.client
import importlib.util
import json
import os
import socket
import statistics
import sys
import threading
import time
import zlib
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple

from .recorded import RECORDINGS, WORD
from .replay import expected

Pair = Tuple[str, Optional[str]]  # what every client reads of an event: its name, its content

FORM = {"message": "x", "stream": "true"}
CALL = {"message": "x", "stream": "false"}
READ = 65536


def _url(base_url: str, agent_id: str) -> str:
    return "%s/agents/%s/runs" % (base_url, agent_id)


# -- a socket and json: what a stream costs without any library ----------------------------------


def _body(base_url: str, agent_id: str) -> Iterable[bytes]:
    """Send the request on a new socket; return the body's bytes as they arrive."""
    host, port = base_url[7:].split(":")
    sock = socket.create_connection((host, int(port)))
    request = (
        "POST /agents/%s/runs HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 21\r\n\r\n"
        "message=x&stream=true"
    )
    sock.sendall((request % (agent_id, host)).encode())
    data = b""
    while b"\r\n\r\n" not in data:
        data += sock.recv(READ)
    head, _, data = data.partition(b"\r\n\r\n")
    pieces = _dechunk(sock, data) if b"chunked" in head else _until_closed(sock, data)
    return map(zlib.decompressobj(31).decompress, pieces) if b"gzip" in head else pieces


def _until_closed(sock: socket.socket, data: bytes) -> Iterator[bytes]:
    while data:
        yield data
        data = sock.recv(READ)


def _dechunk(sock: socket.socket, data: bytes) -> Iterator[bytes]:
    while True:
        parts: List[bytes] = []
        at = 0
        end = data.find(b"\r\n")
        while end >= 0:
            size = int(data[at:end], 16)
            if not size:
                yield b"".join(parts)
                return
            if len(data) < end + size + 4:
                break
            parts.append(data[end + 2 : end + 2 + size])
            at = end + size + 4
            end = data.find(b"\r\n", at)
        if parts:
            yield b"".join(parts)
        data = data[at:] + sock.recv(READ)


def _whole(pieces: Iterable[bytes], blank: bytes = b"\n\n") -> Iterator[bytes]:
    """Join pieces until they end with a whole event: linear, however big the event is."""
    parts: List[bytes] = []
    last = b""
    for piece in pieces:
        found = (last + piece).rfind(blank)
        end = found + len(blank) - len(last)
        last = piece[1 - len(blank) :] or last
        if found < 0:
            parts.append(piece)
            continue
        parts.append(piece[:end])
        whole = b"".join(parts)
        parts = [piece[end:]]
        yield whole


def limit(base_url: str, agent_id: str) -> Iterator[Pair]:
    """Split at blank lines and ``json.loads`` each event: the yardstick, 1.00."""
    for text in _whole(_body(base_url, agent_id)):
        for block in text.split(b"\n\n"):
            if block:
                data = json.loads(block[block.index(b"data: ") + 6 :])
                yield data["event"], data.get("content")


def floor(base_url: str, agent_id: str) -> Iterator[Pair]:
    """Scan for JSON from data line to data line, with no regard to the rules of SSE."""
    scan = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
    for part in _whole(_body(base_url, agent_id)):
        text = part.decode()
        at = text.find("data: ")
        while at >= 0:
            data, end = scan(text, at + 6)
            yield data["event"], data.get("content")
            at = text.find("data: ", end)


# -- libraries ------------------------------------------------------------------------------------


def _requests(base_url: str, agent_id: str) -> Any:
    import requests

    headers = {"Accept": "text/event-stream"}
    return requests.post(_url(base_url, agent_id), data=FORM, headers=headers, stream=True)


def _sse_pairs(source: Any) -> Iterator[Pair]:
    import sseclient

    for event in sseclient.SSEClient(source).events():
        data = json.loads(event.data)
        yield data["event"], data.get("content")


def sseclient_readme(base_url: str, agent_id: str) -> Iterator[Pair]:
    """Use requests and sseclient-py as the README of sseclient-py shows."""
    return _sse_pairs(_requests(base_url, agent_id))


def sseclient_chunks(base_url: str, agent_id: str) -> Iterator[Pair]:
    """Use requests and sseclient-py, fed with what ``iter_content(None)`` yields."""
    return _sse_pairs(_requests(base_url, agent_id).iter_content(None))


@functools.lru_cache(maxsize=None)
def _httpx_client() -> Any:
    import httpx

    return httpx.Client(timeout=None, limits=httpx.Limits(max_connections=None))


def httpx_sse(base_url: str, agent_id: str) -> Iterator[Pair]:
    """Use httpx and httpx-sse, with one client."""
    from httpx_sse import connect_sse

    with connect_sse(_httpx_client(), "POST", _url(base_url, agent_id), data=FORM) as source:
        for event in source.iter_sse():
            data = event.json()
            yield data["event"], data.get("content")


@functools.lru_cache(maxsize=None)
def _agent(base_url: str, agent_id: str) -> Any:
    from remoteagent_lite import RemoteAgent

    return RemoteAgent(base_url, agent_id=agent_id)


def ours(base_url: str, agent_id: str) -> Iterator[Pair]:
    """Use remoteagent_lite."""
    for event in _agent(base_url, agent_id).run("x", stream=True):
        yield event.event, getattr(event, "content", None)


STREAMS: Dict[str, Callable[[str, str], Iterator[Pair]]] = {
    "limit": limit,
    "floor": floor,
    "sseclient": sseclient_readme,
    "iter_content": sseclient_chunks,
    "ours": ours,
}
if importlib.util.find_spec("httpx_sse"):
    STREAMS["httpx-sse"] = httpx_sse


# -- streams of A2A agents: each client reads the text of every event ----------------------------


def _a2a_texts(name: str, data: Any) -> Optional[str]:
    """The text that a decoded frame adds, by looking where its recording has it."""
    result = data["result"]
    if name[:3] == "1.0":
        if name == "1.0-status":
            message = result.get("statusUpdate", {}).get("status", {}).get("message")
            return message["parts"][0]["text"] if message else None
        update = result.get("artifactUpdate")
        return update["artifact"]["parts"][0]["text"] if update else None
    kind = result["kind"]
    if name == "0.3-message":
        return result["parts"][0]["text"] if kind == "message" else None
    if name == "0.3-status":
        message = result.get("status", {}).get("message")
        return message["parts"][0]["text"] if message else None
    return result["artifact"]["parts"][0]["text"] if kind == "artifact-update" else None


def _a2a_body(base_url: str, stream: str) -> Iterable[bytes]:
    host, port = base_url[7:].split(":")
    sock = socket.create_connection((host, int(port)))
    request = (
        "POST /a2a/%s/ HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
    )
    sock.sendall((request % (stream, host)).encode())
    data = b""
    while b"\r\n\r\n" not in data:
        data += sock.recv(READ)
    return _dechunk(sock, data.partition(b"\r\n\r\n")[2])


def a2a_limit(base_url: str, stream: str) -> Iterator[Optional[str]]:
    """Split at blank lines and ``json.loads`` each event: the yardstick, 1.00."""
    name = stream.rsplit("-", 2)[0]
    blank = RECORDINGS[name].lines.encode() * 2
    for text in _whole(_a2a_body(base_url, stream), blank):
        for block in text.split(blank):
            if block:
                yield _a2a_texts(name, json.loads(block[block.index(b"data: ") + 6 :]))


def a2a_sseclient(base_url: str, stream: str) -> Iterator[Optional[str]]:
    """Use requests and sseclient-py, fed with what ``iter_content(None)`` yields."""
    import requests
    import sseclient

    name = stream.rsplit("-", 2)[0]
    answer = requests.post("%s/a2a/%s/" % (base_url, stream), data="{}", stream=True)
    for event in sseclient.SSEClient(answer.iter_content(None)).events():
        yield _a2a_texts(name, json.loads(event.data))


@functools.lru_cache(maxsize=None)
def _a2a_agent(base_url: str, stream: str) -> Any:
    from remoteagent_lite import RemoteAgent

    return RemoteAgent("%s/a2a/%s" % (base_url, stream), agent_id="any", protocol="a2a")


def a2a_ours(base_url: str, stream: str) -> Iterator[Optional[str]]:
    """Use RemoteAgent: typed events and the folded output."""
    status = "status" in stream
    with _a2a_agent(base_url, stream).run("x", stream=True) as events:
        for event in events:
            if status:
                yield event.text if event.event == "CustomEvent" and "text" in vars(event) else None
            else:
                yield event.content if event.event == "RunContent" else None
        events.output()


@functools.lru_cache(maxsize=None)
def _a2a_client(base_url: str, stream: str) -> Any:
    from remoteagent_lite import A2AClient

    return A2AClient("%s/a2a/%s" % (base_url, stream))


def a2a_ours_raw(base_url: str, stream: str) -> Iterator[Optional[str]]:
    """Use A2AClient: the protocol's own events and the folded task."""
    status = "status" in stream
    with _a2a_client(base_url, stream).stream_message("x") as events:
        for event in events:
            if status:
                update = event.status_update
                message = update.status.message if update else None
                yield message.parts[0].text if message else None
            else:
                yield events.delta(event)
        events.output()


A2A_STREAMS: Dict[str, Callable[[str, str], Iterator[Optional[str]]]] = {
    "limit": a2a_limit,
    "iter_content": a2a_sseclient,
    "ours": a2a_ours,
    "ours, A2AClient": a2a_ours_raw,
}


# -- short calls: each returns a function that makes one call -------------------------------------


def call_http(base_url: str, agent_id: str) -> Callable[[], Any]:
    """Use http.client on one connection."""
    connection = http.client.HTTPConnection(base_url[7:])
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    def call() -> Any:
        connection.request("POST", _url("", agent_id), "message=x&stream=false", headers)
        return json.loads(connection.getresponse().read())["content"]

    return call


def call_requests(base_url: str, agent_id: str) -> Callable[[], Any]:
    """Use ``requests.post``."""
    import requests

    return lambda: requests.post(_url(base_url, agent_id), data=CALL).json()["content"]


def call_session(base_url: str, agent_id: str) -> Callable[[], Any]:
    """Use one ``requests.Session``."""
    import requests

    session = requests.Session()
    return lambda: session.post(_url(base_url, agent_id), data=CALL).json()["content"]


def call_ours(base_url: str, agent_id: str) -> Callable[[], Any]:
    """Use remoteagent_lite."""
    return lambda: _agent(base_url, agent_id).run("x").content


CALLS: Dict[str, Callable[[str, str], Callable[[], Any]]] = {
    "http.client": call_http,
    "requests.post": call_requests,
    "Session.post": call_session,
    "ours": call_ours,
}


# -- measurements ---------------------------------------------------------------------------------


def _peak_memory() -> int:
    """Return the most bytes that this process held so far."""
    try:  # getrusage may count what the parent held before exec
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) << 10 for line in status if line[:6] == "VmHWM:")
    except OSError:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak << 10


def _read(name: str, base_url: str, agent_id: str) -> None:
    """Read a whole stream; check that nothing is missing."""
    count, last = 0, None
    for _event, content in STREAMS[name](base_url, agent_id):
        count += 1
        last = content
    assert (count, last) == expected(agent_id), (name, agent_id, count)


def stream(name: str, base_url: str, agent_id: str, times: int) -> Dict[str, float]:
    """Measure CPU seconds and the growth of memory of reading a stream some times."""
    _read(name, base_url, "chunked-10")
    memory, cpu = _peak_memory(), time.process_time()
    for _ in range(times):
        _read(name, base_url, agent_id)
    return {"cpu": (time.process_time() - cpu) / times, "memory": _peak_memory() - memory}


def a2a(name: str, base_url: str, stream: str, times: int) -> Dict[str, float]:
    """Measure CPU seconds of reading the stream of an A2A agent some times."""
    recording, framing, count = stream.rsplit("-", 2)
    pieces: List[str] = []
    for text in A2A_STREAMS[name](base_url, "%s-%s-10" % (recording, framing)):
        pieces.append(text or "")
    assert "".join(pieces) == WORD * 10, pieces
    cpu = time.process_time()
    for _ in range(times):
        length = 0
        for text in A2A_STREAMS[name](base_url, stream):
            if text:
                length += len(text)
        assert length == len(WORD) * int(count), (name, stream, length)
    return {"cpu": (time.process_time() - cpu) / times}


def call(name: str, base_url: str, agent_id: str, times: int) -> Dict[str, float]:
    """Measure CPU seconds of one non-streaming call."""
    once = CALLS[name](base_url, agent_id)
    for _ in range(20):
        assert once() == WORD
    cpu = time.process_time()
    for _ in range(times):
        assert once() == WORD
    return {"cpu": (time.process_time() - cpu) / times}


def latency(name: str, base_url: str, agent_id: str, times: int) -> Dict[str, float]:
    """Measure seconds from the sending of an event to its arrival, and CPU seconds per event."""
    _read(name, base_url, "chunked-10")
    delays: List[float] = []
    cpu = time.process_time()
    for event, content in STREAMS[name](base_url, agent_id):
        if event == "RunContent" and content:
            delays.append(time.time() - float(content))
    cpu = (time.process_time() - cpu) / len(delays)
    assert len(delays) == expected(agent_id)[0] - 2
    return {"p50": statistics.median(delays), "cpu": cpu}


def idle(name: str, base_url: str, agent_id: str, times: int) -> Dict[str, float]:
    """Measure the memory and CPU seconds that each of many open, silent streams costs.

    A stream of ours brings its reader thread; the others get a thread each.
    """
    _read(name, base_url, "chunked-10")
    threads, memory, cpu = threading.active_count(), _peak_memory(), time.process_time()
    opened = threading.Semaphore(0)
    streams = [STREAMS[name](base_url, agent_id) for _ in range(times)]

    def read(events: Iterator[Pair]) -> None:
        for _event in events:
            opened.release()

    for events in streams:
        if name == "ours":
            assert next(events)[0] == "RunStarted"
        else:
            threading.Thread(target=read, args=(events,), daemon=True).start()
            assert opened.acquire(timeout=30)
    return {
        "cpu": (time.process_time() - cpu) / times,
        "memory": (_peak_memory() - memory) / times,
        "threads": threading.active_count() - threads,
    }


MEASURES = {"stream": stream, "a2a": a2a, "call": call, "latency": latency, "idle": idle}


def main() -> None:
    """Run one measurement, print its numbers, leave without tidying up."""
    measure, name, base_url, agent_id, times = sys.argv[1:]
    print(json.dumps(MEASURES[measure](name, base_url, agent_id, int(times))), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
