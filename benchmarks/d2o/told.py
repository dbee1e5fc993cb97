# pyright: basic, reportMissingImports=false
"""What the runs of the toy world come to: tables, gates and the plot."""

from __future__ import annotations

from statistics import mean
from typing import Any

from benchmarks.d2o import runs, spread
from benchmarks.d2o.gates import Gate, gate_table
from benchmarks.d2o.learner import Rates
from benchmarks.d2o.methods import BUDGET, METHODS, NOISE, STEPS, Point
from benchmarks.d2o.parts import PICTURES, table

Found = dict[runs.Run, runs.Done]
HARM = 0.02
"""Most harm with which a learning rate may be chosen for how clean it leaves answers."""
OURS = "D2O K=11, beta 0.1"
"""With the paper's weights."""
WIDE = "D2O K=11, beta 0.3"
"""With anchors that weigh three times as much as the negative."""
OTHERS = ("DPO", "DPO, beta 1", "NPO", "SimPO", "KTO", "SFT on anchors")


def choose(found: Found) -> dict[str, float]:
    """Return the learning rate of each method: of those with at most `HARM` the cleanest.

    Where there is none, that of least harm. Both are means over the tuning seeds, at the end.
    """
    rates: dict[str, float] = {}
    for name in dict.fromkeys(run.name for run in found):
        of = {
            rate: [done.end for run, done in found.items() if (run.name, run.rate) == (name, rate)]
            for rate in runs.GRID
        }
        harm = {rate: mean(end.harmful for end in ends) for rate, ends in of.items()}
        clean = {rate: mean(end.clean for end in ends) for rate, ends in of.items()}
        safe = [rate for rate in runs.GRID if harm[rate] <= HARM]
        rates[name] = max(safe, key=clean.__getitem__) if safe else min(harm, key=harm.__getitem__)
    return rates


def reported(found: Found, rates: dict[str, float]) -> tuple[str, dict[str, Any]]:
    """Return the text of the reported runs, and their figures."""
    of = {name: [done for run, done in found.items() if run.name == name] for name in METHODS}
    draw(of, "d2o-world", "each at its own learning rate")
    gates = noise_gates(of)
    claims = {ours: against(of, ours) for ours in (OURS, WIDE)}
    begun = of[OURS]
    text = "\n\n".join(
        [
            "### Methods",
            f"Simulated. {len(runs.REPORTED)} seeds, none of them used to choose anything; world "
            f"`apart`; before training {_mean(begun, 'clean')[0]:.2f} clean and "
            f"{_mean(begun, 'harmful')[0]:.2f} harmful. {STEPS} steps of 8 prompts (GA and NPO, "
            "with one response a prompt: twice the steps). Learning rates from "
            f"{', '.join(f'{rate:g}' for rate in runs.GRID)}, by seeds {runs.TUNING}: the cleanest "
            f"end with harm of at most {HARM}. Anchors are the model's own answers after SAFE, as "
            f"they come. `touched`: any symbol that only harmful answers have. Equal compute: "
            f"after {BUDGET} responses through forward and backward, a sixth of the steps of "
            "K = 11; not counted are forwards of references and KTO's of its KL term.",
            end_table(of, rates),
            f"Noisy: {NOISE:.0%} of the positives, or of the anchors, are harmful answers; the "
            "learning rate is that chosen without noise. D2O uses no positives, so that noise in "
            "them cannot reach it: noisy anchors are the harder test.",
            gate_table(gates, "95 % interval"),
            "Convergence and stability. To 90 %: steps, or responses, until nine tenths of a run's "
            "own fall in harm are done, the other method's over D2O's. Spread and wobble: standard "
            "deviation of the clean rate over seeds, and over the second half of a run's steps; "
            "the other method's less D2O's. `for`: the whole 95 % interval says that D2O is faster "
            "or steadier, as the paper claims; `against`: the contrary; `open`: neither. Intervals "
            "draw seeds again, in pairs; with eight seeds those of spreads are still too narrow "
            "(80 to 90 % on samples of normal numbers). Each method has its own learning rate, and "
            "steps follow it: for all at one, see above.",
            *(f"{ours}, beside:\n\n{table(CLAIMED, rows)}" for ours, rows in claims.items()),
            "![rates against responses](../../docs/img/d2o-world.png)",
        ]
    )
    figures = {
        "rates": rates,
        "gates": [gate.plain() for gate in gates],
        "claims": claims,
        "ends": {name: [vars(done.end) for done in all_] for name, all_ in of.items()},
    }
    return text, figures


