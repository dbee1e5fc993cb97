import random
import time
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valuecompass.items.duplicates import near_duplicates


def test_case_and_punctuation_do_not_matter():
    texts = ["Should ferries run all night?", "should ferries run, all night", "Stay at home."]
    assert near_duplicates(texts) == [(0, 1, 1.0)]


def test_the_share_is_that_of_the_smaller_text():
    # 3 five-grams against 5, of which 2 are shared
    texts = ["a b c d e f g h i", "x b c d e f g"]
    assert near_duplicates(texts) == [(0, 1, pytest.approx(2 / 3))]
    assert near_duplicates(texts, threshold=0.7) == []


def test_short_texts_are_compared_whole():
    assert near_duplicates(["I lead", "i lead!", "I lead them", "", "?!"]) == [(0, 1, 1.0)]


def test_languages_without_spaces_are_compared_by_character():
    texts = ["我们应该禁止夜间渡轮吗", "我们应该禁止夜间渡轮", "今天天气很好我想出门"]
    assert near_duplicates(texts) == [(0, 1, 1.0)]


def slow(texts, n, threshold):
    def grams(text):
        words = text.split()
        return {tuple(words[i : i + n]) for i in range(max(1, len(words) - n + 1))}

    found = []
    for (i, a), (j, b) in combinations(enumerate(map(grams, texts)), 2):
        share = len(a & b) / min(len(a), len(b))
        if share >= threshold:
            found.append((i, j, share))
    return found


sentences = st.lists(st.sampled_from("abc"), min_size=1, max_size=9).map(" ".join)


@given(
    st.lists(sentences, max_size=12), st.integers(1, 5), st.sampled_from([0.1, 0.3, 0.5, 0.75, 1.0])
)
def test_the_index_finds_what_comparing_all_pairs_finds(texts, n, threshold):
    assert near_duplicates(texts, n, threshold) == slow(texts, n, threshold)


def test_fifty_thousand_texts_with_a_common_opening():
    rng = random.Random(1)
    words = [f"w{i}" for i in range(3_000)]
    texts = [
        "do you agree with this plan: " + " ".join(rng.choices(words, k=14)) for _ in range(50_000)
    ]
    texts[7] = texts[40_000] + " indeed"
    start = time.process_time()
    assert [pair[:2] for pair in near_duplicates(texts)] == [(7, 40_000)]
    assert time.process_time() - start < 30
