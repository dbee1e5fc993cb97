"""The gates of the planted world are computed from runs, and can be missed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from benchmarks.evolve_planted.__main__ import results, table
from benchmarks.evolve_planted.cells import CELLS, run
from benchmarks.evolve_planted.examined import examined, recovery, scores
from benchmarks.evolve_planted.gates import GATES, HUNDREDS, STATIC, Found, Setup, cell
from benchmarks.evolve_planted.methods import METHODS, Task
from benchmarks.evolve_planted.sources import fixed_bank
from benchmarks.evolve_planted.world import read_world

TINY = Setup((1, 2), calls=120, many=200, items=8, samples=2)


@pytest.mark.parametrize("name", ["reward", "null"])
def test_a_gate_is_computed_from_its_cells(name: str) -> None:
    cells = GATES[name].cells(TINY)
    found: Found = {c: CELLS[c.kind](c.draw, **dict(c.args)) for c in dict.fromkeys(cells)}
    assert json.dumps(list(found.values()))
    told = GATES[name].verdict(TINY, found)
    assert any(g.passed is not None for g in told)
    for gate in told:
        assert gate.low is None or gate.low <= gate.value <= (gate.high or np.inf)
        assert gate.name in table([gate])
    assert table(told).count("\n") == len(told) + 1


def test_results_come_from_processes_and_are_written_as_they_come(tmp_path: Path) -> None:
    one = cell("run", 1, method="one-shot", calls=100, keep=5)
    file = tmp_path / "cells.jsonl"
    found = results([one, one], 1, file)
    (line,) = map(json.loads, file.read_text().splitlines())
    assert dict(line["args"])["method"] == "one-shot" and line["found"] == found[one]
    # nothing is computed twice, unless the code is another one
    assert results([one], 1, file) == found and file.read_text().count("\n") == 1
    file.write_text(json.dumps({**line, "code": "older", "found": {}}) + "\n")
    assert results([one], 1, file) == found
    assert found[one] == run(1, "one-shot", calls=100, keep=5)
    assert found[one]["questions"] == 5 and found[one]["calls"] <= 100


@pytest.mark.parametrize(
    "name", [*STATIC, *HUNDREDS["bank, 2PL information"], "ours, random topics"]
)
def test_a_baseline_keeps_to_its_requests(name: str) -> None:
    world = read_world(1)
    found = METHODS[name](Task(world, 140, keep=4))
    assert 0 < found.calls <= 140
    assert list(found.chosen) == list(found.offered[:4])
    if "S(" in name:
        rewards = [c.last for c in found.offered]
        assert rewards == sorted(rewards, reverse=True)
    # nobody who is examined was asked
    asked = {name for c in found.offered for name in c.heard}
    assert not asked & set(world.people("examinee"))


def planted(gate: str, setup: Setup, ours: float, theirs: float) -> Found:
    """Results in which only the figures of ours differ from those of the others."""
    return {
        c: {
            "divergence": figure,
            "recovery": figure,
            "recovery by 2PL": figure,
            "questions": 25,
            "calls": 100,
            "calls per survivor": 20 - 10 * figure,
            "calls per question offered": 5.0,
            "calls to score one anew": 6.0,
            "divergence of survivors": figure,
            "divergence of those offered": figure,
        }
        for c in GATES[gate].cells(setup)
        for figure in [(ours if dict(c.args)["method"] in HUNDREDS else theirs) + 0.001 * c.draw]
    }


@pytest.mark.parametrize("gate", ["better", "recovery", "cost"])
def test_a_gate_is_reached_by_better_figures_and_missed_by_worse(gate: str) -> None:
    for ours, theirs, reached in ((0.9, 0.6, True), (0.4, 0.6, False)):
        told = GATES[gate].verdict(TINY, planted(gate, TINY, ours, theirs))
        asked = [g for g in told if g.passed is not None]
        assert asked and all(g.passed == reached for g in asked)


def test_many_questions_recover_what_is_planted_and_shuffled_answers_do_not() -> None:
    world = read_world(1)
    answers = examined(world, fixed_bank(world, 40), 0.93)
    assert recovery(world, scores(answers)) > 0.6
    shuffled = answers.rates[:, np.random.default_rng(1).permutation(16)]
    assert abs(recovery(world, scores(answers._replace(rates=shuffled)))) < 0.5
