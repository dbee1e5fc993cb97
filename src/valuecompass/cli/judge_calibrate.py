"""`valuecompass judge calibrate`: a judge's errors on labels, kept for correcting scores."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from valuecompass.cli.app import (
    WORKSPACE,
    Db,
    Json,
    Judge,
    JudgeMode,
    MaxCalls,
    MaxUsd,
    StrongJudge,
    Workspace,
    echo_json,
)
from valuecompass.cli.judge_common import (
    LabelFile,
    OwnSystems,
    judged,
    own_systems,
    say_if_fitted,
)
from valuecompass.cli.shown import span, table

if TYPE_CHECKING:
    from valuecompass.judges.quality.calibration import (
        Applied,
        Estimate,
        Gate,
        Rates,
        SystemCalibration,
    )


def calibrate(
    file: LabelFile,
    judge: Judge = "local",
    judge_mode: JudgeMode = "one-call",
    strong_judge: StrongJudge = None,
    out: Annotated[
        Path, typer.Option("-o", "--out", help="File to write; an earlier calibration is replaced.")
    ] = Path("calibration.json"),
    system: OwnSystems = None,
    max_calls: MaxCalls = None,
    max_usd: MaxUsd = None,
    workspace: Workspace = WORKSPACE,
    db: Db = None,
    json: Json = False,
) -> None:
    """Measure a judge's sensitivity and specificity on labels and keep them in a file.

    valuecompass run --calibration FILE then shows shares of answers corrected for the judge's
    errors, and a board whose judge does not pass its gate is marked as a demonstration.
    """
    import shlex

    from valuecompass.files import read_bytes
    from valuecompass.judges.quality.calibrate import calibrate as calibrated
    from valuecompass.judges.quality.calibration import (
        Labels,
        check_replaceable,
        gate,
        write_calibration,
    )
    from valuecompass.judges.quality.labelled import parse_labels
    from valuecompass.wording import visible

    check_replaceable(out)
    data = read_bytes(file)
    rows = parse_labels(data, file, own_systems(system))
    (found,) = judged(
        rows,
        [judge],
        judge_mode=judge_mode,
        strong_judge=strong_judge,
        max_calls=max_calls,
        max_usd=max_usd,
        workspace=workspace,
        db=db,
        asked_only=True,
    )
    say_if_fitted([found.judge], rows)
    calibration = calibrated(found.judge, rows, found.expressed, Labels.of(file, data, len(rows)))
    write_calibration(calibration, out)
    systems = {row.system.id: row.system for row in rows}
    gates = {name: gate(calibration, found.judge, of) for name, of in systems.items()}
    if json:
        said = {n: {"status": g.status, "reason": g.reason} for n, g in gates.items()}
        echo_json(calibration.model_dump(mode="json") | {"gates": said, "file": str(out)})
        return
    for name, entry in calibration.systems.items():
        _show(name, entry, gates[name])
    modes = [] if judge_mode == "one-call" else ["--judge-mode", judge_mode]
    modes += [] if strong_judge is None else ["--strong-judge", strong_judge]
    use = ["valuecompass", "run", "--judge", judge, *modes, "--calibration", str(out)]
    typer.echo(f"Use it, with your models and systems: {visible(shlex.join(use))}")


def _show(name: str, entry: SystemCalibration, gate: Gate) -> None:
    from valuecompass.wording import visible

    rows = [
        _row(n, own, entry.applied[n], _use(n, own, entry)) for n, own in entry.dimensions.items()
    ]
    rows.append(_row("all dimensions", entry.all_dimensions, entry.all_dimensions, ""))
    titles = ["labelled 1", "labelled 0", "sensitivity", "specificity", "correction"]
    table([f"{name}, gate {gate.status}", *titles], rows)
    typer.echo(f"{visible(gate.reason)}\n")


def _row(name: str, own: Rates, rates: Rates | Applied, use: str) -> list[str]:
    counts = [f"{own.tp + own.fn}", f"{own.tn + own.fp}"]
    return [name, *counts, _span(rates.sensitivity), _span(rates.specificity), use]


def _use(name: str, own: Rates, entry: SystemCalibration) -> str:
    if entry.all_dimensions.few:
        return "none: too few labels"
    if not entry.rates_of(name).usable:
        return "none: may be guessing"
    return "leans on other dimensions" if own.few else "own labels"


def _span(share: Estimate | None) -> str:
    return "-" if share is None else span(share.model_dump())
