"""What answers here, by its content: files that are replaced, phrases and weights of a release."""

from __future__ import annotations

import hashlib
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path

from valuecompass.assets import ASSETS
from valuecompass.hashing import digest
from valuecompass.values import BUILTIN


def fingerprint(model: str) -> str | None:
    """Return a short hash of what answers on this machine, or None for everything else.

    It enters the request's key and the identity of judges, so that answers of weights, files or
    phrases that were replaced are not reused. Of a file or folder it is the hash of the whole
    content; of weights that come along, their package's; of a simulated respondent, the hash of
    its phrases and of the response model's version.

    Args:
        model: Inspect's model name.
    """
    provider, _, rest = model.partition("/")
    if provider == "simulated":
        return _simulation(rest.partition("?")[0])
    if provider == "embedded" and rest in ASSETS:
        return ASSETS[rest].sha256[:16]
    path = Path(rest)
    if provider in ("embedded", "recorded") and path.is_file():
        return _hash(path)[:16]
    if provider == "hf" and path.is_dir():
        return digest({p.name: _hash(p) for p in path.iterdir() if p.is_file()}, 16)
    return None


@cache
def _simulation(system_id: str) -> str | None:
    if system_id not in BUILTIN:
        return None
    from valuecompass.models.providers.simulated import VERSION

    phrases = files("valuecompass.models") / "phrases" / f"{system_id}.jsonl"
    # a system of ratings and choices alone has none
    text = phrases.read_text(encoding="utf-8") if phrases.is_file() else ""
    return digest([VERSION, text], 16)


def _hash(path: Path) -> str:
    stat = path.stat()
    return _hash_of(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=1_024)
def _hash_of(path: Path, size: int, mtime_ns: int) -> str:
    """Hash a file once for as long as its size and date say that it is the same."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
