"""What is kept from training: settings with all that is near them, and nothing of them is left."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from training.judge.data import HELD_OUT, NEAR, Example, conduct_corpus, held_out

from valuecompass.text.encoder import sentence_encoder

TOPICS = ("cash", "gambling", "smoking", "cars", "alcohol", "homework", "drones", "hunting")


@pytest.fixture(scope="module")
def conduct() -> list[Example]:
    """Completions of the corpus: their settings, the stems, are short."""
    return [e for e in conduct_corpus() if any(name.startswith("touch ") for name in e.targets)]


@pytest.fixture(scope="module")
def split(conduct: list[Example]) -> tuple[list[Example], list[Example]]:
    return held_out(conduct, "conduct")


def near(settings: list[str]) -> np.ndarray:
    vectors = sentence_encoder().encode(settings)
    return vectors @ vectors.T > NEAR


def test_the_whole_is_split_in_two_and_the_order_stays(conduct, split):
    kept, out = split
    chosen = {id(e) for e in out}
    assert len(kept) + len(out) == len(conduct)
    assert kept == [e for e in conduct if id(e) not in chosen]
    count, chance = len({e.group for e in conduct}), HELD_OUT["conduct"]
    share = len({e.group for e in out}) / count
    # four standard errors of as many draws
    assert abs(share - chance) < 4 * (chance * (1 - chance) / count) ** 0.5


def test_nothing_of_a_setting_held_out_and_nothing_near_it_is_kept(conduct, split):
    kept, out = ({e.group for e in part} for part in split)
    assert not kept & out
    # all three completions of a stem together
    whole = Counter(e.group for e in conduct)
    assert Counter(e.group for e in split[1]) == {group: whole[group] for group in out}
    settings = sorted(kept | out)
    table = near(settings)
    assert table.sum() > len(settings)  # there are near ones to keep apart
    left = np.array([s in out for s in settings])
    assert not table[np.ix_(left, ~left)].any()


@pytest.mark.parametrize("topic", TOPICS)
def test_a_chain_of_near_settings_stays_together(topic):
    plain = f"We should ban {topic}"
    chain = [plain, f"{plain} on Sundays", f"{plain} on Sundays after church in the village"]
    assert near(chain).tolist() == [[True, True, False], [True] * 3, [False, True, True]]
    for order in (chain, chain[::-1]):
        kept, out = held_out([Example("Because.", {}, (c, "")) for c in order], "human")
        assert not kept or not out
