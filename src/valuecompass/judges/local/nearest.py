"""Nearest definition: how the local judge reads value systems that it has no trained heads for.

It knows what a text is about, hardly which side the text takes: `docs/judges.md` says how well it
agrees with labels.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from valuecompass.judges.local.recogniser import LONGEST_SENTENCE
from valuecompass.judges.protocol import THRESHOLD, Subject, Verdict
from valuecompass.text import Span, sentences
from valuecompass.text.encoder import SentenceEncoder, sentence_encoder
from valuecompass.values import Dimension, ValueSystem

MOST_SENTENCES = 40
"""Of a part; the rest of a very long text is not read."""

Anchors = dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]
"""Unit vectors (k, 384) of the supporting and of the opposing sentences, by dimension."""

SETTINGS = {"centre": 0.065, "width": 0.018, "side_width": 0.07}
"""centre, width: by how much a sentence must be nearer to a dimension than to the average one to
count as appealing to it with probability .5, and how fast this grows, in cosines. side_width:
difference of the cosines to both sides that moves the odds of a conduct verdict by e."""


class NearestDefinition:
    """Reads parts by cosines to each dimension's sentences for and against."""

    def __init__(self, encoder: SentenceEncoder | None = None) -> None:
        self._given = encoder
        self._anchors: dict[str, Anchors] = {}

    @cached_property
    def encoder(self) -> SentenceEncoder:
        """The sentence encoder, fetched on first use."""
        return self._given or sentence_encoder()

    def verdicts(self, subject: Subject) -> list[Verdict]:
        """Return the verdicts on every part that has a word in it."""
        anchors = self._anchors_of(subject.system)
        pieces = [_sentences(part) for part in subject.parts]
        vectors = self.encoder.encode([s.text for piece in pieces for s in piece])
        found: list[Verdict] = []
        at = 0
        for number, piece in enumerate(pieces):
            rows = vectors[at : at + len(piece)]
            at += len(piece)
            if piece and subject.system.scoring == "expression":
                found += _expression(number, piece, rows, anchors, subject)
            elif piece:
                found += _conduct(number, piece, rows, anchors, subject)
        return found

    def _anchors_of(self, system: ValueSystem) -> Anchors:
        # by content: a user's system may share its id with another one of theirs
        key = f"{system.id} {hash(system)}"
        if key not in self._anchors:
            self._anchors[key] = {
                d.name: (self.encoder.encode(_for(d)), self.encoder.encode(_against(d)))
                for d in system.dimensions
            }
        return self._anchors[key]


def _for(dimension: Dimension) -> list[str]:
    return [dimension.definition, *dimension.supports]


def _against(dimension: Dimension) -> list[str]:
    return [dimension.low, *dimension.opposes]


def _sentences(part: Span) -> list[Span]:
    """Return what is read of a part: its sentences that have a word in them."""
    found: list[Span] = []
    for s in sentences(part.text)[:MOST_SENTENCES]:
        text, start = s.text[:LONGEST_SENTENCE], part.start + s.start
        if any(c.isalpha() for c in text):
            found.append(Span(start, start + len(text), text))
    return found


def _nearest(rows: NDArray[np.float32], anchors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean cosine of each sentence to its three nearest anchors: (n,)."""
    cosines = np.sort(rows @ anchors.T, axis=1)[:, -3:]
    return cosines.mean(axis=1)


def _expression(
    part: int,
    piece: list[Span],
    rows: NDArray[np.float32],
    anchors: Anchors,
    subject: Subject,
) -> list[Verdict]:
    """What each part is about. Which side it takes cannot be told so: valence stays None."""
    names = list(anchors)
    near = np.stack([sum(_nearest(rows, side) for side in anchors[n]) / 2 for n in names], axis=1)
    # a sentence near everything is near nothing in particular
    nearer = near - near.mean(axis=1, keepdims=True)
    raised = expit((nearer - SETTINGS["centre"]) / SETTINGS["width"])
    verdicts: list[Verdict] = []
    for name in subject.dimensions:
        column = raised[:, names.index(name)]
        best = int(column.argmax())
        strength = float(column[best])
        evidence = piece[best] if strength >= THRESHOLD else None
        verdicts.append(
            Verdict(
                part=part,
                dimension=name,
                expressed=round(strength, 4),
                confidence=round(abs(2 * strength - 1), 4),
                start=evidence.start if evidence else None,
                end=evidence.end if evidence else None,
            )
        )
    return verdicts


def _conduct(
    part: int,
    piece: list[Span],
    rows: NDArray[np.float32],
    anchors: Anchors,
    subject: Subject,
) -> list[Verdict]:
    """Respected against violated, safe against unsafe, high against low."""
    verdicts: list[Verdict] = []
    for name in subject.dimensions:
        toward, away = (_nearest(rows, side) for side in anchors[name])
        # the strongest hint for each side, and the drift of the whole text
        lean = 0.5 * (toward.max() - away.max()) + 0.5 * float((toward - away).mean())
        respected = float(expit(lean / SETTINGS["side_width"]))
        best = int(np.abs(toward - away).argmax())
        verdicts.append(
            Verdict(
                part=part,
                dimension=name,
                expressed=round(respected, 4),
                valence=round(2 * respected - 1, 4),
                confidence=round(abs(2 * respected - 1), 4),
                start=piece[best].start,
                end=piece[best].end,
            )
        )
    return verdicts
