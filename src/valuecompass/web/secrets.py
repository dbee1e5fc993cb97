"""Keys where none may be: found in what is typed, covered in what is told."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from valuecompass.store import storable

_ENDS = ("_KEY", "_TOKEN", "_SECRET", "PASSWORD")
_LEAST = 8
"""Signs of a key; shorter values of variables are settings."""
_FORMS = re.compile(
    r"\b(?:sk-[A-Za-z0-9_-]{16,}|sk_[A-Za-z0-9]{16,}|AIza[A-Za-z0-9_-]{30,}|gh[pousr]_\w{30,}"
    r"|hf_[A-Za-z0-9]{20,}|xai-[A-Za-z0-9]{20,}|gsk_[A-Za-z0-9]{20,}|r8_[A-Za-z0-9]{20,}"
    r"|AKIA[A-Z0-9]{16}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}|vc_[0-9a-f]{8}_[\w-]{43})"
    r"|\bBearer\s+\S{12,}"
)
_URL_PASSWORD = re.compile(r"(\w+://[^\s/:@]*:)(?!\[password\])[^\s/@]+@")


def holds_key(text: str, environment: Mapping[str, str] | None = None) -> bool:
    """Say whether a text holds what looks like a key, or a key of this process's environment."""
    if _FORMS.search(text) or _URL_PASSWORD.search(text):
        return True
    return any(value in text for _, value in _keys(environment))


def covered(text: str, environment: Mapping[str, str] | None = None) -> str:
    """Return a text with its keys covered: those of the environment by their variable's name."""
    for name, value in _keys(environment):
        text = text.replace(value, f"${name}")
    return _URL_PASSWORD.sub(r"\1[password]@", _FORMS.sub("[key]", text))


def told_of(text: str, workspace: Path) -> str:
    """Return what a process or an error says, fit for a page and for every database.

    Keys are covered, and folders of the server left out: they are nobody's business who sees it.
    """
    text = covered(text)
    places = (workspace, workspace.resolve(), Path(__file__).parents[2], sys.prefix, Path.home())
    for place in sorted(map(str, places), key=len, reverse=True):
        if place.startswith("/") and len(place) > 1:
            text = text.replace(f"{place}/", "").replace(place, "a folder of the server")
    return storable(text)


def covered_in(value: Any) -> Any:
    """Return a JSON value with the keys in all its texts covered, and fit for every database."""
    if isinstance(value, str):
        return storable(covered(value))
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, Any]", value).items()
        return {covered(name): covered_in(one) for name, one in pairs}
    if isinstance(value, list | tuple):
        return [covered_in(one) for one in cast("Sequence[Any]", value)]
    return value


def _keys(environment: Mapping[str, str] | None) -> Iterator[tuple[str, str]]:
    for name, value in (os.environ if environment is None else environment).items():
        secret = name.startswith("VALUECOMPASS_KEY_") or name.endswith(_ENDS)
        if secret and len(value) >= _LEAST:
            yield name, value
