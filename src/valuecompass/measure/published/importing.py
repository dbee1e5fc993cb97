"""Writes a published table into a workspace, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from itertools import islice
from pathlib import Path
from typing import Any

from anyio.lowlevel import checkpoint
from sqlalchemy import Executable, insert, literal_column, select

from valuecompass.errors import InputError, StoreError
from valuecompass.hashing import digest
from valuecompass.measure.published.reading import (
    LONGEST_NAME,
    NAMES,
    Found,
    Misread,
    read_name,
    read_rows,
    sha256,
    survey,
)
from valuecompass.measure.published.rows import named, objects, shown, unit
from valuecompass.store import measurements, open_store, scores
from valuecompass.values import ValueSystem

ROWS_AT_ONCE = 2_000
KEYS = {
    "developer": ("developer",),
    "openness": ("openness", "type"),
    "release": ("release", "release date", "released"),
}
"""What is kept of a model, and the columns of --meta it is looked for in."""


@dataclass(frozen=True)
class Imported:
    """What came of an import."""

    id: str
    found: Found
    new: bool
    """False: the same table was there already, and nothing was written."""

    @property
    def unknown(self) -> tuple[str, ...]:
        """Models of --meta that the table does not have."""
        return self.found.absent


async def import_table(
    path: Path,
    system: ValueSystem,
    day: date,
    *,
    workspace: Path,
    db: str | None = None,
    meta: Path | None = None,
    scale: tuple[float, float] | None = None,
) -> Imported:
    """Import a published table as a measurement of a date, on its own scale.

    The file is read twice: nothing is written before all of it is known to be right.

    Args:
        path: JSON rows, bare or under "data", or CSV or TSV.
        system: whose dimensions the columns are.
        day: when it was published.
        workspace: folder of the store; made when absent.
        db: URL of another database.
        meta: JSON or CSV rows of models with developer, openness and release.
        scale: lowest and highest score possible.

    Raises:
        InputError: with file, row and field; the workspace is unchanged.
    """
    about = {} if meta is None else read_meta(meta)
    found = survey(path, system, scale, respondents=about)
    # who was interrupted meanwhile stops here, before a workspace is made
    await checkpoint()
    low, high = scale or (found.low, found.high)
    manifest: dict[str, Any] = {
        "kind": "published",
        "system": system.model_dump(mode="json"),
        "source": {"sha256": found.sha256, "rows": found.rows},
        "scale": {"low": low, "high": high, "declared": scale is not None},
        "dimensions": list(found.dimensions),
        "date": day.isoformat(),
        "meta": about,
    }
    measurement = digest(manifest, 16)  # a copy of the file under another name is the same table
    manifest["source"]["file"] = path.name
    manifest["imported"] = datetime.now(UTC).isoformat()
    head = {
        "id": measurement,
        "created": datetime.combine(day, time(), UTC),
        "system": system.id,
        "manifest": manifest,
        "kind": "published",
    }
    async with open_store(workspace, db) as store:
        there = select(measurements.c.id).where(measurements.c.id == measurement)
        new = not await store.rows(there)
        if new:
            try:
                await store.load(_blocks(path, system, head, found))
            except StoreError:
                if not await store.rows(there):
                    raise
                new = False  # another process has imported the same table meanwhile
    return Imported(measurement, found, new)


def _blocks(
    path: Path, system: ValueSystem, head: Mapping[str, Any], found: Found
) -> Iterator[tuple[Executable, list[dict[str, Any]]]]:
    yield insert(measurements), [dict(head)]
    # what all rows share stands in the statement: it is bound once a row and slows the import
    same = {"measurement": f"'{head['id']}'", "n": "0", "refused": "0", "detail": "'{}'"}
    statement = insert(scores).values({name: literal_column(said) for name, said in same.items()})
    kept = [(system.names.index(name), name) for name in found.dimensions]
    numbered = enumerate(read_rows(path, system))
    while block := list(islice(numbered, ROWS_AT_ONCE)):
        yield (
            statement,
            [
                {
                    "position": position,
                    "dimension": name,
                    "respondent": row.respondent,
                    "score": row.scores[at],
                    "missing": int(row.scores[at] is None),
                }
                for position, row in block
                for at, name in kept
            ],
        )
    if sha256(path) != found.sha256:
        raise InputError(f"{path}: it has changed while it was read; import it again")


def read_meta(path: Path) -> dict[str, dict[str, str]]:
    """Return what a file says of models: developer, openness and release, where given.

    Raises:
        InputError: a row without a name, a name twice, a field that is no text, or no field known.
    """
    found: dict[str, dict[str, str]] = {}
    for number, row in objects(path):
        try:
            name, known = _about(row)
            if name in found:
                raise Misread(f"model: {shown(name)} already stands above; remove one of the two")
        except Misread as error:
            raise InputError(f"{path}, {unit(path)} {number}: {error}") from None
        found[name] = known
    if not any(found.values()):
        raise InputError(
            f"{path}: no row says anything of a model; expected rows with model and "
            f"{', '.join(KEYS)}"
        )
    return found


def _about(row: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    name: str | None = None
    known: dict[str, str] = {}
    fields = {alias: key for key, aliases in KEYS.items() for alias in aliases}
    for column, cell in row.items():
        folded = column.strip().lower()
        key = fields.get(folded)
        if folded in NAMES:
            if name is not None:
                raise Misread(f"{named(column)}: the model stands twice in this row; remove one")
            name = read_name(column, cell)
        elif key is not None and cell is not None:
            if not isinstance(cell, str) or len(cell) > LONGEST_NAME:
                raise Misread(
                    f"{named(column)}: {shown(cell)}, expected a text of at most "
                    f"{LONGEST_NAME:,} characters, or null"
                )
            known.setdefault(key, cell.strip())
    if name is None:
        raise Misread("model: missing, the name")
    return name, known
