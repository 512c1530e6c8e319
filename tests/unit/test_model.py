"""The base class of the generated models, on its own and through some generated classes."""

from __future__ import annotations

import copy
import json
import pickle
import sys
import threading
from typing import Any, ClassVar, Dict, List, Optional, Union

import pytest

from remoteagent_lite.modelling.base import Model, Tagged, fields_of, nested, renamed
from remoteagent_lite.models import EVENT_CLASSES
from remoteagent_lite.models.a2a_v10 import Message, Part, Task
from remoteagent_lite.models.runs import (
    ModelMetrics,
    RunContentEvent,
    RunMetrics,
    RunOutput,
    StepOutput,
    TeamRunOutput,
    ToolExecution,
    WorkflowRunOutput,
)


class Cat(Model):
    kind: str = "cat"
    lives: Optional[int] = None
    _constants = ("kind",)


class Dog(Model):
    kind: str = "dog"
    bark_volume: Optional[int] = renamed("barkVolume", default=None)
    _constants = ("kind",)


class Circle(Model):
    radius: float
    colour: Optional[str] = None


class Square(Model):
    side: float
    colour: Optional[str] = None


class Zoo(Model):
    motto: ClassVar[str] = "not a field"

    name: str
    size: int = 3
    owner_name: Optional[str] = renamed("ownerName", default=None)
    mascot: Optional[Union[Cat, Dog]] = nested("Zoo.mascot", default=None)
    animals: Optional[List[Union[Cat, Dog]]] = nested(["Zoo.mascot"], default=None)
    by_name: Optional[Dict[str, Cat]] = nested({"*": "Cat"}, "byName", default=None)
    grid: Optional[List[List[Cat]]] = nested([["Cat"]], default=None)
    shape: Optional[Union[Circle, Square]] = nested(("Circle", "Square"), default=None)
    shapes: Optional[List[Any]] = nested([("Circle", ["Circle"])], default=None)
    branch: Optional[Zoo] = nested("Zoo", default=None)

    def describe(self) -> str:
        return "the zoo " + self.name


UNIONS = {"Zoo.mascot": Tagged("kind", {"cat": Cat, "dog": Dog})}


# The view


def test_a_view_holds_the_data_itself():
    data = {"name": "a", "unknown": [1], "size": None}
    zoo = Zoo._view(data)
    assert zoo.__dict__ is data
    assert (zoo.name, zoo.unknown, zoo.size) == ("a", [1], None)


def test_the_hot_path_needs_no_method():
    zoo = Zoo.__new__(Zoo)
    zoo.__dict__ = {"name": "a", "mascot": {"kind": "cat"}}
    assert isinstance(zoo.mascot, Cat)


def test_unknown_keys_nulls_and_absence_survive():
    data = {"name": None, "new": {"x": [1, None]}, "1st": 0, "": "", "ownerName": "o"}
    assert Zoo.from_dict(data).to_dict() == data


@pytest.mark.parametrize("value", [None, [], "x", 1, [("name", "a")]])
def test_from_dict_takes_dicts_only(value):
    with pytest.raises(TypeError, match="Zoo.from_dict needs a dict"):
        Zoo.from_dict(value)


def test_absent_fields():
    zoo = Zoo.from_dict({})
    assert zoo.name is None  # required, but the peer left it out
    assert zoo.size == 3
    assert zoo.owner_name is None
    assert zoo.mascot is None
    assert zoo.to_dict() == {}


def test_absent_renamed_field_has_its_default():
    class Card(Model):
        transport: str = renamed("preferredTransport", default="JSONRPC")

    assert Card().transport == "JSONRPC"
    assert Card.transport == "JSONRPC"


def test_undeclared_names_raise():
    with pytest.raises(AttributeError, match="Zoo has no field 'nam'"):
        getattr(Zoo.from_dict({"name": "a"}), "nam")  # noqa: B009
    assert not hasattr(Zoo.from_dict({}), "__json__")
    assert getattr(Zoo.from_dict({}), "missing", 5) == 5


