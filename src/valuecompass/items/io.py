"""Items in and out: JSONL, CSV, TSV and Parquet, with columns under the user's own names."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from valuecompass.errors import InputError
from valuecompass.files import inert, replacing
from valuecompass.items.readers import is_inventory, is_touche, read_inventory, read_touche
from valuecompass.items.rows import Row, parse_items
from valuecompass.items.schema import Item
from valuecompass.items.tables import SUFFIXES, Table, arrow, guarded, open_table
from valuecompass.values import ValueSystem

Layout = Literal["auto", "items", "touche", "inventory"]

FIELDS = ("id", *Item.model_fields)
"""Fields of an item's row, and columns of a file."""
FLAT = ("side_a", "side_a_dimension", "side_b", "side_b_dimension", "scale_low", "scale_high")
"""Columns that stand for the fields `sides` and `scale`."""
_JSON = ("sides", "scale", "turns", "tools", "media", "lineage")
_REQUIRED = ("kind", "text", "dimensions")
_ORDER = (
    *("id", "kind", "system", "language", "topic", "text", "dimensions", "principle"),
    *FLAT[:4],
    "keying",
    *FLAT[4:],
    *("turns", "tools", "media", "lineage"),
)
_NUMBERS = ("keying", "scale_low", "scale_high")


def read_items(
    path: Path,
    system: ValueSystem,
    *,
    columns: Mapping[str, str] | None = None,
    layout: Layout = "auto",
    defaults: Mapping[str, Any] | None = None,
) -> list[Item]:
    """Read items of one value system from a .jsonl, .csv, .tsv or .parquet file.

    A cell of `dimensions` holds names separated by ";"; `sides`, `turns`, `tools`, `media`,
    `scale` and `lineage` are JSON text, or, for sides and scale, the columns of `FLAT`. An `id`
    in the file is the row's own label and must be unique; an item's id is the hash of its content.

    Args:
        path: the file; for the Touché23-ValueEval layout also the folder.
        system: the value system that the dimensions belong to.
        columns: our field -> their column. With a mapping, columns that are neither mapped nor
            named like a field are ignored; without one they are errors.
        layout: how the file is laid out; "auto" tells by its columns.
        defaults: our field -> value, for rows that lack it.

    Raises:
        InputError: with file, line (Parquet: row) and field.
    """
    _check_names("columns", columns or {})
    _check_names("defaults", defaults or {})
    if layout == "touche" or (layout == "auto" and path.is_dir()):
        return read_touche(path, system)
    if layout == "inventory":
        return read_inventory(path, system, columns=columns, defaults=defaults).items
    table = open_table(path)
    if layout == "auto" and not columns:
        if is_touche(table.columns):
            return read_touche(path, system)
        if is_inventory(table.columns):
            return read_inventory(path, system, defaults=defaults).items
    return _read_own_layout(table, system, columns or {}, defaults or {})


def silent(_: str) -> None:
    """Tell nobody."""


def select_items(
    path: Path,
    systems: Sequence[ValueSystem],
    tell: Callable[[str], None] = silent,
    *,
    defaults: Mapping[str, Any] | None = None,
) -> list[Item]:
    """Read the items of some value systems from a file that may hold those of others, too.

    What evolved under several systems is such a file. A row that names no system belongs to the
    first one asked for.

    Args:
        path: as for `read_items`, with our own layout if there are several systems in it.
        systems: whose items are wanted, at least one.
        tell: told how many items of other systems are left out.
        defaults: as for `read_items`.

    Raises:
        InputError: with file, line and field, or when all rows are of other systems.
    """
    first = systems[0]
    table = None if path.is_dir() else open_table(path)
    named = table is not None and "system" in table.columns
    if table is None or not named or is_touche(table.columns) or is_inventory(table.columns):
        return read_items(path, first, defaults=defaults)
    given, wanted = defaults or {}, {system.id for system in systems}
    others: Counter[str] = Counter()

    def keep(row: Mapping[str, Any]) -> bool:
        of = str({"system": first.id, **given, **_present(row)}["system"])
        others.update([] if of in wanted else [of])
        return of in wanted

    items = _read_own_layout(table, first, {}, given, others=systems[1:], keep=keep)
    asked = ", ".join(system.id for system in systems)
    if others and not items:
        raise InputError(f"{path}: no items of {asked}; they are of {', '.join(sorted(others))}")
    if others:
        tell(
            f"{path}: {others.total()} of its items are of other value systems than {asked} and "
            "left out"
        )
    return items


def write_items(items: Iterable[Item], path: Path) -> None:
    """Write items to a .jsonl, .csv, .tsv or .parquet file: the whole file or nothing.

    Raises:
        InputError: the suffix is another one, or the file cannot be written.
    """
    writer = _WRITERS.get(path.suffix.lower())
    if writer is None:
        raise InputError(f"{path}: unknown kind of file; known: {', '.join(SUFFIXES)}")
    with replacing(path) as temporary:
        writer(items, temporary)


def _check_names(what: str, names: Iterable[str]) -> None:
    for name in names:
        if name not in (*FIELDS, *FLAT):
            raise InputError(
                f"{what}: {name!r} is not a field of an item; fields: {', '.join((*FIELDS, *FLAT))}"
            )


