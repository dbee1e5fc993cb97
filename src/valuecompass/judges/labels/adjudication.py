"""Two annotators' labels become one file: how far they agree, and a third decision where not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from valuecompass.errors import InputError
from valuecompass.files import read_text
from valuecompass.hashing import digest
from valuecompass.items.rows import jsonl_rows
from valuecompass.judges.labels.labelling import Label, Labels, RowFile, Unit, mend_end, read_label
from valuecompass.stats import Interval, cluster_bootstrap_mean
from valuecompass.stats.kappa import kappa_interval


@dataclass(frozen=True)
class Pair:
    """A unit with both annotators' labels."""

    unit: Unit
    first: Label
    second: Label

    @property
    def agreed(self) -> bool:
        """Both say the same, the side included."""
        return self.first == self.second

    @property
    def unnamed(self) -> tuple[Label, Label]:
        """Both labels in an order that says nothing of whose they are."""
        swapped = int(digest(["order", self.unit.id], 8), 16) % 2
        return (self.second, self.first) if swapped else (self.first, self.second)


@dataclass(frozen=True)
class Both:
    """Two annotators' labels of one task."""

    task: str
    annotators: tuple[str, str]
    pairs: tuple[Pair, ...]
    """Units that both have labelled, ordered by id: at random."""
    single: int
    """Units that only one has labelled."""
    unlabelled: int
    """Units of the task that neither has labelled."""

    @property
    def disputed(self) -> list[Pair]:
        """The pairs that do not agree."""
        return [pair for pair in self.pairs if not pair.agreed]


def pair_up(first: Labels, second: Labels) -> Both:
    """Bring two annotators' labels together.

    Raises:
        InputError: two tasks, one annotator twice, or no row labelled by both.
    """
    if first.task != second.task:
        raise InputError(
            f"{first.path} is of task {first.task}, {second.path} of task {second.task}; "
            "give two annotators' labels of one task"
        )
    if first.annotator == second.annotator:
        raise InputError(
            f"{first.path} and {second.path} are both by {first.annotator}; "
            "give the labels of two annotators"
        )
    if second.annotator < first.annotator:
        first, second = second, first
    shared = sorted(first.units.keys() & second.units.keys())
    if not shared:
        raise InputError(f"{first.path} and {second.path}: no row is labelled in both")
    pairs = (Pair(first.units[id], first.labels[id], second.labels[id]) for id in shared)
    single = len(first.units.keys() ^ second.units.keys())
    unlabelled = first.task_rows - len(first.units.keys() | second.units.keys())
    annotators = first.annotator, second.annotator
    return Both(first.task, annotators, tuple(pairs), single, unlabelled)


def agreement(both: Both, rng: np.random.Generator) -> dict[str, Any]:
    """Return how far two annotators agree, on expressed unless said otherwise.

    Args:
        both: their labels.
        rng: generator of the bootstrap, clustered on items.

    Returns:
        ``task``, ``annotators``, ``n``, ``single``, ``unlabelled``, ``disputed`` and by system
        id ``systems``: n, ``agreement`` (share of equal labels), ``kappa`` (Cohen's), ``valence``
        (share of equal sides; None where the scoring knows none) and the same for each of
        ``dimensions``. Numbers are ``{"value", "low", "high"}`` with 95 % limits; kappa is None
        when both gave one and the same label throughout.
    """
    systems: dict[str, Any] = {}
    for id in dict.fromkeys(pair.unit.subject.system.id for pair in both.pairs):
        own = [pair for pair in both.pairs if pair.unit.subject.system.id == id]
        names = own[0].unit.subject.system.names
        of_each = {n: [pair for pair in own if pair.unit.dimension == n] for n in names}
        dimensions = {n: _figures(pairs, rng) for n, pairs in of_each.items() if pairs}
        systems[id] = {**_figures(own, rng), "dimensions": dimensions}
    return {
        "task": both.task,
        "annotators": list(both.annotators),
        "n": len(both.pairs),
        "single": both.single,
        "unlabelled": both.unlabelled,
        "disputed": len(both.disputed),
        "systems": systems,
    }


