"""docs/activeworkflow.md is complete, and the agents in it do what it says."""

import inspect
import json
import re
from typing import Any, Set

import pytest

from remoteagent_lite.activeworkflow import AgentApp, Context, Option, agent, simulate
from remoteagent_lite.activeworkflow.templates import _FILTERS
from tests import ROOT
from tests.activeworkflow_answers import post
from tests.activeworkflow_document import shown
from tests.peers import faults
from tests.peers.faults import RawServer

TEXT = (ROOT / "docs" / "activeworkflow.md").read_text("utf-8")
RSS = """<?xml version="1.0"?>
<rss version="2.0"><channel><title>News</title>
<item><title> One &amp; only </title><link>https://n/1</link><guid>1</guid></item>
<item><title>{{ link }}</title><link>https://n/2</link></item>
%s</channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><title>News</title>
<entry><title>Atomic</title><link href="https://n/a"/><link href="https://n/b"/><id>urn:a</id></entry>
</feed>"""


def table(first_header: str) -> Set[str]:
    """The names in the first column of a table."""
    rows = TEXT[TEXT.index("\n| %s |" % first_header) :].split("\n\n")[0].splitlines()[3:]
    cells = " ".join(row.split(" | ")[0] for row in rows)
    return set(re.findall(r"`\*?([a-z_]+)", cells))


def parameters(function: Any) -> Set[str]:
    return {name for name in inspect.signature(function).parameters if name != "self"}


def test_every_name_of_a_context_is_in_its_table_and_no_other() -> None:
    names = {name for name in (*dir(Context), *Context.__slots__) if not name.startswith("_")}
    # What the host asks it is no handler's business.
    assert table("`ctx.`") == names - {"changed_memory"}


def test_every_parameter_is_in_its_table_and_no_other() -> None:
    assert table("`Option(...)`") == parameters(Option.__init__)
    assert table("`AgentApp(...)`") == parameters(AgentApp.__init__)
    assert table("Setting") == parameters(agent) - {"on"}


def test_every_filter_that_is_always_there_is_named() -> None:
    sentence = re.search(r"The filters (.*?) are always there", TEXT, re.S)
    assert sentence is not None
    assert set(re.findall(r"`(\w+)", sentence.group(1))) == set(_FILTERS)


# --- The small ones


def test_the_first_agent_shouts() -> None:
    names = shown("ShoutAgent")
    job = simulate(names["app"]).receive({"text": "hello"})
    assert job.messages == [{"text": "HELLO"}]


def test_the_class_counts_what_it_remembers() -> None:
    simulation = simulate(shown("CountAgent")["app"])
    simulation.check()
    assert simulation.check().messages == [{"count": 2}]
    assert simulation.receive({}).logs == ["Message 1 is not used."]


def test_options_are_filled_and_all_that_is_wrong_is_told_at_once() -> None:
    names = shown("OptionsAgent")
    simulation = simulate(names["app"], credentials={"c": "secret"})
    assert simulation.options["to"] == "ann@example.com"
    simulation.options = {"to": "a", "limit": "7", "password": "c", "more": 1}
    assert simulation.receive({}).messages == [
        {
            "options": {
                "subject": "{{ title }}",
                "to": "a",
                "limit": 7,
                "format": "text",
                "fields": ["title", "url"],
                "password": "c",
                "more": 1,
            }
        }
    ]
    simulation.options = {"limit": 500, "format": "pdf"}
    assert len(simulation.receive({}).errors) == 3


def test_the_credential_is_used_and_told_to_nobody_else(raw_server: RawServer) -> None:
    names = shown("BalanceAgent", {"https://bank.example": raw_server.url})
    raw_server.then(faults.reply('{"balance": 5}'), faults.reply("no", 401))
    simulation = simulate(names["app"], credentials={"bank_key": "a-secret-key"})
    assert simulation.check().messages == [{"balance": 5}]
    assert raw_server.requests[0].headers["authorization"] == "Bearer a-secret-key"
    assert "401 Client Error" in simulation.check().errors[0]
    simulation.options = {"api_key": "other"}
    assert "there is no credential" in simulation.check().errors[0]


def test_the_check_remembers(raw_server: RawServer) -> None:
    raw_server.then(faults.reply("a"), faults.reply("b"), faults.reply("c", 404))
    simulation = simulate(shown("StatusAgent")["app"], options={"url": raw_server.url})
    for _ in range(3):
        simulation.check()
    assert [(m["before"], m["code"]) for m in simulation.messages] == [(None, 200), (200, 404)]


