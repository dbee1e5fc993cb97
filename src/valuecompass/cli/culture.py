"""`valuecompass culture`: which cultures a respondent's values resemble, and how sure that is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from valuecompass.cli.app import (
    WORKSPACE,
    Date,
    Db,
    Json,
    System,
    Workspace,
    app,
    console,
    echo_json,
    plain,
)
from valuecompass.cli.shown import number, table

CLAIMS = 12
"""Pairs of cultures named on a screen; --json has all."""


@app.command()
def culture(
    system: System = "schwartz",
    profiles: Annotated[
        list[Path] | None,
        typer.Option(
            help='JSON {"China": {"Benevolence": 9, ...}, ...} or CSV, larger = more important. '
            "Repeat for a specification curve over several.  [default: a demonstration set]"
        ),
    ] = None,
    method: Annotated[
        Literal["spearman", "pearson", "kendall"], typer.Option(help="The correlation.")
    ] = "spearman",
    treatment: Annotated[
        str, typer.Option(help="as-is, last:NAME (puts it last on both sides) or without:NAME.")
    ] = "as-is",
    specification_curve: Annotated[
        bool,
        typer.Option(
            "--specification-curve",
            help="Try all defensible choices, and say which share supports each claim.",
        ),
    ] = False,
    date: Date = None,
    seed: Annotated[int, typer.Option(min=0, help="Of permutations and draws.")] = 0,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Compare respondents' values with those of cultures."""
    import anyio

    from valuecompass.board.boards import load_board
    from valuecompass.board.cultures.profiles import demonstration_profiles, read_profiles
    from valuecompass.board.cultures.report import culture_report
    from valuecompass.errors import InputError
    from valuecompass.measure.run import resolve_system

    known = resolve_system(system)
    sets = [read_profiles(path, known) for path in profiles or ()]
    sets = sets or [demonstration_profiles(known)]
    if len(sets) > 1 and not specification_curve:
        raise InputError(
            f"--profiles: {len(sets)} files are given, and cells are made from one; give one, or "
            "add --specification-curve"
        )

    async def load() -> Any:
        return await load_board(workspace, db, known.id, date=date)

    report = culture_report(
        anyio.run(load),
        sets,
        method=method,
        treatment=treatment,
        curve=specification_curve,
        seed=seed,
    )
    if json:
        echo_json(report)
        return
    _show(report)
    if specification_curve:
        _show_curve(report["specification_curve"])
    for notice in report["notices"]:
        console().print(plain(notice), soft_wrap=True)


def _show(report: dict[str, Any]) -> None:
    """Print the cells, the nearest culture marked, some columns at a time."""
    title = f"{report['system']}, {report['date']}: {report['method']}, {report['treatment']}"
    console().print(plain(title, style="bold"))
    cultures: list[str] = report["profiles"]["cultures"]
    # a name, limits and fit take some 55 characters, a culture 11
    columns = max(2, (console().width - 55) // 11)
    for start in range(0, len(cultures), columns):
        shown = cultures[start : start + columns]
        last = start + columns >= len(cultures)
        table(
            ["", *shown, *(("its limits", "any fits") if last else ())],
            [
                [
                    _name(who, report),
                    *(_cell(report, who, one) for one in shown),
                    *((_limits(report, who), _fits(report, who)) if last else ()),
                ]
                for who in report["cells"]
            ],
        )
    console().print(
        "* nearest culture, with its limits of 95 %. any fits: nearer than the same values in "
        "random order would be (permutation test, 5 %).",
        "",
        soft_wrap=True,
    )


def _name(who: str, report: dict[str, Any]) -> str:
    return f"{who} (simulated)" if who in report["simulated"] else who


def _cell(report: dict[str, Any], who: str, culture: str) -> str:
    # where nothing fits nobody is named, as with a person's match
    named = culture in report["nearest"][who] and report["fits"][who] is not False
    return number(report["cells"][who][culture]) + ("*" if named else " ")


def _limits(report: dict[str, Any], who: str) -> str:
    found = [report["intervals"][who][one] for one in report["nearest"][who][:1]]
    return f"{found[0]['low']:.2f} to {found[0]['high']:.2f}" if found and found[0] else "-"


def _fits(report: dict[str, Any], who: str) -> str:
    return {True: "yes", False: "none", None: "-"}[report["fits"][who]]


def _show_curve(curve: dict[str, Any]) -> None:
    """Print the support of the claims, the weakest of the many about pairs first."""
    claims = [one for one in curve["claims"] if one["kind"] == "nearest"]
    orders = sorted((c for c in curve["claims"] if c["kind"] == "order"), key=lambda c: c["share"])
    tried = len(curve["specifications"])
    console().print(
        plain(
            f"Specification curve: {tried} choices. A claim counts as supported when "
            f"{curve['threshold']:.0%} of them agree.",
            style="bold",
        ),
        soft_wrap=True,
    )
    table(
        ["claim", "agree", "supported", "hangs on"],
        [_claim(one) for one in [*claims, *orders[:CLAIMS]]],
    )
    supported = sum(one["supported"] for one in orders)
    console().print(
        f"Of {len(orders)} claims about pairs of cultures {supported} are supported; the weakest "
        "are shown, --json has all. hangs on: most choices that treat this value apart say no.",
        "",
        soft_wrap=True,
    )


def _claim(one: dict[str, Any]) -> list[str]:
    agree = f"{one['share']:.0%} of {one['of']}"
    return [one["claim"], agree, "yes" if one["supported"] else "no", ", ".join(one["hangs_on"])]
