"""The posterior against the same model written out as one multivariate normal distribution."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from valuecompass.evolve.topic_quality import LEVEL, SHIFT, TopicQuality

CLASSES = [0, 0, 1, 1, 1, 2]
SEEDS = [4.0, 5.5, np.nan, 6.2, 7.1, np.nan]
PULLS = [(0, [5.0, 6.5]), (3, [7.0]), (5, [8.0, 7.5, 9.0]), (0, [4.5])]


def small() -> TopicQuality:
    quality = TopicQuality(CLASSES, SEEDS)
    for topic, rewards in PULLS:
        quality.add(topic, rewards)
    return quality


def dense(quality: TopicQuality) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Posterior mean and covariance of the qualities, and the log likelihood, by conditioning."""
    question, topic, between = quality.variances
    known = [s for s in SEEDS if s == s]
    centre, scale = np.mean(known), np.std(known)
    n, classes = len(CLASSES), max(CLASSES) + 1
    # the unknowns: m_0, class deviations, topic deviations, delta
    prior = np.diag(
        [(LEVEL * scale) ** 2, *[between] * classes, *[topic] * n, (SHIFT * scale) ** 2]
    )
    to_topics = np.zeros((n, len(prior)))
    for i, c in enumerate(CLASSES):
        to_topics[i, [0, 1 + c, 1 + classes + i]] = 1
    rows, seen = [], []
    for i, score in enumerate(SEEDS):
        if score == score:
            row = to_topics[i].copy()
            row[-1] = -1
            rows.append(row)
            seen.append(score - centre)
    for i, rewards in PULLS:
        rows += [to_topics[i]] * len(rewards)
        seen += [r - centre for r in rewards]
    design, seen = np.array(rows), np.array(seen)
    marginal = design @ prior @ design.T + question * np.eye(len(seen))
    gain = to_topics @ prior @ design.T @ np.linalg.inv(marginal)
    mean = centre + gain @ seen
    covariance = to_topics @ prior @ to_topics.T - gain @ design @ prior @ to_topics.T
    likelihood = stats.multivariate_normal(cov=marginal).logpdf(seen)
    return mean, covariance, float(likelihood)


def test_the_posterior_is_that_of_the_written_out_model() -> None:
    quality = small()
    quality.fit()
    mean, covariance, _ = dense(quality)
    found, deviation = quality.posterior()
    np.testing.assert_allclose(found, mean, rtol=1e-9)
    np.testing.assert_allclose(deviation, np.sqrt(np.diag(covariance)), rtol=1e-9)


def test_draws_have_the_posterior_s_mean_and_covariance() -> None:
    quality = small()
    mean, covariance, _ = dense(quality)
    draws = quality.sample(np.random.default_rng(0), 40_000)
    np.testing.assert_allclose(draws.mean(axis=0), mean, atol=0.03)
    np.testing.assert_allclose(np.cov(draws.T), covariance, atol=0.03)


def test_the_fit_is_at_the_top_of_likelihood_and_prior() -> None:
    from valuecompass.evolve.topic_quality import SPLIT, VAGUE

    quality = small()
    quality.fit()
    best = np.log(quality.variances)
    scale = np.std([s for s in SEEDS if s == s])
    guess = np.log(np.array(SPLIT) * scale**2)

    def at(logs: NDArray[np.float64]) -> float:
        quality.variances = type(quality.variances)(*np.exp(logs))
        return dense(quality)[2] - 0.5 * float(np.sum(((logs - guess) / VAGUE) ** 2))

    top = at(best)
    for place in range(3):
        for step in (-0.3, 0.3):
            assert at(best + step * np.eye(3)[place]) < top


@pytest.mark.parametrize(("scale", "centre"), [(1.0, 0.0), (0.01, 3.0), (250.0, -4e3)])
def test_planted_variances_and_shift_are_found_on_any_scale(scale: float, centre: float) -> None:
    rng = np.random.default_rng(3)
    n = 900
    classes = rng.integers(0, 30, n)
    level = 0.5 * rng.standard_normal(30)
    true = level[classes] + 0.8 * rng.standard_normal(n)
    seeds = true - 0.6 + 1.0 * rng.standard_normal(n)
    quality = TopicQuality(classes, centre + scale * seeds)
    for topic in np.argsort(-seeds)[:250]:  # chosen because they looked good: no random sample
        rewards = true[topic] + rng.standard_normal(3)
        quality.add(int(topic), (centre + scale * rewards).tolist())
    found = np.sqrt(quality.fit()) / scale
    np.testing.assert_allclose(found, [1.0, 0.8, 0.5], rtol=0.25)
    mean, deviation = quality.posterior()
    z = (centre + scale * true - mean) / deviation
    assert 0.9 < np.std(z) < 1.1
    assert abs(z.mean()) < 0.35  # the shift is one number with an error of its own


def test_without_any_score_topics_are_alike() -> None:
    quality = TopicQuality([0, 1], [np.nan, np.nan])
    mean, deviation = quality.posterior()
    assert mean.tolist() == [0, 0]
    assert deviation[0] == pytest.approx(deviation[1])
    quality.score_seed(1, 5.0)
    quality.add(0, [9.0, 9.5])
    quality.fit()
    mean, _ = quality.posterior()
    assert mean[0] > mean[1]


def test_equal_scores_are_no_reason_to_fail() -> None:
    quality = TopicQuality([0] * 5, [2.0] * 5)
    quality.add(1, [2.0] * 4)
    quality.fit()
    mean, deviation = quality.posterior()
    np.testing.assert_allclose(mean, 2.0, atol=1e-6)
    assert np.isfinite(deviation).all()
