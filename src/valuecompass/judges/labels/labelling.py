"""Labels by people: the tasks they are given, and files that lose no label.

Why tasks are drawn and shown as they are: `design/judges.md`, "Labels by people".
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from valuecompass.errors import InputError
from valuecompass.files import read_text, replacing
from valuecompass.hashing import digest
from valuecompass.items.rows import Row, jsonl_rows
from valuecompass.judges.protocol import Subject
from valuecompass.judges.quality.labelled import read_row
from valuecompass.values import BUILTIN, ValueSystem, builtin_system

NAME = re.compile(r"[\w.-]{1,40}")


@dataclass(frozen=True)
class Unit:
    """What gets one label: a response and a dimension."""

    dimension: str
    subject: Subject
    principle: str | None = None

    @cached_property
    def id(self) -> str:
        """Sixteen hex digits of what is labelled: equal rows are one unit, whoever wrote them."""
        return digest(self._fields, 16)

    @property
    def _fields(self) -> dict[str, Any]:
        fields = {
            "system": self.subject.system.id,
            "item": self.subject.item.text,
            "response": self.subject.response,
            "dimension": self.dimension,
        }
        return fields if self.principle is None else fields | {"principle": self.principle}

    def row(self) -> dict[str, Any]:
        """Return the row of a task file: nothing of who answered, nothing of a verdict."""
        return {"id": self.id, **self._fields}


@dataclass(frozen=True)
class Label:
    """What a person says of a unit."""

    expressed: int
    """1: expressed (Schwartz, LLM-unique), respected (moral foundations), safe (safety)."""
    valence: int | None = None
    """1 for the dimension, -1 against it, 0 neither; None where the scoring knows no sides."""

    def row(self) -> dict[str, int]:
        """Return the fields of a labelled row."""
        found = {"expressed": self.expressed, "valence": self.valence}
        return {name: value for name, value in found.items() if value is not None}


def has_sides(system: ValueSystem) -> bool:
    """Say whether labels of a system have a valence."""
    return system.scoring == "expression"


@dataclass(frozen=True)
class Task:
    """Units to be labelled; the same units in any order are the same task."""

    units: tuple[Unit, ...]

    @cached_property
    def hash(self) -> str:
        """Sixteen hex digits that every label of the task carries."""
        return digest(sorted(unit.id for unit in self.units), 16)

    def ordered_for(self, annotator: str) -> list[Unit]:
        """Return the units in this annotator's own order, the same whenever it is asked for.

        What comes early is judged afresh and what comes late in a hurry: with one order for all,
        annotators would err on the same rows. Rows of one response follow each other, so that it
        is read once.
        """

        def place(unit: Unit) -> tuple[str, str]:
            response = [unit.subject.system.id, unit.subject.item.text, unit.subject.response]
            return digest([self.hash, annotator, response]), digest([annotator, unit.id])

        return sorted(self.units, key=place)


@dataclass(frozen=True)
class Labels:
    """One annotator's labels."""

    path: Path
    task: str
    task_rows: int
    """Rows of the whole task, labelled or not."""
    annotator: str
    units: dict[str, Unit]
    labels: dict[str, Label]


class RowFile:
    """Rows by id in a JSON-lines file, each on disk before `put` returns."""

    def __init__(self, path: Path, rows: Mapping[str, Mapping[str, Any]]) -> None:
        self.path, self.rows = path, dict(rows)

    def put(self, id: str, row: Mapping[str, Any]) -> None:
        """Keep a row; one with the same id gives way.

        Raises:
            InputError: the file cannot be written; the row is not kept.
        """
        if id in self.rows:
            self.write({**self.rows, id: row})
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b") as file:
                _sync(file, _absent_line_end(file) + _line(row))
        except OSError as error:
            raise InputError(f"{self.path}: cannot be written ({error.strerror})") from None
        self.rows[id] = row

    def write(self, rows: Mapping[str, Mapping[str, Any]]) -> None:
        """Replace the whole file, or leave it as it is."""
        with replacing(self.path) as temporary, temporary.open("wb") as file:
            _sync(file, b"".join(_line(row) for row in rows.values()))
        self.rows = dict(rows)


