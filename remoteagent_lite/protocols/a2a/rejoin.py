"""What comes twice when a stream is taken up again. No I/O.

Servers put a chunk into the task before they send it to those who listen. So whoever subscribes
again may get it in the snapshot of the task, and once more as a chunk. Protocol 0.3 has no snapshot
at the beginning: it is asked for behind the subscription, and what was sent in between is in it, at
its end. A Rejoin is asked of every chunk what of it is new; the fold does what it says.
"""

from __future__ import annotations

import json
import operator
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Set, Tuple

from .artifact import Artifact
from .content import artifacts_of, mapping, objects, state_of, texts
from .interface import INTERRUPTED, TERMINAL

__all__ = ["Change", "Rejoin"]

JSON = Dict[str, Any]
Artifacts = Mapping[str, Artifact]


class Change(NamedTuple):
    """Parts that are added to an artifact, or that take the place of all it has."""

    append: bool
    parts: List[JSON]


class Rejoin:
    """What has to be known of a stream that was broken to tell what is new from what is repeated.

    ``news`` counts a piece of text, an artifact, a message or a state that was never seen.
    What flips back is none.
    """

    def __init__(self, news: int, states: Iterable[str], task: JSON, artifacts: Artifacts) -> None:
        self.news = 0
        #: Whether what is known may lack a chunk, or have one twice.
        self.doubt = False
        self._unsure = False  # no task has come since the stream broke
        self._replays: Dict[str, _Replay] = {}
        self._looked_up = False
        self._fresh: Dict[str, List[JSON]] = {}  # what was appended since a task was looked up
        self._stored: Dict[str, List[JSON]] = {}  # the parts that each artifact had then
        self._before: Dict[str, int] = {}  # and how many before that
        self._stores_twice = False
        self._facts: Set[int] = set()
        self._sizes: Dict[str, Tuple[int, int]] = {}  # of artifacts: now, and at most
        for state in states:
            self._learn(state)
        self.saw(task, artifacts)
        self.news = news  # all that is no news

    def broken(self, artifacts: Artifacts) -> Dict[str, List[Change]]:
        """The stream was broken. What was held back and can be nothing else is new, by artifact."""
        late = {}
        for key, replay in list(self._replays.items()):
            if self._is_doubled(key, replay, artifacts[key]):
                late[key] = self._released(key, artifacts[key])
        self._replays.clear()
        self._unsure = True
        return late

    # What a chunk changes

    def changes(
        self, key: str, append: bool, parts: List[JSON], known: Optional[Artifact]
    ) -> List[Change]:
        """What a chunk changes of the artifact: nothing if it is a repetition, or may be one.

        In that case it is held back until it is clear.
        """
        replay = self._replays.get(key)
        if append:
            self.doubt = self.doubt or self._unsure
            if replay is None or known is None:
                return [self._appended(key, parts)]
            if self._is_held(key, replay, parts, known):
                return []
            return [*self._released(key, known), self._appended(key, parts)]
        text = "".join(texts(parts))
        if replay is not None and known is not None and replay.begins_with(text):
            replay = self._replays[key] = _Replay(known.text())
            replay.whole = True
            self._hold(key, replay, text, parts)
            return []
        self._replays.pop(key, None)
        self._stored[key] = parts
        self._fresh.pop(key, None)
        return [Change(False, parts)]

    def _appended(self, key: str, parts: List[JSON]) -> Change:
        if self._looked_up and parts:
            self._fresh.setdefault(key, []).extend(parts)
        return Change(True, parts)

    def _is_held(self, key: str, replay: _Replay, parts: List[JSON], known: Artifact) -> bool:
        text = "".join(texts(parts))
        if text:
            return self._hold(key, replay, text, parts)
        there = known.parts
        if not all(part in there for part in parts):
            return False
        self.doubt = self.doubt or bool(parts)
        return True

    def _hold(self, key: str, replay: _Replay, text: str, parts: List[JSON]) -> bool:
        held = replay.hold(text, parts)
        if held:
            self.doubt = True
            if replay.is_certain:
                del self._replays[key]
        return held

    def _released(self, key: str, known: Artifact) -> List[Change]:
        """What was held back of an artifact is complete: drop it, or take it for new."""
        replay = self._replays.pop(key)
        if self._is_doubled(key, replay, known):
            count, there = len(replay.parts), known.parts
            self._fresh.setdefault(key, []).extend(replay.parts)
            self._stored[key] = self._stored.get(key, [])[: -2 * count]
            return [Change(False, [*there[: -2 * count], *replay.parts])]
        if not replay.held or replay.is_repeated:
            return []
        if replay.snapshot:  # what was looked up is newer, and something between is missing
            self.doubt = True
            return []
        if replay.whole:
            return [Change(False, replay.parts)]
        return [self._appended(key, replay.parts)]

    def _is_doubled(self, key: str, replay: _Replay, known: Artifact) -> bool:
        """Whether a task that was looked up ends with twice what was held.

        a2a-sdk 0.3.26 stores so what it sends to who has subscribed again. An agent may say the
        same twice, too; but that has to begin with the very chunk that came before the look.
        """
        count, there = len(replay.parts), known.parts
        return (
            self._looked_up
            and not replay.whole
            and count > 0
            and len(there) - 2 * count >= self._before.get(key, 0)
            and there[-2 * count :] == _doubled(replay.parts)
        )

    def undecided(self, artifacts: Artifacts) -> Dict[str, List[Change]]:
        """What was held back, by artifact, now that nothing comes any more that could decide."""
        return {key: self._released(key, artifacts[key]) for key in list(self._replays)}

    # Snapshots

    def is_old(self, task: JSON, artifacts: Artifacts) -> bool:
        """Whether a stream begins with a snapshot older than the one that was looked up.

        What it lacks comes as chunks then, from its end on, or from some way before that.
        """
        if not self._replays or state_of(task) in TERMINAL or state_of(task) in INTERRUPTED:
            return False
        begun: Dict[str, _Replay] = {}
        for artifact in artifacts_of(task):
            key, parts = str(artifact.get("artifactId") or ""), objects(artifact.get("parts"))
            text = "".join(texts(parts))
            known = self._replays.get(key)
            if known is None or not known.begins_with(text):
                return False
            begun[key] = _Replay(artifacts[key].text(), text)
        self._replays = {
            key: _Replay(artifacts[key].text()) if each.is_certain else each
            for key, each in begun.items()
        }
        return bool(begun)

    def took(self, artifacts: Artifacts) -> None:
        """A snapshot has taken the place of what was known; these are the artifacts now."""
        self._unsure = self.doubt = False
        self._replays = {key: _Replay(each.text()) for key, each in artifacts.items()}

    def looked_up(self, task: JSON) -> None:
        """The snapshot was asked for, behind the subscription."""
        self._looked_up = True
        self._fresh = {}
        self._stored = _stored(task)

    def corrected(self, task: JSON, artifacts: Artifacts, subscribed: bool) -> JSON:
        """A task that was looked up, without what its server stored twice; itself if that is none.

        a2a-sdk 0.3.26 does so while somebody is subscribed again, and no more in between. What has
        come since the last look shows it; of what has not come, equal neighbours are one, as they
        are of what was stored since a subscription that has just begun (``subscribed``).
        """
        self._before = {key: len(each.parts) for key, each in artifacts.items()}
        if not self._looked_up or not artifacts_of(task):
            return task
        self._before = {key: len(each) for key, each in self._stored.items()}
        listed = artifacts_of(task)
        once = [self._once(each, artifacts, subscribed) for each in listed]
        if all(map(operator.is_, once, listed)):
            return task
        return {**task, "artifacts": once}

    def _once(self, artifact: JSON, artifacts: Artifacts, subscribed: bool) -> JSON:
        key = str(artifact.get("artifactId") or "")
        known, fresh = artifacts.get(key), self._fresh.get(key, [])
        parts, stored = objects(artifact.get("parts")), self._stored.get(key, [])
        count = len(stored)
        if parts[:count] != stored:
            return artifact  # it is another
        tail, twice = parts[count:], _doubled(fresh)
        if count and tail[:1] == parts[count - 1 : count] and tail[: len(twice)] != twice:
            tail = tail[1:]  # it was being stored at the last look
        if not subscribed:
            # If nothing has come since, the first of what is missed has to show it.
            sample = twice or (_doubled(tail[:1]) if not self._stores_twice else [])
            if sample:
                self._stores_twice = tail[: len(sample)] == sample
        if known is None or (fresh and not self._stores_twice):
            return artifact
        missed = tail[len(twice) :]
        if subscribed or self._stores_twice:
            missed = _once_each(missed)
        once = [*known.parts, *missed]
        return artifact if once == parts else {**artifact, "parts": once}

    # News

    def saw(self, task: JSON, artifacts: Artifacts) -> None:
        """A task as it is known, or told by a snapshot."""
        self.saw_status(mapping(task.get("status")))
        for message in objects(task.get("history")):
            self.saw_message(message)
        for key, each in artifacts.items():
            self.saw_change(key, Change(False, each.parts))

    def saw_status(self, status: JSON) -> None:
        self._learn(status.get("state"))
        message = mapping(status.get("message"))
        if message:
            self.saw_message(message)

    def saw_message(self, message: JSON) -> None:
        self._learn(message.get("role"), message.get("parts"))

    def saw_change(self, key: str, change: Change) -> None:
        """An artifact has changed: news if it is longer than ever, or as it has never been."""
        now, most = self._sizes.get(key, (0, 0))
        pieces = texts(change.parts)
        size = sum(map(len, pieces)) + len(change.parts) - len(pieces)
        now = now + size if change.append else size
        if change.append and now > most:
            self.news += 1  # nothing to remember: to be repeated it has to be short again
        elif change.parts:
            self._learn(key, now, change)
        self._sizes[key] = now, max(now, most)

    def _learn(self, *fact: Any) -> None:
        known = len(self._facts)
        self._facts.add(hash(json.dumps(fact, sort_keys=True)))
        self.news += len(self._facts) - known


