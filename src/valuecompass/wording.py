"""How names, texts and numbers are put into words, and made safe to show.

Respondent names, model answers, items and manifests are whatever somebody wrote. `visible` is the
one gate they pass before anything shows them: nothing in them can move the cursor, turn the reading
direction of its surroundings, hide, or fail to encode.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

# Controls but tab and line feed, directional embeddings, overrides and isolates, lone surrogates,
# non-characters, and the invisible tag letters. Direction *marks* and joiners stay: Hebrew,
# Arabic, Persian and emoji need them, and they act on their neighbours only.
_UNSHOWABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff"
    "\ufdd0-\ufdef\ufffe\uffff\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """Return the text with every character that would act instead of being read made a sign.

    C0 controls become their pictures (`␀`, `␛`), direction controls and other invisible ones
    `⟦U+202E⟧`, lone surrogates `�`. Tabs and line feeds stay, CR LF becomes a line feed.
    """
    return _UNSHOWABLE.sub(_sign, text.replace("\r\n", "\n"))


def _sign(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    return "\ufffd" if 0xD800 <= code <= 0xDFFF else f"⟦U+{code:04X}⟧"


def number(value: float | None, decimals: int | None = None) -> str:
    """Return a score as text: whole numbers, one decimal where rounding would say 0 or 100.

    Args:
        value: the score; None reads "not measured".
        decimals: a fixed number of decimals instead.
    """
    if value is None:
        return "not measured"
    if decimals is None:
        near_end = 0 < abs(value) < 0.5 or 99.5 <= abs(value) < 100
        decimals = 1 if near_end else 0
    text = f"{value:.{decimals}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def interval(low: float | None, high: float | None, decimals: int | None = None) -> str:
    """Return an interval as text, `48–75`, or an empty text where there is none."""
    if low is None or high is None:
        return ""
    ends = number(low, decimals), number(high, decimals)
    return " to ".join(ends) if low < 0 else "–".join(ends)


def date(when: datetime) -> str:
    """Return `14 March 2026` in English whatever the locale is."""
    months = "January February March April May June July August September October November December"
    return f"{when.day} {months.split()[when.month - 1]} {when.year}"


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
