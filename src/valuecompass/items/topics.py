"""Topics for questions that evolve: seed items, argument collections, inventories."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from valuecompass.errors import InputError
from valuecompass.items.io import select_items, silent
from valuecompass.items.readers import (
    TOUCHE_LICENCE,
    TOUCHE_VALUES,
    cell,
    conclusion_question,
    inventory_columns,
    is_inventory,
    is_touche,
    labels_beside,
    loose_name,
    loose_names,
    read_touche,
)
from valuecompass.items.rows import parse_items
from valuecompass.items.schema import Item
from valuecompass.items.tables import Table, open_table
from valuecompass.values import ValueSystem

_CLASS_COLUMNS = ("topic", "topic class", "topic_class")


class _Seed(NamedTuple):
    line: int
    text: str
    dimensions: tuple[str, ...]
    topic: str | None
    lineage: dict[str, str]


def read_topics(
    path: Path,
    system: ValueSystem,
    *,
    defaults: Mapping[str, Any] | None = None,
    others: Sequence[ValueSystem] = (),
    tell: Callable[[str], None] = silent,
) -> list[Item]:
    """Read yes/no questions to start from, in any of three layouts, told by their columns.

    A question that stands there several times, but for case and spaces, is one topic. Its topic
    class is that of a column "topic" where there is one. What a topic bears on need not be known:
    without a label that the system knows, its dimensions are all of the system's.

    - Touché23-ValueEval (Argument ID, Conclusion, Stance, Premise), a file or a folder of
      ``arguments-NAME.tsv``: one question a conclusion, by the rule of `conclusion_question`.
      Labels are read where ``labels-NAME.tsv`` stands beside it and the system has the ten values.
    - ValueBench and other inventories: its column "question", or else the statement by that rule.
      The rule is for English; in another language a statement stays what it is.
    - our own items: those of kind question and tradeoff. Rows of other systems than those given
      are left out.

    Args:
        path: a .jsonl, .csv, .tsv or .parquet file, or a folder of the first layout.
        system: the value system that the items will belong to.
        defaults: fields for every item (language, topic).
        others: further systems that rows of our own layout may name.
        tell: told if rows were left out.

    Raises:
        InputError: with file, line and field, or when there is no topic in it.
    """
    given = defaults or {}
    files = sorted(path.glob("arguments*.tsv")) if path.is_dir() else [path]
    found: dict[str, Item] = {}
    for file in files:
        for item in _read_file(file, (system, *others), given, tell):
            found.setdefault(_key(item.text), item)
    if not found:
        what = "no arguments-NAME.tsv" if path.is_dir() else "no question or tradeoff"
        raise InputError(f"{path}: {what} to start from is in it")
    return list(found.values())


def _read_file(
    path: Path,
    systems: Sequence[ValueSystem],
    defaults: Mapping[str, Any],
    tell: Callable[[str], None],
) -> list[Item]:
    system = systems[0]
    table = open_table(path)
    if is_touche(table.columns):
        # its files quote nothing, and arguments have quotation marks in them
        seeds = _arguments(open_table(path, quoted=False), system)
    elif is_inventory(table.columns):
        seeds = _statements(table, system, str(defaults.get("language", "en")))
    else:
        items = select_items(path, systems, tell, defaults=defaults)
        return [item for item in items if item.kind in ("question", "tradeoff")]
    distinct: dict[str, _Seed] = {}
    for seed in seeds:
        distinct.setdefault(_key(seed.text), seed)
    rows = (
        (seed.line, {**defaults, **_row(seed), "dimensions": seed.dimensions or system.names})
        for seed in distinct.values()
    )
    return parse_items(rows, path, system, unit=table.unit)


def _arguments(table: Table, system: ValueSystem) -> Iterator[_Seed]:
    labelled: dict[str, tuple[str, ...]] = {}
    ten = all(system.canonical(name) for name in TOUCHE_VALUES.values() if name)
    if ten and (labels := labels_beside(table.path)) != table.path and labels.exists():
        labelled = {_key(i.text): i.dimensions for i in read_touche(table.path, system)}
    lineage = {"origin": "import", "method": "touche23-valueeval", "licence": TOUCHE_LICENCE}
    for line, row in table.rows:
        text = conclusion_question(cell(row, "Conclusion", f"{table.path}, line {line}"))
        yield _Seed(line, text, labelled.get(_key(text), ()), _topic(row), lineage)


def _statements(table: Table, system: ValueSystem, language: str) -> Iterator[_Seed]:
    columns = inventory_columns(table, {})
    questions = next((c for c in table.columns if c.lower() == "question"), None)
    known = loose_names(table.path, system, {})
    for line, row in table.rows:
        where = f"{table.path}, {table.unit} {line}"
        text = " ".join(str(row.get(questions) or "").split()) if questions else ""
        if not text:
            statement = cell(row, columns["text"], where)
            text = conclusion_question(statement) if language.startswith("en") else statement
        dimension = known.get(loose_name(str(row.get(columns["dimensions"], ""))))
        method = str(row.get(columns.get("lineage", ""), "") or "inventory")
        yield _Seed(
            line,
            text,
            (dimension,) if dimension else (),
            _topic(row),
            {"origin": "import", "method": method},
        )


def _topic(row: Mapping[str, Any]) -> str | None:
    named = {name.lower(): value for name, value in row.items()}
    found = next((named[c] for c in _CLASS_COLUMNS if named.get(c)), None)
    return None if found is None else str(found).strip()


def _row(seed: _Seed) -> dict[str, Any]:
    body: dict[str, Any] = {"kind": "question", "text": seed.text, "lineage": seed.lineage}
    return body | ({"topic": seed.topic} if seed.topic else {})


def _key(text: str) -> str:
    return " ".join(text.split()).casefold()
