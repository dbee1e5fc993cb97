"""Tables as they lie in files: rows of JSONL, CSV, TSV and Parquet, each with its place."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from valuecompass.errors import InputError
from valuecompass.files import read_text
from valuecompass.items.rows import Row, jsonl_rows

SUFFIXES = (".jsonl", ".csv", ".tsv", ".parquet")
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
"""Beginning of a cell that a spreadsheet would run or swallow, apostrophes before it or not."""


@dataclass(frozen=True)
class Table:
    """A file's columns and, once, its rows."""

    path: Path
    columns: tuple[str, ...]
    rows: Iterator[Row]
    """Rows may leave columns out; an empty cell of a CSV or TSV file is left out."""
    header: bool
    """The columns are declared by the file, not gathered from its rows."""
    unit: str = "line"
    """What a row's number counts."""

    def require(self, names: Sequence[str]) -> None:
        """Check that the columns are there.

        Raises:
            InputError: with the missing column and those of the file.
        """
        for name in names:
            if name not in self.columns:
                raise InputError(
                    f"{self.path}, {self.unit} 1: {name}: there is no such column; "
                    f"the file has: {', '.join(self.columns) or 'none'}"
                )


def open_table(path: Path, *, quoted: bool = True) -> Table:
    """Open a table by its suffix; CSV, TSV and Parquet are read as the rows are taken.

    Args:
        path: a .jsonl, .csv, .tsv or .parquet file.
        quoted: CSV, TSV: quotation marks enclose cells; otherwise they are part of the text.

    Raises:
        InputError: unreadable, not UTF-8, broken, or of another suffix; with file and line, also
            while the rows are taken.
    """
    match path.suffix.lower():
        case ".jsonl":
            rows = list(jsonl_rows(read_text(path), path))
            columns = tuple(dict.fromkeys(key for _, row in rows for key in row))
            return Table(path, columns, iter(rows), header=False)
        case ".csv":
            return _open_csv(path, ",", quoted)
        case ".tsv":
            return _open_csv(path, "\t", quoted)
        case ".parquet":
            return _open_parquet(path)
        case _:
            raise InputError(f"{path}: unknown kind of file; known: {', '.join(SUFFIXES)}")


def text_table(text: str, name: str, delimiter: str = ",") -> Table:
    """Open a table that somebody sent as text instead of a file.

    Args:
        text: what the CSV file holds.
        name: what messages call it.
        delimiter: between cells.

    Raises:
        InputError: as `open_table`.
    """
    return _open_csv(Path(name), delimiter, True, text.removeprefix("\ufeff"))


def _open_csv(path: Path, delimiter: str, quoted: bool, text: str | None = None) -> Table:
    records = _csv_records(path, delimiter, quoted, text)
    line, header = next(records, (1, list[str]()))
    if not header:
        raise InputError(f"{path}, line 1: the file is empty; its first line must name the columns")
    for place, name in enumerate(header, start=1):
        if not name or name in header[: place - 1]:
            what = f"the name {name!r} stands twice" if name else "this column has no name"
            raise InputError(f"{path}, line {line}: column {place}: {what}")
    return Table(path, tuple(header), _csv_rows(path, header, records), header=True)


def _csv_rows(
    path: Path, header: list[str], records: Iterator[tuple[int, list[str]]]
) -> Iterator[Row]:
    for line, cells in records:
        if len(cells) != len(header):
            place = header[len(cells)] if len(cells) < len(header) else header[-1]
            raise InputError(
                f"{path}, line {line}: {place}: the row has {len(cells)} cells and the header "
                f"{len(header)}; put a text that holds the separator in quotation marks"
            )
        row = zip(header, cells, strict=True)
        yield line, {name: _unguarded(cell) for name, cell in row if cell}


def guarded(cell: str) -> str:
    """Return a CSV cell that no spreadsheet takes for a formula; reading takes the mark away."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _csv_records(
    path: Path, delimiter: str, quoted: bool, text: str | None
) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(2**31 - 1)  # the largest that every platform takes
    quoting = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
    line = 1
    try:
        with _lines(path, text) as file:
            reader = csv.reader(file, delimiter=delimiter, quoting=quoting, strict=True)
            for cells in reader:
                if cells:
                    yield line, cells
                line = reader.line_num + 1
    except UnicodeDecodeError:
        read_text(path)  # complains with the line, which a decoder of chunks does not know
        raise
    except csv.Error as error:
        raise InputError(f"{path}, line {line}: broken row: {error}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def _lines(path: Path, text: str | None) -> TextIO:
    if text is not None:
        return io.StringIO(text, newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _open_parquet(path: Path) -> Table:
    pa, pq = arrow()
    try:
        path.open("rb").close()  # its complaint is plainer than Arrow's
        file: Any = pq.ParquetFile(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    except pa.ArrowException as error:
        raise InputError(f"{path}: not a Parquet file: {error}") from None
    columns = tuple(str(name) for name in file.schema_arrow.names)
    return Table(path, columns, _parquet_rows(path, file), header=True, unit="row")


def _parquet_rows(path: Path, file: Any) -> Iterator[Row]:
    pa, _ = arrow()
    number = 0
    try:
        for batch in file.iter_batches():
            for row in batch.to_pylist():
                number += 1
                yield number, row
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}, row {number + 1}: cannot be read: {error}") from None


def arrow() -> tuple[Any, Any]:
    """Return the modules pyarrow and pyarrow.parquet, which are slow to import and untyped."""
    import pyarrow
    import pyarrow.parquet

    return pyarrow, pyarrow.parquet
