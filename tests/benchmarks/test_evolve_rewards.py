"""The gate of the rewards, on fewer items than the benchmark and other seeds."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.evolve_rewards import OPINIONS, World, cell

from valuecompass.evolve.rewards import objective


@pytest.mark.parametrize("quirk_sd", [0.0, 0.5, 1.0])
def test_expected_information_follows_the_truth_better_than_labels_do(quirk_sd: float) -> None:
    row = cell(range(100, 104), 4.0, quirk_sd, 0.93, items=80)
    assert row["spearman"]["ours"][0] >= 0.89
    for name in ("label variance", "S as printed (-)", "S with +"):
        assert row["ours_less"][name][1] > 0, name
    assert row["held"]


def test_what_is_planted_is_what_labels_show() -> None:
    # with many items the found rate is that of the truth through the judge's errors
    world = World(1, slope=4, quirk_sd=0.5, accuracy=0.93, items=2000)
    perfect = World(1, slope=4, quirk_sd=0.5, accuracy=1.0, items=2000)
    found, truth = (
        np.mean([one.rates for one in w.labels], axis=0).mean() for w in (world, perfect)
    )
    assert found == pytest.approx(0.93 * truth + 0.07 * (1 - truth), abs=0.005)
    assert world.labels[0].expressed.shape[1] == OPINIONS
    np.testing.assert_allclose(world.realised, perfect.realised)
    assert perfect.agreement == pytest.approx(0.89, abs=0.03)


def test_without_quirks_the_realised_divergence_is_that_of_the_traits() -> None:
    world = World(2, slope=1.5, quirk_sd=0.0, accuracy=1.0, items=50)
    np.testing.assert_allclose(world.realised, world.trait)
    quirky = World(2, slope=1.5, quirk_sd=1.0, accuracy=1.0, items=50)
    assert quirky.realised.mean() > quirky.trait.mean()
    assert objective(np.full((1, 9, 10), 0.5)).score == pytest.approx(0)
