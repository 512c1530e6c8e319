"""modelling/schemas.py: classes as JSON schemas, and their instances from what was answered."""

import dataclasses
import datetime
import decimal
import enum
import json
import sys
import uuid
from typing import (
    Any,
    Dict,
    FrozenSet,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Set,
    Tuple,
    Union,
)

import jsonschema
import pydantic
import pytest
from typing_extensions import Literal, NotRequired, TypedDict

from remoteagent_lite import (
    ProtocolError,
    RemoteAgent,
    RunFailedError,
    RunOutput,
    UnsupportedError,
)
from remoteagent_lite.modelling.schemas import MisfitError, instance_of, schema_of
from tests.peers.faults import RawServer, Request, reply, sse, stream


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclasses.dataclass
class Place:
    name: str
    height: float = 0.0


@dataclasses.dataclass
class Trip:
    places: List[Place]
    days: int
    when: datetime.datetime
    colour: Colour = Colour.RED
    note: Optional[str] = None
    kind: Literal["short", "long"] = "short"
    price: decimal.Decimal = decimal.Decimal("0")
    id: Optional[uuid.UUID] = None
    born: Optional[datetime.date] = None
    tags: Set[str] = dataclasses.field(default_factory=set)
    fixed: FrozenSet[int] = frozenset()
    size: Tuple[int, int] = (0, 0)
    numbers: Tuple[float, ...] = ()
    more: Dict[str, Place] = dataclasses.field(default_factory=dict)
    others: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    values: Sequence[Union[int, str, None]] = ()
    anything: Any = None
    total: int = dataclasses.field(init=False, default=7)


class Weather(TypedDict):
    town: str
    degrees: float
    wind: NotRequired[int]


class Person(pydantic.BaseModel):
    name: str
    age: int = 3
    nested: Optional["Person"] = None


@dataclasses.dataclass
class Crew:
    captain: Person
    count: int


TRIP = {
    "places": [{"name": "Rome", "height": 21}, {"name": "Oslo"}],
    "days": 3.0,
    "when": "2026-01-02T03:04:05Z",
    "colour": "blue",
    "kind": "long",
    "price": "1.20",
    "id": "12345678-1234-5678-1234-567812345678",
    "born": "2000-02-29",
    "tags": ["a", "b", "a"],
    "fixed": [1],
    "size": [1, 2],
    "numbers": [1, 2.5],
    "more": {"x": {"name": "Bonn"}},
    "others": {"y": [1]},
    "values": [1, "2", None],
    "anything": {"z": 1},
}


def test_a_dataclass_is_a_schema_without_references() -> None:
    schema = schema_of(Trip)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(TRIP, schema)
    assert "$ref" not in json.dumps(schema)
    assert (schema["type"], schema["title"]) == ("object", "Trip")
    assert schema["required"] == ["places", "days", "when"]
    assert schema["properties"]["places"]["items"] == {
        "type": "object",
        "title": "Place",
        "properties": {"name": {"type": "string"}, "height": {"type": "number"}},
        "required": ["name"],
    }
    assert "total" not in schema["properties"]  # the class makes it itself
    for wrong in ({"days": "3"}, {"colour": "green"}, {"kind": "x"}, {"size": [1]}, {"more": 1}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**TRIP, **wrong}, schema)


def test_content_becomes_an_instance() -> None:
    trip = instance_of(Trip, TRIP)
    assert trip == Trip(
        places=[Place("Rome", 21.0), Place("Oslo")],
        days=3,
        when=datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc),
        colour=Colour.BLUE,
        kind="long",
        price=decimal.Decimal("1.20"),
        id=uuid.UUID("12345678-1234-5678-1234-567812345678"),
        born=datetime.date(2000, 2, 29),
        tags={"a", "b"},
        fixed=frozenset({1}),
        size=(1, 2),
        numbers=(1.0, 2.5),
        more={"x": Place("Bonn")},
        others={"y": [1]},
        values=[1, "2", None],
        anything={"z": 1},
    )
    assert type(trip.places[0].height) is float
    assert instance_of(Trip, json.dumps(TRIP)) == trip  # text that is JSON


