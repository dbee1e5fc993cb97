"""The reward of candidates, by whichever of the rewards a run uses, from what was heard of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from valuecompass.evolve.information import InformationConfig, ThetaPosterior
from valuecompass.evolve.labels import Labels
from valuecompass.evolve.novelty import Similarity
from valuecompass.evolve.probing import Heard, Prober
from valuecompass.evolve.rewards import (
    SurrogateConfig,
    label_variance,
    objective,
    shrunk_rates,
    surrogate,
)
from valuecompass.evolve.selection import together_best
from valuecompass.hashing import digest

Floats = NDArray[np.float64]
Reward = Literal["information", "printed", "variance", "objective"]
REFIT = 1.25
"""Positions are estimated anew when there are so many times the items: 25 times up to 1,000."""
FIRST_FIT = 8
"""Items before the first estimate of positions."""


@dataclass(frozen=True)
class RatingConfig:
    """What a reward is.

    reward: "information", "printed" (S of appendix C.3), "variance" of labels or "objective"
        (equation 1 of shrunk rates).
    disentanglement: weight of R_Dis in S: -.5 as in appendix C.3, +.5 in the sense of equation 1.
    beta: weight of the second term of the objective.
    information: settings of the model behind the information.
    """

    reward: Reward = "information"
    disentanglement: float = 0.5
    beta: float = 1.0
    information: InformationConfig = field(default_factory=InformationConfig)

    @property
    def reads_question(self) -> bool:
        """Whether the values in the text of an item are looked at."""
        return self.reward == "printed" or (self.reward == "objective" and self.beta > 0)


class Rater:
    """Computes rewards; remembers all items tried, from which models' positions are learned.

    Args:
        config: which reward.
        names: of all respondents.
        prober: how verdicts become labels.
        similarity: compares opinions (R_OD); None leaves that term out.
    """

    def __init__(
        self,
        config: RatingConfig,
        names: Sequence[str],
        prober: Prober,
        similarity: Similarity | None,
    ) -> None:
        self.config, self.names = config, tuple(names)
        self._prober, self._similarity = prober, similarity
        self.posterior = ThetaPosterior.start(len(names), prober.dimensions, config.information)
        self._tried: list[Mapping[str, Heard]] = []
        self._fitted = 0

    def labels(self, heard: Mapping[str, Heard]) -> Labels:
        """Labels (K, L, D) over all respondents; who was not asked is missing."""
        return self._prober.labels([heard[n].verdicts if n in heard else None for n in self.names])

    def rewards(
        self, heard: Sequence[Mapping[str, Heard]], texts: Sequence[Labels | None]
    ) -> list[float]:
        """Return one reward for each item, NaN where too few answers tell.

        Whatever the reward: with verdicts on the answers of fewer than two models, or of fewer than
        half of those that were asked, there is none. What nearly everybody refuses would else be
        worth what the average item is, or teach that its topic is worth nothing.

        Args:
            heard: of each item the answers, by respondent.
            texts: of each item the values in its own text, (1, 1, D), or None.
        """
        if not heard:
            return []
        labels = [self.labels(one) for one in heard]
        if self.config.reward == "information":
            rewards = self._information(labels)
        else:
            rewards = [
                self._single(one, of_models, text)
                for one, of_models, text in zip(heard, labels, texts, strict=True)
            ]
        enough = [self.answering(one) >= max(2, len(one) / 2) for one in heard]
        return [r if ok else float("nan") for r, ok in zip(rewards, enough, strict=True)]

    def answering(self, heard: Mapping[str, Heard]) -> int:
        """Return how many models have a verdict on their answer."""
        return int(np.isfinite(self.labels(heard).expressed).any(axis=(1, 2)).sum())

    def remember(self, heard: Mapping[str, Heard]) -> None:
        """Take in an item that was tried, kept or not."""
        self._tried.append(heard)

    def learn(self, *, now: bool = False) -> bool:
        """Estimate the models' positions anew when it is time, and say whether that was done.

        A replayed run must do so at the same points, so these are numbers of items.
        """
        due = now or len(self._tried) >= max(REFIT * self._fitted, FIRST_FIT)
        if self.config.reward != "information" or not self._tried or not due:
            return False
        if len(self._tried) == self._fitted:
            return False
        self._fitted = len(self._tried)
        labels = [self.labels(heard) for heard in self._tried]
        self.posterior = self.posterior.updated(*rates_of(labels))
        return True

    def order(self, heard: Sequence[Mapping[str, Heard]], rewards: Sequence[float]) -> list[int]:
        """Return items, the best first.

        By information, each is the one that adds most to those before it; else by reward.
        """
        if self.config.reward == "information" and heard:
            curves = self.posterior.curves(*rates_of([self.labels(one) for one in heard]))
            return together_best(curves, len(curves))
        return sorted(range(len(rewards)), key=lambda at: -rewards[at])

    def contrasting(self, number: int, dimensions: Sequence[int], key: str) -> tuple[str, ...]:
        """Return respondents that stand far apart on some dimensions; more contain the fewer.

        First the two that are farthest apart, then always the one farthest from its nearest among
        those chosen (Gonzalez 1985). Positions are drawn from what is known of them, so that those
        of whom little is known get asked as well.

        Args:
            number: how many.
            dimensions: their places.
            key: decides the draw.
        """
        if number >= len(self.names):
            return self.names
        rng = np.random.default_rng(int(digest([key], 16), 16))
        mean, sd = (a[:, list(dimensions)] for a in (self.posterior.mean, self.posterior.sd))
        at = mean + sd * rng.standard_normal(mean.shape)
        apart = np.sqrt(((at[:, None] - at[None]) ** 2).sum(axis=2))
        first, second = np.unravel_index(int(np.argmax(apart)), apart.shape)
        chosen = [int(first), int(second)]
        while len(chosen) < number:
            nearest = apart[:, chosen].min(axis=1)
            nearest[chosen] = -1
            chosen.append(int(np.argmax(nearest)))
        return tuple(self.names[i] for i in sorted(chosen[:number]))

    def _information(self, labels: Sequence[Labels]) -> list[float]:
        return self.posterior.score(*rates_of(labels)).information.sum(axis=1).tolist()

    def _single(self, heard: Mapping[str, Heard], labels: Labels, text: Labels | None) -> float:
        config = self.config
        if config.reward == "variance":
            return float(label_variance(labels.unions))
        question = None if text is None else text.unions[0]
        if config.reward == "objective":
            rates = shrunk_rates(labels.rates, labels.opinions)
            return float(objective(rates, question, beta=config.beta).score)
        settings = SurrogateConfig(disentanglement=config.disentanglement)
        return surrogate(labels, question, self._alike(heard, labels), settings).score

    def _alike(self, heard: Mapping[str, Heard], labels: Labels) -> Floats | None:
        """Similarity of all opinions (K, L, K, L); NaN where one was not written."""
        models, opinions, _ = labels.expressed.shape
        said = [
            (k, place, point)
            for k, name in enumerate(self.names)
            if name in heard and heard[name].verdicts is not None
            for place, point in enumerate(heard[name].reading.points[:opinions])
        ]
        if self._similarity is None or not said:
            return None
        vectors = self._similarity.encode([point for *_, point in said])
        places = [k * opinions + place for k, place, _ in said]
        table = np.full((models * opinions,) * 2, np.nan)
        table[np.ix_(places, places)] = vectors @ vectors.T
        return table.reshape(models, opinions, models, opinions)


def rates_of(labels: Sequence[Labels]) -> tuple[Floats, Floats]:
    """Return rates and numbers of opinions, (n, K, D) each, of the labels of n items.

    Raises:
        ValueError: if their models or dimensions differ in number.
    """
    rates = np.array([one.rates for one in labels])
    counts = np.array([one.opinions for one in labels], dtype=np.float64)
    return rates, counts
