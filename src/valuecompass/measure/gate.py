"""Has a respondent changed? Asks item by item and stops as soon as it is sure.

Each item is compared with its own value at the baseline. The limits are a confidence sequence: they
hold at every moment together, so that looking after each item costs no false alarms.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

import anyio
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select

from valuecompass.errors import InputError, ProviderStopped
from valuecompass.hashing import digest
from valuecompass.judges.spec import judge_models
from valuecompass.measure.engine import ask_plan
from valuecompass.measure.item_table import ItemTable, item_table, item_values
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.plan import Plan, make_plan
from valuecompass.measure.points import finite
from valuecompass.measure.run import Settings, make_judge, resolve_form, resolve_system
from valuecompass.models import Respondent, check_priced, parse_respondent
from valuecompass.models.asker import Asker
from valuecompass.models.budget import Budget
from valuecompass.stats import Interval
from valuecompass.stats.sequential import SequentialMean
from valuecompass.store import Store, answers

Status = Literal["drift", "steady", "undecided"]
Array = NDArray[np.float64]
ALPHA = 0.05
"""Chance of a false alarm on any dimension, however often one looks."""
STEP = 8
"""Items that are asked before one looks."""
LEAST_SD = 0.05
"""A dimension whose items hardly differ would make every change a large one."""
_SHIFT = re.compile(r"(\d+\.?\d*|\.\d+)\s*(sd)?")


@dataclass(frozen=True)
class Shift:
    """The largest shift that is not to be called drift."""

    size: float
    unit: Literal["sd", "points"]
    """sd: standard deviations of the baseline's values over items; points: of 0-100."""

    @classmethod
    def parse(cls, text: str) -> Shift:
        """Read `0.2sd` or `5`.

        Raises:
            InputError: it is neither.
        """
        match = _SHIFT.fullmatch(text.strip())
        if match is None or float(match[1]) <= 0:
            raise InputError(f"--max-shift {text}: expected 0.2sd, or points such as 5")
        return cls(float(match[1]), "sd" if match[2] else "points")

    def limits(self, values: Array) -> Array:
        """Return the limit of each dimension in [0, 1], from (n, D) values of the baseline."""
        if self.unit == "points":
            return np.ones(values.shape[1]) * (self.size / 100)
        spread = [max(_sd(values[:, at]), LEAST_SD) for at in range(values.shape[1])]
        return np.array(spread) * self.size


@dataclass
class Watched:
    """One dimension: limits of the shift so far, in [-1, 1]."""

    name: str
    limit: float
    sequence: SequentialMean
    interval: Interval = field(default_factory=lambda: Interval(np.nan, np.nan, np.nan))

    @property
    def status(self) -> Status:
        """Drift when the limits lie beyond the largest shift allowed, steady when within it."""
        low, high = self.interval.low, self.interval.high
        if low > self.limit or high < -self.limit:
            return "drift"
        return "steady" if -self.limit < low and high < self.limit else "undecided"


@dataclass(frozen=True)
class Gated:
    """What the gate found."""

    respondent: str
    system: str
    baseline: Measurement
    occasion: str
    shift: Shift
    dimensions: tuple[Watched, ...]
    items: int
    """Asked, of `form` items."""
    form: int
    requests: int
    """Made for them, of `requests_of_form`, those stored before included."""
    requests_of_form: int
    refused: int
    """Answers that declined, of `requests`; refused at the baseline: `refused_before` of all."""
    refused_before: int

    @property
    def status(self) -> Status:
        """Drift on any dimension; steady on all; else undecided."""
        found = {d.status for d in self.dimensions}
        return "drift" if "drift" in found else "undecided" if "undecided" in found else "steady"

    def json(self) -> dict[str, Any]:
        """Return the documented JSON object."""
        return {
            "status": self.status,
            "respondent": self.respondent,
            "system": self.system,
            "baseline": {
                "measurement": self.baseline.id,
                "date": self.baseline.created.date().isoformat(),
            },
            "occasion": self.occasion,
            "max_shift": {"size": self.shift.size, "unit": self.shift.unit},
            "alpha": ALPHA,
            "items": self.items,
            "items_of_form": self.form,
            "requests": self.requests,
            "requests_of_form": self.requests_of_form,
            "refused": self.refused,
            "refused_at_baseline": self.refused_before,
            "dimensions": {
                d.name: {
                    "status": d.status,
                    "shift": finite(100 * d.interval.value, 4),
                    "low": finite(100 * d.interval.low, 4),
                    "high": finite(100 * d.interval.high, 4),
                    "limit": finite(100 * d.limit, 4),
                    "n": d.sequence.n,
                }
                for d in self.dimensions
            },
        }


