from collections import Counter

import numpy as np
import pytest
from scipy import integrate, stats

from valuecompass.evolve.bandit import (
    Arm,
    Idle,
    PosteriorSampling,
    Sampling,
    Uniform,
    UpperConfidence,
    arm_of,
    stop_reason,
)
from valuecompass.evolve.coverage import entropy
from valuecompass.items import seed_items

NAN = float("nan")


def arms(*scores: float) -> list[Arm]:
    return [Arm("ABCDEFGH"[i], seed_score=s) for i, s in enumerate(scores)]


def trace(bandit, gives: dict[str, float], most: int = 100) -> str:
    pulled = ""
    while len(pulled) < most and (arm := bandit.choose()) is not None:
        assert bandit.choose() == arm
        bandit.record(arm, [gives[arm] - 0.5, gives[arm] + 0.5])
        pulled += arm
    return pulled


def test_ucb_goes_the_way_worked_out_by_hand():
    # sqrt(2 ln 8) = 2.0393; after A, B, C once: 3.04, 4.04, 2.04; B falls to 3.44, 3.18, 3.02 and
    # then A with 3.04 is ahead once
    bandit = UpperConfidence(arms(NAN, NAN, NAN), 8)
    assert trace(bandit, {"A": 1, "B": 2, "C": 0}) == "ABCBBBAB"
    assert bandit.pulls.tolist() == [2, 5, 1]
    assert bandit.means.tolist() == [1, 2, 0]
    assert bandit.warning is None


def test_ucb_from_seed_scores_goes_the_way_worked_out_by_hand():
    # sqrt(2 ln 5) = 1.7941; bounds 2.79, 3.79, 1.79 -> B, whose mean falls to 1.5: 2.77 -> A: 2.27
    # -> B, mean 1.33: 2.37 -> B, mean 1.25: 2.15 -> A
    bandit = UpperConfidence(arms(1, 2, 0), 5, "seeds")
    assert trace(bandit, {"A": 1, "B": 1, "C": 0}) == "BABBA"
    assert bandit.warning is None


def test_seed_scores_do_not_inform_the_printed_start():
    assert trace(UpperConfidence(arms(0, 9, 1), 3), dict.fromkeys("ABC", 1)) == "ABC"
    mixed = UpperConfidence(arms(9, NAN, 1), 1, "seeds")
    assert trace(mixed, {"B": 1}) == "B"
    assert mixed.warning == Idle(arms=1, budget=1)


@pytest.mark.parametrize(("budget", "idle"), [(2, True), (3, True), (4, False)])
def test_a_budget_of_first_pulls_only_is_warned_of(budget, idle):
    warning = UpperConfidence(arms(NAN, NAN, NAN), budget).warning
    assert (warning is not None) == idle
    if warning:
        assert f"{budget} pulls are spent on pulling each of 3 topics once" in str(warning)


def test_a_pull_without_a_question_counts_and_tells_nothing():
    bandit = UpperConfidence(arms(1, 2), 3, "seeds")
    bandit.record("B", [])
    assert (bandit.pulls.tolist(), bandit.means.tolist()) == ([1, 2], [1, 2])


def planted(n: int = 60, seed: int = 0, unscored: bool = False):
    rng = np.random.default_rng(seed)
    true = rng.standard_normal(n)
    found = [
        Arm(
            f"t{i}",
            f"c{i % 4}",
            {"topic": (f"t{i}",), "class": (f"c{i % 4}",)},
            NAN if unscored else float(true[i] + rng.standard_normal()),
        )
        for i in range(n)
    ]
    return found, true


def pull(bandit, true, budget: int, calls: int = 10) -> Counter[str]:
    pulls = Counter[str]()
    while sum(pulls.values()) < budget and (arm := bandit.choose()) is not None:
        rng = np.random.default_rng([99, int(arm[1:]), pulls[arm]])
        bandit.record(arm, (true[int(arm[1:])] + rng.standard_normal(3)).tolist(), calls)
        pulls[arm] += 1
    return pulls


