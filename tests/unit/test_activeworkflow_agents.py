"""Agents, options and the context: what is checked, and when."""

import subprocess
import sys
from datetime import datetime, timedelta, timezone
from typing import Any, Dict

import pytest

from remoteagent_lite.activeworkflow import (
    Agent,
    AgentError,
    Context,
    CredentialError,
    CredentialOption,
    FunctionAgent,
    Option,
    OptionsError,
    agent,
)
from remoteagent_lite.activeworkflow.definition import name_problem
from remoteagent_lite.activeworkflow.options import resolved


def context(**given: Any) -> Context:
    whole: Dict[str, Any] = {
        "method": "receive",
        "options": {},
        "memory": {},
        "credentials": {},
        "message": {},
    }
    return Context(**dict(whole, **given))


class MailAgent(Agent):
    """Reads mail.

        indented

    Ends.
    """

    options = (
        Option("folder", default="INBOX", help="where to | look"),
        Option("limit", int, 5, minimum=1, maximum=10),
        CredentialOption("password"),
        Option("mode", choices=("new", "all"), required=True, example="new"),
    )
    default_options = {"expected_receive_period_in_days": 1}

    def receive(self, ctx: Context) -> None:
        ctx.log("got one")


def test_definition_is_made_of_the_class() -> None:
    assert MailAgent.name == "MailAgent"
    assert MailAgent.display_name == "Mail Agent"
    assert MailAgent.default_options == {
        "folder": "INBOX",
        "limit": 5,
        "password": "",
        "mode": "new",
        "expected_receive_period_in_days": 1,
    }
    assert MailAgent.description == (
        "Reads mail.\n\n    indented\n\nEnds.\n\n### Options\n\n"
        "| Option | Value | Default | Meaning |\n|---|---|---|---|\n"
        '| `folder` | text | "INBOX" | where to &#124; look |\n'
        "| `limit` | a whole number from 1 to 10 | 5 |  |\n"
        "| `password` | the name of one of your credentials | required | name of a credential |\n"
        '| `mode` | one of "new", "all" | required |  |'
    )


@pytest.mark.parametrize(
    "name",
    [
        "myAgent", "2Agent", "", "My-Agent", "My.Agent", "My Agent", "Foo::Bar", "My_Agent",
        "\u00c4rgerAgent", "MyAgent\n", "X; exit; class Y", "Agent", "EmailAgent", "WebsiteAgent",
        "String", "JSON", None, 5,
    ],
)  # fmt: skip
def test_names_that_break_activeworkflow_are_refused_with_the_class(name: Any) -> None:
    assert name_problem(name)
    with pytest.raises(ValueError, match="agent"):
        type("Good", (Agent,), {"name": name, "description": "x"})


@pytest.mark.parametrize("name", ["GoodAgent", "A", "HTTP2Agent", "Strings"])
def test_good_names(name: str) -> None:
    assert name_problem(name) is None
    assert type("Other", (Agent,), {"name": name}).name == name  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "body",
    [
        {"description": 5},
        {"description": ["x"]},
        {"display_name": " "},
        {"display_name": 5},
        {"default_options": None},
        {"default_options": []},
        {"default_options": {"x": float("nan")}},
        {"default_options": {1: 2}},
        {"default_options": {"when": datetime(2020, 1, 1)}},
        {"on_error": "panic"},
        {"options": [{"a": 1}]},
        {"options": [Option("a"), Option("a")]},
        {"options": [Option("a")], "default_options": {"a": 1}},
    ],
)
def test_other_mistakes_are_refused_with_the_class(body: Dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="GoodAgent"):
        type("GoodAgent", (Agent,), body)


def test_description_is_never_blank() -> None:
    assert type("PlainAgent", (Agent,), {}).description == "Plain Agent"  # type: ignore[attr-defined]
    blank = type("BlankAgent", (Agent,), {"description": "  "})
    assert blank.description == "Blank Agent"  # type: ignore[attr-defined]


def test_subclass_has_a_name_of_its_own_and_shares_the_rest() -> None:
    class OtherMailAgent(MailAgent):
        default_options = {"x": 1}

    assert OtherMailAgent.name == "OtherMailAgent"
    assert OtherMailAgent.display_name == "Other Mail Agent"
    assert OtherMailAgent.default_options["x"] == 1
    assert OtherMailAgent.default_options["limit"] == 5
    assert OtherMailAgent.description.count("### Options") == 1


