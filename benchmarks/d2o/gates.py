"""What is wanted of a figure, and whether it was reached."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.d2o.parts import table


@dataclass(frozen=True)
class Gate:
    """A figure with its interval, and what is wanted of it.

    wanted: such as "<= 1.05" or ">= 1.7"; empty where the figure is only told.
    surely: the whole interval must be as wanted, not the value alone.
    """

    figure: str
    wanted: str
    value: float
    low: float | None = None
    high: float | None = None
    note: str = ""
    surely: bool = False

    @property
    def reached(self) -> bool | None:
        """Whether the value is as wanted; None where nothing is."""
        if not self.wanted:
            return None
        sign, number = self.wanted.split()
        compare = {"<=": float.__le__, ">=": float.__ge__, "<": float.__lt__, ">": float.__gt__}
        nearest = self.value
        if self.surely and self.low is not None and self.high is not None:
            nearest = self.high if "<" in sign else self.low
        return compare[sign](float(nearest), float(number))

    def row(self) -> list[str]:
        """Return its row of a table."""
        said = {None: "", True: "reached", False: "**missed**"}[self.reached]
        between = "" if self.low is None else f"{self.low:.3g} to {self.high:.3g}"
        wanted = f"{self.wanted}, all of the interval" if self.surely else self.wanted
        return [self.figure, wanted, f"{self.value:.3g}", between, said, self.note]

    def plain(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {**asdict(self), "reached": self.reached}


def gate_table(gates: list[Gate], interval: str = "interval") -> str:
    """Return the gates as a table in Markdown."""
    return table(
        ["figure", "wanted", "value", interval, "", "note"], [gate.row() for gate in gates]
    )
