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
) -> list[Judged]:
    """Let judges judge labelled rows, within a budget and with progress."""
    import anyio

    from valuecompass.judges.quality.labelled import contradicting
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
    return anyio.run(judge_labels, rows, settings, names, progress())


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


def say_if_fitted(judge: Judge, labels: bytes) -> None:
    """Say on stderr that figures are too high, if the judge was fitted to these labels.

    Args:
        judge: a panel is, when one of its members is.
        labels: what the file holds.
    """
    import hashlib

    from valuecompass.judges.panel import members_of
    from valuecompass.judges.quality.calibration import shipped_card

    cards = [shipped_card(identity) for identity in members_of(judge.identity)]
    known = {card.labels.sha256 for card in cards if card and card.labels}
    if hashlib.sha256(labels).hexdigest() in known:
        typer.echo(
            "Note: the scale of local was fitted to these labels, so its figures are too high; "
            "what its own card holds is cross-fitted",
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
