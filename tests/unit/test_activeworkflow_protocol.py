"""Calls and answers as values: what ActiveWorkflow sends, and that it can store what it gets."""

import contextlib
import enum
import json
import logging
import types
from base64 import b64encode
from datetime import datetime
from decimal import Decimal
from typing import Any, Callable, Dict, Iterator, List
from urllib.parse import quote, quote_plus

import pytest
import requests
from hypothesis import HealthCheck, given, settings, strategies as st

from remoteagent_lite.activeworkflow import Agent, AgentError, Context, Option, Retry, agent
from remoteagent_lite.activeworkflow.protocol import handle, register
from remoteagent_lite.activeworkflow.redaction import Redaction
from tests.activeworkflow_answers import check_body, strings

PARAMS: Dict[str, Any] = {
    "options": {"option": "value", "email_credential": "admin_email"},
    "memory": {"key": "value"},
    "credentials": [{"name": "admin_email", "value": "admin@example.com"}],
    "message": {"id": 3, "payload": {"a": 1, "b": 2}},
}


def answered(function: Callable[[Context], Any], on_error: str = "report", **params: Any) -> Any:
    """The result of a receive that ``function`` handles; the 503's words if there is none."""
    made = agent("TestAgent", on_error=on_error)(function)
    answer = handle(made, {"method": "receive", "params": dict(PARAMS, **params)})
    if answer.status == 503:
        assert answer.content_type == "text/plain; charset=utf-8"
        with pytest.raises(ValueError):
            json.loads(answer.body.decode("utf-8"))
        return answer.body.decode("utf-8")[:-1]
    assert (answer.status, answer.content_type) == (200, "application/json")
    return check_body(answer.body)


class MyAgent(Agent):
    """This is my first agent"""

    default_options = {"option": "value"}

    def receive(self, ctx: Context) -> None:
        assert ctx.method == "check" or ctx.payload == {"a": 1, "b": 2}
        assert ctx.options == {"option": "value", "email_credential": "admin_email"}
        assert ctx.memory == {"key": "value"}
        assert ctx.credential("email_credential") == "admin@example.com"
        for what in ("Something failed", "Something else failed"):
            ctx.error(what)
        for what in ("Something happened", "Something else happened"):
            ctx.log(what)
        ctx.memory = {"key": "new value"}
        ctx.emit({"a": 5})
        ctx.emit({"a": 6})

    check = receive


REGISTERED = (
    b'{"result":{"name":"MyAgent","display_name":"My Agent",'
    b'"description":"This is my first agent","default_options":{"option":"value"}}}'
)
ANSWERED = (
    b'{"result":{"errors":["Something failed","Something else failed"],'
    b'"logs":["Something happened","Something else happened"],'
    b'"memory":{"key":"new value"},"messages":[{"a":5},{"a":6}]}}'
)
EXCHANGES = [
    (b'{"method":"register","params":{}}', REGISTERED),
    (
        b'{"method":"receive","params":{"message":{"payload":{"a":1,"b":2}},'
        b'"options":{"option":"value","email_credential":"admin_email"},"memory":{"key":"value"},'
        b'"credentials":[{"name":"admin_email","value":"admin@example.com"}]}}',
        ANSWERED,
    ),
    (
        b'{"method":"check","params":{"message":null,'
        b'"options":{"option":"value","email_credential":"admin_email"},"memory":{"key":"value"},'
        b'"credentials":[{"name":"admin_email","value":"admin@example.com"}]}}',
        ANSWERED,
    ),
]


@pytest.mark.parametrize(("call", "answer"), EXCHANGES, ids=["register", "receive", "check"])
def test_examples_of_the_api_document(call: bytes, answer: bytes) -> None:
    assert handle(MyAgent(), json.loads(call)).body == answer


def test_register_checks_what_was_set_since() -> None:
    made = MyAgent()
    made.description = " "
    with pytest.raises(ValueError, match="description"):
        register(made)


def test_nothing_done_is_an_empty_result() -> None:
    assert answered(lambda ctx: None) == {}


