"""protocols/a2a/message.py: what a run's input and options become in a message."""

import base64
import json
from dataclasses import dataclass
from typing import Any, Dict, List
from uuid import UUID

import pytest
from hypothesis import given, strategies as st

from remoteagent_lite import Audio, File, Image, UnsupportedError, Video
from remoteagent_lite.models import Message as RunMessage
from remoteagent_lite.models.a2a_v10 import Message, Part
from remoteagent_lite.protocols.a2a.content import ToolCall
from remoteagent_lite.protocols.a2a.message import OPTIONS, message_of


@dataclass
class Order:
    amount: int


class Pydantic:
    def model_dump(self, mode: str = "python") -> Dict[str, Any]:
        return {"mode": mode}


def test_text_becomes_one_part_of_a_user_message_with_an_id_of_its_own() -> None:
    message = message_of("hi", {})
    assert str(UUID(message.pop("messageId")))
    assert message == {"role": "ROLE_USER", "parts": [{"text": "hi"}]}
    assert message_of("hi", {})["messageId"] != message_of("hi", {})["messageId"]


@pytest.mark.parametrize(
    "input, parts",
    [
        ({"a": 1}, [{"data": {"a": 1}}]),
        ([1, "two"], [{"data": [1, "two"]}]),
        ((1, 2), [{"data": [1, 2]}]),
        ([], [{"data": []}]),
        (Order(5), [{"data": {"amount": 5}}]),
        ({"order": Order(5)}, [{"data": {"order": {"amount": 5}}}]),
        (Pydantic(), [{"data": {"mode": "json"}}]),
        (7, [{"data": 7}]),
        (Part(text="a"), [{"text": "a"}]),
        ([Part(text="a"), Part(url="http://x/y")], [{"text": "a"}, {"url": "http://x/y"}]),
        (RunMessage(role="user", content="a"), [{"text": "a"}]),
        (
            [RunMessage(role="user", content="a"), RunMessage(role="assistant", content=[1])],
            [{"text": "a"}, {"data": [1]}],
        ),
        ({"parts": ["of", "a", "car"]}, [{"data": {"parts": ["of", "a", "car"]}}]),
    ],
)
def test_kinds_of_input(input: Any, parts: List[Any]) -> None:
    assert message_of(input, {})["parts"] == parts


CALLS = [ToolCall(False, "1", "approve", {}), ToolCall(False, "2", "pay", {})]


def response(id: str, name: str, value: Any) -> Dict[str, Any]:
    data = {"id": id, "name": name, "response": value}
    return {"data": data, "metadata": {"adk_type": "function_response"}}


@pytest.mark.parametrize(
    "input, value",
    [
        ("yes", {"result": "yes"}),
        (["a"], {"result": ["a"]}),
        ({"ok": True}, {"ok": True}),
        (Order(5), {"amount": 5}),
        ("", {"result": ""}),
    ],
)
def test_an_answer_becomes_the_response_of_the_tool_that_waits(input: Any, value: Any) -> None:
    message = message_of(input, {}, task_id="t", awaited=CALLS[:1])
    assert message["parts"] == [response("1", "approve", value)]
    assert message["taskId"] == "t"


def test_each_of_several_tools_gets_its_own_response() -> None:
    message = message_of({"2": "b", "1": {"a": 1}}, {}, awaited=CALLS)
    assert message["parts"] == [
        response("1", "approve", {"a": 1}),
        response("2", "pay", {"result": "b"}),
    ]
    for incomplete in ("yes", {"1": "a"}, ["a", "b"]):
        with pytest.raises(ValueError, match=r"1 \(approve\), 2 \(pay\)"):
            message_of(incomplete, {}, awaited=CALLS)


def test_parts_and_messages_answer_tools_as_they_are() -> None:
    for input in (
        Part(text="a"),
        [Part(text="a")],
        {"role": "ROLE_USER", "parts": [{"text": "a"}]},
    ):
        assert message_of(input, {}, awaited=CALLS)["parts"] == [{"text": "a"}]


@pytest.mark.parametrize("input", [b"bytes", {"a": b"b"}, object()])
def test_what_is_no_json_is_refused(input: Any) -> None:
    with pytest.raises(TypeError, match="input"):
        message_of(input, {})


@pytest.mark.parametrize("input", ["", None, {"role": "ROLE_USER", "parts": []}])
def test_nothing_to_send_is_refused(input: Any) -> None:
    with pytest.raises(ValueError, match="empty"):
        message_of(input, {})


def test_media_may_stand_alone() -> None:
    message = message_of("", {"images": [Image(url="http://x/cat.png")]})
    assert message["parts"] == [{"url": "http://x/cat.png", "mediaType": "image/png"}]


@pytest.mark.parametrize("as_model", [True, False])
def test_a_whole_message_is_sent_as_given_with_its_ids_filled_in(as_model: bool) -> None:
    wire = {"role": "ROLE_USER", "parts": [{"text": "a"}], "contextId": "mine", "extensions": ["e"]}
    given = Message.from_dict(wire) if as_model else wire
    message = message_of(given, {"user_id": "u"}, context_id="c", task_id="t")
    assert message.pop("messageId")
    assert message == {**wire, "taskId": "t", "metadata": {"userId": "u"}}
    assert "messageId" not in wire


