"""The checker against agents that are known to go wrong, and against good ones.

Each faulty agent does what some real agent, web framework or helper library does: most of it works
when it is tried by hand, and fails in ActiveWorkflow.
"""

import base64
import contextlib
import gzip
import json
import threading
import zlib
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple, Union
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from remoteagent_lite import cli
from remoteagent_lite.activeworkflow import AgentApp, CredentialOption, Option, Retry, agent
from remoteagent_lite.activeworkflow.checker import Checker
from tests.activeworkflow_server import served
from tests.peers import faults
from tests.peers.faults import Connection, Handler, RawServer, Request

Findings = List[Tuple[str, str]]
#: What an agent does with params: the result's parts, a body, or a handler of the connection.
Behaviour = Callable[[Mapping[str, Any]], Union[Mapping[str, Any], str, bytes, Handler]]

REGISTRATION = {
    "name": "StrangeAgent",
    "display_name": "Strange",
    "description": "Does strange things.",
    "default_options": {"key": "value"},
}
CREDENTIALS = {"hook": "https://hooks.example.com/services/T0/topsecret", "token": "tok-en 123"}


def nothing(params: Mapping[str, Any]) -> Mapping[str, Any]:
    return {}


def strange(
    receive: Behaviour = nothing, check: Optional[Behaviour] = None, **registration: Any
) -> Handler:
    """An agent that registers well, unless told otherwise, and behaves as it is told."""

    def handler(connection: Connection, request: Request) -> None:
        call = json.loads(request.body)
        if call["method"] == "register":
            answer: Any = dict(REGISTRATION, **registration)
            answer = {key: value for key, value in answer.items() if value is not ...}
        else:
            behave = receive if call["method"] == "receive" else (check or receive)
            answer = behave(call["params"])
        if callable(answer):
            answer(connection, request)
            return
        if isinstance(answer, Mapping):
            answer = json.dumps({"result": answer})
        faults.reply(answer)(connection, request)

    return handler


def always(answer: Any) -> Behaviour:
    return lambda params: answer


def page(error: str, status: int = 500) -> Handler:
    """What a web framework makes of an exception while its debugger is on."""
    body = "<!doctype html>\n<html><h1>%s</h1>\n<pre>Traceback ...\n%s</pre></html>" % (
        error,
        error,
    )
    return faults.reply(body, status, content_type="text/html")


# --- Agents that go wrong


def helper(**parts: Any) -> Mapping[str, Any]:
    """The answer of the official helper library, which always has all four keys."""
    return {"logs": [], "errors": [], "messages": [], "memory": {}, **parts}


def helpers_message(params: Mapping[str, Any]) -> Any:
    """The helper takes the payload out of the message, which there is none of on check."""
    try:
        payload = params["message"]["payload"]
    except TypeError:
        return page("TypeError: &#39;NoneType&#39; object is not subscriptable")
    return {"messages": [payload]}


def typed_memory(params: Mapping[str, Any]) -> Any:
    """A memory read into a class with one field, and written from it."""
    return {"memory": {"count": params["memory"].get("count", 0) + 1}}


def through_doubles(value: Any) -> Any:
    """JSON as a language reads it that has no integers."""
    return json.loads(json.dumps(value), parse_int=lambda digits: float(digits))


def through_latin1(value: Any) -> Any:
    """JSON as a program reads it that takes bytes for letters."""
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8").decode("latin-1"))


def extra_forbidden(params: Mapping[str, Any]) -> Any:
    """A model that refuses what it does not know."""
    known = {"options", "memory", "credentials", "message"}
    if set(params) - known:
        return faults.reply('{"detail":[{"type":"extra_forbidden","loc":["body","params"]}]}', 422)
    return {}


def counting() -> Handler:
    numbers = iter(range(1, 100))
    return strange(lambda params: {"messages": [{"number": next(numbers)}]})


def changing() -> Handler:
    numbers = iter(range(1, 100))

    def handler(connection: Connection, request: Request) -> None:
        strange(nothing, description="Started %d times" % next(numbers))(connection, request)

    return handler


def dumped_credentials(params: Mapping[str, Any]) -> Any:
    return {"logs": ["called with %s" % params["credentials"]]}


def debug_page(params: Mapping[str, Any]) -> Any:
    return page("KeyError: &#39;text&#39; in %s" % json.dumps(params))


