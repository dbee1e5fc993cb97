"""Trying candidates within the budget: who is asked, what it costs, what it is worth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Literal

from valuecompass.errors import InputError, RequestFailed
from valuecompass.evolve.adaem_config import AdAEMConfig
from valuecompass.evolve.candidates import Candidate
from valuecompass.evolve.novelty import Questions, wording
from valuecompass.evolve.probing import Meter, Prober, together
from valuecompass.evolve.protocols import Evidence, Proposal, Reading
from valuecompass.evolve.rating import Rater
from valuecompass.evolve.safety import UNCHECKED, SafetyFilter, SafetyVerdict
from valuecompass.items import Item

Stage = Literal["first", "final", "fresh"]
UNSAFE = "unsafe: "
"""Begins the reason of what the safety filter did not let pass."""
FINAL, FRESH = 1, 3
"""Repeats of answers: those of the final reward where first answers are not used again, and those
that winners are scored on once more, of a trade-off with its sides swapped. Repeat 0 is what
selected them."""


class Trials:
    """Has candidates answered, judged and rewarded, and keeps count.

    Args:
        config: of the run.
        prober: asks respondents and judge.
        rater: computes rewards.
        questions: all that were written; holds the seeds from the start.
        meter: counts.
        safety: what must not be asked or shown; None: everything may.

    Attributes:
        rejected: candidates that are not kept.
        withheld: answers that explorers were not shown: id of the item, respondent, reason.
        spent: whether something had to be left out for want of requests.
        aside: requests that are put aside for re-scoring the winners.
    """

    def __init__(
        self,
        config: AdAEMConfig,
        prober: Prober,
        rater: Rater,
        questions: Questions,
        meter: Meter,
        safety: SafetyFilter | None = None,
    ) -> None:
        self.config, self.prober, self.rater = config, prober, rater
        self.questions, self.meter = questions, meter
        self.safety = safety
        self.check_cost = safety.cost if safety is not None else 0
        self.rejected: list[Candidate] = []
        self.withheld: list[tuple[str, str, str]] = []
        self.spent = False
        self.aside: float = 0
        self._dimension_at = {
            (system.id, name): place
            for place, (system, name) in enumerate(
                (system, name) for system in prober.systems for name in system.names
            )
        }

    async def scored(self, of: Sequence[Candidate], stage: Stage) -> list[Candidate]:
        """Have models answer and the judge read; return those that have a reward (lines 12, 19)."""
        waiting, told = list(of), set[int]()
        while waiting and (able := self._fitting([self.cost(c, stage) for c in waiting])):
            # what a judge was granted for asking again and did not take goes to the next ones
            told |= await self._answered(waiting[:able], stage)
            waiting = waiting[able:]
        self.spent = self.spent or bool(waiting)
        for candidate in waiting:
            self.reject(candidate, "no requests left")
        # rewards change with answers; positions are learned between pulls
        for candidate in of:
            if candidate.reason is None and id(candidate) not in told:
                candidate.rewards[stage] = candidate.last
                candidate.answering[stage] = self.rater.answering(candidate.heard)
        self.reward([c for c in of if id(c) in told], stage)
        return [c for c in of if c.reason is None]

    async def _answered(self, of: Sequence[Candidate], stage: Stage) -> set[int]:
        """Have the panel of a stage answer; return the `id` of who was put to anybody."""
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
        return {id(c) for c, _ in asked}

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

    def reward(self, of: Sequence[Candidate], stage: Stage) -> None:
        """Note the rewards of candidates, and reject those whose answers do not tell."""
        heard = [c.fresh if stage == "fresh" else c.heard for c in of]
        rewards = self.rater.rewards(heard, [c.text for c in of])
        for candidate, one, reward in zip(of, heard, rewards, strict=True):
            candidate.rewards[stage] = reward
            candidate.answering[stage] = self.rater.answering(one)
            if not math.isfinite(reward):
                self.reject(candidate, "too few answers for a reward")

    def affordable(self, costs: Sequence[float]) -> int:
        """Return how many of some tasks, in order, stay within the budget; notes if not all do.

        What re-scoring the winners will take is put aside.
        """
        number = self._fitting(costs)
        self.spent = self.spent or number < len(costs)
        return number

    def _fitting(self, costs: Sequence[float]) -> int:
        fits = (
            n for n in range(len(costs), 0, -1) if self.meter.affords(sum(costs[:n]) + self.aside)
        )
        return next(fits, 0)

    def cost(self, candidate: Candidate, stage: Stage) -> float:
        """Return the requests that a stage of a candidate takes at most."""
        reads = self.rater.config.reads_question and candidate.text is None
        text = self.prober.text_cost if reads else 0
        return text + self.prober.cost(candidate.item) * len(self._panel(candidate, stage))

    def _panel(self, candidate: Candidate, stage: Stage) -> tuple[str, ...]:
        """Return who is asked: P1, the rest of P2 (or all of it), or P1 once more."""
        config, names = self.config, self.rater.names
        number = config.p2 or len(names) if stage == "final" else config.p1
        panel = names[:number]
        if config.contrast:
            item = candidate.item
            own = [self._dimension_at[item.system, name] for name in item.dimensions]
            panel = self.rater.contrasting(number, own, f"{config.seed} {item.id}")
        if stage == "final" and config.reuse:
            return tuple(name for name in panel if name not in candidate.heard)
        return panel

    def steps(self, proposal: Proposal | None) -> int:
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

    def is_new(self, candidate: Candidate, *, copies_only: bool = False) -> bool:
        """Say whether an item repeats no other, and reject it if it does."""
        item, text = candidate.item, wording(candidate.item)
        (found,) = self.questions.check([text], item.language)
        if found.kind == "same" or (found.repeats and not copies_only):
            self.reject(candidate, f"{found.kind}: {', '.join(found.nearest)}")
            return False
        self.questions.add([item.id], [text], item.language)
        return True

    async def safe(self, of: Sequence[Candidate]) -> list[Candidate]:
        """Return the candidates that may be asked; reject the others before anybody sees them."""
        texts = [_shown(c.proposal) for c in of]
        for candidate, why in zip(of, await self._unsafe(texts, of), strict=True):
            candidate.calls += self.check_cost
            if why is not None:
                self.reject(candidate, UNSAFE + why)
        return [c for c in of if c.reason is None]

    async def evidence(self, of: Sequence[Candidate], topics: Mapping[str, Item]) -> list[Evidence]:
        """Return what explorers are told of candidates, without answers that may not be shown."""
        heard = [(c, one.reading) for c in of for one in c.heard.values() if one.reading.points]
        texts = ["\n".join(reading.points) for _, reading in heard]
        reasons = await self._unsafe(texts, [c for c, _ in heard])
        kept: dict[int, list[Reading]] = {id(c): [] for c in of}
        for (candidate, reading), why in zip(heard, reasons, strict=True):
            candidate.calls += self.check_cost
            if why is None:
                kept[id(candidate)].append(reading)
            else:
                self.withheld.append((candidate.item.id, reading.name, why))
        return [
            Evidence(c.item, c.proposal.fact, tuple(kept[id(c)]), c.last, topics[c.topic])
            for c in of
        ]

    async def _unsafe(self, texts: Sequence[str], of: Sequence[Candidate]) -> Sequence[str | None]:
        """Return why each text must not be used, None where it may."""
        if self.safety is None:
            return [None] * len(texts)
        work = [
            partial(_checked, self.safety, text, candidate.item.language)
            for text, candidate in zip(texts, of, strict=True)
        ]
        self.meter.safety += self.check_cost * len(work)
        found = await together(work, self.config.concurrency)
        return [None if verdict.ok else verdict.reason for verdict in found]

    def reject(self, candidate: Candidate, reason: str) -> None:
        """Note why a candidate is not kept."""
        candidate.reason = reason
        self.rejected.append(candidate)


async def _checked(safety: SafetyFilter, text: str, language: str) -> SafetyVerdict:
    try:
        return await safety.check(text, language)
    except RequestFailed:
        return SafetyVerdict(False, UNCHECKED)


def _shown(proposal: Proposal) -> str:
    """Everything of a proposal that anybody may come to see."""
    sides = [side.text for side in proposal.item.sides or ()]
    return "\n".join([proposal.item.text, *sides, proposal.fact, proposal.region or ""])