def _read_own_layout(
    table: Table,
    system: ValueSystem,
    columns: Mapping[str, str],
    defaults: Mapping[str, Any],
    *,
    others: Sequence[ValueSystem] = (),
    keep: Callable[[Mapping[str, Any]], bool] | None = None,
) -> list[Item]:
    table.require(list(columns.values()))
    known = {*FIELDS, *FLAT}
    if table.header:
        for name in table.columns:
            if not columns and name not in known:
                raise InputError(
                    f"{table.path}, {table.unit} 1: {name}: unknown column; remove it, or give a "
                    f"column mapping, which ignores it; known: {', '.join((*FIELDS, *FLAT))}"
                )
        table.require([n for n in _REQUIRED if n not in columns and n not in defaults])

    def rows() -> Iterator[Row]:
        for number, row in table.rows:
            if keep is not None and not keep(row):
                continue
            own = _renamed(row, columns, known) if columns else row
            where = f"{table.path}, {table.unit} {number}"
            yield number, unflattened({**defaults, **_present(own)}, where)

    return parse_items(rows(), table.path, system, unit=table.unit, others=others)


def _renamed(row: Mapping[str, Any], columns: Mapping[str, str], known: set[str]) -> dict[str, Any]:
    taken = {*columns, *columns.values()}
    own = {name: value for name, value in row.items() if name in known and name not in taken}
    return own | {field: row[name] for field, name in columns.items() if name in row}


def _present(row: Mapping[str, Any]) -> dict[str, Any]:
    # a value that differs from itself is NaN, which data frames write for an empty cell
    return {k: v for k, v in row.items() if v is not None and v == v}


def unflattened(row: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return a row with its text cells parsed and the columns of `FLAT` put together.

    Raises:
        InputError: a cell is not what its field needs; `where` opens the message.
    """
    body = {name: value for name, value in row.items() if name not in FLAT}
    if isinstance(dimensions := body.get("dimensions"), str):
        body["dimensions"] = (
            _parsed(dimensions, "dimensions", where)
            if dimensions.startswith("[")
            else [d.strip() for d in dimensions.split(";") if d.strip()]
        )
    for field in _JSON:
        if isinstance(cell := body.get(field), str):
            body[field] = _parsed(cell, field, where)
    if "keying" in body:
        body["keying"] = _whole(body["keying"], "keying", where)
    flat = {name: row[name] for name in FLAT if name in row}
    sides = [_side(flat, "a"), _side(flat, "b")]
    scale = [_whole(flat[n], n, where) for n in ("scale_low", "scale_high") if n in flat]
    for field, parts in (("sides", any(sides) and sides), ("scale", scale)):
        if parts and field in body:
            raise InputError(f"{where}: {field}: given twice, as one column and as several")
        if parts:
            body[field] = parts
    return body


def _side(flat: Mapping[str, Any], letter: str) -> dict[str, Any]:
    names = {"text": f"side_{letter}", "dimension": f"side_{letter}_dimension"}
    return {part: flat[name] for part, name in names.items() if name in flat}


def _parsed(cell: str, field: str, where: str) -> Any:
    try:
        return json.loads(cell)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: {field}: not valid JSON: {error}") from None


def _whole(cell: Any, field: str, where: str) -> int:
    try:
        number = float(cell)
        if number == int(number):
            return int(number)
    except (TypeError, ValueError, OverflowError):
        pass
    raise InputError(f"{where}: {field}: {cell!r} is not a whole number")


def _full_row(item: Item) -> dict[str, Any]:
    # the origin is always written: without one, a row counts as imported
    lineage = item.lineage.model_dump(mode="json", exclude_defaults=True)
    return {**item.row(), "lineage": {"origin": item.lineage.origin, **lineage}}


def _flat_row(item: Item) -> dict[str, Any]:
    row = _full_row(item)
    if item.sides:
        for letter, side in zip("ab", item.sides, strict=True):
            row |= {f"side_{letter}": side.text, f"side_{letter}_dimension": side.dimension}
    if item.scale:
        row["scale_low"], row["scale_high"] = item.scale
    row = {name: row[name] for name in _ORDER if name in row}
    return {k: _json(v) if k in _JSON else v for k, v in row.items()}


def _json(value: Any) -> str:
    return inert(json.dumps(value, ensure_ascii=False))


def _write_jsonl(items: Iterable[Item], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for item in items:
            file.write(_json(_full_row(item)) + "\n")


def _write_csv(items: Iterable[Item], path: Path, delimiter: str = ",") -> None:
    rows = [_flat_row(item) for item in items]
    used = {name for row in rows for name in row} | {"id", *_REQUIRED}
    with path.open("w", encoding="utf-8", newline="") as file:
        # the default end of line, CR LF: with another one the writer leaves a lone CR unquoted
        writer = csv.DictWriter(file, [n for n in _ORDER if n in used], delimiter=delimiter)
        writer.writeheader()
        for row in rows:
            names = row["dimensions"]
            plain = not any(";" in n or n.startswith("[") or n != n.strip() for n in names)
            row["dimensions"] = ";".join(names) if plain else _json(names)
            writer.writerow({k: guarded(v) if isinstance(v, str) else v for k, v in row.items()})


def _write_tsv(items: Iterable[Item], path: Path) -> None:
    _write_csv(items, path, "\t")


def _write_parquet(items: Iterable[Item], path: Path) -> None:
    pa, pq = arrow()
    kinds: dict[str, Any] = dict.fromkeys(_ORDER, pa.string())
    kinds |= dict.fromkeys(_NUMBERS, pa.int64()) | {"dimensions": pa.list_(pa.string())}
    table = pa.Table.from_pylist([_flat_row(item) for item in items], schema=pa.schema(kinds))
    pq.write_table(table, path)


_WRITERS: dict[str, Callable[[Iterable[Item], Path], None]] = {
    ".jsonl": _write_jsonl,
    ".csv": _write_csv,
    ".tsv": _write_tsv,
    ".parquet": _write_parquet,
}
