"""Shares of a measurement corrected for the errors that the judge made on labels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuecompass.judges.quality.calibration import SystemCalibration
from valuecompass.measure.points import generator, points
from valuecompass.stats import ErrorRates, rogan_gladen


def corrected(
    positive: NDArray[np.bool_],
    items: Sequence[str],
    known: Sequence[bool],
    rates: ErrorRates,
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
    found = rogan_gladen(
        positive, np.asarray(items), rates, generator(seed), known=np.asarray(known, bool)
    )
    return points(found) | {"n": len(positive)}


def notes_on_correction(
    entry: SystemCalibration, details: Iterable[tuple[str, dict[str, Any]]]
) -> list[str]:
    """Say what could not be corrected and why, and what leans on other dimensions' labels.

    Args:
        entry: the judge's errors.
        details: the further scores of each dimension, as in `Score.detail`.
    """
    asked = [(name, d["corrected"]) for name, d in details if "corrected" in d]
    bare = [name for name, found in asked if found["score"] is None]
    few = bare if entry.all_dimensions.few else []
    guessing = [n for n in bare if n not in few and not entry.rates_of(n).usable]
    elsewhere = [n for n in bare if n not in few and n not in guessing]
    leaning = [n for n, _ in asked if n not in bare and entry.dimensions[n].few]
    not_corrected = "not corrected for the judge's errors on"
    told = (
        (few, f"{not_corrected} {{}}: fewer than ten labels of a class even in all dimensions"),
        (guessing, f"{not_corrected} {{}}: on the labels it is not surely better than guessing"),
        (elsewhere, f"{not_corrected} {{}}: its errors on the labels cannot explain this share"),
        (
            leaning,
            "corrected for the judge's errors as they are in the other dimensions, too, for fewer "
            "than ten own labels of a class: {}",
        ),
    )
    return [sentence.format(", ".join(names)) for names, sentence in told if names]
