"""A judge's errors on labels, kept in a file, and the gate: does it beat what needs no judge?"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, computed_field

from valuecompass.errors import InputError
from valuecompass.files import read_text, write_text
from valuecompass.hashing import canonical, digest
from valuecompass.judges.protocol import THRESHOLD, Judge, judge_id
from valuecompass.judges.quality.evaluate import FEWEST
from valuecompass.judges.quality.labelled import Labelled
from valuecompass.stats import ErrorRates, Interval, partly_pooled
from valuecompass.values import ValueSystem

CARD = Path(__file__).parents[1] / "local" / "heads" / "card.json"
"""What the local judge was measured at, on labels that trained nothing of it."""
FITTED = CARD.with_name("fitted.json")
"""By system: digests of the labelled responses that the scale of the local judge was fitted to."""
MAKE = "make one with: valuecompass judge calibrate LABELS.jsonl --judge JUDGE"
SHORTCUTS = {"length": "length", "refusal_words": "refusal words", "base_rate": "base rate"}

Count = Annotated[int, Field(ge=0, le=10**9)]
Effect = Annotated[float, Field(ge=1)]


class Part(BaseModel):
    """A part of the file: never changed, unknown fields ignored, numbers finite."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Estimate(Part):
    """A number with its 95 % limits."""

    value: float
    low: float
    high: float


class Margin(Estimate):
    """The judge's AUC less that of the shortcut that comes nearest to it, paired."""

    shortcut: str


class DesignEffects(Part):
    """What clusters of labels on one item take from the counts: they are divided by it."""

    sensitivity: Effect = 1.0
    specificity: Effect = 1.0


class Rates(Part):
    """The judge's verdicts at .5 against labels.

    tp: labelled 1 and called 1; fn: labelled 1, called 0; tn: labelled 0 and called 0; fp: labelled
    0, called 1.
    """

    tp: Count
    fn: Count
    tn: Count
    fp: Count
    design_effect: DesignEffects

    @computed_field
    @property
    def sensitivity(self) -> Estimate | None:
        """Share of 1 among rows labelled 1; None without such rows."""
        return _estimate(self.errors.sensitivity)

    @computed_field
    @property
    def specificity(self) -> Estimate | None:
        """Share of 0 among rows labelled 0; None without such rows."""
        return _estimate(self.errors.specificity)

    @property
    def errors(self) -> ErrorRates:
        """The same for `stats.rogan_gladen`."""
        effects = self.design_effect
        counts = (self.tp, self.fn, self.tn, self.fp)
        return ErrorRates(*counts, effects.sensitivity, effects.specificity)

    @property
    def few(self) -> bool:
        """Whether a class has fewer than ten labels."""
        return min(self.tp + self.fn, self.tn + self.fp) < FEWEST


class Applied(Part):
    """The rates that a dimension's scores are corrected with: partly pooled over dimensions."""

    sensitivity: Estimate | None
    specificity: Estimate | None


class Measured(Part):
    """How a judge did on one system's labels: what its gate needs."""

    n: Count
    """Labels of responses that a measurement would judge, with a verdict or without."""
    judged: Count
    """Those with a verdict; in `auc` the others tie with all."""
    auc: Estimate | None
    margin: Margin | None
    note: str | None = None
    """Why there is no AUC."""

    @computed_field
    @property
    def useful(self) -> bool | None:
        """Better than every shortcut by a paired interval above 0; None where it cannot be said."""
        return None if self.margin is None else self.margin.low > 0


