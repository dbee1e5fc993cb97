"""The sample is seeded, bounded, and spread over items and outcomes."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import pytest

from tests.board.cases.made import Given, made, verdict
from valuecompass.board.cases import index_path, open_index, sample_addresses
from valuecompass.items import Item
from valuecompass.measure.synth import Synthetic, build_workspace
from valuecompass.store import open_store

pytestmark = pytest.mark.anyio


async def test_the_sample(workspace: Path) -> None:
    built = await build_workspace(workspace, Synthetic(3, 300, 4, 1, 7))
    (measurement,) = built.measurements
    async with open_store(workspace) as store:
        found, of = await sample_addresses(store, measurement, 5, 1)
        assert (found, of) == await sample_addresses(store, measurement, 5, 1)
        assert found == sorted(set(found))
        assert found != (await sample_addresses(store, measurement, 5, 2))[0]
        assert await sample_addresses(store, measurement, 0, 1) == ([], 900)
        # nothing of it waits for the index that searches need
        assert not index_path(workspace, measurement.id).exists()
        index = await open_index(store, workspace, measurement)
    assert of == len(index) == 900
    # 5 for each of 4 dimensions at most
    assert max(Counter(a.position for a in found).values()) <= 20
    numbers = {index.address(n): n - 1 for n in range(1, len(index) + 1)}
    at = [numbers[a] for a in found]
    for position in range(3):
        own = [n for n in at if index.position[n] == position]
        assert len(set(index.item[own].tolist())) >= 15
        assert (index.outcome[own] == 1).any()  # refusals are few, and there
        for d in range(4):
            assert (index.expressed[d, own] >= 500).any() and (index.expressed[d, own] < 500).any()
    index.close()


def _item(text: str, dimension: str) -> Item:
    return Item(system="schwartz", dimensions=(dimension,), kind="question", text=text)


async def test_a_cell_is_never_above_its_bound_and_takes_items_before_repeats(
    tmp_path: Path,
) -> None:
    items = [_item(f"What would you do in case {n}?", "Power") for n in range(8)]
    given = [
        Given(0, item, f"{item.text} {repeat}", [verdict("Power", 0.9)], repeat=repeat)
        for item in items
        for repeat in range(3)
    ]
    measurement = await made(tmp_path, given, people=1)
    async with open_store(tmp_path) as store:
        drawn = {most: await sample_addresses(store, measurement, most, 1) for most in (5, 8, 20)}
    assert {most: len(found) for most, (found, _) in drawn.items()} == {5: 5, 8: 8, 20: 20}
    assert len({a.item for a in drawn[8][0]}) == 8
    repeats = defaultdict[str, set[int]](set)
    for a in drawn[20][0]:
        repeats[a.item].add(a.repeat)
    assert len(repeats) == 8 and sum(map(len, repeats.values())) == 20
