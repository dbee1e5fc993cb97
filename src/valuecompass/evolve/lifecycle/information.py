"""How much items tell about models, on one scale, from everything that is known of them.

A bank grows over years: some items were measured on forms, some were tried on a pool while they
evolved, some on both, by different models each. What they told is laid on one scale by the model of
`evolve.information`: positions of all models and parameters of all items together, and of each item
the expected information of a response about a model like those that the next form is for.

One value system is looked at, all its dimensions. A question that tells models apart under several
systems is an item of each (`evolve.record.items_of`), with an id of its own: it may be saturated
under one and tell much under another, and is retired under the one alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuecompass.evolve.information import InformationConfig, ThetaPosterior
from valuecompass.evolve.record import items_of
from valuecompass.items import Item
from valuecompass.judges.protocol import THRESHOLD
from valuecompass.measure.item_table import ItemTable

__all__ = ["Worth", "fresh_table", "joined", "worth"]

Array = NDArray[np.float64]
CONFIG = InformationConfig()
OPINIONS = 3
"""More opinions of a model on one item count as so many: they share what is peculiar to both, and
each further number of opinions would take memory of its own."""
FRESH = "fresh"
"""Of an item's rewards the one by answers that selected nothing."""


@dataclass(frozen=True)
class Worth:
    """What n items tell, (n,) each.

    Attributes:
        items: ids.
        information: expected mutual information of a response and the position of a model, in nats,
            summed over dimensions.
        high: upper 95 % limit of it, by what the item's own responses leave open.
        difficulty: on the item's main dimension, in standard deviations of the models; NaN where
            nothing is known.
        answered: respondents that answered it.
        counted: of them, those whom the items are to tell apart.
        slope: discrimination on the item's main dimension, per standard deviation of the models;
            NaN where nothing is known.
    """

    items: tuple[str, ...]
    information: Array
    high: Array
    difficulty: Array
    answered: NDArray[np.int64]
    counted: NDArray[np.int64]
    slope: Array = field(default_factory=lambda: np.zeros(0))


def joined(tables: Sequence[ItemTable]) -> ItemTable:
    """Return one table of what all tables say; a respondent is known by its name.

    Args:
        tables: at least one, of the same dimensions.

    Raises:
        ValueError: there is none, or dimensions differ.
    """
    if len({table.names for table in tables}) != 1:
        raise ValueError("tables must be of the same dimensions, and at least one")
    who = tuple(dict.fromkeys(name for table in tables for name in table.respondents))
    what = tuple(dict.fromkeys(item for table in tables for item in table.items))
    rows, columns = (dict(zip(names, range(len(names)), strict=True)) for names in (who, what))
    shape = (len(who), len(what), len(tables[0].names))
    totals, counts = np.zeros(shape), np.zeros(shape)
    for table in tables:
        place = np.ix_([rows[n] for n in table.respondents], [columns[i] for i in table.items])
        totals[place] += table.totals
        counts[place] += table.counts
    return ItemTable(who, what, tables[0].names, totals, counts)


def fresh_table(
    kept: Sequence[Mapping[str, Any]], system: str, names: Sequence[str]
) -> ItemTable | None:
    """Return what the fresh answers to evolved items say, every opinion counted.

    Args:
        kept: of the stored body of an evolution.
        system: id of the value system.
        names: its dimensions.

    Returns:
        The table; None where no item of the system has fresh answers.
    """
    # a question can be an item of several systems, and each of them reads its fresh answers
    own = {
        item.id: one["fresh"]
        for one in kept
        if one.get("fresh")
        for item in items_of(one)
        if item.system == system
    }
    if not own:
        return None
    who = tuple(dict.fromkeys(name for fresh in own.values() for name in fresh))
    totals = np.zeros((len(who), len(own), len(names)))
    counts = np.zeros_like(totals)
    for column, fresh in enumerate(own.values()):
        for name, heard in fresh.items():
            for at, dimension in enumerate(names):
                opinions = heard["expressed"].get(f"{system}/{dimension}", ())
                seen = [x for x in opinions if x is not None]
                totals[who.index(name), column, at] = sum(x >= THRESHOLD for x in seen)
                counts[who.index(name), column, at] = len(seen)
    return ItemTable(who, tuple(own), tuple(names), totals, counts)


