"""Tables of a study in memory, for pandas, polars and duckdb: those of the files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from valuecompass.blocking import blocking
from valuecompass.errors import InputError
from valuecompass.measure.measurement import Measurement, several
from valuecompass.measure.study.export import WORKSPACE, Selection, choose, stream_rows
from valuecompass.measure.study.tables import MemorySink, codebook
from valuecompass.store import open_store

TableName = Literal["scores", "responses", "verdicts", "readings", "items", "respondents"]


def table(
    source: Measurement | Sequence[Measurement] | Path | str = WORKSPACE,
    name: TableName = "scores",
    which: Selection = Selection(),  # noqa: B008  (frozen)
    *,
    db: str | None = None,
) -> Any:
    """Return a tidy table: one row per score, response, verdict, reading, item or respondent.

    It has the columns of `export_study`'s file of this name; a column's meaning is its field's
    metadata, all of them stand in the export's codebook. ``.to_pandas()`` makes a data frame.

    Args:
        source: measurements as `run` and `profile` return them, or a workspace.
        name: of the table.
        which: of a workspace's measurements; all systems' newest if nothing is said.
        db: SQLAlchemy URL of the database, where that is not the workspace's own file.

    Returns:
        A `pyarrow.Table` of all rows. For more than fit into memory, write files (`export_study`).

    Raises:
        InputError: no such table or measurement, or measurements of several workspaces.
    """
    layouts, _ = codebook()
    if name not in layouts:
        raise InputError(f"table: there is no table {name!r}; there are: {', '.join(layouts)}")
    if isinstance(source, str | Path):
        workspace = Path(source)
    else:
        measurements = several(source)
        workspace = _workspace(measurements)
        which = Selection(which.systems, [m.id for m in measurements])

    async def work() -> Any:
        sink = MemorySink(layouts[name])
        seen: set[str] = set()
        async with open_store(workspace, db, create=False) as store:
            for measurement in await choose(store, which):
                await stream_rows(store, measurement, {name: sink}, seen)
        sink.close()
        return sink.table

    return blocking(work)


def _workspace(measurements: Sequence[Measurement]) -> Path:
    found = {m.workspace for m in measurements}
    workspace = found.pop() if len(found) == 1 else None
    if workspace is None:
        raise InputError(
            "table: give measurements of one workspace, as run and profile return them, or the "
            "workspace itself"
        )
    return workspace
