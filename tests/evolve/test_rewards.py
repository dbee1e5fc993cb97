import numpy as np
import pytest
from scipy.special import expit

from valuecompass.evolve.labels import Labels
from valuecompass.evolve.rewards import (
    SurrogateConfig,
    label_variance,
    objective,
    rate_variance,
    shrunk_rates,
    surrogate,
)
from valuecompass.stats.divergence import total_variation

NAN = np.nan
NONE = [[NAN, NAN, NAN, NAN]] * 2


def labels(*models):
    expressed = np.array(models, dtype=float)
    return Labels(expressed, np.full(expressed.shape, NAN))


WIDE = [[1, 1, 0, 0], [1, 0, 1, 0]]
"""Union of three values, one shared by both opinions."""
NARROW = [[0, 0, 0, 1], [0, 0, 0, 1]]
EMPTY = [[0, 0, 0, 0], [0, 0, 0, 0]]


def test_terms_of_the_surrogate_by_hand():
    found = surrogate(labels(WIDE, WIDE, NARROW), [1, 0, 0, 0])
    # 3 values over 1, twice, and 1 over 1
    assert found.value_conformity == pytest.approx((3 + 3 + 1) / 3)
    # the same sets: 3 over 3; disjoint ones: 4 over max(0, 1), two pairs
    assert found.value_diversity == pytest.approx((1 + 4 + 4) / 3)
    # opinions differ from the question in 1 and 1 values; narrow ones in 2 and 2
    assert found.disentanglement == pytest.approx((1 + 1 + 2) / 3)
    assert found.opinion_diversity is None
    assert found.score == pytest.approx(7 / 3 + 3 + 0.5 * 4 / 3)


def test_the_sign_of_disentanglement_is_a_parameter():
    both = [
        surrogate(labels(WIDE, NARROW), [0, 0, 1, 1], config=SurrogateConfig(weight))
        for weight in (-0.5, 0.5)
    ]
    assert both[0].disentanglement == both[1].disentanglement == pytest.approx((3 + 1) / 2)
    assert both[1].score - both[0].score == pytest.approx(2)


def test_empty_sets_have_no_breadth():
    found = surrogate(labels(EMPTY, EMPTY), [0, 0, 0, 0])
    assert found.score == 0
    assert surrogate(labels(EMPTY, NARROW)).value_diversity == 1


def test_a_question_whose_own_values_could_not_be_read_leaves_the_term_out():
    unread = surrogate(labels(WIDE, NARROW), [NAN] * 4)
    assert unread == surrogate(labels(WIDE, NARROW))
    assert unread.disentanglement is None and np.isfinite(unread.score)


def test_a_refusal_takes_no_part():
    question = [1, 0, 0, 0]
    with_refusal = surrogate(labels(WIDE, NONE, NARROW), question)
    assert with_refusal == surrogate(labels(WIDE, NARROW), question)
    # as zeros it would
    assert with_refusal != surrogate(labels(WIDE, EMPTY, NARROW), question)


def test_one_answer_or_none_has_no_score():
    one = surrogate(labels(WIDE, NONE), [0, 0, 0, 0])
    assert one.value_conformity == 3
    assert np.isnan([one.value_diversity, one.score]).all()
    nobody = surrogate(labels(NONE, NONE), [0, 0, 0, 0])
    assert np.isnan([nobody.value_conformity, nobody.disentanglement, nobody.score]).all()


def test_a_pair_counts_the_dimensions_judged_in_both():
    silent = [[1, 1, NAN, NAN], [1, 1, NAN, NAN]]
    other = [[0, 1, 1, 1], [0, 1, 1, 1]]
    assert surrogate(labels(silent, other)).value_diversity == 2


def test_similarity_of_opinions_by_all_pairs_and_by_the_nearest():
    similarity = np.full((3, 2, 3, 2), NAN)
    similarity[0, :, 1] = [[1.0, 0.2], [0.4, 0.6]]
    answers = labels(WIDE, NARROW, NONE)
    mean = surrogate(answers, similarity=similarity)
    assert mean.opinion_diversity == pytest.approx(1 - 0.55)
    assert mean.score == pytest.approx(mean.value_conformity + mean.value_diversity + 0.45)
    greedy = surrogate(answers, similarity=similarity, config=SurrogateConfig(opinions="greedy"))
    assert greedy.opinion_diversity == pytest.approx(1 - (0.8 + 0.8) / 2)
    # a missing opinion is passed over, not counted as unlike
    similarity[0, 1] = NAN
    half = surrogate(answers, similarity=similarity, config=SurrogateConfig(opinions="greedy"))
    assert half.opinion_diversity == pytest.approx(1 - (1.0 + 0.6) / 2)


def test_the_surrogate_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match=r"question must be \(4,\)"):
        surrogate(labels(WIDE, NARROW), [0, 1])
    with pytest.raises(ValueError, match=r"similarity must be \(2, 2, 2, 2\)"):
        surrogate(labels(WIDE, NARROW), similarity=np.zeros((2, 2)))


def test_the_objective_in_closed_form():
    # disjoint models: ln 2 in each of two dimensions; the question between them
    found = objective([[0, 1], [1, 0]], [0.5, 0.5], beta=2)
    assert found.distinguishability == pytest.approx(2 * np.log(2))
    half = 0.75 * np.log(4 / 3) + 0.25 * np.log(4) - 0.5 * np.log(2)
    assert found.disentanglement == pytest.approx(2 * half)
    assert found.score == pytest.approx(2 * np.log(2) + 2 * 2 * half)


