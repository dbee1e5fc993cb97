"""`valuecompass judge agreement`: how far the judges of stored responses agree."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from valuecompass.cli.app import WORKSPACE, Db, Json, Seed, Workspace, echo_json
from valuecompass.cli.judge_compare import show_between
from valuecompass.cli.shown import span, table


def agreement(
    measurement: Annotated[
        str | None,
        typer.Option(help="Id of a measurement.  [default: the newest of each system]"),
    ] = None,
    seed: Seed = 0,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Say how far judges agree on the responses of a measurement; nobody is asked.

    Of a panel's measurement the judges are its members; else all different judges that have judged
    the same responses: of a judge's versions the newest, and no panel that shares a judge with the
    others.
    """
    import anyio

    found = anyio.run(_found, workspace, db, measurement, seed)
    if json:
        echo_json({"seed": seed, "measurements": found})
        return
    for one in found:
        _show(one)


async def _found(
    workspace: Path, db: str | None, measurement: str | None, seed: int
) -> list[dict[str, Any]]:
    from valuecompass.errors import InputError
    from valuecompass.measure.agreement import judge_agreement, named_measurement
    from valuecompass.measure.archive import latest_measurements
    from valuecompass.store import open_store
    from valuecompass.wording import visible

    async with open_store(workspace, db, create=False) as store:
        if measurement is not None:
            return [await judge_agreement(store, await named_measurement(store, measurement), seed)]
        found: list[dict[str, Any]] = []
        reasons: list[InputError] = []
        for one in await latest_measurements(store):
            try:
                found.append(await judge_agreement(store, one, seed))
            except InputError as error:
                reasons.append(error)
        if not found:
            raise reasons[0]
        for reason in reasons:
            typer.echo(f"left out: {visible(str(reason))}", err=True)
        return found


def _show(found: dict[str, Any]) -> None:
    kind = "panel" if found["panel"] else "stored judges"
    table(
        [f"{found['system']} ({found['measurement']})", ""],
        [
            [kind, ", ".join(found["judges"])],
            *(["left out", one] for one in found["left_out"]),
            ["responses", f"{found['responses']}"],
            ["judged by two or more", f"{found['disagreed']['n']}"],
            ["of these, judges on both sides of .5", span(found["disagreed"])],
            *([["decided there by", found["strong"]]] if found["strong"] else []),
            *([note, f"{count} verdicts"] for note, count in found["notes"].items()),
        ],
    )
    show_between("all dimensions", found)
    # of more than two judges the pairs by dimension are in --json: too many for a screen
    kappa = ["kappa"] if len(found["pairs"]) == 1 else []
    table(
        ["dimension", "n", "on both sides", "alpha, degrees", "alpha, cut at .5", *kappa],
        [
            [name, f"{d['units']}"]
            + [span(d[key]) for key in ("disagreed", "alpha", "alpha_at_half")]
            + [span(d["pairs"][0]["kappa"]) for _ in kappa]
            for name, d in found["dimensions"].items()
        ],
    )
