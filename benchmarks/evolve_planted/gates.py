"""The gates: which cells each needs, and what it makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from benchmarks.evolve_planted import seasons
from benchmarks.evolve_planted.gate import Gate
from benchmarks.evolve_planted.methods import METHODS
from benchmarks.evolve_rewards import interval
from scipy import stats

GATE, REPORT = 0.93, 0.87
"""The judge's accuracy that gates are for, and one that is only reported."""
QUIRKS = (0.0, 0.5, 1.0)
LEVEL = 0.05
PER_VALUE = "paper as printed"
PRINTED, PLUS = "paper, S(-), one-call judge", "paper, S(+), one-call judge"
STATIC = ("seeds", "paraphrased seeds", "one-shot")


@dataclass(frozen=True)
class Setup:
    """What is run.

    draws: of the world.
    calls: requests of every method, in comparisons of methods and in small runs.
    many: requests of runs for recovery and for the cost of a survivor: print needs many.
    items: of the gate of rewards.
    samples: sets of answers of identical models, for each draw.
    """

    draws: tuple[int, ...]
    calls: int = 4_000
    many: int = 20_000
    items: int = 400
    samples: int = 20


class Cell(NamedTuple):
    """What is computed by itself: a function of `cells`, a draw, and other arguments."""

    kind: str
    draw: int
    args: tuple[tuple[str, Any], ...]


Found = Mapping[Cell, Mapping[str, Any]]


def cell(kind: str, draw: int, **args: Any) -> Cell:
    """Return a cell; arguments in any order name the same one."""
    return Cell(kind, draw, tuple(sorted(args.items())))


class Planned(NamedTuple):
    """A gate: its cells, and what follows from their results."""

    cells: Callable[[Setup], list[Cell]]
    verdict: Callable[[Setup, Found], list[Gate]]


def compared(
    name: str,
    wanted: str,
    ours: Sequence[float],
    theirs: Sequence[float],
    least: float | None = 0.0,
    strict: bool = True,
    note: str = "",
) -> Gate:
    """Return the gate of a difference paired over draws.

    Args:
        name: of the gate.
        wanted: in words.
        ours: one figure a draw.
        theirs: the same draws.
        least: the difference wanted; None: only said.
        strict: whether the whole interval has to lie above, or only the mean; `wanted` then begins
            with "mean".
        note: for the reader.
    """
    mean, low, high = interval(np.asarray(ours, np.float64) - np.asarray(theirs, np.float64))
    passed = None if least is None else bool((low > least) if strict else (mean >= least))
    return Gate(name, wanted, mean, low, high, passed, note)


def said(name: str, values: Sequence[float], note: str = "") -> Gate:
    """Return a line without a goal."""
    return Gate(name, "", *interval(np.asarray(values, np.float64)), None, note)


# --- reward ---


def _reward_cells(setup: Setup) -> list[Cell]:
    return [
        _reward_cell(setup, d, q, a) for a in (GATE, REPORT) for q in QUIRKS for d in setup.draws
    ]


def _reward_cell(setup: Setup, draw: int, quirk: float, accuracy: float) -> Cell:
    return cell("reward", draw, quirk_sd=quirk, accuracy=accuracy, items=setup.items)


def _reward(setup: Setup, found: Found) -> list[Gate]:
    gates: list[Gate] = []
    for accuracy in (GATE, REPORT):
        for quirk in QUIRKS:
            rows = [found[_reward_cell(setup, d, quirk, accuracy)] for d in setup.draws]
            of = {name: [row[name] for row in rows] for name in rows[0]}
            where = f"quirk {quirk:g}, judge {accuracy:g}"
            asked = accuracy == GATE
            mean, low, high = interval(np.array(of["ours"]))
            bound = asked and quirk == 0
            gates.append(
                Gate(
                    f"Spearman of our reward with the divergence, {where}",
                    "mean >= .89" if bound else "",
                    mean,
                    low,
                    high,
                    mean >= 0.89 if bound else None,
                    "of traits" if quirk else "realised",
                )
            )
            for other in ("label variance", "S(-)", "S(+)"):
                named = other == "label variance" or (quirk > 0 and other == "S(-)")
                gates.append(
                    compared(
                        f"our reward less {other}, {where}",
                        "> 0" if asked and named else "",
                        of["ours"],
                        of[other],
                        0.0 if asked and named else None,
                        note=f"{other}: {np.mean(of[other]):.3f}",
                    )
                )
    return gates


# --- methods at equal calls ---


def _runs(setup: Setup, method: str, accuracy: float) -> list[Cell]:
    return [
        cell("run", d, method=method, calls=setup.calls, accuracy=accuracy) for d in setup.draws
    ]


def _better_cells(setup: Setup) -> list[Cell]:
    names = {GATE: tuple(METHODS), REPORT: ("ours", *STATIC)}
    return [c for a, methods in names.items() for m in methods for c in _runs(setup, m, a)]


