"""Choices and ratings read off the log-probabilities of the options."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from valuecompass.errors import InputError
from valuecompass.items import Item

CUE = "\n\nAnswer:"
"""Ends the prompt where log-probabilities are read: the next token is then the option's."""
FIRST_TOKENS = 20
"""Most probable first tokens that a provider names; an option beyond them counts as 0."""
FEW_MASS = 0.5
"""Probability of all options together below which a note says what that means."""


def options_of(item: Item) -> tuple[str, ...]:
    """Return the answers that an item allows, as they are written; none for free text."""
    if item.kind == "tradeoff":
        return ("A", "B")
    if item.kind in ("likert", "judgement") and item.scale is not None:
        return tuple(str(n) for n in range(item.scale[0], item.scale[1] + 1))
    return ()


def check_by_logprobs(item: Item) -> None:
    """Refuse an item whose options log-probabilities cannot tell apart.

    Raises:
        InputError: an option begins with another: the probability that a text goes on with "1" is
            also that it goes on with "10".
    """
    options = options_of(item)
    for one in options:
        if longer := next((o for o in options if o != one and o.startswith(one)), None):
            raise InputError(
                f"item {item.id}: scale: rating {longer} begins with {one}, so that "
                "log-probabilities cannot tell them apart; use a scale of one-digit ratings"
            )


def expected(item: Item, presentation: int, text: str) -> dict[str, Any] | None:
    """Return what a stored distribution over the options says, or None when it is empty.

    An option that a provider left out is less probable than those that it named: it counts as 0.

    Args:
        item: of kind tradeoff, likert or judgement.
        presentation: order of a trade-off's sides.
        text: JSON object, by option the natural logarithm of its probability.

    Returns:
        As `asking.read_off`.
    """
    told: dict[str, float] = json.loads(text)
    shares = {option: math.exp(told[option]) for option in options_of(item) if option in told}
    mass = sum(shares.values())
    if not mass:
        return None
    whole = {"mass": min(mass, 1.0)}
    if item.sides is not None:
        sides = item.sides if presentation == 0 else item.sides[::-1]
        second = shares.get("B", 0.0) / mass
        place = int(second > 0.5)
        share = second if place else 1 - second
        return {"chosen": sides[place].dimension, "place": place, "probability": share} | whole
    rating = sum(int(option) * share for option, share in shares.items()) / mass
    assert item.scale is not None
    low, high = item.scale
    return {"rating": min(max(rating, low), high)} | whole  # rounding may lead out of the scale


def preference(reading: Mapping[str, Any], dimension: str) -> float:
    """Return how far a trade-off's reading prefers one of its two dimensions, in [0, 1].

    0 or 1 for a choice that was made, the probability of the choice where that is known.
    """
    share = float(reading.get("probability", 1.0))
    return share if reading["chosen"] == dimension else 1 - share


def first_named(reading: Mapping[str, Any]) -> float:
    """Return how far a trade-off's reading prefers the side that was named first, in [0, 1]."""
    share = float(reading.get("probability", 1.0))
    return share if reading["place"] == 0 else 1 - share


def notes_on_logprobs(
    readings: Sequence[Mapping[str, Any] | None], *, asked: bool = False
) -> list[str]:
    """Return what a reader must know of scores from log-probabilities; empty without any.

    Args:
        readings: of one respondent's choices and ratings; None: nothing could be read.
        asked: whether all of them were asked for as log-probabilities.
    """
    notes: list[str] = []
    found = [reading["mass"] for reading in readings if reading and "mass" in reading]
    if found:
        mass = sum(found) / len(found)
        notes.append(
            "choices and ratings are expected values from log-probabilities of the options, which "
            f"together hold {mass:.0%} of the model's probability"
            + (": it would mostly write something else" if mass < FEW_MASS else "")
        )
    if asked and (unread := sum(not reading for reading in readings)):
        notes.append(
            f"none of the options was among the {FIRST_TOKENS} most probable first tokens in "
            f"{unread} of {len(readings)} answers"
        )
    return notes