def test_null_for_what_may_be_left_out_is_nothing() -> None:
    trip = instance_of(Trip, {**TRIP, "colour": None, "tags": None, "note": None})
    assert (trip.colour, trip.tags, trip.note) == (Colour.RED, set(), None)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"days": "three"}, "days is 'three', not int"),
        ({"days": True}, "days is True, not int"),
        ({"days": 3.5}, "days is 3.5, not int"),
        ({"days": None}, "days is None, not int"),
        ({"places": [{"name": "x"}, {"name": 1}]}, r"places\[1\].name is 1, not str"),
        ({"places": {}}, "places is {}, not list"),
        ({"places": [{}]}, r"places\[0\].name is missing"),
        ({"more": {"k": {"name": "x", "height": "y"}}}, "more.k.height is 'y', not float"),
        ({"when": "yesterday"}, "when is 'yesterday', not datetime"),
        ({"id": "1"}, "id is '1', not UUID"),
        ({"price": "x"}, "price is 'x', not Decimal"),
        ({"colour": "green"}, "colour is 'green', not Colour"),
        ({"kind": "x"}, "kind is 'x', not one of 'short', 'long'"),
        ({"size": [1, 2, 3]}, "size has not 2 items"),
        ({"values": [[]]}, r"values\[0\] is \[\], not any of int, str, NoneType"),
        ({"note": 1}, "note is 1, not str"),
    ],
)
def test_what_does_not_fit_is_named(change: Any, complaint: str) -> None:
    with pytest.raises(MisfitError, match=complaint):
        instance_of(Trip, {**TRIP, **change})


def test_what_is_missing_or_no_object_is_named() -> None:
    with pytest.raises(MisfitError, match="^places is missing"):
        instance_of(Trip, {"days": 3})
    with pytest.raises(MisfitError, match=r"^it is \[1\], not dict"):
        instance_of(Trip, [1])
    with pytest.raises(MisfitError, match="^it is no JSON"):
        instance_of(Trip, "I do not know")


def test_a_check_of_the_class_itself_is_heard() -> None:
    @dataclasses.dataclass
    class Positive:
        value: int

        def __post_init__(self) -> None:
            if self.value < 0:
                raise ValueError("must not be negative")

    with pytest.raises(MisfitError, match="Positive: must not be negative"):
        instance_of(Positive, {"value": -1})


def test_a_typed_dict_is_a_schema_and_comes_back_as_a_dict() -> None:
    schema = schema_of(Weather)
    assert (schema["type"], schema["title"]) == ("object", "Weather")
    assert schema["properties"]["wind"] == {"type": "integer"}
    assert sorted(schema["required"]) == ["degrees", "town"]
    told = {"town": "Rome", "degrees": 21, "more": 1}
    assert instance_of(Weather, told) == told
    with pytest.raises(MisfitError, match="town is missing"):
        instance_of(Weather, {"degrees": 21.0})
    with pytest.raises(MisfitError, match="wind is 'x', not int"):
        instance_of(Weather, {**told, "wind": "x"})


def test_pydantic_does_it_itself() -> None:
    assert schema_of(Person) == Person.model_json_schema()
    person = instance_of(Person, {"name": "Ann", "age": "7"})
    assert type(person) is Person and (person.name, person.age) == ("Ann", 7)
    with pytest.raises(MisfitError, match="name"):
        instance_of(Person, {"age": 1})
    crew = instance_of(Crew, {"captain": {"name": "Ann"}, "count": 2})
    assert crew == Crew(Person(name="Ann"), 2)
    jsonschema.validate({"captain": {"name": "Ann"}, "count": 2}, schema_of(Crew))
    with pytest.raises(MisfitError, match="^captain: "):
        instance_of(Crew, {"captain": {}, "count": 2})


def test_a_schema_is_left_as_it_is() -> None:
    schema = {"type": "object"}
    assert schema_of(schema) is schema
    assert instance_of(schema, '{"a": 1}') == {"a": 1}
    assert instance_of(schema, {"a": 1}) == {"a": 1}


@dataclasses.dataclass
class Endless:
    inner: Optional["Endless"]


@dataclasses.dataclass
class Opaque:
    socket: Iterator[Any]


