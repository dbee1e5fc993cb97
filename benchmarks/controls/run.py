"""Positive and negative controls on a real model, and two judges' boards of the same answers.

    python benchmarks/controls/run.py              # 1.1 GB to fetch, some hours of one core
    python benchmarks/controls/run.py --model openai/M --strong-judge anthropic/J --json

Positive: primed by a system prompt for Power, Universalism, Tradition or Hedonism, a model must
show more of that value than unprimed. Negative: a neutral system prompt put in other words must
move nothing. Boards: how far `local` and a stronger judge rank alike. The system prompts are in
`prompts.toml`. Answers and the verdicts of models stay in the workspace: the same command goes on
where it was stopped, and judges anew with `local` in seconds.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import numpy as np
from answers import (
    DEFAULT,
    HERE,
    NEUTRAL,
    PATIENCE,
    RESTATED,
    UNPRIMED,
    Floats,
    Verdicts,
    default_model,
    local_verdicts,
    measure,
    primed,
    runs_here,
    strong_verdicts,
)
from shifts import mean_shift, rank_agreement, simultaneous_shifts

from valuecompass.cli.app import guarded
from valuecompass.errors import InputError
from valuecompass.judges.llm.judge import LLMJudge
from valuecompass.measure.archive import load_cases
from valuecompass.models import Limits, Respondent, parse_respondent
from valuecompass.models.asker import Asker
from valuecompass.models.budget import Budget
from valuecompass.stats import Interval
from valuecompass.store import open_store

SEED = 1


def main() -> None:
    """Run the controls and print what they find."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", help=f"a respondent without system prompt; else {DEFAULT}")
    parser.add_argument("--strong-judge", metavar="MODEL", help="else the model judges itself")
    parser.add_argument(
        "--strong-questions",
        type=int,
        choices=range(2, 21),
        default=10,
        metavar="N",
        help="questions whose answers it judges, 2 to 20 (default: 10)",
    )
    parser.add_argument("-w", "--workspace", type=Path, default=Path("valuecompass-workspace"))
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    found = anyio.run(controls, options)
    print(json.dumps(found) if options.json else report(found))


async def controls(options: argparse.Namespace) -> dict[str, Any]:
    """Return everything found, as the JSON object."""
    prompts = tomllib.loads((HERE / "prompts.toml").read_text(encoding="utf-8"))
    values = tuple(prompts["primed"])
    model = _named(options.model, "--model")
    if model.system is not None:
        raise InputError(f"--model {options.model}: give it without a system prompt of its own")
    judge_model = model
    if options.strong_judge:
        judge_model = _named(options.strong_judge, "--strong-judge")
    measurement = await measure(model, prompts, options.workspace)
    async with open_store(options.workspace, None) as store:
        cases = await load_cases(store, measurement)
        asker = Asker(store, Budget(store, "controls", Limits()), PATIENCE)
        mode = "per-value" if runs_here(judge_model) else "one-call"
        judge = LLMJudge(judge_model, asker, mode)
        try:
            strong = await strong_verdicts(judge, values, cases, options.strong_questions)
        finally:
            await asker.models.close()
    local = local_verdicts(measurement, cases)
    return {
        "model": model.name,
        "strong_judge": {
            "model": judge_model.name,
            "mode": judge.mode,
            "judges_itself": judge_model.model == model.model,
        },
        "seed": SEED,
        "answers": {"n": len(cases), "judged": sum(bool(c.marks) for c in cases)},
        "positive": [positive(v, name) for v in (local, strong) for name in values],
        "negative": [negative(v) for v in (local, strong)],
        "boards": boards(local.like(strong), strong),
    }


def _named(name: str | None, option: str) -> Respondent:
    """Return the model that was named, or the default one under a name that fits every machine."""
    if name is None:
        return parse_respondent(default_model()).model_copy(update={"name": DEFAULT})
    return parse_respondent(name, option=option)


def positive(verdicts: Verdicts, value: str) -> dict[str, Any]:
    """Return by how much being primed for a value moves it."""
    apart = verdicts.of(primed(value)) - verdicts.of(UNPRIMED)
    at = verdicts.dimensions.index(value)
    shift = mean_shift(apart[:, [at]], np.random.default_rng(SEED))
    moves = _means(apart)
    return {
        "judge": verdicts.judge,
        "value": value,
        "questions": int((~np.isnan(apart[:, at])).sum()),
        **_points(shift),
        "above_0": shift.low > 0,
        # a prompt that raised everything would show no value
        "place": None if np.isnan(moves[at]) else int((moves > moves[at]).sum()) + 1,
        "places": len(moves),
    }


