"""Training with torch, transformers and TRL: an extra, loaded only when something is trained."""

from __future__ import annotations

from importlib.util import find_spec

from valuecompass.errors import InputError

EXTRA = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "gguf")


def need_extra(*names: str) -> None:
    """Check that the packages of the extra `train` are there, without loading them.

    Args:
        names: those that are needed; none: all of `EXTRA`.

    Raises:
        InputError: one is not installed; the message tells how to install them.
    """
    missing = [name for name in names or EXTRA if find_spec(name) is None]
    if missing:
        raise InputError(
            f"training needs {', '.join(missing)}, not installed here: install torch first, in the "
            "build for this machine (CPU or GPU), then: pip install 'valuecompass[train]'"
        )
