"""Runs with a calibration: the plan, the measurement, the board and the export."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pyarrow.parquet
import pytest

from tests.measure.calibrations import DOUBTFUL, SOME, calibration_of
from tests.measure.helpers import (
    HASTY,
    JUDGE,
    LIKERT,
    MODEL,
    Command,
    likert,
    measure,
    question,
    small_items,
    write_items,
)
from tests.measure.test_scoring import NoJudge
from tests.support.mock_provider import MockProvider
from valuecompass.errors import InputError
from valuecompass.items import Item, form_of_items
from valuecompass.judges.quality.calibration import Calibration, read_calibration, write_calibration
from valuecompass.judges.quality.labelled import read_labels
from valuecompass.measure import Measurement
from valuecompass.measure.judging import judge_labels
from valuecompass.measure.plan import make_plan
from valuecompass.measure.run import Settings
from valuecompass.stats import ErrorRates
from valuecompass.values import builtin_system

# --- plans ---


def planned(items: list[Item], calibration: Calibration | None, **more: Any) -> Any:
    system = builtin_system(items[0].system)
    form = form_of_items(items, system, "hand-made", "tiny")
    return make_plan(system, form, [SOME], NoJudge(), items, calibration=calibration, **more)


def test_a_calibration_is_part_of_the_plan_only_when_given() -> None:
    items = [question("Should it be allowed?", "Power")]
    given = calibration_of(builtin_system("schwartz"))
    plain, calibrated = planned(items, None), planned(items, given)
    assert "calibration" not in plain.identity
    assert calibrated.identity == {"calibration": given.hash} | plain.identity
    other = calibration_of(builtin_system("schwartz"), whole=DOUBTFUL)
    assert len({plain.id, calibrated.id, planned(items, other).id}) == 3


def test_a_calibration_that_does_not_belong_is_refused() -> None:
    items = [question("Should it be allowed?", "Power")]

    class Other(NoJudge):
        identity = {"kind": "other"}  # noqa: RUF012

    with pytest.raises(InputError, match="judge: it measured none, not none as it judges here"):
        planned(items, calibration_of(builtin_system("schwartz"), judge=Other()))
    with pytest.raises(InputError, match="no labels of schwartz"):
        planned(items, calibration_of(builtin_system("safety")))
    with pytest.raises(InputError, match="--opinions mean: the calibration tells"):
        planned(items, calibration_of(builtin_system("schwartz")), opinions="mean")


def test_where_nothing_is_judged_there_is_no_gate_and_no_error() -> None:
    items = [likert(*LIKERT[0])]
    plan = planned(items, calibration_of(builtin_system("safety")))
    assert plan.gate is None and plan.calibration is None
    assert plan.id == planned(items, None).id


@pytest.mark.parametrize(("useful", "status"), [(True, "passed"), (False, "failed")])
def test_the_plan_knows_its_gate(useful: bool, status: str) -> None:
    items = [question("Should it be allowed?", "Power")]
    given = calibration_of(builtin_system("schwartz"), useful=useful)
    assert planned(items, given).gate.status == status
    assert planned(items, None).gate.status == "unmeasured"


# --- whole runs ---


def labelled(folder: Path, wrong: int, workspace: Path) -> Path:
    """Label answers as the mock judge judges them, but for every wrong-th row."""
    names = builtin_system("schwartz").names
    rows = [
        {
            "system": "schwartz",
            "item": f"Should case {i} be allowed?",
            "response": f"1. Reason {i} speaks for it.",
            "dimension": name,
            "expressed": 1,
        }
        for i in range(30)
        for name in names
    ]
    path = folder / "labels.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    settings = Settings(workspace=workspace, patience=HASTY)
    (found,) = anyio.run(judge_labels, read_labels(path), settings, [JUDGE])
    for i, (row, value) in enumerate(zip(rows, found.expressed, strict=True)):
        assert value is not None
        row["expressed"] = int((value >= 0.5) != (i % wrong == 0))
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.mark.usefixtures("able_judge")
def test_a_run_with_a_calibration(
    tmp_path: Path, workspace: Path, cli: Command, mock_provider: MockProvider
) -> None:
    labels, out = labelled(tmp_path, 7, workspace), tmp_path / "calibration.json"
    before = mock_provider.stats()["requests"]
    done = cli("judge", "calibrate", labels, "--judge", JUDGE, "-w", workspace, "-o", out, "--json")
    assert done.code == 0, done.err
    assert mock_provider.stats()["requests"] == before  # the verdicts are stored
    document = json.loads(done.out)
    assert document["gates"]["schwartz"]["status"] == "passed"
    calibration = read_calibration(out)
    whole = calibration.systems["schwartz"].all_dimensions
    assert whole.fp + whole.fn == 43 and whole.tp + whole.fn + whole.tn + whole.fp == 300

    items = write_items(tmp_path, small_items())
    plain = measure(workspace, items)
    found = measure(workspace, items, calibration=out)
    assert found.manifest["judge_gate"]["status"] == "passed"
    assert plain.manifest["judge_gate"]["status"] == "unmeasured"
    about = found.manifest["calibration"]
    assert about["hash"] == calibration.hash and about["labels"]["rows"] == 300
    assert about["dimensions"]["Power"]["tp"] == used_for(calibration, "Power").tp
    assert "calibration" not in plain.manifest and plain.id != found.id
    shown = 0
    for name, score in found.rows[0].dimensions.items():
        raw = plain.rows[0].dimensions[name]
        assert (score.score, score.low, score.high) == (raw.score, raw.low, raw.high)
        corrected = score.detail["corrected"]
        assert "corrected" not in raw.detail and corrected["n"] == score.n
        errors, rate = used_for(calibration, name), raw.detail["expression_rate"]["score"]
        if corrected["score"] is not None:
            shown += 1
            se, sp = errors.sensitivity.value, errors.specificity.value
            exact = (rate / 100 + sp - 1) / (se + sp - 1)
            assert corrected["score"] == pytest.approx(100 * min(1, max(0, exact)), abs=0.02)
    assert shown >= 5


@pytest.mark.usefixtures("able_judge", "mock_provider")
@pytest.mark.parametrize("wrong", [1, 7])
def test_the_methods_say_what_corrected_the_shares(
    tmp_path: Path, workspace: Path, cli: Command, wrong: int
) -> None:
    """A judge that is always wrong corrects nothing; labels of another system are not counted."""
    labels, out = labelled(tmp_path, wrong, workspace), tmp_path / "calibration.json"
    other = {"system": "llm-unique", "item": "I", "response": "do.", "expressed": 1}
    with labels.open("a", encoding="utf-8") as file:
        file.write(json.dumps(other | {"dimension": "Social"}) + "\n")
    shared = ("--judge", JUDGE, "-w", workspace)
    done = cli("judge", "calibrate", labels, *shared, "-o", out)
    assert done.code == 0, done.err
    assert f"valuecompass run --judge {JUDGE} --calibration {out}" in done.out
    measure(workspace, write_items(tmp_path, small_items()), calibration=out)
    study = tmp_path / "study"
    assert cli("export", "--study", study, "-w", workspace).code == 0
    methods = (study / "methods.md").read_text()
    assert "estimated on 300 labels of Schwartz basic values" in methods
    assert ("No share of responses could be corrected for them" in methods) == (wrong == 1)
    for words in ("given raw and corrected", "Gelman, A.", "Rogan, W. J."):
        assert (words in methods) == (wrong == 7)


def used_for(calibration: Calibration, name: str) -> ErrorRates:
    return calibration.systems["schwartz"].rates_of(name)


@pytest.mark.usefixtures("able_judge")
def test_the_board_shows_both_and_the_export_keeps_them(
    tmp_path: Path, workspace: Path, cli: Command, mock_provider: MockProvider
) -> None:
    labels, out = labelled(tmp_path, 2, workspace), tmp_path / "calibration.json"
    shared = ("--judge", JUDGE, "-w", workspace)
    done = cli("judge", "calibrate", labels, *shared, "-o", out)
    assert done.code == 0 and "schwartz, gate failed" in done.out and "may be guessing" in done.out
    items = write_items(tmp_path, small_items())
    run = ("run", "-m", MODEL, "--items", items, "--form", "tiny", *shared)
    done = cli(*run, "--calibration", out)
    assert done.code == 0, done.err
    assert "DEMONSTRATION: The judge" in done.out
    assert "judged → corrected for the judge's errors" in done.out and "→ not corrected" in done.out
    study = tmp_path / "study"
    done = cli("export", "--study", study, "-w", workspace)
    assert done.code == 0, done.err
    manifest = json.loads((study / "manifest.json").read_text())
    (head,) = manifest["measurements"]
    reason = head["judge_gate"]["reason"]
    assert manifest["demonstration"] == {head["id"]: reason}
    assert json.loads((study / "codebook.json").read_text())["demonstration"] == {
        head["id"]: reason
    }
    assert "## Demonstrations" in (study / "codebook.md").read_text()
    methods = (study / "methods.md").read_text()
    assert f"**Demonstration** (measurement `{head['id']}`). The judge" in methods
    assert "estimated on 300 labels of Schwartz basic values" in methods
    assert "given raw and corrected" in methods and "No corrected share could be given" in methods
    with (study / "scores.parquet").open("rb") as file:
        gates = pyarrow.parquet.read_table(file, columns=["kind", "judge_gate"]).to_pylist()
    assert {row["judge_gate"] for row in gates if row["kind"] == "corrected"} == {"failed"}
    assert {row["judge_gate"] for row in gates if row["kind"] == "within"} <= {None}
    done = cli(*run, "--calibration", out, "--csv")
    rows = list(csv.DictReader(done.out.splitlines()))
    assert rows and {row["judge_gate"] for row in rows} == {"failed"}


@pytest.mark.usefixtures("able_judge")
def test_a_wrong_calibration_is_told_before_the_first_request(
    tmp_path: Path, workspace: Path, cli: Command, mock_provider: MockProvider
) -> None:
    items = write_items(tmp_path, small_items())
    run = (
        "run",
        "-m",
        MODEL,
        "--items",
        items,
        "--form",
        "tiny",
        "-w",
        workspace,
        "--judge",
        JUDGE,
    )
    out = tmp_path / "calibration.json"
    write_calibration(calibration_of(builtin_system("schwartz")), out)
    done = cli(*run, "--calibration", out)
    assert done.code == 2 and f"{out}: judge: it measured none, not {JUDGE}" in done.err
    done = cli(*run, "--calibration", items)
    assert done.code == 2 and f"{items}: not readable JSON" in done.err
    done = cli(*run, "--calibration", tmp_path / "absent.json")
    assert done.code == 2 and "absent.json: cannot be read" in done.err
    done = cli("judge", "calibrate", items, "--judge", JUDGE, "-o", items)
    assert done.code == 2 and "no calibration; choose another file" in done.err
    assert mock_provider.stats()["requests"] == 0


def test_the_gate_of_an_old_measurement() -> None:
    scoring = {"system": {"scoring": "expression"}}
    old = Measurement("id", datetime.now(UTC), "schwartz", scoring, ())
    assert old.gate is not None and old.gate.status == "unmeasured"
    keyed = replace(old, manifest={"system": {"scoring": "keyed-scale"}})
    assert keyed.gate is None
    known = replace(old, manifest=scoring | {"judge_gate": asdict(old.gate) | {"status": "passed"}})
    assert known.gate is not None and known.gate.status == "passed"
    assert replace(old, manifest=scoring | {"judge_gate": None}).gate is None