def test_memory_read_is_not_sent_and_emptied_is() -> None:
    assert answered(lambda ctx: ctx.memory.get("key") and None) == {}
    assert answered(lambda ctx: ctx.memory.clear()) == {"memory": {}}


def test_unknown_fields_and_nulls_are_accepted() -> None:
    made = agent("TestAgent")(lambda ctx: ctx.log("%s %s" % (ctx.options, ctx.memory)))
    params: Dict[str, Any] = {"options": None, "memory": None, "credentials": None, "x": 1}
    call = {"method": "receive", "jsonrpc": "2.0", "params": params}
    params["message"] = {"payload": {}, "sender": 5}
    assert handle(made, call).body == b'{"result":{"logs":["{} {}"]}}'


@pytest.mark.parametrize(
    "call",
    [
        {},
        {"method": None},
        {"method": "destroy", "params": {}},
        {"method": "receive"},
        {"method": "check", "params": None},
        {"method": "check", "params": []},
        {"method": "check", "params": {"options": []}},
        {"method": "check", "params": {"memory": "x"}},
        {"method": "check", "params": {"credentials": {}}},
        {"method": "receive", "params": {}},
        {"method": "receive", "params": {"message": None}},
        {"method": "receive", "params": {"message": {}}},
        {"method": "receive", "params": {"message": {"payload": []}}},
        [],
        "x",
        None,
    ],
)
def test_what_is_no_call_is_refused_in_plain_words(call: Any) -> None:
    answer = handle(MyAgent(), call)
    assert answer.status == 400
    assert answer.body
    assert answer.content_type.startswith("text/plain")


class Colour(str, enum.Enum):
    RED = "red"


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError("no text")


# The rows of what ActiveWorkflow cannot apply, each as a handler that asks for it.


@pytest.mark.parametrize(
    ("text", "logged"),
    [
        ("", "(blank)"),
        ("  \n\u00a0", "(blank)"),
        ("\0", "(blank)"),
        (None, "None"),
        (5, "5"),
        (True, "True"),
        ({"a": 1}, "{'a': 1}"),
        ("a\0b", "ab"),
        ("a\ud800b", "a\ufffdb"),
        (Colour.RED, str(Colour.RED)),
        (Unprintable(), "<Unprintable whose text cannot be made: RuntimeError>"),
        ("x" * 10001, "x" * 9990 + " ... (cut)"),
    ],
)
def test_log_entries_are_made_fit(text: Any, logged: str) -> None:
    assert answered(lambda ctx: ctx.log(text)) == {"logs": [logged]}
    assert answered(lambda ctx: ctx.error(text)) == {"errors": [logged]}


def test_only_the_newest_log_entries_are_sent() -> None:
    def many(ctx: Context) -> None:
        for number in range(300):
            ctx.log(number)
            ctx.error(number)

    result = answered(many)
    for key in ("logs", "errors"):
        assert len(result[key]) == 200
        assert result[key][0] == "(101 earlier entries left out)"
        assert (result[key][1], result[key][-1]) == ("101", "299")


