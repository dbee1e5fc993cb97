"""`valuecompass board`: ranks with ties, under anybody's weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
)
from valuecompass.cli.board_more import log, win_rate
from valuecompass.cli.shown import say, table

if TYPE_CHECKING:
    from valuecompass.board.alignment import Alignment
    from valuecompass.board.weights import Weights

board_app = typer.Typer(
    help="Show respondents ranked, with ties, and import published tables.",
    invoke_without_command=True,
)
app.add_typer(board_app, name="board")

LEADING = 8
"""Respondents whose pairs are shown in the terminal."""
Top = Annotated[int, typer.Option(min=1, help="Respondents to show in the terminal.")]


@board_app.callback()
def board(
    context: typer.Context,
    system: System = "schwartz",
    dims: Annotated[
        str | None, typer.Option(help="Only these dimensions or groups, separated by commas.")
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            help="equal, NAME=NUMBER,.. (as they are), culture:NAME, person:FILE, population:FILE. "
            "[default: equal]"
        ),
    ] = None,
    profiles: Annotated[
        Path | None, typer.Option(help="JSON file of cultures for culture:NAME.")
    ] = None,
    date: Date = None,
    top: Top = 50,
    seed: Annotated[int, typer.Option(min=0, help="Of the weights drawn for comparison.")] = 0,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Rank the respondents of a value system by the weighted mean of their scores.

    Ranks are sets that hold for all respondents together with 95 % confidence: 2-4 is a tie.
    """
    if (command := context.invoked_subcommand) is not None:
        given = [p for p in context.params if _typed(context, p)]
        if given:
            from valuecompass.errors import InputError

            raise InputError(f"--{given[0]}: write it after {command}, whose option it is to be")
        return
    import anyio
    import numpy as np

    from valuecompass.board.alignment import align, preferred, stability
    from valuecompass.board.boards import load_board
    from valuecompass.board.cultures.profiles import demonstration_profiles, read_profiles
    from valuecompass.board.document import board_document
    from valuecompass.board.health.discriminant import marks
    from valuecompass.board.stated import told_on_board
    from valuecompass.board.weights import chosen, parse_weights
    from valuecompass.errors import InputError
    from valuecompass.measure.run import resolve_system

    theory = resolve_system(system)
    found = anyio.run(lambda: load_board(workspace, db, theory.id, date=date))
    more = anyio.run(told_on_board, workspace, db, found)
    found = replace(found, notices=(*found.notices, *more))
    marked = marks(found)
    if dims is not None:
        names = chosen(dims, found.system)
        if gone := [name for name in names if name not in found.names]:
            raise InputError(f"--dims: this board has no scores for {', '.join(gone)}")
        found = found.only(names)
    if weights is not None and not weights.strip():
        raise InputError("--weights: nothing is named; leave the option out for equal weights")
    text = weights or "equal"
    known = None
    if text.startswith("culture:"):
        own = found.system
        known = demonstration_profiles(own) if profiles is None else read_profiles(profiles, own)
    used = parse_weights(text, found, known)
    ranked = align(found, used.values)
    turned = stability(ranked, np.random.default_rng(seed))
    beats = None if used.population is None else preferred(found, used.population)
    if json:
        echo_json(board_document(ranked, used, turned, beats) | {"discriminant": marked.json()})
    else:
        _show(ranked, used, turned, beats, top)
        for sentence in marked.sentences:
            say(f"Note: {sentence}")


def _typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


