"""What was written by hand about AgentOS and A2A, held against the pinned specifications.

A new release of theirs shows here: an operation or a field that we do not have, or they no longer.
"""

import inspect
import json
import re
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Set, Tuple

import jsonschema
import pytest

from remoteagent_lite import AgentOSClient, Audio, File, Image, Video
from remoteagent_lite.protocols.a2a import bindings, interface as a2a
from remoteagent_lite.protocols.a2a.dialects import dialect_of
from remoteagent_lite.protocols.a2a.message import message_of
from remoteagent_lite.protocols.agentos.forms import _FIELDS, CONTINUE_FIELDS, flag
from remoteagent_lite.protocols.agentos.runs import AgentOS
from remoteagent_lite.protocols.component import AGENT, COMPONENTS, Component
from remoteagent_lite.wire import Request
from tests import ROOT

SPEC: Dict[str, Any] = json.loads((ROOT / "specs" / "agentos.json").read_text("utf-8"))

#: Operations without a method of their own, and why.
LEFT_OUT = {
    "POST /databases/all/migrate": 'migrate_database("all")',
}
_METADATA = "a medium that has metadata is sent as JSON, in which it travels"
_FACTORY = "for workflows that a factory makes in several databases: request() reaches them"
#: Fields that we do not send, and why.
FIELDS_LEFT_OUT = {
    ("POST /agents/{agent_id}/runs", "files_metadata"): _METADATA,
    ("POST /teams/{team_id}/runs", "files_metadata"): _METADATA,
    ("GET /workflows/{workflow_id}/runs", "factory_input"): _FACTORY,
    ("GET /workflows/{workflow_id}/runs/{run_id}", "factory_input"): _FACTORY,
    ("GET /sessions/{session_id}/media/{storage_key}", "redirect"): "bytes are what is asked for",
    ("POST /knowledge/content", "file"): "sent as the part of an upload",
}
#: Fields that we send though the document does not name them, and how it is known that they count.
UNDECLARED = {
    "run_id": "honoured by all servers tested",
    "stream_events": "read from the form by name",
}


#: What the type of a method's options says that it takes.
SCOPES = {
    ("DatabaseOptions", "TableOptions", "KnowledgeOptions"): "db_id",
    ("TableOptions",): "table",
    ("KnowledgeOptions",): "knowledge_id",
}


#: Of the four sources of a document exactly one is given; bytes are sent otherwise.
SOURCES = [("path", "content", "text", "progress"), ("path", "content", "url", "progress")]


class Sent(Exception):
    def __init__(self, request: Request) -> None:
        self.request = request


class Recorder:
    """A connection that sends nothing and tells what would have been sent."""

    base_url = ""

    def send(self, call: Any, options: Any = None, **_: Any) -> Any:
        raise Sent(call.request)


class Operation(NamedTuple):
    query: Set[str]
    body: Set[str]


def fields_of_body(operation: Mapping[str, Any]) -> Set[str]:
    fields: Set[str] = set()
    for content in operation.get("requestBody", {}).get("content", {}).values():
        name = content["schema"]["$ref"].rpartition("/")[2]
        fields |= set(SPEC["components"]["schemas"][name].get("properties", {}))
    return fields


OPERATIONS: Dict[str, Operation] = {
    "%s %s" % (method.upper(), path): Operation(
        {each["name"] for each in operation.get("parameters", []) if each["in"] == "query"},
        fields_of_body(operation),
    )
    for path, item in SPEC["paths"].items()
    for method, operation in item.items()
}


def operation_of(request: Request) -> str:
    """The operation that the server would take the request for."""
    matching = [
        name
        for name in OPERATIONS
        if name.partition(" ")[0] == request.method
        and re.fullmatch(re.sub("{[^}]*}", "[^/]+", name.partition(" ")[2]), request.url)
    ]
    assert matching, "the specification has no %s %s" % (request.method, request.url)
    return min(matching, key=lambda name: name.count("{"))


def given(name: str, kind: str) -> Any:
    if name == "kind":
        return kind
    return 1 if name in ("page", "limit", "message_index") else "x"