def posted(params: Mapping[str, Any]) -> Any:
    """An HTTP library's error, which shows the path of the URL that it could not reach."""
    return {"errors": ["Max retries exceeded with url: /services/T0/topsecret (Caused by ...)"]}


def forwarded(params: Mapping[str, Any]) -> Any:
    login = base64.b64encode(("me:" + CREDENTIALS["token"]).encode()).decode()
    return {"messages": [{"headers": {"Authorization": "Basic " + login}}]}


RESULT = '{"result":{"logs":["done"]}}'

#: name: the agent, the level and a part of what has to be found.
FAULTY: Dict[str, Tuple[Callable[[], Handler], str, str]] = {
    "name is no class": (
        lambda: strange(name="strange-agent"), "fail", "cannot be an agent's name"),
    "name is a built-in agent's": (
        lambda: strange(name="EmailAgent"), "fail", "an agent of ActiveWorkflow's own"),
    "description is blank": (
        lambda: strange(description=""), "fail", "the page for new agents breaks"),
    "default options are missing": (
        lambda: strange(default_options=...), "fail", "the editor shows null"),
    "registers otherwise each time": (changing, "warn", "differently each time"),
    "the helper erases the memory": (
        lambda: strange(always(helper(logs=["a"]))), "warn", "receive erases the agent's memory"),
    "the helper erases the memory on check": (
        lambda: strange(nothing, always(helper())), "warn", "check erases the agent's memory"),
    "a typed memory drops what it does not know": (
        lambda: strange(typed_memory), "warn", "drops what else was in the agent's memory"),
    "memory is null": (
        lambda: strange(always({"memory": None})), "fail", "`memory` is null"),
    "lists are null when empty": (
        lambda: strange(always({"logs": ["a"], "messages": None})), "fail", "`messages` is null"),
    "a log entry is blank": (
        lambda: strange(always({"logs": ["a", " \n"]})), "fail", "can't be blank"),
    "a log entry holds NUL": (
        lambda: strange(always({"logs": ["a\0b"]})), "fail", "null byte"),
    "half an emoji": (
        lambda: strange(always({"logs": ["cut \ud83d"]})), "fail", "surrogate"),
    "a number that is none": (
        lambda: strange(always('{"result":{"messages":[{"rate":NaN}]}}')), "fail", "no NaN"),
    "the second message is text": (
        lambda: strange(always({"messages": [{"a": 1}, "done"]})), "fail", "sent again"),
    "a byte order mark": (
        lambda: strange(always(b"\xef\xbb\xbf" + RESULT.encode())), "fail", "byte order mark"),
    "no result": (
        lambda: strange(nothing, always("{}")), "fail", 'check: key not found: "result"'),
    "keys of its own": (
        lambda: strange(always({"message": [{"a": 1}], "log": "a"})), "warn",
        "`message` in the result is not looked at"),
    "logs beside the result": (
        lambda: strange(always('{"result":{},"logs":["a"]}')), "warn", "beside `result`"),
    "check knows no message": (
        lambda: strange(helpers_message), "fail", "check: status 500: a web page instead of JSON"),
    "a field it does not know breaks it": (
        lambda: strange(extra_forbidden), "warn", "a field that the agent does not know"),
    "the same message is worked on again": (counting, "warn", "is done again"),
    "credentials in the log": (
        lambda: strange(dumped_credentials), "fail", "one that no option names) is in its logs"),
    "credentials on a debug page": (
        lambda: strange(debug_page), "fail", "(`token`) is in an answer that ActiveWorkflow"),
    "the path of a webhook in an error": (
        lambda: strange(posted), "fail", "(`hook`) is in its errors"),
    "a login in a message": (
        lambda: strange(forwarded), "warn", "(`token`) is in its messages"),
    "redirects to another path": (
        lambda: strange(always(faults.reply("", 302, headers=[("Location", "/agent/")]))),
        "fail", "use the URL that it goes to (/agent/)"),
    "asks for a login": (
        lambda: strange(always(faults.reply('{"error":"unauthorized"}', 401))),
        "fail", "ActiveWorkflow has none"),
    "the answer is cut off": (
        lambda: strange(always(faults.stream([RESULT.encode()], framing="length", end="cut"))),
        "fail", "receive: no answer (it is cut off)"),
    "no answer, as it reads to the end of the connection": (
        lambda: strange(always(faults.silence)), "fail", "receive: no answer"),
    "hangs up": (
        lambda: strange(always(faults.hang_up)), "fail", "receive: no answer"),
    "says gzip and sends none": (
        lambda: strange(always(faults.reply(RESULT, headers=[("Content-Encoding", "gzip")]))),
        "fail", "not the gzip that its header says"),
    "too many messages": (
        lambda: strange(always({"messages": [{"n": n} for n in range(20000)]})),
        "fail", "execution expired"),
    "numbers are doubles, and memory is sent back": (
        lambda: strange(lambda params: {"memory": through_doubles(params["memory"])}),
        "warn", "changes values in the agent's memory"),
    "text is Latin-1, and memory is sent back": (
        lambda: strange(lambda params: {"memory": through_latin1(params["memory"])}),
        "warn", "changes values in the agent's memory"),
}  # fmt: skip

