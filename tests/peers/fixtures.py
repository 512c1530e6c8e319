"""The pytest fixtures of the peers; ``tests/conftest.py`` imports what it offers to all tests.

Servers are started once per session and shared, so a test takes session and run ids of its own
and leaves the server running. A test that kills or restarts its server makes a `PeerServer`.
"""

from typing import Dict, Iterator

import pytest

from .faults import RawServer
from .server import A2A_SDK, A2A_SDK_03, ADK, AGENTOS_LATEST, AGENTOS_VERSIONS, PeerServer

__all__ = [
    "AGENTOS_LATEST",
    "AGENTOS_VERSIONS",
    "a2a_sdk",
    "a2a_sdk_03",
    "adk",
    "adk_sse",
    "agentos",
    "agentos_a2a",
    "agentos_latest",
    "agentos_servers",
    "raw_server",
]


@pytest.fixture(scope="session")
def agentos_servers() -> Iterator[Dict[str, PeerServer]]:
    """The shared servers that have been asked for so far, by name."""
    servers: Dict[str, PeerServer] = {}
    yield servers
    for server in servers.values():
        server.close()


def _shared(servers: Dict[str, PeerServer], name: str) -> PeerServer:
    if name not in servers:
        servers[name] = PeerServer(name).start()
    return servers[name]


@pytest.fixture(scope="session", params=AGENTOS_VERSIONS)
def agentos(request: pytest.FixtureRequest, agentos_servers: Dict[str, PeerServer]) -> PeerServer:
    """A running AgentOS; a test that takes it runs once on each version."""
    return _shared(agentos_servers, request.param)


@pytest.fixture(scope="session")
def agentos_latest(agentos_servers: Dict[str, PeerServer]) -> PeerServer:
    """The running AgentOS of the newest version."""
    return _shared(agentos_servers, AGENTOS_LATEST)


@pytest.fixture(scope="session")
def agentos_a2a() -> Iterator[PeerServer]:
    """A running AgentOS of the newest version with its A2A interface."""
    with PeerServer(AGENTOS_LATEST, a2a=True) as server:
        yield server


@pytest.fixture(scope="session")
def a2a_sdk() -> Iterator[PeerServer]:
    """A running agent on the A2A SDK 1.x: protocol 1.0 and 0.3, JSON-RPC and REST."""
    with PeerServer(A2A_SDK) as server:
        yield server


@pytest.fixture(scope="session")
def a2a_sdk_03() -> Iterator[PeerServer]:
    """A running agent on the A2A SDK 0.3: JSON-RPC and REST."""
    with PeerServer(A2A_SDK_03) as server:
        yield server


@pytest.fixture(scope="session")
def adk() -> Iterator[PeerServer]:
    """A running agent of Google's ADK."""
    with PeerServer(ADK) as server:
        yield server


@pytest.fixture(scope="session")
def adk_sse() -> Iterator[PeerServer]:
    """The same agent, run so that its model streams."""
    with PeerServer(ADK, env={"PEER_SSE": "1"}) as server:
        yield server


@pytest.fixture
def raw_server() -> Iterator[RawServer]:
    """A scripted server; the test gives it handlers."""
    with RawServer() as server:
        yield server
