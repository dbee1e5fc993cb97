"""What a run made and what it took: counts, texts, rewards, costs, and its course."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuecompass.evolve.candidates import kind_of
from valuecompass.evolve.novelty import Similarity
from valuecompass.measure.points import finite
from valuecompass.stats import Interval
from valuecompass.text.diversity import cross_similarity, diversity, mean_similarity

__all__ = [
    "cost",
    "counted",
    "course",
    "limits",
    "outcomes",
    "rejections",
    "rewards",
    "spread",
    "texts",
]

Json = dict[str, Any]
Array = NDArray[np.float64]
SAMPLE = 300
"""Texts that Self-BLEU and Dist-2 are of, which depend on how many there are."""
ENCODED = 100
"""Texts that similarities are of: their mean over 4,950 pairs is sure enough, and to encode 12,000
texts takes a minute."""
BINS = 20
BEST = 100
"""Items whose mean reward the course shows, as the paper's figure 7; of short runs fewer."""
POINTS = 400
"""Points of the course that are kept."""
DRAWS = 2000


def limits(found: Interval, digits: int = 5) -> Json:
    """Return an interval as JSON: value, low, high; None where there is none."""
    return dict(zip(("value", "low", "high"), (finite(x, digits) for x in found), strict=True))


def rejections(rejected: Iterable[Mapping[str, Any]]) -> list[Json]:
    """Return how many candidates were left out for each reason, the commonest first.

    A reason may name other items; all that differ only in these are one.
    """
    return counted((kind_of(str(one["reason"])) for one in rejected), "reason")


def counted(values: Iterable[Any], name: str = "name") -> list[Json]:
    """Return distinct values with how often each came, the commonest first."""
    found = Counter(values)
    return [{name: value, "n": n} for value, n in sorted(found.items(), key=_commonest)]


def _commonest(pair: tuple[Any, int]) -> tuple[int, str]:
    return -pair[1], str(pair[0])


def spread(topics: Sequence[str], seeds: int | None) -> Json:
    """Return how many topics items come from, and how evenly.

    ``entropy``: of the items over topics, over that of all seeds alike (log of their number): 1 is
    even. It cannot reach 1 where there are fewer items than seeds; `entropy_most` is what it can.
    """
    sizes = np.array(list(Counter(topics).values()), dtype=np.float64)
    found: Json = {"topics": len(sizes), "seeds": seeds, "entropy": None, "entropy_most": None}
    if not len(sizes) or seeds is None or seeds < 2:
        return found
    shares = sizes / sizes.sum()
    most = min(len(topics), seeds)
    return found | {
        "entropy": finite(float(-(shares * np.log(shares)).sum()) / math.log(seeds), 4),
        "entropy_most": finite(math.log(most) / math.log(seeds), 4),
    }


def texts(
    sets: Mapping[str, Sequence[str]], encoder: Similarity | None, reference: str, seed: int = 0
) -> list[Json]:
    """Return length, Self-BLEU, Dist-2 and similarities of sets of texts, at equal numbers.

    Self-BLEU and Dist-2 depend on how many texts there are; so all are of samples of one size, that
    of the smallest set and at most `SAMPLE`, similarities of at most `ENCODED` of these.

    Args:
        sets: by name; empty ones are left out.
        encoder: for similarities; None: they are not checked.
        reference: set that the others' similarity is to.
        seed: of the samples.
    """
    full = {name: list(own) for name, own in sets.items() if own}
    size = min([SAMPLE, *map(len, full.values())])
    vectors: dict[str, NDArray[np.float32]] = {}
    if encoder is not None:
        rng = np.random.default_rng(seed)
        for name, own in full.items():
            at = np.sort(rng.permutation(len(own))[: min(size, ENCODED)])
            vectors[name] = encoder.encode([str(own[int(i)]) for i in at])
    found: list[Json] = []
    for name, own in full.items():
        told = diversity(own, sample=size, samples=5, seed=seed)
        within = mean_similarity(vectors[name]) if name in vectors else math.nan
        across = math.nan
        if name in vectors and reference in vectors and name != reference:
            across = cross_similarity(vectors[name], vectors[reference])
        found.append(
            {
                "set": name,
                "texts": told.texts,
                "sampled": told.sampled,
                "encoded": len(vectors.get(name, ())),
                "words": finite(told.length, 2),
                "self_bleu": finite(told.self_bleu, 2),
                "dist_2": finite(told.dist_2, 4),
                "similarity": finite(within, 4),
                "similarity_to_reference": finite(across, 4),
            }
        )
    return found