class SystemCalibration(Measured):
    """One system's part of a calibration."""

    judge_id: str
    """Of the judge's identity with the system's scoring and definitions."""
    refusals: Count
    """Labelled responses that a measurement would not judge; they are in no other count."""
    threshold: Annotated[float, Field(ge=THRESHOLD, le=THRESHOLD)] = THRESHOLD
    """Of expressed, from which on a verdict is 1."""
    opinions: Literal["any"] = "any"
    """How the points of an answer were joined."""
    all_dimensions: Rates
    dimensions: dict[str, Rates]

    @computed_field
    @property
    def applied(self) -> dict[str, Applied]:
        """By dimension: the rates that its scores are corrected with, with 95 % limits."""
        return {
            name: Applied(
                sensitivity=_estimate(found.sensitivity), specificity=_estimate(found.specificity)
            )
            for name, found in self._partly_pooled().items()
        }

    def rates_of(self, dimension: str) -> ErrorRates:
        """Return the rates that a dimension's scores are corrected with."""
        return self._partly_pooled()[dimension]

    def _partly_pooled(self) -> dict[str, ErrorRates]:
        if self.all_dimensions.few:  # rates of nothing correct nothing
            return dict.fromkeys(self.dimensions, ErrorRates(0, 0, 0, 0))
        own = tuple(rates.errors for rates in self.dimensions.values())
        return dict(zip(self.dimensions, partly_pooled(own), strict=True))


class Labels(Part):
    """The file of labels."""

    file: str
    sha256: str
    rows: Count

    @classmethod
    def of(cls, path: Path, data: bytes, rows: int) -> Self:
        """Describe a file by what was read from it: it may be a pipe, or change meanwhile."""
        return cls(file=path.name, sha256=hashlib.sha256(data).hexdigest(), rows=rows)


class Card(Part):
    """What the local judge ships with. A calibration is one, too."""

    judge: dict[str, Any]
    labels: Labels | None = None
    systems: Mapping[str, Measured]


class Calibration(Part):
    """A judge's errors on a file of labels, for every system in it."""

    format: Literal[1] = 1
    created: datetime
    valuecompass: str
    judge_name: str
    judge: dict[str, Any]
    """The judge's identity."""
    labels: Labels
    seed: int
    """Of the bootstrap behind the intervals of AUC and margin; always the same."""
    systems: dict[str, SystemCalibration]
    source: str = Field(default="the calibration", exclude=True)
    """The file it was read from, for messages."""

    @property
    def hash(self) -> str:
        """Sixteen hex digits of everything but the date."""
        return digest(self.model_dump(mode="json", exclude={"created"}), 16)

    def about(self, system_id: str) -> dict[str, Any]:
        """Return what a manifest keeps: everything but the judge and other systems."""
        whole = self.model_dump(mode="json")
        kept = ("created", "valuecompass", "labels", "seed")
        return {"hash": self.hash, **{k: whole[k] for k in kept}, **whole["systems"][system_id]}

    def entry(self, judge: Judge, system: ValueSystem) -> SystemCalibration:
        """Return the part of a system as this judge judges it.

        Raises:
            InputError: the calibration is of another judge, or of other definitions, or has no
                labels of the system.
        """
        if canonical(self.judge) != canonical(judge.identity):
            raise InputError(
                f"{self.source}: judge: it measured {self.judge_name}, not {judge.name} as it "
                f"judges here (another model, prompt, mode or version is another judge); {MAKE}"
            )
        found = self.systems.get(system.id)
        if found is None:
            raise InputError(
                f"{self.source}: systems: no labels of {system.id}, only of "
                f"{', '.join(self.systems)}; {MAKE}"
            )
        if found.judge_id != judge_id(judge, system):
            raise InputError(
                f"{self.source}: systems.{system.id}.judge_id: the dimensions of {system.id} have "
                f"other definitions than when the judge was measured; {MAKE}"
            )
        for name in system.names:
            if name not in found.dimensions:
                raise InputError(
                    f"{self.source}: systems.{system.id}.dimensions: {name} is missing; {MAKE}"
                )
        return found


@dataclass(frozen=True)
class Gate:
    """Whether a judge may be relied on for a system, with the reason in one sentence."""

    status: Literal["passed", "failed", "undecided", "unmeasured"]
    """undecided: there are labels, but they do not tell. unmeasured: there are none."""
    reason: str


def _estimate(interval: Interval) -> Estimate | None:
    if not np.isfinite(interval.value):
        return None
    value, low, high = (round(float(x), 4) for x in interval)
    return Estimate(value=value, low=low, high=high)


