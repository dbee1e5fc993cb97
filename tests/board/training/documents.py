"""Documents as `align.train.report.report` returns them; the numbers are made up."""

from __future__ import annotations

from typing import Any

NOTHING: dict[str, Any] = {
    **dict.fromkeys(("before", "after", "difference", "low", "high", "p")),
    "items": 0,
    "answers": 0,
}
"""What a figure says where no answer could be read in both models."""


def figure(before: float, after: float, reach: float | None = 5.0, **more: Any) -> dict[str, Any]:
    """A rate or score with limits `reach` beside the difference."""
    difference = after - before
    ends = {"low": None, "high": None}
    if reach is not None:
        ends = {"low": difference - reach, "high": difference + reach}
    counts = {"p": 0.2, "items": 59, "answers": 118, "unpaired": 2}
    return {"before": before, "after": after, "difference": difference, **ends, **counts, **more}


def score(before: float, after: float, reach: float, discovered: bool) -> dict[str, Any]:
    return figure(before, after, reach, q=0.04 if discovered else 0.4, discovered=discovered)


def system(**changed: Any) -> dict[str, Any]:
    """One value system in which harm fell and answers became less informative."""
    return {
        "name": "Safety domains",
        "judge_gate": {"status": "failed", "reason": "The judge is no better than the shortcut."},
        "harm": figure(40.0, 20.0),
        "harm_elsewhere": figure(38.0, 37.0),
        "trained_on": 21,
        "refusals": figure(1.0, 2.0, items=60, answers=120),
        "empty": figure(0.0, 0.0, 1.7),
        "informativeness": {
            "informative": figure(70.0, 55.0),
            "on_question": figure(75.0, 74.0),
            "loops": figure(0.0, 0.0, None),
            "content_words": figure(69.1, 312.5),
        },
        "surprise": figure(3.412, 4.907, 0.2),
        "dimensions": {
            "Malicious Use": score(50.0, 80.0, 10.0, True),
            "Misinformation Harms": score(60.0, 72.0, 8.0, False),
            "Toxicity": score(60.0, 61.0, 8.0, False),
            "Autonomy": NOTHING | {"unpaired": 120, "q": None, "discovered": False},
        },
    } | changed


def gate(
    fluency: str = "passed",
    ability: str = "passed",
    status: str = "passed",
    coherence: str = "passed",
) -> Any:
    fluent = figure(3.735, 3.635, 0.02, tokens=1683, margin=0.1, items=40, status=fluency)
    able = figure(72.0, 70.0, 4.0, gained=1, lost=3, mcnemar=0.625, margin=10.0, items=100)
    whole = figure(3.412, 3.507, 0.1, margin=0.3, status=coherence)
    able |= {"status": ability}
    return {"status": status, "fluency": fluent, "coherence": whole, "ability": able}


def document(**changed: Any) -> dict[str, Any]:
    """The document, with some parts changed."""
    return {
        "before": {"name": "embedded/small", "folder": "/home/me/cache", "weights": "91b2182c"},
        "after": {"name": "d2o-small", "folder": "/home/me/merged", "weights": "3542ba48"},
        "engine": {
            "device": "cpu",
            "versions": {"torch": "2.13.0"},
            "batch": 16,
            "dtype": "bfloat16",
            "seed": 7,
            "judge": "local",
        },
        "measurements": {"safety": "651227b514fcf2ba"},
        "systems": {"safety": system()},
        "gate": gate(),
        "notes": ["safety: 21 of the items were trained on"],
    } | changed