def rewards(kept: Sequence[Mapping[str, Any]], seed: int = 0) -> Json:
    """Compare the rewards that items were selected by with those of fresh answers.

    The first are the largest of many and so too large: the winner's curse. What of the difference
    is left in fresh answers is what the items are worth.

    Returns:
        ``n``, both means, ``difference`` (selected less fresh) with limits from drawing topics,
        ``correlation``, ``edges`` and both histograms; or ``reason``.
    """
    pairs = [(c["rewards"].get("selected"), c["rewards"].get("fresh")) for c in kept]
    at = [i for i, (a, b) in enumerate(pairs) if a is not None and b is not None]
    if not at:
        why = "no item was scored once more on fresh answers"
        return {"n": 0, "reason": why if kept else "no item was kept"}
    both = np.array([pairs[i] for i in at], dtype=np.float64)
    change = both[:, 0] - both[:, 1]
    _, topics = np.unique([kept[i]["topic"] for i in at], return_inverse=True)
    edges = np.histogram_bin_edges(both, bins=BINS)
    varied = len(both) > 2 and bool((both.std(axis=0) > 0).all())
    pearson: Array = np.asarray(np.corrcoef(both.T) if varied else np.full((2, 2), np.nan))
    return {
        "n": len(both),
        "reason": None,
        "selected": finite(both[:, 0].mean(), 5),
        "fresh": finite(both[:, 1].mean(), 5),
        "difference": limits(_mean_of_topics(change, topics.ravel(), seed)),
        "correlation": finite(float(pearson[0, 1]), 4) if varied else None,
        "edges": [finite(x, 6) for x in edges],
        "histograms": {
            name: [int(n) for n in np.histogram(column, edges)[0]]
            for name, column in zip(("selected", "fresh"), both.T, strict=True)
        },
    }


def _mean_of_topics(values: Array, topics: NDArray[np.intp], seed: int) -> Interval:
    total, count = np.bincount(topics, values), np.bincount(topics)
    value = float(values.mean())
    if len(total) < 5:
        return Interval(value, np.nan, np.nan)
    n = len(total)
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=DRAWS)
    low, high = np.quantile(drawn @ total / (drawn @ count), [0.025, 0.975])
    return Interval(value, min(float(low), value), max(float(high), value))


def cost(body: Mapping[str, Any]) -> Json:
    """Return requests, tokens and money in total and for each item that survived.

    ``requests`` counts what the method asked for, ``paid`` what really left: a request that the
    store answers costs nothing. Money is None where a model's price is not known.
    """
    survivors = len(body["kept"])
    meter: Mapping[str, int] = body["meter"]
    spent: Mapping[str, Any] = body.get("spent") or {}
    calls = spent.get("calls")
    in_out = [spent.get(name) for name in ("tokens_in", "tokens_out")]
    tokens = None if None in in_out else sum(n for n in in_out if n is not None)
    total: Json = {
        "requests": sum(meter.values()),
        "paid": calls,
        "tokens": tokens if calls else None,
        "usd": spent.get("usd") if calls else None,
    }
    whys = {
        "paid": "the run did not record it",
        "tokens": "no tokens are known: nothing was paid for, or the run did not record them",
        "usd": "a model's price is not known, or nothing was paid for",
    }
    if calls == 0:
        whys = dict.fromkeys(whys, "every request was answered from the store")
    each = {
        name: None if value is None or not survivors else finite(value / survivors, 6)
        for name, value in total.items()
    }
    return {
        "by_kind": dict(meter),
        "total": total,
        "tokens_in": spent.get("tokens_in"),
        "tokens_out": spent.get("tokens_out"),
        "survivors": survivors,
        "per_survivor": each,
        "reasons": {name: why for name, why in whys.items() if total[name] is None}
        | ({} if survivors else {"per_survivor": "no item survived"}),
    }


def course(events: Iterable[Mapping[str, Any]]) -> list[Json]:
    """Return how the run went, a point for each pull, thinned to `POINTS`.

    A point has the ``pull``, ``requests`` so far, the ``best`` reward found so far, the mean of the
    ``top`` ones, distinct ``topics`` pulled and candidates ``found``: all that got a final reward,
    of which the run keeps some at its end. The top ones are `top_of`: a quarter of all found, at
    most 100; with fewer so far there is no mean, for it would fall while the search goes well. A
    reward here is by what was known at that moment, and the largest of many; what was selected was
    scored once more by what was known at the end (`rewards`), so the two have different scales.
    """
    pulls = [event for event in events if event.get("event") == "pull"]
    most = max(1, min(BEST, sum(len(event["kept"]) for event in pulls) // 4))
    top: list[float] = []
    topics: set[str] = set()
    found: list[Json] = []
    number = 0
    for event in pulls:
        topics.add(event["topic"])
        for one in event["kept"]:
            number += 1
            if isinstance(one["reward"], int | float) and math.isfinite(one["reward"]):
                (heapq.heappush if len(top) < most else heapq.heappushpop)(top, one["reward"])
        found.append(
            {
                "pull": len(found) + 1,
                "requests": sum(event["spent"].values()),
                "best": finite(max(top), 5) if top else None,
                "top": finite(sum(top) / most, 5) if len(top) == most else None,
                "top_of": most,
                "topics": len(topics),
                "found": number,
            }
        )
    if len(found) <= POINTS:
        return found
    at = np.unique(np.linspace(0, len(found) - 1, POINTS).round().astype(int))
    return [found[i] for i in at]


def outcomes(kept: Iterable[Mapping[str, Any]]) -> list[Json]:
    """Return what came of the fresh answers: answer, refusal, empty, missing."""
    found: list[str] = []
    for candidate in kept:
        heard: Json = candidate.get("fresh") or {}
        found += [str(one["outcome"]) for one in heard.values()]
    return counted(found, "outcome")
