"""What must not be asked, nor shown to a model that writes: local rules, or a moderation model.

A question that does not pass is put to nobody. An answer that does not pass still counts, since it
says something of who gave it, but no explorer sees it. Neither leaves the workspace unless somebody
asks for it by name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Protocol, cast

from jinja2 import Template

from valuecompass.hashing import digest
from valuecompass.models import Message, Params, Respondent, fingerprint
from valuecompass.models.asker import Asker
from valuecompass.templates import environment

UNCHECKED = "not checked"
"""Reason of a text on which a filter says nothing that can be read: it counts as not passed."""
LONGEST = 8_000
"""Characters of a text that a model is shown; a longer one is not checked."""
TOKENS = 2_048
"""Output tokens: reasoning counts."""
CATEGORIES = ("weapons", "self-harm", "minors", "hatred", "crime", "privacy")

_HOW = (
    r"(?:how (?:to|do (?:i|you)|can (?:i|you|one))|instructions? (?:for|to)|steps? to|recipe for)"
)
_MAKE = r"(?:mak(?:e|ing)|build(?:ing)?|synthesi[sz](?:e|ing)|assembl(?:e|ing)|cook(?:ing)?|get)"
_ARMS = r"(?:pipe bomb|bomb|explosive|nerve agent|sarin|ricin|anthrax|chemical weapon|bioweapon)s?"
_RULED = (
    r"(?:laws?|legal|illegal|bans?|banned|outlaw(?:ed)?|crimes?|criminals?|punish(?:ed|ment)?"
    r"|sentenced|prison|prosecut\w+|offen[cs]es?|offenders?|police|courts?)"
)
"""Words of disputes about sexual texts, which are what a study may be about."""
_CALLED = r"(?:call|phone|telephone|tel|cell|mobile|fax|ring|dial|text|sms|contact|number|whatsapp)"
_RULES = {
    "weapons": rf"\b{_HOW}\b.{{0,30}}\b{_MAKE}\b.{{0,30}}\b{_ARMS}\b",
    "self-harm": rf"\b(?:{_HOW}|ways? to|methods? (?:of|to)|painless(?:ly)?)\b.{{0,30}}\b"
    r"(?:kill (?:myself|yourself|oneself)|end (?:my|your) (?:own )?life|commit suicide"
    r"|cut (?:myself|yourself))\b",
    "minors": rf"^(?!.*\b{_RULED}\b).*?(?:"
    r"\b(?:child(?:ren)?|minors?|under-?age(?:d)?|\d{1,2}[- ]year[- ]old)\b.{0,40}"
    r"\b(?:porn(?:ography|ographic)?|nudes?|sexual(?:ly)? (?:explicit|act|content|story))\b"
    r"|\b(?:porn(?:ographic)?|nude|sexually explicit)\b.{0,40}"
    r"\b(?:child(?:ren)?|minors?|under-?age(?:d)?)\b)",
    "privacy": r"[\w.+-]+@[\w-]+\.[\w.]{2,}"
    # thousands are grouped by three: what ends in a group of four, or begins with +, is no amount
    # without brackets and plus it may be the number of an act
    r"|(?<![\w.,])\(\d{3}\)[ .-]?\d{3}[ .-]\d{4}(?!\w)"
    rf"|\b{_CALLED}\b.{{0,30}}(?<![\w.,])\d{{3}}[ .-]\d{{3}}[ .-]\d{{4}}(?!\w)"
    r"|(?<!\w)\+\d{1,3}(?:[ .()-]{0,2}\d{2,4}){2,5}(?!\w)"
    r"|\b\d{3}-\d{2}-\d{4}\b|\b(?:\d{4}[ -]){3}\d{4}\b",
}


@dataclass(frozen=True)
class SafetyVerdict:
    """Whether a text may be used.

    reason: the category that it falls under, or `UNCHECKED`; empty where it passes.
    """

    ok: bool
    reason: str = ""


class SafetyFilter(Protocol):
    """Says which texts may be used. Bring your own where these two are not enough."""

    @property
    def name(self) -> str:
        """As given with --safety."""
        ...

    @property
    def identity(self) -> Mapping[str, Any]:
        """Everything that decides what it says."""
        ...

    @property
    def cost(self) -> int:
        """Most requests that a check takes."""
        ...

    async def check(self, text: str, language: str) -> SafetyVerdict:
        """Return whether a text may be used; the same for the same text.

        Raises:
            RequestFailed: a request failed for good; the text counts as `UNCHECKED`.
        """
        ...


@dataclass(frozen=True)
class LocalRules:
    """A short list of patterns: it needs nothing, and finds little.

    Instructions for weapons, ways of self-harm, sexual texts about minors (in English words), mail
    addresses and numbers of telephones, cards and insurances (in any language). It is a net for the
    worst and the most careless; paraphrases slip through. Before items of models that nobody has
    aligned are shown to people, give a moderation model.
    """

    @property
    def name(self) -> str:
        """Of the filter."""
        return "local"

    @property
    def identity(self) -> Mapping[str, Any]:
        """The patterns' hash."""
        return {"kind": "local", "rules": digest(_RULES, 16)}

    @property
    def cost(self) -> int:
        """Nobody is asked."""
        return 0

    async def check(self, text: str, language: str) -> SafetyVerdict:
        """Return the first rule that a text breaks, if one."""
        flat = " ".join(text.split())
        for category, pattern in _patterns().items():
            if pattern.search(flat):
                return SafetyVerdict(False, category)
        return SafetyVerdict(True)


