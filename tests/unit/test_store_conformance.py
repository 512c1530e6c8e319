"""The conformance test for stores, tested: by what the documents show, and by bad stores."""

import re
import threading
from typing import Any, Dict, Iterable, List, Sequence, Set, Tuple, Type

import pytest

from remoteagent_lite.gateway.store import MemoryStore, Query, Session, Store, StoredRun
from remoteagent_lite.testing import StoreConformance, stores
from tests import ROOT


def documented() -> Dict[str, Any]:
    text = (ROOT / "docs" / "stores.md").read_text("utf-8")
    names: Dict[str, Any] = {"__name__": "snippet"}
    for code in re.findall(r"^```python\n(.*?)^```", text, re.M | re.S):
        if "Gateway(" not in code:
            exec(compile(code, "docs/stores.md", "exec"), names)
    return names


NAMES = documented()

#: As it stands in the document.
TestYourStore = NAMES["TestYourStore"]


class TestPlainStore(StoreConformance):
    """And with what the document shows in the place of "yours"."""

    shares_between_processes = False

    @pytest.fixture
    def stores(self) -> Tuple[Store, Store]:
        store: Store = NAMES["PlainStore"]()
        return store, store


# Each of these does one thing wrong, and is named by the test that finds it out.


class RunWhoseIdIsTaken(MemoryStore):
    finds = "test_run_whose_id_is_taken_is_not_added"

    def add(self, run: StoredRun) -> bool:
        self.delete([run.run_id])
        return super().add(run)


class AddsTwice(MemoryStore):
    finds = "test_of_those_who_add_at_once_one_does"

    def __init__(self) -> None:
        super().__init__()
        self._all_have_looked = threading.Barrier(stores._THREADS)

    def add(self, run: StoredRun) -> bool:
        is_free = self.get(run.run_id) is None
        self._all_have_looked.wait(30)
        super().add(run)
        return is_free


class Forgetful(MemoryStore):
    finds = "test_run_comes_back_as_it_was_kept"

    def add(self, run: StoredRun) -> bool:
        return super().add(run._replace(user_id=run.user_id or None))


class Rounding(MemoryStore):
    finds = "test_run_comes_back_as_it_was_kept"

    def add(self, run: StoredRun) -> bool:
        return super().add(run._replace(created_at=round(run.created_at, 6)))


class ChangesAnyVersion(MemoryStore):
    finds = "test_change_of_another_version_does_nothing"

    def change(self, run: StoredRun, entries: Sequence[str] = ()) -> bool:
        kept = self.get(run.run_id)
        return super().change(run._replace(version=kept.version + 1 if kept else 0), entries)


class AppendsWithoutChange(MemoryStore):
    finds = "test_change_of_another_version_does_nothing"

    def change(self, run: StoredRun, entries: Sequence[str] = ()) -> bool:
        kept = self.get(run.run_id)
        if kept:
            self.append(run.run_id, kept.holder, entries)
        return super().change(run)


class ChangesWhatIsGone(MemoryStore):
    finds = "test_change_of_a_run_that_is_gone_does_nothing"

    def change(self, run: StoredRun, entries: Sequence[str] = ()) -> bool:
        return self.add(run) or super().change(run, entries)


class LosesChanges(MemoryStore):
    finds = "test_of_those_who_change_at_once_one_does"

    def change(self, run: StoredRun, entries: Sequence[str] = ()) -> bool:
        super().change(run, entries)
        return True


class UndoesRenewals(MemoryStore):
    finds = "test_change_does_not_undo_a_renewal"

    def change(self, run: StoredRun, entries: Sequence[str] = ()) -> bool:
        done = super().change(run, entries)
        if done:
            self.renew([(run.run_id, run.holder)], run.held_until)
        return done


class KeepsLeases(MemoryStore):
    finds = "test_change_does_not_undo_a_renewal"

    def change(self, run: StoredRun, entries: Sequence[str] = ()) -> bool:
        kept = self.get(run.run_id)
        until = max(run.held_until, kept.held_until if kept else 0.0)
        return super().change(run._replace(held_until=until), entries)


class AppendsForAnybody(MemoryStore):
    finds = "test_only_the_holder_appends"

    def append(self, run_id: str, holder: str, entries: Sequence[str]) -> bool:
        kept = self.get(run_id)
        return super().append(run_id, kept.holder if kept else holder, entries)


class AppendsForNobody(MemoryStore):
    finds = "test_only_the_holder_appends"

    def append(self, run_id: str, holder: str, entries: Sequence[str]) -> bool:
        kept = self.get(run_id)
        if kept and kept.holder == holder == "":
            self._kept[run_id].log.extend(entries)
            return True
        return super().append(run_id, holder, entries)


class AppendsNothingToAnybody(MemoryStore):
    finds = "test_nothing_appended_says_whether_it_is_held"

    def append(self, run_id: str, holder: str, entries: Sequence[str]) -> bool:
        return not entries or super().append(run_id, holder, entries)


