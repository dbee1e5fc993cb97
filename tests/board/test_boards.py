"""Boards: what is on them, what is put together, and what never is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.board.measured import (
    OF_EACH,
    TRAITS,
    board_of,
    dated,
    imported,
    level,
    likert_items,
    measured,
)
from valuecompass.board.alignment import align
from valuecompass.board.boards import Board
from valuecompass.board.weights import parse_weights
from valuecompass.errors import InputError
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.run import run

HALF = level(3.5, 3.5, 3.5, 3.5, 3.5)
SOME_REFUSED = {**level(4, 4, 4, 4, 4), "Extraversion": [None] * OF_EACH}


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Measurement]:
    folder = tmp_path_factory.mktemp("board")
    given = {"b": level(6, 1, 3, 4, 2.5), "a": HALF, "some": SOME_REFUSED, "none": {}}
    return folder / "ws", measured(folder, given)


def test_a_board_shows_what_was_measured(first: tuple[Path, Measurement]) -> None:
    workspace, measurement = first
    board = board_of(workspace, samples=50)
    assert board.respondents == ("b", "a", "some", "none")
    assert board.names == TRAITS and not board.imported and board.scale == (0, 100)
    assert board.simulated == (False,) * 4
    assert board.scores[0].tolist() == [100, 0, 40, 60, 30]
    for row, r in zip(measurement.rows, range(4), strict=True):
        for d, score in enumerate(row.dimensions.values()):
            for table, stored in (
                (board.scores, score.score),
                (board.low, score.low),
                (board.high, score.high),
                (board.n, score.n),
            ):
                assert (np.isnan(table[r, d]) and stored is None) or table[r, d] == stored
    assert board.draws is not None and board.draws.shape == (50, 4, 5)
    assert board.items.tolist() == [[4] * 5, [4] * 5, [4, 4, 0, 4, 4], [0] * 5]
    assert board_of(workspace, samples=0).draws is None


def test_missing_is_said_and_no_zero(first: tuple[Path, Measurement]) -> None:
    board = board_of(first[0])
    assert np.isnan(board.scores[2]).tolist() == [False, False, True, False, False]
    assert np.isnan(board.scores[3]).all()
    assert board.draws is not None
    assert np.isnan(board.draws[:, 3]).all() and np.isnan(board.draws[:, 2, 2]).all()
    assert not np.isnan(board.draws[:, :2]).any()
    assert "some has no score for Extraversion: missing is no zero." in board.notices
    assert sum(n.startswith("none has no score for Openness, Consc") for n in board.notices) == 1
    rows = align(board, np.full(5, 0.2)).rows()
    assert [row["respondent"] for row in rows] == ["a", "b", "some", "none"]
    for row in rows[2:]:
        missing = ("rank", "rank_low", "rank_high", "score", "low", "high")
        assert all(row[key] is None for key in missing)
    assert rows[2]["dimensions"]["Openness"]["score"] == 60
    nothing = {"score": None, "low": None, "high": None, "n": 0}
    assert rows[2]["dimensions"]["Extraversion"] == nothing
    # without the dimension it is in the ranks again
    rows = align(board, np.array([0.25, 0.25, 0, 0.25, 0.25])).rows()
    assert [row["respondent"] for row in rows] == ["some", "a", "b", "none"]


def test_respondents_measured_alike_are_put_together(tmp_path: Path) -> None:
    old = measured(tmp_path, {"a": HALF, "b": level(1, 1, 1, 1, 1)}, day="2025-01-05")
    new = measured(tmp_path, {"c": level(2, 2, 2, 2, 2), "b": level(6, 6, 6, 6, 6)})
    board = board_of(tmp_path / "ws")
    assert board.respondents == ("c", "b", "a")
    assert board.scores[:, 0].tolist() == [20, 100, 50]
    assert [m.id for m in board.measurements] == [new.id, old.id]
    assert board.created == new.created
    (said,) = [n for n in board.notices if n.startswith("Put together from 2 measurements")]
    assert "2025-01-05" in said
    # a measurement that adds nobody is not named
    dated(tmp_path / "ws", new, "2025-01-04")
    board = board_of(tmp_path / "ws")
    assert [m.id for m in board.measurements] == [old.id, new.id]
    assert board.scores[:, 0].tolist() == [50, 0, 20]
    measured(tmp_path, {"a": HALF, "b": HALF, "c": HALF})
    assert len(board_of(tmp_path / "ws").measurements) == 1


def test_draws_of_two_measurements_are_paired_on_their_items(tmp_path: Path) -> None:
    items = likert_items(40, TRAITS[:1])
    ratings = {"Openness": [1 + 5 * (n % 2) for n in range(40)]}
    measured(tmp_path, {"a": ratings}, items=items)
    together = {"b": ratings, "c": {"Openness": ratings["Openness"][::-1]}}
    measured(tmp_path, together, items=items)
    board = board_of(tmp_path / "ws")
    assert board.draws is not None
    draws = {name: board.draws[:, at, 0] for at, name in enumerate(board.respondents)}
    # the same answers to the same items: but for the prior of each the same in every draw
    assert np.corrcoef(draws["a"], draws["b"])[0, 1] > 0.9
    assert np.corrcoef(draws["b"], draws["c"])[0, 1] < 0  # the opposite answers


def different(tmp_path: Path, how: str) -> None:
    if how == "form":
        measured(tmp_path, {"other": HALF}, items=likert_items(3))
    elif how == "judge":
        measured(tmp_path, {"other": HALF}, judge="local-nearest")
    elif how == "opinions":
        measured(tmp_path, {"other": HALF}, opinions="mean")
    else:
        imported(tmp_path, [{"model": "other", "Openness": 50}], "2027-01-01")


@pytest.mark.parametrize("how", ["form", "judge", "opinions", "published"])
def test_nothing_else_is_ever_mixed(tmp_path: Path, how: str) -> None:
    if how == "published":  # whichever is the newest
        older = [{"model": "older", "Openness": 70}]
        imported(tmp_path, older, "2025-01-01")
    mine = measured(tmp_path, {"a": HALF}, day="2026-01-05")
    assert board_of(tmp_path / "ws").respondents == ("a",)
    different(tmp_path, how)
    board = board_of(tmp_path / "ws")
    assert board.respondents == ("other",) and board.imported == (how == "published")
    assert mine.id not in [m.id for m in board.measurements]
    assert board_of(tmp_path / "ws", date="2026-01-05").respondents == ("a",)


def test_the_newest_table_stands_alone(tmp_path: Path) -> None:
    imported(tmp_path, [{"model": "a", "Openness": 0.25}], "2025-01-31")
    imported(tmp_path, [{"model": "b", "Openness": 0.5, "Neuroticism": 0.1}], "2025-02-28")
    board = board_of(tmp_path / "ws")
    assert board.respondents == ("b",) and board.names == ("Openness", "Neuroticism")
    assert board.scale == (0.1, 0.5)
    for table in (board.low, board.high, board.n, board.items, board.within):
        assert np.isnan(table).all()
    assert board.draws is None and board.profiles()[1] == "as published"
    assert board.profiles()[0] is board.scores
    said = " ".join(board.notices)
    assert "No interval was published" in said
    assert "The table has no scores for: Conscientiousness, Extraversion, Agreeableness." in said
    # on one day the one imported last
    imported(tmp_path, [{"model": "c", "Openness": 0.75}], "2025-02-28")
    assert board_of(tmp_path / "ws").respondents == ("c",)
    imported(tmp_path, [{"model": "d", "Openness": 40}], "2025-03-28", scale=(0.0, 100.0))
    assert board_of(tmp_path / "ws").scale == (0, 100)


def test_a_day_shows_the_board_as_it_was(tmp_path: Path) -> None:
    measured(tmp_path, {"a": HALF}, day="2025-01-05")
    measured(tmp_path, {"b": HALF}, day="2025-02-05")
    measured(tmp_path, {"a": level(6, 6, 6, 6, 6)}, day="2025-03-05")
    workspace = tmp_path / "ws"
    board = board_of(workspace)
    assert board.respondents == ("a", "b") and board.scores[:, 0].tolist() == [100, 50]
    board = board_of(workspace, date="2025-02-05")
    assert board.respondents == ("b", "a") and board.scores[:, 0].tolist() == [50, 50]
    assert board_of(workspace, date="2025-01-05").respondents == ("a",)
    for day in ("2025-01-04", "2025-02-06", "2026-01-01"):
        with pytest.raises(InputError, match="there is: 2025-01-05, 2025-02-05, 2025-03-05"):
            board_of(workspace, date=day)
    for wrong in ("yesterday", "2025-13-01", "05.03.2025"):
        with pytest.raises(InputError, match=r"--date .*: neither a day such as"):
            board_of(workspace, date=wrong)


def test_without_any_measurement_it_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no measurements here yet"):
        board_of(tmp_path / "ws")
    assert not (tmp_path / "ws").exists()
    measured(tmp_path, {"a": HALF})
    with pytest.raises(InputError, match=r"no measurement of safety yet.*run.*board import"):
        board_of(tmp_path / "ws", "safety")


def test_one_respondent_is_first(tmp_path: Path) -> None:
    measured(tmp_path, {"a": level(2, 3, 4, 5, 6)})
    (row,) = align(board_of(tmp_path / "ws"), np.full(5, 0.2)).rows()
    assert (row["rank"], row["rank_low"], row["rank_high"], row["score"]) == (1, 1, 1, 60)
    assert row["low"] < 60 < row["high"]


def test_equal_respondents_share_all_ranks(tmp_path: Path) -> None:
    measured(tmp_path, {"a": HALF, "b": HALF, "c": HALF})
    for row in align(board_of(tmp_path / "ws"), np.full(5, 0.2)).rows():
        assert (row["rank"], row["rank_low"], row["rank_high"]) == (1, 1, 3)
        assert row["score"] == 50


def test_dimensions_that_nobody_has_are_left_out_and_said(tmp_path: Path) -> None:
    items = likert_items(traits=TRAITS[1:3])
    measured(tmp_path, {"a": level(1, 2, 3)}, items=items)
    board = board_of(tmp_path / "ws")
    assert board.names == TRAITS[1:3] and board.scores.tolist() == [[20, 40]]
    said = " ".join(board.notices)
    assert "Nobody has a score for Openness, Agreeableness, Neuroticism" in said
    assert "a has no score" not in said


def test_when_nobody_answered_there_is_a_board_of_nothing(tmp_path: Path) -> None:
    measured(tmp_path, {"a": {}, "b": {}})
    board = board_of(tmp_path / "ws")
    assert board.names == TRAITS and np.isnan(board.scores).all()
    assert board.draws is not None and np.isnan(board.draws).all()
    rows = align(board, parse_weights("equal", board).values).rows()
    assert [(r["respondent"], r["rank"], r["score"]) for r in rows] == [
        ("a", None, None),
        ("b", None, None),
    ]
    assert any("Nobody has a score for Openness" in n for n in board.notices)


def test_only_keeps_the_order_asked_for(first: tuple[Path, Measurement]) -> None:
    board = board_of(first[0], samples=10)
    part = board.only(["Neuroticism", "Openness"])
    assert part.names == ("Neuroticism", "Openness")
    assert part.scores[0].tolist() == [30, 100] and part.n[0].tolist() == [4, 4]
    assert board.draws is not None and part.draws is not None
    assert (part.draws[:, 0] == board.draws[:, 0][:, [4, 0]]).all()
    assert part.respondents == board.respondents


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Board:
    workspace = tmp_path_factory.mktemp("planted")
    models = ["simulated/schwartz?Power=1.5&seed=1", "simulated/schwartz?Power=-1.5&seed=2"]
    (found,) = run(models, form="tiny", workspace=workspace)
    board = board_of(workspace, "schwartz", samples=0)
    within = [[s.detail["within"]["score"] for s in row.dimensions.values()] for row in found.rows]
    assert board.within.tolist() == within
    return board


def test_within_a_respondent_the_trade_off_scale_is_compared(planted: Board) -> None:
    profiles, kind = planted.profiles()
    assert kind == "trade-off" and profiles is planted.within
    power = planted.names.index("Power")
    assert profiles[0].argmax() == power and profiles[1].argmin() == power
    assert (planted.within_low < planted.within).all()
    assert (planted.within < planted.within_high).all()
    assert planted.simulated == (True, True)
    said = " ".join(planted.notices)
    assert "are simulated" in said and "Rates of different dimensions share no scale" in said


def test_without_trade_offs_rates_are_called_what_they_are(
    first: tuple[Path, Measurement], planted: Board
) -> None:
    assert board_of(first[0], samples=0).profiles()[1] == "salience"
    holes = planted.within.copy()
    holes[0, 3] = np.nan
    assert replace(planted, within=holes).profiles()[1] == "salience"
    # who has no score at all has no say in it
    holes[0], scores = np.nan, planted.scores.copy()
    scores[0] = np.nan
    assert replace(planted, within=holes, scores=scores).profiles()[1] == "trade-off"
