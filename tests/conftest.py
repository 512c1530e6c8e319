"""What every test can use."""

from tests.peers.fixtures import agentos, agentos_latest, agentos_servers, raw_server

__all__ = ["agentos", "agentos_latest", "agentos_servers", "raw_server"]
