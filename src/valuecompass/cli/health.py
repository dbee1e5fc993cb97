"""`valuecompass health`: how reliably a form measures, and how far it is used up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

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
from valuecompass.cli.shown import say, span, table


@app.command()
def health(
    system: System = "schwartz",
    fresh: Annotated[
        str | None,
        typer.Option(
            help="Measurement (id or day) of the same respondents on a parallel form of new items."
        ),
    ] = None,
    uses: Annotated[
        int, typer.Option(min=1, help="Measurements after which an item counts as worn.")
    ] = 3,
    date: Date = None,
    seed: Seed = 0,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Say how reliably the form of a board measures, and how far it is used up.

    What too few respondents do not allow to estimate is left out and said.
    """
    import anyio

    from valuecompass.board.health.form import health as examined
    from valuecompass.measure.run import resolve_system

    theory = resolve_system(system).id

    async def run() -> dict[str, Any]:
        return await examined(workspace, db, theory, date=date, fresh=fresh, uses=uses, seed=seed)

    found = anyio.run(run)
    if json:
        echo_json(found)
        return
    say(f"Form {found['form']['name']}, {len(found['respondents'])} respondents, {found['date']}")
    _show_reliability(found)
    _show_use(found)
    _show_validity(found)
    for notice in found["notices"]:
        say(f"Note: {notice}")


def _show_reliability(found: Mapping[str, Any]) -> None:
    table(
        [
            *("dimension", "items", "alpha", "split-half", "dependability"),
            *("for .8", "for .9", "equal", "same verdict"),
        ],
        [_row(found, name, cell) for name, cell in found["saturation"]["dimensions"].items()],
    )
    if (facets := found["generalisability"]) is None:
        return
    one = next(iter(facets.values()))
    say(f"Dependability covers: {', '.join(one['covers'] or ['nothing'])}.")
    if one["not_covered"]:
        say(f"Measured in one way only, so not covered: {', '.join(one['not_covered'])}.")


def _row(found: Mapping[str, Any], name: str, saturation: Mapping[str, Any]) -> list[str]:
    shares = [_share(saturation[key]) for key in ("equal", "same_verdict")]
    if found["reliability"] is None:
        return [name, f"{saturation['items']}", *["-"] * 5, *shares]
    own, facets = found["reliability"][name], found["generalisability"][name]
    designs = facets["designs"] or {"0.8": None, "0.9": None}
    return [
        name,
        f"{own['items']}",
        span(own["alpha"]),
        span({**own["split_half"], "low": None}),
        "-" if facets["now"] is None else span(facets["now"]["dependability"]),
        *(_design(designs[target]) for target in ("0.8", "0.9")),
        *shares,
    ]


def _design(design: Mapping[str, Any] | None) -> str:
    if design is None:
        return "-"
    return " x ".join(f"{count} {facet}s" for facet, count in design["n"].items())


def _show_use(found: Mapping[str, Any]) -> None:
    items, worn, clean = found["saturation"], found["exposure"], found["contamination"]
    say(
        f"Of {items['items']} items {_share(items['equal'])} get the same value from all "
        f"respondents on every dimension, {_share(items['same_verdict'])} the same verdict."
    )
    times = ", ".join(f"{count} items {times}x" for times, count in worn["times"].items())
    say(
        f"Used in measurements of this workspace: {times}; more than {worn['uses']}x: "
        f"{_share(worn['worn'])}."
    )
    if clean["fresh"] is None:
        say(clean["reason"])
        return
    say(f"Public less fresh items ({clean['items']['public']} and {clean['items']['fresh']}):")
    table(
        ["respondent", "dimension", "difference", "q", "beyond the others", ""],
        [
            [
                name,
                dimension,
                _points(cell),
                "-" if cell["q"] is None else f"{cell['q']:.3f}",
                _points(cell["beyond"]),
                "suspicious" if cell["suspicious"] else "",
            ]
            for name, cells in clean["respondents"].items()
            for dimension, cell in cells.items()
        ],
    )
    for notice in clean["notices"]:
        say(f"Note: {notice}")


def _show_validity(found: Mapping[str, Any]) -> None:
    first, circle = found["discriminant"]["first_component"], found["circle"]
    if first is not None:
        say(f"Share of the first component: {first:.0%}.")
    if circle["reason"] is not None:
        say(circle["reason"])
    else:
        say(
            f"Circle: correspondence {circle['correspondence']:.2f} (1: perfect, 0: chance), "
            f"p {circle['p']:.3f}, on {circle['compared_on']}."
        )


def _points(cell: Mapping[str, Any]) -> str:
    if cell["difference"] is None:
        return "-"
    return f"{cell['difference']:+.1f} [{cell['low']:+.1f}, {cell['high']:+.1f}]"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"
