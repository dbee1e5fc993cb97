"""The sample of a measurement's cases: a list to choose from, and the cases to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from valuecompass.board.cases.address import Address
from valuecompass.board.cases.index import CaseIndex
from valuecompass.board.cases.reading import Case, read_many
from valuecompass.board.cases.sample import MOST, RULE, SEED, sample_numbers
from valuecompass.judges.protocol import THRESHOLD
from valuecompass.measure.measurement import Measurement
from valuecompass.store import Store

ASKED, SAID = 90, 120
"""Characters of item and answer that a list shows."""


@dataclass(frozen=True)
class Sample:
    """Cases that stand for all of a measurement.

    rule: in words. of: how many cases there are in all.
    addresses: of its cases, respondent by respondent.
    shown: of each, places of the dimensions that the judge found expressed at least by .5.
    """

    rule: str
    seed: int
    most: int
    of: int
    addresses: tuple[Address, ...]
    shown: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Listed:
    """A case in the list of a sample. asked, said: the beginning of item and answer."""

    address: Address
    shown: tuple[int, ...]
    outcome: str
    kind: str
    asked: str
    said: str


def sample_of(index: CaseIndex) -> Sample:
    """Draw the sample of a measurement: the same each time, on any machine."""
    numbers = sample_numbers(index, MOST, SEED)
    strong = index.expressed >= round(1_000 * THRESHOLD)
    return Sample(
        rule=RULE.format(n=MOST, seed=SEED),
        seed=SEED,
        most=MOST,
        of=len(index),
        addresses=tuple(index.address(number) for number in numbers),
        shown=tuple(tuple(strong[:, n - 1].nonzero()[0].tolist()) for n in numbers),
    )


async def listed(store: Store, measurement: Measurement, sample: Sample) -> list[Listed]:
    """Return the list of a sample, in its order."""
    shown = dict(zip(sample.addresses, sample.shown, strict=True))
    found: list[Listed] = []
    for position, own in groupby(sample.addresses, key=lambda a: a.position):
        for case in await read_many(store, measurement, position, list(own)):
            texts = (_beginning(case.item.text.text, ASKED), _beginning(case.response.text, SAID))
            at = case.address
            found.append(Listed(at, shown[at], case.outcome, case.item.kind, *texts))
    return found


async def sampled(
    store: Store, measurement: Measurement, sample: Sample, position: int
) -> Sequence[Case]:
    """Return the cases of a sample that are of one respondent, whole."""
    own = [a for a in sample.addresses if a.position == position]
    return await read_many(store, measurement, position, own)


def _beginning(text: str, most: int) -> str:
    words = " ".join(text.split())
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"
