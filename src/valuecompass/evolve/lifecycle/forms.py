"""The next form of a bank: balanced, informative, exposure-controlled, tied by anchors."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from valuecompass.errors import InputError
from valuecompass.evolve.lifecycle.information import Worth
from valuecompass.items import KINDS, Form, Item, Kind
from valuecompass.items.forms import ASKING
from valuecompass.values import ValueSystem

__all__ = ["FormRules", "living_form"]

NEAR = 0.95
"""Items with at least this part of the best one's information count as equally good, and one of
them is drawn: else everybody who selects from a bank would wear out the same items."""
INFORMATIVE = 0.5
"""Anchors come from this part of the earlier form: what no longer tells models apart says nothing
of how both forms compare either."""
ALONE = ("scenario", "conversation")
"""Kinds with forms of their own, or none."""
Stratum = tuple[str, ...]


@dataclass(frozen=True)
class FormRules:
    """How a form is selected.

    Attributes:
        size: items.
        anchors: of them, items of the earlier form.
        most_uses: an item that was asked on so many occasions is not selected again.
        seed: of all draws.

    Raises:
        InputError: a number is out of range.
    """

    size: int
    anchors: int = 0
    most_uses: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        if self.size < 1 or self.most_uses < 1:
            raise InputError(f"--size {self.size}, --most-uses {self.most_uses}: give 1 at least")
        if not 0 <= self.anchors < self.size:
            raise InputError(f"--anchors {self.anchors}: give fewer than --size, {self.size}")
        if self.anchors == 1:
            raise InputError("--anchors 1: a link needs 2 at least, better 20")


def living_form(
    items: Sequence[Item],
    system: ValueSystem,
    rules: FormRules,
    worth: Worth,
    name: str,
    *,
    uses: Mapping[str, int] | None = None,
    barred: Collection[str] = (),
    previous: Form | None = None,
) -> Form:
    """Select a form from a bank.

    Dimensions (of trade-offs pairs of them) get equal numbers of items, those left over go to the
    dimensions that have fewest; a dimension without enough items leaves its places to the others.
    Kinds get places by how many items of each there are. Within a dimension the most informative
    items come first; near-ties are drawn by lot (the randomesque rule).

    Anchors are drawn from the more informative half of the earlier form, spread over dimensions and
    within a dimension over difficulty, so that no end of the scale alone carries the link.

    Args:
        items: the bank, those of `previous` included.
        system: whose items they are.
        rules: how many, and how often an item may be used.
        worth: what the items tell; of all of them.
        name: of the form.
        uses: by id, occasions on which an item was asked so far.
        barred: ids of items that are not to be selected: retired, or drifting.
        previous: the form that anchors come from.

    Raises:
        InputError: fewer items are left than the form needs, or anchors are wanted and there is no
            earlier form, or it has too few that may be used again.

    Source: randomesque selection: Kingsbury & Zara (1989), Applied Measurement in Education 2,
    359-375; anchors as a small copy of the form: Kolen & Brennan (2014), Test Equating, Scaling,
    and Linking, section 8.1.
    """
    spent = {i for i, n in (uses or {}).items() if n >= rules.most_uses} | set(barred)
    left = [i for i in items if i.kind not in ALONE and i.id not in spent]
    pick = _Picker(worth, np.random.default_rng(rules.seed))
    anchors: list[Item] = []
    if rules.anchors:
        if previous is None:
            raise InputError("--anchors: name the form that they come from: --anchors-from FORM")
        anchors = _anchors(left, previous, rules.anchors, pick)
    taken = {item.id for item in anchors}
    rest = _filled([i for i in left if i.id not in taken], rules.size, anchors, pick)
    if len(rest) + len(anchors) < rules.size:
        raise InputError(
            f"--size {rules.size}: only {len(left)} of {len(items)} items may be used; give more "
            "items, a smaller size, or a higher --most-uses"
        )
    chosen = sorted([*anchors, *rest], key=lambda item: (item.kind, item.id))
    kinds = {item.kind for item in chosen}
    return Form(
        name=name,
        system=system.id,
        asking={kind: asked for kind, asked in ASKING["full"].items() if kind in kinds},
        items=tuple(item.id for item in chosen),
        anchors=tuple(item.id for item in chosen if item.id in taken),
        previous=previous.hash if previous is not None and anchors else None,
    )


class _Picker:
    """Draws items by what they tell."""

    def __init__(self, worth: Worth, rng: np.random.Generator) -> None:
        self.rng = rng
        places = range(len(worth.items))
        self.information = {worth.items[at]: float(worth.information[at]) for at in places}
        self.difficulty = {worth.items[at]: float(worth.difficulty[at]) for at in places}

    def best(self, items: Sequence[Item], count: int) -> list[Item]:
        """Return the most informative items; near-ties are drawn."""
        left, found = list(items), list[Item]()
        while left and len(found) < count:
            most = max(self.information[i.id] for i in left)
            near = [i for i in left if self.information[i.id] >= NEAR * most]
            found.append(near[int(self.rng.integers(len(near)))])
            left.remove(found[-1])
        return found

    def spread(self, items: Sequence[Item], count: int) -> list[Item]:
        """Return an item of each of `count` bands of difficulty, drawn by lot.

        The most informative would be steeper than the form, and a difference between groups seem
        larger on anchors than it is on the form.
        """
        order = sorted(items, key=lambda i: (np.nan_to_num(self.difficulty[i.id], nan=9e9), i.id))
        edges = np.linspace(0, len(order), count + 1).astype(int)
        bands = [order[a:b] for a, b in pairwise(edges.tolist())]
        return [band[int(self.rng.integers(len(band)))] for band in bands]


def _anchors(left: Sequence[Item], previous: Form, count: int, pick: _Picker) -> list[Item]:
    usable = [item for item in left if item.id in set(previous.items)]
    if len(usable) < count:
        raise InputError(
            f"--anchors {count}: only {len(usable)} of the {len(previous.items)} items of "
            f"{previous.name} may be used again, the others are retired or used up; give fewer, a "
            "higher --most-uses, or a stricter rule of retirement (a lower --saturated)"
        )
    found: list[Item] = []
    for kind, places in _places(usable, count).items():
        own = [item for item in usable if item.kind == kind]
        own.sort(key=lambda item: (-pick.information[item.id], item.id))
        kept = own[: max(places, round(INFORMATIVE * len(own)))]
        found += _shared(kept, places, [], pick.spread, pick.rng)
    return found


def _filled(left: Sequence[Item], size: int, given: Sequence[Item], pick: _Picker) -> list[Item]:
    """Return items for the places that `given` leave, so that all together are balanced."""
    found: list[Item] = []
    for kind, places in _places([*left, *given], size).items():
        own = [item for item in given if item.kind == kind]
        of_kind = [item for item in left if item.kind == kind]
        found += _shared(of_kind, places - len(own), own, pick.best, pick.rng)
    return found[: size - len(given)]  # anchors of a kind may be more than its share


def _places(items: Sequence[Item], size: int) -> dict[Kind, int]:
    """Return how many places each kind gets: by its share of the items, by largest remainder.

    What a choice and what an answer of three opinions tell is not to be compared.
    """
    kinds: Counter[Kind] = Counter(item.kind for item in items)
    names: list[Kind] = [kind for kind in KINDS if kinds[kind]]
    shares = {kind: size * kinds[kind] / kinds.total() for kind in names}
    places: dict[Kind, int] = {}
    for kind in names:
        places[kind] = int(shares[kind])
    for kind in sorted(names, key=lambda k: places[k] - shares[k]):
        places[kind] += sum(places.values()) < size
    return places


def _shared(
    items: Sequence[Item],
    count: int,
    given: Sequence[Item],
    choose: Callable[[Sequence[Item], int], list[Item]],
    rng: np.random.Generator,
) -> list[Item]:
    """Share places out over strata, one after the other to whoever has fewest, and fill them."""
    strata: dict[Stratum, list[Item]] = defaultdict(list)
    for item in sorted(items, key=lambda i: i.id):
        strata[_stratum(item)].append(item)
    order = [list(strata)[int(at)] for at in rng.permutation(len(strata))]
    has = Counter(_stratum(item) for item in given)
    of_dimension = Counter(name for item in given for name in _stratum(item))
    own: Counter[Stratum] = Counter()
    for _ in range(max(count, 0)):
        room = [s for s in order if own[s] < len(strata[s])]
        if not room:
            break
        # pairs that share a dimension with many others wait
        best = min(room, key=lambda s: (has[s], sum(of_dimension[name] for name in s)))
        own[best] += 1
        has[best] += 1
        of_dimension.update(best)
    return [item for s in strata if own[s] for item in choose(strata[s], own[s])]


def _stratum(item: Item) -> Stratum:
    return tuple(sorted(item.dimensions)) if item.sides else item.dimensions[:1]