def test_identical_models_are_not_told_apart_and_order_does_not_matter():
    rng = np.random.default_rng(0)
    rates, question = rng.random((7, 5, 3)), rng.random((7, 3))
    alike = objective(np.broadcast_to(rates[:, :1], rates.shape), rates[:, 0])
    np.testing.assert_allclose(alike.score, 0, atol=1e-12)
    some, turned = (objective(r, question).score for r in (rates, rates[:, ::-1]))
    np.testing.assert_allclose(some, turned)


def test_bounds_by_total_variation():
    rng = np.random.default_rng(1)
    rates, question = rng.random((500, 2, 1)), rng.random((500, 1))
    apart = objective(rates).distinguishability
    tv = total_variation(rates[:, 0], rates[:, 1], bernoulli=True)[:, 0]
    assert (tv**2 / 2 <= apart + 1e-12).all()
    assert (apart <= np.log(2) * tv + 1e-12).all()
    away = objective(rates, question).disentanglement
    tv = total_variation(rates, question[:, None], bernoulli=True).mean(axis=(1, 2))
    assert (away <= np.log(2) * tv + 1e-12).all()
    # the paper's "lower bound" is none
    assert (away < tv).all()


def test_missing_models_hand_their_weight_to_the_others():
    whole = objective([[0.1, 0.9], [0.6, 0.2]], [0.5, NAN], weights=[0.25, 0.75])
    part = objective([[0.1, 0.9], [NAN, NAN], [0.6, 0.2]], [0.5, NAN], weights=[0.125, 0.5, 0.375])
    assert part.distinguishability == pytest.approx(whole.distinguishability)
    assert part.disentanglement == pytest.approx(whole.disentanglement)
    # in the second dimension one model is left
    alone = objective([[0.1, 0.9], [0.6, NAN]])
    assert alone.distinguishability == pytest.approx(objective([[0.1], [0.6]]).score)
    assert np.isnan(objective([[NAN, NAN], [NAN, NAN]], [1, 1]).score)


def test_the_objective_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="weights must be 2 numbers"):
        objective([[0.1], [0.6]], weights=[0.5, 0.6])
    with pytest.raises(ValueError, match=r"rates must be in \[0, 1\] or NaN, not 3"):
        objective([[3], [0.6]])
    with pytest.raises(ValueError, match="beta"):
        objective([[0.1], [0.6]], beta=-1)
    with pytest.raises(ValueError, match="question must be"):
        objective([[0.1], [0.6]], [0.1, 0.2])


def test_rates_shrink_towards_the_items_mean():
    # mean of all opinions: 4 of 8
    found = shrunk_rates([[1.0], [0.0], [0.5], [NAN]], [[3], [3], [2], [0]], 1)
    np.testing.assert_allclose(found, [[3.5 / 4], [0.5 / 4], [0.5], [NAN]])
    np.testing.assert_array_equal(shrunk_rates([[1.0], [0.25]], 4, 0), [[1.0], [0.25]])
    # all express it: nothing to shrink
    np.testing.assert_allclose(shrunk_rates([[1.0], [1.0]], 3), 1)
    with pytest.raises(ValueError, match="opinions must be >= 1"):
        shrunk_rates([[1.0]], 0)


def test_shrinking_brings_the_divergence_nearer_to_the_truth():
    rng = np.random.default_rng(2)
    rates = expit(rng.normal(0, 1.5, (400, 9, 1)))
    seen = rng.binomial(3, rates) / 3
    truth = objective(rates).score
    raw, shrunk = (objective(shrunk_rates(seen, 3, prior)).score for prior in (0, 1))
    assert np.square(shrunk - truth).mean() < 0.5 * np.square(raw - truth).mean()


def test_label_variance_by_hand():
    unions = [[1, 0, NAN], [0, 0, NAN], [1, NAN, NAN], [NAN, 1, NAN]]
    assert label_variance(unions) == pytest.approx(2 / 9 + 2 / 9)
    assert np.isnan(label_variance([[NAN], [NAN]]))


def test_rate_variance_is_unbiased_with_unequal_numbers_of_opinions():
    rng = np.random.default_rng(3)
    rates, opinions = np.array([0.1, 0.4, 0.8, 0.95])[:, None], np.array([2, 3, 6, 3])[:, None]
    seen = rng.binomial(opinions, rates, (40_000, 4, 1)) / opinions
    found = rate_variance(seen, opinions)
    error = found.std() / len(found) ** 0.5
    assert found.mean() == pytest.approx(rates.var(ddof=1), abs=4 * error)
    # the plain variance is not
    assert seen.var(axis=1, ddof=1).mean() > rates.var(ddof=1) + 20 * error


def test_rate_variance_needs_two_opinions_of_two_models():
    assert rate_variance([[0.0], [1.0], [0.5]], [[3], [3], [1]]) == pytest.approx(0.5)
    assert np.isnan(rate_variance([[0.0], [1.0]], [[1], [3]]))
    assert np.isnan(rate_variance([[0.0], [1.0]], 1))
