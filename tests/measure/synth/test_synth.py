"""A simulated workspace: labelled, seeded, scored as real ones are, with a known truth."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete

from tests.measure.helpers import Command, rows
from valuecompass.board.boards import load_board
from valuecompass.board.drift import drift
from valuecompass.errors import InputError
from valuecompass.measure.archive import load_cases
from valuecompass.measure.item_table import answered, item_table
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.synth import Built, Synthetic, build_workspace
from valuecompass.measure.synth.truth import STEP
from valuecompass.store import DATABASE, item_tables, open_store, responses

pytestmark = pytest.mark.anyio
SIZE = Synthetic(respondents=4, items=400, dims=10, dates=2, seed=3)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Built]:
    import anyio

    workspace = tmp_path_factory.mktemp("synth") / "ws"
    return workspace, anyio.run(build_workspace, workspace, SIZE)


async def test_everything_says_that_it_is_simulated(built: tuple[Path, Built]) -> None:
    workspace, done = built
    board = await load_board(workspace, None, "schwartz")
    assert all(board.simulated) and len(board.respondents) == 4
    assert any("Simulated: nobody was asked" in notice for notice in board.notices)
    for measurement in done.measurements:
        assert measurement.manifest["synthetic"]["seed"] == 3
        assert measurement.gate is not None and measurement.gate.status == "unmeasured"
    models = rows(workspace, "select distinct model from responses")
    assert all(model.startswith("simulated/") for (model,) in models)
    assert done.bytes == (workspace / DATABASE).stat().st_size
    assert all(p.name.startswith(DATABASE) for p in workspace.iterdir())


async def test_answers_have_80_to_150_words_and_none_stands_twice(
    built: tuple[Path, Built],
) -> None:
    workspace, done = built
    async with open_store(workspace) as store:
        said = [r for m in done.measurements for r in await load_cases(store, m)]
        texts = [row["text"] for row in await store.rows(responses.select())]
    assert len(said) == done.answers == 3_200
    words = [len(case.response.split()) for case in said if case.outcome == "answer"]
    assert min(words) >= 80 and max(words) <= 150
    assert len(set(texts)) == len(texts)
    outcomes = {case.outcome for case in said}
    assert outcomes == {"answer", "refusal", "missing"}
    for case in said[:200]:
        for mark in case.marks:
            if mark.start is not None:
                evidence = case.response[mark.start : mark.end]
                assert evidence == evidence.strip() and evidence[0].isupper()
                assert case.response[mark.start - 3 : mark.start].rstrip(" ").endswith(".")


async def test_scores_are_those_of_the_scoring(built: tuple[Path, Built]) -> None:
    workspace, done = built
    async with open_store(workspace) as store:
        for measurement in done.measurements:
            kept = await item_table(store, measurement)
            await store.write((delete(item_tables), []))
            # read back from answers and verdicts, it says the same
            again = (await answered(store, measurement)).table
            assert np.allclose(kept.totals, again.totals) and np.array_equal(
                kept.counts, again.counts
            )
            scores = [[s.score for s in row.dimensions.values()] for row in measurement.rows]
            assert np.allclose(kept.scores(), np.array(scores, dtype=float), atol=0.006)


async def test_what_is_planted_shows_and_only_who_drifts_changes(
    built: tuple[Path, Built],
) -> None:
    workspace, done = built
    first, last = done.measurements
    planted = SIZE.planted()
    for measurement, truth in zip((first, last), planted, strict=True):
        scores = np.array([[s.score for s in r.dimensions.values()] for r in measurement.rows])
        assert np.corrcoef(scores.ravel(), truth.ravel())[0, 1] > 0.85
    moved = np.abs(planted[1] - planted[0])
    assert SIZE.drifting() == [0, 3] and sorted(set(np.flatnonzero(moved.sum(axis=1)))) == [0, 3]
    assert np.allclose(np.sort(moved[0])[-2:], STEP)
    change = np.array([_change(first, last, name) for name in first.rows[0].dimensions])
    expected = planted[1, 0] - planted[0, 0]
    assert np.corrcoef(change, expected)[0, 1] > 0.7
    series = (await drift(workspace, None, "Simulated 01", "schwartz"))["series"]
    assert len(series) == 2


def _change(first: Measurement, last: Measurement, name: str) -> float:
    before, after = (m.rows[0].dimensions[name].score for m in (first, last))
    assert before is not None and after is not None
    return after - before


async def test_equal_seeds_give_equal_workspaces(tmp_path: Path) -> None:
    small = Synthetic(2, 20, 3, 1, 5)
    one = await build_workspace(tmp_path / "a", small)
    two = await build_workspace(tmp_path / "b", small)
    other = await build_workspace(tmp_path / "c", Synthetic(2, 20, 3, 1, 6))
    assert one.measurements[0].id == two.measurements[0].id != other.measurements[0].id
    assert one.measurements[0].system == "synthetic-3"
    texts = "select key, text from responses order by key"
    assert rows(tmp_path / "a", texts) == rows(tmp_path / "b", texts)


async def test_it_is_never_mixed_with_what_is_there(built: tuple[Path, Built]) -> None:
    with pytest.raises(InputError, match="already there; name a new workspace"):
        await build_workspace(built[0], SIZE)


def test_sizes_that_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    for field, value in (("items", 10**6), ("dims", 11), ("dims", 1), ("dates", 0), ("seed", -1)):
        with pytest.raises(InputError, match=f"--{field} {value}"):
            Synthetic(**{field: value})


def test_the_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    cli = Command(monkeypatch, capfd)
    where = ("-w", tmp_path / "ws", "--json")
    size = ("--respondents", 2, "--items", 30, "--dims", 2, "--dates", 2)
    told = json.loads(cli("workspace", "synth", *size, *where).out)
    assert told["simulated"] and told["answers"] == 120 and told["system"] == "synthetic-2"
    ids = [m["id"] for m in told["measurements"]]
    assert json.loads(cli("workspace", "index", *where).out) == {"indexed": ids, "there": []}
    assert json.loads(cli("workspace", "index", *where).out) == {"indexed": [], "there": ids}
    assert cli("workspace", "synth", *size, *where).code == 2