def _better(setup: Setup, found: Found) -> list[Gate]:
    gates: list[Gate] = []
    for accuracy, names in ((GATE, tuple(METHODS)), (REPORT, ("ours", *STATIC))):
        where = f"{setup.calls} calls, judge {accuracy:g}"
        rows = {m: [found[c] for c in _runs(setup, m, accuracy)] for m in names}
        for figure, text in (("divergence", "divergence"), ("recovery", "recovery by 25")):
            own = [_number(row, figure) for row in rows["ours"]]
            gates.append(said(f"{text} of ours, {where}", own))
            for name in names[1:]:
                other = [_number(row, figure) for row in rows[name]]
                asked = name in STATIC and accuracy == GATE
                count = np.mean([row["questions"] for row in rows[name]])
                gates.append(
                    compared(
                        f"{text} of ours less that of {name}, {where}",
                        "> 0" if asked else "",
                        own,
                        other,
                        0.0 if asked else None,
                        note=f"{name}: {np.mean(other):.3f}, {count:.0f} questions",
                    )
                )
    return gates


def _number(row: Mapping[str, Any], figure: str) -> float:
    """A figure; a method without questions tells nothing, which is 0 of both."""
    return float(row.get(figure) or 0.0)


# --- recovery ---

BANK = "bank, 2PL information"
HUNDREDS = {
    BANK: ("bank, S(-)", "bank, S(+)"),
    "ours": (PRINTED, PLUS, "bank, S(-)", "bank, S(+)"),
}
"""25 of which method are held against 100 of which others: of the same source first, a bank that is
scored or a search; then of a search against a bank, whose questions nobody paid for."""


def _many(setup: Setup, method: str) -> list[Cell]:
    """Runs long enough for print: our reward is to choose 25 questions, all others 100."""
    ours = method in HUNDREDS
    return [
        cell(
            "run",
            d,
            method=method,
            calls=setup.many,
            keep=25 if ours else 100,
            fitted=method != PER_VALUE,
            survival=method in ("ours", PRINTED, PER_VALUE),
        )
        for d in setup.draws
    ]


def _recovery_cells(setup: Setup) -> list[Cell]:
    names = dict.fromkeys(name for ours, of in HUNDREDS.items() for name in (ours, *of))
    return [c for m in names for c in _many(setup, m)]


def _recovery(setup: Setup, found: Found) -> list[Gate]:
    gates: list[Gate] = []
    for score in ("recovery", "recovery by 2PL"):
        for ours, names in HUNDREDS.items():
            own = [_number(found[c], score) for c in _many(setup, ours)]
            gates.append(said(f"{score} by 25 of {ours}, {setup.many} calls", own))
            for name in names:
                least = -0.01 if "S(+)" in name else 0.0
                rows = [found[c] for c in _many(setup, name)]
                other = [_number(row, score) for row in rows]
                count = np.mean([row["questions"] for row in rows])
                asked = score == "recovery"
                gates.append(
                    compared(
                        f"{score} by 25 of {ours} less that by 100 of {name}",
                        f"mean >= {least:g}" if asked else "",
                        own,
                        other,
                        least if asked else None,
                        strict=False,
                        note=f"{name}: {np.mean(other):.3f} with {count:.0f}",
                    )
                )
    return gates


# --- cost ---


def _cost_cells(setup: Setup) -> list[Cell]:
    return [c for m in (PER_VALUE, PRINTED, "ours") for c in _many(setup, m)]


def _cost(setup: Setup, found: Found) -> list[Gate]:
    rows = {m: [found[c] for c in _many(setup, m)] for m in (PER_VALUE, PRINTED, "ours")}
    gates: list[Gate] = []
    for name, of in rows.items():
        # of draws without any survivor the cost is all that was spent, at least
        cost = [row["calls per survivor"] or row["calls"] for row in of]
        mean, low, high = interval(np.array(cost, np.float64))
        asked = name == "ours"
        offered = np.mean([row["calls per question offered"] for row in of])
        note = f"{offered:.1f} calls per question offered, {setup.many} calls in all"
        wanted, passed = ("mean <= 15", mean <= 15) if asked else ("", None)
        gates.append(Gate(f"calls per survivor, {name}", wanted, mean, low, high, passed, note))
        if asked:
            anew = [one + row["calls to score one anew"] for one, row in zip(cost, of, strict=True)]
            note = "what is reported of them rests on answers that did not choose them"
            gates.append(
                said("the same, each survivor scored on fresh answers as well", anew, note)
            )
    for name in list(rows)[:2]:
        for figure in ("divergence of survivors", "divergence of those offered"):
            own, other = ([_number(r, figure) for r in rows[n]] for n in ("ours", name))
            gates.append(
                compared(
                    f"{figure}, ours less {name}",
                    "mean >= 0",
                    own,
                    other,
                    strict=False,
                    note=f"{np.mean(own):.2f} and {np.mean(other):.2f}",
                )
            )
    return gates