def _sync(file: IO[bytes], data: bytes) -> None:
    file.write(data)
    file.flush()
    os.fsync(file.fileno())


def _absent_line_end(file: IO[bytes]) -> bytes:
    """Return the line end that the last row lacks: some editors leave it away."""
    if not file.seek(0, os.SEEK_END):
        return b""
    file.seek(-1, os.SEEK_END)
    return b"" if file.read() == b"\n" else b"\n"


def _line(row: Mapping[str, Any]) -> bytes:
    try:
        return (json.dumps(row, ensure_ascii=False) + "\n").encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can only spell
        return (json.dumps(row) + "\n").encode()


def known_systems(own: Sequence[ValueSystem]) -> dict[str, ValueSystem]:
    """Return the built-in value systems and a user's own by id."""
    return {s: builtin_system(s) for s in BUILTIN} | {s.id: s for s in own}


def read_task(path: Path, own: Sequence[ValueSystem] = ()) -> Task:
    """Read what is to be labelled: a drawn task, or rows of one's own.

    One JSON object a line: ``system``, ``item``, ``response``, ``dimension`` and optionally
    ``principle``. Further fields are ignored, labels among them.

    Args:
        path: the JSONL file.
        own: value systems beside the built-in ones.

    Raises:
        InputError: with file, line and field.
    """
    systems = known_systems(own)
    units: dict[str, Unit] = {}
    lines: dict[str, int] = {}
    for line, row in jsonl_rows(read_text(path), path):
        unit = _unit(row, f"{path}, line {line}", systems)
        if unit.id in units:
            raise InputError(
                f"{path}, line {line}: the same row already stands in line {lines[unit.id]}; "
                "remove one of the two"
            )
        units[unit.id], lines[unit.id] = unit, line
    if not units:
        raise InputError(f"{path}: no rows")
    return Task(tuple(units.values()))


def write_task(path: Path, task: Task) -> None:
    """Write a task's file; one that is there already stays, because labels may hang on it.

    Raises:
        InputError: another file is there, or it cannot be written.
    """
    rows = {unit.id: unit.row() for unit in task.units}
    if path.is_file() and path.read_bytes() != b"".join(_line(row) for row in rows.values()):
        raise InputError(
            f"{path}: already there with other rows, and labels may hang on them; "
            "give another name with -o"
        )
    RowFile(path, {}).write(rows)


def _unit(row: Mapping[str, Any], where: str, systems: Mapping[str, ValueSystem]) -> Unit:
    dimension, subject = read_row(row, where, systems)
    return Unit(dimension, subject, row.get("principle") or None)


def read_given(path: Path, own: Sequence[ValueSystem] = ()) -> Labels:
    """Read one annotator's labels.

    Args:
        path: the JSONL file that `resume` writes to.
        own: value systems beside the built-in ones.

    Raises:
        InputError: with file, line and field; also when a row is labelled twice, or two tasks or
            annotators stand in one file.
    """
    rows = list(jsonl_rows(read_text(path), path))
    if not rows:
        raise InputError(f"{path}: no labels")
    return _given(path, rows, known_systems(own))


def _given(path: Path, rows: Sequence[Row], systems: Mapping[str, ValueSystem]) -> Labels:
    first = rows[0][1]
    heads = {"task": str, "task_rows": int, "annotator": str}
    for field, kind in heads.items():
        if type(first.get(field)) is not kind:
            raise InputError(
                f"{path}, line {rows[0][0]}: {field}: missing; "
                "give a file written by valuecompass judge label annotate"
            )
    units: dict[str, Unit] = {}
    labels: dict[str, Label] = {}
    lines: dict[str, int] = {}
    for line, row in rows:
        where = f"{path}, line {line}"
        for field in heads:
            if row.get(field) != first[field]:
                raise InputError(
                    f"{where}: {field}: {row.get(field)!r}, but {first[field]!r} in line "
                    f"{rows[0][0]}; keep the labels of one {field} in a file"
                )
        unit = _unit(row, where, systems)
        if row.get("id") != unit.id:
            raise InputError(f"{where}: id: the row was changed after it was labelled; restore it")
        if unit.id in units:
            raise InputError(
                f"{where}: id: this row is labelled twice, already in line {lines[unit.id]}; "
                "remove one of the two"
            )
        units[unit.id], lines[unit.id] = unit, line
        labels[unit.id] = read_label(row, where, unit)
    return Labels(path, first["task"], first["task_rows"], first["annotator"], units, labels)


