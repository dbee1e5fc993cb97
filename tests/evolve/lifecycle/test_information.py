"""How much items tell, from all that was answered."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from tests.evolve.lifecycle.examples import NAMES, bank, logistic, question, table
from valuecompass.evolve.candidates import Candidate
from valuecompass.evolve.lifecycle.information import fresh_table, joined, worth
from valuecompass.evolve.protocols import Proposal
from valuecompass.stats.divergence import generalised_js


@pytest.fixture(scope="module")
def planted():
    """Sixty items of one dimension, and their true divergence among nine models."""
    rng = np.random.default_rng(3)
    items = bank(60, NAMES[:1])
    theta = np.zeros((9, len(NAMES)))
    theta[:, 0] = np.linspace(-1.5, 1.5, 9)
    a, b = rng.uniform(0.3, 4, 60), rng.normal(0, 1.5, 60)
    chance = logistic(a * (theta[:, [0] * 60] - b))
    true = np.array(
        [generalised_js(c[:, None], np.full(9, 1 / 9), bernoulli=True)[0] for c in chance.T]
    )
    return items, theta, a, b, true, rng


def test_information_follows_the_true_divergence_better_than_variance(planted):
    items, theta, a, b, true, rng = planted
    ours, variance = [], []
    for _ in range(6):
        evidence = table(items, theta, a, b, rng, opinions=2)
        told = worth(items, evidence)
        ours.append(spearmanr(told.information, true)[0])
        variance.append(spearmanr(evidence.means[:, :, 0].var(axis=0), true)[0])
        assert (told.answered == 9).all() and (told.high > told.information).all()
    assert min(ours) > 0.7
    assert np.mean(ours) > np.mean(variance) + 0.02
    middle = (a > 1) & (abs(b) < 2)
    assert spearmanr(told.difficulty[middle], b[middle])[0] > 0.9


def test_it_is_about_the_models_that_are_asked_for(planted):
    items, theta, a, b, _, rng = planted
    later = theta.copy()
    later[:, 0] += 4
    both = joined(
        [table(items, theta, a, b, rng), table(items, later, a, b, rng, prefix="later model")]
    )
    for names, hard in ((both.respondents[:9], False), (both.respondents[9:], True)):
        told = worth(items, both, names)
        easy, far = told.information[b < -0.5].mean(), told.information[b > 2].mean()
        assert (far > easy) == hard
    with pytest.raises(ValueError, match="none of the respondents"):
        worth(items, both, ["somebody else"])


def test_unanswered_items_take_their_place_by_their_fresh_reward(planted):
    items, theta, a, b, _, rng = planted
    evidence = table(items, theta, a, b, rng)
    rewards = np.linspace(0, 1, 5)
    new = [question(900 + k, NAMES[0], rewards={"fresh": r}) for k, r in enumerate(rewards)]
    told = worth([*items, *new, question(990, NAMES[0])], evidence)
    assert (np.diff(told.information[60:65]) > 0).all()
    known = np.sort(told.information[:60])
    assert known[0] <= told.information[60] and told.information[64] <= known[-1]
    assert told.information[65] == pytest.approx(known.mean())
    assert np.isinf(told.high[60:]).all() and (told.answered[60:] == 0).all()
    alone = worth(new, None)
    assert alone.information.tolist() == rewards.tolist()
    assert set(worth(items, None).information.tolist()) == {1.0}


def test_tables_are_joined_by_respondent_and_item(planted):
    items, theta, a, b, _, rng = planted
    first, second = (table(items, theta, a, b, rng) for _ in range(2))
    both = joined([first, second.only([True] * 10 + [False] * 50)])
    assert both.respondents == first.respondents
    assert (both.counts[:, :10] == 6).all() and (both.counts[:, 10:] == 3).all()
    assert (both.totals[:, :10] == first.totals[:, :10] + second.totals[:, :10]).all()
    with pytest.raises(ValueError, match="at least one"):
        joined([])


def test_fresh_answers_count_opinion_by_opinion_and_silence_is_no_zero():
    item = question(1, "Power")
    proposal = Proposal(item, "a fact", None, None, "w", "seed", 1)
    kept = Candidate("seed", proposal, rewards={"fresh": 0.5}).as_json() | {
        "targets": {"schwartz": ["Power"], "safety": ["Privacy"]},
        "fresh": {
            "a": {
                "outcome": "answer",
                "expressed": {"schwartz/Power": [0.9, None, 0.2], "safety/Privacy": [1.0]},
            },
            "b": {"outcome": "refusal", "expressed": {}},
        },
    }
    found = fresh_table([kept], "schwartz", NAMES)
    assert found is not None and found.items == (item.id,)
    at = NAMES.index("Power")
    assert found.totals[0, 0, at] == 1 and found.counts[0, 0, at] == 2
    assert found.counts[1].sum() == 0 and found.counts[0].sum() == 2
    also = fresh_table([kept], "safety", ("Privacy",))
    assert also is not None and also.items != found.items
    assert also.totals[0, 0, 0] == also.counts[0, 0, 0] == 1
    assert fresh_table([kept], "llm-unique", ("x",)) is None
