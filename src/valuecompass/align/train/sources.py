"""Where training data lie: one file, a folder in the hub's layout, or a data set of the hub."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from valuecompass.align.train import need_extra
from valuecompass.errors import InputError
from valuecompass.files import decoded, read_bytes, read_text
from valuecompass.items.rows import Row, jsonl_rows
from valuecompass.items.tables import SUFFIXES, open_table

KNOWN = (*SUFFIXES, ".json", ".jsonl.gz", ".json.gz")
"""How the names of readable files end. A .json file holds one object a line, or a list of them."""
_SPLITS = ("train", "test", "validation", "val", "valid", "dev", "eval")
_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")


@dataclass(frozen=True)
class Part:
    """One table of the data: its name for messages, its columns and, once, its rows."""

    name: str
    columns: tuple[str, ...]
    rows: Iterable[Row]
    unit: str
    gaps: bool
    """Rows leave empty cells out, as those of CSV files do."""


def open_source(source: str | Path, split: str, subset: str | None) -> Iterator[Part]:
    """Yield the tables of a source, files in the order of their names.

    Args:
        source: a file or a folder, else the id of a data set on the hub.
        split: of a folder or data set. Files of a folder belong to the split that stands in their
            name or their folder's; where no name holds a split, all do.
        subset: the configuration of a data set, or a folder in the folder.

    Raises:
        InputError: no such thing, no such split, or not readable.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        for file in _files_of(path / subset if subset else path, split):
            yield open_part(file)
    elif path.is_file():
        yield open_part(path)
    elif str(source).startswith(("/", ".", "~")) or not _HUB_ID.fullmatch(str(source)):
        raise InputError(f"{source}: there is no such file or folder, and it is no id of the hub")
    elif str(source).endswith(KNOWN):
        raise InputError(f"{source}: there is no such file")
    else:
        yield hub_part(str(source), split, subset)


def open_part(path: Path) -> Part:
    """Open a file by its suffix.

    Raises:
        InputError: unreadable, broken or of another suffix, with file and row.
    """
    name = path.name.lower()
    if name.endswith((".json", ".jsonl.gz", ".json.gz")):
        return _of_json(path)
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path}: unknown kind of file; known: {', '.join(KNOWN)}")
    table = open_table(path)
    gaps = path.suffix.lower() in (".csv", ".tsv")
    return Part(str(path), table.columns, table.rows, table.unit, gaps)


def hub_part(name: str, split: str, subset: str | None) -> Part:
    """Open a split of a data set with `datasets.load_dataset`.

    Args:
        name: its id; `datasets` takes the path of a folder, too.
        split: as the data set calls it.
        subset: its configuration, where it has several.

    Raises:
        InputError: it cannot be loaded (the message is that of `datasets`).
    """
    need_extra("datasets")
    import datasets  # pyright: ignore[reportMissingImports]

    library = cast(Any, datasets)
    try:
        found = library.load_dataset(name, subset, split=split)
    except Exception as error:  # the hub, the network and the files each have their own kinds
        said = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(f"{name}: split {split}: cannot be loaded: {said}") from None
    return Part(name, tuple(found.column_names), _numbered(found), "row", gaps=False)


def _numbered(rows: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
    yield from enumerate(rows, start=1)


def _of_json(path: Path) -> Part:
    if path.name.lower().endswith(".gz"):
        try:
            text = decoded(gzip.decompress(read_bytes(path)), path)
        except (OSError, EOFError, ValueError) as error:
            raise InputError(f"{path}: not a whole gzip file ({error})") from None
    else:
        text = read_text(path)
    if text.lstrip().startswith("["):
        rows, unit = _of_list(text, path), "row"
    else:
        rows, unit = list(jsonl_rows(text, path)), "line"
    columns = tuple(dict.fromkeys(key for _, row in rows for key in row))
    return Part(str(path), columns, rows, unit, gaps=False)


def _of_list(text: str, path: Path) -> list[Row]:
    try:
        found = cast("list[Any]", json.loads(text))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not valid JSON: {error}") from None
    for number, row in enumerate(found, start=1):
        if not isinstance(row, dict):
            raise InputError(f"{path}, row {number}: expected a JSON object")
    return list(enumerate(found, start=1))


def _files_of(folder: Path, split: str) -> list[Path]:
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder")
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and path.name.lower().endswith(KNOWN)
        # the hub's own files about a data set
        and path.name not in ("dataset_infos.json", "dataset_dict.json", "state.json")
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    if not files:
        raise InputError(f"{folder}: holds no file of data; known: {', '.join(KNOWN)}")
    splits = {path: _split_of(path.relative_to(folder)) for path in files}
    if not any(splits.values()):
        return files
    if own := [path for path in files if splits[path] == split]:
        return own
    there = ", ".join(sorted({found for found in splits.values() if found}))
    raise InputError(f"{folder}: split: there is no {split!r} in it; there is: {there}")


def _split_of(path: Path) -> str | None:
    """Return the split that a file's name, or else a folder's, holds as a word of its own."""
    for part in reversed(path.parts):
        words = re.split(r"[^a-z]+", part.lower())
        if found := next((word for word in words if word in _SPLITS), None):
            return found
    return None
