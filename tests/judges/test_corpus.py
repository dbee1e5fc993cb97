"""The judge's corpus: written apart from what the judge is tested with, and not by slot-filling."""

from __future__ import annotations

import json
import sys
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from training.judge.near_duplicates import MOST_NEAR, corpus_texts, grams, near_duplicates

from valuecompass.text.encoder import sentence_encoder
from valuecompass.values import BUILTIN, builtin_system

ROOT = Path(__file__).parents[2]
CORPUS = sorted((ROOT / "training/judge/corpus").glob("*.jsonl"))
SAME = 0.8
"""Cosine above which two texts are about the same scene."""


def rows(paths: list[Path]) -> list[dict[str, Any]]:
    return [json.loads(line) for p in paths for line in p.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def written() -> list[str]:
    """Every text of the corpus, settings and principles included."""
    found = [v for row in rows(CORPUS) for v in row.values() if isinstance(v, str)]
    assert len(found) > 10_000
    return found


def test_every_row_is_trained_on() -> None:
    """A file that no reader takes would be counted in the docs and teach nothing."""
    folder = str(ROOT / "training/judge")
    sys.path.insert(0, folder)
    try:
        from data import conduct_corpus, schwartz_corpus
    finally:
        sys.path.remove(folder)
    trained = {e.text for e in [*schwartz_corpus(), *conduct_corpus()]}
    assert trained == set(corpus_texts())


@pytest.fixture(scope="module")
def phrases() -> list[str]:
    folder = files("valuecompass.models") / "phrases"
    paths = [Path(str(p)) for p in folder.iterdir() if p.name.endswith(".jsonl")]
    found = [row["text"] for row in rows(paths)]
    assert len(found) > 1_000
    return found


def shared(one: list[str], two: list[str]) -> list[str]:
    a, b = ({g for text in texts for g in grams(text)} for texts in (one, two))
    return sorted(" ".join(g) for g in a & b)


def test_corpus_and_phrase_bank_share_no_five_words(written, phrases):
    assert shared(written, phrases) == []


def test_phrase_bank_and_value_systems_share_no_five_words(phrases):
    # what `local-nearest` reads with
    systems = [builtin_system(name) for name in BUILTIN]
    own = [
        text
        for system in systems
        for d in system.dimensions
        for text in (d.definition, d.high, d.low, *d.supports, *d.opposes)
    ]
    assert len(own) > 500
    assert shared(own, phrases) == []


def test_corpus_and_test_set_share_no_five_words(written):
    test = rows([ROOT / "benchmarks/judge/polarity.jsonl"])
    assert shared(written, [row["response"] for row in test]) == []


def test_no_question_and_no_text_of_the_corpus_is_near_one_of_the_test_set():
    test = rows([ROOT / "benchmarks/judge/polarity.jsonl"])
    own = rows([path for path in CORPUS if path.name.startswith("schwartz-")])
    encode = sentence_encoder().encode
    for mine, theirs in (("question", "item"), ("text", "response")):
        a = encode(sorted({row[mine] for row in own}))
        b = encode(sorted({row[theirs] for row in test}))
        assert (a @ b.T).max() <= SAME


def test_few_texts_of_the_corpus_are_near_duplicates(capsys):
    texts = corpus_texts()
    near = near_duplicates(texts)
    with capsys.disabled():
        print(f"\njudge corpus: {len(texts)} texts, {near} near-duplicates")
    assert near <= MOST_NEAR * len(texts)


def test_a_filled_slot_makes_two_near_duplicates_and_a_shared_phrase_none():
    one, other = (f"The {who} should keep every promise made to us." for who in ("king", "firm"))
    assert near_duplicates([one, other]) == 2
    tails = (" ".join(f"{letter}{i}" for i in range(20)) for letter in "ab")
    assert near_duplicates([f"keep every promise made to {tail}" for tail in tails]) == 0


def test_the_test_set_is_balanced_and_its_rows_are_what_evaluate_reads():
    from valuecompass.judges.quality.labelled import read_labels

    path = ROOT / "benchmarks/judge/polarity.jsonl"
    assert len(read_labels(path)) == 400
    counts = Counter((row["dimension"], row["valence"]) for row in rows([path]))
    assert {counts[d, v] for d, v in counts if v} == {16}
    assert {counts[d, v] for d, v in counts if not v} == {8}
