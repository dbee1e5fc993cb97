"""The planted world: who is how, what they express, and what the judge makes of it."""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from valuecompass.stats import ErrorRates, error_rates

FILE = Path(__file__).parent / "world.toml"
SEED = 4
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Join = Literal["any", "each"]
"""What a row of data is: a response, 1 if any of its opinions expresses the value (as a run joins
them by default), or each opinion."""


@dataclass(frozen=True)
class World:
    """The world file."""

    spec: dict[str, Any]
    digest: str

    @property
    def quirks(self) -> list[float]:
        """Standard deviations of the quirk, one after the other."""
        return self.spec["respondents"]["quirk_sd"]

    def rng(self, *at: int) -> np.random.Generator:
        """Return the generator of one world, the same whatever else is run."""
        return np.random.default_rng([SEED, *at])

    def positions(self, rng: np.random.Generator, n: int) -> Floats:
        """Return positions of n respondents."""
        return rng.normal(0, self.spec["respondents"]["theta_sd"], n)

    def bank(self, rng: np.random.Generator, n: int, mean: float = 0.0) -> tuple[Floats, Floats]:
        """Return slopes and difficulties of n items."""
        items = self.spec["items"]
        slopes = np.exp(rng.normal(0, items["log_discrimination_sd"], n))
        return slopes, rng.normal(mean, items["difficulty_sd"], n)

    def expressed(
        self, rng: np.random.Generator, theta: Floats, a: Floats, b: Floats, quirk: float
    ) -> Bools:
        """Return whether each opinion expresses the value: (R, n, opinions)."""
        logit = a * (theta[:, None] - b)
        chance = expit(logit + quirk * rng.standard_normal(logit.shape))
        return rng.random((*logit.shape, self.spec["judge"]["opinions"])) < chance[..., None]

    def judged(self, rng: np.random.Generator, true: Bools) -> Bools:
        """Return the judge's verdicts on opinions."""
        judge = self.spec["judge"]
        chance = np.where(true, judge["sensitivity"], 1 - judge["specificity"])
        return rng.random(true.shape) < chance

    def errors(
        self, rng: np.random.Generator, quirk: float, join: Join, mean: float = 0.0
    ) -> ErrorRates:
        """Return the judge's errors as labels of other responses tell them."""
        judge = self.spec["judge"]
        items, labels = judge["label_items"], judge["labels"]
        a, b = self.bank(rng, items, mean)
        of_item = np.repeat(np.arange(items), labels // items)
        a, b, theta = a[of_item], b[of_item], self.positions(rng, labels)
        chance = expit(a * (theta - b) + quirk * rng.standard_normal(labels))
        true = rng.random((labels, judge["opinions"])) < chance[:, None]
        verdicts, clusters = rows(self.judged(rng, true)[None], join)
        labelled, _ = rows(true[None], join)
        return error_rates(verdicts[0], labelled[0], of_item[clusters])

    def rate(
        self,
        theta: ArrayLike,
        quirk: float,
        join: Join,
        *,
        judged: bool,
        mean: float = 0.0,
    ) -> Floats:
        """Return the rates over all items there could be, by numerical integration.

        Args:
            theta: positions, any shape.
            quirk: its standard deviation.
            join: what is counted.
            judged: as the judge reports it, or truly.
            mean: mean difficulty.
        """
        (za, wa), (zb, wb) = hermegauss(15), hermegauss(61)
        a = np.exp(self.spec["items"]["log_discrimination_sd"] * za)[:, None]
        spread = np.hypot(a * self.spec["items"]["difficulty_sd"], quirk)
        logit = a * (np.asarray(theta, dtype=np.float64)[..., None, None] - mean) + spread * zb
        chance = expit(logit)
        if judged:
            judge = self.spec["judge"]
            false = 1 - judge["specificity"]
            chance = false + (judge["sensitivity"] - false) * chance
        if join == "any":
            chance = 1 - (1 - chance) ** self.spec["judge"]["opinions"]
        return np.einsum("...ij,i,j->...", chance, wa / wa.sum(), wb / wb.sum())


def read_world() -> World:
    """Read the world file."""
    text = FILE.read_bytes()
    return World(tomllib.loads(text.decode()), hashlib.sha256(text).hexdigest()[:16])


def rows(opinions: Bools, join: Join) -> tuple[Floats, NDArray[np.intp]]:
    """Return what is counted, (R, rows) of 0 and 1, and the item of each row.

    Args:
        opinions: (R, n, opinions).
        join: see `Join`.
    """
    respondents, n, count = opinions.shape
    if join == "any":
        return opinions.any(axis=2).astype(np.float64), np.arange(n)
    flat = opinions.reshape(respondents, n * count).astype(np.float64)
    return flat, np.repeat(np.arange(n), count)
