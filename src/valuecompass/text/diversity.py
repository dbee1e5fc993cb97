"""How varied a set of texts is: Self-BLEU, Dist-n, lengths, mean similarity of vectors.

Self-BLEU and Dist-n depend on how many texts there are (more texts, more overlap): sets of unequal
size are compared by samples of one size, which `diversity` draws.
"""

from __future__ import annotations

import math
import random
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ORDER = 4
"""Longest n-grams of BLEU."""
TINY = 0.1
"""Counted for an order without any match, so that it does not make the whole score 0."""
# Chinese and Japanese put no spaces between words: there each character counts as one
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")

Gram = tuple[str, ...]


@dataclass(frozen=True)
class Diversity:
    """What `diversity` found; a figure is NaN where there are too few texts for it."""

    texts: int
    """Texts there are."""
    sampled: int
    """Texts in each sample that Self-BLEU and Dist-2 are of."""
    length: float
    """Mean number of words, of all texts."""
    self_bleu: float
    """0-100; low: the texts share few phrases. Mean over samples."""
    dist_2: float
    """0-1; high: few pairs of words come twice. Mean over samples."""


def diversity(
    texts: Sequence[str], *, sample: int = 500, samples: int = 5, seed: int = 0
) -> Diversity:
    """Return the figures of a set of texts.

    Args:
        texts: the texts.
        sample: texts in a sample; when there are no more than that, they are the only sample.
        samples: samples without replacement whose figures are averaged.
        seed: of the samples.
    """
    tokens = [words(text) for text in texts]
    rng = random.Random(seed)
    drawn = (
        [tokens]
        if len(tokens) <= sample
        else [rng.sample(tokens, sample) for _ in range(max(1, samples))]
    )
    return Diversity(
        texts=len(tokens),
        sampled=len(drawn[0]),
        length=_mean([len(own) for own in tokens]),
        self_bleu=_mean([self_bleu(one) for one in drawn]),
        dist_2=_mean([distinct(one, 2) for one in drawn]),
    )


def words(text: str) -> list[str]:
    """Return the words of a text in lower case; of Chinese and Japanese its characters."""
    return _WORD.findall(text.lower())


def self_bleu(tokens: Sequence[Sequence[str]]) -> float:
    """Return the mean BLEU-4 of each text against all others, 0-100; NaN for fewer than two.

    Zhu et al. 2018 (Texygen), section 3; BLEU by Papineni et al. 2002, with the closest reference's
    length, where an order without a match counts `TINY` (method 1 of Chen & Cherry 2014). A text of
    fewer than four words has only the orders it is long enough for. Exact, in time linear in the
    words: of each n-gram the two largest counts are enough to know the largest among the others.
    """
    if len(tokens) < 2:
        return float("nan")
    lengths = sorted(len(own) for own in tokens)
    precisions = np.zeros((len(tokens), ORDER))
    for order in range(1, ORDER + 1):
        counts = [Counter(_grams(own, order)) for own in tokens]
        tops = _two_largest(counts)
        for place, own in enumerate(counts):
            precisions[place, order - 1] = _precision(own, tops)
    scores = [
        _brevity(len(own), lengths) * math.exp(float(np.mean(np.log(row[~np.isnan(row)]))))
        for own, row in zip(tokens, precisions, strict=True)
        if own
    ]
    return 100 * _mean([*scores, *[0.0] * (len(tokens) - len(scores))])


def distinct(tokens: Sequence[Sequence[str]], n: int = 2) -> float:
    """Return the number of distinct n-grams of all texts over that of all, 0-1 (Li et al. 2016)."""
    grams = [gram for own in tokens for gram in _grams(own, n)]
    return len(set(grams)) / len(grams) if grams else float("nan")


def mean_similarity(vectors: NDArray[np.floating]) -> float:
    """Return the mean cosine of all pairs of texts; NaN for fewer than two.

    Args:
        vectors: (n, width) unit vectors. The sum of all pairs is read off the length of their sum,
            so 12,000 texts cost no more than one pass.
    """
    n = len(vectors)
    if n < 2:
        return float("nan")
    exact = np.asarray(vectors, np.float64)
    total = exact.sum(axis=0)
    return float((total @ total - np.sum(exact**2)) / (n * (n - 1)))


def cross_similarity(ours: NDArray[np.floating], theirs: NDArray[np.floating]) -> float:
    """Return the mean cosine of a text of one set and one of the other, of unit vectors."""
    if not len(ours) or not len(theirs):
        return float("nan")
    first = np.asarray(ours, np.float64).mean(axis=0)
    return float(first @ np.asarray(theirs, np.float64).mean(axis=0))


class _Top(NamedTuple):
    """The largest count of an n-gram in one text, how many texts have it, and the next largest."""

    largest: int
    holders: int
    second: int


def _grams(tokens: Sequence[str], n: int) -> list[Gram]:
    return [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]


def _two_largest(counts: Sequence[Counter[Gram]]) -> dict[Gram, _Top]:
    tops: dict[Gram, _Top] = {}
    for own in counts:
        for gram, number in own.items():
            top = tops.get(gram, _Top(0, 0, 0))
            if number > top.largest:
                tops[gram] = _Top(number, 1, top.largest)
            elif number == top.largest:
                tops[gram] = _Top(number, top.holders + 1, top.second)
            else:
                tops[gram] = top._replace(second=max(top.second, number))
    return tops


def _precision(own: Counter[Gram], tops: dict[Gram, _Top]) -> float:
    """Clipped n-gram precision against all other texts; NaN without any n-gram."""
    total = sum(own.values())
    if not total:
        return float("nan")
    matched = 0
    for gram, number in own.items():
        top = tops[gram]
        others = top.second if number == top.largest and top.holders == 1 else top.largest
        matched += min(number, others)
    return (matched or TINY) / total


def _brevity(length: int, lengths: Sequence[int]) -> float:
    """Brevity penalty against the closest length among the others; `lengths` are sorted."""
    place = bisect_left(lengths, length)
    others = [*lengths[max(0, place - 1) : place], *lengths[place + 1 : place + 2]]
    closest = min(others, key=lambda other: (abs(other - length), other))
    return 1.0 if length >= closest else math.exp(1 - closest / length)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else float("nan")
