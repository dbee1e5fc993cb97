"""What a finding is, and the words that all kinds share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, urlencode

Kind = Literal[
    "highest and lowest",
    "largest differences",
    "not told apart",
    "one dimension",
    "order of values",
    "drift",
    "refusals",
    "stated and shown",
    "open and closed",
    "judge",
]
FDR = 0.05
Params = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True)
class Finding:
    """One sentence with the numbers that it rests on.

    respondents, dimensions: what it is about; all respondents of a finding are of one sort.
    value, low, high: the estimate with limits of 95 %, in `unit`; None where the kind has none.
    n: items, respondents or labels behind it, as `counted` says.
    q: q-value among all claims of its kind; None where nothing was tested.
    page, api: where it can be seen: the page's path behind the ``#``, and the API's path.
    """

    kind: Kind
    sentence: str
    respondents: tuple[str, ...]
    dimensions: tuple[str, ...]
    simulated: bool
    value: float | None
    low: float | None
    high: float | None
    unit: str
    n: int | None
    counted: str
    q: float | None
    page: str
    api: str


@dataclass(frozen=True)
class Control:
    """What was looked for: how many claims of a kind were tested, and how many held.

    simulated: the sort of respondents that it is about; None: what is counted is not of one sort.
    """

    kind: Kind
    tested: int
    held: int
    how: str
    simulated: bool | None = None


@dataclass(frozen=True)
class Found:
    """Findings of one kind, with what was tested for them; `notes` say what could not be."""

    findings: tuple[Finding, ...] = ()
    controls: tuple[Control, ...] = ()
    notes: tuple[str, ...] = ()


def address(path: str, params: Params) -> str:
    """Return a path with a query."""
    return f"{path}?{urlencode(params, doseq=True)}" if params else path


def limits(value: float, low: float | None, high: float | None, sign: bool = False) -> str:
    """Return an estimate with its limits in words, with signs if asked for."""
    text, *ends = (
        "" if x is None else f"{x:{'+' if sign else ''}.1f}".replace("-", "\u2212")
        for x in (value, low, high)
    )
    return text if "" in ends else f"{text} [{ends[0]}, {ends[1]}]"


def quoted(name: str) -> str:
    """Return a name as a part of a path."""
    return quote(name, safe="")


def respondent_page(name: str, system: str, date: str) -> str:
    """Return the page of a respondent."""
    return address(f"/respondents/{quoted(name)}", {"system": system, "date": date})
