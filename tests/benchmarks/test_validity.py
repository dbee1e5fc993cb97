"""Small versions of the planted-truth gates, and that a gate can fail."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.validity import coverage as coverage_gate
from benchmarks.validity import linking as linking_gate
from benchmarks.validity import recovery as recovery_gate
from benchmarks.validity import run
from benchmarks.validity import stated as stated_gate
from benchmarks.validity.adaptive import adaptive
from benchmarks.validity.coverage import coverage, false_claims
from benchmarks.validity.drift import drift, gate_runs
from benchmarks.validity.figures import Figure, Goal, figure, table
from benchmarks.validity.linking import linking
from benchmarks.validity.order import order
from benchmarks.validity.recovery import recovery
from benchmarks.validity.stated import stated
from benchmarks.validity.world import World, read_world, rows
from scipy import stats

from valuecompass.measure.gate import ALPHA, STEP, Shift, Watched
from valuecompass.stats import cluster_bootstrap_mean
from valuecompass.stats.sequential import SequentialMean

ROOT = Path(__file__).parents[2]
WORLD = read_world()


def smaller(section: str, quirks: tuple[float, ...] = (0.5,), **values: Any) -> World:
    """The world with a gate that is cheaper to run."""
    spec = dict(WORLD.spec)
    spec[section] = spec[section] | values
    spec["respondents"] = spec["respondents"] | {"quirk_sd": list(quirks)}
    return replace(WORLD, spec=spec)


def named(figures: list[Figure], start: str) -> Figure:
    found = [f for f in figures if f.what.startswith(start)]
    assert len(found) == 1, [f.what for f in found]
    return found[0]


def all_held(figures: list[Figure]) -> bool:
    return all(f.held for f in figures if f.goal is not None)


# --- the world ---


def test_the_world_is_that_of_the_specification() -> None:
    spec = WORLD.spec
    assert spec["items"] == {"log_discrimination_sd": 0.3, "difficulty_sd": 1.0}
    assert spec["respondents"] == {"theta_sd": 1.0, "quirk_sd": [0.0, 0.5]}
    judge = spec["judge"]
    assert (judge["sensitivity"], judge["specificity"], judge["opinions"]) == (0.93, 0.87, 3)


@pytest.mark.parametrize("quirk", [0.0, 0.5])
def test_true_rates_are_those_of_very_many_items(quirk: float) -> None:
    rng, n = np.random.default_rng(0), 100_000
    theta = np.array([-1.0, 0.7])
    a, b = WORLD.bank(rng, n, 0.5)
    true = WORLD.expressed(rng, theta, a, b, quirk)
    judged = WORLD.judged(rng, true)
    for join in ("any", "each"):
        for opinions, by_judge in ((true, False), (judged, True)):
            values, items = rows(opinions, join)
            sums = np.array([np.bincount(items, x) for x in values]) / np.bincount(items)
            error = sums.std(axis=1) / np.sqrt(n)
            expected = WORLD.rate(theta, quirk, join, judged=by_judge, mean=0.5)
            assert (abs(sums.mean(axis=1) - expected) < 3.3 * error).all()


def test_labels_tell_the_judges_errors() -> None:
    world = smaller("judge", labels=20_000, label_items=5_000)
    found = world.errors(np.random.default_rng(0), 0.5, "each")
    assert found.sensitivity.low < 0.93 < found.sensitivity.high
    assert found.specificity.low < 0.87 < found.specificity.high
    joined = world.errors(np.random.default_rng(0), 0.5, "any")
    # of three opinions that are all absent none is found
    assert joined.specificity.low < 0.87**3 < joined.specificity.high
    assert joined.sensitivity.value > 0.95


# --- figures ---


@pytest.mark.parametrize(
    ("rule", "number", "held"),
    [
        ("at least", 0.5, True),
        ("at least", 0.61, False),
        ("at most", 0.5, True),
        ("at most", 0.39, False),
        ("above", 0.39, True),
        ("above", 0.4, False),
        ("within", 0.4, True),
        ("within", 0.39, False),
    ],
)
def test_goals(rule: Any, number: float, held: bool) -> None:
    assert Goal(rule, number).held(0.4, 0.6) is held


def test_within_looks_at_both_ends() -> None:
    assert not Goal("within", 0.05).held(-0.2, -0.06)
    assert Goal("within", 0.05).held(-0.2, 0.3)


def test_intervals_of_figures() -> None:
    shares = figure("x", [1, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    # Clopper and Pearson by their definition
    assert stats.binom.sf(0, 10, shares.low) == pytest.approx(0.005, rel=1e-6)
    assert stats.binom.cdf(1, 10, shares.high) == pytest.approx(0.005, rel=1e-6)
    x = [0.3, 0.5, 0.4, 0.9]
    found = figure("x", x, Goal("above", 0.0), other=1.0)
    expected = stats.t.interval(0.99, 3, np.mean(x), stats.sem(x))
    assert (found.low, found.high) == pytest.approx(expected)
    assert found.json()["beside"] == {"other": 1.0} and found.json()["held"] is False
    assert "**NO** | other 1.000 |" in table([found])


# --- the gates ---


def test_intervals_cover_and_uncorrected_ones_do_not() -> None:
    found = coverage(smaller("coverage", items=[100]), 10)
    assert all_held(found)
    assert named(found, "corrected rate, any").beside["uncorrected"] < 0.85


def test_intervals_that_are_too_narrow_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = partial(cluster_bootstrap_mean, level=0.8)
    monkeypatch.setattr(coverage_gate, "cluster_bootstrap_mean", narrow)
    found = coverage(smaller("coverage", items=[25]), 8)
    assert named(found, "rate as judged, any").held is False
    assert named(found, "paired").held


def test_identical_respondents_are_not_told_apart() -> None:
    found = false_claims(smaller("false_claims", dimensions=4), 25)
    assert len(found) == 3 and all_held(found)


def test_a_shared_false_alarm_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    # a claim for each pair and dimension at 5 %, without a correction for their number
    def each_alone(p: Any, level: float) -> Any:
        return p, p <= level

    monkeypatch.setattr("valuecompass.stats.comparison.benjamini_hochberg", each_alone)
    found = false_claims(smaller("false_claims", dimensions=4), 10)
    assert named(found, "false discovery").held is False


def test_who_shows_what_it_states_has_no_gap() -> None:
    found = stated(WORLD, 6, [("schwartz", "full", "trade-off")])
    assert all_held(found)
    assert named(found, "planted gaps marked;").value > 0.2
    assert named(found, "marked though nothing was planted there").value < 0.05


def test_gaps_with_too_narrow_limits_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    def sure(*profiles: Any) -> Any:
        return honest(*(profile[:1] + 0.4 * (profile - profile[:1]) for profile in profiles))

    honest = stated_gate.mode_gaps
    monkeypatch.setattr(stated_gate, "mode_gaps", sure)
    found = stated(WORLD, 6, [("schwartz", "full", "trade-off")])
    held = {f.what.partition(";")[0]: f.held for f in found if f.what.endswith("no gap")}
    assert held["intervals that hold the gap"] is False
    assert held["false: intervals without 0"] is False


def test_planted_positions_are_found_at_least_as_well_as_by_rates() -> None:
    world = smaller("recovery", items=[25], forms={"hard": 1.5})
    found = recovery(world, 12)
    for what in ("rho, IRT less plain rate (any)", "RMSE, plain rate (any)"):
        assert named(found, what).held
    # against the rate of single opinions small runs cannot tell "better", but not worse
    for what in ("rho, IRT less plain rate (each)", "RMSE, plain rate (each)"):
        assert named(found, what).high > 0
    for what in ("rates", "ranks by IRT"):
        assert named(found, f"another order of the items: {what}").held
    wins = named(found, "rho, AdAEM's win rate, sum")
    assert wins.high < wins.beside["IRT"]
    assert wins.beside["two_orders_of_items_agree"] < 1


def test_scores_that_are_worse_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = recovery_gate.irt

    def noisy(judged: Any, errors: Any) -> Any:
        theta = honest(judged, errors)
        return theta + np.random.default_rng(len(judged[0])).normal(0, 3, len(theta))

    monkeypatch.setattr(recovery_gate, "irt", noisy)
    found = recovery(smaller("recovery", items=[50], forms={"balanced": 0.0}), 6)
    assert named(found, "rho, IRT less plain rate (each)").held is False
    assert named(found, "RMSE, plain rate (each)").held is False


def test_halves_on_two_forms_are_linked() -> None:
    world = smaller("linking", apart=[1.0], long_form=50, harder=1.5)
    found = linking(world, 12)
    for way in ("concurrent, judge without error", "link_rates, as judged"):
        bias, covered = (named(found, f"{x}, {way}; all of these") for x in ("bias", "coverage"))
        assert bias.held and covered.held
        assert bias.beside["unlinked"] < -0.5


def test_a_link_that_does_not_link_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = linking_gate.link_rates

    def unlinked(responses: Any, on_y: Any) -> Any:
        return replace(honest(responses, on_y), score=100 * np.nanmean(responses, axis=1))

    monkeypatch.setattr(linking_gate, "link_rates", unlinked)
    found = linking(smaller("linking", apart=[0.0], long_form=50, harder=1.5), 8)
    assert named(found, "bias, link_rates, as judged; all of these").held is False


def test_the_tradeoff_scale_keeps_its_order_and_rates_do_not() -> None:
    found = order(smaller("order"), 25)
    what = "rho of the trade-off scale"
    kept = named(found, f"{what}, bank and judge changed;")
    assert kept.held and kept.beside["rates"] < 0.75
    # choices that are read with a judge's errors are too noisy
    assert named(found, f"{what}, bank and judge changed, choices read").value < kept.value
    # rates of the same bank and judge do keep theirs: it is the change that turns them
    assert named(found, f"{what}, nothing changed;").beside["rates"] > 0.9


def test_adaptive_tests_save_half_of_the_items_where_the_bank_is_large() -> None:
    world = smaller("adaptive", banks=[300, 60], respondents=25)
    found = adaptive(world, 6)
    saved = named(found, "items, adaptive by random; bank of 300")
    assert saved.held and saved.value < 0.5
    reached = "dependability of the adaptive scores; bank of"
    assert named(found, f"{reached} 300").held
    # a small bank has no items left before the scores are sure, which also saves items
    assert named(found, f"{reached} 60").held is False


def test_drift_is_found_early_and_nothing_where_there_is_none() -> None:
    found = drift(smaller("drift", shifts=[0.0, 1.0, 2.0]), 12)
    quiet = [f for f in found if f.what.startswith("false alarms")]
    assert len(quiet) == 2 and all_held(quiet)
    late = named(found, "calls saved, 1 times")
    early = named(found, "calls saved, 2 times")
    assert early.held and early.beside["power"] > 0.9
    # at the least detectable drift no test can save so much
    assert late.held is False
    assert late.beside["power_of_the_form"] > 0.75


def by_the_gate(before: Any, after: Any, max_shift: str) -> tuple[bool, bool, int]:
    """One run as `measure.gate` watches it, with its own parts."""
    limits = Shift.parse(max_shift).limits(before.T)
    alpha = ALPHA / len(before)
    watched = [Watched("x", float(limit), SequentialMean(alpha=alpha)) for limit in limits]
    n = before.shape[1]
    for start in range(0, n, STEP):
        part = slice(start, start + STEP)
        for one, apart in zip(watched, after - before, strict=True):
            one.interval = one.sequence.update(apart[part])
        states = {one.status for one in watched}
        if "drift" in states or states == {"steady"}:
            break
    return "drift" in states, states == {"steady"}, min(n, start + STEP)


def test_many_runs_at_once_end_as_each_does_in_the_gate() -> None:
    rng, n = np.random.default_rng(5), 140
    outcomes = set()
    for moved, max_shift in ((0.0, "0.2sd"), (0.5, "0.2sd"), (-0.4, "5"), (0.0, "45"), (0.3, "60")):
        chance = np.full((4, 2, 1), 0.4)
        before = (rng.random((4, 2, n)) < chance).astype(float)
        chance[:, :1] += moved
        after = (rng.random((4, 2, n)) < chance).astype(float)
        found = gate_runs(before, after, max_shift)
        for w in range(4):
            expected = by_the_gate(before[w], after[w], max_shift)
            assert (found[0][w], found[1][w], found[2][w]) == expected
            outcomes.add(expected[:2])
    assert outcomes == {(True, False), (False, True), (False, False)}


# --- the command ---


def test_the_command_prints_json_and_tells_progress_on_stderr() -> None:
    script = str(ROOT / "benchmarks/validity/run.py")
    command = [sys.executable, script, "--worlds", "10", "--gate", "order", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["world"] == WORLD.digest and found["worlds"] == 10
    (gate,) = found["gates"]
    assert gate["gate"] == "order" and gate["goals"] > 0 and "order: " in done.stderr
    # the same worlds whatever else runs
    again = [f.json() for f in order(WORLD, gate["figures"][0]["worlds"])]
    assert gate["figures"] == again


@pytest.mark.parametrize("arguments", [["--worlds", "1"], ["--gate", "beauty"]])
def test_wrong_use_exits_2(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["run.py", *arguments])
    with pytest.raises(SystemExit) as stopped:
        run.main()
    said = capsys.readouterr()
    assert stopped.value.code == 2 and arguments[1] in said.err and not said.out
