"""How many tokens questions, answers and verdicts take: measured where answers are stored.

The reference for models without stored answers was measured on the embedded model's own counts
(`python benchmarks/cost/tokens.py`), which says how far it is off.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Text, cast, or_, select

from valuecompass.items import Item, built_in_form
from valuecompass.judges.llm.judge import LLMJudge, render
from valuecompass.judges.protocol import judged_dimensions, subject_of
from valuecompass.measure.asking import READ_OFF, room_of
from valuecompass.measure.plan import Plan
from valuecompass.models import Respondent
from valuecompass.store import Store, answers, measurements, responses
from valuecompass.store import items as item_table
from valuecompass.text import POINTS
from valuecompass.values import ValueSystem

PROMPT_TOKENS, PER_CHARACTER = 34.0, 0.228
"""Tokens that a prompt takes beside its text, and for each character of it."""
PER_WORD = 1.27
"""Tokens of an answer for each word that is asked for."""
READ_OFF_TOKENS = 2.0
"""Tokens of a choice or rating."""
JSON_PER_CHARACTER = 0.33
"""Tokens for each character of a judge's JSON: brackets and short names weigh more than prose."""
EVIDENCE = 40
"""Characters of the passage that a judge quotes for a value it finds."""
SAMPLE = 500
"""Stored answers of a model that its use is measured on."""


class Tokens(NamedTuple):
    """Tokens of one request."""

    into: float
    out: float


@dataclass(frozen=True)
class Use:
    """What stored answers of a model took.

    Attributes:
        n: number of answers.
        into: measured tokens of prompts as a multiple of the reference; 1 without answers.
        out: by kind of item: tokens of an answer for each word asked for.
    """

    n: int = 0
    into: float = 1.0
    out: Mapping[str, float] = field(default_factory=dict[str, float])


def prompt_tokens(characters: float) -> float:
    """Return the reference's tokens of a prompt."""
    return PROMPT_TOKENS + PER_CHARACTER * characters


def answer_tokens(
    characters: int, kind: str, words: int, most: int, use: Use, steps: int = 1
) -> Tokens:
    """Return the tokens of a question and its answer.

    Args:
        characters: of the prompt.
        kind: of the item.
        words: length of the answer that is asked for.
        most: limit of the answer, in tokens.
        use: what the model's stored answers took.
        steps: requests that it takes.
    """
    reference = READ_OFF_TOKENS if kind in READ_OFF else steps * PER_WORD * words
    out = use.out[kind] * words if kind in use.out else reference
    return Tokens(steps * use.into * prompt_tokens(characters), min(out, steps * most))


async def measured_use(store: Store, respondent: Respondent) -> Use:
    """Return what the stored answers of a model took, as far as measurements hold them.

    Only answers that were asked for as they will be: with this reasoning effort and this limit.
    """
    params, effort = responses.c.request["params"], respondent.reasoning_effort
    asked_so = [params["reasoning_effort"].as_string() == effort]
    if (room := room_of(respondent)) is not None:
        asked_so.append(params["max_tokens"].as_integer() == room)
    rows = await store.rows(
        select(
            *(responses.c[name] for name in ("request", "input_tokens", "output_tokens")),
            answers.c.measurement,
            item_table.c.body,
        )
        .join(
            answers, (answers.c.key == responses.c.key) & (answers.c.repeat == responses.c.repeat)
        )
        .join(item_table, item_table.c.id == answers.c.item)
        .where(responses.c.model == respondent.model, responses.c.input_tokens > 0, *asked_so)
        .order_by(responses.c.key)  # a hash: as good as drawn at random
        .limit(SAMPLE)
    )
    asked = await _asked(store, {row["measurement"] for row in rows})
    expected = measured = 0.0
    out: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row in rows:
        kind = row["body"]["kind"]
        if kind != "scenario":  # its tokens are those of several requests
            size = sum(len(m["content"]) for m in row["request"]["messages"])
            expected += prompt_tokens(size)
            measured += row["input_tokens"]
        if (words := asked[row["measurement"]].get(kind)) is not None:
            out[kind].append((row["output_tokens"], words))
    if not rows:
        return Use()
    per_word = {k: sum(t for t, _ in v) / sum(w for _, w in v) for k, v in out.items()}
    return Use(len(rows), measured / expected if expected else 1.0, per_word)


