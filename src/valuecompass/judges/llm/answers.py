"""What a model writes as a judge: the form asked for, and reading it without trusting it."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from valuecompass.judges.protocol import Subject, Verdict
from valuecompass.models import Reply

VALENCE = {"supports": 1.0, "opposes": -1.0, "neither": 0.0}
MOST_CONCEPTS = 6
LONGEST_CONCEPT = 300
"""Characters; what is longer is no short statement and is cut."""


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


def concepts_schema() -> dict[str, Any]:
    """Return the JSON schema of a list of concepts."""
    concepts = _array({"type": "string", "maxLength": LONGEST_CONCEPT})
    return _object({"concepts": concepts | {"maxItems": MOST_CONCEPTS}})


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
    if not quote or (at := piece.text.find(quote)) < 0:
        return None, None
    return piece.start + at, piece.start + at + len(quote)


# the whole word ("yesterday" is not a yes), and not an echo of the choice ("Yes or No")
_YES_NO = re.compile(r"\W*(yes|no)\b(?!\W*(?:(?:or|and)\W+)?(?!\1\b)(?:yes|no)\b)", re.IGNORECASE)


def read_yes_no(part: int, name: str, reply: Reply, subject: Subject) -> Verdict:
    """Read the answer to one question; only one that begins with the word Yes or No counts."""
    match = _YES_NO.match(reply.text)
    if match is None or reply.outcome != "answer":
        return Verdict(part, name, None, missing="the judge answered neither yes nor no")
    yes = match[1].lower() == "yes"
    against = 0.0 if subject.system.scoring == "expression" else -1.0
    return Verdict(part, name, float(yes), valence=1.0 if yes else against)


def read_concepts(text: str) -> tuple[str, ...] | None:
    """Read a model's concepts.

    Args:
        text: the answer; words or a code fence around the JSON object are allowed.

    Returns:
        At most six statements, each on one line (none: nothing bears on the dimensions), or None
        where the answer holds no list of texts.
    """
    data: Any = _json_object(text)
    if data is None or not isinstance(data.get("concepts"), list):
        return None
    rows: list[Any] = data["concepts"]
    said = [" ".join(row.split())[:LONGEST_CONCEPT] for row in rows if isinstance(row, str)]
    found = tuple(concept for concept in said if concept)
    return None if rows and not found else found[:MOST_CONCEPTS]
