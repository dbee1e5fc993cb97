"""What a run will take, said before it starts: requests of each player, tokens and money."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any, Literal

from valuecompass.evolve.adaem_config import AdAEMConfig
from valuecompass.evolve.bandit import UpperConfidence, arm_of
from valuecompass.evolve.budget import nobody
from valuecompass.evolve.probing import Prober
from valuecompass.evolve.rating import RatingConfig
from valuecompass.evolve.safety import SafetyFilter
from valuecompass.evolve.settings import Players
from valuecompass.items import Item, form_of_items
from valuecompass.items.forms import ASKING
from valuecompass.judges import Judge
from valuecompass.judges.llm.judge import LLMJudge
from valuecompass.judges.spec import model_judges, strong_judge
from valuecompass.measure.asking import Question, messages_for, params_for
from valuecompass.measure.plan import make_plan
from valuecompass.measure.tokens import (
    PER_WORD,
    Tokens,
    answer_tokens,
    judge_use,
    measured_use,
    prompt_tokens,
)
from valuecompass.models import Respondent, price_of
from valuecompass.models.asker import Asker

Role = Literal["explorer", "answers", "judge", "safety"]
SAMPLE = 20
"""Seeds whose prompts are measured."""
EXPLORER_CHARACTERS = 1_100
"""Of a prompt for an explorer; those of the four steps have 700 to 1,500 with what they show."""
EXPLORER_WORDS = 45
"""Of what it writes: a fact with place and year, a claim and a question, some advice."""
SAFETY_CHARACTERS, SAFETY_WORDS = 1_700, 10
"""Of a safety filter's prompt and of its answer."""
MORE = (
    "the next best take the places of winners that refuse their fresh answers: up to {:,} requests "
    "more"
)


@dataclass(frozen=True)
class Part:
    """What one player takes.

    requests: expected; all together are at most those of the budget.
    tokens_in, tokens_out: of all of them; nobody thinks. measured: by stored answers of the model.
    usd: None where its price is unknown.
    lacks: what keeps it from being asked on this machine; None: nothing.
    """

    role: Role
    name: str
    model: str | None
    requests: int
    tokens_in: int
    tokens_out: int
    measured: bool
    usd: float | None
    lacks: str | None


@dataclass(frozen=True)
class Prospect:
    """What a run will take, if every question that is written is new.

    As many as the settings say go on to all models, and the fresh answers of every winner tell
    something.

    id: of the run.
    questions: that are written.
    kept: of these at most.
    calls: the budget; None: the number of pulls alone bounds the run.
    more: requests beside those of `parts` at most, where winners refuse their fresh answers and
        others take their places; 0 where `calls` bounds the run: it holds for these, too.
    finished: the run is in the store, and nobody would be asked.
    """

    id: str
    topics: int
    questions: int
    kept: int
    calls: int | None
    more: int
    parts: tuple[Part, ...]
    notes: tuple[str, ...]
    finished: bool = False

    @property
    def requests(self) -> dict[str, int]:
        """By role."""
        roles = dict.fromkeys(part.role for part in self.parts)
        return {r: sum(p.requests for p in self.parts if p.role == r) for r in roles}

    @property
    def usd(self) -> float | None:
        """Of all; None where a price is unknown."""
        known = [part.usd for part in self.parts if part.usd is not None]
        return math.fsum(known) if len(known) == len(self.parts) else None

    def json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {**asdict(self), "requests": self.requests, "usd": self.usd}