def test_an_attribute_error_of_a_property_is_not_taken_for_a_missing_field():
    class Odd(Model):
        name: Optional[str] = None

        @property
        def shown(self) -> str:
            return self.name.upper()  # type: ignore[union-attr]

    with pytest.raises(AttributeError, match="'int' object has no attribute 'upper'"):
        Odd.from_dict({"name": 5}).shown
    assert Odd(name="a").shown == "A"
    assert not hasattr(Odd(name=5), "shown")


def test_a_wrong_name_is_answered_with_the_near_ones():
    zoo = Zoo.from_dict({})
    for name, near in (
        ("nam", "'name'"), ("ownerName", "'owner_name'"), ("describ", "'describe'"),
        ("to_dic", "'to_dict'"), ("by_nam", "'by_name'"),
    ):  # fmt: skip
        with pytest.raises(AttributeError, match="Zoo has no field '%s'; did you mean" % name) as e:
            getattr(zoo, name)
        assert near in str(e.value)
    with pytest.raises(AttributeError) as caught:
        zoo.xyzzy
    assert str(caught.value) == "Zoo has no field 'xyzzy'"
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


# Decoding


def test_every_shape_is_decoded():
    zoo = Zoo.from_dict(
        {
            "mascot": {"kind": "dog", "barkVolume": 3},
            "animals": [{"kind": "cat"}, {"kind": "dog"}],
            "byName": {"tom": {"lives": 9}},
            "grid": [[{"lives": 1}], []],
            "shape": {"side": 2.0},
            "shapes": [{"radius": 1}, [{"radius": 2}]],
            "branch": {"branch": {"branch": {"name": "deep"}}},
        }
    )
    assert zoo.mascot == Dog(bark_volume=3)
    assert zoo.animals == [Cat.from_dict({"kind": "cat"}), Dog()]
    assert zoo.by_name["tom"].lives == 9
    assert zoo.grid[0][0].lives == 1
    assert isinstance(zoo.shape, Square)
    assert [type(item) for item in zoo.shapes] == [Circle, list]
    assert isinstance(zoo.shapes[1][0], Circle)
    assert zoo.branch.branch.branch.name == "deep"


def test_decoding_keeps_the_result_and_leaves_the_input_alone():
    data = {"branch": {"mascot": {"kind": "cat"}}, "animals": [{"kind": "cat"}], "byName": {}}
    before = copy.deepcopy(data)
    zoo = Zoo.from_dict(data)
    zoo.branch.mascot.lives = 7
    zoo.branch.name = "b"
    zoo.animals[0].lives = 1
    assert zoo.branch is zoo.branch
    assert zoo.animals is zoo.animals
    assert data == before
    assert zoo.to_dict() == {
        "branch": {"mascot": {"kind": "cat", "lives": 7}, "name": "b"},
        "animals": [{"kind": "cat", "lives": 1}],
        "byName": {},
    }


@pytest.mark.parametrize("value", ["text", 7, 1.5, True, [1], [], {"kind": "fish"}, {"kind": [1]}])
def test_what_does_not_fit_is_returned_unchanged(value):
    data = dict.fromkeys(("mascot", "animals", "byName", "grid", "shape", "shapes"), value)
    zoo = Zoo.from_dict(data)
    for name in ("mascot", "animals", "grid", "shape", "shapes"):
        assert getattr(zoo, name) == value
    assert zoo.to_dict() == data


def test_mixed_lists_decode_what_they_can():
    items = [{"kind": "cat"}, {"kind": "fish"}, None, "x", 3, [{"kind": "cat"}]]
    zoo = Zoo.from_dict({"animals": items})
    assert isinstance(zoo.animals[0], Cat)
    assert zoo.animals[1:] == items[1:]
    assert zoo.animals is zoo.animals


def test_appending_to_a_decoded_list_has_an_effect():
    for items in ([{"kind": "cat"}], [{"kind": "fish"}], []):
        zoo = Zoo.from_dict({"animals": items})
        zoo.animals.append(Cat(lives=1))
        assert zoo.to_dict()["animals"][-1] == {"kind": "cat", "lives": 1}


