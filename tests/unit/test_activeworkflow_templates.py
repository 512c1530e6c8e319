"""``ctx.fill``: texts with fields of a message in them."""

import contextlib
import json
import sys
import time
from typing import Any, Dict

import pytest
from hypothesis import given, settings, strategies

from remoteagent_lite.activeworkflow import AgentError, agent, simulate
from remoteagent_lite.activeworkflow.bridge import filled as bridge_filled
from remoteagent_lite.activeworkflow.context import Context
from remoteagent_lite.activeworkflow.templates import filled

FIELDS: Dict[str, Any] = {
    "title": "Tea",
    "blank": "",
    "none": None,
    "no": False,
    "zero": 0,
    "big": 2**64,
    "empty": [],
    "author": {"name": "Ann", "tags": ["a", {"x": "deep"}], "first name": "A."},
    "dotted.key": "dotted",
    "with-dash": "dash",
    "Ümlaut": "u",
    "2fa": "digits first",
    "spaced": "  x ",
}


def fill(template: Any, fields: Any = FIELDS) -> Any:
    return filled(template, fields, "The template")


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("", ""),
        ("nothing to do: } }} % '", "nothing to do: } }} % '"),
        ("{{title}}{{ title }}{title}{ title }", "TeaTeaTeaTea"),
        ("{{ author.name }} {author.tags.0} {{ author.tags.1.x }}", "Ann a deep"),
        ("{{ author['first name'] }} {{ author.tags[1]['x'] }}", "A. deep"),
        ('{{ payload["with-dash"] }}{{ payload.title }}', "dashTea"),
        ("{dotted.key} {{ dotted.key }} {with-dash} {{ Ümlaut }}", "dotted dotted dash u"),
        ("{{ 2fa }}", "digits first"),
        ("{none}{{ none }}|{no} {zero} {big} {empty}", "|false 0 %d []" % 2**64),
        ("{author.tags}", '["a", {"x": "deep"}]'),
        # Filters
        ("{{ title | upcase }} {{ title|downcase }} [{{ spaced | strip }}]", "TEA tea [x]"),
        ("{{ nobody | default: 'none' }} {{ blank | default: \"it's\" }}", "none it's"),
        ("{{ no | default: 1 }}{{ empty | default: 2 }}{{ none | default: 3.5 }}", "123.5"),
        ("{{ zero | default: 'x' }}", "0"),
        ("{{ author.nick.name | default: title | upcase }}", "TEA"),
        ("{{ nobody | upcase | default: 'none' }}", "none"),
        ("{{ nobody | default }}|{{ title | default: nil }}", "|Tea"),
        ("{{ title | truncate: 2 }} {{ 'abcdefgh' | truncate: 5 }}", "... ab..."),
        ("{{ 'abcdefgh' | truncate: 5, '' }} {{ title | truncate }}", "abcde Tea"),
        ("{{ author.tags | json }}", '["a", {"x": "deep"}]'),
        ("{{ title | json }} {{ none | json }}", '"Tea" null'),
        ("{{ 'a}}b' }} {{ true }} {{ -5 }}", "a}}b true -5"),
        # Braces that stay
        ('{"a": {"b": [1, {}]}} \\d{3} { }', '{"a": {"b": [1, {}]}} \\d{3} { }'),
        ('{"a":{"b":{title}}}', '{"a":{"b":Tea}}'),
        ("{{ '{' }}title} {{ '{{' }} title }}", "{title} {{ title }}"),
        ("{% raw %}{{ a }} {title} {% x %}{% endraw %}{title}", "{{ a }} {title} {% x %}Tea"),
        ("{%- raw -%}{{{%- endraw -%}", "{{"),
    ],
)  # fmt: skip
def test_fields_are_put_into_a_template(template: str, text: str) -> None:
    assert fill(template) == text


def test_whole_message_is_the_payload_unless_it_has_a_field_of_that_name() -> None:
    assert json.loads(fill("{payload}")) == FIELDS
    assert json.loads(fill("{{ payload | json }}")) == FIELDS
    assert fill("{payload}", {"payload": "own"}) == "own"


def test_what_a_message_holds_is_never_expanded() -> None:
    payload = {"a": "{{ secret }} {secret} {% raw %}", "secret": "no", "{a}": "key"}
    assert fill("{a}", payload) == payload["a"]
    assert fill("{{ a }}", payload) == payload["a"]
    assert fill("{{ x | default: a }}", payload) == payload["a"]
    assert fill("{{ '{a}' }}", payload) == "{a}"
    # Nor do two fields make an expression together.
    assert fill("{x}{x} y }}", {"x": "{", "y": "no"}) == "{{ y }}"


@pytest.mark.parametrize(
    "path",
    ["title.__class__", "title.upper", "author.__len__", "author.tags.-1", "author.tags.9",
     "author.tags.²", "author.tags.99999999999999999999", "title.0", "author.tags.x", "__class__"],
)  # fmt: skip
def test_only_fields_are_reached(path: str) -> None:
    with pytest.raises(AgentError, match="needs `%s`" % path):
        fill("{{ %s }}" % path)


