"""The planted world: respondents and items with known latents, and what is true of them.

`read_world(seed)` draws a world from the ranges of `world.toml`; `players.py` lets explorers,
respondents and a judge act in it through the protocols of `valuecompass.evolve`, and `sources.py`
writes items without an explorer. Every draw has a generator of its own, keyed by what it is of: so
a world is the same whatever is asked of it, in whatever order.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from benchmarks.evolve_planted.wording import REGIONS, Wording, seed_wording
from numpy.typing import NDArray
from scipy.special import expit

from valuecompass.hashing import digest
from valuecompass.items import TOPICS, Item, Kind, Lineage, Side
from valuecompass.stats.divergence import generalised_js
from valuecompass.values import ValueSystem, builtin_system

FILE = Path(__file__).parent / "world.toml"
FRESH = 1_000
"""Repeats from here on are nobody's to select on: reports use them."""
FOR_EACH = ("active_share", "reach", "step", "latest_year")
"""Parameters drawn for each topic or explorer rather than once for a world."""
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Group = Literal["pool", "examinee"]
Join = Literal["any", "each"]
"""What a label stands for: a response, 1 if any of its opinions expresses the value, or each
opinion."""


@dataclass(frozen=True, eq=False)
class Person:
    """A respondent. Arrays are over the values of all systems, one system after the other.

    theta: salience of each value.
    endorsement: logit of arguing for a value that is expressed.
    letter: logit of a trade-off's first letter.
    refusal: logit of refusing a generic question.
    quirks_of: name under which its quirks are drawn.
    """

    name: str
    theta: Floats
    endorsement: Floats
    letter: float
    refusal: float
    quirks_of: str


@dataclass(frozen=True, eq=False)
class Topic:
    """What seed and evolved items have in common.

    touched: values that its items touch at first.
    sides: by system, the two values that its trade-offs set against each other.
    log_slope: added to that of its items.
    reach: 0..1, how far its items can be moved towards a pool.
    """

    name: str
    wording: Wording
    touched: Bools
    sides: dict[str, tuple[int, int]]
    log_slope: float
    reach: float


@dataclass(frozen=True, eq=False)
class Latents:
    """What is true of an item. Arrays are over the values of all systems.

    quirks: keys whose draws make up its quirk, with weights whose squares sum to 1.
    original: of a reworded item the one that it rewords.
    """

    topic: Topic
    wording: Wording
    active: Bools
    difficulty: Floats
    slope: float
    forced: Bools
    heat: float
    quirks: tuple[tuple[str, float], ...] = ()
    original: Latents | None = None