def test_untagged_unions_take_the_class_that_knows_most_keys():
    assert isinstance(Zoo.from_dict({"shape": {"radius": 1, "side": 1}}).shape, Circle)
    assert isinstance(Zoo.from_dict({"shape": {"side": 1, "colour": "red"}}).shape, Square)
    assert Zoo.from_dict({"shape": {"other": 1}}).shape == {"other": 1}


def test_recursive_generated_models():
    output = WorkflowRunOutput.from_dict(
        {
            "step_executor_runs": [
                {"agent_id": "a", "tools": [{"tool_name": "t"}]},
                {"team_id": "t", "member_responses": [{"agent_id": "b"}]},
                {"workflow_id": "w", "step_results": [{"content": 1}, [{"content": 2}]]},
            ],
            "events": [{"event": "RunContent"}, {"event": "TeamRunContent"}, {"event": "New"}],
        }
    )
    agent, team, workflow = output.step_executor_runs
    assert isinstance(agent, RunOutput) and isinstance(agent.tools[0], ToolExecution)
    assert isinstance(team, TeamRunOutput) and isinstance(team.member_responses[0], RunOutput)
    assert isinstance(workflow, WorkflowRunOutput)
    assert [type(step) for step in workflow.step_results] == [StepOutput, list]
    assert type(output.events[0]) is RunContentEvent
    assert output.events[2] == {"event": "New"}


def test_map_of_lists():
    metrics = RunMetrics.from_dict({"details": {"model": [{"id": "m", "input_tokens": 3}]}})
    (model,) = metrics.details["model"]
    assert isinstance(model, ModelMetrics) and model.input_tokens == 3


def test_a2a_parts():
    task = Task.from_dict(
        {
            "id": "1",
            "contextId": "c",
            "history": [
                {
                    "messageId": "m",
                    "role": "ROLE_USER",
                    "parts": [{"text": "hi"}, {"url": "https://x/", "mediaType": "a/b"}],
                }
            ],
        }
    )
    (message,) = task.history
    assert (task.context_id, message.message_id) == ("c", "m")
    text, file = message.parts
    assert isinstance(text, Part) and text.text == "hi"
    assert (file.text, file.url, file.media_type) == (None, "https://x/", "a/b")


# Writing


def test_assignment_uses_the_wire_name():
    zoo = Zoo()
    zoo.owner_name = "o"
    zoo.mascot = Cat()
    zoo.size = 1
    assert zoo.to_dict() == {"ownerName": "o", "mascot": {"kind": "cat"}, "size": 1}
    del zoo.owner_name
    assert zoo.owner_name is None
    with pytest.raises(AttributeError):
        del zoo.owner_name


def test_constructor_adds_constants_and_takes_models():
    message = Message(message_id="m", role="ROLE_USER", parts=[Part(text="hi")])
    assert message.to_dict() == {
        "messageId": "m",
        "role": "ROLE_USER",
        "parts": [{"text": "hi"}],
    }
    assert Cat().to_dict() == {"kind": "cat"}
    assert RunContentEvent(content="x").to_dict() == {"event": "RunContent", "content": "x"}


def test_constructor_refuses_unknown_names():
    with pytest.raises(TypeError, match="Message has no field 'message_idd'.*'message_id'"):
        Message(message_idd="m")
    with pytest.raises(TypeError, match="has no field 'messageId'; did you mean 'message_id'"):
        Message(messageId="m")
    with pytest.raises(TypeError, match="Zoo has no field 'motto'"):
        Zoo(motto="x")
    with pytest.raises(TypeError):
        Zoo("positional")


def test_a_field_may_be_called_self():
    class Link(Model):
        self: Optional[str] = None

    assert Link(**{"self": "x"}).to_dict() == {"self": "x"}


