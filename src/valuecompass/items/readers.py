"""Readers for layouts of others: Touché23-ValueEval arguments and ValueBench-like inventories."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from valuecompass.errors import InputError
from valuecompass.items.rows import Row, parse_items
from valuecompass.items.schema import Item
from valuecompass.items.tables import Table, open_table
from valuecompass.values import ValueSystem

TOUCHE_VALUES: dict[str, str | None] = {
    "Self-direction: thought": "Self-direction",
    "Self-direction: action": "Self-direction",
    "Stimulation": "Stimulation",
    "Hedonism": "Hedonism",
    "Achievement": "Achievement",
    "Power: dominance": "Power",
    "Power: resources": "Power",
    "Face": None,
    "Security: personal": "Security",
    "Security: societal": "Security",
    "Tradition": "Tradition",
    "Conformity: rules": "Conformity",
    "Conformity: interpersonal": "Conformity",
    "Humility": None,
    "Benevolence: caring": "Benevolence",
    "Benevolence: dependability": "Benevolence",
    "Universalism: concern": "Universalism",
    "Universalism: nature": "Universalism",
    "Universalism: tolerance": "Universalism",
    "Universalism: objectivity": "Universalism",
}
"""The 20 refined categories -> the ten basic values; Face and Humility lie between two values."""
TOUCHE_LICENCE = "CC BY-SA 4.0"
_TOUCHE_COLUMNS = ("Argument ID", "Conclusion", "Stance", "Premise")
_STANCES: dict[str, Literal[1, -1]] = {"in favor of": 1, "in favour of": 1, "against": -1}

_INVENTORY_COLUMNS = {
    "text": ("item", "statement", "text"),
    "dimensions": ("dimension", "value", "construct", "dimensions"),
    "keying": ("keying", "agreement", "key", "reverse", "reversed"),
    "scale": ("scale",),
    "lineage": ("questionnaire", "inventory"),
}
_FORWARD = frozenset(["1", "+1", "+", "1.0", "positive"])
_REVERSED = frozenset(["-1", "-", "−1", "−", "-1.0", "negative", "reverse", "reversed", "r"])
_FALSE = frozenset(["0", "0.0", "false", "no", "n"])
_TRUE = frozenset(["1", "1.0", "true", "yes", "y", "x", "r", "reverse", "reversed"])
_LIKERT_SCALE = (1, 5)


@dataclass(frozen=True)
class ToucheArgument:
    """One labelled argument of Touché23-ValueEval."""

    id: str
    conclusion: str
    stance: Literal[1, -1]
    """1: the premise is in favour of the conclusion, -1: against it."""
    premise: str
    values: dict[str, int]
    """Each of the ten basic values: 1 when one of its refined categories is labelled, else 0."""


@dataclass(frozen=True)
class Inventory:
    """What was read from an inventory."""

    items: list[Item]
    skipped: dict[str, int]
    """Rows left out because their dimension is not one of the system's: its name -> rows."""
    repeated: int
    """Rows left out because they repeat an earlier item of the file."""


def is_touche(columns: Iterable[str]) -> bool:
    """Return whether these are the columns of a Touché23-ValueEval arguments file."""
    return set(_TOUCHE_COLUMNS) <= set(columns)


def is_inventory(columns: Iterable[str]) -> bool:
    """Return whether these columns are a ValueBench-like inventory's and not our own layout's."""
    names = {name.lower() for name in columns}
    return (
        not names & {"text", "kind"}
        and bool(names & {"item", "statement"})
        and bool(names & set(_INVENTORY_COLUMNS["dimensions"]))
    )


def touche_arguments(path: Path) -> list[ToucheArgument]:
    """Read labelled arguments (Touché23-ValueEval; Kiesel et al. 2022, CC BY-SA 4.0).

    Args:
        path: an ``arguments-NAME.tsv`` with its ``labels-NAME.tsv`` beside it, or a folder, of
            which every arguments file that has its labels is read.

    Raises:
        InputError: with file, line and field.
    """
    if path.is_dir():
        pairs = [(a, labels) for a in sorted(path.glob("arguments*.tsv"))
                 if (labels := labels_beside(a)).exists()]  # fmt: skip
        if not pairs:
            raise InputError(f"{path}: no arguments-NAME.tsv with its labels-NAME.tsv beside it")
    else:
        pairs = [(path, labels_beside(path))]
    return [argument for pair in pairs for argument in _touche_pair(*pair)]


