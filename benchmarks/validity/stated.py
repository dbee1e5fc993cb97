"""Gate `stated`: no gap where respondents state what they show, the planted gap where they do not.

Whole boards of `simulated/...` respondents answer the items of a real form, without a model: their
ratings and choices are read and scored by the code that scores a run. Only the judge is left out:
every phrase is read as what it was written for, so that what is found is the statistics' doing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cache

import numpy as np
from benchmarks.validity.figures import Figure, Goal, figure
from benchmarks.validity.world import Floats, World

from valuecompass.board.stated import FDR
from valuecompass.items import Item, Size, builtin_form, form_items
from valuecompass.measure.item_table import MODES, Mode, all_values
from valuecompass.measure.scoring import Findings, Result
from valuecompass.models.providers.simulated import Profile, answer, phrases
from valuecompass.stats.comparison import benjamini_hochberg
from valuecompass.stats.mode_gaps import ModeGaps, mode_gaps, standings
from valuecompass.text import POINTS, points
from valuecompass.values import ValueSystem, builtin_system

COVERS = Goal("at least", 0.95)
FALSE = Goal("at most", 0.05)
FORMS: tuple[tuple[str, Size, Mode], ...] = (
    ("schwartz", "tiny", "free text"),
    ("schwartz", "short", "free text"),
    ("schwartz", "short", "trade-off"),
    ("schwartz", "full", "free text"),
    ("schwartz", "full", "trade-off"),
    ("moral-foundations", "full", "free text"),
)
"""Built-in forms, and the mode that the stated one is compared with."""
RESPONDENTS = 8
SPREAD = 0.7
"""Standard deviation of the planted scores."""
GAP = 2.0
"""Between stated and shown score of one value of every second respondent, up or down."""
DEGREE = {"supports": 1.0, "hedged": 0.5, "opposes": 0.0}
"""What a judge that makes no mistake says of a phrase about conduct."""


def stated(
    world: World, worlds: int, forms: Sequence[tuple[str, Size, Mode]] = FORMS
) -> list[Figure]:
    """False gaps, coverage and power on boards of simulated respondents."""
    found: list[Figure] = []
    for cell, (system_id, size, mode) in enumerate(forms):
        for planted in (False, True):
            hits: dict[str, list[float]] = defaultdict(list)
            for k in range(worlds):
                rng = world.rng(8, cell, int(planted), k)
                _board(rng, (system_id, size, mode), planted, hits)
            what = "planted gaps" if planted else "no gap"
            where = f"{system_id}/{size}, {_stated_mode(system_id)} and {mode}; {what}"
            known = {name: [x for x in h if not np.isnan(x)] for name, h in hits.items()}
            # of what happened on less than two boards there is no error to state
            found += [_figure(name, h, where) for name, h in known.items() if len(h) > 1]
    return found


def _figure(name: str, per_world: Sequence[float], where: str) -> Figure:
    goal = None
    if name.startswith("intervals"):
        goal = COVERS
    elif name.startswith("false"):
        goal = FALSE
    return figure(f"{name}; {where}", per_world, goal)


def _stated_mode(system_id: str) -> Mode:
    return "judgement" if system_id == "moral-foundations" else "self-report"


def _board(
    rng: np.random.Generator,
    form: tuple[str, Size, Mode],
    planted: bool,
    hits: dict[str, list[float]],
) -> None:
    """Simulate one board and note what was found on it."""
    system_id, size, mode = form
    system = builtin_system(system_id)
    shown, said, gap = _plant(rng, system, planted)
    seeds = rng.integers(0, 2**31, len(shown)).tolist()
    profiles = [
        Profile(system, _named(system, a), seed, _named(system, b))
        for a, b, seed in zip(shown, said, seeds, strict=True)
    ]
    found = measured(profiles, form_of(system_id, size), (_stated_mode(system_id), mode), rng)
    hits["boards with a unit to say a gap in"].append(float(found.told_apart.all()))
    if not found.told_apart.all():
        return
    truth = _truth(said, shown)
    _, discovered = benjamini_hochberg(found.p, FDR)
    outside = (found.low > 0) | (found.high < 0)
    _, overall = benjamini_hochberg(found.overall.p, FDR)
    size_of = np.sqrt((truth**2).mean(axis=1))
    held = (found.overall.low <= size_of + 1e-9) & (size_of <= found.overall.high)
    hits["intervals that hold the gap"].append(_share((found.low <= truth) & (truth <= found.high)))
    hits["intervals that hold the overall gap"].append(_share(held))
    sure = ~np.isnan(found.agreement.value)
    real = _correlation(said, shown)
    within = (found.agreement.low <= real + 1e-9) & (real <= found.agreement.high + 1e-9)
    hits["intervals that hold the correlation of the profiles"].append(_share(within[sure]))
    if not planted:
        hits["false: intervals without 0"].append(_share(outside))
        hits["false: boards with a gap marked"].append(float(discovered.any()))
        hits["false: boards with an overall gap marked"].append(float(overall.any()))
        return
    some = gap.any(axis=1)
    hits["planted gaps marked"].append(_share(discovered[gap]))
    hits["planted gaps marked with the right sign"].append(
        _share(np.sign(found.gap)[gap & discovered] == np.sign(said - shown)[gap & discovered])
    )
    hits["marked though nothing was planted there"].append(_share(discovered[~gap]))
    hits["respondents with a gap marked overall"].append(_share(overall[some]))
    hits["respondents without one marked overall"].append(_share(overall[~some]))


def _plant(
    rng: np.random.Generator, system: ValueSystem, planted: bool
) -> tuple[Floats, Floats, np.ndarray]:
    """Return shown and stated scores, and where they differ: one value in half of the board."""
    r, d = RESPONDENTS, len(system.names)
    shown = rng.normal(0, SPREAD, (r, d)).round(3)
    gap = np.zeros((r, d), dtype=bool)
    if planted:
        some = np.arange(0, r, 2)
        gap[some, rng.integers(0, d, len(some))] = True
    apart = GAP * rng.choice([-1.0, 1.0], (r, d))
    return shown, shown + np.where(gap, apart, 0.0), gap


def _named(system: ValueSystem, scores: Floats) -> dict[str, float]:
    return dict(zip(system.names, scores.tolist(), strict=True))


def _truth(said: Floats, shown: Floats) -> Floats:
    """The gaps of the planted scores themselves: what endless items would tell."""
    still = [np.repeat(_unit(scores)[None], 2, axis=0) for scores in (said, shown)]
    apart = (still[0] - still[1])[0]
    others = np.stack([np.median(np.delete(apart, r, axis=0), axis=0) for r in range(len(apart))])
    return apart - others


def _unit(scores: Floats) -> Floats:
    centred = scores - scores.mean(axis=1, keepdims=True)
    centred = centred - centred.mean(axis=0)
    return centred / np.sqrt((centred**2).sum() / ((len(scores) - 1) * (scores.shape[1] - 1)))


def _correlation(said: Floats, shown: Floats) -> Floats:
    a, b = _unit(said), _unit(shown)
    return (a * b).sum(axis=1) / np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))


def _share(hit: np.ndarray) -> float:
    return float(hit.mean()) if hit.size else float("nan")


@cache
def form_of(system_id: str, size: Size) -> tuple[Item, ...]:
    """Return the items of a built-in form."""
    return tuple(form_items(builtin_form(system_id, size)))


def measured(
    profiles: Sequence[Profile],
    items: Sequence[Item],
    modes: tuple[Mode, Mode],
    rng: np.random.Generator,
) -> ModeGaps:
    """Let simulated respondents answer, score them as a run does and compare two modes."""
    found = [
        standings(*table(profiles, [i for i in items if i.kind in MODES[mode]]), rng)
        for mode in modes
    ]
    return mode_gaps(*found)


def table(profiles: Sequence[Profile], items: Sequence[Item]) -> tuple[Floats, Floats]:
    """Return sums and numbers of the values of each item: (R, n, D)."""
    system = profiles[0].system
    place = {item.id: at for at, item in enumerate(items)}
    totals, counts = np.zeros((2, len(profiles), len(items), len(system.names)))
    for r, profile in enumerate(profiles):
        results = [result for item in items for result in _results(profile, item)]
        for d, item, value in all_values(system, "any", results):
            totals[r, place[item], d] += value
            counts[r, place[item], d] += 1
    return totals, counts


def _results(profile: Profile, item: Item) -> list[Result]:
    """Return what a respondent answers to one item, read without error."""
    orders = (0, 1) if item.kind == "tradeoff" else (0,)
    found: list[Result] = []
    for order in orders:
        text = answer(profile, item, order, 0)
        reading = _read(item, text, order)
        findings = None if reading else _findings(profile.system, item, text)
        found.append(Result(item, order, 0, None, "answer", "", reading, findings))
    return found


def _read(item: Item, text: str, order: int) -> dict[str, object] | None:
    if item.sides is not None:
        sides = item.sides if order == 0 else item.sides[::-1]
        return {"chosen": sides["AB".index(text)].dimension}
    return None if item.scale is None else {"rating": int(text)}


def _findings(system: ValueSystem, item: Item, text: str) -> Findings:
    known = _meanings(system.id)
    if item.kind == "question":
        said = [known[p.text.partition("\n")[0]] for p in points(text)[:POINTS]]
        expressed = np.zeros((len(said), len(system.names)))
        for part, (name, role) in enumerate(said):
            if name is not None and role != "opposes":
                expressed[part, system.names.index(name)] = 1.0
    else:
        expressed = np.full((1, len(system.names)), np.nan)
        roles = (role for phrase, (name, role) in known.items() if name and phrase in text)
        expressed[0, system.names.index(item.dimensions[0])] = DEGREE[next(roles)]
    return Findings(expressed, np.full_like(expressed, np.nan), ())


@cache
def _meanings(system_id: str) -> dict[str, tuple[str | None, str]]:
    return {text: about for about, texts in phrases(system_id).items() for text in texts}