@dataclass(frozen=True)
class ModelFilter:
    """A language model that is asked about every text, one request each, stored like any other.

    An answer that is not the JSON asked for, a refusal and a text that is too long are
    `UNCHECKED`, and so do not pass: what nobody could check is not asked.
    """

    asker: Asker
    model: Respondent

    @property
    def name(self) -> str:
        """Of the model."""
        return self.model.name

    @property
    def identity(self) -> Mapping[str, Any]:
        """Model with its parameters and local file, and the prompt's hash."""
        sampling = {"model", "system", "temperature", "top_p", "max_tokens", "reasoning_effort"}
        return {
            "kind": "model",
            "model": self.model.model_dump(mode="json", include=sampling),
            "file": fingerprint(self.model.model),
            "prompt": digest(_prompt(), 16),
        }

    @property
    def cost(self) -> int:
        """One request."""
        return 1

    async def check(self, text: str, language: str) -> SafetyVerdict:
        """Return what the model says.

        Raises:
            RequestFailed: the request failed for good.
            ValueCompassError: as `Asker.ask`.
        """
        if len(text) > LONGEST:
            return SafetyVerdict(False, UNCHECKED)
        # who wrote the text cannot have known the mark, so nothing in it ends the quotation
        mark = f"[{digest(['safety', text], 12)}]"
        content = _template().render(text=text, mark=mark).strip()
        params = Params(TOKENS, schema=_SCHEMA, schema_name="safety")
        reply = await self.asker.ask(self.model, [Message("user", content)], params)
        return _read(reply.text)


_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "usable": {"type": "boolean"},
        "category": {"type": "string", "enum": ["none", *CATEGORIES]},
    },
    "required": ["usable", "category"],
    "additionalProperties": False,
}


def _read(answer: str) -> SafetyVerdict:
    """Read a model's answer; whatever is not clearly a yes does not pass."""
    start, end = answer.find("{"), answer.rfind("}")
    try:
        said: Any = json.loads(answer[start : end + 1]) if 0 <= start < end else None
    except (ValueError, RecursionError):
        said = None
    table = cast("dict[str, Any]", said) if isinstance(said, dict) else {}
    usable, category = table.get("usable"), table.get("category")
    if usable is True and category in ("none", "", None):
        return SafetyVerdict(True)
    if usable is False:
        return SafetyVerdict(False, category if category in CATEGORIES else "unnamed")
    return SafetyVerdict(False, UNCHECKED)


@cache
def _prompt() -> str:
    path = files("valuecompass.evolve") / "prompts" / "safety.md"
    return path.read_text(encoding="utf-8")


@cache
def _template() -> Template:
    return environment("valuecompass.evolve", folder="prompts").get_template("safety.md")


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    return {name: re.compile(rule, re.IGNORECASE) for name, rule in _RULES.items()}
