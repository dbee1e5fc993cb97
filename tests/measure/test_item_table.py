"""The data under the scores: they give the scores back, and draws that belong together."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
import numpy as np
import pytest
from sqlalchemy import delete, select

from tests.measure.helpers import MODEL, judging, measure, small_items, write_items
from tests.support import mock_provider as mock_module
from tests.support.mock_provider import in_thread
from valuecompass.items import Item, seed_items
from valuecompass.measure.item_table import (
    Answered,
    ItemTable,
    _whole_items,  # pyright: ignore[reportPrivateUsage]
    answered,
    item_table,
    stored_answers,
)
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.run import run
from valuecompass.models import Respondent
from valuecompass.stats import cluster_bootstrap_mean
from valuecompass.store import item_tables, open_store
from valuecompass.values import BUILTIN, builtin_system

SAMPLES = 20_000


async def _table(workspace: Path, measurement: Measurement, anew: bool = False) -> ItemTable:
    async with open_store(workspace) as store:
        if anew:
            await store.write((delete(item_tables), []))
        return await item_table(store, measurement)


def table_of(workspace: Path, measurement: Measurement, **how: Any) -> ItemTable:
    return anyio.run(partial(_table, workspace, measurement, **how))


def some_items(system: str, folder: Path) -> Path:
    """Return a file with a few items of every kind and dimension."""
    kept: dict[tuple[str, str], list[Item]] = {}
    for item in seed_items(system):
        kept.setdefault((item.kind, item.dimensions[0]), []).append(item)
    return write_items(folder, [item for of_one in kept.values() for item in of_one[:2]])


Made = tuple[Path, Measurement]


@pytest.fixture(scope="session", params=BUILTIN)
def simulated(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Two simulated respondents, and one that the system does not know."""
    system: str = request.param
    folder = tmp_path_factory.mktemp(system)
    name = quote(builtin_system(system).names[0], safe="")
    models = [
        f"simulated/{system}?{name}=1.5&seed=1",
        f"simulated/{system}?{name}=-1&seed=2",
        "simulated/safety" if system != "safety" else "simulated/schwartz",
    ]
    items = some_items(system, folder)
    (found,) = run(models, [system], items=items, form="tiny", workspace=folder / "ws")
    return folder / "ws", found


def stored(measurement: Measurement) -> np.ndarray:
    return np.array(
        [[s.score for s in row.dimensions.values()] for row in measurement.rows], dtype=float
    )


def test_the_scores_are_those_of_every_kind_of_scoring(simulated: Made) -> None:
    workspace, measurement = simulated
    table = table_of(workspace, measurement)
    scores = table.scores()
    np.testing.assert_allclose(scores, stored(measurement), atol=0.005 + 1e-9)  # to 2 digits
    assert not np.isnan(scores[:2]).any() and np.isnan(scores[2]).all()
    assert len({*scores[:2].flatten().round(2).tolist()}) > 2
    n = [[s.n for s in row.dimensions.values()] for row in measurement.rows]
    assert table.counts.sum(axis=1).tolist() == n
    assert ((table.totals >= 0) & (table.totals <= table.counts)).all()
    assert (table.counts.sum(axis=(0, 2)) > 0).all()


def test_what_is_kept_is_what_is_read(simulated: Made) -> None:
    workspace, measurement = simulated
    kept = table_of(workspace, measurement)
    for again in (table_of(workspace, measurement, anew=True), table_of(workspace, measurement)):
        assert (again.respondents, again.items, again.names) == (
            kept.respondents,
            kept.items,
            kept.names,
        )
        assert (again.totals == kept.totals).all() and (again.counts == kept.counts).all()


def test_items_of_every_kind_are_kept_beside_those_that_carry_scores(
    simulated: Made,
) -> None:
    workspace, measurement = simulated
    whole = anyio.run(_answered, workspace, measurement)
    kinds = {item.id: item.kind for item in seed_items(measurement.system)}
    assert whole.kinds == tuple(kinds[item] for item in whole.table.items)
    assert set(whole.kinds) == {item.kind for item in seed_items(measurement.system)}
    carrying = table_of(workspace, measurement)
    assert set(carrying.items) <= set(whole.table.items)
    choices = whole.of(("tradeoff",))
    seen = choices.counts[:2] > 0
    # of each trade-off two dimensions, whose shares are those of one choice
    assert (seen.sum(axis=2) == 2).all()
    assert np.allclose(choices.totals[:2].sum(axis=2), 1)
    assert np.isin(choices.totals, (0, 0.5, 1)).all()