CIRCLE: Dict[str, Any] = {}
CIRCLE["self"] = CIRCLE


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, " must be an object (a dict), not NoneType"),
        ([], " must be an object (a dict), not list"),
        ("{}", " must be an object (a dict), not str"),
        (5, " must be an object (a dict), not int"),
        ({"a": float("nan")}, '["a"] is nan, which JSON cannot hold'),
        ({"a": [1, float("-inf")]}, '["a"][1] is -inf, which JSON cannot hold'),
        ({"a": 10**400}, '["a"] is a number too large for JSON\'s readers'),
        ({1: 2}, "[1] is not a text key: the keys of JSON objects are text"),
        ({"a": {None: 2}}, '["a"][null] is not a text key: the keys of JSON objects are text'),
        ({"a": datetime(2020, 1, 1)}, '["a"] is of type datetime, which JSON cannot hold'),
        ({"a": Decimal("1.5")}, '["a"] is of type Decimal, which JSON cannot hold'),
        ({"a": b"x"}, '["a"] is of type bytes, which JSON cannot hold'),
        ({"a": {1}}, '["a"] is of type set, which JSON cannot hold'),
        (CIRCLE, '["self"]'),
    ],
)
def test_messages_and_memory_that_cannot_be_stored_are_an_error(value: Any, words: str) -> None:
    def emits(ctx: Context) -> None:
        ctx.log("before")
        ctx.memory["count"] = 1
        ctx.emit({"fine": 1})
        ctx.emit(value)

    result = answered(emits)
    assert result["logs"] == ["before"]
    assert set(result) == {"errors", "logs"}
    assert result["errors"][0].startswith("message 2" + words)

    def remembers(ctx: Context) -> None:
        ctx.emit({"fine": 1})
        ctx.memory = value

    result = answered(remembers)
    assert set(result) == {"errors"}
    assert result["errors"][0].startswith("memory" + words)


def test_memory_spoilt_in_place_is_an_error() -> None:
    def spoil(ctx: Context) -> None:
        ctx.emit({"fine": 1})
        ctx.memory["when"] = datetime(2020, 1, 1)

    assert answered(spoil)["errors"][0].startswith('memory["when"] is of type datetime')


def test_what_json_can_hold_is_sent() -> None:
    value = {
        "e": Colour.RED,
        "t": (1, 2.5, None, True),
        "m": types.MappingProxyType({"k\ud800": "v\udfff \U0001f600"}),
        "nul": "a\0b",
        "big": 2**70,
    }
    assert answered(lambda ctx: ctx.emit(value))["messages"] == [
        {
            "e": "red",
            "t": [1, 2.5, None, True],
            "m": {"k\ufffd": "v\ufffd \U0001f600"},
            "nul": "a\0b",
            "big": 2**70,
        }
    ]


def nested(depth: int) -> Any:
    value: Any = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


def test_nesting_has_a_limit_below_activeworkflows() -> None:
    assert "messages" in answered(lambda ctx: ctx.emit(nested(80)))
    result = answered(lambda ctx: ctx.emit(nested(81)))
    assert "is nested deeper than 80 levels" in result["errors"][0]
    assert "errors" in answered(lambda ctx: ctx.emit(nested(5000)))


def test_many_messages_are_remarked_on_and_too_many_refused() -> None:
    def emit(count: int) -> Callable[[Context], None]:
        def emits(ctx: Context) -> None:
            for number in range(count):
                ctx.emit({"n": number})

        return emits

    assert "logs" not in answered(emit(500))
    result = answered(emit(600))
    assert (len(result["messages"]), len(result["logs"])) == (600, 1)
    result = answered(emit(5001))
    assert result == {"errors": ["more than 5000 messages in one call"]}