#: These damage what they are sent; who does not see them send it on cannot know.
SEEN_ONLY_WITH_AN_ECHO: Dict[str, Callable[[], Handler]] = {
    "numbers are doubles": lambda: strange(
        lambda params: {"logs": [str(len(through_doubles(params)))]}
    ),
    "text is Latin-1": lambda: strange(lambda params: {"logs": [str(len(through_latin1(params)))]}),
}


def checked(url: str, timeout: float = 20.0, **settings: Any) -> Findings:
    checker = Checker(url, timeout, **dict({"slow_registration": 20.0}, **settings))
    if checker.register() is not None:
        checker.work({"text": "Grüße"}, {"key": "value"}, CREDENTIALS)
    return checker.findings


def found(handler: Handler, **settings: Any) -> Findings:
    with RawServer(handler) as server:
        return checked(server.url, **settings)


def problems(findings: Findings) -> Findings:
    return [finding for finding in findings if finding[0] != "ok"]


@pytest.mark.parametrize("name", FAULTY)
def test_no_known_fault_goes_unfound(name: str) -> None:
    make, level, words = FAULTY[name]
    findings = found(make(), timeout=0.5 if "reads to the end" in name else 20.0)
    assert [text for its, text in findings if its == level and words in text], findings
    # Nor does any finding tell a secret, whatever it quotes.
    for _, text in findings:
        assert "topsecret" not in text
        assert CREDENTIALS["token"] not in text


@pytest.mark.parametrize("name", SEEN_ONLY_WITH_AN_ECHO)
def test_what_only_an_echo_shows_is_not_guessed(name: str) -> None:
    assert problems(found(SEEN_ONLY_WITH_AN_ECHO[name]())) == []


def test_there_are_as_many_faults_as_are_known() -> None:
    assert len(FAULTY) + len(SEEN_ONLY_WITH_AN_ECHO) >= 25


# --- The server's behaviour


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *values: Any) -> None:
        pass