def test_base_class_with_an_underscore_is_not_checked() -> None:
    class _Base(Agent):
        name = "not a name"

    class BasedAgent(_Base):
        pass

    assert BasedAgent.name == "BasedAgent"


def test_instance_may_differ_from_its_class() -> None:
    made = MailAgent(name="OtherAgent", description="Other.", default_options={"y": 2})
    assert (made.name, made.display_name) == ("OtherAgent", "Other Agent")
    assert made.description.startswith("Other.\n\n### Options")
    assert made.default_options["y"] == 2
    assert MailAgent.name == "MailAgent"
    with pytest.raises(ValueError, match="bad name"):
        MailAgent(name="bad name")


def test_function_becomes_an_agent() -> None:
    @agent
    def read_mail(ctx: Context) -> None:
        """Reads."""
        ctx.log("received")

    @read_mail.on_check
    def poll(ctx: Context) -> None:
        ctx.log("checked")

    assert isinstance(read_mail, FunctionAgent)
    assert (read_mail.name, read_mail.description) == ("ReadMailAgent", "Reads.")
    ctx = context()
    read_mail.receive(ctx)
    read_mail.check(ctx)
    assert ctx._logs == ["received", "checked"]


def test_function_agent_with_everything() -> None:
    @agent("TickAgent", on="check", options=[Option("n", int, 1)], on_error="retry")
    def tick(ctx: Context) -> None:
        ctx.log("tick")

    assert tick.default_options == {"n": 1}
    assert tick.description.startswith("Tick Agent\n\n### Options")
    assert tick.on_error == "retry"
    ctx = context()
    tick.check(ctx)
    tick.receive(ctx)
    assert ctx._logs == [
        "tick",
        "Tick Agent does nothing with messages: it works on a schedule",
    ]
    with pytest.raises(ValueError, match="on must be"):
        agent("TickAgent", on="never")


@pytest.mark.parametrize(
    ("type", "given", "value"),
    [
        (int, "5", 5),
        (int, " -7 ", -7),
        (int, 5.0, 5),
        (float, "2.5", 2.5),
        (float, 2, 2.0),
        (bool, "true", True),
        (bool, "False", False),
        (bool, False, False),
        (str, 5, "5"),
        (str, True, "true"),
        (str, "", None),
        (list, [1], [1]),
        (dict, {"a": 1}, {"a": 1}),
        (int, "", None),
        (int, None, None),
        (bool, " ", None),
    ],
)
def test_options_are_coerced(type: Any, given: Any, value: Any) -> None:
    got = Option("x", type).value(given)
    assert got == value
    assert got is None or isinstance(got, type)


@pytest.mark.parametrize(
    ("option", "given", "words"),
    [
        (Option("limit", int), "ten", 'option `limit` must be a whole number, got "ten"'),
        (Option("limit", int), 1.5, "option `limit` must be a whole number, got 1.5"),
        (Option("limit", int), True, "option `limit` must be a whole number, got true"),
        (Option("limit", int), "9" * 400, "option `limit` must be a whole number, got"),
        (Option("limit", int), float("inf"), "option `limit` must be a whole number"),
        (Option("x", float), "nan", 'option `x` must be a number, got "nan"'),
        (Option("x", float), 10**400, "option `x` must be a number, got 1000"),
        (Option("x", bool), 1, "option `x` must be true or false, got 1"),
        (Option("x", list), "a", 'option `x` must be a list, got "a"'),
        (Option("x", dict), [], "option `x` must be an object, got []"),
        (Option("x"), {}, "option `x` must be text, got {}"),
        (Option("x", required=True), " ", "option `x` is not set: it must be text"),
        (Option("x", int, minimum=2), "1", 'option `x` must be 2 or more, got "1"'),
        (Option("x", int, maximum=2), 3, "option `x` must be 2 or less, got 3"),
        (Option("x", choices=["a"]), "b", 'option `x` must be one of "a", got "b"'),
    ],
)
def test_wrong_options_are_told_in_the_words_of_the_editor(
    option: Option, given: Any, words: str
) -> None:
    with pytest.raises(OptionsError) as caught:
        option.value(given)
    assert caught.value.problems[0].startswith(words)


def test_all_problems_are_told_together() -> None:
    with pytest.raises(OptionsError) as caught:
        resolved({"limit": "x", "mode": "y"}, MailAgent.options, {}, {})
    assert len(caught.value.problems) == 3
    with pytest.raises(OptionsError, match='there is no credential "nobody"'):
        resolved({"mode": "new", "password": "nobody"}, MailAgent.options, {}, {"me": "x"})