def raising(error: BaseException) -> Callable[[Context], None]:
    def handler(ctx: Context) -> None:
        ctx.log("begun")
        ctx.error("own words")
        ctx.emit({"a": 1})
        ctx.memory["a"] = 1
        raise error

    return handler


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyError("url"), "KeyError: 'url'"),
        (ValueError(), "ValueError: (blank)"),
        (AgentError("the words alone"), "the words alone"),
        (SystemExit(3), "SystemExit: 3"),
        (RuntimeError(Unprintable()), "RuntimeError: <RuntimeError whose text cannot be made"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad\0"), "UnicodeDecodeError: 'utf-8' codec"),
    ],
)
def test_exception_is_told_and_nothing_else_is_done(
    error: BaseException, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    result = answered(raising(error))
    assert set(result) == {"errors", "logs"}
    assert result["logs"] == ["begun"]
    assert result["errors"][0] == "own words"
    assert result["errors"][1].startswith(words)
    assert len(caplog.records) == (0 if isinstance(error, AgentError) else 1)


def test_endless_recursion_is_an_error_too() -> None:
    def deeper(ctx: Context) -> None:
        deeper(ctx)

    assert answered(deeper)["errors"][0].startswith("RecursionError")


def test_interrupt_is_not_swallowed() -> None:
    with pytest.raises(KeyboardInterrupt):
        answered(raising(KeyboardInterrupt()))


def test_retry_is_a_503_in_readable_words() -> None:
    words = "TestAgent asks to be called again: "
    assert answered(raising(Retry("the model is busy"))) == words + "the model is busy"
    assert answered(raising(Retry('{"result":{}}'))) == words + '{"result":{}}'
    assert answered(raising(Retry())) == words + "no reason given"
    assert answered(raising(Retry("x" * 20000))).endswith("x ... (cut)")
    assert answered(raising(KeyError("a")), on_error="retry") == words + "KeyError: 'a'"


def test_wrong_options_are_reported_at_once_whatever_on_error_says() -> None:
    called: List[Context] = []
    made = agent(
        "TestAgent",
        options=[Option("limit", int), Option("mode", choices=["a"])],
        on_error="retry",
    )(called.append)
    params = dict(PARAMS, options={"limit": "ten", "mode": "b"})
    answer = handle(made, {"method": "receive", "params": params})
    assert check_body(answer.body)["errors"] == [
        'option `limit` must be a whole number, got "ten"',
        'option `mode` must be one of "a", got "b"',
    ]
    assert not called


async def coroutine() -> None:
    pass


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (lambda: {"a": 1}, "receive returned a dict, which is not used: send messages with"),
        (lambda: [1], "receive returned a list"),
        (lambda: (x for x in ""), "receive must be a plain function, without yield or async"),
        (coroutine, "receive must be a plain function"),
    ],
)
def test_answers_by_return_value_are_not_lost_in_silence(
    returned: Callable[[], Any], words: str
) -> None:
    assert answered(lambda ctx: returned())["errors"][0].startswith(words)


SECRET = "p/w d'\"\u00e9+&\\"


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        "https://host/?key=%s&x=1" % quote(SECRET),
        "https://host/?key=%s&x=1" % quote(SECRET, safe=""),
        "https://host/?key=%s&x=1" % quote_plus(SECRET),
        "https://host/?key=%s&x=1" % quote_plus(SECRET).lower(),
        json.dumps({"key": SECRET}),
        json.dumps({"key": SECRET}, ensure_ascii=False),
        repr({"key": SECRET}),
        repr([SECRET + "'"]),
        "x" * 9995 + SECRET,
        SECRET[:3] + "\0" + SECRET[3:],
    ],
)
def test_credentials_are_taken_out_of_every_text(
    text: str, caplog: pytest.LogCaptureFixture
) -> None:
    credentials = [{"name": "n", "value": SECRET}, {"name": "n", "value": "another one"}]
    for function in (
        lambda ctx: ctx.log(text),
        lambda ctx: ctx.error(text),
        raising(ValueError(text)),
        raising(AgentError(text)),
        raising(Retry(text)),
    ):
        result = answered(function, credentials=credentials)
        told = "\n".join(strings(result)) + caplog.text
        for form in (text, SECRET, SECRET[3:], quote(SECRET), quote(SECRET[3:])):
            assert form not in told
    assert SECRET[3:] not in caplog.text


HOOK = (
    "https://bot:s3cr%C3%A9t@hooks.example.com:8443/services/T0/B1/topsecretvalue?key=v4lue-of-it#f"
)


def test_a_webhook_url_is_not_told_by_the_errors_of_a_library_that_leaves_out_its_host(
    caplog: pytest.LogCaptureFixture,
) -> None:
    url = "http://127.0.0.1:9/services/T0/B1/topsecretvalue?key=v4lue-of-it"

    def post(ctx: Context) -> None:
        try:
            requests.post(url, json={}, timeout=5)
        except requests.RequestException as error:
            assert "/services/T0" in str(error)
            assert url not in str(error)
            ctx.log(error)
            ctx.emit({"error": str(error)})
            ctx.memory["error"] = str(error)
            raise

    for on_error in ("report", "retry"):
        result = answered(post, on_error, credentials=[{"name": "n", "value": url}])
        told = "".join(strings(result)) + caplog.text
        assert "127.0.0.1" in told
        for part in ("topsecretvalue", "services/T0", "v4lue", "B1"):
            assert part not in told


