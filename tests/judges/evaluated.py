"""Labelled rows, and a judge that says what a table says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from valuecompass.judges import Subject, Verdict
from valuecompass.judges.quality.evaluate import report

ROW: dict[str, Any] = {
    "system": "llm-unique",
    "item": "When I write a report, I",
    "response": "keep to the facts.",
    "dimension": "Professional",
    "expressed": 1,
}


def written(tmp_path: Path, *rows: Any) -> Path:
    path = tmp_path / "labels.jsonl"
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


class Scripted:
    """Says of each dimension what a table says; None is missing."""

    name = "scripted"
    identity = {"kind": "scripted"}  # noqa: RUF012

    def __init__(self, table: dict[tuple[str, str], list[float | None] | float | None]) -> None:
        self.table = table
        self.seen: list[Subject] = []

    async def judge(self, subject: Subject) -> list[Verdict]:
        self.seen.append(subject)
        found: list[Verdict] = []
        for name in subject.dimensions:
            value = self.table.get((subject.response, name))
            for part, v in enumerate(value if isinstance(value, list) else [value]):
                missing = None if v is not None else "not in the table"
                found.append(Verdict(part, name, v, missing=missing))
        return found


def many(n: int, seed: int = 0, items: int = 20) -> list[dict[str, Any]]:
    """Rows of two dimensions with labels that are no function of length."""
    rng = np.random.default_rng(seed)
    return [
        ROW
        | {
            "item": f"Stem {i % items}",
            "response": f"Answer {i} " + "long " * int(rng.integers(0, 9)),
            "dimension": ("Professional", "Social")[i % 2],
            "expressed": int(rng.integers(0, 2)),
        }
        for i in range(n)
    ]


def evaluated(rows: list[Any], values: list[float | None], seed: int = 0) -> dict[str, Any]:
    return report(rows, values, seed)
