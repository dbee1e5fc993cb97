"""What the heads of the local judge are trained on: human labels and a corpus of our own."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scipy.sparse.csgraph import connected_components

from valuecompass.errors import InputError
from valuecompass.files import read_text
from valuecompass.items.readers import touche_arguments
from valuecompass.items.rows import jsonl_rows
from valuecompass.text.encoder import sentence_encoder
from valuecompass.values import builtin_system

CORPUS = Path(__file__).parent / "corpus"
SHARED = ("side", "unsafe", "violates")
"""Outputs that all dimensions share: the logit of `side V` is that of `side` plus V's own. Which
side a text takes is told in much the same words whatever it is about."""
NEAR = 0.8
"""Cosine above which two settings are one: "ban cosmetic surgery", and the same for minors."""
HELD_OUT = {"human": 0.15, "conduct": 0.1}
"""Share of the conclusions, and of the openings, requests and stems, that nothing is trained on:
`make bench-judge` measures on them. For Schwartz's values there is a test set of its own."""


@dataclass(frozen=True)
class Example:
    """One text with what is known of it.

    heads: contexts to choose from at random (principle or definition; question or none).
    targets: 0 or 1 by output; an output that is not there is unknown. `rests V`: people who were
        shown an argument said that V may lie behind it. `touch V`: the text takes a side on V;
        `side V`: it is for V (known only where it takes one).
    group: examples of one group differ in the side they take, not in their subject.
    human: labelled by people, elsewhere.
    """

    text: str
    targets: dict[str, float]
    heads: tuple[str, ...] = ("",)
    opening: str = ""
    group: str = ""
    human: bool = False


def human_values(folder: Path) -> list[Example]:
    """Read Touché23-ValueEval training arguments (CC BY-SA 4.0).

    The 20 categories map to the ten values by the name before the colon (Face and Humility lie
    between values and map to none); all 20 are outputs of their own as well, so that what tells
    them apart is not lost.

    Raises:
        InputError: with file, line and column.
    """
    touche_arguments(folder / "arguments-training.tsv")  # knows what can be wrong with the files
    labels = {row["Argument ID"]: row for row in _table(folder / "labels-training.tsv")}
    names = set(builtin_system("schwartz").names)
    found: list[Example] = []
    for row in _table(folder / "arguments-training.tsv"):
        own = labels[row["Argument ID"]]
        categories = {k: float(v) for k, v in own.items() if k != "Argument ID"}
        targets = dict.fromkeys((f"rests {name}" for name in sorted(names)), 0.0)
        for category, label in categories.items():
            targets[f"category {category}"] = label
            value = category.split(":")[0].strip()
            if value in names and label:
                targets[f"rests {value}"] = 1.0
        found.append(Example(row["Premise"], targets, (row["Conclusion"], ""), human=True))
    return found


def _table(path: Path) -> list[dict[str, str]]:
    lines = io.StringIO(read_text(path), newline="")
    return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def schwartz_corpus(corpus: Path = CORPUS) -> list[Example]:
    """Read our own reasons for and against each value, with mentions that take no side."""
    names = builtin_system("schwartz").names
    found: list[Example] = []
    for path in sorted(corpus.glob("schwartz-*.jsonl")):
        for row in _rows(path, "question", "text", "for", "against"):
            question = row["question"]
            targets = _taken(names, row["for"], row["against"])
            found.append(Example(row["text"], targets, group=question))
    return found


def _taken(names: Sequence[str], on: Sequence[str], against: Sequence[str]) -> dict[str, float]:
    """Return targets of a text that is for some dimensions and against others."""
    targets = {f"touch {n}": float(n in on or n in against) for n in names}
    return targets | {f"side {n}": float(n in on) for n in names if n in on or n in against}


def conduct_corpus(corpus: Path = CORPUS) -> list[Example]:
    """Read our own continuations, answers and completions of moral, safety and role conduct."""
    return [*_moral(corpus), *_safety(corpus), *_stems(corpus)]


def _moral(corpus: Path) -> Iterator[Example]:
    system = builtin_system("moral-foundations")
    for path in sorted(corpus.glob("moral-foundations-*.jsonl")):
        for row in _rows(path, "foundation", "principle", "opening", "complies", "violates"):
            name = row["foundation"]
            heads = (row["principle"], system.dimension(name).definition)
            for side, label in (("complies", 0.0), ("violates", 1.0)):
                yield Example(
                    row[side],
                    {f"violates {name}": label},
                    heads,
                    row["opening"],
                    group=row["opening"],
                )


def _safety(corpus: Path) -> Iterator[Example]:
    for path in sorted(corpus.glob("safety*.jsonl")):
        for row in _rows(path, "dimension", "request", "safe", "unsafe"):
            for side, label in (("safe", 0.0), ("unsafe", 1.0)):
                targets = {f"unsafe {row['dimension']}": label}
                yield Example(row[side], targets, (row["request"],), group=row["request"])


def _stems(corpus: Path) -> Iterator[Example]:
    for path in sorted(corpus.glob("llm-unique*.jsonl")):
        for row in _rows(path, "dimension", "stem", "high", "low", "other"):
            name = row["dimension"]
            for side in ("high", "low", "other"):
                on, against = [name] * (side == "high"), [name] * (side == "low")
                targets = _taken([name], on, against)
                yield Example(row[side], targets, (row["stem"],), group=row["stem"])


def held_out(examples: Sequence[Example], source: str) -> tuple[list[Example], list[Example]]:
    """Return (kept, held out) examples: all that share a setting, or nearly so, stay together."""
    settings = sorted({_setting(e) for e in examples})
    families = _families(settings)
    kept: list[Example] = []
    out: list[Example] = []
    for e in examples:
        family = families[_setting(e)]
        lot = int(hashlib.sha256(family.encode()).hexdigest()[:8], 16) / 16**8
        (out if lot < HELD_OUT[source] else kept).append(e)
    return kept, out


def _setting(e: Example) -> str:
    return e.group or e.heads[0]


def _families(settings: list[str]) -> dict[str, str]:
    """Return for each setting the first of those that it is tied to by a chain of near ones."""
    vectors = sentence_encoder().encode(settings)
    _, family = connected_components(vectors @ vectors.T > NEAR, directed=False)
    first: dict[int, str] = {}
    for setting, number in zip(settings, family, strict=True):
        first.setdefault(int(number), setting)
    return {s: first[int(number)] for s, number in zip(settings, family, strict=True)}


def outputs_of(examples: Sequence[Example]) -> list[str]:
    """Return the outputs that examples have targets for, and what these share, in a fixed order."""
    names = {name for e in examples for name in e.targets}
    return sorted(names | {word for word in SHARED if any(n.startswith(f"{word} ") for n in names)})


def _rows(path: Path, *fields: str) -> Iterator[Mapping[str, Any]]:
    for line, row in jsonl_rows(read_text(path), path):
        for field in fields:
            if field not in row:
                raise InputError(f"{path}, line {line}: {field}: missing; add it")
        yield row
