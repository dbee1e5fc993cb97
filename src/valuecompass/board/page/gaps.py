"""What the report shows of stated and shown values: dots with intervals about 0, and tables."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from valuecompass.board.page import svg
from valuecompass.board.page.svg import Estimate
from valuecompass.board.page.view import Respondent
from valuecompass.wording import interval, number

__all__ = ["Gap", "GapFigure", "GapPair", "GapSection", "gap_section"]


@dataclass(frozen=True)
class Gap:
    """One dimension of a respondent: texts, and where it stands on the pair's axis (0-100)."""

    name: str
    place: Estimate
    gap: str
    ends: str
    stated: str
    shown: str
    usual: str
    found: bool


@dataclass(frozen=True)
class GapFigure:
    """One respondent's gaps, and sentences on all of them."""

    respondent: Respondent
    gaps: tuple[Gap, ...]
    told: tuple[str, ...]


@dataclass(frozen=True)
class GapPair:
    """A stated and a shown mode."""

    stated: str
    shown: str
    axis: Markup
    figures: tuple[GapFigure, ...]


@dataclass(frozen=True)
class GapSection:
    """All pairs that have gaps, and what a reader must know beside them."""

    pairs: tuple[GapPair, ...]
    notices: tuple[str, ...]


def gap_section(found: Mapping[str, Any], known: Mapping[str, Respondent]) -> GapSection:
    """Prepare what `board.stated.gaps_of` found for the page."""
    told = [pair for pair in found["pairs"] if pair["reason"] is None]
    return GapSection(tuple(_pair(pair, known) for pair in told), tuple(found["notices"]))


def _pair(pair: Mapping[str, Any], known: Mapping[str, Respondent]) -> GapPair:
    cells = [cell for row in pair["rows"] for cell in row["dimensions"].values()]
    # one axis for all respondents of a pair, wide enough for every limit, to even numbers
    end = 2 * math.ceil(max(abs(cell[k]) for cell in cells for k in ("low", "high")) / 2)
    labels = [number(end * at / 2, 0) for at in (-2, -1, 0, 1, 2)]
    return GapPair(
        pair["stated"],
        pair["shown"],
        svg.axis(labels),
        tuple(
            GapFigure(
                known[row["respondent"]],
                tuple(_gap(name, cell, end) for name, cell in row["dimensions"].items()),
                tuple(_sentences(row)),
            )
            for row in pair["rows"]
        ),
    )


def _gap(name: str, cell: Mapping[str, Any], end: float) -> Gap:
    at = [50 + 50 * cell[key] / end for key in ("gap", "low", "high")]
    return Gap(
        name,
        Estimate(at[0], at[1], at[2]),
        _signed(cell["gap"]),
        f"{_signed(cell['low'])} to {_signed(cell['high'])}",
        *(_signed(cell[key]) for key in ("stated", "shown", "usual")),
        found=cell["discovered"],
    )


def _sentences(row: Mapping[str, Any]) -> Iterator[str]:
    overall, agreement = row["overall"], row["agreement"]
    star = " ★" if overall["discovered"] else ""
    ends = interval(overall["low"], overall["high"], 1)
    yield f"Overall gap {number(overall['value'], 1)} ({ends}){star}"
    if agreement["value"] is not None:
        ends = f"{number(agreement['low'], 2)} to {number(agreement['high'], 2)}"
        yield f"Correlation of the profiles {number(agreement['value'], 2)} ({ends})"


def _signed(value: float) -> str:
    text = number(value, 1)
    return text if text.startswith("−") or float(text) == 0 else f"+{text}"
