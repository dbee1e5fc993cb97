"""Writes a study: table files, codebook, methods, manifest and checksums, whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

import valuecompass
from valuecompass.blocking import blocking
from valuecompass.errors import InputError
from valuecompass.files import replacing, replacing_folder
from valuecompass.measure.archive import find_measurement, items_query, latest_measurements
from valuecompass.measure.asking import READ_OFF
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.study.rows import (
    Answer,
    answers_query,
    item_row,
    respondent_rows,
)
from valuecompass.measure.study.tables import Format, Sink, codebook, open_sink
from valuecompass.measure.study.tally import Tally
from valuecompass.measure.study.text import codebook_json, codebook_text, methods_text
from valuecompass.store import Store, measurements, open_store

WRITTEN_BY = "valuecompass export --study"
WORKSPACE = Path("valuecompass-workspace")
DOCUMENTS = ("codebook.md", "codebook.json", "methods.md", "manifest.json", "checksums.txt")
LITTER = (".DS_Store", "Thumbs.db", "desktop.ini")
"""What file browsers leave in a folder."""


@dataclass(frozen=True)
class Exported:
    """What was written."""

    path: Path
    measurements: tuple[str, ...]
    """Ids."""
    rows: Mapping[str, int]
    """By table."""


@dataclass(frozen=True)
class Selection:
    """Which measurements: those named, else the newest of every (named) value system."""

    systems: Sequence[str] = ()
    """Ids of value systems; none: all."""
    ids: Sequence[str] = ()
    """Ids of measurements; none: the newest."""


def export_study(
    out: Path | str,
    which: Selection = Selection(),
    *,
    workspace: Path | str = WORKSPACE,
    db: str | None = None,
    format: Format = "parquet",
) -> Exported:
    """Write tidy tables, codebook, methods paragraph, manifest and checksums into a folder.

    Args:
        out: the folder: new, empty, or one that holds an earlier export and nothing else, which
            is then replaced.
        which: which measurements.
        workspace: where the measurements are.
        db: SQLAlchemy URL of another database, or None.
        format: of the table files.

    Raises:
        InputError: no such measurement, or a folder that may not be replaced.
    """
    out, workspace = Path(out), Path(workspace)

    async def work() -> Exported:
        async with open_store(workspace, db, create=False) as store:
            chosen = await choose(store, which)
            return await write_study(store, chosen, out, format)

    return blocking(work)


def export_scores(
    out: Path | str,
    which: Selection = Selection(),
    *,
    workspace: Path | str = WORKSPACE,
    db: str | None = None,
) -> Exported:
    """Write the table of scores into a .parquet or .csv file; arguments as for `export_study`.

    Raises:
        InputError: no such measurement, or another suffix.
    """
    out, workspace = Path(out), Path(workspace)
    kinds: dict[str, Format] = {".parquet": "parquet", ".csv": "csv"}
    kind = kinds.get(out.suffix.lower())
    if kind is None:
        raise InputError(f"{out}: unknown kind of file; known: {', '.join(kinds)}")

    async def work() -> Exported:
        async with open_store(workspace, db, create=False) as store:
            chosen = await choose(store, which)
            with replacing(out) as temporary, _sinks({"scores": temporary}, kind) as sinks:
                for measurement in chosen:
                    await stream_rows(store, measurement, sinks, set())
            return Exported(out, tuple(m.id for m in chosen), _rows(sinks))

    return blocking(work)


async def choose(store: Store, which: Selection) -> list[Measurement]:
    """Return the measurements selected.

    Raises:
        InputError: there is no such measurement; the message lists those there are.
    """
    if not which.ids:
        if not which.systems:
            return await latest_measurements(store)
        names = dict.fromkeys(which.systems)
        return [m for name in names for m in await latest_measurements(store, name)]
    found: list[Measurement] = []
    for name in dict.fromkeys(which.ids):
        measurement = await find_measurement(store, name)
        if measurement is None:
            raise InputError(f"--measurement {name}: {await _known(store)}")
        if which.systems and measurement.system not in which.systems:
            raise InputError(
                f"--measurement {name}: it is of {measurement.system}, "
                f"not of {', '.join(which.systems)}"
            )
        found.append(measurement)
    return found


async def _known(store: Store) -> str:
    heads = await store.rows(
        select(measurements.c.id, measurements.c.system, measurements.c.created)
        .where(measurements.c.kind == "measured")
        .order_by(measurements.c.created.desc())
        .limit(10)
    )
    known = [f"{h['id']} ({h['system']}, {h['created']:%Y-%m-%d %H:%M} UTC)" for h in heads]
    return f"there is no such measurement; the newest are: {', '.join(known) or 'none'}"


async def write_study(
    store: Store, chosen: Sequence[Measurement], out: Path, format: Format = "parquet"
) -> Exported:
    """Write a study from an open store; see `export_study`."""
    layouts, _ = codebook()
    names = {table: f"{table}.{format}" for table in layouts}
    with replacing_folder(out, _is_ours) as folder:
        tallies: list[Tally] = []
        seen: set[str] = set()
        with _sinks({table: folder / name for table, name in names.items()}, format) as sinks:
            for measurement in chosen:
                tallies.append(await stream_rows(store, measurement, sinks, seen))
        rows = _rows(sinks)
        documents = {
            "codebook.md": codebook_text(names, rows, format, _demonstrations(chosen)),
            "codebook.json": _json(codebook_json(names, rows, _demonstrations(chosen))),
            "methods.md": methods_text(tallies),
            "manifest.json": _json(_manifest(chosen, names, rows)),
        }
        for name, text in documents.items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")
        sums = [f"{_sha256(folder / n)}  {n}\n" for n in sorted((*names.values(), *documents))]
        (folder / "checksums.txt").write_text("".join(sums), encoding="utf-8", newline="\n")
    return Exported(out, tuple(m.id for m in chosen), rows)


@contextlib.contextmanager
def _sinks(paths: Mapping[str, Path], kind: Format) -> Generator[dict[str, Sink]]:
    layouts, _ = codebook()
    with contextlib.ExitStack() as stack:
        sinks: dict[str, Sink] = {}
        for table, path in paths.items():
            sinks[table] = open_sink(layouts[table], path, kind)
            stack.callback(sinks[table].close)
        yield sinks


async def stream_rows(
    store: Store, measurement: Measurement, sinks: Mapping[str, Sink], seen: set[str]
) -> Tally:
    """Write a measurement's rows into the tables there are; return what was counted."""
    tally = Tally(measurement)
    async with contextlib.aclosing(store.stream(answers_query(measurement))) as blocks:
        async for block in blocks:
            for found in block:
                answer = Answer(measurement, found)
                tally.add(answer)
                _add_answer(answer, sinks)
    if "scores" in sinks:
        for row in tally.score_rows():
            sinks["scores"].add(row)
    if "respondents" in sinks:
        for row in respondent_rows(measurement, tally.outcomes):
            sinks["respondents"].add(row)
    if "items" in sinks:
        async with contextlib.aclosing(store.stream(items_query(measurement))) as blocks:
            async for block in blocks:
                for found in block:
                    row = item_row(found["id"], found["body"])
                    tally.items[row["kind"]] += 1
                    tally.languages[row["language"]] += 1
                    if row["item"] not in seen:  # two measurements may share a form
                        seen.add(row["item"])
                        sinks["items"].add(row)
    return tally


