"""Health of a form: figures against closed forms, and what few respondents do not allow."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest

import valuecompass as vc
from tests.board.test_person import SCHWARTZ, board_of
from valuecompass.board.boards import read_board
from valuecompass.board.health.contamination import differences
from valuecompass.board.health.discriminant import circle, marks, positions
from valuecompass.board.health.form import (
    Cells,
    _fill,  # pyright: ignore[reportPrivateUsage]
    facets,
    read_cells,
    reliability,
    saturation,
)
from valuecompass.items import Item
from valuecompass.items.schema import Lineage
from valuecompass.measure.archive import items_query
from valuecompass.measure.item_table import ItemTable
from valuecompass.stats.reliability import split_half
from valuecompass.store import open_store
from valuecompass.values import builtin_system

MORAL = builtin_system("moral-foundations")
NAN = float("nan")


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def moral_board(scores: Any, draws: Any = None) -> Any:
    board = board_of(scores, names=MORAL.names, draws=draws, imported=draws is None)
    return replace(board, system=MORAL)


def cells_of(values: Any, votes: Any = None, parents: dict[int, int] | None = None) -> Cells:
    """Return cells (R, n, K, D) of items 0, 1, .. ; parents: child -> parent."""
    values = np.asarray(values, dtype=float)
    made = [
        Item(kind="question", system="schwartz", text=f"Question {i}?", dimensions=("Power",))
        for i in range(values.shape[1])
    ]
    for child, parent in (parents or {}).items():
        made[child] = made[child].model_copy(
            update={"lineage": Lineage(parents=(made[parent].id,))}
        )
    names = tuple(f"D{d}" for d in range(values.shape[3]))
    people = tuple(f"R{r}" for r in range(len(values)))
    return Cells(people, tuple(made), names, (), values, votes)


# dimensions that cannot be told apart


def test_five_scores_that_are_one_are_one_group() -> None:
    made = np.random.default_rng(2)
    scores = made.normal(60, 12, size=(30, 1)) + made.normal(0, 1.4, size=(30, 5))
    assert np.corrcoef(scores.T).min() >= 0.967
    found = marks(moral_board(scores))
    assert found.groups == (MORAL.names,)
    assert found.first_component is not None and found.first_component > 0.97
    assert found.sentences == (f"{', '.join(MORAL.names)}: cannot be told apart on this board.",)
    document = json.loads(json.dumps(found.json(), allow_nan=False))
    assert document["groups"] == [list(MORAL.names)] and document["n"] == 30
    assert document["unique"]["Care/Harm"]["share"] < 0.1
    assert document["unique"]["Care/Harm"]["within_error"] is None  # nothing published says it


def test_dimensions_of_their_own_are_not_marked() -> None:
    found = marks(moral_board(np.random.default_rng(3).normal(50, 10, size=(40, 5))))
    assert found.groups == () and found.sentences == ()
    assert found.unique is not None
    assert min(share or 0 for share, _ in found.unique.values()) > 0.8


def test_a_pair_is_marked_alone() -> None:
    scores = np.random.default_rng(4).normal(50, 10, size=(40, 5))
    scores[:, 3] = scores[:, 1] + np.random.default_rng(5).normal(size=40)
    assert marks(moral_board(scores)).groups == ((MORAL.names[1], MORAL.names[3]),)


def test_errors_are_taken_out_where_they_are_known() -> None:
    """One true score under five with independent errors: r is .92, without error it is 1."""
    made = np.random.default_rng(6)
    truth = made.normal(50, 10, size=(60, 1))
    scores = truth + made.normal(0, 3, size=(60, 5))
    draws = scores + made.normal(0, 3, size=(500, 60, 5))
    assert marks(moral_board(scores)).groups == ()
    found = marks(moral_board(scores, draws))
    assert found.groups == (MORAL.names,)
    same = np.full((60, 5), 50.0) + made.normal(0, 5, size=(60, 5))
    alike = marks(moral_board(same, same + made.normal(0, 5, size=(500, 60, 5))))
    assert alike.groups == () and alike.unique is not None
    assert all(within and share is None for share, within in alike.unique.values())
    assert "no more than their errors" in alike.sentences[0]


def test_few_respondents_say_how_many_are_needed() -> None:
    found = marks(moral_board(np.random.default_rng(7).normal(size=(3, 5)))).json()
    assert found["groups"] is None and found["unique"] is None and found["n"] == 3
    assert "needs 4 respondents with all scores, and there are 3" in found["reason"]
    five = marks(moral_board(np.random.default_rng(7).normal(size=(5, 5))))
    assert five.needed == pytest.approx(np.tanh(np.arctanh(0.9) + 1.96 / np.sqrt(2)), abs=1e-4)
    assert "no mark does not say that dimensions are different" in five.sentences[-1]


def test_a_missing_score_costs_the_respondent_and_a_missing_dimension_itself() -> None:
    scores = np.random.default_rng(8).normal(50, 10, size=(20, 5))
    scores[0, 0] = NAN
    scores[:, 4] = NAN
    found = marks(moral_board(scores))
    assert found.n == 19 and found.unique is not None and list(found.unique) == [*MORAL.names[:4]]


# the circle


def test_conformity_and_tradition_share_a_wedge() -> None:
    places, wedges = positions(board_of(np.zeros((1, 10))))
    assert wedges == 9 and places["Conformity"] == places["Tradition"] == 6
    assert places["Self-direction"] == 0 and places["Universalism"] == 8


def test_a_planted_circle_is_found_on_the_trade_off_scale() -> None:
    made = np.random.default_rng(9)
    places, wedges = positions(board_of(np.zeros((1, 10))))
    angle = np.array([2 * np.pi * places[n] / wedges for n in SCHWARTZ.names])
    plane = made.normal(size=(40, 2)) @ np.array([np.cos(angle), np.sin(angle)])
    within = 50 + 10 * plane + made.normal(size=(40, 10))
    rates = made.normal(50, 10, size=(40, 10))
    board = board_of(rates, imported=False, within=within)
    found = circle(board, rng())
    assert found["compared_on"] == "trade-off" and found["reason"] is None
    assert found["correspondence"] > 0.9 and found["p"] < 0.01
    assert abs(circle(board_of(rates, imported=False), rng())["correspondence"]) < 0.4
    level = within + made.normal(0, 100, size=(40, 1))  # a level of one's own hides nothing
    assert circle(board_of(rates, imported=False, within=level), rng()) == found


def test_no_circle_says_why() -> None:
    assert "has no circle" in circle(moral_board(np.zeros((5, 5))), rng())["reason"]
    few = circle(board_of(np.random.default_rng(1).normal(size=(3, 10))), rng())
    assert few["correspondence"] is None and "needs 4 respondents" in few["reason"]
    equal = circle(board_of(np.ones((5, 10))), rng())
    assert "all respondents are equal" in equal["reason"]


# reliability and generalisability


def test_alpha_is_cronbachs() -> None:
    made = np.random.default_rng(10)
    table = made.normal(size=(12, 1)) + made.normal(size=(12, 8))
    k, total = 8, table.sum(axis=1)
    alpha = k / (k - 1) * (1 - table.var(axis=0, ddof=1).sum() / total.var(ddof=1))
    found = reliability(cells_of(table[:, :, None, None]), rng())["D0"]
    assert found["items"] == 8 and found["alpha"]["value"] == pytest.approx(alpha, abs=1e-4)
    assert found["alpha"]["low"] < alpha < found["alpha"]["high"]


def test_near_copies_stay_in_one_half() -> None:
    """Two items and seven copies of each: halves of single items would share what is noise."""
    made = np.random.default_rng(11)
    two = made.normal(size=(40, 2))
    table = np.repeat(two, 8, axis=1) + 0.01 * made.normal(size=(40, 16))
    kin = {i: 8 * (i // 8) for i in range(16) if i % 8}
    split = [
        reliability(cells_of(table[:, :, None, None], parents=p), rng())["D0"]["split_half"]
        for p in (kin, None)
    ]
    assert abs(split[0]["value"]) < 0.6 and split[1]["value"] > 0.9


def test_kin_by_any_parent_stay_in_one_half() -> None:
    """Near-copies joined by a second parent, by a grandparent and by a parent not measured."""
    made = np.random.default_rng(11)
    table = np.repeat(made.normal(size=(40, 3)), 4, axis=1) + 0.01 * made.normal(size=(40, 12))
    cells = cells_of(table[:, :, None, None])
    ids = [item.id for item in cells.items]
    parents = {
        **{1: ("elsewhere 1", ids[0]), 2: ("elsewhere 2", ids[0]), 3: ("elsewhere 3", ids[0])},
        **{5: (ids[4],), 6: (ids[5],), 7: (ids[6],)},
        **{at: (f"only of {at}", "not measured") for at in range(8, 12)},
    }
    items = tuple(
        item.model_copy(update={"lineage": Lineage(parents=parents.get(at, ()))})
        for at, item in enumerate(cells.items)
    )
    split = reliability(replace(cells, items=items), rng())["D0"]["split_half"]
    known = split_half(table, rng(), clusters=np.repeat([0, 1, 2], 4))
    assert split["value"] == pytest.approx(known.value, abs=1e-4)


def test_components_designs_and_what_they_cover() -> None:
    """Planted variances: respondent 1, item .5, residual 2."""
    made = np.random.default_rng(12)
    table = made.normal(size=(60, 1)) + made.normal(0, 0.5**0.5, size=(1, 80))
    table = table + made.normal(0, 2**0.5, size=(60, 80))
    found = facets(cells_of(table[:, :, None, None]), rng())["D0"]
    assert found["facets"] == found["covers"] == ["respondent", "item"]
    assert found["not_covered"] == ["repeat", "judge"]
    parts = {tuple(p["effect"]): p for p in found["components"]}
    assert parts["respondent", "item"]["value"] == pytest.approx(2, rel=0.1)
    assert parts["respondent",]["low"] < 1 < parts["respondent",]["high"]
    assert sum(p["share"] for p in found["components"]) == pytest.approx(1, abs=1e-3)
    for target, design in found["designs"].items():
        n = design["n"]["item"]
        signal, error = (
            parts["respondent",]["value"],
            sum(parts[e]["value"] for e in (("item",), ("respondent", "item"))),
        )
        assert n == np.ceil(error / signal * float(target) / (1 - float(target)))
        assert design["calls"] == n and design["expected"] >= float(target)


def test_repeats_and_votes_are_facets_of_their_own() -> None:
    made = np.random.default_rng(13)
    shape = (20, 10, 2, 3, 1)
    strict = np.array([0.0, 1.0, 2.0])[:, None]
    votes = made.normal(size=(20, 1, 1, 1, 1)) + strict + 0.2 * made.normal(size=shape)
    found = facets(cells_of(votes.mean(axis=3), votes), rng())["D0"]
    assert found["facets"] == ["respondent", "item", "repeat", "judge"]
    assert found["not_covered"] == []
    parts = {tuple(p["effect"]): p["value"] for p in found["components"]}
    assert parts["judge",] == pytest.approx(1, rel=0.2)
    design = found["designs"]["0.8"]
    assert set(design["n"]) == {"item", "repeat", "judge"} and design["n"]["judge"] > 1
    n = design["n"]
    assert design["calls"] == n["item"] * n["repeat"] * (1 + n["judge"])


def test_nothing_varies_and_one_item() -> None:
    same = facets(cells_of(np.ones((5, 6, 1, 1))), rng())["D0"]
    assert same["designs"] == {"0.8": None, "0.9": None}
    one = facets(cells_of(np.random.default_rng(1).normal(size=(5, 1, 1, 1))), rng())["D0"]
    assert one["components"] is None and "item" in one["not_covered"]


# saturation and contamination


def test_saturation_by_hand() -> None:
    values = np.full((3, 4, 1, 2), NAN)
    values[:, :, 0, 0] = [[0.2, 0.6, 0.1, NAN], [0.2, 0.9, 0.7, NAN], [0.2, 0.8, 0.2, 0.3]]
    values[:, 0, 0, 1] = [0.1, 0.2, 0.9]
    found = saturation(cells_of(values))
    # on D0: item 0 equal, item 1 one verdict, item 2 neither, item 3 seen of one only
    assert found["dimensions"]["D0"] == {"items": 3, "equal": 0.3333, "same_verdict": 0.6667}
    assert found["dimensions"]["D1"] == {"items": 1, "equal": 0.0, "same_verdict": 0.0}
    # item 0 differs on D1, so as a whole it tells respondents apart
    assert {k: found[k] for k in ("items", "equal", "same_verdict")} == {
        "items": 3,
        "equal": 0.0,
        "same_verdict": 0.3333,
    }


def item_tables(gain: float) -> list[ItemTable]:
    """Public and fresh answers of three respondents, the first one higher on public items."""
    made = np.random.default_rng(14)
    found: list[ItemTable] = []
    for kind, extra in (("public", gain), ("fresh", 0.0)):
        share = np.array([0.5 + extra, 0.5, 0.5])[:, None, None]
        totals = (made.random((3, 200, 1)) < share).astype(float)
        items = tuple(f"{kind} {i}" for i in range(200))
        people = ("trained", "b", "c")
        found.append(ItemTable(people, items, ("Power",), totals, np.ones_like(totals)))
    return found


def test_who_is_higher_on_public_items_is_suspicious() -> None:
    public, fresh = item_tables(0.25)
    found = differences(public, fresh)
    cell = found["trained"]["Power"]
    expected = 100 * (public.totals[0].mean() - fresh.totals[0].mean())
    assert cell["difference"] == pytest.approx(expected, abs=1e-3)
    assert cell["suspicious"] and cell["low"] > 0 and cell["beyond"]["low"] > 0
    others = [found[name]["Power"]["difference"] for name in ("b", "c")]
    assert cell["beyond"]["difference"] == pytest.approx(expected - np.mean(others), abs=1e-3)
    assert not found["b"]["Power"]["suspicious"]
    # two proportions of 200 items each
    assert cell["high"] - cell["low"] == pytest.approx(
        2 * 1.96 * 100 * (0.4375 / 200) ** 0.5, rel=0.1
    )


def test_lower_on_public_items_is_no_suspicion_and_one_respondent_has_no_others() -> None:
    public, fresh = item_tables(-0.25)
    assert not differences(public, fresh)["trained"]["Power"]["suspicious"]
    alone = [
        ItemTable(t.respondents[:1], t.items, t.names, t.totals[:1], t.counts[:1])
        for t in (public, fresh)
    ]
    assert differences(*alone)["trained"]["Power"]["beyond"]["difference"] is None


def test_nobody_is_suspicious_where_nothing_is_different() -> None:
    """Sixty public and ten fresh items, six respondents, ten dimensions, one rate in both."""
    made, worlds, named = np.random.default_rng(4), 40, 0
    dimensions = tuple(f"D{d}" for d in range(10))
    for world in range(worlds):
        people = tuple(f"{world} {r}" for r in range(6))
        tables: list[ItemTable] = []
        for kind, n in (("public", 60), ("fresh", 10)):
            totals = (made.random((6, n, 10)) < 0.2).astype(float)
            items = tuple(f"{kind} {world} {i}" for i in range(n))
            tables.append(ItemTable(people, items, dimensions, totals, np.ones_like(totals)))
        found = differences(*tables)
        named += any(cell["suspicious"] for row in found.values() for cell in row.values())
    # three errors of a share of .05 in 40 worlds
    assert named / worlds <= 0.05 + 3 * (0.05 * 0.95 / worlds) ** 0.5


def test_a_single_fresh_item_makes_nobody_suspicious() -> None:
    public, fresh = item_tables(0.25)
    one = ItemTable(
        fresh.respondents, fresh.items[:1], fresh.names, fresh.totals[:, :1], fresh.counts[:, :1]
    )
    cells = [row["Power"] for row in differences(public, one).values()]
    assert all(cell["q"] is None and not cell["suspicious"] for cell in cells)


def test_dimensions_that_one_respondent_makes_alike_are_not_marked() -> None:
    rng = np.random.default_rng(3)
    apart = rng.normal(50, 5, (22, 5))
    apart[0] = -200.0  # far off on all of them
    alike = rng.normal(50, 5, (22, 1)) + rng.normal(0, 0.3, (22, 5))
    for scores, groups in ((apart, 0), (alike, 1)):
        found = marks(moral_board(scores))
        assert found.groups is not None and len(found.groups) == groups
        assert any("hangs on one respondent" in s for s in found.sentences) == (not groups)


# what single answers say


def test_a_form_that_was_asked_once_is_read_off_its_table(workspace: Path) -> None:
    """As reading every answer and verdict finds it."""
    models = [f"simulated/schwartz?Power={power}" for power in (1, -1)]
    vc.run(models, ["schwartz"], form="tiny", workspace=workspace)
    anyio.run(_both_ways, workspace)


async def _both_ways(workspace: Path) -> None:
    async with open_store(workspace, None) as store:
        board = await read_board(store, "schwartz")
        found = await read_cells(store, board)
        (measurement,) = board.measurements
        rows = await store.rows(items_query(measurement))
        items = {row["id"]: Item.from_row(row["body"]) for row in rows}
        cells = np.full((2, len(items), 1, 1, len(found.names)), NAN)
        at: dict[str, int] = {}
        places = {p: found.respondents.index(r.respondent) for p, r in enumerate(measurement.rows)}
        await _fill(cells, at, store, board, measurement, places, items)
    order = [at[item.id] for item in found.items]
    assert np.isfinite(found.values).any()
    np.testing.assert_array_equal(found.values, cells[..., 0, :][:, order])
