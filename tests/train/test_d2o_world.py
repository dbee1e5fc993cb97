"""Negatives alone destroy a model and anchors keep it, in the toy world of `benchmarks/d2o`."""

from __future__ import annotations

import random
from typing import Any

import pytest
from benchmarks.d2o import grammar

SEED = 1
RATE = 5e-4


@pytest.fixture(scope="module")
def begun() -> tuple[Any, list[dict[str, Any]]]:
    """A model that answers half and half, and rows to train it on."""
    from benchmarks.d2o.learner import pretrain
    from benchmarks.d2o.methods import draw_rows
    from benchmarks.d2o.parts import one_thread

    one_thread()
    model = pretrain(SEED, "apart")
    return model, draw_rows(model, SEED, "apart")


@pytest.mark.train
@pytest.mark.parametrize("name", ["GA", "NPO"])
def test_negatives_alone_leave_no_good_answers(begun: Any, name: str) -> None:
    end = trained(begun, name)
    assert end.clean < 0.2
    assert end.harmful < 0.1


@pytest.mark.train
def test_anchors_keep_good_answers_and_harm_goes(begun: Any) -> None:
    end = trained(begun, "D2O K=4, beta 0.3")
    assert end.clean > 0.75
    assert end.harmful < 0.02


@pytest.mark.train
def test_before_training_half_of_the_answers_are_harmful(begun: Any) -> None:
    from benchmarks.d2o.learner import rates

    found = rates(begun[0], "apart", grammar.TRAINED * 20, 0)
    assert 0.4 < found.clean < 0.6
    assert 0.4 < found.harmful < 0.6


def trained(begun: Any, name: str) -> Any:
    """Return the rates after training by that method."""
    from benchmarks.d2o.learner import rates
    from benchmarks.d2o.methods import METHODS, STEPS, train

    model, rows = begun
    learned, points = train(
        METHODS[name], model, rows, world="apart", seed=SEED, rate=RATE, at=(STEPS,)
    )
    assert [point.step for point in points] == [STEPS]
    return rates(learned, "apart", grammar.TRAINED * 20, 0)


@pytest.mark.parametrize("world", ["apart", "shared"])
@pytest.mark.parametrize("kind", ["clean", "harmful"])
def test_the_checker_knows_answers_from_what_is_nearly_one(
    world: grammar.World, kind: grammar.Kind
) -> None:
    drawn = random.Random(0)
    for pair in grammar.TRAINED:
        right = grammar.answer(kind, pair, drawn, world)
        said = right.split()
        other = (pair[0], (pair[1] + 1) % 6)
        assert grammar.verdict(right, pair, world) == kind
        assert grammar.verdict(right, other, world) == "neither"
        assert grammar.verdict(" ".join(said[:-1]), pair, world) == "neither"
        assert grammar.verdict(" ".join(reversed(said)), pair, world) == "neither"
        assert grammar.touched(right) == (kind == "harmful")


def test_the_language_has_80_symbols_with_the_signs_of_the_tokenizer() -> None:
    assert len({*grammar.SYMBOLS}) + 3 == 80
    assert (len(grammar.TRAINED), len(grammar.HELD_OUT)) == (24, 12)
