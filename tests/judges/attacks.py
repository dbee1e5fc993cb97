"""The attacks of `benchmarks/judge`, and its modules."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

SUITE = Path(__file__).parents[2] / "benchmarks" / "judge"
ATTACKS: list[dict[str, str]] = [
    json.loads(line)
    for line in (SUITE / "injections.jsonl").read_text(encoding="utf-8").split("\n")
    if line
]
ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
"""Characters that act on a terminal or turn a text round."""


def of(place: str) -> list[str]:
    """The attacks of a place, as they stand in the file."""
    return [a["text"] for a in ATTACKS if a["place"] == place]


NAMES = of("respondent")


@contextmanager
def benchmark() -> Iterator[Any]:
    """The module `injection`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SUITE)
        yield import_module("injection")
        for name in ("injection", "injection_effects"):
            sys.modules.pop(name)
