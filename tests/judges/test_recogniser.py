"""The trained reader: what its logits are made of, and where in a text that stands."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from valuecompass.judges.local.recogniser import (
    LONGEST_SENTENCE,
    WINDOW,
    WINDOWS,
    Recogniser,
    Vector,
    context_of,
    recogniser,
)
from valuecompass.text.encoder import END, START

PRINCIPLE = "It is wrong to read other people's letters."
OPENING = "The postman had dropped two of them on the step, and old Mrs Haas"
TEXT = "She carried both across the road. 😀 Nobody had asked her to! Then she went home"
LONG = " ".join(
    f"On day {n} they caulked another seam of the ferry, and the {who} kept the tally."
    for n, who in enumerate(("cook", "mate", "boy") * 6, 1)
)
"""More than one window, and the last one much shorter than the first."""
CONTEXTS = [("", ""), (PRINCIPLE, ""), (PRINCIPLE, OPENING)]


@pytest.fixture(scope="module", params=["schwartz", "conduct"])
def reader(request: pytest.FixtureRequest) -> Recogniser:
    return recogniser(request.param)


def shares(reader: Recogniser, ids: list[int], context: list[int]) -> tuple[Vector, Vector]:
    """What each token of one window adds to the logits, and what all that is not text adds."""
    before = [START, *context, END] if context else [START]
    (states,) = reader.encoder.states([[*before, *ids, END]])
    attention = softmax(states @ reader.heads.query.T, axis=0)
    each = attention * (states @ reader.heads.direction.T)
    own = each[len(before) : len(before) + len(ids)]
    return own, each.sum(axis=0) - own.sum(axis=0)


@pytest.mark.parametrize(("head", "opening"), CONTEXTS)
def test_evidence_and_the_rest_add_up_to_the_logits(reader, head, opening):
    context = context_of(reader.encoder, head, opening)
    (found,) = reader.read([TEXT], context)
    ids, places = reader.encoder.tokens(TEXT)
    own, rest = shares(reader, ids, context)
    whole = found.pull.sum(axis=0) + rest + reader.heads.bias
    np.testing.assert_allclose(whole, found.logits, atol=1e-5)
    # each sentence has the share of its own tokens, whatever was read before the text
    starts = [start for start, _ in places]
    assert len(found.spans) == 3
    for span, pull in zip(found.spans, found.pull, strict=True):
        inside = [n for n, start in enumerate(starts) if span.start <= start < span.end]
        np.testing.assert_allclose(pull, own[inside].sum(axis=0), atol=1e-5)


def test_the_context_is_read_but_has_no_place_in_the_text(reader):
    (alone,) = reader.read([TEXT])
    (after,) = reader.read([TEXT], context_of(reader.encoder, PRINCIPLE, OPENING))
    assert alone.spans == after.spans
    assert np.abs(alone.logits - after.logits).max() > 0.1


@pytest.mark.parametrize(("head", "opening"), CONTEXTS)
def test_a_long_text_is_the_mean_of_its_windows_by_length(reader, head, opening):
    context = context_of(reader.encoder, head, opening)
    ids, _ = reader.encoder.tokens(LONG)
    windows = [ids[:WINDOW], ids[WINDOW : 2 * WINDOW], ids[2 * WINDOW :]]
    assert 0 < len(windows[2]) < WINDOW / 2  # else a plain mean would pass
    each = [shares(reader, window, context) for window in windows]
    logits = [own.sum(axis=0) + rest + reader.heads.bias for own, rest in each]
    weights = [len(window) / len(ids) for window in windows]
    (found,) = reader.read([LONG], context)
    np.testing.assert_allclose(found.logits, np.average(logits, axis=0, weights=weights), atol=1e-4)
    # what the sentences add is weighed likewise: a short window's words count no more than others
    text = sum(w * own.sum(axis=0) for w, (own, _) in zip(weights, each, strict=True))
    np.testing.assert_allclose(found.pull.sum(axis=0), text, atol=1e-4)


def test_what_comes_after_the_last_window_is_not_read(reader):
    text = " ".join([LONG] * 3)
    ids, places = reader.encoder.tokens(text)
    assert len(ids) > WINDOW * WINDOWS
    cut = text[: places[WINDOW * WINDOWS - 1][1]]
    (whole,), (part,) = reader.read([text]), reader.read([cut])
    np.testing.assert_allclose(whole.logits, part.logits, atol=1e-5)
    assert not whole.pull[len(part.spans) :].any()


@pytest.mark.parametrize(
    "text",
    [
        "   \n The letter stayed shut.",
        "no stop and no capital only words that go on",
        "😀 😡! Hello there 🎉. We go",
        "👩‍👩‍👧 read it 👩🏽‍🚀. They wept 🏳️‍🌈",
        "half an emoji \ud83d! And \ude00 the rest.",
        "... and so it was. Fine.",
        "Line\n\n\nafter line\nwithout a stop\n",
        "“Yes.” He left. «Non.»",
        "!" * 30 + " Well.",
        "word " * 2_000,
        "\u200b\u0301He\u0301llo. \u00a0There.",
    ],
)
def test_evidence_lies_in_the_text(reader, text):
    (found,) = reader.read([text], context_of(reader.encoder, PRINCIPLE))
    assert found.pull.shape == (len(found.spans), len(reader.heads.outputs))
    assert np.isfinite(found.pull).all() and found.pull.any(axis=1).any()
    for span in found.spans:
        assert 0 <= span.start < span.end <= len(text)
        assert span.end - span.start <= LONGEST_SENTENCE
        assert span.text == text[span.start : span.end]


@pytest.mark.parametrize("before", ["!!! ... ", "😡! ", "— \n\n"])
def test_signs_before_the_first_sentence_are_read_with_it(reader, before):
    text = f"{before}She burned the letters. Then she slept."
    (found,) = reader.read([text])
    ids, places = reader.encoder.tokens(text)
    own, _ = shares(reader, ids, [])
    first = sum(start < text.index("Then") for start, _ in places)
    assert [s.start for s in found.spans] == [len(before), text.index("Then")]
    np.testing.assert_allclose(found.pull[0], own[:first].sum(axis=0), atol=1e-5)
    np.testing.assert_allclose(found.pull[1], own[first:].sum(axis=0), atol=1e-5)


def test_a_text_is_read_alike_in_any_company(reader):
    alone = [reader.read([text])[0] for text in (TEXT, LONG)]
    together = reader.read(["Yes.", TEXT, LONG, "No, never, and nobody would."])[1:3]
    for one, other in zip(alone, together, strict=True):
        assert one.spans == other.spans
        np.testing.assert_allclose(one.logits, other.logits, atol=1e-4)
        np.testing.assert_allclose(one.pull, other.pull, atol=1e-4)
