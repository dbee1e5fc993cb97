"""The cheapest plan that measures a value system as precisely as wanted, from a pilot's variance.

A score's interval narrows with the number of items; asking an item again takes away only what the
answers to it vary by. A pilot that asked items more than once tells the two apart, the bank says
how many items there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from typing import Any

from valuecompass.errors import InputError
from valuecompass.items import Form, Item, builtin_form, form_items
from valuecompass.judges import Judge
from valuecompass.measure.forecast import outlook_of
from valuecompass.measure.pilot import Pilot
from valuecompass.measure.plan import make_plan
from valuecompass.measure.scoring import FREE
from valuecompass.models import Respondent, price_of
from valuecompass.models.asker import Asker
from valuecompass.stats.precision import Spread, half_width, items_needed
from valuecompass.values import BUILTIN, ValueSystem

MOST_REPEATS = 5
"""Answers to one item, at most: more say little that is new."""
NEARLY = 1.1
"""Out of reach: this much above the narrowest interval that the bank allows is as good."""
UNTRIED = "repeats not tried: the pilot asked each item once"
ADAPTIVE = "not used: the items of the bank have no item response parameters"
"""Why no plan is adaptive: `stats.adaptive` chooses items by parameters, which none has yet."""


@dataclass(frozen=True)
class Dimension:
    """What a plan does for one dimension; half-widths on 0-100."""

    name: str
    items: int
    """Items whose answers carry its score."""
    half_width: float | None
    """Expected of the 95 % interval; None where nothing is known of the variance."""
    reached: bool
    items_needed: int | None
    """For the half-width wanted, each asked once, were the bank large enough; None: not known."""
    repeats_tried: bool
    """Whether the pilot asked items more than once. Where not, the plan takes repeats to bring
    nothing, which they may."""


_SHORT: tuple[tuple[str, Callable[[Dimension], bool]], ...] = (
    ("nothing is known of the variance of", lambda d: d.half_width is None),
    (
        "the bank has too few items for",
        lambda d: d.half_width is not None and d.repeats_tried,
    ),
    (
        "not reached by the bank's items, each asked once:",
        lambda d: d.half_width is not None and not d.repeats_tried,
    ),
)
"""What is to be said of dimensions that are not reached, and of which."""


def _told(of: Dimension) -> str:
    return of.name if of.half_width is None else f"{of.name} {of.half_width:.1f}"


@dataclass(frozen=True)
class SystemPlan:
    """The cheapest plan of one value system for one respondent."""

    system: str
    form: Form
    pilot: str
    simulated: bool
    repeats: int
    dimensions: tuple[Dimension, ...]
    answers: int
    judge_calls: int
    calls_needed: int
    """Answers and verdicts that the half-width wanted would take of a bank large enough."""
    tokens_in: int
    tokens_out: int
    measured: int
    """Stored answers of the model that the tokens are estimated from; 0: a reference."""
    judge_measured: int
    """Stored verdicts that the judge's tokens are estimated from; 0: a stand-in."""
    usd: float | None
    """One by one, with the judge; None when a price is unknown."""
    batch_usd: float | None
    """The same where batches are cheaper."""

    @property
    def reached(self) -> bool:
        """Whether every dimension is as precise as wanted."""
        return all(d.reached for d in self.dimensions)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what of the target is not reached, and what is not known of it."""
        short = {k: [d for d in self.dimensions if not d.reached and w(d)] for k, w in _SHORT}
        said = [f"{k} {', '.join(map(_told, found))}" for k, found in short.items() if found]
        untried = [d.name for d in self.dimensions if not d.repeats_tried]
        if untried:
            whose = "" if len(untried) == len(self.dimensions) else f" about {', '.join(untried)}"
            said.append(UNTRIED + whose)
        return tuple(said)

    def json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        body = {k: v for k, v in vars(self).items() if k not in ("form", "dimensions")}
        return body | {
            "reached": self.reached,
            "adaptive": ADAPTIVE,
            "notes": list(self.notes),
            "form": {"name": self.form.name, "hash": self.form.hash},
            "dimensions": [asdict(d) for d in self.dimensions],
        }


def check_bank(system: ValueSystem) -> None:
    """Refuse a system that has no bank to plan with.

    Raises:
        InputError: it is not built in.
    """
    if system.id not in BUILTIN:
        raise InputError(
            f"-s {system.id}: a plan is made of the bank's items, which only built-in systems "
            f"have: {', '.join(BUILTIN)}"
        )


async def cheapest_plan(
    system: ValueSystem,
    respondent: Respondent,
    judge: Judge,
    asker: Asker,
    target: float,
    pilot: Pilot,
) -> SystemPlan:
    """Return the plan with the fewest calls that reaches a half-width; else the narrowest.

    Args:
        system: a built-in value system.
        respondent: whose tokens and price count.
        judge: whose calls and price count; one that asks once about a response is cheapest.
        asker: knows the store.
        target: half of the 95 % interval, in points of 0-100.
        pilot: what is known of the variance.

    Raises:
        InputError: a system without a bank, or a respondent that is asked nothing of it.
    """
    check_bank(system)
    full = builtin_form(system.id, "full")
    wanted = ("likert", "judgement") if system.scoring == "keyed-scale" else FREE
    bank = [item for item in form_items(full) if item.kind in wanted]
    choice = _search(_Bank.of(system, bank), pilot.spreads, target / 100)
    form = _form(system, full, bank, choice)
    plan = make_plan(system, form, [respondent], judge)
    if not plan.answers(respondent):
        raise InputError(f"-m {respondent.name} -s {system.id}: {plan.why_not(respondent)}")
    outlook = await outlook_of(plan, asker, fresh=True)
    (share,) = outlook.shares
    judged = outlook.judge_calls + outlook.strong_calls
    each = (outlook.requests + judged) / max(outlook.requests, 1)
    own = share.usd if share.batch_usd is None else share.batch_usd
    return SystemPlan(
        system=system.id,
        form=form,
        pilot=pilot.source,
        simulated=pilot.simulated,
        repeats=choice.repeats,
        dimensions=choice.dimensions(pilot.spreads, system.names, target),
        answers=outlook.requests,
        judge_calls=judged,
        calls_needed=round(choice.needed_answers * each),
        tokens_in=share.tokens_in,
        tokens_out=share.tokens_out,
        measured=share.measured,
        judge_measured=outlook.judge_measured,
        usd=_plus(share.usd, share.judge_usd),
        batch_usd=_plus(own, share.judge_batch_usd),
    )


def _plus(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a + b


@dataclass(frozen=True)
class _Bank:
    """How many items there are for each dimension; `joint`: each item serves all of them."""

    joint: bool
    sizes: dict[str, int]

    @staticmethod
    def of(system: ValueSystem, items: Sequence[Item]) -> _Bank:
        joint = any(item.kind == "question" for item in items)
        sizes = {name: sum(i.dimensions[0] == name for i in items) for name in system.names}
        return _Bank(joint, sizes)


@dataclass(frozen=True)
class _Choice:
    """Items asked of each dimension, and how often."""

    joint: bool
    repeats: int
    asked: dict[str, int]
    needed: dict[str, int]
    """Items that the target takes, each asked once."""

    @property
    def answers(self) -> int:
        return self.repeats * sum(self.asked.values())

    @property
    def needed_answers(self) -> int:
        """Answers that the target takes of a bank large enough: no item asked twice."""
        return max(self.needed.values()) if self.joint else sum(self.needed.values())

    def carrying(self, name: str) -> int:
        """Items whose answers carry a dimension's score."""
        return sum(self.asked.values()) if self.joint else self.asked[name]

    def half(self, name: str, of: Spread) -> float:
        return half_width(of, self.carrying(name), self.repeats)

    def dimensions(
        self, spreads: Mapping[str, Spread], names: Sequence[str], target: float
    ) -> tuple[Dimension, ...]:
        return tuple(self._dimension(name, spreads.get(name), target) for name in names)

    def _dimension(self, name: str, of: Spread | None, target: float) -> Dimension:
        if of is None:
            items = self.carrying(name) if self.joint else 0
            return Dimension(name, items, None, False, None, False)
        half = 100 * self.half(name, of)
        return Dimension(
            name=name,
            items=self.carrying(name),
            half_width=round(half, 2),
            reached=half <= target,
            items_needed=self.needed[name],
            repeats_tried=of.within is not None,
        )


