"""What the limits of a judge's figures rest on: items, not rows; pairs, not single figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from valuecompass.judges import Verdict
from valuecompass.judges.quality.evaluate import report
from valuecompass.judges.quality.judging import Said, joined
from valuecompass.judges.quality.labelled import Labelled, read_labels
from valuecompass.judges.quality.polarity import polarity

ROW = {"system": "llm-unique", "dimension": "Professional", "response": "I check every figure."}
N = 80
RNG = np.random.default_rng(11)
LABELS = RNG.integers(0, 2, N)
SAID = np.clip(0.3 + 0.3 * LABELS + RNG.normal(0, 0.3, N), 0, 1).tolist()
ROUNDING = 2e-4
"""Figures have four digits."""


def labelled(folder: Path, responses: list[str] | None = None, **fields: Any) -> list[Labelled]:
    """Eighty rows on twenty items; fields: name and eighty values."""
    path = folder / "labels.jsonl"
    texts = responses or [f"{ROW['response']} {i}" for i in range(N)]
    fields = {"expressed": LABELS, "item": [f"Stem {i % 20}" for i in range(N)]} | fields
    rows = [ROW | {"response": texts[i]} | {k: v[i] for k, v in fields.items()} for i in range(N)]
    path.write_text("".join(json.dumps(row, default=int) + "\n" for row in rows))
    return read_labels(path)


def flat(found: dict[str, Any]) -> dict[str, float]:
    """Every limit of a system's figures, by name."""
    spans = {k: list(v) for k, v in found["intervals"].items()}
    spans |= {f"less {k}": [v["low"], v["high"]] for k, v in found["margins"].items()}
    spans |= {k: [v["low"], v["high"]] for k, v in found["dimensions"].items()}
    return {f"{k} {side}": v for k, span in spans.items() for side, v in enumerate(span)}


def test_the_same_labels_four_times_over_make_nothing_surer(tmp_path: Path) -> None:
    rows = labelled(tmp_path)
    once = flat(report(rows, SAID)["llm-unique"])
    assert {"auc 0", "accuracy 1", "less length 0", "Professional 1"} <= set(once)
    assert once["accuracy 0"] < once["accuracy 1"] - 0.1
    assert flat(report(rows * 4, SAID * 4)["llm-unique"]) == pytest.approx(once, abs=ROUNDING)
    # on other items they would
    apart = [Labelled(f"{row.item} {n}", *_rest(row)) for n in range(4) for row in rows]
    surer = flat(report(apart, SAID * 4)["llm-unique"])
    for name in ("auc", "accuracy", "less length"):
        width, before = (found[f"{name} 1"] - found[f"{name} 0"] for found in (surer, once))
        assert width < 0.7 * before


def _rest(row: Labelled) -> tuple[Any, ...]:
    return row.dimension, row.expressed, row.subject, row.valence


def test_sides_told_four_times_over_are_no_surer(tmp_path: Path) -> None:
    rows = labelled(tmp_path, valence=2 * LABELS - 1)
    said = [Said(0.5, 2 * value - 1) for value in SAID]

    def limits(rows: list[Labelled], said: list[Said]) -> tuple[float, float]:
        found = polarity(rows, said, np.random.default_rng(0))["llm-unique"]
        assert 0.6 < found["auc"] < 0.9
        return found["low"], found["high"]

    assert limits(rows * 4, said * 4) == pytest.approx(limits(rows, said), abs=ROUNDING)


def test_a_shortcut_read_backwards_is_compared_as_if_it_were_read_forwards(tmp_path: Path) -> None:
    lengths = [40 + int(15 * label) + i * 7919 % 29 for i, label in enumerate(LABELS)]
    both = [
        report(labelled(tmp_path, [("ab " * n)[:n] for n in sizes]), SAID)["llm-unique"]
        for sizes in (lengths, [150 - n for n in lengths])
    ]
    forwards, backwards = both
    assert forwards["shortcuts"]["length"] > 0.75
    assert backwards["shortcuts"]["length"] == pytest.approx(1 - forwards["shortcuts"]["length"])
    one, other = (found["margins"]["length"] for found in both)
    assert one["low"] < one["value"] < one["high"]
    assert other["value"] == pytest.approx(one["value"], abs=ROUNDING)
    # the prior's pair in the right order is the other one now, so the draws are not the same
    width = one["high"] - one["low"]
    assert other == pytest.approx(one, abs=0.1 * width)


def test_points_are_joined_as_in_a_measurement() -> None:
    # any point may express a value; the sides of all points are weighed
    given = [(0.2, 1.0), (0.9, -0.5), (None, None), (0.4, None)]
    verdicts = [Verdict(n, "Power", e, v) for n, (e, v) in enumerate(given)]
    verdicts.append(Verdict(0, "Security", 1.0, 1.0))
    assert joined(verdicts, "Power") == Said(0.9, 0.25)
    assert joined(verdicts, "Tradition") == joined(verdicts[2:3], "Power") == Said(None, None)
    assert joined(verdicts[3:], "Power") == Said(0.4, None)
