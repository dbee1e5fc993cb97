"""What the page's own means of answers are held to: Python's, kept as a fixture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata

from valuecompass.board.persons.match import person_of
from valuecompass.board.persons.questionnaire import own_questionnaire
from valuecompass.values import builtin_system
from valuecompass.web.api.persons import questionnaire_of

FIXTURE = Path(__file__).parents[2] / "frontend/src/pages/you/scores.fixture.json"


def _fixture() -> dict[str, Any]:
    asked = own_questionnaire(builtin_system("schwartz"))
    rng = np.random.default_rng(0)
    persons: list[dict[str, Any]] = []
    for _ in range(5):
        answers = {item.id: float(rng.integers(1, 7)) for item in asked.items}
        means = person_of(asked, answers).means
        ranks = [float(rank) for rank in rankdata(list(means.values()))]
        persons.append({"answers": answers, "means": means, "ranks": ranks})
    document = questionnaire_of("schwartz").model_dump()
    items = [
        {key: item[key] for key in ("id", "dimension", "keying")} for item in document["items"]
    ]
    kept = {key: document[key] for key in ("dims", "low", "high")}
    texts = [{**item, "text": ""} for item in items]
    return {"asked": {**kept, "items": texts}, "persons": persons}


def test_the_fixture_is_what_python_computes() -> None:
    # to write it anew: python -m tests.web.test_scores_fixture
    assert json.loads(FIXTURE.read_text(encoding="utf-8")) == _fixture()


if __name__ == "__main__":
    FIXTURE.write_text(json.dumps(_fixture()) + "\n", encoding="utf-8")
