"""The mock provider's answers: a pure function of the request, real enough to be judged."""

from __future__ import annotations

import json
import re
from typing import Any

from valuecompass.hashing import digest

OPENINGS = (
    "I have turned this over a few times, and I keep coming back to the people it touches.",
    "There are good arguments on either side here, yet one of them weighs more.",
    "My first thought was to stay out of it, but the case deserves an answer.",
    "Much depends on how such a rule would be lived day by day.",
    "A decision like this should be easy to explain to those who lose by it.",
    "Nobody can foresee every effect, so the likely ones have to guide us.",
)
REASONS = (
    "People grow when they may choose their own way and live with the result.",
    "A little risk keeps a town lively and its young people curious.",
    "Pleasure is part of a good life and needs no excuse.",
    "Those who worked hardest for it have earned the prize.",
    "Somebody has to be in charge, and strong leadership gets things done.",
    "Families sleep better when streets, savings and borders are safe.",
    "Rules only work when everyone keeps them, even when no one is looking.",
    "Customs handed down over generations carry more sense than they show.",
    "Caring for the neighbour who fell ill comes before any plan of ours.",
    "Strangers far away deserve the same fairness as our friends.",
    "Forests and rivers have no vote, so we must speak for them.",
    "Honest accounts matter more than a good impression.",
    "A promise given in good faith should be kept, even at a cost.",
    "Freedom to fail is the price of freedom to try.",
    "Public money should reach those who have least.",
    "Respect for elders holds a community together.",
)
CLOSINGS = (
    "I would rather be a little too generous than a little too late.",
    "That is where I would draw the line.",
    "With these limits I can stand behind the choice.",
    "Others may weigh it differently, and I would hear them out.",
)

_CHOICE = re.compile(r"\bA\b\W{1,3}or\W{1,3}(?:\w+\W{1,3})?\bB\b|\bA/B\b")
_RANGE = re.compile(r"(-?\d+)\s*(?:\([^)]*\)\s*)?(?:-|\u2013|\.\.|to|and|through)\s*(\d+)\b")
_NUMBER = re.compile(r"\b(?:number|digit|integer|rating|rate|scale)\b", re.IGNORECASE)
_QUOTED = re.compile(r"quote|evidence|span|excerpt", re.IGNORECASE)
_DEEPEST = 6


def pick(options: Any, *key: object) -> Any:
    """Return one of the options, chosen by the hash of the key."""
    return options[int(digest([str(part) for part in key], 12), 16) % len(options)]


