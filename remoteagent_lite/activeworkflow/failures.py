"""What a handler may raise, and what is raised at it. None of it needs a traceback."""

from __future__ import annotations

from typing import Sequence

__all__ = ["AgentError", "CredentialError", "OptionsError", "Retry"]


class Retry(Exception):  # noqa: N818 - raised as an order, not as an error
    """Raise this to be called again with the same message, a few seconds later.

    ActiveWorkflow calls up to four times more, within about seven minutes, and then gives the
    message up; whoever uses the agent reads the reason each time. What was logged, emitted and
    remembered in this call is dropped. Raise it only where doing everything again is safe.
    """

    def __init__(self, reason: object = "") -> None:
        super().__init__(reason)
        self.reason = reason


class AgentError(Exception):
    """An error meant for whoever uses the agent: they read its words and nothing else.

    Any other exception is shown with its type in front, and its traceback goes to the host's log.
    """


class CredentialError(AgentError):
    """An option that should name a credential does not."""


class OptionsError(AgentError):
    """Options as the user edited them do not fit their declarations; ``problems`` has them all."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)