def _search(bank: _Bank, spreads: Mapping[str, Spread], target: float) -> _Choice:
    choices = [_choice(bank, spreads, r, target) for r in range(1, MOST_REPEATS + 1)]
    widest = [max(c.half(name, of) for name, of in spreads.items()) for c in choices]
    limit = max(target, NEARLY * min(widest))
    good = [c for c, w in zip(choices, widest, strict=True) if w <= limit]
    return min(good, key=lambda c: (c.answers, c.repeats))


def _choice(bank: _Bank, spreads: Mapping[str, Spread], repeats: int, target: float) -> _Choice:
    needed = {name: items_needed(of, repeats, target) for name, of in spreads.items()}
    if bank.joint:
        each = ceil(max(needed.values()) / len(bank.sizes))
        asked = {name: min(each, size) for name, size in bank.sizes.items()}
    else:  # a dimension without a pilot has nothing to be planned by
        asked = {name: min(n, bank.sizes[name]) for name, n in needed.items()}
    once = {name: items_needed(of, 1, target) for name, of in spreads.items()}
    return _Choice(bank.joint, repeats, asked, once)


def _form(system: ValueSystem, full: Form, bank: Sequence[Item], choice: _Choice) -> Form:
    """Return the form of a choice: the first items of each dimension, in the full form's order."""
    taken: dict[str, int] = defaultdict(int)
    items: list[Item] = []
    for item in bank:
        name = item.dimensions[0]
        if taken[name] < choice.asked.get(name, 0):
            taken[name] += 1
            items.append(item)
    asking = builtin_form(system.id, "short").asking
    kinds = {item.kind for item in items}
    return Form(
        name=f"{system.id}/planned",
        system=system.id,
        asking={
            k: (asking.get(k) or full.asking[k]).model_copy(update={"repeats": choice.repeats})
            for k in full.asking
            if k in kinds
        },
        items=tuple(item.id for item in items),
    )


def middle_priced(respondents: Sequence[Respondent]) -> Respondent:
    """Return the respondent of the middle price: as many ask more for an answer as ask less."""
    prices = [(price_of(r), r) for r in respondents]
    priced = [(price.usd(1, 1), r.name, r) for price, r in prices if price is not None]
    if not priced:
        raise InputError("no respondent with a price: name one with -m")
    return sorted(priced, key=lambda p: p[:2])[len(priced) // 2][2]
