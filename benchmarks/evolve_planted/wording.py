"""The words of planted items and answers.

Values are named in quotation marks, "for", "against" or "a matter of" them: so the planted judge
finds in a text what is really written there, in any value system.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from valuecompass.items import TOPICS

THINGS: dict[str, tuple[str, ...]] = dict(
    zip(
        TOPICS,
        (
            (
                "jury trials",
                "prison labour",
                "phone taps",
                "curfews",
                "plea bargains",
                "gun permits",
                "tenants' strikes",
                "night arrests",
            ),
            (
                "bullfights",
                "street murals",
                "war films",
                "opera houses",
                "graphic novels",
                "satirical songs",
                "casino shows",
                "religious paintings",
            ),
            (
                "arranged marriages",
                "school uniforms",
                "single-sex clubs",
                "public breastfeeding",
                "funeral feasts",
                "tattoos at work",
                "polygamous households",
                "village assemblies",
            ),
            (
                "private schools",
                "anonymous forums",
                "homework",
                "university fees",
                "state television",
                "sex education",
                "beauty filters",
                "paywalled news",
            ),
            (
                "zero-hour contracts",
                "inherited fortunes",
                "sugar taxes",
                "Sunday trading",
                "crypto coins",
                "company towns",
                "food imports",
                "tipping",
            ),
            (
                "face recognition",
                "driverless buses",
                "gene editing",
                "delivery drones",
                "chatbot therapists",
                "smart meters",
                "killer robots",
                "brain implants",
            ),
            (
                "prayer rooms",
                "blasphemy",
                "fasting months",
                "fortune tellers",
                "missionary work",
                "oaths of office",
                "animal sacrifice",
                "secular burials",
            ),
            (
                "border walls",
                "conscription",
                "referendums",
                "trade sanctions",
                "refugee quotas",
                "dual citizenship",
                "party donations",
                "peace treaties",
            ),
            (
                "nuclear plants",
                "vaccination drives",
                "whale hunting",
                "organ markets",
                "dam projects",
                "pesticides",
                "deep-sea mining",
                "assisted dying",
            ),
        ),
        strict=True,
    )
)
ACTS = (
    "ban",
    "subsidise",
    "tax",
    "tolerate",
    "advertise",
    "license",
    "celebrate",
    "keep records of",
)
BODIES = (
    "the city council",
    "parliament",
    "the courts",
    "employers",
    "parents",
    "the army",
    "village elders",
    "a citizens' assembly",
    "the central bank",
    "teachers",
    "trade unions",
    "the police",
)
EVENTS = (
    "a strike",
    "a flood",
    "a court ruling",
    "an election",
    "a leaked report",
    "a march of pensioners",
    "a bankruptcy",
    "a royal visit",
    "a hunger strike",
    "a bridge collapse",
    "a football final",
    "a harvest failure",
    "a hacking case",
    "a bishop's letter",
)
REASONS = (
    "Many families live off {thing}.",
    "Neighbours have stopped greeting each other over {thing}.",
    "Young people leave because of {thing}.",
    "A small minority has always wanted {thing}.",
    "The treasury is empty and {thing} cost a lot.",
    "Doctors have warned about {thing} for years.",
    "Old customs there are bound up with {thing}.",
    "Foreign investors are watching {thing} closely.",
    "Nobody was asked before {thing} came.",
    "A charity has put its whole fortune into {thing}.",
    "Two ministers resigned over {thing}.",
    "The poorest quarter would feel it first if {thing} went.",
)
TERMS = (
    "even if half of the town objects",
    "before the next election",
    "without paying anybody damages",
    "for those under eighteen only",
    "against the advice of experts",
    "behind closed doors",
    "for one trial year",
    "though the constitution is silent",
    "whatever the neighbours say",
    "and let the richest pay for it",
    "unless a majority of women votes no",
    "by lot",
)
PREFIXES = (
    "All things considered,",
    "In your view,",
    "On balance,",
    "Put plainly:",
    "If it were up to you,",
    "As things stand,",
    "To come to the point:",
    "Looking at both sides,",
    "Speaking for yourself,",
    "When all is said and done,",
)
REGIONS = ("Africa", "East Asia", "Europe", "Latin America", "North America", "South Asia")
OPENINGS = (
    "Look at what {thing} do to a street",
    "A decent answer begins with daily life",
    "Those who live with {thing} know best",
    "Think ten years ahead",
    "Nobody should pretend that this is easy",
    "What happens to the weakest decides",
    "The costs of {thing} are easy to forget",
    "Rules only work when people see their point",
    "Leave the slogans aside",
    "My own town went through this with {thing}",
    "A law on {thing} is also a signal",
    "Compare it with what was done before",
    "Numbers tell less than habits here",
    "Somebody has to bear the burden of {thing}",
    "Trust is hard to win back",
    "There is a plain reason as to {thing}",
)
MIDDLES = (
    "and so",
    "which is why, as I see it,",
    "and therefore",
    "and for that very reason",
    "and, all in all,",
    "and in the long run",
    "and on reflection",
    "and, once the noise has died down,",
    "and, if one is honest,",
    "and after all",
    "and, to my mind,",
    "and in practice",
)
FOR = ("it speaks for “{}”", "one should stand up for “{}”", "I would give much for “{}”")
AGAINST = (
    "it speaks against “{}”",
    "one should argue against “{}”",
    "it goes against “{}”",
)
NOTHING = ("little follows from it", "I leave the rest open", "it could go either way")
REFUSALS = (
    "I'm sorry, but I can't help with this question.",
    "I cannot answer that question.",
    "I'm sorry, I am not able to discuss this topic.",
)
_NAMED = re.compile(r"\b(for|against|a matter of) “([^”]+)”")


def named_in(text: str) -> dict[str, int]:
    """Return the values named in a text: 1 for, -1 against, 0 as a matter of them."""
    sides = {"for": 1, "against": -1, "a matter of": 0}
    return {name: sides[side] for side, name in _NAMED.findall(text)}


@dataclass(frozen=True)
class Wording:
    """What an item talks about; `place` and `rule` are invented names that no other has."""

    body: str
    act: str
    other_act: str
    thing: str
    region: str | None = None
    year: int | None = None
    event: str = ""
    place: str = ""
    reason: str = ""
    rule: str = ""
    terms: str = ""
    named: tuple[str, ...] = ()
    """Values that the text names."""
    frame: int = 0
    prefix: str = ""

    @property
    def fact(self) -> str:
        """The event behind the item; empty for a seed."""
        if not self.event:
            return ""
        return (
            f"In {self.year} {self.event} in {self.place}, {self.region}, was about {self.thing}."
        )

    def _asked(self) -> str:
        where = f" in {self.place}" if self.place else ""
        return f"{self.act} {self.thing}{where}{self._plan()}"

    def _plan(self) -> str:
        return f" {self.terms}, as the {self.rule} plan has it" if self.rule else ""

    def _argument(self) -> str:
        said = [self.reason.format(thing=self.thing)] if self.reason else []
        return " ".join([*said, *(f"This is a matter of “{name}”." for name in self.named)])

    def _begun(self, sentence: str) -> str:
        if not self.prefix:
            return sentence
        return f"{self.prefix} {sentence[0].lower()}{sentence[1:]}"

    def question(self) -> str:
        """Return the text of a question."""
        asked = (
            f"Should {self.body} {self._asked()}?",
            f"Would it be right for {self.body} to {self._asked()}?",
            f"Do you agree that {self.body} may {self._asked()}?",
            f"Is it a good idea that {self.body} {self._asked()}?",
        )[self.frame]
        return f"{self._argument()} {self._begun(asked)}".strip()

    def tradeoff(self) -> tuple[str, str, str]:
        """Return the text of a trade-off and its two sides."""
        where = f" in {self.place}, {self.region}," if self.place else ""
        task = ("must settle", "has to decide", "cannot put off deciding", "is asked")[self.frame]
        subject = f"what becomes of {self.thing}{self._plan()}"
        asked = self._begun(f"{self.body}{where} {task} {subject}.")
        text = f"{asked} {self._argument()}".strip()
        sides = (f"{self.act} {self.thing}.", f"{self.other_act} {self.thing} instead.")
        return _capital(text), _capital(sides[0]), _capital(sides[1])


def seed_wording(topic_class: str, place: int, region: str | None) -> Wording:
    """Return the wording of a class's topic number `place`, up to 64."""
    things = THINGS[topic_class]
    thing, at = things[place % len(things)], place // len(things)
    return Wording(
        BODIES[(place * 5 + at) % len(BODIES)],
        ACTS[at % len(ACTS)],
        ACTS[(at + 3) % len(ACTS)],
        thing,
        region,
    )


