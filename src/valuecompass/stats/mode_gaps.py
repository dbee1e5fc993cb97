"""Does a respondent say of itself what it shows? Profiles by two modes of asking, compared.

Why this unit, this reference and these limits, with the measured coverage:
`design/stated-and-shown.md`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Agreement", "ModeGaps", "Overall", "mode_gaps", "profile_agreement", "standings"]

Array = NDArray[np.float64]
DRAWS = 1_000
PRIOR = 0.25
"""Weight, in items, of 0 and of 1 in the prior. Twice this, as of `cluster_bootstrap_mean`, makes
limits of the gaps of graded ratings too wide by a sixth."""
EDGE = 1e-6
"""Nearest that a rate may come to 0 or 1 before its probit is taken."""
LEAST_SPREAD = 0.05
"""Share of the observed variance below which a draw's true variance is not taken."""
RELIABLE = 0.5
"""Reliability of both profiles from which their agreement is told."""


class Overall(NamedTuple):
    """Root mean square of a respondent's true gaps, the noise taken out; each (R,).

    Attributes:
        value: in the unit of the gaps, >= 0; 0 where the gaps are no larger than noise makes them.
        low, high: limits; `high` is above 0 also where `value` is 0.
        p: of "no gap on any dimension".
    """

    value: Array
    low: Array
    high: Array
    p: Array


class Agreement(NamedTuple):
    """Correlation of two profiles of one respondent without measurement error; each (R,).

    Attributes:
        value, low, high: in [-1, 1]; NaN where either reliability is below `RELIABLE`.
        reliability: (R, 2), share of each profile's variance that is not noise, at most 1.
    """

    value: Array
    low: Array
    high: Array
    reliability: Array


class ModeGaps(NamedTuple):
    """Gaps between what R respondents state and show on D dimensions.

    Attributes:
        stated, shown: (R, D) standing in each mode, in standard deviations of the respondents'
            true standings: above 0, higher than the respondents are on average.
        usual: (R, D) median over the other respondents of stated - shown.
        gap: (R, D) stated - shown - usual.
        low, high: (R, D) limits of the gap.
        p: (R, D) of "no gap".
        overall: of each respondent.
        agreement: of each respondent.
        reliability: (2,) share of the variance of standings that is not noise, stated and shown.
        told_apart: (2,) whether the respondents differ beyond noise, stated and shown. Where they
            do not, there is no unit, and all other numbers are NaN.
    """

    stated: Array
    shown: Array
    usual: Array
    gap: Array
    low: Array
    high: Array
    p: Array
    overall: Overall
    agreement: Agreement
    reliability: Array
    told_apart: NDArray[np.bool_]


def standings(
    totals: ArrayLike, counts: ArrayLike, rng: np.random.Generator, draws: int = DRAWS
) -> Array:
    """Profiles on the probit scale with joint draws: a Bayesian bootstrap over items.

    An item has the same weight for all respondents and dimensions, so what an item does to all of
    them cancels in differences. Each respondent and dimension has a prior of half an item, one half
    of its weight on 0 and one on 1; it is in the estimate, too, so that a rate of 0 has a probit.

    Args:
        totals: (R, n, D) sums of values in [0, 1] over the responses to each item.
        counts: (R, n, D) numbers of responses.
        rng: generator of the weights.
        draws: B.

    Returns:
        (1 + B, R, D), the estimate first; NaN where a respondent has no response.

    Source: Rubin (1981), Annals of Statistics 9, 130-134; Thurstone (1927), Psychological Review
    34, 273-286 (the probit of a rate as a position).
    """
    from scipy.special import ndtri

    sums, sizes = np.asarray(totals, dtype=np.float64), np.asarray(counts, dtype=np.float64)
    r, n, d = sums.shape
    weights = np.vstack([np.ones(n), rng.standard_exponential((draws, n))])
    flat = (of.transpose(1, 0, 2).reshape(n, r * d) for of in (sums, sizes))
    total, size = ((weights @ of).reshape(-1, r, d) for of in flat)
    items = (sizes > 0).sum(axis=1)
    prior = np.divide(sizes.sum(axis=1), items, out=np.full((r, d), np.nan), where=items > 0)
    halves = rng.standard_gamma(PRIOR, (2, 1 + draws, r, d))
    halves[:, 0] = PRIOR
    rate = (total + halves[0] * prior) / (size + halves.sum(axis=0) * prior)
    return np.asarray(ndtri(rate.clip(EDGE, 1 - EDGE)), dtype=np.float64)


