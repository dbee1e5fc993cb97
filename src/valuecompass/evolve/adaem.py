"""AdAEM: test items that evolve by probing many models (Yao et al., arXiv 2505.13531 v2).

One pull of a topic: explorers write questions about it, a few models answer, a judge says which
values the answers express, the reward says how well the question tells the models apart; questions
are rewritten on this evidence while that helps, and more models answer those that remain. A bandit
learns from the rewards which topic is next. Numbers of lines in comments are those of algorithm 2
in the paper.

`AdAEMConfig.preset("paper")` runs it as printed. The default differs in four things: the reward is
the information of an answer about its model (`information`), topics are chosen by posterior
sampling under floors on coverage (`bandit`), most candidates leave the race after the answers of
the few models that contrast most, and winners are scored once more on fresh answers.

A run is deterministic given its seed and what the players return. All work of a step is done at the
same time and taken in in a fixed order; so a killed run is resumed by playing it again, with every
paid request answered from the store.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np

from valuecompass.errors import InputError, RequestFailed
from valuecompass.evolve.bandit import (
    PosteriorSampling,
    Sampling,
    UpperConfidence,
    arm_of,
    stop_reason,
)
from valuecompass.evolve.candidates import Candidate, Evolution
from valuecompass.evolve.information import InformationConfig
from valuecompass.evolve.novelty import NEAREST, THRESHOLD, EnglishSimilarity, Questions, Similarity
from valuecompass.evolve.probing import JudgeMode, Meter, Prober, together
from valuecompass.evolve.protocols import Evidence, Explorer, Proposal, Respondents
from valuecompass.evolve.rating import Rater, RatingConfig, Reward
from valuecompass.items import Item
from valuecompass.judges.protocol import Judge
from valuecompass.values import ValueSystem

FINAL, FRESH = 1, 2
"""Repeats of answers: those of the final reward where first answers are not used again, and those
that winners are scored on once more. Repeat 0 is what selected them."""
SLOWER = "slower than others in the race"
Stage = Literal["first", "final", "fresh"]
RECENT = 60
"""First rewards that a candidate is held against in the race."""


@dataclass(frozen=True)
class AdAEMConfig:
    """Hyper-parameters of a run.

    Attributes:
        reward: "information" (expected information about the models), "printed" (S of appendix
            C.3), "variance" (of labels) or "objective" (equation 1 of shrunk rates).
        disentanglement: weight of R_Dis in S; -.5 as in appendix C.3, +.5 as equation 1 means it.
        beta: weight of the second term of the objective.
        information: settings of the information; give it the judge's error rates.
        bandit: "thompson" or "top-two" posterior sampling, or "ucb" as printed.
        start: of UCB, from "zeros" as printed or from the scores of "seeds".
        pulls: B, most pulls; None: the requests of the meter alone bound the run. UCB needs it.
        width: N2, questions that each explorer writes in a pull.
        similar: epsilon; a question repeats others above this mean cosine ..
        nearest: .. to so many of the most similar ones.
        tau: a rewritten question replaces its parent if its reward is higher by more than this.
        depth: most rewritings of a question.
        shots: n_shot, best questions of the topic that explorers are shown.
        p1: K1, models that answer first.
        p2: K2, models that the final reward rests on, those of `p1` included; None: all.
        contrast: the first are those that stand farthest apart on the item's dimensions, by what is
            known so far; else the first in the given order.
        advance: part of the candidates that goes on from the first models to the final ones, by
            reward among the last 60; 1: all.
        reuse: the final reward takes over the answers of the first models; else all are asked anew.
        seed_scores: which seeds are scored as well: "all" at the start, "pulled" at their first
            pull, "none".
        floors: facet -> entropy of the pulls as a part of a uniform sweep's (not with UCB).
        least_gain: a topic is left when it promises less reward per request (not with UCB).
        keep: most questions returned, the best; None: all.
        rescore: score those once more on fresh answers.
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
    bandit: Literal["thompson", "top-two", "ucb"] = "thompson"
    start: Literal["zeros", "seeds"] = "zeros"
    pulls: int | None = None
    width: int = 1
    similar: float = THRESHOLD
    nearest: int = 1
    tau: float = 0.1
    depth: int = 1
    shots: int = 5
    p1: int = 3
    p2: int | None = None
    contrast: bool = True
    advance: float = 0.5
    reuse: bool = True
    seed_scores: Literal["all", "pulled", "none"] = "none"
    floors: Mapping[str, float] = field(default_factory=lambda: dict(Sampling().floors))
    least_gain: float = 0.0
    keep: int | None = 100
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
        if not 0 < self.advance <= 1:
            raise ValueError(f"advance must be in (0, 1], not {self.advance}")
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


