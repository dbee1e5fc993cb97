"""Value profiles of countries from survey files that users download themselves.

Read are the Schwartz items of the European Social Survey (rounds 1 to 11) and of the World Values
Survey (waves 5 and 6, or the time series). Only the names of variables are here, no questions.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from valuecompass.errors import InputError
from valuecompass.items.tables import Table, open_table
from valuecompass.measure.published import LARGEST
from valuecompass.values import builtin_system

__all__ = ["SurveyName", "build_profiles"]

SurveyName = Literal["ess", "wvs"]
Floats = NDArray[np.float64]

SAMPLES = 1000
"""Bootstrap samples."""
FEWEST = 30
"""Persons below whom a group has no limits: in simulations those of 95 % held 67, 80, 88 and 93 %
of the true means with 3, 5, 10 and 30 persons."""
CHUNK = 2000
"""Persons held at a time."""
MOST_GROUPS = 1000
"""Cultures whose running sums are held: about 160 KB each."""
_NO_CODE = ("", "na", ".")


@dataclass(frozen=True)
class Layout:
    """Where a survey's files hold what a profile needs."""

    survey: str
    items: tuple[tuple[str, tuple[str, ...]], ...]
    """Dimension and columns of each item; of two columns the first with an answer counts."""
    countries: tuple[str, ...]
    weights: tuple[str, ...]
    most_missing: int
    """A person with more items missing is left out."""
    most_same: int
    """A person with more answers alike is left out."""


_ESS_ITEMS = (
    *(("Self-direction", "ipcrtiv"), ("Power", "imprich"), ("Universalism", "ipeqopt")),
    *(("Achievement", "ipshabt"), ("Security", "impsafe"), ("Stimulation", "impdiff")),
    *(("Conformity", "ipfrule"), ("Universalism", "ipudrst"), ("Tradition", "ipmodst")),
    *(("Hedonism", "ipgdtim"), ("Self-direction", "impfree"), ("Benevolence", "iphlppl")),
    *(("Achievement", "ipsuces"), ("Security", "ipstrgv"), ("Stimulation", "ipadvnt")),
    *(("Conformity", "ipbhprp"), ("Power", "iprspot"), ("Benevolence", "iplylfr")),
    *(("Universalism", "impenv"), ("Tradition", "imptrad"), ("Hedonism", "impfun")),
)
_WVS_ORDER = (
    *("Self-direction", "Power", "Security", "Hedonism", "Benevolence"),
    *("Achievement", "Stimulation", "Conformity", "Universalism", "Tradition"),
)
_WVS_WEIGHTS = {"wave 5": "V259", "wave 6": "V258", "time series": "S017"}
_STAND_IN = {"V74": ("V74B", "V74"), "A193": ("A193", "A199")}
"""Benevolence: help for people nearby, and what stands in for it where that was not asked."""


def _ess() -> Layout:
    items = tuple((dimension, (name, f"{name}a")) for dimension, name in _ESS_ITEMS)
    weights = ("pspwght", "anweight", "dweight")
    return Layout("European Social Survey", items, ("cntry",), weights, 5, 16)


def _wvs(wave: str, first: str) -> Layout:
    """Return the layout of ten items whose variables follow each other from `first` on."""
    names = [f"{first[0]}{int(first[1:]) + place}" for place in range(10)]
    columns = [_STAND_IN.get(name, (name,)) for name in names]
    countries = ("B_COUNTRY_ALPHA", "COUNTRY_ALPHA", "C_COW_ALPHA", "V2", "S003")
    # the bounds of the 21 items of the European Social Survey, in proportion
    return Layout(
        f"World Values Survey ({wave})",
        tuple(zip(_WVS_ORDER, columns, strict=True)),
        countries,
        (_WVS_WEIGHTS[wave],),
        most_missing=2,
        most_same=7,
    )