def mode_gaps(stated: ArrayLike, shown: ArrayLike, level: float = 0.95) -> ModeGaps:
    """Compare two profiles of each respondent, as far from the other respondents as they stand.

    Profiles are taken about the respondent's own mean over the dimensions (ipsatised), so that
    agreeing with everything or writing much changes nothing, and divided by the standard deviation
    of the respondents' true standings in that mode: what is left of the variance over respondents
    and dimensions without noise. What the items of a mode do to a dimension is the same for all
    respondents and leaves with the median gap of the others. So gaps are relative to the other
    respondents, and those of one respondent add up to 0 where the others' medians do.

    Limits and p-values are normal with the standard deviation of the draws. The overall gap is
    tested by its quadratic form, and its limits are those noncentralities that the form does not
    reject. A form smaller than even no gap lets expect rejects all of them, which would end in the
    interval [0, 0]. The upper limit is therefore never below the one of the form's median without a
    gap: what half of such boards cannot exclude is not excluded. Coverage can only rise by it.

    Args:
        stated: (1 + B, R, D) `standings`, the estimate first, without NaN; R >= 3, D >= 3.
        shown: the same of the other mode, with other items.
        level: of the limits, in (0, 1).

    Raises:
        ValueError: if shapes differ, are too small, or a number is not finite.

    Source: Cattell (1944), Psychometrika 9, 239-256 (ipsative scores); Cochran (1954), Biometrics
    10, 101-129 (Q); Satterthwaite (1946), Biometrics Bulletin 2, 110-114 (the form's degrees of
    freedom); Steiger & Fouladi (1997), in Harlow, Mulaik & Steiger, What if there were no
    significance tests, 221-257 (limits of a noncentrality); Cowan, Cranmer, Gross & Vitells
    (2011), arXiv:1105.3166 (an upper limit not below what the data can exclude).
    """
    from scipy.special import ndtr, ndtri

    both = [_checked(stated), _checked(shown)]
    if both[0].shape != both[1].shape:
        raise ValueError(f"stated {both[0].shape} and shown {both[1].shape} differ in shape")
    scaled, reliability, apart = zip(*(_in_true_sd(profile) for profile in both), strict=True)
    if not all(apart):
        return _without_unit(both[0].shape[1:], np.array(reliability), np.array(apart))
    first, second = scaled
    apart_from = first - second
    usual = _median_of_others(apart_from)
    gaps = apart_from - usual
    error = gaps[1:].std(axis=0, ddof=1)
    half = float(ndtri((1 + level) / 2)) * error
    return ModeGaps(
        first[0],
        second[0],
        usual[0],
        gaps[0],
        gaps[0] - half,
        gaps[0] + half,
        2 * ndtr(-np.abs(gaps[0]) / error),
        _overall(gaps, level),
        profile_agreement(first, second, level),
        np.array(reliability),
        np.array(apart),
    )


def profile_agreement(first: ArrayLike, second: ArrayLike, level: float = 0.95) -> Agreement:
    """Correlation of each respondent's two profiles over the dimensions, corrected for noise.

    The noise that the draws show is taken out of both variances (out of a draw's twice: it has
    that of the estimate and its own). The dimensions are taken as they are, not as a sample.

    Args:
        first: (1 + B, R, D) profiles of one mode with draws, the estimate first.
        second: (1 + B, R, D) of the other.
        level: of the limits, in (0, 1).

    Source: Spearman (1904), American Journal of Psychology 15, 72-101.
    """
    both = [_centred(_checked(profile)) for profile in (first, second)]
    observed = np.stack([(profile**2).mean(axis=2) for profile in both])
    noise = np.stack([profile[1:].var(axis=0, ddof=1).mean(axis=1) for profile in both])
    times = np.append(1, np.full(len(both[0]) - 1, 2))[:, None]
    least = LEAST_SPREAD * observed[:, :1]
    true = np.maximum(observed - times * noise[:, None], least)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = ((both[0] * both[1]).mean(axis=2) / np.sqrt(true[0] * true[1])).clip(-1, 1)
        reliability = 1 - noise / observed[:, 0]
    reliable = (reliability >= RELIABLE).all(axis=0)
    low, high = np.quantile(r[1:], [(1 - level) / 2, (1 + level) / 2], axis=0)
    low, high = np.minimum(low, r[0]), np.maximum(high, r[0])
    value, low, high = (np.where(reliable, x, np.nan) for x in (r[0], low, high))
    return Agreement(value, low, high, reliability.T)


