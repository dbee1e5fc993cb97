"""Rows of a JSON, CSV or TSV file as they are read: memory for one row, however long the file.

Rows of JSON are decoded one by one with Python's own decoder. Streaming parsers were tried: they
take the last of two equal keys without a word, and the prefix they keep of nested brackets fills
the memory.
"""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TextIO, cast

from valuecompass.errors import InputError

LONGEST = 1_000_000
"""Characters that a row may have: what is longer holds no scores, or a mark is never closed."""
CHUNK = 1 << 18
"""Bytes read at once."""
_SPACES = re.compile(r"[ \t\n\r]*")
_FOREIGN = re.compile("[\udc80-\udcff]")
"""A byte that is not UTF-8, as Python's `surrogateescape` stands for it."""


def objects(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the rows of a file with their numbers, as they are read.

    JSON rows are numbered from 1; they stand in a list, bare or under "data". CSV and TSV rows
    have the number of their line, and all columns of the header: text, or None for an empty cell.

    Raises:
        InputError: unreadable, of another kind, or broken; the rows before have been yielded.
    """
    try:
        match path.suffix.lower():
            case ".json":
                with path.open("rb") as binary:
                    yield from _Json(path, binary).rows()
            case ".csv" | ".tsv" as suffix:
                with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
                    yield from _separated(path, file, "," if suffix == ".csv" else "\t")
            case _:
                raise InputError(f"{path}: unknown kind of file; known: .json, .csv, .tsv")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def unit(path: Path) -> str:
    """Return what the number of a row counts."""
    return "row" if path.suffix.lower() == ".json" else "line"


def shown(value: Any) -> str:
    """Return a value of a file for a message: short, and nothing in it acts."""
    match value:
        case list():
            return "a list"
        case dict():
            return "an object"
        case str():
            return repr(value if len(value) <= 60 else value[:60] + "..")
        case None | True | False:
            return json.dumps(value)
        case _:
            return repr(value)[:60]


def named(column: str) -> str:
    """Return a column's name for a message."""
    return column if column.isprintable() and 0 < len(column) <= 60 else shown(column)


class _Twice(Exception):
    """A key that an object has twice."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _Twice(next(key for at, key in enumerate(keys) if key in keys[:at]))
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_unique)


class _Json:
    """A JSON file, of which the rest of a row and a chunk are in memory."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path, self.file = path, file
        self.decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self.text, self.at = "", 0
        self.ended = False
        self.foreign: int | None = None
        """The byte that is not UTF-8, at which the text ends."""
        self.row = 0

    def rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        opening = self._sign()
        if not opening and self.foreign is None:
            raise self._error("the file is empty; expected a JSON list of rows")
        yield from self._under_data() if opening == "{" else self._list()
        if self._sign():
            raise self._error(f"after the end of the table there is {shown(self._rest())}")
        if self.foreign is not None:
            raise self._cut()

    def _under_data(self) -> Iterator[tuple[int, dict[str, Any]]]:
        self._take("{")
        keys: dict[str, None] = {}
        while self._sign() != "}":
            if keys:
                self._take(",")
            key = self._value()
            if not isinstance(key, str):
                raise self._error(f"not valid JSON: {shown(key)} as a key")
            self._take(":")
            if key in keys:
                raise self._error(f"{named(key)}: stands twice")
            keys[key] = None
            if key == "data":
                yield from self._list()
            else:
                self._value()
        self._take("}")
        if "data" not in keys:
            has = ", ".join(named(key) for key in list(keys)[:12])
            raise self._error(f"data: missing, the list of rows; the file has: {has or 'nothing'}")

    def _list(self) -> Iterator[tuple[int, dict[str, Any]]]:
        self._take("[")
        end = self._sign() == "]"
        if end:
            self._take("]")
        while not end:
            self.row += 1
            row = self._value()
            if not isinstance(row, dict):
                raise self._error(f"{shown(row)}, expected an object such as {{..}}")
            yield self.row, cast("dict[str, Any]", row)
            end = self._take(",]") == "]"
        self.row = 0

    def _sign(self) -> str:
        """Return the next sign that is no space, without taking it; an empty text at the end."""
        while True:
            self.at = cast("re.Match[str]", _SPACES.match(self.text, self.at)).end()
            if self.at < len(self.text):
                return self.text[self.at]
            if self.ended:
                return ""
            self._more()

    def _take(self, signs: str) -> str:
        sign = self._sign()
        if sign and sign in signs:
            self.at += 1
            return sign
        if not sign:
            raise self._cut()
        expected = " or ".join(signs)
        raise self._error(f"not valid here: {shown(self._rest())}, expected {expected}")

    def _value(self) -> Any:
        self._sign()
        while True:
            try:
                value, end = _DECODER.raw_decode(self.text, self.at)
                # a number that ends with the chunk may go on in the next
                if end < len(self.text) or self.ended:
                    self.at = end
                    return value
            except _Twice as error:
                raise self._error(f"{named(str(error))}: stands twice; remove one") from None
            except RecursionError:
                raise self._error("lists or objects within each other, too many") from None
            except json.JSONDecodeError as error:
                if not self._at_end(error) or self.ended or len(self.text) - self.at > LONGEST:
                    raise self._invalid(error) from None
            except ValueError:
                raise self._error("a number of thousands of digits") from None
            self._more()

    def _more(self) -> None:
        data = self.file.read(CHUNK)
        self.ended = not data
        try:
            new = self.decoder.decode(data, final=self.ended)
        except UnicodeDecodeError as error:
            self.ended, self.foreign = True, error.object[error.start]
            new = error.object[: error.start].decode()
        self.text, self.at = self.text[self.at :] + new, 0

    def _rest(self) -> str:
        return self.text[self.at : self.at + 61]

    def _at_end(self, error: json.JSONDecodeError) -> bool:
        """Say whether more text could mend it: the decoder stopped at, or in, the last word."""
        return error.msg.startswith("Unterminated") or error.pos > len(self.text) - 20

    def _invalid(self, error: json.JSONDecodeError) -> InputError:
        if error.msg.startswith("Unterminated") or error.pos >= len(self.text):
            if self.ended:
                return self._cut()
            return self._error(
                f"longer than {LONGEST:,} characters; is a quotation mark or bracket not closed?"
            )
        near = self.text[max(self.at, error.pos - 20) : error.pos + 20]
        return self._error(f"not valid JSON: {error.msg}, near {shown(near)}")

    def _cut(self) -> InputError:
        if self.foreign is not None:
            return self._error(_not_utf8(self.foreign))
        return self._error("the file ends here, in the middle; is it complete?")

    def _error(self, what: str) -> InputError:
        where = f", row {self.row}" if self.row else ""
        return InputError(f"{self.path}{where}: {what}")


class _Lines:
    """Lines of a text file, none of them endless, and no record of many."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self.path, self.file = path, file
        self.number = self.held = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self.file.readline(LONGEST)
        if not line:
            raise StopIteration
        self.number += 1
        self.held += len(line)
        if self.held >= LONGEST:
            raise InputError(
                f"{self.path}, line {self.number}: the row is longer than {LONGEST:,} characters; "
                "is a quotation mark not closed?"
            )
        if not line.isascii() and (found := _FOREIGN.search(line)):
            said = _not_utf8(ord(found[0]) - 0xDC00)
            raise InputError(f"{self.path}, line {self.number}: {said}")
        return line


def _separated(path: Path, file: TextIO, separator: str) -> Iterator[tuple[int, dict[str, Any]]]:
    lines = _Lines(path, file)
    header: list[str] = []
    first = 1
    try:
        for cells in csv.reader(lines, delimiter=separator, skipinitialspace=True, strict=True):
            where, first = first, lines.number + 1
            lines.held = 0
            if not cells:
                continue
            if not header:
                header = _header(f"{path}, line {where}", cells, separator)
                continue
            if len(cells) != len(header):
                raise InputError(
                    f"{path}, line {where}: {len(cells)} cells, but {len(header)} columns in the "
                    "header; put a text that holds the separator in quotation marks, and write "
                    "decimals with a point"
                )
            yield (
                where,
                {name: cell.strip() or None for name, cell in zip(header, cells, strict=True)},
            )
    except csv.Error as error:
        raise InputError(
            f"{path}, line {first}: broken row: {error}; is a quotation mark not closed?"
        ) from None
    if not header:
        raise InputError(f"{path}: the file is empty; its first line must name the columns")


def _header(where: str, cells: list[str], separator: str) -> list[str]:
    header = [cell.strip() for cell in cells]
    other = next((sign for sign in ";\t,|" if sign in header[0]), None)
    if len(header) == 1 and other is not None:
        wanted = "commas" if separator == "," else "tabs"
        raise InputError(
            f"{where}: the columns are separated by {shown(other)}, expected {wanted}; save the "
            "table as CSV with commas, and decimals with a point"
        )
    for place, name in enumerate(header, start=1):
        if not name:
            raise InputError(f"{where}: column {place}: it has no name; name it or remove it")
        if name in header[: place - 1]:
            raise InputError(f"{where}: {named(name)}: stands twice in the header; remove one")
    return header


def _not_utf8(byte: int) -> str:
    return f"byte {byte:#04x} is not UTF-8; save the file with UTF-8 encoding"
