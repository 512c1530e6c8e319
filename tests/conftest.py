"""What every test can use, and what is looked after around every test."""

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
]