class AppendsLate(MemoryStore):
    """Looks who holds the run, and appends then."""

    finds = "test_who_loses_the_run_appends_nothing_more"

    def __init__(self) -> None:
        super().__init__()
        self._has_changed = threading.Event()

    def append(self, run_id: str, holder: str, entries: Sequence[str]) -> bool:
        kept = self.get(run_id)
        if kept is None or kept.holder != holder:
            return False
        if self.entries(run_id):
            self._has_changed.wait(30)
        self._kept[run_id].log.extend(entries)
        return True

    def change(self, run: StoredRun, entries: Sequence[str] = ()) -> bool:
        done = super().change(run, entries)
        self._has_changed.set()
        return done


class TakesAThousand(MemoryStore):
    finds = "test_entries_come_in_their_order"

    def append(self, run_id: str, holder: str, entries: Sequence[str]) -> bool:
        return super().append(run_id, holder, entries[:1000])


class GivesAll(MemoryStore):
    finds = "test_entries_come_in_their_order"

    def entries(self, run_id: str, start: int = 0, limit: int = 1000) -> List[str]:
        return super().entries(run_id, start, 10**9)


class TakesApart(MemoryStore):
    """Appends the first batch in two, with another one between."""

    finds = "test_what_is_appended_at_once_stays_together"

    def __init__(self) -> None:
        super().__init__()
        self._first = threading.Lock()
        self._another = threading.Event()

    def append(self, run_id: str, holder: str, entries: Sequence[str]) -> bool:
        if not self._first.acquire(blocking=False):
            done = super().append(run_id, holder, entries)
            self._another.set()
            return done
        super().append(run_id, holder, entries[:1])
        self._another.wait(30)
        return super().append(run_id, holder, entries[1:])


class CutsOff(MemoryStore):
    finds = "test_large_texts_are_kept_whole"

    def append(self, run_id: str, holder: str, entries: Sequence[str]) -> bool:
        return super().append(run_id, holder, [entry[: 2**20] for entry in entries])


class SpeaksUTF8(MemoryStore):
    finds = "test_any_text_is_kept_as_it_is"

    def append(self, run_id: str, holder: str, entries: Sequence[str]) -> bool:
        read = [entry.encode("utf-8", "replace").decode("utf-8") for entry in entries]
        return super().append(run_id, holder, read)


class EndsAtNUL(MemoryStore):
    finds = "test_any_text_is_kept_as_it_is"

    def add(self, run: StoredRun) -> bool:
        return super().add(run._replace(data=run.data.partition("\x00")[0]))


class RenewsAll(MemoryStore):
    finds = "test_who_still_holds_renews"

    def renew(self, holds: Iterable[Tuple[str, str]], until: float) -> Set[str]:
        holds = list(holds)
        super().renew(holds, until)
        return {run_id for run_id, _ in holds}


class RenewsByChanges(MemoryStore):
    finds = "test_who_still_holds_renews"

    def renew(self, holds: Iterable[Tuple[str, str]], until: float) -> Set[str]:
        held = super().renew(holds, until)
        for run_id in held:
            run = self._kept[run_id].run
            self._kept[run_id].run = run._replace(version=run.version + 1)
        return held


class OverdueIfFree(MemoryStore):
    finds = "test_who_was_not_renewed_is_overdue"

    def overdue(self, now: float) -> List[StoredRun]:
        return [each.run for each in self._kept.values() if each.run.held_until < now]


class OldestFirst(MemoryStore):
    finds = "test_last_changed_comes_first"

    def runs(self, query: Query) -> List[StoredRun]:
        return super().runs(query)[::-1]


class ChangedWhenAfter(MemoryStore):
    finds = "test_runs_that_fit_all_that_is_asked_for"

    def runs(self, query: Query) -> List[StoredRun]:
        if query.updated_after is not None:
            query = query._replace(updated_after=query.updated_after - 0.5)
        return super().runs(query)


class CountsAPage(MemoryStore):
    finds = "test_runs_that_fit_all_that_is_asked_for"

    def count(self, query: Query) -> int:
        return len(self.runs(query))


class PagesByTimeAlone(MemoryStore):
    finds = "test_pages_have_each_run_once_if_many_changed_at_the_same_time"

    def runs(self, query: Query) -> List[StoredRun]:
        if query.before is not None:
            query = query._replace(before=(query.before[0], ""))
        return super().runs(query)


class PagesFromWhatIsThere(MemoryStore):
    finds = "test_page_begins_behind_a_run_that_is_there_no_more"

    def runs(self, query: Query) -> List[StoredRun]:
        if query.before is not None and self.get(query.before[1]) is None:
            return []
        return super().runs(query)


class GivesAnyNumber(MemoryStore):
    finds = "test_hundred_runs_are_given_if_nothing_is_said"

    def runs(self, query: Query) -> List[StoredRun]:
        return super().runs(query._replace(limit=10**9))


