"""What each item says of each respondent: the data under the scores, read back from answers."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, select

from valuecompass.errors import StoreError
from valuecompass.hashing import digest
from valuecompass.items import Item
from valuecompass.judges.protocol import THRESHOLD, judged_dimensions
from valuecompass.measure.archive import UNJUDGED, found_answers, items_query, verdicts_of
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.scoring import (
    FREE,
    RATED,
    Column,
    Result,
    choices_of,
    columns_of,
    findings_of,
    ratings_of,
)
from valuecompass.stats import OpinionMethod
from valuecompass.store import Store, answers, item_tables, verdicts
from valuecompass.values import ValueSystem

Array = NDArray[np.float64]
VERSION = 2
"""Of what is kept in the store: raise it when the same answers give another table."""
_ITEMS_AT_ONCE = 500
"""Items whose weights are held at once: 8 MB for 2,000 draws."""


@dataclass(frozen=True)
class ItemTable:
    """Sums over the responses to each item: (R respondents, n items, D dimensions).

    totals: sums of values in [0, 1]; 0 where there is no response.
    counts: responses that carry the score.
    items: (n,) ids.
    """

    respondents: tuple[str, ...]
    items: tuple[str, ...]
    names: tuple[str, ...]
    totals: Array
    counts: Array

    @property
    def means(self) -> Array:
        """Mean value of each item, NaN where a respondent has no response that counts."""
        empty = np.full_like(self.totals, np.nan)
        return np.divide(self.totals, self.counts, out=empty, where=self.counts > 0)

    def scores(self) -> Array:
        """Return the scores, (R, D) on 0-100: pooled means over responses."""
        return 100 * _ratio(self.totals.sum(axis=1), self.counts.sum(axis=1))

    def draws(self, samples: int, salt: str = "") -> Array:
        """Return joint draws of the scores, (samples, R, D) on 0-100.

        The Bayesian bootstrap of `stats.cluster_bootstrap_mean`, clustered on items. An item's
        weights follow from its id alone, so that every respondent and dimension, also those of
        another measurement, are resampled together: differences of draws are paired. Each
        respondent has a prior of one item of average size, on which all dimensions are 0 or all
        are 1: a mean over dimensions then has the prior that a single dimension has, and not a
        bias which grows surer with every dimension.

        Args:
            samples: number of draws.
            salt: another text gives the respondents other priors. Equal priors of two tables
                cancel in the difference of their draws, which is then surer than it should be.
        """
        return self.both_draws(samples, salt)[0]

    def both_draws(self, samples: int, salt: str = "") -> tuple[Array, Array]:
        """Return the `draws`, and the same with the prior's halves changed round.

        The latter are for dimensions that count against a respondent: there one prior for all
        dimensions would cancel.
        """
        r, n, d = self.totals.shape
        sums, sizes = np.zeros((2, samples, r * d))
        for start in range(0, n, _ITEMS_AT_ONCE):  # all weights at once take samples x n numbers
            part = slice(start, start + _ITEMS_AT_ONCE)
            each = [_generator(i).standard_exponential(samples) for i in self.items[part]]
            weights = np.array(each).T
            for found, of in ((sums, self.totals), (sizes, self.counts)):
                found += weights @ of[:, part].transpose(1, 0, 2).reshape(len(each), r * d)
        seen = (self.counts > 0).sum(axis=1).reshape(r * d)
        size = _ratio(self.counts.sum(axis=1).reshape(r * d), seen)
        halves = [_generator(salt + n).standard_gamma(0.5, (samples, 2)) for n in self.respondents]
        prior = np.repeat(np.stack(halves, axis=1), d, axis=1)
        weighed = sizes + prior.sum(axis=2) * size
        plain, turned = (
            100 * np.where(seen > 0, (sums + half * size) / weighed, np.nan).reshape(samples, r, d)
            for half in (prior[..., 0], prior[..., 1])
        )
        return plain, turned

    def only(self, keep: Sequence[bool]) -> ItemTable:
        """Return the table of some of the items."""
        at = np.asarray(keep, dtype=bool)
        if at.all():  # the usual case, and tables are large
            return self
        items = tuple(item for item, kept in zip(self.items, keep, strict=True) if kept)
        return ItemTable(
            self.respondents, items, self.names, self.totals[:, at], self.counts[:, at]
        )


@dataclass(frozen=True)
class Answered:
    """What all items of a measurement say, those that carry no score included.

    kinds: of each item of the table.
    """

    table: ItemTable
    kinds: tuple[str, ...]

    def of(self, kinds: Collection[str]) -> ItemTable:
        """Return the table of the items of some kinds."""
        return self.table.only([kind in kinds for kind in self.kinds])

    def packed(self) -> bytes:
        """Return the table as bytes."""
        table, file = self.table, io.BytesIO()
        # as one text: arrays of texts lose NULs at the end of a name
        labels = json.dumps([VERSION, table.respondents, table.items, table.names, self.kinds])
        np.savez_compressed(file, labels=np.array(labels), totals=table.totals, counts=table.counts)
        return file.getvalue()

    @classmethod
    def unpacked(cls, body: bytes) -> Answered | None:
        """Return the table that was packed; None if another version of the scoring made it."""
        with np.load(io.BytesIO(body), allow_pickle=False) as found:
            version, *labels = json.loads(str(found["labels"]))
            if version != VERSION:
                return None
            respondents, items, names, kinds = map(tuple, labels)
            table = ItemTable(respondents, items, names, found["totals"], found["counts"])
        return cls(table, kinds)


Mode = Literal["self-report", "judgement", "trade-off", "free text", "actions"]
MODES: dict[Mode, tuple[str, ...]] = {
    "self-report": ("likert",),
    "judgement": ("judgement",),
    "trade-off": ("tradeoff",),
    "free text": tuple({*FREE} - {"scenario"}),
    "actions": ("scenario",),
}
"""Ways to ask for a value, and the kinds of items that ask so."""


async def item_table(store: Store, measurement: Measurement) -> ItemTable:
    """Return what a measurement's scores are made of; as `answered`, of the items of its scores."""
    keyed = measurement.manifest["system"]["scoring"] == "keyed-scale"
    return (await answered(store, measurement)).of(RATED if keyed else FREE)