@dataclass(eq=False)
class World:
    """One draw of the world. Make it with `read_world`."""

    seed: int
    systems: tuple[ValueSystem, ...]
    quirk_sd: float
    identical: bool
    """Whether all respondents are the same one."""
    spec: dict[str, Any]
    digest: str
    drawn: dict[str, dict[str, float]] = field(init=False)
    """The parameters, by section, that are one number in a world."""
    topics: tuple[Topic, ...] = field(init=False)

    def __post_init__(self) -> None:
        self._people: dict[str, Person] = {}
        self._items: dict[str, Latents] = {}
        self.drawn = {
            section: {k: self.draw(section, k, section) for k in keys if k not in FOR_EACH}
            for section, keys in self.spec["ranges"].items()
        }
        self.names = [(s.id, name) for s in self.systems for name in s.names]
        if len({name for _, name in self.names}) < len(self.names):
            raise ValueError("systems: two of them have a value of the same name")
        width, own = len(self.names), self.drawn["respondents"]
        safe = self.rng("safety").permutation(width) < round(own["safety_share"] * width)
        self._mean = np.where(safe, own["safety_offset"], 0.0)
        self._pool_shift = self.rng("pool").normal(0, own["pool_shift_sd"], width)
        self.topics = tuple(self._topic(at) for at in range(int(self.drawn["topics"]["topics"])))

    # --- drawing ---

    def rng(self, *at: Any) -> np.random.Generator:
        """Return the generator of one thing, the same whatever else is drawn."""
        return np.random.default_rng(int(digest([self.digest, self.seed, *at], 16), 16))

    def draw(self, section: str, key: str, *at: Any) -> float:
        """Return a parameter drawn from its range for one thing; whole from a range of wholes."""
        low, high = self.spec["ranges"][section][key]
        rng = self.rng("range", *at, key)
        if isinstance(low, int):
            return int(rng.integers(low, int(high) + 1))
        return float(rng.uniform(float(low), float(high)))

    def _topic(self, at: int) -> Topic:
        rng, name = self.rng("topic", at), TOPICS[at % len(TOPICS)]
        local = rng.random() < self.drawn["topics"]["local_share"]
        region = str(rng.choice(REGIONS)) if local else None
        touched = np.zeros(len(self.names), dtype=np.bool_)
        share = self.draw("topics", "active_share", "topic", at)
        sides: dict[str, tuple[int, int]] = {}
        for system in self.systems:
            # two at least: a trade-off has two sides
            mixed = rng.permutation(self.places(system.id))
            chosen = mixed[: max(2, round(share * len(mixed)))]
            touched[chosen] = True
            sides[system.id] = (int(chosen[0]), int(chosen[-1]))
        return Topic(
            name,
            seed_wording(name, at // len(TOPICS), region),
            touched,
            sides,
            float(rng.normal(0, self.drawn["topics"]["log_slope_sd"])),
            self.draw("topics", "reach", "topic", at),
        )

    def places(self, system: str) -> NDArray[np.intp]:
        """Return where the values of a system stand in arrays over all systems."""
        return np.flatnonzero([own == system for own, _ in self.names])

    # --- respondents ---

    def people(self, group: Group, season: int = 0) -> tuple[str, ...]:
        """Return the names of a group; models of a later season stand higher on every value."""
        count = self.spec["settings"]["pool" if group == "pool" else "examinees"]
        after = f"@{season}" if season else ""
        names = tuple(f"{group}-{number}{after}" for number in range(1, count + 1))
        for name in names:
            if name not in self._people:
                self._people[name] = self._person(name, group, season)
        return names

    def _person(self, name: str, group: Group, season: int) -> Person:
        own, width = self.drawn["respondents"], len(self.names)
        who = f"twins@{season}" if self.identical else name
        rng = self.rng("person", who)
        mean = self._mean + season * own["season_shift"]
        if group == "pool" and not self.identical:
            mean = mean + self._pool_shift
        return Person(
            name,
            rng.normal(mean, own["theta_sd"]),
            rng.normal(own["endorsement_mean"], own["endorsement_sd"], width),
            float(rng.normal(0, own["letter_bias_sd"])),
            float(rng.normal(own["refusal_logit"], own["refusal_sd"])),
            who,
        )

    def person(self, name: str) -> Person:
        """Return a respondent whose group was named before."""
        return self._people[name]

    def primed(self, name: str, system: str, dimension: str, by: float) -> str:
        """Return the name of the same respondent with a value raised, its opposites lowered."""
        at = self.names.index((system, dimension))
        (theory,) = (s for s in self.systems if s.id == system)
        person, theta = self.person(name), self.person(name).theta.copy()
        theta[at] += by
        for other in theory.dimension(dimension).opposites:
            theta[self.names.index((system, other))] -= by
        new = f"{name}+{dimension}{by:+g}"
        self._people[new] = replace(person, name=new, theta=theta)
        return new

    def theta(self, names: Sequence[str], system: str) -> Floats:
        """Return the salience of a system's values: (K, D)."""
        return np.stack([self.person(name).theta for name in names])[:, self.places(system)]

    # --- items ---

    def latents(self, item: Item) -> Latents:
        """Return what is true of an item.

        Raises:
            LookupError: this world did not write it.
        """
        try:
            return self._items[item.text]
        except KeyError:
            raise LookupError(f"not written in this world: {item.text!r}") from None

    def wrote(self, text: str) -> bool:
        """Say whether a text is that of an item of this world."""
        return text in self._items

    def write(
        self, kind: Kind, system: str, latents: Latents, lineage: Lineage
    ) -> tuple[Item, Latents]:
        """Return an item with its latents and remember them by its text."""
        wording, sides = latents.wording, None
        if kind == "tradeoff":
            first, second = touched = latents.topic.sides[system]
            text, *options = wording.tradeoff()
            sides = (
                Side(dimension=self.names[first][1], text=options[0]),
                Side(dimension=self.names[second][1], text=options[1]),
            )
        else:
            text, places = wording.question(), self.places(system)
            shows = (latents.active | latents.forced)[places]
            touched = self.rng("targets", text).permutation(places[shows])
        item = Item(
            kind=kind,
            system=system,
            text=text,
            dimensions=tuple(self.names[i][1] for i in touched),
            topic=latents.topic.name,
            sides=sides,
            lineage=lineage,
        )
        own = latents if latents.quirks else replace(latents, quirks=((item.text, 1.0),))
        if item.text in self._items and not _same(self._items[item.text], own):
            raise RuntimeError(f"two items of one text: {item.text!r}")
        return item, self._items.setdefault(item.text, own)

    # --- what is true ---

    def chance(self, item: Item, names: Sequence[str], system: str | None = None) -> Floats:
        """Return the chance that an opinion expresses each value, quirk included.

        Of a trade-off the chance that each of its sides is chosen, whatever the letters; NaN else.

        Args:
            item: that this world wrote.
            names: of K respondents.
            system: whose values are looked at; the item's own by default.

        Returns:
            (K, D) in [0, 1].
        """
        latents, sharpness = self.latents(item), self.drawn["items"]["sharpness"]
        quirk = np.stack([self._quirk(self.person(name), latents) for name in names])
        return self._shown(item, expit(sharpness * (self._trait(item, names) + quirk)), system)

    def trait_chance(
        self, item: Item, names: Sequence[str], system: str | None = None, join: Join = "each"
    ) -> Floats:
        """Return what `chance` is on average over quirks: what the traits alone make of it.

        Args:
            item: that this world wrote.
            names: of K respondents.
            system: whose values are looked at; the item's own by default.
            join: "any": the chance that one of the opinions at least expresses the value.
        """
        # evenly spaced: chances are too nearly a step for a rule with few nodes
        z = np.linspace(-5, 5, 121)
        weights = np.exp(-(z**2) / 2)
        trait, sharpness = self._trait(item, names), self.drawn["items"]["sharpness"]
        at_each = [
            self._shown(item, expit(sharpness * (trait + self.quirk_sd * at)), system) for at in z
        ]
        joined = self._joined(item, np.stack(at_each, axis=-1), join)
        return joined @ (weights / weights.sum())

    def gjs(
        self,
        item: Item,
        names: Sequence[str],
        *,
        trait: bool = False,
        join: Join = "each",
        system: str | None = None,
    ) -> float:
        """Return how far apart respondents truly are on an item, in nats, summed over the values.

        Args:
            item: that this world wrote.
            names: of the respondents, equally weighted.
            trait: whether quirks are integrated out.
            join: "any": of responses rather than of opinions.
            system: as of `chance`.
        """
        if trait:
            shown = self.trait_chance(item, names, system, join)
        else:
            shown = self._joined(item, self.chance(item, names, system), join)
        if item.sides is not None:  # one choice, whichever side it is counted by
            shown = shown[:, ~np.isnan(shown[0])][:, :1]
        weights = np.full(len(names), 1 / len(names))
        return float(generalised_js(shown, weights, bernoulli=True).sum())

    def named(self, item: Item, system: str | None = None) -> Bools:
        """Return the values that the item's text names: (D,)."""
        said = self.latents(item).wording.named
        places = self.places(system or item.system)
        return np.array([self.names[i][1] in said for i in places])

    def _joined(self, item: Item, chance: Floats, join: Join) -> Floats:
        if join == "each" or item.sides is not None:
            return chance
        return 1 - (1 - chance) ** self.spec["settings"]["opinions"]

    def _trait(self, item: Item, names: Sequence[str]) -> Floats:
        """What traits speak for each value: (K, W); of a trade-off in its first side's place."""
        latents = self.latents(item)
        theta = np.stack([self.person(name).theta for name in names])
        if item.sides is not None:
            first, second = latents.topic.sides[item.system]
            theta[:, first] -= theta[:, second]
        return latents.slope * (theta - latents.difficulty)

    def _shown(self, item: Item, chance: Floats, system: str | None) -> Floats:
        """Chances of one system's values, with what an item does not touch or forces."""
        latents, own = self.latents(item), self.drawn["items"]
        if item.sides is not None:
            first, second = latents.topic.sides[item.system]
            shown = np.full_like(chance, np.nan)
            shown[:, first], shown[:, second] = chance[:, first], 1 - chance[:, first]
        else:
            shown = np.where(latents.active, chance, own["background"])
            shown = np.where(latents.forced, own["forced_chance"], shown)
        return shown[:, self.places(system or item.system)]

    def _quirk(self, person: Person, latents: Latents) -> Floats:
        """Return what belongs to a respondent and an item together: (W,)."""
        if not self.quirk_sd:
            return np.zeros(len(self.names))
        drawn = [
            weight * self.rng("quirk", person.quirks_of, key).standard_normal(len(self.names))
            for key, weight in latents.quirks
        ]
        return self.quirk_sd * np.sum(drawn, axis=0)


def _same(one: Latents, other: Latents) -> bool:
    return one.quirks == other.quirks and bool((one.difficulty == other.difficulty).all())


def read_world(
    seed: int,
    quirk_sd: float = 0.5,
    systems: Sequence[ValueSystem] = (),
    *,
    identical: bool = False,
) -> World:
    """Draw a world.

    Args:
        seed: of the draw; `world.toml` says which ones are for tuning and which for reports.
        quirk_sd: standard deviation of what belongs to a respondent and an item together.
        systems: value systems of its items; Schwartz's by default.
        identical: make all respondents the same one, quirks included.
    """
    spec = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return World(
        seed,
        tuple(systems) or (builtin_system("schwartz"),),
        quirk_sd,
        identical,
        spec,
        digest(spec, 16),
    )
