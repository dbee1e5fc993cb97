"""Which languages a judge can read: what it cannot is missing, not guessed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from valuecompass.judges.protocol import Subject
from valuecompass.text import language_of

ENGLISH_ONLY = ("smollm2",)
"""In the names of language models that were made for English alone, as their cards say. Of others
it is not known what they read: that is for a comparison with labels to show."""


def reads(identity: Mapping[str, Any], language: str) -> bool:
    """Say whether a judge may know a language.

    Args:
        identity: of the judge.
        language: tag; its first part counts.
    """
    if language.split("-")[0] == "en":
        return True
    match identity:
        case {"kind": "local" | "local-nearest"}:
            return False
        case {"kind": "llm", "model": {"model": model}}:
            return not english_only(str(model))
        case {"kind": "panel", "members": members}:  # half of them give a verdict
            return 2 * sum(reads(member, language) for member in members) >= len(members)
        case _:
            return True


def english_only(model: str) -> bool:
    """Say whether a language model was made for English alone, by its name."""
    return any(name in model.lower() for name in ENGLISH_ONLY)


def not_english(subject: Subject) -> str | None:
    """Return a name for the language of a subject, or None where it may pass for English."""
    if subject.item.language.split("-")[0] != "en":
        return repr(subject.item.language)
    text = subject.response
    if subject.item.kind == "scenario":  # what others said is blanked out
        text = " ".join(subject.parts[0].text.split())
    language = language_of(text)
    if language is None:  # too short to be told, but not too short to see another script
        letters = [c for c in text if c.isalpha()]
        foreign = 2 * sum(c.isascii() for c in letters) < len(letters)
        return "in another script" if foreign else None
    words = any(c.isalpha() for c in text)
    return repr(language) if words and language != "en" else None