async def answered(store: Store, measurement: Measurement) -> Answered:
    """Return what each item of a measurement says, whatever its kind.

    Args:
        store: the open store; the table is kept there for the next time.
        measurement: one of our own.
    """
    own = item_tables.c.measurement == measurement.id
    rows = await store.rows(select(item_tables.c.body).where(own))
    if rows and (kept := Answered.unpacked(rows[0]["body"])) is not None:
        return kept
    found = await _read(store, measurement)
    with contextlib.suppress(StoreError):  # a workspace that is read-only is read all the same
        await keep(store, measurement, found)
    return found


async def keep(store: Store, measurement: Measurement, found: Answered) -> None:
    """Keep what a measurement's items say for the next time it is asked for."""
    row = {"measurement": measurement.id, "body": found.packed()}
    own = item_tables.c.measurement == measurement.id
    # what another version kept gives way
    await store.write((delete(item_tables).where(own), []), (store.insert_new(item_tables), [row]))


def answered_of(
    measurement: Measurement, items: Iterable[Item], results: Iterable[tuple[int, Sequence[Result]]]
) -> Answered:
    """Return what items say of respondents.

    Args:
        measurement: of one value system.
        items: all that were asked.
        results: in blocks, each with the position of its respondent; all that came of an item
            stands in one block, because both orders of a trade-off's sides make one value.
    """
    sums = Sums.of(measurement, items)
    for position, found in results:
        sums.add(position, found)
    return sums.answered()


