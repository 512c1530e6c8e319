"""What stands before the A2A peers, whichever SDK serves them. Runs in the peer's interpreter.

`Front` wraps an ASGI application. It answers ``GET /executions`` with how often each message was
run ({messageId: count}), refuses requests without the credentials that the environment asks for,
and alters the agent card on its way out. The environment, all optional:

``PEER_TOKEN``    demand ``Authorization: Bearer TOKEN`` of every request but the card's
``PEER_API_KEY``  demand ``X-API-Key: KEY`` likewise
``PEER_CARD``     a JSON merge patch (RFC 7396: objects are merged, null deletes) for the card;
                  ``$PEER_URL`` in it stands for the server's base URL
``PEER_STREAMING``  0: the card says that the server does not stream; the peers read it
"""

import collections
import hmac
import json
import os

API_KEY_HEADER = "X-API-Key"
BASE_URL = os.environ["PEER_URL"]
STREAMING = os.environ.get("PEER_STREAMING", "1") != "0"
TOKEN = os.environ.get("PEER_TOKEN", "")
API_KEY = os.environ.get("PEER_API_KEY", "")

_CARD_NAMES = ("/.well-known/agent-card.json", "/.well-known/agent.json")


def merged(target, patch):
    """`target` with the merge patch applied."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


class Front:
    """The application with all that is described above; `card_patch` comes before PEER_CARD's."""

    def __init__(self, app, card_patch=None):
        self._app = app
        self._executions = collections.Counter()
        patch = os.environ.get("PEER_CARD", "{}").replace("$PEER_URL", BASE_URL)
        self._patches = [each for each in (card_patch, json.loads(patch)) if each]

    def count(self, message_id):
        """To be called by the agent whenever it is set to work."""
        self._executions[message_id] += 1

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":  # the server's own start and end
            await self._app(scope, receive, send)
        elif scope["path"] == "/executions":
            await answer(send, 200, self._executions)
        elif scope["path"].endswith(_CARD_NAMES):
            await self._app(scope, receive, self._altering(send))
        elif not allowed(dict(scope["headers"])):
            challenge = "Bearer" if TOKEN else "ApiKey"
            problem = {"error": {"code": 401, "message": "credentials are missing or wrong"}}
            await answer(send, 401, problem, ("www-authenticate", challenge + ' realm="peer"'))
        else:
            await self._app(scope, receive, send)

    def _altering(self, send):
        """A `send` that patches a JSON object that goes out in one answer."""
        start = {}
        body = []

        async def altered(event):
            if event["type"] == "http.response.start":
                start.update(event)
                return
            body.append(event.get("body", b""))
            if event.get("more_body"):
                return
            content = b"".join(body)
            if start["status"] == 200 and content:
                content = json.dumps(self._patched(json.loads(content))).encode()
            headers = [each for each in start["headers"] if each[0].lower() != b"content-length"]
            headers.append((b"content-length", b"%d" % len(content)))
            await send({**start, "headers": headers})
            await send({"type": "http.response.body", "body": content})

        return altered if self._patches else send

    def _patched(self, card):
        for patch in self._patches:
            card = merged(card, patch)
        return card


def allowed(headers):
    """Whether the request has all the credentials that are asked for."""
    wanted = []
    if TOKEN:
        wanted.append((b"authorization", "Bearer " + TOKEN))
    if API_KEY:
        wanted.append((API_KEY_HEADER.lower().encode(), API_KEY))
    return all(hmac.compare_digest(headers.get(name, b""), it.encode()) for name, it in wanted)


def security():
    """The card's security members in the JSON of 1.0, for the credentials that are asked for."""
    schemes = {}
    if TOKEN:
        schemes["bearer"] = {"httpAuthSecurityScheme": {"scheme": "Bearer"}}
    if API_KEY:
        schemes["key"] = {"apiKeySecurityScheme": {"location": "header", "name": API_KEY_HEADER}}
    if not schemes:
        return {}
    requirement = {"schemes": {name: {} for name in schemes}}
    return {"securitySchemes": schemes, "securityRequirements": [requirement]}


async def answer(send, status, value, *headers):
    body = json.dumps(value).encode()
    pairs = [*headers, ("content-type", "application/json"), ("content-length", str(len(body)))]
    encoded = [(name.encode(), text.encode()) for name, text in pairs]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})


def interesting(headers):
    """Which of the headers that tests send have arrived: names in lower case, never values."""
    seen = {name.lower() for name in headers}
    fixed = {name: name in seen for name in ("authorization", API_KEY_HEADER.lower())}
    return {**fixed, **{name: True for name in sorted(seen) if name.startswith("x-test-")}}
