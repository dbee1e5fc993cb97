"""One respondent's answers and verdicts of a date, drawn from its planted values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from valuecompass.items import Item
from valuecompass.measure.scoring import Findings, Result
from valuecompass.measure.synth.wording import DRAWS, HEDGED, OFF, OPPOSES, SUPPORTS, Said, Wording
from valuecompass.models.providers.simulated import ARGUED_AGAINST, RAISED, RELEVANT
from valuecompass.models.providers.simulated import HEDGED as OFTEN_HEDGED
from valuecompass.text import POINTS

REFUSED, FAILED = 0.015, 0.004
"""Shares of refusals, and of requests without a response."""
OVERLOOKED, IMAGINED = 0.05, 0.004
"""The simulated judge's errors: of what is there, and of each cell where nothing is."""
GRAIN = 20
"""Steps of a verdict from 0 to 1: judges say 0.85 rather than 0.8514."""
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Drawn:
    """What one respondent says to n items, before it is put into words.

    points, roles: (n, POINTS) a dimension or `OFF`, and what is done to it.
    expressed, valence, confidence: (n, POINTS, D) what the judge finds; valence NaN: nothing.
    refused, failed: (n,).
    picks: (n, DRAWS) which sentences.
    """

    points: Ints
    roles: Ints
    expressed: Floats
    valence: Floats
    confidence: Floats
    refused: NDArray[np.bool_]
    failed: NDArray[np.bool_]
    picks: Ints


def draw(rng: np.random.Generator, latent: Floats, relevant: NDArray[np.bool_]) -> Drawn:
    """Return a respondent's draws; values show as in a simulated respondent that is asked.

    Args:
        rng: of this respondent and date.
        latent: (D,) planted values in standard deviations.
        relevant: (n, D) whether an item is about a dimension.
    """
    n, dims = len(relevant), len(latent)
    raised = rng.random((n, dims)) < ndtr(RAISED + latent + RELEVANT * relevant)
    against = rng.random((n, dims)) < ndtr(ARGUED_AGAINST - latent + RELEVANT * relevant)
    roles = np.where(raised, SUPPORTS, OPPOSES)
    roles[raised & (rng.random((n, dims)) < OFTEN_HEDGED)] = HEDGED
    # the points of an answer are few: which of the dimensions it raises they are is chance
    order = np.where(raised | against, rng.random((n, dims)), 2.0)
    points = np.full((n, POINTS), OFF)
    first = np.argsort(order, axis=1)[:, :POINTS]
    points[:, : first.shape[1]] = first
    rows: Ints = np.arange(n)[:, None]
    points[:, : first.shape[1]][order[rows, first] > 1] = OFF
    shown = np.where(points == OFF, SUPPORTS, roles[rows, points])
    expressed, valence = _found(rng, points, shown, dims)
    return Drawn(
        points=points,
        roles=shown,
        expressed=expressed,
        valence=valence,
        confidence=_grained(0.6 + 0.39 * rng.random((n, POINTS, dims))),
        refused=rng.random(n) < REFUSED,
        failed=rng.random(n) < FAILED,
        picks=rng.integers(0, 1 << 30, (n, DRAWS)),
    )


def _found(rng: np.random.Generator, points: Ints, roles: Ints, dims: int) -> tuple[Floats, Floats]:
    """Return what the simulated judge says is expressed, and on which side."""
    n = len(points)
    there = points[..., None] == np.arange(dims)
    role = roles[..., None]
    chance = rng.random((n, POINTS, dims))
    degree = np.select(
        [role == SUPPORTS, role == OPPOSES],
        [0.7 + 0.3 * chance, 0.5 + 0.3 * chance],
        0.3 + 0.3 * chance,
    )
    side = np.select([role == SUPPORTS, role == OPPOSES], [1.0, -1.0], 0.5)
    errs = rng.random((n, POINTS, dims))
    imagined = ~there & (errs < IMAGINED)
    degree = np.where(there & (errs < OVERLOOKED), 0.2 * chance, degree)
    degree = np.where(imagined, 0.5 + 0.2 * chance, degree)
    seen = there | imagined
    side = np.where(imagined, 1.0, np.broadcast_to(side, seen.shape))
    return _grained(np.where(seen, degree, 0.0)), np.where(seen, side, np.nan)


def _grained(values: Floats) -> Floats:
    return np.rint(values * GRAIN) / GRAIN


@dataclass(frozen=True)
class Answer:
    """One answer: what came of it, its text, and its verdicts as they are stored."""

    result: Result
    text: str
    verdicts: list[dict[str, Any]]


def answers(drawn: Drawn, items: Sequence[Item], wording: Wording) -> Iterator[Answer]:
    """Yield the answer to each item; findings stand in its result, the key does not."""
    names = wording.system.names
    points, roles, picks = drawn.points.tolist(), drawn.roles.tolist(), drawn.picks.tolist()
    refused, failed = drawn.refused.tolist(), drawn.failed.tolist()
    for at, item in enumerate(items):
        if failed[at]:
            why = "simulated: the request failed"
            yield Answer(Result(item, 0, 0, None, "missing", why=why), "", [])
        elif refused[at]:
            said = wording.refusal(item, picks[at])
            yield Answer(Result(item, 0, 0, None, "refusal"), said, [])
        else:
            own = wording.answer(points[at], roles[at], picks[at])
            expressed, valence = drawn.expressed[at], drawn.valence[at]
            found = Findings(expressed, valence, ())
            result = Result(item, 0, 0, None, "answer", findings=found, points=POINTS)
            sides, sure = valence.tolist(), drawn.confidence[at].tolist()
            body = _body(names, expressed.tolist(), sides, sure, own)
            yield Answer(result, own.text, body)


def _body(
    names: Sequence[str],
    expressed: list[list[float]],
    valence: list[list[float]],
    confidence: list[list[float]],
    said: Said,
) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for part, (start, end) in enumerate(said.leads):
        cells = zip(names, expressed[part], valence[part], confidence[part], strict=True)
        for name, degree, side, sure in cells:
            cell = {"part": part, "dimension": name, "expressed": degree}
            if side == side:  # not NaN: there is something
                cell |= {"valence": side, "confidence": sure, "start": start, "end": end}
            else:
                cell["confidence"] = sure
            found.append(cell)
    return found
