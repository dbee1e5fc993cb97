"""Which reward follows the truth? AdAEM's, the variance of labels, and expected information.

    python benchmarks/evolve_rewards.py                # 5 to 10 minutes on one core
    python benchmarks/evolve_rewards.py --seeds 10 --json

Everything is simulated. Nine models with planted positions answer 400 items in ten dimensions, with
three opinions each. 40 % of the items are generic, so that nearly every model expresses the values
they are about. All rewards are computed from the same labels. Spearman's correlation of each with
the true generalised Jensen-Shannon divergence of the item: the realised one without quirks, and
with quirks that of the traits, with quirks integrated out. Means over seeds; differences are paired
over seeds, with a 95 % interval by Student's t. "ours, as items come" scores each batch of 20 by
what earlier batches taught; "ours" scores all items at the end.
"""

import argparse
import json
from typing import Any

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit

from valuecompass.evolve.information import InformationConfig, ThetaPosterior
from valuecompass.evolve.labels import Labels
from valuecompass.evolve.rewards import (
    SurrogateConfig,
    label_variance,
    objective,
    rate_variance,
    shrunk_rates,
    surrogate,
)

Floats = NDArray[np.float64]

MODELS, OPINIONS, DIMENSIONS, ITEMS, BATCH = 9, 3, 10, 400, 20
SLOPES = (1.5, 4.0)
"""Median slopes. With the second and a perfect judge, the label sets of two answers to one question
agree about as well as the paper reports of real ones (.86)."""
QUIRKS = (0.0, 0.5, 1.0)
JUDGES = (1.0, 0.93, 0.87)
OURS, BASELINES = "ours", ("label variance", "S as printed (-)", "S with +")


class World:
    """Planted positions and items, and what a judge finds in the models' answers."""

    def __init__(
        self, seed: int, *, slope: float, quirk_sd: float, accuracy: float, items: int = ITEMS
    ) -> None:
        rng = np.random.default_rng([8, 3, seed])
        theta = rng.normal(size=(MODELS, DIMENSIONS))
        # on two values all models are alike in being high: safety training
        theta[:, :2] += 1.5
        self.active = rng.random((items, DIMENSIONS)) < 0.4
        generic = rng.random(items) < 0.4
        b = np.where(generic[:, None], rng.uniform(-4, -2.5, (items, DIMENSIONS)), 0.0)
        b = np.where(generic[:, None], b, rng.normal(size=b.shape))
        b = np.where(self.active, b, rng.uniform(2.5, 4, b.shape))
        a = slope * np.exp(rng.normal(0, 0.3, b.shape))
        logit = a[:, None] * (theta - b[:, None])
        rates = expit(logit + rng.normal(0, quirk_sd, logit.shape))
        nodes, weights = hermegauss(21)
        trait = np.tensordot(
            weights / weights.sum(), [expit(logit + quirk_sd * z) for z in nodes], (0, 0)
        )
        self.theta = theta
        self.realised = objective(rates).score
        self.trait = objective(np.clip(trait, 0, 1)).score
        self.labels, self.repeat = (self._judged(rates, accuracy, rng) for _ in range(2))

    @staticmethod
    def _judged(rates: Floats, accuracy: float, rng: np.random.Generator) -> list[Labels]:
        shape = (*rates.shape[:2], OPINIONS, rates.shape[2])
        truth = rng.random(shape) < rates[:, :, None]
        found = np.where(rng.random(shape) < accuracy, truth, ~truth).astype(np.float64)
        return [Labels(one, np.full(one.shape, np.nan)) for one in found]

    @property
    def agreement(self) -> float:
        """Mean Jaccard index of the label sets of repeated answers; two empty sets agree."""
        first, second = (
            np.array([one.unions for one in run]) for run in (self.labels, self.repeat)
        )
        either = np.maximum(first, second).sum(axis=2)
        both = np.minimum(first, second).sum(axis=2)
        return float(np.where(either > 0, both / np.maximum(either, 1), 1).mean())


