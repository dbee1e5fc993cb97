"""What respondents of one value system are compared on: their newest comparable scores."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, cast

import anyio
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from valuecompass.errors import InputError
from valuecompass.hashing import canonical
from valuecompass.measure.archive import load_measurement, utc
from valuecompass.measure.item_table import item_table
from valuecompass.measure.measurement import Measurement, Score
from valuecompass.store import Store, measurements, open_store, scores
from valuecompass.values import ValueSystem

Array = NDArray[np.float64]
SAMPLES = 2_000
"""Joint bootstrap draws of a board."""
COVERS = ("item", "repeat")
"""Facets that intervals cover: not wording, frame of the prompt or language, and not the judge."""
NO_INTERVAL = (
    "No interval was published for these scores: how sure they are is not known, and ranks are "
    "those of the bare numbers."
)
OBSERVATIONAL = "These scores are observational: of texts as they were found."
OTHER_PROMPTS = (
    "Respondents differ in what they were asked, too, so a difference between them need not be one "
    "of values."
)
SAME_PROMPTS = (
    "The respondents were asked the same, but under which settings and by whom the texts were "
    "chosen is not known here."
)
SALIENCE = (
    "Rates say how often a value is brought up. Rates of different dimensions share no scale: "
    "compare respondents on one dimension with them, not dimensions within a respondent."
)


@dataclass(frozen=True)
class Board:
    """Scores of R respondents on D dimensions of one value system; NaN is missing.

    scores, low, high: (R, D) on 0-100, or on the scale of an imported table; limits of 95 %.
    n: (R, D) responses or ratings.
    within, within_low, within_high: (R, D) the trade-off scale.
    draws: (B, R, D) joint draws of the scores; None where there are no items.
    turned: (B, R, D) the same with the prior turned round (`ItemTable.both_draws`).
    items: (R, D) number of items behind each score; NaN where draws were not asked for.
    """

    system: ValueSystem
    measurements: tuple[Measurement, ...]
    respondents: tuple[str, ...]
    names: tuple[str, ...]
    simulated: tuple[bool, ...]
    scores: Array
    low: Array
    high: Array
    n: Array
    within: Array
    within_low: Array
    within_high: Array
    draws: Array | None
    items: Array
    imported: bool
    notices: tuple[str, ...]
    """Sentences that a reader must see beside the numbers."""
    about: tuple[Mapping[str, str], ...] = ()
    """Of each respondent what is known of developer, openness and release."""
    turned: Array | None = None

    @property
    def created(self) -> datetime:
        """Date of the newest measurement in it."""
        return max(m.created for m in self.measurements)

    @property
    def scale(self) -> tuple[float, float]:
        """Lowest and highest score; of an imported table without a known scale those it has."""
        if not self.imported:
            return 0.0, 100.0
        scale = self.measurements[0].manifest["scale"]
        return scale["low"], scale["high"]

    def profiles(self) -> tuple[Array, str]:
        """Return what dimensions are compared on within a respondent, and which kind that is.

        Returns:
            (R, D) and "trade-off", "as published" (no re-scaling), or "salience": rates, which
            share no scale across dimensions.
        """
        if self.imported:
            return self.scores, "as published"
        measured = ~np.isnan(self.scores).all(axis=1)
        if measured.any() and not np.isnan(self.within[measured]).any():
            return self.within, "trade-off"
        return self.scores, "salience"

    def only(self, dimensions: Sequence[str]) -> Board:
        """Return the board of some dimensions, in the order given."""
        at = [self.names.index(name) for name in dimensions]
        tables = ("scores", "low", "high", "n", "items", "within", "within_low", "within_high")
        kept: dict[str, Any] = {name: getattr(self, name)[:, at] for name in tables}
        both = {
            name: None if draws is None else draws[:, :, at]
            for name, draws in (("draws", self.draws), ("turned", self.turned))
        }
        return replace(self, names=tuple(dimensions), **both, **kept)


async def load_board(
    workspace: Path,
    db: str | None,
    system: str,
    *,
    date: str | None = None,
    samples: int = SAMPLES,
) -> Board:
    """Read the newest board of a value system.

    It is an imported table alone, or the newest measurement of our own together with the
    respondents of earlier ones that were measured alike: same form, judge, prompts and joining of
    opinions. Tables from elsewhere are never mixed with these, nor with each other.

    Args:
        workspace: folder of the store.
        db: URL of another database, or None.
        system: id of the value system.
        date: ISO day, or the id of a measurement; the board as it was then. None: today's.
        samples: joint draws; 0: none.

    Raises:
        InputError: there is no measurement of the system, or none of that day or id.
    """
    async with open_store(workspace, db, create=False) as store:
        return await read_board(store, system, date=date, samples=samples)


async def read_board(
    store: Store, system: str, *, date: str | None = None, samples: int = SAMPLES
) -> Board:
    """Read a board from an open store; as `load_board`."""
    heads = await _heads(store, system, date)
    if heads[0]["kind"] == "published":
        return await _published(store, heads[0])
    key = alike(heads[0]["manifest"])
    own = [h for h in heads if h["kind"] == "measured" and alike(h["manifest"]) == key]
    return await _measured(store, own, samples)


async def _heads(store: Store, system: str, date: str | None) -> list[Mapping[str, Any]]:
    """Return the measurements up to that of a day or id, newest first."""
    query = select(measurements).where(measurements.c.system == system)
    rows = await store.rows(query)
    heads = sorted(rows, key=age, reverse=True)
    if not heads:
        raise InputError(
            f"{store.name}: no measurement of {system} yet; make one with: valuecompass run "
            f"-m MODEL -s {system}, or import a table: valuecompass board import FILE -s {system}"
        )
    if date is None:
        return heads
    wanted = named(heads, date, "--date")
    if not wanted:
        raise InputError(
            f"--date {date}: nothing of {system} has this date; there is: {', '.join(days(heads))}"
        )
    return heads[heads.index(wanted[0]) :]


async def measurement_of(store: Store, system: str, date: str, respondent: str) -> Measurement:
    """Return the newest measurement of our own of a day, or that of an id, with a respondent.

    Raises:
        InputError: there is none.
    """
    heads = await own_heads(store, system)
    for head in named(heads, date, "--baseline"):
        if respondent in [r["name"] for r in head["manifest"]["respondents"]]:
            return await load_measurement(store, head)
    raise InputError(
        f"--baseline {date}: {respondent} was not measured on {system} then; measurements of our "
        f"own are of: {', '.join(days(heads)) or 'no day'}"
    )


async def own_heads(store: Store, system: str) -> list[Mapping[str, Any]]:
    """Return the measurements of our own of a value system, newest first."""
    own = (measurements.c.system == system) & (measurements.c.kind == "measured")
    return sorted(await store.rows(select(measurements).where(own)), key=age, reverse=True)


def named(
    heads: Sequence[Mapping[str, Any]], text: str, option: str
) -> Sequence[Mapping[str, Any]]:
    """Return those of an ISO day, or the one of an id; the option is named in the message.

    Raises:
        InputError: the text is neither.
    """
    if own := [h for h in heads if h["id"] == text]:
        return own
    try:
        wanted = date.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"{option} {text}: neither a day such as 2025-02-28 nor the id of a measurement here; "
            "valuecompass board log lists both"
        ) from None
    return [h for h in heads if utc(h["created"]).date() == wanted]


def days(heads: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the last twelve days of measurements, oldest first."""
    return sorted({utc(h["created"]).date().isoformat() for h in heads})[-12:]


