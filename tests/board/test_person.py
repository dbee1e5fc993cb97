"""Matching a person: the numbers against scipy, chance, ties, missing scores, intervals."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from valuecompass.board.boards import SALIENCE, Board
from valuecompass.board.persons.match import Person, match
from valuecompass.errors import InputError
from valuecompass.values import builtin_system

SCHWARTZ = builtin_system("schwartz")
NAN = float("nan")


def board_of(
    scores: Any,
    *,
    names: Sequence[str] = SCHWARTZ.names,
    imported: bool = True,
    within: Any = None,
    width: float = 10.0,
    draws: Any = None,
) -> Board:
    """Return a board of respondents A, B, ..., as the store would give it."""
    scores = np.array(scores, dtype=float)
    none = np.full_like(scores, NAN)
    inner = none if within is None else np.array(within, dtype=float)
    return Board(
        system=SCHWARTZ,
        measurements=(),
        respondents=tuple(chr(ord("A") + i) for i in range(len(scores))),
        names=tuple(names),
        simulated=(False,) * len(scores),
        scores=scores,
        low=none,
        high=none,
        n=none,
        within=inner,
        within_low=inner - width,
        within_high=inner + width,
        draws=draws,
        items=none,
        imported=imported,
        notices=("A notice of the board.", *(() if imported else (SALIENCE,))),
    )


def person_of(values: Sequence[float], names: Sequence[str] = SCHWARTZ.names) -> Person:
    return Person(dict(zip(names, values, strict=True)), len(set(values)) < 2)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


UP = list(range(1, 11))


def test_matches_are_those_of_scipy_with_ties_and_sorted() -> None:
    made = np.random.default_rng(5)
    scores = made.normal(size=(12, 10)).round(1)
    mine = made.integers(3, 18, size=10) / 3
    found = match(board_of(scores), person_of(mine.tolist()), rng())
    expected = {chr(ord("A") + i): spearmanr(mine, row).statistic for i, row in enumerate(scores)}
    assert len({len(set(row)) for row in scores.tolist()}) > 1  # some tie inside a row
    for one in found.matches:
        assert one.rho == pytest.approx(expected[one.respondent], abs=1e-12)
        assert one.match == pytest.approx(100 * (expected[one.respondent] + 1) / 2, abs=1e-10)
    shown = [one.match for one in found.matches]
    assert shown == sorted(shown, reverse=True)
    json.dumps(found.json(), allow_nan=False)


def test_dimensions_are_matched_by_name_not_by_place() -> None:
    names = SCHWARTZ.names[::-1][:7]  # a table with other columns in another order
    board = board_of([list(range(7))], names=names)
    person = person_of(UP[::-1])  # the system's first dimension counts most
    (one,) = match(board, person, rng()).matches
    assert one.rho == pytest.approx(1)


def test_beats_is_the_exact_share_of_all_orders_where_they_are_few() -> None:
    names = SCHWARTZ.names[:5]
    mine, theirs = [1, 2, 3, 4, 4], [2, 1, 4, 3, 5]
    found = match(board_of([theirs], names=names), person_of([*mine, *UP[5:]]), rng())
    every = np.array([spearmanr(p, theirs).statistic for p in permutations(mine)])
    rho = spearmanr(mine, theirs).statistic
    level = abs(every - rho) < 1e-9
    assert level.sum() > 1
    share = ((every < rho) & ~level).mean() + level.mean() / 2
    assert found.matches[0].beats == pytest.approx(share, abs=1e-12)
    assert found.p == pytest.approx(((every > rho) | level).mean(), abs=1e-12)


def test_the_same_order_fits_and_is_named() -> None:
    found = match(board_of([UP[::-1], UP]), person_of(UP), rng())
    assert found.fits is True and found.winner == "B" and found.winners == ("B",)
    assert [one.match for one in found.matches] == pytest.approx([100, 0])
    assert found.matches[0].beats == pytest.approx(1, abs=1e-3)
    assert found.p is not None and 0 < found.p < 0.001


def test_when_nobody_fits_no_winner_is_named_but_every_number_is_there() -> None:
    found = match(board_of([UP, UP[::-1]]), person_of([5, 1, 8, 3, 9, 2, 10, 4, 7, 6]), rng())
    assert found.fits is False and found.winner is None and found.winners == ()
    assert all(one.match is not None for one in found.matches)
    assert found.notices[0].startswith("Nobody fits")


def test_random_answers_seldom_fit_however_many_respondents_there_are() -> None:
    made = np.random.default_rng(8)
    board = board_of(made.normal(size=(40, 10)))
    worlds = 200
    fits = alone = 0
    for _ in range(worlds):
        found = match(board, person_of(made.permutation(UP).tolist()), made)
        fits += found.fits is True
        alone += (found.matches[0].beats or 0) >= 0.95
    assert fits / worlds <= 0.05 + 3 * (0.05 * 0.95 / worlds) ** 0.5
    assert alone / worlds > 0.5  # what a test of the best respondent alone would have said


def test_equal_answers_are_said_and_not_ranked() -> None:
    found = match(board_of([UP]), person_of([4] * 10), rng())
    assert found.matches == () and found.fits is None and found.winner is None
    assert found.json()["matches"] == [] and found.json()["fits"] is None
    assert "All answers say the same" in found.notices[0]
    straight = Person(dict(zip(SCHWARTZ.names, UP, strict=True)), same=True)
    assert match(board_of([UP]), straight, rng()).matches == ()


def test_a_missing_score_gives_no_match_and_a_reason() -> None:
    gap = [NAN, *UP[1:]]
    found = match(board_of([gap, [3] * 10, UP]), person_of(UP), rng())
    assert [one.respondent for one in found.matches] == ["C", "A", "B"]
    _, missing, flat = found.matches
    assert missing.match is None and missing.reason == f"no score for {SCHWARTZ.names[0]}"
    assert flat.match is None and flat.reason == "all its scores are equal"
    nobody = match(board_of([gap]), person_of(UP), rng())
    assert nobody.fits is None and nobody.matches[0].match is None


def test_a_zero_is_a_score() -> None:
    found = match(board_of([[0, *UP[1:]]]), person_of(UP), rng())
    assert found.matches[0].match == pytest.approx(100)


def test_exact_ties_keep_the_order_of_the_file_and_are_level() -> None:
    other = [2, 1, *UP[2:]]
    found = match(board_of([UP[::-1], other, UP, [10 * v for v in UP]]), person_of(UP), rng())
    assert [one.respondent for one in found.matches] == ["C", "D", "B", "A"]
    assert found.fits and found.winner is None and found.winners == ("C", "D")


def test_imported_scores_are_taken_as_published_without_limits() -> None:
    found = match(board_of([UP]), person_of(UP), rng())
    assert found.compared_on == "as published"
    assert found.matches[0].low is None and found.matches[0].high is None
    assert "A notice of the board." in found.notices


def test_own_measurements_are_compared_on_the_tradeoff_scale() -> None:
    shares = np.linspace(20, 80, 10)
    board = board_of([UP[::-1]], imported=False, within=[shares], width=4)
    found = match(board, person_of(UP), rng())
    (one,) = found.matches
    assert found.compared_on == "trade-off" and one.match == pytest.approx(100)
    assert one.low is not None and 80 < one.low < 100 and one.high == pytest.approx(100)
    assert not any("Rates" in said for said in found.notices)
    wide = match(board_of([UP], imported=False, within=[shares], width=19), person_of(UP), rng())
    assert wide.matches[0].low is not None and wide.matches[0].low < one.low


def test_without_a_tradeoff_scale_rates_are_used_and_it_is_said() -> None:
    made = np.random.default_rng(1)
    draws = np.array(UP) * 5 + made.normal(size=(400, 1, 10)) * 4
    found = match(board_of([UP], imported=False, draws=draws), person_of(UP), rng())
    (one,) = found.matches
    assert found.compared_on == "salience" and "share no scale" in found.notices[0]
    assert one.low is not None and one.low < 100 and one.high == pytest.approx(100)


def test_limits_cover_a_good_match_that_noise_hides() -> None:
    """Percentiles of noisy draws miss it nearly always: see `correlation.interval`."""
    made = np.random.default_rng(2)
    covered = percentiles = 0
    worlds = 100
    for _ in range(worlds):
        truth = made.normal(size=10)
        seen = truth + 0.5 * made.normal(size=10)
        draws = seen + 0.5 * made.normal(size=(300, 1, 10))
        board = board_of([seen], imported=False, draws=draws)
        (one,) = match(board, person_of(truth.tolist()), made).matches
        assert one.low is not None and one.high is not None and one.match is not None
        assert one.low <= one.match <= one.high
        covered += one.high >= 100 - 1e-9
        rho = [spearmanr(truth, row[0]).statistic for row in draws[:100]]
        percentiles += np.quantile(rho, 0.975) >= 1 - 1e-9
    assert covered >= 80 and percentiles <= 20


def test_the_seed_decides_the_shuffles() -> None:
    board, person = board_of([UP]), person_of([5, 1, 8, 3, 9, 2, 10, 4, 7, 6])
    one, same = (match(board, person, np.random.default_rng(3)) for _ in range(2))
    other = match(board, person, np.random.default_rng(4))
    assert one == same
    assert one.matches[0].beats != other.matches[0].beats


def test_one_dimension_has_no_order() -> None:
    with pytest.raises(InputError, match="needs two dimensions"):
        match(board_of([[1.0]], names=SCHWARTZ.names[:1]), person_of(UP), rng())
