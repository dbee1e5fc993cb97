"""Writes the report of a workspace."""

from __future__ import annotations

from pathlib import Path

from valuecompass.board.report import render_report
from valuecompass.files import write_text
from valuecompass.measure import Case, Measurement
from valuecompass.measure.archive import latest_measurements, load_cases
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
        for measurement in measurements:
            shown += await load_cases(store, measurement, cases)
    html = render_report(measurements, shown, lead=lead_of(measurements))
    write_text(path, html)
    return len(html.encode())


def lead_of(measurements: list[Measurement]) -> list[str]:
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
    if any(m.manifest["judge_name"] == "local" for m in measurements):
        lead.append(
            "The judge was the free local one. It compares sentences with definitions and hardly "
            "tells which side a text takes. With the published labels of real answers it agrees "
            "little on Schwartz values and not at all on moral foundations: treat its scores as a "
            "demonstration. For conclusions use a strong model as judge (--judge)."
        )
    return lead
