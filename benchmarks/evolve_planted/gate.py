"""One line of the table that the gates of the planted world print."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Gate:
    """What was found, beside what was to be reached.

    name: what is measured.
    wanted: in words, with its number.
    value: found, mean over the draws.
    low, high: 95 % interval of the value over draws; None where there is none.
    passed: whether it is reached; None: said, not asked for.
    note: what a reader has to know about it.
    """

    name: str
    wanted: str
    value: float
    low: float | None = None
    high: float | None = None
    passed: bool | None = None
    note: str = ""

    def json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return asdict(self)