# --- null ---


def _null_cells(setup: Setup) -> list[Cell]:
    return [cell("null", d, calls=setup.calls, samples=setup.samples) for d in setup.draws]


def _null(setup: Setup, found: Found) -> list[Gate]:
    rows = [found[c] for c in _null_cells(setup)]
    different = float(np.mean([row["different"] for row in rows]))
    alarms = [alarm for row in rows for alarm in row["any"]]
    notes = {
        "any": f"{sum(alarms)} of {len(alarms)} sets; of different models {different:.2f} of the "
        "pairs and values are told apart",
        "single": "mean over sets, interval over draws",
    }
    names = {
        "any": "sets of answers with any claim at a false discovery rate of .05",
        "single": "pairs and values that differ at .05 each",
    }
    # sets of one draw share their questions, so that this interval is rather too narrow: strict
    ends = stats.binomtest(sum(alarms), len(alarms)).proportion_ci(0.95, "exact")
    mean, low, high = interval(np.array([float(np.mean(row["single"])) for row in rows]))
    found_in = {
        "any": (float(np.mean(alarms)), float(ends.low), float(ends.high)),
        "single": (mean, low, high),
    }
    return [
        Gate(
            f"identical models: {name}",
            "interval not above .05",
            *found_in[key],
            found_in[key][1] <= LEVEL,
            notes[key],
        )
        for key, name in names.items()
    ]


# --- evenness ---


def _evenness_cells(setup: Setup) -> list[Cell]:
    return [*_runs(setup, "ours", GATE), *_many(setup, "ours")]


def _evenness(setup: Setup, found: Found) -> list[Gate]:
    gates: list[Gate] = []
    for calls, cells in (
        (setup.calls, _runs(setup, "ours", GATE)),
        (setup.many, _many(setup, "ours")),
    ):
        for facet in ("topic", "class", "dimension"):
            values = [found[c]["evenness"][facet] for c in cells]
            mean, low, high = interval(np.array(values))
            asked = facet == "topic"
            gates.append(
                Gate(
                    f"entropy of the pulls over {facet} by a uniform sweep's, {calls} calls",
                    "mean >= .8" if asked else "",
                    mean,
                    low,
                    high,
                    mean >= 0.8 if asked else None,
                    "the hardest of the three" if asked else "",
                )
            )
        topics = [float(found[c]["topics"]) for c in cells]
        gates.append(said(f"topics of the best 25, {calls} calls", topics))
    return gates


# --- origin ---


def _origin_cells(setup: Setup) -> list[Cell]:
    return [cell("origin", d, calls=setup.calls) for d in setup.draws]


def _origin(setup: Setup, found: Found) -> list[Gate]:
    rows = [found[c]["runs"] for c in _origin_cells(setup)]
    gates: list[Gate] = []
    for which, text in (("offered", "all questions"), ("chosen", "the best 25")):
        # of both regions together: how much more of it come where explorers live in it
        apart = [
            (here["regions"][0] - there["regions"][0] + there["regions"][1] - here["regions"][1])
            / 2
            for here, there in ((run[0][which], run[1][which]) for run in rows)
        ]
        gates.append(_raised(f"share of a region, its explorers' less others', {text}", apart))
        years = [[one[which]["year"] or np.nan for one in run] for run in rows]
        apart = [late - early for early, _, late in years]
        gates.append(
            _raised(f"mean year of the event, later explorers less earlier, {text}", apart)
        )
    return gates


def _raised(name: str, apart: Sequence[float]) -> Gate:
    mean, low, high = interval(np.array(apart))
    if np.ptp(apart) < 1e-9:  # whatever is planted comes out in every draw
        return Gate(name, "> 0", mean, None, None, mean > 0, "the same in every draw")
    p = stats.ttest_1samp(apart, 0, alternative="greater").pvalue
    return Gate(name, "> 0", mean, low, high, bool(low > 0), f"p = {p:.2g}, paired over draws")


# --- seasons ---


def _seasons_cells(setup: Setup) -> list[Cell]:
    return [cell("seasons", d) for d in setup.draws]


def _seasons(setup: Setup, found: Found) -> list[Gate]:
    return seasons.gates([found[c] for c in _seasons_cells(setup)])


GATES: dict[str, Planned] = {
    "reward": Planned(_reward_cells, _reward),
    "recovery": Planned(_recovery_cells, _recovery),
    "cost": Planned(_cost_cells, _cost),
    "better": Planned(_better_cells, _better),
    "null": Planned(_null_cells, _null),
    "evenness": Planned(_evenness_cells, _evenness),
    "origin": Planned(_origin_cells, _origin),
    "seasons": Planned(_seasons_cells, _seasons),
}