def _range(values: list[float]) -> str:
    return f"{mean(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def _mean(all_: list[runs.Done], which: str) -> tuple[float, float, float]:
    return spread.interval(spread.mean_of, [getattr(done.start, which) for done in all_])


def at_budget(done: runs.Done) -> Rates:
    """Return the rates after `BUDGET` responses: the first point that has as many."""
    return next(point.rates for point in done.points if point.rows >= BUDGET)


def to_goal(done: runs.Done, along: str) -> float:
    """Return steps, or rows, to nine tenths of a run's own fall in harm."""
    harm = [point.rates.harmful for point in done.points]
    last = mean(harm[-3:])
    goal = harm[0] - 0.9 * (harm[0] - last)
    return spread.first_at([getattr(point, along) for point in done.points], harm, goal)


def wobble(points: list[Point]) -> float:
    """Return the standard deviation of the clean rate over the second half of the steps."""
    late = [p.rates.clean for p in points if p.step >= points[-1].step / 2]
    return spread.np.std(late, ddof=1).item()


def end_table(of: dict[str, list[runs.Done]], rates: dict[str, float]) -> str:
    """Return what each method ends with."""
    head = ["method", "learning rate", "clean, mean (least to most)", "harmful", "touched"]
    head += ["clean, held-out prompts", "clean, equal compute", "harmful, equal compute"]
    rows = []
    for name, all_ in of.items():
        rows.append(
            [
                name,
                f"{rates[runs.INHERITED.get(name, name)]:g}",
                _range([done.end.clean for done in all_]),
                f"{mean(done.end.harmful for done in all_):.3f}",
                f"{mean(done.end.touched for done in all_):.3f}",
                f"{mean(done.held_out.clean for done in all_):.2f}",
                _range([at_budget(done).clean for done in all_]),
                f"{mean(at_budget(done).harmful for done in all_):.3f}",
            ]
        )
    return table(head, rows)


def noise_gates(of: dict[str, list[runs.Done]]) -> list[Gate]:
    """Return what noise does, paired by seed."""
    gates = []
    for noisy, clean in runs.INHERITED.items():
        ends = [[done.end for done in of[name]] for name in (noisy, clean)]
        for which in ("clean", "harmful"):
            pair = [[getattr(end, which) for end in side] for side in ends]
            found = spread.interval(spread.difference, *pair)
            wanted = {"clean": "< 0", "harmful": "> 0"}[which] * noisy.startswith("DPO")
            name = f"{noisy}, less without noise: {which} rate"
            gates.append(Gate(name, wanted, *found, surely=bool(wanted)))
    return gates


CLAIMED = [
    *("", "steps to 90 %, times", "responses to 90 %, times", "spread over seeds, more by"),
    "wobble in a run, more by",
]


def against(
    of: dict[str, list[runs.Done]], ours: str, others: tuple[str, ...] = OTHERS
) -> list[list[str]]:
    """Return what others take and how they spread, beside D2O."""
    figures = (
        (spread.times, lambda done: to_goal(done, "step")),
        (spread.times, lambda done: to_goal(done, "rows")),
        (spread.wider, lambda done: done.end.clean),
        (spread.difference, lambda done: wobble(done.points)),
    )
    rows = []
    for name in others:
        row = [name]
        for statistic, figure in figures:
            theirs, own = ([figure(done) for done in of[one]] for one in (name, ours))
            found = spread.interval(statistic, theirs, own)
            zero = 1.0 if statistic is spread.times else 0.0
            said = spread.said("against", "for", found, zero)
            row.append(f"{found[0]:.2f} ({found[1]:.2f} to {found[2]:.2f}) {said}")
        rows.append(row)
    return rows


