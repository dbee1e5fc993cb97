"""Shares of a measurement corrected for the errors that the judge made on labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuecompass.judges.calibration import Rates, SystemCalibration
from valuecompass.measure.points import generator, points
from valuecompass.stats import rogan_gladen


def corrected(
    positive: NDArray[np.bool_],
    items: Sequence[str],
    known: Sequence[bool],
    rates: Rates,
    seed: str,
) -> dict[str, Any]:
    """Return a share of responses corrected for the judge's errors, on 0-100 with its n.

    Args:
        positive: (n,) verdicts at .5.
        items: (n,) the item of each response.
        known: (n,) responses that needed no judge: refusals in a safe rate.
        rates: the judge's errors on the dimension.
        seed: of the draws.

    Returns:
        Nulls where it cannot be corrected; `notes_on_correction` says why.
    """
    if rates.few and not all(known):
        return {"score": None, "low": None, "high": None, "n": len(positive)}
    found = rogan_gladen(
        positive, np.asarray(items), rates.errors, generator(seed), known=np.asarray(known, bool)
    )
    return points(found) | {"n": len(positive)}


def notes_on_correction(
    entry: SystemCalibration, details: Iterable[tuple[str, dict[str, Any]]]
) -> list[str]:
    """Say what could not be corrected and why, and what was corrected with pooled rates.

    Args:
        entry: the judge's errors.
        details: the further scores of each dimension, as in `Score.detail`.
    """
    asked = [(name, d["corrected"]) for name, d in details if "corrected" in d]
    bare = [name for name, found in asked if found["score"] is None]
    few = [n for n in bare if entry.rates_of(n).few]
    guessing = [n for n in bare if n not in few and not entry.rates_of(n).errors.usable]
    elsewhere = [n for n in bare if n not in few and n not in guessing]
    pooled = [n for n, _ in asked if n not in bare and entry.dimensions[n].pooled]
    not_corrected = "not corrected for the judge's errors on"
    told = (
        (few, f"{not_corrected} {{}}: fewer than ten labels of a class even in all dimensions"),
        (guessing, f"{not_corrected} {{}}: on the labels it is not surely better than guessing"),
        (elsewhere, f"{not_corrected} {{}}: its errors on the labels cannot explain this share"),
        (pooled, "corrected for the judge's errors in all dimensions together, for few labels: {}"),
    )
    return [sentence.format(", ".join(names)) for names, sentence in told if names]
