"""How an item is put to a respondent, and how a choice or rating is read off the answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined

from valuecompass.hashing import digest
from valuecompass.items import Asking, Item
from valuecompass.models import Message, Params, Respondent

ROOM_TO_THINK = 4_096
"""Output tokens allowed to a provider's model: reasoning counts, the prompt sets the length."""
READ_OFF = ("tradeoff", "likert", "judgement")
"""Kinds whose answer is a choice or a rating; no judge is needed."""
ASKED = ("question", "opening", "request", "stem", *READ_OFF)
"""Kinds that this version can put to a respondent."""


@dataclass(frozen=True)
class Question:
    """One request of a measurement: an item in one presentation, sampled once."""

    item: Item
    presentation: int
    """1: a trade-off's sides in swapped order."""
    repeat: int


@cache
def _prompts() -> Environment:
    def source(name: str) -> str:
        return (files("valuecompass.measure") / "prompts" / name).read_text(encoding="utf-8")

    return Environment(loader=FunctionLoader(source), undefined=StrictUndefined, autoescape=False)


def prompts_hash() -> str:
    """Return a hash over all prompts for respondents."""
    folder = files("valuecompass.measure") / "prompts"
    return digest({p.name: p.read_text(encoding="utf-8") for p in folder.iterdir()}, 16)


def questions(item: Item, asking: Asking) -> list[Question]:
    """Return the requests an item takes: repeats, and both orders of a trade-off's sides.

    Both orders, because a model that prefers the first letter must not look like one that prefers
    the first value.
    """
    orders = (0, 1) if item.kind == "tradeoff" else (0,)
    return [Question(item, order, r) for order in orders for r in range(asking.repeats)]


def messages_for(question: Question, asking: Asking) -> list[Message]:
    """Return the messages of a request, without the respondent's own system prompt."""
    item = question.item
    words: dict[str, Any] = {"text": item.text, "words": asking.words}
    if item.sides is not None:
        first, second = item.sides if question.presentation == 0 else item.sides[::-1]
        words |= {"first": first.text, "second": second.text}
    if item.scale is not None:
        words |= {"low": item.scale[0], "high": item.scale[1]}
    prompt = _prompts().get_template(f"{item.kind}.md").render(words)
    return [Message("user", prompt.strip())]


def params_for(respondent: Respondent, item: Item, asking: Asking) -> Params:
    """Return the limits of an answer.

    A small local model does not stop by itself: its answer is cut at the length asked for.
    """
    choices = _choices(item)
    if respondent.provider not in ("embedded", "hf"):
        return Params(max_tokens=ROOM_TO_THINK, choices=choices)
    if choices:
        return Params(max_tokens=4, temperature=1.0, choices=choices)
    return Params(max_tokens=16 + int(1.5 * asking.words), temperature=1.0)


def _choices(item: Item) -> tuple[str, ...]:
    if item.kind == "tradeoff":
        return ("A", "B")
    if item.kind in ("likert", "judgement") and item.scale is not None:
        return tuple(str(n) for n in range(item.scale[0], item.scale[1] + 1))
    return ()


def read_off(question: Question, text: str) -> dict[str, Any] | None:
    """Return what a choice or rating says, or None when it cannot be read.

    Args:
        question: what was asked.
        text: the answer; the first lone letter or number counts, an answer that names both
            letters, or a number off the scale, cannot be read.

    Returns:
        ``{"chosen": dimension, "place": 0 or 1}`` or ``{"rating": int}``.
    """
    item = question.item
    if item.sides is not None:
        letters = set(re.findall(r"\b([AB])\b", text))
        letters = letters or set(re.findall(r"\b([ab])\b(?=\W*$)", text))
        if len(letters) != 1:
            return None
        place = "AB".index(letters.pop().upper())
        sides = item.sides if question.presentation == 0 else item.sides[::-1]
        return {"chosen": sides[place].dimension, "place": place}
    if item.scale is not None:
        numbers = set(re.findall(r"(?<![\d.,/-])\d+(?![\d/]|[.,]\d)", text))
        if len(numbers) != 1:
            return None
        rating = int(numbers.pop())
        return {"rating": rating} if item.scale[0] <= rating <= item.scale[1] else None
    return None
