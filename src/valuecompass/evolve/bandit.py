"""Which topic to work on next: AdAEM's UCB as printed, posterior sampling, and any at random.

A topic is an arm; a pull writes some questions about it, whose rewards come back with what they
cost. Nothing here is random beyond a seed: the same records lead to the same choices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from valuecompass.evolve.coverage import Coverage
from valuecompass.evolve.topic_quality import TopicQuality
from valuecompass.items import Item

Floats = NDArray[np.float64]
Found = Mapping[str, Sequence[str]]
"""Facet -> the cells that the questions of a pull turned out to belong to."""


@dataclass(frozen=True)
class Arm:
    """A topic to choose.

    id: of its seed item.
    cells: facet -> the cells its questions belong to; none where only what is written tells.
    seed_score: reward of the seed itself, NaN when it was not scored.
    """

    id: str
    topic_class: str = ""
    cells: Found = field(default_factory=dict[str, Sequence[str]])
    seed_score: float = float("nan")


def arm_of(topic: Item, seed_score: float = float("nan")) -> Arm:
    """Return the arm of a seed item, with its topic class, its dimensions, and regions unknown."""
    known = topic.topic or "none"
    cells = {"topic": (topic.id,), "class": (known,), "dimension": topic.dimensions, "region": ()}
    return Arm(topic.id, known, cells, seed_score)


class Bandit(Protocol):
    """What chooses topics."""

    def choose(self) -> str | None:
        """Return the id of the topic to pull, the same until something is recorded; None: none."""
        ...

    def record(
        self, arm: str, rewards: Sequence[float], calls: int = 0, found: Found | None = None
    ) -> None:
        """Take in a pull: the rewards of its questions, the requests it took, what it covers."""
        ...

    def leave(self, arm: str) -> None:
        """Choose a topic no more."""
        ...


@dataclass(frozen=True)
class Idle:
    """A warning: every pull of the budget is one of the first pulls, and nothing is ever chosen."""

    arms: int
    budget: int

    def __str__(self) -> str:
        return (
            f"{self.budget} pulls are spent on pulling each of {self.arms} topics once: UCB never "
            "chooses. Give more pulls or fewer topics, or start from seed scores"
        )


class UpperConfidence:
    """UCB over topics, as printed (AdAEM, arXiv 2505.13531, algorithm 1).

    Each topic once first, in their order; then argmax Q_i + sqrt(2 ln B / C_i), B the whole budget,
    Q_i the running mean of the pulls' mean rewards, C_i the number of pulls. Ties go to the first.
    A pull without any question counts as a pull and leaves Q_i as it is (not in the paper).

    Args:
        arms: the topics.
        budget: pulls, B.
        start: "zeros" (C_i = Q_i = 0, as printed) or "seeds" (the seed's score counts as the first
            pull, so C_i = 1; topics without a score start at zero).
    """

    def __init__(
        self, arms: Sequence[Arm], budget: int, start: Literal["zeros", "seeds"] = "zeros"
    ) -> None:
        self._places = _places(arms)
        self._ids = tuple(self._places)
        self._budget = budget
        scores = np.array([arm.seed_score for arm in arms], np.float64)
        known = np.isfinite(scores) & (start == "seeds")
        self.pulls = known.astype(np.int64)
        self.means = np.where(known, scores, 0.0)
        self._left = np.zeros(len(arms), np.bool_)
        self._recorded = 0
        firsts = len(arms) - int(known.sum())
        self.warning = Idle(firsts, budget) if 0 < firsts >= budget else None

    def choose(self) -> str | None:
        """Return the topic to pull; None when the budget is spent or there is no topic."""
        if self._left.all() or self._recorded >= self._budget:
            return None
        new = (self.pulls == 0) & ~self._left
        if new.any():
            return self._ids[int(np.argmax(new))]
        bounds = self.means + np.sqrt(2 * np.log(self._budget) / np.maximum(self.pulls, 1))
        return self._ids[int(np.argmax(np.where(self._left, -np.inf, bounds)))]

    def record(
        self, arm: str, rewards: Sequence[float], calls: int = 0, found: Found | None = None
    ) -> None:
        """Take in a pull; what it cost and covers does not count."""
        place = self._places[arm]
        _check(arm, rewards)
        self._recorded += 1
        self.pulls[place] += 1
        if len(rewards):
            self.means[place] += (float(np.mean(rewards)) - self.means[place]) / self.pulls[place]

    def leave(self, arm: str) -> None:
        """Choose a topic no more."""
        self._left[self._places[arm]] = True


class Uniform:
    """Every topic with the same chance, whatever came of it: random search.

    Args:
        arms: the topics.
        seed: of the draws.
    """

    def __init__(self, arms: Sequence[Arm], *, seed: int = 0) -> None:
        self._ids = list(_places(arms))
        self._seed = seed
        self._recorded = 0

    def choose(self) -> str | None:
        """Return the topic to pull; None when there is no topic."""
        if not self._ids:
            return None
        rng = np.random.default_rng([self._seed, self._recorded])
        return self._ids[rng.integers(len(self._ids))]

    def record(
        self, arm: str, rewards: Sequence[float], calls: int = 0, found: Found | None = None
    ) -> None:
        """Take in a pull, which changes nothing but the number of the next one."""
        _check(arm, rewards)
        self._recorded += 1

    def leave(self, arm: str) -> None:
        """Choose a topic no more."""
        self._ids.remove(arm)


@dataclass(frozen=True)
class Sampling:
    """Settings of `PosteriorSampling`.

    method: "thompson" pulls the topic that is best in one draw from the posterior (Thompson 1933;
        Russo et al. 2018); "top-two" pulls that one with probability `top_two`, else the best of a
        further draw in which another one is best (Russo 2020), which explores more.
    floors: facet -> entropy of the pulls as a part of a uniform sweep's that is kept (`Coverage`).
    opened, growth: after t pulls at most opened * (t + 1)^growth topics are under way (progressive
        widening; Coulom 2007); the next is the most promising one. Where a floor is to be kept, one
        more is always among those chosen from.
    dry: a topic is left after so many pulls in a row without any question.
    keep: size of the bank that is wanted; what improves it counts as gain.
    least_gain: a topic is left when the gain it promises per call falls below this, in rewards.
    """

    method: Literal["thompson", "top-two"] = "thompson"
    floors: Mapping[str, float] = field(
        default_factory=lambda: {"topic": 0.8, "class": 0.8, "dimension": 0.8, "region": 0.8}
    )
    opened: float = 2.0
    growth: float = 0.5
    top_two: float = 0.5
    dry: int = 3
    keep: int = 100
    least_gain: float = 0.0


class _Tally(NamedTuple):
    """Counts of each topic, (n,)."""

    pulls: Floats
    calls: Floats
    questions: Floats
    dry: Floats


REFIT = 1.15
"""Variances are sought anew when there are so many times the observations: 50 times in a run."""
REDRAWS = 16
"""Draws in which a second topic is looked for before the runner-up of the last is taken."""


class PosteriorSampling:
    """Thompson or top-two sampling of topics whose quality `TopicQuality` learns.

    Args:
        arms: the topics; their seed scores are where the model starts.
        settings: see `Sampling`.
        seed: of the draws.
    """

    def __init__(
        self, arms: Sequence[Arm], settings: Sampling | None = None, *, seed: int = 0
    ) -> None:
        self.settings = settings or Sampling()
        self._places = _places(arms)
        self._ids = tuple(self._places)
        self._seed = seed
        # topics that promise the same are opened in no order of the file's, which may be by class
        self._order = np.random.default_rng([seed]).permutation(len(arms))
        classes = {name: n for n, name in enumerate(dict.fromkeys(a.topic_class for a in arms))}
        self.quality = TopicQuality(
            [classes[a.topic_class] for a in arms], [a.seed_score for a in arms]
        )
        facets = dict.fromkeys(name for arm in arms for name in arm.cells)
        self.coverage = Coverage(
            {name: [arm.cells.get(name, ()) for arm in arms] for name in facets},
            self.settings.floors,
        )
        self._tally = _Tally(*np.zeros((4, len(arms))))
        self._rewards: list[float] = []
        self._recorded = 0
        self._fitted = self.quality.observations

    def choose(self) -> str | None:
        """Return the topic to pull; None when every topic was left."""
        candidates = self._candidates()
        if not len(candidates):
            return None
        # draws of their own for every choice: what was drawn before does not matter
        rng = np.random.default_rng([self._seed, self._recorded])
        bonus = self._deviation() * self.coverage.bonus(len(self._ids))[candidates]
        first = self._best(rng, candidates, bonus)[0]
        if self.settings.method == "top-two" and rng.random() >= self.settings.top_two:
            first = self._other(rng, candidates, bonus, first)
        return self._ids[int(candidates[first])]

    def record(
        self, arm: str, rewards: Sequence[float], calls: int = 0, found: Found | None = None
    ) -> None:
        """Take in a pull."""
        place = self._places[arm]
        _check(arm, rewards)
        self._recorded += 1
        self._rewards += map(float, rewards)
        self._tally.pulls[place] += 1
        self._tally.calls[place] += calls
        self._tally.questions[place] += len(rewards)
        self._tally.dry[place] = 0 if len(rewards) else self._tally.dry[place] + 1
        self.quality.add(place, rewards)
        self.coverage.record(place, found or {})
        self._refit()

    def record_seed(self, arm: str, score: float) -> None:
        """Take in the score of a seed that had none."""
        if not np.isfinite(score):
            raise ValueError(f"{arm}: a seed's score is not a number; leave it out")
        self.quality.score_seed(self._places[arm], score)
        self._refit()

    def leave(self, arm: str) -> None:
        """Choose a topic no more."""
        self._tally.dry[self._places[arm]] = np.inf

    def gain_per_call(self) -> Floats:
        """Return what one more call to each topic adds to the best `keep` rewards, (n,).

        The expected improvement of a question over the worst of them (Jones, Schonlau & Welch
        1998), (m - b) Phi(z) + s phi(z) with z = (m - b) / s, times the questions of a pull, over
        its calls; both are the topic's own means, drawn towards the mean of all by one pull.
        Infinite until there are `keep` rewards and calls were counted.
        """
        from scipy.special import ndtr

        tally, keep = self._tally, self.settings.keep
        if len(self._rewards) < keep or not tally.calls.any():
            return np.full(len(self._ids), np.inf)
        bound = np.partition(self._rewards, -keep)[-keep]
        mean, deviation = self.quality.posterior()
        spread = np.sqrt(deviation**2 + self.quality.variances.question)
        z = (mean - bound) / spread
        better = (mean - bound) * ndtr(z) + spread * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
        pulls = tally.pulls.sum()
        questions = tally.questions + tally.questions.sum() / pulls
        return better * questions / (tally.calls + tally.calls.sum() / pulls)

    def left(self) -> NDArray[np.bool_]:
        """Return which topics are not pulled any more, (n,)."""
        barren = self._tally.dry >= self.settings.dry
        if self.settings.least_gain <= 0:
            return barren
        return barren | (self.gain_per_call() < self.settings.least_gain)

    def _candidates(self) -> NDArray[np.int64]:
        """Topics under way and those that may be opened, the most promising first."""
        going = ~self.left()
        begun = self._tally.pulls > 0
        closed = np.flatnonzero(going & ~begun)
        room = int(
            np.ceil(self.settings.opened * (self._recorded + 1) ** self.settings.growth)
        ) - int(begun.sum())
        # where a floor is to be kept one more may always be opened; its bonus decides whether it is
        room = max(room, int(bool(self.coverage.facets) or not (going & begun).any()))
        if room < len(closed):
            promise = self.quality.posterior()[0] + self._deviation() * self.coverage.bonus(
                len(self._ids)
            )
            closed = closed[np.lexsort((self._order[closed], -promise[closed]))[:room]]
        return np.concatenate([np.flatnonzero(going & begun), closed])

    def _best(
        self, rng: np.random.Generator, among: NDArray[np.int64], bonus: Floats, draws: int = 1
    ) -> NDArray[np.int64]:
        return np.argmax(self.quality.sample(rng, draws)[:, among] + bonus, axis=1)

    def _other(
        self, rng: np.random.Generator, among: NDArray[np.int64], bonus: Floats, first: np.int64
    ) -> np.int64:
        if len(among) == 1:
            return first
        for best in self._best(rng, among, bonus, REDRAWS):
            if best != first:
                return best
        without = np.where(np.arange(len(among)) == first, -np.inf, bonus)
        return self._best(rng, among, without)[0]

    def _deviation(self) -> float:
        variances = self.quality.variances
        return float(np.sqrt(variances.topic + variances.topic_class))

    def _refit(self) -> None:
        if self.quality.observations >= REFIT * self._fitted + 10:
            self.quality.fit()
            self._fitted = self.quality.observations


def stop_reason(
    calls: int,
    budget: int | None = None,
    widths: ArrayLike = (),
    target: float | None = None,
) -> Literal["budget", "widths"] | None:
    """Say why a whole run stops, or None.

    Args:
        calls: requests so far.
        budget: most requests.
        widths: widths of the intervals that the run is to narrow; NaN is one not known yet.
        target: width that each of them should reach.
    """
    known = np.asarray(widths, np.float64)
    if target is not None and known.size and bool(np.all(known <= target)):
        return "widths"
    return "budget" if budget is not None and calls >= budget else None


def _places(arms: Sequence[Arm]) -> dict[str, int]:
    places: dict[str, int] = {}
    for place, arm in enumerate(arms):
        if places.setdefault(arm.id, place) != place:
            raise ValueError(f"two topics have the id {arm.id!r}")
    return places


def _check(arm: str, rewards: Sequence[float]) -> None:
    if not np.isfinite(np.asarray(rewards, np.float64)).all():
        raise ValueError(f"{arm}: a reward is not a number; leave it out")
