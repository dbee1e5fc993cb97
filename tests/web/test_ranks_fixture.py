"""What the page's own weighing is held to: numbers of the Python functions, kept as a fixture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import ndtr, stdtrit
from scipy.stats import norm

from valuecompass.stats.ranks import _small_sample, rank_sets  # pyright: ignore[reportPrivateUsage]
from valuecompass.web.api.boards import packed

FIXTURE = Path(__file__).parents[2] / "frontend/src/state/ranks.fixture.json"


def _board(name: str, respondents: int, seed: int, items: int, missing: bool) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    scores = rng.uniform(20, 80, (respondents, 4)).round(6)
    draws = np.clip(scores + rng.normal(0, 60 / np.sqrt(items), (120, respondents, 4)), 0, 100)
    counts = np.full((respondents, 4), float(items))
    if missing:
        scores[1, 2] = np.nan
    weights = np.array([0.5, 0.25, 0.0 if missing and seed % 2 else 0.25, 0.0])
    data, steps = packed(draws, 0.0, 100.0)
    used = np.flatnonzero(weights)
    value = scores[:, used] @ weights[used]
    # what the page sees are the packed draws
    drawn = (steps / 65_535 * 100)[:, :, used] @ weights[used]
    ends = np.quantile(drawn, [0.025, 0.975], axis=0)
    sets = rank_sets(value, drawn, n=items)

    def known(number: float, digits: int = 6) -> float | None:
        return None if np.isnan(number) else round(float(number), digits)

    return {
        "name": name,
        "scores": [[known(v) for v in row] for row in scores],
        "weights": weights.tolist(),
        "draws": {
            "respondents": [str(r) for r in range(respondents)],
            "dims": list("abcd"),
            "count": 120,
            "low": 0.0,
            "high": 100.0,
            "data": data,
            "missing": np.argwhere(np.isnan(scores)).tolist(),
            "items": counts.astype(int).tolist(),
        },
        "expected": [
            {
                "score": known(value[r]),
                "low": None if np.isnan(value[r]) else known(min(ends[0, r], value[r])),
                "high": None if np.isnan(value[r]) else known(max(ends[1, r], value[r])),
                "rank": known(sets.rank[r]),
                "rank_low": known(sets.low[r]),
                "rank_high": known(sets.high[r]),
            }
            for r in range(respondents)
        ],
    }


def _fixture() -> dict[str, Any]:
    return {
        "boards": [
            _board("few items, all tie", 6, 1, 12, False),
            _board("many items, clear order", 9, 2, 900, False),
            _board("a missing score that is weighted", 7, 4, 200, True),
            _board("a missing score of weight 0", 7, 5, 200, True),
        ],
        "tails": [{"x": x, "p": float(norm.sf(x))} for x in (0.5, 1.96, 3.2, 5.0)],
        "students": [
            {"p": p, "v": v, "t": float(-stdtrit(v, p))}
            for p in (0.2, 0.025, 1e-4)
            for v in (1, 5, 29, 400)
        ],
        "criticals": [
            {"c": c, "n": n, "to": _small_sample(c, n)} for c in (1.9, 3.1) for n in (4, 20, 300)
        ],
    }


def test_the_fixture_of_the_page_is_what_python_computes() -> None:
    assert ndtr(0) == 0.5
    assert json.loads(FIXTURE.read_text(encoding="utf-8")) == _fixture(), (
        "write it anew: python -m tests.web.test_ranks_fixture"
    )


if __name__ == "__main__":
    FIXTURE.write_text(json.dumps(_fixture()) + "\n", encoding="utf-8")
