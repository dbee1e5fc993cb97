"""Value profiles of cultures as they lie in files, and the demonstration set that is shipped."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from valuecompass.errors import InputError
from valuecompass.files import read_text
from valuecompass.items.tables import Table, open_table, text_table
from valuecompass.measure.published import LARGEST
from valuecompass.values import ValueSystem
from valuecompass.wording import clip

__all__ = ["Profiles", "demonstration_profiles", "parse_profiles", "read_profiles"]

DEMONSTRATION = "cultures-demonstration.json"
_SHAPE = '{"China": {"Benevolence": 9, ...}, ...}'


@dataclass(frozen=True)
class Profiles:
    """What C cultures hold important, on D dimensions; larger = more important."""

    name: str
    """The file's name as it was given."""
    cultures: tuple[str, ...]
    values: NDArray[np.float64]
    """(C, D), dimensions in the system's order; any unit, compared within a culture only."""
    source: str | None = None
    """Where the numbers come from, in one sentence, if the file says so."""
    about: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What else the file says of itself: intervals, n, how it was made."""

    @property
    def notices(self) -> tuple[str, ...]:
        """What the file says its readers must know."""
        found = self.about.get("notices")
        told = cast("list[Any]", found) if isinstance(found, list) else []
        return tuple(one for one in told if isinstance(one, str))

    def restricted(self, cultures: tuple[str, ...]) -> Profiles:
        """Return the profiles of these cultures, in this order."""
        rows = [self.cultures.index(one) for one in cultures]
        return Profiles(self.name, cultures, self.values[rows], self.source, self.about)


class _Object(list[tuple[str, Any]]):
    """A JSON object with its keys as they stand, doubled ones too."""


def read_profiles(path: Path, system: ValueSystem) -> Profiles:
    """Read a file of profiles.

    JSON is ``{"China": {"Benevolence": 9, ...}, ...}``, or the same under ``"profiles"`` with an
    ``"about"`` beside it (its ``"source"`` is a sentence). CSV and TSV hold a column `culture` and
    one a dimension. Every culture must have every dimension once; ties are valid.

    Raises:
        InputError: with file, culture, field and the mend.
    """
    if path.suffix.lower() in (".csv", ".tsv"):
        return _from_table(open_table(path), system)
    return _from_json(read_text(path), str(path), system)


def parse_profiles(
    text: str, name: str, kind: Literal["json", "csv", "tsv"], system: ValueSystem
) -> Profiles:
    """Read profiles that somebody sent as text; the shapes are those of `read_profiles`.

    Args:
        text: what the file holds.
        name: what messages call it.
        kind: how it is written.
        system: the value system whose dimensions it has.

    Raises:
        InputError: with name, culture or line, field and the mend.
    """
    if kind == "json":
        try:
            return _from_json(text.removeprefix("\ufeff"), name, system)
        except RecursionError:  # what is wrong is shown, and that is nested, too
            raise InputError(f"{name}: it is nested too deeply; it must hold {_SHAPE}") from None
    return _from_table(text_table(text, name, "," if kind == "csv" else "\t"), system)


def demonstration_profiles(system: ValueSystem) -> Profiles:
    """Return the shipped profiles: a reconstruction from a published heatmap, ranks only.

    Raises:
        InputError: they have other dimensions than the system.
    """
    text = (files("valuecompass.board.cultures") / "data" / DEMONSTRATION).read_text(
        encoding="utf-8"
    )
    if system.id != json.loads(text)["about"]["system"]:
        raise InputError(
            f"-s {system.id}: no profiles of cultures come with the package for this system; "
            f"give a file: --profiles FILE.json with {_SHAPE}"
        )
    return _from_json(text, DEMONSTRATION, system)


def _from_json(text: str, name: str, system: ValueSystem) -> Profiles:
    if not text.strip():
        raise InputError(f"{name}: the file is empty; it must hold {_SHAPE}")
    try:
        document: Any = json.loads(text, object_pairs_hook=_Object)
        # half of a surrogate pair can be written nowhere; a name may hold one as an escape
        json.dumps(document, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        where = f"{name}, line {error.lineno}, column {error.colno}"
        raise InputError(f"{where}: not valid JSON: {error.msg}") from None
    except (RecursionError, ValueError) as error:
        raise InputError(f"{name}: not readable JSON: {error}") from None
    about: dict[str, Any] = {}
    cultures = _object(document, name)
    top = {key for key, _ in cultures}
    if "profiles" in top and top <= {"profiles", "about"}:
        _once(cultures, name)
        parts = dict(cultures)
        cultures = _object(parts["profiles"], f"{name}: profiles")
        about = cast("dict[str, Any]", _plain(_object(parts.get("about", _Object()), name)))
    rows = (
        (one, f"{name}: {one!r}", _object(found, f"{name}: {one!r}")) for one, found in cultures
    )
    return _profiles(name, rows, system, about)


def _from_table(table: Table, system: ValueSystem) -> Profiles:
    table.require(["culture"])

    def rows() -> Iterator[tuple[str, str, _Object]]:
        for line, row in table.rows:
            cells = _Object((key, _cell(value)) for key, value in row.items() if key != "culture")
            culture = str(row.get("culture", ""))
            yield culture, f"{table.path}, line {line}: {culture!r}", cells

    return _profiles(str(table.path), rows(), system, {})


def _profiles(
    name: str,
    rows: Iterator[tuple[str, str, _Object]],
    system: ValueSystem,
    about: dict[str, Any],
) -> Profiles:
    found: dict[str, list[float]] = {}
    known: dict[str, str] = {}
    for culture, where, cells in rows:
        folded = " ".join(culture.casefold().split())
        if not folded:
            raise InputError(f"{where}: a culture without a name; give it one")
        if folded in known:
            raise InputError(
                f"{where}: the culture already stands in the file as {known[folded]!r}; "
                "keep one of the two"
            )
        known[folded] = culture
        found[culture] = _row(cells, where, system)
    if not found:
        raise InputError(f"{name}: there is no culture in the file; it must hold {_SHAPE}")
    source = about.get("source")
    values = np.array(list(found.values()), dtype=np.float64)
    return Profiles(name, tuple(found), values, source if isinstance(source, str) else None, about)


def _row(cells: _Object, where: str, system: ValueSystem) -> list[float]:
    row: dict[str, float] = {}
    for key, value in cells:
        dimension = system.canonical(key)
        if dimension is None:
            raise InputError(
                f"{where}: {key}: not a dimension of {system.id}; known: {', '.join(system.names)}"
            )
        if dimension in row:
            raise InputError(f"{where}: {key}: {dimension} is given twice; keep one of the two")
        row[dimension] = _number(value, f"{where}: {key}")
    for dimension in system.names:
        if dimension not in row:
            raise InputError(
                f"{where}: {dimension}: the value is missing; give every dimension a number "
                "(larger = more important, ties are allowed)"
            )
    return [row[dimension] for dimension in system.names]


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        shown = clip(json.dumps(_plain(value), ensure_ascii=False), 40)[0]
        raise InputError(f"{where}: {shown} is not a number; give one (larger = more important)")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not abs(number) <= LARGEST:
        raise InputError(f"{where}: {number:g} is not a finite number up to {LARGEST:g}")
    return number


def _cell(value: Any) -> Any:
    try:
        return float(value)
    except ValueError:
        return value


def _object(value: Any, where: str) -> _Object:
    if not isinstance(value, _Object):
        raise InputError(f"{where}: expected an object; the file must hold {_SHAPE}")
    return value


def _once(pairs: _Object, where: str) -> None:
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise InputError(f"{where}: {key}: stands twice; keep one of the two")


def _plain(value: Any) -> Any:
    if isinstance(value, _Object):
        return {key: _plain(part) for key, part in value}
    if isinstance(value, list):
        return [_plain(part) for part in cast("list[Any]", value)]
    return value
