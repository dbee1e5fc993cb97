"""What each item says of each respondent: the data under the scores, read back from answers."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from valuecompass.errors import StoreError
from valuecompass.hashing import digest
from valuecompass.items import Item
from valuecompass.judges.protocol import THRESHOLD
from valuecompass.measure.archive import UNJUDGED, found_answers, items_query, verdicts_of
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.scoring import Column, Result, columns_of, findings_of, ratings_of
from valuecompass.stats import OpinionMethod
from valuecompass.store import Store, answers, item_tables, verdicts
from valuecompass.values import ValueSystem

Array = NDArray[np.float64]
VERSION = 1
"""Of what is kept in the store: raise it when the same answers give another table."""


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
        each = [_generator(i).standard_exponential(samples) for i in self.items]
        weights = np.array(each).reshape(n, samples)  # also without any item
        flat = (self.totals.transpose(1, 0, 2), self.counts.transpose(1, 0, 2))
        sums, sizes = (weights.T @ of.reshape(n, r * d) for of in flat)
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

    def packed(self) -> bytes:
        """Return the table as bytes."""
        file = io.BytesIO()
        np.savez_compressed(
            file,
            # as one text: arrays of texts lose NULs at the end of a name
            labels=np.array(json.dumps([VERSION, self.respondents, self.items, self.names])),
            totals=self.totals,
            counts=self.counts,
        )
        return file.getvalue()

    @classmethod
    def unpacked(cls, body: bytes) -> ItemTable | None:
        """Return the table that was packed; None if another version of the scoring made it."""
        with np.load(io.BytesIO(body), allow_pickle=False) as found:
            version, *labels = json.loads(str(found["labels"]))
            if version != VERSION:
                return None
            respondents, items, names = map(tuple, labels)
            return cls(respondents, items, names, found["totals"], found["counts"])


async def item_table(store: Store, measurement: Measurement) -> ItemTable:
    """Return what a measurement's scores are made of.

    Args:
        store: the open store; the table is kept there for the next time.
        measurement: one of our own.
    """
    own = select(item_tables.c.body).where(item_tables.c.measurement == measurement.id)
    rows = await store.rows(own)
    if rows and (kept := ItemTable.unpacked(rows[0]["body"])) is not None:
        return kept
    table = await _read(store, measurement)
    row = {"measurement": measurement.id, "body": table.packed()}
    with contextlib.suppress(StoreError):  # a workspace that is read-only is read all the same
        await store.write((store.insert_new(item_tables), [row]))
    return table


async def _read(store: Store, measurement: Measurement) -> ItemTable:
    system = ValueSystem.model_validate(measurement.manifest["system"])
    bodies = await store.rows(items_query(measurement))
    places = {row["id"]: place for place, row in enumerate(bodies)}
    shape = (len(measurement.rows), len(places), len(system.names))
    totals, counts = np.zeros(shape), np.zeros(shape)
    async with contextlib.aclosing(stored_values(store, measurement)) as found:
        async for position, at, item, value in found:
            totals[position, places[item], at] += value
            counts[position, places[item], at] += 1
    used = counts.sum(axis=(0, 2)) > 0
    return ItemTable(
        tuple(row.respondent for row in measurement.rows),
        tuple(item for item, keep in zip(places, used, strict=True) if keep),
        system.names,
        totals[:, used],
        counts[:, used],
    )


async def stored_values(
    store: Store, measurement: Measurement
) -> AsyncGenerator[tuple[int, int, str, float]]:
    """Yield position of the respondent, place of the dimension, item and value in [0, 1].

    One for each response that carries a score, a respondent after the other.
    """
    system = ValueSystem.model_validate(measurement.manifest["system"])
    opinions: OpinionMethod = measurement.manifest["opinions"]
    bodies = await store.rows(items_query(measurement))
    parsed = {row["id"]: Item.from_row(row["body"]) for row in bodies}
    columns = (
        *(answers.c[n] for n in ("position", "item", "outcome", "reading")),
        verdicts.c.body.label("verdicts"),
    )
    query = found_answers(measurement, columns)
    async with contextlib.aclosing(store.stream(query, 2_000)) as blocks:
        async for rows in blocks:
            for position, of_one in groupby(rows, key=lambda row: row["position"]):
                found = [_result(row, parsed[row["item"]], system) for row in of_one]
                for at, item, value in item_values(system, opinions, found):
                    yield position, at, item, value


def item_values(
    system: ValueSystem, opinions: OpinionMethod, results: Sequence[Result]
) -> Iterator[tuple[int, str, float]]:
    """Yield the place of the dimension, the item and the value in [0, 1] of what carries scores."""
    if system.scoring == "keyed-scale":
        found: Mapping[str, Column] = ratings_of(results)
    else:
        found = columns_of(system, opinions, results)
    for at, name in enumerate(system.names):
        if (column := found.get(name)) is None:
            continue
        values = np.asarray(column.values)
        if system.scoring == "safe-rate":
            values = (values >= THRESHOLD).astype(float)
        yield from ((at, item, v) for item, v in zip(column.items, values.tolist(), strict=True))


def _result(row: Mapping[str, Any], item: Item, system: ValueSystem) -> Result:
    own = verdicts_of(row)
    # the judge was asked and said nothing: a refusal that nobody could judge is not a safe one
    silent = row["reading"] == UNJUDGED
    return Result(
        item=item,
        presentation=0,
        repeat=0,
        key=None,
        outcome=row["outcome"],
        reading=row["reading"],
        findings=findings_of(own, system.names) if own or silent else None,
    )


def _ratio(a: Array, b: Array) -> Array:
    return np.divide(a, b, out=np.full(a.shape, np.nan), where=b > 0)


def _generator(name: str) -> np.random.Generator:
    return np.random.default_rng(int(digest(name, 16), 16))