@dataclass(frozen=True)
class Sums:
    """The sums under a table, while results come in: memory for the table alone."""

    measurement: Measurement
    system: ValueSystem
    items: dict[str, Item]
    places: dict[str, int]
    totals: Array
    counts: Array

    @classmethod
    def of(cls, measurement: Measurement, items: Iterable[Item]) -> Sums:
        """Return empty sums for the respondents of a measurement, whose scores are not read."""
        system = ValueSystem.model_validate(measurement.manifest["system"])
        by_id = {item.id: item for item in sorted(items, key=lambda i: i.id)}
        places = {item: place for place, item in enumerate(by_id)}
        shape = (len(measurement.rows), len(places), len(system.names))
        return cls(measurement, system, by_id, places, np.zeros(shape), np.zeros(shape))

    def add(self, position: int, results: Sequence[Result]) -> None:
        """Add what came of some items; all of an item at once, as `answered_of` says."""
        opinions: OpinionMethod = self.measurement.manifest["opinions"]
        for at, item, value in all_values(self.system, opinions, results):
            self.totals[position, self.places[item], at] += value
            self.counts[position, self.places[item], at] += 1

    def answered(self) -> Answered:
        """Return the table of what was added."""
        used = (self.counts.sum(axis=(0, 2)) > 0).tolist()
        respondents = tuple(row.respondent for row in self.measurement.rows)
        names = self.system.names
        whole = ItemTable(respondents, tuple(self.places), names, self.totals, self.counts)
        table = whole.only(used)
        return Answered(table, tuple(self.items[item].kind for item in table.items))


async def _read(store: Store, measurement: Measurement) -> Answered:
    parsed = await _items(store, measurement)
    sums = Sums.of(measurement, parsed.values())
    async with contextlib.aclosing(_results(store, measurement, parsed)) as results:
        async for position, found in results:
            sums.add(position, found)
    return sums.answered()


async def answered_by_opinion(store: Store, measurement: Measurement) -> Answered:
    """Return what items of all kinds say, every judged opinion counted by itself.

    `answered` joins the opinions of a response as the scores do; three verdicts say more of a model
    than the one that "any" makes of them, and are less often wrong.

    Returns:
        Totals are numbers of opinions that express the dimension (of choices and ratings, sums in
        [0, 1]), counts are numbers of opinions.
    """
    sums = Sums.of(measurement, (await _items(store, measurement)).values())
    system, names = sums.system, sums.system.names
    async with contextlib.aclosing(_results(store, measurement, sums.items)) as results:
        async for position, found in results:
            for result in found:
                if result.findings is None:
                    continue
                at = sums.places[result.item.id]
                judged = judged_dimensions(result.item.kind, result.item.dimensions, names)
                kept = np.isin(names, judged) & ~np.isnan(result.findings.expressed)
                said = result.findings.expressed >= THRESHOLD
                sums.totals[position, at] += (said & kept).sum(axis=0)
                sums.counts[position, at] += kept.sum(axis=0)
            for at, item, value in (*_rated(system, found), *_chosen(system, found)):
                sums.totals[position, sums.places[item], at] += value
                sums.counts[position, sums.places[item], at] += 1
    return sums.answered()


async def stored_values(
    store: Store, measurement: Measurement
) -> AsyncGenerator[tuple[int, int, str, float]]:
    """Yield position of the respondent, place of the dimension, item and value in [0, 1].

    One for each response that carries a score, a respondent after the other.
    """
    system = ValueSystem.model_validate(measurement.manifest["system"])
    opinions: OpinionMethod = measurement.manifest["opinions"]
    parsed = await _items(store, measurement)
    async with contextlib.aclosing(_results(store, measurement, parsed)) as results:
        async for position, found in results:
            for at, item, value in item_values(system, opinions, found):
                yield position, at, item, value


async def stored_answers(
    store: Store, measurement: Measurement
) -> AsyncGenerator[tuple[int, int, str, int, float]]:
    """Yield position of the respondent, place of the dimension, item, repeat and value in [0, 1].

    As `stored_values`, of items of every kind: of a trade-off both orders of its sides make one
    answer.
    """
    system = ValueSystem.model_validate(measurement.manifest["system"])
    opinions: OpinionMethod = measurement.manifest["opinions"]
    parsed = await _items(store, measurement)
    async with contextlib.aclosing(_results(store, measurement, parsed)) as results:
        async for position, found in results:
            for repeat in sorted({one.repeat for one in found}):
                own = [one for one in found if one.repeat == repeat]
                for at, item, value in all_values(system, opinions, own):
                    yield position, at, item, repeat, value


async def _items(store: Store, measurement: Measurement) -> dict[str, Item]:
    rows = await store.rows(items_query(measurement))
    return {row["id"]: Item.from_row(row["body"]) for row in rows}


