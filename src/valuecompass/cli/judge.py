"""`valuecompass judge`: how good is a judge."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from valuecompass.cli.app import (
    WORKSPACE,
    Db,
    Json,
    Judge,
    JudgeMode,
    MaxCalls,
    MaxUsd,
    Workspace,
    app,
    console,
    echo_json,
    plain,
)

judge_app = typer.Typer(help="Measure a judge against labels.", no_args_is_help=True)
app.add_typer(judge_app, name="judge")


@judge_app.command()
def evaluate(
    file: Annotated[
        Path,
        typer.Argument(
            help="JSONL rows: system, item, response, dimension, expressed (0 or 1), principle."
        ),
    ],
    judge: Judge = "local",
    judge_mode: JudgeMode = "one-call",
    system: Annotated[
        list[str] | None,
        typer.Option("--system", "-s", help="TOML file of a value system of your own. Repeat."),
    ] = None,
    max_calls: MaxCalls = None,
    max_usd: MaxUsd = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Compare a judge's verdicts with labels, and with shortcuts that need no judge.

    AUC: chance that a row labelled 1 gets more than a row labelled 0 (50% is guessing).
    """
    import anyio
    import numpy as np

    from valuecompass.judges.evaluate import read_labels, report
    from valuecompass.measure.run import Settings, resolve_system
    from valuecompass.models import Limits

    rows = read_labels(file, [resolve_system(name) for name in system or []])
    settings = Settings(
        judge=judge,
        judge_mode=judge_mode,
        workspace=workspace,
        db=db,
        limits=Limits(max_calls, None, max_usd),
    )
    found, identity = anyio.run(_verdicts, rows, settings)
    systems = report(rows, found, np.random.default_rng(seed))
    if json:
        echo_json({"judge": {"name": judge, **identity}, "seed": seed, "systems": systems})
    else:
        _show(systems)


async def _verdicts(rows: Any, settings: Any) -> tuple[list[float | None], dict[str, Any]]:
    import anyio

    from valuecompass.hashing import digest
    from valuecompass.judges.evaluate import judge_rows
    from valuecompass.measure.run import judge_model, make_judge
    from valuecompass.models import check_priced

    if settings.judge == "local":
        from valuecompass.judges.local import LocalJudge

        local = LocalJudge()
        return await judge_rows(local, rows, _progress), local.identity
    from valuecompass.models.asker import Asker
    from valuecompass.models.budget import Budget
    from valuecompass.store import open_store

    async with open_store(settings.workspace, settings.db) as store:
        budget = Budget(store, "", settings.limits)
        asker = Asker(store, budget, settings.patience)
        judge = make_judge(settings, asker)
        model = judge_model(judge)
        assert model is not None
        check_priced([model], settings.limits)
        labels = [[r.item, r.subject.response, r.dimension] for r in rows]
        budget.plan = digest(["judge evaluate", judge.identity, labels], 16)
        await budget.load()
        try:
            asker.models.get(model.model)
            return await judge_rows(judge, rows, _progress), judge.identity
        finally:
            with anyio.CancelScope(shield=True):
                await asker.models.close()


def _progress(done: int, total: int) -> None:
    if done % 100 == 0 or done == total:
        typer.echo(f"{done} of {total} responses judged", err=True)


def _show(systems: dict[str, Any]) -> None:
    _table(
        ["system", "n", "covered", "AUC", "macro AUC", "accuracy", "majority"],
        [
            [
                name,
                f"{s['n']}",
                f"{s['coverage']:.0%}",
                "too few" if s["note"] else _cell(s, "auc"),
                _cell(s, "macro_auc"),
                _cell(s, "accuracy"),
                _number(s["majority"]),
            ]
            for name, s in systems.items()
        ],
    )
    _table(
        ["AUC of", "length", "refusal words", "dimension", "judge minus best of these"],
        [
            [name, *(_cell(s, n) for n in ("length", "refusal_words", "dimension")), _gain(s)]
            for name, s in systems.items()
        ],
    )
    _table(
        ["dimension", "n", "labelled 1", "AUC"],
        [
            [name, f"{d['n']}", f"{d['expressed']}", d["note"] or _span(d["auc"], d)]
            for s in systems.values()
            for name, d in s["dimensions"].items()
        ],
    )


def _table(titles: list[str], rows: list[list[str]]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, title in enumerate(titles):
        table.add_column(title, justify="right" if place else "left", overflow="fold")
    for row in rows:
        table.add_row(*(plain(cell) for cell in row))
    console().print(table, "")


def _gain(system: dict[str, Any]) -> str:
    if not system["margins"]:
        return "-"
    worst = min(system["margins"].values(), key=lambda m: m["value"])
    return f"{worst['value']:+.2f} [{worst['low']:+.2f}, {worst['high']:+.2f}]"


def _cell(system: dict[str, Any], name: str) -> str:
    if name not in system["intervals"]:
        return "-"
    low, high = system["intervals"][name]
    value = system[name] if name in system else system["shortcuts"][name]
    return _span(value, {"low": low, "high": high})


def _span(value: float, limits: dict[str, Any]) -> str:
    return f"{value:.2f} [{limits['low']:.2f}, {limits['high']:.2f}]"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
