"""Cutting a text into sentences and opinions, each with its place in the text."""

from __future__ import annotations

import re
from typing import NamedTuple

POINTS = 3
"""Opinions that an answer to a question is asked for; no more are judged."""


class Span(NamedTuple):
    """A piece of a text: `text[start:end]`."""

    start: int
    end: int
    text: str


_CLOSING = r"""["')\]*_”’»]"""
_END = re.compile(
    rf"(?:(?<=[.!?;])|(?<=[.!?;]{_CLOSING})|(?<=[.!?;]{_CLOSING}{{2}}))\s+|\n+|(?<=[。！？])"
)
_BOLD = r"[*_]{1,2}"
_NUMBERED = re.compile(
    # 1.  2)  (3)  4:  **5.**  **6**.  **7. heading**  ## 8.  but not 9.5;  1、 （2） 三、
    rf"(?m)^[ \t\u3000]*(?:#{{1,6}}[ \t]+)?(?:{_BOLD})?[(（]?"
    rf"(?:\d{{1,2}}|[一二三四五六七八九十]{{1,2}})(?:{_BOLD})?[.):、．）：](?!\d)"
    rf"(?:{_BOLD}(?=\s))?[ \t]*(?=\S)"
)
_BULLET = re.compile(r"(?m)^([ \t]*)(?:•[ \t]*|[-*+–][ \t]+)(?=\S)")


def sentences(text: str) -> list[Span]:
    """Return the sentences of a text in order; white space around them is left out."""
    return _split(text, _END)


def points(text: str) -> list[Span]:
    """Return all opinions of an answer: its numbered or bulleted points, most important first.

    A text without at least two points is one opinion. What stands before the first point (a
    stance line) is not an opinion (AdAEM, arXiv 2505.13531, appendix B: only reasons count).
    """
    marks = _marks(text)
    if len(marks) < 2:
        whole = text.strip()
        at = text.find(whole)
        return [Span(at, at + len(whole), whole)] if whole else []
    ends = [start for start, _ in marks[1:]] + [len(text)]
    found: list[Span] = []
    for (_, begin), end in zip(marks, ends, strict=True):
        piece = text[begin:end].rstrip()
        if any(c.isalnum() for c in piece):
            found.append(Span(begin, begin + len(piece), piece))
    return found


def _marks(text: str) -> list[tuple[int, int]]:
    """Return where the marks of the outermost list start and end; bullets below numbers are not."""
    numbered = [m.span() for m in _NUMBERED.finditer(text)]
    if len(numbered) >= 2:
        return numbered
    bullets = list(_BULLET.finditer(text))
    outermost = min((len(m[1]) for m in bullets), default=0)
    return [m.span() for m in bullets if len(m[1]) == outermost]


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
