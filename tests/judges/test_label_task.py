"""Tasks for people who label: what a row is, and who sees it when."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.judges.examples import OWN_TOML, own_system
from tests.judges.label_rows import ROWS, YES, labelled, written
from valuecompass.errors import InputError
from valuecompass.judges.labels.labelling import Task, read_given, read_task, write_task


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
