"""The test bench itself: real servers start, die and come back; faulty ones fail as told."""

import contextlib
import gzip
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests import ROOT
from tests.peers import environments, faults
from tests.peers.server import PeerServer, PeerStartError
from tests.polling import eventually

#: What urllib raises for a body that breaks off, and for an answer that does not come.
BROKEN = (http.client.IncompleteRead, ConnectionResetError)
NO_ANSWER = (ConnectionError, urllib.error.URLError)


def post(url, **fields):
    return urllib.request.urlopen(url, urllib.parse.urlencode(fields).encode(), timeout=30)


def get(url, **headers):
    return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30)


def status_of(url):
    try:
        with get(url) as response:
            return response.status
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def is_refused(port):
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
    except ConnectionRefusedError:
        return True
    return False


class TestPeerServer:
    def test_answers_health(self, agentos):
        assert json.load(get(agentos.url + "/health"))["status"] == "ok"

    def test_runs_an_agent(self, agentos):
        output = json.load(post(agentos.url + "/agents/plain/runs", message="hi", stream="false"))
        assert (output["status"], output["content"]) == ("COMPLETED", "echo: hi")

    def test_streams_an_agent(self, agentos):
        body = post(agentos.url + "/agents/plain/runs", message="hi", stream="true").read()
        events = [line[7:] for line in body.decode().split("\n") if line.startswith("event: ")]
        assert (events[0], events[-1]) == ("RunStarted", "RunCompleted")
        assert events.count("RunContent") == 2

    def test_unicode_text_arrives_unchanged(self, agentos):
        output = json.load(
            post(agentos.url + "/agents/plain/runs", message="unicode", stream="false")
        )
        for character in "\u2028\u2029\u0085\r\n\U0001f600":
            assert character in output["content"]

    def test_knowledge_is_found_again(self, agentos_latest):
        base = agentos_latest.url + "/knowledge"
        added = json.load(post(base + "/content", name="zoo", text_content="A zebra has stripes."))
        status_url = "%s/content/%s/status" % (base, added["id"])
        assert eventually(lambda: json.load(get(status_url))["status"] == "completed")
        request = urllib.request.Request(
            base + "/search",
            json.dumps({"query": "zebra"}).encode(),
            {"Content-Type": "application/json"},
        )
        found = json.load(urllib.request.urlopen(request, timeout=30))
        assert "stripes" in found["data"][0]["content"]

    def test_kill_and_restart_keep_port_and_database(self):
        with PeerServer("agno-2.3.20") as peer:
            run_url = peer.url + "/agents/plain/runs"
            post(run_url, message="hi", stream="false", session_id="kept").read()
            port = peer.port
            peer.kill()
            assert peer.pid is None
            assert is_refused(port)
            peer.restart()
            assert peer.port == port
            sessions = json.load(get(peer.url + "/sessions?type=agent"))["data"]
            assert [session["session_id"] for session in sessions] == ["kept"]
            peer.terminate()
            assert is_refused(port)

    def test_security_key_databases_and_a2a(self):
        with PeerServer("agno-3.1.10", security_key="s3cret", databases=2, a2a=True) as peer:
            assert status_of(peer.url + "/config") == 401
            config = json.load(get(peer.url + "/config", Authorization="Bearer s3cret"))
            assert sorted(config["databases"]) == ["other-db", "peer-db"]
            card = get(
                peer.url + "/a2a/agents/plain/.well-known/agent-card.json",
                Authorization="Bearer s3cret",
            )
            assert json.load(card)["name"] == "Plain"

    def test_traces_name_what_ran(self):
        with PeerServer(tracing=True) as peer:
            post(peer.url + "/agents/plain/runs", message="hi", stream="false").read()
            assert eventually(lambda: json.load(get(peer.url + "/traces"))["data"])
            trace = json.load(get(peer.url + "/traces"))["data"][0]
            assert (trace["agent_id"], trace["status"]) == ("plain", "OK")

    def test_tokens_are_demanded(self):
        with PeerServer(jwt_key="k" * 32) as peer:
            assert json.load(get(peer.url + "/info"))["auth_mode"] == "jwt"
            assert status_of(peer.url + "/agents") == 401

    def test_failed_start_shows_the_log(self, tmp_path):
        script = tmp_path / "broken.py"
        script.write_text("raise SystemExit('this peer is broken')")
        with pytest.raises(PeerStartError, match="this peer is broken"):
            PeerServer("agno-2.3.20", script=script).start()

    def test_server_dies_with_its_parent(self):
        program = (
            "import sys, time\n"
            "from tests.peers.server import PeerServer\n"
            "peer = PeerServer('agno-2.3.20').start()\n"
            "print(peer.port, peer.directory, flush=True)\n"
            "time.sleep(60)\n"
        )
        root = str(ROOT)
        parent = subprocess.Popen([sys.executable, "-c", program], cwd=root, stdout=subprocess.PIPE)
        port, directory = parent.stdout.readline().decode().split()
        # A connection that the server holds open: it ends when the server does.
        with socket.create_connection(("127.0.0.1", int(port)), 10) as witness:
            parent.kill()
            parent.wait()
            parent.stdout.close()
            with contextlib.suppress(ConnectionResetError):  # or so, if it had not accepted it yet
                assert witness.recv(1) == b""
        assert eventually(lambda: is_refused(int(port)))
        assert not os.path.exists(directory)


