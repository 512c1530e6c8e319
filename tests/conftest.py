"""What every test can use, and what is looked after around every test."""

from tests.leaks import no_leaks, plain_environment
from tests.peers.fixtures import agentos, agentos_latest, agentos_servers, raw_server

__all__ = [
    "agentos",
    "agentos_latest",
    "agentos_servers",
    "no_leaks",
    "plain_environment",
    "raw_server",
]