def read_touche(path: Path, system: ValueSystem) -> list[Item]:
    """Return one yes/no question for each distinct conclusion of Touché23-ValueEval arguments.

    Conclusions that differ in case, spaces or the full stop only are one. Its
    dimensions are the values labelled in at least a third of its arguments, most frequent
    first, or else the most frequent one; a conclusion without any labelled value is left out.

    Raises:
        InputError: the system lacks the ten basic values, or as for `touche_arguments`.
    """
    names = {ours for ours in TOUCHE_VALUES.values() if ours}
    if not all(system.canonical(name) for name in names):
        raise InputError(
            f"{path}: the Touché23-ValueEval layout is labelled with the ten Schwartz values; "
            f"{system.id} has {', '.join(system.names)}"
        )
    spellings: dict[str, str] = {}
    groups: dict[str, list[ToucheArgument]] = defaultdict(list)
    for argument in touche_arguments(path):
        question = conclusion_question(argument.conclusion)
        groups[spellings.setdefault(question.casefold(), question)].append(argument)
    rows = [
        {
            "kind": "question",
            "text": question,
            "dimensions": _frequent_values(arguments),
            "lineage": {
                "origin": "import",
                "method": "touche23-valueeval",
                "licence": TOUCHE_LICENCE,
            },
        }
        for question, arguments in groups.items()
    ]
    return parse_items(
        enumerate((r for r in rows if r["dimensions"]), start=1), path, system, unit="question"
    )


def conclusion_question(conclusion: str) -> str:
    """Turn a conclusion into a yes/no question by a plain rule.

    "We should ban X" becomes "Should we ban X?"; everything else, and a negated "we should not",
    where a no would be ambiguous, becomes "Do you agree: ...?".
    """
    plain = " ".join(conclusion.split()).rstrip(".!?; ")
    if match := re.fullmatch(r"we should (?!not\b|never\b)(.+)", plain, re.IGNORECASE):
        return f"Should we {match[1]}?"
    return f"Do you agree: {plain}?"


