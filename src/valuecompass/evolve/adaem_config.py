"""Hyper-parameters of AdAEM (Yao et al., arXiv 2505.13531 v2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from valuecompass.evolve.bandit import Sampling
from valuecompass.evolve.information import InformationConfig
from valuecompass.evolve.novelty import NEAREST, THRESHOLD
from valuecompass.evolve.probing import JudgeMode
from valuecompass.evolve.rating import Reward


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
        similar: epsilon; a question repeats others above this mean cosine; None: .85, of the
            multilingual encoder, whose scale is another one, .58 ..
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
        topic_share: part of `keep` that comes from one topic at most, as long as others have
            questions left (by information).
        rescore: score those once more on fresh answers, of `p1` models each.
        target_width: stop when the 95 % intervals of all positions of models are at most so wide,
            in standard deviations; None: never.
        judge_mode: "one-call", or "per-value" for a request for each opinion and value.
        explorer_calls: most requests of a proposal or a rewriting.
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
    topic_share: float = 0.2
    rescore: bool = True
    target_width: float | None = None
    judge_mode: JudgeMode = "one-call"
    explorer_calls: int = 2
    concurrency: int = 32
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        counts = (self.width, self.nearest, self.p1, self.explorer_calls, self.concurrency)
        optional = [n for n in (self.pulls, self.p2, self.keep) if n is not None]
        if min(*counts, *optional) < 1 or min(self.depth, self.shots) < 0:
            raise ValueError(
                "width, nearest, p1, p2, pulls, keep, explorer_calls and concurrency must be >= 1, "
                "depth and shots >= 0"
            )
        for name in ("advance", "topic_share"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in (0, 1], not {getattr(self, name)}")
        if self.bandit == "ucb" and self.pulls is None:
            raise ValueError("UCB needs a number of pulls")
        if self.bandit == "ucb" and self.start == "seeds" and self.seed_scores != "all":
            raise ValueError("UCB from seeds needs seed_scores = 'all'")

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
            similar=THRESHOLD,
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
        )
