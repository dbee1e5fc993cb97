"""The sentence encoder: all-MiniLM-L6-v2 under onnxruntime, no torch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from valuecompass.assets import Progress, fetch
from valuecompass.errors import InputError

NAME = "all-minilm-l6-v2"
LONGEST = 128
"""Tokens per text; what is longer is cut (sentences are far shorter)."""
BATCH = 32


class SentenceEncoder:
    """Maps sentences to unit vectors of 384 dimensions, so that a dot product is a cosine.

    Reimers & Gurevych 2019 (Sentence-BERT); mean pooling over the attention mask.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        try:
            import onnxruntime as runtime
            from tokenizers import Tokenizer
        except ImportError as error:
            raise InputError(
                f"the sentence encoder needs the package {error.name!r}: "
                "pip install 'valuecompass[local]'"
            ) from None
        self._tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(LONGEST)
        self._tokenizer.enable_padding()
        onnx: Any = runtime
        options = onnx.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session: Any = onnx.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self._inputs = {i.name for i in self._session.get_inputs()}

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return an (n, 384) array of unit vectors.

        Texts are batched by length, so that padding costs little; the order is kept.
        """
        vectors = np.zeros((len(texts), 384), np.float32)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            vectors[rows] = self._encode_batch([texts[i] for i in rows])
        return vectors

    def _encode_batch(self, texts: list[str]) -> NDArray[np.float32]:
        tokens = self._tokenizer.encode_batch(texts)
        ids = np.array([t.ids for t in tokens], np.int64)
        mask = np.array([t.attention_mask for t in tokens], np.int64)
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        hidden = self._session.run(None, {k: v for k, v in feed.items() if k in self._inputs})[0]
        if hidden.ndim == 3:
            weights = mask[..., None].astype(np.float32)
            hidden = (hidden * weights).sum(1) / weights.sum(1).clip(min=1)
        norms = np.linalg.norm(hidden, axis=1, keepdims=True)
        return (hidden / np.where(norms == 0, 1, norms)).astype(np.float32)


@cache
def sentence_encoder(progress: Progress | None = None) -> SentenceEncoder:
    """Return the encoder of this process, fetching its weights on first use."""
    return SentenceEncoder(fetch(NAME, progress))