def age(head: Mapping[str, Any]) -> tuple[datetime, str]:
    """Return what orders measurements; imported tables of one day by when they were imported."""
    return utc(head["created"]), head["manifest"].get("imported", "")


def alike(manifest: Mapping[str, Any]) -> str:
    """Return what must be equal for scores to be comparable."""
    keys = ("system", "form", "judge", "opinions", "prompts", "calibration")
    return canonical({key: manifest.get(key) for key in keys})


async def _published(store: Store, head: Mapping[str, Any]) -> Board:
    manifest = head["manifest"]
    system = ValueSystem.model_validate(manifest["system"])
    names = tuple(manifest["dimensions"])
    at = {name: place for place, name in enumerate(names)}
    query = select(scores.c.position, scores.c.dimension, scores.c.respondent, scores.c.score)
    query = query.where(scores.c.measurement == head["id"]).order_by(scores.c.position)
    respondents: dict[int, str] = {}
    values = np.full((manifest["source"]["rows"], len(names)), np.nan)
    async with contextlib.aclosing(store.stream(query, 5_000)) as blocks:
        async for rows in blocks:
            for row in rows:
                respondents[row["position"]] = row["respondent"]
                if row["score"] is not None:
                    values[row["position"], at[row["dimension"]]] = row["score"]
    nothing = np.full_like(values, np.nan)
    notices = [NO_INTERVAL]
    if left := [name for name in system.names if name not in at]:
        notices.append(f"The table has no scores for: {', '.join(left)}.")
    table = Measurement(head["id"], utc(head["created"]), head["system"], manifest, ())
    return Board(
        system=system,
        measurements=(table,),
        respondents=tuple(respondents.values()),
        names=names,
        simulated=(False,) * len(respondents),
        scores=values,
        **dict.fromkeys(
            ("low", "high", "n", "items", "within", "within_low", "within_high"), nothing
        ),
        draws=None,
        imported=True,
        about=tuple(manifest["meta"].get(name, {}) for name in respondents.values()),
        notices=(*notices, *_missing(tuple(respondents.values()), names, values)),
    )