async def prospect_of(
    own: str,
    players: Players,
    config: AdAEMConfig,
    judge: Judge,
    safety: SafetyFilter | None,
    calls: int | None,
    asker: Asker,
    lacks: Mapping[str, str],
) -> Prospect:
    """Return what a run of this id will take."""
    sums = _Sums.of(players, config, judge, safety, calls)
    items = list(players.topics[:: max(1, len(players.topics) // SAMPLE)])
    parts: list[Part] = []
    asked, due = 0, 0.0

    async def add(role: Role, model: Respondent, requests: float, each: Tokens, n: int) -> None:
        nonlocal asked, due
        # each rounded by itself, all together could be more than the budget
        due += requests
        number = round(due) - asked
        asked += number
        total = Tokens(number * each.into, number * each.out)
        price = price_of(model)
        usd = None if price is None else price.usd(*total)
        rounded = (round(total.into), round(total.out))
        own = (model.name, model.model, number, *rounded, n > 0, usd, lacks.get(model.model))
        parts.append(Part(role, *own))

    for model in players.explorers:
        use = await measured_use(asker.store, model)
        written = Tokens(use.into * prompt_tokens(EXPLORER_CHARACTERS), PER_WORD * EXPLORER_WORDS)
        await add("explorer", model, sums.explorer / len(players.explorers), written, 0)
    for model, requests in zip(players.answering, sums.answers, strict=True):
        use = await measured_use(asker.store, model)
        each = [_answer(model, item, use) for item in items]
        mean = Tokens(fmean(t.into for t in each), fmean(t.out for t in each))
        await add("answers", model, requests, mean, use.n)
    strong = strong_judge(judge)
    for one in [*model_judges(judge), *([strong] if strong else [])]:
        each, n = await _verdict(one, players, items, asker)
        await add("judge", one.model, sums.judged(one), each, n)
    if players.moderator is not None:
        checked = Tokens(prompt_tokens(SAFETY_CHARACTERS), PER_WORD * SAFETY_WORDS)
        await add("safety", players.moderator, sums.safety, checked, 0)
    more = sums.more(judge, calls)
    again = [MORE.format(more)] if more else []
    return Prospect(
        own,
        len(players.topics),
        sums.questions,
        sums.kept,
        calls,
        more,
        tuple(parts),
        (*players.notes, *idle(players.topics, config), *again),
    )


def idle(topics: Sequence[Item], config: AdAEMConfig) -> tuple[str, ...]:
    """Return a warning where UCB would never choose a topic."""
    if config.bandit != "ucb" or config.start == "seeds":
        return ()
    warning = UpperConfidence([arm_of(topic) for topic in topics], config.pulls or 1).warning
    return () if warning is None else (str(warning),)


@dataclass(frozen=True)
class _Sums:
    """Requests by role, and what they are made from.

    answers: of each model that answers.
    judged_answers, judged_texts: how many a judge reads.
    spare: answers of those that may come to take the places of winners.
    """

    players: Players
    config: AdAEMConfig
    questions: int
    kept: int
    explorer: float
    safety: float
    answers: tuple[float, ...]
    judged_answers: float
    judged_texts: float
    spare: int

    @staticmethod
    def of(
        players: Players,
        config: AdAEMConfig,
        judge: Judge,
        safety: SafetyFilter | None,
        calls: int | None,
    ) -> _Sums:
        check = 0 if safety is None else safety.cost

        def so_many(questions: int) -> _Sums:
            return _counted(players, config, questions, check)

        most = math.inf
        if config.pulls is not None:
            most = _most(config.pulls, players, config)
        if calls is None:
            return so_many(int(most))
        # requests grow with questions: the most that fit are found by halving
        low, high = 0, int(min(most, calls))
        while low < high:
            middle = (low + high + 1) // 2
            fits = so_many(middle).total(judge) <= calls
            low, high = (middle, high) if fits else (low, middle - 1)
        return so_many(low)

    def judged(self, judge: Judge) -> float:
        """Requests of a judge."""
        prober = Prober(nobody(), judge, self.players.systems, self.config.judge_mode)
        answer = prober.usual_cost(self.players.topics[0]) - 1
        return self.judged_answers * answer + self.judged_texts * prober.usual_text_cost

    def more(self, judge: Judge, calls: int | None) -> int:
        """Requests beside these at most, where the number of pulls bounds the run."""
        pulls = self.config.pulls
        if pulls is None or self.questions < _most(pulls, self.players, self.config):
            return 0
        prober = Prober(nobody(), judge, self.players.systems, self.config.judge_mode)
        found = math.ceil(self.spare * prober.usual_cost(self.players.topics[0]))
        return found if calls is None else min(found, math.floor(calls - self.total(judge)))

    def total(self, judge: Judge) -> float:
        """Requests of all."""
        return self.explorer + self.safety + sum(self.answers) + self.judged(judge)


def _most(pulls: int, players: Players, config: AdAEMConfig) -> int:
    """Return the questions that so many pulls give."""
    return pulls * config.width * len(players.explorers)


def _counted(players: Players, config: AdAEMConfig, questions: int, check: int) -> _Sums:
    """Count the requests of so many questions that are all new."""
    k = len(players.answering)
    first, final = min(config.p1, k), min(config.p2 or k, k)
    kept = min(questions, config.keep or questions)
    pulls = math.ceil(questions / (config.width * len(players.explorers)))
    pulled = min(pulls, len(players.topics))
    scored = {"none": 0, "all": len(players.topics), "pulled": pulled}[config.seed_scores]
    shown = len(players.topics) if config.seed_scores == "all" else pulled
    # the best of all so far goes on in any case
    ahead = sum(max(config.advance, 1 / n) for n in range(1, questions + 1))
    rewritten = config.depth * ahead
    fresh = kept if config.rescore else 0
    # as `adaem` looks for winners: twice as many as there are places are scored anew at most
    others = min(questions, 2 * kept) - kept
    if config.contrast:  # nobody's place decides
        more = final - first if config.reuse else final
        total = (questions + rewritten + fresh) * first + ahead * max(0, more) + scored * final
        each = [total / k] * k
    else:
        each = [
            (questions + rewritten + fresh) * (i < first)
            + ahead * (i < final and (not config.reuse or i >= first))
            + float(scored * (i < final))
            for i in range(k)
        ]
    reads = RatingConfig(config.reward, beta=config.beta).reads_question
    return _Sums(
        players,
        config,
        questions,
        kept,
        explorer=(questions + rewritten) * config.explorer_calls,
        safety=check * (shown + questions + rewritten * (1 + first)),
        answers=tuple(each),
        judged_answers=sum(each),
        judged_texts=reads * (questions + rewritten + scored),
        spare=first * others if config.rescore else 0,
    )


def _answer(model: Respondent, item: Item, use: Any) -> Tokens:
    asking = ASKING["full"][item.kind]
    messages = messages_for(Question(item, 0, 0), asking)
    size = sum(len(m.content) for m in messages) + len(model.system or "")
    most = params_for(model, item, asking).max_tokens
    return answer_tokens(size, item.kind, asking.words, most, use)


async def _verdict(
    judge: LLMJudge, players: Players, items: Sequence[Item], asker: Asker
) -> tuple[Tokens, int]:
    """Return the tokens of one request of a judge, and the stored verdicts they rest on.

    Of a trade-off its text is all that is ever judged: about as long as a short answer.
    """
    found: list[tuple[Tokens, int]] = []
    for system in players.systems:
        judged = {"kind": "question", "sides": None, "system": system.id}
        own = [i.model_copy(update={**judged, "dimensions": system.names[:1]}) for i in items]
        size = "tiny" if items[0].sides else "full"
        form = form_of_items(own, system, "seeds", size)
        plan = make_plan(system, form, players.answering[:1], judge, own)
        use = await judge_use(judge, plan, asker.store)
        found.append((use.each, use.measured))
    return (
        Tokens(fmean(t.into for t, _ in found), fmean(t.out for t, _ in found)),
        min(n for _, n in found),
    )