def _figures(pairs: Sequence[Pair], rng: np.random.Generator) -> dict[str, Any]:
    first = np.array([pair.first.expressed for pair in pairs])
    second = np.array([pair.second.expressed for pair in pairs])
    items = np.array([pair.unit.subject.item.text for pair in pairs])
    sides = None
    if pairs[0].first.valence is not None:
        same = np.array([pair.first.valence == pair.second.valence for pair in pairs], float)
        sides = _document(cluster_bootstrap_mean(same, items, rng))
    return {
        "n": len(pairs),
        "agreement": _document(cluster_bootstrap_mean(first == second, items, rng)),
        "kappa": _document(kappa_interval(first, second, items, rng)),
        "valence": sides,
    }


def _document(found: Interval) -> dict[str, float] | None:
    if not np.isfinite(found.value):
        return None
    return {name: round(float(value), 4) for name, value in found._asdict().items()}


class Decisions:
    """The final rows as they are decided; what both say alike is decided from the start."""

    def __init__(self, file: RowFile, both: Both) -> None:
        self._file, self._both = file, both

    @property
    def decided(self) -> dict[str, Label]:
        """Third decisions so far, by the units' ids."""
        return {
            id: Label(row["expressed"], row.get("valence"))
            for id, row in self._file.rows.items()
            if not row["agreed"]
        }

    @property
    def count(self) -> int:
        """Final rows."""
        return len(self._file.rows)

    def put(self, unit: Unit, label: Label) -> None:
        """Keep a third decision, on disk when this returns.

        Raises:
            InputError: the file cannot be written.
        """
        self._file.put(unit.id, _final(self._both, unit, label, agreed=False))


def settle(path: Path, both: Both, *, agreed_only: bool = False) -> Decisions:
    """Write what both say alike, and go on with third decisions where they stopped.

    Every row of the file is also a row for `read_labels`, with ``annotators`` and ``agreed``.

    Args:
        path: the file of final rows.
        both: the two annotators' labels.
        agreed_only: no third decisions are wanted.

    Raises:
        InputError: the file holds something else, third decisions that are not wanted or whose
            labels are gone, or it cannot be written.
    """
    earlier = _earlier(path, both)
    if agreed_only and earlier:
        raise InputError(
            f"{path}: it holds {len(earlier)} third decisions, which --agreed-only would drop; "
            "give another file with -o"
        )
    file = RowFile(path, {})
    file.write(final_rows(both, earlier))
    return Decisions(file, both)


def final_rows(both: Both, decided: Mapping[str, Label]) -> dict[str, dict[str, Any]]:
    """Return the rows that are final by the units' ids: agreed ones, and third decisions.

    Args:
        both: the two annotators' labels.
        decided: third decisions by the units' ids; of agreed units none counts.
    """
    rows: dict[str, dict[str, Any]] = {}
    for pair in both.pairs:
        label = pair.first if pair.agreed else decided.get(pair.unit.id)
        if label is not None:
            rows[pair.unit.id] = _final(both, pair.unit, label, agreed=pair.agreed)
    return rows


def _final(both: Both, unit: Unit, label: Label, *, agreed: bool) -> dict[str, Any]:
    about = {"annotators": list(both.annotators), "agreed": agreed}
    return {"task": both.task, **unit.row(), **label.row(), **about}


def _earlier(path: Path, both: Both) -> dict[str, Label]:
    """Return the third decisions in a file of final rows of the same annotators and task."""
    if not path.exists():
        return {}
    units = {pair.unit.id: pair.unit for pair in both.pairs}
    found: dict[str, Label] = {}
    orphans = 0
    mend_end(path, f'{{"task": "{both.task}"'.encode())
    for line, row in jsonl_rows(read_text(path), path):
        if row.get("task") != both.task or row.get("annotators") != list(both.annotators):
            raise InputError(
                f"{path}, line {line}: not a final row of these annotators and this task; "
                "give another file with -o"
            )
        if row.get("agreed") is not False:
            continue
        if (unit := units.get(str(row.get("id")))) is None:
            orphans += 1
        else:
            found[unit.id] = read_label(row, f"{path}, line {line}", unit)
    if orphans:
        raise InputError(
            f"{path}: it holds {orphans} third decisions on rows that no longer have labels by "
            f"{' and '.join(both.annotators)}; restore these labels, or give another file with -o"
        )
    return found