@dataclasses.dataclass
class Numbered:
    by_number: Dict[int, str]


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        (Endless, "Endless.inner: Endless refers to itself"),
        (Opaque, "Opaque.socket: .* has no JSON schema"),
        (Numbered, "Numbered.by_number: the keys of a JSON object are text"),
        (int, "takes a dataclass, a TypedDict, a pydantic model or a JSON schema, not int"),
    ],
)
def test_a_class_without_a_schema_is_refused_before_anything_is_sent(
    raw_server: RawServer, wanted: Any, complaint: str
) -> None:
    with RemoteAgent(raw_server.url, "a") as agent:
        with pytest.raises(TypeError, match=complaint):
            agent.run("x", output_schema=wanted)
    assert raw_server.requests == []


@pytest.mark.skipif(sys.version_info < (3, 10), reason="the syntax is newer than this Python")
def test_the_newer_ways_to_write_types() -> None:
    modern: Any = dataclasses.make_dataclass(
        "Modern", [("a", eval("int | None")), ("b", eval("list[int]")), ("c", dict)]
    )
    assert instance_of(modern, {"a": None, "b": [1], "c": {"x": 1}}).b == [1]
    assert schema_of(modern)["properties"]["a"] == {
        "anyOf": [{"type": "integer"}, {"type": "null"}]
    }
    with pytest.raises(MisfitError, match=r"b\[0\] is 'x', not int"):
        instance_of(modern, {"a": 1, "b": ["x"], "c": {}})


# --- output.parsed


PLACE = {"name": "Rome", "height": 21}


def answers(content: Any, status: str = "COMPLETED") -> Any:
    def handler(connection: Any, request: Request) -> None:
        form = {name: values[0] for name, values in request.form.items()}
        run = {"run_id": form["run_id"], "session_id": form["session_id"], "content": content}
        if form["stream"] == "true":
            pieces = [
                sse("RunContent", json.dumps({**run, "event": "RunContent"})),
                sse("RunCompleted", json.dumps({**run, "event": "RunCompleted"})),
            ]
            stream(pieces)(connection, request)
        else:
            reply(json.dumps({**run, "status": status}))(connection, request)

    return handler


@pytest.mark.parametrize("content", [PLACE, json.dumps(PLACE)])
def test_the_answer_comes_back_as_an_instance(content: Any) -> None:
    with RawServer(answers(content)) as server, RemoteAgent(server.url, "a") as agent:
        assert agent.run("x", output_schema=Place).parsed == Place("Rome", 21.0)
        (sent,) = server.requests[0].form["output_schema"]
        assert json.loads(sent) == schema_of(Place)
        with agent.run("x", output_schema=Place, stream=True) as streamed:
            assert streamed.output().parsed == Place("Rome", 21.0)
        assert agent.run("x", output_schema={"type": "object"}).parsed == PLACE
        plain = agent.run("x")
        assert plain.parsed is None
        assert plain.parse(Place) == Place("Rome", 21.0)
        for result in agent.map(["x", "y"], output_schema=Place):
            assert result.output is not None
            assert result.output.parsed == Place("Rome", 21.0)


def test_an_answer_that_does_not_fit_says_so() -> None:
    with RawServer(answers("I do not know.")) as server, RemoteAgent(server.url, "a") as agent:
        output = agent.run("x", output_schema=Place)
        with pytest.raises(ProtocolError) as caught:
            output.parsed
    for part in ("Place", str(output.run_id), "no JSON", "I do not know."):
        assert part in str(caught.value)


@pytest.mark.parametrize("status", ["PAUSED", "RUNNING", "PENDING"])
def test_as_long_as_there_is_no_answer_there_is_nothing(status: str) -> None:
    output = RunOutput.from_dict({"status": status, "content": "Which town?"})
    assert output.parse(Place) is None


@pytest.mark.parametrize("status", ["ERROR", "CANCELLED"])
def test_a_run_that_failed_has_no_answer(status: str) -> None:
    with RawServer(answers("no", status)) as server, RemoteAgent(server.url, "a") as agent:
        output = agent.run("x", output_schema=Place)
    with pytest.raises(RunFailedError):
        output.parsed


def test_a2a_carries_no_schema(raw_server: RawServer) -> None:
    with RemoteAgent(raw_server.url, "a", protocol="a2a") as agent:
        with pytest.raises(UnsupportedError, match="output_schema"):
            agent.run("x", output_schema=Place)
