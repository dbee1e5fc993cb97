"""An explorer that is a language model: fact, item, advice and rewriting (AdAEM, algorithm 2).

Everything it says is looked up in the store first, so a run that is played again pays nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from valuecompass.errors import InputError
from valuecompass.evolve.novelty import wording
from valuecompass.evolve.protocols import Evidence, Proposal
from valuecompass.evolve.writing import (
    SIDE,
    SITUATION,
    STRING,
    Writer,
    line,
    question_in,
    schema_of,
    size_of,
    text_in,
    written_language,
)
from valuecompass.hashing import digest
from valuecompass.items import Item, Lineage, Side
from valuecompass.values import Dimension, ValueSystem

UNEQUAL = 1.5
"""How many times as long as the other a side of a trade-off may be: a longer one looks better."""
CALLS = 2
"""Requests of a proposal, and of a rewriting."""
_FACT = schema_of(fact=STRING, region=STRING, year={"type": ["integer", "null"]})
_COMPOSED = {
    "question": schema_of(claim=STRING, question=STRING),
    "tradeoff": schema_of(situation=STRING, first=STRING, second=STRING),
}
_REWRITTEN = {"question": schema_of(question=STRING), "tradeoff": _COMPOSED["tradeoff"]}


@dataclass(frozen=True)
class ModelExplorer(Writer):
    """A model that writes questions and trade-offs, each in two requests.

    It writes in the language of the item that it starts from: English, Spanish or Chinese.

    systems: define the dimensions that the sides of trade-offs serve; questions need none.
    """

    systems: Sequence[ValueSystem] = ()

    async def propose(
        self, topic: Item, shots: Sequence[tuple[Item, float]], turn: int
    ) -> Proposal | None:
        """Return a new item of a topic, of its kind and language, or None: nothing usable came.

        Raises:
            RequestFailed: a request failed for good.
            InputError: the topic is of another kind, in a language without prompts, or serves
                dimensions that no given system defines.
        """
        language, about = self._language_of(topic), self._about(topic)
        examples = [(wording(item), f"{reward:.2f}") for item, reward in shots]
        told = await self.fields(
            f"{topic.kind}/explore", language, turn, _FACT, **about, shots=examples
        )
        fact = line(told.get("fact"))
        if not fact:
            return None
        said = await self.fields(
            f"{topic.kind}/compose", language, turn, _COMPOSED[topic.kind], **about, fact=fact
        )
        item = self._item(topic, said)
        if item is None:
            return None
        region = line(told.get("region"))
        return Proposal(
            item=item,
            fact=fact,
            region=region[:60] or None,
            year=_year(told.get("year")),
            generator=self.name,
            parent=topic.id,
            calls=CALLS,
        )

    async def refine(self, proposal: Proposal, evidence: Evidence, turn: int) -> Proposal | None:
        """Return the item rewritten on what respondents said, or None: nothing usable came.

        Raises:
            RequestFailed: a request failed for good.
            InputError: as of `propose`.
        """
        old = proposal.item
        language, about = self._language_of(old), self._about(old) | {"fact": proposal.fact}
        heard = [reading for reading in evidence.readings if reading.points]
        told = {"subject": wording(evidence.topic), "reward": f"{evidence.reward:.2f}"}
        advice = await self.text(
            f"{old.kind}/reflect", language, turn, None, **about, readings=heard, **told
        )
        if not advice:
            return None
        said = await self.fields(
            f"{old.kind}/refine", language, turn, _REWRITTEN[old.kind], **about, advice=advice
        )
        item = self._item(old, said)
        if item is None or item.id == old.id:
            return None
        return Proposal(
            item, proposal.fact, proposal.region, proposal.year, self.name, old.id, CALLS
        )

    def _language_of(self, item: Item) -> str:
        if item.kind not in _COMPOSED:
            raise InputError(
                f"item {item.id}: this explorer writes questions and trade-offs, not a {item.kind}"
            )
        return written_language(item.language, f"item {item.id}")

    def _about(self, item: Item) -> dict[str, Any]:
        """Return what prompts show of an item."""
        if item.sides is None:
            return {"question": item.text}
        sides = [
            {"text": side.text, "name": side.dimension, "definition": of.definition}
            for side in item.sides
            for of in [self._dimension(item, side.dimension)]
        ]
        return {"situation": item.text, "sides": sides}

    def _dimension(self, item: Item, name: str) -> Dimension:
        for system in self.systems:
            if system.id == item.system and name in system.names:
                return system.dimension(name)
        raise InputError(
            f"item {item.id}: this explorer was given no value system {item.system!r} that defines "
            f"{name!r}; give it one (systems=...)"
        )

    def _item(self, parent: Item, said: Mapping[str, Any]) -> Item | None:
        """Return the item written from a parent, or None where it is none."""
        language = self._language_of(parent)
        if parent.sides is None:
            text, sides = question_in(language, said.get("question")), None
        else:
            text = text_in(language, said.get("situation"), SITUATION)
            sides = _sides(parent.sides, language, said)
        if text is None or (sides is None) != (parent.sides is None):
            return None
        return Item(
            kind=parent.kind,
            system=parent.system,
            text=text,
            dimensions=parent.dimensions,
            language=parent.language,
            topic=parent.topic,
            sides=sides,
            lineage=Lineage(
                origin="evolved", parents=(parent.id,), method="adaem", model=self.name
            ),
        )


def _year(said: object) -> int | None:
    """Return a year, also one that was written as a text; None where it is none."""
    text = said.strip() if isinstance(said, str) else said
    if isinstance(text, str) and re.fullmatch(r"-?\d{1,4}", text):
        text = int(text)
    return text if type(text) is int and -4000 <= text <= 2200 else None


def _sides(
    parents: tuple[Side, Side], language: str, said: Mapping[str, Any]
) -> tuple[Side, Side] | None:
    """Return the sides of a trade-off, or None where they are none or of unequal length.

    Which of them stands first is drawn by their texts, not by what they serve: else a model that
    likes the first letter would seem to hold the values that come first.
    """
    first, second = (text_in(language, said.get(name), SIDE) for name in ("first", "second"))
    if first is None or second is None or first.casefold() == second.casefold():
        return None
    short, long = sorted((size_of(first), size_of(second)))
    if long > UNEQUAL * short:
        return None
    texts = zip(parents, (first, second), strict=True)
    sides = [Side(dimension=parent.dimension, text=text) for parent, text in texts]
    one, other = sorted(sides, key=lambda side: digest(side.text))
    return one, other