def test_missing_options_are_filled_with_copies_of_the_defaults() -> None:
    plain = {"list": [1]}
    declared = [Option("more", list, [2])]
    options = resolved({"own": 1}, declared, plain, {})
    assert options == {"own": 1, "list": [1], "more": [2]}
    options["list"].append(3)
    options["more"].append(3)
    assert resolved({}, declared, plain, {}) == {"list": [1], "more": [2]}


@pytest.mark.parametrize(
    "arguments",
    [
        {"name": ""},
        {"name": "messages_order"},
        {"name": "expected_update_period_in_days"},
        {"name": "x", "type": set},
        {"name": "x", "type": int, "default": "ten"},
        {"name": "x", "type": int, "default": 1, "minimum": 2},
        {"name": "x", "default": "a", "required": True},
    ],
)
def test_wrong_declarations_are_refused(arguments: Dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        Option(**arguments)


def test_credentials_are_found_through_options_only() -> None:
    ctx = context(
        options={"plain": "me", "liquid": "{% credential me %}", "blank": " ", "number": 5},
        credentials={"me": "secret"},
    )
    assert ctx.credential("plain") == ctx.credential("liquid") == "secret"
    for option, words in [
        ("me", "option `me` is not set"),
        ("blank", "option `blank` is not set"),
        ("number", "there is no credential 5"),
    ]:
        with pytest.raises(CredentialError, match=words):
            ctx.credential(option)


def test_times_and_number_of_the_message() -> None:
    ctx = context(
        message={
            "id": 7,
            "payload": {},
            "created_at": "2026-01-02T03:04:05.678-08:00",
            "updated_at": "2026-01-02T03:04:05Z",
            "expires_at": None,
        }
    )
    assert ctx.message_id == 7
    created = datetime(2026, 1, 2, 3, 4, 5, 678000, timezone(timedelta(hours=-8)))
    assert ctx.created_at == created
    assert ctx.updated_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    assert ctx.expires_at is None
    odd = context(message={"id": "7", "created_at": "soon", "updated_at": 5})
    assert (odd.message_id, odd.created_at, odd.updated_at) == (None, None, None)


def test_deadline_counts_down() -> None:
    now = [100.0]
    ctx = context(seconds=50.0, clock=lambda: now[0])
    assert (ctx.deadline, ctx.remaining) == (150.0, 50.0)
    now[0] = 160.0
    assert ctx.remaining == 0.0


def test_memory_counts_as_changed_only_if_its_json_is() -> None:
    given = {"list": [1], "flag": 1}
    ctx = context(memory=given)
    assert ctx.changed_memory() is None
    ctx.memory["list"].append(2)
    assert given == {"list": [1], "flag": 1}
    assert ctx.changed_memory() == {"list": [1, 2], "flag": 1}
    ctx.memory["list"].pop()
    assert ctx.changed_memory() is None
    ctx.memory["flag"] = True
    assert ctx.changed_memory() == {"list": [1], "flag": True}
    ctx.memory = {}
    assert ctx.changed_memory() == {}
    with pytest.raises(AgentError, match="memory must be an object"):
        ctx.memory = None  # type: ignore[assignment]


def test_emitted_message_is_a_copy() -> None:
    ctx = context()
    message = {"a": [1]}
    ctx.emit(message)
    message["a"].append(2)
    ctx.emit(message)
    assert ctx._messages == [{"a": [1]}, {"a": [1, 2]}]


def test_repr_shows_names_only() -> None:
    ctx = context(options={"o": "hidden"}, memory={"m": "hidden"}, credentials={"c": "hidden"})
    assert "hidden" not in repr(ctx)
    assert "'o'" in repr(ctx)


def test_import_is_cheap() -> None:
    code = (
        "import sys; before = set(sys.modules); import remoteagent_lite.activeworkflow as package\n"
        "print(sorted(m for m in set(sys.modules) - before if not m.startswith('remoteagent')))\n"
        "package.AgentApp; package.Agent; package.Option; package.agent\n"
        "loaded = {'requests', 'sqlite3', 'http.client', 'http.server', 'flask', 'asyncio'}\n"
        "print(sorted(loaded & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True).stdout
    assert out.decode().split("\n")[:2] == ["[]", "[]"]


def test_all_names_are_there() -> None:
    import remoteagent_lite.activeworkflow as package

    for name in package.__all__:
        assert getattr(package, name).__name__ == name
    with pytest.raises(AttributeError):
        package.nothing  # type: ignore[attr-defined]
    assert set(package.__all__) <= set(dir(package))
