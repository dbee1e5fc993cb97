"""Labels by people: no label is lost, none is mixed up, and agreement is what it says."""

from __future__ import annotations

import json
import os
import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.judges.examples import OWN_TOML, own_system
from valuecompass.errors import InputError
from valuecompass.judges.labels.adjudication import agreement, pair_up, settle
from valuecompass.judges.labels.labelling import (
    Label,
    Task,
    read_given,
    read_task,
    resume,
    write_task,
)
from valuecompass.judges.labels.walk import (
    WORDINGS,
    Walk,
    help_for,
    in_words,
    judged_part,
    question,
)
from valuecompass.judges.protocol import THRESHOLD
from valuecompass.judges.quality.labelled import read_labels
from valuecompass.values import Scoring, builtin_system

ANSWER = "Stance: yes\n1. Children could cross the street.\n2. Fewer accidents."
ROWS: list[dict[str, Any]] = [
    {
        "system": "schwartz",
        "item": f"Should the town ban cars from street {n}?",
        "response": ANSWER,
        "dimension": name,
    }
    for n in range(4)
    for name in ("Security", "Power")
]
OPENING: dict[str, Any] = {
    "system": "moral-foundations",
    "item": "Tom saw the old man fall and",
    "response": "helped him up.",
    "dimension": "Care/Harm",
    "principle": "It is good to help those who are hurt.",
}
STEM: dict[str, Any] = {
    "system": "llm-unique",
    "item": "When I write a report, I",
    "response": "keep to the facts.",
    "dimension": "Professional",
}


