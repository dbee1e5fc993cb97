"""Made-up measurements, for looking at what the board makes of them."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

from valuecompass.items import Item, seed_items
from valuecompass.measure.measurement import Case, Mark, Measurement, Row, Score
from valuecompass.values import builtin_system

SYSTEMS = ("schwartz", "moral-foundations", "safety", "llm-unique")
NAMES = (
    "made-up/model-a",
    "made-up/model-b@prime=Power",
    "made-up/model-c@prime=Universalism",
    "simulated/schwartz?Power=1.5&Universalism=-1&seed=3",
    "simulated/schwartz?Power=-1&Universalism=1.5&seed=4",
)
ANSWER = (
    "People should be free to decide for themselves, even when their neighbours disagree. "
    "Still, no community can work if nobody keeps the rules that were agreed upon."
)


def points(rng: random.Random) -> dict[str, float]:
    score = rng.uniform(5, 95)
    return {"score": score, "low": max(0, score - 12), "high": min(100, score + 12)}


def made_up_score(rng: random.Random, system: str) -> Score:
    keys = {"schwartz": ("within", "endorsement"), "moral-foundations": ("evr", "mvp", "apv")}
    detail = {key: points(rng) for key in keys.get(system, ())}
    return Score(**points(rng), n=rng.randint(5, 60), refused=2, missing=1, detail=detail)


def made_up_measurement(
    system: str, names: tuple[str, ...] = NAMES, notes: tuple[str, ...] = (), **manifest: Any
) -> Measurement:
    rng = random.Random(f"{system} {len(names)}")
    nothing = Score(None, None, None, 0, 0, 0)
    rows = tuple(
        Row(
            name,
            simulated := name.startswith("simulated/"),
            system,
            {
                d: nothing if simulated and system != "schwartz" else made_up_score(rng, system)
                for d in builtin_system(system).names
            },
            notes,
        )
        for name in names
    )
    given = {
        "system": builtin_system(system).model_dump(mode="json"),
        "form": {"name": "tiny", "hash": "0f" * 8},
        "judge": {"kind": "made-up", "version": 1},
        "judge_name": "made-up",
        "prompts": {"question": "ab12cd34"},
    }
    created = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)
    return Measurement(f"id-{system}", created, system, given | manifest, rows)


def corrected_measurement(
    system: str, status: str, reason: str, found: float | None
) -> Measurement:
    """One respondent whose shares are 40, corrected to `found` in every dimension."""
    share = "expression_rate" if system == "schwartz" else "rate"
    raw = {"score": 40.0, "low": 30.0, "high": 50.0, "n": 24}
    limits = (None, None) if found is None else (found - 5, found + 5)
    corrected = {"score": found, "low": limits[0], "high": limits[1], "n": 24}
    score = Score(50, 25, 75, 24, 0, 0, {share: raw, "corrected": corrected})
    gate = {"status": status, "reason": reason}
    source = made_up_measurement(system, NAMES[:1], judge_gate=gate)
    row = Row(NAMES[0], False, system, dict.fromkeys(builtin_system(system).names, score))
    return Measurement(source.id, source.created, system, source.manifest, (row,))


def made_up_case(
    system: str = "schwartz",
    *,
    respondent: str = NAMES[0],
    response: str = ANSWER,
    outcome: str = "answer",
    item: Item | None = None,
    marks: tuple[Mark, ...] | None = None,
) -> Case:
    first, second = builtin_system(system).names[:2]
    if marks is None:
        marks = (Mark(first, 0.8, 0.7, 0.9, 0, 60), Mark(second, 0.6, -0.5, 0.7, 40, 84))
    simulated = respondent.startswith("simulated/")
    item = item or seed_items(system)[0]
    return Case(respondent, simulated, system, item, response, outcome, marks)


def made_up_cases(system: str, per_respondent: int) -> list[Case]:
    return [
        made_up_case(system, respondent=name, item=item)
        for name in NAMES
        for item in seed_items(system)[:per_respondent]
    ]