def worth(
    items: Sequence[Item],
    evidence: ItemTable | None,
    among: Collection[str] | None = None,
    config: InformationConfig = CONFIG,
    placing: int | None = None,
) -> Worth:
    """Return what items tell about respondents.

    An item that nobody answered gets, by its place among the others' fresh rewards, the information
    at the same place among the items that were answered; without a fresh reward their mean. Where
    nothing was answered, fresh rewards alone order the items.

    Args:
        items: of one value system, each once.
        evidence: what is known of them, and of others that place the respondents; None: nothing.
        among: names of the respondents that a form is to tell apart; None: all in `evidence`.
        config: of the model.
        placing: at most so many items, drawn by their ids, say where the respondents stand; None:
            all. Some hundreds place them, and thousands take a minute.
    """
    ids = tuple(item.id for item in items)
    n = len(ids)
    unknown, none = np.full((4, n), np.nan), np.zeros((2, n), dtype=np.int64)
    found = Worth(ids, *unknown[:3], *none, slope=unknown[3])
    if evidence is not None:
        _read(found, items, evidence, among, config, placing)
    known = found.answered > 0
    rewards = np.array([item.lineage.rewards.get(FRESH, np.nan) for item in items])
    ordered = np.sort(found.information[known])
    average = float(ordered.mean()) if len(ordered) else 1.0
    ranked = np.sort(rewards[~np.isnan(rewards)])
    for at in np.flatnonzero(~known):
        if np.isnan(rewards[at]):
            found.information[at] = average if len(ordered) or not len(ranked) else ranked.mean()
        elif not len(ordered):
            found.information[at] = rewards[at]
        else:
            place = (int((ranked < rewards[at]).sum()) + 0.5) / len(ranked)
            found.information[at] = np.quantile(ordered, place)
        found.high[at] = np.inf
    return found


def _read(
    found: Worth,
    items: Sequence[Item],
    evidence: ItemTable,
    among: Collection[str] | None,
    config: InformationConfig,
    placing: int | None,
) -> None:
    """Fill in what the model says of the items that were answered, in place."""
    shares = evidence.means.transpose(1, 0, 2)
    counts = np.clip(evidence.counts.transpose(1, 0, 2), 1, OPINIONS)
    # positions of all: an item is read in the light of what its respondents did elsewhere
    posterior = ThetaPosterior.start(len(evidence.respondents), len(evidence.names), config)
    # ids are hashes, and so their order is as good as drawn
    drawn = np.argsort(np.array(evidence.items), kind="stable")[:placing]
    posterior = posterior.updated(
        *((shares, counts) if placing is None else (shares[drawn], counts[drawn]))
    )
    whom = [k for k, name in enumerate(evidence.respondents) if among is None or name in among]
    if not whom:
        raise ValueError("none of the respondents that the items are to tell apart answered any")
    place = {item: at for at, item in enumerate(evidence.items)}
    mine = [at for at, item in enumerate(items) if item.id in place]
    rows = [place[items[at].id] for at in mine]
    told = posterior.score(shares[rows], counts[rows], whom)
    found.information[mine] = told.information.sum(axis=1)
    found.high[mine] = found.information[mine] + 1.96 * np.sqrt((told.information_sd**2).sum(1))
    main = [evidence.names.index(items[at].dimensions[0]) for at in mine]
    found.difficulty[mine] = told.b[np.arange(len(mine)), main]
    found.slope[mine] = told.a[np.arange(len(mine)), main]
    there = (evidence.counts.sum(axis=2) > 0)[:, rows]
    found.answered[mine] = there.sum(axis=0)
    found.counted[mine] = there[whom].sum(axis=0)