def test_to_dict_is_a_deep_plain_copy():
    zoo = Zoo(mascot=Cat(), animals=(Cat(), {"x": Dog()}), name={"a": [1]})
    plain = zoo.to_dict()
    assert plain["animals"] == [{"kind": "cat"}, {"x": {"kind": "dog"}}]
    plain["name"]["a"].append(2)
    plain["mascot"]["lives"] = 3
    assert zoo.name == {"a": [1]}
    assert zoo.mascot.lives is None
    json.dumps(plain)


def test_fields_come_in_declaration_order_with_their_wire_names():
    assert list(fields_of(Zoo))[:4] == ["name", "size", "owner_name", "mascot"]
    assert fields_of(Zoo)["by_name"] == "byName"
    assert "motto" not in fields_of(Zoo) and "_constants" not in fields_of(Cat)
    assert next(iter(fields_of(RunContentEvent))) == "event_index"
    assert "content" in fields_of(RunContentEvent)


# Hostile keys

HOSTILE = (
    "to_dict",
    "from_dict",
    "_view",
    "__class__",
    "__dict__",
    "__init__",
    "__getattr__",
    "__reduce_ex__",
    "__reduce__",
    "__getstate__",
    "__setstate__",
    "__copy__",
    "__deepcopy__",
    "__eq__",
    "__repr__",
    "__hash__",
    "__module__",
    "_fields",
    "_constants",
    "describe",
)


@pytest.mark.parametrize("key", HOSTILE)
def test_hostile_keys_replace_nothing_and_survive(key):
    data = {"name": "a", key: "evil", "mascot": {"kind": "cat", key: 1}}
    zoo = Zoo.from_dict(data)
    assert type(zoo) is Zoo and isinstance(zoo, Zoo)
    assert zoo.to_dict() == data
    assert zoo.from_dict({"name": "b"}).name == "b"
    assert zoo._view({"name": "b"}).name == "b"
    assert zoo.describe() == "the zoo a"
    assert zoo.mascot.to_dict() == {"kind": "cat", key: 1}
    assert repr(zoo) == "Zoo(name='a', mascot={...})"
    assert copy.copy(zoo) == zoo == copy.deepcopy(zoo) == pickle.loads(pickle.dumps(zoo))
    assert zoo == Zoo.from_dict(data) and zoo != Zoo.from_dict({"name": "a"})


def test_hostile_keys_do_not_replace_what_outputs_can_do():
    tool = ToolExecution.from_dict({"confirm": 1, "reject": 2, "is_paused": 3})
    tool.confirm()
    assert tool.confirmed is True and tool.is_paused is False
    output = RunOutput.from_dict(
        {"_tools": 1, "raise_for_status": 2, "tools": [{"requires_confirmation": True}]}
    )
    output.raise_for_status()
    assert len(output.tools_requiring_confirmation) == 1


def test_methods_cannot_be_replaced():
    with pytest.raises(AttributeError, match="methods of Zoo cannot be replaced"):
        Zoo().to_dict = None


# Comparing, copying, showing


def test_equality_ignores_what_has_been_decoded():
    data = {"mascot": {"kind": "cat"}, "animals": [{"kind": "dog"}], "ownerName": "o"}
    read, unread = Zoo.from_dict(data), Zoo.from_dict(data)
    assert read.mascot and read.animals
    assert read == unread and not read != unread
    unread.size = None
    assert read != unread
    assert read != data and read != Cat() and read is not None


def test_equality_needs_the_same_class():
    assert Circle.from_dict({"colour": "red"}) != Square.from_dict({"colour": "red"})


def test_models_are_not_hashable():
    with pytest.raises(TypeError, match="unhashable"):
        hash(Cat())


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle(protocol):
    zoo = Zoo.from_dict({"name": "a", "mascot": {"kind": "cat"}, "branch": {"x": 1}, "new": 1})
    assert zoo.mascot
    again = pickle.loads(pickle.dumps(zoo, protocol))
    assert again == zoo and type(again) is Zoo
    assert isinstance(again.mascot, Cat) and isinstance(again.branch, Zoo)


