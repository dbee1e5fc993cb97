"""The two models of a report as folders of weights of one kind: an adapter is merged first."""
# pyright: basic, reportMissingImports=false

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from valuecompass.errors import InputError
from valuecompass.files import replacing_folder
from valuecompass.hashing import digest
from valuecompass.models.fingerprint import fingerprint

ADAPTER = "adapter_config.json"
BASE = "base.json"
"""Beside what `train d2o` writes: of which weights it was made."""
DTYPES = ("float32", "bfloat16", "float16")


@dataclass(frozen=True)
class Weights:
    """One of the two models."""

    name: str
    """As it was given."""
    folder: Path
    """Transformers weights; of an adapter, merged into its base."""
    mark: str
    """Hash of the content of the folder."""
    dtype: str
    """That they are loaded in, whatever they are stored in."""


def both(before: str, after: str, place: Path, dtype: str | None = None) -> tuple[Weights, Weights]:
    """Return the model before and after, to be loaded in the same dtype.

    Args:
        before: a transformers folder, a GGUF file or an embedded model.
        after: the same, or the folder of a LoRA adapter of `before`.
        place: folder that merged weights are kept in.
        dtype: one of `DTYPES`; None: the one that `before` is stored in.

    Raises:
        InputError: no weights there, or an adapter or checkpoint of another base.
    """
    from valuecompass.align.train.weights import folder_of

    base = _there(folder_of(before), before)
    chosen = dtype or _stored(base)
    if chosen not in DTYPES:
        raise InputError(f"--dtype {chosen}: give {', '.join(DTYPES)}")
    first = Weights(before, base, _mark(base), chosen)
    if (Path(after) / ADAPTER).is_file():
        check_base(Path(after), first)
        return first, merged(first, Path(after), place)
    own = _there(folder_of(after), after)
    return first, Weights(after, own, _mark(own), chosen)


def check_base(folder: Path, base: Weights) -> None:
    """Refuse an adapter that was trained from other weights than those it is compared with.

    Raises:
        InputError: `folder` says what it was made of, and it is not `base`.
    """
    path = folder / BASE
    if not path.is_file():
        return
    told = json.loads(path.read_text(encoding="utf-8"))
    if told.get("fingerprint") not in (None, base.mark):
        raise InputError(
            f"{folder}: it was trained from {told.get('model')} (weights {told['fingerprint']}), "
            f"not from {base.name} (weights {base.mark}); name the base that it was made for"
        )


def trained_prompts(folder: Path) -> frozenset[str]:
    """Return the marks of the prompts that a folder says it was trained on; none: it does not say.

    Those of a model that is trained in several steps are of the last one.
    """
    path = folder / BASE
    if not path.is_file():
        return frozenset()
    return frozenset(json.loads(path.read_text(encoding="utf-8")).get("prompts", ()))


def merged(base: Weights, adapter: Path, place: Path) -> Weights:
    """Return the base with an adapter merged into it, made once and kept in `place`.

    The sum is made in float32 and stored in the dtype that both models are loaded in, as the base
    is: what is rounded is rounded alike.

    Raises:
        InputError: the adapter does not fit the base.
    """
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    weights = {p.name: fingerprint_of(p) for p in sorted(adapter.glob("adapter_*")) if p.is_file()}
    folder = place / f"merged-{digest([base.mark, weights, base.dtype], 16)}"
    if not (folder / "config.json").is_file():
        logging.disable_progress_bar()
        model = AutoModelForCausalLM.from_pretrained(base.folder, dtype=torch.float32)
        try:
            model = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload()
        except (RuntimeError, ValueError, KeyError) as error:
            first = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise InputError(
                f"{adapter}: this adapter does not fit {base.name} ({first[:200]}); "
                "name the base that it was made for"
            ) from None
        with replacing_folder(folder, lambda _: None) as fresh:
            model.to(getattr(torch, base.dtype)).save_pretrained(fresh)
            AutoTokenizer.from_pretrained(base.folder).save_pretrained(fresh)
    return Weights(str(adapter), folder, _mark(folder), base.dtype)


def fingerprint_of(path: Path) -> str:
    """Return the hash of a file."""
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _mark(folder: Path) -> str:
    mark = fingerprint(f"hf/{folder}")
    assert mark is not None
    return mark


def _there(folder: str, given: str) -> Path:
    if (path := Path(folder)).is_dir() and (path / "config.json").is_file():
        return path.resolve()
    if not path.exists() and folder.count("/") == 1:  # a hub's name: fetched once
        from huggingface_hub import snapshot_download

        try:
            return Path(snapshot_download(folder))
        except Exception as error:
            first = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise InputError(f"{given}: the weights cannot be fetched ({first[:200]})") from None
    raise InputError(
        f"{given}: no transformers weights there (no config.json); "
        "give a folder of weights, a GGUF file, or the folder that train d2o wrote"
    )


def _stored(folder: Path) -> str:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return str(config.get("dtype") or config.get("torch_dtype") or "float32")
