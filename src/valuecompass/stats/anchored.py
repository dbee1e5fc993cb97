"""Respondents of two forms on one scale, by the two-parameter model of their anchors.

`linking.link_rates` and `linking.concurrent` take anchors that are a sample of the form, or equal
slopes. The anchors of a living form are neither: they are what still tells today's respondents
apart. Here slopes, difficulties and the judge's errors are in the model of the anchors themselves.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from valuecompass.stats.irt import Array, Noise
from valuecompass.stats.irt_fit import Fit2PL, fit_2pl

__all__ = ["Anchored", "anchored"]

JUDGED = Noise(0.0, 0.95, 0.95)
"""No judge is perfect: to a perfect one a single odd verdict would outweigh all others."""
IMAGINED = 1.0
"""Sum of squares, in logits squared, with which the ratio of both units is held at 1: that of one
respondent a logit from the mean. It decides only among a handful of respondents."""
FEWEST = 2
"""Anchors on which anything is linked or compared: of one nothing says how far others differ."""


@dataclass(frozen=True)
class Anchored:
    """R respondents of two forms on one scale, in logits of an item of average slope.

    Attributes:
        theta: (R,) positions; the respondents of X have mean 0.
        se: (R,) standard errors on their own form, the link's left out.
        shift: how much higher respondents of Y stand on average.
        shift_se: standard error of it: of the link.
        changes: (P,) how far each respondent of both forms moved: not quite the difference of its
            positions, since its answers to anchors are compared one by one; NaN of who answered
            fewer than 2 anchors on both forms.
        changes_se: (P,) standard errors, the link's included.
        changes_degrees: (P,) of freedom for limits of changes: anchors that the respondent answered
            on both forms less one; without meaning where the change is NaN.
        degrees: of freedom for limits of `shift`: anchors that both groups answered less one.
    """

    theta: Array
    se: Array
    shift: float
    shift_se: float
    changes: Array
    changes_se: Array
    changes_degrees: NDArray[np.int64]
    degrees: int


def anchored(
    responses: ArrayLike,
    on_y: ArrayLike,
    anchors: ArrayLike,
    *,
    same: ArrayLike = (),
    noise: Noise = JUDGED,
) -> Anchored:
    """Place the respondents of form Y beside those of form X.

    Within a form respondents are placed by all of its items (`irt_fit.fit_2pl`). How far the two
    groups are apart is read from the anchors alone, in one fit of both groups: other items have no
    common difficulty, and a prior that all items share would draw the groups together. Few anchors
    shrink what they say; so the distance of the groups is taken in units of the distances within
    them: regressing positions by anchors on positions by forms gives the ratio.

    A response counts as one observation, however many opinions it rests on: opinions of one answer
    share what is peculiar to respondent and item.

    A respondent of both forms keeps what is peculiar to it and an anchor, so its two sittings are
    not independent. Its change is estimated twice: by all items, with the errors of the model,
    which are wide enough for forms that are not quite what it says; and by the anchors alone, each
    compared with itself, with the error that the anchors' own pulls show. Both are averaged by
    their variances and covariance. An imagined anchor that pulls as the model expects keeps the
    second error above zero where all answers were the same.

    Args:
        responses: (R, I) in [0, 1]; NaN where not asked or missing.
        on_y: (R,) True for the respondents of form Y.
        anchors: (I,) True for items that count as the same in both forms; all others belong to the
            forms whose respondents answered them.
        same: (P, 2) rows of one respondent on X and on Y, for each that answered both.
        noise: judge errors, taken as known.

    Returns:
        Linked positions.

    Raises:
        ValueError: a shape is wrong, a form with fewer than 2 respondents, which say nothing of
            the unit, or fewer than 2 anchors that both groups answered.

    Source: separate estimation and a link through anchors: Kolen & Brennan (2014), Test Equating,
    Scaling, and Linking, section 6.2; delta method for the ratio. Pulls of items: infinitesimal
    jackknife, Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapter 21; average of
    correlated estimates: Aitken (1935), Proceedings of the Royal Society of Edinburgh 55, 42-48.
    """
    x, y = np.asarray(responses, dtype=np.float64), np.asarray(on_y, dtype=np.bool_)
    common = np.asarray(anchors, dtype=np.bool_)
    if x.ndim != 2 or y.shape != x.shape[:1] or common.shape != x.shape[1:]:
        raise ValueError(f"responses {x.shape}, on_y {y.shape} and anchors {common.shape} differ")
    seen = ~np.isnan(x)
    groups = [~y, y]
    if min(int(seen[group].any(axis=1).sum()) for group in groups) < 2:
        raise ValueError("too few respondents: each form needs 2 at least with responses")
    common = common & seen[~y].any(axis=0) & seen[y].any(axis=0)
    if common.sum() < FEWEST:
        raise ValueError(f"{int(common.sum())} anchors were answered by both groups: 2 at least")

    theta, se, pulls = np.full(len(x), np.nan), np.full(len(x), np.nan), np.zeros(x.shape)
    for group in groups:
        fit = fit_2pl(x[group], noise=noise)
        theta[group], se[group], pulls[group] = fit.theta, fit.theta_se, fit.influence
    link = fit_2pl(x[:, common], noise=noise)
    placed = ~np.isnan(link.theta) & ~np.isnan(theta)
    groups = [group & placed for group in groups]
    if min(int(group.sum()) for group in groups) < 2:
        raise ValueError("too few respondents: 2 at least of each form must have answered anchors")

    contrast = groups[1] / groups[1].sum() - groups[0] / groups[0].sum()
    own, by_anchors = (_within(values, groups) for values in (theta, link.theta))
    squares = own @ own + IMAGINED
    ratio = float((by_anchors @ own + IMAGINED) / squares)
    if ratio <= 0:
        raise ValueError("anchors order the respondents in reverse: nothing can be linked")
    left = by_anchors - ratio * own
    ratio_variance = (left @ left) / max(placed.sum() - 3, 1) / squares
    at_anchors = _Scaled.of(link, placed, ratio, float(ratio_variance))
    shift = float(contrast @ at_anchors.theta)
    variance = at_anchors.variance(contrast)
    theta[y] += shift - float(np.nanmean(theta[groups[1]])) + float(np.nanmean(theta[groups[0]]))
    pulls[:, common] += np.outer(y, contrast @ at_anchors.pulls)
    pairs = np.asarray(same, dtype=np.int64).reshape(-1, 2)
    # what was refused or is missing on one form is compared with nothing
    compared = (seen[pairs[:, 0]] & seen[pairs[:, 1]])[:, common].sum(axis=1)
    known = np.where(placed, theta, np.nan)
    changes = _changes(pairs, known, se**2, variance, pulls[:, common], at_anchors, compared)
    shift_se = float(np.sqrt(variance))
    return Anchored(theta, se, shift, shift_se, *changes, compared - 1, int(common.sum()) - 1)


@dataclass(frozen=True)
class _Scaled:
    """Positions by anchors alone in the unit of positions by forms: 0 for who has none.

    ratio_variance: of the unit, over its square.
    """

    theta: Array
    covariance: Array
    pulls: Array
    ratio_variance: float

    @staticmethod
    def of(
        link: Fit2PL, placed: NDArray[np.bool_], ratio: float, ratio_variance: float
    ) -> "_Scaled":
        return _Scaled(
            np.where(placed, link.theta, 0.0) / ratio,
            np.where(np.outer(placed, placed), link.covariance, 0.0) / ratio**2,
            np.where(placed[:, None], link.influence, 0.0) / ratio,
            ratio_variance / ratio**2,
        )

    def variance(self, contrast: Array) -> float:
        """Variance of a contrast of positions, by the model."""
        given = contrast @ self.covariance @ contrast
        return float(given + (contrast @ self.theta) ** 2 * self.ratio_variance)


def _changes(
    pairs: NDArray[np.int64],
    theta: Array,
    variances: Array,
    of_shift: float,
    pulls: Array,
    link: _Scaled,
    compared: NDArray[np.int64],
) -> tuple[Array, Array]:
    """Return changes and their standard errors, (P,) each; `pulls` (R, anchors) on `theta`.

    compared: (P,) anchors that each answered on both forms.
    """
    first, second = pairs.T
    n = np.where(compared < FEWEST, np.nan, compared)
    by_form, by_anchors = theta[second] - theta[first], link.theta[second] - link.theta[first]
    of_form = variances[first] + variances[second] + of_shift
    moved = link.pulls[second] - link.pulls[first]
    each = link.covariance[second, second] + link.covariance[first, first]
    imagined = (each - 2 * link.covariance[first, second]) / n
    seen = ((moved**2).sum(axis=1) + imagined) * n / (n + 1)
    of_anchors = seen + by_anchors**2 * link.ratio_variance
    # other items are not in the anchors' estimate
    shared = (moved * (pulls[second] - pulls[first])).sum(axis=1)
    # one error is the model's, the other of the data: together they need not be possible
    most = 0.99 * np.sqrt(of_form * of_anchors)
    shared = np.clip(shared, -most, most)
    weight = np.clip((of_form - shared) / (of_form + of_anchors - 2 * shared), 0, 1)
    changes = weight * by_anchors + (1 - weight) * by_form
    variance = weight**2 * of_anchors + (1 - weight) ** 2 * of_form
    return changes, np.sqrt(variance + 2 * weight * (1 - weight) * shared)


def _within(values: Array, groups: list[NDArray[np.bool_]]) -> Array:
    """Return distances from the mean of one's group; 0 for who is in none."""
    found = np.zeros(len(values))
    for group in groups:
        found[group] = values[group] - values[group].mean()
    return found