async def _measured(store: Store, heads: Sequence[Mapping[str, Any]], samples: int) -> Board:
    rows: dict[str, Any] = {}
    drawn: dict[str, Array] = {}
    turned: dict[str, Array] = {}
    items: dict[str, Array] = {}
    used: list[Measurement] = []
    for head in heads:
        measurement = await load_measurement(store, head)
        new = [row for row in measurement.rows if row.respondent not in rows]
        if not new:
            continue
        used.append(measurement)
        if samples:
            table = await item_table(store, measurement)
            # seconds where items are many: a server answers others meanwhile
            draws, against = await anyio.to_thread.run_sync(table.both_draws, samples)
            counts = (table.counts > 0).sum(axis=1)
            for at, who in enumerate(table.respondents):
                drawn.setdefault(who, draws[:, at])
                turned.setdefault(who, against[:, at])
                items.setdefault(who, counts[at].astype(float))
        rows |= {row.respondent: row for row in new}
    system = ValueSystem.model_validate(used[0].manifest["system"])
    own = list(rows.values())
    table = [[row.dimensions[name] for name in system.names] for row in own]
    board = Board(
        system=system,
        measurements=tuple(used),
        respondents=tuple(rows),
        names=system.names,
        simulated=tuple(row.simulated for row in own),
        scores=_table([[s.score for s in of_one] for of_one in table]),
        low=_table([[s.low for s in of_one] for of_one in table]),
        high=_table([[s.high for s in of_one] for of_one in table]),
        n=_table([[s.n for s in of_one] for of_one in table]),
        within=_within(table, "score"),
        within_low=_within(table, "low"),
        within_high=_within(table, "high"),
        draws=np.stack([drawn[who] for who in rows], axis=1) if samples else None,
        turned=np.stack([turned[who] for who in rows], axis=1) if samples else None,
        items=(
            np.stack([items[who] for who in rows])
            if samples
            else np.full((len(rows), len(system.names)), np.nan)
        ),
        imported=False,
        about=tuple(_about(used, name) for name in rows),
        notices=_notices(used),
    )
    missing = _missing(board.respondents, board.names, board.scores)
    whole = replace(board, notices=(*board.notices, *missing))
    seen = np.flatnonzero(~np.isnan(board.scores).all(axis=0)).tolist()
    return whole.only([board.names[at] for at in seen]) if seen else whole


def _about(used: Sequence[Measurement], name: str) -> Mapping[str, str]:
    """Return what a roster said of a respondent."""
    known = next(r for m in used for r in m.manifest["respondents"] if r["name"] == name)
    keys = {"developer": "developer", "openness": "openness", "released": "release"}
    return {to: str(known[key]) for key, to in keys.items() if known.get(key) is not None}


def _within(table: Sequence[Sequence[Score]], key: str) -> Array:
    """Return a number of the trade-off scale, NaN where there is none."""
    found = [[cast("dict[str, Any]", s.detail.get("within", {})) for s in row] for row in table]
    return _table([[within.get(key) for within in row] for row in found])


def _table(values: Sequence[Sequence[float | None]]) -> Array:
    return np.array([[np.nan if v is None else v for v in of_one] for of_one in values])


def _notices(used: Sequence[Measurement]) -> tuple[str, ...]:
    found: list[str] = []
    gate = used[0].gate
    if gate is not None and gate.status != "passed":
        mark = "Demonstration. " if gate.status == "failed" else ""
        found.append(mark + gate.reason)
    if used[0].observational:
        found.append(_observational(used))
    if used[0].manifest["system"]["scoring"] == "expression":
        found.append(SALIENCE)
    if len(used) > 1:
        days = sorted({f"{m.created:%Y-%m-%d}" for m in used})
        found.append(
            f"Put together from {len(used)} measurements that were made alike ({', '.join(days)})."
        )
    if any(row.simulated for m in used for row in m.rows):
        found.append("Some respondents are simulated: texts with planted values, nobody's answers.")
    return tuple(found)


def _observational(used: Sequence[Measurement]) -> str:
    """Say what scores of found texts are, and whether respondents can be compared by them."""
    if sum(len(m.rows) for m in used) == 1:
        return OBSERVATIONAL
    told = [m.manifest["observational"] for m in used]
    asked = told[0].get("prompts")  # earlier versions did not count them
    if asked is None:
        return f"{OBSERVATIONAL} {OTHER_PROMPTS}"
    # with several measurements the prompts that all share may be fewer, but not more
    shared = min(one["shared_prompts"] for one in told)
    if shared == asked:
        return f"{OBSERVATIONAL} {SAME_PROMPTS}"
    if not shared:
        return f"{OBSERVATIONAL} {OTHER_PROMPTS}"
    some = f"At most {shared:,} of {asked:,} prompts were put to all of them"
    return f"{OBSERVATIONAL} {OTHER_PROMPTS} {some}; valuecompass compare takes shared ones."


def _missing(respondents: Sequence[str], names: Sequence[str], values: Array) -> list[str]:
    """Say who lacks a score where others have one."""
    absent = np.isnan(values)
    nobody = absent.all(axis=0)
    absent[:, nobody] = False
    found: list[str] = []
    if nobody.any():
        gone = [names[at] for at in np.flatnonzero(nobody).tolist()]
        found.append(
            f"Nobody has a score for {', '.join(gone)}: no item asks for it, or no answer "
            "could be used."
        )
    for at in np.flatnonzero(absent.any(axis=1)).tolist():
        who, gone = respondents[at], [names[i] for i in np.flatnonzero(absent[at]).tolist()]
        found.append(f"{who} has no score for {', '.join(gone)}: missing is no zero.")
        if len(found) == 20:
            found.append("More respondents lack scores; --json shows every one as null.")
            break
    return found
