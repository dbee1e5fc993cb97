"""The cheapest plan that measures a value system as precisely as wanted, from a pilot's variance.

A score's interval narrows with the number of items; asking an item again takes away only what the
answers to it vary by. The pilot tells the two apart, the bank says how many items there are.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from importlib.resources import files
from math import ceil
from typing import Any

import numpy as np

from valuecompass.errors import InputError
from valuecompass.items import Asking, Form, Item, built_in_form, builtin_form, form_items
from valuecompass.items.schema import Kind
from valuecompass.judges import Judge
from valuecompass.measure.archive import latest_measurements
from valuecompass.measure.forecast import outlook_of
from valuecompass.measure.item_table import stored_values
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.plan import make_plan
from valuecompass.measure.scoring import FREE
from valuecompass.models import Respondent
from valuecompass.models.asker import Asker
from valuecompass.stats.precision import Spread, half_width, items_needed, spread
from valuecompass.store import Store
from valuecompass.values import BUILTIN, ValueSystem

MOST_REPEATS = 5
"""Answers to one item, at most: more say little that is new."""
NEARLY = 1.1
"""Out of reach: this much above the narrowest interval that the bank allows is as good."""
ADAPTIVE = "not used: the items of the bank have no item response parameters"
"""Why no plan is adaptive: `stats.adaptive` chooses items by parameters, which none has yet."""


@dataclass(frozen=True)
class Pilot:
    """What is known of a system's variance, and from where."""

    source: str
    """A sentence for people; says when it is no real model's."""
    simulated: bool
    spreads: Mapping[str, Spread]
    """By dimension; those without an answer are left out."""
    asking: Mapping[Kind, Asking] | None = None
    """By kind, of the pilot's form; None: as the form called short."""


@dataclass(frozen=True)
class Dimension:
    """What a plan does for one dimension; half-widths on 0-100."""

    name: str
    items: int
    """Items whose answers carry its score."""
    half_width: float
    """Expected of the 95 % interval."""
    reached: bool
    items_needed: int
    """For the half-width wanted, each asked once, were the bank large enough."""


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
    usd: float | None
    """One by one, with the judge; None when a price is unknown."""
    batch_usd: float | None
    """The same where batches are cheaper."""

    @property
    def reached(self) -> bool:
        """Whether every dimension is as precise as wanted."""
        return all(d.reached for d in self.dimensions)

    def json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        body = {k: v for k, v in vars(self).items() if k not in ("form", "dimensions")}
        return body | {
            "reached": self.reached,
            "adaptive": ADAPTIVE,
            "form": {"name": self.form.name, "hash": self.form.hash},
            "dimensions": [asdict(d) for d in self.dimensions],
        }


async def pilot_of(store: Store, system: str) -> Pilot:
    """Return what the newest measurement of a system says, else the reference that comes along."""
    try:
        (newest,) = await latest_measurements(store, system)
    except InputError:
        return reference(system)
    spreads = await spreads_of(store, newest)
    if not spreads:
        return reference(system)
    rows = len(newest.rows)
    simulated = all(row.simulated for row in newest.rows)
    source = (
        f"measurement {newest.id} of this workspace: {newest.manifest['form']['name']}, "
        f"{rows} {'simulated ' if simulated else ''}respondent{'s' * (rows > 1)}, "
        f"judge {newest.manifest['judge_name']}"
    )
    asked = newest.manifest.get("asked")
    form = (
        built_in_form(system, newest.manifest["form"]["hash"])
        if asked is None
        else Form.model_validate(asked)
    )
    # of scenarios, or of what was found elsewhere, the spread says nothing of the bank's items
    if form is None or not form.asking.keys() & builtin_form(system, "full").asking.keys():
        return reference(system)
    return Pilot(source, simulated, spreads, form.asking)


async def spreads_of(store: Store, measurement: Measurement) -> dict[str, Spread]:
    """Return by dimension the spread of a measurement's responses, a mean over its respondents."""
    names = [d["name"] for d in measurement.manifest["system"]["dimensions"]]
    found: dict[tuple[str, int], tuple[list[float], list[str]]] = defaultdict(lambda: ([], []))
    async with aclosing(stored_values(store, measurement)) as values:
        async for position, at, item, value in values:
            own = found[names[at], position]
            own[0].append(value)
            own[1].append(item)
    by_name: dict[str, list[Spread]] = defaultdict(list)
    for (name, _), (values_of_one, items) in found.items():
        by_name[name].append(spread(values_of_one, items))
    return {
        name: Spread(
            *(float(np.mean([getattr(s, k) for s in of])) for k in ("mean", "between", "within")),
            items=round(float(np.mean([s.items for s in of]))),
            repeats=float(np.mean([s.repeats for s in of])),
        )
        for name, of in by_name.items()
    }


def reference(system: str) -> Pilot:
    """Return the spreads that come along: a small real model's (`benchmarks/cost/reference.py`).

    Raises:
        InputError: there is none for this system.
    """
    text = (files("valuecompass.measure") / "reference.json").read_text(encoding="utf-8")
    body = json.loads(text)
    if system not in body["systems"]:
        raise InputError(
            f"{system}: nothing is known of its variance; measure it once: "
            f"valuecompass run -m MODEL -s {system} --form short"
        )
    spreads = {name: Spread(*row) for name, row in body["systems"][system].items()}
    return Pilot(body["source"], simulated=False, spreads=spreads)


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
        InputError: a system without a bank.
    """
    if system.id not in BUILTIN:
        raise InputError(f"{system.id}: only built-in systems have a bank to plan with")
    full = builtin_form(system.id, "full")
    wanted = ("likert", "judgement") if system.scoring == "keyed-scale" else FREE
    bank = [item for item in form_items(full) if item.kind in wanted]
    choice = _search(_Bank.of(system, bank), pilot.spreads, target / 100)
    form = _form(system, full, bank, choice, pilot)
    plan = make_plan(system, form, [respondent], judge)
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
        dimensions=choice.dimensions(pilot.spreads, target),
        answers=outlook.requests,
        judge_calls=judged,
        calls_needed=round(choice.needed_answers * each),
        tokens_in=share.tokens_in,
        tokens_out=share.tokens_out,
        measured=share.measured,
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

    def dimensions(self, spreads: Mapping[str, Spread], target: float) -> tuple[Dimension, ...]:
        return tuple(
            Dimension(
                name=name,
                items=self.carrying(name),
                half_width=round(100 * (half := self.half(name, of)), 2),
                reached=100 * half <= target,
                items_needed=self.needed[name],
            )
            for name, of in spreads.items()
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


def _form(
    system: ValueSystem, full: Form, bank: Sequence[Item], choice: _Choice, pilot: Pilot
) -> Form:
    """Return the form of a choice: the first items of each dimension, in the full form's order."""
    taken: dict[str, int] = defaultdict(int)
    items: list[Item] = []
    for item in bank:
        name = item.dimensions[0]
        if taken[name] < choice.asked.get(name, 0):
            taken[name] += 1
            items.append(item)
    asking = pilot.asking or builtin_form(system.id, "short").asking
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
    priced = [(r.price.usd(1, 1), r.name, r) for r in respondents if r.price is not None]
    if not priced:
        raise InputError("no respondent with a price: name one with -m")
    return sorted(priced, key=lambda p: p[:2])[len(priced) // 2][2]