def read_label(row: Mapping[str, Any], where: str, unit: Unit) -> Label:
    """Return the label of a row.

    Raises:
        InputError: a number is absent or wrong.
    """
    wanted: dict[str, tuple[int, ...]] = {"expressed": (0, 1)}
    if has_sides(unit.subject.system):
        wanted["valence"] = (-1, 0, 1)
    for field, numbers in wanted.items():
        if type(row.get(field)) is not int or row[field] not in numbers:
            said = repr(row[field])[:60] if field in row else "missing"
            raise InputError(
                f"{where}: {field}: {said}, expected {', '.join(map(str, numbers))}; remove the "
                "line to label this row again"
            )
    return Label(**{field: row[field] for field in wanted})


class LabelFile:
    """An annotator's labels of a task as they are given. Made by `resume`."""

    def __init__(self, file: RowFile, task: Task, annotator: str) -> None:
        self._file, self._task, self._annotator = file, task, annotator

    @property
    def labels(self) -> dict[str, Label]:
        """The labels so far, by the units' ids."""
        rows = self._file.rows.items()
        return {id: Label(row["expressed"], row.get("valence")) for id, row in rows}

    def put(self, unit: Unit, label: Label) -> None:
        """Keep a label, on disk when this returns; an earlier one of the unit gives way.

        Raises:
            InputError: the file cannot be written.
        """
        task = {"task": self._task.hash, "task_rows": len(self._task.units)}
        head = {**task, "annotator": self._annotator}
        self._file.put(unit.id, {**head, **unit.row(), **label.row()})


def resume(
    path: Path, task: Task, annotator: str, task_path: Path, own: Sequence[ValueSystem] = ()
) -> LabelFile:
    """Go on with an annotator's labels where they stopped; without a file, begin.

    Every row of the file is also a row for `read_labels`.

    Args:
        path: the labels' file.
        task: what is labelled.
        annotator: who labels.
        task_path: the task's file, for messages.
        own: value systems beside the built-in ones.

    Raises:
        InputError: the name cannot be in a file's name, or the file holds another task's or
            annotator's labels.
    """
    if not NAME.fullmatch(annotator):
        raise InputError(f"--annotator {annotator}: give up to 40 letters, digits, '.', '-' or '_'")
    if not path.exists():
        return LabelFile(RowFile(path, {}), task, annotator)
    mend_end(path, f'{{"task": "{task.hash}"'.encode())
    rows = list(jsonl_rows(read_text(path), path))
    if rows:
        given = _given(path, rows, known_systems(own))
        line = f"{path}, line {rows[0][0]}"
        if given.task != task.hash:
            raise InputError(
                f"{line}: task: these labels are of task {given.task}, {task_path} is task "
                f"{task.hash}; give the task that they are of, or another file with -o"
            )
        if given.annotator != annotator:
            raise InputError(
                f"{line}: annotator: these labels are by {given.annotator}, not by {annotator}; "
                "give another file with -o"
            )
    return LabelFile(RowFile(path, {row["id"]: row for _, row in rows}), task, annotator)


def mend_end(path: Path, beginning: bytes) -> None:
    """Take away half a line that a power cut left; whatever else ends the file stays.

    Args:
        path: a file of rows.
        beginning: what every row of it begins with.

    Raises:
        InputError: the file cannot be read or written.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    whole = data.rfind(b"\n") + 1
    end = data[whole:]
    ours = end.startswith(beginning) or beginning.startswith(end)
    if end and ours and not _is_json(end):
        with replacing(path) as temporary, temporary.open("wb") as file:
            _sync(file, data[:whole])


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