def test_all_missing_fields_are_told_together() -> None:
    with pytest.raises(AgentError) as raised:
        fill("{a} {{ b.c }} {a} {{ title | default: d }}", {"title": None})
    assert (
        str(raised.value) == "The template needs `a` and `b.c` and `d`, and there is only `title`."
    )
    with pytest.raises(AgentError, match="and there are no fields"):
        fill("{a}", {})


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ title", "`{{ title` is not closed"),
        ("{{ it's }}", "is not closed"),
        ("{{ title }", "is not closed"),
        ("{{}}", "cannot be read"),
        ("{{ a b }}", "cannot be read"),
        ("{{ a | }}", "cannot be read"),
        ("{{ a | default: }}", "cannot be read"),
        ("{{ a | default 'x' }}", "cannot be read"),
        ("{{ | upcase }}", "cannot be read"),
        ("{{- title -}}", "cannot be read"),
        ("{{{ title }}}", "cannot be read"),
        ("{% if x %}", "tags are not understood"),
        ("{% credential token %}", "tags are not understood"),
        ("{% raw %} forever", "tags are not understood"),
    ],
)
def test_what_cannot_be_read_is_an_error_that_says_how_to_write_braces(
    template: str, words: str
) -> None:
    with pytest.raises(AgentError) as raised:
        fill(template)
    assert words in str(raised.value)
    assert "write {{ '{' }} or {% raw %}" in str(raised.value)


def test_filters_that_are_used_wrongly_say_so() -> None:
    for template, words in (
        ("{{ title | truncate: 'x' }}", "filter `truncate` needs a whole number"),
        ("{{ title | upcase: 1 }}", "filter `upcase` cannot be applied"),
        ("{{ title | default: 1, 2 }}", "filter `default` cannot be applied"),
    ):
        with pytest.raises(AgentError, match=words):
            fill(template)


def test_no_template_takes_long_to_read() -> None:
    # The longest text of each kind that a careless pattern goes over again and again.
    started = time.thread_time()
    for piece in (
        "{{",
        "{",
        "{{ a ",
        "{{'",
        "{{ a |",
        "{% raw %}",
        "{ ",
        "{{ a.",
        "{{ a['",
        "{{ 1",
    ):
        with contextlib.suppress(AgentError):
            fill(piece * 20000)
        with contextlib.suppress(AgentError):
            fill("{{ a" + piece[2:] * 20000 + " }}")
    assert time.thread_time() - started < 30


@given(strategies.text(alphabet="{}%'\" |:,.[]-ab0raw\n", max_size=40))
@settings(max_examples=500, deadline=None)
def test_any_text_is_filled_or_refused(template: str) -> None:
    fields = {"a": "{{ b }}", "b": ["{% raw %}"]}
    with contextlib.suppress(AgentError):
        assert isinstance(fill(template, fields), str)


# --- Filters of python-liquid


@pytest.fixture
def without_liquid(monkeypatch: pytest.MonkeyPatch) -> None:
    from remoteagent_lite.activeworkflow import templates

    templates._liquid.cache_clear()
    monkeypatch.setitem(sys.modules, "liquid", None)


def test_a_filter_that_is_not_there_says_how_to_get_it(without_liquid: None) -> None:
    with pytest.raises(AgentError) as raised:
        fill("{{ title | date: '%Y' }}")
    assert "pip install 'remoteagent-lite[liquid]'" in str(raised.value)
    assert "`default`, `downcase`, `json`, `strip`, `truncate`, `upcase`" in str(raised.value)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ at | date: '%d.%m.%Y' }}", "29.11.2026"),
        ("{{ mail | date: '%H:%M' }}", "10:00"),
        ("{{ second | date: '%Y' }}", "2023"),
        ("{{ nothing | date: '%Y' | default: 'never' }}", "never"),
        ("{{ list | sort | join: sign | upcase }}", "A-B"),
        ("{{ list | first | default: 'x' }}", "b"),
        ("{{ list | reverse | json }}", '["a", "b"]'),
        ("{{ 'a,b' | split: ',' | json }}", '["a", "b"]'),
        ("{{ braces | append: '}}' }}", "{{ list }}"),
        ("{{ html | escape }}", "&lt;b&gt;"),
    ],
)
def test_other_filters_are_those_of_python_liquid(template: str, text: str) -> None:
    pytest.importorskip("liquid", reason="python-liquid is not installed")
    fields = {
        "at": "2026-11-29T10:00:00.000Z",
        "mail": "Sun, 29 Nov 2026 10:00:00 GMT",
        "second": 1700000000,
        "nothing": None,
        "list": ["b", "a"],
        "sign": "-",
        "braces": "{{ list ",
        "html": "<b>",
    }
    assert fill(template, fields) == text


def test_a_filter_that_nobody_has_or_that_fails_is_an_error() -> None:
    pytest.importorskip("liquid", reason="python-liquid is not installed")
    for template in ("{{ 1 | nosuch }}", "{{ 1 | divided_by: 0 }}", "{{ 1 | date }}"):
        with pytest.raises(AgentError, match="cannot be applied"):
            fill(template)


# --- Who fills


def test_every_agent_fills_texts_and_what_holds_texts() -> None:
    @agent(name="FillAgent", on="both", default_options={"body": {"t": ["{{title | upcase}}", 1]}})
    def filling(ctx: Context) -> None:
        fields = None if ctx.method == "receive" else {"title": "{title}"}
        ctx.emit(ctx.fill(ctx.options["body"], fields))

    simulation = simulate(filling)
    assert simulation.receive({"title": "hi"}).messages == [{"t": ["HI", 1]}]
    assert simulation.check().messages == [{"t": ["{TITLE}", 1]}]
    (error,) = simulation.receive({"subject": "hi"}).errors
    assert error == (
        'The template {"t": ["{{title | upcase}}", 1]} needs `title`, and there is only `subject`.'
    )


def test_the_bridge_fills_its_prompts_in_the_same_way() -> None:
    payload = {"title": "hi"}
    assert bridge_filled("prompt", "{{ t | default: title | upcase }}", payload) == "HI"
    with pytest.raises(AgentError, match=r"^Option `prompt` needs `t`.* Nothing was run\.$"):
        bridge_filled("prompt", "{t}", payload)
