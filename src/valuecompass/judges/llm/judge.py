"""A language model as judge: one structured call for all dimensions, or one question per value."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from jinja2 import Environment

from valuecompass.hashing import digest
from valuecompass.judges.languages import english_only, not_english
from valuecompass.judges.llm.answers import (
    Found,
    answer_schema,
    concepts_schema,
    read_answer,
    read_concepts,
    read_yes_no,
)
from valuecompass.judges.protocol import Subject, Verdict, all_missing
from valuecompass.models import Message, Params, Respondent, fingerprint
from valuecompass.models.asker import Asker
from valuecompass.templates import environment
from valuecompass.text import fitted, own_part

Mode = Literal["one-call", "per-value", "concepts"]
LONGEST = 24_000
"""Characters of a response that are judged; the rest is cut."""
ANSWER_TOKENS = 8_192
WITHOUT_CONCEPTS = "judged without concepts: the model's list of them is unreadable"


@cache
def _prompts() -> Environment:
    return environment("valuecompass.judges.llm", folder="prompts", trim_blocks=True)


@cache
def _tasks() -> dict[str, Any]:
    text = (files("valuecompass.judges.llm") / "prompts" / "tasks.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def prompts_hash() -> str:
    """Return a hash over all prompt files of the judges."""
    folder = files("valuecompass.judges.llm") / "prompts"
    return digest({p.name: p.read_text(encoding="utf-8") for p in folder.iterdir()}, 16)


class LLMJudge:
    """Asks a model for verdicts.

    one-call: one request per response, JSON for all parts and dimensions; an answer that cannot be
        read gets one repair turn, what is still unreadable is missing.
    per-value: the papers' way (AdAEM, arXiv 2505.13531, appendix B): one yes/no question per part
        and dimension; expressed is 0 or 1, without evidence.
    concepts: the first step of CLAVE (arXiv 2407.10725): one request for short statements of what
        the response does that bears on the dimensions, free of its scenario; then one-call, with
        response and statements. A list that cannot be read is left out, and every verdict's note
        says so.
    """

    def __init__(self, model: Respondent, asker: Asker, mode: Mode = "one-call") -> None:
        self.model = model
        self.mode: Mode = mode
        self._asker = asker

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model.name

    @property
    def identity(self) -> dict[str, Any]:
        """Kind, model with its parameters and local file, mode, prompts; languages if few."""
        languages = {"languages": ["en"]} if english_only(self.model.model) else {}
        return languages | {
            "kind": "llm",
            "version": 4,
            "model": self.model.model_dump(
                mode="json",
                include={
                    "model",
                    "system",
                    "temperature",
                    "top_p",
                    "max_tokens",
                    "reasoning_effort",
                },
            ),
            "file": fingerprint(self.model.model),
            "mode": self.mode,
            "prompts": prompts_hash(),
        }

    async def judge(self, subject: Subject) -> list[Verdict]:
        """Return verdicts; those that cannot be read are missing, and all in an unknown language.

        Raises:
            RequestFailed: a request failed for good.
        """
        if english_only(self.model.model) and (language := not_english(subject)) is not None:
            return all_missing(
                subject, f"{self.model.model} reads English only, this is {language}"
            )
        if self.mode == "per-value":
            return await self._per_value(subject)
        if self.mode == "concepts":
            return await self._by_concepts(subject)
        return await self._one_call(subject)

    async def _by_concepts(self, subject: Subject) -> list[Verdict]:
        prompt = render("concepts.md", subject)
        params = self._params(ANSWER_TOKENS, schema=concepts_schema())
        reply = await self._asker.ask(self.model, [Message("user", prompt)], params)
        if (concepts := read_concepts(reply.text)) is not None:
            return await self._one_call(subject, concepts)
        return [replace(v, note=WITHOUT_CONCEPTS) for v in await self._one_call(subject)]

    async def _one_call(self, subject: Subject, concepts: Sequence[str] = ()) -> list[Verdict]:
        messages = [Message("user", render("one-call.md", subject, concepts=concepts))]
        params = self._params(ANSWER_TOKENS, schema=answer_schema(subject))
        reply = await self._asker.ask(self.model, messages, params)
        found, complaint = read_answer(reply.text, subject)
        if complaint:
            messages += [
                Message("assistant", reply.text[:LONGEST] or "(nothing)"),
                Message("user", self._repair(subject, complaint)),
            ]
            reply = await self._asker.ask(self.model, messages, params)
            again, complaint = read_answer(reply.text, subject)
            found |= again
        return _missing(subject, found, f"the judge's answer is unreadable: {complaint}")

    def _repair(self, subject: Subject, complaint: str) -> str:
        return (
            _prompts()
            .get_template("repair.md")
            .render(
                complaint=complaint, parts=len(subject.parts), names=", ".join(subject.dimensions)
            )
        )

    async def _per_value(self, subject: Subject) -> list[Verdict]:
        verdicts: list[Verdict] = []
        for part in range(len(subject.parts)):
            for name in subject.dimensions:
                prompt = render("per-value.md", subject, part, name)
                reply = await self._asker.ask(
                    self.model, [Message("user", prompt)], self._params(2_048, ("Yes", "No"))
                )
                verdicts.append(read_yes_no(part, name, reply, subject))
        return verdicts

    def _params(
        self, tokens: int, choices: tuple[str, ...] = (), schema: dict[str, Any] | None = None
    ) -> Params:
        # a judge should say the same twice; reasoning models refuse a temperature
        temperature = 0.0 if self.model.provider in ("embedded", "hf") else None
        if self.model.provider in ("embedded", "hf"):
            tokens = 4 if choices else min(tokens, 1_024)
        return Params(tokens, temperature, choices=choices, schema=schema, schema_name="verdicts")


def render(
    template: str,
    subject: Subject,
    part: int | None = None,
    dimension: str | None = None,
    concepts: Sequence[str] = (),
) -> str:
    """Return a judge's prompt.

    The response is delimited by a mark that its writer cannot have known: a hash of the response
    itself. Who writes concepts has seen that mark, so theirs is a hash of them, too. Nothing else
    goes into it but what the prompt shows: the same text under another item is the same request.

    Args:
        template: file name of the prompt.
        subject: what is judged.
        part: only this part (0 = first), or all.
        dimension: only this dimension, or all.
        concepts: what another request has said of the response, shown beside it.
    """
    scoring = subject.system.scoring
    item = subject.item
    names = subject.dimensions if dimension is None else (dimension,)
    parts = [p.text for p in subject.parts] if part is None else [subject.parts[part].text]
    given = subject.given
    if item.kind == "scenario":  # what others said is shown above; here it is blanked out
        course = fitted(subject.response, LONGEST)
        own = own_part(course).text.splitlines()
        given, parts = f"{item.text}\n\n{course}", ["\n".join(o for o in own if o.strip())]
    principle = None
    if scoring == "conformity":
        principle = item.principle or subject.system.dimension(names[0]).definition
    task, about = _tasks()[scoring], ""
    if item.kind == "scenario":
        task, about = _tasks()["actions"][scoring], _tasks()["actions"]["about"].strip() + " "
    room = LONGEST // len(parts)
    return (
        _prompts()
        .get_template(template)
        .render(
            task=about + task["task"].strip(),
            question=task["question"].replace("{name}", names[0]),
            principle=principle,
            dimensions=[subject.system.dimension(n) for n in names],
            mark=digest(["mark", subject.response, item.text, principle, *concepts], 12),
            given=given[: len(item.text) + 2 + LONGEST],
            parts=[p[:room] for p in parts],
            concepts=concepts,
        )
    )


def _missing(subject: Subject, found: Found, why: str) -> list[Verdict]:
    """Return a verdict for every part and dimension, the absent ones as missing."""
    return [
        found.get((part, name)) or Verdict(part, name, None, missing=why)
        for part in range(len(subject.parts))
        for name in subject.dimensions
    ]