def rewards(world: World, accuracy: float) -> dict[str, Floats]:
    """All rewards of all items, (n,) each."""
    unions = np.array([one.unions for one in world.labels])
    rates = np.array([one.rates for one in world.labels])
    counts = np.array([one.opinions for one in world.labels])
    found = {"label variance": label_variance(unions)}
    for name, weight in (("S as printed (-)", -0.5), ("S with +", 0.5)):
        config = SurrogateConfig(disentanglement=weight)
        pairs = zip(world.labels, world.active, strict=True)
        found[name] = np.array([surrogate(one, own, config=config).score for one, own in pairs])
    found["rate variance"] = rate_variance(rates, counts)
    found["GJS of shrunk rates"] = objective(shrunk_rates(rates, counts)).score
    # of a perfect judge nobody would claim that it is
    known = min(accuracy, InformationConfig.sensitivity)
    posterior = ThetaPosterior.start(
        MODELS, DIMENSIONS, InformationConfig(sensitivity=known, specificity=known)
    )
    come = list[Floats]()
    for first in range(0, len(rates), BATCH):
        new, after = slice(first, first + BATCH), first + BATCH
        come.append(posterior.score(rates[new], counts[new]).information.sum(axis=1))
        posterior = posterior.updated(rates[:after], counts[:after])
    found["ours, as items come"] = np.concatenate(come)
    found[OURS] = posterior.score(rates, counts).information.sum(axis=1)
    return found


def cell(
    seeds: range, slope: float, quirk_sd: float, accuracy: float, items: int = ITEMS
) -> dict[str, Any]:
    """Figures of one row of the table."""
    correlations, agreement = dict[str, list[float]](), list[float]()
    for seed in seeds:
        world = World(seed, slope=slope, quirk_sd=quirk_sd, accuracy=accuracy, items=items)
        truth = world.trait if quirk_sd else world.realised
        agreement.append(world.agreement)
        for name, values in rewards(world, accuracy).items():
            rho = float(stats.spearmanr(values, truth).statistic)
            correlations.setdefault(name, []).append(rho)
    ours = np.array(correlations[OURS])
    gains = {name: interval(ours - np.array(correlations[name])) for name in BASELINES}
    return {
        "accuracy": accuracy,
        "slope": slope,
        "quirk_sd": quirk_sd,
        "agreement": float(np.mean(agreement)),
        "spearman": {name: interval(np.array(rho)) for name, rho in correlations.items()},
        "ours_less": gains,
        "held": bool(
            (quirk_sd > 0 or ours.mean() >= 0.89) and all(low > 0 for _, low, _ in gains.values())
        ),
    }


def interval(values: Floats) -> tuple[float, float, float]:
    """Mean with 95 % limits."""
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return float(values.mean()), float(values.mean() - half), float(values.mean() + half)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="simulated worlds in each row")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    if options.seeds < 2:
        parser.error(f"--seeds {options.seeds}: give at least 2")
    rows = list[dict[str, Any]]()
    for accuracy in JUDGES:
        for slope in SLOPES:
            for quirk_sd in QUIRKS:
                row = cell(range(options.seeds), slope, quirk_sd, accuracy)
                rows.append(row)
                if not options.json:
                    show(row, header=len(rows) == 1)
    if options.json:
        print(json.dumps({"simulated": True, "seeds": options.seeds, "rows": rows}))


def show(row: dict[str, Any], *, header: bool) -> None:
    """Print a row."""
    if header:
        names = [*row["spearman"], *(f"ours less {name}" for name in row["ours_less"])]
        print("| judge | slope | quirk sd | agreement | " + " | ".join(names) + " | held |")
        print("|--:|--:|--:|--:|" + "--:|" * len(names) + "---|")
    cells = [f"{mean:.3f}" for mean, _, _ in row["spearman"].values()]
    cells += [f"{mean:.3f} ({low:.3f} to {up:.3f})" for mean, low, up in row["ours_less"].values()]
    first = f"| {row['accuracy']:g} | {row['slope']:g} | {row['quirk_sd']:g} "
    first += f"| {row['agreement']:.2f} | "
    print(first + " | ".join(cells) + f" | {'yes' if row['held'] else 'no'} |", flush=True)


if __name__ == "__main__":
    main()