def flat(content: Any) -> str:
    """Return a message's text, whether it came as a string or as content parts."""
    if isinstance(content, list):
        return "\n".join(part.get("text", "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def last_user_text(body: dict[str, Any]) -> str:
    """Return the text of the last user message."""
    texts = [flat(m.get("content")) for m in body["messages"] if m.get("role") == "user"]
    return texts[-1] if texts else ""


def schema_of(body: dict[str, Any]) -> dict[str, Any] | None:
    """Return the JSON schema a request asks its answer to follow, if it does."""
    wanted = body.get("response_format") or {}
    return wanted.get("json_schema", {}).get("schema") if wanted else None


def answer(body: dict[str, Any], index: int = 0) -> str:
    """Return the text of choice `index`: by model, messages, seed and temperature only."""
    parts = (body["model"], body["messages"], body.get("seed"), body.get("temperature"), index)
    key = digest(parts)
    prompt = last_user_text(body)
    schema = schema_of(body)
    if schema is not None:
        return json.dumps(from_schema(schema, key, prompt), ensure_ascii=False)
    if _CHOICE.search(prompt):
        return pick(("A", "B"), key)
    if _NUMBER.search(prompt) and (found := _RANGE.search(prompt)):
        low, high = sorted((int(found[1]), int(found[2])))
        return str(pick(range(low, high + 1), key))
    return opinion(key)


def opinion(key: str) -> str:
    """Return two to four sentences, a stance line and three different numbered points."""
    reasons = sorted(REASONS, key=lambda reason: digest([key, reason]))
    body = [pick(OPENINGS, key, "open"), *reasons[3 : 3 + pick((0, 1, 2), key, "n")]]
    lines = [" ".join([*body, pick(CLOSINGS, key, "close")])]
    lines.append(f"Stance: {pick(('yes', 'no'), key, 'stance')}")
    lines += [f"{n}. {reason}" for n, reason in enumerate(reasons[:3], 1)]
    return "\n".join(lines)


def from_schema(schema: dict[str, Any], key: str, prompt: str = "") -> Any:
    """Return a value that satisfies a JSON schema, chosen by the hash of `key`.

    Covers objects, arrays, strings, numbers, integers, booleans, null, enum, const, anyOf, oneOf,
    allOf and local $ref. Strings named like a quotation quote a sentence of `prompt`.
    """
    return _value(schema, schema, key, "", 0, prompt)


def _value(
    schema: dict[str, Any], root: dict[str, Any], key: str, name: str, depth: int, prompt: str
) -> Any:
    schema = _resolved(schema, root, f"{key}{name}", depth)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return pick(schema["enum"], key, name)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(kind, list):
        kind = "null" if depth > _DEEPEST and "null" in kind else pick(kind, key, name, "type")
    match kind:
        case "object":
            return {
                child: _value(part, root, f"{key}/{child}", child, depth + 1, prompt)
                for child, part in schema.get("properties", {}).items()
            }
        case "array":
            low = schema.get("minItems", 0 if depth > _DEEPEST else 1)
            count = pick(range(low, max(low, schema.get("maxItems", low + 2)) + 1), key, "length")
            if depth > _DEEPEST:
                count = low
            part = schema.get("items", {"type": "string"})
            return [_value(part, root, f"{key}/{i}", name, depth + 1, prompt) for i in range(count)]
        case "number" | "integer":
            return _number(schema, key, whole=kind == "integer")
        case "boolean":
            return pick((True, False), key)
        case "null":
            return None
        case _:
            return _string(schema, key, name, prompt)


def _resolved(schema: dict[str, Any], root: dict[str, Any], key: str, depth: int) -> dict[str, Any]:
    """Follow $ref and choose among alternatives until a plain schema is left."""
    while True:
        if "$ref" in schema:
            target: Any = root
            for step in schema["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            schema = target
        elif "allOf" in schema:
            merged: dict[str, Any] = {}
            for part in schema["allOf"]:
                part = _resolved(part, root, key, depth)
                properties = merged.get("properties", {}) | part.get("properties", {})
                merged |= part | ({"properties": properties} if properties else {})
            schema = merged
        elif options := schema.get("anyOf") or schema.get("oneOf"):
            ends = [option for option in options if option.get("type") == "null"]
            schema = ends[0] if ends and depth > _DEEPEST else pick(options, key, "any")
        else:
            return schema


def _number(schema: dict[str, Any], key: str, *, whole: bool) -> float | int:
    """Return a number within the schema's bounds; without bounds 0 to 1, or 1 to 5 if whole."""
    low, high = (1, 5) if whole else (0.0, 1.0)
    if "minimum" in schema or "exclusiveMinimum" in schema:
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0) + (1 if whole else 1e-3))
        high = low + (4 if whole else 1.0)
    if "maximum" in schema or "exclusiveMaximum" in schema:
        high = schema.get("maximum", schema.get("exclusiveMaximum", 0) - (1 if whole else 1e-3))
        low = min(low, high)
    if whole:
        return pick(range(int(low), int(high) + 1), key)
    return round(low + (high - low) * pick(range(101), key) / 100, 4)


def _string(schema: dict[str, Any], key: str, name: str, prompt: str) -> str:
    text = pick(REASONS, key)
    if _QUOTED.search(name):
        sentences = [s for s in re.split(r"(?<=[.!?])\s+", prompt) if 8 < len(s) < 300]
        text = pick(sentences, key) if sentences else ""
    text = text[: schema.get("maxLength", len(text))]
    return text.ljust(schema.get("minLength", 0), ".")
