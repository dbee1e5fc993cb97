"""Weighted alignment, its intervals and ranks, and how much they hang on the weights."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from valuecompass.board.alignment import LOOKED_AT, MOST, WEIGHTS, align, preferred, stability
from valuecompass.board.boards import Board
from valuecompass.values import builtin_system

SYSTEM = builtin_system("schwartz")
NAN = float("nan")
DRAWN = 4_000


def a_board(
    scores: Sequence[Sequence[float]],
    spread: float | None = None,
    shared: float = 0.0,
    seed: int = 0,
) -> Board:
    """Return a board; with a spread its draws are normal, `shared` of the variance by all."""
    values = np.array(scores, dtype=float)
    rows, columns = values.shape
    rng, nothing = np.random.default_rng(seed), np.full(values.shape, NAN)
    draws = None
    if spread is not None:
        own = rng.normal(size=(DRAWN, rows, columns)) * np.sqrt(1 - shared)
        draws = values + spread * (own + rng.normal(size=(DRAWN, 1, 1)) * np.sqrt(shared))
    return Board(
        system=SYSTEM,
        measurements=(),
        respondents=tuple("abcdefghij"[:rows]) if rows <= 10 else tuple(map(str, range(rows))),
        names=SYSTEM.names[:columns],
        simulated=(False,) * rows,
        scores=values,
        low=values - 1,
        high=values + 1,
        n=np.full(values.shape, 7.0),
        within=nothing,
        within_low=nothing,
        within_high=nothing,
        draws=draws,
        items=np.full(values.shape, 1_000.0),
        imported=spread is None,
        notices=(),
    )


def ranks(found: Any) -> list[tuple[str, Any, Any, Any]]:
    keys = ("respondent", "rank", "rank_low", "rank_high")
    return [tuple(row[key] for key in keys) for row in found.rows()]


def test_it_is_the_weighted_sum() -> None:
    scores = np.random.default_rng(1).uniform(0, 100, (5, 4))
    weights = [0.2, 0.5, -0.3, 1.7]
    found = align(a_board(scores.tolist()), weights)
    for row, of_one in zip(scores, found.score, strict=True):
        assert of_one == pytest.approx(sum(w * s for w, s in zip(weights, row, strict=True)))
    mean = align(a_board(scores.tolist()), np.full(4, 1 / 4))
    np.testing.assert_allclose(mean.score, scores.mean(axis=1), rtol=1e-15)
    one = align(a_board(scores.tolist()), [0, 0, 1, 0])
    assert one.score.tolist() == scores[:, 2].tolist()


def test_zero_counts_as_zero_and_missing_is_last() -> None:
    board = a_board([[NAN, 100], [0, 50], [20, 40], [NAN, NAN]])
    found = align(board, [0.5, 0.5])
    assert ranks(found) == [
        ("c", 1, 1, 1),
        ("b", 2, 2, 2),
        ("a", None, None, None),
        ("d", None, None, None),
    ]
    assert [row["score"] for row in found.rows()] == [30, 25, None, None]
    assert ranks(align(board, [0, 1]))[0] == ("a", 1, 1, 1)
    assert ranks(align(a_board([[NAN], [NAN]]), [1])) == [
        ("a", None, None, None),
        ("b", None, None, None),
    ]
    json.dumps(found.rows(), allow_nan=False)


def test_a_row_holds_what_is_documented() -> None:
    (row,) = align(a_board([[40.0, 0.0]], spread=3.0), [0.25, 0.75]).rows()
    low, high = row.pop("low"), row.pop("high")
    assert low < 10 < high
    assert row == {
        "rank": 1,
        "rank_low": 1,
        "rank_high": 1,
        "respondent": "a",
        "simulated": False,
        "about": {},
        "score": 10.0,
        "dimensions": {
            "Self-direction": {"score": 40.0, "low": 39.0, "high": 41.0, "n": 7},
            "Stimulation": {"score": 0.0, "low": -1.0, "high": 1.0, "n": 7},
        },
    }
    (row,) = align(a_board([[40.0, 0.0]]), [0.25, 0.75]).rows()
    assert row["low"] is None and row["high"] is None


def test_limits_are_those_of_the_joint_draws() -> None:
    """Of shares of one variance: independent errors average out, shared ones do not."""
    for shared, sd in ((0.0, 2 / np.sqrt(4)), (1.0, 2.0), (0.5, 2 * np.sqrt(0.5 + 0.5 / 4))):
        found = align(a_board([[50.0] * 4], spread=2.0, shared=shared), np.full(4, 0.25))
        # the quantile's own error: 1.96 standard errors are about .08 sd at 4,000 draws
        assert found.low[0] == pytest.approx(50 - 1.96 * sd, abs=0.13 * sd)
        assert found.high[0] == pytest.approx(50 + 1.96 * sd, abs=0.13 * sd)


def test_limits_hold_the_score() -> None:
    board = a_board([[50.0, 50.0]], spread=1.0)
    assert board.draws is not None
    found = align(replace(board, draws=board.draws + 40), [0.5, 0.5])
    assert found.low[0] == 50 and found.high[0] > 85


def test_ranks_without_draws_are_places_that_equal_scores_share() -> None:
    board = a_board([[1, 3], [2, 2], [0, 9], [3, 1], [0, 0]])
    assert ranks(align(board, [0.5, 0.5])) == [
        ("c", 1, 1, 1),
        ("a", 2, 2, 4),
        ("b", 2, 2, 4),
        ("d", 2, 2, 4),
        ("e", 5, 5, 5),
    ]


def test_scores_that_differ_by_rounding_are_equal() -> None:
    board = a_board([[0.1, 0.2, 0.3], [0.3, 0.2, 0.1], [0.2, 0.3, 0.1]])
    assert len({*align(board, np.full(3, 1 / 3)).score.tolist()}) > 1  # the sums do differ
    assert [row[1:] for row in ranks(align(board, np.full(3, 1 / 3)))] == [(1, 1, 3)] * 3
    found = stability(align(board, np.full(3, 1 / 3)), np.random.default_rng(0))
    assert found is not None and found["same_first"] == found["same_order"] == 1
    assert found["pairs_turned"] == 0


def test_rank_sets_tie_what_cannot_be_told_apart() -> None:
    scores = [[50.0], [51.0], [90.0]]
    assert ranks(align(a_board(scores, spread=2.0), [1])) == [
        ("c", 1, 1, 1),
        ("b", 2, 2, 3),
        ("a", 3, 2, 3),
    ]
    # errors that all share do not blur the order
    assert [row[1:] for row in ranks(align(a_board(scores, spread=2.0, shared=0.9999), [1]))] == [
        (1, 1, 1),
        (2, 2, 2),
        (3, 3, 3),
    ]


def test_few_items_widen_rank_sets() -> None:
    board = a_board([[50.0], [56.5]], spread=2.0)
    assert ranks(align(board, [1]))[0] == ("b", 1, 1, 1)
    few = board.items.copy()
    few[0] = 4
    assert ranks(align(replace(board, items=few), [1]))[0] == ("b", 1, 1, 2)
    # items of dimensions or respondents that take no part do not count
    wide = a_board([[50.0, 0], [56.5, 0], [NAN, 0]], spread=2.0)
    few = wide.items.copy()
    few[:, 1], few[2] = 4, 0
    assert ranks(align(replace(wide, items=few), [1, 0]))[0] == ("b", 1, 1, 1)


def test_sets_hold_the_ranks_and_follow_the_order() -> None:
    rng = np.random.default_rng(5)
    found = align(a_board(rng.uniform(30, 70, (9, 3)).tolist(), spread=8.0), np.full(3, 1 / 3))
    for row in found.rows():
        assert row["rank_low"] <= row["rank"] <= row["rank_high"]
        assert row["low"] <= row["score"] <= row["high"]
    scores = [row["score"] for row in found.rows()]
    assert all(a >= b for a, b in pairwise(scores))


def test_how_often_other_weights_change_the_order() -> None:
    # b leads where half of the second weight is more than the first: for a third of all weights
    found = stability(align(a_board([[1, 0], [0, 0.5]]), [0.5, 0.5]), np.random.default_rng(0))
    assert found is not None and found["weights"] == WEIGHTS
    error = np.sqrt(2 / 9 / WEIGHTS)
    assert found["same_first"] == found["same_order"] == pytest.approx(2 / 3, abs=4 * error)
    assert found["first"] == {"a": found["same_first"], "b": pytest.approx(1 / 3, abs=4 * error)}
    assert list(found["first"]) == ["a", "b"]
    assert found["pairs_turned"] == pytest.approx(1 / 3, abs=4 * np.sqrt(2 / 9 / LOOKED_AT))


def test_who_leads_on_everything_leads_always() -> None:
    board = a_board([[1, 2, 3], [2, 3, 4], [0, 1, 2]])
    found = stability(align(board, np.full(3, 1 / 3)), np.random.default_rng(0))
    assert found is not None
    assert (found["same_first"], found["same_order"], found["pairs_turned"]) == (1, 1, 0)
    assert found["first"] == {"b": 1}


def test_those_who_tie_may_come_in_any_order() -> None:
    board = a_board([[1, 0, 9], [0, 1, 9], [-5, -5, 9]])
    found = stability(align(board, [0.5, 0.5, 0]), np.random.default_rng(0))
    assert found is not None
    assert (found["same_first"], found["same_order"], found["pairs_turned"]) == (1, 1, 0)
    assert found["first"]["a"] == pytest.approx(0.5, abs=4 * np.sqrt(1 / 4 / WEIGHTS))
    assert found["first"]["a"] + found["first"]["b"] == pytest.approx(1)


def test_where_there_is_nothing_to_order_nothing_is_said() -> None:
    rng = np.random.default_rng(0)
    assert stability(align(a_board([[1, 2]]), [0.5, 0.5]), rng) is None
    assert stability(align(a_board([[1], [2]]), [1]), rng) is None
    assert stability(align(a_board([[1, 2], [2, 3]]), [1, 0]), rng) is None
    assert stability(align(a_board([[1, NAN], [2, 3]]), [0.5, 0.5]), rng) is None
    many = a_board(np.random.default_rng(0).uniform(size=(MOST + 1, 2)).tolist())
    assert stability(align(many, [0.5, 0.5]), rng) is None
    assert preferred(many, np.array([[0.5, 0.5]])) is None


def test_scores_that_only_rounding_sets_apart_are_level() -> None:
    # sums of the same ten numbers in another order
    numbers = np.random.default_rng(0).uniform(0, 100, 10)
    rng = np.random.default_rng(1)
    board = a_board([rng.permutation(numbers).tolist() for _ in range(6)])
    found = preferred(board, np.ones((3, 10)))
    assert found is not None and {v for row in found.values() for v in row.values()} == {0.5}


def test_the_share_of_people_whom_a_respondent_suits_better() -> None:
    board = a_board([[1, 0], [0, 1], [1, 1], [NAN, 3]])
    people = np.array([[1.0, 0.0], [0.8, 0.2], [0.5, 0.5], [0.0, 1.0]])
    found = preferred(board, people)
    # c is as good as a for the first person alone, as good as b for the last: ties count half
    assert found == {
        "a": {"b": (2 + 0.5) / 4, "c": 0.5 / 4},
        "b": {"a": (1 + 0.5) / 4, "c": 0.5 / 4},
        "c": {"a": 3.5 / 4, "b": 3.5 / 4},
    }