def silent(_: Mapping[str, Any]) -> None:
    """Tell nobody."""


async def evolve(
    topics: Sequence[Item],
    explorers: Sequence[Explorer],
    respondents: Respondents,
    judge: Judge,
    systems: Sequence[ValueSystem],
    config: AdAEMConfig | None = None,
    *,
    calls: int | None = None,
    similarity: Similarity | None = None,
    log: Callable[[Mapping[str, Any]], None] = silent,
) -> Evolution:
    """Let items evolve.

    Args:
        topics: seed items, one for each topic: questions or trade-offs.
        explorers: who writes; all of them in every pull.
        respondents: the pool, the cheap ones first.
        judge: reads the answers.
        systems: value systems; every answer is judged by all of them.
        config: None takes the defaults.
        calls: most requests of all kinds; None: bounded by `config.pulls` alone.
        similarity: encoder for questions and opinions; None takes the English one.
        log: told every event as it happens.

    Raises:
        InputError: items, players and settings do not fit together.
        BudgetReached: players refuse to ask on; what was asked is theirs to keep.
    """
    settings = config or AdAEMConfig()
    if calls is None and settings.pulls is None:
        raise InputError("nothing bounds the run: give calls, or pulls in the settings")
    run = _Run(settings, topics, explorers, respondents, judge, systems, calls, similarity, log)
    return await run.whole()