@pytest.mark.parametrize(
    "text",
    [
        HOOK,
        "https://hooks.example.com:8443/services/T0/B1/topsecretvalue?key=v4lue-of-it",
        "HOOKS.example.com/services/T0/B1/topsecretvalue",
        "with url: /services/T0/B1/topsecretvalue?key=v4lue-of-it (Caused by ...)",
        "/services/T0/B1/topsecretvalue?key=v4lue-of-it&more=1",
        "/services/T0/B1/topsecretvalue/send",
        "bot:s3cr%C3%A9t@proxy",
        "bot:s3cr\u00e9t",
        "password s3cr\u00e9t is wrong",
        "no such key: v4lue-of-it",
        json.dumps("s3cr\u00e9t"),
        repr("/services/T0/B1/topsecretvalue"),
        quote("/services/T0/B1/topsecretvalue", safe=""),
        "Authorization: Basic %s" % b64encode("bot:s3cr\u00e9t".encode()).decode(),
        "{'Authorization': 'Basic %s'}" % b64encode("bot:s3cr\u00e9t".encode("latin-1")).decode(),
        "basic " + b64encode(b"bot:s3cr%C3%A9t").decode().rstrip("="),
        "the header was %s" % b64encode("bot:s3cr\u00e9t".encode()).decode(),
    ],
)
def test_no_part_of_a_url_that_is_a_credential_is_told(text: str) -> None:
    def tell(ctx: Context) -> None:
        ctx.log(text)
        ctx.emit({"text": [text]})
        ctx.memory["text"] = text

    told = strings(answered(tell, credentials=[{"name": "n", "value": HOOK}]))
    for secret in ("s3cr", "topsecret", "services", "v4lue", "Ym90O"):
        assert not [each for each in told if secret in each]


def test_what_is_not_secret_in_a_url_stays() -> None:
    redact = Redaction([HOOK, "https://example.com/api/v1?format=json", "https://h/", "a://[::1"])
    for text in (
        "https://hooks.example.com:8443",
        "bot, json, T0, format, key=, https, services",
        "https://example.org/api/v1/users",
        "a basic introduction to authentication",
        "Basic bm9ib2R5Om5vIG9uZQ==",
    ):
        assert redact(text) == text
    assert redact("/api/v1?format=json") == "/api/v1?***"


def test_a_token_in_the_user_info_of_a_url_is_not_told() -> None:
    for login in ("a-long-token", "a-long-token:", "a-long-token:x-oauth-basic"):
        redact = Redaction(["https://%s@example.com/" % login])
        assert redact("token a-long-token refused") == "token *** refused"


@pytest.mark.parametrize("user", ["", "me", "someb\u00f6dy@example.com"])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_login_is_not_told_in_base64_whoever_the_user_is(user: str, encoding: str) -> None:
    login = b64encode(("%s:%s" % (user, SECRET)).encode(encoding)).decode()
    redact = Redaction(["unrelated", SECRET])
    for code in (login, login.rstrip("="), quote(login, safe=""), login.replace("/", "\\/")):
        for form in ("Basic %s", "basic  %s", '{"Authorization":"Basic %s"}', "?a=Basic%%20%s&b"):
            told = redact(form % code)
            assert login[:12] not in told
            assert "***" in told
    assert redact("Basic \u00e9 %C3%A9 Basic %C3%A9%C3 Basic a Basic aa%20=b") == (
        "Basic \u00e9 %C3%A9 Basic %C3%A9%C3 Basic a Basic aa%20=b"
    )


def test_a_login_kept_as_one_credential_is_not_told_in_base64() -> None:
    def tell(ctx: Context) -> None:
        ctx.emit({"header": b64encode(b"somebody:password").decode()})

    result = answered(tell, credentials=[{"name": "n", "value": "somebody:password"}])
    assert "c29tZW" not in str(result)


