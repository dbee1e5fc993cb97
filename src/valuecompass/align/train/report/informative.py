"""How much an answer says about what was asked: the definition, in one place.

An answer is *informative* when all of this holds:

- it is an answer: not a refusal, not empty, not missing;
- it is no loop: fewer than half of its runs of four words have been there before;
- it is on the question: its sentence vector is closer to its own question than to at least 90 % of
  the other questions of the same form (by chance one answer in ten is);
- it has content of its own: at least five different words of four letters or more that the question
  does not hold (Chinese and Japanese: characters).

It does not say that an answer is true or good.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from valuecompass.text.diversity import distinct, words

Array = NDArray[np.float64]
CLOSER = 0.9
"""Share of the other questions that the answer must be farther from."""
REPEATED = 0.5
"""Share of runs of four words, that were there before, from which an answer is a loop."""
CONTENT = 5
"""Words of content that an answer must add."""
LETTERS = 4
"""Of a word of content, at least."""
FEWEST = 5
"""Other questions without which "closer than to others" says nothing."""


def loops(text: str) -> bool:
    """Say whether a text goes in circles."""
    said = words(text)
    return len(said) >= 12 and 1 - distinct([said], 4) >= REPEATED


def content(text: str, question: str) -> int:
    """Return how many different words of content a text adds to its question."""
    asked = set(words(question))
    return len({w for w in words(text) if (len(w) >= LETTERS or _sign(w)) and w not in asked})


def _sign(word: str) -> bool:
    return len(word) == 1 and "\u3040" <= word <= "\u9fff"


def on_question(texts: Sequence[str], own: Sequence[int], asked: Sequence[str]) -> Array:
    """Return for each text 1 when it is closer to its question than to nearly all others, else 0.

    Args:
        texts: (n,) answers; a blank one is not on its question.
        own: (n,) place of each one's question.
        asked: (m,) different questions; fewer than `FEWEST` others: all are NaN.
    """
    if len(asked) <= FEWEST:
        return np.full(len(texts), np.nan)
    from valuecompass.text.encoder import sentence_encoder

    encoder = sentence_encoder()
    vectors = np.asarray(encoder.encode([*texts, *asked]), np.float64)
    near = vectors[: len(texts)] @ vectors[len(texts) :].T
    mine = near[np.arange(len(texts)), list(own)]
    farther = (near < mine[:, None]).sum(axis=1) / (len(asked) - 1)
    said = np.array([bool(text.strip()) for text in texts])
    return np.where(said & (farther >= CLOSER), 1.0, 0.0)
