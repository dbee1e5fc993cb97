"""The trained part of the local judge: an adapted sentence encoder, read by attention.

How it is trained is in `training/judge/`; what it can be trusted with in `docs/judges.md`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax  # pyright: ignore[reportUnknownVariableType]

from valuecompass.assets import fetch
from valuecompass.text import Span, sentences
from valuecompass.text.encoder import END, NAME, START, Change, TokenEncoder

CONTEXT = 48
"""Tokens of a principle, request or stem that are read, from its start."""
OPENING = 48
"""Tokens of a story opening that are read, up to where the response goes on."""
WINDOW = 160
"""Tokens of a text that are read at once; a longer one is read in up to `WINDOWS` pieces."""
WINDOWS = 4
LONGEST, LONGEST_SENTENCE = 6_000, 1_000
"""Characters of a text and of a sentence that are read or shown: more than the windows hold."""
Vector = NDArray[np.float64]


class Reading(NamedTuple):
    """What the heads say of one text.

    logits: (outputs,) of the whole text.
    pull: (sentences, outputs): how much each sentence adds to a logit; the rest is the bias and
        what the context and the special tokens add.
    spans: the sentences, as places in the text.
    """

    logits: Vector
    pull: Vector
    spans: list[Span]


@dataclass(frozen=True)
class Heads:
    """Trained weights: one attention query and one direction for each output."""

    outputs: tuple[str, ...]
    query: Vector
    direction: Vector
    bias: Vector
    changes: dict[str, Change]
    digest: str

    def weights(self, word: str, dimension: str) -> Vector:
        """Return (outputs,) what makes the logit of a word for a dimension: its own, and shared."""
        return np.array([float(o in (word, f"{word} {dimension}")) for o in self.outputs])


class Recogniser:
    """Reads texts with trained heads."""

    def __init__(self, heads: Heads, encoder: TokenEncoder) -> None:
        self.heads = heads
        self.encoder = encoder

    def read(self, texts: list[str], context: Sequence[int] = ()) -> list[Reading]:
        """Return the readings of texts, each after the context (token ids)."""
        texts = [text[:LONGEST] for text in texts]
        rows: list[list[int]] = []
        places: list[list[tuple[int, int]]] = []
        owners: list[int] = []
        for number, text in enumerate(texts):
            ids, offsets = self.encoder.tokens(text)
            for start in range(0, max(len(ids), 1), WINDOW)[:WINDOWS]:
                rows.append(sequence(context, ids[start : start + WINDOW]))
                places.append(offsets[start : start + WINDOW])
                owners.append(number)
        states = self.encoder.states(rows)
        found: list[Reading] = []
        for number, text in enumerate(texts):
            own = [i for i, owner in enumerate(owners) if owner == number]
            found.append(self._reading(text, [states[i] for i in own], [places[i] for i in own]))
        return found

    def _reading(
        self, text: str, windows: list[NDArray[np.float32]], places: list[list[tuple[int, int]]]
    ) -> Reading:
        spans = [_shown(s) for s in sentences(text)] or [_shown(Span(0, len(text), text))]
        # what no window holds was not read and is no evidence
        last = max((start for offsets in places for start, _ in offsets), default=0)
        spans = [s for s in spans if s.start <= last] or spans[:1]
        starts = np.array([s.start for s in spans])
        pull = np.zeros((len(spans), len(self.heads.outputs)))
        logits: list[Vector] = []
        # a window says as much as it is long
        sizes = np.maximum([len(offsets) for offsets in places], 1)
        for states, offsets, size in zip(windows, places, sizes, strict=True):
            attention = softmax(states @ self.heads.query.T, axis=0)
            each = attention * (states @ self.heads.direction.T)
            logits.append(each.sum(axis=0) + self.heads.bias)
            # the text's own tokens are the last ones before END
            own = each[len(each) - 1 - len(offsets) : len(each) - 1]
            for (start, _), row in zip(offsets, own, strict=True):
                # signs before the first sentence are read with it
                sentence = max(int(np.searchsorted(starts, start, "right")) - 1, 0)
                pull[sentence] += row * (size / sizes.sum())
        return Reading(np.average(logits, axis=0, weights=sizes), pull, spans)


def _shown(span: Span) -> Span:
    end = min(span.end, span.start + LONGEST_SENTENCE)
    return Span(span.start, end, span.text[:LONGEST_SENTENCE])


def sequence(context: Sequence[int], text: Sequence[int]) -> list[int]:
    """Return the token ids the encoder sees: the context, if any, then the text."""
    return [START, *context, *([END] if context else []), *text, END]


def context_of(encoder: TokenEncoder, head: str, opening: str = "") -> list[int]:
    """Return the token ids of a context.

    Args:
        encoder: whose tokens.
        head: principle, request, stem or nothing.
        opening: of a story that the text goes on with.
    """
    ids = encoder.tokens(head)[0][:CONTEXT]
    if opening:
        ids = [*ids, END, *encoder.tokens(opening)[0][-OPENING:]]
    return ids


@cache
def recogniser(name: str) -> Recogniser:
    """Return the recogniser of trained heads, fetching the encoder's weights on first use."""
    heads = load_heads(name)
    return Recogniser(heads, TokenEncoder(fetch(NAME), heads.changes))


@cache
def load_heads(name: str) -> Heads:
    """Return trained heads by the name of their file."""
    with (
        as_file(files("valuecompass.judges.local") / "heads" / f"{name}.npz") as path,
        np.load(path) as data,
    ):
        arrays: dict[str, Any] = {key: data[key] for key in data.files}
    meta = json.loads(str(arrays.pop("meta")))
    changes = {
        matrix: Change(
            meta["offsets"][matrix],
            arrays[f"a {matrix}"].astype(np.float32),
            arrays[f"b {matrix}"].astype(np.float32),
        )
        for matrix in meta["offsets"]
    }
    return Heads(
        outputs=tuple(meta["outputs"]),
        query=arrays["query"].astype(np.float64),
        direction=arrays["direction"].astype(np.float64),
        bias=arrays["bias"].astype(np.float64),
        changes=changes,
        digest=meta["digest"],
    )
