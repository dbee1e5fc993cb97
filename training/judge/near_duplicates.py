"""How many texts of the judge's corpus are nearly the same: none was to be made by slot-filling."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

CORPUS = Path(__file__).parent / "corpus"
TEXTS = ("text", "complies", "violates", "safe", "unsafe", "high", "low", "other")
"""Fields of the corpus that hold what is judged."""
NEAR = 0.3
"""Share of a text's five-word sequences found in one other text that makes it a near-duplicate."""
MOST_NEAR = 0.01
"""Share of near-duplicates that the corpus may have."""

Gram = tuple[str, ...]


def corpus_texts() -> list[str]:
    """Return every text of the corpus that is judged, without questions and principles."""
    lines = [
        line for p in sorted(CORPUS.glob("*.jsonl")) for line in p.read_text("utf-8").splitlines()
    ]
    return [row[key] for row in map(json.loads, lines) for key in TEXTS if key in row]


def grams(text: str, size: int = 5) -> set[Gram]:
    """Return the sequences of so many words that a text holds."""
    words = re.findall(r"[a-z0-9']+", text.lower().replace("\u2019", "'"))
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}


def near_duplicates(texts: Sequence[str]) -> int:
    """Count the texts of whose five-word sequences more than `NEAR` stand in one other text."""
    places: dict[Gram, list[int]] = defaultdict(list)
    own = [grams(text) for text in texts]
    for number, found in enumerate(own):
        for gram in found:
            places[gram].append(number)
    near = 0
    for number, found in enumerate(own):
        others = Counter(other for gram in found for other in places[gram] if other != number)
        near += bool(others) and max(others.values()) > NEAR * len(found)
    return near