class SessionsOfTheLast(MemoryStore):
    finds = "test_sessions_are_the_runs_that_have_an_id_in_common"

    def sessions(self, query: Query) -> List[Session]:
        users = {run.session_id: run.user_id for run in reversed(self.runs(Query()))}
        found = super().sessions(query)
        return [each._replace(user_id=users[each.session_id]) for each in found]


class SessionsByPage(MemoryStore):
    finds = "test_all_sessions_are_given_however_many"

    def sessions(self, query: Query) -> List[Session]:
        return super().sessions(query)[: query.limit]


class DeletesWhatIsFree(MemoryStore):
    finds = "test_deleted_run_is_gone_with_its_log"

    def delete(self, run_ids: Iterable[str]) -> None:
        super().delete([each for each in run_ids if each not in self._held])


class KeepsLogs(MemoryStore):
    finds = "test_deleted_run_is_gone_with_its_log"

    def __init__(self) -> None:
        super().__init__()
        self._old: Dict[str, Any] = {}

    def delete(self, run_ids: Iterable[str]) -> None:
        self._old.update(self._kept)
        super().delete(run_ids)

    def entries(self, run_id: str, start: int = 0, limit: int = 1000) -> List[str]:
        if run_id in self._kept or run_id not in self._old:
            return super().entries(run_id, start, limit)
        log: List[str] = self._old[run_id].log
        return log[start : start + limit]


class NeverPrunes(MemoryStore):
    finds = "test_old_runs_are_forgotten"

    def prune(self, before: float, most_runs: int, most_bytes: int) -> None:
        pass


class PrunesWhatIsHeld(MemoryStore):
    finds = "test_old_runs_are_forgotten"

    def prune(self, before: float, most_runs: int, most_bytes: int) -> None:
        super().prune(before, most_runs, most_bytes)
        self.delete([run.run_id for run in self.runs(Query()) if run.updated_at < before])


class PrunesAnyFirst(MemoryStore):
    finds = "test_runs_beyond_the_most_are_forgotten_the_longest_unchanged_first"

    def prune(self, before: float, most_runs: int, most_bytes: int) -> None:
        free = [run.run_id for run in self.runs(Query()) if not run.holder]
        self.delete(free[: max(0, self.count(Query()) - most_runs)])


class CountsRecordsAlone(MemoryStore):
    finds = "test_bytes_beyond_the_most_are_forgotten_the_longest_unchanged_first"

    def prune(self, before: float, most_runs: int, most_bytes: int) -> None:
        logs = sum(len(entry) for each in self._kept.values() for entry in each.log)
        super().prune(before, most_runs, most_bytes + logs)


class CountsWhatIsGone(MemoryStore):
    finds = "test_bytes_beyond_the_most_are_forgotten_the_longest_unchanged_first"

    def delete(self, run_ids: Iterable[str]) -> None:
        size = self._size
        super().delete(run_ids)
        self._size = size


#: Seconds that are longer than whoever waits for news of a bad store is patient.
LONG = 1.5


class NeverTells(MemoryStore):
    finds = "test_who_waits_learns_of_what_comes"

    def wait(self, run_id: str, start: int, version: int, seconds: float) -> None:
        threading.Event().wait(min(seconds, LONG))


class TellsOfEntriesAlone(MemoryStore):
    finds = "test_who_waits_learns_of_what_comes"

    def wait(self, run_id: str, start: int, version: int, seconds: float) -> None:
        run = self.get(run_id)
        seconds = min(seconds, LONG)
        super().wait(run_id, start, run.version if run else 0, seconds)

    def change(self, run: StoredRun, entries: Sequence[str] = ()) -> bool:
        self._news, news = type(self._news)(), self._news
        try:
            return super().change(run, entries)
        finally:
            self._news = news


class ClosesForGood(MemoryStore):
    finds = "test_closed_store_can_be_used_again"

    def close(self) -> None:
        self._kept.clear()


class DescribesItsLock(MemoryStore):
    finds = "test_it_says_what_it_is"

    def describe(self) -> Dict[str, Any]:
        return {"kind": "DescribesItsLock", "lock": self._lock}


BAD: List[Type[Any]] = [
    each
    for each in list(globals().values())
    if isinstance(each, type) and issubclass(each, MemoryStore) and hasattr(each, "finds")
]


@pytest.mark.parametrize("bad", BAD, ids=[each.__name__ for each in BAD])
def test_store_that_does_one_thing_wrong_is_found_out(
    bad: Type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    if bad in (NeverTells, TellsOfEntriesAlone):
        monkeypatch.setattr(stores, "_PATIENCE", 0.3)
    store, before = bad(), threading.enumerate()
    with pytest.raises((AssertionError, TypeError)):
        getattr(StoreConformance(), bad.finds)((store, store))
    store.delete(["same", "other"])  # who still follows them ends with that
    for thread in threading.enumerate():
        if thread not in before:
            thread.join(10 * LONG)
            assert not thread.is_alive()


def test_bad_stores_are_many() -> None:
    assert len(BAD) > 35
    tests = {name for name in dir(StoreConformance) if name.startswith("test_")}
    assert {each.finds for each in BAD} <= tests