def test_a_given_message_is_not_changed_by_what_is_added() -> None:
    wire: Dict[str, Any] = {"messageId": "m", "parts": [{"text": "a"}]}
    message = message_of(wire, {"files": [File(url="http://x/a.pdf")]})
    assert (message["messageId"], message["role"], len(message["parts"])) == ("m", "ROLE_USER", 2)
    assert wire == {"messageId": "m", "parts": [{"text": "a"}]}


def test_parts_that_are_no_list_are_refused() -> None:
    with pytest.raises(TypeError, match="list"):
        message_of({"messageId": "m", "parts": "text"}, {})


@pytest.mark.parametrize(
    "option, item, part",
    [
        ("images", Image(content=b"\xfb\xff"), {"raw": "+/8="}),
        (
            "images",
            Image(content=b"a", mime_type="image/x", filename="a.png", detail="low"),
            {
                "raw": "YQ==",
                "mediaType": "image/x",
                "filename": "a.png",
                "metadata": {"detail": "low"},
            },
        ),
        ("images", Image(content=b"a", format="jpeg"), {"raw": "YQ==", "mediaType": "image/jpeg"}),
        ("images", Image(content=b"a", format="odd"), {"raw": "YQ==", "mediaType": "image/odd"}),
        (
            "images",
            Image(content=b"a", filename="b.webp"),
            {"raw": "YQ==", "mediaType": "image/webp", "filename": "b.webp"},
        ),
        (
            "images",
            Image(url="http://x/c.png?size=1.5"),
            {"url": "http://x/c.png?size=1.5", "mediaType": "image/png"},
        ),
        ("images", Image(url="http://x/c"), {"url": "http://x/c"}),
        ("audio", Audio(content=b"a", format="mp3"), {"raw": "YQ==", "mediaType": "audio/mpeg"}),
        ("audio", Audio(content=b"a", format="mp4"), {"raw": "YQ==", "mediaType": "audio/mp4"}),
        (
            "videos",
            Video(url="http://x/v.mp4"),
            {"url": "http://x/v.mp4", "mediaType": "video/mp4"},
        ),
        ("files", File(content=b"a"), {"raw": "YQ==", "mediaType": "application/octet-stream"}),
        ("files", File(content=b"", format="pdf"), {"raw": "", "mediaType": "application/pdf"}),
        ("files", File(content=b"a", format="csv"), {"raw": "YQ==", "mediaType": "text/csv"}),
        ("files", File(url="http://[x"), {"url": "http://[x"}),
    ],
)
def test_media(option: str, item: Any, part: Dict[str, Any]) -> None:
    message = message_of("look", {option: [item]})
    assert message["parts"] == [{"text": "look"}, part]


def test_media_of_another_kind_is_refused() -> None:
    with pytest.raises(TypeError, match="images must hold Image objects, not File"):
        message_of("look", {"images": [File(url="http://x/y")]})


def test_user_and_metadata_travel_in_the_message() -> None:
    message = message_of("hi", {"user_id": "u", "metadata": {"k": [1]}, "session_id": "s"})
    assert message["metadata"] == {"k": [1], "userId": "u"}
    assert message["contextId"] == "s"


@pytest.mark.parametrize("options", [{"metadata": "text"}, {"user_id": 3}])
def test_options_of_a_wrong_type_are_refused(options: Dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        message_of("hi", options)


@pytest.mark.parametrize(
    "name, value",
    [
        ("session_state", {}),
        ("dependencies", {"a": 1}),
        ("knowledge_filters", {"a": 1}),
        ("output_schema", {"type": "object"}),
        ("use_json_schema", True),
        ("version", 2),
        ("factory_input", {"a": 1}),
        ("monitor", False),
        ("additional_data", {"a": 1}),
        ("retries", 0),
        ("add_history_to_context", False),
        ("add_dependencies_to_context", True),
        ("add_session_state_to_context", True),
        ("run_id", "r"),
        ("stream_events", False),
        ("extra_fields", {"a": 1}),
        ("misspelt", 1),
    ],
)
def test_what_a2a_cannot_carry_is_refused_by_name(name: str, value: Any) -> None:
    assert name not in OPTIONS
    with pytest.raises(UnsupportedError, match="cannot carry %s. [A-Z].*[a-z=]\\.$" % name):
        message_of("hi", {name: value})


def test_options_that_are_none_count_as_not_given() -> None:
    options: Dict[str, Any] = dict.fromkeys([*OPTIONS, "dependencies", "retries", "run_id"])
    message = message_of("hi", {**options, "stream_events": True})
    assert set(message) == {"messageId", "role", "parts"}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(values, st.lists(st.binary(max_size=20), max_size=3))
def test_every_message_is_json_and_loses_no_byte(value: Any, contents: List[bytes]) -> None:
    images = [Image(content=content) for content in contents]
    try:
        message = message_of({"value": value}, {"images": images})
    except ValueError:  # pragma: no cover
        pytest.fail("a data part is content")
    assert json.loads(json.dumps(message)) == message
    assert message["parts"][0] == {"data": {"value": value}}
    assert [base64.b64decode(part["raw"]) for part in message["parts"][1:]] == contents
