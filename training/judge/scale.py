"""Fit how the heads' logits become degrees, and measure the local judge: `make scale-judge`.

Conduct and completions are fitted to what trained no weight: part of our held-out texts and, where
that helps (`TO_LABELS`), the development labels; Schwartz's values to our corpus, which has all
ten. What is written to the card is cross-fitted (each item's rows are judged with a scale fitted to
other items), so that it says how the judge does on labels it was not calibrated on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import numpy as np
from conduct import conduct_rows
from data import schwartz_corpus
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from valuecompass.cli.app import guarded
from valuecompass.errors import InputError
from valuecompass.files import read_bytes
from valuecompass.judges.local import judge as local
from valuecompass.judges.local.recogniser import context_of, recogniser
from valuecompass.judges.quality.calibrate import calibrate
from valuecompass.judges.quality.calibration import (
    FITTED,
    Labels,
    fitted_key,
    gate,
    write_calibration,
)
from valuecompass.judges.quality.evaluate import least_margin, report
from valuecompass.judges.quality.judging import judge_rows
from valuecompass.judges.quality.labelled import Labelled, declined, parse_labels
from valuecompass.models import is_refusal
from valuecompass.values import builtin_system

HEADS = Path(local.__file__).parent / "heads"
FOLDS = 10
SLOPE, COMMON, OWN, DECLINES = (1.0, 0.5), 3.0, 0.7, 2.0
"""Priors: mean and SD of the slope, SDs of the common shift, of a dimension's own, of declining."""
LEAST = 0.3
"""Least slope: a judge that says the same of every text would measure nothing."""
TO_LABELS = ("safety", "llm-unique")
"""Systems whose scale is fitted to the labels, too. Not moral foundations: the heads order those
no better than guessing, and they call a continuation that does nothing of note a violation; a scale
fitted to them calls nearly everything one, and tells planted respondents apart less."""
Scale = dict[str, Any]
Vector = NDArray[np.float64]


def fit(rows: Sequence[Labelled], logits: Vector) -> Scale:
    """Return the scale of one system: logistic regression with normal priors (MAP)."""
    system = rows[0].system
    names = system.names
    own = np.array([names.index(row.dimension) for row in rows])
    labels = np.array([row.expressed for row in rows], float)
    declines = np.array([is_refusal(row.subject.response) for row in rows], float)

    def loss(x: Vector) -> float:
        slope, common, decline, shifts = x[0], x[1], x[2], x[3:]
        z = slope * logits + common + decline * declines + shifts[own]
        likelihood = np.logaddexp(0, -z) @ labels + np.logaddexp(0, z) @ (1 - labels)
        prior = ((slope - SLOPE[0]) / SLOPE[1]) ** 2 + (common / COMMON) ** 2
        prior += (decline / DECLINES) ** 2 + ((shifts / OWN) ** 2).sum()
        return float(likelihood + prior / 2)

    start = np.concatenate([[1.0], np.zeros(2 + len(names))])
    bounds = [(LEAST, None), *[(None, None)] * (2 + len(names))]
    x = minimize(loss, start, method="L-BFGS-B", bounds=bounds).x
    shift = {n: round(float(x[1] + x[3 + i]), 3) for i, n in enumerate(names)}
    return {"slope": round(float(x[0]), 3), "shift": shift, "declines": round(float(x[2]), 3)}


def scaled(rows: Sequence[Labelled], logits: Vector, scale: Scale) -> Vector:
    """Return degrees, as the judge gives them."""
    return np.array(
        [
            local.degree(value, scale, row.dimension, is_refusal(row.subject.response))
            for row, value in zip(rows, logits, strict=True)
        ]
    )


def cross_fitted(
    rows: Sequence[Labelled], logits: Vector, always: Sequence[Labelled], theirs: Vector
) -> Vector:
    """Return degrees by scales that were fitted without the row's item.

    Args:
        rows: the labelled responses.
        logits: (rows,) what the heads say of them.
        always: further rows that every scale is fitted to.
        theirs: (always,) what the heads say of these.
    """
    items = sorted({row.item for row in rows})
    np.random.default_rng(0).shuffle(items)
    fold = {item: place % FOLDS for place, item in enumerate(items)}
    own = np.array([fold[row.item] for row in rows])
    found = np.zeros(len(rows))
    for number in range(FOLDS):
        out = own == number
        kept = [row for row, o in zip(rows, out, strict=True) if not o]
        left = [row for row, o in zip(rows, out, strict=True) if o]
        if left:
            scale = fit([*kept, *always], np.concatenate([logits[~out], theirs]))
            found[out] = scaled(left, logits[out], scale)
    return found


