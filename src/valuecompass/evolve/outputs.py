"""Files that a run is to write: none of them may cost what is there already."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from valuecompass.errors import InputError
from valuecompass.evolve.settings import EvolveSettings
from valuecompass.items.tables import SUFFIXES, open_table


def check_outputs(settings: EvolveSettings, out: Path, rejected: Path | None = None) -> None:
    """Refuse, before anything is asked, paths that a run must not write to.

    Args:
        settings: of the run, whose own files are read again when it is repeated.
        out: where the kept items go. A file that is there may be replaced if all in it has evolved.
        rejected: where the others go, or None.

    Raises:
        InputError: names the option and the file.
    """
    if out.suffix.lower() not in SUFFIXES:
        raise InputError(f"{out}: unknown kind of file; known: {', '.join(SUFFIXES)}")
    if rejected is not None and rejected.resolve() == out.resolve():
        raise InputError(f"--rejected {rejected}: this is the file of --out; give another")
    for option, path in (("--out", out), ("--rejected", rejected)):
        for source, read in _inputs(settings):
            if path is not None and path.resolve() == read.resolve():
                raise InputError(f"{option} {path}: this is the file of {source}; give another")
    if out.exists() and not _evolved(out):
        raise InputError(
            f"--out {out}: a file is there that no run of evolve wrote; give another name, or move "
            "it away"
        )
    if rejected is not None and rejected.exists() and not _rejected(rejected):
        raise InputError(
            f"--rejected {rejected}: a file is there that holds something else; give another name, "
            "or move it away"
        )


def _inputs(settings: EvolveSettings) -> list[tuple[str, Path]]:
    found = [("--system", Path(name)) for name in settings.systems if name.endswith(".toml")]
    if settings.seeds != "bank" and isinstance(settings.seeds, str | Path):
        found.append(("--seeds", Path(settings.seeds)))
    for name in ("config", "calibration"):
        if isinstance(path := getattr(settings, name), Path):
            found.append((f"--{name}", path))
    return found


def _evolved(path: Path) -> bool:
    """Say whether all items of a file are told to have been made by this method."""
    try:
        return all(_lineage(row).get("method") == "adaem" for _, row in open_table(path).rows)
    except InputError:
        return False


def _lineage(row: Any) -> dict[str, Any]:
    given = row.get("lineage")
    try:
        found: Any = json.loads(given) if isinstance(given, str) else given
    except ValueError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _rejected(path: Path) -> bool:
    try:
        return path.suffix.lower() == ".jsonl" and all(
            "reason" in row and "item" in row for _, row in open_table(path).rows
        )
    except InputError:
        return False
