"""An explorer that is a language model: fact, question, advice and rewriting (AdAEM, section 2.6).

Everything it says is looked up in the store first, so a run that is played again pays nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from valuecompass.errors import InputError
from valuecompass.evolve.protocols import Evidence, Proposal
from valuecompass.evolve.writing import (
    STRING,
    Writer,
    line,
    prompts_hash,
    question_in,
    schema_of,
    written_language,
)
from valuecompass.items import Item, Lineage

__all__ = ["ModelExplorer", "prompts_hash"]

_FACT = schema_of(fact=STRING, region=STRING, year={"type": ["integer", "null"]})
_QUESTION = schema_of(claim=STRING, question=STRING)
_REWRITTEN = schema_of(question=STRING)


class ModelExplorer(Writer):
    """A model that writes questions, in two requests each."""

    async def propose(
        self, topic: Item, shots: Sequence[tuple[Item, float]], turn: int
    ) -> Proposal | None:
        """Return a new question of a topic, or None where nothing usable came.

        Raises:
            RequestFailed: a request failed for good.
            InputError: the topic is no question, or in a language without prompts.
        """
        language = _language_of(topic)
        examples = [(item.text, f"{reward:.2f}") for item, reward in shots]
        told = await self.fields("explore", language, turn, _FACT, topic=topic.text, shots=examples)
        fact = line(told.get("fact"))
        if not fact:
            return None
        said = await self.fields("compose", language, turn, _QUESTION, topic=topic.text, fact=fact)
        item = _item(topic, said.get("question"), self.name)
        if item is None:
            return None
        region, year = line(told.get("region")), told.get("year")
        return Proposal(
            item=item,
            fact=fact,
            region=region[:60] or None,
            year=year if type(year) is int and -4000 <= year <= 2200 else None,
            generator=self.name,
            parent=topic.id,
            calls=2,
        )

    async def refine(self, proposal: Proposal, evidence: Evidence, turn: int) -> Proposal | None:
        """Return the question rewritten on what respondents said, or None.

        Raises:
            RequestFailed: a request failed for good.
            InputError: the item is no question, or in a language without prompts.
        """
        language, old = _language_of(proposal.item), proposal.item
        about = {"question": old.text, "fact": proposal.fact}
        heard = [reading for reading in evidence.readings if reading.points]
        advice = await self.text(
            "reflect",
            language,
            turn,
            None,
            **about,
            readings=heard,
            reward=f"{evidence.reward:.2f}",
        )
        if not advice:
            return None
        said = await self.fields("refine", language, turn, _REWRITTEN, **about, advice=advice)
        item = _item(old, said.get("question"), self.name)
        if item is None or item.text == old.text:
            return None
        return Proposal(
            item, proposal.fact, proposal.region, proposal.year, self.name, old.id, calls=2
        )


def _language_of(item: Item) -> str:
    """Return the language of the prompts for an item."""
    if item.kind != "question":
        raise InputError(f"item {item.id}: this explorer writes questions, not a {item.kind}")
    return written_language(item.language, f"item {item.id}")


def _item(parent: Item, said: object, author: str) -> Item | None:
    """Return the question written from a parent, or None where it is none."""
    text = question_in(_language_of(parent), said)
    if text is None:
        return None
    lineage = Lineage(origin="evolved", parents=(parent.id,), method="adaem", model=author)
    return Item(
        kind="question",
        system=parent.system,
        text=text,
        dimensions=parent.dimensions,
        language=parent.language,
        topic=parent.topic,
        lineage=lineage,
    )
