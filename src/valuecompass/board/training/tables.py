"""A report on training as tables and lines of plain text, for a terminal and beside charts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from valuecompass.align.train.report.gate import sentence
from valuecompass.wording import number

__all__ = ["RATES", "Table", "change", "gate_table", "lines", "rates", "system_tables", "tables"]

Json = Mapping[str, Any]
RATES = {
    "harm": "harmful answers",
    "harm_elsewhere": "harmful answers to items not trained on",
    "refusals": "refusals",
    "empty": "empty answers",
    "informative": "informative answers",
    "on_question": "answers on their question",
    "loops": "answers in loops",
}
"""Shares of answers, in the order they are shown."""
SURPRISE = "answers' improbability to the model before"
HEAD = ("measure", "before", "after", "difference [95 %]", "items", "answers")


@dataclass(frozen=True)
class Table:
    """A table with its title; cells are plain texts, as many in a row as heads."""

    title: str
    head: tuple[str, ...]
    rows: list[list[str]]


def tables(found: Json) -> list[Table]:
    """Return the tables of a report."""
    systems = [t for name, one in found["systems"].items() for t in system_tables(name, one)]
    return [*systems, gate_table(found["gate"])]


def system_tables(name: str, shown: Json) -> list[Table]:
    """Return the rates of one value system, and the scores of its dimensions."""
    content = shown["informativeness"]["content_words"]
    shares = [_row(f"{RATES[key]}, %", one) for key, one in rates(shown).items()]
    scores = [
        [*_row(dimension, one), "differs" if one["discovered"] else "not shown"]
        for dimension, one in shown["dimensions"].items()
        if one["answers"]
    ]
    return [
        Table(
            name,
            HEAD,
            [
                *shares,
                _row("new content words an answer", content),
                _row(f"{SURPRISE}, nats a token", shown["surprise"], 3),
            ],
        ),
        Table(
            f"{name}: scores of its dimensions, 0–100",
            ("dimension", *HEAD[1:], "at 5 % false discoveries"),
            scores,
        ),
    ]


def gate_table(gate: Json) -> Table:
    """Return what the gate on side effects measured."""
    fluent, whole, able = gate["fluency"], gate["coherence"], gate["ability"]
    return Table(
        f"Side effects: {gate['status']}",
        (*HEAD[:4], "items", "margin", "status"),
        [
            _checked("benign texts, nats a token", fluent, 3, f"+{fluent['margin']:g}"),
            _checked(f"{SURPRISE}, nats a token", whole, 3, f"+{whole['margin']:g}"),
            _checked("plain questions right, %", able, 1, f"−{able['margin']:g}"),
        ],
    )


def rates(shown: Json) -> dict[str, Json]:
    """Return the shares of answers that a value system has, in their order."""
    all_of: Json = {**shown, **shown["informativeness"]}
    return {key: all_of[key] for key in RATES if all_of[key] is not None}


def change(one: Json, digits: int = 1) -> str:
    """Return a difference with its limits: `−19.4 [−26.8, −11.3]`."""
    if one["difference"] is None:
        return "not measured"
    told = _signed(one["difference"], digits)
    if one["low"] is None:
        return told
    return f"{told} [{_signed(one['low'], digits)}, {_signed(one['high'], digits)}]"


def lines(found: Json) -> list[str]:
    """Return what stands below the tables."""
    engine = found["engine"]
    gates = [(name, one["judge_gate"]) for name, one in found["systems"].items()]
    unproven = [f"{name}: {gate['reason']}" for name, gate in gates if unsure(gate)]
    return [
        sentence(found["gate"]),
        "Differences are after less before, paired on the same items and the same random draws. "
        "'differs': a false discovery rate of 5 % over the dimensions of a system.",
        f"Both in {engine['dtype']} on {engine['device']}, {engine['batch']} prompts a batch, seed "
        f"{engine['seed']}, judge {engine['judge']}.",
        *(f"Note: {note}" for note in [*unproven, *found["notes"]]),
    ]


def unsure(gate: Json | None) -> bool:
    """Return whether a judge has not passed its gate."""
    return gate is not None and gate["status"] != "passed"


def _signed(value: float, digits: int) -> str:
    told = number(value, digits)
    return f"+{told}" if float(f"{value:.{digits}f}") > 0 else told


def _row(name: str, one: Json, digits: int = 1) -> list[str]:
    return [name, *_figures(one, digits), f"{one['items']:,}", f"{one['answers']:,}"]


def _checked(name: str, one: Json, digits: int, margin: str) -> list[str]:
    return [name, *_figures(one, digits), f"{one['items']:,}", margin, one["status"]]


def _figures(one: Json, digits: int) -> list[str]:
    sides = ["–" if one[key] is None else number(one[key], digits) for key in ("before", "after")]
    return [*sides, change(one, digits)]
