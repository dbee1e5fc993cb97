"""The sentence encoder: all-MiniLM-L6-v2 under onnxruntime, no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from valuecompass.assets import Progress, fetch
from valuecompass.errors import InputError

NAME = "all-minilm-l6-v2"
WIDTH = 384
"""Numbers in a vector."""
LONGEST = 128
"""Tokens per sentence; what is longer is cut (sentences are far shorter)."""
BATCH = 32
START, END = 101, 102
"""Token ids that open a sequence and close each of its texts."""

Floats = NDArray[np.float32]


class Change(NamedTuple):
    """A low-rank change of one matrix of the encoder (LoRA, Hu et al. 2021): W + A B.

    offset: of W in the weight file, in bytes.
    a, b: (in, rank) and (rank, out).
    """

    offset: int
    a: Floats
    b: Floats


class TokenEncoder:
    """Gives the encoder's last state of every token, of the encoder as it is or changed."""

    def __init__(
        self, folder: Path, changes: Mapping[str, Change] | None = None, threads: int = 1
    ) -> None:
        try:
            import onnxruntime as runtime
            from tokenizers import Tokenizer
        except ImportError as error:
            raise InputError(
                f"the sentence encoder needs the package {error.name!r}: "
                "pip install 'valuecompass[local]'"
            ) from None
        self._tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        onnx: Any = runtime
        options = onnx.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        if changes:
            values = [
                onnx.OrtValue.ortvalue_from_numpy(_changed(folder / "model.onnx_data", change))
                for change in changes.values()
            ]
            options.add_external_initializers(list(changes), values)
        self._session: Any = onnx.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )

    def tokens(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Return the ids of a text's tokens and where each stands in it, without special ones."""
        # half of a surrogate pair (an emoji cut in two) is no text to the tokenizer
        whole = text.encode("utf-8", "replace").decode("utf-8")
        found = self._tokenizer.encode(whole, add_special_tokens=False)
        return found.ids, found.offsets

    def states(self, rows: Sequence[Sequence[int]]) -> list[Floats]:
        """Return the states of token sequences, each (its tokens, 384).

        Sequences are batched by length, so that padding costs little; the order is kept.
        """
        found: list[Floats] = [np.zeros((0, WIDTH), np.float32)] * len(rows)
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            longest = len(rows[chosen[-1]])
            ids = np.zeros((len(chosen), longest), np.int64)
            mask = np.zeros_like(ids)
            for place, i in enumerate(chosen):
                ids[place, : len(rows[i])] = rows[i]
                mask[place, : len(rows[i])] = 1
            feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
            hidden = self._session.run(None, feed)[0]
            for place, i in enumerate(chosen):
                found[i] = hidden[place, : len(rows[i])]
        return found


class SentenceEncoder:
    """Maps sentences to unit vectors of 384 dimensions, so that a dot product is a cosine.

    Reimers & Gurevych 2019 (Sentence-BERT); mean pooling over the tokens.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self._encoder = TokenEncoder(folder, threads=threads)

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return an (n, 384) array of unit vectors, in the order of the texts."""
        rows = [[START, *self._encoder.tokens(t)[0][: LONGEST - 2], END] for t in texts]
        vectors = np.zeros((len(texts), WIDTH), np.float32)
        for place, states in enumerate(self._encoder.states(rows)):
            mean = states.mean(axis=0)
            vectors[place] = mean / max(float(np.linalg.norm(mean)), 1e-12)
        return vectors


def _changed(weights: Path, change: Change) -> Floats:
    shape = (change.a.shape[0], change.b.shape[1])
    own: Any = np.memmap(weights, np.float32, "r", change.offset, shape)
    return np.asarray(own + change.a @ change.b, dtype=np.float32)


@cache
def sentence_encoder(progress: Progress | None = None) -> SentenceEncoder:
    """Return the encoder of this process, fetching its weights on first use."""
    return SentenceEncoder(fetch(NAME, progress))