def gate(calibration: Calibration | None, judge: Judge, system: ValueSystem) -> Gate:
    """Say whether a judge is good enough for a system.

    Passed: on labels of the system it beats every shortcut that needs no judge by a paired interval
    above 0. Without a calibration the card that the local judge ships with decides.

    Raises:
        InputError: the calibration is of another judge or of other definitions.
    """
    if calibration is not None:
        return _gate(calibration.entry(judge, system), judge, system)
    card = shipped_card(judge.identity)
    found = None if card is None else card.systems.get(system.id)
    if found is None:
        return Gate(
            "unmeasured",
            f"The judge {judge.name} has not been measured on labels of {system.name}: "
            "valuecompass judge calibrate.",
        )
    return _gate(found, judge, system)


def _gate(found: Measured, judge: Judge, system: ValueSystem) -> Gate:
    if found.auc is None or found.margin is None:
        return Gate(
            "undecided",
            f"The labels of {system.name} do not tell how good the judge {judge.name} is there: "
            f"{found.note or 'no AUC'}.",
        )
    shortcut = SHORTCUTS.get(found.margin.shortcut, found.margin.shortcut)
    auc, margin = _said(found.auc, ""), _said(found.margin, "+")
    figures = f'AUC {auc}; less that of the shortcut "{shortcut}": {margin}'
    where = f"on {found.n:,} labels of {system.name}"
    if found.judged < found.n:
        where += f" ({found.judged:,} of them with a verdict)"
    if found.useful:
        said = f"The judge {judge.name} is better than every shortcut that needs no judge {where}"
        return Gate("passed", f"{said}: {figures}.")
    said = f"The judge {judge.name} is not surely better than shortcuts that need no judge {where}"
    return Gate("failed", f"{said}: {figures}.")


def _said(number: Estimate, sign: str) -> str:
    value, low, high = (f"{x:{sign}.2f}" for x in (number.value, number.low, number.high))
    return f"{value} [{low}, {high}]"


def shipped_card(identity: Mapping[str, Any]) -> Card | None:
    """Return what is known of the local judge as shipped; None of other judges and versions."""
    if identity.get("kind") != "local" or not CARD.is_file():
        return None
    card = Card.model_validate_json(CARD.read_bytes())
    return card if canonical(card.judge) == canonical(identity) else None


def fitted_rows(
    identities: Iterable[Mapping[str, Any]], rows: Iterable[Labelled]
) -> dict[str, int]:
    """Return by system how many of the rows a judge was fitted to; nothing of other judges.

    Args:
        identities: of judges.
        rows: labelled responses.
    """
    if not FITTED.is_file() or all(shipped_card(identity) is None for identity in identities):
        return {}
    known = {name: set(own) for name, own in json.loads(FITTED.read_bytes()).items()}
    return dict(Counter(r.system.id for r in rows if fitted_key(r) in known.get(r.system.id, ())))


def fitted_key(row: Labelled) -> str:
    """Return what stands for a labelled response in `FITTED`."""
    return digest([row.dimension, row.subject.response], 12)


def read_calibration(path: Path) -> Calibration:
    """Read a calibration.

    Raises:
        InputError: it cannot be read, or is none; the message names file and field.
    """
    try:
        data: Any = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable JSON ({error}); {MAKE}") from None
    try:
        found = Calibration.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        raise InputError(f"{path}: {field}: {first['msg']}; {MAKE}") from None
    return found.model_copy(update={"source": str(path)})


def check_replaceable(path: Path) -> None:
    """Refuse to write a calibration over anything but an earlier one: it may be the labels.

    Raises:
        InputError: something else is there.
    """
    if path.exists():
        try:
            read_calibration(path)
        except InputError:
            raise InputError(
                f"{path}: it is there and no calibration; choose another file with -o"
            ) from None


def write_calibration(calibration: Calibration, path: Path) -> None:
    """Write a calibration as indented JSON.

    Raises:
        InputError: it cannot be written.
    """
    document = calibration.model_dump(mode="json")
    write_text(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