def _layout(survey: SurveyName, table: Table) -> Layout:
    columns = set(table.columns)
    if len(columns) == 1 and ";" in table.columns[0]:
        raise InputError(
            f"{table.path}, line 1: the columns are separated by semicolons; save the file with "
            "commas, as .tsv, or as .parquet"
        )
    if survey == "ess":
        found = _ess()
        missing = [names[0] for _, names in found.items if not columns & set(names)]
        if missing:
            raise InputError(
                f"{table.path}, {table.unit} 1: {missing[0]}: there is no such column, nor "
                f"{missing[0]}a; the 21 items of the human values scale (rounds 1 to 11) are "
                f"needed, and {len(missing)} of them are missing"
            )
        return found
    sixth, fifth = ({f"V{n}" for n in range(low, low + 10)} for low in (70, 80))
    if {f"A{n}" for n in range(189, 199)} <= columns:
        return _wvs("time series", "A189")
    # both waves have all these names, for other questions; V74B is the sixth wave's alone
    if sixth <= columns and ("V74B" in columns or not fifth <= columns):
        return _wvs("wave 6", "V70")
    if fifth <= columns:
        return _wvs("wave 5", "V80")
    raise InputError(
        f"{table.path}, {table.unit} 1: the ten Schwartz items are missing: V80 to V89 (wave 5), "
        "V70 to V79 (wave 6) or A189 to A198 (time series); wave 7 did not ask them"
    )


@dataclass
class _Sums:
    """Running sums of one culture: everything that is kept of its persons."""

    n: int = 0
    weighted: Floats = field(default_factory=lambda: np.zeros(10))
    weights: Floats = field(default_factory=lambda: np.zeros(10))
    drawn: Floats = field(default_factory=lambda: np.zeros((SAMPLES, 10)))
    drawn_weights: Floats = field(default_factory=lambda: np.zeros((SAMPLES, 10)))

    def add(self, values: Floats, weights: Floats, rng: np.random.Generator) -> None:
        """Add persons: values (N, 10), NaN = not answered, and weights (N,)."""
        there = (~np.isnan(values)) * weights[:, None]
        sums = np.nan_to_num(values) * there
        self.n += len(values)
        self.weighted += sums.sum(axis=0)
        self.weights += there.sum(axis=0)
        luck = rng.standard_exponential((SAMPLES, len(values)))
        self.drawn += luck @ sums
        self.drawn_weights += luck @ there


def build_profiles(
    path: Path, survey: SurveyName, *, by: Sequence[str] = (), seed: int = 0
) -> dict[str, Any]:
    """Make value profiles of countries, and of groups in them, from a survey file.

    Answers are turned round (larger = more important). Of each person, the mean over all value
    items is taken away, which removes how freely somebody agrees; a dimension is the mean of its
    items. A culture is the weighted mean over persons. Limits of 95 % are quantiles of the
    Bayesian bootstrap over persons, so they do not know that persons were sampled in clusters.
    Groups of fewer than 30 persons have none: theirs would be far too narrow.
    The file is read once, in bounded memory.

    Args:
        path: CSV, TSV or Parquet as downloaded, with number codes.
        survey: whose file it is.
        by: columns whose values make groups within countries.
        seed: of the bootstrap.

    Returns:
        ``{"about": {...}, "profiles": {culture: {dimension: number}}}``, which
        `board.profiles.read_profiles` reads.

    Raises:
        InputError: with file, row, column and the mend.

    Source: Schwartz (2003), chapter 7 of the questionnaire development package of the European
    Social Survey (items and centring); Rubin (1981), Annals of Statistics 9, 130-134.
    """
    table = open_table(path)
    layout = _layout(survey, table)
    country = next((name for name in layout.countries if name in table.columns), None)
    table.require([*by, *([] if country else layout.countries[:1])])
    weight = next((name for name in layout.weights if name in table.columns), None)
    columns = (str(country), *by, weight)
    rng = np.random.default_rng(seed)
    groups: dict[str, _Sums] = {}
    counts: dict[str, int] = dict.fromkeys(
        ("read", "used", "too_many_missing", "too_many_alike", "without_weight", "stand_in"), 0
    )
    for chunk in _chunks(_persons(table, layout, columns, counts)):
        _add(chunk, layout, groups, counts, rng, path)
    return _document(path, layout, columns, groups, counts, seed)


