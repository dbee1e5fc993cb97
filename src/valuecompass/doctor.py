"""Checks that tell a user what is missing before a run does."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import anyio

from valuecompass.assets import ASSETS, cache_folder, is_cached
from valuecompass.errors import ValueCompassError

KEYS = {
    "openai": "OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "google": "GOOGLE_API_KEY",
    "mistral": "MISTRAL_API_KEY",
    "grok": "GROK_API_KEY",
    "together": "TOGETHER_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
}
NEEDED = ("inspect_ai", "openai", "anthropic", "sqlalchemy", "numpy", "scipy", "pyarrow")
LOCAL = ("xllamacpp", "onnxruntime", "tokenizers", "pip")


@dataclass(frozen=True)
class Finding:
    """One check's result."""

    what: str
    state: Literal["ok", "note", "broken"]
    detail: str


def checkup(workspace: Path) -> list[Finding]:
    """Return the findings, without a network request and without changing anything."""
    return [
        _python(),
        *_packages(NEEDED, "broken", "pip install valuecompass"),
        *_packages(LOCAL, "note", "for local models and judge: pip install 'valuecompass[local]'"),
        *_weights(),
        *_keys(),
        _workspace(workspace),
        _machine(),
    ]


def _python() -> Finding:
    good = (3, 11) <= sys.version_info[:2] <= (3, 13)
    detail = platform.python_version() + ("" if good else ": 3.11 to 3.13 are supported")
    return Finding("Python", "ok" if good else "broken", detail)


def _packages(names: tuple[str, ...], state: Literal["note", "broken"], mend: str) -> list[Finding]:
    found: list[Finding] = []
    for name in names:
        if find_spec(name) is None:
            found.append(Finding(name, state, f"not installed; {mend}"))
        else:
            found.append(Finding(name, "ok", version(name)))
    return found


def _weights() -> list[Finding]:
    return [
        Finding(a.name, "ok", "here")
        if is_cached(a.name)
        else Finding(a.name, "note", f"not fetched yet ({a.megabytes} MB on first use)")
        for a in ASSETS.values()
    ] + [Finding("cache", "ok", str(cache_folder()))]


def _keys() -> list[Finding]:
    # names only: a key's text is never read further than "is it set"
    return [
        Finding(
            f"{provider} key",
            "ok" if os.environ.get(name) else "note",
            f"{name} is {'set' if os.environ.get(name) else 'not set'}",
        )
        for provider, name in KEYS.items()
    ]


def _workspace(workspace: Path) -> Finding:
    what = "workspace"
    if not workspace.exists():
        parent = next(p for p in workspace.resolve().parents if p.exists())
        if not os.access(parent, os.W_OK):
            return Finding(what, "broken", f"{workspace} cannot be made: {parent} is read-only")
        free = shutil.disk_usage(parent).free / 1e9
        return Finding(what, "ok", f"{workspace} will be made; {free:.0f} GB free")
    from valuecompass.store import open_store

    async def look() -> None:
        async with open_store(workspace, create=False):
            pass

    try:
        anyio.run(look)
    except ValueCompassError as error:
        return Finding(what, "broken", str(error))
    if not os.access(workspace, os.W_OK):
        return Finding(what, "broken", f"{workspace} is read-only")
    free = shutil.disk_usage(workspace).free / 1e9
    state = "ok" if free > 1 else "note"
    return Finding(what, state, f"{workspace}; {free:.0f} GB free")


def _machine() -> Finding:
    cores, load = os.cpu_count() or 1, os.getloadavg()[0]
    busy = load >= cores / 2
    detail = f"{cores} cores, load {load:.1f}" + ("; local models take one thread" if busy else "")
    return Finding("machine", "note" if busy else "ok", detail)