def quality(pulls, true) -> float:
    return sum(true[int(arm[1:])] * n for arm, n in pulls.items()) / pulls.total()


@pytest.mark.parametrize("method", ["thompson", "top-two"])
@pytest.mark.parametrize("unscored", [False, True])
def test_sampling_finds_the_best_topics(method, unscored):
    topics, true = planted(unscored=unscored)
    bandit = PosteriorSampling(topics, Sampling(method=method, floors={}))
    pulls = pull(bandit, true, 200)
    # without scores 29 of the 60 are opened, whichever they are
    assert quality(pulls, true) > np.quantile(true, 0.8 if unscored else 0.9)
    reached = sorted((true[int(arm[1:])] for arm in pulls), reverse=True)
    assert true[int(pulls.most_common(1)[0][0][1:])] >= reached[2]


def test_top_two_explores_more_than_thompson():
    topics, true = planted()
    spread = {}
    for method in ("thompson", "top-two"):
        pulls = pull(PosteriorSampling(topics, Sampling(method=method, floors={})), true, 200)
        spread[method] = entropy(np.array([*pulls.values()], float))
    assert spread["top-two"] > spread["thompson"] + 0.2


@pytest.mark.parametrize("facet", ["topic", "class"])
@pytest.mark.parametrize("seed", range(3))
def test_a_floor_is_kept_and_quality_stays_above_chance(facet, seed):
    topics, true = planted(300, seed)
    bandit = PosteriorSampling(topics, Sampling(floors={facet: 0.8}), seed=seed)
    pulls = pull(bandit, true, 400)
    cells = Counter[str]()
    for arm, n in pulls.items():
        cells[arm if facet == "topic" else f"c{int(arm[1:]) % 4}"] += n
    even = entropy(np.array([*cells.values()], float)) / np.log(300 if facet == "topic" else 4)
    assert even >= 0.8
    free = pull(PosteriorSampling(topics, Sampling(floors={}), seed=seed), true, 400)
    assert true.mean() + 0.5 < quality(pulls, true) < quality(free, true)


def test_topics_are_opened_little_by_little():
    topics, true = planted(300, unscored=True)
    bandit = PosteriorSampling(topics, Sampling(floors={}, opened=1, growth=0.5))
    assert len(pull(bandit, true, 99)) <= 10
    wide = PosteriorSampling(topics, Sampling(floors={}, opened=300))
    assert len(pull(wide, true, 99)) > 30


def test_the_same_records_lead_to_the_same_choices():
    topics, true = planted(unscored=True)

    def pulled(seed: int) -> Counter[str]:
        bandit = PosteriorSampling(topics, Sampling(method="top-two"), seed=seed)
        bandit.record_seed("t3", 2.5)
        bandit.record("t5", [0.5], 7, {"region": ["France", "Peru"]})
        return pull(bandit, true, 30)

    assert pulled(4) == pulled(4) != pulled(5)


def test_the_score_of_a_seed_found_later_tells_as_one_known_from_the_start():
    late = PosteriorSampling(arms(NAN, 1.0))
    before = late.quality.posterior()[0][0]
    late.record_seed("A", 2.5)
    early = PosteriorSampling(arms(2.5, 1.0)).quality.posterior()[0][0]
    # scales are set by the scores known at the start
    assert late.quality.posterior()[0][0] == pytest.approx(early, rel=0.02)
    assert early > before + 0.5


@pytest.mark.parametrize(
    "bandit",
    [
        UpperConfidence(arms(1, 2, 3), 99),
        UpperConfidence(arms(1, 2, 3), 99, "seeds"),
        Uniform(arms(1, 2, 3)),
        PosteriorSampling(arms(1, 2, 3)),
    ],
)
def test_a_topic_that_was_left_is_not_chosen_again(bandit):
    bandit.leave("B")
    for _ in range(30):
        arm = bandit.choose()
        assert arm in ("A", "C")
        bandit.record(arm, [1.0], 2)
    bandit.leave("A")
    assert bandit.choose() == "C"
    bandit.leave("C")
    assert bandit.choose() is None