class _Replay:
    """Chunks that came for an artifact after a snapshot of it which may hold them already.

    Chunks are held back as long as, put together, they are found in the snapshot's text. The first
    one that is not decides: if what was held is the end of that text, it was a repetition; if not,
    all of it is new. ``whole`` marks a repetition that began with the artifact's very beginning, as
    a chunk or as an older ``snapshot``; behind such a one, what is new to it may be preceded by
    chunks that are in it.
    """

    __slots__ = ("_before", "_known", "held", "parts", "snapshot", "whole")

    def __init__(self, known: str, snapshot: str = "") -> None:
        self._known = known
        self._before = ""  # of what is in the older snapshot
        self.snapshot = snapshot
        self.whole = bool(snapshot)
        self.held = snapshot
        self.parts: List[JSON] = []

    def begins_with(self, text: str) -> bool:
        return bool(text) and self._known.startswith(text)

    def hold(self, text: str, parts: List[JSON]) -> bool:
        """Keep a chunk back; False if with it the text is none that is known."""
        longer = self.held + text
        if not self.whole:
            fits = longer in self._known or self._is_in_pairs([*self.parts, *parts])
        elif self._known.startswith(longer) and self.snapshot.endswith(self._before):
            fits = True
        elif self.held == self.snapshot and self._before + text in self.snapshot:
            self._before += text
            return True
        else:
            fits = False
        if fits:
            self.held = longer
            self.parts.extend(parts)
        return fits

    def _is_in_pairs(self, parts: List[JSON]) -> bool:
        return "".join(texts(_doubled(parts))) in self._known

    @property
    def is_repeated(self) -> bool:
        """Whether what is held may be the end of what is known."""
        return self.held == self._known if self.whole else self._known.endswith(self.held)

    @property
    def is_certain(self) -> bool:
        """Whether what is held can be nothing but the end of what is known."""
        start = 0 if self.whole else self._known.find(self.held)
        return start + len(self.held) == len(self._known)


def _stored(task: JSON) -> Dict[str, List[JSON]]:
    """The parts of a task's artifacts."""
    return {
        str(each.get("artifactId") or ""): objects(each.get("parts")) for each in artifacts_of(task)
    }


def _once_each(parts: List[JSON]) -> List[JSON]:
    """The parts, of those that stand in pairs one each."""
    once: List[JSON] = []
    again = False
    for part in parts:
        again = not again and bool(once) and part == once[-1]
        if not again:
            once.append(part)
    return once


def _doubled(parts: List[JSON]) -> List[JSON]:
    """Every part twice, as some servers store what they were told once."""
    return [part for part in parts for _ in range(2)]