async def _asked(store: Store, ids: set[str]) -> dict[str, dict[str, int]]:
    """Return by measurement and kind how many words were asked for."""
    found: dict[str, dict[str, int]] = {}
    rows = await store.rows(
        select(measurements.c.id, measurements.c.system, measurements.c.manifest).where(
            measurements.c.id.in_(ids)
        )
    )
    for row in rows:
        manifest = row["manifest"]
        form = built_in_form(row["system"], manifest["form"]["hash"])
        asking: dict[str, Any] = (
            manifest.get("asked", {}).get("asking", {})
            if form is None
            else form.model_dump(mode="json")["asking"]
        )
        found[row["id"]] = {kind: how["words"] for kind, how in asking.items()}
    return found


class JudgeUse(NamedTuple):
    """What a judge takes for one respondent."""

    calls: int
    each: Tokens
    """Of one call."""
    measured: int
    """Stored verdicts that the tokens are estimated from; 0: a stand-in."""


async def judge_use(judge: LLMJudge, plan: Plan, store: Store) -> JudgeUse:
    """Return a judge's calls for one respondent, and the tokens of one.

    From stored verdicts of this model in this value system, else from its real prompts around texts
    of the length asked for and the shortest JSON that answers them. Verdicts in another system say
    little: one asks for ten values of three opinions, another for one.
    """
    judged = [q for q in plan.questions if q.item.kind not in READ_OFF]
    parts = {q.item.kind: POINTS if q.item.kind == "question" else 1 for q in judged}
    names = plan.system.names
    calls = len(judged) * (2 if judge.mode == "concepts" else 1)
    if judge.mode == "per-value":
        calls = sum(
            parts[q.item.kind] * len(judged_dimensions(q.item.kind, q.item.dimensions, names))
            for q in judged
        )
    given = await _stored_verdicts(judge, plan.system, store)
    if given:
        into, out = (sum(row[k] for row in given) for k in ("input_tokens", "output_tokens"))
        return JudgeUse(calls, Tokens(into / len(given), out / len(given)), len(given))
    kinds: dict[str, Item] = {q.item.kind: q.item for q in judged}
    each = [_stand_in(judge, plan, item) for item in kinds.values()]
    weights = [sum(q.item.kind == kind for q in judged) for kind in kinds]
    return JudgeUse(calls, _weighted(each, weights), 0)


async def _stored_verdicts(
    judge: LLMJudge, system: ValueSystem, store: Store
) -> Sequence[Mapping[str, Any]]:
    """Return this model's stored verdicts in this mode and system, as many as tell enough.

    They are known by the form they had to have, and by a definition of the system's in the prompt.
    """
    request = cast(responses.c.request, Text)
    defined = [json.dumps(d.definition)[1:-1] for d in system.dimensions]
    params = responses.c.request["params"]
    # a primed respondent's choices have a definition before them, too
    formed = (
        params["choices"][0].as_string() == "Yes"
        if judge.mode == "per-value"
        else params["schema"].as_string().is_not(None)
    )
    return await store.rows(
        select(responses.c.input_tokens, responses.c.output_tokens)
        .where(
            responses.c.model == judge.model.model,
            responses.c.input_tokens > 0,
            formed,
            or_(*(request.contains(text, autoescape=True) for text in defined)),
        )
        .order_by(responses.c.key)
        .limit(SAMPLE)
    )


def _stand_in(judge: LLMJudge, plan: Plan, item: Item) -> Tokens:
    words = plan.form.asking[item.kind].words
    text = "\n".join(f"{n}. {'words ' * (words // POINTS)}" for n in range(1, POINTS + 1))
    subject = subject_of(plan.system, item, text)
    if judge.mode == "per-value":
        prompt = render("per-value.md", subject, 0, subject.dimensions[0])
        return Tokens(prompt_tokens(len(prompt)), READ_OFF_TOKENS)
    verdicts = [
        {"dimension": name, "expressed": 0.1, "stance": "neither", "confidence": 0.9}
        | {"evidence": "" if place % 3 else EVIDENCE * "e"}
        for place, name in enumerate(subject.dimensions)
    ]
    parts = [{"part": n, "verdicts": verdicts} for n in range(1, len(subject.parts) + 1)]
    answer = json.dumps({"parts": parts})
    prompt = render("one-call.md", subject)
    return Tokens(prompt_tokens(len(prompt)), JSON_PER_CHARACTER * len(answer))


def _weighted(each: Sequence[Tokens], weights: Sequence[int]) -> Tokens:
    total = max(sum(weights), 1)
    into = sum(t.into * w for t, w in zip(each, weights, strict=True)) / total
    out = sum(t.out * w for t, w in zip(each, weights, strict=True)) / total
    return Tokens(into, out)
