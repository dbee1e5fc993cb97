"""What a plan will take, said before it starts: requests, tokens and money of each respondent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sqlalchemy import select

from valuecompass.items import Asking
from valuecompass.judges import judge_id
from valuecompass.judges.llm.judge import LLMJudge
from valuecompass.judges.spec import model_judges, strong_judge
from valuecompass.measure.asking import Question, messages_for, params_for
from valuecompass.measure.plan import Plan
from valuecompass.measure.putting import key_of
from valuecompass.measure.scenario import characters_of, steps_of
from valuecompass.measure.tokens import (
    Tokens,
    Use,
    answer_tokens,
    judge_use,
    measured_use,
    prompt_tokens,
)
from valuecompass.models import Message, Respondent, price_of
from valuecompass.models.asker import Asker
from valuecompass.models.batching import why_no_batch
from valuecompass.store import Store, blocks, responses, verdicts


@dataclass(frozen=True)
class Share:
    """What one respondent will take; tokens and money of what is not stored yet."""

    respondent: str
    model: str
    requests: int
    stored: int
    calls: int
    """Requests that what is not stored takes as a rule: more than answers where there are
    scenarios."""
    tokens_in: int
    tokens_out: int
    measured: int
    """Stored answers of this model that the tokens are estimated from; 0: a reference."""
    usd: float | None
    """One by one; None when the price is unknown."""
    batch_usd: float | None
    """In batches; None where there are none, or no reduced price is known."""
    judge_usd: float | None
    """Of all judges, the strong one at most, one by one."""
    judge_batch_usd: float | None
    """The same where batches are cheaper."""
    no_batch: str | None
    """Why it cannot be asked in batches."""
    fits: bool | None
    """Whether the longest prompt and its answer fit the context; None: the context is unknown."""
    lacks: str | None
    """What keeps it from being asked on this machine: a key, a package."""


@dataclass(frozen=True)
class Judging:
    """What a judge will take over all respondents; what is judged already left out."""

    judge: str
    model: str
    calls: int
    """Of the strong judge at most: if the panel disagreed on every response."""
    tokens_in: int
    tokens_out: int
    measured: int
    """Stored verdicts in this system that the tokens are estimated from; 0: a stand-in."""
    usd: float | None
    """One by one; None when the price is unknown."""


@dataclass(frozen=True)
class Outlook:
    """What a plan will take."""

    plan: Plan
    stored: int
    requests: int
    """Answers of the respondents; `stored` of them are there already."""
    most_requests: int
    """Requests that what is not stored takes at most: scenarios take several."""
    judge_calls: int
    """Of all members of a panel, without the strong judge's."""
    strong_calls: int
    """Of the strong judge at most: if the panel disagreed on every response."""
    usd: float | None
    """Estimate of the money, with the strong judge's calls at their most; None when a price is
    unknown."""
    shares: tuple[Share, ...] = ()
    judges: tuple[Judging, ...] = ()
    batch: bool = False
    judge_measured: int = 0
    """Stored verdicts in this system that the judges' tokens are estimated from, of the judge with
    the fewest; 0: from prompts around texts of the length asked for."""
    judge_lacks: Mapping[str, str] = field(default_factory=dict[str, str])
    """By model of a judge what keeps it from being asked on this machine."""

    def json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {
            "system": self.plan.system.id,
            "form": {"name": self.plan.form.name, "hash": self.plan.form.hash},
            "judge": self.plan.judge.name,
            **{k: getattr(self, k) for k in _COUNTS},
            "batch": self.batch,
            "usd": self.usd,
            "judge_measured": self.judge_measured,
            "judge_lacks": dict(self.judge_lacks),
            "judges": [asdict(judge) for judge in self.judges],
            "respondents": [asdict(share) for share in self.shares],
        }


_COUNTS = ("stored", "requests", "most_requests", "judge_calls", "strong_calls")


@dataclass(frozen=True)
class Totals:
    """What several plans take together; None where a price is unknown."""

    shares: tuple[Share, ...]
    """One for each respondent, over all plans."""
    usd: float | None
    batch_usd: float | None
    """In batches where they are cheaper."""
    judge_usd: float | None
    judge_batch_usd: float | None
    saving: float
    """What batches save on the respondents whose prices are known."""

    def json(self) -> dict[str, Any]:
        """Return it as a JSON object, without the respondents' shares."""
        return {name: getattr(self, name) for name in (*USD, "saving")} | {
            name: sum(getattr(s, name) for s in self.shares) for name in COUNTED
        }


def totals(outlooks: Sequence[Outlook]) -> Totals:
    """Return what plans take together, by respondent."""
    by_name: dict[str, list[Share]] = {}
    for share in (share for outlook in outlooks for share in outlook.shares):
        by_name.setdefault(share.respondent, []).append(share)
    shares = tuple(_joined(of_one) for of_one in by_name.values())
    cheapest = [s.usd if s.batch_usd is None else s.batch_usd for s in shares]
    return Totals(
        shares=shares,
        usd=_sum([s.usd for s in shares]),
        batch_usd=_sum(cheapest),
        judge_usd=_sum([s.judge_usd for s in shares]),
        judge_batch_usd=_sum([s.judge_batch_usd for s in shares]),
        saving=sum(s.usd - s.batch_usd for s in shares if s.usd and s.batch_usd is not None),
    )


