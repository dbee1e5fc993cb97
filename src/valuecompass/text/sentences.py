"""Cutting a text into sentences and opinions, each with its place in the text."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NamedTuple


class Span(NamedTuple):
    """A piece of a text: `text[start:end]`."""

    start: int
    end: int
    text: str


_END = re.compile(r"(?<=[.!?;])[\"')\]]*\s+|\n+|(?<=[。！？])")
_POINT = re.compile(r"(?m)^[ \t]*(?:[-*•]|\(?\d{1,2}[.):]|[*_]{1,2}\d{1,2}[.):])[ \t*_]*(?=\S)")


def sentences(text: str) -> list[Span]:
    """Return the sentences of a text in order; white space around them is left out."""
    return _split(text, _END)


def points(text: str, most: int = 8) -> list[Span]:
    """Return the opinions of an answer: its numbered or bulleted points, most important first.

    A text without at least two points is one opinion. What stands before the first point (a
    stance line) is not an opinion (AdAEM, arXiv 2505.13531, appendix B: only reasons count).

    Args:
        text: the answer.
        most: no more points than this are returned; the rest belongs to the last one.
    """
    starts = [m.start() for m in _POINT.finditer(text)]
    if len(starts) < 2:
        whole = text.strip()
        at = text.find(whole)
        return [Span(at, at + len(whole), whole)] if whole else []
    cuts = [*starts[:most], len(text)]
    found: list[Span] = []
    for start, end in pairwise(cuts):
        marker = _POINT.match(text, start)
        begin = marker.end() if marker else start
        piece = text[begin:end].rstrip()
        if piece:
            found.append(Span(begin, begin + len(piece), piece))
    return found


def _split(text: str, boundary: re.Pattern[str]) -> list[Span]:
    found: list[Span] = []
    start = 0
    cuts = [m.span() for m in boundary.finditer(text)]
    for end, following in [*cuts, (len(text), len(text))]:
        piece = text[start:end]
        stripped = piece.strip()
        if any(c.isalnum() for c in stripped):
            at = start + piece.find(stripped)
            found.append(Span(at, at + len(stripped), stripped))
        start = following
    return found
