"""What every test can use, and what is looked after around every test."""

from hypothesis import settings

from remoteagent_lite.testing.plugin import remote_agent_server
from tests.fold_order import folds_in_order
from tests.leaks import no_leaks, plain_environment
from tests.peers.fixtures import (
    a2a_sdk,
    a2a_sdk_03,
    adk,
    adk_sse,
    agentos,
    agentos_a2a,
    agentos_latest,
    agentos_servers,
    raw_server,
)

__all__ = [
    "a2a_sdk",
    "a2a_sdk_03",
    "adk",
    "adk_sse",
    "agentos",
    "agentos_a2a",
    "agentos_latest",
    "agentos_servers",
    "folds_in_order",
    "no_leaks",
    "plain_environment",
    "raw_server",
    "remote_agent_server",
]

#: A suite says the same of the same code; what is random belongs to the soak, which "explore"s.
settings.register_profile("suite", derandomize=True)
settings.register_profile("explore", derandomize=False, print_blob=True)
settings.load_profile("suite")
