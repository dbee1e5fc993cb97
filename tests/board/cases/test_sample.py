"""The sample is seeded, bounded, and spread over items and outcomes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from valuecompass.board.cases import open_index, sample_addresses
from valuecompass.measure.synth import Synthetic, build_workspace
from valuecompass.store import open_store

pytestmark = pytest.mark.anyio


async def test_the_sample(workspace: Path) -> None:
    built = await build_workspace(workspace, Synthetic(3, 300, 4, 1, 7))
    (measurement,) = built.measurements
    async with open_store(workspace) as store:
        index = await open_index(store, workspace, measurement)
    found = sample_addresses(index, 5, 1)
    assert found == sorted(set(found)) and found == sample_addresses(index, 5, 1)
    assert found != sample_addresses(index, 5, 2)
    # 5 for each of 4 dimensions at most
    assert max(Counter(a.position for a in found).values()) <= 20
    numbers = {index.address(n): n - 1 for n in range(1, len(index) + 1)}
    at = np.array([numbers[a] for a in found])
    for position in range(3):
        own = at[index.position[at] == position]
        assert len(set(index.item[own].tolist())) >= 15
        assert (index.outcome[own] == 1).any()  # refusals are few, and there
        for d in range(4):
            assert (index.expressed[d, own] >= 500).any() and (index.expressed[d, own] < 500).any()
    assert sample_addresses(index, 0, 1) == []
    index.close()
