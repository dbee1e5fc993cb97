"""A language model as judge: one structured call for all dimensions, or one question per value."""

from __future__ import annotations

import json
import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal

from jinja2 import Environment, FunctionLoader, StrictUndefined
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from valuecompass.hashing import digest
from valuecompass.judges.protocol import Subject, Verdict
from valuecompass.models import Message, Params, Reply, Respondent, fingerprint
from valuecompass.models.asker import Asker, RequestFailed

Mode = Literal["one-call", "per-value"]
LONGEST = 24_000
"""Characters of a response that are judged; the rest is cut."""
ANSWER_TOKENS = 8_192
VALENCE = {"supports": 1.0, "opposes": -1.0, "neither": 0.0}


def _not_a_boolean(value: Any) -> Any:
    # `false` is no degree: read as a number it would be a zero that nobody gave
    if isinstance(value, bool):
        raise ValueError("a number from 0 to 1, not a truth value")
    return value


Share = Annotated[float, BeforeValidator(_not_a_boolean), Field(ge=0, le=1, allow_inf_nan=False)]


class VerdictAnswer(BaseModel):
    """One dimension's verdict as the model writes it; a number in quotation marks is a number."""

    model_config = ConfigDict(extra="ignore")

    dimension: str
    expressed: Share
    stance: Literal["supports", "opposes", "neither"]
    confidence: Share
    evidence: str


@cache
def _prompts() -> Environment:
    def source(name: str) -> str:
        return (files("valuecompass.judges") / "prompts" / name).read_text(encoding="utf-8")

    return Environment(
        loader=FunctionLoader(source), undefined=StrictUndefined, trim_blocks=True, autoescape=False
    )


