"""AdAEM: test items that evolve by probing many models (Yao et al., arXiv 2505.13531 v2).

One pull of a topic: explorers write questions about it, a few models answer, a judge says which
values the answers express, the reward says how well the question tells the models apart; questions
are rewritten on this evidence while that helps, and more models answer those that remain. A bandit
learns from the rewards which topic is next. Numbers of lines in comments are those of algorithm 2
in the paper.

`AdAEMConfig.preset("paper")` runs it as printed. The default differs in four things: the reward is
the information of an answer about its model (`information`), topics are chosen by posterior
sampling under floors on coverage (`bandit`), a question is put to the few models that contrast most
on its dimensions, and to all only if it is promising, so that many more questions can be tried, and
winners are chosen for what they tell together (`selection`) and scored once more on fresh answers.

A run is deterministic given its seed and what the players return. All work of a step is done at the
same time and taken in in a fixed order; so a killed run is resumed by playing it again, with every
paid request answered from the store.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from valuecompass.errors import InputError, RequestFailed
from valuecompass.evolve.adaem_config import AdAEMConfig
from valuecompass.evolve.bandit import (
    Bandit,
    PosteriorSampling,
    Sampling,
    Uniform,
    UpperConfidence,
    arm_of,
    stop_reason,
)
from valuecompass.evolve.budget import check_calls, fresh_cost
from valuecompass.evolve.candidates import Candidate, Evolution, seed_of
from valuecompass.evolve.novelty import (
    Questions,
    Similarity,
    encoder_of,
    knows,
    threshold_of,
    wording,
)
from valuecompass.evolve.probing import Meter, Prober, together
from valuecompass.evolve.protocols import Explorer, Proposal, Respondents
from valuecompass.evolve.rating import Rater, RatingConfig
from valuecompass.evolve.safety import SafetyFilter
from valuecompass.evolve.targets import set_targets
from valuecompass.evolve.trials import Trials
from valuecompass.items import Item
from valuecompass.judges.languages import reads
from valuecompass.judges.protocol import Judge
from valuecompass.values import ValueSystem

RECENT = 60
"""First rewards that a candidate is held against in the race."""


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
    safety: SafetyFilter | None = None,
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
        similarity: encoder for questions and opinions; None takes the English one, or the
            multilingual one where items are in other languages and it is installed.
        safety: what must not be asked, nor shown to explorers; None: everything may.
        log: told every event as it happens.

    Raises:
        InputError: items, players and settings do not fit together.
        BudgetReached: players refuse to ask on; what was asked is theirs to keep.
    """
    settings = config or AdAEMConfig()
    if calls is None and settings.pulls is None:
        raise InputError("nothing bounds the run: give calls, or pulls in the settings")
    run = _Run(
        settings, topics, explorers, respondents, judge, systems, calls, similarity, safety, log
    )
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
        safety: SafetyFilter | None,
        log: Callable[[Mapping[str, Any]], None],
    ) -> None:
        self.config, self.log = config, log
        self.topics = {topic.id: topic for topic in topics}
        self.explorers = {explorer.name: explorer for explorer in explorers}
        self.names = tuple(respondents.names)
        self.prober = Prober(respondents, judge, tuple(systems), config.judge_mode)
        self._check(topics, explorers)
        check = 0 if safety is None else safety.cost
        players = len(self.explorers), len(self.names)
        check_calls(calls, config, self.prober, topics, *players, check)
        languages = {topic.language for topic in topics}
        encoder = similarity or encoder_of(languages)
        self.unknown = sorted(one for one in languages if not knows(encoder, one))
        self.encoder = encoder.name
        rating = RatingConfig(
            config.reward, config.disentanglement, config.beta, config.information
        )
        self.rater = Rater(rating, self.names, self.prober, None if self.unknown else encoder)
        self.meter = Meter(calls)
        alike = threshold_of(encoder) if config.similar is None else config.similar
        questions = Questions(encoder, threshold=alike, nearest=config.nearest)
        for topic in topics:
            questions.add([topic.id], [wording(topic)], topic.language)
        self.trials = Trials(config, self.prober, self.rater, questions, self.meter, safety)
        self.admitted: dict[str, Candidate] = {}
        """Seeds that passed the safety filter, by topic."""
        self.seeds: dict[str, Candidate] = {}
        self.of_topic: dict[str, list[Candidate]] = {topic: [] for topic in self.topics}
        self.events: list[dict[str, Any]] = []
        self.pulls: dict[str, int] = dict.fromkeys(self.topics, 0)
        self.first_rewards: list[float] = []
        self.told = 0
        """Rejected candidates that events have told of."""

    def _check(self, topics: Sequence[Item], explorers: Sequence[Explorer]) -> None:
        """Refuse what does not fit together before anything is asked."""
        if not topics or len(self.topics) < len(topics):
            raise InputError("topics: at least one seed item is needed, and each only once")
        if not explorers or len(self.explorers) < len(explorers):
            raise InputError("explorers: at least one is needed, and no name twice")
        if len(self.names) < 2 or len(set(self.names)) < len(self.names):
            raise InputError("respondents: at least two are needed, and no name twice")
        judge = self.prober.judge
        for topic in topics:
            self.prober.check(topic)
            if topic.kind == "question" and not reads(judge.identity, topic.language):
                raise InputError(
                    f"item {topic.id}: the judge {judge.name} does not read {topic.language!r}, so "
                    "that no answer would have a verdict; give another judge"
                )

    # --- algorithm 1 ---

    async def whole(self) -> Evolution:
        """Pull topics until something stops the run, then choose and re-score the winners."""
        if self.config.seed_scores == "all":
            await self._score_seeds(await self._admit(list(self.topics)))
        bandit = self._bandit()
        warnings = self._warnings(bandit)
        for text in warnings:
            self._tell("warning", text=text)
        while (stopped := self._stopped()) is None:
            if (topic := bandit.choose()) is None:  # lines 3 and 4
                stopped = "topics"
                break
            before = self.meter.total
            self.trials.aside = self._aside()
            admitted = await self._admit([topic])
            if not admitted:
                bandit.leave(topic)
                continue
            if self.config.seed_scores == "pulled" and not admitted[0].rewards:
                await self._score_seeds(admitted)
                if topic in self.seeds and isinstance(bandit, PosteriorSampling):
                    bandit.record_seed(topic, self.seeds[topic].last)
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
            tuple(self.trials.rejected),
            self.meter,
            tuple(self.events),
            stopped,
            warnings,
            posterior,
            tuple(self.trials.withheld),
        )

    def _bandit(self) -> Bandit:
        config = self.config
        scores = {topic: seed.last for topic, seed in self.seeds.items()}
        arms = [arm_of(topic, scores.get(at, math.nan)) for at, topic in self.topics.items()]
        if config.bandit == "ucb":
            return UpperConfidence(arms, config.pulls or 1, config.start)
        if config.bandit == "uniform":
            return Uniform(arms, seed=config.seed)
        sampling = Sampling(
            config.bandit,
            floors=config.floors,
            keep=config.keep or Sampling.keep,
            least_gain=config.least_gain,
        )
        return PosteriorSampling(arms, sampling, seed=config.seed)

    def _warnings(self, bandit: Bandit) -> tuple[str, ...]:
        found: list[str] = []
        if (idle := getattr(bandit, "warning", None)) is not None:
            found.append(str(idle))
        if self.unknown:
            found.append(
                f"{', '.join(self.unknown)}: similarity of items not checked, but for copies, and "
                f"opinion diversity left out: {self.encoder} does not know the language. "
                "pip install 'valuecompass[multilingual]'"
            )
        return tuple(found)

    def _stopped(self) -> str | None:
        config = self.config
        if config.pulls is not None and sum(self.pulls.values()) >= config.pulls:
            return "pulls"
        if self.trials.spent:
            return "calls"
        widths = 2 * 1.96 * self.rater.posterior.sd
        why = stop_reason(self.meter.total, self.meter.limit, widths, config.target_width)
        return "calls" if why == "budget" else why

    # --- algorithm 2 ---

    async def _pull(self, topic: str) -> list[Candidate]:
        """Write, race, rewrite and finally score questions of a topic; return all with a reward.

        Every step is done for all candidates at the same time.
        """
        new = await self.trials.scored(await self._proposed(topic), "first")  # lines 6 to 12
        racing = self._raced(new)
        ahead = {c.item.id for c in racing}
        slower = [c for c in new if c.item.id not in ahead]
        improving = racing
        for _ in range(self.config.depth):  # lines 13 to 18
            better = await self._rewritten(improving)
            racing = [better.get(c.item.id, c) for c in racing]
            improving = list(better.values())
        kept = await self.trials.scored(racing, "final")  # line 19
        # the others stay with the reward they have: little is known of them, but it was paid
        kept += slower
        self.of_topic[topic] += kept
        return kept

    async def _proposed(self, topic: str) -> list[Candidate]:
        """Have every explorer write, and leave out what repeats others (lines 6 to 11)."""
        config, seed = self.config, self.topics[topic]
        known = [self.seeds[topic]] if topic in self.seeds else []
        scored = [c for c in [*known, *self.of_topic[topic]] if math.isfinite(c.last)]
        best = sorted(scored, key=lambda c: -c.last)[: config.shots]
        # line 7 samples one of them as parent; here all start from the seed and are shown these
        shots = [(c.item, c.last) for c in best]
        first = self.pulls[topic] * config.width
        self.pulls[topic] += 1
        work = [
            partial(_or_none, explorer.propose, seed, shots, turn)
            for turn in range(first, first + config.width)
            for explorer in self.explorers.values()
        ]
        # what is written and cannot be tried would be wasted
        tried = self.trials.cost(seed_of(seed), "first")
        each = config.explorer_calls + self.trials.check_cost + tried
        work = work[: self.trials.affordable([each] * len(work))]
        found: list[Candidate] = []
        for proposal in await together(work, config.concurrency):
            self.meter.explorer += self.trials.steps(proposal)
            if proposal is not None:
                found.append(Candidate(topic, proposal, calls=proposal.calls))
        # checked before compared: a copy of something harmful is harmful, too
        return [c for c in await self.trials.safe(found) if self.trials.is_new(c)]

    async def _rewritten(self, old: Sequence[Candidate]) -> dict[str, Candidate]:
        """Return what became better by more than tau, by the id of its parent (lines 14 to 18)."""
        config = self.config
        costs = [
            config.explorer_calls
            + self.trials.cost(c, "first")
            + self.trials.check_cost * (1 + len(c.heard))
            for c in old
        ]
        old = old[: self.trials.affordable(costs)]
        evidence = await self.trials.evidence(old, self.topics)
        work = [
            partial(_or_none, self._author(c).refine, c.proposal, told, c.rewritten)
            for c, told in zip(old, evidence, strict=True)
        ]
        written: dict[str, Candidate] = {}
        for parent, proposal in zip(old, await together(work, config.concurrency), strict=True):
            self.meter.explorer += self.trials.steps(proposal)
            if proposal is None:
                continue
            one = Candidate(parent.topic, proposal, calls=proposal.calls)
            one.rewritten = parent.rewritten + 1
            written[parent.item.id] = one
        await self.trials.safe(list(written.values()))
        # that it resembles its parent is meant; only copies are left out
        new = {
            of: one
            for of, one in written.items()
            if one.reason is None and self.trials.is_new(one, copies_only=True)
        }
        await self.trials.scored(list(new.values()), "first")
        better: dict[str, Candidate] = {}
        for parent in old:
            one = new.get(parent.item.id)
            if one is None or one.reason is not None:
                continue
            if one.last - parent.last > config.tau:  # line 17
                better[parent.item.id] = one
                self.trials.reject(parent, f"rewritten as {one.item.id}")
            else:
                self.trials.reject(one, f"no better than {parent.item.id}")
        return better

    def _raced(self, new: Sequence[Candidate]) -> list[Candidate]:
        """Return the part that goes on to more models, by first rewards among the recent ones."""
        self.first_rewards += [c.last for c in new]
        if self.config.advance == 1 or not new:
            return list(new)
        bound = np.quantile(self.first_rewards[-RECENT:], 1 - self.config.advance)
        return [c for c in new if c.last >= bound]

    # --- seeds and winners ---

    async def _admit(self, topics: Sequence[str]) -> list[Candidate]:
        """Return the seeds that may be shown and asked; each is checked when it is first needed."""
        new = [seed_of(self.topics[topic]) for topic in topics if topic not in self.admitted]
        new = new[: self.trials.affordable([self.trials.check_cost] * len(new))]
        self.admitted |= {seed.topic: seed for seed in await self.trials.safe(new)}
        return [self.admitted[topic] for topic in topics if topic in self.admitted]

    async def _score_seeds(self, seeds: Sequence[Candidate]) -> None:
        """Score seed items by all models: S_i of algorithm 2."""
        for seed in await self.trials.scored(seeds, "final"):
            self.seeds[seed.topic] = seed
            self._tell(
                "seed", topic=seed.topic, rewards=seed.as_json()["rewards"], calls=seed.calls
            )
        # what seeds teach of the models helps to read the first questions
        self.rater.learn()

    async def _winners(self) -> list[Candidate]:
        """Return the best questions, scored once more on fresh answers."""
        config = self.config
        self.rater.learn(now=True)
        pool = [c for found in self.of_topic.values() for c in found]
        # early questions were scored when little was known of the models
        for candidate, reward in zip(pool, self._anew(pool), strict=True):
            candidate.rewards["selected"] = reward
            candidate.answering["selected"] = self.rater.answering(candidate.heard)
        most = max(1, int(config.topic_share * config.keep)) if config.keep else None
        heard, rewards = [c.heard for c in pool], [c.rewards["selected"] for c in pool]
        order = self.rater.order(heard, rewards, [c.topic for c in pool], most)
        waiting = [pool[at] for at in order]
        room = config.keep or len(pool)
        best: list[Candidate] = []
        self.trials.aside, spare = 0, 2 * room
        # a winner whose fresh answers are refusals makes room for the next one, while requests last
        while ahead := waiting[: min(room - len(best), spare)]:
            waiting, spare = waiting[len(ahead) :], spare - len(ahead)
            before = self.meter.total
            best += await self.trials.scored(ahead, "fresh") if config.rescore else ahead
            if config.rescore and self.meter.total == before:
                break
        for candidate in waiting:
            self.trials.reject(candidate, f"not among the best {config.keep}")
        set_targets(best, [*best, *self.trials.rejected], self.rater, self.prober.systems)
        return best

    def _anew(self, of: Sequence[Candidate]) -> list[float]:
        """Rewards of the final answers by what is known by now; only information changes."""
        if self.config.reward != "information":
            return [c.last for c in of]
        return self.rater.rewards([c.heard for c in of], [c.text for c in of])

    def _aside(self) -> float:
        """Requests that re-scoring the winners may take once one more pull was made."""
        soon = sum(map(len, self.of_topic.values())) + self.config.width * len(self.explorers)
        topics = self.topics.values()
        return fresh_cost(self.config, self.prober, topics, len(self.names), soon)

    def _author(self, candidate: Candidate) -> Explorer:
        return self.explorers[candidate.proposal.generator]

    def _told_pull(self, topic: str, found: Sequence[Candidate], cost: int) -> None:
        kept = [c for c in found if c.reason is None]
        reasons = Counter(c.why for c in self.trials.rejected[self.told :])
        self.told = len(self.trials.rejected)
        self._tell(
            "pull",
            topic=topic,
            kept=[{"id": c.item.id, "reward": c.last} for c in kept],
            tried=len(found),
            calls=cost,
            rejected=dict(reasons),
            spent=self.meter.by_kind(),
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
