"""Whether folds are called in the order that protocols/contract.py has, whatever a stream meets."""

from typing import Any, Iterator

import pytest

from remoteagent_lite.protocols.a2a import runs as a2a_runs
from remoteagent_lite.protocols.agentos import runs as agentos_runs

__all__ = ["folds_in_order"]


def in_order(fold: Any) -> Any:
    """The class of folds, of which each call has to be allowed in the state it finds."""

    class Ordered(fold):  # type: ignore[misc]
        done = False

        def _check(self, call: str, allowed: bool) -> None:
            assert allowed and not self.done, "%s of a fold that is %s" % (
                call,
                "done" if self.done else "finished" if self.finished else "open",
            )

        def decode(self, name: str, data: Any) -> Any:
            self._check("decode", True)
            return super().decode(name, data)

        def resumed(self) -> None:
            self._check("resumed", not self.finished)
            super().resumed()

        def end(self) -> bool:
            self._check("end", True)
            ended = super().end()
            assert ended == self.finished
            return bool(ended)

        def settle(self, output: Any) -> None:
            self._check("settle", not self.finished or self.suspect)
            super().settle(output)
            assert self.finished or self.waits

        def flush(self) -> Any:
            self._check("flush", self.finished or self.waits)
            events = super().flush()
            self.done = self.finished
            return events

    return Ordered


@pytest.fixture
def folds_in_order(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(agentos_runs, "AgentOSFold", in_order(agentos_runs.AgentOSFold))
    monkeypatch.setattr(a2a_runs, "A2AFold", in_order(a2a_runs.A2AFold))
    yield