def read_inventory(
    path: Path,
    system: ValueSystem,
    *,
    columns: Mapping[str, str] | None = None,
    mapping: Mapping[str, str] | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> Inventory:
    """Read a ValueBench-like inventory (statement, dimension, keying, scale) as likert items.

    Columns are found by their usual names (item, statement; dimension, value, construct; keying,
    agreement, reverse; scale; questionnaire) or by `columns`. Keying is 1 or -1, "+" or "-",
    "reverse"; a column called reverse or reversed holds yes or no; empty means 1. A scale is text
    like "1-6"; without one it is 1 to 5.

    Args:
        path: a .jsonl, .csv, .tsv or .parquet file.
        system: the value system to read items of; rows of other dimensions are counted.
        columns: our field (text, dimensions, keying, scale) -> their column.
        mapping: their dimension -> ours, before the system's own names and aliases are tried.
        defaults: fields for every row (language, topic, scale ...).

    Raises:
        InputError: with file, line and field, or when its rows are all of other dimensions.
    """
    table = open_table(path)
    found = inventory_columns(table, columns or {})
    lookup = loose_names(table.path, system, mapping or {})
    skipped: Counter[str] = Counter()
    rows: dict[tuple[Any, ...], Row] = {}
    kept = 0
    for line, row in table.rows:
        where = f"{path}, {table.unit} {line}"
        theirs = cell(row, found["dimensions"], where)
        dimension = lookup.get(loose_name(theirs))
        if dimension is None:
            skipped[theirs] += 1
            continue
        kept += 1
        body = _inventory_row(row, found, where)
        body = {**(defaults or {}), **body, "kind": "likert", "dimensions": [dimension]}
        body.setdefault("scale", _LIKERT_SCALE)
        rows.setdefault((body["text"], dimension, body["keying"], str(body["scale"])), (line, body))
    if skipped and not rows:
        raise InputError(
            f"{path}: {found['dimensions']}: no row is of a dimension of {system.id} "
            f"({', '.join(system.names)}); the file has: {', '.join(list(skipped)[:12])}"
        )
    items = parse_items(rows.values(), path, system, unit=table.unit)
    return Inventory(items, dict(skipped), repeated=kept - len(items))


def labels_beside(arguments: Path) -> Path:
    """Return the labels file of an arguments file; the same path when its name has no place."""
    return arguments.with_name(arguments.name.replace("arguments", "labels", 1))


def _touche_pair(arguments: Path, labels: Path) -> Iterator[ToucheArgument]:
    if labels == arguments:
        raise InputError(f"{arguments}: the file must be called arguments-NAME.tsv")
    label_rows = dict(_touche_labels(labels))
    table = open_table(arguments, quoted=False)
    table.require(_TOUCHE_COLUMNS)
    for line, row in table.rows:
        where = f"{arguments}, line {line}"
        cells = {name: cell(row, name, where) for name in _TOUCHE_COLUMNS}
        stance = _STANCES.get(cells["Stance"].lower())
        if stance is None:
            raise InputError(
                f"{where}: Stance: {cells['Stance']!r} is not one of {', '.join(_STANCES)}"
            )
        values = label_rows.get(cells["Argument ID"])
        if values is None:
            raise InputError(f"{where}: Argument ID: {cells['Argument ID']} is not in {labels}")
        yield ToucheArgument(
            cells["Argument ID"], cells["Conclusion"], stance, cells["Premise"], values
        )


def _touche_labels(path: Path) -> Iterator[tuple[str, dict[str, int]]]:
    table = open_table(path, quoted=False)
    table.require(["Argument ID", *TOUCHE_VALUES])
    for line, row in table.rows:
        where = f"{path}, line {line}"
        values = {ours: 0 for ours in TOUCHE_VALUES.values() if ours}
        for theirs, ours in TOUCHE_VALUES.items():
            label = cell(row, theirs, where)
            if label not in ("0", "1"):
                raise InputError(f"{where}: {theirs}: {label!r} is neither 0 nor 1")
            if ours:
                values[ours] |= int(label)
        yield cell(row, "Argument ID", where), values


def _frequent_values(arguments: list[ToucheArgument]) -> list[str]:
    counts = {n: sum(a.values[n] for a in arguments) for n in arguments[0].values}
    ranked = sorted((n for n in counts if counts[n]), key=lambda n: -counts[n])
    return [n for n in ranked if 3 * counts[n] >= len(arguments)] or ranked[:1]


def cell(row: Mapping[str, Any], column: str, where: str) -> str:
    """Return the text of a cell that must not be empty.

    Raises:
        InputError: it is; `where` opens the message.
    """
    text = str(row.get(column) or "").strip()
    if not text:
        raise InputError(f"{where}: {column}: this cell is empty")
    return text


def inventory_columns(table: Table, columns: Mapping[str, str]) -> dict[str, str]:
    """Return our field -> the column of an inventory that holds it, for those that it has.

    Raises:
        InputError: a column named in `columns` is not there, or none for text or dimensions.
    """
    table.require(list(columns.values()))
    usual = {name.lower(): name for name in reversed(table.columns)}
    found: dict[str, str] = {}
    for field, names in _INVENTORY_COLUMNS.items():
        hit = next((usual[n] for n in names if n in usual), None)
        if field in columns or hit:
            found[field] = columns.get(field) or str(hit)
        elif field in ("text", "dimensions"):
            raise InputError(
                f"{table.path}, {table.unit} 1: {field}: no column is called "
                f"{' or '.join(names)}; map one of the file's: {', '.join(table.columns)}"
            )
    return found


def _inventory_row(row: Mapping[str, Any], found: Mapping[str, str], where: str) -> dict[str, Any]:
    given = {field: row[c] for field, c in found.items() if row.get(c) not in (None, "")}
    body: dict[str, Any] = {
        "text": cell(row, found["text"], where),
        "keying": _keying(given.get("keying"), found.get("keying", ""), where),
        "lineage": {"origin": "import", "method": str(given.get("lineage", "inventory"))},
    }
    if "scale" in given:
        body["scale"] = _scale(given["scale"], found["scale"], where)
    return body


def _keying(cell: Any, column: str, where: str) -> Literal[1, -1]:
    if cell is None or cell != cell:
        return 1
    text = str(cell).strip().lower()
    reverse_column = "reverse" in column.lower()
    if text in (_TRUE if reverse_column else _REVERSED):
        return -1
    if text in (_FALSE if reverse_column else _FORWARD):
        return 1
    raise InputError(
        f"{where}: {column}: {cell!r} is not a keying; write "
        f"{'yes or no' if reverse_column else '1 or -1'}"
    )


def _scale(cell: Any, column: str, where: str) -> list[int]:
    numbers = re.fullmatch(r"\D*?(-?\d{1,4})\D+?(-?\d{1,4})\D*", str(cell))
    if not numbers:
        raise InputError(f"{where}: {column}: {cell!r} is not a scale; write it like 1-5")
    return [int(numbers[1]), int(numbers[2])]


def loose_name(name: str) -> str:
    """Return a name without case, spaces and punctuation."""
    return "".join(c for c in name.casefold() if c.isalnum())


def loose_names(path: Path, system: ValueSystem, mapping: Mapping[str, str]) -> dict[str, str]:
    """Return their spellings, without case, spaces and punctuation -> canonical names."""
    names = {loose_name(n): d.name for d in system.dimensions for n in (*d.aliases, d.name)}
    for theirs, ours in mapping.items():
        canonical = system.canonical(ours)
        if canonical is None:
            raise InputError(
                f"{path}: the mapping {theirs!r} -> {ours!r} does not lead to a dimension of "
                f"{system.id}; known: {', '.join(system.names)}"
            )
        names[loose_name(theirs)] = canonical
    return names
