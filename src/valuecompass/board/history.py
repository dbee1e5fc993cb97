"""The log of a workspace: every dated measurement, and what each was made of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from valuecompass.measure.archive import utc
from valuecompass.store import measurements, open_store, scores


async def history(workspace: Path, db: str | None, system: str | None = None) -> dict[str, Any]:
    """Return the measurements of a workspace, oldest first. None is ever changed.

    Args:
        workspace: folder of the store.
        db: URL of another database, or None.
        system: of this value system only.

    Returns:
        The documented JSON object: ``measurements``, each with id, date, system, what it is
        (measured or published), number of respondents, form, judge, occasion, source.
    """
    async with open_store(workspace, db, create=False) as store:
        query = select(measurements).order_by(measurements.c.created)
        if system is not None:
            query = query.where(measurements.c.system == system)
        heads = await store.rows(query)
        counted = await store.rows(
            select(
                scores.c.measurement, func.count(scores.c.position.distinct()).label("n")
            ).group_by(scores.c.measurement)
        )
    sizes = {row["measurement"]: row["n"] for row in counted}
    return {"measurements": [_entry(head, sizes.get(head["id"], 0)) for head in heads]}


def _entry(head: Mapping[str, Any], respondents: int) -> dict[str, Any]:
    manifest = head["manifest"]
    occasions = {r.get("occasion") for r in manifest.get("respondents", ())} - {None}
    source = manifest.get("source")
    return {
        "id": head["id"],
        "date": utc(head["created"]).isoformat(timespec="seconds"),
        "system": head["system"],
        "kind": head["kind"],
        "respondents": respondents,
        "form": manifest.get("form", {}).get("name"),
        "judge": manifest.get("judge_name"),
        "occasion": ", ".join(sorted(occasions)) or None,
        "source": None if source is None else source["file"],
        "imported": manifest.get("imported"),
    }
