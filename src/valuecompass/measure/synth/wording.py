"""The texts of a simulated workspace: questions and answers put together from seeded sentences.

Leading sentences come from the phrase bank of the simulated respondents, where words carry values
without naming them; what stands beside them is made here. Sentences repeat, whole answers do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from valuecompass.items import Item
from valuecompass.items.schema import TOPICS, Lineage
from valuecompass.models.providers.simulated import phrases
from valuecompass.text import POINTS
from valuecompass.values import ValueSystem

MOST = 148
"""Words of an answer; with all its sentences none has less than 90."""
SUPPORTS, OPPOSES, HEDGED = range(3)
ROLES = ("supports", "opposes", "hedged")
OFF = -1
"""In place of a dimension: a point about nothing that the system knows."""
BODIES = (
    *("a small town", "a public hospital", "a family firm", "a village school", "a large library"),
    *("a city council", "a sports club", "a housing cooperative", "a regional museum", "a bakery"),
    *("a fishing port", "a national park", "a travel agency", "a youth orchestra", "a bus company"),
    *("a research institute", "a local newspaper", "a food bank", "a mountain rescue team"),
    *("a software company", "a parish", "a retirement home", "a theatre", "a trade union"),
    *("a neighbourhood association", "a chess federation"),
)
DEEDS = (
    ("settle disputes by lot rather than by vote", "law-justice-rights"),
    ("publish every complaint that it receives", "law-justice-rights"),
    ("forgive debts that are older than ten years", "law-justice-rights"),
    ("show works whose makers are unknown", "arts-entertainment"),
    ("give its stage to beginners once a month", "arts-entertainment"),
    ("pay for a festival that few will attend", "arts-entertainment"),
    ("ask newcomers to learn the local customs first", "society-culture"),
    ("keep a holiday that most no longer observe", "society-culture"),
    ("let guests decide what is served", "society-culture"),
    ("name a building after its largest donor", "society-culture"),
    ("replace marks by conversations", "education-media"),
    ("correct its own mistakes on the front page", "education-media"),
    ("teach in two languages from the first day", "education-media"),
    ("let children choose half of what they learn", "education-media"),
    ("pay everybody the same for a year", "economy-business"),
    ("lend money without asking for security", "economy-business"),
    ("turn down an order that would double its size", "economy-business"),
    ("share its profits with its suppliers", "economy-business"),
    ("hand routine decisions to a machine", "technology-innovation"),
    ("test an unfinished product on volunteers", "technology-innovation"),
    ("do without screens one day a week", "technology-innovation"),
    ("record every meeting for later listeners", "technology-innovation"),
    ("begin its meetings with a minute of silence", "philosophy-belief"),
    ("keep a promise that was made by its founders", "philosophy-belief"),
    ("refuse gifts from people it disagrees with", "philosophy-belief"),
    ("write down what it would never do", "philosophy-belief"),
    ("let its youngest members vote twice", "politics-international"),
    ("open its doors to guests from abroad", "politics-international"),
    ("answer a boycott with one of its own", "politics-international"),
    ("choose its leader for one year only", "politics-international"),
    ("plant trees where cars are parked now", "science-health-environment"),
    ("share its measurements before they are checked", "science-health-environment"),
    ("serve meals without meat for a month", "science-health-environment"),
    ("reward those who never fall ill", "science-health-environment"),
    ("close at night so that the stars can be seen", "science-health-environment"),
    ("use water from the river in dry years", "science-health-environment"),
)
WHEN = (
    *("when money is short", "after a very close vote", "if half of its members object"),
    *("during a heat wave", "when a rival does the opposite", "before anybody asks for it"),
    *("after a public scandal", "when the law is silent", "if an old friend asks for it"),
    *("while others are watching", "when nobody would notice", "if it costs a tenth of the budget"),
    *("in a year without visitors", "once a generation has passed", "when experts disagree"),
    *("if only strangers would gain", "after a generous bequest", "when time is running out"),
)
MOST_ITEMS = len(BODIES) * len(DEEDS) * len(WHEN)
_OPENERS = (
    *("In my own street", "Last winter", "At the harbour", "Two valleys from here", "As a rule"),
    *("In the end", "On paper", "In practice", "For a start", "By all accounts", "Every autumn"),
    *("Where I grew up", "At the last meeting", "In a good year", "Before breakfast", "In town"),
)
_PEOPLE = (
    *("the neighbours", "three teachers", "a retired nurse", "the treasurer", "most apprentices"),
    *("the night porter", "her cousins", "the ferry crew", "a young carpenter", "the volunteers"),
    *("two accountants", "the gardeners", "an old printer", "the choir", "several parents"),
    *("the bus drivers", "a visiting doctor", "the shopkeepers", "the archivist", "a beekeeper"),
)
_DID = (
    *("tried something close to this", "kept a careful list of what followed", "changed course"),
    *("talked it over until midnight", "waited for the first results", "asked for a second look"),
    *("compared the bills of both years", "wrote a long letter about it", "drew up a plain table"),
    *("walked the whole distance twice", "counted who came and who left", "moved the deadline"),
    *("repaired what could be repaired", "found a cheaper way around it", "heard both parties"),
)
_AND = (
    *("and the books were balanced by spring", "and nobody went home angry", "and it rained twice"),
    *("though the lantern in the hall stayed dark", "and a ladder was all they needed"),
    *("while the kettle was boiling over", "and the minutes run to forty pages"),
    *("although the paint had hardly dried", "and the orchard bore fruit again"),
    *("before the river froze that year", "and a bicycle was sold to pay for it"),
    *("so the old clock was wound once more", "and the bridge carried more than planned"),
    *("while a dog slept under the table", "and the museum kept its opening hours"),
)
_STANCES = ("yes", "no", "neutral")
Ints = NDArray[np.int64]


def make_items(system: ValueSystem, count: int, seed: int) -> list[Item]:
    """Return so many different questions, each aimed at one or two dimensions.

    Args:
        system: whose dimensions.
        count: at most `MOST_ITEMS`.
        seed: decides which, and what they are aimed at.
    """
    rng = np.random.default_rng([seed, 2])
    every = list(product(BODIES, DEEDS, WHEN))
    aims = rng.permuted(np.tile(np.arange(len(system.names)), (count, 1)), axis=1)[:, :2]
    second = rng.random(count) < 0.3
    lineage = Lineage(origin="written", method="valuecompass workspace synth: simulated")
    found: list[Item] = []
    order: list[int] = rng.permutation(len(every))[:count].tolist()
    for place, at in enumerate(order):
        body, (deed, topic), when = every[at]
        assert topic in TOPICS
        aimed: list[int] = aims[place, : 1 + second[place]].tolist()
        found.append(
            Item(
                kind="question",
                system=system.id,
                text=f"Should {body} {deed} {when}?",
                dimensions=tuple(system.names[d] for d in aimed),
                topic=topic,
                lineage=lineage,
            )
        )
    return sorted(found, key=lambda item: item.id)


@dataclass(frozen=True)
class Said:
    """An answer, and where its leading sentences stand."""

    text: str
    leads: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Wording:
    """Sentences by what they are for."""

    system: ValueSystem
    seed: int

    @cached_property
    def leads(self) -> dict[tuple[int, int], list[tuple[str, int]]]:
        """Sentences with their number of words, by (dimension, role); (OFF, 0): off-topic."""
        bank = phrases("schwartz")
        found = {
            (d, r): _counted(bank[name, role])
            for d, name in enumerate(self.system.names)
            for r, role in enumerate(ROLES)
        }
        return found | {(OFF, SUPPORTS): _counted(bank[None, "off-topic"])}

    @cached_property
    def closings(self) -> list[tuple[str, int]]:
        """Sentences that end an answer."""
        return _counted(phrases("schwartz")[None, "closing"])

    @cached_property
    def asides(self) -> list[tuple[str, int]]:
        """Sentences that say nothing of values, in a seeded order."""
        whole = product(_OPENERS, _PEOPLE, _DID, _AND)
        every = [f"{opener} {people} {did}, {rest}." for opener, people, did, rest in whole]
        rng = np.random.default_rng([self.seed, 3])
        order: list[int] = rng.permutation(len(every))[:20_000].tolist()
        return _counted([every[at] for at in order])

    def answer(self, points: Sequence[int], roles: Sequence[int], draws: Sequence[int]) -> Said:
        """Return an answer of 90 to `MOST` words.

        Args:
            points: a dimension for each of the `POINTS` opinions, or `OFF`.
            roles: what each does to it.
            draws: `DRAWS` whole numbers from 0 that pick the sentences.
        """
        asides, picks = self.asides, iter(draws)
        stance = f"Stance: {_STANCES[next(picks) % 3]}"
        closing, words = _pick(self.closings, next(picks))
        words += 2
        leads: list[str] = []
        bodies: list[str] = []
        for point, role in zip(points, roles, strict=True):
            lead, n = _pick(self.leads[point, role], next(picks))
            aside, m = _pick(asides, next(picks))
            leads.append(lead)
            bodies.append(aside)
            words += 1 + n + m
        if words > MOST:
            bodies[0] = ""
        lines, at, spans = [stance], len(stance) + 1, list[tuple[int, int]]()
        for number, (lead, body) in enumerate(zip(leads, bodies, strict=True), start=1):
            lines.append(f"{number}. {lead} {body}".rstrip())
            spans.append((at + 3, at + 3 + len(lead)))
            at += len(lines[-1]) + 1
        return Said("\n".join([*lines, closing]), tuple(spans))

    def refusal(self, item: Item, draws: Sequence[int]) -> str:
        """Return an answer that declines to answer."""
        aside, _ = _pick(self.asides, draws[0])
        return f"I am sorry, but I cannot take a side here. You ask: {item.text} {aside}"


DRAWS = 2 + 2 * POINTS
"""Numbers that pick the sentences of one answer."""


def _counted(texts: Sequence[str]) -> list[tuple[str, int]]:
    return [(text, len(text.split())) for text in texts]


def _pick(pool: Sequence[tuple[str, int]], draw: int) -> tuple[str, int]:
    return pool[draw % len(pool)]
