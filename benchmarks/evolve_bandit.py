"""Which topics a bandit finds: planted qualities, nine ways to choose, at equal pulls.

    python benchmarks/evolve_bandit.py                    # 4 minutes on one core
    python benchmarks/evolve_bandit.py --budgets 1500     # 1 minute

The world: 1,535 topics whose quality is normal with mean 6.07 and standard deviation .8; a question
has its topic's quality plus a standard normal error; each topic's seed is scored once; a pull
writes three questions. Topics fall into nine classes, which explain a share of the topics' variance
that --class-share sets (0: classes tell nothing). Reported: mean true quality of the topics pulled,
and entropy of the pulls over topics and over classes as a part of a uniform sweep's of the same
length; mean over seeds with a 95% t interval. `most` is the highest quality that any choice can
have at .8 of the sweep's entropy over topics, knowing the truth: pulls proportional to
exp(quality / weight). All of this is simulated.
"""

import argparse
from collections import Counter
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from valuecompass.evolve.bandit import Arm, Bandit, PosteriorSampling, Sampling, UpperConfidence
from valuecompass.evolve.coverage import entropy

TOPICS, CLASSES, QUESTIONS = 1535, 9, 3
MEAN, TOPIC_SD, QUESTION_SD = 6.07, 0.8, 1.0
FLOOR = 0.8

Floats = NDArray[np.float64]


class Random:
    """A topic at random, anew for each pull."""

    def __init__(self, arms: list[Arm], seed: int) -> None:
        self._ids = [arm.id for arm in arms]
        self._rng = np.random.default_rng([seed, 7])

    def choose(self) -> str:
        """Return a topic."""
        return self._ids[int(self._rng.integers(len(self._ids)))]

    def record(self, arm: str, rewards: list[float], calls: int = 0) -> None:
        """Learn nothing."""


def world(seed: int, class_share: float) -> tuple[Floats, list[Arm]]:
    """True qualities, and the topics with their seed scores."""
    rng = np.random.default_rng([seed, 1])
    classes = rng.integers(0, CLASSES, TOPICS)
    # standardised, so that nine draws have the variance they are to have
    level = stats.zscore(rng.standard_normal(CLASSES))[classes] * np.sqrt(class_share)
    own = rng.standard_normal(TOPICS) * np.sqrt(1 - class_share)
    quality = MEAN + TOPIC_SD * (level + own)
    seeds = quality + QUESTION_SD * rng.standard_normal(TOPICS)
    arms = [
        Arm(f"t{i}", f"c{c}", {"topic": (f"t{i}",), "class": (f"c{c}",)}, float(seeds[i]))
        for i, c in enumerate(classes)
    ]
    return quality, arms


def run(
    bandit: Bandit | Random, quality: Floats, arms: list[Arm], budget: int, seed: int
) -> tuple[float, float, float, int]:
    """Pull until the budget is spent; every way to choose sees the same rewards of a topic."""
    places = {arm.id: i for i, arm in enumerate(arms)}
    pulls = np.zeros(TOPICS)
    for _ in range(budget):
        arm = bandit.choose()
        assert arm is not None
        i = places[arm]
        errors = np.random.default_rng([seed, 2, i, int(pulls[i])]).standard_normal(QUESTIONS)
        bandit.record(arm, (quality[i] + QUESTION_SD * errors).tolist())
        pulls[i] += 1
    classes = Counter[str]()
    for i, number in enumerate(pulls):
        classes[arms[i].topic_class] += int(number)
    sizes = Counter(arm.topic_class for arm in arms)
    return (
        float(pulls @ quality / budget),
        entropy(pulls) / np.log(min(budget, TOPICS)),
        entropy(np.array([*classes.values()], float)) / entropy(np.array([*sizes.values()], float)),
        int((pulls > 0).sum()),
    )


def most(quality: Floats, budget: int) -> float:
    """Highest mean quality at `FLOOR` of the sweep's entropy, by bisection on the weight."""
    low, high = 1e-3, 50.0
    for _ in range(60):
        weight = np.sqrt(low * high)
        shares = np.exp((quality - quality.max()) / weight)
        even = entropy(shares) / np.log(min(budget, TOPICS))
        low, high = (weight, high) if even < FLOOR else (low, weight)
    return float(shares @ quality / shares.sum())


def ways(arms: list[Arm], budget: int, seed: int) -> dict[str, Callable[[], Bandit | Random]]:
    """The ways to choose."""

    def sampling(**settings: object) -> Callable[[], Bandit]:
        return lambda: PosteriorSampling(arms, Sampling(**settings), seed=seed)  # type: ignore[arg-type]

    everything = {"floors": {}, "opened": float(TOPICS)}
    return {
        "random": lambda: Random(arms, seed),
        "UCB, as printed": lambda: UpperConfidence(arms, budget),
        "UCB, from seed scores": lambda: UpperConfidence(arms, budget, "seeds"),
        "Thompson, all topics open": sampling(**everything),
        "Thompson, opened lazily": sampling(floors={}),
        "Thompson, floor on classes": sampling(floors={"class": FLOOR}),
        "Thompson, all floors": sampling(),
        "top-two, opened lazily": sampling(method="top-two", floors={}),
        "top-two, all floors": sampling(method="top-two"),
    }


def shown(values: list[float]) -> str:
    """Mean and half of its 95% interval."""
    half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return f"{np.mean(values):.2f} ± {half:.2f}"


def main() -> None:
    """Run all and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--budgets", type=int, nargs="+", default=[1500, 6000])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--class-share", type=float, default=0.0)
    given = parser.parse_args()
    for budget in given.budgets:
        print(
            f"\n{budget} pulls, {given.seeds} seeds, class share {given.class_share:g} (simulated)"
        )
        print(f"{'':28}{'quality':>14}{'topics even':>16}{'classes even':>16}{'topics':>9}")
        worlds = [world(s, given.class_share) for s in range(given.seeds)]
        for name in ways(worlds[0][1], budget, 0):
            rows = [
                run(ways(arms, budget, s)[name](), quality, arms, budget, s)
                for s, (quality, arms) in enumerate(worlds)
            ]
            one, two, three, reached = (list(column) for column in zip(*rows, strict=True))
            line = f"{name:28}{shown(one):>14}{shown(two):>16}{shown(three):>16}"
            print(f"{line}{np.mean(reached):>9.0f}", flush=True)
        print(f"{'most':28}{shown([most(q, budget) for q, _ in worlds]):>14}{FLOOR:>11.2f}")


if __name__ == "__main__":
    main()
