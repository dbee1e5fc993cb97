"""`valuecompass gap`: what respondents state beside what they show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from valuecompass.cli.app import (
    WORKSPACE,
    Date,
    Db,
    Json,
    Seed,
    System,
    Workspace,
    app,
    echo_json,
)
from valuecompass.cli.shown import number, say, span, table


@app.command()
def gap(
    system: System = "schwartz",
    date: Date = None,
    seed: Seed = 0,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Compare what respondents state (self-report, judgement) with what they show.

    Shown is what they choose in trade-offs, write in free text and do. A gap has a star when the
    false discovery rate over all gaps is at most 5 %.
    """
    import anyio

    from valuecompass.board.stated import gaps_on_board
    from valuecompass.measure.run import resolve_system

    theory = resolve_system(system).id

    async def run() -> dict[str, Any]:
        return await gaps_on_board(workspace, db, theory, date=date, seed=seed)

    found = anyio.run(run)
    if json:
        echo_json(found)
        return
    for entry in found["scores"]:
        _show(entry, found)
    for notice in found["notices"]:
        say(f"Note: {notice}")


def _show(entry: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Print a respondent's table: standings where it has gaps, else scores, and what follows."""
    own = [
        (pair, row)
        for pair in found["pairs"]
        for row in pair["rows"]
        if row["respondent"] == entry["respondent"]
    ]
    told = [(pair, row) for pair, row in own if pair["reason"] is None]
    say(entry["respondent"] + (" (simulated)" if entry["simulated"] else ""))
    heads = [f"{pair['stated']} less {pair['shown']} ±95 %" for pair, _ in told]
    rows: list[list[str]] = []
    for name, by_mode in entry["dimensions"].items():
        cells = [row["dimensions"].get(name) for _, row in told]
        standing = _standings(told, name) if told else {}
        rows.append(
            [
                name,
                *(_place(standing, by_mode[m], mode=m, told=bool(told)) for m in found["modes"]),
                *(_gap(cell) for cell in cells),
            ]
        )
    table(["dimension", *found["modes"], *heads], rows)
    for pair, row in own:
        overall, agreement = row["overall"], row["agreement"]
        parts: list[str] = []
        if overall["value"] is not None:
            parts.append(f"overall gap {span(overall)}{_star(overall)}")
        if agreement["value"] is not None:
            parts.append(f"correlation of the profiles {span(agreement)}")
        if parts:
            say(f"  {pair['stated']} and {pair['shown']}: {'; '.join(parts)}")


def _standings(told: list[tuple[Any, Any]], name: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for pair, row in told:
        if name in row["dimensions"]:
            cell = row["dimensions"][name]
            found.setdefault(pair["stated"], cell["stated"])
            found.setdefault(pair["shown"], cell["shown"])
    return found


def _place(
    standing: Mapping[str, float], score: Mapping[str, Any], *, mode: str, told: bool
) -> str:
    if told:
        return f"{standing[mode]:+.1f}" if mode in standing else "-"
    return number(score["score"])


def _gap(cell: Mapping[str, Any] | None) -> str:
    if cell is None:
        return "-"
    # the limits are symmetric: one number tells both, and three modes fit into 80 columns
    return f"{cell['gap']:+.1f}{_star(cell)} ±{cell['high'] - cell['gap']:.1f}"


def _star(claim: Mapping[str, Any]) -> str:
    return "*" if claim["discovered"] else ""