def test_gain_is_the_expected_improvement_of_the_bank_per_call():
    topics, _ = planted(6)
    bandit = PosteriorSampling(topics, Sampling(floors={}, keep=4))
    assert np.isinf(bandit.gain_per_call()).all()
    bandit.record("t0", [1.0, 2.0, 3.0], 20)
    bandit.record("t1", [0.0, 1.5, -1.0], 40)
    bound = 1.0  # the fourth best of six
    mean, deviation = bandit.quality.posterior()
    spread = np.sqrt(deviation**2 + bandit.quality.variances.question)
    questions, calls = np.full(6, 3.0), np.full(6, 30.0)
    questions[:2] += 3
    calls[:2] += [20, 40]
    for i, gain in enumerate(bandit.gain_per_call()):
        better, _ = integrate.quad(
            lambda r, i=i: (r - bound) * stats.norm.pdf(r, mean[i], spread[i]), bound, 40
        )
        assert gain == pytest.approx(better * questions[i] / calls[i], rel=1e-6)


def test_topics_that_promise_too_little_per_call_are_left_until_none_is():
    topics, true = planted()
    settings = Sampling(floors={}, keep=20, least_gain=0.02)
    bandit = PosteriorSampling(topics, settings)
    pulls = pull(bandit, true, 3000)
    assert pulls.total() < 3000
    assert bandit.choose() is None
    assert bandit.left().all()
    dear = PosteriorSampling(topics, settings)
    assert pull(dear, true, 3000, calls=40).total() < pulls.total()


def test_a_topic_that_gives_no_new_question_is_left():
    bandit = PosteriorSampling(arms(0, 5), Sampling(floors={}, dry=2))
    for _ in range(2):
        assert bandit.choose() == "B"
        bandit.record("B", [], 9)
    assert bandit.choose() == "A"
    bandit.record("A", [])
    bandit.record("A", [1.0])
    bandit.record("A", [])
    assert bandit.choose() == "A"
    bandit.record("A", [])
    assert bandit.choose() is None


def test_what_would_spoil_the_model_is_refused():
    for bandit in (UpperConfidence(arms(1, 2), 5), PosteriorSampling(arms(1, 2))):
        with pytest.raises(ValueError, match="A: a reward is not a number; leave it out"):
            bandit.record("A", [1.0, NAN])
    with pytest.raises(ValueError, match="A: a seed's score is not a number"):
        PosteriorSampling(arms(NAN)).record_seed("A", NAN)
    twice = [*arms(1), *arms(2)]
    for made in (lambda: UpperConfidence(twice, 5), lambda: PosteriorSampling(twice)):
        with pytest.raises(ValueError, match="two topics have the id 'A'"):
            made()


def test_no_topics_no_choice():
    assert UpperConfidence([], 5).choose() is None
    assert PosteriorSampling([]).choose() is None


def test_seed_items_become_arms():
    item = seed_items("schwartz")[0]
    arm = arm_of(item, 6.5)
    assert (arm.id, arm.topic_class, arm.seed_score) == (item.id, item.topic, 6.5)
    assert arm.cells["dimension"] == item.dimensions
    assert arm_of(item.model_copy(update={"topic": None})).topic_class == "none"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"calls": 99, "budget": 100}, None),
        ({"calls": 100, "budget": 100}, "budget"),
        ({"calls": 5}, None),
        ({"calls": 5, "widths": [3, 4], "target": 4}, "widths"),
        ({"calls": 5, "widths": [3, 4.1], "target": 4}, None),
        ({"calls": 5, "widths": [3, NAN], "target": 4}, None),
        ({"calls": 5, "widths": [], "target": 4}, None),
    ],
)
def test_when_a_run_stops(given, reason):
    assert stop_reason(**given) == reason