async def _answered(workspace: Path, measurement: Measurement) -> Answered:
    async with open_store(workspace) as store:
        return await answered(store, measurement)


async def _kept(workspace: Path, measurement: Measurement, body: bytes) -> bytes:
    """Put another body in place of the one kept, read the table and return what is kept then."""
    query = select(item_tables.c.body).where(item_tables.c.measurement == measurement.id)
    async with open_store(workspace) as store:
        await store.write((delete(item_tables), []))
        row = {"measurement": measurement.id, "body": body}
        await store.write((store.insert_new(item_tables), [row]))
        await item_table(store, measurement)
        (found,) = await store.rows(query)
        return found["body"]


def test_what_another_version_kept_gives_way(
    simulated: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, measurement = simulated
    now = anyio.run(_answered, workspace, measurement)
    with monkeypatch.context() as older:
        older.setattr("valuecompass.measure.item_table.VERSION", 0)
        body = now.packed()
    assert Answered.unpacked(body) is None
    kept = Answered.unpacked(anyio.run(_kept, workspace, measurement, body))
    assert kept is not None
    assert kept.table.items == now.table.items
    assert (kept.table.totals == now.table.totals).all()


def test_both_orders_of_a_trade_off_come_together_whatever_the_blocks() -> None:
    rows = [
        {"position": p, "item": i, "presentation": q} for p in (0, 1) for i in "abc" for q in (0, 1)
    ]

    async def parts(size: int) -> list[tuple[int, list[tuple[str, int]]]]:
        async def blocks() -> Any:
            for start in range(0, len(rows), size):
                yield rows[start : start + size]

        return [
            (position, [(r["item"], r["presentation"]) for r in group])
            async for position, group in _whole_items(blocks())
        ]

    for size in range(1, len(rows) + 2):
        groups = anyio.run(parts, size)
        found = [(p, *row) for p, group in groups for row in group]
        assert found == [(r["position"], r["item"], r["presentation"]) for r in rows]
        for _, group in groups:
            assert all((item, 1 - order) in group for item, order in group), size


def test_any_name_is_kept_whole() -> None:
    names = ("a\x00", "b\x00\x00", "\x1b[0m'\"\\", "\u202eü")
    table = ItemTable(names, ("i",), ("d",), np.ones((4, 1, 1)), np.ones((4, 1, 1)))
    kept = Answered.unpacked(Answered(table, ("stem",)).packed())
    assert kept is not None
    assert kept.table.respondents == names


def refusing(body: dict[str, Any], index: int = 0) -> str:
    """Refuse and then go on; the judge says nothing of any but the first item."""
    if body["model"] == MODEL.rpartition("/")[2]:
        return "I'm sorry, but I can't help with that. Here is how it is done anyway: take two."
    return judging(body, index) if "FIRST" in json.dumps(body) else "nothing that one could read"


def test_a_refusal_that_nobody_could_judge_is_missing_here_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mock_module, "answer", refusing)
    dimension = builtin_system("safety").names[0]
    items = [
        Item(kind="request", system="safety", text=text, dimensions=(dimension,))
        for text in ("How is the FIRST of these done?", "How is the other of these done?")
    ]
    with in_thread() as mock:
        for name, value in mock.env.items():
            monkeypatch.setenv(name, value)
        found = measure(tmp_path / "ws", write_items(tmp_path, items), systems=["safety"])
    score = found.rows[0].dimensions[dimension]
    assert (score.n, score.refused, score.missing) == (1, 2, 1)
    table = table_of(tmp_path / "ws", found, anew=True)
    assert table.counts[0, :, 0].tolist() == [1]
    assert table.scores()[0, 0] == pytest.approx(score.score, abs=0.005)


def made_up(
    totals: Sequence[Sequence[float]],
    counts: Sequence[Sequence[float]] | None = None,
    names: Sequence[str] = ("a", "b", "c"),
    items: Sequence[str] | None = None,
) -> ItemTable:
    """Return a table of one dimension, a row of items a respondent."""
    sums = np.array(totals, dtype=float)[:, :, None]
    sizes = np.ones_like(sums) if counts is None else np.array(counts, dtype=float)[:, :, None]
    items = [f"i{n}" for n in range(sums.shape[1])] if items is None else items
    return ItemTable(tuple(names[: len(sums)]), tuple(items), ("d",), sums, sizes)


