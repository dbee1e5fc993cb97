"""Reads a published table row by row, in memory for one row, and says what is wrong with it."""

from __future__ import annotations

import hashlib
import math
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from valuecompass.errors import InputError
from valuecompass.items.tables import open_table
from valuecompass.values import ValueSystem

NAMES = ("model", "respondent", "name")
"""Columns that may hold who was measured; the first that a row has."""
FEWEST = 3
"""Numbers that a row needs before it can be told to be on another scale than the rest."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


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


def survey(path: Path, system: ValueSystem, scale: tuple[float, float] | None = None) -> Found:
    """Read a whole table and check what can only be told from all of it.

    Args:
        path: a JSON list of rows, bare or under "data", or a CSV or TSV file.
        system: whose dimensions the columns are.
        scale: lowest and highest score possible; None: what the numbers look like.

    Raises:
        InputError: with file, row and field.
    """
    found = Found(sha256=_sha256(path))
    given = [0] * len(system.names)
    check = _Scale(path, scale)
    # names go to a table on disk: millions of them must not fill the memory
    with closing(sqlite3.connect("")) as seen:
        seen.execute("CREATE TABLE seen (name TEXT PRIMARY KEY, number INT) WITHOUT ROWID")
        for row in read_rows(path, system):
            try:
                seen.execute("INSERT INTO seen VALUES (?, ?)", (row.respondent, row.number))
            except sqlite3.IntegrityError:
                query = "SELECT number FROM seen WHERE name = ?"
                (first,) = seen.execute(query, (row.respondent,)).fetchone()
                raise InputError(
                    f"{_where(path, row.number)}: model: {row.respondent!r} already stands in "
                    f"{_unit(path)} {first}; remove one of the two"
                ) from None
            check.row(row, system.names)
            found.rows += 1
            for at, score in enumerate(row.scores):
                if score is not None:
                    given[at] += 1
                    found.low, found.high = min(found.low, score), max(found.high, score)
    if not found.rows:
        raise InputError(
            f'{path}: no rows; expected a JSON list of {{"model": NAME, "{system.names[0]}": '
            'NUMBER, ..}, bare or under "data", or CSV with these columns'
        )
    found.dimensions = tuple(n for n, k in zip(system.names, given, strict=True) if k)
    found.missing = found.rows * len(found.dimensions) - sum(given)
    return found


def read_rows(path: Path, system: ValueSystem) -> Iterator[Published]:
    """Yield the rows of a table, checked one by one.

    Raises:
        InputError: unreadable, a column that is no dimension, a name that is none, or a score
            that is no finite number; with file, row and field.
    """
    columns: dict[str, str | None] = {}
    for number, row in objects(path):
        where = _where(path, number)
        respondent = _name(row, where)
        scores: dict[str, float | None] = {}
        for column, cell in row.items():
            if column not in columns:
                columns[column] = _dimension(column, system, where)
            name = columns[column]
            if name is None:
                continue
            if name in scores:
                raise InputError(
                    f"{where}: {column}: {name} stands twice in this row, under two names"
                )
            scores[name] = _score(cell, f"{where}: {column}", path)
        if all(score is None for score in scores.values()):
            raise InputError(
                f"{where}: {respondent!r} has no score; known dimensions of {system.id}: "
                f"{', '.join(system.names)}"
            )
        yield Published(number, respondent, tuple(scores.get(name) for name in system.names))


def objects(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the rows of a JSON, CSV or TSV file with their numbers, as they are read."""
    match path.suffix.lower():
        case ".json":
            yield from _json_objects(path)
        case ".csv" | ".tsv":
            yield from open_table(path).rows
        case _:
            raise InputError(f"{path}: unknown kind of file; known: .json, .csv, .tsv")