def _add_answer(answer: Answer, sinks: Mapping[str, Sink]) -> None:
    if "responses" in sinks:
        sinks["responses"].add(answer.response())
    if "readings" in sinks and answer.kind in READ_OFF:
        sinks["readings"].add(answer.reading_row())
    if "verdicts" in sinks:
        for row in answer.verdict_rows():
            sinks["verdicts"].add(row)


def _rows(sinks: Mapping[str, Sink]) -> dict[str, int]:
    return {table: sink.rows for table, sink in sinks.items()}


def _manifest(
    chosen: Sequence[Measurement], names: Mapping[str, str], rows: Mapping[str, int]
) -> dict[str, Any]:
    return {
        "written_by": WRITTEN_BY,
        "layout": 1,
        "valuecompass": valuecompass.__version__,
        "simulated": any(row.simulated for m in chosen for row in m.rows),
        "demonstration": _demonstrations(chosen),
        "tables": {table: {"file": names[table], "rows": rows[table]} for table in names},
        "measurements": [
            {"id": m.id, **m.manifest, "created": m.created.isoformat(timespec="seconds")}
            for m in chosen
        ],
    }


def _demonstrations(chosen: Sequence[Measurement]) -> dict[str, str]:
    """Why the judge failed its gate, by id of the measurements that it failed in."""
    return {m.id: m.gate.reason for m in chosen if m.gate and m.gate.status == "failed"}


def _json(value: Any) -> str:
    # ASCII only: halves of surrogate pairs in a name stay what they are
    return json.dumps(value, indent=1, allow_nan=False) + "\n"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_ours(folder: Path) -> str | None:
    """Say why a folder may not be replaced; None when all in it was written by an export."""
    try:
        head: Any = json.loads((folder / "manifest.json").read_bytes())
        ours = isinstance(head, dict) and head.get("written_by") == WRITTEN_BY  # pyright: ignore
    except (OSError, ValueError, RecursionError):
        ours = False
    if not ours:
        return "it is not empty and holds no earlier export; choose another folder"
    known = {f"{table}.{kind}" for table in codebook()[0] for kind in ("parquet", "csv")}
    known |= {*DOCUMENTS, *LITTER}
    others = sorted(p.name for p in folder.iterdir() if p.name not in known)
    if others:
        return (
            f"beside an earlier export it holds {others[0]}, which replacing it would delete; "
            "move that away or choose another folder"
        )
    return None
