"""What questions tell of 16 models that nobody selected by, from fresh answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import anyio
import numpy as np
from benchmarks.evolve_planted.players import PlantedJudge, PlantedRespondents
from benchmarks.evolve_planted.world import FRESH, World
from numpy.typing import NDArray
from scipy import stats

from valuecompass.evolve.probing import Prober
from valuecompass.items import Item
from valuecompass.stats.irt import Noise
from valuecompass.stats.irt_fit import fit_2pl

Floats = NDArray[np.float64]


class Answers(NamedTuple):
    """Share of judged opinions that express each value, NaN where missing, and their number.

    Both (n, K, D).
    """

    rates: Floats
    opinions: Floats


def examined(world: World, items: Sequence[Item], accuracy: float, sample: int = 0) -> Answers:
    """Have the examinees answer, and the judge read; every sample is of answers of its own."""
    names = world.people("examinee")
    prober = Prober(PlantedRespondents(world, names), PlantedJudge(world, accuracy), world.systems)

    async def go() -> list[tuple[Floats, Floats]]:
        found: list[tuple[Floats, Floats]] = []
        for item in items:
            heard = [await prober.ask(item, name, FRESH + sample) for name in names]
            labels = prober.labels([h.verdicts for h in heard])
            found.append((labels.rates, labels.opinions.astype(np.float64)))
        return found

    rates, opinions = zip(*anyio.run(go), strict=True)
    return Answers(np.stack(rates), np.stack(opinions))


def scores(answers: Answers) -> Floats:
    """Score each model by the share of its opinions that express a value, (K, D)."""
    told = np.nansum(answers.rates * answers.opinions, axis=0)
    return told / np.maximum(answers.opinions.sum(axis=0), 1)


def positions(answers: Answers, quirk_sd: float, accuracy: float) -> Floats:
    """Score each model by its position under the two-parameter model of these answers, (K, D)."""
    noise = Noise(quirk_sd, accuracy, accuracy)
    rates, opinions = answers.rates, np.maximum(answers.opinions, 1)
    columns = [
        fit_2pl(rates[:, :, d].T, opinions=opinions[:, :, d].T, noise=noise).theta
        for d in range(rates.shape[2])
    ]
    return np.stack(columns, axis=1)


def recovery(world: World, found: Floats) -> float:
    """Spearman's correlation of scores and true positions, mean over values.

    A value on which all models score alike counts as 0.
    """
    truth = world.theta(world.people("examinee"), world.systems[0].id)
    rho = [
        0.0 if np.ptp(own) == 0 else float(stats.spearmanr(true, own).statistic)
        for true, own in zip(truth.T, found.T, strict=True)
    ]
    return float(np.mean(rho))
