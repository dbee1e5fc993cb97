"""How well a judge tells sides: figures of known verdicts, and what cannot be estimated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from valuecompass.judges.quality.judging import Said
from valuecompass.judges.quality.labelled import Labelled, read_labels
from valuecompass.judges.quality.polarity import polarity

ROW: dict[str, Any] = {"system": "schwartz", "dimension": "Security", "expressed": 1}
NOTHING = {"auc": None, "low": None, "high": None}


def labels(tmp_path: Path, pairs: int, dimension: str = "Security") -> list[Labelled]:
    """So many pairs of a text for the dimension and one against it."""
    path = tmp_path / f"{dimension}.jsonl"
    rows = [
        ROW | {"dimension": dimension, "item": f"{i}", "response": f"{i} {v}", "valence": v}
        for i in range(pairs)
        for v in (-1, 1)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read_labels(path)


def told(rows: list[Labelled], said: list[Said]) -> dict[str, Any]:
    return polarity(rows, said, np.random.default_rng(0))["schwartz"]


def test_sides_are_compared_where_they_are_labelled_and_told(tmp_path: Path) -> None:
    rows = labels(tmp_path, 20)
    # right on the first 15 pairs, nothing on the rest
    said = [Said(0.5, 0.4 * (r.valence or 0) if int(r.item) < 15 else None) for r in rows]
    found = told(rows, said)
    assert (found["n"], found["coverage"], found["auc"], found["note"]) == (30, 0.75, 1.0, None)
    assert found["low"] < 1 and found["high"] == 1.0
    few = told(rows[:18], said[:18])
    assert few["auc"] is None and "not estimable: 9 labelled 1" in few["note"]


@pytest.mark.parametrize("label", [None, 0])
def test_rows_without_a_side_say_nothing_of_sides(tmp_path: Path, label: int | None) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text(json.dumps(ROW | {"item": "i", "response": "r", "valence": label}))
    assert polarity(read_labels(path), [Said(0.5, 0.5)], np.random.default_rng(0)) == {}


def test_every_dimension_has_figures_of_its_own(tmp_path: Path) -> None:
    rows = labels(tmp_path, 12) + labels(tmp_path, 9, "Power") + labels(tmp_path, 10, "Hedonism")
    sign = {"Security": 1, "Power": 1, "Hedonism": -1}
    rng = np.random.default_rng(1)
    said = [Said(0.5, sign[r.dimension] * (r.valence or 0) * rng.uniform(0.1, 1)) for r in rows]
    whole = told(rows, said)
    found = whole["dimensions"]
    assert 0 < whole["auc"] < 1
    assert list(found) == ["Security", "Power", "Hedonism"]
    assert [d["n"] for d in found.values()] == [24, 18, 20]
    security, power, hedonism = found.values()
    assert security["auc"] == security["high"] == 1 and 0.5 < security["low"] < 1
    assert security["note"] is None
    assert hedonism["auc"] == hedonism["low"] == 0 and 0 < hedonism["high"] < 0.5
    note = "not estimable: 9 labelled 1 and 9 labelled -1"
    assert power == {"n": 18, **NOTHING, "note": note}


def test_dimensions_are_told_where_the_system_cannot_be(tmp_path: Path) -> None:
    rows = labels(tmp_path, 4) + labels(tmp_path, 5, "Power")
    found = told(rows, [Said(0.5, 0.1)] * 18)
    assert found["auc"] is None
    assert {name: d["n"] for name, d in found["dimensions"].items()} == {"Security": 8, "Power": 10}


def test_a_judge_that_tells_no_side(tmp_path: Path) -> None:
    rows = labels(tmp_path, 12) + labels(tmp_path, 12, "Power")
    note = "not estimable: the judge told no side"
    nothing = {"n": 0, **NOTHING, "note": note}
    found = told(rows, [Said(0.5)] * 48)
    assert found == nothing | {
        "coverage": 0,
        "dimensions": {"Security": nothing, "Power": nothing},
    }
    half = told(rows, [Said(0.5, float(r.valence or 0)) for r in rows[:24]] + [Said(0.5)] * 24)
    assert half["auc"] == 1 and half["dimensions"]["Power"] == nothing
