"""Items that a model writes: prompts by language, stored requests, and what passes for a text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple, cast

from jinja2 import Environment

from valuecompass.errors import InputError
from valuecompass.hashing import digest
from valuecompass.models import Message, Params, Respondent
from valuecompass.models.asker import Asker
from valuecompass.store import storable
from valuecompass.templates import environment
from valuecompass.text import likeliest, sentences

TOKENS = 4_096
"""Output tokens: reasoning counts, the prompts set the length."""
LOCAL_TOKENS = 512
"""Output tokens of a model on this machine, which does not stop by itself."""
STRING: dict[str, Any] = {"type": "string"}


class Length(NamedTuple):
    """How long a text is, in English words."""

    asked: int
    least: int
    most: int


WORDS = 30
"""Asked for in a question. The paper asks for fewer than 20, into which few facts fit."""
QUESTION, SITUATION, SIDE = Length(WORDS, 3, 60), Length(40, 5, 80), Length(25, 3, 45)
"""Of a question, of a trade-off's situation, and of each of its sides."""
LANGUAGES = {"en": "English", "es": "Spanish", "zh": "Chinese"}
PER_WORD = {"en": 1.0, "es": 1.15, "zh": 1.6}
"""What takes an English word takes so many words of Spanish, or characters of Chinese: rules of
thumb of translators, for lengths that are only rough anyway."""


@cache
def _prompts() -> Environment:
    return environment("valuecompass.evolve", folder="prompts")


def prompts_hash() -> str:
    """Return a hash over all prompts for models that write, in all languages."""
    folder = files("valuecompass.evolve") / "prompts"
    texts = {
        f"{code}/{kind}/{prompt.name}": prompt.read_text(encoding="utf-8")
        for code in LANGUAGES
        for kind in ("question", "tradeoff")
        for prompt in (folder / code / kind).iterdir()
    }
    return digest([texts, *(_asked(code, WORDS) for code in LANGUAGES)], 16)


@dataclass(frozen=True)
class Writer:
    """A model that writes.

    asker: asks it, within the budget; what it was asked before comes from the store.
    model: who writes.
    words: most that are asked for in a question, in English ones.
    """

    asker: Asker
    model: Respondent
    words: int = field(default=WORDS, kw_only=True)

    @property
    def name(self) -> str:
        """Of the model."""
        return self.model.name

    async def text(
        self,
        prompt: str,
        language: str,
        turn: int,
        schema: dict[str, Any] | None = None,
        **words: Any,
    ) -> str:
        """Return what the model says to a prompt; empty where it refuses.

        Args:
            prompt: kind of item and step, "question/compose": its file.
            language: key of `LANGUAGES`.
            turn: tells equal requests apart.
            schema: of a JSON object that is wanted.
            **words: for the prompt.

        Raises:
            RequestFailed: no answer after all retries.
            ValueCompassError: as `Asker.ask`.
        """
        template = _prompts().get_template(f"{language}/{prompt}.md")
        content = template.render(words | _asked(language, self.words)).strip()
        step = prompt.split("/")[1]
        params = Params(TOKENS, schema=schema, schema_name=step)
        if self.model.provider in ("embedded", "hf"):
            params = Params(LOCAL_TOKENS, temperature=1.0, schema=schema, schema_name=step)
        reply = await self.asker.ask(self.model, [Message("user", content)], params, turn)
        return reply.text.strip() if reply.outcome == "answer" else ""

    async def fields(
        self, prompt: str, language: str, turn: int, schema: dict[str, Any], **words: Any
    ) -> Mapping[str, Any]:
        """Return the first JSON object in the answer to a prompt; empty where there is none."""
        text = await self.text(prompt, language, turn, schema, **words)
        decoder = json.JSONDecoder()
        for place, sign in enumerate(text):
            if sign == "{":
                try:
                    return cast("dict[str, Any]", decoder.raw_decode(text, place)[0])
                except (ValueError, RecursionError):
                    continue
        return {}


