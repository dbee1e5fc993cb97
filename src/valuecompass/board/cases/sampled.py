"""The sample of a measurement's cases: a list to choose from, and the cases to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from valuecompass.board.cases.address import Address
from valuecompass.board.cases.reading import Case, read_many
from valuecompass.board.cases.sample import MOST, RULE, SEED, sample_addresses
from valuecompass.judges.protocol import THRESHOLD
from valuecompass.measure.measurement import Measurement
from valuecompass.measure.scoring import findings_of
from valuecompass.stats import aggregate
from valuecompass.store import Store

ASKED, SAID = 90, 120
"""Characters of item and answer that a list shows."""


@dataclass(frozen=True)
class Sample:
    """Cases that stand for all of a measurement.

    rule: in words. of: how many cases there are in all.
    addresses: of its cases, respondent by respondent.
    """

    rule: str
    seed: int
    most: int
    of: int
    addresses: tuple[Address, ...]


@dataclass(frozen=True)
class Listed:
    """A case in the list of a sample.

    shown: places of the dimensions that the judge found expressed at least by .5, opinions joined
        as the scores join them. asked, said: the beginning of item and answer.
    """

    address: Address
    shown: tuple[int, ...]
    outcome: str
    kind: str
    asked: str
    said: str


async def sample_of(store: Store, own: Measurement) -> Sample:
    """Draw the sample of a measurement: the same each time, on any machine."""
    drawn, of = await sample_addresses(store, own, MOST, SEED)
    return Sample(RULE.format(n=MOST, seed=SEED), SEED, MOST, of, tuple(drawn))


async def listed(store: Store, measurement: Measurement, sample: Sample) -> list[Listed]:
    """Return the list of a sample, in its order."""
    found: list[Listed] = []
    for position, own in groupby(sample.addresses, key=lambda a: a.position):
        for case in await read_many(store, measurement, position, list(own)):
            texts = (_beginning(case.item.text.text, ASKED), _beginning(case.response.text, SAID))
            shown = _shown(measurement, case)
            found.append(Listed(case.address, shown, case.outcome, case.item.kind, *texts))
    return found


async def sampled(
    store: Store, measurement: Measurement, sample: Sample, position: int
) -> Sequence[Case]:
    """Return the cases of a sample that are of one respondent, whole."""
    own = [a for a in sample.addresses if a.position == position]
    return await read_many(store, measurement, position, own)


def _shown(measurement: Measurement, case: Case) -> tuple[int, ...]:
    if not case.verdicts:
        return ()
    names = [d["name"] for d in measurement.manifest["system"]["dimensions"]]
    said = findings_of([vars(v) for v in case.verdicts], names)
    joined = aggregate(said.expressed, measurement.manifest["opinions"])
    return tuple(at for at, found in enumerate(joined.tolist()) if found >= THRESHOLD)


def _beginning(text: str, most: int) -> str:
    words = " ".join(text.split())
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"