@contextlib.contextmanager
def one_at_a_time(application: Any) -> Iterator[str]:
    """A server that reads, and answers, one request after the other."""
    server = make_server("127.0.0.1", 0, application, handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield "http://127.0.0.1:%d/agents/EchoAgent" % server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@agent(name="EchoAgent", on="both")
def echo(ctx: Any) -> None:
    ctx.emit(ctx.payload)


def test_a_server_that_does_one_thing_at_a_time_is_found_without_waiting_for_a_slow_message() -> (
    None
):
    with one_at_a_time(AgentApp(echo)) as url:
        findings = checked(url, slow_registration=0.5)
    ((level, text),) = problems(findings)
    assert level == "warn"
    assert "register waits for messages that are being handled (no answer in 0.5 s)" in text


def test_a_server_that_cannot_register_while_it_works_is_found() -> None:
    # It reads all requests at once, and answers none while it works: as coroutines that block do.
    given_up = threading.Event()
    registrations: List[Request] = []
    messages = set()

    def handler(connection: Connection, request: Request) -> None:
        call = json.loads(request.body)
        if call["method"] == "register":
            registrations.append(request)
            # The fourth comes while the third message is worked on.
            if len(registrations) == 4:
                connection.wait_until_client_closes()
                given_up.set()
                return
        elif call["method"] == "receive":
            messages.add(call["params"]["message"]["id"])
            if len(messages) == 3:
                connection.wait(given_up)
        strange()(connection, request)

    ((level, text),) = problems(found(handler, slow_registration=1.0))
    assert level == "warn"
    assert "register waits for messages that are being handled (no answer in 1.0 s)" in text


def test_an_answer_that_trickles_for_ever_ends() -> None:
    def trickle(connection: Connection, request: Request) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        gone = threading.Event()
        while not gone.wait(0.01):
            connection.send(b" ")

    findings = found(strange(always(trickle)), limit=0.5)
    assert ("fail", "receive: no answer (none that is complete within 0.5 s)") in findings


def test_a_header_that_trickles_for_ever_ends() -> None:
    def trickle(connection: Connection, request: Request) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\nX: ")
        gone = threading.Event()
        while not gone.wait(0.01):
            connection.send(b"x")

    findings = found(strange(always(trickle)), limit=0.5)
    assert ("fail", "receive: no answer (none that is complete within 0.5 s)") in findings


def test_an_answer_without_end_takes_no_more_memory_than_it_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from remoteagent_lite.activeworkflow import checker

    monkeypatch.setattr(checker, "_LARGEST", 100000)
    endless = faults.stream([b" " * 1000000])
    bomb = faults.reply(
        gzip.compress(b" " * 1000000), headers=[("Content-Encoding", "gzip")], framing="close"
    )
    for handler in (endless, bomb):
        findings = found(strange(always(handler)))
        assert ("fail", "receive: no answer (it is larger than 100000 bytes)") in findings


# --- What is printed


FORGED = "\x1b[2J\x1b]0;owned\x07\rok    all is well\nok    forged\x9b\u2028\u202e\u200b\x00"


def test_no_agent_can_forge_a_line_or_steer_the_terminal(
    raw_server: RawServer, capsys: pytest.CaptureFixture[str]
) -> None:
    # In all places that are shown: names, logs, errors, headers, pages, keys.
    # A header cannot hold a line break, but the rest.
    location = (
        FORGED.replace("\r", "").replace("\n", "").encode("latin-1", "ignore").decode("latin-1")
    )
    for handler in (
        strange(name=FORGED),
        strange(default_options=FORGED),
        strange(display_name=[FORGED]),
        strange(always({"errors": [FORGED], "logs": [5, {FORGED: 1}]})),
        strange(always({FORGED: 1, "messages": [FORGED]})),
        strange(always({"memory": {"remoteagent_check": {FORGED: FORGED}}})),
        strange(always(page(FORGED))),
        strange(always(faults.reply(FORGED, 503, content_type="text/plain"))),
        strange(always(faults.reply("", 302, headers=[("Location", location)]))),
        strange(always(faults.raw(b"HTTP/1.1 " + FORGED.encode() + b"\r\n\r\n"))),
        strange(always(faults.raw(FORGED.encode() + b"\r\n\r\n"))),
        faults.raw(FORGED.encode() + b"\r\n\r\n"),
        page(FORGED, 404),
    ):
        with RawServer(handler) as server:
            for words in ([], ["--json"]):
                cli.main(["activeworkflow", "check", server.url, *words])
                captured = capsys.readouterr()
                text = captured.out + captured.err
                assert not [sign for sign in text if not sign.isprintable() and sign != "\n"]
                assert "all is well" not in [line[6:] for line in text.splitlines()]
                assert "forged" not in [line[6:12] for line in text.splitlines()]
                if words and captured.out:
                    assert all(f["text"].isprintable() for f in json.loads(captured.out))


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (page("Not Found", 404), "status 404: there is no agent at this path"),
        (page("Method Not Allowed", 405), "status 405: it does not take POST at this path"),
        (faults.reply("", 308, headers=[("Location", "https://a/b")]), "it goes to (https://a/b)"),
        (faults.reply("no", 401), "put a secret into the path instead"),
        (page("Hello", 200), "a web page instead of JSON: is there an agent at this URL"),
        (page("Bad Gateway", 502), "status 502: a web page instead of JSON"),
        (faults.reply("busy", 503, content_type="text/plain"), "status 503: the agent, or what"),
        (faults.reply("{}"), 'key not found: "result"'),
    ],
)
def test_after_a_failed_registration_there_is_one_line_that_helps_and_no_work(
    handler: Handler, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with RawServer(handler) as server:
        assert cli.main(["activeworkflow", "check", server.url + "/agent"]) == 3
        out = capsys.readouterr().out
        assert out.count("\n") == 1
        assert out.startswith("fail  register: ")
        assert words in out
        assert len(server.requests) == 1


# --- Good agents


@agent(
    name="NotifyAgent",
    on="both",
    options=[Option("text", str, "{{ text | default: 'no text' }}"), CredentialOption("secret")],
)
def notify(ctx: Any) -> None:
    ctx.log("using %s" % ctx.credential("secret"))
    ctx.emit({"text": ctx.fill(ctx.options["text"]), "number": 2**53 + 1})
    if ctx.method == "check":
        ctx.memory["count"] = ctx.memory.get("count", 0) + 1


def careful_helper(params: Mapping[str, Any]) -> Any:
    """The official helper, used by somebody who knows it: what is not added is lost."""
    return helper(logs=["fine"], memory=params["memory"])


GOOD: Dict[str, Handler] = {
    "nothing to say": strange(),
    "the helper, used with care": strange(careful_helper),
    "memory is left out": strange(always({"logs": ["a"], "messages": [{"a": 1}]})),
    "memory of its own beside the rest": strange(
        lambda params: {"memory": dict(params["memory"], count=1)}
    ),
    "empty lists": strange(always({"logs": [], "errors": [], "messages": []})),
    "chunked": strange(always(faults.reply(RESULT, framing="chunked"))),
    "until the connection closes": strange(always(faults.reply(RESULT, framing="close"))),
    "gzip": strange(always(faults.reply(RESULT, gzip=True))),
    "deflate": strange(
        always(
            faults.reply(
                zlib.compress(RESULT.encode()),
                headers=[("Content-Encoding", "deflate")],
            )
        )
    ),
    "another content type": strange(always(faults.reply(RESULT, content_type="text/html"))),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_agent_of_others_gets_no_warning(name: str) -> None:
    findings = found(GOOD[name])
    assert problems(findings) == []
    assert [text.partition(":")[0] for _, text in findings] == [
        "registers as StrangeAgent",
        "receive",
        "check",
    ]


@pytest.mark.parametrize("made", [echo, notify])
def test_a_good_agent_of_ours_gets_no_warning(made: Any) -> None:
    with served(AgentApp(made, token="0123456789abcdef")) as url:
        checker = Checker(url, slow_registration=20.0)
        assert checker.register() is not None
        checker.work({"text": "Grüße"}, {"secret": "token"}, CREDENTIALS)
    assert problems(checker.findings) == []
    assert not checker.has_errors


def test_retry_is_known_and_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    @agent(name="LaterAgent", on="both")
    def later(ctx: Any) -> None:
        raise Retry("the model is away")

    with served(later) as url:
        assert cli.main(["activeworkflow", "check", url]) == 0
    out = capsys.readouterr().out
    assert (
        "warn  receive: not now, call again, says the agent: LaterAgent asks to be called again: "
        "the model is away\n"
    ) in out
    assert "fail" not in out


def test_errors_that_the_agent_reports_are_shown_and_told_by_the_exit_status(
    capsys: pytest.CaptureFixture[str],
) -> None:
    @agent(name="NeedyAgent")
    def needy(ctx: Any) -> None:
        ctx.emit({"title": ctx.payload["title"]})

    with served(needy) as url:
        assert cli.main(["activeworkflow", "check", url]) == 3
    out = capsys.readouterr().out
    assert out.count("warn  the agent reports an error: KeyError: 'title'\n") == 1


def test_the_calls_are_those_of_activeworkflow(raw_server: RawServer) -> None:
    raw_server.then(strange())
    checked(raw_server.url + "/agent?b=1")
    methods = [json.loads(request.body)["method"] for request in raw_server.requests]
    assert sorted(methods) == ["check", *["receive"] * 4, *["register"] * 4]
    receive = next(r for r in raw_server.requests if json.loads(r.body)["method"] == "receive")
    head = receive.raw.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert head[0] == b"POST /agent?b=1 HTTP/1.1"
    assert b"Accept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3" in head
    assert b"Connection: close" in head
    call = json.loads(receive.body)
    assert list(call["params"]) == ["options", "memory", "credentials", "message"]
    given = {each["name"]: each["value"] for each in call["params"]["credentials"]}
    assert {name: given[name] for name in CREDENTIALS} == CREDENTIALS
