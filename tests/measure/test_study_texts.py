"""Texts in a study: hostile ones survive, none is a formula, evidence is where it is said to be."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from tests.measure.study_examples import (  # noqa: F401  (fixtures)
    FAILED,
    HOSTILE,
    HOSTILE_NAME,
    TABLES,
    Exports,
    key_of,
    study_exports,
    study_measured,
    study_tables,
)
from valuecompass.measure.study.tables import codebook, csv_cell, encodable


def test_hostile_texts_survive(exports: Exports) -> None:
    for _, tables in exports.values():
        texts = {r["text"] for r in tables["responses"] if r["respondent"] == HOSTILE_NAME}
        # no database holds NUL: it is replaced before it is stored
        assert {text.replace("\0", "\ufffd") for text in HOSTILE} <= texts
        assert {r["respondent"] for r in tables["scores"]} >= {HOSTILE_NAME}
        outcomes = Counter(
            r["outcome"] for r in tables["responses"] if r["respondent"] == HOSTILE_NAME
        )
        assert outcomes["missing"] >= FAILED and outcomes["refusal"] > 0 and outcomes["empty"] > 0
    for verdict in exports["csv"][1]["verdicts"]:
        if verdict["evidence"] is not None:
            assert verdict["end"] - verdict["start"] == len(verdict["evidence"])


def test_evidence_is_where_it_is_said_to_be(tables: dict[str, list[dict[str, Any]]]) -> None:
    answers = {key_of(r): r["text"] for r in tables["responses"]}
    shown = [v for v in tables["verdicts"] if v["evidence"] is not None]
    assert shown
    for v in shown:
        assert answers[key_of(v)][v["start"] : v["end"]] == v["evidence"]


def test_no_csv_cell_is_a_formula(exports: Exports) -> None:
    folder, _ = exports["csv"]
    layouts, _ = codebook()
    protected = 0
    for table in TABLES:
        texts = {c.name for c in layouts[table].columns if c.type == "text"}
        with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                for name, cell in row.items():
                    if name in texts:
                        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
                        protected += cell.startswith("'")
                    else:
                        assert not cell.startswith("'")
    assert protected > 0
    assert csv_cell(-1.5) == "-1.5"


def test_cells_of_every_type() -> None:
    assert csv_cell(None) == "" and csv_cell(True) == "true" and csv_cell(7) == "7"
    assert csv_cell(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) == "2026-01-02T03:04:05.000000Z"
    for text in HOSTILE:
        assert csv_cell(text).removeprefix("'") == text
    assert encodable("a\ud800b") == "a\ufffdb"
    assert encodable("\ud83d\ude00") == "\U0001f600"


def test_a_hostile_name_stays_inside_its_code_in_the_prose(exports: Exports) -> None:
    text = (exports["parquet"][0] / "methods.md").read_text()
    assert "\n# 'heading'" not in text
    lines = [line for line in text.splitlines() if "HYPERLINK" in line and line.startswith("|")]
    assert lines and all(line.count("|") == 8 and line.count("`") == 2 for line in lines)