# --- The three


def test_a_feed_becomes_a_digest_of_what_is_new(raw_server: RawServer) -> None:
    third = "<item><title>Three</title><link>https://n/3</link></item>"
    raw_server.then(
        faults.reply(RSS % ""), faults.reply(RSS % ""), faults.reply(RSS % third),
        faults.reply(ATOM), faults.reply("", 500), faults.reply("no feed"),
    )  # fmt: skip
    simulation = simulate(shown("FeedDigestAgent")["app"])
    simulation.options["url"] = raw_server.url
    first = simulation.check().messages
    assert [message["title"] for message in first] == ["2 new entries"]
    assert first[0]["text"] == "* One & only https://n/1\n* {{ link }} https://n/2"
    assert first[0]["entries"][1] == {
        "id": "https://n/2",
        "title": "{{ link }}",
        "link": "https://n/2",
    }
    assert simulation.check().messages == []
    assert [message["text"] for message in simulation.check().messages] == ["* Three https://n/3"]
    assert [message["text"] for message in simulation.check().messages] == ["* Atomic https://n/a"]
    assert "500 Server Error" in simulation.check().errors[0]
    assert "ParseError" in simulation.check().errors[0]
    assert simulation.memory == {"seen": ["urn:a", "https://n/3", "1", "https://n/2"]}


def test_a_digest_whose_answer_was_lost_is_made_again(raw_server: RawServer) -> None:
    raw_server.then(faults.reply(RSS % ""))
    simulation = simulate(shown("FeedDigestAgent")["app"])
    simulation.options["url"] = raw_server.url
    job = simulation.queue_check(seconds=75)  # ActiveWorkflow hangs up each time
    simulation.run()
    assert job.messages == []
    assert [message["title"] for message in simulation.check().messages] == ["2 new entries"]


def test_a_digest_remembers_no_more_than_it_may(raw_server: RawServer) -> None:
    items = "".join("<item><title>t</title><guid>g%d</guid></item>" % n for n in range(1100))
    raw_server.then(faults.reply(RSS % items))
    simulation = simulate(shown("FeedDigestAgent")["app"])
    simulation.options = {"url": raw_server.url, "limit": 200}
    for _ in range(6):
        simulation.check()
    assert len(simulation.memory["seen"]) == 1000


def test_a_webhook_is_notified_once_and_its_url_told_to_nobody(raw_server: RawServer) -> None:
    raw_server.then(
        faults.reply("ok"), faults.reply("slow down", 429), faults.hang_up, faults.reply("ok"),
        faults.reply("gone", 410), faults.reply("ok"),
    )  # fmt: skip
    url = raw_server.url + "/services/T0/topsecret"
    simulation = simulate(shown("NotifyAgent")["app"], credentials={"team_webhook": url})
    assert simulation.receive({"title": "Hi {title}"}).logs == ["Posted: status 200."]
    request = raw_server.requests[0]
    assert (request.path, json.loads(request.body)) == (
        "/services/T0/topsecret",
        {"text": "Hi {title}"},
    )
    # Busy, then a lost connection, then it works.
    job = simulation.receive({"a": 1})
    assert (len(job.attempts), job.failure) == (3, None)
    assert json.loads(raw_server.requests[3].body) == {"text": '{"a": 1}'}
    job = simulation.receive({"title": "x"})
    assert len(job.attempts) == 1
    assert "410 Client Error" in job.errors[0]
    simulation.options["body"] = {"embeds": [{"title": "{{ title | upcase }}"}]}
    simulation.receive({"title": "x"})
    assert json.loads(raw_server.requests[-1].body) == {"embeds": [{"title": "X"}]}
    assert "topsecret" not in str(simulation.logs + simulation.errors + simulation.messages)
    assert "services" not in str(simulation.errors)


# --- Mounts


def test_the_flask_application_serves_the_agent() -> None:
    pytest.importorskip("flask")
    client = shown("site")["site"].test_client()
    answer = client.post("/agents/EchoAgent", json={"method": "register", "params": {}})
    assert answer.get_json()["result"]["name"] == "EchoAgent"


def test_the_agents_are_in_front_of_the_django_site(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("django")
    # The site itself is no business of this test: see the examples.
    monkeypatch.setattr("django.core.wsgi.get_wsgi_application", lambda: None)
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "mysite.settings")
    application = shown("get_wsgi_application")["application"]
    status, body = post(application, "/agents/EchoAgent", {"method": "register", "params": {}})
    assert (status, json.loads(body)["result"]["name"]) == (200, "EchoAgent")
