"""The soak in small: each promise under every fault, some hundred runs of one seed."""

import pytest

from remoteagent_lite import RetryPolicy
from tests.soak import AGENTS, Soak, soak


@pytest.mark.parametrize("protocol", AGENTS)
def test_each_run_ends_in_its_own_whole_answer_or_in_an_error_that_explains_itself(protocol):
    assert soak(protocol, seed=9, runs=200, threads=4) == []


@pytest.mark.parametrize("protocol", AGENTS)
def test_the_soak_notices_runs_that_are_executed_twice(protocol):
    with Soak(protocol, seed=9, retry=RetryPolicy(backoff=0.002, retry_runs=True)) as careless:
        careless.run(range(100), threads=4)
    assert careless.repeated()
    assert any("executed 2 times" in failure for failure in careless.failures)
