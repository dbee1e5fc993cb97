"""Reads a published table row by row, in memory for one row, and says what is wrong with it."""

from __future__ import annotations

import hashlib
import math
import re
import sqlite3
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from valuecompass.errors import InputError
from valuecompass.measure.published.rows import named, objects, shown, unit
from valuecompass.values import ValueSystem

NAMES = ("model", "respondent", "name")
"""Columns that may hold who was measured; case does not matter."""
LONGEST_NAME = 1_024
LARGEST = 1e12
"""Size of a score at most: sums and squares of larger ones leave the range of numbers."""
FEWEST = 2
"""Scores beside zeros that a row of small numbers needs before it tells which scale it is on."""
APART = 4
"""How many times larger the scores of a row must be before it is taken for another scale."""
WIDE = 10
"""Largest score of a table whose dimensions within 1 are pointed out."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_NAME = -1


class Misread(Exception):
    """What is wrong with a row, beginning with the field."""


class Published(NamedTuple):
    """One row: who, and a number or None for each dimension of the system, in its order."""

    number: int
    """The row's number in a JSON list, the line in a CSV file."""
    respondent: str
    scores: tuple[float | None, ...]


@dataclass
class Found:
    """What a whole table holds."""

    rows: int = 0
    dimensions: tuple[str, ...] = ()
    """Those with a number in any row, in the system's order."""
    low: float = math.inf
    high: float = -math.inf
    sha256: str = ""
    missing: int = 0
    """Cells without a number in columns that have numbers."""
    absent: tuple[str, ...] = ()
    """Respondents asked for that the table does not have."""
    narrow: tuple[str, ...] = ()
    """Dimensions without any score beyond 1, where others reach 10: of another scale, perhaps."""


def survey(
    path: Path,
    system: ValueSystem,
    scale: tuple[float, float] | None = None,
    *,
    respondents: Iterable[str] = (),
) -> Found:
    """Read a whole table and check what can only be told from all of it.

    Args:
        path: a JSON list of rows, bare or under "data", or a CSV or TSV file.
        system: whose dimensions the columns are.
        scale: lowest and highest score possible; None: what the numbers look like.
        respondents: names to look for.

    Raises:
        InputError: with file, row and field.
    """
    if scale is not None and not -LARGEST <= scale[0] < scale[1] <= LARGEST:
        raise InputError(
            f"--scale {scale[0]:g} {scale[1]:g}: expected the lowest and the highest score possible"
        )
    found = Found(sha256=sha256(path))
    given = [0] * len(system.names)
    largest = [0.0] * len(system.names)
    check = _Scale(path, system.names, scale)
    absent = dict.fromkeys(respondents)
    # names go to a table on disk: millions of them must not fill the memory
    with closing(sqlite3.connect("")) as seen:
        seen.execute("CREATE TABLE seen (name TEXT PRIMARY KEY, number INT) WITHOUT ROWID")
        for row in read_rows(path, system):
            try:
                seen.execute("INSERT INTO seen VALUES (?, ?)", (_looks(row), row.number))
            except sqlite3.IntegrityError:
                query = "SELECT number FROM seen WHERE name = ?"
                (first,) = seen.execute(query, (_looks(row),)).fetchone()
                raise InputError(
                    f"{_where(path, row.number)}: model: {shown(row.respondent)} already stands "
                    f"in {unit(path)} {first}; remove one of the two"
                ) from None
            absent.pop(row.respondent, None)
            check.row(row)
            found.rows += 1
            for at, score in enumerate(row.scores):
                if score is not None:
                    given[at] += 1
                    largest[at] = max(largest[at], abs(score))
            present = [score for score in row.scores if score is not None]
            found.low = min(found.low, *present)
            found.high = max(found.high, *present)
    if not found.rows:
        raise InputError(
            f'{path}: no rows; expected a JSON list of {{"model": NAME, "{system.names[0]}": '
            'NUMBER, ..}, bare or under "data", or CSV with these columns'
        )
    found.dimensions = tuple(n for n, k in zip(system.names, given, strict=True) if k)
    found.missing = found.rows * len(found.dimensions) - sum(given)
    found.absent = tuple(absent)
    if scale is None and max(largest) >= WIDE:
        found.narrow = tuple(n for n, s in zip(system.names, largest, strict=True) if 0 < s <= 1)
    return found


def read_rows(path: Path, system: ValueSystem) -> Iterator[Published]:
    """Yield the rows of a table, checked one by one.

    Raises:
        InputError: unreadable, a column that is no dimension, a name that is none, or a score
            that is no finite number; with file, row and field.
    """
    rows = _Rows(system, path)
    for number, row in objects(path):
        try:
            respondent, scores = rows.read(row)
        except Misread as error:
            raise InputError(f"{_where(path, number)}: {error}") from None
        yield Published(number, respondent, scores)


