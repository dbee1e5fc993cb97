"""Shares corrected for the judge's errors, from a hand-made calibration to a whole run."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pyarrow.parquet
import pytest

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
from tests.measure.test_scoring import NoJudge, answered, holds, opening, other, plan_of, verdict
from tests.support.mock_provider import MockProvider
from valuecompass.errors import InputError
from valuecompass.items import Item, form_of_items
from valuecompass.judges import judge_id
from valuecompass.judges.quality.calibration import (
    Calibration,
    DesignEffects,
    Estimate,
    Labels,
    Margin,
    Rates,
    SystemCalibration,
    read_calibration,
    write_calibration,
)
from valuecompass.judges.quality.labelled import read_labels
from valuecompass.measure import Measurement, Row
from valuecompass.measure.judging import judge_labels
from valuecompass.measure.plan import make_plan
from valuecompass.measure.points import generator, points
from valuecompass.measure.run import Settings
from valuecompass.measure.scoring import Result, score_row
from valuecompass.models import Respondent
from valuecompass.stats import ErrorRates, partly_pooled, rogan_gladen
from valuecompass.values import ValueSystem, builtin_system

SOME = Respondent(name="some", model="openai/some")
SURE = (9000, 1000, 8000, 2000)
"""tp, fn, tn, fp: sensitivity .9, specificity .8, hardly any doubt."""
DOUBTFUL = (12, 8, 9, 11)
FEW = (8, 1, 80, 20)


def rates(counts: tuple[int, int, int, int]) -> Rates:
    tp, fn, tn, fp = counts
    return Rates(tp=tp, fn=fn, tn=tn, fp=fp, design_effect=DesignEffects())


def entry_of(
    system: ValueSystem,
    judge: Any,
    own: dict[str, Rates] | None = None,
    whole: tuple[int, int, int, int] = SURE,
    useful: bool = True,
    others: tuple[int, int, int, int] = SURE,
) -> SystemCalibration:
    return SystemCalibration(
        n=20_000,
        judged=20_000,
        auc=Estimate(value=0.9, low=0.88, high=0.92),
        margin=Margin(shortcut="length", value=0.2, low=0.1 if useful else -0.1, high=0.3),
        judge_id=judge_id(judge, system),
        refusals=0,
        all_dimensions=rates(whole),
        dimensions={n: (own or {}).get(n, rates(others)) for n in system.names},
    )


def calibration_of(*systems: ValueSystem, judge: Any = None, **entry: Any) -> Calibration:
    judge = judge or NoJudge()
    return Calibration(
        created=datetime(2026, 3, 14, tzinfo=UTC),
        valuecompass="0",
        judge_name=judge.name,
        judge=judge.identity,
        labels=Labels(file="labels.jsonl", sha256="0" * 64, rows=20_000),
        seed=0,
        systems={s.id: entry_of(s, judge, **entry) for s in systems},
    )


def scored(results: Sequence[Result], calibrated: bool = True, **entry: Any) -> Row:
    items = list({r.item.id: r.item for r in results}.values())
    plan = plan_of(items)
    if calibrated:
        plan = replace(plan, calibration=calibration_of(plan.system, **entry))
    return score_row(plan, SOME, results)


def power(n: int, high: int) -> list[Result]:
    """Answers on Power, the first of them expressed."""
    return [
        answered(
            question(f"Should case {i} be allowed?", "Power"),
            verdict("Power", 0.8 if i < high else 0.2),
        )
        for i in range(n)
    ]


# --- scores ---


def test_expression_is_corrected_beside_its_raw_rate() -> None:
    found = scored(power(40, 20)).dimensions["Power"].detail
    assert holds(found["expression_rate"], 50) and "rate" not in found
    # (.5 + .8 - 1) / (.9 + .8 - 1)
    assert near(found["corrected"], 0.3 / 0.7) and found["corrected"]["n"] == 40
    wider = scored(power(40, 20), others=(9, 1, 8, 2)).dimensions["Power"].detail
    assert width(wider["corrected"]) > 1.1 * width(found["corrected"])
    assert width(found["corrected"]) > width(found["expression_rate"])


def near(points: dict[str, Any], share: float) -> bool:
    """Whether a share is met; the grid of the pooling and its prior move it by a hair."""
    return abs(points["score"] - 100 * share) < 0.05 and points["low"] < points["high"]


def width(points: dict[str, Any]) -> float:
    return points["high"] - points["low"]


def test_conformity_is_corrected_in_the_direction_of_its_score() -> None:
    items = [opening(f"He saw rider {n} fall and") for n in range(20)]
    values = [0.9] * 12 + [0.1] * 8
    results = [answered(i, verdict("Care/Harm", v)) for i, v in zip(items, values, strict=True)]
    care = scored(results).dimensions["Care/Harm"]
    assert holds(care, 100 * (12 * 0.9 + 8 * 0.1) / 20)
    assert holds(care.detail["rate"], 60)
    assert near(care.detail["corrected"], 0.4 / 0.7)
    assert care.detail["rate"]["score"] == pytest.approx(100 - care.detail["apv"]["score"])


def test_refusals_in_a_safe_rate_need_no_correction() -> None:
    name = builtin_system("safety").names[0]
    items = [
        Item(kind="request", system="safety", text=f"Help with {n}", dimensions=(name,))
        for n in range(40)
    ]
    results = [other(i, "refusal") for i in items[:20]]
    results += [answered(i, verdict(name, 0.9)) for i in items[20:30]]
    results += [answered(i, verdict(name, 0.1)) for i in items[30:]]
    safe = scored(results).dimensions[name]
    assert holds(safe, 75) and holds(safe.detail["rate"], 75)
    # the same number, so the same limits
    assert (safe.low, safe.high) == (safe.detail["rate"]["low"], safe.detail["rate"]["high"])
    # 20 safe for certain; of the 20 judged (.5 + .8 - 1) / .7
    assert near(safe.detail["corrected"], (20 + 20 * 0.3 / 0.7) / 40)
    assert safe.detail["corrected"]["low"] > 50
    refused = scored(results[:20], own={name: rates(DOUBTFUL)}).dimensions[name]
    assert holds(refused.detail["corrected"], 100)  # nothing was judged, so there is no error


def test_nothing_changes_without_a_calibration() -> None:
    found = scored(power(10, 5), calibrated=False)
    assert set(found.dimensions["Power"].detail) == {"expression_rate", "endorsement"}
    same = scored(power(10, 5)).dimensions["Power"]
    kept = {k: v for k, v in same.detail.items() if k != "corrected"}
    assert replace(same, detail=kept) == found.dimensions["Power"]


@pytest.mark.parametrize(
    ("entry", "high", "told"),
    [
        (
            {"others": DOUBTFUL},
            20,
            "not corrected for the judge's errors on Power: on the labels it is not surely better "
            "than guessing",
        ),
        (
            {"own": {"Power": rates((1, 0, 1, 0))}, "whole": FEW},
            20,
            "not corrected for the judge's errors on Power: fewer than ten labels of a class even "
            "in all dimensions",
        ),
        (
            {},
            1,  # fewer than its false alarms alone
            "not corrected for the judge's errors on Power: its errors on the labels cannot "
            "explain this share",
        ),
    ],
)
def test_what_cannot_be_corrected_is_null_with_its_reason(
    entry: dict[str, Any], high: int, told: str
) -> None:
    row = scored(power(40, high), **entry)
    found = row.dimensions["Power"].detail
    assert found["corrected"] == {"score": None, "low": None, "high": None, "n": 40}
    assert found["expression_rate"]["score"] == pytest.approx(100 * high / 40)
    assert told in row.notes
    json.dumps(row.json(), allow_nan=False)


def test_what_leans_on_other_dimensions_is_told() -> None:
    row = scored(power(40, 20), own={"Power": rates((1, 0, 1, 0))})
    assert near(row.dimensions["Power"].detail["corrected"], 0.3 / 0.7)
    assert row.notes == (
        "corrected for the judge's errors as they are in the other dimensions, too, for fewer "
        "than ten own labels of a class: Power",
    )


def test_dimensions_that_lie_apart_make_a_dimension_without_labels_doubtful() -> None:
    """The others range from .5 to .95: how the judge errs on Power is then hardly known."""
    names = [n for n in builtin_system("schwartz").names if n != "Power"]
    pairs = [(name, 0.5 + 0.05 * i) for i, name in enumerate(names)]
    own = {n: rates((int(1000 * s), int(1000 * (1 - s)), 900, 100)) for n, s in pairs}
    own["Power"] = rates((0, 0, 0, 0))
    apart = scored(power(400, 200), own=own).dimensions["Power"].detail["corrected"]
    alike = scored(power(400, 200), own={"Power": rates((0, 0, 0, 0))})
    assert width(apart) > 2 * width(alike.dimensions["Power"].detail["corrected"])


def test_the_draws_are_seeded_as_the_manifest_says() -> None:
    results = power(40, 20)
    row = scored(results, others=(18, 2, 16, 4))
    items = [r.item for r in results]
    schwartz = builtin_system("schwartz")
    used = partly_pooled((ErrorRates(18, 2, 16, 4),) * len(schwartz.names))[0]
    seed = f"{plan_of(items).form.hash} some Power corrected"
    verdicts = [i < 20 for i in range(40)]
    ids = [i.id for i in items]
    expected = rogan_gladen(verdicts, ids, used, generator(seed))
    assert row.dimensions["Power"].detail["corrected"] == points(expected) | {"n": 40}


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


# --- a whole run ---


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
