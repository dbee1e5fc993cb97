"""Against figures worked out by hand, all pairs counted one by one, and a plain second BLEU.

The second BLEU follows the definition literally. Both agreed with `sentence_bleu` of nltk 3.10
(smoothing method 1) to 1e-12 on the seed questions and on random words.
"""

import math
import random
from collections import Counter

import numpy as np
import pytest

from valuecompass.items import seed_items
from valuecompass.text.diversity import (
    cross_similarity,
    distinct,
    diversity,
    mean_similarity,
    self_bleu,
    words,
)

QUESTIONS = [i.text for i in seed_items("schwartz") if i.kind == "question"]


def plain_bleu(text: list[str], others: list[list[str]]) -> float:
    logs = []
    for n in range(1, 5):
        own = Counter(tuple(text[i : i + n]) for i in range(len(text) - n + 1))
        if not own:
            continue
        theirs = [Counter(tuple(o[i : i + n]) for i in range(len(o) - n + 1)) for o in others]
        hits = sum(min(number, max(t[gram] for t in theirs)) for gram, number in own.items())
        logs.append(math.log((hits or 0.1) / own.total()))
    closest = min((abs(len(o) - len(text)), len(o)) for o in others)[1]
    brevity = 1.0 if len(text) >= closest else math.exp(1 - closest / len(text))
    return brevity * math.exp(sum(logs) / len(logs))


def test_self_bleu_worked_out_by_hand():
    # a b c d e against a b c d f: 4/5, 3/4, 2/3, 1/2 of the n-grams, equal lengths
    tokens = [words("a b c d e"), words("a b c d f")]
    assert self_bleu(tokens) == pytest.approx(100 * (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25)
    # the shorter one, all of it found, pays for its length: exp(1 - 5/4)
    tokens = [words("a b c d e"), words("a b c d")]
    longer = (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25
    assert self_bleu(tokens) == pytest.approx(100 * (longer + math.exp(-0.25)) / 2)


def test_equal_texts_are_100_and_strangers_near_0():
    assert self_bleu([words("we sing the old song")] * 3) == pytest.approx(100)
    strangers = self_bleu([words("a b c d e"), words("v w x y z")])
    assert strangers == pytest.approx(100 * (0.1**4 / (5 * 4 * 3 * 2)) ** 0.25)


@pytest.mark.parametrize("seed", range(4))
def test_self_bleu_is_the_mean_of_plain_bleu(seed):
    rng = random.Random(seed)
    tokens = [[rng.choice("abcde") for _ in range(rng.randint(1, 12))] for _ in range(25)]
    plain = [plain_bleu(t, tokens[:i] + tokens[i + 1 :]) for i, t in enumerate(tokens)]
    assert self_bleu(tokens) == pytest.approx(100 * sum(plain) / len(plain))
    real = [words(t) for t in rng.sample(QUESTIONS, 60)]
    plain = [plain_bleu(t, real[:i] + real[i + 1 :]) for i, t in enumerate(real)]
    assert self_bleu(real) == pytest.approx(100 * sum(plain) / len(plain))


def test_a_text_without_words_shares_nothing():
    assert self_bleu([[], []]) == 0
    assert math.isnan(self_bleu([["alone"]]))


def test_distinct_pairs():
    # the cat the cat, a cat: pairs the-cat, cat-the, the-cat, a-cat
    assert distinct([words("The cat, the cat."), words("A cat")]) == 3 / 4
    assert distinct([words("The cat, the cat."), words("A cat")], 1) == 3 / 6
    assert math.isnan(distinct([["one"]]))


def test_chinese_is_counted_in_characters():
    assert words("该交税吗？Yes") == ["该", "交", "税", "吗", "yes"]


def test_mean_similarity_is_that_of_all_pairs():
    vectors = np.random.default_rng(0).standard_normal((40, 7)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = [float(vectors[i] @ vectors[j]) for i in range(40) for j in range(i)]
    assert mean_similarity(vectors) == pytest.approx(np.mean(pairs), abs=1e-6)
    cross = [float(a @ b) for a in vectors[:15] for b in vectors[15:]]
    assert cross_similarity(vectors[:15], vectors[15:]) == pytest.approx(np.mean(cross), abs=1e-6)
    assert math.isnan(mean_similarity(vectors[:1]))
    assert math.isnan(cross_similarity(vectors, vectors[:0]))


def test_sets_of_unequal_size_are_compared_by_samples_of_one_size():
    few = diversity(QUESTIONS[:100], sample=100)
    assert (few.texts, few.sampled) == (100, 100)
    assert few.self_bleu == self_bleu([words(t) for t in QUESTIONS[:100]])
    whole = diversity(QUESTIONS, sample=len(QUESTIONS))
    sampled = diversity(QUESTIONS, sample=100, samples=20)
    assert (sampled.texts, sampled.sampled) == (len(QUESTIONS), 100)
    # the more texts, the more overlap: only the sample says that the parts are like the whole
    assert sampled.self_bleu < 0.8 * whole.self_bleu
    assert sampled.dist_2 > whole.dist_2
    assert sampled.length == whole.length
    assert diversity(QUESTIONS, sample=100, samples=20) == sampled
    assert diversity(QUESTIONS, sample=100, samples=20, seed=1) != sampled


def test_no_texts_have_no_figures():
    none = diversity([])
    assert (none.texts, none.sampled) == (0, 0)
    assert all(math.isnan(x) for x in (none.length, none.self_bleu, none.dist_2))