def document(outlooks: Sequence[Outlook]) -> dict[str, Any]:
    """Return the documented JSON object of a dry run: what each plan takes, and all together."""
    return {"outlook": [o.json() for o in outlooks], "total": totals(outlooks).json()}


def _joined(of_one: Sequence[Share]) -> Share:
    """Add the shares of one respondent in several plans."""
    first, fits = of_one[0], [s.fits for s in of_one]
    counts = {k: sum(getattr(s, k) for s in of_one) for k in COUNTED}
    usd = {k: _sum([getattr(s, k) for s in of_one]) for k in USD}
    return replace(first, **counts, **usd, fits=None if None in fits else all(fits))


def _sum(amounts: Sequence[float | None]) -> float | None:
    known = [a for a in amounts if a is not None]
    return sum(known) if len(known) == len(amounts) else None


COUNTED = ("requests", "stored", "calls", "tokens_in", "tokens_out")
USD = ("usd", "batch_usd", "judge_usd", "judge_batch_usd")


@dataclass(frozen=True)
class _Prompt:
    """A question as it is put to every respondent: made once, not once for each of them."""

    question: Question
    asking: Asking
    messages: list[Message]
    row: dict[str, Any]
    size: int
    """Characters."""
    steps: int
    """Requests that it takes as a rule."""
    most: int
    """Requests that it takes at most."""

    @staticmethod
    def of(question: Question, plan: Plan) -> _Prompt:
        asking = plan.form.asking[question.item.kind]
        messages = messages_for(question, asking)
        size = sum(len(m.content) for m in messages)
        if question.item.kind == "scenario":
            size = characters_of(question.item)
        return _Prompt(
            question, asking, messages, question.item.row(), size, *steps_of(question.item)
        )


@dataclass(frozen=True)
class _Left:
    """What of one respondent's part of a plan is not in the store."""

    asked: int
    prompts: Sequence[_Prompt]
    unjudged: int


async def outlook_of(
    plan: Plan, asker: Asker, lacks: Mapping[str, str] | None = None, *, fresh: bool = False
) -> Outlook:
    """Return what a plan will take.

    Tokens are those of the stored answers of the same model, by kind of item; where there are
    none, of a reference (`measure.tokens`), in which answers have the length asked for and nobody
    thinks. What is stored costs nothing: answers, and responses with verdicts of this very judge.

    Args:
        plan: what to do.
        asker: knows the store, and who is asked in batches.
        lacks: by model name what it lacks to be asked.
        fresh: count as if nothing were stored.
    """
    answering = [r for r in plan.respondents if plan.answers(r)]
    judges = [await _judged(judge, plan, asker.store) for judge in _asked_judges(plan)]
    prompts = [_Prompt.of(question, plan) for question in plan.questions]
    lefts = [await _left(plan, prompts, r, None if fresh else asker.store) for r in answering]
    writing = sum(plan.judged_of(r) > 0 for r in answering)
    shares = tuple(
        [
            await _share(plan, respondent, left, asker, judges, (lacks or {}))
            for respondent, left in zip(answering, lefts, strict=True)
        ]
    )
    asked = _asked_judges(plan)
    unjudged = sum(left.unjudged for left in lefts) / plan.judged if plan.judged else 0.0
    known = [_as_asked(s, asker.batch) for s in shares]
    strong = strong_judge(plan.judge)
    calls = sum(j.calls for j in judges) * writing
    at_most = 0 if strong is None else judges[-1].calls * writing
    return Outlook(
        plan,
        stored=sum(s.stored for s in shares),
        requests=sum(s.requests for s in shares),
        most_requests=sum(prompt.most for left in lefts for prompt in left.prompts),
        judge_calls=calls - at_most,
        strong_calls=at_most,
        usd=None if None in known else sum(usd for usd in known if usd is not None),
        shares=shares,
        judges=tuple(one.times(unjudged) for one in judges),
        batch=asker.batch,
        judge_measured=min((j.measured for j in judges), default=0),
        judge_lacks={
            j.model.model: why for j in asked if (why := (lacks or {}).get(j.model.model))
        },
    )


def _as_asked(share: Share, batch: bool) -> float | None:
    """A respondent's money with its judges', by batch where that is asked for and cheaper."""
    own = share.batch_usd if batch and share.batch_usd is not None else share.usd
    judge = share.judge_batch_usd if batch else share.judge_usd
    return None if own is None or judge is None else own + judge