def _json_objects(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    import ijson

    number = 0
    try:
        with path.open("rb") as file:
            start = file.read(3)
            file.seek(3 if start == b"\xef\xbb\xbf" else 0)
            first = _first_sign(file)
            if first not in (b"[", b"{"):
                what = "the file is empty" if not first else f"it begins with {first!r}"
                raise InputError(f"{path}: not a JSON list of rows: {what}")
            prefix = "item" if first == b"[" else "data.item"
            for row in ijson.items(file, prefix, use_float=True):
                number += 1
                if not isinstance(row, dict):
                    raise InputError(f"{path}, row {number}: expected an object, not {row!r:.40}")
                yield number, row
    except (ijson.JSONError, UnicodeDecodeError, ValueError) as error:
        said = " ".join(str(error).split())[:120]
        raise InputError(f"{path}, row {number + 1}: not valid JSON from here on: {said}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def _first_sign(file: Any) -> bytes:
    """Return the first byte that is no space, and leave the file where it stands."""
    while True:
        at = file.tell()
        sign = file.read(1)
        if not sign.isspace():
            file.seek(at)
            return sign


def _name(row: Mapping[str, Any], where: str) -> str:
    for column in NAMES:
        if column in row:
            name = row[column]
            if not isinstance(name, str) or not name.strip():
                raise InputError(f"{where}: {column}: {name!r:.60}, expected a name")
            return name.strip()[:1024]
    raise InputError(
        f"{where}: model: missing; the row has: {', '.join(map(str, row))[:200] or 'nothing'}"
    )


def _dimension(column: str, system: ValueSystem, where: str) -> str | None:
    if column in NAMES:
        return None
    name = system.canonical(column)
    if name is None:
        raise InputError(
            f"{where}: {column[:80]}: not a dimension of {system.id}; known: "
            f"{', '.join(system.names)}. What else is known of models goes into --meta"
        )
    return name


def _score(cell: Any, where: str, path: Path) -> float | None:
    if cell is None:
        return None
    if path.suffix.lower() != ".json":
        if not _NUMBER.fullmatch(str(cell).strip()):
            raise InputError(f"{where}: {cell!r:.60}, expected a number such as 41.5, or nothing")
        cell = float(cell)
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        raise InputError(f"{where}: {cell!r:.60}, expected a number, or null")
    if not math.isfinite(cell) or abs(cell) > 1e12:
        raise InputError(f"{where}: {cell!r:.60}, expected a finite number")
    return float(cell)


class _Scale:
    """Notices a row that is on another scale than the rows before it."""

    def __init__(self, path: Path, declared: tuple[float, float] | None) -> None:
        self.path, self.declared = path, declared
        self.first: tuple[str, Published, float] | None = None

    def row(self, row: Published, names: tuple[str, ...]) -> None:
        given = [(abs(s), s, n) for s, n in zip(row.scores, names, strict=True) if s is not None]
        size, score, name = max(given)
        where = f"{_where(self.path, row.number)}: {name}: {score:g}"
        if self.declared is not None:
            low, high = self.declared
            for _, s, n in given:
                if not low <= s <= high:
                    raise InputError(
                        f"{_where(self.path, row.number)}: {n}: {s:g} is outside --scale "
                        f"{low:g} {high:g}"
                    )
            return
        if not size or (size <= 1 and len(given) < FEWEST):
            return  # zeros are on every scale
        kind = "at most 1" if size <= 1 else "at most 100" if size <= 100 else "above 100"
        if self.first is None:
            self.first = kind, row, size
        elif kind != self.first[0]:
            _, other, most = self.first
            raise InputError(
                f"{where}: on another scale than {_unit(self.path)} {other.number} "
                f"({other.respondent!r}, whose largest is {most:g}): import tables of different "
                "scales one by one, or name the scale of all with --scale LOW HIGH"
            )


def _unit(path: Path) -> str:
    return "row" if path.suffix.lower() == ".json" else "line"


def _where(path: Path, number: int) -> str:
    return f"{path}, {_unit(path)} {number}"


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
