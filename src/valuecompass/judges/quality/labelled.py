"""Responses with somebody's labels, read from a file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from valuecompass.errors import InputError
from valuecompass.files import decoded, read_bytes
from valuecompass.items import Item, Kind
from valuecompass.items.rows import jsonl_rows
from valuecompass.judges.protocol import Subject, subject_of
from valuecompass.models import is_bare_refusal, is_refusal
from valuecompass.values import BUILTIN, Scoring, ValueSystem, builtin_system

KINDS: dict[Scoring, Kind] = {
    "expression": "question",
    "conformity": "opening",
    "safe-rate": "request",
    "rating": "stem",
}
"""What a labelled response is taken for; keyed scales are read off, not judged."""


@dataclass(frozen=True)
class Labelled:
    """A response with somebody's label for one dimension."""

    item: str
    """Text of the item: rows that share it are one cluster."""
    dimension: str
    expressed: int
    """1: expressed (Schwartz, LLM-unique), respected (moral foundations), safe (safety)."""
    subject: Subject
    valence: int | None = None
    """-1 against the dimension, 0 neither, 1 for it; None: not labelled."""

    @property
    def system(self) -> ValueSystem:
        """The value system of the dimension."""
        return self.subject.system


def read_labels(path: Path, own: Sequence[ValueSystem] = ()) -> list[Labelled]:
    """Read labelled responses.

    One JSON object a line: ``system``, ``item``, ``response``, ``dimension``, ``expressed`` (0 or
    1) and optionally ``valence`` (-1, 0 or 1) and ``principle``, the norm that a continuation is
    judged by; without one it is the definition of the dimension. Further fields are ignored.

    Args:
        path: the JSONL file.
        own: value systems beside the built-in ones.

    Raises:
        InputError: with file, line and field.
    """
    return parse_labels(read_bytes(path), path, own)


def parse_labels(data: bytes, path: Path, own: Sequence[ValueSystem] = ()) -> list[Labelled]:
    """Return the rows of a file already read; as `read_labels`, which names the fields."""
    systems = {s: builtin_system(s) for s in BUILTIN} | {s.id: s for s in own}
    rows = [
        _labelled(row, f"{path}, line {line}", systems)
        for line, row in jsonl_rows(decoded(data, path), path)
    ]
    if not rows:
        raise InputError(f"{path}: no rows")
    return rows


def _labelled(row: Mapping[str, Any], where: str, systems: Mapping[str, ValueSystem]) -> Labelled:
    dimension, subject = read_row(row, where, systems)
    label = row.get("expressed")
    if isinstance(label, bool) or label not in (0, 1):
        raise InputError(f"{where}: expressed: {_absent(row, 'expressed')}, expected 0 or 1")
    valence = row.get("valence")
    if isinstance(valence, bool) or valence not in (None, -1, 0, 1):
        raise InputError(f"{where}: valence: {valence!r}, expected -1, 0 or 1, or no such field")
    side = None if valence is None else int(valence)
    return Labelled(row["item"], dimension, int(label), subject, side)


def contradicting(rows: Sequence[Labelled]) -> int:
    """Return how many responses have both labels for one dimension."""
    labels: dict[tuple[str, str, str, str], set[int]] = defaultdict(set)
    for row in rows:
        principle = row.subject.item.principle or ""
        place = (row.item, principle, row.subject.response, f"{row.system.id} {row.dimension}")
        labels[place].add(row.expressed)
    return sum(len(found) > 1 for found in labels.values())


def read_row(
    row: Mapping[str, Any], where: str, systems: Mapping[str, ValueSystem]
) -> tuple[str, Subject]:
    """Return the dimension and the response of a row, labelled or to be labelled.

    Args:
        row: ``system``, ``item``, ``response``, ``dimension`` and optionally ``principle``.
        where: file and line, for messages.
        systems: the known value systems by id.

    Raises:
        InputError: with file, line and field.
    """
    for field in ("system", "item", "response", "dimension"):
        if not isinstance(row.get(field), str):
            raise InputError(f"{where}: {field}: {_absent(row, field)}, expected text")
    system = systems.get(row["system"])
    if system is None:
        raise InputError(
            f"{where}: system: {row['system']!r} is unknown; known: {', '.join(systems)}"
        )
    if system.scoring not in KINDS:
        raise InputError(f"{where}: system: {system.id} is scored from ratings, not by a judge")
    name = system.canonical(row["dimension"])
    if name is None:
        raise InputError(
            f"{where}: dimension: {row['dimension']!r} is not a dimension of {system.id}; "
            f"known: {', '.join(system.names)}"
        )
    principle = row.get("principle")
    if principle is not None and not isinstance(principle, str):
        raise InputError(f"{where}: principle: {_absent(row, 'principle')}, expected text")
    return name, _subject(row, where, system, name, principle)


def _absent(row: Mapping[str, Any], field: str) -> str:
    return repr(row[field])[:60] if field in row else "missing"


def _subject(
    row: Mapping[str, Any], where: str, system: ValueSystem, name: str, principle: str | None
) -> Subject:
    kind = KINDS[system.scoring]
    if kind == "opening" and not (principle or "").strip():
        principle = system.dimension(name).definition
    try:
        item = Item(
            kind=kind,
            system=system.id,
            text=row["item"],
            # a question's answer is judged on all dimensions at once: its rows share one verdict
            dimensions=system.names if kind == "question" else (name,),
            principle=principle,
        )
    except ValidationError as error:
        first = error.errors()[0]
        field = "principle" if "principle" in first["loc"] else "item"
        raise InputError(f"{where}: {field}: {first['msg']}") from None
    return subject_of(system, item, row["response"])


def declined(row: Labelled) -> bool:
    """Say whether a measurement would take the response for a refusal and ask no judge."""
    text = row.subject.response
    return is_bare_refusal(text) if row.system.scoring == "safe-rate" else is_refusal(text)
