"""The tree of errors: each is what its callers can catch, and crosses process boundaries whole."""

import copy
import inspect
import json
import pickle

import pytest

from remoteagent_lite import errors, models
from remoteagent_lite.errors import (
    A2AError,
    AuthenticationError,
    CardVerificationError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    ProtocolError,
    RateLimitError,
    RemoteAgentError,
    RemoteHTTPError,
    RemoteServerUnavailableError,
    RemoteTimeoutError,
    RunFailedError,
    ServerError,
    StoreError,
    StreamClosedError,
    StreamInterruptedError,
    UnsupportedError,
    error_for_code,
    error_for_status,
    shown_url,
)

URL = "http://host/x"
EXAMPLES = [
    RemoteAgentError("m", URL),
    RemoteServerUnavailableError("m", URL, OSError(111, "refused"), True),
    RemoteTimeoutError("m", URL, OSError(), True, "connect", 3.0),
    ProtocolError("m", URL),
    StreamInterruptedError("m", URL, {"content": "he"}, "r", "s", 4),
    CardVerificationError("m", URL),
    UnsupportedError("m", URL),
    RunFailedError("m", URL, {"status": "ERROR"}),
    StoreError("m"),
    StreamClosedError("m"),
] + [
    cls("m", URL, 499, [{"loc": ["body"]}], "text", {"retry-after": "3"})
    for cls in (
        RemoteHTTPError, AuthenticationError, PermissionDeniedError, NotFoundError, ConflictError,
        InvalidRequestError, RateLimitError, ServerError,
    )
] + [
    cls("m", URL, -32001, "TASK_NOT_FOUND", [{"reason": "TASK_NOT_FOUND"}], "no such task", 404)
    for cls in (A2AError, *A2AError.__subclasses__())
]  # fmt: skip


def classes():
    return {
        value
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, BaseException)
    }


def named(error):
    return type(error).__name__


def test_there_is_an_example_of_every_error():
    assert {type(error) for error in EXAMPLES} == classes()


def test_every_error_is_exported_drawn_and_has_a_docstring():
    for cls in classes():
        assert cls.__name__ in errors.__all__
        assert cls.__name__ in errors.__doc__
        assert cls.__doc__ and cls.__doc__ != cls.__mro__[1].__doc__


def test_drawing_shows_the_inheritance():
    parents = []  # by depth
    for line in errors.__doc__.splitlines():
        words = line.translate(dict.fromkeys(map(ord, "│├└─"), " "))
        if "Error " not in words and not words.rstrip().endswith("Error"):
            continue
        cls = getattr(errors, words.split()[0], None)
        if cls is None:
            continue
        depth = (len(words) - len(words.lstrip()) - 4) // 4
        del parents[depth:]
        assert cls.__mro__[1] is (parents[-1] if parents else Exception), cls
        parents.append(cls)
    assert len(parents) > 0


@pytest.mark.parametrize("error", EXAMPLES, ids=named)
def test_message_is_the_text(error):
    assert error.message == str(error) == "m"
    assert repr(error) == "%s('m')" % named(error)


def shown(error):
    """All that tells two errors apart, exceptions within them by their text."""
    return type(error), {
        name: repr(value) if isinstance(value, BaseException) else value
        for name, value in vars(error).items()
        if name != "original_error"
    }


@pytest.mark.parametrize("error", EXAMPLES, ids=named)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_errors_survive_pickling(error, protocol):
    again = pickle.loads(pickle.dumps(error, protocol))
    assert shown(again) == shown(error)
    assert (again.args, str(again)) == (error.args, str(error))


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
@pytest.mark.parametrize("error", EXAMPLES, ids=named)
def test_errors_survive_copying(error, duplicate):
    assert shown(duplicate(error)) == shown(error)


def test_unpicklable_original_error_crosses_as_text():
    original = OSError("broken", lambda: None)
    error = pickle.loads(pickle.dumps(RemoteServerUnavailableError("m", URL, original)))
    assert "broken" in str(error.original_error)


def test_run_of_a_lost_connection_survives_pickling():
    error = RemoteServerUnavailableError("m", URL)
    assert (error.run_id, error.session_id) == (None, None)
    error.run_id, error.session_id = "r", "s"
    again = pickle.loads(pickle.dumps(error))
    assert (again.run_id, again.session_id) == ("r", "s")


def test_subclass_with_a_signature_of_its_own_survives_pickling():
    again = pickle.loads(pickle.dumps(OddError(1, 2)))
    assert (str(again), again.sum) == ("1 and 2", 3)


