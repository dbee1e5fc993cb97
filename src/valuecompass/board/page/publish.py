"""Writes the report of a workspace."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from valuecompass.board.page.report import render_report
from valuecompass.board.stated import gaps_of, modes_in
from valuecompass.files import write_text
from valuecompass.measure import Case, Measurement
from valuecompass.measure.archive import latest_measurements, load_cases
from valuecompass.measure.item_table import answered
from valuecompass.measure.scoring import FIRST_SIDE
from valuecompass.store import open_store

SMOLLM = "embedded/smollm2-135m-instruct"


async def write_report(workspace: Path, db: str | None, path: Path, cases: int = 6) -> int:
    """Write the newest measurement of every system as one HTML file; return its size in bytes.

    Args:
        workspace: folder of the store.
        db: URL of another database, or None.
        path: the file to write.
        cases: answers to show per respondent and system.

    Raises:
        InputError: there is no measurement.
    """
    async with open_store(workspace, db, create=False) as store:
        measurements = await latest_measurements(store)
        shown: list[Case] = []
        gaps: dict[str, dict[str, Any]] = {}
        for m in measurements:
            shown += await load_cases(store, m, cases)
            gaps[m.id] = gaps_of(modes_in(await answered(store, m), m))
    html = render_report(measurements, shown, gaps=gaps, lead=lead_of(measurements))
    write_text(path, html)
    return len(html.encode())


def lead_of(measurements: Sequence[Measurement]) -> list[str]:
    """Return the sentences that a reader must have read before the numbers."""
    rows = [row for m in measurements for row in m.rows]
    lead: list[str] = []
    small = [
        row
        for m in measurements
        for row, who in zip(m.rows, m.manifest["respondents"], strict=True)
        if who["model"] == SMOLLM
    ]
    if small:
        by_order = any(FIRST_SIDE in note for row in small for note in row.notes)
        lead.append(
            "SmolLM2-135M-Instruct is a real language model, but a very small one: it writes "
            "fluent sentences with little thought behind them. It can show that the instrument "
            "runs, that answers differ and how wide honest intervals are. It cannot show what "
            "current models value."
        )
        if by_order:
            lead.append(
                "Its trade-off choices follow the order of the options more than their content."
            )
    if any(row.simulated for row in rows):
        lead.append(
            "Respondents marked SIMULATED are no models. They draw sentences from a phrase bank "
            "according to values that we planted, to check whether the instrument finds them again."
        )
    return [*lead, *_on_judges(measurements)]


def _on_judges(measurements: Sequence[Measurement]) -> list[str]:
    """Say of each judge where it failed its gate and where nobody knows; each section says why."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for m in measurements:
        if m.gate is not None and m.gate.status != "passed":
            title = m.manifest.get("system", {}).get("name", m.system)
            found[m.gate.status, m.manifest["judge_name"]].append(title)
    said = {
        "failed": "Demonstration: on labels of {systems} the judge {judge} was not surely better "
        "than shortcuts that need no judge. These scores show how the instrument works and say "
        "nothing reliable about a model; for conclusions take a judge that passes (--judge).",
        "unmeasured": "How far the judge {judge} can be trusted on {systems} has not been measured "
        "on labels: valuecompass judge calibrate.",
        "undecided": "The labels of {systems} do not tell how far the judge {judge} can be trusted "
        "there: label more responses (valuecompass judge label).",
    }
    return [
        said[status].format(judge=judge, systems=", ".join(systems))
        for (status, judge), systems in found.items()
    ]