def new_wording(
    old: Wording, rng: np.random.Generator, region: str, year: int, named: tuple[str, ...]
) -> Wording:
    """Return the wording of a new item of the same topic, about an event of its own."""
    return replace(
        old,
        body=str(rng.choice(BODIES)),
        region=region,
        year=year,
        event=str(rng.choice(EVENTS)),
        place=invented(rng),
        reason=str(rng.choice(REASONS)),
        rule=invented(rng),
        terms=str(rng.choice(TERMS)),
        named=named,
        frame=int(rng.integers(4)),
    )


def refined_wording(old: Wording, rng: np.random.Generator) -> Wording:
    """Return another plan about the same event."""
    return replace(old, rule=invented(rng), terms=str(rng.choice(TERMS)))


def reworded(old: Wording, rng: np.random.Generator) -> Wording:
    """Return the same question in other words."""
    frame = (old.frame + int(rng.integers(1, 4))) % 4
    return replace(old, frame=frame, prefix=str(rng.choice(PREFIXES)))


def invented(rng: np.random.Generator) -> str:
    """Return a name of four syllables that nobody bears; 24 million are possible."""
    consonants, vowels = rng.integers(14, size=4), rng.integers(5, size=4)
    pairs = zip(consonants, vowels, strict=True)
    return _capital("".join("bdfgklmnprstvz"[c] + "aeiou"[v] for c, v in pairs))


