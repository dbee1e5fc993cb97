"""Two forms on one scale by the two-parameter model of their anchors."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t

from valuecompass.stats.anchored import JUDGED, anchored
from valuecompass.stats.irt import Noise
from valuecompass.stats.irt_fit import fit_2pl

ANCHORS, OWN, HALF = 20, 40, 12


def world(rng: np.random.Generator, gap: float, steeper: float, *, harder: float = 1.0):
    """Responses (one opinion each) to two forms; anchors are steeper and the second form harder."""
    n = ANCHORS + 2 * OWN
    a = rng.lognormal(0, 0.3, n)
    a[:ANCHORS] *= steeper
    b = rng.normal(0, 1, n)
    b[:ANCHORS] += gap / 2
    b[ANCHORS + OWN :] += harder
    theta = rng.normal(0, 1.5, 2 * HALF)
    theta[HALF:] += gap
    x = (rng.random((2 * HALF, n)) < 1 / (1 + np.exp(-a * (theta[:, None] - b)))).astype(float)
    x[:HALF, ANCHORS + OWN :] = np.nan
    x[HALF:, ANCHORS : ANCHORS + OWN] = np.nan
    return x, theta


def test_the_distance_of_the_groups_is_found_with_steep_anchors_and_a_harder_form():
    rng = np.random.default_rng(4)
    off, inside = [], []
    for _ in range(24):
        x, theta = world(rng, 1.5, 1.6)
        on_y = np.arange(2 * HALF) >= HALF
        found = anchored(x, on_y, np.arange(x.shape[1]) < ANCHORS, noise=Noise())
        true = theta[on_y].mean() - theta[~on_y].mean()
        within = [theta[g] - theta[g].mean() for g in (~on_y, on_y)]
        placed = [found.theta[g] - found.theta[g].mean() for g in (~on_y, on_y)]
        x_, y_ = np.concatenate(within), np.concatenate(placed)
        unit = (x_ @ y_) / (x_ @ x_)
        off.append(found.shift / unit - true)
        limit = t.ppf(0.975, found.degrees) * found.shift_se
        inside.append(abs(found.shift - unit * true) <= limit)
        assert found.theta[~on_y].mean() == pytest.approx(0, abs=1e-9)
        assert found.theta[on_y].mean() == pytest.approx(found.shift, abs=1e-9)
        assert np.corrcoef(found.theta, theta)[0, 1] > 0.85
        assert found.degrees == ANCHORS - 1
    # the standard error of the mean is about .07; unlinked forms would be off by their difference
    assert abs(np.mean(off)) < 0.2
    assert np.mean(inside) >= 0.8


def test_the_order_of_respondents_and_items_does_not_matter():
    rng = np.random.default_rng(5)
    x, _ = world(rng, 1, 1)
    on_y, tied = np.arange(2 * HALF) >= HALF, np.arange(x.shape[1]) < ANCHORS
    first = anchored(x, on_y, tied)
    rows, columns = rng.permutation(len(x)), rng.permutation(x.shape[1])
    again = anchored(x[rows][:, columns], on_y[rows], tied[columns])
    assert again.theta == pytest.approx(first.theta[rows], abs=1e-3)
    assert again.shift == pytest.approx(first.shift, abs=1e-3)


def test_who_did_not_answer_has_no_place():
    x, _ = world(np.random.default_rng(6), 1, 1)
    x[3] = np.nan
    x[15, :ANCHORS] = np.nan  # has own items only
    on_y = np.arange(2 * HALF) >= HALF
    found = anchored(x, on_y, np.arange(x.shape[1]) < ANCHORS)
    assert np.isnan(found.theta[3]) and np.isfinite(np.delete(found.theta, 3)).all()


def test_what_cannot_be_linked_is_refused():
    x, _ = world(np.random.default_rng(7), 0, 1)
    on_y, tied = np.arange(2 * HALF) >= HALF, np.arange(x.shape[1]) < ANCHORS
    with pytest.raises(ValueError, match="1 anchors"):
        anchored(x, on_y, np.arange(x.shape[1]) < 1)
    with pytest.raises(ValueError, match="each form needs 2"):
        anchored(x, np.zeros(2 * HALF, dtype=bool), tied)
    with pytest.raises(ValueError, match="differ"):
        anchored(x, on_y[1:], tied)
    # of one respondent nothing says how far apart others would be
    with pytest.raises(ValueError, match="too few respondents"):
        anchored(x[: HALF + 1], on_y[: HALF + 1], tied)
    # an item that one group alone answered ties nothing
    with pytest.raises(ValueError, match="0 anchors"):
        anchored(x, on_y, np.arange(x.shape[1]) >= ANCHORS)


# --- respondents of both forms ---


def sittings(rng: np.random.Generator, quirk: float, people: int = 8, opinions: int = 3):
    """Shares of opinions of the same respondents on two forms, quirks being the same in both."""
    n = ANCHORS + 2 * OWN
    a, b = rng.lognormal(0, 0.3, n), rng.normal(0, 1, n)
    theta, u = rng.normal(0, 1.5, people), rng.normal(0, quirk, (people, n))
    chance = 1 / (1 + np.exp(-a * (theta[:, None] - b) - u))
    x = rng.binomial(opinions, np.vstack([chance, chance])) / opinions
    x[:people, ANCHORS + OWN :] = np.nan
    x[people:, ANCHORS : ANCHORS + OWN] = np.nan
    return x, np.arange(2 * people) >= people, np.arange(n) < ANCHORS


def pairs(people: int = 8):
    return np.stack([np.arange(people), np.arange(people, 2 * people)], axis=1)


def test_what_a_respondent_keeps_makes_its_change_surer():
    rng, width, inside = np.random.default_rng(8), [], []
    for _ in range(12):
        x, on_y, tied = sittings(rng, quirk=1.0)
        found = anchored(x, on_y, tied, same=pairs())
        loose = np.hypot(np.hypot(found.se[:8], found.se[8:]), found.shift_se)
        width.append(found.changes_se / loose)
        limit = t.ppf(0.975, found.degrees)
        inside.append(abs(found.changes) <= limit * found.changes_se)
    assert np.mean(width) < 0.85
    assert 0.9 <= np.mean(inside) <= 0.995


def test_the_same_answers_on_the_same_items_are_no_change_but_not_a_sure_one():
    x, on_y, tied = sittings(np.random.default_rng(9), quirk=0.5)
    x[8:, tied] = x[:8, tied]
    x[8:, ANCHORS + OWN :] = x[:8, ANCHORS : ANCHORS + OWN]
    found = anchored(x, on_y, tied, same=pairs())
    assert found.changes == pytest.approx(np.zeros(8), abs=1e-6)
    alone = np.hypot(found.se[:8], found.se[8:])
    assert (found.changes_se > 0.1 * alone).all() and (found.changes_se < 0.6 * alone).all()


def test_changes_follow_the_order_of_the_pairs_and_need_answers_to_anchors():
    x, on_y, tied = sittings(np.random.default_rng(10), quirk=0.5)
    x[9, tied] = np.nan
    found = anchored(x, on_y, tied, same=pairs())
    again = anchored(x, on_y, tied, same=pairs()[::-1])
    assert again.changes == pytest.approx(found.changes[::-1], nan_ok=True)
    assert np.isnan(found.changes).tolist() == [k == 1 for k in range(8)]
    assert np.isfinite(found.theta[9])
    assert anchored(x, on_y, tied).changes.shape == (0,)
    # positions are what they are without pairs
    assert anchored(x, on_y, tied).theta == pytest.approx(found.theta)


def test_refused_anchors_do_not_count_for_the_change_of_who_refused_them() -> None:
    x, on_y, tied = sittings(np.random.default_rng(11), quirk=0.5)
    whole = anchored(x, on_y, tied, same=pairs())
    x[0, :5] = np.nan  # five refused on the first form
    x[9, 3:12] = np.nan  # nine on the second
    x[2, 1:ANCHORS] = np.nan  # one is left: of one nothing says how far others differ
    x[[3, 11], :4] = np.nan  # the same four on both forms
    found = anchored(x, on_y, tied, same=pairs())
    assert found.changes_degrees.tolist() == [14, 10, 0, 15, 19, 19, 19, 19]
    assert np.isnan(found.changes).tolist() == [k == 2 for k in range(8)]
    assert np.isnan(found.changes_se).tolist() == [k == 2 for k in range(8)]
    # the link itself rests on all: somebody of each group answered every anchor
    assert found.degrees == whole.degrees == ANCHORS - 1
    assert (whole.changes_degrees == ANCHORS - 1).all()
    # an anchor that a whole group refused is none
    x[8:, ANCHORS - 1] = np.nan
    fewer = anchored(x, on_y, tied, same=pairs())
    assert fewer.degrees == ANCHORS - 2
    assert fewer.changes_degrees.tolist() == [13, 9, 0, 14, 18, 18, 18, 18]


def test_the_imagined_anchor_stands_beside_those_that_were_answered() -> None:
    """Of same answers the pulls' difference is 0: all error is the imagined anchor's, 1 / (n + 1)
    of what the model expects of n anchors."""
    x, on_y, tied = sittings(np.random.default_rng(9), quirk=0.5)
    x[8:, tied] = x[:8, tied]
    x[8:, ANCHORS + OWN :] = x[:8, ANCHORS : ANCHORS + OWN]
    x[[0, 8], 6:ANCHORS] = np.nan
    found = anchored(x, on_y, tied, same=pairs())
    link = fit_2pl(x[:, tied], noise=JUDGED)
    model = [link.covariance[k, k] + link.covariance[k + 8, k + 8] for k in range(8)]
    model = np.array(model) - 2 * np.array([link.covariance[k, k + 8] for k in range(8)])
    expected = np.sqrt(model / (np.array([6] + 7 * [ANCHORS]) + 1))
    ratio = found.changes_se / expected
    # but for the unit of the link and the weight of both whole forms, larger beside few anchors;
    # had all 20 counted for the first one, too, its ratio would be about .6 of the others'
    assert ratio == pytest.approx(np.full(8, ratio.mean()), rel=0.2)