def test_short_values_stay_and_longer_ones_go_first() -> None:
    redact = Redaction(["abc", "secret", "secret-and-more", "", "\u00e9\u00e9\u00e9\u00e9"])
    assert redact("abc secret-and-more secret") == "abc *** ***"
    assert redact("\u00e9\u00e9\u00e9\u00e9 %C3%A9%C3%A9%C3%A9%C3%A9") == "*** ***"
    key = "-----BEGIN KEY-----\nabcdefghijklmnop\nend\n"
    assert Redaction([key])("line abcdefghijklmnop of it") == "line *** of it"


@pytest.mark.parametrize(
    ("secret", "value", "sent"),
    [
        ("admin@example.com", "to admin@example.com", "to ***"),
        ("admin@example.com", {"admin@example.com": ["admin@example.com"]}, {"***": ["***"]}),
        (SECRET, "https://host/?key=%s" % quote(SECRET, safe=""), "https://host/?key=***"),
        (SECRET, json.dumps({"key": SECRET}), '{"key": "***"}'),
        ("\u00e9\u00e9\u00e9\u00e9", ["\u00e9\u00e9\u00e9\u00e9!"], ["***!"]),
        ("12345", [12345, 123456, True, "a 12345", None], ["***", 123456, True, "a ***", None]),
        ("12345.5", 12345.5, "***"),
        ("a key of\nmore lines than one\n", "more lines than one", "***"),
    ],
)
def test_credentials_are_taken_out_of_messages_and_memory(
    secret: str, value: Any, sent: Any
) -> None:
    def forward(ctx: Context) -> None:
        ctx.log("begun")
        ctx.emit({"fine": 1})
        ctx.emit({"value": value})
        ctx.memory["value"] = value

    result = answered(forward, credentials=[{"name": "n", "value": secret}])
    assert result["messages"] == [{"fine": 1}, {"value": sent}]
    assert result["memory"] == {"key": "value", "value": sent}
    assert result["logs"][0] == "begun"
    assert "were replaced by ***" in result["logs"][1]
    assert "sends_credentials" in result["logs"][1]


def test_credential_may_be_sent_by_an_agent_that_says_so() -> None:
    def forward(ctx: Context) -> None:
        ctx.emit({"token": ctx.credential("email_credential")})
        ctx.log(ctx.credential("email_credential"))

    call = {"method": "receive", "params": PARAMS}
    made = agent("ForwardAgent", sends_credentials=True)(forward)
    assert check_body(handle(made, call).body) == {
        "logs": ["***"],
        "messages": [{"token": "admin@example.com"}],
    }

    class TokenAgent(Agent):
        sends_credentials = True
        receive = staticmethod(forward)  # type: ignore[assignment]

    assert b"admin@" in handle(TokenAgent(), call).body
    assert b"admin@" not in handle(TokenAgent(sends_credentials=False), call).body
    with pytest.raises(ValueError, match="sends_credentials must be True or False"):
        TokenAgent(sends_credentials="yes")  # type: ignore[arg-type]


def test_what_is_only_like_a_credential_is_sent_unchanged() -> None:
    def similar(ctx: Context) -> None:
        ctx.emit({"value": "admin of example.com"})

    assert answered(similar) == {"messages": [{"value": "admin of example.com"}]}


def test_short_values_in_messages_stay() -> None:
    result = answered(
        lambda ctx: ctx.emit({"a": "abc"}), credentials=[{"name": "n", "value": "abc"}]
    )
    assert result == {"messages": [{"a": "abc"}]}


def test_traceback_goes_to_the_hosts_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "remoteagent_lite.activeworkflow"):
        answered(raising(ValueError("with admin@example.com in it")))
    (record,) = caplog.records
    assert "TestAgent.receive failed (message 3)" in record.getMessage()
    assert "ValueError: with *** in it" in record.getMessage()
    assert record.exc_info is None


