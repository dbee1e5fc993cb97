import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import norm

from valuecompass.evolve.information import LEVELS, SLOPES, THETA, InformationConfig, ThetaPosterior
from valuecompass.evolve.rewards import label_variance
from valuecompass.stats.divergence import generalised_js

NAN = np.nan
PERFECT = {"sensitivity": 1.0, "specificity": 1.0}


def drawn(seed, items=60, models=5, quirk_sd=0.5, slope=2.0, dimensions=1):
    """Shares of 3 opinions (items, models, dimensions) and the positions behind them."""
    rng = np.random.default_rng(seed)
    theta = rng.normal(size=(models, dimensions))
    b = rng.normal(size=(items, 1, dimensions))
    logit = slope * (theta - b) + rng.normal(0, quirk_sd, (items, models, dimensions))
    return rng.binomial(3, expit(logit)) / 3, theta


def known(positions, a, level, quirk_sd, **settings):
    """A posterior with known positions (K,), whose every item has these parameters."""
    config = InformationConfig(quirk_sds=(quirk_sd,), **settings)
    weights = np.array([[np.isclose(THETA, p) for p in positions]], dtype=float)
    assert (weights.sum(axis=2) == 1).all()
    item = np.zeros((len(SLOPES), len(LEVELS)))
    item[np.abs(SLOPES - a).argmin(), np.flatnonzero(level == LEVELS)] = 1
    posterior = ThetaPosterior(weights, np.ones(1), item.reshape(1, -1) + 1e-300, config)
    information = posterior.score(np.full((1, len(positions), 1), NAN))
    return information, information.a[0, 0], information.b[0, 0]


@pytest.mark.parametrize("quirk_sd", [0.0, 1.0])
def test_divergence_and_information_of_a_known_item(quirk_sd):
    positions = np.array([-1.0, 0.0, 2.0])
    found, a, b = known(positions, 2.0, 0.75, quirk_sd, opinions=1, **PERFECT)

    def rate(theta):
        if not quirk_sd:
            return expit(a * (theta - b))
        return quad(lambda u: norm.pdf(u) * expit(a * (theta - b) + quirk_sd * u), -9, 9)[0]

    rates = np.array([[rate(theta)] for theta in positions])
    wanted = float(generalised_js(rates, np.full(3, 1 / 3), bernoulli=True)[0])
    assert found.gjs[0, 0] == pytest.approx(wanted, abs=1e-6)
    # nothing is left to learn of known positions: one opinion tells which model it is
    assert found.information[0, 0] == pytest.approx(wanted, abs=1e-6)
    assert found.remaining[0, 0] == pytest.approx(0, abs=1e-9)


def test_quirks_judge_errors_and_fewer_opinions_take_information_away():
    def information(quirk_sd=0.0, opinions=3, accuracy=1.0):
        rates = {"sensitivity": accuracy, "specificity": accuracy}
        found = known([-1.0, 0.0, 1.0], 2.0, 0.0, quirk_sd, opinions=opinions, **rates)[0]
        return float(found.information[0, 0])

    best = information()
    assert best > 0.3
    assert information(quirk_sd=2.0) < 0.8 * best
    assert information(accuracy=0.87) < 0.8 * best
    assert information(opinions=1) < 0.8 * best
    # more opinions of the same answer repeat the quirk; without quirks they would add more
    assert information(2.0, 9) / information(2.0, 3) < information(0.0, 9) / information(0.0, 3)


def test_models_known_to_be_alike_are_told_apart_by_nothing():
    found = known([0.5, 0.5, 0.5], 2.0, 0.0, 0.0)[0]
    for value in (found.gjs, found.information, found.remaining):
        assert value[0, 0] == pytest.approx(0, abs=1e-9)


def test_chain_rule_one_perfect_opinion():
    responses, _ = drawn(0)
    posterior = ThetaPosterior.start(5, 1, InformationConfig(opinions=1, **PERFECT))
    found = posterior.updated(responses[:20], 3).score(responses, 3)
    np.testing.assert_allclose(found.information - found.remaining, found.gjs, atol=1e-9)
    # before anything is known, all is about what is not yet known
    start = posterior.score(responses, 3)
    np.testing.assert_allclose(start.gjs, 0, atol=1e-12)
    np.testing.assert_allclose(start.information, start.remaining, atol=1e-12)


def test_an_items_posterior_by_plain_integration():
    """Two models, one item, all of it summed up once more without tables."""
    config = InformationConfig(quirk_sds=(1.0,), **PERFECT)
    start = ThetaPosterior.start(2, 1, config)
    found = start.score([[[1.0], [1 / 3]]], 3)
    prior = start.item_prior.reshape(len(SLOPES), len(LEVELS))
    u = np.linspace(-6, 6, 241)
    chance_u = norm.pdf(u) / norm.pdf(u).sum()
    chance_theta = norm.pdf(THETA) / norm.pdf(THETA).sum()
    weight, total = 0.0, 0.0
    for i, a in enumerate(SLOPES):
        for j, level in enumerate(LEVELS):
            b = -level * np.sqrt(1 + 0.346 * (a**2 + 1)) / a
            p = expit(a * (THETA[:, None] - b) + u)
            both = [chance_theta @ like @ chance_u for like in (p**3, p * (1 - p) ** 2)]
            weight += prior[i, j] * both[0] * both[1]
            total += prior[i, j] * both[0] * both[1] * np.log(a)
    assert np.log(found.a[0, 0]) == pytest.approx(total / weight, abs=1e-3)


