"""AgentOSClient, RemoteDb and RemoteKnowledge on scripted servers, where a test minds the bytes."""

import datetime
import gc
import io
import json
import os
import pickle
import socket
import threading
import time
import tracemalloc
from typing import Any, Dict, List, Tuple

import pytest

from remoteagent_lite import (
    AgentOSClient,
    AuthenticationError,
    File,
    InvalidRequestError,
    NotFoundError,
    ProtocolError,
    RemoteServerUnavailableError,
    RemoteTimeoutError,
    ServerError,
    Timeout,
    UnsupportedError,
)
from remoteagent_lite.channels.agentos import Connection
from remoteagent_lite.data import RemoteDb, RemoteKnowledge
from remoteagent_lite.http.multipart import BLOCK
from tests.peers.faults import Connection as Peer, RawServer, Request, reply

CONTENT = {"id": "c1", "status": "processing"}


def answer(value: Any, status: int = 200) -> Any:
    return reply(json.dumps(value).encode("utf-8"), status=status)


def page(rows: List[Any], **meta: Any) -> Any:
    return answer({"data": rows, "meta": meta})


def refusal(status: int, detail: str, **more: Any) -> Any:
    return answer(dict(more, detail=detail), status)


def rows_by_page(total: int, limit: int) -> Any:
    """A server that turns pages as an AgentOS does."""

    def handle(peer: Peer, request: Request) -> None:
        number = int(request.query.get("page", ["1"])[0])
        start = (number - 1) * limit
        rows = [{"session_id": "s%d" % n} for n in range(start, min(start + limit, total))]
        pages = -(-total // limit)
        page(rows, page=number, limit=limit, total_pages=pages, total_count=total)(peer, request)

    return handle


# --- Requests


def sent(server: RawServer) -> Tuple[str, str, Dict[str, List[str]], bytes]:
    request = server.requests[-1]
    return request.method, request.path, request.query, request.body


def test_arguments_go_to_path_query_and_body() -> None:
    with RawServer(answer({"session_id": "a b", "session_name": "n"})) as server:
        with AgentOSClient(server.url) as client:
            client.rename_session("a b?é", "new", "team", user_id="u", db_id="d", table="t")
        method, path, query, body = sent(server)
        assert (method, path) == ("POST", "/sessions/a%20b%3F%C3%A9/rename")
        assert query == {"type": ["team"], "user_id": ["u"], "db_id": ["d"], "table": ["t"]}
        assert json.loads(body) == {"session_name": "new"}


def test_lists_numbers_flags_and_times() -> None:
    answers = [page([], page=1), answer([]), page([]), page([])]
    with RawServer(*answers) as server, AgentOSClient(server.url) as client:
        client.get_memories(topics=["a", "b c"], limit=3, page=1)
        assert sent(server)[2] == {"topics": ["a,b c"], "limit": ["3"], "page": ["1"]}
        client.refresh_metrics(background=False)
        assert sent(server)[2] == {"background": ["false"]}
        client.get_eval_runs(eval_types=["accuracy", "reliability"], filter_type="agent")
        assert sent(server)[2] == {"eval_types": ["accuracy,reliability"], "type": ["agent"]}
        utc = datetime.timezone.utc
        client.get_traces(start_time=datetime.datetime(2026, 1, 2, 3, tzinfo=utc))
        assert sent(server)[2] == {"start_time": ["2026-01-02T03:00:00+00:00"]}


def test_the_database_goes_where_it_is_taken_and_nowhere_else() -> None:
    everything = [page([]), page([]), page([]), page([]), answer({"count": 0})]
    with RawServer(*everything) as server, AgentOSClient(server.url, db_id="one") as client:
        client.get_sessions()
        assert sent(server)[2] == {"db_id": ["one"]}
        client.get_sessions(db_id="two")
        assert sent(server)[2] == {"db_id": ["two"]}
        client.search_knowledge("x", knowledge_id="k", limit=2)
        assert sent(server)[2] == {}
        assert json.loads(sent(server)[3]) == {
            "query": "x",
            "db_id": "one",
            "knowledge_id": "k",
            "meta": {"page": 1, "limit": 2},
        }
        client.get_traces()
        assert sent(server)[2] == {"db_id": ["one"]}
        client.get_approval_count()
        assert sent(server)[2] == {}


def test_remote_objects_always_send_their_own_ids() -> None:
    with RawServer(page([]), page([]), answer({"message": "done"})) as server:
        connection = Connection(server.url)
        db = RemoteDb(connection, "mine")
        db.get_sessions()
        assert sent(server)[2] == {"db_id": ["mine"]}
        knowledge = RemoteKnowledge(connection, "mine", "shelf")
        knowledge.get_content(page=2)
        assert sent(server)[2] == {"page": ["2"], "db_id": ["mine"], "knowledge_id": ["shelf"]}
        db.migrate_database("2.0.0")
        assert sent(server)[1:3] == ("/databases/mine/migrate", {"target_version": ["2.0.0"]})
        for call in (lambda: db.get_sessions(db_id="x"), lambda: knowledge.search("q", db_id="x")):
            with pytest.raises(TypeError, match="mine"):
                call()
        connection.close()
        assert len(server.requests) == 3


def test_mistakes_are_refused_before_anything_is_sent() -> None:
    with RawServer() as server, AgentOSClient(server.url) as client:
        anything: Any = client
        with pytest.raises(TypeError, match="limt"):
            anything.get_sessions(limt=5)
        with pytest.raises(TypeError, match="table"):
            anything.get_traces(table="t")
        with pytest.raises(TypeError, match="limt"):
            next(anything.iter_sessions(limt=5))
        with pytest.raises(ValueError, match="comma"):
            client.get_memories(topics=["a,b"])
        for id in ("", "a/b", "..", "."):
            with pytest.raises(ValueError, match="cannot be addressed"):
                client.get_session(id)
        with pytest.raises(TypeError, match="session_id must be a str"):
            anything.get_session(None)
        with pytest.raises(ValueError, match="kind must be"):
            anything.get_runs("crew", "a", "s")
        with pytest.raises(UnsupportedError, match="forks"):
            anything.fork_session("workflow", "w", "s")
        with pytest.raises(ValueError, match="slash"):
            client.request("GET", "agents")
        with pytest.raises(ValueError, match="exactly one"):
            client.upload_knowledge_content()
        with pytest.raises(ValueError, match="exactly one"):
            client.upload_knowledge_content(text="a", url="b")
        for content in ("text", io.StringIO("text"), 5):
            with pytest.raises(TypeError, match="binary"):
                anything.upload_knowledge_content(content=content)
        with pytest.raises(FileNotFoundError):
            client.upload_knowledge_content(path="/no/such/file")
        assert not server.requests


def test_every_method_takes_token_headers_and_timeout() -> None:
    with RawServer(answer({"session_id": "s", "session_name": ""})) as server:
        with AgentOSClient(server.url, auth_token="first") as client:
            client.get_session("s", auth_token="second", headers={"X-Trace": "1"}, timeout=5)
        headers = server.requests[0].headers
        assert (headers["authorization"], headers["x-trace"]) == ("Bearer second", "1")


def test_open_door() -> None:
    answers = [answer({"ok": 1}), reply(b"", status=204), answer("success"), answer([])]
    with RawServer(*answers) as server, AgentOSClient(server.url) as client:
        assert client.request("get", "/x", params={"a": [1, 2], "b": None}) == {"ok": 1}
        assert sent(server)[:3] == ("GET", "/x", {"a": ["1", "2"]})
        assert client.request("DELETE", "/x", json={"ids": ["a"]}) is None
        assert json.loads(sent(server)[3]) == {"ids": ["a"]}
        assert client.request("POST", "/x", form={"flag": True, "state": {"a": 1}}) == "success"
        assert server.requests[-1].form == {"flag": ["true"], "state": ['{"a": 1}']}
        file = File(content=b"bytes", filename="a.txt", mime_type="text/plain")
        client.request("POST", "/x", form={"name": "n"}, files={"file": file})
        assert b'name="file"; filename="a.txt"' in sent(server)[3]
        with pytest.raises(ValueError, match="either"):
            client.request("POST", "/x", json={}, form={})
        with pytest.raises(TypeError, match="File objects"):
            client.request("POST", "/x", files={"file": File(url="http://x")})


# --- Pages


def test_all_pages_are_gone_through() -> None:
    with RawServer(*[rows_by_page(7, 3)] * 3) as server, AgentOSClient(server.url) as client:
        rows = client.iter_sessions(user_id="u", limit=3)
        assert not server.requests
        assert [row.session_id for row in rows] == ["s%d" % n for n in range(7)]
        assert [request.query["page"] for request in server.requests] == [["1"], ["2"], ["3"]]
        assert server.requests[2].query["user_id"] == ["u"]


def test_only_the_pages_needed_are_asked_for() -> None:
    with RawServer(*[rows_by_page(7, 3)] * 3) as server, AgentOSClient(server.url) as client:
        rows = client.iter_sessions(page=2)
        assert next(rows).session_id == "s3"
        assert len(server.requests) == 1


def test_pages_end_where_the_server_tells_nothing_about_them() -> None:
    pages = [page([{"session_id": "a"}]), page([{"session_id": "b"}]), page([])]
    with RawServer(*pages) as server, AgentOSClient(server.url) as client:
        assert [row.session_id for row in client.iter_sessions()] == ["a", "b"]
    nothing = page([], page=1, total_pages=0)
    with RawServer(nothing) as server, AgentOSClient(server.url) as client:
        assert list(client.iter_memories("u")) == []


@pytest.mark.parametrize("meta", [{"page": 1, "total_pages": 9}, {"page": 1}, {}])
def test_server_that_ignores_the_page_is_not_asked_for_ever(meta: Dict[str, int]) -> None:
    same = page([{"session_id": "a"}], **meta)
    with RawServer(same, same) as server, AgentOSClient(server.url) as client:
        rows = client.iter_sessions()
        assert next(rows).session_id == "a"
        with pytest.raises(ProtocolError, match="page 2"):
            next(rows)
        assert len(server.requests) == 2


# --- Refusals


def test_missing_endpoint_is_told_apart_from_unknown_thing() -> None:
    refusals = [
        refusal(404, "Not Found"),
        refusal(404, "Approval not found"),
        refusal(405, "Method Not Allowed"),
        refusal(404, "Trace not found"),
        refusal(404, "Trace not found"),
        refusal(404, "Not Found"),
        refusal(404, "Not Found"),
    ]
    with RawServer(*refusals) as server, AgentOSClient(server.url) as client:
        with pytest.raises(UnsupportedError, match=r"Agno 2\.9") as caught:
            client.get_approval("a")
        assert caught.value.url == server.url + "/approvals/a"
        with pytest.raises(NotFoundError, match="Approval not found"):
            client.get_approval("a")
        with pytest.raises(UnsupportedError, match=r"Agno 2\.9"):
            client.get_runs("agent", "a", "s")
        with pytest.raises(UnsupportedError, match=r"Agno 2\.9"):
            client.get_trace_filter_schema()
        with pytest.raises(NotFoundError):
            client.get_trace("t")
        with pytest.raises(UnsupportedError, match=r"Agno 3\.1"):
            client.get_session_run_previews("s")
        with pytest.raises(NotFoundError, match="base_url"):
            client.get_sessions()


def test_refusals_that_say_too_little_are_explained() -> None:
    several = "The db_id query parameter is required when using multiple databases"
    key = refusal(401, "OPENAI_API_KEY not set.", error_type="model_authentication_error")
    refusals = [
        refusal(400, several),
        refusal(404, "400: " + several),
        key,
        refusal(401, "Invalid authentication token"),
    ]
    with RawServer(*refusals) as server, AgentOSClient(server.url) as client:
        for _ in range(2):
            with pytest.raises(InvalidRequestError, match="Pass db_id=") as caught:
                client.get_sessions()
            assert several in caught.value.detail
        with pytest.raises(ServerError, match="OPENAI_API_KEY") as failed:
            client.optimize_memories("u")
        assert failed.value.status_code == 401
        assert "auth_token" not in str(failed.value)
        with pytest.raises(AuthenticationError, match="auth_token="):
            client.optimize_memories("u")


def test_feature_that_the_server_was_not_given() -> None:
    off = refusal(503, "Approvals not available: pass a `db` to AgentOS to enable this feature.")
    with RawServer(off, off) as server, AgentOSClient(server.url) as client, pytest.raises(
        UnsupportedError, match=r"AgentOS\(db="
    ):
        client.get_approvals()


# --- Answers


def test_session_is_what_it_is_whatever_was_asked_for() -> None:
    kinds = [
        ({"agent_session_id": "s"}, "AgentSessionDetailSchema"),
        ({"team_id": "t"}, "TeamSessionDetailSchema"),
        ({"chat_history": []}, "TeamSessionDetailSchema"),
        ({"workflow_data": {}}, "WorkflowSessionDetailSchema"),
    ]
    for fields, name in kinds:
        body = dict(fields, session_id="s", session_name="n")
        with RawServer(answer(body)) as server, AgentOSClient(server.url) as client:
            session = client.get_session("s", "agent")
            assert type(session).__name__ == name
            assert session.to_dict() == body


def test_runs_of_several_kinds_in_one_session() -> None:
    rows = [
        {"run_id": "1", "agent_id": "a"},
        {"run_id": "2", "team_id": "t"},
        {"run_id": "3", "workflow_id": "w"},
    ]
    with RawServer(answer(rows)) as server, AgentOSClient(server.url) as client:
        names = [type(run).__name__ for run in client.get_session_runs("s")]
        assert names == ["RunSchema", "TeamRunSchema", "WorkflowRunSchema"]


def test_answers_that_are_something_else() -> None:
    answers = [answer({"a": 1}), answer({}), answer([1]), reply(b"<html>")]
    with RawServer(*answers) as server, AgentOSClient(server.url) as client:
        for call in (
            client.get_memory_topics,
            lambda: client.fork_session("agent", "a", "s"),
            client.list_agents,
            client.get_sessions,
        ):
            with pytest.raises(ProtocolError):
                call()


def test_objects_pickle_and_have_short_reprs() -> None:
    with RawServer(page([]), page([])) as server:
        client = AgentOSClient(server.url, db_id="d", auth_token="secret")
        db = RemoteDb(Connection(server.url, auth_token="secret"), "mine")
        again: AgentOSClient = pickle.loads(pickle.dumps(client))
        db_again: RemoteDb = pickle.loads(pickle.dumps(db))
        again.get_sessions()
        assert sent(server)[2] == {"db_id": ["d"]}
        assert server.requests[-1].headers["authorization"] == "Bearer secret"
        db_again.get_sessions()
        assert sent(server)[2] == {"db_id": ["mine"]}
        assert "secret" not in repr(again) + repr(db_again)
        again.close()
        db_again._connection.close()


# --- Uploads


def form_of(request: Request) -> Dict[str, Tuple[Dict[str, str], bytes]]:
    """The parts of a multipart body: their disposition and type, and their content."""
    boundary = request.headers["content-type"].partition("boundary=")[2].encode()
    pieces = request.body.split(b"--" + boundary)
    assert pieces[0] == b"" and pieces[-1] == b"--\r\n"
    parts = {}
    for piece in pieces[1:-1]:
        head, _, content = piece[2:-2].partition(b"\r\n\r\n")
        lines = head.decode("utf-8").split("\r\n")
        fields = dict(line.split(": ", 1) for line in lines)
        name = fields["Content-Disposition"].split('name="')[1].split('"')[0]
        parts[name] = (fields, content)
    return parts


def test_file_is_sent_with_its_form(tmp_path: Any) -> None:
    path = tmp_path / 'naïve "x".md'
    path.write_bytes(b"# Title\r\n\x00\xff")
    seen: List[Tuple[int, int]] = []
    with RawServer(answer(CONTENT, 202)) as server, AgentOSClient(server.url) as client:
        content = client.upload_knowledge_content(
            path=path,
            name="n",
            metadata={"a": 1},
            chunk_size=5,
            knowledge_id="k",
            progress=lambda *counts: seen.append(counts),
        )
        assert (content.id, content.status) == ("c1", "processing")
        request = server.requests[0]
        assert (request.path, request.query) == ("/knowledge/content", {"knowledge_id": ["k"]})
        assert int(request.headers["content-length"]) == len(request.body)
        parts = form_of(request)
        file, data = parts.pop("file")
        assert data == b"# Title\r\n\x00\xff"
        assert file["Content-Type"] == "text/markdown"
        assert 'filename="naïve %22x%22.md"' in file["Content-Disposition"]
        assert {name: part[1] for name, part in parts.items()} == {
            "name": b"n",
            "metadata": b'{"a": 1}',
            "chunk_size": b"5",
        }
        assert seen == [(11, 11)]


class Pipe(io.RawIOBase):
    """A file that cannot be rewound."""

    def __init__(self, data: bytes) -> None:
        self._inside = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._inside.readinto(buffer)


@pytest.mark.parametrize("kind", ["bytes", "empty", "file", "pipe"])
def test_bytes_and_file_objects_are_sent(kind: str) -> None:
    data = b"" if kind == "empty" else os.urandom(3 * BLOCK + 1)
    source: Any = data
    if kind == "file":
        source = io.BytesIO(b"skipped" + data)
        source.seek(7)
    elif kind == "pipe":
        source = Pipe(data)
    seen: List[Tuple[int, int]] = []
    with RawServer(answer(CONTENT, 202)) as server, AgentOSClient(server.url) as client:
        client.upload_knowledge_content(
            content=source, filename="x.bin", progress=lambda *counts: seen.append(counts)
        )
        file, received = form_of(server.requests[0])["file"]
        assert received == data
        assert file["Content-Type"] == "application/octet-stream"
    if data:
        assert seen[-1] == (len(data), len(data))
        assert [count for count, _ in seen] == sorted(count for count, _ in seen)
    if kind == "file":
        assert not source.closed


def test_big_file_is_never_in_memory(tmp_path: Any) -> None:
    size = 64 * 1024 * 1024
    path = tmp_path / "big.bin"
    with path.open("wb") as file:
        file.truncate(size)
    received = []

    def drain(listener: Any) -> None:
        peer, _ = listener.accept()
        with peer:
            head = b""
            while b"\r\n\r\n" not in head:
                head += peer.recv(65536)
            head, _, rest = head.partition(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            count, buffer = len(rest), bytearray(65536)
            while count < length:
                count += peer.recv_into(buffer)
            received.append(count)
            body = json.dumps(CONTENT).encode()
            peer.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        thread = threading.Thread(target=drain, args=(listener,))
        thread.start()
        with AgentOSClient("http://127.0.0.1:%d" % listener.getsockname()[1]) as client:
            gc.collect()
            tracemalloc.start()
            client.upload_knowledge_content(path=path)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        thread.join(20)
    assert received and received[0] > size
    assert peak < 4 * 1024 * 1024


def test_upload_is_never_repeated(tmp_path: Any) -> None:
    with RawServer(refusal(503, "busy"), answer(CONTENT)) as server:
        with AgentOSClient(server.url) as client, pytest.raises(ServerError):
            client.upload_knowledge_content(content=b"x")
        assert len(server.requests) == 1
    with AgentOSClient(server.url) as client:
        with pytest.raises(RemoteServerUnavailableError) as caught:
            client.upload_knowledge_content(content=b"x")
        assert not caught.value.request_sent


def test_redirected_upload_is_sent_whole_again() -> None:
    elsewhere = reply(b"", status=307, headers=[("Location", "/other")])
    with RawServer(elsewhere, answer(CONTENT, 202)) as server, AgentOSClient(server.url) as client:
        client.upload_knowledge_content(content=b"abc" * BLOCK, filename="x")
        assert [request.path for request in server.requests] == ["/knowledge/content", "/other"]
        assert form_of(server.requests[1])["file"][1] == b"abc" * BLOCK


def test_own_errors_during_an_upload_are_not_taken_for_the_connections(tmp_path: Any) -> None:
    class StopError(ValueError):
        pass

    def stop(sent: int, total: int) -> None:
        raise StopError

    class Shrinking(io.BytesIO):
        def read(self, size: Any = -1) -> bytes:
            return b""

    with RawServer() as server, AgentOSClient(server.url) as client:
        with pytest.raises(StopError):
            client.upload_knowledge_content(content=b"x" * 200000, progress=stop)
        with pytest.raises(OSError, match="shorter"):
            client.upload_knowledge_content(content=Shrinking(b"abc"))


def test_total_limit_bounds_an_upload() -> None:
    def dawdle(sent: int, total: int) -> None:
        deadline = time.monotonic() + 0.1
        while time.monotonic() < deadline:
            pass

    with RawServer() as server, AgentOSClient(server.url) as client:
        with pytest.raises(RemoteTimeoutError) as caught:
            client.upload_knowledge_content(
                content=b"x" * (50 * BLOCK), progress=dawdle, timeout=Timeout(total=0.3)
            )
        assert caught.value.phase == "total"