async def _share(
    plan: Plan,
    respondent: Respondent,
    left: _Left,
    asker: Asker,
    judges: Sequence[_Judged],
    lacks: Mapping[str, str],
) -> Share:
    use = await measured_use(asker.store, respondent)
    each = [_tokens(respondent, prompt, use) for prompt in left.prompts]
    tokens_in, tokens_out = sum(t.into for t in each), sum(t.out for t in each)
    price = price_of(respondent)
    usd = None if price is None else price.usd(tokens_in, tokens_out)
    no_batch = why_no_batch(respondent.model)
    cheaper = price is not None and price.batch is not None and no_batch is None
    batch = price.in_batch.usd(tokens_in, tokens_out) if price and cheaper else None
    share_left = left.unjudged / plan.judged if plan.judged else 0.0
    judged, judged_in_batch = (
        None if (whole := _sum(of)) is None else share_left * whole
        for of in ([j.usd for j in judges], [j.batch_usd for j in judges])
    )
    return Share(
        respondent=respondent.name,
        model=respondent.model,
        requests=left.asked,
        stored=left.asked - len(left.prompts),
        calls=sum(prompt.steps for prompt in left.prompts),
        tokens_in=round(tokens_in),
        tokens_out=round(tokens_out),
        measured=use.n,
        usd=usd,
        batch_usd=batch,
        judge_usd=judged,
        judge_batch_usd=judged_in_batch,
        no_batch=no_batch,
        fits=_fits(respondent, left.prompts, use),
        lacks=lacks.get(respondent.model),
    )


def _tokens(respondent: Respondent, prompt: _Prompt, use: Use) -> Tokens:
    item, most = prompt.question.item, _room(respondent, prompt)
    size = _size(respondent, prompt)
    return answer_tokens(size, item.kind, prompt.asking.words, most, use, prompt.steps)


def _size(respondent: Respondent, prompt: _Prompt) -> int:
    return prompt.size + len(respondent.system or "")


def _room(respondent: Respondent, prompt: _Prompt) -> int:
    return params_for(respondent, prompt.question.item, prompt.asking).max_tokens


def _fits(respondent: Respondent, prompts: Sequence[_Prompt], use: Use) -> bool | None:
    """Say whether every single prompt leaves room for the answer that is asked for."""
    if respondent.context is None:
        return None
    return all(
        use.into * prompt_tokens(_size(respondent, p)) + _room(respondent, p) <= respondent.context
        for p in prompts
    )


async def _left(
    plan: Plan, prompts: Sequence[_Prompt], respondent: Respondent, store: Store | None
) -> _Left:
    """Return what of a respondent's part of a plan is not in the store; None: nothing is."""
    asked = [p for p in prompts if plan.asks(respondent, p.question)]
    to_judge = plan.judged_of(respondent)
    if store is None:
        return _Left(len(asked), asked, to_judge)
    keys = [(key_of(respondent, p.question, p.asking, p.messages, p.row), p) for p in asked]
    found: set[tuple[str, int]] = set()
    judged: set[tuple[str, int, str]] = set()
    own = verdicts.c.judge == judge_id(plan.judge, plan.system)
    for block in blocks(sorted({key for key, _ in keys}), 500):
        rows = await store.rows(
            select(responses.c.key, responses.c.repeat).where(responses.c.key.in_(block))
        )
        found |= {(r["key"], r["repeat"]) for r in rows}
        rows = await store.rows(
            select(verdicts.c.key, verdicts.c.repeat, verdicts.c.item).where(
                own, verdicts.c.key.in_(block)
            )
        )
        judged |= {(r["key"], r["repeat"], r["item"]) for r in rows}
    places = [(key, p.question.repeat, p.question.item.id) for key, p in keys]
    done = sum(place in judged for place in places)
    open_ones = [p for key, p in keys if (key, p.question.repeat) not in found]
    return _Left(len(keys), open_ones, max(to_judge - done, 0))


@dataclass(frozen=True)
class _Judged:
    """What a judge takes for one respondent."""

    judge: LLMJudge
    calls: int
    each: Tokens
    measured: int
    usd: float | None
    batch_usd: float | None

    def times(self, respondents: float) -> Judging:
        """Return what it takes for so many respondents."""
        return Judging(
            self.judge.name,
            self.judge.model.model,
            round(respondents * self.calls),
            round(respondents * self.calls * self.each.into),
            round(respondents * self.calls * self.each.out),
            self.measured,
            None if self.usd is None else respondents * self.usd,
        )


def _asked_judges(plan: Plan) -> list[LLMJudge]:
    """The model judges, the strong one last."""
    strong = strong_judge(plan.judge)
    return [*model_judges(plan.judge), *([strong] if strong else [])]


async def _judged(judge: LLMJudge, plan: Plan, store: Store) -> _Judged:
    calls, each, measured = await judge_use(judge, plan, store)
    if (price := price_of(judge.model)) is None:
        return _Judged(judge, calls, each, measured, None, None)
    takes = calls * each.into, calls * each.out
    cheapest = price.in_batch if why_no_batch(judge.model.model) is None else price
    return _Judged(judge, calls, each, measured, price.usd(*takes), cheapest.usd(*takes))
