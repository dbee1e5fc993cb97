"""The folder that transformers loads a model from; GGUF files become one, once."""

from __future__ import annotations

import json
import re
from hashlib import file_digest
from pathlib import Path
from typing import Any, Literal, cast

from valuecompass.align.train import need_extra
from valuecompass.assets import ASSETS, cache_folder, fetch
from valuecompass.errors import InputError
from valuecompass.files import read_text, replacing_folder

Precision = Literal["float32", "bfloat16"]
_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
_MAGIC = b"GGUF"


def folder_of(model: str, *, dtype: Precision = "float32") -> str:
    """Return where transformers loads a model from.

    A folder or hub id is returned as it is. GGUF weights (`embedded/NAME` or a .gguf file) are
    turned into a folder in the cache, named by the file's hash, at the first call: some ten
    seconds for 135 M parameters.

    Args:
        model: a folder of transformers, a hub id, either with ``hf/`` before it as respondents
            are named, ``embedded/NAME``, or the path of a .gguf file.
        dtype: of the folder made from a GGUF file. float32 holds its numbers exactly and is what
            full training needs; bfloat16 takes half the disk.

    Raises:
        InputError: no model, or an adapter, whose base is to be named; not enough room.
    """
    name = model.removeprefix("hf/")
    if name.startswith("embedded/"):
        return str(_from_gguf(_embedded(name.removeprefix("embedded/")), dtype))
    path = Path(name).expanduser()
    if path.is_file():
        return str(_from_gguf(path, dtype))
    if path.is_dir():
        _check_folder(path)
        return str(path)
    if not _HUB_ID.fullmatch(name) or name.startswith(".") or name.endswith(".gguf"):
        raise InputError(
            f"{model}: no such model: give a folder of transformers, a .gguf file, "
            f"{_known()} or an id of the hub"
        )
    return name


def _known() -> str:
    return ", ".join(f"embedded/{name}" for name in ASSETS if "model.gguf" in _files_of(name))


def _files_of(name: str) -> list[str]:
    return [target for _, target in ASSETS[name].members]


def _embedded(name: str) -> Path:
    if name in ASSETS and "model.gguf" in _files_of(name):
        return fetch(name) / "model.gguf"
    if (path := Path(name)).is_file():
        return path
    raise InputError(f"embedded/{name}: no such model; known: {_known()}, or a GGUF file")


def _check_folder(path: Path) -> None:
    if (path / "config.json").is_file():
        return
    adapter = path / "adapter_config.json"
    if not adapter.is_file():
        raise InputError(f"{path}: no model: the folder holds no config.json")
    base = None
    # what `train d2o` was given says more than the folder in the cache that peft saw
    for file, field in ((path / "base.json", "model"), (adapter, "base_model_name_or_path")):
        try:
            base = base or cast("dict[str, Any]", json.loads(read_text(file))).get(field)
        except (InputError, ValueError, AttributeError):
            continue
    raise InputError(f"{path}: an adapter, not a whole model; name the base it is for: {base}")


def _from_gguf(file: Path, dtype: Precision) -> Path:
    try:
        with file.open("rb") as opened:
            magic = opened.read(len(_MAGIC))
            opened.seek(0)
            name = file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror})") from None
    if magic != _MAGIC:
        raise InputError(f"{file}: no model: it does not begin as a GGUF file does")
    folder = cache_folder() / "transformers" / f"{name[:32]}-{dtype}"
    if _whole(folder):
        return folder
    need_extra("torch", "transformers", "gguf")
    from filelock import FileLock

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(folder.name + ".lock")):
            if not _whole(folder):
                # it is put in its place whole or not at all
                with replacing_folder(folder, lambda path: None) as temporary:
                    _convert(file.resolve(), temporary, dtype)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written ({error.strerror or error}); "
            "set VALUECOMPASS_CACHE to a folder with room"
        ) from None
    return folder


def _whole(folder: Path) -> bool:
    return (folder / "config.json").is_file()


def _convert(file: Path, folder: Path, dtype: Precision) -> None:
    import torch  # pyright: ignore[reportMissingImports]
    import transformers  # pyright: ignore[reportMissingImports]

    library, where = cast(Any, transformers), {"gguf_file": file.name}
    try:
        tokenizer = library.AutoTokenizer.from_pretrained(str(file.parent), **where)
        model = library.AutoModelForCausalLM.from_pretrained(
            str(file.parent), dtype=getattr(cast(Any, torch), dtype), **where
        )
    except OSError:  # of the disk, not of the model
        raise
    except Exception as error:  # whatever its parser stumbles over
        said = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(f"{file}: transformers cannot read this model: {said}") from None
    # the weights are plain numbers now; with the mark of a quantised model they are not saved
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.hf_quantizer, model.is_quantized = None, False
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