def test_copies():
    zoo = Zoo.from_dict({"mascot": {"kind": "cat"}, "name": ["x"]})
    shallow, deep = copy.copy(zoo), copy.deepcopy(zoo)
    assert shallow == zoo == deep
    shallow.size = 9
    deep.name.append("y")
    deep.mascot.lives = 1
    assert zoo.size == 3 and zoo.name == ["x"] and zoo.mascot.lives is None


def test_repr_is_short_whatever_the_object_holds():
    assert repr(Zoo()) == "Zoo()"
    zoo = Zoo.from_dict({"size": 1, "name": "a", "unknown": 1, "animals": [], "byName": {}})
    assert repr(zoo) == "Zoo(name='a', size=1, animals=[], by_name={})"
    big: Dict[str, Any] = {
        "name": "x" * 10**6,
        "size": 10**300,
        "ownerName": list(range(10**5)),
        "mascot": {"kind": "cat"},
        "grid": [[]],
        "shape": b"x" * 1000,
        "shapes": 1,
        "branch": 1,
    }
    text = repr(Zoo.from_dict(big))
    assert len(text) < 400
    assert "owner_name=[100000 items]" in text and text.endswith(", ...)")


def test_repr_does_not_depend_on_decoding_nor_recurse():
    zoo = Zoo.from_dict({"branch": {"name": "b"}})
    before = repr(zoo)
    assert zoo.branch.name == "b"
    assert repr(zoo) == before == "Zoo(branch={...})"
    zoo.branch = zoo
    assert repr(zoo) == before


def test_repr_leaves_out_the_constants():
    assert repr(Cat(lives=3)) == "Cat(lives=3)"


# Threads


def test_linking_from_many_threads():
    class Fresh(Model):
        first: Optional[Cat] = nested("Cat", default=None)
        second: Optional[List[Union[Cat, Dog]]] = nested(["Zoo.mascot"], default=None)

    errors: List[BaseException] = []
    barrier = threading.Barrier(8)

    def work() -> None:
        try:
            barrier.wait()
            for _ in range(50):
                item = Fresh.from_dict({"first": {"lives": 1}, "second": [{"kind": "dog"}]})
                assert isinstance(item.first, Cat) and isinstance(item.second[0], Dog)
                assert repr(item) and Fresh(first=None).to_dict() == {"first": None}
        except BaseException as error:
            errors.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert errors == []


def test_reading_and_writing_one_object_from_many_threads():
    zoo = Zoo.from_dict({"animals": [{"kind": "cat"}] * 100, "mascot": {"kind": "dog"}})
    expected = zoo.to_dict()
    results: List[Any] = []

    def work() -> None:
        results.append((zoo.to_dict(), type(zoo.animals[0]), type(zoo.mascot)))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [(expected, Cat, Dog)] * 8


# Subclasses


def test_a_subclass_adds_fields_and_keeps_those_of_its_base():
    class Aquarium(Zoo):
        tanks: int = 0

    item = Aquarium.from_dict({"mascot": {"kind": "cat"}, "tanks": 2})
    assert isinstance(item.mascot, Cat)
    assert list(fields_of(Aquarium))[-1] == "tanks"
    assert "tanks" not in fields_of(Zoo)


@pytest.mark.parametrize("kind", sorted(EVENT_CLASSES))
def test_every_event_decodes_to_its_class_and_back(kind):
    for tag, cls in EVENT_CLASSES[kind].items():
        data = {
            "event": tag,
            "run_id": "r",
            "content": None,
            "tool": {"tool_name": "t", "new": 1},
            "metrics": {"duration": 1.5},
            "step_results": [{"content": "x"}],
            "a_new_field": [{}],
        }
        event = cls.from_dict(data)
        assert event.event == tag and cls().event == tag and cls().to_dict() == {"event": tag}
        for name in fields_of(cls):
            getattr(event, name)
        assert event.to_dict() == data
        assert pickle.loads(pickle.dumps(event)) == event
