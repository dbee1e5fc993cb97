"""In which language a text is written."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

SHORTEST = 40
"""Below this many characters a language cannot be told with any certainty."""


def language_of(text: str) -> str | None:
    """Return the ISO 639-1 code of a text's language, or None when the text is too short.

    Texts are cut to their first 2,000 characters. The identifier is py3langid (a maintained form
    of langid.py, Lui & Baldwin 2012), normalised over 97 languages; an uncertain answer counts as
    English when most letters are ASCII, because broken English is what small models write.
    """
    sample = text[:2_000].strip()
    if len(sample) < SHORTEST:
        return None
    code, probability = _identifier().classify(sample)
    letters = [c for c in sample if c.isalpha()]
    ascii_share = sum(c.isascii() for c in letters) / max(1, len(letters))
    if probability < 0.9 and ascii_share > 0.95:
        return "en"
    return str(code)


def likeliest(text: str, languages: Collection[str]) -> str:
    """Return which of some languages a text is written in, however short it is.

    Among few languages a sentence tells, which among all of them it often does not.

    Args:
        text: of which the first 2,000 characters are looked at.
        languages: ISO 639-1 codes that the identifier knows, at least one.
    """
    ranked: list[tuple[str, float]] = _identifier().rank(text[:2_000])
    return next(str(code) for code, _ in ranked if code in languages)


@cache
def _identifier() -> Any:
    from py3langid import langid

    library: Any = langid
    return library.LanguageIdentifier.from_model_file(library.MODEL_FILE, norm_probs=True)