@board_app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(help='JSON rows {"model": NAME, "Dimension": NUMBER, ..}, or CSV.')
    ],
    date: Annotated[str, typer.Option(help="When it was published, YYYY-MM-DD.")],
    system: System = "schwartz",
    meta: Annotated[
        Path | None,
        typer.Option(help="JSON or CSV rows of models: developer, openness, release."),
    ] = None,
    scale: Annotated[
        tuple[float, float] | None,
        typer.Option(help="Lowest and highest score possible. [default: not known]"),
    ] = None,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Import a published table of scores as a measurement of its date, on its own scale."""
    from datetime import UTC, datetime, timedelta
    from datetime import date as day

    import anyio

    from valuecompass.errors import InputError
    from valuecompass.measure.published import import_table
    from valuecompass.measure.run import resolve_system

    theory = resolve_system(system)
    try:
        when = day.fromisoformat(date)
    except ValueError:
        raise InputError(f"--date {date}: expected a day such as 2025-02-28") from None
    if when > datetime.now(UTC).date() + timedelta(days=1):  # tomorrow elsewhere
        raise InputError(f"--date {date}: this day has not come yet; name when it was published")

    async def run() -> Any:
        return await import_table(
            file, theory, when, workspace=workspace, db=db, meta=meta, scale=scale
        )

    done = anyio.run(run)
    low, high = scale or (done.found.low, done.found.high)
    if json:
        echo_json(
            {
                "measurement": done.id,
                "new": done.new,
                "date": when.isoformat(),
                "respondents": done.found.rows,
                "dimensions": list(done.found.dimensions),
                "missing": done.found.missing,
                "scale": {"low": low, "high": high, "declared": scale is not None},
                "narrow": list(done.found.narrow),
                "unknown_in_meta": list(done.unknown),
            }
        )
        return
    if not done.new:
        say(f"{file}: already imported as {done.id}; nothing changed")
        return
    typer.echo(
        f"Imported {done.found.rows:,} respondents on {len(done.found.dimensions)} dimensions of "
        f"{theory.name} as {done.id}, {when.isoformat()}; scores from {done.found.low:g} to "
        f"{done.found.high:g}, {done.found.missing:,} missing; no interval published"
    )
    if done.found.narrow:
        say(
            f"Note: no score of {', '.join(done.found.narrow)} lies beyond 1, where others reach "
            f"{done.found.high:g}. Should these be on another scale, import them as a table of "
            "their own; --scale LOW HIGH says that they are not."
        )
    if done.unknown:
        typer.echo(f"Note: --meta names {len(done.unknown)} models that the table does not have")


def _show(
    ranked: Alignment,
    used: Weights,
    turned: dict[str, Any] | None,
    beats: dict[str, Any] | None,
    top: int,
) -> None:
    from valuecompass.board.page.terminal import terminal_board
    from valuecompass.wording import ranks

    board, rows = ranked.board, ranked.rows(top)
    if not board.imported:
        terminal_board(board.measurements, console())
    title = f"{board.system.name}, {board.created:%Y-%m-%d}, weights: {used.name}"
    say(title)
    digits = 1 if not board.imported else 2 if board.scale[1] > 10 else 3
    shown = [
        [
            ranks(row["rank"], row["rank_low"], row["rank_high"]),
            row["respondent"] + ("  (simulated)" if row["simulated"] else ""),
            _figure(row, digits),
            *(_short(row["dimensions"][name]["score"], digits) for name in _columns(ranked)),
        ]
        for row in rows
    ]
    table(["rank", "respondent", "score [95 %]", *_columns(ranked)], shown)
    if (more := len(board.respondents) - top) > 0:
        typer.echo(f"{more:,} more: --top {len(board.respondents)} or --json\n")
    if turned is not None:
        first = ", ".join(f"{n} {s:.0%}" for n, s in list(turned["first"].items())[:4])
        say(
            f"Other weights: {turned['same_first']:.0%} of {turned['weights']:,} random ones keep "
            f"the first place, {turned['same_order']:.0%} the whole order; "
            f"{turned['pairs_turned']:.0%} of the pairs turn on average. First: {first}"
        )
    beats = beats or {}
    leading = [row["respondent"] for row in rows[:LEADING] if row["respondent"] in beats]
    for one in leading:
        said = ", ".join(f"{other} {beats[one][other]:.0%}" for other in leading if other != one)
        say(f"{one} suits better than: {said or 'nobody else has scores'}")
    for notice in (*board.notices, *used.notices):
        say(f"Note: {notice}")


def _columns(ranked: Alignment) -> list[str]:
    """Return the dimensions to show: an imported table's, where they fit; ours stand above."""
    board = ranked.board
    return list(board.names) if board.imported and len(board.names) <= 6 else []


def _figure(row: dict[str, Any], digits: int) -> str:
    if row["score"] is None:
        return "missing"
    told = f"{row['score']:.{digits}f}"
    return told if row["low"] is None else f"{told} [{row['low']:.1f}, {row['high']:.1f}]"


def _short(score: float | None, digits: int) -> str:
    return "missing" if score is None else f"{score:.{digits}f}"


board_app.command()(log)
board_app.command("win-rate")(win_rate)