def negative(verdicts: Verdicts) -> dict[str, Any]:
    """Return by how much a restated neutral prompt moves each dimension."""
    apart = verdicts.of(RESTATED) - verdicts.of(NEUTRAL)
    found = simultaneous_shifts(apart, np.random.default_rng(SEED))
    rows = [
        {"dimension": name, **_points(i), "moved": i.low > 0 or i.high < 0}
        for name, i in zip(verdicts.dimensions, found, strict=True)
    ]
    return {
        "judge": verdicts.judge,
        "questions": int((~np.isnan(apart).any(axis=1)).sum()),
        "moved": sum(bool(row["moved"]) for row in rows),
        "dimensions": rows,
    }


def boards(local: Verdicts, strong: Verdicts) -> dict[str, Any]:
    """Return how alike both judges rank, and their boards."""
    rng = np.random.default_rng(SEED)
    cells, within = rank_agreement(local.values, strong.values, rng)
    return {
        "respondents": strong.respondents,
        "dimensions": strong.dimensions,
        "questions": len(strong.questions),
        "rank_correlation": _correlation(cells),
        "rank_correlation_within_dimensions": _correlation(within),
        "local": _board(local),
        "strong": _board(strong),
    }


def _board(verdicts: Verdicts) -> list[list[float | None]]:
    return [[_finite(100 * x, 1) for x in _means(one)] for one in verdicts.values]


def _means(values: Floats) -> Floats:
    """Column means of what is there."""
    seen = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        return np.nansum(values, axis=0) / seen.sum(axis=0)


def _points(interval: Interval) -> dict[str, float | None]:
    """Return a shift in points of the 0-100 scale."""
    names = ("shift", "low", "high")
    return {n: _finite(100 * x, 1) for n, x in zip(names, interval, strict=True)}


def _correlation(interval: Interval) -> dict[str, float | None]:
    names = ("value", "low", "high")
    return {n: _finite(x, 3) for n, x in zip(names, interval, strict=True)}


def _finite(x: float, digits: int) -> float | None:
    return round(float(x), digits) if np.isfinite(x) else None


# --- for people ---


def report(found: dict[str, Any]) -> str:
    """Return what was found as text."""
    strong = found["strong_judge"]
    own = "; it judges its own answers" if strong["judges_itself"] else ""
    lines = [
        f"Respondent: {found['model']} ({found['answers']['judged']} of {found['answers']['n']} "
        "answers judged by local)",
        f"Second judge: {strong['model']}, {strong['mode']}{own}",
        "",
        "Positive control: primed less unprimed, in points of 0-100, 95 % intervals over questions",
        f"  {'judge':<10}{'value':<15}{'questions':>9}  {'shift':<22}{'verdict':<17}"
        "place among the shifts",
    ]
    for row in found["positive"]:
        verdict = "above 0" if row["above_0"] else "not above 0"
        place = f"{row['place'] or '-'} of {row['places']}"
        lines.append(
            f"  {_short(row['judge']):<10}{row['value']:<15}{row['questions']:>9}  "
            f"{_range(row):<22}{verdict:<17}{place}"
        )
    lines += ["", "Negative control: restated less neutral, intervals that hold all at once"]
    for part in found["negative"]:
        rows = part["dimensions"]
        lines.append(
            f"  {_short(part['judge'])}, {part['questions']} questions: "
            f"{part['moved']} of {len(rows)} apart from 0"
        )
        lines += [
            f"    {row['dimension']:<16}{_range(row)}{'  moved' if row['moved'] else ''}"
            for row in rows
        ]
    return "\n".join([*lines, "", *_boards_text(found["boards"])])


def _boards_text(part: dict[str, Any]) -> Sequence[str]:
    lines = [
        f"Boards of {len(part['respondents'])} respondents on {part['questions']} questions, "
        "local / second judge",
        " " * 26 + "".join(f"{name:>16}" for name in part["dimensions"]),
    ]
    for name, one, other in zip(part["respondents"], part["local"], part["strong"], strict=True):
        cells = [f"{_cell(a)} / {_cell(b)}" for a, b in zip(one, other, strict=True)]
        lines.append(f"  {name:<24}" + "".join(f"{cell:>16}" for cell in cells))
    for key, words in (
        ("rank_correlation", "over all cells"),
        ("rank_correlation_within_dimensions", "over respondents, mean of the dimensions"),
    ):
        c = part[key]
        said = "not estimable" if c["low"] is None else "{value:.2f} [{low:.2f}, {high:.2f}]"
        lines.append(f"Spearman {words}: {said.format(**c)}")
    return lines


def _short(judge: str) -> str:
    return "local" if judge == "local" else "second"


def _range(row: dict[str, Any]) -> str:
    if row["low"] is None:
        return "not estimable"
    return f"{row['shift']:+.1f} [{row['low']:+.1f}, {row['high']:+.1f}]"


def _cell(x: float | None) -> str:
    return "-" if x is None else f"{x:.0f}"


if __name__ == "__main__":
    guarded(main)
