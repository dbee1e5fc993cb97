"""Two annotators' labels become one file, and agreement is what it says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.judges.label_rows import AGAINST, NO, OPENING, ROWS, SOME, STEM, YES, labelled, written
from valuecompass.errors import InputError
from valuecompass.judges.labels.adjudication import agreement, pair_up, settle
from valuecompass.judges.labels.labelling import Label, Task, read_given, read_task
from valuecompass.judges.quality.labelled import read_labels

BENS = {0: YES, 1: YES, 2: NO, 3: AGAINST, 4: NO}


@pytest.fixture
def two(tmp_path: Path, task_path: Path) -> tuple[Path, Path]:
    """Anna and Ben: four rows in common, on two of which they agree."""
    task = read_task(task_path)
    return (
        labelled(task, tmp_path / "anna.jsonl", "anna", SOME),
        labelled(task, tmp_path / "ben.jsonl", "ben", BENS),
    )


def test_agreement_of_a_worked_example(tmp_path: Path) -> None:
    """The table 20, 5, 10, 15 of `tests/stats/test_kappa.py`, over 25 items of two rows."""
    rows = [
        ROWS[0] | {"item": f"Question {n // 2}?", "dimension": ("Power", "Security")[n % 2]}
        for n in range(50)
    ]
    task = read_task(written(tmp_path / "t.jsonl", *rows))
    a, b = [1] * 25 + [0] * 25, [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15
    files = [
        labelled(task, tmp_path / f"{name}.jsonl", name, {n: Label(c, 0) for n, c in enumerate(x)})
        for name, x in (("anna", a), ("ben", b))
    ]
    both = pair_up(*(read_given(f) for f in files))
    found = agreement(both, np.random.default_rng(0))
    system = found["systems"]["schwartz"]
    assert found["n"] == 50 and found["disputed"] == 15 and found["annotators"] == ["anna", "ben"]
    assert system["agreement"]["value"] == 0.7 and system["kappa"]["value"] == 0.4
    assert system["valence"]["value"] == 1
    assert system["kappa"]["low"] < 0.4 < system["kappa"]["high"]
    assert set(system["dimensions"]) == {"Power", "Security"}
    # the odd places: 10, 2, 5, 8 of 25
    pairs = list(zip(a, b, strict=True))[1::2]
    same = sum(x == y for x, y in pairs) / 25
    assert system["dimensions"]["Security"]["agreement"]["value"] == pytest.approx(same)


def test_what_cannot_be_estimated_is_none(two: tuple[Path, Path], tmp_path: Path) -> None:
    task = read_task(written(tmp_path / "t.jsonl", OPENING, STEM))
    files = [
        labelled(task, tmp_path / f"{n}.jsonl", n, {0: Label(1), 1: Label(1)}) for n in ("a", "b")
    ]
    found = agreement(pair_up(*(read_given(f) for f in files)), np.random.default_rng(0))
    assert found["systems"]["llm-unique"]["kappa"] is None
    assert found["systems"]["llm-unique"]["valence"] is None
    assert found["systems"]["llm-unique"]["agreement"]["low"] < 1
    json.dumps(found, allow_nan=False)


def test_final_rows_hold_both_and_the_third_decision(
    two: tuple[Path, Path], tmp_path: Path
) -> None:
    both = pair_up(*(read_given(path) for path in two))
    assert both.single == 1 and len(both.pairs) == 4 and len(both.disputed) == 2
    assert both.unlabelled == len(ROWS) - 5
    assert agreement(both, np.random.default_rng(0))["unlabelled"] == 3
    out = tmp_path / "final.jsonl"
    file = settle(out, both)
    assert file.count == 2 and not file.decided
    file.put(both.disputed[0].unit, YES)
    final = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["agreed"] for row in final] == [True, True, False]
    assert all(row["annotators"] == ["anna", "ben"] for row in final)
    assert len(read_labels(out)) == 3
    # the other way round and once more: the decision stands, one is left
    again = settle(out, pair_up(*(read_given(path) for path in reversed(two))))
    assert again.decided == {both.disputed[0].unit.id: YES} and again.count == 3


def test_a_side_alone_is_a_dispute(tmp_path: Path, task_path: Path) -> None:
    task = read_task(task_path)
    files = [
        labelled(task, tmp_path / f"{n}.jsonl", n, {0: Label(0, side)})
        for n, side in (("a", 0), ("b", -1))
    ]
    both = pair_up(*(read_given(f) for f in files))
    assert len(both.disputed) == 1
    assert agreement(both, np.random.default_rng(0))["systems"]["schwartz"]["valence"]["value"] == 0


def test_a_dispute_that_was_settled_between_them_needs_no_third_decision(
    two: tuple[Path, Path], tmp_path: Path, task_path: Path
) -> None:
    out = tmp_path / "final.jsonl"
    both = pair_up(*(read_given(path) for path in two))
    settle(out, both).put(both.disputed[0].unit, NO)
    place = [u.id for u in read_task(task_path).units].index(both.disputed[0].unit.id)
    labelled(read_task(task_path), two[1], "ben", {place: SOME[place]})
    again = settle(out, pair_up(*(read_given(path) for path in two)))
    assert not again.decided and again.count == 3


def test_who_gave_which_label_is_not_told(tmp_path: Path) -> None:
    rows = [ROWS[0] | {"item": f"Question {n}?"} for n in range(60)]
    task = read_task(written(tmp_path / "t.jsonl", *rows))
    files = [
        labelled(task, tmp_path / f"{n}.jsonl", n, dict.fromkeys(range(60), label))
        for n, label in (("a", YES), ("b", NO))
    ]
    disputed = pair_up(*(read_given(f) for f in files)).disputed
    first = sum(pair.unnamed[0] == YES for pair in disputed)
    assert 15 <= first <= 45 and all(set(pair.unnamed) == {YES, NO} for pair in disputed)


def test_half_a_decision_of_a_power_cut_is_taken_away(
    two: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "final.jsonl"
    both = pair_up(*(read_given(path) for path in two))
    settle(out, both).put(both.disputed[0].unit, NO)
    out.write_bytes(out.read_bytes()[:-9])
    assert settle(out, both).count == 2


def test_agreed_only_drops_disputes_but_no_decision(two: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "final.jsonl"
    both = pair_up(*(read_given(path) for path in two))
    assert settle(out, both, agreed_only=True).count == 2
    settle(out, both).put(both.disputed[0].unit, NO)
    before = out.read_bytes()
    with pytest.raises(InputError, match="1 third decisions, which --agreed-only would drop"):
        settle(out, both, agreed_only=True)
    assert out.read_bytes() == before


def test_a_decision_is_not_dropped_with_a_label_that_is_gone(
    two: tuple[Path, Path], tmp_path: Path
) -> None:
    out, whole = tmp_path / "final.jsonl", two[1].read_bytes()
    both = pair_up(*(read_given(path) for path in two))
    file = settle(out, both)
    for pair in both.disputed:
        file.put(pair.unit, YES)
    before, gone = out.read_bytes(), both.disputed[0].unit.id.encode()
    two[1].write_bytes(b"".join(x for x in whole.splitlines(True) if gone not in x))
    with pytest.raises(InputError, match="1 third decisions on rows that no longer have labels by"):
        settle(out, pair_up(*(read_given(path) for path in two)))
    assert out.read_bytes() == before
    two[1].write_bytes(whole)
    assert len(settle(out, pair_up(*(read_given(path) for path in two))).decided) == 2


def test_files_that_do_not_belong_together(
    two: tuple[Path, Path], tmp_path: Path, task_path: Path
) -> None:
    anna, ben = (read_given(path) for path in two)
    units = read_task(task_path).units
    other = labelled(Task(units[:3]), tmp_path / "c.jsonl", "cleo", SOME_OF_THREE)
    apart = labelled(Task(units), tmp_path / "d.jsonl", "dora", {7: YES})
    with pytest.raises(InputError, match=f"is of task {anna.task}, .* two annotators' labels of"):
        pair_up(anna, read_given(other))
    with pytest.raises(InputError, match="are both by anna"):
        pair_up(anna, anna)
    with pytest.raises(InputError, match="no row is labelled in both"):
        pair_up(anna, read_given(apart))
    for path in (two[0], written(tmp_path / "mine.jsonl", ROWS[0] | {"expressed": 1})):
        before = path.read_bytes()
        with pytest.raises(InputError, match="line 1: not a final row of these annotators"):
            settle(path, pair_up(anna, ben))
        assert path.read_bytes() == before


SOME_OF_THREE = {0: YES, 1: NO, 2: YES}
