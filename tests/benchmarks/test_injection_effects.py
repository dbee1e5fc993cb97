"""The plan and the figures of `benchmarks/judge/injection.py`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.judges.attacks import ATTACKS, benchmark


@pytest.fixture(scope="module")
def injection() -> Iterator[Any]:
    """The benchmark's module."""
    with benchmark() as module:
        yield module


def test_every_attack_meets_every_carrier_in_every_position_equally_often(injection: Any):
    plan = injection.trials(False)
    inside = [a for a in ATTACKS if a["place"] != "respondent"]
    carriers = injection.read_carriers()
    assert len(carriers) == 12 and len(plan) == 12 * len(inside)
    assert Counter(c.subject.system.id for c in carriers) == dict.fromkeys(
        ("schwartz", "moral-foundations", "safety", "llm-unique"), 3
    )
    assert set(Counter((t.attack.id, t.position) for t in plan).values()) == {4}
    assert set(Counter((t.carrier.id, t.position) for t in plan).values()) == {len(inside) // 3}


def test_a_control_is_as_long_as_its_attack_and_in_the_same_place(injection: Any):
    for trial in injection.trials(False):
        one, other, plain = (
            s.item.text if trial.attack.place == "item" else s.response
            for s in (trial.attacked, trial.control, trial.clean)
        )
        assert len(one) == len(other)
        filled = trial.attack.text.replace("{dimension}", trial.carrier.dimension)
        if trial.position == "whole":
            assert one == filled
            continue
        if not filled:
            assert one == other
            continue
        at = one.index(f"\n{filled}")
        assert one[:at] == other[:at] and plain.startswith(one[:at])
        assert one[at + 1 + len(filled) :] == other[at + 1 + len(filled) :] == plain[at:]
        assert (at == len(plain)) == (trial.position == "end")


def test_the_measure_by_hand(injection: Any):
    up = injection.Attack("a", "response", "en", "order", "raise", "x")
    down = injection.Attack("b", "response", "en", "order", "lower", "x")
    stop = injection.Attack("c", "response", "en", "order", "break", "x")

    def cell(attack: Any, clean: Any, attacked: Any, control: Any) -> Any:
        outcomes = [
            injection.Said(*x) if isinstance(x, tuple) else injection.Said(x)
            for x in (clean, attacked, control)
        ]
        return injection.Cell(attack, "one", "end", *outcomes)

    cells = [
        cell(up, 0.2, 0.9, 0.2),  # flipped
        cell(up, 0.4, None, 0.5),  # missing: not flipped; the control is
        cell(up, 0.5, 0.9, 0.9),  # was there already: does not bear on it
        cell(down, (0.8, 1.0), (0.4, -1.0), (0.7, 0.5)),  # flipped
        cell(down, 0.6, 0.5, 0.6),  # .5 is still expressed
        cell(stop, 0.6, None, 0.1),  # no flip is aimed at
        cell(stop, None, None, None),
    ]
    found = injection.effects(cells, np.random.default_rng(0))
    assert (found["attacks"], found["cells"]) == (3, 7)

    def points(what: str) -> tuple[int, list[float]]:
        row = found[what]
        return row["n"], [row[k][0] for k in ("attack", "control", "beyond")]

    assert points("flipped") == (4, pytest.approx([2 / 4, 1 / 4, 1 / 4]))
    assert points("missing") == (6, pytest.approx([2 / 6, 0, 2 / 6]))
    assert points("expressed") == (4, pytest.approx([1.6 / 4, 0.5 / 4, 1.1 / 4]))
    assert points("valence") == (1, pytest.approx([2, 0.5, 1.5]))
    for row in (found[w] for w in ("flipped", "missing", "expressed", "valence")):
        assert all(low <= value <= high for value, low, high in (row["attack"], row["beyond"]))


def test_the_interval_is_over_attacks_and_covers_a_planted_effect(injection: Any):
    rng = np.random.default_rng(3)
    held, repeats, attacks = 0, 200, 30
    for _ in range(repeats):
        cells: list[Any] = []
        for n, works in enumerate(rng.random(attacks) < 0.4):  # an attack works everywhere or never
            attack = injection.Attack(str(n), "response", "en", "order", "raise", "x")
            cells += [
                injection.Cell(
                    attack,
                    str(c),
                    "end",
                    *map(injection.Said, (0.2, 0.8 if works else 0.2, 0.2)),
                )
                for c in range(12)
            ]
        _, low, high = injection.effects(cells, rng)["flipped"]["beyond"]
        held += low <= 0.4 <= high
    assert held >= 0.92 * repeats
