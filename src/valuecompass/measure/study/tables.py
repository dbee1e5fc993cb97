"""Table files written row by row, and the codebook that decides their columns."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, Protocol

from valuecompass.items.schema import KINDS

Format = Literal["parquet", "csv"]
Type = Literal["text", "integer", "number", "boolean", "time", "date"]
ROWS_IN_A_GROUP = 20_000
TEXT_IN_A_GROUP = 8_000_000
"""Characters after which a row group is written even if it has fewer rows: bounds the memory."""
GUARDED = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "＝", "＋", "－", "＠")
"""Beginnings of a text that a spreadsheet would run or swallow; the apostrophe is among them so
that taking one leading apostrophe away always gives the text back."""


@dataclass(frozen=True)
class Column:
    """A column with what a reader must know of it."""

    name: str
    type: Type
    unit: str
    range: str
    meaning: str
    missing: str


@dataclass(frozen=True)
class Layout:
    """A table: what a row is, which columns tell rows apart, and all columns in order."""

    name: str
    row: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    def json(self) -> dict[str, Any]:
        """Return the layout as a JSON object."""
        return {
            "row": self.row,
            "key": list(self.key),
            "columns": [asdict(column) for column in self.columns],
        }


@cache
def codebook() -> tuple[dict[str, Layout], dict[str, str]]:
    """Return the layouts by table and the meanings of the kinds of scores."""
    text = (files("valuecompass.measure.study") / "codebook.toml").read_text(encoding="utf-8")
    book: dict[str, Any] = tomllib.loads(text.replace('"KINDS"', f'"{", ".join(KINDS)}"'))

    def column(entry: str | dict[str, Any]) -> Column:
        if isinstance(entry, str):
            return Column(name=entry, **book["shared"][entry])
        return Column(**entry)

    layouts = {
        name: Layout(
            name, table["row"], tuple(table["key"]), tuple(column(c) for c in table["columns"])
        )
        for name, table in book["tables"].items()
    }
    return layouts, book["kinds"]


class Sink(Protocol):
    """Takes a table's rows; every row has all columns, None where there is no value."""

    rows: int

    def add(self, row: Mapping[str, Any]) -> None:
        """Write a row, at once or with its group."""
        ...

    def close(self) -> None:
        """Finish the file."""
        ...


def open_sink(layout: Layout, path: Path, kind: Format) -> Sink:
    """Return an open file for a table's rows."""
    return ParquetSink(layout, path) if kind == "parquet" else CsvSink(layout, path)


class CsvSink:
    """RFC 4180: UTF-8, comma, CR LF, a header line."""

    def __init__(self, layout: Layout, path: Path) -> None:
        self.rows = 0
        self._names = [c.name for c in layout.columns]
        self._file = path.open("w", encoding="utf-8", newline="")
        # the default end of line, CR LF: with another one the writer leaves a lone CR unquoted
        self._writer = csv.writer(self._file)
        self._writer.writerow(self._names)

    def add(self, row: Mapping[str, Any]) -> None:
        """Write a row."""
        self._writer.writerow([csv_cell(row[name]) for name in self._names])
        self.rows += 1

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


def csv_cell(value: Any) -> str:
    """Return a value as a cell: empty for None; texts cannot be taken for a formula."""
    if value is None:
        return ""
    if isinstance(value, str):
        text = encodable(value)
        return f"'{text}" if text.startswith(GUARDED) else text
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else repr(value)


class _ArrowSink:
    """Row groups of bounded size; a column's meaning stands in the schema as its description."""

    def __init__(self, layout: Layout) -> None:
        import pyarrow as pa

        self.rows = 0
        self._pa: Any = pa
        types: dict[Type, Any] = {
            "text": self._pa.string(),
            "integer": self._pa.int64(),
            "number": self._pa.float64(),
            "boolean": self._pa.bool_(),
            "time": self._pa.timestamp("us", tz="UTC"),
            "date": self._pa.date32(),
        }
        self._schema: Any = self._pa.schema(
            [
                self._pa.field(c.name, types[c.type], metadata={"description": c.meaning})
                for c in layout.columns
            ]
        )
        self._clean: dict[str, Callable[[Any], Any]] = {
            c.name: encodable if c.type == "text" else _same for c in layout.columns
        }
        self._empty()

    def _empty(self) -> None:
        self._held: dict[str, list[Any]] = {name: [] for name in self._clean}
        self._count = self._text = 0

    def add(self, row: Mapping[str, Any]) -> None:
        """Keep a row until its group is full."""
        for name, clean in self._clean.items():
            value = row[name]
            if value is not None:
                value = clean(value)
                if isinstance(value, str):
                    self._text += len(value)
            self._held[name].append(value)
        self.rows += 1
        self._count += 1
        if self._count >= ROWS_IN_A_GROUP or self._text >= TEXT_IN_A_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._count:
            self._group(self._pa.Table.from_pydict(self._held, schema=self._schema))
            self._empty()

    def _group(self, group: Any) -> None:
        raise NotImplementedError


class ParquetSink(_ArrowSink):
    """A Parquet file."""

    def __init__(self, layout: Layout, path: Path) -> None:
        import pyarrow.parquet as pq

        super().__init__(layout)
        self._writer: Any = pq.ParquetWriter(path, self._schema, compression="zstd")  # pyright: ignore

    def _group(self, group: Any) -> None:
        self._writer.write_table(group)

    def close(self) -> None:
        """Write what is held and finish the file."""
        self._flush()
        self._writer.close()


class MemorySink(_ArrowSink):
    """A table in memory, equal to the Parquet file's."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        self._groups: list[Any] = []

    def _group(self, group: Any) -> None:
        self._groups.append(group)

    def close(self) -> None:
        """Take what is held into the table."""
        self._flush()

    @property
    def table(self) -> Any:
        """A `pyarrow.Table` of what was added before `close`."""
        return self._pa.concat_tables([self._schema.empty_table(), *self._groups])


def encodable(text: str) -> str:
    """Return the text with halves of surrogate pairs, which no file can hold, made U+FFFD."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _same(value: Any) -> Any:
    return value
