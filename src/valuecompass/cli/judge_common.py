"""What the commands about judges share: options, progress and tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any

import typer

from valuecompass.cli.shown import span

if TYPE_CHECKING:
    from valuecompass.judges import Judge
    from valuecompass.judges.quality.labelled import Labelled
    from valuecompass.measure.judging import Judged
    from valuecompass.values import ValueSystem

LabelFile = Annotated[
    Path,
    typer.Argument(
        help="JSONL rows: system, item, response, dimension, expressed (0 or 1), principle."
    ),
]
OwnSystems = Annotated[
    list[str] | None,
    typer.Option("--system", "-s", help="TOML file of a value system of your own. Repeat."),
]


def own_systems(names: Sequence[str] | None) -> list[ValueSystem]:
    """Return the value systems of the user's own that are named."""
    if not names:
        return []
    # it loads what asks models: a second that who labels need not wait
    from valuecompass.measure.run import resolve_system

    return [resolve_system(name) for name in names]


def judged(
    rows: Sequence[Labelled],
    names: Sequence[str],
    *,
    judge_mode: str,
    strong_judge: str | None,
    max_calls: int | None,
    max_usd: float | None,
    workspace: Path,
    db: str | None,
    asked_only: bool = False,
) -> list[Judged]:
    """Let judges judge labelled rows, within a budget and with progress.

    With `asked_only` they say nothing of refusals, which a measurement shows to no judge.
    """
    from dataclasses import replace

    import anyio

    from valuecompass.errors import InputError
    from valuecompass.judges.quality.judging import Said
    from valuecompass.judges.quality.labelled import contradicting, declined
    from valuecompass.measure.judging import judge_labels
    from valuecompass.measure.run import Settings
    from valuecompass.models import Limits

    if doubly := contradicting(rows):
        typer.echo(
            f"Note: {doubly} responses are labelled both 0 and 1 for one dimension, and no judge "
            "can agree with both: keep the label that you stand by",
            err=True,
        )
    settings = Settings(
        judge_mode=judge_mode,
        strong_judge=strong_judge,
        workspace=workspace,
        db=db,
        limits=Limits(max_calls, None, max_usd),
    )
    refusals = [asked_only and declined(row) for row in rows]
    if all(refusals):
        raise InputError("every row is a refusal, which a run shows to no judge: add other answers")
    own = [row for row, refused in zip(rows, refusals, strict=True) if not refused]
    found = anyio.run(judge_labels, own, settings, names, progress())
    own_said = (iter(one.said) for one in found)
    return [
        replace(one, said=[Said(None) if refused else next(said) for refused in refusals])
        for one, said in zip(found, own_said, strict=True)
    ]


def progress() -> Callable[[int, int], None]:
    """Return what says on stderr how many responses are judged, at most every five seconds."""
    last = monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal last
        if done < total and monotonic() < last + 5:
            return
        last = monotonic()
        typer.echo(f"{done} of {total} responses judged", err=True)

    return tell


def say_if_fitted(judges: Sequence[Judge], rows: Sequence[Labelled]) -> None:
    """Say on stderr that figures are too high, if a judge was fitted to some of these labels.

    Args:
        judges: a panel is, when one of its members is.
        rows: the labelled responses.
    """
    from valuecompass.judges.panel import members_of
    from valuecompass.judges.quality.calibration import fitted_rows

    members = [member for judge in judges for member in members_of(judge.identity)]
    for system, known in fitted_rows(members, rows).items():
        of_all = sum(row.system.id == system for row in rows)
        typer.echo(
            f"Note: the scale of local was fitted to {known} of these {of_all} rows of {system}, "
            "so its figures are too high; what its own card holds is cross-fitted",
            err=True,
        )


def cell(entry: Mapping[str, Any], name: str) -> str:
    """Return a figure of a system's report or of one of its shortcuts, with its limits, if any."""
    value = entry["shortcuts"][name] if name in entry["shortcuts"] else entry[name]
    low, high = entry["intervals"].get(name, (None, None))
    return span({"value": value, "low": low, "high": high})


def macro_cell(entry: Mapping[str, Any]) -> str:
    """Return the mean AUC over dimensions, and over how many."""
    shown = cell(entry, "macro_auc")
    return shown if entry["macro_auc"] is None else f"{shown} of {entry['macro_dimensions']}"


def auc_cell(figures: Mapping[str, Any]) -> str:
    """Return the AUC of a dimension or of sides (`auc`, `low`, `high`)."""
    return span({**figures, "value": figures["auc"]})


def nearest(margins: Mapping[str, Mapping[str, Any]]) -> tuple[str, str]:
    """Return by how much a judge beats the shortcut nearest to it, and that one's name."""
    from valuecompass.judges.quality.evaluate import least_margin

    if not margins:
        return "-", ""
    name = least_margin(margins)
    return span(margins[name], "+"), name.replace("_", " ")
