"""protocols/jsontext.py: JSON from outside is decoded once, in one place, and bounded in depth."""

import copy
import json
import pickle
import subprocess
import sys
from typing import Any, Callable

import pytest
from hypothesis import given, strategies as st

from remoteagent_lite import AgentOSClient, ProtocolError, RemoteAgent, RunOutput, ServerError
from remoteagent_lite.models import TeamRunOutput
from remoteagent_lite.protocols import jsontext
from remoteagent_lite.protocols.jsontext import (
    MAX_DEPTH,
    SHORT,
    TooDeepError,
    is_too_deep,
    read_json,
)
from tests.peers.faults import RawServer, reply


def depth_of(value: Any) -> int:
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth_of, value), default=0) if isinstance(value, list) else 0


def lists(depth: int) -> str:
    return "[" * depth + '"%s"' % ("x" * 200) + "]" * depth


def objects(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


def short(depth: int) -> str:
    """As deep as a text can be that is so short that nobody looks."""
    return "[" * (SHORT // 2) + "]" * (SHORT // 2)


def teams(depth: int) -> str:
    """Outputs within outputs: two levels each."""
    return '{"member_responses":[' * (depth // 2) + "{}" * (depth % 2) + "]}" * (depth // 2)


def called_from(frames: int, function: Callable[[], Any]) -> Any:
    return function() if frames == 0 else called_from(frames - 1, function)


@pytest.mark.parametrize("make", [lists, objects, teams])
@pytest.mark.parametrize("encode", [str, str.encode, lambda text: text.encode("utf-16-le")])
def test_values_up_to_the_depth_are_read_and_deeper_ones_refused(make: Any, encode: Any) -> None:
    assert read_json(encode(make(MAX_DEPTH))) == json.loads(make(MAX_DEPTH))
    for depth in (MAX_DEPTH + 1, 900, 100_000):
        with pytest.raises(TooDeepError, match="nested more than 200 levels deep"):
            read_json(encode(make(depth)))


@pytest.mark.parametrize("make", [lists, objects, teams, short])
def test_what_was_read_can_be_compared_copied_pickled_and_shown(make: Any) -> None:
    """From 250 calls deep, which is more than web frameworks need."""

    def use() -> None:
        data = {"content": read_json(make(MAX_DEPTH - 1))}
        outputs = [RunOutput.from_dict(data)]
        if make is teams:
            outputs = [TeamRunOutput.from_dict(data["content"])]
            output: Any = outputs[0]
            while isinstance(output, TeamRunOutput) and output.member_responses:  # to its bottom
                (output,) = output.member_responses
        for output in outputs:
            assert output.to_dict() == json.loads(json.dumps(output.to_dict()))
            assert output == copy.deepcopy(output) == pickle.loads(pickle.dumps(output))
            assert len(repr(output)) < 500

    called_from(250, use)


@given(
    st.recursive(
        st.one_of(st.integers(), st.text('[]{}"\\a')),
        lambda inner: st.one_of(
            st.lists(inner, max_size=4), st.dictionaries(st.text("[{a"), inner, max_size=4)
        ),
        max_leaves=30,
    ),
    st.integers(195, 205),
)
def test_the_depth_is_that_of_the_value(value: Any, wrapped: int) -> None:
    for number in range(wrapped):
        value = [value] if number % 2 else {"k": value}
    text = json.dumps(value)
    too_deep = depth_of(value) > MAX_DEPTH and len(text) > SHORT
    assert is_too_deep(value, text) == too_deep
    assert is_too_deep(value, "[[" + text + "]]", 2, 2 + len(text)) == too_deep


def test_an_answer_nested_too_deep_is_a_protocol_error() -> None:
    deep = '{"run_id":"r","content":%s}' % lists(900)
    with RawServer(reply(deep), reply(deep)) as server:
        with RemoteAgent(server.url, "a") as agent, AgentOSClient(server.url) as client:
            for ask in (lambda: agent.run("x"), client.get_config):
                with pytest.raises(ProtocolError, match="nested more than 200 levels deep"):
                    ask()


def test_an_error_with_a_detail_nested_too_deep_is_that_error_and_can_be_copied() -> None:
    detail = '{"detail":%s}' % lists(900)
    with RawServer(reply(detail, 500)) as server, RemoteAgent(server.url, "a") as agent:
        with pytest.raises(ServerError) as caught:
            agent.run("x")
    assert copy.deepcopy(caught.value).detail == caught.value.detail
    assert isinstance(caught.value.detail, str)


@pytest.mark.parametrize("depth", [990, 5000, 100000])
@pytest.mark.parametrize("way", ["text", "bytes", "stream"])
def test_deep_json_ends_no_process_whatever_the_garbage_collector_calls(way, depth):
    script = """
import gc, sys
from remoteagent_lite.errors import ProtocolError
from remoteagent_lite.protocols.jsontext import read_json
from remoteagent_lite.protocols.sse import SSEDecoder
gc.callbacks.append(lambda phase, info: [len("x") for _ in range(3)])
gc.set_threshold(1, 1, 1)
way, depth = sys.argv[1], int(sys.argv[2])
text = "[" * depth + "]" * depth
refused = 0
for _ in range(30):
    try:
        if way == "stream":
            decoder = SSEDecoder(lambda name, data: data, "http://x")
            list(decoder.feed(("data: %s\\n\\n" % text).encode()))
        else:
            read_json(text if way == "text" else text.encode())
    except (ValueError, ProtocolError):
        refused += 1
print(refused)
"""
    command = [sys.executable, "-c", script, way, str(depth)]
    assert subprocess.check_output(command).decode().split() == ["30"]


def test_looking_first_finds_what_is_deep_and_nothing_else(monkeypatch):
    monkeypatch.setattr(jsontext, "IS_FRAGILE", True)
    strings = json.dumps({"text": "[" * 999 + '"\\' + "{" * 999, "list": [[]] * 999})
    wide = json.dumps([[{"a": [n]}] for n in range(999)])
    for text in (strings, wide, strings.encode(), "[" * 600):
        assert jsontext.is_fatal(text) is (text == "[" * 600)
    assert read_json(strings)["list"] == [[]] * 999
    with pytest.raises(jsontext.TooDeepError):
        read_json(b'{"a": ' + b"[" * 999)
