"""Where an item comes from and what was made of it, as a tree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import select

from valuecompass.board.folders import without_folders
from valuecompass.evolve.record import items_of
from valuecompass.items import Item, seed_items
from valuecompass.store import Store, evolutions, items
from valuecompass.values import BUILTIN

Json = dict[str, Any]
DEEPEST = 12
"""Generations that are followed: more is a loop in somebody's file."""
_AT_ONCE = 500
"""Items that one query names."""


@dataclass(frozen=True)
class LineageNode:
    """One text of a lineage.

    id: of the item; of a candidate that was rejected the one that it would have had.
    kept: False: a run of evolve rejected it, for `reason`.
    rewards: by stage.
    """

    id: str
    text: str
    origin: str
    kept: bool = True
    reason: str | None = None
    model: str | None = None
    method: str | None = None
    fact: str | None = None
    region: str | None = None
    year: int | None = None
    rewards: dict[str, float] = field(default_factory=dict[str, float])
    calls: int | None = None
    here: bool = False
    """Whether it is the item that was asked for."""
    children: tuple[LineageNode, ...] = ()


async def evolved_items(store: Store) -> dict[str, Item]:
    """Return by id all items that runs of evolve kept, whether anybody was measured with them."""
    found: dict[str, Item] = {}
    for body in await _bodies(store):
        for kept in body["kept"]:
            for item in items_of(kept):
                found.setdefault(item.id, item)
    return found


@dataclass
class Kin:
    """All texts of a value system that have kin, by id, with parents and children."""

    nodes: dict[str, LineageNode] = field(default_factory=dict[str, LineageNode])
    parents: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    children: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def add(self, node: LineageNode, parents: tuple[str, ...]) -> None:
        """Add a text; who is there stays: what was measured, or kept, comes first and says more."""
        if node.id in self.nodes:
            return
        self.nodes[node.id] = node
        self.parents[node.id] = parents
        for one in parents:
            self.children.setdefault(one, []).append(node.id)

    def tree(self, item: Item) -> LineageNode:
        """Return the tree that an item stands in: its oldest ancestor with all that came of it."""
        root, seen = item.id, {item.id}
        while len(seen) < DEEPEST:
            parents = self.parents.get(root, item.lineage.parents if root == item.id else ())
            above = next((one for one in parents if one not in seen), None)
            if above is None:
                break
            root = above
            seen.add(above)
        return self._node(root, item, frozenset())

    def _node(self, id: str, here: Item, above: frozenset[str]) -> LineageNode:
        # who has no kin is here all the same
        alone = _of_item(here) if id == here.id else LineageNode(id, "", "unknown")
        own = self.nodes.get(id) or alone
        below = [one for one in self.children.get(id, ()) if one not in above and one != id]
        if len(above) >= DEEPEST:
            below = []
        children = tuple(self._node(one, here, above | {id}) for one in below)
        return replace(own, here=id == here.id, children=children)


async def kin_of(store: Store, system: str) -> Kin:
    """Return who descends from whom among the items of a value system.

    Only kept and rejected candidates of runs in this workspace, its items and the seed bank are
    known; what stands elsewhere is an id without a text.

    Args:
        store: the open store.
        system: its id.
    """
    found = Kin()
    # ancestors without parents are added below; whoever is neither has no kin
    descends = items.c.body["lineage", "parents"].as_string().is_not(None)
    query = select(items.c.body).where(items.c.system == system, descends)
    for row in await store.rows(query):
        own = Item.from_row(row["body"])
        found.add(_of_item(own), own.lineage.parents)
    for body in await _bodies(store):
        for kept in body["kept"]:
            for own in items_of(kept):
                if own.system == system:
                    found.add(_of_item(own), own.lineage.parents)
        for one in body["rejected"]:
            _add_rejected(found, one)
    await _add_ancestors(store, found, system)
    return found


def _add_rejected(found: Kin, one: Mapping[str, Any]) -> None:
    own = Item.from_row(one["item"])
    rewards: dict[str, float | None] = one.get("rewards") or {}
    node = LineageNode(
        id=own.id,
        text=own.text,
        origin="evolved",
        kept=False,
        reason=one.get("reason"),
        model=without_folders(one.get("generator")),
        method="adaem",
        fact=one.get("fact") or None,
        region=one.get("region"),
        year=one.get("year"),
        rewards={k: v for k, v in rewards.items() if v is not None},
        calls=one.get("calls"),
    )
    found.add(node, (one["parent"],) if one.get("parent") else ())


async def _add_ancestors(store: Store, found: Kin, system: str) -> None:
    """Add items of the workspace and of the seed bank that are parents of others."""
    wanted = {one for of in found.parents.values() for one in of} - set(found.nodes)
    seeds = {one.id: one for one in (seed_items(system) if system in BUILTIN else ())}
    for one in [seeds[id] for id in wanted if id in seeds]:
        found.add(_of_item(one), one.lineage.parents)
    left = sorted(wanted - set(found.nodes))
    for start in range(0, len(left), _AT_ONCE):
        named = items.c.id.in_(left[start : start + _AT_ONCE])
        for row in await store.rows(select(items.c.body).where(named)):
            own = Item.from_row(row["body"])
            found.add(_of_item(own), own.lineage.parents)


def _of_item(item: Item) -> LineageNode:
    of = item.lineage
    return LineageNode(
        id=item.id,
        text=item.text,
        origin=of.origin,
        model=without_folders(of.model),
        method=of.method,
        fact=of.fact,
        region=of.region,
        year=of.year,
        rewards=dict(of.rewards),
        calls=of.calls,
    )


async def _bodies(store: Store) -> list[Json]:
    """Return what finished runs left, the oldest first."""
    query = select(evolutions.c.body).where(evolutions.c.finished.is_not(None))
    return [row["body"] for row in await store.rows(query.order_by(evolutions.c.created))]