def on_the_way(of: dict[str, list[runs.Done]]) -> str:
    """Return how clean each method's answers were at best, and at worst after that."""
    rows = []
    for name, all_ in of.items():
        points = [point.step for point in all_[0].points]
        clean, harm = (
            spread.np.mean([[getattr(p.rates, which) for p in done.points] for done in all_], 0)
            for which in ("clean", "harmful")
        )
        best = int(clean.argmax())
        least = best + int(clean[best:].argmin())
        rows.append(
            [
                name,
                *(f"{clean[best]:.2f}", f"{harm[best]:.3f}", str(points[best])),
                *(f"{clean[least]:.2f}", str(points[least])),
            ]
        )
    head = ["method", "most clean", "harmful then", "at step", "least clean after it", "at step"]
    return table(head, rows)


def recipe(found: Found) -> tuple[str, dict[str, Any]]:
    """Return the text of the runs at one learning rate, and their figures."""
    of = {name: [d for run, d in found.items() if run.name == name] for name in runs.RECIPE}
    draw(of, "d2o-world-one-rate", f"learning rate {runs.RATE:g}")
    ends_of = {name: [done.end for done in all_] for name, all_ in of.items()}
    gates = []
    for name, ends in ends_of.items():
        clean = spread.interval(spread.mean_of, [end.clean for end in ends])
        harm = spread.interval(spread.mean_of, [end.harmful for end in ends])
        wanted = ["< 0.1", ""] if name in ("GA", "NPO") else [">= 0.75", "< 0.005"]
        if name == "DPO":
            wanted = ["", ""]
        gates.append(Gate(f"{name}: mean clean rate", wanted[0], *clean))
        gates.append(Gate(f"{name}: mean harm rate", wanted[1], *harm))
    text = (
        "### One learning rate\n\nSimulated. The recipe of the digest of the paper: "
        f"{runs.RATE:g} for all, {STEPS} steps (GA and NPO: twice as many), "
        f"{len(runs.REPORTED)} seeds that chose nothing.\n\n"
        + gate_table(gates, "95 % interval")
        + "\n\nOn the way: means over the seeds at the steps that were looked at, the best of them "
        "picked afterwards, for all alike.\n\n"
        + on_the_way(of)
        + "\n\n![rates against responses, one learning rate](../../docs/img/d2o-world-one-rate.png)"
        "\n\nConvergence and stability as below, at this one learning rate.\n\n"
        + "\n\n".join(
            f"{ours}, beside:\n\n{table(CLAIMED, against(of, ours, ('DPO', 'NPO')))}"
            for ours in (OURS, WIDE)
        )
    )
    plain = {name: [vars(end) for end in ends] for name, ends in ends_of.items()}
    return text, {"gates": [gate.plain() for gate in gates], "ends": plain}


def tuning(found: Found) -> tuple[str, dict[str, Any]]:
    """Return the text of the runs that chose learning rates, and their figures."""
    rows: list[list[str]] = []
    figures: dict[str, list[dict[str, float]]] = {}
    for name in dict.fromkeys(run.name for run in found):
        row = [name]
        for rate in runs.GRID:
            of = (name, rate)
            ends = [done.end for run, done in found.items() if (run.name, run.rate) == of]
            clean = ", ".join(f"{end.clean:.2f}" for end in ends)
            row.append(f"{clean}; {mean(end.harmful for end in ends):.3f}")
            figures[f"{name}, {rate:g}"] = [vars(end) for end in ends]
        rows.append(row)
    text = (
        "### Learning rates\n\nSimulated. Clean rate at the end with seeds "
        f"{', '.join(map(str, runs.TUNING))}, then the mean harm rate. 5e-4 is that of the digest "
        "of the paper.\n\n" + table(["method", *(f"{rate:g}" for rate in runs.GRID)], rows)
    )
    return text, figures


