import numpy as np
import pytest

from valuecompass.stats.adaptive import next_item, simulate_cat
from valuecompass.stats.irt import Noise, information
from valuecompass.stats.irt_scores import score

GRID = np.linspace(-5, 5, 101)
DIFFICULTIES = np.linspace(-3, 3, 13)
EQUAL_SLOPES = information(GRID, np.ones(13), DIFFICULTIES)


def choose(posterior, table, asked=None, exposed=None, earlier=0, seed=0, **options):
    n = table.shape[1]
    asked = np.zeros(n, dtype=bool) if asked is None else asked
    exposed = np.zeros(n) if exposed is None else exposed
    rng = np.random.default_rng(seed)
    return next_item(posterior, table, asked, exposed, earlier, rng, **options)


def at(position):
    return np.isclose(GRID, position).astype(float)


@pytest.mark.parametrize("position", [-2.0, 0.5, 3.0])
def test_a_known_position_gets_the_item_of_its_difficulty(position):
    assert DIFFICULTIES[choose(at(position), EQUAL_SLOPES, top=1)] == position


def test_information_is_averaged_over_the_posterior():
    # two far positions: a flat item tells about both, a steep one between them about neither
    table = information(GRID, [0.5, 4.0], [0.0, 0.0])
    assert choose(at(0), table, top=1) == 1
    assert choose(at(-3) + at(3), table, top=1) == 0


def test_draws_among_the_best_that_were_not_asked():
    asked = DIFFICULTIES == 0
    drawn = {choose(at(0), EQUAL_SLOPES, asked, seed=s, top=4) for s in range(60)}
    assert sorted(DIFFICULTIES[list(drawn)]) == [-1, -0.5, 0.5, 1]


def test_an_item_rests_above_its_share():
    exposed = np.where(DIFFICULTIES == 0, 2, 0)
    limits = {"top": 1, "max_exposure": 0.25}
    # a third time is allowed to the twelfth respondent, not to the eleventh
    assert DIFFICULTIES[choose(at(0), EQUAL_SLOPES, exposed=exposed, earlier=11, **limits)] == 0
    rested = choose(at(0), EQUAL_SLOPES, exposed=exposed, earlier=10, **limits)
    assert abs(DIFFICULTIES[rested]) == 0.5


def test_no_item_left():
    assert choose(at(0), EQUAL_SLOPES, asked=np.ones(13, dtype=bool)) is None
    assert choose(at(0), EQUAL_SLOPES, exposed=np.ones(13), earlier=1) is None


def bank(rng, n=300):
    return np.exp(rng.normal(0, 0.3, n)), rng.normal(0, 1, n), rng.normal(0, 1, 200)


@pytest.mark.parametrize(("noise", "opinions"), [(Noise(), 1), (Noise(0.5, 0.93, 0.87), 3)])
def test_dependability_of_nine_tenths_with_half_the_items(noise, opinions):
    """A bank of 300, 200 respondents, no item shown to more than a quarter of them."""
    rng = np.random.default_rng(3)
    a, b, thetas = bank(rng)
    options = {"opinions": opinions, "noise": noise}
    test = simulate_cat(thetas, a, b, rng, **options)
    form = simulate_cat(thetas, a, b, rng, adaptive=False, **options)
    assert test.used.mean() <= form.used.mean() / 2
    assert test.exposure.max() <= 0.25
    assert test.reached.all()
    assert (test.sd <= 0.1**0.5).all()
    for run in (test, form):
        # what the posterior promises is what the planted positions show
        assert np.corrcoef(run.theta, thetas)[0, 1] ** 2 > 0.87
        assert ((run.theta - thetas) ** 2).mean() == pytest.approx((run.sd**2).mean(), rel=0.3)


def test_stops_at_the_limit_and_reports_what_was_asked():
    rng = np.random.default_rng(4)
    a, b, thetas = bank(rng, 40)
    run = simulate_cat(thetas[:20], a, b, rng, max_items=7, stop_sd=0.01, max_exposure=1.0)
    assert (run.used == 7).all()
    assert not run.reached.any()
    assert (run.asked.sum(axis=1) == 7).all()
    assert run.exposure == pytest.approx(run.asked.mean(axis=0))
    assert run.exposure.max() > 0.25


def test_estimates_are_those_of_score():
    rng = np.random.default_rng(5)
    # one item is so hard, the other so easy, that the responses are known
    a, b = np.array([2.0, 2.0, 1.0]), np.array([-20.0, 20.0, 0.0])
    run = simulate_cat(np.zeros(30), a, b, rng, stop_sd=1e-3, max_exposure=1.0)
    both = score([[1, 0, 1], [1, 0, 0]], a, b)
    expected = np.where(run.theta > 0, *both.theta)
    assert run.theta == pytest.approx(expected, abs=1e-5)
    assert run.sd == pytest.approx(both.sd[0], abs=1e-5)
    assert 5 < (run.theta > 0).sum() < 25


def test_the_generator_decides_everything():
    a, b, thetas = bank(np.random.default_rng(6), 60)
    runs = [
        simulate_cat(thetas[:10], a, b, np.random.default_rng(seed), max_items=10, max_exposure=1.0)
        for seed in (1, 1, 2)
    ]
    assert (runs[0].asked == runs[1].asked).all()
    assert (runs[0].theta == runs[1].theta).all()
    assert (runs[0].asked != runs[2].asked).any()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda: choose(np.ones(7), EQUAL_SLOPES), "posterior"),
        (lambda: choose(at(0), EQUAL_SLOPES, asked=np.zeros(3)), "asked"),
        (lambda: choose(at(0), EQUAL_SLOPES, earlier=-1), "earlier"),
        (lambda: choose(at(0), EQUAL_SLOPES, top=0), "top"),
        (lambda: choose(at(0), EQUAL_SLOPES, max_exposure=0), "max_exposure"),
        (lambda: simulate_cat([[0.0]], [1.0], [0.0], np.random.default_rng(0)), "thetas"),
        (lambda: simulate_cat([0.0], [np.nan], [0.0], np.random.default_rng(0)), "finite"),
        (lambda: simulate_cat([0.0], [1.0], [0.0], np.random.default_rng(0), stop_sd=0), "stop"),
    ],
)
def test_refuses_bad_arguments(function, message):
    with pytest.raises(ValueError, match=message):
        function()
