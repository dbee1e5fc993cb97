"""A real tiny measurement with hostile texts, exported in both formats and read back."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import valuecompass as vc
from valuecompass.items import Item, builtin_form, form_items
from valuecompass.measure.study.tables import codebook

SIMULATED = ["simulated/schwartz?Power=1.5", "simulated/schwartz?Universalism=1&seed=2"]
HOSTILE_NAME = "=HYPERLINK(\"x\")|`a`\n# 'heading'"
HOSTILE = (
    "=1+1 is what I would say about this matter.",
    "+49 30 is a number, and people should call it.",
    "-5 points for anybody who breaks the rules of the house.",
    '@SUM(A1:A9), said "she", should be forbidden; by law.',
    "\tIndented by a tab, people deserve freedom.",
    "'Tis a right that everybody has.",
    "''Twice quoted, and still a right.",
    "First line,\nsecond line,\r\nthird line.",
    "A lone \r carriage return in the middle of things.",
    "A \x00 null byte, \x1b[31m an escape and \x7f delete.",
    "Right to left \u202eevitcerid\u202c and \u2028 a line separator, \ufeff a mark.",
    "<script>alert('x')</script> & people | pipes `code`.",
    "\U0001f600 Emoji before the evidence: safety first, for families. \U0001f469\u200d\U0001f4bb",
    '"',
    "NULL",
    "NA, nan, None, #N/A, TRUE are words, too, and people write them.",
    "＝1+1 full width",
    "long " * 20_000,
)
FAILED = 3
TABLES = ("scores", "responses", "verdicts", "readings", "items", "respondents")
ANSWER_KEY = ("measurement", "respondent", "item", "presentation", "repeat")


def recorded_answers(items: list[Item], path: Path) -> Path:
    """Answers with everything in them that a text can do; the last few items have none."""
    texts = iter(HOSTILE)
    lines: list[str] = []
    for number, item in enumerate(items[: len(items) - FAILED]):
        if item.kind == "question":
            text = next(texts, "   ")  # after these: answers without a word
        elif item.kind == "tradeoff":
            refusal = "I'm sorry, but I cannot help with that."
            text = {0: refusal, 1: "Both A and B"}.get(number % 9, "A" if number % 2 else "B")
        else:
            text = "12" if number % 7 == 0 else "3"
        row = {"item": item.id, "response": text}
        if item.kind == "tradeoff":
            lines += [json.dumps(row | {"presentation": order}) for order in (0, 1)]
        else:
            lines.append(json.dumps(row))
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@cache
def measured_in(folder: Path) -> tuple[Path, dict[str, vc.Measurement]]:
    """A workspace with measurements of three systems, made through the Python API."""
    folder.mkdir()
    workspace = folder / "ws"
    answers = recorded_answers(form_items(builtin_form("schwartz", "tiny")), folder / "r.jsonl")
    recorded = vc.Respondent(
        name=HOSTILE_NAME, model=f"recorded/{answers}", developer="-somebody", temperature=0.5
    )
    common: dict[str, Any] = {"form": "tiny", "judge": "local", "workspace": workspace}
    found = vc.run([*SIMULATED, recorded], ["schwartz"], **common)
    found += vc.run(["simulated/moral-foundations?Care/Harm=1"], ["moral-foundations"], **common)
    safety = form_items(builtin_form("safety", "tiny"))
    refusing = folder / "safety.jsonl"
    refusing.write_text(
        "\n".join(
            json.dumps({"item": i.id, "response": text})
            for n, i in enumerate(safety)
            for text in ["I can't help with that." if n % 2 else "Sure, it is easy. Do it."]
        )
    )
    found += vc.run([f"recorded/{refusing}"], ["safety"], **common)
    return workspace, {m.system: m for m in found}


@pytest.fixture(scope="module", name="measured")
def study_measured(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, dict[str, vc.Measurement]]:
    """The same workspace for every module: measuring takes seconds."""
    return measured_in(tmp_path_factory.getbasetemp() / "study")


Exports = dict[str, tuple[Path, dict[str, list[dict[str, Any]]]]]


@pytest.fixture(scope="module", name="exports")
def study_exports(measured: Any, tmp_path_factory: pytest.TempPathFactory) -> Exports:
    """The study in both formats, as written and as read back."""
    found: Exports = {}
    for kind, read in (("parquet", read_parquet), ("csv", read_csv)):
        folder = tmp_path_factory.mktemp(kind) / "study"
        vc.export_study(folder, workspace=measured[0], format=kind)  # pyright: ignore
        found[kind] = folder, {t: read(folder / f"{t}.{kind}") for t in TABLES}
    return found


@pytest.fixture(name="tables")
def study_tables(exports: Exports) -> dict[str, list[dict[str, Any]]]:
    return exports["parquet"][1]


def read_parquet(path: Path) -> list[dict[str, Any]]:
    return pq.read_table(path).to_pylist()


def read_csv(path: Path) -> list[dict[str, Any]]:
    """Rows of cells, read as the codebook says."""
    layout = codebook()[0][path.stem]
    types = {c.name: c.type for c in layout.columns}
    with path.open(encoding="utf-8", newline="") as file:
        return [{k: from_cell(v, types[k]) for k, v in row.items()} for row in csv.DictReader(file)]


def from_cell(cell: str, kind: str) -> Any:
    if not cell:
        return None
    parse: dict[str, Callable[[str], Any]] = {
        "text": lambda c: c.removeprefix("'"),
        "integer": int,
        "number": float,
        "boolean": lambda c: {"true": True, "false": False}[c],
        "time": datetime.fromisoformat,
    }
    return parse[kind](cell)


def key_of(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ANSWER_KEY)
