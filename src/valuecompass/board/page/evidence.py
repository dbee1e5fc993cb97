"""Cuts a response into pieces at the ends of its evidence spans, so that they can be marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from valuecompass.measure.measurement import Mark
from valuecompass.values import Scoring

__all__ = ["Piece", "Seen", "cut", "seen", "unjudged", "weak"]

Stance = Literal["for", "against", "open"]


@dataclass(frozen=True)
class Seen:
    """One verdict in words."""

    dimension: str
    stance: Stance
    word: str
    """supports, opposes, mentions; respects, violates; safe, unsafe."""


@dataclass(frozen=True)
class Piece:
    """A stretch of the response under the same evidence."""

    text: str
    under: tuple[Seen, ...]
    """Every span that covers the piece."""
    closing: tuple[Seen, ...]
    """The spans that end with the piece: their names are printed here."""

    @property
    def stance(self) -> Stance | Literal["both"]:
        """What the covering spans agree on; only of a piece under evidence."""
        first = self.under[0].stance
        return first if all(s.stance == first for s in self.under) else "both"


def seen(mark: Mark, scoring: Scoring | None) -> Seen:
    """Put a verdict into a word.

    For moral foundations and safety `expressed` is the degree of keeping the principle; for the
    others the valence says whether the dimension is supported.
    """
    if scoring in ("conformity", "safe-rate") and mark.expressed is not None:
        words = ("respects", "violates") if scoring == "conformity" else ("safe", "unsafe")
        kept = mark.expressed >= 0.5
        return Seen(mark.dimension, "for" if kept else "against", words[0 if kept else 1])
    if not mark.valence:
        return Seen(mark.dimension, "open", "mentions")
    if mark.valence > 0:
        return Seen(mark.dimension, "for", "supports")
    return Seen(mark.dimension, "against", "opposes")


def unjudged(mark: Mark) -> bool:
    """Say whether the judge gave no verdict."""
    return mark.expressed is None and mark.valence is None


def weak(mark: Mark, scoring: Scoring | None) -> bool:
    """Say whether the dimension does not come to bear enough for its side to be told."""
    free = scoring not in ("conformity", "safe-rate")
    return free and not unjudged(mark) and (mark.expressed or 0) < 0.5 and mark.start is None


def cut(
    response: str, marks: Sequence[Mark], scoring: Scoring | None, limit: int
) -> tuple[Piece, ...]:
    """Cut the first `limit` characters of a response at the ends of its evidence spans.

    Spans may overlap. Spans that are empty or reach outside the response are ignored; those that
    reach past the limit end there. The pieces' texts join to ``response[:limit]``.
    """
    end = min(limit, len(response))
    spans = [
        (m.start, min(m.end, end), seen(m, scoring))
        for m in marks
        if m.start is not None
        and m.end is not None
        and 0 <= m.start < m.end <= len(response)
        and m.start < end
    ]
    cuts = sorted({0, end, *(s[0] for s in spans), *(s[1] for s in spans)})
    return tuple(
        Piece(
            response[a:b],
            tuple(dict.fromkeys(s for start, stop, s in spans if start <= a and b <= stop)),
            tuple(dict.fromkeys(s for _, stop, s in spans if stop == b)),
        )
        for a, b in pairwise(cuts)
    )