@cache
def _tasks() -> dict[str, dict[str, str]]:
    text = (files("valuecompass.judges") / "prompts" / "tasks.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def prompts_hash() -> str:
    """Return a hash over all prompt files of the judges."""
    folder = files("valuecompass.judges") / "prompts"
    return digest({p.name: p.read_text(encoding="utf-8") for p in folder.iterdir()}, 16)


class LLMJudge:
    """Asks a model for verdicts.

    one-call: one request per response, JSON for all parts and dimensions; an answer that cannot be
        read gets one repair turn, what is still unreadable is missing.
    per-value: the papers' way (AdAEM, arXiv 2505.13531, appendix B): one yes/no question per part
        and dimension; expressed is 0 or 1, without evidence.
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
        """Kind, model with its parameters and local file, mode, prompts."""
        return {
            "kind": "llm",
            "version": 3,
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
        """Return verdicts; those that cannot be had are missing."""
        if self.mode == "per-value":
            return await self._per_value(subject)
        return await self._one_call(subject)

    async def _one_call(self, subject: Subject) -> list[Verdict]:
        messages = [Message("user", render("one-call.md", subject))]
        params = self._params(ANSWER_TOKENS, schema=answer_schema(subject))
        try:
            reply = await self._asker.ask(self.model, messages, params)
        except RequestFailed as error:
            return _missing(subject, {}, f"the judge did not answer: {error}")
        found, complaint = read_answer(reply.text, subject)
        if complaint:
            messages += [
                Message("assistant", reply.text[:LONGEST] or "(nothing)"),
                Message("user", self._repair(subject, complaint)),
            ]
            try:
                reply = await self._asker.ask(self.model, messages, params)
                again, complaint = read_answer(reply.text, subject)
                found |= again
            except RequestFailed as error:
                complaint = str(error)
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
                try:
                    reply = await self._asker.ask(
                        self.model, [Message("user", prompt)], self._params(2_048, ("Yes", "No"))
                    )
                except RequestFailed as error:
                    why = f"the judge did not answer: {error}"
                    verdicts.append(Verdict(part, name, None, missing=why))
                    continue
                verdicts.append(_yes_no(part, name, reply, subject))
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
    template: str, subject: Subject, part: int | None = None, dimension: str | None = None
) -> str:
    """Return a judge's prompt.

    The response is delimited by a mark that its writer cannot have known: a hash of the response
    itself.

    Args:
        template: file name of the prompt.
        subject: what is judged.
        part: only this part (0 = first), or all.
        dimension: only this dimension, or all.
    """
    scoring = subject.system.scoring
    item = subject.item
    names = subject.dimensions if dimension is None else (dimension,)
    parts = [p.text for p in subject.parts] if part is None else [subject.parts[part].text]
    words = {
        "principle": item.principle or subject.system.dimension(names[0]).definition,
        "name": names[0],
    }
    task = _tasks()[scoring]
    room = LONGEST // len(parts)
    return (
        _prompts()
        .get_template(template)
        .render(
            task=_fill(task["task"].strip(), words),
            question=_fill(task["question"], words),
            dimensions=[subject.system.dimension(n) for n in names],
            mark=digest(["mark", subject.response, item.id], 12),
            given=item.text,
            parts=[p[:room] for p in parts],
        )
    )


def _fill(text: str, words: dict[str, str]) -> str:
    # in one pass: a principle that holds "{name}" is left as it is
    return re.sub(r"\{(principle|name)\}", lambda found: words[found[1]], text)


def answer_schema(subject: Subject) -> dict[str, Any]:
    """Return the JSON schema of an answer about a subject."""
    number = {"type": "number", "minimum": 0, "maximum": 1}
    verdict = {
        "dimension": {"type": "string", "enum": list(subject.dimensions)},
        "expressed": number,
        "stance": {"type": "string", "enum": list(VALENCE)},
        "confidence": number,
        "evidence": {"type": "string", "maxLength": 300},
    }
    part = {"part": {"type": "integer"}, "verdicts": _array(_object(verdict))}
    return _object({"parts": _array(_object(part))})


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _array(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


Found = dict[tuple[int, str], Verdict]


def read_answer(text: str, subject: Subject) -> tuple[Found, str]:
    """Read a model's answer, verdict by verdict.

    A dimension with two different verdicts has none, and parts numbered otherwise than from 1
    make the whole answer unreadable: a verdict might stand for another part.

    Args:
        text: the answer; words or a code fence around the JSON object are allowed.
        subject: what was judged.

    Returns:
        The usable verdicts by (part, dimension), and what is wrong with the answer ("" when every
        verdict is there). Never raises, whatever the text.
    """
    data: Any = _json_object(text)
    if data is None:
        return {}, "it is not valid JSON"
    parts: Any = data.get("parts")
    if not isinstance(parts, list):
        return {}, 'it has no list "parts"'
    rows = _rows(parts, len(subject.parts))  # pyright: ignore[reportUnknownArgumentType]
    if rows is None:
        return {}, f"its parts are not numbered from 1 to {len(subject.parts)}"
    found: Found = {}
    doubtful: set[tuple[int, str]] = set()
    for part, row in rows:
        if (verdict := _read_verdict(row, part, subject)) is not None:
            first = found.setdefault((part, verdict.dimension), verdict)
            if (first.expressed, first.valence) != (verdict.expressed, verdict.valence):
                doubtful.add((part, verdict.dimension))
    found = {key: verdict for key, verdict in found.items() if key not in doubtful}
    wanted = len(subject.parts) * len(subject.dimensions)
    if len(found) < wanted:
        return found, f"{wanted - len(found)} of {wanted} verdicts are absent or out of range"
    return found, ""


def _rows(parts: list[Any], most: int) -> list[tuple[int, Any]] | None:
    """Return the verdicts as written with their part (0 = first), or None: numbers off range."""
    rows: list[tuple[int, Any]] = []
    for place, part in enumerate(parts, start=1):
        if not isinstance(part, dict) or not isinstance(part.get("verdicts"), list):  # pyright: ignore[reportUnknownMemberType]
            continue
        number = _whole(part.get("part", place))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        if number is None or not 1 <= number <= most:
            return None
        rows += [(number - 1, row) for row in part["verdicts"]]  # pyright: ignore[reportUnknownVariableType]
    return rows


def _whole(number: Any) -> int | None:
    """Return a JSON integer (1.0 is one, too), or None."""
    if isinstance(number, float) and number.is_integer():
        return int(number)
    return number if isinstance(number, int) and not isinstance(number, bool) else None


def _read_verdict(row: Any, part: int, subject: Subject) -> Verdict | None:
    try:
        answer = VerdictAnswer.model_validate(row)
    except (ValidationError, RecursionError):
        return None
    name = subject.system.canonical(answer.dimension)
    if name not in subject.dimensions:
        return None
    start, end = _locate(answer.evidence, subject, part)
    return Verdict(
        part=part,
        dimension=name,
        expressed=answer.expressed,
        valence=VALENCE[answer.stance],
        confidence=answer.confidence,
        start=start,
        end=end,
    )


def _json_object(text: str) -> dict[str, Any] | None:
    """Return the JSON object that a text is or holds between its outermost braces."""
    for candidate in (text, text[text.find("{") : text.rfind("}") + 1]):
        try:
            data: Any = json.loads(candidate)
        except (ValueError, RecursionError):
            continue
        if isinstance(data, dict):
            return data  # pyright: ignore[reportUnknownVariableType]
    return None


def _locate(quote: str, subject: Subject, part: int) -> tuple[int | None, int | None]:
    """Offsets of a quotation in the response; a quotation that is not there is no evidence."""
    piece = subject.parts[part]
    quote = quote.strip().strip('"')
    if not quote or (at := subject.response.find(quote, piece.start, piece.end)) < 0:
        return None, None
    return at, at + len(quote)


# the whole word ("yesterday" is not a yes), and not an echo of the choice ("Yes or No")
_YES_NO = re.compile(r"\W*(yes|no)\b(?!\W*(?:(?:or|and)\W+)?(?!\1\b)(?:yes|no)\b)", re.IGNORECASE)


def _yes_no(part: int, name: str, reply: Reply, subject: Subject) -> Verdict:
    match = _YES_NO.match(reply.text)
    if match is None or reply.outcome != "answer":
        return Verdict(part, name, None, missing="the judge answered neither yes nor no")
    yes = match[1].lower() == "yes"
    against = 0.0 if subject.system.scoring == "expression" else -1.0
    return Verdict(part, name, float(yes), valence=1.0 if yes else against)


def _missing(subject: Subject, found: Found, why: str) -> list[Verdict]:
    """Return a verdict for every part and dimension, the absent ones as missing."""
    return [
        found.get((part, name)) or Verdict(part, name, None, missing=why)
        for part in range(len(subject.parts))
        for name in subject.dimensions
    ]
