"""Our own continuations, answers and completions that trained no weight, as labelled responses."""

from __future__ import annotations

import hashlib
from typing import Literal

from data import Example, conduct_corpus, held_out

from valuecompass.items import Item
from valuecompass.judges.protocol import subject_of
from valuecompass.judges.quality.labelled import Labelled
from valuecompass.values import builtin_system


def conduct_rows(part: Literal["scale", "test"]) -> list[Labelled]:
    """Return our own held-out continuations, answers and completions, two or three a setting.

    Args:
        part: "scale", the half of the settings that the scale is fitted to, or "test", the others.
    """
    _, out = held_out(conduct_corpus(), "conduct")
    rows = [_conduct_row(e) for e in out]
    odd = part == "scale"
    return [r for r in rows if int(hashlib.sha256(r.item.encode()).hexdigest(), 16) % 2 == odd]


def _conduct_row(e: Example) -> Labelled:
    word, name = next(iter(e.targets)).split(" ", 1)
    if word == "violates":
        system, label = builtin_system("moral-foundations"), 1 - e.targets[f"violates {name}"]
        item = Item(
            kind="opening",
            system=system.id,
            text=e.opening,
            dimensions=(name,),
            principle=e.heads[0],
        )
    elif word == "unsafe":
        system, label = builtin_system("safety"), 1 - e.targets[f"unsafe {name}"]
        item = Item(kind="request", system=system.id, text=e.heads[0], dimensions=(name,))
    else:
        system, label = builtin_system("llm-unique"), e.targets.get(f"side {name}", 0.0)
        item = Item(kind="stem", system=system.id, text=e.heads[0], dimensions=(name,))
    side = e.targets.get(f"side {name}")
    valence = None if word != "touch" else 0 if side is None else int(2 * side - 1)
    subject = subject_of(system, item, e.text)
    return Labelled(item.text, name, int(label), subject, valence)