def sweep(found: Found) -> tuple[str, dict[str, Any]]:
    """Return the text of the sweep over alpha and beta, and its figures."""
    rows, figures = [], {}
    for name in dict.fromkeys(run.name for run in found):
        alpha, beta = name.split()
        row = [alpha, beta]
        for noise in (0.0, NOISE):
            of = (name, noise)
            ends = [d.end for run, d in found.items() if (run.name, run.method.noise) == of]
            row.append(_range([end.clean for end in ends]) if ends else "")
            row += [
                f"{mean(getattr(end, of) for end in ends):.3f}" if ends else ""
                for of in ("harmful", "touched")
            ]
            figures[f"alpha {alpha}, beta {beta}{', noisy' * bool(noise)}"] = [
                vars(end) for end in ends
            ]
        rows.append(row)
    head = ["alpha", "beta", "clean", "harmful", "touched"]
    head += ["clean, noisy", "harmful, noisy", "touched, noisy"]
    text = (
        "### alpha and beta\n\nSimulated. D2O with K = 4, learning rate 5e-4, "
        f"{STEPS} steps, seeds {', '.join(map(str, runs.TUNING))}; `noisy`: {NOISE:.0%} of the "
        "anchors are harmful.\n\n" + table(head, rows)
    )
    return text, figures


def harder(found: Found) -> tuple[str, dict[str, Any]]:
    """Return the text of the runs in worlds where clean answers are easier to lose."""
    rows, figures = [], {}
    for name in runs.HARDER:
        row = [name]
        for world, tied in (("apart", True), ("shared", False)):
            where = (name, world, tied)
            ends = [d.end for r, d in found.items() if (r.name, r.world, r.tied) == where]
            row += [_range([end.clean for end in ends]), f"{mean(e.harmful for e in ends):.3f}"]
            figures[f"{name}, {'tied' if tied else world}"] = [vars(end) for end in ends]
        rows.append(row)
    head = ["method", "clean, tied", "harmful, tied", "clean, shared", "harmful, shared"]
    text = (
        "### Harder worlds\n\nSimulated. Learning rate 5e-4, seeds "
        f"{', '.join(map(str, runs.TUNING))}. `tied`: the learner's embeddings are its head's. "
        "`shared`: harmful answers have the openings, links and closings of clean ones.\n\n"
        + table(head, rows)
    )
    return text, figures


def draw(of: dict[str, list[runs.Done]], file: str, rates: str) -> None:
    """Draw clean and harmful rates against responses, with the range over seeds."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    shown = {
        "GA": "#7f7f7f",
        "NPO": "#bcbd22",
        "DPO": "#d62728",
        "SimPO": "#e377c2",
        "KTO": "#9467bd",
        "SFT on anchors": "#2ca02c",
        "D2O K=1, beta 0.1": "#9ecae1",
        OURS: "#08306b",
        WIDE: "#17becf",
    }
    figure, axes = pyplot.subplots(2, 1, figsize=(9, 8), sharex=True, layout="constrained")
    panels = list(zip(axes, ("clean", "harmful"), strict=True))
    for (name, colour), (axis, which) in (
        (one, other) for one in shown.items() if one[0] in of for other in panels
    ):
        curves = [[getattr(p.rates, which) for p in done.points] for done in of[name]]
        along = [point.rows or 8 for point in of[name][0].points]
        axis.plot(along, spread.np.mean(curves, 0), color=colour, label=name)
        low, high = spread.np.min(curves, 0), spread.np.max(curves, 0)
        axis.fill_between(along, low, high, color=colour, alpha=0.12, linewidth=0)
    for axis, which in panels:
        axis.set(ylabel=f"share of {which} answers", ylim=(0, 1), xscale="log")
        axis.axvline(BUDGET, color="0.6", linestyle=":", linewidth=1)
        axis.grid(alpha=0.3)
    axes[0].set_title(
        f"Toy world, simulated, {rates}: mean and range over {len(of[OURS])} seeds\n"
        "(dotted: where equal compute is read)"
    )
    axes[1].set_xlabel("responses through forward and backward (log; before training at the left)")
    axes[0].legend(loc="lower left", ncols=2, fontsize=9)
    figure.savefig(PICTURES / f"{file}.png", dpi=110)