# Whatever a handler does. Letters of secrets are those that no text of the host's is made of.

LETTERS = "QZXJqzxj0\"'\\/% &+\u00e9\n\t\u2603\U0001f600"
secrets = st.lists(
    st.text(LETTERS, min_size=5, max_size=12).filter(
        lambda s: sum(c in LETTERS[:8] for c in s) > 3
    ),
    min_size=1,
    max_size=2,
)
texts = st.text(
    st.one_of(st.characters(), st.sampled_from("\0\ud800\udfff \u2028\ufeff")), max_size=20
)
odd = st.sampled_from(
    [None, True, 0, -1, 10**400, 1.5, float("nan"), float("inf"), b"x", {1}, Unprintable(), CIRCLE]
    + [Colour.RED, datetime(2020, 1, 1), Decimal(1), nested(79), nested(90), "x" * 10001, "", " "]
)
values = st.recursive(
    st.one_of(texts, odd, st.integers(), st.floats()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(texts, odd.filter(lambda v: v is None or v == 0)), inner),
        st.tuples(inner),
    ),
    max_leaves=4,
)
FORMS: List[Callable[[str], Any]] = [
    str,
    repr,
    json.dumps,
    quote,
    quote_plus,
    lambda s: "x" * 9996 + s,
    lambda s: "%s%s" % (s, s),
    lambda s: "\0".join(s),
    KeyError,
    lambda s: ConnectionError("https://u:%s@host/" % quote(s, safe="")),
]
VERBS = ["log", "error", "emit", "memory", "item", "raise", "retry", "return", "exit"]
steps = st.lists(st.tuples(st.sampled_from(VERBS), values), min_size=2, max_size=4)


def play(script: List[Any]) -> Callable[[Context], Any]:
    def handler(ctx: Context) -> Any:
        for what, value in script:
            if what == "log":
                ctx.log(value)
            elif what == "error":
                ctx.error(value)
            elif what == "emit":
                ctx.emit(value)
            elif what == "memory":
                ctx.memory = value
            elif what == "item":
                ctx.memory["item"] = value
            elif what == "raise":
                raise value if isinstance(value, BaseException) else ValueError(value)
            elif what == "retry":
                raise Retry(value)
            elif what == "exit":
                raise SystemExit(value)
            else:
                return value
        return None

    return handler


@settings(
    max_examples=150,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(
    scripts=st.lists(steps, min_size=3, max_size=3),
    single=st.lists(values, min_size=3, max_size=3),
    secrets=secrets,
    on_error=st.sampled_from(["report", "retry"]),
)
def test_no_handler_can_make_an_answer_that_fails(
    scripts: List[Any], single: List[Any], secrets: List[str], on_error: str
) -> None:
    """At least 50 handlers in each of 150 examples."""
    scripts = scripts + [[(verb, value)] for verb in VERBS for value in single]
    for form in FORMS:
        for secret in secrets:
            made = form(secret)
            scripts += [[(verb, made)] for verb in ("log", "error", "raise", "retry")]
            if isinstance(made, str):
                scripts += [[("emit", {"a": [made]})], [("emit", {made: 1})], [("item", made)]]
    credentials = [{"name": "n%d" % i, "value": s} for i, s in enumerate(secrets)]
    unwanted = {form(s) for s in secrets for form in (str, quote, lambda s: json.dumps(s)[1:-1])}
    with host_log() as records:
        for script in scripts:
            result = answered(play(script), on_error, credentials=credentials)
            told = "\n\n".join(strings(result) + records)
            assert not [text for text in unwanted if text in told]
            records.clear()


@contextlib.contextmanager
def host_log() -> Iterator[List[str]]:
    """The host's log, and nothing of it on the screen."""
    logger = logging.getLogger("remoteagent_lite.activeworkflow")
    records: List[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: records.append(record.getMessage())  # type: ignore[method-assign]
    logger.addHandler(handler)
    propagate, logger.propagate = logger.propagate, False
    try:
        yield records
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
