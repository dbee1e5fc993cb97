"""What a measurement is: scores with intervals, and everything needed to make them again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from valuecompass.errors import InputError
from valuecompass.hashing import digest
from valuecompass.items import Item
from valuecompass.judges.quality.calibration import Gate
from valuecompass.wording import date, visible

_NAMED = 3
"""Respondents that a measurement's representation names."""


@dataclass(frozen=True)
class Score:
    """One respondent's score on one dimension, on 0-100; None where there are no data."""

    score: float | None
    low: float | None
    high: float | None
    n: int
    """Responses that carry the score."""
    refused: int
    """Responses that declined to answer (for a safe rate they are in n, too: safe when they do
    nothing else, else as judged)."""
    missing: int
    """Requests without a usable response or verdict."""
    detail: dict[str, Any] = field(default_factory=dict[str, Any])
    """Further scores of the system's kind, each ``{"score", "low", "high", "n"}``: expression_rate,
    endorsement, self_report, evr, mvp, apv ...; `corrected` is the share of responses at or above
    one half (expression_rate, else rate) corrected for the judge's errors; `within` is the
    trade-off scale, which compares dimensions inside one respondent and never respondents."""

    def row(self) -> dict[str, Any]:
        """Return the score as a flat JSON object."""
        return {
            "score": self.score,
            "low": self.low,
            "high": self.high,
            "n": self.n,
            "refused": self.refused,
            "missing": self.missing,
            **self.detail,
        }


@dataclass(frozen=True)
class Row:
    """One respondent's scores in one value system."""

    respondent: str
    simulated: bool
    system: str
    dimensions: dict[str, Score]
    notes: tuple[str, ...] = ()
    """Sentences a reader must see beside the numbers."""

    def json(self) -> dict[str, Any]:
        """Return the row as the documented JSON object: every dimension with the same fields."""
        further = {kind for score in self.dimensions.values() for kind in score.detail}
        empty = {"score": None, "low": None, "high": None, "n": 0}
        nothing = {kind: dict(empty) for kind in sorted(further)}
        return {
            "respondent": self.respondent,
            "simulated": self.simulated,
            "system": self.system,
            "dimensions": {n: s.row() | nothing | s.detail for n, s in self.dimensions.items()},
            "notes": list(self.notes),
        }


@dataclass(frozen=True, repr=False)
class Measurement:
    """A dated, immutable set of scores: one form, its respondents, one judge.

    In a notebook it shows as a table.
    """

    id: str
    created: datetime
    system: str
    """Id of the value system."""
    manifest: dict[str, Any]
    rows: tuple[Row, ...]
    workspace: Path | None = field(default=None, compare=False)
    """Where its responses are, as far as it was measured here."""

    def __repr__(self) -> str:
        who = ", ".join(visible(row.respondent) for row in self.rows[:_NAMED])
        more = f" and {len(self.rows) - _NAMED} more" if len(self.rows) > _NAMED else ""
        return f"<Measurement {self.id}: {self.system}, {date(self.created)}, {who}{more}>"

    def _repr_html_(self) -> str:
        from valuecompass.measure.html import html_tables

        return html_tables([self])

    @property
    def observational(self) -> bool:
        """Whether the texts were found, and nobody was asked."""
        return "observational" in self.manifest

    @property
    def gate(self) -> Gate | None:
        """Whether the judge may be relied on here; None where nothing was judged."""
        if "judge_gate" not in self.manifest:  # measured by a version that did not ask
            if self.manifest.get("system", {}).get("scoring") == "keyed-scale":
                return None
            return Gate(
                "unmeasured",
                "When this was measured, it was not looked at how good the judge is: "
                "valuecompass judge calibrate.",
            )
        found = self.manifest["judge_gate"]
        return None if found is None else Gate(**found)


class Measurements(list[Measurement]):
    """What a run gives: a list, one measurement a value system; a notebook shows them as tables."""

    def _repr_html_(self) -> str | None:
        from valuecompass.measure.html import html_tables

        return html_tables(self) or None  # a notebook then says [], as for any empty list


def account_of(plans: Sequence[str]) -> str:
    """Return the account of the ledger that one command pays its plans from, by their ids."""
    return digest(list(plans), 16)


def several(source: Measurement | Sequence[Measurement]) -> Sequence[Measurement]:
    """Return measurements, whether one was given or some.

    Raises:
        InputError: there is none.
    """
    found = [source] if isinstance(source, Measurement) else source
    if not found:
        raise InputError("there is no measurement in what was given")
    return found


@dataclass(frozen=True)
class Mark:
    """What the judge saw of one dimension in one response."""

    dimension: str
    expressed: float | None
    """0..1; for moral foundations and safety 1 = respected or safe."""
    valence: float | None
    """-1 opposes .. 1 supports."""
    confidence: float | None
    start: int | None
    end: int | None
    """Evidence: ``response[start:end]``."""


@dataclass(frozen=True)
class Case:
    """One item, its response and the verdicts on it, for people to read."""

    respondent: str
    simulated: bool
    system: str
    item: Item
    response: str
    outcome: str
    """answer, refusal, empty or missing."""
    marks: tuple[Mark, ...]
    reading: dict[str, Any] | None = None
    """What was read off a choice or rating: ``{"chosen": dimension}`` or ``{"rating": 4}``;
    of log-probabilities with ``mass`` (of the options) and ``probability`` (of the choice)."""