def test_the_order_of_items_and_models_does_not_matter():
    responses, _ = drawn(1)
    start = ThetaPosterior.start(5, 1)
    straight = start.updated(responses, 3)
    turned = start.updated(responses[::-1, ::-1], 3)
    np.testing.assert_allclose(straight.mean, turned.mean[::-1], atol=1e-9)
    one, other = straight.score(responses, 3), turned.score(responses[:, ::-1], 3)
    np.testing.assert_allclose(one.information, other.information, atol=1e-9)


def test_a_missing_model_changes_nothing_for_the_others():
    responses, _ = drawn(2, models=4)
    holes = np.concatenate([responses, np.full((len(responses), 1, 1), NAN)], axis=1)
    whole = ThetaPosterior.start(4, 1).updated(responses, 3)
    found = ThetaPosterior.start(5, 1).updated(holes, 3)
    np.testing.assert_allclose(found.mean[:4], whole.mean, atol=1e-9)
    assert found.mean[4, 0] == pytest.approx(0, abs=1e-9)
    assert found.sd[4, 0] == pytest.approx(1, abs=0.01)


def test_no_items_and_no_responses_leave_all_as_it_was():
    start = ThetaPosterior.start(3, 2)
    for nothing in (np.empty((0, 3, 2)), np.full((4, 3, 2), NAN)):
        after = start.updated(nothing)
        np.testing.assert_allclose(after.weights, start.weights)
        np.testing.assert_allclose(after.item_prior, start.item_prior)
    scored = start.score(np.full((2, 3, 2), NAN))
    assert scored.information[0, 0] == scored.information[1, 1] > 0


def test_of_two_items_with_the_same_labels_the_one_in_order_tells_more():
    responses, theta = drawn(3, items=120, models=6)
    posterior = ThetaPosterior.start(6, 1).updated(responses, 3)
    high = theta[:, 0] >= np.median(theta)
    in_order = np.where(high, 1.0, 0.0)[None, :, None]
    against = 1 - in_order
    assert label_variance(in_order) == label_variance(against) == 0.25
    tells = [float(posterior.score(y, 3).information[0, 0]) for y in (in_order, against)]
    assert tells[0] > 5 * tells[1]
    # who knows nothing of the models cannot say which is in order
    tells = [
        float(ThetaPosterior.start(6, 1).score(y, 3).information[0, 0]) for y in (in_order, against)
    ]
    assert tells[0] == pytest.approx(tells[1])


@pytest.mark.parametrize("quirk_sd", [0.0, 1.0])
def test_positions_and_quirks_are_recovered(quirk_sd):
    responses, theta = drawn(4, items=300, models=9, quirk_sd=quirk_sd, slope=1.5, dimensions=4)
    config = InformationConfig(sensitivity=0.99, specificity=0.99)
    start = ThetaPosterior.start(9, 4, config)
    found = start.updated(responses, 3)
    for d in range(4):
        assert np.corrcoef(found.mean[:, d], theta[:, d])[0, 1] > 0.97
    assert found.quirk_sd == pytest.approx(quirk_sd, abs=0.3)
    assert (found.sd < 0.3).all()
    # a second update moves no model against the others; their common level may drift on with the
    # items' levels, which says nothing about any of them
    again = found.updated(responses, 3).mean
    apart = [mean - mean.mean(axis=0) for mean in (found.mean, again)]
    np.testing.assert_allclose(*apart, atol=0.03)


@pytest.mark.parametrize(("slope", "too_small"), [(1.5, 1.5), (4.0, 2.0)])
def test_how_much_too_small_the_standard_deviations_are(slope, too_small):
    z = []
    for seed in range(5):
        responses, theta = drawn(seed, items=200, models=9, slope=slope, dimensions=3)
        found = ThetaPosterior.start(9, 3).updated(responses, 3)
        for d in range(3):
            # zero and unit of positions are conventions
            unit, zero = np.polyfit(theta[:, d], found.mean[:, d], 1)
            z.append((found.mean[:, d] - unit * theta[:, d] - zero) / found.sd[:, d])
    spread = np.sqrt(np.square(z).mean())
    assert 0.8 < spread < too_small


def test_uncertainty_falls_as_items_come():
    responses, _ = drawn(5, items=80)
    sds = [ThetaPosterior.start(5, 1).updated(responses[:n], 3).sd.mean() for n in (0, 5, 20, 80)]
    assert sds == sorted(sds, reverse=True)
    remaining = [
        ThetaPosterior.start(5, 1).updated(responses[:n], 3).score(responses, 3).remaining.mean()
        for n in (0, 20, 80)
    ]
    assert remaining == sorted(remaining, reverse=True)


def test_what_does_not_fit_is_refused():
    start = ThetaPosterior.start(3, 2)
    with pytest.raises(ValueError, match=r"responses must be \(n, 3, 2\)"):
        start.score(np.zeros((4, 2, 3)))
    with pytest.raises(ValueError, match=r"responses must be in \[0, 1\]"):
        start.updated(np.full((1, 3, 2), 2.0))
    with pytest.raises(ValueError, match="whole numbers"):
        start.updated(np.zeros((1, 3, 2)), 0)
    with pytest.raises(ValueError, match="models 0"):
        ThetaPosterior.start(0, 2)
    for wrong in ({"quirk_sds": ()}, {"sensitivity": 0.0}, {"opinions": 0}, {"prior_items": 0}):
        with pytest.raises(ValueError):
            InformationConfig(**wrong)
