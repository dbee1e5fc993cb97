"""Runs whose judge says something amiss: it is repaired, or missing and never zero."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.measure.helpers import comparable, measure, missing, small_items, write_items
from tests.support.mock_provider import MockProvider
from valuecompass.measure.measurement import Measurement

GARBAGE_KINDS = {
    "judge_prose": False,
    "judge_fenced": True,
    "judge_extra_keys": True,
    "judge_wrong_dimension": False,
    "judge_nan": False,
    "judge_out_of_range": False,
    "judge_deep": False,
    "judge_truncated": False,
}


@pytest.mark.usefixtures("able_judge")
@pytest.mark.parametrize(("kind", "readable"), GARBAGE_KINDS.items())
def test_what_a_judge_says_amiss_is_missing_never_zero(
    mock_provider: MockProvider,
    workspace: Path,
    items: Path,
    undisturbed: tuple[Measurement, int],
    kind: str,
    readable: bool,
) -> None:
    mock_provider.faults(kind)
    found = measure(workspace, items)
    asked = mock_provider.stats()["by_model"]["some-judge"]
    if readable:
        assert comparable(found) == comparable(undisturbed[0]) and asked == 6
        return
    assert asked == 12  # one repair turn each
    for score in found.rows[0].dimensions.values():
        assert (score.score, score.low, score.high, score.n) == (None, None, None, 0)
        assert score.missing == 6
    assert any("verdicts are missing" in note for note in found.rows[0].notes)
    within = [s.detail.get("within") for s in found.rows[0].dimensions.values()]
    assert any(within)  # the trade-offs need no judge


@pytest.mark.usefixtures("able_judge")
def test_a_repaired_verdict_counts(
    mock_provider: MockProvider, workspace: Path, items: Path
) -> None:
    # the repair turn has the spoilt answer and what is wrong with it, too
    mock_provider.faults("judge_truncated:turns=1")
    found = measure(workspace, items)
    assert missing(found) == 0
    assert mock_provider.stats()["by_model"]["some-judge"] == 12


@pytest.mark.usefixtures("able_judge")
def test_the_papers_mode_asks_once_per_value_and_counts_neither_as_missing(
    mock_provider: MockProvider, workspace: Path, tmp_path: Path
) -> None:
    items = write_items(tmp_path, small_items()[:1])
    found = measure(workspace, items, judge_mode="per-value")
    asked = mock_provider.stats()["by_model"]["some-judge"]
    assert asked == 30 and missing(found) == 0  # 3 points x 10 values
    mock_provider.faults("empty:model=other-judge")
    found = measure(workspace, items, judge="openai-api/mock/other-judge", judge_mode="per-value")
    assert missing(found) == 10 and found.rows[0].dimensions["Power"].score is None
