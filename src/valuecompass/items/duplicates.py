"""Near-duplicate texts, by the word n-grams they share."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence

# Chinese and Japanese put no spaces between words: there each character counts as one
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")


def near_duplicates(
    texts: Sequence[str], n: int = 5, threshold: float = 0.5
) -> list[tuple[int, int, float]]:
    """Return the pairs of texts that share many of their word n-grams.

    The share is the overlap coefficient |A ∩ B| / min(|A|, |B|) of the two sets of n-grams, so a
    text that stands inside a longer one counts as its duplicate. Case and punctuation are
    ignored; a text of fewer than n words is one gram of its own; one without words has no
    duplicates. The result is exact. To be quick it looks up only the rarest grams of each text:
    a pair that reaches the threshold must share one of the |A| - ceil(threshold |A|) + 1 rarest
    of the smaller set (prefix filtering; Chaudhuri, Ganti and Kaushik, 2006).

    Args:
        texts: the texts.
        n: words in a gram, at least 1.
        threshold: smallest share reported, in (0, 1].

    Returns:
        Triples (i, j, share) with i < j, in the order of i and j.
    """
    grams = [_grams(text, n) for text in texts]
    frequency = Counter(gram for own in grams for gram in own)
    holders: dict[str, list[int]] = defaultdict(list)
    found: list[tuple[int, int, float]] = []
    # longest first: whatever stands in the index is at least as long as the text that looks it up
    for at in sorted(range(len(texts)), key=lambda i: (-len(grams[i]), i)):
        own = sorted(grams[at], key=lambda gram: (frequency[gram], gram))
        needed = math.ceil(threshold * len(own) - 1e-9)
        rarest = own[: len(own) - needed + 1]
        for other in {holder for gram in rarest for holder in holders[gram]}:
            shared = len(grams[at] & grams[other])
            if shared >= needed:
                found.append((min(at, other), max(at, other), shared / len(own)))
        for gram in own:
            if frequency[gram] > 1:
                holders[gram].append(at)
    return sorted(found)


def _grams(text: str, n: int) -> frozenset[str]:
    words = _WORD.findall(text.lower())
    if not words:
        return frozenset()
    return frozenset(" ".join(words[i : i + n]) for i in range(max(1, len(words) - n + 1)))
