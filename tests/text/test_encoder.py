"""The real weights: fetched once into the user's cache, as on any machine."""

import random

import numpy as np
import pytest

from valuecompass.text.encoder import BATCH, SentenceEncoder, sentence_encoder

SUBJECTS = ("the mayor", "a nurse", "my neighbour", "the old teacher", "a fisherman")
DEEDS = (
    "planted trees along the road",
    "kept the promise",
    "wanted to be in charge of everything and everyone in the whole long valley",
    "slept",
    "gave away what was left of the harvest to the people who had nothing",
    "followed the rule",
    "took a boat into the storm for the thrill of it",
    "prayed as the grandparents did",
)
TEXTS = [f"{s} {d}." for s in SUBJECTS for d in DEEDS]


@pytest.fixture(scope="module")
def encoder() -> SentenceEncoder:
    return sentence_encoder()


def test_vectors_have_unit_length(encoder: SentenceEncoder) -> None:
    vectors = encoder.encode([*TEXTS, "", "x", "word " * 5_000])
    assert vectors.shape == (len(TEXTS) + 3, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_no_text_gives_no_vector(encoder: SentenceEncoder) -> None:
    assert encoder.encode([]).shape == (0, 384)


def test_the_order_of_the_texts_is_kept(encoder: SentenceEncoder) -> None:
    assert len(TEXTS) > BATCH
    together = encoder.encode(TEXTS)
    for i in (0, 3, 17, len(TEXTS) - 1):
        alone = encoder.encode([TEXTS[i]])[0]
        assert int(np.argmax(together @ alone)) == i
        np.testing.assert_allclose(together[i], alone, atol=1e-5)


def test_a_vector_does_not_depend_on_its_neighbours(encoder: SentenceEncoder) -> None:
    shuffled = random.Random(1).sample(TEXTS, len(TEXTS))
    vectors = dict(zip(shuffled, encoder.encode(shuffled), strict=True))
    again = np.stack([vectors[t] for t in TEXTS])
    np.testing.assert_allclose(encoder.encode(TEXTS), again, atol=1e-5)


@pytest.mark.parametrize(
    ("text", "related", "unrelated"),
    [
        (
            "Leaders must be obeyed.",
            "People ought to follow those in charge.",
            "The soup needs salt.",
        ),
        ("He craves money and control.", "She wants wealth and power.", "They water the ferns."),
        ("Help the poor abroad.", "Aid strangers in distant lands.", "The hinge is rusty."),
        ("Honour our customs.", "Keep the old traditions.", "The laptop has two screens."),
        ("Skydiving thrills me.", "I love risky adventures.", "File the tax form by May."),
    ],
)
def test_related_sentences_are_nearer(
    encoder: SentenceEncoder, text: str, related: str, unrelated: str
) -> None:
    a, b, c = encoder.encode([text, related, unrelated])
    assert a @ b > a @ c + 0.2


def test_one_encoder_serves_the_process() -> None:
    assert sentence_encoder() is sentence_encoder()
