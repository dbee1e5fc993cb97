"""An explorer that is a language model: fact, question, advice and rewriting (AdAEM, section 2.6).

Everything it says is looked up in the store first, so a run that is played again pays nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, cast

from jinja2 import Environment, FunctionLoader, StrictUndefined

from valuecompass.errors import InputError
from valuecompass.evolve.protocols import Evidence, Proposal
from valuecompass.hashing import digest
from valuecompass.items import Item, Lineage
from valuecompass.models import Message, Params, Respondent
from valuecompass.models.asker import Asker
from valuecompass.store import storable

WORDS = 30
"""Length of a question. The paper asks for fewer than 20, into which few facts fit."""
MOST_WORDS = 60
"""Length from which on a text is not taken for a question."""
TOKENS = 4_096
"""Output tokens: reasoning counts, the prompts set the length."""
LANGUAGES = {"en": "English"}
PROMPTS = ("explore.md", "compose.md", "reflect.md", "refine.md")


@cache
def _prompts() -> Environment:
    def source(name: str) -> str:
        return (files("valuecompass.evolve") / "prompts" / name).read_text(encoding="utf-8")

    return Environment(loader=FunctionLoader(source), undefined=StrictUndefined, autoescape=False)


def prompts_hash() -> str:
    """Return a hash over all prompts for explorers."""
    folder = files("valuecompass.evolve") / "prompts"
    texts = {name: (folder / name).read_text(encoding="utf-8") for name in PROMPTS}
    return digest([texts, WORDS], 16)


@dataclass(frozen=True)
class ModelExplorer:
    """A model that writes questions, in two requests each.

    asker: asks it, within the budget.
    model: who writes.
    """

    asker: Asker
    model: Respondent

    @property
    def name(self) -> str:
        """Of the model."""
        return self.model.name

    async def propose(
        self, topic: Item, shots: Sequence[tuple[Item, float]], turn: int
    ) -> Proposal | None:
        """Return a new question of a topic, or None where nothing usable came.

        Raises:
            RequestFailed: a request failed for good.
            InputError: the topic is no question, or not in English.
        """
        language = _language_of(topic)
        examples = [(item.text, f"{reward:.2f}") for item, reward in shots]
        told = await self._object("explore", _FACT, turn, topic=topic.text, shots=examples)
        fact = _line(told.get("fact"))
        if not fact:
            return None
        said = await self._object(
            "compose", _QUESTION, turn, topic=topic.text, fact=fact, words=WORDS, language=language
        )
        item = _item(topic, said.get("question"), self.name)
        if item is None:
            return None
        region, year = _line(told.get("region")), told.get("year")
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
            InputError: the item is no question, or not in English.
        """
        language, old = _language_of(proposal.item), proposal.item
        about = {"question": old.text, "fact": proposal.fact}
        heard = [reading for reading in evidence.readings if reading.points]
        advice = await self._text(
            "reflect", None, turn, **about, readings=heard, reward=f"{evidence.reward:.2f}"
        )
        if not advice:
            return None
        said = await self._object(
            "refine", _REWRITTEN, turn, **about, advice=advice, words=WORDS, language=language
        )
        item = _item(old, said.get("question"), self.name)
        if item is None or item.text == old.text:
            return None
        return Proposal(
            item, proposal.fact, proposal.region, proposal.year, self.name, old.id, calls=2
        )

    async def _text(
        self, prompt: str, schema: dict[str, Any] | None, turn: int, **words: Any
    ) -> str:
        """Return what the model says to a prompt; empty where it refuses."""
        content = _prompts().get_template(f"{prompt}.md").render(words).strip()
        params = Params(TOKENS, schema=schema, schema_name=prompt)
        reply = await self.asker.ask(self.model, [Message("user", content)], params, turn)
        return reply.text.strip() if reply.outcome == "answer" else ""

    async def _object(
        self, prompt: str, schema: dict[str, Any], turn: int, **words: Any
    ) -> Mapping[str, Any]:
        """Return the first JSON object in the answer; empty where there is none."""
        text = await self._text(prompt, schema, turn, **words)
        decoder = json.JSONDecoder()
        for place, sign in enumerate(text):
            if sign == "{":
                try:
                    return cast("dict[str, Any]", decoder.raw_decode(text, place)[0])
                except (ValueError, RecursionError):
                    continue
        return {}


def _schema(**properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_STRING: dict[str, Any] = {"type": "string"}
_FACT = _schema(fact=_STRING, region=_STRING, year={"type": ["integer", "null"]})
_QUESTION = _schema(claim=_STRING, question=_STRING)
_REWRITTEN = _schema(question=_STRING)


def _language_of(item: Item) -> str:
    """Return the name of the item's language, for a prompt."""
    language = LANGUAGES.get(item.language.split("-")[0])
    if item.kind != "question" or language is None:
        raise InputError(
            f"item {item.id}: this explorer writes questions in {', '.join(LANGUAGES.values())}, "
            f"not a {item.kind} in {item.language!r}; bring an explorer of your own"
        )
    return language


def _line(said: object) -> str:
    """Return a text on one line; empty for anything else."""
    # JSON can spell half of a character, which no request and no file takes
    return " ".join(storable(said).split()) if isinstance(said, str) else ""


def _item(parent: Item, said: object, author: str) -> Item | None:
    """Return the question written from a parent, or None where it is none."""
    text = _line(said)
    if not text.endswith(("?", "\uff1f")) or not 3 <= len(text.split()) <= MOST_WORDS:
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
