"""``remoteagent new``: write the beginning of a project."""

from __future__ import annotations

import argparse
import keyword
import re
from pathlib import Path
from typing import Dict

from .arguments import Commands
from .terminal import say, write

__all__ = ["add_commands"]

_APP = '''\
"""The agent {id}: a Python function, over AgentOS and over A2A."""

import os
from typing import Iterator

from remoteagent_lite.gateway import AgentError, Gateway, Keys, Run, agent


@agent(id="{id}", examples=["Ann"])
def {function}(run: Run) -> Iterator[str]:
    """Greets whoever says their name."""
    if not run.text.strip():
        raise AgentError("Say your name.")
    yield "Hello, "
    yield "%s!" % run.text


key = os.environ.get("AGENT_KEY")  # without one the door is open
app = Gateway(
    {function},
    auth=Keys(key) if key else None,
    public_url=os.environ.get("PUBLIC_URL"),
    store=os.environ.get("AGENT_STORE", "memory:"),
)
'''

_TEST = """\
from app import app

from remoteagent_lite import A2AClient, RemoteAgent
from remoteagent_lite.testing import serve


def test_it_greets():
    with serve(app) as url, RemoteAgent(url, "{id}") as agent:
        assert agent.run("Ann").content == "Hello, Ann!"


def test_it_streams():
    with serve(app) as url, RemoteAgent(url, "{id}") as agent:
        with agent.run("Ann", stream=True) as stream:
            assert list(stream.text()) == ["Hello, ", "Ann!"]


def test_it_says_what_it_needs():
    with serve(app) as url, RemoteAgent(url, "{id}") as agent:
        output = agent.run(" ")
        assert (output.status, output.content) == ("ERROR", "Say your name.")


def test_it_is_an_a2a_agent():
    with serve(app) as url, A2AClient(url + "/a2a/agents/{id}") as client:
        task = client.send_message("Ann")
        assert task.artifacts[0].parts[0].text == "Hello, Ann!"
"""

_README = """\
# {name}

An agent in plain Python, served by any WSGI server: to AgentOS clients and, at
`/a2a/agents/{id}`, to A2A clients.

```console
$ pip install -r requirements.txt pytest
$ pytest
$ gunicorn --worker-class gthread --threads 100 --bind 127.0.0.1:8000 app:app
```

```console
$ curl -F message=Ann -F stream=false http://127.0.0.1:8000/agents/{id}/runs
$ remoteagent run http://127.0.0.1:8000 {id} Ann
$ remoteagent run http://127.0.0.1:8000/a2a/agents/{id} Ann --a2a
```

| Variable | |
|---|---|
| `AGENT_KEY` | what callers send as `Authorization: Bearer`; without it the door is open |
| `AGENT_STORE` | where runs are kept: `sqlite:///runs.db`; without it in one process's memory |
| `PUBLIC_URL` | where A2A clients find it, for its card; without it where they asked for the card |

A request takes a thread for as long as it lasts. Or in a container:

```console
$ docker build --tag {id} .
$ docker run --publish 8000:8000 --env AGENT_KEY {id}
```
"""

_REQUIREMENTS = """\
remoteagent-lite
gunicorn
"""

_DOCKERFILE = """\
FROM python:3.13-slim
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt && useradd --create-home agent
USER agent
WORKDIR /home/agent
COPY app.py .
EXPOSE 8000
HEALTHCHECK --interval=5s CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health')"]
CMD ["gunicorn", "--worker-class", "gthread", "--threads", "100", "--bind", "0.0.0.0:8000", "app:app"]
"""  # noqa: E501

_FILES: Dict[str, str] = {
    "app.py": _APP,
    "test_app.py": _TEST,
    "README.md": _README,
    "requirements.txt": _REQUIREMENTS,
    "Dockerfile": _DOCKERFILE,
}


def add_commands(commands: Commands) -> None:
    new = commands.add_parser("new", help="write the beginning of a project")
    kinds = new.add_subparsers(metavar="KIND", required=True)
    agent = kinds.add_parser(
        "agent",
        help="an agent in Python, with a test and a Dockerfile",
        description="Write an agent in Python, its test, README.md, requirements.txt and "
        "Dockerfile. Nothing is overwritten.",
    )
    agent.add_argument("directory", metavar="DIRECTORY", help="made if it is not there")
    agent.add_argument("--id", help="the agent's id (default: the name of the directory)")
    agent.set_defaults(command=_agent)


def _agent(arguments: argparse.Namespace) -> int:
    directory = Path(arguments.directory)
    name = directory.resolve().name
    id = arguments.id or re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "agent"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", id):
        raise ValueError("--id takes letters, digits, '.', '_' and '-', not %r" % id)
    function = re.sub(r"\W", "_", id)
    if not function.isidentifier() or keyword.iskeyword(function) or function in _TAKEN:
        function = "agent_" + function
    there = [each for each in _FILES if (directory / each).exists()]
    if there:
        raise ValueError("nothing was written: %s has %s already" % (directory, ", ".join(there)))
    directory.mkdir(parents=True, exist_ok=True)
    for file, text in _FILES.items():
        for field, value in (("name", name), ("id", id), ("function", function)):
            text = text.replace("{%s}" % field, value)
        with open(str(directory / file), "x", encoding="utf-8") as opened:
            opened.write(text)
        write("%s\n" % (directory / file))
    say("cd %s && pip install -r requirements.txt pytest && pytest" % directory)
    return 0


#: Names that app.py has for other things.
_TAKEN = ("os", "key", "app", "agent", "run")