class _Rows:
    """Reads rows of one table; what a column is gets looked up once."""

    def __init__(self, system: ValueSystem, path: Path) -> None:
        self.system, self.names = system, system.names
        self.textual = unit(path) == "line"
        self.places: dict[str, int] = {}

    def read(self, row: Mapping[str, Any]) -> tuple[str, tuple[float | None, ...]]:
        respondent: str | None = None
        scores: list[float | None] = [None] * len(self.names)
        taken: set[int] = set()
        for column, cell in row.items():
            at = self.places.get(column)
            if at is None:
                at = self.places[column] = self._place(column)
            if at in taken:
                what = "the model" if at == _NAME else self.names[at]
                raise Misread(
                    f"{named(column)}: {what} stands twice in this row, under two names; remove one"
                )
            taken.add(at)
            if at == _NAME:
                respondent = read_name(column, cell)
            elif cell is not None:
                scores[at] = self._score(column, cell)
        if respondent is None:
            has = ", ".join(named(column) for column in list(row)[:12])
            raise Misread(f"model: missing, the name; the row has: {has or 'nothing'}")
        if all(score is None for score in scores):
            raise Misread(
                f"{shown(respondent)} has no score; remove the row, or add scores on dimensions "
                f"of {self.system.id}: {', '.join(self.names)}"
            )
        return respondent, tuple(scores)

    def _place(self, column: str) -> int:
        if column.strip().lower() in NAMES:
            return _NAME
        name = self.system.canonical(column)
        if name is None:
            raise Misread(
                f"{named(column)}: not a dimension of {self.system.id}; known: "
                f"{', '.join(self.names)}. What else is known of models goes into --meta"
            )
        return self.names.index(name)

    def _score(self, column: str, cell: Any) -> float:
        if self.textual:
            if not _NUMBER.fullmatch(cell):
                raise Misread(f"{named(column)}: {shown(cell)}, {_mend(column, cell)}")
            cell = float(cell)
        if isinstance(cell, bool) or not isinstance(cell, int | float):
            raise Misread(f"{named(column)}: {shown(cell)}, expected a number, or null")
        if not abs(cell) <= LARGEST:
            raise Misread(
                f"{named(column)}: {shown(cell)}, expected a finite number up to {LARGEST:g}"
            )
        return float(cell) + 0.0  # databases have no -0.0


def _mend(column: str, cell: str) -> str:
    if cell == column:
        return "the header again; remove this line"
    if re.fullmatch(r"[+-]?\d+,\d+", cell):
        return "expected a decimal point"
    return "expected a number such as 41.5, or nothing where it is missing"


def read_name(column: str, cell: Any) -> str:
    """Return the name of a model, without spaces around it.

    Raises:
        Misread: it is none, too long, or holds what is no character.
    """
    if not isinstance(cell, str) or not cell.strip():
        raise Misread(f"{named(column)}: {shown(cell)}, expected a name")
    name = cell.strip()
    if len(name) > LONGEST_NAME:
        raise Misread(
            f"{named(column)}: {shown(name)} has {len(name):,} characters, expected at most "
            f"{LONGEST_NAME:,}"
        )
    if len(name.splitlines()) > 1:
        raise Misread(f"{named(column)}: {shown(name)}, expected a name on one line")
    if not name.isascii() and re.search("[\ud800-\udfff]", name):
        raise Misread(f"{named(column)}: {shown(name)}: half of a surrogate pair is no character")
    return name


class _Scale:
    """Notices rows that are on different scales."""

    def __init__(
        self, path: Path, names: tuple[str, ...], declared: tuple[float, float] | None
    ) -> None:
        self.path, self.names, self.declared = path, names, declared
        self.least = math.inf, 0, ""
        self.most = 0.0, 0, ""

    def row(self, row: Published) -> None:
        if self.declared is not None:
            self._within(row, *self.declared)
            return
        sizes = [abs(score) for score in row.scores if score]
        if not sizes:
            return  # zeros are on every scale
        size = max(sizes)
        if size <= 1 and len(sizes) < FEWEST:
            return
        if self.least[0] <= size <= self.most[0]:
            return
        own = size, row.number, row.respondent
        self.least, self.most = min(self.least, own), max(self.most, own)
        least, most = self.least[0], self.most[0]
        if most >= APART * least and (least <= 1 < most or least <= 100 < most):
            other = self.least if own == self.most else self.most
            at = next(i for i, s in enumerate(row.scores) if s and abs(s) == size)
            raise InputError(
                f"{_where(self.path, row.number)}: {self.names[at]}: {row.scores[at]:g}, on "
                f"another scale than {unit(self.path)} {other[1]} ({shown(other[2])}, whose "
                f"largest is {other[0]:g}): import tables of different scales one by one, or name "
                "the scale of all with --scale LOW HIGH"
            )

    def _within(self, row: Published, low: float, high: float) -> None:
        for name, score in zip(self.names, row.scores, strict=True):
            if score is not None and not low <= score <= high:
                raise InputError(
                    f"{_where(self.path, row.number)}: {name}: {score:g} is outside --scale "
                    f"{low:g} {high:g}"
                )


def _looks(row: Published) -> str:
    """Return what a reader sees of a name: neither invisible signs nor how letters are composed."""
    if row.respondent.isascii():
        return row.respondent
    seen = "".join(c for c in row.respondent if unicodedata.category(c) != "Cf")
    return unicodedata.normalize("NFC", seen)


def _where(path: Path, number: int) -> str:
    return f"{path}, {unit(path)} {number}"


def sha256(path: Path) -> str:
    """Return the hash of a file's bytes.

    Raises:
        InputError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
