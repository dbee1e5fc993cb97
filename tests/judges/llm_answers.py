"""A language model's whole answer as a judge, and checks of what is read from a damaged one."""

from __future__ import annotations

from typing import Any

from tests.judges.examples import subject
from valuecompass.judges import Subject, Verdict
from valuecompass.judges.llm.answers import VALENCE

ABOUT = subject()
CELLS = [(part, name) for part in range(3) for name in ABOUT.dimensions]
NOT_A_DEGREE = [
    *(-0.01, 1.01, -1, 2, 100, 1e308, -(10**400), 10**400),
    *(True, False, None, "", " ", "high", "1/2", "NaN", "inf", "0,5", "٠٫٥x", [], [0.5], {}),
    *({"value": 0.5}, "-0.2", "1e9", "0x1"),
]


def true_answer() -> dict[str, Any]:
    """A whole answer in which no two verdicts are equal and none is 0."""
    rows = iter(range(1, 10))
    return {
        "parts": [
            {
                "part": part + 1,
                "verdicts": [
                    {
                        "dimension": name,
                        "expressed": (n := next(rows)) / 10,
                        "stance": ("supports", "opposes", "neither")[n % 3],
                        "confidence": 1 - n / 20,
                        "evidence": ABOUT.parts[part].text[3:20],
                    }
                    for name in ABOUT.dimensions
                ],
            }
            for part in range(3)
        ]
    }


TRUTH = {
    (part["part"] - 1, row["dimension"]): row
    for part in true_answer()["parts"]
    for row in part["verdicts"]
}


def check_range(found: dict[tuple[int, str], Verdict], about: Subject = ABOUT) -> None:
    for (part, name), verdict in found.items():
        assert 0 <= part < len(about.parts) and name in about.dimensions
        assert (verdict.part, verdict.dimension, verdict.missing) == (part, name, None)
        assert type(verdict.expressed) is float and 0 <= verdict.expressed <= 1
        assert verdict.valence in (-1, 0, 1)
        assert type(verdict.confidence) is float and 0 <= verdict.confidence <= 1
        assert (verdict.start is None) == (verdict.end is None)
        if verdict.start is not None and verdict.end is not None:
            piece = about.parts[part]
            assert piece.start <= verdict.start < verdict.end <= piece.end


def check_true(found: dict[tuple[int, str], Verdict]) -> None:
    """Every verdict found is the one that was given for that part and dimension."""
    check_range(found)
    for cell, verdict in found.items():
        row = TRUTH[cell]
        assert verdict.expressed == row["expressed"]
        assert verdict.valence == VALENCE[row["stance"]]
        assert verdict.confidence == row["confidence"]
