"""A judge at work outside a measurement: many responses at the same time, each judged once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import anyio
import numpy as np

from valuecompass.errors import (
    BudgetReached,
    Interrupted,
    ProviderStopped,
    RequestFailed,
    ValueCompassError,
)
from valuecompass.judges.protocol import Judge, Subject, Verdict, all_missing
from valuecompass.judges.quality.labelled import Labelled
from valuecompass.stats import aggregate

WORKERS = 64
"""Subjects that are judged at the same time."""
Key = TypeVar("Key", bound=Hashable)


class Said(NamedTuple):
    """What a judge says of a row; None where it says nothing.

    expressed: in [0, 1]; the opinions of an answer are joined by the largest, as in a measurement.
    valence: in [-1, 1]; the mean over the opinions, as in a measurement.
    """

    expressed: float | None
    valence: float | None = None


async def judge_rows(
    judge: Judge, rows: Sequence[Labelled], tell: Callable[[int, int], None] | None = None
) -> list[Said]:
    """Return what a judge says of each row. A response is judged once for all its rows.

    Args:
        judge: the judge.
        rows: the labelled responses.
        tell: called with (responses judged, responses in all).

    Raises:
        BudgetReached, Interrupted, ProviderStopped: nothing more can be asked; what was answered
            is stored.
    """
    subjects = {_key(row.subject): row.subject for row in rows}
    found = await judge_subjects(judge, subjects, tell)
    said: list[Said] = []
    for row in rows:
        verdicts = found[_key(row.subject)]
        if isinstance(verdicts, RequestFailed):
            verdicts = all_missing(row.subject, str(verdicts))
        said.append(joined(verdicts, row.dimension))
    return said


async def judge_subjects(
    judge: Judge,
    subjects: Mapping[Key, Subject],
    tell: Callable[[int, int], None] | None = None,
) -> dict[Key, list[Verdict] | RequestFailed]:
    """Let a judge judge many subjects at the same time, each once.

    Args:
        judge: the judge.
        subjects: by any key.
        tell: called with (subjects judged, subjects in all).

    Returns:
        By key the verdicts, or why the judge could not be asked.

    Raises:
        BudgetReached, Interrupted, ProviderStopped: nothing more can be asked; what was answered
            is stored.
    """
    found: dict[Key, list[Verdict] | RequestFailed] = {}
    jobs = iter(subjects.items())
    stop: ValueCompassError | None = None

    async def work() -> None:
        nonlocal stop
        for key, subject in jobs:
            if stop is not None:
                return
            try:
                found[key] = await judge.judge(subject)
            except RequestFailed as error:
                found[key] = error
            except (BudgetReached, Interrupted, ProviderStopped) as error:
                stop = error  # the others finish what they have in flight
                return
            if tell is not None:
                tell(len(found), len(subjects))

    async with anyio.create_task_group() as workers:
        for _ in range(min(WORKERS, len(subjects))):
            workers.start_soon(work)
    if stop is not None:
        raise stop
    return found


def joined(verdicts: Sequence[Verdict], dimension: str) -> Said:
    """Return the verdicts on a dimension as one."""
    own = [v for v in verdicts if v.dimension == dimension]
    parts = [[v.expressed] for v in own if v.expressed is not None]
    sides = [v.valence for v in own if v.valence is not None]
    return Said(
        float(aggregate(parts, "any")[0]) if parts else None,
        float(np.mean(sides)) if sides else None,
    )


def _key(subject: Subject) -> tuple[str, ...]:
    return subject.system.id, subject.item.id, subject.response