class TestEnvironments:
    def test_an_unknown_name_is_refused(self):
        with pytest.raises(environments.PeerEnvironmentError, match=r"agno-3\.1\.10"):
            environments.python_of("agno-0")

    def test_is_built_once_and_rebuilt_when_half_built_or_outdated(self, tmp_path, monkeypatch):
        requirements = tmp_path / "requirements"
        requirements.mkdir()
        (requirements / "empty.txt").write_text("# nothing\n")
        root = tmp_path / "peers"
        monkeypatch.setenv("REMOTEAGENT_PEERS", str(root))
        monkeypatch.setattr(environments, "_REQUIREMENTS", requirements)
        (root / "empty" / "bin").mkdir(parents=True)
        (root / "empty" / "bin" / "python").write_text("half built")
        builds = []
        build = environments._build
        monkeypatch.setattr(
            environments, "_build", lambda *arguments: builds.append(1) or build(*arguments)
        )
        with ThreadPoolExecutor(2) as pool:
            first, second = pool.map(environments.python_of, ["empty", "empty"])
        assert first == second
        assert subprocess.check_output([first, "-c", "print(1)"]) == b"1\n"
        assert builds == [1]
        (requirements / "empty.txt").write_text("# something else\n")
        assert not environments.is_ready("empty")
        environments.python_of("empty")
        assert builds == [1, 1]

    def test_a_failed_build_shows_the_output_of_pip(self, tmp_path, monkeypatch, capsys):
        (tmp_path / "bad.txt").write_text("./no-such-package-here\n")
        monkeypatch.setenv("REMOTEAGENT_PEERS", str(tmp_path / "peers"))
        monkeypatch.setattr(environments, "_REQUIREMENTS", tmp_path)
        assert environments.main(["bad"]) == 1
        assert "no-such-package-here" in capsys.readouterr().err
        assert not environments.is_ready("bad")


