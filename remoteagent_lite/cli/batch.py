"""Many inputs from a file, and their answers into another: ``batch``."""

from __future__ import annotations

import argparse
import contextlib
import csv
import itertools
import json
import sys
from typing import IO, Any, Dict, Iterator, Optional

from ..errors import RunFailedError, UnsupportedError
from .advice import in_words_of_here
from .arguments import EXIT_STATUS, Commands, Parser, number, opened
from .terminal import say

__all__ = ["add_commands"]

#: The exit status when not every row has an answer.
_UNANSWERED = 3
#: Of how many rows it is said why they have none; the output has all.
_TOLD = 20


def add_commands(commands: Commands, *shared: Parser) -> None:
    batch = commands.add_parser(
        "batch",
        parents=shared,
        epilog=EXIT_STATUS,
        help="run a component on every row of a file",
        description="Run a component on every row of ROWS, and write a line of JSON for each to "
        "OUTPUT, in the order of the rows. After Ctrl-C or a crash the same command goes on where "
        "it was: OUTPUT.journal has what is done. Exits with 0 only if every row has an answer.",
    )
    batch.add_argument(
        "rows",
        metavar="ROWS",
        help="JSON Lines, or CSV if its name ends so; each row is an input: a text, or an object "
        "that is sent as JSON",
    )
    batch.add_argument("--output", required=True, metavar="OUTPUT", help="where answers go")
    batch.add_argument(
        "--field", metavar="NAME", help="the input is this field, or column, of each row"
    )
    batch.add_argument(
        "--workers", type=number(1), default=8, metavar="N", help="rows at a time (default 8)"
    )
    batch.add_argument(
        "--no-journal",
        action="store_true",
        help="begin anew each time, for servers that cannot look runs up",
    )
    batch.set_defaults(command=_batch)


def _batch(arguments: argparse.Namespace) -> int:
    rows = _Rows(arguments.rows, arguments.field)
    journal = None if arguments.no_journal else arguments.output + ".journal"
    progress = _progress(len(rows))
    told = _Told()
    with opened(arguments) as remote, contextlib.ExitStack() as stack:
        stack.callback(progress.close)
        found: Any = remote.map(
            rows, workers=arguments.workers, journal=journal, user_id=arguments.user
        )
        stack.enter_context(contextlib.closing(found))
        try:
            # The first result proves that no other process has the journal, and so the output.
            first = list(itertools.islice(found, 1))
            output = stack.enter_context(open(arguments.output, "w", encoding="utf-8"))
            for result in itertools.chain(first, found):
                output.write(json.dumps(_line(result), ensure_ascii=False) + "\n")
                output.flush()
                told.count(result)
                if not result.ok:
                    if told.failures <= _TOLD:
                        reason = in_words_of_here(str(result.error))
                        progress.say("Row %d has no answer: %s" % (result.index + 1, reason))
                    if told.unsupported and not told.answers:
                        progress.say("So would it be with the others: they were not run.")
                        break
                progress.step()
        except KeyboardInterrupt:
            progress.close()
            say("" if journal is None else "The same command goes on where this one was.")
            raise
    if not told.failures:
        return 0
    told.explain(len(rows), arguments.output, journal)
    return _UNANSWERED


class _Told:
    """How many results of which kind there have been."""

    def __init__(self) -> None:
        self.answers = 0
        self.failures = 0
        self.failed_runs = 0
        self.unsupported = 0

    def count(self, result: Any) -> None:
        self.answers += result.ok
        self.failures += not result.ok
        self.failed_runs += isinstance(result.error, RunFailedError)
        self.unsupported += isinstance(result.error, UnsupportedError)

    def explain(self, total: int, output: str, journal: Optional[str]) -> None:
        """Say what to do about the rows that have no answer."""
        say("%d of %d rows have no answer; %s tells why." % (self.failures, total, output))
        if journal is None:
            return
        if self.unsupported:
            say("With --no-journal no run has to be looked up.")
        if self.failures > self.failed_runs:
            say("The same command tries the rows again whose exchange failed.")
        if self.failed_runs:
            say("A run that failed is not run again, unless %s is deleted." % journal)


def _line(result: Any) -> Dict[str, Any]:
    line: Dict[str, Any] = {"index": result.index, "input": result.input}
    if result.output is not None:
        told = result.output.to_dict()
        names = ("status", "content", "run_id", "session_id")
        line.update((name, told.get(name)) for name in names)
    if not result.ok:
        line["error"] = str(result.error)
    return line


class _Rows:
    """The inputs in a file, which is read as they are asked for.

    ValueError for what is wrong in it, before anything is run.
    """

    def __init__(self, path: str, field: Optional[str]) -> None:
        self._path = path
        self._field = field
        self._length = sum(1 for _ in self)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Any]:
        is_table = self._path.lower().endswith(".csv")
        # utf-8-sig: spreadsheets write a mark in front.
        with open(self._path, encoding="utf-8-sig", newline="") as file:
            for line, row in self._table(file) if is_table else self._lines(file):
                if self._field is not None:
                    if not isinstance(row, dict) or self._field not in row:
                        raise self._wrong(line, "there is no field %r" % self._field)
                    row = row[self._field]
                elif is_table and len(row) == 1:
                    (row,) = row.values()
                if row is None or row == "":
                    raise self._wrong(line, "an empty input is none")
                yield row

    def _table(self, file: IO[str]) -> Iterator[Any]:
        table = csv.DictReader(file, strict=True)
        try:
            for row in table:
                if None in row or None in row.values():
                    raise self._wrong(table.line_num, "not as many values as the table has columns")
                yield table.line_num, row
        except csv.Error as error:
            raise self._wrong(table.line_num, str(error)) from error

    def _lines(self, file: IO[str]) -> Iterator[Any]:
        for place, line in enumerate(file, 1):
            if line.strip():
                try:
                    row = json.loads(line)
                except ValueError as error:
                    raise self._wrong(place, "no JSON: %s" % error) from error
                yield place, row

    def _wrong(self, line: int, what: str) -> ValueError:
        return ValueError("%s, line %d: %s" % (self._path, line, what))


# --- Progress, for who watches


def _progress(total: int) -> _Unseen:
    if not sys.stderr.isatty():
        return _Unseen()
    try:
        return _Bar(total)
    except ImportError:
        return _Counter(total)


class _Unseen:
    """Nothing is shown."""

    def step(self) -> None:
        """A row more is done."""

    def say(self, text: str) -> None:
        """A line that stays."""
        say(text)

    def close(self) -> None:
        """Leave the terminal as it was. Any number of times."""


class _Counter(_Unseen):
    """A line that counts."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._shown = ""

    def step(self) -> None:
        self._done += 1
        self._show("%d of %d" % (self._done, self._total))

    def say(self, text: str) -> None:
        line = self._shown
        self._show("")
        say(text)
        self._show(line)

    def close(self) -> None:
        if self._shown:
            say("")
            self._shown = ""

    def _show(self, line: str) -> None:
        if not line:
            sys.stderr.write("\r%*s\r" % (len(self._shown), ""))
        else:
            sys.stderr.write("\r" + line)
        sys.stderr.flush()
        self._shown = line


class _Bar(_Unseen):
    """tqdm's. Raises ImportError if it is not installed."""

    def __init__(self, total: int) -> None:
        from tqdm import tqdm  # the extra [progress]

        self._bar: Any = tqdm(total=total, unit="row", file=sys.stderr)

    def step(self) -> None:
        self._bar.update()

    def say(self, text: str) -> None:
        with self._bar.external_write_mode(file=sys.stderr):
            say(text)

    def close(self) -> None:
        self._bar.close()