def calls(client: AgentOSClient) -> Iterator[Tuple[str, Request]]:
    """Every method that is one endpoint, called with all that it takes."""
    for name, method in inspect.getmembers(client, inspect.ismethod):
        if name.startswith(("_", "iter_")) or name in ("close", "on", "request"):
            continue
        parameters = inspect.signature(method).parameters
        taken = parameters["options"].annotation
        scope = {each: "x" for kinds, each in SCOPES.items() if any(k in taken for k in kinds)}
        kind_of = str(parameters["kind"].annotation) if "kind" in parameters else ""
        kinds = [
            kind for kind in ("agent", "team", "workflow") if kind_of == "Kind" or kind in kind_of
        ]
        for kind in kinds or [""]:
            arguments = {
                each.name: given(each.name, kind)
                for each in parameters.values()
                if each.kind is not each.VAR_KEYWORD
            }
            for left_out in SOURCES if name == "upload_knowledge_content" else [()]:
                chosen = {key: value for key, value in arguments.items() if key not in left_out}
                with pytest.raises(Sent) as sent:
                    method(**chosen, **scope)
                yield name, sent.value.request


def names_in(request: Request) -> Tuple[Set[str], Set[str]]:
    query = {name for name, _ in request.params or ()}
    form = {name for name, _ in request.form or ()} | {part.field for part in request.files or ()}
    return query, set(request.json or {}) | form


def requests_of_data() -> List[Tuple[str, Request]]:
    client = AgentOSClient("http://127.0.0.1:9")
    client._connection = Recorder()  # type: ignore[assignment]
    return list(calls(client))


def requests_of_runs(component: Component) -> Iterator[Tuple[str, Request]]:
    """Every call about runs, with all options that the component takes."""

    values: Dict[str, Any] = {
        **dict.fromkeys({**_FIELDS, **CONTINUE_FIELDS}, "x"),
        **dict.fromkeys(("retries", "version"), 1),
        **{
            name: {"a": 1}
            for name in ("factory_input", "session_state", "dependencies", "metadata")
        },
        **dict.fromkeys((name for name, field in _FIELDS.items() if field.encode is flag), True),
        **dict.fromkeys(("background", "fork", "regenerate", "replace_original"), True),
        "output_schema": {"type": "object", "title": "X", "properties": {}},
        "images": [Image(url="http://x/")],
        "audio": [Audio(url="http://x/")],
        "videos": [Video(url="http://x/")],
        "files": [File(url="http://x/"), File(content=b"x", mime_type="application/pdf")],
        "continue_from": "end",
    }

    def options(known: Mapping[str, Any]) -> Dict[str, Any]:
        return {name: values[name] for name in known if component in known[name].components}

    protocol = AgentOS("", component, "x")
    yield "run", protocol.run_stream("x", options(_FIELDS)).request
    continued = options(CONTINUE_FIELDS)
    yield "continue_run", protocol.continue_stream("x", [{}], continued).request
    yield "cancel", protocol.cancel("x", "x").request
    yield "resume", protocol.resume_stream("x", "x", 1).request
    yield "get_run", protocol.get_run("x", "x").request
    yield "list_runs", protocol.list_runs("x", "COMPLETED").request
    yield "config", protocol.config().request


def all_requests() -> List[Tuple[str, Request]]:
    runs = [each for component in COMPONENTS for each in requests_of_runs(component)]
    return requests_of_data() + runs


def test_every_operation_of_the_server_has_a_method_or_a_reason() -> None:
    reached = {operation_of(request) for _, request in all_requests()}
    missing = set(OPERATIONS) - reached - set(LEFT_OUT)
    assert not missing, "no method sends %s" % sorted(missing)
    stale = set(LEFT_OUT) & reached | set(LEFT_OUT) - set(OPERATIONS)
    assert not stale, "left out without need: %s" % sorted(stale)


def test_every_field_of_the_server_can_be_sent_or_has_a_reason() -> None:
    sent: Dict[str, Operation] = {name: Operation(set(), set()) for name in OPERATIONS}
    for _, request in all_requests():
        query, body = names_in(request)
        name = operation_of(request)
        sent[name].query.update(query)
        sent[name].body.update(body)
    missing = {
        (name, field)
        for name, operation in OPERATIONS.items()
        if name not in LEFT_OUT
        for field in (operation.query - sent[name].query) | (operation.body - sent[name].body)
    }
    unexplained = missing - set(FIELDS_LEFT_OUT)
    assert not unexplained, sorted(unexplained)
    assert not set(FIELDS_LEFT_OUT) - missing, "left out without need"


def test_no_field_is_sent_that_the_server_does_not_know() -> None:
    for method, request in all_requests():
        name = operation_of(request)
        known = OPERATIONS[name]
        query, body = names_in(request)
        assert query <= known.query, (method, name, query - known.query)
        unknown = body - known.body - set(UNDECLARED)
        if name.endswith(("/runs", "/continue")):
            # Any other field of the form becomes a keyword of the server's run call.
            unknown -= {field.wire or each for each, field in _FIELDS.items()}
        assert not unknown, (method, name, unknown)


