"""Samples: everything has its chance, and what comes is spread."""

from __future__ import annotations

import numpy as np

from valuecompass.stats.sampling import balanced_sample


def test_every_unit_has_the_same_chance() -> None:
    rng = np.random.default_rng(0)
    size, n, times = 30, 7, 6_000
    features = rng.random((size, 2)) ** 4  # crowded in one corner
    groups = np.repeat([0, 1, 2], [3, 9, 18])
    counts = np.zeros(size)
    for _ in range(times):
        found = balanced_sample(features, groups, n, rng)
        assert len(set(found.tolist())) == n
        counts[found] += 1
    error = np.sqrt(n / size * (1 - n / size) / times)
    assert np.abs(counts / times - n / size).max() < 4 * error


def test_every_group_has_its_share_within_one() -> None:
    rng = np.random.default_rng(1)
    groups = rng.permutation(np.repeat(["a", "b", "c", "d"], [40, 60, 100, 200]))
    for _ in range(50):
        found = groups[balanced_sample(rng.random((400, 1)), groups, 50, rng)]
        share = {name: 50 * (groups == name).sum() / 400 for name in "abcd"}
        assert all(abs((found == name).sum() - share[name]) <= 1 for name in "abcd")


def test_neighbours_seldom_come_together() -> None:
    """Ten of a hundred on a line: nearly one from each tenth, where chance alone leaves gaps."""
    rng = np.random.default_rng(2)
    line = np.arange(100)[:, None] / 100

    def tenths(sample: np.ndarray) -> int:
        return len(set((sample // 10).tolist()))

    spread = [tenths(balanced_sample(line, np.zeros(100), 10, rng)) for _ in range(200)]
    by_lot = [tenths(rng.choice(100, 10, replace=False)) for _ in range(200)]
    assert np.mean(spread) > 8.2 > 7 > np.mean(by_lot)


def test_all_or_nothing() -> None:
    rng = np.random.default_rng(3)
    line = np.arange(5)[:, None]
    assert balanced_sample(line, np.zeros(5), 9, rng).tolist() == [0, 1, 2, 3, 4]
    assert balanced_sample(line, np.zeros(5), 0, rng).tolist() == []
