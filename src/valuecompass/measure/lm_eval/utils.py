"""What the tasks beside this file need: lm-evaluation-harness calls these functions by name.

Written by `valuecompass items export --format lm-eval`. Copy the folder wherever you like.
"""

from __future__ import annotations

import json
import math
from importlib import import_module
from pathlib import Path
from typing import Any


def load(file: str, **_: Any) -> dict[str, Any]:
    """Return the requests of a file beside this one.

    Args:
        file: its name, as ``dataset_kwargs`` of the task gives it.
    """
    datasets = import_module("datasets")  # lm-evaluation-harness brings it
    with (Path(__file__).parent / file).open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return {"test": datasets.Dataset.from_list(rows)}


def expected(doc: dict[str, Any], results: list[tuple[float, bool]]) -> dict[str, float]:
    """Return what the probabilities of a request's options say.

    Args:
        doc: `values` holds for each of its `dimensions` what each option means, in [0, 1].
        results: log-likelihood of each option, and whether it is what greedy decoding writes.

    Returns:
        By dimension the mean of its values weighted with the options' probabilities, and
        ``p(options)``, the probability of all options together; nothing where that is 0.
    """
    shares = [math.exp(log) for log, _ in results]
    mass = sum(shares)
    if not mass:
        return {}
    found = {
        name: sum(value * share for value, share in zip(values, shares, strict=True)) / mass
        for name, values in zip(doc["dimensions"], doc["values"], strict=True)
    }
    return found | {"p(options)": mass}


def answered(doc: dict[str, Any], results: list[str]) -> dict[str, float]:
    """Return whether a text has a word in it: 1 or 0. What it says is judged after the import."""
    return {"answered": float(any(c.isalnum() for c in results[0]))}


def share(values: list[float]) -> float:
    """Return a mean.

    lm-evaluation-harness gives no standard error of a function of ours, and should not: the two
    orders of a trade-off's sides are not independent.
    """
    return sum(values) / len(values)
