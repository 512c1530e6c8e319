"""The states of a stream: what it does when what it reads from has no more. No I/O, no clock."""

from __future__ import annotations

from typing import Any, NamedTuple, Optional

from ..protocols.contract import EventsMissingError, Fold, Resumption
from .waiting import Attempts, Limits, is_late, is_out_of_reach, is_passing, is_silence

__all__ = [
    "COMPLETE",
    "ENDED",
    "INTERRUPTED",
    "LATE",
    "LOOKING_UP",
    "RESUMING",
    "STREAMING",
    "Course",
    "End",
    "Step",
]

#: The states. In STREAMING what began the stream is read, in RESUMING what goes on behind a break;
#: in LOOKING_UP the run itself has been asked for.
STREAMING, RESUMING, LOOKING_UP, ENDED = "streaming", "resuming", "looking up", "ended"

#: How a stream ends: with its run, at the limit that its caller has set, before its run.
COMPLETE, LATE, INTERRUPTED = "complete", "late", "interrupted"


class End(NamedTuple):
    """A reader has no more: what broke it off, or None and whether that is the proven end.

    ``looked`` if the run itself was asked for, beside its stream or in place of it.
    """

    cause: Optional[BaseException] = None
    proven: bool = False
    looked: bool = False


class Step(NamedTuple):
    """What comes next: the state to go on in, after ``delay`` seconds; or how the stream ends.

    ``cause`` is what it is INTERRUPTED by.
    """

    what: str
    delay: float = 0.0
    cause: Optional[BaseException] = None


class Course:
    """The state of one stream, how one follows from another, and what has to be known for it.

    ==========  ==================================================  ==========
    state       what the reader has ended with                      next state
    ==========  ==================================================  ==========
    any         the run's end                                       ENDED
    any         the run's end, in doubt                             LOOKING_UP
    STREAMING   anything else that may pass                         RESUMING
    RESUMING    no connection, or something new                     RESUMING
    RESUMING    nothing new, a refusal                              LOOKING_UP
    any         silence, where only events are signs of life        LOOKING_UP
    LOOKING_UP  nothing that settles it                             RESUMING
    LOOKING_UP  nothing new after a silence or a refusal            ENDED
    ==========  ==================================================  ==========

    It ends with an error where the policy allows no further attempt, and where there is no way to
    go on. A run that is waited for is asked for as often as the limits let it be.
    """

    def __init__(
        self,
        fold: Fold[Any],
        resume: Optional[Resumption],
        limits: Limits,
        attempts: Optional[Attempts] = None,
    ) -> None:
        self.state = STREAMING
        self.attempts = attempts or Attempts(resume and resume.policy)
        #: How the stream broke off last.
        self.broken = End()
        self._fold = fold
        self._resume = resume
        self._limits = limits
        self._before = 0  # the fold's news when the run was looked up last

    @property
    def has_ended(self) -> bool:
        """Whether only the end of the body is waited for."""
        return self._fold.finished and self.state is not LOOKING_UP

    @property
    def is_silent(self) -> bool:
        """Whether the stream broke off because nothing was told for too long."""
        return self._is_silent(self.broken.cause)

    def step(self, end: End, now: float, *, cut: bool, heard: bool) -> Step:
        """The next step, when the reader has ended so.

        ``cut``: it ended within an event; ``heard``: it had read something before.
        """
        fold, looked = self._fold, self.state is LOOKING_UP
        if end.proven and not looked and not cut:
            fold.end()
        if fold.finished and not (fold.suspect and self._can_look_up()):
            return Step(COMPLETE)
        if not looked:
            self.broken = end
        if is_late(end.cause) and self._limits.are_over(now):
            return Step(LATE)
        if not looked and (fold.finished or self._is_due_to_look(end, heard)):
            return self._look_up(0.0)
        known = fold.finished or (fold.waits and self.broken.cause is None)
        cause = end.cause if known else self.broken.cause
        delay = None
        if self._may_try_again(cause, heard):
            delay = self.attempts.pause(fold.news, fold.waits and cause is None)
        if delay is None:
            return Step(INTERRUPTED, 0.0, cause)
        if fold.finished:
            return self._look_up(delay)
        self.state = RESUMING
        return Step(RESUMING, delay)

    def _look_up(self, delay: float) -> Step:
        self._before = self._fold.news
        self.state = LOOKING_UP
        return Step(LOOKING_UP, delay)

    def _can_look_up(self) -> bool:
        known = self._fold.run_id is not None
        return known and self._resume is not None and self._resume.look_up is not None

    def _is_silent(self, cause: Optional[BaseException]) -> bool:
        """Whether nothing was told for too long, though the connection may be alive."""
        return is_silence(cause) and (self._fold.frames is not None or self._fold.waits)

    def _is_due_to_look(self, end: End, heard: bool) -> bool:
        """Whether what became of the run is asked for before the stream is taken up again."""
        fold, resume, cause = self._fold, self._resume, end.cause
        if resume is None or end.looked or not self._can_look_up():
            return False
        if resume.reopen is None:  # the last chance of an end that nothing has proved
            return cause is None and not end.proven
        if fold.fault is not None or self._is_silent(cause):
            return True
        if self.state is not RESUMING or fold.news > self.attempts.news:
            return False
        if isinstance(cause, EventsMissingError):
            return self.attempts.count > 1  # they have been asked for a second time
        return not is_out_of_reach(cause) or heard

    def _may_try_again(self, cause: Optional[BaseException], heard: bool) -> bool:
        """Whether asking again, in a while, may bring what was not to be had now."""
        fold, resume = self._fold, self._resume
        if resume is None or fold.run_id is None or not is_passing(cause):
            return False
        if fold.finished:
            return True
        if resume.reopen is None or fold.fault is not None:
            return False
        if self.state is LOOKING_UP:
            return fold.news > self._before or not self._is_silent(cause)
        # An answer that does not even begin is waited for once.
        return heard or self.state is not RESUMING or not is_silence(cause)
