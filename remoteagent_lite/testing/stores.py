"""What every store of local runs must do, as tests for whoever writes one.

A subclass says how two handles to the same, empty data are made; pytest runs the rest::

    import pytest
    from remoteagent_lite.testing.stores import StoreConformance

    class TestMyStore(StoreConformance):
        @pytest.fixture
        def stores(self):
            first, second = MyStore(...), MyStore(...)
            with first, second:
                yield first, second

Nothing here depends on how fast a store is; it takes a few seconds with a fast one.
"""

from __future__ import annotations

import json
import os
import threading
from functools import partial
from typing import Any, Callable, Iterator, List, Sequence, Tuple

from ..gateway.store.contract import Query, Session, Store, StoredRun

__all__ = ["StoreConformance"]

Stores = Tuple[Store, Store]

#: Seconds after which something that should have happened is taken for lost.
_PATIENCE = 60.0

_THREADS = 4

#: What breaks what is put together by hand: quotes, wildcards, separators, NUL, half a pair.
_ODD = [
    "",
    " ",
    "a'b\"c\\d",
    "a/b:c*d?e[f]{g}%_",
    "line\nline\r\n",
    "\x00",
    "a\x00b",
    "a\x00c",
    "é",
    "e\u0301",
    "\U0001f600",
    "\ud83d",
    "\ude00 lone",
    "\uffff\ufeff",
    "A",
    "a",
    "0",
    "00",
    "null",
    "x" * 3000,
]


def _run(run_id: str = "run", **known: Any) -> StoredRun:
    run = StoredRun(
        run_id,
        "agents/greeter",
        "session",
        "RUNNING",
        "user",
        created_at=1700000000.25,
        updated_at=1700000000.5,
        holder="me",
        held_until=1700000030.75,
        data='{"messages":[]}',
    )
    return run._replace(**known)


def _free(run_id: str, updated_at: float, **known: Any) -> StoredRun:
    """A run that nobody holds."""
    known = {"status": "COMPLETED", "holder": "", "held_until": 0.0, **known}
    return _run(run_id, updated_at=updated_at, **known)


def _next(run: StoredRun, **known: Any) -> StoredRun:
    return run._replace(version=run.version + 1, **known)


def _ids(runs: Sequence[StoredRun]) -> List[str]:
    return [run.run_id for run in runs]


def _log(store: Store, run_id: str = "run") -> List[str]:
    """The whole log, as many entries at a time as a reader takes."""
    found: List[str] = []
    while True:
        more = store.entries(run_id, len(found))
        found += more
        if not more:
            return found


def _pages(store: Store, query: Query) -> Iterator[StoredRun]:
    while True:
        page = store.runs(query)
        assert len(page) <= query.limit
        yield from page
        if not page:
            return
        query = query._replace(before=(page[-1].updated_at, page[-1].run_id))


def _at_once(works: Sequence[Callable[[], Any]]) -> List[Any]:
    """What each gives, all begun at the same moment in threads of their own."""
    barrier = threading.Barrier(len(works))
    results: List[Any] = [None] * len(works)
    errors: List[BaseException] = []

    def work(number: int) -> None:
        try:
            barrier.wait(_PATIENCE)
            results[number] = works[number]()
        except BaseException as error:
            errors.append(error)

    # Daemons: a store that does not come back keeps no process from ending.
    threads = [
        threading.Thread(target=work, args=(number,), daemon=True) for number in range(len(works))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_PATIENCE)
        assert not thread.is_alive(), "a call did not come back"
    if errors:
        raise errors[0]
    return results


