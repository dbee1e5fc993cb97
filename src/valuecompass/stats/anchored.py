"""Respondents of two forms on one scale, by the two-parameter model of their anchors.

`linking.link_rates` and `linking.concurrent` take anchors that are a sample of the form, or equal
slopes. The anchors of a living form are neither: they are what still tells today's respondents
apart. Here slopes, difficulties and the judge's errors are in the model of the anchors themselves.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from valuecompass.stats.irt import Array, Noise
from valuecompass.stats.irt_fit import fit_2pl

__all__ = ["Anchored", "anchored"]

JUDGED = Noise(0.0, 0.95, 0.95)
"""No judge is perfect: to a perfect one a single odd verdict would outweigh all others."""
IMAGINED = 1.0
"""Sum of squares, in logits squared, with which the ratio of both units is held at 1: that of one
respondent a logit from the mean. It decides only among a handful of respondents."""


@dataclass(frozen=True)
class Anchored:
    """R respondents of two forms on one scale, in logits of an item of average slope.

    Attributes:
        theta: (R,) positions; the respondents of X have mean 0.
        se: (R,) standard errors on their own form, the link's left out.
        shift: how much higher respondents of Y stand on average.
        shift_se: standard error of it: of the link.
        degrees: of freedom for limits: anchors less one.
    """

    theta: Array
    se: Array
    shift: float
    shift_se: float
    degrees: int


def anchored(
    responses: ArrayLike, on_y: ArrayLike, anchors: ArrayLike, *, noise: Noise = JUDGED
) -> Anchored:
    """Place the respondents of form Y beside those of form X.

    Within a form respondents are placed by all of its items (`irt_fit.fit_2pl`). How far the two
    groups are apart is read from the anchors alone, in one fit of both groups: other items have no
    common difficulty, and a prior that all items share would draw the groups together. Few anchors
    shrink what they say; so the distance of the groups is taken in units of the distances within
    them: regressing positions by anchors on positions by forms gives the ratio.

    A response counts as one observation, however many opinions it rests on: opinions of one answer
    share what is peculiar to respondent and item.

    Args:
        responses: (R, I) in [0, 1]; NaN where not asked or missing.
        on_y: (R,) True for the respondents of form Y.
        anchors: (I,) True for items that count as the same in both forms; all others belong to the
            forms whose respondents answered them.
        noise: judge errors, taken as known.

    Returns:
        Linked positions.

    Raises:
        ValueError: a shape is wrong, a form without respondents, or fewer than 2 anchors that both
            groups answered.

    Source: separate estimation and a link through anchors: Kolen & Brennan (2014), Test Equating,
    Scaling, and Linking, section 6.2; delta method for the ratio.
    """
    x, y = np.asarray(responses, dtype=np.float64), np.asarray(on_y, dtype=np.bool_)
    common = np.asarray(anchors, dtype=np.bool_)
    if x.ndim != 2 or y.shape != x.shape[:1] or common.shape != x.shape[1:]:
        raise ValueError(f"responses {x.shape}, on_y {y.shape} and anchors {common.shape} differ")
    seen = ~np.isnan(x)
    groups = [~y, y]
    if not all(seen[group].any() for group in groups):
        raise ValueError("each form needs respondents with responses")
    common = common & seen[~y].any(axis=0) & seen[y].any(axis=0)
    if common.sum() < 2:
        raise ValueError(f"{int(common.sum())} anchors were answered by both groups: 2 at least")

    theta, se = np.full(len(x), np.nan), np.full(len(x), np.nan)
    for group in groups:
        fit = fit_2pl(x[group], noise=noise)
        theta[group], se[group] = fit.theta, fit.theta_se
    link = fit_2pl(x[:, common], noise=noise)
    placed = ~np.isnan(link.theta) & ~np.isnan(theta)
    groups = [group & placed for group in groups]
    if not all(group.any() for group in groups):
        raise ValueError("nobody of one of the groups answered an anchor")

    contrast = groups[1] / groups[1].sum() - groups[0] / groups[0].sum()
    own, by_anchors = (_within(values, groups) for values in (theta, link.theta))
    squares = own @ own + IMAGINED
    ratio = float((by_anchors @ own + IMAGINED) / squares)
    if ratio <= 0:
        raise ValueError("anchors order the respondents in reverse: nothing can be linked")
    left = by_anchors - ratio * own
    ratio_variance = (left @ left) / max(placed.sum() - 3, 1) / squares
    known = np.where(placed, link.theta, 0.0)
    covariance = np.where(np.outer(placed, placed), link.covariance, 0.0)
    shift = float(contrast @ known) / ratio
    variance = (contrast @ covariance @ contrast + shift**2 * ratio_variance) / ratio**2
    theta[y] += shift - float(np.nanmean(theta[groups[1]])) + float(np.nanmean(theta[groups[0]]))
    return Anchored(theta, se, shift, float(np.sqrt(variance)), int(common.sum()) - 1)


def _within(values: Array, groups: list[NDArray[np.bool_]]) -> Array:
    """Return distances from the mean of one's group; 0 for who is in none."""
    found = np.zeros(len(values))
    for group in groups:
        found[group] = values[group] - values[group].mean()
    return found