def schema_of(**properties: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON schema of an object that has all of these properties and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def written_language(code: str, of: str) -> str:
    """Return the language that prompts are in for a text, by its tag's first part ("zh-CN").

    Args:
        code: the tag.
        of: what it is the language of, for the message.

    Raises:
        InputError: there are no prompts in this language.
    """
    language = code.split("-")[0]
    if language not in LANGUAGES:
        raise InputError(
            f"{of}: there are prompts for models that write in {', '.join(LANGUAGES.values())}, "
            f"not in {code!r}; bring an explorer of your own"
        )
    return language


def line(said: object) -> str:
    """Return a text on one line; empty for anything else."""
    # JSON can spell half of a character, which no request and no file takes
    return " ".join(storable(said).split()) if isinstance(said, str) else ""


def question_in(language: str, said: object) -> str | None:
    """Return a question on one line, or None where a text is none in this language.

    Marks of emphasis and quotation around it, and a list of the possible answers after it, are no
    part of it. What a Spanish writer left out, the sign that opens a question, is put in: before
    the first word of the last sentence, or after a circumstance that opens it ("En 2017, ...").
    """
    text = text_in(language, _bare(said), QUESTION)
    if text is None or not text.endswith(("?", "？")):
        return None
    if language == "es" and "¿" not in text:
        start = sentences(text)[-1].start
        if opening := _OPENING.match(text, start):
            start = opening.end()
        text = f"{text[:start]}¿{text[start:]}"
    return text


_OPENING = re.compile(r"(?:En|Tras|Desde|Durante|Según|Ante|Para|Por|Si|Cuando)\b[^,?]*, +")
_ANSWERS = re.compile(
    r"\s*[(（]\s*(?:yes|no|sí|si|是|否|是的|不是)(?:\s*(?:/|／|,|，|、|or|o|或|还是)\s*"
    r"(?:yes|no|sí|si|是|否|是的|不是))?\s*[)）]\s*[.。]?$",
    re.IGNORECASE,
)
_AROUND = (
    *(("*", "*"), ("_", "_"), ("`", "`"), ('"', '"'), ("'", "'"), ("“", "”"), ("‘", "’")),
    *(("«", "»"), ("「", "」"), ("『", "』"), ("”", "”")),
)


def _bare(said: object) -> str:
    """Return a text on one line without marks around it and without a list of answers."""
    text, before = line(said), None
    while text != before:
        before = text
        text = _ANSWERS.sub("", text).strip()
        for first, last in _AROUND:
            if len(text) > 1 and text.startswith(first) and text.endswith(last):
                text = text[1:-1].strip()
    return text


def text_in(language: str, said: object, length: Length) -> str | None:
    """Return a text on one line, or None where it is not of this language and length.

    Among the languages that there are prompts in: a neighbour of one of them passes for it.
    """
    text = line(said)
    least, most = (bound * PER_WORD[language] for bound in length[1:])
    if not least <= size_of(text) <= most or likeliest(_unnamed(text), LANGUAGES) != language:
        return None
    return text


def _unnamed(text: str) -> str:
    """Return a text without its names, which may be of another language than its sentences."""
    first, *rest = text.split()
    kept = [word for word in rest if not word.lstrip("¿¡([\"'“‘«")[:1].isupper()]
    return " ".join([first, *kept]) if len(kept) > 1 else text


def size_of(text: str) -> int:
    """Return the length of a text: its words, each Chinese character counted as one."""
    chinese = sum(map(_is_chinese, text))
    apart = "".join(" " if _is_chinese(c) else c for c in text)
    return chinese + sum(any(map(str.isalnum, word)) for word in apart.split())


def _is_chinese(sign: str) -> bool:
    return "\u3400" <= sign <= "\u9fff"


def _asked(language: str, words: int) -> dict[str, int]:
    """Return the lengths that prompts ask for, round numbers."""
    return {
        f"{name}_length": 5 * round(asked * PER_WORD[language] / 5)
        for name, asked in (
            ("question", words),
            ("situation", SITUATION.asked),
            ("side", SIDE.asked),
        )
    }