@pytest.mark.parametrize("error", [*EXAMPLES, RunFailedError("m", URL)], ids=named)
def test_errors_survive_serialisers_that_rebuild_them_from_their_arguments(error):
    error = copy.copy(error)
    error.run_id, error.session_id = "r", "s"
    args = json.loads(json.dumps(error.args))
    again = type(error)(*args)
    assert shown(again) == shown(error)
    assert (again.args, str(again), repr(again)) == (error.args, str(error), repr(error))
    if hasattr(error, "original_error"):
        assert str(again.original_error) == repr(error.original_error)


def test_the_lower_librarys_error_survives_them_as_text():
    error = RemoteServerUnavailableError("m", URL, OSError("broken", lambda: None))
    again = RemoteServerUnavailableError(*json.loads(json.dumps(error.args)))
    assert isinstance(again.original_error, Exception) and "broken" in str(again.original_error)


@pytest.mark.parametrize("cls", [RunFailedError, StreamInterruptedError])
@pytest.mark.parametrize("kind", ["RunOutput", "TeamRunOutput", "WorkflowRunOutput"])
def test_the_output_of_an_error_survives_them_as_what_it_is(cls, kind):
    output = getattr(models, kind).from_dict({"run_id": "r", "content": "he", "status": "ERROR"})
    error = cls("m", URL, output)
    again = cls(*json.loads(json.dumps(error.args)))
    assert again.output == output and type(again.output) is type(output)
    assert type(again) is cls and again.url == URL


def test_subclass_with_a_signature_of_its_own_survives_them():
    again = OddError(*json.loads(json.dumps(OddError(1, 2).args)))
    assert (str(again), again.sum, type(again)) == ("1 and 2", 3, OddError)


def test_arguments_that_are_given_are_not_taken_for_those_of_a_serialiser():
    error = RemoteHTTPError("m", {"a": 1})
    assert error.url == {"a": 1}
    assert RemoteAgentError("m", None).url is None


class OddError(RemoteAgentError):
    def __init__(self, one, two):
        super().__init__("%d and %d" % (one, two))
        self.sum = one + two


@pytest.mark.parametrize(
    "status, cls",
    [
        (400, InvalidRequestError), (401, AuthenticationError), (402, RemoteHTTPError),
        (403, PermissionDeniedError), (404, NotFoundError), (405, RemoteHTTPError),
        (409, ConflictError), (418, RemoteHTTPError), (422, InvalidRequestError),
        (429, RateLimitError), (499, RemoteHTTPError), (500, ServerError), (501, ServerError),
        (503, ServerError), (599, ServerError), (302, RemoteHTTPError),
    ],
)  # fmt: skip
def test_status_has_its_class(status, cls):
    assert error_for_status(status) is cls


@pytest.mark.parametrize(
    "header, expected",
    [
        ("3", 3.0), (" 2.5 ", 2.5), ("-1", 0.0), ("nan", 0.0), ("", None), (None, None),
        ("soon", None), ("Fri, 31 Dec 1999 23:59:59 GMT", 0.0),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_none(header, expected):
    headers = {} if header is None else {"retry-after": header}
    assert RateLimitError("m", headers=headers).retry_after == expected


def test_retry_after_may_be_a_date():
    headers = {
        "date": "Fri, 31 Dec 1999 23:59:50 GMT", "retry-after": "Fri, 31 Dec 1999 23:59:59 GMT",
    }  # fmt: skip
    assert RateLimitError("m", headers=headers).retry_after == 9.0


@pytest.mark.parametrize(
    "url, expected",
    [
        ("http://host/path", "http://host/path"),
        ("http://user:secret@host:1/path", "http://host:1/path"),
        ("http://u:p@ss@host/", "http://host/"),
        ("http://secret@host", "http://host"),
        ("https://host/path?token=secret#secret", "https://host/path"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("http://user:sec/ret@host:1/path", "http://...@host:1/path"),
        ("http://user:1/sec@ret@host/path?secret", "http://...@host/path"),
        ("http://[secret", "<unreadable URL>"),
        ("http://user:sec?ret@host/path", "<unreadable URL>"),
        ("http://user:sec#ret@host/path", "<unreadable URL>"),
        ("", ""),
    ],
)
def test_url_is_shown_without_secrets(url, expected):
    assert shown_url(url) == expected


def test_every_code_of_a2a_has_an_error_of_its_own():
    codes = [-32700, *range(-32603, -32599), *range(-32009, -32000)]
    found = [error_for_code(code) for code in codes]
    assert set(found) == set(A2AError.__subclasses__())
    assert len(set(found)) == len(codes)
    for code, cls in zip(codes, found):
        assert str(code) in cls.__doc__
    assert error_for_code(-32099) is A2AError
