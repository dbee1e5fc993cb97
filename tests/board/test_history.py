"""The log of a workspace, and AdAEM's win rate of a board."""

from __future__ import annotations

import json
from pathlib import Path

import anyio
import pytest

from tests.board.measured import level, measured
from valuecompass.board.history import history
from valuecompass.board.win_rate import win_rate
from valuecompass.errors import InputError
from valuecompass.measure.published import import_table
from valuecompass.measure.run import resolve_system


def imported(folder: Path) -> None:
    from datetime import date

    path = folder / "table.json"
    path.write_text(json.dumps([{"model": "A", "Openness": 40}, {"model": "B", "Openness": 60}]))
    anyio.run(
        lambda: import_table(
            path, resolve_system("big-five"), date(2025, 2, 28), workspace=folder / "ws"
        )
    )


def test_the_log_lists_measurements_and_tables_oldest_first(tmp_path: Path) -> None:
    measured(tmp_path, {"high": level(5, 5, 5, 5, 5), "low": level(2, 2, 2, 2, 2)})
    imported(tmp_path)
    table, own = anyio.run(history, tmp_path / "ws", None)["measurements"]
    assert (table["kind"], table["date"][:10], table["source"]) == (
        "published",
        "2025-02-28",
        "table.json",
    )
    assert (own["kind"], own["respondents"], own["occasion"]) == ("measured", 2, None)
    assert own["form"].startswith("big-five/") and own["source"] is None
    assert anyio.run(history, tmp_path / "ws", None, "schwartz") == {"measurements": []}


def test_win_rates_order_respondents_and_tell_of_their_order(tmp_path: Path) -> None:
    ratings = {
        "high": level(6, 6, 6, 6, 6),
        "middle": level(3.5, 3.5, 3.5, 3.5, 3.5),
        "low": level(1, 1, 1, 1, 1),
    }
    measured(tmp_path, ratings)
    found = anyio.run(lambda: win_rate(tmp_path / "ws", None, "big-five"))
    cells = {row["respondent"]: row["dimensions"]["Openness"] for row in found["rows"]}
    assert cells["high"]["score"] > cells["middle"]["score"] > cells["low"]["score"]
    assert sum(cell["score"] for cell in cells.values()) == pytest.approx(150, abs=1e-3)
    assert cells["middle"]["n"] == 4 and found["order_rho"]["Openness"] is not None


def test_a_win_rate_needs_items_and_somebody_to_win_against(tmp_path: Path) -> None:
    measured(tmp_path / "one", {"alone": level(5, 5, 5, 5, 5)})
    with pytest.raises(InputError, match="two respondents"):
        anyio.run(lambda: win_rate(tmp_path / "one" / "ws", None, "big-five"))
    imported(tmp_path)
    with pytest.raises(InputError, match="imported table without items"):
        anyio.run(lambda: win_rate(tmp_path / "ws", None, "big-five"))
