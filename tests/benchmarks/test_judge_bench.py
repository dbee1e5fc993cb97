"""What `benchmarks/judge/bench.py` prints."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.judges.attacks import SUITE
from valuecompass.judges.local.judge import LocalJudge
from valuecompass.judges.quality.labelled import read_labels

PATH = SUITE / "bench.py"


@pytest.fixture(scope="module")
def bench() -> Iterator[Any]:
    """The benchmark's module; it puts the folder of the training before all others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(SUITE), *sys.path])
        yield import_module("bench")
        for name in ("bench", "data", "near_duplicates"):
            sys.modules.pop(name)


@pytest.fixture(scope="module")
def found(bench: Any) -> Any:
    """Figures of one judge on a part of the test of sides."""
    judge = LocalJudge()
    dimensions = ("Power", "Tradition")
    rows = [r for r in read_labels(SUITE / "polarity.jsonl") if r.dimension in dimensions]
    return {
        "probe": None,
        "corpus": {"texts": 1000, "near_duplicates": 7},
        "judges": [
            {
                "name": judge.name,
                "identity": judge.identity,
                "speed": bench.speed(judge, rows),
                "sets": {"sides": bench.judged(judge, rows)},
            }
        ],
        "not_measured": ["own", "human", "labels"],
    }


def test_every_figure_is_printed(bench: Any, found: Any, capsys: pytest.CaptureFixture[str]):
    bench.show(found)
    printed = capsys.readouterr().out
    (judge,) = found["judges"]
    entry = judge["sets"]["sides"]["schwartz"]
    figures = [entry[n] for n in ("auc", "macro_auc", "accuracy", "kappa", "majority", "coverage")]
    parts = [entry, entry["polarity"]]
    figures += [d["auc"] for part in parts for d in part["dimensions"].values()]
    figures += [*entry["shortcuts"].values(), entry["polarity"]["auc"]]
    assert [f"{x:.2f}" for x in figures if f"{x:.2f}" not in printed and x < 1] == []
    low, high = entry["intervals"]["kappa"]
    assert f"{entry['kappa']:.2f} [{low:.2f}, {high:.2f}]" in printed
    margin = min(entry["margins"].values(), key=lambda m: m["low"])
    assert f"{margin['value']:+.2f} [{margin['low']:+.2f}, {margin['high']:+.2f}]" in printed
    assert all(digest in printed for digest in judge["identity"]["heads"].values())
    assert "1,000 texts, 7 near-duplicates" in printed
    assert "  human: not given" in printed


def test_rows_stay_whole_in_a_pipe(bench: Any, found: Any, capsys: pytest.CaptureFixture[str]):
    (judge,) = found["judges"]
    entry = judge["sets"]["sides"]["schwartz"]
    widest = entry | {"margins": {"refusal_words": entry["margins"]["length"]}}
    sets = {"labels": {"moral-foundations": widest}}
    bench.show(found | {"judges": [judge | {"sets": sets}]})
    rows = capsys.readouterr().out.splitlines()
    assert sum(row.startswith("labels: moral-foundations ") for row in rows) == 5
    assert any(row.startswith("labels: ") and row.endswith("refusal words") for row in rows)


@pytest.mark.parametrize("option", ["--human", "--labels"])
def test_a_path_that_leads_nowhere_ends_with_one_message(option: str, tmp_path: Path):
    command = [sys.executable, str(PATH), option, str(tmp_path / "absent")]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert len(ended.stderr.splitlines()) == 1
    assert str(tmp_path / "absent") in ended.stderr and "cannot be read" in ended.stderr
