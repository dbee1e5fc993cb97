"""`valuecompass judge compare`: judges side by side on the same labels."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from valuecompass.cli.app import (
    WORKSPACE,
    Db,
    Json,
    JudgeMode,
    MaxCalls,
    MaxUsd,
    Seed,
    StrongJudge,
    Workspace,
    echo_json,
)
from valuecompass.cli.judge_common import LabelFile, OwnSystems, judged, own_systems, say_if_fitted
from valuecompass.cli.shown import number, say, span, table


def compare(
    file: LabelFile,
    judge: Annotated[
        list[str] | None,
        typer.Option(
            help="local, MODEL, MODEL@mode=per-value or a panel A,B. Repeat: two or more."
        ),
    ] = None,
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
    """Let judges judge the same labelled rows, and compare them with the labels and each other.

    The first judge is the one that the others' AUC is compared with.
    """
    from collections import Counter

    import numpy as np

    from valuecompass.errors import InputError
    from valuecompass.judges.quality.compare import compare as compared
    from valuecompass.judges.quality.labelled import declined, read_labels

    names = judge or []
    if len(names) < 2:
        raise InputError("--judge: name two judges at least, such as --judge local --judge MODEL")
    rows = read_labels(file, own_systems(system))
    found = judged(
        rows,
        names,
        judge_mode=judge_mode,
        strong_judge=strong_judge,
        max_calls=max_calls,
        max_usd=max_usd,
        workspace=workspace,
        db=db,
        asked_only=True,
    )
    say_if_fitted([one.judge for one in found], rows)
    declines = Counter(row.system.id for row in rows if declined(row))
    expressed = {one.name: one.expressed for one in found}
    systems = compared(rows, expressed, np.random.default_rng(seed))
    taken = ("requests", "input_tokens", "output_tokens")
    judges = [
        {"name": one.name, **{k: getattr(one, k) for k in taken}, "identity": one.judge.identity}
        for one in found
    ]
    if json:
        about = {"judges": judges, "seed": seed, "declined": declines}
        echo_json(about | {"systems": systems})
        return
    _show(judges, systems)
    for name, refusals in declines.items():
        say(f"{name}: {refusals} rows are refusals, which a run shows to no judge: left out here")


def _show(judges: list[dict[str, Any]], systems: dict[str, Any]) -> None:
    table(
        ["judge", "requests", "tokens in", "tokens out"],
        [
            [j["name"], *(f"{j[k]:,}" for k in ("requests", "input_tokens", "output_tokens"))]
            for j in judges
        ],
    )
    for system, found in systems.items():
        table(
            [system, "n", "covered", "AUC", "minus the first's", "accuracy", "kappa"],
            [[name, *_against_labels(one)] for name, one in found["judges"].items()],
        )
        table(
            [f"{system}, cut at .5", "sensitivity", "specificity", "tp", "fn", "tn", "fp"],
            [
                [name, span(one["sensitivity"]), span(one["specificity"])]
                + [f"{count}" for count in one["confusion"].values()]
                for name, one in found["judges"].items()
            ],
        )
        show_between(system, found["between"])


def _against_labels(one: dict[str, Any]) -> list[str]:
    difference = one["difference"]
    return [
        f"{one['n']}",
        f"{one['coverage']:.0%}",
        missing(one) or _figure(one, "auc"),
        "" if difference is None else span(difference, "+"),
        number(one["accuracy"]),
        _figure(one, "kappa"),
    ]


def missing(one: dict[str, Any]) -> str | None:
    """Say in a word or two why a judge has no AUC; None where it has one."""
    if not one["note"]:
        return None
    return "too few" if one["coverage"] else "no verdict"


def _figure(one: dict[str, Any], name: str) -> str:
    low, high = one["intervals"].get(name, (None, None))
    return span({"value": one[name], "low": low, "high": high})


def show_between(title: str, between: dict[str, Any]) -> None:
    """Print how far judges agree with each other: alpha of all, kappa of each two."""
    rows = [
        ["Krippendorff's alpha, degrees", f"{between['units']}", span(between["alpha"])],
        ["Krippendorff's alpha, cut at .5", f"{between['units']}", span(between["alpha_at_half"])],
    ]
    rows += [
        [f"Cohen's kappa, {p['a']} and {p['b']}", f"{p['n']}", span(p["kappa"])]
        for p in between["pairs"]
    ]
    table([f"{title}, between judges", "n", "agreement"], rows)
