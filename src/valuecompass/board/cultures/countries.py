"""Which country a culture is named after, so that it can be put on a map."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

__all__ = ["countries_of"]


def countries_of(cultures: Iterable[str]) -> dict[str, str]:
    """Return of each culture that goes by a country's name the country's code.

    English names, ISO codes of two and three letters and numeric ones are known, as surveys write
    them. A group within a country ("Germany, gndr 1") is no country, and has none.

    Args:
        cultures: names as profiles give them.

    Returns:
        By culture, the ISO 3166-1 numeric code, three digits.

    Source: `data/countries.json`, from i18n-iso-countries 7.14.0 (MIT) and the names of Natural
    Earth (public domain); `frontend/scripts/map.mjs` writes it.
    """
    known = _known()
    found = ((culture, known.get(_folded(culture))) for culture in cultures)
    return {culture: code for culture, code in found if code is not None}


@cache
def _known() -> dict[str, str]:
    text = (files("valuecompass.board.cultures") / "data" / "countries.json").read_text("utf-8")
    rows: dict[str, list[str]] = json.loads(text)
    return {_folded(name): code for code, names in rows.items() for name in (code, *names)}


def _folded(name: str) -> str:
    """Return a name without case, accents, dots and a leading article."""
    letters = unicodedata.normalize("NFKD", name.casefold().replace(".", ""))
    words = "".join(c for c in letters if not unicodedata.combining(c)).split()
    return " ".join(words[1:] if len(words) > 1 and words[0] == "the" else words)