_Person = tuple[tuple[str, ...], float, list[float]]


def _persons(
    table: Table, layout: Layout, columns: tuple[str | None, ...], counts: dict[str, int]
) -> Iterator[_Person]:
    """Yield of each person the cultures it belongs to, its weight and its codes."""
    country, *by = (name for name in columns[:-1] if name is not None)
    weight = columns[-1]
    for number, row in table.rows:
        where = f"{table.path}, {table.unit} {number}"
        counts["read"] += 1
        home = _label(row.get(country))
        if not home:
            raise InputError(f"{where}: {country}: the country is missing; remove the row")
        counted = 1.0 if weight is None else _weight(row.get(weight), where, weight)
        if not counted > 0:
            counts["without_weight"] += 1
            continue
        groups = [_label(row.get(name)) for name in by]
        parts = ", ".join(f"{name} {value}" for name, value in zip(by, groups, strict=True))
        cultures = (home, f"{home}, {parts}") if by and all(groups) else (home,)
        yield cultures, counted, [_code(row, names, where, counts) for _, names in layout.items]


def _code(
    row: Mapping[str, Any], names: tuple[str, ...], where: str, counts: dict[str, int]
) -> float:
    """Return 1 to 6, or NaN for every other code: they stand for no answer."""
    for place, name in enumerate(names):
        found = _value(row.get(name), where, name)
        if 1 <= found <= 6:
            if found != int(found):
                raise InputError(f"{where}: {name}: {found:g} is no answer code (1 to 6)")
            if place and names in _STAND_IN.values():
                counts["stand_in"] += 1
            return found
    return math.nan


def _value(cell: Any, where: str, name: str) -> float:
    if cell is None:
        return math.nan
    try:
        return float(cell)
    except (TypeError, ValueError):
        if str(cell).strip().lower() in _NO_CODE:
            return math.nan
        raise InputError(
            f"{where}: {name}: {str(cell)[:40]!r} is not a number; export the file with number "
            "codes, not with labels"
        ) from None


def _weight(cell: Any, where: str, name: str) -> float:
    found = _value(cell, where, name)
    if found < 0 or found > LARGEST:
        raise InputError(f"{where}: {name}: {found:g} is not a weight; expected 0 to {LARGEST:g}")
    return 0.0 if math.isnan(found) else found


def _label(cell: Any) -> str:
    if cell is None or cell != cell:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _chunks(persons: Iterator[_Person]) -> Iterator[list[_Person]]:
    chunk: list[_Person] = []
    for person in persons:
        chunk.append(person)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _add(
    chunk: list[_Person],
    layout: Layout,
    groups: dict[str, _Sums],
    counts: dict[str, int],
    rng: np.random.Generator,
    path: Path,
) -> None:
    codes = np.array([person[2] for person in chunk])
    weights = np.array([person[1] for person in chunk])
    missing = np.isnan(codes).sum(axis=1) > layout.most_missing
    alike = np.stack([(codes == code).sum(axis=1) for code in range(1, 7)]).max(axis=0)
    same = ~missing & (alike > layout.most_same)
    keep = ~missing & ~same
    counts["too_many_missing"] += int(missing.sum())
    counts["too_many_alike"] += int(same.sum())
    counts["used"] += int(keep.sum())
    values = _centred(codes[keep], [dimension for dimension, _ in layout.items])
    members: dict[str, list[int]] = {}
    kept = [person for person, yes in zip(chunk, keep, strict=True) if yes]
    for place, (cultures, _, _) in enumerate(kept):
        for culture in cultures:
            members.setdefault(culture, []).append(place)
    weights = weights[keep]
    for culture, places in members.items():
        groups.setdefault(culture, _Sums()).add(values[places], weights[places], rng)
    if len(groups) > MOST_GROUPS:
        raise InputError(
            f"{path}: more than {MOST_GROUPS} groups; take a --by column with fewer values"
        )


