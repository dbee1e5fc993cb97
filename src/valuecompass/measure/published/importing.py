"""Writes a published table into a workspace, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Executable, insert, select

from valuecompass.errors import InputError
from valuecompass.hashing import digest
from valuecompass.measure.published.reading import Found, objects, read_rows, survey
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
    unknown: tuple[str, ...]
    """Models of --meta that the table does not have."""


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
    found = survey(path, system, scale)
    about = {} if meta is None else read_meta(meta)
    low, high = scale or (found.low, found.high)
    manifest = {
        "kind": "published",
        "system": system.model_dump(mode="json"),
        "source": {"file": path.name, "sha256": found.sha256, "rows": found.rows},
        "scale": {"low": low, "high": high, "declared": scale is not None},
        "dimensions": list(found.dimensions),
        "date": day.isoformat(),
        "meta": about,
    }
    measurement = digest(manifest, 16)
    manifest["imported"] = datetime.now(UTC).isoformat(timespec="seconds")
    async with open_store(workspace, db) as store:
        there = select(measurements.c.id).where(measurements.c.id == measurement)
        new = not await store.rows(there)
        if new:
            head = {
                "id": measurement,
                "created": datetime.combine(day, time(), UTC),
                "system": system.id,
                "manifest": manifest,
                "kind": "published",
            }
            await store.load(_blocks(path, system, head, found))
        unknown: tuple[str, ...] = ()
        if about:
            named = select(scores.c.respondent).where(scores.c.measurement == measurement)
            known = {row["respondent"] for row in await store.rows(named.distinct())}
            unknown = tuple(name for name in about if name not in known)
    return Imported(measurement, found, new, unknown)


def _blocks(
    path: Path, system: ValueSystem, head: Mapping[str, Any], found: Found
) -> Iterator[tuple[Executable, list[dict[str, Any]]]]:
    yield insert(measurements), [dict(head)]
    rows, numbered = 0, enumerate(read_rows(path, system))
    while block := list(islice(numbered, ROWS_AT_ONCE)):
        rows += len(block)
        yield (
            insert(scores),
            [
                {
                    "measurement": head["id"],
                    "position": position,
                    "dimension": name,
                    "respondent": row.respondent,
                    "score": score,
                    "low": None,
                    "high": None,
                    "n": 0,
                    "refused": 0,
                    "missing": int(score is None),
                    "detail": {},
                }
                for position, row in block
                for name, score in zip(system.names, row.scores, strict=True)
                if name in found.dimensions
            ],
        )
    if rows != found.rows:
        raise InputError(f"{path}: it has changed while it was read; import it again")


def read_meta(path: Path) -> dict[str, dict[str, str]]:
    """Return what a file says of models: developer, openness and release, where given.

    Raises:
        InputError: a row without a name, a name twice, or a field that is no text.
    """
    found: dict[str, dict[str, str]] = {}
    for number, row in objects(path):
        where = f"{path}, row {number}"
        name = row.get("model")
        if not isinstance(name, str) or not name.strip():
            raise InputError(f"{where}: model: {name!r:.60}, expected a name")
        name = name.strip()
        if name in found:
            raise InputError(f"{where}: model: {name!r} stands twice; remove one of the two")
        found[name] = {}
        for key, columns in KEYS.items():
            value = next((row[c] for c in columns if row.get(c) is not None), None)
            if value is None:
                continue
            if not isinstance(value, str):
                raise InputError(f"{where}: {key}: {value!r:.60}, expected text")
            found[name][key] = value.strip()
    return found
