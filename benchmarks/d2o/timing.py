"""Ratios of times measured in turn, with intervals."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Times:
    """Seconds of each round of one thing: of the processor, and on the clock."""

    processor: list[float]
    clock: list[float]


@dataclass(frozen=True)
class Ratio:
    """Median of the ratios of rounds, with the interval between two of their order statistics.

    level: how often such an interval holds the true median, at least the 95 % asked for where there
        are six rounds or more.
    """

    value: float
    low: float
    high: float
    level: float
    rounds: int

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def take_turns(
    steps: Mapping[str, Callable[[], object]],
    rounds: int,
    wait: Callable[[], object] = lambda: None,
) -> dict[str, Times]:
    """Time the steps one after the other, round by round, every second round backwards.

    Args:
        steps: things to time, by name.
        rounds: times each is timed, after one time that is not.
        wait: what makes sure that a step has ended (a device that works beside the processor).
    """
    found = {name: Times([], []) for name in steps}
    for at in range(rounds + 1):
        for name in list(steps) if at % 2 else reversed(steps):
            wait()
            processor, clock = time.process_time(), time.perf_counter()
            steps[name]()
            wait()
            spent = time.process_time() - processor, time.perf_counter() - clock
            if at:
                found[name].processor.append(spent[0])
                found[name].clock.append(spent[1])
    return found


def ratio(above: Sequence[float], below: Sequence[float]) -> Ratio:
    """Return the median over rounds of above / below, with a distribution-free interval."""
    found = sorted(a / b for a, b in zip(above, below, strict=True))
    n = len(found)
    out = max((k for k in range(n // 2) if _tail(n, k) <= 0.05), default=0)
    return Ratio(median(found), found[out], found[n - 1 - out], 1 - _tail(n, out), n)


def _tail(n: int, out: int) -> float:
    """Return how often the median lies beyond the order statistics with `out` on either side."""
    return sum(math.comb(n, k) for k in range(out + 1)) / 2 ** (n - 1)
