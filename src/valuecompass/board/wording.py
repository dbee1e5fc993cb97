"""How a board puts names, numbers and ranks into words; safe to show by `valuecompass.wording`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from valuecompass.wording import date, interval, number, visible

__all__ = [
    "clip",
    "count",
    "date",
    "elide",
    "interval",
    "number",
    "ranks",
    "short_labels",
    "visible",
]


def clip(text: str, limit: int) -> tuple[str, int]:
    """Return the first `limit` characters and how many were left out."""
    return text[:limit], max(0, len(text) - limit)


def elide(text: str, width: int) -> str:
    """Shorten a name to `width` characters by leaving out its middle: both ends tell it apart."""
    if len(text) <= width:
        return text
    tail = (width - 1) * 3 // 5
    return text[: width - 1 - tail] + "…" + text[-tail:]


def short_labels(names: Sequence[str], width: int = 60) -> dict[str, str]:
    """Return a short label for each respondent name, different for different names.

    The provider (`openai/`, `embedded/`) is left out and the middle elided. Names that would then
    read the same keep their provider and, at need, a number.
    """
    labels: dict[str, str] = {}
    taken: set[str] = set()
    for name in dict.fromkeys(names):
        shown = " ".join(visible(name).split()) or "(no name)"
        label = elide(re.sub(r"^[\w.-]+/(?=[^/])", "", shown), width)
        if label in taken:
            label = elide(shown, width)
        again = 2
        while label in taken:
            label = f"{elide(shown, width - 5)} ({again})"
            again += 1
        taken.add(label)
        labels[name] = label
    return labels


def ranks(rank: int | None, low: int | None, high: int | None) -> str:
    """Return a rank with its set as text: `1`, or `2 (1–4)`; a dash for nobody's."""
    if rank is None:
        return "–"
    return f"{rank}" if low == high else f"{rank} ({low}–{high})"


def count(n: int, one: str, many: str | None = None) -> str:
    """Return `1 answer`, `1,200 answers`."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"
