"""One annotator's labels: none is lost, none is mixed up, and each key does what it says."""

from __future__ import annotations

import json
import os
import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from tests.judges.label_rows import AGAINST, NO, OPENING, ROWS, SOME, STEM, YES, labelled, written
from valuecompass.errors import InputError
from valuecompass.judges.labels.labelling import Label, Task, read_given, read_task, resume
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