class TestRawServer:
    @pytest.mark.parametrize("framing", ["chunked", "length", "close"])
    @pytest.mark.parametrize("compressed", [False, True])
    def test_framings(self, framing, compressed):
        handler = faults.stream([b"one ", b"two"], framing=framing, gzip=compressed)
        with faults.RawServer(handler) as server:
            body = get(server.url).read()
        assert (gzip.decompress(body) if compressed else body) == b"one two"

    def test_keeps_connections_and_counts(self):
        with faults.RawServer(faults.reply("1"), faults.reply("2", 404)) as server:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
            answers = []
            for path in ("/a?q=1", "/b", "/c"):
                connection.request("POST", path, b"x=1&y=", {"X-Name": "value"})
                response = connection.getresponse()
                answers.append((response.status, response.read()))
            assert answers == [(200, b"1"), (404, b"2"), (404, b"2")]
            assert server.connection_count == 1
            first = server.requests[0]
            assert (first.path, first.query, first.form) == (
                "/a",
                {"q": ["1"]},
                {"x": ["1"], "y": [""]},
            )
            assert first.headers["x-name"] == "value"
            assert first.raw.startswith(b"POST /a?q=1 HTTP/1.1\r\n")
            assert first.raw.endswith(b"\r\n\r\nx=1&y=")
            assert server.open_connections == 1
            connection.close()
            server.wait_until_idle()

    def test_chunked_request_body(self):
        with faults.RawServer(faults.reply()) as server:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
            connection.request("POST", "/", iter([b"ab", b"c"]), encode_chunked=True)
            connection.getresponse().read()
            connection.close()
            assert server.requests[0].body == b"abc"

    def test_an_event_holds_the_answer_back(self):
        go_on = threading.Event()
        with faults.RawServer(faults.stream([b"first\n", go_on, b"second\n"])) as server:
            response = get(server.url)
            assert response.readline() == b"first\n"
            go_on.set()
            assert response.readline() == b"second\n"

    @pytest.mark.parametrize("end", ["cut", "reset"])
    @pytest.mark.parametrize("framing", ["chunked", "length"])
    def test_broken_bodies(self, end, framing):
        handler = faults.stream([b"half"], framing=framing, end=end)
        if (end, framing) == ("reset", "length"):
            handler = faults.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", close=True)
        with faults.RawServer(handler) as server, pytest.raises(BROKEN):
            get(server.url).read()

    @pytest.mark.parametrize("handler", [faults.hang_up, faults.reset])
    def test_no_answer(self, handler):
        with faults.RawServer(handler) as server, pytest.raises(NO_ANSWER):
            get(server.url)

    def test_refused_connections(self):
        with faults.RawServer(faults.reply("ok")) as server:
            server.refuse_connections = 1
            with pytest.raises(NO_ANSWER):
                get(server.url)
            assert get(server.url).read() == b"ok"
            assert (server.connection_count, len(server.requests)) == (2, 1)

    def test_silence_ends_with_the_client_or_the_server(self):
        with faults.RawServer(faults.silence) as server:
            client = socket.create_connection(("127.0.0.1", server.port), 10)
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            server.wait_for_requests(1)
            client.close()
            server.wait_until_idle()
            other = socket.create_connection(("127.0.0.1", server.port), 10)
            other.sendall(b"GET / HTTP/1.1\r\n\r\n")
            server.wait_for_requests(2)
        other.close()

    def test_drip(self):
        with faults.RawServer(faults.drip(faults.sse("A", "\u2028"))) as server:
            assert get(server.url).read() == b"event: A\ndata: \xe2\x80\xa8\n\n"

    def test_close_ends_waiting_handlers_and_all_threads(self):
        before = threading.active_count()
        never = threading.Event()
        server = faults.RawServer(faults.reply("x", after=never))
        client = socket.create_connection(("127.0.0.1", server.port), 10)
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        server.wait_for_requests(1)
        server.close()
        client.close()
        assert threading.active_count() == before

    def test_errors_of_handlers_reach_the_test(self):
        def broken(connection, request):
            raise ZeroDivisionError("in a handler")

        with pytest.raises(ZeroDivisionError), faults.RawServer(broken) as server:
            client = socket.create_connection(("127.0.0.1", server.port), 10)
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert client.recv(1) == b""
            client.close()


class TestProxy:
    def test_forwards_and_cuts_after_some_bytes(self):
        body = b"x" * 300000
        with faults.RawServer(faults.reply(body)) as server, faults.Proxy(server.port) as proxy:
            assert get(proxy.url).read() == body
            proxy.cut_after(100000)
            with pytest.raises(BROKEN):
                get(proxy.url).read()
            proxy.wait_for_cut()
            assert get(proxy.url).read() == body
            assert proxy.connection_count == 3
            server.wait_until_idle()

    @pytest.mark.parametrize("end", ["reset", "close"])
    def test_cuts_on_command(self, end):
        never = threading.Event()
        handler = faults.stream([b"first\n", never])
        with faults.RawServer(handler) as server, faults.Proxy(server.port) as proxy:
            response = get(proxy.url)
            assert response.readline() == b"first\n"
            proxy.cut(end)
            assert proxy.open_connections == 0
            with pytest.raises(BROKEN):
                response.read()

    def test_refuses_and_holds(self):
        with faults.RawServer(faults.reply("ok")) as server, faults.Proxy(server.port) as proxy:
            proxy.refuse()
            with pytest.raises(NO_ANSWER):
                get(proxy.url)
            proxy.refuse(False)
            proxy.hold()
            client = socket.create_connection(("127.0.0.1", proxy.port), 10)
            client.sendall(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
            client.settimeout(0.2)
            with pytest.raises(socket.timeout):
                client.recv(1)
            client.settimeout(10)
            proxy.hold(False)
            assert client.recv(4) == b"HTTP"
            client.close()

    def test_upstream_down_looks_like_a_reset(self):
        server = faults.RawServer(faults.reply("ok"))
        server.close()
        with faults.Proxy(server.port) as proxy, pytest.raises(NO_ANSWER):
            get(proxy.url)
