"""`valuecompass systems`: value systems and their dimensions, and what several say of one text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

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
    console,
    echo_json,
    plain,
)
from valuecompass.cli.board import Date
from valuecompass.cli.judge_common import progress
from valuecompass.cli.shown import say, span, table


class _NamedFirst(TyperGroup):
    """`systems NAME` is `systems show NAME`: names of systems were here before commands."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        known = args[0] in self.commands or args[0].startswith("-")
        return super().resolve_command(ctx, args if known else ["show", *args])


systems_app = typer.Typer(
    cls=_NamedFirst,
    help="List the value systems, show one (systems NAME), or compare several on one board.",
    invoke_without_command=True,
)
app.add_typer(systems_app, name="systems")


@systems_app.callback()
def systems(context: typer.Context, json: Json = False) -> None:
    """List the value systems, show one (systems NAME), or compare several on the same answers."""
    if context.invoked_subcommand is not None:
        return
    from rich.table import Table

    from valuecompass.values import BUILTIN, builtin_system

    chosen = [builtin_system(i) for i in BUILTIN]
    if json:
        echo_json({"systems": [s.model_dump(mode="json") for s in chosen]})
        return
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("id", "name", "scoring", "dimensions"):
        shown.add_column(title, overflow="fold", no_wrap=title == "id")
    for s in chosen:
        shown.add_row(s.id, s.name, s.scoring, ", ".join(s.names))
    console().print(shown)


@systems_app.command()
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A system's id, or your own TOML file to check.")],
    json: Json = False,
) -> None:
    """Show a value system with its dimensions; checks a file of your own."""
    from rich.table import Table

    from valuecompass.measure.run import resolve_system

    system = resolve_system(name)
    if json or (context.parent is not None and context.parent.params["json"]):
        echo_json({"systems": [system.model_dump(mode="json")]})
        return
    out = console()
    out.print(plain(f"{system.name} ({system.id}), scored by {system.scoring}", style="bold"))
    out.print(plain(f"{system.summary}\nSource: {system.source}\n"))
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 1, 0))
    for title in ("dimension", "definition", "aliases"):
        shown.add_column(title)
    for d in system.dimensions:
        shown.add_row(plain(d.name), plain(d.definition), plain(", ".join(d.aliases)))
    out.print(shown)


@systems_app.command()
def compare(
    system: Annotated[
        list[str],
        typer.Option(
            "--system",
            "-s",
            help="Two or more: ids or TOML files. The answers are those of the first one's board.",
        ),
    ],
    judge: Judge = "local",
    judge_mode: JudgeMode = "one-call",
    strong_judge: StrongJudge = None,
    max_calls: MaxCalls = None,
    max_usd: MaxUsd = None,
    date: Date = None,
    seed: Seed = 0,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Read the same answers under several theories: what each adds, and which separates best.

    No respondent is asked; the judge reads what it has not read yet, and its verdicts are kept.
    """
    import anyio

    from valuecompass.board.health.theories import compare_theories
    from valuecompass.measure.run import Settings
    from valuecompass.models import Limits

    settings = Settings(
        systems=system,
        judge=judge,
        judge_mode=judge_mode,
        strong_judge=strong_judge,
        workspace=workspace,
        db=db,
        limits=Limits(max_calls, None, max_usd),
    )
    told = progress()

    async def run() -> dict[str, Any]:
        return await compare_theories(
            settings, date=date, seed=seed, tell=lambda _, done, total: told(done, total)
        )

    found = anyio.run(run)
    if json:
        echo_json(found)
    else:
        _show_compared(found)


def _show_compared(found: Mapping[str, Any]) -> None:
    say(
        f"{found['responses']:,} answers of {len(found['respondents'])} respondents to "
        f"{found['items']:,} items of {found['answers_of']}, {found['date']}, read by "
        f"{found['judge']}"
    )
    table(
        ["theory", "dimensions", "told apart", "its own", "judge"],
        [
            [
                one["name"],
                f"{one['dimensions']}",
                "-" if one["told_apart"] is None else span(one["told_apart"]),
                span(one["unique"]),
                one["judge_gate"]["status"],
            ]
            for one in found["theories"]
        ],
    )
    names = {one["system"]: one["name"] for one in found["theories"]}
    table(
        ["dimension", "between respondents", *(f"explained by {n}" for n in names.values())],
        [
            [
                f"{one['system']}: {dimension}",
                span(between),
                *_explained(found, names, one, dimension),
            ]
            for one in found["theories"]
            for dimension, between in one["between"].items()
        ],
    )
    if found["chance"] is not None:
        best = found["best"]
        say(f"Told apart by chance: {found['chance']:.2f}.")
        say(
            "No theory separates the respondents surely better than the others and than chance."
            if best is None
            else f"{names[best]} separates the respondents best."
        )
    for notice in found["notices"]:
        say(f"Note: {notice}")


def _explained(
    found: Mapping[str, Any], names: Mapping[str, str], one: Mapping[str, Any], dimension: str
) -> list[str]:
    cells: list[str] = []
    for other in names:
        cell = "-"
        for pair in found["pairs"]:
            for of, by, key in (
                ("first", "second", "first_by_second"),
                ("second", "first", "second_by_first"),
            ):
                if (pair[of], pair[by]) == (one["system"], other):
                    cell = span(pair[key]["responses"]["dimensions"][dimension])
        cells.append(cell)
    return cells
