"""Two forms that share anchor items, on one scale: the error of the link is in the intervals.

Form X was answered by some respondents, form Y by others (or by the same at another date, which
then count as others). Three ways, and when to take them (bias and error measured: see the
docstrings; with 8 respondents a form their errors are alike):

- `concurrent`, the default: all responses of both forms are at hand. Needs no item parameters,
  and no assumption on how difficulties or respondents are distributed.
- `link_parameters` and `link`: a frozen scale must not move, or only item parameters are at hand.
- `link_rates`: the 0-100 rates themselves, without a model.

The anchors carry most of the error, and their number is small: limits are Student's, with the
`degrees` of freedom that each result states (measured coverage: design/validity.md).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from valuecompass.stats.comparison import benjamini_hochberg
from valuecompass.stats.tradeoff import TradeoffScale, bradley_terry

__all__ = [
    "CommonScale",
    "Link",
    "LinkMethod",
    "LinkedRates",
    "concurrent",
    "link",
    "link_parameters",
    "link_rates",
]

Vector = NDArray[np.float64]
Mask = NDArray[np.bool_]
LinkMethod = Literal["haebara", "mean-sigma"]

ROUNDS = 20
"""Purification stops here at the latest; two or three rounds are usual."""


@dataclass(frozen=True)
class CommonScale:
    """Respondents of all forms on one scale.

    Attributes:
        theta: (R,) in logits, with mean 0; NaN for a respondent without a response that can be
            compared. Add a constant to keep an old origin.
        covariance: (R, R) of `theta`, the linking error included; its rows sum to 0.
        drifting: (I,) anchors that moved between forms more than chance; not used to link.
    degrees: of freedom for limits: anchors in use less one; of a single form, items less one.
    """

    theta: Vector
    covariance: Vector
    drifting: Mask
    degrees: int


@dataclass(frozen=True)
class Link:
    """From the scale of form Y to that of form X: x = slope * y + intercept.

    Attributes:
        slope: > 0.
        intercept: in units of the scale of X.
        covariance: (2, 2) of slope and intercept, from a jackknife over anchors.
        drifting: (n,) anchors that moved more than chance; not used to link.
    degrees: of freedom for limits: anchors in use less one.
    """

    slope: float
    intercept: float
    covariance: Vector
    drifting: Mask
    degrees: int


@dataclass(frozen=True)
class LinkedRates:
    """Rates of the respondents of both forms, on form X's 0-100 scale.

    Attributes:
        score: (R,) what a respondent shows, or would show, on form X, in points; a linked one can
            fall a little outside [0, 100]. NaN for a respondent without responses.
        covariance: (R, R) of `score` over the sampling of items, in points squared, the linking
            error included; NaN where `score` is.
        shift: added to scores of form Y, in points: how much harder form Y is.
        degrees: of freedom for limits: anchors less one.
    """

    score: Vector
    covariance: Vector
    shift: float
    degrees: int


def concurrent(
    responses: ArrayLike, forms: ArrayLike, *, prior: float = 0.01, level: float = 0.05
) -> CommonScale:
    """Rasch scale of all respondents at once, tied by the items that more than one form holds.

    Whenever two respondents answer one item differently, P(it is p who says 1) =
    1 / (1 + exp(theta_q - theta_p)), whatever the item's difficulty: this is `bradley_terry` on
    such pairs. Forms of any difficulty, respondents that differ by any amount, and missing cells
    therefore leave the estimate unbiased. Pairs on one item are dependent, and items may
    discriminate unequally: the covariance is a jackknife over items (one step each). An item's
    pairs weigh one over the number of its respondents.

    Purification: a score test for each anchor of equal difficulty in all forms, false discovery
    rate `level`; a drifting anchor goes on as one item a form. With 8 respondents a form even a
    drift of 3 logits is seldom seen (1 in 10; 16: 1 in 2; 50: always): what stays widens the
    interval. Anchors that discriminate very unequally are also flagged once groups are large and
    far apart.

    In simulated worlds with 20 anchors of 60 items and 8 respondents a form, discriminations
    lognormal(0, .3), one form harder by .5, groups up to 1 sd apart, the bias of the linked
    difference is below .05 sd and 95 % intervals cover 93 to 96 % of the true differences.

    Cost for R respondents and I items: I solves of R^3; memory some arrays of R I.

    Args:
        responses: (R, I) 0 or 1, NaN where an item was not asked or the response is missing.
        forms: (R,) labels of any sortable type: which form (or date) a respondent answered.
        prior: precision of a Gaussian prior on each theta, in 1/logit^2, > 0. Forms without an
            anchor meet at its mean, with a variance that says so.
        level: false discovery rate of drifting anchors, in (0, 1).

    Returns:
        The scale.

    Raises:
        ValueError: a shape is wrong, a response is not 0, 1 or NaN, or an option out of range.

    Source: Rasch model by pairs: Choppin (1968), Nature 219, 870-872; Zwinderman (1995), Applied
    Psychological Measurement 19, 369-375, here of respondents with items eliminated; one-step
    jackknife: Bell & McCaffrey (2002), Survey Methodology 28, 169-181; score test: Glas (1998),
    Statistica Sinica 8, 647-667.
    """
    x = np.asarray(responses, dtype=np.float64)
    if x.ndim != 2 or np.shape(forms) != x.shape[:1]:
        raise ValueError(f"responses {x.shape} must be (R, I) and forms {np.shape(forms)} (R,)")
    if not (np.isin(x, (0, 1)) | np.isnan(x)).all():
        raise ValueError("responses must be 0, 1 or NaN")
    member = np.asarray(forms)[:, None] == np.unique(np.asarray(forms))

    def drifted(out: Mask) -> Mask:
        theta = _scale(_split(x, member, out), prior).scale
        return benjamini_hochberg(_anchor_p(x, theta, member), level)[1]

    drifting = _settled(drifted, x.shape[1])
    items = _split(x, member, drifting)
    fit = _scale(items, prior)
    forms_of = (member.T @ ~np.isnan(x) > 0).sum(axis=0)
    ties = (forms_of >= min(2, member.shape[1])) & ~drifting
    return CommonScale(fit.scale, _jackknife(items, fit, prior), drifting, int(ties.sum()) - 1)


def link_parameters(
    a_x: ArrayLike,
    b_x: ArrayLike,
    a_y: ArrayLike,
    b_y: ArrayLike,
    se_x: ArrayLike,
    se_y: ArrayLike,
    *,
    method: LinkMethod = "haebara",
    level: float = 0.05,
) -> Link:
    """Link two calibrations of the 2PL, P = 1 / (1 + exp(-a (theta - b))), through their anchors.

    `haebara` makes the curves of the anchors agree, on both scales, over a standard normal
    ability; `mean-sigma` makes mean and standard deviation of their difficulties agree. The first
    has the smaller error when groups differ (.29 against .32 sd with 20 anchors and 8 respondents
    a form 1 sd apart). Difficulties must not be shrunk towards the mean of their form: shrinkage
    goes on into the intercept.

    Purification: an anchor whose difficulty lies off the link by more than its standard errors
    explain (normal test, false discovery rate `level`) is left out, and the link fitted again
    until nothing changes. It finds a minority that moved; if most moved together, their shift *is*
    the link. The jackknife covers whatever differs by anchor, small drifts too.

    Args:
        a_x: (n,) discriminations of the anchors on the scale of X, > 0.
        b_x: (n,) their difficulties.
        a_y: (n,) discriminations of the same anchors on the scale of Y, > 0.
        b_y: (n,) their difficulties.
        se_x: (n,) standard errors of `b_x`, > 0.
        se_y: (n,) standard errors of `b_y`, > 0.
        method: of linking.
        level: false discovery rate of drifting anchors, in (0, 1).

    Returns:
        The link.

    Raises:
        ValueError: shapes differ, a number is not finite or not > 0 where it must be, or fewer
            than 3 anchors remain.

    Source: Haebara (1980), Japanese Psychological Research 22, 144-149; Marco (1977), Journal of
    Educational Measurement 14, 139-160 (mean-sigma); Kolen & Brennan (2014), Test Equating,
    Scaling, and Linking, section 6.3.
    """
    table = np.array([a_x, b_x, a_y, b_y, se_x, se_y], dtype=np.float64)
    if table.ndim != 2:
        raise ValueError(f"parameters must be (n,) each, not {table.shape[1:]}")
    if not np.isfinite(table).all() or not (table[[0, 2, 4, 5]] > 0).all():
        raise ValueError("parameters must be finite, discriminations and standard errors > 0")
    solve = _haebara if method == "haebara" else _mean_sigma

    def drifted(out: Mask) -> Mask:
        from scipy.special import ndtr

        slope, intercept = solve(_enough(table[:4, ~out]))
        off = table[1] - slope * table[3] - intercept
        z = off / np.hypot(table[4], slope * table[5])
        return benjamini_hochberg(2 * ndtr(-abs(z)), level)[1]

    drifting = _settled(drifted, table.shape[1])
    kept = _enough(table[:4, ~drifting])
    n = kept.shape[1]
    without = np.array([solve(np.delete(kept, i, axis=1)) for i in range(n)])
    slope, intercept = solve(kept)
    covariance = np.cov(without.T, bias=True) * (n - 1)
    return Link(float(slope), float(intercept), covariance, drifting, n - 1)


def link(theta: ArrayLike, se: ArrayLike, onto: Link) -> tuple[Vector, Vector]:
    """Put scores of form Y on the scale of X.

    Args:
        theta: (R,) on the scale of Y.
        se: (R,) standard errors, >= 0.
        onto: the link.

    Returns:
        Scores (R,) on the scale of X and their covariance (R, R). What the respondents share
        through the link is off the diagonal: it cancels in a difference of two of them, and counts
        in full against a respondent of X.

    Raises:
        ValueError: shapes differ.

    Source: delta method; Ogasawara (2001), Applied Psychological Measurement 25, 53-67.
    """
    theta, se = np.asarray(theta, dtype=np.float64), np.asarray(se, dtype=np.float64)
    if theta.ndim != 1 or theta.shape != se.shape:
        raise ValueError(f"theta {theta.shape} and se {se.shape} must both be (R,)")
    jacobian = np.column_stack([theta, np.ones(len(theta))])
    shared = jacobian @ onto.covariance @ jacobian.T
    return onto.slope * theta + onto.intercept, shared + np.diag((onto.slope * se) ** 2)


def link_rates(responses: ArrayLike, on_y: ArrayLike) -> LinkedRates:
    """Rates of form Y on the scale of form X, by how the two groups differ on the anchors.

    A respondent of Y gets: mean of X's group on X, plus the difference of the groups on the
    anchors, plus the own distance from the mean of Y's group on Y. No slope is estimated: with 8
    to 16 respondents it costs more error than it saves, and Tucker's regression is biased when
    groups differ. Unbiased when the anchors are a sample of form X; equal distances on Y count as
    equal distances on X. Items count as sampled within the anchors, the rest of X and of Y.

    Args:
        responses: (R, I) in [0, 1]; NaN where not asked or missing.
        on_y: (R,) True for the respondents of form Y. An item belongs to the forms whose
            respondents answered it.

    Returns:
        Linked rates of all respondents.

    Raises:
        ValueError: a shape is wrong, a response outside [0, 1], a form without respondents, fewer
            than 2 anchors, or a single item beside them.

    Source: nominal weights mean equating with an internal anchor: Babcock, Albano & Raymond
    (2012), Educational and Psychological Measurement 72, 608-628; Kolen & Brennan (2014), Test
    Equating, Scaling, and Linking, section 4.1.
    """
    x, y = np.asarray(responses, dtype=np.float64), np.asarray(on_y, dtype=np.bool_)
    if x.ndim != 2 or y.shape != x.shape[:1]:
        raise ValueError(f"responses {x.shape} must be (R, I) and on_y {y.shape} (R,)")
    if ((x < 0) | (x > 1)).any():
        raise ValueError("responses must be in [0, 1] or NaN")
    seen, values = ~np.isnan(x), np.nan_to_num(x)
    counts = np.stack([seen[~y].sum(axis=0), seen[y].sum(axis=0)])
    means = np.stack([values[~y].sum(axis=0), values[y].sum(axis=0)]) / np.maximum(counts, 1)
    on = counts > 0
    anchor = on.all(axis=0)
    kinds = [anchor, on[0] & ~anchor, on[1] & ~anchor]
    sizes = [int(kind.sum()) for kind in kinds]
    if sizes[0] < 2 or 1 in sizes:
        raise ValueError(f"anchors, rest of X and rest of Y hold {sizes} items: too few to link")

    # Everything is a sum over items, so that items carry all of the variance.
    base = means[0] * on[0] / on[0].sum()
    gap = (means[1] - means[0]) * anchor / anchor.sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        own = np.where(seen, x - means[y.astype(int)], 0.0) / seen.sum(axis=1, keepdims=True)
    parts = 100 * (own + base + np.outer(y, gap))
    covariance = np.zeros((len(x), len(x)))
    for kind, size in zip(kinds, sizes, strict=True):
        if size:
            covariance += np.cov(parts[:, kind]) * size
    shift = 100 * float((base + gap - means[1] * on[1] / on[1].sum()).sum())
    return LinkedRates(parts.sum(axis=1), covariance, shift, sizes[0] - 1)


def _scale(x: Vector, prior: float) -> TradeoffScale:
    """Abilities from all pairs of unlike responses to one item."""
    seen = ~np.isnan(x)
    yes, weight = np.where(seen, x, 0.0), 1 / np.maximum(seen.sum(axis=0), 1)
    return bradley_terry((yes * weight) @ (seen - yes).T, prior=prior)


def _jackknife(x: Vector, fit: TradeoffScale, prior: float) -> Vector:
    """Covariance (R, R) of the abilities over the items."""
    seen = ~np.isnan(x)
    yes, weight = np.where(seen, x, 0.0), 1 / np.maximum(seen.sum(axis=0), 1)
    no, unit = seen - yes, np.eye(len(x))
    theta, inverse = np.nan_to_num(fit.scale), np.nan_to_num(fit.covariance)
    wins = 1 / (1 + np.exp(theta[None, :] - theta[:, None]))
    gradient = weight * (yes * (wins.T @ no) - no * (wins @ yes))
    # The prior joins the items: what nothing was observed about keeps the prior's variance.
    covariance = prior * inverse @ inverse
    block = max(1, 2**22 // len(x) ** 2)  # bounds memory: 32 MiB an array
    for start in range(0, x.shape[1], block):
        part = slice(start, start + block)
        pairs = np.einsum("pi,qi->ipq", yes[:, part] * weight[part], no[:, part])
        pairs = (pairs + pairs.transpose(0, 2, 1)) * wins * wins.T
        own = unit * pairs.sum(axis=2)[..., None] - pairs
        # Without item i the abilities move by -(information - own)^-1 gradient.
        step = (inverse @ gradient[:, part]).T[..., None]
        moves = np.asarray(np.linalg.solve(unit - inverse @ own, step), dtype=np.float64)[..., 0]
        covariance += moves.T @ moves
    return np.where(np.isnan(fit.covariance), np.nan, covariance)


def _split(x: Vector, member: Mask, drifting: Mask) -> Vector:
    """Responses in which each drifting anchor is one item a form."""
    parts = [np.where(form[:, None], x[:, drifting], np.nan) for form in member.T]
    return np.hstack([x[:, ~drifting], *parts])


def _anchor_p(x: Vector, theta: Vector, member: Mask) -> Vector:
    """Chance (I,) of such different difficulties in the forms, were they equal; else NaN."""
    from scipy.special import chdtrc

    seen = ~np.isnan(x) & ~np.isnan(theta)[:, None]
    yes, ability = np.where(seen, x, 0.0), np.nan_to_num(theta)[:, None]
    total, asked = yes.sum(axis=0), seen.sum(axis=0)
    forms = (member.T @ seen > 0).sum(axis=0)
    usable = (forms > 1) & (total > 0) & (total < asked)
    difficulty = np.zeros(x.shape[1])
    for _ in range(50):
        p = seen / (1 + np.exp(difficulty - ability))
        step = (p.sum(axis=0) - total) / np.maximum((p * (seen - p)).sum(axis=0), 1e-9)
        difficulty = difficulty + np.where(usable, np.clip(step, -1, 1), 0.0)
    p = seen / (1 + np.exp(difficulty - ability))
    excess, information = member.T @ (yes - p), member.T @ (p * (seen - p))
    statistic = (excess**2 / np.maximum(information, 1e-9)).sum(axis=0)
    return np.where(usable, chdtrc(np.maximum(forms - 1, 1), statistic), np.nan)


def _mean_sigma(table: Vector) -> tuple[float, float]:
    slope = table[1].std() / table[3].std()
    return float(slope), float(table[1].mean() - slope * table[3].mean())


def _haebara(table: Vector) -> tuple[float, float]:
    """Slope and intercept that bring the curves nearest, over both scales."""
    from scipy.optimize import least_squares  # pyright: ignore[reportUnknownVariableType]
    from scipy.special import expit

    points = np.linspace(-4, 4, 33)
    weight = np.exp(-(points**2) / 4)  # the root of the normal density
    a_x, b_x, a_y, b_y = table[..., None]

    def curve(a: Vector, b: Vector) -> Vector:
        return expit(a * (points - b))

    on_x, on_y = curve(a_x, b_x), curve(a_y, b_y)

    def apart(at: Vector) -> Vector:
        slope, intercept = np.exp(at[0]), at[1]
        first = on_x - curve(a_y / slope, slope * b_y + intercept)
        second = on_y - curve(a_x * slope, (b_x - intercept) / slope)
        return (np.concatenate([first, second]) * weight).ravel()

    best = np.asarray(least_squares(apart, np.zeros(2)).x, dtype=np.float64)  # pyright: ignore
    return float(np.exp(best[0])), float(best[1])


def _settled(flag: Callable[[Mask], Mask], n: int) -> Mask:
    """What `flag` says of n anchors given what it said before, once that no longer changes."""
    out = np.zeros(n, dtype=np.bool_)
    for _ in range(ROUNDS):
        before, out = out, flag(out)
        if (before == out).all():
            break
    return out


def _enough(table: Vector) -> Vector:
    if table.shape[1] < 3:
        raise ValueError(f"{table.shape[1]} anchors remain; a link needs at least 3")
    return table