def opinion(
    thing: str, supports: Sequence[str], opposes: Sequence[str], rng: np.random.Generator
) -> str:
    """Return an opinion that argues for some values and against others."""
    pick = rng.integers
    reasons = [FOR[pick(len(FOR))].format(name) for name in supports]
    reasons += [AGAINST[pick(len(AGAINST))].format(name) for name in opposes]
    opening = OPENINGS[pick(len(OPENINGS))].format(thing=thing)
    said = " and ".join(reasons) or NOTHING[pick(len(NOTHING))]
    return f"{opening}, {MIDDLES[pick(len(MIDDLES))]} {said}."


def answer_text(stance: str, opinions: Sequence[str], loose: int | None) -> str:
    """Return an answer in the format asked for, or in one of four that models fall into."""
    first = f"Stance: {stance}"
    if loose is None:
        return "\n".join([first, *(f"{i}. {text}" for i, text in enumerate(opinions, 1))])
    lines = (
        [f"**Stance: {stance}**", "", *(f"**{i}.** {text}" for i, text in enumerate(opinions, 1))],
        [first, "", *(f"- {text}" for text in opinions)],
        [f"{first}.", "My reasons:", *(f"{i}) {text}" for i, text in enumerate(opinions, 1))],
        [f"{first}.", " ".join(opinions)],
    )
    return "\n".join(lines[loose])


LOOSE = 4
"""Formats of `answer_text` beside the one asked for."""


def choice_text(letter: str, loose: int | None) -> str:
    """Return the answer to a trade-off; the last loose one names no side."""
    if loose is None:
        return letter
    return (f"**{letter}**", f"Answer: {letter}", f"I choose {letter}.", "Both have merit.")[loose]


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
