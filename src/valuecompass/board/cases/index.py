"""The index of a measurement's cases: a file of its own, made once, because measurements stay.

It holds every word of items and answers (SQLite's FTS5, without the texts themselves), and what
cases are filtered and counted by as arrays, one number a case. Cases are numbered from 1 in the
order of respondent, item, presentation and repeat.
"""

from __future__ import annotations

import io
import json
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuecompass.board.cases.address import Address
from valuecompass.board.cases.words import Phrase, Words
from valuecompass.errors import StoreError

VERSION = 1
"""Of the file: another one is made anew."""
OUTCOMES = ("answer", "refusal", "empty", "missing")
KEPT_SEARCHES = 16
"""Words last looked for, whose cases are remembered: filters and pages follow each other."""
Bools = NDArray[np.bool_]
Ints = NDArray[Any]
"""Whole numbers, of as few bytes as hold them."""


@dataclass(frozen=True)
class CaseIndex:
    """An open index of N cases; for any number of threads.

    items: ids of the items, in order; facts: of each its kind, language, topic and dimensions.
    position, item, presentation, repeat, outcome: (N,) place of respondent and item, numbers, and
        place in `OUTCOMES`.
    expressed, side: (D, N) what the judge found, opinions joined as the scores join them: how
        strongly, in thousandths, -1: no verdict; and 1 for, -1 against, 0 neither.
    """

    measurement: str
    names: tuple[str, ...]
    respondents: tuple[str, ...]
    items: tuple[str, ...]
    facts: tuple[Mapping[str, Any], ...]
    position: Ints
    item: Ints
    presentation: Ints
    repeat: Ints
    outcome: Ints
    expressed: Ints
    side: Ints
    file: sqlite3.Connection
    lock: threading.Lock = field(default_factory=threading.Lock)
    _searches: OrderedDict[Words, Bools] = field(default_factory=OrderedDict[Words, Bools])

    def __len__(self) -> int:
        return len(self.position)

    @cached_property
    def by_item(self) -> Ints:
        """The place of each case when answers to one item stand together, (N,) int64."""
        found = np.empty(len(self), dtype=np.int64)
        found[np.argsort(self.item, kind="stable")] = np.arange(len(self))
        return found

    @cached_property
    def aimed(self) -> Bools:
        """Whether a case's item is aimed at a dimension, (D, N)."""
        aims = [[name in fact["dimensions"] for fact in self.facts] for name in self.names]
        return np.array(aims, dtype=bool).reshape(len(self.names), -1)[:, self.item]

    @cached_property
    def coded(self) -> dict[str, tuple[tuple[str, ...], Ints]]:
        """For kind and language: the values there are, and which of them each case has, (N,)."""
        found: dict[str, tuple[tuple[str, ...], Ints]] = {}
        for name in ("kind", "language"):
            values = tuple(sorted({fact[name] for fact in self.facts}))
            at = {value: place for place, value in enumerate(values)}
            of_items = np.array([at[fact[name]] for fact in self.facts], dtype=np.uint8)
            found[name] = values, of_items[self.item]
        return found

    def address(self, number: int) -> Address:
        """Return where the case of a number (from 1) is."""
        at = number - 1
        return Address(
            self.measurement,
            int(self.position[at]),
            self.items[int(self.item[at])],
            int(self.presentation[at]),
            int(self.repeat[at]),
        )

    def holding(self, words: Words) -> Bools:
        """Return which cases hold words, in the item or in the answer, (N,)."""
        with self.lock:
            if words in self._searches:
                self._searches.move_to_end(words)
                return self._searches[words]
            found = self._look_up(words)
            self._searches[words] = found
            if len(self._searches) > KEPT_SEARCHES:
                self._searches.popitem(last=False)
            return found

    def _look_up(self, words: Words) -> Bools:
        query = " AND ".join(_quoted(phrase) for phrase in words.wanted)
        against = " OR ".join(_quoted(phrase) for phrase in words.unwanted)
        if query and against:
            return self._matching(f"({query}) NOT ({against})")
        return self._matching(query) if query else ~self._matching(against)

    def _matching(self, query: str) -> Bools:
        found = np.zeros(len(self), dtype=bool)
        # as one text: SQLite joins numbers ten times as fast as it hands over rows
        question = "SELECT group_concat(rowid) FROM texts WHERE texts MATCH ?"
        (numbers,) = self.file.execute(question, (query,)).fetchone()
        if numbers is not None:
            found[np.array(numbers.split(","), dtype=np.int64) - 1] = True
        return found

    def close(self) -> None:
        """Close its file."""
        self.file.close()


def _quoted(phrase: Phrase) -> str:
    return '"' + " ".join(phrase) + '"'  # words hold letters and digits alone


def index_path(workspace: Path, measurement: str) -> Path:
    """Return where the index of a measurement is kept; also where the store is PostgreSQL."""
    return workspace / "search" / f"{measurement}.sqlite"


def load_index(path: Path) -> CaseIndex | None:
    """Return the index of a file; None: there is none of this version.

    Raises:
        StoreError: it cannot be read.
    """
    if not path.is_file():
        return None
    try:
        file = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False
        )
        try:
            version, body = file.execute("SELECT version, body FROM about").fetchone()
            if version == VERSION:
                arrays = dict(file.execute("SELECT name, body FROM arrays").fetchall())
                return _index(file, json.loads(body), arrays)
        except (sqlite3.DatabaseError, TypeError):  # not whole: it is made anew
            pass
        file.close()
    except sqlite3.Error as error:
        raise StoreError(f"{path}: cannot be read ({error})") from None
    return None


def _index(
    file: sqlite3.Connection, about: Mapping[str, Any], bodies: Mapping[str, bytes]
) -> CaseIndex:
    arrays: dict[str, Any] = {
        name: np.load(io.BytesIO(body), allow_pickle=False) for name, body in bodies.items()
    }
    return CaseIndex(
        measurement=about["measurement"],
        names=tuple(about["names"]),
        respondents=tuple(about["respondents"]),
        items=tuple(about["items"]),
        facts=tuple({**fact, "language": fact["language"] or "en"} for fact in about["facts"]),
        file=file,
        **arrays,
    )