async def _results(
    store: Store, measurement: Measurement, parsed: Mapping[str, Item]
) -> AsyncGenerator[tuple[int, list[Result]]]:
    """Yield a respondent's place with results as they were stored, all of an item together."""
    system = ValueSystem.model_validate(measurement.manifest["system"])
    names = ("position", "item", "presentation", "repeat", "outcome", "reading")
    columns = (*(answers.c[n] for n in names), verdicts.c.body.label("verdicts"))
    query = found_answers(measurement, columns)
    async with contextlib.aclosing(store.stream(query)) as blocks:
        async for position, rows in _whole_items(blocks):
            yield position, [result_of(row, parsed[row["item"]], system) for row in rows]


Rows = Sequence[Mapping[str, Any]]


async def _whole_items(blocks: AsyncIterator[Rows]) -> AsyncIterator[tuple[int, Rows]]:
    """Yield a respondent's place with its rows; all rows of an item come together.

    What is said of a trade-off depends on both orders of its sides.
    """
    left: list[Mapping[str, Any]] = []
    async for rows in blocks:
        left += rows
        last = _place(left[-1])
        whole = next(at for at, row in enumerate(left) if _place(row) == last)
        for position, of_one in groupby(left[:whole], key=lambda row: row["position"]):
            yield position, list(of_one)
        left = left[whole:]
    if left:
        yield left[0]["position"], left


def _place(row: Mapping[str, Any]) -> tuple[int, str]:
    return row["position"], row["item"]


def all_values(
    system: ValueSystem, opinions: OpinionMethod, results: Sequence[Result]
) -> Iterator[tuple[int, str, float]]:
    """Yield the place of the dimension, the item and the value in [0, 1] of items of every kind."""
    yield from _judged(system, opinions, results)
    yield from _rated(system, results)
    yield from _chosen(system, results)


def item_values(
    system: ValueSystem, opinions: OpinionMethod, results: Sequence[Result]
) -> Iterator[tuple[int, str, float]]:
    """Yield the place of the dimension, the item and the value in [0, 1] of what carries scores."""
    if system.scoring == "keyed-scale":
        yield from _rated(system, results)
    else:
        yield from _judged(system, opinions, results)


def _judged(
    system: ValueSystem, opinions: OpinionMethod, results: Sequence[Result]
) -> Iterator[tuple[int, str, float]]:
    for at, item, value in _of_columns(system, columns_of(system, opinions, results)):
        safe = system.scoring == "safe-rate"
        yield at, item, float(value >= THRESHOLD) if safe else value


def _rated(system: ValueSystem, results: Sequence[Result]) -> Iterator[tuple[int, str, float]]:
    return _of_columns(system, ratings_of(results))


def _chosen(system: ValueSystem, results: Sequence[Result]) -> Iterator[tuple[int, str, float]]:
    for item, share in choices_of(results):
        assert item.sides is not None
        first, second = (system.names.index(side.dimension) for side in item.sides)
        yield first, item.id, share
        yield second, item.id, 1 - share


def _of_columns(
    system: ValueSystem, columns: Mapping[str, Column]
) -> Iterator[tuple[int, str, float]]:
    for at, name in enumerate(system.names):
        if (column := columns.get(name)) is not None:
            yield from ((at, i, v) for i, v in zip(column.items, column.values, strict=True))


def result_of(row: Mapping[str, Any], item: Item, system: ValueSystem) -> Result:
    """Return the result of an answer as it was stored.

    Args:
        row: presentation, repeat, outcome and reading of the answer, and the verdicts on it.
        item: what was answered.
        system: its value system.
    """
    own = verdicts_of(row)
    # the judge was asked and said nothing: a refusal that nobody could judge is not a safe one
    silent = row["reading"] == UNJUDGED
    return Result(
        item=item,
        presentation=row["presentation"],
        repeat=row["repeat"],
        key=None,
        outcome=row["outcome"],
        reading=row["reading"],
        findings=findings_of(own, system.names) if own or silent else None,
    )


def _ratio(a: Array, b: Array) -> Array:
    return np.divide(a, b, out=np.full(a.shape, np.nan), where=b > 0)


def _generator(name: str) -> np.random.Generator:
    return np.random.default_rng(int(digest(name, 16), 16))
