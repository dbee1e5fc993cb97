"""How text and numbers from elsewhere are put into words that are safe to show.

Respondent names, model answers, items and manifests are whatever somebody wrote. `visible` is the
one gate they pass before anything shows them: nothing in them can move the cursor, turn the reading
direction of its surroundings, hide, or fail to encode.
"""

from __future__ import annotations

import re
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
