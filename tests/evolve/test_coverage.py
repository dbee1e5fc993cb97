import numpy as np
import pytest
from scipy import stats

from valuecompass.evolve.coverage import Coverage, Facet, entropy, evenness


@pytest.mark.parametrize("counts", [[3, 1], [1, 1, 1, 1], [5, 0, 2], [0.5, 0.25]])
def test_entropy_is_shannon_s(counts):
    assert entropy(np.array(counts, float)) == pytest.approx(stats.entropy(counts))


def test_nothing_counted_has_no_entropy():
    assert entropy(np.zeros(3)) == 0
    assert evenness(np.zeros(3), np.ones(3)) == 1


def test_evenness_is_measured_against_a_sweep_of_the_same_length():
    sweep = np.array([0.5, 0.25, 0.25])
    assert evenness(np.array([2.0, 1, 1]), sweep) == pytest.approx(1)
    # two pulls of a thousand topics cannot reach more than two of them
    assert evenness(np.r_[1.0, 1, np.zeros(998)], np.full(1000, 0.001)) == pytest.approx(1)
    assert evenness(np.array([4.0, 0, 0]), sweep) == 0


def test_a_pull_counts_for_the_cells_of_its_topic():
    facet = Facet([("Power",), ("Power", "Security"), ()], 0.8)
    facet.record(0)
    facet.record(1)
    facet.record(2, ["Hedonism", "Hedonism", "Power"])
    facet.record(2)
    assert facet.counts == pytest.approx({"Power": 1.5 + 1 / 3, "Security": 0.5, "Hedonism": 2 / 3})


def test_a_scarce_cell_is_worth_more_and_an_unknown_one_nothing():
    facet = Facet([("a",), ("a",), ("b",), ("a", "b"), ()], 0.8)
    facet.record(0)
    facet.record(0)
    bonus = facet.bonus()
    assert bonus[2] > bonus[3] > bonus[0] == bonus[1]
    assert bonus[4] == 0
    # shares 3 of 3 and 1 of 3 with one pull more each; a sweep's: 2.5 of 4 and 1.5 of 4
    assert bonus[0] == pytest.approx(-facet.weight * np.log(1 / 0.625))
    assert bonus[2] == pytest.approx(-facet.weight * np.log((1 / 3) / 0.375))


def test_what_a_topic_gave_is_expected_of_it():
    facet = Facet([(), ()], 0.8)
    assert facet.bonus().tolist() == [0, 0]
    for _ in range(4):
        facet.record(0, ["France"])
    facet.record(1, ["Peru"])
    assert facet.bonus()[1] > facet.bonus()[0]


def test_the_weight_rises_below_the_floor_and_falls_above():
    facet = Facet([("a",), ("b",)], 0.8)
    for _ in range(5):
        facet.record(0)
    high = facet.weight
    assert high > 0.5
    for _ in range(5):
        facet.record(1)
    assert facet.evenness == pytest.approx(1)
    assert facet.weight < high


def test_a_facet_without_a_floor_is_not_counted():
    coverage = Coverage({"class": [("a",), ("b",)], "topic": [("x",), ("y",)]}, {"class": 0.5})
    coverage.record(0, {})
    assert list(coverage.facets) == ["class"]
    assert coverage.bonus(2).shape == (2,)
    assert Coverage({}, {}).bonus(3).tolist() == [0, 0, 0]


def test_pulls_spread_as_the_optimum_when_qualities_are_known():
    """Greedy pulls under the floor come near the best distribution of that entropy."""
    quality = np.random.default_rng(0).standard_normal(200)
    facet = Facet([(f"t{i}",) for i in range(200)], 0.8)
    counts = np.zeros(200)
    for _ in range(4000):
        topic = int(np.argmax(quality + facet.bonus()))
        facet.record(topic)
        counts[topic] += 1
    assert entropy(counts) / np.log(200) == pytest.approx(0.81, abs=0.01)
    weights = np.linspace(0.2, 3, 2000)
    spread = [np.exp(quality / w) / np.exp(quality / w).sum() for w in weights]
    best = max(s @ quality for s in spread if entropy(s) >= entropy(counts))
    assert counts @ quality / 4000 > best - 0.03
