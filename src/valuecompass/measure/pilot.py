"""A pilot: what is known of a value system's variance before a plan is made, and from where."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
from sqlalchemy import select

from valuecompass.errors import InputError
from valuecompass.items import Form, built_in_form, builtin_form
from valuecompass.measure.archive import load_measurement
from valuecompass.measure.item_table import stored_values
from valuecompass.measure.measurement import Measurement
from valuecompass.models import Respondent
from valuecompass.stats.precision import Spread, spread
from valuecompass.store import Store, measurements

FEW = 10
"""Items of a dimension below which a pilot says less of its variance than the reference."""


@dataclass(frozen=True)
class Pilot:
    """What is known of a system's variance, and from where."""

    source: str
    """A sentence for people; says when it is no real model's."""
    simulated: bool
    spreads: Mapping[str, Spread]
    """By dimension; those without an answer are left out."""


async def pilot_of(store: Store, system: str, respondent: Respondent) -> Pilot:
    """Return what is known of a system's variance.

    From the measurement of this very respondent, else of real models, else of simulated ones;
    among equals from the one with most items, then the newest. Real and simulated respondents are
    never joined. A dimension with fewer than `FEW` items there is taken from the reference that
    comes along, where that has more.

    Raises:
        InputError: there is neither a measurement nor a reference.
    """
    try:
        comes: Pilot | None = reference(system)
    except InputError:
        comes = None
    found = await _best(store, system, respondent)
    if found is None:
        return comes or reference(system)  # which says what to do
    if comes is None:
        return found
    spreads = dict(found.spreads)
    thin = [n for n, of in comes.spreads.items() if _thinner(spreads.get(n), of)]
    if len(thin) == len(comes.spreads):
        return comes
    spreads |= {name: comes.spreads[name] for name in thin}
    source = f"{found.source}; {', '.join(thin)}: {comes.source}" if thin else found.source
    return Pilot(source, found.simulated, spreads)


def _thinner(of: Spread | None, other: Spread) -> bool:
    return of is None or (of.items < FEW and of.items < other.items)


@dataclass(frozen=True)
class _Candidate:
    """A measurement that may serve as a pilot, and which of its respondents."""

    head: Mapping[str, Any]
    own: bool
    simulated: bool
    items: int
    positions: tuple[int, ...]

    @staticmethod
    def of(head: Mapping[str, Any], respondent: Respondent) -> _Candidate | None:
        manifest, system = head["manifest"], head["system"]
        asked = manifest.get("asked")
        form = (
            built_in_form(system, manifest["form"]["hash"])
            if asked is None
            else Form.model_validate(asked)
        )
        # of scenarios, or of what was found elsewhere, the spread says nothing of the bank's items
        if form is None or not form.asking.keys() & builtin_form(system, "full").asking.keys():
            return None
        simulated = [bool(row["simulated"]) for row in manifest["rows"]]
        own = tuple(
            n
            for n, r in enumerate(manifest["respondents"])
            if (r["model"], r.get("system")) == (respondent.model, respondent.system)
        )
        real = tuple(n for n, planted in enumerate(simulated) if not planted)
        positions = own or real or tuple(range(len(simulated)))
        planted = all(simulated[n] for n in positions)
        return _Candidate(head, bool(own), planted, len(form.items), positions)

    @property
    def rank(self) -> tuple[bool, bool, int, Any]:
        return self.own, not self.simulated, self.items, self.head["created"]


async def _best(store: Store, system: str, respondent: Respondent) -> Pilot | None:
    """Return the best measurement's pilot; None where none has an answer that says anything."""
    heads = await store.rows(
        select(measurements).where(
            measurements.c.system == system, measurements.c.kind == "measured"
        )
    )
    candidates = [c for head in heads if (c := _Candidate.of(head, respondent)) is not None]
    for one in sorted(candidates, key=lambda c: c.rank, reverse=True):
        measurement = await load_measurement(store, one.head)
        if not (spreads := await spreads_of(store, measurement, one.positions)):
            continue
        rows = len(one.positions)
        source = (
            f"measurement {measurement.id} of this workspace: "
            f"{measurement.manifest['form']['name']}, {rows} "
            f"{'simulated ' if one.simulated else ''}respondent{'s' * (rows > 1)}, "
            f"judge {measurement.manifest['judge_name']}"
        )
        return Pilot(source, one.simulated, spreads)
    return None


async def spreads_of(
    store: Store, measurement: Measurement, positions: Collection[int] | None = None
) -> dict[str, Spread]:
    """Return by dimension the spread of a measurement's responses, a mean over its respondents.

    Args:
        store: the open store.
        measurement: whose responses.
        positions: of the respondents that count; None: all.
    """
    names = [d["name"] for d in measurement.manifest["system"]["dimensions"]]
    found: dict[tuple[str, int], tuple[list[float], list[str]]] = defaultdict(lambda: ([], []))
    async with aclosing(stored_values(store, measurement)) as values:
        async for position, at, item, value in values:
            if positions is None or position in positions:
                own = found[names[at], position]
                own[0].append(value)
                own[1].append(item)
    by_name: dict[str, list[Spread]] = defaultdict(list)
    for (name, _), (values_of_one, items) in found.items():
        by_name[name].append(spread(values_of_one, items))
    return {name: _mean(of) for name, of in by_name.items()}


def _mean(spreads: Sequence[Spread]) -> Spread:
    """Return the mean; where some tell the two variances apart, of those alone."""
    of = [s for s in spreads if s.within is not None] or list(spreads)
    within = [s.within for s in of if s.within is not None]
    mean, between, items, repeats = (
        float(np.mean([getattr(s, k) for s in of])) for k in ("mean", "between", "items", "repeats")
    )
    known = float(np.mean(within)) if within else None
    return Spread(mean, between, known, round(items), repeats)


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
