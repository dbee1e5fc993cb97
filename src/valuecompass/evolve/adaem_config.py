"""Hyper-parameters of AdAEM (Yao et al., arXiv 2505.13531 v2)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from valuecompass.evolve.bandit import Sampling
from valuecompass.evolve.information import InformationConfig
from valuecompass.evolve.novelty import NEAREST
from valuecompass.evolve.probing import JudgeMode
from valuecompass.evolve.rating import Reward
from valuecompass.evolve.writing import WORDS

FACETS = tuple(Sampling().floors)
OPTIONAL = ("pulls", "p2", "keep", "target_width", "similar", "temperature", "top_p")
"""Fields that may be None."""
UNKNOWN_WIDTH = 2 * 1.96
"""Of the 95 % interval of a position before any answer, whose standard deviation is 1."""
_WHOLE: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("width", "nearest", "p1", "explorer_calls", "concurrency"), (1, math.inf)),
    **dict.fromkeys(("pulls", "p2", "keep"), (1, math.inf)),
    **dict.fromkeys(("depth", "shots", "seed"), (0, math.inf)),
    "words": (5, 60),
}
_REAL: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("disentanglement", "tau"), (-math.inf, math.inf)),
    **dict.fromkeys(("beta", "least_gain", "target_width"), (0, math.inf)),
    **dict.fromkeys(("similar", "advance", "top_p"), (0, 1)),
    "temperature": (0, 2),
}
"""Fields with their ranges."""


@dataclass(frozen=True)
class AdAEMConfig:
    """Hyper-parameters of a run.

    Defaults were chosen by what 25 winners tell about fresh models after 2,000 requests, in the
    planted world's five draws for tuning (`design/adaem.md`).

    Attributes:
        reward: "information" (expected information about the models), "printed" (S of appendix
            C.3), "variance" (of labels) or "objective" (equation 1 of shrunk rates).
        disentanglement: weight of R_Dis in S; -.5 as in appendix C.3, +.5 as equation 1 means it.
        beta: weight of the second term of the objective.
        information: settings of the information; give it the judge's error rates.
        bandit: "thompson" or "top-two" posterior sampling, "ucb" as printed, or "uniform": random
            search, to compare with.
        start: of UCB, from "zeros" as printed or from the scores of "seeds".
        pulls: B, most pulls; None: the requests of the meter alone bound the run. UCB needs it.
        width: N2, questions that each explorer writes in a pull.
        similar: epsilon; a question repeats others above this mean cosine; None: .85, the paper's,
            of the multilingual encoder, whose scale is another one, .58 ..
        nearest: .. to so many of the most similar ones.
        tau: a rewritten question replaces its parent if its reward is higher by more than this.
        depth: most rewritings of a question.
        shots: n_shot, best questions of the topic that explorers are shown.
        p1: K1, models that answer first.
        p2: K2, models that the final reward rests on, those of `p1` included; None: all.
        contrast: P1 and P2 are those that stand farthest apart on the item's dimensions, by what is
            known so far, for each item anew; else the first in the given order.
        advance: part of the candidates that goes on from the first models to the final ones, by
            reward among the last 60; the others keep the reward they have. 1: all.
        reuse: the final reward takes over the answers of the first models; else all are asked anew.
        seed_scores: which seeds are scored as well: "all" at the start, "pulled" at their first
            pull, "none".
        floors: facet -> entropy of the pulls as a part of a uniform sweep's (posterior sampling).
        least_gain: a topic is left when it promises less reward per request (posterior sampling).
        keep: most questions returned, the best; None: all.
        rescore: score those once more on fresh answers, of `p1` models each.
        target_width: stop when 2 x 1.96 `ThetaPosterior.sd` of all models' positions are at most
            this, in (0, 3.92), in standard deviations of the prior; None: never. These `sd` are too
            small by a quarter to 40 %, so it is a rule for stopping and not a width to report.
            Needs reward = "information".
        judge_mode: "one-call", or "per-value" for a request for each opinion and value.
        explorer_calls: most requests of a proposal or a rewriting.
        temperature, top_p: of models that answer or write and name none of their own (the caller
            who builds them sees to it, as `settings.resolve` does); None: those of a measurement
            for answers, the provider's for writing.
        words: most words that explorers are asked for in a question.
        concurrency: most requests at the same time.
        seed: of all draws.

    Raises:
        ValueError: if a number is out of range.
    """

    reward: Reward = "information"
    disentanglement: float = 0.5
    beta: float = 1.0
    information: InformationConfig = field(default_factory=InformationConfig)
    bandit: Literal["thompson", "top-two", "ucb", "uniform"] = "thompson"
    start: Literal["zeros", "seeds"] = "zeros"
    pulls: int | None = None
    width: int = 1
    similar: float | None = None
    nearest: int = 1
    tau: float = 0.1
    depth: int = 0
    shots: int = 5
    p1: int = 3
    p2: int | None = None
    contrast: bool = True
    advance: float = 0.1
    reuse: bool = True
    seed_scores: Literal["all", "pulled", "none"] = "none"
    floors: Mapping[str, float] = field(default_factory=lambda: dict(Sampling().floors))
    least_gain: float = 0.0
    keep: int | None = 100
    rescore: bool = True
    target_width: float | None = None
    judge_mode: JudgeMode = "one-call"
    explorer_calls: int = 2
    temperature: float | None = None
    top_p: float | None = None
    words: int = WORDS
    concurrency: int = 32
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what is out of range; messages begin with the field's name."""
        for name, (least, most) in _WHOLE.items():
            value: object = getattr(self, name)
            if value is not None or name not in OPTIONAL:
                _in_range(name, value, least, most, whole=True)
        for name, (least, most) in _REAL.items():
            if (value := getattr(self, name)) is not None or name not in OPTIONAL:
                _in_range(name, value, least, most)
        for name in ("similar", "advance", "top_p"):
            if getattr(self, name) == 0:
                raise ValueError(f"{name} must be above 0")
        for name, floor in self.floors.items():
            if name not in FACETS:
                raise ValueError(f"floors.{name}: unknown facet; known: {', '.join(FACETS)}")
            _in_range(f"floors.{name}", floor, 0, 1)
        if self.target_width is not None and self.reward != "information":
            raise ValueError("target_width needs reward = 'information', which learns positions")
        if self.target_width is not None and not 0 < self.target_width < UNKNOWN_WIDTH:
            raise ValueError(
                f"target_width must be above 0 and below {UNKNOWN_WIDTH:.2f}, the width before any "
                f"answer, not {self.target_width}"
            )
        if self.bandit == "ucb" and self.pulls is None:
            raise ValueError("pulls: UCB needs a number of them")
        if self.bandit == "ucb" and self.start == "seeds" and self.seed_scores != "all":
            raise ValueError("seed_scores must be 'all' where UCB starts from them")

    @classmethod
    def preset(cls, name: Literal["paper"]) -> AdAEMConfig:
        """Return the paper's values: its table of hyper-parameters and appendix C.3.

        Of three explorers and more, the paper's P1 of four, all are to be given to the run.
        """
        if name != "paper":
            raise ValueError(f"no preset {name!r}; there is 'paper'")
        return cls(
            reward="printed",
            disentanglement=-0.5,
            bandit="ucb",
            start="zeros",
            pulls=1500,
            width=3,
            nearest=NEAREST,
            tau=0.5,
            depth=3,
            shots=5,
            p1=4,
            p2=9,
            contrast=False,
            advance=1.0,
            reuse=False,
            seed_scores="pulled",
            keep=None,
            rescore=False,
            judge_mode="per-value",
            temperature=1.0,
            top_p=0.95,
            words=20,
        )


def _in_range(name: str, value: object, least: float, most: float, *, whole: bool = False) -> None:
    kinds = (int,) if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds):
        raise ValueError(f"{name} must be a {'whole ' if whole else ''}number, not {value!r}")
    if not least <= value <= most or not math.isfinite(value):
        bound = f"at least {least}" if most == math.inf else f"from {least} to {most}"
        bound = "finite" if least == -math.inf else bound
        raise ValueError(f"{name} must be {bound}, not {value}")
