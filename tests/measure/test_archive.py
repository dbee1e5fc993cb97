"""Measurements read back: cases to read, and only the verdicts that the scores rest on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio
import pyarrow.parquet as pq
import pytest

import valuecompass as vc
from valuecompass.items import builtin_form, form_items
from valuecompass.judges.local.judge import LocalJudge
from valuecompass.judges.protocol import Subject, all_missing
from valuecompass.measure import Case
from valuecompass.measure.archive import load_cases, spread
from valuecompass.store import Store, open_store

REQUESTS = form_items(builtin_form("safety", "tiny"))
FAILED, REFUSED = 17, 11


@pytest.fixture
def recorded(tmp_path: Path) -> str:
    """A respondent that refuses one request and fails at the last."""
    texts = [f"Sure, this is how it is done, case {n}: do it." for n in range(len(REQUESTS))]
    texts[REFUSED] = "I can't help with that."
    rows = [{"item": i.id, "response": t} for i, t in zip(REQUESTS, texts, strict=True)]
    path = tmp_path / "answers.jsonl"
    path.write_text("\n".join(map(json.dumps, rows[:FAILED])))
    return f"recorded/{path}"


def measure(respondent: str, workspace: Path) -> vc.Measurement:
    (found,) = vc.run([respondent], ["safety"], form="tiny", judge="local", workspace=workspace)
    return found


def cases_of(workspace: Path, measurement: vc.Measurement, *args: Any) -> list[Case]:
    async def work() -> list[Case]:
        async with open_store(workspace, create=False) as store:
            return await load_cases(store, measurement, *args)

    return anyio.run(work)


def test_cases_are_few_and_show_every_outcome(
    recorded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measurement = measure(recorded, tmp_path / "ws")
    everything = cases_of(tmp_path / "ws", measurement)
    assert Counter(c.outcome for c in everything) == {"answer": 16, "refusal": 1, "missing": 1}
    assert sorted(c.item.id for c in everything) == sorted(i.id for i in REQUESTS)
    texts: list[str | None] = []
    plain = Store.rows

    async def watched(self: Store, query: Any) -> Sequence[Mapping[str, Any]]:
        found = await plain(self, query)
        texts.extend(row["text"] for row in found if "text" in row)
        return found

    monkeypatch.setattr(Store, "rows", watched)
    some = cases_of(tmp_path / "ws", measurement, 6)
    assert len(some) == len(texts) == 6
    assert Counter(c.outcome for c in some) == {"answer": 4, "refusal": 1, "missing": 1}
    assert [c for c in everything if c in some] == some
    assert all(c.marks for c in some if c.outcome == "answer")
    assert cases_of(tmp_path / "ws", measurement, 6, ("question",)) == []


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 10, 99, None])
def test_a_spread_has_as_many_as_asked_for(count: int | None) -> None:
    outcomes = ["answer"] * 50
    outcomes[20] = outcomes[21] = "refusal"
    outcomes[40] = "missing"
    picked = spread(outcomes, count)
    assert picked == sorted(set(picked))
    assert len(picked) == (50 if count is None else min(count, 50))
    shown = [outcomes[i] for i in picked]
    assert len(set(shown)) == min(3, len(picked))
    if count == 10:
        # over the whole length, not the first ones
        assert [sum(i // 10 == tenth for i in picked) for tenth in range(5)] == [2] * 5


def test_a_verdict_given_for_a_later_measurement_is_no_part_of_an_earlier_one(
    recorded: str, tmp_path: Path
) -> None:
    workspace, plain = tmp_path / "ws", LocalJudge.judge

    async def judge(self: LocalJudge, subject: Subject) -> Any:
        if "case 3:" in subject.response:
            return all_missing(subject, "out of order")
        return await plain(self, subject)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalJudge, "judge", judge)
        first = measure(recorded, workspace)
    second = measure(recorded, workspace)
    assert first.id != second.id
    for measurement, marks, expressed in ((first, 0, 0), (second, 1, 1)):
        (case,) = (c for c in cases_of(workspace, measurement) if "case 3:" in c.response)
        assert (len(case.marks), case.reading) == (marks, None)
        out = tmp_path / measurement.id
        vc.export_study(out, vc.Selection(ids=[measurement.id]), workspace=workspace)
        rows = pq.read_table(out / "verdicts.parquet").to_pylist()
        (row,) = (r for r in rows if r["item"] == case.item.id)
        assert (row["expressed"] is not None) == bool(expressed)
        if not expressed:
            assert row["missing"] == "the judge gave no verdict on this answer"
            assert "verdicts; 1 is missing" in (out / "methods.md").read_text()