def test_options_of_a_run_and_fields_of_its_form_are_the_same() -> None:
    from remoteagent_lite.options import CallOptions, ContinueOptions, RunOptions

    for options, known in ((RunOptions, _FIELDS), (ContinueOptions, CONTINUE_FIELDS)):
        names = set(options.__annotations__) - set(CallOptions.__annotations__)
        names -= {"stream_events", "once", "extra_fields"}
        own = {"session_id"} if options is ContinueOptions else set()
        assert names == set(known) - own, names ^ (set(known) - own)


@pytest.mark.parametrize("component", COMPONENTS)
def test_what_a_component_takes_is_what_its_form_has(component: Component) -> None:
    form = OPERATIONS["POST /%s/{%s}/runs" % (component.path, component.id_field)].body
    declared = {name for name, field in _FIELDS.items() if (field.wire or name) in form}
    taken = {name for name, field in _FIELDS.items() if component in field.components}
    assert declared <= taken, declared - taken
    assert component is not AGENT or {"version", "background", "factory_input"} <= declared


# --- A2A

A2A_10: Dict[str, Any] = json.loads((ROOT / "specs" / "a2a-1.0.json").read_text("utf-8"))
A2A_03: Dict[str, Any] = json.loads((ROOT / "specs" / "a2a-0.3.json").read_text("utf-8"))


def test_operations_of_a2a_are_those_of_its_specification() -> None:
    specified = {
        operation["x-json-rpc-method"]: (verb.upper(), re.sub("{[^}]*}", "{}", path))
        for path, item in A2A_10["paths"].items()
        for verb, operation in item.items()
    }
    ours = {
        name: (route.method, re.sub("{[^}]*}", "{}", route.path))
        for name, route in bindings.ROUTES_V10.items()
    }
    # The text says POST and the protobuf GET; POST is tried first, servers differ.
    assert ours.pop(a2a.SUBSCRIBE_TO_TASK) == ("POST", "/tasks/{}:subscribe")
    del specified[a2a.SUBSCRIBE_TO_TASK]
    assert ours == specified
    assert set(bindings.METHODS_V10) == {*specified, a2a.SUBSCRIBE_TO_TASK}


MESSAGE = message_of(
    ["text", {"a": [1]}],
    {
        "metadata": {"m": 1},
        "images": [Image(content=b"x", mime_type="image/png")],
        "files": [File(url="http://x/f", mime_type="application/pdf", filename="f.pdf")],
    },
    context_id="c",
    task_id="t",
)
PUSH = {"taskId": "t", "id": "p", "url": "http://x/", "token": "k"}
#: What is asked in 0.3, and the schema of its parameters.
ASKED = [
    (a2a.SEND_MESSAGE, {"message": MESSAGE, "configuration": {}}, "MessageSendParams"),
    (a2a.SEND_STREAMING_MESSAGE, {"message": MESSAGE, "metadata": {"x": 1}}, "MessageSendParams"),
    (a2a.GET_TASK, {"id": "t", "historyLength": 3}, "TaskQueryParams"),
    (a2a.CANCEL_TASK, {"id": "t"}, "TaskIdParams"),
    (a2a.SUBSCRIBE_TO_TASK, {"id": "t"}, "TaskIdParams"),
    (a2a.CREATE_PUSH_CONFIG, PUSH, "TaskPushNotificationConfig"),
    (a2a.GET_PUSH_CONFIG, {"taskId": "t", "id": "p"}, "GetTaskPushNotificationConfigParams"),
    (a2a.LIST_PUSH_CONFIGS, {"taskId": "t"}, "ListTaskPushNotificationConfigParams"),
    (a2a.DELETE_PUSH_CONFIG, {"taskId": "t", "id": "p"}, "DeleteTaskPushNotificationConfigParams"),
]


@pytest.mark.parametrize(("name", "params", "schema"), ASKED)
def test_what_is_asked_in_0_3_is_what_its_schema_allows(
    name: str, params: Dict[str, Any], schema: str
) -> None:
    dialect = dialect_of(a2a.Interface(a2a.JSONRPC, "0.3", "http://x"))
    sent: Any = dialect.request(name, params).json
    whole = {"$ref": "#/components/schemas/" + schema, "components": A2A_03["components"]}
    jsonschema.validate(sent["params"], whole, jsonschema.Draft202012Validator)
    known = A2A_03["components"]["schemas"][schema]["properties"]
    assert set(sent["params"]) <= set(known)