class StoreConformance:
    """A subclass has a fixture ``stores``: two handles to the same data, in which nothing is."""

    #: Whether other processes see what one does. False for what lives in a process's memory.
    shares_between_processes = True

    # --- add, get

    def test_run_comes_back_as_it_was_kept(self, stores: Stores) -> None:
        store, other = stores
        runs = [
            _run("1"),
            _run("2", user_id=None),
            _run("3", user_id="", session_id="", component="", status="", holder="", data=""),
            _run("4", created_at=0.1 + 0.2, updated_at=1 / 3, held_until=1e308, version=7),
            _run("5", created_at=0.0, updated_at=-1.5, held_until=2.0**53 + 2),
        ]
        for run in runs:
            assert store.add(run) is True
        for run in runs:
            for each in stores:
                found = each.get(run.run_id)
                assert found == run
                assert isinstance(found, StoredRun)
                assert list(map(type, found)) == list(map(type, run))
                assert each.entries(run.run_id) == []
        assert other.get("unknown") is None

    def test_run_whose_id_is_taken_is_not_added(self, stores: Stores) -> None:
        store, other = stores
        first = _run(data="first")
        assert store.add(first)
        assert store.append("run", "me", ["entry"])
        for each in stores:
            assert each.add(_run(data="second", session_id="elsewhere", holder="you")) is False
        assert other.get("run") == first
        assert other.entries("run") == ["entry"]
        assert other.count(Query()) == 1
        assert other.count(Query(session_id="elsewhere")) == 0

    def test_of_those_who_add_at_once_one_does(self, stores: Stores) -> None:
        for number in range(10):
            run_id = "run-%d" % number
            won = _at_once(
                [partial(stores[n % 2].add, _run(run_id, data=str(n))) for n in range(_THREADS)]
            )
            assert sorted(won) == [False] * (_THREADS - 1) + [True]
            kept = stores[0].get(run_id)
            assert kept is not None
            assert kept.data == str(won.index(True))

    # --- change

    def test_change_takes_the_place_of_the_kept_one_and_appends(self, stores: Stores) -> None:
        store, other = stores
        run = _run()
        store.add(run)
        store.append("run", "me", ["a"])
        changed = _next(
            run,
            component="teams/others",
            session_id="another",
            status="COMPLETED",
            user_id=None,
            created_at=1.0,
            updated_at=1800000000.0,
            holder="",
            held_until=0.0,
            data='{"content":"done"}',
        )
        assert store.change(changed, ["b", "c"]) is True
        assert other.get("run") == changed
        assert other.entries("run") == ["a", "b", "c"]
        assert other.runs(Query(session_id="session")) == []
        assert other.runs(Query(component="agents/greeter")) == []
        assert other.runs(Query(user_id="user")) == []
        assert other.runs(Query(session_id="another")) == [changed]
        assert other.runs(Query(component="teams/others")) == [changed]
        assert [each.session_id for each in other.sessions(Query())] == ["another"]
        again = _next(changed, user_id="user")
        assert other.change(again) is True
        assert store.get("run") == again
        assert store.runs(Query(user_id="user")) == [again]
        assert store.entries("run") == ["a", "b", "c"]

    def test_change_of_another_version_does_nothing(self, stores: Stores) -> None:
        store, other = stores
        run = _run()
        store.add(run)
        changed = _next(run, status="CANCELLED")
        assert other.change(changed, ["cancelled"])
        for version in (0, 1, 3, -1):
            late = run._replace(version=version, status="COMPLETED", session_id="another")
            assert store.change(late, ["completed"]) is False
        assert store.get("run") == changed
        assert store.entries("run") == ["cancelled"]
        assert store.count(Query(session_id="another")) == 0

    def test_change_of_a_run_that_is_gone_does_nothing(self, stores: Stores) -> None:
        store, other = stores
        run = _run()
        assert store.change(_next(run), ["x"]) is False
        store.add(run)
        other.delete(["run"])
        assert store.change(_next(run), ["x"]) is False
        assert store.get("run") is None
        assert store.entries("run") == []
        assert store.count(Query()) == 0

    def test_of_those_who_change_at_once_one_does(self, stores: Stores) -> None:
        """And those who look again and go on lose nothing to each other."""
        run = _run("first")
        stores[0].add(run)
        for number in range(10):
            works = [
                partial(stores[n % 2].change, _next(run, data="%d %d" % (number, n)), [str(n)])
                for n in range(_THREADS)
            ]
            won = _at_once(works)
            assert sorted(won) == [False] * (_THREADS - 1) + [True]
            winner = won.index(True)
            run = _next(run, data="%d %d" % (number, winner))
            assert stores[0].get("first") == run
            assert stores[1].entries("first", number) == [str(winner)]
        stores[0].add(_run(data="0"))
        rounds = 15

        def count(store: Store, name: str) -> None:
            done = 0
            while done < rounds:
                kept = store.get("run")
                assert kept is not None
                changed = _next(kept, data=str(int(kept.data) + 1))
                if store.change(changed, ["%s %d" % (name, changed.version)]):
                    done += 1

        _at_once([partial(count, stores[n % 2], "t%d" % n) for n in range(_THREADS)])
        kept = stores[0].get("run")
        assert kept is not None
        assert kept.version == int(kept.data) == rounds * _THREADS
        versions = [int(entry.split()[1]) for entry in _log(stores[0])]
        assert versions == list(range(1, rounds * _THREADS + 1))

    def test_change_does_not_undo_a_renewal(self, stores: Stores) -> None:
        store, other = stores
        run = _run(held_until=100.0)
        store.add(run)
        other.renew([("run", "me")], 200.0)
        first = _next(run, status="PENDING")
        assert store.change(first)
        assert other.get("run") == first._replace(held_until=200.0)
        later = _next(first, held_until=300.0)
        assert store.change(later)
        assert other.get("run") == later
        taken = _next(later, holder="you", held_until=50.0)
        assert store.change(taken)
        assert other.get("run") == taken
        freed = _next(taken, holder="", held_until=0.0)
        assert store.change(freed)
        assert other.get("run") == freed

    # --- append, entries

    def test_only_the_holder_appends(self, stores: Stores) -> None:
        store, other = stores
        run = _run(holder="me")
        store.add(run)
        store.add(_free("free", 1.0))
        assert store.append("run", "me", ["a"]) is True
        assert other.append("run", "me", ["b", "c"]) is True
        for run_id, holder in (("run", "you"), ("run", ""), ("run", "m"), ("run", "me ")):
            assert other.append(run_id, holder, ["no"]) is False
        assert store.append("free", "", ["no"]) is False
        assert store.append("free", "me", ["no"]) is False
        assert store.append("unknown", "me", ["no"]) is False
        assert store.append("unknown", "", ["no"]) is False
        assert _log(other) == ["a", "b", "c"]
        assert _log(other, "free") == _log(other, "unknown") == []
        assert other.get("run") == run  # its log is no part of the record
        assert other.change(_next(run, holder="you"))
        assert store.append("run", "me", ["no"]) is False
        assert store.append("run", "you", ["d"]) is True
        assert _log(other) == ["a", "b", "c", "d"]

    def test_nothing_appended_says_whether_it_is_held(self, stores: Stores) -> None:
        stores[0].add(_run())
        assert stores[0].append("run", "me", []) is True
        assert stores[0].append("run", "you", []) is False
        assert _log(stores[0]) == []

    def test_who_loses_the_run_appends_nothing_more(self, stores: Stores) -> None:
        def tell(run_id: str, has_begun: threading.Event) -> int:
            told = 0
            while stores[0].append(run_id, "old", ["old", "old"]):
                told += 2
                has_begun.set()
            return told

        def take(run: StoredRun, has_begun: threading.Event) -> bool:
            has_begun.wait(_PATIENCE)
            return stores[1].change(_next(run, holder="new"), ["taken"])

        for number in range(10):
            run_id = "run-%d" % number
            run = _run(run_id, holder="old")
            stores[0].add(run)
            has_begun = threading.Event()

            told, has_taken = _at_once(
                [partial(tell, run_id, has_begun), partial(take, run, has_begun)]
            )
            assert has_taken
            assert _log(stores[1], run_id) == ["old"] * told + ["taken"]

    def test_entries_come_in_their_order(self, stores: Stores) -> None:
        store, other = stores
        store.add(_run())
        expected: List[str] = []
        for size in [1, 1, 2, 7, 1, 1000, 1, 3000, 1]:
            for each in stores:
                batch = ["entry %d" % (len(expected) + number) for number in range(size)]
                assert each.append("run", "me", batch)
                expected += batch
        assert _log(store) == _log(other) == expected
        assert len(store.entries("run")) == 1000
        for start, limit in ((0, 1), (1, 1), (999, 3), (4000, 2500), (len(expected) - 1, 10)):
            assert other.entries("run", start, limit) == expected[start : start + limit]
        for start in (len(expected), len(expected) + 1, 10**9):
            assert other.entries("run", start) == []

    def test_what_is_appended_at_once_stays_together(self, stores: Stores) -> None:
        stores[0].add(_run())
        rounds = 25

        def tell(store: Store, name: str) -> None:
            for number in range(rounds):
                assert store.append("run", "me", ["%s %d %d" % (name, number, n) for n in range(3)])

        _at_once([partial(tell, stores[n % 2], "t%d" % n) for n in range(_THREADS)])
        log = _log(stores[1])
        assert len(log) == _THREADS * rounds * 3
        for start in range(0, len(log), 3):
            name, number, _ = log[start].split()
            assert log[start : start + 3] == ["%s %s %d" % (name, number, n) for n in range(3)]
        for n in range(_THREADS):
            own = [int(entry.split()[1]) for entry in log if entry.startswith("t%d " % n)]
            assert own == sorted(own)

    def test_large_texts_are_kept_whole(self, stores: Stores) -> None:
        store, other = stores
        large = "0123456789abcdéf" * 65536  # more than 1 MiB
        run = _run(data=large)
        store.add(run)
        assert store.append("run", "me", ["small", large, "", large + "!"])
        assert other.get("run") == run
        assert other.entries("run") == ["small", large, "", large + "!"]
        changed = _next(run, data=large[1:])
        assert other.change(changed, [large])
        assert store.get("run") == changed
        assert store.entries("run", 4) == [large]

    def test_any_text_is_kept_as_it_is(self, stores: Stores) -> None:
        store, other = stores
        for text in _ODD:
            run = StoredRun(text, text, text, text, text, 1.0, 1.0, 0, text or "me", 9.0, text)
            assert store.add(run)
            assert store.append(run.run_id, run.holder, [text, *_ODD])
        for text in _ODD:
            run = StoredRun(text, text, text, text, text, 1.0, 1.0, 0, text or "me", 9.0, text)
            assert other.get(text) == run
            assert other.entries(text) == [text, *_ODD]
            assert other.append(text, "x" + run.holder, ["no"]) is False
            for query in (
                Query(component=text),
                Query(session_id=text),
                Query(user_id=text),
                Query(statuses=[text]),
            ):
                assert other.runs(query) == [run]
                assert other.count(query) == 1
                assert other.sessions(query) == [Session(text, text, text, 1.0, 1.0, 1)]
            assert other.renew([(text, run.holder)], 9.0) == {text}
        assert sorted(_ids(other.overdue(10.0))) == sorted(_ODD)
        assert sorted(_ids(list(_pages(other, Query(limit=3))))) == sorted(_ODD)
        other.delete(_ODD)
        assert store.count(Query()) == 0
        assert [store.entries(text) for text in _ODD] == [[]] * len(_ODD)

    # --- renew, overdue

    def test_who_still_holds_renews(self, stores: Stores) -> None:
        store, other = stores
        runs = [_run("1", held_until=10.0), _run("2", held_until=10.0), _run("3", holder="you")]
        for run in [*runs, _free("4", 1.0)]:
            store.add(run)
        held = other.renew(
            [("1", "me"), ("3", "me"), ("4", ""), ("4", "me"), ("unknown", "me")], 20.0
        )
        assert held == {"1"}
        assert store.get("1") == runs[0]._replace(held_until=20.0)
        assert [store.get("2"), store.get("3")] == runs[1:]
        assert store.get("4") == _free("4", 1.0)
        assert other.renew([], 30.0) == set()
        assert other.renew(iter([("1", "me"), ("2", "me")]), 15.0) == {"1", "2"}
        renewed = store.get("1")
        assert renewed == runs[0]._replace(held_until=15.0)
        assert store.change(_next(renewed))  # a renewal is no change

    def test_who_was_not_renewed_is_overdue(self, stores: Stores) -> None:
        store, other = stores
        runs = [_run("%d" % n, held_until=float(n)) for n in range(5)]
        for run in [*runs, _free("free", 1.0), _free("also free", 1.0, held_until=1.0)]:
            store.add(run)
        assert sorted(other.overdue(3.0)) == runs[:3]
        assert other.overdue(0.0) == []
        other.renew([("1", "me")], 100.0)
        assert sorted(_ids(store.overdue(3.0))) == ["0", "2"]
        assert store.change(_next(runs[2], holder="", held_until=0.0))
        store.delete(["0"])
        assert other.overdue(3.0) == []
        assert store.change(_next(_free("free", 1.0), holder="you", held_until=2.0))
        assert _ids(other.overdue(3.0)) == ["free"]

    # --- runs, count, sessions

    def test_runs_that_fit_all_that_is_asked_for(self, stores: Stores) -> None:
        store, other = stores
        kept = []
        for number in range(24):
            run = _run(
                "run-%02d" % number,
                component="agents/%d" % (number % 2),
                session_id="session-%d" % (number % 3),
                user_id=[None, "", "u1", "u2"][number % 4],
                status=["PENDING", "RUNNING", "PAUSED", "COMPLETED", "ERROR"][number % 5],
                updated_at=1000.0 + number,
            )
            store.add(run)
            kept.append(run)
        kept.reverse()
        for component in (None, "agents/0", "agents/2"):
            for session_id in (None, "session-1", "session"):
                for user_id in (None, "", "u1"):
                    for statuses in ((), ("PAUSED",), ["RUNNING", "ERROR"], ("X",)):
                        for after in (None, 1010.0):
                            query = Query(component, session_id, user_id, statuses, after)
                            expected = [run for run in kept if query.fits(run)]
                            assert other.runs(query) == expected, query
                            assert other.count(query) == len(expected), query
                            assert other.runs(query._replace(limit=2)) == expected[:2], query
                            assert list(_pages(other, query._replace(limit=3))) == expected, query
        assert other.count(Query(limit=1, before=(0.0, ""))) == 24
        assert [run.updated_at for run in other.runs(Query(updated_after=1021.0))] == [
            1023.0,
            1022.0,
        ]

    def test_last_changed_comes_first(self, stores: Stores) -> None:
        store, other = stores
        runs = [_run(str(n), updated_at=float(n)) for n in range(4)]
        for run in runs:
            store.add(run)
        assert _ids(other.runs(Query())) == ["3", "2", "1", "0"]
        assert store.change(_next(runs[1], updated_at=9.0))
        assert store.append("0", "me", ["entry"])  # is no change, and neither is
        store.renew([("0", "me")], 99.0)
        assert _ids(other.runs(Query())) == ["1", "3", "2", "0"]
        assert _ids(other.runs(Query(session_id="session"))) == ["1", "3", "2", "0"]

    def test_hundred_runs_are_given_if_nothing_is_said(self, stores: Stores) -> None:
        for number in range(101):
            stores[0].add(_run(str(number)))
        assert len(stores[1].runs(Query())) == 100

    def test_pages_have_each_run_once_if_many_changed_at_the_same_time(
        self, stores: Stores
    ) -> None:
        store, other = stores
        for number in range(60):
            store.add(_run("run-%d" % number, updated_at=float(number // 25)))
        for query in (Query(limit=7), Query(session_id="session", limit=1)):
            paged = list(_pages(other, query))
            assert len(set(_ids(paged))) == len(paged) == 60
            assert paged == other.runs(query._replace(limit=1000))
            times = [run.updated_at for run in paged]
            assert times == sorted(times, reverse=True)

    def test_page_begins_behind_a_run_that_is_there_no_more(self, stores: Stores) -> None:
        store, other = stores
        for number in range(9):
            store.add(_run("run-%d" % number, updated_at=float(number // 3)))
        in_order = other.runs(Query())
        for run, rest in zip(in_order, [in_order[n + 1 :] for n in range(9)]):
            store.delete([run.run_id])
            before = (run.updated_at, run.run_id)
            assert other.runs(Query(before=before)) == rest
            assert other.runs(Query(session_id="session", before=before)) == rest

    def test_sessions_are_the_runs_that_have_an_id_in_common(self, stores: Stores) -> None:
        store, other = stores
        for run_id, component, session_id, user_id, created, updated, status in (
            ("1", "agents/a", "s1", "u1", 10.0, 50.0, "COMPLETED"),
            ("2", "agents/a", "s1", "u2", 20.0, 21.0, "ERROR"),
            ("3", "agents/b", "s1", "u1", 30.0, 31.0, "COMPLETED"),
            ("4", "agents/a", "s2", None, 40.0, 41.0, "COMPLETED"),
        ):
            store.add(
                _free(
                    run_id,
                    updated,
                    component=component,
                    session_id=session_id,
                    user_id=user_id,
                    created_at=created,
                    status=status,
                )
            )
        first = Session("s1", "agents/a", "u1", 10.0, 50.0, 2)
        second = Session("s2", "agents/a", None, 40.0, 41.0, 1)
        third = Session("s1", "agents/b", "u1", 30.0, 31.0, 1)
        assert other.sessions(Query()) == [first, second, third]
        assert other.sessions(Query(component="agents/a")) == [first, second]
        assert other.sessions(Query(session_id="s1")) == [first, third]
        assert other.sessions(Query(user_id="u1")) == [first._replace(runs=1), third]
        assert other.sessions(Query(user_id="u2")) == [
            Session("s1", "agents/a", "u2", 20.0, 21.0, 1)
        ]
        assert other.sessions(Query(statuses=["ERROR"], updated_after=20.0)) == [
            Session("s1", "agents/a", "u2", 20.0, 21.0, 1)
        ]
        assert other.sessions(Query(session_id="unknown")) == []
        assert other.sessions(Query(before=(0.0, ""), limit=1)) == [first, second, third]
        assert all(isinstance(each, Session) for each in other.sessions(Query()))

    def test_all_sessions_are_given_however_many(self, stores: Stores) -> None:
        for number in range(150):
            stores[0].add(_run(str(number), session_id="s%d" % number, updated_at=float(number)))
        sessions = stores[1].sessions(Query())
        assert [each.session_id for each in sessions] == ["s%d" % n for n in range(149, -1, -1)]

    # --- delete, prune

    def test_deleted_run_is_gone_with_its_log(self, stores: Stores) -> None:
        store, other = stores
        for run_id in ("held", "free", "kept"):
            store.add(_run(run_id))
            store.append(run_id, "me", ["entry"])
        assert store.change(_next(_run("free"), holder=""))
        other.delete(iter(["held", "unknown", "free"]))
        other.delete([])
        for each in stores:
            assert each.get("held") is each.get("free") is None
            assert each.entries("held") == each.entries("free") == []
            assert _ids(each.runs(Query())) == ["kept"]
            assert _ids(each.runs(Query(session_id="session"))) == ["kept"]
            assert each.count(Query(user_id="user")) == 1
            assert each.entries("kept") == ["entry"]
            assert _ids(each.overdue(1e12)) == ["kept"]
        assert store.append("held", "me", ["late"]) is False
        assert store.renew([("held", "me")], 1.0) == set()
        anew = _run("held", data="anew")
        assert store.add(anew) is True
        assert other.get("held") == anew
        assert other.entries("held") == []
        assert other.append("held", "me", ["first"])
        assert store.entries("held") == ["first"]

    def test_old_runs_are_forgotten(self, stores: Stores) -> None:
        store, other = stores
        for number in range(6):
            store.add(_free(str(number), float(number)))
        store.add(_run("held", updated_at=0.0, held_until=0.0))
        store.append("held", "me", ["entry"])
        other.prune(3.0, 10**9, 10**15)
        assert sorted(_ids(store.runs(Query()))) == ["3", "4", "5", "held"]
        assert store.entries("held") == ["entry"]
        other.prune(0.0, 10**9, 10**15)
        assert store.count(Query()) == 4
        assert store.get("0") is None

    def test_runs_beyond_the_most_are_forgotten_the_longest_unchanged_first(
        self, stores: Stores
    ) -> None:
        store, other = stores
        for number in (3, 0, 5, 1, 4, 2):
            run = _run(str(number), updated_at=0.0)
            store.add(run)
            store.append(run.run_id, "me", ["entry"])
            assert store.change(_next(run, holder="", updated_at=float(number)))
        store.add(_run("held", updated_at=-1.0))
        other.prune(0.0, 7, 10**15)
        assert store.count(Query()) == 7
        other.prune(0.0, 4, 10**15)
        assert _ids(store.runs(Query())) == ["5", "4", "3", "held"]
        assert store.entries("0") == store.entries("2") == []
        assert store.entries("3") == ["entry"]
        assert store.append("0", "me", ["late"]) is False
        other.prune(0.0, 0, 10**15)
        assert _ids(store.runs(Query())) == ["held"]

    def test_bytes_beyond_the_most_are_forgotten_the_longest_unchanged_first(
        self, stores: Stores
    ) -> None:
        """Those of logs and of records; what a store takes to keep them may be counted too."""
        store, other = stores
        kilobytes = "x" * 20000
        for number in range(8):
            run = _run(str(number), data="{}")
            store.add(run)
            # By each way in which bytes come: in a record, in a log, with a change.
            if number % 4 == 0:
                assert store.change(_next(run, data=kilobytes))
            elif number % 4 == 1:
                assert store.append(run.run_id, "me", [kilobytes[:10000]] * 2)
                assert store.change(_next(run))
            elif number % 4 == 2:
                assert store.change(_next(run), [kilobytes])
            else:
                assert store.change(_next(run, data=kilobytes * 3))
                assert store.change(_next(_next(run), data=kilobytes))
            kept = store.get(run.run_id)
            assert kept is not None
            assert store.change(_next(kept, holder="", updated_at=float(number)))
        other.prune(-1.0, 10**9, 190000)
        assert store.count(Query()) == 8
        other.prune(-1.0, 10**9, 90000)
        assert _ids(store.runs(Query())) == ["7", "6", "5", "4"]
        store.add(_run("held", updated_at=-5.0, data=kilobytes * 5))
        other.prune(-1.0, 10**9, 130000)
        assert _ids(store.runs(Query())) == ["7", "held"]
        store.delete(["held"])
        other.prune(-1.0, 10**9, 30000)
        assert _ids(store.runs(Query())) == ["7"]
        other.prune(-1.0, 10**9, 0)
        assert store.count(Query()) == 0

    def test_all_limits_hold_at_once(self, stores: Stores) -> None:
        store, other = stores
        for number in range(10):
            store.add(_free(str(number), float(number), data="x" * 10000))
        other.prune(2.0, 5, 10**9)
        assert _ids(store.runs(Query())) == ["9", "8", "7", "6", "5"]
        other.prune(8.0, 5, 10**9)
        assert _ids(store.runs(Query())) == ["9", "8"]
        other.prune(8.0, 5, 15000)
        assert _ids(store.runs(Query())) == ["9"]

    def test_pruning_amid_writes_takes_no_run_that_is_held(self, stores: Stores) -> None:
        store, other = stores
        done = threading.Event()

        def work() -> None:
            try:
                for number in range(40):
                    run = _run("run-%d" % number, updated_at=float(number))
                    assert store.add(run)
                    assert store.append(run.run_id, "me", ["a"])
                    assert store.append(run.run_id, "me", ["b"])
                    assert store.change(_next(run, holder=""), ["c"])
            finally:
                done.set()

        def prune() -> None:
            while not done.is_set():
                other.prune(1e12, 0, 0)

        _at_once([work, prune])
        other.prune(1e12, 0, 0)
        assert store.count(Query()) == 0

    # --- wait

    def test_waiting_ends_at_once_if_there_is_news(self, stores: Stores) -> None:
        store, other = stores
        run = _run(version=2)
        store.add(run)
        store.append("run", "me", ["a", "b"])
        for start, version in ((0, 2), (1, 2), (2, 1), (2, 3), (0, 0)):
            _at_once([partial(other.wait, "run", start, version, 10 * _PATIENCE)])

    def test_waiting_ends_when_its_time_is_over(self, stores: Stores) -> None:
        stores[0].add(_run())
        stores[1].wait("run", 0, 0, 0.05)
        stores[1].wait("run", 0, 0, 0.0)

    def test_who_waits_learns_of_what_comes(self, stores: Stores) -> None:
        """Through the same handle and through another: an entry, a change, both, and the end."""

        def follow(name: str, seen: List[Tuple[int, int]], has_looked: threading.Event) -> None:
            entries = 0
            while True:
                found = stores[0].get(name)
                if found is None:
                    return
                entries += len(stores[0].entries(name, entries))
                seen.append((found.version, entries))
                has_looked.set()
                stores[0].wait(name, entries, found.version, 10 * _PATIENCE)

        def tell(
            other: Store, run: StoredRun, seen: List[Tuple[int, int]], has_looked: threading.Event
        ) -> None:
            def until(state: Tuple[int, int]) -> None:
                patience = threading.Event()
                for _ in range(int(_PATIENCE / 0.01)):
                    if seen[-1] == state:
                        return
                    patience.wait(0.01)
                raise AssertionError("of %r nothing was heard" % (state,))

            assert has_looked.wait(_PATIENCE)
            assert other.append(run.run_id, "me", ["a"])
            until((0, 1))
            assert other.append(run.run_id, "me", ["b", "c"])
            until((0, 3))
            assert other.change(_next(run))
            until((1, 3))
            assert other.change(_next(_next(run)), ["d"])
            until((2, 4))
            other.delete([run.run_id])

        for name, other in zip(("same", "other"), stores):
            run = _run(name)
            stores[0].add(run)
            seen: List[Tuple[int, int]] = []
            has_looked = threading.Event()
            _at_once(
                [
                    partial(follow, name, seen, has_looked),
                    partial(tell, other, run, seen, has_looked),
                ]
            )

    def test_many_wait_for_different_runs(self, stores: Stores) -> None:
        runs = [_run(str(number)) for number in range(2 * _THREADS)]
        for run in runs:
            stores[0].add(run)

        def follow(store: Store, run_id: str) -> List[str]:
            while not store.entries(run_id):
                store.wait(run_id, 0, 0, 10 * _PATIENCE)
            return store.entries(run_id)

        def tell() -> None:
            for run in runs:
                assert stores[0].append(run.run_id, "me", ["for " + run.run_id])

        followers = [partial(follow, stores[n % 2], str(n)) for n in range(len(runs))]
        found = _at_once([*followers, tell])
        assert found[:-1] == [["for %d" % number] for number in range(len(runs))]

    def test_nobody_waits_for_an_unknown_run(self, stores: Stores) -> None:
        _at_once([partial(stores[0].wait, "unknown", 0, 0, 10 * _PATIENCE)])

    # --- The store itself

    def test_closed_store_can_be_used_again(self, stores: Stores) -> None:
        store, other = stores
        store.add(_run())
        store.append("run", "me", ["a"])
        for each in stores:
            with each as entered:
                assert entered is each
            each.close()
        assert store.append("run", "me", ["b"]) is True
        assert other.entries("run") == ["a", "b"]

    def test_it_says_what_it_is(self, stores: Stores) -> None:
        told = stores[0].describe()
        assert told["kind"]
        assert json.loads(json.dumps(told)) == told

    def test_it_survives_a_fork(self, stores: Stores) -> None:
        if not hasattr(os, "fork"):
            import pytest  # what else is here needs nothing of it

            pytest.skip("this system does not fork")
        store, other = stores
        store.add(_run())
        store.append("run", "me", ["before"])
        expected = ["before"]
        for number in range(3):

            def in_child(number: int = number) -> None:
                for each in stores:
                    assert each.entries("run") == expected
                assert store.append("run", "me", ["child %d" % number])
                assert other.entries("run")[-1] == "child %d" % number
                assert other.add(_run("of child %d" % number))

            child = os.fork()
            if not child:
                status = 1
                try:
                    in_child()
                    status = 0
                finally:
                    os._exit(status)
            assert os.waitpid(child, 0)[1] == 0
            assert store.append("run", "me", ["parent %d" % number])
            if self.shares_between_processes:
                expected.append("child %d" % number)
                assert store.get("of child %d" % number)
            expected.append("parent %d" % number)
            assert other.entries("run") == expected