async def gate(
    store: Store,
    model: str,
    baseline: Measurement,
    shift: Shift,
    settings: Settings,
    *,
    occasion: str | None = None,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> Gated:
    """Compare a respondent with its own baseline, asking no more items than needed.

    Args:
        store: the open store; answers are kept like all others, and asked for once an occasion.
        model: the respondent, as for ``run -m``, of the name that it has in the baseline.
        baseline: a measurement of our own.
        shift: the largest shift that is no drift.
        settings: one value system, form and judge as at the baseline; limits and patience.
        occasion: name of this repetition; None: today's date.
        tell: called with (items asked, items of the form).

    Raises:
        InputError: the respondent is not in the baseline, or form, judge or prompts are others.
        ProviderStopped: no answer could be used.
        BudgetReached, ProviderStopped, Interrupted: as in a run; the same command goes on.
    """
    occasion = occasion or datetime.now(UTC).date().isoformat()
    (system,) = (resolve_system(name) for name in settings.systems)
    asker = Asker(store, budget := Budget(store, "", settings.limits), settings.patience)
    respondent = parse_respondent(model, [system]).model_copy(update={"occasion": occasion})
    judge = make_judge(settings, asker, [respondent])
    form, items = resolve_form(settings, system)
    plan = make_plan(system, form, [respondent], judge, items, baseline.manifest["opinions"])
    before = _before(await item_table(store, baseline), respondent, baseline)
    _check_alike(plan, baseline)
    check_priced([respondent, *judge_models(judge)], settings.limits)
    budget.plan = digest(["gate", plan.id], 16)
    await budget.load()
    try:
        return await _watch(plan, before, baseline, shift, asker, tell)
    finally:
        with anyio.CancelScope(shield=True):
            await asker.models.close()


async def _watch(
    plan: Plan,
    before: ItemTable,
    baseline: Measurement,
    shift: Shift,
    asker: Asker,
    tell: Callable[[int, int], None],
) -> Gated:
    (respondent,) = plan.respondents
    assert respondent.occasion is not None
    values = before.means[0]
    # other respondents of the baseline may carry scores on more items
    seen = ~np.isnan(values).all(axis=1)
    place = {item: at for at, item in enumerate(before.items) if seen[at]}
    limits = shift.limits(values)
    used = np.flatnonzero(~np.isnan(values).all(axis=0)).tolist()
    watched = {
        at: Watched(before.names[at], float(limits[at]), SequentialMean(alpha=ALPHA / len(used)))
        for at in used
    }
    # items that carry a score only; in a random order, so that the first ones stand for all
    queue = [item for item in plan.items if item.id in place]
    np.random.default_rng(int(digest([plan.id, respondent.occasion], 12), 16)).shuffle(queue)
    asked = requests = refused = 0
    for start in range(0, len(queue), STEP):
        part = replace(plan, items=tuple(queue[start : start + STEP]))
        (results,) = await ask_plan(part, asker.store, asker)
        found: dict[tuple[int, str], list[float]] = {}
        for at, item, value in item_values(plan.system, plan.opinions, results):
            found.setdefault((at, item), []).append(value)
        for at, one in watched.items():
            new = [
                float(np.mean(found[at, item.id])) - values[place[item.id], at]
                for item in part.items
                if (at, item.id) in found
            ]
            one.interval = one.sequence.update(new)
        asked, requests = asked + len(part.items), requests + len(part.questions)
        refused += sum(result.outcome == "refusal" for result in results)
        tell(asked, len(queue))
        states = {one.status for one in watched.values()}
        if "drift" in states or states == {"steady"}:
            break
    if not any(one.sequence.n for one in watched.values()):
        raise ProviderStopped(
            f"{respondent.name}: none of {requests} answers could be compared with the baseline "
            "(they failed, were refused or could not be judged): nothing can be said of drift"
        )
    whole = replace(plan, items=tuple(queue))
    return Gated(
        respondent.name,
        plan.system.id,
        baseline,
        respondent.occasion,
        shift,
        tuple(watched.values()),
        asked,
        len(queue),
        requests,
        len(whole.questions),
        refused,
        await _refused(asker.store, baseline, respondent.name),
    )


async def _refused(store: Store, baseline: Measurement, name: str) -> int:
    at = [row.respondent for row in baseline.rows].index(name)
    query = select(func.count()).where(
        answers.c.measurement == baseline.id,
        answers.c.position == at,
        answers.c.outcome == "refusal",
    )
    (row,) = await store.rows(query)
    return int(next(iter(row.values())))


def _before(table: ItemTable, respondent: Respondent, baseline: Measurement) -> ItemTable:
    if respondent.name not in table.respondents:
        raise InputError(
            f"-m {respondent.name}: not in the baseline {baseline.id} "
            f"({baseline.created:%Y-%m-%d}); it has: {', '.join(table.respondents)}"
        )
    at = table.respondents.index(respondent.name)
    if not table.counts[at].any():
        raise InputError(
            f"-m {respondent.name}: no scores in the baseline {baseline.id} "
            f"({baseline.created:%Y-%m-%d}); choose another with --baseline"
        )
    if baseline.manifest["respondents"][at].get("occasion") == respondent.occasion:
        raise InputError(
            f"--occasion {respondent.occasion}: that is the baseline's own, whose answers would be "
            "compared with themselves; give another name"
        )
    one = slice(at, at + 1)
    return replace(
        table, respondents=(respondent.name,), totals=table.totals[one], counts=table.counts[one]
    )


def _check_alike(plan: Plan, baseline: Measurement) -> None:
    """Refuse to compare what was asked or judged otherwise."""
    mend = {
        "form": "name the baseline's with --form or --items",
        "judge": "name the baseline's with --judge, --judge-mode and --strong-judge",
        "prompts": "the prompts of this version are others; measure a new baseline",
        "system": "the value system is another; measure a new baseline",
    }
    for key, what in mend.items():
        if digest(plan.identity[key]) != digest(baseline.manifest[key]):
            raise InputError(
                f"{key}: not as in the baseline {baseline.id} ({_named(baseline, key)}): {what}"
            )


def _named(baseline: Measurement, key: str) -> str:
    found = {"form": baseline.manifest["form"]["name"], "judge": baseline.manifest["judge_name"]}
    return str(found.get(key, f"{baseline.created:%Y-%m-%d}"))


def _sd(values: Array) -> float:
    seen = values[~np.isnan(values)]
    return float(seen.std()) if len(seen) else 0.0