def _centred(codes: Floats, dimensions: Sequence[str]) -> Floats:
    """Return each person's dimensions (N, 10) less its mean over all items, NaN = no answer."""
    answers = 7 - codes
    there = ~np.isnan(answers)
    filled = np.nan_to_num(answers)
    middle = filled.sum(axis=1) / there.sum(axis=1)
    names = builtin_system("schwartz").names
    member = np.array([[one == name for name in names] for one in dimensions], dtype=np.float64)
    number = there @ member
    mean = np.divide(filled @ member, number, out=np.full(number.shape, np.nan), where=number > 0)
    return mean - middle[:, None]


def _document(
    path: Path,
    layout: Layout,
    columns: tuple[str | None, ...],
    groups: Mapping[str, _Sums],
    counts: Mapping[str, int],
    seed: int,
) -> dict[str, Any]:
    names = builtin_system("schwartz").names
    profiles: dict[str, dict[str, float]] = {}
    intervals: dict[str, dict[str, list[float] | None]] = {}
    left: dict[str, str] = {}
    for culture in sorted(groups):
        sums = groups[culture]
        empty = [name for name, total in zip(names, sums.weights, strict=True) if total == 0]
        if empty:
            left[culture] = f"nobody answered: {', '.join(empty)}"
            continue
        profiles[culture] = dict(zip(names, _list(sums.weighted / sums.weights), strict=True))
        limits = np.quantile(sums.drawn / sums.drawn_weights, [0.025, 0.975], axis=0).T
        intervals[culture] = {
            name: _list(pair) if sums.n >= FEWEST else None
            for name, pair in zip(names, limits, strict=True)
        }
    if not profiles:
        raise InputError(
            f"{path}: no person is left of {counts['read']} read: {counts['too_many_missing']} "
            f"with more than {layout.most_missing} items missing, {counts['too_many_alike']} with "
            f"more than {layout.most_same} answers alike, {counts['without_weight']} without weight"
        )
    country, *by, weight = columns
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    about: dict[str, Any] = {
        "source": f"{layout.survey}, from {path.name}: means over persons of answers less the "
        f"person's own mean, {f'weighted by {weight}' if weight else 'not weighted'}; limits from "
        f"{SAMPLES} bootstrap samples of persons, as if they had not been sampled in clusters.",
        "kind": "survey",
        "system": "schwartz",
        "file": path.name,
        "sha256": digest,
        "country": country,
        "by": by,
        "weight": weight,
        "persons": dict(counts),
        "rules": {"most_missing": layout.most_missing, "most_alike": layout.most_same},
        "bootstrap": {"samples": SAMPLES, "seed": seed, "level": 0.95},
        "left_out": left,
        "n": {culture: groups[culture].n for culture in profiles},
        "intervals": intervals,
        "notices": [*_notices(layout, counts, weight, left), *_few(groups, profiles)],
    }
    return {"about": about, "profiles": profiles}


def _list(values: Floats) -> list[float]:
    return [float(value) for value in values]


def _notices(
    layout: Layout, counts: Mapping[str, int], weight: str | None, left: Mapping[str, str]
) -> list[str]:
    notices: list[str] = []
    if weight is None:
        notices.append(
            f"Not weighted: the file has none of {', '.join(layout.weights)}. Groups that were "
            "sampled more often count for more than they should."
        )
    if counts["stand_in"]:
        notices.append(
            f"For {counts['stand_in']} persons Benevolence rests on the item about the good of "
            "society: the one about people nearby has no answer of theirs."
        )
    notices += [f"{culture} is left out: {why}." for culture, why in left.items()]
    return notices


def _few(groups: Mapping[str, _Sums], profiles: Iterable[str]) -> list[str]:
    few = ", ".join(culture for culture in profiles if groups[culture].n < FEWEST)
    said = f"No limits, because there are fewer than {FEWEST} persons: {few}. Limits from so few "
    return [said + "would be far too narrow."] if few else []