def _checked(profiles: ArrayLike) -> Array:
    found = np.asarray(profiles, dtype=np.float64)
    if found.ndim != 3 or len(found) < 3 or not np.isfinite(found).all():
        raise ValueError(f"profiles {found.shape} must be finite, (1 + draws, R, D)")
    return found


def _centred(profiles: Array) -> Array:
    return profiles - profiles.mean(axis=2, keepdims=True)


def _in_true_sd(profiles: Array) -> tuple[Array, float, bool]:
    """Return profiles about both means in true standard deviations, and how sure that unit is.

    Returns:
        The profiles, the reliability of the observed ones, and whether respondents differ at all.
    """
    from scipy.special import chdtrc

    _, r, d = profiles.shape
    if r < 3 or d < 3:
        raise ValueError(f"{r} respondents and {d} dimensions: three of both are needed")
    centred = _centred(profiles)
    centred = centred - centred.mean(axis=1, keepdims=True)
    freedom = (r - 1) * (d - 1)
    observed = (centred**2).sum(axis=(1, 2)) / freedom
    noise = centred[1:].var(axis=0, ddof=1).sum() / freedom
    if not chdtrc(freedom, freedom * observed[0] / noise) < 0.05:
        return centred, float(1 - noise / observed[0]) if observed[0] > 0 else np.nan, False
    # a draw has the noise of the estimate and its own
    true = observed - noise * np.append(1, np.full(len(centred) - 1, 2))
    spread = np.sqrt(np.maximum(true, LEAST_SPREAD * observed[0]))
    return centred / spread[:, None, None], float(1 - noise / observed[0]), True


def _median_of_others(values: Array) -> Array:
    """(draws, R, D) median over all respondents but one's own."""
    ordered = np.sort(values, axis=1)
    rank = values.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
    others = values.shape[1] - 1

    def at(place: int) -> Array:
        after = rank > place
        return np.where(after, ordered[:, [place]], ordered[:, [place + 1]])

    return (at((others - 1) // 2) + at(others // 2)) / 2


def _overall(gaps: Array, level: float) -> Overall:
    from scipy.special import chdtrc, chdtri

    d = gaps.shape[2]
    noise = gaps[1:] - gaps[1:].mean(axis=0)
    covariance = np.einsum("brd,bre->rde", noise, noise) / (len(noise) - 1)
    trace, square = np.einsum("rdd->r", covariance), (covariance**2).sum(axis=(1, 2))
    unit, freedom = square / trace, trace**2 / square
    squares = (gaps[0] ** 2).sum(axis=1)
    value = np.sqrt(np.maximum(squares - trace, 0.0) / d)
    form = squares / unit
    usual = np.maximum(form, chdtri(freedom, 0.5))
    low, high = (
        np.sqrt(unit * _noncentrality(of, freedom, tail) / d)
        for of, tail in ((form, (1 + level) / 2), (usual, (1 - level) / 2))
    )
    p = np.asarray(chdtrc(freedom, form), dtype=np.float64)
    return Overall(value, np.minimum(low, value), np.maximum(high, value), p)


def _noncentrality(form: Array, freedom: Array, tail: float) -> Array:
    """Noncentralities under which a form is at most this with probability `tail`; 0: none is."""
    from scipy.special import chdtr, chndtrinc

    beyond = np.asarray(chdtr(freedom, form) > tail)
    found = np.asarray(chndtrinc(form, freedom, tail), dtype=np.float64)
    return np.where(beyond, found, 0.0)


def _without_unit(shape: tuple[int, ...], reliability: Array, apart: NDArray[np.bool_]) -> ModeGaps:
    nothing, none = np.full(shape, np.nan), np.full(shape[0], np.nan)
    agreement = Agreement(none, none, none, np.full((shape[0], 2), np.nan))
    overall = Overall(none, none, none, none)
    return ModeGaps(
        **dict.fromkeys(("stated", "shown", "usual", "gap", "low", "high", "p"), nothing),
        overall=overall,
        agreement=agreement,
        reliability=reliability,
        told_apart=apart,
    )