class _Run:
    """The state of one run."""

    def __init__(
        self,
        config: AdAEMConfig,
        topics: Sequence[Item],
        explorers: Sequence[Explorer],
        respondents: Respondents,
        judge: Judge,
        systems: Sequence[ValueSystem],
        calls: int | None,
        similarity: Similarity | None,
        log: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self.config, self.log = config, log
        self.topics = {topic.id: topic for topic in topics}
        self.explorers = {explorer.name: explorer for explorer in explorers}
        if not topics or len(self.topics) < len(topics):
            raise InputError("topics: at least one seed item is needed, and each only once")
        if not explorers or len(self.explorers) < len(explorers):
            raise InputError("explorers: at least one is needed, and no name twice")
        self.names = tuple(respondents.names)[: config.p2]
        if len(self.names) < 2 or len(set(self.names)) < len(self.names):
            raise InputError("respondents: at least two are needed, and no name twice")
        self.prober = Prober(respondents, judge, tuple(systems), config.judge_mode)
        for topic in topics:
            self.prober.check(topic)
        encoder = similarity or EnglishSimilarity()
        rating = RatingConfig(
            config.reward, config.disentanglement, config.beta, config.information
        )
        self.rater = Rater(rating, self.names, self.prober, encoder)
        self.meter = Meter(calls)
        self.questions = Questions(encoder, threshold=config.similar, nearest=config.nearest)
        for topic in topics:
            self.questions.add([topic.id], [topic.text], topic.language)
        self.seeds: dict[str, Candidate] = {}
        self.of_topic: dict[str, list[Candidate]] = {topic: [] for topic in self.topics}
        self.rejected: list[Candidate] = []
        self.events: list[dict[str, Any]] = []
        self.pulls: dict[str, int] = dict.fromkeys(self.topics, 0)
        self.spent = self.winning = False
        self.first_rewards: list[float] = []
        self.dimension_at = {
            (system.id, name): place
            for place, (system, name) in enumerate(
                (system, name) for system in systems for name in system.names
            )
        }

    # --- algorithm 1 ---

    async def whole(self) -> Evolution:
        """Pull topics until something stops the run, then choose and re-score the winners."""
        if self.config.seed_scores == "all":
            await self._score_seeds(list(self.topics))
        bandit = self._bandit()
        warning = getattr(bandit, "warning", None)
        warnings = () if warning is None else (str(warning),)
        for text in warnings:
            self._tell("warning", text=text)
        while (stopped := self._stopped()) is None:
            if (topic := bandit.choose()) is None:  # lines 3 and 4
                stopped = "topics"
                break
            before = self.meter.total
            if self.config.seed_scores == "pulled" and topic not in self.seeds:
                await self._score_seeds([topic])
            found = await self._pull(topic)
            rewards = [c.last for c in found if math.isfinite(c.last)]
            regions = [c.proposal.region for c in found if c.proposal.region]
            cost = self.meter.total - before
            bandit.record(topic, rewards, cost, {"region": regions})  # lines 20 and 21
            self.rater.learn()
            self._told_pull(topic, found, cost)
        kept = await self._winners()
        self._tell("stop", reason=stopped, kept=len(kept))
        posterior = self.rater.posterior if self.config.reward == "information" else None
        return Evolution(
            tuple(kept),
            tuple(self.rejected),
            self.meter,
            tuple(self.events),
            stopped,
            warnings,
            posterior,
        )

    def _bandit(self) -> UpperConfidence | PosteriorSampling:
        config = self.config
        scores = {topic: seed.last for topic, seed in self.seeds.items()}
        arms = [arm_of(topic, scores.get(at, math.nan)) for at, topic in self.topics.items()]
        if config.bandit == "ucb":
            return UpperConfidence(arms, config.pulls or 1, config.start)
        sampling = Sampling(
            config.bandit,
            floors=config.floors,
            keep=config.keep or Sampling.keep,
            least_gain=config.least_gain,
        )
        return PosteriorSampling(arms, sampling, seed=config.seed)

    def _stopped(self) -> str | None:
        config = self.config
        if config.pulls is not None and sum(self.pulls.values()) >= config.pulls:
            return "pulls"
        if self.spent:
            return "calls"
        widths = 2 * 1.96 * self.rater.posterior.sd
        why = stop_reason(self.meter.total, self.meter.limit, widths, config.target_width)
        return "calls" if why == "budget" else why

    # --- algorithm 2 ---

    async def _pull(self, topic: str) -> list[Candidate]:
        """Write, race, rewrite and finally score questions of a topic; return all with a reward.

        Every step is done for all candidates at the same time.
        """
        new = await self._scored(await self._proposed(topic), "first")  # lines 6 to 12
        racing = self._raced(new)
        improving = racing
        for _ in range(self.config.depth):  # lines 13 to 18
            better = await self._rewritten(improving)
            racing = [better.get(c.item.id, c) for c in racing]
            improving = list(better.values())
        kept = await self._scored(racing, "final")  # line 19
        self.of_topic[topic] += kept
        return [*kept, *(c for c in new if c.reason == SLOWER)]

    async def _proposed(self, topic: str) -> list[Candidate]:
        """Have every explorer write, and leave out what repeats others (lines 6 to 11)."""
        config, seed = self.config, self.topics[topic]
        known = [self.seeds[topic]] if topic in self.seeds else []
        scored = [c for c in [*known, *self.of_topic[topic]] if math.isfinite(c.last)]
        best = sorted(scored, key=lambda c: -c.last)[: config.shots]
        # which of them becomes the parent (line 7) is left to the explorer
        shots = [(c.item, c.last) for c in best]
        first = self.pulls[topic] * config.width
        self.pulls[topic] += 1
        work = [
            partial(_or_none, explorer.propose, seed, shots, turn)
            for turn in range(first, first + config.width)
            for explorer in self.explorers.values()
        ]
        work = work[: self._affordable([config.explorer_calls] * len(work))]
        found: list[Candidate] = []
        for proposal in await together(work, config.concurrency):
            self.meter.explorer += self._steps(proposal)
            if proposal is not None:
                found.append(Candidate(topic, proposal, calls=proposal.calls))
        return [c for c in found if self._is_new(c)]

    async def _rewritten(self, old: Sequence[Candidate]) -> dict[str, Candidate]:
        """Return what became better by more than tau, by the id of its parent (lines 14 to 18)."""
        config = self.config
        costs = [config.explorer_calls + self._cost(c, "first") for c in old]
        old = old[: self._affordable(costs)]
        work = [
            partial(_or_none, self._author(c).refine, c.proposal, self._evidence(c), c.rewritten)
            for c in old
        ]
        new: dict[str, Candidate] = {}
        for parent, proposal in zip(old, await together(work, config.concurrency), strict=True):
            self.meter.explorer += self._steps(proposal)
            if proposal is None:
                continue
            written = parent.rewritten + 1
            one = Candidate(parent.topic, proposal, calls=proposal.calls, rewritten=written)
            # that it resembles its parent is meant; only copies are left out
            if self._is_new(one, copies_only=True):
                new[parent.item.id] = one
        await self._scored(list(new.values()), "first")
        better: dict[str, Candidate] = {}
        for parent in old:
            one = new.get(parent.item.id)
            if one is None or one.reason is not None:
                continue
            if one.last - parent.last > config.tau:  # line 17
                better[parent.item.id] = one
                self._reject(parent, f"rewritten as {one.item.id}")
            else:
                self._reject(one, f"no better than {parent.item.id}")
        return better

    def _raced(self, new: Sequence[Candidate]) -> list[Candidate]:
        """Return the part that goes on, by first rewards among the recent ones."""
        self.first_rewards += [c.last for c in new]
        if self.config.advance == 1 or not new:
            return list(new)
        bound = np.quantile(self.first_rewards[-RECENT:], 1 - self.config.advance)
        for candidate in new:
            if candidate.last < bound:
                self._reject(candidate, SLOWER)
        return [c for c in new if c.reason is None]

    async def _scored(self, of: Sequence[Candidate], stage: Stage) -> list[Candidate]:
        """Have models answer and the judge read; return those that have a reward (lines 12, 19)."""
        able = self._affordable([self._cost(c, stage) for c in of])
        for candidate in of[able:]:
            self._reject(candidate, "no requests left")
        of = of[:able]
        await self._texts(of)
        repeat = {"first": 0, "final": 0 if self.config.reuse else FINAL, "fresh": FRESH}[stage]
        asked = [(c, name) for c in of for name in self._panel(c, stage)]
        work = [partial(self.prober.ask, c.item, name, repeat) for c, name in asked]
        if repeat == FINAL:
            for candidate in of:
                candidate.heard = {}
        before = {id(c): bool(c.heard) for c in of}
        answers = await together(work, self.config.concurrency)
        for (candidate, name), heard in zip(asked, answers, strict=True):
            (candidate.fresh if stage == "fresh" else candidate.heard)[name] = heard
            self.meter.answers += 1
            self.meter.judge += heard.judge_calls
            candidate.calls += 1 + heard.judge_calls
        for candidate in of:
            if stage != "fresh" and not before[id(candidate)]:
                self.rater.remember(candidate.heard)
        self._reward(of, stage)
        return [c for c in of if c.reason is None]

    async def _texts(self, of: Sequence[Candidate]) -> None:
        """Have the texts themselves judged where the reward looks at them (appendix C.3)."""
        if not self.rater.config.reads_question:
            return
        new = [c for c in of if c.text is None]
        work = [partial(self.prober.text_values, c.item) for c in new]
        found = await together(work, self.config.concurrency)
        for candidate, (labels, calls) in zip(new, found, strict=True):
            candidate.text = labels
            candidate.calls += calls
            self.meter.judge += calls

    def _reward(self, of: Sequence[Candidate], stage: Stage | Literal["selected"]) -> None:
        heard = [c.fresh if stage == "fresh" else c.heard for c in of]
        rewards = self.rater.rewards(heard, [c.text for c in of])
        for candidate, reward in zip(of, rewards, strict=True):
            candidate.rewards[stage] = reward
            if stage in ("first", "final") and not math.isfinite(reward):
                self._reject(candidate, "too few answers for a reward")

    # --- seeds and winners ---

    async def _score_seeds(self, topics: Sequence[str]) -> None:
        """Score seed items by all models: S_i of algorithm 2."""
        seeds: list[Candidate] = []
        for topic in topics:
            item = self.topics[topic]
            seeds.append(Candidate(topic, Proposal(item, "", None, None, "seed", topic, 0)))
        for seed in await self._scored(seeds, "final"):
            self.seeds[seed.topic] = seed
            self._tell("seed", topic=seed.topic, reward=seed.last, calls=seed.calls)
        # what seeds teach of the models helps to read the first questions
        self.rater.learn()
        self.rejected = [c for c in self.rejected if c.proposal.generator != "seed"]

    async def _winners(self) -> list[Candidate]:
        """Return the best questions, scored once more on fresh answers."""
        config = self.config
        self.rater.learn(now=True)
        pool = [c for found in self.of_topic.values() for c in found]
        # early questions were scored when little was known of the models
        self._reward(pool, "selected")
        best = sorted(pool, key=lambda c: -c.rewards["selected"])
        for candidate in best[config.keep :] if config.keep else []:
            self._reject(candidate, f"not among the best {config.keep}")
        best = best[: config.keep]
        if config.rescore:
            self.winning = True
            best = await self._scored(best, "fresh")
        return best

    # --- budget, panels, records ---

    def _affordable(self, costs: Sequence[int]) -> int:
        """Return how many of some tasks, in order, stay within the budget; notes if not all do.

        What re-scoring the winners will take is put aside.
        """
        aside = 0 if self.winning else self._aside()
        for number in range(len(costs), 0, -1):
            if self.meter.affords(sum(costs[:number]) + aside):
                break
        else:
            number = 0
        self.spent = self.spent or number < len(costs)
        return number

    def _aside(self) -> int:
        if not self.config.rescore:
            return 0
        soon = self.config.width * len(self.explorers)
        kept = sum(map(len, self.of_topic.values())) + soon
        each = max(self.prober.cost(topic) for topic in self.topics.values())
        return min(kept, self.config.keep or kept) * len(self.names) * each

    def _cost(self, candidate: Candidate, stage: Stage) -> int:
        reads = self.rater.config.reads_question and candidate.text is None
        text = self.prober.text_cost if reads else 0
        return text + self.prober.cost(candidate.item) * len(self._panel(candidate, stage))

    def _panel(self, candidate: Candidate, stage: Stage) -> tuple[str, ...]:
        """Return who is asked: P1, the rest of P2 (or all of it), or all."""
        if stage == "first":
            if not self.config.contrast:
                return self.names[: self.config.p1]
            item = candidate.item
            own = [self.dimension_at[item.system, name] for name in item.dimensions]
            everywhere = range(self.prober.dimensions)
            return self.rater.contrasting(self.config.p1, own or everywhere)
        if stage == "fresh" or not self.config.reuse:
            return self.names
        return tuple(name for name in self.names if name not in candidate.heard)

    def _author(self, candidate: Candidate) -> Explorer:
        return self.explorers[candidate.proposal.generator]

    def _evidence(self, candidate: Candidate) -> Evidence:
        readings = tuple(heard.reading for heard in candidate.heard.values())
        return Evidence(candidate.item, candidate.proposal.fact, readings, candidate.last)

    def _steps(self, proposal: Proposal | None) -> int:
        """Return the requests of an explorer's step; of one that came to nothing, the most."""
        most = self.config.explorer_calls
        if proposal is None:
            return most
        self.prober.check(proposal.item)
        if proposal.calls > most:
            raise InputError(
                f"explorer {proposal.generator}: a step took {proposal.calls} requests; set "
                f"explorer_calls (now {most}) so high, so that the budget can be kept"
            )
        return proposal.calls

    def _is_new(self, candidate: Candidate, *, copies_only: bool = False) -> bool:
        item = candidate.item
        (found,) = self.questions.check([item.text], item.language)
        if found.kind == "same" or (found.repeats and not copies_only):
            self._reject(candidate, f"{found.kind}: {', '.join(found.nearest)}")
            return False
        self.questions.add([item.id], [item.text], item.language)
        return True

    def _reject(self, candidate: Candidate, reason: str) -> None:
        candidate.reason = reason
        self.rejected.append(candidate)

    def _told_pull(self, topic: str, found: Sequence[Candidate], cost: int) -> None:
        kept = [c for c in found if c.reason is None]
        meter = self.meter
        self._tell(
            "pull",
            topic=topic,
            kept=[{"id": c.item.id, "reward": c.last} for c in kept],
            tried=len(found),
            calls=cost,
            spent={"explorer": meter.explorer, "answers": meter.answers, "judge": meter.judge},
        )

    def _tell(self, event: str, **about: Any) -> None:
        self.events.append({"event": event, **about})
        self.log(self.events[-1])


async def _or_none(step: Callable[..., Awaitable[Proposal | None]], *args: Any) -> Proposal | None:
    """Return what an explorer wrote; a request that failed for good wrote nothing."""
    try:
        return await step(*args)
    except RequestFailed:
        return None
