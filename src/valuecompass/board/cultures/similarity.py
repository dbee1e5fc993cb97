"""How alike the values of respondents and of cultures are, and whether any culture fits at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from valuecompass.errors import InputError
from valuecompass.values import ValueSystem

__all__ = [
    "AS_IS",
    "METHODS",
    "Method",
    "Treatment",
    "fit_test",
    "nearest",
    "parse_treatment",
    "similarity",
]

Method = Literal["spearman", "pearson", "kendall"]
METHODS: tuple[Method, ...] = ("spearman", "pearson", "kendall")
Floats = NDArray[np.float64]

SAME = 1e-9
"""Similarities nearer than this differ by rounding only."""
PERMUTATIONS = 10_000


@dataclass(frozen=True)
class Treatment:
    """What is done with one dimension before respondents and cultures are compared."""

    kind: Literal["as-is", "last", "without"] = "as-is"
    at: int = 0
    """The dimension's place; of no meaning with as-is."""
    name: str = ""

    def __str__(self) -> str:
        """Return it as the command line takes it."""
        return f"{self.kind}:{self.name}" if self.name else self.kind


AS_IS = Treatment()


def parse_treatment(text: str, system: ValueSystem, names: Sequence[str]) -> Treatment:
    """Return a treatment from `as-is`, `last:NAME` or `without:NAME`.

    Args:
        text: what the user gave.
        system: knows other spellings of names.
        names: the dimensions that are compared.

    Raises:
        InputError: another word, or a name that is not a dimension.
    """
    kind, _, given = text.partition(":")
    if text == "as-is":
        return AS_IS
    name = system.canonical(given)
    if kind not in ("last", "without"):
        raise InputError(
            f"--treatment {text}: not a treatment; known: as-is, last:NAME, without:NAME"
        )
    if name is None or name not in names:
        raise InputError(
            f"--treatment {text}: {given!r} is not a dimension of this board; "
            f"known: {', '.join(names)}"
        )
    return Treatment(kind, names.index(name), name)


def similarity(
    values: Floats, profiles: Floats, method: Method = "spearman", treatment: Treatment = AS_IS
) -> Floats:
    """Correlate each respondent's profile over the dimensions with each culture's.

    Spearman is Pearson's correlation of average ranks, Kendall is tau-b, so both take ties. `last`
    puts its dimension one below everything else on both sides, `without` leaves it out.

    Args:
        values: (R, D), larger = more important; NaN = missing.
        profiles: (C, D), the same dimensions.
        method: the correlation.
        treatment: of one dimension, on both sides.

    Returns:
        (R, C) in [-1, 1]; NaN where a value is missing or one side's values are all equal.

    Source: Spearman (1904), American Journal of Psychology 15, 72-101; Kendall (1945), Biometrika
    33, 239-251 (tau-b).
    """
    left = _directions(_treated(values, treatment), method)
    right = _directions(_treated(profiles, treatment), method)
    return np.clip(left @ right.T, -1, 1)


def nearest(row: Floats) -> list[int]:
    """Return the places of the largest similarity in a row (C,): several when they tie."""
    if np.isnan(row).all():
        return []
    return [int(at) for at in np.flatnonzero(row >= np.nanmax(row) - SAME)]


def fit_test(
    values: Floats,
    profiles: Floats,
    method: Method = "spearman",
    treatment: Treatment = AS_IS,
    *,
    rng: np.random.Generator,
    permutations: int = PERMUTATIONS,
) -> Floats:
    """Test whether a respondent is nearer to any culture than its values in random order would be.

    A respondent's values are dealt anew to the dimensions (the one that `last` ties down stays);
    the largest similarity over the cultures is compared with the largest of each such deal, which
    pays for having looked at all of them.

    Args:
        values: (R, D).
        profiles: (C, D).
        method: as in `similarity`.
        treatment: as in `similarity`.
        rng: generator; every respondent meets the same deals.
        permutations: number of deals B.

    Returns:
        (R,) p-values (1 + deals at least as near) / (1 + B); NaN where nothing can be compared.

    Source: Westfall & Young (1993), Resampling-Based Multiple Testing, section 2.3 (the maximum);
    Phipson & Smyth (2010), Stat. Appl. Genet. Mol. Biol. 9, 39 (the 1 that is added).
    """
    treated = _treated(values, treatment)
    cultures = _directions(_treated(profiles, treatment), method)
    free = [at for at in range(treated.shape[1]) if treatment.kind != "last" or at != treatment.at]
    dimensions = np.arange(treated.shape[1], dtype=np.intp)
    deals: NDArray[np.intp] = np.tile(dimensions, (permutations, 1))
    deals[:, free] = rng.permuted(deals[:, free], axis=1)
    found = np.full(len(treated), np.nan)
    for at, (row, near) in enumerate(
        zip(treated, _largest(_directions(treated, method), cultures), strict=True)
    ):
        if not np.isnan(near):
            dealt = _largest(_directions(row[deals], method), cultures)
            found[at] = (1 + np.count_nonzero(dealt >= near - SAME)) / (1 + permutations)
    return found


def _treated(values: Floats, treatment: Treatment) -> Floats:
    if treatment.kind == "as-is":
        return values
    others = np.delete(values, treatment.at, axis=-1)
    if treatment.kind == "without":
        return others
    return np.insert(others, treatment.at, others.min(axis=-1) - 1, axis=-1)


def _directions(values: Floats, method: Method) -> Floats:
    """Return unit vectors whose products are the similarities; NaN for rows that are all equal."""
    if method == "kendall":
        first, second = np.triu_indices(values.shape[-1], 1)
        found = np.sign(values[..., first] - values[..., second])
    else:
        if method == "spearman":
            values = _ranks(values)
        # the mean of equal numbers can miss them by rounding, their range cannot
        flat = np.ptp(values, axis=-1, keepdims=True) == 0
        found = np.where(flat, 0.0, values - values.mean(axis=-1, keepdims=True))
    length = np.sqrt((found**2).sum(axis=-1, keepdims=True))
    return np.divide(found, length, out=np.full_like(found, np.nan), where=length != 0)


def _ranks(values: Floats) -> Floats:
    from scipy import stats

    rankdata = cast("Any", stats).rankdata
    return np.asarray(rankdata(values, axis=-1, nan_policy="propagate"), dtype=np.float64)


def _largest(left: Floats, right: Floats) -> Floats:
    """Return each row's largest product with rows that are numbers; NaN where there is none."""
    right = right[~np.isnan(right).any(axis=1)]
    if not len(right):
        return np.full(len(left), np.nan)
    return (left @ right.T).max(axis=1)
