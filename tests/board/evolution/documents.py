"""A document with everything in it, as `evolution_report` returns it; numbers are made up."""

from __future__ import annotations

from typing import Any

from valuecompass.evolve.report.figures_run import cost, course, rewards

NAMES = ("Power", "Hedonism", "Tradition")


def limits(value: float | None, width: float | None = 0.1) -> dict[str, Any]:
    if value is None or width is None:
        return {"value": value, "low": None, "high": None}
    return {"value": value, "low": value - width, "high": value + width}


def figure(reason: str | None = None, *, covers: tuple[str, ...] = ("items",)) -> dict[str, Any]:
    empty = reason is not None
    return {
        "values": {
            "evolved": limits(None if empty else 0.5),
            "seeds": limits(None if empty else 0.2),
            "mine.jsonl": limits(None if empty else 0.3),
        },
        "differences": {
            "seeds": limits(None if empty else 0.3),
            "mine.jsonl": limits(None if empty else 0.05),
        },
        "covers": [] if empty else list(covers),
        "reason": reason,
    }


def paired(n: int) -> dict[str, Any]:
    known = {"baseline": 50.0, "primed": 71.5, "t": 4.2, "d": 1.3, "p": 0.0004}
    return {"n": n, **(known if n else dict.fromkeys(known))}


def one_system(name: str = "Schwartz basic values") -> dict[str, Any]:
    band = [{"size": s, "value": v, "low": v - 0.1, "high": v + 0.05} for s, v in SIZES]
    return {
        "system": "schwartz",
        "name": name,
        "dimensions": list(NAMES),
        "models": ["m1", "m2"],
        "silent": ["m3"],
        "sparse": ["m2"],
        "notes": [{"respondent": "m1", "note": "judged by a model of the same provider, m9"}],
        "repeats": 2,
        "sets": [
            {
                "name": set_name,
                "n": 100,
                "compared": None if set_name == "other run" else 90,
                "available": 400,
                "topics": 60,
                "mix_difference": 0.03,
                "measurement": "0123456789abcdef",
            }
            for set_name in ("evolved", "seeds", "mine.jsonl", "other run")
        ],
        "judge": "some/judge",
        "gate": {"status": "failed", "reason": "The judge is no better than the shortcut."},
        "told_apart": {
            "between": figure("one answer to an item"),
            "shared": figure(covers=("items", "respondents")),
            "divergence": figure(),
            "information": figure(covers=()),
        },
        "reliability": {
            "reason": None,
            "fold": 20,
            "alpha": {n: limits(0.8) for n in NAMES},
            "pooled_alpha": limits(0.85),
            "variation": limits(0.2, None),
        },
        "curve": {"reason": None, "part": band, "apart": band[:2]},
        "swap": {
            "reason": None,
            "cells": 30,
            **{k: limits(0.8) for k in ("icc", "pearson", "spearman", "alpha", "centred")},
            "by_dimension": {
                n: {"n": 9, **{k: limits(0.7) for k in ("pearson", "spearman", "icc")}}
                for n in NAMES
            },
        },
        "priming": {
            "reason": None,
            "note": None,
            "all": {"target": paired(10), "same_group": paired(0), "opposite": paired(24)},
            "by_examinee": {},
            "by_dimension": [
                {
                    "examinee": "m1",
                    "dimension": n,
                    "baseline": 40.0,
                    "primed": 90.0,
                    "same_group": None,
                    "opposite": 22.0,
                }
                for n in NAMES
            ],
        },
    }


SIZES = ((25, 0.6), (100, 0.8), (1000, 0.95))
BODY = {
    "kept": [
        {"topic": f"t{i}", "rewards": {"selected": 1 + i / 9, "fresh": i / 9}} for i in range(9)
    ],
    "meter": {"explorer": 20, "answers": 60, "judge": 1_050, "safety": 1_000},
    "spent": {"calls": 1_100, "tokens_in": 90_000, "tokens_out": 10_000, "usd": None},
}
EVENTS = [
    {
        "event": "pull",
        "topic": f"t{i // 2}",
        "kept": [{"id": "x", "reward": 1 + i / 10}],
        "spent": {"explorer": i, "answers": 20 * i, "judge": i},
    }
    for i in range(1, 30)
]


def document(**changed: Any) -> dict[str, Any]:
    """The document, with some parts changed."""
    rows = [{"name": "law-justice-rights", "n": 7}, {"name": None, "n": 2}]
    return {
        "run": {
            "id": "fedcba9876543210",
            "created": "2026-03-01T00:00:00+00:00",
            "method": "adaem",
            "language": "en",
            "systems": [{"id": "schwartz", "name": "Schwartz basic values"}],
            "stopped": "calls",
            "simulated": [],
            "manifest": {"method": "adaem", "pool": ["a", "b"], "config": {"tau": 0.1}},
        },
        "counts": {
            "kept": 9,
            "rejected": 12,
            "reasons": [{"reason": "similar", "n": 12}],
            "filtered": 1,
            "filter_reasons": [{"reason": "asks for harm", "n": 1}],
            "fresh_answers": [{"outcome": "answer", "n": 27}],
        },
        "texts": {
            "sets": [
                {
                    "set": "evolved",
                    "texts": 9,
                    "sampled": 9,
                    "encoded": 0,
                    "words": 18.2,
                    "self_bleu": 20.1,
                    "dist_2": 0.8,
                    "similarity": 0.4,
                    "similarity_to_reference": None,
                }
            ],
            "encoder": None,
            "reasons": ["Similarity was not checked: the encoder does not know 'zh'."],
        },
        "distributions": {
            "topic_classes": {"evolved": rows, "seeds": rows},
            "dimensions": {"evolved": rows, "seeds": rows},
            "regions": rows,
            "years": {"known": [{"name": 2020, "n": 3}, {"name": 2024, "n": 6}], "unknown": 1},
            "generators": rows,
            "kinds": [{"name": "question", "n": 9}],
        },
        "spread": {"topics": 9, "seeds": 90, "entropy": 0.45, "entropy_most": 0.49},
        "rewards": rewards(BODY["kept"]),
        "cost": cost(BODY),
        "course": course(EVENTS),
        "notices": ["UCB never chooses."],
        "examinees": {
            "models": [
                {"name": "simulated/schwartz?seed=1", "simulated": True, "overlap": False},
                {"name": "openai/gpt", "simulated": False, "overlap": True},
            ],
            "origin": "pool",
            "overlap": ["openai/gpt"],
        },
        "systems": [one_system()],
        "not_compared": None,
    } | changed
