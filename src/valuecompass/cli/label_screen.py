"""What a person who labels sees: one row at a time, with nothing in it that acts."""

from __future__ import annotations

import time
from typing import Any

from valuecompass.cli.app import console, plain
from valuecompass.cli.keys import keys
from valuecompass.cli.shown import span, table
from valuecompass.judges.labels.adjudication import Pair
from valuecompass.judges.labels.labelling import Unit
from valuecompass.judges.labels.walk import WORDINGS, Walk, in_words, judged_part, question
from valuecompass.wording import visible

WIDEST = 100
"""Columns beyond which lines are tiring to read."""


FIGURES = {"same label": "agreement", "Cohen's kappa": "kappa", "same side": "valence"}


class Screen:
    """Shows a walk on stderr and takes its keys from stdin.

    Args:
        walk: what to show.
        disputed: pairs by unit id, when it is a third decision that is wanted.
    """

    def __init__(self, walk: Walk, disputed: dict[str, Pair] | None = None) -> None:
        self._walk, self._disputed = walk, disputed or {}
        self._console = console(stderr=True)
        self._width = min(self._console.width, WIDEST)
        self._before: Unit | None = None
        self._start, self._labelled = time.monotonic(), walk.labelled

    def go(self) -> None:
        """Walk to the end, until a person stops, or until there is no more input."""
        walk = self._walk
        if walk.unit is None:
            return
        with keys() as read:
            self._show()
            while not walk.stopped and (key := read()) is not None:
                before = walk.unit
                if (said := walk.press(key)) is not None:
                    self._print(said, "dim")
                if walk.unit is not before:
                    self._show()
                elif not walk.stopped:
                    self._ask()

    def _show(self) -> None:
        self._console.clear()
        self._print(self._progress(), "dim")
        unit = self._walk.unit
        if unit is not None:
            self._row(unit)
        self._ask()

    def _row(self, unit: Unit) -> None:
        system = unit.subject.system
        wording = WORDINGS[system.scoring]
        text, rest = judged_part(unit)
        if self._before is not None and self._before.subject.response == unit.subject.response:
            self._print("The text is the one before; the dimension is another.")
        self._before = unit
        self._title(unit.dimension)
        self._print(system.dimension(unit.dimension).definition)
        if unit.subject.item.principle is not None and unit.principle is not None:
            self._title("Principle")
            self._print(unit.principle)
        self._title(wording.given)
        self._print(unit.subject.item.text)
        self._title(wording.response)
        self._print(text)
        if rest:
            self._title("Beyond the points asked for: does not count")
            self._print(rest, "dim")

    def _ask(self) -> None:
        unit = self._walk.unit
        self._print("")
        if unit is None:
            self._print("This was the last row.", "bold")
        else:
            if unit.id in self._disputed and self._walk.stage == "expressed":
                one, other = (in_words(unit, label) for label in self._disputed[unit.id].unnamed)
                self._print(f"One label: {one}. The other: {other}.")
            if self._walk.given is not None:
                self._print(f"Given: {in_words(unit, self._walk.given)}. s keeps it.")
            self._print(question(unit, self._walk.stage), "bold")
        self._print(self._walk.keys, "dim")

    def _progress(self) -> str:
        """Return how many are labelled and, from the third on, the pace."""
        walk = self._walk
        said = f"{walk.labelled} of {walk.total} done"
        new = walk.labelled - self._labelled
        if new < 3:
            return said
        an_hour = new * 3600 / max(time.monotonic() - self._start, 1)
        left = (walk.total - walk.labelled) / an_hour * 60
        return f"{said}, {an_hour:.0f} an hour, {left:.0f} minutes to go"

    def _title(self, text: str) -> None:
        self._print("")
        self._print(text, "bold")

    def _print(self, text: str, style: str = "") -> None:
        self._console.print(plain(text, style), width=self._width, overflow="fold")


def ended(walk: Walk, what: str) -> str:
    """Return how far a walk has come, with the mend where it is not at its end."""
    left = walk.total - walk.labelled
    said = f"{visible(what)}: {walk.labelled} of {walk.total} done"
    return f"{said}; repeat the command to go on" if left else said


def show_agreement(found: dict[str, Any]) -> None:
    """Print two annotators' agreement, each value system with its dimensions."""
    rows = [
        [
            name if entry is system else f"  {name}",
            f"{entry['n']}",
            *("-" if (f := entry[k]) is None else span(f) for k in FIGURES.values()),
        ]
        for id, system in found["systems"].items()
        for name, entry in {id: system, **system["dimensions"]}.items()
    ]
    table(["", "n", *FIGURES], rows)
