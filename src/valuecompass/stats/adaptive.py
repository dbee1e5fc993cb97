"""Computerised adaptive testing: the next item for a respondent, and when to stop."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from valuecompass.stats.irt import PLAIN, Array, Noise, checked_items, information, outcome_terms

__all__ = ["AdaptiveRun", "next_item", "simulate_cat"]

GRID = np.linspace(-5, 5, 101)
"""Where the posterior of a position is kept, in prior standard deviations."""


def next_item(
    posterior: ArrayLike,
    item_information: ArrayLike,
    asked: ArrayLike,
    exposed: ArrayLike,
    earlier: int,
    rng: np.random.Generator,
    *,
    top: int = 5,
    max_exposure: float = 0.25,
) -> int | None:
    """Choose an item by the information expected under what is known of the respondent.

    One of the `top` best items is drawn, so that respondents do not all walk the same path. An
    item rests while asking it would raise its share of respondents above `max_exposure`; the first
    respondent of all may get any item.

    Args:
        posterior: (g,) weights of the respondent's position on a grid, >= 0.
        item_information: (g, n) from `irt.information` on the same grid.
        asked: (n,) whether this respondent had the item already.
        exposed: (n,) number of earlier respondents who had the item.
        earlier: number of earlier respondents, >= 0.
        rng: generator of the draw.
        top: among how many of the best items to draw, >= 1; 1 is the best one.
        max_exposure: share of respondents, in (0, 1]; 1 is no limit.

    Returns:
        Index of the item; None when no item is left.

    Raises:
        ValueError: if shapes do not fit or a number is out of range.

    Source: van der Linden (1998), Psychometrika 63, 201-216, equation 9 (posterior-weighted
    information); Kingsbury & Zara (1989), Applied Measurement in Education 2, 359-375
    (randomesque); Revuelta & Ponsoda (1998), Journal of Educational Measurement 35, 311-327
    (restricted maximum information, the limit on the running share).
    """
    weights = np.asarray(posterior, dtype=np.float64)
    table = np.asarray(item_information, dtype=np.float64)
    asked, exposed = np.asarray(asked, dtype=bool), np.asarray(exposed, dtype=np.float64)
    if table.ndim != 2 or weights.shape != table.shape[:1]:
        raise ValueError(
            f"posterior {weights.shape} must be (g,), information {table.shape} (g, n)"
        )
    if asked.shape != table.shape[1:] or exposed.shape != table.shape[1:]:
        raise ValueError(
            f"asked {asked.shape} and exposed {exposed.shape} must both be {table.shape[1:]}"
        )
    if earlier < 0:
        raise ValueError(f"earlier must be >= 0, not {earlier}")
    _check_choice(top, max_exposure)
    room = np.maximum(1, max_exposure * (earlier + 1))
    free = np.flatnonzero(~asked & (exposed + 1 <= room))
    if not len(free):
        return None
    expected = weights @ table[:, free]
    best = free[np.argsort(-expected, kind="stable")[:top]]
    return int(rng.choice(best))


@dataclass(frozen=True)
class AdaptiveRun:
    """What T simulated respondents went through on a bank of n items.

    Attributes:
        theta: (T,) posterior means at the end.
        sd: (T,) posterior standard deviations at the end.
        used: (T,) number of items asked.
        asked: (T, n) which items.
        exposure: (n,) share of respondents who had each item, in [0, 1].
        reached: (T,) whether `stop_sd` was reached.
    """

    theta: Array
    sd: Array
    used: NDArray[np.int64]
    asked: NDArray[np.bool_]
    exposure: Array
    reached: NDArray[np.bool_]


def simulate_cat(
    thetas: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    rng: np.random.Generator,
    *,
    opinions: int = 1,
    noise: Noise = PLAIN,
    stop_sd: float = 0.1**0.5,
    max_items: int | None = None,
    top: int = 5,
    max_exposure: float = 0.25,
    adaptive: bool = True,
) -> AdaptiveRun:
    """Let simulated respondents take the adaptive test one after the other, prior N(0, 1).

    A respondent stops when its posterior standard deviation is at most `stop_sd`, after
    `max_items`, or when no item is left. The default is dependability .9: the posterior variance
    is a tenth of the positions' variance, which the prior sets to 1.

    Args:
        thetas: (T,) true positions.
        a: (n,) slopes, finite.
        b: (n,) difficulties, finite.
        rng: generator of responses and draws.
        opinions: opinions judged in each response, >= 1.
        noise: quirk and judge error, of the responses and of the scoring.
        stop_sd: > 0.
        max_items: most items for a respondent; None is the whole bank.
        top: as in `next_item`.
        max_exposure: as in `next_item`.
        adaptive: False draws items at random, the form to compare with.

    Returns:
        Estimates, items and exposure.

    Raises:
        ValueError: if an argument is out of range or has the wrong shape.

    Source: stop rule: Weiss & Kingsbury (1984), Journal of Educational Measurement 21, 361-375.
    """
    thetas, (a, b) = np.asarray(thetas, dtype=np.float64), checked_items(a, b)
    if thetas.ndim != 1:
        raise ValueError(f"thetas must be (T,), not of shape {thetas.shape}")
    if not np.isfinite(a + b).all():
        raise ValueError("a and b must be finite")
    if not stop_sd > 0:
        raise ValueError(f"stop_sd must be > 0, not {stop_sd}")
    _check_choice(top, max_exposure)
    most = len(a) if max_items is None else min(max_items, len(a))
    outcomes = np.array([(k, opinions) for k in range(opinions + 1)])
    terms = outcome_terms(a * (GRID[:, None] - b), outcomes, noise)[0]
    table = information(GRID, a, b, noise, opinions=opinions)
    if not adaptive:
        table, top, max_exposure = np.zeros_like(table), len(a), 1.0

    asked = np.zeros((len(thetas), len(a)), dtype=bool)
    theta, sd = np.zeros(len(thetas)), np.ones(len(thetas))
    for i, position in enumerate(thetas):
        found = _successes(position, a, b, opinions, noise, rng)
        exposed = asked[:i].sum(axis=0)
        log_posterior = -(GRID**2) / 2
        while sd[i] > stop_sd and asked[i].sum() < most:
            weights = np.exp(log_posterior - log_posterior.max())
            item = next_item(
                weights, table, asked[i], exposed, i, rng, top=top, max_exposure=max_exposure
            )
            if item is None:
                break
            asked[i, item] = True
            log_posterior = log_posterior + terms[found[item], :, item]
            weights = np.exp(log_posterior - log_posterior.max())
            theta[i] = np.average(GRID, weights=weights)
            sd[i] = np.sqrt(np.average((GRID - theta[i]) ** 2, weights=weights))
    return AdaptiveRun(theta, sd, asked.sum(axis=1), asked, asked.mean(axis=0), sd <= stop_sd)


def _successes(
    theta: float, a: Array, b: Array, opinions: int, noise: Noise, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Opinions found to express the value in one response to every item: (n,)."""
    logit = a * (theta - b) + noise.quirk_sd * rng.standard_normal(len(a))
    share = noise.sensitivity + noise.specificity - 1
    return rng.binomial(opinions, 1 - noise.specificity + share / (1 + np.exp(-logit)))


def _check_choice(top: int, max_exposure: float) -> None:
    if top < 1:
        raise ValueError(f"top must be >= 1, not {top}")
    if not 0 < max_exposure <= 1:
        raise ValueError(f"max_exposure must be in (0, 1], not {max_exposure}")
