"""Counts over a measurement's answers, taken while they stream by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from valuecompass.measure.archive import utc
from valuecompass.measure.asking import READ_OFF
from valuecompass.measure.measurement import Measurement, Score
from valuecompass.measure.study.rows import Answer
from valuecompass.models.request import LOGPROBS

Family = str
"""What may be refused or missing: responses, sided (responses whose side the judge told), choices,
ratings."""
FAMILIES: dict[str, tuple[Family, str]] = {
    "expression_rate": ("responses", "responses"),
    "rate": ("responses", "responses"),
    "corrected": ("responses", "responses"),
    "endorsement": ("sided", "responses"),
    "graded": ("responses", "responses"),
    "evr": ("responses", "items"),
    "mvp": ("responses", "items"),
    "apv": ("responses", "responses"),
    "within": ("choices", "items"),
    "self_report": ("ratings", "ratings"),
}
"""By kind of score: the family that is counted, and what `n` is then said to count."""


@dataclass
class Count:
    """What one respondent refused or left missing on one dimension."""

    refused: int = 0
    missing: int = 0


class Tally:
    """Counts for scores, respondents and the methods paragraph; grows with dimensions x
    respondents and item kinds, not with answers.
    """

    def __init__(self, measurement: Measurement) -> None:
        self.measurement = measurement
        self.outcomes: Counter[tuple[int, str]] = Counter()
        self.requests: Counter[str] = Counter()
        """By kind of item."""
        self.repeats: Counter[str] = Counter()
        """Largest number of samples of one request, by kind of item."""
        self.presentations: Counter[str] = Counter()
        self.items: Counter[str] = Counter()
        """By kind; counted by whoever streams the items."""
        self.languages: Counter[str] = Counter()
        self.judged = self.verdicts = self.no_verdict = 0
        self.read = self.unread = 0
        self.expected = 0
        """Readings from log-probabilities."""
        self.tokens = 0
        self.usd = 0.0
        self.unpriced = 0
        self.temperatures: set[float | None] = set()
        """Sent; None: left to the provider."""
        self.first: datetime | None = None
        self.last: datetime | None = None
        self._counts: dict[tuple[int, Family, str], Count] = {}

    def count(self, position: int, family: Family, dimension: str) -> Count:
        """Return the count of one respondent, family and dimension."""
        return self._counts.setdefault((position, family, dimension), Count())

    def add(self, answer: Answer) -> None:
        """Count an answer."""
        kind = answer.kind
        self.outcomes[answer.position, answer.outcome] += 1
        self.requests[kind] += 1
        self.repeats[kind] = max(self.repeats[kind], answer.head["repeat"] + 1)
        self.presentations[kind] = max(self.presentations[kind], answer.head["presentation"] + 1)
        self._usage(answer)
        if kind in READ_OFF:
            self._add_reading(answer)
        else:
            self._add_free(answer)

    def _usage(self, answer: Answer) -> None:
        found = answer.found
        if found["created"] is None:
            return
        when = utc(found["created"])
        self.first = min(self.first or when, when)
        self.last = max(self.last or when, when)
        if found["stop_reason"] != LOGPROBS:  # nothing was sampled
            self.temperatures.add(found["request"]["params"].get("temperature"))
        self.tokens += found["input_tokens"] + found["output_tokens"]
        self.usd += found["usd"] or 0.0
        self.unpriced += found["usd"] is None

    def _add_reading(self, answer: Answer) -> None:
        sides = answer.item.get("sides")
        family = "choices" if sides else "ratings"
        names = [side["dimension"] for side in sides] if sides else answer.dimensions
        self.read += answer.reading is not None
        self.expected += answer.reading is not None and "mass" in answer.reading
        self.unread += answer.reading is None and answer.outcome in ("answer", "empty")
        for name in names:
            count = self.count(answer.position, family, name)
            if answer.outcome == "refusal":
                count.refused += 1
            elif answer.reading is None:
                count.missing += 1

    def _add_free(self, answer: Answer) -> None:
        found = answer.verdicts
        self.judged += answer.judged
        self.verdicts += sum(v["expressed"] is not None for v in found)
        self.no_verdict += sum(v["expressed"] is None for v in found)
        for name in answer.dimensions:
            own = [v for v in found if v["dimension"] == name and v["expressed"] is not None]
            responses = self.count(answer.position, "responses", name)
            sided = self.count(answer.position, "sided", name)
            refused = answer.outcome == "refusal"
            # a refusal that had to be judged may lack its verdict, too
            lost = not own and (answer.judged or not refused)
            responses.refused += refused
            responses.missing += lost
            sided.refused += refused
            sided.missing += lost or (bool(own) and all(v.get("valence") is None for v in own))

    def score_rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows of the table scores: every kind for every respondent and dimension."""
        m = self.measurement
        scoring: str = m.manifest["system"]["scoring"]
        found = {k for row in m.rows for s in row.dimensions.values() for k in s.detail}
        kinds = [k for k in FAMILIES if k in found] + sorted(found - set(FAMILIES))
        gate = None if m.gate is None else m.gate.status
        for position, row in enumerate(m.rows):
            for dimension, score in row.dimensions.items():
                head = {
                    "measurement": m.id,
                    "created": m.created,
                    "system": m.system,
                    "scoring": scoring,
                    "respondent": row.respondent,
                    "simulated": row.simulated,
                    "dimension": dimension,
                }
                last = {"observational": m.observational}
                yield head | {"kind": "score", **_own(score, scoring), "judge_gate": gate} | last
                for kind in kinds:
                    value = self._detail(position, dimension, kind, score)
                    own = None if kind in ("within", "self_report") else gate  # no judge was asked
                    yield head | {"kind": kind, **value, "judge_gate": own} | last

    def _detail(self, position: int, dimension: str, kind: str, score: Score) -> dict[str, Any]:
        value: dict[str, Any] = score.detail.get(kind, {})
        limits = {"low": value.get("low"), "high": value.get("high")}
        estimate: dict[str, Any] = {"estimate": value.get("score"), **limits}
        if kind not in FAMILIES:
            return estimate | dict.fromkeys(("n", "n_of", "refused", "missing"))
        family, n_of = FAMILIES[kind]
        count = self.count(position, family, dimension)
        return estimate | {"n": value.get("n", 0), "n_of": n_of, **vars(count)}


def _own(score: Score, scoring: str) -> dict[str, Any]:
    return {
        "estimate": score.score,
        "low": score.low,
        "high": score.high,
        "n": score.n,
        "n_of": "ratings" if scoring == "keyed-scale" else "responses",
        "refused": score.refused,
        "missing": score.missing,
    }