def fitted_to(rows: Sequence[Labelled], source: Path) -> dict[str, list[int]]:
    """Return by system which rows its scale is fitted to: those a judge would read.

    Raises:
        InputError: they are of fewer than two items, so that nothing is left to fit to.
    """
    said = anyio.run(judge_rows, local.LocalJudge(), rows)
    found: dict[str, list[int]] = {}
    for name in TO_LABELS:
        found[name] = [
            i
            for i, row in enumerate(rows)
            if row.system.id == name and said[i].expressed is not None and not declined(row)
        ]
        if len({rows[i].item for i in found[name]}) < 2:
            raise InputError(
                f"{source}: system: add English answers to two items of {name} at least"
            )
    return found


def main() -> None:
    """Write scale.json and card.json; print what the card rests on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("labels", type=Path, help="JSONL of labelled responses")
    options = parser.parse_args()
    data = read_bytes(options.labels)
    rows = parse_labels(data, options.labels)
    uses = fitted_to(rows, options.labels)
    scales: dict[str, Scale] = {}
    cross: dict[int, float] = {}
    for name in local.HEADS:
        if builtin_system(name).scoring == "expression":
            # labelled is only the value that an item was made to bring up: fitted to those, the
            # scale would find every value in every text; our corpus has all ten
            scales[name] = _of_corpus(name)
            continue
        own = [rows[i] for i in uses.get(name, ())]
        logits = np.array([_logit(row) for row in own])
        always = [row for row in conduct_rows("scale") if row.system.id == name]
        theirs = np.array([_logit(row) for row in always])
        scales[name] = fit([*own, *always], np.concatenate([logits, theirs]))
        if own:
            degrees = cross_fitted(own, logits, always, theirs).tolist()
            cross |= dict(zip(uses[name], degrees, strict=True))
    _write(scales)
    expressed = [said.expressed for said in anyio.run(judge_rows, local.LocalJudge(), rows)]
    for i, value in cross.items():
        expressed[i] = value
    judge = local.LocalJudge()
    labels = Labels.of(options.labels, data, len(rows))
    calibration = calibrate(judge, rows, expressed, labels)
    write_calibration(calibration, HEADS / "card.json")
    keys = {name: sorted({fitted_key(rows[i]) for i in own}) for name, own in uses.items()}
    FITTED.write_text(json.dumps(keys, indent=1) + "\n", encoding="utf-8")
    for name, entry in report(rows, expressed).items():
        titles = {"auc": f"{entry['n']} rows, AUC", "macro_auc": "macro AUC"}
        titles |= {"accuracy": "accuracy", "kappa": "kappa"}
        found = [
            _figure(title, entry[key], entry["intervals"].get(key)) for key, title in titles.items()
        ]
        if entry["margins"]:
            nearest = least_margin(entry["margins"])
            m = entry["margins"][nearest]
            found.append(_figure(f"less {nearest}", m["value"], [m["low"], m["high"]]))
        passed = gate(calibration, judge, builtin_system(name))
        print(f"{name}: {', '.join(found)}. Gate {passed.status}: {passed.reason}")


def _logit(row: Labelled) -> float:
    """Return the logit of a row's dimension: of conduct and completions, which are one part."""
    reader = recogniser(local.HEADS[row.system.id])
    (part,) = row.subject.parts
    context = context_of(reader.encoder, *local.context(row.subject, row.dimension))
    (reading,) = reader.read([part.text], context)
    return local.sides(reader, reading, row.dimension, row.system.scoring).logit


def _figure(title: str, value: float | None, limits: Sequence[float] | None) -> str:
    if value is None or limits is None:
        return f"{title} not estimable"
    return f"{title} {value:+.2f} [{limits[0]:+.2f}, {limits[1]:+.2f}]"


def _of_corpus(name: str) -> Scale:
    """Return shifts at which each value is found in the corpus as often as it is there.

    One for each value: people's labels, which the heads have learned too, name some values rarely.
    """
    system = builtin_system(name)
    examples = [e for e in schwartz_corpus() if any(e.targets[f"touch {n}"] for n in system.names)]
    reader = recogniser(local.HEADS[name])
    readings = reader.read([e.text for e in examples])
    shift: dict[str, float] = {}
    for value in system.names:
        z = np.array([local.sides(reader, r, value, system.scoring).logit for r in readings])
        y = np.array([e.targets.get(f"side {value}", 0.0) for e in examples])
        shift[value] = round(float(minimize_scalar(_loss, args=(z, y)).x), 3)
    return {"slope": 1.0, "shift": shift, "declines": 0.0}


def _loss(shift: float, logits: Vector, labels: Vector) -> float:
    z = logits + shift
    return float(np.logaddexp(0, -z) @ labels + np.logaddexp(0, z) @ (1 - labels))


def _write(scales: dict[str, Scale]) -> None:
    path = HEADS / "scale.json"
    path.write_text(json.dumps(scales, indent=1) + "\n", encoding="utf-8")
    local.scales.cache_clear()


if __name__ == "__main__":
    guarded(main)