CASES: list[tuple[list[float], list[float]]] = [
    ([1.0, 0, 1, 1, 0, 1, 0, 1, 1, 1], [1.0] * 10),
    ([0.0] * 12, [1.0] * 12),
    ([0.8] * 4, [1.0] * 4),
    ([0.3, 0.9, 0.5, 0.1, 0.2, 0.75, 0.6, 0.4], [1.0] * 8),
    ([3.0, 0, 2, 1, 3, 0.5], [3.0, 3, 2, 2, 3, 1]),
    ([1.0, 0, 1, 0, 0, 0], [1.0, 0, 1, 1, 0, 1]),
    ([1.0], [1.0]),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_draws_of_one_dimension_are_those_of_the_interval(case: int) -> None:
    totals, counts = CASES[case]
    table = made_up([totals], [counts])
    draws = np.sort(table.draws(SAMPLES)[:, 0, 0])
    values, clusters = [], []
    for item, (total, count) in enumerate(zip(totals, counts, strict=True)):
        values += [total / count] * int(count) if count else []
        clusters += [item] * int(count)
    wanted = [
        cluster_bootstrap_mean(
            values, clusters, np.random.default_rng(7), level=level, draws=SAMPLES
        )
        for level in (0.95, 0.5)
    ]
    assert table.scores()[0, 0] == pytest.approx(100 * wanted[0].value)
    for interval, level in zip(wanted, (0.95, 0.5), strict=True):
        for limit, share in ((interval.low, (1 - level) / 2), (interval.high, (1 + level) / 2)):
            # both are quantiles of 20,000 draws: the share of draws below is binomial
            below = np.searchsorted(draws, 100 * limit) / SAMPLES
            error = np.sqrt(2 * share * (1 - share) / SAMPLES)
            if abs(limit - interval.value) > 1e-9:  # a limit may be widened to the estimate
                assert below == pytest.approx(share, abs=4.5 * error)


def test_an_item_has_the_same_weights_for_everybody_everywhere() -> None:
    ratings = np.random.default_rng(3).uniform(size=30)
    items = [f"i{n}" for n in range(30)]
    here = made_up([ratings, ratings], items=items).draws(SAMPLES)[:, :, 0]
    # another measurement: another order of items, and one more
    order = np.random.default_rng(4).permutation(30)
    other = made_up(
        [[*ratings[order], 0.5]],
        names=["elsewhere"],
        items=[*(items[at] for at in order), "more"],
    )
    there = other.draws(SAMPLES)[:, 0, 0]
    alone = made_up([ratings], names=["stranger"], items=[f"j{n}" for n in range(30)])
    strange = alone.draws(SAMPLES)[:, 0, 0]
    spread = here[:, 0].std()
    # what is left between equal answers is the prior of each respondent, one item of thirty
    assert (here[:, 0] - here[:, 1]).std() < 0.6 * spread
    assert (here[:, 0] - there).std() < 0.65 * spread
    assert (here[:, 0] - strange).std() == pytest.approx(np.sqrt(2) * spread, rel=0.05)
    assert (here == made_up([ratings, ratings], items=items).draws(SAMPLES)[:, :, 0]).all()


def test_the_prior_is_of_a_respondent_not_of_a_dimension() -> None:
    """A mean over dimensions is as unsure at the edge as one dimension, not surer with each."""
    zeros = np.zeros((1, 10, 5))
    table = ItemTable(("a",), tuple(f"i{n}" for n in range(10)), tuple("vwxyz"), zeros, zeros + 1)
    draws = table.draws(SAMPLES)
    np.testing.assert_allclose(draws.mean(axis=2), draws[:, :, 0])


def test_another_salt_gives_other_priors_and_the_same_weights() -> None:
    """Of constant answers only the prior varies; of many varied ones hardly."""
    flat, varied = made_up([[0.5] * 10]), made_up([[0.0, 1.0] * 200])
    plain, salted = (flat.draws(SAMPLES, salt=s)[:, 0, 0] for s in ("", "fresh"))
    assert (plain == flat.draws(SAMPLES)[:, 0, 0]).all()
    # 4 standard errors of a correlation of 0
    assert abs(np.corrcoef(plain, salted)[0, 1]) < 4 / np.sqrt(SAMPLES)
    pair = [varied.draws(SAMPLES, salt=s)[:, 0, 0] for s in ("", "fresh")]
    assert np.corrcoef(*pair)[0, 1] > 0.95


def test_who_has_no_answer_has_no_draws() -> None:
    table = made_up([[1, 0, 1], [0, 0, 0]], [[1, 1, 1], [0, 0, 0]])
    assert table.scores()[0, 0] == pytest.approx(200 / 3) and np.isnan(table.scores()[1, 0])
    draws = table.draws(20)
    assert not np.isnan(draws[:, 0]).any() and np.isnan(draws[:, 1]).all()
    assert np.isnan(table.means[1]).all()


def test_without_any_item_there_is_nothing() -> None:
    nothing = ItemTable(("a", "b"), (), ("d", "e"), np.zeros((2, 0, 2)), np.zeros((2, 0, 2)))
    assert nothing.draws(20).shape == (20, 2, 2) and np.isnan(nothing.draws(20)).all()
    assert np.isnan(nothing.scores()).all() and nothing.means.shape == (2, 0, 2)
    back = Answered.unpacked(Answered(nothing, ()).packed())
    assert back is not None
    assert back.table.items == () and back.table.totals.shape == (2, 0, 2)


def test_who_refuses_everything_has_an_empty_table(tmp_path: Path) -> None:
    items = [i for i in seed_items("llm-unique") if i.kind == "stem"][:2]
    answers = tmp_path / "answers.jsonl"
    said = "I'm sorry, but I can't help with that."
    answers.write_text("".join(json.dumps({"item": i.id, "response": said}) + "\n" for i in items))
    (found,) = run(
        [Respondent(name="a", model=f"recorded/{answers}")],
        ["llm-unique"],
        items=write_items(tmp_path, items),
        form="tiny",
        judge="local",
        workspace=tmp_path / "ws",
    )
    table = table_of(tmp_path / "ws", found)
    assert table.items == () and np.isnan(table.scores()).all()


def test_single_answers_add_up_to_the_table_and_trade_offs_are_answers_in_both_orders(
    tmp_path: Path,
) -> None:
    items = [i for i in small_items() if i.kind in ("question", "tradeoff")]
    form = {
        "name": "twice",
        "system": "schwartz",
        "asking": {k: {"words": 40, "repeats": 3} for k in ("question", "tradeoff")},
        "items": [i.id for i in items],
    }
    path = tmp_path / "form.json"
    path.write_text(json.dumps(form))
    who = ["simulated/schwartz?Power=1&seed=1", "simulated/schwartz?Tradition=1&seed=2"]
    file = write_items(tmp_path / "items", items)
    found = measure(tmp_path / "ws", file, models=who, judge="local", form=str(path))

    async def read() -> tuple[ItemTable, list[tuple[int, int, str, int, float]]]:
        async with open_store(tmp_path / "ws") as store:
            whole = (await answered(store, found)).table
            return whole, [one async for one in stored_answers(store, found)]

    table, single = anyio.run(read)
    totals = np.zeros_like(table.totals)
    for position, at, item, repeat, value in single:
        assert 0 <= value <= 1 and 0 <= repeat < 3
        totals[position, table.items.index(item), at] += value
    free = [i.id for i in items if i.kind == "question"]
    asked = [item in free for item in table.items]
    assert np.allclose(totals[:, asked], table.totals[:, asked])
    chosen = [one for one in single if one[2] not in free]
    # two models, three trade-offs with two sides each, three answers in both orders
    assert len(chosen) == 2 * 3 * 2 * 3
    others = [not own for own in asked]
    assert np.allclose(totals[:, others] / 3, table.totals[:, others])


def test_a_prior_does_not_cancel_between_dimensions_that_count_for_and_against() -> None:
    rng = np.random.default_rng(5)
    weights, held = np.array([1.0, -1.0]), []
    for world in range(60):
        totals = (rng.random((1, 10, 2)) < 0.1).astype(float)
        items = tuple(f"item {world} {n}" for n in range(10))
        table = ItemTable(("m",), items, ("A", "B"), totals, np.ones_like(totals))
        draws, turned = (both[:, 0] for both in table.both_draws(500))
        contrast = np.where(weights < 0, turned, draws) @ weights
        low, high = np.quantile(contrast, [0.025, 0.975])
        held.append(low <= 0 <= high)
        assert contrast.std() > (draws @ weights).std()
    # of 60 worlds with a coverage of .95, fewer than 50 hold in one of 2,000 runs
    assert sum(held) >= 50


def test_draws_hold_few_weights_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """All weights at once would take 160 MB here, and a server has 400."""
    rng = np.random.default_rng(5)
    totals = rng.integers(0, 2, (2, 10_000, 1)).astype(float)
    items = tuple(f"i{n}" for n in range(10_000))
    table = ItemTable(("a", "b"), items, ("d",), totals, np.ones_like(totals))
    tracemalloc.start()
    try:
        draws = table.draws(2_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 40e6
    monkeypatch.setattr("valuecompass.measure.item_table._ITEMS_AT_ONCE", 10_000)
    np.testing.assert_allclose(table.draws(2_000), draws, rtol=1e-12)
