"""From rows of a file to items, with complaints that name the file, the row and the field."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from valuecompass.errors import InputError
from valuecompass.items.schema import Item, Lineage
from valuecompass.values import ValueSystem

Row = tuple[int, Mapping[str, Any]]
"""Line number (1 = first line of the file; in Parquet, the row's number) and the row's fields."""


def jsonl_rows(text: str, source: str | Path) -> Iterator[Row]:
    """Yield the objects of a JSON-lines text; blank lines are skipped.

    Raises:
        InputError: a line is not a JSON object.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(
                f"{source}, line {number}, column {error.colno}: not valid JSON: {error.msg}"
            ) from None
        except (RecursionError, ValueError) as error:
            raise InputError(f"{source}, line {number}: not readable JSON: {error}") from None
        if not isinstance(row, dict):
            raise InputError(f"{source}, line {number}: expected a JSON object")
        yield number, cast("dict[str, Any]", row)


def parse_items(
    rows: Iterable[Row],
    source: str | Path,
    system: ValueSystem,
    origin: str = "import",
    unit: str = "line",
    others: Sequence[ValueSystem] = (),
) -> list[Item]:
    """Validate rows into items of one value system, or of several.

    Dimension names are brought to their canonical spelling. A row may carry an `id`, which is its
    own label and not the item's id; a second row with the same label or the same content is an
    error, because it would count twice.

    Args:
        rows: the rows.
        source: the file's name, for messages.
        system: the value system they belong to.
        origin: lineage of rows that state none.
        unit: what the rows' numbers count, for messages.
        others: systems that rows may name instead.

    Raises:
        InputError: with file, line and field.
    """
    items: list[Item] = []
    first_line: dict[str, int] = {}
    for line, row in rows:
        where = f"{source}, {unit} {line}"
        item = _parse_item(row, where, (system, *others), origin)
        names = {item.id}
        if row.get("id") is not None:
            names.add(f"id {row['id']!r}")
        for name in names:
            if name in first_line:
                what = name if name.startswith("id ") else f"the same item (content hash {name})"
                raise InputError(
                    f"{where}: id: {what} already stands in {unit} {first_line[name]}; "
                    "remove one of the two"
                )
            first_line[name] = line
        items.append(item)
    return items


def _parse_item(
    row: Mapping[str, Any], where: str, systems: Sequence[ValueSystem], origin: str
) -> Item:
    body = {k: v for k, v in row.items() if k != "id" and v is not None}
    if body.get("topic") == "":  # an empty cell, which a table cannot tell from no topic
        del body["topic"]
    for field, value in body.items():
        try:
            json.dumps(value, ensure_ascii=False, default=str).encode()
        except UnicodeEncodeError:  # JSON can spell it; no file can hold it
            raise InputError(
                f"{where}: {field}: half of a surrogate pair is no character"
            ) from None
    body.setdefault("system", systems[0].id)
    if "lineage" not in body:
        body["lineage"] = Lineage.model_validate({"origin": origin})
    system = next((one for one in systems if one.id == body["system"]), None)
    if system is None:
        read = " or ".join(repr(one.id) for one in systems)
        raise InputError(
            f"{where}: system: {body['system']!r} is not {read}, the system being read"
        )
    try:
        item = Item.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(p + 1) if isinstance(p, int) else p for p in first["loc"])
        message = {
            "missing": "this field is missing",
            "extra_forbidden": "unknown field",
        }.get(first["type"], first["msg"].removeprefix("Value error, "))
        raise InputError(f"{where}: {field + ': ' if field else ''}{message}") from None
    return _canonical_names(item, where, system)


def _canonical_names(item: Item, where: str, system: ValueSystem) -> Item:
    def canonical(name: str, field: str) -> str:
        found = system.canonical(name)
        if found is None:
            raise InputError(
                f"{where}: {field}: {name!r} is not a dimension of {system.id}; "
                f"known: {', '.join(system.names)}"
            )
        return found

    dimensions = tuple(canonical(d, "dimensions") for d in item.dimensions)
    sides = item.sides and tuple(
        side.model_copy(update={"dimension": canonical(side.dimension, f"sides.{i}.dimension")})
        for i, side in enumerate(item.sides, start=1)
    )
    # two spellings of one dimension pass the schema, which does not know the aliases
    if len(set(dimensions)) < len(dimensions):
        raise InputError(f"{where}: dimensions: {', '.join(dimensions)}: one is named twice")
    if sides and sides[0].dimension == sides[1].dimension:
        raise InputError(f"{where}: sides: both serve {sides[0].dimension}")
    if sides and not {side.dimension for side in sides} <= set(dimensions):
        raise InputError(f"{where}: dimensions: those of the two sides must be among them")
    return item.model_copy(update={"dimensions": dimensions, "sides": sides})
