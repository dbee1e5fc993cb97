"""Who answers in a simulated workspace, when, and which values are planted in whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from valuecompass.errors import InputError
from valuecompass.measure.synth.wording import MOST_ITEMS
from valuecompass.models import Respondent
from valuecompass.values import ValueSystem, builtin_system

Array = NDArray[np.float64]
LAST = datetime(2026, 6, 30, 12, tzinfo=UTC)
"""Day of the newest measurement; the same settings give the same workspace on any day."""
APART = timedelta(days=91)
SPREAD = 0.7
"""Standard deviation of planted values over respondents."""
DRIFTING = 3
"""Every third respondent changes."""
STEP = 0.35
"""Standard deviations by which a drifting value moves from one date to the next."""
LIMITS = {"respondents": (1, 500), "items": (1, MOST_ITEMS), "dims": (2, 10), "dates": (1, 24)}


@dataclass(frozen=True)
class Synthetic:
    """The size of a simulated workspace, and the seed that all of it follows from."""

    respondents: int = 33
    items: int = 12_310
    dims: int = 10
    dates: int = 4
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuse sizes that cannot be made."""
        for name, (low, high) in LIMITS.items():
            if not low <= (given := getattr(self, name)) <= high:
                raise InputError(f"--{name} {given}: give a number from {low} to {high:,}")
        if self.seed < 0:
            raise InputError(f"--seed {self.seed}: give a number from 0")

    def system(self) -> ValueSystem:
        """Return Schwartz's values, or a system of the first few of them under its own name."""
        whole = builtin_system("schwartz")
        if self.dims == len(whole.names):
            return whole
        kept = whole.names[: self.dims]
        dimensions = tuple(
            d.model_copy(update={"opposites": tuple(o for o in d.opposites if o in kept)})
            for d in whole.dimensions
            if d.name in kept
        )
        changed = {
            "id": f"synthetic-{self.dims}",
            "name": f"{self.dims} of Schwartz's values",
            "circle": (),
            "groups": (),
            "dimensions": dimensions,
        }
        return whole.model_copy(update=changed)

    def days(self) -> list[datetime]:
        """Return the dates of the measurements, oldest first."""
        return [LAST - APART * left for left in reversed(range(self.dates))]

    def planted(self) -> Array:
        """Return the planted values, (dates, respondents, dims) in standard deviations.

        Of every third respondent one value rises from date to date and another falls; all others
        stay as they are, so that drift has a known answer.
        """
        rng = np.random.default_rng([self.seed, 1])
        first = rng.normal(0, SPREAD, (self.respondents, self.dims))
        found = np.repeat(first[None], self.dates, axis=0)
        for who in self.drifting():
            up, down = rng.permutation(self.dims)[:2]
            for place in range(self.dates):
                found[place, who, up] += STEP * place
                found[place, who, down] -= STEP * place
        return np.clip(found, -3, 3)

    def drifting(self) -> list[int]:
        """Return the places of the respondents that change."""
        return list(range(0, self.respondents, DRIFTING)) if self.dates > 1 else []

    def who(self, system: ValueSystem, day: datetime) -> list[Respondent]:
        """Return the respondents of a date. No developer of theirs is anybody's."""
        return [
            Respondent(
                name=f"Simulated {place + 1:02}",
                # nothing can be asked under this name: its answers are made here
                model=f"simulated/{system.id}?synth={self.seed}-{place + 1}",
                occasion=f"{day:%Y-%m-%d}",
                developer=f"Simulated developer {'ABCDEFGH'[place % 8]}",
                openness="open" if place % 5 in (1, 3) else "closed",
                released=date(2024, 1 + place % 12, 1 + place % 28),
            )
            for place in range(self.respondents)
        ]