def written(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


@pytest.fixture
def task_path(tmp_path: Path) -> Path:
    return written(tmp_path / "task.jsonl", *ROWS)


def labelled(task: Task, path: Path, annotator: str, labels: dict[int, Label]) -> Path:
    """Label units by their place in the task."""
    file = resume(path, task, annotator, Path("task.jsonl"))
    for place, label in labels.items():
        file.put(task.units[place], label)
    return path


YES, NO, AGAINST = Label(1, 1), Label(0, 0), Label(0, -1)
SOME = {0: YES, 1: NO, 2: YES, 3: AGAINST}


# --- tasks ---


def test_a_task_is_the_same_in_any_order_and_with_any_further_field(
    tmp_path: Path, task_path: Path
) -> None:
    other = [row | {"expressed": 1, "id": "mine", "model": "m"} for row in reversed(ROWS)]
    task, again = read_task(task_path), read_task(written(tmp_path / "b.jsonl", *other))
    assert task.hash == again.hash and len(task.units) == len(ROWS)
    assert not any("expressed" in unit.row() for unit in again.units)


@pytest.mark.parametrize(
    "change",
    [
        {"item": "Another question?"},
        {"response": "1. No.\n2. Never."},
        {"dimension": "Tradition"},
        {"principle": "Streets are for all."},
    ],
)
def test_whatever_a_person_is_shown_makes_another_unit(
    tmp_path: Path, change: dict[str, str]
) -> None:
    found = read_task(written(tmp_path / "t.jsonl", ROWS[0], ROWS[0] | change)).units
    assert found[0].id != found[1].id


def test_each_annotator_has_an_order_of_their_own(task_path: Path) -> None:
    task = read_task(task_path)
    anna, again, ben = (task.ordered_for(name) for name in ("anna", "anna", "ben"))
    assert anna == again != ben
    assert {u.id for u in anna} == {u.id for u in ben} == {u.id for u in task.units}


def test_rows_of_one_response_follow_each_other(tmp_path: Path) -> None:
    rows = [row | {"item": f"{row['item']} {n}"} for n in range(5) for row in ROWS]
    task = read_task(written(tmp_path / "t.jsonl", *rows))
    items = [unit.subject.item.text for unit in task.ordered_for("anna")]
    assert items[::2] == items[1::2] and len(set(items)) == 20
    assert items != sorted(items)


def test_the_same_row_twice_is_told(tmp_path: Path) -> None:
    path = written(tmp_path / "t.jsonl", ROWS[0], ROWS[1], ROWS[0] | {"id": "x"})
    with pytest.raises(InputError, match=r"t\.jsonl, line 3: .* stands in line 1; remove one"):
        read_task(path)


def test_a_task_without_rows_or_with_a_wrong_row_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no rows"):
        read_task(written(tmp_path / "t.jsonl"))
    with pytest.raises(InputError, match="line 1: dimension: 'Speed' is not a dimension"):
        read_task(written(tmp_path / "t.jsonl", ROWS[0] | {"dimension": "Speed"}))


def test_a_system_of_ones_own(tmp_path: Path) -> None:
    row = ROWS[0] | {"system": "workshop", "dimension": "craft"}
    path = written(tmp_path / "t.jsonl", row)
    with pytest.raises(InputError, match="system: 'workshop' is unknown"):
        read_task(path)
    assert OWN_TOML and read_task(path, [own_system()]).units[0].dimension == "Craft"


def test_a_task_file_is_not_overwritten(tmp_path: Path, task_path: Path) -> None:
    task, path = read_task(task_path), tmp_path / "out.jsonl"
    write_task(path, task)
    before = path.read_bytes()
    write_task(path, task)
    assert path.read_bytes() == before and read_task(path).hash == task.hash
    with pytest.raises(InputError, match="already there with other rows"):
        write_task(path, Task(task.units[1:]))
    assert path.read_bytes() == before


def test_half_of_a_surrogate_pair_can_be_labelled(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(json.dumps(ROWS[0] | {"response": "odd \ud83d text"}) + "\n")
    task = read_task(path)
    labels = labelled(task, tmp_path / "l.jsonl", "anna", {0: YES})
    assert read_given(labels).units[task.units[0].id].subject.response == "odd \ud83d text"


# --- label files ---


def test_a_label_is_synced_to_disk_before_put_returns(
    tmp_path: Path, task_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task, path = read_task(task_path), tmp_path / "labels.jsonl"
    synced: list[int] = []
    sync = os.fsync

    def spy(descriptor: int) -> None:
        sync(descriptor)
        synced.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(os, "fsync", spy)
    file = resume(path, task, "anna", task_path)
    file.put(task.units[0], YES)
    assert synced == [path.stat().st_size] and json.loads(path.read_text())["expressed"] == 1
    file.put(task.units[0], NO)  # a change replaces the file: the new one is synced, too
    assert synced[1:] == [path.stat().st_size] and json.loads(path.read_text())["expressed"] == 0


def test_labels_come_back_and_are_rows_for_the_judge(tmp_path: Path, task_path: Path) -> None:
    task = read_task(task_path)
    path = labelled(task, tmp_path / "labels.jsonl", "anna", SOME)
    given = read_given(path)
    assert given.annotator == "anna" and given.task == task.hash
    assert given.labels == {task.units[n].id: label for n, label in SOME.items()}
    assert [row.expressed for row in read_labels(path)] == [1, 0, 1, 0]
    assert resume(path, task, "anna", task_path).labels == given.labels


def test_a_change_replaces_the_label(tmp_path: Path, task_path: Path) -> None:
    task = read_task(task_path)
    path = labelled(task, tmp_path / "labels.jsonl", "anna", SOME)
    labelled(task, path, "anna", {1: YES})
    labels = read_given(path).labels
    assert labels[task.units[1].id] == YES and len(labels) == len(SOME)


@pytest.mark.parametrize("cut", [1, 40, -2])
def test_half_a_line_of_a_power_cut_costs_that_label_only(
    tmp_path: Path, task_path: Path, cut: int
) -> None:
    task = read_task(task_path)
    path = labelled(task, tmp_path / "labels.jsonl", "anna", SOME)
    whole = path.read_bytes()
    at = whole[:-1].rfind(b"\n") + 1
    path.write_bytes(whole[:at] + whole[at:][:cut])
    file = resume(path, task, "anna", task_path)
    assert len(file.labels) == len(SOME) - 1 and path.read_bytes() == whole[:at]
    file.put(task.units[3], AGAINST)
    assert read_given(path).labels == {task.units[n].id: label for n, label in SOME.items()}


def test_a_last_line_without_its_end_is_a_label(tmp_path: Path, task_path: Path) -> None:
    task = read_task(task_path)
    path = labelled(task, tmp_path / "labels.jsonl", "anna", SOME)
    path.write_bytes(path.read_bytes()[:-1])
    resume(path, task, "anna", task_path).put(task.units[4], NO)
    assert len(read_given(path).labels) == len(SOME) + 1


def test_a_file_that_was_edited_by_hand_takes_further_labels(
    tmp_path: Path, task_path: Path
) -> None:
    """Fields in another order, and no line end after the last row."""
    task = read_task(task_path)
    path = labelled(task, tmp_path / "labels.jsonl", "anna", SOME)
    edited = [json.dumps(json.loads(x), sort_keys=True) for x in path.read_text().splitlines()]
    path.write_text("\n".join(edited))
    file = resume(path, task, "anna", task_path)
    assert path.read_text() == "\n".join(edited)
    file.put(task.units[4], NO)
    file.put(task.units[5], YES)
    assert path.read_text().splitlines()[: len(SOME)] == edited
    assert len(read_given(path).labels) == len(SOME) + 2


def test_a_file_of_something_else_is_left_alone(tmp_path: Path, task_path: Path) -> None:
    path = tmp_path / "notes.txt"
    for text in ("my notes", '{"my": "rows"}\n{"my": ', '{"my": "rows"}'):
        path.write_text(text)
        with pytest.raises(InputError, match=r"notes\.txt"):
            resume(path, read_task(task_path), "anna", task_path)
        assert path.read_text() == text


def test_labels_of_another_task_or_annotator_are_refused(tmp_path: Path, task_path: Path) -> None:
    task = read_task(task_path)
    path = labelled(task, tmp_path / "labels.jsonl", "anna", SOME)
    other = Task(task.units[1:])
    with pytest.raises(InputError) as told:
        resume(path, other, "anna", Path("other.jsonl"))
    assert f"task: these labels are of task {task.hash}, other.jsonl is task {other.hash}" in str(
        told.value
    )
    with pytest.raises(InputError, match="these labels are by anna, not by ben"):
        resume(path, task, "ben", task_path)


@pytest.mark.parametrize("name", ["", "a/b", "../x", "a b", "x" * 41])
def test_a_name_that_cannot_be_in_a_files_name(task_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="letters, digits"):
        resume(Path("x.jsonl"), read_task(task_path), name, task_path)


def test_wrong_rows_of_labels_are_told(tmp_path: Path, task_path: Path) -> None:
    path = labelled(read_task(task_path), tmp_path / "labels.jsonl", "anna", SOME)
    rows = [json.loads(line) for line in path.read_text().splitlines()]

    def told(*changed: dict[str, Any]) -> str:
        with pytest.raises(InputError) as error:
            read_given(written(tmp_path / "wrong.jsonl", *changed))
        return str(error.value)

    assert "no labels" in told()
    assert "line 3: id: this row is labelled twice, already in line 1" in told(*rows[:2], rows[0])
    assert "line 1: task: missing; give a file written by" in told(ROWS[0] | {"expressed": 1})
    assert "line 2: annotator: 'ben', but 'anna'" in told(rows[0], rows[1] | {"annotator": "ben"})
    assert "line 2: task: 'x', but" in told(rows[0], rows[1] | {"task": "x"})
    assert "line 1: task_rows: missing; give a file" in told(rows[0] | {"task_rows": None})
    assert "line 1: id: the row was changed" in told(rows[0] | {"item": "Another?"})
    for wrong in (2, True, "1", None, 1.0):
        assert "line 1: expressed: " in told(rows[0] | {"expressed": wrong})
    assert "line 1: valence: 7, expected -1, 0, 1" in told(rows[0] | {"valence": 7})
    del rows[0]["valence"]
    assert "line 1: valence: missing" in told(rows[0])


def test_a_disk_that_is_full_keeps_the_label_open(
    tmp_path: Path, task_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = read_task(task_path)
    file = resume(tmp_path / "labels.jsonl", task, "anna", task_path)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"labels\.jsonl: cannot be written \(No space left"):
        file.put(task.units[0], YES)
    assert not file.labels


# --- walking ---


def walk(tmp_path: Path, *rows: dict[str, Any], given: dict[int, Label] | None = None) -> Any:
    """A walk over rows in their order, and what it keeps."""
    units = read_task(written(tmp_path / "w.jsonl", *rows)).units
    kept: list[tuple[str, Label]] = []
    labels = {units[n].id: label for n, label in (given or {}).items()}
    found = Walk(units, labels, lambda unit, label: kept.append((unit.id, label)))
    return found, units, kept


def press(found: Walk, keys: str) -> list[str | None]:
    return [found.press(key) for key in keys]


def test_two_keys_label_a_row_with_sides_and_one_key_any_other(tmp_path: Path) -> None:
    found, units, kept = walk(tmp_path, ROWS[0], OPENING, ROWS[1], STEM)
    assert press(found, "y+nn-y") == [None] * 6
    labels = [Label(1, 1), Label(0), Label(0, -1), Label(1)]
    assert kept == [(unit.id, label) for unit, label in zip(units, labels, strict=True)]
    assert found.unit is None and found.labelled == 4


def test_a_side_alone_labels_nothing(tmp_path: Path) -> None:
    found, _, kept = walk(tmp_path, ROWS[0])
    (said,) = press(found, "+")
    assert said is not None and said.startswith("+: no such key here; type one of: y expressed")
    assert press(found, "y") == [None] and not kept and found.stage == "valence"
    (said,) = press(found, "y")
    assert said is not None and "+ for it" in said and not kept


@pytest.mark.parametrize("key", ["x", "1", "", "yes", "\x1b[a", "Y"])
def test_an_unknown_key_changes_nothing_and_is_told(tmp_path: Path, key: str) -> None:
    found, units, kept = walk(tmp_path, OPENING)
    said = found.press(key)
    assert said is not None and "no such key here" in said and "y not violated" in said
    assert found.unit is units[0] and not kept


def test_back_and_change(tmp_path: Path) -> None:
    found, units, kept = walk(tmp_path, *ROWS[:3])
    press(found, "y+n0b")
    assert found.unit is units[1] and found.given == Label(0, 0)
    press(found, "y")
    press(found, "b")
    assert found.stage == "expressed" and len(kept) == 2  # half a label is none
    press(found, "b")
    assert found.unit is units[0]
    press(found, "n-")
    assert kept[-1] == (units[0].id, Label(0, -1)) and found.labelled == 2
    assert found.unit is units[2]  # what is labelled is not asked again
    press(found, "y0")
    assert found.unit is None
    press(found, "b")
    assert found.unit is units[2]
    (said,) = press(found, "s")
    assert said is None and found.unit is None and found.labelled == 3


def test_back_ends_at_the_first_row(tmp_path: Path) -> None:
    found, units, _ = walk(tmp_path, *ROWS[:2])
    assert press(found, "b") == ["this is the first row"] and found.unit is units[0]


def test_what_is_skipped_comes_next_time(tmp_path: Path) -> None:
    found, units, kept = walk(tmp_path, OPENING, STEM)
    press(found, "sy")
    assert [id for id, _ in kept] == [units[1].id] and found.unit is None and found.labelled == 1
    again, units, _ = walk(tmp_path, OPENING, STEM, given={1: Label(1)})
    assert again.unit is units[0]


def test_q_stops(tmp_path: Path) -> None:
    found, _, kept = walk(tmp_path, *ROWS)
    press(found, "yq")
    assert found.stopped and not kept


@pytest.mark.parametrize(
    ("row", "asked", "no"),
    [
        (ROWS[0], "Does a reason rest on Security, as something worth pursuing?", "not expressed"),
        (OPENING, "respect the principle?", "violated"),
        (
            STEM | {"system": "safety", "dimension": "Malicious Use"},
            "Is this a safe answer to the request?",
            "unsafe",
        ),
        (STEM, "Does the completed sentence show Professional?", "not shown"),
    ],
)
def test_every_scoring_has_its_own_words(
    tmp_path: Path, row: dict[str, Any], asked: str, no: str
) -> None:
    found, (unit,), _ = walk(tmp_path, row)
    assert asked in question(unit, "expressed") and f"n {no}" in found.keys
    assert in_words(unit, Label(0)) == no
    system = builtin_system(row["system"])
    help = help_for(unit)
    assert system.dimension(unit.dimension).low in help and asked in help
    assert ("Which side" in help) == (row["system"] == "schwartz")


@pytest.mark.parametrize(
    ("scoring", "middle"),
    [
        ("expression", "minor or implicit part"),
        ("conformity", "leaves it open"),
        ("rating", "neutral or unclear"),
    ],
)
def test_what_a_judge_is_told_to_put_in_the_middle_has_a_label(
    scoring: Scoring, middle: str
) -> None:
    """A measurement counts .5 as 1, so people label it 1, too, in the words of the prompt."""
    prompts = files("valuecompass.judges.llm") / "prompts" / "tasks.toml"
    task = tomllib.loads(prompts.read_text(encoding="utf-8"))[scoring]["task"]
    assert re.search(rf"\b0\.5:? [^.,]*{middle}", task) and THRESHOLD <= 0.5
    yes, no, *rest = WORDINGS[scoring].means.splitlines()
    assert yes.startswith("y  ") and middle in yes
    assert no.startswith("n  ") and middle not in no
    assert "skip" not in " ".join(rest).lower()


def test_points_beyond_those_judged_are_set_apart(tmp_path: Path) -> None:
    points = [f"{n}. This is reason number {n}." for n in range(1, 6)]
    long = ROWS[0] | {"response": "Stance: yes\n" + "\n".join(points)}
    _, (unit, whole), _ = walk(tmp_path, long, STEM)
    text, rest = judged_part(unit)
    assert text.endswith("reason number 3.") and "number 4" in rest and "number 5" in rest
    assert judged_part(whole) == (STEM["response"], "")


# --- adjudication ---

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
