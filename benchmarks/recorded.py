"""Streams as A2A servers sent them, recorded from scripted agents; the pieces are repeated.

``frames(name, count)`` makes a stream of ``count`` pieces out of a recording. Ids and line ends are
those that were recorded.
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Tuple

WORD = "word "
#: The end of a message's id where every piece is a message of its own.
_NUMBERED = "8a374c195a56"


class Recording(NamedTuple):
    """The frames before the pieces, one piece, and the frames behind them."""

    before: Tuple[str, ...]
    piece: str
    after: Tuple[str, ...]
    version: str
    path: str  # the end of the interface's URL
    lines: str = "\r\n"


# a2a-sdk 0.3.26
_OLD = (
    '{"id":"b3e7","jsonrpc":"2.0","result":{%s"contextId":"148a25bf-ba44-427a-ad4c-09063c9d2e5b",'
    '%s"taskId":"885d3c2e-fa87-4743-aa49-f39704f4edd9"}}'
)
_OLD_STATUS = (
    '"final":%s,"kind":"status-update","status":{%s"timestamp":"2026-11-29T16:14:58.2876+00:00"},'
)
_OLD_ARTIFACT = (
    '"append":%s,"artifact":{"artifactId":"answer","parts":[{"kind":"text","text":"word "}]},'
)
_OLD_TASK = (
    '{"id":"b3e7","jsonrpc":"2.0","result":{"contextId":"148a25bf-ba44-427a-ad4c-09063c9d2e5b",'
    '"history":[{"contextId":"148a25bf-ba44-427a-ad4c-09063c9d2e5b","kind":"message","messageId":'
    '"5a2c1f9e-9d0b-4f0e-8f43-2f7f3d8f7c11","parts":[{"kind":"text","text":"x"}],"role":"user",'
    '"taskId":"885d3c2e-fa87-4743-aa49-f39704f4edd9"}],"id":"885d3c2e-fa87-4743-aa49-f39704f4edd9",'
    '"kind":"task","status":{"state":"submitted"}}}'
)
_OLD_MESSAGE = (
    '"message":{"contextId":"148a25bf-ba44-427a-ad4c-09063c9d2e5b","kind":"message","messageId":'
    '"54732402-9865-483f-89d9-8a374c195a56","parts":[{"kind":"text","text":"word "}],'
    '"role":"agent","taskId":"885d3c2e-fa87-4743-aa49-f39704f4edd9"},"state":"working",'
)


def _old_artifact(append: str, last: str = "false") -> str:
    chunk = _OLD_ARTIFACT % append
    return _OLD % (chunk, '"kind":"artifact-update","lastChunk":%s,' % last)


_OLD_ANSWER = _old_artifact("false").replace(WORD, "done")


def _old_status(final: str, status: str) -> str:
    return _OLD % ("", _OLD_STATUS % (final, status))


# a2a-sdk 1.3.0
_NEW = '{"result": {%s}, "id": "b3e7", "jsonrpc": "2.0"}'
_NEW_IDS = (
    '"taskId": "17e10a74-09ce-41ed-8448-3fb999f9458e", '
    '"contextId": "fe10de15-a520-49f7-9ef7-c45eb20682ce"'
)
_NEW_TASK = _NEW % (
    '"task": {"id": "17e10a74-09ce-41ed-8448-3fb999f9458e", "contextId": '
    '"fe10de15-a520-49f7-9ef7-c45eb20682ce", "status": {"state": "TASK_STATE_SUBMITTED"}, '
    '"history": [{"messageId": "5a2c1f9e-9d0b-4f0e-8f43-2f7f3d8f7c11", %s, "role": "ROLE_USER", '
    '"parts": [{"text": "x"}]}]}' % _NEW_IDS
)


def _new_artifact(rest: str = "", more: str = "") -> str:
    return _NEW % (
        '"artifactUpdate": {%s, "artifact": {"artifactId": "answer", "parts": [{"text": "word "}]'
        "%s}%s}" % (_NEW_IDS, more, rest)
    )


def _new_status(state: str, message: str = "") -> str:
    return _NEW % (
        '"statusUpdate": {%s, "status": {"state": "TASK_STATE_%s", %s"timestamp": '
        '"2026-11-29T16:14:29.755440Z"}}' % (_NEW_IDS, state, message)
    )


_NEW_ANSWER = _new_artifact().replace(WORD, "done")
_NEW_MESSAGE = (
    '"message": {"messageId": "53e2a4b3-b060-4fd3-97c4-8a374c195a56", %s, "role": "ROLE_AGENT", '
    '"parts": [{"text": "word "}]}, ' % _NEW_IDS
)
# google-adk 2.13.0, its extension activated
_ADK_EVENT = (
    ', "metadata": {"adk_invocation_id": "e-b29f3c9b-9f54-4704-8a99-8ac9893e8bdd", "adk_author": '
    '"facts_agent", "adk_actions": {"stateDelta": {}}, "adk_event_id": '
    '"47beaf67-0231-4d01-bfa6-47a7b0151f83"}'
)
_ADK = (
    ', "metadata": {"adk_session_id": "fe10de15-a520-49f7-9ef7-c45eb20682ce", "adk_app_name": '
    '"facts_agent", "adk_user_id": "A2A_USER_fe10de15-a520-49f7-9ef7-c45eb20682ce", '
    '"https://google.github.io/adk-docs/a2a/a2a-extension/": {"adk_agent_executor_v2": true}}'
)
# AgentOS (agno 3.1.10)
_AGNO = (
    'event: %s\ndata: {"id": "b3e7", "jsonrpc": "2.0", "result": {"contextId": '
    '"d8d65910-1fce-45cf-bb58-d0848eec00a4", %s}}'
)
_AGNO_ID = '"taskId": "9c5c244d-626c-4244-9e1e-ee7617fb2acf"'


def _agno_status(state: str, final: str) -> str:
    return _AGNO % (
        "TaskStatusUpdateEvent",
        '"final": %s, "kind": "status-update", "status": {"state": "%s"}, %s'
        % (final, state, _AGNO_ID),
    )


_AGNO_PIECE = _AGNO % (
    "Message",
    '"kind": "message", "messageId": "ac30144f-3016-4315-868b-e7e5368b9c03", "metadata": '
    '{"agno_content_category": "content"}, "parts": [{"kind": "text", "text": "word "}], "role": '
    '"agent", %s' % _AGNO_ID,
)
_AGNO_TASK = _AGNO % (
    "Task",
    '"history": [{"contextId": "d8d65910-1fce-45cf-bb58-d0848eec00a4", "kind": "message", '
    '"messageId": "ac30144f-3016-4315-868b-e7e5368b9c03", "parts": [{"kind": "text", "text": '
    '"%%s"}], "role": "agent", %s}], "id": "9c5c244d-626c-4244-9e1e-ee7617fb2acf", "kind": "task", '
    '"status": {"state": "completed"}' % _AGNO_ID,
)

RECORDINGS: Dict[str, Recording] = {
    "0.3-artifact": Recording(
        (_OLD_TASK, _old_status("false", '"state":"working",'), _old_artifact("false")),
        _old_artifact("true"),
        (_old_artifact("true", "true"), _old_status("true", '"state":"completed",')),
        "0.3",
        "/",
    ),
    "0.3-message": Recording(
        (_agno_status("working", "false"), _AGNO_PIECE),
        _AGNO_PIECE,
        (_AGNO_PIECE, _agno_status("completed", "true"), _AGNO_TASK),
        "0.3",
        "/v1/message:stream",
        "\n",
    ),
    "0.3-status": Recording(
        (_OLD_TASK, _old_status("false", _OLD_MESSAGE)),
        _old_status("false", _OLD_MESSAGE),
        (
            _old_status("false", _OLD_MESSAGE),
            _OLD_ANSWER,
            _old_status("true", '"state":"completed",'),
        ),
        "0.3",
        "/",
    ),
    "1.0-artifact": Recording(
        (_NEW_TASK, _new_status("WORKING"), _new_artifact()),
        _new_artifact(', "append": true'),
        (_new_artifact(', "append": true, "lastChunk": true'), _new_status("COMPLETED")),
        "1.0",
        "/",
    ),
    "1.0-adk": Recording(
        (_NEW_TASK, _new_status("WORKING"), _new_artifact(_ADK, _ADK_EVENT)),
        _new_artifact(', "append": true' + _ADK, _ADK_EVENT),
        (_new_artifact(', "append": true' + _ADK, _ADK_EVENT), _new_status("COMPLETED")),
        "1.0",
        "/",
    ),
    "1.0-status": Recording(
        (_NEW_TASK, _new_status("WORKING", _NEW_MESSAGE)),
        _new_status("WORKING", _NEW_MESSAGE),
        (_new_status("WORKING", _NEW_MESSAGE), _NEW_ANSWER, _new_status("COMPLETED")),
        "1.0",
        "/",
    ),
}


def frames(name: str, count: int) -> List[bytes]:
    """The stream of ``count`` pieces, frame by frame."""
    recording = RECORDINGS[name]
    whole = WORD * count

    def written(frame: str) -> bytes:
        text = frame.replace("%s", whole)
        text = text if text.startswith("event: ") else "data: " + text
        return (text + 2 * recording.lines).encode()

    before, after = recording.before, recording.after
    between = count - sum(WORD in each for each in before + after)
    piece = written(recording.piece)
    number = _NUMBERED.encode()
    pieces = [piece.replace(number, b"%012d" % each) for each in range(between)]
    return [*map(written, before), *pieces, *map(written, after)]
