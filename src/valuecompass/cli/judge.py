"""`valuecompass judge`: how good is a judge."""

from __future__ import annotations

from typing import Any

import typer

from valuecompass.cli.app import (
    WORKSPACE,
    Db,
    Json,
    Judge,
    JudgeMode,
    MaxCalls,
    MaxUsd,
    Seed,
    StrongJudge,
    Workspace,
    app,
    echo_json,
)
from valuecompass.cli.judge_agreement import agreement
from valuecompass.cli.judge_calibrate import calibrate
from valuecompass.cli.judge_common import (
    LabelFile,
    OwnSystems,
    auc_cell,
    cell,
    judged,
    macro_cell,
    nearest,
    own_systems,
    say_if_fitted,
)
from valuecompass.cli.judge_compare import compare, missing
from valuecompass.cli.judge_label import label_app
from valuecompass.cli.shown import table

judge_app = typer.Typer(help="Measure judges against labels and each other.", no_args_is_help=True)
app.add_typer(judge_app, name="judge")
judge_app.add_typer(label_app, name="label")


@judge_app.command()
def evaluate(
    file: LabelFile,
    judge: Judge = "local",
    judge_mode: JudgeMode = "one-call",
    strong_judge: StrongJudge = None,
    system: OwnSystems = None,
    max_calls: MaxCalls = None,
    max_usd: MaxUsd = None,
    seed: Seed = 0,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Compare a judge's verdicts with labels, and with shortcuts that need no judge.

    AUC: chance that a row labelled 1 gets more than a row labelled 0 (50% is guessing).
    """
    import numpy as np

    from valuecompass.judges.quality.evaluate import report
    from valuecompass.judges.quality.labelled import read_labels
    from valuecompass.judges.quality.polarity import polarity

    rows = read_labels(file, own_systems(system))
    (found,) = judged(
        rows,
        [judge],
        judge_mode=judge_mode,
        strong_judge=strong_judge,
        max_calls=max_calls,
        max_usd=max_usd,
        workspace=workspace,
        db=db,
    )
    say_if_fitted([found.judge], rows)
    systems = report(rows, found.expressed, seed)
    sides = polarity(rows, found.said, np.random.default_rng(seed))
    for name, entry in systems.items():
        entry["polarity"] = sides.get(name)
    if json:
        about = {"name": judge, **found.judge.identity}
        echo_json({"judge": about, "seed": seed, "systems": systems})
    else:
        _show(systems)


judge_app.command()(compare)
judge_app.command()(agreement)
judge_app.command()(calibrate)


def _show(systems: dict[str, Any]) -> None:
    table(
        ["system", "n", "covered", "AUC", "macro AUC, dimensions"],
        [
            [
                name,
                f"{s['n']}",
                "-" if s["coverage"] is None else f"{s['coverage']:.0%}",
                missing(s) or cell(s, "auc"),
                macro_cell(s),
            ]
            for name, s in systems.items()
        ],
    )
    table(
        ["cut at .5", "accuracy", "kappa", "majority"],
        [
            [name, cell(s, "accuracy"), cell(s, "kappa"), cell(s, "majority")]
            for name, s in systems.items()
        ],
    )
    table(
        ["AUC of", "length", "refusal words", "base rate"],
        [
            [name, *(cell(s, n) for n in ("length", "refusal_words", "base_rate"))]
            for name, s in systems.items()
        ],
    )
    table(
        ["AUC of the judge", "less the nearest of these", "useful"],
        [
            [name, nearest(s["margins"])[0], {None: "-", True: "yes", False: "no"}[s["useful"]]]
            for name, s in systems.items()
        ],
    )
    for name, s in systems.items():
        if s["declined"]:
            typer.echo(
                f"{name}: {s['declined']} of the {s['n']} rows are refusals, which a run shows to "
                "no judge; judge calibrate leaves them out\n"
            )
    if sides := {name: s["polarity"] for name, s in systems.items() if s["polarity"]}:
        table(["side taken", "n", "told", "AUC, for or against"], _of_sides(sides))
    table(
        ["dimension", "n", "labelled 1", "AUC"],
        [
            [name, f"{d['n']}", f"{d['expressed']}", d["note"] or auc_cell(d)]
            for s in systems.values()
            for name, d in s["dimensions"].items()
        ],
    )


def _of_sides(sides: dict[str, Any]) -> list[list[str]]:
    rows: list[list[str]] = []
    for name, p in sides.items():
        rows.append([name, f"{p['n']}", f"{p['coverage']:.0%}", p["note"] or auc_cell(p)])
        for dimension, d in p["dimensions"].items():
            unknown = "too few" if d["n"] else "no side"
            rows.append([f"  {dimension}", f"{d['n']}", "", unknown if d["note"] else auc_cell(d)])
    return rows
